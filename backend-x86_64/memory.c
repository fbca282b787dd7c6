/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores: the TLB's addend inline, the rest out of line. `table` is the addend table of
 * the access's space and kind.
 *
 *   fast path                              slow path, behind the unit's main code
 *     test  addr, size - 1    (size > 1)     mov   dword [arg 0], addr
 *     jnz   slow                             mov   qword [arg 1], value      (stores)
 *     mov   t, addr                          mov   dword [arg 2], how
 *     shr   t, 12                            call  thunk_load or thunk_store
 *     mov   t, [rbp + t * 8 + table]       site:
 *     test  t, t                             mov   dst, [arg 0]              (loads)
 *     jz    slow                             jmp   back
 *     mov   dst, [t + addr]   or
 *     mov   [t + addr], value
 *   back:
 *
 * With a constant address the first four become `mov t, [rbp + const]`; a constant that is not
 * aligned goes straight to the slow path. Around the thunk are the moves of homes.c, if any. What is known to be aligned (IR_MEMOP_ALIGNED) is not tested. The thunks keep
 * every register but the flags. Big-endian accesses add a bswap; a store swaps its value in place and back.
 *
 * Where the unit's space has the window (x64_compile_args.window), one instruction is left of it. What the window does not
 * have raises a signal, whose handler continues at the stub; a site that does so often is patched to jump there.
 *
 *     test  base, size - 1    (size > 1)   stub:
 *     jnz   stub                             mov   dword [arg 0], base
 *   access:                                  add   dword [arg 0], disp       (disp not 0)
 *     mov   dst, [rbp + base + window + disp]   or
 *     mov   [rbp + base + window + disp], value   the rest of the slow path as above
 *   back:
 *
 * Without the window, accesses that make a run (runs.c) look their page up once. `lo` and `end` are where the run begins and ends
 * relative to its first access. t, the host address of the first access or 0, stays in its register until the last.
 *
 *     test  addr, size - 1    (size > 1)   stub of the first: as above, and
 *     jnz   stub                             xor   t, t
 *     lea   t, [addr + lo]                   jmp   back
 *     and   t, 4095
 *     cmp   t, 4096 - (end - lo)
 *     ja    stub
 *     mov   t, addr
 *     shr   t, 12
 *     mov   t, [rbp + t * 8 + table]
 *     test  t, t
 *     jz    stub
 *     add   t, addr
 *     mov   dst, [t]   or   mov [t], value
 *     ...
 *     test  t, t                           stub of each other: slow.c, probe_alone
 *     jz    stub
 *     mov   dst, [t + distance]   or ...
 *
 * The window has guards of WINDOW_MAX_DISP bytes on both sides, for sums that leave 32 bits. All that changes before the
 * access are scratch registers, so that the stub finds what the access found; a swapped store swaps a copy.
 */
#include "backend-x86_64/gen.h"

#define WINDOW_MAX_DISP 0x7fff

struct access {
	uint16_t memop;
	unsigned size;
	bool wide, window;
	int32_t disp;      /* window */
	ir_ref addr_ref;
	struct opnd addr;  /* REG or IMM */
	struct x64_mem host;
	struct slow_path *slow;
	const struct run *run; /* NULL = none */
	bool leads, follows;   /* by the run's pointer: makes it, has it */
	int temp;              /* register of the address alone, or -1 */
};

int32_t gen_table(const struct gen *g, uint16_t memop, bool store)
{
	const struct x64_layout *l = &g->t->layout;
	int64_t bytes = INT64_C(8) << (32 - l->page_bits);
	return (int32_t)(l->tlb + bytes * (int64_t)(ir_memop_space(memop) * 2 + (store ? 1u : 0u)));
}

static bool is_aligned(const struct access *a)
{
	return a->size == 1 || ir_memop_aligned(a->memop);
}

static void alignment_check(struct gen *g, const struct access *a)
{
	if (is_aligned(a))
		return;
	emit_test8_ri(&g->e, a->addr.reg, (uint8_t)(a->size - 1));
	a->slow->from[0] = emit_jcc(&g->e, CC_NE);
}

/* Leaves the addend in t and the host address in a->host. False: the address is never aligned. */
static bool probe(struct gen *g, struct access *a, int t)
{
	int32_t table = gen_table(g, a->memop, a->slow->is_store);
	if (a->addr.kind == OPND_IMM) {
		uint32_t addr = (uint32_t)a->addr.imm;
		if (addr & (a->size - 1))
			return false;
		emit_mov_rm(&g->e, true, t, x64_mem(RBP, (int32_t)(table + (int64_t)(addr >> g->t->layout.page_bits) * 8)));
		a->host = x64_mem(t, a->addr.imm);
	} else {
		alignment_check(g, a);
		emit_mov_rr(&g->e, false, t, a->addr.reg);
		emit_shift_ri(&g->e, false, SH_SHR, t, g->t->layout.page_bits);
		emit_mov_rm(&g->e, true, t, x64_mem_index(RBP, t, 3, table));
		a->host = x64_mem_index(t, a->addr.reg, 0, 0);
	}
	emit_test_rr(&g->e, true, t, t);
	a->slow->from[1] = emit_jcc(&g->e, CC_E);
	return true;
}

/* As probe for the first access of a run: t becomes the host address of the access, where all of the run is on its page. */
static void lead_run(struct gen *g, struct access *a, int t)
{
	alignment_check(g, a);
	if (a->run->lo == a->run->lead)
		emit_mov_rr(&g->e, false, t, a->addr.reg);
	else
		emit_lea(&g->e, false, t, x64_mem(a->addr.reg, a->run->lo - a->run->lead));
	emit_alu_ri(&g->e, false, ALU_AND, t, (1 << g->t->layout.page_bits) - 1);
	emit_alu_ri(&g->e, false, ALU_CMP, t, (1 << g->t->layout.page_bits) - (a->run->end - a->run->lo));
	a->slow->from[2] = emit_jcc(&g->e, CC_A);
	emit_mov_rr(&g->e, false, t, a->addr.reg);
	emit_shift_ri(&g->e, false, SH_SHR, t, g->t->layout.page_bits);
	emit_mov_rm(&g->e, true, t, x64_mem_index(RBP, t, 3, gen_table(g, a->memop, a->slow->is_store)));
	emit_test_rr(&g->e, true, t, t);
	a->slow->from[1] = emit_jcc(&g->e, CC_E);
	emit_alu_rr(&g->e, true, ALU_ADD, t, a->addr.reg);
	a->host = x64_mem(t, 0);
}

static void follow_run(struct gen *g, struct access *a, int32_t offset)
{
	int t = g->val[run_pointer(g)].reg;
	emit_test_rr(&g->e, true, t, t);
	a->slow->from[1] = emit_jcc(&g->e, CC_E);
	a->host = x64_mem(t, offset - a->run->lead);
}

bool window_address(const struct gen *g, ir_ref a, unsigned size, ir_ref *base, int32_t *disp)
{
	const struct ir_insn *i = insn_of(g, a);
	if ((i->op != IR_add && i->op != IR_sub) || is_const(g, i->a) || !is_const(g, i->b))
		return false;
	int32_t c = (int32_t)insn_of(g, i->b)->imm;
	if (c < -WINDOW_MAX_DISP || c > WINDOW_MAX_DISP || ((uint32_t)c & (size - 1)))
		return false;
	*base = i->a;
	*disp = i->op == IR_add ? c : -c;
	return true;
}

/* A constant is a displacement when it survives sign extension, with the window's offset added. */
static bool fits_disp(const struct gen *g, const struct access *a, uint64_t imm)
{
	return imm <= INT32_MAX && (!a->window || imm <= (uint64_t)(INT32_MAX - WINDOW_MAX_DISP - g->t->layout.window));
}

/* Only an access to the window, or by the run's pointer, has a displacement: another one gets its address in a register. */
static void join_run(struct gen *g, struct access *a)
{
	a->run = g->val[g->at].run ? &g->run[g->val[g->at].run - 1] : NULL;
	if (a->window || !a->run)
		return;
	int t = g->val[run_pointer(g)].reg;
	a->leads = g->at == a->run->first;
	a->follows = g->open_run == a->run && t >= 0;
	if (a->follows) {
		g->locked |= (uint16_t)(1u << t);
	} else if (a->disp) {
		a->temp = ra_alloc(g);
		emit_lea(&g->e, false, a->temp, x64_mem(a->addr.reg, a->disp));
		g->locked &= (uint16_t)~(1u << a->addr.reg);
		a->addr.reg = a->temp;
		a->disp = 0;
	}
}

static void access_begin(struct gen *g, struct access *a, const struct ir_insn *i, bool store)
{
	*a = (struct access){
		.memop = i->aux, .size = ir_memop_size(i->aux), .wide = i->type == IR_I64, .addr_ref = i->a,
		.window = in_window(g, i->aux), .slow = &g->slow[g->n_slow++], .temp = -1,
	};
	ir_ref base;
	if (is_const(g, i->a) && fits_disp(g, a, insn_of(g, i->a)->imm)) {
		a->addr = (struct opnd){.kind = OPND_IMM, .reg = -1, .imm = (int32_t)insn_of(g, i->a)->imm};
	} else if (is_folded(g, i->a) && window_address(g, i->a, a->size, &base, &a->disp)) {
		a->addr_ref = base;
		a->addr = (struct opnd){.kind = OPND_REG, .reg = ra_use(g, base)};
	} else {
		a->addr = (struct opnd){.kind = OPND_REG, .reg = ra_use(g, i->a)};
	}
	join_run(g, a);
	*a->slow = (struct slow_path){
		.memop = i->aux, .is_store = store, .wide = a->wide, .mark = g->mark, .addr = a->addr, .disp = a->disp,
		.follows = a->follows, .follow_reg = (int8_t)g->val[run_pointer(g)].reg, .aligned = is_aligned(a), .run_reg = -1,
	};
}

/* What the insns behind the access may rely on. Others of its run find the pointer, or 0 after a slow path. */
static void access_end(struct gen *g, const struct access *a)
{
	if (!a->leads && !a->follows)
		return;
	if (g->at == a->run->last)
		ra_close_run(g);
	else
		a->slow->run_reg = g->val[run_pointer(g)].reg;
}

/* The insn's operands, and the base of an address that stands for its own. */
static void release(struct gen *g, const struct access *a, const struct ir_insn *i)
{
	ra_release(g);
	if (a->addr_ref != i->a)
		ra_release_value(g, a->addr_ref);
}

/* The alignment test of a window's access; what follows is the access itself, to a->host. False: never aligned. */
static bool begin_window_access(struct gen *g, struct access *a)
{
	int32_t window = g->t->layout.window;
	if (a->addr.kind == OPND_IMM) {
		if ((uint32_t)a->addr.imm & (a->size - 1))
			return false;
		a->host = x64_mem(RBP, window + a->addr.imm);
	} else {
		alignment_check(g, a);
		a->host = x64_mem_index(RBP, a->addr.reg, 0, window + a->disp);
	}
	return true;
}

/* What comes before the access itself, which is then to a->host. False: the address is never aligned. */
static bool prepare(struct gen *g, struct access *a, const struct ir_insn *i, int t)
{
	ir_ref root;
	if (a->window)
		return begin_window_access(g, a);
	if (a->follows)
		follow_run(g, a, run_offset(g, i->a, a->size, &root));
	else if (a->leads)
		lead_run(g, a, t);
	else
		return probe(g, a, t);
	return true;
}

/* With all registers arranged that are written before the access: none of them may be one that the notes name. */
static void record_notes(struct gen *g, struct access *a, int t)
{
	a->slow->notes = notes_record(g);
	assert((t < 0 || !(g->note_regs >> t & 1)) && (a->temp < 0 || !(g->note_regs >> a->temp & 1)));
}

/* ---- loads ---------------------------------------------------------------------------------- */

void gen_load_plain(struct gen *g, uint16_t memop, bool wide, int dst, struct x64_mem host)
{
	static const uint8_t ext[2][2][2] = { /* [sign][size 2][wide] */
		{{EXT_Z8, EXT_Z8}, {EXT_Z16, EXT_Z16}},
		{{EXT_S8, EXT_S8Q}, {EXT_S16, EXT_S16Q}},
	};
	unsigned size = ir_memop_size(memop);
	bool sign = ir_memop_signed(memop);
	if (size <= 2)
		emit_ext_rm(&g->e, (enum x64_ext)ext[sign][size == 2][wide], dst, host);
	else if (size == 4 && sign && wide)
		emit_ext_rm(&g->e, EXT_S32Q, dst, host);
	else
		emit_mov_rm(&g->e, size == 8, dst, host);
}

static void load_swapped(struct gen *g, const struct access *a, int dst)
{
	bool sign = ir_memop_signed(a->memop);
	if (a->size == 2) {
		emit_ext_rm(&g->e, EXT_Z16, dst, a->host);
		emit_rol16_8(&g->e, dst);
		if (sign)
			emit_ext_rr(&g->e, a->wide ? EXT_S16Q : EXT_S16, dst, dst);
		return;
	}
	emit_mov_rm(&g->e, a->size == 8, dst, a->host);
	emit_bswap(&g->e, a->size == 8, dst);
	if (a->size == 4 && sign && a->wide)
		emit_ext_rr(&g->e, EXT_S32Q, dst, dst);
}

void lower_ld(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	struct access a;
	access_begin(g, &a, i, false);
	flags_clobber(g);
	/* All registers are arranged before the first jump, so that both paths find the same. The
	 * addend is dead once used: its register takes the result that has no home. */
	int t = a.window || a.follows ? -1 : ra_alloc(g), dst;
	if (a.leads)
		ra_open_run(g, a.run, t);
	record_notes(g, &a, t);
	release(g, &a, i);
	dst = a.slow->value.reg = ra_def(g, v, a.leads ? a.temp : t);
	if (!prepare(g, &a, i, t)) {
		a.slow->from[1] = emit_jmp(&g->e);
		a.slow->back = g->e.cur;
		ra_bind(g, v, dst);
		return;
	}
	if (a.window)
		a.slow->access = here(g);
	if (ir_memop_be(a.memop) && a.size > 1)
		load_swapped(g, &a, dst);
	else
		gen_load_plain(g, a.memop, a.wide, dst, a.host);
	a.slow->back = g->e.cur;
	ra_bind(g, v, dst);
	access_end(g, &a);
}

/* ---- stores ----------------------------------------------------------------------------------- */

/* Swaps the low `size` bytes of r; doing it twice gives back all of r. */
static void swap_bytes(struct gen *g, const struct access *a, int r)
{
	if (a->size == 2)
		emit_rol16_8(&g->e, r);
	else
		emit_bswap(&g->e, a->wide, r);
	if (a->size == 4 && a->wide)
		emit_shift_ri(&g->e, true, SH_ROL, r, 32);
}

static void store_to_tlb(struct gen *g, struct access *a, const struct ir_insn *i, const struct opnd *value, int t, bool swap)
{
	if (!prepare(g, a, i, t)) {
		a->slow->from[1] = emit_jmp(&g->e);
	} else if (value->kind == OPND_IMM) {
		emit_store_imm(&g->e, a->size, a->host, value->imm);
	} else {
		if (swap) { /* the address as a whole first: its register may be the value's too */
			emit_lea(&g->e, true, t, a->host);
			a->host = x64_mem(t, 0);
			swap_bytes(g, a, value->reg);
		}
		emit_store(&g->e, a->size, a->host, value->reg);
		if (swap)
			swap_bytes(g, a, value->reg);
	}
}

/* With a register to swap the value in, or -1. */
static void store_to_window(struct gen *g, struct access *a, const struct opnd *value, int swapped)
{
	if (!begin_window_access(g, a)) {
		a->slow->from[1] = emit_jmp(&g->e);
		return;
	}
	if (swapped >= 0) {
		emit_mov_rr(&g->e, a->wide, swapped, value->reg);
		swap_bytes(g, a, swapped);
	}
	a->slow->access = here(g);
	if (value->kind == OPND_IMM)
		emit_store_imm(&g->e, a->size, a->host, value->imm);
	else
		emit_store(&g->e, a->size, a->host, swapped >= 0 ? swapped : value->reg);
}

void lower_st(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	struct access a;
	(void)v;
	access_begin(g, &a, i, true);
	bool swap = ir_memop_be(a.memop) && a.size > 1;
	struct opnd value = swap ? (struct opnd){.reg = ra_use(g, i->b)} : ra_operand(g, i->b);
	if (value.kind == OPND_MEM)
		value = (struct opnd){.kind = OPND_REG, .reg = ra_use(g, i->b)};
	a.slow->value = value;
	flags_clobber(g);
	int t = a.follows || (a.window && !swap) ? -1 : ra_alloc(g);
	if (a.leads)
		ra_open_run(g, a.run, t);
	record_notes(g, &a, t);
	if (a.window)
		store_to_window(g, &a, &value, t);
	else
		store_to_tlb(g, &a, i, &value, t, swap);
	if (a.addr_ref != i->a)
		ra_release_value(g, a.addr_ref);
	a.slow->back = g->e.cur;
	access_end(g, &a);
}
