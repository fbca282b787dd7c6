/* SPDX-License-Identifier: Apache-2.0 */
/* All who watch one vCPU, behind its one observer. */
#ifndef RHEA_WATCH_H
#define RHEA_WATCH_H

#include "debug/dump.h"
#include "debug/perfmap.h"
#include "debug/tb_stats.h"

/* NULL: does not watch. */
struct watch {
	struct dump *dump;
	struct tb_stats *stats;
	struct perfmap *perfmap;
};

/* Fills *out with the callbacks that *w needs; out->opaque is w. `exec`: the dump wants each block that runs. */
void watch_observer(struct watch *w, bool exec, struct observer *out);

#endif
