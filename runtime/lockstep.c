/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel lockstep: every block runs twice from the same state, first interpreted, then compiled,
 * and the two outcomes are compared: core state, exit, every byte that the first run wrote.
 *
 * Devices are accessed once, in the first run; the second run is given what the first one saw, and is kicked where that one was.
 * RAM is put back between the runs. A block that changes translated code keeps the interpreter's
 * outcome uncompared. A byte that only the second run wrote shows when a later block reads it.
 */
#include <stdlib.h>
#include <string.h>

#include "frontend-arm/owed.h"
#include "runtime/vcpu.h"

enum lockstep_mode { LOCKSTEP_OFF, LOCKSTEP_RECORD, LOCKSTEP_REPLAY };

struct device_access {
	uint32_t addr;
	uint16_t memop;
	bool store, kicked;
	enum mem_status status;
	uint64_t value;
	struct arm_exception exc;
	uint8_t irq_line, fiq_line; /* from then on */
};

struct written_byte {
	uint8_t *host, before, after;
};

struct lockstep {
	enum lockstep_mode mode;
	struct device_access *dev;
	struct written_byte *written;
	uint32_t n_dev, cap_dev, next_dev, n_written, cap_written;
	char why[256];
};

struct lockstep *lockstep_new(void)
{
	struct lockstep *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	return l;
}

void lockstep_free(struct lockstep *l)
{
	if (!l)
		return;
	free(l->dev);
	free(l->written);
	free(l);
}

static void *grow(void *array, uint32_t n, uint32_t *cap, size_t item)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 64;
	void *p = realloc(array, *cap * item);
	if (!p)
		abort();
	return p;
}

/* ---- accesses ---- */

static const struct mem_range *range_at(const struct vcpu *v, uint32_t addr, unsigned space, enum mem_access access,
					gpa_t *pa)
{
	struct mem_walk w;
	if (!arm_mmu_probe(v->cpu, GVA(addr), access, space, &w))
		return NULL;
	*pa = w.pa;
	return as_find(v->as, w.pa);
}

/* What is to happen once: device accesses, and those that reach nothing, which are logged. */
static bool is_device(const struct vcpu *v, uint32_t addr, uint16_t memop, enum mem_access access)
{
	gpa_t pa = GPA(UINT64_MAX);
	const struct mem_range *r = range_at(v, addr, memop_space(memop), access, &pa);
	if (!r)
		return pa.v != UINT64_MAX;
	return r->kind == RANGE_MMIO || (r->kind == RANGE_ROM && access == MEM_WRITE);
}

static void note_write(struct vcpu *v, uint32_t addr, unsigned space)
{
	struct lockstep *l = v->lockstep;
	gpa_t pa;
	const struct mem_range *r = range_at(v, addr, space, MEM_WRITE, &pa);
	if (!r || r->kind != RANGE_RAM)
		return;
	uint8_t *host = r->host + (pa.v - r->base.v);
	l->written = grow(l->written, l->n_written, &l->cap_written, sizeof *l->written);
	l->written[l->n_written++] = (struct written_byte){.host = host, .before = *host};
}

/* The access is done; `parked` is what v->parked was before. */
static void note_device(struct vcpu *v, int32_t parked, struct device_access a)
{
	struct lockstep *l = v->lockstep;
	if (v->trouble)
		vcpu_trouble_kick(v);
	a.kicked = v->parked != parked;
	a.exc = v->cpu->exc;
	a.irq_line = v->cpu->irq_line;
	a.fiq_line = v->cpu->fiq_line;
	l->dev = grow(l->dev, l->n_dev, &l->cap_dev, sizeof *l->dev);
	l->dev[l->n_dev++] = a;
}

/* The same access of the first run, or NULL when the second run does something else. */
static const struct device_access *replayed(struct vcpu *v, uint32_t addr, uint16_t memop, bool store, uint64_t value)
{
	struct lockstep *l = v->lockstep;
	const struct device_access *a = l->next_dev < l->n_dev ? &l->dev[l->next_dev] : NULL;
	uint64_t mask = memop_size(memop) == 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * memop_size(memop)) - 1;
	if (!a || a->addr != addr || a->memop != memop || a->store != store ||
	    (store && ((a->value ^ value) & mask) != 0)) {
		snprintf(l->why, sizeof l->why, "device access %u differs: compiled code %s 0x%08x", l->next_dev,
			 store ? "writes" : "reads", addr);
		return NULL;
	}
	l->next_dev++;
	v->cpu->exc = a->exc;
	v->cpu->irq_line = a->irq_line;
	v->cpu->fiq_line = a->fiq_line;
	if (a->kicked)
		vcpu_kick(v);
	return a;
}

enum mem_status lockstep_load(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t *value)
{
	struct lockstep *l = v->lockstep;
	bool device = l->mode != LOCKSTEP_OFF && is_device(v, addr, memop, MEM_READ);
	if (device && l->mode == LOCKSTEP_REPLAY) {
		const struct device_access *a = replayed(v, addr, memop, false, 0);
		*value = a ? a->value : 0;
		return a ? a->status : MEM_DONE;
	}
	int32_t parked = v->parked;
	enum mem_status s = softmmu_load(v->mmu, GVA(addr), memop, value);
	if (device)
		note_device(v, parked, (struct device_access){.addr = addr, .memop = memop, .status = s, .value = *value});
	return s;
}

enum mem_status lockstep_store(struct vcpu *v, uint32_t addr, uint16_t memop, uint64_t value)
{
	struct lockstep *l = v->lockstep;
	bool device = l->mode != LOCKSTEP_OFF && is_device(v, addr, memop, MEM_WRITE);
	if (device && l->mode == LOCKSTEP_REPLAY) {
		const struct device_access *a = replayed(v, addr, memop, true, value);
		return a ? a->status : MEM_DONE;
	}
	uint32_t first = memop_align(memop) == MEMOP_ANY ? addr : addr & ~(memop_size(memop) - 1);
	for (unsigned i = 0; !device && l->mode == LOCKSTEP_RECORD && i < memop_size(memop); i++)
		note_write(v, first + i, memop_space(memop));
	int32_t parked = v->parked;
	enum mem_status s = softmmu_store(v->mmu, GVA(addr), memop, value);
	if (device)
		note_device(v, parked, (struct device_access){
			.addr = addr, .memop = memop, .store = true, .status = s, .value = value});
	return s;
}

/* ---- the two runs ---- */

static void take_back_writes(struct lockstep *l)
{
	for (uint32_t i = 0; i < l->n_written; i++)
		l->written[i].after = *l->written[i].host;
	for (uint32_t i = l->n_written; i-- > 0;)
		*l->written[i].host = l->written[i].before;
}

static bool same_memory(struct lockstep *l)
{
	for (uint32_t i = 0; i < l->n_written; i++)
		if (*l->written[i].host != l->written[i].after) {
			snprintf(l->why, sizeof l->why, "memory differs: byte %u of %u written is 0x%02x, should be 0x%02x",
				 i, l->n_written, *l->written[i].host, l->written[i].after);
			return false;
		}
	return true;
}

static bool same_exit(struct vcpu *v, const struct tb *tb, const struct ir_interp_result *r, uint64_t exit)
{
	struct lockstep *l = v->lockstep;
	switch ((enum x64_exit)(exit & 7)) {
	case X64_EXIT_JUMP:
		if (r->exit == IR_EXIT_JUMP && (exit & ~UINT64_C(7)) == (uintptr_t)&tb->exit[r->slot])
			return true;
		break;
	case X64_EXIT_RETURN: /* back to a call of another block: the pc is compared below */
		if (r->exit == IR_EXIT_IND)
			return true;
		break;
	case X64_EXIT_LOOKUP:
		if (r->exit == IR_EXIT_IND || r->exit == IR_EXIT_LOOP)
			return true;
		break;
	case X64_EXIT_BUDGET:
		if (r->exit == IR_EXIT_BUDGET)
			return true;
		break;
	case X64_EXIT_FAULT:
		if (r->exit == IR_EXIT_FAULT && tb_site_mark(tb, v->base->host_pc) == r->marks - 1)
			return true;
		break;
	}
	snprintf(l->why, sizeof l->why, "exit differs: interpreter %d slot %u insns %u, compiled code %d", (int)r->exit,
		 r->slot, r->marks, (int)(exit & 7));
	return false;
}

static bool same_word(struct lockstep *l, const char *what, unsigned i, uint32_t interp, uint32_t jit)
{
	if (interp == jit)
		return true;
	snprintf(l->why, sizeof l->why, "%s%u differs: interpreter 0x%08x, compiled code 0x%08x", what, i, interp, jit);
	return false;
}

static bool same_state(struct lockstep *l, const struct arm_cpu *a, const struct arm_cpu *b)
{
	for (unsigned i = 0; i < ARRAY_LEN(a->r); i++)
		if (!same_word(l, "r", i, a->r[i], b->r[i]))
			return false;
	if (!same_word(l, "pc, register ", 15, a->pc, b->pc) || !same_word(l, "flag N", 0, a->n, b->n) ||
	    !same_word(l, "flag Z", 0, a->z, b->z) || !same_word(l, "flag C", 0, a->c, b->c) ||
	    !same_word(l, "flag V", 0, a->v, b->v) || !same_word(l, "flag Q", 0, a->q, b->q) ||
	    !same_word(l, "CPSR ", 0, a->cpsr, b->cpsr) || !same_word(l, "exception ", 0, a->exc.kind, b->exc.kind))
		return false;
	if (memcmp(a->spsr, b->spsr, sizeof a->spsr) != 0 || memcmp(a->bank_r13, b->bank_r13, sizeof a->bank_r13) != 0 ||
	    memcmp(a->bank_r14, b->bank_r14, sizeof a->bank_r14) != 0 ||
	    memcmp(a->usr_r8, b->usr_r8, sizeof a->usr_r8) != 0 || memcmp(a->fiq_r8, b->fiq_r8, sizeof a->fiq_r8) != 0 ||
	    memcmp(&a->cp15, &b->cp15, sizeof a->cp15) != 0) {
		snprintf(l->why, sizeof l->why, "banked registers or CP15 differ");
		return false;
	}
	return true;
}

static void report(struct vcpu *v, const struct tb *tb, const struct arm_cpu *before)
{
	struct log *log = v->log;
	uint32_t mask = log->mask;
	log_printf(log, "lockstep: block at 0x%08x (%u instructions, flags 0x%x): %s\n", tb->pc_key & ~1u, tb->n_insns,
		   tb->flags, v->lockstep->why);
	for (unsigned i = 0; i < ARRAY_LEN(before->r); i++)
		log_printf(log, "R%02u=%08x%c", i, before->r[i], i % 4 == 3 ? '\n' : ' ');
	log_printf(log, "R15=%08x (before the block) N=%u Z=%u C=%u V=%u CPSR=%08x\n", before->pc, before->n, before->z,
		   before->c, before->v, before->cpsr);
	log->mask = LOG_in_asm | LOG_op_opt | LOG_out_asm;
	struct tb_view view = {
		.pc_key = tb->pc_key,
		.tb_flags = tb->flags & ARM_TB_FLAGS,
		.guest_code = tb->code,
		.guest_bytes = tb->bytes,
		.unit = tb->unit,
		.host = &tb->host,
		.host_code = (const uint8_t *)(uintptr_t)tb->host.code,
	};
	if (v->observer.translated)
		v->observer.translated(v->observer.opaque, &view);
	if (v->observer.optimised)
		v->observer.optimised(v->observer.opaque, &view);
	if (v->observer.compiled)
		v->observer.compiled(v->observer.opaque, &view);
	log->mask = mask;
	log_flush(log);
}

/* Runs are counted in the first run, which is the one that always is: in the second what it counts is put back. */
static void each_count(struct vcpu *v, const struct tb *tb, uint64_t saved[2 * ARM_REGION_PARTS], bool save)
{
	for (unsigned k = 0; v->observer.counter && k < (tb->region ? tb->region->n_parts : 1u); k++) {
		uint32_t counter = tb->region ? tb->region->part[k].counter : tb->counter;
		for (unsigned i = 0; i < (v->observer.branches ? 2u : 1u); i++) {
			uint64_t *count = &v->base->tb_count[counter + i * VCPU_TAKEN], *copy = &saved[2 * k + i];
			*(save ? copy : count) = *(save ? count : copy);
		}
	}
}

bool lockstep_step(struct vcpu *v, struct tb *tb, struct ir_interp_result *r)
{
	struct lockstep *l = v->lockstep;
	struct ir_memory mem = vcpu_interp_memory(v);
	uint64_t counts[2 * ARM_REGION_PARTS];
	struct arm_cpu before = *v->cpu;
	uint64_t dropped = v->stats.invalidated_blocks;
	int32_t start = v->base->budget + (int32_t)tb->n_insns;
	l->n_dev = l->next_dev = l->n_written = 0;
	l->why[0] = '\0';

	l->mode = LOCKSTEP_RECORD;
	*r = ir_interpret(tb->unit, v->cpu, &mem);
	if (tb->counter)
		v->base->tb_count[tb->counter]++;
	arm_settle_flags(v->cpu);
	l->mode = LOCKSTEP_OFF;
	if (v->retry || v->stops.hit || v->stats.invalidated_blocks != dropped)
		return true;
	struct arm_cpu interp = *v->cpu;
	int32_t budget = v->base->budget, parked = v->parked;
	take_back_writes(l);
	*v->cpu = before;
	v->cur_tb = NULL;
	v->base->budget = start;
	v->parked = 0;

	l->mode = LOCKSTEP_REPLAY;
	uint32_t mask = v->log->mask; /* what helpers say was said in the first run */
	v->log->mask = 0;
	each_count(v, tb, counts, true);
	uint64_t exit = vcpu_enter(v, tb);
	each_count(v, tb, counts, false);
	v->log->mask = mask;
	if ((exit & 7) == X64_EXIT_FAULT)
		vcpu_recover(v);
	arm_settle_flags(v->cpu);
	l->mode = LOCKSTEP_OFF;
	if (vcpu_budget(v) != (int64_t)budget + parked || !v->parked != !parked)
		snprintf(l->why, sizeof l->why, "budget differs: interpreter %d and %d parked, compiled code %d and %d", budget, parked,
			 v->base->budget, v->parked);
	v->base->budget = budget;
	v->parked = parked;
	bool same = !l->why[0] && same_exit(v, tb, r, exit) && same_state(l, &interp, v->cpu) && same_memory(l);
	if (!same)
		report(v, tb, &before);
	*v->cpu = interp;
	return same;
}
