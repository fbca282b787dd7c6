/* SPDX-License-Identifier: Apache-2.0 */
/* Running a machine: what the vCPU stopped for becomes an event, or is dealt with here. */
#include "api/input_log.h"
#include "api/machine.h"
#include "api/rewind.h"

/* Who waits for it hears, once, that the machine stands. */
static void tell_paused(struct rhea *m)
{
	if (m->pause_told)
		return;
	m->pause_told = true;
	gdb_stopped(m->gdb, m->why_paused);
	machine_event(m, QMP_STOP, false);
}

/* The monitor's `stop`, or the debugger: back ends stay alive until `cont`, or until something else happens; virtual time
 * stands. */
static void stay_paused(struct rhea *m)
{
	if (!m->paused)
		return;
	tell_paused(m);
	vclock_stop(&m->vcpu->clock);
	while (m->paused && m->pause_told && !m->quit_requested && !m->reset_requested && !m->to_load && !m->reverse &&
	       !atomic_load(&m->vcpu->stop)) {
		poll_set_wait(m->polls, POLL_FOREVER);
		machine_keep_history(m);
	}
	vclock_continue(&m->vcpu->clock);
	m->pause_told &= m->paused;
	if (!m->paused)
		machine_event(m, QMP_RESUME, false);
}

/* The monitor's loadvm; false when there was none. What this rhea_run has executed stays what it has. */
static bool load_requested(struct rhea *m, uint64_t *start)
{
	struct rhea_error err;
	uint64_t used = vcpu_insns(m->vcpu) - *start;
	if (!m->to_load)
		return false;
	rewind_yield(m);
	if (machine_apply_snapshot(m, m->to_load, NULL, &err)) {
		chardev_set_monitor_print(m->chardevs, err.msg);
		chardev_set_monitor_print(m->chardevs, "\n");
	}
	machine_drop_snapshot(m->to_load);
	m->to_load = NULL;
	*start = vcpu_insns(m->vcpu) - used;
	return true;
}

/* The same for a debugger's way back. */
static bool went_back(struct rhea *m, uint64_t *start)
{
	uint64_t used = vcpu_insns(m->vcpu) - *start;
	if (!m->reverse || m->quit_requested)
		return false;
	machine_go_back(m);
	*start = vcpu_insns(m->vcpu) - used;
	return true;
}

/* True when the request ends rhea_run with *ev. */
bool machine_handle_requests(struct rhea *m, struct rhea_event *ev)
{
	if (m->quit_requested || m->exit_requested) {
		ev->kind = RHEA_EVENT_EXIT;
		ev->code = m->exit_requested ? m->exit_code : 0;
		m->quit_requested = m->exit_requested = false;
		return true;
	}
	if (m->shutdown_requested) {
		ev->kind = RHEA_EVENT_SHUTDOWN;
		m->shutdown_requested = false;
		return true;
	}
	if (m->reset_requested) {
		m->reset_requested = false;
		if (m->cfg.no_reboot) {
			ev->kind = RHEA_EVENT_RESET;
			return true;
		}
		machine_reset(m);
	}
	return false;
}

/* True when vcpu_run's reason ends rhea_run. */
static bool to_event(struct rhea *m, enum vcpu_stop why, struct rhea_event *ev)
{
	if (m->to_load && why == VCPU_STOP_HALTED)
		return false;
	switch (why) {
	case VCPU_STOP_BUDGET:
		ev->kind = RHEA_EVENT_BUDGET;
		return true;
	case VCPU_STOP_STOPPED:
		ev->kind = RHEA_EVENT_STOP;
		return true;
	case VCPU_STOP_HALTED:
		ev->kind = RHEA_EVENT_HALTED;
		return true;
	case VCPU_STOP_MISMATCH:
		ev->kind = RHEA_EVENT_MISMATCH;
		return true;
	case VCPU_STOP_HIT:
		return machine_met_stop(m, ev);
	case VCPU_STOP_REQUEST:
		break;
	}
	return machine_handle_requests(m, ev);
}

/* True when that ends rhea_run. */
static bool replay_ended(struct rhea *m, struct rhea_event *ev)
{
	if (!machine_replay_ended(m))
		return false;
	ev->kind = RHEA_EVENT_REPLAYED;
	ev->code = m->input_log->diverged;
	if (*m->input_log->why)
		log_printf(&m->log, "%s\n", m->input_log->why);
	return true;
}

static struct watch watchers(struct rhea *m)
{
	struct watch w = {.perfmap = m->perfmap, .jitdump = m->jitdump, .samples = m->see.samples, .sample_period = m->see.sample_period, .captures = m->see.captures, .trace = m->see.trace, .vcpu = m->vcpu};
	if (log_on(&m->log, LOG_in_asm | LOG_op | LOG_op_opt | LOG_out_asm | LOG_exec | LOG_cpu) ||
	    m->cfg.accel == RHEA_ACCEL_LOCKSTEP)
		w.dump = m->dump;
	if (log_on(&m->log, LOG_tb_stats) || machine_wants_counts(m)) {
		if (!m->blocks)
			m->blocks = blocks_new();
		w.blocks = m->blocks;
	}
	return w;
}

/* Code from before somebody began to watch hides from him: links made before `nochain`, blocks without counters or
 * names. It goes. */
void machine_watch(struct rhea *m)
{
	struct watch old = m->watch;
	bool no_chain = m->cfg.no_chain || log_on(&m->log, LOG_nochain) || trace_wants(m->see.trace, RHEA_TRACE_BLOCKS);
	bool saw_accesses = m->vcpu->observer.access;
	m->watch = watchers(m);
	watch_observer(&m->watch, log_on(&m->log, LOG_exec | LOG_cpu), &m->vcpu->observer);
	if (no_chain != m->vcpu->cfg.no_chain || m->watch.blocks != old.blocks || m->watch.perfmap != old.perfmap ||
	    m->watch.jitdump != old.jitdump || !m->vcpu->observer.access != !saw_accesses)
		vcpu_flush_code(m->vcpu);
	m->vcpu->cfg.no_chain = no_chain;
}

void machine_report_jit(const struct rhea *m, unsigned top, report_line *line, void *ctx)
{
	uint64_t insns = vcpu_insns(m->vcpu);
	tb_stats_totals(m->vcpu, insns, line, ctx);
	if (m->blocks)
		tb_stats_hottest(m->blocks, &m->log, m->symbols, m->vcpu, insns, top, line, ctx);
}

static bool ends_machine(enum rhea_event_kind kind)
{
	return kind == RHEA_EVENT_EXIT || kind == RHEA_EVENT_SHUTDOWN || kind == RHEA_EVENT_RESET;
}

static enum vcpu_stop run_vcpu(struct rhea *m, uint64_t max_insns)
{
	switch (m->step) {
	case GDB_RUN_ON:
		break;
	case GDB_RUN_STEP:
		return m->vcpu->replays ? vcpu_walk_step(m->vcpu) : vcpu_step(m->vcpu);
	case GDB_RUN_STEP_IRQ:
		return m->vcpu->replays ? vcpu_walk_step(m->vcpu) : vcpu_run(m->vcpu, 1);
	}
	return vcpu_run(m->vcpu, max_insns);
}

/* True when a step of the debugger's was done, which is nobody else's budget. */
static bool stepped(struct rhea *m, enum vcpu_stop why)
{
	if (m->step == GDB_RUN_ON || why != VCPU_STOP_BUDGET)
		return false;
	if (!gdb_steps_on(m->gdb))
		machine_pause(m, GDB_STOP_TRAP);
	return true;
}

/* Up to `left` instructions, or to where the history wants a snapshot. True: *ev ends rhea_run. */
static bool run_piece(struct rhea *m, uint64_t left, bool *guest_exit, struct rhea_event *ev)
{
	uint64_t n = MIN(left, rewind_distance(m));
	if (m->input_log && m->input_log->ended) /* who came back from there may try to go on */
		return replay_ended(m, ev);
	enum vcpu_stop why = run_vcpu(m, n == UINT64_MAX ? 0 : n);
	*guest_exit = m->exit_requested;
	rewind_note(m);
	if (m->input_log && m->input_log->ended)
		return replay_ended(m, ev);
	if (stepped(m, why) || (why == VCPU_STOP_BUDGET && n < left))
		return false;
	return to_event(m, why, ev);
}

void rhea_run(struct rhea *m, uint64_t max_insns, struct rhea_event *ev)
{
	uint64_t start = vcpu_insns(m->vcpu);
	machine_watch(m);
	bool guest_exit = false;
	m->see.written = false;
	*ev = (struct rhea_event){0};
	m->running = true;
	for (bool done = false; !done;) {
		machine_keep_history(m);
		stay_paused(m);
		if (load_requested(m, &start) || went_back(m, &start))
			continue; /* paused as before */
		if (m->paused && machine_handle_requests(m, ev))
			break;
		uint64_t used = vcpu_insns(m->vcpu) - start;
		if (max_insns && used >= max_insns) {
			ev->kind = RHEA_EVENT_BUDGET;
			break;
		}
		done = run_piece(m, max_insns ? max_insns - used : UINT64_MAX, &guest_exit, ev);
	}
	if (ends_machine(ev->kind)) {
		gdb_exited(m->gdb, ev->code);
		machine_event(m, QMP_SHUTDOWN, ev->kind != RHEA_EVENT_EXIT || guest_exit);
	}
	m->running = false;
	if ((ev->kind == RHEA_EVENT_EXIT || ev->kind == RHEA_EVENT_SHUTDOWN || ev->kind == RHEA_EVENT_RESET) && m->input_log &&
	    !input_log_finish(m->input_log))
		replay_ended(m, ev);
	log_flush(&m->log);
	ev->insns = vcpu_insns(m->vcpu) - start;
}

void rhea_stop(struct rhea *m)
{
	vcpu_stop(m->vcpu);
}

uint64_t rhea_insn_count(const struct rhea *m)
{
	return vcpu_insns(m->vcpu);
}

uint64_t rhea_virtual_ns(const struct rhea *m)
{
	return vclock_now(&m->vcpu->clock);
}
