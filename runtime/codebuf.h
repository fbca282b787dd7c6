/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for emitted code, mapped twice, once RW and once RX, so that no mapping is
 * ever writable and executable. Filled from the start to the end, then emptied as a whole; what is emitted before
 * the mark (the shared thunks) stays.
 */
#ifndef RHEA_CODEBUF_H
#define RHEA_CODEBUF_H

#include "backend-x86_64/x64.h"

struct codebuf {
	struct x64_out out; /* the backend writes here */
	uint8_t *rw, *rx;
	size_t size;
	uint8_t *mark;      /* RW: codebuf_flush goes back to here */
};

/* `size` is rounded up to whole pages. Error: the host refuses executable memory. */
enum rhea_status codebuf_init(struct codebuf *b, size_t size, struct rhea_error *err);
void codebuf_free(struct codebuf *b); /* a zeroed struct is fine */
void codebuf_set_mark(struct codebuf *b);
void codebuf_flush(struct codebuf *b);

static inline size_t codebuf_used(const struct codebuf *b)
{
	return (size_t)(b->out.cur - b->rw);
}

#endif
