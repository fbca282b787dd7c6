/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Semihosting by the debugger: files, console output and SYS_SYSTEM become requests of GDB's File-I/O protocol ("Debugging
 * with GDB", appendix "File-I/O Remote Protocol Extension"), which name guest memory by address; the debugger reads and
 * writes it itself. Clock, arguments, heap and exit stay ours, and so does SYS_READC, which has no buffer.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/semihosting-internal.h"

/* The protocol's error numbers are the traditional ones up to ESPIPE; of the others we need one. */
#define REMOTE_ENAMETOOLONG 91

static int host_error(int remote)
{
	return remote == REMOTE_ENAMETOOLONG ? ENAMETOOLONG : remote > 0 && remote < 128 ? remote : EIO;
}

bool semihosting_is_remote(const struct semihosting *s)
{
	return s->t.remote && s->t.remote_wanted(s->t.opaque);
}

static int64_t PRINTF_LIKE(2, 3) request(struct semihosting *s, const char *fmt, ...)
{
	char text[160];
	int error = 0;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	int64_t r = s->t.remote(s->t.opaque, text, &error);
	if (r < 0)
		s->error = host_error(error);
	return r;
}

/* fopen modes r r+ w w+ a a+, each also with b. */
static const uint32_t open_flags[] = {0x0, 0x2, 0x601, 0x602, 0x209, 0x20a};

/* The debugger's own descriptors 0 to 2 are its console. */
uint32_t remote_open(struct semihosting *s, struct semihosting_file *file, const uint32_t *arg, bool console)
{
	int64_t fd = arg[1] < 4 ? 0 : arg[1] < 8 ? 1 : 2;
	if (!console)
		fd = request(s, "open,%x/%x,%x,1a4", arg[0], arg[2] + 1, open_flags[arg[1] / 2]);
	if (fd < 0 || fd > INT32_MAX)
		return SEMIHOSTING_FAIL;
	file->kind = SEMIHOSTING_REMOTE;
	file->fd = (int)fd;
	return 0;
}

uint32_t remote_close(struct semihosting *s, const struct semihosting_file *f)
{
	return f->fd <= 2 || request(s, "close,%x", (unsigned)f->fd) >= 0 ? 0 : SEMIHOSTING_FAIL;
}

/* Returns how many bytes were not transferred, as SYS_READ and SYS_WRITE do. */
uint32_t remote_transfer(struct semihosting *s, const struct semihosting_file *f, const uint32_t *arg, bool write)
{
	int64_t n = arg[2] ? request(s, "%s,%x,%x,%x", write ? "write" : "read", (unsigned)f->fd, arg[1], arg[2]) : 0;
	return n < 0 || n > arg[2] ? arg[2] : arg[2] - (uint32_t)n;
}

uint32_t remote_istty(struct semihosting *s, const struct semihosting_file *f)
{
	return request(s, "isatty,%x", (unsigned)f->fd) == 1;
}

static int64_t seek(struct semihosting *s, const struct semihosting_file *f, uint64_t offset, unsigned whence)
{
	return request(s, "lseek,%x,%llx,%x", (unsigned)f->fd, (unsigned long long)offset, whence);
}

uint32_t remote_seek(struct semihosting *s, const struct semihosting_file *f, uint32_t position)
{
	return seek(s, f, position, SEEK_SET) < 0 ? SEMIHOSTING_FAIL : 0;
}

uint32_t remote_flen(struct semihosting *s, const struct semihosting_file *f)
{
	int64_t at = seek(s, f, 0, SEEK_CUR), end = at < 0 ? -1 : seek(s, f, 0, SEEK_END);
	if (end < 0 || seek(s, f, (uint64_t)at, SEEK_SET) < 0)
		return SEMIHOSTING_FAIL;
	return end > INT32_MAX ? semihosting_fail(s, EOVERFLOW) : (uint32_t)end;
}

uint32_t remote_remove(struct semihosting *s, const uint32_t *arg)
{
	return request(s, "unlink,%x/%x", arg[0], arg[1] + 1) < 0 ? SEMIHOSTING_FAIL : 0;
}

uint32_t remote_rename(struct semihosting *s, const uint32_t *arg)
{
	return request(s, "rename,%x/%x,%x/%x", arg[0], arg[1] + 1, arg[2], arg[3] + 1) < 0 ? SEMIHOSTING_FAIL : 0;
}

uint32_t remote_system(struct semihosting *s, const uint32_t *arg)
{
	int64_t r = request(s, "system,%x/%x", arg[0], arg[1] + 1);
	return r < 0 ? SEMIHOSTING_FAIL : (uint32_t)r;
}

/* SYS_WRITEC and SYS_WRITE0: n bytes in guest memory to the debugger's stderr. */
void remote_print(struct semihosting *s, uint32_t addr, uint32_t n)
{
	if (n)
		request(s, "write,2,%x,%x", addr, n);
}
