/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of one-line instruction tests: see lines.h. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
	struct arm_cpu cpu;
	struct line_memory mem;
	uint32_t code_size;
	bool thumb, aborted;
};

/* ---- the machine around the core ----------------------------------------------------------------- */

static void no_flush(void *opaque) { (void)opaque; }
static void no_kick(void *opaque) { (void)opaque; }
static void no_flush_page(void *opaque, gva_t va) { (void)opaque, (void)va; }
static enum mem_result no_phys(void *opaque, gpa_t pa, uint32_t *word)
{
	(void)opaque, (void)pa;
	*word = 0;
	return MEM_ERROR;
}

static bool data_abort(struct line_memory *m)
{
	m->cpu->exc = (struct arm_exception){ .kind = ARM_EXC_DATA_ABORT };
	return false;
}

/* Host bytes of an access, NULL for the zero page or an abort. */
static uint8_t *place(struct line_memory *m, uint32_t addr, unsigned size, bool write, bool *ok)
{
	*ok = true;
	if (addr - LINE_DATA < LINE_DATA_SIZE && addr - LINE_DATA + size <= LINE_DATA_SIZE)
		return &m->data[addr - LINE_DATA];
	if (!write && addr - LINE_CODE <= sizeof(m->code) - size)
		return &m->code[addr - LINE_CODE];
	*ok = addr >= 0x3ff00000u && addr <= 0x40000000u - size;
	return NULL;
}

/* Alignment as the memop says; false: fault. */
static bool aligned(uint32_t *addr, uint16_t memop)
{
	uint32_t low = *addr & (ir_memop_size(memop) - 1);
	switch (ir_memop_align(memop)) {
	case IR_ALIGN_ANY: return true;
	case IR_ALIGN_FAULT: return low == 0;
	case IR_ALIGN_FORCE: case IR_ALIGN_ROTATE: *addr -= low; return true;
	}
	return false;
}

static bool mem_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct line_memory *m = ctx;
	uint32_t at = addr;
	bool ok;
	(void)mark;
	if (!aligned(&at, memop))
		return data_abort(m);
	unsigned size = ir_memop_size(memop);
	const uint8_t *p = place(m, at, size, false, &ok);
	if (!ok)
		return data_abort(m);
	uint64_t x = 0;
	if (p)
		memcpy(&x, p, size);
	if (ir_memop_align(memop) == IR_ALIGN_ROTATE)
		x = ror32((uint32_t)x, 8 * (addr & 3));
	*value = x;
	return true;
}

static bool mem_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	struct line_memory *m = ctx;
	bool ok;
	(void)mark;
	if (!aligned(&addr, memop))
		return data_abort(m);
	uint8_t *p = place(m, addr, ir_memop_size(memop), true, &ok);
	if (!ok)
		return data_abort(m);
	if (p)
		memcpy(p, &value, ir_memop_size(memop));
	return true;
}

/* ---- a line's inputs and outputs ----------------------------------------------------------------- */

static void poke(struct line_memory *m, uint32_t addr, uint32_t word)
{
	if (addr - LINE_DATA <= LINE_DATA_SIZE - 4)
		memcpy(&m->data[addr - LINE_DATA], &word, 4);
}

static void reset(struct machine *m)
{
	static const struct arm_host host = { NULL, no_flush, no_flush_page, no_phys, NULL, no_kick, no_kick, ARM_SEMIHOST_OFF };
	memset(m, 0, sizeof(*m));
	arm_cpu_init(&m->cpu, arm_model_find("arm926"), &host, NULL);
	m->mem.cpu = &m->cpu;
	for (uint32_t i = 0; i < LINE_DATA_SIZE; i++)
		m->mem.data[i] = (uint8_t)(0x80 + 7 * i);
}

static const struct {
	const char *name;
	uint32_t sctlr;
} switches[] = { { "align", SCTLR_A }, { "be", SCTLR_B }, { "l4", SCTLR_L4 } };

/* Applies one "name=value"; false when the name is unknown. */
static bool put(struct machine *m, uint32_t regs[16], const char *name, uint32_t value)
{
	char *end;
	if (name[0] == 'm') {
		poke(&m->mem, (uint32_t)strtoul(name + 1, &end, 16), value);
		return *end == '\0';
	}
	if (name[0] == 'r') {
		unsigned long n = strtoul(name + 1, &end, 10);
		if (n < 15)
			regs[n] = value;
		return n < 15 && *end == '\0';
	}
	if (!strcmp(name, "psr")) {
		regs[15] = value;
		return true;
	}
	for (unsigned i = 0; i < ARRAY_LEN(switches); i++)
		if (!strcmp(name, switches[i].name)) {
			m->cpu.cp15.sctlr |= value ? switches[i].sctlr : 0;
			return true;
		}
	return false;
}

/* Calls `each` for the name=value pairs of text. */
static bool pairs(char *text, struct machine *m, uint32_t regs[16])
{
	char *save = NULL;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		char *eq = strchr(w, '=');
		if (!eq)
			return false;
		*eq = '\0';
		if (!put(m, regs, w, (uint32_t)strtoul(eq + 1, NULL, 16)))
			return false;
	}
	return true;
}

static bool parse_code(char *text, struct machine *m)
{
	char *save = NULL, *w = strtok_r(text, " ", &save);
	m->thumb = w && *w == 'T';
	while ((w = strtok_r(NULL, " ", &save)) != NULL) {
		unsigned size = m->thumb ? 2 : 4;
		uint32_t insn = (uint32_t)strtoul(w, NULL, 16);
		if (m->code_size + size > sizeof(m->mem.code))
			return false;
		memcpy(&m->mem.code[m->code_size], &insn, size);
		m->code_size += size;
	}
	/* what lies behind the code is undefined in both instruction sets, and its end is code in memory */
	for (uint32_t at = m->code_size; at < sizeof(m->mem.code); at++)
		m->mem.code[at] = (uint8_t)(0xe7ffdefeu >> 8 * (at & 3));
	return m->code_size != 0;
}

static void load_state(struct machine *m, const uint32_t regs[16])
{
	struct arm_cpu *cpu = &m->cpu;
	arm_cpsr_write(cpu, ARM_SYS, UINT32_MAX);
	for (unsigned n = 8; n < 13; n++)
		cpu->r[n] = 0x10101010u + 0x01010101u * n;
	cpu->r[13] = 0x13131313;
	cpu->r[14] = 0x14141414;
	arm_cpsr_write(cpu, regs[15], UINT32_MAX);
	if (arm_mode_bank(regs[15]) != BANK_USR)
		arm_spsr_write(cpu, 0x600000d0, UINT32_MAX);
	memcpy(cpu->r, regs, sizeof(cpu->r));
	cpu->pc = LINE_CODE | m->thumb;
	arm_update_tb_flags(cpu);
}

/* ---- running ------------------------------------------------------------------------------------- */

static uint32_t pc_of_mark(const struct ir_unit *u, unsigned marks)
{
	for (uint32_t i = 0; i < u->n_insns; i++)
		if (u->insns[i].op == IR_insn && u->insns[i].aux + 1u == marks)
			return (uint32_t)u->insns[i].imm;
	return 0;
}

static void tell_seen(const struct machine *m, const struct line_executor *ex)
{
	unsigned size = m->thumb ? 2 : 4;
	for (uint32_t at = 0; ex->seen && at < m->code_size; at += size) {
		uint32_t insn = 0;
		memcpy(&insn, &m->mem.code[at], size);
		ex->seen(ex->ctx, m->thumb, insn);
	}
}

/* Lines say an exception's name and the state before it: one that was taken is returned from, by way of the SPSR and LR
 * that it left. */
static void return_from_exception(struct arm_cpu *cpu)
{
	static const uint8_t kind[4] = { ARM_EXC_NONE, ARM_EXC_UNDEF, ARM_EXC_SWI, ARM_EXC_PREFETCH_ABORT };
	uint32_t spsr = arm_spsr_read(cpu), lr = cpu->r[14];
	if (cpu->exc.kind || cpu->pc < 4 || cpu->pc > 12 || cpu->pc & 3)
		return;
	cpu->exc.kind = kind[cpu->pc / 4];
	arm_cpsr_write(cpu, spsr, UINT32_MAX);
	cpu->pc = (lr - (spsr & CPSR_T && cpu->exc.kind != ARM_EXC_PREFETCH_ABORT ? 2 : 4)) | bit(spsr, 5);
}

/* Runs units until pc leaves the code or an exception is pending or taken. False: a unit was malformed. */
static bool execute(struct machine *m, const struct line_executor *ex, const struct arm_decoder *d)
{
	const struct ir_memory mem = { .ctx = &m->mem, .load = mem_load, .store = mem_store };
	struct arena arena = { 0 };
	bool ok = true;
	for (unsigned n = 0; ok && n < 64 && !m->cpu.exc.kind; n++) {
		uint32_t off = (m->cpu.pc & ~1u) - LINE_CODE;
		if (off >= m->code_size)
			break;
		struct arm_translate_request req = {
			.decoder = d, .pc_key = m->cpu.pc, .tb_flags = m->cpu.tb_flags, .code = &m->mem.code[off],
			.code_bytes = m->code_size - off, .max_insns = ex->max_insns, .arch = 5,
		};
		struct ir_unit u;
		char msg[200];
		arena_reset(&arena);
		ir_unit_init(&u, &arm_guest, &arena);
		arm_translate(&req, &u);
		ok = ir_verify(&u, msg, sizeof(msg));
		if (!ok) {
			fprintf(stderr, "malformed unit: %s\n", msg);
			break;
		}
		struct ir_interp_result r = ex->run(ex->ctx, &u, &m->cpu, &mem);
		if (r.exit == IR_EXIT_FAULT)
			m->cpu.pc = pc_of_mark(&u, r.marks);
	}
	arena_free(&arena);
	return_from_exception(&m->cpu);
	return ok;
}

static const char *exc_name(uint32_t kind)
{
	static const char *const names[] = {
		[ARM_EXC_NONE] = "none", [ARM_EXC_UNDEF] = "und", [ARM_EXC_SWI] = "swi", [ARM_EXC_PREFETCH_ABORT] = "pab",
		[ARM_EXC_DATA_ABORT] = "dab", [ARM_EXC_IRQ] = "irq", [ARM_EXC_FIQ] = "fiq", [ARM_EXC_BKPT] = "pab",
		[ARM_EXC_SEMIHOST] = "semi",
	};
	return names[kind];
}

/* ---- comparing ----------------------------------------------------------------------------------- */

struct expected {
	uint32_t regs[16], pc;
	char exc[8];
	struct machine shadow; /* memory */
};

static bool parse_expected(char *text, struct expected *e)
{
	char rest[600] = "", *save = NULL;
	strcpy(e->exc, "none");
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		if (!strncmp(w, "exc=", 4))
			snprintf(e->exc, sizeof(e->exc), "%s", w + 4);
		else if (!strncmp(w, "pc=", 3))
			e->pc = (uint32_t)strtoul(w + 3, NULL, 16);
		else if (strlen(rest) + strlen(w) + 2 < sizeof(rest))
			strcat(strcat(rest, w), " ");
	}
	return pairs(rest, &e->shadow, e->regs);
}

static bool differs(const char *line, const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		fprintf(stderr, "%s\n  %s is %08x, should be %08x\n", line, what, got, want);
	return got != want;
}

static bool compare(const char *line, struct machine *m, const struct expected *e)
{
	bool bad = false;
	char name[12];
	for (unsigned n = 0; n < 15; n++) {
		snprintf(name, sizeof(name), "r%u", n);
		bad |= differs(line, name, m->cpu.r[n], e->regs[n]);
	}
	bad |= differs(line, "psr", arm_cpsr_read(&m->cpu), e->regs[15]);
	bad |= differs(line, "pc", m->cpu.pc & ~1u, e->pc);
	for (uint32_t i = 0; i < LINE_DATA_SIZE; i += 4) {
		uint32_t got, want;
		memcpy(&got, &m->mem.data[i], 4);
		memcpy(&want, &e->shadow.mem.data[i], 4);
		snprintf(name, sizeof(name), "m%x", LINE_DATA + i);
		bad |= differs(line, name, got, want);
	}
	if (strcmp(exc_name(m->cpu.exc.kind), e->exc)) {
		fprintf(stderr, "%s\n  exception is %s\n", line, exc_name(m->cpu.exc.kind));
		bad = true;
	}
	return !bad;
}

/* An exception of the instruction that the pc went to belongs to the line: fetch it as the line's code. */
static void take_misaligned(struct machine *m, const char *want, const struct line_executor *ex, const struct arm_decoder *d)
{
	if (strcmp(want, "pab") || m->cpu.exc.kind || (m->cpu.pc & 3) != 2)
		return;
	uint32_t size = m->code_size;
	m->code_size = sizeof(m->mem.code);
	execute(m, ex, d);
	m->code_size = size;
}

static bool run_line(const char *line, const struct line_executor *ex, const struct arm_decoder *d)
{
	char copy[1000];
	struct machine m;
	struct expected e = { .pc = 0 };
	uint32_t regs[16];
	snprintf(copy, sizeof(copy), "%s", line);
	char *text = strchr(copy, ';'), *in = text ? strchr(text + 1, ';') : NULL, *out = in ? strstr(in, "=>") : NULL;
	reset(&m);
	if (out) {
		*text = *in++ = *out = '\0';
		out += 2;
	}
	if (!out || !parse_code(copy, &m)) {
		fprintf(stderr, "%s\n  no such line\n", line);
		return false;
	}
	for (uint32_t i = 0; i < 15; i++)
		regs[i] = 0x01010101u * i;
	regs[15] = m.thumb ? 0x3f : 0x1f;
	bool ok = pairs(in, &m, regs);
	load_state(&m, regs);
	e.shadow = m;
	memcpy(e.regs, regs, sizeof(regs));
	e.pc = LINE_CODE + m.code_size;
	if (!ok || !parse_expected(out, &e)) {
		fprintf(stderr, "%s\n  unknown name\n", line);
		return false;
	}
	tell_seen(&m, ex);
	if (!execute(&m, ex, d))
		return false;
	take_misaligned(&m, e.exc, ex, d);
	return compare(line, &m, &e);
}

int lines_run_file(const char *path, const struct line_executor *ex, unsigned *n_lines)
{
	char line[1000];
	int failed = 0;
	FILE *f = fopen(path, "r");
	const struct arm_decoder *d = arm_decoder();
	if (!f || !d) {
		fprintf(stderr, "%s: cannot be read\n", path);
		if (f)
			fclose(f);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		++*n_lines;
		failed += !run_line(line, ex, d);
	}
	fclose(f);
	return failed;
}
