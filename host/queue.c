/* SPDX-License-Identifier: Apache-2.0 */
/* Byte queue: power-of-two ring, so that wrapping is a mask. */
#include "host/queue.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CAP ((size_t)256)

/* Makes room for `need` bytes; keeps the old ring when the host has no memory. */
static void queue_grow(struct byte_queue *q, size_t need)
{
	size_t cap = q->cap ? q->cap : MIN_CAP;
	while (cap < need)
		cap *= 2;
	if (cap == q->cap)
		return;
	uint8_t *data = malloc(cap);
	if (!data)
		return;
	size_t len = q->len;
	byte_queue_pop(q, data, len);
	free(q->data);
	q->data = data;
	q->head = 0;
	q->len = len;
	q->cap = cap;
}

size_t byte_queue_push(struct byte_queue *q, const uint8_t *buf, size_t n)
{
	n = MIN(n, q->limit - q->len);
	if (n == 0)
		return 0;
	if (q->len + n > q->cap)
		queue_grow(q, q->len + n);
	n = MIN(n, q->cap - q->len);
	if (n == 0)
		return 0;
	size_t tail = (q->head + q->len) & (q->cap - 1);
	size_t first = MIN(n, q->cap - tail);
	memcpy(q->data + tail, buf, first);
	memcpy(q->data, buf + first, n - first);
	q->len += n;
	return n;
}

const uint8_t *byte_queue_peek(const struct byte_queue *q, size_t *n)
{
	*n = MIN(q->len, q->cap - q->head);
	return *n ? q->data + q->head : NULL;
}

void byte_queue_drop(struct byte_queue *q, size_t n)
{
	q->len -= n;
	q->head = q->len ? (q->head + n) & (q->cap - 1) : 0;
}

size_t byte_queue_pop(struct byte_queue *q, uint8_t *buf, size_t n)
{
	size_t done = 0, run;
	const uint8_t *p;
	while (done < n && (p = byte_queue_peek(q, &run))) {
		run = MIN(run, n - done);
		memcpy(buf + done, p, run);
		byte_queue_drop(q, run);
		done += run;
	}
	return done;
}

void byte_queue_free(struct byte_queue *q)
{
	free(q->data);
	*q = (struct byte_queue){.limit = q->limit};
}
