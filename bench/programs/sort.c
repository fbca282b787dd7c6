/* SPDX-License-Identifier: Apache-2.0 */
/* 1,500 keys sorted three ways: quick sort, merge sort, and heap sort of records through a compare function. Keys that are out
 * of order give 0. */
#include "bench.h"

enum { LEN = 1500 };
struct rec { uint32_t key; uint16_t tag, group; };

static uint32_t source[LEN], keys[LEN], spare[LEN];
static struct rec recs[LEN];

static void insertion(uint32_t *a, int len)
{
	for (int i = 1; i < len; i++) {
		uint32_t v = a[i];
		int j = i;

		for (; j > 0 && a[j - 1] > v; j--)
			a[j] = a[j - 1];
		a[j] = v;
	}
}

static NOINLINE void quick(uint32_t *a, int len)
{
	while (len > 12) {
		uint32_t x = a[0], y = a[len / 2], z = a[len - 1];
		uint32_t pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);
		int i = 0, j = len - 1;

		for (;;) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i >= j)
				break;
			uint32_t t = a[i];
			a[i++] = a[j], a[j--] = t;
		}
		quick(a, i);
		a += i, len -= i;
	}
	insertion(a, len);
}

static NOINLINE void merge(uint32_t *a, uint32_t *tmp, int len)
{
	int half = len / 2, i = 0, j = half, k = 0;

	if (len <= 8) {
		insertion(a, len);
		return;
	}
	merge(a, tmp, half);
	merge(a + half, tmp, len - half);
	while (i < half && j < len)
		tmp[k++] = a[i] <= a[j] ? a[i++] : a[j++];
	while (i < half)
		tmp[k++] = a[i++];
	memcpy(a, tmp, (unsigned)k * sizeof(*a));
}

typedef int compare_fn(const struct rec *a, const struct rec *b);

static NOINLINE int by_group(const struct rec *a, const struct rec *b)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

static NOINLINE void sift(struct rec *a, int at, int len, compare_fn *compare)
{
	struct rec v = a[at];

	for (int child; (child = 2 * at + 1) < len; at = child) {
		if (child + 1 < len && compare(&a[child], &a[child + 1]) < 0)
			child++;
		if (compare(&v, &a[child]) >= 0)
			break;
		a[at] = a[child];
	}
	a[at] = v;
}

static NOINLINE void heap(struct rec *a, int len, compare_fn *compare)
{
	for (int i = len / 2 - 1; i >= 0; i--)
		sift(a, i, len, compare);
	while (--len > 0) {
		struct rec t = a[0];

		a[0] = a[len], a[len] = t;
		sift(a, 0, len, compare);
	}
}

uint32_t bench(uint32_t n)
{
	static compare_fn *volatile order = by_group;
	uint32_t h = 0, s = 11;

	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < LEN; i++) {
			source[i] = next_random(&s) >> (r & 15);
			recs[i] = (struct rec){ source[i], (uint16_t)i, source[i] % 7 };
		}
		memcpy(keys, source, sizeof(keys));
		quick(keys, LEN);
		merge(source, spare, LEN);
		if (memcmp(keys, source, sizeof(keys)))
			return 0;
		heap(recs, LEN, order);
		for (int i = 1; i < LEN; i++)
			if (keys[i - 1] > keys[i] || recs[i - 1].group > recs[i].group)
				return 0;
		h = h * 31 + keys[r % LEN] + recs[(r * 7) % LEN].key;
	}
	return h;
}
