/* SPDX-License-Identifier: Apache-2.0 */
/* Signal processing on 16-bit samples: a FIR of 32 taps, two biquads, autocorrelation, saturation, ADPCM coding and decoding. */
#include "bench.h"

enum { LEN = 512, TAPS = 32 };
static int16_t in[LEN + TAPS], out[LEN], taps[TAPS];

static int16_t clip(int32_t x) { return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x); }

static NOINLINE void fir(void)
{
	for (int i = 0; i < LEN; i++) {
		int32_t sum = 1 << 14;

		for (int k = 0; k < TAPS; k++)
			sum += in[i + k] * taps[k];
		out[i] = clip(sum >> 15);
	}
}

static NOINLINE void biquads(int16_t *x)
{
	static const int32_t k[2][5] = { { 4000, 7000, 4000, 9000, -3000 }, { 12000, -5000, 2000, 6000, -2500 } };

	for (int s = 0; s < 2; s++) {
		int32_t x1 = 0, x2 = 0, y1 = 0, y2 = 0;

		for (int i = 0; i < LEN; i++) {
			int32_t y = (k[s][0] * x[i] + k[s][1] * x1 + k[s][2] * x2 + k[s][3] * y1 + k[s][4] * y2) >> 14;

			x2 = x1, x1 = x[i], y2 = y1, y1 = clip(y);
			x[i] = (int16_t)y1;
		}
	}
}

static NOINLINE uint32_t correlate(const int16_t *x)
{
	uint32_t h = 0;

	for (int lag = 0; lag < 10; lag++) {
		int64_t sum = 0;

		for (int i = lag; i < LEN; i++)
			sum += (int32_t)x[i] * x[i - lag];
		h = h * 31 + (uint32_t)sum + (uint32_t)((uint64_t)sum >> 32);
	}
	return h;
}

/* Four bits a sample; the step grows by 9/8 or 3/2 with large differences and shrinks by 7/8 with small ones. */
static NOINLINE uint32_t adpcm(int16_t *x)
{
	int32_t guess = 0, step = 16;
	uint32_t h = 0;

	for (int i = 0; i < LEN; i++) {
		int32_t d = x[i] - guess, code = 0, delta = step >> 3;

		if (d < 0)
			code = 8, d = -d;
		if (d >= step)
			code |= 4, d -= step, delta += step;
		if (d >= step >> 1)
			code |= 2, d -= step >> 1, delta += step >> 1;
		if (d >= step >> 2)
			code |= 1, delta += step >> 2;
		guess = clip(code & 8 ? guess - delta : guess + delta);
		step = (code & 7) > 5 ? step + (step >> 1) : (code & 7) > 3 ? step + (step >> 3) : step - (step >> 3);
		step = step < 8 ? 8 : step > 16384 ? 16384 : step;
		x[i] = (int16_t)guess;
		h = rol(h, 4) ^ (uint32_t)code;
	}
	return h;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 71;

	for (int i = 0; i < TAPS; i++)
		taps[i] = (int16_t)(2000 - 120 * (i > 16 ? i - 16 : 16 - i));
	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < LEN + TAPS; i++)
			in[i] = (int16_t)((int32_t)(next_random(&s) & 8191) - 4096 + ((i * (int)(r & 63)) & 4095));
		fir();
		biquads(out);
		h = h * 31 + correlate(out);
		h = h * 31 + adpcm(out);
	}
	return h;
}
