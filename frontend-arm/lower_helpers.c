/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of helpers.def that only the lowerings need. */
#include "frontend-arm/helpers.h"

#define FSR_ALIGNMENT 1u

/* An ARM instruction at an address that is no multiple of 4: qemu-system-arm takes a prefetch abort. */
void arm_helper_pc_misaligned(struct arm_cpu *cpu)
{
	cpu->exc = (struct arm_exception){ .kind = ARM_EXC_PREFETCH_ABORT, .fsr = FSR_ALIGNMENT };
}
