/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blocks of a unit have code of their own, and in which order it comes.
 *
 * The unit's order is that of the guest's code, with what is rare behind it. Where neither way out of a block comes next there, the one that
 * nobody else falls into is moved up, so that going there takes no jump: the way back from an inner loop to the outer one, a loop's exit, a
 * difference of charges between two parts. No block that falls through to another loses that, so there are never more jumps than without.
 */
#include "backend-x86_64/gen.h"

static bool is_empty(const struct gen *g, ir_label l)
{
	const struct ir_block *b = &g->u->blocks[l];
	for (ir_ref v = b->first; v < b->end - 1; v++)
		if (insn_of(g, v)->op != IR_nop)
			return false;
	return insn_of(g, b->end - 1)->op == IR_br;
}

static void forward(struct gen *g)
{
	const struct ir_unit *u = g->u;
	for (ir_label l = 0; l < u->n_blocks; l++)
		g->forward[l] = l;
	for (ir_label l = 1; l < u->n_blocks; l++) {
		ir_label to = is_empty(g, l) ? insn_of(g, u->blocks[l].end - 1)->b : l;
		while (g->forward[to] != to)
			to = g->forward[to];
		g->forward[l] = to; /* itself, when it is a loop */
		g->folded[l] = to != l;
		if (to != l) /* its own branch was counted */
			g->preds[to] += g->preds[l] - 1;
	}
}

ir_label gen_forwarded(const struct gen *g, ir_label l)
{
	while (g->forward[l] != l)
		l = g->forward[l];
	return l;
}

ir_label gen_next_block(const struct gen *g)
{
	uint32_t next = g->block_index + 1;
	while (next < g->n_order && g->folded[g->order[next]])
		next++;
	return next < g->n_order ? g->order[next] : IR_NONE;
}

const struct ir_insn *gen_simple_exit(const struct gen *g, ir_label l)
{
	const struct ir_block *b = &g->u->blocks[l];
	const struct ir_insn *last = insn_of(g, b->end - 1);
	if (g->preds[l] != 1 || last->op != IR_exit_jump || g->label[l] || gen_is_call(last))
		return NULL;
	for (ir_ref v = b->first; v < b->end - 1; v++)
		if (insn_of(g, v)->op != IR_nop)
			return NULL;
	return last;
}

/* ---- the order ----------------------------------------------------------------------------------- */

struct layout {
	struct gen *g;
	uint8_t *placed;     /* by ir_label; those too that are done where a branch to them is */
	uint32_t *place;     /* by ir_label: in the unit's order */
	uint32_t next;       /* in the unit's order: those before are placed */
};

/* The ways on from block l within the unit, but for what happens when the budget is out. One is where its call comes back to. */
static unsigned ways_on(const struct gen *g, ir_label l, ir_label to[2])
{
	const struct ir_insn *end = insn_of(g, g->u->blocks[l].end - 1);
	unsigned n = 0;
	if (end->op == IR_br || end->op == IR_brc || end->op == IR_charge)
		to[n++] = gen_forwarded(g, end->b);
	bool lands = (end->op == IR_exit_jump || end->op == IR_exit_ind) && end->c != IR_NONE;
	if (end->op == IR_brc || lands)
		to[n++] = gen_forwarded(g, end->c);
	return n;
}

static bool leads_to(const struct gen *g, ir_label l, ir_label to)
{
	ir_label way[2];
	unsigned n = ways_on(g, l, way);
	return (n > 0 && way[0] == to) || (n > 1 && way[1] == to);
}

/* What comes next in the unit's order. */
static ir_label natural(struct layout *y)
{
	const struct ir_unit *u = y->g->u;
	while (y->next < u->n_order && (y->placed[u->order[y->next]] || y->g->folded[u->order[y->next]]))
		y->next++;
	return y->next < u->n_order ? u->order[y->next] : IR_NONE;
}

/* Is the block still to be placed, and would none before it in the unit's order fall into it? */
static bool may_move(const struct layout *y, ir_label l)
{
	const struct gen *g = y->g;
	uint32_t k = y->place[l];
	if (y->placed[l] || insn_of(g, g->u->blocks[l].end - 1)->op == IR_exit_budget)
		return false;
	while (k-- > y->next)
		if (!y->placed[g->u->order[k]] && !g->folded[g->u->order[k]])
			return !leads_to(g, g->u->order[k], l);
	return true;
}

/* Exits that are done where the branch to them is. */
static void leave_out_exits(struct layout *y, ir_label l, const ir_label to[2], unsigned n)
{
	enum ir_op op = (enum ir_op)insn_of(y->g, y->g->u->blocks[l].end - 1)->op;
	for (unsigned k = 0; k < n; k++)
		if ((op == IR_br || op == IR_brc) && gen_simple_exit(y->g, to[k]))
			y->placed[to[k]] = true;
}

/* What comes behind block l. */
static ir_label choose(struct layout *y, ir_label l)
{
	ir_label to[2], best = IR_NONE;
	unsigned n = ways_on(y->g, l, to);
	leave_out_exits(y, l, to, n);
	ir_label next = natural(y);
	for (unsigned k = 0; k < n; k++) {
		if (to[k] == next)
			return next;
		if (may_move(y, to[k]) && (best == IR_NONE || y->place[to[k]] < y->place[best]))
			best = to[k];
	}
	return best == IR_NONE ? next : best;
}

static void order(struct gen *g)
{
	const struct ir_unit *u = g->u;
	struct layout y = {.g = g};
	y.placed = arena_alloc(u->arena, u->n_blocks * sizeof *y.placed);
	y.place = arena_alloc(u->arena, u->n_blocks * sizeof *y.place);
	for (uint32_t k = 0; k < u->n_order; k++) {
		y.placed[u->order[k]] = false;
		y.place[u->order[k]] = k;
	}
	for (ir_label l = u->order[0]; l != IR_NONE; l = choose(&y, l)) {
		y.placed[l] = true;
		g->order[g->n_order++] = l;
	}
}

void gen_layout(struct gen *g)
{
	forward(g);
	order(g);
}
