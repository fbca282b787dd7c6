/* SPDX-License-Identifier: Apache-2.0 */
/* All who watch one vCPU, behind its one observer. */
#ifndef RHEA_WATCH_H
#define RHEA_WATCH_H

#include "debug/blocks.h"
#include "debug/captures.h"
#include "debug/dump.h"
#include "debug/jitdump.h"
#include "debug/perfmap.h"
#include "debug/samples.h"
#include "debug/trace.h"

/* NULL: does not watch. */
struct watch {
	struct dump *dump;
	struct blocks *blocks;
	struct perfmap *perfmap;
	struct jitdump *jitdump;
	struct captures *captures;
	struct trace *trace;
	struct samples *samples;
	uint64_t sample_period;
	struct vcpu *vcpu; /* whom they watch */
};

/* Fills *out with the callbacks that *w needs; out->opaque is w. `exec`: the dump wants each block that runs. */
void watch_observer(struct watch *w, bool exec, struct observer *out);

#endif
