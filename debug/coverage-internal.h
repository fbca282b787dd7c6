/* SPDX-License-Identifier: Apache-2.0 */
/* Between coverage.c and the two formats. */
#ifndef RHEA_COVERAGE_INTERNAL_H
#define RHEA_COVERAGE_INTERNAL_H

#include "debug/coverage.h"
#include "debug/report_file.h"

/* What a tracefile says. Paths and names live as long as `text` or the debug tables. */
struct lcov_line {
	const char *path;
	uint32_t line;
	uint64_t count;
};
struct lcov_function {
	const char *path, *name;
	uint32_t line;
	uint64_t count;
};
struct lcov_branch {
	const char *path;
	uint32_t line;
	uint64_t block, branch; /* here: the guest address; 0 taken, 1 not */
	uint64_t count;
	bool reached;           /* else lcov writes '-' for the count */
};
struct lcov {
	char *text; /* the old file, cut into strings */
	struct lcov_line *line;
	struct lcov_function *function;
	struct lcov_branch *branch;
	uint32_t n_lines, cap_lines, n_functions, cap_functions, n_branches, cap_branches;
	bool out_of_memory;
};
/* Takes the text over (malloced, with a NUL behind `size` bytes). False: it is no tracefile. */
bool lcov_parse(struct lcov *l, char *text, size_t size);
void lcov_free(struct lcov *l);
/* Adds what ran, and writes all of it to `out`. False when the host is out of memory. */
bool lcov_write(struct lcov *l, const struct coverage_input *in, FILE *out);

struct drcov_block {
	uint32_t start; /* from the module's base */
	uint16_t size, module;
};
struct drcov_module {
	char *path; /* owned */
	uint64_t base, end;
};
struct drcov {
	struct drcov_module *module;
	struct drcov_block *block;
	uint32_t n_modules, n_blocks, cap_blocks;
	bool out_of_memory;
};
bool drcov_parse(struct drcov *d, const char *text, size_t size);
void drcov_free(struct drcov *d);
bool drcov_write(struct drcov *d, const struct coverage_input *in, FILE *out);

#endif
