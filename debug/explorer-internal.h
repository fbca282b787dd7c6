/* SPDX-License-Identifier: Apache-2.0 */
/* Between explorer.c (the page, functions, memory, time), explorer-block.c and explorer-source.c. */
#ifndef RHEA_EXPLORER_INTERNAL_H
#define RHEA_EXPLORER_INTERNAL_H

#include "debug/disas.h"
#include "debug/explorer.h"

struct explorer {
	const struct explorer_input *in;
	FILE *out;
	struct disas *disas;
	/* Functions that are shown, hottest first; the page names them by their index. */
	struct explorer_function {
		uint32_t address, blocks;
		uint64_t insns;
	} *function;
	uint32_t n_functions, all_functions; /* shown; that ran */
	/* Source lines that are shown. */
	struct explorer_line {
		uint32_t file, line;
	} *line;
	uint32_t n_lines, cap_lines;
};

/* Start of the function around pc; pc's own block without a symbol. */
uint32_t explorer_function_at(const struct explorer *e, uint32_t pc);

void explorer_print_block(struct explorer *e, uint32_t counter);
/* "files" and "source": the text of the lines that blocks asked for, where a source file is where DWARF says. */
void explorer_want_line(struct explorer *e, uint32_t file, uint32_t line);
void explorer_print_source(struct explorer *e);

/* explorer.html, made part of the program at build time. */
extern const char explorer_page[];

#endif
