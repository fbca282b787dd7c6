/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PS/2 mouse: the standard three buttons, and after their knocks (three sample rates in a row) the
 * IntelliMouse's wheel and the Explorer's two more buttons. Movements add up while the queue is full or the
 * guest does not listen fast enough. Sample rate and resolution are kept and have no effect.
 */
#include <stdlib.h>

#include "hw/ps2.h"

enum { ID_PLAIN = 0, ID_WHEEL = 3, ID_EXPLORER = 4 };
enum { STATUS_SCALE = 0x10, STATUS_ENABLED = 0x20, STATUS_REMOTE = 0x40 };

struct ps2_mouse {
	struct ps2 ps2;
	uint8_t pending; /* command whose argument is to come; 0 = none */
	uint8_t rates[3]; /* set last, newest first: the knocks */
	uint8_t id, status, resolution;
	bool wrap, changed;
	uint8_t buttons; /* 1 left, 2 middle, 4 right, 8 and 16 the side ones */
	int32_t dx, dy, dz;
};

/* ---- packets ---- */

/* Takes up to `limit` either way out of *sum. */
static int take(int32_t *sum, int limit)
{
	int n = *sum > limit ? limit : *sum < -limit ? -limit : (int)*sum;
	*sum -= n;
	return n;
}

static unsigned make_packet(struct ps2_mouse *m, uint8_t p[4])
{
	int dx = take(&m->dx, 127), dy = take(&m->dy, 127), dz = 0;
	unsigned b = m->buttons;
	if (m->id == ID_WHEEL)
		dz = take(&m->dz, 127);
	else if (m->id == ID_EXPLORER)
		dz = take(&m->dz, 7);
	else
		m->dz = 0;
	p[0] = (uint8_t)(8u | (b & 1) | ((b & 4) >> 1) | ((b & 2) << 1) | (dx < 0 ? 0x10u : 0) | (dy < 0 ? 0x20u : 0));
	p[1] = (uint8_t)dx;
	p[2] = (uint8_t)dy;
	p[3] = (uint8_t)dz;
	if (m->id == ID_EXPLORER)
		p[3] = (uint8_t)((dz & 0xf) | ((b & 0x18) << 1));
	return m->id == ID_PLAIN ? 3 : 4;
}

static bool anything(const struct ps2_mouse *m)
{
	return m->changed || m->dx || m->dy || m->dz;
}

static void send_packets(struct ps2_mouse *m)
{
	uint8_t p[4];
	bool streaming = (m->status & (STATUS_ENABLED | STATUS_REMOTE)) == STATUS_ENABLED && !m->wrap;
	while (streaming && anything(m) && m->ps2.count + 4 <= PS2_QUEUE) {
		unsigned n = make_packet(m, p);
		m->changed = false;
		ps2_put(&m->ps2, p, n);
	}
}

static void mouse_room(struct ps2 *p)
{
	send_packets((struct ps2_mouse *)p);
}

static int32_t add_clamped(int32_t sum, int32_t d)
{
	int64_t v = (int64_t)sum + d;
	return v > 0xffff ? 0xffff : v < -0xffff ? -0xffff : (int32_t)v;
}

/* dy grows downwards and dz towards the user, as everywhere but on the wire. A disabled mouse sees no movement. */
static void mouse_move(void *dev, int dx, int dy, int dz, unsigned buttons)
{
	struct ps2_mouse *m = dev;
	m->changed |= m->buttons != (buttons & 0x1f);
	m->buttons = buttons & 0x1f;
	if (m->status & STATUS_ENABLED) {
		m->dx = add_clamped(m->dx, dx);
		m->dy = add_clamped(m->dy, -add_clamped(0, dy));
		m->dz = add_clamped(m->dz, -add_clamped(0, dz));
		send_packets(m);
	}
}

/* ---- commands ---- */

enum {
	CMD_SCALE_1 = 0xe6, CMD_SCALE_2 = 0xe7, CMD_RESOLUTION = 0xe8, CMD_STATUS = 0xe9, CMD_STREAM = 0xea, CMD_POLL = 0xeb,
	CMD_WRAP_OFF = 0xec, CMD_WRAP_ON = 0xee, CMD_REMOTE = 0xf0, CMD_ID = 0xf2, CMD_RATE = 0xf3, CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_RESEND = 0xfe, CMD_RESET = 0xff,
};

static void defaults(struct ps2_mouse *m)
{
	m->rates[0] = 100;
	m->rates[1] = m->rates[2] = 0;
	m->resolution = 2;
	m->status = 0;
	m->dx = m->dy = m->dz = 0;
	m->changed = false;
}

static void ack(struct ps2_mouse *m)
{
	ps2_append(&m->ps2, (const uint8_t[]){PS2_ACK}, 1);
}

static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
	m->rates[2] = m->rates[1];
	m->rates[1] = m->rates[0];
	m->rates[0] = rate;
	if (rate == 80 && m->rates[1] == 100 && m->rates[2] == 200)
		m->id = ID_WHEEL;
	if (rate == 80 && m->rates[1] == 200 && m->rates[2] == 200)
		m->id = ID_EXPLORER;
}

static void argument(struct ps2_mouse *m, uint8_t byte)
{
	if (m->pending == CMD_RATE)
		set_rate(m, byte);
	else
		m->resolution = byte;
	m->pending = 0;
	ack(m);
}

static void reply_status(struct ps2_mouse *m)
{
	/* the wire's order of buttons: left, middle, right from bit 2 down */
	unsigned b = m->buttons, pressed = (b & 1) << 2 | (b & 2) | (b & 4) >> 2;
	ps2_append(&m->ps2, (const uint8_t[]){PS2_ACK, (uint8_t)(m->status | pressed), m->resolution, m->rates[0]}, 4);
}

static void reply_packet(struct ps2_mouse *m)
{
	uint8_t p[5] = {PS2_ACK};
	unsigned n = make_packet(m, p + 1);
	m->changed = false;
	ps2_append(&m->ps2, p, n + 1);
}

static void reset_mouse(struct ps2_mouse *m)
{
	defaults(m);
	m->id = ID_PLAIN;
	m->wrap = false;
	m->pending = 0;
	ps2_flush(&m->ps2);
}

static void set_status(struct ps2_mouse *m, uint8_t clear, uint8_t set)
{
	m->status = (uint8_t)((m->status & ~clear) | set);
	ack(m);
}

static void command(struct ps2_mouse *m, uint8_t byte)
{
	switch (byte) {
	case CMD_SCALE_1: set_status(m, STATUS_SCALE, 0); return;
	case CMD_SCALE_2: set_status(m, 0, STATUS_SCALE); return;
	case CMD_STREAM: set_status(m, STATUS_REMOTE, 0); return;
	case CMD_REMOTE: set_status(m, 0, STATUS_REMOTE); return;
	case CMD_ENABLE: set_status(m, 0, STATUS_ENABLED); return;
	case CMD_DISABLE: set_status(m, STATUS_ENABLED, 0); return;
	case CMD_RESOLUTION:
	case CMD_RATE:
		m->pending = byte;
		ack(m);
		return;
	case CMD_STATUS: reply_status(m); return;
	case CMD_POLL: reply_packet(m); return;
	case CMD_WRAP_ON:
	case CMD_WRAP_OFF:
		m->wrap = byte == CMD_WRAP_ON;
		ack(m);
		return;
	case CMD_ID: ps2_append(&m->ps2, (const uint8_t[]){PS2_ACK, m->id}, 2); return;
	case CMD_DEFAULTS:
		defaults(m);
		ack(m);
		return;
	case CMD_RESEND: ps2_append(&m->ps2, (const uint8_t[]){m->ps2.last}, 1); return;
	case CMD_RESET:
		reset_mouse(m);
		ps2_append(&m->ps2, (const uint8_t[]){PS2_ACK, PS2_PASSED, ID_PLAIN}, 3);
		return;
	}
	ps2_append(&m->ps2, (const uint8_t[]){PS2_RESEND}, 1);
}

static void mouse_write(struct ps2 *p, uint8_t byte)
{
	struct ps2_mouse *m = (struct ps2_mouse *)p;
	if (m->wrap && byte != CMD_WRAP_OFF && byte != CMD_RESET)
		ps2_append(p, &byte, 1);
	else if (m->pending)
		argument(m, byte);
	else
		command(m, byte);
}

static void mouse_reset(void *dev)
{
	struct ps2_mouse *m = dev;
	reset_mouse(m);
	m->ps2.last = 0;
}

/* ---- state ---- */

/* Replies are among what waits; what has moved is bounded, so that it can be told in a bounded number of packets. */
static bool mouse_valid(const void *dev)
{
	const struct ps2_mouse *m = dev;
	return m->ps2.replies <= m->ps2.count && m->ps2.count - m->ps2.replies <= PS2_QUEUE &&
	       add_clamped(m->dx, 0) == m->dx && add_clamped(m->dy, 0) == m->dy && add_clamped(m->dz, 0) == m->dz;
}

static const struct state_field mouse_fields[] = {
	STATE_ARRAY(struct ps2_mouse, ps2.out, 0),
	STATE_MAX(struct ps2_mouse, ps2.head, PS2_RING - 1),
	STATE_MAX(struct ps2_mouse, ps2.count, PS2_QUEUE + PS2_REPLY),
	STATE_MAX(struct ps2_mouse, ps2.replies, PS2_REPLY),
	STATE(struct ps2_mouse, ps2.last),
	STATE_NOT(struct ps2_mouse, ps2.ready, STATE_WIRING),
	STATE_NOT(struct ps2_mouse, ps2.write, STATE_WIRING),
	STATE_NOT(struct ps2_mouse, ps2.room, STATE_WIRING),
	STATE(struct ps2_mouse, pending),
	STATE_ARRAY(struct ps2_mouse, rates, 0),
	STATE(struct ps2_mouse, id),
	STATE(struct ps2_mouse, status),
	STATE(struct ps2_mouse, resolution),
	STATE_BOOL(struct ps2_mouse, wrap),
	STATE_BOOL(struct ps2_mouse, changed),
	STATE(struct ps2_mouse, buttons),
	STATE(struct ps2_mouse, dx),
	STATE(struct ps2_mouse, dy),
	STATE(struct ps2_mouse, dz),
};
static const struct state_desc mouse_state = {.name = "ps2-mouse", .size = sizeof(struct ps2_mouse), .version = 1, STATE_FIELDS(mouse_fields), .valid = mouse_valid};

struct ps2 *ps2_mouse_add(struct hw_context *hw)
{
	struct ps2_mouse *m = hw_new_device(hw, "ps2-mouse", sizeof(*m), mouse_reset, free);
	hw_describe(hw, m, &mouse_state);
	m->ps2.write = mouse_write;
	m->ps2.room = mouse_room;
	defaults(m);
	hw->input.move = mouse_move;
	hw->input.mouse = m;
	return &m->ps2;
}
