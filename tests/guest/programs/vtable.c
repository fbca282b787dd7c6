/* SPDX-License-Identifier: Apache-2.0 */
/* Objects with tables of functions, and jumps through them; failure: indirect branches or their lookup. */
#include <stdlib.h>

#include "guest.h"

struct shape;
struct shape_ops {
	const char *name;
	long (*area)(const struct shape *s);
	void (*scale)(struct shape *s, int by);
};
struct shape {
	const struct shape_ops *ops;
	int a, b;
};

static long rect_area(const struct shape *s) { return (long)s->a * s->b; }
static long square_area(const struct shape *s) { return (long)s->a * s->a; }
static long triangle_area(const struct shape *s) { return (long)s->a * s->b / 2; }
static long circle_area(const struct shape *s) { return (long)s->a * s->a * 355 / 113; }
static void scale_both(struct shape *s, int by) { s->a *= by, s->b *= by; }
static void scale_one(struct shape *s, int by) { s->a *= by; }

static const struct shape_ops kinds[] = {
	{ "rect", rect_area, scale_both },
	{ "square", square_area, scale_one },
	{ "triangle", triangle_area, scale_both },
	{ "circle", circle_area, scale_one },
};

static int op_add(int x, int y) { return x + y; }
static int op_sub(int x, int y) { return x - y; }
static int op_mul(int x, int y) { return x * y; }
static int op_xor(int x, int y) { return x ^ y; }
static int op_rsb(int x, int y) { return y - x; }
static int op_shift(int x, int y) { return x << (y & 7); }
static int op_div(int x, int y) { return y ? x / y : -1; }
static int op_max(int x, int y) { return x > y ? x : y; }
static int (*const ops[8])(int, int) = { op_add, op_sub, op_mul, op_xor, op_rsb, op_shift, op_div, op_max };

static int fold(int (*f)(int, int), const int *v, int n, int start)
{
	while (n--)
		start = f(start, *v++);
	return start;
}

int main(void)
{
	struct guest_rng g = { 7 };
	struct shape *s[64];
	long total[4] = { 0 };
	int v[24], acc = 1;

	for (unsigned i = 0; i < 64; i++) {
		s[i] = malloc(sizeof(*s[i]));
		s[i]->ops = &kinds[guest_random(&g) % 4];
		s[i]->a = 1 + (int)(guest_random(&g) % 20);
		s[i]->b = 1 + (int)(guest_random(&g) % 20);
	}
	for (int round = 1; round < 12; round++)
		for (unsigned i = 0; i < 64; i++) {
			if (round % 4 == 0 && i % 3 == 0)
				s[i]->ops->scale(s[i], 2);
			total[s[i]->ops - kinds] += s[i]->ops->area(s[i]);
		}
	for (unsigned k = 0; k < 4; k++)
		printf("%s %ld\n", kinds[k].name, total[k]);
	for (unsigned i = 0; i < 24; i++)
		v[i] = (int)(guest_random(&g) % 2000) - 1000;
	for (unsigned k = 0; k < 8; k++)
		printf("fold %u: %d\n", k, fold(ops[k], v, 24, 5));
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t r = guest_random(&g);
		acc = ops[r & 7](acc, (int)(r >> 8 & 0xfff) - 2048);
	}
	printf("mixed %d\n", acc);
	return 0;
}
