/* SPDX-License-Identifier: Apache-2.0 */
/* What headers of different rooms promise each other without including each other. A failure means that emitted code, the
 * interpreter and the softmmu do not speak of the same thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-arm/helpers.h"
#include "tests/runtime/guest.h"

/* ---- memory operation descriptors: ir/ir.h and softmmu/tlb.h ------------------------------------- */

_Static_assert((int)IR_ALIGN_ANY == (int)MEMOP_ANY && (int)IR_ALIGN_FAULT == (int)MEMOP_FAULT, "alignment policies");
_Static_assert((int)IR_ALIGN_FORCE == (int)MEMOP_FORCE && (int)IR_ALIGN_ROTATE == (int)MEMOP_ROTATE, "alignment policies");

static void memops_agree(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		uint16_t m = (uint16_t)i;
		assert_int_equal(ir_memop_size(m), memop_size(m));
		assert_int_equal(ir_memop_signed(m), memop_signed(m));
		assert_int_equal(ir_memop_be(m), memop_be(m));
		assert_int_equal((int)ir_memop_align(m), (int)memop_align(m));
		assert_int_equal(ir_memop_space(m), memop_space(m));
	}
}

static void memops_are_what_was_asked_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4 * 2 * 4 * TLB_SPACES; i++) {
		unsigned size = i & 3, sign = i >> 2 & 1, align = i >> 3 & 3, space = i >> 5;
		uint16_t m = IR_MEMOP(size, sign, align, space);
		assert_int_equal(memop_size(m), 1u << size);
		assert_int_equal(memop_signed(m), sign);
		assert_false(memop_be(m));
		assert_true(memop_be(m | IR_MEMOP_BE));
		assert_int_equal((int)memop_align(m), align);
		assert_int_equal(memop_space(m), space);
	}
}

/* ---- tables that emitted code indexes ------------------------------------------------------------ */

_Static_assert(MEM_READ == 0 && MEM_WRITE == 1, "emitted code: reads before writes");
_Static_assert(TLB_PAGES == 1u << (32 - PAGE_BITS), "one addend a page of the guest's 4 GiB");
_Static_assert(offsetof(struct tlb_tables, addend[0][1]) - offsetof(struct tlb_tables, addend) == 8ul * TLB_PAGES, "[access]");
_Static_assert(offsetof(struct tlb_tables, addend[1]) - offsetof(struct tlb_tables, addend) == 16ul * TLB_PAGES, "[space]");
_Static_assert(offsetof(struct tlb_tables, exec_tag[1]) - offsetof(struct tlb_tables, exec_tag) == 4ul * TLB_PAGES, "[space]");
_Static_assert(offsetof(struct vcpu_base, tlb) % 4096 == 0, "flushes discard whole pages");
_Static_assert(offsetof(struct x64_jump_entry, pc_key) == 0 && offsetof(struct x64_jump_entry, flags) == 4 &&
	       offsetof(struct x64_jump_entry, code) == 8, "emitted code compares key and flags as one word");
_Static_assert(X64_EXIT_FAULT < 8, "reasons, in the 3 low bits of a cookie");
_Static_assert(ARM_TB_PRIV == 1 && TLB_SPACES == 4, "odd spaces are the privileged ones");

static void jump_slots_are_in_the_cache(void **state)
{
	(void)state;
	uint32_t key = 1;
	for (unsigned i = 0; i < 100000; i++) {
		key = key * 1664525u + 1013904223u;
		assert_true(x64_jump_hash(key, JUMP_CACHE_BITS) < JUMP_CACHE_SIZE);
	}
	assert_true(JUMP_CACHE_SIZE <= UINT16_MAX + 1u); /* vcpu.jump_journal */
}

/* ---- globals, homes, helpers --------------------------------------------------------------------- */

static void globals_are_in_short_reach(void **state)
{
	(void)state;
	assert_true(arm_guest.n_globals <= IR_MAX_GLOBALS);
	for (unsigned i = 0; i < arm_guest.n_globals; i++) {
		const struct ir_global *g = &arm_guest.globals[i];
		long at = (long)offsetof(struct vcpu_base, cpu) + g->offset - VCPU_BASE_BIAS;
		assert_in_range(at + 128, 0, 256 - g->mem_bytes);
	}
	assert_int_equal(arm_guest.fault_flag_offset, offsetof(struct arm_cpu, exc.kind));
	assert_ptr_equal(arm_guest.globals + arm_guest.pc_global, arm_guest.globals + ARM_G_pc);
}

/* Whatever the seed: each home once, none of those that have another use, none for pc. */
static void homes_are_a_plan(void **state)
{
	const unsigned rax = 0, rcx = 1, rdx = 2, rsp = 4, rbp = 5, budget = 13;
	struct x64_layout layout = {.jump_cache_bits = JUMP_CACHE_BITS, .page_bits = PAGE_BITS};
	(void)state;
	for (uint32_t seed = 0; seed < 200; seed++) {
		struct x64_target t;
		uint32_t used = 1u << rax | 1u << rcx | 1u << rdx | 1u << rsp | 1u << rbp | 1u << budget;
		unsigned n = 0;
		x64_target_init(&t, &arm_guest, &layout, seed, seed % (X64_MAX_HOMES + 1));
		for (unsigned g = 0; g < arm_guest.n_globals; g++)
			if (t.home[g] >= 0) {
				assert_true(t.home[g] < 16 && !(used >> t.home[g] & 1));
				used |= 1u << t.home[g];
				n++;
			}
		assert_true(n <= seed % (X64_MAX_HOMES + 1));
		assert_int_equal(t.home[arm_guest.pc_global], -1);
	}
}

static void helpers_say_what_makes_sense(void **state)
{
	(void)state;
	for (unsigned i = 0; i < arm_guest.n_helpers; i++) {
		const struct ir_helper *h = &arm_guest.helpers[i];
		assert_non_null(h->fn);
		assert_true(h->n_args <= IR_HELPER_MAX_ARGS);
		if (h->flags & IR_HELPER_NORETURN)
			assert_true(h->flags & IR_HELPER_FAULT);
		if (h->flags & IR_HELPER_PURE)
			assert_false(h->flags & (IR_HELPER_READS | IR_HELPER_WRITES | IR_HELPER_FAULT));
	}
}

static void ops_say_what_makes_sense(void **state)
{
	(void)state;
	for (unsigned op = 0; op < IR_OP_COUNT; op++) {
		const struct ir_op_info *o = &ir_ops[op];
		unsigned n = 0;
		for (unsigned k = 0; k < 3; k++)
			n += o->args[k] != '-';
		assert_int_equal(o->n_args, n);
		if (o->flags & IR_END)
			assert_true((o->flags & IR_EFFECT) && o->result == '-');
		if (o->flags & IR_PURE)
			assert_false(o->flags & (IR_EFFECT | IR_FAULT | IR_END));
		if (o->flags & IR_COMM)
			assert_true(o->n_args >= 2 && o->args[0] == o->args[1]);
	}
}

static void conditions_negate_and_swap(void **state)
{
	static const uint32_t x[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX};
	(void)state;
	for (unsigned i = 0; i < (IR_GTS + 1) * ARRAY_LEN(x) * ARRAY_LEN(x); i++) {
		enum ir_cc cc = (enum ir_cc)(i % (IR_GTS + 1));
		uint32_t a = x[i / (IR_GTS + 1) % ARRAY_LEN(x)], b = x[i / (IR_GTS + 1) / ARRAY_LEN(x)];
		uint64_t holds = ir_eval(IR_cmp, IR_I32, (uint16_t)cc, a, b, 0);
		assert_int_equal(ir_eval(IR_cmp, IR_I32, (uint16_t)ir_cc_negate(cc), a, b, 0), !holds);
		assert_int_equal(ir_eval(IR_cmp, IR_I32, (uint16_t)ir_cc_swap(cc), b, a, 0), holds);
	}
}

/* ---- memory of emitted code ---------------------------------------------------------------------- */

/* No mapping of the process is writable and executable, before and after code was made. */
static void nothing_is_writable_and_executable(void **state)
{
	struct guest g;
	char line[500], rights[5];
	unsigned executable = 0;
	(void)state;
	guest_init(&g, &(struct rhea_config){0});
	guest_org(&g, 0x1000);
	guest_set_pc(&g, 0x1000);
	guest_put(&g, A32_SPIN);
	guest_step(&g, 100);
	FILE *f = fopen("/proc/self/maps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		assert_int_equal(sscanf(line, "%*s %4s", rights), 1);
		assert_false(rights[1] == 'w' && rights[2] == 'x');
		executable += strstr(line, "/dev/zero") && rights[2] == 'x';
	}
	fclose(f);
	assert_int_equal(executable, 1);
	assert_int_equal((uintptr_t)g.m->vcpu->base % PAGE_SIZE, 0);
	guest_free(&g);
}

/* ---- the public header --------------------------------------------------------------------------- */

_Static_assert(RHEA_OK == 0, "calls chain with ||");
_Static_assert(RHEA_ACCEL_JIT == 0 && RHEA_SEMIHOSTING_OFF == 0, "a zeroed configuration is a sensible one");
_Static_assert(RHEA_REG_SP == 13 && RHEA_REG_LR == 14 && RHEA_REG_PC == 15, "register numbers are the architecture's");

static void boards_have_ports_for_their_serial_lines(void **state)
{
	unsigned n;
	const struct board *b = boards_all(&n);
	(void)state;
	assert_true(n > 0);
	for (unsigned i = 0; i < n; i++) {
		assert_true(b[i].serial_ports <= MACHINE_SERIAL_PORTS);
		assert_non_null(arm_model_find(b[i].default_cpu));
		assert_true(b[i].default_ram <= b[i].max_ram);
	}
}

static void log_items_have_bits_of_their_own(void **state)
{
	static const uint32_t bits_of[] = {
#define LOG_ITEM(name, bit, help) LOG_##name,
#include "base/log.def"
#undef LOG_ITEM
	};
	uint32_t seen = 0;
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bits_of); i++) {
		assert_int_equal(__builtin_popcount(bits_of[i]), 1);
		assert_false(seen & bits_of[i]);
		seen |= bits_of[i];
		assert_non_null(rhea_log_item(i, NULL));
	}
	assert_null(rhea_log_item(ARRAY_LEN(bits_of), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memops_agree),
		cmocka_unit_test(memops_are_what_was_asked_for),
		cmocka_unit_test(jump_slots_are_in_the_cache),
		cmocka_unit_test(globals_are_in_short_reach),
		cmocka_unit_test(homes_are_a_plan),
		cmocka_unit_test(helpers_say_what_makes_sense),
		cmocka_unit_test(ops_say_what_makes_sense),
		cmocka_unit_test(conditions_negate_and_swap),
		cmocka_unit_test(nothing_is_writable_and_executable),
		cmocka_unit_test(boards_have_ports_for_their_serial_lines),
		cmocka_unit_test(log_items_have_bits_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
