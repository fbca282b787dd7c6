/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of what came from outside a machine under -icount: with the state at its start it makes a run again, bit for bit.
 * Kept in memory to go back in time (rewind.h), in a file for -record and -replay (replay_file.c).
 *
 * An event is named by instruction count, virtual time and the place in the run loop (enum vcpu_place); it is done again at the
 * first moment of that name.
 */
#ifndef RHEA_INPUT_LOG_H
#define RHEA_INPUT_LOG_H

#include <stdio.h>

#include "api/machine.h"
#include "hw/input.h"
#include "softmmu/address_space.h"

/* INPUT_SERIAL, INPUT_NET and INPUT_BREAK are devices'; these are the machine's. Numbers stand in files. */
enum event_kind {
	EVENT_SERIAL = INPUT_SERIAL,
	EVENT_NET = INPUT_NET,
	EVENT_KEYS,     /* struct event_keys */
	EVENT_MOUSE,    /* int32_t dx, dy, dz; uint32_t buttons */
	EVENT_RESET,    /* asked for by a user */
	EVENT_IRQ,      /* uint8_t fiq, level: rhea_set_irq */
	EVENT_WARP,     /* uint64_t: a wait ended at this virtual time, before its deadline */
	EVENT_SEMIHOST, /* struct event_semihost and what was written */
	EVENT_CHECK,    /* uint64_t: hash of the state here */
	EVENT_END,      /* uint64_t: hash of the state, memory included: the recording ends here */
	EVENT_HELD,     /* a debugger ran the next instruction before the interrupt that was to be taken */
	EVENT_POKE,     /* struct gdb_poke and the bytes: a debugger's hand in the machine */
	EVENT_BREAK = INPUT_BREAK,
	EVENT_KINDS,
};

/* One place more than the run loop has: while a device sends. */
enum { PLACE_SENDING = VCPU_INSIDE + 1 };

struct event_keys {
	uint32_t n, key[HW_KEYS_MAX], unused;
	uint64_t hold_ns;
};

/* Followed by `n_writes` times uint32_t address, uint32_t size and bytes, then `n_said` times uint32_t stream, size and bytes. */
struct event_semihost {
	uint32_t result;
	int32_t code; /* of the exit */
	uint32_t exits, n_writes, n_said;
};

/* As in memory, so in files. */
struct input_event {
	uint64_t insns, ns;
	uint8_t kind, place;
	uint16_t port;
	uint32_t size;
	uint8_t bytes[];
};

struct input_log {
	struct rhea *m;
	struct input_keeper keeper;
	struct input_event **event;
	size_t n, cap, next; /* next == n: live, what comes is recorded */
	bool delivering;
	uint64_t live_from;  /* before this instruction nothing is live: the machine is in its own past ... */
	uint32_t live_entries; /* ... and there, until so many interrupts were taken (vcpu_entries) */
	uint64_t bytes;      /* of the events */
	bool ends;           /* the run ends with the log, instead of going on live */
	bool ended, diverged;
	uint64_t check_at;   /* live, into a file: the next EVENT_CHECK */
	void (*sink)(void *opaque, const struct input_event *e); /* live events go here too; NULL = nowhere */
	void *sink_opaque;
	char why[256];       /* diverged */
	struct {             /* the semihosting call under way */
		struct event_semihost head;
		uint8_t *bytes;  /* writes, then said */
		size_t n, cap;
		uint8_t *said;
		size_t n_said, cap_said;
	} call;
};

/* Begins to record in memory. RHEA_ERR_USAGE without icount. */
enum rhea_status input_log_start(struct rhea *m, struct rhea_error *err);
void input_log_stop(struct rhea *m);

/* Is the machine in its own past? Not while it replays a file that goes on. */
static inline bool input_log_past(const struct input_log *l)
{
	return l && !l->ends && l->keeper.replays;
}
/* In the past: what was to come does not, the machine is live from here. Between two runs. */
void input_log_cut(struct input_log *l);
/* The first n events, which were done, are not needed any more. */
void input_log_drop(struct input_log *l, size_t n);

/* What a user does: recorded when somebody records. False: it is not to be done, the machine replays. */
bool input_log_user(struct rhea *m, enum event_kind kind, const void *bytes, size_t n);
/* Goes to the event number `next`: the state is that of when it was the next one. */
void input_log_seek(struct input_log *l, size_t next);
/* Adds a recorded event, for a log that came from a file: struct input_event and its bytes. */
bool input_log_add(struct input_log *l, const void *event);
/* Records an event of this moment; not while it replays. */
void input_log_note(struct input_log *l, enum event_kind kind, const void *bytes, size_t n);
/* The run ends by the guest's will: where the recording ended, too? False: it differs, and l->why says how. */
bool input_log_finish(struct input_log *l);

/* Hash of core, clocks and devices; with `memory`, of all memory, too. */
uint64_t machine_state_hash(struct rhea *m, bool memory);

#endif
