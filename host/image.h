/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image files: reading them whole, and taking 32-bit little-endian ARM ELF files apart. Every
 * size and offset in a file is the file's claim and is checked against the bytes there are.
 * Error messages are one line naming file and reason.
 */
#ifndef RHEA_HOST_IMAGE_H
#define RHEA_HOST_IMAGE_H

#include "base/base.h"

/* A file's bytes. Owned; image_file_free. */
struct image_file {
	char *path;
	uint8_t *data;
	size_t size;
};

/* One loadable piece. Points into the image_file; valid as long as it is. */
struct image_segment {
	uint32_t paddr, vaddr;
	const uint8_t *bytes;
	uint32_t filesz, memsz; /* bytes beyond filesz are zero; paddr + memsz <= 2^32 */
};

struct image_elf {
	struct image_segment *segments; /* by paddr, never overlapping; at least one */
	unsigned n_segments;
	uint32_t entry; /* physical; bit 0: Thumb */
};

/* As malloc, for bytes that are written at once: the host gives large ones all their pages beforehand, where it can. */
void *image_buffer(size_t size);

/* Reads a regular file of 1 to max_size bytes. On failure *out is empty. */
enum rhea_status image_read(const char *path, uint64_t max_size, struct image_file *out, struct rhea_error *err);

/* The same, but of an ELF file only what image_elf_parse and image_elf_symbols look at need be there: debug information may be zeros. */
enum rhea_status image_read_program(const char *path, uint64_t max_size, struct image_file *out, struct rhea_error *err);

/* Inside of it: false when it is no such file, or a damaged one; then any of data[0..size) may have been written. */
bool image_read_parts(int fd, uint8_t *data, size_t size);

/* Takes bytes as if read from `path` (copies both). */
enum rhea_status image_from_memory(const char *path, const void *data, size_t size, struct image_file *out,
				   struct rhea_error *err);

void image_file_free(struct image_file *f);

/* True when the file claims to be ELF, whatever kind. */
bool image_is_elf(const struct image_file *f);

/* Parses an executable. On failure *out is empty. */
enum rhea_status image_elf_parse(const struct image_file *f, struct image_elf *out, struct rhea_error *err);

void image_elf_free(struct image_elf *e);

/*
 * Calls `symbol` for each named function, object and plain label of a file that image_elf_parse accepted.
 * size 0 = unknown; addresses of Thumb functions come without bit 0. Damaged tables are skipped.
 */
void image_elf_symbols(const struct image_file *f,
		       void (*symbol)(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function),
		       void *opaque);

#endif
