/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From guest instructions to an IR unit: decode by the tables (a32.def, t16.def), lower to IR.
 * One unit starts at a pc key and ends at the first instruction that leaves it, at the end of
 * what could be fetched, or after max_insns.
 */
#ifndef RHEA_ARM_TRANSLATE_H
#define RHEA_ARM_TRANSLATE_H

#include "frontend-arm/cpu.h"
#include "ir/ir.h"

enum arm_global {
#define GLOBAL(name, field, bytes, heat) ARM_G_##name,
#include "frontend-arm/globals.def"
#undef GLOBAL
	ARM_G_COUNT
};

/* The globals and helpers of every ARM unit. Constant. */
extern const struct ir_guest arm_guest;

/* Decoder tables, built once by arm_decoder_new and then read-only: may be shared by machines. */
struct arm_decoder;
struct arm_decoder *arm_decoder_new(void);
void arm_decoder_free(struct arm_decoder *d);

struct arm_translate_request {
	const struct arm_decoder *decoder;
	uint32_t pc_key;      /* bit 0: Thumb; ARM with bit 1 set: the unit raises a prefetch abort */
	uint32_t tb_flags;    /* enum arm_tb_flag */
	const uint8_t *code;  /* host address of the first instruction; Thumb with ARM_TB_BE32: readable from the
				 start of the word that holds it */
	uint32_t code_bytes;  /* valid bytes from there; at least one instruction's */
	uint32_t max_insns;   /* >= 1 */
	uint8_t semihosting;  /* enum arm_semihosting */
	uint8_t arch;         /* arm_model.arch */
};

/*
 * Translates into *u (initialised by the caller with &arm_guest). Always produces a well-formed
 * unit with at least one instruction: what is undefined raises the guest's exception when run.
 * Returns the number of guest code bytes that the unit covers.
 */
uint32_t arm_translate(const struct arm_translate_request *req, struct ir_unit *u);

#endif
