/* SPDX-License-Identifier: Apache-2.0 */
/* The coverage file: opened early, read when runs are merged, written at the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "debug/coverage-internal.h"

#define MAX_OLD (UINT64_C(1) << 30)

struct coverage {
	struct report_file file;
	enum rhea_coverage_format format;
	/* What earlier runs wrote. It is taken in once: writing again starts from it. */
	char *old;
	size_t old_size;
};

/* All of the file, NUL behind it. */
static enum rhea_status read_old(struct coverage *c, struct rhea_error *err)
{
	size_t cap = 0, n = 0;
	struct stat st;
	if (fstat(fileno(c->file.file), &st) || !S_ISREG(st.st_mode))
		return RHEA_OK; /* nothing that lasts */
	do {
		cap = cap ? 2 * cap : 1 << 16;
		char *bigger = cap <= MAX_OLD ? realloc(c->old, cap + 1) : NULL;
		if (!bigger)
			return error_set(err, RHEA_ERR_HOST, "coverage file '%s': too large", c->file.path);
		c->old = bigger;
		n += fread(c->old + n, 1, cap - n, c->file.file);
	} while (n == cap);
	if (ferror(c->file.file))
		return error_set(err, RHEA_ERR_FILE, "cannot read coverage file '%s': %s", c->file.path, strerror(errno));
	c->old[n] = 0;
	c->old_size = n;
	return RHEA_OK;
}

/* A copy of the old text, for a parser that cuts it. */
static char *copy_old(const struct coverage *c)
{
	char *copy = malloc(c->old_size + 1);
	if (copy)
		memcpy(copy, c->old, c->old_size + 1);
	return copy;
}

static bool parse(const struct coverage *c, struct lcov *l, struct drcov *d)
{
	*l = (struct lcov){0};
	*d = (struct drcov){0};
	if (!c->old_size)
		return true;
	if (c->format == RHEA_COVERAGE_DRCOV)
		return drcov_parse(d, c->old, c->old_size);
	char *copy = copy_old(c);
	return copy && lcov_parse(l, copy, c->old_size);
}

static enum rhea_status check_old(const struct coverage *c, struct rhea_error *err)
{
	struct lcov l;
	struct drcov d;
	bool ok = parse(c, &l, &d);
	lcov_free(&l);
	drcov_free(&d);
	if (ok)
		return RHEA_OK;
	return error_set(err, RHEA_ERR_FILE, "coverage file '%s': cannot merge, it is no %s file", c->file.path,
			 c->format == RHEA_COVERAGE_DRCOV ? "drcov" : "lcov");
}

enum rhea_status coverage_open(struct coverage **out, const struct rhea_coverage *cfg, struct rhea_error *err)
{
	struct coverage *c = *out = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	c->format = cfg->format;
	enum rhea_status st = report_file_open(&c->file, "coverage", cfg->path, cfg->merge, err);
	if (!st && cfg->merge)
		st = read_old(c, err);
	if (!st)
		st = check_old(c, err);
	if (st) {
		coverage_close(c);
		*out = NULL;
	}
	return st;
}

void coverage_close(struct coverage *c)
{
	if (!c)
		return;
	report_file_close(&c->file);
	free(c->old);
	free(c);
}

enum rhea_status coverage_write(struct coverage *c, const struct coverage_input *in, struct rhea_error *err)
{
	struct lcov l;
	struct drcov d;
	enum rhea_status st = report_file_begin(&c->file, err);
	if (st)
		return st;
	bool ok = parse(c, &l, &d);
	if (ok && c->format == RHEA_COVERAGE_DRCOV)
		ok = drcov_write(&d, in, c->file.file);
	else if (ok)
		ok = lcov_write(&l, in, c->file.file);
	lcov_free(&l);
	drcov_free(&d);
	return ok ? report_file_end(&c->file, err) : error_set(err, RHEA_ERR_HOST, "coverage: out of host memory");
}
