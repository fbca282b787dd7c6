/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of emitted code: golden listings of small units (RHEA_UPDATE_GOLDEN=1 rewrites them),
 * and what the runtime relies on: chaining, the budget, cross-page entries, the jump cache, a full
 * code buffer.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/backend-x86_64/harness.h"

#define COOKIE UINT64_C(0x10000)
#define KEY 0x8000u

enum { N = RANDOM_G_FLAG0, Z, C, V, R0 = RANDOM_G_R0, R1, R2, R3, R4, R12 = RANDOM_G_R0 + 12 };

/* ---- units ------------------------------------------------------------------------------------- */

static ir_ref word(struct ir_unit *u, uint32_t x)
{
	return ir_const(u, IR_I32, x);
}

static void end(struct ir_unit *u)
{
	ir_exit_jump(u, 0, IR_LINK_JUMP, KEY + 0x100, 0);
}

static void set_nz(struct ir_unit *u, ir_ref r)
{
	ir_set(u, N, ir_cmp(u, IR_I32, IR_LTS, r, word(u, 0)));
	ir_set(u, Z, ir_cmp(u, IR_I32, IR_EQ, r, word(u, 0)));
}

static ir_ref subs(struct ir_unit *u, ir_ref a, ir_ref b)
{
	ir_ref r = ir_sub(u, IR_I32, a, b);
	set_nz(u, r);
	ir_set(u, C, ir_sub_c(u, IR_I32, a, b, word(u, 1)));
	ir_set(u, V, ir_sub_v(u, IR_I32, a, b, word(u, 1)));
	return r;
}

static ir_ref adds(struct ir_unit *u, ir_ref a, ir_ref b)
{
	ir_ref r = ir_add(u, IR_I32, a, b);
	set_nz(u, r);
	ir_set(u, C, ir_add_c(u, IR_I32, a, b, word(u, 0)));
	ir_set(u, V, ir_add_v(u, IR_I32, a, b, word(u, 0)));
	return r;
}

static void unit_arithmetic(struct ir_unit *u)
{
	ir_set(u, R0, ir_add(u, IR_I32, ir_get(u, R1), ir_get(u, R2)));
	ir_set(u, R1, ir_add(u, IR_I32, ir_get(u, R1), word(u, 4)));
	ir_set(u, R2, ir_sub(u, IR_I32, ir_get(u, R3), word(u, 0x100)));
	ir_set(u, R3, ir_sub(u, IR_I32, word(u, 0), ir_get(u, R3)));
	ir_set(u, R4, ir_or(u, IR_I32, ir_get(u, R4), ir_shl(u, IR_I32, ir_get(u, R0), word(u, 8))));
	ir_set(u, R0, ir_andn(u, IR_I32, ir_get(u, R0), ir_get(u, R1)));
	ir_set(u, R12, ir_mul(u, IR_I32, ir_get(u, R12), ir_get(u, R2)));
	ir_set(u, R1, ir_clz(u, IR_I32, ir_get(u, R2)));
	end(u);
}

/* subs r0, r0, #1; bne */
static void unit_loop_end(struct ir_unit *u)
{
	ir_label taken = ir_block_new(u), not_taken = ir_block_new(u);
	ir_ref a = ir_get(u, R0), one = word(u, 1);
	ir_set(u, R0, subs(u, a, one));
	ir_brc(u, ir_cmp(u, IR_I32, IR_NE, a, one), taken, not_taken);
	ir_block_start(u, taken);
	end(u);
	ir_block_start(u, not_taken);
	ir_exit_jump(u, 1, IR_LINK_JUMP, KEY + 8, 0);
}

/* bls with the flags in memory */
static void unit_flags_from_memory(struct ir_unit *u)
{
	ir_label taken = ir_block_new(u), not_taken = ir_block_new(u);
	ir_brc(u, ir_get(u, Z), taken, not_taken);
	ir_block_start(u, taken);
	end(u);
	ir_block_start(u, not_taken);
	ir_set(u, R0, ir_select(u, IR_I32, ir_get(u, C), ir_get(u, R1), word(u, 7)));
	ir_exit_jump(u, 1, IR_LINK_JUMP, KEY + 8, 0);
}

/* adds r0, r0, r2; adc r1, r1, r3 */
static void unit_long_add(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R0), b = ir_get(u, R2), x = ir_get(u, R1), y = ir_get(u, R3);
	ir_ref r = ir_add(u, IR_I32, a, b), zero = word(u, 0);
	set_nz(u, r);
	ir_ref c = ir_add_c(u, IR_I32, a, b, zero);
	ir_set(u, C, c);
	ir_set(u, V, ir_add_v(u, IR_I32, a, b, zero));
	ir_set(u, R0, r);
	ir_set(u, R1, ir_adc(u, IR_I32, x, y, c));
	end(u);
}

/* umull r0, r1, r2, r3 */
static void unit_long_multiply(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R2), b = ir_get(u, R3), high = ir_mulh_u(u, IR_VOID, a, b);
	ir_set(u, R0, ir_mul(u, IR_I32, a, b));
	ir_set(u, R1, high);
	end(u);
}

/* lsls r0, r1, #3; the top half of r2 * r3, unsigned; lsrs r4, r4, r0; q |= overflow of r1 + r2 */
static void unit_shifts(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R1), b = ir_get(u, R4), n = word(u, 3), r = ir_shl(u, IR_I32, a, n);
	set_nz(u, r);
	ir_set(u, C, ir_shl_c(u, IR_VOID, a, n, word(u, 0)));
	ir_set(u, R0, r);
	ir_set(u, R12, ir_mulh_u(u, IR_VOID, ir_get(u, R2), ir_get(u, R3)));
	ir_set(u, R4, ir_shr(u, IR_I32, b, r));
	ir_set(u, C, ir_shr_c(u, IR_VOID, b, r, ir_get(u, C)));
	ir_stick(u, V, ir_add_v(u, IR_I32, a, ir_get(u, R2), word(u, 0)));
	end(u);
}

/* cmn r0, r1; tst r2, #1; cmp r3, r4 */
static void unit_compares(struct ir_unit *u)
{
	adds(u, ir_get(u, R0), ir_get(u, R1));
	set_nz(u, ir_and(u, IR_I32, ir_get(u, R2), word(u, 1)));
	subs(u, ir_get(u, R3), ir_get(u, R4));
	end(u);
}

/* ldr r0, [r1], #4; strb r0, [r2, #1]; ldrsh r3, [r3]; ldr r4, =const */
static void unit_memory(struct ir_unit *u)
{
	uint16_t rotate = IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 1);
	ir_ref a = ir_get(u, R1);
	ir_ref v = ir_ld(u, IR_I32, rotate, a);
	ir_set(u, R1, ir_add(u, IR_I32, a, word(u, 4)));
	ir_set(u, R0, v);
	ir_insn(u, KEY + 4);
	ir_st(u, IR_I32, IR_MEMOP(0, 0, IR_ALIGN_ANY, 1), ir_add(u, IR_I32, ir_get(u, R2), word(u, 1)), v);
	ir_insn(u, KEY + 8);
	ir_set(u, R3, ir_ld(u, IR_I32, IR_MEMOP(1, 1, IR_ALIGN_FORCE, 1), ir_get(u, R3)));
	ir_insn(u, KEY + 12);
	ir_set(u, R4, ir_ld(u, IR_I32, rotate, word(u, KEY + 0x40)));
	end(u);
}

/* Runs that look their page up once: stmdb r1!, {r2, r12}; ldrb r2, [r3, #5]; ldrh r4, [r3, #6] is none, its size is the larger
 * one; ldr r0, [r3]; ldrsb r12, [r3, #7] is one. */
static void unit_runs(struct ir_unit *u)
{
	uint16_t w = IR_MEMOP(2, 0, IR_ALIGN_FORCE, 1);
	ir_ref a = ir_get(u, R1);
	ir_st(u, IR_I32, w, ir_sub(u, IR_I32, a, word(u, 8)), ir_get(u, R2));
	ir_st(u, IR_I32, w, ir_sub(u, IR_I32, a, word(u, 4)), ir_get(u, R12));
	ir_set(u, R1, ir_sub(u, IR_I32, a, word(u, 8)));
	ir_insn(u, KEY + 4);
	ir_ref b = ir_get(u, R3);
	ir_set(u, R2, ir_ld(u, IR_I32, IR_MEMOP(0, 0, IR_ALIGN_ANY, 1), ir_add(u, IR_I32, b, word(u, 5))));
	ir_insn(u, KEY + 8);
	ir_set(u, R4, ir_ld(u, IR_I32, IR_MEMOP(1, 0, IR_ALIGN_FORCE, 1), ir_add(u, IR_I32, b, word(u, 6))));
	ir_insn(u, KEY + 12);
	ir_set(u, R0, ir_ld(u, IR_I32, w, b));
	ir_insn(u, KEY + 16);
	ir_set(u, R12, ir_ld(u, IR_I32, IR_MEMOP(0, 1, IR_ALIGN_ANY, 1), ir_add(u, IR_I32, b, word(u, 7))));
	end(u);
}

/* ldr r0, [r1, #-8]!; ldr r2, [r2, #0x104]; str r3, [r1, #8], strh r4, [r2, #3] (not folded); ldrt r12, [r1] */
static void unit_window(struct ir_unit *u)
{
	uint16_t w = IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 1), h = IR_MEMOP(1, 0, IR_ALIGN_FORCE, 1);
	ir_ref a = ir_sub(u, IR_I32, ir_get(u, R1), word(u, 8));
	ir_ref v = ir_ld(u, IR_I32, w, a);
	ir_set(u, R1, a);
	ir_set(u, R0, v);
	ir_insn(u, KEY + 4);
	ir_set(u, R2, ir_ld(u, IR_I32, w, ir_add(u, IR_I32, ir_get(u, R2), word(u, 0x104))));
	ir_insn(u, KEY + 8);
	ir_st(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_FORCE, 1), ir_add(u, IR_I32, ir_get(u, R1), word(u, 8)), ir_get(u, R3));
	ir_insn(u, KEY + 12);
	ir_st(u, IR_I32, h, ir_add(u, IR_I32, ir_get(u, R2), word(u, 3)), ir_get(u, R4));
	ir_insn(u, KEY + 16);
	ir_set(u, R12, ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 0), ir_get(u, R1)));
	end(u);
}

/* Constant addresses, a constant stored; big-endian: a word and a signed halfword loaded, a word stored. */
static void unit_window_order(struct ir_unit *u)
{
	ir_st(u, IR_I32, IR_MEMOP(0, 0, IR_ALIGN_ANY, 1), word(u, KEY + 0x41), word(u, 0x5a));
	ir_set(u, R0, ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 1), word(u, 0xfffffff0)));
	ir_insn(u, KEY + 4);
	ir_set(u, R1, ir_ld(u, IR_I32, (uint16_t)(IR_MEMOP(2, 0, IR_ALIGN_ANY, 1) | IR_MEMOP_BE), ir_get(u, R1)));
	ir_insn(u, KEY + 8);
	ir_set(u, R2, ir_ld(u, IR_I32, (uint16_t)(IR_MEMOP(1, 1, IR_ALIGN_ANY, 1) | IR_MEMOP_BE), ir_get(u, R2)));
	ir_insn(u, KEY + 12);
	ir_st(u, IR_I32, (uint16_t)(IR_MEMOP(2, 0, IR_ALIGN_ANY, 1) | IR_MEMOP_BE), ir_get(u, R3), ir_get(u, R4));
	end(u);
}

static void unit_helpers(struct ir_unit *u)
{
	ir_ref args[] = {ir_get(u, R0), word(u, 5)};
	ir_set(u, R0, ir_call(u, RANDOM_H_MIX, args));
	args[0] = ir_get(u, R1);
	ir_set(u, R1, ir_call(u, RANDOM_H_CHECK, args));
	ir_call(u, RANDOM_H_RAISE, &args[1]);
	end(u);
}

static void unit_indirect(struct ir_unit *u)
{
	ir_exit_ind(u, IR_LINK_JUMP, ir_get(u, R0), 0);
}

/* bl */
static void unit_call(struct ir_unit *u)
{
	ir_exit_jump(u, 0, IR_LINK_CALL, KEY + 0x100, KEY + 4);
}

/* blx r0 */
static void unit_call_indirect(struct ir_unit *u)
{
	ir_exit_ind(u, IR_LINK_CALL, ir_get(u, R0), KEY + 4);
}

/* blne */
static void unit_call_conditional(struct ir_unit *u)
{
	ir_label taken = ir_block_new(u), not_taken = ir_block_new(u);
	ir_brc(u, ir_get(u, Z), not_taken, taken);
	ir_block_start(u, taken);
	ir_exit_jump(u, 0, IR_LINK_CALL, KEY + 0x100, KEY + 4);
	ir_block_start(u, not_taken);
	ir_exit_jump(u, 1, IR_LINK_JUMP, KEY + 4, 0);
}

/* bx lr */
static void unit_return(struct ir_unit *u)
{
	ir_exit_ind(u, IR_LINK_RET, ir_get(u, R0), 0);
}

static void unit_to_loop(struct ir_unit *u)
{
	ir_exit_loop(u, word(u, KEY + 4));
}

static const struct shape {
	const char *name;
	void (*build)(struct ir_unit *u);
	uint32_t cross_tag;
	uint8_t window; /* spaces */
} shapes[] = {
	{"arithmetic", unit_arithmetic, 0, 0},
	{"loop end: subs, bne", unit_loop_end, 0, 0},
	{"flags from memory", unit_flags_from_memory, 0, 0},
	{"64-bit add", unit_long_add, 0, 0},
	{"64-bit multiply", unit_long_multiply, 0, 0},
	{"compares", unit_compares, 0, 0},
	{"memory", unit_memory, 0, 0},
	{"helper calls", unit_helpers, 0, 0},
	{"indirect exit", unit_indirect, 0, 0},
	{"exit to the loop, cross-page entry", unit_to_loop, 0x1234, 0},
	{"call", unit_call, 0, 0},
	{"indirect call", unit_call_indirect, 0, 0},
	{"conditional call", unit_call_conditional, 0, 0},
	{"return", unit_return, 0, 0},
	{"memory through the window", unit_window, 0, 2},
	{"window: constants, byte order", unit_window_order, 0, 2},
	{"shifts, high half, a bit that sticks", unit_shifts, 0, 0},
	{"memory: runs", unit_runs, 0, 0},
};

static void build_keyed(struct ir_unit *u, struct harness *h, const struct ir_guest *guest, const struct shape *s,
			uint32_t key)
{
	char msg[200] = "";
	arena_reset(&h->arena);
	ir_unit_init(u, guest, &h->arena);
	ir_block_start(u, ir_block_new(u));
	ir_insn(u, key);
	s->build(u);
	if (!ir_verify(u, msg, sizeof msg))
		fail_msg("%s: %s", s->name, msg);
}

static void compile_keyed(struct harness *h, const struct shape *s, uint32_t key, struct x64_code *code)
{
	struct ir_unit u;
	build_keyed(&u, h, &random_guest, s, key);
	struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = u.n_marks, .cross_tag = s->cross_tag, .space = 1,
					.window = s->window};
	assert_true(x64_compile(&h->target, &u, &args, &h->out, code));
	code->slot = memcpy(h->slots[h->n_compiled++ % ARRAY_LEN(h->slots)], code->slot, HARNESS_SLOTS * sizeof *code->slot);
}

static void compile(struct harness *h, const struct shape *s, struct x64_code *code)
{
	compile_keyed(h, s, KEY, code);
}

/* ---- golden listings ---------------------------------------------------------------------------- */

/* Listings must not depend on where helpers were loaded. The code is not run. */
static char *all_listings(struct harness *h)
{
	struct ir_helper helpers[RANDOM_HELPERS];
	struct ir_guest guest = random_guest;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	for (unsigned i = 0; i < RANDOM_HELPERS; i++) {
		helpers[i] = random_guest.helpers[i];
		helpers[i].fn = (void (*)(void))(uintptr_t)(0xc0de00 + i);
	}
	guest.helpers = helpers;
	h->target.guest = &guest;
	h->target.has_bmi2 = h->target.has_lzcnt = true;
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		struct ir_unit u;
		struct x64_code code;
		h->out.cur = h->rw + 0x1000 * (i + 1); /* the same alignment always */
		build_keyed(&u, h, &guest, &shapes[i], KEY);
		struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = u.n_marks,
						.cross_tag = shapes[i].cross_tag, .space = 1, .window = shapes[i].window};
		assert_true(x64_compile(&h->target, &u, &args, &h->out, &code));
		char *main_part = harness_disassemble(h, code.code, code.code + code.size);
		fprintf(f, "== %s (%u bytes, out of line from %04x)\n%s\n", shapes[i].name, code.size, code.slow_start,
			main_part);
		free(main_part);
	}
	fclose(f);
	return text;
}

static char *read_file(const char *path)
{
	static char buf[1 << 16];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
	if (f)
		fclose(f);
	buf[n] = 0;
	return buf;
}

/* Fails when emitted code changed: look at the difference, then run with RHEA_UPDATE_GOLDEN=1. */
static void listings_are_as_before(void **state)
{
	struct harness h;
	const char *path = getenv("RHEA_GOLDEN");
	(void)state;
	if (!path)
		skip();
	harness_init(&h);
	harness_target(&h, 0, X64_MAX_HOMES);
	char *text = all_listings(&h);
	if (getenv("RHEA_UPDATE_GOLDEN")) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	assert_string_equal(text, read_file(path));
	free(text);
	harness_free(&h);
}

/* ---- what the runtime relies on --------------------------------------------------------------- */

static const struct shape to_next = {"chain", end, 0, 0};
static const struct shape tagged = {"tagged", end, 77, 0};

static void begin(struct harness *h, struct guest_state *g)
{
	harness_init(h);
	harness_target(h, 0, X64_MAX_HOMES);
	memset(g, 0, sizeof *g);
	g->env = &h->base->env;
	h->base->state = g;
	h->base->budget = 100;
}

static uint64_t enter(struct harness *h, const struct x64_code *c)
{
	return harness_enter(h, c->code + c->entry);
}

/* Fails when chaining or unchaining two units goes wrong. */
static void exits_are_patched(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	begin(&h, &g);
	compile(&h, &to_next, &a);
	compile_keyed(&h, &shapes[9], KEY + 0x100, &b);
	assert_int_equal(enter(&h, &a), JUMPED(0));
	assert_int_equal(h.base->env.pc, KEY + 0x100);
	assert_int_equal(h.base->budget, 99);
	x64_patch_jump(&a, 0, b.code + b.entry, h.out.rx_delta);
	assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
	assert_int_equal(h.base->env.pc, KEY + 4);
	assert_int_equal(h.base->budget, 97);
	x64_patch_jump(&a, 0, 0, h.out.rx_delta);
	assert_int_equal(enter(&h, &a), JUMPED(0));
	harness_free(&h);
}

/* Fails when a conditional pair of exits goes the wrong way, patched or not. */
static void both_ways_of_a_branch_are_slots(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	begin(&h, &g);
	compile(&h, &shapes[1], &a);
	compile_keyed(&h, &shapes[9], KEY + 0x200, &b);
	for (unsigned patched = 0; patched < 4; patched++)
		for (uint32_t r0 = 1; r0 <= 2; r0++) {
			unsigned way = r0 == 1; /* 1 - 1 = 0: not taken */
			for (unsigned slot = 0; slot < 2; slot++)
				x64_patch_jump(&a, slot, patched >> slot & 1 ? b.code + b.entry : 0, h.out.rx_delta);
			h.base->env.r[0] = r0;
			uint64_t want = patched >> way & 1 ? X64_EXIT_LOOKUP : JUMPED(way);
			assert_int_equal(enter(&h, &a), want);
			assert_int_equal(h.base->env.r[0], r0 - 1);
			assert_int_equal(h.base->env.flag[1], r0 == 1);
			assert_int_equal(h.base->env.flag[2], 1);
		}
	harness_free(&h);
}

/* Fails when a unit runs without budget, or not with the last of it. */
static void the_budget_is_exact(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a;
	(void)state;
	begin(&h, &g);
	compile(&h, &to_next, &a);
	h.base->budget = 1;
	assert_int_equal(enter(&h, &a), JUMPED(0));
	assert_int_equal(h.base->budget, 0);
	h.base->env.pc = 0;
	assert_int_equal(enter(&h, &a), COOKIE | X64_EXIT_BUDGET);
	assert_int_equal(h.base->budget, 0);
	assert_int_equal(h.base->env.pc, KEY);
	x64_patch_jump(&a, 0, a.code + a.entry, h.out.rx_delta); /* a loop ends by its budget */
	h.base->budget = 1000;
	assert_int_equal(enter(&h, &a), COOKIE | X64_EXIT_BUDGET);
	assert_int_equal(h.base->budget, 0);
	harness_free(&h);
}

/* Fails when a jump across pages runs code of a page that is not mapped there any more. */
static void the_cross_entry_compares_the_tag(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a;
	(void)state;
	begin(&h, &g);
	compile(&h, &tagged, &a);
	assert_int_not_equal(a.cross_entry, a.entry);
	assert_int_equal(harness_enter(&h, a.code + a.cross_entry), X64_EXIT_LOOKUP);
	assert_int_equal(h.base->env.pc, KEY);
	assert_int_equal(h.base->budget, 100);
	h.base->exec_tag[1][KEY >> 12] = 77;
	assert_int_equal(harness_enter(&h, a.code + a.cross_entry), JUMPED(0));
	assert_int_equal(h.base->budget, 99);
	harness_free(&h);
}

/* Fails when an indirect exit takes an entry of the cache that is not its own, or misses its own. */
static void indirect_exits_use_the_jump_cache(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	begin(&h, &g);
	compile(&h, &shapes[8], &a);
	compile(&h, &to_next, &b);
	for (uint32_t key = 0; key < 0xfff00000u; key += 0x10001u * 13) {
		struct x64_jump_entry *e = &h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)];
		h.base->env.r[0] = key;
		h.base->budget = 100;
		h.base->tb_flags = 5;
		*e = (struct x64_jump_entry){key, 5, b.code + b.entry};
		assert_int_equal(enter(&h, &a), JUMPED(0));
		assert_int_equal(h.base->budget, 98);
		e->flags = 4;
		assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
		assert_int_equal(h.base->env.pc, key);
		*e = (struct x64_jump_entry){key ^ 0x80000000u, 5, b.code + b.entry};
		assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
	}
	harness_free(&h);
}

/* ---- calls and returns -------------------------------------------------------------------------- */

enum { CALL = 10, CALL_INDIRECT, CALL_CONDITIONAL, RETURN };

struct call_bench {
	struct harness h;
	struct guest_state g;
	struct x64_code call, ret, next; /* next: where calls come back to */
};

static uint64_t depth(const struct call_bench *b)
{
	const uint64_t *empty = b->h.base->ret + HARNESS_RET_ENTRIES - X64_RET_RESERVED;
	return ((uint64_t)(uintptr_t)empty - b->h.base->ret_sp) / 8;
}

/* A unit that calls a unit that returns to what is in r0. */
static void begin_calls(struct call_bench *b, unsigned shape)
{
	begin(&b->h, &b->g);
	compile(&b->h, &shapes[shape], &b->call);
	compile_keyed(&b->h, &shapes[RETURN], KEY + 0x100, &b->ret);
	compile_keyed(&b->h, &shapes[9], KEY + 4, &b->next);
	if (b->call.slot[0].jump)
		x64_patch_jump(&b->call, 0, b->ret.code + b->ret.entry, b->h.out.rx_delta);
	b->h.base->ret_sp = x64_ret_reset(&b->h.target, b->h.base->ret + HARNESS_RET_ENTRIES);
}

static uint64_t reenter(struct call_bench *b, const struct x64_code *c)
{
	b->h.base->budget = 100;
	return harness_reenter(&b->h, c->code + c->entry);
}

/* Fails when a return does not come back behind its call, patched or not. */
static void a_return_lands_behind_its_call(void **state)
{
	struct call_bench b;
	(void)state;
	for (unsigned shape = CALL; shape <= CALL_CONDITIONAL; shape += 2) {
		begin_calls(&b, shape);
		b.h.base->env.r[0] = KEY + 4;
		assert_int_equal(reenter(&b, &b.call), RETURNED);
		assert_int_equal(b.h.base->env.pc, KEY + 4);
		assert_int_equal(b.h.base->budget, 98);
		assert_int_equal(depth(&b), 0);
		x64_patch_jump(&b.call, 2, b.next.code + b.next.entry, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), X64_EXIT_LOOKUP); /* of b.next */
		assert_int_equal(b.h.base->budget, 97);
		assert_int_equal(depth(&b), 0);
		x64_patch_jump(&b.call, 2, 0, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), RETURNED);
		x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), JUMPED(0));
		assert_int_equal(depth(&b), 1);
		assert_int_equal(reenter(&b, &b.ret), RETURNED); /* the call is remembered over an exit */
		harness_free(&b.h);
	}
}

/* Fails when an indirect call forgets its landing, when its target is known or when it is not. */
static void an_indirect_call_has_a_landing(void **state)
{
	struct call_bench b;
	uint32_t key = KEY + 4; /* serves as the callee, too: the return goes to where r0 says */
	(void)state;
	begin_calls(&b, CALL_INDIRECT);
	b.h.base->env.r[0] = key;
	b.h.base->tb_flags = 5;
	assert_int_equal(reenter(&b, &b.call), X64_EXIT_LOOKUP);
	assert_int_equal(b.h.base->env.pc, key);
	assert_int_equal(depth(&b), 1);
	assert_int_equal(reenter(&b, &b.ret), RETURNED);
	assert_int_equal(depth(&b), 0);
	b.h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)] =
		(struct x64_jump_entry){key, 5, b.ret.code + b.ret.entry};
	assert_int_equal(reenter(&b, &b.call), RETURNED);
	assert_int_equal(b.h.base->env.pc, key);
	assert_int_equal(depth(&b), 0);
	harness_free(&b.h);
}

/* Fails when a return without a call, or to elsewhere, does not get there, or costs others their landings. */
static void returns_that_fit_no_call_look_up(void **state)
{
	struct call_bench b;
	uint32_t key = 0x12340;
	(void)state;
	begin_calls(&b, CALL);
	b.h.base->tb_flags = 5;
	for (unsigned known = 0; known < 2; known++)
		for (unsigned calls = 0; calls < 6; calls++) {
			b.h.base->ret_sp = x64_ret_reset(&b.h.target, b.h.base->ret + HARNESS_RET_ENTRIES);
			x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
			for (unsigned k = 0; k < calls; k++)
				assert_int_equal(reenter(&b, &b.call), JUMPED(0));
			b.h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)] =
				(struct x64_jump_entry){key, known ? 5 : ~0u, b.next.code + b.next.entry};
			for (unsigned k = 0; k < 4; k++) {
				b.h.base->env.r[0] = key;
				assert_int_equal(reenter(&b, &b.ret), X64_EXIT_LOOKUP);
				assert_int_equal(b.h.base->env.pc, known ? KEY + 4 : key);
				assert_int_equal(b.h.base->budget, known ? 98 : 99);
				assert_int_equal(depth(&b), calls);
			}
		}
	harness_free(&b.h);
}

/* Fails when frames that were left without a return (longjmp) keep the returns behind them from landing. */
static void returns_skip_calls_that_never_return(void **state)
{
	struct call_bench b;
	struct x64_code stale;
	(void)state;
	begin_calls(&b, CALL);
	compile_keyed(&b.h, &shapes[CALL], KEY, &stale);
	x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
	for (unsigned n = 0; n < 5; n++) {
		struct ir_unit u;
		b.h.base->ret_sp = x64_ret_reset(&b.h.target, b.h.base->ret + HARNESS_RET_ENTRIES);
		assert_int_equal(reenter(&b, &b.call), JUMPED(0));
		for (unsigned k = 0; k < n; k++) { /* calls with another return key */
			arena_reset(&b.h.arena);
			ir_unit_init(&u, &random_guest, &b.h.arena);
			ir_block_start(&u, ir_block_new(&u));
			ir_insn(&u, KEY + 0x40);
			ir_exit_jump(&u, 0, IR_LINK_CALL, KEY + 0x100, KEY + 0x44);
			struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = 1};
			assert_true(x64_compile(&b.h.target, &u, &args, &b.h.out, &stale));
			assert_int_equal(reenter(&b, &stale), JUMPED(0));
		}
		b.h.base->env.r[0] = KEY + 4;
		bool near = n <= X64_RET_RESERVED;
		assert_int_equal(reenter(&b, &b.ret), near ? RETURNED : X64_EXIT_LOOKUP);
		assert_int_equal(b.h.base->env.pc, KEY + 4);
		assert_int_equal(depth(&b), near ? 0 : n + 1);
	}
	harness_free(&b.h);
}

/* Fails when an empty return stack is popped below its end, whatever the key. */
static void an_empty_return_stack_stays_empty(void **state)
{
	struct call_bench b;
	uint64_t empty;
	(void)state;
	begin_calls(&b, CALL);
	memcpy(&empty, &b.h.base->ret[HARNESS_RET_ENTRIES - 1], 8);
	uint32_t keys[] = {0, KEY, 0xffffffff, 0};
	memcpy(&keys[3], (const uint8_t *)(uintptr_t)empty + 1, 4); /* looks like the key of the last entry */
	for (unsigned k = 0; k < 4 * ARRAY_LEN(keys); k++) {
		b.h.base->env.r[0] = keys[k % ARRAY_LEN(keys)];
		assert_int_equal(reenter(&b, &b.ret), X64_EXIT_LOOKUP);
		assert_int_equal(b.h.base->env.pc, keys[k % ARRAY_LEN(keys)]);
		assert_int_equal(depth(&b), 0);
	}
	harness_free(&b.h);
}

/* ---- room ---------------------------------------------------------------------------------------- */

/* Fails when a buffer of any size is overrun, or a unit is left in it half-made. */
static void a_full_buffer_leaves_no_trace(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code code;
	(void)state;
	begin(&h, &g);
	uint8_t *from = h.out.cur, *end_of_buffer = h.out.end;
	for (unsigned s = 0; s < ARRAY_LEN(shapes); s++) {
		bool done = false;
		for (unsigned size = 0; !done; size++) {
			struct ir_unit u;
			assert_true(size < 4096);
			h.out = (struct x64_out){from, from + size, h.out.rx_delta, false};
			memset(from, 0x5a, 4096);
			build_keyed(&u, &h, &random_guest, &shapes[s], KEY);
			struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = 1, .cross_tag = 1, .window = shapes[s].window};
			done = x64_compile(&h.target, &u, &args, &h.out, &code);
			assert_int_equal(h.out.full, !done);
			if (!done)
				assert_ptr_equal(h.out.cur, from);
			for (unsigned i = size; i < size + 64; i++)
				assert_int_equal(from[i], 0x5a);
		}
	}
	h.out.end = end_of_buffer;
	h.out = (struct x64_out){h.rw, h.rw + 100, h.out.rx_delta, false};
	assert_false(x64_emit_thunks(&h.target, &h.out));
	assert_ptr_equal(h.out.cur, h.rw);
	harness_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings_are_as_before),
		cmocka_unit_test(exits_are_patched),
		cmocka_unit_test(both_ways_of_a_branch_are_slots),
		cmocka_unit_test(the_budget_is_exact),
		cmocka_unit_test(the_cross_entry_compares_the_tag),
		cmocka_unit_test(indirect_exits_use_the_jump_cache),
		cmocka_unit_test(a_return_lands_behind_its_call),
		cmocka_unit_test(an_indirect_call_has_a_landing),
		cmocka_unit_test(returns_that_fit_no_call_look_up),
		cmocka_unit_test(returns_skip_calls_that_never_return),
		cmocka_unit_test(an_empty_return_stack_stays_empty),
		cmocka_unit_test(a_full_buffer_leaves_no_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
