/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -perfmap: the file in which Linux perf looks for the names of code that is in no file (tools/perf/Documentation/jit-interface.txt:
 * lines "START SIZE name", numbers in hexadecimal). One line a compiled block, written as it is compiled, so that the map
 * is complete however the process ends. After a flush of the code buffer its addresses are used again and the
 * file starts over: samples from before are then named after what stands there later, if anything.
 */
#ifndef RHEA_PERFMAP_H
#define RHEA_PERFMAP_H

#include "base/log.h"
#include "debug/symbols.h"
#include "runtime/codebuf.h"
#include "runtime/observer.h"

struct perfmap;

/*
 * `path` NULL: /tmp/perf-PID.map. What the code buffer holds before its mark is named as the thunks that it is. `log`
 * is told when the file can be written no more; `syms` may be NULL; all outlive the map. Error, with *out NULL: the file
 * cannot be made, or another machine writes it.
 */
enum rhea_status perfmap_open(struct perfmap **out, const char *path, const struct codebuf *code, struct log *log,
			      const struct symbols *syms, struct rhea_error *err);
void perfmap_close(struct perfmap *p); /* NULL is allowed; the file stays */

/* The observer's `compiled` and `flushed`. */
void perfmap_compiled(struct perfmap *p, const struct tb_view *tb);
void perfmap_flushed(struct perfmap *p);

#endif
