/* SPDX-License-Identifier: Apache-2.0 */
/* -coverage and its kin: FILE[,property=value]... A comma in the file's name is written twice. */
#include <string.h>

#include "cli/options.h"

/* The file's name, which comes first; file=FILE is as good. *rest is what follows. */
static bool take_path(struct cli_options *o, const struct cli_option *row, const char *arg, char **rest, const char **path)
{
	char *key, *value;
	*rest = cli_keep(o, arg);
	if (!cli_next_pair(rest, &key, &value) || !*key)
		return cli_fail(o, "-%s: the file name is empty", row->name);
	if (value && strcmp(key, "file") == 0)
		key = value;
	else if (value)
		value[-1] = '='; /* part of the name */
	*path = key;
	return *key || cli_fail(o, "-%s: the file name is empty", row->name);
}

static bool unknown(struct cli_options *o, const struct cli_option *row, const char *key, const char *known)
{
	return cli_fail(o, "-%s: unknown property '%.100s' (known: %s)", row->name, key, known);
}

bool opt_coverage(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest, *key, *value;
	struct rhea_coverage *c = &o->coverage;
	*c = (struct rhea_coverage){0};
	if (!take_path(o, row, arg, &rest, &c->path))
		return false;
	while (cli_next_pair(&rest, &key, &value)) {
		const char *v = value ? value : "";
		if (strcmp(key, "merge") == 0) {
			if (!cli_parse_bool(value, &c->merge))
				return cli_fail(o, "-coverage: merge=%.100s: expected on or off", v);
		} else if (strcmp(key, "format") == 0) {
			c->format = strcmp(v, "drcov") == 0 ? RHEA_COVERAGE_DRCOV : RHEA_COVERAGE_LCOV;
			if (strcmp(v, "drcov") != 0 && strcmp(v, "lcov") != 0)
				return cli_fail(o, "-coverage: format=%.100s: expected lcov or drcov", v);
		} else {
			return unknown(o, row, key, "format, merge");
		}
	}
	return true;
}

bool opt_profile(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest, *key, *value;
	struct rhea_profile *p = &o->profile;
	*p = (struct rhea_profile){0};
	if (!take_path(o, row, arg, &rest, &p->path))
		return false;
	while (cli_next_pair(&rest, &key, &value)) {
		if (strcmp(key, "period") != 0)
			return unknown(o, row, key, "period");
		if (!cli_parse_u64(value, &p->period) || p->period < 1024)
			return cli_fail(o, "-profile: period=%.100s: expected a number of instructions, at least 1024", value ? value : "");
	}
	return true;
}

bool opt_explore(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest, *key, *value;
	struct rhea_explore *e = &o->explore;
	uint64_t top = 0;
	*e = (struct rhea_explore){0};
	if (!take_path(o, row, arg, &rest, &e->path))
		return false;
	while (cli_next_pair(&rest, &key, &value)) {
		if (strcmp(key, "top") != 0)
			return unknown(o, row, key, "top");
		if (!cli_parse_u64(value, &top) || top < 1 || top > 5000)
			return cli_fail(o, "-explore: top=%.100s: expected a number from 1 to 5000", value ? value : "");
	}
	e->top = (unsigned)top;
	return true;
}

/* "blocks+mem" */
static bool trace_what(struct cli_options *o, const char *text, unsigned *what)
{
	static const char *const words[] = {"blocks", "mem", "devices"};
	static const unsigned bits[] = {RHEA_TRACE_BLOCKS, RHEA_TRACE_MEM, RHEA_TRACE_DEVICES};
	for (const char *p = text; *what == 0 || *p; p += *p == '+') {
		size_t n = strcspn(p, "+"), i = 0;
		while (i < 3 && (strlen(words[i]) != n || strncmp(words[i], p, n) != 0))
			i++;
		if (i == 3)
			return cli_fail(o, "-trace: what=%.100s: expected blocks, mem and devices, joined by +", text);
		*what |= bits[i];
		p += n;
	}
	return true;
}

bool opt_trace(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest, *key, *value;
	struct rhea_trace *t = &o->trace;
	*t = (struct rhea_trace){0};
	if (!take_path(o, row, arg, &rest, &t->path))
		return false;
	while (cli_next_pair(&rest, &key, &value)) {
		if (strcmp(key, "what") == 0) {
			if (!trace_what(o, value ? value : "", &t->what))
				return false;
		} else if (strcmp(key, "last") == 0) {
			if (!cli_parse_size(value, 1, &t->last) || !t->last)
				return cli_fail(o, "-trace: last=%.100s: expected a number of events", value ? value : "");
		} else {
			return unknown(o, row, key, "what, last");
		}
	}
	return true;
}

bool opt_symbols(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	if (!*arg)
		return cli_fail(o, "-%s: the file name is empty", row->name);
	if (o->n_symbols == CLI_MAX_LOADERS)
		return cli_fail(o, "-%s: more than %d of them", row->name, CLI_MAX_LOADERS);
	o->symbols[o->n_symbols++] = arg;
	return true;
}
