/* SPDX-License-Identifier: Apache-2.0 */
/* A balanced tree (AVL) of records: inserts and removals by recursion, look-ups by loop, a walk in order through a callback. */
#include "bench.h"

enum { NODES = 1024 };
struct node { struct node *child[2]; uint32_t key, value; int height; };

static struct node pool[NODES], *unused;

static int height(const struct node *n) { return n ? n->height : 0; }

static void measure(struct node *n)
{
	int a = height(n->child[0]), b = height(n->child[1]);

	n->height = (a > b ? a : b) + 1;
}

static NOINLINE struct node *rotate(struct node *n, int side)
{
	struct node *up = n->child[side];

	n->child[side] = up->child[!side];
	up->child[!side] = n;
	measure(n);
	measure(up);
	return up;
}

static NOINLINE struct node *balance(struct node *n)
{
	int lean = height(n->child[1]) - height(n->child[0]);

	measure(n);
	if (lean > 1 || lean < -1) {
		int side = lean > 0;
		struct node *c = n->child[side];

		if (height(c->child[!side]) > height(c->child[side]))
			n->child[side] = rotate(c, !side);
		return rotate(n, side);
	}
	return n;
}

static NOINLINE struct node *insert(struct node *n, uint32_t key, uint32_t value)
{
	if (!n) {
		n = unused;
		if (n) {
			unused = n->child[0];
			*n = (struct node){ { NULL, NULL }, key, value, 1 };
		}
		return n;
	}
	if (n->key == key) {
		n->value += value;
		return n;
	}
	n->child[key > n->key] = insert(n->child[key > n->key], key, value);
	return balance(n);
}

static NOINLINE struct node *take_first(struct node *n, struct node **first)
{
	if (!n->child[0]) {
		*first = n;
		return n->child[1];
	}
	n->child[0] = take_first(n->child[0], first);
	return balance(n);
}

static NOINLINE struct node *drop(struct node *n, uint32_t key)
{
	struct node *next = NULL;

	if (!n)
		return NULL;
	if (n->key != key) {
		n->child[key > n->key] = drop(n->child[key > n->key], key);
		return balance(n);
	}
	if (n->child[0] && n->child[1]) {
		struct node *right = take_first(n->child[1], &next);

		next->child[0] = n->child[0], next->child[1] = right;
		next = balance(next);
	} else {
		next = n->child[!n->child[0]];
	}
	n->child[0] = unused;
	unused = n;
	return next;
}

static NOINLINE uint32_t find(const struct node *n, uint32_t key)
{
	while (n && n->key != key)
		n = n->child[key > n->key];
	return n ? n->value : 0;
}

static NOINLINE void walk(const struct node *n, void (*visit)(const struct node *, uint32_t *), uint32_t *sum)
{
	if (!n)
		return;
	walk(n->child[0], visit, sum);
	visit(n, sum);
	walk(n->child[1], visit, sum);
}

static NOINLINE void add(const struct node *n, uint32_t *sum) { *sum = *sum * 31 + n->key + n->value; }

uint32_t bench(uint32_t n)
{
	struct node *root = NULL;
	uint32_t h = 0, s = 51;

	unused = NULL;
	for (unsigned i = 0; i < NODES; i++) {
		pool[i].child[0] = unused;
		unused = &pool[i];
	}
	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < 300; i++) {
			uint32_t v = next_random(&s);

			root = insert(root, v & 2047, v >> 24);
			h += find(root, v >> 11 & 2047);
			h += find(root, v >> 5 & 2047);
			root = drop(root, v >> 15 & 2047);
		}
		walk(root, add, &h);
	}
	return h;
}
