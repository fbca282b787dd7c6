/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Empties blocks that nothing reaches any more. Their markers stay, so that markers keep their
 * indices, and a `br` to itself ends them, so that they are nobody's predecessor.
 */
#include <string.h>

#include "ir/opt.h"

/* Marks in `seen` what can be reached from the entry; `stack` has room for every block. */
static void mark_reachable(const struct opt *o, uint8_t *seen, ir_label *stack)
{
	unsigned depth = 0;
	stack[depth++] = 0;
	seen[0] = 1;
	while (depth) {
		ir_label to[2];
		const struct ir_insn *end = opt_end(o, stack[--depth]);
		unsigned n = opt_successors(end, to);
		if (opt_landing(end) != IR_NONE)
			to[n++] = opt_landing(end);
		for (unsigned k = 0; k < n; k++)
			if (!seen[to[k]]) {
				seen[to[k]] = 1;
				stack[depth++] = to[k];
			}
	}
}

static void empty_block(struct opt *o, ir_label l)
{
	const struct ir_block *b = &o->u->blocks[l];
	for (ir_ref r = b->first; r < b->end; r++)
		if (ir_ops[o->insns[r].op].shape != IR_SHAPE_MARK)
			o->insns[r].op = IR_nop;
	*opt_end(o, l) = (struct ir_insn){ .op = IR_br, .a = IR_NONE, .b = l, .c = IR_NONE };
}

void opt_unreachable(struct opt *o)
{
	struct ir_unit *u = o->u;
	uint8_t *seen = arena_alloc(u->arena, u->n_blocks);
	ir_label *stack = arena_alloc(u->arena, u->n_blocks * sizeof *stack);
	memset(seen, 0, u->n_blocks);
	mark_reachable(o, seen, stack);
	for (ir_label l = 0; l < u->n_blocks; l++)
		if (!seen[l])
			empty_block(o, l);
}
