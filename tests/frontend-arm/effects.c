/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What effects.c says of an instruction's bits is what its lowering does: for each Thumb halfword, and for random ARM words. A failure means that
 * flags somebody reads may not be set (where a flag is said to be overwritten), or that units are refused flags that they would take.
 * RHEA_SEED replays a run, RHEA_COUNT sets the number of random words and of random sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-arm/effects.h"

#define PC 0x10000u

struct fixture {
	const struct arm_decoder *d;
	struct arena arena;
	struct ir_unit u;
	uint32_t code[16], seed, told;
	struct arm_translate_request req;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const char *seed = getenv("RHEA_SEED");
	f->d = arm_decoder();
	f->seed = seed ? (uint32_t)strtoul(seed, NULL, 0) : 20261123;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static unsigned count(unsigned usual)
{
	const char *n = getenv("RHEA_COUNT");
	return n ? (unsigned)strtoul(n, NULL, 0) : usual;
}

static uint32_t next(struct fixture *f)
{
	f->seed = f->seed * 1664525 + 1013904223;
	return f->seed >> 16 | f->seed << 16;
}

/* The words are constants where half of them are; else they may fault. */
static struct arm_translate_request request(struct fixture *f, bool thumb, bool literals, uint32_t bytes)
{
	struct arm_literals at = {(const uint8_t *)f->code, PC, literals ? PC + sizeof f->code : PC};
	return (struct arm_translate_request){
		.decoder = f->d, .pc_key = PC | thumb, .tb_flags = ARM_TB_PRIV, .code = (const uint8_t *)f->code, .code_bytes = bytes,
		.literals = at, .max_insns = 1, .arch = 5,
	};
}

/* What the unit does, of one instruction. */
static struct arm_effect seen_in(const struct ir_unit *u)
{
	struct arm_effect e = {.kind = EFFECT_PLAIN};
	const struct ir_insn *end = &u->insns[u->n_insns - 1];
	bool calls = false;
	for (ir_ref r = 0; r < u->n_insns; r++) {
		const struct ir_insn *i = &u->insns[r];
		uint64_t global = i->op == IR_set || i->op == IR_get || i->op == IR_stick ? UINT64_C(1) << i->aux : 0;
		unsigned flags = (unsigned)(global >> ARM_G_n) & ARM_NZCV;
		calls |= i->op == IR_call;
		if (i->op == IR_ld || i->op == IR_st) {
			e.access = true;
			e.before = e.writes;
		} else if (i->op == IR_get) {
			e.reads |= (uint8_t)(flags & ~(unsigned)e.sets);
		} else if (i->op == IR_set) {
			e.sets |= (uint8_t)flags;
			e.writes |= (uint16_t)(global & ((1u << ARM_G_pc) - 1));
		}
	}
	bool goes_on = end->op == IR_exit_jump && (uint32_t)end->imm == (u->pc_key | 1) + (u->pc_key & 1 ? 2 : 3);
	if (calls)
		e.kind = EFFECT_OTHER;
	else if (u->n_blocks > 1)
		e.kind = EFFECT_ASKS;
	else if (!goes_on)
		e.kind = end->op == IR_exit_jump ? EFFECT_JUMPS : EFFECT_LEAVES;
	else if (e.access)
		e.kind = EFFECT_ACCESS;
	return e;
}

static void compare(struct fixture *f, bool thumb, bool literals, uint32_t insn)
{
	memset(f->code, 0, sizeof f->code);
	f->code[0] = insn;
	struct arm_translate_request req = request(f, thumb, literals, thumb ? 2 : 4);
	struct arm_effect said = thumb ? arm_effect_t16(&req, PC, insn) : arm_effect_a32(&req, PC, insn);
	if (said.kind == EFFECT_OTHER)
		return;
	f->told++;
	arena_reset(&f->arena);
	ir_unit_init(&f->u, &arm_guest, &f->arena);
	(void)arm_translate(&req, &f->u);
	struct arm_effect is = seen_in(&f->u);
	bool to_next = said.kind == EFFECT_JUMPS && is.kind == EFFECT_PLAIN; /* it jumps to what comes next */
	bool direct = said.kind == EFFECT_LEAVES && is.kind == EFFECT_JUMPS; /* where bx pc goes is known */
	bool same = (said.kind == is.kind || to_next || direct) && said.access == is.access && said.sets == is.sets;
	if (said.kind == EFFECT_PLAIN || said.kind == EFFECT_ACCESS)
		same &= said.reads == is.reads && said.before == is.before && said.writes == is.writes;
	if (said.kind == EFFECT_LEAVES)
		same &= !is.reads && said.before == is.before;
	if (!same)
		fail_msg("%s %08x: kind %u, is %u; reads %x %x, sets %x %x, before %x %x, writes %x %x", thumb ? "thumb" : "arm", insn, said.kind,
			 is.kind, said.reads, is.reads, said.sets, is.sets, said.before, is.before, said.writes, is.writes);
}

static void each_thumb_instruction(void **state)
{
	struct fixture *f = *state;
	for (uint32_t insn = 0; insn < 0x10000; insn++) {
		compare(f, true, false, insn);
		compare(f, true, true, insn);
	}
	assert_true(f->told > 2 * 0xe000); /* the rest is rare */
}

static void random_arm_instructions(void **state)
{
	struct fixture *f = *state;
	unsigned n = count(400000);
	for (unsigned k = 0; k < n; k++) {
		uint32_t insn = next(f);
		compare(f, false, k & 1, k & 15 ? (insn & 0x0fffffff) | 0xe0000000 : insn);
	}
	assert_true(f->told > n / 3);
}

/* Who owes flags to a unit was told so ahead: when it is made, it must take them, or both are made again for ever. */
static void takes_what_it_is_said_to(struct fixture *f, struct arm_translate_request req, const struct arm_debtor *said)
{
	struct arm_unit_flags is;
	req.look_ahead = true;
	req.max_insns = 2 * ARM_LOOK_AHEAD;
	arena_reset(&f->arena);
	ir_unit_init(&f->u, &arm_guest, &f->arena);
	(void)arm_translate_owing(&req, &f->u, &is);
	bool takes = !(said->kills & ~is.entry.kills) && (said->faults || !is.entry.faults || said->kills != ARM_NZCV);
	for (unsigned flag = 0; flag < ARM_FLAGS; flag++)
		takes &= !(said->kills >> flag & 1u) || !(is.entry.written[flag] & ~said->written[flag]);
	if (!takes)
		fail_msg("%08x %08x %08x %08x: kills %x, said %x; faults %u, said %u", f->code[0], f->code[1], f->code[2], f->code[3], is.entry.kills,
			 said->kills, is.entry.faults, said->faults);
}

/* Sequences of what is told mostly; the rest is lowered by the caller. */
static void sequences_are_foreseen(void **state)
{
	struct fixture *f = *state;
	unsigned n = count(100000), told = 0;
	for (unsigned k = 0; k < n; k++) {
		bool thumb = k & 1;
		for (unsigned i = 0; i < ARRAY_LEN(f->code); i++)
			f->code[i] = thumb ? next(f) : (next(f) & 0x0fffffff) | 0xe0000000;
		struct arm_translate_request req = request(f, thumb, k & 2, 4 + 4 * (next(f) & 7));
		struct arm_debtor said, is;
		if (!arm_foresee(&req, &said))
			continue;
		told++;
		arena_reset(&f->arena);
		is = arm_see_by_lowering(&req, &f->arena);
		bool same = said.kills == is.kills && said.faults == is.faults && said.by_value == is.by_value;
		if (!same || memcmp(said.written, is.written, sizeof is.written) != 0)
			fail_msg("%s %08x %08x %08x (sequence %u): kills %x, is %x, by value %u %u, faults %u %u", thumb ? "thumb" : "arm", f->code[0],
				 f->code[1], f->code[2], k, said.kills, is.kills, said.by_value, is.by_value, said.faults, is.faults);
		takes_what_it_is_said_to(f, req, &said);
	}
	assert_true(told > n / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_thumb_instruction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_arm_instructions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sequences_are_foreseen, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
