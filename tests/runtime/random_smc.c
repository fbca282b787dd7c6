/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random code that rewrites itself, across three pages and their aliases, with the MMU on, under random interrupts and TLB
 * flushes: every way to run must end in the same registers and memory (icount makes interrupts exact). A failure means
 * that code, a link or a translation outlived what it was made from. RHEA_SEED=n replays one, RHEA_COUNT=n runs more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define PAGES 3u
#define REGION 0x10000u             /* the code, identity-mapped ... */
#define ALIAS 0x100000u             /* ... and seen here as well */
#define WORDS (PAGES * 1024u)
#define TAIL 64u                    /* words at the end that are never overwritten: they lead back to the start */
#define DATA 0x20000u
#define TABLE_WORDS 128u            /* words to overwrite code with, at the end of the page of DATA */
#define IRQ_HANDLER 0x200u
#define STEPS 12000u

/* Registers: r0 to r5 values, r6 a word of the table, r7 to r9 the pages of the region (by either address), r10 data and
 * table, r11 the device. */
enum { WORD = 6, PAGE = 7, TAB = 10, IO = 11 };

static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static uint32_t below(uint32_t *x, uint32_t n)
{
	return (next_random(x) >> 7) % n;
}

static uint32_t random_store_to_code(uint32_t *x)
{
	uint32_t at = below(x, WORDS - TAIL), page = at / 1024;
	int32_t off = (int32_t)(at % 1024 * 4);
	switch (below(x, 8)) {
	case 0: /* one byte: the condition and a bit of the opcode stay as they are */
		return a_strb(WORD, PAGE + page, off);
	case 1:
		return a_if(NE, a_str(WORD, PAGE + page, off));
	default:
		return a_str(WORD, PAGE + page, off);
	}
}

/* An instruction that may stand anywhere but in the tail: no jump goes further than TAIL words ahead. */
static uint32_t random_insn(uint32_t *x)
{
	unsigned d = below(x, 6), n = below(x, 6), m = below(x, 6);
	uint32_t cond = below(x, 4) ? AL : below(x, 14);
	switch (below(x, 16)) {
	case 0: case 1: case 2:
		return a_if(cond, a_dp(below(x, 2) ? ADD : EOR, below(x, 2), d, n, m | below(x, 32) << 7));
	case 3: case 4:
		return a_if(cond, a_add(d, n, below(x, 256)));
	case 5:
		return a_if(cond, a_str(d, TAB, (int32_t)below(x, 256) * 4));
	case 6:
		return a_if(cond, a_ldr(d, TAB, (int32_t)below(x, 256) * 4));
	case 7: case 8: case 9:
		return a_ldr(WORD, TAB, 4092 - (int32_t)below(x, TABLE_WORDS) * 4);
	case 10: case 11:
		return random_store_to_code(x);
	case 12: case 13:
		return a_bcond(below(x, 15), 0, 8 + 4 * below(x, TAIL - 4));
	case 14:
		return a_dp(SUB, 1, d, n, I_BIT | a_imm(below(x, 64)));
	default:
		switch (below(x, 12)) {
		case 0:
			return a_tlb_flush(d);
		case 1:
			return a_tlb_flush_mva(PAGE + below(x, PAGES));
		case 2:
			return a_str(d, IO, IO_IRQ);
		case 3:
			return a_ldr(d, IO, IO_NOW);
		case 4:
			return a_ldr(d, PAGE + below(x, PAGES), (int32_t)below(x, 1024) * 4);
		default:
			return A32_NOP;
		}
	}
}

/* What a byte that was overwritten can lead to: exceptions go on behind the instruction, or at the start. */
static void put_handlers(struct guest *g)
{
	static const struct {
		uint32_t vector, insn;
	} rows[] = {
		{0x04, 0xe1b0f00eu}, /* undefined: movs pc, lr */
		{0x08, 0xe1b0f00eu}, /* swi */
		{0x0c, 0xe1b0f00cu}, /* prefetch abort: movs pc, r12 */
		{0x10, A32_IRQ_RETURN}, /* data abort: subs pc, lr, #4 */
		{0x1c, A32_IRQ_RETURN},
	};
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		guest_set_word(g, rows[i].vector, rows[i].insn);
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, a_str(LR, IO, IO_ACK));
	guest_put(g, a_eor(0, 0, 0xa5));
	guest_put(g, A32_IRQ_RETURN);
}

static void put_guest(struct guest *g, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;
	put_handlers(g);
	guest_mmu_on(g);
	guest_map_table(g, ALIAS, 0, false);
	for (uint32_t p = 0; p < PAGES; p++)
		guest_set_word(g, guest_pte(ALIAS + p * PAGE_SIZE, 0, false),
			       guest_small(REGION + p * PAGE_SIZE, AP_USER, AP_USER, AP_USER, AP_USER));
	/* the table lies at the end of the first 4 KiB behind r10, the data at the start */
	for (uint32_t i = 0; i < TABLE_WORDS; i++)
		guest_set_word(g, DATA + 4092 - 4 * i, random_insn(&x));
	guest_org(g, REGION);
	for (uint32_t i = 0; i < WORDS - TAIL; i++)
		guest_put(g, random_insn(&x));
	while (g->at < REGION + WORDS * 4 - 8)
		guest_put(g, A32_NOP);
	/* back to the start, by turns directly and through the alias (r12 = where to, r14 = the two xored) */
	guest_put(g, a_dp(EOR, 0, 12, 12, 14));
	guest_put(g, a_bx(12));
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (uint32_t p = 0; p < PAGES; p++)
		guest_li(g, PAGE + p, (below(&x, 2) ? REGION : ALIAS) + p * PAGE_SIZE);
	guest_li(g, TAB, DATA);
	guest_put(g, a_mov(IO, GUEST_IO));
	guest_li(g, WORD, A32_NOP);
	guest_li(g, 12, REGION);
	guest_li(g, 14, REGION ^ ALIAS);
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_bx(12));
}

struct outcome {
	uint32_t reg[17], n_log;
	uint64_t ns, log_hash, memory_hash;
};

static struct outcome outcome_of(const struct guest *g)
{
	static uint8_t bytes[0x22000];
	struct outcome o;
	memset(&o, 0, sizeof o);
	for (unsigned i = 0; i < 17; i++)
		o.reg[i] = guest_reg(g, i);
	o.n_log = g->n_log;
	o.ns = rhea_virtual_ns(g->m);
	for (uint32_t i = 0; i < g->n_log; i++)
		o.log_hash = (o.log_hash ^ g->log[i]) * UINT64_C(0x100000001b3);
	assert_int_equal(rhea_read_phys(g->m, 0, bytes, sizeof bytes), RHEA_OK);
	for (size_t i = 0; i < sizeof bytes; i++)
		o.memory_hash = (o.memory_hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return o;
}

/* Compares the ways; with `at_most` instructions. */
static bool agree(uint32_t seed, uint64_t steps, bool report)
{
	static const uint64_t pieces[] = {1000000, 13};
	struct outcome want = {{0}, 0, 0, 0, 0};
	bool first = true;
	EACH_WAY(way)
		for (unsigned p = 0; p < ARRAY_LEN(pieces); p++) {
			struct guest g;
			struct rhea_config cfg = way->cfg;
			struct rhea_event ev;
			cfg.icount = cfg.icount_no_sleep = true;
			guest_init(&g, &cfg);
			put_guest(&g, seed);
			for (uint64_t done = 0; done < steps; done += ev.insns) {
				rhea_run(g.m, MIN(pieces[p], steps - done), &ev);
				if (ev.kind == RHEA_EVENT_MISMATCH || ev.kind == RHEA_EVENT_HALTED)
					break; /* a wait without end is an outcome like any other */
			}
			struct outcome got = outcome_of(&g);
			guest_free(&g);
			if (first)
				want = got;
			first = false;
			if (memcmp(&got, &want, sizeof got) == 0)
				continue;
			if (report)
				print_message("%s, pieces of %llu, %llu instructions: pc 0x%08x, should be 0x%08x\n", way->name,
					      (unsigned long long)pieces[p], (unsigned long long)steps, got.reg[15], want.reg[15]);
			return false;
		}
	return true;
}

static void every_way_agrees(void **state)
{
	const char *seed = getenv("RHEA_SEED"), *count = getenv("RHEA_COUNT");
	uint32_t from = seed ? (uint32_t)strtoul(seed, NULL, 0) : 1;
	uint32_t n = seed ? 1 : count ? (uint32_t)strtoul(count, NULL, 0) : 40;
	(void)state;
	for (uint32_t s = from; s < from + n; s++) {
		if (agree(s, STEPS, false))
			continue;
		uint64_t good = 0, bad = STEPS;
		while (bad - good > 1) {
			uint64_t mid = (good + bad) / 2;
			if (agree(s, mid, false))
				good = mid;
			else
				bad = mid;
		}
		agree(s, bad, true);
		fail_msg("RHEA_SEED=%u differs after %llu instructions", s, (unsigned long long)bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_way_agrees)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
