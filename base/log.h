/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink behind -d, -D and -dfilter. One per machine, never shared between threads. A sink that
 * cannot be written to (disk full, pipe closed) goes quiet after one line on stderr: logging
 * never stops the guest.
 */
#ifndef RHEA_LOG_H
#define RHEA_LOG_H

#include <stdio.h>

#include "base/base.h"

enum log_mask {
#define LOG_ITEM(name, bit, help) LOG_##name = 1u << (bit),
#include "base/log.def"
#undef LOG_ITEM
};

struct log_range {
	uint32_t first, last; /* inclusive */
};

struct log {
	uint32_t mask;            /* enum log_mask bits; 0 = silent */
	FILE *out;                /* NULL = stderr */
	bool owns_out, broken;
	struct log_range *ranges; /* -dfilter; none = everything */
	unsigned n_ranges;
};

/* True when any item of `items` is on. Cheap enough for warm paths. */
static inline bool log_on(const struct log *l, uint32_t items)
{
	return l && (l->mask & items) != 0;
}

/* True when guest address `addr` passes -dfilter. */
bool log_in_range(const struct log *l, uint32_t addr);

/* Prints without a newline of its own. No-op when `l` is NULL or broken. */
void log_printf(struct log *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_flush(struct log *l);

/* Parses "in_asm,op" (also "all" and "none") into *mask. Unknown item: error naming the nearest. */
enum rhea_status log_parse_items(const char *text, uint32_t *mask, struct rhea_error *err);

/* Parses QEMU's -dfilter syntax "start..end,start+len,start-len" and appends to l->ranges. */
enum rhea_status log_parse_filter(struct log *l, const char *text, struct rhea_error *err);

/* Sends the log to `path` (truncates it). Error: path and reason. */
enum rhea_status log_open(struct log *l, const char *path, struct rhea_error *err);

/* Closes the file and frees the ranges; the struct is zeroed. */
void log_close(struct log *l);

#endif
