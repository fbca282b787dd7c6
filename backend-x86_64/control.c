/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways out of a unit, and between its blocks; with those in (entry.c) and what lies out of line (stubs.c) they are
 *
 *   prologue                                       exit_ind (key in k, scratch a and b)
 *   cross_entry:                                     lea   a, [k * 8]
 *     cmp  dword [rbp + tag], cross_tag              and   a, mask << 4
 *     jne  tag_out          (only with a tag)        cmp   [rbp + a + jump_cache], k
 *   guarded_entry:                                   jne   miss
 *     test byte [rbp + guard], mask                  mov   b, [rbp + tb_flags]
 *     jne  guarded          (only with a mask)       cmp   [rbp + a + jump_cache + 4], b
 *   entry:                                           jne   miss
 *     (each other page:                              jmp   [rbp + a + jump_cache + 8]
 *     cmp  dword [rbp + its tag], tag              miss:
 *     jne  instead)                                  mov   eax, k
 *     (what the unit assumes: test_globals)          jmp   thunk_lookup
 *     sub  budget, n_insns
 *     jl   budget_out
 *     add  qword [rbp + counter], 1  (if counted)
 *   guarded:
 *     mov  rax, guard's function
 *     call thunk_call_pure
 *     jmp  entry
 *
 *   exit_jump
 *     jmp  stub             (patched)
 *   stub:
 *     mov  dword [rbp + pc], key
 *     mov  rax, slot's cookie | X64_EXIT_JUMP
 *     jmp  thunk_exit                              brc
 *                                                    [flags]; jcc block; jmp other
 *   exit_loop
 *     mov  eax, key
 *     jmp  thunk_lookup
 *
 *   exit_budget                                    charge
 *     add  budget, n                                 sub  budget, n
 *     mov  dword [rbp + pc], key                     jge  block
 *     mov  rax, cookie | X64_EXIT_BUDGET             jmp  out
 *     jmp  thunk_exit
 *
 *   budget_out:                                    tag_out:
 *     add  budget, n_insns                           mov  dword [rbp + pc], key
 *     mov  dword [rbp + pc], key                     mov  eax, X64_EXIT_LOOKUP
 *     mov  rax, cookie | X64_EXIT_BUDGET             jmp  thunk_exit
 *     jmp  thunk_exit
 *
 *   exit_jump, a call                              exit_ind, a call
 *     call stub             (patched)                [as above up to]
 *   landing:                                         call  [rbp + a + jump_cache + 8]
 *     cmp  eax, return key  (imm32 form)           landing:
 *     je   landing_stub     (patched)                [as for exit_jump]
 *     jmp  thunk_return_miss                       miss:
 *                                                    mov   eax, k
 *   exit_ind, a return                               call  thunk_lookup
 *     mov  eax, k                                    jmp   landing
 *     ret
 *                                                    lookup_out:
 *   enter (each page, only with a tag)                 mov  dword [rbp + pc], key
 *     cmp  dword [rbp + its tag], tag                  mov  eax, X64_EXIT_LOOKUP
 *     jne  lookup_out                                  jmp  thunk_exit
 *
 * Calls push their landing on the return stack (x64.h), returns pop one. A landing whose call comes back into the unit may be linked to the block that
 * starts with the `enter` (x64_slot.inside); where that comes next it is
 *     cmp  eax, return key
 *     jne  thunk_return_miss
 *     jmp  landing_stub     (patched, or a nop when it is linked to what follows)
 * thunk_return_miss reads the imm32 of other landings, one byte in.
 *
 * Where the unit has homes of its own (homes.c) each way out puts the target's back first. A conditional exit is then a jcc to a stub that
 * does and has the jump to be patched.
 *
 * A block that is nothing but an exit_jump is emitted as the jump at its only predecessor, so that
 * a guest's conditional branch is one patched jcc and one patched jmp. A patched rel32 does not
 * cross a cache line: its store is atomic.
 */
#include "backend-x86_64/gen.h"

#define CACHE_LINE 64u
#define CALL_BYTES 5u    /* call rel32 */
#define LANDING_REL32 7u /* from a landing's start to what is patched in it */
#define LANDING_FALLS_REL32 12u

/* ---- jumps -------------------------------------------------------------------------------------- */

static void jump_to_block(struct gen *g, uint8_t *rel32, ir_label l)
{
	l = gen_forwarded(g, l);
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

static unsigned bytes_to_line(const struct gen *g, unsigned offset)
{
	unsigned at = (unsigned)((uintptr_t)g->e.cur + offset) % CACHE_LINE;
	return at > CACHE_LINE - 4 ? CACHE_LINE - at : 0;
}

void gen_align_rel32s(struct gen *g, unsigned first, unsigned second, bool nop)
{
	unsigned n;
	if (nop && ((uintptr_t)g->e.cur + second - 1) % 8 > 3)
		emit_nop(&g->e, 8 - ((uintptr_t)g->e.cur + second - 1) % 8);
	while (!g->e.full && ((n = bytes_to_line(g, first)) || (n = bytes_to_line(g, second))))
		emit_nop(&g->e, nop ? 8 : n);
}

/* Does the block come next where a call comes back to? */
static bool falls_into(const struct gen *g, ir_label inside)
{
	return inside != IR_NONE && gen_next_block(g) == inside;
}

static unsigned landing_rel32(const struct gen *g, ir_label inside)
{
	return falls_into(g, inside) ? LANDING_FALLS_REL32 : LANDING_REL32;
}

/* Where a call returns to; the call was emitted last. */
static void landing(struct gen *g, uint32_t key, ir_label inside)
{
	struct stub *s = gen_new_stub(g, STUB_EXIT);
	s->inside = inside;
	s->slot = g->next_landing++;
	s->pc_key = key;
	emit_cmp_eax_i32(&g->e, (int32_t)key);
	if (falls_into(g, inside)) {
		emit_link(emit_jcc(&g->e, CC_NE), rw_of(g, g->t->thunk_return_miss));
		s->from[0] = emit_jmp(&g->e);
	} else {
		s->from[0] = emit_jcc(&g->e, CC_E);
		gen_jump_to_thunk(g, g->t->thunk_return_miss);
	}
}

static void exit_call(struct gen *g, const struct ir_insn *i)
{
	gen_homes_out(g);
	gen_align_rel32s(g, 1, CALL_BYTES + landing_rel32(g, i->c), falls_into(g, i->c));
	struct stub *s = gen_new_stub(g, STUB_EXIT);
	s->from[0] = emit_call(&g->e);
	s->slot = i->aux & 0xffu;
	s->pc_key = (uint32_t)i->imm;
	landing(g, (uint32_t)(i->imm >> 32), i->c);
}

/* cc < 0: always. */
static void exit_jump(struct gen *g, const struct ir_insn *i, int cc)
{
	if (cc < 0 && gen_is_call(i)) {
		exit_call(g, i);
		return;
	}
	struct stub *s = gen_new_stub(g, STUB_EXIT);
	s->slot = i->aux & 0xffu;
	s->pc_key = (uint32_t)i->imm;
	if (cc >= 0 && g->n_swaps) {
		s->through = emit_jcc(&g->e, (enum x64_cc)cc);
		return;
	}
	gen_homes_out(g);
	unsigned opcode = cc < 0 ? 1 : 2;
	gen_align_rel32s(g, opcode, opcode, false);
	s->from[0] = cc < 0 ? emit_jmp(&g->e) : emit_jcc(&g->e, (enum x64_cc)cc);
}

/* Goes on at block l, which may just come next. */
static void go_to(struct gen *g, ir_label l)
{
	l = gen_forwarded(g, l);
	if (gen_next_block(g) == l)
		return;
	const struct ir_insn *exit = gen_simple_exit(g, l);
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
	ir_label then = gen_forwarded(g, i->b), or_else = gen_forwarded(g, i->c);
	const struct ir_insn *then_exit = gen_simple_exit(g, then), *else_exit = gen_simple_exit(g, or_else);
	if (then_exit) {
		exit_jump(g, then_exit, (int)cc);
		g->folded[then] = true;
		go_to(g, or_else);
	} else if (else_exit) {
		exit_jump(g, else_exit, (int)cc ^ 1);
		g->folded[or_else] = true;
		go_to(g, then);
	} else if (gen_next_block(g) == then) {
		jump_to_block(g, emit_jcc(&g->e, cc ^ 1), or_else);
	} else {
		jump_to_block(g, emit_jcc(&g->e, cc), then);
		go_to(g, or_else);
	}
}

/* ---- exits -------------------------------------------------------------------------------------- */

void lower_exit_jump(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	exit_jump(g, i, -1);
}

void emit_jump_probe(struct emit *e, const struct x64_layout *l, struct jump_probe *p)
{
	uint32_t mask = (1u << l->jump_cache_bits) - 1;
	emit_lea(e, false, p->a, x64_mem_index(-1, p->key, 3, 0));
	emit_alu_ri(e, false, ALU_AND, p->a, (int32_t)(mask << 4));
	emit_alu_mr(e, false, ALU_CMP, x64_mem_index(RBP, p->a, 0, l->jump_cache), p->key);
	p->miss[0] = emit_jcc(e, CC_NE);
	emit_mov_rm(e, false, p->b, x64_mem(RBP, l->tb_flags));
	emit_alu_mr(e, false, ALU_CMP, x64_mem_index(RBP, p->a, 0, l->jump_cache + 4), p->b);
	p->miss[1] = emit_jcc(e, CC_NE);
	p->target = x64_mem_index(RBP, p->a, 0, l->jump_cache + 8);
}

static void exit_return(struct gen *g, const struct ir_insn *i)
{
	struct opnd key = ra_operand(g, i->a);
	gen_move(g, false, RAX, &key);
	gen_homes_out(g);
	emit_ret(&g->e);
}

/* In a register that keeps it when homes go back. */
static int exit_key(struct gen *g, ir_ref key)
{
	int reg = ra_use(g, key);
	if (!g->n_swaps || g->t->scratch >> reg & 1)
		return reg;
	int copy = ra_alloc(g);
	emit_mov_rr(&g->e, false, copy, reg);
	return copy;
}

void lower_exit_ind(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	enum ir_link link = (enum ir_link)(i->aux >> 8);
	(void)v;
	if (link == IR_LINK_RET) {
		exit_return(g, i);
		return;
	}
	struct jump_probe p = {.key = exit_key(g, i->a)};
	p.a = ra_alloc(g);
	p.b = ra_alloc(g);
	struct stub *s = gen_new_stub(g, STUB_IND_MISS);
	s->reg = (int8_t)p.key;
	gen_homes_out(g);
	emit_jump_probe(&g->e, &g->t->layout, &p);
	s->from[0] = p.miss[0];
	s->from[1] = p.miss[1];
	if (link != IR_LINK_CALL) {
		emit_jmp_m(&g->e, p.target);
		return;
	}
	unsigned bytes = p.a >= 8 ? 8 : 7; /* of the call: opcode, ModRM, SIB, disp32, perhaps REX */
	unsigned rel32 = bytes + landing_rel32(g, i->c);
	gen_align_rel32s(g, rel32, rel32, falls_into(g, i->c));
	emit_call_m(&g->e, p.target);
	s->landing = g->e.cur;
	landing(g, (uint32_t)i->imm, i->c);
}

void lower_exit_loop(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	struct opnd key = ra_operand(g, i->a);
	gen_move(g, false, RAX, &key);
	gen_homes_out(g);
	gen_jump_to_thunk(g, g->t->thunk_lookup);
}

/* ---- the budget ---------------------------------------------------------------------------------- */

void lower_refund(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	flags_clobber(g);
	gen_add_to_budget(g, ALU_ADD, (uint32_t)i->imm);
}

/* add budget, a; a carry by adc budget, 0, its opposite by sbb budget, -1. */
void lower_refund_by(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	enum x64_cc cc = (enum x64_cc)g->val[i->a].cc;
	if (in_flags(g, i->a) && (cc == CC_B || cc == CC_AE)) {
		flags_clobber(g);
		emit_alu_ri(&g->e, false, cc == CC_B ? ALU_ADC : ALU_SBB, X64_BUDGET_REG, cc == CC_B ? 0 : -1);
		return;
	}
	int a = ra_use(g, i->a);
	flags_clobber(g);
	emit_alu_rr(&g->e, false, ALU_ADD, X64_BUDGET_REG, a);
}

void lower_count(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	flags_clobber(g);
	emit_alu_mi(&g->e, true, ALU_ADD, x64_mem(RBP, g->args->counters + 8 * (int32_t)i->imm), 1);
}

void lower_charge(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	gen_add_to_budget(g, ALU_SUB, i->aux);
	if (gen_next_block(g) == gen_forwarded(g, i->b)) {
		jump_to_block(g, emit_jcc(&g->e, CC_L), i->c);
	} else {
		jump_to_block(g, emit_jcc(&g->e, CC_GE), i->b);
		go_to(g, i->c);
	}
}
