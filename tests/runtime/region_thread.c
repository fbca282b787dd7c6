/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions compiled by a thread of their own (runtime/region_job.c) are taken, and the guest is the same with and without. A failure means that
 * none comes out of the thread, that one does although it is off, or that what it makes computes something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void run_until(struct guest *g, uint64_t insns)
{
	struct rhea_event ev;
	while (rhea_insn_count(g->m) < insns)
		rhea_run(g->m, MIN(PIECE_INSNS, insns - rhea_insn_count(g->m)), &ev);
}

/* The rest of the run; the process's status. */
static int go_on_in_child(struct guest *g, const struct busy_state *want)
{
	uint64_t regions = g->m->vcpu->stats.regions;
	alarm(60);
	vcpu_flush_code(g->m->vcpu);
	run_until(g, INSNS);
	bool made = g->m->vcpu->worker && g->m->vcpu->stats.regions > regions;
	struct busy_state got = busy_state(g);
	guest_free(g);
	return !made ? 1 : memcmp(&got, want, sizeof got) ? 2 : 0;
}

/* Which has not that thread: regions come from one of its own, and the machine can be freed. */
static void goes_on_in_a_forked_process(void **state)
{
	struct rhea_config cfg = {.icount = true, .icount_no_sleep = true, .regions_at_once = true,
				  .tier2_thread = RHEA_TIER2_THREAD_ON};
	struct vcpu_stats off;
	struct guest g;
	bool thread;
	int status;
	(void)state;
	struct busy_state want = run(RHEA_TIER2_THREAD_OFF, &off, &thread);
	guest_init(&g, &cfg);
	busy_put(&g);
	run_until(&g, INSNS / 4);
	assert_non_null(g.m->vcpu->worker);
	pid_t pid = fork();
	if (!pid)
		_exit(go_on_in_child(&g, &want));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_is_the_same), cmocka_unit_test(goes_on_in_a_forked_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
