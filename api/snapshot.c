/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots in memory: packed state of core, clock and devices (base/state.h), and versions of memory and drives
 * (softmmu/versions.h). Going back makes no system call, but for drives and files of semihosting.
 */
#include <stdlib.h>

#include "api/rewind.h"
#include "api/snapshot.h"

struct rhea_snapshot {
	struct rhea_snapshot *next;
	struct memory_version *memory;
	uint8_t packed[];
};

/* ---- parts ---- */

static const struct state_field machine_fields[] = {
	STATE(struct machine_state, rtc_offset),
	STATE_BOOL(struct machine_state, rtc_virtual),
};
static const struct state_desc machine_desc = {
	.name = "machine", .size = sizeof(struct machine_state), .version = 1, STATE_FIELDS(machine_fields),
};

static bool has_semihosting(const struct rhea *m)
{
	return m->cfg.semihosting != RHEA_SEMIHOSTING_OFF;
}

const struct machine_parts *machine_parts(struct rhea *m)
{
	struct machine_parts *p = &m->snapshots.parts;
	if (p->part)
		return p;
	unsigned n_devices = hw_state_parts(&m->hw, NULL, 0);
	p->part = calloc(VCPU_STATE_PARTS + 2 + n_devices, sizeof *p->part);
	if (!p->part)
		return NULL;
	vcpu_state_parts(m->vcpu, p->part);
	p->n = VCPU_STATE_PARTS;
	p->part[p->n++] = (struct state_part){"machine", 0, &m->state, &machine_desc};
	if (has_semihosting(m))
		semihosting_state_part(m->semihosting, &p->part[p->n++]);
	p->n += hw_state_parts(&m->hw, p->part + p->n, n_devices);
	for (unsigned i = 0; i < p->n; i++)
		p->packed += state_packed_size(p->part[i].desc);
	return p;
}

void machine_before_state(struct rhea *m)
{
	vcpu_state_before(m->vcpu);
	m->state = (struct machine_state){m->rtc_offset, m->cfg.rtc_virtual || m->cfg.icount};
	if (has_semihosting(m))
		semihosting_state_before(m->semihosting);
}

/* The clocks first: devices' own consequences may set timers. */
void machine_after_state(struct rhea *m, bool mmu_was_on)
{
	const struct machine_parts *p = &m->snapshots.parts;
	vcpu_state_after(m->vcpu, mmu_was_on);
	/* A guest's time of day that follows the host's clock goes on doing so. */
	if (m->state.rtc_virtual && (m->cfg.rtc_virtual || m->cfg.icount))
		m->rtc_offset = m->state.rtc_offset;
	if (has_semihosting(m))
		semihosting_state_after(m->semihosting);
	m->reset_requested = m->shutdown_requested = m->exit_requested = false; /* of the history that is left */
	for (unsigned i = 0; i < p->n; i++)
		if (p->part[i].desc->loaded)
			p->part[i].desc->loaded(p->part[i].object);
}

bool machine_mmu_on(const struct rhea *m)
{
	return (m->vcpu->cpu->tb_flags & ARM_TB_MMU) != 0;
}

/* ---- drives ---- */

static bool medium_read(void *opaque, uint64_t off, void *buf, size_t n)
{
	struct block *b = opaque;
	return b->read(b, off, buf, n);
}

/* Going back is no change to be noted. */
static bool medium_write(void *opaque, uint64_t off, const void *buf, size_t n)
{
	struct block *b = opaque;
	void (*will_write)(void *keeper, const struct block *b, uint64_t off, uint64_t n) = b->will_write;
	b->will_write = NULL;
	bool ok = b->write(b, off, buf, n);
	b->will_write = will_write;
	return ok;
}

/* The drives that the guest can write; returns how many. */
static unsigned writable_drives(struct rhea *m, struct block *drive[MACHINE_SD_SLOTS + 1])
{
	struct block *all[MACHINE_SD_SLOTS + 1] = {&m->sd[0], &m->sd[1], &m->pflash};
	unsigned n = 0;
	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		if (block_present(all[i]) && !all[i]->read_only)
			drive[n++] = all[i];
	return n;
}

static void drive_will_write(void *keeper, const struct block *b, uint64_t off, uint64_t n)
{
	struct rhea *m = keeper;
	struct block *drive[MACHINE_SD_SLOTS + 1];
	unsigned n_drives = writable_drives(m, drive), i = 0;
	while (i < n_drives && drive[i] != b)
		i++;
	if (i < n_drives)
		versions_touch_medium(m->snapshots.versions, i, off, n);
}

static bool start(struct rhea *m)
{
	struct block *drive[MACHINE_SD_SLOTS + 1];
	struct versions_medium media[MACHINE_SD_SLOTS + 1];
	unsigned n = writable_drives(m, drive);
	for (unsigned i = 0; i < n; i++)
		media[i] = (struct versions_medium){drive[i], medium_read, medium_write, drive[i]->size};
	m->snapshots.versions = vcpu_track_memory(m->vcpu, media, n);
	for (unsigned i = 0; m->snapshots.versions && i < n; i++) {
		drive[i]->will_write = drive_will_write;
		drive[i]->keeper = m;
	}
	return m->snapshots.versions != NULL;
}

static void stop(struct rhea *m)
{
	struct block *drive[MACHINE_SD_SLOTS + 1];
	unsigned n = writable_drives(m, drive);
	for (unsigned i = 0; i < n; i++)
		drive[i]->will_write = NULL;
	vcpu_untrack_memory(m->vcpu);
	m->snapshots.versions = NULL;
}

/* ---- the API ---- */

static enum rhea_status refuse_while_running(const struct rhea *m, struct rhea_error *err)
{
	return m->running ? error_set(err, RHEA_ERR_USAGE, "snapshots are taken and restored between two rhea_run") : RHEA_OK;
}

struct rhea_snapshot *rhea_snapshot_take(struct rhea *m, struct rhea_error *err)
{
	return refuse_while_running(m, err) ? NULL : machine_take_snapshot(m, err);
}

struct rhea_snapshot *machine_take_snapshot(struct rhea *m, struct rhea_error *err)
{
	const struct machine_parts *p = machine_parts(m);
	struct rhea_snapshot *s = p ? malloc(sizeof *s + p->packed) : NULL;
	if (s && (m->snapshots.versions || start(m)) && (s->memory = versions_take(m->snapshots.versions))) {
		machine_before_state(m);
		uint8_t *out = s->packed;
		for (unsigned i = 0; i < p->n; i++)
			out = state_pack(p->part[i].desc, p->part[i].object, out);
		s->next = m->snapshots.list;
		m->snapshots.list = s;
		return s;
	}
	free(s);
	if (m->snapshots.versions && !m->snapshots.list)
		stop(m);
	error_set(err, RHEA_ERR_HOST, "no snapshot: out of host memory");
	return NULL;
}

/* The struct at that place is not a part of it. */
static bool is_left_out(const struct rhea *m, const struct state_part *p, bool semihosting)
{
	return !semihosting && p->object == m->semihosting;
}

bool machine_restore_snapshot(struct rhea *m, struct rhea_snapshot *s, bool semihosting)
{
	const struct machine_parts *p = &m->snapshots.parts;
	const uint8_t *in = s->packed;
	bool mmu_was_on = machine_mmu_on(m), whole = versions_restore(m->snapshots.versions, s->memory);
	machine_before_state(m);
	for (unsigned i = 0; i < p->n; i++)
		if (is_left_out(m, &p->part[i], semihosting))
			in += state_packed_size(p->part[i].desc);
		else
			in = state_unpack(p->part[i].desc, p->part[i].object, in);
	machine_after_state(m, mmu_was_on);
	return whole;
}

enum rhea_status rhea_snapshot_restore(struct rhea *m, struct rhea_snapshot *s, struct rhea_error *err)
{
	enum rhea_status st = refuse_while_running(m, err);
	if (!st)
		rewind_yield(m);
	if (!st && m->input_log)
		st = error_set(err, RHEA_ERR_USAGE, "the machine is recorded or replayed: it cannot go elsewhere");
	if (st)
		return st;
	return machine_restore_snapshot(m, s, true) ? RHEA_OK : error_set(err, RHEA_ERR_FILE, "a drive's content could not be restored: the host refused");
}

void rhea_snapshot_free(struct rhea *m, struct rhea_snapshot *s)
{
	struct rhea_snapshot **at = &m->snapshots.list;
	if (!s)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	versions_free(m->snapshots.versions, s->memory);
	free(s);
	if (!m->snapshots.list)
		stop(m);
}

void machine_free_snapshots(struct rhea *m)
{
	while (m->snapshots.list)
		rhea_snapshot_free(m, m->snapshots.list);
	free(m->snapshots.parts.part);
}

enum rhea_status machine_refuse_with_snapshots(const struct rhea *m, const char *what, struct rhea_error *err)
{
	return m->snapshots.list ? error_set(err, RHEA_ERR_USAGE, "%s while there are snapshots in memory (rhea_snapshot_free)", what)
				 : RHEA_OK;
}
