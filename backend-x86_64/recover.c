/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit that was left at a fault did not write: evaluates the notes of the site (notes.c). */
#include <string.h>

#include "backend-x86_64/gen.h"

struct note_reader {
	const struct x64_target *t;
	const uint8_t *at;
	const char *base;
};

static uint64_t get_bytes(struct note_reader *r, unsigned n)
{
	uint64_t x = 0;
	memcpy(&x, r->at, n); /* little-endian, as written */
	r->at += n;
	return x;
}

static uint64_t memory(const struct note_reader *r, int32_t offset, unsigned bytes)
{
	uint64_t x = 0;
	memcpy(&x, r->base + offset, bytes);
	return x;
}

static uint64_t leaf(struct note_reader *r, enum note_leaf what)
{
	const struct ir_global *global;
	switch (what) {
	case NOTE_CONST8: return get_bytes(r, 1);
	case NOTE_CONST32: return get_bytes(r, 4);
	case NOTE_CONST64: return get_bytes(r, 8);
	case NOTE_SLOT: return memory(r, FRAME_SLOTS + 8 * (int32_t)get_bytes(r, 2), 8);
	case NOTE_SCRATCH: return memory(r, FRAME_SAVE + 8 * (int32_t)get_bytes(r, 1), 8);
	case NOTE_GLOBAL:
		global = &r->t->guest->globals[get_bytes(r, 1)];
		return memory(r, r->t->layout.env + global->offset, global->mem_bytes);
	}
	assert(false && "no such leaf");
	return 0;
}

static uint64_t expression(struct note_reader *r)
{
	uint8_t what = *r->at++;
	if (what >= NOTE_GLOBAL)
		return leaf(r, (enum note_leaf)what);
	uint8_t mode = *r->at++;
	uint64_t x[3] = {0};
	for (unsigned k = 0; k < ir_ops[what].n_args; k++)
		x[k] = expression(r);
	return ir_eval((enum ir_op)what, (enum ir_type)(mode >> 4), mode & 15u, x[0], x[1], x[2]);
}

/* All are worked out before the first is written: they may follow from what others replace. */
void x64_recover(const struct x64_target *t, const struct x64_code *code, const struct x64_site *site, const void *base,
		 void *env)
{
	struct note_reader r = {.t = t, .base = base};
	uint64_t value[IR_MAX_GLOBALS];
	uint8_t global[IR_MAX_GLOBALS];
	if (!site->notes)
		return;
	r.at = &code->notes[site->notes];
	unsigned n = *r.at++;
	for (unsigned k = 0; k < n; k++) {
		global[k] = *r.at++;
		value[k] = expression(&r);
	}
	for (unsigned k = 0; k < n; k++)
		memcpy((char *)env + t->guest->globals[global[k]].offset, &value[k], t->guest->globals[global[k]].mem_bytes);
}
