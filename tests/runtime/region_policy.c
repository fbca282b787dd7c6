/* SPDX-License-Identifier: Apache-2.0 */
/* Where regions start (runtime/region_policy.c). A failure means that code without a hot spot runs for long before it has any, or stays without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define BLOCKS 1000u
#define REGION_BLOCKS 16u /* at most */

/* A ring of blocks of two instructions. */
static void put_ring(struct guest *g)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	for (unsigned k = 0; k < BLOCKS; k++) {
		guest_put(g, a_add(1, 1, 1));
		guest_put(g, a_b(g->at, k + 1 < BLOCKS ? g->at + 4 : CODE));
	}
}

/* In 500 slices none of them is met eight times. */
static void a_flat_ring_is_covered(void **state)
{
	(void)state;
	struct rhea_config cfg = {.icount = true, .icount_no_sleep = true, .tier2_thread = RHEA_TIER2_THREAD_OFF};
	struct guest g;
	struct rhea_event ev;
	guest_init(&g, &cfg);
	put_ring(&g);
	rhea_run(g.m, 500 * VCPU_MAX_SLICE, &ev);
	assert_true(g.m->vcpu->stats.regions >= BLOCKS / REGION_BLOCKS / 2);
	assert_true(g.m->vcpu->stats.regions <= 2 * BLOCKS / REGION_BLOCKS); /* beside each other, not over */
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flat_ring_is_covered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
