/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of nothing but devices: see fake.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/hw/fake.h"

struct address_space {
	struct mem_range ranges[64];
	unsigned n;
	struct {
		uint8_t *host;
		uint64_t size;
	} memory[8]; /* owned */
	unsigned n_memory;
	enum mem_result absent; /* what an access to nothing gives */
	char log[4096], taken[4096];
	size_t log_len;
};

/* ---- softmmu/memory.h ---- */

/* A range that is mapped a second time replaces itself. */
static struct mem_range *add_range(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind,
				   const char *name)
{
	unsigned i = 0;
	while (i < as->n && (as->ranges[i].base.v != base.v || as->ranges[i].size != size))
		i++;
	assert(i < ARRAY_LEN(as->ranges));
	struct mem_range *r = &as->ranges[i];
	as->n = MAX(as->n, i + 1);
	*r = (struct mem_range){.base = base, .size = size, .kind = kind};
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

/* Zeroed, and costs nothing until it is touched. */
static uint8_t *add_memory(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind, const char *name)
{
	struct mem_range *r = add_range(as, base, size, kind, name);
	assert(as->n_memory < ARRAY_LEN(as->memory));
	r->host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(r->host != MAP_FAILED);
	as->memory[as->n_memory].host = r->host;
	as->memory[as->n_memory++].size = size;
	return r->host;
}

uint8_t *as_map_ram(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	(void)err;
	return add_memory(as, base, size, RANGE_RAM, name);
}

uint8_t *as_map_rom(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	(void)err;
	return add_memory(as, base, size, RANGE_ROM, name);
}

enum rhea_status as_map_alias(struct address_space *as, gpa_t base, gpa_t target, uint64_t size, const char *name,
			      struct rhea_error *err)
{
	(void)err;
	add_range(as, base, size, RANGE_RAM, name)->host = as_find(as, target)->host;
	return RHEA_OK;
}

enum rhea_status as_map_mmio(struct address_space *as, gpa_t base, uint64_t size, const struct mem_ops *ops,
			     void *dev, const char *name, struct rhea_error *err)
{
	(void)err;
	struct mem_range *r = add_range(as, base, size, RANGE_MMIO, name);
	r->ops = ops;
	r->dev = dev;
	return RHEA_OK;
}

enum rhea_status as_map_rom_device(struct address_space *as, gpa_t base, uint64_t size, uint8_t *host,
				   const struct mem_ops *ops, void *dev, const char *name, struct rhea_error *err)
{
	(void)err;
	struct mem_range *r = add_range(as, base, size, RANGE_ROM, name);
	r->host = host;
	r->ops = ops;
	r->dev = dev;
	return RHEA_OK;
}

const struct mem_range *as_find(const struct address_space *as, gpa_t pa)
{
	for (unsigned i = 0; i < as->n; i++)
		if (pa.v >= as->ranges[i].base.v && pa.v - as->ranges[i].base.v < as->ranges[i].size)
			return &as->ranges[i];
	return NULL;
}

void as_will_write(struct address_space *as, const uint8_t *host, uint64_t size)
{
	(void)as, (void)host, (void)size; /* there are no snapshots */
}

/* Within one range, as our devices access memory. */
static enum mem_result copy(struct address_space *as, gpa_t pa, void *buf, uint64_t size, bool write)
{
	const struct mem_range *r = as_find(as, pa);
	uint32_t v = 0;
	if (!r || pa.v - r->base.v + size > r->size)
		return as->absent;
	uint64_t off = pa.v - r->base.v;
	if (r->host && !(write && r->ops)) {
		memcpy(write ? (void *)(r->host + off) : buf, write ? buf : (void *)(r->host + off), size);
		return MEM_OK;
	}
	for (uint64_t at = 0, n; at < size; at += n) { /* register by register */
		n = MIN(size - at, 4);
		v = 0;
		if (write)
			memcpy(&v, (uint8_t *)buf + at, n);
		enum mem_result result = write ? r->ops->write(r->dev, (uint32_t)(off + at), (unsigned)n, v)
					       : r->ops->read(r->dev, (uint32_t)(off + at), (unsigned)n, &v);
		if (result != MEM_OK)
			return result;
		if (!write)
			memcpy((uint8_t *)buf + at, &v, n);
	}
	return MEM_OK;
}

enum mem_result as_read(struct address_space *as, gpa_t pa, void *buf, uint64_t size)
{
	return copy(as, pa, buf, size, false);
}

enum mem_result as_write(struct address_space *as, gpa_t pa, const void *buf, uint64_t size)
{
	return copy(as, pa, (void *)(uintptr_t)buf, size, true);
}

/* ---- runtime/device.h's clock ---- */

uint64_t vclock_now(struct vclock *c)
{
	return c->now;
}

void vtimer_init(struct vtimer *t, struct vclock *c, void (*fire)(void *opaque), void *opaque)
{
	*t = (struct vtimer){.fire = fire, .opaque = opaque, .clock = c};
}

void vtimer_cancel(struct vtimer *t)
{
	struct vclock *c = t->clock;
	for (unsigned i = 0; t->armed && i < c->n_armed; i++) {
		if (c->armed[i] == t) {
			c->armed[i] = c->armed[--c->n_armed];
			break;
		}
	}
	t->armed = false;
}

void vtimer_arm(struct vtimer *t, uint64_t deadline_ns)
{
	vtimer_cancel(t);
	assert(t->clock->n_armed < ARRAY_LEN(t->clock->armed));
	t->clock->armed[t->clock->n_armed++] = t;
	t->deadline = deadline_ns;
	t->armed = true;
}

static struct vtimer *first_due(struct vclock *c, uint64_t until)
{
	struct vtimer *best = NULL;
	for (unsigned i = 0; i < c->n_armed; i++)
		if (c->armed[i]->deadline <= until && (!best || c->armed[i]->deadline < best->deadline))
			best = c->armed[i];
	return best;
}

void fake_advance(struct fake *f, uint64_t ns)
{
	struct vclock *c = &f->clock;
	uint64_t until = c->now + ns;
	for (struct vtimer *t = first_due(c, until); t; t = first_due(c, until)) {
		c->now = MAX(c->now, t->deadline);
		vtimer_cancel(t);
		c->fired++;
		t->fire(t->opaque);
	}
	c->now = until;
}

void fake_advance_late(struct fake *f, uint64_t ns)
{
	f->clock.now += ns;
}

/* ---- base/log.h ---- */

void log_printf(struct log *l, const char *fmt, ...)
{
	struct fake *f = (struct fake *)((char *)l - offsetof(struct fake, log));
	struct address_space *as = f->as;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(as->log + as->log_len, sizeof(as->log) - as->log_len, fmt, ap);
	va_end(ap);
	as->log_len = strlen(as->log);
}

const char *fake_log(struct fake *f)
{
	memcpy(f->as->taken, f->as->log, sizeof(f->as->log));
	f->as->log[0] = 0;
	f->as->log_len = 0;
	return f->as->taken;
}

/* ---- the machine ---- */

static void set_cpu_line(void *opaque, unsigned n, bool level)
{
	struct fake *f = opaque;
	if (n) {
		f->fiq = level;
		return;
	}
	f->irq_edges += f->irq != level;
	f->irq = level;
}

static void record_request(void *opaque, enum machine_request what)
{
	struct fake *f = opaque;
	if (what == MACHINE_REQUEST_RESET)
		f->resets++;
	else
		f->shutdowns++;
}

static int64_t fake_rtc(void *opaque)
{
	return ((struct fake *)opaque)->rtc;
}

static void keep_sent(struct chardev *c, const uint8_t *buf, unsigned n)
{
	struct fake *f = c->backend;
	for (unsigned i = 0; i < n && f->n_sent + 1 < sizeof(f->sent); i++)
		f->sent[f->n_sent++] = (char)buf[i];
}

static void count_accept(struct chardev *c)
{
	((struct fake *)c->backend)->n_accept++;
}

static void keep_frame(struct netdev *d, const uint8_t *frame, unsigned n)
{
	struct fake *f = d->backend;
	assert(n <= sizeof f->frame);
	memcpy(f->frame, frame, n);
	f->frame_len = n;
	f->n_frames++;
}

static void count_net_accept(struct netdev *d)
{
	((struct fake *)d->backend)->n_net_accept++;
}

struct fake *fake_new(const char *name)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct rhea_error err;
	const struct board *board = board_find(name);
	assert(f && board);
	f->as = calloc(1, sizeof(*f->as));
	assert(f->as);
	f->log.mask = LOG_guest_errors | LOG_unimp;
	f->hw = (struct hw_context){
		.as = f->as,
		.clock = &f->clock,
		.log = &f->log,
		.ram_size = board->default_ram,
		.cpu_irq = {set_cpu_line, f, 0},
		.cpu_fiq = {set_cpu_line, f, 1},
		.request = record_request,
		.opaque = f,
		.rtc_now = fake_rtc,
	};
	for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++) {
		f->serial[i] = (struct chardev){.write = keep_sent, .accept_input = count_accept, .backend = f};
		f->hw.serial[i] = &f->serial[i];
	}
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		f->net[i] = (struct netdev){.send = keep_frame, .accept_input = count_net_accept, .backend = f,
					    .mac = {0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + i)}, .link = true};
		f->hw.net[i] = &f->net[i];
	}
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++)
		f->hw.sd[i] = &f->sd[i];
	f->hw.pflash = &f->pflash;
	bool ok = board->build(&f->hw, &err);
	assert(ok);
	(void)ok;
	hw_reset_devices(&f->hw);
	return f;
}

void fake_free(struct fake *f)
{
	hw_free_devices(&f->hw);
	assert(f->clock.n_armed == 0);
	for (unsigned i = 0; i < f->as->n_memory; i++)
		munmap(f->as->memory[i].host, f->as->memory[i].size);
	free(f->as);
	free(f);
}

const struct mem_range *fake_range(const struct fake *f, uint32_t addr)
{
	return as_find(f->as, GPA(addr));
}

void fake_absent(struct fake *f, enum mem_result result)
{
	f->as->absent = result;
}

uint32_t fake_read(struct fake *f, uint32_t addr, unsigned size)
{
	const struct mem_range *r = fake_range(f, addr);
	uint32_t v = 0;
	if (r && r->ops && !r->host)
		r->ops->read(r->dev, addr - (uint32_t)r->base.v, size, &v);
	else
		as_read(f->as, GPA(addr), &v, size);
	return v;
}

void fake_write(struct fake *f, uint32_t addr, unsigned size, uint32_t value)
{
	const struct mem_range *r = fake_range(f, addr);
	if (r && r->ops)
		r->ops->write(r->dev, addr - (uint32_t)r->base.v, size, value);
	else
		as_write(f->as, GPA(addr), &value, size);
}
