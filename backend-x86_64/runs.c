/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: loads, or stores, that follow one another off one base, as a push, an LDM or the fields of a structure make them. Where
 * accesses go by the TLB (memory.c), the first one of a run looks its page up for all of them.
 *
 * A run is of one block, all loads or all stores of one address space, without another access or a helper call between,
 * so that nothing can change the TLB while its members take the short way. Its members' addresses
 * are the first one's plus a constant. The first one's size is the largest and divides its distance from the lowest.
 */
#include "backend-x86_64/gen.h"

#define RUN_MIN 2u
#define RUN_MAX_SPAN 1024 /* bytes; a longer one is a fourth of a page, and too often crosses into the next */

struct finder {
	struct gen *g;
	struct run run;
	ir_ref root;
	unsigned n; /* accesses so far */
	unsigned kind, size;
};

static void close_run(struct finder *f)
{
	if (f->n >= RUN_MIN)
		f->g->run[f->g->n_runs++] = f->run;
	f->n = 0;
}

int32_t run_offset(const struct gen *g, ir_ref address, unsigned size, ir_ref *root)
{
	int32_t offset = 0;
	*root = address;
	(void)window_address(g, address, size, root, &offset);
	return offset;
}

/* Does an access of `size` bytes at `offset` go on with the run? */
static bool extend(struct finder *f, ir_ref v, int32_t offset, unsigned size)
{
	int32_t from_lead = offset - f->run.lead;
	int32_t lo = MIN(f->run.lo, offset), end = MAX(f->run.end, offset + (int32_t)size);
	if (size > f->size || from_lead & (int32_t)(size - 1) || end - lo > RUN_MAX_SPAN || (f->run.lead - lo) & (int32_t)(f->size - 1))
		return false;
	f->run.lo = lo;
	f->run.end = end;
	f->run.last = v;
	f->n++;
	return true;
}

static void see_access(struct finder *f, ir_ref v, const struct ir_insn *i)
{
	unsigned size = ir_memop_size(i->aux), kind = i->op | ir_memop_space(i->aux) << 8;
	if (in_window(f->g, i->aux) || ir_memop_be(i->aux) || is_const(f->g, i->a)) {
		close_run(f);
		return;
	}
	ir_ref root;
	int32_t offset = run_offset(f->g, i->a, size, &root);
	if (f->n && kind == f->kind && root == f->root && extend(f, v, offset, size))
		return;
	close_run(f);
	f->run = (struct run){.first = v, .last = v, .lead = offset, .lo = offset, .end = offset + (int32_t)size};
	f->root = root;
	f->kind = kind;
	f->size = size;
	f->n = 1;
}

static inline void see(struct finder *f, ir_ref v)
{
	const struct ir_insn *i = insn_of(f->g, v);
	if (i->op == IR_call)
		close_run(f);
	else if (i->op != IR_nop)
		see_access(f, v, i);
}

void gen_find_runs(struct gen *g)
{
	struct finder f = {.g = g};
	g->n_runs = 0;
	for (uint32_t k = 0; k < g->u->n_order; k++) {
		const struct ir_block *b = &g->u->blocks[g->u->order[k]];
		for (ir_ref w = b->first / 64; w * 64 < b->end; w++)
			for (uint64_t left = ir_in_block(g->sets->accesses, b, w); left; left &= left - 1)
				see(&f, w * 64 + (ir_ref)__builtin_ctzll(left));
		close_run(&f);
	}
}
