/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of a region know how the flags they start with follow from registers (decision 019). A part assumes the facts that all ways to
 * it have in common: then nobody need make those flags, or owe them. Where one way, mostly from outside, would take all others' facts away, parts
 * are copied: those who come round knowing the same have one to themselves.
 *
 * A part was lowered once and said what it makes of the flags on each way out, and what it leaves alone (arm_region_way). From that follows what is known
 * where each part starts, however often they are copied.
 *
 * Invariant: a part assumes only what all its ways in know, as they were lowered last. What is assumed may change what others know, so that
 * is looked at again.
 */
#include <string.h>

#include "runtime/region.h"

bool region_looks_at_flags(const struct tb *tb)
{
	return tb->entry.kills != 15 || tb->entry.faults;
}

#define MAX_COPIES 3u /* of a block */

static bool leads(const struct region_plan *p, unsigned i, unsigned k, unsigned to)
{
	return p->to[i][k] == (int)to;
}

/* Does `x` say all that `y` says? */
static bool says(const struct arm_known *x, const struct arm_known *y)
{
	struct arm_known both = arm_common_known(x, y);
	bool sure = both.sure.flags == y->sure.flags;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		sure &= both.fact[f] == y->fact[f];
	return sure;
}

static bool is_nothing(const struct arm_known *x)
{
	return says(&(struct arm_known){0}, x);
}

/* Does a way lead there from outside of the region? On that nothing is known. */
static bool is_open(const struct region_plan *p, unsigned to)
{
	return to == 0 || p->landed[to];
}

bool region_assumes(const struct region_plan *p, unsigned at)
{
	return !is_nothing(&p->out[at].known);
}

/* What is known where each part starts. */
struct facts {
	struct arm_known in[ARM_REGION_PARTS];
	bool reached[ARM_REGION_PARTS];
};

static struct arm_known on_way(const struct arm_region_flags *flags, const struct facts *x, unsigned i, unsigned k)
{
	return arm_known_behind(&x->in[i], &flags->way[i][k]);
}

static bool same(const struct arm_known *x, const struct arm_known *y)
{
	return says(x, y) && says(y, x);
}

/* What those ways to part `at` have in common that are reached so far. */
static bool meet(const struct region_plan *p, const struct arm_region_flags *flags, const struct facts *x, unsigned at, struct arm_known *all)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			if (!leads(p, i, k, at) || !x->reached[i])
				continue;
			struct arm_known known = on_way(flags, x, i, k);
			*all = n++ ? arm_common_known(all, &known) : known;
		}
	return n;
}

/* Ways not reached yet do not count, so that what a loop leaves alone is known all around it; what they say later takes facts away, so it ends. */
static void find_facts(const struct region_plan *p, const struct arm_region_flags *flags, struct facts *x)
{
	bool changed;
	*x = (struct facts){0};
	for (unsigned at = 0; at < p->n; at++)
		x->reached[at] = is_open(p, at);
	do {
		changed = false;
		for (unsigned at = 0; at < p->n; at++) {
			struct arm_known all;
			if (is_open(p, at) || !meet(p, flags, x, at, &all))
				continue;
			if (x->reached[at])
				all = arm_common_known(&x->in[at], &all);
			if (x->reached[at] && same(&x->in[at], &all))
				continue;
			x->in[at] = all;
			changed = x->reached[at] = true;
		}
	} while (changed);
}

/* What is known on the way to part `to` from the most sampled part that it leads to itself, of those that know more than all have in common. */
static struct arm_known usual(const struct region_plan *p, const struct arm_region_flags *flags, const struct facts *x, unsigned to)
{
	struct arm_known known = {0};
	unsigned most = 0;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			if (!leads(p, i, k, to) || p->part[i]->samples < most || region_distance(p, to, i) == REGION_FAR)
				continue;
			struct arm_known there = on_way(flags, x, i, k);
			if (says(&x->in[to], &there))
				continue;
			known = there;
			most = p->part[i]->samples;
		}
	return known;
}

/* The ways to part `from` on which this is known, or is not, go to part `to`. */
static void redirect(struct region_plan *p, const struct arm_region_flags *flags, const struct facts *x, unsigned from, const struct arm_known *known,
		     bool is, unsigned to)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			if (!leads(p, i, k, from))
				continue;
			struct arm_known there = on_way(flags, x, i, k);
			if (says(&there, known) == is)
				p->to[i][k] = (int8_t)to;
		}
}

/* Makes room for a part behind the first one, where a loop's first part goes on to the second. */
static void move_up(struct region_plan *p, struct arm_region_flags *flags, struct facts *x)
{
	unsigned n = p->n - 1;
	memmove(&p->part[2], &p->part[1], n * sizeof p->part[0]);
	memmove(&p->in[2], &p->in[1], n * sizeof p->in[0]);
	memmove(&p->calls[2], &p->calls[1], n * sizeof p->calls[0]);
	memmove(&p->leaves[2], &p->leaves[1], n * sizeof p->leaves[0]);
	memmove(&p->landed[2], &p->landed[1], n * sizeof p->landed[0]);
	memmove(&p->to[2], &p->to[1], n * sizeof p->to[0]);
	memmove(&p->copy[2], &p->copy[1], n * sizeof p->copy[0]);
	memmove(&p->out[2], &p->out[1], n * sizeof p->out[0]);
	memmove(&flags->way[2], &flags->way[1], n * sizeof flags->way[0]);
	memmove(&x->in[2], &x->in[1], n * sizeof x->in[0]);
	for (unsigned i = 0; i < p->n + 1; i++) {
		p->copy[i] = (uint8_t)(p->copy[i] + (p->copy[i] > 0));
		for (unsigned k = 0; k < 2; k++)
			p->to[i][k] = (int8_t)(p->to[i][k] + (p->to[i][k] > 0));
	}
}

/* Part `at` becomes another of the block of part `of`, which calls do not come back to. */
static void copy_part(struct region_plan *p, struct arm_region_flags *flags, struct facts *x, unsigned at, unsigned of)
{
	p->part[at] = p->part[of];
	p->in[at] = p->in[of];
	p->calls[at] = p->calls[of];
	p->leaves[at] = p->leaves[of];
	p->landed[at] = false;
	memcpy(p->to[at], p->to[of], sizeof p->to[0]);
	memcpy(flags->way[at], flags->way[of], sizeof flags->way[0]);
	memcpy(p->out[at].seen, p->out[of].seen, sizeof p->out[0].seen);
	x->in[at] = x->in[of];
	p->copy[at] = MIN(p->copy[of], (uint8_t)of);
	if (p->copy[of] == of)
		p->copy[of] = (uint8_t)at;
	p->insns += p->part[of]->n_insns;
	p->n++;
}

/* Part `at` is in a loop: those who come round knowing the same have a part for themselves, in the way; the others', and that for who comes
 * from outside of the region, is out of it. */
static bool split(struct region_plan *p, struct arm_region_flags *flags, struct facts *x, unsigned at)
{
	struct arm_known known = usual(p, flags, x, at);
	if (is_nothing(&known) || p->n == ARM_REGION_PARTS || p->insns + p->part[at]->n_insns > REGION_INSNS + REGION_COPIED)
		return false;
	unsigned copy = at ? p->n : 1;
	if (!at)
		move_up(p, flags, x);
	copy_part(p, flags, x, copy, at);
	redirect(p, flags, x, at, &known, !at, copy);
	if (at) {
		p->landed[copy] = p->landed[at];
		p->landed[at] = false;
	}
	return true;
}

/* Parts of the same block in the same run of its function. */
static unsigned copies(const struct region_plan *p, unsigned at)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->n; i++)
		n += p->part[i] == p->part[at] && p->in[i] == p->in[at];
	return n;
}

bool region_settle_flags(struct region_plan *p, struct arm_region_flags *flags)
{
	struct facts x;
	bool changed = false;
	find_facts(p, flags, &x);
	for (unsigned at = 0; at < p->n; at++)
		while (copies(p, at) < MAX_COPIES && region_looks_at_flags(p->part[at]) && split(p, flags, &x, at)) {
			find_facts(p, flags, &x);
			changed = true;
		}
	for (unsigned at = 0; at < p->n && !changed; at++)
		changed = region_looks_at_flags(p->part[at]) && !same(&x.in[at], &flags->assumed[at]);
	for (unsigned at = 0; at < p->n && changed; at++)
		p->out[at].known = x.in[at];
	return changed;
}

bool region_correct_flags(struct region_plan *p, const struct arm_region_flags *flags, bool last)
{
	bool changed = false;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			if (p->to[i][k] < 0)
				continue;
			struct arm_known *known = &p->out[p->to[i][k]].known;
			if (says(&flags->way[i][k].known, known))
				continue;
			*known = last ? (struct arm_known){0} : arm_common_known(known, &flags->way[i][k].known);
			changed = true;
		}
	return changed;
}
