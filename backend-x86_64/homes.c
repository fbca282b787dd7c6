/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes of one unit (decision 024). Where a loop uses a global that lives in memory more than one that has a register, the two change
 * places: on every way in, and back on every way out, slow paths and helper calls included. So whoever is not this unit's main
 * code sees each global in the home that the target has for it.
 *
 *   in                                     out
 *     mov  [rbp + instead_of], reg           mov  [rbp + global], reg
 *     mov  reg, [rbp + global]               mov  reg, [rbp + instead_of]
 */
#include <string.h>

#include "backend-x86_64/gen.h"

#define ROUNDS 24     /* around loops, at most */
#define MIN_GAIN 6.0f /* accesses, each time that the unit is entered */

static const struct ir_insn *end_of(const struct ir_unit *u, ir_label l)
{
	return &u->insns[u->blocks[l].end - 1];
}

/* How often are blocks run, each time that the unit is? Guessed: loops go on, and who stays in the unit is likelier than who leaves. */
struct guess {
	const struct ir_unit *u;
	float *pending, *runs; /* by label: runs to come of this round or the next, and those so far */
	uint32_t *place;       /* by label: in the order of the code */
	float calls;           /* that come back into the unit, and of helpers */
};

/* Goes back from a branch at `from` to block l, or by way of l, which may be no more than a check of the budget? */
static bool goes_back(const struct guess *x, ir_label from, ir_label l)
{
	const struct ir_insn *end = end_of(x->u, l);
	bool on = end->op == IR_br || end->op == IR_charge;
	return x->place[l] <= x->place[from] || (on && x->place[end->b] <= x->place[from]);
}

/* Where the call that ends a block comes back, or IR_NONE. */
static ir_label landing(const struct ir_insn *end)
{
	return end->op == IR_exit_jump || end->op == IR_exit_ind ? end->c : IR_NONE;
}

/* How likely is l as one of the two successors of `from`? */
static float weight(const struct guess *x, ir_label from, ir_label l)
{
	const struct ir_insn *end = end_of(x->u, l);
	bool stays = end->op == IR_br || end->op == IR_brc || end->op == IR_charge || landing(end) != IR_NONE;
	return !stays ? 1 : goes_back(x, from, l) ? 8 : 3;
}

static void run_block(struct guess *x, ir_label l)
{
	const struct ir_insn *end = end_of(x->u, l);
	float n = x->pending[l];
	x->pending[l] = 0;
	x->runs[l] += n;
	if (end->op == IR_br || end->op == IR_charge) {
		x->pending[end->b] += n;
	} else if (end->op == IR_brc) {
		float then = weight(x, l, end->b), other = weight(x, l, end->c);
		x->pending[end->b] += n * then / (then + other);
		x->pending[end->c] += n * other / (then + other);
	} else if (landing(end) != IR_NONE) {
		x->pending[end->c] += n;
		x->calls += n;
	}
}

static void guess_runs(struct guess *x)
{
	const struct ir_unit *u = x->u;
	x->pending[0] = 1;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (uint32_t k = 0; k < u->n_order; k++)
			if (x->pending[u->order[k]] > 0)
				run_block(x, u->order[k]);
}

/* Adds up what is read and written of each global, and calls of helpers. */
static void count_uses(const struct gen *g, struct guess *x, float *uses)
{
	for (ir_label l = 0; l < g->u->n_blocks; l++) {
		const struct ir_block *b = &g->u->blocks[l];
		for (ir_ref v = b->first; v < b->end; v++) {
			const struct ir_insn *i = insn_of(g, v);
			if (i->op == IR_call)
				x->calls += x->runs[l];
			if (i->op == IR_get || (i->op == IR_set && i->b != IR_SET_OPTIONAL && !is_lazy(g, i)))
				uses[i->aux] += x->runs[l];
		}
	}
}

static bool may_have_home(const struct gen *g, unsigned global)
{
	const struct ir_global *x = &g->t->guest->globals[global];
	return x->type == IR_I32 && x->mem_bytes == 4 && x->heat && global != g->t->guest->pc_global;
}

/* The global of those that have a home, or of the others, that is used least or most; IR_MAX_GLOBALS = none. */
static unsigned extreme(const struct gen *g, const float *uses, bool homed)
{
	unsigned best = IR_MAX_GLOBALS;
	for (unsigned n = 0; n < g->t->guest->n_globals; n++) {
		if (!may_have_home(g, n) || (g->home[n] >= 0) != homed)
			continue;
		if (best == IR_MAX_GLOBALS || (homed ? uses[n] < uses[best] : uses[n] > uses[best]))
			best = n;
	}
	return best;
}

static void exchange(struct gen *g, const float *uses, float min_gain)
{
	while (g->n_swaps < GEN_MAX_SWAPS) {
		unsigned in = extreme(g, uses, false), out = extreme(g, uses, true);
		if (in == IR_MAX_GLOBALS || out == IR_MAX_GLOBALS || uses[in] - uses[out] < min_gain)
			return;
		g->swap[g->n_swaps++] = (struct swap){(uint8_t)in, (uint8_t)out};
		g->home[in] = g->home[out];
		g->home[out] = -1;
	}
}

/* Blocks that a block may branch to; returns how many. */
static unsigned branches(const struct ir_insn *end, ir_label to[2])
{
	bool two = end->op == IR_brc;
	to[0] = end->b;
	to[1] = end->c;
	return end->op == IR_br || end->op == IR_charge || two ? 1u + two : 0;
}

static bool has_loop(const struct guess *x)
{
	for (ir_label l = 0; l < x->u->n_blocks; l++) {
		ir_label to[2];
		for (unsigned n = branches(end_of(x->u, l), to); n-- > 0;)
			if (x->place[to[n]] <= x->place[l] && !(to[n] == l && end_of(x->u, l)->op == IR_br)) /* which is a block that nobody reaches */
				return true;
	}
	return false;
}

/* Does the unit go itself to where calls come back? That block would not know which homes it finds. */
static bool enters_itself(const struct ir_unit *u)
{
	for (ir_label l = 0; l < u->n_blocks; l++) {
		ir_label to[2];
		for (unsigned n = branches(end_of(u, l), to); n-- > 0;)
			if (u->insns[u->blocks[to[n]].first].op == IR_enter)
				return true;
	}
	return false;
}

/* Tests: any choice is right. */
static void shuffle_uses(const struct gen *g, float *uses)
{
	uint32_t x = g->t->shuffle_seed ^ g->u->n_insns * 2654435761u;
	for (unsigned n = 0; n < IR_MAX_GLOBALS; n++) {
		x = x * 1664525 + 1013904223;
		uses[n] = (float)(x >> 28);
	}
}

static void *zeroed(struct arena *arena, uint32_t n, size_t size)
{
	return memset(arena_alloc(arena, n * size), 0, n * size);
}

static void choose(struct gen *g)
{
	const struct ir_unit *u = g->u;
	struct guess x = {.u = u, .place = arena_alloc(u->arena, u->n_blocks * sizeof *x.place)};
	bool shuffle = g->t->shuffle_seed;
	float uses[IR_MAX_GLOBALS] = {0};
	for (uint32_t k = 0; k < u->n_order; k++)
		x.place[u->order[k]] = k;
	if ((!has_loop(&x) && !shuffle) || enters_itself(u))
		return;
	x.pending = zeroed(u->arena, u->n_blocks, sizeof *x.pending);
	x.runs = zeroed(u->arena, u->n_blocks, sizeof *x.runs);
	guess_runs(&x);
	count_uses(g, &x, uses);
	if (shuffle)
		shuffle_uses(g, uses);
	exchange(g, uses, shuffle ? MIN_GAIN : MIN_GAIN * (1 + x.calls));
}

/* A loop has a check of the budget, and a way out. */
void gen_choose_homes(struct gen *g)
{
	memcpy(g->home, g->t->home, sizeof g->home);
	g->n_swaps = 0;
	if (g->u->n_blocks > 2 || g->t->shuffle_seed)
		choose(g);
}

void gen_homes_in(struct gen *g)
{
	for (unsigned k = 0; k < g->n_swaps; k++) {
		int reg = g->home[g->swap[k].global];
		emit_store(&g->e, 4, global_mem(g->t, g->swap[k].instead_of), reg);
		emit_mov_rm(&g->e, false, reg, global_mem(g->t, g->swap[k].global));
	}
}

void gen_homes_out(struct gen *g)
{
	for (unsigned k = 0; k < g->n_swaps; k++) {
		int reg = g->home[g->swap[k].global];
		emit_store(&g->e, 4, global_mem(g->t, g->swap[k].global), reg);
		emit_mov_rm(&g->e, false, reg, global_mem(g->t, g->swap[k].instead_of));
	}
}

void gen_homes_back(struct gen *g)
{
	for (unsigned k = 0; k < g->n_swaps; k++)
		emit_mov_rm(&g->e, false, g->home[g->swap[k].global], global_mem(g->t, g->swap[k].global));
}
