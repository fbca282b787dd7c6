/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive search: queens on a board of 8, all permutations of 6, towers of 9 discs; calls with state in memory. */
#include "bench.h"

static uint8_t column[16], rising[32], falling[32], row_of[16];
static uint32_t found, moves;
static uint8_t towers[3];

static NOINLINE void place(unsigned row, unsigned size)
{
	if (row == size) {
		found = found * 31 + row_of[0] + row_of[size - 1];
		return;
	}
	for (unsigned c = 0; c < size; c++) {
		if (column[c] || rising[row + c] || falling[row - c + size])
			continue;
		column[c] = rising[row + c] = falling[row - c + size] = 1;
		row_of[row] = (uint8_t)c;
		place(row + 1, size);
		column[c] = rising[row + c] = falling[row - c + size] = 0;
	}
}

static NOINLINE void permute(uint8_t *a, unsigned at, unsigned len)
{
	if (at == len) {
		found += a[0] * 3u + a[len - 1];
		return;
	}
	for (unsigned i = at; i < len; i++) {
		uint8_t t = a[at];

		a[at] = a[i], a[i] = t;
		permute(a, at + 1, len);
		t = a[at], a[at] = a[i], a[i] = t;
	}
}

static NOINLINE void move(unsigned discs, unsigned from, unsigned to)
{
	if (discs > 1)
		move(discs - 1, from, 3 - from - to);
	towers[from]--, towers[to]++;
	moves++;
	if (discs > 1)
		move(discs - 1, 3 - from - to, to);
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint8_t letters[8] = { 1, 2, 3, 4, 5, (uint8_t)i, 7, 8 };

		found = moves = 0;
		towers[0] = 9, towers[1] = towers[2] = 0;
		place(0, 7 + (i & 1));
		permute(letters, 0, 6);
		move(9, 0, 2);
		h = h * 31 + found + moves + towers[2];
	}
	return h;
}
