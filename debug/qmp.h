/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine protocol (-qmp): one JSON object in, one out, and events in between, as scripts written for QEMU expect. The
 * front end of a character back end; used on the machine's thread only. Whatever a client sends gets an answer or is
 * ignored; it never holds the guest.
 */
#ifndef RHEA_QMP_H
#define RHEA_QMP_H

#include "debug/monitor.h"
#include "runtime/device.h"

struct qmp;

enum qmp_event { QMP_STOP, QMP_RESUME, QMP_RESET, QMP_SHUTDOWN, QMP_POWERDOWN };

struct qmp_owner {
	void *opaque;
	struct monitor_target (*target)(void *opaque); /* as it is now */
	void (*monitor)(void *opaque, const char *line, void (*print)(void *ctx, const char *text), void *ctx);
	const char *version;                           /* "0.1.0" */
};

/* `chr` stays the caller's and outlives it. NULL: no host memory. */
struct qmp *qmp_new(const struct qmp_owner *owner, struct chardev *chr);
void qmp_free(struct qmp *q); /* NULL is allowed */

/* Told to the client, if there is one that has ended its greeting. `guest`: the guest asked for it. */
void qmp_event(struct qmp *q, enum qmp_event what, bool guest);

#endif
