/* SPDX-License-Identifier: Apache-2.0 */
/* drcov files, version 2: a text table of modules, then eight bytes a block: offset, size and module, little-endian. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug/coverage-internal.h"

#define MAX_MODULES 1024u
#define BLOCK_BYTES 8u

_Static_assert(sizeof(struct drcov_block) == BLOCK_BYTES, "blocks are written as they lie here");

void drcov_free(struct drcov *d)
{
	for (uint32_t i = 0; i < d->n_modules; i++)
		free(d->module[i].path);
	free(d->module);
	free(d->block);
	*d = (struct drcov){0};
}

/* Number of the module; MAX_MODULES when there is no room. */
static uint32_t add_module(struct drcov *d, const char *path, size_t length, uint64_t base, uint64_t end)
{
	for (uint32_t i = 0; i < d->n_modules; i++) {
		const struct drcov_module *m = &d->module[i];
		if (m->base == base && m->end == end && strlen(m->path) == length && memcmp(m->path, path, length) == 0)
			return i;
	}
	if (!d->module)
		d->module = calloc(MAX_MODULES, sizeof *d->module);
	char *copy = d->module && d->n_modules < MAX_MODULES ? strndup(path, length) : NULL;
	if (!copy) {
		d->out_of_memory = true;
		return MAX_MODULES;
	}
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
	d->module[d->n_modules] = (struct drcov_module){copy, base, end};
	return d->n_modules++;
}

static void add_block(struct drcov *d, struct drcov_block b)
{
	if (d->n_blocks == d->cap_blocks) {
		uint32_t cap = d->cap_blocks ? d->cap_blocks * 2 : 1024;
		struct drcov_block *bigger = realloc(d->block, cap * sizeof *bigger);
		if (!bigger) {
			d->out_of_memory = true;
			return;
		}
		d->block = bigger;
		d->cap_blocks = cap;
	}
	d->block[d->n_blocks++] = b;
}

/* ---- reading ---- */

/* Takes the line at *p (its length to *n), if it starts with `head`. */
static const char *take_line(const char **p, const char *end, const char *head, size_t *n)
{
	const char *line = *p, *stop = memchr(line, '\n', (size_t)(end - line));
	if (!stop || (size_t)(stop - line) < strlen(head) || memcmp(line, head, strlen(head)) != 0)
		return NULL;
	*n = (size_t)(stop - line);
	*p = stop + 1;
	return line;
}

/* " 0, 0x..., 0x..., 0x..., path": rows of other versions are not understood. */
static bool parse_module(struct drcov *d, const char *line, size_t n, uint32_t number)
{
	char text[64];
	unsigned id;
	uint64_t base, end;
	int at = 0;
	snprintf(text, sizeof text, "%.*s", (int)MIN(n, sizeof text - 1), line);
	if (sscanf(text, " %u, %" SCNx64 ", %" SCNx64 ", %*x, %n", &id, &base, &end, &at) < 3 || !at || id != number)
		return false;
	return add_module(d, line + at, n - (size_t)at, base, end) == number;
}

static bool parse_blocks(struct drcov *d, const char *p, const char *end, uint64_t count)
{
	if ((uint64_t)(end - p) / BLOCK_BYTES < count)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct drcov_block b;
		memcpy(&b, p + i * BLOCK_BYTES, sizeof b);
		if (b.module < d->n_modules)
			add_block(d, b);
	}
	return !d->out_of_memory;
}

bool drcov_parse(struct drcov *d, const char *text, size_t size)
{
	const char *p = text, *end = text + size, *line;
	size_t n;
	unsigned modules;
	uint64_t count;
	if (!take_line(&p, end, "DRCOV VERSION: 2", &n) || !take_line(&p, end, "DRCOV FLAVOR:", &n) ||
	    !(line = take_line(&p, end, "Module Table: version 2, count ", &n)) || sscanf(line + 31, "%u", &modules) != 1 ||
	    modules > MAX_MODULES || !take_line(&p, end, "Columns: id, base, end, entry, path", &n))
		return false;
	for (unsigned i = 0; i < modules; i++)
		if (!(line = take_line(&p, end, "", &n)) || !parse_module(d, line, n, i))
			return false;
	line = take_line(&p, end, "BB Table: ", &n);
	return line && sscanf(line + 10, "%" SCNu64, &count) == 1 && parse_blocks(d, p, end, count);
}

/* ---- writing ---- */

/* The piece of a block that ran at all: a fault may end all of its runs early. */
struct extent {
	uint32_t start, end;
};

static void extend(void *ctx, const struct block_insn *i)
{
	struct extent *e = ctx;
	if (i->count)
		e->end = i->pc + i->bytes;
}

static void add_extent(struct drcov *d, const struct coverage_input *in, const struct extent *e, const uint32_t *number)
{
	const struct coverage_module *m = in->modules;
	for (unsigned i = 0; i < in->n_modules; i++)
		if (e->start >= m[i].base && e->start < m[i].end) {
			if (number[i] < MAX_MODULES)
				add_block(d, (struct drcov_block){e->start - m[i].base, (uint16_t)(e->end - e->start),
								  (uint16_t)number[i]});
			return;
		}
}

static int by_place(const void *pa, const void *pb)
{
	const struct drcov_block *a = pa, *b = pb;
	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->size > b->size) - (a->size < b->size);
}

static void sort_blocks(struct drcov *d)
{
	uint32_t n = 0;
	if (d->n_blocks)
		qsort(d->block, d->n_blocks, sizeof *d->block, by_place);
	for (uint32_t i = 0; i < d->n_blocks; i++)
		if (!n || by_place(&d->block[n - 1], &d->block[i]) != 0)
			d->block[n++] = d->block[i];
	d->n_blocks = n;
}

static bool add_run(struct drcov *d, const struct coverage_input *in)
{
	uint32_t *number = malloc((in->n_modules + 1) * sizeof *number);
	if (!number)
		return false;
	for (unsigned i = 0; i < in->n_modules; i++)
		number[i] = add_module(d, in->modules[i].path, strlen(in->modules[i].path), in->modules[i].base, in->modules[i].end);
	for (uint32_t i = 1; i < in->blocks->n; i++) {
		const struct block_record *r = &in->blocks->record[i];
		struct extent e = {r->pc_key & ~1u, r->pc_key & ~1u};
		if (in->runs[i])
			block_each_insn(r, in->runs[i], extend, &e);
		if (e.end != e.start)
			add_extent(d, in, &e, number);
	}
	free(number);
	return !d->out_of_memory;
}

bool drcov_write(struct drcov *d, const struct coverage_input *in, FILE *out)
{
	if (!add_run(d, in))
		return false;
	sort_blocks(d);
	fprintf(out, "DRCOV VERSION: 2\nDRCOV FLAVOR: rhea\nModule Table: version 2, count %" PRIu32 "\n"
		"Columns: id, base, end, entry, path\n", d->n_modules);
	for (uint32_t i = 0; i < d->n_modules; i++) {
		const struct drcov_module *m = &d->module[i];
		fprintf(out, "%3" PRIu32 ", 0x%08" PRIx64 ", 0x%08" PRIx64 ", 0x00000000, ", i, m->base, m->end);
		fprintf(out, "%s\n", m->path);
	}
	fprintf(out, "BB Table: %" PRIu32 " bbs\n", d->n_blocks);
	if (d->n_blocks)
		fwrite(d->block, sizeof *d->block, d->n_blocks, out);
	return true;
}
