/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PS/2 keyboard: 102 keys and the usual extra ones, scan code sets 1 to 3, LEDs and typematic settings
 * kept and without effect (keys do not repeat by themselves). Keys pressed from outside wait until it
 * is their time and the queue has room, so that none is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/input.h"
#include "hw/ps2.h"

#define EVENTS 256u

static const struct key {
	const char *name;
	uint16_t code[3]; /* sets 1, 2, 3 */
} keys[] = {
#define KEY(name, set1, set2, set3) {name, {set1, set2, set3}},
#include "hw/ps2_keys.def"
#undef KEY
};

enum { SET1_PRINT = 0xe037, SET1_PAUSE = 0xe046, SET1_ALT = 0x38, SET1_ALT_R = 0xe038, SET1_CTRL = 0x1d, SET1_CTRL_R = 0xe01d };

struct event {
	uint64_t time; /* ns */
	uint16_t key;
	bool down;
};

struct ps2_kbd {
	struct ps2 ps2;
	struct hw_context *hw;
	struct vtimer timer;
	struct event events[EVENTS];
	unsigned head, count;
	uint64_t busy_until;
	uint8_t pending; /* command whose argument is to come; 0 = none */
	uint8_t set;
	bool scanning;
	uint8_t alt, ctrl; /* how many of them are down: they change what print and pause send */
};

/* ---- names ---- */

int hw_key_find(const char *name, size_t n)
{
	char text[8], *end;
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i].name) == n && !memcmp(keys[i].name, name, n))
			return (int)i;
	if (n < 3 || n >= sizeof(text) || name[0] != '0' || name[1] != 'x')
		return -1;
	memcpy(text, name, n);
	text[n] = 0;
	unsigned long number = strtoul(text, &end, 16);
	if (*end || number > 0xff)
		return -1;
	unsigned code = number & 0x80 ? 0xe000u | (number & 0x7f) : (unsigned)number;
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].code[0] == code)
			return (int)i;
	return -1;
}

unsigned hw_key_count(void)
{
	return ARRAY_LEN(keys);
}

/* ---- scan codes ---- */

struct codes {
	uint8_t bytes[16];
	unsigned n;
};

static void add(struct codes *c, uint8_t byte)
{
	c->bytes[c->n++] = byte;
}

/* One make or break code of set 1 or 2. */
static void add_code(struct codes *c, unsigned set, uint16_t code, bool down)
{
	if (code >> 8)
		add(c, (uint8_t)(code >> 8));
	if (!down && set != 1)
		add(c, 0xf0);
	add(c, (uint8_t)((code & 0xff) | (!down && set == 1 ? 0x80 : 0)));
}

static void print_codes(const struct ps2_kbd *k, struct codes *c, bool down)
{
	static const uint16_t shift[] = {0xe02a, 0xe012}, print[] = {0xe037, 0xe07c}, sysrq[] = {0x54, 0x84};
	unsigned i = k->set - 1u;
	if (k->alt) {
		add_code(c, k->set, sysrq[i], down);
		return;
	}
	if (down)
		add_code(c, k->set, shift[i], true);
	add_code(c, k->set, print[i], down);
	if (!down)
		add_code(c, k->set, shift[i], false);
}

/* Make and break together when it is pressed, nothing when it is let go. */
static void pause_codes(const struct ps2_kbd *k, struct codes *c, bool down)
{
	static const uint16_t brk[] = {0xe046, 0xe07e}, ctrl[] = {0x1d, 0x14}, num[] = {0x45, 0x77};
	unsigned i = k->set - 1u;
	if (!down)
		return;
	for (unsigned pass = 0; pass < 2; pass++) {
		if (k->ctrl) {
			add_code(c, k->set, brk[i], !pass);
			continue;
		}
		add(c, 0xe1);
		add_code(c, k->set, ctrl[i], !pass);
		add_code(c, k->set, num[i], !pass);
	}
}

static bool send_event(struct ps2_kbd *k, const struct event *e)
{
	const struct key *key = &keys[e->key];
	struct codes c = {.n = 0};
	if (k->set < 3 && key->code[0] == SET1_PRINT)
		print_codes(k, &c, e->down);
	else if (k->set < 3 && key->code[0] == SET1_PAUSE)
		pause_codes(k, &c, e->down);
	else if (key->code[k->set - 1])
		add_code(&c, k->set, key->code[k->set - 1], e->down);
	if (k->scanning && !ps2_put(&k->ps2, c.bytes, c.n))
		return false;
	int step = e->down ? 1 : -1;
	if (key->code[0] == SET1_ALT || key->code[0] == SET1_ALT_R)
		k->alt = (uint8_t)(k->alt + step);
	if (key->code[0] == SET1_CTRL || key->code[0] == SET1_CTRL_R)
		k->ctrl = (uint8_t)(k->ctrl + step);
	return true;
}

/* ---- keys from outside ---- */

static void send_due(struct ps2_kbd *k)
{
	uint64_t now = vclock_now(k->hw->clock);
	while (k->count && k->events[k->head].time <= now) {
		if (!send_event(k, &k->events[k->head]))
			return; /* room() comes back to it */
		k->head = (k->head + 1) % EVENTS;
		k->count--;
	}
	if (k->count)
		vtimer_arm(&k->timer, k->events[k->head].time);
}

static void timer_fire(void *opaque)
{
	send_due(opaque);
}

static void kbd_room(struct ps2 *p)
{
	send_due((struct ps2_kbd *)p);
}

static void push(struct ps2_kbd *k, unsigned key, bool down, uint64_t time)
{
	k->events[(k->head + k->count++) % EVENTS] = (struct event){time, (uint16_t)key, down};
}

/* Presses n keys together, in order, and lets them go in reverse after hold_ns. */
static bool kbd_press(void *dev, const unsigned *which, unsigned n, uint64_t hold_ns)
{
	struct ps2_kbd *k = dev;
	uint64_t start = MAX(vclock_now(k->hw->clock), k->busy_until);
	if (2 * n > EVENTS - k->count)
		return false;
	k->busy_until = start + hold_ns;
	for (unsigned i = 0; i < n; i++)
		push(k, which[i], true, start);
	for (unsigned i = n; i-- > 0;)
		push(k, which[i], false, k->busy_until);
	send_due(k);
	return true;
}

/* ---- commands ---- */

enum {
	CMD_LEDS = 0xed, CMD_ECHO = 0xee, CMD_SET = 0xf0, CMD_ID = 0xf2, CMD_RATE = 0xf3, CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_ALL_FIRST = 0xf7, CMD_ALL_LAST = 0xfa, CMD_KEY_FIRST = 0xfb,
	CMD_KEY_LAST = 0xfd, CMD_RESEND = 0xfe, CMD_RESET = 0xff,
};

static void defaults(struct ps2_kbd *k)
{
	k->set = 2;
	k->scanning = true;
	k->pending = 0;
}

static void forget_keys(struct ps2_kbd *k)
{
	vtimer_cancel(&k->timer);
	k->head = k->count = 0;
	k->busy_until = 0;
	k->alt = k->ctrl = 0;
}

static void ack(struct ps2_kbd *k)
{
	ps2_reply(&k->ps2, (const uint8_t[]){PS2_ACK}, 1);
}

static void argument(struct ps2_kbd *k, uint8_t byte)
{
	uint8_t command = k->pending;
	k->pending = 0;
	if (command == CMD_SET && byte == 0) {
		ps2_reply(&k->ps2, (const uint8_t[]){PS2_ACK, k->set}, 2);
		return;
	}
	if (command == CMD_SET && byte > 3) {
		ps2_reply(&k->ps2, (const uint8_t[]){PS2_RESEND}, 1);
		return;
	}
	if (command == CMD_SET)
		k->set = byte;
	ack(k);
}

static void command(struct ps2_kbd *k, uint8_t byte)
{
	switch (byte) {
	case CMD_LEDS:
	case CMD_SET:
	case CMD_RATE:
		k->pending = byte;
		ack(k);
		return;
	case CMD_ECHO: ps2_reply(&k->ps2, (const uint8_t[]){CMD_ECHO}, 1); return;
	case CMD_ID: ps2_reply(&k->ps2, (const uint8_t[]){PS2_ACK, 0xab, 0x83}, 3); return;
	case CMD_ENABLE:
		k->scanning = true;
		ack(k);
		return;
	case CMD_DISABLE:
	case CMD_DEFAULTS:
		defaults(k);
		k->scanning = byte == CMD_DEFAULTS;
		ps2_flush(&k->ps2);
		ack(k);
		return;
	case CMD_RESEND: ps2_reply(&k->ps2, (const uint8_t[]){k->ps2.last}, 1); return;
	case CMD_RESET:
		defaults(k);
		ps2_flush(&k->ps2);
		ps2_reply(&k->ps2, (const uint8_t[]){PS2_ACK, PS2_PASSED}, 2);
		return;
	}
	if (byte >= CMD_KEY_FIRST && byte <= CMD_KEY_LAST)
		k->pending = byte;
	bool known = byte == 0 || (byte >= CMD_ALL_FIRST && byte <= CMD_KEY_LAST);
	ps2_reply(&k->ps2, (const uint8_t[]){known ? PS2_ACK : PS2_RESEND}, 1);
}

static void kbd_write(struct ps2 *p, uint8_t byte)
{
	struct ps2_kbd *k = (struct ps2_kbd *)p;
	if (k->pending)
		argument(k, byte); /* whatever it is, as in QEMU */
	else
		command(k, byte);
}

static void kbd_reset(void *dev)
{
	struct ps2_kbd *k = dev;
	defaults(k);
	forget_keys(k);
	ps2_flush(&k->ps2);
	k->ps2.last = 0;
}

static void kbd_destroy(void *dev)
{
	struct ps2_kbd *k = dev;
	vtimer_cancel(&k->timer);
	free(k);
}

/* ---- state ---- */

/* Sets count from 1; replies are among what waits. */
static bool kbd_valid(const void *dev)
{
	const struct ps2_kbd *k = dev;
	return k->set && k->ps2.replies <= k->ps2.count && k->ps2.count - k->ps2.replies <= PS2_QUEUE;
}

static const struct state_field kbd_fields[] = {
	STATE_ARRAY(struct ps2_kbd, ps2.out, 0),
	STATE_MAX(struct ps2_kbd, ps2.head, PS2_RING - 1),
	STATE_MAX(struct ps2_kbd, ps2.count, PS2_QUEUE + PS2_REPLY),
	STATE_MAX(struct ps2_kbd, ps2.replies, PS2_REPLY),
	STATE(struct ps2_kbd, ps2.last),
	STATE_NOT(struct ps2_kbd, ps2.ready, STATE_WIRING),
	STATE_NOT(struct ps2_kbd, ps2.write, STATE_WIRING),
	STATE_NOT(struct ps2_kbd, ps2.room, STATE_WIRING),
	STATE_NOT(struct ps2_kbd, hw, STATE_WIRING),
	STATE_TIMER(struct ps2_kbd, timer),
	STATE_EACH(struct ps2_kbd, events, time, 0),
	STATE_EACH(struct ps2_kbd, events, key, ARRAY_LEN(keys) - 1),
	STATE_EACH(struct ps2_kbd, events, down, 1),
	STATE_MAX(struct ps2_kbd, head, EVENTS - 1),
	STATE_MAX(struct ps2_kbd, count, EVENTS),
	STATE(struct ps2_kbd, busy_until),
	STATE(struct ps2_kbd, pending),
	STATE_MAX(struct ps2_kbd, set, 3),
	STATE_BOOL(struct ps2_kbd, scanning),
	STATE(struct ps2_kbd, alt),
	STATE(struct ps2_kbd, ctrl),
};
static const struct state_desc kbd_state = {.name = "ps2-kbd", .size = sizeof(struct ps2_kbd), .version = 1, STATE_FIELDS(kbd_fields), .valid = kbd_valid};

struct ps2 *ps2_kbd_add(struct hw_context *hw)
{
	struct ps2_kbd *k = hw_new_device(hw, "ps2-kbd", sizeof(*k), kbd_reset, kbd_destroy);
	hw_describe(hw, k, &kbd_state);
	k->hw = hw;
	k->ps2.write = kbd_write;
	k->ps2.room = kbd_room;
	vtimer_init(&k->timer, hw->clock, timer_fire, k);
	defaults(k);
	hw->input.press = kbd_press;
	hw->input.keyboard = k;
	return &k->ps2;
}
