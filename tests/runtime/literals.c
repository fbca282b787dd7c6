/* SPDX-License-Identifier: Apache-2.0 */
/* Words that code loads from beside pc, and that somebody stores to: the runtime takes them for constants (decision 021). A failure means that an
 * old one was used, that a watchpoint did not see the load, or (counts) that a variable among code is translated again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define TURNS 300u
#define LIMIT 200000u

static void start(struct guest *g, const struct guest_way *way, uint32_t at)
{
	guest_init(g, &way->cfg);
	guest_org(g, at);
	guest_set_pc(g, at);
}

static uint32_t put_ldr_lit(struct guest *g, unsigned rd, uint32_t literal)
{
	return guest_put(g, a_ldr(rd, PC, (int32_t)(literal - g->at - 8)));
}

/* r1 += word, TURNS times; with `stores` the word, which starts as 5, is one more each time. */
static void put_sum(struct guest *g, uint32_t literal, bool stores, uint32_t store_through)
{
	guest_set_word(g, literal, 5);
	guest_li(g, 7, store_through);
	guest_li(g, 2, TURNS);
	guest_put(g, a_mov(1, 0));
	uint32_t loop = put_ldr_lit(g, 0, literal);
	guest_put(g, a_addr(1, 1, 0));
	guest_put(g, a_add(0, 0, 1));
	if (stores)
		guest_put(g, a_str(0, 7, 0));
	guest_put(g, a_subs(2, 2, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_stop(g);
}

static uint32_t sum_of(bool stores)
{
	return stores ? 5 * TURNS + TURNS * (TURNS - 1) / 2 : 5 * TURNS;
}

/* Where the literal lies: beside the loop, at the page's ends, on the pages beside it. */
static const struct {
	uint32_t code, literal;
} places[] = {
	{0x1000, 0x1100}, {0x1f00, 0x1ffc}, {0x1f00, 0x2000}, {0x1f80, 0x2700}, {0x2010, 0x1ff0}, {0x2010, 0x2004}, {0x3000, 0x2fa0},
};

static void a_block_stores_to_what_it_loads(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2 * ARRAY_LEN(places); i++) {
			struct guest g;
			bool stores = i & 1;
			start(&g, way, places[i / 2].code);
			put_sum(&g, places[i / 2].literal, stores, places[i / 2].literal);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), sum_of(stores));
			assert_int_equal(guest_word(&g, places[i / 2].literal), stores ? 5 + TURNS : 5);
			if (!way->cfg.trouble_seed) /* a page is told once */
				assert_true(g.m->vcpu->stats.translated_blocks < 100);
			guest_free(&g);
		}
}

/* The same by Thumb code, on the literal's page and the one before. */
static void thumb_code_stores_to_what_it_loads(void **state)
{
	static const uint16_t loop[] = {
		0x4803, /* ldr r0, [pc, #12]: the word at +16 */
		0x1809, /* adds r1, r1, r0 */
		0x3001, /* adds r0, #1 */
		0x6038, /* str r0, [r7] */
		0x3a01, /* subs r2, #1 */
		0xd1f9, /* bne loop */
		0x4718, /* bx r3 */
		0x0000,
	};
	(void)state;
	EACH_WAY(way)
		for (uint32_t at = 0x1ff0 - 16; at <= 0x2000; at += 16) {
			struct guest g;
			start(&g, way, CODE);
			guest_li(&g, 7, at + 16);
			guest_li(&g, 2, TURNS);
			guest_put(&g, a_mov(1, 0));
			guest_li(&g, 4, at + 1);
			guest_put(&g, a_add(3, PC, 0)); /* behind the next one */
			guest_put(&g, 0xe12fff14);      /* bx r4 */
			guest_stop(&g);
			for (unsigned k = 0; k < ARRAY_LEN(loop); k += 2)
				guest_set_word(&g, at + 2 * k, loop[k] | (uint32_t)loop[k + 1] << 16);
			guest_set_word(&g, at + 16, 5);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), sum_of(true));
			guest_free(&g);
		}
}

/* Once all is compiled, and hot, another block and somebody outside of the guest store. */
static void others_store_to_it(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
			uint32_t literal = places[i].literal;
			struct guest g;
			start(&g, way, places[i].code);
			put_sum(&g, literal, false, 0);
			guest_org(&g, 0x8000);
			guest_li(&g, 5, literal);
			guest_put(&g, a_mov(6, 11));
			guest_put(&g, a_strb(6, 5, 0));
			guest_put(&g, a_b(g.at, places[i].code));
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), 5 * TURNS);
			guest_set_word(&g, literal, 7);
			guest_set_pc(&g, places[i].code);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), 7 * TURNS);
			guest_set_pc(&g, 0x8000);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), 11 * TURNS);
			guest_free(&g);
		}
}

/* A jump by way of a literal, which is a direct one, goes elsewhere when the literal does. */
static void a_vector_is_changed(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way, CODE);
		guest_li(&g, 7, 0x2000);
		guest_li(&g, 8, 0x3000);
		guest_li(&g, 9, 0x3100);
		guest_li(&g, 2, TURNS);
		guest_put(&g, a_mov(1, 0));
		uint32_t loop = guest_put(&g, a_str(8, 7, 0));
		guest_put(&g, a_bl(g.at, 0x1f00));
		guest_put(&g, a_str(9, 7, 0));
		guest_put(&g, a_bl(g.at, 0x1f00));
		guest_put(&g, a_subs(2, 2, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_org(&g, 0x1f00);
		put_ldr_lit(&g, PC, 0x2000);
		guest_org(&g, 0x3000);
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, 0x3100);
		guest_put(&g, a_add(1, 1, 16));
		guest_put(&g, A32_BX_LR);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), 17 * TURNS);
		guest_free(&g);
	}
}

/* With the MMU on the page behind is another one than in memory, and the literal is written by way of another address. */
static void pages_are_mapped_elsewhere(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2; i++) {
			uint32_t literal = i ? 0x102000 : 0x101100;
			struct guest g;
			start(&g, way, 0x101f00);
			guest_mmu_on(&g);
			guest_map_table(&g, 0x100000, 0, false);
			guest_set_word(&g, guest_pte(0x101000, 0, false), guest_small(0x5000, AP_USER, AP_USER, AP_USER, AP_USER));
			guest_set_word(&g, guest_pte(0x102000, 0, false), guest_small(0x9000, AP_USER, AP_USER, AP_USER, AP_USER));
			g.at = 0x101f00;
			uint32_t pa = i ? 0x9000 : 0x5100;
			guest_org(&g, 0x5f00);
			/* as put_sum, for addresses that differ from where it is put */
			guest_set_word(&g, pa, 5);
			guest_set_word(&g, 0x6000, 1000); /* behind the page in memory: nobody's */
			guest_li(&g, 7, pa);
			guest_li(&g, 2, TURNS);
			guest_put(&g, a_mov(1, 0));
			uint32_t va = g.at - 0x5000 + 0x101000, loop = g.at;
			guest_put(&g, a_ldr(0, PC, (int32_t)(literal - va - 8)));
			guest_put(&g, a_addr(1, 1, 0));
			guest_put(&g, a_add(0, 0, 1));
			guest_put(&g, a_str(0, 7, 0));
			guest_put(&g, a_subs(2, 2, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), sum_of(true));
			guest_free(&g);
		}
}

/* A watchpoint that is set when the loop is compiled meets each load. */
static void a_watchpoint_sees_loads(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		struct rhea_event ev;
		struct rhea_error err;
		start(&g, way, CODE);
		put_sum(&g, 0x1100, false, 0);
		guest_step(&g, 400);
		assert_int_equal(rhea_add_stop(g.m, RHEA_STOP_READ, 0x1100, 4, &err), RHEA_OK);
		for (unsigned k = 0; k < 3; k++) {
			rhea_run(g.m, 1000, &ev);
			assert_int_equal(ev.kind, RHEA_EVENT_BREAK);
			assert_int_equal(ev.stop, RHEA_STOP_READ);
			uint32_t before = guest_reg(&g, 1);
			guest_step(&g, 2);
			assert_int_equal(guest_reg(&g, 1), before + 5);
		}
		guest_free(&g);
	}
}

/* Memory that a client gave (rhea_map_host) it writes without a word, between two runs. */
static void a_client_writes_its_memory(void **state)
{
	static _Alignas(4096) uint8_t memory[0x2000];
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2; i++) {
			struct guest g;
			struct rhea_error err;
			uint32_t code = 0x800f00, literal = i ? 0x801010 : 0x800fe0, seven = 7;
			start(&g, way, code);
			assert_int_equal(rhea_map_host(g.m, 0x800000, sizeof memory, memory, false, &err), RHEA_OK);
			put_sum(&g, literal, false, 0);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), 5 * TURNS);
			memcpy(memory + literal - 0x800000, &seven, sizeof seven);
			guest_set_pc(&g, code);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), 7 * TURNS);
			guest_free(&g);
		}
}

/* A block has the last word of all for a literal, and another one, first or last. */
static void the_last_word_of_all_is_one(void **state)
{
	const uint32_t last = 0xfffffffcu, other = 0xfffff900u;
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2; i++) {
			struct guest g;
			struct rhea_error err;
			start(&g, way, CODE);
			assert_int_equal(rhea_map_ram(g.m, 0xfffff000u, 0x1000, &err), RHEA_OK);
			guest_li(&g, 7, last);
			guest_li(&g, 2, TURNS);
			guest_put(&g, a_mov(1, 0));
			guest_li(&g, 4, 0xfffff800u);
			guest_put(&g, 0xe12fff14); /* bx r4 */
			guest_org(&g, 0xfffff800u);
			guest_set_word(&g, last, 5);
			uint32_t loop = put_ldr_lit(&g, i ? 3 : 0, i ? other : last);
			put_ldr_lit(&g, i ? 0 : 3, i ? last : other);
			guest_put(&g, a_addr(1, 1, 0));
			guest_put(&g, a_add(0, 0, 1));
			guest_put(&g, a_str(0, 7, 0));
			guest_put(&g, a_subs(2, 2, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), sum_of(true));
			guest_free(&g);
		}
}

static bool count_reads(void *opaque, uint32_t offset, unsigned size, uint32_t *value)
{
	(void)offset, (void)size;
	*value = ++*(uint32_t *)opaque;
	return true;
}

static bool ignore_writes(void *opaque, uint32_t offset, unsigned size, uint32_t value)
{
	(void)opaque, (void)offset, (void)size, (void)value;
	return true;
}

/* A device of less than a page lies on the page beside the code's. */
static void a_device_is_no_literal(void **state)
{
	static const struct rhea_mmio ops = {count_reads, ignore_writes};
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned i = 0; i < 2; i++) {
			struct guest g;
			struct rhea_error err;
			uint32_t n = 0, code = i ? 0x5000 : 0x4f00, device = i ? 0x4f80 : 0x5080;
			start(&g, way, code);
			assert_int_equal(rhea_map_mmio(g.m, device, 0x20, &ops, &n, &err), RHEA_OK);
			guest_li(&g, 2, TURNS);
			guest_put(&g, a_mov(1, 0));
			uint32_t loop = put_ldr_lit(&g, 0, device);
			guest_put(&g, a_addr(1, 1, 0));
			guest_put(&g, a_subs(2, 2, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), TURNS * (TURNS + 1) / 2);
			guest_free(&g);
		}
}

/* A page of variables that has a literal of the page before is not watched for long: its stores stay fast. */
static void a_page_of_data_is_let_go(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way, 0x4f00);
		guest_set_word(&g, 0x5010, 5);
		guest_li(&g, 7, 0x5800);
		guest_li(&g, 2, TURNS);
		uint32_t loop = put_ldr_lit(&g, 0, 0x5010);
		guest_put(&g, a_str(0, 7, 0));
		guest_put(&g, a_subs(2, 2, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		const struct mem_range *r = as_find(g.m->as, GPA(0x5000));
		const struct code_page *page = tb_page(&g.m->vcpu->tbs, r->host + (0x5000 - r->base.v), false);
		assert_int_equal(guest_word(&g, 0x5800), 5);
		assert_true(!page || !tb_page_used(page));
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_stores_to_what_it_loads), cmocka_unit_test(thumb_code_stores_to_what_it_loads),
		cmocka_unit_test(others_store_to_it), cmocka_unit_test(a_vector_is_changed), cmocka_unit_test(pages_are_mapped_elsewhere),
		cmocka_unit_test(a_watchpoint_sees_loads), cmocka_unit_test(a_client_writes_its_memory),
		cmocka_unit_test(the_last_word_of_all_is_one), cmocka_unit_test(a_device_is_no_literal), cmocka_unit_test(a_page_of_data_is_let_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
