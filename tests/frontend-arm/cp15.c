/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coprocessor registers. Expectations: which encodings exist, their rights, reset values and writable bits as a
 * bare-metal program that tried all of them found on QEMU 7.2's arm926.
 */
#include "core.h"

#include "frontend-arm/helpers.h"

#define P15(crn, opc1, crm, opc2) ARM_CP_REG(15, crn, opc1, crm, opc2)
enum { PR = 1, PW = 2, UR = 4, UW = 8 };

/* What may be done with an encoding: one predicate, written from the observed list. */
static unsigned observed_rights(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2)
{
	switch (crn) {
	case 0:
		if (opc1 == 0)
			return crm == 0 || (crm >= 3 && crm <= 7) ? PR : 0;
		return opc1 == 1 && crm == 0 ? PR : 0;
	case 1:
		return opc1 == 0 && crm == 0 && opc2 == 0 ? PR | PW : 0;
	case 2:
		return opc1 == 0 && crm == 0 && opc2 <= 2 ? PR | PW : 0;
	case 3:
		return PR | PW;
	case 5:
		return opc1 == 0 && crm == 0 && opc2 <= 1 ? PR | PW : 0;
	case 6:
		return opc1 == 0 && crm == 0 && opc2 == 0 ? PR | PW : 0;
	case 7:
		if (opc1)
			return 0;
		return (crm == 10 || crm == 14) && opc2 == 3 ? PR | UR : PW;
	case 8:
		return opc2 <= 3 ? PW : 0;
	case 9:
		return opc1 == 0 && crm == 0 && opc2 <= 1 ? PR | PW : 0;
	case 10:
		if (crm == 0 || crm == 1 || crm == 4 || crm == 8)
			return PR | PW;
		return opc1 == 0 && crm == 2 && opc2 <= 1 ? PR | PW : 0;
	case 13:
		return opc1 == 0 && crm == 0 && opc2 <= 1 ? PR | PW : 0;
	case 15:
		return PR | PW;
	default:
		return 0;
	}
}

static unsigned rights_of(struct core *c, uint32_t reg)
{
	uint32_t value = 0;
	unsigned rights = 0;

	core_set_mode(c, ARM_SVC);
	rights |= arm_cp15_read(&c->cpu, reg, &value) ? PR : 0;
	rights |= arm_cp15_write(&c->cpu, reg, value) ? PW : 0;
	core_set_mode(c, ARM_USR);
	rights |= arm_cp15_read(&c->cpu, reg, &value) ? UR : 0;
	rights |= arm_cp15_write(&c->cpu, reg, value) ? UW : 0;
	return rights;
}

/* Failure: an access traps that does not on QEMU, or the reverse. */
static void every_encoding_has_the_observed_rights(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	for (unsigned i = 0; i < 0x4000; i++) {
		unsigned crn = i >> 10, crm = (i >> 6) & 15u, opc1 = (i >> 3) & 7u, opc2 = i & 7u;
		unsigned got = rights_of(&c, P15(crn, opc1, crm, opc2));
		if (got != observed_rights(crn, opc1, crm, opc2))
			fail_msg("c%u, opc1 %u, c%u, opc2 %u: rights %x, expected %x", crn, opc1, crm, opc2, got,
				 observed_rights(crn, opc1, crm, opc2));
	}
}

static const struct {
	uint32_t reg, reset, writable;
} values[] = {
	{ P15(0, 0, 0, 0), 0x41069265, 0 }, { P15(0, 0, 0, 1), 0x01dd20d2, 0 }, { P15(0, 0, 0, 2), 0, 0 },
	{ P15(0, 0, 0, 3), 0, 0 }, { P15(0, 0, 0, 4), 0x41069265, 0 }, { P15(0, 0, 0, 7), 0x41069265, 0 },
	{ P15(0, 0, 3, 0), 0, 0 }, { P15(0, 1, 0, 1), 0, 0 },
	{ P15(1, 0, 0, 0), 0x00090078, 0xffffffff },
	{ P15(2, 0, 0, 0), 0, 0xffffffff }, { P15(2, 0, 0, 1), 0, 0xffffffff }, { P15(2, 0, 0, 2), 0, 7 },
	{ P15(3, 0, 0, 0), 0, 0xffffffff }, { P15(3, 5, 9, 3), 0, 0xffffffff },
	{ P15(5, 0, 0, 0), 0, 0xffffffff }, { P15(5, 0, 0, 1), 0, 0xffffffff }, { P15(6, 0, 0, 0), 0, 0xffffffff },
	{ P15(7, 0, 10, 3), 0x40000000, 0 }, { P15(7, 0, 14, 3), 0x40000000, 0 },
	{ P15(9, 0, 0, 0), 0, 0xffffffff }, { P15(9, 0, 0, 1), 0, 0xffffffff },
	{ P15(10, 0, 0, 0), 0, 0x1c000001 }, /* not QEMU's: cp15.def says why */
	{ P15(13, 0, 0, 0), 0, 0xffffffff }, { P15(13, 0, 0, 1), 0, 0xffffffff },
	{ P15(15, 0, 0, 0), 0, 0 }, { P15(15, 7, 15, 7), 0, 0 },
	{ ARM_CP_REG(14, 0, 0, 0, 0), 0, 0 }, { ARM_CP_REG(14, 0, 7, 0, 0), 0, 0 },
	{ ARM_CP_REG(14, 1, 7, 0, 0), 0, 0 }, { ARM_CP_REG(14, 2, 7, 0, 0), 0, 0 },
};

/* Failure: software that identifies or configures the core reads other values than on QEMU. */
static void registers_hold_the_observed_values(void **state)
{
	struct core c;
	uint32_t value;
	(void)state;

	for (unsigned i = 0; i < ARRAY_LEN(values); i++) {
		core_init(&c);
		assert_true(arm_cp15_read(&c.cpu, values[i].reg, &value));
		assert_int_equal(value, values[i].reset);
		if (!values[i].writable)
			continue;
		assert_true(arm_cp15_write(&c.cpu, values[i].reg, 0xffffffff));
		assert_true(arm_cp15_read(&c.cpu, values[i].reg, &value));
		assert_int_equal(value, values[i].writable);
		assert_true(arm_cp15_write(&c.cpu, values[i].reg, 0));
		assert_true(arm_cp15_read(&c.cpu, values[i].reg, &value));
		assert_int_equal(value, 0);
	}
}

/* Failure: an undefined access does not trap. */
static void undefined_accesses_raise(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	arm_helper_cp15_read(&c.cpu, P15(4, 0, 0, 0), arm_cp15_row(P15(4, 0, 0, 0)));
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_UNDEF);
	c.cpu.exc.kind = ARM_EXC_NONE;
	arm_helper_cp15_write(&c.cpu, P15(0, 0, 0, 0), arm_cp15_row(P15(0, 0, 0, 0)), 1);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_UNDEF);
	c.cpu.exc.kind = ARM_EXC_NONE;
	arm_helper_cp15_write(&c.cpu, P15(7, 0, 5, 0), arm_cp15_row(P15(7, 0, 5, 0)), 1);
	assert_int_equal(c.cpu.exc.kind, ARM_EXC_NONE);
	assert_false(arm_cp15_read(&c.cpu, ARM_CP_REG(10, 0, 7, 0, 0), &c.cpu.r[0]));
	assert_false(arm_cp15_write(&c.cpu, ARM_CP_REG(0, 0, 0, 0, 0), 0));
}

static const struct {
	uint32_t reg, value;
	unsigned flushes;
	uint32_t tb_flags; /* that must be set */
} effects[] = {
	{ P15(1, 0, 0, 0), 0x00090079, 1, ARM_TB_MMU },
	{ P15(1, 0, 0, 0), 0x0009007a, 0, ARM_TB_ALIGN },
	{ P15(1, 0, 0, 0), 0x000900f8, 0, ARM_TB_BE32 },
	{ P15(1, 0, 0, 0), 0x00098078, 0, ARM_TB_L4 },
	{ P15(1, 0, 0, 0), 0x00090178, 1, 0 },
	{ P15(1, 0, 0, 0), 0x00090278, 1, 0 },
	{ P15(1, 0, 0, 0), 0x0009107c, 0, 0 },
	{ P15(2, 0, 0, 0), 0x00004000, 0, 0 },
	{ P15(3, 0, 0, 0), 1, 1, ARM_TB_DACR },
	{ P15(3, 0, 0, 0), 0, 0, 0 },
	{ P15(8, 0, 7, 0), 0, 1, 0 },
	{ P15(8, 0, 5, 0), 0, 1, 0 },
	{ P15(8, 0, 6, 0), 0, 1, 0 },
	{ P15(13, 0, 0, 0), 0x02000000, 1, ARM_TB_MMU }, /* moves addresses */
	{ P15(13, 0, 0, 1), 3, 0, 0 },
};

/* Failure: translations outlive what they were made from, or translated code its assumptions. */
static void writes_have_their_effects(void **state)
{
	struct core c;
	(void)state;

	for (unsigned i = 0; i < ARRAY_LEN(effects); i++) {
		core_init(&c);
		assert_true(arm_cp15_write(&c.cpu, effects[i].reg, effects[i].value));
		assert_int_equal(c.flushes, effects[i].flushes);
		assert_int_equal(c.cpu.tb_flags, ARM_TB_PRIV | ARM_TB_HAS_SPSR | effects[i].tb_flags);
	}
}

/* Failure: a kernel that changes DACR at each entry and exit loses its translations, or finds those made under
 * another value. */
static void two_values_of_dacr_are_kept(void **state)
{
	static const struct {
		uint32_t value;
		unsigned flushes;
		uint32_t flag;
	} rows[] = {
		{ 0x51, 1, ARM_TB_DACR }, { 0x55, 2, 0 }, { 0x51, 2, ARM_TB_DACR }, { 0x55, 2, 0 }, { 0x53, 3, ARM_TB_DACR },
		{ 0x53, 3, ARM_TB_DACR }, { 0x55, 3, 0 }, { 0x51, 4, ARM_TB_DACR }, { 0, 5, 0 },
	};
	struct core c;
	(void)state;

	core_init(&c);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(arm_cp15_write(&c.cpu, P15(3, 0, 0, 0), rows[i].value));
		assert_int_equal(c.flushes, rows[i].flushes);
		assert_int_equal(c.cpu.tb_flags & ARM_TB_DACR, rows[i].flag);
		assert_int_equal(arm_space_of(c.cpu.tb_flags), arm_user_space(c.cpu.tb_flags) + 1);
	}
	arm_cpu_reset(&c.cpu);
	assert_int_equal(c.cpu.tb_flags & ARM_TB_DACR, 0);
	assert_true(arm_cp15_write(&c.cpu, P15(3, 0, 0, 0), 0x55));
	assert_int_equal(c.flushes, 7);
}

/* Failure: a write that has an effect is left out of translated code, or cache maintenance costs a call. */
static void writes_without_effect_are_known(void **state)
{
	(void)state;
	assert_true(arm_cp15_ignores(P15(7, 0, 14, 1)));
	assert_true(arm_cp15_ignores(P15(7, 0, 5, 0)));
	assert_true(arm_cp15_ignores(P15(15, 0, 0, 0)));
	assert_false(arm_cp15_ignores(P15(7, 0, 0, 4)));  /* WFI */
	assert_false(arm_cp15_ignores(P15(7, 0, 8, 2)));
	assert_false(arm_cp15_ignores(P15(7, 0, 10, 3))); /* reads only */
	assert_false(arm_cp15_ignores(P15(8, 0, 7, 0)));
	assert_false(arm_cp15_ignores(P15(1, 0, 0, 0)));
	assert_false(arm_cp15_ignores(P15(4, 0, 0, 0)));
}

/* Failure: invalidating one address leaves a piece of its mapping in the TLB, or FCSE's other name of it. */
static void page_invalidation_covers_the_mapping(void **state)
{
	struct core c;
	(void)state;

	core_init(&c);
	assert_true(arm_cp15_write(&c.cpu, P15(8, 0, 7, 1), 0x03456789));
	assert_int_equal(c.flushes, 0);
	assert_int_equal(c.page_flushes, 1);
	assert_int_equal(c.flushed_page, 0x03456789);
	assert_true(arm_cp15_write(&c.cpu, P15(13, 0, 0, 0), 0x02000000));
	assert_true(arm_cp15_write(&c.cpu, P15(8, 0, 7, 1), 0x03456789));
	assert_int_equal(c.page_flushes, 3);
	assert_int_equal(c.flushed_page, 0x01456789);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encoding_has_the_observed_rights),
		cmocka_unit_test(registers_hold_the_observed_values),
		cmocka_unit_test(undefined_accesses_raise),
		cmocka_unit_test(writes_have_their_effects),
		cmocka_unit_test(two_values_of_dacr_are_kept),
		cmocka_unit_test(writes_without_effect_are_known),
		cmocka_unit_test(page_invalidation_covers_the_mapping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
