/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of a region know how the flags they start with follow from registers (decision 019). A part assumes the facts that all ways to
 * it have in common: then nobody need make those flags, or owe them. The first part of a loop often is come to in another way
 * from outside: it gets a copy, so that those who come round have one to themselves.
 *
 * Invariant: a part assumes only what all its ways in know, as they were lowered last. What is assumed may change what others know, so
 * region.c lowers again until nothing changes.
 */
#include <string.h>

#include "runtime/region.h"

bool region_looks_at_flags(const struct tb *tb)
{
	return tb->entry.kills != 15 || tb->entry.faults;
}

static bool leads(const struct region_plan *p, unsigned i, unsigned k, unsigned to)
{
	return p->to[i][k] == (int)to;
}

/* Does `x` say all that `y` says? */
static bool says(const struct arm_known *x, const struct arm_known *y)
{
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (y->fact[f] && x->fact[f] != y->fact[f])
			return false;
	return true;
}

static bool is_nothing(const struct arm_known *x)
{
	return says(&(struct arm_known){{0}}, x);
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

/* Is this known on all ways to part `to`? */
static bool all_say(const struct region_plan *p, const struct arm_region_flags *flags, unsigned to, const struct arm_known *known)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++)
			if (leads(p, i, k, to) && !says(&flags->known[i][k], known))
				return false;
	return !is_open(p, to);
}

/* What is known on the way to part `to` from the most sampled part. `round`: of those that it leads to itself. */
static struct arm_known usual(const struct region_plan *p, const struct arm_region_flags *flags, unsigned to, bool round)
{
	struct arm_known known = {{0}};
	unsigned most = 0;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			bool counts = leads(p, i, k, to) && !is_nothing(&flags->known[i][k]) && p->part[i]->samples >= most;
			if (!counts || (round && region_distance(p, to, i) == REGION_FAR))
				continue;
			known = flags->known[i][k];
			most = p->part[i]->samples;
		}
	return known;
}

/* What is known on all ways to part `to`. */
static struct arm_known common(const struct region_plan *p, const struct arm_region_flags *flags, unsigned to)
{
	struct arm_known known = usual(p, flags, to, false);
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++)
			for (unsigned f = 0; f < ARM_FLAGS && leads(p, i, k, to); f++)
				if (flags->known[i][k].fact[f] != known.fact[f])
					known.fact[f] = 0;
	return is_open(p, to) ? (struct arm_known){{0}} : known;
}

/* The ways to part `from` on which this is known, or is not, go to part `to`. */
static void redirect(struct region_plan *p, const struct arm_region_flags *flags, unsigned from, const struct arm_known *known, bool is, unsigned to)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++)
			if (leads(p, i, k, from) && says(&flags->known[i][k], known) == is)
				p->to[i][k] = (int8_t)to;
}

/* Makes room for a part behind the first one, where a loop's first part goes on to the second. */
static void move_up(struct region_plan *p, struct arm_region_flags *flags)
{
	unsigned n = p->n - 1;
	memmove(&p->part[2], &p->part[1], n * sizeof p->part[0]);
	memmove(&p->in[2], &p->in[1], n * sizeof p->in[0]);
	memmove(&p->calls[2], &p->calls[1], n * sizeof p->calls[0]);
	memmove(&p->leaves[2], &p->leaves[1], n * sizeof p->leaves[0]);
	memmove(&p->landed[2], &p->landed[1], n * sizeof p->landed[0]);
	memmove(&p->to[2], &p->to[1], n * sizeof p->to[0]);
	memmove(&p->copy[2], &p->copy[1], n * sizeof p->copy[0]);
	memmove(&p->knows[2], &p->knows[1], n * sizeof p->knows[0]);
	memmove(&p->out[2], &p->out[1], n * sizeof p->out[0]);
	memmove(&flags->known[2], &flags->known[1], n * sizeof flags->known[0]);
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
	p->in[at] = p->in[of];
	p->calls[at] = p->calls[of];
	p->leaves[at] = p->leaves[of];
	p->landed[at] = false; /* the one that assumes nothing is found anew */
	memcpy(p->to[at], p->to[of], sizeof p->to[0]);
	memcpy(flags->known[at], flags->known[of], sizeof flags->known[0]);
	memcpy(p->out[at].seen, p->out[of].seen, sizeof p->out[0].seen);
	p->out[at].known = (struct arm_known){{0}};
	p->copy[at] = (uint8_t)of;
	p->copy[of] = (uint8_t)at;
	p->knows[at] = p->knows[of] = true;
	p->insns += p->part[of]->n_insns;
	p->n++;
}

/* Part `at` starts a loop: those who come round knowing the same have a part for themselves, in the way; the others', and that for who comes
 * from outside of the region, is out of it. `all`: what is known anyway. */
static bool split(struct region_plan *p, struct arm_region_flags *flags, unsigned at, const struct arm_known *all)
{
	struct arm_known known = usual(p, flags, at, true);
	if (says(all, &known) || p->n == ARM_REGION_PARTS || p->insns + p->part[at]->n_insns > REGION_INSNS + REGION_COPIED)
		return false;
	unsigned copy = at ? p->n : 1;
	if (!at)
		move_up(p, flags);
	copy_part(p, flags, copy, at);
	redirect(p, flags, at, &known, !at, copy);
	p->out[at ? at : copy].known = known;
	return true;
}

/* The assumption does not hold: those for whom it does not go to the copy, if there is one. */
static void correct(struct region_plan *p, const struct arm_region_flags *flags, unsigned at)
{
	unsigned copy = p->copy[at];
	if (copy != at)
		redirect(p, flags, at, &p->out[at].known, false, copy);
	else
		p->out[at].known = common(p, flags, at);
}

/* For the first time something is known of the ways to part `at`. */
static bool decide(struct region_plan *p, struct arm_region_flags *flags, unsigned at)
{
	struct arm_known known = common(p, flags, at);
	bool looks = p->out[at].looks;
	p->knows[at] = true;
	if (looks && split(p, flags, at, &known))
		return true;
	p->out[at].known = known;
	return looks && !is_nothing(&known);
}

bool region_settle_flags(struct region_plan *p, struct arm_region_flags *flags, bool last)
{
	bool changed = false;
	for (unsigned at = 0, n = p->n; at < n; at++) {
		struct arm_known *known = &p->out[at].known;
		if (!all_say(p, flags, at, known) && !is_nothing(known)) {
			if (last)
				*known = (struct arm_known){{0}};
			else
				correct(p, flags, at);
			changed = true;
		} else if (!p->knows[at] && !last) {
			changed |= decide(p, flags, at);
		}
	}
	return changed;
}
