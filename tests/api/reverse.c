/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debugger's ways back, below the debugger. Guests with interrupts, system calls and input run forward, partly in a debugger's steps that
 * hold interrupts back. Then: steps back from random moments, and forward again, lead through the same states, memory included;
 * the way to the last stop finds what a walk over every instruction finds; limits hold; another future is a history like
 * any other. A failure means that the past is not what it was. The seed is printed.
 *
 * RHEA_GUEST_DIR: where the images of tests/guest were built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "softmmu/address_space.h"
#include "tests/api/machine_state.h"

#define MARKS 600u
#define STEPS 30u

struct place {
	struct moment at;
	uint64_t hash;
	uint32_t pc;
};

static const char *const images[] = {"uart.O2.arm", "timer.O2.thumb", "sched.O2.arm", "uart.Os.thumb", "exceptions.O2.thumb", "mmu.O2.arm"};
static const struct rhea_config jit = {.accel = RHEA_ACCEL_JIT};
static const struct rhea_config ways[] = {
	{.accel = RHEA_ACCEL_JIT},
	{.accel = RHEA_ACCEL_JIT, .compile_at_once = true},
	{.accel = RHEA_ACCEL_JIT, .regions_at_once = true},
	{.accel = RHEA_ACCEL_INTERP},
	{.accel = RHEA_ACCEL_JIT, .one_insn_per_tb = true, .compile_at_once = true},
};

static struct place here(struct test_machine *t)
{
	return (struct place){rewind_now(t->m), machine_state_hash(t->m, true), t->m->vcpu->cpu->pc};
}

static bool same(struct moment a, struct moment b)
{
	return a.insns == b.insns && a.entries == b.entries;
}

static void must_be(struct test_machine *t, const struct place *want, const char *way)
{
	struct place now = here(t);
	if (!same(now.at, want->at) || now.pc != want->pc || now.hash != want->hash)
		fail_msg("%s: at %llu+%u, pc %x instead of %llu+%u, pc %x%s", way, (unsigned long long)now.at.insns, now.at.entries, now.pc,
			 (unsigned long long)want->at.insns, want->at.entries, want->pc, now.hash != want->hash ? "; another state" : "");
}

static void feed(struct test_machine *t, uint64_t *random)
{
	uint8_t bytes[20];
	unsigned n = 1 + (unsigned)(next_random(random) % sizeof bytes);
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)('a' + next_random(random) % 26);
	rhea_serial_input(t->m, 0, bytes, n, NULL);
	if (next_random(random) % 4 == 0)
		rhea_send_mouse(t->m, (int)(next_random(random) % 64), 3, 0, 1, NULL);
}

/* As a debugger steps; false: the guest waits for input. */
static bool step_live(struct test_machine *t)
{
	struct rhea_event ev;
	enum vcpu_stop why;
	while ((why = vcpu_step(t->m->vcpu)) == VCPU_STOP_REQUEST)
		machine_handle_requests(t->m, &ev);
	rewind_note(t->m);
	return why == VCPU_STOP_BUDGET;
}

static void walk_forward(struct test_machine *t)
{
	struct rhea_event ev;
	while (vcpu_walk_step(t->m->vcpu) == VCPU_STOP_REQUEST)
		machine_handle_requests(t->m, &ev);
	assert_false(t->m->input_log->diverged);
}

/* Runs and steps, into a history that begins now. The places that were stepped through. */
static unsigned live(struct test_machine *t, struct place *mark, unsigned most, uint64_t *random)
{
	unsigned n = 0;
	for (unsigned rounds = 0; n < most && rounds < most; rounds++) {
		if (!test_machine_run(t, rhea_insn_count(t->m) + 1 + next_random(random) % 2000) && rhea_insn_count(t->m) > 5000000)
			break;
		if (next_random(random) % 3 == 0)
			feed(t, random);
		for (unsigned i = 0; i < 5 && n < most && step_live(t); i++)
			mark[n++] = here(t);
	}
	return n;
}

static bool begin(struct test_machine *t, unsigned i, uint64_t interval, uint64_t memory, uint64_t *random)
{
	struct rhea_error err;
	if (!test_machine_init(t, images[i], &ways[next_random(random) % ARRAY_LEN(ways)])) {
		print_message("%s was not built\n", images[i]);
		return false;
	}
	test_machine_run(t, 3000);
	if (rewind_start(t->m, interval, memory, &err))
		fail_msg("%s", err.msg);
	return true;
}

static void go(struct test_machine *t, uint64_t insns)
{
	struct rhea_error err;
	if (rewind_to(t->m, insns, &err))
		fail_msg("to %llu: %s", (unsigned long long)insns, err.msg);
}

static unsigned back(struct test_machine *t, struct place *path, unsigned n)
{
	struct rhea_error err;
	for (unsigned i = 0; i < n; i++) {
		bool found;
		path[i] = here(t);
		if (rewind_step(t->m, &found, &err))
			fail_msg("from %llu: %s", (unsigned long long)path[i].at.insns, err.msg);
		if (!found)
			return i;
		assert_true(moment_before(rewind_now(t->m), path[i].at));
	}
	return n;
}

static unsigned back_and_forth(struct test_machine *t, uint64_t *random)
{
	struct place path[STEPS];
	uint64_t first = rewind_first(t->m), last = rewind_last(t->m);
	go(t, first + next_random(random) % (last - first + 1));
	unsigned n = back(t, path, STEPS);
	for (unsigned i = n; i-- > 0;) {
		walk_forward(t);
		must_be(t, &path[i], "forward again");
	}
	return n;
}

/* Did something come from outside at this count? Then whoever goes there finds it done, and the mark may be of before. */
static bool disturbed(const struct test_machine *t, uint64_t insns)
{
	const struct input_log *l = t->m->input_log;
	for (size_t i = 0; i < l->n; i++)
		if (l->event[i]->insns == insns && l->event[i]->kind != EVENT_HELD)
			return true;
	return false;
}

static void to_marks(struct test_machine *t, const struct place *mark, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (mark[i].at.insns < rewind_first(t->m) || disturbed(t, mark[i].at.insns))
			continue;
		go(t, mark[i].at.insns);
		vcpu_walk_entries(t->m->vcpu, mark[i].at.entries);
		must_be(t, &mark[i], "back at a step");
	}
}

static void steps_lead_back_and_forth(void **state)
{
	static struct place mark[MARKS];
	uint64_t random = test_seed();
	unsigned steps = 0, held = 0;
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(images); i++) {
		struct test_machine t;
		if (!begin(&t, i, 20000, 0, &random))
			continue;
		unsigned n = live(&t, mark, MARKS, &random);
		struct place end;
		test_machine_run(&t, rhea_insn_count(t.m) + 100);
		end = here(&t);
		size_t said = t.n_out;
		for (size_t k = 0; k < t.m->input_log->n; k++)
			held += t.m->input_log->event[k]->kind == EVENT_HELD;
		to_marks(&t, mark, n);
		for (unsigned k = 0; k < 80; k++)
			steps += back_and_forth(&t, &random);
		/* To the present, and on. */
		test_machine_run(&t, end.at.insns);
		vcpu_walk_entries(t.m->vcpu, end.at.entries);
		must_be(&t, &end, "in the present");
		assert_int_equal(t.n_out, said);
		n = live(&t, mark, 50, &random);
		to_marks(&t, mark, n);
		print_message("%s: history of %llu to %llu\n", images[i], (unsigned long long)rewind_first(t.m), (unsigned long long)rewind_last(t.m));
		test_machine_free(&t);
	}
	print_message("%u steps back and forth, %u held interrupts\n", steps, held);
}

/* ---- stops ---- */

#define WALK 6000u

struct walk {
	struct place place[WALK + 1];
	uint32_t word[WALK + 1]; /* what is watched */
	bool waits[WALK + 1];
	unsigned n;
};

static uint32_t watched_word(struct test_machine *t, uint32_t addr)
{
	uint32_t word = 0;
	as_read(t->m->as, GPA(addr), &word, sizeof word);
	return word;
}

/* Every moment from here to the end. */
static void walk_all(struct test_machine *t, struct walk *w, uint32_t addr)
{
	for (w->n = 0; w->n < WALK; walk_forward(t)) {
		w->place[w->n] = (struct place){.at = rewind_now(t->m), .pc = t->m->vcpu->cpu->pc};
		w->waits[w->n] = t->m->vcpu->cpu->halted;
		w->word[w->n++] = watched_word(t, addr);
		if (rewind_now(t->m).insns >= rewind_last(t->m))
			break;
	}
}

/* A run that comes there stops before the instruction: an interrupt is not taken first. */
static bool is_met(const struct walk *w, unsigned i, uint32_t pc)
{
	return (w->place[i].pc & ~1u) == pc && !w->waits[i] && i + 1 < w->n && w->place[i + 1].at.insns != w->place[i].at.insns;
}

static void all_of_a_breakpoint(struct test_machine *t, const struct walk *w, uint32_t pc)
{
	struct rhea_error err;
	struct stop_point p = {.addr = pc, .kind = STOP_EXEC, .owners = GDB_STOP_OWNER};
	bool found = true;
	vcpu_add_stop(t->m->vcpu, &p);
	go(t, w->place[w->n - 1].at.insns);
	struct moment now = rewind_now(t->m);
	for (unsigned i = w->n; i-- > 0;) {
		if (!moment_before(w->place[i].at, now) || !is_met(w, i, pc))
			continue;
		assert_int_equal(rewind_to_stop(t->m, GDB_STOP_OWNER, &found, &err), RHEA_OK);
		now = rewind_now(t->m);
		if (!found || !same(now, w->place[i].at) || t->m->vcpu->cpu->pc != w->place[i].pc)
			fail_msg("breakpoint at %x: %s at %llu+%u instead of %llu+%u", pc, found ? "found" : "nothing, now", (unsigned long long)now.insns,
				 now.entries, (unsigned long long)w->place[i].at.insns, w->place[i].at.entries);
	}
	assert_int_equal(vcpu_remove_stop(t->m->vcpu, &p), true);
}

/* Each change of the word is stopped behind; a step back undoes it. */
static void all_of_a_watchpoint(struct test_machine *t, const struct walk *w, uint32_t addr)
{
	struct rhea_error err;
	struct stop_point p = {.addr = addr, .size = 4, .kind = STOP_WRITE, .owners = GDB_STOP_OWNER};
	bool found = true;
	go(t, w->place[w->n - 1].at.insns);
	for (unsigned i = w->n; i-- > 1;) {
		struct moment before = rewind_now(t->m);
		if (w->word[i] == w->word[i - 1] || moment_before(before, w->place[i].at))
			continue;
		do {
			vcpu_add_stop(t->m->vcpu, &p);
			assert_int_equal(rewind_to_stop(t->m, GDB_STOP_OWNER, &found, &err), RHEA_OK);
			vcpu_remove_stop(t->m->vcpu, &p);
			if (!found || moment_before(rewind_now(t->m), w->place[i].at))
				fail_msg("watchpoint at %x: %llu instead of %llu", addr, (unsigned long long)rewind_now(t->m).insns,
					 (unsigned long long)w->place[i].at.insns);
			assert_int_equal(watched_word(t, addr), w->word[i]);
			assert_int_equal(rewind_step(t->m, &found, &err), RHEA_OK);
		} while (watched_word(t, addr) == w->word[i]); /* the same value once more */
		assert_true(same(rewind_now(t->m), w->place[i - 1].at));
		assert_int_equal(watched_word(t, addr), w->word[i - 1]);
	}
}

static void the_last_stop_is_found(void **state)
{
	static struct walk w;
	static struct place mark[60];
	uint64_t random = test_seed();
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(images); i++) {
		struct test_machine t;
		if (!begin(&t, i, 1000, 0, &random))
			continue;
		live(&t, mark, 20, &random);
		uint64_t first = rewind_first(t.m), last = rewind_last(t.m);
		go(&t, last - MIN(last - first, WALK - 500));
		uint32_t sp = t.m->vcpu->cpu->r[13];
		walk_all(&t, &w, sp - 8);
		all_of_a_breakpoint(&t, &w, 0x18);
		for (unsigned k = 0; k < 6; k++)
			all_of_a_breakpoint(&t, &w, w.place[next_random(&random) % w.n].pc & ~1u);
		if (!(t.m->vcpu->cpu->tb_flags & ARM_TB_MMU))
			all_of_a_watchpoint(&t, &w, sp - 8);
		test_machine_free(&t);
	}
}

/* ---- limits, and another future ---- */

static void memory_is_bounded(void **state)
{
	const uint64_t limit = 400u << 10;
	struct test_machine t;
	uint64_t random = test_seed();
	(void)state;
	if (!test_machine_init(&t, "sort.O2.arm", &jit))
		skip();
	assert_int_equal(rewind_start(t.m, 2000, limit, NULL), RHEA_OK);
	for (uint64_t at = 0; at < 600000; at += 2000) {
		test_machine_run(&t, at);
		if (rewind_memory(t.m) > limit)
			fail_msg("%llu bytes", (unsigned long long)rewind_memory(t.m));
	}
	print_message("history from %llu to %llu, %u points\n", (unsigned long long)rewind_first(t.m), (unsigned long long)rewind_last(t.m), t.m->rewind->n);
	assert_true(rewind_last(t.m) > rewind_first(t.m));
	for (unsigned i = 0; i < 20; i++)
		back_and_forth(&t, &random);
	test_machine_free(&t);
}

static void the_past_can_be_changed(void **state)
{
	static struct place mark[100];
	struct test_machine t;
	uint64_t random = test_seed();
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(images); i++) {
		if (!begin(&t, i, 5000, 0, &random))
			continue;
		live(&t, mark, 100, &random);
		for (unsigned k = 0; k < 10; k++) {
			uint64_t first = rewind_first(t.m), last = rewind_last(t.m), at = first + (last - first) / 2;
			go(&t, at);
			const struct gdb_poke p = {.kind = GDB_POKE_REG, .where = 12, .size = 4};
			const uint32_t value = (uint32_t)next_random(&random);
			assert_true(machine_poke(t.m, &p, &value));
			gdb_poke_again(t.m->vcpu, &p, &value);
			machine_poked(t.m, &p);
			assert_int_equal(rewind_last(t.m), at);
			assert_false(t.m->input_log->keeper.replays);
			unsigned n = live(&t, mark, 50, &random);
			to_marks(&t, mark, n);
			for (unsigned j = 0; j < 5; j++)
				back_and_forth(&t, &random);
		}
		test_machine_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_lead_back_and_forth),
		cmocka_unit_test(the_last_stop_is_found),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(the_past_can_be_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
