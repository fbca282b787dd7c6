/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's physical address space: RAM, ROM and MMIO ranges, as boards build it and devices
 * answer it. Device-facing. Ranges do not overlap unless a later one is mapped over an earlier
 * one on purpose; the map may change at any time from the vCPU's thread (the owner of the
 * address space is told through `changed`).
 */
#ifndef RHEA_MEMORY_H
#define RHEA_MEMORY_H

#include "base/base.h"

/* What a device access came to; MEM_ERROR reaches the guest as an external abort. */
enum mem_result { MEM_OK, MEM_ERROR };

/*
 * A device's registers. `off` is from the start of the range, `size` 1, 2 or 4 bytes and never
 * crosses the range. `min_size`..`max_size` are the sizes that the callbacks want (0 = 1 and 4):
 * others are split or widened as an APB bridge would. Little-endian.
 */
struct mem_ops {
	enum mem_result (*read)(void *dev, uint32_t off, unsigned size, uint32_t *value);
	enum mem_result (*write)(void *dev, uint32_t off, unsigned size, uint32_t value);
	uint8_t min_size, max_size;
};

enum range_kind { RANGE_RAM, RANGE_ROM, RANGE_MMIO };

struct mem_range {
	gpa_t base;
	uint64_t size;
	enum range_kind kind;
	uint8_t *host;             /* RAM and ROM: host memory of the range's first byte */
	bool is_clients;           /* ... which somebody writes who tells nobody */
	const struct mem_ops *ops; /* MMIO; also ROM whose writes a device wants (may be NULL) */
	void *dev;
	uint32_t dev_off;          /* the device's offset of the range's first byte: not 0 where a later range
				      was mapped over the start of this one */
	char name[32];
};

struct address_space;

/*
 * `changed` (may be NULL) is called after every change of the map, with the range that changed.
 * `unassigned` says what an access to nothing gives: MEM_OK reads as 0.
 */
struct address_space *as_new(enum mem_result unassigned, void (*changed)(void *opaque, gpa_t base, uint64_t size),
			     void *opaque);
void as_free(struct address_space *as);

/* Base and size are multiples of 4 KiB for RAM and ROM. RAM owns zeroed host memory (reserved
 * lazily, so untouched guest memory costs nothing); returns its host address, NULL with *err. */
uint8_t *as_map_ram(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err);
uint8_t *as_map_rom(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err);
/* Host memory that stays the caller's; RANGE_RAM or RANGE_ROM, `host` aligned to 4 KiB. */
enum rhea_status as_map_host(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind,
			     uint8_t *host, const char *name, struct rhea_error *err);
/* ROM whose writes go to `ops`; the host memory is one that this address space has made (as_map_rom). With as_map_mmio it
 * makes a device that sometimes reads as memory. */
enum rhea_status as_map_rom_device(struct address_space *as, gpa_t base, uint64_t size, uint8_t *host,
				   const struct mem_ops *ops, void *dev, const char *name, struct rhea_error *err);
/* A second view of an existing RAM or ROM range's bytes. Writes through one are seen through both,
 * translated code included. */
enum rhea_status as_map_alias(struct address_space *as, gpa_t base, gpa_t target, uint64_t size, const char *name,
			      struct rhea_error *err);
enum rhea_status as_map_mmio(struct address_space *as, gpa_t base, uint64_t size, const struct mem_ops *ops,
			     void *dev, const char *name, struct rhea_error *err);
/* Removes whatever is mapped in the range. */
void as_unmap(struct address_space *as, gpa_t base, uint64_t size);

/* The range that holds `pa`, or NULL. Valid until the map changes. */
const struct mem_range *as_find(const struct address_space *as, gpa_t pa);
/* Ranges sorted by address, for reports. */
const struct mem_range *as_ranges(const struct address_space *as, unsigned *n);

/* Accesses by loaders, debuggers and DMA. Cross ranges freely; stop at the first byte that fails.
 * `as_load` writes ROM too (images); `as_write` does not. Both report writes through `written`. */
enum mem_result as_read(struct address_space *as, gpa_t pa, void *buf, uint64_t size);
enum mem_result as_write(struct address_space *as, gpa_t pa, const void *buf, uint64_t size);
enum mem_result as_load(struct address_space *as, gpa_t pa, const void *buf, uint64_t size);

/* `written(opaque, host, size)` is called after as_write/as_load/as_mmio-free writes changed RAM or ROM behind the vCPU's
 * back, with host addresses, so that translated code can be dropped. */
void as_on_write(struct address_space *as, void (*written)(void *opaque, const uint8_t *host, uint64_t size),
		 void *opaque);

/* Host memory of this address space is about to be written by other means than as_write and as_load: a device's own. */
void as_will_write(struct address_space *as, const uint8_t *host, uint64_t size);

/* `refused(opaque, pa, size, write)` is called for each access of as_read and as_write (so for the guest's, too) that
 * reaches nothing, and for writes to ROM that no device wants: there to be logged, it changes nothing. */
void as_on_refused(struct address_space *as, void (*refused)(void *opaque, gpa_t pa, uint64_t size, bool write),
		   void *opaque);

/* One device access, sizes split or widened as ops ask; `size` 1, 2 or 4. */
enum mem_result as_mmio_read(const struct mem_range *r, gpa_t pa, unsigned size, uint32_t *value);
enum mem_result as_mmio_write(const struct mem_range *r, gpa_t pa, unsigned size, uint32_t value);

/* The sizes of aligned accesses that reach the callbacks as they are, as bits log2(size). */
uint32_t as_mmio_sizes(const struct mem_range *r);

enum mem_result as_unassigned(const struct address_space *as);

#endif
