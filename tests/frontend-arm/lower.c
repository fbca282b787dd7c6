/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units as arm_translate makes them: how they end, what conditions become, hints for returns; and random code: every
 * unit is well-formed and means the same before and after the optimiser. RHEA_SEED replays a run, RHEA_COUNT
 * sets the number of random units.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-arm/decode.h"
#include "frontend-arm/translate.h"

struct fixture {
	const struct arm_decoder *d;
	struct arena arena;
	struct ir_unit u;
	uint32_t bytes; /* covered by u */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->d = arm_decoder();
	*state = f;
	return f->d ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static void translate(struct fixture *f, struct arm_translate_request req, const void *code, uint32_t size)
{
	char msg[200];
	req.decoder = f->d;
	req.code = code;
	req.code_bytes = size;
	req.max_insns = req.max_insns ? req.max_insns : 64;
	req.arch = 5;
	arena_reset(&f->arena);
	ir_unit_init(&f->u, &arm_guest, &f->arena);
	f->bytes = arm_translate(&req, &f->u);
	if (!ir_verify(&f->u, msg, sizeof(msg)))
		fail_msg("malformed unit: %s", msg);
}

#define A32(f, ...) \
	do { \
		const uint32_t words[] = { __VA_ARGS__ }; \
		translate(f, (struct arm_translate_request){ .pc_key = 0x10000, .tb_flags = ARM_TB_PRIV }, words, sizeof(words)); \
	} while (0)
#define T16(f, ...) \
	do { \
		const uint16_t halves[] = { __VA_ARGS__ }; \
		translate(f, (struct arm_translate_request){ .pc_key = 0x10001, .tb_flags = ARM_TB_PRIV }, halves, sizeof(halves)); \
	} while (0)

static unsigned count(const struct ir_unit *u, enum ir_op op)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < u->n_insns; i++)
		n += u->insns[i].op == op;
	return n;
}

static const struct ir_insn *find(const struct ir_unit *u, enum ir_op op, unsigned nth)
{
	for (uint32_t i = 0; i < u->n_insns; i++)
		if (u->insns[i].op == op && nth-- == 0)
			return &u->insns[i];
	fail_msg("no %s", ir_ops[op].name);
	return NULL;
}

static bool reads_global(const struct ir_unit *u, unsigned g)
{
	for (uint32_t i = 0; i < u->n_insns; i++)
		if (u->insns[i].op == IR_get && u->insns[i].aux == g)
			return true;
	return false;
}

static unsigned link_of(const struct ir_insn *i) { return i->aux >> 8; }

/* ---- shapes -------------------------------------------------------------------------------------- */

static void condition_after_compare_reads_no_flag(void **state)
{
	struct fixture *f = *state;
	A32(f, 0xe1510002, 0x8a000010); /* cmp r1, r2; bhi */
	for (unsigned g = ARM_G_n; g <= ARM_G_v; g++)
		assert_false(reads_global(&f->u, g));
	const struct ir_insn *brc = find(&f->u, IR_brc, 0);
	assert_int_equal(f->u.insns[brc->a].op, IR_cmp);
	assert_int_equal(f->u.insns[brc->a].aux, IR_GTU);
	assert_int_equal(f->bytes, 8);
}

static void conditional_branch_has_two_exits(void **state)
{
	struct fixture *f = *state;
	A32(f, 0x0a000010, 0xe1a00000); /* beq: the unit ends behind it */
	assert_int_equal(f->u.n_marks, 1);
	assert_int_equal(find(&f->u, IR_exit_jump, 0)->aux & 0xff, 0);
	assert_int_equal((uint32_t)find(&f->u, IR_exit_jump, 0)->imm, 0x10048);
	assert_int_equal(find(&f->u, IR_exit_jump, 1)->aux & 0xff, 1);
	assert_int_equal((uint32_t)find(&f->u, IR_exit_jump, 1)->imm, 0x10004);
}

static void same_condition_shares_a_region(void **state)
{
	struct fixture *f = *state;
	A32(f, 0xe1510002, 0x15903000, 0x15803004, 0x1a000010); /* cmp; ldrne; strne; bne */
	assert_int_equal(count(&f->u, IR_brc), 1);
	A32(f, 0xe1510002, 0x15903000, 0x05803004); /* cmp; ldrne; streq: if and else */
	assert_int_equal(count(&f->u, IR_brc), 1);
	A32(f, 0x10912003, 0x15903000); /* addsne changes the flags: ldrne asks again */
	assert_int_equal(count(&f->u, IR_brc), 2);
}

static void conditional_compares_read_no_flag(void **state)
{
	struct fixture *f = *state;
	A32(f, 0xe3530000, 0x13500000, 0xca000010); /* cmp r3, #0; cmpne r0, #0; bgt: not taken where r3 is 0 */
	for (unsigned g = ARM_G_n; g <= ARM_G_v; g++)
		assert_false(reads_global(&f->u, g));
	assert_int_equal(count(&f->u, IR_brc), 2);
	A32(f, 0xe3530000, 0x13500000, 0x13520001, 0x0a000010); /* three of them; beq: taken where one fails */
	for (unsigned g = ARM_G_n; g <= ARM_G_v; g++)
		assert_false(reads_global(&f->u, g));
	assert_int_equal(count(&f->u, IR_brc), 3);
	A32(f, 0xe3530000, 0x83500000, 0xca000010); /* cmp; cmphi; bgt: HI's opposite does not say whether GT */
	assert_true(reads_global(&f->u, ARM_G_z));
}

static void simple_conditional_alu_is_a_select(void **state)
{
	struct fixture *f = *state;
	A32(f, 0xe1510002, 0x13a03001, 0xe1a00000); /* cmp; movne r3, #1; nop */
	assert_int_equal(count(&f->u, IR_brc), 0);
	assert_int_equal(count(&f->u, IR_select), 1);
}

static void returns_are_marked(void **state)
{
	static const uint32_t arm[] = { 0xe12fff1e, 0xe1a0f00e, 0xe8bd8010, 0xe49df004, 0xe8bd8000 };
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(arm); i++) {
		A32(f, arm[i]);
		assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_RET);
	}
	T16(f, 0x4770); /* bx lr */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_RET);
	T16(f, 0xbd10); /* pop {r4, pc} */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_RET);
	A32(f, 0xe12fff13); /* bx r3 */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
	A32(f, 0xe91ba800); /* ldmdb fp, {fp, sp, pc} */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_RET);
	A32(f, 0xe91b8800); /* ldmdb fp, {fp, pc} */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
	T16(f, 0xbc08, 0x4718); /* pop {r3}; bx r3 */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_RET);
	T16(f, 0xbc08, 0x4720); /* pop {r3}; bx r4 */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
	T16(f, 0xbc08, 0x1c00, 0x4718); /* pop {r3}; adds r0, r0, #0; bx r3 */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
}

static void setting_lr_makes_a_jump_a_call(void **state)
{
	static const uint32_t jump[] = { 0xe12fff13, 0xe1a0f003, 0xe593f008, 0xe79ff103 }; /* bx r3, mov pc, ldr pc twice */
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(jump); i++) {
		A32(f, 0xe1a0e00f, jump[i]); /* mov lr, pc */
		const struct ir_insn *exit = find(&f->u, IR_exit_ind, 0);
		assert_int_equal(link_of(exit), IR_LINK_CALL);
		assert_int_equal(exit->imm, 0x10008);
		A32(f, 0xe1a0e00f, 0xe1a00000, jump[i]); /* mov lr, pc; nop: lr is the jump's own address */
		assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
		A32(f, 0xe1a0e00f, 0xe1a0e001, jump[i]); /* mov lr, pc; mov lr, r1 */
		assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
		A32(f, 0x11a0e00f, jump[i]); /* movne lr, pc */
		assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_JUMP);
	}
	A32(f, 0xe1a0e00f, 0xea000010); /* b */
	const struct ir_insn *exit = find(&f->u, IR_exit_jump, 0);
	assert_int_equal(link_of(exit), IR_LINK_CALL);
	assert_int_equal(exit->imm >> 32, 0x10008);
	A32(f, 0xe12fff33); /* blx r3 */
	assert_int_equal(link_of(find(&f->u, IR_exit_ind, 0)), IR_LINK_CALL);
	assert_int_equal(find(&f->u, IR_exit_ind, 0)->imm, 0x10004);
	T16(f, 0x4798); /* blx r3 */
	assert_int_equal(find(&f->u, IR_exit_ind, 0)->imm, 0x10003);
}

static void calls_carry_their_return_address(void **state)
{
	struct fixture *f = *state;
	A32(f, 0xeb000010); /* bl */
	const struct ir_insn *exit = find(&f->u, IR_exit_jump, 0);
	assert_int_equal(link_of(exit), IR_LINK_CALL);
	assert_int_equal((uint32_t)exit->imm, 0x10048);
	assert_int_equal(exit->imm >> 32, 0x10004);
	T16(f, 0xf000, 0xf810); /* bl: both halves */
	exit = find(&f->u, IR_exit_jump, 0);
	assert_int_equal(f->u.n_marks, 2);
	assert_int_equal(link_of(exit), IR_LINK_CALL);
	assert_int_equal((uint32_t)exit->imm, 0x10025);
	assert_int_equal(exit->imm >> 32, 0x10005);
}

static void unit_stops_at_max_insns_and_at_the_end_of_the_code(void **state)
{
	struct fixture *f = *state;
	const uint32_t nops[] = { 0xe1a00000, 0xe1a00000, 0xe1a00000 };
	translate(f, (struct arm_translate_request){ .pc_key = 0x10000, .max_insns = 2 }, nops, sizeof(nops));
	assert_int_equal(f->u.n_marks, 2);
	assert_int_equal(f->bytes, 8);
	assert_int_equal((uint32_t)find(&f->u, IR_exit_jump, 0)->imm, 0x10008);
	translate(f, (struct arm_translate_request){ .pc_key = 0x10000 }, nops, sizeof(nops) - 1);
	assert_int_equal(f->u.n_marks, 2);
}

static uint16_t access_of(struct fixture *f, struct arm_translate_request req, uint32_t insn)
{
	translate(f, req, &insn, 4);
	uint32_t k = 0;
	while (f->u.insns[k].op != IR_ld && f->u.insns[k].op != IR_st)
		k++;
	return f->u.insns[k].aux;
}

/* Words and halfwords leave, unless their instruction is known to meet it; with SCTLR.A they fault. */
static void unaligned_accesses_leave_where_they_may(void **state)
{
	static const uint32_t insns[] = { 0xe5910000, 0xe5810000, 0xe1d100b0, 0xe1c100b0, 0xe8910005, 0xe8b1000d, 0xe1c120d0, 0xe1010092 };
	struct fixture *f = *state;
	uint32_t odd[ARM_ODD_WORDS] = { 0 };
	struct arm_translate_request req = { .pc_key = 0x10040, .tb_flags = ARM_TB_PRIV }, may = req, fault = req;
	may.leaves = fault.leaves = true;
	may.odd = odd;
	fault.tb_flags |= ARM_TB_ALIGN;
	for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
		memset(odd, 0xff, sizeof odd);
		odd[1] &= ~1u; /* 0x040 */
		assert_true(ir_memop_leaves(access_of(f, may, insns[i])));
		assert_false(ir_memop_leaves(access_of(f, req, insns[i])));
		assert_false(ir_memop_leaves(access_of(f, fault, insns[i])));
		memset(odd, 0, sizeof odd);
		odd[1] |= 1;
		assert_false(ir_memop_leaves(access_of(f, may, insns[i])));
	}
	assert_false(ir_memop_leaves(access_of(f, may, 0xe5d10000))); /* ldrb */
}

static void semihosting_needs_permission(void **state)
{
	static const struct {
		uint8_t mode;
		uint32_t flags, kind;
	} rows[] = {
		{ ARM_SEMIHOST_OFF, ARM_TB_PRIV, ARM_EXC_SWI }, { ARM_SEMIHOST_PRIV, ARM_TB_PRIV, ARM_EXC_SEMIHOST },
		{ ARM_SEMIHOST_PRIV, 0, ARM_EXC_SWI }, { ARM_SEMIHOST_ALL, 0, ARM_EXC_SEMIHOST },
	};
	struct fixture *f = *state;
	const uint32_t swi = 0xef123456;
	const uint16_t thumb_swi = 0xdfab;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct arm_translate_request req = { .pc_key = 0x10000, .tb_flags = rows[i].flags, .semihosting = rows[i].mode };
		translate(f, req, &swi, 4);
		assert_int_equal(find(&f->u, IR_const, 0)->imm, rows[i].kind);
		req.pc_key |= 1;
		translate(f, req, &thumb_swi, 2);
		assert_int_equal(find(&f->u, IR_const, 0)->imm, rows[i].kind);
	}
}

static void big_endian_thumb_swaps_halfwords(void **state)
{
	struct fixture *f = *state;
	const uint16_t code[] = { 0x2202, 0x2101 }; /* movs r2, #2 is the second */
	struct arm_translate_request req = { .pc_key = 0x10001, .tb_flags = ARM_TB_BE32 };
	translate(f, req, code, sizeof(code));
	assert_int_equal(find(&f->u, IR_const, 0)->imm, 1);
	req.pc_key = 0x10003;
	translate(f, req, code + 1, 2);
	assert_int_equal(find(&f->u, IR_const, 0)->imm, 2);
}

/* ---- random code --------------------------------------------------------------------------------- */

struct world {
	struct arm_cpu cpu;
	uint8_t ram[256];
};

static void no_flush(void *opaque) { (void)opaque; }
static void no_kick(void *opaque) { (void)opaque; }
static void no_flush_page(void *opaque, gva_t va) { (void)opaque, (void)va; }
static enum mem_result no_phys(void *opaque, gpa_t pa, uint32_t *word)
{
	(void)opaque, (void)pa;
	*word = 0;
	return MEM_ERROR;
}

static bool faults(struct world *w, uint32_t addr, uint16_t memop)
{
	bool unaligned = addr & (ir_memop_size(memop) - 1) && ir_memop_align(memop) == IR_ALIGN_FAULT;
	if (unaligned || (addr * 0x9e3779b1u) >> 28 == 0)
		w->cpu.exc.kind = ARM_EXC_DATA_ABORT;
	return w->cpu.exc.kind != ARM_EXC_NONE;
}

static bool load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct world *w = ctx;
	(void)mark;
	*value = 0;
	if (faults(w, addr, memop))
		return false;
	memcpy(value, &w->ram[addr & 0xf8], ir_memop_size(memop));
	return true;
}

static bool store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	struct world *w = ctx;
	(void)mark;
	if (faults(w, addr, memop))
		return false;
	memcpy(&w->ram[addr & 0xf8], &value, ir_memop_size(memop));
	return true;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 32;
}

/* Mostly instructions of rows, some noise; conditions often AL or NE, so that regions form. */
static uint32_t random_insn(const struct arm_decoder *d, bool thumb, uint64_t *seed)
{
	unsigned n;
	const struct arm_insn_row *rows = arm_decoder_rows(d, thumb ? ARM_T16 : ARM_A32, &n);
	const struct arm_insn_row *row = &rows[next_random(seed) % n];
	uint32_t insn = (uint32_t)next_random(seed);
	if (next_random(seed) % 16)
		insn = (insn & ~row->mask) | row->value;
	if (!thumb && row->has_cond && next_random(seed) % 4)
		insn = (insn & 0x0fffffffu) | (next_random(seed) % 2 ? 0xe0000000u : 0x10000000u);
	return insn;
}

static void random_state(struct arm_cpu *cpu, uint32_t pc_key, uint64_t *seed)
{
	static const struct arm_host host = { NULL, no_flush, no_flush_page, no_phys, NULL, no_kick, no_kick, ARM_SEMIHOST_OFF };
	static const uint8_t modes[] = { ARM_USR, ARM_SYS, ARM_SVC, ARM_IRQ, ARM_FIQ };
	arm_cpu_init(cpu, arm_model_find("arm926"), &host, NULL);
	cpu->cp15.sctlr |= next_random(seed) & (SCTLR_A | SCTLR_B | SCTLR_L4);
	arm_cpsr_write(cpu, (uint32_t)next_random(seed) << 27 | modes[next_random(seed) % ARRAY_LEN(modes)], UINT32_MAX);
	for (unsigned i = 0; i < 15; i++)
		cpu->r[i] = (uint32_t)next_random(seed) >> (next_random(seed) & 31);
	cpu->pc = pc_key;
	arm_update_tb_flags(cpu);
}

static void one_random_unit(struct fixture *f, uint64_t seed)
{
	uint64_t s = seed;
	bool thumb = next_random(&s) & 1;
	uint8_t code[68];
	struct world w, w2;
	char msg[200];
	for (unsigned i = 0; i < sizeof(code); i += thumb ? 2 : 4) {
		uint32_t insn = random_insn(f->d, thumb, &s);
		memcpy(code + i, &insn, thumb ? 2 : 4);
	}
	memset(&w, 0, sizeof(w));
	random_state(&w.cpu, 0x10000 | thumb, &s);
	w2 = w;
	struct arm_translate_request req = { .pc_key = w.cpu.pc, .tb_flags = w.cpu.tb_flags,
					     .max_insns = 1 + (uint32_t)next_random(&s) % 16 };
	translate(f, req, code, sizeof(code) - 4);
	const struct ir_memory mem = { .ctx = &w, .load = load, .store = store }, mem2 = { .ctx = &w2, .load = load, .store = store };
	struct ir_interp_result r = ir_interpret(&f->u, &w.cpu, &mem);
	ir_optimise(&f->u);
	if (!ir_verify(&f->u, msg, sizeof(msg)))
		fail_msg("seed %llu: malformed after the optimiser: %s", (unsigned long long)seed, msg);
	struct ir_interp_result r2 = ir_interpret(&f->u, &w2.cpu, &mem2);
	if (memcmp(&w, &w2, sizeof(w)) || r.exit != r2.exit || r.marks != r2.marks || r.pc_key != r2.pc_key)
		fail_msg("seed %llu: the optimiser changed the unit's meaning", (unsigned long long)seed);
}

static void random_units_are_sound(void **state)
{
	struct fixture *f = *state;
	const char *replay = getenv("RHEA_SEED"), *n = getenv("RHEA_COUNT");
	uint64_t seed = replay ? strtoull(replay, NULL, 0) : 1;
	for (unsigned i = 0, end = replay ? 1 : n ? (unsigned)atoi(n) : 30000; i < end; i++)
		one_random_unit(f, seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(condition_after_compare_reads_no_flag, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conditional_branch_has_two_exits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_condition_shares_a_region, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conditional_compares_read_no_flag, set_up, tear_down),
		cmocka_unit_test_setup_teardown(simple_conditional_alu_is_a_select, set_up, tear_down),
		cmocka_unit_test_setup_teardown(returns_are_marked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(calls_carry_their_return_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(setting_lr_makes_a_jump_a_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unit_stops_at_max_insns_and_at_the_end_of_the_code, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unaligned_accesses_leave_where_they_may, set_up, tear_down),
		cmocka_unit_test_setup_teardown(semihosting_needs_permission, set_up, tear_down),
		cmocka_unit_test_setup_teardown(big_endian_thumb_swaps_halfwords, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_units_are_sound, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
