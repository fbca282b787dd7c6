/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that all units share. [homes] is one mov for each homed global to or from its field in
 * env; [scratch] the same for the caller-saved registers that are no home, in the frame. Whatever saves rsp in ret_sp saves the budget's
 * register in its field before, and whatever loads rsp from there loads it: C code may take the budget away.
 *
 *   enter(base, code):                    thunk_load:                     thunk_call:
 *     push rbx, rbp, r12-r15                save [homes], [scratch]         save [homes]
 *     sub  rsp, 8                           mov  rcx, [rsp]                 mov  rcx, [rsp]
 *     mov  rbp, rdi                         mov  [rbp + host_pc], rcx       mov  [rbp + host_pc], rcx
 *     mov  rax, rsi                         mov  esi, [arg 0]               mov  rsi, rdx, rcx, r8 from
 *     mov  [rbp + host_sp], rsp             mov  edx, [arg 2]                    [arg 0] to [arg 3]
 *     mov  rsp, [rbp + ret_sp]              lea  rdi, [rbp + env]           lea  rdi, [rbp + env]
 *     load [homes]                          mov  [rbp + ret_sp], rsp        mov  [rbp + ret_sp], rsp
 *     jmp  rax                              mov  rsp, [rbp + host_sp]       mov  rsp, [rbp + host_sp]
 *                                           mov  rax, load_slow             call rax
 *   thunk_lookup:  (pc key in eax)          call rax                        cmp  dword [rbp + fault], 0
 *     mov  [rbp + pc], eax                  test rdx, rdx                   jne  fault
 *     mov  eax, X64_EXIT_LOOKUP             jne  fault                      mov  rsp, [rbp + ret_sp]
 *   thunk_exit:    (result in rax)          mov  rsp, [rbp + ret_sp]        load [homes]
 *     save [homes]                          mov  [arg 0], rax               ret
 *     mov  [rbp + ret_sp], rsp              load [homes*], [scratch]
 *     mov  rsp, [rbp + host_sp]             ret                           thunk_call_pure: the same, but
 *   leave:                                                                  only caller-saved homes and
 *     add  rsp, 8                         fault:                            no test of the fault flag
 *     pop  r15-r12, rbp, rbx                add  qword [rbp + ret_sp], 8
 *     ret                                   mov  eax, X64_EXIT_FAULT      thunk_raise: (site in rcx)
 *                                           jmp  leave                      thunk_call up to call rax, then
 *                                                                           mov  eax, X64_EXIT_FAULT
 *                                                                           jmp  leave
 *
 *   thunk_return_miss:  (pc key in eax; the landing that was popped is another's)
 *     mov  rcx, [rsp]
 *     cmp  [rcx + 1], eax                 each landing starts with cmp eax, imm32
 *     je   one
 *     mov  rcx, [rsp + 8]
 *     cmp  [rcx + 1], eax
 *     je   two
 *   return_empty:                         what the lowest entries of the return stack point to
 *     sub  rsp, 8                         what did not fit stays
 *     [look up in the jump cache as exit_ind does (control.c), with rcx and rdx; miss: thunk_lookup]
 *   two:
 *     add  rsp, 8
 *   one:
 *     ret
 *
 * A slow path may read the guest's registers and never writes them: all homes are saved, and those that C code may
 * have changed, [homes*], are loaded again. thunk_store is thunk_load with the value in rdx, [arg 2] in ecx, the site
 * in r8, and the status in rax. C runs on the host's own stack: rsp is 16-aligned in host_sp.
 *
 * A return that does not fit the newest call: frames were left without a return (longjmp), and the right
 * entry lies deeper; or it belongs to no call, or to another thread's, and the newest entry is still
 * good for later.
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
	uint8_t *leave, *fault, *lookup;
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

static void move_scratch(struct thunks *k, bool save)
{
	unsigned regs = scratch_regs(k->t);
	int at = FRAME_SAVE;
	for (int r = 0; r < 16; r++) {
		if (!(regs >> r & 1))
			continue;
		if (save)
			emit_store(&k->e, 8, frame_mem(at), r);
		else
			emit_mov_rm(&k->e, true, r, frame_mem(at));
		at += 8;
	}
}

int x64_saved_index(const struct x64_target *t, int reg)
{
	unsigned regs = scratch_regs(t);
	return regs >> reg & 1 ? __builtin_popcount(regs & ((1u << reg) - 1)) : -1;
}

static uint64_t rx_here(const struct thunks *k)
{
	return (uint64_t)(uintptr_t)k->e.cur + (uint64_t)k->rx_delta;
}

static void to_host_stack(struct thunks *k)
{
	emit_store(&k->e, 4, x64_mem(RBP, k->t->layout.budget), X64_BUDGET_REG);
	emit_store(&k->e, 8, x64_mem(RBP, k->t->layout.ret_sp), RSP);
	emit_mov_rm(&k->e, true, RSP, x64_mem(RBP, k->t->layout.host_sp));
}

static void to_return_stack(struct thunks *k)
{
	emit_mov_rm(&k->e, true, RSP, x64_mem(RBP, k->t->layout.ret_sp));
	emit_mov_rm(&k->e, false, X64_BUDGET_REG, x64_mem(RBP, k->t->layout.budget)); /* C may have taken it away */
}

/* Stays on the host's stack. */
static void call_c(struct thunks *k, uintptr_t fn)
{
	emit_lea(&k->e, true, RDI, x64_mem(RBP, k->t->layout.env));
	to_host_stack(k);
	if (fn)
		emit_mov_ri(&k->e, RAX, fn);
	emit_call_r(&k->e, RAX);
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
	emit_alu_ri(&k->e, true, ALU_SUB, RSP, 8);
	emit_mov_rr(&k->e, true, RBP, RDI);
	emit_mov_rr(&k->e, true, RAX, RSI);
	emit_store(&k->e, 8, x64_mem(RBP, k->t->layout.host_sp), RSP);
	to_return_stack(k);
	load_homes(k, ALL_REGS);
	emit_jmp_r(&k->e, RAX);
}

static void exit_thunks(struct thunks *k)
{
	k->t->thunk_lookup = rx_here(k);
	k->lookup = k->e.cur;
	emit_store(&k->e, 4, global_mem(k->t, k->t->guest->pc_global), RAX);
	emit_mov_ri(&k->e, RAX, X64_EXIT_LOOKUP);
	k->t->thunk_exit = rx_here(k);
	save_homes(k, ALL_REGS);
	to_host_stack(k);
	k->leave = k->e.cur;
	emit_alu_ri(&k->e, true, ALU_ADD, RSP, 8);
	for (unsigned i = sizeof pushed; i-- > 0;)
		emit_pop(&k->e, pushed[i]);
	emit_ret(&k->e);
	k->fault = k->e.cur;
	emit_alu_mi(&k->e, true, ALU_ADD, x64_mem(RBP, k->t->layout.ret_sp), 8);
	emit_mov_ri(&k->e, RAX, X64_EXIT_FAULT);
	emit_link(emit_jmp(&k->e), k->leave);
}

/* Is the entry `bytes` above rsp the one for the key in eax? */
static uint8_t *compare_landing(struct thunks *k, int bytes)
{
	emit_mov_rm(&k->e, true, RCX, x64_mem(RSP, bytes));
	emit_alu_mr(&k->e, false, ALU_CMP, x64_mem(RCX, 1), RAX);
	return emit_jcc(&k->e, CC_E);
}

static void return_thunk(struct thunks *k)
{
	struct jump_probe p = {.key = RAX, .a = RCX, .b = RDX};
	k->t->thunk_return_miss = rx_here(k);
	uint8_t *one = compare_landing(k, 0), *two = compare_landing(k, 8);
	k->t->return_empty = rx_here(k);
	emit_alu_ri(&k->e, true, ALU_SUB, RSP, 8);
	emit_jump_probe(&k->e, &k->t->layout, &p);
	emit_jmp_m(&k->e, p.target);
	emit_link(p.miss[0], k->lookup);
	emit_link(p.miss[1], k->lookup);
	emit_link(two, k->e.cur);
	emit_alu_ri(&k->e, true, ALU_ADD, RSP, 8);
	emit_link(one, k->e.cur);
	emit_ret(&k->e);
}

static void load_thunk(struct thunks *k)
{
	k->t->thunk_load = rx_here(k);
	save_homes(k, ALL_REGS);
	move_scratch(k, true);
	note_site(k, RCX);
	emit_mov_rm(&k->e, false, RSI, frame_mem(FRAME_ARG));
	emit_mov_rm(&k->e, false, RDX, frame_mem(FRAME_ARG + 16));
	call_c(k, (uintptr_t)k->t->layout.load_slow);
	emit_test_rr(&k->e, true, RDX, RDX);
	emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	to_return_stack(k);
	emit_store(&k->e, 8, frame_mem(FRAME_ARG), RAX);
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
	emit_mov_rm(&k->e, false, RSI, frame_mem(FRAME_ARG));
	emit_mov_rm(&k->e, true, RDX, frame_mem(FRAME_ARG + 8));
	emit_mov_rm(&k->e, false, RCX, frame_mem(FRAME_ARG + 16));
	call_c(k, (uintptr_t)k->t->layout.store_slow);
	emit_test_rr(&k->e, true, RAX, RAX);
	emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	to_return_stack(k);
	load_homes(k, CALLER_SAVED);
	move_scratch(k, false);
	emit_ret(&k->e);
}

static void call_helper(struct thunks *k)
{
	static const uint8_t arg[IR_HELPER_MAX_ARGS] = {RSI, RDX, RCX, R8};
	for (int i = 0; i < IR_HELPER_MAX_ARGS; i++)
		emit_mov_rm(&k->e, true, arg[i], frame_mem(FRAME_ARG + 8 * i));
	call_c(k, 0);
}

static void raise_thunk(struct thunks *k)
{
	k->t->thunk_raise = rx_here(k);
	save_homes(k, ALL_REGS);
	emit_store(&k->e, 8, x64_mem(RBP, k->t->layout.host_pc), RCX);
	call_helper(k);
	emit_mov_ri(&k->e, RAX, X64_EXIT_FAULT);
	emit_link(emit_jmp(&k->e), k->leave);
}

static void call_thunk(struct thunks *k, bool pure)
{
	unsigned kept = pure ? CALLER_SAVED : ALL_REGS;
	*(pure ? &k->t->thunk_call_pure : &k->t->thunk_call) = rx_here(k);
	save_homes(k, kept);
	note_site(k, RCX);
	call_helper(k);
	if (!pure) {
		emit_alu_mi(&k->e, false, ALU_CMP,
			    x64_mem(RBP, k->t->layout.env + k->t->guest->fault_flag_offset), 0);
		emit_link(emit_jcc(&k->e, CC_NE), k->fault);
	}
	to_return_stack(k);
	load_homes(k, kept);
	emit_ret(&k->e);
}

bool x64_emit_thunks(struct x64_target *t, struct x64_out *out)
{
	struct thunks k = {.t = t, .rx_delta = out->rx_delta};
	emit_init(&k.e, out->cur, out->end);
	enter_thunk(&k);
	exit_thunks(&k);
	return_thunk(&k);
	load_thunk(&k);
	store_thunk(&k);
	call_thunk(&k, false);
	call_thunk(&k, true);
	raise_thunk(&k);
	if (k.e.full) {
		out->full = true;
		return false;
	}
	out->cur = k.e.cur;
	return true;
}

uint64_t x64_ret_reset(const struct x64_target *t, void *top)
{
	uint64_t *entry = (uint64_t *)top - X64_RET_RESERVED;
	for (unsigned k = 0; k < X64_RET_RESERVED; k++)
		entry[k] = t->return_empty;
	return (uint64_t)(uintptr_t)entry;
}
