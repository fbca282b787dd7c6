/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the address space, shared by address_space.c (the map) and physical.c (accesses). */
#ifndef RHEA_ADDRESS_SPACE_H
#define RHEA_ADDRESS_SPACE_H

#include "softmmu/memory.h"

/* Host memory made here. `fd`: the file behind it, so that it can be mapped a second time; -1 = none. */
struct as_owned {
	uint8_t *host;
	uint64_t size;
	int fd;
	struct as_owned *next;
};

struct address_space {
	struct mem_range *ranges; /* sorted by base, disjoint */
	unsigned n, cap;
	unsigned last;            /* index of as_find's last hit; may be stale */
	enum mem_result unassigned;
	struct as_owned *owned;   /* host memory to give back */
	struct versions *versions; /* NULL: nobody keeps snapshots (versions.h) */
	void (*changed)(void *opaque, gpa_t base, uint64_t size);
	void *changed_opaque;
	void (*written)(void *opaque, const uint8_t *host, uint64_t size);
	void *written_opaque;
	void (*refused)(void *opaque, gpa_t pa, uint64_t size, bool write);
	void *refused_opaque;
};

/* A piece of memory that can hold state, whatever the map shows of it now: made here, or RAM of a client's. */
struct as_block {
	uint8_t *host;
	uint64_t size;
	int fd; /* -1 = none */
};
/* Up to `max` of them; returns how many there are. The order is that of mapping, newest first, then clients'. */
unsigned as_blocks(const struct address_space *as, struct as_block *block, unsigned max);
/* The next bytes from *from on that may be other than zero: [*from, *end); false when there are none. Looks at no page. */
bool as_block_data(const struct as_block *b, uint64_t *from, uint64_t *end);
/* Makes them zero. */
void as_block_clear(const struct as_block *b, uint64_t from, uint64_t end);

/* The file and the offset behind a range of memory; false when not all of it has one. */
bool as_backing(const struct address_space *as, const struct mem_range *r, int *fd, uint64_t *offset);

/* Index of the first range that ends behind `pa`; as->n when there is none. */
unsigned as_search(const struct address_space *as, gpa_t pa);

/* The low n bytes, 1 to 4, of v. */
static inline uint32_t low_bytes(uint32_t v, unsigned n)
{
	return n >= 4 ? v : v & ((1u << (8 * n)) - 1);
}

#endif
