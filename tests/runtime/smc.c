/* SPDX-License-Identifier: Apache-2.0 */
/* Code that changes, without any cache maintenance, and data beside code. A failure means that old code ran, or (counts)
 * that blocks were dropped without need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define LIMIT 2000000u

static const struct vcpu_stats *stats(const struct guest *g)
{
	return &g->m->vcpu->stats;
}

static void start(struct guest *g, const struct guest_way *way)
{
	guest_init(g, &way->cfg);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
}

/* ---- the block itself ---------------------------------------------------------------------------- */

/* `store` (of r5 to [r7]) turns `mov r0, #2`, `distance` instructions behind it, into `mov r0, #9`. */
static void put_self_patch(struct guest *g, unsigned distance, uint32_t store)
{
	guest_li(g, 5, a_mov(0, 9));
	uint32_t patch = g->at + 12 + 4 * distance;
	guest_put(g, a_mov(7, CODE));
	guest_put(g, a_add(7, 7, patch - CODE));
	guest_put(g, store);
	for (unsigned i = 0; i < distance; i++)
		guest_put(g, a_add(1, 1, 1));
	assert_int_equal(guest_put(g, a_mov(0, 2)), patch);
	guest_put(g, a_add(2, 2, 1));
	guest_stop(g);
}

/* Failure: the block that stores goes on as it was translated, or does an instruction twice. */
static void own_block_behind_the_store(void **state)
{
	const uint32_t stores[] = {a_str(5, 7, 0), a_strb(5, 7, 0), a_stm(7, 1u << 5), a_swp(4, 5, 7)};
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < ARRAY_LEN(stores) * 5; i++) {
			struct guest g;
			start(&g, way);
			put_self_patch(&g, i / ARRAY_LEN(stores), stores[i % ARRAY_LEN(stores)]);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 0), 9);
			assert_int_equal(guest_reg(&g, 1), i / ARRAY_LEN(stores));
			assert_int_equal(guest_reg(&g, 2), 1);
			guest_free(&g);
		}
}

/* Failure: a slice that ends inside the block (a budget) hides the store from the rest of it. */
static void own_block_under_every_budget(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned budget = 1; budget <= 10; budget++) {
			struct guest g;
			start(&g, way);
			put_self_patch(&g, 2, a_str(5, 7, 0));
			for (unsigned done = 0; done < 10; done += budget) /* 10: up to `add r2` */
				guest_step(&g, MIN(budget, 10 - done));
			assert_int_equal(guest_reg(&g, 0), 9);
			assert_int_equal(guest_reg(&g, 1), 2);
			assert_int_equal(guest_reg(&g, 2), 1);
			guest_free(&g);
		}
}

/*
 * A slice ends behind the second store: the block is longer than what fits. Its first store hits what does not fit any
 * more, the second one what still does.
 */
static void two_stores_in_a_short_slice(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_li(&g, 5, a_mov(0, 9));
		guest_put(&g, a_mov(7, CODE));
		uint32_t store = guest_put(&g, A32_NOP);
		guest_put(&g, A32_NOP);
		uint32_t near = guest_put(&g, a_mov(0, 2));
		uint32_t last = guest_put(&g, a_add(2, 2, 1));
		uint32_t far = guest_put(&g, a_mov(0, 3));
		guest_put(&g, A32_SPIN);
		guest_set_word(&g, store, a_str(5, 7, (int32_t)(far - CODE)));
		guest_set_word(&g, store + 4, a_str(5, 7, (int32_t)(near - CODE)));
		guest_step(&g, (last + 4 - CODE) / 4);
		assert_int_equal(guest_reg(&g, 0), 9);
		assert_int_equal(guest_reg(&g, 2), 1);
		guest_set_word(&g, near, a_mov(0, 4));
		guest_step(&g, 1);
		assert_int_equal(guest_reg(&g, 0), 9);
		guest_free(&g);
	}
}

/* A loop whose body rewrites its own immediate every time round: add r0, r0, #n with n = 100 .. 1. */
static void loop_that_patches_itself(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_put(&g, a_mov(7, CODE));
		guest_put(&g, a_mov(1, 100));
		uint32_t loop = g.at;
		guest_put(&g, a_strb(1, 7, (int32_t)(loop + 4 - CODE)));
		guest_put(&g, a_add(0, 0, 0));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 0), 5050);
		guest_free(&g);
	}
}

/* Thumb: the halfword behind the store. */
static void own_block_in_thumb(void **state)
{
	static const uint16_t code[] = {
		0x2509, /* movs r5, #9 */
		0xa701, /* adr r7, +4: the fifth halfword */
		0x703d, /* strb r5, [r7] */
		0x3101, /* adds r1, #1 */
		0x2002, /* movs r0, #2 -> #9 */
		0x3201, /* adds r2, #1 */
		0xe7fe, /* b . */
	};
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		assert_int_equal(rhea_write_phys(g.m, CODE, code, sizeof code), RHEA_OK);
		assert_int_equal(rhea_write_reg(g.m, RHEA_REG_CPSR, 0x1f3), RHEA_OK);
		guest_step(&g, 10);
		assert_int_equal(guest_reg(&g, 0), 9);
		assert_int_equal(guest_reg(&g, 1), 1);
		assert_int_equal(guest_reg(&g, 2), 1);
		guest_free(&g);
	}
}

/* ---- other blocks -------------------------------------------------------------------------------- */

#define FUNC 0x2000u /* mov r0, #n; bx lr */

static void put_func(struct guest *g, uint32_t at, uint32_t n)
{
	guest_org(g, at);
	guest_put(g, a_mov(0, n));
	guest_put(g, A32_BX_LR);
}

/* r0 of each call of FUNC is summed into r4; between the calls its immediate is overwritten through r7. */
static void put_caller(struct guest *g, uint32_t func)
{
	guest_put(g, a_mov(1, 50));
	guest_put(g, a_mov(4, 0));
	uint32_t loop = g->at;
	guest_put(g, a_bl(g->at, func));
	guest_put(g, a_addr(4, 4, 0));
	guest_put(g, a_strb(1, 7, 0));
	guest_put(g, a_subs(1, 1, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_stop(g);
}

#define CALLER_SUM (1u + 50u * 51u / 2 - 1u) /* 1, then 50 .. 2 */

static void other_block_is_replaced(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_func(&g, FUNC, 1);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(7, FUNC));
		put_caller(&g, FUNC);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), CALLER_SUM);
		guest_free(&g);
	}
}

/* The function is copied over what ran before at its destination, then jumped to: a loader's work. */
static void copied_code_runs_at_once(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		for (uint32_t i = 0; i < 8; i++)
			put_func(&g, 0x3000 + 16 * i, 10 + i);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(7, FUNC));
		guest_put(&g, a_mov(6, 0x3000));
		guest_put(&g, a_mov(1, 8));
		guest_put(&g, a_mov(4, 0));
		uint32_t loop = g.at;
		guest_put(&g, a_ldm(6, 1u << 2 | 1u << 3));
		guest_put(&g, a_stm(7, 1u << 2 | 1u << 3));
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_addr(4, 4, 0));
		guest_put(&g, a_add(6, 6, 16));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 10 + 11 + 12 + 13 + 14 + 15 + 16 + 17);
		guest_free(&g);
	}
}

/* ---- aliases ------------------------------------------------------------------------------------- */

/* One physical page under three virtual addresses: run under the first two, written through the third. */
static void written_through_another_virtual_address(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_func(&g, 0x2000, 1);
		guest_mmu_on(&g);
		guest_map_table(&g, 0x100000, 0, false);
		for (uint32_t va = 0x100000; va < 0x103000; va += 0x1000)
			guest_set_word(&g, guest_pte(va, 0, false), guest_small(0x2000, AP_USER, AP_USER, AP_USER, AP_USER));
		guest_org(&g, CODE);
		guest_li(&g, 7, 0x102000);
		guest_li(&g, 8, 0x100000);
		guest_li(&g, 9, 0x101000);
		guest_put(&g, a_mov(1, 50));
		guest_put(&g, a_mov(4, 0));
		uint32_t loop = g.at;
		for (unsigned i = 0; i < 2; i++) {
			guest_put(&g, a_movr(LR, PC));
			guest_put(&g, a_movr(PC, 8 + i));
			guest_put(&g, a_addr(4, 4, 0));
		}
		guest_put(&g, a_strb(1, 7, 0));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 2 * CALLER_SUM);
		guest_free(&g);
	}
}

/* The same through a second view of the RAM in the physical map, as the Versatile board has it. */
static void written_through_the_physical_alias(void **state)
{
	static const uint32_t caller[] = {0xe3a07207 /* mov r7, #0x70000000 */, 0xe3877a02 /* orr r7, r7, #0x2000 */};
	(void)state;
	for (enum rhea_accel accel = RHEA_ACCEL_JIT; accel <= RHEA_ACCEL_LOCKSTEP; accel++) {
		struct rhea_error err;
		struct rhea_event ev;
		struct guest g = {.m = rhea_new(&(struct rhea_config){.machine = "versatilepb", .accel = accel}, &err)};
		assert_non_null(g.m);
		put_func(&g, FUNC, 1);
		guest_org(&g, CODE);
		guest_put(&g, caller[0]);
		guest_put(&g, caller[1]);
		put_caller(&g, FUNC);
		guest_set_word(&g, g.at - 12, A32_SPIN); /* not this board's STOP */
		guest_set_pc(&g, CODE);
		rhea_run(g.m, 1000, &ev);
		assert_int_equal(guest_reg(&g, 4), CALLER_SUM);
		rhea_free(g.m);
	}
}

/* ---- data beside code ---------------------------------------------------------------------------- */

/* 1000 stores to the words right before and right behind a running loop, in its page. */
static void data_beside_code_drops_nothing(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_org(&g, CODE + 0x100);
		guest_put(&g, 0); /* data before the loop */
		guest_set_pc(&g, g.at);
		guest_put(&g, a_mov(7, CODE));
		uint32_t count = guest_put(&g, a_mov(1, 250)), loop = g.at;
		(void)count;
		guest_put(&g, a_str(1, 7, 0x100));
		guest_put(&g, a_strb(1, 7, 0x103));
		guest_put(&g, a_str(1, 7, 0x140));
		guest_put(&g, a_strb(1, 7, 0x13f + 1));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		assert_true(g.at <= CODE + 0x140);
		for (uint32_t at = g.at; at < CODE + 0x140; at += 4)
			guest_set_word(&g, at, A32_UNDEF);
		guest_run(&g, LIMIT);
		assert_int_equal(stats(&g)->invalidated_blocks, 0);
		assert_int_equal(stats(&g)->retries, 0);
		assert_true(stats(&g)->translated_blocks < 40);
		guest_free(&g);
	}
}

/* A store that only touches one of a page's blocks leaves the others alone. */
static void only_the_block_that_is_hit_goes(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		for (uint32_t i = 0; i < 16; i++)
			put_func(&g, FUNC + 8 * i, i);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(7, FUNC));
		guest_put(&g, a_mov(6, 6));
		guest_put(&g, a_mov(4, 0));
		uint32_t loop = g.at;
		for (uint32_t i = 0; i < 16; i++) {
			guest_put(&g, a_bl(g.at, FUNC + 8 * i));
			guest_put(&g, a_addr(4, 4, 0));
		}
		guest_put(&g, a_subs(6, 6, 1));
		guest_put(&g, a_if(EQ, a_strb(6, 7, 40)));
		guest_put(&g, a_bcond(GE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 7 * 120 - 5);
		unsigned most = way->cfg.regions_at_once ? 5 : 2; /* regions have it in them, too */
		assert_true(stats(&g)->invalidated_blocks >= 1 && stats(&g)->invalidated_blocks <= most);
		guest_free(&g);
	}
}

/* A store across a page boundary: its last bytes are the first of a translated function. */
static void store_across_the_boundary(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_func(&g, FUNC, 1);
		guest_mmu_on(&g);
		guest_org(&g, CODE);
		guest_li(&g, 7, FUNC - 8);
		guest_li(&g, 2, 0x11111111);
		guest_li(&g, 3, 0x22222222);
		guest_li(&g, 8, a_mov(0, 7));
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_movr(6, 0));
		guest_put(&g, a_stm(7, 1u << 2 | 1u << 3 | 1u << 8));
		guest_put(&g, a_bl(g.at, FUNC));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 6), 1);
		assert_int_equal(guest_reg(&g, 0), 7);
		guest_free(&g);
	}
}

/* ---- ROM and the outside ------------------------------------------------------------------------- */

/* Stores to ROM change nothing, and run on: the code there stays as it is. */
static void rom_keeps_its_code(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t *rom = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
		assert_non_null(rom);
		memset(rom, 0, PAGE_SIZE);
		start(&g, way);
		rom[0] = a_mov(0, 1);
		rom[1] = A32_BX_LR;
		assert_int_equal(rhea_map_host(g.m, 0x800000, PAGE_SIZE, rom, true, NULL), RHEA_OK);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(7, 0x800000));
		put_caller(&g, 0x800000);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 50);
		assert_int_equal(rom[0], a_mov(0, 1));
		guest_free(&g);
		free(rom);
	}
}

/* A block that drops and remakes itself for ever must not eat the host's memory. */
static void endless_patching_is_bounded(void **state)
{
	const struct rhea_config cfgs[] = {
		{.tb_size = 1 << 20, .accel = RHEA_ACCEL_INTERP},
		{.tb_size = 1 << 20, .compile_at_once = true},
		{.tb_size = 1 << 20}, /* each one runs once: none is kept */
	};
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cfgs); i++) {
		struct guest g;
		guest_init(&g, &cfgs[i]);
		put_func(&g, FUNC, 1);
		guest_org(&g, CODE);
		guest_set_pc(&g, CODE);
		guest_put(&g, a_mov(7, FUNC));
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_strb(1, 7, 0));
		guest_put(&g, a_b(g.at, loop));
		uint64_t flushes = stats(&g)->code_flushes;
		guest_step(&g, 6 * 80000);
		bool kept = cfgs[i].accel == RHEA_ACCEL_INTERP || cfgs[i].compile_at_once;
		assert_int_equal(stats(&g)->invalidated_blocks > 79000, kept);
		assert_int_equal(stats(&g)->code_flushes > flushes, kept);
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_block_behind_the_store),
		cmocka_unit_test(own_block_under_every_budget),
		cmocka_unit_test(two_stores_in_a_short_slice),
		cmocka_unit_test(loop_that_patches_itself),
		cmocka_unit_test(own_block_in_thumb),
		cmocka_unit_test(other_block_is_replaced),
		cmocka_unit_test(copied_code_runs_at_once),
		cmocka_unit_test(written_through_another_virtual_address),
		cmocka_unit_test(written_through_the_physical_alias),
		cmocka_unit_test(data_beside_code_drops_nothing),
		cmocka_unit_test(only_the_block_that_is_hit_goes),
		cmocka_unit_test(store_across_the_boundary),
		cmocka_unit_test(rom_keeps_its_code),
		cmocka_unit_test(endless_patching_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
