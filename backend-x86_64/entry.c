/* SPDX-License-Identifier: Apache-2.0 */
/* The ways into a unit: by its entries, and where a call comes back to. The listings are in control.c. */
#include "backend-x86_64/gen.h"

static int32_t tag_disp(const struct gen *g, uint32_t pc_key)
{
	const struct x64_layout *l = &g->t->layout;
	int64_t pages = INT64_C(1) << (32 - l->page_bits), page = pc_key >> l->page_bits;
	return (int32_t)(l->exec_tag + 4 * (pages * g->args->space + page));
}

/* Jumps when the page is mapped to another than `tag` says. */
static uint8_t *compare_tag(struct gen *g, uint32_t pc_key, uint32_t tag)
{
	emit_alu_mi(&g->e, false, ALU_CMP, x64_mem(RBP, tag_disp(g, pc_key)), (int32_t)tag);
	return emit_jcc(&g->e, CC_NE);
}

/*
 * Goes on elsewhere unless the low bits of these globals are 0.
 *   mov   eax, global;  or eax, another ...        (one alone, at home: no mov)
 *   test  al, bits
 *   jnz   instead
 */
static void test_globals(struct gen *g, uint32_t globals, uint8_t bits)
{
	int reg = g->t->home[__builtin_ctz(globals)];
	if (reg < 0 || globals & (globals - 1)) {
		reg = RAX;
		for (uint32_t left = globals; left; left &= left - 1) {
			unsigned global = (unsigned)__builtin_ctz(left);
			int home = g->t->home[global];
			bool first = left == globals;
			if (home >= 0 && first)
				emit_mov_rr(&g->e, false, RAX, home);
			else if (home >= 0)
				emit_alu_rr(&g->e, false, ALU_OR, RAX, home);
			else if (first)
				emit_mov_rm(&g->e, false, RAX, global_mem(g->t, global));
			else
				emit_alu_rm(&g->e, false, ALU_OR, RAX, global_mem(g->t, global));
		}
	}
	emit_test8_ri(&g->e, reg, bits);
	emit_link(emit_jcc(&g->e, CC_NE), rw_of(g, g->args->instead));
}

uint8_t *gen_look_at_guard(struct gen *g, uint8_t mask)
{
	emit_test8_mi(&g->e, x64_mem(RBP, g->args->guard.byte), mask);
	return emit_jcc(&g->e, CC_NE);
}

void gen_prologue(struct gen *g)
{
	const uint32_t words = g->u->assumes & ((1u << IR_ASSUMED_GLOBALS) - 1), halves = g->u->assumes >> IR_ASSUMED_GLOBALS;
	const struct x64_compile_args *args = g->args;
	g->code->cross_entry = here(g);
	g->tag_out = args->cross_tag ? compare_tag(g, (uint32_t)g->u->pc_key, args->cross_tag) : NULL;
	g->code->guarded_entry = here(g);
	g->guarded = args->guard.mask ? gen_look_at_guard(g, args->guard.mask) : NULL;
	g->code->entry = here(g);
	for (unsigned k = 0; k < args->n_other_pages; k++)
		emit_link(compare_tag(g, args->other_page[k].pc_key, args->other_page[k].tag), rw_of(g, args->instead));
	if (words)
		test_globals(g, words, 3);
	if (halves)
		test_globals(g, halves, 1);
	gen_add_to_budget(g, ALU_SUB, g->args->n_insns);
	g->budget_out = emit_jcc(&g->e, CC_L);
	if (g->args->counter)
		emit_alu_mi(&g->e, true, ALU_ADD, x64_mem(RBP, g->args->counter), 1);
	gen_homes_in(g);
}

static void compare_tags(struct gen *g, uint32_t pc_key)
{
	const struct x64_compile_args *args = g->args;
	struct stub *s = gen_new_stub(g, STUB_LOOKUP);
	assert(args->n_other_pages < ARRAY_LEN(s->from));
	s->pc_key = pc_key;
	s->from[0] = compare_tag(g, (uint32_t)g->u->pc_key, args->cross_tag);
	for (unsigned k = 0; k < args->n_other_pages; k++)
		s->from[k + 1] = compare_tag(g, args->other_page[k].pc_key, args->other_page[k].tag);
}

/* A call comes back: the pages may be others by now. The guard is any of its bits. */
void lower_enter(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	if (g->args->cross_tag)
		compare_tags(g, (uint32_t)i->imm);
	if (i->aux && g->args->guard.all) {
		struct stub *s = gen_new_stub(g, STUB_GUARD);
		s->from[0] = gen_look_at_guard(g, g->args->guard.all);
		s->landing = g->e.cur;
	}
	gen_homes_in(g);
}
