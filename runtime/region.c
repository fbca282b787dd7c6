/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second tier: blocks that stay hot are compiled once more, as one unit with those that they jump to.
 *
 * Which blocks become heads of regions is said in region_policy.c, and of what they are made in region_grow.c. A region takes the head's
 * place in the store, in the jump cache and at the end of links, and lives as long as all of its code is what it was. The
 * other blocks stay, for who comes in at another place. Behind the plan all is done here and now, or by a worker (region_job.c).
 */
#include <assert.h>
#include <string.h>

#include "runtime/region.h"

#define LAST_PASS 3u          /* of lowering that may assume something */

unsigned region_distance(const struct region_plan *p, unsigned from, unsigned to)
{
	uint32_t seen = 1u << from, edge = seen;
	for (unsigned d = 0; edge; d++) {
		uint32_t next = 0;
		if (edge >> to & 1)
			return d;
		for (unsigned i = 0; i < p->n; i++)
			for (unsigned k = 0; edge >> i & 1 && k < 2; k++)
				if (p->to[i][k] >= 0)
					next |= 1u << p->to[i][k];
		edge = next & ~seen;
		seen |= next;
	}
	return REGION_FAR;
}

/* The likelier of two parts that part i jumps to: where clearly more samples were taken; the shorter way back. */
static uint32_t hot_key(const struct region_plan *p, unsigned i)
{
	int a = p->to[i][0], b = p->to[i][1];
	if (a < 0 || b < 0 || a == b)
		return ARM_NO_KEY;
	const struct tb *x = p->part[a], *y = p->part[b];
	if (x->samples > 2 * y->samples + 2 || y->samples > 2 * x->samples + 2)
		return x->samples > y->samples ? x->pc_key : y->pc_key;
	unsigned from_a = region_distance(p, (unsigned)a, i), from_b = region_distance(p, (unsigned)b, i);
	if (from_a + 1 >= from_b && from_b + 1 >= from_a && from_a && from_b)
		return ARM_NO_KEY;
	return from_a < from_b ? x->pc_key : y->pc_key;
}

static bool is_cold(const struct region_plan *p, unsigned i, unsigned to)
{
	return p->out[i].hot != ARM_NO_KEY && p->out[i].hot != p->part[to]->pc_key;
}

/* May more be charged than its own instructions, and need nobody look at the budget behind it? */
static bool may_precharge(const struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	for (uint32_t k = 0; k < p->req.n_cuts; k++)
		if (p->req.cut[k] == tb->code + tb->bytes)
			return false;
	return !tb->fixed;
}

/* What part i needs to be charged so that all that follows it, up to the next jump backwards, need not look at the budget;
 * or less, where that is too much. */
static unsigned need(struct region_plan *p, unsigned i)
{
	unsigned n = p->part[i]->n_insns, more = 0;
	if (p->state[i])
		return p->state[i] == 2 ? p->need[i] : 0;
	p->state[i] = 1;
	for (unsigned k = 0; k < 2; k++) {
		int to = p->to[i][k];
		bool cold = to >= 0 && is_cold(p, i, (unsigned)to);
		unsigned x = to >= 0 && !cold ? need(p, (unsigned)to) : 0;
		more = MAX(more, x);
	}
	p->state[i] = 2;
	p->need[i] = (uint16_t)(n + more <= REGION_CHARGE && may_precharge(p, i) ? n + more : n);
	return p->need[i];
}

/* Gives part i its charge, where `left` of the one before it is left over, and those that follow it theirs. */
static void charge(struct region_plan *p, unsigned i, unsigned left)
{
	struct arm_region_part *part = &p->out[i];
	if (part->charge)
		return;
	unsigned least = need(p, i);
	part->charge = (uint16_t)(left > least && may_precharge(p, i) ? left : least);
	for (unsigned cold = 0; cold < 2; cold++)
		for (unsigned k = 0; k < 2; k++) {
			int to = p->to[i][k];
			if (to >= 0 && is_cold(p, i, (unsigned)to) == cold)
				charge(p, (unsigned)to, cold ? 0 : (unsigned)(part->charge - part->n_insns));
		}
}

/* What the blocks take that the parts are linked to, so that the front end need not look there, and could not on another page. What a region
 * takes in place of its head may rest on parts that are not joined here. Only here, not on the worker's thread. */
static void note_links(struct region_plan *p)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct tb_exit *e = &p->part[i]->exit[k];
			bool seen = e->used && e->to;
			const struct tb *to = seen && e->to->region ? e->to->region->head : e->to;
			p->out[i].seen[k] = seen ? (struct arm_seen_way){e->key, to->entry} : (struct arm_seen_way){.key = ARM_NO_KEY};
		}
}

static void count_part(struct region_plan *p, unsigned i, uint32_t counter)
{
	p->out[i].counter = counter;
	p->out[i].taken = counter && p->req.count_taken ? counter + VCPU_TAKEN : 0;
}

static void land(struct region_plan *p, int at)
{
	if (at < 0)
		return;
	p->landed[at] = true;
	p->out[at].n_preds++;
}

static void count_ways_in(struct region_plan *p)
{
	memset(p->landed, 0, sizeof p->landed);
	p->out[0].n_preds = 1;
	for (unsigned i = 0; i < p->n; i++) {
		p->out[i].lands = (int8_t)region_lands(p, i);
		p->out[i].lands_back = (int8_t)region_lands_back(p, i);
		land(p, p->out[i].lands);
		land(p, p->out[i].lands_back);
		for (unsigned k = 0; k < 2; k++)
			if (p->to[i][k] >= 0)
				p->out[p->to[i][k]].n_preds++;
	}
}

/* What the front end is to know of the parts, of their order and of who jumps to whom. */
static void describe(struct region_plan *p)
{
	memset(p->state, 0, sizeof p->state);
	for (unsigned i = 0; i < p->n; i++) {
		p->out[i].n_preds = 0;
		p->out[i].charge = 0;
		memcpy(p->out[i].to, p->to[i], sizeof p->to[i]);
		p->out[i].code = p->part[i]->code;
		p->out[i].pc_key = p->part[i]->pc_key;
		p->out[i].back = p->frame[p->in[i]].back;
		p->out[i].calls = p->calls[i];
		p->out[i].literals = p->part[i]->literals; /* what the block took for constants is constant in the region */
		p->out[i].odd = p->part[i]->odd;
		p->out[i].n_insns = p->part[i]->n_insns;
		p->out[i].entry = p->part[i]->entry;
		count_part(p, i, p->part[i]->counter);
		p->out[i].looks = region_looks_at_flags(p->part[i]);
		p->out[i].takes = p->part[i]->entry.faults && p->part[i]->entry.kills; /* else liveness sees it */
	}
	count_ways_in(p);
	for (unsigned i = 0; i < p->n; i++)
		p->out[i].hot = hot_key(p, i);
	charge(p, 0, 0);
	for (unsigned i = 0; i < p->n; i++)
		if (p->landed[i])
			charge(p, i, 0);
	for (unsigned i = 0; i < p->n; i++)
		if (!p->out[i].charge) /* nobody goes there any more */
			p->out[i].charge = p->out[i].n_insns;
}

/* Who asks for it counts the parts apart from the blocks that they are copies of. False: nobody does. */
static bool choose_counters(struct region_plan *p)
{
	const struct observer *o = p->v ? &p->v->observer : &(const struct observer){0};
	struct tb_view view[ARM_REGION_PARTS];
	if (!o->region)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		view[i] = vcpu_view(p->part[i]);
	uint32_t first = o->region(o->opaque, view, p->n);
	assert(first + p->n <= (o->branches ? VCPU_TAKEN : VCPU_TB_COUNTERS));
	for (unsigned i = 0; first && i < p->n; i++)
		count_part(p, i, first + i);
	return first;
}

/* Worth compiling: something is a branch that was a jump between blocks. */
static bool is_worth(const struct region_plan *p)
{
	return p->n > 1 || p->out[0].n_preds > 1;
}

struct tb_region *region_of(struct arena *a, const struct region_plan *p)
{
	struct tb_region *r = arena_alloc(a, sizeof *r + p->n * sizeof *r->part);
	uint16_t *left = arena_alloc(a, p->insns * sizeof *left);
	*r = (struct tb_region){.head = p->head, .left = left, .n_parts = (uint16_t)p->n, .n_others = (uint16_t)p->n_others};
	memcpy(r->other, p->other, sizeof r->other);
	for (unsigned i = 0, first = 0; i < p->n; first += p->part[i++]->n_insns) {
		struct tb *tb = p->part[i];
		r->part[i] = (struct tb_part){tb->code, tb->pc_key, tb->bytes, tb->literals, (uint16_t)first, p->copy[i] >= i ? tb : NULL, p->out[i].counter};
		for (unsigned k = 0; k < tb->n_insns; k++)
			*left++ = (uint16_t)(p->out[i].charge - k);
	}
	return r;
}

/* Who jumped to the head jumps to the region. */
static void take_over(struct vcpu *v, struct tb *head, struct tb *region)
{
	while (head->in) {
		struct tb_exit *e = head->in;
		tb_unlink(&v->tbs, e);
		tb_link(&v->tbs, e, region, vcpu_link_target(e, region));
	}
	vcpu_forget_jump(v, head);
}

/* Calls of the region that come back into it. */
static void link_landings(struct vcpu *v, struct tb *tb)
{
	for (unsigned k = tb->first_landing; k < tb->n_exits && v->cfg.accel == VCPU_JIT && !v->cfg.no_chain; k++)
		if (tb->host.slot[k].inside)
			tb_link(&v->tbs, &tb->exit[k], tb, tb->host.code + tb->host.slot[k].inside);
}

static bool lower_once(struct region_plan *p, struct arm_region_flags *flags)
{
	arena_reset(p->arena);
	ir_unit_init(p->unit, &arm_guest, p->arena);
	p->unit->may_assume = ~p->head->wary;
	return arm_translate_region(&p->req, p->out, p->n, p->unit, flags);
}

bool region_lower(struct region_plan *p, struct arm_region_flags *flags)
{
	for (unsigned pass = 0;; pass++) {
		if (!lower_once(p, flags))
			return false;
		if (!(pass ? region_correct_flags(p, flags, pass >= LAST_PASS) : region_settle_flags(p, flags)))
			return !choose_counters(p) || lower_once(p, flags);
		describe(p);
	}
}

/* What the region and its head take; values at the region's own entry. */
static struct arm_debtor either(const struct arm_debtor *a, const struct arm_debtor *b)
{
	struct arm_debtor d = {.kills = a->kills & b->kills, .faults = a->faults || b->faults, .by_value = a->by_value};
	for (unsigned f = 0; f < ARRAY_LEN(d.written); f++)
		d.written[f] = a->written[f] | b->written[f];
	return d;
}

void region_describe_tb(struct tb *tb, const struct region_plan *p, const struct arm_region_flags *flags)
{
	const struct tb *head = p->head;
	tb->code = head->code;
	tb->pc_key = head->pc_key;
	tb->flags = head->flags;
	tb->whole_page = true;
	tb->bytes = head->bytes;
	tb->n_insns = p->out[0].charge;
	tb->entry = flags->entry;
	tb->value_sites = flags->value_sites;
	tb->first_landing = (uint16_t)flags->n_slots;
	for (unsigned k = 0; k < flags->n_slots; k++)
		tb->exit[k].owed = flags->owed[k];
}

void region_take_over(struct vcpu *v, const struct region_plan *p, struct tb *tb)
{
	if (p->n_others || tb->region->assumes)
		tb->entry = either(&tb->entry, &p->head->entry);
	take_over(v, p->head, tb);
	p->head->over = tb;
	link_landings(v, tb);
	for (unsigned i = 0; i < p->n; i++)
		if (p->copy[i] >= i && p->part[i]->n_regions < UINT8_MAX)
			p->part[i]->n_regions++;
	v->stats.regions++;
}

/* On the spot. */
static bool compile(struct vcpu *v, struct region_plan *p)
{
	struct arm_region_flags flags;
	if (!region_lower(p, &flags))
		return false;
	struct tb *tb = tb_new(&v->tbs, 2 * flags.n_slots + p->n);
	region_describe_tb(tb, p, &flags);
	tb->region = region_of(&v->tbs.arena, p);
	if (!vcpu_finish_region(v, tb))
		return false;
	region_take_over(v, p, tb);
	return true;
}

bool region_form(struct region_plan *p)
{
	region_connect(p);
	note_links(p);
	describe(p);
	return is_worth(p) && (region_job_start(p->v, p) || compile(p->v, p));
}
