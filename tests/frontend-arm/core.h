/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core for tests: its host counts flushes and serves page tables from a small physical memory
 * from CORE_PHYS_BASE on; every other physical address is a bus error.
 */
#ifndef RHEA_TEST_CORE_H
#define RHEA_TEST_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-arm/cpu.h"

#define CORE_PHYS_BASE 0x4000u
#define CORE_PHYS_WORDS 0x4000u

struct core {
	struct arm_cpu cpu;
	unsigned flushes, page_flushes, kicks, flag_changes;
	uint32_t flushed_page;
	uint32_t phys[CORE_PHYS_WORDS];
};

static inline void core_flush(void *opaque)
{
	struct core *c = opaque;
	c->flushes++;
}

static inline void core_flush_page(void *opaque, gva_t va)
{
	struct core *c = opaque;
	c->page_flushes++;
	c->flushed_page = va.v;
}

static inline void core_flags_changed(void *opaque)
{
	struct core *c = opaque;

	c->flag_changes++;
}

static inline void core_kick(void *opaque)
{
	struct core *c = opaque;
	c->kicks++;
}

static inline enum mem_result core_read_phys(void *opaque, gpa_t pa, uint32_t *word)
{
	const struct core *c = opaque;
	uint64_t index = (pa.v - CORE_PHYS_BASE) / 4;

	if (pa.v < CORE_PHYS_BASE || index >= CORE_PHYS_WORDS)
		return MEM_ERROR;
	*word = c->phys[index];
	return MEM_OK;
}

static inline void core_init(struct core *c)
{
	struct arm_host host = { .opaque = c, .tlb_flush = core_flush, .tlb_flush_page = core_flush_page,
				 .read_phys = core_read_phys, .kick = core_kick, .flags_changed = core_flags_changed };

	memset(c, 0, sizeof(*c));
	arm_cpu_init(&c->cpu, arm_model_find("arm926"), &host, NULL);
}

static inline void core_set_mode(struct core *c, uint32_t mode)
{
	arm_cpsr_write(&c->cpu, mode, CPSR_MODE);
}

#endif
