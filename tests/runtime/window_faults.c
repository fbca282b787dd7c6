/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random loads and stores of every form, at addresses that are memory, devices, bus errors, holes, forbidden by the tables,
 * or wrap around: every way to run must leave the same registers, the same aborts and the same memory as the interpreter,
 * each time that the same instruction is reached (interpreted, trapping, patched). A failure means that an access through
 * the window is not precise: a base register or a destination is lost, or the address reported is not the guest's.
 *
 *   RHEA_SEED=n replays the guests of seed n.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define HANDLER 0x8000u
#define DATA 0x200000u     /* the tables: as it is */
#define MOVED 0x100000u    /* the tables: to DATA */
#define DUMP 0x280000u     /* what happened: grows from here */
#define PASSES 8u
#define CASES 60u
#define LIMIT 3000000u

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

/* Sums with what instructions add (up to 0x3c for blocks, 0xfc otherwise) stay clear of vectors, code and tables. */
static const uint32_t bases[] = {
	DATA + 0x100, DATA + 0xfff0, DATA + 0x7ff00, DATA + 0x102, DATA + 0x101, /* memory, some of it across pages */
	MOVED + 0x800, MOVED + 0x10ffc,
	GUEST_IO + 0x400, GUEST_IO + 0xff0,                  /* bus errors of a device, and the hole behind it */
	GUEST_RAM - 0x10, GUEST_RAM + 0x40, 0x90000000u,     /* the end of memory; holes on both sides of 2 GiB */
	0xffffff00u, 0xffffffc0u,                            /* the end of everything: wraps to 0x40.. with big offsets */
};

/* One random load or store with base r1, value or destination r2 (pairs r2, r3), index r4. */
static uint32_t random_access(uint64_t *s)
{
	uint32_t rd = next(s) % 6 ? 2 : 1, up = next(s) & 1u << 23, p = next(s) % 3 ? 1u << 24 : 0, w = next(s) & 1u << 21;
	uint32_t load = next(s) & 1u << 20, byte = next(s) & 1u << 22, imm = next(s) % 4 ? next(s) & 0x3c : 0x40 + (next(s) & 0xbc);
	if (!p)
		w = 0; /* no LDRT here: it has other rights */
	if ((w || !p) && rd == 1)
		rd = 2; /* unpredictable */
	if (imm + 0x40 > 0x100)
		imm = 0x80;
	uint32_t at = 1u << 16 | rd << 12 | up | p | w;
	switch (next(s) % 8) {
	case 0: case 1: return 0xe4000000u | at | load | byte | (imm & ~3u);
	case 2: return 0xe6000000u | at | load | byte | 4 | (next(s) % 3) << 7; /* [r1, r4, lsl #n] */
	case 3: return 0xe04000b0u | at | load | (imm & 0xf0) << 4 | (imm & 0xe);  /* halfword */
	case 4: return 0xe05000d0u | at | (next(s) & 0x20) | (imm & 0xf0) << 4 | (imm & 0xe); /* signed */
	case 5: return 0xe04000d0u | (at & ~0xf000u) | 2u << 12 | (next(s) & 0x20) | (imm & 0xf0) << 4 | (imm & 8); /* pairs */
	case 6: return 0xe8000000u | (at & ~0xf000u) | load | 0x2fcu | (load && !w && next(s) % 2 ? 2u : 0); /* r2-r7, r9 (, r1) */
	default: return (byte ? 0xe1400090u : 0xe1000090u) | 1u << 16 | 2u << 12 | 3; /* swap */
	}
}

static void put_case(struct guest *g, uint64_t *s)
{
	static const uint8_t small[] = {0, 4, 8, 2, 16};
	guest_li(g, 1, bases[next(s) % ARRAY_LEN(bases)]);
	guest_li(g, 2, next(s) | next(s) << 16);
	guest_put(g, a_add(3, 2, 3));
	guest_put(g, a_mov(4, small[next(s) % 5]));
	guest_put(g, random_access(s));
	guest_put(g, 0xe8ac03ffu); /* stmia r12!, {r0-r9} */
}

/* The address, the status and the place go to the record; on with the next instruction. */
static void put_handler(struct guest *g)
{
	guest_vector(g, 0x10, HANDLER);
	guest_org(g, HANDLER);
	guest_put(g, a_mrc(8, 6, 0, 0));
	guest_put(g, a_mrc(9, 5, 0, 0));
	guest_put(g, 0xe8ac4300u); /* stmia r12!, {r8, r9, lr} */
	guest_put(g, A32_IRQ_RETURN);
}

struct variant {
	const char *name;
	bool mmu;
	uint32_t sctlr;
};

static const struct variant variants[] = {
	{"MMU off", false, 0}, {"MMU on", true, 0}, {"MMU off, big-endian", false, SCTLR_B}, {"MMU on, big-endian", true, SCTLR_B},
	{"MMU off, alignment checked", false, SCTLR_A},
};

static void make(struct guest *g, const struct guest_way *way, const struct variant *variant, uint64_t seed)
{
	uint64_t s = seed;
	guest_init(g, &way->cfg);
	put_handler(g);
	for (uint32_t i = 0; i < 0x20000; i += 4) {
		guest_set_word(g, DATA + i, next(&s));
		guest_set_word(g, MOVED + i, next(&s));
	}
	struct arm_cpu *cpu = g->m->vcpu->cpu;
	if (variant->mmu) {
		guest_mmu_on(g);
		guest_map_section(g, MOVED, DATA, AP_USER);
		guest_map_section(g, 0x90000000u, DATA, AP_SR);
		guest_map_section(g, 0xfff00000u, 0xfff00000u, AP_PRIV);
	}
	arm_cp15_write(cpu, ARM_CP_REG(15, 1, 0, 0, 0), cpu->cp15.sctlr | variant->sctlr);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 0, PASSES);
	guest_li(g, 12, DUMP);
	uint32_t loop = g->at;
	for (unsigned i = 0; i < CASES; i++)
		put_case(g, &s);
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, a_movr(10, 12));
	guest_stop(g);
}

struct outcome {
	uint32_t end;
	uint8_t ram[GUEST_RAM];
};

static void run(const struct guest_way *way, const struct variant *variant, uint64_t seed, struct outcome *o)
{
	struct guest g;
	make(&g, way, variant, seed);
	guest_run(&g, LIMIT);
	o->end = guest_reg(&g, 10);
	assert_int_equal(rhea_read_phys(g.m, 0, o->ram, GUEST_RAM), RHEA_OK);
	if (way->cfg.accel == RHEA_ACCEL_JIT && !way->cfg.no_window && !way->cfg.trouble_seed) /* which may not let code live as long */
		assert_true(g.m->vcpu->stats.window_traps > 0);
	guest_free(&g);
}

static void compare(const struct outcome *want, const struct outcome *got, const char *way, const char *variant, uint64_t seed)
{
	for (uint32_t at = 0; at < GUEST_RAM; at += 4)
		if (memcmp(want->ram + at, got->ram + at, 4) != 0) {
			uint32_t a, b;
			memcpy(&a, want->ram + at, 4);
			memcpy(&b, got->ram + at, 4);
			fail_msg("seed %llu, %s, %s: 0x%08x holds %08x, expected %08x", (unsigned long long)seed, variant, way, at, b, a);
		}
	assert_int_equal(want->end, got->end);
}

static void every_access_is_precise(void **state)
{
	(void)state;
	const char *env = getenv("RHEA_SEED");
	uint64_t first = env ? strtoull(env, NULL, 0) : 1, n = env ? 1 : 8;
	struct outcome *want = malloc(sizeof *want), *got = malloc(sizeof *got);
	const struct guest_way interp = {"interp", {.accel = RHEA_ACCEL_INTERP}};
	for (uint64_t seed = first; seed < first + n; seed++)
		for (unsigned v = 0; v < ARRAY_LEN(variants); v++) {
			run(&interp, &variants[v], seed, want);
			unsigned k = 0;
			EACH_WAY(way) /* lockstep compares by itself; the others take turns */
				if (way->cfg.accel == RHEA_ACCEL_JIT && (env || way == guest_ways || k++ % 2 == seed % 2)) {
					run(way, &variants[v], seed, got);
					compare(want, got, way->name, variants[v].name, seed);
				}
		}
	free(want);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_access_is_precise)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
