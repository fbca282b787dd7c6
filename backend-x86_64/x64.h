/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an IR unit to x86-64 code. The backend knows no guest: it is handed a table of globals, the layout of
 * what emitted code reaches from its base register (rbp), and the C functions of the slow paths.
 *
 * Register plan (docs/architecture): rbp = base; rax, rcx, rdx scratch for values; r13 the budget; the ten
 * others but rsp are homes of the hottest globals; rsp is the return stack (below). At every block boundary, exit and faulting
 * insn every global is in its home, its register or its field in env, or follows from others that are (x64_recover). Between the blocks of one unit
 * some may have changed places (homes.c).
 *
 * Code is written through out->rw and will run at out->rw + rx_delta.
 */
#ifndef RHEA_X64_H
#define RHEA_X64_H

#include "ir/ir.h"

/* Results of a memory slow path, returned in rax:rdx. */
struct x64_load_result {
	uint64_t value;
	uint64_t status; /* 0 = done, else leave the unit with X64_EXIT_FAULT */
};

/* Offsets in bytes are from `base`, the address in rbp. */
struct x64_layout {
	int32_t env;          /* the env pointer = base + env */
	int32_t budget;       /* int32_t: instructions left; in a register while emitted code runs, here for C */
	int32_t host_pc;      /* uint64_t: where emitted code was left by a fault or slow path (return address) */
	int32_t host_sp;      /* uint64_t: the host's rsp, while emitted code runs */
	int32_t ret_sp;       /* uint64_t: rsp of the return stack, while emitted code does not run */
	int32_t tb_flags;     /* uint32_t: second half of the lookup key */
	int32_t jump_cache;   /* struct x64_jump_entry[1 << jump_cache_bits] */
	uint32_t jump_cache_bits;
	int32_t window;       /* guest address 0 of a 4 GiB view of guest memory whose holes raise SIGSEGV, see
				 x64_compile_args.window; 0 = none */
	int32_t tlb;          /* addend tables: uint64_t [space][access][1 << (32 - page_bits)] */
	int32_t exec_tag;     /* uint32_t [space][1 << (32 - page_bits)] */
	uint32_t page_bits;   /* 12 */
	/* `how`: the memop, which says `leaves` only where the address may be unaligned, and never `aligned`; in the high half how many of
	 * the guest instructions that the unit has charged are still to be done, that of the access included; and X64_HOW_SEVERAL.
	 * host_pc is what the host_pc field holds. */
	struct x64_load_result (*load_slow)(void *env, uint32_t addr, uint32_t how, uint64_t host_pc);
	uint64_t (*store_slow)(void *env, uint32_t addr, uint64_t value, uint32_t how, uint64_t host_pc);
};

#define X64_HOW_SEVERAL 0x80000000u /* the guest instruction has other accesses */
static inline uint32_t x64_how_ahead(uint32_t how) { return how >> 16 & 0x7fffu; }

/*
 * While emitted code runs, rsp is the return stack: return addresses of guest calls, pushed by the host's
 * `call` and popped by its `ret`, so that the host predicts the guest's returns. What it holds are
 * guesses: each landing compares where the guest goes with what it was made for. Its memory is the runtime's, who
 * may throw all of it away (x64_ret_reset) whenever emitted code does not run, must do so when
 * code is discarded or the guest's state is not what the calls were made in (layout.tb_flags), and
 * gives it room for one entry an instruction of the budget and one more.
 */
#define X64_RET_RESERVED 2 /* entries at the top that say "empty" */

/* What emitted code keeps outside of registers. Lies at [base - 96 - size, base - 96). */
#define X64_FRAME_SLOTS 512
struct x64_frame {
	uint64_t save[9];  /* scratch registers during a slow path */
	uint64_t slot[X64_FRAME_SLOTS]; /* spilled values */
	uint64_t arg[4];   /* to and from the thunks; at 8-bit offsets */
};
#define X64_FRAME_END (-96)

/* Cache of indirect jump targets, filled by the runtime. Slot: x64_jump_hash(pc key). */
struct x64_jump_entry {
	uint32_t pc_key;
	uint32_t flags;  /* must equal the word at layout.tb_flags */
	uint64_t code;   /* RX address of the block's entry; an empty slot has an impossible key: flags = ~0 */
};
static inline uint32_t x64_jump_hash(uint32_t pc_key, uint32_t cache_bits)
{
	return (pc_key >> 1) & ((1u << cache_bits) - 1);
}

/* Where code goes. `cur` never passes `end`; too little room sets `full` and stops writing. */
struct x64_out {
	uint8_t *cur, *end; /* RW view */
	ptrdiff_t rx_delta; /* RX address = RW address + rx_delta */
	bool full;
};

#define X64_MAX_HOMES 10

/* Everything about one vCPU's emitted code that does not change between units. */
struct x64_target {
	const struct ir_guest *guest;
	struct x64_layout layout;
	int8_t home[64];       /* host register of each global, -1 = memory */
	uint32_t shuffle_seed; /* 0 = the default plan; else homes and scratch order are shuffled (tests) */
	uint8_t n_homes;       /* at most X64_MAX_HOMES; tests use fewer */
	uint8_t n_order, order[14]; /* the other registers, in order of preference */
	uint16_t scratch;      /* as a set */
	bool has_bmi2, has_lzcnt; /* of this host */
	/* RX addresses of the shared code, set by x64_emit_thunks */
	uint64_t (*enter)(void *base, uint64_t code); /* runs code until an exit; see enum x64_exit */
	uint64_t thunk_exit, thunk_load, thunk_store, thunk_call, thunk_call_pure, thunk_lookup, thunk_raise;
	uint64_t thunk_return_miss, return_empty;
};

/* Fills *t from guest and layout and the host's CPUID. */
void x64_target_init(struct x64_target *t, const struct ir_guest *guest, const struct x64_layout *layout,
		     uint32_t shuffle_seed, unsigned n_homes);
/* Emits entry, exit, slow-path, helper-call and lookup code at out->cur; false when there is no room. */
bool x64_emit_thunks(struct x64_target *t, struct x64_out *out);
/* Empties the return stack whose memory ends at `top` (8-byte aligned); returns what layout.ret_sp is to hold then. */
uint64_t x64_ret_reset(const struct x64_target *t, void *top);

/*
 * What `enter` returns: the low 3 bits say why, the rest is a cookie.
 * JUMP:   an unpatched exit_jump; the cookie is its slot's (pc global written).
 * RETURN: a guest call came back, and its landing is not patched; the cookie is the landing's slot's (pc global written).
 * LOOKUP: exit_ind missed the jump cache, or exit_loop, or a cross-page entry's tag did not match (pc global
 *         written; cookie 0).
 * BUDGET: the block whose cookie this is was about to start, or is at an exit_budget, and the budget ran out: the budget is
 *         as before the block, the pc global holds the pc key to go on at.
 * FAULT:  an insn faulted; layout.host_pc holds the host address to look up in the unit's insn map; all
 *         globals are in env but for those that x64_recover writes; cookie 0. The budget has the whole block charged.
 */
enum x64_exit { X64_EXIT_JUMP, X64_EXIT_RETURN, X64_EXIT_LOOKUP, X64_EXIT_BUDGET, X64_EXIT_FAULT };

/* One compiled unit. Offsets are from `code`. */
struct x64_code {
	uint64_t code;          /* RX address of the first byte */
	uint32_t size;
	uint32_t cross_entry;   /* entry that first compares exec_tag (see x64_compile_args.cross_tag) */
	uint32_t guarded_entry; /* entry that compares no tag, but looks at the guard (x64_compile_args.guard); behind cross_entry's compare */
	uint32_t entry;         /* entry for jumps that need no check; also what the run loop enters */
	uint32_t slow_start;    /* out-of-line part from here on (dumps mark it) */
	uint32_t n_slots;
	struct x64_slot {
		uint32_t jump;  /* offset of the rel32 of the jump to patch; 0 = slot not used */
		uint32_t stub;  /* where it points when unlinked */
		uint32_t inside; /* of a call: where in this unit it may come back to, which compares the tags and charges; 0 = nowhere */
	} *slot;                /* from the arena: those of exit_jumps, then from args.first_landing on where calls come back to */
	uint32_t n_marks;
	uint32_t *mark;         /* from the arena: host offset at which each guest instruction's main code starts */
	uint32_t n_blocks;      /* 0, or as asked for (x64_compile_args.want_blocks): the unit's */
	uint32_t *block;        /* from the arena: by ir_label, offset of its code; 0 = it has none of its own */
	uint32_t n_sites;       /* return addresses of slow paths and helper calls, ascending by offset */
	struct x64_site {
		uint32_t offset; /* from code: what host_pc - code is after a fault */
		uint32_t mark;   /* index of the guest instruction */
		uint32_t access; /* offset of the host instruction that accesses the window; 0 = none */
		uint32_t stub;   /* offset of the code that does the same access out of line */
		uint32_t notes;  /* in `notes`: what a fault here must still write; 0 = nothing */
	} *site;
	uint8_t *notes;         /* from the arena: see x64_recover */
	uint32_t n_notes;
	bool without_notes;     /* there was no room for them, or no way: what is lazy was written all the same */
};

/* A page that a unit has code of beside its own. */
struct x64_other_page {
	uint32_t pc_key; /* an address in it */
	uint32_t tag;    /* that it is to have */
};

struct x64_compile_args {
	uint64_t cookie;      /* 8-byte aligned, non-zero; returned when the budget is out */
	uint64_t exit_cookie; /* of slot 0, 8-byte aligned; that of slot k is k * exit_size further on */
	uint32_t exit_size;
	uint32_t n_slots;     /* room for those of the unit's exit_jumps, below first_landing, and one for each call */
	uint32_t first_landing;
	uint32_t n_insns;     /* charged to the budget at entry; charge and refund insns do the rest */
	const uint16_t *left; /* by marker: insns charged and not executed when it starts; NULL: n_insns less the marker */
	uint32_t space;       /* TLB_SPACES index for exec tags */
	uint8_t window;       /* bit for each TLB space whose accesses go to the window: where an access there traps, the
				 handler continues at the site's stub */
	int32_t counters;     /* from base: the first of the uint64_t that count insns add to */
	int32_t counter;      /* from base: uint64_t that counts the unit's runs; 0 = not counted. Where n_insns is
				 charged, 1 is added: the two must stay together */
	bool want_blocks;     /* say where each IR block's code is, for somebody who shows it */
	uint32_t cross_tag;   /* tag that cross_entry expects at the unit's page; 0 = no check needed:
				 cross_entry == guarded_entry */
	struct x64_guard {
		uint8_t mask;   /* bits that are to be 0 in the byte ...; 0 = any may be set: guarded_entry == entry */
		uint8_t all;    /* the same for an `enter` that looks */
		int32_t byte;   /* ... at this distance from base ... */
		uint64_t fn;    /* ... or else this is called with env: it sees and changes nothing that may be in a register */
	} guard;
	const struct x64_other_page *other_page; /* both entries compare their tags, n_other_pages of them; where one is not what it ... */
	uint32_t n_other_pages;
	uint64_t instead;     /* ... is to be, or what the unit assumes (ir_unit) does not hold, the RX address to go on at; nothing was charged */
};

/* Compiles u. Returns false when there is no room (out->full) and leaves out->cur where it was. */
bool x64_compile(const struct x64_target *t, const struct ir_unit *u, const struct x64_compile_args *args,
		 struct x64_out *out, struct x64_code *code);

/* Points slot's jump at RX address `target` (or back at its stub with target 0). Atomic. */
void x64_patch_jump(const struct x64_code *code, unsigned slot, uint64_t target, ptrdiff_t rx_delta);

/*
 * Compiled code does not write globals that only a fault looks at (IR_SET_LAZY). After X64_EXIT_FAULT at `site`, and before
 * anything else runs on `base`, this writes them to `env`; from within the slow path of a site it gives what the
 * globals would be, the others being in base's env already.
 */
void x64_recover(const struct x64_target *t, const struct x64_code *code, const struct x64_site *site, const void *base,
		 void *env);

/* Makes a window access jump to its stub; `saved` gets what stood there. And back. */
#define X64_ACCESS_BYTES 5
void x64_patch_access(const struct x64_code *code, const struct x64_site *site, uint8_t saved[X64_ACCESS_BYTES],
		      ptrdiff_t rx_delta);
void x64_unpatch_access(const struct x64_code *code, const struct x64_site *site, const uint8_t saved[X64_ACCESS_BYTES],
			ptrdiff_t rx_delta);

#endif
