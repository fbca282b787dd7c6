/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the backend: the state of one compilation, and who offers what to whom.
 *
 * One forward pass over the insns. A value is at any time in a scratch register, in a spill slot,
 * equal to what a global's home holds now (an alias: reading a homed global costs nothing), a
 * constant, or a condition of the host's flags. At the end of a block no value is alive.
 *
 * Invariants: i32 values in registers, homes included, are zero-extended to 64 bits. Nothing but
 * the instruction that an op is lowered to changes the flags: moves, spills and materialised
 * conditions leave them alone, so analyse.c can tell from the ops alone how long flags live.
 */
#ifndef RHEA_X64_GEN_H
#define RHEA_X64_GEN_H

#include <assert.h>
#include <stddef.h>

#include "backend-x86_64/emit.h"
#include "backend-x86_64/x64.h"

/* ---- frame (offsets from rbp) --------------------------------------------------------------------- */

enum {
	FRAME_START = X64_FRAME_END - (int)sizeof(struct x64_frame),
	FRAME_SAVE = FRAME_START + (int)offsetof(struct x64_frame, save),
	FRAME_SLOTS = FRAME_START + (int)offsetof(struct x64_frame, slot),
	FRAME_ARG = FRAME_START + (int)offsetof(struct x64_frame, arg),
};
_Static_assert(FRAME_ARG == -128, "arguments have short offsets");

/* The budget, while emitted code runs. In memory its subtractions would be a chain of their own, longer than many a block is. */
#define X64_BUDGET_REG R13

/* ---- values ------------------------------------------------------------------------------------- */

struct value {
	/* from analyse.c */
	ir_ref last_use;    /* last insn that needs the value itself; 0 = none */
	ir_ref fuse;        /* insn whose flags already hold this value, or IR_NONE */
	ir_ref note_until;  /* last site that notes it or needs it for what it notes; a lazy set: where it is noted; 0 = none */
	ir_ref parent;      /* add, sub or xor that it went into; 0 = none */
	ir_ref flags_until; /* last insn that takes a condition from this insn's flags; 0 = none */
	int8_t target;      /* global that a later `set` gives this value and that may be written now; -1 */
	bool soft_target;   /* the `set` is optional */
	bool folded;        /* no code of its own: its only user does it. Base + constant, only ever an address in the window;
			       or x << 1..3, only ever added by the lea of insn fold_into; or one of the shifts of an `or` that is
			       a double shift */
	ir_ref fold_into;   /* IR_NONE for an address */
	bool wide;          /* i64 */
	bool named;         /* by the last note */
	bool relied_on;     /* some value that has no place is worked out from this one */
	uint16_t run;       /* number of the access's run + 1, 0 = none */
	/* location, see regalloc.c */
	uint8_t cc;         /* enum x64_cc, while flags_of is what the flags hold */
	int8_t reg;         /* scratch register, -1 = none */
	int8_t global;      /* global that holds the same value now, -1 = none */
	int16_t slot;       /* spill slot, -1 = none */
	ir_ref flags_of;
	ir_ref next_alias;  /* of the same global */
};

/* An operand as an x86 instruction can take it. */
enum opnd_kind { OPND_REG, OPND_MEM, OPND_IMM };
struct opnd {
	enum opnd_kind kind;
	int reg;
	struct x64_mem mem;
	int32_t imm;
};

/* A jump to a block of the unit, patched when all blocks are placed. */
struct fixup {
	uint8_t *rel32;
	ir_label block;
};

/* Accesses whose page is looked up once, runs.c. Offsets are from the base that they share. */
struct run {
	ir_ref first, last;    /* accesses */
	int32_t lead, lo, end; /* of the first access; of the lowest byte; of the first byte behind all of them */
};

/* An out-of-line part of a load or store. */
struct slow_path {
	uint8_t *from[3];   /* rel32 of the jumps to it; may be NULL */
	uint8_t *back;
	uint32_t access;    /* offset of the window's access, 0 = none */
	int32_t disp;       /* the address is addr + disp */
	uint16_t memop;
	bool is_store, wide;
	bool follows;       /* in a run, behind the first: looks its page up by itself before it goes to C */
	int8_t follow_reg;  /* the run's pointer */
	bool aligned;       /* it is known to be */
	int8_t run_reg;     /* the run's pointer, when others still rely on it: becomes 0; -1 = none */
	uint32_t mark, notes;
	struct opnd addr, value; /* REG or IMM; loads: value.reg is the destination */
};

/* An out-of-line end of the unit, or something rare that comes back. */
enum stub_kind { STUB_EXIT, STUB_IND_MISS, STUB_STICK, STUB_LOOKUP, STUB_GUARD };
struct stub {
	enum stub_kind kind;
	uint8_t *from[4];   /* rel32 of the jumps to it; NULL: no more */
	uint8_t *through;   /* STUB_EXIT: rel32 of the jump to where homes go back before from[0], which is not emitted yet; or NULL */
	uint32_t pc_key;    /* STUB_EXIT, STUB_LOOKUP */
	uint32_t slot;
	ir_label inside;    /* STUB_EXIT of a landing: as in x64_slot, or IR_NONE */
	int8_t reg;         /* STUB_IND_MISS: register of the pc key */
	uint8_t *landing;   /* STUB_IND_MISS: of a call, else NULL; STUB_STICK, STUB_GUARD: where to go on */
	uint8_t global;     /* STUB_STICK */
};

#define GEN_MAX_PENDING 8

/* While the unit's main code runs, `global` has the register of another, and that one is in its field. */
#define GEN_MAX_SWAPS 5
struct swap {
	uint8_t global, instead_of;
};

struct gen {
	const struct x64_target *t;
	const struct ir_unit *u;
	const struct ir_insn *insns; /* the unit's */
	const struct x64_compile_args *args;
	struct x64_code *code;
	struct emit e;
	uint8_t *start;         /* RW address of the unit's first byte */
	ptrdiff_t rx_delta;
	struct value *val;      /* by ir_ref */
	const struct ir_sets *sets; /* all but what the optimiser removed; val[] is of what is not in `marks` */
	ir_ref at;              /* insn being lowered */
	struct run *run;        /* in the order of the code */
	uint32_t n_runs;
	const struct run *open_run; /* whose host pointer value run_pointer(g) holds while it has a register */

	/* homes.c */
	int8_t home[IR_MAX_GLOBALS]; /* as in the target, but for what is exchanged */
	struct swap swap[GEN_MAX_SWAPS];
	uint8_t n_swaps;

	/* registers */
	uint16_t locked;        /* not to be given away during this insn */
	ir_ref owner[16];       /* value in each scratch register, IR_NONE = free */
	ir_ref alias[IR_MAX_GLOBALS]; /* first value that is what the global holds */
	ir_ref holds[IR_MAX_GLOBALS]; /* value known to be in the global, IR_NONE = not known */
	int16_t free_slot[X64_FRAME_SLOTS];
	uint16_t n_free_slots, n_slots;

	/* flags */
	ir_ref flags;           /* insn whose result the flags describe, IR_NONE = nobody's */
	ir_ref pending[GEN_MAX_PENDING]; /* values that are only in the flags */
	uint8_t n_pending;

	/* the store of a constant byte that was emitted last, lower_globals.c */
	struct {
		uint8_t *start, *end;
		int32_t offset;
		uint32_t mark;
		uint8_t value;
	} byte_store;

	/* notes.c */
	bool take_notes;        /* else lazy sets are done like others */
	bool has_notes, notes_failed;
	uint64_t lazy;          /* globals whose last `set` was not done, in this block */
	ir_ref lazy_set[IR_MAX_GLOBALS];
	ir_ref note_from;       /* notes of sites before this insn are made */
	ir_ref defining;        /* value that is being computed into the home that it is meant for, or IR_NONE */
	uint16_t note_regs;     /* scratch registers that the notes of this insn name: not to be written before the access */
	bool note_is_old;       /* what the last note named has moved, or it is about other globals */
	uint16_t last_note_regs;
	uint32_t last_note, cap_notes;

	/* blocks */
	uint8_t **label;        /* by ir_label: where the block starts, NULL = not placed yet */
	uint32_t *preds;        /* by ir_label */
	bool *folded;           /* by ir_label: its exit was emitted at its only predecessor, or it is empty */
	ir_label *forward;      /* by ir_label: where an empty block leads, else itself */
	ir_label *order;        /* of the code, as in the unit but for what layout.c moved; n_order of them */
	uint32_t n_order, block_index; /* in `order` */
	bool unreachable;       /* the rest of this block is not reached */
	uint32_t next_landing;  /* slot */
	struct fixup *fixup;
	uint32_t n_fixups;
	struct slow_path *slow;
	uint32_t n_slow;
	struct stub *stub;
	uint32_t n_stubs;
	uint32_t n_mem, n_calls, n_exits; /* counted by analyse */
	uint8_t *budget_out, *tag_out, *guarded; /* rel32 of the prologue's jumps out; tag_out and guarded may be NULL */
	uint32_t mark;          /* index of the current guest instruction */
	ir_ref end;             /* of the block that was lowered last */
};

/* ---- small questions ------------------------------------------------------------------------ */

static inline const struct ir_insn *insn_of(const struct gen *g, ir_ref v)
{
	return &g->insns[v];
}

static inline bool is_const(const struct gen *g, ir_ref v)
{
	return g->insns[v].op == IR_const;
}

static inline bool is_const_of(const struct gen *g, ir_ref v, uint64_t imm)
{
	return is_const(g, v) && g->insns[v].imm == imm;
}

/* Is the value needed after the current insn? */
static inline bool lives_on(const struct gen *g, ir_ref v)
{
	return g->val[v].last_use > g->at;
}

/* Does some later insn take a condition from this insn's flags? */
static inline bool sets_flags(const struct gen *g, ir_ref v)
{
	return g->val[v].flags_until > v;
}

/* Is v left to its user? An add that must set flags cannot do a shift as well. */
static inline bool is_folded(const struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	return val->folded && !sets_flags(g, val->fold_into == IR_NONE ? v : val->fold_into);
}

/* Are the flags as they stand needed after the current insn? */
static inline bool must_keep_flags(const struct gen *g)
{
	return g->flags != IR_NONE && g->val[g->flags].flags_until > g->at;
}

/* Do accesses of this kind go to the window? */
static inline bool in_window(const struct gen *g, uint16_t memop)
{
	return g->args->window >> ir_memop_space(memop) & 1;
}

/* Is value v a condition of the flags as they stand? */
static inline bool in_flags(const struct gen *g, ir_ref v)
{
	return g->flags != IR_NONE && g->val[v].flags_of == g->flags;
}

/* Home register of a global in this unit's main code, -1 = memory. */
static inline int home_of(const struct gen *g, unsigned global)
{
	return g->home[global];
}

static inline struct x64_mem global_mem(const struct x64_target *t, unsigned global)
{
	return x64_mem(RBP, t->layout.env + t->guest->globals[global].offset);
}

static inline struct x64_mem frame_mem(int offset)
{
	return x64_mem(RBP, offset);
}

static inline struct x64_mem slot_mem(int slot)
{
	return x64_mem(RBP, FRAME_SLOTS + 8 * slot);
}

static inline const uint8_t *rw_of(const struct gen *g, uint64_t rx)
{
	return (const uint8_t *)(uintptr_t)(rx - (uint64_t)g->rx_delta);
}

static inline uint32_t here(const struct gen *g)
{
	return (uint32_t)(g->e.cur - g->start);
}

enum x64_cc x64_cc_of(enum ir_cc cc);

/* Must sites to come be able to tell what v is? */
static inline bool is_noted(const struct gen *g, ir_ref v)
{
	return g->val[v].note_until >= g->note_from;
}

/* v changes its place. */
static inline void leaves_place(struct gen *g, const struct value *val)
{
	g->note_is_old |= val->named;
}

/* Is insn i there for the sake of notes alone? */
static inline bool is_for_notes(const struct gen *g, const struct ir_insn *i)
{
	return g->take_notes && ir_is_noted(i);
}

static inline bool is_lazy(const struct gen *g, const struct ir_insn *i)
{
	return g->take_notes && i->op == IR_set && i->b == IR_SET_LAZY;
}
/* The name of the run's host pointer among values: not an insn's. Never spilled: without it, members look their page up. */
static inline ir_ref run_pointer(const struct gen *g)
{
	return g->u->n_insns;
}

/* ---- runs.c ------------------------------------------------------------------------------------- */

void gen_find_runs(struct gen *g);
/* The constant part of an address, as runs take it apart. */
int32_t run_offset(const struct gen *g, ir_ref address, unsigned size, ir_ref *root);

/* ---- homes.c ------------------------------------------------------------------------------------ */

/* Chooses what is exchanged, before anything asks for a home. */
void gen_choose_homes(struct gen *g);
/* From the target's homes to the unit's, and back. Moves only: flags and scratch registers stay. */
void gen_homes_in(struct gen *g);
void gen_homes_out(struct gen *g);
/* As gen_homes_in, where nothing was written since gen_homes_out. */
void gen_homes_back(struct gen *g);

/* ---- analyse.c ---------------------------------------------------------------------------------- */

/* Fills g->val, g->preds and the counts. */
void gen_analyse(struct gen *g);

/* ---- regalloc.c --------------------------------------------------------------------------------- */

void ra_begin_block(struct gen *g);
/* Ends the insn: unlocks registers, frees the slots of operands that died. */
void ra_end_insn(struct gen *g);
/* A free scratch register, locked; spills if it must. */
int ra_alloc(struct gen *g);
/* Empties scratch register `reg` and locks it. */
void ra_take(struct gen *g, int reg);
/* The register that holds v now, or -1. */
int ra_reg(const struct gen *g, ir_ref v);
/* v in a register, locked until the insn's end. Not to be written. */
int ra_use(struct gen *g, ir_ref v);
/* v as a register, as memory of its own width, or as an immediate that fits. */
struct opnd ra_operand(struct gen *g, ir_ref v);
/* As ra_operand, never an immediate. */
struct opnd ra_operand_rm(struct gen *g, ir_ref v);
/* Frees the registers of the insn's operands that die here. After the last ra_use, before ra_def. */
void ra_release(struct gen *g);
/* Frees the register of v, which the insn uses without naming it as an operand, when v dies here. */
void ra_release_value(struct gen *g, ir_ref v);
/* Register for the insn's result: the home it is meant for, else `hint` if free, else a new one. */
int ra_def(struct gen *g, ir_ref v, int hint);
/* The result is in `reg` now. */
void ra_bind(struct gen *g, ir_ref v, int reg);
/* Global is about to change: values that alias it and live on move away. */
void ra_detach(struct gen *g, unsigned global);
/* As above for all globals. */
void ra_detach_all(struct gen *g);
/* The run's pointer is in `reg`, which is locked; or it is not needed any more. */
void ra_open_run(struct gen *g, const struct run *run, int reg);
void ra_close_run(struct gen *g);
/* v equals what `global` holds from now on. */
void ra_alias(struct gen *g, ir_ref v, unsigned global);
/* v, so far only a condition of the flags, becomes 0 or 1 in a free register or a slot. */
void ra_save_flag(struct gen *g, ir_ref v);
/* Values in scratch registers that live on move to slots: before a helper call. */
void ra_spill_all(struct gen *g);
/* v, which is in a scratch register, is in a slot as well. */
void ra_keep_in_slot(struct gen *g, ir_ref v);

/* Copies an operand to a register; `w` = all 64 bits. */
void gen_move(struct gen *g, bool w, int dst, const struct opnd *src);
/* op dst, src */
void gen_alu(struct gen *g, bool w, enum x64_alu op, int dst, const struct opnd *src);
/* Is the `or` up << count | down >> (32 - count)? */
bool gen_halves(const struct gen *g, const struct ir_insn *i, ir_ref *up, ir_ref *down, unsigned *count);
/* Operands of a two-operand insn, with a constant second where the op commutes. */
void gen_operands(struct gen *g, const struct ir_insn *i, struct opnd *a, struct opnd *b);
/* dst for a two-operand insn: an operand's register when that dies here. Releases the operands. */
int gen_define(struct gen *g, ir_ref v, const struct ir_insn *i, const struct opnd *a, const struct opnd *b);
/* dst = a op b, whatever dst overlaps with, the flags exactly those of a op b. */
void gen_alu3(struct gen *g, bool w, enum x64_alu op, int dst, const struct opnd *a, const struct opnd *b);

/* ---- notes.c ------------------------------------------------------------------------------------ */

/* The first byte of an expression that is no op. */
enum note_leaf {
	NOTE_GLOBAL = 0xf0, /* index: what env holds of it */
	NOTE_SLOT,          /* 16-bit number */
	NOTE_SCRATCH,       /* index in x64_frame.save */
	NOTE_CONST8, NOTE_CONST32, NOTE_CONST64,
};
_Static_assert((int)IR_OP_COUNT < (int)NOTE_GLOBAL, "told apart by the first byte");
#define NOTE_MAX_BYTES 512

/* Analysis: sites from this lazy set up to last_site note it. */
void notes_plan(struct gen *g, ir_ref set, ir_ref last_site);
/* v has lost its place, and is_noted. True: it needs another one; else it follows from what has one. */
bool notes_lose(struct gen *g, ir_ref v);
/* The insn's slow path faults with the globals as they are: returns what x64_site.notes is to be. From here on the insn
 * may plan to overwrite homes; until the access is done they and note_regs keep what they have. */
uint32_t notes_record(struct gen *g);
/* Index in x64_frame.save of a register that slow paths save, or -1. */
int x64_saved_index(const struct x64_target *t, int reg);

/* ---- lower_flags.c ------------------------------------------------------------------------------ */

/* The flags are about to be overwritten: conditions that live on become 0 or 1 somewhere. */
void flags_clobber(struct gen *g);
/* The flags are those of insn v from now on. */
void flags_set(struct gen *g, ir_ref v);
/* Value v is condition cc of the flags as they stand. */
void flags_define(struct gen *g, ir_ref v, enum x64_cc cc);
/* Is v a condition that was found in the flags of an earlier insn? Then that is done, and true. */
bool flags_fused(struct gen *g, ir_ref v);
/* Writes condition cc as 0 or 1 to a register. */
void flags_to_reg(struct gen *g, enum x64_cc cc, int reg);
/* Sets the flags from a - b, clobbering the old ones. */
void flags_compare(struct gen *g, ir_ref a, ir_ref b, bool w);
/* CF = the carry c, or its opposite; nothing but moves may come before the adc or sbb. */
void flags_carry_in(struct gen *g, ir_ref c, bool inverted);
/* Makes the flags say whether v != 0, if they do not; returns the condition that means yes. */
enum x64_cc flags_truth(struct gen *g, ir_ref v);

/* ---- layout.c ----------------------------------------------------------------------------------- */

/* Finds the blocks that are nothing but a branch, and the order in which the others come in the code. */
void gen_layout(struct gen *g);
/* Where a branch to l goes. */
ir_label gen_forwarded(const struct gen *g, ir_label l);
/* The block that comes next in the code, or IR_NONE. */
ir_label gen_next_block(const struct gen *g);
/* The exit_jump that is all of block l, when it is not placed yet and no other block leads there. */
const struct ir_insn *gen_simple_exit(const struct gen *g, ir_label l);
static inline bool gen_is_call(const struct ir_insn *i) { return i->aux >> 8 == IR_LINK_CALL; }

/* ---- memory.c, slow.c, call.c, control.c ---------------------------------------------------------------- */

/* Where the TLB for accesses of this kind lies, from rbp. */
int32_t gen_table(const struct gen *g, uint16_t memop, bool store);
/* dst = what is at `host`, extended as the memop says; little-endian. */
void gen_load_plain(struct gen *g, uint16_t memop, bool wide, int dst, struct x64_mem host);
void gen_slow_paths(struct gen *g);
/* Is `a` base + disp, as an access of `size` bytes to the window can take it? */
bool window_address(const struct gen *g, ir_ref a, unsigned size, ir_ref *base, int32_t *disp);
/* What was emitted last is a call that may leave the unit in guest instruction `mark`. */
void gen_add_site(struct gen *g, uint32_t mark);
/* Looks up a pc key in the jump cache; clobbers a, b and the flags. Where the key is found, `target` is
 * the field with the code's address, in terms of a; misses are the caller's to link. */
struct jump_probe {
	int key, a, b;
	uint8_t *miss[2];
	struct x64_mem target;
};
void emit_jump_probe(struct emit *e, const struct x64_layout *l, struct jump_probe *p);
void gen_block_begin(struct gen *g, ir_label l);
/* Makes sure that the rel32s at these distances from here lie each in one cache line; and the jump of the second, where a nop may replace it, in
 * eight bytes that are stored at once. */
void gen_align_rel32s(struct gen *g, unsigned first, unsigned second, bool nop);

/* ---- entry.c ------------------------------------------------------------------------------------ */

void gen_prologue(struct gen *g);
/* Jumps when the guard says so (x64_compile_args.guard). */
uint8_t *gen_look_at_guard(struct gen *g, uint8_t mask);

/* ---- stubs.c ------------------------------------------------------------------------------------ */

/* Appends one, all zeros but for its kind. */
struct stub *gen_new_stub(struct gen *g, enum stub_kind kind);
void gen_jump_to_thunk(struct gen *g, uint64_t thunk);
void gen_add_to_budget(struct gen *g, enum x64_alu op, uint32_t n);
/* Exits, lookup misses and the prologue's ways out; then nothing points nowhere. */
void gen_stubs(struct gen *g);

/* ---- ops.def ------------------------------------------------------------------------------------ */

/* One lowering an opcode, called with the insn and its result's name. */
#define OP(name, shape, result, args, flags) \
	void lower_##name(struct gen *g, ir_ref v, const struct ir_insn *i);
#include "ir/ops.def"
#undef OP

#endif
