/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that never ends and is interrupted all the time, and the state that two runs of it are compared by. With
 * icount its course is a function of its code alone.
 */
#ifndef RHEA_TESTS_BUSY_H
#define RHEA_TESTS_BUSY_H

#include "tests/runtime/guest.h"

/* What must be equal. */
struct busy_state {
	uint32_t reg[18], n_log, fired;
	uint64_t insns, ns, log_hash;
};

void busy_put(struct guest *g); /* writes the guest and points the core at it */
struct busy_state busy_state(const struct guest *g);
void busy_assert_same(const struct busy_state *a, const struct busy_state *b);

#endif
