/* SPDX-License-Identifier: Apache-2.0 */
/* -d, -D and -dfilter. A failure means that a user's log has the wrong contents, or that the log stops the
 * guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/nearest.h"

static void items_are_parsed(void **state)
{
	struct rhea_error err;
	uint32_t mask = 77;
	(void)state;
	assert_int_equal(log_parse_items("in_asm,op", &mask, &err), RHEA_OK);
	assert_int_equal(mask, LOG_in_asm | LOG_op);
	assert_int_equal(log_parse_items("tb-stats,cpu-reset,tb_stats", &mask, &err), RHEA_OK);
	assert_int_equal(mask, LOG_tb_stats | LOG_cpu_reset);
	assert_int_equal(log_parse_items("in_asm,tb-stat", &mask, &err), RHEA_ERR_USAGE);
	assert_int_equal(log_parse_items("all", &mask, &err), RHEA_OK);
	assert_int_equal(mask, (1u << 13) - 1);
	assert_int_equal(log_parse_items("op,none,exec", &mask, &err), RHEA_OK);
	assert_int_equal(mask, LOG_exec);
	assert_int_equal(log_parse_items("in_asn", &mask, &err), RHEA_ERR_USAGE);
	assert_string_equal(err.msg, "unknown log item 'in_asn': did you mean 'in_asm'? (-d help lists them)");
	assert_int_equal(mask, LOG_exec);
	assert_int_equal(log_parse_items("", &mask, &err), RHEA_ERR_USAGE);
	assert_int_equal(log_parse_items("op,", &mask, &err), RHEA_ERR_USAGE);
}

/* The ranges that Debian's qemu-system-arm 7.2 shows for the same text. */
static void filters_are_those_of_qemu(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, last;
	} good[] = {
		{ "0x1000..0x1fff", 0x1000, 0x1fff }, { "0x1000+0x10", 0x1000, 0x100f }, { "0x1000-0x10", 0xff1, 0x1000 },
		{ "4096+1", 4096, 4096 }, { "0..0xffffffff", 0, 0xffffffff }, { "0xffffffff+5", 0xffffffff, 0xffffffff },
	};
	static const char *const bad[] = { "", "zz", "5", "0x10..", "0x10+", "0x10+0", "0x10..0x0", "0x1.0x2", "0x10+1,",
					   "0x100000000+1", "0-5", "1...2", "-1+5", "99999999999999999999+1" };
	struct rhea_error err;
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
		struct log l = { 0 };
		assert_int_equal(log_parse_filter(&l, good[i].text, &err), RHEA_OK);
		assert_int_equal(l.ranges[0].first, good[i].first);
		assert_int_equal(l.ranges[0].last, good[i].last);
		log_close(&l);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct log l = { 0 };
		assert_int_equal(log_parse_filter(&l, bad[i], &err), RHEA_ERR_USAGE);
		log_close(&l);
	}
	struct log l = { 0 };
	assert_true(log_in_range(&l, 5));
	log_parse_filter(&l, "0x10+1,0x20..0x30", &err);
	assert_true(log_in_range(&l, 0x10) && log_in_range(&l, 0x30));
	assert_false(log_in_range(&l, 0x11));
	log_close(&l);
}

static void a_full_disk_is_not_the_guest_s_matter(void **state)
{
	struct log l = { 0 };
	struct rhea_error err;
	(void)state;
	log_printf(NULL, "nowhere");
	log_flush(NULL);
	assert_int_equal(log_open(&l, "/nonexistent/log", &err), RHEA_ERR_FILE);
	assert_non_null(strstr(err.msg, "/nonexistent/log"));
	assert_int_equal(log_open(&l, "/dev/full", &err), RHEA_OK);
	for (unsigned i = 0; i < 1000; i++) {
		log_printf(&l, "line %u\n", i);
		log_flush(&l);
	}
	assert_true(l.broken);
	log_close(&l);
}

static void text_goes_to_the_file(void **state)
{
	struct log l = { 0 };
	struct rhea_error err;
	char path[] = "log-test-XXXXXX", text[32] = "";
	int fd = mkstemp(path);
	(void)state;
	assert_int_equal(log_open(&l, path, &err), RHEA_OK);
	assert_int_equal(log_open(&l, path, &err), RHEA_OK);
	log_printf(&l, "a%d\n", 1);
	log_close(&l);
	assert_int_equal(read(fd, text, sizeof text - 1), 3);
	assert_string_equal(text, "a1\n");
	close(fd);
	unlink(path);
}

static void nearest_word_is_found(void **state)
{
	static const char *const words[] = { "-machine", "-monitor", NULL, "-kernel", "-serial" };
	char huge[5000];
	(void)state;
	assert_string_equal(nearest("-kernle", words, 5), "-kernel");
	assert_string_equal(nearest("-MACHIN", words, 5), "-machine");
	assert_string_equal(nearest("", words, 5), "-kernel");
	assert_null(nearest("x", words, 0));
	memset(huge, 'x', sizeof huge);
	huge[sizeof huge - 1] = 0;
	assert_non_null(nearest(huge, words, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_parsed),
		cmocka_unit_test(filters_are_those_of_qemu),
		cmocka_unit_test(a_full_disk_is_not_the_guest_s_matter),
		cmocka_unit_test(text_goes_to_the_file),
		cmocka_unit_test(nearest_word_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
