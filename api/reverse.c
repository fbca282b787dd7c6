/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debugger's way back in time: when the history (rewind.h) is kept, going back on its behalf, and what it does to the machine
 * by hand, which is an event of the log as input is. In the past that makes another future: what was to come goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "api/snapshot.h"

/* ---- when there is one ---- */

static bool wants_history(const struct rhea *m)
{
	return m->cfg.icount && !m->cfg.icount_auto && (m->history == RHEA_HISTORY_ON || (m->history == RHEA_HISTORY_AUTO && gdb_attached(m->gdb)));
}

/* Not in the past: there the log is what leads to the present. */
void machine_keep_history(struct rhea *m)
{
	struct rhea_error err;
	bool wanted = wants_history(m);
	if (wanted && !m->rewind) {
		m->keeps_history = !rewind_start(m, 0, 0, &err);
		if (m->keeps_history)
			return;
		log_printf(&m->log, "no history: %s\n", err.msg);
		m->history = RHEA_HISTORY_OFF;
	} else if (!wanted && m->keeps_history && !input_log_past(m->input_log)) {
		rewind_stop(m);
		m->keeps_history = false;
	}
}

const char *machine_no_history(void *opaque)
{
	const struct rhea *m = opaque;
	if (!m->cfg.icount)
		return "there is no way back in time without -icount";
	if (m->cfg.icount_auto)
		return "there is no way back in time with -icount shift=auto, only with shift=N";
	return m->history == RHEA_HISTORY_OFF ? "no history is kept; the monitor's 'history auto' changes that" : NULL;
}

bool machine_set_history(void *opaque, enum rhea_history when, struct rhea_error *err)
{
	struct rhea *m = opaque;
	if (!m->cfg.icount)
		return !error_set(err, RHEA_ERR_USAGE, "a history needs -icount: a run can be repeated only when time is counted in instructions");
	if (m->cfg.icount_auto && when == RHEA_HISTORY_ON)
		return !error_set(err, RHEA_ERR_USAGE, "a history needs -icount shift=N: with shift=auto no run can be repeated");
	m->history = when;
	vcpu_request_exit(m->vcpu);
	return true;
}

void machine_info_history(void *opaque, void (*line)(void *ctx, const char *line), void *ctx)
{
	const struct rhea *m = opaque;
	const char *none = machine_no_history(opaque);
	char text[160];
	if (!m->rewind) {
		line(ctx, none ? none : "no history yet: it begins when a debugger comes, or with 'history on'");
		return;
	}
	snprintf(text, sizeof text, "instructions %llu to %llu: %u snapshots, %llu events, %llu KiB", (unsigned long long)rewind_first(m),
		 (unsigned long long)rewind_last(m), m->rewind->n, (unsigned long long)m->input_log->n,
		 (unsigned long long)(rewind_memory(m) >> 10));
	line(ctx, text);
	snprintf(text, sizeof text, "now at instruction %llu%s", (unsigned long long)vcpu_insns(m->vcpu),
		 m->input_log->keeper.replays ? ", which is replayed" : "");
	line(ctx, text);
}

/* ---- going ---- */

/* It is no history any more when it does not come out as it was. */
static void lose_history(struct rhea *m)
{
	char text[300];
	snprintf(text, sizeof text, "the history is lost: %s\n", m->input_log->why);
	log_printf(&m->log, "%s", text);
	gdb_say(m->gdb, text);
	rewind_stop(m);
}

static enum rhea_status go_back(struct rhea *m, bool step, bool *found)
{
	struct rhea_error err;
	if (!step)
		return rewind_to_stop(m, GDB_STOP_OWNERS, found, &err);
	enum rhea_status st = rewind_step(m, found, &err);
	if (!st && *found && gdb_steps_back_on(m->gdb))
		st = rewind_step(m, found, &err);
	return st;
}

/* Who interrupts it is where he was before; who lets the machine run on, or ends it, is served as it is. */
void machine_go_back(struct rhea *m)
{
	struct moment from = rewind_now(m);
	bool found = false, step = m->reverse == REVERSE_STEP;
	m->paused = false;
	machine_event(m, QMP_RESUME, false);
	enum rhea_status st = go_back(m, step, &found);
	enum gdb_stop why = step ? GDB_STOP_TRAP : GDB_STOP_HIT;
	if (m->reverse == REVERSE_NONE && !m->paused)
		return;
	m->reverse = REVERSE_NONE;
	if (m->rewind && m->input_log->diverged)
		lose_history(m);
	else if (st && m->paused)
		rewind_return(m, from);
	if (st)
		why = GDB_STOP_INTERRUPT;
	machine_pause(m, st || found ? why : GDB_STOP_NO_HISTORY);
	m->pause_told = false;
}

bool machine_replay_ended(struct rhea *m)
{
	struct input_log *l = m->input_log;
	if (m->rewind && l->ends && !l->diverged && gdb_attached(m->gdb)) {
		machine_pause(m, GDB_STOP_HISTORY_ENDS);
		return false;
	}
	if (!m->rewind || !m->rewind->own_log)
		return true;
	lose_history(m);
	return false;
}

/* ---- another future ---- */

void machine_cut_history(struct rhea *m, const char *why)
{
	char text[160];
	if (!m->rewind || !input_log_past(m->input_log) || !rewind_cut(m))
		return;
	snprintf(text, sizeof text, "the history ends at instruction %llu now: %s\n", (unsigned long long)vcpu_insns(m->vcpu), why);
	log_printf(&m->log, "%s", text);
	gdb_say(m->gdb, text);
}

/* A look at a device in the past is undone: what is to come has it not. */
static void begin_peek(struct rhea *m)
{
	m->peek.snapshot = machine_take_snapshot(m, NULL);
	m->peek.hold_once = m->vcpu->hold_once;
	m->peek.entries = vcpu_entries(m->vcpu);
	m->peek.n_io = m->vcpu->n_io;
}

static void end_peek(struct rhea *m)
{
	struct vcpu *v = m->vcpu;
	machine_restore_snapshot(m, m->peek.snapshot, false);
	rhea_snapshot_free(m, m->peek.snapshot);
	m->peek.snapshot = NULL;
	v->hold_once = m->peek.hold_once;
	v->entries.n = m->peek.entries;
	v->n_io = m->peek.n_io;
}

static void record_poke(struct rhea *m, const struct gdb_poke *p, const void *bytes)
{
	size_t n = p->kind == GDB_PEEK ? 0 : p->size;
	char *event = malloc(sizeof *p + n);
	if (event) {
		memcpy(event, p, sizeof *p);
		if (n)
			memcpy(event + sizeof *p, bytes, n);
		input_log_note(m->input_log, EVENT_POKE, event, sizeof *p + n);
	}
	free(event);
}

bool machine_poke(void *opaque, const struct gdb_poke *p, const void *bytes)
{
	struct rhea *m = opaque;
	const struct input_log *l = m->input_log;
	if (!l)
		return true;
	if (l->keeper.replays && p->kind == GDB_PEEK) {
		begin_peek(m);
		return true;
	}
	machine_cut_history(m, "the debugger has changed the past");
	if (l->keeper.replays) {
		gdb_say(m->gdb, "a recorded run cannot be changed\n");
		return false;
	}
	record_poke(m, p, bytes);
	return true;
}

void machine_poked(void *opaque, const struct gdb_poke *p)
{
	struct rhea *m = opaque;
	(void)p;
	if (m->peek.snapshot)
		end_peek(m);
}

bool machine_do_poke(struct rhea *m, const void *event, size_t size)
{
	struct gdb_poke p;
	if (size < sizeof p)
		return false;
	memcpy(&p, event, sizeof p);
	size_t n = p.kind == GDB_PEEK ? 0 : p.size;
	if (p.kind > GDB_PEEK || size - sizeof p != n || (p.kind == GDB_POKE_REG && n != 4))
		return false;
	gdb_poke_again(m->vcpu, &p, (const char *)event + sizeof p);
	return true;
}
