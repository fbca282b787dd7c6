/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that are on the map and not modelled. They answer as the real ones do after reset, so
 * that a probe by identification finds them, and say so in -d unimp.
 */
#include <stdlib.h>

#include "hw/hw.h"

struct unimp {
	struct hw_context *hw;
	const struct unimp_row *row;
};

static uint32_t reset_value(const struct unimp_row *row, uint32_t off)
{
	for (unsigned i = 0; i < row->n_regs; i++)
		if (off >= row->regs[i].off && off <= row->regs[i].last)
			return row->regs[i].value;
	if (row->id && off >= 0xfe0 && off <= 0xffc)
		return row->id[(off - 0xfe0) >> 2];
	return row->fill;
}

static enum mem_result unimp_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	const struct unimp *u = dev;
	uint32_t v = reset_value(u->row, off & ~3u);
	*value = hw_trim(u->row->lanes ? v >> (8 * (off & 3)) : v, size);
	if (log_on(u->hw->log, LOG_unimp))
		log_printf(u->hw->log, "%s: unimplemented device read (size %u, offset 0x%x)\n", u->row->name, size, off);
	return MEM_OK;
}

static enum mem_result unimp_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	const struct unimp *u = dev;
	if (log_on(u->hw->log, LOG_unimp))
		log_printf(u->hw->log, "%s: unimplemented device write (size %u, offset 0x%x, value 0x%x)\n", u->row->name,
			   size, off, value);
	return MEM_OK;
}

static const struct mem_ops unimp_ops = {unimp_read, unimp_write, 1, 4};

/* ---- state ---- */

static const struct state_field unimp_fields[] = {
	STATE_NOT(struct unimp, hw, STATE_WIRING),
	STATE_NOT(struct unimp, row, STATE_FIXED),
};
static const struct state_desc unimp_state = {.name = "unimp", .size = sizeof(struct unimp), .version = 1, STATE_FIELDS(unimp_fields)};

bool unimp_add(struct hw_context *hw, const struct unimp_row *row, struct rhea_error *err)
{
	struct unimp *u = hw_new_device(hw, row->name, sizeof(*u), NULL, free);
	hw_describe(hw, u, &unimp_state);
	u->hw = hw;
	u->row = row;
	return as_map_mmio(hw->as, GPA(row->base), row->size, &unimp_ops, u, row->name, err) == RHEA_OK;
}
