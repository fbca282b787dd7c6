/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doors between running code and the softmmu: the slow paths of emitted code, the
 * interpreter's memory, and what the softmmu asks back.
 */
#include "frontend-arm/owed.h"
#include "runtime/vcpu.h"

static struct vcpu *vcpu_of_env(void *env)
{
	return ((struct vcpu_base *)(void *)((char *)env - offsetof(struct vcpu_base, cpu)))->vcpu;
}

/*
 * With icount, a device access that raises an interrupt, moves a deadline or ends the run must be the last instruction of
 * its block, or what follows would depend on how code is cut into blocks. That is known only afterwards: the block is
 * left before the instruction, which runs again alone and is given what its accesses gave.
 */
static enum mem_status after_io(struct vcpu *v, struct vcpu_io io, enum mem_status s)
{
	uint64_t now = vcpu_insns(v);
	if (v->io_insn != now) {
		v->io_insn = now;
		v->n_io = 0;
	}
	if (s != MEM_DONE || v->alone || v->n_io == VCPU_MAX_IO)
		return s;
	v->io[v->n_io++] = io;
	if (!v->cfg.icount) /* a watchpoint may stop the same instruction at its next access */
		return s;
	if (v->base->budget >= 0 || v->io_ahead <= 1) /* whatever is urgent has kicked */
		return s;
	if (!v->exit_request && !v->reslice && arm_pending_interrupt(v->cpu) == ARM_EXC_NONE)
		return s;
	v->retry = v->cut_wanted = true;
	return MEM_RETRY;
}

/* Is it an access that compiled code leaves for the interpreter? The memop without that is what memory is asked for. */
static inline bool leaves(struct vcpu *v, uint32_t addr, uint16_t *memop)
{
	bool odd = *memop & IR_MEMOP_LEAVES && addr & (memop_size(*memop) - 1);
	*memop = (uint16_t)(*memop & ~IR_MEMOP_LEAVES);
	if (odd)
		v->retry = v->met_odd = true;
	return odd;
}

static const struct vcpu_io *replayed(struct vcpu *v, uint32_t addr, uint16_t memop, bool store)
{
	const struct vcpu_io *io = &v->io[v->next_io];
	if (!v->alone || v->next_io >= v->n_io || io->addr != addr || io->memop != memop || io->store != store)
		return NULL;
	v->next_io++;
	return io;
}

/* Neither icount nor lockstep nor an observer or a watchpoint cares for what this access is. */
static inline bool is_simple(const struct vcpu *v)
{
	return !v->cfg.icount && !v->lockstep && !v->observer.access && !v->stops.n_watch && !v->n_io;
}

/* Tells the observer of an access that was done. */
static void observe(struct vcpu *v, uint32_t addr, uint16_t memop, bool store, uint64_t value, enum mem_status s)
{
	if (!v->observer.access || s != MEM_DONE)
		return;
	const struct tb *tb = v->cur_tb;
	uint32_t mark = v->cur_mark;
	if (!tb && (tb = tb_by_host_pc(&v->tbs, v->base->host_pc)))
		mark = tb_site_mark(tb, v->base->host_pc);
	struct access_view a = {tb ? tb_mark_pc(tb, mark) & ~1u : 0, addr, memop, store, value};
	v->observer.access(v->observer.opaque, &a);
}

/* An access that forces its alignment touches the bytes that it ends up with. */
static bool meets_stop(struct vcpu *v, uint32_t addr, uint16_t memop, bool write)
{
	unsigned size = memop_size(memop);
	if (memop_align(memop) != MEMOP_ANY)
		addr &= ~(size - 1);
	return vcpu_stop_before_access(v, addr, size, write);
}

static enum mem_status load_observed(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t *value)
{
	if (v->stops.n_watch && meets_stop(v, addr, memop, false))
		return MEM_RETRY;
	const struct vcpu_io *io = replayed(v, addr, memop, false);
	if (io) {
		*value = io->value;
		if (v->next_io == v->n_io) /* the one for which the instruction was begun again */
			observe(v, addr, memop, false, *value, MEM_DONE);
		return MEM_DONE;
	}
	v->at_io = false;
	enum mem_status s = v->lockstep ? lockstep_load(v, addr, memop, value)
					: softmmu_load(v->mmu, GVA(addr), memop, value);
	if (v->at_io)
		s = after_io(v, (struct vcpu_io){addr, memop, false, *value}, s);
	observe(v, addr, memop, false, *value, s);
	return s;
}

static enum mem_status store_observed(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value)
{
	if (v->stops.n_watch && meets_stop(v, addr, memop, true))
		return MEM_RETRY;
	if (replayed(v, addr, memop, true)) {
		if (v->next_io == v->n_io)
			observe(v, addr, memop, true, value, MEM_DONE);
		return MEM_DONE;
	}
	v->at_io = false;
	enum mem_status s = v->lockstep ? lockstep_store(v, addr, memop, value)
					: softmmu_store(v->mmu, GVA(addr), memop, value);
	if (v->at_io)
		s = after_io(v, (struct vcpu_io){addr, memop, true, 0}, s);
	observe(v, addr, memop, true, value, s);
	return s;
}

static enum mem_status load(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t *value)
{
	return is_simple(v) ? softmmu_load(v->mmu, GVA(addr), memop, value) : load_observed(v, addr, memop, value);
}

static enum mem_status store(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value)
{
	return is_simple(v) ? softmmu_store(v->mmu, GVA(addr), memop, value) : store_observed(v, addr, memop, value);
}

void vcpu_observe_memory(struct vcpu *v)
{
	if (v->window)
		vcpu_window_close(v);
	softmmu_slow(v->mmu, true);
}

/* Has the window a say? Not where there is no addend and nothing trapped: devices, at sites that were patched. */
static inline bool concerns_window(const struct vcpu *v, uint32_t addr, uint32_t memop, enum mem_access access)
{
	return v->window && (v->trapped || v->base->tlb.addend[memop_space((uint16_t)memop)][access][addr >> PAGE_BITS]);
}

static __attribute__((noinline)) struct x64_load_result load_any(struct vcpu *v, uint32_t addr, uint32_t how, uint64_t host_pc)
{
	struct x64_load_result r = {0};
	uint16_t memop = (uint16_t)how;
	v->base->host_pc = host_pc;
	v->site_ahead = x64_how_ahead(how);
	if (leaves(v, addr, &memop) || (v->trouble && vcpu_trouble_access(v, addr, memop)))
		return (struct x64_load_result){0, 1};
	if (concerns_window(v, addr, memop, MEM_READ))
		vcpu_window_slow(v, addr, memop, false, host_pc);
	r.status = load(v, addr, memop, &r.value) != MEM_DONE;
	return r;
}

static __attribute__((noinline)) uint64_t store_any(struct vcpu *v, uint32_t addr, uint64_t value, uint32_t how, uint64_t host_pc)
{
	uint16_t memop = (uint16_t)how;
	v->base->host_pc = host_pc;
	v->site_ahead = x64_how_ahead(how);
	if (leaves(v, addr, &memop) || (v->trouble && vcpu_trouble_access(v, addr, memop)))
		return 1;
	if (concerns_window(v, addr, memop, MEM_WRITE))
		vcpu_window_slow(v, addr, memop, true, host_pc);
	return store(v, addr, memop, value) != MEM_DONE;
}

/* ---- devices: nothing but the call, where nobody else has a say ---- */

static __attribute__((noinline)) uint64_t io_failed(struct vcpu *v, uint32_t addr, uint32_t how, enum mem_access access)
{
	arm_mem_fault(v->cpu, MEM_FAULT_BUS, GVA(addr), access, memop_space((uint16_t)how));
	return 1;
}

static __attribute__((noinline)) uint64_t io_done(struct vcpu *v, uint32_t addr, uint32_t how, bool is_store, uint64_t value)
{
	uint16_t memop = (uint16_t)(how & ~IR_MEMOP_LEAVES); /* it is aligned */
	return after_io(v, (struct vcpu_io){addr, memop, is_store, value}, MEM_DONE) != MEM_DONE;
}

/* With icount: may the instruction have to be done again? Then what this access gave must be known. */
static inline bool may_be_urgent(const struct vcpu *v, uint32_t how)
{
	return v->cfg.icount && (v->base->budget < 0 || how & X64_HOW_SEVERAL);
}

static inline bool is_plain(const struct vcpu *v)
{
	return !v->trapped && !v->observer.access && !v->stops.n_watch;
}

void vcpu_see_core(const struct vcpu *v, struct arm_cpu *core)
{
	bool compiled = v->in_block && !v->cur_tb && v->cfg.accel == VCPU_JIT;
	const struct tb *tb = compiled ? tb_by_host_pc(&v->tbs, v->base->host_pc) : NULL;
	*core = *v->cpu;
	if (tb)
		x64_recover(&v->target, &tb->host, tb_site(tb, v->base->host_pc), (char *)v->base + VCPU_BASE_BIAS, core);
	arm_settle_flags(core);
}

struct x64_load_result vcpu_load_slow(void *env, uint32_t addr, uint32_t how, uint64_t host_pc)
{
	struct vcpu *v = vcpu_of_env(env);
	const struct io_slot *d = io_find(v->io_slots, GVA(addr), (uint16_t)how, MEM_READ);
	if (!d || !is_plain(v))
		return load_any(v, addr, how, host_pc);
	uint32_t value = 0;
	unsigned size = memop_size((uint16_t)how);
	v->io_ahead = x64_how_ahead(how);
	v->base->host_pc = host_pc;
	if (d->ops->read(d->dev, addr + d->to_off, size, &value) != MEM_OK)
		return (struct x64_load_result){0, io_failed(v, addr, how, MEM_READ)};
	value &= UINT32_MAX >> (32 - 8 * size);
	return (struct x64_load_result){value, may_be_urgent(v, how) ? io_done(v, addr, how, false, value) : 0};
}

uint64_t vcpu_store_slow(void *env, uint32_t addr, uint64_t value, uint32_t how, uint64_t host_pc)
{
	struct vcpu *v = vcpu_of_env(env);
	const struct io_slot *d = io_find(v->io_slots, GVA(addr), (uint16_t)how, MEM_WRITE);
	if (!d && is_plain(v) && !v->lockstep && vcpu_store_beside_code(v, addr, (uint16_t)how, value))
		return 0;
	if (!d || !is_plain(v))
		return store_any(v, addr, value, how, host_pc);
	unsigned size = memop_size((uint16_t)how);
	v->io_ahead = x64_how_ahead(how);
	v->base->host_pc = host_pc;
	if (d->ops->write(d->dev, addr + d->to_off, size, (uint32_t)value & UINT32_MAX >> (32 - 8 * size)) != MEM_OK)
		return io_failed(v, addr, how, MEM_WRITE);
	return may_be_urgent(v, how) ? io_done(v, addr, how, true, 0) : 0;
}

static bool interp_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct vcpu *v = ctx;
	v->cur_mark = mark;
	return !leaves(v, addr, &memop) && load(v, addr, memop, value) == MEM_DONE;
}

static bool interp_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	struct vcpu *v = ctx;
	v->cur_mark = mark;
	return !leaves(v, addr, &memop) && store(v, addr, memop, value) == MEM_DONE;
}

static bool interp_charge(void *ctx, int32_t n)
{
	struct vcpu *v = ctx;
	v->base->budget -= n;
	return v->base->budget >= 0;
}

static void interp_count(void *ctx, uint32_t counter)
{
	struct vcpu *v = ctx;
	v->base->tb_count[counter]++;
}

struct ir_memory vcpu_interp_memory(struct vcpu *v)
{
	return (struct ir_memory){.ctx = v, .load = interp_load, .store = interp_store, .charge = interp_charge, .count = interp_count};
}

/* ---- the softmmu's owner ---- */

static bool owner_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	struct vcpu *v = opaque;
	return arm_mmu_walk(v->cpu, va, access, space, out);
}

static bool owner_probe(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	const struct vcpu *v = opaque;
	return arm_mmu_probe(v->cpu, va, access, space, out);
}

static void owner_fault(void *opaque, enum mem_fault what, gva_t va, enum mem_access access, unsigned space)
{
	struct vcpu *v = opaque;
	arm_mem_fault(v->cpu, what, va, access, space);
}

/* A block is charged whole when it starts: what lies at and behind the access has not happened yet. Nobody looks without icount
 * and watchpoints. */
static void owner_before_io(void *opaque)
{
	struct vcpu *v = opaque;
	const struct tb *tb = v->cur_tb;
	if (!v->cfg.icount && !v->stops.n_watch)
		return;
	v->io_ahead = tb ? tb_insns_left(tb, v->cur_mark) : v->site_ahead;
	v->at_io = true;
}

struct softmmu_owner vcpu_softmmu_owner(struct vcpu *v)
{
	return (struct softmmu_owner){
		.opaque = v,
		.walk = owner_walk,
		.probe = owner_probe,
		.fault = owner_fault,
		.code_write = vcpu_code_write,
		.before_io = owner_before_io,
	};
}
