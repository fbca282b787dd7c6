/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pseudo terminal for a terminal program to attach to. While nobody holds the other side, output is
 * dropped (as a serial cable that is not plugged in) and poll() would report a hangup at once, so the
 * descriptor is left alone and looked at five times a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/chardev-internal.h"

enum rhea_status chardev_pty_open(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	char name[64];
	struct termios t;
	int slave;
	(void)arg;
	if (openpty(&b->in_fd, &slave, NULL, NULL, NULL)) {
		b->in_fd = -1;
		return error_set(err, RHEA_ERR_HOST, "pty: no pseudo terminal: %s", strerror(errno));
	}
	b->out_fd = b->in_fd;
	if (tcgetattr(slave, &t) == 0) {
		cfmakeraw(&t); /* an echo would feed the guest its own output */
		tcsetattr(slave, TCSAFLUSH, &t);
	}
	if (ttyname_r(slave, name, sizeof name))
		snprintf(name, sizeof name, "?");
	close(slave);
	fcntl(b->in_fd, F_SETFD, FD_CLOEXEC);
	fcntl(b->in_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	b->pty_idle = true;
	b->crlf = true;
	if (b->port == CHARDEV_NO_PORT)
		fprintf(stderr, "char device redirected to %s\n", name);
	else
		fprintf(stderr, "char device redirected to %s (label serial%u)\n", name, b->port);
	return RHEA_OK;
}

void chardev_pty_hangup(struct chardev_backend *b)
{
	b->pty_idle = true;
	b->pty_next_check = chardev_clock_ns() + CHARDEV_PTY_CHECK_NS;
	byte_queue_free(&b->out);
	chardev_gone(b);
}

void chardev_pty_check(struct chardev_backend *b)
{
	uint64_t now = chardev_clock_ns();
	if (now < b->pty_next_check)
		return;
	b->pty_next_check = now + CHARDEV_PTY_CHECK_NS;
	struct pollfd p = {.fd = b->in_fd, .events = POLLIN};
	if (poll(&p, 1, 0) < 0)
		return;
	/* input left by somebody who has gone again is still input */
	bool was_idle = b->pty_idle;
	b->pty_idle = (p.revents & (POLLHUP | POLLIN)) == POLLHUP;
	if (was_idle && !b->pty_idle)
		chardev_connected(b->front, true);
}
