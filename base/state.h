/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest-visible state, described once: a table of a struct's members says which of them are state, how far values may go,
 * since when they exist, and why the others are none. Snapshots in memory, snapshot files, the check of a file that is to
 * be loaded, and comparison all follow from it; a test holds that every member is in its table.
 *
 * Packed state is the bytes of the members in the table's order, without gaps, in the host's byte order (little-endian on
 * every host that rhea runs on; the file format says so).
 */
#ifndef RHEA_STATE_H
#define RHEA_STATE_H

#include "base/base.h"

struct state_field {
	const char *name;
	uint32_t offset, size;  /* of the member, in bytes */
	uint32_t count, stride; /* the same member of `count` structs that lie `stride` bytes apart */
	uint8_t width;          /* of one value: 1, 2, 4 or 8 */
	uint8_t since;          /* version of the table that had it first */
	uint64_t max;           /* the largest value there can be; 0 = any */
	const char *why_not;    /* NULL: state. Otherwise what it is instead: nothing is saved */
};

struct state_desc {
	const char *name;
	uint32_t size;          /* of the struct */
	uint32_t version;       /* from 1; grows with each change of the table */
	const struct state_field *fields;
	uint32_t n_fields;
	/* Do the members fit each other, so that no code stumbles over them? Called on a copy of the struct; NULL: always. */
	bool (*valid)(const void *s);
	/* The struct has new state: what follows from it outside. NULL: nothing. */
	void (*loaded)(void *s);
};

#define STATE_SIZEOF(type, member) ((uint32_t)sizeof(((type *)0)->member))
#define STATE_AT(type, member) .name = #member, .offset = offsetof(type, member), .size = STATE_SIZEOF(type, member), .count = 1
/* One value, or, of any size, bytes. */
#define STATE_WIDTH(n) ((n) == 8 || (n) == 4 || (n) == 2 ? (n) : 1)
#define STATE(type, member) {STATE_AT(type, member), .width = STATE_WIDTH(STATE_SIZEOF(type, member)), .since = 1}
#define STATE_MAX(type, member, m) \
	{STATE_AT(type, member), .width = STATE_WIDTH(STATE_SIZEOF(type, member)), .since = 1, .max = (m)}
#define STATE_BOOL(type, member) STATE_MAX(type, member, 1)
/* An array of values, each at most m (0 = any). */
#define STATE_ARRAY(type, member, m) {STATE_AT(type, member), .width = sizeof(((type *)0)->member[0]), .since = 1, .max = (m)}
/* A member of each struct in an array of structs. */
#define STATE_EACH(type, array, member, m) \
	{.name = #array "." #member, .offset = offsetof(type, array[0].member), .size = STATE_SIZEOF(type, array[0].member), \
	 .count = ARRAY_LEN(((type *)0)->array), .stride = sizeof(((type *)0)->array[0]), \
	 .width = STATE_WIDTH(STATE_SIZEOF(type, array[0].member)), .since = 1, .max = (m)}
#define STATE_NOT(type, member, why) {STATE_AT(type, member), .width = 1, .why_not = (why)}
#define STATE_NOT_EACH(type, array, member, why) \
	{.name = #array "." #member, .offset = offsetof(type, array[0].member), .size = STATE_SIZEOF(type, array[0].member), \
	 .count = ARRAY_LEN(((type *)0)->array), .stride = sizeof(((type *)0)->array[0]), .width = 1, .why_not = (why)}
#define STATE_FIELDS(table) .fields = (table), .n_fields = ARRAY_LEN(table)

/* Bytes that the field has in packed state: 0 when it is none. */
static inline uint32_t state_field_size(const struct state_field *f)
{
	return f->why_not ? 0 : f->size * f->count;
}
uint32_t state_packed_size(const struct state_desc *d);

/* Between a struct and its packed state; both return the byte behind what they wrote or read. */
uint8_t *state_pack(const struct state_desc *d, const void *s, uint8_t *out);
const uint8_t *state_unpack(const struct state_desc *d, void *s, const uint8_t *in);
/* One field of it. */
void state_unpack_field(const struct state_field *f, void *s, const uint8_t *in);

/* The first field of s whose values are out of bounds, or "" when d->valid says no; NULL: all is well. */
const char *state_check(const struct state_desc *d, const void *s);
/* The first field in which two packed states differ, NULL when there is none. */
const char *state_difference(const struct state_desc *d, const uint8_t *a, const uint8_t *b);

/* A struct that is state of a machine: device, core, clock. */
struct state_part {
	const char *name;  /* of the device; several may share it */
	uint32_t instance; /* then this tells them apart, from 0 */
	void *object;
	const struct state_desc *desc;
};

#endif
