/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trouble (runtime/trouble.h) makes some: each kind of it happens to a loop of memory accesses, and the loop's result is what it is without.
 * The same seed under -icount makes the same again. A failure means that tests with trouble test nothing, or cannot be replayed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define DATA 0x20000u
#define TURNS 0x40000u

static struct vcpu_stats run(const struct rhea_config *cfg, uint32_t *sum)
{
	struct guest g;
	guest_init(&g, cfg);
	guest_org(&g, CODE);
	guest_set_pc(&g, CODE);
	guest_li(&g, 0, TURNS);
	guest_li(&g, 4, DATA);
	uint32_t loop = guest_put(&g, a_ldr(1, 4, 0));
	guest_put(&g, a_dp(ADD, 1, 1, 1, 0));
	guest_put(&g, a_str(1, 4, 0));
	guest_put(&g, a_bcond(CS, g.at, g.at + 8));
	guest_put(&g, a_dp(ADC, 0, 2, 2, 1));
	guest_put(&g, a_subs(0, 0, 1));
	guest_put(&g, a_bcond(NE, g.at, loop));
	guest_put(&g, a_dp(EOR, 0, 2, 2, 1));
	guest_stop(&g);
	guest_run(&g, 20 * TURNS);
	*sum = guest_reg(&g, 2);
	struct vcpu_stats stats = g.m->vcpu->stats;
	guest_free(&g);
	return stats;
}

static void it_makes_some_and_changes_nothing(void **state)
{
	struct rhea_config cfg = {.icount = true};
	uint32_t want, got, again;
	(void)state;
	struct vcpu_stats calm = run(&cfg, &want);
	assert_int_equal(calm.troubles, 0);
	struct vcpu_stats sum = {0}; /* one seed may be a calm one */
	for (cfg.trouble_seed = 1; cfg.trouble_seed <= 4; cfg.trouble_seed++) {
		struct vcpu_stats s = run(&cfg, &got), t = run(&cfg, &again);
		assert_int_equal(got, want);
		assert_int_equal(again, want);
		assert_memory_equal(&s, &t, sizeof s);
		sum.troubles += s.troubles;
		sum.retries += s.retries;
		sum.regions += s.regions;
		sum.code_flushes += s.code_flushes;
		sum.translated_blocks += s.translated_blocks;
		sum.window_traps += s.window_traps;
		assert_true(s.troubles > 100);
	}
	assert_true(sum.troubles > 4000 && sum.retries > 400 && sum.regions > 40);
	assert_true(sum.code_flushes > 4 * calm.code_flushes && sum.translated_blocks > 40 * calm.translated_blocks);
	assert_true(sum.window_traps > 4 * calm.window_traps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_makes_some_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
