/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the core's state share and nobody else needs. */
#ifndef RHEA_ARM_CP15_H
#define RHEA_ARM_CP15_H

#include "frontend-arm/cpu.h"

/* "svc"; "???" for a mode that does not exist. */
const char *arm_mode_name(uint32_t mode);

/* Reset values of every register in cp15.def. */
void arm_cp15_reset(struct arm_cpu *cpu);

/* Forgets every translation. */
void arm_tlb_flush_all(struct arm_cpu *cpu);
/* Forgets the translation of one modified virtual address, with the whole page or section it lies in. */
void arm_tlb_flush_mva(struct arm_cpu *cpu, uint32_t mva);

/* Fast Context Switch Extension (DDI 0198E 2.3.13): the low 32 MB of virtual addresses move to the slot
 * of the process id. */
static inline uint32_t arm_fcse_mva(const struct arm_cpu *cpu, gva_t va)
{
	return va.v < (1u << 25) ? va.v | (cpu->cp15.fcse_pid & 0xfe000000u) : va.v;
}

#endif
