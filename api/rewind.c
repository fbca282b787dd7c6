/* SPDX-License-Identifier: Apache-2.0 */
/* The history (rewind.h): a list of snapshots, oldest first, each with its place in the input log. rewind_go.c goes there. */
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "api/snapshot.h"

#define DEFAULT_INTERVAL 4000000u
#define FEW_POINTS 8u /* fewer are not thinned out: the first one goes */

struct moment rewind_now(const struct rhea *m)
{
	return (struct moment){vcpu_insns(m->vcpu), vcpu_entries(m->vcpu)};
}

void rewind_update_last(struct rhea *m)
{
	struct moment now = rewind_now(m);
	if (moment_before(m->rewind->last, now))
		m->rewind->last = now;
}

uint64_t rewind_first(const struct rhea *m)
{
	return m->rewind ? m->rewind->point[0].at.insns : vcpu_insns(m->vcpu);
}

uint64_t rewind_last(const struct rhea *m)
{
	return m->rewind ? MAX(m->rewind->last.insns, vcpu_insns(m->vcpu)) : vcpu_insns(m->vcpu);
}

uint64_t rewind_memory(const struct rhea *m)
{
	return m->rewind ? versions_bytes(m->snapshots.versions) + m->input_log->bytes + m->rewind->n * (uint64_t)m->snapshots.parts.packed : 0;
}

/* ---- the list ---- */

static void remove_points(struct rhea *m, unsigned i, unsigned n)
{
	struct rewind *r = m->rewind;
	for (unsigned k = i; k < i + n; k++)
		rhea_snapshot_free(m, r->point[k].snapshot);
	memmove(&r->point[i], &r->point[i + n], (r->n - i - n) * sizeof *r->point);
	r->n -= n;
}

/* The history begins at the second point. Events of a file stay: they are its. */
static void drop_first(struct rhea *m)
{
	struct rewind *r = m->rewind;
	remove_points(m, 0, 1);
	size_t n = r->point[0].next;
	if (m->input_log->ends || m->input_log->sink)
		return;
	input_log_drop(m->input_log, n);
	for (unsigned i = 0; i < r->n; i++)
		r->point[i].next -= n;
}

/* How much longer the way gets without point i, against how far it is from here: what is far away may lie far apart. */
static double loss(const struct rewind *r, unsigned i, uint64_t now)
{
	uint64_t at = r->point[i].at.insns;
	return (double)(r->point[i + 1].at.insns - r->point[i - 1].at.insns) / (double)((at > now ? at - now : now - at) + 1);
}

/* Never the first or the last one. */
static void thin_out(struct rhea *m)
{
	struct rewind *r = m->rewind;
	uint64_t now = vcpu_insns(m->vcpu);
	unsigned least = 1;
	for (unsigned i = 2; i + 1 < r->n; i++)
		if (loss(r, i, now) < loss(r, least, now))
			least = i;
	remove_points(m, least, 1);
}

/* Where the machine is stays part of the history. */
static void keep_limits(struct rhea *m)
{
	struct rewind *r = m->rewind;
	while (r->n > 1 && rewind_memory(m) > r->limit)
		if (r->n > FEW_POINTS)
			thin_out(m);
		else if (!moment_before(rewind_now(m), r->point[1].at))
			drop_first(m);
		else
			break;
}

/* In the middle of an instruction, or of a replayed debugger's step, there is more to a moment than its state. */
static bool can_keep(const struct vcpu *v)
{
	return !v->hold_once && !(v->n_io && v->io_insn == vcpu_insns(v)) && !(v->stops.hit && v->stops.last_hit.point.kind != STOP_EXEC);
}

bool rewind_add_point(struct rhea *m, struct rhea_error *err)
{
	struct rewind *r = m->rewind;
	struct point p = {.at = rewind_now(m), .next = m->input_log->next};
	if (!can_keep(m->vcpu))
		return false;
	if (r->n == REWIND_MAX_POINTS)
		thin_out(m);
	unsigned i = r->n;
	while (i && moment_before(p.at, r->point[i - 1].at))
		i--;
	if (i && !moment_before(r->point[i - 1].at, p.at))
		return true;
	p.snapshot = machine_take_snapshot(m, err);
	if (!p.snapshot)
		return false;
	memmove(&r->point[i + 1], &r->point[i], (r->n - i) * sizeof p);
	r->point[i] = p;
	r->n++;
	keep_limits(m);
	return true;
}

/* ---- beginning and end ---- */

enum rhea_status rewind_start(struct rhea *m, uint64_t interval, uint64_t memory, struct rhea_error *err)
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
	error_set(err, RHEA_ERR_HOST, "out of host memory");
	if (m->rewind) {
		*m->rewind = (struct rewind){.interval = interval ? interval : DEFAULT_INTERVAL,
					     .limit = memory ? memory : REWIND_MEMORY, .last = rewind_now(m), .own_log = !logs};
		if (rewind_add_point(m, err))
			return RHEA_OK;
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
	remove_points(m, 0, r->n);
	if (r->own_log)
		input_log_stop(m);
	m->rewind = NULL;
	free(r);
}

void rewind_yield(struct rhea *m)
{
	if (m->rewind && m->rewind->own_log)
		rewind_stop(m);
}

bool rewind_cut(struct rhea *m)
{
	struct rewind *r = m->rewind;
	if (!r || m->input_log->ends || m->input_log->sink)
		return false;
	r->last = rewind_now(m);
	unsigned n = 0;
	while (n < r->n && !moment_before(r->last, r->point[n].at))
		n++;
	remove_points(m, n, r->n - n);
	input_log_cut(m->input_log);
	return true;
}

/* ---- as the machine runs ---- */

uint64_t rewind_distance(const struct rhea *m)
{
	const struct rewind *r = m->rewind;
	if (!r)
		return UINT64_MAX;
	uint64_t at = r->point[r->n - 1].at.insns + r->interval, now = vcpu_insns(m->vcpu);
	return at > now ? at - now : 1;
}

void rewind_note(struct rhea *m)
{
	struct rewind *r = m->rewind;
	if (!r)
		return;
	rewind_update_last(m);
	if (vcpu_insns(m->vcpu) >= r->point[r->n - 1].at.insns + r->interval)
		rewind_add_point(m, NULL);
}
