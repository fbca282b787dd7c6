/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small disassembler over the rows' templates, for the comparison with Capstone and for listings in tests.
 * Placeholders: c S d n m s a as the pattern letters (d2: the register behind d); imm rotated immediate, shift, type,
 * movop, movn: shifter operands; am: addressing mode; amode, w, list, listpc, pushlist, poplist, wload: multiple
 * transfers; psr, psrf: status registers; target, target8, target11: branch targets; k o q crn crm mrcd:
 * coprocessor; x y: halves; i i4 off1 off2 off4 sh32 tmov tmovn: Thumb immediates.
 */
#ifndef RHEA_TEST_DISASM_H
#define RHEA_TEST_DISASM_H

#include "frontend-arm/decode.h"

/* Writes the text of `insn` at `pc` (its row given). False when the template has an unknown placeholder. */
bool disasm(const struct arm_insn_row *row, uint32_t insn, uint32_t pc, char *out, size_t size);

#endif
