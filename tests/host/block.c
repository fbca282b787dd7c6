/* SPDX-License-Identifier: Apache-2.0 */
/* Disk images on real files in a directory of their own. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/block.h"

struct place {
	char dir[64];
	char image[96];
};

static void make_image(const struct place *p, size_t size)
{
	FILE *f = fopen(p->image, "wb");
	assert_non_null(f);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i * 31 + i / 512), f);
	fclose(f);
}

static uint8_t original(size_t i)
{
	return (uint8_t)(i * 31 + i / 512);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	if (!p)
		return 1;
	snprintf(p->dir, sizeof p->dir, "/tmp/rhea-block-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->image, sizeof p->image, "%s/disk.img", p->dir);
	setenv("TMPDIR", p->dir, 1);
	signal(SIGXFSZ, SIG_IGN);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	unlink(p->image);
	assert_int_equal(rmdir(p->dir), 0); /* nothing of ours stays behind */
	free(p);
	return 0;
}

static enum rhea_status open_image(struct block *b, const struct place *p, bool read_only, bool snapshot)
{
	struct rhea_error err;
	const struct block_config cfg = {.path = p->image, .read_only = read_only, .snapshot = snapshot};
	*b = (struct block){0};
	return block_open(b, &cfg, &err);
}

/* Failure: bytes go elsewhere, or beyond the image. */
static void reads_and_writes_the_file(void **state)
{
	const struct place *p = *state;
	struct block b;
	uint8_t buf[1024], same[1024];
	make_image(p, 8192);
	assert_int_equal(open_image(&b, p, false, false), RHEA_OK);
	assert_int_equal(b.size, 8192);
	assert_true(b.read(&b, 700, buf, 1024));
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(buf[i], original(700 + i));
	memset(buf, 0xaa, sizeof buf);
	assert_true(b.write(&b, 8192 - 1024, buf, 1024));
	assert_false(b.write(&b, 8192 - 1023, buf, 1024));
	assert_false(b.read(&b, 8192, buf, 1));
	assert_false(b.read(&b, UINT64_MAX, buf, 2));
	assert_true(b.zero(&b, 512, 100));
	assert_false(b.zero(&b, 512, UINT64_MAX));
	block_close(&b);
	assert_false(block_present(&b));
	assert_int_equal(open_image(&b, p, true, false), RHEA_OK);
	assert_true(b.read(&b, 8192 - 1024, same, 1024));
	assert_memory_equal(same, buf, 1024);
	assert_true(b.read(&b, 511, same, 102));
	assert_int_equal(same[0], original(511));
	for (unsigned i = 1; i < 101; i++)
		assert_int_equal(same[i], 0);
	assert_int_equal(same[101], original(612));
	assert_false(b.write(&b, 0, buf, 1));
	assert_false(b.zero(&b, 0, 1));
	block_close(&b);
}

/* Failure: a snapshot changes the image, or forgets what was written. Random writes against a copy. */
static void snapshot_keeps_the_image(void **state)
{
	const struct place *p = *state;
	enum { SIZE = 64 * 1024 + 512 };
	struct block b;
	static uint8_t model[SIZE], got[SIZE];
	uint64_t rng = 1;
	make_image(p, SIZE);
	for (unsigned i = 0; i < SIZE; i++)
		model[i] = original(i);
	assert_int_equal(open_image(&b, p, false, true), RHEA_OK);
	for (unsigned i = 0; i < 500; i++) {
		rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint32_t off = (uint32_t)(rng >> 33) % SIZE, n = (uint32_t)(rng >> 12) % (i % 4 ? 1500 : 20000);
		n = MIN(n, SIZE - off);
		if (i % 5 == 0) {
			assert_true(b.zero(&b, off, n));
			memset(model + off, 0, n);
		} else {
			memset(model + off, (int)i, n);
			assert_true(b.write(&b, off, model + off, n));
		}
		assert_true(b.read(&b, 0, got, SIZE));
		assert_memory_equal(got, model, SIZE);
	}
	block_close(&b);
	assert_int_equal(open_image(&b, p, true, false), RHEA_OK);
	assert_true(b.read(&b, 0, got, SIZE));
	for (unsigned i = 0; i < SIZE; i++)
		assert_int_equal(got[i], original(i));
	block_close(&b);
}

static void assert_refused(const char *path, bool raw, const char *part)
{
	struct block b = {0};
	struct rhea_error err = {0};
	const struct block_config cfg = {.path = path, .format_raw = raw};
	assert_int_not_equal(block_open(&b, &cfg, &err), RHEA_OK);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
	assert_false(block_present(&b));
}

/* Failure: something that is no disk image is taken for one, or the message does not help. */
static void refuses_what_is_no_image(void **state)
{
	const struct place *p = *state;
	assert_refused(p->image, true, "No such file");
	assert_refused(p->dir, true, "directory");
	assert_refused("/dev/null", true, "regular file");
	assert_int_equal(mkfifo(p->image, 0600), 0);
	assert_refused(p->image, true, "regular file");
	unlink(p->image);
	make_image(p, 0);
	assert_refused(p->image, true, "empty");
	make_image(p, 1000);
	assert_refused(p->image, true, "512");
	FILE *f = fopen(p->image, "wb");
	assert_non_null(f);
	fwrite("QFI\xfb", 1, 4, f);
	assert_int_equal(ftruncate(fileno(f), 1024), 0);
	fclose(f);
	assert_refused(p->image, false, "qcow2");
	struct block b = {0};
	const struct block_config raw = {.path = p->image, .format_raw = true};
	assert_int_equal(block_open(&b, &raw, NULL), RHEA_OK);
	block_close(&b);
}

/* Failure: two machines write one image, or two that only read cannot share it. */
static void writers_exclude_each_other(void **state)
{
	const struct place *p = *state;
	struct block a, b;
	make_image(p, 4096);
	assert_int_equal(open_image(&a, p, false, false), RHEA_OK);
	assert_int_equal(open_image(&b, p, false, false), RHEA_ERR_FILE);
	assert_int_equal(open_image(&b, p, true, false), RHEA_ERR_FILE);
	assert_int_equal(open_image(&b, p, false, true), RHEA_ERR_FILE);
	block_close(&a);
	assert_int_equal(open_image(&a, p, true, false), RHEA_OK);
	assert_int_equal(open_image(&b, p, false, true), RHEA_OK);
	block_close(&b);
	assert_int_equal(open_image(&b, p, false, false), RHEA_ERR_FILE);
	block_close(&a);
	assert_int_equal(open_image(&b, p, false, false), RHEA_OK);
	block_close(&b);
}

/* Failure: a file that shrinks under us, or a host that has no room, is a crash or goes unnoticed. */
static void trouble_of_the_host_is_an_error(void **state)
{
	const struct place *p = *state;
	struct rlimit old, small;
	struct block b;
	uint8_t buf[512] = {0};
	make_image(p, 65536);
	assert_int_equal(open_image(&b, p, false, false), RHEA_OK);
	assert_int_equal(truncate(p->image, 1024), 0);
	assert_true(b.read(&b, 512, buf, 512));
	assert_false(b.read(&b, 768, buf, 512));
	assert_int_equal(b.size, 65536);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(b.write(&b, 8192, buf, 512));
	assert_true(b.write(&b, 0, buf, 512));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(b.write(&b, 8192, buf, 512)); /* and it goes on when there is room */
	block_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_and_writes_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(snapshot_keeps_the_image, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_image, setup, teardown),
		cmocka_unit_test_setup_teardown(writers_exclude_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(trouble_of_the_host_is_an_error, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
