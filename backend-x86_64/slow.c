/* SPDX-License-Identifier: Apache-2.0 */
/* The out-of-line parts of loads and stores; memory.c has their listing and says when they are reached. */
#include "backend-x86_64/gen.h"

static void store_arg(struct gen *g, unsigned size, int offset, const struct opnd *o, bool sign)
{
	struct x64_mem m = frame_mem(offset);
	if (o->kind == OPND_REG) {
		emit_store(&g->e, size, m, o->reg);
	} else if (size == 8 && o->imm < 0 && !sign) {
		emit_store_imm(&g->e, 4, m, o->imm);
		emit_store_imm(&g->e, 4, frame_mem(offset + 4), 0);
	} else {
		emit_store_imm(&g->e, size, m, o->imm);
	}
}

/* What the slow path is told beside address and value, x64_layout.load_slow. */
static int32_t how(const struct gen *g, const struct slow_path *s)
{
	uint32_t n = g->args->n_insns, left = g->args->left ? g->args->left[s->mark] : n > s->mark ? n - s->mark : 0;
	bool several = (s > g->slow && s[-1].mark == s->mark) || (s + 1 < g->slow + g->n_slow && s[1].mark == s->mark);
	uint32_t memop = s->memop & ~(s->aligned ? IR_MEMOP_ALIGNED | IR_MEMOP_LEAVES : 0u);
	return (int32_t)(MIN(left, INT16_MAX) << 16 | memop | (several ? X64_HOW_SEVERAL : 0));
}

static void store_address(struct gen *g, const struct slow_path *s)
{
	store_arg(g, 4, FRAME_ARG, &s->addr, false);
	if (s->disp)
		emit_alu_mi(&g->e, false, ALU_ADD, frame_mem(FRAME_ARG), s->disp);
}

static void access_host(struct gen *g, const struct slow_path *s, struct x64_mem host)
{
	if (!s->is_store)
		gen_load_plain(g, s->memop, s->wide, s->value.reg, host);
	else if (s->value.kind == OPND_IMM)
		emit_store_imm(&g->e, ir_memop_size(s->memop), host, s->value.imm);
	else
		emit_store(&g->e, ir_memop_size(s->memop), host, s->value.reg);
}

/* The run's pointer t is 0: the first access was odd, or the run crosses into another page. This access by itself, with t as
 * the only register that is free.
 *
 *   lea  t, [base + disp]
 *   mov  [arg 0], t
 *   test t, size - 1               (when not known to be aligned)
 *   jnz  slow
 *   shr  t, 12
 *   mov  t, [rbp + t * 8 + table]
 *   test t, t
 *   jz   slow
 *   add  t, [arg 0]
 *   mov  dst, [t]   or   mov [t], value
 *   xor  t, t
 *   jmp  back
 *   slow:
 */
static void probe_alone(struct gen *g, const struct slow_path *s, int t)
{
	uint8_t *odd = NULL, *miss;
	emit_lea(&g->e, false, t, x64_mem(s->addr.reg, s->disp));
	emit_store(&g->e, 8, frame_mem(FRAME_ARG), t);
	if (!s->aligned) {
		emit_test8_ri(&g->e, t, (uint8_t)(ir_memop_size(s->memop) - 1));
		odd = emit_jcc(&g->e, CC_NE);
	}
	emit_shift_ri(&g->e, false, SH_SHR, t, g->t->layout.page_bits);
	emit_mov_rm(&g->e, true, t, x64_mem_index(RBP, t, 3, gen_table(g, s->memop, s->is_store)));
	emit_test_rr(&g->e, true, t, t);
	miss = emit_jcc(&g->e, CC_E);
	emit_alu_rm(&g->e, true, ALU_ADD, t, frame_mem(FRAME_ARG));
	access_host(g, s, x64_mem(t, 0));
	emit_alu_rr(&g->e, false, ALU_XOR, t, t);
	emit_link(emit_jmp(&g->e), s->back);
	if (odd)
		emit_link(odd, g->e.cur);
	emit_link(miss, g->e.cur);
}

static void slow_path(struct gen *g, const struct slow_path *s)
{
	uint32_t stub = here(g);
	for (unsigned k = 0; k < ARRAY_LEN(s->from); k++)
		if (s->from[k])
			emit_link(s->from[k], g->e.cur);
	if (s->follows)
		probe_alone(g, s, s->follow_reg);
	else
		store_address(g, s);
	if (s->is_store)
		store_arg(g, 8, FRAME_ARG + 8, &s->value, s->wide);
	emit_store_imm(&g->e, 4, frame_mem(FRAME_ARG + 16), how(g, s));
	gen_homes_out(g);
	emit_link(emit_call(&g->e), rw_of(g, s->is_store ? g->t->thunk_store : g->t->thunk_load));
	gen_add_site(g, s->mark);
	struct x64_site *site = &g->code->site[g->code->n_sites - 1];
	site->access = s->access;
	site->stub = stub;
	site->notes = s->notes;
	gen_homes_back(g);
	if (!s->is_store)
		emit_mov_rm(&g->e, s->wide, s->value.reg, frame_mem(FRAME_ARG));
	if (s->run_reg >= 0)
		emit_alu_rr(&g->e, false, ALU_XOR, s->run_reg, s->run_reg);
	emit_link(emit_jmp(&g->e), s->back);
}

void gen_slow_paths(struct gen *g)
{
	for (uint32_t k = 0; k < g->n_slow && !g->e.full; k++)
		slow_path(g, &g->slow[k]);
}
