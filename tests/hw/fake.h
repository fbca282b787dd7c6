/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine of nothing but devices, for tests: an address space without a CPU's view of it, a
 * clock moved by hand, lines and requests that are recorded, a log kept as text. It implements
 * the functions of softmmu and runtime that devices call.
 */
#ifndef RHEA_TEST_HW_FAKE_H
#define RHEA_TEST_HW_FAKE_H

#include "hw/board.h"

struct vclock {
	uint64_t now;
	struct vtimer *armed[64];
	unsigned n_armed;
	unsigned fired;
};

struct fake {
	struct hw_context hw;
	struct address_space *as;
	struct vclock clock;
	struct log log;
	struct chardev serial[MACHINE_SERIAL_PORTS];
	char sent[256]; /* what the guest wrote to any serial port */
	unsigned n_sent, n_accept;
	struct netdev net[MACHINE_NICS]; /* plugged in, 52:54:00:12:34:56 */
	uint8_t frame[NET_FRAME_MAX];    /* what the guest sent last */
	unsigned frame_len, n_frames, n_net_accept;
	struct block sd[MACHINE_SD_SLOTS], pflash; /* empty */
	bool irq, fiq;
	unsigned irq_edges; /* changes of the IRQ line */
	unsigned resets, shutdowns;
	int64_t rtc;
};

/* Builds the named board with 128 MiB of RAM (not allocated). */
struct fake *fake_new(const char *board);
void fake_free(struct fake *f);

uint32_t fake_read(struct fake *f, uint32_t addr, unsigned size);
void fake_write(struct fake *f, uint32_t addr, unsigned size, uint32_t value);
static inline uint32_t rd(struct fake *f, uint32_t addr)
{
	return fake_read(f, addr, 4);
}
static inline void wr(struct fake *f, uint32_t addr, uint32_t value)
{
	fake_write(f, addr, 4, value);
}

/* What an access to nothing gives; MEM_OK at first. */
void fake_absent(struct fake *f, enum mem_result result);

/* Moves time ahead, firing timers at their deadlines. */
void fake_advance(struct fake *f, uint64_t ns);
/* Moves time without firing anything: the run loop has not got to it yet. */
void fake_advance_late(struct fake *f, uint64_t ns);

const struct mem_range *fake_range(const struct fake *f, uint32_t addr);
/* The log's text since the last call. */
const char *fake_log(struct fake *f);

#endif
