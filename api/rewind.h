/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back in time, under -icount: snapshots in memory now and then, input logged (input_log.h), and exact execution again from the
 * snapshot before. Who debugs asks for an instruction count; count N is the state when N instructions were executed and the next
 * one has not begun.
 *
 * In the past the machine replays: it takes no new input and says nothing that it has said, until it has come to where
 * it had been. All of this between two rhea_run, or where the run loop has stopped for a debugger.
 */
#ifndef RHEA_REWIND_H
#define RHEA_REWIND_H

#include "api/machine.h"

struct rewind;

/* Begins to keep history, from here; `interval` instructions between snapshots at first (0 = the usual). Old ones are
 * thinned out, so that memory stays bounded and any way back is possible. */
enum rhea_status rewind_start(struct rhea *m, uint64_t interval, struct rhea_error *err);
void rewind_stop(struct rhea *m); /* no-op without */

/* The first and the last instruction count of the history. */
uint64_t rewind_first(const struct rhea *m);
uint64_t rewind_last(const struct rhea *m);

/* Goes to count `insns`. RHEA_ERR_USAGE: there is no history, or it does not reach so far; RHEA_ERR_HOST: it was interrupted, or
 * came out otherwise than the first time. The machine is then at some other count of its history. */
enum rhea_status rewind_to(struct rhea *m, uint64_t insns, struct rhea_error *err);

/*
 * Goes to the last count before the present one at which `run` stops. `run` executes forward, as a debugger's "continue"
 * does, to count `until` at most, and returns true when it stopped for a reason of its own (a breakpoint) before; it is called
 * again and again from what it left, so it must get off a breakpoint that it stands on. When it stops nowhere in the
 * history: goes to its beginning, and *found is false.
 */
enum rhea_status rewind_to_stop(struct rhea *m, bool (*run)(void *opaque, uint64_t until), void *opaque, bool *found,
				struct rhea_error *err);

/* run.c: instructions to the next snapshot, UINT64_MAX when there is none to come; and one may be due. */
uint64_t rewind_distance(const struct rhea *m);
void rewind_note(struct rhea *m);

#endif
