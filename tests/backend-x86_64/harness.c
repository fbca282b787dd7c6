/* SPDX-License-Identifier: Apache-2.0 */
/* See harness.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <Zydis/Zydis.h>
#include <cmocka.h>

#include "tests/backend-x86_64/harness.h"

#define CODE_SIZE ((size_t)1 << 22)

#define GUARD ((size_t)1 << 16)
#define WINDOW_OFFSET (((sizeof(struct base) + 4095) & ~(size_t)4095) + GUARD)
#define WHOLE_SIZE (WINDOW_OFFSET + ((size_t)1 << 32) + GUARD)

/* ---- memory ---------------------------------------------------------------------------------- */

static void log_env(struct guest_state *g, const struct random_env *env)
{
	uint64_t word[sizeof(struct random_env) / 8];
	memcpy(word, env, sizeof word);
	for (unsigned i = 0; i < ARRAY_LEN(word); i++)
		g->env_log = (g->env_log ^ word[i]) * UINT64_C(0x100000001b3);
	g->env_log ^= g->env_log >> 31;
}

bool harness_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct guest_state *g = ctx;
	log_env(g, g->env);
	return random_load(&g->memory, addr, memop, mark, value);
}

bool harness_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	struct guest_state *g = ctx;
	log_env(g, g->env);
	return random_store(&g->memory, addr, memop, mark, value);
}

static const struct x64_site *site_of(const struct x64_code *code, uint64_t host_pc)
{
	uint64_t offset = host_pc - code->code;
	for (uint32_t i = 0; i < code->n_sites; i++) {
		if (i > 0)
			assert_true(code->site[i].offset > code->site[i - 1].offset);
		if (code->site[i].offset == offset)
			return &code->site[i];
	}
	fail_msg("no site at offset %#" PRIx64, offset);
	return NULL;
}

unsigned harness_mark_of(const struct x64_code *code, uint64_t host_pc)
{
	return site_of(code, host_pc)->mark;
}

void harness_recover(const struct guest_state *g, const struct base *base, uint64_t host_pc, struct random_env *env)
{
	x64_recover(g->target, g->code, site_of(g->code, host_pc), base, env);
}

static struct base *base_of(void *env)
{
	return (struct base *)((uint8_t *)env - offsetof(struct base, env));
}

static struct guest_state *state_of(void *env)
{
	return base_of(env)->state;
}

/* The env at an access of compiled code, as the guest would see it if that faulted. */
static void log_compiled_env(struct guest_state *g, const struct base *base, uint64_t host_pc)
{
	struct random_env env = *g->env;
	harness_recover(g, base, host_pc, &env);
	log_env(g, &env);
}

/* C may destroy every register that the ABI lets it. */
static void trash_registers(void)
{
	__asm__ volatile("mov $0xdead, %%eax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi; mov %%rax, %%rdi;"
			 "mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10; mov %%rax, %%r11"
			 ::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
}

static struct x64_load_result load_slow(void *env, uint32_t addr, uint32_t memop, uint64_t host_pc)
{
	struct guest_state *g = state_of(env);
	struct x64_load_result r = {0};
	_Alignas(16) volatile uint8_t aligned[16]; /* the ABI's promise to us */
	assert_int_equal((uintptr_t)aligned & 15, 0);
	assert_int_equal((uintptr_t)__builtin_frame_address(0) & 15, 0);
	if (g->shared)
		memcpy(g->memory.bytes, g->shared, RANDOM_MEM_GOOD);
	log_compiled_env(g, base_of(env), host_pc);
	r.status = !random_load(&g->memory, addr, (uint16_t)memop, harness_mark_of(g->code, host_pc), &r.value);
	trash_registers();
	return r;
}

static uint64_t store_slow(void *env, uint32_t addr, uint64_t value, uint32_t memop, uint64_t host_pc)
{
	struct guest_state *g = state_of(env);
	assert_int_equal((uintptr_t)__builtin_frame_address(0) & 15, 0);
	if (g->shared)
		memcpy(g->memory.bytes, g->shared, RANDOM_MEM_GOOD);
	log_compiled_env(g, base_of(env), host_pc);
	uint64_t status = !random_store(&g->memory, addr, (uint16_t)memop, harness_mark_of(g->code, host_pc), value);
	if (g->shared)
		memcpy(g->shared, g->memory.bytes, RANDOM_MEM_GOOD);
	trash_registers();
	return status;
}

void harness_fill_tlb(struct harness *h, struct guest_state *g, uint32_t which)
{
	unsigned bit = 0;
	for (unsigned space = 0; space < 2; space++)
		for (unsigned kind = 0; kind < 2; kind++)
			for (unsigned page = 0; page < RANDOM_MEM_GOOD >> 12; page++, bit++) {
				uint8_t *host = g->shared ? g->shared : g->memory.bytes;
				uint64_t to_host = (uint64_t)(uintptr_t)host - RANDOM_MEM_BASE;
				h->base->addend[space][kind][(RANDOM_MEM_BASE >> 12) + page] =
					which >> bit & 1 ? to_host : 0;
			}
}

/* ---- the window -------------------------------------------------------------------------------- */

static uint8_t *window_page(const struct harness *h, unsigned page)
{
	return (uint8_t *)h->base + WINDOW_OFFSET + RANDOM_MEM_BASE + 4096 * page;
}

void harness_open_window(struct harness *h, struct guest_state *g, uint32_t pages)
{
	static const int prot[] = {PROT_NONE, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
	g->shared = h->shared;
	memcpy(g->shared, g->memory.bytes, RANDOM_MEM_GOOD);
	for (unsigned page = 0; page < RANDOM_MEM_GOOD >> 12; page++)
		assert_int_equal(mprotect(window_page(h, page), 4096, prot[pages >> 2 * page & 3]), 0);
}

void harness_close_window(struct guest_state *g)
{
	memcpy(g->memory.bytes, g->shared, RANDOM_MEM_GOOD);
	g->shared = NULL;
}

static struct guest_state *trapping;
static void (*trap_crash)(int sig);

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const struct x64_code *code = trapping->code;
	uint64_t offset = (uint64_t)uc->uc_mcontext.gregs[REG_RIP] - (code ? code->code : 0);
	(void)info;
	for (uint32_t i = 0; code && i < code->n_sites; i++)
		if (code->site[i].access == offset && offset) {
			trapping->traps++;
			uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(code->code + code->site[i].stub);
			return;
		}
	trap_crash(sig);
}

void harness_catch_traps(struct guest_state *g, void (*crash)(int sig))
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	trapping = g;
	trap_crash = crash;
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
}

/* The base, behind it the window: all of it traps but for the random guest's memory, which starts the same. */
static void map_base(struct harness *h)
{
	_Static_assert((int)sizeof(struct x64_frame) - X64_FRAME_END <= HARNESS_FRAME_ROOM, "the frame has room");
	uint8_t *p = mmap(NULL, HARNESS_FRAME_ROOM + WHOLE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED && mprotect(p, HARNESS_FRAME_ROOM + sizeof *h->base, PROT_READ | PROT_WRITE) == 0);
	h->base = (struct base *)(void *)(p + HARNESS_FRAME_ROOM);
	int fd = memfd_create("memory", MFD_CLOEXEC);
	assert_true(fd >= 0 && ftruncate(fd, RANDOM_MEM_GOOD) == 0);
	h->shared = mmap(NULL, RANDOM_MEM_GOOD, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(h->shared != MAP_FAILED);
	assert_true(mmap(window_page(h, 0), RANDOM_MEM_GOOD, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	close(fd);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

void harness_init(struct harness *h)
{
	memset(h, 0, sizeof *h);
	map_base(h);
	int fd = memfd_create("code", MFD_CLOEXEC);
	assert_true(fd >= 0 && ftruncate(fd, CODE_SIZE) == 0);
	h->size = CODE_SIZE;
	h->rw = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	h->rx = mmap(NULL, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	assert_true(h->rw != MAP_FAILED && h->rx != MAP_FAILED);
	close(fd);
	h->out = (struct x64_out){.cur = h->rw, .end = h->rw + CODE_SIZE, .rx_delta = h->rx - h->rw};
	h->layout = (struct x64_layout){
		.env = offsetof(struct base, env), .budget = offsetof(struct base, budget),
		.host_pc = offsetof(struct base, host_pc), .host_sp = offsetof(struct base, host_sp),
		.ret_sp = offsetof(struct base, ret_sp),
		.tb_flags = offsetof(struct base, tb_flags), .jump_cache = offsetof(struct base, jump_cache),
		.jump_cache_bits = HARNESS_CACHE_BITS, .window = (int32_t)WINDOW_OFFSET, .tlb = offsetof(struct base, addend),
		.exec_tag = offsetof(struct base, exec_tag), .page_bits = 12,
		.load_slow = load_slow, .store_slow = store_slow,
	};
	for (unsigned i = 0; i < 1u << HARNESS_CACHE_BITS; i++)
		h->base->jump_cache[i].flags = ~0u;
}

void harness_free(struct harness *h)
{
	munmap((uint8_t *)h->base - HARNESS_FRAME_ROOM, HARNESS_FRAME_ROOM + WHOLE_SIZE);
	munmap(h->shared, RANDOM_MEM_GOOD);
	munmap(h->rw, h->size);
	munmap(h->rx, h->size);
	arena_free(&h->arena);
}

void harness_target(struct harness *h, uint32_t shuffle_seed, unsigned n_homes)
{
	if (h->out.end - h->out.cur < (ptrdiff_t)h->size / 4 || h->out.full) {
		h->out.cur = h->rw;
		h->out.full = false;
		/* Code was written under another address than it runs at: serialise (SDM vol. 3, 9.1.3). */
		unsigned a = 0, c = 0;
		__asm__ volatile("cpuid" : "+a"(a), "+c"(c) :: "ebx", "edx", "memory");
	}
	x64_target_init(&h->target, &random_guest, &h->layout, shuffle_seed, n_homes);
	assert_true(x64_emit_thunks(&h->target, &h->out));
}

uint64_t harness_enter(struct harness *h, uint64_t code)
{
	h->base->ret_sp = x64_ret_reset(&h->target, h->base->ret + HARNESS_RET_ENTRIES);
	return harness_reenter(h, code);
}

uint64_t harness_reenter(struct harness *h, uint64_t code)
{
	return h->target.enter(h->base, code);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* Name of a branch's target when that is one of the thunks, else NULL. */
static const char *thunk_name(const struct x64_target *t, uint64_t target)
{
	const struct {
		uint64_t address;
		const char *name;
	} thunk[] = {
		{t->thunk_exit, "thunk_exit"}, {t->thunk_load, "thunk_load"}, {t->thunk_store, "thunk_store"},
		{t->thunk_call, "thunk_call"}, {t->thunk_call_pure, "thunk_call_pure"},
		{t->thunk_lookup, "thunk_lookup"}, {t->thunk_raise, "thunk_raise"},
		{t->thunk_return_miss, "thunk_return_miss"},
	};
	for (unsigned i = 0; i < ARRAY_LEN(thunk); i++)
		if (thunk[i].address == target)
			return thunk[i].name;
	return NULL;
}

char *harness_disassemble(const struct harness *h, uint64_t from, uint64_t to)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	ZydisDecoder decoder;
	ZydisFormatter formatter;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	for (uint64_t at = from; at < to;) {
		ZydisDecodedInstruction insn;
		ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
		char line[128];
		const uint8_t *code = (const uint8_t *)(uintptr_t)(at - (uint64_t)h->out.rx_delta);
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, to - at, &insn, operands))) {
			fprintf(f, "%04" PRIx64 ": (bad)\n", at - from);
			break;
		}
		ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, line,
						sizeof line, at - from, NULL);
		ZyanU64 target = 0;
		if (operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[0].imm.is_relative)
			ZydisCalcAbsoluteAddress(&insn, &operands[0], at, &target);
		const char *name = thunk_name(&h->target, target);
		if (name)
			fprintf(f, "%04" PRIx64 ": %.*s %s\n", at - from, (int)strcspn(line, " "), line, name);
		else
			fprintf(f, "%04" PRIx64 ": %s\n", at - from, line);
		at += insn.length;
	}
	fclose(f);
	return text;
}

bool harness_charge(void *ctx, int32_t n)
{
	struct guest_state *g = ctx;
	g->budget -= n;
	return g->budget >= 0;
}

void harness_count(void *ctx, uint32_t counter)
{
	struct guest_state *g = ctx;
	g->count[counter]++;
}
