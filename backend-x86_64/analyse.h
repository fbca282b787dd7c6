/* SPDX-License-Identifier: Apache-2.0 */
/* State of the forward pass over a unit (analyse.c), and its half that follows the host's flags (fuse.c). */
#ifndef RHEA_X64_ANALYSE_H
#define RHEA_X64_ANALYSE_H

#include "backend-x86_64/gen.h"

enum flag_effect {
	FLAGS_CHANGE,    /* changes them to something useless */
	FLAGS_KEEP,
	FLAGS_SUB,       /* x86: a - b, as sub or cmp sets them */
	FLAGS_ADD,       /* a + b; or keeps them, as lea */
	FLAGS_ADC,       /* a + b + cin */
	FLAGS_SBC,       /* a - b - !cin */
	FLAGS_LOGIC,     /* of the result, with carry and overflow 0 */
	FLAGS_SHIFT,     /* by a constant: of the result, with the bit that left last as the carry; BMI2 keeps them else */
	FLAGS_ROTATE,
	FLAGS_SELECT,    /* keeps them when its condition is there, else they are those of the test of it */
	FLAGS_ASK_CMP,   /* conditions: fused, or producers without a result */
	FLAGS_ASK_ADD,
	FLAGS_ASK_SUB,
	FLAGS_ASK_SHIFT,
};

struct producer {
	ir_ref insn;              /* IR_NONE = none */
	enum flag_effect what;
	ir_ref a, b, c, result;   /* result IR_NONE: only the flags */
	uint8_t type;
};

#define MAX_CANDIDATES 4u

struct analysis {
	struct gen *g;
	struct producer flags;
	struct producer candidate[MAX_CANDIDATES]; /* behind `flags`, all to be done by lea when that is asked */
	unsigned n_candidates;
	ir_ref barrier;           /* last insn that may show the globals to somebody */
	ir_ref touched[IR_MAX_GLOBALS]; /* last get or set of each global */
	ir_ref site;              /* last access */
	uint64_t lazy;            /* globals whose last set, lazy_set, was lazy */
	uint32_t run;             /* the first one that is not over */
	ir_ref lazy_set[IR_MAX_GLOBALS];
};

extern const uint8_t gen_flag_effect[IR_OP_COUNT]; /* enum flag_effect */

/* Tries to take the condition that insn v makes from existing flags. */
bool gen_fuse(struct analysis *an, ir_ref v, const struct ir_insn *i);
/* Follows the flags over insn v, which was not fused. */
void gen_follow_flags(struct analysis *an, ir_ref v, const struct ir_insn *i);

static inline void forget_flags(struct analysis *an)
{
	an->flags.insn = IR_NONE;
	an->n_candidates = 0;
}

/* Did a select test v, and are the flags still those of the test? */
static inline bool is_tested(const struct analysis *an, ir_ref v)
{
	return an->flags.insn != IR_NONE && an->flags.what == FLAGS_SELECT && an->flags.a == v;
}

#endif
