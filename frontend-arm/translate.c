/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translation loop: fetch, decode, condition, lower; and how a unit ends.
 *
 * Conditions: a few simple ALU instructions select their results (skip.c); anything else is branched around.
 * Consecutive instructions of one condition share one such region, with those of the opposite condition behind them on its
 * way around. Where one of them writes the flags (a chain of conditional compares) the next has a way around of its own, and a branch
 * behind the chain is decided on each way out.
 * A unit that ends in a direct branch looks ahead at its targets, to leave out flags that they overwrite (owed.c).
 * Every unit leaves behind its last instruction only, so that the whole unit is charged to the budget.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

#define MAX_RUN 3u     /* ARM instructions of one condition that are selected */
#define MAX_SKIPPED 4u /* Thumb instructions behind a branch */

struct region { /* instructions that are branched around */
	bool open;
	enum arm_cond cond; /* false on each way around */
	bool compared;      /* on each way around, the flags are those of a subtraction */
	bool in_else;       /* what comes now stands on the only way around; the others went to `join` */
	ir_label join;
	struct arm_flow flow; /* on the way to `join` */
	struct arm_ways ways;
};

struct loop {
	struct arm_lower l;
	struct region region;
	struct arm_ways ways; /* around the branch that ends the unit: they go on at ways_to */
	ir_label ways_to;
	uint32_t offset; /* of the next instruction from the first */
	uint32_t end;    /* markers of the unit where it has enough instructions */
	unsigned skips;   /* this instruction is a branch that skips so many, to be done aside */
	uint32_t counter; /* to be counted behind the next marker, 0 = none */
};

static void translate_insn(struct loop *t);

/* ---- fetch --------------------------------------------------------------------------------------- */

static uint32_t fetch_a32(const struct arm_translate_request *req, uint32_t offset)
{
	const uint8_t *p = req->code + offset;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* BE-32: the halfwords of a word change places; req->code then is valid from the word's start. */
static uint32_t fetch_t16(const struct arm_translate_request *req, uint32_t offset)
{
	const uint8_t *p = req->code + offset;
	if (req->tb_flags & ARM_TB_BE32)
		p += ((req->pc_key + offset) & 2) ? -2 : 2;
	return p[0] | (uint32_t)p[1] << 8;
}

static bool is_cut(const struct arm_translate_request *req, uint32_t offset)
{
	for (uint32_t i = 0; i < req->n_cuts; i++)
		if (req->cut[i] == req->code + offset)
			return true;
	return false;
}

static bool is_stop(const struct arm_translate_request *req, uint32_t offset)
{
	uint32_t addr = (req->pc_key & ~1u) + offset;
	for (uint32_t i = 0; i < req->n_stops; i++)
		if (req->stop[i] == addr)
			return true;
	return false;
}

static inline bool is_barred(const struct arm_translate_request *req, uint32_t offset)
{
	return __builtin_expect(req->n_cuts | req->n_stops, 0) && (is_cut(req, offset) || is_stop(req, offset));
}

static inline bool may_fetch(const struct loop *t)
{
	const struct arm_translate_request *req = t->l.req;
	return t->l.u->n_marks < t->end && req->code_bytes - t->offset >= (t->l.thumb ? 2u : 4u) && !is_barred(req, t->offset);
}

static const struct arm_insn_row *decode(const struct arm_translate_request *req, bool thumb, uint32_t insn)
{
	const struct arm_insn_row *row = thumb ? arm_decode_t16(req->decoder, insn) : arm_decode_a32(req->decoder, insn);
	return row && row->arch <= req->arch ? row : NULL;
}

/* ---- conditional regions ------------------------------------------------------------------------- */

static void start_block(struct loop *t, ir_label block)
{
	ir_block_start(t->l.u, block);
	arm_forget_values(&t->l);
}

/* Starts a block that is come to like this. */
static void start_known(struct loop *t, ir_label block, const struct arm_flow *flow)
{
	start_block(t, block);
	if (t->l.req->look_ahead)
		arm_assume_known(&t->l, &flow->known);
}

/* What is known of the flags; nobody asks without looking ahead. */
static struct arm_flow flow_now(const struct loop *t)
{
	return t->l.req->look_ahead ? arm_flow(&t->l) : (struct arm_flow){ 0 };
}

/* Starts a way around. Where the flags were overwritten past it, they are written here: then they need not be ahead of both ways. */
static void start_way(struct loop *t, unsigned k, bool overwritten, unsigned mask)
{
	const struct arm_ways *ways = &t->region.ways;
	start_known(t, ways->way[k].start, &ways->way[k].flow);
	if (overwritten || k + 1 < ways->n)
		arm_write_again(&t->l, mask);
}

static void close_region(struct loop *t)
{
	struct region *r = &t->region;
	const struct arm_ways *ways = &r->ways;
	if (!r->open)
		return;
	bool wrote = t->l.wrote_flags, direct = ways->n == 1 && !wrote;
	ir_label join = r->in_else ? r->join : direct ? ways->way[0].start : ir_block_new(t->l.u);
	arm_write_late(&t->l);
	struct arm_flow flow = flow_now(t);
	flow = r->in_else ? arm_common_flow(&r->flow, &flow) : arm_flow_of_all(ways, flow);
	ir_br(t->l.u, join);
	for (unsigned k = 0; k < ways->n && !r->in_else && !direct; k++) {
		start_way(t, k, wrote, ~arm_known_mask(&flow.known));
		ir_br(t->l.u, join);
	}
	start_known(t, join, &flow);
	r->open = false;
}

/* One more way around what comes next, which may want to know of the flags, unless it is a branch. */
static void add_way(struct loop *t, bool branch)
{
	struct ir_unit *u = t->l.u;
	struct region *r = &t->region;
	arm_give_back(&t->l);
	struct arm_way *way = &r->ways.way[r->ways.n++];
	struct arm_flow inside = { 0 };
	way->flow = inside;
	if (!branch && t->l.req->look_ahead) {
		inside = arm_flow_where(&t->l, r->cond);
		way->flow = arm_flow_where(&t->l, r->cond ^ 1u);
	}
	r->compared &= t->l.source == FLAGS_SUB;
	ir_ref holds = arm_condition(&t->l, r->cond);
	arm_write_late(&t->l);
	arm_owe_nothing(&t->l);
	ir_label body = ir_block_new(u);
	way->start = ir_block_new(u);
	ir_brc(u, holds, body, way->start);
	start_known(t, body, &inside);
}

static void open_region(struct loop *t, enum arm_cond cond, bool branch)
{
	t->region = (struct region){ .open = true, .cond = cond, .compared = true };
	add_way(t, branch);
}

/* The opposite condition follows: its instructions go on the way around. */
static void begin_else(struct loop *t)
{
	struct region *r = &t->region;
	r->in_else = true;
	r->cond ^= 1u;
	r->join = ir_block_new(t->l.u);
	arm_write_late(&t->l);
	r->flow = flow_now(t);
	ir_br(t->l.u, r->join);
	start_known(t, r->ways.way[0].start, &r->ways.way[0].flow);
}

/* Register results that a select can decide: data processing without flags and without pc. */
static bool selectable(const struct arm_insn_row *row, uint32_t word)
{
	bool dp = row && row->isa == ARM_A32 && (row->args == ARM_ARGS_dp_imm || row->args == ARM_ARGS_dp_reg);
	return dp && !bit(word, 20) && bits(word, 15, 12) != 15;
}

/* Are the next n instructions the unit's, and nothing that ends it stands before them? */
static bool are_at_hand(const struct loop *t, unsigned n)
{
	const struct arm_translate_request *req = t->l.req;
	uint32_t size = t->l.thumb ? 2 : 4;
	if (t->l.u->n_marks + n > t->end || (req->code_bytes - t->offset) / size < n)
		return false;
	for (unsigned k = 0; k < n; k++)
		if (is_barred(req, t->offset + k * size))
			return false;
	return true;
}

/* How many instructions, this one included, share a condition and are all to be selected? 0 = too many, or none of them. */
static unsigned selected_run(const struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	const struct arm_translate_request *req = t->l.req;
	unsigned n = 1;
	if (!selectable(row, insn))
		return 0;
	for (; n <= MAX_RUN && are_at_hand(t, n); n++) {
		uint32_t next = fetch_a32(req, t->offset + 4 * (n - 1));
		if (next >> 28 != (uint32_t)cond)
			return n;
		if (!selectable(decode(req, false, next), next))
			return 0;
	}
	return n == 1 ? 1 : 0;
}

/* Where a conditional direct branch goes. */
static bool branch_target(const struct arm_lower *l, const struct arm_insn_row *row, uint32_t insn, uint32_t *key)
{
	if (!row || row->args != ARM_ARGS_branch)
		return false;
	if (strcmp(row->name, "b") == 0)
		*key = arm_pc_read(l) + ((uint32_t)sext(insn & 0xffffff, 24) << 2);
	else if (strcmp(row->name, "t_bcond") == 0)
		*key = (arm_pc_read(l) + ((uint32_t)sext(insn & 0xff, 8) << 1)) | 1;
	else
		return false;
	return true;
}

/* May what was skipped be given back behind this instruction? Direct branches do it themselves. */
static bool keeps_unspent(const struct loop *t, const struct arm_insn_row *row, uint32_t insn)
{
	if (!t->l.thumb)
		return false;
	bool branch = bits(insn, 15, 11) == 0x1c || (row && row->has_cond);
	return branch || arm_skip_flags(insn) <= ARM_NZCV;
}

/* How many instructions does this branch skip, if they are few and simple and better done for nothing (skip.c)? Else 0. */
static unsigned skips(const struct loop *t, const struct arm_insn_row *row, uint32_t insn)
{
	const struct arm_translate_request *req = t->l.req;
	uint32_t key, next = arm_next_key(&t->l);
	if (!req->look_ahead || req->whole_blocks || !t->l.thumb || !branch_target(&t->l, row, insn, &key))
		return 0;
	unsigned n = (key - next) / 2, sets = 0;
	if (n - 1 >= MAX_SKIPPED || !are_at_hand(t, n + 1))
		return 0;
	uint32_t skipped[MAX_SKIPPED];
	for (uint32_t k = 0; k < n; k++) {
		skipped[k] = fetch_t16(req, t->offset + 2 * k);
		sets |= arm_skip_flags(skipped[k]);
	}
	if (sets & ~ARM_NZCV || !arm_skip_pays(skipped, n) || sets & ~arm_look_ahead(&t->l, key).kills)
		return 0;
	return n;
}

static void open_branch(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	uint32_t key;
	bool branch = branch_target(&t->l, row, insn, &key);
	if (branch && t->l.region) {
		arm_give_back(&t->l);
		arm_region_branch(&t->l, cond, key, arm_next_key(&t->l), NULL);
		t->l.ended = true;
		return;
	}
	if (branch)
		arm_plan_exits(&t->l, key, arm_next_key(&t->l));
	open_region(t, cond, branch);
}

/* Condition `cond` on the ways around the region, where the region's does not hold: 0 or 1, or -1 when that depends. */
static int implied(const struct region *r, enum arm_cond cond)
{
	unsigned may_be = arm_nzcv_from(r->compared ? FLAGS_SUB : FLAGS_UNKNOWN) & ~arm_nzcv_where(r->cond), holds = may_be & arm_nzcv_where(cond);
	return may_be && (!holds || holds == may_be) ? holds != 0 : -1;
}

/*
 * A direct branch behind a region: on the ways around it is decided by the region's condition, which is false there. So
 * `cmp; cmpne; bgt` is two compares and two host branches. The ways end the unit beside the branch (end_ways).
 */
static void branch_from_region(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	struct arm_lower *l = &t->l;
	struct arm_ways ways = t->region.ways;
	uint32_t key = 0;
	branch_target(l, row, insn, &key);
	ways.taken = implied(&t->region, cond) == 1;
	if (l->region) {
		arm_region_branch(l, cond, key, arm_next_key(l), &ways);
		t->region.open = false;
		l->ended = true;
		return;
	}
	arm_plan_ways(l, key, arm_next_key(l), &ways);
	open_region(t, cond, true);
	t->ways = ways;
	t->ways_to = ways.taken ? l->u->cur : t->region.ways.way[0].start;
}

static void end_ways(struct loop *t)
{
	struct arm_lower *l = &t->l;
	for (unsigned k = 0; k < t->ways.n; k++) {
		start_block(t, t->ways.way[k].start);
		if (l->owed)
			arm_owe(l, t->ways.way[k].flow.debt);
		ir_br(l->u, t->ways_to);
	}
}

/* What the next instruction is to the region. */
enum kinship {
	JOINS,     /* the same condition, and the flags are as they were */
	CHAINS,    /* a condition of flags that the region wrote, and that does not hold on the ways around either */
	OTHERWISE, /* the opposite condition */
	DECIDES,   /* a branch that each way around decides */
	APART,
};

static enum kinship kinship(const struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	const struct region *r = &t->region;
	uint32_t key;
	bool wrote = t->l.wrote_flags;
	if (!r->open || cond == ARM_AL)
		return APART;
	if (cond == r->cond && !wrote)
		return JOINS;
	if (r->in_else)
		return APART;
	bool may_decide = !t->l.region || !t->l.req->count_taken; /* not past where taken branches are counted */
	if (may_decide && branch_target(&t->l, row, insn, &key) && implied(r, cond) >= 0)
		return DECIDES;
	bool chains = (cond == r->cond || (wrote && implied(r, cond) == 0)) && r->ways.n < ARM_MAX_WAYS;
	if (chains && !selected_run(t, row, insn, cond))
		return CHAINS;
	return cond == (r->cond ^ 1u) && !wrote && r->ways.n == 1 ? OTHERWISE : APART;
}

static void begin_apart(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	if (cond == ARM_AL || t->l.skip.left)
		return;
	unsigned run = selected_run(t, row, insn, cond), skipped = skips(t, row, insn);
	if (skipped)
		t->skips = skipped;
	else if (run == 1)
		t->l.pred = cond;
	else if (run)
		arm_skip_begin(&t->l, cond ^ 1u, run);
	else
		open_branch(t, row, insn, cond);
}

/* Emits the marker of the instruction at l.pc and arranges for its condition. */
static void begin_insn(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	struct arm_lower *l = &t->l;
	enum kinship kin = kinship(t, row, insn, cond);
	if (kin == OTHERWISE)
		begin_else(t);
	if (kin == APART && t->region.open)
		close_region(t);
	ir_insn(l->u, arm_pc_key(l));
	if (t->counter)
		ir_count(l->u, t->counter);
	t->counter = 0;
	l->pred = ARM_AL;
	l->pc_write = IR_NONE;
	l->by_value = l->owed_ahead = 0;
	l->wrote_flags = l->ended = l->leave = false;
	if (kin == DECIDES)
		branch_from_region(t, row, insn, cond);
	if (kin == CHAINS) {
		t->region.cond = cond;
		add_way(t, false);
	}
	if (kin == APART)
		begin_apart(t, row, insn, cond);
}

/* ---- one instruction ----------------------------------------------------------------------------- */

static enum arm_cond condition_of(const struct arm_insn_row *row, bool thumb, uint32_t insn)
{
	uint32_t cond = thumb ? bits(insn, 11, 8) : insn >> 28;
	bool conditional = thumb ? row && row->has_cond : cond != 15;
	return conditional ? (enum arm_cond)cond : ARM_AL;
}

/* Turns what the lowering noted into the end of the unit. */
static void end_insn(struct loop *t)
{
	struct arm_lower *l = &t->l;
	if (!l->ended && !l->leave && l->pc_write == IR_NONE)
		return;
	bool indirect = !l->ended;
	if (indirect) {
		l->returns |= l->pc_write != IR_NONE && l->link == IR_LINK_RET;
		l->lone |= l->leave || l->link != IR_LINK_RET;
		l->calls |= l->pc_write != IR_NONE && l->link == IR_LINK_CALL;
		indirect = !arm_region_return(l);
	}
	unsigned owing = 0;
	if (indirect) {
		arm_write_late(l);
		if (!l->by_value) /* or it was ahead of loads */
			arm_pass_on(l);
		arm_owe_by_value(l);
		owing = arm_owed_mask(l->by_value);
		arm_owe_nothing(l);
		arm_pay_again(l, ~owing);
	}
	if (indirect && l->region)
		arm_region_refund(l);
	if (l->guarded && !l->ended && l->pc_write != IR_NONE)
		arm_count_taken(l);
	if (!l->ended && l->pc_write != IR_NONE) {
		ir_exit_ind(l->u, l->link, l->pc_write, l->link == IR_LINK_CALL ? arm_next_key(l) : 0);
		if (l->region && l->link == IR_LINK_CALL)
			arm_region_lands(l, l->region->part[l->region->at].lands);
		l->ended = true;
	} else if (!l->ended) {
		ir_exit_ind(l->u, IR_LINK_JUMP, arm_const(l, arm_next_key(l)), 0);
		l->ended = true;
	}
	if (owing)
		ir_exit_dead(l->u, owing << ARM_G_n);
	if (!t->region.open)
		return;
	/* The condition failed: go on behind it. */
	const struct arm_ways *ways = &t->region.ways;
	if (!t->region.in_else && arm_region_ways(l, ways, arm_next_key(l)))
		return;
	ir_label behind = t->region.in_else ? t->region.join : ways->n == 1 ? ways->way[0].start : ir_block_new(l->u);
	for (unsigned k = 0; k < ways->n && ways->n > 1; k++) {
		start_way(t, k, l->region, ~0u);
		ir_br(l->u, behind);
	}
	start_block(t, behind);
	l->flow = t->region.in_else ? t->region.flow : arm_flow_of_all(ways, ways->way[0].flow);
	if (l->by_value && !arm_region_part(l, arm_next_key(l)))
		arm_plan_behind(l, arm_next_key(l), l->flow.debt);
	arm_exit(l, 1, IR_LINK_JUMP, arm_next_key(l), 0);
	end_ways(t);
}

/* May this instruction leave where its access is not aligned? */
static bool may_leave(const struct arm_lower *l)
{
	unsigned place = arm_odd_place(l->pc);
	return l->req->leaves && !(l->req->odd && bit(l->req->odd[place / 32], place % 32));
}

static void translate_insn(struct loop *t)
{
	struct arm_lower *l = &t->l;
	uint32_t size = l->thumb ? 2 : 4;
	uint32_t insn = l->thumb ? fetch_t16(l->req, t->offset) : fetch_a32(l->req, t->offset);
	const struct arm_insn_row *row = decode(l->req, l->thumb, insn);
	bool after_prefix = l->bl_known;
	l->pc = (l->req->pc_key & ~1u) + t->offset;
	l->next = l->pc + size;
	t->offset += size;
	l->leaves = may_leave(l);
	if (!keeps_unspent(t, row, insn))
		arm_give_back(l);
	begin_insn(t, row, insn, condition_of(row, l->thumb, insn));
	l->guarded = t->region.open;
	if (t->skips)
		arm_skip_begin(l, condition_of(row, true, insn), t->skips);
	else if (!l->ended && !(row && row->lower(l, insn)))
		arm_raise(l, ARM_EXC_UNDEF);
	else if (l->skip.left == 1)
		arm_skip_end(l);
	else if (l->skip.left)
		l->skip.left--;
	t->skips = 0;
	if (after_prefix)
		l->bl_known = false;
	if (!l->arrival.decided)
		arm_arrive(l);
	end_insn(t);
}

/* ---- looking ahead ------------------------------------------------------------------------------- */

/* The first few instructions there, lowered into a unit of their own. */
static struct arm_debtor see_ahead(struct arm_translate_request *there, bool thumb, struct arena *arena)
{
	struct ir_unit u;
	there->look_ahead = there->count_taken = false;
	there->max_insns = ARM_LOOK_AHEAD;
	ir_unit_init(&u, &arm_guest, arena);
	struct loop t = { .l = { .u = &u, .req = there, .thumb = thumb }, .end = ARM_LOOK_AHEAD };
	start_block(&t, ir_block_new(&u));
	do
		translate_insn(&t);
	while (!t.l.ended && !t.l.arrival.decided && may_fetch(&t));
	struct arm_debtor to = t.l.arrival.to;
	bool looks = t.l.arrival.decided && t.l.arrival.from != u.n_insns; /* not at the unit's end, which an indirect exit is behind */
	bool straight = t.l.ended && u.n_blocks == 1 && !looks;
	to.by_value = (uint8_t)(to.kills == ARM_NZCV ? ARM_VALUE_TAKES : straight ? ARM_VALUE_PASSES : ARM_VALUE_WRITES);
	return to;
}

/* The place of what was seen there, if what it follows from is all at hand; *known: it is the same code. */
static struct arm_ahead *recall(const struct arm_translate_request *there, bool *known)
{
	struct arm_ahead now = { there->pc_key, there->tb_flags, there->literals.from, there->literals.end, { 0 }, { 0 } };
	bool whole = there->ahead && there->code_bytes >= sizeof now.code && !(there->n_cuts | there->n_stops) && !(there->tb_flags & ARM_TB_BE32);
	if (!whole)
		return NULL;
	struct arm_ahead *a = &there->ahead[(there->pc_key >> 1 ^ there->pc_key >> 8) % ARM_AHEADS];
	memcpy(now.code, there->code, sizeof now.code);
	*known = memcmp(a, &now, offsetof(struct arm_ahead, to)) == 0;
	if (!*known)
		*a = now;
	return a;
}

/* What the code there takes. Stays on the page. */
struct arm_debtor arm_look_ahead(const struct arm_lower *l, uint32_t key)
{
	const struct arm_translate_request *req = l->req;
	const struct arm_debtor nothing = { .by_value = ARM_VALUE_PASSES }; /* who knows */
	int64_t offset = (int64_t)(key & ~1u) - (int64_t)(req->pc_key & ~1u);
	bool here = offset >= -(int64_t)req->code_before && offset + (l->thumb ? 2 : 4) <= (int64_t)req->code_bytes, known = false;
	if (!here || (key & 1) != l->thumb || (key & 3) == 2)
		return nothing;
	struct arm_translate_request there = *req;
	there.pc_key = key;
	there.code += offset;
	there.code_bytes = (uint32_t)((int64_t)req->code_bytes - offset);
	there.code_before = (uint32_t)((int64_t)req->code_before + offset);
	struct arm_ahead *a = recall(&there, &known);
	if (known)
		return a->to;
	struct arm_debtor to = see_ahead(&there, l->thumb, l->u->arena);
	if (a)
		a->to = to;
	return to;
}

/* ---- the unit ------------------------------------------------------------------------------------ */

/* A jump went to bit 1 of an ARM address. */
static uint32_t translate_misaligned(struct arm_lower *l)
{
	l->pc = l->req->pc_key;
	ir_insn(l->u, l->pc);
	arm_call0(l, ARM_H_pc_misaligned);
	ir_exit_loop(l->u, arm_const(l, l->pc));
	return MIN(4u, l->req->code_bytes);
}

/* Instructions until something ends the guest block, and its end. */
static void translate_block(struct loop *t)
{
	do
		translate_insn(t);
	while (!t->l.ended && may_fetch(t));
	if (!t->l.ended) {
		close_region(t);
		t->l.guarded = false;
		arm_pass_on(&t->l);
		arm_plan_exit(&t->l, arm_next_key(&t->l));
		arm_exit(&t->l, 0, IR_LINK_JUMP, arm_next_key(&t->l), 0);
	}
}

/* What the unit does with flags that are owed by value. */
static enum arm_by_value takes_values(const struct arm_lower *l, const struct arm_debtor *entry)
{
	if (l->passes)
		return ARM_VALUE_PASSES;
	if (entry->kills == ARM_NZCV)
		return ARM_VALUE_TAKES;
	for (ir_ref r = 0; r < l->u->n_insns; r++) {
		const struct ir_insn *i = &l->u->insns[r];
		bool flag = (i->op == IR_get || i->op == IR_set) && i->aux >= ARM_G_n && i->aux <= ARM_G_v;
		if (flag || i->op == IR_call)
			return ARM_VALUE_WRITES;
	}
	return ARM_VALUE_PASSES;
}

uint32_t arm_translate(const struct arm_translate_request *req, struct ir_unit *u)
{
	struct arm_unit_flags flags;
	return arm_translate_owing(req, u, &flags);
}

uint32_t arm_translate_owing(const struct arm_translate_request *req, struct ir_unit *u, struct arm_unit_flags *flags)
{
	*flags = (struct arm_unit_flags){ 0 };
	struct loop t = { .l = { .u = u, .req = req, .thumb = req->pc_key & 1 }, .end = req->max_insns };
	t.l.arrival.decided = !req->look_ahead; /* nobody owes it anything */
	start_block(&t, ir_block_new(u));
	if ((req->pc_key & 3) == 2)
		return translate_misaligned(&t.l);
	translate_block(&t);
	assert(!t.l.late);
	if (req->look_ahead)
		flags->entry = t.l.arrival.to;
	flags->entry.by_value = (uint8_t)takes_values(&t.l, &flags->entry);
	flags->out[0] = t.l.out[0];
	flags->out[1] = t.l.out[1];
	flags->fixed = t.l.fixed;
	flags->lone = t.l.lone;
	flags->calls = t.l.calls;
	flags->value_sites = t.l.value_sites;
	flags->may_pass = t.l.may_pass;
	flags->returns = t.l.returns;
	flags->literals = t.l.literals;
	flags->literals_end = t.l.literals_end;
	return t.offset;
}

/* ---- regions ------------------------------------------------------------------------------------- */

/* One part; false when it has not the instructions that it should have. */
static bool translate_part(struct loop *t, const struct arm_region_part *part)
{
	struct arm_lower *l = &t->l;
	uint32_t before = l->u->n_marks;
	if (l->region->at && l->region->part[l->region->at - 1].lands == (int)l->region->at && l->region->enter[l->region->at] != IR_NONE)
		arm_region_enter(l, l->region->at);
	if (!l->region->joined) {
		start_block(t, arm_region_label(l, l->region->at));
		l->bl_known = false;
		l->popped = 0;
	}
	struct arm_known known = arm_region_source(l);
	if (!l->region->joined)
		arm_assume_known(l, &known);
	l->region->assumed[l->region->at] = known;
	bool first = l->region->at == 0, takes = first || arm_region_takes(part);
	if (!l->region->joined) {
		l->arrival = (struct arm_arrival){ .decided = !takes, .from = l->u->n_insns, .settled = first && l->region->settled };
		l->region->entering = first;
	}
	l->region->joined = false;
	l->owed = 0;
	l->flow = (struct arm_flow){ 0 };
	l->set_flags = 0;
	l->set_regs = 0;
	t->region.open = false;
	t->ways.n = 0;
	t->offset = 0;
	t->end = before + part->n_insns;
	t->counter = part->counter;
	translate_block(t);
	if (l->region->entering)
		l->region->entry = l->arrival.to;
	bool blind = l->region->entry.kills == 15 && !l->region->entry.faults;
	return l->u->n_marks - before == part->n_insns && (blind || !l->region->settled);
}

/* The first part starts a loop and does not look at flags: what is owed to it is dropped ahead of the loop. */
static void settle_at_entry(struct loop *t)
{
	struct arm_lower *l = &t->l;
	start_block(t, ir_block_new(l->u));
	ir_set(l->u, ARM_G_owed, arm_const(l, 0));
	ir_br(l->u, arm_region_label(l, 0));
	l->region->settled = true;
}

bool arm_translate_region(const struct arm_translate_request *req, const struct arm_region_part *part, unsigned n,
			  struct ir_unit *u, struct arm_region_flags *flags)
{
	struct arm_region r = { .part = part, .n = n };
	struct loop t = { .l = { .u = u, .thumb = req->pc_key & 1, .region = &r } };
	bool whole = true;
	for (unsigned k = 0; k < n; k++)
		r.label[k] = r.enter[k] = IR_NONE;
	if (part->n_preds > 1 && !part->looks)
		settle_at_entry(&t);
	for (r.at = 0; whole && r.at < n; r.at++) {
		struct arm_translate_request there = arm_part_request(&r, req);
		t.l.req = &there;
		whole = translate_part(&t, &part[r.at]);
	}
	if (!whole)
		return false;
	arm_region_cold(&t.l, req);
	*flags = (struct arm_region_flags){ .n_slots = r.n_slots, .value_sites = t.l.value_sites };
	if (req->look_ahead)
		flags->entry = r.entry;
	flags->entry.by_value = (uint8_t)takes_values(&t.l, &flags->entry);
	memcpy(flags->owed, r.owed, sizeof flags->owed);
	memcpy(flags->way, r.way, sizeof flags->way);
	memcpy(flags->assumed, r.assumed, sizeof flags->assumed);
	return true;
}
