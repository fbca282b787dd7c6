/* SPDX-License-Identifier: Apache-2.0 */
/* Recording what comes from outside, and doing it again (input_log.h). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/input_events.h"

#define CHECK_INSNS 10000000u

static uint64_t now_ns(const struct input_log *l)
{
	return vclock_now(&l->m->vcpu->clock);
}

/* Tells back ends and run loop where the log stands. */
static void refresh(struct input_log *l)
{
	struct vcpu *v = l->m->vcpu;
	uint64_t insns = vcpu_insns(v);
	bool past = insns < l->live_from || (insns == l->live_from && vcpu_entries(v) < l->live_entries);
	l->keeper.replays = v->replays = l->next < l->n || l->ends || past;
	l->keeper.muted = past;
	v->input_at = l->next < l->n ? l->event[l->next]->insns : past ? l->live_from : UINT64_MAX;
}

void input_log_end(struct input_log *l)
{
	l->ended = true;
	vcpu_request_exit(l->m->vcpu);
}

void input_log_diverge(struct input_log *l, const char *fmt, ...)
{
	char what[160];
	va_list ap;
	if (l->diverged)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(l->why, sizeof l->why, "the replay differs from the recording at instruction %" PRIu64 ": %s", vcpu_insns(l->m->vcpu), what);
	l->diverged = true;
	input_log_end(l);
}

static unsigned place_now(const struct input_log *l)
{
	return l->keeper.sending ? PLACE_SENDING : vcpu_place(l->m->vcpu);
}

/* ---- recording ---- */

static bool append(struct input_log *l, struct input_event *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct input_event **bigger = realloc(l->event, cap * sizeof *bigger);
		if (!bigger)
			return false;
		l->event = bigger;
		l->cap = cap;
	}
	l->event[l->n++] = e;
	l->bytes += sizeof *e + e->size;
	return true;
}

bool input_log_add(struct input_log *l, const void *event)
{
	struct input_event head;
	memcpy(&head, event, sizeof head);
	struct input_event *copy = malloc(sizeof *copy + head.size);
	if (copy)
		memcpy(copy, event, sizeof *copy + head.size);
	if (copy && append(l, copy)) {
		refresh(l);
		return true;
	}
	free(copy);
	return false;
}

/* A live event. One that cannot be kept makes the log useless; the run goes on. */
static void note(struct input_log *l, enum event_kind kind, unsigned port, const void *bytes, size_t n)
{
	struct input_event *e = l->diverged ? NULL : malloc(sizeof *e + n);
	if (l->diverged)
		return;
	if (e)
		e->size = (uint32_t)n;
	if (!e || !append(l, e)) {
		free(e);
		snprintf(l->why, sizeof l->why, "the host has no memory for the recording");
		l->diverged = true;
		return;
	}
	*e = (struct input_event){.insns = vcpu_insns(l->m->vcpu), .ns = now_ns(l), .kind = (uint8_t)kind,
				  .place = (uint8_t)place_now(l), .port = (uint16_t)port, .size = (uint32_t)n};
	if (n)
		memcpy(e->bytes, bytes, n);
	l->next = l->n;
	if (l->sink)
		l->sink(l->sink_opaque, e);
}

void input_log_note(struct input_log *l, enum event_kind kind, const void *bytes, size_t n)
{
	if (!l->keeper.replays)
		note(l, kind, 0, bytes, n);
}

static void received(void *opaque, enum input_kind kind, unsigned port, const uint8_t *buf, unsigned n)
{
	struct input_log *l = opaque;
	if (!l->delivering && !l->keeper.replays)
		note(l, (enum event_kind)kind, port, buf, n);
}

bool input_log_user(struct rhea *m, enum event_kind kind, const void *bytes, size_t n)
{
	struct input_log *l = m->input_log;
	if (!l || l->delivering)
		return true;
	if (l->keeper.replays)
		return false;
	note(l, kind, 0, bytes, n);
	return true;
}

/* ---- doing it again ---- */

void input_log_advance(struct input_log *l)
{
	l->next++;
	refresh(l);
}

/* The next event when it is of this moment and this place. */
static const struct input_event *due(const struct input_log *l, unsigned place)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	return e && e->place == place && e->insns == vcpu_insns(l->m->vcpu) && e->ns == now_ns(l) ? e : NULL;
}

static void do_due(struct input_log *l, const struct input_event *e)
{
	l->delivering = true;
	bool ok = input_event_do(l, e);
	l->delivering = false;
	input_log_advance(l);
	if (!ok)
		input_log_diverge(l, "%s does not fit", input_event_name(e->kind));
}

static bool is_devices(const struct input_event *e)
{
	return e->kind == EVENT_SERIAL || e->kind == EVENT_NET || e->kind == EVENT_BREAK;
}

static void room(void *opaque)
{
	struct input_log *l = opaque;
	const struct input_event *e;
	bool any = false;
	while (!l->delivering && (e = due(l, place_now(l))) && is_devices(e)) {
		do_due(l, e);
		any = true;
	}
	if (any) { /* the slice may be longer than it is to the next event */
		l->m->vcpu->reslice = true;
		vcpu_kick(l->m->vcpu);
	}
}

/* Has the moment of the next event gone by? */
static void check_passed(struct input_log *l)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	uint64_t insns = vcpu_insns(l->m->vcpu);
	if (e && (e->insns < insns || (e->insns == insns && e->ns < now_ns(l))))
		input_log_diverge(l, "%s, recorded at instruction %" PRIu64 ", found no place", input_event_name(e->kind), e->insns);
}

static void record_check(struct input_log *l)
{
	uint64_t insns = vcpu_insns(l->m->vcpu);
	if (!l->sink || insns < l->check_at)
		return;
	l->check_at = insns + CHECK_INSNS;
	uint64_t hash = machine_state_hash(l->m, false);
	note(l, EVENT_CHECK, 0, &hash, sizeof hash);
}

/* What happened between two runs comes before a slice as well; timers that it set for now fired before the next one. */
static void replay_between(struct input_log *l)
{
	const struct input_event *e = due(l, VCPU_BETWEEN);
	if (!e || l->m->reset_requested)
		return;
	for (; e; e = due(l, VCPU_BETWEEN))
		do_due(l, e);
	vclock_run_timers(&l->m->vcpu->clock);
}

void machine_input(void *opaque)
{
	struct rhea *m = opaque;
	struct input_log *l = m->input_log;
	enum vcpu_place place = m->vcpu->place;
	const struct input_event *e;
	if (!l || l->ended)
		return;
	if (!l->keeper.replays) {
		if (place == VCPU_POLL)
			record_check(l);
		return;
	}
	if (place == VCPU_POLL)
		replay_between(l);
	size_t before = l->next;
	while (!l->ended && (e = due(l, place)) && e->kind != EVENT_WARP) {
		do_due(l, e);
		if (place == VCPU_POLL)
			replay_between(l);
	}
	if (!l->ended)
		check_passed(l);
	if (!l->ended && place == VCPU_WAIT && l->next == before && vclock_deadline(&m->vcpu->clock) == UINT64_MAX && l->next < l->n)
		input_log_diverge(l, "the core waits for ever");
	refresh(l);
	if (l->ends && l->next == l->n && !l->ended) {
		snprintf(l->why, sizeof l->why, "the recording is cut short: it ends at instruction %" PRIu64, vcpu_insns(m->vcpu));
		input_log_end(l);
	}
}

bool input_log_finish(struct input_log *l)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	if (!l->ends || l->ended || !e)
		return !l->diverged;
	if (e->kind != EVENT_END || e->insns != vcpu_insns(l->m->vcpu))
		input_log_diverge(l, "the guest ends; %s was to come at instruction %" PRIu64, input_event_name(e->kind), e->insns);
	else
		do_due(l, e);
	return !l->diverged;
}

/* A wait that did not last until its deadline is an event of its own. */
uint64_t machine_warp(void *opaque, uint64_t ns, uint64_t deadline)
{
	struct rhea *m = opaque;
	struct input_log *l = m->input_log;
	m->vcpu->place = VCPU_WAIT;
	if (l && l->keeper.replays) {
		const struct input_event *e = due(l, VCPU_WAIT);
		if (e && e->kind == EVENT_WARP && e->size == sizeof ns) {
			memcpy(&ns, e->bytes, sizeof ns);
			input_log_advance(l);
		}
	} else if (l && ns != deadline) {
		note(l, EVENT_WARP, 0, &ns, sizeof ns);
	}
	m->vcpu->place = VCPU_BETWEEN;
	return ns;
}

void machine_held(void *opaque)
{
	struct rhea *m = opaque;
	if (m->input_log)
		note(m->input_log, EVENT_HELD, 0, NULL, 0);
}

/* ---- beginning and end ---- */

static void connect(struct rhea *m, struct input_keeper *k)
{
	for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++) {
		m->serial[i].keeper = k;
		m->serial[i].port = i;
	}
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		m->net[i].keeper = k;
		m->net[i].port = i;
	}
}

enum rhea_status input_log_start(struct rhea *m, struct rhea_error *err)
{
	if (!m->cfg.icount)
		return error_set(err, RHEA_ERR_USAGE, "recording needs -icount (shift=N): a run can be repeated only when time is counted in instructions");
	if (m->cfg.icount_auto)
		return error_set(err, RHEA_ERR_USAGE, "recording needs -icount shift=N: with shift=auto no run can be repeated");
	if (m->input_log)
		return error_set(err, RHEA_ERR_USAGE, "the machine is recorded or replayed already");
	struct input_log *l = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	l->m = m;
	l->keeper = (struct input_keeper){.opaque = l, .received = received, .room = room};
	m->input_log = l;
	connect(m, &l->keeper);
	return RHEA_OK;
}

void input_log_stop(struct rhea *m)
{
	struct input_log *l = m->input_log;
	if (!l)
		return;
	connect(m, NULL);
	m->vcpu->replays = false;
	m->vcpu->input_at = UINT64_MAX;
	m->input_log = NULL;
	for (size_t i = 0; i < l->n; i++)
		free(l->event[i]);
	free(l->event);
	free(l->call.bytes);
	free(l->call.said);
	free(l);
}

void input_log_seek(struct input_log *l, size_t next)
{
	l->next = next;
	refresh(l);
}

void input_log_cut(struct input_log *l)
{
	while (l->n > l->next) {
		struct input_event *e = l->event[--l->n];
		l->bytes -= sizeof *e + e->size;
		free(e);
	}
	l->live_from = 0;
	l->live_entries = 0;
	refresh(l);
}

void input_log_drop(struct input_log *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->bytes -= sizeof *l->event[i] + l->event[i]->size;
		free(l->event[i]);
	}
	l->n -= n;
	l->next -= n;
	if (n)
		memmove(l->event, l->event + n, l->n * sizeof *l->event);
}
