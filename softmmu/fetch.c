/* SPDX-License-Identifier: Apache-2.0 */
/* Code fetches for the translator, and accesses of debuggers and semihosting by virtual address. */
#include <string.h>

#include "softmmu/softmmu.h"

/* Code outside memory: the instruction at `va` is read once, as the core would. No before_io: nothing runs
 * while code is fetched, so the clock is exact. */
static enum mem_status fetch_device(struct softmmu *mmu, gva_t va, unsigned space, struct mem_fetch *out)
{
	uint8_t word[4] = { 0 };
	out->valid = va.v & 3 ? 2 : 4;
	if (as_read(mmu->as, out->pa, word, out->valid) != MEM_OK) {
		mmu->owner.fault(mmu->owner.opaque, MEM_FAULT_BUS, va, MEM_EXEC, space);
		return MEM_FAULT;
	}
	memcpy(&out->device_word, word, sizeof word);
	return MEM_DONE;
}

enum mem_status softmmu_fetch(struct softmmu *mmu, gva_t va, unsigned space, struct mem_fetch *out)
{
	struct fetch_slot *last = fetch_slot(mmu, va);
	uint32_t in_page = va.v & PAGE_MASK;
	if (last->key == code_key(mmu, va, space)) {
		*out = (struct mem_fetch){ .host = last->host + in_page, .valid = PAGE_SIZE - in_page, .whole_page = true,
					   .pa = GPA(last->pa.v + in_page) };
		return MEM_DONE;
	}
	struct place p;
	if (!softmmu_resolve(mmu, va, MEM_EXEC, space, &p))
		return MEM_FAULT;
	*out = (struct mem_fetch){ .host = p.host, .valid = p.room, .whole_page = p.whole_page, .pa = p.pa };
	/* A range that ends inside an instruction (a device was mapped there) has no instruction to give. */
	if (!p.host || p.room < (va.v & 3 ? 2 : 4)) {
		out->host = NULL;
		return fetch_device(mmu, va, space, out);
	}
	if (p.whole_page)
		*last = (struct fetch_slot){ code_key(mmu, va, space), p.host - in_page, GPA(p.pa.v - in_page) };
	return MEM_DONE;
}

/* Where a debugger finds `va`: access rights are not its concern, so what the space may not read is
 * asked for as a privileged access. */
static bool probe(struct softmmu *mmu, gva_t va, unsigned space, struct mem_walk *w)
{
	if (!mmu->owner.probe)
		return false;
	w->page_bits = SUBPAGE_BITS;
	return mmu->owner.probe(mmu->owner.opaque, va, MEM_READ, space, w) ||
	       mmu->owner.probe(mmu->owner.opaque, va, MEM_READ, TLB_SPACES - 1, w);
}

uint32_t softmmu_debug(struct softmmu *mmu, gva_t va, unsigned space, void *buf, uint32_t size, bool write)
{
	uint32_t done = 0;
	while (done < size) {
		gva_t at = GVA(va.v + done);
		struct mem_walk w;
		if (!probe(mmu, at, space, &w))
			break;
		const struct mem_range *r = as_find(mmu->as, w.pa);
		if (!r || r->kind == RANGE_MMIO)
			break;
		uint64_t room = MIN(r->size - (w.pa.v - r->base.v), SUBPAGE_SIZE - (at.v & SUBPAGE_MASK));
		uint32_t n = (uint32_t)MIN(room, size - done);
		uint8_t *bytes = (uint8_t *)buf + done;
		if ((write ? as_load(mmu->as, w.pa, bytes, n) : as_read(mmu->as, w.pa, bytes, n)) != MEM_OK)
			break;
		done += n;
	}
	return done;
}
