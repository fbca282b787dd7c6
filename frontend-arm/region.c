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
#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

const struct arm_region_part *arm_region_part(const struct arm_lower *l, uint32_t key)
{
	if (!l->region)
		return NULL;
	for (unsigned k = 0; k < l->region->n; k++)
		if (l->region->part[k].pc_key == key)
			return &l->region->part[k];
	return NULL;
}

/* Instructions that stay charged where the current part ends. */
static int ahead(const struct arm_region *r)
{
	return r->part[r->at].charge - r->part[r->at].n_insns;
}

static struct arm_cold *new_cold(struct arm_lower *l, enum arm_cold_kind kind, int amount, uint32_t key, uint32_t debt)
{
	struct arm_cold *c = &l->region->cold[l->region->n_cold++];
	*c = (struct arm_cold){ .label = ir_block_new(l->u), .kind = kind, .amount = (int16_t)amount, .key = key, .debt = debt };
	return c;
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
	bool takes = to == l->region->part || to->takes;
	uint32_t owed = takes ? arm_owe_part(l, to->pc_key, debt) : 0;
	return arm_owed_mask(owed) ? owed : 0;
}

/* Ends the IR block on the way to a part, with `more` to charge. */
static void go_to(struct arm_lower *l, const struct arm_region_part *to, int more, uint32_t debt)
{
	ir_label label = arm_region_label(l, (unsigned)(to - l->region->part));
	uint32_t owed = owing(l, to, debt);
	unsigned rest = arm_owed_mask(debt) & ~arm_owed_mask(owed);
	if (owed)
		ir_set(l->u, ARM_G_owed, arm_const(l, owed));
	if (more > 0) {
		struct arm_cold *out = new_cold(l, COLD_BUDGET, to->charge, to->pc_key, rest ? (debt & ~0xf0u) | rest << 4 : 0);
		ir_charge(l->u, (uint16_t)more, label, out->label);
	} else {
		if (more < 0)
			ir_refund(l->u, (uint32_t)-more);
		ir_br(l->u, label);
	}
	if (owed)
		ir_exit_dead(l->u, arm_owed_mask(owed) << ARM_G_n);
}

/* What is known of the flags on the only way to a part. */
static void note_source(struct arm_lower *l, const struct arm_region_part *to)
{
	if (to->n_preds == 1)
		l->region->source[to - l->region->part] = l->debt;
}

void arm_region_jump(struct arm_lower *l, const struct arm_region_part *to)
{
	struct arm_region *r = l->region;
	r->joined = !l->guarded && to->n_preds == 1 && to == &r->part[r->at + 1] && to->charge == ahead(r);
	if (r->joined)
		return;
	note_source(l, to);
	go_to(l, to, to->charge - ahead(r), l->debt);
}

/* The block that one side of a branch goes to; *own when it has to be filled. */
static ir_label side(struct arm_lower *l, uint32_t key, const struct arm_region_part *to, bool cold, bool *own)
{
	int more = to ? to->charge - ahead(l->region) : 0;
	*own = false;
	if (!to)
		return new_cold(l, COLD_EXIT, ahead(l->region), key, l->debt)->label;
	note_source(l, to);
	if (cold && (more || l->debt))
		return new_cold(l, COLD_PART, -more, key, l->debt)->label;
	*own = more || owing(l, to, l->debt);
	return *own ? ir_block_new(l->u) : arm_region_label(l, (unsigned)(to - l->region->part));
}

static void fill(struct arm_lower *l, ir_label label, const struct arm_region_part *to)
{
	ir_block_start(l->u, label);
	arm_forget_values(l);
	go_to(l, to, to->charge - ahead(l->region), l->debt);
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

void arm_region_branch(struct arm_lower *l, ir_ref holds, uint32_t key, uint32_t other)
{
	const struct arm_region_part *then = arm_region_part(l, key), *or_else = arm_region_part(l, other);
	uint32_t hot = l->region->part[l->region->at].hot;
	bool own_then, own_else;
	l->debt = arm_debt(l);
	arm_owe_nothing(l);
	ir_label a = side(l, key, then, then != or_else && hot == other, &own_then);
	ir_label b = side(l, other, or_else, then != or_else && hot == key, &own_else);
	branch(l, holds, a, b);
	if (own_else)
		fill(l, b, or_else);
	if (own_then)
		fill(l, a, then);
}

void arm_region_refund(struct arm_lower *l)
{
	if (ahead(l->region))
		ir_refund(l->u, (uint32_t)ahead(l->region));
}

static void cold(struct arm_lower *l, const struct arm_cold *c)
{
	if (c->kind != COLD_EXIT && c->debt)
		arm_pay(l, c->debt, arm_owed_mask(c->debt));
	if (c->kind == COLD_BUDGET) {
		ir_exit_budget(l->u, (uint16_t)c->amount, c->key);
	} else if (c->kind == COLD_PART) {
		go_to(l, arm_region_part(l, c->key), -c->amount, 0);
	} else {
		if (c->amount)
			ir_refund(l->u, (uint32_t)c->amount);
		arm_settle_exit(l, l->region->n_slots++, c->key, c->debt);
	}
}

void arm_region_cold(struct arm_lower *l)
{
	for (unsigned k = 0; k < l->region->n_cold; k++) {
		ir_block_start(l->u, l->region->cold[k].label);
		arm_forget_values(l);
		cold(l, &l->region->cold[k]);
	}
}
