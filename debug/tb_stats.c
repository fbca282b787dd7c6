/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of -d tb-stats and `info jit`. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "debug/tb_stats.h"

/* ---- reports ---- */

struct report {
	report_line *line;
	void *ctx;
};

static void PRINTF_LIKE(2, 3) print(const struct report *r, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->line(r->ctx, text);
}

void tb_stats_totals(const struct vcpu *v, uint64_t insns, report_line *line, void *ctx)
{
	const struct report r = {line, ctx};
	const struct vcpu_stats *s = &v->stats;
	print(&r, "Translation buffer state:");
	print(&r, "gen code size       %zu/%zu", codebuf_used(&v->code), v->code.size);
	print(&r, "TB count            %" PRIu32 " (%" PRIu32 " compiled)", v->tbs.n_valid, v->tbs.n_by_host);
	print(&r, "Statistics:");
	print(&r, "instructions run    %" PRIu64, insns);
	print(&r, "TB translations     %" PRIu64 " (%" PRIu64 " instructions)", s->translated_blocks, s->translated_insns);
	print(&r, "TB flush count      %" PRIu64, s->code_flushes);
	print(&r, "TB invalidate count %" PRIu64, s->invalidated_blocks);
	print(&r, "run alone           %" PRIu64 " (stores to their own block, urgent device accesses)", s->retries);
}

struct heat {
	uint64_t insns;
	uint32_t record;
};

static int hotter(const void *pa, const void *pb)
{
	const struct heat *a = pa, *b = pb;
	if (a->insns != b->insns)
		return a->insns > b->insns ? -1 : 1;
	return a->record < b->record ? -1 : 1;
}

static void print_block(const struct report *out, const struct symbols *syms, const struct block_record *r, uint64_t runs,
			double share, double sum)
{
	uint32_t offset = 0, pc = r->pc_key & ~1u;
	const char *name = syms ? symbols_find(syms, pc, &offset) : NULL;
	char where[16] = "";
	if (name && offset)
		snprintf(where, sizeof where, "+0x%" PRIx32, offset);
	print(out, "%5.1f%% %5.1f%% %12" PRIu64 " %5u %4" PRIu32 " %5" PRIu32 " %4" PRIu32 "  0x%08" PRIx32 " %c %.200s%s", share,
	      sum, runs, r->n_insns, r->host_insns, r->host_bytes, r->compiled, pc, r->pc_key & 1 ? 'T' : 'A',
	      name ? name : "", where);
}

/* Runs by block, wherever they ran. */
static uint64_t *sum_regions(const struct blocks *b, const uint64_t *runs)
{
	uint64_t *sum = calloc(b->n, sizeof *sum);
	for (uint32_t i = 1; sum && i < b->n; i++)
		sum[b->record[i].n_parts ? b->record[i].plain : i] += runs[i];
	return sum;
}

void tb_stats_hottest(const struct blocks *b, const struct log *log, const struct symbols *syms, const struct vcpu *v,
		      uint64_t insns, unsigned top, report_line *line, void *ctx)
{
	const struct report out = {line, ctx};
	struct heat *heat = malloc(b->n * sizeof *heat);
	uint64_t all = 0, runs = 0, sum = 0, *run = sum_regions(b, v->base->tb_count);
	uint32_t n = 0;
	if (!heat || !run) {
		free(heat);
		free(run);
		print(&out, "TB statistics: the host is out of memory");
		return;
	}
	for (uint32_t i = 1; i < b->n; i++) {
		uint64_t count = run[i];
		if (!count || !log_in_range(log, b->record[i].pc_key & ~1u))
			continue;
		heat[n++] = (struct heat){count * b->record[i].n_insns, i};
		all += count * b->record[i].n_insns;
		runs += count;
	}
	qsort(heat, n, sizeof *heat, hotter);
	print(&out, "TB statistics: %" PRIu32 " blocks ran %" PRIu64 " times, %" PRIu64 " guest instructions of %" PRIu64, n, runs,
	      all, insns);
	if (b->not_counted)
		print(&out, "%" PRIu64 " translations not counted: more than %u blocks", b->not_counted, VCPU_TB_COUNTERS - 1);
	print(&out, " share    sum         runs guest host bytes made  pc           symbol");
	for (uint32_t i = 0; i < n && i < top; i++) {
		const struct heat *h = &heat[i];
		sum += h->insns;
		print_block(&out, syms, &b->record[h->record], run[h->record],
			    100.0 * (double)h->insns / (double)all, 100.0 * (double)sum / (double)all);
	}
	free(heat);
	free(run);
}
