/* SPDX-License-Identifier: Apache-2.0 */
/* Names of addresses. A failure means a dump that names the wrong function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "debug/symbols.h"

static const char *find(const struct symbols *s, uint32_t addr)
{
	static const char *none = "-";
	const char *name = symbols_find(s, addr, NULL);
	return name ? name : none;
}

static void addresses_have_names(void **state)
{
	struct symbols *s = symbols_new();
	uint32_t offset;
	(void)state;
	assert_string_equal(find(s, 0), "-");
	symbols_add(s, "main", 0x1001, 0x20); /* Thumb */
	symbols_add(s, "$t", 0x1004, 0);
	symbols_add(s, "$a.1", 0x1008, 0);
	symbols_add(s, "", 0x1008, 0);
	symbols_add(s, "start", 0x100, 0);
	assert_string_equal(find(s, 0x1000), "main");
	assert_string_equal(symbols_find(s, 0x101e, &offset), "main");
	assert_int_equal(offset, 0x1e);
	assert_string_equal(find(s, 0x1020), "-");
	assert_string_equal(find(s, 0xff), "-");
	assert_string_equal(find(s, 0xfff), "start");
	symbols_add(s, "inner", 0x1004, 4); /* and the table is sorted again */
	symbols_add(s, "label", 0x1000, 0);
	symbols_add(s, "$dollar", 0x2000, 4);
	symbols_add(s, "twin", 0x2000, 4);
	assert_string_equal(find(s, 0x1000), "main");
	assert_string_equal(find(s, 0x1007), "inner");
	assert_string_equal(find(s, 0x1008), "main");
	assert_string_equal(find(s, 0x2003), "$dollar");
	assert_string_equal(find(s, 0xffffffff), "-");
	symbols_free(s);
	symbols_free(NULL);
}

static void many_symbols_are_found(void **state)
{
	struct symbols *s = symbols_new();
	char name[32];
	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		unsigned k = i * 1237 % 5000;
		snprintf(name, sizeof name, "f%u", k);
		symbols_add(s, name, k * 16, 12);
	}
	for (unsigned k = 0; k < 5000; k++) {
		snprintf(name, sizeof name, "f%u", k);
		assert_string_equal(find(s, k * 16 + 11), name);
		assert_string_equal(find(s, k * 16 + 12), "-");
	}
	symbols_free(s);
}

/* A file of 2 MB can have a table of 60,000 symbols that share one name of 1 MB. */
static void names_do_not_fill_the_host(void **state)
{
	enum { LENGTH = 1 << 20 };
	struct symbols *s = symbols_new();
	char *name = malloc(LENGTH);
	(void)state;
	memset(name, 'x', LENGTH - 1);
	name[LENGTH - 1] = '\0';
	for (unsigned i = 0; i < 100; i++)
		symbols_add(s, name, i * 16, 16);
	symbols_add(s, "last", 100 * 16, 16);
	assert_string_equal(find(s, 0), name);
	assert_string_equal(find(s, 99 * 16), "-");
	assert_string_equal(find(s, 100 * 16), "-");
	free(name);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_names),
		cmocka_unit_test(many_symbols_are_found),
		cmocka_unit_test(names_do_not_fill_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
