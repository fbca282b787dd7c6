/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and functions of all images as sorted arrays. DIEs are visited in the order of the file and no deeper than
 * namespaces and classes go, so that a damaged tree can neither be walked in circles nor use up the stack.
 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/debuginfo-internal.h"

#define MAX_DEPTH 8u
#define MAX_ROWS (1u << 24) /* of each table */

/* Room for one more in an array of `size` bytes each; false when there is none. */
static bool reserve(void *array, uint32_t n, uint32_t *cap, size_t size)
{
	void **a = array;
	if (n < *cap)
		return true;
	uint32_t bigger = *cap ? *cap * 2 : 256;
	void *p = bigger <= MAX_ROWS ? realloc(*a, bigger * size) : NULL;
	if (!p)
		return false;
	*a = p;
	*cap = bigger;
	return true;
}

void debuginfo_free_tables(struct debuginfo *d)
{
	for (uint32_t i = 0; i < d->tables.n_files; i++)
		free(d->file[i]);
	free(d->file);
	free(d->file_next);
	free(d->line);
	free(d->function);
	free(d->range);
	d->file = NULL;
	d->file_next = NULL;
	memset(d->file_head, 0, sizeof d->file_head);
	d->line = NULL;
	d->function = NULL;
	d->range = NULL;
	d->cap_files = d->cap_next = d->cap_lines = d->cap_functions = d->cap_ranges = 0;
	d->tables = (struct debug_tables){0};
}

/* ---- files ---- */

/* What reads one compilation unit. */
struct reader {
	struct debuginfo *d;
	const struct libdw *dw;
	const struct debug_image *image;
	const char *dir; /* of the unit; "" when it says none */
	/* By the library's string for a file, which is the same each time: its number. */
	struct {
		const char *name;
		uint32_t file;
	} seen[64];
};

/* "." and ".." as they are, for the file system may have links; but one spelling of "./". */
static char *resolve(const char *dir, const char *name)
{
	char *path = NULL;
	while (name[0] == '.' && name[1] == '/')
		name += 2;
	if (*name == '/' || !*dir)
		return strdup(name);
	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static uint32_t *file_slot(struct debuginfo *d, const char *path)
{
	uint32_t h = 5381;
	for (; *path; path++)
		h = h * 33 + (uint8_t)*path;
	return &d->file_head[h % ARRAY_LEN(d->file_head)];
}

/* Number of the file, which becomes the table's; 0 when there is no room. */
static uint32_t intern(struct debuginfo *d, char *path)
{
	uint32_t n = d->tables.n_files, *head = file_slot(d, path), i = *head;
	while (i && strcmp(d->file[i], path) != 0)
		i = d->file_next[i];
	if (i || !reserve(&d->file, n, &d->cap_files, sizeof *d->file) ||
	    !reserve(&d->file_next, n, &d->cap_next, sizeof *d->file_next)) {
		free(path);
		return i;
	}
	d->file[n] = path;
	d->file_next[n] = *head;
	*head = n;
	return d->tables.n_files++;
}

static uint32_t file_number(struct reader *r, const char *name)
{
	unsigned slot = (unsigned)((uintptr_t)name >> 3) % ARRAY_LEN(r->seen);
	if (!name)
		return 0;
	if (r->seen[slot].name != name) {
		char *path = resolve(r->dir, name);
		r->seen[slot].file = path ? intern(r->d, path) : 0;
		r->seen[slot].name = name;
	}
	return r->seen[slot].file;
}

static bool is_code(const struct debug_image *image, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < image->n_code; i++)
		if (start >= image->code[i].start && end <= image->code[i].end)
			return start < end && end <= UINT32_MAX;
	return false;
}

/* ---- lines ---- */

static void add_line(struct reader *r, uint64_t start, uint64_t end, const char *name, int line)
{
	struct debuginfo *d = r->d;
	if (!is_code(r->image, start, end) || line < 1 ||
	    !reserve(&d->line, d->tables.n_lines, &d->cap_lines, sizeof *d->line))
		return;
	uint32_t file = file_number(r, name);
	if (file)
		d->line[d->tables.n_lines++] = (struct debug_line){(uint32_t)start, (uint32_t)end, file, (uint32_t)line};
}

/* Each row reaches to the next one of its sequence. */
static void read_lines(struct reader *r, Dwarf_Die *unit)
{
	const struct libdw *dw = r->dw;
	Dwarf_Lines *lines;
	size_t n;
	if (dw->dwarf_getsrclines(unit, &lines, &n))
		return;
	for (size_t i = 0; i + 1 < n; i++) {
		Dwarf_Line *row = dw->dwarf_onesrcline(lines, i), *next = dw->dwarf_onesrcline(lines, i + 1);
		Dwarf_Addr start, end;
		bool last = true;
		int line;
		if (!row || !next || dw->dwarf_lineendsequence(row, &last) || last || dw->dwarf_lineaddr(row, &start) ||
		    dw->dwarf_lineaddr(next, &end) || dw->dwarf_lineno(row, &line))
			continue;
		add_line(r, start, end, dw->dwarf_linesrc(row, NULL, NULL), line);
	}
}

/* ---- functions ---- */

static const char *function_name(const struct libdw *dw, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = NULL;
	if (dw->dwarf_attr_integrate(die, DW_AT_linkage_name, &attr))
		name = dw->dwarf_formstring(&attr);
	return name ? name : dw->dwarf_diename(die);
}

static void read_function(struct reader *r, Dwarf_Die *die)
{
	struct debuginfo *d = r->d;
	Dwarf_Addr entry, base, start, end;
	ptrdiff_t at = 0;
	int line = 0;
	const char *name = function_name(r->dw, die);
	if (!name || !*name || r->dw->dwarf_entrypc(die, &entry) || !is_code(r->image, entry, entry + 1) ||
	    !reserve(&d->function, d->tables.n_functions, &d->cap_functions, sizeof *d->function))
		return;
	uint32_t number = d->tables.n_functions;
	for (unsigned i = 0; i < 64 && (at = r->dw->dwarf_ranges(die, at, &base, &start, &end)) > 0; i++) {
		if (!is_code(r->image, start, end) || !reserve(&d->range, d->tables.n_ranges, &d->cap_ranges, sizeof *d->range))
			continue;
		d->range[d->tables.n_ranges++] = (struct debug_range){(uint32_t)start & ~1u, (uint32_t)end, number};
	}
	if (r->dw->dwarf_decl_line(die, &line) || line < 0)
		line = 0;
	d->function[d->tables.n_functions++] = (struct debug_function){
		.name = name, /* lives as long as the image */
		.entry = (uint32_t)entry & ~1u,
		.file = file_number(r, r->dw->dwarf_decl_file(die)),
		.line = (uint32_t)line,
	};
}

static bool has_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_module;
}

static void read_children(struct reader *r, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die, next;
	if (r->dw->dwarf_child(parent, &die))
		return;
	for (;;) {
		int tag = r->dw->dwarf_tag(&die);
		if (tag == DW_TAG_subprogram)
			read_function(r, &die);
		else if (has_functions(tag) && depth < MAX_DEPTH)
			read_children(r, &die, depth + 1);
		if (r->dw->dwarf_siblingof(&die, &next) || r->dw->dwarf_dieoffset(&next) <= r->dw->dwarf_dieoffset(&die))
			return;
		die = next;
	}
}

static void read_image(struct debuginfo *d, const struct debug_image *i)
{
	Dwarf_Off at = 0, next;
	size_t header;
	for (; i->dwarf && !d->dw.dwarf_nextcu(i->dwarf, at, &next, &header, NULL, NULL, NULL) && next > at; at = next) {
		struct reader r = {.d = d, .dw = &d->dw, .image = i, .dir = ""};
		Dwarf_Die unit;
		Dwarf_Attribute attr;
		if (!d->dw.dwarf_offdie(i->dwarf, at + header, &unit))
			continue;
		const char *dir = d->dw.dwarf_attr(&unit, DW_AT_comp_dir, &attr) ? d->dw.dwarf_formstring(&attr) : NULL;
		if (dir)
			r.dir = dir;
		read_lines(&r, &unit);
		read_children(&r, &unit, 0);
	}
}

/* ---- all of it ---- */

static int by_start(const void *pa, const void *pb)
{
	const struct debug_line *a = pa, *b = pb;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

static int by_range(const void *pa, const void *pb)
{
	const struct debug_range *a = pa, *b = pb;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->function > b->function) - (a->function < b->function);
}

void debuginfo_read_tables(struct debuginfo *d)
{
	debuginfo_free_tables(d);
	char *none = strdup("");
	if (!none || !reserve(&d->file, 0, &d->cap_files, sizeof *d->file)) {
		free(none);
		return;
	}
	d->file[d->tables.n_files++] = none;
	for (const struct debug_image *i = d->images; i && d->loaded; i = i->next)
		read_image(d, i);
	if (d->line)
		qsort(d->line, d->tables.n_lines, sizeof *d->line, by_start);
	if (d->range)
		qsort(d->range, d->tables.n_ranges, sizeof *d->range, by_range);
	d->tables.line = d->line;
	d->tables.function = d->function;
	d->tables.range = d->range;
	d->tables.file = (const char *const *)d->file;
}

const struct debug_line *debug_find_line(const struct debug_tables *t, uint32_t pc)
{
	uint32_t lo = 0, hi = t->n_lines;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (t->line[mid].start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && pc < t->line[lo - 1].end ? &t->line[lo - 1] : NULL;
}

const struct debug_range *debug_find_range(const struct debug_tables *t, uint32_t pc)
{
	uint32_t lo = 0, hi = t->n_ranges;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (t->range[mid].start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && pc < t->range[lo - 1].end ? &t->range[lo - 1] : NULL;
}
