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
 * aligned goes straight to the slow path. The thunks keep every register but the flags. Big-endian
 * accesses add a bswap; a store swaps its value in place and back.
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
};

static int32_t table_of(const struct gen *g, uint16_t memop, bool store)
{
	const struct x64_layout *l = &g->t->layout;
	int64_t bytes = INT64_C(8) << (32 - l->page_bits);
	return (int32_t)(l->tlb + bytes * (int64_t)(ir_memop_space(memop) * 2 + (store ? 1u : 0u)));
}

/* Low address bits known to be zero, as a count; looks through what front ends emit. */
static unsigned known_aligned(const struct gen *g, ir_ref v, unsigned depth)
{
	const struct ir_insn *i = insn_of(g, v);
	if (i->op == IR_const)
		return i->imm ? (unsigned)__builtin_ctzll(i->imm) : 32;
	if (i->op == IR_and && is_const(g, i->b)) {
		uint64_t mask = insn_of(g, i->b)->imm;
		return mask ? (unsigned)__builtin_ctzll(mask) : 32;
	}
	if (i->op == IR_shl && is_const(g, i->b))
		return (unsigned)insn_of(g, i->b)->imm & 31u;
	if ((i->op == IR_add || i->op == IR_sub) && depth) {
		unsigned a = known_aligned(g, i->a, depth - 1), b = known_aligned(g, i->b, depth - 1);
		return a < b ? a : b;
	}
	return 0;
}

static void alignment_check(struct gen *g, const struct access *a)
{
	if (a->size == 1 || known_aligned(g, a->addr_ref, 2) >= (a->memop & 3u))
		return;
	emit_test8_ri(&g->e, a->addr.reg, (uint8_t)(a->size - 1));
	a->slow->from[0] = emit_jcc(&g->e, CC_NE);
}

/* Leaves the addend in t and the host address in a->host. False: the address is never aligned. */
static bool probe(struct gen *g, struct access *a, int t)
{
	int32_t table = table_of(g, a->memop, a->slow->is_store);
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

static void access_begin(struct gen *g, struct access *a, const struct ir_insn *i, bool store)
{
	*a = (struct access){
		.memop = i->aux, .size = ir_memop_size(i->aux), .wide = i->type == IR_I64, .addr_ref = i->a,
		.window = in_window(g, i->aux), .slow = &g->slow[g->n_slow++],
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
	*a->slow = (struct slow_path){
		.memop = i->aux, .is_store = store, .wide = a->wide, .mark = g->mark, .addr = a->addr, .disp = a->disp,
	};
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

/* ---- loads ---------------------------------------------------------------------------------- */

static void load_plain(struct gen *g, const struct access *a, int dst)
{
	static const uint8_t ext[2][2][2] = { /* [sign][size 2][wide] */
		{{EXT_Z8, EXT_Z8}, {EXT_Z16, EXT_Z16}},
		{{EXT_S8, EXT_S8Q}, {EXT_S16, EXT_S16Q}},
	};
	bool sign = ir_memop_signed(a->memop);
	if (a->size <= 2)
		emit_ext_rm(&g->e, (enum x64_ext)ext[sign][a->size == 2][a->wide], dst, a->host);
	else if (a->size == 4 && sign && a->wide)
		emit_ext_rm(&g->e, EXT_S32Q, dst, a->host);
	else
		emit_mov_rm(&g->e, a->size == 8, dst, a->host);
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
	int t = a.window ? -1 : ra_alloc(g), dst;
	a.slow->notes = notes_record(g);
	release(g, &a, i);
	dst = a.slow->value.reg = ra_def(g, v, t);
	if (!(a.window ? begin_window_access(g, &a) : probe(g, &a, t))) {
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
		load_plain(g, &a, dst);
	a.slow->back = g->e.cur;
	ra_bind(g, v, dst);
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

static void store_to_tlb(struct gen *g, struct access *a, const struct opnd *value, int t, bool swap)
{
	if (!probe(g, a, t)) {
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
	int t = a.window && !swap ? -1 : ra_alloc(g);
	a.slow->notes = notes_record(g);
	if (a.window)
		store_to_window(g, &a, &value, t);
	else
		store_to_tlb(g, &a, &value, t, swap);
	if (a.addr_ref != i->a)
		ra_release_value(g, a.addr_ref);
	a.slow->back = g->e.cur;
}

/* ---- slow paths --------------------------------------------------------------------------------- */

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
	uint32_t ahead = g->args->n_insns > s->mark ? MIN(g->args->n_insns - s->mark, UINT16_MAX) : 0;
	return (int32_t)(ahead << 16 | s->memop);
}

static void slow_path(struct gen *g, const struct slow_path *s)
{
	uint32_t stub = here(g);
	for (unsigned k = 0; k < 2; k++)
		if (s->from[k])
			emit_link(s->from[k], g->e.cur);
	store_arg(g, 4, FRAME_ARG, &s->addr, false);
	if (s->disp)
		emit_alu_mi(&g->e, false, ALU_ADD, frame_mem(FRAME_ARG), s->disp);
	if (s->is_store)
		store_arg(g, 8, FRAME_ARG + 8, &s->value, s->wide);
	emit_store_imm(&g->e, 4, frame_mem(FRAME_ARG + 16), how(g, s));
	emit_link(emit_call(&g->e), rw_of(g, s->is_store ? g->t->thunk_store : g->t->thunk_load));
	gen_add_site(g, s->mark);
	struct x64_site *site = &g->code->site[g->code->n_sites - 1];
	site->access = s->access;
	site->stub = stub;
	site->notes = s->notes;
	if (!s->is_store)
		emit_mov_rm(&g->e, s->wide, s->value.reg, frame_mem(FRAME_ARG));
	emit_link(emit_jmp(&g->e), s->back);
}

void gen_slow_paths(struct gen *g)
{
	for (uint32_t k = 0; k < g->n_slow && !g->e.full; k++)
		slow_path(g, &g->slow[k]);
}
