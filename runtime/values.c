/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that an exit owes by value (frontend-arm/owed.h) mostly go unseen. Where the unit that comes next looks at them, or may not know that nobody
 * does, they are written ahead of it, by a call that costs more than writing them at the exit. Where that happens often, the unit passes them on if
 * it can; else the exit, which the word that is owed names, writes its flags from then on. Both are translated again.
 */
#include <stddef.h>
#include <string.h>

#include "frontend-arm/owed.h"
#include "runtime/vcpu.h"

#define TOO_OFTEN 200u /* in so many slices: */
#define WHILE 256u
#define TOO_OFTEN_IN_TROUBLE 3u

static void forget_old(struct vcpu *v)
{
	if (v->slices - v->values.since < WHILE)
		return;
	memset(v->values.written, 0, sizeof v->values.written);
	v->values.since = v->slices;
}

static void mark(struct vcpu *v, uint64_t *set, uint32_t site)
{
	set[site / 64] |= UINT64_C(1) << site % 64;
	v->values.drop |= UINT64_C(1) << site % 64;
}

/* The guard's call has its return address in the unit that looks. */
static void refuse(struct vcpu *v, uint32_t site)
{
	const struct tb *tb = tb_by_host_pc(&v->tbs, v->base->host_pc);
	v->values.written[site] = 0;
	if (tb && tb->may_pass)
		mark(v, v->values.refused.unit, arm_site(tb->pc_key));
	else
		mark(v, v->values.refused.exit, site);
}

void vcpu_write_values(struct arm_cpu *cpu)
{
	struct vcpu *v = ((struct vcpu_base *)(void *)((char *)cpu - offsetof(struct vcpu_base, cpu)))->vcpu;
	uint32_t site = arm_owed_site(cpu->owed);
	forget_old(v);
	if (++v->values.written[site] == (v->trouble ? TOO_OFTEN_IN_TROUBLE : TOO_OFTEN))
		refuse(v, site);
	arm_write_owed(cpu);
}

void vcpu_drop_values(struct vcpu *v)
{
	for (uint32_t i = 0; i < v->tbs.n_by_host; i++) {
		struct tb *tb = v->tbs.by_host[i];
		if (tb->valid && tb->value_sites & v->values.drop)
			vcpu_drop_block(v, tb);
	}
	v->values.drop = 0;
}
