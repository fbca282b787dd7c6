/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -d in_asm, op, op_opt, out_asm, exec and cpu: an observer that prints what it sees to the log, in the
 * order and shape that QEMU prints it. Honours the log's items and filter at the time of the event.
 */
#ifndef RHEA_DUMP_H
#define RHEA_DUMP_H

#include "base/log.h"
#include "debug/symbols.h"
#include "runtime/observer.h"

struct dump;

/* `log` and `syms` (may be NULL) outlive the dump. NULL when the host is out of memory. */
struct dump *dump_new(struct log *log, const struct symbols *syms);
void dump_free(struct dump *d);

/* Host addresses count from the block's start, so that the text is the same in every run. */
void dump_set_relative(struct dump *d, bool relative);

/* Fills *out with the callbacks. */
void dump_observer(struct dump *d, struct observer *out);

#endif
