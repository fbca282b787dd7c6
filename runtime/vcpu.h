/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtual CPU: the core's state with the tables that emitted code reaches from its base
 * register, the translated blocks, and the run loop. Owned and used by one thread; only vcpu_stop
 * may be called from elsewhere.
 */
#ifndef RHEA_VCPU_H
#define RHEA_VCPU_H

#include <stdatomic.h>

#include "frontend-arm/translate.h"
#include "runtime/codebuf.h"
#include "runtime/observer.h"
#include "runtime/stops.h"
#include "runtime/tb.h"
#include "runtime/trap.h"
#include "runtime/trouble.h"
#include "runtime/vclock.h"
#include "softmmu/io.h"

#define JUMP_CACHE_BITS 14u
#define JUMP_CACHE_SIZE (1u << JUMP_CACHE_BITS)

/* rbp in emitted code points VCPU_BASE_BIAS bytes into this, so that what is hot has 8-bit offsets. */
#define VCPU_BASE_BIAS ((int32_t)sizeof(struct x64_frame) - X64_FRAME_END)
#define VCPU_MAX_SLICE 40000 /* guest instructions: 10 to 50 us, and a sample of what is hot at the end of each */
#define VCPU_SLICE_SPREAD_BITS 12u /* they end up to so much earlier, or a loop that takes as long would be met at the same place again and again */
#define VCPU_SAMPLE_MIN 1024u /* guest instructions between two samples; more than any unit has */

/* Blocks whose runs can be counted; number 0 counts nothing. */
#define VCPU_TB_COUNTERS (1u << 18)
/* With observer.branches, the first half is for runs, and counter n + VCPU_TAKEN for how often the branch at the end of n's block
 * was taken. */
#define VCPU_TAKEN (VCPU_TB_COUNTERS / 2)

struct vcpu;

struct vcpu_base {
	struct x64_frame frame;
	int32_t budget;    /* guest instructions left in this slice */
	uint32_t unused;
	uint64_t host_pc;  /* return address into emitted code, see x64_layout */
	uint64_t host_sp;
	uint64_t ret_sp;   /* of the return stack in use */
	struct arm_cpu cpu;
	struct vcpu *vcpu;
	struct x64_jump_entry jump_cache[JUMP_CACHE_SIZE];
	_Alignas(4096) struct tlb_tables tlb;
	uint64_t tb_count[VCPU_TB_COUNTERS]; /* runs of blocks, where the observer asks for it; otherwise never touched */
};

/* Behind it, where the host has the address space: a guard, the window (softmmu/tlb.h), a guard. */
#define VCPU_GUARD (UINT64_C(1) << 16)
#define VCPU_WINDOW_OFFSET (((sizeof(struct vcpu_base) + PAGE_MASK) & ~(size_t)PAGE_MASK) + VCPU_GUARD)
/* In arm_cpu.owner_flags and so in tb.flags: a bit for each space whose accesses go to the window. */
#define VCPU_WINDOW_SHIFT 16u
#define VCPU_ALL_SPACES ((1u << TLB_SPACES) - 1)
/* Of counter n, from the base register. */
#define VCPU_COUNTER_OFFSET(n) ((int32_t)(offsetof(struct vcpu_base, tb_count) + 8 * (n)) - VCPU_BASE_BIAS)

enum vcpu_accel { VCPU_JIT, VCPU_INTERP, VCPU_LOCKSTEP };

/* What the run loop asks of the machine. Called on the vCPU's thread; none may be NULL. */
struct vcpu_host {
	void *opaque;
	/* Lets back ends deliver input; sleeps up to timeout_ns (UINT64_MAX: until something comes). */
	void (*poll)(void *opaque, uint64_t timeout_ns);
	/* Could poll ever bring anything? */
	bool (*can_input)(void *opaque);
	/* Ends a sleeping poll; async-signal-safe. */
	void (*wake)(void *opaque);
	/* Recording and replay; both NULL: nobody does. At this place input may come (v->place). And while the core waits under
	 * icount: virtual time is about to become `ns`, the next deadline or earlier; returns what it is to be. */
	void (*input)(void *opaque);
	uint64_t (*warp)(void *opaque, uint64_t ns, uint64_t deadline);
	/* The guest made a semihosting call; r0 and r1 are its arguments, r0 takes the result. */
	void (*semihost)(void *opaque);
	/* The instruction that comes next is about to run although an interrupt is to be taken: a debugger wants it so. NULL: nobody
	 * wants to know. Not while what was recorded is done again: then that says what is taken when. */
	void (*held)(void *opaque);
};

/* Where in the run loop something from outside happens: with instruction count and virtual time that names the moment. */
enum vcpu_place {
	VCPU_BETWEEN, /* no slice runs: between two vcpu_run */
	VCPU_POLL,    /* between two slices */
	VCPU_WAIT,    /* the core waits */
	VCPU_INSIDE,  /* in a device access */
};

struct vcpu_config {
	enum vcpu_accel accel;
	size_t code_size;        /* bytes of emitted code */
	bool one_insn_per_tb, no_chain;
	bool warmup;             /* JIT: the first run of a block is interpreted */
	bool window;             /* JIT: use the window where the guest's memory map is flat */
	unsigned tier;           /* 2: blocks that stay hot are compiled as regions */
	unsigned tier2_samples;  /* how often the end of a slice must meet a block */
	bool tier2_eager;        /* tests: so does each entry from the run loop */
	bool tier2_thread;       /* regions are compiled by a thread of their own */
	bool icount, icount_no_sleep, icount_align, icount_auto;
	unsigned icount_shift;
	uint32_t codegen_seed;
	uint32_t trouble_seed;   /* not 0: tests (trouble.h) */
	uint8_t semihosting;     /* enum arm_semihosting */
	const struct arm_model *model;
};

/* Why vcpu_run came back. */
enum vcpu_stop {
	VCPU_STOP_BUDGET,
	VCPU_STOP_STOPPED,  /* vcpu_stop */
	VCPU_STOP_REQUEST,  /* vcpu_request_exit: the machine has something to do */
	VCPU_STOP_HALTED,   /* waits, and nothing can wake it */
	VCPU_STOP_MISMATCH, /* lockstep */
	VCPU_STOP_HIT,      /* a breakpoint or watchpoint: stops.last_hit */
};

struct vcpu_stats {
	uint64_t translated_insns, translated_blocks, code_flushes, invalidated_blocks, retries, window_traps, regions, troubles;
};

/* A device access of the instruction under way, with icount or watchpoints. */
struct vcpu_io {
	uint32_t addr;
	uint16_t memop;
	bool store;
	uint64_t value; /* loads */
};
#define VCPU_MAX_IO 16 /* an LDM of every register */
#define VCPU_CUTS 64u

/* Window accesses that trapped: open addressing by return address, cap a power of two. */
struct window_sites {
	struct window_site *site;
	uint32_t n, cap;
};

/* Return addresses of guest calls made under one set of tb_flags (x64.h, retstack.c). */
struct ret_stack {
	uint8_t *top;
	uint64_t sp;
	uint32_t flags;
};
/* Instructions and virtual time as state. */
struct vcpu_times {
	uint64_t insns, ns, n_armed;
};
#define VCPU_RET_STACKS 6 /* unprivileged, System mode, exception modes, for each setting of DACR: an exception does not disturb
			   * what it interrupted */

/* Flags owed by value that had to be written after all (values.c). */
struct vcpu_values {
	uint16_t written[ARM_SITES]; /* by arm_site, since slice ... */
	uint32_t since;
	struct arm_refused refused;
	uint64_t drop[ARM_SITES / 64]; /* blocks with these sites, as soon as none runs ... */
	bool drops;          /* ... if there are any */
};

struct vcpu {
	struct vcpu_base *base;
	size_t base_size;    /* of the mapping, window included */
	struct arm_cpu *cpu; /* &base->cpu */
	struct address_space *as;
	struct softmmu *mmu;
	struct vclock clock;
	struct vcpu_config cfg;
	struct vcpu_host host;
	struct arm_tables tables;
	struct log *log;
	struct observer observer;

	const struct arm_decoder *decoder;
	struct codebuf code;
	struct tb_store tbs;
	struct x64_target target;
	struct ret_stack ret[VCPU_RET_STACKS];
	struct ret_stack *ret_now;                /* while emitted code runs: where its rsp is */
	uint8_t *ret_memory;
	struct arena arena;                       /* one translation: v->unit and what compiling it needs */
	struct ir_unit unit;
	struct tb cold;                           /* the block on its first run: v->unit, interpreted */
	struct tb *jump_tb[JUMP_CACHE_SIZE];      /* the TB of each jump cache entry, or the last one it had */
	uint64_t jump_used[JUMP_CACHE_SIZE / 64]; /* slots ever filled since jump_tb was empty: a small guest does not touch the pages of the others */
	uint16_t jump_journal[JUMP_CACHE_SIZE];   /* entries filled since the last clear */
	uint32_t n_jump_journal;
	bool subpage_code;                        /* some entries are of pages that get no exec tag */

	uint64_t insns_done; /* before this slice */
	int32_t slice;       /* length of this slice; budget counts down from it */
	int32_t parked;      /* part of the budget taken away by vcpu_kick */
	bool exact;          /* the slice must end exactly: interpret what does not fit */
	bool retry;          /* redo the instruction alone: it stores to the running block, has to end it (icount), or is not for compiled code */
	bool alone;          /* an instruction runs alone: stores may drop any block */
	bool met_odd;        /* the retry is for an access that is not aligned (IR_MEMOP_LEAVES) */
	bool cut_wanted;     /* icount: the retry is for a device access that has to end its block */
	const uint8_t *cut[VCPU_CUTS]; /* host addresses of guest code at which blocks end; a ring */
	uint32_t n_cuts;     /* ever made */
	uint32_t cur_mark;   /* interpreter: instruction within cur_tb */
	struct tb *cur_tb;   /* interpreter: the block that runs, NULL under the JIT */
	const struct io_slots *io_slots;
	uint32_t site_ahead; /* what io_ahead is should the access of emitted code that is under way be a device's */
	int64_t io_ahead;    /* instructions charged but not executed at the device access under way */
	bool at_io;          /* icount, watchpoints: the access under way is a device's */
	struct vcpu_io io[VCPU_MAX_IO]; /* device accesses done by instruction number io_insn */
	uint32_t n_io, next_io;         /* next_io: what is still to be replayed when it runs alone */
	uint64_t io_insn;
	bool window;         /* it is there */
	volatile bool trapped; /* the slow path that comes next was entered from the signal handler */
	uint32_t window_flushes, window_misplaced;
	struct window_sites window_sites;
	struct trap trap;
	uint64_t next_sample; /* instruction count */
	uint32_t slices;     /* ever begun; never 0 in one */
	uint64_t last_poll;  /* host ns */
	bool exit_request, reslice, mismatch;
	bool stop_now;       /* stops.hit or stops.changed */
	bool stops_ahead;    /* stops.pass or stops.n_exec: look before each block */
	bool in_block;       /* a block runs */
	bool flush_wanted;   /* drop all blocks as soon as none runs */
	atomic_bool stop;
	struct stops stops;
	bool hold_interrupts; /* a debugger steps: none is taken */
	bool hold_once;       /* replay: the next instruction runs before any is taken, as it did */
	uint8_t walk;         /* enum vcpu_walk */
	bool arrived;         /* the walk is where it was to go */
	uint32_t walk_to;     /* interrupts */
	struct {
		uint64_t insns;
		uint32_t n;
	} entries;            /* interrupts taken when so many instructions were executed, the last time that any were */
	struct lockstep *lockstep;
	struct vcpu_values values;
	struct arm_ahead ahead[ARM_AHEADS];
	struct region_worker *worker; /* NULL = none, or none yet */
	struct trouble *trouble; /* NULL = none */
	struct vcpu_stats stats;
	enum vcpu_place place;  /* of what happens now, unless a block runs */
	uint64_t input_at;   /* replay: no slice goes beyond this instruction; UINT64_MAX = none */
	bool replays;        /* the core does not sleep for input */
	bool keeps_snapshots;
	bool window_rests;   /* nobody uses it: snapshots are kept, and it shows no first stores; or for trouble's sake */
	struct vcpu_times times; /* for state.c */
};

/* `log` outlives the vcpu. NULL and *err when the host refuses memory. */
struct vcpu *vcpu_new(const struct vcpu_config *cfg, struct address_space *as, const struct vcpu_host *host,
		      struct log *log, struct rhea_error *err);
void vcpu_free(struct vcpu *v);

/* Power-on reset of the core; translated code stays. */
void vcpu_reset(struct vcpu *v);

/* Runs for exactly max_insns instructions (0 = no limit) or until something else ends it. */
enum vcpu_stop vcpu_run(struct vcpu *v, uint64_t max_insns);

/* Runs one instruction, without taking an interrupt first, as a debugger steps. */
enum vcpu_stop vcpu_step(struct vcpu *v);

/*
 * A place in a run: an instruction count, and how many interrupts were taken since and before the next instruction. These two
 * walk from one place to the next. Both take interrupts as the run does (a replay: as it did), and may come back earlier as
 * vcpu_run does.
 */
enum vcpu_walk { VCPU_WALK_OFF, VCPU_WALK_STEP, VCPU_WALK_ENTRIES, VCPU_WALK_HERE };
/* One instruction, or one interrupt taken. */
enum vcpu_stop vcpu_walk_step(struct vcpu *v);
/* No instruction; up to `to` interrupts, counted as vcpu_entries does, if there are so many. With none to be taken, what comes from
 * outside at this moment has come. */
enum vcpu_stop vcpu_walk_entries(struct vcpu *v, uint32_t to);
uint32_t vcpu_entries(const struct vcpu *v);

/* Ends vcpu_run soon; from any thread or signal handler. */
void vcpu_stop(struct vcpu *v);
/* From within a callback of the running vCPU: vcpu_run returns VCPU_STOP_REQUEST after this block. */
void vcpu_request_exit(struct vcpu *v);
/* Something changed that the run loop must see (an interrupt line, a timer): leave emitted code
 * after the current block. */
void vcpu_kick(struct vcpu *v);
void vcpu_set_irq(struct vcpu *v, bool fiq, bool level);

/* From now on the observer's `access` sees every load and store, not only those of devices. No block runs. */
void vcpu_observe_memory(struct vcpu *v);

/* Instructions left in this slice. */
static inline int64_t vcpu_budget(const struct vcpu *v)
{
	return (int64_t)v->base->budget + v->parked;
}

/* Instructions executed so far; exact also inside a device access under icount. */
static inline uint64_t vcpu_insns(const struct vcpu *v)
{
	return v->insns_done + (uint64_t)(v->slice - vcpu_budget(v) - v->io_ahead);
}

/* The physical map changed, or bytes behind the vCPU's back: drop what may be stale. */
void vcpu_map_changed(struct vcpu *v, gpa_t base, uint64_t size);
void vcpu_memory_written(struct vcpu *v, const uint8_t *host, uint64_t size);

/* state.c: the state of core, clock and counter between two vcpu_run, as parts of a snapshot (base/state.h): `parts` has room
 * for VCPU_STATE_PARTS. Packed between `before`, and unpacked between `before` and `after`, which follows the devices' own. */
#define VCPU_STATE_PARTS 2u
struct state_part;
void vcpu_state_parts(struct vcpu *v, struct state_part *parts);
void vcpu_state_before(struct vcpu *v);
void vcpu_state_after(struct vcpu *v, bool mmu_was_on);
/* Snapshots are kept from now on, or no more (softmmu/versions.h): first stores to pages are watched. NULL: the host is out of
 * memory. */
struct versions;
struct versions_medium;
struct versions *vcpu_track_memory(struct vcpu *v, const struct versions_medium *media, unsigned n_media);
void vcpu_untrack_memory(struct vcpu *v);

static inline enum vcpu_place vcpu_place(const struct vcpu *v)
{
	return v->in_block ? VCPU_INSIDE : v->place;
}

/* ---- between the runtime's files ---- */

/* lookup.c: the block at the core's pc, translated when needed. NULL: *fetch tells why: a fault is pending
 * in cpu->exc, or the instruction is not in RAM (fetch->host NULL). */
struct tb *vcpu_lookup(struct vcpu *v, struct mem_fetch *fetch, bool *fault);
void vcpu_clear_jump_cache(struct vcpu *v);
void vcpu_flush_code(struct vcpu *v);
/* Takes one block that does not run out of the store. */
void vcpu_drop_block(struct vcpu *v, struct tb *tb);

/* The head of a region is not jumped to any more. */
void vcpu_forget_jump(struct vcpu *v, const struct tb *tb);

/* The block ends behind its mark-th instruction from now on; it is dropped. */
void vcpu_cut_behind(struct vcpu *v, struct tb *tb, uint32_t mark);

/* An access of the block's mark-th instruction was not aligned: it does not leave for that any more. The block is dropped. */
void vcpu_note_odd(struct vcpu *v, struct tb *tb, uint32_t mark);

/* translate.c: the road of one block. What it returns is either in the store or (JIT: no host code) v->cold. */
struct tb *vcpu_translate(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key);
/* A unit of at most `limit` instructions for the interpreter; *tb describes it and is not in the
 * store. Lasts until the next translation. */
void vcpu_translate_once(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key, uint32_t limit, struct tb *tb);

/* As observers see it; the unit is added by who has it. */
struct tb_view vcpu_view(const struct tb *tb);

/* For region.c: how parts are lowered, of which the first is `head`; makes tb of v->unit and puts it into the store (false: it
 * does not fit into the code buffer now). */
void vcpu_region_request(struct vcpu *v, const struct tb *head, struct arm_translate_request *req);
bool vcpu_finish_region(struct vcpu *v, struct tb *tb);
/* For region_job.c: the same in pieces. Only vcpu_compile_apart may be called by another thread. */
struct x64_compile_args vcpu_compile_args(struct vcpu *v, struct tb *tb);
struct x64_guard vcpu_guard(const struct arm_debtor *entry);
bool vcpu_compile_apart(const struct x64_target *t, struct ir_unit *u, const struct x64_compile_args *args, struct x64_out *out,
			struct x64_code *code);
void vcpu_insert_apart(struct vcpu *v, struct tb *tb, const struct ir_unit *u); /* tb->host's tables are copied */

/* region_policy.c: the budget ran out where tb was about to start. No block runs. */
void vcpu_sample(struct vcpu *v, struct tb *tb);
/* values.c: what emitted code calls where flags owed by value are looked at. */
void vcpu_write_values(struct arm_cpu *cpu);
/* Drops blocks that owe what had to be written too often. No block runs. */
void vcpu_drop_values(struct vcpu *v);
/* region_job.c: what the worker has made is put into the store, if it still holds. No block runs. */
void vcpu_take_region(struct vcpu *v);
void vcpu_free_worker(struct vcpu *v);

/* retstack.c: emitted code with its return stack. */
bool vcpu_ret_init(struct vcpu *v, struct rhea_error *err);
void vcpu_ret_free(struct vcpu *v);
/* No call is remembered: code was discarded. Not while a block runs. */
void vcpu_ret_reset(struct vcpu *v);
/* The return stack for a block of these flags, with room for the budget, which is at most VCPU_MAX_SLICE. */
struct ret_stack *vcpu_ret_stack(struct vcpu *v, uint32_t flags);
/* In a helper of emitted code: the core's tb_flags are others from here on. */
void vcpu_ret_change(struct vcpu *v);

/* Runs from tb's entry to an exit; returns enum x64_exit with its cookie. Inline, since each C function between the run loop and
 * emitted code is one more return that the host predicts wrong after guest calls were left open. */
static inline uint64_t vcpu_enter(struct vcpu *v, const struct tb *tb)
{
	v->ret_now = vcpu_ret_stack(v, tb->flags);
	v->base->ret_sp = v->ret_now->sp;
	uint64_t exit = v->target.enter((char *)v->base + VCPU_BASE_BIAS, tb->host.code + tb->host.entry);
	v->ret_now->sp = v->base->ret_sp;
	return exit;
}

/* exec.c: after X64_EXIT_FAULT, and before anything looks at the core: writes what the block did not (x64_recover). */
void vcpu_recover(struct vcpu *v);

/* access.c: the core as a device's callback may see it, inside of an access: what the running block has not written is worked out. */
void vcpu_see_core(const struct vcpu *v, struct arm_cpu *core);

/* access.c: what emitted code, the interpreter and the softmmu call. */
struct x64_load_result vcpu_load_slow(void *env, uint32_t addr, uint32_t how, uint64_t host_pc);
uint64_t vcpu_store_slow(void *env, uint32_t addr, uint64_t value, uint32_t how, uint64_t host_pc);
struct softmmu_owner vcpu_softmmu_owner(struct vcpu *v);
/* lookup.c: a store next to code, done without asking anybody; false: it is not that simple. */
bool vcpu_store_beside_code(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value);
bool vcpu_code_write(void *opaque, uint8_t *host, unsigned size);
struct ir_memory vcpu_interp_memory(struct vcpu *v);

/* window.c */
/* The TLB was flushed: decides anew who uses the window. */
void vcpu_window_flushed(struct vcpu *v);
void vcpu_window_page_flushed(struct vcpu *v, gva_t va);
void vcpu_window_map_changed(struct vcpu *v, gpa_t base, uint64_t size);
/* A slow path is about to do this access. */
void vcpu_window_slow(struct vcpu *v, uint32_t addr, uint16_t memop, bool store, uint64_t host_pc);
void vcpu_window_rest(struct vcpu *v, bool rests); /* no window for the time being, or again; no block runs */
void vcpu_window_close(struct vcpu *v);  /* no window from now on; no block runs */
void vcpu_window_forget(struct vcpu *v); /* emitted code is gone */
uint64_t vcpu_window_redirect(void *opaque, uint64_t host_pc);

/* exec.c: where a jump from one block to the other goes, and callbacks of the clock */
uint64_t vcpu_link_target(const struct tb_exit *from, const struct tb *to);
void vcpu_deadline_moved(void *opaque);

/* lockstep.c: false when the two ways differ (the report is in the log). */
struct lockstep *lockstep_new(void);
void lockstep_free(struct lockstep *l);
bool lockstep_step(struct vcpu *v, struct tb *tb, struct ir_interp_result *result);
/* Called by access.c for every access while a lockstep is set. */
enum mem_status lockstep_load(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t *value);
enum mem_status lockstep_store(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value);

#endif
