/* SPDX-License-Identifier: Apache-2.0 */
/* What the IR tests share: cmocka's headers in the order it wants, and text of a unit. */
#ifndef RHEA_TESTS_IR_UTIL_H
#define RHEA_TESTS_IR_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "tests/ir/random_unit.h"

/* The printed form of a unit; the caller frees it. */
static inline char *unit_text(const struct ir_unit *u)
{
	char *text = NULL;
	size_t size = 0;
	struct log log = { .mask = 1, .out = open_memstream(&text, &size) };
	assert_non_null(log.out);
	ir_print(u, &log);
	fclose(log.out);
	return text;
}

/* Fails, showing the unit, when it is not valid. */
static inline void assert_unit_valid(const struct ir_unit *u, const char *when, uint64_t seed)
{
	char msg[200];
	if (ir_verify(u, msg, sizeof msg))
		return;
	char *text = unit_text(u);
	print_error("%s, RHEA_SEED=%#llx: %s\n%s", when, (unsigned long long)seed, msg, text);
	free(text);
	fail();
}

#endif
