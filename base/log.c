/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink. A stream that cannot be written to is left alone from then on: the guest never notices. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"

struct log_item {
	const char *name;
	uint32_t mask;
};

static const struct log_item log_items[] = {
#define LOG_ITEM(name, bit, help) { #name, LOG_##name },
#include "base/log.def"
#undef LOG_ITEM
};

bool log_in_range(const struct log *l, uint32_t addr)
{
	for (unsigned i = 0; i < l->n_ranges; i++)
		if (addr >= l->ranges[i].first && addr <= l->ranges[i].last)
			return true;
	return l->n_ranges == 0;
}

/* ---- output ---- */

static FILE *stream(const struct log *l)
{
	return l->out ? l->out : stderr;
}

static void gave_up(struct log *l)
{
	if (l->out)
		fprintf(stderr, "rhea: the log is incomplete: %s\n", strerror(errno));
	l->broken = true;
}

void log_printf(struct log *l, const char *fmt, ...)
{
	va_list ap;
	if (!l || l->broken)
		return;
	va_start(ap, fmt);
	int n = vfprintf(stream(l), fmt, ap);
	va_end(ap);
	if (n < 0)
		gave_up(l);
}

void log_flush(struct log *l)
{
	if (l && !l->broken && fflush(stream(l)))
		gave_up(l);
}

enum rhea_status log_open(struct log *l, const char *path, struct rhea_error *err)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return error_set(err, RHEA_ERR_FILE, "cannot open log file '%s': %s", path, strerror(errno));
	if (l->owns_out)
		fclose(l->out);
	l->out = f;
	l->owns_out = true;
	l->broken = false;
	return RHEA_OK;
}

void log_close(struct log *l)
{
	log_flush(l);
	if (l->owns_out)
		fclose(l->out);
	free(l->ranges);
	*l = (struct log){ 0 };
}

/* ---- items ---- */

static uint32_t all_items(void)
{
	uint32_t mask = 0;
	for (unsigned i = 0; i < ARRAY_LEN(log_items); i++)
		mask |= log_items[i].mask;
	return mask;
}

static enum rhea_status unknown_item(const char *word, size_t len, struct rhea_error *err)
{
	const char *names[ARRAY_LEN(log_items) + 2] = { "all", "none" };
	char copy[64];
	for (unsigned i = 0; i < ARRAY_LEN(log_items); i++)
		names[i + 2] = log_items[i].name;
	snprintf(copy, sizeof copy, "%.*s", (int)MIN(len, sizeof copy - 1), word);
	return error_set(err, RHEA_ERR_USAGE, "unknown log item '%s': did you mean '%s'? (-d help lists them)", copy,
			 nearest(copy, names, ARRAY_LEN(names)));
}

/* "tb-stats" is as good as "tb_stats". */
static bool is_word(const char *text, size_t len, const char *word)
{
	size_t i = 0;
	while (i < len && word[i] && (text[i] == word[i] || (text[i] == '-' && word[i] == '_')))
		i++;
	return i == len && !word[i];
}

static bool add_item(const char *word, size_t len, uint32_t *mask)
{
	if (is_word(word, len, "all") || is_word(word, len, "none")) {
		*mask = *word == 'a' ? all_items() : 0;
		return true;
	}
	for (unsigned i = 0; i < ARRAY_LEN(log_items); i++)
		if (is_word(word, len, log_items[i].name)) {
			*mask |= log_items[i].mask;
			return true;
		}
	return false;
}

enum rhea_status log_parse_items(const char *text, uint32_t *mask, struct rhea_error *err)
{
	uint32_t result = 0;
	for (const char *p = text;;) {
		size_t len = strcspn(p, ",");
		if (!add_item(p, len, &result))
			return unknown_item(p, len, err);
		p += len;
		if (!*p++)
			break;
	}
	*mask = result;
	return RHEA_OK;
}

/* ---- filter ---- */

/* Reads a number of C syntax; false when there is none. */
static bool number(const char **p, uint64_t *value)
{
	char *end;
	errno = 0;
	if (**p < '0' || **p > '9')
		return false;
	*value = strtoull(*p, &end, 0);
	*p = end;
	return errno == 0;
}

/* The operator between two numbers: '+', '-', or '.' for ".."; 0 when there is none. */
static char range_operator(const char **p)
{
	char op = **p;
	if (op == '.' && (*p)[1] == '.')
		*p += 2;
	else if (op == '+' || op == '-')
		*p += 1;
	else
		op = 0;
	return op;
}

/* One range; *p moves behind it. Lengths count from `start` up, or down to it. */
static bool parse_range(const char **p, struct log_range *out)
{
	uint64_t start, other;
	if (!number(p, &start))
		return false;
	char op = range_operator(p);
	if (!op || !number(p, &other))
		return false;
	uint64_t first = op == '-' ? start - (other - 1) : start;
	uint64_t last = op == '+' ? start + (other - 1) : op == '-' ? start : other;
	if (first > last || (op != '.' && !other) || first > UINT32_MAX)
		return false;
	*out = (struct log_range){ (uint32_t)first, (uint32_t)MIN(last, UINT32_MAX) };
	return true;
}

static enum rhea_status add_range(struct log *l, struct log_range r, struct rhea_error *err)
{
	struct log_range *bigger = realloc(l->ranges, (l->n_ranges + 1) * sizeof *bigger);
	if (!bigger)
		return error_set(err, RHEA_ERR_MEMORY, "out of memory");
	l->ranges = bigger;
	l->ranges[l->n_ranges++] = r;
	return RHEA_OK;
}

enum rhea_status log_parse_filter(struct log *l, const char *text, struct rhea_error *err)
{
	for (const char *p = text;;) {
		const char *start = p;
		struct log_range r;
		if (!parse_range(&p, &r) || (*p && *p != ','))
			return error_set(err, RHEA_ERR_USAGE, "bad address range '%.*s': write START..END, START+LENGTH or START-LENGTH",
					 (int)MIN(strcspn(start, ","), 100u), start);
		enum rhea_status st = add_range(l, r, err);
		if (st || !*p++)
			return st;
	}
}
