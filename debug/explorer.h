/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -explore: one HTML page that needs nothing else. The hottest blocks of the run with guest code, IR before and after the optimiser
 * and host code, linked by guest instruction; functions, source lines, memory, and where the time went. explorer.html is the
 * page; this puts the run's data into it, as JSON.
 */
#ifndef RHEA_EXPLORER_H
#define RHEA_EXPLORER_H

#include <stdio.h>

#include "debug/captures.h"
#include "debug/debuginfo.h"
#include "debug/samples.h"
#include "debug/symbols.h"

#define EXPLORER_PERIOD 20011u /* of its samples, unless there is a profile; a prime */
#define EXPLORER_TOP 100u      /* blocks shown, unless told */
#define EXPLORER_MAX_TOP 5000u

struct explorer_input {
	const char *title, *machine, *version; /* title: the image's file, or "" */
	unsigned top;
	uint64_t insns, time_ns;
	const struct blocks *blocks;
	const uint64_t *runs; /* by counter */
	const struct captures *captures;
	const struct samples *samples;
	const struct symbols *syms;
	const struct debug_tables *tables;
	const struct mem_range *ranges;
	unsigned n_ranges;
};

/* False when the host is out of memory. */
bool explorer_write(const struct explorer_input *in, FILE *out);

#endif
