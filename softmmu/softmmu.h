/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the softmmu, shared by softmmu.c (data accesses), fetch.c (code and debuggers), tlb.c
 * (tables, journals, flushes), codepages.c (the set of pages with translated code), watched.c (pages whose
 * accesses somebody wants to see) and window.c (memory at its own addresses).
 *
 * Invariants: a non-zero addend or exec tag is in its journal unless the journal is `lost`; no
 * write addend exists for a page in the code set, no addend at all for a watched page.
 */
#ifndef RHEA_SOFTMMU_H
#define RHEA_SOFTMMU_H

#include "softmmu/io.h"

/* Entries a journal holds. Above it, discarding the host's pages of the tables is cheaper than clearing
 * entries one by one (1.3 to 2.2 ns each against 14 to 24 us). */
#define JOURNAL_MAX 16384u

/* Where a table is not zero, as space << 20 | page. May name an entry twice. */
struct journal {
	uint32_t n;
	bool lost; /* more were filled than it holds */
	uint32_t slot[JOURNAL_MAX];
};

/* The write journal's entries by host page, so that marking a code page finds its addends at once. Chains of
 * journal entry + 1, 0 = end; a chain may name entries that are void by now. */
#define WRITE_BUCKETS 1024u
struct write_index {
	uint16_t head[WRITE_BUCKETS];
	uint16_t next[JOURNAL_MAX];
};

_Static_assert(JOURNAL_MAX <= UINT16_MAX, "journal entry + 1 fits the chains");

/* Results of page walks, for accesses that got no addend (device registers, code pages, 1 KiB subpages) and for fetches. */
#define WALK_SLOTS 64u
#define SUBPAGE_BITS IO_PAGE_BITS
#define SUBPAGE_SIZE 1024u
#define SUBPAGE_MASK (SUBPAGE_SIZE - 1u)

struct walk_slot {
	uint64_t key;  /* walk_key(); 0 = empty */
	uint64_t page; /* physical address of the subpage | whole */
	const struct mem_range *range; /* the one that holds all of the subpage, NULL when there is none */
	uint8_t rights; /* mem_walk.rights */
};
#define WALK_WHOLE 1u /* in walk_slot.page: the same for the whole 4 KiB page */

/* Pages with code that were stored to lately: where they are. For accesses that the owner looks at by itself. */
#define CODE_SLOTS 16u
struct code_slot {
	uint64_t key;    /* code_key(); 0 = empty */
	uint64_t addend; /* host address - virtual address */
};

/* Pages that code was fetched from lately, where they are memory and one translation. */
#define FETCH_SLOTS 8u
struct fetch_slot {
	uint64_t key;        /* code_key(); 0 = empty */
	const uint8_t *host; /* where it starts, */
	gpa_t pa;            /* and the same for the guest */
};

/* Set of host pages (address >> PAGE_BITS), open addressing; 0 = empty. */
struct code_pages {
	uint64_t *slot;
	uint32_t n, cap; /* cap: power of two, or 0 */
};

/* By virtual page. */
struct watched_pages {
	uint32_t bits[TLB_PAGES / 32];
};

struct softmmu {
	struct address_space *as;
	struct tlb_tables *tables;
	struct softmmu_owner owner;
	struct io_slots io;          /* io.epoch counts flushes: what walk slots of earlier ones hold is void, too */
	struct walk_slot walk[WALK_SLOTS];
	struct code_slot code_slot[CODE_SLOTS];
	struct fetch_slot fetch_slot[FETCH_SLOTS];
	uint32_t large[4096 / 32];   /* a bit for each MiB: some page of it was filled from a walk of 16 or 20 bits */
	bool slow;                   /* no addends: every access comes to softmmu_load and softmmu_store */
	bool huge;                   /* something was filled from a walk of more than 20 bits */
	struct code_pages code;
	struct watched_pages *watched; /* NULL = none */
	struct window *window;       /* NULL = none */
	struct journal addends[2];   /* by enum mem_access */
	struct journal exec_tags;
	struct write_index writes;
};

/* What slots are found by: void after a flush. */
static inline uint64_t walk_key(const struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space)
{
	return mmu->io.epoch << 26 | (uint64_t)space << 24 | (uint64_t)access << 22 | va.v >> SUBPAGE_BITS;
}

static inline struct walk_slot *walk_slot(struct softmmu *mmu, gva_t va, enum mem_access access)
{
	return &mmu->walk[(va.v >> SUBPAGE_BITS ^ va.v >> (SUBPAGE_BITS + 6) ^ (unsigned)access << 4) % WALK_SLOTS];
}

/* Void after a flush, too. */
static inline uint64_t code_key(const struct softmmu *mmu, gva_t va, unsigned space)
{
	return mmu->io.epoch << 26 | (uint64_t)space << 22 | va.v >> PAGE_BITS;
}

static inline struct code_slot *code_slot(struct softmmu *mmu, gva_t va)
{
	return &mmu->code_slot[(va.v >> PAGE_BITS) % CODE_SLOTS];
}

static inline struct fetch_slot *fetch_slot(struct softmmu *mmu, gva_t va)
{
	return &mmu->fetch_slot[(va.v >> PAGE_BITS) % FETCH_SLOTS];
}

/* Where an access goes. */
struct place {
	uint8_t *host;   /* NULL: not memory for this kind of access */
	gpa_t pa;        /* valid when host was not taken from an addend */
	uint32_t room;   /* contiguous bytes from here in this subpage (or page) and range */
	const struct mem_range *device; /* the device that answers for all of this subpage, or NULL */
	bool ram;        /* plain RAM */
	bool code;       /* a store here must ask owner->code_write first */
	bool whole_page; /* the whole 4 KiB page lies in one range, under one translation */
};

/* Translates, and fills the TLB when the page may have an addend. False: guest fault recorded. */
bool softmmu_resolve(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, struct place *p);

static inline uint64_t host_page(const uint8_t *host)
{
	return (uintptr_t)host >> PAGE_BITS;
}

/* False when the journal is full. */
static inline bool journal_add(struct journal *j, uint32_t slot)
{
	if (j->n == JOURNAL_MAX) {
		j->lost = true;
		return false;
	}
	j->slot[j->n++] = slot;
	return true;
}

static inline uint32_t write_bucket(uint64_t page)
{
	return (uint32_t)(page ^ page >> 10) % WRITE_BUCKETS;
}

/* Gives the page of `va`, which has none, an addend. */
static inline void tlb_fill(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, const uint8_t *host)
{
	uint32_t page = va.v >> PAGE_BITS;
	if (journal_add(&mmu->addends[access], space << 20 | page) && access == MEM_WRITE) {
		/* The last entry joins the chain of its host page. */
		uint32_t n = mmu->addends[MEM_WRITE].n;
		uint16_t *head = &mmu->writes.head[write_bucket(host_page(host))];
		mmu->writes.next[n - 1] = *head;
		*head = (uint16_t)n;
	}
	mmu->tables->addend[space][access][page] = (uintptr_t)host - va.v;
}

/* watched.c */
static inline bool page_watched(const struct softmmu *mmu, uint32_t page)
{
	return mmu->watched && bit(mmu->watched->bits[page / 32], page % 32);
}

/* window.c: the page of a host address now holds code. */
void window_protect(struct softmmu *mmu, const uint8_t *host);
/* The pages [first, end) are watched now, or not any more. */
void window_watch_changed(struct softmmu *mmu, uint32_t first, uint32_t end);
void window_free(struct window *w);

/* add and remove return whether the set changed. */
bool code_pages_has(const struct code_pages *c, uint64_t page);
bool code_pages_add(struct code_pages *c, uint64_t page);
bool code_pages_remove(struct code_pages *c, uint64_t page);
void code_pages_free(struct code_pages *c);

#endif
