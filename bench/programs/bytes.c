/* SPDX-License-Identifier: Apache-2.0 */
/* Text work: length, search, case, words counted; byte loads and short loops. */
#include "bench.h"

static char text[8192];

static NOINLINE uint32_t words(const char *s)
{
	uint32_t n = 0, in = 0;

	for (; *s; s++) {
		uint32_t letter = (uint32_t)((*s | 32) - 'a') < 26;

		n += letter && !in;
		in = letter;
	}
	return n;
}

static NOINLINE uint32_t find(const char *s, const char *what)
{
	uint32_t hits = 0;

	for (; *s; s++) {
		const char *a = s, *b = what;

		while (*b && *a == *b)
			a++, b++;
		hits += !*b;
	}
	return hits;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 77;

	for (unsigned i = 0; i < sizeof(text) - 1; i++) {
		uint32_t r = next_random(&s) % 32;
		text[i] = r < 26 ? (char)('a' + r % 5) : ' ';
	}
	for (uint32_t i = 0; i < n; i++) {
		text[i & 4095] ^= 32;
		h = h * 31 + words(text) + find(text, "abc") * 7 + (uint32_t)strlen(text);
	}
	return h;
}
