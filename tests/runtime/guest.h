/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small machine for tests of the runtime: "none" with 4 MiB of RAM at 0 and one device, its code
 * written word by word. `struct guest` also reaches behind include/rhea.h, for statistics and
 * for a timer on the machine's clock.
 *
 * The device at GUEST_IO; registers at:
 *   0 LOG    a written word is appended to log[]; reads give n_log
 *   4 STOP   a write ends rhea_run
 *   8 IRQ    drives the interrupt line      12 FIQ
 *  16 TIMER  a write of n: the timer fires n ns from now and raises the IRQ; 0 cancels
 *  20 ACK    a write lowers the IRQ
 *  24 NOW    reads virtual time in ns
 *  28 BAD    bus errors
 *  32 IRQ1   a read raises the IRQ line
 */
#ifndef RHEA_TESTS_GUEST_H
#define RHEA_TESTS_GUEST_H

#include "api/machine.h"
#include "tests/runtime/a32.h"

#define GUEST_RAM 0x400000u
#define GUEST_IO 0x10000000u
enum guest_reg { IO_LOG = 0, IO_STOP = 4, IO_IRQ = 8, IO_FIQ = 12, IO_TIMER = 16, IO_ACK = 20, IO_NOW = 24, IO_BAD = 28, IO_IRQ1 = 32 };

#define GUEST_LOG 4096u

struct guest {
	struct rhea *m;
	uint32_t at;    /* where the next word goes (physical; = virtual where branches are concerned) */
	struct vtimer timer;
	uint32_t log[GUEST_LOG], n_log, fired;
};

/* One way to run; a test runs its guest in all of them. */
struct guest_way {
	const char *name;
	struct rhea_config cfg;
};
extern const struct guest_way guest_ways[];
extern const unsigned guest_n_ways;

#define EACH_WAY(way) \
	for (const struct guest_way *way = guest_ways; way < guest_ways + guest_n_ways; way++)
/* Those without trouble: for what is about statistics, or about how soon something happens. */
#define EACH_CALM_WAY(way) \
	EACH_WAY(way) \
		if (!way->cfg.trouble_seed)

void guest_init(struct guest *g, const struct rhea_config *cfg);
void guest_free(struct guest *g);

void guest_org(struct guest *g, uint32_t at);
/* Writes one word at g->at, which moves on; returns its address. */
uint32_t guest_put(struct guest *g, uint32_t word);
/* rd = any constant: one to four instructions. */
void guest_li(struct guest *g, unsigned rd, uint32_t value);
/* Vectors 0x00 to 0x1c: branches to the handler, 0 = b . */
void guest_vector(struct guest *g, uint32_t vector, uint32_t handler);
/* Stores r12 to the device's STOP, then spins. r11 is destroyed. */
void guest_stop(struct guest *g);

uint32_t guest_reg(const struct guest *g, unsigned n);
uint32_t guest_word(const struct guest *g, uint32_t pa);
void guest_set_word(struct guest *g, uint32_t pa, uint32_t value);
void guest_set_pc(struct guest *g, uint32_t pc);
/* Runs until guest_stop's store; fails the test on any other event and after `limit` instructions. */
void guest_run(struct guest *g, uint64_t limit);
/* Exactly n instructions. */
void guest_step(struct guest *g, uint64_t n);

/* ---- page tables: first level at GUEST_L1, second level from GUEST_L2 on ---------------------------- */

#define GUEST_L1 0x300000u
#define GUEST_L2 0x304000u
enum { AP_SR, AP_PRIV, AP_USER_R, AP_USER }; /* nobody (S and R clear), privileged only, user reads, all */

void guest_map_section(struct guest *g, uint32_t va, uint32_t pa, unsigned ap);
/* Gives the MiB of va a second-level table (number n): coarse, or fine. */
void guest_map_table(struct guest *g, uint32_t va, unsigned n, bool fine);
/* Address of the descriptor of va in table n. */
uint32_t guest_pte(uint32_t va, unsigned n, bool fine);
/* Descriptor of a small page: one AP for each 1 KiB. */
uint32_t guest_small(uint32_t pa, unsigned ap0, unsigned ap1, unsigned ap2, unsigned ap3);
uint32_t guest_tiny(uint32_t pa, unsigned ap);
/* First MiB (twice: 0 and 0x00100000.. up to 4 MiB) and the device mapped one to one, all domain 0 client; then the MMU
 * goes on, from outside the guest. */
void guest_mmu_on(struct guest *g);

#endif
