/* SPDX-License-Identifier: Apache-2.0 */
/* The dual-mapped code buffer. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/codebuf.h"

enum rhea_status codebuf_init(struct codebuf *b, size_t size, struct rhea_error *err)
{
	*b = (struct codebuf){0};
	size = (size + PAGE_MASK) & ~(size_t)PAGE_MASK;
	int fd = memfd_create("rhea-code", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return error_set(err, RHEA_ERR_HOST, "code buffer: cannot make a %zu byte memfd: %s", size, strerror(e));
	}
	void *rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	int e = errno;
	close(fd);
	if (rw == MAP_FAILED || rx == MAP_FAILED) {
		if (rw != MAP_FAILED)
			munmap(rw, size);
		if (rx != MAP_FAILED)
			munmap(rx, size);
		return error_set(err, RHEA_ERR_HOST, "code buffer: the host refuses %zu bytes of executable memory: %s",
				 size, strerror(e));
	}
	*b = (struct codebuf){.rw = rw, .rx = rx, .size = size, .mark = rw};
	b->out = (struct x64_out){.cur = rw, .end = (uint8_t *)rw + size, .rx_delta = (uint8_t *)rx - (uint8_t *)rw};
	return RHEA_OK;
}

void codebuf_free(struct codebuf *b)
{
	if (!b->rw)
		return;
	munmap(b->rw, b->size);
	munmap(b->rx, b->size);
	*b = (struct codebuf){0};
}

void codebuf_set_mark(struct codebuf *b)
{
	b->mark = b->out.cur;
}

void codebuf_flush(struct codebuf *b)
{
	b->out.cur = b->mark;
	b->out.full = false;
}
