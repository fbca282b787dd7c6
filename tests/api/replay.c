/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -record and -replay: what a machine does with random input comes out of a second machine again, output and state, and a difference is
 * noticed. The seed is printed.
 *
 * RHEA_GUEST_DIR: where the images of tests/guest were built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/input_log.h"
#include "tests/api/machine_state.h"

static const struct rhea_config usual = {.accel = RHEA_ACCEL_JIT};
static char file[64];

static int make_name(void **state)
{
	(void)state;
	snprintf(file, sizeof file, "/tmp/rhea-record-%d", (int)getpid());
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	unlink(file);
	return 0;
}

/* Runs in random pieces with random input, which may reset it. */
static void play(struct test_machine *t, uint64_t *random)
{
	for (unsigned i = 0; i < 60; i++) {
		uint8_t bytes[24];
		unsigned n = 1 + (unsigned)(next_random(random) % sizeof bytes);
		memset(bytes, 'a' + (int)i % 26, n);
		test_machine_run(t, rhea_insn_count(t->m) + next_random(random) % 20000);
		switch (next_random(random) % 7) {
		case 0:
		case 1: rhea_serial_input(t->m, 0, bytes, n, NULL); break;
		case 2: rhea_send_key(t->m, "shift-x", 2, NULL); break;
		case 3: rhea_send_mouse(t->m, 5, -4, 0, 2, NULL); break;
		case 4:
			if (chardev_can_receive(&t->m->serial[0]))
				chardev_break(&t->m->serial[0]);
			break;
		case 5:
			if (next_random(random) % 8 == 0)
				rhea_reset(t->m);
			break;
		}
	}
}

/* Ends with the recording; returns the event's code. */
static int replay(struct test_machine *t)
{
	struct rhea_event ev;
	rhea_run(t->m, 0, &ev);
	assert_int_equal(ev.kind, RHEA_EVENT_REPLAYED);
	return ev.code;
}

static void record_and_replay(const char *image, uint64_t *random, bool tamper)
{
	struct test_machine a, b;
	struct rhea_error err;
	if (!test_machine_init(&a, image, &usual))
		return;
	test_machine_run(&a, next_random(random) % 5000);
	size_t before = a.n_out;
	if (rhea_record(a.m, file, &err))
		fail_msg("%s", err.msg);
	play(&a, random);
	struct whole_state s = whole_state(a.m);
	rhea_free(a.m);
	test_machine_init(&b, image, &(struct rhea_config){.accel = RHEA_ACCEL_JIT, .compile_at_once = true});
	if (rhea_replay(b.m, file, &err))
		fail_msg("%s", err.msg);
	print_message("%s: %zu events\n", image, b.m->input_log->n);
	if (tamper) {
		rhea_write_reg(b.m, 4, 0xdeadbeef);
		rhea_log_file(b.m, "/dev/null", &err);
		assert_int_equal(replay(&b), 1);
		assert_non_null(strstr(b.m->input_log->why, "differs from the recording"));
	} else {
		int code = replay(&b);
		if (code)
			fail_msg("%s", b.m->input_log->why);
		struct whole_state now = whole_state(b.m);
		assert_null(whole_state_difference(b.m, &now, &s));
		whole_state_free(&now);
		assert_int_equal(b.n_out, a.n_out - before);
		assert_memory_equal(b.out, a.out + before, b.n_out);
		assert_int_equal(rhea_send_mouse(b.m, 1, 1, 0, 0, &err), RHEA_ERR_USAGE);
	}
	whole_state_free(&s);
	test_machine_free(&b);
}

static void comes_out_again(void **state)
{
	static const char *const images[] = {"uart.O2.arm", "timer.Os.thumb", "sched.O2.arm", "exceptions.O2.arm"};
	uint64_t random = test_seed();
	(void)state;
	for (unsigned i = 0; i < 12; i++)
		record_and_replay(images[i % ARRAY_LEN(images)], &random, false);
}

static void a_difference_is_noticed(void **state)
{
	uint64_t random = test_seed();
	(void)state;
	record_and_replay("timer.O2.arm", &random, true);
}

/* Cut short anywhere, or with a byte wrong: refused, or noticed, or replayed as far as it is good; never more. */
static void damage_is_noticed(void **state)
{
	uint64_t random = test_seed();
	struct test_machine t;
	struct rhea_error err;
	(void)state;
	if (!test_machine_init(&t, "uart.O2.arm", &usual))
		skip();
	assert_int_equal(rhea_record(t.m, file, &err), RHEA_OK);
	play(&t, &random);
	test_machine_free(&t);
	FILE *f = fopen(file, "r+b");
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	for (unsigned i = 0; i < 60; i++) {
		/* Mostly the events, which are the end of it. */
		long at = i % 4 ? size - 1 - (long)(next_random(&random) % 2000) : (long)(next_random(&random) % (uint64_t)size);
		fseek(f, at, SEEK_SET);
		int byte = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(byte ^ (1 << i % 8), f);
		fflush(f);
		test_machine_init(&t, "uart.O2.arm", &usual);
		rhea_log_file(t.m, "/dev/null", &err);
		if (!rhea_replay(t.m, file, &err)) {
			replay(&t);
			assert_true(*t.m->input_log->why);
		}
		test_machine_free(&t);
		fseek(f, at, SEEK_SET);
		fputc(byte, f);
		fflush(f);
	}
	fclose(f);
}

static void junk_behind_the_end_is_refused(void **state)
{
	struct test_machine t;
	struct rhea_error err;
	struct stat st;
	(void)state;
	if (!test_machine_init(&t, "uart.O2.arm", &usual))
		skip();
	assert_int_equal(rhea_record(t.m, file, &err), RHEA_OK);
	test_machine_free(&t);
	FILE *f = fopen(file, "ab");
	fputc(0, f);
	fclose(f);
	test_machine_init(&t, "uart.O2.arm", &usual);
	struct whole_state before = whole_state(t.m);
	assert_int_equal(rhea_replay(t.m, file, &err), RHEA_ERR_IMAGE);
	assert_non_null(strstr(err.msg, "1 byte behind"));
	struct whole_state now = whole_state(t.m);
	assert_null(whole_state_difference(t.m, &now, &before));
	whole_state_free(&before);
	whole_state_free(&now);
	/* An end that is cut short is none. */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size - 2), 0);
	assert_int_equal(rhea_replay(t.m, file, &err), RHEA_OK);
	test_machine_free(&t);
}

static void other_machines_are_refused(void **state)
{
	struct test_machine a, b;
	struct rhea_error err;
	(void)state;
	if (!test_machine_init(&a, "uart.O2.arm", &usual))
		skip();
	assert_int_equal(rhea_record(a.m, file, &err), RHEA_OK);
	assert_int_equal(rhea_record(a.m, file, &err), RHEA_ERR_USAGE);
	struct rhea_snapshot *s = rhea_snapshot_take(a.m, &err);
	assert_int_equal(rhea_snapshot_restore(a.m, s, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_snapshot_load(a.m, file, NULL, &err), RHEA_ERR_USAGE);
	test_machine_free(&a);
	test_machine_init(&b, "timer.O2.arm", &usual);
	assert_int_equal(rhea_replay(b.m, file, &err), RHEA_ERR_IMAGE);
	assert_non_null(strstr(err.msg, "other images"));
	test_machine_free(&b);
	test_machine_init(&b, "uart.O2.arm", &(struct rhea_config){.icount_shift = 4});
	assert_int_equal(rhea_replay(b.m, file, &err), RHEA_ERR_IMAGE);
	assert_non_null(strstr(err.msg, "shift=3"));
	test_machine_free(&b);
	struct rhea *m = rhea_new(&(struct rhea_config){.machine = "versatilepb"}, &err);
	assert_int_equal(rhea_record(m, file, &err), RHEA_ERR_USAGE);
	rhea_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_again), cmocka_unit_test(a_difference_is_noticed), cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(junk_behind_the_end_is_refused), cmocka_unit_test(other_machines_are_refused),
	};
	return cmocka_run_group_tests(tests, make_name, remove_file);
}
