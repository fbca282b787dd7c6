/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going back (rewind.h). On the way to a moment snapshots are added, closer together the nearer it is: who goes there
 * goes to its neighbours next.
 */
#include <string.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "api/snapshot.h"

#define NEAR 512u       /* instructions: no snapshot is closer before where the way ends */
#define NEARER 4u       /* each one's distance, to the next one's */

/* Silent on the way: what is printed was printed. */
static void begin(struct rhea *m)
{
	struct rewind *r = m->rewind;
	rewind_update_last(m);
	r->cancelled = false;
	m->input_log->live_from = r->last.insns;
	m->input_log->live_entries = r->last.entries;
	if (!m->input_log->diverged)
		m->input_log->ended = false;
	input_log_seek(m->input_log, m->input_log->next);
}

void rewind_cancel(struct rhea *m)
{
	if (m->rewind)
		m->rewind->cancelled = true;
}

static void restore(struct rhea *m, const struct point *p)
{
	struct vcpu *v = m->vcpu;
	machine_restore_snapshot(m, p->snapshot, false);
	v->entries.insns = p->at.insns;
	v->entries.n = p->at.entries;
	vcpu_forget_hit(v);
	input_log_seek(m->input_log, p->next);
}

/* What vcpu_run came back for is no reason to stop here; true when it is. */
static bool interrupted(struct rhea *m, enum vcpu_stop why)
{
	struct rhea_event ev = {0};
	switch (why) {
	case VCPU_STOP_BUDGET:
	case VCPU_STOP_HIT:
		return m->input_log->diverged;
	case VCPU_STOP_REQUEST:
		return m->rewind->cancelled || m->quit_requested || machine_handle_requests(m, &ev) || m->input_log->diverged;
	case VCPU_STOP_STOPPED:
		vcpu_stop(m->vcpu); /* whoever wants that is to see it */
		return true;
	case VCPU_STOP_HALTED:
	case VCPU_STOP_MISMATCH:
		return true;
	}
	return true;
}

/* Forward to a count of the history. */
static bool run_to(struct rhea *m, uint64_t insns)
{
	while (vcpu_insns(m->vcpu) < insns)
		if (interrupted(m, vcpu_run(m->vcpu, insns - vcpu_insns(m->vcpu))))
			return false;
	return !m->input_log->diverged;
}

/* Takes interrupts as they were taken here, up to number `to`; fewer when there were fewer. */
static bool take_entries(struct rhea *m, uint32_t to)
{
	enum vcpu_stop why;
	while ((why = vcpu_walk_entries(m->vcpu, to)) != VCPU_STOP_BUDGET)
		if (interrupted(m, why))
			return false;
	return !m->input_log->diverged;
}

static enum rhea_status failed(struct rhea *m, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_HOST, "%s", m->input_log->diverged ? m->input_log->why : "the way back was interrupted");
}

/* The last point at or before a moment. */
static unsigned find_point(const struct rewind *r, struct moment at)
{
	unsigned i = r->n - 1;
	while (i && moment_before(at, r->point[i].at))
		i--;
	return i;
}

/* Forward to `insns`, with points on the way. */
static bool approach(struct rhea *m, uint64_t insns)
{
	uint64_t now = vcpu_insns(m->vcpu);
	for (uint64_t d = (insns - now) / NEARER; now < insns && d >= NEAR; d /= NEARER) {
		if (!run_to(m, insns - d))
			return false;
		rewind_add_point(m, NULL);
	}
	return run_to(m, insns);
}

static bool go(struct rhea *m, struct moment to)
{
	restore(m, &m->rewind->point[find_point(m->rewind, to)]);
	bool ok = approach(m, to.insns) && take_entries(m, to.entries);
	input_log_seek(m->input_log, m->input_log->next);
	return ok;
}

static enum rhea_status check_history(const struct rhea *m, uint64_t insns, struct rhea_error *err)
{
	if (!m->rewind)
		return error_set(err, RHEA_ERR_USAGE, "no history is kept: there is no way back");
	if (insns < rewind_first(m) || insns > rewind_last(m))
		return error_set(err, RHEA_ERR_USAGE, "the history is of instructions %llu to %llu",
				 (unsigned long long)rewind_first(m), (unsigned long long)rewind_last(m));
	return RHEA_OK;
}

enum rhea_status rewind_to(struct rhea *m, uint64_t insns, struct rhea_error *err)
{
	enum rhea_status st = check_history(m, insns, err);
	if (st)
		return st;
	begin(m);
	return go(m, (struct moment){.insns = insns}) ? RHEA_OK : failed(m, err);
}

void rewind_return(struct rhea *m, struct moment to)
{
	begin(m);
	go(m, to);
}

/* ---- one step ---- */

/* The last moment with so many instructions: after all interrupts that were taken there. */
static bool go_to_last(struct rhea *m, uint64_t insns)
{
	return go(m, (struct moment){.insns = insns}) && take_entries(m, UINT32_MAX);
}

enum rhea_status rewind_step(struct rhea *m, bool *found, struct rhea_error *err)
{
	struct moment now = rewind_now(m);
	enum rhea_status st = check_history(m, now.insns, err);
	*found = !st && moment_before(m->rewind->point[0].at, now);
	if (st || !*found)
		return st;
	begin(m);
	bool ok = now.entries ? go(m, (struct moment){now.insns, now.entries - 1}) : go_to_last(m, now.insns - 1);
	input_log_seek(m->input_log, m->input_log->next);
	return ok ? RHEA_OK : failed(m, err);
}

/* ---- to a stop ---- */

struct search {
	unsigned owners;
	bool found;
	struct moment at; /* the last one so far */
	struct stop_hit hit;
};

static void note_hit(struct rhea *m, struct search *s)
{
	const struct stop_hit *hit = &m->vcpu->stops.last_hit;
	if (!(hit->point.owners & s->owners))
		return;
	s->found = true;
	s->hit = *hit;
	s->at = rewind_now(m);
	if (hit->point.kind != STOP_EXEC) /* the access is undone by a step back from behind it */
		s->at = (struct moment){.insns = s->at.insns + 1};
}

/* Breakpoints between the interrupts that were taken at the end's count. */
static bool search_entries(struct rhea *m, struct search *s, uint32_t end)
{
	for (uint32_t n = 0; n < end; n++) {
		if (!take_entries(m, n))
			return false;
		if (!m->vcpu->cpu->halted && vcpu_stop_before_block(m->vcpu)) {
			m->vcpu->stops.last_hit.insns = vcpu_insns(m->vcpu);
			m->vcpu->stops.last_hit.pc = m->vcpu->cpu->pc;
			note_hit(m, s);
			vcpu_forget_hit(m->vcpu);
		}
	}
	return true;
}

/* From a point to `end`, exclusive for breakpoints. */
static bool search(struct rhea *m, const struct point *p, struct moment end, struct search *s)
{
	struct vcpu *v = m->vcpu;
	restore(m, p);
	while (vcpu_insns(v) < end.insns) {
		enum vcpu_stop why = vcpu_run(v, end.insns - vcpu_insns(v));
		if (interrupted(m, why))
			return false;
		if (why == VCPU_STOP_HIT)
			note_hit(m, s);
	}
	return search_entries(m, s, end.entries);
}

enum rhea_status rewind_to_stop(struct rhea *m, unsigned owners, bool *found, struct rhea_error *err)
{
	struct moment end = rewind_now(m);
	struct search s = {.owners = owners};
	enum rhea_status st = check_history(m, end.insns, err);
	*found = false;
	if (st)
		return st;
	begin(m);
	for (unsigned i = m->rewind->n; i-- && !s.found;) {
		if (!moment_before(m->rewind->point[i].at, end))
			continue;
		if (!search(m, &m->rewind->point[i], end, &s))
			return failed(m, err);
		end = m->rewind->point[i].at;
	}
	if (!go(m, s.found ? s.at : m->rewind->point[0].at))
		return failed(m, err);
	*found = s.found;
	if (s.found && s.hit.point.kind == STOP_EXEC)
		vcpu_set_hit(m->vcpu, &s.hit);
	else if (s.found)
		m->vcpu->stops.last_hit = s.hit;
	return RHEA_OK;
}
