/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owing flags (owed.h): what an exit may owe, when its target is to be trusted with a debt, and paying it, in C and in IR.
 *
 * The creditor's side: a unit takes debts in the flags that its first instructions overwrite before they are read, before
 * a helper is called and before the unit can be left. It may fault before one of them: then no register that the
 * debt follows from may have changed by then. Each of them takes its flag out of the debt, which costs nothing where only
 * faults look (ir.h, IR_SET_LAZY). The runtime checks each link (arm_takes_debt), so a look-ahead at code that has changed since is harmless.
 */
#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

static uint32_t operand(const struct arm_cpu *cpu, uint32_t n, uint32_t kept)
{
	return n == ARM_KEPT ? kept : cpu->r[n];
}

void arm_write_owed(struct arm_cpu *cpu)
{
	uint32_t owed = cpu->owed, x = operand(cpu, arm_owed_x(owed), cpu->owed_x), y = arm_owed_y(owed), a = x, r = x;
	if (!arm_owed_y_is_const(owed))
		y = arm_owed_kind(owed) == OWED_RESULT ? 0 : operand(cpu, y, cpu->owed_y);
	if (arm_owed_kind(owed) == OWED_SUB_OF)
		y = x - y;
	uint32_t c = cpu->c, v = cpu->v;
	switch (arm_owed_kind(owed)) {
	case OWED_NONE: case OWED_RESULT:
		break;
	case OWED_SUB: case OWED_SUB_TO: case OWED_SUB_OF:
		a = arm_owed_kind(owed) == OWED_SUB_TO ? x + y : x;
		r = a - y;
		c = a >= y;
		v = ((a ^ y) & (a ^ r)) >> 31;
		break;
	case OWED_ADD: case OWED_ADD_TO:
		a = arm_owed_kind(owed) == OWED_ADD ? x : x - y;
		r = a + y;
		c = r < a;
		v = (~(a ^ y) & (a ^ r)) >> 31;
		break;
	case OWED_AND:
		r = x & y;
		break;
	}
	unsigned mask = arm_owed_mask(owed);
	cpu->n = (uint8_t)(mask & 1u << FLAG_N ? r >> 31 : cpu->n);
	cpu->z = (uint8_t)(mask & 1u << FLAG_Z ? r == 0 : cpu->z);
	cpu->c = (uint8_t)(mask & 1u << FLAG_C ? c : cpu->c);
	cpu->v = (uint8_t)(mask & 1u << FLAG_V ? v : cpu->v);
	cpu->owed = 0;
}

/* The flags of a debt that may be left to the unit with entry `to`. */
static unsigned taken(const struct arm_debtor *to, uint32_t owed)
{
	unsigned mask = arm_owed_mask(owed) & to->kills;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (arm_owed_regs(owed) & to->written[f])
			mask &= ~(1u << f);
	return mask;
}

bool arm_takes_debt(const struct arm_debtor *to, uint32_t owed)
{
	return arm_owed_by_value(owed) || taken(to, owed) == arm_owed_mask(owed);
}

/* ---- what could be owed -------------------------------------------------------------------------- */

/* A register that holds v now, or 16. */
static uint32_t holder(const struct arm_lower *l, ir_ref v)
{
	for (uint32_t n = 0; n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] == v && v != IR_NONE)
			return n;
	return 16;
}

/* Where a debt has v as its y; false: nowhere. */
static bool y_field(const struct arm_lower *l, ir_ref v, uint32_t *y)
{
	const struct ir_insn *i = &l->u->insns[v];
	if (i->op == IR_const)
		return arm_pack_const((uint32_t)i->imm, y);
	*y = holder(l, v) << 12;
	return holder(l, v) != 16;
}

static uint32_t encode(const struct arm_lower *l, enum arm_owed_kind kind, unsigned mask, uint32_t x, ir_ref v, uint32_t y)
{
	return (uint32_t)kind | (uint32_t)(l->u->insns[v].op == IR_const) << 3 | mask << 4 | x << 8 | y;
}

/* The flags of a op b, with b (and the result, or a) somewhere. */
static uint32_t operation(const struct arm_lower *l, bool sub, ir_ref a, ir_ref b)
{
	uint32_t y, x = holder(l, a), r = holder(l, l->src_r);
	bool has_y = y_field(l, b, &y);
	if (x != 16 && has_y)
		return encode(l, sub ? OWED_SUB : OWED_ADD, ARM_NZCV, x, b, y);
	if (r == 16 || (!has_y && (x == 16 || !sub)))
		return 0;
	return has_y ? encode(l, sub ? OWED_SUB_TO : OWED_ADD_TO, ARM_NZCV, r, b, y) : encode(l, OWED_SUB_OF, ARM_NZCV, x, l->src_r, r << 12);
}

/* N and Z of a test. */
static uint32_t test(const struct arm_lower *l, const struct ir_insn *i)
{
	uint32_t y, x = holder(l, i->a);
	return y_field(l, i->b, &y) && x != 16 ? encode(l, OWED_AND, ARM_NZ, x, i->b, y) : 0;
}

bool arm_flags_shown(const struct arm_lower *l)
{
	for (ir_ref r = l->source_end; r < l->u->n_insns; r++)
		if (l->u->insns[r].op == IR_call)
			return true;
	return false;
}

uint32_t arm_debt(const struct arm_lower *l)
{
	uint32_t owed = 0;
	if (l->source == FLAGS_UNKNOWN || arm_flags_shown(l))
		return 0;
	if (l->source == FLAGS_SUB)
		owed = operation(l, true, l->src_a, l->src_b);
	else if (l->source == FLAGS_ADD && !(owed = operation(l, false, l->src_a, l->src_b)))
		owed = operation(l, false, l->src_b, l->src_a);
	if (owed)
		return owed;
	uint32_t r = holder(l, l->src_r);
	if (r != 16)
		return (uint32_t)OWED_RESULT | ARM_NZ << 4 | r << 8;
	const struct ir_insn *i = &l->u->insns[l->src_r];
	return i->op == IR_and ? test(l, i) : 0;
}

/* What the unit at `key` takes, or the part there. */
static struct arm_debtor debtor(const struct arm_lower *l, uint32_t key)
{
	const struct arm_region_part *part = arm_region_part(l, key);
	if (part)
		return part->entry;
	for (unsigned k = 0; l->region && k < 2; k++) {
		const struct arm_seen_way *seen = &l->region->part[l->region->at].seen[k];
		if (seen->key == key)
			return seen->to;
	}
	return arm_look_ahead(l, key);
}

static unsigned allowed(const struct arm_lower *l, uint32_t owed, uint32_t key)
{
	struct arm_debtor to = debtor(l, key);
	return taken(&to, owed);
}

/* ---- leaving ------------------------------------------------------------------------------------- */

static uint32_t masked(uint32_t owed, unsigned mask)
{
	return (owed & ~(ARM_NZCV << 4)) | mask << 4;
}

static void owe(struct arm_lower *l, uint32_t owed, unsigned mask)
{
	l->owed = masked(owed, mask);
	l->arrival.unsettled = false;
	ir_set(l->u, ARM_G_owed, arm_const(l, l->owed));
}

void arm_owe(struct arm_lower *l, uint32_t owed)
{
	ir_set(l->u, ARM_G_owed, arm_const(l, masked(owed, arm_owed_mask(l->owed))));
}

/* By value, where registers do not do and each target takes that. */
static bool owe_values(struct arm_lower *l, unsigned mask, const struct arm_debtor *a, const struct arm_debtor *b)
{
	if (!arm_values_pay(l, mask) || a->by_value == ARM_VALUE_WRITES || b->by_value == ARM_VALUE_WRITES)
		return false;
	arm_owe_by_value(l);
	l->owed = l->by_value;
	l->pays[0] = l->pays[1] = false;
	return l->owed;
}

void arm_plan_exits(struct arm_lower *l, uint32_t key, uint32_t other)
{
	uint32_t owed = l->req->look_ahead ? arm_debt(l) : 0;
	if (!owed && !arm_values_pay(l, 0))
		return;
	const struct arm_debtor a = debtor(l, key);
	unsigned then = taken(&a, owed);
	if (!then && a.by_value == ARM_VALUE_WRITES)
		return;
	const struct arm_debtor b = debtor(l, other);
	unsigned or_else = taken(&b, owed);
	/* Writing them after all costs more than writing them at once: worth it only where a loop is left. */
	bool loop = key < arm_pc_key(l);
	unsigned mask = loop ? then : then & or_else;
	if (owe_values(l, mask, &a, &b) || !mask)
		return;
	l->pays[0] = mask & ~then;
	l->pays[1] = mask & ~or_else;
	owe(l, owed, mask);
}

void arm_plan_behind(struct arm_lower *l, uint32_t key, uint32_t debt)
{
	const struct arm_debtor to = debtor(l, key);
	unsigned mask = taken(&to, debt);
	l->pays[1] = false;
	if (to.by_value != ARM_VALUE_WRITES && arm_owe_debt_by_value(l, debt, mask, key))
		l->owed = l->by_value;
	else if (mask)
		owe(l, debt, mask);
}

void arm_plan_ways(struct arm_lower *l, uint32_t key, uint32_t other, const struct arm_ways *ways)
{
	uint32_t owed = l->req->look_ahead ? arm_debt(l) : 0;
	if (!owed)
		return;
	unsigned mask = allowed(l, owed, key);
	if (mask)
		mask &= allowed(l, owed, other);
	for (unsigned k = 0; k < ways->n && mask; k++)
		mask &= ways->way[k].flow.debt ? allowed(l, ways->way[k].flow.debt, ways->taken ? key : other) : 0;
	if (mask)
		owe(l, owed, mask);
}

void arm_plan_exit(struct arm_lower *l, uint32_t key)
{
	if (arm_region_part(l, key)) {
		l->flow = arm_flow(l);
		return;
	}
	/* Behind a condition the other exit decides: it has the same flags, written. */
	if (!l->req->look_ahead || l->owed || l->guarded || l->passes)
		return;
	uint32_t owed = arm_debt(l);
	if (!owed && !arm_values_pay(l, 0))
		return;
	const struct arm_debtor to = debtor(l, key);
	unsigned mask = taken(&to, owed);
	if (!owe_values(l, mask, &to, &to) && mask) {
		l->pays[0] = false;
		owe(l, owed, mask);
	}
}

/* The operands and the result behind a debt, as values. */
struct terms {
	ir_ref a, y, r;
	bool sub;
};

static struct terms terms(struct arm_lower *l, uint32_t owed)
{
	struct ir_unit *u = l->u;
	enum arm_owed_kind kind = arm_owed_kind(owed);
	ir_ref x = arm_reg(l, arm_owed_x(owed)), y = arm_const(l, arm_owed_y(owed));
	if (!arm_owed_y_is_const(owed))
		y = arm_reg(l, arm_owed_y(owed));
	struct terms t = { x, y, x, kind == OWED_SUB || kind == OWED_SUB_TO || kind == OWED_SUB_OF };
	if (kind == OWED_SUB_OF) {
		t.r = y;
		t.y = ir_sub(u, IR_I32, x, y);
	}
	if (kind == OWED_SUB_TO)
		t.a = ir_add(u, IR_I32, x, y);
	if (kind == OWED_ADD_TO)
		t.a = ir_sub(u, IR_I32, x, y);
	if (kind == OWED_SUB)
		t.r = ir_sub(u, IR_I32, x, y);
	if (kind == OWED_ADD)
		t.r = ir_add(u, IR_I32, x, y);
	if (kind == OWED_AND)
		t.r = ir_and(u, IR_I32, x, y);
	return t;
}

void arm_pay(struct arm_lower *l, uint32_t owed, unsigned mask)
{
	struct ir_unit *u = l->u;
	struct terms t = terms(l, owed);
	if (mask & 1u << FLAG_N)
		arm_set_flag(l, FLAG_N, ir_cmp(u, IR_I32, IR_LTS, t.r, arm_const(l, 0)));
	if (mask & 1u << FLAG_Z)
		arm_set_flag(l, FLAG_Z, ir_cmp(u, IR_I32, IR_EQ, t.r, arm_const(l, 0)));
	if (mask & 1u << FLAG_C)
		arm_set_flag(l, FLAG_C, t.sub ? ir_sub_c(u, IR_I32, t.a, t.y, arm_const(l, 1))
					      : ir_add_c(u, IR_I32, t.a, t.y, arm_const(l, 0)));
	if (mask & 1u << FLAG_V)
		arm_set_flag(l, FLAG_V, t.sub ? ir_sub_v(u, IR_I32, t.a, t.y, arm_const(l, 1))
					      : ir_add_v(u, IR_I32, t.a, t.y, arm_const(l, 0)));
}

uint32_t arm_owe_part(struct arm_lower *l, uint32_t key, uint32_t debt)
{
	unsigned mask = debt && l->req->look_ahead && debtor(l, key).faults ? allowed(l, debt, key) : 0;
	return (debt & ~(ARM_NZCV << 4)) | mask << 4;
}

void arm_settle_exit(struct arm_lower *l, unsigned slot, const struct arm_cold *exit)
{
	const struct arm_flow *flow = &exit->flow;
	bool call = exit->back != ARM_NO_KEY;
	const struct arm_debtor to = flow->debt && l->req->look_ahead ? debtor(l, exit->key) : (struct arm_debtor){ 0 };
	unsigned owing = taken(&to, flow->debt);
	bool by_value = to.by_value != ARM_VALUE_WRITES && arm_owe_debt_by_value(l, flow->debt, owing, exit->key);
	if (by_value)
		owing = arm_owed_mask(flow->debt);
	unsigned rest = arm_known_mask(&flow->known) & ~owing;
	if (rest)
		arm_pay_known(l, &flow->known, rest);
	if (by_value)
		l->owed = l->by_value;
	else if (owing)
		owe(l, flow->debt, owing);
	ir_exit_jump(l->u, slot, call ? IR_LINK_CALL : IR_LINK_JUMP, exit->key, call ? exit->back : 0);
	if (call)
		arm_region_lands(l, exit->lands);
	if (owing) {
		ir_exit_dead(l->u, owing << ARM_G_n);
		l->region->owed[slot] = l->owed;
	}
}

/* Notes where an exit leads, for the runtime. */
static void note(struct arm_lower *l, unsigned slot, enum ir_link link, uint32_t key, uint32_t owed)
{
	if (l->region)
		l->region->owed[slot] = owed;
	else
		l->out[slot] = (struct arm_way_out){ true, (uint8_t)link, key, owed };
}

void arm_owe_nothing(struct arm_lower *l)
{
	if (l->arrival.unsettled && !l->passes)
		ir_set(l->u, ARM_G_owed, arm_const(l, 0));
	l->arrival.unsettled = false;
}

void arm_exit(struct arm_lower *l, unsigned slot, enum ir_link link, uint32_t key, uint32_t return_key)
{
	bool inside = l->region && (link == IR_LINK_JUMP || l->region->part[l->region->at].calls);
	const struct arm_region_part *part = inside ? arm_region_part(l, key) : NULL;
	bool pays = l->owed && l->pays[slot];
	arm_write_rest(l, arm_owed_mask(l->owed));
	if (part) {
		arm_region_jump(l, part);
		return;
	}
	arm_owe_nothing(l);
	arm_give_back(l);
	l->lone |= link == IR_LINK_CALL;
	l->calls |= link == IR_LINK_CALL;
	int lands = -1;
	if (l->region) {
		const struct arm_region_part *here = &l->region->part[l->region->at];
		arm_region_refund(l);
		slot = l->region->n_slots++;
		lands = here->lands;
		if (link == IR_LINK_JUMP && arm_region_back(l, key) != ARM_NO_KEY) {
			link = IR_LINK_CALL;
			return_key = here->back;
			lands = here->lands_back;
		}
	}
	arm_pay_again(l, ARM_NZCV & ~(l->owed && !pays ? arm_owed_mask(l->owed) : 0));
	if (pays) {
		arm_pay(l, l->owed, arm_owed_mask(l->owed));
		ir_set(l->u, ARM_G_owed, arm_const(l, 0));
	}
	ir_exit_jump(l->u, slot, link, key, return_key);
	if (link == IR_LINK_CALL)
		arm_region_lands(l, lands);
	bool owes = l->owed && !pays;
	if (owes)
		ir_exit_dead(l->u, arm_owed_mask(l->owed) << ARM_G_n);
	note(l, slot, link, key, owes ? l->owed : 0);
}

/* ---- arriving ------------------------------------------------------------------------------------ */

/* Of a set of globals. */
static unsigned flags_of(uint64_t globals)
{
	return (unsigned)(globals >> ARM_G_n) & ARM_NZCV;
}

/* A fault here shows the flags that are still owed. */
static void arrive_at_fault(struct arm_arrival *s)
{
	s->to.faults |= s->to.kills != ARM_NZCV;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (!(s->to.kills >> f & 1u))
			s->to.written[f] = s->written;
}

/* One more insn of the unit's start; false when it is the first that looks at flags, or the last of its IR block. */
static inline bool arrive(struct arm_arrival *s, const struct ir_insn *i)
{
	const uint64_t faults = IR_SET_OF(ld) | IR_SET_OF(st), global = UINT64_C(1) << (i->aux & 63);
	if ((ir_pure_ops | IR_SET_OF(insn)) >> i->op & 1) /* most */
		return true;
	if (i->op == IR_set) {
		s->to.kills |= (uint8_t)flags_of(global);
		s->written |= (uint16_t)(global & ((1u << ARM_G_pc) - 1));
		return true;
	}
	if (i->op == IR_get)
		return !(flags_of(global) & ~(unsigned)s->to.kills);
	if (faults >> i->op & 1)
		arrive_at_fault(s);
	return i->op != IR_call && !(ir_ops[i->op].flags & IR_END);
}

/* Takes the flags that are gone out of what is owed. */
static void settle(struct arm_lower *l)
{
	struct ir_unit *u = l->u;
	unsigned kills = l->arrival.to.kills;
	l->arrival.unsettled = kills != ARM_NZCV;
	ir_ref rest = arm_const(l, kills == ARM_NZCV ? 0 : ~(kills << 4));
	ir_set(u, ARM_G_owed, kills == ARM_NZCV ? rest : ir_and(u, IR_I32, ir_get(u, ARM_G_owed), rest));
}

void arm_arrive(struct arm_lower *l)
{
	struct arm_arrival *s = &l->arrival;
	uint8_t before = s->to.kills;
	for (; !s->decided && s->from < l->u->n_insns; s->from++)
		s->decided = !arrive(s, &l->u->insns[s->from]);
	if (!s->decided)
		s->to.kills |= (uint8_t)(l->late | s->overwritten);
	if (s->to.kills == ARM_NZCV)
		s->decided = true;
	if (ir_block_ended(l->u))
		s->to.kills = before; /* too late to change a debt */
	if (s->to.kills != before && l->req->look_ahead && !s->settled)
		settle(l);
}
