/* SPDX-License-Identifier: Apache-2.0 */
/* The library's strlen, strcpy, strcat, strcmp, strncmp, strchr and strstr with strings of 0 to 200 letters. */
#include "bench.h"

static char pool[64][256], line[1024];

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 101;

	for (unsigned i = 0; i < 64; i++) {
		unsigned len = i < 40 ? i / 2 : i < 60 ? i : 200;

		for (unsigned j = 0; j < len; j++)
			pool[i][j] = (char)('a' + (next_random(&s) >> 7) % (j < len / 2 ? 2 : 20));
		pool[i][len] = 0;
	}
	for (uint32_t r = 0; r < n; r++) {
		const char *x = pool[next_random(&s) & 63], *y = pool[s >> 8 & 63], *z = pool[s >> 16 & 63], *found;
		uint32_t len = (uint32_t)strlen(x);
		int order = strcmp(x, y);

		strcpy(line, x);
		strcat(line, y);
		found = strchr(line, 'a' + (int)(s >> 24 & 15));
		h = h * 31 + len + (uint32_t)(order > 0) + (found ? (uint32_t)(found - line) : 99);
		h += (uint32_t)(strncmp(y, z, 8) == 0);
		found = strstr(line, "abba");
		h ^= found ? (uint32_t)(found - line) : (uint32_t)strlen(line);
	}
	return h;
}
