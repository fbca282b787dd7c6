/* SPDX-License-Identifier: Apache-2.0 */
/* A backtracking matcher for regular expressions (. [a-z] [^a-z] * + ? ^ $) over lines of a log: patterns are compiled to nodes,
 * matched by recursion. */
#include "bench.h"

enum kind { CHAR, ANY, SET, END };
struct node { uint8_t kind, low, high, c; uint32_t set[8]; };
struct program { struct node nodes[32]; int anchored, len; };

static char text[4096];
static struct program programs[8];

static const char *parse_set(const char *p, struct node *n)
{
	int invert = *p == '^';

	if (invert)
		p++;
	memset(n->set, 0, sizeof(n->set));
	while (*p && *p != ']') {
		unsigned from = (uint8_t)*p++, to = from;

		if (p[0] == '-' && p[1] && p[1] != ']')
			to = (uint8_t)p[1], p += 2;
		for (; from <= to; from++)
			n->set[from >> 5] |= 1u << (from & 31);
	}
	for (int i = 0; invert && i < 8; i++)
		n->set[i] = ~n->set[i];
	return p + 1;
}

static NOINLINE void compile(const char *p, struct program *out)
{
	out->anchored = *p == '^';
	out->len = 0;
	if (out->anchored)
		p++;
	while (*p) {
		struct node *n = &out->nodes[out->len++];

		n->low = n->high = 1;
		if (*p == '[') {
			n->kind = SET;
			p = parse_set(p + 1, n);
		} else if (*p == '$' && !p[1]) {
			n->kind = END;
			p++;
		} else {
			n->kind = *p == '.' ? ANY : CHAR;
			n->c = (uint8_t)*p++;
		}
		if (*p == '*')
			n->low = 0, n->high = 255, p++;
		else if (*p == '+')
			n->high = 255, p++;
		else if (*p == '?')
			n->low = 0, p++;
	}
}

static int fits(const struct node *n, unsigned c)
{
	switch (n->kind) {
	case CHAR: return n->c == c;
	case ANY: return c != '\n';
	case SET: return n->set[c >> 5] >> (c & 31) & 1;
	}
	return 0;
}

/* Where a match that begins at s ends; NULL when there is none. */
static NOINLINE const char *match(const struct program *p, int at, const char *s)
{
	for (; at < p->len; at++) {
		const struct node *n = &p->nodes[at];
		int have = 0;

		if (n->kind == END) {
			if (*s && *s != '\n')
				return NULL;
			continue;
		}
		while (have < n->high && *s && fits(n, (uint8_t)*s))
			s++, have++;
		if (have < n->low)
			return NULL;
		if (n->low == n->high)
			continue;
		for (; have >= n->low; have--, s--) {
			const char *end = match(p, at + 1, s);

			if (end)
				return end;
		}
		return NULL;
	}
	return s;
}

static NOINLINE uint32_t search(const struct program *p, const char *s)
{
	uint32_t h = 0;

	for (; *s; s++) {
		const char *end = p->anchored && s != text && s[-1] != '\n' ? NULL : match(p, 0, s);

		if (end && end > s) {
			h = h * 31 + (uint32_t)(end - text);
			s = end - 1;
		}
	}
	return h;
}

static void make_text(void)
{
	static const char *const words[] = { "error: ", "GET /index.html ", "from 192.168.0.1 ", "user=root ", "0x8f3a ", "ok\n", "time 12:34:56 ", "done.\n", "aaaab ", "warning, " };
	uint32_t s = 19, n = 0;

	while (n + 20 < sizeof(text))
		for (const char *w = words[next_random(&s) % 10]; *w; w++)
			text[n++] = *w;
	text[n] = 0;
}

uint32_t bench(uint32_t n)
{
	static const char *const patterns[8] = { "[a-z]+=[a-z]*", "^error.*$", "[0-9]+\\.?[0-9]*", "0x[0-9a-f]+", "a*ab", "[^ \n]+:", "[0-2][0-9]:[0-5][0-9]", "/[a-z]+\\.?html" };
	uint32_t h = 0;

	make_text();
	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < 8; i++) {
			compile(patterns[i], &programs[i]);
			h = h * 17 + search(&programs[i], text);
		}
		text[r % 4000] ^= text[r % 4000] == '\n' ? 0 : 1;
	}
	return h;
}
