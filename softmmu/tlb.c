/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that emitted code reads: filling, flushing, and keeping write addends away from pages
 * with translated code. A flush costs what was filled since the last one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "softmmu/softmmu.h"

/* The host pages that lie wholly inside `size` bytes at `p`: they can be discarded. */
static uint8_t *inner_pages(void *p, size_t size, size_t *inner)
{
	uintptr_t first = ((uintptr_t)p + PAGE_MASK) & ~(uintptr_t)PAGE_MASK;
	uintptr_t end = ((uintptr_t)p + size) & ~(uintptr_t)PAGE_MASK;
	*inner = end > first ? end - first : 0;
	return (uint8_t *)first;
}

/* Zeroes by giving the pages back to the host; the edges share pages with other things. */
static void discard(void *p, size_t size)
{
	size_t inner;
	uint8_t *from = inner_pages(p, size, &inner), *start = p;
	if (!inner || madvise(from, inner, MADV_DONTNEED)) {
		memset(p, 0, size);
		return;
	}
	memset(start, 0, (size_t)(from - start));
	memset(from + inner, 0, (size_t)(start + size - (from + inner)));
}

struct softmmu *softmmu_new(struct address_space *as, struct tlb_tables *tables, const struct softmmu_owner *owner,
			    struct rhea_error *err)
{
	struct softmmu *mmu = calloc(1, sizeof *mmu);
	if (!mmu) {
		error_set(err, RHEA_ERR_MEMORY, "cannot make the softmmu: out of memory");
		return NULL;
	}
	mmu->as = as;
	mmu->tables = tables;
	mmu->owner = *owner;
	mmu->io.epoch = 1;
	/* One addend must not make 2 MiB of the sparse tables resident. Where the host does not
	 * know the advice there is nothing to avoid. */
	size_t inner;
	uint8_t *from = inner_pages(tables, sizeof *tables, &inner);
	(void)madvise(from, inner, MADV_NOHUGEPAGE);
	return mmu;
}

const struct io_slots *softmmu_io(const struct softmmu *mmu)
{
	return &mmu->io;
}

void softmmu_free(struct softmmu *mmu)
{
	if (!mmu)
		return;
	code_pages_free(&mmu->code);
	window_free(mmu->window);
	free(mmu->watched);
	free(mmu);
}

/* ---- filling ---- */

static uint64_t *addend_at(struct softmmu *mmu, enum mem_access access, uint32_t slot)
{
	return &mmu->tables->addend[slot >> 20][access][slot & (TLB_PAGES - 1)];
}

static uint32_t *tag_at(struct softmmu *mmu, uint32_t slot)
{
	return &mmu->tables->exec_tag[slot >> 20][slot & (TLB_PAGES - 1)];
}

static uint32_t slot_of(unsigned space, gva_t va)
{
	return space << 20 | va.v >> PAGE_BITS;
}

void softmmu_set_exec_tag(struct softmmu *mmu, unsigned space, gva_t va, uint32_t tag)
{
	uint32_t slot = slot_of(space, va), *entry = tag_at(mmu, slot);
	assert(space < TLB_SPACES);
	if (!*entry && tag)
		journal_add(&mmu->exec_tags, slot);
	*entry = tag;
}

/* ---- flushing ---- */

static void clear_addends(struct softmmu *mmu, enum mem_access access)
{
	struct journal *j = &mmu->addends[access];
	if (j->lost)
		for (unsigned space = 0; space < TLB_SPACES; space++)
			discard(mmu->tables->addend[space][access], sizeof mmu->tables->addend[space][access]);
	else
		for (uint32_t i = 0; i < j->n; i++)
			*addend_at(mmu, access, j->slot[i]) = 0;
	if (access == MEM_WRITE && j->n)
		memset(mmu->writes.head, 0, sizeof mmu->writes.head);
	j->n = 0;
	j->lost = false;
}

static void clear_exec_tags(struct softmmu *mmu)
{
	struct journal *j = &mmu->exec_tags;
	if (j->lost)
		discard(mmu->tables->exec_tag, sizeof mmu->tables->exec_tag);
	else
		for (uint32_t i = 0; i < j->n; i++)
			*tag_at(mmu, j->slot[i]) = 0;
	j->n = 0;
	j->lost = false;
}

void softmmu_flush(struct softmmu *mmu)
{
	clear_addends(mmu, MEM_READ);
	clear_addends(mmu, MEM_WRITE);
	clear_exec_tags(mmu);
	mmu->io.epoch++;
	memset(mmu->large, 0, sizeof mmu->large);
	mmu->huge = false;
}

void softmmu_slow(struct softmmu *mmu, bool slow)
{
	mmu->slow = slow;
	softmmu_flush(mmu);
}

/* The journals keep the slots: clearing twice does no harm. Entries that are 0 are only read,
 * because writing would make the tables' pages resident. True when an exec tag went. */
static bool clear_pages(struct softmmu *mmu, uint32_t first, uint32_t n)
{
	bool code = false;
	for (unsigned space = 0; space < TLB_SPACES; space++)
		for (uint32_t page = first; page < first + n; page++) {
			uint32_t slot = space << 20 | page;
			for (unsigned a = MEM_READ; a <= MEM_WRITE; a++)
				if (*addend_at(mmu, (enum mem_access)a, slot))
					*addend_at(mmu, (enum mem_access)a, slot) = 0;
			if (*tag_at(mmu, slot)) {
				*tag_at(mmu, slot) = 0;
				code = true;
			}
		}
	return code;
}

/* Empties the slots that may hold walks of the page; another page's in them are made again. */
static void clear_walks(struct softmmu *mmu, gva_t va)
{
	code_slot(mmu, va)->key = 0;
	fetch_slot(mmu, va)->key = 0;
	for (uint32_t at = va.v & ~(uint32_t)PAGE_MASK, n = 0; n < PAGE_SIZE / SUBPAGE_SIZE; n++, at += SUBPAGE_SIZE)
		for (unsigned a = MEM_READ; a <= MEM_EXEC; a++) {
			walk_slot(mmu, GVA(at), (enum mem_access)a)->key = 0;
			if (a != MEM_EXEC)
				mmu->io.slot[a][io_index(GVA(at))].key = 0;
		}
}

/* The guest drops a translation by any address in it: what came from a large page or section
 * goes as a whole. */
bool softmmu_flush_page(struct softmmu *mmu, gva_t va)
{
	uint32_t page = va.v >> PAGE_BITS, mib = va.v >> 20;
	if (mmu->huge) {
		softmmu_flush(mmu);
		return true;
	}
	if (bit(mmu->large[mib / 32], mib % 32)) {
		mmu->io.epoch++;
		return clear_pages(mmu, mib << 8, 256);
	}
	clear_walks(mmu, va);
	return clear_pages(mmu, page, 1);
}

/* A slot may be in its journal more than once, when pages were flushed one by one: the last time counts. */
static bool comes_again(const struct journal *j, uint32_t i)
{
	for (uint32_t k = i + 1; k < j->n; k++)
		if (j->slot[k] == j->slot[i])
			return true;
	return false;
}

uint32_t softmmu_each_entry(struct softmmu *mmu,
			    void (*entry)(void *ctx, gva_t va, enum mem_access access, unsigned space, const uint8_t *host),
			    void *ctx)
{
	uint32_t n = 0;
	for (unsigned a = MEM_READ; a <= MEM_WRITE; a++) {
		const struct journal *j = &mmu->addends[a];
		for (uint32_t i = 0; i < j->n && !j->lost; i++) {
			uint64_t addend = *addend_at(mmu, (enum mem_access)a, j->slot[i]);
			gva_t va = GVA(j->slot[i] << PAGE_BITS);
			if (!addend || comes_again(j, i))
				continue;
			entry(ctx, va, (enum mem_access)a, j->slot[i] >> 20, (const uint8_t *)(uintptr_t)(addend + va.v));
			n++;
		}
	}
	return n;
}

/* ---- pages with translated code ---- */

/* Clears the write addends of a host page, and takes void entries out of its chain. */
static void drop_write_addends(struct softmmu *mmu, uint64_t page)
{
	const struct journal *j = &mmu->addends[MEM_WRITE];
	if (j->lost) {
		clear_addends(mmu, MEM_WRITE);
		return;
	}
	uint16_t *link = &mmu->writes.head[write_bucket(page)];
	while (*link) {
		uint32_t entry = *link - 1u, slot = j->slot[entry];
		uint64_t *addend = addend_at(mmu, MEM_WRITE, slot);
		uint64_t mapped = (*addend + ((uint64_t)(slot & (TLB_PAGES - 1)) << PAGE_BITS)) >> PAGE_BITS;
		if (*addend && mapped == page)
			*addend = 0;
		if (*addend && write_bucket(mapped) == write_bucket(page))
			link = &mmu->writes.next[entry];
		else
			*link = mmu->writes.next[entry];
	}
}

void softmmu_forget_writes(struct softmmu *mmu, const uint8_t *host)
{
	if (host)
		drop_write_addends(mmu, host_page(host));
	else
		clear_addends(mmu, MEM_WRITE);
}

bool softmmu_has_code(const struct softmmu *mmu, const uint8_t *host)
{
	return code_pages_has(&mmu->code, host_page(host));
}

void softmmu_protect_code(struct softmmu *mmu, const uint8_t *host)
{
	if (!code_pages_add(&mmu->code, host_page(host)))
		return;
	drop_write_addends(mmu, host_page(host));
	if (mmu->window)
		window_protect(mmu, host);
}

void softmmu_unprotect_code(struct softmmu *mmu, const uint8_t *host)
{
	code_pages_remove(&mmu->code, host_page(host));
}
