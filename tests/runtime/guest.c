/* SPDX-License-Identifier: Apache-2.0 */
/* See guest.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

const struct guest_way guest_ways[] = {
	{"jit", {.accel = RHEA_ACCEL_JIT}},
	{"jit, compiled at once", {.compile_at_once = true}},
	{"jit, no window", {.no_window = true}},
	{"jit, regions at once", {.compile_at_once = true, .regions_at_once = true}},
	{"jit, tier 1", {.tier = 1}},
	{"interp", {.accel = RHEA_ACCEL_INTERP}},
	{"lockstep", {.accel = RHEA_ACCEL_LOCKSTEP}},
	{"jit, regions at once by a thread", {.compile_at_once = true, .regions_at_once = true, .tier2_thread = RHEA_TIER2_THREAD_ON}},
	{"lockstep, regions at once", {.accel = RHEA_ACCEL_LOCKSTEP, .regions_at_once = true}},
	{"jit, one instruction a block", {.one_insn_per_tb = true}},
	{"jit, not chained", {.no_chain = true}},
	{"jit, registers shuffled", {.codegen_seed = 7}},
	{"jit, 1 MiB of code", {.tb_size = 1 << 20}},
	{"jit, trouble", {.trouble_seed = 1}},
	{"jit, regions at once, trouble", {.compile_at_once = true, .regions_at_once = true, .trouble_seed = 2}},
	{"jit, regions at once by a thread, trouble",
	 {.compile_at_once = true, .regions_at_once = true, .trouble_seed = 6, .tier2_thread = RHEA_TIER2_THREAD_ON}},
	{"lockstep, regions at once, trouble", {.accel = RHEA_ACCEL_LOCKSTEP, .regions_at_once = true, .trouble_seed = 3}},
};
const unsigned guest_n_ways = ARRAY_LEN(guest_ways);

/* ---- the device ---------------------------------------------------------------------------------- */

static bool io_read(void *opaque, uint32_t off, unsigned size, uint32_t *value)
{
	struct guest *g = opaque;
	(void)size;
	switch (off) {
	case IO_LOG:
		*value = g->n_log;
		return true;
	case IO_NOW:
		*value = (uint32_t)vclock_now(&g->m->vcpu->clock);
		return true;
	case IO_IRQ1:
		*value = 1;
		rhea_set_irq(g->m, false, true);
		return true;
	}
	return false;
}

static void set_timer(struct guest *g, uint32_t ns)
{
	if (ns)
		vtimer_arm(&g->timer, vclock_now(&g->m->vcpu->clock) + ns);
	else
		vtimer_cancel(&g->timer);
}

static bool io_write(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	struct guest *g = opaque;
	(void)size;
	switch (off) {
	case IO_LOG:
		if (g->n_log < GUEST_LOG)
			g->log[g->n_log++] = value;
		return true;
	case IO_STOP:
		rhea_stop(g->m);
		return true;
	case IO_IRQ:
	case IO_FIQ:
		rhea_set_irq(g->m, off == IO_FIQ, value != 0);
		return true;
	case IO_TIMER:
		set_timer(g, value);
		return true;
	case IO_ACK:
		rhea_set_irq(g->m, false, false);
		return true;
	}
	return false;
}

static void timer_fire(void *opaque)
{
	struct guest *g = opaque;
	g->fired++;
	rhea_set_irq(g->m, false, true);
}

/* ---- the machine --------------------------------------------------------------------------------- */

void guest_init(struct guest *g, const struct rhea_config *cfg)
{
	static const struct rhea_mmio ops = {io_read, io_write};
	struct rhea_config c = *cfg;
	struct rhea_error err = {0};
	memset(g, 0, sizeof *g);
	c.machine = "none";
	g->m = rhea_new(&c, &err);
	if (!g->m)
		fail_msg("%s", err.msg);
	assert_int_equal(rhea_map_ram(g->m, 0, GUEST_RAM, &err), RHEA_OK);
	assert_int_equal(rhea_map_mmio(g->m, GUEST_IO, 0x1000, &ops, g, &err), RHEA_OK);
	vtimer_init(&g->timer, &g->m->vcpu->clock, timer_fire, g);
	for (uint32_t v = 0; v < 0x20; v += 4)
		guest_vector(g, v, 0);
}

void guest_free(struct guest *g)
{
	vtimer_cancel(&g->timer);
	rhea_free(g->m);
}

void guest_org(struct guest *g, uint32_t at)
{
	g->at = at;
}

void guest_set_word(struct guest *g, uint32_t pa, uint32_t value)
{
	assert_int_equal(rhea_write_phys(g->m, pa, &value, 4), RHEA_OK);
}

uint32_t guest_word(const struct guest *g, uint32_t pa)
{
	uint32_t v;
	assert_int_equal(rhea_read_phys(g->m, pa, &v, 4), RHEA_OK);
	return v;
}

uint32_t guest_put(struct guest *g, uint32_t word)
{
	guest_set_word(g, g->at, word);
	g->at += 4;
	return g->at - 4;
}

void guest_li(struct guest *g, unsigned rd, uint32_t value)
{
	guest_put(g, a_mov(rd, value & 0xff));
	for (unsigned shift = 8; shift < 32; shift += 8)
		if (value >> shift & 0xff)
			guest_put(g, a_orr(rd, rd, value & 0xffu << shift));
}

void guest_vector(struct guest *g, uint32_t vector, uint32_t handler)
{
	guest_set_word(g, vector, handler ? a_b(vector, handler) : A32_SPIN);
}

void guest_stop(struct guest *g)
{
	guest_put(g, a_mov(11, GUEST_IO));
	guest_put(g, a_str(12, 11, IO_STOP));
	guest_put(g, A32_SPIN);
}

uint32_t guest_reg(const struct guest *g, unsigned n)
{
	uint32_t v;
	assert_int_equal(rhea_read_reg(g->m, n, &v), RHEA_OK);
	return v;
}

void guest_set_pc(struct guest *g, uint32_t pc)
{
	assert_int_equal(rhea_write_reg(g->m, RHEA_REG_PC, pc), RHEA_OK);
}

void guest_run(struct guest *g, uint64_t limit)
{
	struct rhea_event ev;
	rhea_run(g->m, limit, &ev);
	if (ev.kind != RHEA_EVENT_STOP)
		fail_msg("event %d after %llu instructions, at 0x%08x, CPSR 0x%08x, LR 0x%08x", (int)ev.kind,
			 (unsigned long long)ev.insns, guest_reg(g, PC), guest_reg(g, RHEA_REG_CPSR), guest_reg(g, LR));
}

void guest_step(struct guest *g, uint64_t n)
{
	struct rhea_event ev;
	rhea_run(g->m, n, &ev);
	assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
	assert_int_equal(ev.insns, n);
}

/* ---- page tables --------------------------------------------------------------------------------- */

void guest_map_section(struct guest *g, uint32_t va, uint32_t pa, unsigned ap)
{
	guest_set_word(g, GUEST_L1 + (va >> 20) * 4, (pa & 0xfff00000u) | ap << 10 | 0x12);
}

static uint32_t table_base(unsigned n, bool fine)
{
	return GUEST_L2 + n * (fine ? 0x1000u : 0x400u);
}

void guest_map_table(struct guest *g, uint32_t va, unsigned n, bool fine)
{
	guest_set_word(g, GUEST_L1 + (va >> 20) * 4, table_base(n, fine) | (fine ? 0x13u : 0x11u));
}

uint32_t guest_pte(uint32_t va, unsigned n, bool fine)
{
	uint32_t in_section = va & 0xfffffu;
	return table_base(n, fine) + (fine ? in_section >> 10 : in_section >> 12) * 4;
}

uint32_t guest_small(uint32_t pa, unsigned ap0, unsigned ap1, unsigned ap2, unsigned ap3)
{
	return pa | ap0 << 4 | ap1 << 6 | ap2 << 8 | ap3 << 10 | 2;
}

uint32_t guest_tiny(uint32_t pa, unsigned ap)
{
	return pa | ap << 4 | 3;
}

void guest_mmu_on(struct guest *g)
{
	struct arm_cpu *cpu = g->m->vcpu->cpu;
	for (uint32_t va = 0; va < GUEST_RAM; va += 1u << 20)
		guest_map_section(g, va, va, AP_USER);
	guest_map_section(g, GUEST_IO, GUEST_IO, AP_USER);
	arm_cp15_write(cpu, ARM_CP_REG(15, 2, 0, 0, 0), GUEST_L1);
	arm_cp15_write(cpu, ARM_CP_REG(15, 3, 0, 0, 0), 1); /* domain 0: client */
	arm_cp15_write(cpu, ARM_CP_REG(15, 1, 0, 0, 0), cpu->cp15.sctlr | SCTLR_M);
}
