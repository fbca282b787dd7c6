/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches while regions run: breakpoints inside their parts, watchpoints on their data, counters, samples, coverage, dumps and
 * traces that begin and end at random moments of a loop of several parts. A second machine that interprets does the same; both must come to
 * the same stop at the same instruction, with the same registers and memory. A failure means that a region hid
 * something from who watches, or that watching changed what the guest does. RHEA_SEED=n replays one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define DATA 0x20000u
#define SEEDS 24u
#define OPS 120u

static const struct guest_way ways[] = {
	{"regions", {.compile_at_once = true, .regions_at_once = true}},
	{"regions, no window", {.compile_at_once = true, .regions_at_once = true, .no_window = true}},
	{"regions, trouble", {.compile_at_once = true, .regions_at_once = true, .trouble_seed = 5}},
	{"lockstep, regions", {.accel = RHEA_ACCEL_LOCKSTEP, .regions_at_once = true}},
};

struct pair {
	struct guest tested, wanted;
	uint32_t end;   /* behind the last word of the loop */
	uint32_t rng;
	const char *way;
	uint32_t seed, op;
	unsigned stops; /* that were met */
};

static uint32_t below(struct pair *p, uint32_t n)
{
	p->rng ^= p->rng << 13;
	p->rng ^= p->rng >> 17;
	p->rng ^= p->rng << 5;
	return (p->rng >> 8) % n;
}

/* An endless loop of six blocks on one page, with loads, stores and flags from block to block. Returns its end. */
static uint32_t put_loop(struct guest *g)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 4, DATA);
	uint32_t loop = guest_put(g, a_ldr(1, 4, 0));
	guest_put(g, a_dp(ADD, 1, 1, 1, 0));
	guest_put(g, a_str(1, 4, 0));
	guest_put(g, a_dp(TST, 1, 0, 0, I_BIT | 1));
	guest_put(g, a_bcond(EQ, g->at, g->at + 5 * 4));
	guest_put(g, a_add(2, 2, 1));
	guest_put(g, a_dp(ADC, 1, 5, 5, 1));
	guest_put(g, a_ldr(6, 4, 8));
	guest_put(g, a_b(g->at, g->at + 4 * 4));
	guest_put(g, a_subs(3, 3, 7));
	guest_put(g, a_str(3, 4, 8));
	guest_put(g, a_if(MI, a_eor(5, 5, 0xff)));
	guest_put(g, a_cmp(0, 100)); /* both ways come here */
	guest_put(g, a_bcond(HI, g->at, g->at + 3 * 4));
	guest_put(g, a_str(0, 4, 0x100));
	guest_put(g, a_ldr(7, 4, 0x104));
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, a_mov(0, 200));
	guest_put(g, a_b(g->at, loop));
	return g->at;
}

static void both(struct pair *p, bool adds, enum rhea_stop_kind kind, uint32_t addr, uint32_t size)
{
	struct rhea_error err;
	struct rhea *m[] = {p->tested.m, p->wanted.m};
	for (unsigned i = 0; i < 2; i++)
		if (adds)
			assert_int_equal(rhea_add_stop(m[i], kind, addr, size, &err), RHEA_OK);
		else
			(void)rhea_remove_stop(m[i], kind, addr, size, &err);
}

static void toggle_stop(struct pair *p)
{
	bool adds = below(p, 2);
	if (below(p, 2))
		both(p, adds, RHEA_STOP_EXEC, CODE + 4 * below(p, (p->end - CODE) / 4), 0);
	else
		both(p, adds, (enum rhea_stop_kind)(RHEA_STOP_WRITE + below(p, 3)), DATA + 4 * below(p, 4) + 0x100 * below(p, 2), 4);
}

static void clear_stops(struct pair *p)
{
	for (uint32_t at = CODE; at < p->end; at += 4)
		both(p, false, RHEA_STOP_EXEC, at, 0);
	for (unsigned kind = RHEA_STOP_WRITE; kind <= RHEA_STOP_ACCESS; kind++)
		for (uint32_t off = 0; off < 0x200; off += 4)
			both(p, false, (enum rhea_stop_kind)kind, DATA + off, 4);
}

/* Somebody else begins to watch the machine that is tested, or ends. What can begin only once is refused then. */
static void toggle_watcher(struct pair *p)
{
	static const char *const items[] = {"tb-stats", "none", "none", "tb-stats,exec,cpu", "in_asm,op_opt,out_asm"};
	struct rhea *m = p->tested.m;
	struct rhea_error err;
	switch (below(p, 8)) {
	case 0:
		(void)rhea_profile(m, &(struct rhea_profile){"/dev/null", 1024 + below(p, 1000)}, &err);
		break;
	case 1:
		(void)rhea_coverage(m, &(struct rhea_coverage){.path = "/dev/null"}, &err);
		break;
	case 2:
		(void)rhea_trace(m, &(struct rhea_trace){.path = "/dev/null", .what = below(p, 2) ? RHEA_TRACE_MEM : RHEA_TRACE_BLOCKS}, &err);
		break;
	default:
		if (rhea_log_items(m, items[below(p, ARRAY_LEN(items))], &err))
			fail_msg("%s", err.msg);
	}
}

static void assert_same(struct pair *p, const struct rhea_event *a, const struct rhea_event *b)
{
	bool same = a->kind == b->kind && a->insns == b->insns && a->stop == b->stop && a->addr == b->addr;
	for (unsigned n = 0; n <= RHEA_REG_CPSR && same; n++)
		same = guest_reg(&p->tested, n) == guest_reg(&p->wanted, n);
	for (uint32_t off = 0; off < 0x200 && same; off += 4)
		same = guest_word(&p->tested, DATA + off) == guest_word(&p->wanted, DATA + off);
	if (!same)
		fail_msg("%s, RHEA_SEED=%u, step %u: event %d after %llu instructions, pc 0x%x, stop %d at 0x%x; wanted %d, %llu, 0x%x, %d, 0x%x",
			 p->way, p->seed, p->op, (int)a->kind, (unsigned long long)a->insns, guest_reg(&p->tested, PC), (int)a->stop, a->addr,
			 (int)b->kind, (unsigned long long)b->insns, guest_reg(&p->wanted, PC), (int)b->stop, b->addr);
}

static void go_on(struct pair *p)
{
	uint64_t n = below(p, 4) ? 1 + below(p, 60) : 1 + below(p, 4000);
	struct rhea_event a = {0}, b = {0};
	rhea_run(p->tested.m, n, &a);
	rhea_run(p->wanted.m, n, &b);
	p->stops += a.kind == RHEA_EVENT_BREAK;
	assert_same(p, &a, &b);
}

/* The watchers stay till the end of a seed, so some have none but stops: regions run between these. */
static void check_one(struct pair *p, const struct guest_way *way, uint32_t seed)
{
	static const struct rhea_config interp = {.accel = RHEA_ACCEL_INTERP};
	*p = (struct pair){.rng = seed * 2654435761u + 1, .way = way->name, .seed = seed};
	guest_init(&p->tested, &way->cfg);
	guest_init(&p->wanted, &interp);
	p->tested.m->log.out = fopen("/dev/null", "w");
	p->tested.m->log.owns_out = true;
	p->end = put_loop(&p->tested);
	put_loop(&p->wanted);
	guest_step(&p->tested, 5000 + seed);
	guest_step(&p->wanted, 5000 + seed);
	assert_true(p->tested.m->vcpu->stats.regions > 0);
	for (p->op = 0; p->op < OPS; p->op++) {
		if (below(p, 3) == 0)
			toggle_stop(p);
		if (seed % 3 && below(p, 20) == 0)
			toggle_watcher(p);
		if (below(p, 12) == 0)
			clear_stops(p);
		go_on(p);
	}
	assert_true(p->stops > 0);
	guest_free(&p->tested);
	guest_free(&p->wanted);
}

static void who_watches_sees_all(void **state)
{
	static struct pair p;
	const char *only = getenv("RHEA_SEED");
	uint32_t first = only ? (uint32_t)strtoul(only, NULL, 0) : 1, n = only ? 1 : SEEDS;
	(void)state;
	for (unsigned k = 0; k < ARRAY_LEN(ways); k++)
		for (uint32_t seed = first; seed < first + n; seed++)
			check_one(&p, &ways[k], seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_watches_sees_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
