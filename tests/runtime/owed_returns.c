/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that are owed by value where nobody knows what comes next (frontend-arm/owed.h): blocks of 32 bytes with a few instructions that write all flags,
 * some or none, look at them (conditions, carries, MRS, SWI) or may abort; then a call, a return, an indirect jump to any block, a pop that may
 * abort, or a branch. So each kind of block is reached from each kind of exit, with the flags of several blocks before it, under timer interrupts
 * whose handlers log SPSR. A failure means that somebody saw flags that had not been written. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"
#include "tests/runtime/owed_guest.h"

#define CODE 0x10f40u /* half of the blocks lie on the next page */
#define STACK 0x80000u
#define SWI_HANDLER 0x380u
#define BLOCKS 12u
#define BLOCK_BYTES 32u
#define TARGETS 6u /* where blocks that load pc from PTR find code: words behind the one that PTR is stored to */

enum { BASE = 10 }; /* the code; the other registers are owed_guest.h's */
enum code { ARM, THUMB };

#define ONE_OF(x, ...) \
	(((const uint32_t[]){__VA_ARGS__})[agree_below((x), sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))])

static uint32_t block_at(uint32_t *x, uint32_t base)
{
	return base + agree_below(x, BLOCKS) * BLOCK_BYTES;
}

/* ---- ARM ---- */

static uint32_t arm_plain(uint32_t *x)
{
	unsigned d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6);
	return ONE_OF(x, a_add(d, n, agree_below(x, 256)), a_movr(d, m), a_dp(EOR, 0, d, n, m), a_ldr(d, DAT, 0), a_ldr(d, PTR, 0),
		      a_str(d, PTR, 0), a_dp(ORR, 0, d, n, m | 3 << 7), a_sub(d, n, 1));
}

static uint32_t arm_setter(uint32_t *x)
{
	unsigned d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6), k = agree_below(x, 256);
	return ONE_OF(x, a_cmp(n, k), a_dp(CMP, 1, 0, n, m), a_subs(d, n, k), a_dp(ADD, 1, d, n, m), a_dp(CMN, 1, 0, n, m),
		      a_dp(RSB, 1, d, n, m), a_dp(MOV, 1, d, 0, m), a_dp(MOV, 1, d, 0, I_BIT | k), a_dp(TST, 1, 0, n, m),
		      a_dp(AND, 1, d, n, m), a_dp(MOV, 1, d, 0, m | 3 << 7 | 1 << 5), a_dp(EOR, 1, d, n, m));
}

static uint32_t arm_reader(uint32_t *x)
{
	unsigned d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6), cond = agree_below(x, 14);
	return ONE_OF(x, a_if(cond, a_movr(d, m)), a_if(cond, a_ldr(d, PTR, 0)), a_if(cond, a_cmp(n, 3)), a_dp(ADC, 1, d, n, m),
		      a_dp(ADC, 0, d, n, m), a_dp(SBC, 1, d, n, m), a_mrs(d), 0xe128f000u | m /* msr cpsr_f */, 0xef000000u,
		      a_if(cond, 0xef000000u), a_if(cond, a_bx(LR)), a_msr_c(0x53), a_msr_c(0x5f), a_dp(MOV, 1, d, 0, m | 3 << 5));
}

static uint32_t arm_body(uint32_t *x)
{
	uint32_t k = agree_below(x, 12);
	return k < 5 ? arm_plain(x) : k < 10 ? arm_setter(x) : arm_reader(x);
}

static void arm_block(struct guest *g, uint32_t *x, uint32_t base)
{
	uint32_t start = g->at, n = agree_below(x, 6), d = agree_below(x, 6), end = agree_below(x, 8);
	for (uint32_t k = 0; k < n; k++)
		guest_put(g, arm_body(x));
	if (end == 0) {
		guest_put(g, a_dp(AND, 0, LR, d, I_BIT | 0xe0));
		guest_put(g, a_addr(LR, LR, BASE));
		guest_put(g, a_bx(LR));
	} else if (end == 1) {
		guest_put(g, a_if(agree_below(x, 4) ? AL : agree_below(x, 14), a_ldm(PTR, 1u << d | 1u << 15)));
	} else if (end == 2) {
		guest_put(g, agree_below(x, 2) ? a_ldr(15, PTR, 8) : a_dp(MOV, 0, 15, 0, LR));
	} else if (end < 6) {
		guest_put(g, a_bl(g->at, block_at(x, base)));
	} else {
		guest_put(g, a_if(agree_below(x, 3) ? AL : agree_below(x, 14), a_bx(LR)));
	}
	while (g->at < start + BLOCK_BYTES)
		guest_put(g, agree_below(x, 2) ? a_bl(g->at, block_at(x, base)) : a_b(g->at, block_at(x, base)));
}

/* ---- Thumb ---- */

static uint32_t thumb_plain(uint32_t *x)
{
	uint32_t d = agree_below(x, 6), m = agree_below(x, 6);
	return ONE_OF(x, 0x4600u | m << 3 | d /* mov */, 0x4440u | 8 << 3 | d /* add rd, r8 */, 0x6800u | PTR << 3 | d,
		      0x6000u | PTR << 3 | d, 0x6800u | DAT << 3 | d,
		      0x4600u | m << 3 | d, 0x46c0u);
}

static uint32_t thumb_setter(uint32_t *x)
{
	uint32_t d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6), k = agree_below(x, 256);
	return ONE_OF(x, 0x2000u | d << 8 | k, 0x2800u | d << 8 | k, 0x3000u | d << 8 | k, 0x3800u | d << 8 | k, 0x1800u | m << 6 | n << 3 | d,
		      0x1a00u | m << 6 | n << 3 | d, 0x4280u | m << 3 | d, 0x0800u | 3 << 6 | m << 3 | d, 0x4000u | m << 3 | d,
		      0x4040u | m << 3 | d, 0x4340u | m << 3 | d, 0x4200u | m << 3 | d, m << 3 | d /* movs */, 0x42c0u | m << 3 | d);
}

static uint32_t thumb_reader(uint32_t *x)
{
	uint32_t d = agree_below(x, 6), m = agree_below(x, 6);
	return ONE_OF(x, 0x4140u | m << 3 | d /* adcs */, 0x4180u | m << 3 | d /* sbcs */, 0xdf00u, 0xd000u | agree_below(x, 14) << 8 | 1u,
		      0xd000u | agree_below(x, 14) << 8, 0x40c0u | m << 3 | d /* lsrs by register */);
}

static uint32_t thumb_body(uint32_t *x)
{
	uint32_t k = agree_below(x, 12);
	return k < 5 ? thumb_plain(x) : k < 10 ? thumb_setter(x) : thumb_reader(x);
}

struct halves {
	uint16_t at[BLOCK_BYTES / 2];
	uint32_t n;
};

static void put_half(struct halves *h, uint32_t insn)
{
	h->at[h->n++] = (uint16_t)insn;
}

static void thumb_call(struct halves *h, uint32_t from, uint32_t to)
{
	uint32_t off = to - (from + 2 * h->n + 4);
	put_half(h, 0xf000u | (off >> 12 & 0x7ffu));
	put_half(h, 0xf800u | (off >> 1 & 0x7ffu));
}

static void thumb_block(struct guest *g, uint32_t *x, uint32_t base)
{
	struct halves h = {.n = 0};
	uint32_t n = agree_below(x, 9), d = agree_below(x, 6), end = agree_below(x, 8), start = g->at;
	for (uint32_t k = 0; k < n; k++)
		put_half(&h, thumb_body(x));
	if (end == 0) {
		put_half(&h, 0x2000u | d << 8 | agree_below(x, 8) << 5); /* movs */
		put_half(&h, 0x4450u | d);                         /* add rd, r10 */
		put_half(&h, 0x4700u | d << 3);
	} else if (end < 3) {
		uint32_t two = 1u << d | 1u << agree_below(x, 6);
		put_half(&h, 0xb500u | two); /* push, and pop of another register */
		put_half(&h, thumb_setter(x));
		put_half(&h, 0xb000u | (two & (two - 1) ? 1u : 0u)); /* add sp */
		put_half(&h, 0xbd00u | 1u << agree_below(x, 6));
	} else if (end < 6) {
		thumb_call(&h, start, block_at(x, base));
	} else {
		put_half(&h, agree_below(x, 3) ? 0x4770u : 0x46f7u); /* bx lr, mov pc, lr */
	}
	while (h.n + 2 <= ARRAY_LEN(h.at))
		thumb_call(&h, start, block_at(x, base));
	while (h.n < ARRAY_LEN(h.at))
		put_half(&h, 0x4770u);
	for (uint32_t k = 0; k < h.n; k += 2)
		guest_put(g, h.at[k] | (uint32_t)h.at[k + 1] << 16);
}

static void put_handlers(struct guest *g)
{
	owed_put_handlers(g);
	guest_vector(g, 0x08, SWI_HANDLER);
	guest_org(g, SWI_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, IO, IO_LOG));
	guest_put(g, 0xe1b0f00eu); /* movs pc, lr */
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	uint32_t x = seed * 2654435761u + 1;
	bool thumb = kind == THUMB;
	put_handlers(g);
	guest_org(g, CODE);
	for (unsigned k = 0; k < BLOCKS; k++)
		(thumb ? thumb_block : arm_block)(g, &x, CODE);
	guest_org(g, OWED_DATA + 68);
	for (unsigned k = 0; k < TARGETS; k++)
		guest_put(g, (CODE + agree_below(&x, BLOCKS) * BLOCK_BYTES) | thumb);
	owed_put_registers(g, &x, seed);
	guest_li(g, BASE, CODE | thumb);
	guest_put(g, a_msr_c(0x5f));
	guest_li(g, SP, STACK);
	guest_put(g, a_movr(LR, BASE));
	guest_put(g, a_bx(BASE));
}

static void check(enum code code)
{
	agree_check(&(struct agree){.put = put_guest, .kind = code, .count = 40, .steps = 5000, .piece = {1000000, 61, 3}});
}

static void flags_are_there_behind_arm_returns(void **state)
{
	(void)state;
	check(ARM);
}

static void flags_are_there_behind_thumb_returns(void **state)
{
	(void)state;
	check(THUMB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_there_behind_arm_returns),
		cmocka_unit_test(flags_are_there_behind_thumb_returns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
