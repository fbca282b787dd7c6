/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that all units share. [homes] is one mov for each homed global to or from its field in
 * env; [scratch] the same for the caller-saved registers that are no home, in the frame.
 *
 *   enter(base, code):                    thunk_load:                     thunk_call:
 *     push rbx, rbp, r12-r15                save [homes], [scratch]         save [homes]
 *     sub  rsp, FRAME_SIZE                  mov  rcx, [rsp]                 mov  rcx, [rsp]
 *     mov  rbp, rdi                         mov  [rbp + host_pc], rcx       mov  [rbp + host_pc], rcx
 *     mov  rax, rsi                         mov  esi, [rsp + 8]             mov  rsi, rdx, rcx, r8 from
 *     mov  [rbp + host_sp], rsp             mov  edx, [rsp + 24]                 [rsp + 8], ... [rsp + 32]
 *     load [homes]                          lea  rdi, [rbp + env]           lea  rdi, [rbp + env]
 *     jmp  rax                              sub  rsp, 8                     sub  rsp, 8
 *                                           mov  rax, load_slow             call rax
 *   thunk_lookup:  (pc key in eax)          call rax                        add  rsp, 8
 *     mov  [rbp + pc], eax                  add  rsp, 8                     cmp  dword [rbp + fault], 0
 *     mov  eax, X64_EXIT_LOOKUP             test rdx, rdx                   jne  thunk_fault
 *   thunk_exit:    (result in rax)          jne  thunk_fault                load [homes]
 *     save [homes]                          mov  [rsp + 8], rax             ret
 *   leave:                                  load [homes*], [scratch]
 *     mov  rsp, [rbp + host_sp]             ret                           thunk_call_pure: the same, but
 *     add  rsp, FRAME_SIZE                                                  only caller-saved homes and
 *     pop  r15-r12, rbp, rbx              thunk_fault:                      no test of the fault flag
 *     ret                                   mov  eax, X64_EXIT_FAULT
 *                                           jmp  leave
 *
 * A slow path may read the guest's registers and never writes them: all homes are saved, and those that C code may
 * have changed, [homes*], are loaded again. thunk_store is thunk_load with the value in rdx, the memop in ecx, the site
 * in r8, and the status in rax. Emitted code keeps rsp 16-aligned, so it is aligned again after call and sub.
 */
#include <stddef.h>

#include "backend-x86_64/gen.h"

_Static_assert(offsetof(struct x64_load_result, status) == 8, "comes back in rdx");
_Static_assert(offsetof(struct x64_jump_entry, flags) == 4 && offsetof(struct x64_jump_entry, code) == 8 &&
	       sizeof(struct x64_jump_entry) == 16, "exit_ind addresses its fields");

#define CALLER_SAVED (1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R8 | 1u << R9 | \
		      1u << R10 | 1u << R11)
#define ALL_REGS 0xffffu

struct thunks {
	struct x64_target *t;
	struct emit e;
	ptrdiff_t rx_delta;
	uint8_t *leave, *fault;
};

static void save_homes(struct thunks *k, unsigned regs)
{
	for (unsigned n = 0; n < k->t->guest->n_globals; n++)
		if (k->t->home[n] >= 0 && regs >> k->t->home[n] & 1)
			emit_store(&k->e, 4, global_mem(k->t, n), k->t->home[n]);
}

static void load_homes(struct thunks *k, unsigned regs)
{
	for (unsigned n = 0; n < k->t->guest->n_globals; n++)
		if (k->t->home[n] >= 0 && regs >> k->t->home[n] & 1)
			emit_mov_rm(&k->e, false, k->t->home[n], global_mem(k->t, n));
}

static unsigned scratch_regs(const struct x64_target *t)
{
	unsigned regs = CALLER_SAVED;
	for (unsigned n = 0; n < t->guest->n_globals; n++)
		if (t->home[n] >= 0)
			regs &= ~(1u << t->home[n]);
	return regs;
}

/* Offsets in thunks are 8 more than in the code that calls them. */
static struct x64_mem caller_frame(int offset)
{
	return x64_mem(RSP, offset + 8);
}

static void move_scratch(struct thunks *k, bool save)
{
	unsigned regs = scratch_regs(k->t);
	int at = FRAME_SAVE;
	for (int r = 0; r < 16; r++) {
		if (!(regs >> r & 1))
			continue;
		if (save)
			emit_store(&k->e, 8, caller_frame(at), r);
		else
			emit_mov_rm(&k->e, true, r, caller_frame(at));
		at += 8;
	}
}

static uint64_t rx_here(const struct thunks *k)
{
	return (uint64_t)(uintptr_t)k->e.cur + (uint64_t)k->rx_delta;
}

static void call_c(struct thunks *k, uintptr_t fn)
{
	emit_lea(&k->e, true, RDI, x64_mem(RBP, k->t->layout.env));
	emit_alu_ri(&k->e, true, ALU_SUB, RSP, 8);
	if (fn)
		emit_mov_ri(&k->e, RAX, fn);
	emit_call_r(&k->e, RAX);
	emit_alu_ri(&k->e, true, ALU_ADD, RSP, 8);
}

/* The site in `reg` and in the host_pc field. */
static void note_site(struct thunks *k, int reg)
{
	emit_mov_rm(&k->e, true, reg, x64_mem(RSP, 0));
	emit_store(&k->e, 8, x64_mem(RBP, k->t->layout.host_pc), reg);
}

static const uint8_t pushed[] = {RBX, RBP, R12, R13, R14, R15};

static void enter_thunk(struct thunks *k)
{
	k->t->enter = (uint64_t (*)(void *, uint64_t))(uintptr_t)rx_here(k);
	for (unsigned i = 0; i < sizeof pushed; i++)
		emit_push(&k->e, pushed[i]);
	emit_alu_ri(&k->e, true, ALU_SUB, RSP, FRAME_SIZE);
	emit_mov_rr(&k->e, true, RBP, RDI);
	emit_mov_rr(&k->e, true, RAX, RSI);
	emit_store(&k->e, 8, x64_mem(RBP, k->t->layout.host_sp), RSP);
	load_homes(k, ALL_REGS);
	emit_jmp_r(&k->e, RAX);
}

static void exit_thunks(struct thunks *k)
{
	k->t->thunk_lookup = rx_here(k);
	emit_store(&k->e, 4, global_mem(k->t, k->t->guest->pc_global), RAX);
	emit_mov_ri(&k->e, RAX, X64_EXIT_LOOKUP);
	k->t->thunk_exit = rx_here(k);
	save_homes(k, ALL_REGS);
	k->leave = k->e.cur;
	emit_mov_rm(&k->e, true, RSP, x64_mem(RBP, k->t->layout.host_sp));
	emit_alu_ri(&k->e, true, ALU_ADD, RSP, FRAME_SIZE);
	for (unsigned i = sizeof pushed; i-- > 0;)
		emit_pop(&k->e, pushed[i]);
	emit_ret(&k->e);
	k->t->thunk_fault = rx_here(k);
	k->fault = k->e.cur;
	emit_mov_ri(&k->e, RAX, X64_EXIT_FAULT);
	emit_link(emit_jmp(&k->e), k->leave);
}

static void load_thunk(struct thunks *k)
{
	k->t->thunk_load = rx_here(k);
	save_homes(k, ALL_REGS);
	move_scratch(k, true);
	note_site(k, RCX);
	emit_mov_rm(&k->e, false, RSI, caller_frame(FRAME_ARG));
	emit_mov_rm(&k->e, false, RDX, caller_frame(FRAME_ARG + 16));
	call_c(k, (uintptr_t)k->t->layout.load_slow);
	emit_test_rr(&k->e, true, RDX, RDX);
	emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	emit_store(&k->e, 8, caller_frame(FRAME_ARG), RAX);
	load_homes(k, CALLER_SAVED);
	move_scratch(k, false);
	emit_ret(&k->e);
}

static void store_thunk(struct thunks *k)
{
	k->t->thunk_store = rx_here(k);
	save_homes(k, ALL_REGS);
	move_scratch(k, true);
	note_site(k, R8);
	emit_mov_rm(&k->e, false, RSI, caller_frame(FRAME_ARG));
	emit_mov_rm(&k->e, true, RDX, caller_frame(FRAME_ARG + 8));
	emit_mov_rm(&k->e, false, RCX, caller_frame(FRAME_ARG + 16));
	call_c(k, (uintptr_t)k->t->layout.store_slow);
	emit_test_rr(&k->e, true, RAX, RAX);
	emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	load_homes(k, CALLER_SAVED);
	move_scratch(k, false);
	emit_ret(&k->e);
}

static void call_thunk(struct thunks *k, bool pure)
{
	static const uint8_t arg[IR_HELPER_MAX_ARGS] = {RSI, RDX, RCX, R8};
	unsigned kept = pure ? CALLER_SAVED : ALL_REGS;
	*(pure ? &k->t->thunk_call_pure : &k->t->thunk_call) = rx_here(k);
	save_homes(k, kept);
	note_site(k, RCX);
	for (int i = 0; i < IR_HELPER_MAX_ARGS; i++)
		emit_mov_rm(&k->e, true, arg[i], caller_frame(FRAME_ARG + 8 * i));
	call_c(k, 0);
	if (!pure) {
		emit_alu_mi(&k->e, false, ALU_CMP,
			    x64_mem(RBP, k->t->layout.env + k->t->guest->fault_flag_offset), 0);
		emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	}
	load_homes(k, kept);
	emit_ret(&k->e);
}

bool x64_emit_thunks(struct x64_target *t, struct x64_out *out)
{
	struct thunks k = {.t = t, .rx_delta = out->rx_delta};
	emit_init(&k.e, out->cur, out->end);
	enter_thunk(&k);
	exit_thunks(&k);
	load_thunk(&k);
	store_thunk(&k);
	call_thunk(&k, false);
	call_thunk(&k, true);
	if (k.e.full) {
		out->full = true;
		return false;
	}
	out->cur = k.e.cur;
	return true;
}
