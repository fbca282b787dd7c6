/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IR: a unit is a list of blocks, a block a run of insns, a value the index of the insn that
 * defines it. Values are local to their block and defined once; what lives longer is a global,
 * read by `get` and written by `set`. At every block boundary, and at every insn that may fault,
 * all globals hold exactly what the guest would see there.
 *
 * ops.def is the only list of opcodes. Nothing here knows a guest or a host.
 */
#ifndef RHEA_IR_H
#define RHEA_IR_H

#include "base/arena.h"
#include "base/base.h"

enum ir_op {
#define OP(name, shape, result, args, flags) IR_##name,
#include "ir/ops.def"
#undef OP
	IR_OP_COUNT
};
_Static_assert(IR_OP_COUNT <= 64, "a set of ops fits a word");
#define IR_SET_OF(name) (UINT64_C(1) << IR_##name)

enum ir_type { IR_VOID, IR_I32, IR_I64 };

enum ir_op_flag {
	IR_COMM = 1,
	IR_PURE = 2,
	IR_FAULT = 4,
	IR_EFFECT = 8,
	IR_END = 16,
};

/*
 * Shapes: which fields of struct ir_insn an opcode uses.
 *   NULLARY      -                    COMPARE      aux = enum ir_cc, a, b
 *   IMM          imm (below 2^32 for i32)  LOAD    aux = memop, a = address
 *   GLOBAL       aux = global         STORE        aux = memop, a = address, b = value
 *   GLOBAL1      aux = global, a (*)  CALL         aux = helper, args[0..n) (see ir_call_args)
 *   GLOBAL_OR    aux = global, a
 *   UNARY        a                    MARK         imm = pc key, aux = its index
 *   BINARY       a, b                 BRANCH       b = block
 *   TERNARY      a, b, c              BRANCH_COND  a = condition, b = then block, c = else block
 *   EXIT_JUMP    aux = slot (below IR_MAX_SLOTS, each once a unit) | enum ir_link << 8, imm = pc key;
 *                IR_LINK_CALL: the return address's pc key in the high half of imm
 *                b = set of globals (of the first 32) that the target overwrites unseen, or IR_NONE
 *   EXIT_IND     a = pc key, aux = enum ir_link << 8; IR_LINK_CALL: imm = the return address's pc key; b as for EXIT_JUMP
 *   EXIT_LOOP    a = pc key           EXIT_BUDGET  aux = instructions, imm = pc key
 *   CHARGE       aux = instructions, b = block, c = block when the budget is out
 *   BRANCH and CHARGE: imm = set of globals (of the first 32) that are not looked at any more
 *   AMOUNT       imm                   AMOUNT_OF    a
 *   KEY          imm = pc key; aux = 1: the guard is looked at (whoever compiles the unit says what it is), 0: it is not
 *   EXIT_JUMP and EXIT_IND of IR_LINK_CALL: c = the block of this unit that starts with an `enter` of the return address, or IR_NONE. Whoever runs
 *   the unit may go on there when the call comes back, as if the unit had been left and another one been entered.
 * (*) b = IR_SET_OPTIONAL marks a `set` that nobody looks at, of a value that is needed later: it need not
 *     be done, but the global's home is a free place for the value (opt_backward.c).
 *     b = IR_SET_LAZY marks one that only faults look at: until the next `set` of that global, or the end of the block,
 *     nothing else does. It need not be done where whoever leaves at a fault can find out the value.
 *     b = IR_SET_AGAIN marks one of what the global holds already, as the front end knows: the optimiser makes it lazy where it can, so that
 *     the `set` before it, in another block, is not needed, and removes it elsewhere.
 *     imm = IR_NOTED marks a PURE insn with arguments that nothing but lazy sets and other such insns use: it need not be done.
 */
#define IR_SET_OPTIONAL 1u
#define IR_SET_LAZY 2u
#define IR_SET_AGAIN 3u
#define IR_NOTED 1u
#define IR_MAX_SLOTS 64u

enum ir_shape {
	IR_SHAPE_NULLARY, IR_SHAPE_IMM, IR_SHAPE_GLOBAL, IR_SHAPE_GLOBAL1, IR_SHAPE_GLOBAL_OR, IR_SHAPE_UNARY,
	IR_SHAPE_BINARY, IR_SHAPE_TERNARY, IR_SHAPE_COMPARE, IR_SHAPE_LOAD, IR_SHAPE_STORE,
	IR_SHAPE_CALL, IR_SHAPE_MARK, IR_SHAPE_BRANCH, IR_SHAPE_BRANCH_COND, IR_SHAPE_EXIT_JUMP,
	IR_SHAPE_EXIT_IND, IR_SHAPE_EXIT_LOOP, IR_SHAPE_EXIT_BUDGET, IR_SHAPE_CHARGE, IR_SHAPE_AMOUNT,
	IR_SHAPE_AMOUNT_OF, IR_SHAPE_KEY,
};

struct ir_op_info {
	const char *name;
	uint8_t shape;     /* enum ir_shape */
	char result;       /* 'T', 'w', 'q' or '-' */
	const char *args;  /* as in ops.def */
	uint8_t flags;     /* enum ir_op_flag */
	uint8_t n_args;    /* letters in args: value operands in a, b, c (CALL: see ir_call_args) */
};

/* The set of PURE ops, as a constant. */
#define NONE 0
#define COMM 0
#define PURE 1
#define FAULT 0
#define EFFECT 0
#define END 0
static const uint64_t ir_pure_ops = 0
#define OP(name, shape, result, args, flags) | (uint64_t)((flags) & 1) << IR_##name
#include "ir/ops.def"
#undef OP
;
#undef NONE
#undef COMM
#undef PURE
#undef FAULT
#undef EFFECT
#undef END

extern const struct ir_op_info ir_ops[IR_OP_COUNT] __attribute__((visibility("hidden"))); /* read all the time: not by way of the GOT */

/* Conditions of `cmp`; ir_cc_negate and ir_cc_swap derive the others. */
enum ir_cc {
	IR_EQ, IR_NE, IR_LTU, IR_GEU, IR_LEU, IR_GTU, IR_LTS, IR_GES, IR_LES, IR_GTS,
};

enum ir_cc ir_cc_negate(enum ir_cc cc); /* !(a cc b) */
enum ir_cc ir_cc_swap(enum ir_cc cc);   /* b cc' a == a cc b */

/* What an exit is to the guest: a hint for the host's return predictor, never a matter of meaning. */
enum ir_link { IR_LINK_JUMP, IR_LINK_CALL, IR_LINK_RET };

/*
 * Memory operation descriptor, 16 bits:
 *   1:0 log2 of the size in bytes   2 sign-extend   3 big-endian
 *   5:4 enum ir_align   6 leaves   7 aligned   11:8 address space index (the MMU index of softmmu)
 *
 * `leaves`, with FORCE and ROTATE: at an unaligned access the unit is left before the guest instruction, as at a fault; who runs the unit
 * does the instruction in another way. So an access that is done shows that its address is aligned, and that is worth something to those behind it.
 * `aligned`: the address is known to be (opt_align.c). It is never said of an access that is not.
 */
enum ir_align {
	IR_ALIGN_ANY,    /* unaligned accesses are done as such */
	IR_ALIGN_FAULT,  /* unaligned: guest alignment fault */
	IR_ALIGN_FORCE,  /* low address bits are ignored */
	IR_ALIGN_ROTATE, /* as FORCE, and a load's word is rotated right by 8 x the low bits */
};
#define IR_MEMOP(log2size, sign, align, space) \
	((uint16_t)((log2size) | (sign) << 2 | (align) << 4 | (space) << 8))
#define IR_MEMOP_BE 8u
#define IR_MEMOP_LEAVES 0x40u
#define IR_MEMOP_ALIGNED 0x80u

static inline unsigned ir_memop_size(uint16_t m) { return 1u << (m & 3u); }
static inline bool ir_memop_signed(uint16_t m) { return (m >> 2) & 1u; }
static inline bool ir_memop_be(uint16_t m) { return (m >> 3) & 1u; }
static inline enum ir_align ir_memop_align(uint16_t m) { return (enum ir_align)((m >> 4) & 3u); }
static inline bool ir_memop_leaves(uint16_t m) { return m & IR_MEMOP_LEAVES; }
static inline bool ir_memop_aligned(uint16_t m) { return m & IR_MEMOP_ALIGNED; }
static inline unsigned ir_memop_space(uint16_t m) { return (m >> 8) & 15u; }

#define IR_COLD 8u /* heat of a global that is in memory, more likely than not: doing without a write of it is worth a note */

/* A guest register: lives at `offset` bytes from the env pointer when it is not in its home. */
struct ir_global {
	const char *name;
	int32_t offset;
	uint8_t type;      /* enum ir_type of get and set */
	uint8_t mem_bytes; /* 1, 4 or 8; a 1-byte global holds 0 or 1 */
	uint8_t heat;      /* the hottest get host registers as their homes; 0 = never */
};

/* Effects of a helper on the world, for the optimiser and the backend. */
enum ir_helper_flag {
	IR_HELPER_READS = 1,  /* reads globals from env memory */
	IR_HELPER_WRITES = 2, /* writes globals in env memory */
	IR_HELPER_FAULT = 4,  /* may set *fault_flag (see below): the unit is left at this insn */
	IR_HELPER_PURE = 8,   /* depends on its arguments only, no effect but the result */
	IR_HELPER_NORETURN = 16, /* always faults; what follows in the block is not reached */
};

#define IR_HELPER_MAX_ARGS 4

/*
 * A C function callable from the IR: ret fn(void *env, args...). A helper that faults sets the
 * 32-bit fault flag in env (ir_unit.fault_flag_offset) to non-zero and returns; its result is
 * ignored and whoever ran the unit clears the flag.
 */
struct ir_helper {
	const char *name;
	void (*fn)(void);
	uint8_t ret;                      /* enum ir_type */
	uint8_t n_args;                   /* without env */
	uint8_t args[IR_HELPER_MAX_ARGS]; /* enum ir_type */
	uint8_t flags;                    /* enum ir_helper_flag */
};

typedef uint32_t ir_ref;   /* index into ir_unit.insns */
typedef uint32_t ir_label; /* index into ir_unit.blocks */
#define IR_NONE UINT32_MAX

struct ir_insn {
	uint8_t op;   /* enum ir_op */
	uint8_t type; /* enum ir_type: what 'T' stands for */
	uint16_t aux;
	ir_ref a, b, c;
	uint64_t imm; /* CALL: index of its first argument in ir_unit.args */
};

struct ir_block {
	ir_ref first, end; /* insns [first, end); the last one has IR_END */
};

#define IR_MAX_GLOBALS 64 /* a guest's globals fit a bit mask */

/* What every unit of one guest shares. Read-only, outlives the units. */
struct ir_guest {
	const struct ir_global *globals;
	const struct ir_helper *helpers;
	uint16_t n_globals, n_helpers;
	int32_t fault_flag_offset; /* uint32_t in env, see struct ir_helper */
	uint16_t pc_global;        /* global that receives the pc key at exits; never in a home register */
	uint64_t scratch;          /* globals that mean something inside of a unit only: nobody looks where it is left or faults */
};

struct ir_unit {
	const struct ir_guest *guest;
	struct arena *arena; /* all arrays below; the caller resets it after the unit's last use */
	struct ir_insn *insns;
	struct ir_block *blocks; /* by label; block 0 is the entry and the first in the code */
	ir_label *order;         /* labels in code order, n_order of them: all blocks, without gaps */
	ir_ref *args;            /* pool of call arguments */
	uint32_t n_insns, cap_insns, n_blocks, cap_blocks, n_args, cap_args;
	uint32_t n_order;
	ir_label cur;            /* builder: block being built, IR_NONE = none */
	uint32_t n_marks;        /* guest instructions = `insn` markers, numbered in code order */
	uint64_t pc_key;         /* of the first guest instruction */
	uint32_t may_assume;     /* who enters the unit can look at so much; the optimiser chooses: */
	uint32_t assumes;        /* bit g, global g is a multiple of 4; bit IR_ASSUMED_GLOBALS + g, of 2. Else it is not entered */
	struct ir_sets *left;    /* what the optimiser left; NULL: it was not there */
};

/* Sets of insns, a bit each, by ir_ref / 64. Who walks over one takes no branch for each insn of the unit, of which a branch would be mispredicted. */
struct ir_sets {
	uint64_t *rest;   /* all but those below, and nops */
	uint64_t *consts;
	uint64_t *marks;
	uint64_t *accesses; /* of the rest: loads, stores and calls, and perhaps some that were */
};
#define IR_ASSUMED_GLOBALS 16u

/* ---- builder (build.c) ---------------------------------------------------------------------- */

/* Makes *u an empty unit whose arrays come from `arena`. */
void ir_unit_init(struct ir_unit *u, const struct ir_guest *guest, struct arena *arena);

/* A block to branch to; it gets its place in the code by ir_block_start, exactly once. */
ir_label ir_block_new(struct ir_unit *u);
/* Starts block `l` here, once. The previous block must have ended. Labels are stable and may be
 * placed in any order after block 0; u->order remembers the order of the code. */
void ir_block_start(struct ir_unit *u, ir_label l);
/* True when the insn emitted last ended its block (or nothing was started). */
bool ir_block_ended(const struct ir_unit *u);

/* Any insn; the inline functions below derive from ops.def's shapes. Returns the value. */
ir_ref ir_emit(struct ir_unit *u, enum ir_op op, enum ir_type type, uint16_t aux, ir_ref a, ir_ref b,
	       ir_ref c, uint64_t imm);
/* What ir_emit comes to, all in registers: an insn, a marker (whose aux is filled in), an insn that ends its block. */
struct ir_head {
	uint8_t op, type;
	uint16_t aux;
};
ir_ref ir_append(struct ir_unit *u, struct ir_head head, ir_ref a, ir_ref b, ir_ref c, uint64_t imm);
ir_ref ir_append_mark(struct ir_unit *u, struct ir_head head, uint64_t pc_key);
ir_ref ir_append_end(struct ir_unit *u, struct ir_head head, ir_ref a, ir_ref b, ir_ref c, uint64_t imm);
/* Emits a call; `args` has the helper's n_args values. */
ir_ref ir_emit_call(struct ir_unit *u, uint16_t helper, const ir_ref *args);

/* What was emitted last, an exit_jump, an exit_ind, a br or a charge, leads where the globals of `dead` are not looked at any more. */
void ir_exit_dead(struct ir_unit *u, uint32_t dead);

/* What was emitted last, an exit_jump or exit_ind that calls, comes back at block l, which starts with an `enter`. */
void ir_exit_lands(struct ir_unit *u, ir_label l);

/* A `set` of what the global holds already (IR_SET_AGAIN). */
void ir_set_again(struct ir_unit *u, uint16_t global, ir_ref v);

/* Arguments of a call insn: *n values. */
const ir_ref *ir_call_args(const struct ir_unit *u, const struct ir_insn *i, unsigned *n);

/* Does only a lazy set, perhaps by way of others, use the result? */
static inline bool ir_is_noted(const struct ir_insn *i)
{
	return i->imm == IR_NOTED && ir_ops[i->op].flags & IR_PURE && ir_ops[i->op].n_args;
}

/* Word number w of a set, without what is not of the block. */
static inline uint64_t ir_in_block(const uint64_t *set, const struct ir_block *b, ir_ref w)
{
	uint64_t from = w == b->first / 64 ? UINT64_MAX << b->first % 64 : UINT64_MAX;
	uint64_t to = w == b->end / 64 ? ~(UINT64_MAX << b->end % 64) : UINT64_MAX;
	return set[w] & from & to;
}

/* The sets of a unit as it is, from its arena; nops count as the rest. */
struct ir_sets *ir_sort(const struct ir_unit *u);

/* Result type of an insn (IR_VOID for none), and the number of value operands in a, b, c. */
enum ir_type ir_result_type(const struct ir_unit *u, const struct ir_insn *i);

#include "ir/build.h"

/* ---- printer, verifier, optimiser, interpreter ---------------------------------------------- */

/* Prints the unit, one insn a line, in QEMU's spirit: ` ---- 00010000` at markers, `v3 = add v1, v2`. */
struct log;
void ir_print(const struct ir_unit *u, struct log *out);

/* Checks every rule stated in this header. Returns true, or false with one line in msg. */
bool ir_verify(const struct ir_unit *u, char *msg, size_t msg_size);

/*
 * Runs all passes over the unit in place: folding, copy propagation, redundant get/set, dead code,
 * dead sets across blocks; which accesses are aligned, and what of may_assume the unit assumes for it. Removed insns become
 * nop: of their fields only op counts then. Markers, and so their indices, stay. A block that became unreachable keeps its
 * markers and ends in a `br` to itself; the rest of it is nops. At an exit the pc global counts as dead, for the exit writes
 * it. A value that was set into a global is used on instead of a `get`, so a backend does well to
 * know the global's home as one more place of that value. Linear time but for units with loops.
 */
void ir_optimise(struct ir_unit *u);

/* The meaning of every PURE op with arguments, for folding and interpreter alike. Operands and
 * results of i32 are zero-extended. */
uint64_t ir_eval(enum ir_op op, enum ir_type type, uint16_t aux, uint64_t a, uint64_t b, uint64_t c);

enum ir_exit { IR_EXIT_JUMP, IR_EXIT_IND, IR_EXIT_LOOP, IR_EXIT_FAULT, IR_EXIT_BUDGET };

/* Guest memory for the interpreter; returns false when the access faulted, or is one that leaves. And the budget and counters, which may be NULL:
 * `charge` takes n from the budget (n < 0: gives back) and returns false when it is out. */
struct ir_memory {
	void *ctx;
	bool (*load)(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value);
	bool (*store)(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value);
	bool (*charge)(void *ctx, int32_t n);
	void (*count)(void *ctx, uint32_t counter);
};

struct ir_interp_result {
	enum ir_exit exit;
	unsigned slot;  /* IR_EXIT_JUMP */
	uint32_t pc_key; /* not for IR_EXIT_FAULT */
	unsigned marks; /* the insn left at belongs to the marks-th marker in code order (1 = first);
			   markers in skipped blocks count too, as they do in compiled code */
};

/* What of `assumes` (ir_unit) does not hold in `env`. */
uint32_t ir_unmet(const struct ir_guest *guest, const void *env, uint32_t assumes);

/*
 * Executes the unit on `env`, in which what it assumes holds. Loads and stores get `mark`, the index (from 0) of the guest
 * instruction they belong to: the last marker before them in code order. Helpers are called
 * through libffi. The pc global is written at exits, not at faults.
 */
struct ir_interp_result ir_interpret(const struct ir_unit *u, void *env, const struct ir_memory *mem);

#endif
