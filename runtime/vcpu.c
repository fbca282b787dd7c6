/* SPDX-License-Identifier: Apache-2.0 */
/* Making and unmaking a vCPU: its memory, the layout that emitted code is compiled against. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/vcpu.h"

#define OFF(field) ((int32_t)offsetof(struct vcpu_base, field) - VCPU_BASE_BIAS)

/* The globals are what nearly every emitted instruction addresses: [rbp - 128, rbp + 127]. */
_Static_assert(offsetof(struct vcpu_base, frame) + sizeof(struct x64_frame) + (size_t)-X64_FRAME_END == VCPU_BASE_BIAS,
	       "the frame is where the backend looks for it");
_Static_assert(OFF(budget) >= -128 && OFF(ret_sp) <= 127, "the budget has a short offset");
_Static_assert(offsetof(struct vcpu_base, cpu.q) < VCPU_BASE_BIAS + 128, "all globals have short offsets");
_Static_assert(sizeof(struct vcpu_base) < INT32_MAX, "every table is within reach of a 32-bit offset");
_Static_assert(sizeof(struct x64_jump_entry) == 16, "emitted code scales jump cache slots by 16");
_Static_assert(_Alignof(struct tb) >= 8 && _Alignof(struct tb_exit) >= 8, "3 bits of their addresses say why code was left");

static const struct x64_layout layout = {
	.env = OFF(cpu),
	.budget = OFF(budget),
	.host_pc = OFF(host_pc),
	.host_sp = OFF(host_sp),
	.ret_sp = OFF(ret_sp),
	.tb_flags = OFF(cpu.tb_flags),
	.jump_cache = OFF(jump_cache),
	.jump_cache_bits = JUMP_CACHE_BITS,
	.window = (int32_t)VCPU_WINDOW_OFFSET - VCPU_BASE_BIAS,
	.tlb = OFF(tlb.addend),
	.exec_tag = OFF(tlb.exec_tag),
	.page_bits = PAGE_BITS,
	.load_slow = vcpu_load_slow,
	.store_slow = vcpu_store_slow,
};

static void cpu_tlb_flush(void *opaque)
{
	struct vcpu *v = opaque;
	softmmu_flush(v->mmu);
	vcpu_clear_jump_cache(v);
	vcpu_window_flushed(v);
}

static void cpu_tlb_flush_page(void *opaque, gva_t va)
{
	struct vcpu *v = opaque;
	if (softmmu_flush_page(v->mmu, va) || v->subpage_code)
		vcpu_clear_jump_cache(v);
	vcpu_window_page_flushed(v, va);
}

static void cpu_flags_changed(void *opaque)
{
	vcpu_ret_change(opaque);
}

static void cpu_kick(void *opaque)
{
	vcpu_kick(opaque);
}

/* A page table that lies nowhere is an external abort, also on boards where loads from nowhere read as zero. */
static enum mem_result cpu_read_phys(void *opaque, gpa_t pa, uint32_t *word)
{
	struct vcpu *v = opaque;
	const struct mem_range *r = as_find(v->as, pa);
	if (!r) {
		as_read(v->as, pa, word, sizeof *word); /* is reported as every access to nothing */
		return MEM_ERROR;
	}
	uint64_t off = pa.v - r->base.v;
	if (r->kind == RANGE_MMIO || r->size - off < sizeof *word)
		return as_read(v->as, pa, word, sizeof *word);
	memcpy(word, r->host + off, sizeof *word);
	v->tables = (struct arm_tables){r->base.v, r->size, r->host};
	return MEM_OK;
}

static uint64_t clock_insns(void *opaque)
{
	return vcpu_insns(opaque);
}

/* The base, with room for the window behind it when the host has so much address space. */
static struct vcpu_base *base_new(struct vcpu *v, struct rhea_error *err)
{
	size_t whole = VCPU_WINDOW_OFFSET + WINDOW_SIZE + VCPU_GUARD;
	struct vcpu_base *b = MAP_FAILED;
	if (v->cfg.window && v->cfg.accel == VCPU_JIT)
		b = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	v->window = b != MAP_FAILED && !mprotect(b, sizeof *b, PROT_READ | PROT_WRITE);
	v->base_size = v->window ? whole : sizeof *b;
	if (!v->window) {
		if (b != MAP_FAILED)
			munmap(b, whole);
		b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	if (b == MAP_FAILED) {
		error_set(err, RHEA_ERR_HOST, "softmmu tables: the host refuses %zu bytes of address space: %s",
			  sizeof *b, strerror(errno));
		return NULL;
	}
	/* Huge pages would make every touched corner of the sparse tables resident. */
	madvise(b, sizeof *b, MADV_NOHUGEPAGE);
	b->jump_cache[0].flags = UINT32_MAX; /* the others are empty as they are: key 0 is looked for in this one */
	return b;
}

static void init_window(struct vcpu *v)
{
	if (!v->window)
		return;
	v->trap = (struct trap){
		.code = (uint64_t)(uintptr_t)v->code.rx, .size = v->code.size, .redirect = vcpu_window_redirect, .opaque = v,
	};
	v->window = softmmu_use_window(v->mmu, (uint8_t *)v->base + VCPU_WINDOW_OFFSET);
}

/* Lockstep sees each access itself. */
static const struct io_slots no_slots;

static bool init_parts(struct vcpu *v, struct rhea_error *err)
{
	struct softmmu_owner owner = vcpu_softmmu_owner(v);
	v->mmu = softmmu_new(v->as, &v->base->tlb, &owner, err);
	if (!v->mmu)
		return false;
	v->io_slots = v->cfg.accel == VCPU_LOCKSTEP ? &no_slots : softmmu_io(v->mmu);
	if (codebuf_init(&v->code, v->cfg.code_size, err) || tb_store_init(&v->tbs, v->code.out.rx_delta, err))
		return false;
	x64_target_init(&v->target, &arm_guest, &layout, v->cfg.codegen_seed, X64_MAX_HOMES);
	if (!x64_emit_thunks(&v->target, &v->code.out)) {
		error_set(err, RHEA_ERR_USAGE, "tb-size: %zu bytes are too few", v->cfg.code_size);
		return false;
	}
	codebuf_set_mark(&v->code);
	if (!vcpu_ret_init(v, err))
		return false;
	init_window(v);
	v->decoder = arm_decoder();
	if (v->cfg.accel == VCPU_LOCKSTEP)
		v->lockstep = lockstep_new();
	if (v->cfg.trouble_seed && !(v->trouble = trouble_new(v->cfg.trouble_seed))) {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
		return false;
	}
	return true;
}

struct vcpu *vcpu_new(const struct vcpu_config *cfg, struct address_space *as, const struct vcpu_host *host,
		      struct log *log, struct rhea_error *err)
{
	struct vcpu *v = calloc(1, sizeof *v);
	if (!v) {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
		return NULL;
	}
	v->cfg = *cfg;
	v->as = as;
	v->host = *host;
	v->input_at = UINT64_MAX;
	v->log = log;
	v->base = base_new(v, err);
	if (!v->base || (v->base->vcpu = v, !init_parts(v, err))) {
		vcpu_free(v);
		return NULL;
	}
	v->cpu = &v->base->cpu;
	struct arm_host arm = {
		.opaque = v,
		.tlb_flush = cpu_tlb_flush,
		.tlb_flush_page = cpu_tlb_flush_page,
		.read_phys = cpu_read_phys,
		.tables = &v->tables,
		.kick = cpu_kick,
		.flags_changed = cpu_flags_changed,
		.semihosting = cfg->semihosting,
	};
	arm_cpu_init(v->cpu, cfg->model, &arm, log);
	vclock_init(&v->clock, cfg->icount, cfg->icount_shift, clock_insns, vcpu_deadline_moved, v);
	arm_cpu_reset(v->cpu);
	return v;
}

void vcpu_free(struct vcpu *v)
{
	if (!v)
		return;
	vcpu_free_worker(v);
	lockstep_free(v->lockstep);
	trouble_free(v->trouble);
	vcpu_free_stops(v);
	tb_store_free(&v->tbs);
	codebuf_free(&v->code);
	vcpu_ret_free(v);
	if (v->mmu)
		softmmu_free(v->mmu);
	arena_free(&v->arena);
	if (v->base)
		munmap(v->base, v->base_size);
	free(v->window_sites.site);
	free(v);
}

void vcpu_reset(struct vcpu *v)
{
	v->window_flushes = v->window_misplaced = 0; /* what starts now may behave otherwise */
	arm_cpu_reset(v->cpu);
	cpu_tlb_flush(v);
}
