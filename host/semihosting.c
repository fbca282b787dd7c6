/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting calls: dispatch by table, console, time, process. Files are in semihosting-file.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/semihosting-internal.h"

#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define MAX_WORDS 4

static const struct semihost_op {
	uint32_t number;
	unsigned words;
	uint32_t (*call)(struct semihosting *s, const uint32_t *arg);
} ops[] = {
#define SEMIHOST_OP(number, function, words) {number, words, function},
#include "host/semihosting.def"
#undef SEMIHOST_OP
};

struct semihosting *semihosting_new(const struct semihosting_target *t)
{
	struct semihosting *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->t = *t;
	s->start_ns = t->now_ns(t->opaque);
	return s;
}

void semihosting_reset(struct semihosting *s)
{
	for (unsigned i = 0; i < SEMIHOSTING_HANDLES; i++)
		if (s->files[i].kind == SEMIHOSTING_HOST)
			close(s->files[i].fd);
	memset(s->files, 0, sizeof s->files);
	s->error = 0;
}

void semihosting_free(struct semihosting *s)
{
	if (s)
		semihosting_reset(s);
	free(s);
}

void semihosting_set_heap(struct semihosting *s, uint32_t base, uint32_t limit)
{
	s->t.heap_base = base;
	s->t.heap_limit = limit;
}

uint32_t semihosting_call(struct semihosting *s, uint32_t op, uint32_t param)
{
	uint32_t arg[MAX_WORDS] = {param};
	s->param = param;
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
		if (ops[i].number != op)
			continue;
		if (ops[i].words && !s->t.read(s->t.opaque, param, arg, ops[i].words * 4))
			return semihosting_fail(s, EFAULT);
		return ops[i].call(s, arg);
	}
	if (log_on(s->t.log, LOG_unimp | LOG_guest_errors))
		log_printf(s->t.log, "semihosting: unknown operation 0x%x (parameter 0x%x)\n", op, param);
	return semihosting_fail(s, ENOSYS);
}

bool semihosting_string(struct semihosting *s, uint32_t addr, uint32_t len, char *buf)
{
	s->error = ENAMETOOLONG;
	if (len >= SEMIHOSTING_PATH_MAX)
		return false;
	s->error = EFAULT;
	if (!s->t.read(s->t.opaque, addr, buf, len + 1))
		return false;
	s->error = buf[len] == '\0' ? 0 : EINVAL; /* the length must be the string's */
	return s->error == 0;
}

/* ---- console ---- */

void semihosting_console(struct semihosting *s, enum semihosting_stream to, const uint8_t *buf, size_t n)
{
	if (s->t.console_write)
		s->t.console_write(s->t.opaque, to, buf, n);
	else
		semihosting_to_host(to, buf, n);
}

void semihosting_to_host(enum semihosting_stream to, const uint8_t *buf, size_t n)
{
	int fd = to == SEMIHOSTING_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
	while (n) {
		ssize_t r = write(fd, buf, n);
		if (r < 0) { /* a signal wants us, or nobody listens: the guest goes on */
			if (errno != EINTR && errno != EAGAIN)
				return;
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			if (poll(&p, 1, 2000) <= 0)
				return;
			continue;
		}
		buf += r;
		n -= (size_t)r;
	}
}

/* At least one byte, 0 at the end of input or when a signal came. */
size_t semihosting_console_get(struct semihosting *s, uint8_t *buf, size_t n)
{
	if (s->t.console_read)
		return s->t.console_read(s->t.opaque, buf, n);
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	if (poll(&p, 1, -1) <= 0)
		return 0;
	ssize_t r = read(STDIN_FILENO, buf, n);
	return r > 0 ? (size_t)r : 0;
}

uint32_t sys_writec(struct semihosting *s, const uint32_t *arg)
{
	uint8_t c;
	if (!s->t.read(s->t.opaque, arg[0], &c, 1))
		return semihosting_fail(s, EFAULT);
	if (semihosting_is_remote(s))
		remote_print(s, arg[0], 1);
	else
		semihosting_console(s, SEMIHOSTING_STDERR, &c, 1);
	return 0;
}

/* Reads in aligned pieces, so that a string may end with the last byte of memory. */
uint32_t sys_write0(struct semihosting *s, const uint32_t *arg)
{
	uint8_t buf[256];
	uint64_t addr = arg[0];
	while (addr < UINT64_C(1) << 32) {
		uint32_t n = (uint32_t)(sizeof buf - addr % sizeof buf);
		if (!s->t.read(s->t.opaque, (uint32_t)addr, buf, n))
			return semihosting_fail(s, EFAULT);
		const uint8_t *end = memchr(buf, 0, n);
		uint32_t part = end ? (uint32_t)(end - buf) : n;
		if (semihosting_is_remote(s))
			remote_print(s, (uint32_t)addr, part);
		else
			semihosting_console(s, SEMIHOSTING_STDERR, buf, part);
		if (end)
			return 0;
		addr += n;
	}
	return semihosting_fail(s, EFAULT);
}

uint32_t sys_readc(struct semihosting *s, const uint32_t *arg)
{
	uint8_t c;
	(void)arg;
	return semihosting_console_get(s, &c, 1) ? c : SEMIHOSTING_FAIL;
}

uint32_t sys_iserror(struct semihosting *s, const uint32_t *arg)
{
	(void)s;
	return arg[0] >> 31;
}

uint32_t sys_errno(struct semihosting *s, const uint32_t *arg)
{
	(void)arg;
	return (uint32_t)s->error;
}

/* ---- time ---- */

uint32_t sys_clock(struct semihosting *s, const uint32_t *arg)
{
	(void)arg;
	return (uint32_t)((s->t.now_ns(s->t.opaque) - s->start_ns) / 10000000); /* centiseconds */
}

uint32_t sys_time(struct semihosting *s, const uint32_t *arg)
{
	(void)arg;
	return (uint32_t)(s->t.time_s ? s->t.time_s(s->t.opaque) : (int64_t)time(NULL));
}

uint32_t sys_elapsed(struct semihosting *s, const uint32_t *arg)
{
	uint64_t ticks = s->t.now_ns(s->t.opaque) - s->start_ns;
	return s->t.write(s->t.opaque, arg[0], &ticks, sizeof ticks) ? 0 : semihosting_fail(s, EFAULT);
}

uint32_t sys_tickfreq(struct semihosting *s, const uint32_t *arg)
{
	(void)s, (void)arg;
	return 1000000000;
}

/* ---- the program and its host ---- */

/* Runs a command in the host's shell; the result is what wait() gives, as QEMU returns it. */
uint32_t sys_system(struct semihosting *s, const uint32_t *arg)
{
	char command[SEMIHOSTING_PATH_MAX];
	if (!semihosting_string(s, arg[0], arg[1], command))
		return SEMIHOSTING_FAIL;
	if (semihosting_is_remote(s))
		return remote_system(s, arg);
	int status = system(command);
	return status == -1 ? semihosting_fail(s, errno) : (uint32_t)status;
}

/* Appends `word` to the line at *used; false when it grows beyond the buffer. */
static bool append(char *line, size_t size, size_t *used, const char *word)
{
	size_t n = strlen(word);
	if (*used + (*used != 0) + n >= size)
		return false;
	if (*used)
		line[(*used)++] = ' ';
	memcpy(line + *used, word, n + 1);
	*used += n;
	return true;
}

/* arg: buffer, its size. Writes the line, and its length over the size. */
uint32_t sys_get_cmdline(struct semihosting *s, const uint32_t *arg)
{
	char line[SEMIHOSTING_PATH_MAX] = "";
	size_t used = 0;
	for (const char *const *a = s->t.args; a && *a; a++)
		if (!append(line, sizeof line, &used, *a))
			return semihosting_fail(s, E2BIG);
	if (used >= arg[1])
		return semihosting_fail(s, E2BIG);
	uint32_t len = (uint32_t)used;
	if (!s->t.write(s->t.opaque, arg[0], line, len + 1) || !s->t.write(s->t.opaque, s->param + 4, &len, 4))
		return semihosting_fail(s, EFAULT);
	return 0;
}

/* Heap base and limit, stack base and limit: both share what the images leave of RAM. */
uint32_t sys_heapinfo(struct semihosting *s, const uint32_t *arg)
{
	uint32_t block[4] = {s->t.heap_base, s->t.heap_limit, s->t.heap_limit, s->t.heap_base};
	return s->t.write(s->t.opaque, arg[0], block, sizeof block) ? 0 : semihosting_fail(s, EFAULT);
}

uint32_t sys_exit(struct semihosting *s, const uint32_t *arg)
{
	s->t.exit(s->t.opaque, arg[0] == ADP_STOPPED_APPLICATION_EXIT ? 0 : 1);
	return 0;
}

uint32_t sys_exit_extended(struct semihosting *s, const uint32_t *arg)
{
	s->t.exit(s->t.opaque, arg[0] == ADP_STOPPED_APPLICATION_EXIT ? (int)arg[1] : 1);
	return 0;
}
