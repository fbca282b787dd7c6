/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -trace: what ran and what was accessed, event by event, in a compact file (docs/trace-format.md; tools/trace.py reads it). All of
 * it, or the last N events. The guest never waits for anything but the disk, and goes on without the file when that is full.
 */
#ifndef RHEA_TRACE_H
#define RHEA_TRACE_H

#include "debug/report_file.h"
#include "debug/symbols.h"
#include "runtime/vcpu.h"

#define TRACE_MAX_LAST (UINT64_C(1) << 28) /* events of a ring */

struct trace;

/* `machine` and `v`'s memory map go into the head of the file; `syms` outlives the trace. */
enum rhea_status trace_open(struct trace **out, const struct rhea_trace *cfg, const char *machine, struct vcpu *v,
			    const struct symbols *syms, struct rhea_error *err);
/* All events so far are in the file. */
enum rhea_status trace_flush(struct trace *t, struct rhea_error *err);
void trace_close(struct trace *t); /* NULL is allowed */

/* The observer's `exec` and `access`. */
void trace_block(struct trace *t, const struct tb_view *tb);
void trace_access(struct trace *t, const struct access_view *a);
bool trace_wants(const struct trace *t, unsigned what); /* RHEA_TRACE_... */

#endif
