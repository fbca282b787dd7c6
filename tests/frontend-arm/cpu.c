/* SPDX-License-Identifier: Apache-2.0 */
/* Registers, banks and PSRs. Expectations: DDI 0100I A2.3 to A2.5; QEMU 7.2's arm926 where that is silent. */
#include "core.h"

#include "frontend-arm/helpers.h"
#include "frontend-arm/translate.h"

static const uint32_t all_modes[] = { ARM_USR, ARM_FIQ, ARM_IRQ, ARM_SVC, ARM_ABT, ARM_UND, ARM_SYS };

/* Failure: the core does not start as the board's first instruction expects it. */
static void reset_state_is_that_of_qemu(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	assert_int_equal(arm_cpsr_read(&c.cpu), 0x400001d3);
	assert_int_equal(c.cpu.pc, 0);
	assert_int_equal(c.cpu.tb_flags, ARM_TB_PRIV | ARM_TB_HAS_SPSR);
	assert_int_equal(c.cpu.cp15.sctlr, 0x00090078);
	c.cpu.r[3] = 5;
	arm_cpu_reset(&c.cpu);
	assert_int_equal(c.cpu.r[3], 0);
	assert_int_equal(c.flushes, 1);
}

/* Failure: a mode sees another mode's r8-r14 or SPSR, or loses its own. */
static void every_mode_keeps_its_own_bank(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	for (unsigned i = 0; i < ARRAY_LEN(all_modes); i++) {
		core_set_mode(&c, all_modes[i]);
		for (unsigned r = 0; r < 15; r++)
			c.cpu.r[r] = i * 100 + r;
		arm_spsr_write(&c.cpu, i << 28, UINT32_MAX);
	}
	for (unsigned i = 0; i < ARRAY_LEN(all_modes); i++) {
		unsigned last = ARRAY_LEN(all_modes) - 1;
		unsigned own = all_modes[i] == ARM_USR ? last : i; /* System shares with User and came later */
		core_set_mode(&c, all_modes[i]);
		assert_int_equal(c.cpu.cpsr & CPSR_MODE, all_modes[i]);
		for (unsigned r = 0; r < 8; r++)
			assert_int_equal(c.cpu.r[r], last * 100 + r);
		for (unsigned r = 8; r < 13; r++)
			assert_int_equal(c.cpu.r[r], (all_modes[i] == ARM_FIQ ? own : last) * 100 + r);
		assert_int_equal(c.cpu.r[13], own * 100 + 13);
		assert_int_equal(c.cpu.r[14], own * 100 + 14);
		assert_int_equal(arm_spsr_read(&c.cpu), own << 28);
	}
}

/* Failure: LDM/STM with ^ reach the wrong registers. */
static void user_registers_are_reached_from_every_mode(void **state)
{
	struct core c;
	(void)state;

	for (unsigned i = 0; i < ARRAY_LEN(all_modes); i++) {
		core_init(&c);
		core_set_mode(&c, all_modes[i]);
		for (unsigned r = 0; r < 15; r++)
			arm_user_reg_write(&c.cpu, r, 0x1000 + r);
		for (unsigned r = 0; r < 15; r++)
			assert_int_equal(arm_user_reg_read(&c.cpu, r), 0x1000 + r);
		core_set_mode(&c, ARM_SYS);
		for (unsigned r = 0; r < 15; r++)
			assert_int_equal(c.cpu.r[r], 0x1000 + r);
	}
}

/* Failure: a guest that writes a mode that does not exist ends elsewhere than on QEMU (the mode stays, other
 * bits are written). */
static void modes_that_do_not_exist_leave_the_mode(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	for (uint32_t mode = 0; mode < 32; mode++) {
		bool exists = false;
		for (unsigned i = 0; i < ARRAY_LEN(all_modes); i++)
			exists |= all_modes[i] == mode;
		core_set_mode(&c, ARM_SVC);
		arm_cpsr_write(&c.cpu, mode | CPSR_N, CPSR_MODE | CPSR_N | CPSR_F);
		assert_int_equal(c.cpu.cpsr & CPSR_MODE, exists ? mode : ARM_SVC);
		assert_int_equal(arm_cpsr_read(&c.cpu) & (CPSR_N | CPSR_F), CPSR_N);
		arm_cpsr_write(&c.cpu, CPSR_F, CPSR_N | CPSR_F);
	}
}

/* Failure: MSR reaches bits that it must not. Values as read back on QEMU. */
static void msr_writes_what_its_privilege_allows(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	c.cpu.pc = 0x8000;
	arm_helper_cpsr_write(&c.cpu, 0xfffffff3, UINT32_MAX);
	assert_int_equal(arm_cpsr_read(&c.cpu), 0xf80001d3);
	arm_helper_spsr_write(&c.cpu, 0xffffffff, UINT32_MAX);
	assert_int_equal(arm_helper_spsr_read(&c.cpu), 0xf90001ff);
	arm_helper_spsr_write(&c.cpu, 0, 0x0000ff00);
	assert_int_equal(arm_helper_spsr_read(&c.cpu), 0xf90000ff);
	core_set_mode(&c, ARM_USR);
	arm_helper_cpsr_write(&c.cpu, 0, UINT32_MAX);
	assert_int_equal(arm_helper_cpsr_read(&c.cpu), 0x000001d0);
	arm_helper_cpsr_write(&c.cpu, 0xffffffdf, UINT32_MAX);
	assert_int_equal(arm_helper_cpsr_read(&c.cpu), 0xf80001d0);
}

/* Failure: the way back from an exception loses flags, mode or instruction set. */
static void exception_return_restores_everything(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	arm_spsr_write(&c.cpu, 0x50000030, UINT32_MAX);
	arm_helper_exception_return(&c.cpu, 0x12346);
	assert_int_equal(c.cpu.pc, 0x12347);
	assert_int_equal(arm_cpsr_read(&c.cpu), 0x50000030);
	assert_int_equal(c.cpu.tb_flags, 0);
	core_set_mode(&c, ARM_IRQ);
	arm_spsr_write(&c.cpu, 0x00000013, UINT32_MAX);
	arm_helper_exception_return(&c.cpu, 0x12346);
	assert_int_equal(c.cpu.pc, 0x12344);
	assert_int_equal(arm_cpsr_read(&c.cpu), 0x00000013);
}

struct text {
	char buf[1024];
};

static void collect(void *ctx, const char *line)
{
	struct text *t = ctx;
	size_t used = strlen(t->buf);
	snprintf(t->buf + used, sizeof(t->buf) - used, "%s\n", line);
}

/* Failure: `info registers` reads differently from QEMU's. */
static void registers_print_as_on_qemu(void **state)
{
	struct core c;
	struct text t = { "" };
	(void)state;

	core_init(&c);
	c.cpu.r[10] = 0xabcdef01;
	c.cpu.pc = 0x10009;
	arm_print_regs(&c.cpu, collect, &t);
	assert_string_equal(t.buf,
			    "R00=00000000 R01=00000000 R02=00000000 R03=00000000\n"
			    "R04=00000000 R05=00000000 R06=00000000 R07=00000000\n"
			    "R08=00000000 R09=00000000 R10=abcdef01 R11=00000000\n"
			    "R12=00000000 R13=00000000 R14=00000000 R15=00010008\n"
			    "PSR=400001f3 -Z-- T svc32\n");
}

/* Failure: the tables the IR gets do not describe struct arm_cpu. */
static void guest_table_describes_the_state(void **state)
{
	(void)state;

	assert_int_equal(arm_guest.n_globals, ARM_G_COUNT);
	assert_int_equal(arm_guest.globals[ARM_G_sp].offset, offsetof(struct arm_cpu, r[13]));
	assert_int_equal(arm_guest.globals[ARM_G_c].mem_bytes, 1);
	assert_int_equal(arm_guest.pc_global, ARM_G_pc);
	assert_int_equal(arm_guest.fault_flag_offset, offsetof(struct arm_cpu, exc));
	for (unsigned i = 0; i < arm_guest.n_helpers; i++) {
		const struct ir_helper *h = &arm_guest.helpers[i];
		assert_non_null(h->fn);
		assert_true(h->n_args <= IR_HELPER_MAX_ARGS);
		for (unsigned a = 0; a < IR_HELPER_MAX_ARGS; a++)
			assert_int_equal(h->args[a] != IR_VOID, a < h->n_args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_state_is_that_of_qemu),
		cmocka_unit_test(every_mode_keeps_its_own_bank),
		cmocka_unit_test(user_registers_are_reached_from_every_mode),
		cmocka_unit_test(modes_that_do_not_exist_leave_the_mode),
		cmocka_unit_test(msr_writes_what_its_privilege_allows),
		cmocka_unit_test(exception_return_restores_everything),
		cmocka_unit_test(registers_print_as_on_qemu),
		cmocka_unit_test(guest_table_describes_the_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
