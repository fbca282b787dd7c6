/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of debuginfo: debuginfo.c (images, the library), debuginfo-tables.c (lines and functions), debuginfo-frame.c. */
#ifndef RHEA_DEBUGINFO_INTERNAL_H
#define RHEA_DEBUGINFO_INTERNAL_H

#include <elfutils/libdw.h>

#include "debug/debuginfo.h"

struct libdw {
#define FUNCTION(name) __typeof__(name) *name;
#include "debug/libdw.def"
#undef FUNCTION
};

/* One ELF file. What could not be opened is NULL. */
struct debug_image {
	void *data;
	size_t size;
	Elf *elf;
	Dwarf *dwarf;
	Dwarf_CFI *cfi[2]; /* of .debug_frame, owned by dwarf; of .eh_frame */
	/* Sections with code: functions that the linker dropped are still described, at address 0. */
	struct debug_extent {
		uint64_t start, end;
	} *code;
	unsigned n_code;
	struct debug_image *next;
};

struct debuginfo {
	struct debug_image *images;
	struct libdw dw;
	bool tried, loaded, built;
	/* what `tables` shows */
	struct debug_line *line;
	struct debug_function *function;
	struct debug_range *range;
	char **file;
	uint32_t *file_next, file_head[1024]; /* by hash of the path; 0 = end */
	uint32_t cap_next, cap_lines, cap_functions, cap_ranges, cap_files;
	struct debug_tables tables;
};

/* debuginfo-tables.c: reads what the (open) images have; anew after an image was added. */
void debuginfo_read_tables(struct debuginfo *d);
void debuginfo_free_tables(struct debuginfo *d);

/* Opens all images that are not yet. */
void debuginfo_open(struct debuginfo *d);

#endif
