/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of source lines. Names of files come out of an image that may be anybody's, and the page is made to be shown around: only
 * regular files whose names end as source files' do are read.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debug/explorer-internal.h"
#include "debug/json.h"

#define MAX_LINE 200
#define MAX_FILE (8 << 20)

void explorer_want_line(struct explorer *e, uint32_t file, uint32_t line)
{
	if (e->n_lines && e->line[e->n_lines - 1].file == file && e->line[e->n_lines - 1].line == line)
		return;
	if (e->n_lines == e->cap_lines) {
		uint32_t cap = e->cap_lines ? e->cap_lines * 2 : 1024;
		struct explorer_line *bigger = realloc(e->line, cap * sizeof *bigger);
		if (!bigger)
			return;
		e->line = bigger;
		e->cap_lines = cap;
	}
	e->line[e->n_lines++] = (struct explorer_line){file, line};
}

static bool is_source(const char *path)
{
	static const char *const ends[] = {".c", ".h", ".S", ".s", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".inc", ".rs", ".zig", ".ada", ".adb", ".f90"};
	const char *dot = strrchr(path, '.');
	for (unsigned i = 0; dot && i < ARRAY_LEN(ends); i++)
		if (strcmp(dot, ends[i]) == 0)
			return *path == '/';
	return false;
}

static FILE *open_source(const char *path)
{
	struct stat st;
	int fd = is_source(path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	FILE *f = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE)
		f = fdopen(fd, "r");
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

static int by_line(const void *pa, const void *pb)
{
	const struct explorer_line *a = pa, *b = pb;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

/* The wanted lines [*i, ...) of one file, "line":"text"; moves *i to the next file's. */
static void print_file(struct explorer *e, uint32_t *i)
{
	uint32_t file = e->line[*i].file, at = 0;
	FILE *f = open_source(e->in->tables->file[file]);
	char *text = NULL;
	size_t cap = 0;
	bool first = true;
	for (; *i < e->n_lines && e->line[*i].file == file; ++*i) {
		ssize_t n = 0;
		if (!f || e->line[*i].line <= at)
			continue;
		while (at < e->line[*i].line && (n = getline(&text, &cap, f)) >= 0)
			at++;
		if (n < 0)
			continue;
		text[MIN(strcspn(text, "\r\n"), (size_t)MAX_LINE)] = 0;
		fprintf(e->out, "%s\"%" PRIu32 "\":", first ? "" : ",", e->line[*i].line);
		json_string(e->out, text);
		first = false;
	}
	free(text);
	if (f)
		fclose(f);
}

void explorer_print_source(struct explorer *e)
{
	if (e->n_lines)
		qsort(e->line, e->n_lines, sizeof *e->line, by_line);
	fputs("\"files\":{\"0\":\"\"", e->out);
	for (uint32_t i = 0; i < e->n_lines; i++) {
		if (i && e->line[i - 1].file == e->line[i].file)
			continue;
		fprintf(e->out, ",\"%" PRIu32 "\":", e->line[i].file);
		json_string(e->out, e->in->tables->file[e->line[i].file]);
	}
	fputs("},\n\"source\":{\"0\":{}", e->out);
	for (uint32_t i = 0; i < e->n_lines;) {
		fprintf(e->out, ",\n\"%" PRIu32 "\":{", e->line[i].file);
		print_file(e, &i);
		fputc('}', e->out);
	}
	fputc('}', e->out);
}
