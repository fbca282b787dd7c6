/* SPDX-License-Identifier: Apache-2.0 */
/* The page around the blocks: what ran, who ran, when, and what memory there is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug/explorer-internal.h"
#include "debug/json.h"

#define MAX_FUNCTIONS 1000u
#define TIME_BUCKETS 120u
#define TIME_SERIES 10u

uint32_t explorer_function_at(const struct explorer *e, uint32_t pc)
{
	uint32_t offset;
	return symbols_find(e->in->syms, pc, &offset) ? pc - offset : pc;
}

/* ---- functions ---- */

static int by_address(const void *pa, const void *pb)
{
	const struct explorer_function *a = pa, *b = pb;
	return (a->address > b->address) - (a->address < b->address);
}

static int by_heat(const void *pa, const void *pb)
{
	const struct explorer_function *a = pa, *b = pb;
	if (a->insns != b->insns)
		return a->insns > b->insns ? -1 : 1;
	return by_address(pa, pb);
}

static bool find_functions(struct explorer *e)
{
	const struct blocks *b = e->in->blocks;
	struct explorer_function *f = e->function = malloc(b->n * sizeof *f);
	uint32_t all = 0, n = 0;
	if (!f)
		return false;
	for (uint32_t i = 1; i < b->n; i++)
		if (e->in->runs[i])
			f[all++] = (struct explorer_function){explorer_function_at(e, b->record[i].pc_key & ~1u), !b->record[i].n_parts,
							      e->in->runs[i] * b->record[i].n_insns};
	qsort(f, all, sizeof *f, by_address);
	for (uint32_t i = 0; i < all; i++) {
		if (!n || f[n - 1].address != f[i].address) {
			f[n++] = f[i];
		} else {
			f[n - 1].insns += f[i].insns;
			f[n - 1].blocks += f[i].blocks;
		}
	}
	qsort(f, n, sizeof *f, by_heat);
	e->all_functions = n;
	e->n_functions = MIN(n, MAX_FUNCTIONS);
	return true;
}

static void print_functions(struct explorer *e)
{
	const struct debug_tables *t = e->in->tables;
	fprintf(e->out, "\"functionCount\":%" PRIu32 ",\"functions\":[", e->all_functions);
	for (uint32_t i = 0; i < e->n_functions; i++) {
		const struct explorer_function *f = &e->function[i];
		const struct debug_range *r = debug_find_range(t, f->address);
		const struct debug_function *d = r ? &t->function[r->function] : NULL;
		char text[16];
		fprintf(e->out, "%s\n{\"name\":", i ? "," : "");
		json_string(e->out, samples_name(e->in->syms, f->address, text));
		fprintf(e->out, ",\"address\":%" PRIu32 ",\"blocks\":%" PRIu32 ",\"insns\":%" PRIu64 ",\"file\":%" PRIu32 ",\"line\":%" PRIu32 "}",
			f->address, f->blocks, f->insns, d ? d->file : 0, d ? d->line : 0);
		if (d && d->file)
			explorer_want_line(e, d->file, d->line);
	}
	fputs("]", e->out);
}

/* ---- blocks ---- */

struct heat {
	uint64_t insns;
	uint32_t counter;
};

static int hotter(const void *pa, const void *pb)
{
	const struct heat *a = pa, *b = pb;
	if (a->insns != b->insns)
		return a->insns > b->insns ? -1 : 1;
	return a->counter < b->counter ? -1 : 1;
}

static bool print_blocks(struct explorer *e)
{
	const struct blocks *b = e->in->blocks;
	struct heat *heat = malloc(b->n * sizeof *heat);
	uint64_t runs = 0, insns = 0, in_regions = 0;
	uint32_t n = 0, n_regions = 0;
	if (!heat)
		return false;
	for (uint32_t i = 1; i < b->n; i++) {
		uint64_t here = blocks_insns(b, e->in->runs, i);
		runs += e->in->runs[i];
		if (!here)
			continue;
		heat[n++] = (struct heat){here, i};
		insns += here;
		in_regions += b->record[i].n_parts ? here : 0;
		n_regions += b->record[i].n_parts != 0;
	}
	qsort(heat, n, sizeof *heat, hotter);
	fprintf(e->out, "\"blockCount\":%" PRIu32 ",\"regionCount\":%" PRIu32 ",\"regionInsns\":%" PRIu64 ",\"blockRuns\":%" PRIu64
		",\"blockInsns\":%" PRIu64 ",\"blocks\":[", n - n_regions, n_regions, in_regions, runs, insns);
	for (uint32_t i = 0; i < n && i < e->in->top; i++) {
		fputs(i ? ",\n" : "\n", e->out);
		explorer_print_block(e, heat[i].counter);
	}
	fputs("]", e->out);
	free(heat);
	return true;
}

/* ---- time ---- */

/* How many points each bucket of time, or of the points in their order, has of a function. */
static void print_series(const struct explorer *e, const struct sample_point *p, uint32_t n, uint32_t function, bool others,
			 const uint32_t *known, uint32_t n_known, bool by_time)
{
	uint32_t count[TIME_BUCKETS] = {0};
	uint64_t end = MAX(e->in->time_ns, n ? p[n - 1].time : 0) + 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;
		while (others && k < n_known && known[k] != p[i].function)
			k++;
		if (others ? k == n_known : p[i].function == function)
			count[(uint64_t)((by_time ? (double)p[i].time / (double)end : (double)i / (double)n) * TIME_BUCKETS) % TIME_BUCKETS]++;
	}
	fputc('[', e->out);
	for (uint32_t i = 0; i < TIME_BUCKETS; i++)
		fprintf(e->out, "%s%" PRIu32, i ? "," : "", count[i]);
	fputc(']', e->out);
}

static int by_value(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

/* The functions that most points are of. */
static uint32_t find_series(const struct sample_point *p, uint32_t n, uint32_t series[TIME_SERIES])
{
	uint32_t *f = malloc((n + 1) * sizeof *f), best[TIME_SERIES] = {0}, found = 0;
	if (!f)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		f[i] = p[i].function;
	qsort(f, n, sizeof *f, by_value);
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && f[end] == f[i];)
			end++;
		uint32_t k = found < TIME_SERIES ? found++ : TIME_SERIES, count = end - i;
		for (; k > 0 && count > best[k - 1]; k--)
			if (k < TIME_SERIES) {
				best[k] = best[k - 1];
				series[k] = series[k - 1];
			}
		if (k < TIME_SERIES) {
			best[k] = count;
			series[k] = f[i];
		}
	}
	free(f);
	return found;
}

static void print_time(struct explorer *e)
{
	uint32_t n, series[TIME_SERIES];
	const struct sample_point *p = samples_timeline(e->in->samples, &n);
	uint32_t n_series = find_series(p, n, series);
	fputs("\"time\":[", e->out);
	for (uint32_t i = 0; i < n_series; i++) {
		char text[16];
		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", e->out);
		json_string(e->out, samples_name(e->in->syms, series[i], text));
		fputs(",\"ns\":", e->out);
		print_series(e, p, n, series[i], false, NULL, 0, true);
		fputs(",\"insns\":", e->out);
		print_series(e, p, n, series[i], false, NULL, 0, false);
		fputc('}', e->out);
	}
	fprintf(e->out, "%s\n{\"name\":null,\"ns\":", n_series ? "," : "");
	print_series(e, p, n, 0, true, series, n_series, true);
	fputs(",\"insns\":", e->out);
	print_series(e, p, n, 0, true, series, n_series, false);
	fputs("}]", e->out);
}

/* ---- memory ---- */

/* Is r a second view of what an earlier range shows? */
static bool is_alias(const struct explorer *e, const struct mem_range *r)
{
	for (const struct mem_range *a = e->in->ranges; a < r; a++)
		if (a->host && r->host < a->host + a->size && a->host < r->host + r->size)
			return true;
	return false;
}

/* Instructions run from the memory of r; those of an alias are counted where it is seen first. */
static uint64_t insns_in(const struct explorer *e, const struct mem_range *r)
{
	const struct blocks *b = e->in->blocks;
	uint64_t n = 0;
	if (!r->host || is_alias(e, r))
		return 0;
	for (uint32_t i = 1; i < b->n; i++)
		if (e->in->runs[i] && b->record[i].code >= r->host && b->record[i].code < r->host + r->size)
			n += e->in->runs[i] * b->record[i].n_insns;
	return n;
}

static void print_memory(struct explorer *e)
{
	static const char *const kinds[] = {[RANGE_RAM] = "RAM", [RANGE_ROM] = "ROM", [RANGE_MMIO] = "device"};
	fputs("\"memory\":[", e->out);
	for (unsigned i = 0; i < e->in->n_ranges; i++) {
		const struct mem_range *r = &e->in->ranges[i];
		fprintf(e->out, "%s\n{\"name\":", i ? "," : "");
		json_string(e->out, r->name);
		fprintf(e->out, ",\"base\":%" PRIu64 ",\"size\":%" PRIu64 ",\"kind\":\"%s\",\"insns\":%" PRIu64 "}", r->base.v, r->size,
			kinds[r->kind], insns_in(e, r));
	}
	fputs("]", e->out);
}

/* ---- the page ---- */

static bool print_data(struct explorer *e)
{
	const struct explorer_input *in = e->in;
	fputs("{\"title\":", e->out);
	json_string(e->out, in->title);
	fputs(",\"machine\":", e->out);
	json_string(e->out, in->machine);
	fputs(",\"version\":", e->out);
	json_string(e->out, in->version);
	fprintf(e->out, ",\"insns\":%" PRIu64 ",\"ns\":%" PRIu64 ",\"samples\":%" PRIu64 ",\n", in->insns, in->time_ns,
		samples_total(in->samples));
	print_functions(e);
	fputs(",\n", e->out);
	if (!print_blocks(e))
		return false;
	fputs(",\n", e->out);
	print_time(e);
	fputs(",\n", e->out);
	print_memory(e);
	fputs(",\n", e->out);
	explorer_print_source(e);
	fputs("}\n", e->out);
	return true;
}

bool explorer_write(const struct explorer_input *in, FILE *out)
{
	static const char place[] = "@DATA@";
	struct explorer e = {.in = in, .out = out, .disas = disas_new()};
	const char *data = strstr(explorer_page, place);
	bool ok = e.disas && data && find_functions(&e);
	if (ok) {
		fwrite(explorer_page, 1, (size_t)(data - explorer_page), out);
		ok = print_data(&e);
		fputs(data + sizeof place - 1, out);
	}
	disas_free(e.disas);
	free(e.function);
	free(e.line);
	return ok;
}
