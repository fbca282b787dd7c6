/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions compiled by a thread of their own (runtime/region_job.c) are taken, and the guest is the same with and without. A failure means that
 * none comes out of the thread, that one does although it is off, or that what it makes computes something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/busy.h"

#define INSNS 4000000u
#define PIECE_INSNS 100000u /* a new slice, so one look for what the thread has made */

static struct busy_state run(enum rhea_tier2_thread thread, struct vcpu_stats *stats, bool *has_thread)
{
	struct rhea_config cfg = {.icount = true, .icount_no_sleep = true, .regions_at_once = true, .tier2_thread = thread};
	struct rhea_event ev;
	struct guest g;
	guest_init(&g, &cfg);
	busy_put(&g);
	for (uint64_t done = 0; done < INSNS; done += ev.insns)
		rhea_run(g.m, MIN(PIECE_INSNS, INSNS - done), &ev);
	struct busy_state s = busy_state(&g);
	*stats = g.m->vcpu->stats;
	*has_thread = g.m->vcpu->worker != NULL;
	guest_free(&g);
	return s;
}

static void the_guest_is_the_same(void **state)
{
	struct vcpu_stats off, on, automatic;
	bool thread;
	(void)state;
	struct busy_state want = run(RHEA_TIER2_THREAD_OFF, &off, &thread);
	assert_true(off.regions > 0 && !thread);
	for (unsigned k = 0; k < 5; k++) {
		struct busy_state got = run(RHEA_TIER2_THREAD_ON, &on, &thread);
		assert_true(on.regions > 0 && thread);
		busy_assert_same(&got, &want);
	}
	run(RHEA_TIER2_THREAD_AUTO, &automatic, &thread); /* regions_at_once is to be repeatable */
	assert_false(thread);
	assert_memory_equal(&automatic, &off, sizeof off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
