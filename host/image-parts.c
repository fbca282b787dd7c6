/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of an ELF file what loading it and its symbols take. The rest, mostly debug information and often most of the file, stays zero. What
 * the tables say is believed only as far as the file reaches: whoever parses them checks again.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/image.h"

/* A file of `size` bytes, and how many of them may still be read: tables that name the same bytes again and again shall not cost more than
 * reading all. */
struct parts {
	int fd;
	uint8_t *data;
	uint64_t size, left;
};

static bool get(struct parts *p, uint64_t from, uint64_t n)
{
	if (from > p->size || n > p->size - from || n > p->left)
		return false;
	p->left -= n;
	while (n) {
		ssize_t got = pread(p->fd, p->data + from, n, (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		from += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return true;
}

static bool get_segments(struct parts *p, const Elf32_Ehdr *h)
{
	Elf32_Phdr s;
	bool ok = get(p, h->e_phoff, (uint64_t)h->e_phnum * sizeof s);
	for (unsigned i = 0; ok && i < h->e_phnum; i++) {
		memcpy(&s, p->data + h->e_phoff + i * sizeof s, sizeof s);
		ok = s.p_type != PT_LOAD || get(p, s.p_offset, s.p_filesz);
	}
	return ok;
}

static bool get_symbols(struct parts *p, const Elf32_Ehdr *h)
{
	Elf32_Shdr s;
	bool ok = get(p, h->e_shoff, (uint64_t)h->e_shnum * sizeof s);
	for (unsigned i = 0; ok && i < h->e_shnum; i++) {
		memcpy(&s, p->data + h->e_shoff + i * sizeof s, sizeof s);
		ok = (s.sh_type != SHT_SYMTAB && s.sh_type != SHT_STRTAB) || get(p, s.sh_offset, s.sh_size);
	}
	return ok;
}

bool image_read_parts(int fd, uint8_t *data, size_t size)
{
	struct parts p = {.fd = fd, .data = data, .size = size, .left = 2 * size}; /* headers may be part of a segment */
	Elf32_Ehdr h;
	if (!get(&p, 0, sizeof h))
		return false;
	memcpy(&h, data, sizeof h);
	return memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_ident[EI_CLASS] == ELFCLASS32 && h.e_ident[EI_DATA] == ELFDATA2LSB &&
	       h.e_phentsize == sizeof(Elf32_Phdr) && h.e_phnum != PN_XNUM && h.e_shentsize == sizeof(Elf32_Shdr) && h.e_shnum &&
	       get_segments(&p, &h) && get_symbols(&p, &h);
}
