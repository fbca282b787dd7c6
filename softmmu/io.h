/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device answers, for the 1 KiB of registers accessed last: what a device access needs to know in the common case,
 * small enough to stand in its caller. A slot speaks for one kind of access; it was filled by a walk that allowed it, and is
 * void after the next flush, which every change of the map brings about.
 */
#ifndef RHEA_IO_H
#define RHEA_IO_H

#include "softmmu/tlb.h"

#define IO_SLOTS 64u
#define IO_PAGE_BITS 10u

struct io_slot {
	uint64_t key;    /* io_key(); 0 = empty */
	uint32_t to_off; /* the device's offset - virtual address */
	uint32_t sizes;  /* bit log2(size): accesses that the device takes as they are */
	const struct mem_ops *ops;
	void *dev;
};

struct io_slots {
	uint64_t epoch;  /* of the keys; one more at each flush, never 0 */
	struct io_slot slot[2][IO_SLOTS]; /* by enum mem_access */
};

static inline uint64_t io_key(const struct io_slots *io, gva_t va, unsigned space)
{
	return io->epoch << 26 | (uint64_t)space << 22 | va.v >> IO_PAGE_BITS;
}

static inline uint32_t io_index(gva_t va)
{
	return (va.v >> IO_PAGE_BITS ^ va.v >> (IO_PAGE_BITS + 6)) % IO_SLOTS;
}

/* Who answers the access as a whole, NULL when that is not known here: the plain ones only, aligned, zero-extended and
 * little-endian. */
static inline const struct io_slot *io_find(const struct io_slots *io, gva_t va, uint16_t memop, enum mem_access access)
{
	const struct io_slot *s = &io->slot[access][io_index(va)];
	bool direct = s->key == io_key(io, va, memop_space(memop)) && bit(s->sizes, memop & 15u) &&
		      !(va.v & (memop_size(memop) - 1));
	return direct ? s : NULL;
}

/* The slots of `mmu`, for as long as it lives. */
const struct io_slots *softmmu_io(const struct softmmu *mmu);

#endif
