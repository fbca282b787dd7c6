/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device may know of the machine it stands in: interrupt lines, virtual time, character and
 * network back ends, requests to the machine. Device-facing, together with softmmu/memory.h. Everything
 * here is called on the machine's own thread.
 */
#ifndef RHEA_DEVICE_H
#define RHEA_DEVICE_H

#include "base/base.h"
#include "base/log.h"
#include "softmmu/memory.h"

/* ---- interrupt lines ---- */

/* An output wire: calls its input's `set`. A zeroed line is not connected. */
struct irq_line {
	void (*set)(void *opaque, unsigned n, bool level);
	void *opaque;
	unsigned n;
};

static inline void irq_set(const struct irq_line *l, bool level)
{
	if (l->set)
		l->set(l->opaque, l->n, level);
}

/* What an interrupt controller says of itself to who shows it: bit n, input n. */
#define IRQ_INPUTS 32u
struct irq_view {
	uint32_t raw, enabled, pending; /* asserted; let through; both */
	uint32_t fiq;                   /* go to FIQ */
	const uint64_t *rises;          /* of each input, since the machine was made */
};
struct irq_controller {
	const char *name;
	const char *const *inputs; /* who is at each of IRQ_INPUTS; NULL: nobody */
	const void *dev;
	void (*look)(const void *dev, struct irq_view *v);
};

/* ---- virtual time (runtime/vclock.c) ---- */

struct vclock;

/* Nanoseconds of virtual time since the machine was made. Exact at the instruction under icount. */
uint64_t vclock_now(struct vclock *c);

/* A one-shot timer. Embedded in the device; `fire` runs between two guest instructions, at or
 * after the deadline, and may arm the timer again. */
struct vtimer {
	void (*fire)(void *opaque);
	void *opaque;
	struct vclock *clock;
	struct vtimer *next;  /* the clock's list, by deadline */
	struct vtimer *older; /* all of the clock's timers, armed or not */
	uint64_t deadline; /* ns; valid while armed */
	uint64_t order;    /* of two with the same deadline, the one that was armed first fires first */
	bool armed;
};

void vtimer_init(struct vtimer *t, struct vclock *c, void (*fire)(void *opaque), void *opaque);
void vtimer_arm(struct vtimer *t, uint64_t deadline_ns); /* moves it when armed already */
void vtimer_cancel(struct vtimer *t);

/* ---- recording and replay of what comes from outside (api/input_log.c) ---- */

enum input_kind {
	INPUT_SERIAL, /* bytes for a serial port */
	INPUT_NET,    /* a frame for a network card */
	INPUT_BREAK = 12, /* a break on a serial port; the numbers are input_log.h's, which stand in files */
};

/* Stands between back ends and devices; they have none (NULL) when nobody records. */
struct input_keeper {
	void *opaque;
	bool replays; /* what back ends have waits, and what was recorded comes instead; networks take nothing */
	bool muted;   /* back ends take nothing: the guest has said it before */
	bool sending; /* a device hands something out: what comes back at once comes before it goes on */
	void (*received)(void *opaque, enum input_kind kind, unsigned port, const uint8_t *buf, unsigned n);
	void (*room)(void *opaque); /* while it replays: a device may take more now */
};

/* ---- character back ends (host/chardev*.c) ---- */

/*
 * The two ends of a byte stream. The device is the front end: it writes with chardev_write and
 * takes input by setting the three receive fields. Back ends hand over input with
 * chardev_receive and ask chardev_can_receive first.
 */
struct chardev {
	/* front end, set by the device; all NULL when nothing is connected */
	unsigned (*can_receive)(void *dev);                     /* bytes it would take now */
	void (*receive)(void *dev, const uint8_t *buf, unsigned n); /* n <= can_receive */
	void (*receive_break)(void *dev);       /* may be NULL; takes one byte's room */
	void (*connected)(void *dev, bool now); /* may be NULL: a peer came, or went after its last byte */
	void *dev;
	struct input_keeper *keeper; /* the machine's, with the number of the port there; NULL: none */
	unsigned port;
	/* back end, set by whoever made it */
	void (*write)(struct chardev *c, const uint8_t *buf, unsigned n); /* never blocks for long, never fails */
	void (*accept_input)(struct chardev *c);                /* may be NULL: can_receive grew */
	void *backend;
};

static inline void chardev_write(struct chardev *c, const uint8_t *buf, unsigned n)
{
	struct input_keeper *k = c ? c->keeper : NULL;
	if (k)
		k->sending = true;
	if (c && c->write && !(k && k->muted))
		c->write(c, buf, n);
	if (k && k->replays)
		k->room(k->opaque);
	if (k)
		k->sending = false;
}

static inline void chardev_accept_input(struct chardev *c)
{
	if (c && c->keeper && c->keeper->replays)
		c->keeper->room(c->keeper->opaque);
	else if (c && c->accept_input)
		c->accept_input(c);
}

static inline unsigned chardev_can_receive(const struct chardev *c)
{
	if (c->keeper && c->keeper->replays)
		return 0;
	return c->can_receive ? c->can_receive(c->dev) : 0;
}

static inline void chardev_connected(struct chardev *c, bool now)
{
	if (c->connected)
		c->connected(c->dev, now);
}

static inline void chardev_receive(struct chardev *c, const uint8_t *buf, unsigned n)
{
	if (c->keeper)
		c->keeper->received(c->keeper->opaque, INPUT_SERIAL, c->port, buf, n);
	if (c->receive)
		c->receive(c->dev, buf, n);
}

/* The line is held low for longer than a character. As for a byte, chardev_can_receive says whether there is room. */
static inline void chardev_break(struct chardev *c)
{
	if (!c->receive_break)
		return;
	if (c->keeper)
		c->keeper->received(c->keeper->opaque, INPUT_BREAK, c->port, NULL, 0);
	c->receive_break(c->dev);
}

/* ---- block back ends (host/block.c) ---- */

/*
 * A drive's slot: bytes behind offsets, or nothing (`read` is NULL). The device sets the front end;
 * a medium may come and go while it stands. Accesses may take as long as the host's disk does; false says
 * that the host refused (or the medium is read-only, or the range is not inside `size`): the device reports that
 * as hardware would.
 */
struct block {
	/* front end */
	bool (*inserted)(void *dev, struct rhea_error *err); /* a medium is there; false refuses it, with *err */
	void *dev;
	/* back end */
	bool (*read)(struct block *b, uint64_t off, void *buf, size_t n);
	bool (*write)(struct block *b, uint64_t off, const void *buf, size_t n);
	bool (*zero)(struct block *b, uint64_t off, uint64_t n);
	uint64_t size; /* bytes; does not change while the medium is in */
	bool read_only;
	void *backend;
	/* Who keeps snapshots; NULL: nobody. Called by the back end before it changes those bytes. */
	void (*will_write)(void *keeper, const struct block *b, uint64_t off, uint64_t n);
	void *keeper;
};

static inline bool block_present(const struct block *b)
{
	return b && b->read;
}

/* ---- network back ends (host/net*.c) ---- */

#define NET_FRAME_MAX 65536u /* longer frames exist nowhere; a device may take much less */

/* What a network device would do with a frame now. */
enum net_room {
	NET_CLOSED, /* the receiver is off: frames are lost, as on a wire */
	NET_FULL,   /* no room: frames wait (a bounded number) until net_accept_input */
	NET_READY,
};

/*
 * The two ends of an Ethernet cable. The device is the front end: it sends with net_send and takes frames by setting
 * the receive fields. Frames have no preamble, no CRC and no minimum length; either end checks what it gets. A frame
 * that is sent may be answered before net_send returns.
 */
struct netdev {
	/* front end, set by the device; all NULL when nothing is connected */
	enum net_room (*room)(void *dev);
	void (*receive)(void *dev, const uint8_t *frame, unsigned n); /* 1 <= n <= NET_FRAME_MAX; only when NET_READY */
	void (*changed)(void *dev); /* mac or link is another now */
	void *dev;
	struct input_keeper *keeper; /* as in struct chardev */
	unsigned port;
	/* back end, set by whoever made it */
	void (*send)(struct netdev *d, const uint8_t *frame, unsigned n); /* never blocks, never fails: frames may be lost */
	void (*accept_input)(struct netdev *d);                           /* may be NULL: room grew, or closed */
	void *backend;
	uint8_t mac[6]; /* the address that the device's EEPROM holds */
	bool link;      /* a cable is plugged in at both ends */
};

static inline void net_send(struct netdev *d, const uint8_t *frame, unsigned n)
{
	struct input_keeper *k = d ? d->keeper : NULL;
	if (k)
		k->sending = true;
	if (k && k->replays)
		k->room(k->opaque);
	else if (d && d->send)
		d->send(d, frame, n);
	if (k)
		k->sending = false;
}

static inline void net_accept_input(struct netdev *d)
{
	if (d && d->keeper && d->keeper->replays)
		d->keeper->room(d->keeper->opaque);
	else if (d && d->accept_input)
		d->accept_input(d);
}

/* What back ends hand frames over with, when net_room says NET_READY. */
static inline void net_receive(struct netdev *d, const uint8_t *frame, unsigned n)
{
	if (d->keeper)
		d->keeper->received(d->keeper->opaque, INPUT_NET, d->port, frame, n);
	d->receive(d->dev, frame, n);
}

static inline enum net_room net_room(const struct netdev *d)
{
	if (d->keeper && d->keeper->replays)
		return NET_FULL;
	return d->room ? d->room(d->dev) : NET_CLOSED;
}

/* ---- what a user does and sees ---- */

/* Set by the keyboard and the mouse of the board; NULL without them. */
struct hw_input {
	/* Presses n keys (hw_key_find) together and lets them go after hold_ns of virtual time; false when too
	 * many are waiting already. */
	bool (*press)(void *keyboard, const unsigned *keys, unsigned n, uint64_t hold_ns);
	void *keyboard;
	/* Moves right, down and the wheel towards the user; `buttons` pressed from now on: 1 left, 2 middle, 4 right, 8 and
	 * 16 side. */
	void (*move)(void *mouse, int dx, int dy, int dz, unsigned buttons);
	void *mouse;
};

/* Set by the display controller of the board. */
struct hw_screen {
	/* The picture of this moment, three bytes (red, green, blue) a pixel, to be freed by the caller; NULL when the host is out
	 * of memory. At most 1024 by 1024. */
	uint8_t *(*draw)(void *dev, unsigned *width, unsigned *height);
	void *dev;
};

/* ---- the machine around a device ---- */

#define MACHINE_SERIAL_PORTS 4
#define MACHINE_NICS 1
#define MACHINE_SD_SLOTS 2
#define MACHINE_IRQ_CONTROLLERS 4

enum machine_request { MACHINE_REQUEST_RESET, MACHINE_REQUEST_SHUTDOWN };

struct device_entry;

/* Handed to a board's build function and kept by devices. Filled by the machine. */
struct hw_context {
	struct address_space *as;
	struct vclock *clock;
	struct log *log;
	uint64_t ram_size;
	struct irq_line cpu_irq, cpu_fiq;
	struct chardev *serial[MACHINE_SERIAL_PORTS]; /* always there; a back end may come and go */
	struct netdev *net[MACHINE_NICS];             /* likewise */
	struct block *sd[MACHINE_SD_SLOTS], *pflash; /* always there in a machine; may be empty */
	/* Acts after the current instruction's block; the access that asked completes. */
	void (*request)(void *opaque, enum machine_request what);
	void *opaque;
	int64_t (*rtc_now)(void *opaque); /* the guest's time of day, seconds since 1970 */
	struct hw_input input;
	struct hw_screen screen;
	struct irq_controller irq[MACHINE_IRQ_CONTROLLERS];
	unsigned n_irq;
	struct device_entry *devices;     /* hw_add_device's list */
	void *board;                      /* the board's own */
};

/* Registers a device for reset (in order of registration) and destruction (in reverse). `reset`
 * and `destroy` may be NULL; `destroy` frees dev. `regs` names it in reports. */
void hw_add_device(struct hw_context *hw, const char *name, void *dev, void (*reset)(void *dev),
		   void (*destroy)(void *dev));
void hw_reset_devices(struct hw_context *hw);
struct state_part;
/* The state of all devices, oldest first: up to `max` parts go to *parts. Returns how many there are. */
unsigned hw_state_parts(const struct hw_context *hw, struct state_part *parts, unsigned max);
void hw_free_devices(struct hw_context *hw);

#endif
