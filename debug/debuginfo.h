/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines, functions and call frame rules of the images that were loaded, from their DWARF (versions 2 to 5), through
 * elfutils' libdw, which is loaded when the first question is asked. Far from the translation path. What an image does not
 * have, or has damaged, is absent: nothing here fails, and nothing here follows a file name out of an image.
 */
#ifndef RHEA_DEBUGINFO_H
#define RHEA_DEBUGINFO_H

#include "base/base.h"

struct debuginfo;

struct debuginfo *debuginfo_new(void); /* NULL when the host is out of memory */
void debuginfo_free(struct debuginfo *d);

/* Keeps a copy of the ELF file. Out of memory: it is not added. */
void debuginfo_add(struct debuginfo *d, const void *data, size_t size);

/* The code in [start, end) comes from that line (>= 1) of files[file]. */
struct debug_line {
	uint32_t start, end, file, line;
};

/* A function with code; file 0 and line 0 when they are not known. */
struct debug_function {
	const char *name;
	uint32_t entry, file, line;
};

/* One piece of a function's code; `function` is its index. */
struct debug_range {
	uint32_t start, end, function;
};

/* All of it, by start address. files[0] is "". Valid until the next debuginfo_add. */
struct debug_tables {
	const struct debug_line *line;
	const struct debug_function *function;
	const struct debug_range *range;
	const char *const *file;
	uint32_t n_lines, n_functions, n_ranges, n_files;
	bool no_library; /* there are images, and no libdw on this host */
};
const struct debug_tables *debuginfo_tables(struct debuginfo *d);

/* NULL when there is none. */
const struct debug_line *debug_find_line(const struct debug_tables *t, uint32_t pc);
const struct debug_range *debug_find_range(const struct debug_tables *t, uint32_t pc);

/* How the caller's registers are found at `pc` (.debug_frame, .eh_frame): its sp is the frame's address, reg[cfa_reg] +
 * cfa_offset, and register r was saved at that plus saved[r]. */
#define DEBUG_FRAME_SAME INT32_MIN      /* saved[r]: still in the register */
#define DEBUG_FRAME_LOST (INT32_MIN + 1) /* saved[r]: nobody knows; for r14: there is no caller */
struct debug_frame {
	uint8_t cfa_reg;
	int32_t cfa_offset, saved[15];
};
/* False when there is no rule, or none of this simple kind. */
bool debuginfo_frame(struct debuginfo *d, uint32_t pc, struct debug_frame *f);

#endif
