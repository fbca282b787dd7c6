/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages whose every access is to be seen (watchpoints): a set of virtual pages that get no addends and are taken out of
 * the window, so that code that stays away from them does not notice.
 */
#include <stdlib.h>
#include <string.h>

#include "softmmu/softmmu.h"

static void set_pages(struct watched_pages *w, const struct gva_span *span)
{
	for (uint32_t page = span->first >> PAGE_BITS; page <= span->last >> PAGE_BITS; page++)
		w->bits[page / 32] |= 1u << (page % 32);
}

static uint32_t word_of(const struct watched_pages *w, uint32_t i)
{
	return w ? w->bits[i] : 0;
}

/* Tells the window about each run of pages that changed; `old` is what was there before. */
static void tell_window(struct softmmu *mmu, const struct watched_pages *old)
{
	for (uint32_t i = 0; i < TLB_PAGES / 32; i++) {
		uint32_t changed = word_of(old, i) ^ word_of(mmu->watched, i);
		while (changed) {
			uint32_t first = (uint32_t)__builtin_ctz(changed), end = first;
			while (end < 32 && bit(changed, end))
				changed &= ~(1u << end++);
			window_watch_changed(mmu, 32 * i + first, 32 * i + end);
		}
	}
}

bool softmmu_watch(struct softmmu *mmu, const struct gva_span *span, uint32_t n)
{
	struct watched_pages *old = mmu->watched, *now = NULL;
	if (!n && !old)
		return true;
	if (n && !(now = calloc(1, sizeof *now)))
		return false;
	for (uint32_t i = 0; i < n; i++)
		set_pages(now, &span[i]);
	mmu->watched = now;
	tell_window(mmu, old);
	free(old);
	softmmu_flush(mmu);
	return true;
}

bool softmmu_watched(const struct softmmu *mmu, gva_t va, unsigned size)
{
	return page_watched(mmu, va.v >> PAGE_BITS) || page_watched(mmu, (uint32_t)(va.v + size - 1) >> PAGE_BITS);
}
