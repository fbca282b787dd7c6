/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a vCPU is state, for snapshots: the core, the instruction count, virtual time. All else follows from it, or is how the
 * host does it: translated code stays as long as its bytes do, and the TLB with the MMU off, where it says nothing.
 */
#include "base/state.h"
#include "frontend-arm/cp15.h"
#include "runtime/vcpu.h"
#include "softmmu/versions.h"

static const struct state_field times_fields[] = {
	STATE_MAX(struct vcpu_times, insns, UINT64_C(1) << 62),
	STATE_MAX(struct vcpu_times, ns, UINT64_C(1) << 62),
	STATE_MAX(struct vcpu_times, n_armed, UINT64_C(1) << 62),
};
static const struct state_desc times_state = {
	.name = "times", .size = sizeof(struct vcpu_times), .version = 1, STATE_FIELDS(times_fields),
};

void vcpu_state_parts(struct vcpu *v, struct state_part *parts)
{
	parts[0] = (struct state_part){"cpu", 0, v->cpu, &arm_cpu_state};
	parts[1] = (struct state_part){"times", 0, &v->times, &times_state};
}

void vcpu_state_before(struct vcpu *v)
{
	v->times = (struct vcpu_times){vcpu_insns(v), vclock_now(&v->clock), v->clock.n_armed};
}

static void set_times(struct vcpu *v)
{
	const struct vcpu_times *t = &v->times;
	v->insns_done = t->insns;
	v->slice = v->base->budget = v->parked = 0;
	v->io_ahead = v->n_io = 0; /* what instruction of that number did, it did in another history */
	if (v->cfg.icount)
		v->clock.warp = t->ns - (t->insns << v->clock.shift);
	vclock_set_host_time(&v->clock, t->ns);
	v->clock.followed.host = 0;
	v->clock.n_armed = t->n_armed;
	vclock_relink(&v->clock);
}

void vcpu_state_after(struct vcpu *v, bool mmu_was_on)
{
	set_times(v);
	arm_update_tb_flags(v->cpu);
	v->reslice = v->mismatch = v->hold_once = false; /* of the history that is left */
	v->entries.n = 0;
	if (mmu_was_on || v->cpu->tb_flags & ARM_TB_MMU)
		arm_tlb_flush_all(v->cpu);
}

/* ---- memory ---- */

static bool has_code(void *opaque, const uint8_t *host)
{
	const struct vcpu *v = opaque;
	return softmmu_has_code(v->mmu, host);
}

static void written(void *opaque, const uint8_t *host, uint64_t size)
{
	vcpu_memory_written(opaque, host, size);
}

static void clean(void *opaque, const uint8_t *host)
{
	struct vcpu *v = opaque;
	softmmu_forget_writes(v->mmu, host);
}

struct versions *vcpu_track_memory(struct vcpu *v, const struct versions_medium *media, unsigned n_media)
{
	struct versions_owner owner = {.opaque = v, .has_code = has_code, .written = written, .clean = clean};
	struct versions *vs = versions_start(v->as, &owner, media, n_media);
	if (!vs)
		return NULL;
	v->keeps_snapshots = true;
	vcpu_window_rest(v, true);
	return vs;
}

void vcpu_untrack_memory(struct vcpu *v)
{
	versions_stop(v->as);
	v->keeps_snapshots = false;
	vcpu_window_rest(v, false);
}
