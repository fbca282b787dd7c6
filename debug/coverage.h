/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -coverage: which guest instructions ran, exactly, of code that knows nothing of it. As an lcov tracefile (source lines
 * and functions, through the images' DWARF; geninfo(1) has the format) or as a drcov file (blocks by image; version 2 of the format of
 * DynamoRIO's tool, which disassemblers import). Either can go on from what an earlier run wrote.
 */
#ifndef RHEA_COVERAGE_H
#define RHEA_COVERAGE_H

#include "debug/counts.h"
#include "debug/debuginfo.h"

struct coverage;

/* `merge`: takes over what the file has; a file of another kind is an error. RHEA_ERR_FILE: it cannot be written. */
enum rhea_status coverage_open(struct coverage **out, const struct rhea_coverage *cfg, struct rhea_error *err);
void coverage_close(struct coverage *c); /* NULL is allowed */

/* An image, for drcov. */
struct coverage_module {
	const char *path;
	uint32_t base, end; /* end: of the last byte + 1, or UINT32_MAX */
};

struct coverage_input {
	const struct blocks *blocks;
	const uint64_t *runs; /* by counter */
	const struct debug_tables *tables;
	const struct coverage_module *modules;
	unsigned n_modules;
};
/* Writes the file with what ran until now. */
enum rhea_status coverage_write(struct coverage *c, const struct coverage_input *in, struct rhea_error *err);

#endif
