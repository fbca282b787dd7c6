/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globals, constants and copies: mostly bookkeeping.
 *
 *   get     nothing: the value is the home, until the home changes
 *   set     nothing when the value was computed there; else
 *           mov home, v                       homed
 *           mov [rbp + global], v or imm      in memory
 *           setcc byte [rbp + global]         v is a condition of the flags
 *           mov word [rbp + global], imm      with the byte before it
 *   stick   jcc out of line, where            mov byte [rbp + global], 1; jmp back
 */
#include "backend-x86_64/gen.h"

void lower_nop(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)g, (void)v, (void)i;
}

/* Constants become immediates of their users, or are loaded by ra_use. */
void lower_const(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)g, (void)v, (void)i;
}

void lower_get(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	ra_alias(g, v, i->aux);
	g->holds[i->aux] = v;
}

/* 0 or 1 by its op, so that a one-byte global holds all of it. */
static bool is_truth(const struct gen *g, ir_ref v)
{
	const struct ir_insn *i = insn_of(g, v);
	if (i->op == IR_get)
		return g->t->guest->globals[i->aux].mem_bytes == 1;
	return i->op == IR_cmp || i->op == IR_add_c || i->op == IR_add_v || i->op == IR_sub_c || i->op == IR_sub_v ||
	       i->op == IR_shl_c || i->op == IR_shr_c || i->op == IR_sar_c;
}

/* The value of a `get` from memory that is in no register yet is loaded straight into the home, and is that from then on. */
static bool load_home(struct gen *g, unsigned global, ir_ref a)
{
	struct value *val = &g->val[a];
	if (val->reg >= 0 || val->slot >= 0 || val->global < 0 || g->alias[val->global] != a || in_flags(g, a))
		return false;
	unsigned from = (unsigned)val->global;
	if (home_of(g, from) >= 0 || g->t->guest->globals[from].mem_bytes != 4)
		return false;
	emit_mov_rm(&g->e, false, home_of(g, global), global_mem(g->t, from));
	g->alias[from] = val->next_alias;
	leaves_place(g, val);
	ra_alias(g, a, global);
	return true;
}

static void set_home(struct gen *g, unsigned global, ir_ref a)
{
	int home = home_of(g, global);
	if (load_home(g, global, a))
		return;
	if (is_const(g, a)) {
		emit_mov_ri(&g->e, home, insn_of(g, a)->imm);
	} else if (ra_reg(g, a) < 0 && in_flags(g, a)) {
		flags_to_reg(g, (enum x64_cc)g->val[a].cc, home);
	} else {
		struct opnd src = ra_operand_rm(g, a);
		gen_move(g, false, home, &src);
	}
}

/* Two bytes side by side are one store: C and V of a compare with 0. */
static void set_byte(struct gen *g, struct x64_mem m, uint8_t value)
{
	uint8_t *start = g->e.cur;
	bool beside = g->byte_store.end == start && g->byte_store.offset + 1 == m.disp && g->byte_store.mark == g->mark && !g->e.full;
	if (beside) {
		g->e.cur = g->byte_store.start;
		m.disp--;
		emit_store_imm(&g->e, 2, m, g->byte_store.value | value << 8);
		g->byte_store.end = NULL;
		return;
	}
	emit_store_imm(&g->e, 1, m, value);
	g->byte_store.start = start;
	g->byte_store.end = g->e.cur;
	g->byte_store.offset = m.disp;
	g->byte_store.mark = g->mark;
	g->byte_store.value = value;
}

static void set_memory(struct gen *g, unsigned global, ir_ref a)
{
	unsigned size = g->t->guest->globals[global].mem_bytes;
	struct x64_mem m = global_mem(g->t, global);
	uint64_t imm = insn_of(g, a)->imm;
	bool fits = size < 8 || (int64_t)imm == (int32_t)imm;
	if (is_const(g, a) && size == 1)
		set_byte(g, m, (uint8_t)imm);
	else if (is_const(g, a) && fits)
		emit_store_imm(&g->e, size, m, (int32_t)imm);
	else if (size == 1 && in_flags(g, a))
		emit_setcc_m(&g->e, (enum x64_cc)g->val[a].cc, m);
	else
		emit_store(&g->e, size, m, ra_use(g, a));
}

void lower_set(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	struct value *a = &g->val[i->a];
	unsigned global = i->aux;
	if (is_lazy(g, i)) {
		g->lazy |= UINT64_C(1) << global;
		g->note_is_old = true;
		g->lazy_set[global] = v;
		return;
	}
	g->note_is_old |= g->lazy >> global & 1;
	g->lazy &= ~(UINT64_C(1) << global);
	if (a->global == (int)global || i->b == IR_SET_OPTIONAL)
		return;
	ra_detach(g, global);
	if (home_of(g, global) >= 0)
		set_home(g, global, i->a);
	else
		set_memory(g, global, i->a);
	g->holds[global] = i->a;
	bool whole = g->t->guest->globals[global].mem_bytes > 1 || is_truth(g, i->a);
	if (whole && a->global < 0 && !is_const(g, i->a))
		ra_alias(g, i->a, global);
}

/* What sticks happens rarely. */
void lower_stick(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	enum x64_cc cc = flags_truth(g, i->a);
	ra_detach(g, i->aux);
	struct stub *s = gen_new_stub(g, STUB_STICK);
	s->global = (uint8_t)i->aux;
	s->from[0] = emit_jcc(&g->e, cc);
	s->landing = g->e.cur;
}

/* v = a, which both call by the same 64 bits. */
static void copy(struct gen *g, ir_ref v, ir_ref a, bool w)
{
	const struct value *from = &g->val[a];
	bool homed = from->global >= 0 && home_of(g, (unsigned)from->global) >= 0;
	if (homed && g->val[v].target < 0) {
		ra_alias(g, v, (unsigned)from->global);
		return;
	}
	struct opnd src = is_const(g, a) ? (struct opnd){.reg = ra_use(g, a)} : ra_operand_rm(g, a);
	ra_release(g);
	int dst = ra_def(g, v, src.reg);
	gen_move(g, w, dst, &src);
	ra_bind(g, v, dst);
}

void lower_copy(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	copy(g, v, i->a, i->type == IR_I64);
}

/* i32 values are zero-extended wherever they are in a register. */
void lower_zext32(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	copy(g, v, i->a, false);
}

void lower_insn(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	(void)v;
	g->mark = i->aux;
	g->code->mark[i->aux] = here(g);
}
