/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where values are. Greedy and local: a value gets a scratch register when it is computed, loses
 * it to another when there is none left (the one that costs least, then the one used last), and
 * lives in a spill slot from then on. Aliases of globals need neither.
 *
 * Order inside a lowering: ra_use/ra_operand of all operands, ra_release, ra_def, the code,
 * ra_bind. What an operand named stays readable until the result's register is written.
 */
#include <string.h>

#include "backend-x86_64/gen.h"

static uint16_t set_of(int reg)
{
	return (uint16_t)(1u << reg);
}

static bool wide(const struct gen *g, ir_ref v)
{
	return g->val[v].wide;
}

/* ---- blocks and insns ----------------------------------------------------------------------- */

void ra_begin_block(struct gen *g)
{
	memset(g->owner, 0xff, sizeof g->owner); /* IR_NONE */
	memset(g->alias, 0xff, g->t->guest->n_globals * sizeof *g->alias);
	memset(g->holds, 0xff, g->t->guest->n_globals * sizeof *g->holds);
	g->n_slots = g->n_free_slots = 0;
	g->locked = g->note_regs = 0;
	g->flags = IR_NONE;
	g->n_pending = 0;
	g->lazy = 0;
	g->note_is_old = true;
	g->unreachable = false;
	g->byte_store.end = NULL;
	ra_close_run(g);
}

/* Is this place, which val does not name any more, one that notes cannot do without? */
static inline bool notes_keep(struct gen *g, const struct value *val)
{
	ir_ref v = (ir_ref)(val - g->val);
	return is_noted(g, v) && notes_lose(g, v);
}

static inline void free_reg(struct gen *g, struct value *val)
{
	int8_t reg = val->reg;
	if (reg < 0 || val->last_use > g->at)
		return;
	val->reg = -1;
	leaves_place(g, val);
	if (notes_keep(g, val))
		val->reg = reg;
	else
		g->owner[reg] = IR_NONE;
}

static inline void free_slot(struct gen *g, struct value *val)
{
	int16_t slot = val->slot;
	if (slot < 0 || val->last_use > g->at)
		return;
	val->slot = -1;
	leaves_place(g, val);
	if (notes_keep(g, val))
		val->slot = slot;
	else
		g->free_slot[g->n_free_slots++] = slot;
}

/* The values that the current insn uses. */
static inline const ir_ref *operands(const struct gen *g, unsigned *n)
{
	const struct ir_insn *i = insn_of(g, g->at);
	if (i->op == IR_call)
		return ir_call_args(g->u, i, n);
	*n = ir_ops[i->op].n_args;
	return &i->a;
}

void ra_release(struct gen *g)
{
	unsigned n;
	const ir_ref *v = operands(g, &n);
	for (unsigned k = 0; k < n; k++)
		free_reg(g, &g->val[v[k]]);
}

void ra_release_value(struct gen *g, ir_ref v)
{
	free_reg(g, &g->val[v]);
	free_slot(g, &g->val[v]);
}

/* It was used, for the last time perhaps. */
static inline void end_use(struct gen *g, struct value *val)
{
	if (val->last_use > g->at || (val->reg & val->slot) < 0) /* both are */
		return;
	free_reg(g, val);
	free_slot(g, val);
}

void ra_end_insn(struct gen *g)
{
	const struct ir_insn *i = insn_of(g, g->at);
	unsigned n = ir_ops[i->op].n_args;
	const ir_ref *v = i->op == IR_call ? ir_call_args(g->u, i, &n) : &i->a;
	for (unsigned k = 0; k < n; k++)
		end_use(g, &g->val[v[k]]);
	g->locked = g->note_regs = 0;
}

/* ---- registers ---------------------------------------------------------------------------------- */

static int16_t new_slot(struct gen *g)
{
	if (g->n_free_slots)
		return g->free_slot[--g->n_free_slots];
	if (g->has_notes && g->n_slots == X64_FRAME_SLOTS) {
		g->notes_failed = true; /* and none of this will run */
		return 0;
	}
	assert(g->n_slots < X64_FRAME_SLOTS);
	return (int16_t)g->n_slots++;
}

/* Is there a copy of v outside its scratch register, or no need of one? */
static bool has_backing(const struct gen *g, ir_ref v)
{
	return v == run_pointer(g) || g->val[v].slot >= 0 || g->val[v].global >= 0 || is_const(g, v);
}

/* Has everybody but notes done with v? */
static bool only_for_notes(const struct gen *g, ir_ref v)
{
	return g->val[v].last_use < g->at;
}

/* Takes v out of its scratch register; what lives on and is nowhere else goes to a slot. */
static void evict(struct gen *g, ir_ref v)
{
	struct value *val = &g->val[v];
	int8_t reg = val->reg;
	g->owner[reg] = IR_NONE;
	val->reg = -1;
	leaves_place(g, val);
	if (!has_backing(g, v) && (!only_for_notes(g, v) || notes_keep(g, val))) {
		val->slot = new_slot(g);
		emit_store(&g->e, 8, slot_mem(val->slot), reg);
	}
}

void ra_keep_in_slot(struct gen *g, ir_ref v)
{
	g->val[v].slot = new_slot(g);
	emit_store(&g->e, 8, slot_mem(g->val[v].slot), g->val[v].reg);
}

/* Values that notes wanted give their register back when somebody asks for one. */
static bool is_free(struct gen *g, int reg)
{
	ir_ref v = g->owner[reg];
	if (v != IR_NONE && only_for_notes(g, v) && !is_noted(g, v))
		evict(g, v);
	return g->owner[reg] == IR_NONE;
}

/* A scratch register that is free without any code, or -1. */
static int find_free(struct gen *g)
{
	for (unsigned k = 0; k < g->t->n_order; k++)
		if (!((g->locked | g->note_regs) & set_of(g->t->order[k])) && is_free(g, g->t->order[k]))
			return g->t->order[k];
	return -1;
}

static int choose_victim(const struct gen *g)
{
	int best = -1;
	bool best_free = false;
	ir_ref best_needed = 0;
	for (unsigned k = 0; k < g->t->n_order; k++) {
		int r = g->t->order[k];
		if (g->locked & set_of(r))
			continue;
		if (g->owner[r] == IR_NONE) /* a note's, which the caller will not write before the access */
			return r;
		bool costs_nothing = has_backing(g, g->owner[r]);
		ir_ref needed = only_for_notes(g, g->owner[r]) ? IR_NONE : g->val[g->owner[r]].last_use; /* never reloaded */
		if (best < 0 || (costs_nothing && !best_free) || (costs_nothing == best_free && needed > best_needed)) {
			best = r;
			best_free = costs_nothing;
			best_needed = needed;
		}
	}
	return best;
}

int ra_alloc(struct gen *g)
{
	int r = find_free(g);
	if (r < 0) {
		r = choose_victim(g);
		assert(r >= 0 && "a lowering locked every scratch register");
		if (g->owner[r] != IR_NONE)
			evict(g, g->owner[r]);
	}
	g->locked |= set_of(r);
	return r;
}

static void own(struct gen *g, ir_ref v, int r)
{
	g->owner[r] = v;
	g->val[v].reg = (int8_t)r;
}

void ra_take(struct gen *g, int reg)
{
	ir_ref v = g->owner[reg];
	g->locked |= set_of(reg);
	if (v == IR_NONE)
		return;
	int other = find_free(g);
	if (other < 0) {
		evict(g, v);
		return;
	}
	leaves_place(g, &g->val[v]);
	emit_mov_rr(&g->e, wide(g, v), other, reg);
	g->owner[reg] = IR_NONE;
	own(g, v, other);
	g->locked |= set_of(other); /* whoever named v by its register names it by this one now */
}

void ra_open_run(struct gen *g, const struct run *run, int reg)
{
	g->open_run = run;
	g->val[run_pointer(g)].last_use = run->last;
	own(g, run_pointer(g), reg);
}

void ra_close_run(struct gen *g)
{
	struct value *val = &g->val[run_pointer(g)];
	if (g->open_run && val->reg >= 0)
		g->owner[val->reg] = IR_NONE;
	g->open_run = NULL;
	*val = (struct value){.reg = -1, .global = -1, .slot = -1, .target = -1, .fuse = IR_NONE, .flags_of = IR_NONE, .wide = true};
}

/* ---- operands ----------------------------------------------------------------------------------- */

int ra_reg(const struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	if (val->reg >= 0)
		return val->reg;
	return val->global >= 0 ? home_of(g, (unsigned)val->global) : -1;
}

static unsigned global_bytes(const struct gen *g, int global)
{
	return g->t->guest->globals[global].mem_bytes;
}

static void load(struct gen *g, ir_ref v, int r)
{
	const struct value *val = &g->val[v];
	if (is_const(g, v))
		emit_mov_ri(&g->e, r, insn_of(g, v)->imm);
	else if (in_flags(g, v))
		flags_to_reg(g, (enum x64_cc)val->cc, r);
	else if (val->slot >= 0)
		emit_mov_rm(&g->e, wide(g, v), r, slot_mem(val->slot));
	else if (val->global >= 0 && global_bytes(g, val->global) == 1)
		emit_ext_rm(&g->e, EXT_Z8, r, global_mem(g->t, (unsigned)val->global));
	else if (val->global >= 0)
		emit_mov_rm(&g->e, wide(g, v), r, global_mem(g->t, (unsigned)val->global));
	else
		assert(false && "a value that is nowhere");
}

int ra_use(struct gen *g, ir_ref v)
{
	int r = ra_reg(g, v);
	if (r < 0) {
		r = ra_alloc(g);
		load(g, v, r);
		own(g, v, r);
	}
	g->locked |= set_of(r);
	return r;
}

static struct opnd opnd_reg(int r)
{
	return (struct opnd){.kind = OPND_REG, .reg = r};
}

static struct opnd opnd_mem(struct x64_mem m)
{
	return (struct opnd){.kind = OPND_MEM, .reg = -1, .mem = m};
}

struct opnd ra_operand_rm(struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	int r = ra_reg(g, v);
	if (r < 0 && !is_const(g, v) && !in_flags(g, v)) {
		/* Worth a register only when there are other uses and one is idle. */
		bool keep = lives_on(g, v) && find_free(g) >= 0;
		if (val->slot >= 0 && !keep)
			return opnd_mem(slot_mem(val->slot));
		if (val->slot < 0 && val->global >= 0 && !keep &&
		    global_bytes(g, val->global) == (val->wide ? 8u : 4u))
			return opnd_mem(global_mem(g->t, (unsigned)val->global));
	}
	return opnd_reg(ra_use(g, v));
}

struct opnd ra_operand(struct gen *g, ir_ref v)
{
	if (is_const(g, v)) {
		uint64_t imm = insn_of(g, v)->imm;
		if (!wide(g, v) || (int64_t)imm == (int32_t)imm)
			return (struct opnd){.kind = OPND_IMM, .reg = -1, .imm = (int32_t)imm};
	}
	return ra_operand_rm(g, v);
}

void gen_move(struct gen *g, bool w, int dst, const struct opnd *src)
{
	switch (src->kind) {
	case OPND_REG:
		if (src->reg != dst)
			emit_mov_rr(&g->e, w, dst, src->reg);
		break;
	case OPND_MEM:
		emit_mov_rm(&g->e, w, dst, src->mem);
		break;
	case OPND_IMM:
		emit_mov_ri(&g->e, dst, w ? (uint64_t)(int64_t)src->imm : (uint32_t)src->imm);
		break;
	}
}

/* ---- results ------------------------------------------------------------------------------------ */

/* The home that v may be computed into, or -1. */
static int target_home(const struct gen *g, ir_ref v)
{
	int target = g->val[v].target;
	return target >= 0 ? home_of(g, (unsigned)target) : -1;
}

int ra_def(struct gen *g, ir_ref v, int hint)
{
	int home = target_home(g, v);
	if (home >= 0) {
		g->defining = v;
		ra_detach(g, (unsigned)g->val[v].target);
		g->defining = IR_NONE;
		return home;
	}
	if (hint >= 0 && (g->t->scratch & set_of(hint)) && g->owner[hint] == IR_NONE) {
		g->locked |= set_of(hint);
		return hint;
	}
	return ra_alloc(g);
}

void ra_bind(struct gen *g, ir_ref v, int reg)
{
	int home = target_home(g, v);
	if (home >= 0 && home == reg) {
		ra_alias(g, v, (unsigned)g->val[v].target);
		g->holds[g->val[v].target] = v;
	} else if (g->val[v].last_use || is_noted(g, v)) {
		assert(g->t->scratch & set_of(reg));
		own(g, v, reg);
	}
}

/* ---- aliases ------------------------------------------------------------------------------------ */

void ra_alias(struct gen *g, ir_ref v, unsigned global)
{
	g->val[v].global = (int8_t)global;
	g->val[v].next_alias = g->alias[global];
	g->alias[global] = v;
}

/* v is about to lose its global: is it in another one too, that has a home or `anywhere`? */
static bool find_other(struct gen *g, ir_ref v, bool anywhere)
{
	for (unsigned n = 0; n < g->t->guest->n_globals; n++)
		if (g->holds[n] == v && (home_of(g, n) >= 0 || (anywhere && global_bytes(g, (int)n) == 4 && !wide(g, v)))) {
			ra_alias(g, v, n);
			return true;
		}
	return false;
}

static void move_away(struct gen *g, ir_ref v, unsigned global)
{
	struct value *val = &g->val[v];
	val->global = -1;
	if (val->reg >= 0 || val->slot >= 0 || find_other(g, v, false))
		return;
	int home = home_of(g, global), r = find_free(g);
	if (r >= 0) {
		if (home >= 0)
			emit_mov_rr(&g->e, wide(g, v), r, home);
		else if (global_bytes(g, (int)global) == 1)
			emit_ext_rm(&g->e, EXT_Z8, r, global_mem(g->t, global));
		else
			emit_mov_rm(&g->e, wide(g, v), r, global_mem(g->t, global));
		own(g, v, r);
		return;
	}
	if (home >= 0) {
		val->slot = new_slot(g);
		emit_store(&g->e, 8, slot_mem(val->slot), home);
		return;
	}
	uint16_t locked = g->locked;
	val->global = (int8_t)global; /* for ra_use's load: memory to memory needs a register */
	ra_use(g, v);
	val->global = -1;
	g->locked = locked;
}

#define LOSES_GLOBAL (-2)

/* As above, for notes' sake alone: no register is worth it. */
static void note_away(struct gen *g, ir_ref v, unsigned global)
{
	struct value *val = &g->val[v];
	val->global = -1;
	if (!notes_keep(g, val) || find_other(g, v, true))
		return;
	if (home_of(g, global) < 0) {
		move_away(g, v, global);
		return;
	}
	val->slot = new_slot(g);
	emit_store(&g->e, 8, slot_mem(val->slot), home_of(g, global));
}

void ra_detach(struct gen *g, unsigned global)
{
	ir_ref first = g->alias[global];
	g->alias[global] = g->holds[global] = IR_NONE;
	for (ir_ref v = first; v != IR_NONE; v = g->val[v].next_alias)
		if (g->val[v].global == (int)global) {
			g->val[v].global = LOSES_GLOBAL;
			leaves_place(g, &g->val[v]);
		}
	for (ir_ref v = first, next; v != IR_NONE; v = next) {
		next = g->val[v].next_alias;
		if (g->val[v].global == LOSES_GLOBAL && lives_on(g, v))
			move_away(g, v, global);
		else if (g->val[v].global == LOSES_GLOBAL)
			note_away(g, v, global);
	}
}

void ra_detach_all(struct gen *g)
{
	for (unsigned n = 0; n < g->t->guest->n_globals; n++)
		g->holds[n] = IR_NONE;
	for (unsigned n = 0; n < g->t->guest->n_globals; n++)
		ra_detach(g, n);
}

void ra_save_flag(struct gen *g, ir_ref v)
{
	struct value *val = &g->val[v];
	int r = find_free(g);
	if (r >= 0) {
		flags_to_reg(g, (enum x64_cc)val->cc, r);
		own(g, v, r);
		return;
	}
	val->slot = new_slot(g);
	emit_store_imm(&g->e, 8, slot_mem(val->slot), 0);
	emit_setcc_m(&g->e, (enum x64_cc)val->cc, slot_mem(val->slot));
}

void ra_spill_all(struct gen *g)
{
	for (unsigned k = 0; k < g->t->n_order; k++) {
		ir_ref v = g->owner[g->t->order[k]];
		if (v == IR_NONE)
			continue;
		if (lives_on(g, v)) {
			evict(g, v);
			continue;
		}
		int8_t reg = g->val[v].reg;
		g->owner[reg] = IR_NONE;
		g->val[v].reg = -1;
		leaves_place(g, &g->val[v]);
		if (notes_keep(g, &g->val[v])) {
			g->val[v].slot = new_slot(g);
			emit_store(&g->e, 8, slot_mem(g->val[v].slot), reg);
		}
	}
}
