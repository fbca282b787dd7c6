/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What -kernel, -bios and -device loader put into memory, kept so that every reset finds it again,
 * and where the core starts. A raw kernel is started as boot loaders start Linux: r0 = 0, r1 =
 * machine id, r2 = address of a tag list (Documentation/arm/booting in the Linux sources).
 */
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"

#define BOOT_STUB_ADDR 0u
#define BOOT_TAGS_ADDR 0x100u

#define ATAG_CORE 0x54410001u
#define ATAG_MEM 0x54410002u

void machine_free_images(struct rhea *m)
{
	for (struct image_blob *b = m->blobs, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	m->blobs = NULL;
}

static bool in_memory(const struct rhea *m, uint64_t addr, uint64_t size)
{
	while (size) {
		const struct mem_range *r = as_find(m->as, GPA(addr));
		if (!r || r->kind == RANGE_MMIO)
			return false;
		uint64_t n = MIN(size, r->base.v + r->size - addr);
		addr += n;
		size -= n;
	}
	return true;
}

static const struct image_blob *overlapping(const struct rhea *m, uint64_t addr, uint64_t size)
{
	for (const struct image_blob *b = m->blobs; b; b = b->next)
		if (addr < b->addr.v + b->mem_size && b->addr.v < addr + size)
			return b;
	return NULL;
}

static enum rhea_status add_blob(struct rhea *m, const char *path, uint64_t addr, const void *bytes, size_t size,
				 size_t mem_size, struct rhea_error *err)
{
	if (!mem_size)
		return RHEA_OK;
	if (!in_memory(m, addr, mem_size))
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: 0x%zx bytes at 0x%08llx do not fit into the machine's memory (%llu MiB of RAM; see -m)",
				 path, mem_size, (unsigned long long)addr, (unsigned long long)(m->ram_size >> 20));
	if (overlapping(m, addr, mem_size))
		return error_set(err, RHEA_ERR_IMAGE, "%s: 0x%zx bytes at 0x%08llx overlap an image loaded before", path,
				 mem_size, (unsigned long long)addr);
	struct image_blob *b = malloc(sizeof *b + size);
	if (!b)
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	*b = (struct image_blob){.next = m->blobs, .addr = GPA(addr), .size = size, .mem_size = mem_size};
	if (size)
		memcpy(b->bytes, bytes, size);
	m->blobs = b;
	return RHEA_OK;
}

static void add_symbol(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function)
{
	(void)function;
	symbols_add(opaque, name, addr, size);
}

/* Places the segments of an ELF image; *entry gets its pc key. */
static enum rhea_status add_elf(struct rhea *m, const char *path, const struct image_file *file, uint32_t *entry,
				struct rhea_error *err)
{
	struct image_elf elf;
	enum rhea_status s = image_elf_parse(file, &elf, err);
	if (s)
		return s;
	for (unsigned i = 0; !s && i < elf.n_segments; i++) {
		const struct image_segment *seg = &elf.segments[i];
		s = add_blob(m, path, seg->paddr, seg->bytes, seg->filesz, seg->memsz, err);
	}
	*entry = elf.entry;
	image_elf_free(&elf);
	if (!s)
		image_elf_symbols(file, add_symbol, m->symbols);
	return s;
}

/* The stub and the tags behind it; both little-endian words. */
static enum rhea_status add_boot_stub(struct rhea *m, const char *path, uint32_t entry, struct rhea_error *err)
{
	const uint32_t stub[] = {
		0xe3a00000, /* mov r0, #0 */
		0xe59f1004, /* ldr r1, machine id */
		0xe59f2004, /* ldr r2, tags */
		0xe59ff004, /* ldr pc, entry */
		m->board->machine_id,
		BOOT_TAGS_ADDR,
		entry,
	};
	const uint32_t tags[] = {
		5, ATAG_CORE, 1, 0x1000, 0, /* flags: read-only root; page size; root device */
		4, ATAG_MEM, (uint32_t)m->ram_size, 0,
		0, 0,
	};
	enum rhea_status s = add_blob(m, path, BOOT_STUB_ADDR, stub, sizeof stub, sizeof stub, err);
	return s ? s : add_blob(m, path, BOOT_TAGS_ADDR, tags, sizeof tags, sizeof tags, err);
}

static void set_start(struct rhea *m, enum start_kind kind, uint32_t pc)
{
	m->start = kind;
	m->start_pc = pc;
	rhea_reset(m);
}

static enum rhea_status load_kernel_file(struct rhea *m, const char *path, const struct image_file *file,
					 struct rhea_error *err)
{
	uint32_t entry;
	enum rhea_status s;
	if (image_is_elf(file)) {
		s = add_elf(m, path, file, &entry, err);
		if (!s)
			set_start(m, START_PC, entry);
		return s;
	}
	uint64_t addr = m->board->kernel_addr;
	s = add_blob(m, path, addr, file->data, file->size, file->size, err);
	if (!s)
		s = add_boot_stub(m, path, (uint32_t)addr, err);
	if (!s)
		set_start(m, START_BOOT_STUB, BOOT_STUB_ADDR);
	return s;
}

static enum rhea_status with_file(struct rhea *m, const char *path, struct rhea_error *err,
				  enum rhea_status (*load)(struct rhea *m, const char *path, const struct image_file *file,
							   struct rhea_error *err))
{
	struct image_file file;
	enum rhea_status s = image_read(path, (uint64_t)1 << 32, &file, err);
	if (s)
		return s;
	struct image_blob *before = m->blobs;
	s = load(m, path, &file, err);
	image_file_free(&file);
	while (s && m->blobs != before) { /* a failed load leaves nothing behind */
		struct image_blob *b = m->blobs;
		m->blobs = b->next;
		free(b);
	}
	return s;
}

enum rhea_status rhea_load_kernel(struct rhea *m, const char *path, struct rhea_error *err)
{
	return with_file(m, path, err, load_kernel_file);
}

static enum rhea_status load_firmware_file(struct rhea *m, const char *path, const struct image_file *file,
					   struct rhea_error *err)
{
	uint64_t addr = m->board->firmware_addr;
	if (addr == UINT64_MAX)
		return error_set(err, RHEA_ERR_USAGE, "-bios: machine %s has no firmware memory; use -kernel or "
				 "-device loader,file=%s,addr=...", m->board->name, path);
	enum rhea_status s = add_blob(m, path, addr, file->data, file->size, file->size, err);
	if (!s)
		set_start(m, START_RESET, 0);
	return s;
}

enum rhea_status rhea_load_firmware(struct rhea *m, const char *path, struct rhea_error *err)
{
	return with_file(m, path, err, load_firmware_file);
}

enum rhea_status rhea_load_file(struct rhea *m, const char *path, bool has_addr, uint64_t addr, bool set_pc,
				struct rhea_error *err)
{
	struct image_file file;
	enum rhea_status s = image_read(path, (uint64_t)1 << 32, &file, err);
	if (s)
		return s;
	uint32_t entry = (uint32_t)addr;
	if (has_addr)
		s = add_blob(m, path, addr, file.data, file.size, file.size, err);
	else if (image_is_elf(&file))
		s = add_elf(m, path, &file, &entry, err);
	else
		s = error_set(err, RHEA_ERR_USAGE, "%s: not an ELF image, so an address is needed (addr=...)", path);
	image_file_free(&file);
	if (!s && set_pc)
		set_start(m, START_PC, entry);
	else if (!s)
		rhea_reset(m);
	return s;
}

void machine_place_images(struct rhea *m)
{
	static const uint8_t zeros[4096];
	for (const struct image_blob *b = m->blobs; b; b = b->next) {
		as_load(m->as, b->addr, b->bytes, b->size);
		for (size_t at = b->size; at < b->mem_size;) {
			size_t n = MIN(b->mem_size - at, sizeof zeros);
			as_load(m->as, GPA(b->addr.v + at), zeros, n);
			at += n;
		}
	}
	if (m->start != START_RESET)
		m->vcpu->cpu->pc = m->start_pc;
}
