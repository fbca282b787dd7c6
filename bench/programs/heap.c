/* SPDX-License-Identifier: Apache-2.0 */
/* The library's malloc, free, realloc and calloc: 512 blocks of 4 to 2,000 bytes that come and go, and lists built and torn down. */
#include <stdlib.h>

#include "bench.h"

struct link { struct link *next; uint32_t v; };

static uint8_t *blocks[512];
static uint32_t sizes[512];

static NOINLINE uint32_t lists(uint32_t v)
{
	struct link *head = NULL;
	uint32_t h = v;

	for (uint32_t i = 0; i < 100; i++) {
		struct link *l = malloc(sizeof(*l) + (i & 3) * 8);

		if (!l)
			return 0;
		*l = (struct link){ head, v + i };
		head = l;
	}
	while (head) {
		struct link *next = head->next;

		h = h * 31 + head->v;
		free(head);
		head = next;
	}
	return h;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 131;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = next_random(&s), at = v & 511, size = 4 + (v >> 9 & ((v >> 28) ? 127 : 2047));
		uint8_t *p = blocks[at];

		if (p)
			h = h * 31 + p[0] + p[sizes[at] - 1];
		if (v >> 25 & 1) {
			free(p);
			p = v >> 26 & 1 ? malloc(size) : calloc(1, size);
		} else {
			p = realloc(p, size);
		}
		if (!p)
			return 0;
		p[0] = (uint8_t)v;
		p[size - 1] = (uint8_t)(v >> 8);
		blocks[at] = p;
		sizes[at] = size;
		if (!(i & 127))
			h ^= lists(v);
	}
	for (int i = 0; i < 512; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	return h;
}
