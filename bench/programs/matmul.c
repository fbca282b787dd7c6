/* SPDX-License-Identifier: Apache-2.0 */
/* Integer matrices of 24 by 24: product, transpose, sums of rows, shortest paths of all pairs. */
#include "bench.h"

enum { SIDE = 24 };
static int32_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

static NOINLINE void multiply(int32_t (*restrict to)[SIDE], int32_t (*x)[SIDE], int32_t (*y)[SIDE])
{
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			uint32_t s = 0;

			for (int k = 0; k < SIDE; k++)
				s += (uint32_t)x[i][k] * (uint32_t)y[k][j];
			to[i][j] = (int32_t)s;
		}
}

static NOINLINE void transpose(int32_t (*m)[SIDE])
{
	for (int i = 0; i < SIDE; i++)
		for (int j = i + 1; j < SIDE; j++) {
			int32_t t = m[i][j];

			m[i][j] = m[j][i], m[j][i] = t;
		}
}

static NOINLINE void paths(int32_t (*m)[SIDE])
{
	for (int k = 0; k < SIDE; k++)
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++) {
				int32_t d = m[i][k] + m[k][j];

				if (d < m[i][j])
					m[i][j] = d;
			}
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 61;

	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++) {
				a[i][j] = (int32_t)(next_random(&s) & 1023);
				b[i][j] = (int32_t)(s >> 16 & 255);
			}
		multiply(c, a, b);
		transpose(c);
		multiply(b, c, a);
		paths(a);
		for (int i = 0; i < SIDE; i++)
			h = h * 31 + (uint32_t)(a[i][(int)(r % SIDE)] + b[SIDE - 1 - i][i]);
	}
	return h;
}
