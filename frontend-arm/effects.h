/* SPDX-License-Identifier: Apache-2.0 */
/* What an instruction does to flags and registers, told from its bits alone (effects.c). Private to the frontend. */
#ifndef RHEA_ARM_EFFECTS_H
#define RHEA_ARM_EFFECTS_H

#include "frontend-arm/lower.h"

enum arm_effect_kind {
	EFFECT_OTHER,  /* nobody knows; the rest is not told */
	EFFECT_PLAIN,  /* goes on, and nobody can see the state on the way */
	EFFECT_ACCESS, /* the same, but that accesses may fault or leave */
	EFFECT_LEAVES, /* ends the unit, perhaps by way of accesses, and looks at no flags */
	EFFECT_JUMPS,  /* the same, by a direct jump */
	EFFECT_ASKS,   /* a direct conditional branch: looks at flags */
};

struct arm_effect {
	uint8_t kind;    /* enum arm_effect_kind */
	bool access;     /* there are accesses */
	uint8_t reads;   /* flags, as masks: all reads are ahead of all writes */
	uint8_t sets;
	uint16_t before; /* registers written ahead of the last access */
	uint16_t writes; /* and by the end */
};

/* Of the instruction at address pc, whose condition is AL where it has one. */
struct arm_effect arm_effect_t16(const struct arm_translate_request *req, uint32_t pc, uint32_t insn);
struct arm_effect arm_effect_a32(const struct arm_translate_request *req, uint32_t pc, uint32_t insn);

/* What the code at req->pc_key takes of flags that are owed, of ARM_LOOK_AHEAD instructions; false: it has some of which that cannot be told. */
bool arm_foresee(const struct arm_translate_request *req, struct arm_debtor *to);
/* The same by lowering them; always tells. */
struct arm_debtor arm_see_by_lowering(struct arm_translate_request *req, struct arena *arena);

#endif
