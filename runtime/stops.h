/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a debugger or a client wants vcpu_run to come back: before the instruction at an address, or before an access to
 * some bytes. Addresses are virtual, whatever they are mapped to.
 *
 * Both are exact and cost nothing elsewhere. No unit goes on across an address in `exec`, and a block that starts there is
 * neither linked to nor in the jump cache, so the run loop comes by before it runs. Pages with watched bytes have no
 * addends and are not in the window (softmmu_watch), so the slow path sees each access to them.
 *
 * Changes wait until the next slice begins: a debugger that takes all its breakpoints out at each stop and puts them
 * back drops no code.
 */
#ifndef RHEA_STOPS_H
#define RHEA_STOPS_H

#include "softmmu/tlb.h"

enum stop_kind { STOP_EXEC, STOP_WRITE, STOP_READ, STOP_ACCESS };

struct stop_point {
	uint32_t addr, size; /* watchpoints: size >= 1, within the 4 GiB; STOP_EXEC: size 0, bit 0 of addr clear */
	uint8_t kind;        /* enum stop_kind */
	uint8_t owners;      /* a bit for each who wants it */
};

struct stops {
	struct stop_point *point; /* as wanted, in order of kind, addr, size */
	uint32_t n, cap;
	bool changed;             /* since they were put in force */
	uint32_t *exec;           /* in force, ascending */
	uint32_t n_exec;
	struct stop_point *watch; /* in force */
	uint32_t n_watch;
	bool hit;                 /* vcpu_run is about to end because of last_hit */
	bool pass;                /* the next instruction runs in spite of a breakpoint ... */
	bool pass_access;         /* ... and of what it accesses */
	struct stop_hit {
		struct stop_point point;
		uint32_t addr;    /* of the access; of the instruction for STOP_EXEC */
		bool write;
		uint64_t insns;   /* when: a run that starts there passes it */
		uint32_t pc;
	} last_hit;
};

struct vcpu;

/* Adds p->owners to the owners of that stop, or makes it. False: the host has no memory. */
bool vcpu_add_stop(struct vcpu *v, const struct stop_point *p);
/* Takes p->owners away from that stop; false when none of them has it. */
bool vcpu_remove_stop(struct vcpu *v, const struct stop_point *p);
void vcpu_remove_stops(struct vcpu *v, uint8_t owners);
/* The core was put elsewhere, where no stop was met ... */
void vcpu_forget_hit(struct vcpu *v);
/* ... or this one: the next run passes it. No block runs. */
void vcpu_set_hit(struct vcpu *v, const struct stop_hit *hit);

/* ---- for the run loop and access.c ---- */

/* Puts the stops in force that are wanted. Between two slices. */
void vcpu_apply_stops(struct vcpu *v);
void vcpu_free_stops(struct vcpu *v);
/* A run begins: does it go on from where a stop ended the last one? */
void vcpu_resume_stops(struct vcpu *v);

/* Is there a breakpoint at this pc key? */
bool stops_at(const struct stops *s, uint32_t pc_key);
/* The breakpoints at [addr, addr + size): the first of them, *n their number. */
const uint32_t *stops_between(const struct stops *s, uint32_t addr, uint32_t size, uint32_t *n);
/* The next instruction has passed its stop. */
void vcpu_passed_stop(struct vcpu *v);
/* The core is about to run a block there: true, noted in last_hit, when it must not. */
bool vcpu_stop_before_block(struct vcpu *v);
/* It is about to access these bytes: the same. */
bool vcpu_stop_before_access(struct vcpu *v, uint32_t addr, unsigned size, bool write);

#endif
