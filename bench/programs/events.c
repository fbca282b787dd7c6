/* SPDX-License-Identifier: Apache-2.0 */
/* A firmware's main loop: timed events in a queue, handlers called through pointers, messages in rings, checksums of packets. */
#include "bench.h"

enum { EVENTS = 64, PORTS = 8 };
struct event { uint32_t when; void (*run)(struct event *e); uint32_t port, data; };
struct ring { uint8_t bytes[256]; uint8_t in, out; };

static struct event pool[EVENTS], *queue[EVENTS];
static unsigned queued;
static struct ring rings[PORTS];
static uint32_t now, sum, seed, lost;

static NOINLINE void post(struct event *e, uint32_t delay)
{
	unsigned at = queued++;

	e->when = now + delay;
	for (; at && (int32_t)(queue[(at - 1) / 2]->when - e->when) > 0; at = (at - 1) / 2)
		queue[at] = queue[(at - 1) / 2];
	queue[at] = e;
}

static NOINLINE struct event *next_event(void)
{
	struct event *first = queue[0], *last = queue[--queued];
	unsigned at = 0;

	for (unsigned c; (c = 2 * at + 1) < queued; at = c) {
		if (c + 1 < queued && (int32_t)(queue[c + 1]->when - queue[c]->when) < 0)
			c++;
		if ((int32_t)(last->when - queue[c]->when) <= 0)
			break;
		queue[at] = queue[c];
	}
	queue[at] = last;
	now = first->when;
	return first;
}

static int put(struct ring *r, uint8_t b)
{
	if ((uint8_t)(r->in + 1) == r->out)
		return 0;
	r->bytes[r->in++] = b;
	return 1;
}

static int get(struct ring *r)
{
	return r->in == r->out ? -1 : r->bytes[r->out++];
}

static void receive(struct event *e)
{
	struct ring *r = &rings[e->port];
	uint32_t len = 8 + (e->data & 31);

	put(r, (uint8_t)len);
	for (uint32_t i = 0; i < len; i++)
		if (!put(r, (uint8_t)(e->data >> (i & 7))))
			lost++;
	e->data = next_random(&seed);
	post(e, 20 + (e->data >> 20 & 63));
}

static void parse(struct event *e)
{
	struct ring *r = &rings[e->port];
	int len;

	while ((len = get(r)) > 0) {
		uint32_t a = 1, b = 0;

		for (int c; len-- && (c = get(r)) >= 0;) {
			a += (uint32_t)c;
			b += a;
		}
		sum = sum * 31 + (b << 16 | (a & 0xffff));
	}
	post(e, 40 + (sum & 15));
}

static void tick(struct event *e)
{
	e->data = e->data << 1 | e->data >> 31;
	sum += e->data & 1 ? now : e->port;
	post(e, 5 + e->port);
}

uint32_t bench(uint32_t n)
{
	static void (*const kinds[4])(struct event *) = { receive, parse, tick, tick };

	queued = 0, now = 0, sum = 0, lost = 0, seed = 171;
	memset(rings, 0, sizeof(rings));
	for (unsigned i = 0; i < 32; i++) {
		pool[i] = (struct event){ 0, kinds[i & 3], i / 4 % PORTS, i * 0x01010101 };
		post(&pool[i], i);
	}
	while (n--) {
		struct event *e = next_event();

		e->run(e);
	}
	return sum ^ lost;
}
