/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output that never holds the guest for long. Bytes go straight to the descriptor; what it does
 * not take is queued; when the queue is full too, one bounded wait, then bytes are dropped until
 * the peer reads again. A peer that is gone is the kind's hangup.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/chardev-internal.h"

void chardev_complain(struct chardev_backend *b, const char *reason)
{
	if (b->complained)
		return;
	b->complained = true;
	if (b->front->connected) /* hears of it */
		return;
	fprintf(stderr, "rhea: serial%u (%s): %s; output is being lost, the guest continues\n", b->port, b->label, reason);
}

static bool fd_ready(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	return poll(&p, 1, timeout_ms) > 0;
}

/* One write; -1 with EAGAIN when the descriptor takes nothing now. */
static ssize_t fd_write(struct chardev_backend *b, const uint8_t *buf, size_t n)
{
	ssize_t r;
	do {
		if (b->out_blocking) {
			if (!fd_ready(b->out_fd, 0)) {
				errno = EAGAIN;
				return -1;
			}
			n = MIN(n, (size_t)256); /* a terminal or pipe that is ready has room for so much */
		}
		r = b->is_socket ? send(b->out_fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) : write(b->out_fd, buf, n);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* Nothing can be written any more: a pty or socket loses its peer, the rest just its output. */
static void output_gone(struct chardev_backend *b, int error)
{
	if (b->in_fd == b->out_fd) {
		b->kind->hangup(b);
		return;
	}
	chardev_complain(b, strerror(error));
	close(b->out_fd);
	b->out_fd = -1;
	byte_queue_free(&b->out);
}

/*
 * Writes what the descriptor takes now. Returns bytes dealt with: written, or thrown away because
 * the peer is gone or the disk full.
 */
static size_t write_some(struct chardev_backend *b, const uint8_t *buf, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = fd_write(b, buf + done, n - done);
		if (r > 0) {
			done += (size_t)r;
			b->stuck = false;
			continue;
		}
		if (r < 0 && errno == EAGAIN)
			return done;
		if (r == 0 || errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
			chardev_complain(b, r == 0 ? "nothing written" : strerror(errno)); /* may pass: keep the file */
			return n;
		}
		output_gone(b, errno);
		return n;
	}
	return done;
}

void chardev_output_flush(struct chardev_backend *b)
{
	size_t n;
	const uint8_t *p;
	while (b->out_fd >= 0 && (p = byte_queue_peek(&b->out, &n))) {
		size_t done = write_some(b, p, n);
		if (done > b->out.len) /* the peer went away and the queue with it */
			return;
		byte_queue_drop(&b->out, done);
		if (done < n)
			return;
	}
	if (b->out_fd < 0)
		byte_queue_free(&b->out);
}

/* Waits for the descriptor to take bytes again. False when it is stuck or somebody wants the machine. */
static bool wait_writable(struct chardev_backend *b)
{
	if (b->stuck)
		return false;
	int r = poll_set_wait_fd(b->set->polls, b->out_fd, POLLOUT, CHARDEV_STUCK_MS);
	if (r > 0)
		return true;
	if (r == 0) {
		b->stuck = true;
		chardev_complain(b, "the other side does not read");
	}
	return false; /* the wake-up stays pending for the run loop */
}

void chardev_output(struct chardev_backend *b, const uint8_t *buf, size_t n)
{
	if (b->pty_idle)
		chardev_pty_check(b);
	if (b->pty_idle)
		return;
	while (n && b->out_fd >= 0) {
		size_t done = b->out.len ? 0 : write_some(b, buf, n);
		if (!done)
			done = byte_queue_push(&b->out, buf, n);
		buf += done;
		n -= done;
		if (done)
			continue;
		if (!wait_writable(b))
			return;
		chardev_output_flush(b);
	}
}

void chardev_output_drain(struct chardev_backend *b)
{
	while (b->out_fd >= 0 && b->out.len && !b->pty_idle) {
		if (b->stuck || !fd_ready(b->out_fd, CHARDEV_STUCK_MS))
			return;
		chardev_output_flush(b);
	}
}
