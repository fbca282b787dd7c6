/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop. Time is cut into slices of guest instructions: the budget counts a slice down in
 * emitted code, and between slices timers fire and back ends are polled. `insns_done + slice -
 * budget` is the instruction count at every moment the loop has control.
 */
#include <assert.h>

#include "frontend-arm/owed.h"
#include "runtime/vcpu.h"

#define PARKED (1 << 24)        /* more than emitted code ever gives back to the budget between two looks at it */
#define POLL_INTERVAL_NS 1000000
#define ALIGN_NS 1000000 /* less is not worth a sleep */

void vcpu_kick(struct vcpu *v)
{
	if (v->base->budget >= 0) {
		v->parked += v->base->budget + PARKED;
		v->base->budget = -PARKED;
	}
}

static void unpark(struct vcpu *v)
{
	v->base->budget += v->parked;
	v->parked = 0;
}

void vcpu_set_irq(struct vcpu *v, bool fiq, bool level)
{
	arm_set_irq(v->cpu, fiq, level);
	if (level)
		vcpu_kick(v);
}

void vcpu_stop(struct vcpu *v)
{
	atomic_store(&v->stop, true);
	v->host.wake(v->host.opaque);
}

/* vclock: a timer now comes first. Host time is looked at often enough anyway. */
void vcpu_deadline_moved(void *opaque)
{
	struct vcpu *v = opaque;
	if (v->cfg.icount) {
		v->reslice = true;
		vcpu_kick(v);
	}
}

void vcpu_request_exit(struct vcpu *v)
{
	v->exit_request = true;
	vcpu_kick(v);
}

/* Ends the slice: what was not used of it never happened. */
static void end_slice(struct vcpu *v)
{
	unpark(v);
	v->insns_done += (uint64_t)(v->slice - v->base->budget);
	v->slice = v->base->budget = 0;
}

static void begin_slice(struct vcpu *v, uint64_t limit)
{
	uint64_t n = VCPU_MAX_SLICE - (v->slices * UINT32_C(0x9e3779b9) >> (32 - VCPU_SLICE_SPREAD_BITS));
	v->slices += v->slices == UINT32_MAX ? 2 : 1;
	v->exact = false;
	if (v->observer.sample && v->next_sample > v->insns_done)
		n = MIN(n, v->next_sample - v->insns_done);
	if (limit <= n) {
		n = limit;
		v->exact = true;
	}
	if (v->input_at - v->insns_done <= n && v->input_at > v->insns_done) {
		n = v->input_at - v->insns_done;
		v->exact = true;
	}
	uint64_t deadline = vclock_deadline(&v->clock);
	if (v->cfg.icount && deadline != UINT64_MAX) {
		uint64_t until = vclock_insns_until(&v->clock, deadline, n);
		if (until < n || v->exact) {
			n = MAX(until, 1);
			v->exact = true;
		}
	}
	if (v->trouble)
		n = vcpu_trouble_slice(v, n, &v->exact);
	v->reslice = false;
	v->parked = 0; /* kicked between slices: the new one looks at what changed anyway */
	v->slice = v->base->budget = (int32_t)n;
}

static void poll_host(struct vcpu *v)
{
	uint64_t now = host_monotonic_ns();
	if (now - v->last_poll < POLL_INTERVAL_NS)
		return;
	v->last_poll = now;
	v->host.poll(v->host.opaque, 0);
}

/* icount, align=on: a guest that is ahead of the host's time lets it come up. What the guest sees is the same. shift=auto: how long
 * instructions take follows the host; a host that needs less than the least there is has to wait, too. */
static void keep_to_host(struct vcpu *v)
{
	if (!v->cfg.icount || v->replays)
		return;
	if (v->cfg.icount_auto)
		vclock_follow_host(&v->clock);
	if (!v->cfg.icount_align && !(v->cfg.icount_auto && v->clock.shift == 0))
		return;
	uint64_t ahead = vclock_ahead(&v->clock), before = host_monotonic_ns();
	if (ahead < ALIGN_NS)
		return;
	v->host.poll(v->host.opaque, ahead);
	if (v->clock.followed.host)
		v->clock.followed.host += host_monotonic_ns() - before; /* no instruction took that long */
}

/* A slice that ends for the sample may end early by what did not fit: that is the block the sample is of. */
static void take_sample(struct vcpu *v)
{
	if (!v->observer.sample || v->insns_done + VCPU_SAMPLE_MIN / 2 < v->next_sample)
		return;
	if (v->next_sample) /* not the very first instruction */
		v->observer.sample(v->observer.opaque);
	v->next_sample = MAX(v->next_sample, v->insns_done) + v->observer.sample_period;
}

/* Between slices: everything that is not guest code. */
static void housekeeping(struct vcpu *v)
{
	end_slice(v);
	take_sample(v);
	vclock_run_timers(&v->clock);
	v->place = VCPU_POLL;
	poll_host(v);
	keep_to_host(v);
	if (v->host.input)
		v->host.input(v->host.opaque);
	v->place = VCPU_BETWEEN;
}

static void poll_waiting(struct vcpu *v, uint64_t timeout_ns)
{
	v->place = VCPU_WAIT;
	v->host.poll(v->host.opaque, v->replays ? 0 : timeout_ns);
	if (v->host.input)
		v->host.input(v->host.opaque);
	v->place = VCPU_BETWEEN;
}

/*
 * WFI: sleeps until a line rises. With icount, time jumps to the next deadline (after as much host
 * time has passed, unless told not to sleep: then it stands when there was input that woke the core). False when nothing can
 * ever wake the core.
 */
static bool wait_for_interrupt(struct vcpu *v)
{
	end_slice(v);
	uint64_t deadline = vclock_deadline(&v->clock);
	bool input = v->host.can_input(v->host.opaque);
	if (deadline == UINT64_MAX) {
		if (!input)
			return false;
		poll_waiting(v, UINT64_MAX);
		return true;
	}
	uint64_t now = vclock_now(&v->clock);
	bool sleep = !(v->cfg.icount && v->cfg.icount_no_sleep) && !v->replays;
	uint64_t started = host_monotonic_ns(), ns = deadline > now ? deadline - now : 0;
	poll_waiting(v, sleep ? ns : 0);
	if (v->cfg.icount) {
		bool woken = !sleep && !v->replays && !v->cpu->halted; /* a replay has it as the recorded length */
		uint64_t slept = woken ? 0 : host_monotonic_ns() - started;
		uint64_t to = (sleep || woken) && slept < ns ? now + slept : deadline;
		vclock_warp_to(&v->clock, v->host.warp ? v->host.warp(v->host.opaque, to, deadline) : to);
	}
	vclock_run_timers(&v->clock);
	return true;
}

/* ---- exceptions ---- */

static void take_exception(struct vcpu *v)
{
	struct arm_cpu *cpu = v->cpu;
	if (cpu->exc.kind == ARM_EXC_SEMIHOST) {
		cpu->exc.kind = ARM_EXC_NONE;
		unpark(v);
		v->host.semihost(v->host.opaque);
		cpu->pc += cpu->pc & 1 ? 2 : 4;
		return;
	}
	arm_take_exception(cpu);
}

/* What is done again is counted then. */
static void tell_left(const struct vcpu *v, const struct tb *tb, uint32_t mark)
{
	const struct tb_part *part = tb->region ? tb_part_at(tb->region, mark) : NULL;
	uint32_t counter = part ? part->counter : tb->counter, first = part ? part->first : 0;
	v->observer.left(v->observer.opaque, counter, mark - first + !v->retry);
}

/* The block was left inside its mark-th instruction. */
static void leave_at(struct vcpu *v, struct tb *tb, uint32_t mark)
{
	unpark(v);
	v->cpu->pc = tb_mark_pc(tb, mark);
	v->base->budget += (int32_t)tb_insns_left(tb, mark);
	if (v->observer.left)
		tell_left(v, tb, mark);
	if (v->cut_wanted)
		vcpu_cut_behind(v, tb, mark);
	if (v->met_odd)
		vcpu_note_odd(v, tb, mark);
	v->cut_wanted = v->met_odd = false;
	if (v->retry || v->stops.hit)
		return;
	v->base->budget--;
	assert(v->cpu->exc.kind != ARM_EXC_NONE);
	take_exception(v);
}

/* ---- running blocks ---- */

static struct ir_interp_result interpret(struct vcpu *v, struct tb *tb)
{
	struct ir_memory mem = vcpu_interp_memory(v);
	v->cur_tb = tb;
	v->in_block = true;
	struct ir_interp_result r;
	if (v->cfg.accel == VCPU_LOCKSTEP && tb->host.size) {
		if (!lockstep_step(v, tb, &r))
			v->mismatch = true;
	} else {
		r = ir_interpret(tb->unit, v->cpu, &mem);
		if (tb->counter)
			v->base->tb_count[tb->counter]++;
	}
	v->cur_tb = NULL;
	v->in_block = false;
	v->io_ahead = 0;
	arm_settle_flags(v->cpu);
	return r;
}

static void run_interpreted(struct vcpu *v, struct tb *tb)
{
	v->base->budget -= tb->n_insns;
	struct ir_interp_result r = interpret(v, tb);
	if (r.exit == IR_EXIT_FAULT)
		leave_at(v, tb, r.marks - 1);
	else
		unpark(v);
}

static void trace(const struct vcpu *v, const struct tb *tb)
{
	v->observer.exec(v->observer.opaque,
			 &(struct tb_view){
				 .pc_key = tb->pc_key,
				 .tb_flags = tb->flags & ARM_TB_FLAGS,
				 .guest_code = tb->code,
				 .guest_bytes = tb->bytes,
				 .host = tb->host.size ? &tb->host : NULL,
			 },
			 v->cpu);
}

/* Interprets at most n instructions from the core's pc, as one unit that is thrown away. */
static void run_once(struct vcpu *v, const struct mem_fetch *fetch, uint32_t n)
{
	struct tb tb;
	vcpu_translate_once(v, fetch, v->cpu->pc, n, &tb);
	if (v->observer.exec)
		trace(v, &tb);
	run_interpreted(v, &tb);
}

/* The instruction at pc stores to the block it stands in: alone, it may. Or its access is not aligned, which compiled code does not do. Or it
 * has to be the last one of its block; then its device accesses are not done again. */
static void run_alone(struct vcpu *v)
{
	struct mem_fetch fetch;
	v->retry = false;
	v->alone = true;
	v->next_io = 0;
	if (v->io_insn != vcpu_insns(v))
		v->n_io = 0;
	v->stats.retries++;
	unsigned space = arm_space_of(v->cpu->tb_flags);
	if (softmmu_fetch(v->mmu, GVA(v->cpu->pc & ~1u), space, &fetch) == MEM_DONE) {
		run_once(v, &fetch, 1);
	} else {
		v->base->budget--;
		take_exception(v);
	}
	v->alone = false;
	v->n_io = 0;
}

static bool can_link(const struct vcpu *v, const struct tb_exit *from, const struct tb *to)
{
	if (v->cfg.no_chain || (v->stops.n_exec && stops_at(&v->stops, to->pc_key)) || !from->tb->valid || !to->valid || from->to ||
	    from->tb->flags != to->flags)
		return false;
	return to->whole_page;
}

/* A block that looked ahead at code that is not there any more is translated again. Returns owe nothing. */
static bool takes_debt(struct vcpu *v, const struct tb_exit *from, const struct tb *to)
{
	bool ok = arm_takes_debt(&to->entry, from->owed);
	if (!ok)
		vcpu_drop_block(v, from->tb);
	return ok;
}

uint64_t vcpu_link_target(const struct tb_exit *from, const struct tb *to)
{
	/* A call that comes back may find another page there than the one it was made from. */
	bool is_return = (unsigned)(from - from->tb->exit) >= from->tb->first_landing;
	bool same_page = !is_return && from->tb->whole_page && (from->tb->pc_key ^ to->pc_key) >> PAGE_BITS == 0;
	bool values = from->tb->entry.by_value == ARM_VALUE_PASSES || arm_owed_by_value(from->owed);
	return to->host.code + (!same_page ? to->host.cross_entry : values ? to->host.guarded_entry : to->host.entry);
}

void vcpu_recover(struct vcpu *v)
{
	const struct tb *tb = tb_by_host_pc(&v->tbs, v->base->host_pc);
	assert(tb && "a fault's address lies in emitted code");
	x64_recover(&v->target, &tb->host, tb_site(tb, v->base->host_pc), (char *)v->base + VCPU_BASE_BIAS, v->cpu);
}

static void link_blocks(struct vcpu *v, struct tb_exit *from, struct tb *to)
{
	if (!can_link(v, from, to) || !takes_debt(v, from, to))
		return;
	tb_link(&v->tbs, from, to, vcpu_link_target(from, to));
}

/* Enters emitted code at tb and follows the chain. What comes back is the jump that asked for a block to link to, or NULL. */
static struct tb_exit *run_compiled(struct vcpu *v, struct tb *tb)
{
	struct tb_exit *from = NULL;
	if (v->trouble)
		vcpu_trouble_kick(v);
	v->in_block = true;
	uint64_t exit = vcpu_enter(v, tb);
	if ((exit & 7) == X64_EXIT_FAULT)
		vcpu_recover(v);
	v->in_block = false;
	v->io_ahead = 0;
	arm_settle_flags(v->cpu);
	switch ((enum x64_exit)(exit & 7)) {
	case X64_EXIT_JUMP:
	case X64_EXIT_RETURN:
		from = (struct tb_exit *)(uintptr_t)(exit & ~UINT64_C(7));
		break;
	case X64_EXIT_LOOKUP:
		break;
	case X64_EXIT_BUDGET:
		if (!v->parked)
			vcpu_sample(v, (struct tb *)(uintptr_t)(exit & ~UINT64_C(7)));
		break;
	case X64_EXIT_FAULT: {
		struct tb *at = tb_by_host_pc(&v->tbs, v->base->host_pc);
		assert(at && "a fault's address lies in emitted code");
		leave_at(v, at, tb_site_mark(at, v->base->host_pc));
		return NULL;
	}
	}
	unpark(v);
	return from;
}

/* ---- interrupts ---- */

uint32_t vcpu_entries(const struct vcpu *v)
{
	return v->entries.insns == vcpu_insns(v) ? v->entries.n : 0;
}

/* Must what comes next run before the interrupt is taken? In a replay the recording has it. */
static bool holds_interrupt(struct vcpu *v)
{
	if (v->replays || !(v->hold_interrupts || v->stops.pass))
		return v->hold_once;
	if (v->host.held && !v->hold_once)
		v->host.held(v->host.opaque);
	return true;
}

static void take_interrupt(struct vcpu *v, enum arm_exception_kind irq)
{
	uint32_t n = vcpu_entries(v) + 1;
	arm_take_interrupt(v->cpu, irq);
	v->entries.insns = vcpu_insns(v);
	v->entries.n = n;
	if (v->stops.pass) /* a stop that comes later, and again */
		vcpu_passed_stop(v);
	if (v->replays) /* the recording may end here */
		v->reslice = true;
	v->arrived = v->walk == VCPU_WALK_STEP || (v->walk == VCPU_WALK_ENTRIES && n >= v->walk_to);
}

/* Runs until the slice is used up or something needs the outer loop. */
static void run_slice(struct vcpu *v)
{
	struct tb_exit *from = NULL;
	uint64_t generation = 0;
	while (v->base->budget > 0 && !v->exit_request && !v->reslice && !v->mismatch && !v->stop_now) {
		enum arm_exception_kind irq = arm_pending_interrupt(v->cpu);
		if (irq != ARM_EXC_NONE && !holds_interrupt(v)) {
			take_interrupt(v, irq);
			from = NULL;
			if (v->replays || v->arrived)
				return;
		}
		if (v->flush_wanted) {
			v->flush_wanted = false;
			vcpu_flush_code(v);
		}
		if (v->cpu->halted || atomic_load_explicit(&v->stop, memory_order_relaxed))
			return;
		if (v->walk == VCPU_WALK_ENTRIES) {
			v->arrived = true;
			return;
		}
		if (v->stops_ahead && v->stops.pass) {
			v->hold_once = false;
			run_alone(v);
			vcpu_passed_stop(v);
			continue;
		}
		if (v->stops_ahead && vcpu_stop_before_block(v))
			return;
		if (v->hold_once || (v->trouble && vcpu_trouble_between(v))) {
			v->hold_once = false;
			from = NULL;
			run_alone(v);
			continue;
		}
		struct mem_fetch fetch;
		bool fault;
		struct tb *tb = vcpu_lookup(v, &fetch, &fault);
		if (!tb) {
			from = NULL;
			if (fault) {
				v->base->budget--;
				take_exception(v);
			} else {
				run_once(v, &fetch, 1);
			}
			continue;
		}
		bool cold = v->cfg.accel == VCPU_JIT && !tb->host.size;
		if (from && !cold && generation == v->tbs.generation)
			link_blocks(v, from, tb);
		from = NULL;
		if (tb->host.size && !tb->valid) /* it went with a block that had looked ahead at older code */
			continue;
		if (tb->region && tb->n_insns > v->base->budget && tb->region->head->valid)
			tb = tb->region->head; /* which is charged less at once */
		if (tb->unit && tb->region && ir_unmet(&arm_guest, v->cpu, tb->region->assumes)) /* lockstep; else its entry looks */
			tb = tb->region->head;
		if (tb->n_insns > v->base->budget) {
			if (!v->exact)
				return;
			unsigned space = arm_space_of(v->cpu->tb_flags);
			if (softmmu_fetch(v->mmu, GVA(v->cpu->pc & ~1u), space, &fetch) == MEM_DONE)
				run_once(v, &fetch, (uint32_t)v->base->budget);
			else
				take_exception(v);
		} else {
			generation = v->tbs.generation;
			if (v->observer.exec)
				trace(v, tb);
			if (v->cfg.tier2_eager && !cold)
				vcpu_sample(v, tb);
			if (v->cfg.accel == VCPU_JIT && tb->host.size)
				from = run_compiled(v, tb);
			else
				run_interpreted(v, tb);
		}
		if (v->retry)
			run_alone(v);
	}
}

static enum vcpu_stop run(struct vcpu *v, uint64_t max_insns)
{
	uint64_t left = UINT64_MAX - v->insns_done;
	uint64_t end = v->insns_done + (max_insns && max_insns < left ? max_insns : left);
	for (;;) {
		housekeeping(v);
		if (v->exit_request) {
			v->exit_request = false;
			return VCPU_STOP_REQUEST;
		}
		if (v->stops.hit) {
			v->stops.last_hit.insns = v->insns_done;
			v->stops.last_hit.pc = v->cpu->pc;
			return VCPU_STOP_HIT;
		}
		if (v->mismatch) {
			v->mismatch = false;
			return VCPU_STOP_MISMATCH;
		}
		if (atomic_exchange(&v->stop, false))
			return VCPU_STOP_STOPPED;
		if (v->insns_done >= end || v->arrived)
			return VCPU_STOP_BUDGET;
		bool waited = v->cpu->halted;
		if (waited && !wait_for_interrupt(v))
			return VCPU_STOP_HALTED;
		if (v->cpu->halted || (waited && v->replays))
			continue; /* a replay may end, or go on with input, at this moment */
		if (v->stops.changed)
			vcpu_apply_stops(v);
		if (v->worker)
			vcpu_take_region(v);
		if (v->values.drops)
			vcpu_drop_values(v);
		begin_slice(v, end - v->insns_done);
		run_slice(v);
	}
}

enum vcpu_stop vcpu_run(struct vcpu *v, uint64_t max_insns)
{
	if (v->trouble)
		vcpu_trouble_run(v);
	bool trap = v->window && trap_begin(&v->trap);
	if (v->window && !trap)
		vcpu_window_close(v);
	vcpu_resume_stops(v);
	v->arrived = v->walk == VCPU_WALK_HERE;
	enum vcpu_stop why = run(v, max_insns);
	if (trap)
		trap_end(&v->trap);
	return why;
}

enum vcpu_stop vcpu_step(struct vcpu *v)
{
	v->hold_interrupts = true;
	enum vcpu_stop why = vcpu_run(v, 1);
	v->hold_interrupts = false;
	return why;
}

static enum vcpu_stop walk(struct vcpu *v, enum vcpu_walk how, uint32_t to)
{
	v->walk = (uint8_t)how;
	v->walk_to = to;
	enum vcpu_stop why = vcpu_run(v, 1);
	v->walk = VCPU_WALK_OFF;
	return why;
}

enum vcpu_stop vcpu_walk_step(struct vcpu *v)
{
	return walk(v, VCPU_WALK_STEP, 0);
}

enum vcpu_stop vcpu_walk_entries(struct vcpu *v, uint32_t to)
{
	return walk(v, vcpu_entries(v) >= to ? VCPU_WALK_HERE : VCPU_WALK_ENTRIES, to);
}
