/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the address space, shared by address_space.c (the map) and physical.c (accesses). */
#ifndef RHEA_ADDRESS_SPACE_H
#define RHEA_ADDRESS_SPACE_H

#include "softmmu/memory.h"

struct as_owned;

struct address_space {
	struct mem_range *ranges; /* sorted by base, disjoint */
	unsigned n, cap;
	unsigned last;            /* index of as_find's last hit; may be stale */
	enum mem_result unassigned;
	struct as_owned *owned;   /* host memory to give back */
	void (*changed)(void *opaque, gpa_t base, uint64_t size);
	void *changed_opaque;
	void (*written)(void *opaque, const uint8_t *host, uint64_t size);
	void *written_opaque;
	void (*refused)(void *opaque, gpa_t pa, uint64_t size, bool write);
	void *refused_opaque;
};

/* Index of the first range that ends behind `pa`; as->n when there is none. */
unsigned as_search(const struct address_space *as, gpa_t pa);

#endif
