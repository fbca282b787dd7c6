/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translation loop: fetch, decode, condition, lower; and how a unit ends.
 *
 * What conditions make of instructions is in conditions.c.
 * A unit that ends in a direct branch looks ahead at its targets, to leave out flags that they overwrite (owed.c).
 * Every unit leaves behind its last instruction only, so that the whole unit is charged to the budget.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "frontend-arm/effects.h"
#include "frontend-arm/loop.h"
#include "frontend-arm/owed.h"

/* ---- one instruction ----------------------------------------------------------------------------- */

static enum arm_cond condition_of(const struct arm_insn_row *row, bool thumb, uint32_t insn)
{
	uint32_t cond = thumb ? bits(insn, 11, 8) : insn >> 28;
	bool conditional = thumb ? row && row->has_cond : cond != 15;
	return conditional ? (enum arm_cond)cond : ARM_AL;
}

/* Turns what the lowering noted into the end of the unit. */
static void end_insn(struct loop *t)
{
	struct arm_lower *l = &t->l;
	if (!l->ended && !l->leave && l->pc_write == IR_NONE)
		return;
	bool indirect = !l->ended;
	if (indirect) {
		l->returns |= l->pc_write != IR_NONE && l->link == IR_LINK_RET;
		l->lone |= l->leave || l->link != IR_LINK_RET;
		l->calls |= l->pc_write != IR_NONE && l->link == IR_LINK_CALL;
		indirect = !arm_region_return(l);
	}
	unsigned owing = 0;
	if (indirect) {
		if (!l->by_value) /* or it was ahead of loads */
			arm_pass_on(l);
		arm_owe_by_value(l);
		owing = arm_owed_mask(l->by_value);
		arm_write_rest(l, owing);
		arm_owe_nothing(l);
		arm_pay_again(l, ~owing);
	}
	if (indirect && l->region)
		arm_region_refund(l);
	if (l->guarded && !l->ended && l->pc_write != IR_NONE)
		arm_count_taken(l);
	if (!l->ended && l->pc_write != IR_NONE) {
		ir_exit_ind(l->u, l->link, l->pc_write, l->link == IR_LINK_CALL ? arm_next_key(l) : 0);
		if (l->region && l->link == IR_LINK_CALL)
			arm_region_lands(l, l->region->part[l->region->at].lands);
		l->ended = true;
	} else if (!l->ended) {
		ir_exit_ind(l->u, IR_LINK_JUMP, arm_const(l, arm_next_key(l)), 0);
		l->ended = true;
	}
	if (owing)
		ir_exit_dead(l->u, owing << ARM_G_n);
	if (!t->region.open)
		return;
	/* The condition failed: go on behind it. */
	const struct arm_ways *ways = &t->region.ways;
	if (!t->region.in_else && arm_region_ways(l, ways, arm_next_key(l)))
		return;
	ir_label behind = t->region.in_else ? t->region.join : ways->n == 1 ? ways->way[0].start : ir_block_new(l->u);
	for (unsigned k = 0; k < ways->n && ways->n > 1; k++) {
		arm_start_way(t, k, l->region, ~0u);
		ir_br(l->u, behind);
	}
	start_block(t, behind);
	l->flow = t->region.in_else ? t->region.flow : arm_flow_of_all(ways, ways->way[0].flow);
	if (l->by_value && !arm_region_part(l, arm_next_key(l)))
		arm_plan_behind(l, arm_next_key(l), l->flow.debt);
	arm_exit(l, 1, IR_LINK_JUMP, arm_next_key(l), 0);
	arm_end_ways(t);
}

/* May this instruction leave where its access is not aligned? */
static bool may_leave(const struct arm_lower *l)
{
	unsigned place = arm_odd_place(l->pc);
	return l->req->leaves && !(l->req->odd && bit(l->req->odd[place / 32], place % 32));
}

static void translate_insn(struct loop *t)
{
	struct arm_lower *l = &t->l;
	uint32_t size = l->thumb ? 2 : 4;
	uint32_t insn = l->thumb ? fetch_t16(l->req, t->offset) : fetch_a32(l->req, t->offset);
	const struct arm_insn_row *row = decode(l->req, l->thumb, insn);
	bool after_prefix = l->bl_known;
	l->pc = (l->req->pc_key & ~1u) + t->offset;
	l->next = l->pc + size;
	t->offset += size;
	l->leaves = may_leave(l);
	if (!arm_keeps_unspent(t, row, insn))
		arm_give_back(l);
	arm_begin_insn(t, row, insn, condition_of(row, l->thumb, insn));
	l->guarded = t->region.open;
	l->offset = t->offset;
	l->room = t->end - l->u->n_marks;
	l->looked = !l->req->look_ahead || l->guarded || l->skip.left || l->pred != ARM_AL; /* else ask */
	l->unseen = 0;
	l->may_wait = false;
	if (t->skips)
		arm_skip_begin(l, condition_of(row, true, insn), t->skips);
	else if (!l->ended && !(row && row->lower(l, insn)))
		arm_raise(l, ARM_EXC_UNDEF);
	else if (l->skip.left == 1)
		arm_skip_end(l);
	else if (l->skip.left)
		l->skip.left--;
	t->skips = 0;
	if (after_prefix)
		l->bl_known = false;
	if (!l->arrival.decided)
		arm_arrive(l);
	end_insn(t);
}

/* ---- looking ahead ------------------------------------------------------------------------------- */

/* The first few instructions there, lowered into a unit of their own. */
struct arm_debtor arm_see_by_lowering(struct arm_translate_request *there, struct arena *arena)
{
	struct ir_unit u;
	bool thumb = there->pc_key & 1;
	there->look_ahead = there->count_taken = false;
	there->max_insns = ARM_LOOK_AHEAD;
	ir_unit_init(&u, &arm_guest, arena);
	struct loop t = { .l = { .u = &u, .req = there, .thumb = thumb }, .end = ARM_LOOK_AHEAD };
	start_block(&t, ir_block_new(&u));
	do
		translate_insn(&t);
	while (!t.l.ended && !t.l.arrival.decided && may_fetch(&t));
	struct arm_debtor to = t.l.arrival.to;
	bool looks = t.l.arrival.decided && t.l.arrival.from != u.n_insns; /* not at the unit's end, which an indirect exit is behind */
	bool straight = t.l.ended && u.n_blocks == 1 && !looks;
	to.by_value = (uint8_t)(to.kills == ARM_NZCV ? ARM_VALUE_TAKES : straight ? ARM_VALUE_PASSES : ARM_VALUE_WRITES);
	return to;
}

/* The place of what was seen there, if what it follows from is all at hand; *known: it is the same code. */
static struct arm_ahead *recall(const struct arm_translate_request *there, bool *known)
{
	struct arm_ahead now = { there->pc_key, there->tb_flags, there->literals.from, there->literals.end, { 0 }, { 0 } };
	bool whole = there->ahead && there->code_bytes >= sizeof now.code && !(there->n_cuts | there->n_stops) && !(there->tb_flags & ARM_TB_BE32);
	if (!whole)
		return NULL;
	struct arm_ahead *a = &there->ahead[(there->pc_key >> 1 ^ there->pc_key >> 8) % ARM_AHEADS];
	memcpy(now.code, there->code, sizeof now.code);
	*known = memcmp(a, &now, offsetof(struct arm_ahead, to)) == 0;
	if (!*known)
		*a = now;
	return a;
}

/* What the code there takes. Stays on the page. */
struct arm_debtor arm_look_ahead(const struct arm_lower *l, uint32_t key)
{
	const struct arm_translate_request *req = l->req;
	const struct arm_debtor nothing = { .by_value = ARM_VALUE_PASSES }; /* who knows */
	int64_t offset = (int64_t)(key & ~1u) - (int64_t)(req->pc_key & ~1u);
	bool here = offset >= -(int64_t)req->code_before && offset + (l->thumb ? 2 : 4) <= (int64_t)req->code_bytes, known = false;
	if (!here || (key & 1) != l->thumb || (key & 3) == 2)
		return nothing;
	struct arm_translate_request there = *req;
	there.pc_key = key;
	there.code += offset;
	there.code_bytes = (uint32_t)((int64_t)req->code_bytes - offset);
	there.code_before = (uint32_t)((int64_t)req->code_before + offset);
	struct arm_debtor to;
	if (arm_foresee(&there, &to))
		return to;
	struct arm_ahead *a = recall(&there, &known);
	if (known)
		return a->to;
	to = arm_see_by_lowering(&there, l->u->arena);
	if (a)
		a->to = to;
	return to;
}

/* ---- the unit ------------------------------------------------------------------------------------ */

/* A jump went to bit 1 of an ARM address. */
static uint32_t translate_misaligned(struct arm_lower *l)
{
	l->pc = l->req->pc_key;
	ir_insn(l->u, l->pc);
	arm_call0(l, ARM_H_pc_misaligned);
	ir_exit_loop(l->u, arm_const(l, l->pc));
	return MIN(4u, l->req->code_bytes);
}

/* Instructions until something ends the guest block, and its end. */
static void translate_block(struct loop *t)
{
	do
		translate_insn(t);
	while (!t->l.ended && may_fetch(t));
	if (!t->l.ended) {
		arm_close_conditional(t);
		t->l.guarded = false;
		arm_pass_on(&t->l);
		arm_plan_exit(&t->l, arm_next_key(&t->l));
		arm_exit(&t->l, 0, IR_LINK_JUMP, arm_next_key(&t->l), 0);
	}
}

/* What the unit does with flags that are owed by value. */
static enum arm_by_value takes_values(const struct arm_lower *l, const struct arm_debtor *entry)
{
	if (l->passes)
		return ARM_VALUE_PASSES;
	if (entry->kills == ARM_NZCV)
		return ARM_VALUE_TAKES;
	if (l->touched)
		return ARM_VALUE_WRITES;
	for (ir_ref r = 0; r < l->u->n_insns; r++) {
		const struct ir_insn *i = &l->u->insns[r];
		bool flag = (i->op == IR_get || i->op == IR_set) && i->aux >= ARM_G_n && i->aux <= ARM_G_v;
		if (flag || i->op == IR_call)
			return ARM_VALUE_WRITES;
	}
	return ARM_VALUE_PASSES;
}

uint32_t arm_translate(const struct arm_translate_request *req, struct ir_unit *u)
{
	struct arm_unit_flags flags;
	return arm_translate_owing(req, u, &flags);
}

uint32_t arm_translate_owing(const struct arm_translate_request *req, struct ir_unit *u, struct arm_unit_flags *flags)
{
	*flags = (struct arm_unit_flags){ 0 };
	struct loop t = { .l = { .u = u, .req = req, .thumb = req->pc_key & 1 }, .end = req->max_insns };
	t.l.arrival.decided = !req->look_ahead; /* nobody owes it anything */
	start_block(&t, ir_block_new(u));
	if ((req->pc_key & 3) == 2)
		return translate_misaligned(&t.l);
	translate_block(&t);
	assert(!t.l.late);
	if (req->look_ahead)
		flags->entry = t.l.arrival.to;
	flags->entry.by_value = (uint8_t)takes_values(&t.l, &flags->entry);
	flags->out[0] = t.l.out[0];
	flags->out[1] = t.l.out[1];
	flags->fixed = t.l.fixed;
	flags->lone = t.l.lone;
	flags->calls = t.l.calls;
	flags->value_sites = t.l.value_sites;
	flags->may_pass = t.l.may_pass;
	flags->returns = t.l.returns;
	flags->literals = t.l.literals;
	flags->literals_end = t.l.literals_end;
	return t.offset;
}

/* ---- regions ------------------------------------------------------------------------------------- */

/* One part; false when it has not the instructions that it should have. */
static bool translate_part(struct loop *t, const struct arm_region_part *part)
{
	struct arm_lower *l = &t->l;
	uint32_t before = l->u->n_marks;
	if (l->region->at && l->region->part[l->region->at - 1].lands == (int)l->region->at && l->region->enter[l->region->at] != IR_NONE)
		arm_region_enter(l, l->region->at);
	if (!l->region->joined) {
		start_block(t, arm_region_label(l, l->region->at));
		l->bl_known = false;
		l->popped = 0;
	}
	struct arm_known known = arm_region_source(l);
	if (!l->region->joined)
		arm_assume_known(l, &known);
	l->region->assumed[l->region->at] = known;
	bool first = l->region->at == 0, takes = first || arm_region_takes(part);
	if (!l->region->joined) {
		l->arrival = (struct arm_arrival){ .decided = !takes, .from = l->u->n_insns, .settled = first && l->region->settled };
		l->region->entering = first;
	}
	l->region->joined = false;
	l->owed = 0;
	l->flow = (struct arm_flow){ 0 };
	l->set_flags = 0;
	l->set_regs = 0;
	t->region.open = false;
	t->ways.n = 0;
	t->offset = 0;
	t->end = before + part->n_insns;
	t->counter = part->counter;
	translate_block(t);
	if (l->region->entering)
		l->region->entry = l->arrival.to;
	bool blind = l->region->entry.kills == 15 && !l->region->entry.faults;
	return l->u->n_marks - before == part->n_insns && (blind || !l->region->settled);
}

/* The first part starts a loop and does not look at flags: what is owed to it is dropped ahead of the loop. */
static void settle_at_entry(struct loop *t)
{
	struct arm_lower *l = &t->l;
	start_block(t, ir_block_new(l->u));
	ir_set(l->u, ARM_G_owed, arm_const(l, 0));
	ir_br(l->u, arm_region_label(l, 0));
	l->region->settled = true;
}

bool arm_translate_region(const struct arm_translate_request *req, const struct arm_region_part *part, unsigned n,
			  struct ir_unit *u, struct arm_region_flags *flags)
{
	struct arm_region r;
	memset(&r, 0, offsetof(struct arm_region, cold)); /* which is most of it, and filled as it grows */
	r.part = part;
	r.n = n;
	struct loop t = { .l = { .u = u, .thumb = req->pc_key & 1, .region = &r } };
	bool whole = true;
	for (unsigned k = 0; k < n; k++)
		r.label[k] = r.enter[k] = IR_NONE;
	if (part->n_preds > 1 && !part->looks)
		settle_at_entry(&t);
	for (r.at = 0; whole && r.at < n; r.at++) {
		struct arm_translate_request there = arm_part_request(&r, req);
		t.l.req = &there;
		whole = translate_part(&t, &part[r.at]);
	}
	if (!whole)
		return false;
	arm_region_cold(&t.l, req);
	*flags = (struct arm_region_flags){ .n_slots = r.n_slots, .value_sites = t.l.value_sites };
	if (req->look_ahead)
		flags->entry = r.entry;
	flags->entry.by_value = (uint8_t)takes_values(&t.l, &flags->entry);
	memcpy(flags->owed, r.owed, sizeof flags->owed);
	memcpy(flags->way, r.way, sizeof flags->way);
	memcpy(flags->assumed, r.assumed, sizeof flags->assumed);
	return true;
}
