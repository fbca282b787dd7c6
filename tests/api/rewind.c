/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back in time. A guest with interrupts, fed with input at random moments, runs forward once; then the machine goes to a thousand
 * random instruction counts of its past and must be, memory included, what it was there. A failure means that something is not
 * in snapshots or in the log of input, or is done again at another moment. The seed is printed.
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

#include "api/input_log.h"
#include "api/rewind.h"
#include "tests/api/machine_state.h"

#define MARKS 400u
#define JUMPS 1000u

/* What was seen at a count. */
struct mark {
	uint64_t at, hash;
};

static void feed(struct test_machine *t, uint64_t *random)
{
	uint8_t bytes[40];
	unsigned n = 1 + (unsigned)(next_random(random) % sizeof bytes);
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)('a' + next_random(random) % 26);
	if (next_random(random) % 32 == 0)
		bytes[n - 1] = '.'; /* the end of the line */
	rhea_serial_input(t->m, 0, bytes, n, NULL);
	if (next_random(random) % 4 == 0)
		rhea_send_mouse(t->m, (int)(next_random(random) % 64), 3, 0, 1, NULL);
	if (next_random(random) % 8 == 0)
		rhea_send_key(t->m, "ctrl-a", 1, NULL);
}

/* Runs on; returns how many marks there are. What is fed is fed between two marks. */
static unsigned forward(struct test_machine *t, struct mark *mark, uint64_t step, uint64_t *random)
{
	unsigned n = 0;
	uint64_t at = rhea_insn_count(t->m);
	for (unsigned tries = 0; n < MARKS && tries < 2 * MARKS; tries++) {
		at += 1 + next_random(random) % step;
		if (!test_machine_run(t, at)) { /* waits for input */
			at = rhea_insn_count(t->m);
			feed(t, random);
			continue;
		}
		mark[n++] = (struct mark){at, machine_state_hash(t->m, true)};
		at += 1 + next_random(random) % 50;
		if (!test_machine_run(t, at))
			at = rhea_insn_count(t->m);
		if (next_random(random) % 3 == 0)
			feed(t, random);
	}
	return n;
}

static void go(struct test_machine *t, const struct mark *mark)
{
	struct rhea_error err;
	if (rewind_to(t->m, mark->at, &err))
		fail_msg("to %llu: %s", (unsigned long long)mark->at, err.msg);
	assert_int_equal(rhea_insn_count(t->m), mark->at);
	if (machine_state_hash(t->m, true) != mark->hash)
		fail_msg("at %llu the state is not what it was", (unsigned long long)mark->at);
}

static void jump_about(const char *image, const struct rhea_config *way, uint64_t *random)
{
	static struct mark mark[MARKS];
	struct test_machine t;
	struct rhea_error err;
	if (!test_machine_init(&t, image, way)) {
		print_message("%s was not built\n", image);
		return;
	}
	test_machine_run(&t, 1000);
	assert_int_equal(rewind_start(t.m, 20000, 0, &err), RHEA_OK);
	unsigned n = forward(&t, mark, 3000, random);
	uint64_t last = rhea_insn_count(t.m);
	size_t said = t.n_out;
	print_message("%s: %u marks up to %llu, %zu events\n", image, n, (unsigned long long)last, t.m->input_log->n);
	for (unsigned i = 0; n && i < JUMPS / 4; i++)
		go(&t, &mark[next_random(random) % n]);
	assert_int_equal(t.n_out, said); /* nothing is said twice */
	/* Forward again, as a user goes, into what was not there yet. */
	if (n) {
		go(&t, &mark[n / 2]);
		test_machine_run(&t, last);
		assert_int_equal(rhea_insn_count(t.m), last);
		assert_int_equal(t.n_out, said);
		unsigned more = forward(&t, mark, 3000, random);
		for (unsigned i = 0; more && i < 20; i++)
			go(&t, &mark[next_random(random) % more]);
	}
	test_machine_free(&t);
}

static void a_thousand_steps_back(void **state)
{
	static const char *const images[] = {"uart.O2.arm", "timer.O2.thumb", "sched.O2.arm", "mmu.O2.arm"};
	static const struct rhea_config jit = {.accel = RHEA_ACCEL_JIT}, at_once = {.accel = RHEA_ACCEL_JIT, .compile_at_once = true};
	uint64_t random = test_seed();
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(images); i++)
		jump_about(images[i], i % 2 ? &at_once : &jit, &random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_thousand_steps_back)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
