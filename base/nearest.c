/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance (optimal string alignment) over three rows of the usual table. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/base.h"
#include "base/nearest.h"

/* Longer words are compared by their beginning: what is typed may be of any length. */
#define NEAREST_MAX 64

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned distance(const char *a, const char *b)
{
	size_t la = strnlen(a, NEAREST_MAX), lb = strnlen(b, NEAREST_MAX);
	unsigned rows[3][NEAREST_MAX + 1];
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *prev = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned d = prev[j - 1] + !same(a[i - 1], b[j - 1]);
			d = MIN(d, prev[j] + 1);
			d = MIN(d, row[j - 1] + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d = MIN(d, before[j - 2] + 1);
			row[j] = d;
		}
	}
	return rows[la % 3][lb];
}

const char *nearest(const char *word, const char *const *words, unsigned n)
{
	const char *best = NULL;
	unsigned best_distance = UINT_MAX;
	for (unsigned i = 0; i < n; i++) {
		unsigned d = words[i] ? distance(word, words[i]) : UINT_MAX;
		if (d < best_distance) {
			best = words[i];
			best_distance = d;
		}
	}
	return best;
}
