/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks in a hash table, each once with its count. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug/samples.h"

#define HASH_BITS 14u
#define MAX_DEPTH 128u
#define MAX_STACKS (1u << 18) /* what comes then is counted by its innermost function */

struct stack {
	struct stack *next; /* of the same hash */
	uint64_t count;
	uint32_t n, function[]; /* innermost first */
};

struct samples {
	struct unwind *unwind;
	const struct symbols *syms;
	struct stack **head;
	struct arena arena;
	uint32_t n_stacks;
	uint64_t total;
	struct sample_point point[SAMPLES_TIMELINE];
	uint32_t n_points;
	uint64_t every; /* one sample in so many becomes a point */
};

struct samples *samples_new(struct debuginfo *d, const struct symbols *syms)
{
	struct samples *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->syms = syms;
	s->every = 1;
	s->unwind = unwind_new(d, syms);
	s->head = calloc((size_t)1 << HASH_BITS, sizeof(struct stack *));
	if (s->unwind && s->head)
		return s;
	samples_free(s);
	return NULL;
}

void samples_free(struct samples *s)
{
	if (!s)
		return;
	arena_free(&s->arena);
	unwind_free(s->unwind);
	free(s->head);
	free(s);
}

static void count_stack(struct samples *s, const uint32_t *function, uint32_t n)
{
	uint64_t h = n;
	for (uint32_t i = 0; i < n; i++)
		h = (h ^ function[i]) * UINT64_C(0x9e3779b97f4a7c15);
	struct stack **head = &s->head[h >> (64 - HASH_BITS)], *k = *head;
	while (k && (k->n != n || memcmp(k->function, function, n * sizeof *function) != 0))
		k = k->next;
	if (!k) {
		k = arena_alloc(&s->arena, sizeof *k + n * sizeof *function);
		*k = (struct stack){.next = *head, .n = n};
		memcpy(k->function, function, n * sizeof *function);
		*head = k;
		s->n_stacks++;
	}
	k->count++;
}

static void add_point(struct samples *s, uint64_t time, uint32_t function)
{
	if (s->total % s->every)
		return;
	if (s->n_points == SAMPLES_TIMELINE) {
		for (uint32_t i = 0; i < SAMPLES_TIMELINE / 2; i++)
			s->point[i] = s->point[2 * i];
		s->n_points /= 2;
		s->every *= 2;
	}
	s->point[s->n_points++] = (struct sample_point){time, function};
}

void samples_take(struct samples *s, struct vcpu *v)
{
	uint32_t at[MAX_DEPTH], offset;
	unsigned n = unwind_stack(s->unwind, v, at, MAX_DEPTH);
	for (unsigned i = 0; i < n; i++)
		if (symbols_find(s->syms, at[i], &offset))
			at[i] -= offset;
	add_point(s, vclock_now(&v->clock), at[0]);
	count_stack(s, at, s->n_stacks < MAX_STACKS ? n : 1);
	s->total++;
}

const struct sample_point *samples_timeline(const struct samples *s, uint32_t *n)
{
	*n = s->n_points;
	return s->point;
}

uint64_t samples_total(const struct samples *s)
{
	return s->total;
}

const char *samples_name(const struct symbols *syms, uint32_t function, char text[16])
{
	const char *name = symbols_find(syms, function, NULL);
	if (name)
		return name;
	snprintf(text, 16, "0x%08" PRIx32, function);
	return text;
}

/* ---- folded stacks ---- */

static int by_text(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

/* A name in an image is whatever its maker put there; here it has no separator and no space. */
static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name <= ' ' || *name == ';' || *name == 0x7f ? '_' : *name, out);
}

static char *fold(const struct samples *s, const struct stack *k)
{
	char *line = NULL, text[16];
	size_t size;
	FILE *out = open_memstream(&line, &size);
	if (!out)
		return NULL;
	for (uint32_t i = k->n; i-- > 0;) {
		print_name(out, samples_name(s->syms, k->function[i], text));
		fputc(i ? ';' : ' ', out);
	}
	fprintf(out, "%" PRIu64 "\n", k->count);
	if (fclose(out)) {
		free(line);
		return NULL;
	}
	return line;
}

bool samples_write_folded(const struct samples *s, FILE *out)
{
	char **line = calloc(s->n_stacks + 1, sizeof *line);
	uint32_t n = 0;
	bool ok = line != NULL;
	for (uint32_t i = 0; ok && i < 1u << HASH_BITS; i++)
		for (const struct stack *k = s->head[i]; ok && k; k = k->next)
			ok = (line[n++] = fold(s, k)) != NULL;
	if (ok)
		qsort(line, n, sizeof *line, by_text);
	for (uint32_t i = 0; i < n; i++) {
		if (ok)
			fputs(line[i], out);
		free(line[i]);
	}
	free(line);
	return ok;
}
