/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and where regions start.
 *
 * What is hot is sampled where a slice's budget runs out, which is at no place in particular. A block that was met there often enough
 * becomes the head of a region; or, where that would take long because many are as hot, one that was met in a neighbourhood that was met
 * as often. Such regions are laid beside each other: one starts where others are left, or where a loop does, it ends where others start, and
 * when it is there the next one is made where it leads to.
 */
#include "runtime/region.h"

#define REGION_TRIES 4u
#define OLD 128u           /* slices: by then a few blocks that are hot have been met often enough */
#define STEPS_BACK 8u

static struct tb_cell *cell_of(const struct tb *tb)
{
	return &tb->page->cell[((uintptr_t)tb->code & PAGE_MASK) >> TB_CELL_BITS];
}

static bool may_lead(const struct vcpu *v, const struct tb *tb)
{
	if (tb->region || !tb->valid || !tb->whole_page || (tb->pc_key & 3) == 2 || tb->region_tries >= REGION_TRIES)
		return false;
	return tb_find(&v->tbs, tb->code, tb->pc_key, tb->flags, true) == tb; /* else it has one, and ran where that was too long */
}

static unsigned samples_needed(const struct vcpu *v, const struct tb *tb)
{
	return v->cfg.tier2_samples << tb->region_tries;
}

static bool is_warm(const struct vcpu *v, const struct tb *tb, unsigned heat)
{
	const struct tb_cell *c = cell_of(tb);
	return c->heat >= heat && c->since && v->slices - c->since >= OLD;
}

static bool form(struct vcpu *v, struct tb *head)
{
	struct region_plan p;
	head->region_tries++;
	region_plan(v, head, &p);
	struct tb *start = region_recursion(&p);
	if (start && may_lead(v, start)) {
		start->region_tries++;
		region_plan(v, start, &p);
	}
	if (!region_form(&p))
		return false;
	cell_of(head)->heat = 0;
	return true;
}

/* Others' code is not copied, unless it is a place where many meet, or both go round in the same loop. */
bool region_may_copy(const struct region_plan *p, const struct tb *to)
{
	const struct tb_region *r = to ? to->region : NULL;
	if (!r || r->head->samples >= p->v->cfg.tier2_samples)
		return true;
	for (unsigned k = 0; k < r->n_parts; k++)
		if (r->part[k].code == p->head->code)
			return true;
	return false;
}

/* Who jumps to `tb` is to lead the region in its place; NULL: it is the place itself, where regions lead to, calls, or a loop. */
static struct tb *before(const struct vcpu *v, const struct tb *tb)
{
	struct tb *best = NULL;
	for (const struct tb_exit *e = tb->in; e; e = e->next_in) {
		struct tb *from = e->tb;
		if (from->region || from->pc_key >= tb->pc_key || e->link == IR_LINK_CALL)
			return NULL;
		if (!from->n_regions && may_lead(v, from) && (!best || from->samples > best->samples))
			best = from;
	}
	return best;
}

static struct tb *find_head(const struct vcpu *v, struct tb *tb)
{
	struct tb *head = tb, *next = before(v, tb);
	for (unsigned n = 0; next && n < STEPS_BACK; n++) {
		head = next;
		next = before(v, head);
	}
	return head;
}

static bool is_part(const struct region_plan *p, const struct tb *tb)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->part[i] == tb)
			return true;
	return false;
}

void region_go_on(struct vcpu *v, const struct region_plan *p)
{
	struct tb *next = NULL;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct tb_exit *e = &p->part[i]->exit[k];
			struct tb *to = e->used ? e->to : NULL;
			if (!to || to->n_regions || is_part(p, to) || !may_lead(v, to) || !is_warm(v, to, samples_needed(v, to) / 2))
				continue;
			if (!next || cell_of(to)->heat >= cell_of(next)->heat)
				next = to;
		}
	if (next)
		form(v, next);
}

void region_give_up(struct tb *head)
{
	head->region_tries = REGION_TRIES;
}

static void count(struct vcpu *v, struct tb *tb)
{
	struct tb_cell *c = cell_of(tb);
	if (tb->samples < UINT16_MAX)
		tb->samples++;
	c->heat++;
	if (!c->since)
		c->since = v->slices;
}

/* The region of which tb is the head was not entered, where what it assumes does not hold. When that is often so, it is made anew. */
static void see_unmet(struct vcpu *v, struct tb *tb)
{
	struct tb *r = tb->over;
	uint32_t unmet = ir_unmet(&arm_guest, v->cpu, r->region->assumes);
	if (!unmet || ++r->samples < v->cfg.tier2_samples)
		return;
	tb->wary |= unmet;
	if (tb->region_tries)
		tb->region_tries--;
	vcpu_drop_block(v, r);
}

void vcpu_sample(struct vcpu *v, struct tb *tb)
{
	bool able = v->cfg.tier >= 2 && !v->cfg.no_chain && !v->cfg.one_insn_per_tb && v->cfg.accel != VCPU_INTERP &&
		    !v->stops.n_exec; /* breakpoints are for blocks */
	if (tb->over && tb->over->valid)
		see_unmet(v, tb);
	if (!able || !may_lead(v, tb))
		return;
	count(v, tb);
	if (region_job_busy(v) || (tb->samples < samples_needed(v, tb) && !is_warm(v, tb, samples_needed(v, tb))))
		return;
	struct tb *head = find_head(v, tb);
	if (!form(v, head) && head != tb && tb->region_tries < REGION_TRIES)
		form(v, tb);
}
