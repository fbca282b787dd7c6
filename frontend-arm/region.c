/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of a region's parts: jumps to other parts are branches in the unit, all else leaves it.
 *
 * What is charged to the budget: when part p starts, part[p].charge instructions are charged and not executed, wherever it is
 * reached from. A jump makes up the difference: it charges more and may leave the unit, gives back what was too much, or does
 * nothing, which is what the runtime aims at where the code is hot. Around any loop something is charged.
 *
 * Flags: inside the unit the optimiser's liveness decides which are made. Where the unit is left on the side, flags that still
 * follow from registers are written there, out of the way, so that on the way on they need not be; and so on the less likely of two ways inside.
 */
#include <assert.h>

#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

/* Which way out of the current part leads to the part with this pc key, or -1. */
static int way_to(const struct arm_region *r, uint32_t key)
{
	for (int k = 0; k < 2; k++) {
		int to = r->part[r->at].to[k];
		if (to >= 0 && r->part[to].pc_key == key)
			return k;
	}
	return -1;
}

const struct arm_region_part *arm_region_part(const struct arm_lower *l, uint32_t key)
{
	const struct arm_region *r = l->region;
	int k = r ? way_to(r, key) : -1;
	return k < 0 ? NULL : &r->part[r->part[r->at].to[k]];
}

/* Instructions that stay charged where the current part ends. */
static int ahead(const struct arm_region *r)
{
	return r->part[r->at].charge - r->part[r->at].n_insns;
}

uint32_t arm_region_back(const struct arm_lower *l, uint32_t key)
{
	uint32_t back = l->region->part[l->region->at].back;
	return key == back ? ARM_NO_KEY : back;
}

static struct arm_cold *new_cold(struct arm_lower *l, enum arm_cold_kind kind, int amount, uint32_t key)
{
	assert(l->region->n_cold < ARRAY_LEN(l->region->cold));
	struct arm_cold *c = &l->region->cold[l->region->n_cold++];
	*c = (struct arm_cold){ .label = ir_block_new(l->u), .kind = kind, .at = (uint8_t)l->region->at, .amount = (int16_t)amount, .key = key, .flow = l->flow };
	return c;
}

static ir_label cold_exit(struct arm_lower *l, uint32_t key)
{
	struct arm_cold *c = new_cold(l, COLD_EXIT, ahead(l->region), key);
	c->back = arm_region_back(l, key);
	c->lands = l->region->part[l->region->at].lands_back;
	return c->label;
}

static ir_label cold_return_to(struct arm_lower *l, uint32_t reg)
{
	struct arm_cold *c = new_cold(l, COLD_RETURN, ahead(l->region), reg);
	c->owed_ahead = l->owed_ahead;
	return c->label;
}

static ir_label cold_way(struct arm_lower *l, const struct arm_region_part *to, int amount)
{
	struct arm_cold *c = new_cold(l, COLD_PART, amount, to->pc_key);
	c->part = (uint8_t)(to - l->region->part);
	return c->label;
}

ir_label arm_region_label(struct arm_lower *l, unsigned k)
{
	ir_label *label = &l->region->label[k];
	if (*label == IR_NONE)
		*label = ir_block_new(l->u);
	return *label;
}

/* Flags that are better owed than made on the way to a part. */
static uint32_t owing(struct arm_lower *l, const struct arm_region_part *to, uint32_t debt)
{
	bool takes = (to == l->region->part && !l->region->settled) || arm_region_takes(to);
	uint32_t owed = takes ? arm_owe_part(l, to->pc_key, debt) & ~(arm_known_mask(&to->known) << 4) : 0;
	return arm_owed_mask(owed) ? owed : 0;
}

/* Charges `more` on the way to a part, and goes on at `next`; the flags of `unpaid` are written when the budget is out. */
static void charge(struct arm_lower *l, const struct arm_region_part *to, int more, const struct arm_flow *flow, unsigned unpaid, ir_label next)
{
	if (more > 0) {
		struct arm_cold *out = new_cold(l, COLD_BUDGET, to->charge, to->pc_key);
		out->flow = *flow;
		out->unpaid = unpaid;
		ir_charge(l->u, (uint16_t)more, next, out->label);
	} else {
		if (more < 0)
			ir_refund(l->u, (uint32_t)-more);
		ir_br(l->u, next);
	}
}

/* Ends the IR block on the way to a part, with `more` to charge. */
static void go_to(struct arm_lower *l, const struct arm_region_part *to, int more, const struct arm_flow *flow)
{
	uint32_t owed = owing(l, to, flow->debt);
	if (owed)
		ir_set(l->u, ARM_G_owed, arm_const(l, owed));
	charge(l, to, more, flow, arm_known_mask(&flow->known) & ~arm_owed_mask(owed), arm_region_label(l, (unsigned)(to - l->region->part)));
	if (owed)
		ir_exit_dead(l->u, arm_owed_mask(owed) << ARM_G_n);
}

void arm_region_lands(struct arm_lower *l, int to)
{
	if (to < 0)
		return;
	ir_label *enter = &l->region->enter[to];
	if (*enter == IR_NONE)
		*enter = ir_block_new(l->u);
	ir_exit_lands(l->u, *enter);
}

/* Nothing is charged where a call comes back, and whatever is owed is owed by value. A part that takes debts takes that, too; one that overwrites all
 * flags before anybody looks has it dropped; else it is written. */
void arm_region_enter(struct arm_lower *l, unsigned k)
{
	struct arm_region *r = l->region;
	const struct arm_region_part *part = &r->part[k];
	bool takes = part->entry.kills == ARM_NZCV && (arm_region_takes(part) || (!k && !r->settled));
	bool drops = part->entry.kills == ARM_NZCV && !takes && !part->entry.faults;
	ir_label to = drops ? ir_block_new(l->u) : arm_region_label(l, k);
	ir_block_start(l->u, r->enter[k]);
	arm_forget_values(l);
	r->entered[k] = true;
	ir_enter(l->u, part->pc_key, !takes && !drops);
	charge(l, part, part->charge, &(struct arm_flow){ 0 }, 0, to);
	if (!drops)
		return;
	ir_block_start(l->u, to);
	arm_forget_values(l);
	ir_set(l->u, ARM_G_owed, arm_const(l, 0));
	ir_br(l->u, arm_region_label(l, k));
}

/* What is known on a way out of the current part. Where there are more of them to the same part: what they have in common. */
static void note_known(struct arm_lower *l, const struct arm_region_part *to, const struct arm_flow *flow)
{
	struct arm_region *r = l->region;
	struct arm_region_way *way = &r->way[r->at][way_to(r, to->pc_key)], here = arm_region_way(l, &flow->known, &r->assumed[r->at]);
	if (way->seen) {
		here.known = arm_common_known(&here.known, &way->known);
		here.own = arm_common_known(&here.own, &way->own);
		here.alone &= way->alone;
	}
	*way = here;
}

/* What all ways to part `at` have in common, when they were lowered before. */
static struct arm_known known_so_far(const struct arm_region *r, unsigned at)
{
	struct arm_known known = { 0 };
	unsigned n = 0;
	for (unsigned i = 0; i < at; i++)
		for (unsigned k = 0; k < 2; k++)
			if (r->part[i].to[k] == (int)at && r->way[i][k].seen)
				known = n++ ? arm_common_known(&known, &r->way[i][k].known) : r->way[i][k].known;
	return n == r->part[at].n_preds ? known : (struct arm_known){ 0 };
}

struct arm_known arm_region_source(const struct arm_lower *l)
{
	const struct arm_region *r = l->region;
	const struct arm_region_part *part = &r->part[r->at];
	bool planned = arm_known_mask(&part->known) || arm_region_takes(part); /* what is owed to it instead is not written */
	return planned ? part->known : known_so_far(r, r->at);
}

void arm_region_jump(struct arm_lower *l, const struct arm_region_part *to)
{
	struct arm_region *r = l->region;
	r->joined = !l->guarded && to->n_preds == 1 && to == &r->part[r->at + 1] && to->charge == ahead(r);
	note_known(l, to, &l->flow);
	if (r->joined)
		return;
	arm_owe_nothing(l);
	arm_give_back(l);
	go_to(l, to, to->charge - ahead(r), &l->flow);
}

/* The block that one side of a branch goes to; *own when it has to be filled. */
static ir_label side(struct arm_lower *l, uint32_t key, const struct arm_region_part *to, bool cold, bool *own)
{
	int more = to ? to->charge - ahead(l->region) : 0;
	*own = false;
	if (!to)
		return cold_exit(l, key);
	note_known(l, to, &l->flow);
	if (cold && (more || (to->looks && arm_known_mask(&l->flow.known))))
		return cold_way(l, to, -more);
	*own = more || owing(l, to, l->flow.debt);
	return *own ? ir_block_new(l->u) : arm_region_label(l, (unsigned)(to - l->region->part));
}

static void fill(struct arm_lower *l, ir_label label, const struct arm_region_part *to, const struct arm_flow *flow)
{
	ir_block_start(l->u, label);
	arm_forget_values(l);
	go_to(l, to, to->charge - ahead(l->region), flow);
}

/* Where taken branches are counted, the way to `a` has a block of its own. */
static void branch(struct arm_lower *l, ir_ref holds, ir_label a, ir_label b)
{
	ir_label taken = l->req->count_taken ? ir_block_new(l->u) : a;
	ir_brc(l->u, holds, taken, b);
	if (taken == a)
		return;
	ir_block_start(l->u, taken);
	arm_forget_values(l);
	arm_count_taken(l);
	ir_br(l->u, a);
}

/* To a part: the flags of `mask` are written here, behind the look at the budget, so that on other ways they need not be. */
static void pay_and_go(struct arm_lower *l, const struct arm_region_part *to, int more, const struct arm_flow *flow, unsigned mask)
{
	ir_label label = arm_region_label(l, (unsigned)(to - l->region->part)), pay = mask ? ir_block_new(l->u) : label;
	charge(l, to, more, flow, mask, pay);
	if (!mask)
		return;
	ir_block_start(l->u, pay);
	arm_forget_values(l);
	arm_pay_known(l, &flow->known, mask);
	ir_br(l->u, label);
}

/* A way beside: flags that the part may look at are written here, so that the compare ahead of all ways need not write them. */
static void fill_way(struct arm_lower *l, const struct arm_way *way, const struct arm_region_part *to)
{
	unsigned mask = to->looks && !owing(l, to, way->flow.debt) ? arm_known_mask(&way->flow.known) & ~arm_known_mask(&to->known) : 0;
	note_known(l, to, &way->flow);
	if (!mask) {
		fill(l, way->start, to, &way->flow);
		return;
	}
	ir_block_start(l->u, way->start);
	arm_forget_values(l);
	pay_and_go(l, to, to->charge - ahead(l->region), &way->flow, mask);
}

/* The other ways go where the branch is going to: by themselves to a part, together out of the region, where these flags are written. */
static void end_ways(struct arm_lower *l, const struct arm_ways *ways, const struct arm_region_part *to, ir_label out, unsigned there)
{
	for (unsigned k = 0; k < ways->n; k++) {
		const struct arm_way *way = &ways->way[k];
		if (to) {
			fill_way(l, way, to);
		} else {
			ir_block_start(l->u, way->start);
			arm_forget_values(l);
			arm_pay_known(l, &way->flow.known, arm_known_mask(&way->flow.known) & ~there);
			ir_br(l->u, out);
		}
	}
}

bool arm_region_ways(struct arm_lower *l, const struct arm_ways *ways, uint32_t key)
{
	const struct arm_region_part *to = arm_region_part(l, key);
	if (to)
		end_ways(l, ways, to, IR_NONE, 0);
	return to;
}

void arm_region_branch(struct arm_lower *l, enum arm_cond cond, uint32_t key, uint32_t other, const struct arm_ways *ways)
{
	const struct arm_region_part *then = arm_region_part(l, key), *or_else = arm_region_part(l, other);
	uint32_t hot = l->region->part[l->region->at].hot;
	const struct arm_flow taken = arm_flow_where(l, cond), passed = arm_flow_where(l, cond ^ 1u);
	ir_ref holds = arm_condition(l, cond);
	bool own_then, own_else;
	arm_owe_nothing(l);
	l->flow = ways && ways->taken && !then ? arm_flow_of_all(ways, taken) : taken;
	ir_label a = side(l, key, then, then != or_else && hot == other, &own_then);
	l->flow = ways && !ways->taken && !or_else ? arm_flow_of_all(ways, passed) : passed;
	ir_label b = side(l, other, or_else, then != or_else && hot == key, &own_else);
	branch(l, holds, a, b);
	struct arm_known out = { 0 };
	if (ways)
		out = arm_flow_of_all(ways, ways->taken ? taken : passed).known;
	if (own_else)
		fill(l, b, or_else, &passed);
	if (own_then)
		fill(l, a, then, &taken);
	if (ways)
		end_ways(l, ways, ways->taken ? then : or_else, ways->taken ? a : b, arm_known_mask(&out));
}

/* The register that holds v; ARM_G_pc, which nobody else needs inside of a unit, when none does: v is put there. */
static uint32_t keep(struct arm_lower *l, ir_ref v)
{
	for (uint32_t k = 0; k < ARRAY_LEN(l->reg); k++)
		if (l->reg[k] == v)
			return ARM_G_r0 + k;
	ir_set(l->u, ARM_G_pc, v);
	return ARM_G_pc;
}

/* Where it goes is compared with where the call was. If it goes elsewhere the unit is left. */
static void look_back(struct arm_lower *l, uint32_t back)
{
	const struct arm_region_part *to = arm_region_part(l, back);
	bool own;
	arm_give_back(l);
	l->flow = arm_flow(l);
	arm_owe_nothing(l);
	uint32_t where = keep(l, l->pc_write);
	ir_ref holds = ir_cmp(l->u, IR_I32, IR_EQ, l->pc_write, arm_const(l, back));
	ir_label there = side(l, back, to, false, &own), out = cold_return_to(l, where);
	struct arm_flow flow = l->flow;
	ir_brc(l->u, holds, there, out);
	if (own)
		fill(l, there, to, &flow);
}

bool arm_region_return(struct arm_lower *l)
{
	uint32_t back = l->region ? l->region->part[l->region->at].back : ARM_NO_KEY;
	if (back == ARM_NO_KEY || l->pc_write == IR_NONE || l->link != IR_LINK_RET)
		return false;
	if (l->guarded)
		arm_count_taken(l);
	const struct ir_insn *v = &l->u->insns[l->pc_write];
	if (v->op == IR_const && (uint32_t)v->imm == back) {
		arm_plan_exit(l, back);
		arm_exit(l, 0, IR_LINK_JUMP, back, 0);
	} else {
		look_back(l, back);
	}
	l->ended = true;
	return true;
}

void arm_region_refund(struct arm_lower *l)
{
	if (ahead(l->region))
		ir_refund(l->u, (uint32_t)ahead(l->region));
}

static void cold_part(struct arm_lower *l, const struct arm_cold *c)
{
	pay_and_go(l, &l->region->part[c->part], -c->amount, &c->flow, arm_known_mask(&c->flow.known));
}

/* No return for the host: there was no call. */
static void cold_return(struct arm_lower *l, const struct arm_cold *c)
{
	unsigned owing = arm_owed_mask(c->owed_ahead);
	if (owing)
		ir_set(l->u, ARM_G_owed, arm_const(l, c->owed_ahead));
	else if (l->req->look_ahead && arm_owe_debt_by_value(l, c->flow.debt, 0, l->req->pc_key))
		owing = arm_owed_mask(l->by_value);
	arm_pay_known(l, &c->flow.known, arm_known_mask(&c->flow.known) & ~owing);
	ir_exit_ind(l->u, IR_LINK_JUMP, ir_get(l->u, (uint16_t)c->key), 0);
	ir_exit_dead(l->u, owing << ARM_G_n);
}

static void cold(struct arm_lower *l, const struct arm_cold *c)
{
	switch (c->kind) {
	case COLD_BUDGET:
		if (c->unpaid)
			arm_pay_known(l, &c->flow.known, c->unpaid);
		ir_exit_budget(l->u, (uint16_t)c->amount, c->key);
		break;
	case COLD_PART:
		cold_part(l, c);
		break;
	case COLD_EXIT:
		if (c->amount)
			ir_refund(l->u, (uint32_t)c->amount);
		arm_settle_exit(l, l->region->n_slots++, c);
		break;
	case COLD_RETURN:
		if (c->amount)
			ir_refund(l->u, (uint32_t)c->amount);
		cold_return(l, c);
		break;
	}
}

struct arm_translate_request arm_part_request(const struct arm_region *r, const struct arm_translate_request *req)
{
	const struct arm_region_part *part = &r->part[r->at];
	struct arm_translate_request there = *req;
	there.pc_key = part->pc_key;
	there.code = part->code;
	there.code_before = there.pc_key & PAGE_MASK & ~1u;
	there.code_bytes = PAGE_SIZE - there.code_before;
	there.literals = part->literals;
	there.odd = part->odd;
	return there;
}

/* Those from number `from` on, as of the parts that they leave; returns how many there are now. */
static unsigned all_cold(struct arm_lower *l, const struct arm_translate_request *req, unsigned from)
{
	struct arm_translate_request there;
	for (; from < l->region->n_cold; from++) {
		l->region->at = l->region->cold[from].at;
		there = arm_part_request(l->region, req);
		l->req = &there;
		ir_block_start(l->u, l->region->cold[from].label);
		arm_forget_values(l);
		cold(l, &l->region->cold[from]);
	}
	l->req = req;
	return from;
}

void arm_region_cold(struct arm_lower *l, const struct arm_translate_request *req)
{
	struct arm_region *r = l->region;
	unsigned done = all_cold(l, req, 0);
	for (unsigned k = 0; k < r->n; k++)
		if (r->enter[k] != IR_NONE && !r->entered[k]) {
			r->at = k;
			arm_region_enter(l, k);
		}
	all_cold(l, req, done);
}
