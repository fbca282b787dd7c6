/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses that are not aligned, with SCTLR.A = 0 (decision 023): random loops of loads and stores of every kind off pointers whose low bits
 * change now and then, by the code itself or by an interrupt, to memory, to a device and to where they abort, in ARM and Thumb. The interpreter
 * knows nothing of what compiled code relies on: every way to run must show the same registers each time. A failure means that compiled code took
 * an address for aligned that was not, or did an instruction twice, or not at all. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"

#define CODE 0x10000u
#define WORDS 96u
#define IRQ_HANDLER 0x200u
#define ABORT_HANDLER 0x280u
#define STEPS 4000u

/* Registers: r0 to r3 values, r4 to r6 and sp pointers to data, r7 = r10 (data) or, from an interrupt to the next abort, an address that
 * aborts, r8 a device register, r9 an index, r11 the device, r12 makes delays. */
enum { PTR = 4, MAY_ABORT = 7, REGISTER = 8, INDEX = 9, GOOD = 10, IO = 11 };
enum code { ARM, THUMB, BESIDE_CODE };

static uint32_t data(unsigned kind)
{
	return kind == BESIDE_CODE ? CODE + 0x800 : 0x100000;
}

static unsigned pointer(uint32_t *x)
{
	static const uint8_t reg[] = {PTR, PTR, PTR + 1, PTR + 1, PTR + 2, SP, MAY_ABORT, REGISTER};
	return reg[agree_below(x, ARRAY_LEN(reg))];
}

/* [rn, #n], [rn, #n]! or [rn], #n, up or down; mostly of multiples of 4. */
static uint32_t arm_single(uint32_t *x)
{
	static const uint32_t word[] = {0xe4100000u, 0xe4000000u}, half[] = {0xe05000b0u, 0xe04000b0u, 0xe05000f0u, 0xe04000d0u, 0xe04000f0u};
	unsigned n = pointer(x), d = agree_below(x, 4), how = agree_below(x, 5), by = agree_below(x, 6) ? 4 * agree_below(x, 4) : agree_below(x, 8);
	bool moves = how < 2 && n != REGISTER && n != MAY_ABORT;
	uint32_t up = agree_below(x, 3) ? 1u << 23 : 0, mode = moves ? how ? 1u << 24 | 1u << 21 : 0 : 1u << 24;
	if (agree_below(x, 3))
		return word[agree_below(x, 2)] | up | mode | n << 16 | d << 12 | by;
	unsigned kind = agree_below(x, ARRAY_LEN(half));
	return half[kind] | up | mode | n << 16 | (kind > 2 ? d & 2 : d) << 12 | by;
}

static uint32_t arm_other(uint32_t *x)
{
	unsigned n = pointer(x), list = 1 + agree_below(x, 15);
	uint32_t mode = agree_below(x, 4) << 23 | (n != REGISTER && n != MAY_ABORT ? agree_below(x, 2) << 21 : 0);
	switch (agree_below(x, 6)) {
	case 0: case 1: return 0xe8100000u | mode | n << 16 | list;                       /* ldm */
	case 2: case 3: return 0xe8000000u | mode | n << 16 | list;                       /* stm */
	case 4: return a_swp(agree_below(x, 4), agree_below(x, 4), n);
	default: return (agree_below(x, 2) ? 0xe7900100u : 0xe7800100u) | n << 16 | agree_below(x, 4) << 12 | INDEX; /* [rn, r9, lsl #2] */
	}
}

static uint32_t arm_move(uint32_t *x)
{
	unsigned n = PTR + agree_below(x, 3), m = PTR + agree_below(x, 3);
	switch (agree_below(x, 12)) {
	case 0: return a_eor(n, n, agree_below(x, 4));
	case 1: return a_eor(REGISTER, REGISTER, agree_below(x, 3) ? 0 : agree_below(x, 4));
	case 2: return a_bic(n, n, 3);
	case 3: return a_add(n, m, 4 * agree_below(x, 4));
	case 4: return a_sub(n, m, 4 * agree_below(x, 4));
	case 5: return a_movr(n, m);
	case 6: return a_mov(INDEX, agree_below(x, 8));
	case 7: return a_dp(ADD, 0, n, GOOD, I_BIT | a_imm(4 * agree_below(x, 32) + (agree_below(x, 4) ? 0 : 2)));
	case 8: return a_add(SP, SP, 4 * agree_below(x, 3));
	case 9: return a_dp(BIC, 0, SP, GOOD, I_BIT | 3);
	default: return a_dp(agree_below(x, 2) ? ADD : EOR, agree_below(x, 2), agree_below(x, 4), agree_below(x, 4), agree_below(x, 4));
	}
}

/* Loops of six to eight, which leave early now and then. */
static uint32_t arm_insn(uint32_t *x, uint32_t at)
{
	uint32_t cond = agree_below(x, 4) ? AL : agree_below(x, 14);
	if (at % 8 == 7)
		return (0x0a000000u | agree_below(x, 14) << 28) | (0xffffffu & (0u - 9 + (agree_below(x, 3) ? 0 : agree_below(x, 6))));
	if (agree_below(x, 10) == 0)
		return (0x0a000000u | agree_below(x, 14) << 28) | agree_below(x, 4);
	switch (agree_below(x, 8)) {
	case 0: case 1: return a_if(cond, arm_move(x));
	case 2: return a_if(cond, arm_other(x));
	case 3: return a_subs(agree_below(x, 4), agree_below(x, 4), agree_below(x, 4));
	default: return a_if(cond, arm_single(x));
	}
}

static uint32_t thumb_insn(uint32_t *x, uint32_t at)
{
	uint32_t d = agree_below(x, 4), n = PTR + agree_below(x, 4), imm = agree_below(x, 4);
	if (at % 16 == 15)
		return 0xd000u | agree_below(x, 14) << 8 | (0xffu & (0u - 17 + agree_below(x, 6)));
	if (agree_below(x, 10) == 0)
		return 0xd000u | agree_below(x, 14) << 8 | agree_below(x, 4);
	switch (agree_below(x, 14)) {
	case 0: case 1: case 2: return 0x6800u | imm << 6 | n << 3 | d;           /* ldr */
	case 3: case 4: return 0x6000u | imm << 6 | n << 3 | d;                   /* str */
	case 5: return 0x8000u | agree_below(x, 2) << 11 | imm << 6 | n << 3 | d; /* strh, ldrh */
	case 6: return (n == MAY_ABORT ? 0xc000u | PTR << 8 : 0xc000u | n << 8) | agree_below(x, 2) << 11 | (1 + agree_below(x, 15));
	case 7: return 0xb400u | agree_below(x, 2) << 11 | (1 + agree_below(x, 15)); /* push, pop */
	case 8: return 0x9000u | agree_below(x, 2) << 11 | d << 8 | imm;          /* str, ldr off sp */
	case 9: return 0x3000u | agree_below(x, 2) << 11 | (PTR + agree_below(x, 3)) << 8 | (agree_below(x, 6) ? 4 * imm : imm);
	case 10: return 0x4650u | (PTR + agree_below(x, 3));                      /* mov rn, r10 */
	case 11: return 0x5e00u | agree_below(x, 2) << 11 | d << 6 | n << 3 | d;  /* ldrsh, off by anything: d is small or it aborts */
	case 12: return 0x46a5u | agree_below(x, 3) << 3;                         /* mov sp, rn */
	default: return 0x1800u | agree_below(x, 2) << 9 | d << 6 | agree_below(x, 4) << 3 | agree_below(x, 4);
	}
}

static uint32_t code_word(uint32_t *x, unsigned kind, uint32_t at)
{
	if (kind != THUMB)
		return arm_insn(x, at);
	uint32_t low = thumb_insn(x, 2 * at);
	return low | thumb_insn(x, 2 * at + 1) << 16;
}

static void put_handlers(struct guest *g)
{
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, a_str(SP, IO, IO_ACK));
	guest_put(g, a_dp(AND, 0, SP, 12, I_BIT | 3));
	guest_put(g, a_dp(EOR, 0, PTR, PTR, SP)); /* another alignment */
	guest_put(g, a_dp(ADD, 0, MAY_ABORT, SP, IO));
	guest_put(g, a_add(MAY_ABORT, MAY_ABORT, IO_BAD));
	guest_put(g, a_dp(ADD, 0, 12, 12, 12 | 2 << 7)); /* the next one comes after 15 to 78 instructions */
	guest_put(g, a_add(12, 12, 1));
	guest_put(g, a_dp(AND, 0, SP, 12, I_BIT | 63));
	guest_put(g, a_add(SP, SP, 15));
	guest_put(g, a_str(SP, IO, IO_TIMER));
	guest_put(g, A32_IRQ_RETURN);
	guest_vector(g, 0x10, ABORT_HANDLER);
	guest_org(g, ABORT_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, a_movr(MAY_ABORT, GOOD));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, 0xe31d0020u); /* tst sp, #T: go on behind the instruction */
	guest_put(g, a_if(NE, a_sub(LR, LR, 2)));
	guest_put(g, A32_IRQ_RETURN);
}

static void put_data(struct guest *g, uint32_t *x, uint32_t at)
{
	guest_org(g, at);
	for (unsigned k = 0; k < 256; k++)
		guest_put(g, agree_below(x, 1u << 16) << 16 | agree_below(x, 1u << 16));
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	uint32_t x = seed * 2654435761u + 1;
	put_handlers(g);
	put_data(g, &x, data(kind));
	guest_org(g, CODE);
	for (uint32_t k = 0; k < WORDS; k++)
		guest_put(g, code_word(&x, kind, k));
	guest_put(g, kind == THUMB ? 0xe700e700u : 0xea000000u | ((0u - WORDS - 2) & 0xffffffu)); /* back */
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (unsigned n = 0; n < 4; n++)
		guest_li(g, n, agree_below(&x, 8));
	for (unsigned n = PTR; n < PTR + 3; n++)
		guest_li(g, n, data(kind) + 256 + 4 * agree_below(&x, 64) + (agree_below(&x, 3) ? 0 : agree_below(&x, 4)));
	guest_li(g, GOOD, data(kind) + 512);
	guest_put(g, a_movr(MAY_ABORT, GOOD));
	guest_put(g, a_movr(SP, GOOD));
	guest_put(g, a_mov(IO, GUEST_IO));
	guest_put(g, a_add(REGISTER, IO, agree_below(&x, 2) ? IO_IRQ1 : IO_NOW)); /* out of reach of STOP, which is not exact */
	guest_put(g, a_mov(INDEX, 3));
	guest_li(g, 12, seed);
	guest_put(g, a_mov(LR, 100));
	guest_put(g, a_str(LR, IO, IO_TIMER));
	guest_li(g, LR, CODE | (kind == THUMB));
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_bx(LR));
}

static void check(enum code code)
{
	agree_check(&(struct agree){.put = put_guest, .kind = code, .count = 30, .steps = STEPS, .piece = {1000000, 61, 3}});
}

static void arm_code_agrees(void **state)
{
	(void)state;
	check(ARM);
}

static void thumb_code_agrees(void **state)
{
	(void)state;
	check(THUMB);
}

static void stores_beside_code_agree(void **state)
{
	(void)state;
	check(BESIDE_CODE);
}

/* A loop that loads by r1 and adds; `turns` times, then r1 is moved by `by` and so again, `again` times. */
static void put_loop(struct guest *g, unsigned turns, unsigned by, unsigned again)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 1, data(ARM));
	guest_li(g, 5, again);
	uint32_t outer = g->at;
	guest_li(g, 2, turns);
	uint32_t loop = g->at;
	guest_put(g, a_ldr(0, 1, 0));
	guest_put(g, a_addr(3, 3, 0));
	guest_put(g, a_dp(EOR, 0, 3, 3, 3 | 7 << 7));
	guest_put(g, a_subs(2, 2, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, a_add(1, 1, by));
	guest_put(g, a_subs(5, 5, 1));
	guest_put(g, a_bcond(NE, g->at, outer));
	guest_stop(g);
}

static uint32_t expected(unsigned turns, unsigned by, unsigned again, const uint32_t *words)
{
	uint32_t sum = 0;
	for (unsigned a = 0, addr = 0; a < again; a++, addr += by)
		for (unsigned t = 0; t < turns; t++) {
			sum += ror32(words[addr / 4], 8 * (addr & 3));
			sum ^= sum << 7;
		}
	return sum;
}

/* What leaves once does not again: a loop of nothing but such loads, or with one turn in four of them, is left a few times only. */
static void a_place_is_remembered(void **state)
{
	(void)state;
	static const uint32_t words[4] = {0x01234567, 0x89abcdef, 0x02468ace, 0x13579bdf};
	EACH_CALM_WAY(way) {
		for (unsigned by = 0; by < 4; by++) {
			struct guest g;
			guest_init(&g, &way->cfg);
			for (unsigned k = 0; k < 4; k++)
				guest_set_word(&g, data(ARM) + 4 * k, words[k]);
			put_loop(&g, 500, by, 5);
			guest_run(&g, 100000);
			assert_int_equal(guest_reg(&g, 3), expected(500, by, 5, words));
			uint64_t left = g.m->vcpu->stats.retries;
			if (way->cfg.accel == RHEA_ACCEL_INTERP)
				assert_int_equal(left, 0);
			else
				assert_in_range(left, by ? 1 : 0, by ? 5 : 0);
			guest_free(&g);
		}
	}
}

/* A loop that loads words by r1 where that is aligned, else bytes; r2 turns of it. */
static void put_careful_loop(struct guest *g)
{
	uint32_t loop = g->at;
	guest_put(g, a_dp(AND, 0, 4, 1, I_BIT | 3)); /* then all flags are set, so no round is copied for theirs, in which the access would be done before the loop */
	guest_put(g, a_cmp(4, 0));
	guest_put(g, a_bcond(NE, g->at, g->at + 16));
	guest_put(g, a_ldr(0, 1, 0));
	guest_put(g, a_addr(3, 3, 0));
	guest_put(g, a_b(g->at, g->at + 12));
	guest_put(g, a_ldrb(0, 1, 0));
	guest_put(g, a_dp(EOR, 0, 3, 3, 0));
	guest_put(g, a_subs(2, 2, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_stop(g);
}

/* By the region of the loop as it is entered. */
static uint32_t assumed(const struct guest *g)
{
	const struct tb_store *s = &g->m->vcpu->tbs;
	uint32_t all = 0;
	for (uint32_t k = 0; k < s->n_by_host; k++)
		if (s->by_host[k]->valid && s->by_host[k]->region && s->by_host[k]->pc_key == CODE)
			all |= s->by_host[k]->region->assumes;
	return all;
}

/* Blocks know how many regions they are a part of; those that were dropped do not count. */
static void assert_parts_are_counted(const struct guest *g)
{
	const struct tb_store *s = &g->m->vcpu->tbs;
	unsigned parts = 0, counted = 0;
	for (uint32_t k = 0; k < s->n_by_host; k++) {
		const struct tb *tb = s->by_host[k];
		if (!tb->valid)
			continue;
		counted += tb->n_regions;
		for (unsigned i = 0; tb->region && i < tb->region->n_parts; i++)
			parts += tb->region->part[i].of != NULL;
	}
	assert_true(parts > 0);
	assert_int_equal(counted, parts);
}

static void run_loop(struct guest *g, uint32_t address, uint32_t turns)
{
	guest_set_pc(g, CODE);
	assert_int_equal(rhea_write_reg(g->m, 1, address), RHEA_OK);
	assert_int_equal(rhea_write_reg(g->m, 2, turns), RHEA_OK);
	assert_int_equal(rhea_write_reg(g->m, 3, 0), RHEA_OK);
	guest_run(g, 10 * turns + 10);
}

/* A region assumes that the pointer of its loop is aligned. When that is not so for long it is made again without. */
static void a_region_does_not_insist(void **state)
{
	(void)state;
	struct guest g;
	guest_init(&g, &(struct rhea_config){.tier2_thread = RHEA_TIER2_THREAD_OFF});
	guest_org(&g, CODE);
	put_careful_loop(&g);
	guest_set_word(&g, data(ARM), 0x01020304);
	run_loop(&g, data(ARM), 400000);
	assert_int_equal(guest_reg(&g, 3), 400000 * 0x01020304u);
	assert_int_equal(assumed(&g), 1u << 1);
	assert_parts_are_counted(&g);
	run_loop(&g, data(ARM) + 1, 1000001);
	assert_int_equal(guest_reg(&g, 3), 3);
	assert_int_equal(assumed(&g), 0);
	assert_parts_are_counted(&g);
	assert_int_equal(g.m->vcpu->stats.retries, 0);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_remembered),
		cmocka_unit_test(a_region_does_not_insist),
		cmocka_unit_test(arm_code_agrees),
		cmocka_unit_test(thumb_code_agrees),
		cmocka_unit_test(stores_beside_code_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
