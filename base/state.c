/* SPDX-License-Identifier: Apache-2.0 */
/* Packing, unpacking and checking of state by its table (state.h). */
#include <string.h>

#include "base/state.h"

uint32_t state_packed_size(const struct state_desc *d)
{
	uint32_t size = 0;
	for (uint32_t i = 0; i < d->n_fields; i++)
		size += state_field_size(&d->fields[i]);
	return size;
}

/* Most fields are one value: a move, not a call. */
static inline void copy(void *to, const void *from, uint32_t n)
{
	switch (n) {
	case 1: memcpy(to, from, 1); break;
	case 4: memcpy(to, from, 4); break;
	case 8: memcpy(to, from, 8); break;
	default: memcpy(to, from, n); break;
	}
}

uint8_t *state_pack(const struct state_desc *d, const void *s, uint8_t *out)
{
	for (const struct state_field *f = d->fields, *end = f + d->n_fields; f < end; f++) {
		const uint8_t *at = (const uint8_t *)s + f->offset;
		for (uint32_t i = 0; !f->why_not && i < f->count; i++, at += f->stride, out += f->size)
			copy(out, at, f->size);
	}
	return out;
}

void state_unpack_field(const struct state_field *f, void *s, const uint8_t *in)
{
	uint8_t *at = (uint8_t *)s + f->offset;
	for (uint32_t i = 0; !f->why_not && i < f->count; i++, at += f->stride, in += f->size)
		copy(at, in, f->size);
}

const uint8_t *state_unpack(const struct state_desc *d, void *s, const uint8_t *in)
{
	for (const struct state_field *f = d->fields, *end = f + d->n_fields; f < end; f++) {
		state_unpack_field(f, s, in);
		in += state_field_size(f);
	}
	return in;
}

static uint64_t value_at(const uint8_t *at, unsigned width)
{
	uint64_t v = 0;
	memcpy(&v, at, width);
	return v;
}

static bool in_bounds(const struct state_field *f, const void *s)
{
	const uint8_t *at = (const uint8_t *)s + f->offset;
	for (uint32_t i = 0; i < f->count; i++, at += f->stride)
		for (uint32_t off = 0; off < f->size; off += f->width)
			if (value_at(at + off, f->width) > f->max)
				return false;
	return true;
}

const char *state_check(const struct state_desc *d, const void *s)
{
	for (uint32_t i = 0; i < d->n_fields; i++)
		if (!d->fields[i].why_not && d->fields[i].max && !in_bounds(&d->fields[i], s))
			return d->fields[i].name;
	return d->valid && !d->valid(s) ? "" : NULL;
}

const char *state_difference(const struct state_desc *d, const uint8_t *a, const uint8_t *b)
{
	for (uint32_t i = 0, n; i < d->n_fields; i++, a += n, b += n) {
		n = state_field_size(&d->fields[i]);
		if (memcmp(a, b, n) != 0)
			return d->fields[i].name;
	}
	return NULL;
}
