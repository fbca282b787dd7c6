/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes as instructions in any core state. The unit must be well-formed before and after the optimiser,
 * and the interpreter without it, the interpreter with it and compiled code must leave the same core, memory and
 * exit. Build with -Dfuzz=true and clang; run ./fuzz-decode CORPUS.
 *
 * Input: 8 bytes of header (struct header), then the code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/unit_jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CODE_BASE 0x10000u
#define CODE_MAX 256u
#define MEM_SIZE 4096u

struct header {
	uint8_t mode, sctlr, flags, where, semihosting, plan;
	uint16_t seed; /* of registers and memory */
};

/* Memory: repeats all over the lower 2 GiB; the upper half aborts. */
struct memory {
	struct arm_cpu *cpu;
	uint8_t bytes[MEM_SIZE];
};

struct outcome {
	struct arm_cpu cpu;
	struct memory mem;
	struct ir_interp_result r;
};

/* Things that live as long as the process; a fuzz target is called back without an argument. */
static struct unit_jit jits[3];
static const struct arm_decoder *decoder;

/* ---- the core's surroundings --------------------------------------------------------------------- */

static void no_flush(void *opaque) { (void)opaque; }
static void no_kick(void *opaque) { (void)opaque; }
static void no_flush_page(void *opaque, gva_t va) { (void)opaque, (void)va; }
static enum mem_result no_phys(void *opaque, gpa_t pa, uint32_t *word)
{
	(void)opaque, (void)pa;
	*word = 0;
	return MEM_ERROR;
}

static uint8_t *place(struct memory *m, uint32_t *addr, uint16_t memop)
{
	uint32_t low = *addr & (ir_memop_size(memop) - 1);
	bool fault = *addr >> 31;
	switch (ir_memop_align(memop)) {
	case IR_ALIGN_ANY:
		break;
	case IR_ALIGN_FAULT:
		fault |= low != 0;
		break;
	case IR_ALIGN_FORCE:
	case IR_ALIGN_ROTATE:
		*addr -= low;
		break;
	}
	if (!fault)
		return &m->bytes[*addr % (MEM_SIZE - 8)];
	m->cpu->exc = (struct arm_exception){.kind = ARM_EXC_DATA_ABORT, .far = *addr};
	return NULL;
}

static bool mem_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	uint32_t low = addr & (ir_memop_size(memop) - 1);
	const uint8_t *p = place(ctx, &addr, memop);
	uint64_t x = 0;
	(void)mark;
	if (!p)
		return false;
	memcpy(&x, p, ir_memop_size(memop));
	if (ir_memop_align(memop) == IR_ALIGN_ROTATE)
		x = ror32((uint32_t)x, 8 * low);
	*value = x;
	return true;
}

static bool mem_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	uint8_t *p = place(ctx, &addr, memop);
	(void)mark;
	if (p)
		memcpy(p, &value, ir_memop_size(memop));
	return p != NULL;
}

/* ---- one input ----------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void initial_state(const struct header *h, struct outcome *o)
{
	static const uint8_t modes[] = {ARM_USR, ARM_FIQ, ARM_IRQ, ARM_SVC, ARM_ABT, ARM_UND, ARM_SYS};
	static const struct arm_host host = {NULL, no_flush, no_flush_page, no_phys, NULL, no_kick, no_kick, ARM_SEMIHOST_OFF};
	uint32_t x = h->seed | 0x10000u;
	memset(o, 0, sizeof *o);
	arm_cpu_init(&o->cpu, arm_model_find("arm926"), &host, NULL);
	/* M, A, B, S, R, V, L4 as the byte says */
	static const uint32_t sctlr[] = {SCTLR_M, SCTLR_A, SCTLR_B, SCTLR_S, SCTLR_R, SCTLR_V, SCTLR_L4};
	for (unsigned i = 0; i < ARRAY_LEN(sctlr); i++)
		if (h->sctlr >> i & 1)
			o->cpu.cp15.sctlr |= sctlr[i];
	arm_cpsr_write(&o->cpu, modes[h->mode % ARRAY_LEN(modes)] | (uint32_t)h->flags << 24, ~(CPSR_T | CPSR_J));
	for (unsigned i = 0; i < 15; i++)
		o->cpu.r[i] = next_random(&x) >> (next_random(&x) & 28);
	arm_spsr_write(&o->cpu, next_random(&x), UINT32_MAX);
	o->cpu.pc = CODE_BASE + (h->where & 3u);
	arm_update_tb_flags(&o->cpu);
	for (unsigned i = 0; i < MEM_SIZE; i++)
		o->mem.bytes[i] = (uint8_t)next_random(&x);
}

static void must(bool ok, const char *what, const struct ir_unit *u)
{
	if (ok)
		return;
	struct log err = {.mask = ~0u};
	fprintf(stderr, "%s\n", what);
	if (u)
		ir_print(u, &err);
	log_flush(&err);
	abort();
}

static void translate(const struct header *h, const struct arm_cpu *cpu, const uint8_t *code, uint32_t n, struct ir_unit *u,
		      struct arena *arena)
{
	struct arm_translate_request req = {
		.decoder = decoder, .pc_key = cpu->pc, .tb_flags = cpu->tb_flags, .code = code, .code_bytes = n,
		.max_insns = 64, .semihosting = (uint8_t)(h->semihosting % 3), .arch = cpu->model->arch,
	};
	char msg[200];
	ir_unit_init(u, &arm_guest, arena);
	uint32_t bytes = arm_translate(&req, u);
	must(bytes >= 1 && bytes <= n && u->n_marks >= 1, "covers no instruction, or more than there is", u);
	must(ir_verify(u, msg, sizeof msg), "malformed as lowered", u);
}

enum way { PLAIN, OPTIMISED, COMPILED };

static void run(enum way way, const struct header *h, const struct ir_unit *u, struct outcome *o)
{
	struct ir_memory mem = {.ctx = &o->mem, .load = mem_load, .store = mem_store};
	o->mem.cpu = &o->cpu;
	o->r = way == COMPILED ? unit_jit_run(&jits[h->plan % ARRAY_LEN(jits)], u, &o->cpu, &mem)
			       : ir_interpret(u, &o->cpu, &mem);
	if (o->r.exit == IR_EXIT_LOOP)
		o->r.exit = IR_EXIT_IND; /* compiled code does not tell */
	if (o->r.exit == IR_EXIT_FAULT)
		o->cpu.pc = 0; /* not written by a fault, and of no meaning to the optimiser */
	o->mem.cpu = NULL;
}

static void compare(const struct outcome *a, const struct outcome *b, const char *what, const struct ir_unit *u)
{
	for (unsigned i = 0; i < 15; i++)
		if (a->cpu.r[i] != b->cpu.r[i])
			fprintf(stderr, "r%u: 0x%08x, 0x%08x\n", i, a->cpu.r[i], b->cpu.r[i]);
	bool same_exit = a->r.exit == b->r.exit &&
			 (a->r.exit == IR_EXIT_FAULT ? a->r.marks == b->r.marks : a->cpu.pc == b->cpu.pc);
	must(same_exit, what, u);
	must(!memcmp(&a->cpu, &b->cpu, sizeof a->cpu), what, u);
	must(!memcmp(a->mem.bytes, b->mem.bytes, MEM_SIZE), what, u);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	decoder = arm_decoder();
	unit_jit_init(&jits[0], 0, X64_MAX_HOMES);
	unit_jit_init(&jits[1], 9, 4);
	unit_jit_init(&jits[2], 0, 0);
	return decoder ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header h;
	struct arena arena = {0};
	struct ir_unit u;
	struct outcome start, o[3];
	uint8_t code[4 + CODE_MAX] = {0}; /* Thumb in BE-32 reads from the word's start */
	char msg[200];
	if (size < sizeof h + 4)
		return 0;
	memcpy(&h, data, sizeof h);
	uint32_t n = (uint32_t)MIN(size - sizeof h, CODE_MAX) & ~3u;
	memcpy(code + 4, data + sizeof h, n);
	initial_state(&h, &start);
	bool second_half = (start.cpu.pc & 3) == 3; /* a Thumb block in the middle of a word */
	translate(&h, &start.cpu, code + (second_half ? 6 : 4), n - (second_half ? 2 : 0), &u, &arena);
	for (enum way way = PLAIN; way <= COMPILED; way++)
		o[way] = start;
	run(PLAIN, &h, &u, &o[PLAIN]);
	ir_optimise(&u);
	must(ir_verify(&u, msg, sizeof msg), "malformed after the optimiser", &u);
	run(OPTIMISED, &h, &u, &o[OPTIMISED]);
	compare(&o[PLAIN], &o[OPTIMISED], "the optimiser changes the meaning", &u);
	run(COMPILED, &h, &u, &o[COMPILED]);
	compare(&o[PLAIN], &o[COMPILED], "compiled code differs from the interpreter", &u);
	arena_free(&arena);
	return 0;
}
