/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of a region know how the flags they start with follow from registers (decision 015). A part that all ways come to with the
 * same debt assumes it: then nobody need make those flags, owe them, or keep them. The first part of a loop often is come to in another way
 * from outside: it gets a copy, so that those who come round have one to themselves.
 *
 * Invariant: a part assumes a debt only if all its ways in, as they were lowered last, have it. What is assumed may change what others know, so
 * region.c lowers again until nothing changes.
 */
#include <string.h>

#include "runtime/region.h"

bool region_looks_at_flags(const struct tb *tb)
{
	return tb->entry.kills != 15 || tb->entry.faults;
}

/* Do all ways to part `to` have the debt? The region's first part has one that is not known. */
static bool all_have(const struct region_plan *p, const struct arm_region_flags *flags, unsigned to, uint32_t debt)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++)
			if (p->to[i][k] == (int)to && flags->debt[i][k] != debt)
				return false;
	return to != 0;
}

/* The debt that part `to` is come to with most: by the most sampled part. `round`: of those that it leads to itself. */
static uint32_t usual_debt(const struct region_plan *p, const struct arm_region_flags *flags, unsigned to, bool round)
{
	uint32_t debt = 0;
	unsigned most = 0;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			bool counts = p->to[i][k] == (int)to && flags->debt[i][k] && p->part[i]->samples >= most;
			if (!counts || (round && region_distance(p, to, i) == REGION_FAR))
				continue;
			debt = flags->debt[i][k];
			most = p->part[i]->samples;
		}
	return debt;
}

/* The ways to part `from` that have the debt, or have not, go to part `to`. */
static void redirect(struct region_plan *p, const struct arm_region_flags *flags, unsigned from, uint32_t debt, bool have, unsigned to)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++)
			if (p->to[i][k] == (int)from && (flags->debt[i][k] == debt) == have)
				p->to[i][k] = (int8_t)to;
}

/* Makes room for a part behind the first one, where a loop's first part goes on to the second. */
static void move_up(struct region_plan *p, struct arm_region_flags *flags)
{
	unsigned n = p->n - 1;
	memmove(&p->part[2], &p->part[1], n * sizeof p->part[0]);
	memmove(&p->to[2], &p->to[1], n * sizeof p->to[0]);
	memmove(&p->copy[2], &p->copy[1], n * sizeof p->copy[0]);
	memmove(&p->knows[2], &p->knows[1], n * sizeof p->knows[0]);
	memmove(&p->out[2], &p->out[1], n * sizeof p->out[0]);
	memmove(&flags->debt[2], &flags->debt[1], n * sizeof flags->debt[0]);
	for (unsigned i = 0; i < p->n + 1; i++) {
		p->copy[i] = (uint8_t)(p->copy[i] + (p->copy[i] > 0));
		for (unsigned k = 0; k < 2; k++)
			p->to[i][k] = (int8_t)(p->to[i][k] + (p->to[i][k] > 0));
	}
}

/* Part `at` becomes another of the block of part `of`. */
static void copy_part(struct region_plan *p, struct arm_region_flags *flags, unsigned at, unsigned of)
{
	p->part[at] = p->part[of];
	memcpy(p->to[at], p->to[of], sizeof p->to[0]);
	memcpy(flags->debt[at], flags->debt[of], sizeof flags->debt[0]);
	p->out[at].debt = 0;
	p->copy[at] = (uint8_t)of;
	p->copy[of] = (uint8_t)at;
	p->knows[at] = p->knows[of] = true;
	p->insns += p->part[of]->n_insns;
	p->n++;
}

/* Part `at` starts a loop: those who come round with one debt have a part for themselves, in the way; the others', and that for who comes from
 * outside of the region, is out of it. */
static bool split(struct region_plan *p, struct arm_region_flags *flags, unsigned at)
{
	uint32_t debt = usual_debt(p, flags, at, true);
	if (!debt || p->n == ARM_REGION_PARTS || p->insns + p->part[at]->n_insns > REGION_INSNS + REGION_COPIED)
		return false;
	unsigned copy = at ? p->n : 1;
	if (!at)
		move_up(p, flags);
	copy_part(p, flags, copy, at);
	redirect(p, flags, at, debt, !at, copy);
	p->out[at ? at : copy].debt = debt;
	return true;
}

/* The assumption does not hold: those for whom it does not go to the copy, if there is one. */
static void correct(struct region_plan *p, const struct arm_region_flags *flags, unsigned at)
{
	unsigned copy = p->copy[at];
	if (copy != at)
		redirect(p, flags, at, p->out[at].debt, false, copy);
	else
		p->out[at].debt = 0;
}

bool region_settle_flags(struct region_plan *p, struct arm_region_flags *flags, bool last)
{
	bool changed = false;
	for (unsigned at = 0, n = p->n; at < n; at++) {
		if (p->out[at].debt && !all_have(p, flags, at, p->out[at].debt)) {
			if (last)
				p->out[at].debt = 0;
			else
				correct(p, flags, at);
			changed = true;
		} else if (!p->knows[at] && !last) {
			uint32_t debt = usual_debt(p, flags, at, false);
			bool all = debt && all_have(p, flags, at, debt);
			p->knows[at] = true;
			if (all)
				p->out[at].debt = debt;
			if (p->out[at].looks)
				changed |= all || split(p, flags, at);
		}
	}
	return changed;
}
