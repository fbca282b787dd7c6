/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier refuses each kind of damage. A failure means that a broken pass or front end could
 * hand the backend something it does not expect.
 */
#include "tests/ir/util.h"

/* Insns of the sound unit that the damage below names. */
struct sound {
	struct ir_unit u;
	ir_ref mark, get, konst, add, wide, cmp, set, load, store, call, brc, body_mark, exit_value, exit, jump;
	ir_label entry, body, other;
};

static void build(struct sound *s, struct arena *arena)
{
	struct ir_unit *u = &s->u;
	ir_unit_init(u, &random_guest, arena);
	s->entry = ir_block_new(u);
	s->body = ir_block_new(u);
	s->other = ir_block_new(u);
	ir_block_start(u, s->entry);
	s->mark = ir_insn(u, 0x100);
	s->get = ir_get(u, RANDOM_G_R0);
	s->konst = ir_const(u, IR_I32, 7);
	s->add = ir_add(u, IR_I32, s->get, s->konst);
	s->wide = ir_zext32(u, IR_VOID, s->add);
	s->cmp = ir_cmp(u, IR_I32, IR_NE, s->add, s->konst);
	s->set = ir_set(u, RANDOM_G_R0, s->add);
	s->load = ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ANY, 0), s->add);
	s->store = ir_st(u, IR_I32, IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), s->add, s->load);
	s->call = ir_call(u, RANDOM_H_MIX, (ir_ref[]){ s->add, s->load });
	s->brc = ir_brc(u, s->cmp, s->body, s->other);
	ir_block_start(u, s->body);
	s->body_mark = ir_insn(u, 0x104);
	s->exit_value = ir_const(u, IR_I32, 0x108);
	s->exit = ir_exit_ind(u, IR_LINK_JUMP, s->exit_value, 0);
	ir_block_start(u, s->other);
	s->jump = ir_exit_jump(u, 0, IR_LINK_JUMP, 0x200, 0);
}

#define INSN(field) (&s->u.insns[s->field])

static void bad_opcode(struct sound *s) { INSN(add)->op = IR_OP_COUNT; }
static void bad_type(struct sound *s) { INSN(konst)->type = IR_VOID; }
static void type_mismatch(struct sound *s) { INSN(add)->b = s->wide; }
static void type_of_result(struct sound *s) { INSN(add)->type = IR_I64; }
static void operand_without_result(struct sound *s) { INSN(add)->a = s->mark; }
static void operand_is_itself(struct sound *s) { INSN(add)->a = s->add; }
static void operand_later(struct sound *s) { INSN(add)->a = s->cmp; }
static void operand_missing(struct sound *s) { INSN(add)->b = IR_NONE; }
static void operand_of_other_block(struct sound *s) { INSN(exit)->a = s->konst; }
static void operand_removed(struct sound *s) { INSN(get)->op = IR_nop; }
static void wide_condition(struct sound *s) { INSN(brc)->a = s->wide; }
static void wide_immediate(struct sound *s) { INSN(konst)->imm = UINT64_C(1) << 32; }
static void no_such_global(struct sound *s) { INSN(get)->aux = RANDOM_GLOBALS; }
static void set_of_other_type(struct sound *s) { INSN(set)->aux = RANDOM_G_WIDE; }
static void no_such_condition(struct sound *s) { INSN(cmp)->aux = IR_GTS + 1; }
static void memop_reserved(struct sound *s) { INSN(load)->aux |= 0x1000; }
static void memop_need_not_leave(struct sound *s) { INSN(load)->aux = IR_MEMOP(2, 0, IR_ALIGN_ANY, 0) | IR_MEMOP_LEAVES; }
static void memop_too_wide(struct sound *s) { INSN(load)->aux = IR_MEMOP(3, 0, IR_ALIGN_ANY, 0); }
static void memop_rotates_bytes(struct sound *s) { INSN(store)->aux = IR_MEMOP(0, 0, IR_ALIGN_ROTATE, 0); }
static void no_such_helper(struct sound *s) { INSN(call)->aux = RANDOM_HELPERS; }
static void helper_of_other_type(struct sound *s) { INSN(call)->aux = RANDOM_H_WIDE; }
static void helper_argument(struct sound *s) { s->u.args[0] = s->wide; }
static void helper_arguments_outside(struct sound *s) { INSN(call)->imm = s->u.n_args - 1; }
static void helper_arguments_far(struct sound *s) { INSN(call)->imm = UINT64_MAX; }
static void end_in_the_middle(struct sound *s) { *INSN(set) = (struct ir_insn){ .op = IR_br, .b = s->body }; }
static void block_without_end(struct sound *s) { *INSN(brc) = (struct ir_insn){ .op = IR_nop }; }
static void no_such_target(struct sound *s) { INSN(brc)->c = 3; }
static void lands_nowhere(struct sound *s)
{
	INSN(jump)->aux = IR_LINK_CALL << 8;
	INSN(jump)->c = 7;
}

static void lands_elsewhere(struct sound *s)
{
	INSN(jump)->aux = IR_LINK_CALL << 8;
	INSN(jump)->c = s->body;
}

static void jump_that_lands(struct sound *s) { INSN(jump)->c = s->body; }
static void no_such_slot(struct sound *s) { INSN(jump)->aux = IR_MAX_SLOTS; }
static void no_such_link(struct sound *s) { INSN(jump)->aux = 3 << 8; }
static void slot_on_indirect_exit(struct sound *s) { INSN(exit)->aux = 1; }
static void slot_twice(struct sound *s) { *INSN(exit) = *INSN(jump); }
static void marker_order(struct sound *s) { INSN(body_mark)->aux = 0; }
static void marker_removed(struct sound *s) { INSN(body_mark)->op = IR_nop; }
static void no_first_marker(struct sound *s)
{
	INSN(mark)->op = IR_nop;
	INSN(body_mark)->aux = 0;
	INSN(body_mark)->imm = s->u.pc_key;
	s->u.n_marks = 1;
}
static void wrong_pc_key(struct sound *s) { s->u.pc_key++; }
static void gap_between_blocks(struct sound *s) { s->u.blocks[s->body].first++; }
static void empty_block(struct sound *s) { s->u.blocks[s->body].end = s->u.blocks[s->body].first; }
static void block_past_the_end(struct sound *s) { s->u.blocks[s->other].end += 5; }
static void insns_past_the_last_block(struct sound *s) { ir_ref n = s->u.n_insns++; s->u.insns[n].op = IR_nop; }
static void block_not_placed(struct sound *s) { ir_block_new(&s->u); }
static void block_placed_twice(struct sound *s) { s->u.order[2] = s->body; }
static void no_such_block_placed(struct sound *s) { s->u.order[2] = 17; }
static void entry_not_first(struct sound *s) { s->u.order[0] = s->body; s->u.order[1] = s->entry; }
static void nothing(struct sound *s) { s->u.n_blocks = s->u.n_order = s->u.n_insns = 0; }

#define DAMAGE(name) { #name, name }
static const struct {
	const char *name;
	void (*apply)(struct sound *);
} damages[] = {
	DAMAGE(bad_opcode), DAMAGE(bad_type), DAMAGE(type_mismatch), DAMAGE(type_of_result),
	DAMAGE(operand_without_result), DAMAGE(operand_is_itself), DAMAGE(operand_later), DAMAGE(operand_missing),
	DAMAGE(operand_of_other_block), DAMAGE(operand_removed), DAMAGE(wide_condition), DAMAGE(wide_immediate),
	DAMAGE(no_such_global), DAMAGE(set_of_other_type), DAMAGE(no_such_condition), DAMAGE(memop_reserved),
	DAMAGE(memop_need_not_leave), DAMAGE(memop_too_wide), DAMAGE(memop_rotates_bytes), DAMAGE(no_such_helper), DAMAGE(helper_of_other_type),
	DAMAGE(helper_argument), DAMAGE(helper_arguments_outside), DAMAGE(helper_arguments_far),
	DAMAGE(end_in_the_middle), DAMAGE(block_without_end), DAMAGE(no_such_target), DAMAGE(lands_nowhere), DAMAGE(lands_elsewhere), DAMAGE(jump_that_lands), DAMAGE(no_such_slot),
	DAMAGE(no_such_link), DAMAGE(slot_on_indirect_exit), DAMAGE(slot_twice), DAMAGE(marker_order),
	DAMAGE(marker_removed), DAMAGE(no_first_marker), DAMAGE(wrong_pc_key), DAMAGE(gap_between_blocks),
	DAMAGE(empty_block), DAMAGE(block_past_the_end), DAMAGE(insns_past_the_last_block), DAMAGE(block_not_placed),
	DAMAGE(block_placed_twice), DAMAGE(no_such_block_placed), DAMAGE(entry_not_first), DAMAGE(nothing),
};

/* Each single damage is found, and the undamaged unit is not blamed. */
static void every_kind_of_damage_is_refused(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (unsigned k = 0; k < ARRAY_LEN(damages); k++) {
		struct sound s;
		char msg[160] = "";
		arena_reset(&arena);
		build(&s, &arena);
		assert_unit_valid(&s.u, "sound unit", 0);
		damages[k].apply(&s);
		if (ir_verify(&s.u, msg, sizeof msg))
			fail_msg("%s was accepted", damages[k].name);
		assert_true(strlen(msg) > 0 && !strchr(msg, '\n'));
	}
	arena_free(&arena);
}

/* A message buffer of any size is enough. */
static void short_message_buffers_are_respected(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct sound s;
	char msg[4] = "abc";
	build(&s, &arena);
	bad_opcode(&s);
	assert_false(ir_verify(&s.u, msg, 2));
	assert_int_equal(msg[1], 0);
	assert_int_equal(msg[2], 'c');
	assert_false(ir_verify(&s.u, NULL, 0));
	arena_free(&arena);
}

/* Overwrites one random field of one random insn or block. */
static void scramble(struct ir_unit *u, struct random_source *rnd)
{
	struct ir_insn *i = &u->insns[random_below(rnd, u->n_insns)];
	uint32_t x = random_below(rnd, 2) ? random_below(rnd, u->n_insns + 2) : (uint32_t)random_interesting(rnd);
	switch (random_below(rnd, 9)) {
	case 0: i->op = (uint8_t)random_below(rnd, IR_OP_COUNT + 2); break;
	case 1: i->type = (uint8_t)random_below(rnd, 5); break;
	case 2: i->aux = (uint16_t)x; break;
	case 3: i->a = x; break;
	case 4: i->b = x; break;
	case 5: i->c = x; break;
	case 6: i->imm = x; break;
	case 7: u->blocks[random_below(rnd, u->n_blocks)].end = x; break;
	default: u->order[random_below(rnd, u->n_order)] = x; break;
	}
}

/* Is there a set that was optimised already? Those are not optimised again. */
static bool has_lazy_set(const struct ir_unit *u)
{
	for (ir_ref r = 0; r < u->n_insns; r++)
		if (u->insns[r].op == IR_set && u->insns[r].b == IR_SET_LAZY)
			return true;
	return false;
}

/* Whatever is wrong with a unit, the verifier says yes or no and stays in its arrays; what it
 * accepts can be printed and optimised. Meant for builds with sanitizers. */
static void scrambled_units_do_no_harm(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(4);
	struct arena arena = { 0 };
	unsigned accepted = 0;
	for (unsigned n = 0; n < 20000; n++, seed++) {
		struct random_source rnd = { seed };
		struct ir_unit u;
		char msg[160];
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		random_unit(&u, &random_guest, seed, 30);
		scramble(&u, &rnd);
		if (!ir_verify(&u, msg, sizeof msg))
			continue;
		accepted++;
		free(unit_text(&u));
		if (has_lazy_set(&u))
			continue;
		ir_optimise(&u);
		assert_unit_valid(&u, "optimised", seed);
	}
	assert_true(accepted > 100);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_damage_is_refused),
		cmocka_unit_test(short_message_buffers_are_respected),
		cmocka_unit_test(scrambled_units_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
