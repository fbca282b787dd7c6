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

#define TOO_OFTEN 100u /* 10 to 20 us, about what a block costs to be translated again; in so many slices: */
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
	v->values.drop[site / 64] |= UINT64_C(1) << site % 64;
	v->values.drops = true;
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

static bool is_dropped(const struct vcpu *v, uint32_t site)
{
	return v->values.drop[site / 64] >> site % 64 & 1;
}

/* Sites are instructions of the block or region, or named by what its exits owe. */
static bool has_dropped(const struct vcpu *v, const struct tb *tb)
{
	for (unsigned k = 0; k < tb->n_exits; k++)
		if (arm_owed_by_value(tb->exit[k].owed) && is_dropped(v, arm_owed_site(tb->exit[k].owed)))
			return true;
	for (uint32_t k = 0; k < tb->host.n_marks; k++)
		if (is_dropped(v, arm_site(tb_mark_pc(tb, k))))
			return true;
	return false;
}

void vcpu_drop_values(struct vcpu *v)
{
	uint64_t any = 0;
	for (unsigned k = 0; k < ARRAY_LEN(v->values.drop); k++)
		any |= v->values.drop[k];
	for (uint32_t i = 0; i < v->tbs.n_by_host; i++) {
		struct tb *tb = v->tbs.by_host[i];
		if (tb->valid && tb->value_sites & any && has_dropped(v, tb)) {
			if (tb->region && tb->region->head->region_tries) /* that one was in vain */
				tb->region->head->region_tries--;
			vcpu_drop_block(v, tb);
		}
	}
	memset(v->values.drop, 0, sizeof v->values.drop);
	v->values.drops = false;
}
