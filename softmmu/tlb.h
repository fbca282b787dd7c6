/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The softmmu: guest virtual accesses of one vCPU.
 *
 * Fast path, in emitted code: a flat table of 2^20 addends per MMU index and access kind, one
 * for each 4 KiB page; addend + gva is the host address; 0 means "ask the slow path". A page gets an
 * addend only when the whole page is plain RAM (reads: RAM or ROM) with one permission; pages that
 * hold translated code get no write addend. Accesses that are not naturally aligned go slow.
 * Filled tables are remembered in a journal, so that a flush costs what was filled.
 *
 * Exec tags, one uint32_t a page and MMU index: an opaque non-zero number of the physical page
 * that the virtual page executes from now, 0 = not known. Set and compared by the runtime and by cross-page
 * jumps in emitted code, cleared by every flush.
 */
#ifndef RHEA_TLB_H
#define RHEA_TLB_H

#include "softmmu/memory.h"

#define TLB_SPACES 4u             /* MMU indices: even = user, odd = privileged; a pair for each of two settings of access
				   * control that the owner changes between without a flush */
#define TLB_PAGES (1u << 20)      /* of 4 KiB each: the 4 GiB of a 32-bit guest */

enum mem_access { MEM_READ, MEM_WRITE, MEM_EXEC };

/* Read-only to emitted code. One object, mmap'ed sparse: resident only where touched. */
struct tlb_tables {
	uint64_t addend[TLB_SPACES][2][TLB_PAGES]; /* [space][MEM_READ or MEM_WRITE][gva >> 12] */
	uint32_t exec_tag[TLB_SPACES][TLB_PAGES];
};

/* Result of a page walk. */
struct mem_walk {
	gpa_t pa;           /* of the address asked for */
	uint8_t page_bits;  /* the walk is valid for the naturally aligned 2^page_bits bytes around it
			       (10 for 1 KiB subpages, 12, 16, 20, 32) */
	uint8_t rights;     /* accesses that this walk would allow as well, as bits 1 << enum mem_access; 0 = not known */
};

/* Outcome of an access. */
enum mem_status {
	MEM_DONE,
	MEM_FAULT, /* the guest takes an exception: what it is was recorded by the walker's owner */
	MEM_RETRY, /* nothing was done: the store would change the running block's own code; see on_code_write */
};

enum mem_fault { MEM_FAULT_ALIGN, MEM_FAULT_BUS };

/*
 * What the softmmu asks of its owner. All called on the vCPU's thread.
 *   walk        translates; returns false after recording the guest fault itself
 *   probe       as walk, without any effect on the guest's state; NULL: softmmu_debug reaches nothing
 *   fault       records an alignment fault or an external abort for this access
 *   code_write  a store of `size` bytes to host address `host`, in a page marked by
 *               softmmu_protect_code, is about to happen: drop what overlaps. Returns false for
 *               "retry" (MEM_RETRY): the store must not happen now.
 *   before_io   a device access is about to happen (clock must be exact); NULL: there is no need to know
 */
struct softmmu_owner {
	void *opaque;
	bool (*walk)(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out);
	bool (*probe)(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out);
	void (*fault)(void *opaque, enum mem_fault what, gva_t va, enum mem_access access, unsigned space);
	bool (*code_write)(void *opaque, uint8_t *host, unsigned size);
	void (*before_io)(void *opaque);
};

struct softmmu;

/* `tables` (zeroed, sizeof(struct tlb_tables)) stays the caller's, so that emitted code finds it at a fixed
 * offset from its base; private anonymous memory (flushes discard its pages). NULL and *err when the host is out of memory. */
struct softmmu *softmmu_new(struct address_space *as, struct tlb_tables *tables, const struct softmmu_owner *owner,
			    struct rhea_error *err);
void softmmu_free(struct softmmu *mmu);

/*
 * One guest access of 1, 2, 4 or 8 bytes as `memop` (IR's memory operation descriptor; softmmu
 * reads the same bit layout: see MEMOP_* below) says. Fills the TLB. Loads give the
 * value zero- or sign-extended to 64 bits... as memop says.
 */
enum mem_status softmmu_load(struct softmmu *mmu, gva_t va, uint16_t memop, uint64_t *value);
enum mem_status softmmu_store(struct softmmu *mmu, gva_t va, uint16_t memop, uint64_t value);

/* The host address of a plain store to a page that holds code, when such a store came by lately; else NULL. The owner, who knows
 * that the bytes are not those of any code, may then store by itself. */
uint8_t *softmmu_beside_code(struct softmmu *mmu, gva_t va, uint16_t memop);

/* Memory operation descriptor: the same 16 bits as ir/ir.h's IR_MEMOP (a test holds them equal). */
static inline unsigned memop_size(uint16_t m) { return 1u << (m & 3u); }
static inline bool memop_signed(uint16_t m) { return (m >> 2) & 1u; }
static inline bool memop_be(uint16_t m) { return (m >> 3) & 1u; }
enum memop_align { MEMOP_ANY, MEMOP_FAULT, MEMOP_FORCE, MEMOP_ROTATE };
static inline enum memop_align memop_align(uint16_t m) { return (enum memop_align)((m >> 4) & 3u); }
static inline unsigned memop_space(uint16_t m) { return (m >> 8) & 15u; }

/* Where to fetch code from: host address of the instruction at `va` and how many bytes from there
 * on are valid (at most to the end of the page, or of the 1 KiB subpage). */
struct mem_fetch {
	const uint8_t *host; /* NULL: not RAM or ROM; `device_word` holds the 4 bytes read there */
	uint32_t device_word;
	uint32_t valid;
	bool whole_page;     /* the translation is the same for the whole 4 KiB page */
	gpa_t pa;
};
enum mem_status softmmu_fetch(struct softmmu *mmu, gva_t va, unsigned space, struct mem_fetch *out);

/* A debugger's or semihosting's access: no side effect on guest state, no device access, no faults recorded. Returns
 * the number of bytes done. `write` goes through permission checks of `space` only for reads and
 * writes of translation, not of access rights. */
uint32_t softmmu_debug(struct softmmu *mmu, gva_t va, unsigned space, void *buf, uint32_t size, bool write);

/* Exec tags. */
static inline uint32_t tlb_exec_tag(const struct tlb_tables *t, unsigned space, gva_t va)
{
	return t->exec_tag[space][va.v >> PAGE_BITS];
}
void softmmu_set_exec_tag(struct softmmu *mmu, unsigned space, gva_t va, uint32_t tag);

/* Flushes addends and exec tags: everything, or what concerns the 4 KiB page of `va`. False: no exec tag went, so who
 * remembers code by virtual address need not forget any. */
void softmmu_flush(struct softmmu *mmu);
bool softmmu_flush_page(struct softmmu *mmu, gva_t va);
/* From now on no access is served by an addend: softmmu_load and softmmu_store see all (but the window's). Or they are again. */
void softmmu_slow(struct softmmu *mmu, bool slow);

/* The next store to the host page, or with NULL to any page, comes to the slow path. */
void softmmu_forget_writes(struct softmmu *mmu, const uint8_t *host);

/* Does the 4 KiB page hold translated code? */
bool softmmu_has_code(const struct softmmu *mmu, const uint8_t *host);

/* Marks the 4 KiB host page of `host` as holding translated code, or not any more. While marked, no write addend
 * exists for it under any virtual address and every store to it asks owner->code_write. */
void softmmu_protect_code(struct softmmu *mmu, const uint8_t *host);
void softmmu_unprotect_code(struct softmmu *mmu, const uint8_t *host);

/*
 * Pages that hold any byte of these spans (first to last, virtual addresses) have no addends and are not in the window: each
 * access to them comes to softmmu_load or softmmu_store. Replaces the spans of earlier calls; flushes when pages change. Not
 * while a block runs. False: the host has no memory, nothing changed.
 */
struct gva_span {
	uint32_t first, last;
};
bool softmmu_watch(struct softmmu *mmu, const struct gva_span *span, uint32_t n);
/* Each page that has an addend, for reports: its host address and what it serves. Returns how many there are. None are shown
 * when too many were filled to be remembered one by one. */
uint32_t softmmu_each_entry(struct softmmu *mmu,
			    void (*entry)(void *ctx, gva_t va, enum mem_access access, unsigned space, const uint8_t *host),
			    void *ctx);
/* Does an access of `size` bytes touch a watched page? */
bool softmmu_watched(const struct softmmu *mmu, gva_t va, unsigned size);

/*
 * The window: guest RAM and ROM mapped once more at `at + physical address`, for emitted code that accesses them with
 * one instruction where virtual and physical addresses are the same. What is not mapped there, ROM for writing, and pages
 * with translated code for writing raise SIGSEGV: the access must then be done by softmmu_load or softmmu_store.
 *
 * A MiB can be kept closed (the guest's tables map it otherwise, or not at all). Pages become writable again lazily, by
 * softmmu_window_reopen. When the host refuses a change the window is closed as a whole, for good.
 */
#define WINDOW_SIZE (UINT64_C(1) << 32)
#define WINDOW_MIB 4096u
struct window_mask { uint32_t mib[WINDOW_MIB / 32]; }; /* a bit for each MiB */

/* `at`: WINDOW_SIZE bytes of reserved address space, the caller's. False: no memory for it. Starts all closed. */
bool softmmu_use_window(struct softmmu *mmu, uint8_t *at);
/* Opens the MiB in *open and closes the others. False: the window is of no use any more, or there is none. */
bool softmmu_window_set(struct softmmu *mmu, const struct window_mask *open);
/* Opens one MiB more. */
bool softmmu_window_open(struct softmmu *mmu, gva_t va);
/* The MiB that have anything to map. */
void softmmu_window_wanted(const struct softmmu *mmu, struct window_mask *out);
/* The physical map changed there. */
void softmmu_window_changed(struct softmmu *mmu, gpa_t base, uint64_t size);
/* Is an access to va served without a signal, once pages that hold no code any more are writable again? */
bool softmmu_window_serves(const struct softmmu *mmu, gva_t va, bool write);
/* The page is plain RAM and holds no code: makes it writable. */
void softmmu_window_reopen(struct softmmu *mmu, gva_t va);
/* Is the MiB of va open? */
bool softmmu_window_is_open(const struct softmmu *mmu, gva_t va);

#endif
