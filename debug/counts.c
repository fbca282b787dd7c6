/* SPDX-License-Identifier: Apache-2.0 */
/* Block counts spread over their instructions. */
#include <stdlib.h>

#include "debug/counts.h"

static void take(void *ctx, const struct block_insn *i)
{
	struct insn_counts *c = ctx;
	c->insn[c->n++] = *i;
}

static int by_pc(const void *pa, const void *pb)
{
	const struct block_insn *a = pa, *b = pb;
	if (a->pc != b->pc)
		return a->pc < b->pc ? -1 : 1;
	return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static void sum_up(struct insn_counts *c)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n; i++)
		if (n && c->insn[n - 1].pc == c->insn[i].pc)
			c->insn[n - 1].count += c->insn[i].count;
		else
			c->insn[n++] = c->insn[i];
	c->n = n;
}

bool counts_make(struct insn_counts *c, const struct blocks *b, const uint64_t *runs)
{
	size_t all = 1;
	for (uint32_t i = 1; i < b->n; i++)
		all += runs[i] ? b->record[i].n_insns : 0;
	*c = (struct insn_counts){.insn = malloc(all * sizeof *c->insn)};
	if (!c->insn)
		return false;
	for (uint32_t i = 1; i < b->n; i++)
		if (runs[i])
			block_each_insn(&b->record[i], runs[i], take, c);
	qsort(c->insn, c->n, sizeof *c->insn, by_pc);
	sum_up(c);
	return true;
}

void counts_free(struct insn_counts *c)
{
	free(c->insn);
	*c = (struct insn_counts){0};
}

/* The first instruction at or behind pc. */
static uint32_t lower_bound(const struct insn_counts *c, uint32_t pc)
{
	uint32_t lo = 0, hi = c->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (c->insn[mid].pc < pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t counts_at(const struct insn_counts *c, uint32_t pc)
{
	uint32_t i = lower_bound(c, pc);
	return i < c->n && c->insn[i].pc == pc ? c->insn[i].count : 0;
}

uint64_t counts_most(const struct insn_counts *c, uint32_t start, uint32_t end)
{
	uint64_t most = 0;
	for (uint32_t i = lower_bound(c, start); i < c->n && c->insn[i].pc < end; i++)
		most = MAX(most, c->insn[i].count);
	return most;
}
