/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owing flags by value (owed.h), where nobody knows which unit comes next: at returns and other indirect exits. The operands are kept
 * in memory of their own, so the next unit may write any register before it overwrites the flags, or touch no flags and leave in the same way.
 *
 * A unit is entered by such an exit, or by one of a unit that passes on what it was entered with, where it looks whether flags are owed that it does
 * not overwrite first; they are written there (enum arm_by_value). So a debt of registers and one by value are never owed at once.
 */
#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

/* How the flags as they are follow from two values; y = IR_NONE: from x alone, or from a constant. */
struct by_value {
	uint32_t owed;
	ir_ref x, y;
};

static struct by_value sum_by_value(const struct arm_lower *l, bool sub)
{
	ir_ref a = l->src_a, b = l->src_b;
	if (!sub && l->u->insns[a].op == IR_const) {
		a = l->src_b;
		b = l->src_a;
	}
	const struct ir_insn *i = &l->u->insns[b];
	bool is_const = i->op == IR_const && (uint32_t)i->imm == (uint32_t)(int8_t)i->imm;
	uint32_t y = is_const ? (uint32_t)i->imm << 24 : 0;
	bool back = is_const && !arm_is_held(l, a) && arm_is_held(l, l->src_r); /* what is in a register need not be kept for it */
	enum arm_owed_kind kind = sub ? (back ? OWED_SUB_TO : OWED_SUB) : back ? OWED_ADD_TO : OWED_ADD;
	uint32_t owed = (uint32_t)kind | (uint32_t)is_const << 3 | ARM_NZCV << 4 | ARM_KEPT << 8 | y;
	return (struct by_value){ owed, back ? l->src_r : a, is_const ? IR_NONE : b };
}

/* Had the flags owed by value here to be written too often? */
static bool is_refused(const struct arm_lower *l, uint32_t site)
{
	return l->req->refused && l->req->refused->exit[site / 64] >> site % 64 & 1;
}

/* Had they to be written too often ahead of the unit? */
static bool is_asked(const struct arm_lower *l, uint32_t site)
{
	return l->req->refused && l->req->refused->unit[site / 64] >> site % 64 & 1;
}

/* owed 0: they do not, or C may have looked. */
static struct by_value by_value(const struct arm_lower *l)
{
	if (!l->req->look_ahead || l->passes || l->source == FLAGS_UNKNOWN || arm_flags_shown(l))
		return (struct by_value){ 0, IR_NONE, IR_NONE };
	if (l->source != FLAGS_RESULT)
		return sum_by_value(l, l->source == FLAGS_SUB);
	return (struct by_value){ (uint32_t)OWED_RESULT | ARM_NZ << 4 | ARM_KEPT << 8, l->src_r, IR_NONE };
}

/* Stores that it takes, instead of one for each flag but those of `mask` and one to say that nothing is owed. */
static bool pays(const struct by_value *d, unsigned mask)
{
	unsigned spared = (unsigned)__builtin_popcount(arm_owed_mask(d->owed) & ~mask);
	return spared >= (d->y == IR_NONE ? 2u : 3u);
}

bool arm_values_pay(const struct arm_lower *l, unsigned mask)
{
	struct by_value d = by_value(l);
	return pays(&d, mask);
}

static void owe(struct arm_lower *l, const struct by_value *d, uint32_t key)
{
	uint32_t site = arm_site(key);
	if (!d->owed || is_refused(l, site))
		return;
	l->by_value = d->owed | site << 12;
	l->value_sites |= UINT64_C(1) << site % 64;
	ir_set(l->u, ARM_G_owed_x, d->x);
	if (d->y != IR_NONE)
		ir_set(l->u, ARM_G_owed_y, d->y);
	ir_set(l->u, ARM_G_owed, arm_const(l, l->by_value));
	l->arrival.unsettled = false;
}

void arm_owe_by_value(struct arm_lower *l)
{
	if (l->by_value)
		return;
	struct by_value d = by_value(l);
	owe(l, &d, arm_pc_key(l));
}

bool arm_owe_debt_by_value(struct arm_lower *l, uint32_t debt, unsigned mask, uint32_t key)
{
	struct by_value d = { (debt & 0xf7) | ARM_KEPT << 8, arm_reg(l, arm_owed_x(debt)), IR_NONE };
	uint32_t y = arm_owed_y(debt);
	l->by_value = 0;
	if (!debt)
		return false;
	if (arm_owed_y_is_const(debt) && y == (uint32_t)(int8_t)y)
		d.owed |= 1u << 3 | y << 24;
	else if (arm_owed_kind(debt) != OWED_RESULT)
		d.y = arm_owed_y_is_const(debt) ? arm_const(l, y) : arm_reg(l, y);
	if (pays(&d, mask))
		owe(l, &d, key);
	return l->by_value;
}

/* The return of a function that the region called: where it goes elsewhere the flags are owed by what is kept here, so that where it goes back
 * to they need not be made. Not where registers that stay tell as much. */
static void keep_ahead_of_loads(struct arm_lower *l, uint32_t back, uint32_t list)
{
	const struct arm_region_part *to = arm_region_part(l, back);
	struct by_value d = by_value(l);
	uint32_t debt = arm_debt(l);
	bool stays = debt && arm_owed_mask(debt) == arm_owed_mask(d.owed) && !(arm_owed_regs(debt) & list);
	uint32_t site = arm_site(arm_pc_key(l));
	if (stays || !pays(&d, 0) || !to || to->looks || is_refused(l, site))
		return;
	l->value_sites |= UINT64_C(1) << site % 64;
	if (!l->arrival.decided)
		arm_arrive(l);
	l->owed_ahead = d.owed | site << 12;
	ir_set(l->u, ARM_G_owed_x, d.x);
	if (d.y != IR_NONE)
		ir_set(l->u, ARM_G_owed_y, d.y);
}

void arm_owe_ahead_of_loads(struct arm_lower *l, uint32_t list)
{
	uint32_t back = l->region ? l->region->part[l->region->at].back : ARM_NO_KEY;
	if (back != ARM_NO_KEY) {
		keep_ahead_of_loads(l, back, list);
		return;
	}
	arm_pass_on(l);
	if (!l->arrival.decided)
		arm_arrive(l);
	arm_owe_by_value(l);
	if (l->by_value)
		l->arrival.decided = true; /* what the loads set again is not taken out of this debt */
}

void arm_pass_on(struct arm_lower *l)
{
	uint32_t site = arm_site(l->req->pc_key);
	if (l->region || !l->req->look_ahead)
		return;
	if (!l->arrival.decided)
		arm_arrive(l);
	bool may = !l->arrival.decided && l->arrival.to.kills != ARM_NZCV;
	l->passes = may && (!l->arrival.to.kills || is_asked(l, site));
	l->may_pass = may && !l->passes;
	if (l->may_pass)
		l->value_sites |= UINT64_C(1) << site % 64;
}
