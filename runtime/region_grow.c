/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of what a region is made: it grows from its head along links to other compiled blocks, into functions that are worth following, and through their
 * returns (decision 020).
 *
 * Each part belongs to a run of a function, its frame: the same block may be a part of several. Calls into frames are done without, so nobody has a
 * landing for them. Invariant: where a frame of a frame leaves the region, or calls, the part where it goes on is there.
 */
#include <string.h>

#include "runtime/region.h"

#define REGION_PARTS 16u      /* blocks in a region */
#define REGION_COPIES 3u      /* of a block in regions that have another head: each more costs the host's caches */
#define LITTLE_COPIES 24u     /* of one that is a function, and takes no more code than a call: */
#define LITTLE_INSNS 8u

#define BODY_BLOCKS 16u       /* of a function that is followed into */
#define BODY_INSNS 100u
#define CALLER_BLOCKS 8u      /* of one that calls others */
#define CALLER_INSNS 60u
#define RARE 8u               /* what is met so much more seldom does not count */

#define MAX_DEPTH 3u          /* of calls that are done without */

static struct tb *plain(struct tb *tb)
{
	return tb && tb->region ? tb->region->head : tb;
}

/* With the MMU off, blocks know that pages are where they are (decision 003), else the region's entry looks. That is not interpreted. */
static bool may_cross(const struct region_plan *p)
{
	return !(p->head->flags & ARM_TB_MMU) || p->v->cfg.accel == VCPU_JIT;
}

static bool is_called(const struct tb *tb)
{
	const struct tb_exit *e = tb->in;
	while (e && e->link != IR_LINK_CALL)
		e = e->next_in;
	return e;
}

static bool is_little_function(const struct tb *tb)
{
	bool little = tb->returns && !tb->exit[0].used && !tb->exit[1].used && tb->n_insns <= LITTLE_INSNS;
	return little && (is_called(tb) || (tb->over && is_called(tb->over)));
}

/* Was it copied as often as is good? */
static bool is_copied(const struct tb *tb)
{
	return tb->n_regions >= (is_little_function(tb) ? LITTLE_COPIES : REGION_COPIES);
}

/* Is the page of the block where it was when somebody jumped there? */
static bool is_mapped(const struct region_plan *p, const struct tb *tb)
{
	const struct vcpu *v = p->v;
	return !(tb->flags & ARM_TB_MMU) || tlb_exec_tag(&v->base->tlb, arm_space_of(tb->flags), GVA(tb->pc_key)) == tb->page->tag;
}

/* The block at `key`, to which code of `tb` goes on (`linked`: by a link to this block, else NULL), when it may become a part in this frame; else
 * NULL. What others start with is taken apart where a function is followed: it would not be worth it in half. */
static struct tb *candidate(const struct region_plan *p, const struct tb *tb, uint32_t key, struct tb *linked, unsigned frame)
{
	const struct tb *head = p->head;
	bool crosses = (key ^ tb->pc_key) >> PAGE_BITS;
	if ((crosses && !may_cross(p)) || ((key ^ head->pc_key) & 1) || (key & 3) == 2)
		return NULL;
	const uint8_t *code = tb->code + (int32_t)((key & ~1u) - (tb->pc_key & ~1u));
	struct tb *to = linked;
	if (!to && !(crosses && head->flags & ARM_TB_MMU))
		to = tb_find(&p->v->tbs, code, key, head->flags, true);
	if (!frame && !region_may_copy(p, to))
		return NULL;
	to = plain(to);
	if (to && to != head && is_copied(to))
		return NULL;
	return to && to->valid && to->host.size && to->whole_page && to->pc_key == key && to->flags == head->flags && (!crosses || is_mapped(p, to)) ? to : NULL;
}

static uint32_t behind(const struct tb *tb)
{
	return tb->pc_key + tb->bytes;
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

/* What is jumped to from where the function starts, and what comes behind its calls where that is asked for. False: it is too long. */
static bool find_body(const struct region_plan *p, struct body *b, const struct tb *start, bool past_calls)
{
	*b = (struct body){.n = 0};
	bool fits = add_block(b, start);
	for (unsigned i = 0; i < b->n; i++) {
		const struct tb *tb = b->block[i], *back = past_calls && tb->calls ? candidate(p, tb, behind(tb), NULL, 1) : NULL;
		for (unsigned k = 0; k < 2 && !tb->lone; k++)
			if (tb->exit[k].used && tb->exit[k].to)
				fits &= add_block(b, plain(tb->exit[k].to));
		if (back)
			fits &= add_block(b, back);
	}
	return fits;
}

/* Does the function mostly come back without calling another, or leaving in a way that needs the call to have been one? */
static bool is_leaf(const struct region_plan *p, const struct tb *start)
{
	struct body b;
	if (!find_body(p, &b, start, false))
		return false;
	for (unsigned k = 0; k < b.n; k++)
		if (b.block[k]->lone && (b.samples < RARE || b.block[k]->samples * RARE >= b.samples))
			return false;
	return true;
}

/* Is the function small and among what is hottest? Then it is worth it although it calls: recursion, most of all. */
static bool is_hot(const struct region_plan *p, const struct tb *start)
{
	struct body b;
	return find_body(p, &b, start, true) && b.n <= CALLER_BLOCKS && b.insns <= CALLER_INSNS && b.samples >= p->v->cfg.tier2_samples;
}

static bool is_worth_following(const struct region_plan *p, const struct tb *start, unsigned outer)
{
	return p->v->cfg.tier2_eager || is_leaf(p, start) || (!outer && is_hot(p, start));
}

/* May the block be in a function that is followed, as far as it calls? */
static bool may_call(const struct tb *tb)
{
	return tb->calls && !tb->fixed;
}

/* A way from a part to another. */
struct way {
	struct tb *to; /* NULL = there is none */
	unsigned frame;
};

static const struct way nowhere;

/* The frame of what `tb`, which is in frame `outer`, calls, when somebody asked before; else 0. */
static unsigned find_frame(const struct region_plan *p, const struct tb *tb, unsigned outer)
{
	for (unsigned f = 1; f < p->n_frames; f++)
		if (p->frame[f].outer == outer && p->frame[f].back == behind(tb))
			return f;
	return 0;
}

/* A new one; 0 = there is to be none. */
static unsigned add_frame(struct region_plan *p, struct tb *tb, unsigned outer)
{
	unsigned depth = p->frame[outer].depth + 1u;
	if (p->n_frames == REGION_FRAMES || depth > MAX_DEPTH)
		return 0;
	p->frame[p->n_frames] = (struct region_frame){behind(tb), tb, (uint8_t)outer, (uint8_t)depth};
	return p->n_frames++;
}

static struct way call(struct region_plan *p, struct tb *tb, const struct tb_exit *e, unsigned outer)
{
	struct tb *to = candidate(p, tb, e->key, e->to, 0);
	unsigned frame = find_frame(p, tb, outer);
	if (to && !frame && is_worth_following(p, to, outer))
		frame = add_frame(p, tb, outer);
	return to && frame ? (struct way){to, frame} : nowhere;
}

/* Where the run of a function goes back to. */
static struct way way_back(const struct region_plan *p, unsigned frame)
{
	const struct region_frame *f = &p->frame[frame];
	return frame ? (struct way){candidate(p, f->caller, f->back, NULL, f->outer), f->outer} : nowhere;
}

static bool is_call(const struct tb *tb, const struct tb_exit *e)
{
	return e->used && e->link == IR_LINK_CALL && e->key != behind(tb);
}

/* Where exit k of part i leads to. */
static struct way way_out(struct region_plan *p, unsigned i, unsigned k)
{
	struct tb *tb = p->part[i];
	const struct tb_exit *e = &tb->exit[k];
	unsigned frame = p->in[i];
	bool went = e->used && (e->to || p->v->cfg.tier2_eager);
	struct way w = nowhere;
	if (went && e->link == IR_LINK_JUMP)
		w = (struct way){candidate(p, tb, e->key, e->to, frame), frame};
	else if (went && is_call(tb, e))
		w = call(p, tb, e, frame);
	else if (!k && !e->used && tb->returns)
		w = way_back(p, frame);
	if (w.to && w.frame && w.to->lone && !may_call(w.to)) /* its call is done without, and so must be all until its return */
		w.to = NULL;
	return w;
}

/* Does a call that part i makes come back into the region? Where the part's own run of its function was not called, others can go on behind it. */
static bool may_land(const struct region_plan *p, unsigned i)
{
	return p->part[i]->calls && p->in[i];
}

/* Where it does. */
static struct way way_behind(const struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	return may_land(p, i) ? (struct way){candidate(p, tb, behind(tb), NULL, p->in[i]), p->in[i]} : nowhere;
}

static int index_of(const struct region_plan *p, const struct way *w)
{
	for (unsigned k = 0; k < p->n; k++)
		if (p->part[k] == w->to && p->in[k] == w->frame)
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
	p->waiting_frame[p->n_waiting++] = (uint8_t)w->frame;
}

/* The successor of part i that is to follow it in the code: the hotter one that is not placed, or none. What comes behind a call waits. */
static struct way follow(struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	struct way a = way_out(p, i, 0), b = way_out(p, i, 1), back = way_behind(p, i);
	if (!a.to && is_call(tb, &tb->exit[0]))
		a = back;
	else if (a.to && a.frame != p->in[i])
		wait(p, &back);
	else if (!a.to && !tb->exit[0].used)
		a = back;
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
		w.to->odd = w.to->page->odd;
		p->in[p->n++] = (uint8_t)w.frame;
		p->insns += w.to->n_insns;
		w = follow(p, p->n - 1);
	}
}

static void grow(struct region_plan *p)
{
	p->frame[0] = (struct region_frame){.back = ARM_NO_KEY};
	p->n_frames = 1;
	place(p, (struct way){p->head, 0});
	for (unsigned k = 0; k < p->n_waiting; k++)
		place(p, (struct way){p->waiting[k], p->waiting_frame[k]});
}

/* The part that exit k of part i leads to, or -1. */
static int find_successor(struct region_plan *p, unsigned i, unsigned k)
{
	struct way w = way_out(p, i, k);
	return w.to ? index_of(p, &w) : -1;
}

static bool is_there(const struct region_plan *p, struct way w)
{
	return w.to && index_of(p, &w) >= 0;
}

static bool may_leave(const struct region_plan *p, unsigned i, unsigned k)
{
	const struct tb_exit *e = &p->part[i]->exit[k];
	return e->used && e->to && e->link == IR_LINK_JUMP && e->key != p->frame[p->in[i]].back;
}

static void connect(struct region_plan *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		int a = find_successor(p, i, 0), b = find_successor(p, i, 1);
		p->to[i][0] = (int8_t)a;
		p->to[i][1] = (int8_t)(b == a ? -1 : b);
		p->calls[i] = a >= 0 && p->in[a] != p->in[i] && p->frame[p->in[a]].outer == p->in[i];
		p->leaves[i] = (a < 0 && may_leave(p, i, 0)) || (b < 0 && may_leave(p, i, 1));
		p->copy[i] = (uint8_t)i;
	}
}

/* A call that is done without has no landing, unless it is one that its function's first return comes to: so where that leaves the region, or
 * calls, the region must be where it goes on. */
static bool is_sound(const struct region_plan *p, unsigned i)
{
	unsigned frame = p->in[i];
	if (!frame)
		return true;
	if (p->frame[frame].outer && !is_there(p, way_back(p, frame)))
		return false;
	return !p->part[i]->calls || p->calls[i] || is_there(p, way_behind(p, i));
}

static void remove_part(struct region_plan *p, unsigned i)
{
	p->insns -= p->part[i]->n_insns;
	p->n--;
	memmove(&p->part[i], &p->part[i + 1], (p->n - i) * sizeof p->part[0]);
	memmove(&p->in[i], &p->in[i + 1], (p->n - i) * sizeof p->in[0]);
}

/* The part that lies where calls come back to, in a run of the function: the one that assumes nothing. */
static int find_landing(const struct region_plan *p, uint32_t key, unsigned frame)
{
	for (unsigned k = 0; k < p->n; k++)
		if (p->part[k]->pc_key == key && p->in[k] == frame && !region_assumes(p, k))
			return (int)k;
	return -1;
}

int region_lands(const struct region_plan *p, unsigned i)
{
	const struct tb *tb = p->part[i];
	return may_land(p, i) && !p->calls[i] ? find_landing(p, behind(tb), p->in[i]) : -1;
}

int region_lands_back(const struct region_plan *p, unsigned i)
{
	const struct region_frame *f = &p->frame[p->in[i]];
	return f->outer && p->leaves[i] ? find_landing(p, f->back, f->outer) : -1;
}

static uint32_t reach(const struct region_plan *p, unsigned i)
{
	uint32_t to = 0;
	int other[] = {p->to[i][0], p->to[i][1], region_lands(p, i), region_lands_back(p, i)};
	for (unsigned k = 0; k < ARRAY_LEN(other); k++)
		if (other[k] >= 0)
			to |= 1u << other[k];
	return to;
}

static uint32_t find_reachable(const struct region_plan *p)
{
	uint32_t seen = 1, before;
	do {
		before = seen;
		for (unsigned i = 0; i < p->n; i++)
			if (seen >> i & 1)
				seen |= reach(p, i);
	} while (seen != before);
	return seen;
}

/* A part that is not sound, or that nobody leads to any more, goes. */
static bool prune(struct region_plan *p)
{
	uint32_t reachable = find_reachable(p);
	for (unsigned i = p->n; i-- > 1;)
		if (!is_sound(p, i) || !(reachable >> i & 1)) {
			remove_part(p, i);
			return true;
		}
	return false;
}

void region_connect(struct region_plan *p)
{
	do
		connect(p);
	while (p->n_frames > 1 && prune(p));
}

void region_plan(struct vcpu *v, struct tb *head, struct region_plan *p)
{
	*p = (struct region_plan){.v = v, .head = head, .arena = &v->arena, .unit = &v->unit};
	vcpu_region_request(v, head, &p->req);
	grow(p);
}

struct tb *region_recursion(const struct region_plan *p)
{
	struct body b;
	for (unsigned i = 1; i < p->n; i++) {
		const struct region_frame *f = &p->frame[p->in[i]];
		bool starts = p->in[i] && !f->outer && f->caller->exit[0].key == p->part[i]->pc_key;
		if (!starts || is_leaf(p, p->part[i]) || !find_body(p, &b, p->part[i], true))
			continue;
		for (unsigned k = 1; k < b.n; k++)
			if (b.block[k] == p->head)
				return p->part[i];
	}
	return NULL;
}
