/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of emitted code: golden listings of small units (RHEA_UPDATE_GOLDEN=1 rewrites them), and what is left of a unit
 * in a code buffer that is full.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/backend-x86_64/shapes.h"

enum { N = RANDOM_G_FLAG0, Z, C, V, R0 = RANDOM_G_R0, R1, R2, R3, R4, R12 = RANDOM_G_R0 + 12 };

/* ---- units ------------------------------------------------------------------------------------- */

static ir_ref word(struct ir_unit *u, uint32_t x)
{
	return ir_const(u, IR_I32, x);
}

void shape_end(struct ir_unit *u)
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
	shape_end(u);
}

/* subs r0, r0, #1; bne */
static void unit_loop_end(struct ir_unit *u)
{
	ir_label taken = ir_block_new(u), not_taken = ir_block_new(u);
	ir_ref a = ir_get(u, R0), one = word(u, 1);
	ir_set(u, R0, subs(u, a, one));
	ir_brc(u, ir_cmp(u, IR_I32, IR_NE, a, one), taken, not_taken);
	ir_block_start(u, taken);
	shape_end(u);
	ir_block_start(u, not_taken);
	ir_exit_jump(u, 1, IR_LINK_JUMP, KEY + 8, 0);
}

/* bls with the flags in memory */
static void unit_flags_from_memory(struct ir_unit *u)
{
	ir_label taken = ir_block_new(u), not_taken = ir_block_new(u);
	ir_brc(u, ir_get(u, Z), taken, not_taken);
	ir_block_start(u, taken);
	shape_end(u);
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
	shape_end(u);
}

/* umull r0, r1, r2, r3 */
static void unit_long_multiply(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R2), b = ir_get(u, R3), high = ir_mulh_u(u, IR_VOID, a, b);
	ir_set(u, R0, ir_mul(u, IR_I32, a, b));
	ir_set(u, R1, high);
	shape_end(u);
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
	shape_end(u);
}

/* cmn r0, r1; tst r2, #1; cmp r3, r4 */
static void unit_compares(struct ir_unit *u)
{
	adds(u, ir_get(u, R0), ir_get(u, R1));
	set_nz(u, ir_and(u, IR_I32, ir_get(u, R2), word(u, 1)));
	subs(u, ir_get(u, R3), ir_get(u, R4));
	shape_end(u);
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
	shape_end(u);
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
	shape_end(u);
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
	shape_end(u);
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
	shape_end(u);
}

static void unit_helpers(struct ir_unit *u)
{
	ir_ref args[] = {ir_get(u, R0), word(u, 5)};
	ir_set(u, R0, ir_call(u, RANDOM_H_MIX, args));
	args[0] = ir_get(u, R1);
	ir_set(u, R1, ir_call(u, RANDOM_H_CHECK, args));
	ir_call(u, RANDOM_H_RAISE, &args[1]);
	shape_end(u);
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

/* bl, and three instructions of the budget where it comes back */
static void unit_call_lands(struct ir_unit *u)
{
	ir_label enter = ir_block_new(u), on = ir_block_new(u), out = ir_block_new(u);
	ir_exit_jump(u, 0, IR_LINK_CALL, KEY + 0x100, KEY + 4);
	ir_exit_lands(u, enter);
	ir_block_start(u, enter);
	ir_enter(u, KEY + 4, false);
	ir_charge(u, 3, on, out);
	ir_block_start(u, on);
	ir_set(u, R1, word(u, 7));
	ir_exit_jump(u, 1, IR_LINK_JUMP, KEY + 8, 0);
	ir_block_start(u, out);
	ir_exit_budget(u, 3, KEY + 4);
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

/* 1: str r12, [r1]; add r12, r12, r2; subs r0, r0, #1; bne 1b */
static void unit_loop_homes(struct ir_unit *u)
{
	ir_label loop = ir_block_new(u), again = ir_block_new(u), done = ir_block_new(u), out = ir_block_new(u);
	ir_br(u, loop);
	ir_block_start(u, loop);
	ir_ref a = ir_get(u, R12), n = ir_get(u, R0), one = word(u, 1);
	ir_st(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_FORCE, 1), ir_get(u, R1), a);
	ir_insn(u, KEY + 4);
	ir_set(u, R12, ir_add(u, IR_I32, a, ir_get(u, R2)));
	ir_set(u, R0, ir_sub(u, IR_I32, n, one));
	ir_brc(u, ir_cmp(u, IR_I32, IR_NE, n, one), again, done);
	ir_block_start(u, again);
	ir_charge(u, 4, loop, out);
	ir_block_start(u, done);
	shape_end(u);
	ir_block_start(u, out);
	ir_exit_budget(u, 4, KEY);
}

/* The way from an inner loop back to the outer one comes behind what follows both. */
static void unit_loops(struct ir_unit *u)
{
	ir_label inner = ir_block_new(u), behind = ir_block_new(u), back = ir_block_new(u);
	ir_br(u, inner);
	ir_block_start(u, inner);
	ir_ref one = word(u, 1), n = ir_sub(u, IR_I32, ir_get(u, R0), one);
	ir_set(u, R0, n);
	ir_brc(u, ir_cmp(u, IR_I32, IR_NE, n, word(u, 0)), inner, back);
	ir_block_start(u, behind);
	ir_set(u, R2, word(u, 5));
	shape_end(u);
	ir_block_start(u, back);
	n = ir_sub(u, IR_I32, ir_get(u, R1), word(u, 1));
	ir_set(u, R1, n);
	ir_brc(u, ir_cmp(u, IR_I32, IR_NE, n, word(u, 0)), inner, behind);
}

/* What a fault would need of r0 is in another global by then. */
static void unit_kept(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R0), zero = word(u, 0);
	ir_set(u, N, ir_cmp(u, IR_I32, IR_LTS, a, zero));
	u->insns[u->n_insns - 1].b = IR_SET_LAZY;
	ir_set(u, R12, a);
	ir_set(u, R0, ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_FORCE, 1), ir_get(u, R1)));
	ir_insn(u, KEY + 4);
	ir_set(u, R2, ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_FORCE, 1), ir_get(u, R1)));
	ir_set(u, N, zero);
	shape_end(u);
}

const struct shape shapes[] = {
	{"arithmetic", unit_arithmetic, 0, 0, 0},
	{"loop end: subs, bne", unit_loop_end, 0, 0, 0},
	{"flags from memory", unit_flags_from_memory, 0, 0, 0},
	{"64-bit add", unit_long_add, 0, 0, 0},
	{"64-bit multiply", unit_long_multiply, 0, 0, 0},
	{"compares", unit_compares, 0, 0, 0},
	{"memory", unit_memory, 0, 0, 0},
	{"helper calls", unit_helpers, 0, 0, 0},
	{"indirect exit", unit_indirect, 0, 0, 0},
	{"exit to the loop, cross-page entry", unit_to_loop, 0x1234, 0, 0},
	{"call", unit_call, 0, 0, 0},
	{"indirect call", unit_call_indirect, 0, 0, 0},
	{"conditional call", unit_call_conditional, 0, 0, 0},
	{"return", unit_return, 0, 0, 0},
	{"memory through the window", unit_window, 0, 2, 0},
	{"window: constants, byte order", unit_window_order, 0, 2, 0},
	{"shifts, high half, a bit that sticks", unit_shifts, 0, 0, 0},
	{"memory: runs", unit_runs, 0, 0, 0},
	{"call that comes back into the unit", unit_call_lands, 0x1234, 0, 0},
	{"loop that has a home of its own", unit_loop_homes, 0, 0, 1u << R12},
	{"loops: no jump to what follows one", unit_loops, 0, 0, 0},
	{"an operand that is in another global, too", unit_kept, 0, 2, 1u << R12},
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

/* The target, but for what this one has in memory. */
static struct x64_target target_of(const struct harness *h, const struct shape *s)
{
	struct x64_target t = h->target;
	for (uint32_t left = s->in_memory; left; left &= left - 1)
		t.home[__builtin_ctz(left)] = -1;
	return t;
}

void shape_compile_keyed(struct harness *h, const struct shape *s, uint32_t key, struct x64_code *code)
{
	struct ir_unit u;
	build_keyed(&u, h, &random_guest, s, key);
	struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = u.n_marks, .cross_tag = s->cross_tag, .space = 1,
					.window = s->window};
	assert_true(x64_compile(&h->target, &u, &args, &h->out, code));
	code->slot = memcpy(h->slots[h->n_compiled++ % ARRAY_LEN(h->slots)], code->slot, HARNESS_SLOTS * sizeof *code->slot);
}

void shape_compile(struct harness *h, const struct shape *s, struct x64_code *code)
{
	shape_compile_keyed(h, s, KEY, code);
}

void shape_begin(struct harness *h, struct guest_state *g)
{
	harness_init(h);
	harness_target(h, 0, X64_MAX_HOMES);
	memset(g, 0, sizeof *g);
	g->env = &h->base->env;
	h->base->state = g;
	h->base->budget = 100;
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
		struct x64_target t = target_of(h, &shapes[i]);
		assert_true(x64_compile(&t, &u, &args, &h->out, &code));
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

/* ---- room ---------------------------------------------------------------------------------------- */

/* Fails when a buffer of any size is overrun, or a unit is left in it half-made. */
static void a_full_buffer_leaves_no_trace(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code code;
	(void)state;
	shape_begin(&h, &g);
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
			struct x64_target t = target_of(&h, &shapes[s]);
			done = x64_compile(&t, &u, &args, &h.out, &code);
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
		cmocka_unit_test(a_full_buffer_leaves_no_trace),
	};
	int failed = cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
	return failed + run_link_tests() + run_return_tests();
}
