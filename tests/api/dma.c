/* SPDX-License-Identifier: Apache-2.0 */
/* DMA into code that has been translated, and into the very loop that waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rhea.h"

#define FUNCTION 0x200u
#define REPLACEMENT 0x300u
#define TABLE 0x100u
#define LOOP 0x30u

static const uint32_t code[] = {
	/* 00 */ 0xe3a04064, /* mov r4, #100 */
	/* 04 */ 0xe3a0e010, /* mov lr, #0x10 */
	/* 08 */ 0xe3a0fc02, /* mov pc, #FUNCTION */
	/* 0c */ 0xe1a00000, /* nop */
	/* 10 */ 0xe2544001, /* subs r4, r4, #1 */
	/* 14 */ 0x1afffffa, /* bne 04 */
	/* 18 */ 0xe3a00c01, /* mov r0, #TABLE */
	/* 1c */ 0xe8b00006, /* ldmia r0!, {r1, r2} */
	/* 20 */ 0xe3510000, /* cmp r1, #0 */
	/* 24 */ 0x15812000, /* strne r2, [r1] */
	/* 28 */ 0x1afffffb, /* bne 1c */
	/* 2c */ 0xe3a05000, /* mov r5, #0 */
	/* 30 */ 0xe2855001, /* add r5, r5, #1: waits here */
	/* 34 */ 0xe5163000, /* ldr r3, [r6, -#0]: r6 = the controller's list of enabled channels */
	/* 38 */ 0xe3530000, /* cmp r3, #0 */
	/* 3c */ 0x1afffffb, /* bne 30 */
	/* 40 */ 0xe3a0e048, /* mov lr, #0x48 */
	/* 44 */ 0xe3a0fc02, /* mov pc, #FUNCTION */
	/* 48 */ 0xeafffffe, /* b . */
};

static const uint32_t old_function[] = {0xe3a07001, 0xe12fff1e}; /* mov r7, #1; bx lr */
static const uint32_t new_function[] = {0xe3a07002, 0xe12fff1e};
static const uint32_t new_loop[] = {0xe3a07003, 0xeafffffe}; /* mov r7, #3; b . */

static struct rhea *machine(enum rhea_accel accel, uint32_t from, uint32_t to)
{
	const uint32_t table[] = {
		0x10130030, 1, 0x10130100, from, 0x10130104, to, 0x10130108, 0,
		0x1013010c, 2u << 18 | 2u << 21 | 1u << 26 | 1u << 27 | 2, 0x10130110, 1, 0, 0,
	};
	struct rhea_error err = {0};
	struct rhea_config cfg = {.machine = "versatilepb", .accel = accel, .icount = true, .icount_shift = 3, .compile_at_once = true};
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	rhea_write_phys(m, 0, code, sizeof code);
	rhea_write_phys(m, TABLE, table, sizeof table);
	rhea_write_phys(m, FUNCTION, old_function, sizeof old_function);
	rhea_write_reg(m, 6, 0x1013001c);
	return m;
}

static uint32_t reg(const struct rhea *m, unsigned n)
{
	uint32_t v = 0;
	rhea_read_reg(m, n, &v);
	return v;
}

static const enum rhea_accel accels[] = {RHEA_ACCEL_JIT, RHEA_ACCEL_INTERP, RHEA_ACCEL_LOCKSTEP};

/* Failure: code that DMA has replaced runs on as it was. */
static void replaced_functions_are_translated_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rhea_event ev;
		struct rhea *m = machine(accels[i], REPLACEMENT, FUNCTION);
		rhea_write_phys(m, REPLACEMENT, new_function, sizeof new_function);
		rhea_run(m, 5000, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
		assert_int_equal(reg(m, 15), 0x48);
		assert_int_equal(reg(m, 7), 2);
		assert_true(reg(m, 5) > 1);
		rhea_free(m);
	}
}

/* Failure: the block that runs is pulled away from under the core. */
static void the_waiting_loop_itself_can_be_replaced(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rhea_event ev;
		struct rhea *m = machine(accels[i], REPLACEMENT, LOOP);
		rhea_write_phys(m, REPLACEMENT, new_loop, sizeof new_loop);
		rhea_run(m, 5000, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
		/* at any instruction of the loop the new code may take over */
		assert_true(reg(m, 7) == 3 || reg(m, 7) == 1);
		assert_true(reg(m, 15) < 0x4c);
		rhea_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_functions_are_translated_again),
		cmocka_unit_test(the_waiting_loop_itself_can_be_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
