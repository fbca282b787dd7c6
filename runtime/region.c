/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second tier: blocks that stay hot are compiled once more, as one unit with those that they jump to.
 *
 * Which blocks become heads of regions is said in region_policy.c. A region grows along links to other compiled blocks, takes the head's
 * place in the store, in the jump cache and at the end of links, and lives as long as all of its code is what it was. The
 * other blocks stay, for who comes in at another place. Behind the plan all is done here and now, or by a worker (region_job.c).
 */
#include <assert.h>
#include <string.h>

#include "runtime/region.h"

#define REGION_PARTS 16u      /* blocks in a region */
#define REGION_COPIES 3u      /* of a block in regions that have another head: each more costs the host's caches */

#define BODY_BLOCKS 16u       /* of a function that is followed into */
#define BODY_INSNS 100u
#define RARE 8u               /* what is met so much more seldom does not count */

#define LAST_PASS 3u          /* of lowering that may assume something */

static struct tb *plain(struct tb *tb)
{
	return tb && tb->region ? tb->region->head : tb;
}

/* With the MMU off, blocks know that pages are where they are (decision 003), else the region's entry looks. That is not interpreted. */
static bool may_cross(const struct region_plan *p)
{
	return !(p->head->flags & ARM_TB_MMU) || p->v->cfg.accel == VCPU_JIT;
}

/* Is the page of the block where it was when somebody jumped there? */
static bool is_mapped(const struct region_plan *p, const struct tb *tb)
{
	const struct vcpu *v = p->v;
	return !(tb->flags & ARM_TB_MMU) || tlb_exec_tag(&v->base->tlb, arm_space_of(tb->flags), GVA(tb->pc_key)) == tb->page->tag;
}

/* The block at `key`, to which code of `tb` goes on (`linked`: by a link to this block, else NULL), when it may become a part; else NULL. */
static struct tb *candidate(const struct region_plan *p, const struct tb *tb, uint32_t key, struct tb *linked)
{
	const struct tb *head = p->head;
	bool crosses = (key ^ tb->pc_key) >> PAGE_BITS;
	if ((crosses && !may_cross(p)) || ((key ^ head->pc_key) & 1) || (key & 3) == 2)
		return NULL;
	const uint8_t *code = tb->code + (int32_t)((key & ~1u) - (tb->pc_key & ~1u));
	struct tb *to = linked;
	if (!to && !(crosses && head->flags & ARM_TB_MMU))
		to = tb_find(&p->v->tbs, code, key, head->flags, true);
	if (!region_may_copy(p, to))
		return NULL;
	to = plain(to);
	if (to && to != head && to->n_regions >= REGION_COPIES)
		return NULL;
	return to && to->valid && to->host.size && to->whole_page && to->pc_key == key && to->flags == head->flags && (!crosses || is_mapped(p, to)) ? to : NULL;
}

/* The blocks that a function is seen to consist of. */
struct body {
	const struct tb *block[BODY_BLOCKS];
	unsigned n, insns, samples;
};

static bool add_block(struct body *b, const struct tb *tb)
{
	for (unsigned k = 0; k < b->n; k++)
		if (b->block[k] == tb)
			return true;
	if (b->n == BODY_BLOCKS || b->insns + tb->n_insns > BODY_INSNS)
		return false;
	b->block[b->n++] = tb;
	b->insns += tb->n_insns;
	b->samples = MAX(b->samples, tb->samples);
	return true;
}

/* What is jumped to from where the function starts. False: it is too long. */
static bool find_body(struct body *b, const struct tb *start)
{
	*b = (struct body){.n = 0};
	bool fits = add_block(b, start);
	for (unsigned i = 0; i < b->n; i++)
		for (unsigned k = 0; k < 2 && !b->block[i]->lone; k++) {
			const struct tb_exit *e = &b->block[i]->exit[k];
			if (e->used && e->to)
				fits &= add_block(b, plain(e->to));
		}
	return fits;
}

/* Does the function mostly come back without calling another, or leaving in a way that needs the call to have been one? */
static bool is_leaf(const struct tb *start)
{
	struct body b;
	if (!find_body(&b, start))
		return false;
	for (unsigned k = 0; k < b.n; k++)
		if (b.block[k]->lone && b.block[k]->samples * RARE >= MAX(b.samples, 1u))
			return false;
	return true;
}

/* A way from a part to another. */
struct way {
	struct tb *to;     /* NULL = there is none */
	uint32_t back;     /* of `to` */
	struct tb *caller; /* likewise, where there is a `back` */
};

static uint32_t behind(const struct tb *tb)
{
	return tb->pc_key + tb->bytes;
}

static struct way call(const struct region_plan *p, struct tb *tb, const struct tb_exit *e)
{
	struct way w = {candidate(p, tb, e->key, e->to), behind(tb), tb};
	if (w.to && !p->v->cfg.tier2_eager && !is_leaf(w.to))
		w.to = NULL;
	return w;
}

/* Where exit k of part i leads to. */
static struct way way_out(const struct region_plan *p, unsigned i, unsigned k)
{
	struct tb *tb = p->part[i];
	const struct tb_exit *e = &tb->exit[k];
	bool called = p->back[i] != ARM_NO_KEY, went = e->used && (e->to || p->v->cfg.tier2_eager);
	struct way w = {NULL, p->back[i], p->caller[i]};
	if (went && e->link == IR_LINK_JUMP)
		w.to = candidate(p, tb, e->key, e->to);
	else if (went && e->link == IR_LINK_CALL && !called && e->key != behind(tb))
		w = call(p, tb, e);
	else if (!k && !e->used && tb->returns && called)
		w = (struct way){candidate(p, p->caller[i], p->back[i], NULL), ARM_NO_KEY, NULL};
	if (w.to && w.back != ARM_NO_KEY && w.to->lone) /* the call is done without, and so must be all until its return */
		w.to = NULL;
	return w;
}

static int index_of(const struct region_plan *p, const struct way *w)
{
	for (unsigned k = 0; k < p->n; k++)
		if (p->part[k] == w->to && p->back[k] == w->back)
			return (int)k;
	return -1;
}

static const uint8_t *page_of(const struct tb *tb)
{
	return tb->code - ((uintptr_t)tb->code & PAGE_MASK);
}

static bool has_page(const struct region_plan *p, const struct tb *tb)
{
	for (unsigned k = 0; k < p->n_pages; k++)
		if (p->page[k] == page_of(tb) && (p->page_key[k] ^ tb->pc_key) >> PAGE_BITS == 0)
			return true;
	return false;
}

static void add_page(struct region_plan *p, const struct tb *tb)
{
	if (p->n_pages && tb->flags & ARM_TB_MMU)
		p->other[p->n_others++] = (struct x64_other_page){tb->pc_key, tb->page->tag};
	p->page_key[p->n_pages] = tb->pc_key;
	p->page[p->n_pages++] = page_of(tb);
}

static bool fits(const struct region_plan *p, const struct way *w)
{
	return p->n < REGION_PARTS && p->insns + w->to->n_insns <= REGION_INSNS && index_of(p, w) < 0 &&
	       (p->n_pages < TB_REGION_PAGES || has_page(p, w->to));
}

static void wait(struct region_plan *p, const struct way *w)
{
	if (!w->to || p->n_waiting >= ARRAY_LEN(p->waiting))
		return;
	p->waiting[p->n_waiting] = w->to;
	p->waiting_caller[p->n_waiting] = w->caller;
	p->waiting_back[p->n_waiting++] = w->back;
}

/* The successor of part i that is to follow it in the code: the hotter one that is not placed, or none. What comes behind a call waits. */
static struct way follow(struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	struct way a = way_out(p, i, 0), b = way_out(p, i, 1);
	if (a.to && a.back != p->back[i] && a.back != ARM_NO_KEY)
		wait(p, &(struct way){candidate(p, tb, a.back, NULL), ARM_NO_KEY, NULL});
	if (a.to && !fits(p, &a))
		a.to = NULL;
	if (b.to && (!fits(p, &b) || b.to == a.to))
		b.to = NULL;
	bool a_first = a.to && (!b.to || a.to->samples > b.to->samples || (a.to->samples == b.to->samples && a.to->pc_key < tb->pc_key));
	wait(p, a_first ? &b : &a);
	return a_first ? a : b;
}

static void place(struct region_plan *p, struct way w)
{
	while (w.to && fits(p, &w)) {
		if (!has_page(p, w.to))
			add_page(p, w.to);
		p->part[p->n] = w.to;
		p->caller[p->n] = w.caller;
		p->back[p->n++] = w.back;
		p->insns += w.to->n_insns;
		w = follow(p, p->n - 1);
	}
}

static void grow(struct region_plan *p)
{
	place(p, (struct way){p->head, ARM_NO_KEY, NULL});
	for (unsigned k = 0; k < p->n_waiting; k++)
		place(p, (struct way){p->waiting[k], p->waiting_back[k], p->waiting_caller[k]});
}

/* The part that exit k of part i leads to, or -1. */
static int find_successor(const struct region_plan *p, unsigned i, unsigned k)
{
	struct way w = way_out(p, i, k);
	return w.to ? index_of(p, &w) : -1;
}

static void connect(struct region_plan *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		int a = find_successor(p, i, 0), b = find_successor(p, i, 1);
		p->to[i][0] = (int8_t)a;
		p->to[i][1] = (int8_t)(b == a ? -1 : b);
		p->calls[i] = a >= 0 && p->back[i] == ARM_NO_KEY && p->back[a] != ARM_NO_KEY;
		p->copy[i] = (uint8_t)i;
	}
}

unsigned region_distance(const struct region_plan *p, unsigned from, unsigned to)
{
	uint32_t seen = 1u << from, edge = seen;
	for (unsigned d = 0; edge; d++) {
		uint32_t next = 0;
		if (edge >> to & 1)
			return d;
		for (unsigned i = 0; i < p->n; i++)
			for (unsigned k = 0; edge >> i & 1 && k < 2; k++)
				if (p->to[i][k] >= 0)
					next |= 1u << p->to[i][k];
		edge = next & ~seen;
		seen |= next;
	}
	return REGION_FAR;
}

/* The likelier of two parts that part i jumps to: where clearly more samples were taken; the shorter way back. */
static uint32_t hot_key(const struct region_plan *p, unsigned i)
{
	int a = p->to[i][0], b = p->to[i][1];
	if (a < 0 || b < 0 || a == b)
		return ARM_NO_KEY;
	const struct tb *x = p->part[a], *y = p->part[b];
	if (x->samples > 2 * y->samples + 2 || y->samples > 2 * x->samples + 2)
		return x->samples > y->samples ? x->pc_key : y->pc_key;
	unsigned from_a = region_distance(p, (unsigned)a, i), from_b = region_distance(p, (unsigned)b, i);
	if (from_a + 1 >= from_b && from_b + 1 >= from_a && from_a && from_b)
		return ARM_NO_KEY;
	return from_a < from_b ? x->pc_key : y->pc_key;
}

static bool is_cold(const struct region_plan *p, unsigned i, unsigned to)
{
	return p->out[i].hot != ARM_NO_KEY && p->out[i].hot != p->part[to]->pc_key;
}

/* May more be charged than its own instructions, and need nobody look at the budget behind it? */
static bool may_precharge(const struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	for (uint32_t k = 0; k < p->req.n_cuts; k++)
		if (p->req.cut[k] == tb->code + tb->bytes)
			return false;
	return !tb->fixed;
}

/* What part i needs to be charged so that all that follows it, up to the next jump backwards, need not look at the budget;
 * or less, where that is too much. */
static unsigned need(struct region_plan *p, unsigned i)
{
	unsigned n = p->part[i]->n_insns, more = 0;
	if (p->state[i])
		return p->state[i] == 2 ? p->need[i] : 0;
	p->state[i] = 1;
	for (unsigned k = 0; k < 2; k++) {
		int to = p->to[i][k];
		bool cold = to >= 0 && is_cold(p, i, (unsigned)to);
		unsigned x = to >= 0 && !cold ? need(p, (unsigned)to) : 0;
		more = MAX(more, x);
	}
	p->state[i] = 2;
	p->need[i] = (uint16_t)(n + more <= REGION_CHARGE && may_precharge(p, i) ? n + more : n);
	return p->need[i];
}

/* Gives part i its charge, where `left` of the one before it is left over, and those that follow it theirs. */
static void charge(struct region_plan *p, unsigned i, unsigned left)
{
	struct arm_region_part *part = &p->out[i];
	if (part->charge)
		return;
	unsigned least = need(p, i);
	part->charge = (uint16_t)(left > least && may_precharge(p, i) ? left : least);
	for (unsigned cold = 0; cold < 2; cold++)
		for (unsigned k = 0; k < 2; k++) {
			int to = p->to[i][k];
			if (to >= 0 && is_cold(p, i, (unsigned)to) == cold)
				charge(p, (unsigned)to, cold ? 0 : (unsigned)(part->charge - part->n_insns));
		}
}

/* What the blocks are linked to: the front end need not look there, and could not on another page. Only here, not on the worker's thread. */
static void note_links(struct region_plan *p)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct tb_exit *e = &p->part[i]->exit[k];
			bool seen = e->used && e->to;
			p->out[i].seen[k] = seen ? (struct arm_seen_way){e->key, e->to->entry} : (struct arm_seen_way){.key = ARM_NO_KEY};
		}
}

static void count_part(struct region_plan *p, unsigned i, uint32_t counter)
{
	p->out[i].counter = counter;
	p->out[i].taken = counter && p->req.count_taken ? counter + VCPU_TAKEN : 0;
}

/* What the front end is to know of the parts, of their order and of who jumps to whom. */
static void describe(struct region_plan *p)
{
	memset(p->state, 0, sizeof p->state);
	for (unsigned i = 0; i < p->n; i++) {
		p->out[i].n_preds = 0;
		p->out[i].charge = 0;
		memcpy(p->out[i].to, p->to[i], sizeof p->to[i]);
		p->out[i].code = p->part[i]->code;
		p->out[i].pc_key = p->part[i]->pc_key;
		p->out[i].back = p->back[i];
		p->out[i].calls = p->calls[i];
		p->out[i].literals = p->part[i]->literals; /* what the block took for constants is constant in the region */
		p->out[i].n_insns = p->part[i]->n_insns;
		count_part(p, i, p->part[i]->counter);
		p->out[i].looks = region_looks_at_flags(p->part[i]);
		p->out[i].takes = p->part[i]->entry.faults && p->part[i]->entry.kills; /* else liveness sees it */
	}
	p->out[0].n_preds = 1;
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 2; k++) {
			int to = p->to[i][k];
			if (to < 0)
				continue;
			p->out[to].n_preds++;
		}
	for (unsigned i = 0; i < p->n; i++)
		p->out[i].hot = hot_key(p, i);
	need(p, 0);
	charge(p, 0, 0);
	for (unsigned i = 0; i < p->n; i++)
		if (!p->out[i].charge) /* nobody goes there any more */
			p->out[i].charge = p->out[i].n_insns;
}

/* Who asks for it counts the parts apart from the blocks that they are copies of. False: nobody does. */
static bool choose_counters(struct region_plan *p)
{
	const struct observer *o = p->v ? &p->v->observer : &(const struct observer){0};
	struct tb_view view[ARM_REGION_PARTS];
	if (!o->region)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		view[i] = vcpu_view(p->part[i]);
	uint32_t first = o->region(o->opaque, view, p->n);
	assert(first + p->n <= (o->branches ? VCPU_TAKEN : VCPU_TB_COUNTERS));
	for (unsigned i = 0; first && i < p->n; i++)
		count_part(p, i, first + i);
	return first;
}

/* Worth compiling: something is a branch that was a jump between blocks. */
static bool is_worth(const struct region_plan *p)
{
	return p->n > 1 || p->out[0].n_preds > 1;
}

struct tb_region *region_of(struct arena *a, const struct region_plan *p)
{
	struct tb_region *r = arena_alloc(a, sizeof *r + p->n * sizeof *r->part);
	uint16_t *left = arena_alloc(a, p->insns * sizeof *left);
	*r = (struct tb_region){.head = p->head, .left = left, .n_parts = (uint16_t)p->n, .n_others = (uint16_t)p->n_others};
	memcpy(r->other, p->other, sizeof r->other);
	for (unsigned i = 0, first = 0; i < p->n; first += p->part[i++]->n_insns) {
		const struct tb *tb = p->part[i];
		r->part[i] = (struct tb_part){tb->code, tb->pc_key, tb->bytes, tb->literals, (uint16_t)first, p->out[i].counter};
		for (unsigned k = 0; k < tb->n_insns; k++)
			*left++ = (uint16_t)(p->out[i].charge - k);
	}
	return r;
}

/* Who jumped to the head jumps to the region. */
static void take_over(struct vcpu *v, struct tb *head, struct tb *region)
{
	while (head->in) {
		struct tb_exit *e = head->in;
		tb_unlink(&v->tbs, e);
		tb_link(&v->tbs, e, region, vcpu_link_target(e, region));
	}
	vcpu_forget_jump(v, head);
}

static bool lower_once(struct region_plan *p, struct arm_region_flags *flags)
{
	arena_reset(p->arena);
	ir_unit_init(p->unit, &arm_guest, p->arena);
	return arm_translate_region(&p->req, p->out, p->n, p->unit, flags);
}

bool region_lower(struct region_plan *p, struct arm_region_flags *flags)
{
	for (unsigned pass = 0;; pass++) {
		if (!lower_once(p, flags))
			return false;
		if (!region_settle_flags(p, flags, pass >= LAST_PASS))
			return !choose_counters(p) || lower_once(p, flags);
		describe(p);
	}
}

/* What the region and its head take; values at the region's own entry. */
static struct arm_debtor either(const struct arm_debtor *a, const struct arm_debtor *b)
{
	struct arm_debtor d = {.kills = a->kills & b->kills, .faults = a->faults || b->faults, .by_value = a->by_value};
	for (unsigned f = 0; f < ARRAY_LEN(d.written); f++)
		d.written[f] = a->written[f] | b->written[f];
	return d;
}

void region_describe_tb(struct tb *tb, const struct region_plan *p, const struct arm_region_flags *flags)
{
	const struct tb *head = p->head;
	tb->code = head->code;
	tb->pc_key = head->pc_key;
	tb->flags = head->flags;
	tb->whole_page = true;
	tb->bytes = head->bytes;
	tb->n_insns = p->out[0].charge;
	tb->entry = p->n_others ? either(&flags->entry, &head->entry) : flags->entry;
	tb->value_sites = flags->value_sites;
	tb->first_landing = (uint16_t)flags->n_slots;
	for (unsigned k = 0; k < flags->n_slots; k++)
		tb->exit[k].owed = flags->owed[k];
}

void region_take_over(struct vcpu *v, const struct region_plan *p, struct tb *tb)
{
	take_over(v, p->head, tb);
	p->head->over = tb;
	for (unsigned i = 0; i < p->n; i++)
		if (p->copy[i] >= i && p->part[i]->n_regions < UINT8_MAX)
			p->part[i]->n_regions++;
	v->stats.regions++;
}

/* On the spot. */
static bool compile(struct vcpu *v, struct region_plan *p)
{
	struct arm_region_flags flags;
	if (!region_lower(p, &flags))
		return false;
	struct tb *tb = tb_new(&v->tbs, 2 * flags.n_slots + p->n);
	region_describe_tb(tb, p, &flags);
	tb->region = region_of(&v->tbs.arena, p);
	if (!vcpu_finish_region(v, tb))
		return false;
	region_take_over(v, p, tb);
	return true;
}

void region_plan(struct vcpu *v, struct tb *head, struct region_plan *p)
{
	*p = (struct region_plan){.v = v, .head = head, .arena = &v->arena, .unit = &v->unit};
	vcpu_region_request(v, head, &p->req);
	grow(p);
}

bool region_form(struct region_plan *p)
{
	connect(p);
	note_links(p);
	describe(p);
	return is_worth(p) && (region_job_start(p->v, p) || compile(p->v, p));
}
