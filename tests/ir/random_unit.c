/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random IR units and the made-up guest they run on. See random_unit.h. C does not say in which
 * order the arguments of a call are made, so at most one of them may draw a number or emit.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ir/random_unit.h"

uint64_t random_interesting(struct random_source *r)
{
	static const uint64_t special[] = {
		0, 1, 2, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffff80000000,
	};
	unsigned left, right;
	switch (random_below(r, 4)) {
	case 0:
		return special[random_below(r, ARRAY_LEN(special))];
	case 1:
		return random_below(r, 16);
	case 2: /* runs of equal bits */
		left = random_below(r, 64);
		right = random_below(r, 64);
		return (UINT64_MAX >> right) << left;
	}
	return random_u64(r);
}

uint64_t random_seed_from_env(uint64_t fallback)
{
	const char *text = getenv("RHEA_SEED");
	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

/* ---- the guest ----------------------------------------------------------------------------- */

static uint32_t helper_mix(void *env, uint32_t a, uint32_t b)
{
	(void)env;
	return a * 31u ^ (b << 7 | b >> 25);
}

static uint64_t helper_wide(void *env, uint64_t a, uint32_t b)
{
	(void)env;
	return a * UINT64_C(0x9e3779b97f4a7c15) + b;
}

static uint32_t helper_touch(void *env, uint32_t a)
{
	struct random_env *e = env;
	uint32_t old = e->r[0] + e->r[RANDOM_REGS - 1] + e->flag[1];
	e->r[1] ^= a;
	e->r[RANDOM_REGS - 2] = e->r[2] + a;
	e->wide += old;
	e->flag[0] = a & 1u;
	e->flag[3] = !e->flag[3];
	return old;
}

static void helper_sign(void *env)
{
	struct random_env *e = env;
	uint64_t h = e->trace + 1;
	for (unsigned i = 0; i < RANDOM_REGS; i++)
		h = (h ^ e->r[i]) * UINT64_C(0x100000001b3);
	for (unsigned i = 0; i < 4; i++)
		h = (h ^ e->flag[i]) * UINT64_C(0x100000001b3);
	e->trace = (h ^ e->wide ^ e->pc) * UINT64_C(0x100000001b3);
}

static void helper_count(void *env, uint32_t a, uint64_t b, uint32_t c, uint32_t d)
{
	struct random_env *e = env;
	e->calls = e->calls * 3 + 1 + a + (uint32_t)b + (uint32_t)(b >> 32) * 5 + c * 7 + d * 11;
}

static uint32_t helper_check(void *env, uint32_t a)
{
	struct random_env *e = env;
	if ((a & 7u) == 0)
		e->fault = 0x100u + (a & 0xffu);
	return a + 1;
}

static void helper_raise(void *env, uint32_t a)
{
	struct random_env *e = env;
	e->fault = a | 1u;
}

#define FIELD(name, field, type, bytes, heat) \
	{ name, (int32_t)offsetof(struct random_env, field), type, bytes, heat }

static const struct ir_global globals[RANDOM_GLOBALS] = {
	FIELD("r0", r[0], IR_I32, 4, 15),   FIELD("r1", r[1], IR_I32, 4, 14),
	FIELD("r2", r[2], IR_I32, 4, 13),   FIELD("r3", r[3], IR_I32, 4, 12),
	FIELD("r4", r[4], IR_I32, 4, 11),   FIELD("r5", r[5], IR_I32, 4, 10),
	FIELD("r6", r[6], IR_I32, 4, 9),    FIELD("r7", r[7], IR_I32, 4, 8),
	FIELD("r8", r[8], IR_I32, 4, 7),    FIELD("r9", r[9], IR_I32, 4, 6),
	FIELD("r10", r[10], IR_I32, 4, 5),  FIELD("r11", r[11], IR_I32, 4, 4),
	FIELD("r12", r[12], IR_I32, 4, 3),  FIELD("r13", r[13], IR_I32, 4, 2),
	FIELD("f0", flag[0], IR_I32, 1, 0), FIELD("f1", flag[1], IR_I32, 1, 0),
	FIELD("f2", flag[2], IR_I32, 1, 0), FIELD("f3", flag[3], IR_I32, 1, 0),
	FIELD("wide", wide, IR_I64, 8, 1),  FIELD("pc", pc, IR_I32, 4, 0),
};

#define HELPER(name, ret, n, flags, ...) { #name, (void (*)(void))helper_##name, ret, n, { __VA_ARGS__ }, flags }

static const struct ir_helper helpers[RANDOM_HELPERS] = {
	HELPER(mix, IR_I32, 2, IR_HELPER_PURE, IR_I32, IR_I32),
	HELPER(wide, IR_I64, 2, IR_HELPER_PURE, IR_I64, IR_I32),
	HELPER(touch, IR_I32, 1, IR_HELPER_READS | IR_HELPER_WRITES, IR_I32),
	HELPER(sign, IR_VOID, 0, IR_HELPER_READS, 0),
	HELPER(count, IR_VOID, 4, 0, IR_I32, IR_I64, IR_I32, IR_I32),
	HELPER(check, IR_I32, 1, IR_HELPER_FAULT, IR_I32),
	HELPER(raise, IR_VOID, 1, IR_HELPER_FAULT | IR_HELPER_NORETURN, IR_I32),
};

const struct ir_guest random_guest = {
	.globals = globals,
	.helpers = helpers,
	.n_globals = RANDOM_GLOBALS,
	.n_helpers = RANDOM_HELPERS,
	.fault_flag_offset = (int32_t)offsetof(struct random_env, fault),
	.pc_global = RANDOM_G_PC,
};

void random_env_init(struct random_env *env, uint64_t seed)
{
	struct random_source rnd = { seed ^ 0x656e76 };
	memset(env, 0, sizeof *env);
	for (unsigned i = 0; i < RANDOM_REGS; i++)
		env->r[i] = (uint32_t)random_interesting(&rnd);
	for (unsigned i = 0; i < 4; i++)
		env->flag[i] = random_u32(&rnd) & 1u;
	env->wide = random_interesting(&rnd);
}

/* ---- its memory ---------------------------------------------------------------------------- */

void random_memory_init(struct random_memory *m, uint64_t seed)
{
	struct random_source rnd = { seed ^ 0x6d656d };
	memset(m, 0, sizeof *m);
	for (unsigned i = 0; i < RANDOM_MEM_SIZE; i += 8) {
		uint64_t x = random_u64(&rnd);
		memcpy(&m->bytes[i], &x, 8);
	}
}

static void digest(uint64_t *h, uint64_t x)
{
	*h = (*h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	*h ^= *h >> 29;
}

/* Applies the alignment rule; false when the access faults. */
static bool access_begin(struct random_memory *m, uint32_t *addr, uint16_t memop, unsigned mark)
{
	unsigned size = ir_memop_size(memop);
	bool leaves = ir_memop_leaves(memop);
	memop &= (uint16_t)~(IR_MEMOP_LEAVES | IR_MEMOP_ALIGNED); /* compiled code does not say where it knows */
	digest(&m->log, *addr | (uint64_t)memop << 32);
	digest(&m->log, mark);
	m->n_accesses++;
	switch (ir_memop_align(memop)) {
	case IR_ALIGN_ANY:
		break;
	case IR_ALIGN_FAULT:
		if (*addr & (size - 1)) {
			m->fault_mark = mark;
			return false;
		}
		break;
	case IR_ALIGN_FORCE:
	case IR_ALIGN_ROTATE:
		if (leaves && *addr & (size - 1)) {
			m->fault_mark = mark;
			return false;
		}
		*addr &= ~(size - 1);
		break;
	}
	uint32_t off = *addr - RANDOM_MEM_BASE;
	if (off >= RANDOM_MEM_GOOD || off + size > RANDOM_MEM_GOOD) {
		m->fault_mark = mark;
		return false;
	}
	return true;
}

bool random_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct random_memory *m = ctx;
	unsigned size = ir_memop_size(memop), rotate = 8 * (addr & 3u);
	uint64_t x = 0;
	if (!access_begin(m, &addr, memop, mark))
		return false;
	for (unsigned i = 0; i < size; i++) {
		unsigned at = ir_memop_be(memop) ? size - 1 - i : i;
		x |= (uint64_t)m->bytes[addr - RANDOM_MEM_BASE + at] << (8 * i);
	}
	if (ir_memop_align(memop) == IR_ALIGN_ROTATE)
		x = ror32((uint32_t)x, rotate);
	if (ir_memop_signed(memop) && size < 8 && (x >> (8 * size - 1)) & 1u)
		x |= UINT64_MAX << (8 * size);
	*value = x;
	return true;
}

bool random_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	struct random_memory *m = ctx;
	unsigned size = ir_memop_size(memop);
	if (size < 8)
		value &= (UINT64_C(1) << (8 * size)) - 1;
	if (!access_begin(m, &addr, memop, mark))
		return false;
	for (unsigned i = 0; i < size; i++) {
		unsigned at = ir_memop_be(memop) ? size - 1 - i : i;
		m->bytes[addr - RANDOM_MEM_BASE + at] = (uint8_t)(value >> (8 * i));
	}
	digest(&m->log, value);
	digest(&m->store_log, value ^ (uint64_t)addr << 32);
	return true;
}

/* ---- units --------------------------------------------------------------------------------- */

#define POOL 16
#define MAX_BLOCKS 8

/* Values of the block being built, newest overwriting oldest. */
struct pool {
	ir_ref ref[POOL];
	unsigned n;
};

struct gen {
	struct ir_unit *u;
	struct random_source rnd;
	struct pool w, q, cond; /* i32, i64, i32 that is 0 or 1 */
	struct pool addr;       /* addresses used before */
	ir_label label[MAX_BLOCKS]; /* in code order */
	uint32_t enter[MAX_BLOCKS]; /* a call comes back there, to this key; 0 = none */
	unsigned n_blocks, block;
	unsigned slots_used;    /* bit mask */
	uint32_t pc;
};

static ir_ref push(struct pool *p, ir_ref v)
{
	p->ref[p->n++ % POOL] = v;
	return v;
}

static bool chance(struct gen *g, unsigned percent)
{
	return random_below(&g->rnd, 100) < percent;
}

/* Prefers young values, as real code does. */
static ir_ref pick_from(struct gen *g, const struct pool *p)
{
	unsigned have = MIN(p->n, POOL);
	unsigned back = random_below(&g->rnd, chance(g, 60) ? MIN(have, 3) : have);
	return p->ref[(p->n - 1 - back) % POOL];
}

static ir_ref pick_w(struct gen *g)
{
	if (!g->w.n || chance(g, 15))
		return push(&g->w, ir_const(g->u, IR_I32, (uint32_t)random_interesting(&g->rnd)));
	return pick_from(g, &g->w);
}

static ir_ref pick_q(struct gen *g)
{
	if (!g->q.n || chance(g, 15))
		return push(&g->q, ir_const(g->u, IR_I64, random_interesting(&g->rnd)));
	return pick_from(g, &g->q);
}

static ir_ref pick_cond(struct gen *g)
{
	if (!g->cond.n || chance(g, 15))
		return push(&g->cond, ir_const(g->u, IR_I32, random_below(&g->rnd, 2)));
	return pick_from(g, &g->cond);
}

static ir_ref pick(struct gen *g, enum ir_type t)
{
	return t == IR_I64 ? pick_q(g) : pick_w(g);
}

static void push_typed(struct gen *g, enum ir_type t, ir_ref v)
{
	if (t != IR_VOID)
		push(t == IR_I64 ? &g->q : &g->w, v);
}

static uint16_t random_global(struct gen *g)
{
	switch (random_below(&g->rnd, 16)) {
	case 0:
		return RANDOM_G_WIDE;
	case 1: case 2: case 3: case 4:
		return (uint16_t)(RANDOM_G_FLAG0 + random_below(&g->rnd, 4));
	case 5:
		return chance(g, 30) ? RANDOM_G_PC : RANDOM_G_R0;
	case 6: case 7: case 8:
		return (uint16_t)random_below(&g->rnd, RANDOM_REGS);
	}
	return (uint16_t)random_below(&g->rnd, 4);
}

static bool is_flag(uint16_t global)
{
	return random_guest.globals[global].mem_bytes == 1;
}

static void gen_get(struct gen *g)
{
	uint16_t n = random_global(g);
	ir_ref v = ir_get(g->u, n);
	push_typed(g, (enum ir_type)random_guest.globals[n].type, v);
	if (is_flag(n))
		push(&g->cond, v);
}

static void gen_set(struct gen *g)
{
	uint16_t n = random_global(g);
	if (is_flag(n) && chance(g, 25))
		ir_stick(g->u, n, chance(g, 70) ? pick_cond(g) : pick_w(g));
	else
		ir_set(g->u, n, is_flag(n) ? pick_cond(g) : pick(g, (enum ir_type)random_guest.globals[n].type));
}

/* Any pure op, from its row: a new row in ops.def is covered at once. */
static void gen_pure(struct gen *g)
{
	enum ir_op op;
	do
		op = (enum ir_op)random_below(&g->rnd, IR_OP_COUNT);
	while (!(ir_ops[op].flags & IR_PURE) || ir_ops[op].n_args == 0);
	enum ir_type t = chance(g, 75) ? IR_I32 : IR_I64;
	ir_ref v[3] = { IR_NONE, IR_NONE, IR_NONE };
	for (unsigned i = 0; i < ir_ops[op].n_args; i++) {
		char kind = ir_ops[op].args[i];
		if (i == 2 && kind == 'w') /* carry in */
			v[i] = pick_cond(g);
		else if (i > 0 && chance(g, 8) && kind == ir_ops[op].args[i - 1])
			v[i] = v[i - 1];
		else
			v[i] = kind == 'q' || (kind == 'T' && t == IR_I64) ? pick_q(g) : pick_w(g);
	}
	uint16_t aux = ir_ops[op].shape == IR_SHAPE_COMPARE ? (uint16_t)random_below(&g->rnd, IR_GTS + 1) : 0;
	ir_ref r = ir_emit(g->u, op, t, aux, v[0], v[1], v[2], 0);
	enum ir_type rt = ir_result_type(g->u, &g->u->insns[r]);
	push_typed(g, rt, r);
	bool truth = ir_ops[op].shape == IR_SHAPE_COMPARE || (ir_ops[op].result == 'w' && ir_ops[op].n_args == 3);
	if ((op == IR_mulh_u || op == IR_mulh_s) && chance(g, 70))
		push_typed(g, IR_I32, chance(g, 50) ? ir_mul(g->u, IR_I32, v[0], v[1]) : ir_mul(g->u, IR_I32, v[1], v[0]));
	if (truth) /* cmp, add_c, add_v, sub_c, sub_v */
		push(&g->cond, r);
}

/* Sets a register, perhaps, and the flags; IR_NONE = leave that one alone. */
static void set_flags(struct gen *g, enum ir_type t, ir_ref r, ir_ref c, ir_ref v)
{
	struct ir_unit *u = g->u;
	ir_ref zero = ir_const(u, t, 0);
	if (t == IR_I32 && chance(g, 60))
		ir_set(u, (uint16_t)random_below(&g->rnd, RANDOM_REGS), r);
	ir_set(u, RANDOM_G_FLAG0, push(&g->cond, ir_cmp(u, t, IR_LTS, r, zero)));
	ir_set(u, RANDOM_G_FLAG0 + 1, push(&g->cond, ir_cmp(u, t, IR_EQ, r, zero)));
	if (c != IR_NONE)
		ir_set(u, RANDOM_G_FLAG0 + 2, push(&g->cond, c));
	if (v != IR_NONE)
		ir_set(u, RANDOM_G_FLAG0 + 3, push(&g->cond, v));
	push_typed(g, t, r);
}

/* A shift whose last bit out is the carry, mostly by a constant: then one host instruction can do both. */
static void gen_shift_flags(struct gen *g)
{
	struct ir_unit *u = g->u;
	ir_ref n = chance(g, 80) ? ir_const(u, IR_I32, 1 + random_below(&g->rnd, chance(g, 40) ? 3 : 32)) : pick_w(g);
	ir_ref a = pick_w(g), cin = pick_cond(g);
	unsigned kind = random_below(&g->rnd, 3);
	ir_ref r = ir_emit(u, (enum ir_op)(IR_shl + kind), IR_I32, 0, a, n, IR_NONE, 0);
	if (chance(g, 30)) /* one lea, unless somebody asks for the shift's flags */
		ir_set(u, (uint16_t)random_below(&g->rnd, RANDOM_REGS), push(&g->w, ir_add(u, IR_I32, pick_w(g), r)));
	if (chance(g, 10)) /* not the same operation after all */
		a = pick_w(g);
	else if (chance(g, 10))
		n = ir_const(u, IR_I32, random_below(&g->rnd, 300));
	ir_ref c = ir_emit(u, (enum ir_op)(IR_shl_c + kind), IR_VOID, 0, a, n, cin, 0);
	set_flags(g, IR_I32, r, c, IR_NONE);
}

/* What a front end emits for an instruction that sets all flags: the shape that backends match. */
static void gen_flags(struct gen *g)
{
	struct ir_unit *u = g->u;
	enum ir_type t = chance(g, 85) ? IR_I32 : IR_I64;
	ir_ref a = pick(g, t), b = pick(g, t), r, c = IR_NONE, v = IR_NONE, cin;
	unsigned kind = random_below(&g->rnd, 5);
	switch (kind) {
	case 0:
		r = ir_sub(u, t, a, b);
		cin = ir_const(u, IR_I32, 1);
		c = ir_sub_c(u, t, a, b, cin);
		v = ir_sub_v(u, t, a, b, cin);
		break;
	case 1:
		r = ir_add(u, t, a, b);
		cin = ir_const(u, IR_I32, 0);
		c = ir_add_c(u, t, a, b, cin);
		v = ir_add_v(u, t, a, b, cin);
		break;
	case 2:
		cin = ir_get(u, RANDOM_G_FLAG0 + 2);
		r = ir_adc(u, t, a, b, cin);
		c = ir_add_c(u, t, a, b, cin);
		v = ir_add_v(u, t, a, b, cin);
		break;
	case 3:
		cin = ir_get(u, RANDOM_G_FLAG0 + 2);
		r = ir_sbc(u, t, a, b, cin);
		c = ir_sub_c(u, t, a, b, cin);
		v = ir_sub_v(u, t, a, b, cin);
		break;
	default:
		r = chance(g, 50) ? ir_and(u, t, a, b) : ir_xor(u, t, a, b);
		break;
	}
	set_flags(g, t, r, c, v);
}

static uint16_t random_memop(struct gen *g, enum ir_type t, bool load)
{
	unsigned size = random_below(&g->rnd, t == IR_I64 ? 4 : 3);
	unsigned sign = load ? random_below(&g->rnd, 2) : 0;
	unsigned align = random_below(&g->rnd, size == 2 ? 4 : 3);
	if (align == IR_ALIGN_FAULT && chance(g, 50))
		align = IR_ALIGN_ANY;
	unsigned space = random_below(&g->rnd, 2);
	bool leaves = align >= IR_ALIGN_FORCE && chance(g, 60);
	return (uint16_t)(IR_MEMOP(size, sign, align, space) | (chance(g, 20) ? IR_MEMOP_BE : 0u) | (leaves ? IR_MEMOP_LEAVES : 0u));
}

/* a, or the same in two steps of which the second may be a displacement; in between may leave the good pages. */
static ir_ref displaced(struct gen *g, ir_ref a)
{
	static const uint32_t steps[] = { 1, 2, 4, 8, 0x40, 0xff0, 0x2000, 0x7ff8, 0x7fff, 0x8000, 0xfffffffc, 0xffff8008 };
	struct ir_unit *u = g->u;
	ir_ref by = ir_const(u, IR_I32, steps[random_below(&g->rnd, ARRAY_LEN(steps))]);
	bool up = chance(g, 50);
	ir_ref there = up ? ir_add(u, IR_I32, a, by) : ir_sub(u, IR_I32, a, by);
	if (chance(g, 30)) /* as a base register with writeback */
		ir_set(u, (uint16_t)random_below(&g->rnd, RANDOM_REGS), there);
	return up ? ir_sub(u, IR_I32, there, by) : ir_add(u, IR_I32, there, by);
}

/* An address in the good pages, often a multiple of 8, rarely one that faults. */
static ir_ref gen_address(struct gen *g)
{
	struct ir_unit *u = g->u;
	static const uint32_t masks[] = { 0x1ff8, 0x38, 0x3c, 0x1fff, 0x1f };
	ir_ref base = ir_const(u, IR_I32, RANDOM_MEM_BASE + (chance(g, 4) ? RANDOM_MEM_GOOD : 0));
	if (chance(g, 20))
		return ir_const(u, IR_I32, RANDOM_MEM_BASE + random_below(&g->rnd, RANDOM_MEM_GOOD - 8));
	if (g->addr.n && chance(g, 30))
		return pick_from(g, &g->addr);
	ir_ref mask = ir_const(u, IR_I32, masks[random_below(&g->rnd, ARRAY_LEN(masks))]);
	ir_ref a = ir_and(u, IR_I32, pick_w(g), mask);
	a = chance(g, 50) ? ir_add(u, IR_I32, base, a) : ir_add(u, IR_I32, a, base);
	if (chance(g, 50))
		a = displaced(g, a);
	if (chance(g, 10)) /* a use that is no address */
		push(&g->w, a);
	if (chance(g, 10)) { /* its flags are asked for */
		ir_ref flag = ir_cmp(u, IR_I32, IR_EQ, a, ir_const(u, IR_I32, 0));
		ir_set(u, RANDOM_G_FLAG0 + 1, push(&g->cond, flag));
	}
	return push(&g->addr, a);
}

static void gen_load(struct gen *g)
{
	enum ir_type t = chance(g, 80) ? IR_I32 : IR_I64;
	ir_ref addr = gen_address(g);
	push_typed(g, t, ir_ld(g->u, t, random_memop(g, t, true), addr));
}

static void gen_store(struct gen *g)
{
	enum ir_type t = chance(g, 80) ? IR_I32 : IR_I64;
	ir_ref addr = gen_address(g), value = pick(g, t);
	ir_st(g->u, t, random_memop(g, t, false), addr, value);
}

/* Several accesses off one base, as a push or the fields of a structure; often at the border of the two good pages. */
static void gen_run(struct gen *g)
{
	struct ir_unit *u = g->u;
	static const uint32_t masks[] = { 0x1ff8, 0x38, 0x3f };
	static const uint8_t gaps[] = { 0, 0, 0, 0, 4, 8, 1, 40, 200 };
	ir_ref mask = ir_const(u, IR_I32, masks[random_below(&g->rnd, ARRAY_LEN(masks))]);
	ir_ref start = ir_const(u, IR_I32, RANDOM_MEM_BASE + (chance(g, 60) ? 0xfe0 : chance(g, 80) ? 0x100 : RANDOM_MEM_GOOD - 32));
	ir_ref base = ir_add(u, IR_I32, ir_and(u, IR_I32, pick_w(g), mask), start);
	bool store = chance(g, 50), same = chance(g, 70);
	uint16_t memop = random_memop(g, IR_I32, !store);
	uint32_t at = chance(g, 30) ? (uint32_t)-(int32_t)random_below(&g->rnd, 9) * 4 : 0;
	for (unsigned n = 2 + random_below(&g->rnd, 8); n--;) {
		ir_ref addr = at ? ir_add(u, IR_I32, base, ir_const(u, IR_I32, at)) : base;
		if (store)
			ir_st(u, IR_I32, memop, addr, pick_w(g));
		else if (chance(g, 60))
			ir_set(u, (uint16_t)random_below(&g->rnd, RANDOM_REGS), ir_ld(u, IR_I32, memop, addr));
		else
			push_typed(g, IR_I32, ir_ld(u, IR_I32, memop, addr));
		at += ir_memop_size(memop) + gaps[random_below(&g->rnd, ARRAY_LEN(gaps))];
		if (!same)
			memop = random_memop(g, IR_I32, !store);
		if (chance(g, 10))
			gen_pure(g);
	}
}

static void gen_call(struct gen *g, enum random_helper h)
{
	const struct ir_helper *helper = &random_guest.helpers[h];
	ir_ref args[IR_HELPER_MAX_ARGS];
	for (unsigned i = 0; i < helper->n_args; i++)
		args[i] = pick(g, (enum ir_type)helper->args[i]);
	if (h == RANDOM_H_CHECK && chance(g, 60)) /* most of them shall pass */
		args[0] = ir_or(g->u, IR_I32, args[0], ir_const(g->u, IR_I32, 1));
	push_typed(g, (enum ir_type)helper->ret, ir_call(g->u, (uint16_t)h, args));
}

static void gen_mark(struct gen *g)
{
	ir_insn(g->u, g->pc);
	g->pc += 4;
}

/* Flags that only faults see: setters with accesses, and changes of what the flags follow from, between them. */
static void gen_unseen_flags(struct gen *g)
{
	for (unsigned n = 2 + random_below(&g->rnd, 3); n > 0; n--) {
		gen_flags(g);
		for (unsigned k = random_below(&g->rnd, 4); k > 0; k--) {
			if (chance(g, 30))
				gen_set(g);
			else if (chance(g, 15))
				gen_pure(g);
			else if (chance(g, 50))
				gen_load(g);
			else
				gen_store(g);
			if (chance(g, 25))
				gen_mark(g);
		}
	}
}

static void gen_account(struct gen *g)
{
	unsigned what = random_below(&g->rnd, 4);
	if (what == 0)
		ir_refund(g->u, random_below(&g->rnd, 20));
	else if (what == 3)
		ir_refund_by(g->u, pick_cond(g));
	else if (what == 1)
		ir_count(g->u, random_below(&g->rnd, RANDOM_COUNTERS));
	else
		ir_nop(g->u);
}

static void gen_one(struct gen *g)
{
	unsigned what = random_below(&g->rnd, 100);
	if (chance(g, 4))
		gen_unseen_flags(g);
	else if (what < 32)
		gen_pure(g);
	else if (what < 34)
		gen_shift_flags(g);
	else if (what < 48)
		gen_get(g);
	else if (what < 66)
		gen_set(g);
	else if (what < 72)
		gen_flags(g);
	else if (what < 79)
		gen_load(g);
	else if (what < 86)
		gen_store(g);
	else if (what < 88)
		gen_run(g);
	else if (what < 91)
		gen_call(g, (enum random_helper)random_below(&g->rnd, RANDOM_H_RAISE));
	else if (what < 98)
		gen_mark(g);
	else
		gen_account(g);
}

/* The call that was emitted last comes back to a block further on. */
static void gen_landing(struct gen *g, uint32_t key)
{
	unsigned first = g->block + 1;
	if (first == g->n_blocks || chance(g, 50))
		return;
	unsigned k = first + random_below(&g->rnd, g->n_blocks - first);
	if (g->enter[k] && g->enter[k] != key)
		return;
	g->enter[k] = key;
	ir_exit_lands(g->u, g->label[k]);
}

static void gen_exit(struct gen *g)
{
	unsigned slot = random_below(&g->rnd, 2);
	enum ir_link link = (enum ir_link)random_below(&g->rnd, 3);
	if (chance(g, 10))
		gen_call(g, RANDOM_H_RAISE);
	if (g->slots_used & 1u << slot)
		slot ^= 1u;
	if (!(g->slots_used & 1u << slot) && chance(g, 70)) {
		g->slots_used |= 1u << slot;
		uint32_t ret = link == IR_LINK_CALL ? g->pc + 4 : 0;
		ir_exit_jump(g->u, slot, link, random_u32(&g->rnd), ret);
		if (link == IR_LINK_CALL)
			gen_landing(g, ret);
	} else if (chance(g, 10)) {
		ir_exit_budget(g->u, (uint16_t)random_below(&g->rnd, 20), random_u32(&g->rnd));
	} else if (chance(g, 60)) {
		ir_exit_ind(g->u, link, pick_w(g), link == IR_LINK_CALL ? g->pc + 4 : 0);
		if (link == IR_LINK_CALL)
			gen_landing(g, g->pc + 4);
	} else {
		ir_exit_loop(g->u, pick_w(g));
	}
}

static ir_label later_block(struct gen *g)
{
	unsigned first = g->block + 1;
	unsigned step = chance(g, 60) ? 0 : random_below(&g->rnd, g->n_blocks - first);
	return g->label[first + step];
}

static void gen_end(struct gen *g)
{
	if (g->block + 1 == g->n_blocks || chance(g, 8)) {
		gen_exit(g);
	} else if (chance(g, 25)) {
		ir_label on = later_block(g);
		if (chance(g, 50))
			ir_br(g->u, on);
		else
			ir_charge(g->u, (uint16_t)(1 + random_below(&g->rnd, 20)), on, later_block(g));
	} else {
		ir_ref c = chance(g, 75) ? pick_cond(g) : pick_w(g);
		ir_label then = later_block(g);
		ir_brc(g->u, c, then, later_block(g));
	}
}

/* Block 0 comes first; the others' labels are shuffled against the order of the code. */
static void make_labels(struct gen *g)
{
	for (unsigned i = 0; i < g->n_blocks; i++)
		g->label[i] = ir_block_new(g->u);
	for (unsigned i = g->n_blocks - 1; i > 1; i--) {
		unsigned j = 1 + random_below(&g->rnd, i);
		ir_label l = g->label[i];
		g->label[i] = g->label[j];
		g->label[j] = l;
	}
}

void random_unit(struct ir_unit *u, const struct ir_guest *guest, uint64_t seed, unsigned n_insns)
{
	assert(guest == &random_guest && u->guest == guest);
	(void)guest;
	struct gen g = { .u = u, .rnd = { seed }, .pc = 0x8000 };
	g.n_blocks = chance(&g, 25) ? 1 : 2 + random_below(&g.rnd, MAX_BLOCKS - 1);
	make_labels(&g);
	for (g.block = 0; g.block < g.n_blocks; g.block++) {
		uint32_t until = (uint32_t)((uint64_t)n_insns * (g.block + 1) / g.n_blocks);
		g.w.n = g.q.n = g.cond.n = g.addr.n = 0;
		ir_block_start(u, g.label[g.block]);
		if (g.enter[g.block])
			ir_enter(u, g.enter[g.block], false);
		if (g.block == 0 || chance(&g, 50))
			gen_mark(&g);
		while (u->n_insns < until)
			gen_one(&g);
		gen_end(&g);
	}
}
