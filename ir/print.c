/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of a unit, one insn a line, for -d op and op_opt. For people: nothing parses it. */
#include <inttypes.h>

#include "base/log.h"
#include "ir/ir.h"

static const char *const cc_names[] = {
	[IR_EQ] = "eq",   [IR_NE] = "ne",   [IR_LTU] = "ltu", [IR_GEU] = "geu", [IR_LEU] = "leu",
	[IR_GTU] = "gtu", [IR_LTS] = "lts", [IR_GES] = "ges", [IR_LES] = "les", [IR_GTS] = "gts",
};
static const char *const align_names[] = {
	[IR_ALIGN_ANY] = "any", [IR_ALIGN_FAULT] = "fault", [IR_ALIGN_FORCE] = "force", [IR_ALIGN_ROTATE] = "rotate",
};
static const char *const set_marks[] = { "", [IR_SET_OPTIONAL] = "?", [IR_SET_LAZY] = "~", [IR_SET_AGAIN] = "=" };
static const char *const link_names[] = {
	[IR_LINK_JUMP] = "", [IR_LINK_CALL] = " call", [IR_LINK_RET] = " ret",
};

/* Starts the line: the value's name if there is one, the op, and its type where that is not i32. */
static void print_head(const struct ir_unit *u, ir_ref r, struct log *out)
{
	const struct ir_insn *i = &u->insns[r];
	bool typed = ir_ops[i->op].result == 'T' || ir_ops[i->op].args[0] == 'T' || ir_ops[i->op].args[1] == 'T';
	log_printf(out, " ");
	if (ir_result_type(u, i) != IR_VOID)
		log_printf(out, "v%" PRIu32 " = ", r);
	log_printf(out, "%s%s", ir_is_noted(i) ? "~" : "", ir_ops[i->op].name);
	if (typed && i->type == IR_I64)
		log_printf(out, ".i64");
}

static void print_values(const struct ir_insn *i, struct log *out)
{
	const ir_ref v[3] = { i->a, i->b, i->c };
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		log_printf(out, "%sv%" PRIu32, k ? ", " : " ", v[k]);
}

static void print_access(const struct ir_insn *i, struct log *out)
{
	const char *sign = ir_ops[i->op].shape == IR_SHAPE_STORE ? "" : ir_memop_signed(i->aux) ? "s" : "u";
	log_printf(out, ".%s%u%s [v%" PRIu32 "]", sign, ir_memop_size(i->aux) * 8, ir_memop_be(i->aux) ? "be" : "", i->a);
	if (ir_ops[i->op].shape == IR_SHAPE_STORE)
		log_printf(out, ", v%" PRIu32, i->b);
	log_printf(out, " align=%s%s%s space=%u", align_names[ir_memop_align(i->aux)], ir_memop_leaves(i->aux) ? ",leaves" : "",
		   ir_memop_aligned(i->aux) ? ",known" : "", ir_memop_space(i->aux));
}

static void print_call(const struct ir_unit *u, const struct ir_insn *i, struct log *out)
{
	unsigned n;
	const ir_ref *args = ir_call_args(u, i, &n);
	log_printf(out, " %s(", u->guest->helpers[i->aux].name);
	for (unsigned k = 0; k < n; k++)
		log_printf(out, "%sv%" PRIu32, k ? ", " : "", args[k]);
	log_printf(out, ")");
}

static void print_dead(const struct ir_unit *u, uint32_t dead, struct log *out)
{
	for (const char *comma = " dead="; dead; dead &= dead - 1, comma = ",")
		log_printf(out, "%s%s", comma, u->guest->globals[__builtin_ctz(dead)].name);
}

static void print_landing(const struct ir_insn *i, struct log *out)
{
	if (i->c != IR_NONE)
		log_printf(out, " lands=L%" PRIu32, i->c);
}

static void print_exit_jump(const struct ir_unit *u, const struct ir_insn *i, struct log *out)
{
	enum ir_link link = (enum ir_link)(i->aux >> 8);
	log_printf(out, " slot=%u pc=%08" PRIx32 "%s", i->aux & 0xffu, (uint32_t)i->imm, link_names[link]);
	if (link == IR_LINK_CALL)
		log_printf(out, " ret=%08" PRIx32, (uint32_t)(i->imm >> 32));
	print_landing(i, out);
	print_dead(u, i->b != IR_NONE ? i->b : 0, out);
}

static void print_insn(const struct ir_unit *u, ir_ref r, struct log *out)
{
	const struct ir_insn *i = &u->insns[r];
	enum ir_shape shape = (enum ir_shape)ir_ops[i->op].shape;
	if (shape == IR_SHAPE_NULLARY) /* a removed insn */
		return;
	if (shape == IR_SHAPE_MARK) {
		log_printf(out, " ---- %08" PRIx32 "\n", (uint32_t)i->imm);
		return;
	}
	print_head(u, r, out);
	switch (shape) {
	case IR_SHAPE_NULLARY: case IR_SHAPE_MARK:
		break;
	case IR_SHAPE_UNARY: case IR_SHAPE_BINARY: case IR_SHAPE_TERNARY: case IR_SHAPE_EXIT_LOOP:
		print_values(i, out);
		break;
	case IR_SHAPE_IMM:
		log_printf(out, "%s 0x%" PRIx64, i->type == IR_I64 ? "" : ".i32", i->imm);
		break;
	case IR_SHAPE_GLOBAL:
		log_printf(out, " %s", u->guest->globals[i->aux].name);
		break;
	case IR_SHAPE_GLOBAL1:
		log_printf(out, "%s %s, v%" PRIu32, set_marks[i->b == IR_NONE ? 0 : i->b], u->guest->globals[i->aux].name, i->a);
		break;
	case IR_SHAPE_GLOBAL_OR:
		log_printf(out, " %s, v%" PRIu32, u->guest->globals[i->aux].name, i->a);
		break;
	case IR_SHAPE_COMPARE:
		log_printf(out, ".%s", cc_names[i->aux]);
		print_values(i, out);
		break;
	case IR_SHAPE_LOAD: case IR_SHAPE_STORE:
		print_access(i, out);
		break;
	case IR_SHAPE_CALL:
		print_call(u, i, out);
		break;
	case IR_SHAPE_BRANCH:
		log_printf(out, " L%" PRIu32, i->b);
		print_dead(u, (uint32_t)i->imm, out);
		break;
	case IR_SHAPE_BRANCH_COND:
		print_values(i, out);
		log_printf(out, ", L%" PRIu32 ", L%" PRIu32, i->b, i->c);
		break;
	case IR_SHAPE_CHARGE:
		log_printf(out, " %u, L%" PRIu32 ", L%" PRIu32, i->aux, i->b, i->c);
		print_dead(u, (uint32_t)i->imm, out);
		break;
	case IR_SHAPE_EXIT_BUDGET:
		log_printf(out, " %u pc=%08" PRIx64, i->aux, i->imm);
		break;
	case IR_SHAPE_AMOUNT_OF:
		log_printf(out, " v%" PRIu32, i->a);
		break;
	case IR_SHAPE_KEY:
		log_printf(out, " pc=%08" PRIx64 "%s", i->imm, i->aux ? " guard" : "");
		break;
	case IR_SHAPE_AMOUNT:
		log_printf(out, " %" PRIu64, i->imm);
		break;
	case IR_SHAPE_EXIT_JUMP:
		print_exit_jump(u, i, out);
		break;
	case IR_SHAPE_EXIT_IND:
		print_values(i, out);
		log_printf(out, "%s", link_names[i->aux >> 8]);
		if (i->aux >> 8 == IR_LINK_CALL)
			log_printf(out, " ret=%08" PRIx32, (uint32_t)i->imm);
		print_dead(u, i->b != IR_NONE ? i->b : 0, out);
		print_landing(i, out);
		break;
	}
	log_printf(out, "\n");
}

/* "assumes r0&3 r2&1": these bits of them are 0. */
static void print_assumed(const struct ir_unit *u, struct log *out)
{
	for (uint32_t left = u->assumes; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctz(left);
		log_printf(out, "%s%s&%d", left == u->assumes ? " assumes " : " ", u->guest->globals[bit % IR_ASSUMED_GLOBALS].name,
			   bit < IR_ASSUMED_GLOBALS ? 3 : 1);
	}
	if (u->assumes)
		log_printf(out, "\n");
}

void ir_print(const struct ir_unit *u, struct log *out)
{
	print_assumed(u, out);
	for (uint32_t k = 0; k < u->n_order; k++) {
		const struct ir_block *b = &u->blocks[u->order[k]];
		if (k > 0)
			log_printf(out, "L%" PRIu32 ":\n", u->order[k]);
		for (ir_ref r = b->first; r < b->end; r++)
			print_insn(u, r, out);
	}
}
