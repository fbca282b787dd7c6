/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One inline builder an opcode, derived from ops.def: ir_add(u, IR_I32, a, b), ir_cmp(u, IR_I32,
 * IR_EQ, a, b), ir_get(u, global) ... Included by ir.h only. `t` is the type that 'T' stands for;
 * opcodes whose row has no T ignore it.
 */
#define IR_HEAD(name, t, aux) ((struct ir_head){IR_##name, (uint8_t)(t), (aux)})
#define IR_BUILD_NULLARY(name) \
	static inline ir_ref ir_##name(struct ir_unit *u) \
	{ return ir_append(u, IR_HEAD(name, IR_VOID, 0), IR_NONE, IR_NONE, IR_NONE, 0); }
#define IR_BUILD_IMM(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, uint64_t imm) \
	{ return ir_append(u, IR_HEAD(name, t, 0), IR_NONE, IR_NONE, IR_NONE, t == IR_I32 ? (uint32_t)imm : imm); }
#define IR_BUILD_GLOBAL(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint16_t g) \
	{ return ir_append(u, IR_HEAD(name, u->guest->globals[g].type, g), IR_NONE, IR_NONE, \
			 IR_NONE, 0); }
#define IR_BUILD_GLOBAL1(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint16_t g, ir_ref a) \
	{ return ir_append(u, IR_HEAD(name, u->guest->globals[g].type, g), a, IR_NONE, \
			 IR_NONE, 0); }
#define IR_BUILD_GLOBAL_OR(name) IR_BUILD_GLOBAL1(name)
#define IR_BUILD_UNARY(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, ir_ref a) \
	{ return ir_append(u, IR_HEAD(name, t, 0), a, IR_NONE, IR_NONE, 0); }
#define IR_BUILD_BINARY(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, ir_ref a, ir_ref b) \
	{ return ir_append(u, IR_HEAD(name, t, 0), a, b, IR_NONE, 0); }
#define IR_BUILD_TERNARY(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, ir_ref a, ir_ref b, ir_ref c) \
	{ return ir_append(u, IR_HEAD(name, t, 0), a, b, c, 0); }
#define IR_BUILD_COMPARE(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, enum ir_cc cc, ir_ref a, ir_ref b) \
	{ return ir_append(u, IR_HEAD(name, t, (uint16_t)cc), a, b, IR_NONE, 0); }
#define IR_BUILD_LOAD(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, uint16_t memop, ir_ref addr) \
	{ return ir_append(u, IR_HEAD(name, t, memop), addr, IR_NONE, IR_NONE, 0); }
#define IR_BUILD_STORE(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_type t, uint16_t memop, ir_ref addr, ir_ref v) \
	{ return ir_append(u, IR_HEAD(name, t, memop), addr, v, IR_NONE, 0); }
#define IR_BUILD_CALL(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint16_t helper, const ir_ref *args) \
	{ return ir_emit_call(u, helper, args); }
#define IR_BUILD_MARK(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint32_t pc_key) \
	{ return ir_append_mark(u, IR_HEAD(name, IR_VOID, 0), pc_key); }
#define IR_BUILD_BRANCH(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, ir_label l) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, 0), IR_NONE, l, IR_NONE, 0); }
#define IR_BUILD_BRANCH_COND(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, ir_ref cond, ir_label then, ir_label other) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, 0), cond, then, other, 0); }
#define IR_BUILD_EXIT_JUMP(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, unsigned slot, enum ir_link link, uint32_t pc_key, \
				       uint32_t return_key) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, (uint16_t)(slot | (unsigned)link << 8)), IR_NONE, IR_NONE, \
			 IR_NONE, pc_key | (uint64_t)return_key << 32); }
#define IR_BUILD_EXIT_IND(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, enum ir_link link, ir_ref pc_key, uint32_t return_key) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, (uint16_t)((unsigned)link << 8)), pc_key, IR_NONE, IR_NONE, return_key); }
#define IR_BUILD_EXIT_LOOP(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, ir_ref pc_key) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, 0), pc_key, IR_NONE, IR_NONE, 0); }

#define IR_BUILD_EXIT_BUDGET(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint16_t n, uint32_t pc_key) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, n), IR_NONE, IR_NONE, IR_NONE, pc_key); }
#define IR_BUILD_CHARGE(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint16_t n, ir_label on, ir_label out) \
	{ return ir_append_end(u, IR_HEAD(name, IR_VOID, n), IR_NONE, on, out, 0); }
#define IR_BUILD_AMOUNT(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint32_t n) \
	{ return ir_append(u, IR_HEAD(name, IR_VOID, 0), IR_NONE, IR_NONE, IR_NONE, n); }
#define IR_BUILD_AMOUNT_OF(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, ir_ref a) \
	{ return ir_append(u, IR_HEAD(name, IR_VOID, 0), a, IR_NONE, IR_NONE, 0); }

#define IR_BUILD_KEY(name) \
	static inline ir_ref ir_##name(struct ir_unit *u, uint32_t pc_key, bool guard) \
	{ return ir_append(u, IR_HEAD(name, IR_VOID, guard), IR_NONE, IR_NONE, IR_NONE, pc_key); }

#define OP(name, shape, result, args, flags) IR_BUILD_##shape(name)
#include "ir/ops.def"
#undef OP
