/* SPDX-License-Identifier: Apache-2.0 */
/* The set of back ends: opening by spec, input queues, and the poll loop that serves them all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/chardev-internal.h"

static enum rhea_status open_nothing(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	(void)b, (void)arg, (void)err;
	return RHEA_OK;
}

static void hangup_nothing(struct chardev_backend *b)
{
	chardev_close_fds(b);
}

static const struct chardev_kind kinds[] = {
	{"stdio", false, true, chardev_stdio_open, chardev_stdio_hangup, chardev_stdio_close},
	{"pty", false, true, chardev_pty_open, chardev_pty_hangup, NULL},
	{"null", false, false, open_nothing, hangup_nothing, NULL},
	{"none", false, false, open_nothing, hangup_nothing, NULL},
	{"vc", false, false, open_nothing, hangup_nothing, NULL}, /* no display: as null */
	{"file", true, false, chardev_file_open, hangup_nothing, NULL},
	{"tcp", true, true, chardev_tcp_open, chardev_socket_hangup, chardev_socket_close},
	{"unix", true, true, chardev_unix_open, chardev_socket_hangup, chardev_socket_close},
};

uint64_t chardev_clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void chardev_close_fds(struct chardev_backend *b)
{
	if (b->out_fd >= 0 && b->out_fd != b->in_fd)
		close(b->out_fd);
	if (b->in_fd >= 0)
		close(b->in_fd);
	b->in_fd = b->out_fd = -1;
	byte_queue_free(&b->out);
}

/* ---- making and unmaking ---- */

static void set_prepare(void *opaque, struct poll_set *polls);
static void set_handle(void *opaque, const struct poll_set *polls);
static bool set_can_input(void *opaque);

struct chardev_set *chardev_set_new(struct poll_set *polls, const struct chardev_set_owner *owner)
{
	struct chardev_set *set = calloc(1, sizeof *set);
	if (!set)
		return NULL;
	if (owner)
		set->owner = *owner;
	set->polls = polls;
	set->pollable = (struct pollable){set_prepare, set_handle, set_can_input, set, NULL};
	poll_set_add(polls, &set->pollable);
	return set;
}

static void backend_free(struct chardev_backend *b)
{
	chardev_output_drain(b);
	if (b->kind && b->kind->close)
		b->kind->close(b);
	chardev_close_fds(b);
	if (b->set->console == b)
		b->set->console = NULL;
	if (b->front->backend == b) {
		b->front->backend = NULL;
		b->front->write = NULL;
		b->front->accept_input = NULL;
	}
	mux_free(b->mux);
	byte_queue_free(&b->in);
	byte_queue_free(&b->out);
	free(b->label);
	free(b->unlink_path);
	free(b);
}

static void backend_remove(struct chardev_set *set, const struct chardev *c)
{
	for (struct chardev_backend **p = &set->backends; *p; p = &(*p)->next) {
		if ((*p)->front != c)
			continue;
		struct chardev_backend *b = *p;
		*p = b->next;
		backend_free(b);
		return;
	}
}

void chardev_set_free(struct chardev_set *set)
{
	if (!set)
		return;
	while (set->backends)
		backend_remove(set, set->backends->front);
	poll_set_remove(set->polls, &set->pollable);
	free(set);
}

void chardev_set_close(struct chardev_set *set, const struct chardev *c)
{
	backend_remove(set, c);
}

static struct chardev_backend *backend_new(struct chardev_set *set, struct chardev *c, const char *label)
{
	struct chardev_backend *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->set = set;
	b->front = c;
	b->label = strdup(label);
	b->port = set->owner.port ? set->owner.port(set->owner.opaque, c) : set->n_opened;
	b->in_fd = b->out_fd = b->listen_fd = -1;
	b->watch_in = b->watch_out = b->watch_listen = -1;
	b->in.limit = CHARDEV_IN_LIMIT;
	b->out.limit = CHARDEV_OUT_LIMIT;
	if (b->label)
		return b;
	free(b);
	return NULL;
}

static void front_write(struct chardev *c, const uint8_t *buf, unsigned n)
{
	struct chardev_backend *b = c->backend;
	if (b->cb_write)
		b->cb_write(b->cb_opaque, buf, n);
	else if (b->mux)
		mux_guest_output(b->mux, buf, n);
	else
		chardev_output(b, buf, n);
}

static void front_accept_input(struct chardev *c)
{
	chardev_deliver(c->backend);
}

/* Links a back end that is ready to its port. */
static void backend_attach(struct chardev_backend *b)
{
	struct chardev_set *set = b->set;
	b->next = set->backends;
	set->backends = b;
	set->n_opened++;
	b->front->backend = b;
	b->front->write = front_write;
	b->front->accept_input = front_accept_input;
	if (b->in_fd >= 0 && !b->pty_idle)
		chardev_connected(b->front, true);
}

/* ---- specs ---- */

static const struct chardev_kind *kind_find(const char *spec, const char **arg)
{
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t n = strlen(kinds[i].name);
		if (strncmp(spec, kinds[i].name, n) != 0)
			continue;
		*arg = spec + n;
		if (kinds[i].takes_arg ? **arg == ':' : **arg == '\0') {
			*arg += kinds[i].takes_arg;
			return &kinds[i];
		}
	}
	*arg = "";
	return strncmp(spec, "vc:", 3) == 0 ? kind_find("vc", arg) : NULL;
}

static bool stdio_in_use(const struct chardev_set *set)
{
	for (const struct chardev_backend *b = set->backends; b; b = b->next)
		if (b->kind && b->kind->open == chardev_stdio_open)
			return true;
	return false;
}

static enum rhea_status spec_check(const struct chardev_set *set, const char *spec, const struct chardev_kind *kind,
				   bool console, struct rhea_error *err)
{
	if (!kind)
		return error_set(err, RHEA_ERR_USAGE,
				 "'%s' names no serial back end (stdio, mon:stdio, null, none, pty, file:PATH, "
				 "tcp:HOST:PORT[,server=on][,wait=off], unix:PATH[,server=on][,wait=off])", spec);
	if (console && !kind->has_input)
		return error_set(err, RHEA_ERR_USAGE, "'%s': mon: needs a back end with input, as mon:stdio", spec);
	if (console && set->console)
		return error_set(err, RHEA_ERR_USAGE, "'%s': another serial port has the monitor already", spec);
	if (kind->open == chardev_stdio_open && stdio_in_use(set))
		return error_set(err, RHEA_ERR_USAGE, "'%s': another serial port uses standard input and output already",
				 spec);
	return RHEA_OK;
}

enum rhea_status chardev_set_open(struct chardev_set *set, struct chardev *c, const char *spec,
				  struct rhea_error *err)
{
	bool console = strncmp(spec, "mon:", 4) == 0;
	const char *arg;
	const struct chardev_kind *kind = kind_find(spec + (console ? 4 : 0), &arg);

	backend_remove(set, c);
	enum rhea_status st = spec_check(set, spec, kind, console, err);
	if (st)
		return st;
	struct chardev_backend *b = backend_new(set, c, spec);
	if (!b)
		return error_set(err, RHEA_ERR_HOST, "'%s': out of memory", spec);
	b->kind = kind;
	if (console) {
		b->mux = mux_new(b);
		b->in.limit = CHARDEV_CONSOLE_LIMIT;
		if (!b->mux)
			st = error_set(err, RHEA_ERR_HOST, "'%s': out of memory", spec);
	}
	if (!st)
		st = kind->open(b, arg, err);
	if (st) {
		backend_free(b);
		return st;
	}
	if (console)
		set->console = b;
	backend_attach(b);
	return RHEA_OK;
}

bool chardev_set_callback(struct chardev_set *set, struct chardev *c,
			  void (*write)(void *opaque, const uint8_t *buf, size_t len), void *opaque)
{
	backend_remove(set, c);
	struct chardev_backend *b = backend_new(set, c, "callback");
	if (!b)
		return false;
	b->cb_write = write;
	b->cb_opaque = opaque;
	b->in.limit = SIZE_MAX / 4;
	backend_attach(b);
	return true;
}

/* ---- input ---- */

void chardev_deliver(struct chardev_backend *b)
{
	uint8_t buf[256];
	if (b->delivering) /* receive() may drain its FIFO and come back here */
		return;
	b->delivering = true;
	while (b->in.len || b->break_waits) {
		size_t room = chardev_can_receive(b->front);
		if (!room)
			break;
		if (b->break_waits && !b->break_behind) {
			b->break_waits = false;
			chardev_break(b->front);
			continue;
		}
		size_t n = byte_queue_pop(&b->in, buf, MIN(MIN(room, sizeof buf), b->break_waits ? b->break_behind : SIZE_MAX));
		b->break_behind -= b->break_waits ? n : 0;
		chardev_receive(b->front, buf, (unsigned)n);
	}
	b->delivering = false;
}

void chardev_gone(struct chardev_backend *b)
{
	if (b->front->backend != b) /* it is not ours yet, or not any more */
		return;
	chardev_deliver(b);
	if (b->front->connected) { /* what came before is no part of what comes later */
		byte_queue_free(&b->in);
		b->break_waits = false;
	}
	chardev_connected(b->front, false);
}

void chardev_queue_input(struct chardev_backend *b, const uint8_t *buf, size_t n)
{
	byte_queue_push(&b->in, buf, n); /* what a full queue refuses is lost: see input_wanted */
}

void chardev_queue_break(struct chardev_backend *b)
{
	if (b->break_waits)
		return;
	b->break_waits = true;
	b->break_behind = b->in.len;
}

bool chardev_set_input(struct chardev_set *set, struct chardev *c, const uint8_t *buf, size_t n)
{
	for (struct chardev_backend *b = set->backends; b; b = b->next) {
		if (b->front != c || b->kind)
			continue;
		bool ok = byte_queue_push(&b->in, buf, n) == n;
		chardev_deliver(b);
		return ok;
	}
	return false;
}

/* A console terminal is read even when the guest takes nothing, so that Ctrl-A X always works. */
static bool input_wanted(const struct chardev_backend *b)
{
	return b->in_fd >= 0 && !b->pty_idle && (b->in.len < b->in.limit || (b->mux && b->in_tty));
}

static void input_read(struct chardev_backend *b)
{
	uint8_t buf[1024];
	while (input_wanted(b)) {
		size_t room = b->in.limit - b->in.len;
		size_t want = room && room < sizeof buf ? room : sizeof buf;
		ssize_t n = read(b->in_fd, buf, want);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			b->kind->hangup(b);
			return;
		}
		if (b->mux)
			mux_input(b->mux, buf, (size_t)n);
		else
			chardev_queue_input(b, buf, (size_t)n);
		if ((size_t)n < want || b->in_fd != b->out_fd) /* a blocking descriptor: ask poll() again */
			return;
	}
}

static bool set_can_input(void *opaque)
{
	const struct chardev_set *set = opaque;
	for (const struct chardev_backend *b = set->backends; b; b = b->next) {
		if (b->in_fd >= 0 || b->listen_fd >= 0)
			return true;
		if ((b->in.len || b->break_waits) && chardev_can_receive(b->front))
			return true;
	}
	return false;
}

/* ---- polling ---- */

static void backend_watch(struct chardev_backend *b, struct poll_set *polls)
{
	b->watch_listen = b->watch_in = b->watch_out = -1;
	if (b->pty_idle)
		chardev_pty_check(b);
	if (b->pty_idle) /* nobody holds it, and no event tells when somebody does: look again before long */
		poll_set_limit(polls, CHARDEV_PTY_CHECK_NS);
	if (b->listen_fd >= 0 && b->in_fd < 0)
		b->watch_listen = poll_set_watch(polls, b->listen_fd, POLLIN);
	if (input_wanted(b))
		b->watch_in = poll_set_watch(polls, b->in_fd, POLLIN);
	if (b->out_fd >= 0 && b->out.len && !b->pty_idle)
		b->watch_out = poll_set_watch(polls, b->out_fd, POLLOUT);
}

static void set_prepare(void *opaque, struct poll_set *polls)
{
	struct chardev_set *set = opaque;
	for (struct chardev_backend *b = set->backends; b; b = b->next) {
		size_t waiting = b->in.len + b->break_waits;
		chardev_deliver(b);
		if (b->in.len + b->break_waits != waiting)
			poll_set_limit(polls, 0); /* the guest got something: that is activity */
		backend_watch(b, polls);
	}
}

/* A hang-up closes descriptors: what the wait said of them is void then. */
static void set_handle(void *opaque, const struct poll_set *polls)
{
	struct chardev_set *set = opaque;
	for (struct chardev_backend *b = set->backends; b; b = b->next) {
		if (poll_set_ready(polls, b->watch_listen))
			chardev_socket_accept(b);
		if (poll_set_ready(polls, b->watch_in) && b->in_fd >= 0)
			input_read(b);
		if (poll_set_ready(polls, b->watch_out) && b->out_fd >= 0)
			chardev_output_flush(b);
		chardev_deliver(b);
	}
}

void chardev_set_monitor_print(struct chardev_set *set, const char *text)
{
	if (set->console)
		mux_print(set->console->mux, text);
	else
		fputs(text, stderr);
}
