/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the chardev*.c files. A back end is two file descriptors, two queues and a row of
 * chardev_kind; descriptors are -1 when there is nothing at that end. Back ends are only freed
 * by chardev_set_free or by opening the same port again, so polling may keep pointers.
 */
#ifndef RHEA_HOST_CHARDEV_INTERNAL_H
#define RHEA_HOST_CHARDEV_INTERNAL_H

#include <termios.h>

#include "host/chardev.h"
#include "host/queue.h"

#define CHARDEV_OUT_LIMIT ((size_t)1 << 20)   /* queued output of one port */
#define CHARDEV_IN_LIMIT ((size_t)4096)       /* input read ahead of the guest: back pressure beyond */
#define CHARDEV_CONSOLE_LIMIT ((size_t)65536) /* the same on a console, which must read on for Ctrl-A */
#define CHARDEV_STUCK_MS 2000                 /* a peer that takes nothing for so long is stuck */
#define CHARDEV_PTY_CHECK_NS UINT64_C(200000000)

struct chardev_backend;
struct mux;

/* What the parts of the table of specs can do. */
struct chardev_kind {
	const char *name;
	bool takes_arg;  /* "name:ARG"; otherwise just "name" */
	bool has_input;  /* "mon:" makes sense */
	enum rhea_status (*open)(struct chardev_backend *b, const char *arg, struct rhea_error *err);
	void (*hangup)(struct chardev_backend *b); /* the peer went away; closes or parks descriptors */
	void (*close)(struct chardev_backend *b);  /* beyond closing descriptors; may be NULL */
};

struct chardev_backend {
	struct chardev_backend *next;
	struct chardev_set *set;
	struct chardev *front;
	const struct chardev_kind *kind; /* NULL: callback */
	struct mux *mux;                 /* NULL without "mon:" */
	struct byte_queue in, out;
	unsigned port;
	int watch_listen, watch_in, watch_out; /* in the poll set, -1 = not in this wait */
	char *label;                     /* the spec, for messages */

	int in_fd, out_fd, listen_fd;    /* in_fd == out_fd for pty and sockets */
	bool is_socket;                  /* out_fd wants send() */
	bool out_blocking;               /* out_fd could not be made non-blocking: ask poll() first */
	bool in_tty;                     /* in_fd is a terminal of ours in raw mode */
	bool crlf;                       /* the monitor must send its own carriage returns */
	bool stuck, complained, delivering;
	bool break_waits;                /* for the guest to take break_behind bytes of `in`, and then it; one at a time */
	size_t break_behind;

	bool pty_idle;                   /* nobody has the other side open */
	uint64_t pty_next_check;         /* ns, CLOCK_MONOTONIC */
	bool restore_termios, nodelay;
	struct termios saved_termios;
	char *unlink_path;               /* unix server: remove at the end */

	void (*cb_write)(void *opaque, const uint8_t *buf, size_t len);
	void *cb_opaque;
};

struct chardev_set {
	struct chardev_set_owner owner;
	struct chardev_backend *backends;
	struct chardev_backend *console; /* the one with the monitor */
	struct poll_set *polls;
	struct pollable pollable;
	unsigned n_opened;
};

/* chardev.c */
uint64_t chardev_clock_ns(void);
void chardev_close_fds(struct chardev_backend *b);
void chardev_queue_input(struct chardev_backend *b, const uint8_t *buf, size_t n);
void chardev_queue_break(struct chardev_backend *b); /* behind what is queued */
void chardev_deliver(struct chardev_backend *b);
void chardev_gone(struct chardev_backend *b); /* the front end hears the last bytes, and that the peer went */

/* chardev-output.c */
void chardev_output(struct chardev_backend *b, const uint8_t *buf, size_t n);
void chardev_output_flush(struct chardev_backend *b);                  /* as far as it goes now */
void chardev_output_drain(struct chardev_backend *b);                  /* waits, bounded */
void chardev_complain(struct chardev_backend *b, const char *reason); /* once */

/* chardev-stdio.c, chardev-pty.c, chardev-socket.c: one open per kind, and what their hangup needs */
enum rhea_status chardev_stdio_open(struct chardev_backend *b, const char *arg, struct rhea_error *err);
void chardev_stdio_hangup(struct chardev_backend *b);
void chardev_stdio_close(struct chardev_backend *b);
enum rhea_status chardev_file_open(struct chardev_backend *b, const char *arg, struct rhea_error *err);
enum rhea_status chardev_pty_open(struct chardev_backend *b, const char *arg, struct rhea_error *err);
void chardev_pty_hangup(struct chardev_backend *b);
void chardev_pty_check(struct chardev_backend *b); /* notices a new reader, at most every 200 ms */
enum rhea_status chardev_tcp_open(struct chardev_backend *b, const char *arg, struct rhea_error *err);
enum rhea_status chardev_unix_open(struct chardev_backend *b, const char *arg, struct rhea_error *err);
void chardev_socket_hangup(struct chardev_backend *b);
void chardev_socket_close(struct chardev_backend *b);
void chardev_socket_accept(struct chardev_backend *b);

/* chardev-mux.c */
struct mux *mux_new(struct chardev_backend *b);
void mux_free(struct mux *m);
void mux_input(struct mux *m, const uint8_t *buf, size_t n);        /* from the terminal */
void mux_guest_output(struct mux *m, const uint8_t *buf, size_t n); /* adds time stamps */
void mux_print(struct mux *m, const char *text);

#endif
