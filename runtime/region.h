/* SPDX-License-Identifier: Apache-2.0 */
/* A region that is being planned: which blocks, in which order, and who jumps to whom. Private to region.c and region_flags.c. */
#ifndef RHEA_REGION_H
#define RHEA_REGION_H

#include "runtime/vcpu.h"

#define REGION_INSNS 200u     /* guest instructions in a region */
#define REGION_COPIED 60u     /* and in second copies */
#define REGION_CHARGE 128u    /* charged at once, at most */

struct region_plan {
	struct vcpu *v;
	struct tb *head;
	struct tb *part[ARM_REGION_PARTS];   /* in the order of the code */
	struct tb *waiting[2 * ARM_REGION_PARTS]; /* others that parts jump to */
	unsigned n, n_waiting, insns;
	int8_t to[ARM_REGION_PARTS][2];      /* the parts that they jump to; -1 = none */
	uint8_t copy[ARM_REGION_PARTS];      /* the part of the same block, for ways in with other flags; else the part itself */
	bool knows[ARM_REGION_PARTS];        /* what the part may know of the flags was decided */
	struct arm_region_part out[ARM_REGION_PARTS];
	uint16_t need[ARM_REGION_PARTS];
	uint8_t state[ARM_REGION_PARTS];     /* of need: 0 not asked, 1 being asked, 2 known */
};

/* How many jumps it takes from part `from` to part `to`, at least; REGION_FAR = there is no way. */
#define REGION_FAR 100u
unsigned region_distance(const struct region_plan *p, unsigned from, unsigned to);

/* Does the part look at flags that it was entered with, if only at a fault? */
bool region_looks_at_flags(const struct tb *tb);
/* Decides what parts assume of the flags, and copies parts for it, now that `flags` tells what is known where they jump. True when it
 * changed something: then the parts are to be described and lowered again. `last`: nothing is assumed that does not hold already. */
bool region_settle_flags(struct region_plan *p, struct arm_region_flags *flags, bool last);

#endif
