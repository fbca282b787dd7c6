/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction tables as a source of random words. */
#include "random.h"

#include <string.h>

static const struct row table[] = {
#define A32(row_name, row_args, arch, text, row_pattern) \
	{ .name = #row_name, .pattern = row_pattern, .isa = ARM_A32, .args = ARM_ARGS_##row_args },
#include "frontend-arm/a32.def"
#undef A32
#define T16(row_name, row_args, arch, text, row_pattern) \
	{ .name = #row_name, .pattern = row_pattern, .isa = ARM_T16, .args = ARM_ARGS_##row_args },
#include "frontend-arm/t16.def"
#undef T16
};
_Static_assert(ARRAY_LEN(table) <= ROWS_MAX, "too many rows");

void rows_init(struct row_set *rows)
{
	rows->n = ARRAY_LEN(table);
	rows->first_t16 = rows->n;
	for (unsigned i = 0; i < rows->n; i++) {
		struct row *row = &rows->row[i];
		*row = table[i];
		if (row->isa == ARM_T16 && rows->first_t16 > i)
			rows->first_t16 = i;
		for (const char *p = row->pattern; *p; p++) {
			row->mask = row->mask << 1 | (*p == '0' || *p == '1');
			row->value = row->value << 1 | (*p == '1');
		}
	}
}

uint32_t row_random(const struct row *row, struct rng *r)
{
	uint32_t random = rng_next(r), letters = 0;

	for (const char *p = row->pattern; *p; p++)
		letters = letters << 1 | (*p != '0' && *p != '1' && *p != '-');
	return (random & letters) | row->value;
}

uint32_t row_set_field(const struct row *row, uint32_t word, char letter, uint32_t value)
{
	unsigned shift = 0;

	for (size_t i = strlen(row->pattern); i-- > 0; shift++) {
		if (row->pattern[i] != letter)
			continue;
		word = (word & ~(1u << shift)) | (value & 1u) << shift;
		value >>= 1;
	}
	return word;
}

uint32_t row_field(const struct row *row, uint32_t word, char letter)
{
	size_t n = strlen(row->pattern);
	uint32_t value = 0;

	for (size_t i = 0; i < n; i++)
		if (row->pattern[i] == letter)
			value = value << 1 | bit(word, (unsigned)(n - 1 - i));
	return value;
}

bool rows_match(const struct row_set *rows, enum arm_isa isa, uint32_t word)
{
	for (unsigned i = 0; i < rows->n; i++) {
		const struct row *row = &rows->row[i];
		if (row->isa != isa || (word & row->mask) != row->value)
			continue;
		if (row->pattern[0] != 'c' || word >> 28 != 15)
			return true;
	}
	return false;
}
