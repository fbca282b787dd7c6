/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From guest instructions to an IR unit: decode by the tables (a32.def, t16.def), lower to IR.
 * One unit starts at a pc key and ends at the first instruction that leaves it, at the end of
 * what could be fetched, or after max_insns.
 */
#ifndef RHEA_ARM_TRANSLATE_H
#define RHEA_ARM_TRANSLATE_H

#include "frontend-arm/cpu.h"
#include "ir/ir.h"

enum arm_global {
#define GLOBAL(name, field, bytes, heat) ARM_G_##name,
#include "frontend-arm/globals.def"
#undef GLOBAL
	ARM_G_COUNT
};

/* The globals and helpers of every ARM unit. Constant. */
extern const struct ir_guest arm_guest;

/* The decoder's tables. Constant. */
struct arm_decoder;
const struct arm_decoder *arm_decoder(void);

/* Whom flags may be owed to (owed.h): what a unit overwrites before it reads any flag. */
struct arm_debtor {
	uint8_t kills;    /* flags, bit f = enum arm_flag f */
	uint16_t written[4]; /* for each of them: registers written before the last insn that may fault before it goes */
	bool faults;      /* there is such an insn */
	uint8_t by_value; /* enum arm_by_value */
};

/* What a unit does with flags that are owed by value when it is entered. */
enum arm_by_value {
	ARM_VALUE_WRITES, /* must have those written that it does not overwrite first */
	ARM_VALUE_TAKES,  /* overwrites all of them before it looks */
	ARM_VALUE_PASSES, /* looks at none: what it does not overwrite is owed on its ways out */
};

/* Where flags owed by value had to be written too often: a bit for each arm_site (owed.h). */
#define ARM_SITES 4096u
struct arm_refused {
	uint64_t exit[ARM_SITES / 64]; /* that are not to owe them any more */
	uint64_t unit[ARM_SITES / 64]; /* that are to pass them on and owe nothing of their own */
};

/* A direct way out of a unit. */
struct arm_way_out {
	bool used;
	uint8_t link;     /* enum ir_link */
	uint32_t key;     /* where it leads */
	uint32_t owed;    /* arm_cpu.owed there, 0 = nothing */
};

/* What the runtime wants to know of a unit beside its IR. */
struct arm_unit_flags {
	struct arm_debtor entry;
	struct arm_way_out out[2]; /* by exit slot */
	bool fixed;                /* it is left in ways that may not give back what was charged too much (exceptions) */
	bool lone;                 /* it calls, jumps to where a register says, or is left by another way than jumps and returns */
	bool calls;                /* a way out is a call, which comes back behind the unit */
	bool returns;              /* a way out is a return */
	uint64_t value_sites;      /* where it owes flags by value, and itself when it may pass them on: bit arm_site % 64 */
	bool may_pass;             /* it could pass flags owed by value on, and does not */
	uint32_t literals, literals_end; /* addresses: what it takes for constants lies between. Equal: there is nothing */
};

/* Guest addresses [from, end), at most 12 KiB. */
struct arm_literals {
	const uint8_t *host; /* of `from` */
	uint32_t from, end;  /* equal: none */
};

/* What was seen of code at the targets of branches, by what stands there. All zeros: nothing yet. */
#define ARM_AHEADS 64u
#define ARM_LOOK_AHEAD 8u /* instructions */
struct arm_ahead {
	uint32_t pc_key, tb_flags, literals, literals_end;
	uint32_t code[ARM_LOOK_AHEAD];
	struct arm_debtor to;
};

/* Instructions of a page whose accesses were met unaligned: a set of ARM_ODD_WORDS words, by halfword of the guest's page. */
#define ARM_ODD_WORDS (PAGE_SIZE / 2 / 32)
static inline unsigned arm_odd_place(uint32_t pc) { return (pc & PAGE_MASK) / 2; }

struct arm_translate_request {
	const struct arm_decoder *decoder;
	uint32_t pc_key;      /* bit 0: Thumb; ARM with bit 1 set: the unit raises a prefetch abort */
	uint32_t tb_flags;    /* enum arm_tb_flag */
	const uint8_t *code;  /* host address of the first instruction; Thumb with ARM_TB_BE32: readable from the
				 start of the word that holds it */
	uint32_t code_bytes;  /* valid bytes from there; at least one instruction's */
	uint32_t code_before; /* valid bytes before the first instruction, for looking ahead at branch targets */
	struct arm_literals literals; /* words that are loaded from there by an address off pc are constants: the caller sees stores to them */
	const uint8_t *const *cut; /* n_cuts host addresses at which no unit goes on */
	uint32_t n_cuts;
	const uint32_t *stop; /* n_stops addresses at which no unit goes on (breakpoints) */
	uint32_t n_stops;
	const struct arm_refused *refused; /* may be NULL */
	struct arm_ahead *ahead; /* ARM_AHEADS of them, kept between requests for the same core; may be NULL */
	uint32_t max_insns;   /* >= 1 */
	bool leaves;          /* accesses may leave where they are not aligned (IR_MEMOP_LEAVES) ... */
	const uint32_t *odd;  /* ... but not those of these instructions of the page: an arm_odd_set. NULL = none */
	bool count_taken;     /* a `count` where a conditional branch goes: of counter 0, or as the region's part says */
	bool look_ahead;      /* flags may be owed; needs max_insns of at least ARM_LOOK_AHEAD */
	bool once;            /* nobody optimises the unit, and nobody runs it twice. Not with look_ahead */
	bool whole_blocks;    /* who counts runs of units counts those of each instruction: no branch is done without */
	uint8_t semihosting;  /* enum arm_semihosting */
	uint8_t arch;         /* arm_model.arch */
};

/*
 * Translates into *u (initialised by the caller with &arm_guest). Always produces a well-formed
 * unit with at least one instruction: what is undefined raises the guest's exception when run.
 * Returns the number of guest code bytes that the unit covers.
 */
uint32_t arm_translate(const struct arm_translate_request *req, struct ir_unit *u);

/* The same, and tells about flags that are owed. */
uint32_t arm_translate_owing(const struct arm_translate_request *req, struct ir_unit *u, struct arm_unit_flags *flags);

/* ---- regions: several guest blocks in one unit (region.c) ---- */

#define ARM_REGION_PARTS 20u
#define ARM_REGION_SLOTS (2 * ARM_REGION_PARTS)

/* How each flag follows from registers (known.c), 0 = nobody knows. Equal words are equal facts. */
#define ARM_FLAGS 4u /* enum arm_flag */
struct arm_known {
	uint32_t fact[ARM_FLAGS];
	struct arm_sure {
		uint8_t flags, values; /* masks: flags that are constants, whatever else is known of them (sure.c) */
	} sure;
};

#define ARM_NO_KEY 2u /* is no part's pc key */

/* One guest block of a region. */
struct arm_region_part {
	const uint8_t *code; /* and what comes behind it, to the page's end */
	uint32_t pc_key;
	uint32_t back;    /* the part is of a function that was called from here: where that comes back to. Else ARM_NO_KEY */
	bool calls;       /* to[] has the function that it calls */
	int8_t lands;     /* the part where its other call comes back to, -1 = none */
	int8_t lands_back; /* the part at `back` where a call does that it makes for who called its function, -1 = none */
	struct arm_literals literals; /* as in arm_translate_request */
	const uint32_t *odd;          /* likewise */
	uint16_t n_insns;
	uint16_t charge;  /* what the budget was charged in advance when it starts: n_insns, or more where the unit is not fixed */
	uint32_t hot;     /* of two parts that it jumps to, this pc key's is the likelier one; else ARM_NO_KEY */
	int8_t to[2];     /* the parts that it jumps to, calls or comes back to, of which no two have the same pc key; -1 = none */
	struct arm_seen_way {
		uint32_t key;         /* ARM_NO_KEY: nobody knows */
		struct arm_debtor to; /* what the unit there takes; the look-ahead says so elsewhere */
	} seen[2];        /* ways out */
	bool looks;       /* it may look at flags that it is entered with, if only at a fault */
	bool takes;       /* flags may be owed to it */
	struct arm_debtor entry; /* what the block takes that it is a copy of */
	struct arm_known known; /* on every way in */
	uint8_t n_preds;  /* ways into it: jumps of parts, calls that come back, and for the first part its entry */
	uint32_t counter; /* `count` at its start, 0 = not */
	uint32_t taken;   /* `count` where its conditional branch goes, with count_taken */
};

/* What a part makes of the flags on a way to another part. */
struct arm_region_way {
	struct arm_known known;  /* there */
	struct arm_known own;    /* likewise, but for flags that the part leaves alone: */
	uint8_t alone;           /* these, as a mask */
	uint16_t written;        /* registers that it writes, as a set */
	bool seen;
};

struct arm_region_flags {
	struct arm_debtor entry;
	unsigned n_slots;
	uint64_t value_sites;
	uint32_t owed[ARM_REGION_SLOTS]; /* by exit slot */
	struct arm_region_way way[ARM_REGION_PARTS][2]; /* as in arm_region_part.to */
	struct arm_known assumed[ARM_REGION_PARTS]; /* where the part starts */
};

/* What both say. */
struct arm_known arm_common_known(const struct arm_known *a, const struct arm_known *b);
/* What is known on a way out of a part that starts knowing this. */
struct arm_known arm_known_behind(const struct arm_known *known, const struct arm_region_way *way);

/*
 * Translates the parts, of which the first is at req->pc_key, into one unit in this order. A
 * direct jump from part to part is a branch in the unit; so are calls and, behind a look at where it goes, returns. Where parts of a called
 * function leave the unit the guest's call is made up for: they call where they go. A call of another unit comes back to a part, where there is one. The entry charges the first part; a jump to a part with a larger
 * charge than was left checks the budget first, and there the unit may be left, with the state and the flags exact.
 * False: some part is not what it was, the unit is not to be used.
 */
bool arm_translate_region(const struct arm_translate_request *req, const struct arm_region_part *part, unsigned n,
			  struct ir_unit *u, struct arm_region_flags *flags);

/* May an exit that leaves `owed` jump straight to the unit with entry `to`? */
bool arm_takes_debt(const struct arm_debtor *to, uint32_t owed);

#endif
