/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lcov tracefiles: SF, FN, FNDA, BRDA, DA and the totals. A line's count is that of its instruction that ran most often; where several
 * functions have code of a line (a static function of a header, a template), the sum over them. A branch is a conditional branch
 * instruction, told apart by its address; it has two ways.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug/coverage-internal.h"
#include "runtime/vcpu.h"

void lcov_free(struct lcov *l)
{
	free(l->text);
	free(l->line);
	free(l->function);
	free(l->branch);
	*l = (struct lcov){0};
}

/* Room for one more in an array of `size` bytes each. */
static bool reserve(struct lcov *l, void *array, uint32_t n, uint32_t *cap, size_t size)
{
	void **a = array;
	if (n < *cap)
		return true;
	uint32_t bigger = *cap ? *cap * 2 : 256;
	void *p = bigger > n ? realloc(*a, bigger * size) : NULL;
	if (!p) {
		l->out_of_memory = true;
		return false;
	}
	*a = p;
	*cap = bigger;
	return true;
}

static void add_line(struct lcov *l, const char *path, uint32_t line, uint64_t count)
{
	if (reserve(l, &l->line, l->n_lines, &l->cap_lines, sizeof *l->line))
		l->line[l->n_lines++] = (struct lcov_line){path, line, count};
}

static void add_function(struct lcov *l, const char *path, const char *name, uint32_t line, uint64_t count)
{
	if (reserve(l, &l->function, l->n_functions, &l->cap_functions, sizeof *l->function))
		l->function[l->n_functions++] = (struct lcov_function){path, name, line, count};
}

static void add_branch(struct lcov *l, const struct lcov_branch *b)
{
	if (reserve(l, &l->branch, l->n_branches, &l->cap_branches, sizeof *l->branch))
		l->branch[l->n_branches++] = *b;
}

/* ---- reading ---- */

/* "12,34..." or "12,name" */
static bool parse_pair(char *text, uint64_t *first, char **rest)
{
	*first = strtoull(text, rest, 10);
	return *rest != text && *(*rest)++ == ',';
}

/* "line,block,branch,count" of BRDA; other tools may put an e before the block, and '-' for the count. */
static bool parse_branch(struct lcov *l, char *text, const char *path)
{
	uint64_t line;
	struct lcov_branch b = {.path = path};
	char *rest;
	if (!path || !parse_pair(text, &line, &rest) || line > UINT32_MAX)
		return false;
	b.line = (uint32_t)line;
	if (!parse_pair(rest + (*rest == 'e'), &b.block, &rest) || !parse_pair(rest, &b.branch, &rest))
		return false;
	b.reached = *rest != '-';
	b.count = b.reached ? strtoull(rest, NULL, 10) : 0;
	add_branch(l, &b);
	return true;
}

/* Counts below zero and with fractions are other tools' mistakes: taken as what strtoull makes of them. */
static bool parse_record(struct lcov *l, char *line, const char **path)
{
	uint64_t n;
	char *rest;
	if (strncmp(line, "SF:", 3) == 0) {
		*path = line + 3;
	} else if (strncmp(line, "DA:", 3) == 0) {
		if (!*path || !parse_pair(line + 3, &n, &rest) || n > UINT32_MAX)
			return false;
		add_line(l, *path, (uint32_t)n, strtoull(rest, NULL, 10));
	} else if (strncmp(line, "FN:", 3) == 0) {
		if (!*path || !parse_pair(line + 3, &n, &rest) || n > UINT32_MAX)
			return false;
		add_function(l, *path, rest, (uint32_t)n, 0);
	} else if (strncmp(line, "FNDA:", 5) == 0) {
		if (!*path || !parse_pair(line + 5, &n, &rest))
			return false;
		add_function(l, *path, rest, 0, n);
	} else if (strncmp(line, "BRDA:", 5) == 0) {
		return parse_branch(l, line + 5, *path);
	} else if (strcmp(line, "end_of_record") == 0) {
		*path = NULL;
	} else {
		return strncmp(line, "TN:", 3) == 0 || strncmp(line, "BRF:", 4) == 0 || strncmp(line, "BRH:", 4) == 0 || strncmp(line, "LF:", 3) == 0 ||
		       strncmp(line, "LH:", 3) == 0 || strncmp(line, "FNF:", 4) == 0 || strncmp(line, "FNH:", 4) == 0 ||
		       strncmp(line, "VER:", 4) == 0 || *line == '#' || !*line;
	}
	return true;
}

bool lcov_parse(struct lcov *l, char *text, size_t size)
{
	const char *path = NULL;
	l->text = text;
	for (char *line = text, *end = text + size; line < end;) {
		char *next = memchr(line, '\n', (size_t)(end - line));
		if (next)
			*next = 0;
		size_t n = strlen(line);
		if (n && line[n - 1] == '\r')
			line[--n] = 0;
		for (size_t i = 0; i < n; i++) /* as it will be written */
			if ((unsigned char)line[i] < ' ')
				line[i] = '?';
		if (!parse_record(l, line, &path))
			return false;
		line = next ? next + 1 : end;
	}
	return !l->out_of_memory;
}

/* ---- what ran ---- */

struct row {
	uint32_t file, line, function;
	uint64_t count;
};

static int by_row(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->function > b->function) - (a->function < b->function);
}

/* The most of each function, summed over the functions of a line. */
static void add_rows(struct lcov *l, const struct debug_tables *t, const struct row *row, uint32_t n)
{
	uint64_t sum = 0, most = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool line_ends = i + 1 == n || row[i + 1].file != row[i].file || row[i + 1].line != row[i].line;
		most = MAX(most, row[i].count);
		if (!line_ends && row[i + 1].function == row[i].function)
			continue;
		sum += most;
		most = 0;
		if (line_ends) {
			add_line(l, t->file[row[i].file], row[i].line, sum);
			sum = 0;
		}
	}
}

static void add_lines(struct lcov *l, const struct debug_tables *t, const struct insn_counts *c)
{
	struct row *row = malloc((t->n_lines + 1) * sizeof *row);
	if (!row) {
		l->out_of_memory = true;
		return;
	}
	for (uint32_t i = 0; i < t->n_lines; i++) {
		const struct debug_line *d = &t->line[i];
		const struct debug_range *r = debug_find_range(t, d->start);
		row[i] = (struct row){d->file, d->line, r ? r->function : UINT32_MAX, counts_most(c, d->start, d->end)};
	}
	qsort(row, t->n_lines, sizeof *row, by_row);
	add_rows(l, t, row, t->n_lines);
	free(row);
}

/* The last instruction of r, and how often it ran. */
static void keep_last(void *ctx, const struct block_insn *i)
{
	*(struct block_insn *)ctx = *i;
}

static void add_branches(struct lcov *l, const struct coverage_input *in)
{
	for (uint32_t i = 1; i < in->blocks->n; i++) {
		const struct block_record *r = &in->blocks->record[i];
		struct block_insn last = {0};
		if (!r->branch || !in->runs[i])
			continue;
		block_each_insn(r, in->runs[i], keep_last, &last);
		const struct debug_line *d = debug_find_line(in->tables, last.pc);
		if (!d || !d->file)
			continue;
		uint64_t taken = MIN(in->runs[i + VCPU_TAKEN], last.count);
		struct lcov_branch b = {in->tables->file[d->file], d->line, last.pc, 0, taken, last.count != 0};
		add_branch(l, &b);
		b.branch = 1;
		b.count = last.count - taken;
		add_branch(l, &b);
	}
}

static bool add_run(struct lcov *l, const struct coverage_input *in)
{
	const struct debug_tables *t = in->tables;
	struct insn_counts c;
	if (!counts_make(&c, in->blocks, in->runs))
		return false;
	add_lines(l, t, &c);
	for (uint32_t i = 0; i < t->n_functions; i++) {
		const struct debug_function *f = &t->function[i];
		if (f->file)
			add_function(l, t->file[f->file], f->name, f->line, counts_at(&c, f->entry));
	}
	counts_free(&c);
	add_branches(l, in);
	return !l->out_of_memory;
}

/* ---- writing ---- */

static int by_line(const void *pa, const void *pb)
{
	const struct lcov_line *a = pa, *b = pb;
	int paths = strcmp(a->path, b->path);
	return paths ? paths : (a->line > b->line) - (a->line < b->line);
}

static int by_function(const void *pa, const void *pb)
{
	const struct lcov_function *a = pa, *b = pb;
	int paths = strcmp(a->path, b->path), names = strcmp(a->name, b->name);
	if (paths || names)
		return paths ? paths : names;
	return (a->line < b->line) - (a->line > b->line); /* who knows the line comes first */
}

static int by_branch(const void *pa, const void *pb)
{
	const struct lcov_branch *a = pa, *b = pb;
	int paths = strcmp(a->path, b->path);
	if (paths || a->line != b->line)
		return paths ? paths : (a->line > b->line) - (a->line < b->line);
	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return (a->branch > b->branch) - (a->branch < b->branch);
}

static void merge_branches(struct lcov *l)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < l->n_branches; i++) {
		struct lcov_branch *before = n ? &l->branch[n - 1] : NULL, *b = &l->branch[i];
		if (before && by_branch(before, b) == 0) {
			before->count += b->count;
			before->reached |= b->reached;
		} else {
			l->branch[n++] = *b;
		}
	}
	l->n_branches = n;
}

static void merge_equal(struct lcov *l)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < l->n_lines; i++)
		if (n && by_line(&l->line[n - 1], &l->line[i]) == 0)
			l->line[n - 1].count += l->line[i].count;
		else
			l->line[n++] = l->line[i];
	l->n_lines = n;
	n = 0;
	for (uint32_t i = 0; i < l->n_functions; i++) {
		struct lcov_function *before = n ? &l->function[n - 1] : NULL, *f = &l->function[i];
		if (before && strcmp(before->path, f->path) == 0 && strcmp(before->name, f->name) == 0)
			before->count += f->count;
		else
			l->function[n++] = *f;
	}
	l->n_functions = n;
}

/* A path or name with a line's end in it would forge records. */
static void print_text(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? '?' : *text, out);
}

/* The functions of `path`, from number i on. Returns the number behind. */
static uint32_t print_functions(const struct lcov *l, uint32_t i, const char *path, FILE *out)
{
	uint32_t end = i, hit = 0;
	for (; end < l->n_functions && strcmp(l->function[end].path, path) == 0; end++) {
		fprintf(out, "FN:%" PRIu32 ",", l->function[end].line);
		print_text(out, l->function[end].name);
		fputc('\n', out);
	}
	for (uint32_t k = i; k < end; k++) {
		hit += l->function[k].count != 0;
		fprintf(out, "FNDA:%" PRIu64 ",", l->function[k].count);
		print_text(out, l->function[k].name);
		fputc('\n', out);
	}
	fprintf(out, "FNF:%" PRIu32 "\nFNH:%" PRIu32 "\n", end - i, hit);
	return end;
}

static uint32_t print_branches(const struct lcov *l, uint32_t i, const char *path, FILE *out)
{
	uint32_t end = i, hit = 0;
	for (; end < l->n_branches && strcmp(l->branch[end].path, path) == 0; end++) {
		const struct lcov_branch *b = &l->branch[end];
		hit += b->count != 0;
		fprintf(out, "BRDA:%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",", b->line, b->block, b->branch);
		if (b->reached)
			fprintf(out, "%" PRIu64 "\n", b->count);
		else
			fputs("-\n", out);
	}
	if (end != i)
		fprintf(out, "BRF:%" PRIu32 "\nBRH:%" PRIu32 "\n", end - i, hit);
	return end;
}

static uint32_t print_lines(const struct lcov *l, uint32_t i, const char *path, FILE *out)
{
	uint32_t end = i, hit = 0;
	for (; end < l->n_lines && strcmp(l->line[end].path, path) == 0; end++) {
		hit += l->line[end].count != 0;
		fprintf(out, "DA:%" PRIu32 ",%" PRIu64 "\n", l->line[end].line, l->line[end].count);
	}
	fprintf(out, "LF:%" PRIu32 "\nLH:%" PRIu32 "\n", end - i, hit);
	return end;
}

/* The first in the alphabet of those whose turn it is. */
static const char *next_path(const struct lcov *l, uint32_t line, uint32_t function, uint32_t branch)
{
	const char *path = line < l->n_lines ? l->line[line].path : NULL;
	const char *others[] = {function < l->n_functions ? l->function[function].path : NULL,
				branch < l->n_branches ? l->branch[branch].path : NULL};
	for (unsigned k = 0; k < ARRAY_LEN(others); k++)
		if (others[k] && (!path || strcmp(others[k], path) < 0))
			path = others[k];
	return path;
}

bool lcov_write(struct lcov *l, const struct coverage_input *in, FILE *out)
{
	if (!add_run(l, in))
		return false;
	if (l->n_lines)
		qsort(l->line, l->n_lines, sizeof *l->line, by_line);
	if (l->n_functions)
		qsort(l->function, l->n_functions, sizeof *l->function, by_function);
	if (l->n_branches)
		qsort(l->branch, l->n_branches, sizeof *l->branch, by_branch);
	merge_equal(l);
	merge_branches(l);
	for (uint32_t i = 0, f = 0, b = 0; i < l->n_lines || f < l->n_functions || b < l->n_branches;) {
		const char *path = next_path(l, i, f, b);
		fputs("TN:\nSF:", out);
		print_text(out, path);
		fputc('\n', out);
		f = print_functions(l, f, path, out);
		b = print_branches(l, b, path, out);
		i = print_lines(l, i, path, out);
		fputs("end_of_record\n", out);
	}
	return true;
}
