/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions next to who asks for them. Hosts with flags lose a condition to the next arithmetic, and then have to write it down and test it;
 * ARM code, most of which leaves the flags alone, has such arithmetic between what sets flags and what reads them. This pass moves it ahead
 * of what makes the condition, when its operands are there already. A difference goes last, for a compare of the same operands
 * then needs no code.
 *
 * Only within a block, and only over insns that neither fault nor look at globals. Values are renamed as they move: insns behind
 * the scan have the names of before, and get the ones of now when it comes to them.
 */
#include <string.h>

#include "ir/opt.h"

#define MAX_RANGE 64u  /* insns between a condition and who asks */
#define MAX_BACK 24u   /* insns that a condition's own flags come from */
#define MAX_MOVED 24u
#define MAX_SPAN (MAX_RANGE + 2 * MAX_BACK)
#define MAX_RESULTS 3u /* of what moved: each keeps a register for longer */

enum manner {
	BARS,     /* nothing goes past it */
	STAYS,    /* leaves the flags alone, and where it is */
	MOVES,    /* leaves the flags alone */
	CHANGES,  /* the flags; may go elsewhere */
	ASKS,     /* a condition, or what is made by one: may go elsewhere as well */
};

static const uint8_t manners[IR_OP_COUNT] = {
	[IR_nop] = STAYS, [IR_set] = STAYS, [IR_insn] = STAYS,
	[IR_const] = MOVES, [IR_get] = MOVES, [IR_copy] = MOVES, [IR_not] = MOVES, [IR_bswap] = MOVES, [IR_sext8] = MOVES, [IR_sext16] = MOVES,
	[IR_zext8] = MOVES, [IR_zext16] = MOVES, [IR_sext32] = MOVES, [IR_zext32] = MOVES, [IR_trunc] = MOVES, [IR_add] = MOVES, [IR_ror] = MOVES,
	[IR_sub] = CHANGES, [IR_and] = CHANGES, [IR_or] = CHANGES, [IR_xor] = CHANGES, [IR_andn] = CHANGES, [IR_neg] = CHANGES,
	[IR_shl] = CHANGES, [IR_shr] = CHANGES, [IR_sar] = CHANGES,
	[IR_cmp] = ASKS, [IR_add_c] = ASKS, [IR_add_v] = ASKS, [IR_sub_c] = ASKS, [IR_sub_v] = ASKS,
	[IR_select] = ASKS,
};

/* Who may ask for a condition: the ops to look at. */
#define ASKERS (IR_SET_OF(select) | IR_SET_OF(brc) | IR_SET_OF(adc) | IR_SET_OF(sbc) | IR_SET_OF(add_c) | IR_SET_OF(add_v) | IR_SET_OF(sub_c) | \
		IR_SET_OF(sub_v) | IR_SET_OF(cmp) | IR_SET_OF(sub))

struct order {
	struct opt *o;
	ir_ref *now; /* by the name that a value had; NULL = nothing has moved yet */
	ir_ref *was; /* the other way round */
	ir_ref first; /* of the block */
	ir_ref difference; /* the last one of two values, about; IR_NONE = none yet */
};

/* What the flags of an insn follow from: an op of results, its operands and the carry into it (IR_NONE: none). */
struct source {
	uint8_t op;
	ir_ref a, b, carry;
};

/* What is to move: `moves` of the insns from `from` up to `to`, who asks and comes forward to `cut` (`to`: stays). */
struct plan {
	ir_ref from, to, made, cut;
	struct source source;  /* of the flags that shall last, which insn `made` has */
	unsigned n, n_results; /* that move; of them, those that nothing which moves has used so far */
	bool moves[MAX_SPAN], used[MAX_SPAN];
};

/* ---- flags of the same operation ----------------------------------------------------------------- */

static struct source plain(enum ir_op op, const struct ir_insn *i, ir_ref carry)
{
	return (struct source){(uint8_t)op, i->a, i->b, carry};
}

static bool is_zero(const struct opt *o, ir_ref v)
{
	return opt_is_const(o, v) && o->insns[v].imm == 0;
}

static struct source source_of(const struct opt *o, const struct ir_insn *i)
{
	if (i->op == IR_cmp && is_zero(o, i->b) && ir_ops[o->insns[i->a].op].n_args > 1 && o->insns[i->a].op != IR_cmp)
		i = &o->insns[i->a]; /* its result */
	switch (i->op) {
	case IR_cmp: case IR_sub:
		return plain(IR_sub, i, IR_NONE);
	case IR_sub_c: case IR_sub_v:
		return opt_is_const(o, i->c) ? plain(IR_sub, i, IR_NONE) : plain(IR_sbc, i, i->c);
	case IR_add_c: case IR_add_v:
		return opt_is_const(o, i->c) ? plain(IR_add, i, IR_NONE) : plain(IR_adc, i, i->c);
	case IR_sbc: case IR_adc:
		return plain((enum ir_op)i->op, i, i->c);
	default:
		return plain((enum ir_op)i->op, i, IR_NONE);
	}
}

static bool same_value(const struct opt *o, ir_ref x, ir_ref y)
{
	return x == y || (x != IR_NONE && y != IR_NONE && opt_is_const(o, x) && opt_is_const(o, y) && o->insns[x].imm == o->insns[y].imm);
}

static bool same_source(const struct opt *o, const struct source *s, const struct ir_insn *i)
{
	struct source t = source_of(o, i);
	return s->op == t.op && s->carry == t.carry && same_value(o, s->a, t.a) && same_value(o, s->b, t.b);
}

/* ---- the range ------------------------------------------------------------------------------------- */

/* Of what the host can do beside its flags. */
static bool is_address(const struct opt *o, const struct ir_insn *i)
{
	bool by_const = ir_ops[i->op].n_args > 1 && opt_is_const(o, i->b);
	if (i->op == IR_sub)
		return by_const;
	if (i->op == IR_shl)
		return !by_const || o->insns[i->b].imm - 1 < 3;
	return (i->op == IR_shr || i->op == IR_sar) && !by_const;
}

static enum manner manner_of(const struct opt *o, const struct ir_insn *i)
{
	enum manner m = (enum manner)manners[i->op];
	if (ir_is_noted(i))
		return STAYS;
	return m == CHANGES && is_address(o, i) ? MOVES : m;
}

/* The first of the insns that the flags of insn r are made by, r or before: the operation itself, and what makes its carry. */
static ir_ref start_of(const struct order *w, ir_ref r)
{
	const struct opt *o = w->o;
	struct source s = source_of(o, &o->insns[r]);
	ir_ref start = r, least = r > w->first + MAX_BACK ? r - MAX_BACK : w->first;
	for (ir_ref j = r; j-- > least;) {
		const struct ir_insn *i = &o->insns[j];
		enum manner m = manner_of(o, i);
		if (same_source(o, &s, i) && m != STAYS)
			start = j;
		else if (s.carry == j)
			return start_of(w, j);
		else if (m != STAYS && m != MOVES)
			break;
	}
	return start;
}

/* The operation of the source once more, for its result: ahead of the condition it makes the flags. */
static bool is_again(const struct plan *p, enum manner m, ir_ref r)
{
	return m == CHANGES && r > p->made;
}

static bool place(const struct order *w, struct plan *p, ir_ref r);

static bool place_operands(const struct order *w, struct plan *p, const struct ir_insn *i)
{
	const ir_ref operand[] = {i->a, i->b, i->c};
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++) {
		if (!place(w, p, operand[k]))
			return false;
		if (operand[k] < p->from || p->used[operand[k] - p->from] || !ir_ops[w->o->insns[operand[k]].op].n_args)
			continue;
		p->used[operand[k] - p->from] = true;
		p->n_results--;
	}
	return true;
}

/* Is there anything in the range that sets the global before insn r reads it? */
static bool is_set_before(const struct opt *o, const struct plan *p, ir_ref r)
{
	for (ir_ref j = p->from; j < r; j++)
		if (o->insns[j].op == IR_set && o->insns[j].aux == o->insns[r].aux)
			return true;
	return false;
}

/* Plans that r, and what it needs, is ahead of the range. */
static bool place(const struct order *w, struct plan *p, ir_ref r)
{
	const struct opt *o = w->o;
	const struct ir_insn *i = &o->insns[r];
	if (r < p->from || p->moves[r - p->from])
		return true;
	enum manner m = manner_of(o, i);
	if (m == BARS || m == STAYS || p->n == MAX_MOVED || (i->op == IR_get && is_set_before(o, p, r)))
		return false;
	if ((same_source(o, &p->source, i) && !is_again(p, m, r)) || !place_operands(w, p, i))
		return false;
	p->moves[r - p->from] = true;
	p->n++;
	p->n_results += ir_ops[i->op].n_args > 0;
	return true;
}

/* Does insn r change flags, other than those of the source? */
static bool is_in_between(const struct opt *o, const struct plan *p, ir_ref r, ir_ref wanted)
{
	const struct ir_insn *i = &o->insns[r];
	enum manner m = manner_of(o, i);
	if ((m != CHANGES && m != ASKS) || (i->op == IR_select && i->a == wanted))
		return false;
	return is_again(p, m, r) || !same_source(o, &p->source, i);
}

/* Does anybody behind `to` ask for flags that it makes with its carry, and needs them there? */
static bool makes_flags(const struct order *w, ir_ref to)
{
	const struct opt *o = w->o;
	ir_ref carry = o->insns[to].c, end = MIN(to + MAX_BACK, o->u->n_insns);
	for (ir_ref r = to + 1; r < end && manner_of(o, &o->insns[r]) != BARS; r++) {
		const struct ir_insn *i = &o->insns[r];
		if (manner_of(o, i) == ASKS && ir_ops[i->op].n_args == 3 && (w->now ? w->now[i->c] : i->c) == carry)
			return true;
	}
	return false;
}

/* May the addition or subtraction with carry that asks come ahead of insn r, which has to stay behind the condition? */
static bool comes_forward(const struct order *w, ir_ref to, ir_ref r)
{
	const struct ir_insn *i = &w->o->insns[to];
	return (i->op == IR_adc || i->op == IR_sbc) && i->a < r && i->b < r && !makes_flags(w, to);
}

/*
 * Plans to have nothing between `made`, whose flags are asked for, and `to`, who asks for `wanted`, that changes them.
 * False: nothing to do, or it cannot be had.
 */
static bool make_plan(const struct order *w, struct plan *p, ir_ref made, ir_ref wanted, ir_ref to)
{
	bool any = false;
	p->made = made;
	p->source = source_of(w->o, &w->o->insns[made]);
	for (ir_ref r = made + 1; r < to; r++) {
		if (manner_of(w->o, &w->o->insns[r]) == BARS)
			return false;
		any |= is_in_between(w->o, p, r, wanted);
	}
	if (!any)
		return false;
	p->from = start_of(w, made);
	p->to = to;
	if (to - p->from >= MAX_SPAN)
		return false;
	p->n = p->n_results = 0;
	memset(p->moves, 0, to - p->from);
	memset(p->used, 0, to - p->from);
	p->cut = to;
	for (ir_ref r = made + 1; r < p->cut; r++) {
		if (!is_in_between(w->o, p, r, wanted) || place(w, p, r))
			continue;
		if (!comes_forward(w, to, r))
			return false;
		p->cut = r;
	}
	return p->n_results <= MAX_RESULTS;
}

/* ---- moving ---------------------------------------------------------------------------------------- */

static void rename_operands(struct ir_insn *i, const struct plan *p, const ir_ref *to)
{
	ir_ref *v[] = {&i->a, &i->b, &i->c};
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		if (*v[k] >= p->from && *v[k] < p->to)
			*v[k] = to[*v[k] - p->from];
}

static void begin_names(struct order *w)
{
	uint32_t n = w->o->u->n_insns;
	if (w->now)
		return;
	w->now = arena_alloc(w->o->u->arena, n * sizeof *w->now);
	w->was = arena_alloc(w->o->u->arena, n * sizeof *w->was);
	for (uint32_t r = 0; r < n; r++)
		w->now[r] = w->was[r] = r;
}

/* Is moved insn r the difference that a compare behind it asks for, and needed by no other one that moves? */
static bool goes_last(const struct opt *o, const struct plan *p, ir_ref r)
{
	struct source s = source_of(o, &o->insns[p->from]);
	if (o->insns[r].op != IR_sub || !same_source(o, &s, &o->insns[r]))
		return false;
	for (ir_ref j = r + 1; j < p->to; j++) {
		const struct ir_insn *i = &o->insns[j];
		if (p->moves[j - p->from] && (i->a == r || i->b == r || i->c == r))
			return false;
	}
	return true;
}

/* Where the insns of the range go, who asks among them. */
static void find_places(const struct opt *o, const struct plan *p, ir_ref *to)
{
	ir_ref n = p->to - p->from, cut = p->cut - p->from, last = IR_NONE, k = p->from;
	for (ir_ref j = 0; j < n; j++) {
		if (p->moves[j] && last == IR_NONE && goes_last(o, p, p->from + j))
			last = j;
		else if (p->moves[j])
			to[j] = k++;
	}
	if (last != IR_NONE)
		to[last] = k++;
	for (ir_ref j = 0; j < n; j++) {
		if (j == cut)
			to[n] = k++;
		if (!p->moves[j])
			to[j] = k++;
	}
	if (cut == n)
		to[n] = k;
}

/* What is where, now that insns have moved. */
static void sort_again(const struct opt *o, ir_ref r)
{
	uint64_t bit = UINT64_C(1) << r % 64, *const sets[] = {&o->sets->rest[r / 64], &o->sets->consts[r / 64], &o->sets->marks[r / 64]};
	const unsigned op = o->insns[r].op, in = op == IR_nop ? 3 : op == IR_insn ? 2 : op == IR_const;
	for (unsigned k = 0; k < 3; k++)
		*sets[k] = in == k ? *sets[k] | bit : *sets[k] & ~bit;
}

static void carry_out(struct order *w, const struct plan *p)
{
	struct opt *o = w->o;
	ir_ref to[MAX_SPAN], was[MAX_SPAN];
	struct ir_insn old[MAX_SPAN];
	uint32_t n = p->to - p->from + 1;
	begin_names(w);
	memcpy(old, &o->insns[p->from], n * sizeof *old);
	memcpy(was, &w->was[p->from], n * sizeof *was);
	find_places(o, p, to);
	for (uint32_t j = 0; j < n; j++) {
		struct ir_insn *i = &o->insns[to[j]];
		*i = old[j];
		rename_operands(i, p, to);
		w->was[to[j]] = was[j];
		w->now[was[j]] = to[j];
	}
	for (ir_ref r = p->from; r <= p->to; r++)
		sort_again(o, r);
}

/* ---- the scan -------------------------------------------------------------------------------------- */

/* Names of now for what insn r uses. */
static void resolve(const struct order *w, ir_ref r)
{
	struct ir_insn *i = &w->o->insns[r];
	ir_ref *v[] = {&i->a, &i->b, &i->c};
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		*v[k] = w->now[*v[k]];
	if (i->op != IR_call)
		return;
	for (unsigned k = 0; k < w->o->u->guest->helpers[i->aux].n_args; k++)
		w->o->u->args[i->imm + k] = w->now[w->o->u->args[i->imm + k]];
}

/* The condition that insn i uses, or IR_NONE. */
static ir_ref wanted_by(const struct ir_insn *i)
{
	switch (i->op) {
	case IR_select: case IR_brc:
		return i->a;
	case IR_adc: case IR_sbc: case IR_add_c: case IR_add_v: case IR_sub_c: case IR_sub_v:
		return i->c;
	default:
		return IR_NONE;
	}
}

/* An operation before compare r that has its flags, or IR_NONE. */
static ir_ref made_before(const struct order *w, ir_ref r)
{
	const struct opt *o = w->o;
	struct source s = source_of(o, &o->insns[r]);
	ir_ref least = r > w->first + MAX_BACK ? r - MAX_BACK : w->first;
	for (ir_ref j = r; j-- > least;) {
		const struct ir_insn *i = &o->insns[j];
		enum manner m = manner_of(o, i);
		if (i->op == IR_sub && m == CHANGES && same_source(o, &s, i))
			return j;
		if (m != STAYS && m != MOVES && m != CHANGES)
			break;
	}
	return IR_NONE;
}

static void visit(struct order *w, ir_ref r)
{
	const struct opt *o = w->o;
	const struct ir_insn *i = &o->insns[r];
	struct plan p;
	ir_ref c = wanted_by(i), made = c;
	if (ir_is_noted(i))
		return;
	if (i->op == IR_cmp && (o->insns[i->b].op == IR_sub_v || o->insns[i->b].op == IR_add_v))
		made = i->b; /* the same as N: a signed compare */
	else if (i->op == IR_cmp && w->difference != IR_NONE && r - w->difference <= MAX_BACK)
		made = made_before(w, r);
	else if (i->op == IR_sub && !opt_is_const(o, i->b))
		w->difference = r;
	if (made == IR_NONE || r - made > MAX_RANGE)
		return;
	enum manner m = manner_of(o, &o->insns[made]);
	if ((m == ASKS || m == CHANGES) && make_plan(w, &p, made, c, r))
		carry_out(w, &p);
}

/* From here on each insn has to be resolved: something has moved. */
static void scan_on(struct order *w, ir_ref r, ir_ref end)
{
	for (; r < end; r++) {
		resolve(w, r);
		if (ASKERS >> w->o->insns[r].op & 1)
			visit(w, r);
	}
}

static void scan(struct order *w, struct ir_block b)
{
	for (ir_ref word = b.first / 64; word * 64 < b.end; word++)
		for (uint64_t left = ir_in_block(w->o->sets->rest, &b, word); left; left &= left - 1) {
			ir_ref r = word * 64 + (ir_ref)__builtin_ctzll(left);
			if (!w->now && ASKERS >> w->o->insns[r].op & 1)
				visit(w, r);
			if (w->now) {
				scan_on(w, r + 1, b.end);
				return;
			}
		}
}

void opt_order(struct opt *o)
{
	const struct ir_unit *u = o->u;
	struct order w = {.o = o};
	for (uint32_t k = 0; k < u->n_order; k++) {
		const struct ir_block b = u->blocks[u->order[k]];
		w.first = b.first;
		w.difference = IR_NONE;
		scan(&w, b);
	}
}
