/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions that lie on several pages and follow calls (decision 012): random functions on up to six pages, called from loops, with all that code may do
 * to a call: return early, on a condition, by any instruction, to somewhere else; jump to another function; call itself; rewrite its own code, the
 * caller's or another function's; abort inside. Timer interrupts and aborts log where they came from, and the runs are stopped every few instructions:
 * every way to run must show the same each time. A failure means that a call or a return that was not made left something behind, or that code
 * on another page was run after it had changed. RHEA_SEED=n replays one program, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/call_programs.h"

#define DATA 0x20000u
#define STACK 0x30000u
#define STACK_WORDS 0x2000u
#define IRQ_HANDLER 0x200u
#define ABORT_HANDLER 0x300u
#define LOST_HANDLER 0x380u
#define OTHERS 0x40000u /* the code pages have copies so much higher up, where some instructions are others */
#define STEPS 4000u

static void log_origin(struct guest *g)
{
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, IO, IO_LOG));
	guest_put(g, 0xe8cb2000u); /* stmia r11, {sp}^ */
	guest_put(g, 0xe8cb4000u); /* stmia r11, {lr}^ */
}

/* Sometimes another instruction is stored to a site. */
static void put_rewriting(struct guest *g, bool thumb)
{
	guest_put(g, a_dp(TST, 1, 0, 12, I_BIT | 0x80));
	uint32_t over = guest_put(g, 0);
	guest_put(g, a_dp(AND, 0, 0, 12, I_BIT | 0x78)); /* the last row is the stack's */
	guest_put(g, a_addr(0, 0, TABLE));
	guest_put(g, a_ldr(1, 0, 4));
	guest_put(g, a_ldr(0, 0, 0));
	guest_put(g, thumb ? 0xe1c010b0u : a_str(1, 0, 0));
	guest_set_word(g, over, a_bcond(NE, over, g->at));
}

/* Sometimes one of the code pages is mapped to its copy, or no longer. The page whose translation is forgotten is that of the entry which was written,
 * wherever somebody who got lost came in: what is not forgotten may be seen or not, and differs. */
static void put_remapping(struct guest *g)
{
	guest_put(g, a_dp(TST, 1, 0, 12, I_BIT | 0x20));
	uint32_t over = guest_put(g, 0);
	guest_put(g, a_dp(AND, 0, 0, 12, I_BIT | 15));
	guest_li(g, 1, guest_pte(CODE, 0, false));
	guest_put(g, a_dp(ADD, 0, 1, 1, 0 | 2 << 7));
	guest_put(g, a_ldr(0, 1, 0));
	guest_put(g, a_eor(0, 0, OTHERS));
	guest_put(g, a_str(0, 1, 0));
	guest_li(g, 0, guest_pte(CODE, 0, false));
	guest_put(g, a_dp(SUB, 0, 0, 1, 0));
	guest_put(g, a_dp(MOV, 0, 0, 0, 0 | 10 << 7));
	guest_put(g, a_add(0, 0, CODE));
	guest_put(g, a_dp(TST, 1, 0, 12, I_BIT | 0x40));
	guest_put(g, a_if(EQ, a_tlb_flush(0)));
	guest_put(g, a_if(NE, a_tlb_flush_mva(0)));
	guest_set_word(g, over, a_bcond(NE, over, g->at));
}

static void put_irq_handler(struct guest *g, const struct program *p, bool often, bool remaps)
{
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	log_origin(g);
	guest_put(g, a_str(SP, IO, IO_ACK));
	guest_put(g, a_eor(0, 0, 0xa5));
	guest_put(g, a_movr(PTR, BAD));
	guest_put(g, a_dp(ADD, 0, 12, 12, 12 | 2 << 7)); /* the next one comes after 5 to 68 instructions, or up to 1000 */
	guest_put(g, a_add(12, 12, 1));
	guest_put(g, a_dp(AND, 0, SP, 12, I_BIT | a_imm(often ? 63 : 0x3f0)));
	guest_put(g, a_add(SP, SP, 15));
	guest_put(g, a_str(SP, IO, IO_TIMER));
	guest_put(g, a_str(0, TABLE, 0x280));
	guest_put(g, a_str(1, TABLE, 0x284));
	if (p->rewrites)
		put_rewriting(g, p->thumb);
	if (remaps)
		put_remapping(g);
	guest_put(g, a_ldr(0, TABLE, 0x280));
	guest_put(g, a_ldr(1, TABLE, 0x284));
	guest_put(g, A32_IRQ_RETURN);
}

/* Once more, now that it can be done, or behind it, now and then without that being so. */
static void put_abort_handler(struct guest *g)
{
	guest_vector(g, 0x10, ABORT_HANDLER);
	guest_org(g, ABORT_HANDLER);
	log_origin(g);
	guest_put(g, a_dp(EOR, 0, 1, 1, 12));
	guest_put(g, a_dp(TST, 1, 0, 12, I_BIT | 8));
	guest_put(g, a_bcond(NE, g->at, g->at + 4 * 4));
	guest_put(g, a_movr(PTR, GOOD));
	guest_put(g, a_dp(TST, 1, 0, 12, I_BIT | 4));
	guest_put(g, a_if(NE, 0xe25ef008u)); /* subs pc, lr, #8 */
	guest_put(g, 0xe31d0020u);           /* tst sp, #T */
	guest_put(g, a_if(NE, a_sub(LR, LR, 2)));
	guest_put(g, A32_IRQ_RETURN);
}

/* No code, or no such instruction: it starts again. */
static void put_lost_handler(struct guest *g)
{
	guest_set_word(g, 0, a_bx(AGAIN));
	guest_vector(g, 0x04, LOST_HANDLER);
	guest_vector(g, 0x08, LOST_HANDLER);
	guest_vector(g, 0x0c, LOST_HANDLER);
	guest_org(g, LOST_HANDLER);
	log_origin(g);
	guest_put(g, a_bic(SP, SP, 0x20));
	guest_put(g, a_dp(TST, 1, 0, AGAIN, I_BIT | 1));
	guest_put(g, a_if(NE, a_orr(SP, SP, 0x20)));
	guest_put(g, 0xe16ff00du); /* msr spsr, sp */
	guest_put(g, a_bic(LR, AGAIN, 1));
	guest_put(g, 0xe1b0f00eu); /* movs pc, lr */
}

static void put_data(struct guest *g, struct program *p)
{
	uint32_t stack[STACK_WORDS];
	for (uint32_t k = 0; k < SITES; k++) {
		guest_set_word(g, DATA + 8 * k, p->n_places ? program_site(p) : DATA + 0x300);
		guest_set_word(g, DATA + 8 * k + 4, program_substitute(p));
	}
	guest_set_word(g, DATA + SP_AT, STACK + 2 * STACK_WORDS);
	guest_set_word(g, DATA + SP_AT + 4, program_somewhere(p));
	for (uint32_t k = 0; k < STACK_WORDS; k++)
		stack[k] = program_somewhere(p);
	assert_int_equal(rhea_write_phys(g->m, STACK, stack, sizeof stack), RHEA_OK);
}

static void put_start(struct guest *g, struct program *p, uint32_t seed)
{
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (unsigned n = 0; n < 6; n++)
		guest_li(g, n, agree_below(&p->rng, 3) ? agree_below(&p->rng, 8) - 4 : 0x7ffffffeu + agree_below(&p->rng, 4));
	guest_li(g, 4, DATA + 0x300);
	guest_li(g, TABLE, DATA);
	guest_li(g, PTR, DATA + 0x200);
	guest_li(g, GOOD, DATA + 0x200);
	guest_li(g, BAD, GUEST_IO + IO_BAD);
	guest_put(g, a_mov(IO, GUEST_IO));
	guest_li(g, 12, seed);
	guest_li(g, AGAIN, CODE | p->thumb);
	guest_li(g, SP, STACK + 2 * STACK_WORDS);
	guest_put(g, a_mov(LR, 100));
	guest_put(g, a_str(LR, IO, IO_TIMER));
	guest_put(g, a_movr(LR, AGAIN));
	guest_put(g, a_msr_c(0x5f)); /* system mode: handlers see sp and lr */
	guest_put(g, a_bx(AGAIN));
}

static void map_pages(struct guest *g)
{
	guest_mmu_on(g);
	guest_map_table(g, 0, 0, false);
	for (uint32_t pa = 0; pa < 1u << 20; pa += 0x1000)
		guest_set_word(g, guest_pte(pa, 0, false), guest_small(pa - (pa - CODE < 2 * ALIAS ? pa & ALIAS : 0), AP_USER, AP_USER, AP_USER, AP_USER));
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	struct program p;
	program_make(&p, seed, kind);
	put_irq_handler(g, &p, seed & 8, kind & MMU);
	put_abort_handler(g);
	put_lost_handler(g);
	assert_int_equal(rhea_write_phys(g->m, CODE, p.code, sizeof p.code), RHEA_OK);
	program_vary(&p);
	assert_int_equal(rhea_write_phys(g->m, CODE + OTHERS, p.code, sizeof p.code), RHEA_OK);
	if (kind & MMU)
		map_pages(g);
	put_data(g, &p);
	put_start(g, &p, seed);
}

static void check(unsigned kind)
{
	agree_check(&(struct agree){.put = put_guest, .kind = kind, .count = kind & WILD ? 20 : 50, .steps = STEPS, .piece = {331, 61, 7}, .regions = true});
}

static void arm_functions_call_each_other(void **state)
{
	(void)state;
	check(NESTED);
}

static void thumb_functions_call_each_other(void **state)
{
	(void)state;
	check(NESTED | THUMB);
}

static void arm_functions_that_call_are_remapped(void **state)
{
	(void)state;
	check(NESTED | MMU);
}

static void thumb_functions_that_call_are_remapped(void **state)
{
	(void)state;
	check(NESTED | MMU | THUMB);
}

static void functions_of_arm_code_are_called(void **state)
{
	(void)state;
	check(0);
}

static void functions_of_thumb_code_are_called(void **state)
{
	(void)state;
	check(THUMB);
}

static void arm_code_calls_anything(void **state)
{
	(void)state;
	check(WILD);
}

static void thumb_code_calls_anything(void **state)
{
	(void)state;
	check(WILD | THUMB);
}

static void arm_functions_are_remapped(void **state)
{
	(void)state;
	check(MMU);
}

static void thumb_functions_are_remapped(void **state)
{
	(void)state;
	check(MMU | THUMB);
}

static void any_arm_code_is_remapped(void **state)
{
	(void)state;
	check(MMU | WILD);
}

static void any_thumb_code_is_remapped(void **state)
{
	(void)state;
	check(MMU | WILD | THUMB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_arm_code_are_called),
		cmocka_unit_test(functions_of_thumb_code_are_called),
		cmocka_unit_test(arm_code_calls_anything),
		cmocka_unit_test(thumb_code_calls_anything),
		cmocka_unit_test(arm_functions_are_remapped),
		cmocka_unit_test(thumb_functions_are_remapped),
		cmocka_unit_test(any_arm_code_is_remapped),
		cmocka_unit_test(any_thumb_code_is_remapped),
		cmocka_unit_test(arm_functions_call_each_other),
		cmocka_unit_test(thumb_functions_call_each_other),
		cmocka_unit_test(arm_functions_that_call_are_remapped),
		cmocka_unit_test(thumb_functions_that_call_are_remapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
