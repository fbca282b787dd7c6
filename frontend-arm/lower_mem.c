/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores (DDI 0100I A5.2 to A5.5). Alignment, ARMv5: with SCTLR.A an unaligned access
 * faults; without, a word load rotates and everything else ignores the low address bits (halfword loads: the
 * manual leaves them open, we ignore bit 0), which compiled code leaves to the interpreter (decision 023). Big-endian BE-32 is
 * word-invariant: halfword and byte addresses are flipped inside the word (A2.7.3). The base register keeps its value when the access aborts.
 */
#include "frontend-arm/lower.h"

/* ---- single accesses ----------------------------------------------------------------------------- */

/* Ahead of every access. */
static inline void may_fault(struct arm_lower *l)
{
	if (l->again)
		arm_set_again(l);
	if (l->late)
		arm_write_late(l);
}

static uint16_t memop(const struct arm_lower *l, enum arm_mem_size size, bool sign, enum ir_align relaxed, unsigned space)
{
	enum ir_align align = size == MEM_BYTE ? IR_ALIGN_ANY : l->req->tb_flags & ARM_TB_ALIGN ? IR_ALIGN_FAULT : relaxed;
	bool leaves = l->leaves && align >= IR_ALIGN_FORCE;
	return (uint16_t)(IR_MEMOP((unsigned)size, (unsigned)sign, (unsigned)align, space) | (leaves ? IR_MEMOP_LEAVES : 0));
}

static ir_ref bus_address(struct arm_lower *l, ir_ref addr, enum arm_mem_size size)
{
	if (size == MEM_WORD || !(l->req->tb_flags & ARM_TB_BE32))
		return addr;
	return ir_xor(l->u, IR_I32, addr, arm_const(l, size == MEM_HALF ? 2 : 3));
}

ir_ref arm_load(struct arm_lower *l, ir_ref addr, enum arm_mem_size size, bool sign, unsigned space)
{
	enum ir_align relaxed = size == MEM_WORD ? IR_ALIGN_ROTATE : IR_ALIGN_FORCE;
	may_fault(l);
	return ir_ld(l->u, IR_I32, memop(l, size, sign, relaxed, space), bus_address(l, addr, size));
}

void arm_store(struct arm_lower *l, ir_ref addr, ir_ref v, enum arm_mem_size size, unsigned space)
{
	may_fault(l);
	ir_st(l->u, IR_I32, memop(l, size, false, IR_ALIGN_FORCE, space), bus_address(l, addr, size), v);
}

ir_ref arm_literal(struct arm_lower *l, uint32_t addr)
{
	const struct arm_literals *at = &l->req->literals;
	uint32_t size = at->end - at->from, offset = addr - at->from;
	if (addr & 3 || size < 4 || offset > size - 4)
		return IR_NONE;
	bool none = l->literals == l->literals_end;
	l->literals = none ? addr : MIN(l->literals, addr);
	l->literals_end = (none ? addr : MAX(l->literals_end - 4, addr)) + 4; /* 0: behind the last word of all */
	const uint8_t *p = at->host + offset;
	return arm_const(l, p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

/* A word of a multiple transfer: never rotated. */
static ir_ref load_word(struct arm_lower *l, ir_ref addr)
{
	may_fault(l);
	return ir_ld(l->u, IR_I32, memop(l, MEM_WORD, false, IR_ALIGN_FORCE, arm_space(l)), addr);
}

static ir_ref plus(struct arm_lower *l, ir_ref base, int32_t offset)
{
	return offset ? ir_add(l->u, IR_I32, base, arm_const(l, (uint32_t)offset)) : base;
}

/* ---- addressing modes 2 and 3 -------------------------------------------------------------------- */

/* The new base is computed behind the access, so that it can be done in place; an abort leaves the old one. */
struct address {
	ir_ref access;
	uint32_t base;    /* register number */
	bool update;      /* the base is written back: */
	ir_ref moved;     /* this, or when IR_NONE */
	ir_ref from, by;  /* the sum of these, or difference */
	bool down;
};

static ir_ref sum(struct arm_lower *l, ir_ref from, ir_ref by, bool down)
{
	return down ? ir_sub(l->u, IR_I32, from, by) : ir_add(l->u, IR_I32, from, by);
}

static struct address address_imm(struct arm_lower *l, const struct arm_args_mem_imm *a)
{
	int32_t offset = a->u ? (int32_t)a->imm : -(int32_t)a->imm;
	if (a->rn == 15 && a->p && !a->w)
		return (struct address){ .access = arm_const(l, arm_pc_read(l) + (uint32_t)offset), .base = 15 };
	ir_ref base = arm_reg(l, a->rn);
	bool update = !a->p || a->w;
	return (struct address){
		.access = a->p ? plus(l, base, offset) : base, .base = a->rn,
		.update = update, .moved = offset ? IR_NONE : base,
		.from = base, .by = update && offset ? arm_const(l, (uint32_t)offset) : IR_NONE,
	};
}

static struct address address_reg(struct arm_lower *l, const struct arm_args_mem_reg *a)
{
	ir_ref base = arm_reg(l, a->rn);
	ir_ref offset = arm_shift_imm(l, arm_reg(l, a->rm), (enum arm_shift)a->type, a->amount, false).value;
	ir_ref moved = a->p ? sum(l, base, offset, !a->u) : IR_NONE;
	return (struct address){
		.access = a->p ? moved : base, .base = a->rn, .update = !a->p || a->w, .moved = moved,
		.from = base, .by = offset, .down = !a->u,
	};
}

static void writeback(struct arm_lower *l, const struct address *ad)
{
	if (ad->update)
		arm_set_reg(l, ad->base, ad->moved != IR_NONE ? ad->moved : sum(l, ad->from, ad->by, ad->down));
}

/* ---- one register -------------------------------------------------------------------------------- */

enum { SIGNED = 1, USER = 2 };

/* A jump by way of a literal goes to a place that is known. */
static bool load_literal(struct arm_lower *l, uint32_t rd, ir_ref v)
{
	uint32_t key = (uint32_t)l->u->insns[v].imm;
	if (rd == 15 && !(l->req->tb_flags & ARM_TB_L4) && (key & 3) != 2)
		arm_jump(l, key, IR_LINK_JUMP);
	else
		arm_set_loaded(l, rd, v);
	return true;
}

static bool load(struct arm_lower *l, struct address ad, uint32_t rd, enum arm_mem_size size, unsigned how)
{
	unsigned space = how & USER ? arm_user_space(l->req->tb_flags) : arm_space(l);
	if (ad.base == 15 && !ad.update && size == MEM_WORD && !(how & USER) && l->u->insns[ad.access].op == IR_const) {
		ir_ref literal = arm_literal(l, (uint32_t)l->u->insns[ad.access].imm);
		if (literal != IR_NONE)
			return load_literal(l, rd, literal);
	}
	ir_ref v = arm_load(l, ad.access, size, how & SIGNED, space);
	writeback(l, &ad);
	arm_set_loaded(l, rd, v);
	if (rd == 15 && ad.base == 13)
		l->link = IR_LINK_RET;
	return true;
}

static bool store(struct arm_lower *l, struct address ad, uint32_t rd, enum arm_mem_size size, unsigned how)
{
	arm_store(l, ad.access, arm_reg(l, rd), size, how & USER ? arm_user_space(l->req->tb_flags) : arm_space(l));
	writeback(l, &ad);
	return true;
}

/* p = 0 and w = 1 of the halfword and signed forms: qemu-system-arm runs them as user accesses. */
#define EXTRA_USER(a) (!(a)->p && (a)->w ? USER : 0u)

#define MEM(name, dir, size, how) \
	bool arm_lower_##name##_imm(struct arm_lower *l, const struct arm_args_mem_imm *a) \
	{ return dir(l, address_imm(l, a), a->rd, size, how); } \
	bool arm_lower_##name##_reg(struct arm_lower *l, const struct arm_args_mem_reg *a) \
	{ return dir(l, address_reg(l, a), a->rd, size, how); }
MEM(ldr, load, MEM_WORD, 0)
MEM(str, store, MEM_WORD, 0)
MEM(ldrb, load, MEM_BYTE, 0)
MEM(strb, store, MEM_BYTE, 0)
MEM(ldrt, load, MEM_WORD, USER)
MEM(strt, store, MEM_WORD, USER)
MEM(ldrbt, load, MEM_BYTE, USER)
MEM(strbt, store, MEM_BYTE, USER)
MEM(ldrh, load, MEM_HALF, EXTRA_USER(a))
MEM(strh, store, MEM_HALF, EXTRA_USER(a))
MEM(ldrsb, load, MEM_BYTE, SIGNED | EXTRA_USER(a))
MEM(ldrsh, load, MEM_HALF, SIGNED | EXTRA_USER(a))

/* ---- doublewords --------------------------------------------------------------------------------- */

static bool double_defined(uint32_t rd, uint32_t p, uint32_t w)
{
	return !(rd & 1) && (p || !w);
}

/* With alignment checking the address must be a multiple of 8: one access. Else two words; when the second aborts,
 * rd holds the first already, as on qemu-system-arm, but never the base. */
static bool ldrd(struct arm_lower *l, struct address ad, uint32_t rd)
{
	struct ir_unit *u = l->u;
	ir_ref lo, hi;
	may_fault(l);
	if (l->req->tb_flags & ARM_TB_ALIGN) {
		ir_ref both = ir_ld(u, IR_I64, IR_MEMOP(3u, 0u, (unsigned)IR_ALIGN_FAULT, arm_space(l)), ad.access);
		lo = ir_trunc(u, IR_VOID, both);
		hi = ir_high(u, IR_VOID, both);
	} else {
		lo = load_word(l, ad.access);
		if (rd != ad.base)
			arm_set_reg(l, rd, lo);
		hi = load_word(l, plus(l, ad.access, 4));
	}
	arm_set_reg(l, rd, lo);
	arm_set_loaded(l, rd + 1, hi);
	writeback(l, &ad); /* last: it wins over rd when they are one register, as on qemu-system-arm */
	return true;
}

static bool strd(struct arm_lower *l, struct address ad, uint32_t rd)
{
	ir_ref lo = arm_reg(l, rd), hi = arm_reg(l, rd + 1);
	may_fault(l);
	if (l->req->tb_flags & ARM_TB_ALIGN) {
		ir_st(l->u, IR_I64, IR_MEMOP(3u, 0u, (unsigned)IR_ALIGN_FAULT, arm_space(l)), ad.access,
		      ir_join(l->u, IR_VOID, lo, hi));
	} else {
		arm_store(l, ad.access, lo, MEM_WORD, arm_space(l));
		arm_store(l, plus(l, ad.access, 4), hi, MEM_WORD, arm_space(l));
	}
	writeback(l, &ad);
	return true;
}

bool arm_lower_ldrd_imm(struct arm_lower *l, const struct arm_args_mem_imm *a)
{
	return double_defined(a->rd, a->p, a->w) && ldrd(l, address_imm(l, a), a->rd);
}

bool arm_lower_ldrd_reg(struct arm_lower *l, const struct arm_args_mem_reg *a)
{
	return double_defined(a->rd, a->p, a->w) && ldrd(l, address_reg(l, a), a->rd);
}

bool arm_lower_strd_imm(struct arm_lower *l, const struct arm_args_mem_imm *a)
{
	return double_defined(a->rd, a->p, a->w) && strd(l, address_imm(l, a), a->rd);
}

bool arm_lower_strd_reg(struct arm_lower *l, const struct arm_args_mem_reg *a)
{
	return double_defined(a->rd, a->p, a->w) && strd(l, address_reg(l, a), a->rd);
}

/* ---- swap, preload ------------------------------------------------------------------------------- */

static bool swap(struct arm_lower *l, const struct arm_args_rrr *a, enum arm_mem_size size)
{
	ir_ref addr = arm_reg(l, a->rn), new = arm_reg(l, a->rm);
	ir_ref old = arm_load(l, addr, size, false, arm_space(l));
	arm_store(l, addr, new, size, arm_space(l));
	arm_set_reg(l, a->rd, old);
	return true;
}

bool arm_lower_swp(struct arm_lower *l, const struct arm_args_rrr *a) { return swap(l, a, MEM_WORD); }
bool arm_lower_swpb(struct arm_lower *l, const struct arm_args_rrr *a) { return swap(l, a, MEM_BYTE); }

bool arm_lower_pld_imm(struct arm_lower *l, const struct arm_args_mem_imm *a)
{
	(void)l, (void)a; /* a hint */
	return true;
}

bool arm_lower_pld_reg(struct arm_lower *l, const struct arm_args_mem_reg *a)
{
	(void)l, (void)a;
	return true;
}

/* ---- multiple registers -------------------------------------------------------------------------- */

/* The low bits of the address are ignored. Where the first word does not leave for them, they are cleared once and need no look at each
 * word: pays from three words on. */
static ir_ref list_base(struct arm_lower *l, ir_ref base, uint32_t list)
{
	if ((l->req->tb_flags & ARM_TB_ALIGN) || l->leaves || __builtin_popcount(list) < 3)
		return base;
	return ir_and(l->u, IR_I32, base, arm_const(l, ~3u));
}

void arm_load_list(struct arm_lower *l, ir_ref base, int32_t first, uint32_t list, uint32_t base_reg)
{
	ir_ref loaded_base = IR_NONE;
	base = list_base(l, base, list);
	if (list >> 15)
		arm_owe_ahead_of_loads(l, list);
	for (uint32_t n = 0; n < 16; n++) {
		if (!(list >> n & 1))
			continue;
		ir_ref v = load_word(l, plus(l, base, first));
		first += 4;
		if (n == base_reg)
			loaded_base = v;
		else
			arm_set_loaded(l, n, v);
	}
	if (loaded_base != IR_NONE)
		arm_set_reg(l, base_reg, loaded_base);
}

void arm_store_list(struct arm_lower *l, ir_ref base, int32_t first, uint32_t list)
{
	base = list_base(l, base, list);
	for (uint32_t n = 0; n < 16; n++) {
		if (!(list >> n & 1))
			continue;
		arm_store(l, plus(l, base, first), arm_reg(l, n), MEM_WORD, arm_space(l));
		first += 4;
	}
}

struct multi {
	ir_ref base;
	int32_t first, update; /* offsets from the base register's value */
};

static struct multi multi_address(struct arm_lower *l, const struct arm_args_mem_multi *a, uint32_t list)
{
	int32_t size = 4 * __builtin_popcount(list);
	struct multi m = { .base = arm_reg(l, a->rn), .update = a->u ? size : -size };
	m.first = (a->u ? 0 : -size) + (a->p == a->u ? 4 : 0);
	return m;
}

/* An empty list, or pc as the base: undefined, as on qemu-system-arm. */
static bool multi_defined(const struct arm_args_mem_multi *a, uint32_t list)
{
	return list != 0 && a->rn != 15;
}

bool arm_lower_ldm(struct arm_lower *l, const struct arm_args_mem_multi *a)
{
	if (!multi_defined(a, a->list))
		return false;
	struct multi m = multi_address(l, a, a->list);
	bool in_list = a->list >> a->rn & 1;
	arm_load_list(l, m.base, m.first, a->list, a->rn);
	if (a->w && !in_list)
		arm_set_reg(l, a->rn, plus(l, m.base, m.update));
	/* From the stack; or sp and pc by the frame pointer, as the ARM Procedure Call Standard's frames are left. */
	bool frame = a->rn == 13 || (a->rn == 11 && a->list >> 13 & 1);
	if (frame && l->pc_write != IR_NONE)
		l->link = IR_LINK_RET;
	return true;
}

bool arm_lower_stm(struct arm_lower *l, const struct arm_args_mem_multi *a)
{
	if (!multi_defined(a, a->list))
		return false;
	struct multi m = multi_address(l, a, a->list);
	arm_store_list(l, m.base, m.first, a->list);
	if (a->w)
		arm_set_reg(l, a->rn, plus(l, m.base, m.update));
	return true;
}

static void set_user_reg(struct arm_lower *l, uint32_t n, ir_ref v)
{
	if (n < 8)
		arm_set_reg(l, n, v);
	else
		arm_call2(l, ARM_H_user_reg_write, arm_const(l, n), v);
}

/* LDM with ^ and without pc: loads User mode's registers; the base last, which an abort must find. With writeback undefined, as on
 * qemu-system-arm. */
bool arm_lower_ldm_user(struct arm_lower *l, const struct arm_args_mem_multi *a)
{
	if (!arm_priv(l) || a->w || !multi_defined(a, a->list))
		return false;
	struct multi m = multi_address(l, a, a->list);
	ir_ref own = IR_NONE;
	for (uint32_t n = 0; n < 15; n++) {
		if (!(a->list >> n & 1))
			continue;
		ir_ref v = load_word(l, plus(l, m.base, m.first));
		m.first += 4;
		if (n == a->rn)
			own = v;
		else
			set_user_reg(l, n, v);
	}
	if (own != IR_NONE)
		set_user_reg(l, a->rn, own);
	return true;
}

bool arm_lower_stm_user(struct arm_lower *l, const struct arm_args_mem_multi *a)
{
	if (!arm_priv(l) || !multi_defined(a, a->list))
		return false;
	struct multi m = multi_address(l, a, a->list);
	for (uint32_t n = 0; n < 16; n++) {
		if (!(a->list >> n & 1))
			continue;
		bool banked = n >= 8 && n != 15;
		ir_ref v = banked ? arm_call1(l, ARM_H_user_reg_read, arm_const(l, n)) : arm_reg(l, n);
		arm_store(l, plus(l, m.base, m.first), v, MEM_WORD, arm_space(l));
		m.first += 4;
	}
	if (a->w)
		arm_set_reg(l, a->rn, plus(l, m.base, m.update));
	return true;
}

/* LDM with ^ and pc: loads the current mode's registers, then CPSR = SPSR. */
bool arm_lower_ldm_eret(struct arm_lower *l, const struct arm_args_mem_multi *a)
{
	uint32_t list = a->list | 1u << 15;
	if (!arm_priv(l) || !multi_defined(a, list))
		return false;
	struct multi m = multi_address(l, a, list);
	bool in_list = a->list >> a->rn & 1;
	ir_ref pc = IR_NONE, own = IR_NONE;
	for (uint32_t n = 0; n < 16; n++) {
		if (!(list >> n & 1))
			continue;
		ir_ref v = load_word(l, plus(l, m.base, m.first));
		m.first += 4;
		if (n == 15)
			pc = v;
		else if (n == a->rn)
			own = v;
		else
			arm_set_reg(l, n, v);
	}
	if (in_list)
		arm_set_reg(l, a->rn, own);
	else if (a->w)
		arm_set_reg(l, a->rn, plus(l, m.base, m.update));
	arm_exception_return(l, pc);
	return true;
}
