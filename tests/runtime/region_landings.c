/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that come back into the middle of a region (decision 020): two functions on two pages call each other, deeper than a region follows them. The
 * innermost one now and then does something to those that wait for it: changes their code, maps their page elsewhere, leaves flags behind that the
 * caller looks at, or an address that is not aligned any more. All ways to run must go on alike. A failure means that a landing led into a region that was no longer what it was made for, that it
 * charged something else than ran, or that the region took for known what is not where a call comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"

#define CALLER 0x10000u
#define FUNCTION 0x11100u  /* and one more a page further on */
#define ACTION 0x14000u
#define DATA 0x20000u
#define STACK 0x30000u
#define OTHERS 0x40000u    /* copies of the functions' pages, that add another number */
#define STEPS 6000u
#define COUNT 24u

enum kind { STORES = 1, MAPS = 2, FLAGS = 4, ODD = 8 };

struct functions {
	uint32_t rng;
	unsigned kind, depth;
	uint32_t site[2];
};

static uint32_t below(struct functions *f, uint32_t n)
{
	return agree_below(&f->rng, n);
}

static uint32_t function_at(unsigned k)
{
	return FUNCTION + 0x1000 * k;
}

/* r0: how deep it still goes. r1 and r2 are counted, r3 mixes in the flags that it comes back with, and words at r8. */
static void put_function(struct guest *g, struct functions *f, unsigned k, unsigned add)
{
	guest_put(g, 0xe92d4011u); /* push {r0, r4, lr} */
	guest_put(g, a_cmp(0, 0));
	guest_put(g, a_if(EQ, a_bl(g->at, ACTION)));
	if (f->kind & ODD)
		guest_put(g, a_str(2, 8, 4));
	if (!(f->kind & FLAGS) || below(f, 2))
		guest_put(g, a_cmp(0, 0));
	guest_put(g, a_sub(0, 0, 1));
	guest_put(g, a_if(f->kind & FLAGS ? NE : GT, a_bl(g->at, function_at(k ^ 1))));
	guest_put(g, a_if(EQ, a_add(1, 1, 1)));
	guest_put(g, a_if(below(f, 14), a_eor(3, 3, 0x40)));
	f->site[k] = guest_put(g, a_add(2, 2, add));
	guest_put(g, a_dp(ADC, 0, 3, 3, 2));
	if (f->kind & ODD) {
		guest_put(g, a_ldr(4, 8, 4));
		guest_put(g, a_dp(EOR, 0, 3, 3, 4));
	}
	if (below(f, 2))
		guest_put(g, a_cmp(2, 1 + below(f, 200)));
	guest_put(g, 0xe8bd8011u); /* pop {r0, r4, pc} */
}

/* Every fourth, eighth, .. time: another number is added, by this code or by that of another page. */
static void put_action(struct guest *g, struct functions *f)
{
	unsigned k = below(f, 2);
	guest_org(g, ACTION);
	guest_put(g, a_add(7, 7, 1));
	guest_put(g, a_dp(TST, 1, 0, 7, I_BIT | ((4u << below(f, 3)) - 1)));
	guest_put(g, a_if(NE, A32_BX_LR));
	guest_li(g, 5, f->kind & MAPS ? guest_pte(function_at(k), 0, false) : f->site[k]);
	guest_put(g, a_ldr(6, 5, 0));
	guest_put(g, a_eor(6, 6, f->kind & MAPS ? OTHERS : 6));
	if (f->kind & ODD)
		guest_put(g, a_eor(8, 8, 2));
	if (f->kind & (MAPS | STORES))
		guest_put(g, a_str(6, 5, 0));
	guest_li(g, 6, function_at(k));
	if (f->kind & MAPS)
		guest_put(g, below(f, 2) ? a_tlb_flush_mva(6) : a_tlb_flush(6));
	guest_put(g, a_dp(CMP, 1, 0, 7, I_BIT | below(f, 256)));
	guest_put(g, A32_BX_LR);
}

static void put_caller(struct guest *g, struct functions *f)
{
	guest_org(g, CALLER);
	guest_set_pc(g, CALLER);
	guest_li(g, SP, STACK);
	for (unsigned n = 1; n < 8; n++)
		guest_li(g, n, n);
	guest_li(g, 8, DATA);
	uint32_t loop = g->at;
	guest_put(g, a_mov(0, f->depth));
	guest_put(g, a_bl(g->at, function_at(0)));
	guest_put(g, a_dp(ADD, 0, 3, 1, 3));
	guest_put(g, a_b(g->at, loop));
}

static void map_pages(struct guest *g)
{
	guest_mmu_on(g);
	guest_map_table(g, 0, 0, false);
	for (uint32_t pa = 0; pa < 1u << 20; pa += 0x1000)
		guest_set_word(g, guest_pte(pa, 0, false), guest_small(pa, AP_USER, AP_USER, AP_USER, AP_USER));
	guest_set_word(g, guest_pte(GUEST_L1, 0, false), guest_small(GUEST_L1, AP_USER, AP_USER, AP_USER, AP_USER));
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	struct functions f = {.rng = seed * 2654435761u + 1, .kind = kind};
	f.depth = 4 + below(&f, 8);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned other = 0; other < 2; other++) {
			uint32_t rng = f.rng;
			guest_org(g, function_at(k) + other * OTHERS);
			put_function(g, &f, k, 1 + 16 * other);
			f.site[k] -= other * OTHERS;
			f.rng = other ? f.rng : rng; /* else the same */
		}
	put_action(g, &f);
	put_caller(g, &f);
	if (kind & MAPS)
		map_pages(g);
}

static unsigned *landings; /* linked into their own region */

static void count_landings(const struct guest *g, const struct guest_way *way)
{
	const struct tb_store *s = &g->m->vcpu->tbs;
	(void)way;
	for (uint32_t i = 0; i < s->n_by_host; i++)
		for (unsigned k = s->by_host[i]->first_landing; k < s->by_host[i]->n_exits; k++)
			*landings += s->by_host[i]->exit[k].to == s->by_host[i];
}

static void check(unsigned kind)
{
	unsigned n = 0;
	landings = &n;
	agree_check(&(struct agree){.put = put_guest, .kind = kind, .count = COUNT, .steps = STEPS, .piece = {6000, 331, 61}, .regions = true, .done = count_landings});
	assert_true(n > 0);
}

static void code_changes_under_those_that_wait(void **state)
{
	(void)state;
	check(STORES);
}

static void pages_change_under_those_that_wait(void **state)
{
	(void)state;
	check(MAPS);
}

static void calls_come_back_with_other_flags(void **state)
{
	(void)state;
	check(FLAGS);
}

static void calls_come_back_with_other_addresses(void **state)
{
	(void)state;
	check(ODD);
}

static void they_do_where_code_changes(void **state)
{
	(void)state;
	check(FLAGS | ODD | STORES);
}

static void they_do_where_pages_change(void **state)
{
	(void)state;
	check(FLAGS | ODD | MAPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_changes_under_those_that_wait),
		cmocka_unit_test(pages_change_under_those_that_wait),
		cmocka_unit_test(calls_come_back_with_other_flags),
		cmocka_unit_test(calls_come_back_with_other_addresses),
		cmocka_unit_test(they_do_where_code_changes),
		cmocka_unit_test(they_do_where_pages_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
