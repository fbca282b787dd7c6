/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering: one function a row of a32.def and t16.def turns an instruction's fields into IR. The
 * functions emit straight-line code; conditions, markers and the end of the unit are translate.c's.
 * Invariants: nothing is emitted before `return false` (undefined instruction) that a guest could see; writes
 * to pc are noted in pc_write and become the unit's exit after the function returns.
 * Private to the frontend.
 */
#ifndef RHEA_ARM_LOWER_H
#define RHEA_ARM_LOWER_H

#include "frontend-arm/decode.h"
#include "frontend-arm/helpers.h"

enum arm_cond {
	ARM_EQ, ARM_NE, ARM_CS, ARM_CC, ARM_MI, ARM_PL, ARM_VS, ARM_VC, ARM_HI, ARM_LS, ARM_GE, ARM_LT, ARM_GT, ARM_LE,
	ARM_AL,
};

/* What set the flags last, as far as the current IR block knows. */
enum arm_flag_source { FLAGS_UNKNOWN, FLAGS_RESULT, FLAGS_ADD, FLAGS_SUB };

enum arm_flag { FLAG_N, FLAG_Z, FLAG_C, FLAG_V };
#define ARM_NZ 3u    /* as masks */
#define ARM_NZCV 15u

/* How far the start of the unit has been looked at for flags that it overwrites (owed.c). */
struct arm_arrival {
	uint8_t overwritten; /* flags that were not set since the next instructions overwrite them: for who owes them that is where they end */
	bool decided;
	ir_ref from;       /* first insn not yet looked at */
	uint16_t written;  /* registers written so far */
	bool settled;      /* nothing is owed to this one */
	bool unsettled;    /* what is owed may not be 0 although none of its flags is left */
	struct arm_debtor to;
};

#define ARM_MAX_WAYS 4u

/* How the flags follow from registers at the end of an IR block: flag by flag, and as what can be owed (owed.h). 0 = they do not. */
struct arm_flow {
	struct arm_known known;
	uint32_t debt;
};

/* Ways to a branch beside the one that is being lowered, and whether they take it. */
struct arm_ways {
	unsigned n;
	bool taken;
	struct arm_way {
		ir_label start;
		struct arm_flow flow; /* there */
	} way[ARM_MAX_WAYS];
};

/* Out of the way of a region's code: where it is left by a jump, or because the budget is out. */
enum arm_cold_kind { COLD_EXIT, COLD_BUDGET, COLD_PART, COLD_RETURN };
struct arm_cold {
	ir_label label;
	enum arm_cold_kind kind;
	uint8_t part;      /* COLD_PART: this one */
	uint8_t at;        /* of this part */
	int16_t amount;    /* instructions charged that do not run */
	uint32_t key;      /* where it goes on; COLD_RETURN: in this register */
	uint32_t back;     /* COLD_EXIT: a call is made up for, which comes back here; else ARM_NO_KEY */
	int8_t lands;      /* as lands_back of the part */
	struct arm_flow flow;
	uint32_t owed_ahead; /* COLD_RETURN: as in arm_lower */
	unsigned unpaid;   /* flags that are to be written, as is known of them; the others are where they belong */
};

/* A region being lowered. */
struct arm_region {
	const struct arm_region_part *part;
	unsigned n, at;                        /* part `at` is being lowered */
	ir_label label[ARM_REGION_PARTS];      /* IR_NONE: not asked for yet */
	ir_label enter[ARM_REGION_PARTS];      /* likewise: where calls come back to the part */
	bool entered[ARM_REGION_PARTS];        /* that is in the unit */
	struct arm_region_way way[ARM_REGION_PARTS][2];
	struct arm_known assumed[ARM_REGION_PARTS];
	struct arm_debtor entry;
	bool entering;                         /* the IR block that the unit starts with goes on */
	bool settled;                          /* nothing is owed any more where the first part starts */
	bool joined;                           /* the next part goes on in the same IR block */
	unsigned n_slots, n_cold;
	uint32_t owed[ARM_REGION_SLOTS];
	struct arm_cold cold[9 * ARM_REGION_PARTS]; /* two for each side of a branch, one for each way beside, one for calls that come back */
};

/* Instructions that a short branch skips, done aside (skip.c). */
struct arm_skip {
	unsigned left, n;         /* still to come; 0 = there are none. Of how many */
	enum arm_cond cond;       /* of the branch */
	uint16_t wrote_regs;
	uint8_t wrote_flags;
	/* before them */
	enum arm_flag_source source;
	ir_ref src_a, src_b, src_r, source_end, reg[15], flag[ARM_FLAGS];
};

struct arm_lower {
	struct ir_unit *u;
	const struct arm_translate_request *req;
	uint32_t pc, next; /* addresses of this instruction and of the one behind it */
	bool thumb;
	uint32_t offset;   /* of the one behind it from the first, and how many the unit may have from there on */
	uint32_t room;
	uint8_t unseen;    /* flags that it may set and that nobody will see: the next ones overwrite them (effects.c). Not to be asked directly: */
	bool looked;       /* ... whether that was found out */
	bool may_wait;     /* likewise: the next one is a branch, or the unit's end, so that flags may be late */
	bool touched;      /* flags that this unit sets were late, or not set */

	/* values of the current IR block; IR_NONE = read the global, make the constant */
	enum arm_flag_source source;
	ir_ref src_a, src_b, src_r; /* operands and result behind `source` */
	ir_ref source_end;          /* first insn after the flags were set */
	ir_ref flag[ARM_FLAGS];
	unsigned again;    /* flags that the block was entered with, that follow from `known`, and that nobody has looked at yet */
	struct arm_known known;
	struct arm_sure sure; /* of flags as they are */
	ir_ref known_x[ARM_FLAGS], known_y[ARM_FLAGS]; /* the registers of each fact */
	ir_ref reg[15];
	ir_ref kept;       /* what was kept of what is in no register any more; IR_NONE = nobody knows */
	ir_ref small[2];   /* the constants 0 and 1 */
	/* In a unit that runs once, and ahead of branches: flags that are not written yet, as a mask. Where `flag` has no value either, they are those of late_r (N, Z), and
	 * of the operation late_cv (C, V) on these operands. */
	uint8_t late;
	enum ir_op late_cv; /* of C; that of V is the next one */
	ir_ref late_r, late_a, late_b, late_cin;

	enum arm_cond pred; /* not AL: register results are selected by it, instead of a branch around */
	bool leaves;       /* this instruction's accesses may leave where they are not aligned */
	bool wrote_flags;  /* this instruction wrote N, Z, C or V */
	bool ended;        /* this instruction emitted the unit's end */
	bool leave;        /* the unit ends behind this instruction, which may have changed how code is found */
	ir_ref pc_write;   /* pc key to go to behind this instruction; IR_NONE = none */
	enum ir_link link; /* of pc_write */

	uint32_t owed;     /* flags that the unit's exits owe, 0 = none (owed.h) */
	bool may_pass;     /* as in arm_unit_flags */
	bool passes;       /* what is owed by value at the start is so at the end, but for flags overwritten */
	uint32_t by_value; /* flags that this instruction's exit owes by value, 0 = none */
	uint32_t owed_ahead; /* what this instruction's exit can owe by value, as is kept already, 0 = nothing */
	uint64_t value_sites; /* as in arm_unit_flags */
	bool pays[2];      /* the exit of this slot writes them after all */
	struct arm_way_out out[2]; /* the exits, as they were left */
	struct arm_region *region; /* NULL: the unit is one guest block */
	struct arm_flow flow; /* region: where the part ends */
	uint8_t set_flags;    /* region: flags that the part sets, and registers that it writes, so far */
	uint16_t set_regs;    /* bit ARM_SLOT: the slot */
	bool fixed;        /* as in arm_unit_flags */
	bool lone, calls, returns; /* as in arm_unit_flags */
	uint32_t literals, literals_end;
	bool guarded;      /* the instruction is in a block of its own, behind a condition */
	struct arm_arrival arrival;
	struct arm_skip skip;
	ir_ref unspent;    /* instructions skipped and not given back yet; 0 = none */

	bool bl_known;     /* Thumb: the instruction before was a BL prefix, which set lr to bl_base */
	uint32_t bl_base;

	/* what tells calls and returns that are no BL and no BX LR */
	bool lr_known;       /* lr holds the constant lr_key */
	uint32_t lr_key;
	uint32_t popped_at;  /* the instruction before this address was a POP of these registers */
	uint32_t popped;
};

/* ---- lower.c: values, registers, calls ----------------------------------------------------------- */

ir_ref arm_const(struct arm_lower *l, uint32_t x);
/* Register n; 15 reads as the instruction's address plus 8 (ARM) or 4 (Thumb). */
ir_ref arm_reg_first(struct arm_lower *l, uint32_t n);
static inline ir_ref arm_reg(struct arm_lower *l, uint32_t n)
{
	return n < 15 && l->reg[n] != IR_NONE ? l->reg[n] : arm_reg_first(l, n);
}
static inline uint32_t arm_pc_read(const struct arm_lower *l) { return l->pc + (l->thumb ? 4 : 8); }
/* Writes register n; 15 branches and keeps the instruction set (ARMv5 ALU rule). */
void arm_set_reg(struct arm_lower *l, uint32_t n, ir_ref v);
/* Writes register n with a loaded value; 15 branches and may switch the instruction set. */
void arm_set_loaded(struct arm_lower *l, uint32_t n, ir_ref v);
/* BX: branches to pc key v. */
void arm_branch_key(struct arm_lower *l, ir_ref v, enum ir_link link);
/* Ends the unit with a jump to a constant pc key. */
void arm_jump(struct arm_lower *l, uint32_t key, enum ir_link link);
/* The branch of a condition is about to be taken: counts it where somebody asked for that. */
void arm_count_taken(struct arm_lower *l);
static inline uint32_t arm_next_key(const struct arm_lower *l) { return l->next | l->thumb; }
static inline uint32_t arm_pc_key(const struct arm_lower *l) { return l->pc | l->thumb; }
static inline bool arm_priv(const struct arm_lower *l) { return l->req->tb_flags & ARM_TB_PRIV; }

ir_ref arm_call0(struct arm_lower *l, enum arm_helper h);
ir_ref arm_call1(struct arm_lower *l, enum arm_helper h, ir_ref a);
ir_ref arm_call2(struct arm_lower *l, enum arm_helper h, ir_ref a, ir_ref b);
/* Raises an exception on this instruction and ends the unit. */
void arm_raise(struct arm_lower *l, enum arm_exception_kind kind);
/* CPSR = SPSR, pc = v; ends the unit. */
void arm_exception_return(struct arm_lower *l, ir_ref v);

/* ---- lower_flags.c ------------------------------------------------------------------------------- */

/* Forgets every value of the IR block that was left. */
void arm_forget_values(struct arm_lower *l);
void arm_forget_regs(struct arm_lower *l);
ir_ref arm_flag(struct arm_lower *l, enum arm_flag f);
void arm_set_flag(struct arm_lower *l, enum arm_flag f, ir_ref v);
/* N and Z of r; then the carry and overflow of the operation. */
void arm_flags_result(struct arm_lower *l, ir_ref r);
void arm_flags_add(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref r);
void arm_flags_sub(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref r);
void arm_flags_adc(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref cin, ir_ref r);
void arm_flags_sbc(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref cin, ir_ref r);
/* Nobody optimises units that run once, so flags are computed and written where somebody may look at them: ahead of an access, a call, the
 * end of an IR block. So are those ahead of a branch, which may owe them. Writes those of l->late. */
void arm_write_late(struct arm_lower *l);
/* Writes those that are not owed. */
static inline void arm_write_rest(struct arm_lower *l, unsigned owed)
{
	l->late &= (uint8_t)~owed;
	if (l->late)
		arm_write_late(l);
}
/* Q |= v. */
void arm_set_q(struct arm_lower *l, ir_ref v);
/* Is the value in a register? */
bool arm_is_held(const struct arm_lower *l, ir_ref v);
/* 1 when the condition (not AL) holds. */
ir_ref arm_condition(struct arm_lower *l, enum arm_cond cond);

/* ---- effects.c ----------------------------------------------------------------------------------- */

unsigned arm_find_unseen(const struct arm_lower *l, bool *may_wait);
/* Flags that this instruction need not set; then l->may_wait is told, too. */
static inline unsigned arm_unseen(struct arm_lower *l)
{
	if (!l->looked) {
		l->unseen = (uint8_t)arm_find_unseen(l, &l->may_wait);
		l->looked = true;
	}
	return l->unseen;
}

/* ---- owed.c: flags at the ends of units ---------------------------------------------------------- */

/* The unit is about to end by a branch to `key` or `other`, or by a jump to `key`: may flags be owed? */
void arm_plan_exits(struct arm_lower *l, uint32_t key, uint32_t other);
void arm_plan_exit(struct arm_lower *l, uint32_t key);
/* Behind a conditional way out that owes by value: the way past it owes what of this debt it can. */
void arm_plan_behind(struct arm_lower *l, uint32_t key, uint32_t debt);
/* How the flags as they are follow from registers; 0 when they do not, or need not. */
uint32_t arm_debt(const struct arm_lower *l);
/* Could C have seen the flags since they were set? Then they are written already. */
bool arm_flags_shown(const struct arm_lower *l);
/* As arm_plan_exits where other ways also come to the branch. */
void arm_plan_ways(struct arm_lower *l, uint32_t key, uint32_t other, const struct arm_ways *ways);
/* On a way of its own the flags planned are owed like this. */
void arm_owe(struct arm_lower *l, uint32_t owed);
/* The IR block is about to end, or to call C, and nothing has been planned: nothing is owed from here on. */
void arm_owe_nothing(struct arm_lower *l);
/* An exit_jump as planned. */
void arm_exit(struct arm_lower *l, unsigned slot, enum ir_link link, uint32_t key, uint32_t return_key);
/* An instruction was lowered and the unit's start is not decided. */
void arm_arrive(struct arm_lower *l);
/* How the flags as they are follow from registers; 0 when they do not, or need not. */
uint32_t arm_debt(const struct arm_lower *l);
/* Writes the flags of `mask` that are owed. */
void arm_pay(struct arm_lower *l, uint32_t owed, unsigned mask);
/* An exit_jump of a region, or a call that comes back to `back` if that is one; flags that follow from registers are owed where they may be, else written. */
void arm_settle_exit(struct arm_lower *l, unsigned slot, const struct arm_cold *exit);
/* What of a debt is worth owing to a part that takes debts. */
uint32_t arm_owe_part(struct arm_lower *l, uint32_t key, uint32_t debt);
/* translate.c: what the unit at `key` takes; nothing when it cannot be looked at. */
struct arm_debtor arm_look_ahead(const struct arm_lower *l, uint32_t key);

/* ---- by_value.c ---------------------------------------------------------------------------------- */

/* The unit ends here. When it is a straight line that overwrites some flags and looks at none, it can pass on what it is entered with. Then it owes
 * nothing of its own; so it does where that happens. */
void arm_pass_on(struct arm_lower *l);
/* The unit is about to be left to where nobody knows, or to who takes it: owes what it can, as l->by_value says then. */
void arm_owe_by_value(struct arm_lower *l);
/* Is that less to write than the flags, where those of `mask` need not be? */
bool arm_values_pay(const struct arm_lower *l, unsigned mask);
/* What can be owed of registers is owed by value, if it pays, on the way out to `key`. */
bool arm_owe_debt_by_value(struct arm_lower *l, uint32_t debt, unsigned mask, uint32_t key);
/* The same ahead of loads of the registers of `list`, which has pc, so that nothing need be kept for it in another place. */
void arm_owe_ahead_of_loads(struct arm_lower *l, uint32_t list);

/* ---- known.c: flags from block to block ---------------------------------------------------------- */

/* Register n is about to be written: what the flags follow from is kept, when only that has it. */
#define ARM_SLOT 15u /* in facts, the place where it is kept */
void arm_keep_operand(struct arm_lower *l, uint32_t n);
/* How the flags follow from registers now. */
struct arm_flow arm_flow(const struct arm_lower *l);
/* The same where a condition holds that is about to be asked. */
struct arm_flow arm_flow_where(const struct arm_lower *l, enum arm_cond cond);
/* What both say (as arm_common_known), and the flags that something is known of. */
struct arm_flow arm_common_flow(const struct arm_flow *a, const struct arm_flow *b);
/* The same where these ways meet another one. */
struct arm_flow arm_flow_of_all(const struct arm_ways *ways, struct arm_flow flow);
unsigned arm_known_mask(const struct arm_known *known);
/* What the current part, which assumed something, makes of the flags on a way on which this is known. */
struct arm_region_way arm_region_way(const struct arm_lower *l, const struct arm_known *known, const struct arm_known *assumed);
/* The flags that the IR block starts with follow from registers like this. */
void arm_assume_known(struct arm_lower *l, const struct arm_known *known);
/* A flag of l->again. */
ir_ref arm_known_value(struct arm_lower *l, enum arm_flag f);
/* An access comes that may fault: sets again what the IR block knows of the flags that it was entered with, so that the
 * blocks before need not have done it. */
void arm_set_again(struct arm_lower *l);
/* Somebody is about to look at the flags of `mask`. In a region, those that follow from registers since the IR block's start are written here,
 * so that a loop on the way need not. */
void arm_pay_again(struct arm_lower *l, unsigned mask);
/* The same also outside of regions: where who looked before was told something else. */
void arm_write_again(struct arm_lower *l, unsigned mask);
/* Writes the flags of `mask`, of which this is known, in a region. */
void arm_pay_known(struct arm_lower *l, const struct arm_known *known, unsigned mask);

/* ---- sure.c: flags that are constants ------------------------------------------------------------ */

/* Of the flags as they are; and where a condition holds that is about to be asked. */
struct arm_sure arm_sure_flags(const struct arm_lower *l);
struct arm_sure arm_sure_where(const struct arm_lower *l, enum arm_cond cond);
/* Sets of what N Z C V may be, as a number of four bits: where a condition holds, and what such an operation leaves. */
unsigned arm_nzcv_where(enum arm_cond cond);
unsigned arm_nzcv_from(enum arm_flag_source source);

/* ---- skip.c -------------------------------------------------------------------------------------- */

/* The flags that a Thumb instruction sets, as a mask, where it may be done aside; else what is in no mask. */
unsigned arm_skip_flags(uint32_t insn);
/* Are these few enough to be done aside? Each register that they write is one more select. */
bool arm_skip_pays(const uint32_t *insn, unsigned n);
/* The n instructions that come next are skipped where `cond` holds. */
void arm_skip_begin(struct arm_lower *l, enum arm_cond cond, unsigned n);
/* Gives back to the budget what was skipped, before somebody can look at it, or the IR block ends. */
static inline void arm_give_back(struct arm_lower *l)
{
	if (l->unspent)
		ir_refund_by(l->u, l->unspent);
	l->unspent = 0;
}
/* All of them were lowered. */
void arm_skip_end(struct arm_lower *l);

/* ---- region.c ------------------------------------------------------------------------------------ */

/* Where part k starts. */
ir_label arm_region_label(struct arm_lower *l, unsigned k);
/* The part that a jump of the current part leads to, or NULL. */
const struct arm_region_part *arm_region_part(const struct arm_lower *l, uint32_t key);
/* The part ends in a jump to a part. */
void arm_region_jump(struct arm_lower *l, const struct arm_region_part *to);
/* What is known of the flags where the current part starts. */
struct arm_known arm_region_source(const struct arm_lower *l);
/* Is it a return from a function that the region called? Then ends the part with it. */
bool arm_region_return(struct arm_lower *l);
/* A jump out of the unit is a call, where the function that it is in was called from the region. Else 2. */
uint32_t arm_region_back(const struct arm_lower *l, uint32_t key);
/* The call that was emitted last comes back to part `to`, or, when that is -1, to wherever there is code. */
void arm_region_lands(struct arm_lower *l, int to);
/* Starts the IR block where calls come back to part k, which goes on to the part. */
void arm_region_enter(struct arm_lower *l, unsigned k);
/* Are flags owed to a part? */
static inline bool arm_region_takes(const struct arm_region_part *part) { return part->takes && arm_known_mask(&part->known) != 15; }
/* The part ends in a conditional branch to `key` or `other`, by other ways too (NULL: not so). */
void arm_region_branch(struct arm_lower *l, enum arm_cond cond, uint32_t key, uint32_t other, const struct arm_ways *ways);
/* Ends ways around instructions of which the last has left: to the part at `key`; false when there is none. */
bool arm_region_ways(struct arm_lower *l, const struct arm_ways *ways, uint32_t key);
/* The part is about to end in an exit: what was charged for those behind it does not run. */
void arm_region_refund(struct arm_lower *l);
/* How part `at` is translated, `req` being how the first one is. */
struct arm_translate_request arm_part_request(const struct arm_region *r, const struct arm_translate_request *req);
/* What lies out of the way. */
void arm_region_cold(struct arm_lower *l, const struct arm_translate_request *req);

/* ---- lower_dp.c ---------------------------------------------------------------------------------- */

enum arm_dp_op { /* opcode field, bits 24:21 */
	DP_AND, DP_EOR, DP_SUB, DP_RSB, DP_ADD, DP_ADC, DP_SBC, DP_RSC, DP_TST, DP_TEQ, DP_CMP, DP_CMN, DP_ORR, DP_MOV,
	DP_BIC, DP_MVN,
};
enum arm_shift { SHIFT_LSL, SHIFT_LSR, SHIFT_ASR, SHIFT_ROR };

struct arm_operand {
	ir_ref value, carry; /* carry IR_NONE: the shifter leaves C alone */
};
struct arm_operand arm_shift_imm(struct arm_lower *l, ir_ref m, enum arm_shift type, uint32_t amount, bool carry);
struct arm_operand arm_shift_reg(struct arm_lower *l, ir_ref m, enum arm_shift type, ir_ref rs, bool carry);
bool arm_dp(struct arm_lower *l, enum arm_dp_op op, bool s, uint32_t rd, ir_ref a, struct arm_operand b);
static inline struct arm_operand arm_operand(ir_ref v) { return (struct arm_operand){ v, IR_NONE }; }

/* ---- lower_mem.c --------------------------------------------------------------------------------- */

enum arm_mem_size { MEM_BYTE, MEM_HALF, MEM_WORD };
static inline unsigned arm_space(const struct arm_lower *l) { return arm_space_of(l->req->tb_flags); }

/* The word at an address that is known while this is translated, as a constant, where it may be taken for one: where the
 * runtime sees stores. Else IR_NONE. */
ir_ref arm_literal(struct arm_lower *l, uint32_t addr);
ir_ref arm_load(struct arm_lower *l, ir_ref addr, enum arm_mem_size size, bool sign, unsigned space);
void arm_store(struct arm_lower *l, ir_ref addr, ir_ref v, enum arm_mem_size size, unsigned space);
/* LDM and STM: registers of `list` at ascending addresses from base + first. `base_reg` is loaded last,
 * 16 = none. */
void arm_load_list(struct arm_lower *l, ir_ref base, int32_t first, uint32_t list, uint32_t base_reg);
void arm_store_list(struct arm_lower *l, ir_ref base, int32_t first, uint32_t list);

/* ---- one lowering a row -------------------------------------------------------------------------- */

#define A32(name, args, arch, text, pattern) \
	bool arm_lower_##name(struct arm_lower *l, const struct arm_args_##args *a);
#define T16 A32
#include "frontend-arm/a32.def"
#include "frontend-arm/t16.def"
#undef T16
#undef A32

#endif
