/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of C helpers.
 *
 *     mov   [arg k], arg k               each
 *     mov   [slot], scratch              values that live on
 *     mov   rax, helper
 *     call  thunk_call                   thunk_call_pure for helpers that see no global
 *   site:
 *     mov   dst, eax                     (or rax)
 *
 * Helpers that never return are jumped to, for a call that does not come back costs the host's return
 * predictor its step:
 *     mov   rax, helper
 *     lea   rcx, [rip + site]
 *     jmp   thunk_raise
 *   site:
 *
 * thunk_call keeps the homes by way of env, so that the helper sees and may change the globals,
 * and leaves the unit when the fault flag is set.
 */
#include "backend-x86_64/gen.h"

static void pass_args(struct gen *g, const struct ir_insn *i)
{
	unsigned n;
	const ir_ref *args = ir_call_args(g->u, i, &n);
	for (unsigned k = 0; k < n; k++) {
		struct opnd o = ra_operand(g, args[k]);
		struct x64_mem m = frame_mem(FRAME_ARG + 8 * (int)k);
		if (o.kind == OPND_MEM)
			o = (struct opnd){.kind = OPND_REG, .reg = ra_use(g, args[k])};
		if (o.kind == OPND_IMM)
			emit_store_imm(&g->e, 8, m, o.imm);
		else
			emit_store(&g->e, 8, m, o.reg);
		g->locked = 0;
	}
}

static void take_result(struct gen *g, ir_ref v, enum ir_type type)
{
	if (type == IR_VOID || (!g->val[v].last_use && !is_noted(g, v)))
		return;
	g->locked |= 1u << RAX;
	int dst = ra_def(g, v, RAX);
	/* A C function leaves the upper half of a 32-bit result undefined. */
	if (type == IR_I32 || dst != RAX)
		emit_mov_rr(&g->e, type == IR_I64, dst, RAX);
	ra_bind(g, v, dst);
}

static void raise(struct gen *g)
{
	uint8_t *site = emit_lea_rip(&g->e, RCX);
	emit_link(emit_jmp(&g->e), rw_of(g, g->t->thunk_raise));
	emit_link(site, g->e.cur);
	gen_add_site(g, g->mark);
	g->unreachable = true;
}

void lower_call(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	const struct ir_helper *h = &g->u->guest->helpers[i->aux];
	bool pure = h->flags & IR_HELPER_PURE;
	pass_args(g, i);
	flags_clobber(g);
	ra_release(g);
	if (h->flags & IR_HELPER_WRITES)
		ra_detach_all(g);
	ra_spill_all(g);
	gen_homes_out(g);
	emit_mov_ri(&g->e, RAX, (uint64_t)(uintptr_t)h->fn);
	if (h->flags & IR_HELPER_NORETURN) {
		raise(g);
		return;
	}
	emit_link(emit_call(&g->e), rw_of(g, pure ? g->t->thunk_call_pure : g->t->thunk_call));
	gen_add_site(g, g->mark);
	gen_homes_in(g);
	take_result(g, v, (enum ir_type)h->ret);
}
