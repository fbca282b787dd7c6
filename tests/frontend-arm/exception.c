/* SPDX-License-Identifier: Apache-2.0 */
/* Exception entry. Expectations: DDI 0100I A2.6, each seen on QEMU 7.2's arm926 by a bare-metal program. */
#include "core.h"

#include "frontend-arm/helpers.h"

struct entry_case {
	const char *name;
	enum arm_exception_kind kind;
	uint32_t pc, cpsr;                     /* before */
	uint32_t lr, new_cpsr, vector;         /* after */
};

static const struct entry_case entries[] = {
	{ "undef, ARM", ARM_EXC_UNDEF, 0x8000, 0x60000010, 0x8004, 0x6000009b, 0x04 },
	{ "undef, Thumb", ARM_EXC_UNDEF, 0x8001, 0x60000030, 0x8002, 0x6000009b, 0x04 },
	{ "undef, Thumb second half", ARM_EXC_UNDEF, 0x8003, 0x00000030, 0x8004, 0x0000009b, 0x04 },
	{ "swi, ARM", ARM_EXC_SWI, 0x8000, 0xf8000013, 0x8004, 0xf8000093, 0x08 },
	{ "swi, Thumb", ARM_EXC_SWI, 0x8001, 0x00000033, 0x8002, 0x00000093, 0x08 },
	{ "prefetch abort, ARM", ARM_EXC_PREFETCH_ABORT, 0x8000, 0x00000010, 0x8004, 0x00000197, 0x0c },
	{ "prefetch abort, Thumb", ARM_EXC_PREFETCH_ABORT, 0x8001, 0x00000030, 0x8004, 0x00000197, 0x0c },
	{ "bkpt, ARM", ARM_EXC_BKPT, 0x8000, 0x0000001f, 0x8004, 0x00000197, 0x0c },
	{ "bkpt, Thumb", ARM_EXC_BKPT, 0x8001, 0x0000003f, 0x8004, 0x00000197, 0x0c },
	{ "data abort, ARM", ARM_EXC_DATA_ABORT, 0x8000, 0x00000052, 0x8008, 0x000001d7, 0x10 },
	{ "data abort, Thumb", ARM_EXC_DATA_ABORT, 0x8001, 0x00000030, 0x8008, 0x00000197, 0x10 },
	{ "irq, ARM", ARM_EXC_IRQ, 0x8000, 0x00000010, 0x8004, 0x00000192, 0x18 },
	{ "irq, Thumb", ARM_EXC_IRQ, 0x8001, 0x00000030, 0x8004, 0x00000192, 0x18 },
	{ "fiq, ARM", ARM_EXC_FIQ, 0x8000, 0x00000010, 0x8004, 0x000001d1, 0x1c },
	{ "fiq, Thumb", ARM_EXC_FIQ, 0x8001, 0x00000030, 0x8004, 0x000001d1, 0x1c },
};

static void check_entry(const struct entry_case *e, bool high)
{
	struct core c;
	bool interrupt = e->kind == ARM_EXC_IRQ || e->kind == ARM_EXC_FIQ;

	print_message("%s\n", e->name);
	core_init(&c);
	arm_cpsr_write(&c.cpu, e->cpsr, UINT32_MAX);
	c.cpu.pc = e->pc;
	c.cpu.cp15.sctlr |= high ? SCTLR_V : 0;
	if (interrupt) {
		arm_take_interrupt(&c.cpu, e->kind);
	} else {
		arm_helper_raise(&c.cpu, e->kind);
		arm_take_exception(&c.cpu);
	}
	assert_int_equal(c.cpu.r[14], e->lr);
	assert_int_equal(arm_cpsr_read(&c.cpu), e->new_cpsr);
	assert_int_equal(arm_spsr_read(&c.cpu), e->cpsr);
	assert_int_equal(c.cpu.pc, (high ? 0xffff0000u : 0) + e->vector);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_NONE);
	assert_int_equal(c.cpu.tb_flags & ARM_TB_PRIV, ARM_TB_PRIV);
}

/* Failure: handlers return to the wrong place or see the wrong state. */
static void entry_state_is_exact(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(entries); i++)
		for (int high = 0; high < 2; high++)
			check_entry(&entries[i], high);
}

/* Failure: an abort reports through the wrong register; a prefetch abort must leave FAR and DFSR. */
static void aborts_record_their_cause(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	c.cpu.cp15.dfsr = 0xd0;
	c.cpu.cp15.ifsr = 0x1f;
	c.cpu.cp15.far = 0xeeee;
	arm_mem_fault(&c.cpu, MEM_FAULT_BUS, GVA(0x1234), MEM_EXEC, 1);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_PREFETCH_ABORT);
	arm_take_exception(&c.cpu);
	assert_int_equal(c.cpu.cp15.ifsr, 0x8);
	assert_int_equal(c.cpu.cp15.dfsr, 0xd0);
	assert_int_equal(c.cpu.cp15.far, 0xeeee);
	arm_mem_fault(&c.cpu, MEM_FAULT_ALIGN, GVA(0x4321), MEM_WRITE, 0);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_DATA_ABORT);
	arm_take_exception(&c.cpu);
	assert_int_equal(c.cpu.cp15.dfsr, 0x1);
	assert_int_equal(c.cpu.cp15.far, 0x4321);
	assert_int_equal(c.cpu.cp15.ifsr, 0x8);
	arm_helper_raise(&c.cpu, ARM_EXC_BKPT);
	arm_take_exception(&c.cpu);
	assert_int_equal(c.cpu.cp15.ifsr, 0x2);
	assert_int_equal(c.cpu.cp15.far, 0x4321);
}

/* Failure: interrupts come when masked, or the wrong one first. */
static void interrupts_respect_masks_and_priority(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	assert_int_equal(arm_pending_interrupt(&c.cpu), ARM_EXC_NONE);
	arm_set_irq(&c.cpu, false, true);
	arm_set_irq(&c.cpu, true, true);
	assert_int_equal(arm_pending_interrupt(&c.cpu), ARM_EXC_NONE);
	arm_cpsr_write(&c.cpu, 0, CPSR_I);
	assert_int_equal(arm_pending_interrupt(&c.cpu), ARM_EXC_IRQ);
	arm_cpsr_write(&c.cpu, 0, CPSR_F);
	assert_int_equal(arm_pending_interrupt(&c.cpu), ARM_EXC_FIQ);
	arm_set_irq(&c.cpu, true, false);
	assert_int_equal(arm_pending_interrupt(&c.cpu), ARM_EXC_IRQ);
}

/* Failure: the core sleeps for ever, or does not sleep. */
static void wait_for_interrupt_wakes_even_when_masked(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	assert_true(arm_cp15_write(&c.cpu, ARM_CP_REG(15, 7, 0, 0, 4), 0));
	assert_int_equal(c.cpu.halted, 1);
	arm_set_irq(&c.cpu, false, false);
	assert_int_equal(c.cpu.halted, 1);
	arm_set_irq(&c.cpu, false, true);
	assert_int_equal(c.cpu.halted, 0);
	assert_true(arm_cp15_write(&c.cpu, ARM_CP_REG(15, 7, 0, 8, 2), 0));
	assert_int_equal(c.cpu.halted, 0);
}

/* Failure: emitted code runs on with an interrupt unmasked, asleep, or under the flags of another mode; or it leaves without
 * need. */
static void helpers_kick_when_the_run_loop_must_look(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	arm_helper_cpsr_write(&c.cpu, ARM_SVC, UINT32_MAX);
	arm_helper_take_exception(&c.cpu, ARM_EXC_SWI, 0x8000);
	assert_int_equal(c.cpu.pc, 8);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_NONE);
	arm_set_irq(&c.cpu, false, true);
	assert_int_equal(c.kicks, 0);
	assert_int_equal(c.flag_changes, 0);
	arm_helper_exception_return(&c.cpu, 0x8004); /* unmasks */
	assert_int_equal(c.kicks, 1);
	arm_helper_cpsr_write(&c.cpu, ARM_SVC | CPSR_I, UINT32_MAX);
	assert_int_equal(c.kicks, 1);
	arm_helper_cpsr_write(&c.cpu, ARM_SVC, UINT32_MAX);
	assert_int_equal(c.kicks, 2);
	arm_set_irq(&c.cpu, false, false);
	arm_helper_cpsr_write(&c.cpu, ARM_USR, UINT32_MAX);
	assert_int_equal(c.flag_changes, 1);
	arm_helper_take_exception(&c.cpu, ARM_EXC_SWI, 0x8000); /* from User to Supervisor */
	assert_int_equal(c.flag_changes, 2);
	assert_int_equal(c.kicks, 2);
	arm_helper_cp15_write(&c.cpu, ARM_CP_REG(15, 7, 0, 0, 4), arm_cp15_row(ARM_CP_REG(15, 7, 0, 0, 4)), 0);
	assert_int_equal(c.kicks, 3);
	assert_int_equal(c.flag_changes, 2);
	assert_int_equal(c.cpu.halted, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_state_is_exact),
		cmocka_unit_test(aborts_record_their_cause),
		cmocka_unit_test(interrupts_respect_masks_and_priority),
		cmocka_unit_test(wait_for_interrupt_wakes_even_when_masked),
		cmocka_unit_test(helpers_kick_when_the_run_loop_must_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
