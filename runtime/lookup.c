/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the block to run: the jump cache (by virtual address, shared with emitted code), the
 * store (by physical address), the translator. Also what drops blocks: flushes and stores to code.
 */
#include <string.h>

#include "runtime/vcpu.h"

void vcpu_clear_jump_cache(struct vcpu *v)
{
	for (uint32_t i = 0; i < v->n_jump_journal; i++)
		v->base->jump_cache[v->jump_journal[i]].flags = UINT32_MAX;
	v->n_jump_journal = 0;
	v->subpage_code = false;
}

static bool jump_used(const struct vcpu *v, uint32_t slot)
{
	return v->jump_used[slot / 64] >> slot % 64 & 1;
}

/* Not in the journal: a slot that was cleared, or is as it was made (vcpu.c, base_new). */
static bool jump_cache_free(const struct vcpu *v, uint32_t slot)
{
	const struct x64_jump_entry *e = &v->base->jump_cache[slot];
	return !e->code || e->flags == UINT32_MAX;
}

static void jump_cache_fill(struct vcpu *v, struct tb *tb, uint32_t pc_key)
{
	if (v->cfg.no_chain || v->cfg.accel != VCPU_JIT || (v->stops.n_exec && stops_at(&v->stops, pc_key)))
		return;
	uint32_t slot = x64_jump_hash(pc_key, JUMP_CACHE_BITS);
	if (jump_cache_free(v, slot))
		v->jump_journal[v->n_jump_journal++] = (uint16_t)slot;
	v->base->jump_cache[slot] = (struct x64_jump_entry){
		.pc_key = pc_key,
		.flags = tb->flags,
		.code = tb->host.code + tb->host.guarded_entry, /* returns owe by value */
	};
	v->jump_tb[slot] = tb;
	v->jump_used[slot / 64] |= UINT64_C(1) << slot % 64;
}

static void jump_cache_drop(struct vcpu *v, const struct tb *tb)
{
	uint32_t slot = x64_jump_hash(tb->pc_key, JUMP_CACHE_BITS);
	struct x64_jump_entry *e = &v->base->jump_cache[slot];
	if (!jump_used(v, slot))
		return;
	/* The slot stays in the journal; an impossible entry that is not free keeps it there once. */
	if (e->flags != UINT32_MAX && v->jump_tb[slot] == tb)
		*e = (struct x64_jump_entry){.pc_key = 0, .flags = UINT32_MAX - 1, .code = e->code};
}

void vcpu_forget_jump(struct vcpu *v, const struct tb *tb)
{
	uint32_t slot = x64_jump_hash(tb->pc_key, JUMP_CACHE_BITS);
	jump_cache_drop(v, tb);
	if (jump_used(v, slot) && v->jump_tb[slot] == tb)
		v->jump_tb[slot] = NULL;
}

/* The block by its name. A flush of translations leaves jump_tb: the block that a slot had is mostly the one
 * to go back into it, and asking it costs fewer cache misses than the store. */
static struct tb *find_block(struct vcpu *v, uint32_t slot, const struct mem_fetch *fetch, uint32_t pc_key)
{
	struct tb *tb = jump_used(v, slot) ? v->jump_tb[slot] : NULL;
	uint32_t flags = v->cpu->tb_flags;
	if (tb && tb->code == fetch->host && tb->pc_key == pc_key && tb->flags == flags &&
	    tb->whole_page == fetch->whole_page && tb->valid)
		return tb;
	const struct code_page *page = tb_page(&v->tbs, fetch->host, false);
	return page && page->tbs ? tb_find(&v->tbs, fetch->host, pc_key, flags, fetch->whole_page) : NULL;
}

struct tb *vcpu_lookup(struct vcpu *v, struct mem_fetch *fetch, bool *fault)
{
	struct arm_cpu *cpu = v->cpu;
	uint32_t slot = x64_jump_hash(cpu->pc, JUMP_CACHE_BITS);
	const struct x64_jump_entry *e = &v->base->jump_cache[slot];
	*fault = false;
	if (jump_used(v, slot) && e->pc_key == cpu->pc && e->flags == cpu->tb_flags)
		return v->jump_tb[slot];
	uint32_t pc_key = cpu->pc;
	unsigned space = arm_space_of(cpu->tb_flags);
	gva_t va = GVA(pc_key & ~1u);
	if (softmmu_fetch(v->mmu, va, space, fetch) != MEM_DONE) {
		*fault = true;
		return NULL;
	}
	if (!fetch->host)
		return NULL;
	struct tb *tb = find_block(v, slot, fetch, pc_key);
	if (!tb)
		tb = vcpu_translate(v, fetch, pc_key);
	if (!tb->host.size)
		return tb;
	jump_cache_fill(v, tb, pc_key);
	if (!tb->whole_page)
		v->subpage_code = true;
	else if (tb->flags & ARM_TB_MMU)
		softmmu_set_exec_tag(v->mmu, space, va, tb->page->tag);
	return tb;
}

void vcpu_flush_code(struct vcpu *v)
{
	for (uint32_t i = 0; i < TB_PAGE_HASH_SIZE && v->tbs.n_pages; i++)
		for (struct code_page *p = v->tbs.page_hash[i]; p; p = p->hash_next)
			softmmu_unprotect_code(v->mmu, p->host);
	if (!tb_store_is_empty(&v->tbs)) { /* each range that a board maps comes here, with nothing made yet */
		memset(v->jump_tb, 0, sizeof v->jump_tb);
		memset(v->jump_used, 0, sizeof v->jump_used);
		v->values = (struct vcpu_values){0};
	}
	tb_store_flush(&v->tbs);
	codebuf_flush(&v->code);
	vcpu_window_forget(v);
	vcpu_ret_reset(v);
	vcpu_clear_jump_cache(v);
	softmmu_flush(v->mmu); /* exec tags name pages that are gone */
	v->stats.code_flushes++;
	if (v->observer.flushed)
		v->observer.flushed(v->observer.opaque);
}

/* With the MMU off, blocks jump to each other because the map is what it was: all go. A device access changes
 * the map inside a block, which must be found again should it fault later on: then they go when it has ended. */
void vcpu_map_changed(struct vcpu *v, gpa_t base, uint64_t size)
{
	vcpu_window_map_changed(v, base, size);
	v->tables.size = 0;
	if (!v->in_block) {
		vcpu_flush_code(v);
		return;
	}
	softmmu_flush(v->mmu);
	vcpu_clear_jump_cache(v);
	v->flush_wanted = true;
	vcpu_kick(v);
}

/* The block that runs now: known to the interpreter, found by host address under the JIT. */
static const struct tb *running_tb(const struct vcpu *v)
{
	if (v->cur_tb)
		return v->cur_tb;
	return v->base->host_pc ? tb_by_host_pc(&v->tbs, v->base->host_pc) : NULL;
}

/* The region goes: its blocks may be parts of others again. */
static void free_parts(const struct tb_region *r)
{
	for (unsigned i = 0; i < r->n_parts; i++)
		if (r->part[i].of && r->part[i].of->n_regions)
			r->part[i].of->n_regions--;
}

/* A region may fall back on its head, so it goes with it. */
static void drop(struct vcpu *v, struct tb *tb)
{
	if (tb->valid && tb->region)
		free_parts(tb->region);
	if (tb->over && tb->over->valid)
		drop(v, tb->over);
	jump_cache_drop(v, tb);
	tb_invalidate(&v->tbs, tb);
}

static void drop_overwritten(struct vcpu *v, struct code_page *page, struct tb *tb, const uint8_t *host, uint64_t size)
{
	if (tb_overlaps_code(tb, host, size))
		tb_expect_more(&v->tbs, tb);
	else
		page->literals_vary = true;
	drop(v, tb);
	v->stats.invalidated_blocks++;
}

/* Drops the page's blocks that overlap. The page of the block that runs stays watched: it may be one that is not in the
 * store (vcpu_translate_once). */
static void drop_overlapping(struct vcpu *v, struct code_page *page, const uint8_t *host, uint64_t size,
			     const struct tb *running)
{
	for (struct tb *tb = page->tbs, *next; tb; tb = next) {
		next = tb->page_next;
		if (tb_overlaps(tb, host, size))
			drop_overwritten(v, page, tb, host, size);
	}
	for (struct tb_visit *visit = page->visitors, *next; visit; visit = next) {
		next = visit->next;
		if (tb_overlaps(visit->tb, host, size))
			drop_overwritten(v, page, visit->tb, host, size);
	}
	if (!tb_page_used(page) && !(running && (uintptr_t)running->code >> PAGE_BITS == (uintptr_t)page->host >> PAGE_BITS))
		softmmu_unprotect_code(v->mmu, page->host);
}

void vcpu_drop_block(struct vcpu *v, struct tb *tb)
{
	struct code_page *page = tb->page;
	drop(v, tb);
	if (!tb_page_used(page))
		softmmu_unprotect_code(v->mmu, page->host);
}

/* Where the guest instruction behind the mark-th one of tb starts. */
static const uint8_t *behind(const struct tb *tb, uint32_t mark)
{
	struct tb_part whole = {.code = tb->code, .pc_key = tb->pc_key, .bytes = tb->bytes};
	const struct tb_part *part = tb->region ? tb_part_at(tb->region, mark) : &whole;
	uint32_t here = tb_mark_pc(tb, mark), end = (part->pc_key & ~1u) + part->bytes;
	uint32_t next = mark + 1 < (tb->region ? tb->host.n_marks : tb->n_insns) ? tb_mark_pc(tb, mark + 1) & ~1u : end;
	if (next <= here || next > end) /* that one is of another part */
		next = end;
	return part->code + (next - (part->pc_key & ~1u));
}

/* Code that was overwritten or remapped meanwhile is cut for nothing, which does no harm. */
void vcpu_cut_behind(struct vcpu *v, struct tb *tb, uint32_t mark)
{
	if (tb_insns_left(tb, mark) <= 1)
		return;
	v->cut[v->n_cuts++ % VCPU_CUTS] = behind(tb, mark);
	if (!tb->valid)
		return;
	drop(v, tb);
}

void vcpu_note_odd(struct vcpu *v, struct tb *tb, uint32_t mark)
{
	const uint8_t *code = tb->region ? tb_part_at(tb->region, mark)->code : tb->code;
	struct code_page *page = tb_page(&v->tbs, code, true);
	bool first = tb_note_odd(&v->tbs, page, tb_mark_pc(tb, mark));
	if (first && tb->region && tb->region->head->region_tries) /* that one was in vain */
		tb->region->head->region_tries--;
	if (tb->valid)
		drop(v, tb);
}

static bool page_overlaps(const struct code_page *page, const uint8_t *host, uint64_t size)
{
	if (!tb_page_may_overlap(page, host, size))
		return false;
	for (const struct tb *tb = page->tbs; tb; tb = tb->page_next)
		if (tb_overlaps(tb, host, size))
			return true;
	for (const struct tb_visit *visit = page->visitors; visit; visit = visit->next)
		if (tb_overlaps(visit->tb, host, size))
			return true;
	return false;
}

/* No block starts there, so nobody would look at stores but for literals: that is not worth it where there are any. */
static bool is_data(const struct code_page *page)
{
	return page->visitors && !page->tbs && !page->n_once;
}

/* softmmu_owner.code_write */
bool vcpu_code_write(void *opaque, uint8_t *at, unsigned n)
{
	struct vcpu *v = opaque;
	struct code_page *page = tb_page(&v->tbs, at, false);
	bool data = page && is_data(page);
	const uint8_t *host = data ? page->host : at;
	uint64_t size = data ? PAGE_SIZE : n;
	bool once = page && tb_forget_once_in(page, host, size);
	/* Compiled blocks are all in the store, so data beside code needs no look for the one that runs. */
	if (!v->cur_tb && (!page || (!once && tb_page_used(page) && !page_overlaps(page, host, size))))
		return true;
	const struct tb *running = v->alone ? NULL : running_tb(v);
	if (running && tb_overlaps(running, host, size)) {
		v->retry = true;
		return false;
	}
	if (page)
		drop_overlapping(v, page, host, size, running);
	return true;
}

/* Where a block that ran once is forgotten, nobody may be left on the page. */
static inline bool hits(struct code_page *page, const uint8_t *host, unsigned size)
{
	return tb_page_may_overlap(page, host, size) || (page->n_once && tb_forget_once_in(page, host, size));
}

/* May a store beside code go on as such on a page where no block starts? */
static __attribute__((noinline)) bool beside_others(struct vcpu *v, struct code_page *page, const uint8_t *host, unsigned size)
{
	if (!tb_page_used(page) || is_data(page) || hits(page, host, size))
		return false;
	bool gone = tb_give_up_once(page);
	if (gone)
		softmmu_unprotect_code(v->mmu, page->host);
	return !gone;
}

bool vcpu_store_beside_code(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value)
{
	uint8_t *host = softmmu_beside_code(v->mmu, GVA(addr), memop);
	unsigned size = memop_size(memop);
	struct code_page *page = host ? tb_page(&v->tbs, host, false) : NULL;
	if (!page || (page->tbs ? hits(page, host, size) : !beside_others(v, page, host, size)))
		return false;
	switch (size) {
	case 1: memcpy(host, &value, 1); break;
	case 2: memcpy(host, &value, 2); break;
	case 4: memcpy(host, &value, 4); break;
	default: memcpy(host, &value, 8); break;
	}
	return true;
}

void vcpu_memory_written(struct vcpu *v, const uint8_t *host, uint64_t size)
{
	const uint8_t *end = host + size;
	while (host < end) {
		const uint8_t *page_end = host - ((uintptr_t)host & PAGE_MASK) + PAGE_SIZE;
		uint64_t n = (uint64_t)(MIN(end, page_end) - host);
		struct code_page *page = tb_page(&v->tbs, host, false);
		if (page && tb_page_used(page)) {
			tb_forget_once_in(page, host, n);
			drop_overlapping(v, page, host, n, NULL);
		}
		host += n;
	}
}
