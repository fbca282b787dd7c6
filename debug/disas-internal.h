/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by disas_arm.c (making, ARM) and disas_x64.c: the two libraries, and how far they have come. */
#ifndef RHEA_DISAS_INTERNAL_H
#define RHEA_DISAS_INTERNAL_H

#include <Zycore/Format.h>
#include <Zycore/Zycore.h>
#include <Zydis/Zydis.h>
#include <capstone/capstone.h>

#include "debug/disas.h"

struct capstone {
#define FUNCTION(name) __typeof__(name) *name;
#include "debug/capstone.def"
#undef FUNCTION
};

struct zydis {
#define FUNCTION(name) __typeof__(name) *name;
#include "debug/zydis.def"
#undef FUNCTION
	__typeof__(ZyanStringAppendFormat) *ZyanStringAppendFormat; /* of Zycore, which Zydis does not bring */
};

struct disas {
	bool tried_arm, tried_x64; /* to load the library */
	bool no_x64;               /* there is none */
	struct capstone cs;
	csh arm, thumb;
	cs_insn *insn; /* reused for each instruction; NULL: nothing can be disassembled */
	struct zydis z;
};

#endif
