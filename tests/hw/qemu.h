/* SPDX-License-Identifier: Apache-2.0 */
/* A qemu-system-arm at the end of its test protocol (-qtest): the oracle of the register differential tests. */
#ifndef RHEA_TEST_HW_QEMU_H
#define RHEA_TEST_HW_QEMU_H

#include <stdio.h>
#include <sys/types.h>

#include "base/base.h"

struct qemu {
	pid_t pid;
	FILE *to, *from;
	bool line[2]; /* IRQ, FIQ of the core */
};

/* versatilepb with 128 MiB and `extra` arguments (NULL-terminated); it inherits descriptor `fd` when that is not -1, which
 * stays open here. */
void qemu_start(struct qemu *q, const char *const *extra, int fd);
void qemu_stop(struct qemu *q);

/* Sends one command and gives its answer's value; the lines that say how interrupts move come before the answer. */
uint64_t qemu_ask(struct qemu *q, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A register access of 1, 2 or 4 bytes. */
uint32_t qemu_read(struct qemu *q, uint32_t addr, unsigned size);
void qemu_write(struct qemu *q, uint32_t addr, unsigned size, uint32_t value);

#endif
