/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of bytes from a PS/2 device to its port. */
#include "hw/ps2.h"

_Static_assert(PS2_RING >= PS2_QUEUE + PS2_REPLY, "a reply finds room in front of a full queue");

static void changed(struct ps2 *p)
{
	irq_set(&p->ready, p->count != 0);
}

static void drop(struct ps2 *p, unsigned n)
{
	p->head = (p->head + n) % PS2_RING;
	p->count -= n;
	p->replies -= MIN(p->replies, n);
}

bool ps2_put(struct ps2 *p, const uint8_t *bytes, unsigned n)
{
	if (p->count - p->replies + n > PS2_QUEUE)
		return false;
	for (unsigned i = 0; i < n; i++)
		p->out[(p->head + p->count++) % PS2_RING] = bytes[i];
	changed(p);
	return true;
}

void ps2_append(struct ps2 *p, const uint8_t *bytes, unsigned n)
{
	ps2_put(p, bytes, MIN(n, PS2_QUEUE - MIN(p->count, PS2_QUEUE)));
}

void ps2_reply(struct ps2 *p, const uint8_t *bytes, unsigned n)
{
	drop(p, p->replies);
	p->head = (p->head + PS2_RING - n) % PS2_RING;
	for (unsigned i = 0; i < n; i++)
		p->out[(p->head + i) % PS2_RING] = bytes[i];
	p->count += n;
	p->replies = n;
	changed(p);
}

uint8_t ps2_get(struct ps2 *p)
{
	if (p->count == 0)
		return p->last;
	p->last = p->out[p->head];
	drop(p, 1);
	changed(p);
	p->room(p);
	return p->last;
}

void ps2_flush(struct ps2 *p)
{
	p->head = p->count = p->replies = 0;
	changed(p);
}
