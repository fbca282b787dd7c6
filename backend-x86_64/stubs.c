/* SPDX-License-Identifier: Apache-2.0 */
/* What lies out of line: exits that are not linked, misses, what is rare and comes back. The listings are in control.c. */
#include "backend-x86_64/gen.h"

struct stub *gen_new_stub(struct gen *g, enum stub_kind kind)
{
	assert(g->n_stubs < g->n_exits);
	struct stub *s = &g->stub[g->n_stubs++];
	*s = (struct stub){.kind = kind, .inside = IR_NONE};
	return s;
}

void gen_jump_to_thunk(struct gen *g, uint64_t thunk)
{
	emit_link(emit_jmp(&g->e), rw_of(g, thunk));
}

void gen_add_to_budget(struct gen *g, enum x64_alu op, uint32_t n)
{
	emit_alu_ri(&g->e, false, op, X64_BUDGET_REG, (int32_t)n);
}

static void guarded_out(struct gen *g, uint8_t *from, const uint8_t *back)
{
	emit_link(from, g->e.cur);
	emit_mov_ri(&g->e, RAX, g->args->guard.fn);
	emit_link(emit_call(&g->e), rw_of(g, g->t->thunk_call_pure));
	emit_link(emit_jmp(&g->e), back);
}

static void leave(struct gen *g, uint32_t pc_key, uint64_t result)
{
	emit_store_imm(&g->e, 4, global_mem(g->t, g->t->guest->pc_global), (int32_t)pc_key);
	emit_mov_ri(&g->e, RAX, result);
	gen_jump_to_thunk(g, g->t->thunk_exit);
}

/* Homes go back where they are not in others' way; returns the rel32 of the jump to be patched. */
static uint8_t *exit_through(struct gen *g, uint8_t *from)
{
	emit_link(from, g->e.cur);
	gen_homes_out(g);
	gen_align_rel32s(g, 1, 1, false);
	return emit_jmp(&g->e);
}

static void exit_stub(struct gen *g, const struct stub *s)
{
	enum x64_exit why = s->slot >= g->args->first_landing ? X64_EXIT_RETURN : X64_EXIT_JUMP;
	assert(s->slot < g->args->n_slots);
	uint32_t inside = s->inside != IR_NONE ? (uint32_t)(g->label[s->inside] - g->start) : 0;
	uint8_t *patched = s->through ? exit_through(g, s->through) : s->from[0];
	g->code->slot[s->slot] = (struct x64_slot){(uint32_t)(patched - g->start), here(g), inside};
	emit_link(patched, g->e.cur);
	leave(g, s->pc_key, (g->args->exit_cookie + (uint64_t)s->slot * g->args->exit_size) | why);
}

static void miss_stub(struct gen *g, const struct stub *s)
{
	emit_link(s->from[0], g->e.cur);
	emit_link(s->from[1], g->e.cur);
	if (s->reg != RAX)
		emit_mov_rr(&g->e, false, RAX, s->reg);
	if (!s->landing) {
		gen_jump_to_thunk(g, g->t->thunk_lookup);
		return;
	}
	emit_link(emit_call(&g->e), rw_of(g, g->t->thunk_lookup));
	emit_link(emit_jmp(&g->e), s->landing);
}

static void lookup_stub(struct gen *g, const struct stub *s)
{
	for (unsigned k = 0; k < ARRAY_LEN(s->from) && s->from[k]; k++)
		emit_link(s->from[k], g->e.cur);
	leave(g, s->pc_key, X64_EXIT_LOOKUP);
}

static void stick_stub(struct gen *g, const struct stub *s)
{
	emit_link(s->from[0], g->e.cur);
	emit_store_imm(&g->e, 1, global_mem(g->t, s->global), 1);
	emit_link(emit_jmp(&g->e), s->landing);
}

void lower_exit_budget(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	gen_add_to_budget(g, ALU_ADD, i->aux);
	gen_homes_out(g);
	leave(g, (uint32_t)i->imm, g->args->cookie | X64_EXIT_BUDGET);
}

void gen_stubs(struct gen *g)
{
	for (uint32_t k = 0; k < g->n_stubs && !g->e.full; k++) {
		switch (g->stub[k].kind) {
		case STUB_EXIT:
			exit_stub(g, &g->stub[k]);
			break;
		case STUB_IND_MISS:
			miss_stub(g, &g->stub[k]);
			break;
		case STUB_STICK:
			stick_stub(g, &g->stub[k]);
			break;
		case STUB_LOOKUP:
			lookup_stub(g, &g->stub[k]);
			break;
		case STUB_GUARD:
			guarded_out(g, g->stub[k].from[0], g->stub[k].landing);
			break;
		}
	}
	emit_link(g->budget_out, g->e.cur);
	gen_add_to_budget(g, ALU_ADD, g->args->n_insns);
	leave(g, (uint32_t)g->u->pc_key, g->args->cookie | X64_EXIT_BUDGET);
	if (g->guarded)
		guarded_out(g, g->guarded, g->start + g->code->entry);
	if (g->tag_out) {
		emit_link(g->tag_out, g->e.cur);
		leave(g, (uint32_t)g->u->pc_key, X64_EXIT_LOOKUP);
	}
	for (uint32_t k = 0; k < g->n_fixups && !g->e.full; k++)
		emit_link(g->fixup[k].rel32, g->label[g->fixup[k].block]);
}
