/* SPDX-License-Identifier: Apache-2.0 */
/* Single precision by library routines: a Fourier transform of 64 points and back, and three bodies that attract each other. */
#include "bench.h"

enum { LEN = 64 };
struct body { float x, y, vx, vy, mass; };

static float re[LEN], im[LEN], wr[LEN], wi[LEN];

static NOINLINE void transform(int back)
{
	for (unsigned i = 1, j = 0; i < LEN; i++) {
		unsigned bit = LEN / 2;

		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			float t = re[i];

			re[i] = re[j], re[j] = t;
			t = im[i], im[i] = im[j], im[j] = t;
		}
	}
	for (unsigned half = 1; half < LEN; half *= 2)
		for (unsigned k = 0; k < half; k++) {
			float c = wr[k * (LEN / 2 / half)], s = wi[k * (LEN / 2 / half)];

			if (back)
				s = -s;
			for (unsigned i = k; i < LEN; i += 2 * half) {
				float x = re[i + half] * c - im[i + half] * s, y = re[i + half] * s + im[i + half] * c;

				re[i + half] = re[i] - x, im[i + half] = im[i] - y;
				re[i] += x, im[i] += y;
			}
		}
}

static float root(float x)
{
	float r = x > 1 ? x : 1;

	for (int i = 0; i < 6; i++)
		r = 0.5f * (r + x / r);
	return r;
}

static NOINLINE void attract(struct body *b)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			float dx = b[j].x - b[i].x, dy = b[j].y - b[i].y, d = dx * dx + dy * dy + 0.01f;

			if (i == j)
				continue;
			d = b[j].mass / (d * root(d)) * 0.001f;
			b[i].vx += dx * d, b[i].vy += dy * d;
		}
	for (int i = 0; i < 3; i++)
		b[i].x += b[i].vx * 0.01f, b[i].y += b[i].vy * 0.01f;
}

static uint32_t bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

uint32_t bench(uint32_t n)
{
	struct body bodies[3] = { { 0, 0, 0, 0, 10 }, { 1, 0, 0, 1, 1 }, { -2, 1, 0.5f, 0, 2 } };
	uint32_t h = 0, s = 111;

	/* powers of e^(-2 pi i / 64), one by one from the first */
	wr[0] = 1, wi[0] = 0;
	for (int i = 1; i < LEN / 2; i++) {
		wr[i] = wr[i - 1] * 0.99518473f - wi[i - 1] * -0.09801714f;
		wi[i] = wr[i - 1] * -0.09801714f + wi[i - 1] * 0.99518473f;
	}
	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < LEN; i++)
			re[i] = (float)(int32_t)(next_random(&s) & 0xffff) / 65536.0f, im[i] = 0;
		transform(0);
		h = h * 31 + bits(re[5]) + bits(im[7]);
		transform(1);
		for (int i = 0; i < 20; i++)
			attract(bodies);
		h = h * 31 + bits(re[r & 63]) + bits(bodies[0].x) + bits(bodies[2].vy);
	}
	return h;
}
