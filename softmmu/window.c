/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window: RAM and ROM once more, at `at + physical address` (tlb.h says what for).
 *
 * Invariants: a page that is mapped there is what the physical map has at that address, in a MiB that is open; it is
 * writable only if it is RAM without translated code, and not there at all if it is watched. `read_only` has a bit for each RAM page that was made read-only
 * because of code; it may hold none any more.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "softmmu/address_space.h"
#include "softmmu/softmmu.h"

#define MIB_BITS 20u

struct window {
	uint8_t *at;
	struct window_mask open;
	bool broken;                       /* the host refused a change: all closed */
	uint32_t read_only[TLB_PAGES / 32];
};

static bool mib_open(const struct window *w, uint64_t pa)
{
	return bit(w->open.mib[pa >> (MIB_BITS + 5)], (unsigned)(pa >> MIB_BITS) & 31u);
}

/* Takes away what is mapped there. */
static bool reserve(struct window *w, uint64_t from, uint64_t end)
{
	return mmap(w->at + from, end - from, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) !=
	       MAP_FAILED;
}

static void give_up(struct window *w)
{
	w->broken = true;
	memset(&w->open, 0, sizeof w->open);
	/* Where the host has more mappings than it allows it refuses this, too, but can still join those that there are. */
	if (!reserve(w, 0, WINDOW_SIZE) && mprotect(w->at, WINDOW_SIZE, PROT_NONE))
		abort(); /* stores to pages with code would go unseen */
}

/* ---- mapping ---- */

/* [from, end): whole pages of one range, in open MiB. */
static bool map_run(struct softmmu *mmu, const struct mem_range *r, uint64_t from, uint64_t end)
{
	int fd;
	uint64_t offset;
	if (!as_backing(mmu->as, r, &fd, &offset))
		return true; /* memory of a client's: served by the slow path */
	int prot = r->kind == RANGE_RAM ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(mmu->window->at + from, end - from, prot, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd,
		       (off_t)(offset + (from - r->base.v)));
	if (p == MAP_FAILED)
		return false;
	(void)madvise(p, end - from, MADV_DONTDUMP); /* as the memory itself, address_space.c */
	return true;
}

/* The open runs of a range inside [from, end), which lie on page boundaries. */
static bool map_range(struct softmmu *mmu, const struct mem_range *r, uint64_t from, uint64_t end)
{
	for (uint64_t at = from, stop; at < end; at = stop) {
		bool open = mib_open(mmu->window, at);
		stop = at;
		do
			stop = ((stop >> MIB_BITS) + 1) << MIB_BITS;
		while (stop < end && mib_open(mmu->window, stop) == open);
		stop = MIN(stop, end);
		if (open && !map_run(mmu, r, at, stop))
			return false;
	}
	return true;
}

static void clear_read_only(struct window *w, uint64_t from, uint64_t end)
{
	for (uint64_t page = from >> PAGE_BITS; page < end >> PAGE_BITS;) {
		bool whole = page % 32 == 0 && (end >> PAGE_BITS) - page >= 32;
		w->read_only[page / 32] &= whole ? 0 : ~(1u << (page % 32));
		page += whole ? 32 : 1;
	}
}

/* Takes the watched pages out of [from, end). */
static bool hide_watched(const struct softmmu *mmu, uint64_t from, uint64_t end)
{
	bool ok = true;
	for (uint64_t at = from, stop; ok && mmu->watched && at < end; at = stop) {
		bool watched = page_watched(mmu, (uint32_t)(at >> PAGE_BITS));
		for (stop = at + PAGE_SIZE; stop < end && page_watched(mmu, (uint32_t)(stop >> PAGE_BITS)) == watched;)
			stop += PAGE_SIZE;
		ok = !watched || mprotect(mmu->window->at + at, stop - at, PROT_NONE) == 0;
	}
	return ok;
}

/* Makes [from, end) what the map and the open MiB say. */
static void sync_span(struct softmmu *mmu, uint64_t from, uint64_t end)
{
	struct window *w = mmu->window;
	bool ok = reserve(w, from, end);
	clear_read_only(w, from, end);
	unsigned n;
	const struct mem_range *r = as_ranges(mmu->as, &n);
	for (unsigned i = 0; ok && i < n && r[i].base.v < end; i++) {
		uint64_t first = (MAX(r[i].base.v, from) + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
		uint64_t last = MIN(r[i].base.v + r[i].size, end) & ~(uint64_t)PAGE_MASK;
		if (r[i].kind != RANGE_MMIO && first < last)
			ok = map_range(mmu, &r[i], first, last);
	}
	if (!ok || !hide_watched(mmu, from, end)) {
		give_up(w);
		return;
	}
	for (uint32_t i = 0; i < mmu->code.cap; i++)
		if (mmu->code.slot[i])
			window_protect(mmu, (const uint8_t *)(uintptr_t)(mmu->code.slot[i] << PAGE_BITS));
}

/* ---- pages with code ---- */

static bool protect_page(struct softmmu *mmu, uint64_t pa)
{
	struct window *w = mmu->window;
	uint64_t page = pa >> PAGE_BITS;
	if (bit(w->read_only[page / 32], page % 32) || !mib_open(w, pa) || page_watched(mmu, (uint32_t)page))
		return true;
	w->read_only[page / 32] |= 1u << (page % 32);
	return mprotect(w->at + (page << PAGE_BITS), PAGE_SIZE, PROT_READ) == 0;
}

void window_protect(struct softmmu *mmu, const uint8_t *host)
{
	struct window *w = mmu->window;
	unsigned n;
	const struct mem_range *r = as_ranges(mmu->as, &n);
	host = (const uint8_t *)((uintptr_t)host & ~(uintptr_t)PAGE_MASK);
	/* The same bytes may be seen at several addresses. Only whole pages are mapped, and no client's memory. */
	for (unsigned i = 0; i < n && !w->broken; i++) {
		if (r[i].kind != RANGE_RAM || r[i].is_clients || host < r[i].host || (uint64_t)(host - r[i].host) + PAGE_SIZE > r[i].size)
			continue;
		uint64_t pa = r[i].base.v + (uint64_t)(host - r[i].host);
		if (pa < WINDOW_SIZE && !(pa & PAGE_MASK) && !protect_page(mmu, pa))
			give_up(w);
	}
}

void softmmu_window_reopen(struct softmmu *mmu, gva_t va)
{
	struct window *w = mmu->window;
	uint32_t page = va.v >> PAGE_BITS;
	if (!bit(w->read_only[page / 32], page % 32) || !mib_open(w, va.v) || page_watched(mmu, page))
		return;
	if (mprotect(w->at + ((uint64_t)page << PAGE_BITS), PAGE_SIZE, PROT_READ | PROT_WRITE))
		give_up(w);
	else
		w->read_only[page / 32] &= ~(1u << (page % 32));
}

/* ---- the owner's side ---- */

bool softmmu_use_window(struct softmmu *mmu, uint8_t *at)
{
	mmu->window = calloc(1, sizeof *mmu->window);
	if (mmu->window)
		mmu->window->at = at;
	return mmu->window != NULL;
}

void window_free(struct window *w)
{
	free(w);
}

void softmmu_window_wanted(const struct softmmu *mmu, struct window_mask *out)
{
	unsigned n;
	const struct mem_range *r = as_ranges(mmu->as, &n);
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < n && r[i].base.v < WINDOW_SIZE; i++) {
		int fd;
		uint64_t offset, end = MIN(r[i].base.v + r[i].size, WINDOW_SIZE);
		if (r[i].kind == RANGE_MMIO || !as_backing(mmu->as, &r[i], &fd, &offset))
			continue;
		for (uint64_t mib = r[i].base.v >> MIB_BITS; mib << MIB_BITS < end;) {
			bool whole = mib % 32 == 0 && (mib + 32) << MIB_BITS <= end;
			out->mib[mib / 32] |= whole ? UINT32_MAX : 1u << (mib % 32);
			mib += whole ? 32 : 1;
		}
	}
}

bool softmmu_window_set(struct softmmu *mmu, const struct window_mask *open)
{
	struct window *w = mmu->window;
	if (!w || w->broken)
		return false;
	struct window_mask old = w->open;
	if (memcmp(&old, open, sizeof old) == 0)
		return true;
	w->open = *open;
	/* Runs of MiB that change are made anew. */
	for (uint32_t mib = 0, end; mib < WINDOW_MIB; mib = end) {
		bool was = bit(old.mib[mib / 32], mib % 32), is = bit(open->mib[mib / 32], mib % 32);
		if (mib % 32 == 0 && old.mib[mib / 32] == open->mib[mib / 32]) {
			end = mib + 32;
			continue;
		}
		for (end = mib + 1; end < WINDOW_MIB; end++)
			if (bit(old.mib[end / 32], end % 32) != was || bit(open->mib[end / 32], end % 32) != is)
				break;
		if (was != is && !w->broken)
			sync_span(mmu, (uint64_t)mib << MIB_BITS, (uint64_t)end << MIB_BITS);
	}
	return !w->broken;
}

bool softmmu_window_open(struct softmmu *mmu, gva_t va)
{
	struct window *w = mmu->window;
	uint32_t mib = va.v >> MIB_BITS;
	if (w->broken)
		return false;
	w->open.mib[mib / 32] |= 1u << (mib % 32);
	sync_span(mmu, (uint64_t)mib << MIB_BITS, (uint64_t)(mib + 1) << MIB_BITS);
	return !w->broken;
}

void softmmu_window_changed(struct softmmu *mmu, gpa_t base, uint64_t size)
{
	if (!mmu->window || mmu->window->broken || base.v >= WINDOW_SIZE)
		return;
	uint64_t from = base.v & ~(uint64_t)PAGE_MASK;
	uint64_t end = (MIN(base.v + size, WINDOW_SIZE) + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
	/* What is closed shows nothing. A board maps dozens of devices there. */
	for (uint64_t mib = from >> MIB_BITS; mib << MIB_BITS < end; mib++)
		if (mib_open(mmu->window, mib << MIB_BITS)) {
			sync_span(mmu, from, end);
			return;
		}
}

/* What is closed shows nothing. */
void window_watch_changed(struct softmmu *mmu, uint32_t first, uint32_t end)
{
	for (uint32_t page = first, stop; page < end && mmu->window && !mmu->window->broken; page = stop) {
		stop = MIN((page | 255u) + 1, end);
		if (mib_open(mmu->window, (uint64_t)page << PAGE_BITS))
			sync_span(mmu, (uint64_t)page << PAGE_BITS, (uint64_t)stop << PAGE_BITS);
	}
}

bool softmmu_window_is_open(const struct softmmu *mmu, gva_t va)
{
	return mmu->window && mib_open(mmu->window, va.v);
}

bool softmmu_window_serves(const struct softmmu *mmu, gva_t va, bool write)
{
	if (!softmmu_window_is_open(mmu, va) || page_watched(mmu, va.v >> PAGE_BITS))
		return false;
	const struct mem_range *r = as_find(mmu->as, GPA(va.v));
	int fd;
	uint64_t offset;
	if (!r || r->kind == RANGE_MMIO || (write && r->kind != RANGE_RAM) || !as_backing(mmu->as, r, &fd, &offset))
		return false;
	uint64_t page = va.v & ~PAGE_MASK;
	if (page < r->base.v || page + PAGE_SIZE > r->base.v + r->size)
		return false;
	return !write || !code_pages_has(&mmu->code, host_page(r->host + (va.v - r->base.v)));
}
