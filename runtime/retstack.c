/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The return stacks (x64.h, decision 006): rsp while emitted code runs. Unprivileged, System mode and exception modes have one each
 * (and each setting of DACR has three), so that what a system call or an interrupt comes back to finds its returns as they were.
 * A helper that changes the mode changes the stack under the code that called it; all that this does then is to look up a block.
 *
 * Nothing checks their depth: a block charges at least one instruction and calls at most once, so
 * one entry into emitted code pushes at most its budget. Each gets that much room, and is emptied
 * before it runs when an earlier one left it deeper than RET_KEEP: what the guest loses is speed.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/vcpu.h"

#define RET_KEEP 0x10000u    /* bytes in use at entry: 8192 calls deep */
#define RET_MARGIN 0x40000u  /* below all entries: frames of the host's signal handlers */
#define RET_SIZE ((RET_KEEP + VCPU_MAX_SLICE * 8u + RET_MARGIN + PAGE_MASK) & ~(size_t)PAGE_MASK)
#define FLAGS_NONE UINT32_MAX

bool vcpu_ret_init(struct vcpu *v, struct rhea_error *err)
{
	void *p = mmap(NULL, VCPU_RET_STACKS * RET_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		error_set(err, RHEA_ERR_HOST, "return stacks: the host refuses %zu bytes: %s", VCPU_RET_STACKS * RET_SIZE,
			  strerror(errno));
		return false;
	}
	v->ret_memory = p;
	for (unsigned k = 0; k < VCPU_RET_STACKS; k++)
		v->ret[k] = (struct ret_stack){.top = v->ret_memory + (k + 1) * RET_SIZE};
	vcpu_ret_reset(v);
	return true;
}

void vcpu_ret_free(struct vcpu *v)
{
	if (v->ret_memory)
		munmap(v->ret_memory, VCPU_RET_STACKS * RET_SIZE);
}

void vcpu_ret_reset(struct vcpu *v)
{
	for (unsigned k = 0; k < VCPU_RET_STACKS; k++)
		v->ret[k].flags = FLAGS_NONE;
}

struct ret_stack *vcpu_ret_stack(struct vcpu *v, uint32_t flags)
{
	unsigned mode = !(flags & ARM_TB_PRIV) ? 0 : flags & ARM_TB_HAS_SPSR ? 2 : 1;
	struct ret_stack *s = &v->ret[flags & ARM_TB_DACR ? mode + 3 : mode];
	assert(v->base->budget <= VCPU_MAX_SLICE);
	if (s->flags != flags || (uint64_t)(uintptr_t)s->top - s->sp > RET_KEEP) {
		s->flags = flags;
		s->sp = x64_ret_reset(&v->target, s->top);
	}
	return s;
}

void vcpu_ret_change(struct vcpu *v)
{
	/* What is interpreted comes back to the run loop anyway; lockstep compares after each block. */
	if (!v->in_block || v->cur_tb || v->cfg.accel != VCPU_JIT) {
		vcpu_kick(v);
		return;
	}
	uint64_t *top = (uint64_t *)(uintptr_t)v->base->ret_sp, back = *top; /* of the helper's call */
	v->ret_now->sp = (uint64_t)(uintptr_t)(top + 1);
	v->ret_now = vcpu_ret_stack(v, v->cpu->tb_flags);
	v->ret_now->sp -= sizeof back;
	memcpy((void *)(uintptr_t)v->ret_now->sp, &back, sizeof back);
	v->base->ret_sp = v->ret_now->sp;
}
