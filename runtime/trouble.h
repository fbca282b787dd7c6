/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trouble, for tests: at points that a seed chooses, things happen which no guest may notice. Slices end early, requests come that
 * turn out to be nothing, code is flushed, dropped, cut and made again, translations are forgotten, the window closes, accesses that
 * the TLB or the window would have served take the slow path, and there some are begun again. The instruction count and all that the guest
 * sees stay exact. Decision 015.
 */
#ifndef RHEA_TROUBLE_H
#define RHEA_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;
struct trouble;

/* NULL: out of host memory. */
struct trouble *trouble_new(uint32_t seed);
void trouble_free(struct trouble *t);

/* A run begins, and the window's signal handler is about to be put in place if there is a window now. */
void vcpu_trouble_run(struct vcpu *v);
/* A slice of at most n instructions begins: how long it is to be; *exact: not a block less. */
uint64_t vcpu_trouble_slice(struct vcpu *v, uint64_t n, bool *exact);
/* Between two blocks. True: the next instruction runs alone. */
bool vcpu_trouble_between(struct vcpu *v);
/* A compiled block is about to be entered, or lockstep's first run accesses a device: perhaps a request comes that is none. */
void vcpu_trouble_kick(struct vcpu *v);
/* Emitted code is in the slow path of an access. True: the instruction is left and begun again. */
bool vcpu_trouble_access(struct vcpu *v, uint32_t addr, uint16_t memop);

#endif
