/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes: how globals that a unit did not write follow from what is there when it faults (decision 011). A lazy `set` costs no code;
 * each site that may fault before the next one notes the value as an expression over homes, scratch registers, spill slots and
 * constants, which recover.c evaluates.
 *
 * Invariant: a value that a coming site notes (value.note_until) is somewhere, or follows from others that are. Who takes
 * a value out of its last place asks notes_lose first; when that says so, the value must get another place. Values never
 * change, so any way to work one out is as good as another; what another value relies on keeps a place of its own.
 *
 *   note       count, then for each: global, expression
 *   expression  IR op, type << 4 | condition, arguments      or one of enum note_leaf with what it names
 */
#include <string.h>

#include "backend-x86_64/gen.h"

#define LOSE_DEPTH 2  /* how far values that lose their place may be from those that keep theirs */
#define SITE_DEPTH 8
#define MAX_STEPS 400 /* of the search at one site */

static bool is_pure(const struct ir_insn *i)
{
	return ir_ops[i->op].flags & IR_PURE && ir_ops[i->op].n_args;
}

/* A result that is about to be computed into a home counts as there. */
static bool located(const struct gen *g, ir_ref x)
{
	const struct value *val = &g->val[x];
	return is_const(g, x) || val->reg >= 0 || val->slot >= 0 || val->global >= 0 || x == g->defining;
}

/* ---- what is needed for how long (analyse.c) ----------------------------------------------------- */

static void note_value(struct gen *g, ir_ref x, ir_ref until);

/* x must have a place of its own. */
static void note_operand(struct gen *g, ir_ref x, ir_ref until)
{
	note_value(g, x, until);
	g->val[x].relied_on = true;
}

/* What is never computed lives on in its operands, and so does what has nothing but its flags. */
static void note_value(struct gen *g, ir_ref x, ir_ref until)
{
	struct value *val = &g->val[x];
	const struct ir_insn *i = insn_of(g, x);
	const ir_ref operand[] = {i->a, i->b, i->c};
	if (i->op == IR_const || val->note_until >= until)
		return;
	val->note_until = until;
	if (val->folded && val->fold_into != IR_NONE && insn_of(g, val->fold_into)->op == IR_or)
		val->folded = false; /* it does not follow from the `or` */
	if (val->folded && val->fold_into != IR_NONE) { /* it will be what the sum is more than the rest */
		note_operand(g, val->fold_into, until);
		if (insn_of(g, val->fold_into)->a != x)
			note_operand(g, insn_of(g, val->fold_into)->a, until);
		return;
	}
	if (!ir_is_noted(i) && !val->folded && (val->last_use || !is_pure(i)))
		return;
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		note_value(g, operand[k], until);
}

void notes_plan(struct gen *g, ir_ref set, ir_ref last_site)
{
	if (last_site <= set)
		return;
	g->val[set].note_until = last_site;
	note_value(g, insn_of(g, set)->a, last_site);
	g->has_notes = true;
}

/* ---- keeping values ------------------------------------------------------------------------------ */

/* Can x be worked out from what has a place? With `until`, it is going to be. */
static bool derive(struct gen *g, ir_ref x, unsigned depth, ir_ref until);

static bool derive_operands(struct gen *g, const struct ir_insn *i, unsigned depth, ir_ref until)
{
	const ir_ref operand[] = {i->a, i->b, i->c};
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		if (!derive(g, operand[k], depth, until))
			return false;
	return true;
}

/* The other operand of the sum, difference or exclusive or that x went into. */
static ir_ref partner(const struct gen *g, ir_ref x)
{
	const struct ir_insn *i = insn_of(g, g->val[x].parent);
	return i->a == x ? i->b : i->a;
}

static bool has_inverse(const struct gen *g, ir_ref x)
{
	ir_ref p = g->val[x].parent;
	return p && located(g, p) && partner(g, x) != x;
}

static bool derive(struct gen *g, ir_ref x, unsigned depth, ir_ref until)
{
	struct value *val = &g->val[x];
	if (is_const(g, x))
		return true;
	if (located(g, x)) {
		val->note_until = MAX(val->note_until, until);
		val->relied_on |= until != 0;
		return true;
	}
	if (depth == 0)
		return false;
	if (is_pure(insn_of(g, x)) && derive_operands(g, insn_of(g, x), depth - 1, 0))
		return !until || derive_operands(g, insn_of(g, x), depth - 1, until);
	if (!has_inverse(g, x) || !derive(g, partner(g, x), depth - 1, 0))
		return false;
	return !until || (derive(g, val->parent, 0, until) && derive(g, partner(g, x), depth - 1, until));
}

bool notes_lose(struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	if (located(g, v))
		return false;
	return val->relied_on || !derive(g, v, LOSE_DEPTH, 0) || !derive(g, v, LOSE_DEPTH, val->note_until);
}

/* ---- sites --------------------------------------------------------------------------------------- */

struct note_writer {
	struct gen *g;
	uint8_t byte[NOTE_MAX_BYTES];
	unsigned n, steps;
	bool failed;
};

#define MAX_LEAF 9 /* bytes; ops have fewer */

/* There is room: put_operand looks. */
static inline void put(struct note_writer *w, unsigned byte)
{
	w->byte[w->n++] = (uint8_t)byte;
}

static inline void put_leaf(struct note_writer *w, enum note_leaf leaf, uint64_t x, unsigned n)
{
	put(w, leaf);
	memcpy(&w->byte[w->n], &x, n); /* little-endian */
	w->n += n;
}

static void put_const(struct note_writer *w, uint64_t imm)
{
	if (imm < 256)
		put_leaf(w, NOTE_CONST8, imm, 1);
	else if (imm <= UINT32_MAX)
		put_leaf(w, NOTE_CONST32, imm, 4);
	else
		put_leaf(w, NOTE_CONST64, imm, 8);
}

/* Scratch registers are saved for the slow path only when C would lose them. */
static void put_place(struct note_writer *w, ir_ref x)
{
	struct value *val = &w->g->val[x];
	val->named = true;
	if (val->global >= 0) {
		put_leaf(w, NOTE_GLOBAL, (uint64_t)val->global, 1);
		return;
	}
	int saved = val->slot < 0 ? x64_saved_index(w->g->t, val->reg) : -1;
	if (val->slot < 0 && saved < 0)
		ra_keep_in_slot(w->g, x);
	if (val->slot >= 0) {
		put_leaf(w, NOTE_SLOT, (uint64_t)val->slot, 2);
		return;
	}
	put_leaf(w, NOTE_SCRATCH, (uint64_t)saved, 1);
	w->g->note_regs |= (uint16_t)(1u << val->reg);
}

static bool put_derived(struct note_writer *w, ir_ref x, unsigned depth);

static void put_op(struct note_writer *w, enum ir_op op, const struct ir_insn *i)
{
	put(w, op);
	put(w, (unsigned)i->type << 4 | i->aux);
}

/* Most are constants or somewhere. */
static inline bool put_operand(struct note_writer *w, ir_ref x, unsigned depth)
{
	if (w->n + MAX_LEAF >= sizeof w->byte)
		return false;
	if (is_const(w->g, x))
		put_const(w, insn_of(w->g, x)->imm);
	else if (located(w->g, x))
		put_place(w, x);
	else
		return depth && put_derived(w, x, depth);
	return true;
}

static bool put_operands(struct note_writer *w, const struct ir_insn *i, unsigned depth)
{
	unsigned n = ir_ops[i->op].n_args;
	put_op(w, (enum ir_op)i->op, i);
	return put_operand(w, i->a, depth) && (n < 2 || put_operand(w, i->b, depth)) && (n < 3 || put_operand(w, i->c, depth));
}

/* a from r = a + b, r = a - b or r = b - a, and from r = a ^ b. */
static bool put_inverse(struct note_writer *w, ir_ref x, unsigned depth)
{
	ir_ref parent = w->g->val[x].parent, other = partner(w->g, x);
	const struct ir_insn *i = insn_of(w->g, parent);
	bool sub = i->op == IR_sub, subtrahend = sub && i->b == x;
	put_op(w, i->op == IR_xor ? IR_xor : sub && !subtrahend ? IR_add : IR_sub, i);
	return put_operand(w, subtrahend ? other : parent, depth) && put_operand(w, subtrahend ? parent : other, depth);
}

static bool put_derived(struct note_writer *w, ir_ref x, unsigned depth)
{
	unsigned n = w->n;
	if (++w->steps > MAX_STEPS)
		return false;
	if (is_pure(insn_of(w->g, x)) && put_operands(w, insn_of(w->g, x), depth - 1))
		return true;
	w->n = n;
	return has_inverse(w->g, x) && put_inverse(w, x, depth - 1);
}

/* Appends what was written, unless the site before has the same; returns its offset, which is not 0. */
static uint32_t keep_note(struct gen *g, const struct note_writer *w)
{
	struct x64_code *c = g->code;
	if (g->last_note && g->last_note + w->n == c->n_notes && memcmp(&c->notes[g->last_note], w->byte, w->n) == 0)
		return g->last_note;
	if (c->n_notes + w->n > g->cap_notes) {
		uint8_t *old = c->notes;
		g->cap_notes = 2 * g->cap_notes + NOTE_MAX_BYTES;
		c->notes = arena_alloc(g->u->arena, g->cap_notes);
		if (c->n_notes)
			memcpy(c->notes, old, c->n_notes);
	}
	g->last_note = c->n_notes = c->n_notes ? c->n_notes : 1;
	memcpy(&c->notes[c->n_notes], w->byte, w->n);
	c->n_notes += w->n;
	return g->last_note;
}

/* Writes anew what the site notes. */
static uint32_t write_note(struct gen *g)
{
	struct note_writer w;
	unsigned count = 0;
	w.g = g;
	w.n = 1;
	w.steps = 0;
	w.failed = false;
	for (uint64_t left = g->lazy; left && !w.failed; left &= left - 1) {
		unsigned global = (unsigned)__builtin_ctzll(left);
		ir_ref set = g->lazy_set[global];
		if (g->val[set].note_until < g->at)
			continue;
		put(&w, global);
		w.failed = !put_operand(&w, insn_of(g, set)->a, SITE_DEPTH);
		count++;
	}
	g->notes_failed |= w.failed;
	w.byte[0] = (uint8_t)count;
	g->last_note_regs = g->note_regs;
	g->note_is_old = !count || w.failed;
	return g->note_is_old ? 0 : keep_note(g, &w);
}

uint32_t notes_record(struct gen *g)
{
	uint32_t note = 0;
	if (g->lazy)
		note = g->note_is_old ? write_note(g) : g->last_note;
	if (note)
		g->note_regs = g->last_note_regs;
	g->note_from = g->at + 1;
	return note;
}
