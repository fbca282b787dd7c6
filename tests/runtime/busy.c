/* SPDX-License-Identifier: Apache-2.0 */
/* See busy.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/busy.h"

#define CODE 0x1000u
#define IRQ_HANDLER 0x200u

struct busy_state busy_state(const struct guest *g)
{
	struct busy_state s;
	memset(&s, 0, sizeof s);
	for (unsigned i = 0; i < 18; i++)
		s.reg[i] = guest_reg(g, i);
	s.insns = rhea_insn_count(g->m);
	s.ns = rhea_virtual_ns(g->m);
	s.n_log = g->n_log;
	s.fired = g->fired;
	for (uint32_t i = 0; i < g->n_log; i++)
		s.log_hash = (s.log_hash ^ g->log[i]) * UINT64_C(0x100000001b3);
	return s;
}

void busy_assert_same(const struct busy_state *a, const struct busy_state *b)
{
	for (unsigned i = 0; i < 18; i++)
		if (a->reg[i] != b->reg[i])
			fail_msg("register %u is 0x%08x, should be 0x%08x, after %llu instructions", i, a->reg[i], b->reg[i],
				 (unsigned long long)a->insns);
	assert_int_equal(a->insns, b->insns);
	assert_int_equal(a->ns, b->ns);
	assert_int_equal(a->fired, b->fired);
	assert_int_equal(a->n_log, b->n_log);
	assert_true(a->log_hash == b->log_hash);
}

/* Sums where it came from and when into r8; re-arms the timer with a delay made of r5. */
static void put_handler(struct guest *g)
{
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	guest_put(g, a_stm(SP, 1u << 0 | 1u << 1));
	guest_put(g, a_str(LR, 11, IO_LOG));
	guest_put(g, a_ldr(0, 11, IO_NOW));
	guest_put(g, a_addr(8, 8, 0));
	guest_put(g, a_addr(8, 8, LR));
	guest_put(g, a_str(0, 11, IO_ACK));
	guest_put(g, a_dp(AND, 0, 1, 5, I_BIT | a_imm(0xff)));
	guest_put(g, a_add(1, 1, 3));
	guest_put(g, a_str(1, 11, IO_TIMER));
	guest_put(g, a_ldm(SP, 1u << 0 | 1u << 1));
	guest_put(g, A32_IRQ_RETURN);
}

/*
 * For ever: a generator step (r5), arithmetic, a call, a look at the clock, now and then the line raised by a store or a load
 * in the middle of a block, a software timer of a few instructions, interrupts masked for a while, WFI.
 */
void busy_put(struct guest *g)
{
	put_handler(g);
	guest_org(g, 0x2000);
	guest_put(g, a_dp(EOR, 0, 7, 7, 5));
	guest_put(g, a_add(7, 7, 1));
	guest_put(g, A32_BX_LR);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_put(g, a_msr_c(0xd2));
	guest_put(g, a_mov(SP, 0x8000));
	guest_put(g, a_msr_c(0xd3));
	guest_put(g, a_mov(11, GUEST_IO));
	guest_li(g, 5, 12345);
	guest_li(g, 10, 1664525);
	guest_put(g, a_mov(1, 50));
	guest_put(g, a_str(1, 11, IO_TIMER));
	guest_put(g, a_msr_c(0x53));
	uint32_t loop = guest_put(g, a_mul(5, 5, 10));
	guest_put(g, a_add(5, 5, 0x3f00));
	guest_put(g, a_add(5, 5, 0x5d));
	guest_put(g, a_bl(g->at, 0x2000));
	guest_put(g, a_dp(TST, 1, 0, 5, I_BIT | a_imm(0x70000)));
	guest_put(g, a_if(EQ, a_str(5, 11, IO_IRQ)));
	guest_put(g, a_add(9, 9, 1));
	guest_put(g, a_if(EQ, a_add(9, 9, 2)));
	guest_put(g, a_dp(TST, 1, 0, 5, I_BIT | a_imm(0x380000)));
	guest_put(g, a_if(EQ, a_ldr(2, 11, IO_IRQ1)));
	guest_put(g, a_add(9, 9, 1));
	guest_put(g, a_ldr(3, 11, IO_NOW));
	guest_put(g, a_dp(ADD, 0, 6, 3, 6u | 1u << 7)); /* r6 = r3 + r6 * 2 */
	guest_put(g, a_dp(TST, 1, 0, 5, I_BIT | a_imm(0xf000000)));
	guest_put(g, a_if(EQ, a_mov(1, 7)));
	guest_put(g, a_if(EQ, a_str(1, 11, IO_TIMER)));
	for (unsigned i = 0; i < 12; i++)
		guest_put(g, a_add(9, 9, 1));
	guest_put(g, a_dp(TST, 1, 0, 5, I_BIT | a_imm(0x3c000000)));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, a_msr_c(0xd3)); /* a masked stretch */
	guest_put(g, a_str(5, 11, IO_IRQ));
	guest_put(g, a_add(9, 9, 5));
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_mov(1, 200));
	guest_put(g, a_str(1, 11, IO_TIMER));
	guest_put(g, a_wfi(1));
	guest_put(g, a_b(g->at, loop));
}
