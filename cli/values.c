/* SPDX-License-Identifier: Apache-2.0 */
/* The small languages inside option arguments: pairs, sizes, dates, and the nearest word to a typing mistake. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/options.h"

bool cli_next_pair(char **rest, char **key, char **value)
{
	char *in = *rest, *out = in;
	if (!*in)
		return false;
	*key = in;
	*value = NULL;
	while (*in && (*in != ',' || in[1] == ',')) {
		if (*in == '=' && !*value) {
			*out++ = '\0';
			*value = out;
			in++;
			continue;
		}
		in += *in == ',';
		*out++ = *in++;
	}
	*rest = *in ? in + 1 : in;
	*out = '\0';
	return true;
}

bool cli_parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = {"on", "yes", "true", "y"}, *const no[] = {"off", "no", "false", "n"};
	*value = true;
	if (!text)
		return true;
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, yes[i]) == 0)
			return true;
		if (strcmp(text, no[i]) == 0) {
			*value = false;
			return true;
		}
	}
	return false;
}

/* Digits at the start of text; *end behind them. */
static bool parse_digits(const char *text, uint64_t *value, char **end)
{
	if (!text || !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, end, strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? 16 : 10);
	return errno == 0;
}

bool cli_parse_u64(const char *text, uint64_t *value)
{
	char *end;
	return parse_digits(text, value, &end) && *end == '\0';
}

bool cli_parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
	static const char letters[] = "bkmgt";
	char *end;
	uint64_t n;
	if (!parse_digits(text, &n, &end))
		return false;
	if (*end) {
		const char *p = strchr(letters, tolower((unsigned char)*end));
		if (!p || end[1])
			return false;
		unit = UINT64_C(1) << (10 * (p - letters));
	}
	return !__builtin_mul_overflow(n, unit, bytes);
}

bool cli_parse_date(const char *text, int64_t *seconds)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};
	for (unsigned i = 0; i < 2; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (!end || *end)
			continue;
		int day = tm.tm_mday;
		*seconds = timegm(&tm);
		return tm.tm_mday == day; /* the 30th of February is no day */
	}
	return false;
}

#define WORD_MAX 32

/* Levenshtein distance of words shorter than WORD_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
			best = best < up + 1 ? best : up + 1;
			best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *word, const char *const *words, unsigned n)
{
	const char *best = NULL;
	size_t len = strlen(word);
	unsigned limit = (unsigned)(len / 3 + 1); /* farther than this it is another word */
	if (len >= WORD_MAX)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		if (strlen(words[i]) >= WORD_MAX)
			continue;
		unsigned d = distance(word, words[i]);
		if (d <= limit && d < strlen(words[i])) {
			best = words[i];
			limit = d ? d - 1 : 0;
			if (d == 0)
				break;
		}
	}
	return best;
}

/* ---- what handlers say ---- */

bool cli_is_help(const char *arg)
{
	return strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0;
}

bool cli_show(struct cli_options *o, enum cli_action what)
{
	o->action = what;
	return true;
}

bool cli_bad_value(struct cli_options *o, const char *option, const char *key, const char *value, const char *want)
{
	return cli_fail(o, "-%s: %s=%.100s: expected %s", option, key, value ? value : "", want);
}

bool cli_unknown_key(struct cli_options *o, const char *option, const char *key, const char *known)
{
	return cli_fail(o, "-%s: unknown property '%.100s' (known: %s)", option, key, known);
}

bool cli_parse_flag(struct cli_options *o, const char *option, const char *key, const char *value, bool *flag)
{
	return cli_parse_bool(value, flag) || cli_bad_value(o, option, key, value, "on or off");
}

bool cli_keep_file(struct cli_options *o, const struct cli_option *row, const char *arg, const char **where)
{
	if (!*arg)
		return cli_fail(o, "-%s: the file name is empty", row->name);
	*where = arg;
	return true;
}
