/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -record and -replay: a file with a snapshot of the start and the log of input behind it (docs/snapshot-format.md). Events are
 * written as they come; a recording whose process died is good as far as it goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "api/input_log.h"
#include "api/rewind.h"
#include "api/snapshot.h"

#define MAGIC "RHEARECD"
#define FORMAT 1u

struct record_head {
	char magic[8];
	uint32_t format, icount_shift;
	uint32_t images; /* CRC-32 of what a reset loads */
	uint32_t crc;    /* of this, with crc = 0 */
	uint64_t snapshot; /* bytes of it, which follow */
	struct {
		uint8_t mac[6], link, unused;
	} nic[MACHINE_NICS];
};
_Static_assert(sizeof(struct record_head) == 32 + 8 * MACHINE_NICS, "the file has no padding");
_Static_assert(sizeof(struct input_event) == 24, "the file has no padding");

static uint32_t crc_of(uint32_t crc, const void *bytes, size_t n)
{
	return n ? (uint32_t)crc32_z(crc, bytes, n) : crc;
}

static uint32_t crc_blobs(uint32_t crc, const struct image_blob *b)
{
	for (; b; b = b->next) {
		const uint64_t place[3] = {b->addr.v, b->size, b->mem_size};
		crc = crc_of(crc_of(crc, place, sizeof place), b->bytes, b->size);
	}
	return crc;
}

static uint32_t images_crc(const struct rhea *m)
{
	const uint32_t start[2] = {m->start, m->start_pc};
	return crc_blobs(crc_blobs(crc_of(0, start, sizeof start), m->blobs), m->patches);
}

static struct record_head make_head(const struct rhea *m, uint64_t snapshot)
{
	struct record_head h = {.magic = MAGIC, .format = FORMAT, .icount_shift = m->cfg.icount_shift, .images = images_crc(m),
				.snapshot = snapshot};
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		memcpy(h.nic[i].mac, m->net[i].mac, sizeof h.nic[i].mac);
		h.nic[i].link = m->net[i].link;
	}
	h.crc = crc_of(0, &h, sizeof h);
	return h;
}

/* All of a regular file, from malloc; NULL with *err. */
static uint8_t *read_all(const char *path, size_t *size, struct rhea_error *err)
{
	struct stat st;
	FILE *f = fopen(path, "rbe");
	uint8_t *bytes = NULL;
	errno = f ? 0 : errno;
	if (!f || fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		error_set(err, RHEA_ERR_FILE, "%s: %s", path, errno ? strerror(errno) : "not a regular file");
	} else if (!(bytes = malloc((size_t)st.st_size + 1))) {
		error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	} else {
		*size = fread(bytes, 1, (size_t)st.st_size, f);
	}
	if (f)
		fclose(f);
	return bytes;
}

/* ---- recording ---- */

static void write_event(void *opaque, const struct input_event *e)
{
	struct rhea *m = opaque;
	size_t n = sizeof *e + e->size;
	uint32_t crc = crc_of(0, e, n);
	if (!m->record)
		return;
	bool ok = fwrite(&crc, sizeof crc, 1, m->record) == 1 && fwrite(e, n, 1, m->record) == 1;
	if (ok && (e->kind == EVENT_CHECK || e->kind == EVENT_END))
		ok = fflush(m->record) == 0;
	if (ok)
		return;
	log_printf(&m->log, "recording ends here: %s\n", strerror(errno));
	fclose(m->record);
	m->record = NULL;
}

/* A snapshot as bytes, by way of a file beside the recording. */
static uint8_t *snapshot_bytes(struct rhea *m, const char *path, size_t *size, struct rhea_error *err)
{
	size_t room = strlen(path) + 8;
	char *name = malloc(room);
	uint8_t *bytes = NULL;
	if (!name) {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
		return NULL;
	}
	snprintf(name, room, "%s.start", path);
	if (!machine_save_snapshot(m, name, NULL, err)) {
		bytes = read_all(name, size, err);
		unlink(name);
	}
	free(name);
	return bytes;
}

enum rhea_status rhea_record(struct rhea *m, const char *path, struct rhea_error *err)
{
	struct rhea_error own;
	size_t size = 0;
	err = err ? err : &own;
	if (m->running)
		return error_set(err, RHEA_ERR_USAGE, "a recording begins between two rhea_run");
	rewind_yield(m);
	enum rhea_status st = input_log_start(m, err);
	uint8_t *snapshot = st ? NULL : snapshot_bytes(m, path, &size, err);
	if (!snapshot) {
		if (!st)
			input_log_stop(m);
		return err->status;
	}
	const struct record_head head = make_head(m, size);
	m->record = fopen(path, "wbe");
	bool ok = m->record && fwrite(&head, sizeof head, 1, m->record) == 1 && fwrite(snapshot, size, 1, m->record) == 1;
	free(snapshot);
	if (!ok) {
		error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno));
		input_log_stop(m);
		if (m->record)
			fclose(m->record);
		m->record = NULL;
		return err->status;
	}
	m->input_log->sink = write_event;
	m->input_log->sink_opaque = m;
	return RHEA_OK;
}

void machine_end_recording(struct rhea *m)
{
	if (!m->record)
		return;
	uint64_t hash = machine_state_hash(m, true);
	input_log_note(m->input_log, EVENT_END, &hash, sizeof hash);
	if (m->record && fclose(m->record))
		log_printf(&m->log, "the recording is not complete: %s\n", strerror(errno));
	m->record = NULL;
}

/* ---- replaying ---- */

static enum rhea_status check_head(const struct rhea *m, const char *path, const uint8_t *bytes, size_t size, struct record_head *h,
				   struct rhea_error *err)
{
	if (size < sizeof *h || memcmp(bytes, MAGIC, sizeof h->magic) != 0)
		return error_set(err, RHEA_ERR_IMAGE, "%s: not a recording of rhea's", path);
	memcpy(h, bytes, sizeof *h);
	uint32_t crc = h->crc;
	h->crc = 0;
	if (crc != crc_of(0, h, sizeof *h) || h->snapshot > size - sizeof *h)
		return error_set(err, RHEA_ERR_IMAGE, "%s: a damaged recording", path);
	if (h->format != FORMAT)
		return error_set(err, RHEA_ERR_IMAGE, "%s: a recording of format %u; this rhea replays format %u", path, h->format, FORMAT);
	if (h->icount_shift != m->cfg.icount_shift)
		return error_set(err, RHEA_ERR_IMAGE, "%s: recorded with -icount shift=%u", path, h->icount_shift);
	if (h->images != images_crc(m))
		return error_set(err, RHEA_ERR_IMAGE, "%s: recorded with other images (-kernel, -initrd, -append, -bios, -device loader)", path);
	return RHEA_OK;
}

/* Events up to the end, or to one that is cut short or damaged, where the replay will end with a message. */
static enum rhea_status read_events(struct input_log *l, const char *path, const uint8_t *p, size_t left, struct rhea_error *err)
{
	const size_t head = 4 + sizeof(struct input_event);
	bool ended = false;
	while (left >= head && !ended) {
		struct input_event e;
		uint32_t crc;
		memcpy(&crc, p, 4);
		memcpy(&e, p + 4, sizeof e);
		if (e.size > left - head || crc != crc_of(0, p + 4, sizeof e + e.size))
			break;
		if (!input_log_add(l, p + 4))
			return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
		p += head + e.size;
		left -= head + e.size;
		ended = e.kind == EVENT_END;
	}
	if (left && ended)
		return error_set(err, RHEA_ERR_IMAGE, "%s: damaged: %zu byte%s behind the recording's end", path, left, left > 1 ? "s" : "");
	return RHEA_OK;
}

/* The cables are what they were; nothing is behind them. */
static void set_nics(struct rhea *m, const struct record_head *h)
{
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		memcpy(m->net[i].mac, h->nic[i].mac, sizeof m->net[i].mac);
		m->net[i].link = h->nic[i].link & 1;
	}
}

static enum rhea_status replay(struct rhea *m, const char *path, const uint8_t *bytes, size_t size, struct rhea_error *err)
{
	struct record_head h;
	enum rhea_status st = check_head(m, path, bytes, size, &h, err);
	uint8_t *snapshot = st ? NULL : malloc(h.snapshot + 1);
	if (!snapshot)
		return st ? st : error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	memcpy(snapshot, bytes + sizeof h, h.snapshot);
	struct snapshot_file *f = machine_check_snapshot_bytes(m, path, snapshot, h.snapshot, NULL, err);
	if (!f)
		return err->status;
	/* Ahead of the state, which is to stay when they are refused: what restores it must not ask whether this is a replay. */
	st = read_events(m->input_log, path, bytes + sizeof h + h.snapshot, size - sizeof h - h.snapshot, err);
	if (!st) {
		set_nics(m, &h);
		st = machine_apply_snapshot(m, f, NULL, err);
	}
	machine_drop_snapshot(f);
	return st;
}

enum rhea_status rhea_replay(struct rhea *m, const char *path, struct rhea_error *err)
{
	struct rhea_error own;
	size_t size = 0;
	err = err ? err : &own;
	if (m->running)
		return error_set(err, RHEA_ERR_USAGE, "a replay begins between two rhea_run");
	rewind_yield(m);
	uint8_t *bytes = read_all(path, &size, err);
	enum rhea_status st = bytes ? input_log_start(m, err) : err->status;
	if (!st) {
		st = replay(m, path, bytes, size, err);
		m->input_log->ends = true;
		input_log_seek(m->input_log, 0);
		if (st)
			input_log_stop(m);
	}
	free(bytes);
	return st;
}
