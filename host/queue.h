/* SPDX-License-Identifier: Apache-2.0 */
/* A byte queue: a ring that grows up to a limit. Holds what a slow peer or a busy guest has not taken yet. */
#ifndef RHEA_HOST_QUEUE_H
#define RHEA_HOST_QUEUE_H

#include "base/base.h"

struct byte_queue {
	uint8_t *data;
	size_t head, len, cap; /* a zeroed queue with a limit is valid and empty */
	size_t limit;          /* len never exceeds it */
};

/* Appends up to n bytes; returns how many there was room (and host memory) for. */
size_t byte_queue_push(struct byte_queue *q, const uint8_t *buf, size_t n);

/* The longest contiguous run at the head; *n = 0 when empty. */
const uint8_t *byte_queue_peek(const struct byte_queue *q, size_t *n);

/* Removes n bytes from the head (n <= len). */
void byte_queue_drop(struct byte_queue *q, size_t n);

/* Moves up to n bytes out; returns how many. */
size_t byte_queue_pop(struct byte_queue *q, uint8_t *buf, size_t n);

/* Forgets the bytes and returns the memory; the limit stays. */
void byte_queue_free(struct byte_queue *q);

#endif
