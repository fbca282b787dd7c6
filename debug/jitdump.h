/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -jitdump: all code that was compiled, with the guest's names and source lines, for `perf inject --jit` (the format:
 * tools/perf/Documentation/jitdump-specification.txt in Linux's sources). Unlike the perf map it holds the code itself, which perf
 * annotate shows, and tells by its times what stood at an address before a flush. Whatever happens to the file, the guest
 * never notices.
 */
#ifndef RHEA_JITDUMP_H
#define RHEA_JITDUMP_H

#include "base/log.h"
#include "debug/debuginfo.h"
#include "debug/symbols.h"
#include "runtime/codebuf.h"
#include "runtime/observer.h"

struct jitdump;

/* `path` NULL: ./jit-PID.dump. The file stays mapped: so perf learns of it. `log` is told when it can be written no more; `syms`
 * and `d` may be NULL; all outlive it. Error, with *out NULL: the file cannot be made. */
enum rhea_status jitdump_open(struct jitdump **out, const char *path, const struct codebuf *code, struct log *log,
			      const struct symbols *syms, struct debuginfo *d, struct rhea_error *err);
void jitdump_close(struct jitdump *j); /* NULL is allowed; the file stays */

/* The observer's `compiled`. */
void jitdump_compiled(struct jitdump *j, const struct tb_view *tb);

#endif
