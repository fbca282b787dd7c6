/* SPDX-License-Identifier: Apache-2.0 */
/* One benchmark: work that depends on n and cannot be left out, and a value that tells whether it was done right. The same
 * source runs bare-metal and natively; what needs the machine says so with BENCH_BARE. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __arm__
#define BENCH_BARE 1
#include "guest.h"
#endif

#define NOINLINE __attribute__((noinline, noclone))

uint32_t bench(uint32_t n);

static inline uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

static inline uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

/* What a whole buffer adds to a check value. */
static inline uint32_t fold(uint32_t h, const void *p, uint32_t len)
{
	const uint8_t *b = (const uint8_t *)p;

	while (len--)
		h = h * 31 + *b++;
	return h;
}

#endif
