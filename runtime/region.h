/* SPDX-License-Identifier: Apache-2.0 */
/* A region that is being planned: which blocks, in which order, and who jumps to whom. Private to region*.c. */
#ifndef RHEA_REGION_H
#define RHEA_REGION_H

#include "runtime/vcpu.h"

#define REGION_INSNS 200u     /* guest instructions in a region */
#define REGION_COPIED 60u     /* and in second copies */
#define REGION_CHARGE 128u    /* charged at once, at most */
#define REGION_FRAMES 16u

struct region_plan {
	struct vcpu *v;                      /* NULL: the worker has it (region_job.c), which sees nothing but the plan */
	struct tb *head;
	struct tb *part[ARM_REGION_PARTS];   /* in the order of the code */
	struct tb *waiting[2 * ARM_REGION_PARTS]; /* others that parts jump to */
	uint8_t waiting_frame[2 * ARM_REGION_PARTS];
	struct region_frame {                 /* a run of a function; number 0 is that of the head's */
		uint32_t back;                /* where it comes back to; ARM_NO_KEY = somewhere else */
		struct tb *caller;            /* a block that calls it, there */
		uint8_t outer, depth;         /* in which run; how many calls that is from the head's */
	} frame[REGION_FRAMES];
	unsigned n_frames;
	uint8_t in[ARM_REGION_PARTS];         /* the frame of each part */
	const uint8_t *page[TB_REGION_PAGES]; /* that parts lie on, the head's first */
	uint32_t page_key[TB_REGION_PAGES];   /* an address in it */
	struct x64_other_page other[TB_REGION_PAGES - 1]; /* as in tb_region */
	unsigned n_others;
	unsigned n, n_waiting, n_pages, insns;
	bool calls[ARM_REGION_PARTS];        /* as in arm_region_part */
	bool leaves[ARM_REGION_PARTS];       /* it may jump out of the region, and has done so */
	int8_t to[ARM_REGION_PARTS][2];      /* the parts that they jump to; -1 = none */
	uint8_t copy[ARM_REGION_PARTS];      /* the part of the same block, for ways in with other flags; else the part itself */
	bool landed[ARM_REGION_PARTS];       /* calls of the region come back to it */
	struct arm_region_part out[ARM_REGION_PARTS];
	uint16_t need[ARM_REGION_PARTS];
	uint8_t state[ARM_REGION_PARTS];     /* of need: 0 not asked, 1 being asked, 2 known */
	struct arm_translate_request req;
	struct arena *arena;                 /* what `unit` lies in */
	struct ir_unit *unit;
};

/* How many jumps it takes from part `from` to part `to`, at least; REGION_FAR = there is no way. */
#define REGION_FAR 100u
unsigned region_distance(const struct region_plan *p, unsigned from, unsigned to);

/* Does the part look at flags that it was entered with, if only at a fault? */
bool region_looks_at_flags(const struct tb *tb);
/* Does part `at` assume something of the flags it is entered with? */
bool region_assumes(const struct region_plan *p, unsigned at);
/* Decides what parts assume of the flags, and copies parts for it, now that they were lowered and `flags` tells what they do to them. True when that is
 * not what they were lowered with: then the parts are to be described and lowered again. */
bool region_settle_flags(struct region_plan *p, struct arm_region_flags *flags);
/* They were: assumptions that do not hold are mended. True when there are such. `last`: nothing is assumed in place of them. */
bool region_correct_flags(struct region_plan *p, const struct arm_region_flags *flags, bool last);

/* Finds out who jumps to whom. Parts that would leave a call without a landing go. */
void region_connect(struct region_plan *p);
/* The part where the call that ends part i comes back to, and the one where a call does that part i makes for who called its function; or -1. */
int region_lands(const struct region_plan *p, unsigned i);
int region_lands_back(const struct region_plan *p, unsigned i);
/* What a region with this head is made of. */
void region_plan(struct vcpu *v, struct tb *head, struct region_plan *p);
/* The start of a function that is followed into and has the head inside: it calls itself. NULL: there is none. */
struct tb *region_recursion(const struct region_plan *p);
/* Makes it, or has it made. False: nothing comes of it. */
bool region_form(struct region_plan *p);
/* Lowers the parts into p->unit, more than once where it turns out what they know of flags. False: it is not to be. */
bool region_lower(struct region_plan *p, struct arm_region_flags *flags);
/* What the TB says of its parts. */
struct tb_region *region_of(struct arena *a, const struct region_plan *p);
/* What the TB of a region is beside its code, now that it is lowered. */
void region_describe_tb(struct tb *tb, const struct region_plan *p, const struct arm_region_flags *flags);
/* The TB is in the store: its head's place is its own. */
void region_take_over(struct vcpu *v, const struct region_plan *p, struct tb *tb);

/* region_policy.c: may what is found in the store for a block be taken apart for this region? */
bool region_may_copy(const struct region_plan *p, const struct tb *to);
/* The region is there: where it leads to is what comes next. */
void region_go_on(struct vcpu *v, const struct region_plan *p);
/* Nothing comes of this one. */
void region_give_up(struct tb *head);

/* region_job.c: lets the worker do the rest. False: the caller is to do it. */
bool region_job_wanted(const struct vcpu *v);
bool region_job_busy(const struct vcpu *v);
bool region_job_start(struct vcpu *v, const struct region_plan *p);

#endif
