/* SPDX-License-Identifier: Apache-2.0 */
/* Back in time (rewind.h): a list of snapshots, oldest first, each with its place in the input log. */
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "api/snapshot.h"

#define DEFAULT_INTERVAL 1000000u
#define MAX_POINTS 128u

struct point {
	struct rhea_snapshot *snapshot;
	uint64_t insns;
	size_t next; /* event of the log */
};

struct rewind {
	uint64_t interval, last;
	unsigned n;
	struct point point[MAX_POINTS];
};

static void update_last(struct rhea *m)
{
	m->rewind->last = MAX(m->rewind->last, vcpu_insns(m->vcpu));
}

uint64_t rewind_first(const struct rhea *m)
{
	return m->rewind ? m->rewind->point[0].insns : vcpu_insns(m->vcpu);
}

uint64_t rewind_last(const struct rhea *m)
{
	return m->rewind ? MAX(m->rewind->last, vcpu_insns(m->vcpu)) : vcpu_insns(m->vcpu);
}

/* Every second one goes, but the first and the last; the next ones come half as often. */
static void thin_out(struct rhea *m, struct rewind *r)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < r->n; i++)
		if (i % 2 == 0 || i == r->n - 1)
			r->point[kept++] = r->point[i];
		else
			rhea_snapshot_free(m, r->point[i].snapshot);
	r->n = kept;
	r->interval *= 2;
}

static bool add_point(struct rhea *m, struct rhea_error *err)
{
	struct rewind *r = m->rewind;
	if (r->n == MAX_POINTS)
		thin_out(m, r);
	struct rhea_snapshot *s = machine_take_snapshot(m, err);
	if (s)
		r->point[r->n++] = (struct point){s, vcpu_insns(m->vcpu), m->input_log->next};
	return s != NULL;
}

enum rhea_status rewind_start(struct rhea *m, uint64_t interval, struct rhea_error *err)
{
	struct rhea_error own;
	err = err ? err : &own;
	if (m->rewind)
		return RHEA_OK;
	bool logs = m->input_log != NULL;
	enum rhea_status st = logs ? RHEA_OK : input_log_start(m, err);
	if (st)
		return st;
	m->rewind = calloc(1, sizeof *m->rewind);
	if (m->rewind) {
		m->rewind->interval = interval ? interval : DEFAULT_INTERVAL;
		if (add_point(m, err))
			return RHEA_OK;
	} else {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
	}
	free(m->rewind);
	m->rewind = NULL;
	if (!logs)
		input_log_stop(m);
	return err->status;
}

void rewind_stop(struct rhea *m)
{
	struct rewind *r = m->rewind;
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++)
		rhea_snapshot_free(m, r->point[i].snapshot);
	free(r);
	m->rewind = NULL;
}

uint64_t rewind_distance(const struct rhea *m)
{
	const struct rewind *r = m->rewind;
	if (!r)
		return UINT64_MAX;
	uint64_t at = r->point[r->n - 1].insns + r->interval, now = vcpu_insns(m->vcpu);
	return at > now ? at - now : 1;
}

/* One that cannot be kept only makes the way back longer. */
void rewind_note(struct rhea *m)
{
	struct rewind *r = m->rewind;
	if (!r)
		return;
	update_last(m);
	if (vcpu_insns(m->vcpu) >= r->point[r->n - 1].insns + r->interval)
		add_point(m, NULL);
}

/* ---- going ---- */

static void restore(struct rhea *m, const struct point *p)
{
	machine_restore_snapshot(m, p->snapshot, false);
	input_log_seek(m->input_log, p->next);
}

/* Forward to a count of the history. */
static bool run_to(struct rhea *m, uint64_t insns)
{
	struct rhea_event ev = {0};
	while (vcpu_insns(m->vcpu) < insns && !m->input_log->ended)
		switch (vcpu_run(m->vcpu, insns - vcpu_insns(m->vcpu))) {
		case VCPU_STOP_BUDGET: break;
		case VCPU_STOP_HIT: vcpu_step(m->vcpu); break; /* a stop of a debugger's on the way */
		case VCPU_STOP_REQUEST: machine_handle_requests(m, &ev); break;
		case VCPU_STOP_STOPPED:
		case VCPU_STOP_HALTED:
		case VCPU_STOP_MISMATCH: return false;
		}
	return !m->input_log->ended;
}

static enum rhea_status failed(struct rhea *m, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_HOST, "%s", m->input_log->ended ? m->input_log->why : "the way back was interrupted");
}

/* The last point at or before a count. */
static unsigned find_point(const struct rewind *r, uint64_t insns)
{
	unsigned i = r->n - 1;
	while (i && r->point[i].insns > insns)
		i--;
	return i;
}

/* Counts are silent on the way: what is printed was printed. */
static void begin(struct rhea *m)
{
	update_last(m);
	m->input_log->live_from = m->rewind->last;
	m->input_log->keeper.muted = true;
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
	restore(m, &m->rewind->point[find_point(m->rewind, insns)]);
	bool ok = run_to(m, insns);
	input_log_seek(m->input_log, m->input_log->next);
	return ok ? RHEA_OK : failed(m, err);
}

/* The last stop in (point i, end); UINT64_MAX when there is none. */
static uint64_t last_stop(struct rhea *m, unsigned i, uint64_t end, bool (*run)(void *opaque, uint64_t until), void *opaque)
{
	uint64_t last = UINT64_MAX;
	restore(m, &m->rewind->point[i]);
	while (run(opaque, end) && vcpu_insns(m->vcpu) < end)
		last = vcpu_insns(m->vcpu);
	return last;
}

enum rhea_status rewind_to_stop(struct rhea *m, bool (*run)(void *opaque, uint64_t until), void *opaque, bool *found,
				struct rhea_error *err)
{
	uint64_t end = vcpu_insns(m->vcpu), at = UINT64_MAX;
	*found = false;
	enum rhea_status st = check_history(m, end, err);
	if (st)
		return st;
	begin(m);
	for (unsigned i = find_point(m->rewind, end ? end - 1 : 0);; i--) {
		at = last_stop(m, i, end, run, opaque);
		if (m->input_log->ended)
			return failed(m, err);
		if (at != UINT64_MAX || !i)
			break;
		end = m->rewind->point[i].insns + 1; /* a stop at the very point counts, too */
	}
	*found = at != UINT64_MAX;
	return rewind_to(m, *found ? at : rewind_first(m), err);
}
