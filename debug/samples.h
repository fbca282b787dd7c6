/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time goes: every so many guest instructions, the functions on the stack. Samples fall on instruction counts, not
 * on what the host's clock says, so with -icount two runs have the same ones, and no block is favoured.
 */
#ifndef RHEA_SAMPLES_H
#define RHEA_SAMPLES_H

#include <stdio.h>

#include "debug/unwind.h"

#define SAMPLES_PERIOD 100003u /* a prime: loops do not fall into step with it */
#define SAMPLES_MIN_PERIOD VCPU_SAMPLE_MIN
#define SAMPLES_TIMELINE 16384u

struct samples;

/* As unwind_new. */
struct samples *samples_new(struct debuginfo *d, const struct symbols *syms);
void samples_free(struct samples *s);

/* One sample of the vCPU, which stands between two blocks. */
void samples_take(struct samples *s, struct vcpu *v);

/* In the form that flame graphs are drawn from: a line "outermost;...;innermost count" for each stack, sorted. False when the host
 * is out of memory. */
bool samples_write_folded(const struct samples *s, FILE *out);

/* The run in order: when (virtual ns) which function was innermost. At most SAMPLES_TIMELINE; of longer runs, every 2^k-th sample. */
struct sample_point {
	uint64_t time;
	uint32_t function; /* address; see samples_name */
};
const struct sample_point *samples_timeline(const struct samples *s, uint32_t *n);
uint64_t samples_total(const struct samples *s);

/* Name of a function; without a symbol, its address in `text`. */
const char *samples_name(const struct symbols *syms, uint32_t function, char text[16]);

#endif
