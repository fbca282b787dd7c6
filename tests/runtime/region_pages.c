/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region that lies on several pages (decision 012): a loop that calls functions on other pages. It is made, as one unit; any store to its code, by
 * the guest or from outside, drops it; with the MMU on it is not run while one of its pages is mapped elsewhere. A second machine that
 * interprets does the same. A failure means that calls are no longer followed, or that a region outlives its code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define DATA 0x20000u
#define FUNCTIONS 3u
#define OTHERS 0x40000u /* copies of the functions' pages, that add another number */

static uint32_t function_at(unsigned k)
{
	return CODE + (k + 1) * 0x1000u + 0x100u * k;
}

struct pair {
	struct guest tested, wanted;
};

/* r1 += 1, 2, 3 on three pages, r5 to [r4], for ever. */
static void put_loop(struct guest *g, bool calls)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 4, DATA);
	guest_li(g, 11, GUEST_IO);
	uint32_t loop = g->at;
	for (unsigned k = 0; k < FUNCTIONS; k++)
		guest_put(g, a_bl(g->at, function_at(k)));
	guest_put(g, a_str(5, 4, 0));
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, a_b(g->at, loop));
	for (unsigned k = 0; k < FUNCTIONS; k++)
		for (unsigned other = 0; other < 2; other++) {
			guest_org(g, function_at(k) + other * OTHERS);
			guest_put(g, a_add(1, 1, k + 1 + 16 * other));
			if (calls) {
				guest_put(g, a_movr(10, LR));
				guest_put(g, a_bl(g->at, g->at + 8));
				guest_put(g, a_bx(10));
			}
			guest_put(g, A32_BX_LR);
		}
}

static void map_pages(struct guest *g)
{
	guest_mmu_on(g);
	guest_map_table(g, 0, 0, false);
	for (uint32_t pa = 0; pa < 1u << 20; pa += 0x1000)
		guest_set_word(g, guest_pte(pa, 0, false), guest_small(pa, AP_USER, AP_USER, AP_USER, AP_USER));
}

static void start(struct pair *p, const struct rhea_config *cfg, bool mmu, bool calls)
{
	struct rhea_config c = *cfg;
	c.icount = c.icount_no_sleep = true;
	guest_init(&p->tested, &c);
	c.accel = RHEA_ACCEL_INTERP;
	guest_init(&p->wanted, &c);
	put_loop(&p->tested, calls);
	put_loop(&p->wanted, calls);
	if (mmu) {
		map_pages(&p->tested);
		map_pages(&p->wanted);
	}
}

static void end(struct pair *p)
{
	guest_free(&p->tested);
	guest_free(&p->wanted);
}

/* In pieces, at whose ends hot blocks are sought. */
static void run_both(struct pair *p, unsigned pieces)
{
	for (unsigned k = 0; k < pieces; k++) {
		guest_step(&p->tested, 97);
		guest_step(&p->wanted, 97);
		for (unsigned n = 0; n <= RHEA_REG_CPSR; n++)
			assert_int_equal(guest_reg(&p->tested, n), guest_reg(&p->wanted, n));
	}
}

/* Where the region has the code of a function. */
static const uint8_t *code_of(const struct tb *tb, uint32_t pc)
{
	unsigned k = 0;
	while (tb->region->part[k].pc_key != pc)
		k++;
	return tb->region->part[k].code;
}

static bool has_part(const struct tb *tb, uint32_t pc)
{
	for (unsigned k = 0; k < tb->region->n_parts; k++)
		if (tb->region->part[k].pc_key == pc)
			return true;
	return false;
}

/* A region of the caller with all three functions, or NULL. */
static struct tb *find_region(const struct guest *g)
{
	const struct tb_store *s = &g->m->vcpu->tbs;
	for (uint32_t k = 0; k < s->n_by_host; k++) {
		struct tb *tb = s->by_host[k];
		unsigned n = 0;
		for (unsigned f = 0; tb->valid && tb->region && f < FUNCTIONS; f++)
			n += has_part(tb, function_at(f));
		if (n == FUNCTIONS && tb->pc_key >> 12 == CODE >> 12)
			return tb;
	}
	return NULL;
}

static struct tb *make_region(struct pair *p)
{
	struct tb *tb = NULL;
	unsigned *samples = &p->tested.m->vcpu->cfg.tier2_samples;
	*samples = UINT16_MAX; /* first all blocks are met */
	run_both(p, 10);
	*samples = 1;
	for (unsigned k = 0; k < 5000 && !tb; k++) {
		run_both(p, 1);
		tb = find_region(&p->tested);
		if (!tb && p->tested.m->vcpu->worker)
			usleep(1000);
	}
	assert_non_null(tb);
	unsigned n = 0;
	for (const struct tb_visit *v = tb->visits; v; v = v->next_of_tb)
		n++;
	assert_int_equal(n, FUNCTIONS);
	return tb;
}

static void write_both(struct pair *p, uint32_t pa, uint32_t word)
{
	guest_set_word(&p->tested, pa, word);
	guest_set_word(&p->wanted, pa, word);
}

static const struct rhea_config regions = {.compile_at_once = true, .regions_at_once = true};
static const struct rhea_config by_thread = {.compile_at_once = true, .regions_at_once = true, .tier2_thread = RHEA_TIER2_THREAD_ON};

/* Failure: a write from outside to one of the pages goes unseen, or one that hits no code drops it. */
static void a_write_from_outside_drops_it(void **state)
{
	struct pair p;
	(void)state;
	for (unsigned k = 0; k < 2 * FUNCTIONS; k++) {
		unsigned f = k / 2;
		start(&p, &regions, k & 1, false);
		struct tb *tb = make_region(&p);
		write_both(&p, function_at(f) + 0x80, 0);
		assert_true(tb->valid);
		write_both(&p, function_at(f), a_add(1, 1, 7));
		assert_false(tb->valid);
		run_both(&p, 20);
		end(&p);
	}
}

static void let_store(struct pair *p, uint32_t at, uint32_t word)
{
	struct guest *g[] = {&p->tested, &p->wanted};
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(rhea_write_reg(g[k]->m, 4, at), RHEA_OK);
		assert_int_equal(rhea_write_reg(g[k]->m, 5, word), RHEA_OK);
	}
}

/* Failure: it runs on with what a store of its own replaced. */
static void its_own_store_drops_it(void **state)
{
	struct pair p;
	(void)state;
	for (unsigned k = 0; k < 2 * FUNCTIONS; k++) {
		start(&p, &regions, k & 1, false);
		struct tb *tb = make_region(&p);
		let_store(&p, function_at(k / 2), a_add(1, 1, 20));
		run_both(&p, 1);
		assert_false(tb->valid);
		let_store(&p, DATA, 0);
		run_both(&p, 20);
		end(&p);
	}
}

static void map_both(struct pair *p, unsigned f, uint32_t more)
{
	struct guest *g[] = {&p->tested, &p->wanted};
	uint32_t va = function_at(f) & ~0xfffu;
	write_both(p, guest_pte(va, 0, false), guest_small(va + more, AP_USER, AP_USER, AP_USER, AP_USER));
	for (unsigned k = 0; k < 2; k++)
		arm_cp15_write(g[k]->m->vcpu->cpu, ARM_CP_REG(15, 8, 0, 7, 0), 0);
}

/* Failure: the code of the page that was there before is run, or the region is not used again when the page is back. */
static void check_remapping(const struct rhea_config *cfg)
{
	struct pair p;
	start(&p, cfg, true, false);
	struct tb *tb = make_region(&p);
	assert_int_equal(tb->region->n_others, FUNCTIONS);
	for (unsigned f = 0; f < FUNCTIONS; f++) {
		map_both(&p, f, OTHERS);
		run_both(&p, 10);
		map_both(&p, f, 0);
		run_both(&p, 10);
		assert_true(tb->valid);
	}
	end(&p);
}

static void it_is_not_run_while_a_page_is_mapped_elsewhere(void **state)
{
	(void)state;
	check_remapping(&regions);
	check_remapping(&by_thread);
}

/* The blocks that it was made of need not be there any more. Failure: only they make that stores are looked at. */
static void it_goes_without_its_blocks(void **state)
{
	struct pair p;
	(void)state;
	start(&p, &regions, false, false);
	struct tb *tb = make_region(&p);
	struct vcpu *v = p.tested.m->vcpu;
	while (guest_reg(&p.tested, PC) != tb->pc_key) { /* not in a function, which would be a block again */
		guest_step(&p.tested, 1);
		guest_step(&p.wanted, 1);
	}
	for (unsigned f = 0; f < FUNCTIONS; f++) {
		struct code_page *page = tb_page(&v->tbs, code_of(tb, function_at(f)), false);
		tb_forget_once_in(page, page->host, PAGE_SIZE);
		while (page->tbs)
			vcpu_drop_block(v, page->tbs);
	}
	assert_true(tb->valid);
	let_store(&p, function_at(1), a_add(1, 1, 20));
	run_both(&p, 20);
	assert_false(tb->valid);
	end(&p);
}

/* Failure: the place where a block is to end from now on is sought on the wrong page, again and again. */
static void device_accesses_in_functions_become_exact(void **state)
{
	struct pair p;
	(void)state;
	start(&p, &regions, false, false);
	make_region(&p);
	const uint32_t reads[] = {a_ldr(2, 11, IO_NOW), a_add(1, 1, 1), a_ldr(3, 11, IO_NOW), a_addr(1, 1, 2), a_addr(1, 1, 3), A32_BX_LR};
	for (unsigned k = 0; k < ARRAY_LEN(reads); k++)
		write_both(&p, function_at(1) + 4 * k, reads[k]);
	run_both(&p, 100);
	uint64_t retries = p.tested.m->vcpu->stats.retries;
	run_both(&p, 200);
	assert_true(p.tested.m->vcpu->stats.retries < retries + 4);
	end(&p);
}

/* Failure: a call is done without although another one is made before it comes back. */
static void functions_that_call_are_not_followed(void **state)
{
	static const struct rhea_config cfgs[] = {
		{.compile_at_once = true, .regions_at_once = true},
		{.accel = RHEA_ACCEL_LOCKSTEP, .regions_at_once = true},
	};
	struct pair p;
	(void)state;
	for (unsigned k = 0; k < ARRAY_LEN(cfgs); k++) {
		start(&p, &cfgs[k], false, true);
		run_both(&p, 200);
		assert_null(find_region(&p.tested));
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_from_outside_drops_it),
		cmocka_unit_test(its_own_store_drops_it),
		cmocka_unit_test(it_is_not_run_while_a_page_is_mapped_elsewhere),
		cmocka_unit_test(it_goes_without_its_blocks),
		cmocka_unit_test(device_accesses_in_functions_become_exact),
		cmocka_unit_test(functions_that_call_are_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
