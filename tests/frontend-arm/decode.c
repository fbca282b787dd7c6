/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoder and templates against Capstone: random instructions of every row, and random words. A
 * failure means that a pattern or a field is wrong, or that an instruction is missing. RHEA_SEED
 * replays a run; RHEA_COUNT sets the fills a row. Where we differ on purpose there is a row in `reasons`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <cmocka.h>

#include "disasm.h"

#define PC 0x10000u

struct context {
	const struct arm_decoder *d;
	csh arm, thumb;
	cs_insn *insn;
	uint64_t seed;
	unsigned count, bad;
};

static uint32_t next_random(struct context *c)
{
	c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(c->seed >> 32);
}

/* ---- spelling ------------------------------------------------------------------------------------ */

/* One spelling of numbers (decimal, 32 bits unsigned), no space before '^' or '}', one space elsewhere. */
static void normalise(const char *in, char *out, size_t size)
{
	size_t n = 0;
	while (*in && n + 16 < size) {
		if (*in == '#') {
			char *end;
			const char *digits = in + (in[1] == '-' ? 2 : 1);
			uint32_t v = (uint32_t)strtoull(digits, &end, 0);
			n += (size_t)snprintf(out + n, size - n, "#%u", in[1] == '-' ? 0u - v : v);
			in = end;
			continue;
		}
		if (*in == '\t' || *in == ' ') {
			in += strspn(in, " \t");
			if (*in && *in != '^')
				out[n++] = ' ';
			continue;
		}
		out[n++] = *in++;
	}
	out[n] = '\0';
	char *zero = strstr(out, ", #0]"); /* Capstone prints a zero offset or not, as it pleases */
	if (zero)
		memmove(zero, zero + 4, strlen(zero + 4) + 1);
}

static const struct {
	const char *row, *from, *to;
} aliases[] = { /* Capstone's names for transfers by sp with writeback; prefix of our text, prefix of Capstone's */
	{ "ldm", "ldm", "pop" },
	{ "stm", "stmdb", "push" },
};

/* "ldmne sp!, {...}" as Capstone spells it: "popne {...}". */
static void apply_alias(const struct arm_insn_row *row, char *text, size_t size)
{
	char *sp = strstr(text, " sp!, {");
	for (size_t i = 0; sp && i < ARRAY_LEN(aliases); i++) {
		size_t from = strlen(aliases[i].from);
		char mode = text[from];
		if (strcmp(row->name, aliases[i].row) || strncmp(text, aliases[i].from, from))
			continue;
		if (!strcmp(row->name, "ldm") && (mode == 'i' || mode == 'd') && (text[from + 1] == 'b' || text[from + 1] == 'a'))
			continue; /* another mode, not "le" and the like */
		char copy[200];
		snprintf(copy, sizeof(copy), "%s%.*s %s", aliases[i].to, (int)(sp - text - (ptrdiff_t)from), text + from, sp + 6);
		snprintf(text, size, "%s", copy);
		return;
	}
}

/* ---- differences that are meant ------------------------------------------------------------------ */

enum side { TEXT, /* both decode, texts differ */ ONLY_US, ONLY_CAPSTONE };
static const struct {
	enum side side;
	const char *row;    /* name or prefix of ours (ONLY_CAPSTONE: mnemonic prefix of Capstone's) */
	uint32_t mask, value; /* more about the instruction */
	const char *why;
} reasons[] = {
#include "decode-reasons.def"
};

static bool excused(enum side side, const char *name, uint32_t insn)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].side == side && !strncmp(reasons[i].row, name, strlen(reasons[i].row)) &&
		    (insn & reasons[i].mask) == reasons[i].value)
			return true;
	return false;
}

static void report(struct context *c, uint32_t insn, const char *ours, const char *theirs)
{
	if (c->bad++ < 40)
		fprintf(stderr, "%08x  we: %-45s Capstone: %s\n", insn, ours, theirs);
}

/* ---- comparing one instruction ------------------------------------------------------------------- */

static const cs_insn *capstone(struct context *c, bool thumb, uint32_t insn)
{
	uint8_t bytes[4] = { (uint8_t)insn, (uint8_t)(insn >> 8), (uint8_t)(insn >> 16), (uint8_t)(insn >> 24) };
	const uint8_t *p = bytes;
	size_t left = thumb ? 2 : 4;
	uint64_t at = PC;
	return cs_disasm_iter(thumb ? c->thumb : c->arm, &p, &left, &at, c->insn) ? c->insn : NULL;
}

/* Does Capstone say that the instruction is newer than ARMv5TE or of a coprocessor that is not there? */
static bool is_newer(const cs_insn *i)
{
	for (unsigned g = 0; g < i->detail->groups_count; g++)
		switch (i->detail->groups[g]) {
		case ARM_GRP_V6: case ARM_GRP_V6T2: case ARM_GRP_V7: case ARM_GRP_V8: case ARM_GRP_NEON: case ARM_GRP_VFP2:
		case ARM_GRP_VFP3: case ARM_GRP_VFP4: case ARM_GRP_FPARMV8: case ARM_GRP_CRYPTO: case ARM_GRP_CRC:
		case ARM_GRP_DATABARRIER: case ARM_GRP_DIVIDE: case ARM_GRP_FPVMLX: case ARM_GRP_MULOPS:
		case ARM_GRP_T2EXTRACTPACK: case ARM_GRP_THUMB2: case ARM_GRP_THUMB2DSP: case ARM_GRP_TRUSTZONE:
		case ARM_GRP_VIRTUALIZATION: case ARM_GRP_DPVFP: case ARM_GRP_V6M:
			return true;
		}
	return false;
}

static void compare(struct context *c, bool thumb, uint32_t insn)
{
	const struct arm_insn_row *row = thumb ? arm_decode_t16(c->d, insn) : arm_decode_a32(c->d, insn);
	const cs_insn *i = capstone(c, thumb, insn);
	char ours[200] = "-", theirs[200] = "-", raw[200];
	if (i) {
		snprintf(raw, sizeof(raw), "%s %s", i->mnemonic, i->op_str);
		normalise(raw, theirs, sizeof(theirs));
	}
	if (row) {
		disasm(row, insn, PC, raw, sizeof(raw));
		normalise(raw, ours, sizeof(ours));
		apply_alias(row, ours, sizeof(ours));
	}
	if (!row && (!i || is_newer(i) || excused(ONLY_CAPSTONE, i->mnemonic, insn)))
		return;
	if (row && !i && excused(ONLY_US, row->name, insn))
		return;
	if (row && i && (!strcmp(ours, theirs) || excused(TEXT, row->name, insn)))
		return;
	report(c, insn, ours, theirs);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct context *c = calloc(1, sizeof(*c));
	c->seed = getenv("RHEA_SEED") ? strtoull(getenv("RHEA_SEED"), NULL, 0) : 1;
	c->count = getenv("RHEA_COUNT") ? (unsigned)atoi(getenv("RHEA_COUNT")) : 2000;
	c->d = arm_decoder();
	if (!c->d || cs_open(CS_ARCH_ARM, CS_MODE_ARM, &c->arm) || cs_open(CS_ARCH_ARM, CS_MODE_THUMB, &c->thumb))
		return -1;
	cs_option(c->arm, CS_OPT_DETAIL, CS_OPT_ON);
	cs_option(c->thumb, CS_OPT_DETAIL, CS_OPT_ON);
	c->insn = cs_malloc(c->arm);
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	struct context *c = *state;
	cs_free(c->insn, 1);
	cs_close(&c->arm);
	cs_close(&c->thumb);
	free(c);
	return 0;
}

static void every_row_reads_as_capstone_does(void **state)
{
	struct context *c = *state;
	unsigned n;
	c->bad = 0;
	fprintf(stderr, "RHEA_SEED=%llu\n", (unsigned long long)c->seed);
	const struct arm_insn_row *rows = arm_decoder_rows(c->d, ARM_A32, &n);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < c->count; k++) {
			uint32_t word = (next_random(c) & ~rows[i].mask) | rows[i].value;
			if (rows[i].has_cond && k & 1)
				word = (word & 0x0fffffffu) | 0xe0000000u;
			compare(c, false, word);
		}
	assert_int_equal(c->bad, 0);
}

static void random_words_read_as_capstone_does(void **state)
{
	struct context *c = *state;
	c->bad = 0;
	fprintf(stderr, "RHEA_SEED=%llu\n", (unsigned long long)c->seed);
	for (unsigned k = 0; k < c->count * 150; k++)
		compare(c, false, k & 1 ? next_random(c) : (next_random(c) & 0x0fffffffu) | 0xe0000000u);
	assert_int_equal(c->bad, 0);
}

static void every_thumb_halfword_reads_as_capstone_does(void **state)
{
	struct context *c = *state;
	c->bad = 0;
	for (uint32_t half = 0; half < 0x10000; half++)
		compare(c, true, half);
	assert_int_equal(c->bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_row_reads_as_capstone_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_words_read_as_capstone_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_thumb_halfword_reads_as_capstone_does, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
