/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, locking and closing of image files, and plain access to them; the overlay is in block-overlay.c. */
#include "host/block-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u

/* ---- positioned access; all or nothing as far as the caller can tell ---- */

bool block_file_read(int fd, uint64_t off, void *buf, size_t n)
{
	for (uint8_t *p = buf; n;) {
		ssize_t got = pread(fd, p, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got ? errno : EIO; /* the file shrank */
			return false;
		}
		p += got, off += (uint64_t)got, n -= (size_t)got;
	}
	return true;
}

bool block_file_write(int fd, uint64_t off, const void *buf, size_t n)
{
	for (const uint8_t *p = buf; n;) {
		ssize_t put = pwrite(fd, p, n, (off_t)off);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			errno = put ? errno : ENOSPC;
			return false;
		}
		p += put, off += (uint64_t)put, n -= (size_t)put;
	}
	return true;
}

bool block_file_zero(int fd, uint64_t off, uint64_t n)
{
	static const uint8_t zeros[65536];
	if (n == 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)n) == 0)
		return true;
	for (uint64_t step; n; off += step, n -= step) {
		step = MIN(n, sizeof zeros);
		if (!block_file_write(fd, off, zeros, step))
			return false;
	}
	return true;
}

/* ---- what devices call ---- */

/* One line on stderr for each kind of trouble: the guest only sees that its disk is ill. */
static bool complain(struct image *im, const char *what)
{
	if (im->last_errno != errno)
		fprintf(stderr, "rhea: %s: cannot %s: %s; the guest sees a disk error\n", im->path, what, strerror(errno));
	im->last_errno = errno;
	return false;
}

static bool inside(const struct block *b, uint64_t off, uint64_t n)
{
	return off <= b->size && n <= b->size - off;
}

static bool image_read(struct block *b, uint64_t off, void *buf, size_t n)
{
	struct image *im = b->backend;
	if (!inside(b, off, n))
		return false;
	bool ok = im->overlay ? overlay_read(im, off, buf, n) : block_file_read(im->fd, off, buf, n);
	return ok || complain(im, "read");
}

static bool image_write(struct block *b, uint64_t off, const void *buf, size_t n)
{
	struct image *im = b->backend;
	if (b->read_only || !inside(b, off, n))
		return false;
	im->written = true;
	if (b->will_write)
		b->will_write(b->keeper, b, off, n);
	bool ok = im->overlay ? overlay_write(im, off, buf, n) : block_file_write(im->fd, off, buf, n);
	return ok || complain(im, "write");
}

static bool image_zero(struct block *b, uint64_t off, uint64_t n)
{
	struct image *im = b->backend;
	if (b->read_only || !inside(b, off, n))
		return false;
	im->written = true;
	if (b->will_write)
		b->will_write(b->keeper, b, off, n);
	bool ok = im->overlay ? overlay_zero(im, off, n) : block_file_zero(im->fd, off, n);
	return ok || complain(im, "write");
}

/* ---- locking ---- */

/*
 * Bytes of the image that QEMU locks for shared reading: 100 + n says "I do n", 200 + n says "others must
 * not do n". n: 0 read, 1 write, 3 resize.
 */
enum { LOCK_DOES = 100, LOCK_REFUSES = 200, ACT_READ = 0, ACT_WRITE = 1, ACT_RESIZE = 3 };

/* True when the file system has no such locks, too: then there is nothing to ask. */
static bool lock_byte(int fd, int command, short type, off_t byte)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	if (fcntl(fd, command, &fl))
		return errno != EAGAIN && errno != EACCES;
	return command != F_OFD_GETLK || fl.l_type == F_UNLCK;
}

static bool take(int fd, off_t byte)
{
	return lock_byte(fd, F_OFD_SETLK, F_RDLCK, byte);
}

static bool nobody_has(int fd, off_t byte)
{
	return lock_byte(fd, F_OFD_GETLK, F_WRLCK, byte);
}

static bool lock_image(int fd, bool writes)
{
	if (!take(fd, LOCK_DOES + ACT_READ) || !take(fd, LOCK_REFUSES + ACT_WRITE) ||
	    !take(fd, LOCK_REFUSES + ACT_RESIZE) || (writes && !take(fd, LOCK_DOES + ACT_WRITE)))
		return false;
	return nobody_has(fd, LOCK_DOES + ACT_WRITE) && nobody_has(fd, LOCK_DOES + ACT_RESIZE) &&
	       nobody_has(fd, LOCK_REFUSES + ACT_READ) && (!writes || nobody_has(fd, LOCK_REFUSES + ACT_WRITE));
}

/* ---- opening ---- */

/* How files of other formats start. */
static const struct {
	const char *name;
	unsigned at, len;
	const char *magic;
} formats[] = {
	{"qcow2", 0, 4, "QFI\xfb"},         {"qed", 0, 4, "QED\0"},
	{"vmdk", 0, 4, "KDMV"},             {"vmdk", 0, 4, "COWD"},
	{"vpc", 0, 8, "conectix"},          {"vhdx", 0, 8, "vhdxfile"},
	{"vdi", 64, 4, "\x7f\x10\xda\xbe"}, {"luks", 0, 6, "LUKS\xba\xbe"},
};

static enum rhea_status check_format(int fd, const char *path, struct rhea_error *err)
{
	uint8_t head[SECTOR] = {0};
	ssize_t n = pread(fd, head, sizeof head, 0);
	for (unsigned i = 0; n > 0 && i < ARRAY_LEN(formats); i++)
		if (memcmp(head + formats[i].at, formats[i].magic, formats[i].len) == 0)
			return error_set(err, RHEA_ERR_IMAGE,
					 "%s: a %s image; only raw images are supported: convert it with 'qemu-img convert "
					 "-O raw', or give format=raw when these bytes are the disk's own",
					 path, formats[i].name);
	return RHEA_OK;
}

static enum rhea_status check_file(struct image *im, const struct block_config *cfg, uint64_t *size, struct rhea_error *err)
{
	struct stat st;
	if (fstat(im->fd, &st))
		return error_set(err, RHEA_ERR_FILE, "%s: %s", im->path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(err, RHEA_ERR_FILE, "%s: a disk image is a regular file or a block device, this is %s",
				 im->path, S_ISDIR(st.st_mode) ? "a directory" : "neither");
	off_t end = lseek(im->fd, 0, SEEK_END);
	if (end <= 0)
		return error_set(err, RHEA_ERR_IMAGE, "%s: the disk image is empty; make one with 'truncate -s 64M %s'",
				 im->path, im->path);
	if (end % SECTOR)
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: %lld bytes are not a whole number of %u-byte sectors: not a raw disk image, or cut short",
				 im->path, (long long)end, SECTOR);
	*size = (uint64_t)end;
	return cfg->format_raw ? RHEA_OK : check_format(im->fd, im->path, err);
}

static enum rhea_status open_file(struct image *im, const struct block_config *cfg, struct rhea_error *err)
{
	bool writes = !cfg->read_only && !cfg->snapshot;
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (writes ? O_RDWR : O_RDONLY); /* a FIFO must not hang us */
	im->fd = open(cfg->path, flags | (cfg->write_through ? O_DSYNC : 0));
	if (im->fd >= 0)
		return RHEA_OK;
	bool refused = writes && (errno == EACCES || errno == EROFS || errno == EPERM);
	return error_set(err, RHEA_ERR_FILE, "%s: %s%s", cfg->path, strerror(errno),
			 refused ? "; to use it without changing it: readonly=on or snapshot=on" : "");
}

static void image_free(struct image *im)
{
	overlay_close(im);
	if (im->fd >= 0)
		close(im->fd);
	free(im->path);
	free(im);
}

static enum rhea_status image_open(struct image *im, const struct block_config *cfg, uint64_t *size, struct rhea_error *err)
{
	enum rhea_status st = open_file(im, cfg, err);
	if (!st)
		st = check_file(im, cfg, size, err);
	if (!st && !lock_image(im->fd, !cfg->read_only && !cfg->snapshot))
		st = error_set(err, RHEA_ERR_FILE, "%s: this image is in use already, by another process or twice here%s", im->path,
			       cfg->read_only || cfg->snapshot ? ", and may be written to"
							       : " (several can share it with readonly=on or snapshot=on)");
	if (!st && cfg->snapshot)
		st = overlay_open(im, *size, err);
	return st;
}

enum rhea_status block_open(struct block *b, const struct block_config *cfg, struct rhea_error *err)
{
	uint64_t size = 0;
	struct image *im = calloc(1, sizeof *im);
	if (im) {
		im->fd = im->overlay_fd = -1;
		im->path = strdup(cfg->path);
	}
	if (!im || !im->path) {
		free(im);
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", cfg->path);
	}
	enum rhea_status st = image_open(im, cfg, &size, err);
	if (st) {
		image_free(im);
		return st;
	}
	b->read = image_read;
	b->write = image_write;
	b->zero = image_zero;
	b->size = size;
	b->read_only = cfg->read_only;
	b->backend = im;
	return RHEA_OK;
}

void block_close(struct block *b)
{
	struct image *im = b->backend;
	if (!im)
		return;
	if (im->written && !im->overlay && fdatasync(im->fd))
		complain(im, "write out");
	image_free(im);
	b->read = NULL;
	b->write = NULL;
	b->zero = NULL;
	b->size = 0;
	b->backend = NULL;
}
