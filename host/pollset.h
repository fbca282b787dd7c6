/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a machine waits for the host: everything with descriptors or deadlines of its own
 * (serial ports, network) is a pollable in the machine's poll set. Used from the machine's thread
 * only, poll_set_wake excepted. Pollables come and go between two waits, never during one.
 */
#ifndef RHEA_HOST_POLLSET_H
#define RHEA_HOST_POLLSET_H

#include <poll.h>

#include "base/base.h"

#define POLL_FOREVER UINT64_MAX

struct poll_set;

/* One participant; embedded in its owner. */
struct pollable {
	/* Before the wait: hands over what is there already, names descriptors, shortens the wait. */
	void (*prepare)(void *opaque, struct poll_set *set);
	/* After the wait, whatever ended it. */
	void (*handle)(void *opaque, const struct poll_set *set);
	bool (*can_input)(void *opaque); /* could it still bring input to a guest that waits? */
	void *opaque;
	struct pollable *next; /* the set's own */
};

/* NULL when the host refuses an eventfd or memory. */
struct poll_set *poll_set_new(void);
void poll_set_free(struct poll_set *set); /* NULL is allowed; the pollables stay their owners' */
void poll_set_add(struct poll_set *set, struct pollable *p);
void poll_set_remove(struct poll_set *set, struct pollable *p); /* one that is not in it is fine */

/* ---- inside prepare and handle ---- */

/* Waits for `events` (POLLIN, ...) on fd too; the number to ask poll_set_ready with, or -1 (host out of memory). */
int poll_set_watch(struct poll_set *set, int fd, short events);
/* Waits no longer than `ns`. */
void poll_set_limit(struct poll_set *set, uint64_t ns);
/* The time that the wait may take so far. */
uint64_t poll_set_timeout(const struct poll_set *set);
/* The events that came; 0 for none and for watch -1. */
short poll_set_ready(const struct poll_set *set, int watch);
/* The wait failed (not: timed out, not: interrupted); no descriptor counts as ready. */
bool poll_set_failed(const struct poll_set *set);

/* ---- for the machine ---- */

/*
 * Serves all pollables, waiting up to timeout_ns for something to happen (0 = do not block). Returns
 * early on activity, a signal, or poll_set_wake; may return early without a reason.
 */
void poll_set_wait(struct poll_set *set, uint64_t timeout_ns);

/* Ends the current or the next wait. From any thread or signal handler. */
void poll_set_wake(struct poll_set *set);

/* True when a pollable could still bring input to a guest that waits. */
bool poll_set_can_input(const struct poll_set *set);

/* Waits for events on one descriptor, serving nothing else; up to timeout_ms (-1 = forever). 1 when they came, 0 on
 * time-out, -1 after a signal or poll_set_wake, which stays pending. */
int poll_set_wait_fd(const struct poll_set *set, int fd, short events, int timeout_ms);

#endif
