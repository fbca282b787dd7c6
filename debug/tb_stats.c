/* SPDX-License-Identifier: Apache-2.0 */
/* One record a counter, found through a hash table; the counts themselves are in struct vcpu_base. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/disas.h"
#include "debug/tb_stats.h"

#define HASH_BITS 14u

struct record {
	/* which block */
	const uint8_t *code;
	uint32_t pc_key, flags;
	uint16_t bytes, n_insns;
	/* its host code, as last compiled */
	uint32_t host_insns, host_bytes, compiled;
	uint32_t next; /* of the same hash; 0 = none */
};

struct tb_stats {
	const struct log *log;
	const struct symbols *syms;
	struct record *record; /* number 0 is nobody's */
	uint32_t n, cap;
	uint64_t not_counted;  /* translations that found no free counter */
	uint32_t head[1u << HASH_BITS];
};

struct tb_stats *tb_stats_new(const struct log *log, const struct symbols *syms)
{
	struct tb_stats *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->log = log;
	s->syms = syms;
	s->n = 1;
	return s;
}

void tb_stats_free(struct tb_stats *s)
{
	if (!s)
		return;
	free(s->record);
	free(s);
}

/* ---- which counter ---- */

static bool is_block(const struct record *r, const struct tb_view *tb)
{
	return r->code == tb->guest_code && r->pc_key == tb->pc_key && r->flags == tb->tb_flags &&
	       r->bytes == tb->guest_bytes && r->n_insns == tb->unit->n_marks;
}

static uint32_t *head_of(struct tb_stats *s, const struct tb_view *tb)
{
	uint64_t h = ((uint64_t)(uintptr_t)tb->guest_code ^ (uint64_t)tb->pc_key << 20) * UINT64_C(0x9e3779b97f4a7c15);
	return &s->head[h >> (64 - HASH_BITS)];
}

/* Room for one more; false when there is none. */
static bool reserve(struct tb_stats *s)
{
	if (s->n < s->cap)
		return true;
	uint32_t cap = s->cap ? MIN(2 * s->cap, VCPU_TB_COUNTERS) : 1024;
	if (s->n >= cap)
		return false;
	struct record *bigger = realloc(s->record, cap * sizeof *bigger);
	if (!bigger)
		return false;
	s->record = bigger;
	s->cap = cap;
	return true;
}

uint32_t tb_stats_counter(struct tb_stats *s, const struct tb_view *tb)
{
	if (!log_in_range(s->log, tb->pc_key & ~1u))
		return 0;
	uint32_t *head = head_of(s, tb), i = *head;
	while (i && !is_block(&s->record[i], tb))
		i = s->record[i].next;
	if (i)
		return i;
	if (!reserve(s)) {
		s->not_counted++;
		return 0;
	}
	i = s->n++;
	s->record[i] = (struct record){
		.code = tb->guest_code,
		.pc_key = tb->pc_key,
		.flags = tb->tb_flags,
		.bytes = (uint16_t)tb->guest_bytes,
		.n_insns = (uint16_t)tb->unit->n_marks,
		.next = *head,
	};
	*head = i;
	return i;
}

void tb_stats_compiled(struct tb_stats *s, const struct tb_view *tb)
{
	if (!tb->counter || tb->counter >= s->n)
		return;
	struct record *r = &s->record[tb->counter];
	uint32_t end = tb->host->slow_start ? tb->host->slow_start : tb->host->size;
	r->host_insns = 0;
	for (uint32_t at = 0; at < end; r->host_insns++)
		at += disas_x64_length(tb->host_code + at, tb->host->size - at);
	r->host_bytes = tb->host->size;
	r->compiled++;
}

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

static void print_block(const struct report *out, const struct tb_stats *s, const struct record *r, uint64_t runs,
			double share, double sum)
{
	uint32_t offset = 0, pc = r->pc_key & ~1u;
	const char *name = s->syms ? symbols_find(s->syms, pc, &offset) : NULL;
	char where[16] = "";
	if (name && offset)
		snprintf(where, sizeof where, "+0x%" PRIx32, offset);
	print(out, "%5.1f%% %5.1f%% %12" PRIu64 " %5u %4" PRIu32 " %5" PRIu32 " %4" PRIu32 "  0x%08" PRIx32 " %c %.200s%s", share,
	      sum, runs, r->n_insns, r->host_insns, r->host_bytes, r->compiled, pc, r->pc_key & 1 ? 'T' : 'A',
	      name ? name : "", where);
}

void tb_stats_hottest(const struct tb_stats *s, const struct vcpu *v, uint64_t insns, unsigned top, report_line *line,
		      void *ctx)
{
	const struct report out = {line, ctx};
	struct heat *heat = malloc(s->n * sizeof *heat);
	uint64_t all = 0, runs = 0, sum = 0;
	uint32_t n = 0;
	if (!heat) {
		print(&out, "TB statistics: the host is out of memory");
		return;
	}
	for (uint32_t i = 1; i < s->n; i++) {
		uint64_t count = v->base->tb_count[i];
		if (!count)
			continue;
		heat[n++] = (struct heat){count * s->record[i].n_insns, i};
		all += count * s->record[i].n_insns;
		runs += count;
	}
	qsort(heat, n, sizeof *heat, hotter);
	print(&out, "TB statistics: %" PRIu32 " blocks ran %" PRIu64 " times, %" PRIu64 " guest instructions of %" PRIu64, n, runs,
	      all, insns);
	if (s->not_counted)
		print(&out, "%" PRIu64 " translations not counted: more than %u blocks", s->not_counted, VCPU_TB_COUNTERS - 1);
	print(&out, " share    sum         runs guest host bytes made  pc           symbol");
	for (uint32_t i = 0; i < n && i < top; i++) {
		const struct heat *h = &heat[i];
		sum += h->insns;
		print_block(&out, s, &s->record[h->record], v->base->tb_count[h->record], 100.0 * (double)h->insns / (double)all,
			    100.0 * (double)sum / (double)all);
	}
	free(heat);
}
