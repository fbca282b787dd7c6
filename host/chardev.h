/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's ends of a machine's serial ports: terminal, pty, file, socket, callback, and the
 * multiplexed console with its monitor. All back ends of one machine form a set; a set is used
 * from the machine's thread only, and served by its poll set. Nothing here stops the guest for
 * long: a peer that does not read loses output after a bounded wait.
 * The process should ignore SIGPIPE when its standard output may be a pipe.
 */
#ifndef RHEA_HOST_CHARDEV_H
#define RHEA_HOST_CHARDEV_H

#include "host/pollset.h"
#include "runtime/device.h"

struct chardev_set;

/* Whom the console speaks to. All callbacks may be NULL and are called inside poll_set_wait. */
struct chardev_set_owner {
	void *opaque;
	void (*monitor_line)(void *opaque, const char *line); /* answer with chardev_set_monitor_print */
	const char *(*monitor_complete)(void *opaque, const char *line, unsigned i); /* as line_editor.complete */
	void (*quit)(void *opaque);                           /* Ctrl-A X */
	unsigned (*port)(void *opaque, const struct chardev *c); /* its number, for messages; NULL = order of opening */
};

/* The number of what is no serial port. */
#define CHARDEV_NO_PORT UINT32_MAX

/* An empty set, served by `polls`, which must outlive it; *owner is copied. NULL when the host has no memory. */
struct chardev_set *chardev_set_new(struct poll_set *polls, const struct chardev_set_owner *owner);

/* Writes out what is queued (bounded), restores the terminal, closes everything. NULL is allowed. */
void chardev_set_free(struct chardev_set *set);

/*
 * Gives `c` the back end that `spec` names, in place of the one it had. Specs: stdio, pty, null, none,
 * vc, file:PATH, tcp:HOST:PORT[,server][,wait=off][,nodelay], unix:PATH[,server][,wait=off]; "mon:"
 * in front of stdio, pty, tcp or unix adds the monitor. A server waits here for its client unless wait=off.
 */
enum rhea_status chardev_set_open(struct chardev_set *set, struct chardev *c, const char *spec,
				  struct rhea_error *err);

/* Takes the back end of `c` away, if it has one. */
void chardev_set_close(struct chardev_set *set, const struct chardev *c);

/* Output of `c` goes to `write`. False when the host has no memory. */
bool chardev_set_callback(struct chardev_set *set, struct chardev *c,
			  void (*write)(void *opaque, const uint8_t *buf, size_t len), void *opaque);

/* Queues input for `c`, which must have a callback back end; false when it has not or memory is out. */
bool chardev_set_input(struct chardev_set *set, struct chardev *c, const uint8_t *buf, size_t n);

/* Prints on the console that has the monitor; stderr when none has. */
void chardev_set_monitor_print(struct chardev_set *set, const char *text);

#endif
