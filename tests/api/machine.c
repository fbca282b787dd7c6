/* SPDX-License-Identifier: Apache-2.0 */
/*
 * include/rhea.h as a client uses it: machine "none", memory of its own, code as words. Every test runs
 * on the JIT, on the interpreter and in lockstep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rhea.h"

#define RAM_SIZE 0x20000
#define IO_BASE 0x10000000u

static const enum rhea_accel accels[] = {RHEA_ACCEL_JIT, RHEA_ACCEL_INTERP, RHEA_ACCEL_LOCKSTEP};

static struct rhea *machine(struct rhea_config cfg, const uint32_t *code, size_t size)
{
	struct rhea_error err = {0};
	cfg.machine = "none";
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	assert_int_equal(rhea_map_ram(m, 0, RAM_SIZE, &err), RHEA_OK);
	assert_int_equal(rhea_write_phys(m, 0, code, size), RHEA_OK);
	return m;
}

static uint32_t reg(const struct rhea *m, unsigned n)
{
	uint32_t v;
	assert_int_equal(rhea_read_reg(m, n, &v), RHEA_OK);
	return v;
}

#define EACH_ACCEL(cfg) \
	for (unsigned i_ = 0; i_ < 3; i_++) \
		for (struct rhea_config cfg = {.accel = accels[i_]}, *once_ = &cfg; once_; once_ = NULL)

/* r0 = sum of 1..r1, then spins at 0x14 */
static const uint32_t sum_loop[] = {
	0xe3a00000, /* mov r0, #0 */
	0xe3a01064, /* mov r1, #100 */
	0xe0800001, /* add r0, r0, r1 */
	0xe2511001, /* subs r1, r1, #1 */
	0x1afffffc, /* bne -2 */
	0xeafffffe, /* b . */
};

/* Failure: a budget does not stop where it says, or stopping changes what is computed. */
static void budget_is_exact(void **state)
{
	(void)state;
	EACH_ACCEL(cfg) {
		struct rhea *whole = machine(cfg, sum_loop, sizeof sum_loop);
		struct rhea *steps = machine(cfg, sum_loop, sizeof sum_loop);
		struct rhea_event ev;
		rhea_run(whole, 302, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
		assert_int_equal(ev.insns, 302);
		assert_int_equal(reg(whole, 0), 5050);
		assert_int_equal(reg(whole, 15), 0x14);
		for (unsigned done = 0; done < 302;) {
			unsigned n = 1 + done % 7;
			n = n > 302 - done ? 302 - done : n;
			rhea_run(steps, n, &ev);
			assert_int_equal(ev.insns, n);
			done += n;
		}
		for (unsigned r = 0; r < 17; r++)
			assert_int_equal(reg(steps, r), reg(whole, r));
		rhea_free(whole);
		rhea_free(steps);
	}
}

/* Failure: machines in one process share state. */
static void two_machines_do_not_disturb_each_other(void **state)
{
	(void)state;
	struct rhea_config jit = {0}, interp = {.accel = RHEA_ACCEL_INTERP};
	struct rhea *a = machine(jit, sum_loop, sizeof sum_loop), *b = machine(interp, sum_loop, sizeof sum_loop);
	struct rhea_event ev;
	rhea_run(a, 50, &ev);
	uint32_t a0 = reg(a, 0), a1 = reg(a, 1);
	rhea_run(b, 302, &ev);
	assert_int_equal(reg(a, 0), a0);
	assert_int_equal(reg(a, 1), a1);
	rhea_run(a, 252, &ev);
	assert_int_equal(reg(a, 0), 5050);
	assert_int_equal(reg(b, 0), 5050);
	rhea_free(b);
	rhea_run(a, 10, &ev);
	assert_int_equal(reg(a, 15), 0x14);
	rhea_free(a);
}

/* Failure: code changed from outside keeps running as it was translated. */
static void outside_writes_drop_translated_code(void **state)
{
	(void)state;
	EACH_ACCEL(cfg) {
		struct rhea *m = machine(cfg, sum_loop, sizeof sum_loop);
		struct rhea_event ev;
		rhea_run(m, 302, &ev);
		const uint32_t patched = 0xe3a010c8; /* mov r1, #200 */
		assert_int_equal(rhea_write_phys(m, 4, &patched, 4), RHEA_OK);
		assert_int_equal(rhea_write_reg(m, RHEA_REG_PC, 0), RHEA_OK);
		rhea_run(m, 602, &ev);
		assert_int_equal(reg(m, 0), 20100);
		rhea_free(m);
	}
}

struct device {
	uint32_t log[8], n, next_value;
	struct rhea *m;
};

static bool dev_read(void *opaque, uint32_t off, unsigned size, uint32_t *value)
{
	struct device *d = opaque;
	(void)size;
	if (off == 0x80)
		return false;
	*value = d->next_value + off;
	return true;
}

static bool dev_write(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	struct device *d = opaque;
	(void)size;
	if (d->n < 8)
		d->log[d->n++] = off << 16 | value;
	if (off == 0x20)
		rhea_set_irq(d->m, false, value != 0);
	if (off == 0x24)
		rhea_stop(d->m);
	if (off == 0x28)
		return rhea_map_ram(d->m, value, 0x1000, NULL) == RHEA_OK;
	return off != 0x84;
}

/* At 0x40 r0 is 1, at 0x44 r0 is 2 and the flags are those of a subtraction that gave what is written. */
static bool write_of_known_state(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	struct device *d = opaque;
	(void)size;
	if (off == 0x24) {
		rhea_stop(d->m);
		return true;
	}
	assert_int_equal(reg(d->m, 0), off == 0x40 ? 1 : 2);
	if (off == 0x44)
		assert_int_equal(reg(d->m, RHEA_REG_CPSR) >> 28, value ? 2 : 6);
	d->n++;
	return true;
}

static const struct rhea_mmio dev_ops = {dev_read, dev_write};
static const struct rhea_mmio looking_ops = {dev_read, write_of_known_state};

static struct rhea *machine_with_device(struct rhea_config cfg, const uint32_t *code, size_t size, struct device *d)
{
	struct rhea *m = machine(cfg, code, size);
	*d = (struct device){.m = m, .next_value = 100};
	assert_int_equal(rhea_map_mmio(m, IO_BASE, 0x1000, &dev_ops, d, NULL), RHEA_OK);
	return m;
}

/* Failure: a device's callback reads registers or flags that compiled code has not written, because the next instruction overwrites them. */
static void devices_see_registers(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0xe3a04201, /* mov r4, #0x10000000 */
		0xe3a05a01, /* mov r5, #4096 */
		0xe3a00001, /* mov r0, #1 */
		0xe5845040, /* str r5, [r4, #0x40] */
		0xe3a00002, /* mov r0, #2 */
		0xe2555001, /* subs r5, r5, #1 */
		0xe5845044, /* str r5, [r4, #0x44] */
		0xe3a00003, /* mov r0, #3 */
		0x1afffff8, /* bne */
		0xe5840024, /* str r0, [r4, #0x24]: stops */
		0xeafffffe,
	};
	EACH_ACCEL(cfg) {
		struct rhea *m = machine(cfg, code, sizeof code);
		struct device d = {.m = m};
		struct rhea_event ev;
		assert_int_equal(rhea_map_mmio(m, IO_BASE, 0x1000, &looking_ops, &d, NULL), RHEA_OK);
		rhea_run(m, 100000, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_int_equal(d.n, 8192);
		rhea_free(m);
	}
}

/* Failure: device accesses come in the wrong order, size or number, or stop late. */
static void devices_are_called_in_order(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0xe3a04201, /* mov r4, #0x10000000 */
		0xe3a00001, /* mov r0, #1 */
		0xe5840000, /* str r0, [r4] */
		0xe3a00002, /* mov r0, #2 */
		0xe5c40008, /* strb r0, [r4, #8] */
		0xe594100c, /* ldr r1, [r4, #12] */
		0xe1c412b0, /* strh r1, [r4, #32]: raises the line, masked */
		0xe5840024, /* str r0, [r4, #36]: stops */
		0xeafffffe,
	};
	EACH_ACCEL(cfg) {
		struct device d;
		struct rhea *m = machine_with_device(cfg, code, sizeof code, &d);
		struct rhea_event ev;
		rhea_run(m, 0, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_int_equal(d.n, 4);
		assert_int_equal(d.log[0], 1);
		assert_int_equal(d.log[1], 8 << 16 | 2);
		assert_int_equal(d.log[2], 0x20 << 16 | 112);
		assert_int_equal(d.log[3], 0x24 << 16 | 2);
		assert_int_equal(reg(m, 1), 112);
		rhea_free(m);
	}
}

/* Failure: a bus error or an access to nothing does not reach the guest as a precise data abort. */
static void bus_errors_become_data_aborts(void **state)
{
	(void)state;
	uint32_t code[0x110 / 4] = {
		0xea00003e, /* b 0x100 */
		0, 0, 0,
		0xeafffffe, /* 0x10: data abort: b . */
	};
	const uint32_t body[] = {0xe3a04201, 0xe3a05007, 0xe5945080, 0xe3a05009}; /* mov, mov r5, #7, ldr r5, [r4, #0x80] */
	memcpy(code + 0x100 / 4, body, sizeof body);
	EACH_ACCEL(cfg) {
		struct device d;
		struct rhea *m = machine_with_device(cfg, code, sizeof code, &d);
		struct rhea_event ev;
		rhea_run(m, 5, &ev);
		assert_int_equal(reg(m, 15), 0x10);
		assert_int_equal(reg(m, 14), 0x108 + 8);
		assert_int_equal(reg(m, 5), 7);
		assert_int_equal(reg(m, RHEA_REG_CPSR) & 0x1f, 0x17);
		rhea_free(m);
	}
}

/* Failure: a device that changes the map breaks the block that is running, or leaves the old map in use. */
static void map_may_change_inside_a_block(void **state)
{
	(void)state;
	uint32_t code[0x120 / 4] = {
		0xea00003e, /* b 0x100 */
		0, 0, 0,
		0xeafffffe, /* 0x10: data abort: b . */
	};
	const uint32_t body[] = {
		0xe3a04201, /* mov r4, #0x10000000 */
		0xe3a05202, /* mov r5, #0x20000000 */
		0xe5845028, /* str r5, [r4, #0x28]: RAM appears at 0x20000000 */
		0xe5855004, /* str r5, [r5, #4] */
		0xe5956004, /* ldr r6, [r5, #4] */
		0xe5947080, /* ldr r7, [r4, #0x80]: bus error in the same block */
		0xeafffffe, /* b . */
	};
	memcpy(code + 0x100 / 4, body, sizeof body);
	EACH_ACCEL(cfg) {
		if (cfg.accel == RHEA_ACCEL_LOCKSTEP)
			continue; /* its second run would see the map of the first one's end */
		cfg.compile_at_once = true;
		struct device d;
		struct rhea *m = machine_with_device(cfg, code, sizeof code, &d);
		struct rhea_event ev;
		rhea_run(m, 100, &ev);
		assert_int_equal(reg(m, 15), 0x10);
		assert_int_equal(reg(m, 14), 0x114 + 8);
		assert_int_equal(reg(m, 6), 0x20000000);
		rhea_free(m);
	}
}

/* Failure: an interrupt raised by a store is lost, late, or returns to the wrong place. */
static void interrupts_are_taken_and_return(void **state)
{
	(void)state;
	uint32_t code[0x140 / 4] = {
		0xea00003e, /* 0x00: b 0x100 */
		0, 0, 0, 0, 0,
		0xea000008, /* 0x18: irq: b 0x40 */
	};
	const uint32_t handler[] = {
		0xe3a0c000, /* mov r12, #0 */
		0xe584c020, /* str r12, [r4, #32]: lowers the line */
		0xe2866001, /* add r6, r6, #1 */
		0xe25ef004, /* subs pc, lr, #4 */
	};
	const uint32_t body[] = {
		0xe3a04201, /* mov r4, #0x10000000 */
		0xe3a06000, /* mov r6, #0 */
		0xe321f013, /* msr cpsr_c, #0x13: interrupts on */
		0xe3a00001, /* mov r0, #1 */
		0xe5840020, /* 0x110: str r0, [r4, #32] */
		0xe2800001, /* add r0, r0, #1 */
		0xe3500006, /* cmp r0, #6 */
		0x1afffffb, /* bne 0x110 */
		0xe5840024, /* stop */
		0xeafffffe,
	};
	memcpy(code + 0x40 / 4, handler, sizeof handler);
	memcpy(code + 0x100 / 4, body, sizeof body);
	EACH_ACCEL(cfg) {
		struct device d;
		struct rhea *m = machine_with_device(cfg, code, sizeof code, &d);
		struct rhea_event ev;
		rhea_run(m, 0, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_int_equal(reg(m, 6), 5);
		assert_int_equal(reg(m, 0), 6);
		rhea_free(m);
	}
}

/* Failure: a guest that nothing can wake hangs its host. */
static void hopeless_wait_is_an_event(void **state)
{
	(void)state;
	static const uint32_t code[] = {0xe3a00000, 0xee070f90, 0xeafffffd}; /* mov r0, #0; wfi; b . - 4 */
	EACH_ACCEL(cfg) {
		struct rhea *m = machine(cfg, code, sizeof code);
		struct rhea_event ev;
		rhea_run(m, 0, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_HALTED);
		assert_int_equal(reg(m, 15), 8);
		rhea_set_irq(m, false, true);
		rhea_run(m, 1, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
		rhea_free(m);
	}
}

/* Failure: bad input to the API is not refused with a message. */
static void refuses_what_makes_no_sense(void **state)
{
	(void)state;
	struct rhea_error err = {0};
	assert_null(rhea_new(&(struct rhea_config){.machine = "versatile"}, &err));
	assert_int_equal(err.status, RHEA_ERR_USAGE);
	assert_non_null(strstr(err.msg, "versatile"));
	assert_null(rhea_new(&(struct rhea_config){.machine = "none", .cpu = "cortex-a8"}, &err));
	assert_null(rhea_new(&(struct rhea_config){.machine = "versatilepb", .ram_size = UINT64_C(1) << 40}, &err));
	struct rhea *m = rhea_new(&(struct rhea_config){.machine = "none"}, &err);
	uint32_t v;
	assert_int_equal(rhea_read_reg(m, 99, &v), RHEA_ERR_USAGE);
	assert_int_equal(rhea_read_phys(m, 0, &v, 4), RHEA_ERR_MEMORY);
	assert_int_equal(rhea_load_kernel(m, "/nonexistent/image", &err), RHEA_ERR_FILE);
	assert_int_not_equal(rhea_serial_open(m, 9, "null", &err), RHEA_OK);
	rhea_free(m);
	rhea_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_is_exact),
		cmocka_unit_test(two_machines_do_not_disturb_each_other),
		cmocka_unit_test(outside_writes_drop_translated_code),
		cmocka_unit_test(devices_are_called_in_order),
		cmocka_unit_test(devices_see_registers),
		cmocka_unit_test(bus_errors_become_data_aborts),
		cmocka_unit_test(map_may_change_inside_a_block),
		cmocka_unit_test(interrupts_are_taken_and_return),
		cmocka_unit_test(hopeless_wait_is_an_event),
		cmocka_unit_test(refuses_what_makes_no_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
