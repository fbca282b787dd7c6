/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of the guest's physical address space: an array of ranges sorted by address that never
 * overlap. Mapping over something cuts it; what is cut keeps its host bytes and device offsets.
 * Host memory made here lives until as_free, because translated code and aliases may refer to it after
 * its range is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "softmmu/address_space.h"

/* Physical addresses end here (LPAE's 40 bits), so that no sum of base and size overflows. */
#define AS_LIMIT (UINT64_C(1) << 40)

struct address_space *as_new(enum mem_result unassigned, void (*changed)(void *opaque, gpa_t base, uint64_t size),
			     void *opaque)
{
	struct address_space *as = calloc(1, sizeof *as);
	if (!as)
		return NULL;
	as->unassigned = unassigned;
	as->changed = changed;
	as->changed_opaque = opaque;
	return as;
}

void as_free(struct address_space *as)
{
	if (!as)
		return;
	for (struct as_owned *o = as->owned, *next; o; o = next) {
		next = o->next;
		munmap(o->host, o->size);
		if (o->fd >= 0)
			close(o->fd);
		free(o);
	}
	free(as->ranges);
	free(as);
}

enum mem_result as_unassigned(const struct address_space *as)
{
	return as->unassigned;
}

void as_on_write(struct address_space *as, void (*written)(void *opaque, const uint8_t *host, uint64_t size),
		 void *opaque)
{
	as->written = written;
	as->written_opaque = opaque;
}

void as_on_refused(struct address_space *as, void (*refused)(void *opaque, gpa_t pa, uint64_t size, bool write),
		   void *opaque)
{
	as->refused = refused;
	as->refused_opaque = opaque;
}

const struct mem_range *as_ranges(const struct address_space *as, unsigned *n)
{
	*n = as->n;
	return as->ranges;
}

unsigned as_search(const struct address_space *as, gpa_t pa)
{
	unsigned lo = 0, hi = as->n;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		if (as->ranges[mid].base.v + as->ranges[mid].size <= pa.v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct mem_range *as_find(const struct address_space *as, gpa_t pa)
{
	if (as->last < as->n && pa.v - as->ranges[as->last].base.v < as->ranges[as->last].size)
		return &as->ranges[as->last];
	unsigned i = as_search(as, pa);
	if (i == as->n || pa.v < as->ranges[i].base.v)
		return NULL;
	/* The last hit is a cache: no part of the map's meaning. */
	((struct address_space *)as)->last = i;
	return &as->ranges[i];
}

/* ---- changing the map ---- */

static bool reserve(struct address_space *as, unsigned extra)
{
	if (as->n + extra <= as->cap)
		return true;
	unsigned cap = (as->n + extra) * 2;
	struct mem_range *r = realloc(as->ranges, cap * sizeof *r);
	if (!r)
		return false;
	as->ranges = r;
	as->cap = cap;
	return true;
}

/* Drops the first `n` bytes of a range. */
static void trim_front(struct mem_range *r, uint64_t n)
{
	r->base.v += n;
	r->size -= n;
	r->dev_off += (uint32_t)n;
	if (r->host)
		r->host += n;
}

/* Cuts [base, base + size) out of the map and returns the index where a range of that place belongs.
 * Needs room for one more range: a hole in the middle of a range makes two of it. */
static unsigned cut(struct address_space *as, gpa_t base, uint64_t size)
{
	uint64_t end = base.v + size;
	unsigned i = as_search(as, base);
	if (i < as->n && as->ranges[i].base.v < base.v) {
		struct mem_range *r = &as->ranges[i];
		uint64_t r_end = r->base.v + r->size;
		if (r_end > end) {
			memmove(r + 1, r, (as->n - i) * sizeof *r);
			as->n++;
			trim_front(r + 1, end - r->base.v);
		}
		r->size = base.v - r->base.v;
		i++;
	}
	unsigned gone = i;
	while (gone < as->n && as->ranges[gone].base.v + as->ranges[gone].size <= end)
		gone++;
	if (gone < as->n && as->ranges[gone].base.v < end)
		trim_front(&as->ranges[gone], end - as->ranges[gone].base.v);
	if (gone > i)
		memmove(&as->ranges[i], &as->ranges[gone], (as->n - gone) * sizeof *as->ranges);
	as->n -= gone - i;
	return i;
}

static enum rhea_status check_place(gpa_t base, uint64_t size, bool pages, const char *name, struct rhea_error *err)
{
	if (size == 0 || size > AS_LIMIT || base.v > AS_LIMIT - size)
		return error_set(err, RHEA_ERR_USAGE, "cannot map %s: 0x%llx bytes at 0x%llx do not fit the physical address space",
				 name, (unsigned long long)size, (unsigned long long)base.v);
	if (pages && ((base.v | size) & PAGE_MASK))
		return error_set(err, RHEA_ERR_USAGE, "cannot map %s: base 0x%llx and size 0x%llx must be multiples of %u",
				 name, (unsigned long long)base.v, (unsigned long long)size, PAGE_SIZE);
	return RHEA_OK;
}

static enum rhea_status insert(struct address_space *as, const struct mem_range *r, const char *name,
			       struct rhea_error *err)
{
	if (!reserve(as, 2))
		return error_set(err, RHEA_ERR_MEMORY, "cannot map %s: out of memory", name);
	unsigned i = cut(as, r->base, r->size);
	memmove(&as->ranges[i + 1], &as->ranges[i], (as->n - i) * sizeof *as->ranges);
	as->n++;
	as->ranges[i] = *r;
	snprintf(as->ranges[i].name, sizeof as->ranges[i].name, "%s", name);
	if (as->changed)
		as->changed(as->changed_opaque, r->base, r->size);
	return RHEA_OK;
}

bool as_backing(const struct address_space *as, const struct mem_range *r, int *fd, uint64_t *offset)
{
	for (const struct as_owned *o = as->owned; o; o = o->next)
		if (r->host >= o->host && r->host < o->host + o->size) {
			*fd = o->fd;
			*offset = (uint64_t)(r->host - o->host);
			return o->fd >= 0 && r->size <= o->size - *offset;
		}
	return false;
}

static bool is_among(const struct as_block *block, unsigned n, const uint8_t *host)
{
	for (unsigned i = 0; i < n; i++)
		if ((uintptr_t)host - (uintptr_t)block[i].host < block[i].size)
			return true;
	return false;
}

unsigned as_blocks(const struct address_space *as, struct as_block *block, unsigned max)
{
	unsigned n = 0;
	for (const struct as_owned *o = as->owned; o; o = o->next, n++)
		if (n < max)
			block[n] = (struct as_block){o->host, o->size, o->fd};
	for (unsigned i = 0; i < as->n; i++) {
		const struct mem_range *r = &as->ranges[i];
		if (r->kind != RANGE_RAM || is_among(block, MIN(n, max), r->host))
			continue;
		if (n < max)
			block[n] = (struct as_block){r->host, r->size, -1};
		n++;
	}
	return n;
}

bool as_block_data(const struct as_block *b, uint64_t *from, uint64_t *end)
{
	if (*from >= b->size)
		return false;
	*end = b->size;
	if (b->fd < 0)
		return true;
	off_t data = lseek(b->fd, (off_t)*from, SEEK_DATA);
	if (data < 0)
		return errno != ENXIO;
	off_t hole = lseek(b->fd, data, SEEK_HOLE);
	*from = (uint64_t)data;
	*end = hole < 0 ? b->size : MIN((uint64_t)hole, b->size);
	return *from < b->size;
}

void as_block_clear(const struct as_block *b, uint64_t from, uint64_t end)
{
	if (b->fd < 0 || fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(end - from)))
		memset(b->host + from, 0, end - from);
}

/* Growing a file above the limit (ulimit -f) is a signal that ends the process. */
static bool file_may_have(uint64_t size)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

/* Memory from a file without a name: the window maps it once more. A host that has no such files gives memory all the same. */
static uint8_t *host_memory(uint64_t size, int *fd)
{
	int prot = PROT_READ | PROT_WRITE;
	*fd = file_may_have(size) ? memfd_create("rhea-ram", MFD_CLOEXEC) : -1;
	if (*fd >= 0 && ftruncate(*fd, (off_t)size) == 0) {
		uint8_t *host = mmap(NULL, size, prot, MAP_SHARED | MAP_NORESERVE, *fd, 0);
		if (host != MAP_FAILED) {
			/* A core dump would make and write every page of a file, touched or not. */
			(void)madvise(host, size, MADV_DONTDUMP);
			return host;
		}
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static uint8_t *map_owned(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind,
			  const char *name, struct rhea_error *err)
{
	if (check_place(base, size, true, name, err))
		return NULL;
	int fd = -1;
	struct as_owned *o = malloc(sizeof *o);
	uint8_t *host = !o ? MAP_FAILED : host_memory(size, &fd);
	if (host == MAP_FAILED) {
		free(o);
		error_set(err, RHEA_ERR_MEMORY, "cannot map %s: the host has no 0x%llx bytes of memory left", name,
			  (unsigned long long)size);
		return NULL;
	}
	*o = (struct as_owned){ host, size, fd, as->owned };
	as->owned = o;
	struct mem_range r = { .base = base, .size = size, .kind = kind, .host = host };
	return insert(as, &r, name, err) ? NULL : host;
}

uint8_t *as_map_ram(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	return map_owned(as, base, size, RANGE_RAM, name, err);
}

uint8_t *as_map_rom(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	return map_owned(as, base, size, RANGE_ROM, name, err);
}

enum rhea_status as_map_host(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind,
			     uint8_t *host, const char *name, struct rhea_error *err)
{
	enum rhea_status st = check_place(base, size, true, name, err);
	if (st)
		return st;
	if (!host || ((uintptr_t)host & PAGE_MASK) || kind == RANGE_MMIO)
		return error_set(err, RHEA_ERR_USAGE, "cannot map %s: host memory must be aligned to %u bytes", name,
				 PAGE_SIZE);
	struct mem_range r = { .base = base, .size = size, .kind = kind, .host = host, .is_clients = true };
	return insert(as, &r, name, err);
}

enum rhea_status as_map_rom_device(struct address_space *as, gpa_t base, uint64_t size, uint8_t *host,
				   const struct mem_ops *ops, void *dev, const char *name, struct rhea_error *err)
{
	enum rhea_status st = check_place(base, size, true, name, err);
	if (st)
		return st;
	struct mem_range r = { .base = base, .size = size, .kind = RANGE_ROM, .host = host, .ops = ops, .dev = dev };
	return insert(as, &r, name, err);
}

enum rhea_status as_map_alias(struct address_space *as, gpa_t base, gpa_t target, uint64_t size, const char *name,
			      struct rhea_error *err)
{
	enum rhea_status st = check_place(base, size, true, name, err);
	if (st)
		return st;
	const struct mem_range *t = as_find(as, target);
	if (!t || t->kind == RANGE_MMIO || size > t->size - (target.v - t->base.v) || (target.v & PAGE_MASK))
		return error_set(err, RHEA_ERR_USAGE, "cannot map %s: its target 0x%llx is not inside one range of memory",
				 name, (unsigned long long)target.v);
	struct mem_range r = *t;
	trim_front(&r, target.v - t->base.v);
	r.base = base;
	r.size = size;
	return insert(as, &r, name, err);
}

enum rhea_status as_map_mmio(struct address_space *as, gpa_t base, uint64_t size, const struct mem_ops *ops,
			     void *dev, const char *name, struct rhea_error *err)
{
	enum rhea_status st = check_place(base, size, false, name, err);
	if (st)
		return st;
	if (size > UINT64_C(1) << 32)
		return error_set(err, RHEA_ERR_USAGE, "cannot map %s: a device has at most 4 GiB", name);
	struct mem_range r = { .base = base, .size = size, .kind = RANGE_MMIO, .ops = ops, .dev = dev };
	return insert(as, &r, name, err);
}

void as_unmap(struct address_space *as, gpa_t base, uint64_t size)
{
	if (check_place(base, size, false, "nothing", NULL) || !reserve(as, 1))
		return;
	cut(as, base, size);
	if (as->changed)
		as->changed(as->changed_opaque, base, size);
}
