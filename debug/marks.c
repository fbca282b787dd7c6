/* SPDX-License-Identifier: Apache-2.0 */
/* For dumps: each step looks through all of them. */
#include "debug/marks.h"

static uint32_t pc_of(const struct ir_unit *u, uint32_t mark)
{
	for (uint32_t i = 0; i < u->n_insns; i++)
		if (u->insns[i].op == IR_insn && u->insns[i].aux == mark)
			return (uint32_t)u->insns[i].imm & ~1u;
	return 0;
}

static bool is_behind(const struct mark_cursor *c, uint32_t k)
{
	uint32_t at = c->tb->host->mark[k];
	return !c->began || at > c->offset || (at == c->offset && k > c->mark);
}

bool marks_next(struct mark_cursor *c)
{
	const struct x64_code *host = c->tb->host;
	uint32_t best = host->n_marks;
	for (uint32_t k = 0; k < host->n_marks; k++)
		if (is_behind(c, k) && (best == host->n_marks || host->mark[k] < host->mark[best]))
			best = k;
	if (best == host->n_marks)
		return false;
	*c = (struct mark_cursor){ .tb = c->tb, .began = true, .mark = best, .offset = host->mark[best], .pc = pc_of(c->tb->unit, best) };
	return true;
}
