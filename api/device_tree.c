/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes a device tree as QEMU's loader does, node for node: every memory node of the root gives way to
 * /memory@0, and /chosen gets bootargs and the RAM disk. The file is hostile until fdt_check_full has been through it.
 */
#include "api/device_tree.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

/* QEMU's free room. The whole size is what a kernel sets aside, and prints. */
#define ROOM 20000u
#define LONG_APPEND (ROOM / 2)

static enum rhea_status check(const struct image_file *f, struct rhea_error *err)
{
	if (f->size < sizeof(struct fdt_header) || fdt_magic(f->data) != FDT_MAGIC)
		return error_set(err, RHEA_ERR_IMAGE, "%s: not a device tree blob (.dtb)", f->path);
	if (fdt_totalsize(f->data) > f->size)
		return error_set(err, RHEA_ERR_IMAGE, "%s: truncated device tree: %zu bytes, its header says %u", f->path, f->size,
				 fdt_totalsize(f->data));
	int r = fdt_check_full(f->data, f->size);
	return r ? error_set(err, RHEA_ERR_IMAGE, "%s: damaged device tree: %s", f->path, fdt_strerror(r)) : RHEA_OK;
}

static bool is_memory(const void *fdt, int node)
{
	int n;
	const char *name = fdt_get_name(fdt, node, NULL);
	const char *type = fdt_getprop(fdt, node, "device_type", &n);
	return (name && (!strcmp(name, "memory") || !strncmp(name, "memory@", 7))) ||
	       (type && n == sizeof "memory" && !memcmp(type, "memory", sizeof "memory"));
}

/* Overwritten, not taken out: a tree of nothing but memory nodes must not take quadratic time. */
static int drop_memory(void *fdt)
{
	int node = fdt_first_subnode(fdt, 0);
	while (node >= 0) {
		int next = fdt_next_subnode(fdt, node), r = is_memory(fdt, node) ? fdt_nop_node(fdt, node) : 0;
		if (r < 0)
			return r;
		node = next;
	}
	return node == -FDT_ERR_NOTFOUND ? 0 : node;
}

/* A number in `cells` words of the tree. */
static unsigned put_cells(uint32_t *out, int cells, uint64_t value)
{
	if (cells == 2)
		*out++ = cpu_to_fdt32((uint32_t)(value >> 32));
	*out = cpu_to_fdt32((uint32_t)value);
	return (unsigned)cells;
}

static int add_memory(void *fdt, uint64_t ram_size)
{
	uint32_t reg[4];
	int a = fdt_address_cells(fdt, 0), s = fdt_size_cells(fdt, 0), r = drop_memory(fdt);
	if (r)
		return r;
	if (a < 1 || a > 2 || s < 1 || s > 2)
		return -FDT_ERR_BADNCELLS;
	int node = fdt_add_subnode(fdt, 0, "memory@0");
	if (node < 0)
		return node;
	unsigned n = put_cells(reg, a, 0);
	n += put_cells(reg + n, s, ram_size);
	r = fdt_setprop_string(fdt, node, "device_type", "memory");
	return r ? r : fdt_setprop(fdt, node, "reg", reg, (int)(n * sizeof *reg));
}

static int add_chosen(void *fdt, const struct boot_params *p)
{
	int r = 0, node = fdt_path_offset(fdt, "/chosen");
	if (node == -FDT_ERR_NOTFOUND)
		node = fdt_add_subnode(fdt, 0, "chosen");
	if (node < 0)
		return node;
	if (p->append && *p->append)
		r = fdt_setprop(fdt, node, "bootargs", p->append, (int)strlen(p->append) + 1);
	if (!r && p->initrd_size)
		r = fdt_setprop_u32(fdt, node, "linux,initrd-start", p->initrd);
	if (!r && p->initrd_size)
		r = fdt_setprop_u32(fdt, node, "linux,initrd-end", p->initrd + p->initrd_size);
	return r;
}

enum rhea_status device_tree_make(const struct image_file *f, const struct boot_params *p, uint8_t **blob, size_t *size,
				  struct rhea_error *err)
{
	enum rhea_status s = check(f, err);
	if (s)
		return s;
	size_t append = p->append ? strlen(p->append) : 0;
	*size = 2 * (size_t)fdt_totalsize(f->data) + ROOM + (append > LONG_APPEND ? append : 0);
	*blob = *size <= INT32_MAX ? calloc(1, *size) : NULL;
	if (!*blob)
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", f->path);
	int r = fdt_open_into(f->data, *blob, (int)*size);
	if (!r)
		r = add_memory(*blob, p->ram_size);
	if (!r)
		r = add_chosen(*blob, p);
	if (!r)
		return RHEA_OK;
	free(*blob);
	*blob = NULL;
	return error_set(err, RHEA_ERR_IMAGE, "%s: this device tree cannot be completed: %s", f->path, fdt_strerror(r));
}
