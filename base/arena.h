/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator for things that die together (one translation). Memory is not zeroed.
 * `arena_reset` keeps the chunks, so that a steady state allocates nothing from the host.
 */
#ifndef RHEA_ARENA_H
#define RHEA_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *cur; /* NULL until first use: a zeroed arena is valid */
	uint8_t *at, *end;               /* what is left of cur */
};

/* The slow half of arena_alloc: goes on to a chunk that has the room. */
void *arena_alloc_chunk(struct arena *a, size_t size);

/* Returns `size` bytes aligned to 16; aborts the process when the host is out of memory. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > (size_t)(a->end - a->at))
		return arena_alloc_chunk(a, size);
	void *p = a->at;
	a->at += size;
	return p;
}

/* Forgets every allocation and keeps the memory for reuse. */
void arena_reset(struct arena *a);

/* Returns all memory to the host; the arena is valid and empty afterwards. */
void arena_free(struct arena *a);

#endif
