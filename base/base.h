/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words every room shares: address types, error values, small helpers.
 * This header sees nothing of ours but the public status codes.
 */
#ifndef RHEA_BASE_H
#define RHEA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rhea.h"

/* A guest virtual address. Distinct from gpa_t so that the compiler refuses a mix-up. */
typedef struct {
	uint32_t v;
} gva_t;

/* A guest physical address (bus address). */
typedef struct {
	uint64_t v;
} gpa_t;

#define GVA(x) ((gva_t){(x)})
#define GPA(x) ((gpa_t){(x)})

/* The translation granule of softmmu and of translated code: 4 KiB. */
#define PAGE_BITS 12u
#define PAGE_SIZE 4096u
#define PAGE_MASK (PAGE_SIZE - 1u)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Fills *err (may be NULL) and returns `status`, so that callers can `return error_set(...)`.
 */

enum rhea_status error_set(struct rhea_error *err, enum rhea_status status, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static inline uint32_t bits(uint32_t x, unsigned hi, unsigned lo)
{
	return (x >> lo) & (uint32_t)((UINT64_C(2) << (hi - lo)) - 1);
}

static inline uint32_t bit(uint32_t x, unsigned n)
{
	return (x >> n) & 1u;
}

static inline uint32_t ror32(uint32_t x, unsigned n)
{
	n &= 31u;
	return n ? (x >> n) | (x << (32u - n)) : x;
}

/* Sign-extends the low `width` bits of x (1 <= width <= 32). */
static inline int32_t sext(uint32_t x, unsigned width)
{
	unsigned s = 32u - width;
	return (int32_t)(x << s) >> s;
}

#endif
