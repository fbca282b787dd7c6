/* SPDX-License-Identifier: Apache-2.0 */
/* The public memory map and guest memory access. */
#include <stdlib.h>

#include "api/machine.h"

/* A client's MMIO callbacks behind the softmmu's. */
struct mmio_client {
	struct mmio_client *next;
	struct rhea_mmio ops;
	void *opaque;
};

static enum mem_result client_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	const struct mmio_client *c = dev;
	*value = 0;
	return c->ops.read && c->ops.read(c->opaque, off, size, value) ? MEM_OK : MEM_ERROR;
}

static enum mem_result client_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	const struct mmio_client *c = dev;
	return c->ops.write && c->ops.write(c->opaque, off, size, value) ? MEM_OK : MEM_ERROR;
}

static const struct mem_ops client_ops = {client_read, client_write, 1, 4};

void machine_free_mmio(struct rhea *m)
{
	for (struct mmio_client *c = m->mmio_clients, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	m->mmio_clients = NULL;
}

enum rhea_status rhea_map_ram(struct rhea *m, uint64_t base, uint64_t size, struct rhea_error *err)
{
	struct rhea_error own;
	err = err ? err : &own;
	if (machine_refuse_with_snapshots(m, "no memory can be added", err))
		return err->status;
	return as_map_ram(m->as, GPA(base), size, "ram", err) ? RHEA_OK : err->status;
}

enum rhea_status rhea_map_host(struct rhea *m, uint64_t base, uint64_t size, void *host, bool read_only,
			       struct rhea_error *err)
{
	enum rhea_status st = machine_refuse_with_snapshots(m, "no memory can be added", err);
	return st ? st : as_map_host(m->as, GPA(base), size, read_only ? RANGE_ROM : RANGE_RAM, host, "host memory", err);
}

enum rhea_status rhea_map_mmio(struct rhea *m, uint64_t base, uint64_t size, const struct rhea_mmio *ops, void *opaque,
			       struct rhea_error *err)
{
	struct mmio_client *c = malloc(sizeof *c);
	if (!c)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	*c = (struct mmio_client){.next = m->mmio_clients, .ops = *ops, .opaque = opaque};
	m->mmio_clients = c;
	return as_map_mmio(m->as, GPA(base), size, &client_ops, c, "mmio", err);
}

/* RAM and ROM only: a debugger's look must not move a device. */
static bool plain_memory(const struct rhea *m, uint64_t addr, uint64_t size, bool write)
{
	while (size) {
		const struct mem_range *r = as_find(m->as, GPA(addr));
		if (!r || r->kind == RANGE_MMIO || (write && r->kind == RANGE_ROM))
			return false;
		uint64_t n = MIN(size, r->base.v + r->size - addr);
		addr += n;
		size -= n;
	}
	return true;
}

enum rhea_status rhea_read_phys(struct rhea *m, uint64_t addr, void *buf, size_t size)
{
	if (!plain_memory(m, addr, size, false) || as_read(m->as, GPA(addr), buf, size) != MEM_OK)
		return RHEA_ERR_MEMORY;
	return RHEA_OK;
}

enum rhea_status rhea_write_phys(struct rhea *m, uint64_t addr, const void *buf, size_t size)
{
	if (!plain_memory(m, addr, size, true) || as_write(m->as, GPA(addr), buf, size) != MEM_OK)
		return RHEA_ERR_MEMORY;
	return RHEA_OK;
}

static enum rhea_status virt(struct rhea *m, uint32_t addr, void *buf, size_t size, bool write)
{
	unsigned space = arm_privileged(m->vcpu->cpu) ? 1 : 0;
	if (size > UINT32_MAX - addr && size != (uint64_t)UINT32_MAX - addr + 1)
		return RHEA_ERR_MEMORY;
	return softmmu_debug(m->vcpu->mmu, GVA(addr), space, buf, (uint32_t)size, write) == size ? RHEA_OK
												 : RHEA_ERR_MEMORY;
}

enum rhea_status rhea_read_virt(struct rhea *m, uint32_t addr, void *buf, size_t size)
{
	return virt(m, addr, buf, size, false);
}

enum rhea_status rhea_write_virt(struct rhea *m, uint32_t addr, const void *buf, size_t size)
{
	return virt(m, addr, (void *)(uintptr_t)buf, size, true);
}
