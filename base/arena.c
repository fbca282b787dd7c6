/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocator: a list of chunks, walked again after each reset. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

#define CHUNK_SIZE ((size_t)256 * 1024)

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *c = malloc(sizeof *c + size);
	if (!c) {
		fputs("rhea: out of host memory\n", stderr);
		abort();
	}
	c->next = NULL;
	c->size = size;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	while (!a->cur || a->used + size > a->cur->size) {
		struct arena_chunk *next = a->cur ? a->cur->next : a->first;
		if (!next || next->size < size) {
			struct arena_chunk *fresh = chunk_new(MAX(size, CHUNK_SIZE));
			fresh->next = next;
			*(a->cur ? &a->cur->next : &a->first) = fresh;
			next = fresh;
		}
		a->cur = next;
		a->used = 0;
	}
	void *p = a->cur->data + a->used;
	a->used += size;
	return p;
}

void arena_reset(struct arena *a)
{
	a->cur = a->first;
	a->used = 0;
}

void arena_free(struct arena *a)
{
	for (struct arena_chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){0};
}
