/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When emitted code may use the window, and what becomes of accesses that trap there.
 *
 * The window shows physical memory at its own addresses, so it may be used where virtual addresses are the physical ones:
 * everywhere with the MMU off. With the MMU on it is for privileged code, and starts closed: a MiB opens when an access
 * traps there and the tables map all of it, readable and writable, to itself. So it is filled as a TLB is, and emptied by
 * the same flushes; guests that flush more than WINDOW_FLUSHES times are left to the TLB. The spaces that have the window
 * are part of a block's flags, so no block outlives what it was compiled for.
 *
 * Plain memory that the window cannot show (a client's own; what the tables map elsewhere) would always take the slow path:
 * after WINDOW_MISPLACED such accesses the window is given up, with the MMU on or as a whole.
 *
 * A trap costs some 2,000 host instructions. A site that traps WINDOW_FAULTS times on something that the window will never
 * serve (a device, a page with code) is patched to go to the slow path at once; when it has met enough plain memory
 * there, it is given back. Each time it has to wait longer.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/vcpu.h"

#define WINDOW_FLUSHES 16u
#define WINDOW_MISPLACED 512u
#define WINDOW_FAULTS 4u
#define WINDOW_CALM 16u
#define WINDOW_MAX_FLIPS 12u

/* ---- which spaces have it ---- */

static void use_in(struct vcpu *v, uint32_t spaces)
{
	v->cpu->owner_flags = spaces << VCPU_WINDOW_SHIFT;
	arm_update_tb_flags(v->cpu);
}

/* Of the value of DACR that is current: what is opened under it does not hold under the other one. */
static unsigned privileged_space(const struct vcpu *v)
{
	return arm_space_of((v->cpu->tb_flags & ARM_TB_DACR) | ARM_TB_PRIV);
}

/* Are virtual addresses physical ones, whatever the tables say? */
static bool no_tables(const struct vcpu *v)
{
	struct mem_walk w = {0};
	return arm_mmu_probe(v->cpu, GVA(0), MEM_READ, 1, &w) && w.page_bits == 32;
}

static void open_all(struct vcpu *v)
{
	struct window_mask open;
	softmmu_window_wanted(v->mmu, &open);
	use_in(v, softmmu_window_set(v->mmu, &open) ? VCPU_ALL_SPACES : 0);
}

void vcpu_window_flushed(struct vcpu *v)
{
	static const struct window_mask none;
	if (!v->window)
		return;
	if (no_tables(v))
		open_all(v);
	else if (v->window_flushes >= WINDOW_FLUSHES)
		use_in(v, 0); /* what it shows does not matter while nobody uses it */
	else {
		v->window_flushes++;
		use_in(v, softmmu_window_set(v->mmu, &none) ? 1u << privileged_space(v) : 0);
	}
}

void vcpu_window_page_flushed(struct vcpu *v, gva_t va)
{
	if (v->window && v->cpu->owner_flags && !no_tables(v) && softmmu_window_is_open(v->mmu, va))
		vcpu_window_flushed(v);
}

void vcpu_window_map_changed(struct vcpu *v, gpa_t base, uint64_t size)
{
	softmmu_window_changed(v->mmu, base, size); /* also when it was given up: a block that uses it may be under way */
	if (v->window && no_tables(v))
		open_all(v);
}

/* Do the tables map all of this MiB to itself, for privileged reads and writes? */
static bool is_flat(const struct vcpu *v, gva_t mib)
{
	const uint8_t all = 1u << MEM_READ | 1u << MEM_WRITE;
	for (uint32_t off = 0; off < 1u << 20;) {
		struct mem_walk w = {0};
		gva_t va = GVA(mib.v + off);
		if (!arm_mmu_probe(v->cpu, va, MEM_READ, 1, &w) || w.page_bits < PAGE_BITS || w.pa.v != va.v || (w.rights & all) != all)
			return false;
		off += w.page_bits >= 20 ? 1u << 20 : 1u << w.page_bits;
	}
	return true;
}

static void try_open(struct vcpu *v, gva_t va)
{
	gva_t mib = GVA(va.v & ~0xfffffu);
	if (is_flat(v, mib) && !softmmu_window_open(v->mmu, mib))
		use_in(v, 0);
}

/* The block that runs ends first: what the window shows stays as it is. */
static void give_up(struct vcpu *v)
{
	if (no_tables(v))
		v->window = false;
	else
		v->window_flushes = WINDOW_FLUSHES;
	v->window_misplaced = 0;
	use_in(v, 0);
	vcpu_kick(v);
}

void vcpu_window_rest(struct vcpu *v, bool rests)
{
	static const struct window_mask none;
	if (rests == v->window_rests || (rests && !v->window))
		return;
	v->window_rests = rests;
	v->window = !rests;
	if (!rests) {
		vcpu_window_flushed(v);
		return;
	}
	use_in(v, 0);
	softmmu_window_set(v->mmu, &none);
}

void vcpu_window_close(struct vcpu *v)
{
	v->window = false;
	use_in(v, 0);
	vcpu_flush_code(v);
}

/* ---- sites that trap ---- */

struct window_site {
	uint64_t pc;       /* return address of its slow path; 0 = free */
	const struct tb *tb;
	const struct x64_site *site;
	uint8_t saved[X64_ACCESS_BYTES];
	bool patched;
	uint8_t faults, flips;
	uint16_t calm;     /* accesses since it was patched that the window would have served */
};

static struct window_site *find(const struct window_sites *s, uint64_t pc)
{
	uint32_t i = (uint32_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
	for (;; i++) {
		struct window_site *e = &s->site[i & (s->cap - 1)];
		if (!e->pc || e->pc == pc)
			return e;
	}
}

static bool grow(struct window_sites *s)
{
	struct window_sites bigger = {.cap = s->cap ? s->cap * 2 : 256, .n = s->n};
	bigger.site = calloc(bigger.cap, sizeof *bigger.site);
	if (!bigger.site)
		return false;
	for (uint32_t i = 0; i < s->cap; i++)
		if (s->site[i].pc)
			*find(&bigger, s->site[i].pc) = s->site[i];
	free(s->site);
	*s = bigger;
	return true;
}

/* NULL: out of memory; the site goes on trapping. */
static struct window_site *site_of(struct vcpu *v, uint64_t pc)
{
	struct window_sites *s = &v->window_sites;
	if (s->n * 2 >= s->cap && !grow(s))
		return NULL;
	struct window_site *e = find(s, pc);
	if (!e->pc) {
		const struct tb *tb = tb_by_host_pc(&v->tbs, pc);
		*e = (struct window_site){.pc = pc, .tb = tb, .site = tb_site(tb, pc)};
		s->n++;
	}
	return e;
}

void vcpu_window_forget(struct vcpu *v)
{
	struct window_sites *s = &v->window_sites;
	if (s->n)
		memset(s->site, 0, s->cap * sizeof *s->site);
	s->n = 0;
}

static void patch(const struct vcpu *v, struct window_site *e)
{
	x64_patch_access(&e->tb->host, e->site, e->saved, v->code.out.rx_delta);
	e->patched = true;
	e->calm = 0;
}

static void unpatch(const struct vcpu *v, struct window_site *e)
{
	x64_unpatch_access(&e->tb->host, e->site, e->saved, v->code.out.rx_delta);
	e->patched = false;
	e->faults = 0;
	e->flips++;
}

static void trapped(struct vcpu *v, uint64_t host_pc)
{
	struct window_site *e = site_of(v, host_pc);
	if (e && !e->patched && ++e->faults >= WINDOW_FAULTS)
		patch(v, e);
}

/* A site that is not served by the window met something that would be. */
static void met_memory(struct vcpu *v, uint64_t host_pc)
{
	struct window_site *e = v->window_sites.n ? find(&v->window_sites, host_pc) : NULL;
	if (e && e->patched && ++e->calm >= WINDOW_CALM << e->flips && e->flips < WINDOW_MAX_FLIPS)
		unpatch(v, e);
}

static bool uses_window(const struct vcpu *v, uint16_t memop)
{
	return v->cpu->owner_flags >> VCPU_WINDOW_SHIFT >> memop_space(memop) & 1;
}

/* Devices come by here often: by a patch, and without an addend, which is quick. */
void vcpu_window_slow(struct vcpu *v, uint32_t addr, uint16_t memop, bool store, uint64_t host_pc)
{
	bool trap = v->trapped;
	v->trapped = false;
	v->stats.window_traps += trap;
	bool memory = v->base->tlb.addend[memop_space(memop)][store ? MEM_WRITE : MEM_READ][addr >> PAGE_BITS] != 0;
	if ((!trap && !memory) || !uses_window(v, memop) || (addr & (memop_size(memop) - 1)))
		return;
	gva_t va = GVA(addr);
	if (!softmmu_window_is_open(v->mmu, va))
		try_open(v, va);
	if (softmmu_window_serves(v->mmu, va, store)) {
		if (store)
			softmmu_window_reopen(v->mmu, va);
		if (!trap)
			met_memory(v, host_pc);
		return;
	}
	if (trap)
		trapped(v, host_pc);
	if (memory && ++v->window_misplaced >= WINDOW_MISPLACED)
		give_up(v);
}

/* In the signal handler: nothing changes the store while emitted code runs. */
uint64_t vcpu_window_redirect(void *opaque, uint64_t host_pc)
{
	struct vcpu *v = opaque;
	const struct tb *tb = tb_by_host_pc(&v->tbs, host_pc);
	if (!tb)
		return 0;
	uint32_t off = (uint32_t)(host_pc - tb->host.code);
	for (uint32_t i = 0; i < tb->host.n_sites; i++)
		if (tb->host.site[i].access == off && off) {
			v->trapped = true;
			return tb->host.code + tb->host.site[i].stub;
		}
	return 0;
}
