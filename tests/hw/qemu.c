/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, asking and ending QEMU: see qemu.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hw/qemu.h"

static void qemu_exec(int in, int out, const char *const *extra)
{
	const char *argv[64] = {"qemu-system-arm", "-M", "versatilepb", "-m", "128", "-display", "none", "-monitor", "none",
				"-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null", "-audiodev",
				"none,id=a", "-qtest", "stdio"};
	unsigned n = 0;
	while (argv[n])
		n++;
	while (*extra && n + 1 < ARRAY_LEN(argv))
		argv[n++] = *extra++;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test must not leave it behind */
	dup2(in, 0);
	dup2(out, 1);
	if (!freopen("/dev/null", "w", stderr))
		_exit(127);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

uint64_t qemu_ask(struct qemu *q, const char *fmt, ...)
{
	char line[256];
	unsigned n;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(q->to, fmt, ap);
	va_end(ap);
	fputc('\n', q->to);
	fflush(q->to);
	while (fgets(line, sizeof(line), q->from)) {
		if (sscanf(line, "IRQ raise %u", &n) == 1 && n < 2)
			q->line[n] = true;
		else if (sscanf(line, "IRQ lower %u", &n) == 1 && n < 2)
			q->line[n] = false;
		else if (!strncmp(line, "OK", 2))
			return strtoull(line + 2, NULL, 16);
	}
	fail_msg("QEMU went away");
	return 0;
}

void qemu_start(struct qemu *q, const char *const *extra, int fd)
{
	int in[2], out[2];
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	q->pid = fork();
	if (q->pid == 0) {
		close(in[1]);
		close(out[0]);
		if (fd >= 0)
			fcntl(fd, F_SETFD, 0);
		qemu_exec(in[0], out[1], extra);
	}
	close(in[0]);
	close(out[1]);
	q->to = fdopen(in[1], "w");
	q->from = fdopen(out[0], "r");
	q->line[0] = q->line[1] = false;
	qemu_ask(q, "irq_intercept_in /machine/unattached/device[0]");
}

void qemu_stop(struct qemu *q)
{
	fclose(q->to);
	fclose(q->from);
	kill(q->pid, SIGKILL); /* it outlives its test connection */
	waitpid(q->pid, NULL, 0);
}

static const char width[5] = {0, 'b', 'w', 0, 'l'};

uint32_t qemu_read(struct qemu *q, uint32_t addr, unsigned size)
{
	return (uint32_t)qemu_ask(q, "read%c %#x", width[size], addr);
}

void qemu_write(struct qemu *q, uint32_t addr, unsigned size, uint32_t value)
{
	qemu_ask(q, "write%c %#x %#x", width[size], addr, value);
}
