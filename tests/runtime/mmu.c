/* SPDX-License-Identifier: Apache-2.0 */
/* Translated code and the TLB under changing translations (DDI 0198E chapter 3). A failure means that a block or an
 * addend outlived its mapping, or is reached with rights it was not made for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define LIMIT 2000000u
#define WINDOW 0x100000u /* the MiB of the second-level table number 0 */

enum how { BY_CALL, BY_JUMP, BY_REGISTER, BY_FALLING, HOWS };

static void start(struct guest *g, const struct guest_way *way)
{
	guest_init(g, &way->cfg);
	guest_mmu_on(g);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
}

static uint32_t all(uint32_t pa)
{
	return guest_small(pa, AP_USER, AP_USER, AP_USER, AP_USER);
}

static void map_small(struct guest *g, uint32_t va, uint32_t desc)
{
	guest_set_word(g, guest_pte(va, 0, false), desc);
}

/* Physical page: r4 += n; return by lr. */
static void put_page(struct guest *g, uint32_t pa, uint32_t n)
{
	guest_org(g, pa);
	guest_put(g, a_add(4, 4, n));
	guest_put(g, A32_BX_LR);
}

/* At `from` (physical; its virtual address is va): leads to virtual `to` in one of the ways. */
static void put_way_to(struct guest *g, enum how how, uint32_t pa, uint32_t va, uint32_t to)
{
	guest_org(g, how == BY_FALLING ? pa + PAGE_SIZE - 12 : pa);
	uint32_t delta = va - pa;
	guest_put(g, a_add(5, 5, 1));
	switch (how) {
	case BY_CALL: /* lr is kept in r6 */
		guest_put(g, a_movr(6, LR));
		guest_put(g, a_bl(g->at + delta, to));
		guest_put(g, a_bx(6));
		break;
	case BY_JUMP:
		guest_put(g, a_b(g->at + delta, to));
		break;
	case BY_REGISTER:
		guest_put(g, a_bx(8));
		break;
	case BY_FALLING:
		guest_put(g, A32_NOP);
		guest_put(g, A32_NOP);
		break;
	case HOWS:
		break;
	}
}

/*
 * Loop: 20 times from page A (0x100000) to page B (0x101000), then B is mapped elsewhere by the guest and its translation
 * dropped, all or by address; 20 times more; then back again. r10: descriptor, r9: where.
 */
static void remapped_target(const struct guest_way *way, enum how how, bool by_address)
{
	const uint32_t pages[] = {0x20000, 0x21000, 0x20000};
	const uint32_t from = WINDOW, to = WINDOW + PAGE_SIZE;
	struct guest g;
	start(&g, way);
	guest_map_table(&g, WINDOW, 0, false);
	map_small(&g, from, all(0x30000));
	map_small(&g, to, all(pages[0]));
	put_page(&g, pages[0], 1);
	put_page(&g, pages[1], 100);
	put_way_to(&g, how, 0x30000, from, to);
	guest_org(&g, CODE);
	guest_li(&g, 8, to);
	guest_li(&g, 9, guest_pte(to, 0, false));
	guest_li(&g, 7, how == BY_FALLING ? to - 12 : from);
	for (unsigned i = 0; i < 3; i++) {
		guest_li(&g, 10, all(pages[i]));
		guest_put(&g, a_str(10, 9, 0));
		guest_put(&g, a_mov(0, 0));
		guest_put(&g, by_address ? a_tlb_flush_mva(8) : a_tlb_flush(0));
		guest_put(&g, a_mov(1, 20));
		uint32_t loop = g.at;
		guest_put(&g, a_movr(LR, PC));
		guest_put(&g, a_movr(PC, 7));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
	}
	guest_stop(&g);
	guest_run(&g, LIMIT);
	assert_int_equal(guest_reg(&g, 4), 20 + 2000 + 20);
	assert_int_equal(guest_reg(&g, 5), 60);
	guest_free(&g);
}

static void target_page_is_remapped(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (enum how how = 0; how < HOWS; how++)
			for (unsigned by_address = 0; by_address < 2; by_address++) {
				print_message("%s, way %d, %s\n", way->name, (int)how, by_address ? "by address" : "all");
				remapped_target(way, how, by_address);
			}
}

/* The same from outside: the host changes the tables between two runs and the guest flushes first thing. */
static void remapped_between_two_runs(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_map_table(&g, WINDOW, 0, false);
		put_page(&g, 0x20000, 1);
		put_page(&g, 0x21000, 100);
		map_small(&g, WINDOW, all(0x20000));
		guest_org(&g, CODE);
		guest_put(&g, a_tlb_flush(0));
		guest_put(&g, a_mov(1, 30));
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, WINDOW));
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		for (unsigned run = 0; run < 4; run++) {
			map_small(&g, WINDOW, all(run & 1 ? 0x21000 : 0x20000));
			guest_set_pc(&g, CODE);
			guest_run(&g, LIMIT);
		}
		assert_int_equal(guest_reg(&g, 4), 2 * 30 + 2 * 3000);
		guest_free(&g);
	}
}

/* ---- data ---------------------------------------------------------------------------------------- */

/* Reads and writes through 0x100000 after each remapping; the neighbour page keeps its translation throughout. */
static void data_follows_the_flush_by_address(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_map_table(&g, WINDOW, 0, false);
		map_small(&g, WINDOW, all(0x20000));
		map_small(&g, WINDOW + PAGE_SIZE, all(0x22000));
		guest_org(&g, CODE);
		guest_li(&g, 8, WINDOW);
		guest_put(&g, a_add(6, 8, PAGE_SIZE));
		guest_li(&g, 9, guest_pte(WINDOW, 0, false));
		for (uint32_t i = 0; i < 4; i++) {
			guest_li(&g, 10, all(i & 1 ? 0x21000 : 0x20000));
			guest_put(&g, a_str(10, 9, 0));
			guest_put(&g, a_tlb_flush_mva(8));
			guest_put(&g, a_ldr(2, 8, 0));
			guest_put(&g, a_add(2, 2, 1 + i));
			guest_put(&g, a_str(2, 8, 0));
			guest_put(&g, a_ldr(2, 6, 4));
			guest_put(&g, a_add(2, 2, 1));
			guest_put(&g, a_str(2, 6, 4));
		}
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_word(&g, 0x20000), 1 + 3);
		assert_int_equal(guest_word(&g, 0x21000), 2 + 4);
		assert_int_equal(guest_word(&g, 0x22004), 4);
		guest_free(&g);
	}
}

/* A section is dropped by any address in it (DDI 0198E 2.3.8), also after its pages were touched one by one. */
static void section_goes_by_any_address(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_org(&g, CODE);
		guest_li(&g, 8, 0x200000);
		guest_put(&g, a_ldr(2, 8, 0x10));
		guest_put(&g, a_add(7, 8, 0x5000));
		guest_put(&g, a_ldr(3, 7, 0x10));
		guest_li(&g, 9, GUEST_L1 + 4 * 2);
		guest_li(&g, 10, 0x100000 | AP_USER << 10 | 0x12);
		guest_put(&g, a_str(10, 9, 0));
		guest_put(&g, a_add(6, 8, 0xab000));
		guest_put(&g, a_tlb_flush_mva(6));
		guest_put(&g, a_ldr(4, 8, 0x10));
		guest_put(&g, a_ldr(5, 7, 0x10));
		guest_stop(&g);
		guest_set_word(&g, 0x200010, 1);
		guest_set_word(&g, 0x205010, 2);
		guest_set_word(&g, 0x100010, 3);
		guest_set_word(&g, 0x105010, 4);
		guest_run(&g, LIMIT);
		for (unsigned n = 0; n < 4; n++)
			assert_int_equal(guest_reg(&g, 2 + n), n + 1);
		guest_free(&g);
	}
}

/* ---- rights -------------------------------------------------------------------------------------- */

/* Handlers at 0x200: undefined, SWI and aborts append vector << 24 | status to the log and leave by `next` in r12. */
static void put_handlers(struct guest *g)
{
	static const uint32_t vectors[] = {0x04, 0x08, 0x0c, 0x10};
	for (unsigned i = 0; i < ARRAY_LEN(vectors); i++) {
		guest_vector(g, vectors[i], 0x200 + 0x20 * i);
		guest_org(g, 0x200 + 0x20 * i);
		guest_put(g, a_mrc(10, 5, 0, vectors[i] == 0x10 ? 0 : 1)); /* DFSR, or IFSR */
		guest_put(g, a_bic(10, 10, 0xf0)); /* the domain is 0 anyway, older faults' are not of interest */
		guest_put(g, a_orr(10, 10, vectors[i] << 24));
		guest_put(g, a_mov(11, GUEST_IO));
		guest_put(g, a_str(10, 11, IO_LOG));
		guest_put(g, a_dp(MOV, 1, PC, 0, 12)); /* movs pc, r12: back to the mode of before */
	}
}

#define LOGGED(vector, status) ((vector) << 24 | (status))
#define PERMISSION_PAGE 0xfu
#define TRANSLATION_PAGE 0x7u

/* A page that only privileged code reads: the same instructions, in the same block, in both modes, warm tables. */
static void user_does_not_see_privileged_data(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_handlers(&g);
		guest_map_table(&g, WINDOW, 0, false);
		map_small(&g, WINDOW, guest_small(0x20000, AP_PRIV, AP_PRIV, AP_PRIV, AP_PRIV));
		guest_set_word(&g, 0x20000, 77);
		guest_org(&g, 0x2000); /* r3 = [r8], r12 = where an abort goes on, then lr */
		guest_put(&g, a_ldr(3, 8, 0));
		guest_put(&g, a_str(3, 8, 4));
		guest_put(&g, a_add(5, 5, 1));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_li(&g, 8, WINDOW);
		guest_put(&g, a_mov(1, 10));
		guest_put(&g, a_mov(5, 0));
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, 0x2000));   /* privileged: may */
		guest_put(&g, a_mov(3, 0));
		guest_put(&g, a_add(12, PC, 8));     /* ldrt: user's rights from a privileged mode */
		guest_put(&g, a_ldrt(3, 8));
		guest_put(&g, A32_UNDEF);            /* not reached */
		guest_put(&g, A32_NOP);
		guest_put(&g, a_msr_c(0x10));
		guest_put(&g, a_add(12, PC, 8));
		guest_put(&g, a_bl(g.at, 0x2000));   /* user: may not */
		guest_put(&g, A32_UNDEF);
		guest_put(&g, A32_NOP);
		guest_put(&g, a_add(12, PC, 4));     /* back to SVC: the handler of SWI returns where r12 says ... */
		guest_put(&g, A32_SWI);
		guest_put(&g, A32_NOP);
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		/* ... in SVC mode: mov pc, r12 instead of movs */
		guest_set_word(&g, 0x220 + 20, a_movr(PC, 12));
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 5), 10);
		assert_int_equal(g.n_log, 30);
		for (unsigned i = 0; i < 30; i += 3) {
			assert_int_equal(g.log[i], LOGGED(0x10u, PERMISSION_PAGE));
			assert_int_equal(g.log[i + 1], LOGGED(0x10u, PERMISSION_PAGE));
		}
		guest_free(&g);
	}
}

#define DOMAIN_PAGE 0xbu

/* r12 = two instructions on, where an abort of the next one goes. */
static void put_faulting(struct guest *g, uint32_t insn)
{
	guest_put(g, a_add(12, PC, 4));
	guest_put(g, insn);
	guest_put(g, A32_UNDEF); /* not reached */
}

static void put_dacr(struct guest *g, uint32_t value)
{
	guest_li(g, 0, value);
	guest_put(g, a_mcr(0, 3, 0, 0));
}

/* A domain that is shut and opened without a flush, as kernels do around accesses to user memory: each access sees the rights of
 * its moment. Meanwhile the page changes under the value that is not current, and a third value comes in. */
static void domains_open_and_shut(void **state)
{
	enum { ROUNDS = 5, STEPS = 4 };
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_handlers(&g);
		guest_map_table(&g, WINDOW, 0, false);
		guest_set_word(&g, GUEST_L1 + 4 * (WINDOW >> 20), guest_word(&g, GUEST_L1 + 4 * (WINDOW >> 20)) | 1u << 5);
		guest_set_word(&g, 0x20000, 1);
		guest_set_word(&g, 0x21000, 100);
		guest_org(&g, CODE);
		guest_li(&g, 8, WINDOW);
		guest_li(&g, 9, guest_pte(WINDOW, 0, false));
		guest_put(&g, a_mov(1, ROUNDS));
		guest_put(&g, a_mov(4, 0));
		uint32_t loop = g.at;
		for (unsigned i = 0; i < STEPS; i++) {
			guest_li(&g, 2, all(i & 1 ? 0x21000 : 0x20000));
			guest_put(&g, a_str(2, 9, 0));
			guest_put(&g, a_tlb_flush_mva(8)); /* while the domain is shut */
			put_dacr(&g, 1 | 1u << 2);
			guest_put(&g, a_ldr(3, 8, 0));
			guest_put(&g, a_addr(4, 4, 3));
			guest_put(&g, a_ldrt(3, 8));
			guest_put(&g, a_addr(4, 4, 3));
			if (i == 2)
				put_dacr(&g, 1 | 3u << 2);
			put_dacr(&g, 1);
			put_faulting(&g, a_ldr(3, 8, 0));
			put_faulting(&g, a_ldrt(3, 8));
			put_faulting(&g, a_str(3, 8, 4));
		}
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), ROUNDS * 2 * (1 + 100 + 1 + 100));
		assert_int_equal(g.n_log, ROUNDS * STEPS * 3);
		for (unsigned i = 0; i < g.n_log; i++)
			assert_int_equal(g.log[i], LOGGED(0x10u, DOMAIN_PAGE));
		guest_free(&g);
	}
}

/* A page that only privileged code may run: calls from SVC work, calls from user mode abort, each time. */
static void user_does_not_run_privileged_code(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_handlers(&g);
		guest_set_word(&g, 0x220 + 20, a_movr(PC, 12));
		guest_map_table(&g, WINDOW, 0, false);
		map_small(&g, WINDOW, guest_small(0x20000, AP_PRIV, AP_PRIV, AP_PRIV, AP_PRIV));
		put_page(&g, 0x20000, 1);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(1, 10));
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, WINDOW));
		guest_put(&g, a_msr_c(0x10));
		guest_put(&g, a_add(12, PC, 4));
		guest_put(&g, a_bl(g.at, WINDOW));
		guest_put(&g, A32_UNDEF);
		guest_put(&g, a_add(12, PC, 4));
		guest_put(&g, A32_SWI);
		guest_put(&g, A32_NOP);
		guest_put(&g, a_subs(1, 1, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 10);
		assert_int_equal(g.n_log, 20);
		for (unsigned i = 0; i < 20; i += 2)
			assert_int_equal(g.log[i], LOGGED(0x0cu, PERMISSION_PAGE));
		guest_free(&g);
	}
}

/* ---- 1 KiB subpages ------------------------------------------------------------------------------ */

/* User mode stores to each subpage of a page whose rights alternate. */
static void data_in_subpages(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_handlers(&g);
		guest_map_table(&g, WINDOW, 0, false);
		map_small(&g, WINDOW, guest_small(0x20000, AP_USER, AP_USER_R, AP_PRIV, AP_USER));
		guest_org(&g, CODE);
		guest_put(&g, a_msr_c(0x10));
		guest_li(&g, 8, WINDOW);
		for (unsigned round = 0; round < 2; round++)
			for (int32_t sub = 0; sub < 4; sub++) {
				guest_put(&g, a_add(12, PC, 4)); /* behind the load, behind the store */
				guest_put(&g, a_ldr(0, 8, 1024 * sub + 1020));
				guest_put(&g, A32_NOP);
				guest_put(&g, a_add(12, PC, 4));
				guest_put(&g, a_str(8, 8, 1024 * sub));
				guest_put(&g, A32_NOP);
			}
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 6); /* store to 1, load and store of 2; twice */
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(g.log[i], LOGGED(0x10u, PERMISSION_PAGE));
		for (uint32_t sub = 0; sub < 4; sub++)
			assert_int_equal(guest_word(&g, 0x20000 + 1024 * sub), sub == 0 || sub == 3 ? WINDOW : 0);
		guest_free(&g);
	}
}

/*
 * Code that runs from one subpage into the next, in user mode; between two passes the second subpage loses user's rights,
 * then gets them back. `page`: what ran first was the page as a whole.
 */
static void code_runs_into_a_subpage(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_handlers(&g);
		guest_set_word(&g, 0x220 + 20, a_movr(PC, 12));
		guest_map_table(&g, WINDOW, 0, false);
		guest_org(&g, 0x20400 - 16);
		for (unsigned i = 0; i < 8; i++)
			guest_put(&g, a_add(4, 4, 1));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_li(&g, 9, guest_pte(WINDOW, 0, false));
		guest_li(&g, 8, WINDOW + 0x400 - 16);
		for (unsigned pass = 0; pass < 6; pass++) {
			guest_li(&g, 10, guest_small(0x20000, AP_USER, pass & 1 ? AP_PRIV : AP_USER, AP_USER,
						     pass < 4 ? AP_USER : AP_USER_R));
			guest_put(&g, a_str(10, 9, 0));
			guest_put(&g, a_tlb_flush(0));
			for (unsigned i = 0; i < 3; i++) {
				guest_put(&g, a_msr_c(0x10));
				guest_put(&g, a_add(12, PC, 8));
				guest_put(&g, a_movr(LR, PC));
				guest_put(&g, a_movr(PC, 8));
				guest_put(&g, A32_NOP);
				guest_put(&g, a_add(12, PC, 4));
				guest_put(&g, A32_SWI);
				guest_put(&g, A32_NOP);
			}
		}
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 3 * (3 * 8 + 3 * 4));
		assert_int_equal(g.n_log, 18 + 9); /* SWIs and aborts */
		guest_free(&g);
	}
}

/* Tiny pages: four physical places make one virtual page of code; one of them moves. */
static void code_in_tiny_pages(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		const uint32_t pa[] = {0x20000, 0x21400, 0x22800, 0x23c00, 0x24400};
		start(&g, way);
		guest_map_table(&g, WINDOW, 4, true);
		for (uint32_t i = 0; i < 5; i++) {
			if (i < 4)
				guest_set_word(&g, guest_pte(WINDOW + 1024 * i, 4, true), guest_tiny(pa[i], AP_USER));
			guest_org(&g, pa[i] + 1024 - 12);
			guest_put(&g, a_add(4, 4, 1u << 2 * i));
			if (i == 3) {
				guest_put(&g, a_subs(1, 1, 1));
				guest_put(&g, A32_BX_LR);
			} else {
				guest_put(&g, A32_NOP);
				guest_put(&g, A32_NOP);
			}
			guest_org(&g, pa[i]); /* jumps to its end; the next one is fallen into */
			guest_put(&g, a_b(g.at, pa[i] + 1024 - 12));
		}
		guest_org(&g, CODE);
		guest_li(&g, 8, WINDOW);
		guest_li(&g, 7, WINDOW + 0x400);
		guest_li(&g, 9, guest_pte(WINDOW + 0x400, 4, true));
		for (unsigned pass = 0; pass < 3; pass++) {
			guest_li(&g, 10, guest_tiny(pass == 1 ? pa[4] : pa[1], AP_USER));
			guest_put(&g, a_str(10, 9, 0));
			guest_put(&g, a_tlb_flush_mva(7));
			guest_put(&g, a_mov(1, 5));
			uint32_t loop = g.at;
			guest_put(&g, a_movr(LR, PC));
			guest_put(&g, a_movr(PC, 8));
			guest_put(&g, a_cmp(1, 0));
			guest_put(&g, a_bcond(NE, g.at, loop));
		}
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 15 * (1 + 16 + 64) + 10 * 4 + 5 * 256);
		guest_free(&g);
	}
}

/* ---- FCSE (DDI 0198E 2.3.13) --------------------------------------------------------------------- */

static uint32_t write_pid(unsigned rd)
{
	return a_mcr(rd, 13, 0, 0);
}

/*
 * Addresses below 32 MiB move with the process id. The code that switches runs above, where it stays, and calls down
 * with a direct branch: 0x01f00000 is 0x03f00000 to process 1 and 0x05f00000 to process 2.
 */
#define LOW 0x01f00000u

static void process_id_moves_code_and_data(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned mmu = 0; mmu < 2; mmu++) {
			struct guest g;
			print_message("%s, MMU %s\n", way->name, mmu ? "on" : "off");
			guest_init(&g, &way->cfg);
			for (uint32_t pid = 1; pid < 3; pid++) {
				uint32_t base = pid << 25 | LOW;
				assert_int_equal(rhea_map_ram(g.m, base, 0x100000, NULL), RHEA_OK);
				put_page(&g, base + 0x2000, pid);
				guest_set_word(&g, base + 0x3000, 100 * pid);
			}
			assert_int_equal(rhea_map_ram(g.m, 0x02000000, 0x100000, NULL), RHEA_OK);
			if (mmu)
				guest_mmu_on(&g);
			guest_map_section(&g, 0x02000000, 0x02000000, AP_USER);
			guest_map_section(&g, 0x02000000 | LOW, 0x02000000 | LOW, AP_USER);
			guest_map_section(&g, 0x04000000 | LOW, 0x04000000 | LOW, AP_USER);
			uint32_t code = 0x02004000;
			guest_org(&g, code);
			guest_set_pc(&g, code);
			guest_li(&g, 8, LOW + 0x3000);
			guest_put(&g, a_mov(2, 40));
			guest_put(&g, a_mov(3, 2u << 25));
			uint32_t loop = g.at;
			guest_put(&g, a_eor(3, 3, 3u << 25)); /* process 1, 2, 1, ... through the same jumps */
			guest_put(&g, write_pid(3));
			guest_put(&g, a_mov(1, 3));
			uint32_t inner = g.at;
			guest_put(&g, a_bl(g.at, LOW + 0x2000));
			guest_put(&g, a_ldr(6, 8, 0));
			guest_put(&g, a_addr(5, 5, 6));
			guest_put(&g, a_subs(1, 1, 1));
			guest_put(&g, a_bcond(NE, g.at, inner));
			guest_put(&g, a_subs(2, 2, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 4), 20 * 3 * (1 + 2));
			assert_int_equal(guest_reg(&g, 5), 20 * 3 * (100 + 200));
			guest_free(&g);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target_page_is_remapped),
		cmocka_unit_test(remapped_between_two_runs),
		cmocka_unit_test(data_follows_the_flush_by_address),
		cmocka_unit_test(section_goes_by_any_address),
		cmocka_unit_test(user_does_not_see_privileged_data),
		cmocka_unit_test(domains_open_and_shut),
		cmocka_unit_test(user_does_not_run_privileged_code),
		cmocka_unit_test(data_in_subpages),
		cmocka_unit_test(code_runs_into_a_subpage),
		cmocka_unit_test(code_in_tiny_pages),
		cmocka_unit_test(process_id_moves_code_and_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
