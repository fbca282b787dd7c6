/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's larger views: what the page tables map, what the TLB holds, devices, interrupt lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "debug/monitor_parts.h"

/* ---- mem: what the tables map ---- */

struct run {
	uint64_t va, end, pa;
	uint8_t priv, user, page_bits; /* rights: bit enum mem_access */
};

static char right(uint8_t rights, enum mem_access access, char letter)
{
	return bit(rights, access) ? letter : '-';
}

static void show_run(const struct monitor *m, const struct run *r)
{
	if (r->va < r->end)
		monitor_printf(m, "%08" PRIx64 "-%08" PRIx64 " -> %08" PRIx64 "  %c%c%c user %c%c%c  pages of %s\n", r->va, r->end - 1,
			       r->pa, right(r->priv, MEM_READ, 'r'), right(r->priv, MEM_WRITE, 'w'), right(r->priv, MEM_EXEC, 'x'),
			       right(r->user, MEM_READ, 'r'), right(r->user, MEM_WRITE, 'w'), right(r->user, MEM_EXEC, 'x'),
			       r->page_bits >= 32 ? "4G" : r->page_bits >= 20 ? "1M" : r->page_bits >= 16 ? "64K" :
			       r->page_bits >= 12 ? "4K" : "1K");
}

static uint8_t rights_at(const struct arm_cpu *cpu, gva_t va, unsigned space, struct mem_walk *w)
{
	uint8_t rights = 0;
	for (unsigned a = MEM_READ; a <= MEM_EXEC; a++) {
		struct mem_walk walk = {0};
		if (!arm_mmu_probe(cpu, va, (enum mem_access)a, space, &walk))
			continue;
		*w = walk;
		rights |= (uint8_t)(1u << a);
	}
	return rights;
}

/* The mapping at va: one page, or a hole of 1 KiB. */
static struct run page_at(const struct arm_cpu *cpu, uint64_t va)
{
	struct mem_walk w = {.page_bits = 10};
	unsigned user = arm_user_space(cpu->tb_flags);
	gva_t at = GVA((uint32_t)va);
	struct run r = {.va = va, .priv = rights_at(cpu, at, user + 1, &w)};
	r.user = rights_at(cpu, at, user, &w);
	r.pa = w.pa.v;
	r.page_bits = w.page_bits;
	uint64_t size = UINT64_C(1) << MIN(w.page_bits, 32);
	r.end = (va | (size - 1)) + 1;
	return r;
}

static bool continues(const struct run *a, const struct run *b)
{
	return a->end == b->va && a->priv == b->priv && a->user == b->user && a->page_bits == b->page_bits &&
	       a->pa + (a->end - a->va) == b->pa;
}

void monitor_info_mem(const struct monitor *m)
{
	struct run run = {0};
	for (uint64_t va = 0; va < UINT64_C(1) << 32;) {
		struct run r = page_at(m->t->cpu, va);
		va = r.end;
		if (!r.priv && !r.user)
			continue;
		if (continues(&run, &r)) {
			run.end = r.end;
			continue;
		}
		show_run(m, &run);
		run = r;
	}
	show_run(m, &run);
	if (run.va == run.end)
		monitor_printf(m, "nothing is mapped\n");
}

/* ---- tlb: what was looked up since the last flush ---- */

static void show_entry(void *ctx, gva_t va, enum mem_access access, unsigned space, const uint8_t *host)
{
	const struct monitor *m = ctx;
	unsigned n;
	const struct mem_range *r = as_ranges(m->t->as, &n);
	for (unsigned i = 0; i < n; i++)
		if (r[i].host && host >= r[i].host && (uint64_t)(host - r[i].host) < r[i].size) {
			monitor_printf(m, "%08x -> %08" PRIx64 " %s %s, set %u\n", va.v, r[i].base.v + (uint64_t)(host - r[i].host),
				       access == MEM_READ ? "read " : "write", space & 1 ? "privileged" : "user", space / 2);
			return;
		}
}

void monitor_info_tlb(const struct monitor *m)
{
	uint32_t n = softmmu_each_entry(m->t->mmu, show_entry, (void *)(uintptr_t)m);
	monitor_printf(m, "%u pages; pages that the window shows are not among them\n", n);
}

/* ---- devices ---- */

void monitor_info_devices(const struct monitor *m)
{
	unsigned n;
	const struct mem_range *r = as_ranges(m->t->as, &n);
	monitor_printf(m, "registers\n");
	for (unsigned i = 0; i < n; i++)
		if (r[i].kind == RANGE_MMIO)
			monitor_printf(m, "  %08" PRIx64 "-%08" PRIx64 " %s\n", r[i].base.v, r[i].base.v + r[i].size - 1, r[i].name);
}

/* A value of a state table; of bytes and long arrays the first few. */
static void show_field(const struct monitor *m, const struct state_field *f, const void *object)
{
	uint32_t n = f->width ? f->size / f->width : 0, shown = MIN(n, 8u);
	monitor_printf(m, "    %s =", f->name);
	for (uint32_t c = 0; c < MIN(f->count, 8u); c++)
		for (uint32_t i = 0; i < shown; i++) {
			uint64_t value = 0;
			memcpy(&value, (const uint8_t *)object + f->offset + c * f->stride + i * f->width, f->width);
			monitor_printf(m, " 0x%" PRIx64, value);
		}
	monitor_printf(m, "%s\n", shown < n || f->count > 8 ? " ..." : "");
}

/* Registers of the device, as the map names them; of several with one name, each has its own. */
static void show_registers(const struct monitor *m, const struct state_part *d)
{
	unsigned n, seen = 0;
	const struct mem_range *r = as_ranges(m->t->as, &n);
	for (unsigned i = 0; i < n; i++)
		if (r[i].kind == RANGE_MMIO && !strcmp(r[i].name, d->name) && seen++ == d->instance)
			monitor_printf(m, "    mmio %016" PRIx64 "/%016" PRIx64 "\n", r[i].base.v, r[i].size);
}

void monitor_info_qtree(const struct monitor *m)
{
	monitor_printf(m, "bus: main-system-bus\n  type System\n");
	for (unsigned k = 0; k < m->t->n_devices; k++) {
		const struct state_part *d = &m->t->devices[k];
		monitor_printf(m, "  dev: %s, id \"%u\"\n", d->name, (unsigned)d->instance);
		show_registers(m, d);
		for (uint32_t i = 0; i < d->desc->n_fields; i++)
			if (!d->desc->fields[i].why_not)
				show_field(m, &d->desc->fields[i], d->object);
	}
}

/* ---- interrupts ---- */

static void show_input(const struct monitor *m, const struct irq_controller *c, const struct irq_view *v, unsigned i)
{
	const char *who = c->inputs && c->inputs[i] ? c->inputs[i] : "";
	monitor_printf(m, "  %5u  %-8s %-7s %-5s %12" PRIu64 "  %s\n", i, bit(v->raw, i) ? "asserted" : "-",
		       bit(v->enabled, i) ? "enabled" : "-", bit(v->fiq, i) ? "FIQ" : "IRQ", v->rises[i], who);
}

/* Inputs that never did anything and are not enabled are left out. */
static void show_controller(const struct monitor *m, const struct irq_controller *c)
{
	struct irq_view v;
	c->look(c->dev, &v);
	monitor_printf(m, "%s: raw %08x, enabled %08x, pending %08x, to FIQ %08x\n", c->name, v.raw, v.enabled, v.pending, v.fiq);
	bool any = false;
	for (unsigned i = 0; i < IRQ_INPUTS; i++) {
		if (!bit(v.raw | v.enabled, i) && !v.rises[i])
			continue;
		if (!any)
			monitor_printf(m, "  input  level    gate    to           rises  from\n");
		any = true;
		show_input(m, c, &v, i);
	}
}

void monitor_info_irq(const struct monitor *m)
{
	const struct arm_cpu *cpu = m->t->cpu;
	static const char *const names[] = {[ARM_EXC_NONE] = "none", [ARM_EXC_IRQ] = "IRQ", [ARM_EXC_FIQ] = "FIQ"};
	monitor_printf(m, "nIRQ %s, %s\nnFIQ %s, %s\ntaken next: %s\n", cpu->irq_line ? "asserted" : "idle",
		       cpu->cpsr & CPSR_I ? "masked" : "enabled", cpu->fiq_line ? "asserted" : "idle",
		       cpu->cpsr & CPSR_F ? "masked" : "enabled", names[arm_pending_interrupt(cpu)]);
	for (unsigned i = 0; i < m->t->n_irq; i++)
		show_controller(m, &m->t->irq[i]);
}
