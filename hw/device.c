/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of a machine's devices and the helpers they share. The list is kept newest first, so
 * destruction walks it and reset goes through it backwards.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hw/hw.h"

struct device_entry {
	struct device_entry *next;
	const char *name;
	void *dev;
	void (*reset)(void *dev);
	void (*destroy)(void *dev);
	const struct state_desc *state;
};

static void *alloc_zeroed(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		abort();
	return p;
}

void hw_add_device(struct hw_context *hw, const char *name, void *dev, void (*reset)(void *dev),
		   void (*destroy)(void *dev))
{
	struct device_entry *e = alloc_zeroed(sizeof(*e));
	*e = (struct device_entry){hw->devices, name, dev, reset, destroy, NULL};
	hw->devices = e;
}

void *hw_new_device(struct hw_context *hw, const char *name, size_t size, void (*reset)(void *dev),
		    void (*destroy)(void *dev))
{
	void *dev = alloc_zeroed(size);
	hw_add_device(hw, name, dev, reset, destroy);
	return dev;
}

void hw_describe(struct hw_context *hw, const void *dev, const struct state_desc *desc)
{
	for (struct device_entry *e = hw->devices; e; e = e->next)
		if (e->dev == dev)
			e->state = desc;
}

void hw_add_irq_controller(struct hw_context *hw, const char *name, const void *dev,
			   void (*look)(const void *dev, struct irq_view *v))
{
	if (hw->n_irq < MACHINE_IRQ_CONTROLLERS)
		hw->irq[hw->n_irq++] = (struct irq_controller){name, NULL, dev, look};
}

/* How many of that name are older. */
static uint32_t instance_of(const struct device_entry *e)
{
	uint32_t n = 0;
	for (const struct device_entry *o = e->next; o; o = o->next)
		n += strcmp(o->name, e->name) == 0;
	return n;
}

unsigned hw_state_parts(const struct hw_context *hw, struct state_part *parts, unsigned max)
{
	unsigned n = 0, i = 0;
	for (const struct device_entry *e = hw->devices; e; e = e->next)
		n++;
	for (const struct device_entry *e = hw->devices; e; e = e->next, i++)
		if (n - 1 - i < max)
			parts[n - 1 - i] = (struct state_part){e->name, instance_of(e), e->dev, e->state};
	return n;
}

static struct device_entry *reversed(struct device_entry *list)
{
	struct device_entry *out = NULL;
	while (list) {
		struct device_entry *next = list->next;
		list->next = out;
		out = list;
		list = next;
	}
	return out;
}

void hw_reset_devices(struct hw_context *hw)
{
	struct device_entry *oldest_first = reversed(hw->devices);
	for (struct device_entry *e = oldest_first; e; e = e->next)
		if (e->reset)
			e->reset(e->dev);
	hw->devices = reversed(oldest_first);
}

void hw_free_devices(struct hw_context *hw)
{
	while (hw->devices) {
		struct device_entry *e = hw->devices;
		hw->devices = e->next;
		if (e->destroy)
			e->destroy(e->dev);
		free(e);
	}
}

void hw_guest_error(struct hw_context *hw, const char *fmt, ...)
{
	if (!log_on(hw->log, LOG_guest_errors))
		return;
	char line[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_printf(hw->log, "%s\n", line);
}

int hw_reg_refuse(struct hw_context *hw, const struct reg_block *b, uint32_t off, enum reg_access access)
{
	const char *verb = access == REG_R ? "read" : "write";
	unsigned row = off / 4 < b->n_index ? b->index[off / 4] : 0;
	if (row)
		hw_guest_error(hw, "%s_%s: %s of %s-only register %s at offset 0x%x", b->name, verb, verb,
			       access == REG_R ? "write" : "read", b->rows[row - 1].name, off);
	else
		hw_guest_error(hw, "%s_%s: Bad offset 0x%x", b->name, verb, off);
	return -1;
}
