/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the monitor, shared by monitor.c (commands), monitor_expr.c (expressions),
 * monitor_info.c (larger views) and monitor_dump.c (x, xp, print). */
#ifndef RHEA_MONITOR_PARTS_H
#define RHEA_MONITOR_PARTS_H

#include "debug/monitor.h"

/* One command being executed. */
struct monitor {
	const struct monitor_target *t;
	void (*print)(void *opaque, const char *text);
	void *opaque;
};

void monitor_printf(const struct monitor *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Evaluates the expression at *p and moves *p behind it. NULL, or what is wrong with it (in `msg`'s
 * storage or constant). */
const char *monitor_expression(const struct arm_cpu *cpu, const char **p, int64_t *value, char msg[64]);

/* How x, xp and print show values. */
struct monitor_format {
	uint32_t count;
	char kind;     /* x d u o c i */
	unsigned size; /* bytes */
};

/* Parses "/fmt" at *p, if there is one. As monitor_expression. */
const char *monitor_parse_format(const char **p, struct monitor_format *f, char msg[64]);

/* monitor_info.c */
void monitor_info_mem(const struct monitor *m);
void monitor_info_tlb(const struct monitor *m);
void monitor_info_devices(const struct monitor *m);
void monitor_info_qtree(const struct monitor *m);
void monitor_info_irq(const struct monitor *m);

void monitor_dump(const struct monitor *m, const struct monitor_format *f, uint64_t addr, bool physical);
void monitor_print_value(const struct monitor *m, char kind, int64_t value);

#endif
