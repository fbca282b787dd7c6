/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot files. A guest that is saved at a random point and loaded into another machine goes on as the one that was never
 * saved; what is damaged or of another machine is refused with a reason, and the machine that should have taken it is what
 * it was. The seed is printed.
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

#include "tests/api/machine_state.h"

static const char *const images[] = {"timer.O2.arm", "mmu.O2.thumb", "smc.O2.arm", "sched.O2.arm", "exceptions.O2.thumb"};
static const struct rhea_config usual = {.accel = RHEA_ACCEL_JIT};
static char file[64];

static int make_name(void **state)
{
	(void)state;
	snprintf(file, sizeof file, "/tmp/rhea-snapshot-%d", (int)getpid());
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	unlink(file);
	return 0;
}

static struct rhea *machine(struct rhea_config cfg)
{
	struct rhea_error err;
	cfg.machine = cfg.machine ? cfg.machine : "versatilepb";
	cfg.ram_size = cfg.ram_size ? cfg.ram_size : 16u << 20;
	cfg.icount = cfg.icount_no_sleep = cfg.rtc_base_set = true; /* nothing changes while nobody runs it */
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	return m;
}

static void assert_same(struct rhea *m, const struct whole_state *want)
{
	struct whole_state now = whole_state(m);
	const char *differs = whole_state_difference(m, &now, want);
	if (differs)
		fail_msg("%s differs", differs);
	whole_state_free(&now);
}

static void assert_refused(struct rhea *m, enum rhea_status status, const char *part)
{
	struct rhea_error err;
	struct whole_state before = whole_state(m);
	assert_int_equal(rhea_snapshot_load(m, file, NULL, &err), status);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
	assert_same(m, &before);
	whole_state_free(&before);
}

static void save(struct rhea *m)
{
	struct rhea_error err;
	if (rhea_snapshot_save(m, file, NULL, &err))
		fail_msg("%s", err.msg);
}

static void load(struct rhea *m)
{
	struct rhea_error err;
	if (rhea_snapshot_load(m, file, NULL, &err))
		fail_msg("%s", err.msg);
}

/* One machine runs through; another is loaded with what the first one saved half way, and has run something else before. */
static void save_and_go_on(const char *image, const char *other, uint64_t *random)
{
	struct test_machine a, b;
	uint64_t at = next_random(random) % 150000, end = at + next_random(random) % 200000;
	if (!test_machine_init(&a, image, &usual) || !test_machine_init(&b, other, &usual))
		return;
	test_machine_run(&b, next_random(random) % 50000);
	if (!test_machine_run(&a, at)) {
		print_message("%s ends before %llu\n", image, (unsigned long long)at);
	} else {
		save(a.m);
		struct whole_state s = whole_state(a.m);
		load(b.m);
		assert_same(b.m, &s);
		whole_state_free(&s);
		b.n_out = a.n_out;
		memcpy(b.out, a.out, sizeof b.out);
		assert_int_equal(test_machine_run(&a, end), test_machine_run(&b, end));
		s = whole_state(a.m);
		assert_same(b.m, &s);
		whole_state_free(&s);
		assert_int_equal(a.n_out, b.n_out);
		assert_memory_equal(a.out, b.out, a.n_out);
	}
	test_machine_free(&a);
	test_machine_free(&b);
}

static void goes_on_in_another_machine(void **state)
{
	uint64_t random = test_seed();
	(void)state;
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < ARRAY_LEN(images); i++)
			save_and_go_on(images[i], images[(i + 1 + turn) % ARRAY_LEN(images)], &random);
}

/* Any byte of the file may be wrong, and any end of it missing. */
static void damage_is_refused(void **state)
{
	uint64_t random = test_seed();
	struct test_machine t;
	(void)state;
	if (!test_machine_init(&t, "timer.O2.arm", &usual))
		skip();
	test_machine_run(&t, 100000);
	save(t.m);
	struct rhea *m = machine(usual);
	FILE *f = fopen(file, "r+b");
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	for (unsigned i = 0; i < 300; i++) {
		long at = i < 64 ? (long)i : (long)(next_random(&random) % (uint64_t)size);
		int flip = 1 << next_random(&random) % 8;
		fseek(f, at, SEEK_SET);
		int byte = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(byte ^ flip, f);
		fflush(f);
		assert_refused(m, RHEA_ERR_IMAGE, "snapshot");
		fseek(f, at, SEEK_SET);
		fputc(byte, f);
		fflush(f);
	}
	for (unsigned i = 0; i < 40; i++) {
		size -= 1 + (long)(next_random(&random) % (uint64_t)(i < 20 ? 20 : size / 4 + 1));
		size = MAX(size, 0);
		assert_int_equal(ftruncate(fileno(f), size), 0);
		assert_refused(m, RHEA_ERR_IMAGE, "snapshot");
	}
	fclose(f);
	rhea_free(m);
	test_machine_free(&t);
}

static void other_machines_are_refused(void **state)
{
	(void)state;
	struct rhea *m = machine(usual), *o;
	save(m);
	o = machine((struct rhea_config){.machine = "versatileab"});
	assert_refused(o, RHEA_ERR_IMAGE, "a snapshot of machine versatilepb with cpu arm926 and 16384 KiB of memory; this is versatileab");
	rhea_free(o);
	o = machine((struct rhea_config){.ram_size = 32u << 20});
	assert_refused(o, RHEA_ERR_IMAGE, "32768 KiB");
	rhea_free(o);
	o = machine((struct rhea_config){.semihosting = RHEA_SEMIHOSTING_ON});
	assert_refused(o, RHEA_ERR_IMAGE, "saved without -semihosting");
	save(o);
	assert_refused(m, RHEA_ERR_IMAGE, "-semihosting is missing");
	rhea_free(o);
	unlink(file);
	assert_refused(m, RHEA_ERR_FILE, "No such file");
	assert_int_equal(rhea_snapshot_save(m, "/no/such/folder/x", NULL, NULL), RHEA_ERR_FILE);
	assert_int_equal(rhea_snapshot_save(m, "/tmp", NULL, NULL), RHEA_ERR_FILE);
	rhea_free(m);
}

/* A failure means that saving puts a file where a device or a pipe was: root may do that to /dev/null. */
static void only_files_are_replaced(void **state)
{
	struct rhea_error err;
	struct stat st;
	(void)state;
	struct rhea *m = machine((struct rhea_config){.ram_size = 16u << 20});
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(rhea_snapshot_save(m, file, NULL, &err), RHEA_ERR_FILE);
	assert_non_null(strstr(err.msg, "not a regular file"));
	assert_int_equal(stat(file, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	unlink(file);
	rhea_free(m);
}

/* Snapshots in memory hold what they held, whatever is loaded from files in between. */
static void both_kinds_together(void **state)
{
	struct test_machine a, b;
	struct rhea_error err;
	(void)state;
	if (!test_machine_init(&a, "mmu.O2.thumb", &usual) || !test_machine_init(&b, "sched.O2.arm", &usual))
		skip();
	test_machine_run(&a, 70000);
	save(a.m);
	test_machine_run(&b, 50000);
	struct whole_state in_file = whole_state(a.m), in_memory = whole_state(b.m);
	struct rhea_snapshot *s = rhea_snapshot_take(b.m, &err);
	for (unsigned i = 0; i < 3; i++) {
		load(b.m);
		assert_same(b.m, &in_file);
		test_machine_run(&b, 70000 + 10000 * i);
		rhea_snapshot_restore(b.m, s, &err);
		assert_same(b.m, &in_memory);
		test_machine_run(&b, 50000 + 10000 * i);
	}
	whole_state_free(&in_file);
	whole_state_free(&in_memory);
	test_machine_free(&a);
	test_machine_free(&b);
}

/* ---- drives ---- */

static void make_image(char *path, off_t size)
{
	strcpy(path, "/tmp/rhea-drive-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void write_drive(struct rhea *m, uint64_t off, uint8_t value)
{
	uint8_t bytes[512];
	memset(bytes, value, sizeof bytes);
	assert_true(m->sd[0].write(&m->sd[0], off, bytes, sizeof bytes));
}

static uint8_t read_drive(struct rhea *m, uint64_t off)
{
	uint8_t byte;
	assert_true(m->sd[0].read(&m->sd[0], off, &byte, 1));
	return byte;
}

/* Failure: what a guest wrote to its card is lost, or stays, when it goes back. */
static void drives_are_part_of_it(void **state)
{
	char path[64];
	struct rhea_error err;
	struct rhea_drive d = {.kind = RHEA_DRIVE_SD, .path = path};
	(void)state;
	make_image(path, 1 << 20);
	struct rhea *m = machine(usual), *o = machine(usual);
	assert_int_equal(rhea_drive_open(m, &d, &err), RHEA_OK);
	write_drive(m, 8192, 1);
	struct rhea_snapshot *one = rhea_snapshot_take(m, &err);
	write_drive(m, 8192, 2);
	write_drive(m, (1 << 20) - 512, 3);
	struct rhea_snapshot *two = rhea_snapshot_take(m, &err);
	write_drive(m, 0, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rhea_snapshot_restore(m, one, &err), RHEA_OK);
		assert_int_equal(read_drive(m, 8192), 1);
		assert_int_equal(read_drive(m, (1 << 20) - 512), 0);
		assert_int_equal(rhea_snapshot_restore(m, two, &err), RHEA_OK);
		assert_int_equal(read_drive(m, 0), 0);
		assert_int_equal(read_drive(m, 8192), 2);
		assert_int_equal(read_drive(m, (1 << 20) - 512), 3);
		write_drive(m, 8192, 5);
	}
	/* The image itself is no part of a file. */
	assert_int_equal(rhea_snapshot_save(m, file, NULL, &err), RHEA_ERR_USAGE);
	rhea_free(m);

	d.snapshot = true;
	m = machine(usual);
	assert_int_equal(rhea_drive_open(m, &d, &err), RHEA_OK);
	write_drive(m, 4096, 6);
	save(m);
	write_drive(m, 4096, 7);
	write_drive(m, 12288, 7);
	load(m);
	assert_int_equal(read_drive(m, 4096), 6);
	assert_int_equal(read_drive(m, 12288), 0);
	assert_refused(o, RHEA_ERR_IMAGE, "has a drive sd0");
	assert_int_equal(rhea_drive_open(o, &d, &err), RHEA_OK);
	load(o);
	assert_int_equal(read_drive(o, 4096), 6);
	rhea_free(o);
	rhea_free(m);
	unlink(path);
}

/* The monitor's, while the guest runs. */
static void print(void *opaque, const char *text)
{
	snprintf(opaque, 256, "%s", text);
}

static void monitor_saves_and_loads(void **state)
{
	struct test_machine t;
	char line[128], answer[256] = "";
	(void)state;
	if (!test_machine_init(&t, "timer.O2.arm", &usual))
		skip();
	test_machine_run(&t, 30000);
	struct whole_state s = whole_state(t.m);
	snprintf(line, sizeof line, "savevm %s", file);
	rhea_monitor(t.m, line, print, answer);
	test_machine_run(&t, 60000);
	snprintf(line, sizeof line, "loadvm %s", file);
	t.m->running = true; /* as from the console */
	rhea_monitor(t.m, line, print, answer);
	t.m->running = false;
	assert_string_equal(answer, "");
	assert_int_equal(rhea_insn_count(t.m), 60000);
	struct rhea_event ev;
	rhea_run(t.m, 1, &ev); /* loads, and runs one instruction */
	assert_int_equal(rhea_insn_count(t.m), 30001);
	rhea_monitor(t.m, line, print, answer);
	assert_same(t.m, &s);
	rhea_monitor(t.m, "loadvm /dev/null", print, answer);
	assert_non_null(strstr(answer, "not a regular file"));
	whole_state_free(&s);
	test_machine_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_in_another_machine), cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(other_machines_are_refused), cmocka_unit_test(only_files_are_replaced),
		cmocka_unit_test(both_kinds_together),
		cmocka_unit_test(drives_are_part_of_it),      cmocka_unit_test(monitor_saves_and_loads),
	};
	return cmocka_run_group_tests(tests, make_name, remove_file);
}
