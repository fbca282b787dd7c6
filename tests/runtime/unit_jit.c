/* SPDX-License-Identifier: Apache-2.0 */
/* See unit_jit.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/runtime/unit_jit.h"

#define CODE_SIZE ((size_t)1 << 22)
#define BASE_BIAS ((int32_t)offsetof(struct unit_jit_base, cpu))
#define OFF(field) ((int32_t)offsetof(struct unit_jit_base, field) - BASE_BIAS)
#define CODE_LEFT ((ptrdiff_t)1 << 17) /* more than any unit of 64 instructions needs */
#define CACHE_BITS 4u
#define RET_ENTRIES 4096 /* room for a signal's frame */

struct unit_jit_base {
	struct x64_frame frame;
	uint8_t reserved[-X64_FRAME_END];
	struct arm_cpu cpu;
	int32_t budget;
	uint64_t host_pc, host_sp, ret_sp;
	uint64_t ret[RET_ENTRIES];
	struct unit_jit *jit;
	struct x64_jump_entry jump_cache[1 << CACHE_BITS];
	_Alignas(4096) struct tlb_tables tlb;
};

#define GUARD ((size_t)1 << 16)
#define WINDOW_OFFSET (((sizeof(struct unit_jit_base) + 4095) & ~(size_t)4095) + GUARD)
#define WHOLE_SIZE (WINDOW_OFFSET + WINDOW_SIZE + GUARD)

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "compiled unit: %s\n", what);
	abort();
}

/* ---- slow paths ---------------------------------------------------------------------------------- */

static struct unit_jit *jit_of(void *env)
{
	return ((struct unit_jit_base *)(void *)((uint8_t *)env - offsetof(struct unit_jit_base, cpu)))->jit;
}

static const struct x64_site *site_of(const struct x64_code *c, uint64_t host_pc)
{
	for (uint32_t i = 0; i < c->n_sites; i++)
		if (c->code + c->site[i].offset == host_pc)
			return &c->site[i];
	require(false, "a slow path was called from an address that is no site");
	return NULL;
}

static unsigned mark_of(const struct x64_code *c, uint64_t host_pc)
{
	return site_of(c, host_pc)->mark;
}

static uint64_t outcome(struct unit_jit *j, bool ok)
{
	if (!ok)
		j->base->cpu.exc = j->cpu->exc;
	return !ok;
}

static struct x64_load_result load_slow(void *env, uint32_t addr, uint32_t memop, uint64_t host_pc)
{
	struct unit_jit *j = jit_of(env);
	struct x64_load_result r = {0};
	bool ok = j->mem->load(j->mem->ctx, addr, (uint16_t)memop, mark_of(j->unit, host_pc), &r.value);
	if (ok && ir_memop_signed((uint16_t)memop)) { /* ir_memory gives the bytes as they are */
		unsigned shift = 64 - 8 * ir_memop_size((uint16_t)memop);
		r.value = (uint64_t)((int64_t)(r.value << shift) >> shift);
	}
	r.status = outcome(j, ok);
	return r;
}

static uint64_t store_slow(void *env, uint32_t addr, uint64_t value, uint32_t memop, uint64_t host_pc)
{
	struct unit_jit *j = jit_of(env);
	return outcome(j, j->mem->store(j->mem->ctx, addr, (uint16_t)memop, mark_of(j->unit, host_pc), value));
}

/* ---- the window ---------------------------------------------------------------------------------- */

static uint64_t redirect(void *opaque, uint64_t host_pc)
{
	struct unit_jit *j = opaque;
	const struct x64_code *c = j->unit;
	for (uint32_t i = 0; i < c->n_sites; i++)
		if (c->site[i].access && c->code + c->site[i].access == host_pc) {
			j->traps++;
			return c->code + c->site[i].stub;
		}
	return 0;
}

static void patch_all(const struct unit_jit *j, const struct x64_code *c)
{
	uint8_t saved[X64_ACCESS_BYTES];
	for (uint32_t i = 0; i < c->n_sites; i++)
		if (c->site[i].access)
			x64_patch_access(c, &c->site[i], saved, j->code.out.rx_delta);
}

/* ---- set-up -------------------------------------------------------------------------------------- */

void unit_jit_init(struct unit_jit *j, uint32_t shuffle_seed, unsigned n_homes)
{
	struct rhea_error err;
	*j = (struct unit_jit){0};
	j->base = mmap(NULL, WHOLE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	require(j->base != MAP_FAILED && mprotect(j->base, sizeof *j->base, PROT_READ | PROT_WRITE) == 0 &&
		codebuf_init(&j->code, CODE_SIZE, &err) == RHEA_OK, "no memory");
	j->base->jit = j;
	for (unsigned i = 0; i < 1u << CACHE_BITS; i++)
		j->base->jump_cache[i].flags = UINT32_MAX;
	j->layout = (struct x64_layout){
		.env = OFF(cpu), .budget = OFF(budget),
		.host_pc = OFF(host_pc), .host_sp = OFF(host_sp), .ret_sp = OFF(ret_sp),
		.tb_flags = OFF(cpu.tb_flags),
		.jump_cache = OFF(jump_cache), .jump_cache_bits = CACHE_BITS,
		.tlb = OFF(tlb.addend),
		.exec_tag = OFF(tlb.exec_tag), .page_bits = PAGE_BITS,
		.window = (int32_t)WINDOW_OFFSET - BASE_BIAS,
		.load_slow = load_slow, .store_slow = store_slow,
	};
	j->trap = (struct trap){
		.code = (uint64_t)(uintptr_t)j->code.rx, .size = j->code.size, .redirect = redirect, .opaque = j,
	};
	x64_target_init(&j->target, &arm_guest, &j->layout, shuffle_seed, n_homes);
	require(x64_emit_thunks(&j->target, &j->code.out), "no room for the thunks");
	codebuf_set_mark(&j->code);
}

void unit_jit_free(struct unit_jit *j)
{
	codebuf_free(&j->code);
	munmap(j->base, WHOLE_SIZE);
}

/* ---- one unit ------------------------------------------------------------------------------------ */

static struct ir_interp_result to_result(struct unit_jit *j, const struct x64_code *c, uint64_t exit)
{
	struct ir_interp_result r = {.pc_key = j->base->cpu.pc};
	switch ((enum x64_exit)(exit & 7)) {
	case X64_EXIT_JUMP:
		r.exit = IR_EXIT_JUMP;
		r.slot = (unsigned)(exit >> 3) - 2;
		return r;
	case X64_EXIT_LOOKUP:
		r.exit = IR_EXIT_IND;
		return r;
	case X64_EXIT_FAULT:
		r.exit = IR_EXIT_FAULT;
		r.marks = mark_of(c, j->base->host_pc) + 1;
		x64_recover(&j->target, c, site_of(c, j->base->host_pc), (uint8_t *)j->base + BASE_BIAS, &j->base->cpu);
		j->faults++;
		return r;
	case X64_EXIT_RETURN:
	case X64_EXIT_BUDGET:
		break;
	}
	require(false, "it did not start although its budget was there");
	return r;
}

struct ir_interp_result unit_jit_run(struct unit_jit *j, const struct ir_unit *u, struct arm_cpu *cpu,
				     const struct ir_memory *mem)
{
	struct unit_jit_base *b = j->base;
	struct x64_code code;
	if (j->code.out.end - j->code.out.cur < CODE_LEFT)
		codebuf_flush(&j->code);
	struct x64_compile_args args = {.cookie = 8, .exit_cookie = 16, .exit_size = 8, .n_slots = 3, .first_landing = 2, .n_insns = u->n_marks, .space = 1,
					.window = j->mode == UNIT_JIT_TLB ? 0 : 3};
	require(x64_compile(&j->target, u, &args, &j->code.out, &code), "the buffer is full");
	require(code.n_marks == u->n_marks, "marks are missing");
	j->unit = &code;
	j->mem = mem;
	j->cpu = cpu;
	b->cpu = *cpu;
	b->budget = (int32_t)u->n_marks;
	b->ret_sp = x64_ret_reset(&j->target, b->ret + RET_ENTRIES);
	if (j->mode == UNIT_JIT_PATCHED)
		patch_all(j, &code);
	require(trap_begin(&j->trap), "no signal handler");
	uint64_t exit = j->target.enter((uint8_t *)b + BASE_BIAS, code.code + code.entry);
	trap_end(&j->trap);
	struct ir_interp_result r = to_result(j, &code, exit);
	require(b->budget == 0, "not charged as a whole");
	*cpu = b->cpu;
	j->entered++;
	return r;
}
