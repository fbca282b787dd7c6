/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time: the host's monotonic clock, or the instruction count times 2^shift ns (icount),
 * and the timers that devices set on it (device.h has their half). With icount, time also jumps
 * ahead ("warps") to the next deadline while the core waits.
 */
#ifndef RHEA_VCLOCK_H
#define RHEA_VCLOCK_H

#include "runtime/device.h"

#define VCLOCK_MAX_SHIFT 10u

struct vclock {
	bool icount;
	unsigned shift;
	uint64_t (*insns)(void *opaque); /* instructions executed so far, exact; icount only */
	/* A timer was armed before every other: the run loop may have to stop earlier. */
	void (*deadline_moved)(void *opaque);
	void *opaque;
	uint64_t warp;       /* ns added to the instruction count's time */
	uint64_t host_start; /* CLOCK_MONOTONIC when the clock was made, later by the time it stood; icount: see vclock_ahead */
	uint64_t stood_from; /* CLOCK_MONOTONIC when it was stopped; 0 = it runs */
	struct {
		uint64_t host, insns, warp; /* host: ns as virtual time has them; 0 = not yet */
	} followed; /* when the shift was last looked at (vclock_follow_host) */
	struct vtimer *timers; /* armed ones, earliest first */
	struct vtimer *all;    /* every timer that vtimer_init has seen, newest first */
	uint64_t n_armed;      /* calls of vtimer_arm: where the next timer's order comes from */
};

void vclock_init(struct vclock *c, bool icount, unsigned shift, uint64_t (*insns)(void *opaque),
		 void (*deadline_moved)(void *opaque), void *opaque);

/* CLOCK_MONOTONIC in ns. */
uint64_t host_monotonic_ns(void);

/* Deadline of the first armed timer, UINT64_MAX when there is none. */
static inline uint64_t vclock_deadline(const struct vclock *c)
{
	return c->timers ? c->timers->deadline : UINT64_MAX;
}

/* Time stands, for those who ask in the meantime too, and goes on where it stood. With icount it stands anyway. */
void vclock_stop(struct vclock *c);
void vclock_continue(struct vclock *c);

/* The timers' deadline, order and armed have been written behind the clock's back (a snapshot was restored): makes its
 * list anew. All timers that were ever initialised must still exist. */
void vclock_relink(struct vclock *c);

/* Host time: lets the clock show `ns` now. icount: it is so much when the host's time is now. */
void vclock_set_host_time(struct vclock *c, uint64_t ns);

/* icount: ns that virtual time is ahead of the host's, 0 when it is behind. */
uint64_t vclock_ahead(struct vclock *c);

/* icount: instructions take from now on as long as they lately took the host, and up to twice or half of that while virtual time is
 * behind or ahead. Does so every few milliseconds, however often it is called. Time goes on where it is. */
void vclock_follow_host(struct vclock *c);

/* Fires what is due now. */
void vclock_run_timers(struct vclock *c);

/* icount: moves time to `ns` when that lies ahead. */
void vclock_warp_to(struct vclock *c, uint64_t ns);

/* icount: instructions from now until `ns`, rounded up, at most `limit`. */
uint64_t vclock_insns_until(struct vclock *c, uint64_t ns, uint64_t limit);

#endif
