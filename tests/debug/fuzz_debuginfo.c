/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as an ELF file with DWARF. Tables are sorted and name what they have; call frame rules are asked for all over
 * the code. Build with -Dfuzz=true and clang; run ./fuzz-debuginfo CORPUS (an ELF with -g is a good start). */
#include <stdlib.h>
#include <string.h>

#include "debug/debuginfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct debuginfo *d = debuginfo_new();
	struct debug_frame f;
	debuginfo_add(d, data, size);
	const struct debug_tables *t = debuginfo_tables(d);
	for (uint32_t i = 0; i < t->n_lines; i++) {
		check(!i || t->line[i - 1].start <= t->line[i].start);
		check(t->line[i].start < t->line[i].end && t->line[i].file < t->n_files && t->line[i].line > 0);
		check(strlen(t->file[t->line[i].file]) > 0);
	}
	for (uint32_t i = 0; i < t->n_functions; i++)
		check(*t->function[i].name && t->function[i].file < t->n_files);
	for (uint32_t i = 0; i < t->n_ranges; i++) {
		check(t->range[i].function < t->n_functions);
		if (i % 8 == 0 && debuginfo_frame(d, t->range[i].start, &f))
			check(f.cfa_reg < 15);
	}
	for (uint32_t pc = 0x10000; pc < 0x10400; pc += 2)
		debuginfo_frame(d, pc, &f);
	debuginfo_free(d);
	return 0;
}
