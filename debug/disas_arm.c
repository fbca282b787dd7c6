/* SPDX-License-Identifier: Apache-2.0 */
/* Guest code through Capstone. What Capstone does not know is printed as data. Its tables are a megabyte of relocations, a millisecond. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"
#include "debug/disas-internal.h"

#define STRING(x) STRING_(x)
#define STRING_(x) #x
#define LIBRARY "libcapstone.so." STRING(CS_API_MAJOR)

static const char *const names[] = {
#define FUNCTION(name) #name,
#include "debug/capstone.def"
#undef FUNCTION
};

static const struct library library = {LIBRARY, "libcapstone4", names, ARRAY_LEN(names)};

struct disas *disas_new(void)
{
	return calloc(1, sizeof(struct disas));
}

static void open_library(struct disas *d)
{
	d->tried_arm = true;
	if (library_load(&library, &d->cs, NULL) && !d->cs.cs_open(CS_ARCH_ARM, CS_MODE_ARM, &d->arm) &&
	    !d->cs.cs_open(CS_ARCH_ARM, CS_MODE_THUMB, &d->thumb))
		d->insn = d->cs.cs_malloc(d->arm);
}

void disas_free(struct disas *d)
{
	if (!d)
		return;
	if (d->insn)
		d->cs.cs_free(d->insn, 1);
	if (d->arm)
		d->cs.cs_close(&d->arm);
	if (d->thumb)
		d->cs.cs_close(&d->thumb);
	free(d);
}

static uint32_t word(const uint8_t *code, unsigned n)
{
	uint32_t w = 0;
	for (unsigned i = 0; i < n; i++)
		w |= (uint32_t)code[i] << (8 * i);
	return w;
}

/* The instruction's bytes as ARM words and Thumb halfwords are written. */
static void print_bytes(bool thumb, const uint8_t *code, unsigned n, char *out, size_t size)
{
	if (thumb && n == 4)
		snprintf(out, size, "%04x %04x", word(code, 2), word(code + 2, 2));
	else
		snprintf(out, size, "%0*x", (int)(2 * n), word(code, n));
}

static void strip(char *line)
{
	size_t n = strlen(line);
	while (n && line[n - 1] == ' ')
		line[--n] = 0;
}

unsigned disas_arm(struct disas *d, bool thumb, uint32_t pc, const uint8_t *code, uint32_t n, char line[DISAS_LINE])
{
	const uint8_t *p = code;
	size_t left = MIN(n, 4u);
	uint64_t at = pc;
	char bytes[16], mnemonic[CS_MNEMONIC_SIZE] = "", operands[sizeof d->insn->op_str] = "";
	unsigned len;
	if (!d->tried_arm)
		open_library(d);
	if (d->insn && d->cs.cs_disasm_iter(thumb ? d->thumb : d->arm, &p, &left, &at, d->insn)) {
		len = d->insn->size;
		snprintf(mnemonic, sizeof mnemonic, "%s", d->insn->mnemonic);
		snprintf(operands, sizeof operands, "%s", d->insn->op_str);
	} else {
		len = MIN(n, thumb ? 2u : 4u);
		snprintf(mnemonic, sizeof mnemonic, "%s", len == 4 ? ".word" : len == 2 ? ".short" : ".byte");
		snprintf(operands, sizeof operands, "0x%0*x%s", (int)(2 * len), word(code, len),
			 d->insn ? "" : " ; no " LIBRARY " (Debian's package libcapstone4)");
	}
	print_bytes(thumb, code, len, bytes, sizeof bytes);
	snprintf(line, DISAS_LINE, "0x%08x:  %-*s  %-8s %s", pc, thumb ? 9 : 8, bytes, mnemonic, operands);
	strip(line);
	return len;
}
