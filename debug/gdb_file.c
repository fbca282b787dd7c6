/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vFile: the client's access to files of this host ("Host I/O Packets"; `remote get`, `remote put`, `remote delete`). The
 * client acts with the emulator's rights. And File-I/O: calls of the guest that the client executes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debug/gdb_parts.h"

#define PATH_SIZE 1024

/* ---- numbers of the protocol ("File-I/O Remote Protocol Extension", constants) ---- */

static const struct {
	int host, protocol;
} error_numbers[] = {
	{EPERM, 1}, {ENOENT, 2}, {EINTR, 4}, {EIO, 5}, {EBADF, 9}, {EACCES, 13}, {EFAULT, 14}, {EBUSY, 16}, {EEXIST, 17},
	{ENODEV, 19}, {ENOTDIR, 20}, {EISDIR, 21}, {EINVAL, 22}, {ENFILE, 23}, {EMFILE, 24}, {EFBIG, 27}, {ENOSPC, 28},
	{ESPIPE, 29}, {EROFS, 30}, {ENOSYS, 88}, {ENAMETOOLONG, 91},
};

static const struct {
	uint32_t protocol;
	int host;
} open_flags[] = {
	{0x1, O_WRONLY}, {0x2, O_RDWR}, {0x8, O_APPEND}, {0x200, O_CREAT}, {0x400, O_TRUNC}, {0x800, O_EXCL},
};

static void fail(struct gdb *g, int error)
{
	int number = 9999;
	for (unsigned i = 0; i < ARRAY_LEN(error_numbers); i++)
		if (error_numbers[i].host == error)
			number = error_numbers[i].protocol;
	g->n_out = 0;
	gdb_put(g, "F-1,%x", (unsigned)number);
}

static void put_result(struct gdb *g, int64_t r)
{
	if (r < 0)
		fail(g, errno);
	else
		gdb_put(g, "F%llx", (unsigned long long)r);
}

/* ---- arguments ---- */

/* A name in hex, up to the next comma. */
static bool take_path(const char **p, char path[PATH_SIZE])
{
	size_t n = strcspn(*p, ",");
	int size = gdb_unhex(*p, n, path, PATH_SIZE - 1);
	if (size <= 0 || memchr(path, 0, (size_t)size))
		return false;
	path[size] = '\0';
	*p += n;
	return true;
}

/* ",hex" */
static bool take_number(const char **p, uint64_t *value)
{
	return gdb_take_char(p, ',') && gdb_take_hex(p, value);
}

/* The host's descriptor of an open file; -1. */
static int take_file(struct gdb *g, const char **p, uint32_t *slot)
{
	return gdb_take_u32(p, slot) && *slot < GDB_FILES ? g->file[*slot] - 1 : -1;
}

/* ---- operations ---- */

static void file_open(struct gdb *g, const char *p, const char *end)
{
	char path[PATH_SIZE];
	uint64_t flags, mode;
	uint32_t slot = 0;
	int host_flags = O_CLOEXEC | O_NOCTTY;
	(void)end;
	if (!take_path(&p, path) || !take_number(&p, &flags) || !take_number(&p, &mode)) {
		fail(g, EINVAL);
		return;
	}
	while (slot < GDB_FILES && g->file[slot])
		slot++;
	if (slot == GDB_FILES) {
		fail(g, EMFILE);
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(open_flags); i++)
		if (flags & open_flags[i].protocol)
			host_flags |= open_flags[i].host;
	int fd = open(path, host_flags, (mode_t)(mode & 0777));
	if (fd >= 0)
		g->file[slot] = fd + 1;
	put_result(g, fd < 0 ? -1 : (int64_t)slot);
}

static void file_close(struct gdb *g, const char *p, const char *end)
{
	uint32_t slot;
	int fd = take_file(g, &p, &slot);
	(void)end;
	if (fd < 0) {
		fail(g, EBADF);
		return;
	}
	g->file[slot] = 0;
	put_result(g, close(fd));
}

static void file_pread(struct gdb *g, const char *p, const char *end)
{
	char buf[GDB_PACKET_MAX / 2 - 32];
	uint64_t count, offset;
	uint32_t slot;
	int fd = take_file(g, &p, &slot);
	(void)end;
	if (fd < 0 || !take_number(&p, &count) || !take_number(&p, &offset)) {
		fail(g, fd < 0 ? EBADF : EINVAL);
		return;
	}
	ssize_t n = pread(fd, buf, MIN(count, sizeof buf), (off_t)offset);
	put_result(g, n);
	if (n < 0)
		return;
	gdb_put(g, ";");
	gdb_put_binary(g, buf, (size_t)n);
}

static void file_pwrite(struct gdb *g, const char *p, const char *end)
{
	uint64_t offset;
	uint32_t slot;
	int fd = take_file(g, &p, &slot);
	if (fd < 0 || !take_number(&p, &offset) || !gdb_take_char(&p, ',')) {
		fail(g, fd < 0 ? EBADF : EINVAL);
		return;
	}
	char *bytes = g->in + (p - g->in);
	put_result(g, pwrite(fd, bytes, gdb_unescape(bytes, (uint32_t)(end - p)), (off_t)offset));
}

static void put_be(uint8_t **to, uint64_t v, unsigned size)
{
	for (unsigned i = size; i-- > 0;)
		*(*to)++ = (uint8_t)(v >> (8 * i));
}

/* The protocol's struct stat: big-endian, 64 bytes. */
static void file_fstat(struct gdb *g, const char *p, const char *end)
{
	struct stat st;
	uint8_t buf[64], *to = buf;
	uint32_t slot;
	int fd = take_file(g, &p, &slot);
	(void)end;
	if (fd < 0 || fstat(fd, &st)) {
		fail(g, fd < 0 ? EBADF : errno);
		return;
	}
	const uint64_t words[] = {st.st_dev, st.st_ino, st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_rdev};
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		put_be(&to, words[i], 4);
	const int64_t longs[] = {st.st_size, st.st_blksize, st.st_blocks};
	for (unsigned i = 0; i < ARRAY_LEN(longs); i++)
		put_be(&to, (uint64_t)longs[i], 8);
	const int64_t times[] = {st.st_atime, st.st_mtime, st.st_ctime};
	for (unsigned i = 0; i < ARRAY_LEN(times); i++)
		put_be(&to, (uint64_t)times[i], 4);
	put_result(g, (int64_t)(to - buf));
	gdb_put(g, ";");
	gdb_put_binary(g, buf, (size_t)(to - buf));
}

static void file_unlink(struct gdb *g, const char *p, const char *end)
{
	char path[PATH_SIZE];
	(void)end;
	if (take_path(&p, path))
		put_result(g, unlink(path));
	else
		fail(g, EINVAL);
}

static void file_readlink(struct gdb *g, const char *p, const char *end)
{
	char path[PATH_SIZE], to[PATH_SIZE];
	(void)end;
	if (!take_path(&p, path)) {
		fail(g, EINVAL);
		return;
	}
	ssize_t n = readlink(path, to, sizeof to);
	put_result(g, n);
	if (n < 0)
		return;
	gdb_put(g, ";");
	gdb_put_binary(g, to, (size_t)n);
}

/* Whose file system: there is one. */
static void file_setfs(struct gdb *g, const char *p, const char *end)
{
	uint32_t pid;
	(void)end;
	if (gdb_take_u32(&p, &pid) && pid <= 1)
		gdb_put(g, "F0");
	else
		fail(g, ENOSYS);
}

static const struct {
	const char *name;
	void (*run)(struct gdb *g, const char *p, const char *end);
} operations[] = {
	{"open:", file_open}, {"close:", file_close}, {"pread:", file_pread}, {"pwrite:", file_pwrite},
	{"fstat:", file_fstat}, {"unlink:", file_unlink}, {"readlink:", file_readlink}, {"setfs:", file_setfs},
};

void verbose_file(struct gdb *g, char *args, char *end)
{
	for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
		size_t n = strlen(operations[i].name);
		if (strncmp(args, operations[i].name, n) == 0) {
			operations[i].run(g, args + n, end);
			return;
		}
	}
}

void gdb_close_files(struct gdb *g)
{
	for (unsigned i = 0; i < GDB_FILES; i++) {
		if (g->file[i])
			close(g->file[i] - 1);
		g->file[i] = 0;
	}
}

/* ---- File-I/O ---- */

/* "retcode[,errno[,C]]": C says that the user interrupted the call. */
void packet_file_io(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint64_t value, error = 0;
	bool negative = gdb_take_char(&p, '-');
	(void)end;
	g->silent = true;
	if (!g->syscall_pending)
		return;
	if (!gdb_take_hex(&p, &value))
		value = 1, negative = true, error = 22;
	else if (*p == ',' && p[1] != 'C')
		take_number(&p, &error);
	if (p[0] == ',' && p[1] == 'C')
		g->syscall_interrupted = true;
	g->syscall_result = negative ? -(int64_t)(value & INT64_MAX) : (int64_t)(value & INT64_MAX);
	g->syscall_error = (int)MIN(error, (uint64_t)9999);
	g->syscall_pending = false;
}

int64_t gdb_syscall(struct gdb *g, const char *request, int *error)
{
	*error = 9999;
	if (!g || !g->attached || !g->running)
		return -1;
	g->syscall_pending = true;
	g->syscall_interrupted = false;
	g->syscall_result = -1;
	g->syscall_error = 9999;
	gdb_put(g, "F%s", request);
	gdb_send(g);
	while (g->syscall_pending && g->t.wait(g->t.opaque))
		;
	g->syscall_pending = false;
	*error = g->syscall_error;
	if (g->syscall_interrupted && g->attached)
		g->t.pause(g->t.opaque);
	return g->syscall_result;
}
