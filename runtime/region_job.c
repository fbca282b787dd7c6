/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions compiled by a thread of their own, one at a time.
 *
 * The vCPU's thread plans a region and copies all that lowering and compiling read: the plan, the blocks that are its parts, their page,
 * the cuts. The worker writes only into the job: code, too, which is made for a place in the code buffer that is kept for it and
 * copied there when it is taken. So a flush, a reset or a load need not wait for anybody: when the vCPU comes by between two slices, it
 * takes what was made only if each part is still the same valid block of the same generation, and what it would have been
 * compiled for is what there is. Decoder and target are shared and never change.
 *
 * A process that was forked has no such thread, whatever state says: it forgets the worker, and gets a new one.
 *
 * Invariant: the job is the worker's while state is BUSY, else the vCPU's.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/region.h"

#define JOB_CODE 0x20000u  /* half was too little for 768 accesses in a loop with homes of its own; what does not fit is not made */
#define LITERAL_BYTES 0x4000u
#define PIECE 0x80000u     /* of the code buffer, for several regions */
#define CACHE_LINE 64u     /* jumps are patched where they do not cross one, so code keeps its place in it */

enum worker_state { WORKER_IDLE, WORKER_BUSY, WORKER_DONE };

struct region_job {
	_Alignas(CACHE_LINE) uint8_t code[JOB_CODE];
	_Alignas(CACHE_LINE) uint8_t page[TB_REGION_PAGES][PAGE_SIZE + CACHE_LINE]; /* the end of one is not the start of another */
	uint32_t odd[TB_REGION_PAGES][ARM_ODD_WORDS];
	uint8_t literals[LITERAL_BYTES];
	uint32_t n_literals;                    /* of these bytes */
	struct region_plan plan;                /* its blocks are those of `copy` */
	struct tb copy[ARM_REGION_PARTS], *source[ARM_REGION_PARTS];
	unsigned n_sources;
	struct arm_refused refused;
	struct arm_ahead ahead[ARM_AHEADS];     /* the worker's own */
	const uint8_t *cut[TB_REGION_PAGES * VCPU_CUTS]; /* in `page` */
	uint32_t n_cuts;                        /* the vCPU's, then */
	uint64_t generation;
	struct tb *tb;                          /* only its address, until it is taken */
	uint8_t *place;                         /* RW address */
	const struct x64_target *target;
	struct x64_compile_args args;
	ptrdiff_t rx_delta;                     /* from `code` to where it will run */
	struct arena arena;
	struct ir_unit unit;
	struct arm_region_flags flags;          /* from here on: the result */
	struct x64_code host;
	uint32_t used;                          /* of `code`; 0 = nothing came of it */
};

struct region_worker {
	struct region_job job;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic(enum worker_state) state;       /* becomes BUSY under the lock */
	bool quit;                              /* under the lock */
	uint8_t *is_ours;                       /* a page that holds 1, and in a forked process 0 */
	uint8_t *piece, *piece_end;             /* RW: what is left of it ... */
	uint64_t piece_generation;              /* ... unless all was flushed */
};

/* ---- the worker's thread ---- */

static void make(struct region_job *j)
{
	struct region_plan *p = &j->plan;
	j->used = 0;
	if (!region_lower(p, &j->flags))
		return;
	struct x64_out out = {.cur = j->code, .end = j->code + JOB_CODE, .rx_delta = j->rx_delta};
	j->args.n_slots = (uint32_t)(2 * j->flags.n_slots + p->n);
	j->args.first_landing = j->flags.n_slots;
	j->args.n_insns = p->out[0].charge;
	j->args.guard = vcpu_guard(&j->flags.entry);
	j->args.left = region_of(&j->arena, p)->left;
	if (vcpu_compile_apart(j->target, &j->unit, &j->args, &out, &j->host))
		j->used = (uint32_t)(out.cur - j->code);
}

static void *work(void *opaque)
{
	struct region_worker *w = opaque;
	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		if (atomic_load(&w->state) != WORKER_BUSY) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		make(&w->job);
		atomic_store_explicit(&w->state, WORKER_DONE, memory_order_release);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the vCPU's thread ---- */

/* Signals are for the threads of whoever embeds us. */
static bool start_thread(struct region_worker *w)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool ok = pthread_create(&w->thread, NULL, work, w) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

/* NULL: the host has none. */
static uint8_t *page_of_this_process(void)
{
	uint8_t *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	*page = 1;
	if (madvise(page, PAGE_SIZE, MADV_WIPEONFORK) == 0)
		return page;
	munmap(page, PAGE_SIZE);
	return NULL;
}

static void drop(struct region_worker *w)
{
	if (w->is_ours)
		munmap(w->is_ours, PAGE_SIZE);
	arena_free(&w->job.arena);
	free(w);
}

static struct region_worker *worker_new(void)
{
	struct region_worker *w = aligned_alloc(CACHE_LINE, sizeof *w);
	if (!w)
		return NULL;
	memset(w, 0, sizeof *w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->is_ours = page_of_this_process();
	if (w->is_ours && start_thread(w))
		return w;
	drop(w);
	return NULL;
}

static void end_thread(struct region_worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
}

void vcpu_free_worker(struct vcpu *v)
{
	struct region_worker *w = v->worker;
	if (!w)
		return;
	if (*w->is_ours)
		end_thread(w);
	drop(w);
	v->worker = NULL;
}

/* Those who watch are called by the vCPU's thread, at once. */
static bool is_watched(const struct vcpu *v)
{
	const struct observer *o = &v->observer;
	return o->translated || o->optimised || o->compiled || o->counter || o->region || o->branches;
}

bool region_job_wanted(const struct vcpu *v)
{
	return v->cfg.tier2_thread && v->cfg.accel == VCPU_JIT && v->cfg.code_size >= 16 * PIECE && !is_watched(v);
}

bool region_job_busy(const struct vcpu *v)
{
	return v->worker && atomic_load_explicit(&v->worker->state, memory_order_relaxed) != WORKER_IDLE;
}

/* A place for the job's code. NULL: there is no room. */
static uint8_t *find_place(struct vcpu *v, struct region_worker *w)
{
	struct x64_out *out = &v->code.out;
	bool flushed = w->piece_generation != v->tbs.generation;
	if (!flushed && w->piece_end - w->piece >= (ptrdiff_t)JOB_CODE)
		return w->piece;
	uint8_t *start = (uint8_t *)(((uintptr_t)out->cur + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
	if (out->end - start < (ptrdiff_t)PIECE)
		return NULL;
	out->cur = start + PIECE;
	w->piece = start;
	w->piece_end = start + PIECE;
	w->piece_generation = v->tbs.generation;
	return start;
}

static struct tb *copy_of(struct region_job *j, struct tb *tb)
{
	for (unsigned i = 0; i < j->n_sources; i++)
		if (j->source[i] == tb)
			return &j->copy[i];
	return NULL;
}

/* Which of the region's pages the address is in. */
static unsigned page_index(const struct region_job *j, const uint8_t *code)
{
	unsigned k = 0;
	while (j->plan.page[k] != code - ((uintptr_t)code & PAGE_MASK))
		k++;
	return k;
}

/* An address in one of them, in the copy of the page. */
static const uint8_t *in_copy(const struct region_job *j, const uint8_t *code)
{
	return j->page[page_index(j, code)] + ((uintptr_t)code & PAGE_MASK);
}

static const uint32_t *copy_odd(struct region_job *j, const struct tb *tb)
{
	uint32_t *copy = j->odd[page_index(j, tb->code)];
	return tb->odd ? memcpy(copy, tb->odd, sizeof j->odd[0]) : NULL;
}

/* Nothing is charged across a page's end either, if it is a cut. */
static void copy_cuts(struct region_job *j, const struct arm_translate_request *req)
{
	struct arm_translate_request *own = &j->plan.req;
	own->cut = j->cut;
	own->n_cuts = 0;
	for (uint32_t k = 0; k < req->n_cuts; k++)
		for (unsigned page = 0; page < j->plan.n_pages; page++) {
			uintptr_t offset = (uintptr_t)req->cut[k] - (uintptr_t)j->plan.page[page];
			if (offset <= PAGE_SIZE)
				j->cut[own->n_cuts++] = j->page[page] + offset;
		}
}

/* Those for which there is no room stay loads. */
static void copy_literals(struct region_job *j, struct arm_literals *at)
{
	uint32_t size = at->end - at->from;
	if (size > LITERAL_BYTES - j->n_literals) {
		at->from = at->end;
		return;
	}
	if (size)
		memcpy(&j->literals[j->n_literals], at->host, size);
	at->host = &j->literals[j->n_literals];
	j->n_literals += size;
}

/* All that the worker reads. */
static void copy_plan(struct region_job *j, const struct region_plan *p)
{
	j->plan = *p;
	j->n_literals = 0;
	for (unsigned k = 0; k < p->n_pages; k++)
		memcpy(j->page[k], p->page[k], PAGE_SIZE);
	j->plan.v = NULL;
	j->plan.arena = &j->arena;
	j->plan.unit = &j->unit;
	j->plan.req.code = in_copy(j, p->req.code);
	j->refused = *p->req.refused;
	j->plan.req.refused = &j->refused;
	j->plan.req.ahead = j->ahead;
	copy_cuts(j, &p->req);
	j->n_sources = p->n;
	for (unsigned i = 0; i < p->n; i++) {
		j->source[i] = p->part[i];
		j->copy[i] = *p->part[i];
		j->copy[i].code = in_copy(j, p->part[i]->code);
		copy_literals(j, &j->copy[i].literals);
		j->plan.out[i].code = j->copy[i].code; /* it was described before it was copied */
		j->plan.out[i].literals = j->copy[i].literals;
		j->copy[i].odd = j->plan.out[i].odd = copy_odd(j, p->part[i]);
		j->plan.part[i] = &j->copy[i];
	}
	j->plan.head = copy_of(j, p->head);
}

static void submit(struct region_worker *w)
{
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->state, WORKER_BUSY);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

bool region_job_start(struct vcpu *v, const struct region_plan *p)
{
	if (!region_job_wanted(v) || (!v->worker && !(v->worker = worker_new())))
		return false;
	struct region_worker *w = v->worker;
	struct region_job *j = &w->job;
	j->place = find_place(v, w);
	if (!j->place)
		return false;
	copy_plan(j, p);
	j->n_cuts = v->n_cuts;
	j->generation = v->tbs.generation;
	j->target = &v->target;
	j->rx_delta = v->code.out.rx_delta + (j->place - j->code);
	j->tb = tb_new(&v->tbs, 2 * ARM_REGION_SLOTS + ARM_REGION_PARTS);
	j->tb->code = p->head->code;
	j->tb->flags = p->head->flags;
	j->tb->whole_page = true;
	j->args = vcpu_compile_args(v, j->tb);
	j->args.other_page = j->plan.other;
	j->args.n_other_pages = j->plan.n_others;
	j->args.instead = p->head->host.code + p->head->host.guarded_entry;
	submit(w);
	return true;
}

/* Is all that was looked at when the job began what it was? */
static bool holds(const struct vcpu *v, const struct region_job *j)
{
	if (j->generation != v->tbs.generation || v->flush_wanted || j->n_cuts != v->n_cuts || v->stops.n_exec || is_watched(v))
		return false;
	for (unsigned i = 0; i < j->n_sources; i++)
		if (!j->source[i]->valid)
			return false;
	const struct tb *head = j->source[j->plan.head - j->copy];
	return tb_find(&v->tbs, head->code, head->pc_key, head->flags, true) == head;
}

/* The plan's blocks are those of the store again. */
static void restore_blocks(struct region_job *j)
{
	for (unsigned i = 0; i < j->plan.n; i++)
		j->plan.part[i] = j->source[j->plan.part[i] - j->copy];
	j->plan.head = j->source[j->plan.head - j->copy];
}

static void take(struct vcpu *v, struct region_worker *w)
{
	struct region_job *j = &w->job;
	struct tb *tb = j->tb;
	restore_blocks(j);
	if (!j->used) {
		region_give_up(j->plan.head);
		return;
	}
	memcpy(j->place, j->code, j->used);
	w->piece = j->place + ((j->used + CACHE_LINE - 1) & ~(CACHE_LINE - 1));
	tb->n_exits = (uint16_t)j->args.n_slots;
	region_describe_tb(tb, &j->plan, &j->flags);
	tb->region = region_of(&v->tbs.arena, &j->plan);
	tb->host = j->host;
	vcpu_insert_apart(v, tb, &j->unit);
	region_take_over(v, &j->plan, tb);
}

void vcpu_take_region(struct vcpu *v)
{
	struct region_worker *w = v->worker;
	if (!*w->is_ours) {
		vcpu_free_worker(v);
		return;
	}
	if (atomic_load_explicit(&w->state, memory_order_acquire) != WORKER_DONE)
		return;
	bool taken = holds(v, &w->job);
	if (taken)
		take(v, w);
	atomic_store(&w->state, WORKER_IDLE);
	if (taken)
		region_go_on(v, &w->job.plan);
}
