/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random-vs-qemu: runs random sequences on two emulators and compares their final states.
 * Exit status: 0 no difference, 1 differences, 2 usage, 77 something needed is missing (skipped).
 */
#include "random.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	uint64_t seed;
	uint32_t first, count, batch, max_reports;
	const char *a, *b, *runner, *keep;
	bool shrink, coverage;
	struct gen_options gen;
};

struct session {
	const struct options *opt;
	char image[512];
	struct sequence *seqs;
	struct result *ra, *rb;
	uint32_t *hits; /* sequences that contain each row */
};

static const char usage[] =
	"usage: random-vs-qemu --runner FILE [options]\n"
	"  --seed N, --first N, --count N   sequences N.. of a seed (1, 0, 2000)\n"
	"  --batch N                        sequences in one image (500)\n"
	"  --isa arm|thumb|both  --mode usr|fiq|irq|svc|abt|und|sys|all  --mmu on|off|both\n"
	"  --qemu COMMAND, --a COMMAND      reference (qemu-system-arm); words are split at blanks\n"
	"  --rhea COMMAND, --b COMMAND      what is tested\n"
	"  --shrink                         reduce the sequences that differ\n"
	"  --max-reports N                  differences to describe (3)\n"
	"  --keep FILE                      leave the last image there\n"
	"  --coverage                       say how many sequences held each instruction row\n"
	"  --unpredictable                  also what is excluded for being UNPREDICTABLE (use --mmu on)\n"
	"  --list-exclusions                what is not generated, and why\n";

static const char *const word_names[RESULT_WORDS] = {
	"index", "kind", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
	"cpsr", "spsr", "exc lr", "exc cpsr", "dfsr", "ifsr", "far", "sctlr", "data sum",
};

/* ---- one image on both ---- */

static bool run_both(struct session *s, const struct sequence *seqs, unsigned n, char *noise, size_t noise_size)
{
	unsigned timeout_s = 60 + n / 10; /* a busy host is no difference */

	if (!image_write(s->image, s->opt->runner, seqs, n))
		return false;
	if (!run_image(s->opt->a, s->image, timeout_s, s->ra, n, NULL, 0) ||
	    !run_image(s->opt->b, s->image, timeout_s, s->rb, n, noise, noise_size)) {
		fprintf(stderr, "random-vs-qemu: cannot run %s or %s\n", s->opt->a, s->opt->b);
		return false;
	}
	return true;
}

static bool differ(const struct result *a, const struct result *b)
{
	if (a->there != b->there)
		return true;
	return memcmp(&a->word[1], &b->word[1], sizeof(a->word) - sizeof(a->word[0])) != 0;
}

/* ---- reports ---- */

static const char *mode_name(uint32_t cpsr)
{
	switch (cpsr & CPSR_MODE) {
	case ARM_USR: return "usr";
	case ARM_FIQ: return "fiq";
	case ARM_IRQ: return "irq";
	case ARM_SVC: return "svc";
	case ARM_ABT: return "abt";
	case ARM_UND: return "und";
	case ARM_SYS: return "sys";
	}
	return "???";
}

static void print_code(const struct sequence *s, const struct row_set *rows)
{
	uint8_t code[CODE_BYTES_MAX];
	uint32_t size = s->isa == ARM_A32 ? 4 : 2, bytes = sequence_code(s, code);
	csh cs;

	if (cs_open(CS_ARCH_ARM, s->isa == ARM_A32 ? CS_MODE_ARM : CS_MODE_THUMB, &cs) != CS_ERR_OK)
		return;
	for (uint32_t at = 0; at < bytes; at += size) {
		uint32_t index = at / size, word = 0;
		cs_insn *insn = NULL;
		memcpy(&word, code + at, size);
		if (index < s->n_units && s->unit[index].code == (s->isa == ARM_A32 ? 0xe1a00000u : 0x46c0u))
			continue;
		size_t n = cs_disasm(cs, code + at, bytes - at, at, 1, &insn);
		printf("  %03x: %0*x  %s %s", at, (int)size * 2, word, n ? insn->mnemonic : "?", n ? insn->op_str : "");
		if (index < s->n_units && s->unit[index].row != ROW_SETUP)
			printf("   ; %s", rows->row[s->unit[index].row].name);
		printf("%s\n", index >= s->n_units ? "   ; terminator" : "");
		if (n)
			cs_free(insn, n);
	}
	cs_close(&cs);
}

static void print_start(const struct sequence *s)
{
	const struct entry *e = &s->entry;

	printf("  start: cpsr %08x (%s) spsr %08x sctlr %08x dacr %08x pte %08x %08x alias %08x%s%s%s\n", e->cpsr,
	       mode_name(e->cpsr), e->spsr, e->sctlr, e->dacr, e->pte[0], e->pte[1], e->alias,
	       e->flags & ENTRY_COPY ? ", copied" : "", e->flags & ENTRY_IRQ ? ", IRQ" : "",
	       e->flags & ENTRY_FIQ ? ", FIQ" : "");
	for (unsigned i = 0; i < 15; i++)
		printf("%s r%u %08x", i % 8 ? "" : i ? "\n        " : "        ", i, e->regs[i]);
	printf("\n");
}

static void print_states(const struct session *s, const struct result *a, const struct result *b)
{
	if (!a->there || !b->there) {
		printf("  %s gave no result\n", !a->there ? s->opt->a : s->opt->b);
		if (!a->there && !b->there)
			return;
	}
	for (unsigned i = 1; i < RESULT_WORDS; i++) {
		bool same = a->word[i] == b->word[i];
		printf("  %-8s %08x %08x%s\n", word_names[i], a->word[i], b->word[i], same ? "" : "   <---");
	}
}

static void report(const struct session *s, uint32_t index, const struct sequence *seq, const struct result *a,
		   const struct result *b)
{
	printf("DIFFERENCE: --seed %llu --first %u --count 1 (same --isa, --mode, --mmu)\n",
	       (unsigned long long)s->opt->seed, index);
	print_start(seq);
	print_code(seq, s->opt->gen.rows);
	printf("  %-8s %-8s %-8s (%s | %s)\n", "", "first", "second", s->opt->a, s->opt->b);
	print_states(s, a, b);
}

/* ---- shrinking: groups become no-operations while the difference stays ---- */

static bool still_differs(struct session *s, const struct sequence *seq, struct result *a, struct result *b)
{
	if (!run_both(s, seq, 1, NULL, 0))
		return false;
	*a = s->ra[0];
	*b = s->rb[0];
	return differ(a, b);
}

/* Replaces `count` groups from group `first` on; false when there was nothing to replace. A group stays whole, or
 * its memory access would go astray. */
static bool drop_groups(struct sequence *seq, unsigned first, unsigned count)
{
	uint32_t nop = seq->isa == ARM_A32 ? 0xe1a00000u : 0x46c0u;
	unsigned group = 0;
	bool change = false;

	for (unsigned i = 0; i < seq->n_units; i++) {
		struct unit *u = &seq->unit[i];
		if (u->group_start && i)
			group++;
		if (group < first || group >= first + count || u->code == nop)
			continue;
		u->code = nop;
		u->fix = FIX_NONE;
		change = true;
	}
	return change;
}

static bool shrink(struct session *s, struct sequence *seq, struct result *a, struct result *b)
{
	if (!still_differs(s, seq, a, b))
		return false;
	for (unsigned step = seq->n_units / 2 + 1; step; step /= 2) {
		for (unsigned i = 0; i < seq->n_units; i += step) {
			struct sequence smaller = *seq;
			struct result ta, tb;
			if (drop_groups(&smaller, i, step) && still_differs(s, &smaller, &ta, &tb)) {
				*seq = smaller;
				*a = ta;
				*b = tb;
			}
		}
	}
	return true;
}

/* ---- batches ---- */

static void count_rows(struct session *s, const struct sequence *seq)
{
	for (unsigned i = 0; i < seq->n_units; i++)
		if (seq->unit[i].row != ROW_SETUP)
			s->hits[seq->unit[i].row]++;
}

/* Returns the number of differences, -1 when nothing could be run. */
static int run_batch(struct session *s, uint32_t first, unsigned n, unsigned *reports_left)
{
	char noise[4096];
	int differences = 0;
	unsigned bad[64], n_bad = 0;

	for (unsigned i = 0; i < n; i++) {
		sequence_generate(&s->seqs[i], s->opt->seed, first + i, &s->opt->gen);
		count_rows(s, &s->seqs[i]);
	}
	if (!run_both(s, s->seqs, n, noise, sizeof(noise)))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (!differ(&s->ra[i], &s->rb[i]) && s->ra[i].there)
			continue;
		differences++;
		if (n_bad < ARRAY_LEN(bad) && n_bad < *reports_left)
			bad[n_bad++] = i;
		if (!s->rb[i].there || !s->ra[i].there) {
			printf("no result from sequence %u on; output of the tested program:\n%s", first + i, noise);
			break;
		}
	}
	struct result a[64], b[64];
	for (unsigned k = 0; k < n_bad; k++) {
		a[k] = s->ra[bad[k]];
		b[k] = s->rb[bad[k]];
	}
	for (unsigned k = 0; k < n_bad; k++, (*reports_left)--) {
		struct sequence seq = s->seqs[bad[k]];
		if (s->opt->shrink && !shrink(s, &seq, &a[k], &b[k]))
			printf("(alone this sequence makes no difference)\n");
		report(s, first + bad[k], &seq, &a[k], &b[k]);
	}
	return differences;
}

static void print_coverage(const struct session *s)
{
	for (unsigned i = 0; i < s->opt->gen.rows->n; i++)
		printf("%-16s %u\n", s->opt->gen.rows->row[i].name, s->hits[i]);
}

static int run_all(struct session *s)
{
	unsigned reports = s->opt->max_reports, total = 0;

	for (uint32_t done = 0; done < s->opt->count;) {
		unsigned n = MIN(s->opt->batch, s->opt->count - done);
		int got = run_batch(s, s->opt->first + done, n, &reports);
		if (got < 0)
			return 77;
		total += (unsigned)got;
		done += n;
		if (total && !reports)
			break;
	}
	printf("%u differences, seed %llu, sequences %u to %u\n", total, (unsigned long long)s->opt->seed, s->opt->first,
	       s->opt->first + s->opt->count - 1);
	if (s->opt->coverage)
		print_coverage(s);
	return total ? 1 : 0;
}

/* ---- command line ---- */

static int list_exclusions(const struct row_set *rows)
{
	(void)rows;
	for (unsigned i = 0; i < n_exclusions; i++)
		printf("%s  %s\n", exclusions[i].isa == ARM_A32 ? "A32" : "T16", exclusions[i].reason);
	return 0;
}

static bool choose(const char *text, const char *const *names, const int *values, unsigned n, int *out)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(text, names[i])) {
			*out = values[i];
			return true;
		}
	return false;
}

static bool parse_choice(struct options *o, const char *name, const char *value)
{
	static const char *const modes[] = { "usr", "fiq", "irq", "svc", "abt", "und", "sys", "all" };
	static const int mode_values[] = { ARM_USR, ARM_FIQ, ARM_IRQ, ARM_SVC, ARM_ABT, ARM_UND, ARM_SYS, -1 };
	static const char *const isas[] = { "arm", "thumb", "both" }, *const onoff[] = { "off", "on", "both" };
	static const int isa_values[] = { 1, 2, 3 }, onoff_values[] = { 0, 1, -1 };
	int isa;

	if (!strcmp(name, "--mode"))
		return choose(value, modes, mode_values, 8, &o->gen.mode);
	if (!strcmp(name, "--mmu"))
		return choose(value, onoff, onoff_values, 3, &o->gen.mmu);
	if (strcmp(name, "--isa") || !choose(value, isas, isa_values, 3, &isa))
		return false;
	o->gen.arm = isa & 1;
	o->gen.thumb = isa & 2;
	return true;
}

static bool parse_value(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint32_t *number;
		const char **text;
	} table[] = {
		{ "--first", &o->first, NULL }, { "--count", &o->count, NULL }, { "--batch", &o->batch, NULL },
		{ "--max-reports", &o->max_reports, NULL }, { "--a", NULL, &o->a }, { "--qemu", NULL, &o->a },
		{ "--b", NULL, &o->b }, { "--rhea", NULL, &o->b }, { "--runner", NULL, &o->runner },
		{ "--keep", NULL, &o->keep },
	};

	if (!strcmp(name, "--seed")) {
		o->seed = strtoull(value, NULL, 0);
		return true;
	}
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(name, table[i].name))
			continue;
		if (table[i].number)
			*table[i].number = (uint32_t)strtoul(value, NULL, 0);
		else
			*table[i].text = value;
		return true;
	}
	return parse_choice(o, name, value);
}

static bool parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--shrink"))
			o->shrink = true;
		else if (!strcmp(argv[i], "--unpredictable"))
			o->gen.unpredictable = true;
		else if (!strcmp(argv[i], "--coverage"))
			o->coverage = true;
		else if (i + 1 >= argc || !parse_value(o, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	return o->runner && o->count && o->batch && o->batch <= 8000;
}

/* The first word of a command is a program that can be run. */
static bool available(const char *command)
{
	char text[4096], *save = NULL, *path = getenv("PATH");
	size_t len = strcspn(command, " ");

	if (memchr(command, '/', len)) {
		snprintf(text, sizeof(text), "%.*s", (int)len, command);
		return access(text, X_OK) == 0;
	}
	char *dirs = strdup(path ? path : "/usr/bin");
	bool found = false;
	for (char *d = strtok_r(dirs, ":", &save); d && !found; d = strtok_r(NULL, ":", &save)) {
		snprintf(text, sizeof(text), "%s/%.*s", d, (int)len, command);
		found = access(text, X_OK) == 0;
	}
	free(dirs);
	return found;
}

static bool all_available(const struct options *o)
{
	const char *needed[] = { o->a, o->b };

	for (unsigned i = 0; i < 2; i++)
		if (!available(needed[i])) {
			printf("skipped: %s is not there\n", needed[i]);
			return false;
		}
	if (access(o->runner, R_OK)) {
		printf("skipped: the runner %s is not there (it needs arm-none-eabi-gcc)\n", o->runner);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct row_set rows;
	struct options o = { .seed = 1, .count = 2000, .batch = 500, .max_reports = 3, .a = "qemu-system-arm",
			     .b = "rhea-system-arm", .gen = { .arm = true, .thumb = true, .mode = -1, .mmu = -1 } };
	struct session s = { .opt = &o };
	const char *dir = getenv("TMPDIR");
	int fd, status;

	rows_init(&rows);
	o.gen.rows = &rows;
	if (argc == 2 && !strcmp(argv[1], "--list-exclusions"))
		return list_exclusions(&rows);
	if (!parse(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!all_available(&o))
		return 77;
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(s.image, sizeof(s.image), "%s/rhea-random-XXXXXX", dir ? dir : P_tmpdir);
	fd = o.keep ? -1 : mkstemp(s.image);
	if (o.keep)
		snprintf(s.image, sizeof(s.image), "%s", o.keep);
	s.seqs = calloc(o.batch, sizeof(*s.seqs));
	s.ra = calloc(o.batch, sizeof(*s.ra));
	s.rb = calloc(o.batch, sizeof(*s.rb));
	s.hits = calloc(rows.n, sizeof(*s.hits));
	if (!s.seqs || !s.ra || !s.rb || !s.hits || (fd < 0 && !o.keep))
		return 77;
	status = run_all(&s);
	if (fd >= 0) {
		close(fd);
		unlink(s.image);
	}
	free(s.seqs);
	free(s.ra);
	free(s.rb);
	free(s.hits);
	return status;
}
