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

static void enter(struct arena *a, struct arena_chunk *c)
{
	a->cur = c;
	a->at = c->data;
	a->end = c->data + c->size;
}

void *arena_alloc_chunk(struct arena *a, size_t size)
{
	struct arena_chunk *next = a->cur ? a->cur->next : a->first;
	if (!next || next->size < size) {
		struct arena_chunk *fresh = chunk_new(MAX(size, CHUNK_SIZE));
		fresh->next = next;
		*(a->cur ? &a->cur->next : &a->first) = fresh;
		next = fresh;
	}
	enter(a, next);
	a->at += size;
	return next->data;
}

void arena_reset(struct arena *a)
{
	if (a->first)
		enter(a, a->first);
}

void arena_free(struct arena *a)
{
	for (struct arena_chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){0};
}
