/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What -kernel (boot.c), -bios and -device loader put into memory, kept so that every reset finds it again,
 * and where the core starts.
 */
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"

static void free_list(struct image_blob **list)
{
	for (struct image_blob *b = *list, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*list = NULL;
}

void machine_free_images(struct rhea *m)
{
	free_list(&m->blobs);
	free_list(&m->patches);
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

/* Puts a blob before *list. */
static enum rhea_status push_blob(const struct rhea *m, const char *path, uint64_t addr, const void *bytes, size_t size,
				  size_t mem_size, struct image_blob **list, struct rhea_error *err)
{
	if (!in_memory(m, addr, mem_size))
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: 0x%zx bytes at 0x%08llx do not fit into the machine's memory (%llu %s of RAM; see -m)",
				 path, mem_size, (unsigned long long)addr,
				 (unsigned long long)(m->ram_size >> (m->ram_size >> 20 ? 20 : 10)),
				 m->ram_size >> 20 ? "MiB" : "KiB");
	size_t name_size = strlen(path) + 1;
	struct image_blob *b = image_buffer(sizeof *b + size + name_size);
	if (!b)
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	*b = (struct image_blob){.next = *list, .addr = GPA(addr), .size = size, .mem_size = mem_size};
	if (size)
		memcpy(b->bytes, bytes, size);
	b->name = memcpy(b->bytes + size, path, name_size);
	*list = b;
	return RHEA_OK;
}

enum rhea_status machine_add_blob(struct rhea *m, const char *path, uint64_t addr, const void *bytes, size_t size,
				  size_t mem_size, struct rhea_error *err)
{
	if (!mem_size)
		return RHEA_OK;
	const struct image_blob *other = overlapping(m, addr, mem_size);
	if (other)
		return error_set(err, RHEA_ERR_IMAGE, "%s: 0x%zx bytes at 0x%08llx overlap %s (0x%zx bytes at 0x%08llx)", path,
				 mem_size, (unsigned long long)addr, other->name, other->mem_size,
				 (unsigned long long)other->addr.v);
	return push_blob(m, path, addr, bytes, size, mem_size, &m->blobs, err);
}

enum rhea_status machine_add_elf(struct rhea *m, const char *path, const struct image_file *file, uint32_t *entry,
				 struct rhea_error *err)
{
	struct image_elf elf;
	enum rhea_status s = image_elf_parse(file, &elf, err);
	if (s)
		return s;
	for (unsigned i = 0; !s && i < elf.n_segments; i++) {
		const struct image_segment *seg = &elf.segments[i];
		s = machine_add_blob(m, path, seg->paddr, seg->bytes, seg->filesz, seg->memsz, err);
	}
	*entry = elf.entry;
	image_elf_free(&elf);
	if (!s)
		machine_add_symbols(m, file);
	return s;
}

/* Bit 0 of pc asks for Thumb; ARM instructions are word-aligned. */
void machine_set_start(struct rhea *m, enum start_kind kind, uint32_t pc)
{
	m->start = kind;
	m->start_pc = pc & 1u ? pc : pc & ~3u;
	machine_reset(m);
}

/* What a file is loaded as, and what `load` makes of it. */
struct load_request {
	const char *path;
	bool has_addr, set_pc; /* rhea_load_file's */
	uint64_t addr;
};

/* A failed load leaves nothing behind. */
void machine_drop_blobs(struct rhea *m, const struct image_blob *until)
{
	while (m->blobs != until) {
		struct image_blob *b = m->blobs;
		m->blobs = b->next;
		free(b);
	}
}

static enum rhea_status with_file(struct rhea *m, const struct load_request *q, bool whole, struct rhea_error *err,
				  enum rhea_status (*load)(struct rhea *m, const struct load_request *q,
							   const struct image_file *file, struct rhea_error *err))
{
	struct image_file file;
	enum rhea_status s = (whole ? image_read : image_read_program)(q->path, MACHINE_MAX_FILE_SIZE, &file, err);
	if (s)
		return s;
	const struct image_blob *before = m->blobs;
	s = load(m, q, &file, err);
	image_file_free(&file);
	if (s)
		machine_drop_blobs(m, before);
	return s;
}

static enum rhea_status load_firmware_file(struct rhea *m, const struct load_request *q, const struct image_file *file,
					   struct rhea_error *err)
{
	const char *path = q->path;
	uint64_t addr = m->board->firmware_addr;
	if (addr == UINT64_MAX)
		return error_set(err, RHEA_ERR_USAGE, "-bios: machine %s has no firmware memory; use -kernel or "
				 "-device loader,file=%s,addr=...", m->board->name, path);
	enum rhea_status s = machine_add_blob(m, path, addr, file->data, file->size, file->size, err);
	if (!s)
		machine_set_start(m, START_RESET, 0);
	return s;
}

enum rhea_status rhea_load_firmware(struct rhea *m, const char *path, struct rhea_error *err)
{
	return with_file(m, &(struct load_request){.path = path}, true, err, load_firmware_file);
}

static enum rhea_status load_plain_file(struct rhea *m, const struct load_request *q, const struct image_file *file,
					struct rhea_error *err)
{
	uint32_t entry = (uint32_t)q->addr;
	enum rhea_status s;
	if (q->has_addr)
		s = machine_add_blob(m, q->path, q->addr, file->data, file->size, file->size, err);
	else if (image_is_elf(file))
		s = machine_add_elf(m, q->path, file, &entry, err);
	else
		s = error_set(err, RHEA_ERR_USAGE, "%s: not an ELF image, so an address is needed (addr=...)", q->path);
	if (!s && q->set_pc)
		machine_set_start(m, START_PC, entry);
	else if (!s)
		machine_reset(m);
	return s;
}

enum rhea_status rhea_load_file(struct rhea *m, const char *path, bool has_addr, uint64_t addr, bool set_pc,
				struct rhea_error *err)
{
	struct load_request q = {.path = path, .has_addr = has_addr, .set_pc = set_pc, .addr = addr};
	return with_file(m, &q, has_addr || m->see.debuginfo, err, load_plain_file);
}

enum rhea_status rhea_load_bytes(struct rhea *m, uint64_t addr, const void *bytes, size_t size, bool set_pc,
				 struct rhea_error *err)
{
	struct image_blob **tail = &m->patches;
	while (*tail)
		tail = &(*tail)->next;
	enum rhea_status s = size ? push_blob(m, "-device loader", addr, bytes, size, size, tail, err) : RHEA_OK;
	if (s)
		return s;
	if (set_pc)
		machine_set_start(m, START_PC, (uint32_t)addr);
	else
		machine_reset(m);
	return RHEA_OK;
}

static void place(struct rhea *m, const struct image_blob *b)
{
	static const uint8_t zeros[4096];
	as_load(m->as, b->addr, b->bytes, b->size);
	for (size_t at = b->size; at < b->mem_size;) {
		size_t n = MIN(b->mem_size - at, sizeof zeros);
		as_load(m->as, GPA(b->addr.v + at), zeros, n);
		at += n;
	}
}

void machine_place_images(struct rhea *m)
{
	for (const struct image_blob *b = m->blobs; b; b = b->next)
		place(m, b);
	for (const struct image_blob *b = m->patches; b; b = b->next)
		place(m, b);
	if (m->start != START_RESET)
		m->vcpu->cpu->pc = m->start_pc;
}
