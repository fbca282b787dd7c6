/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input and output, and plain files. The descriptors are opened anew where the host allows it,
 * so that O_NONBLOCK does not leak into the shell that shares them; otherwise they are
 * duplicated and asked with poll() first. A terminal is raw until the set is freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/chardev-internal.h"

/* A descriptor of our own for `fd`; *blocking says whether it may block. -1 when `fd` is closed. */
static int reopen(int fd, int flags, bool *blocking)
{
	struct stat st;
	*blocking = false;
	if (fstat(fd, &st))
		return -1;
	if (S_ISFIFO(st.st_mode) || isatty(fd)) {
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		int own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own >= 0)
			return own;
		*blocking = true;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Plain stdio leaves Ctrl-C to the host; on the console it belongs to the guest (Ctrl-A X quits). */
static void terminal_raw(struct chardev_backend *b)
{
	if (!isatty(b->in_fd) || tcgetattr(b->in_fd, &b->saved_termios))
		return;
	struct termios t = b->saved_termios;
	t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_oflag |= OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
	if (b->mux)
		t.c_lflag &= ~(tcflag_t)ISIG;
	t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	b->in_tty = true;
	b->restore_termios = tcsetattr(b->in_fd, TCSANOW, &t) == 0;
}

enum rhea_status chardev_stdio_open(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	bool in_blocking;
	(void)arg, (void)err;
	b->in_fd = reopen(STDIN_FILENO, O_RDONLY, &in_blocking);
	b->out_fd = reopen(STDOUT_FILENO, O_WRONLY, &b->out_blocking);
	struct stat st;
	b->is_socket = b->out_fd >= 0 && fstat(b->out_fd, &st) == 0 && S_ISSOCK(st.st_mode);
	if (b->in_fd >= 0)
		terminal_raw(b);
	return RHEA_OK; /* closed standard descriptors are an empty input and a null output */
}

/* End of input: no more reading, and no spinning on it. Output goes on. */
void chardev_stdio_hangup(struct chardev_backend *b)
{
	chardev_stdio_close(b);
	close(b->in_fd);
	b->in_fd = -1;
	chardev_gone(b);
}

void chardev_stdio_close(struct chardev_backend *b)
{
	if (b->restore_termios)
		tcsetattr(b->in_fd, TCSANOW, &b->saved_termios);
	b->restore_termios = false;
}

enum rhea_status chardev_file_open(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	if (!*arg)
		return error_set(err, RHEA_ERR_USAGE, "'%s': give a file name, as file:serial.txt", b->label);
	b->out_fd = open(arg, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	if (b->out_fd < 0)
		return error_set(err, RHEA_ERR_FILE, "%s: cannot write: %s", arg, strerror(errno));
	int flags = fcntl(b->out_fd, F_GETFL);
	fcntl(b->out_fd, F_SETFL, flags | O_NONBLOCK); /* pipes and devices; plain files do not care */
	return RHEA_OK;
}
