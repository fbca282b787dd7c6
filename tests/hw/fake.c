/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of nothing but devices: see fake.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hw/fake.h"

struct address_space {
	struct mem_range ranges[64];
	unsigned n;
	uint8_t byte; /* stands for RAM: tests never touch it */
	char log[4096], taken[4096];
	size_t log_len;
};

/* ---- softmmu/memory.h ---- */

static struct mem_range *add_range(struct address_space *as, gpa_t base, uint64_t size, enum range_kind kind,
				   const char *name)
{
	assert(as->n < ARRAY_LEN(as->ranges));
	struct mem_range *r = &as->ranges[as->n++];
	*r = (struct mem_range){.base = base, .size = size, .kind = kind};
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

uint8_t *as_map_ram(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	(void)err;
	add_range(as, base, size, RANGE_RAM, name);
	return &as->byte;
}

uint8_t *as_map_rom(struct address_space *as, gpa_t base, uint64_t size, const char *name, struct rhea_error *err)
{
	(void)err;
	add_range(as, base, size, RANGE_ROM, name);
	return &as->byte;
}

enum rhea_status as_map_alias(struct address_space *as, gpa_t base, gpa_t target, uint64_t size, const char *name,
			      struct rhea_error *err)
{
	(void)target;
	(void)err;
	add_range(as, base, size, RANGE_RAM, name);
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
	free(f->as);
	free(f);
}

const struct mem_range *fake_range(const struct fake *f, uint32_t addr)
{
	for (unsigned i = 0; i < f->as->n; i++) {
		const struct mem_range *r = &f->as->ranges[i];
		if (addr >= r->base.v && addr - r->base.v < r->size)
			return r;
	}
	return NULL;
}

uint32_t fake_read(struct fake *f, uint32_t addr, unsigned size)
{
	const struct mem_range *r = fake_range(f, addr);
	uint32_t v = 0;
	if (r && r->ops)
		r->ops->read(r->dev, addr - (uint32_t)r->base.v, size, &v);
	return v;
}

void fake_write(struct fake *f, uint32_t addr, unsigned size, uint32_t value)
{
	const struct mem_range *r = fake_range(f, addr);
	if (r && r->ops)
		r->ops->write(r->dev, addr - (uint32_t)r->base.v, size, value);
}
