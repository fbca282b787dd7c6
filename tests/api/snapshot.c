/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots in memory. Guests with interrupts, an MMU, self-modifying code run under icount; going back and running on
 * must lead to the same state and the same output as the first time, in whatever order snapshots are restored. A failure
 * means that something of the machine is not in its snapshots; it names the field, and the seed is printed.
 *
 * RHEA_GUEST_DIR: where the images of tests/guest were built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/api/machine_state.h"

static const char *const images[] = {"timer.O2.arm", "mmu.O2.arm", "smc.O2.arm", "sched.Os.thumb", "exceptions.O0.arm", "sort.O2.thumb"};
static const struct rhea_config ways[] = {
	{.accel = RHEA_ACCEL_JIT}, {.accel = RHEA_ACCEL_JIT, .compile_at_once = true, .no_window = true}, {.accel = RHEA_ACCEL_INTERP},
};

#define POINTS 8u

/* What a machine that nobody ever restored was like at each point. */
struct history {
	uint64_t at[POINTS];
	struct whole_state state[POINTS];
	size_t n_out[POINTS];
	char out[OUTPUT_MAX];
	unsigned n;
};

static bool record(struct history *h, const char *image, const struct rhea_config *way, uint64_t *random)
{
	struct test_machine t;
	if (!test_machine_init(&t, image, way))
		return false;
	uint64_t at = 0;
	for (h->n = 0; h->n < POINTS; h->n++) {
		at += 1 + next_random(random) % 60000;
		if (!test_machine_run(&t, at))
			break;
		h->at[h->n] = at;
		h->state[h->n] = whole_state(t.m);
		h->n_out[h->n] = t.n_out;
	}
	memcpy(h->out, t.out, sizeof h->out);
	test_machine_free(&t);
	return true;
}

static void assert_at(struct test_machine *t, const struct history *h, unsigned i)
{
	struct whole_state now = whole_state(t->m);
	const char *differs = whole_state_difference(t->m, &now, &h->state[i]);
	if (differs)
		fail_msg("at instruction %llu: %s differs", (unsigned long long)h->at[i], differs);
	assert_int_equal(now.insns, h->at[i]);
	whole_state_free(&now);
}

/* Runs on from point i to the end and compares at every point. */
static void run_on(struct test_machine *t, const struct history *h, unsigned i)
{
	t->n_out = h->n_out[i];
	for (unsigned k = i + 1; k < h->n; k++) {
		assert_true(test_machine_run(t, h->at[k]));
		assert_at(t, h, k);
		assert_int_equal(t->n_out, h->n_out[k]);
		assert_memory_equal(t->out, h->out, t->n_out);
	}
}

static void go_back_in_any_order(const char *image, const struct rhea_config *way, uint64_t *random)
{
	static struct history h;
	struct test_machine t;
	struct rhea_snapshot *s[POINTS];
	struct rhea_error err;
	if (!record(&h, image, way, random)) {
		print_message("%s was not built\n", image);
		return;
	}
	test_machine_init(&t, image, way);
	for (unsigned i = 0; i < h.n; i++) {
		assert_true(test_machine_run(&t, h.at[i]));
		s[i] = rhea_snapshot_take(t.m, &err);
		assert_non_null(s[i]);
	}
	for (unsigned turn = 0; turn < 12 && h.n; turn++) {
		unsigned i = (unsigned)(next_random(random) % h.n);
		assert_int_equal(rhea_snapshot_restore(t.m, s[i], &err), RHEA_OK);
		assert_at(&t, &h, i);
		if (turn % 3 != 1)
			run_on(&t, &h, i);
	}
	/* Half of them go; the others still hold. */
	for (unsigned i = 0; i < h.n; i += 2)
		rhea_snapshot_free(t.m, s[i]);
	for (unsigned i = 1; i < h.n; i += 2) {
		assert_int_equal(rhea_snapshot_restore(t.m, s[i], &err), RHEA_OK);
		assert_at(&t, &h, i);
		run_on(&t, &h, i);
		rhea_snapshot_free(t.m, s[i]);
	}
	/* And without any, the window comes back. */
	if (h.n > 1)
		run_on(&t, &h, h.n - 1);
	for (unsigned i = 0; i < h.n; i++)
		whole_state_free(&h.state[i]);
	test_machine_free(&t);
}

static void the_same_again(void **state)
{
	uint64_t random = test_seed();
	(void)state;
	for (unsigned w = 0; w < ARRAY_LEN(ways); w++)
		for (unsigned i = 0; i < ARRAY_LEN(images); i++) {
			print_message("%s, way %u\n", images[i], w);
			go_back_in_any_order(images[i], &ways[w], &random);
		}
}

/* Failure: restoring is no longer what fuzzing can stand on. Prints what it costs. */
static void restores_are_quick(void **state)
{
	struct test_machine t;
	struct rhea_error err;
	struct timespec a, b;
	(void)state;
	if (!test_machine_init(&t, "sort.O2.arm", &ways[1]))
		skip();
	test_machine_run(&t, 20000);
	struct rhea_snapshot *s = rhea_snapshot_take(t.m, &err);
	const unsigned n = 2000;
	double ns[2];
	for (unsigned k = 0; k < 2; k++) {
		uint64_t pages = 0;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		for (unsigned i = 0; i < n; i++) {
			struct rhea_event ev;
			if (k)
				rhea_run(t.m, 1000, &ev);
			pages += versions_n_touched(t.m->snapshots.versions);
			rhea_snapshot_restore(t.m, s, &err);
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		ns[k] = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / n;
		print_message("%s: %.0f ns, %.1f pages\n", k ? "1000 instructions and back" : "back", ns[k], (double)pages / n);
	}
	assert_true(ns[0] < 1e6);
	test_machine_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_again),
		cmocka_unit_test(restores_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
