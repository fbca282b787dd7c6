/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the stub, shared by gdb.c (bytes and packets, who is attached), gdb_packets.c (commands), gdb_query.c
 * (q, Q and v packets), gdb_regs.c, gdb_memory.c and gdb_file.c.
 *
 * A handler reads `args`, a NUL-terminated copy of what follows its name (binary packets: up to `end`), and writes its
 * answer with gdb_put. An empty answer means "not supported".
 */
#ifndef RHEA_GDB_PARTS_H
#define RHEA_GDB_PARTS_H

#include "debug/gdb.h"

#define GDB_PACKET_MAX 0x4000u /* bytes between $ and #, both ways */
#define GDB_FILES 16u

enum gdb_state { GDB_IDLE, GDB_IN_PACKET, GDB_IN_SUM_1, GDB_IN_SUM_2 };

struct gdb {
	struct gdb_target t;
	struct chardev *chr;

	/* what comes in */
	enum gdb_state state;
	bool too_long;
	bool gone;           /* the peer went while its bytes were looked at */
	uint8_t sum, sum_sent;
	uint32_t n_in;
	char in[GDB_PACKET_MAX + 1];

	/* the answer */
	bool silent;         /* this packet gets none now */
	uint32_t n_out;
	char out[GDB_PACKET_MAX + 8];
	uint8_t last[2 * GDB_PACKET_MAX + 32]; /* as sent, to be sent again */
	uint32_t n_last;

	/* the client */
	bool attached, no_ack, extended, xml, physical, killed;
	bool reports_breaks; /* it wants to hear which kind of breakpoint stopped the guest */
	bool started;        /* by `run`: the client ends it when it goes */
	bool was_paused;     /* before it came, and it has not let the guest run */
	bool running;        /* it waits for a stop reply */
	uint32_t stepped_from; /* pc key before the step under way */
	uint32_t range_start, range_end; /* steps go on inside; equal: one step */
	uint8_t sstep;       /* SSTEP_* */
	enum gdb_stop why;   /* of the last stop */
	char note[208];      /* gdb_say */
	int file[GDB_FILES]; /* host descriptors + 1; 0 = free */

	/* File-I/O */
	bool syscall_pending, syscall_interrupted;
	int64_t syscall_result;
	int syscall_error;
};

#define SSTEP_ENABLE 1u
#define SSTEP_NOIRQ 2u
#define SSTEP_NOTIMER 4u

/* ---- answers (gdb.c) ---- */

void gdb_put(struct gdb *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gdb_put_hex(struct gdb *g, const void *bytes, size_t n);
/* Escaped; false when it does not fit as a whole (nothing is put then). */
bool gdb_put_binary(struct gdb *g, const void *bytes, size_t n);
void gdb_ok(struct gdb *g);
void gdb_error(struct gdb *g, unsigned number);
/* Sends what was put; begins anew. */
void gdb_send(struct gdb *g);
void gdb_put_stop(struct gdb *g);
/* As console output of the machine, in packets of its own. */
void gdb_put_console(struct gdb *g, const char *text);

/* The client is gone, or has detached. */
void gdb_leave(struct gdb *g);

/* ---- reading packets (gdb.c) ---- */

/* A hexadecimal number; false when there is none, or it is too large. */
bool gdb_take_hex(const char **p, uint64_t *value);
bool gdb_take_u32(const char **p, uint32_t *value);
bool gdb_take_char(const char **p, char c);
/* Pairs of digits; the bytes, -1 when they are not pairs of digits or do not fit. */
int gdb_unhex(const char *p, size_t n, void *buf, size_t size);
/* Takes escapes out, in place; the length that is left. */
uint32_t gdb_unescape(char *p, uint32_t n);

/* ---- handlers ---- */

typedef void gdb_handler(struct gdb *g, char *args, char *end);

#define PACKET(name, handler, when, sep) gdb_handler handler;
#include "debug/gdb_packets.def"
#undef PACKET

/* gdb_packets.c: the packet in g->in[0..n_in). */
void gdb_dispatch(struct gdb *g);
void gdb_resume(struct gdb *g, enum gdb_run how);
enum gdb_run gdb_step_kind(const struct gdb *g);

/* gdb_regs.c: false for no such register (or one that cannot be written). Bytes are little-endian. */
unsigned gdb_reg_read(struct gdb *g, uint32_t n, uint8_t buf[16]); /* bytes; 0 = no such register */
bool gdb_reg_write(struct gdb *g, uint32_t n, uint32_t value);
void gdb_set_reg(struct arm_cpu *cpu, uint32_t n, uint32_t value); /* without a word to anybody */
/* A document that the client asks for by name, NULL when there is none. To be freed. */
char *gdb_target_xml(void);
char *gdb_memory_map(const struct gdb *g);

/* gdb_memory.c: false when any byte cannot be accessed. */
bool gdb_memory(struct gdb *g, uint32_t addr, void *buf, uint32_t n, bool write);

/* gdb_file.c */
void gdb_close_files(struct gdb *g);

#endif
