/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in and out of a unit, and between its blocks.
 *
 *   prologue                                       exit_ind (key in k, scratch a and b)
 *   cross_entry:                                     lea   a, [k * 8]
 *     cmp  dword [rbp + tag], cross_tag              mov   b, k
 *     jne  tag_out          (only with a tag)        shr   b, bits - 3
 *   entry:                                           xor   a, b
 *     sub  dword [rbp + budget], n_insns             and   a, mask << 4
 *     js   budget_out                                cmp   [rbp + a + jump_cache], k
 *     add  qword [rbp + counter], 1  (if counted)    jne   miss
 *   exit_jump                                        mov   b, [rbp + tb_flags]
 *     jmp  stub             (patched)                cmp   [rbp + a + jump_cache + 4], b
 *   stub:                                            jne   miss
 *     mov  dword [rbp + pc], key                     jmp   [rbp + a + jump_cache + 8]
 *     mov  rax, cookie | slot                      miss:
 *     jmp  thunk_exit                                mov   eax, k
 *                                                    jmp   thunk_lookup
 *   exit_loop
 *     mov  eax, key                                brc
 *     jmp  thunk_lookup                              [flags]; jcc block; jmp other
 *
 *   budget_out:                                    tag_out:
 *     add  dword [rbp + budget], n_insns             mov  dword [rbp + pc], key
 *     mov  dword [rbp + pc], key                     mov  eax, X64_EXIT_LOOKUP
 *     mov  rax, cookie | X64_EXIT_BUDGET             jmp  thunk_exit
 *     jmp  thunk_exit
 *
 * A block that is nothing but an exit_jump is emitted as the jump at its only predecessor, so that
 * a guest's conditional branch is one patched jcc and one patched jmp. A patched rel32 does not
 * cross a cache line: its store is atomic.
 */
#include "backend-x86_64/gen.h"

#define CACHE_LINE 64u

/* ---- jumps -------------------------------------------------------------------------------------- */

static void jump_to_thunk(struct gen *g, uint64_t thunk)
{
	emit_link(emit_jmp(&g->e), rw_of(g, thunk));
}

static void jump_to_block(struct gen *g, uint8_t *rel32, ir_label l)
{
	if (g->label[l])
		emit_link(rel32, g->label[l]);
	else
		g->fixup[g->n_fixups++] = (struct fixup){rel32, l};
}

void gen_block_begin(struct gen *g, ir_label l)
{
	g->label[l] = g->e.cur;
	ra_begin_block(g);
}

/* The exit_jump that is all of block l, when it is not placed yet and no other block leads there. */
static const struct ir_insn *simple_exit(const struct gen *g, ir_label l)
{
	const struct ir_block *b = &g->u->blocks[l];
	const struct ir_insn *last = insn_of(g, b->end - 1);
	if (g->preds[l] != 1 || last->op != IR_exit_jump || g->label[l])
		return NULL;
	for (ir_ref v = b->first; v < b->end - 1; v++)
		if (insn_of(g, v)->op != IR_nop)
			return NULL;
	return last;
}

static struct stub *new_stub(struct gen *g, enum stub_kind kind)
{
	struct stub *s = &g->stub[g->n_stubs++];
	*s = (struct stub){.kind = kind};
	return s;
}

/* cc < 0: always. */
static void exit_jump(struct gen *g, const struct ir_insn *i, int cc)
{
	unsigned opcode = cc < 0 ? 1 : 2;
	unsigned at = (unsigned)((uintptr_t)g->e.cur + opcode) % CACHE_LINE;
	if (at > CACHE_LINE - 4)
		emit_nop(&g->e, CACHE_LINE - at);
	struct stub *s = new_stub(g, STUB_EXIT);
	s->from[0] = cc < 0 ? emit_jmp(&g->e) : emit_jcc(&g->e, (enum x64_cc)cc);
	s->slot = (uint8_t)(i->aux & 0xff);
	s->pc_key = (uint32_t)i->imm;
}

/* Goes on at block l, which may just come next. */
static void go_to(struct gen *g, ir_label l)
{
	const struct ir_unit *u = g->u;
	uint32_t next = g->block_index + 1;
	while (next < u->n_order && g->folded[u->order[next]])
		next++;
	if (next < u->n_order && u->order[next] == l)
		return;
	const struct ir_insn *exit = simple_exit(g, l);
	if (exit) {
		exit_jump(g, exit, -1);
		g->folded[l] = true;
	} else {
		jump_to_block(g, emit_jmp(&g->e), l);
	}
}

void lower_br(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	go_to(g, i->b);
}

void lower_brc(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	if (is_const(g, i->a)) {
		go_to(g, insn_of(g, i->a)->imm ? i->b : i->c);
		return;
	}
	enum x64_cc cc = flags_truth(g, i->a);
	const struct ir_insn *then_exit = simple_exit(g, i->b), *else_exit = simple_exit(g, i->c);
	bool then_next = g->block_index + 1 < g->u->n_order && g->u->order[g->block_index + 1] == i->b;
	if (then_exit) {
		exit_jump(g, then_exit, (int)cc);
		g->folded[i->b] = true;
		go_to(g, i->c);
	} else if (else_exit) {
		exit_jump(g, else_exit, (int)cc ^ 1);
		g->folded[i->c] = true;
		go_to(g, i->b);
	} else if (then_next) {
		jump_to_block(g, emit_jcc(&g->e, cc ^ 1), i->c);
	} else {
		jump_to_block(g, emit_jcc(&g->e, cc), i->b);
		go_to(g, i->c);
	}
}

/* ---- exits -------------------------------------------------------------------------------------- */

void lower_exit_jump(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	exit_jump(g, i, -1);
}

void lower_exit_ind(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	const struct x64_layout *l = &g->t->layout;
	uint32_t mask = (1u << l->jump_cache_bits) - 1;
	(void)v;
	int k = ra_use(g, i->a), a = ra_alloc(g), b = ra_alloc(g);
	struct stub *s = new_stub(g, STUB_IND_MISS);
	s->reg = (int8_t)k;
	emit_lea(&g->e, false, a, x64_mem_index(-1, k, 3, 0));
	emit_mov_rr(&g->e, false, b, k);
	emit_shift_ri(&g->e, false, SH_SHR, b, l->jump_cache_bits - 3);
	emit_alu_rr(&g->e, false, ALU_XOR, a, b);
	emit_alu_ri(&g->e, false, ALU_AND, a, (int32_t)(mask << 4));
	emit_alu_mr(&g->e, false, ALU_CMP, x64_mem_index(RBP, a, 0, l->jump_cache), k);
	s->from[0] = emit_jcc(&g->e, CC_NE);
	emit_mov_rm(&g->e, false, b, x64_mem(RBP, l->tb_flags));
	emit_alu_mr(&g->e, false, ALU_CMP, x64_mem_index(RBP, a, 0, l->jump_cache + 4), b);
	s->from[1] = emit_jcc(&g->e, CC_NE);
	emit_jmp_m(&g->e, x64_mem_index(RBP, a, 0, l->jump_cache + 8));
}

void lower_exit_loop(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	struct opnd key = ra_operand(g, i->a);
	gen_move(g, false, RAX, &key);
	jump_to_thunk(g, g->t->thunk_lookup);
}

/* ---- prologue and stubs ------------------------------------------------------------------------- */

static int32_t tag_disp(const struct gen *g)
{
	const struct x64_layout *l = &g->t->layout;
	int64_t pages = INT64_C(1) << (32 - l->page_bits), page = (uint32_t)g->u->pc_key >> l->page_bits;
	return (int32_t)(l->exec_tag + 4 * (pages * g->args->space + page));
}

void gen_prologue(struct gen *g)
{
	g->code->cross_entry = here(g);
	g->tag_out = NULL;
	if (g->args->cross_tag) {
		emit_alu_mi(&g->e, false, ALU_CMP, x64_mem(RBP, tag_disp(g)), (int32_t)g->args->cross_tag);
		g->tag_out = emit_jcc(&g->e, CC_NE);
	}
	g->code->entry = here(g);
	emit_alu_mi(&g->e, false, ALU_SUB, x64_mem(RBP, g->t->layout.budget), (int32_t)g->args->n_insns);
	g->budget_out = emit_jcc(&g->e, CC_S);
	if (g->args->counter)
		emit_alu_mi(&g->e, true, ALU_ADD, x64_mem(RBP, g->args->counter), 1);
}

static void leave(struct gen *g, uint32_t pc_key, uint64_t result)
{
	emit_store_imm(&g->e, 4, global_mem(g->t, g->t->guest->pc_global), (int32_t)pc_key);
	emit_mov_ri(&g->e, RAX, result);
	jump_to_thunk(g, g->t->thunk_exit);
}

static void exit_stub(struct gen *g, const struct stub *s)
{
	g->code->slot[s->slot].jump = (uint32_t)(s->from[0] - g->start);
	g->code->slot[s->slot].stub = here(g);
	emit_link(s->from[0], g->e.cur);
	leave(g, s->pc_key, g->args->cookie | s->slot);
}

static void miss_stub(struct gen *g, const struct stub *s)
{
	emit_link(s->from[0], g->e.cur);
	emit_link(s->from[1], g->e.cur);
	if (s->reg != RAX)
		emit_mov_rr(&g->e, false, RAX, s->reg);
	jump_to_thunk(g, g->t->thunk_lookup);
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
		}
	}
	emit_link(g->budget_out, g->e.cur);
	emit_alu_mi(&g->e, false, ALU_ADD, x64_mem(RBP, g->t->layout.budget), (int32_t)g->args->n_insns);
	leave(g, (uint32_t)g->u->pc_key, g->args->cookie | X64_EXIT_BUDGET);
	if (g->tag_out) {
		emit_link(g->tag_out, g->e.cur);
		leave(g, (uint32_t)g->u->pc_key, X64_EXIT_LOOKUP);
	}
	for (uint32_t k = 0; k < g->n_fixups && !g->e.full; k++)
		emit_link(g->fixup[k].rel32, g->label[g->fixup[k].block]);
}
