/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden HELLO.elf GOLDEN.txt: -d in_asm,op,op_opt,out_asm of the hello image, byte for byte. Host addresses count
 * from each block's start, which only this test asks for (debug/dump.h); RHEA_UPDATE_GOLDEN=1 rewrites the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/machine.h"

#define ENOUGH_INSNS 2000 /* the program is done and spins in a block of one instruction */

struct files {
	const char *image, *golden;
};

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t size = 0, n;
	char buf[4096];
	FILE *in = fopen(path, "r"), *out = open_memstream(&text, &size);
	assert_non_null(out);
	while (in && (n = fread(buf, 1, sizeof buf, in)) > 0)
		fwrite(buf, 1, n, out);
	if (in)
		fclose(in);
	fclose(out);
	return text;
}

static void must(enum rhea_status st, const struct rhea_error *err)
{
	if (st)
		fail_msg("%s", err->msg);
}

/* The dump of one run. */
static char *dump(const char *image)
{
	char path[] = "/tmp/rhea-golden-XXXXXX";
	const struct rhea_config cfg = {.machine = "versatilepb", .icount = true};
	struct rhea_error err = {0};
	struct rhea_event ev;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	if (!m->vcpu->target.has_bmi2 || !m->vcpu->target.has_lzcnt) {
		rhea_free(m); /* other instructions are chosen here: there is nothing to compare with */
		unlink(path);
		skip();
	}
	dump_set_relative(m->dump, true);
	must(rhea_log_file(m, path, &err), &err);
	must(rhea_log_items(m, "in_asm,op,op_opt,out_asm", &err), &err);
	must(rhea_load_kernel(m, image, &err), &err);
	rhea_run(m, ENOUGH_INSNS, &ev);
	assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
	rhea_free(m);
	char *text = read_file(path);
	unlink(path);
	return text;
}

static void show_first_difference(const char *got, const char *want)
{
	size_t i = 0, line = 1, start = 0;
	for (; got[i] && got[i] == want[i]; i++)
		if (got[i] == '\n') {
			line++;
			start = i + 1;
		}
	print_error("line %zu is\n  %.*s\nand should be\n  %.*s\n", line, (int)strcspn(got + start, "\n"), got + start,
		    (int)strcspn(want + start, "\n"), want + start);
}

/* Failure: translation or its dump changed. Look at the difference; RHEA_UPDATE_GOLDEN=1 accepts it. */
static void hello_is_translated_as_before(void **state)
{
	const struct files *files = *state;
	char *got = dump(files->image), *want;
	if (getenv("RHEA_UPDATE_GOLDEN")) {
		FILE *f = fopen(files->golden, "w");
		assert_non_null(f);
		fputs(got, f);
		assert_int_equal(fclose(f), 0);
	}
	want = read_file(files->golden);
	bool same = strcmp(got, want) == 0;
	if (!same)
		show_first_difference(got, want);
	free(got);
	free(want);
	assert_true(same);
}

/* Failure: the dump depends on where the host puts things, or on a machine that ran before. */
static void two_runs_dump_the_same(void **state)
{
	const struct files *files = *state;
	char *one = dump(files->image), *two = dump(files->image);
	assert_string_equal(one, two);
	free(one);
	free(two);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct files files = {argv[1], argv[2]};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(hello_is_translated_as_before, &files),
		cmocka_unit_test_prestate(two_runs_dump_the_same, &files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
