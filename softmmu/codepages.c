/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of host pages that hold translated code: open addressing with linear probing, at most half full,
 * deletion without tombstones. Host pages and not guest addresses, so that every alias of a page is the same
 * member.
 */
#include <stdio.h>
#include <stdlib.h>

#include "softmmu/softmmu.h"

static uint32_t home_of(const struct code_pages *c, uint64_t page)
{
	return (uint32_t)((page * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (c->cap - 1);
}

/* The slot of `page`, or the empty one where it would go. */
static uint32_t probe(const struct code_pages *c, uint64_t page)
{
	uint32_t i = home_of(c, page);
	while (c->slot[i] && c->slot[i] != page)
		i = (i + 1) & (c->cap - 1);
	return i;
}

bool code_pages_has(const struct code_pages *c, uint64_t page)
{
	return c->n && c->slot[probe(c, page)] == page;
}

static void grow(struct code_pages *c)
{
	struct code_pages bigger = { .cap = c->cap ? c->cap * 2 : 64 };
	bigger.slot = calloc(bigger.cap, sizeof *bigger.slot);
	if (!bigger.slot) {
		/* Without the set, stores to code would go unseen: nothing sensible is left to do. */
		fputs("rhea: out of memory\n", stderr);
		abort();
	}
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->slot[i])
			bigger.slot[probe(&bigger, c->slot[i])] = c->slot[i];
	bigger.n = c->n;
	free(c->slot);
	*c = bigger;
}

bool code_pages_add(struct code_pages *c, uint64_t page)
{
	if ((c->n + 1) * 2 > c->cap)
		grow(c);
	uint32_t i = probe(c, page);
	if (c->slot[i])
		return false;
	c->slot[i] = page;
	c->n++;
	return true;
}

bool code_pages_remove(struct code_pages *c, uint64_t page)
{
	if (!code_pages_has(c, page))
		return false;
	uint32_t hole = probe(c, page), mask = c->cap - 1;
	/* Members behind the hole move into it when their probe sequence passes it. */
	for (uint32_t i = (hole + 1) & mask; c->slot[i]; i = (i + 1) & mask) {
		uint32_t from_home = (i - home_of(c, c->slot[i])) & mask;
		if (from_home >= ((i - hole) & mask)) {
			c->slot[hole] = c->slot[i];
			hole = i;
		}
	}
	c->slot[hole] = 0;
	c->n--;
	return true;
}

void code_pages_free(struct code_pages *c)
{
	free(c->slot);
	*c = (struct code_pages){ 0 };
}
