/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dual-mapped code buffer. Shared anonymous memory rather than a memfd: Linux perf asks /tmp/perf-PID.map for names
 * only where code is not in a file, and a memfd counts as one (-perfmap).
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/codebuf.h"

enum rhea_status codebuf_init(struct codebuf *b, size_t size, struct rhea_error *err)
{
	*b = (struct codebuf){0};
	size = (size + PAGE_MASK) & ~(size_t)PAGE_MASK;
	void *rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* An old size of 0 maps shared pages once more. */
	void *rx = rw == MAP_FAILED ? MAP_FAILED : mremap(rw, 0, size, MREMAP_MAYMOVE);
	if (rx == MAP_FAILED || mprotect(rx, size, PROT_READ | PROT_EXEC) < 0) {
		int e = errno;
		if (rw != MAP_FAILED)
			munmap(rw, size);
		if (rx != MAP_FAILED)
			munmap(rx, size);
		return error_set(err, RHEA_ERR_HOST, "code buffer: the host refuses %zu bytes of executable memory: %s",
				 size, strerror(e));
	}
	(void)madvise(rx, size, MADV_DONTDUMP); /* a core dump has it by the other mapping */
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
