/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GDB stub: GDB's remote serial protocol on one side, a vCPU between two of its slices on the other. It is the front
 * end of a character back end, so it does not know what carries its bytes. Used on the machine's thread only.
 *
 * A client attaches with its first intact packet, which pauses the machine; noise and port scanners do not stop the
 * guest. When a client goes, by detaching or by vanishing, its breakpoints go and the guest runs on, unless it was paused
 * before and the client never let it run.
 */
#ifndef RHEA_GDB_H
#define RHEA_GDB_H

#include "runtime/device.h"
#include "runtime/vcpu.h"

struct gdb;

/* The bit of stop_point.owners that is the stub's. */
#define GDB_STOP_OWNER 1u
#define GDB_STOP_HARD_OWNER 4u /* of hardware breakpoints, which only the stop reply tells from the others */
#define GDB_STOP_OWNERS (GDB_STOP_OWNER | GDB_STOP_HARD_OWNER)

/* Why the machine stands. */
enum gdb_stop {
	GDB_STOP_TRAP,      /* a step was done */
	GDB_STOP_HIT,       /* vcpu->stops.last_hit */
	GDB_STOP_INTERRUPT, /* somebody asked for it */
	GDB_STOP_NO_HISTORY, /* backwards: where the history begins */
	GDB_STOP_HISTORY_ENDS, /* forwards: where a recording ends */
};

enum gdb_run { GDB_RUN_ON, GDB_RUN_STEP, GDB_RUN_STEP_IRQ /* takes a pending interrupt first */ };

/* What a debugger does to the machine, so that it can be recorded and done again. As it stands in files. */
enum gdb_poke_kind {
	GDB_POKE_REG,    /* register `where`, 4 bytes */
	GDB_POKE_MEMORY, /* bytes at address `where` */
	GDB_PEEK,        /* a read of a device at physical address `where`, which may notice: `size` and no bytes */
};
struct gdb_poke {
	uint8_t kind, physical;
	uint16_t unused;
	uint32_t where, size;
};

struct gdb_target {
	void *opaque;
	struct vcpu *vcpu;
	struct address_space *as;
	bool (*is_paused)(void *opaque);
	void (*pause)(void *opaque);                   /* gdb_stopped follows */
	void (*resume)(void *opaque, enum gdb_run how);
	void (*reset)(void *opaque);                   /* now; stays paused */
	void (*quit)(void *opaque);
	/* A monitor command; its answer goes to `print` in pieces. */
	void (*monitor)(void *opaque, const char *line, void (*print)(void *ctx, const char *text), void *ctx);
	/* Serves the back ends until something happens. False when the machine is about to end. */
	bool (*wait)(void *opaque);
	/* NULL, or why there is no way back. */
	const char *(*no_history)(void *opaque);
	/* Back by one instruction, or to the last stop before this moment; gdb_stopped follows. */
	void (*reverse)(void *opaque, bool step);
	/* It is about to be done; false: it must not. `poked` follows when it was. */
	bool (*poke)(void *opaque, const struct gdb_poke *p, const void *bytes);
	void (*poked)(void *opaque, const struct gdb_poke *p);
};

/* `chr` stays the caller's and outlives the stub; its front end is the stub from now on. NULL: no host memory. */
struct gdb *gdb_new(const struct gdb_target *t, struct chardev *chr);
/* NULL is allowed. */
void gdb_free(struct gdb *g);

/* The machine stands still now. `g` may be NULL in the calls below, and nobody need be attached. */
void gdb_stopped(struct gdb *g, enum gdb_stop why);
/* The machine was resumed by somebody else. */
void gdb_resumed(struct gdb *g);
/* A step was done: must another one follow before anybody is told (a step over a range of code)? */
bool gdb_steps_on(struct gdb *g);
/* The machine ends with this exit status. */
void gdb_exited(struct gdb *g, int code);
bool gdb_attached(const struct gdb *g);
/* The user is to read this when he lets the machine run next: at most 200 characters, the last one counts. */
void gdb_say(struct gdb *g, const char *text);
/* A step back came to between the halves of a Thumb BL, which is one step. */
bool gdb_steps_back_on(struct gdb *g);
/* Does again what was done. */
void gdb_poke_again(struct vcpu *v, const struct gdb_poke *p, const void *bytes);

/*
 * A system call of the guest that the client is to do (File-I/O): `request` as the protocol writes it after the F,
 * "write,1,10000,5". Waits for the answer; -1 and *error (the protocol's number) when it failed or nobody is there.
 */
int64_t gdb_syscall(struct gdb *g, const char *request, int *error);

#endif
