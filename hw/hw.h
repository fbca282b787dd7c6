/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the devices of this room share: register tables, PrimeCell identification, complaints about
 * the guest, and the functions that boards add devices with. Private to hw/.
 */
#ifndef RHEA_HW_H
#define RHEA_HW_H

#include "base/state.h"
#include "runtime/device.h"

/* ---- register tables ---- */

enum reg_access { REG_R = 1, REG_W = 2, REG_RW = 3 };

/* One register, or an array of 32-bit ones. `access` says what is not an error. */
struct reg_row {
	enum reg_access access;
	const char *name;
};

/* A device's registers. `index` has the row of each word's offset, + 1; 0 and what is behind it: no register. `id` are the
 * PrimeCell bytes at 0xfe0..0xffc, NULL when there are none. */
struct reg_block {
	const char *name;
	const struct reg_row *rows;
	const uint8_t *index;
	unsigned n_index;
	const uint8_t *id;
};
#define REG_ROWS(dev) dev##_rows, dev##_index, ARRAY_LEN(dev##_index)

/* The guest_errors line of an access that hw_reg_find refuses; -1. */
int hw_reg_refuse(struct hw_context *hw, const struct reg_block *b, uint32_t off, enum reg_access access);

/* Index of the row that `off` falls in, bytes of a word included; -1 after a line in the guest_errors log when there is
 * none or it does not allow `access`. */
static inline int hw_reg_find(struct hw_context *hw, const struct reg_block *b, uint32_t off, enum reg_access access)
{
	unsigned row = off / 4 < b->n_index ? b->index[off / 4] : 0;
	return row && (b->rows[row - 1].access & access) ? (int)row - 1 : hw_reg_refuse(hw, b, off, access);
}

/* True and *value when `off` is in the block's identification bytes. */
static inline bool hw_reg_id(const struct reg_block *b, uint32_t off, uint32_t *value)
{
	if (!b->id || off - 0xfe0 > 0x1f)
		return false;
	*value = b->id[(off - 0xfe0) >> 2];
	return true;
}

/* The low `size` bytes of v: what a narrow read sees of a register. */
static inline uint32_t hw_trim(uint32_t v, unsigned size)
{
	return size >= 4 ? v : v & ((1u << (8 * size)) - 1u);
}

/* One line, newline included, in -d guest_errors. */
void hw_guest_error(struct hw_context *hw, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Zeroed memory that hw_free_devices gives back, registered under `name`. Never NULL: aborts the
 * process when the host is out of memory, as the arena does. */
void *hw_new_device(struct hw_context *hw, const char *name, size_t size, void (*reset)(void *dev),
		    void (*destroy)(void *dev));

/* The device's state, for snapshots; every device has such a table. */
void hw_describe(struct hw_context *hw, const void *dev, const struct state_desc *desc);

/* For reports. The board says what its inputs are (hw_context.irq). More than there is room for are not shown. */
void hw_add_irq_controller(struct hw_context *hw, const char *name, const void *dev,
			   void (*look)(const void *dev, struct irq_view *v));

/* A timer among the members. */
#define STATE_TIMER(type, member) \
	STATE(type, member.deadline), STATE(type, member.order), STATE_BOOL(type, member.armed)
#define STATE_EACH_TIMER(type, array, member) \
	STATE_EACH(type, array, member.deadline, 0), STATE_EACH(type, array, member.order, 0), STATE_EACH(type, array, member.armed, 1)
/* The usual reasons why a member is no state. */
#define STATE_WIRING "where it is connected, from the board's construction"
#define STATE_FIXED "the same in every machine of this board"

/* ---- devices; all return false or NULL with *err when the host refuses ---- */

bool pl011_add(struct hw_context *hw, uint32_t base, struct chardev *chr, struct irq_line irq, struct rhea_error *err);
bool sp804_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
bool pl031_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
/* Registers at base..base+15; `net` may be NULL. */
bool smc91c111_add(struct hw_context *hw, uint32_t base, struct netdev *net, struct irq_line irq, struct rhea_error *err);
/* The SD card of its slot is part of it; `medium` may be NULL or empty. */
bool pl181_add(struct hw_context *hw, uint32_t base, struct block *medium, struct irq_line irq0, struct irq_line irq1,
	       struct rhea_error *err);
bool pflash_add(struct hw_context *hw, uint32_t base, uint32_t size, struct block *medium, struct rhea_error *err);
bool pl041_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
/* With a PS/2 keyboard or mouse, which becomes hw->input's. */
bool pl050_add(struct hw_context *hw, uint32_t base, bool mouse, struct irq_line irq, struct rhea_error *err);
bool pl061_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
bool sp805_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);

struct pl080;
struct pl080 *pl080_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
/* Burst request n of 16; high while the peripheral wants data moved. */
struct irq_line pl080_request(struct pl080 *dma, unsigned n);

struct pl110;
/* As the Versatile boards wire it; becomes hw->screen's. */
struct pl110 *pl110_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
/* Bit n of the two that choose the format of 16-bit pixels. */
struct irq_line pl110_mux(struct pl110 *lcd, unsigned n);

/* clcd_mux: the two low bits of SYS_CLCD. */
bool sysreg_add(struct hw_context *hw, uint32_t base, uint32_t sys_id, uint32_t proc_id,
		const struct irq_line clcd_mux[2], struct rhea_error *err);

struct pl190;
struct pl190 *pl190_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct irq_line fiq,
			struct rhea_error *err);
struct irq_line pl190_input(struct pl190 *vic, unsigned n);

struct versatile_sic;
/* The summary goes to line 31 of `vic`, what PICENABLE passes through to its own number. */
struct versatile_sic *versatile_sic_add(struct hw_context *hw, uint32_t base, struct pl190 *vic,
					struct rhea_error *err);
struct irq_line versatile_sic_input(struct versatile_sic *sic, unsigned n);

/* ---- devices that only answer (unimp.c) ---- */

/* The 32-bit registers off..last; of two rows that hold an offset the first counts. */
struct unimp_reg {
	uint32_t off, last, value;
};

/*
 * A device that is not modelled: reads give what the real one holds after reset, writes change
 * nothing, both are reported by -d unimp.
 */
struct unimp_row {
	const char *name;
	uint32_t base, size;
	const struct unimp_reg *regs; /* registers that are not `fill` */
	unsigned n_regs;
	uint32_t fill;
	const uint8_t *id; /* PrimeCell bytes or NULL */
	bool lanes;        /* narrow reads see their own bytes; otherwise every byte address sees the low bits */
};

bool unimp_add(struct hw_context *hw, const struct unimp_row *row, struct rhea_error *err);

#endif
