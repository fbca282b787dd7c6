/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow path of guest loads and stores: everything that emitted code does not do inline, and
 * all accesses of the interpreter. Precise: an access that faults has changed nothing.
 */
#include <assert.h>
#include <string.h>

#include "softmmu/address_space.h"
#include "softmmu/softmmu.h"
#include "softmmu/versions.h"

/* ---- translation ---- */

/* Lives as long as the slot: a change of the map is followed by a flush. */
static const struct mem_range *range_of_subpage(const struct address_space *as, gpa_t pa)
{
	const struct mem_range *r = as_find(as, pa);
	uint64_t first = pa.v & ~(uint64_t)SUBPAGE_MASK;
	return r && r->base.v <= first && r->size - (first - r->base.v) >= SUBPAGE_SIZE ? r : NULL;
}

static bool walk(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, struct mem_walk *w)
{
	w->page_bits = SUBPAGE_BITS;
	w->rights = 0;
	if (!mmu->owner.walk(mmu->owner.opaque, va, access, space, w))
		return false;
	assert(w->page_bits >= SUBPAGE_BITS);
	if (w->page_bits > 20)
		mmu->huge = true;
	else if (w->page_bits > PAGE_BITS)
		mmu->large[va.v >> 25] |= 1u << (va.v >> 20 & 31);
	return true;
}

static void place_memory(const struct mem_range *r, enum mem_access access, bool whole, struct place *p)
{
	uint64_t off = p->pa.v - r->base.v, in_page = p->pa.v & PAGE_MASK;
	if (r->kind == RANGE_MMIO || (r->kind == RANGE_ROM && access == MEM_WRITE))
		return;
	p->host = r->host + off;
	p->ram = r->kind == RANGE_RAM;
	p->room = (uint32_t)MIN(whole ? PAGE_SIZE - in_page : SUBPAGE_SIZE - (in_page & SUBPAGE_MASK), r->size - off);
	p->whole_page = whole && off >= in_page && r->size - (off - in_page) >= PAGE_SIZE;
}

/* Fills the addend asked for, and the other one when the walk allows it and the memory can be written: pages are
 * mostly both read and written, and one walk then serves for two. */
static void fill(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, const struct place *p,
		 uint8_t rights)
{
	enum mem_access other = access == MEM_READ ? MEM_WRITE : MEM_READ;
	tlb_fill(mmu, va, access, space, p->host);
	if (!bit(rights, other) || mmu->tables->addend[space][other][va.v >> PAGE_BITS])
		return;
	bool clean = mmu->as->versions && other == MEM_WRITE && !versions_touched(mmu->as->versions, p->host);
	if (other == MEM_READ || (p->ram && !clean && !code_pages_has(&mmu->code, host_page(p->host))))
		tlb_fill(mmu, va, other, space, p->host);
}

static void fill_device(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, const struct place *p)
{
	const struct mem_range *r = p->device;
	uint32_t to_off = (uint32_t)(p->pa.v - r->base.v) + r->dev_off - va.v;
	mmu->io.slot[access][io_index(va)] = (struct io_slot){
		.key = io_key(&mmu->io, va, space), .to_off = to_off, .sizes = to_off & 3 ? 0 : as_mmio_sizes(r),
		.ops = r->ops, .dev = r->dev,
	};
}

/* The common case of a miss: a page that is RAM as a whole and has nothing special about it. */
static inline bool refill(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, const struct mem_walk *w,
			  struct place *p)
{
	const struct address_space *as = mmu->as;
	const struct mem_range *r = as->last < as->n ? &as->ranges[as->last] : NULL;
	uint64_t first = w->pa.v & ~(uint64_t)PAGE_MASK;
	if (access == MEM_EXEC || w->page_bits < PAGE_BITS || mmu->slow || mmu->watched || as->versions || !r ||
	    r->kind != RANGE_RAM || first < r->base.v || first - r->base.v >= r->size || r->size - (first - r->base.v) < PAGE_SIZE)
		return false;
	uint8_t *host = r->host + (w->pa.v - r->base.v);
	bool code = code_pages_has(&mmu->code, host_page(host));
	if (code && access == MEM_WRITE)
		return false;
	enum mem_access other = access == MEM_READ ? MEM_WRITE : MEM_READ;
	*p = (struct place){.host = host, .pa = w->pa, .room = PAGE_SIZE - (va.v & PAGE_MASK), .ram = true, .whole_page = true};
	tlb_fill(mmu, va, access, space, host);
	if (bit(w->rights, other) && !(code && other == MEM_WRITE) && !mmu->tables->addend[space][other][va.v >> PAGE_BITS])
		tlb_fill(mmu, va, other, space, host);
	return true;
}

/* Says in *p what is at the walk's address. True when an addend now stands for the walk. */
static bool place(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, const struct walk_slot *w,
		  struct place *p)
{
	p->pa = GPA((w->page & ~(uint64_t)SUBPAGE_MASK) | (va.v & SUBPAGE_MASK));
	const struct mem_range *r = w->range ? w->range : as_find(mmu->as, p->pa);
	if (w->range && r->kind == RANGE_MMIO)
		p->device = r;
	else if (r)
		place_memory(r, access, w->page & WALK_WHOLE, p);
	if (access == MEM_EXEC)
		return false;
	if (p->device)
		fill_device(mmu, va, access, space, p);
	if (!p->host)
		return false;
	if (access == MEM_WRITE && mmu->as->versions)
		versions_touch(mmu->as->versions, p->host);
	p->code = access == MEM_WRITE && code_pages_has(&mmu->code, host_page(p->host));
	if (p->code && p->whole_page && !mmu->slow && !page_watched(mmu, va.v >> PAGE_BITS))
		*code_slot(mmu, va) = (struct code_slot){code_key(mmu, va, space), (uintptr_t)p->host - va.v};
	if (!p->whole_page || p->code || mmu->slow || page_watched(mmu, va.v >> PAGE_BITS))
		return false;
	fill(mmu, va, access, space, p, w->rights);
	return true;
}

bool softmmu_resolve(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, struct place *p)
{
	assert(space < TLB_SPACES);
	struct walk_slot *slot = walk_slot(mmu, va, access);
	uint64_t key = walk_key(mmu, va, access, space);
	if (slot->key == key) {
		*p = (struct place){ 0 };
		place(mmu, va, access, space, slot, p);
		return true;
	}
	struct mem_walk w;
	if (!walk(mmu, va, access, space, &w))
		return false;
	if (refill(mmu, va, access, space, &w, p))
		return true;
	*p = (struct place){ 0 };
	struct walk_slot s = {
		.key = key,
		.page = (w.pa.v & ~(uint64_t)SUBPAGE_MASK) | (w.page_bits >= PAGE_BITS ? WALK_WHOLE : 0),
		.rights = w.rights,
		.range = range_of_subpage(mmu->as, w.pa),
	};
	if (!place(mmu, va, access, space, &s, p))
		*slot = s;
	return true;
}

/* As softmmu_resolve, by the addend when there is one (unaligned accesses come here with warm tables). */
static inline bool locate(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space, struct place *p)
{
	uint64_t addend = mmu->tables->addend[space][access][va.v >> PAGE_BITS];
	if (!addend)
		return softmmu_resolve(mmu, va, access, space, p);
	*p = (struct place){ .host = (uint8_t *)(uintptr_t)(addend + va.v),
			     .room = PAGE_SIZE - (va.v & PAGE_MASK), .whole_page = true };
	return true;
}

/* ---- what the descriptor says ---- */

/* Applies the alignment policy to *va. False: alignment fault recorded. */
static bool align(struct softmmu *mmu, gva_t *va, uint16_t memop, enum mem_access access)
{
	uint32_t low = va->v & (memop_size(memop) - 1);
	switch (memop_align(memop)) {
	case MEMOP_ANY:
		break;
	case MEMOP_FAULT:
		mmu->owner.fault(mmu->owner.opaque, MEM_FAULT_ALIGN, *va, access, memop_space(memop));
		return false;
	case MEMOP_FORCE:
	case MEMOP_ROTATE:
		va->v -= low;
		break;
	}
	return true;
}

static uint64_t byte_order(uint64_t raw, uint16_t memop)
{
	return memop_be(memop) ? __builtin_bswap64(raw) >> (64 - 8 * memop_size(memop)) : raw;
}

/* From the bytes at the (aligned) address to the value loaded. `low`: low address bits to rotate by. */
static uint64_t loaded_value(uint64_t raw, uint16_t memop, uint32_t low)
{
	unsigned width = 8 * memop_size(memop);
	uint64_t v = byte_order(raw, memop);
	if (low && memop_align(memop) == MEMOP_ROTATE) {
		v = v >> (8 * low) | v << (width - 8 * low);
		if (width < 64)
			v &= (UINT64_C(1) << width) - 1;
	}
	return memop_signed(memop) ? (uint64_t)((int64_t)(v << (64 - width)) >> (64 - width)) : v;
}

/* Unaligned accesses are done in two parts where the translation may change between them. */
static bool spans_subpages(gva_t va, unsigned size)
{
	return (va.v & SUBPAGE_MASK) + size > SUBPAGE_SIZE;
}

static enum mem_status bus_fault(struct softmmu *mmu, gva_t va, enum mem_access access, unsigned space)
{
	mmu->owner.fault(mmu->owner.opaque, MEM_FAULT_BUS, va, access, space);
	return MEM_FAULT;
}

/* Copies with one move of the host where the size has one: a guest's word is never torn. */
static inline void copy_bytes(void *to, const void *from, unsigned size)
{
	switch (size) {
	case 1: memcpy(to, from, 1); break;
	case 2: memcpy(to, from, 2); break;
	case 4: memcpy(to, from, 4); break;
	case 8: memcpy(to, from, 8); break;
	default: memcpy(to, from, size); break;
	}
}

/* The same into a number. Wider than the access, or its reader would wait until the store has gone to the cache. */
static inline uint64_t number_at(const uint8_t *from, unsigned size)
{
	uint64_t wide = 0;
	uint32_t word;
	uint16_t half;
	switch (size) {
	case 1: return *from;
	case 2: memcpy(&half, from, 2); return half;
	case 4: memcpy(&word, from, 4); return word;
	default: copy_bytes(&wide, from, size); return wide;
	}
}

static inline void before_io(struct softmmu *mmu)
{
	if (mmu->owner.before_io)
		mmu->owner.before_io(mmu->owner.opaque);
}

/* The device that answers the whole access in one piece, if that is what is there. */
static const struct mem_range *whole_device(const struct softmmu *mmu, const struct place *p, unsigned size)
{
	if (p->device && size != 3 && size <= 4 && !(p->pa.v & (size - 1)))
		return p->device;
	const struct mem_range *r = as_find(mmu->as, p->pa);
	bool whole = r && r->kind == RANGE_MMIO && size <= 4 && r->size - (p->pa.v - r->base.v) >= size;
	return whole ? r : NULL;
}

/* ---- loads ---- */

/* The bytes at one place: memory, or whatever the bus has there. False: bus error. */
static bool read_place(struct softmmu *mmu, const struct place *p, void *buf, unsigned size)
{
	if (p->host && size <= p->room) {
		copy_bytes(buf, p->host, size);
		return true;
	}
	before_io(mmu);
	const struct mem_range *r = whole_device(mmu, p, size);
	if (!r)
		return as_read(mmu->as, p->pa, buf, size) == MEM_OK;
	uint32_t v[2] = { 0 }; /* as wide as copy_bytes can be */
	bool ok = as_mmio_read(r, p->pa, size, v) == MEM_OK;
	copy_bytes(buf, v, size);
	return ok;
}

static enum mem_status load_split(struct softmmu *mmu, gva_t va, unsigned size, unsigned space, uint8_t *raw)
{
	gva_t next = GVA((va.v | SUBPAGE_MASK) + 1);
	unsigned head = SUBPAGE_SIZE - (va.v & SUBPAGE_MASK);
	struct place a, b;
	if (!locate(mmu, va, MEM_READ, space, &a) || !locate(mmu, next, MEM_READ, space, &b))
		return MEM_FAULT;
	a.device = b.device = NULL; /* the second walk, and what the first part does, may change the map */
	if (!read_place(mmu, &a, raw, head))
		return bus_fault(mmu, va, MEM_READ, space);
	if (!read_place(mmu, &b, raw + head, size - head))
		return bus_fault(mmu, next, MEM_READ, space);
	return MEM_DONE;
}

static enum mem_status load_raw(struct softmmu *mmu, gva_t va, unsigned size, unsigned space, uint64_t *raw)
{
	struct place p;
	if (spans_subpages(va, size))
		return load_split(mmu, va, size, space, (uint8_t *)raw);
	if (!locate(mmu, va, MEM_READ, space, &p))
		return MEM_FAULT;
	if (p.host && size <= p.room) {
		*raw = number_at(p.host, size);
		return MEM_DONE;
	}
	return read_place(mmu, &p, raw, size) ? MEM_DONE : bus_fault(mmu, va, MEM_READ, space);
}

static enum mem_status load_device(struct softmmu *mmu, const struct io_slot *d, gva_t va, uint16_t memop,
				   uint64_t *value)
{
	uint32_t v = 0;
	before_io(mmu);
	if (d->ops->read(d->dev, va.v + d->to_off, memop_size(memop), &v) != MEM_OK)
		return bus_fault(mmu, va, MEM_READ, memop_space(memop));
	*value = low_bytes(v, memop_size(memop));
	return MEM_DONE;
}

enum mem_status softmmu_load(struct softmmu *mmu, gva_t va, uint16_t memop, uint64_t *value)
{
	const struct io_slot *d = io_find(&mmu->io, va, memop, MEM_READ);
	if (d)
		return load_device(mmu, d, va, memop, value);
	uint32_t low = va.v & (memop_size(memop) - 1);
	uint64_t raw = 0;
	if (low && !align(mmu, &va, memop, MEM_READ))
		return MEM_FAULT;
	enum mem_status st = load_raw(mmu, va, memop_size(memop), memop_space(memop), &raw);
	if (st == MEM_DONE)
		*value = loaded_value(raw, memop, low);
	return st;
}

/* ---- stores ---- */

/* Asks before translated code changes. False: not now. */
static bool may_write(struct softmmu *mmu, const struct place *p, unsigned size)
{
	return !p->code || mmu->owner.code_write(mmu->owner.opaque, p->host, MIN(size, p->room));
}

static bool write_place(struct softmmu *mmu, const struct place *p, const void *buf, unsigned size)
{
	if (p->host && size <= p->room) {
		copy_bytes(p->host, buf, size);
		return true;
	}
	before_io(mmu);
	const struct mem_range *r = whole_device(mmu, p, size);
	if (!r)
		return as_write(mmu->as, p->pa, buf, size) == MEM_OK;
	uint32_t v[2] = { 0 };
	copy_bytes(v, buf, size);
	return as_mmio_write(r, p->pa, size, v[0]) == MEM_OK;
}

static enum mem_status store_split(struct softmmu *mmu, gva_t va, unsigned size, unsigned space, const uint8_t *raw)
{
	gva_t next = GVA((va.v | SUBPAGE_MASK) + 1);
	unsigned head = SUBPAGE_SIZE - (va.v & SUBPAGE_MASK);
	struct place a, b;
	if (!locate(mmu, va, MEM_WRITE, space, &a) || !locate(mmu, next, MEM_WRITE, space, &b))
		return MEM_FAULT;
	a.device = b.device = NULL; /* the second walk, and what the first part does, may change the map */
	if (!may_write(mmu, &a, head) || !may_write(mmu, &b, size - head))
		return MEM_RETRY;
	if (!write_place(mmu, &a, raw, head))
		return bus_fault(mmu, va, MEM_WRITE, space);
	if (!write_place(mmu, &b, raw + head, size - head))
		return bus_fault(mmu, next, MEM_WRITE, space);
	return MEM_DONE;
}

static enum mem_status store_device(struct softmmu *mmu, const struct io_slot *d, gva_t va, uint16_t memop,
				    uint64_t raw)
{
	uint32_t v = low_bytes((uint32_t)raw, memop_size(memop));
	before_io(mmu);
	return d->ops->write(d->dev, va.v + d->to_off, memop_size(memop), v) == MEM_OK
		       ? MEM_DONE
		       : bus_fault(mmu, va, MEM_WRITE, memop_space(memop));
}

uint8_t *softmmu_beside_code(struct softmmu *mmu, gva_t va, uint16_t memop)
{
	const struct code_slot *s = code_slot(mmu, va);
	bool plain = !memop_be(memop) && !(va.v & (memop_size(memop) - 1)) && !mmu->as->versions;
	return plain && s->key == code_key(mmu, va, memop_space(memop)) ? (uint8_t *)(uintptr_t)(s->addend + va.v) : NULL;
}

enum mem_status softmmu_store(struct softmmu *mmu, gva_t va, uint16_t memop, uint64_t value)
{
	unsigned size = memop_size(memop), space = memop_space(memop);
	uint64_t raw = byte_order(value, memop);
	const struct io_slot *d = io_find(&mmu->io, va, memop, MEM_WRITE);
	struct place p;
	if (d)
		return store_device(mmu, d, va, memop, raw);
	if ((va.v & (size - 1)) && !align(mmu, &va, memop, MEM_WRITE))
		return MEM_FAULT;
	if (spans_subpages(va, size))
		return store_split(mmu, va, size, space, (const uint8_t *)&raw);
	if (!locate(mmu, va, MEM_WRITE, space, &p))
		return MEM_FAULT;
	if (!may_write(mmu, &p, size))
		return MEM_RETRY;
	return write_place(mmu, &p, &raw, size) ? MEM_DONE : bus_fault(mmu, va, MEM_WRITE, space);
}
