/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of snapshots and replay: machines that run guest images under icount, and all of their state as a value. */
#ifndef RHEA_TEST_API_MACHINE_STATE_H
#define RHEA_TEST_API_MACHINE_STATE_H

#include "api/snapshot.h"

#define OUTPUT_MAX 65536u

struct test_machine {
	struct rhea *m;
	char out[OUTPUT_MAX]; /* of serial port 0 */
	size_t n_out;
};

/* The packed parts, and a hash of memory. */
struct whole_state {
	uint64_t insns, memory;
	uint8_t *packed;
};

/* versatilepb with 16 MiB, deterministic, running RHEA_GUEST_DIR/<image>.elf; false when it was not built. */
bool test_machine_init(struct test_machine *t, const char *image, const struct rhea_config *cfg);
void test_machine_free(struct test_machine *t);
/* Up to instruction `insns`. False: the guest ended before. */
bool test_machine_run(struct test_machine *t, uint64_t insns);

struct whole_state whole_state(struct rhea *m);
void whole_state_free(struct whole_state *s);
/* NULL, or what differs. */
const char *whole_state_difference(struct rhea *m, const struct whole_state *a, const struct whole_state *b);

/* RHEA_SEED, or one of the moment; says which. Never 0. */
uint64_t test_seed(void);
uint64_t next_random(uint64_t *x);

#endif
