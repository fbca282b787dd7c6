/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: a few simple ALU instructions select their results (skip.c); anything else is branched around.
 * Consecutive instructions of one condition share one such region, with those of the opposite condition behind them on its
 * way around. Where one of them writes the flags (a chain of conditional compares) the next has a way around of its own, and a branch
 * behind the chain is decided on each way out.
 */
#include <string.h>

#include "frontend-arm/loop.h"
#include "frontend-arm/owed.h"

#define MAX_RUN 3u     /* ARM instructions of one condition that are selected */
#define MAX_SKIPPED 4u /* Thumb instructions behind a branch */

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

void arm_start_way(struct loop *t, unsigned k, bool overwritten, unsigned mask)
{
	const struct arm_ways *ways = &t->region.ways;
	start_known(t, ways->way[k].start, &ways->way[k].flow);
	if (overwritten || k + 1 < ways->n)
		arm_write_again(&t->l, mask);
}

void arm_close_conditional(struct loop *t)
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
		arm_start_way(t, k, wrote, ~arm_known_mask(&flow.known));
		ir_br(t->l.u, join);
	}
	start_known(t, join, &flow);
	r->open = false;
}

/* One more way around what comes next, which may want to know of the flags, unless it is a branch: ends the IR block. Returns how `body` is come to. */
static struct arm_flow divide(struct loop *t, bool branch, ir_label body)
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
	arm_write_rest(&t->l, arm_owed_mask(t->l.owed));
	arm_owe_nothing(&t->l);
	way->start = ir_block_new(u);
	ir_brc(u, holds, body, way->start);
	return inside;
}

static void add_way(struct loop *t, bool branch)
{
	ir_label body = ir_block_new(t->l.u);
	struct arm_flow inside = divide(t, branch, body);
	start_known(t, body, &inside);
}

static void open_region(struct loop *t, enum arm_cond cond, bool branch)
{
	t->region = (struct region){ .open = true, .cond = cond, .compared = true };
	add_way(t, branch);
}

/* The region wrote flags, and the condition of what follows holds on all ways around: they come to it, and one way leads around that. */
static void begin_meeting(struct loop *t, enum arm_cond cond)
{
	struct arm_lower *l = &t->l;
	struct arm_ways met = t->region.ways;
	ir_label body = ir_block_new(l->u);
	t->region = (struct region){ .open = true, .cond = cond, .compared = true };
	struct arm_flow inside = divide(t, false, body), flow = arm_flow_of_all(&met, inside);
	for (unsigned k = 0; k < met.n; k++) {
		start_known(t, met.way[k].start, &met.way[k].flow);
		arm_write_again(l, ~arm_known_mask(&flow.known));
		ir_br(l->u, body);
	}
	start_known(t, body, &flow);
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

bool arm_keeps_unspent(const struct loop *t, const struct arm_insn_row *row, uint32_t insn)
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

void arm_end_ways(struct loop *t)
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
	MEETS,     /* a condition of flags that the region wrote, and that holds on the ways around */
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
	bool meets = wrote && implied(r, cond) == 1;
	if ((chains || meets) && !selected_run(t, row, insn, cond))
		return chains ? CHAINS : MEETS;
	return cond == (r->cond ^ 1u) && !wrote && r->ways.n == 1 ? OTHERWISE : APART;
}

static void begin_apart(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	if (cond == ARM_AL || t->l.skip.left)
		return;
	unsigned run = selected_run(t, row, insn, cond), skipped = skips(t, row, insn);
	if (run || skipped)
		arm_write_late(&t->l);
	if (skipped)
		t->skips = skipped;
	else if (run == 1)
		t->l.pred = cond;
	else if (run)
		arm_skip_begin(&t->l, cond ^ 1u, run);
	else
		open_branch(t, row, insn, cond);
}

void arm_begin_insn(struct loop *t, const struct arm_insn_row *row, uint32_t insn, enum arm_cond cond)
{
	struct arm_lower *l = &t->l;
	enum kinship kin = kinship(t, row, insn, cond);
	if (kin == OTHERWISE)
		begin_else(t);
	if (kin == MEETS)
		begin_meeting(t, cond);
	if (kin == APART && t->region.open)
		arm_close_conditional(t);
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
