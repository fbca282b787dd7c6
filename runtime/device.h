/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device may know of the machine it stands in: interrupt lines, virtual time, character
 * back ends, requests to the machine. Device-facing, together with softmmu/memory.h. Everything
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
	uint64_t deadline; /* ns; valid while armed */
	bool armed;
	struct vtimer *next; /* the clock's list, by deadline */
};

void vtimer_init(struct vtimer *t, struct vclock *c, void (*fire)(void *opaque), void *opaque);
void vtimer_arm(struct vtimer *t, uint64_t deadline_ns); /* moves it when armed already */
void vtimer_cancel(struct vtimer *t);

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
	void *dev;
	/* back end, set by whoever made it */
	void (*write)(struct chardev *c, const uint8_t *buf, unsigned n); /* never blocks for long, never fails */
	void (*accept_input)(struct chardev *c);                /* may be NULL: can_receive grew */
	void *backend;
};

static inline void chardev_write(struct chardev *c, const uint8_t *buf, unsigned n)
{
	if (c && c->write)
		c->write(c, buf, n);
}

static inline void chardev_accept_input(struct chardev *c)
{
	if (c && c->accept_input)
		c->accept_input(c);
}

static inline unsigned chardev_can_receive(const struct chardev *c)
{
	return c->can_receive ? c->can_receive(c->dev) : 0;
}

static inline void chardev_receive(struct chardev *c, const uint8_t *buf, unsigned n)
{
	if (c->receive)
		c->receive(c->dev, buf, n);
}

/* ---- the machine around a device ---- */

#define MACHINE_SERIAL_PORTS 4

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
	/* Acts after the current instruction's block; the access that asked completes. */
	void (*request)(void *opaque, enum machine_request what);
	void *opaque;
	int64_t (*rtc_now)(void *opaque); /* the guest's time of day, seconds since 1970 */
	struct device_entry *devices;     /* hw_add_device's list */
	void *board;                      /* the board's own */
};

/* Registers a device for reset (in order of registration) and destruction (in reverse). `reset`
 * and `destroy` may be NULL; `destroy` frees dev. `regs` names it in reports. */
void hw_add_device(struct hw_context *hw, const char *name, void *dev, void (*reset)(void *dev),
		   void (*destroy)(void *dev));
void hw_reset_devices(struct hw_context *hw);
void hw_free_devices(struct hw_context *hw);

#endif
