/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translated blocks (TBs): who they are, where their guest code lies, who jumps to whom.
 *
 * A TB is named by the host address of its guest code (which stands for the physical page, whatever
 * its aliases), its pc key and the flags it was translated under. A TB never crosses a 4 KiB
 * page, unless it is a region: that is a visitor on the pages of its other parts. Invalid TBs are never found or jumped to again; their memory lives until the next flush of the whole store,
 * so that a block may invalidate itself.
 */
#ifndef RHEA_TB_H
#define RHEA_TB_H

#include "backend-x86_64/x64.h"
#include "base/arena.h"
#include "frontend-arm/translate.h"

struct code_page;

/* A place where emitted code goes on to another TB, known or not yet. Its address is what `enter` comes back with. */
struct tb_exit {
	struct tb *tb;           /* whose it is */
	struct tb *to;           /* linked to; NULL = not linked */
	struct tb_exit *next_in; /* of `to` */
	uint32_t owed;           /* flags that are owed there (owed.h) */
	uint32_t key;            /* a block of one guest block: the pc key it leads to, where it is `used` */
	uint8_t link;            /* enum ir_link */
	bool used;
};

/* A block is made of bytes on another page than its own, too. */
struct tb_visit {
	struct tb *tb;
	struct code_page *page;
	struct tb_visit *next, *next_of_tb; /* of the page, of the block */
};

#define TB_REGION_PAGES 4u

/* Several guest blocks in one unit (region.c). What the TB says of itself is its head's. */
struct tb_region {
	uint16_t n_others;
	struct x64_other_page other[TB_REGION_PAGES - 1]; /* with the MMU on: pages whose mapping is looked at where it is entered */
	struct tb *head;         /* as it is compiled by itself */
	uint32_t assumes;        /* as in ir_unit: who enters it looks, and goes on at the head when it does not hold */
	const uint16_t *left;    /* by guest instruction: how many are charged and not executed when it starts */
	uint16_t n_parts;
	struct tb_part {
		const uint8_t *code;
		uint32_t pc_key;
		uint16_t bytes;
		struct arm_literals literals;
		uint16_t first;      /* its first guest instruction in the unit */
		struct tb *of;       /* the block it is a copy of; NULL for all but the first of several copies */
		uint32_t counter;    /* of vcpu_base.tb_count: its runs here; 0 = not counted */
	} part[];
};
#define TB_EXITS 3u /* of a unit that is one guest block: two ways out, and where a call comes back to */
#define TB_FIRST_LANDING 2u

struct tb {
	const uint8_t *code; /* guest code, host address */
	uint32_t pc_key, flags;
	uint16_t bytes;      /* of guest code */
	struct arm_literals literals; /* that the code is made of, too: what it loads from there is constant in it */
	const uint32_t *odd; /* its page's, when a region was planned with it */
	uint16_t n_insns;    /* charged when it is entered */
	bool valid;
	bool ran_before;     /* compiled because it was reached a second time */
	bool whole_page;     /* the page is mapped by one translation: links across pages may check its tag */
	struct tb *hash_next, *page_next;
	struct code_page *page;
	struct tb_visit *visits;
	struct tb_exit *exit; /* by slot of host: those of the unit, then where its calls come back to */
	uint16_t n_exits, first_landing;
	uint16_t samples;    /* how often the budget ran out here */
	uint8_t region_tries;
	uint8_t n_regions;   /* that it was made a part of */
	bool fixed, lone, calls, returns; /* as in arm_unit_flags */
	struct tb_region *region; /* NULL: one guest block */
	struct tb *over;     /* the region that it is the head of, which goes when this goes */
	uint32_t wary;       /* what that is not to assume any more: it did not hold too often */
	struct tb_exit *in;  /* those that jump here */
	uint32_t counter;    /* of vcpu_base.tb_count: its runs; 0 = not counted */
	uint64_t value_sites; /* as in arm_unit_flags */
	bool may_pass;       /* likewise */
	struct arm_debtor entry; /* JIT: of the code compiled */
	struct x64_code host;    /* JIT */
	struct ir_unit *unit;    /* interpreter and lockstep: the optimised unit; JIT: as lowered, in a block that is not kept */
};

#define TB_GRANULE_BITS 4u

/* What was sampled of the blocks that start in a part of a page (region_policy.c). */
#define TB_CELL_BITS 9u
struct tb_cell {
	uint32_t since; /* vcpu.slices when it was for the first time; 0 = never */
	uint32_t heat;  /* how often since one of them last became the head of a region */
};

/* A 4 KiB host page with translated code. `tag` identifies it in exec tags (never 0). */
struct code_page {
	const uint8_t *host;
	uint32_t tag;
	uint32_t n_once;
	uint32_t *odd;       /* instructions whose accesses were met unaligned (arm_translate_request.odd); NULL = none */
	uint8_t once_given_up; /* how often all of `once` was forgotten */
	uint16_t stores;    /* of compiled code, beside `once` and since that grew */
	bool literals_vary; /* somebody stores to what code loads: no constants are made of it any more */
	uint32_t at_once; /* counts new blocks down: those before 0 are compiled on their first run (tb_compile_at_once) */
	struct tb *tbs;
	struct tb_visit *visitors;
	struct code_page *hash_next;
	struct tb_cell cell[PAGE_SIZE >> TB_CELL_BITS];
	uint32_t granule[PAGE_SIZE >> TB_GRANULE_BITS]; /* how many blocks of `tbs` have bytes there */
	/* By halfword: the length in halfwords of a block that starts there and ran without being kept; 0 = none. */
	uint8_t once[PAGE_SIZE / 2];
};

#define TB_COLD_RUNS 4u /* a block is compiled on the run behind these ... */
#define TB_RUNS_BITS 11u

#define TB_PAGE_HASH_BITS 11u
#define TB_PAGE_HASH_SIZE (1u << TB_PAGE_HASH_BITS)

struct tb_store {
	struct arena arena;          /* TBs, pages, mark tables: all die in tb_store_flush */
	struct tb **hash;
	struct code_page **page_hash, *last_page; /* the one that was asked for last, or NULL */
	struct tb **by_host;         /* JIT: in order of host code address */
	uint32_t n_by_host, cap_by_host, n_pages, n_valid, n_made;
	uint64_t generation;         /* counts flushes */
	/* ... by its place in the page and its first halfword; several share a count. So what is compiled again after a flush, or in a guest of many
	 * thousand blocks, waits for its second run only. */
	uint8_t runs[1u << TB_RUNS_BITS];
	bool code_changes;           /* compiled code was overwritten, as compilers and systems do: all blocks wait for their second run only */
	ptrdiff_t rx_delta;
};

enum rhea_status tb_store_init(struct tb_store *s, ptrdiff_t rx_delta, struct rhea_error *err);
void tb_store_free(struct tb_store *s);
static inline bool tb_store_is_empty(const struct tb_store *s) { return !s->n_made && !s->n_pages; }
/* Forgets every TB and page. */
void tb_store_flush(struct tb_store *s);

/* Blocks of a page mapped as a whole and of 1 KiB subpages are not the same: the former may reach into a subpage that
 * is mapped otherwise now. */
struct tb *tb_find(const struct tb_store *s, const uint8_t *code, uint32_t pc_key, uint32_t flags, bool whole_page);
/* A new TB in the store's arena, not yet findable. */
struct tb *tb_new(struct tb_store *s, unsigned n_exits);
/* Makes tb findable: by name, by its page and (when compiled) by host address. */
void tb_insert(struct tb_store *s, struct tb *tb);
/* The page of a host address; made when `create`. */
struct code_page *tb_page_find(struct tb_store *s, const uint8_t *host, bool create);
static inline const uint8_t *tb_page_start(const uint8_t *host) { return host - ((uintptr_t)host & PAGE_MASK); }
static inline struct code_page *tb_page(struct tb_store *s, const uint8_t *host, bool create)
{
	return s->last_page && s->last_page->host == tb_page_start(host) ? s->last_page : tb_page_find(s, host, create);
}
/* Must stores to the page be seen? */
static inline bool tb_page_used(const struct code_page *p)
{
	return p->tbs || p->visitors || p->n_once;
}

/* Of blocks that ran a few times the store knows a length at an address, and how often. Code that is changed is new. */
bool tb_ran_enough(struct tb_store *s, const uint8_t *code);
void tb_note_once(struct tb_store *s, struct code_page *p, const uint8_t *code, uint32_t bytes);
/* Code is written anew where `tb` was, which ran more than once: what comes will, too, and some blocks need not show it. */
void tb_expect_more(struct tb_store *s, struct tb *tb);
bool tb_compile_at_once(struct tb_store *s, const uint8_t *code);
/* An access of the guest instruction at `pc`, in a block of the page, was not aligned. False: so was one before. */
bool tb_note_odd(struct tb_store *s, struct code_page *p, uint32_t pc);
void tb_forget_once(struct code_page *p, const uint8_t *code);
/* Forgets those that overlap [host, host + size), which lies in the page; false when there are none. */
bool tb_forget_once_in(struct code_page *p, const uint8_t *host, uint64_t size);
/* Compiled code stores beside blocks that ran once. Where nothing else is known of the page, and that goes on, they are forgotten, so that these stores
 * need not be seen: a program's data follow its start-up code. Not for ever: what runs again and again there shall be compiled. False: kept. */
bool tb_give_up_once(struct code_page *p);

/* Lets exit `from` jump straight to `to`, entering at host address `target`. */
void tb_link(struct tb_store *s, struct tb_exit *from, struct tb *to, uint64_t target);
void tb_unlink(struct tb_store *s, struct tb_exit *from);
/* Undoes every link into tb, and takes tb from the hash and its page. */
void tb_invalidate(struct tb_store *s, struct tb *tb);

/* The TB whose emitted code contains host address `pc` (valid or not), NULL when none does. */
struct tb *tb_by_host_pc(const struct tb_store *s, uint64_t pc);
/* The site with return address `pc` in tb. */
const struct x64_site *tb_site(const struct tb *tb, uint64_t pc);
/* May blocks of the page have bytes of [host, host + size), which lies in it? */
static inline bool tb_page_may_overlap(const struct code_page *p, const uint8_t *host, uint64_t size)
{
	uint32_t first = (uint32_t)((uintptr_t)host & PAGE_MASK);
	for (uint32_t i = first >> TB_GRANULE_BITS; i <= (first + size - 1) >> TB_GRANULE_BITS; i++)
		if (p->granule[i])
			return true;
	return false;
}
/* Has it translated bytes of [host, host + size)? */
bool tb_overlaps(const struct tb *tb, const uint8_t *host, uint64_t size);
/* Instructions, or only what they load? */
bool tb_overlaps_code(const struct tb *tb, const uint8_t *host, uint64_t size);
/* How many instructions are charged and not executed when guest instruction `mark` starts, itself included. */
static inline uint32_t tb_insns_left(const struct tb *tb, uint32_t mark)
{
	return tb->region ? tb->region->left[mark] : tb->n_insns - mark;
}
/* The part of tb->region that guest instruction `mark` is of. */
const struct tb_part *tb_part_at(const struct tb_region *r, uint32_t mark);
/* The pc key of guest instruction `mark` of tb. */
uint32_t tb_mark_pc(const struct tb *tb, uint32_t mark);
/* Index of the guest instruction of the site with return address `pc` in tb. */
uint32_t tb_site_mark(const struct tb *tb, uint64_t pc);

#endif
