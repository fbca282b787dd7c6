/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alignment: which accesses are known to be aligned, wherever in the unit that was shown. They need no test.
 *
 * An access that was done shows it, where one that is not aligned faults or leaves. So do constants, shifts and masks; sums of what is aligned
 * keep it. At the start of a block a global is aligned if it is on every way in; around loops this is
 * taken for true until a way shows otherwise, and the blocks that relied on it are walked again.
 *
 * What is not known may follow from globals as the unit is entered with. So each fact is the set of those that it needs: it is
 * known when that is empty, unknown when it is UNKNOWN, and the union is what two facts need together. A unit whose entry may look
 * (ir_unit.may_assume) assumes what accesses in its loops need.
 */
#include <string.h>

#include "ir/opt.h"

#define TRACKED IR_ASSUMED_GLOBALS
#define UNKNOWN UINT32_MAX
#define DEPTH 4u /* of sums that are looked into */

/* What low bits of 0 need, one or two of them: a set as in ir_unit.assumes. */
struct need {
	uint32_t of[2];
};

struct align {
	struct opt *o;
	struct need *value;  /* by ir_ref: of a `get`; of[0] of an access: what it needs to be aligned */
	uint8_t *shown;      /* by ir_ref: low bits that are 0, as an access has shown */
	struct need (*in)[TRACKED]; /* by label: of the globals at its start */
	uint32_t *place;     /* by label: in u->order */
	bool *dirty;         /* by label: `in` is another since it was walked */
	struct need now[TRACKED]; /* of the globals in the block that is walked ... */
	uint32_t held;       /* ... unless they are in here: then holds[] is what they hold */
	ir_ref holds[TRACKED];
};

/* ---- values ---- */

/* What it needs that the low `bits` of v are 0. */
static uint32_t needs(const struct align *a, ir_ref v, unsigned bits, unsigned depth)
{
	const struct ir_insn *i = &a->o->insns[v];
	if (a->shown[v] >= bits)
		return 0;
	switch (i->op) {
	case IR_const:
		return i->imm & ((1u << bits) - 1) ? UNKNOWN : 0;
	case IR_get:
		return bits <= 2 && i->aux < TRACKED ? a->value[v].of[bits - 1] : UNKNOWN;
	case IR_shl:
		return opt_is_const(a->o, i->b) && (a->o->insns[i->b].imm & 31) >= bits ? 0 : UNKNOWN;
	case IR_and:
		if (opt_is_const(a->o, i->b) && !needs(a, i->b, bits, 0))
			return 0;
		return depth ? needs(a, i->a, bits, depth - 1) : UNKNOWN;
	case IR_add: case IR_sub: case IR_or: case IR_xor:
		return depth ? needs(a, i->a, bits, depth - 1) | needs(a, i->b, bits, depth - 1) : UNKNOWN;
	case IR_select:
		return depth ? needs(a, i->b, bits, depth - 1) | needs(a, i->c, bits, depth - 1) : UNKNOWN;
	}
	return UNKNOWN;
}

/* The low `bits` of v are 0; of a sum with something of that kind, so are those of the other. */
static void show(struct align *a, ir_ref v, unsigned bits, unsigned depth)
{
	const struct ir_insn *i = &a->o->insns[v];
	if (a->shown[v] >= bits)
		return;
	a->shown[v] = (uint8_t)bits;
	if (!depth || (i->op != IR_add && i->op != IR_sub && i->op != IR_xor))
		return;
	if (!needs(a, i->b, bits, depth - 1))
		show(a, i->a, bits, depth - 1);
	else if (!needs(a, i->a, bits, depth - 1))
		show(a, i->b, bits, depth - 1);
}

/* ---- blocks ---- */

static void see_access(struct align *a, ir_ref r)
{
	struct ir_insn *i = &a->o->insns[r];
	unsigned bits = i->aux & 3u;
	if (!bits)
		return;
	uint32_t need = needs(a, i->a, bits, DEPTH);
	a->value[r].of[0] = need;
	i->aux = (uint16_t)(need ? i->aux & ~IR_MEMOP_ALIGNED : i->aux | IR_MEMOP_ALIGNED);
	if (ir_memop_leaves(i->aux) || ir_memop_align(i->aux) == IR_ALIGN_FAULT)
		show(a, i->a, bits, DEPTH);
}

static void see_get(struct align *a, ir_ref r, unsigned g)
{
	a->value[r] = a->now[g];
	if (!(a->held >> g & 1))
		a->holds[g] = r;
	else
		for (unsigned bits = 1; bits <= 2; bits++)
			a->value[r].of[bits - 1] = needs(a, a->holds[g], bits, DEPTH);
	a->held |= 1u << g;
}

/* Somebody else was there: a helper that writes globals, or whoever ran between a call and its coming back. */
static void see_others(struct align *a, const struct ir_insn *i)
{
	if (i->op == IR_call && !(a->o->u->guest->helpers[i->aux].flags & IR_HELPER_WRITES))
		return;
	a->held = 0;
	memset(a->now, 0xff, sizeof a->now);
}

static void see_global(struct align *a, ir_ref r)
{
	const struct ir_insn *i = &a->o->insns[r];
	unsigned g = i->aux;
	if (g >= TRACKED)
		return;
	if (i->op == IR_get) {
		see_get(a, r, g);
	} else if (i->op == IR_set) {
		a->holds[g] = i->a;
		a->held |= 1u << g;
	} else { /* stick */
		a->now[g] = (struct need){ { UNKNOWN, UNKNOWN } };
		a->held &= ~(1u << g);
	}
}

/* Ops that are looked at. Most insns are others. */
#define ACCESSES (IR_SET_OF(ld) | IR_SET_OF(st))
#define OTHERS (IR_SET_OF(call) | IR_SET_OF(enter))
#define GLOBALS (IR_SET_OF(get) | IR_SET_OF(set) | IR_SET_OF(stick))

static void see(struct align *a, ir_ref r)
{
	const struct ir_insn *i = &a->o->insns[r];
	if (GLOBALS >> i->op & 1)
		see_global(a, r);
	else if (ACCESSES >> i->op & 1)
		see_access(a, r);
	else if (OTHERS >> i->op & 1)
		see_others(a, i);
}

static void walk(struct align *a, ir_label l)
{
	const struct ir_block b = a->o->u->blocks[l];
	memcpy(a->now, a->in[l], sizeof a->now);
	memset(a->shown + b.first, 0, b.end - b.first);
	a->held = 0;
	for (ir_ref w = b.first / 64; w * 64 < b.end; w++)
		for (uint64_t left = ir_in_block(a->o->sets->rest, &b, w); left; left &= left - 1)
			see(a, w * 64 + (ir_ref)__builtin_ctzll(left));
}

/* Where the block that was walked ends, every global's need is in `now`. */
static void finish(struct align *a)
{
	for (uint32_t left = a->held; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctz(left);
		for (unsigned bits = 1; bits <= 2; bits++)
			a->now[g].of[bits - 1] = needs(a, a->holds[g], bits, DEPTH);
	}
}

/* One more way into l. True: something is needed there that was not before. */
static bool meet(struct align *a, ir_label l)
{
	struct need *in = a->in[l];
	uint32_t more = 0;
	for (unsigned g = 0; g < TRACKED; g++)
		for (unsigned k = 0; k < 2; k++) {
			more |= a->now[g].of[k] & ~in[g].of[k];
			in[g].of[k] |= a->now[g].of[k];
		}
	a->dirty[l] |= more != 0;
	return more;
}

/* Walks the blocks that have to be, in the order of the code. True: one before another has to be walked again. */
static bool pass(struct align *a)
{
	const struct ir_unit *u = a->o->u;
	bool again = false;
	for (uint32_t k = 0; k < u->n_order; k++) {
		ir_label l = u->order[k], to[2];
		if (!a->dirty[l])
			continue;
		a->dirty[l] = false;
		walk(a, l);
		unsigned n = opt_successors(opt_end(a->o, l), to);
		if (n)
			finish(a);
		for (unsigned s = 0; s < n; s++)
			again |= meet(a, to[s]) && a->place[to[s]] <= k;
	}
	return again;
}

/* ---- the unit ---- */

static void init(struct align *a)
{
	const struct ir_unit *u = a->o->u;
	a->value = arena_alloc(u->arena, u->n_insns * sizeof *a->value);
	a->shown = arena_alloc(u->arena, u->n_insns);
	a->in = arena_alloc(u->arena, u->n_blocks * sizeof *a->in);
	a->place = arena_alloc(u->arena, u->n_blocks * sizeof *a->place);
	a->dirty = arena_alloc(u->arena, u->n_blocks);
	memset(a->in, 0, u->n_blocks * sizeof *a->in);
	memset(a->dirty, true, u->n_blocks);
	for (uint32_t k = 0; k < u->n_order; k++)
		a->place[u->order[k]] = k;
	for (unsigned g = 0; g < TRACKED; g++)
		a->in[0][g] = (struct need){ { 1u << (TRACKED + g), 1u << g } };
}

/* Who is a multiple of 4 is one of 2, too. */
static uint32_t implied(uint32_t assumed)
{
	return assumed | assumed << TRACKED;
}

/* Blocks and branches between them; branch 2 * l + s is the s-th of block l. */
struct graph {
	bool *in_loop;
	uint32_t *n_in, *n_out; /* by label: from and to blocks that are still in it */
	uint32_t *first, *next; /* by label, by branch: those that lead to the block; IR_NONE = no more */
	ir_label *gone;         /* whose neighbours do not know yet */
	unsigned n_gone;
};

static void go(struct graph *x, ir_label l)
{
	if (x->in_loop[l])
		x->gone[x->n_gone++] = l;
	x->in_loop[l] = false;
}

static void find_ways_in(const struct align *a, struct graph *x)
{
	const struct ir_unit *u = a->o->u;
	memset(x->first, 0xff, u->n_blocks * sizeof *x->first); /* IR_NONE */
	for (ir_label l = 0; l < u->n_blocks; l++) {
		ir_label to[2];
		x->n_out[l] = opt_successors(opt_end(a->o, l), to);
		for (unsigned s = 0; s < x->n_out[l]; s++) {
			x->next[2 * l + s] = x->first[to[s]];
			x->first[to[s]] = 2 * l + s;
			x->n_in[to[s]]++;
		}
	}
}

/* The blocks of loops, and those between loops: what is left when blocks go that nobody else leads to, or that lead to nobody. */
static void find_loops(const struct align *a, bool *in_loop)
{
	const struct ir_unit *u = a->o->u;
	uint32_t n = u->n_blocks, *mem = arena_alloc(u->arena, 6 * n * sizeof *mem);
	struct graph x = {in_loop, mem, mem + n, mem + 2 * n, mem + 3 * n, mem + 5 * n, 0};
	memset(in_loop, true, n);
	memset(x.n_in, 0, n * sizeof *x.n_in);
	find_ways_in(a, &x);
	for (ir_label l = 0; l < n; l++)
		if (!x.n_in[l] || !x.n_out[l])
			go(&x, l);
	while (x.n_gone) {
		ir_label l = x.gone[--x.n_gone], to[2];
		for (unsigned s = opt_successors(opt_end(a->o, l), to); s-- > 0;)
			if (!--x.n_in[to[s]])
				go(&x, to[s]);
		for (uint32_t b = x.first[l]; b != IR_NONE; b = x.next[b])
			if (!--x.n_out[b / 2])
				go(&x, b / 2);
	}
}

/* Is access r one that is aligned when so much is assumed? */
static bool rests_on(const struct align *a, ir_ref r, uint32_t assumed)
{
	uint32_t need = a->value[r].of[0];
	return a->o->insns[r].aux & 3u && need != UNKNOWN && !(need & ~assumed);
}

/* What accesses in loops need, of what may be assumed. */
static uint32_t wanted(const struct align *a)
{
	const struct ir_unit *u = a->o->u;
	uint32_t all = 0;
	bool *in_loop = arena_alloc(u->arena, u->n_blocks);
	find_loops(a, in_loop);
	for (ir_label l = 0; l < u->n_blocks; l++) {
		const struct ir_block b = u->blocks[l];
		for (ir_ref r = b.first; in_loop[l] && r < b.end; r++)
			if (ACCESSES >> u->insns[r].op & 1 && rests_on(a, r, u->may_assume))
				all |= a->value[r].of[0];
	}
	return all;
}

static void assume(const struct align *a)
{
	struct ir_unit *u = a->o->u;
	uint32_t all = wanted(a);
	u->assumes = all & ~(all << TRACKED);
	for (ir_ref r = 0; all && r < u->n_insns; r++)
		if (ACCESSES >> u->insns[r].op & 1 && rests_on(a, r, implied(all)))
			u->insns[r].aux |= IR_MEMOP_ALIGNED;
}

void opt_align(struct opt *o)
{
	struct align a = { .o = o };
	if (!o->tested)
		return;
	init(&a);
	while (pass(&a))
		;
	if (o->u->may_assume)
		assume(&a);
}
