/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in and out of a unit, and between its blocks.
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

static void jump_to_thunk(struct gen *g, uint64_t thunk)
{
	emit_link(emit_jmp(&g->e), rw_of(g, thunk));
}

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

struct stub *gen_new_stub(struct gen *g, enum stub_kind kind)
{
	assert(g->n_stubs < g->n_exits);
	struct stub *s = &g->stub[g->n_stubs++];
	*s = (struct stub){.kind = kind, .inside = IR_NONE};
	return s;
}

static unsigned bytes_to_line(const struct gen *g, unsigned offset)
{
	unsigned at = (unsigned)((uintptr_t)g->e.cur + offset) % CACHE_LINE;
	return at > CACHE_LINE - 4 ? CACHE_LINE - at : 0;
}

/* Makes sure that the rel32s at these distances from here lie each in one cache line; and the jump of the second, which a nop may replace, in eight
 * bytes that are stored at once. */
static void align_rel32s(struct gen *g, unsigned first, unsigned second, bool falls)
{
	unsigned n;
	if (falls && ((uintptr_t)g->e.cur + second - 1) % 8 > 3)
		emit_nop(&g->e, 8 - ((uintptr_t)g->e.cur + second - 1) % 8);
	while (!g->e.full && ((n = bytes_to_line(g, first)) || (n = bytes_to_line(g, second))))
		emit_nop(&g->e, falls ? 8 : n);
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
		jump_to_thunk(g, g->t->thunk_return_miss);
	}
}

static void exit_call(struct gen *g, const struct ir_insn *i)
{
	gen_homes_out(g);
	align_rel32s(g, 1, CALL_BYTES + landing_rel32(g, i->c), falls_into(g, i->c));
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
	align_rel32s(g, opcode, opcode, false);
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
	align_rel32s(g, rel32, rel32, falls_into(g, i->c));
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
	jump_to_thunk(g, g->t->thunk_lookup);
}

/* ---- prologue and stubs ------------------------------------------------------------------------- */

static int32_t tag_disp(const struct gen *g, uint32_t pc_key)
{
	const struct x64_layout *l = &g->t->layout;
	int64_t pages = INT64_C(1) << (32 - l->page_bits), page = pc_key >> l->page_bits;
	return (int32_t)(l->exec_tag + 4 * (pages * g->args->space + page));
}

static void add_to_budget(struct gen *g, enum x64_alu op, uint32_t n)
{
	emit_alu_ri(&g->e, false, op, X64_BUDGET_REG, (int32_t)n);
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

static uint8_t *look_at_guard(struct gen *g, uint8_t mask)
{
	emit_test8_mi(&g->e, x64_mem(RBP, g->args->guard.byte), mask);
	return emit_jcc(&g->e, CC_NE);
}

static void guarded_out(struct gen *g, uint8_t *from, const uint8_t *back)
{
	emit_link(from, g->e.cur);
	emit_mov_ri(&g->e, RAX, g->args->guard.fn);
	emit_link(emit_call(&g->e), rw_of(g, g->t->thunk_call_pure));
	emit_link(emit_jmp(&g->e), back);
}

void gen_prologue(struct gen *g)
{
	const uint32_t words = g->u->assumes & ((1u << IR_ASSUMED_GLOBALS) - 1), halves = g->u->assumes >> IR_ASSUMED_GLOBALS;
	const struct x64_compile_args *args = g->args;
	g->code->cross_entry = here(g);
	g->tag_out = args->cross_tag ? compare_tag(g, (uint32_t)g->u->pc_key, args->cross_tag) : NULL;
	g->code->guarded_entry = here(g);
	g->guarded = args->guard.mask ? look_at_guard(g, args->guard.mask) : NULL;
	g->code->entry = here(g);
	for (unsigned k = 0; k < args->n_other_pages; k++)
		emit_link(compare_tag(g, args->other_page[k].pc_key, args->other_page[k].tag), rw_of(g, args->instead));
	if (words)
		test_globals(g, words, 3);
	if (halves)
		test_globals(g, halves, 1);
	add_to_budget(g, ALU_SUB, g->args->n_insns);
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
		s->from[0] = look_at_guard(g, g->args->guard.all);
		s->landing = g->e.cur;
	}
	gen_homes_in(g);
}

static void leave(struct gen *g, uint32_t pc_key, uint64_t result)
{
	emit_store_imm(&g->e, 4, global_mem(g->t, g->t->guest->pc_global), (int32_t)pc_key);
	emit_mov_ri(&g->e, RAX, result);
	jump_to_thunk(g, g->t->thunk_exit);
}

/* Homes go back where they are not in others' way; returns the rel32 of the jump to be patched. */
static uint8_t *exit_through(struct gen *g, uint8_t *from)
{
	emit_link(from, g->e.cur);
	gen_homes_out(g);
	align_rel32s(g, 1, 1, false);
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
		jump_to_thunk(g, g->t->thunk_lookup);
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

void lower_refund(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	flags_clobber(g);
	add_to_budget(g, ALU_ADD, (uint32_t)i->imm);
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
	add_to_budget(g, ALU_SUB, i->aux);
	if (gen_next_block(g) == gen_forwarded(g, i->b)) {
		jump_to_block(g, emit_jcc(&g->e, CC_L), i->c);
	} else {
		jump_to_block(g, emit_jcc(&g->e, CC_GE), i->b);
		go_to(g, i->c);
	}
}

void lower_exit_budget(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	add_to_budget(g, ALU_ADD, i->aux);
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
	add_to_budget(g, ALU_ADD, g->args->n_insns);
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
