/* SPDX-License-Identifier: Apache-2.0 */
/* The boards -M names: one row each in boards.c. */
#ifndef RHEA_BOARD_H
#define RHEA_BOARD_H

#include "runtime/device.h"

struct board {
	const char *name, *help;
	const char *default_cpu;
	uint64_t default_ram, max_ram; /* bytes; 0 = the board has no RAM of its own */
	uint32_t machine_id;           /* r1 at kernel entry */
	uint64_t kernel_addr;          /* raw kernels: offset from the start of RAM */
	uint64_t firmware_addr;        /* -bios; UINT64_MAX = none */
	enum mem_result unassigned;    /* what an access to nothing gives: as_new's first argument */
	unsigned serial_ports;         /* at most MACHINE_SERIAL_PORTS */
	unsigned nics;                 /* at most MACHINE_NICS */
	/* Maps memory and devices. False and *err when the host refuses. */
	bool (*build)(struct hw_context *hw, struct rhea_error *err);
};

const struct board *board_find(const char *name); /* NULL when there is none */
const struct board *boards_all(unsigned *n);

#endif
