/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back in time, under -icount: snapshots in memory now and then, input logged (input_log.h), and exact execution again from the
 * snapshot before. A place in the past is a struct moment: what a debugger sees between two steps.
 *
 * In the past the machine replays: it takes no new input and says nothing that it has said, until it has come to where
 * it had been. All of this between two rhea_run, or where the run loop has stopped for a debugger.
 */
#ifndef RHEA_REWIND_H
#define RHEA_REWIND_H

#include "api/machine.h"

/* So many instructions were executed, and then, before the next one, so many interrupts taken. */
struct moment {
	uint64_t insns;
	uint32_t entries;
};

#define REWIND_MAX_POINTS 128u
#define REWIND_MEMORY (UINT64_C(512) << 20) /* bytes, beside a copy of what memory held at the beginning */

struct point {
	struct rhea_snapshot *snapshot;
	struct moment at;
	size_t next; /* event of the log */
};

/* Private to rewind*.c. */
struct rewind {
	uint64_t interval, limit;
	struct moment last;
	bool own_log;   /* it began with the history, and ends with it */
	bool cancelled; /* somebody wants the way to end where it is */
	unsigned n;
	struct point point[REWIND_MAX_POINTS]; /* in order */
};

/* Begins to keep history, from here; `interval` instructions between snapshots (0 = the usual). There are at most so many of
 * them, and they take at most `memory` bytes (0 = the usual): old ones are thinned out, and if that does not do, the
 * history begins later. */
enum rhea_status rewind_start(struct rhea *m, uint64_t interval, uint64_t memory, struct rhea_error *err);
/* No-op without. In the past: the machine is live from here, as after rewind_cut. */
void rewind_stop(struct rhea *m);

/* The first and the last instruction count of the history. */
uint64_t rewind_first(const struct rhea *m);
uint64_t rewind_last(const struct rhea *m);
/* Bytes that it takes. */
uint64_t rewind_memory(const struct rhea *m);

/* What was to come after this moment does not; the machine is live. False: it is recorded or replayed, and cannot go another way. */
bool rewind_cut(struct rhea *m);

/* Ends a way that is under way, from a callback. */
void rewind_cancel(struct rhea *m);

/*
 * Three ways. Errors: RHEA_ERR_USAGE: there is no history, or it does not reach so far; RHEA_ERR_HOST: cancelled, or it came out
 * otherwise than the first time (m->input_log->ended). The machine is then at some other moment of its history.
 */
/* To where `insns` instructions were executed, before any interrupt is taken there. */
enum rhea_status rewind_to(struct rhea *m, uint64_t insns, struct rhea_error *err);
/* By one instruction, or one interrupt taken. *found is false, and nothing happens, where the history begins. */
enum rhea_status rewind_step(struct rhea *m, bool *found, struct rhea_error *err);
/*
 * To the last moment before this one at which one of the owners' stops is met (runtime/stops.h), which is then the vCPU's last_hit: a
 * breakpoint before its instruction; a watchpoint behind the access, where a step back undoes it, and also when that is here.
 * When there is none: to where the history begins, and *found is false.
 */
enum rhea_status rewind_to_stop(struct rhea *m, unsigned owners, bool *found, struct rhea_error *err);

/* To a moment that the machine was at; no error when it does not come so far. */
void rewind_return(struct rhea *m, struct moment to);
/* Ends a history that keeps a log of its own: somebody else needs a log, or takes the machine elsewhere. */
void rewind_yield(struct rhea *m);

/* run.c: instructions to the next snapshot, UINT64_MAX when there is none to come; and one may be due. */
uint64_t rewind_distance(const struct rhea *m);
void rewind_note(struct rhea *m);

/* ---- between rewind.c and rewind_go.c ---- */

static inline bool moment_before(struct moment a, struct moment b)
{
	return a.insns != b.insns ? a.insns < b.insns : a.entries < b.entries;
}
struct moment rewind_now(const struct rhea *m);
/* A snapshot of now, if there is none. False: none can be kept; the way back is longer. */
bool rewind_add_point(struct rhea *m, struct rhea_error *err);
void rewind_update_last(struct rhea *m);

#endif
