/* SPDX-License-Identifier: Apache-2.0 */
/* What the IR knows of this guest: the rows of globals.def with their places in struct arm_cpu. */
#include "frontend-arm/helpers.h"
#include "frontend-arm/translate.h"

static const struct ir_global arm_global_table[ARM_G_COUNT] = {
#define GLOBAL(global_name, field, bytes, heat_) \
	[ARM_G_##global_name] = { .name = #global_name, .offset = offsetof(struct arm_cpu, field), .type = IR_I32, \
				  .mem_bytes = (bytes), .heat = (heat_) },
#include "frontend-arm/globals.def"
#undef GLOBAL
};

#define GLOBAL(name, field, bytes, heat) \
	_Static_assert(sizeof(((struct arm_cpu *)0)->field) == (bytes), "size of " #name); \
	_Static_assert(offsetof(struct arm_cpu, field) + (bytes) <= 128, #name " is out of short reach");
#include "frontend-arm/globals.def"
#undef GLOBAL

const struct ir_guest arm_guest = {
	.globals = arm_global_table,
	.helpers = arm_helpers,
	.n_globals = ARM_G_COUNT,
	.n_helpers = ARM_H_COUNT,
	.fault_flag_offset = offsetof(struct arm_cpu, exc.kind),
	.pc_global = ARM_G_pc,
	.scratch = UINT64_C(1) << ARM_G_kept,
};
