/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting kernels as boot loaders start Linux (Documentation/arm/booting in the Linux sources): r0 = 0,
 * r1 = machine id, r2 = address of a device tree or of a tag list. What goes where is as with QEMU.
 */
#include <stdlib.h>
#include <string.h>

#include "api/device_tree.h"
#include "api/machine.h"
#include "host/image-linux.h"

#define STUB_ADDR 0u
#define TAGS_ADDR 0x100u
#define TAGS_END 0x4000u /* the kernel's first page tables */

#define MAX_DTB_SIZE (UINT64_C(2) << 20) /* as much as Linux takes; checking takes time that grows with the square */
#define MAX_UNPACKED (UINT64_C(256) << 20)
#define INITRD_ALIGN 1024u
#define DTB_ALIGN 4096u

#define ATAG_CORE 0x54410001u
#define ATAG_MEM 0x54410002u
#define ATAG_INITRD2 0x54420005u
#define ATAG_CMDLINE 0x54410009u

/* One rhea_load_kernel_with on its way. */
struct boot_job {
	struct rhea *m;
	const char *path;
	const struct rhea_boot *with;
	struct boot_params params;
	uint64_t free_addr; /* what comes next goes here or above */
};

static uint64_t align_up(uint64_t addr, uint64_t align)
{
	return (addr + align - 1) & ~(align - 1);
}

/* ---- the pieces ---- */

static enum rhea_status load_initrd(struct boot_job *j, struct rhea_error *err)
{
	struct image_file file;
	const uint8_t *bytes;
	size_t size;
	enum rhea_status s = image_read(j->with->initrd, MACHINE_MAX_FILE_SIZE, &file, err);
	if (s)
		return s;
	s = image_initrd_parse(&file, &bytes, &size, err);
	if (!s)
		s = machine_add_blob(j->m, j->with->initrd, j->free_addr, bytes, size, size, err);
	image_file_free(&file);
	j->params.initrd = (uint32_t)j->free_addr;
	j->params.initrd_size = (uint32_t)size;
	j->free_addr += size;
	return s;
}

static enum rhea_status load_dtb(struct boot_job *j, uint32_t *where, struct rhea_error *err)
{
	struct image_file file;
	uint8_t *blob = NULL;
	size_t size;
	enum rhea_status s = image_read(j->with->dtb, MAX_DTB_SIZE, &file, err);
	if (s)
		return s;
	uint64_t addr = align_up(j->free_addr, DTB_ALIGN);
	s = device_tree_make(&file, &j->params, &blob, &size, err);
	if (!s)
		s = machine_add_blob(j->m, j->with->dtb, addr, blob, size, size, err);
	free(blob);
	image_file_free(&file);
	*where = (uint32_t)addr;
	return s;
}

struct tags {
	uint32_t n, w[(TAGS_END - TAGS_ADDR) / 4];
};

/* A tag and its words, zeros that the caller fills. NULL when the list is full. */
static uint32_t *add_tag(struct tags *t, uint32_t tag, size_t words)
{
	if (words > ARRAY_LEN(t->w) - 4 || t->n + words > ARRAY_LEN(t->w) - 4) /* the tag's two, the last one's two */
		return NULL;
	uint32_t *p = &t->w[t->n];
	p[0] = (uint32_t)words + 2;
	p[1] = tag;
	t->n += (uint32_t)words + 2;
	return p + 2;
}

/* The list's end is two words of zero. */
static enum rhea_status load_tags(const struct boot_job *j, struct rhea_error *err)
{
	struct tags t = {0};
	const struct boot_params *b = &j->params;
	uint32_t *p = add_tag(&t, ATAG_CORE, 3);
	p[0] = 1; /* the root is read-only */
	p[1] = PAGE_SIZE;
	p = add_tag(&t, ATAG_MEM, 2);
	p[0] = (uint32_t)b->ram_size;
	if (b->initrd_size) {
		p = add_tag(&t, ATAG_INITRD2, 2);
		p[0] = b->initrd;
		p[1] = b->initrd_size;
	}
	size_t length = b->append ? strlen(b->append) : 0;
	if (length) {
		p = add_tag(&t, ATAG_CMDLINE, length / 4 + 1);
		if (!p)
			return error_set(err, RHEA_ERR_USAGE, "-append: %zu characters; the tag list has room for about %zu", length,
					 sizeof t.w - 64);
		memcpy(p, b->append, length);
	}
	size_t size = (t.n + 2) * sizeof *t.w;
	return machine_add_blob(j->m, "tag list", TAGS_ADDR, t.w, size, size, err);
}

static enum rhea_status load_stub(struct boot_job *j, uint32_t entry, uint32_t params, struct rhea_error *err)
{
	const uint32_t stub[] = {
		0xe3a00000, /* mov r0, #0 */
		0xe59f1004, /* ldr r1, machine id */
		0xe59f2004, /* ldr r2, parameters */
		0xe59ff004, /* ldr pc, entry */
		j->m->board->machine_id,
		params,
		entry,
	};
	return machine_add_blob(j->m, "boot stub", STUB_ADDR, stub, sizeof stub, sizeof stub, err);
}

/* ---- kernels ---- */

static enum rhea_status load_elf(struct boot_job *j, const struct image_file *file, struct rhea_error *err)
{
	uint32_t entry;
	enum rhea_status s = machine_add_elf(j->m, j->path, file, &entry, err);
	if (!s)
		machine_set_start(j->m, START_PC, entry);
	return s;
}

/* The RAM disk goes to the middle of memory, so that a kernel that unpacks itself does not run over it. */
static enum rhea_status load_boot_parts(struct boot_job *j, uint64_t kernel_end, uint32_t entry, struct rhea_error *err)
{
	uint32_t params = TAGS_ADDR;
	uint64_t half = MIN(j->m->ram_size / 2, UINT64_C(128) << 20);
	enum rhea_status s = RHEA_OK;
	j->free_addr = MAX(half, align_up(kernel_end, INITRD_ALIGN));
	if (j->with->initrd)
		s = load_initrd(j, err);
	if (!s)
		s = j->with->dtb ? load_dtb(j, &params, err) : load_tags(j, err);
	return s ? s : load_stub(j, entry, params, err);
}

static enum rhea_status load_linux(struct boot_job *j, const struct image_file *file, struct rhea_error *err)
{
	struct image_linux k;
	struct rhea *m = j->m;
	enum rhea_status s = image_linux_parse(file, m->ram_size ? m->ram_size : MAX_UNPACKED, &k, err);
	if (s)
		return s;
	uint64_t addr = k.has_addr ? k.load : m->board->kernel_addr;
	uint32_t entry = k.has_addr ? k.entry : (uint32_t)addr;
	s = machine_add_blob(m, j->path, addr, k.bytes, k.size, k.size, err);
	if (!s && !k.plain)
		s = load_boot_parts(j, addr + k.size, entry, err);
	if (!s)
		machine_set_start(m, k.plain ? START_PC : START_BOOT_STUB, k.plain ? entry : STUB_ADDR);
	image_linux_free(&k);
	return s;
}

enum rhea_status rhea_load_kernel_with(struct rhea *m, const char *path, const struct rhea_boot *with,
				       struct rhea_error *err)
{
	struct boot_job j = {.m = m, .path = path, .with = with};
	struct image_file file;
	enum rhea_status s = (m->see.debuginfo ? image_read : image_read_program)(path, MACHINE_MAX_FILE_SIZE, &file, err);
	if (s)
		return s;
	j.params = (struct boot_params){.ram_size = m->ram_size, .append = with->append};
	const struct image_blob *before = m->blobs;
	s = image_is_elf(&file) ? load_elf(&j, &file, err) : load_linux(&j, &file, err);
	image_file_free(&file);
	if (s)
		machine_drop_blobs(m, before);
	return s;
}

enum rhea_status rhea_load_kernel(struct rhea *m, const char *path, struct rhea_error *err)
{
	return rhea_load_kernel_with(m, path, &(struct rhea_boot){0}, err);
}
