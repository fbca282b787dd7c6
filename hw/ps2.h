/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PS/2 device as its port sees it: bytes go in one by one, bytes come out of a queue. Keyboard and
 * mouse embed struct ps2; the port (pl050.c) owns neither.
 */
#ifndef RHEA_PS2_H
#define RHEA_PS2_H

#include "hw/hw.h"

#define PS2_QUEUE 16u /* as deep as real keyboards and QEMU's mouse have it */
#define PS2_REPLY 4u  /* the longest reply */
#define PS2_RING 32u

enum { PS2_ACK = 0xfa, PS2_RESEND = 0xfe, PS2_PASSED = 0xaa };

struct ps2 {
	uint8_t out[PS2_RING];       /* a ring: PS2_QUEUE bytes and a reply in front of them */
	unsigned head, count;
	unsigned replies;      /* of `count`: in front, and void with the next command */
	uint8_t last;          /* what was taken last */
	struct irq_line ready; /* high while bytes wait; the port's */
	void (*write)(struct ps2 *p, uint8_t byte);
	void (*room)(struct ps2 *p); /* a byte was taken */
};

/* Queues all n bytes or, false, none. */
bool ps2_put(struct ps2 *p, const uint8_t *bytes, unsigned n);
/* Queues what there is room for. */
void ps2_append(struct ps2 *p, const uint8_t *bytes, unsigned n);
/* Answers a command before anything else, instead of what is left of the answer to the last one. n <= PS2_REPLY. */
void ps2_reply(struct ps2 *p, const uint8_t *bytes, unsigned n);
/* The next byte; the last one again when there is none. */
uint8_t ps2_get(struct ps2 *p);
void ps2_flush(struct ps2 *p);

struct ps2 *ps2_kbd_add(struct hw_context *hw);
struct ps2 *ps2_mouse_add(struct hw_context *hw);

#endif
