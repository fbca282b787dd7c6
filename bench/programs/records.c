/* SPDX-License-Identifier: Apache-2.0 */
/* The mix that old system benchmarks used: records copied and linked, strings compared, small functions, switch, arrays. */
#include "bench.h"

enum colour { RED, GREEN, BLUE };
struct record { struct record *next; enum colour kind; int value; char name[32]; };

static struct record one, two;
static int table[64], grid[16][16], global;
static char flag;

static NOINLINE enum colour turn(enum colour c, int strict)
{
	switch (c) {
	case RED: return strict ? GREEN : RED;
	case GREEN: return global > 100 ? RED : BLUE;
	case BLUE: break;
	}
	return RED;
}

static NOINLINE int pick(char a, char b)
{
	if (a != b)
		return 0;
	flag = a;
	return 1;
}

static NOINLINE void fill(int *v, int (*g)[16], int at, int x)
{
	v[at + 5] = x;
	v[at + 6] = v[at + 5];
	v[at + 35] = at;
	for (int i = at & 7; i <= (at & 7) + 1; i++)
		g[at & 15][i] = at;
	g[(at + 8) & 15][at & 15] += v[at + 5];
	global = 5 + (x & 127);
}

static NOINLINE void relink(struct record *r)
{
	struct record *n = r->next;

	*n = *r;
	n->value = 5;
	n->next = r->next;
	if (n->kind != RED)
		n->value = r->value + 6;
	n->kind = turn(r->kind, global & 1);
	r->value = n->value + 10;
}

static NOINLINE int same(const char *a, const char *b)
{
	int i = 2;

	while (i <= 2 && pick(a[i], b[i + 1]))
		i++;
	return strcmp(a, b) > 0 ? i + 7 : i;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	one.next = &two;
	strcpy(one.name, "SOME RECORD OF A CERTAIN LENGTH");
	for (uint32_t i = 0; i < n; i++) {
		char text[32];
		int x = (int)(i & 7), y = 3;

		strcpy(text, "SOME RECORD OF ANOTHER LENGTH..");
		one.kind = same(one.name, text) > 5 ? GREEN : BLUE;
		one.value = (int)i & 1023;
		relink(&one);
		while (x < y)
			x = 5 * x - y + 7;
		fill(table, grid, x & 15, y + x);
		h = h * 31 + (uint32_t)(two.value + (int)two.kind + table[x & 63] + flag);
	}
	return h;
}
