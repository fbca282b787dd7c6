/* SPDX-License-Identifier: Apache-2.0 */
/* Six sorts of the same numbers must agree; failure: loads, stores, compares or calls are wrong. */
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define N 700
typedef void sort_fn(int *a, int n);

static void insertion(int *a, int n)
{
	for (int i = 1; i < n; i++) {
		int v = a[i], j = i;

		for (; j > 0 && a[j - 1] > v; j--)
			a[j] = a[j - 1];
		a[j] = v;
	}
}

static void quick(int *a, int n)
{
	while (n > 8) {
		int p = a[n / 2], i = 0, j = n - 1;

		while (i <= j) {
			while (a[i] < p)
				i++;
			while (a[j] > p)
				j--;
			if (i <= j) {
				int t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		quick(a, j + 1);
		a += i;
		n -= i;
	}
	insertion(a, n);
}

static void sift(int *a, int root, int n)
{
	for (int child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[root] >= a[child])
			return;
		int t = a[root];
		a[root] = a[child];
		a[child] = t;
	}
}

static void heap(int *a, int n)
{
	for (int i = n / 2; i-- > 0;)
		sift(a, i, n);
	while (n-- > 1) {
		int t = a[0];
		a[0] = a[n];
		a[n] = t;
		sift(a, 0, n);
	}
}

static void merge(int *a, int n)
{
	static int tmp[N];
	int h = n / 2, i = 0, j = h, k = 0;

	if (n < 2)
		return;
	merge(a, h);
	merge(a + h, n - h);
	while (i < h && j < n)
		tmp[k++] = a[j] < a[i] ? a[j++] : a[i++];
	while (i < h)
		tmp[k++] = a[i++];
	memcpy(a, tmp, (size_t)k * sizeof(*a));
}

static void radix(int *a, int n)
{
	static int tmp[N];

	for (int shift = 0; shift < 32; shift += 8) {
		int count[257] = { 0 };

		for (int i = 0; i < n; i++)
			count[(((uint32_t)a[i] ^ 0x80000000u) >> shift & 255) + 1]++;
		for (int i = 0; i < 256; i++)
			count[i + 1] += count[i];
		for (int i = 0; i < n; i++)
			tmp[count[((uint32_t)a[i] ^ 0x80000000u) >> shift & 255]++] = a[i];
		memcpy(a, tmp, (size_t)n * sizeof(*a));
	}
}

static int compare(const void *x, const void *y)
{
	int a = *(const int *)x, b = *(const int *)y;

	return (a > b) - (a < b);
}

static void library(int *a, int n)
{
	qsort(a, (size_t)n, sizeof(*a), compare);
}

int main(void)
{
	static const struct { const char *name; sort_fn *fn; } sorts[] = {
		{ "insertion", insertion }, { "quick", quick }, { "heap", heap },
		{ "merge", merge }, { "radix", radix }, { "library", library },
	};
	static int in[N], a[N];
	struct guest_rng g = { 12345 };
	int bad = 0;

	for (int i = 0; i < N; i++)
		in[i] = (int)(guest_random(&g) >> (i % 5 * 6)) - (i & 1 ? 1000 : 0);
	for (unsigned s = 0; s < ARRAY_LEN(sorts); s++) {
		memcpy(a, in, sizeof(a));
		sorts[s].fn(a, N);
		for (int i = 1; i < N; i++)
			bad += a[i - 1] > a[i];
		printf("%-10s %08lx first %d last %d\n", sorts[s].name, (unsigned long)guest_fnv(a, sizeof(a)), a[0], a[N - 1]);
	}
	printf("out of order: %d\n", bad);
	return bad != 0;
}
