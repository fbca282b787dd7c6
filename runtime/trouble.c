/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See trouble.h. Time is cut into phases of different temper, so that some code runs long enough to become hot before it is
 * disturbed. What happens is a row of `between` or `inside`; each does what something in the emulator may do at such a moment.
 */
#include <stdlib.h>

#include "runtime/vcpu.h"

struct temper {
	uint8_t slice_bits; /* slices of up to 2^slice_bits instructions */
	uint16_t between;   /* one time of so many between two blocks something happens */
	uint16_t inside;    /* and so in a slow path */
	uint8_t lasts;      /* 2^lasts instructions at most */
	bool slow;          /* no access is served by TLB or window */
};

static const struct temper tempers[] = {
	{16, 64, 512, 20, false}, /* calm */
	{12, 8, 16, 17, false},
	{6, 16, 64, 14, false},
	{10, 2, 4, 12, false},    /* a storm */
	{14, 64, 64, 15, true},
};

struct trouble {
	uint64_t rng;
	uint64_t phase_end; /* instruction count */
	const struct temper *temper;
};

struct trouble *trouble_new(uint32_t seed)
{
	struct trouble *t = calloc(1, sizeof *t);
	if (t)
		*t = (struct trouble){.rng = seed, .temper = &tempers[1]};
	return t;
}

void trouble_free(struct trouble *t)
{
	free(t);
}

/* The mixer of splitmix64. */
static uint32_t below(struct trouble *t, uint32_t n)
{
	uint64_t z = t->rng += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z >> 32) * n >> 32);
}

/* An address that the guest may use: in a register, or where it runs. */
static gva_t some_address(struct vcpu *v)
{
	uint32_t n = below(v->trouble, 16);
	return GVA(n == 15 ? v->cpu->pc & ~1u : v->cpu->r[n]);
}

/* By number: where pages lie in the hash is the host's choice, and a seed is to be replayed. NULL when there is none. */
static struct code_page *some_page(struct vcpu *v)
{
	uint32_t tag = 1 + below(v->trouble, v->tbs.n_pages);
	for (uint32_t i = 0; i < TB_PAGE_HASH_SIZE; i++)
		for (struct code_page *p = v->tbs.page_hash[i]; p; p = p->hash_next)
			if (p->tag == tag)
				return p;
	return NULL;
}

/* A block or region of the page, NULL when it has none. */
static struct tb *some_block(struct vcpu *v, const struct code_page *p)
{
	uint32_t n = 0;
	struct tb *tb;
	for (tb = p ? p->tbs : NULL; tb; tb = tb->page_next)
		n++;
	if (!n)
		return NULL;
	n = below(v->trouble, n);
	for (tb = p->tbs; n--;)
		tb = tb->page_next;
	return tb;
}

/* ---- what may happen between two blocks ------------------------------------------------------------ */

static void flush_code(struct vcpu *v)
{
	vcpu_flush_code(v);
}

static void drop_block(struct vcpu *v)
{
	struct tb *tb = some_block(v, some_page(v));
	if (tb)
		vcpu_drop_block(v, tb);
}

/* As the copy of a region by a device. */
static void write_page(struct vcpu *v)
{
	const struct code_page *p = some_page(v);
	uint32_t from = below(v->trouble, PAGE_SIZE);
	if (p)
		vcpu_memory_written(v, p->host + from, below(v->trouble, 2) ? PAGE_SIZE - from : MIN(64u, PAGE_SIZE - from));
}

static void cut_block(struct vcpu *v)
{
	struct tb *tb = some_block(v, some_page(v));
	uint32_t n = tb ? tb->region ? tb->host.n_marks : tb->n_insns : 0;
	if (n)
		vcpu_cut_behind(v, tb, below(v->trouble, n));
}

/* Blocks are hot: of one page, or the one that is about to run. */
static void make_hot(struct vcpu *v)
{
	struct code_page *p = some_page(v);
	for (struct tb *tb = p ? p->tbs : NULL, *next; tb; tb = next) {
		next = tb->page_next;
		tb->region_tries = 0;
		tb->samples = (uint16_t)below(v->trouble, UINT16_MAX);
		if (below(v->trouble, 2) && tb->host.size)
			vcpu_sample(v, tb);
	}
}

static void flush_tlb(struct vcpu *v)
{
	v->window_flushes = 0; /* not the guest's */
	v->cpu->host.tlb_flush(v);
}

static void flush_tlb_page(struct vcpu *v)
{
	v->window_flushes = 0;
	v->cpu->host.tlb_flush_page(v, some_address(v));
}

static void forget_jumps(struct vcpu *v)
{
	vcpu_clear_jump_cache(v);
}

static void forget_calls(struct vcpu *v)
{
	vcpu_ret_reset(v);
}

/* As a snapshot, which has to see the first store to each page. */
static void forget_writes(struct vcpu *v)
{
	softmmu_forget_writes(v->mmu, NULL);
}

static void change_map(struct vcpu *v)
{
	vcpu_map_changed(v, GPA(some_address(v).v & ~(uint32_t)PAGE_MASK), PAGE_SIZE << below(v->trouble, 9));
}

static void close_window(struct vcpu *v)
{
	static const struct window_mask none;
	if (v->window)
		softmmu_window_set(v->mmu, &none);
	v->window_misplaced = 0;
}

struct action {
	uint16_t weight; /* what costs much is rare */
	void (*act)(struct vcpu *v);
};

static const struct action between[] = {
	{2, flush_code}, {300, drop_block}, {30, write_page}, {60, cut_block}, {120, make_hot}, {30, flush_tlb}, {160, flush_tlb_page},
	{80, forget_jumps}, {80, forget_calls}, {60, forget_writes}, {1, change_map}, {2, close_window},
};

/* ---- what may happen in the middle of one ---------------------------------------------------------- */

static void kick(struct vcpu *v)
{
	vcpu_kick(v);
}

/* As a store to its bytes. */
static void drop_other(struct vcpu *v)
{
	const struct tb *running = tb_by_host_pc(&v->tbs, v->base->host_pc);
	struct tb *tb = some_block(v, some_page(v));
	if (tb && tb != running && running && running->valid)
		vcpu_drop_block(v, tb);
}

static void flush_later(struct vcpu *v)
{
	v->flush_wanted = true;
	vcpu_kick(v);
}

static const struct action inside[] = {
	{300, kick}, {150, drop_other}, {2, flush_later}, {30, flush_tlb}, {150, flush_tlb_page}, {60, forget_jumps}, {60, forget_writes},
	{1, change_map}, {1, close_window},
};

static void act(struct vcpu *v, const struct action *a, unsigned n)
{
	uint32_t sum = 0, x;
	for (unsigned i = 0; i < n; i++)
		sum += a[i].weight;
	x = below(v->trouble, sum);
	for (; x >= a->weight; a++)
		x -= a->weight;
	a->act(v);
	v->stats.troubles++;
}

/* ---- when ------------------------------------------------------------------------------------------ */

/* An observer of accesses sees all of them anyway, and snapshots make the window rest themselves. */
static void set_slow(struct vcpu *v, bool slow)
{
	if (v->observer.access)
		return;
	if (!v->keeps_snapshots)
		vcpu_window_rest(v, slow);
	softmmu_slow(v->mmu, slow);
	vcpu_clear_jump_cache(v); /* exec tags went */
}

static void begin_phase(struct vcpu *v)
{
	struct trouble *t = v->trouble;
	t->temper = &tempers[below(t, ARRAY_LEN(tempers))];
	t->phase_end = v->insns_done + (UINT64_C(64) << below(t, t->temper->lasts - 5u));
	set_slow(v, t->temper->slow);
}

void vcpu_trouble_run(struct vcpu *v)
{
	set_slow(v, false);
	v->trouble->phase_end = 0;
}

uint64_t vcpu_trouble_slice(struct vcpu *v, uint64_t n, bool *exact)
{
	struct trouble *t = v->trouble;
	if (v->insns_done >= t->phase_end)
		begin_phase(v);
	uint64_t m = 1 + below(t, 1u << below(t, t->temper->slice_bits + 1u));
	if (m >= n)
		return n;
	*exact = below(t, 2); /* the others may be too short for any block */
	return m;
}

bool vcpu_trouble_between(struct vcpu *v)
{
	struct trouble *t = v->trouble;
	while (below(t, t->temper->between) == 0)
		act(v, between, ARRAY_LEN(between));
	return below(t, 4u * t->temper->between) == 0;
}

void vcpu_trouble_kick(struct vcpu *v)
{
	if (below(v->trouble, 2u * v->trouble->temper->between) == 0)
		vcpu_kick(v);
}

/* Not where the part of the instruction that was done may have been a device's. */
static bool may_begin_again(const struct vcpu *v, uint32_t addr, uint16_t memop)
{
	struct mem_walk w;
	if (!arm_mmu_probe(v->cpu, GVA(addr), MEM_READ, memop_space(memop), &w))
		return false;
	const struct mem_range *r = as_find(v->as, w.pa);
	return r && r->kind != RANGE_MMIO;
}

bool vcpu_trouble_access(struct vcpu *v, uint32_t addr, uint16_t memop)
{
	struct trouble *t = v->trouble;
	if (v->lockstep || below(t, t->temper->inside))
		return false;
	act(v, inside, ARRAY_LEN(inside));
	if (below(t, 4) || !may_begin_again(v, addr, memop))
		return false;
	v->trapped = false;
	return v->retry = true;
}
