/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The units whose emitted code is tested, shared by shapes.c (golden listings, a full buffer), links.c (what the runtime relies on
 * between units) and returns.c (calls and returns).
 */
#ifndef RHEA_TESTS_X64_SHAPES_H
#define RHEA_TESTS_X64_SHAPES_H

#include "tests/backend-x86_64/harness.h"

#define COOKIE UINT64_C(0x10000)
#define KEY 0x8000u

struct shape {
	const char *name;
	void (*build)(struct ir_unit *u);
	uint32_t cross_tag;
	uint8_t window; /* spaces */
	uint32_t in_memory; /* globals that have no home, a bit each */
};
/* In the order of their listings. */
extern const struct shape shapes[];
enum { SHAPE_LOOP_END = 1, SHAPE_INDIRECT = 8, SHAPE_TO_LOOP, SHAPE_CALL, SHAPE_CALL_INDIRECT, SHAPE_CALL_CONDITIONAL, SHAPE_RETURN, SHAPE_CALL_LANDS = 18 };

/* A jump to another block. */
void shape_end(struct ir_unit *u);
void shape_compile_keyed(struct harness *h, const struct shape *s, uint32_t key, struct x64_code *code);
void shape_compile(struct harness *h, const struct shape *s, struct x64_code *code);
/* A harness with a target and a guest's state. */
void shape_begin(struct harness *h, struct guest_state *g);

/* Each runs its tests and returns how many failed. */
int run_link_tests(void);
int run_return_tests(void);

#endif
