/* SPDX-License-Identifier: Apache-2.0 */
/* C functions that translated code calls, from helpers.def: ids, prototypes, and the table `arm_helpers`. */
#ifndef RHEA_ARM_HELPERS_H
#define RHEA_ARM_HELPERS_H

#include "frontend-arm/cpu.h"
#include "ir/ir.h"

enum arm_helper {
#define HELPER(name, ret, n_args, args, flags) ARM_H_##name,
#include "frontend-arm/helpers.def"
#undef HELPER
	ARM_H_COUNT
};

/* In the prototypes, V and W are C types. */
#define V void
#define W uint32_t
#define HELPER_ARGS(...) , ##__VA_ARGS__
#define HELPER(name, ret, n_args, args, flags) ret arm_helper_##name(struct arm_cpu *cpu HELPER_ARGS args);
#include "frontend-arm/helpers.def"
#undef HELPER
#undef HELPER_ARGS
#undef W
#undef V

extern const struct ir_helper arm_helpers[ARM_H_COUNT];

#endif
