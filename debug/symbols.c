/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array, sorted again at the first question after names were added. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "debug/symbols.h"

#define MAX_NAMES (64u << 20) /* bytes: a table whose symbols share one long name would fill the host */

struct symbol {
	uint32_t addr, size;
	unsigned order; /* of adding: the last key, so that the result does not depend on qsort */
	const char *name; /* in symbols.names */
};

struct symbols {
	struct symbol *sym;
	unsigned n, cap;
	bool sorted;
	struct arena names;
	size_t n_bytes; /* of all names */
};

struct symbols *symbols_new(void)
{
	return calloc(1, sizeof(struct symbols));
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	arena_free(&s->names);
	free(s->sym);
	free(s);
}

static bool is_mapping_symbol(const char *name)
{
	return name[0] == '$' && name[1] && strchr("atd", name[1]) && (!name[2] || name[2] == '.');
}

void symbols_add(struct symbols *s, const char *name, uint32_t addr, uint32_t size)
{
	size_t bytes = strlen(name) + 1;
	if (bytes == 1 || is_mapping_symbol(name) || bytes > MAX_NAMES - s->n_bytes)
		return;
	if (s->n == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 64;
		struct symbol *bigger = realloc(s->sym, cap * sizeof *bigger);
		if (!bigger)
			return;
		s->sym = bigger;
		s->cap = cap;
	}
	char *copy = arena_alloc(&s->names, bytes);
	memcpy(copy, name, bytes);
	s->n_bytes += bytes;
	s->sym[s->n] = (struct symbol){ addr & ~1u, size, s->n, copy };
	s->n++;
	s->sorted = false;
}

/* By address; among equals the one that is found first comes last: sized before unsized, then the
 * first that was added. */
static int compare(const void *pa, const void *pb)
{
	const struct symbol *a = pa, *b = pb;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (!a->size != !b->size)
		return a->size ? 1 : -1;
	return a->order < b->order ? 1 : -1;
}

static void sort(const struct symbols *s)
{
	if (s->sorted || !s->n)
		return;
	/* The order of the array is no part of the table's meaning. */
	qsort(s->sym, s->n, sizeof *s->sym, compare);
	((struct symbols *)s)->sorted = true;
}

/* Number of symbols that start at or below `addr`. */
static unsigned count_below(const struct symbols *s, uint32_t addr)
{
	unsigned lo = 0, hi = s->n;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		if (s->sym[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* How far back a symbol around `addr` is looked for, past those that end before it. */
#define SYMBOLS_LOOK_BACK 64u

const char *symbols_find(const struct symbols *s, uint32_t addr, uint32_t *offset)
{
	sort(s);
	unsigned end = count_below(s, addr), first = end > SYMBOLS_LOOK_BACK ? end - SYMBOLS_LOOK_BACK : 0;
	for (unsigned i = end; i > first; i--) {
		const struct symbol *sym = &s->sym[i - 1];
		bool nearest = sym->addr == s->sym[end - 1].addr;
		if (sym->size ? addr - sym->addr < sym->size : nearest) {
			if (offset)
				*offset = addr - sym->addr;
			return sym->name;
		}
	}
	return NULL;
}

/* A name in an image is whatever its maker put there. */
void symbols_print(const struct symbols *s, uint32_t addr, char *out, size_t size)
{
	uint32_t offset = 0;
	const char *name = s ? symbols_find(s, addr, &offset) : NULL;
	size_t i = 0, room = size - sizeof "+0x12345678";
	if (!name) {
		snprintf(out, size, "guest_0x%08" PRIx32, addr);
		return;
	}
	for (; name[i] && i < room; i++)
		out[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	out[i] = 0;
	if (offset)
		snprintf(out + i, size - i, "+0x%" PRIx32, offset);
}
