/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Semihosting files: a table of handles over host descriptors, the console (":tt") and the feature
 * bytes (":semihosting-features"). Transfers go in pieces, so a guest that asks for 4 GiB costs no memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/semihosting-internal.h"

#define CHUNK 4096u
#define MODE_COUNT 12u /* fopen modes r rb r+ r+b w wb w+ w+b a ab a+ a+b, in this order */

/* "SHFB", then bit 0: SYS_EXIT_EXTENDED, bit 1: ":tt" has separate stdout and stderr. */
static const uint8_t features[] = {'S', 'H', 'F', 'B', 0x03};

static const int open_flags[MODE_COUNT / 2] = {
	O_RDONLY,
	O_RDWR,
	O_WRONLY | O_CREAT | O_TRUNC,
	O_RDWR | O_CREAT | O_TRUNC,
	O_WRONLY | O_CREAT | O_APPEND,
	O_RDWR | O_CREAT | O_APPEND,
};

static struct semihosting_file *file_get(struct semihosting *s, uint32_t handle)
{
	if (handle < SEMIHOSTING_HANDLES && s->files[handle].kind != SEMIHOSTING_FREE)
		return &s->files[handle];
	s->error = EBADF;
	return NULL;
}

static uint32_t handle_free(const struct semihosting *s)
{
	for (uint32_t i = 1; i < SEMIHOSTING_HANDLES; i++)
		if (s->files[i].kind == SEMIHOSTING_FREE)
			return i;
	return 0;
}

static enum semihosting_file_kind console_kind(uint32_t mode)
{
	return mode < 4 ? SEMIHOSTING_CONSOLE_IN : mode < 8 ? SEMIHOSTING_CONSOLE_OUT : SEMIHOSTING_CONSOLE_ERR;
}

/* arg: name, mode, length of name. */
uint32_t sys_open(struct semihosting *s, const uint32_t *arg)
{
	char name[SEMIHOSTING_PATH_MAX];
	struct semihosting_file file = {.kind = SEMIHOSTING_HOST, .fd = -1};
	if (!semihosting_string(s, arg[0], arg[2], name))
		return SEMIHOSTING_FAIL;
	uint32_t handle = handle_free(s);
	if (!handle)
		return semihosting_fail(s, EMFILE);
	if (arg[1] >= MODE_COUNT)
		return semihosting_fail(s, EINVAL);
	bool console = strcmp(name, ":tt") == 0;
	if (semihosting_is_remote(s) && *name != ':') {
		if (remote_open(s, &file, arg, false))
			return SEMIHOSTING_FAIL;
	} else if (console && semihosting_is_remote(s)) {
		remote_open(s, &file, arg, true);
	} else if (console) {
		file.kind = console_kind(arg[1]);
	} else if (strcmp(name, ":semihosting-features") == 0) {
		if (arg[1] > 1)
			return semihosting_fail(s, EACCES);
		file.kind = SEMIHOSTING_FEATURES;
	} else {
		file.fd = open(name, open_flags[arg[1] / 2] | O_CLOEXEC | O_NOCTTY, 0644);
		if (file.fd < 0)
			return semihosting_fail(s, errno);
	}
	s->files[handle] = file;
	return handle;
}

uint32_t sys_close(struct semihosting *s, const uint32_t *arg)
{
	struct semihosting_file *f = file_get(s, arg[0]);
	if (!f)
		return SEMIHOSTING_FAIL;
	struct semihosting_file old = *f;
	*f = (struct semihosting_file){0};
	if (old.kind == SEMIHOSTING_REMOTE)
		return remote_close(s, &old);
	int r = old.kind == SEMIHOSTING_HOST ? close(old.fd) : 0;
	return r ? semihosting_fail(s, errno) : 0;
}

/* Writes one piece; the number of bytes written, less than n after an error. */
static size_t put_chunk(struct semihosting *s, const struct semihosting_file *f, const uint8_t *buf, size_t n)
{
	switch (f->kind) {
	case SEMIHOSTING_CONSOLE_OUT:
	case SEMIHOSTING_CONSOLE_ERR:
		semihosting_console(s, f->kind == SEMIHOSTING_CONSOLE_OUT ? SEMIHOSTING_STDOUT : SEMIHOSTING_STDERR, buf, n);
		return n;
	case SEMIHOSTING_HOST: {
		ssize_t r = write(f->fd, buf, n);
		if (r < 0)
			s->error = errno;
		return r < 0 ? 0 : (size_t)r;
	}
	case SEMIHOSTING_REMOTE:
	case SEMIHOSTING_FREE:
	case SEMIHOSTING_CONSOLE_IN:
	case SEMIHOSTING_FEATURES:
		break;
	}
	s->error = EBADF;
	return 0;
}

/* arg: handle, buffer, length. Returns how many bytes were not written. */
uint32_t sys_write(struct semihosting *s, const uint32_t *arg)
{
	uint8_t buf[CHUNK];
	struct semihosting_file *f = file_get(s, arg[0]);
	uint32_t left = arg[2];
	uint64_t addr = arg[1];
	if (f && f->kind == SEMIHOSTING_REMOTE)
		return remote_transfer(s, f, arg, true);
	while (f && left) {
		uint32_t n = (uint32_t)MIN((uint64_t)left, CHUNK - addr % CHUNK);
		if (addr >> 32 || !s->t.read(s->t.opaque, (uint32_t)addr, buf, n)) {
			s->error = EFAULT;
			break;
		}
		size_t done = put_chunk(s, f, buf, n);
		left -= (uint32_t)done;
		addr += done;
		if (done < n)
			break;
	}
	return left;
}

/* Reads one piece; 0 at the end or after an error. */
static size_t get_chunk(struct semihosting *s, struct semihosting_file *f, uint8_t *buf, size_t n)
{
	switch (f->kind) {
	case SEMIHOSTING_CONSOLE_IN:
		return semihosting_console_get(s, buf, n);
	case SEMIHOSTING_FEATURES:
		n = MIN(n, sizeof features - f->pos);
		memcpy(buf, features + f->pos, n);
		f->pos += (uint32_t)n;
		return n;
	case SEMIHOSTING_HOST: {
		ssize_t r = read(f->fd, buf, n);
		if (r < 0)
			s->error = errno;
		return r < 0 ? 0 : (size_t)r;
	}
	case SEMIHOSTING_REMOTE:
	case SEMIHOSTING_FREE:
	case SEMIHOSTING_CONSOLE_OUT:
	case SEMIHOSTING_CONSOLE_ERR:
		break;
	}
	s->error = EBADF;
	return 0;
}

/*
 * arg: handle, buffer, length. Returns how many bytes were not read: the whole length at the end.
 * Memory is asked for before the file, so that a bad buffer loses no bytes of a pipe or terminal.
 */
uint32_t sys_read(struct semihosting *s, const uint32_t *arg)
{
	uint8_t buf[CHUNK];
	struct semihosting_file *f = file_get(s, arg[0]);
	uint32_t left = arg[2];
	uint64_t addr = arg[1];
	if (f && f->kind == SEMIHOSTING_REMOTE)
		return remote_transfer(s, f, arg, false);
	while (f && left) {
		uint32_t n = (uint32_t)MIN((uint64_t)left, CHUNK - addr % CHUNK);
		if (addr >> 32 || !s->t.read(s->t.opaque, (uint32_t)addr, buf, n)) {
			s->error = EFAULT;
			break;
		}
		size_t done = get_chunk(s, f, buf, n);
		if (done && !s->t.write(s->t.opaque, (uint32_t)addr, buf, (uint32_t)done)) {
			s->error = EFAULT;
			break;
		}
		left -= (uint32_t)done;
		addr += done;
		if (done < n || f->kind == SEMIHOSTING_CONSOLE_IN)
			break;
	}
	return left;
}

uint32_t sys_istty(struct semihosting *s, const uint32_t *arg)
{
	const struct semihosting_file *f = file_get(s, arg[0]);
	if (!f)
		return SEMIHOSTING_FAIL;
	switch (f->kind) {
	case SEMIHOSTING_CONSOLE_IN:
		return s->t.console_read || isatty(STDIN_FILENO);
	case SEMIHOSTING_CONSOLE_OUT:
		return s->t.console_write || isatty(STDOUT_FILENO);
	case SEMIHOSTING_CONSOLE_ERR:
		return s->t.console_write || isatty(STDERR_FILENO);
	case SEMIHOSTING_HOST:
		return isatty(f->fd) != 0;
	case SEMIHOSTING_REMOTE:
		return remote_istty(s, f);
	case SEMIHOSTING_FREE:
	case SEMIHOSTING_FEATURES:
		break;
	}
	return 0;
}

/* arg: handle, absolute position. */
uint32_t sys_seek(struct semihosting *s, const uint32_t *arg)
{
	struct semihosting_file *f = file_get(s, arg[0]);
	if (!f)
		return SEMIHOSTING_FAIL;
	switch (f->kind) {
	case SEMIHOSTING_FEATURES:
		if (arg[1] > sizeof features)
			return semihosting_fail(s, EINVAL);
		f->pos = arg[1];
		return 0;
	case SEMIHOSTING_HOST:
		return lseek(f->fd, arg[1], SEEK_SET) < 0 ? semihosting_fail(s, errno) : 0;
	case SEMIHOSTING_REMOTE:
		return remote_seek(s, f, arg[1]);
	case SEMIHOSTING_FREE:
	case SEMIHOSTING_CONSOLE_IN:
	case SEMIHOSTING_CONSOLE_OUT:
	case SEMIHOSTING_CONSOLE_ERR:
		break;
	}
	return semihosting_fail(s, ESPIPE);
}

uint32_t sys_flen(struct semihosting *s, const uint32_t *arg)
{
	const struct semihosting_file *f = file_get(s, arg[0]);
	struct stat st;
	if (!f)
		return SEMIHOSTING_FAIL;
	switch (f->kind) {
	case SEMIHOSTING_FEATURES:
		return sizeof features;
	case SEMIHOSTING_HOST:
		if (fstat(f->fd, &st))
			return semihosting_fail(s, errno);
		return st.st_size > INT32_MAX ? semihosting_fail(s, EOVERFLOW) : (uint32_t)st.st_size;
	case SEMIHOSTING_REMOTE:
		return remote_flen(s, f);
	case SEMIHOSTING_FREE:
	case SEMIHOSTING_CONSOLE_IN:
	case SEMIHOSTING_CONSOLE_OUT:
	case SEMIHOSTING_CONSOLE_ERR:
		break;
	}
	return semihosting_fail(s, ESPIPE);
}

/* ---- names ---- */

/* arg: buffer, number 0 to 255, size of buffer. */
uint32_t sys_tmpnam(struct semihosting *s, const uint32_t *arg)
{
	char name[64];
	int n = snprintf(name, sizeof name, "/tmp/rhea-%x%02x", (unsigned)getpid(), arg[1] & 0xff);
	if (arg[2] < (uint32_t)n + 1)
		return semihosting_fail(s, ENOSPC);
	return s->t.write(s->t.opaque, arg[0], name, (uint32_t)n + 1) ? 0 : semihosting_fail(s, EFAULT);
}

uint32_t sys_remove(struct semihosting *s, const uint32_t *arg)
{
	char name[SEMIHOSTING_PATH_MAX];
	if (!semihosting_string(s, arg[0], arg[1], name))
		return SEMIHOSTING_FAIL;
	if (semihosting_is_remote(s))
		return remote_remove(s, arg);
	return remove(name) ? semihosting_fail(s, errno) : 0;
}

uint32_t sys_rename(struct semihosting *s, const uint32_t *arg)
{
	char from[SEMIHOSTING_PATH_MAX], to[SEMIHOSTING_PATH_MAX];
	if (!semihosting_string(s, arg[0], arg[1], from) || !semihosting_string(s, arg[2], arg[3], to))
		return SEMIHOSTING_FAIL;
	if (semihosting_is_remote(s))
		return remote_rename(s, arg);
	return rename(from, to) ? semihosting_fail(s, errno) : 0;
}
