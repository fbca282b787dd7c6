/* SPDX-License-Identifier: Apache-2.0 */
/* What a JPEG coder does to 8 by 8 pixels, in integers: transform, quantise, zigzag, run lengths; then back to pixels. A
 * picture that comes back too different gives 0. */
#include "bench.h"

/* cos(k pi / 16) in 12 bits; the transforms halve, so 13 bits are shifted out. */
enum { C1 = 4017, C2 = 3784, C3 = 3406, C4 = 2896, C5 = 2276, C6 = 1567, C7 = 799, SHIFT = 13, ROUND = 1 << 12, SIDE = 64 };

static uint8_t picture[SIDE][SIDE], back[SIDE][SIDE];
static uint8_t zigzag[64], quant[64];
static int32_t inverse_quant[64]; /* 65536 / quant: a multiplication instead of a division */

static void forward(int32_t *v, int step)
{
	int32_t s0 = v[0] + v[7 * step], s1 = v[step] + v[6 * step], s2 = v[2 * step] + v[5 * step], s3 = v[3 * step] + v[4 * step];
	int32_t d0 = v[0] - v[7 * step], d1 = v[step] - v[6 * step], d2 = v[2 * step] - v[5 * step], d3 = v[3 * step] - v[4 * step];

	v[0] = (C4 * (s0 + s1 + s2 + s3) + ROUND) >> SHIFT;
	v[4 * step] = (C4 * (s0 - s1 - s2 + s3) + ROUND) >> SHIFT;
	v[2 * step] = (C2 * (s0 - s3) + C6 * (s1 - s2) + ROUND) >> SHIFT;
	v[6 * step] = (C6 * (s0 - s3) - C2 * (s1 - s2) + ROUND) >> SHIFT;
	v[step] = (C1 * d0 + C3 * d1 + C5 * d2 + C7 * d3 + ROUND) >> SHIFT;
	v[3 * step] = (C3 * d0 - C7 * d1 - C1 * d2 - C5 * d3 + ROUND) >> SHIFT;
	v[5 * step] = (C5 * d0 - C1 * d1 + C7 * d2 + C3 * d3 + ROUND) >> SHIFT;
	v[7 * step] = (C7 * d0 - C5 * d1 + C3 * d2 - C1 * d3 + ROUND) >> SHIFT;
}

static void inverse(int32_t *v, int step)
{
	int32_t e0 = C4 * (v[0] + v[4 * step]), e1 = C4 * (v[0] - v[4 * step]);
	int32_t e2 = C2 * v[2 * step] + C6 * v[6 * step], e3 = C6 * v[2 * step] - C2 * v[6 * step];
	int32_t y1 = v[step], y3 = v[3 * step], y5 = v[5 * step], y7 = v[7 * step];
	int32_t b0 = C1 * y1 + C3 * y3 + C5 * y5 + C7 * y7, b1 = C3 * y1 - C7 * y3 - C1 * y5 - C5 * y7;
	int32_t b2 = C5 * y1 - C1 * y3 + C7 * y5 + C3 * y7, b3 = C7 * y1 - C5 * y3 + C3 * y5 - C1 * y7;

	v[0] = (e0 + e2 + b0 + ROUND) >> SHIFT, v[7 * step] = (e0 + e2 - b0 + ROUND) >> SHIFT;
	v[step] = (e1 + e3 + b1 + ROUND) >> SHIFT, v[6 * step] = (e1 + e3 - b1 + ROUND) >> SHIFT;
	v[2 * step] = (e1 - e3 + b2 + ROUND) >> SHIFT, v[5 * step] = (e1 - e3 - b2 + ROUND) >> SHIFT;
	v[3 * step] = (e0 - e2 + b3 + ROUND) >> SHIFT, v[4 * step] = (e0 - e2 - b3 + ROUND) >> SHIFT;
}

static void make_tables(void)
{
	for (int i = 0, row = 0, col = 0, up = 1; i < 64; i++) {
		zigzag[i] = (uint8_t)(row * 8 + col);
		quant[i] = (uint8_t)(3 + row + col);
		inverse_quant[i] = 65536 / (3 + row + col);
		if (up ? col == 7 || row == 0 : row == 7 || col == 0) {
			if (up ? col == 7 : row != 7)
				row++;
			else
				col++;
			up = !up;
		} else {
			row += up ? -1 : 1, col += up ? 1 : -1;
		}
	}
}

/* Pixels to a run-length code, whose size in bits comes out. */
static NOINLINE uint32_t code_block(int32_t *v, int16_t *coded)
{
	uint32_t bits = 0, run = 0;

	for (int i = 0; i < 64; i += 8)
		forward(v + i, 1);
	for (int i = 0; i < 8; i++)
		forward(v + i, 8);
	for (int i = 0; i < 64; i++) {
		int32_t c = (v[zigzag[i]] * inverse_quant[i] + 32768) >> 16;

		coded[i] = (int16_t)c;
		if (!c) {
			run++;
			continue;
		}
		for (c = c < 0 ? -c : c; c; c >>= 1)
			bits++;
		bits += 4 + run / 16 * 8;
		run = 0;
	}
	return bits + (run ? 4 : 0);
}

static NOINLINE void decode_block(int32_t *v, const int16_t *coded)
{
	for (int i = 0; i < 64; i++)
		v[zigzag[i]] = coded[i] * quant[i];
	for (int i = 0; i < 8; i++)
		inverse(v + i, 8);
	for (int i = 0; i < 64; i += 8)
		inverse(v + i, 1);
}

static uint8_t clamp(int32_t x) { return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x); }

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 1;

	make_tables();
	for (uint32_t r = 0; r < n; r++) {
		uint32_t bits = 0;

		for (uint32_t y = 0; y < SIDE; y++)
			for (uint32_t x = 0; x < SIDE; x++)
				picture[y][x] = (uint8_t)(128 + ((x * (r & 3) + y * 2) & 63) - ((x * y) >> 6 & 31) + (next_random(&s) & 7));
		for (int y = 0; y < SIDE; y += 8)
			for (int x = 0; x < SIDE; x += 8) {
				int32_t v[64];
				int16_t coded[64];

				for (int i = 0; i < 64; i++)
					v[i] = picture[y + i / 8][x + i % 8] - 128;
				bits += code_block(v, coded);
				decode_block(v, coded);
				for (int i = 0; i < 64; i++)
					back[y + i / 8][x + i % 8] = clamp(v[i] + 128);
			}
		for (int i = 0; i < SIDE; i++) {
			int off = picture[i][i] - back[i][i];

			if (off > 48 || off < -48)
				return 0;
		}
		h = h * 31 + bits + back[r & 63][r * 5 & 63];
	}
	return h;
}
