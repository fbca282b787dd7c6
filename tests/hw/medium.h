/* SPDX-License-Identifier: Apache-2.0 */
/* A medium of host memory for the tests of cards and flash; it fails when told to. */
#ifndef RHEA_TEST_HW_MEDIUM_H
#define RHEA_TEST_HW_MEDIUM_H

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/device.h"

struct medium {
	uint8_t *bytes; /* the first `kept` bytes; what is behind reads as zeros and forgets */
	uint64_t kept;
	bool fail_read, fail_write;
	unsigned writes;
};

static inline bool medium_read(struct block *b, uint64_t off, void *buf, size_t n)
{
	struct medium *m = b->backend;
	assert(off <= b->size && n <= b->size - off);
	if (m->fail_read)
		return false;
	memset(buf, 0, n);
	if (off < m->kept)
		memcpy(buf, m->bytes + off, MIN(n, m->kept - off));
	return true;
}

static inline bool medium_write(struct block *b, uint64_t off, const void *buf, size_t n)
{
	struct medium *m = b->backend;
	assert(off <= b->size && n <= b->size - off);
	if (m->fail_write || b->read_only)
		return false;
	m->writes++;
	if (off < m->kept)
		memcpy(m->bytes + off, buf, MIN(n, m->kept - off));
	return true;
}

static inline bool medium_zero(struct block *b, uint64_t off, uint64_t n)
{
	struct medium *m = b->backend;
	assert(off <= b->size && n <= b->size - off);
	if (m->fail_write || b->read_only)
		return false;
	if (off < m->kept)
		memset(m->bytes + off, 0, MIN(n, m->kept - off));
	return true;
}

/* Puts a zeroed medium into the slot; the device's opinion of it. */
static inline bool medium_insert(struct block *slot, struct medium *m, uint64_t size, struct rhea_error *err)
{
	*m = (struct medium){.kept = MIN(size, (uint64_t)64 << 20)};
	m->bytes = mmap(NULL, m->kept, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(m->bytes != MAP_FAILED);
	slot->read = medium_read;
	slot->write = medium_write;
	slot->zero = medium_zero;
	slot->size = size;
	slot->backend = m;
	return slot->inserted(slot->dev, err);
}

static inline void medium_remove(struct block *slot, struct medium *m)
{
	munmap(m->bytes, m->kept);
	slot->read = NULL;
	slot->backend = NULL;
}

#endif
