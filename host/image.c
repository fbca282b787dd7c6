/* SPDX-License-Identifier: Apache-2.0 */
/* Reading image files: only regular files, copied, so that a file changed later cannot fault us. */
#include "host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rhea_status check_stat(const char *path, const struct stat *st, uint64_t max_size, struct rhea_error *err)
{
	if (S_ISDIR(st->st_mode))
		return error_set(err, RHEA_ERR_FILE, "%s: is a directory", path);
	if (!S_ISREG(st->st_mode))
		return error_set(err, RHEA_ERR_FILE, "%s: not a regular file", path);
	if (st->st_size <= 0)
		return error_set(err, RHEA_ERR_IMAGE, "%s: the file is empty", path);
	if ((uint64_t)st->st_size > max_size)
		return error_set(err, RHEA_ERR_IMAGE, "%s: too large: %" PRIu64 " bytes, there is room for %" PRIu64, path,
				 (uint64_t)st->st_size, max_size);
	return RHEA_OK;
}

/* Reads exactly `size` bytes. */
static enum rhea_status read_all(int fd, const char *path, uint8_t *data, size_t size, struct rhea_error *err)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, RHEA_ERR_FILE, "%s: cannot read: %s", path, strerror(errno));
		if (n == 0)
			return error_set(err, RHEA_ERR_FILE, "%s: shrank while it was read", path);
		done += (size_t)n;
	}
	return RHEA_OK;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#define LARGE ((size_t)1 << 16)

void *image_buffer(size_t size)
{
	uint8_t *p = malloc(size ? size : 1);
	if (p && size >= LARGE) { /* a page fault for each costs three times as much as all of them in one call */
		uint8_t *first = p + (-(uintptr_t)p & PAGE_MASK);
		(void)madvise(first, (size_t)(p + size - first) & ~(size_t)PAGE_MASK, MADV_POPULATE_WRITE);
	}
	return p;
}

/* Takes `data`, NULL when there was no memory for it. */
static enum rhea_status image_alloc(const char *path, size_t size, uint8_t *data, struct image_file *out, struct rhea_error *err)
{
	*out = (struct image_file){.path = strdup(path), .data = data, .size = size};
	if (out->path && out->data)
		return RHEA_OK;
	image_file_free(out);
	return error_set(err, RHEA_ERR_HOST, "%s: no host memory for %zu bytes", path, size);
}

static enum rhea_status read_file(const char *path, uint64_t max_size, bool program, struct image_file *out, struct rhea_error *err)
{
	struct stat st;
	*out = (struct image_file){0};
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a FIFO must not hang us */
	if (fd < 0)
		return error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno));
	enum rhea_status status = fstat(fd, &st) ? error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno))
						  : check_stat(path, &st, max_size, err);
	bool parts = !status && program && st.st_size >= (off_t)LARGE;
	if (!status)
		status = image_alloc(path, (size_t)st.st_size, parts ? calloc(1, (size_t)st.st_size) : image_buffer((size_t)st.st_size), out, err);
	if (!status && !(parts && image_read_parts(fd, out->data, out->size)))
		status = read_all(fd, path, out->data, out->size, err);
	close(fd);
	if (status)
		image_file_free(out);
	return status;
}

enum rhea_status image_read(const char *path, uint64_t max_size, struct image_file *out, struct rhea_error *err)
{
	return read_file(path, max_size, false, out, err);
}

enum rhea_status image_read_program(const char *path, uint64_t max_size, struct image_file *out, struct rhea_error *err)
{
	return read_file(path, max_size, true, out, err);
}

enum rhea_status image_from_memory(const char *path, const void *data, size_t size, struct image_file *out,
				   struct rhea_error *err)
{
	enum rhea_status status = image_alloc(path, size, image_buffer(size), out, err);
	if (!status && size)
		memcpy(out->data, data, size);
	return status;
}

void image_file_free(struct image_file *f)
{
	free(f->path);
	free(f->data);
	*f = (struct image_file){0};
}
