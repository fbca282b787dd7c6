/* SPDX-License-Identifier: Apache-2.0 */
/* struct rhea: one machine, put together from the rooms. Private to api/. */
#ifndef RHEA_MACHINE_H
#define RHEA_MACHINE_H

#include "debug/dump.h"
#include "debug/monitor.h"
#include "debug/symbols.h"
#include "host/chardev.h"
#include "host/image.h"
#include "host/semihosting.h"
#include "hw/board.h"
#include "runtime/vcpu.h"

/* Bytes to put into guest memory at every reset. */
struct image_blob {
	struct image_blob *next;
	gpa_t addr;
	size_t size;     /* bytes[] */
	size_t mem_size; /* >= size; the rest is zeroed */
	uint8_t bytes[];
};

enum start_kind { START_RESET, START_PC, START_BOOT_STUB };

struct rhea {
	struct rhea_config cfg;
	const struct board *board;
	uint64_t ram_size;
	struct log log;
	struct address_space *as;
	struct vcpu *vcpu;
	struct hw_context hw;
	struct chardev serial[MACHINE_SERIAL_PORTS];
	struct chardev_set *chardevs;
	struct semihosting *semihosting;
	char **semihosting_args; /* NULL-terminated, owned */
	struct symbols *symbols;
	struct dump *dump;
	struct image_blob *blobs;   /* files: they do not overlap */
	struct image_blob *patches; /* values over them, in order */
	enum start_kind start;
	uint32_t start_pc;

	bool reset_requested, shutdown_requested, quit_requested, exit_requested;
	bool paused; /* the monitor's `stop` */
	int exit_code;
	int64_t rtc_offset; /* seconds from the clock it follows to the guest's time of day */
	struct mmio_client *mmio_clients;
};

/* images.c */
void machine_free_images(struct rhea *m);
/* Writes all images to memory and points the core at its start. */
void machine_place_images(struct rhea *m);

/* memory.c */
void machine_free_mmio(struct rhea *m);

/* run.c: makes the vCPU show what the log's items ask for; between two blocks. */
void machine_watch(struct rhea *m);

/* state.c */
void machine_log_regs(struct rhea *m);

/* monitor and console glue, console.c */
void machine_monitor_line(void *opaque, const char *line);
struct monitor_target machine_monitor_target(struct rhea *m);

/* semihost.c */
bool machine_init_semihosting(struct rhea *m, struct rhea_error *err);
void machine_free_semihosting(struct rhea *m);
void machine_reset_semihosting(struct rhea *m);
void machine_semihost(void *opaque);

#endif
