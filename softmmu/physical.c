/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses by physical address: device registers with the sizes that the device wants, and copies that
 * cross ranges. Callbacks may change the map: no range pointer is used after one returned.
 */
#include <string.h>

#include "softmmu/address_space.h"
#include "softmmu/versions.h"

/* A device and the window of its offsets that a range shows: a copy, because the range may go away. */
struct device {
	const struct mem_ops *ops;
	void *dev;
	uint64_t first, end; /* offsets [first, end) */
	unsigned min, max;
};

static struct device device_of(const struct mem_range *r)
{
	struct device d = { .ops = r->ops, .dev = r->dev, .first = r->dev_off, .end = r->dev_off + r->size,
			    .min = 1, .max = 4 };
	if (r->ops && r->ops->min_size)
		d.min = r->ops->min_size;
	if (r->ops && r->ops->max_size)
		d.max = r->ops->max_size;
	return d;
}

/* The largest naturally aligned piece at `at` of at most `left` and `max` bytes. */
static unsigned piece_at(uint64_t at, uint64_t left, unsigned max)
{
	unsigned n = max;
	while (n > 1 && (n > left || (at & (n - 1))))
		n >>= 1;
	return n;
}

/* One callback's worth: n <= max. Narrower than the device's registers: the word around it is
 * read, and the bytes that were asked for are taken from their lanes. */
static enum mem_result read_piece(const struct device *d, uint64_t off, unsigned n, uint32_t *value)
{
	unsigned wide = MAX(n, d->min);
	uint64_t at = off & ~(uint64_t)(wide - 1);
	uint32_t v = 0;
	if (at < d->first || at + wide > d->end || !d->ops || !d->ops->read)
		return MEM_ERROR;
	if (d->ops->read(d->dev, (uint32_t)at, wide, &v) != MEM_OK)
		return MEM_ERROR;
	*value = low_bytes(v >> (8 * (off - at)), n);
	return MEM_OK;
}

/* As read_piece; the lanes that were not written carry 0, and nothing is read for them. */
static enum mem_result write_piece(const struct device *d, uint64_t off, unsigned n, uint32_t value)
{
	unsigned wide = MAX(n, d->min);
	uint64_t at = off & ~(uint64_t)(wide - 1);
	if (at < d->first || at + wide > d->end || !d->ops || !d->ops->write)
		return MEM_ERROR;
	return d->ops->write(d->dev, (uint32_t)at, wide, low_bytes(value, n) << (8 * (off - at)));
}

uint32_t as_mmio_sizes(const struct mem_range *r)
{
	uint32_t sizes = 0;
	if (!r->ops || !r->ops->read || !r->ops->write)
		return 0;
	for (unsigned log = 0; log <= 2; log++)
		if (1u << log >= r->ops->min_size && 1u << log <= (r->ops->max_size ? r->ops->max_size : 4u))
			sizes |= 1u << log;
	return sizes;
}

/* The common case: an aligned access of a size that the device wants. */
static bool is_direct(const struct mem_range *r, uint64_t at, unsigned size)
{
	const struct mem_ops *ops = r->ops;
	return ops && ops->read && ops->write && !((at + r->dev_off) & (size - 1)) && at + size <= r->size &&
	       size >= ops->min_size && size <= (ops->max_size ? ops->max_size : 4);
}

enum mem_result as_mmio_read(const struct mem_range *r, gpa_t pa, unsigned size, uint32_t *value)
{
	if (is_direct(r, pa.v - r->base.v, size)) {
		enum mem_result st = r->ops->read(r->dev, (uint32_t)(pa.v - r->base.v) + r->dev_off, size, value);
		*value = low_bytes(*value, size);
		return st;
	}
	struct device d = device_of(r);
	uint64_t off = d.first + (pa.v - r->base.v);
	uint32_t whole = 0, v;
	for (unsigned done = 0, n; done < size; done += n) {
		n = piece_at(off + done, size - done, d.max);
		if (read_piece(&d, off + done, n, &v) != MEM_OK)
			return MEM_ERROR;
		whole |= v << (8 * done);
	}
	*value = whole;
	return MEM_OK;
}

enum mem_result as_mmio_write(const struct mem_range *r, gpa_t pa, unsigned size, uint32_t value)
{
	if (is_direct(r, pa.v - r->base.v, size))
		return r->ops->write(r->dev, (uint32_t)(pa.v - r->base.v) + r->dev_off, size, low_bytes(value, size));
	struct device d = device_of(r);
	uint64_t off = d.first + (pa.v - r->base.v);
	for (unsigned done = 0, n; done < size; done += n) {
		n = piece_at(off + done, size - done, d.max);
		if (write_piece(&d, off + done, n, value >> (8 * done)) != MEM_OK)
			return MEM_ERROR;
	}
	return MEM_OK;
}

/* ---- copies ---- */

enum copy { COPY_READ, COPY_WRITE, COPY_LOAD };

/* Registers go one by one, so that a word of the buffer is one access of the device. */
static enum mem_result copy_device(const struct mem_range *r, gpa_t pa, uint8_t *buf, unsigned n, bool write)
{
	uint32_t v = 0;
	if (write) {
		memcpy(&v, buf, n);
		return as_mmio_write(r, pa, n, v);
	}
	if (as_mmio_read(r, pa, n, &v) != MEM_OK)
		return MEM_ERROR;
	memcpy(buf, &v, n);
	return MEM_OK;
}

void as_will_write(struct address_space *as, const uint8_t *host, uint64_t size)
{
	for (uint64_t done = 0; as->versions && done < size; done += PAGE_SIZE - ((uintptr_t)(host + done) & PAGE_MASK))
		versions_touch(as->versions, host + done);
}

static void copy_memory(struct address_space *as, const struct mem_range *r, gpa_t pa, uint8_t *buf, uint64_t n,
			enum copy what)
{
	uint8_t *host = r->host + (pa.v - r->base.v);
	if (what == COPY_READ) {
		memcpy(buf, host, n);
		return;
	}
	as_will_write(as, host, n);
	memcpy(host, buf, n);
	if (as->written)
		as->written(as->written_opaque, host, n);
}

static void refuse(const struct address_space *as, gpa_t pa, uint64_t n, enum copy what)
{
	if (as->refused && what != COPY_LOAD)
		as->refused(as->refused_opaque, pa, n, what == COPY_WRITE);
}

static enum mem_result copy_gap(const struct address_space *as, gpa_t pa, uint8_t *buf, uint64_t n, enum copy what)
{
	refuse(as, pa, n, what);
	if (what == COPY_LOAD || as->unassigned != MEM_OK)
		return MEM_ERROR;
	if (what == COPY_READ)
		memset(buf, 0, n);
	return MEM_OK;
}

/* Copies what lies in one range, or before the next one; *done is the number of bytes. */
static enum mem_result copy_once(struct address_space *as, gpa_t pa, uint8_t *buf, uint64_t size, enum copy what,
				 uint64_t *done)
{
	const struct mem_range *r = as_find(as, pa);
	if (!r) {
		unsigned i = as_search(as, pa);
		*done = i < as->n ? MIN(size, as->ranges[i].base.v - pa.v) : size;
		return copy_gap(as, pa, buf, *done, what);
	}
	uint64_t room = MIN(size, r->size - (pa.v - r->base.v));
	bool rom_write = r->kind == RANGE_ROM && what == COPY_WRITE;
	if (r->kind == RANGE_MMIO || (rom_write && r->ops)) {
		*done = piece_at(pa.v, room, 4);
		return what == COPY_LOAD ? MEM_ERROR
					 : copy_device(r, pa, buf, (unsigned)*done, what == COPY_WRITE);
	}
	*done = room;
	if (rom_write)
		refuse(as, pa, room, what);
	else
		copy_memory(as, r, pa, buf, room, what);
	return MEM_OK;
}

static enum mem_result copy(struct address_space *as, gpa_t pa, uint8_t *buf, uint64_t size, enum copy what)
{
	for (uint64_t done; size; size -= done, pa.v += done, buf += done)
		if (copy_once(as, pa, buf, size, what, &done) != MEM_OK)
			return MEM_ERROR;
	return MEM_OK;
}

enum mem_result as_read(struct address_space *as, gpa_t pa, void *buf, uint64_t size)
{
	return copy(as, pa, buf, size, COPY_READ);
}

enum mem_result as_write(struct address_space *as, gpa_t pa, const void *buf, uint64_t size)
{
	return copy(as, pa, (uint8_t *)buf, size, COPY_WRITE); /* only read */
}

enum mem_result as_load(struct address_space *as, gpa_t pa, const void *buf, uint64_t size)
{
	return copy(as, pa, (uint8_t *)buf, size, COPY_LOAD); /* only read */
}
