/* SPDX-License-Identifier: Apache-2.0 */
/* Call frame rules: what libdw gives as DWARF expressions, where they are of the kind that compilers make for ARM. */
#include <dwarf.h>
#include <stdlib.h>

#include "debug/debuginfo-internal.h"

/* CFA: register + offset. */
static bool read_cfa(const struct libdw *dw, Dwarf_Frame *frame, struct debug_frame *f)
{
	Dwarf_Op *op;
	size_t n;
	if (dw->dwarf_frame_cfa(frame, &op, &n) || n != 1)
		return false;
	uint64_t offset = op->number;
	unsigned reg;
	if (op->atom == DW_OP_bregx) {
		reg = (unsigned)MIN(op->number, UINT64_C(99));
		offset = op->number2;
	} else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		reg = op->atom - DW_OP_breg0;
	} else {
		return false;
	}
	f->cfa_reg = (uint8_t)reg;
	f->cfa_offset = (int32_t)offset;
	return reg < 15;
}

/* At CFA + offset, unchanged, or unknown. */
static int32_t read_register(const struct libdw *dw, Dwarf_Frame *frame, int reg)
{
	Dwarf_Op mem[3], *op;
	size_t n;
	if (dw->dwarf_frame_register(frame, reg, mem, &op, &n))
		return DEBUG_FRAME_LOST;
	if (n == 0)
		return op ? DEBUG_FRAME_LOST : DEBUG_FRAME_SAME;
	if (op[0].atom != DW_OP_call_frame_cfa)
		return DEBUG_FRAME_LOST;
	if (n == 1)
		return 0;
	bool constant = n == 2 && op[1].atom == DW_OP_plus_uconst;
	return constant ? (int32_t)op[1].number : DEBUG_FRAME_LOST;
}

bool debuginfo_frame(struct debuginfo *d, uint32_t pc, struct debug_frame *f)
{
	debuginfo_open(d);
	for (const struct debug_image *i = d->images; i && d->loaded; i = i->next)
		for (unsigned k = 0; k < 2; k++) {
			Dwarf_Frame *frame;
			if (!i->cfi[k] || d->dw.dwarf_cfi_addrframe(i->cfi[k], pc, &frame))
				continue;
			bool ok = read_cfa(&d->dw, frame, f);
			for (int r = 0; ok && r < 15; r++)
				f->saved[r] = read_register(&d->dw, frame, r);
			free(frame);
			return ok;
		}
	return false;
}
