/* SPDX-License-Identifier: Apache-2.0 */
/* The translation loop's state and how it fetches (translate.c), and what conditions make of instructions (conditions.c). */
#ifndef RHEA_ARM_LOOP_H
#define RHEA_ARM_LOOP_H

#include "frontend-arm/lower.h"

struct region { /* instructions that are branched around */
	bool open;
	enum arm_cond cond; /* false on each way around */
	bool compared;      /* on each way around, the flags are those of a subtraction */
	bool in_else;       /* what comes now stands on the only way around; the others went to `join` */
	ir_label join;
	struct arm_flow flow; /* on the way to `join` */
	struct arm_ways ways;
};

struct loop {
	struct arm_lower l;
	struct region region;
	struct arm_ways ways; /* around the branch that ends the unit: they go on at ways_to */
	ir_label ways_to;
	uint32_t offset; /* of the next instruction from the first */
	uint32_t end;    /* markers of the unit where it has enough instructions */
	unsigned skips;   /* this instruction is a branch that skips so many, to be done aside */
	uint32_t counter; /* to be counted behind the next marker, 0 = none */
};

/* ---- conditions.c -------------------------------------------------------------------------------- */

/* Emits the marker of the instruction at l.pc and arranges for its condition. */
void arm_begin_insn(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond);
/* Ends what is branched around, if anything is: the ways around come back. */
void arm_close_conditional(struct loop *t);
/* Starts a way around. Where the flags were overwritten past it, those of `mask` are written here: then they need not be ahead of both ways. */
void arm_start_way(struct loop *t, unsigned k, bool overwritten, unsigned mask);
/* The ways around that the branch at the unit's end decided. */
void arm_end_ways(struct loop *t);
/* May what was skipped be given back behind this instruction? Direct branches do it themselves. */
bool arm_keeps_unspent(const struct loop *t, const struct arm_insn_row *row, uint32_t insn);

static inline void start_block(struct loop *t, ir_label block)
{
	ir_block_start(t->l.u, block);
	arm_forget_values(&t->l);
}

/* ---- fetch --------------------------------------------------------------------------------------- */

static inline uint32_t fetch_a32(const struct arm_translate_request *req, uint32_t offset)
{
	const uint8_t *p = req->code + offset;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* BE-32: the halfwords of a word change places; req->code then is valid from the word's start. */
static inline uint32_t fetch_t16(const struct arm_translate_request *req, uint32_t offset)
{
	const uint8_t *p = req->code + offset;
	if (req->tb_flags & ARM_TB_BE32)
		p += ((req->pc_key + offset) & 2) ? -2 : 2;
	return p[0] | (uint32_t)p[1] << 8;
}

static inline bool is_cut(const struct arm_translate_request *req, uint32_t offset)
{
	for (uint32_t i = 0; i < req->n_cuts; i++)
		if (req->cut[i] == req->code + offset)
			return true;
	return false;
}

static inline bool is_stop(const struct arm_translate_request *req, uint32_t offset)
{
	uint32_t addr = (req->pc_key & ~1u) + offset;
	for (uint32_t i = 0; i < req->n_stops; i++)
		if (req->stop[i] == addr)
			return true;
	return false;
}

static inline bool is_barred(const struct arm_translate_request *req, uint32_t offset)
{
	return __builtin_expect(req->n_cuts | req->n_stops, 0) && (is_cut(req, offset) || is_stop(req, offset));
}

static inline bool may_fetch(const struct loop *t)
{
	const struct arm_translate_request *req = t->l.req;
	return t->l.u->n_marks < t->end && req->code_bytes - t->offset >= (t->l.thumb ? 2u : 4u) && !is_barred(req, t->offset);
}

static inline const struct arm_insn_row *decode(const struct arm_translate_request *req, bool thumb, uint32_t insn)
{
	const struct arm_insn_row *row = thumb ? arm_decode_t16(req->decoder, insn) : arm_decode_a32(req->decoder, insn);
	return row && row->arch <= req->arch ? row : NULL;
}

#endif
