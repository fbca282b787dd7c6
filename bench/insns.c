/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insns [--update|--print] SEQUENCES.elf TABLE.txt: how many host instructions each sequence of insns.S becomes, on the
 * way that is taken when nothing is out of the ordinary (no slow paths, no exits), counted in the translator's own output;
 * nothing is run. With no option it compares with the table (status 1 and the lines that changed when it is another);
 * RHEA_UPDATE_GOLDEN=1 is the same as --update.
 *
 * The table must be the same on every host: instructions that not every host has are chosen always, code starts at a
 * cache line's start, and the padding that a jump's address asks for is not counted.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"
#include "debug/disas.h"

#define BASE 0x10000u
#define AROUND 0x2000u /* branches lead to here at most */
#define MAX_BYTES 256u
#define MAX_SEQUENCES 500u
#define L1_TABLE 0x4000u
#define CACHE_LINE 64u
#define N_MODES 2u /* MMU off, MMU on */

struct sequence {
	char name[64];
	bool thumb;
	uint32_t addr, size; /* in the file */
};

/* Host instructions by guest halfword, and those of the entry of a block that starts there. */
struct counts {
	unsigned insn[MAX_BYTES / 2], entry[MAX_BYTES / 2];
};

struct bench {
	struct sequence seq[MAX_SEQUENCES];
	unsigned n;
	struct image_file file;
	struct image_elf elf;
	struct rhea *machine[N_MODES];
	struct disas *disas;
	struct counts counts[N_MODES]; /* of the sequence at work */
	struct counts *now;
	uint32_t size;
	/* for the summary */
	unsigned long guest, host[N_MODES];
	double log_ratio[N_MODES];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "insns: %s: %s\n", what, why);
	exit(2);
}

static void must(enum rhea_status st, const struct rhea_error *err)
{
	if (st)
		die("error", err->msg);
}

/* ---- the sequences ------------------------------------------------------------------------------- */

static void take_symbol(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function)
{
	struct bench *b = opaque;
	bool thumb = strncmp(name, "thumb.", 6) == 0;
	if (!function || !(thumb || strncmp(name, "arm.", 4) == 0))
		return;
	if (b->n == MAX_SEQUENCES || size > MAX_BYTES || !size)
		die(name, "too many sequences, or it is empty or too long");
	struct sequence *s = &b->seq[b->n++];
	*s = (struct sequence){.thumb = thumb, .addr = addr, .size = size};
	snprintf(s->name, sizeof s->name, "%s", strchr(name, '.') + 1);
}

static int by_address(const void *a, const void *b)
{
	const struct sequence *sa = a, *sb = b;
	return sa->addr < sb->addr ? -1 : sa->addr > sb->addr;
}

static void load(struct bench *b, const char *path)
{
	struct rhea_error err = {0};
	must(image_read(path, 1 << 20, &b->file, &err), &err);
	must(image_elf_parse(&b->file, &b->elf, &err), &err);
	image_elf_symbols(&b->file, take_symbol, b);
	qsort(b->seq, b->n, sizeof *b->seq, by_address);
	if (!b->n)
		die(path, "no sequences");
}

static const uint8_t *bytes_of(const struct bench *b, const struct sequence *s)
{
	for (unsigned i = 0; i < b->elf.n_segments; i++) {
		const struct image_segment *seg = &b->elf.segments[i];
		if (s->addr >= seg->vaddr && s->addr + s->size <= seg->vaddr + seg->filesz)
			return seg->bytes + (s->addr - seg->vaddr);
	}
	die(s->name, "is in no segment");
	return NULL;
}

/* ---- the machines -------------------------------------------------------------------------------- */

static uint32_t count_insns(const struct bench *b, const uint8_t *code, uint32_t from, uint32_t to, uint32_t size)
{
	uint32_t n = 0;
	for (uint32_t at = from, len; at < to; at += len) {
		len = disas_x64_length(b->disas, code + at, size - at);
		if (!len)
			die("libZydis", "is missing");
		bool nop = code[at] == 0x90 || (code[at] == 0x66 && (code[at + 1] == 0x90 || code[at + 1] == 0x0f)) ||
			   (code[at] == 0x0f && code[at + 1] == 0x1f);
		n += !nop;
	}
	return n;
}

/* One block: the host code up to each next marker belongs to the instruction before it. */
static void on_compiled(void *opaque, const struct tb_view *tb)
{
	struct bench *b = opaque;
	const struct x64_code *host = tb->host;
	uint32_t at = 0, mark = 0, end = host->slow_start ? host->slow_start : host->size;
	unsigned *count = &b->now->entry[((tb->pc_key & ~1u) - BASE) / 2];
	for (uint32_t i = 0; i < tb->unit->n_insns; i++) {
		if (tb->unit->insns[i].op != IR_insn)
			continue;
		uint32_t next = MIN(MAX(host->mark[mark], at), end), off = ((uint32_t)tb->unit->insns[i].imm & ~1u) - BASE;
		mark++;
		*count += count_insns(b, tb->host_code, at, next, host->size);
		at = next;
		if (off >= b->size)
			return; /* behind the sequence */
		count = &b->now->insn[off / 2];
	}
	*count += count_insns(b, tb->host_code, at, end, host->size);
}

static void mmu_on(struct rhea *m)
{
	struct arm_cpu *cpu = m->vcpu->cpu;
	for (uint32_t mib = 0; mib < 16; mib++) {
		uint32_t section = mib << 20 | 0xc12;
		must(rhea_write_phys(m, L1_TABLE + 4 * mib, &section, 4), &(struct rhea_error){.msg = "no memory for the page table"});
	}
	arm_cp15_write(cpu, ARM_CP_REG(15, 2, 0, 0, 0), L1_TABLE);
	arm_cp15_write(cpu, ARM_CP_REG(15, 3, 0, 0, 0), 1);
	arm_cp15_write(cpu, ARM_CP_REG(15, 1, 0, 0, 0), cpu->cp15.sctlr | 1);
}

static struct rhea *new_machine(struct bench *b, bool mmu)
{
	const struct rhea_config cfg = {.machine = "versatilepb", .ram_size = 16 << 20, .compile_at_once = true};
	struct rhea_error err = {0};
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		die("error", err.msg);
	if (mmu)
		mmu_on(m);
	m->vcpu->target.has_bmi2 = m->vcpu->target.has_lzcnt = true;
	m->vcpu->observer = (struct observer){.opaque = b, .compiled = on_compiled};
	return m;
}

/* The sequence in memory, among compares, so that a look at what comes next finds the flags overwritten. */
static void place(struct rhea *m, const struct sequence *s, const uint8_t *bytes)
{
	const uint32_t cmp = s->thumb ? 0x42804280 : 0xe1500000; /* cmp r0, r0 */
	const struct rhea_error err = {.msg = "no memory for the sequence"};
	uint32_t around[AROUND / 4];
	for (unsigned i = 0; i < ARRAY_LEN(around); i++)
		around[i] = cmp;
	must(rhea_write_phys(m, BASE, around, sizeof around), &err);
	must(rhea_write_phys(m, BASE, bytes, s->size), &err);
}

static void translate(struct vcpu *v, const struct sequence *s)
{
	struct mem_fetch fetch;
	bool fault;
	vcpu_flush_code(v);
	for (uint32_t off = 0; off < s->size;) {
		v->code.out.cur += -(uintptr_t)v->code.out.cur & (CACHE_LINE - 1);
		v->cpu->pc = (BASE + off) | s->thumb;
		const struct tb *tb = vcpu_lookup(v, &fetch, &fault);
		if (!tb || !tb->host.size)
			die(s->name, "cannot be translated");
		off += tb->bytes;
	}
}

/* ---- the table ----------------------------------------------------------------------------------- */

static void header(const struct sequence *s, unsigned guest, const unsigned host[N_MODES], FILE *out)
{
	fprintf(out, "%s %s: %u guest, %u host", s->thumb ? "thumb" : "arm", s->name, guest, host[0]);
	if (host[1] != host[0])
		fprintf(out, ", %u with MMU", host[1]);
	fputc('\n', out);
}

/* Capstone shows the two halves of a Thumb BL as one. */
static unsigned count_of(const struct counts *c, uint32_t at, uint32_t len)
{
	unsigned n = 0;
	for (uint32_t i = at / 2; i < (at + len) / 2; i++)
		n += c->insn[i];
	return n;
}

static void listing(struct bench *b, const struct sequence *s, const uint8_t *bytes, FILE *out)
{
	char line[DISAS_LINE];
	for (uint32_t at = 0, len; at < s->size; at += len) {
		len = disas_arm(b->disas, s->thumb, BASE + at, bytes + at, s->size - at, line);
		const unsigned i = at / 2, text = 13 + (s->thumb ? 9 : 8) + 2; /* behind address and bytes */
		if (b->counts[0].entry[i] || b->counts[1].entry[i])
			fprintf(out, "%4u %3u  --\n", b->counts[0].entry[i], b->counts[1].entry[i]);
		fprintf(out, "%4u %3u  %s\n", count_of(&b->counts[0], at, len), count_of(&b->counts[1], at, len), line + text);
	}
}

static unsigned guest_insns(struct bench *b, const struct sequence *s, const uint8_t *bytes)
{
	char line[DISAS_LINE];
	unsigned n = 0;
	for (uint32_t at = 0; at < s->size; n++)
		at += disas_arm(b->disas, s->thumb, BASE + at, bytes + at, s->size - at, line);
	return n;
}

static void one_sequence(struct bench *b, const struct sequence *s, FILE *out)
{
	const uint8_t *bytes = bytes_of(b, s);
	unsigned host[N_MODES] = {0}, guest = guest_insns(b, s, bytes);
	memset(b->counts, 0, sizeof b->counts);
	b->size = s->size;
	b->guest += guest;
	for (unsigned mode = 0; mode < N_MODES; mode++) {
		b->now = &b->counts[mode];
		place(b->machine[mode], s, bytes);
		translate(b->machine[mode]->vcpu, s);
		for (unsigned i = 0; i < MAX_BYTES / 2; i++)
			host[mode] += b->now->insn[i] + b->now->entry[i];
		b->host[mode] += host[mode];
		b->log_ratio[mode] += log((double)host[mode] / guest);
	}
	header(s, guest, host, out);
	listing(b, s, bytes, out);
	fputc('\n', out);
}

static char *table(struct bench *b)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		die("error", "out of memory");
	fputs("# Host instructions that the sequences of insns.S become: MMU off, MMU on, guest instruction; -- is what a block's\n"
	      "# start costs. Slow paths and unlinked exits are not counted. Written by `./dev bench --insns --update`.\n\n", out);
	for (unsigned i = 0; i < b->n; i++)
		one_sequence(b, &b->seq[i], out);
	fclose(out);
	return text;
}

static char *read_text(const char *path)
{
	char *text = NULL, buf[4096];
	size_t size = 0, n;
	FILE *in = fopen(path, "r"), *out = open_memstream(&text, &size);
	while (in && out && (n = fread(buf, 1, sizeof buf, in)) > 0)
		fwrite(buf, 1, n, out);
	if (in)
		fclose(in);
	if (!out || fclose(out))
		die(path, "out of memory");
	return text;
}

/* The line of `text` that begins like `line` up to its colon; NULL when there is none. */
static const char *same_header(const char *text, const char *line)
{
	size_t n = strcspn(line, ":\n") + 1;
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strncmp(p, line, n) == 0)
			return p;
	return NULL;
}

/* Sequences whose numbers changed, came or went. */
static void print_changes(const char *old, const char *new)
{
	for (const char *p = new; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		int n = (int)strcspn(p, "\n");
		if (strncmp(p, "arm ", 4) != 0 && strncmp(p, "thumb ", 6) != 0)
			continue;
		const char *was = same_header(old, p);
		if (!was)
			printf("  new: %.*s\n", n, p);
		else if (strncmp(was, p, (size_t)n + 1) != 0)
			printf("  %.*s\n    was %.*s\n", n, p, (int)strcspn(was, "\n") - (int)strcspn(p, ":") - 2, was + strcspn(p, ":") + 2);
	}
	for (const char *p = old; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if ((strncmp(p, "arm ", 4) == 0 || strncmp(p, "thumb ", 6) == 0) && !same_header(new, p))
			printf("  gone: %.*s\n", (int)strcspn(p, "\n"), p);
}

static void print_summary(const struct bench *b)
{
	printf("%u sequences, %lu guest instructions; host instructions per guest instruction:\n", b->n, b->guest);
	for (unsigned mode = 0; mode < N_MODES; mode++)
		printf("  MMU %-3s  %lu in all, %.2f; %.2f by geometric mean of the sequences\n", mode ? "on" : "off", b->host[mode],
		       (double)b->host[mode] / (double)b->guest, exp(b->log_ratio[mode] / b->n));
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) == EOF || fclose(f))
		die(path, "cannot be written");
}

static struct bench *bench_new(const char *elf)
{
	struct bench *b = calloc(1, sizeof *b);
	if (!b || !(b->disas = disas_new()))
		die("error", "out of memory");
	load(b, elf);
	for (unsigned mode = 0; mode < N_MODES; mode++)
		b->machine[mode] = new_machine(b, mode == 1);
	return b;
}

static void bench_free(struct bench *b)
{
	for (unsigned mode = 0; mode < N_MODES; mode++)
		rhea_free(b->machine[mode]);
	disas_free(b->disas);
	image_elf_free(&b->elf);
	image_file_free(&b->file);
	free(b);
}

int main(int argc, char **argv)
{
	bool update = getenv("RHEA_UPDATE_GOLDEN") != NULL, print = false;
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		update |= strcmp(argv[at], "--update") == 0;
		print |= strcmp(argv[at], "--print") == 0;
	}
	if (argc - at != 2)
		die("usage", "insns [--update|--print] SEQUENCES.elf TABLE.txt");
	struct bench *b = bench_new(argv[at]);
	char *new = table(b), *old = read_text(argv[at + 1]);
	bool same = strcmp(new, old) == 0;
	if (print)
		fputs(new, stdout);
	print_summary(b);
	if (!same) {
		printf("%s is another now%s\n", argv[at + 1], update ? "" : " (./dev bench --insns --update accepts it)");
		print_changes(old, new);
	}
	if (update && !same)
		write_text(argv[at + 1], new);
	free(new);
	free(old);
	bench_free(b);
	return same || update ? 0 : 1;
}
