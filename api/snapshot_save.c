/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a snapshot file (docs/snapshot-format.md). It grows beside its final name and takes that name when it is on the disk:
 * whoever finds it finds it whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "api/snapshot_file.h"

#define LEVEL 1 /* of deflate: memory compresses well, and somebody waits */
#define RUN_BYTES (SNAPSHOT_RUN_PAGES * PAGE_SIZE)

const char *const snapshot_drive_name[SNAPSHOT_DRIVES] = {"sd0", "sd1", "pflash"};

struct block *snapshot_drive(struct rhea *m, unsigned i)
{
	return i < MACHINE_SD_SLOTS ? &m->sd[i] : &m->pflash;
}

void snapshot_progress(struct snapshot_progress *p, uint64_t done, uint64_t of)
{
	uint64_t now = host_monotonic_ns();
	if (!p->to || now - p->started < UINT64_C(2000000000) || now - p->shown < UINT64_C(500000000))
		return;
	p->shown = now;
	p->to->show(p->to->opaque, (unsigned)(of ? MIN(done * 100 / of, 100) : 100));
}

struct writer {
	struct rhea *m;
	int fd;
	int error; /* errno of the first failure; what follows it is not written */
	uint8_t *out;
	size_t n, cap;     /* the section under way */
	uint8_t *deflated; /* room for a run */
	struct snapshot_progress progress;
	uint64_t done, total;
};

/* ---- sections ---- */

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->n + n > w->cap) {
		w->cap = (w->n + n) * 2;
		uint8_t *bigger = realloc(w->out, w->cap);
		if (!bigger) {
			w->error = w->error ? w->error : ENOMEM;
			w->cap = w->n = 0;
			free(w->out);
			w->out = NULL;
			return;
		}
		w->out = bigger;
	}
	memcpy(w->out + w->n, bytes, n);
	w->n += n;
}

static void put32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof v);
}

static void put64(struct writer *w, uint64_t v)
{
	put(w, &v, sizeof v);
}

static void put_string(struct writer *w, const char *s)
{
	uint8_t n = (uint8_t)strnlen(s, SNAPSHOT_NAME_MAX - 1);
	put(w, &n, 1);
	put(w, s, n);
}

static void write_out(struct writer *w, const void *bytes, size_t n)
{
	for (const uint8_t *p = bytes; n && !w->error;) {
		ssize_t done = write(w->fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			w->error = done ? errno : ENOSPC;
		else
			p += done, n -= (size_t)done;
	}
}

static void end_section(struct writer *w, const char *kind)
{
	struct snapshot_section s = {.size = w->n};
	memcpy(s.kind, kind, sizeof s.kind);
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)s.kind, sizeof s.kind);
	crc = (uint32_t)crc32(crc, (const Bytef *)&s.size, sizeof s.size);
	s.crc = w->n ? (uint32_t)crc32_z(crc, w->out, w->n) : crc;
	write_out(w, &s, sizeof s);
	if (w->n)
		write_out(w, w->out, w->n);
	w->n = 0;
}

/* ---- parts ---- */

static void write_part(struct writer *w, const struct state_part *p)
{
	const struct state_desc *d = p->desc;
	uint32_t size = state_packed_size(d), n = 0;
	uint8_t *packed = malloc(size + 1);
	if (!packed) {
		w->error = ENOMEM;
		return;
	}
	state_pack(d, p->object, packed);
	for (uint32_t i = 0; i < d->n_fields; i++)
		n += !d->fields[i].why_not;
	put_string(w, p->name);
	put32(w, p->instance);
	put32(w, d->version);
	put32(w, n);
	const uint8_t *at = packed;
	for (uint32_t i = 0; i < d->n_fields; i++) {
		const struct state_field *f = &d->fields[i];
		if (f->why_not)
			continue;
		put_string(w, f->name);
		put32(w, f->width);
		put32(w, state_field_size(f));
		put(w, at, state_field_size(f));
		at += state_field_size(f);
	}
	end_section(w, "PART");
	free(packed);
}

static void write_machine(struct writer *w)
{
	put_string(w, w->m->board->name);
	put_string(w, w->m->vcpu->cfg.model->name);
	put64(w, w->m->ram_size);
	end_section(w, "MACH");
}

/* ---- memory and drives ---- */

static void write_run(struct writer *w, const char *kind, struct snapshot_run run, const uint8_t *bytes)
{
	uLongf n = compressBound(RUN_BYTES);
	if (compress2(w->deflated, &n, bytes, run.n * PAGE_SIZE, LEVEL) != Z_OK) {
		w->error = ENOMEM;
		return;
	}
	put(w, &run, sizeof run);
	put(w, w->deflated, n);
	end_section(w, kind);
	w->done += run.n * PAGE_SIZE;
	snapshot_progress(&w->progress, w->done, w->total);
}

static bool is_zero(const uint8_t *page)
{
	uint64_t first;
	memcpy(&first, page, sizeof first);
	return !first && !memcmp(page, page + sizeof first, PAGE_SIZE - sizeof first);
}

/* Runs of pages that are not all zeros. */
static void write_pages(struct writer *w, uint32_t owner, const struct as_block *b, uint64_t from, uint64_t end)
{
	uint64_t page = from >> PAGE_BITS, last = (end + PAGE_MASK) >> PAGE_BITS;
	while (page < last && !w->error) {
		struct snapshot_run run = {.owner = owner, .first = page};
		const uint8_t *bytes = b->host + (page << PAGE_BITS);
		while (page < last && run.n < SNAPSHOT_RUN_PAGES && !is_zero(b->host + (page << PAGE_BITS)))
			run.n++, page++;
		if (run.n)
			write_run(w, "PAGE", run, bytes);
		else
			page++;
	}
}

static void write_memory(struct writer *w, const struct as_block *block, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put64(w, block[i].size);
		end_section(w, "MEMB");
		for (uint64_t from = 0, end; as_block_data(&block[i], &from, &end); from = end)
			w->total += end - from;
	}
	for (unsigned i = 0; i < n; i++)
		for (uint64_t from = 0, end; as_block_data(&block[i], &from, &end) && !w->error; from = end)
			write_pages(w, i, &block[i], from, end);
}

static void write_clusters(struct writer *w, uint32_t owner, struct block *b)
{
	for (uint64_t off = 0; block_overlay_next(b, &off) && !w->error; off += BLOCK_CLUSTER) {
		uint8_t bytes[BLOCK_CLUSTER] = {0};
		if (b->read(b, off, bytes, MIN(BLOCK_CLUSTER, b->size - off)))
			write_run(w, "CLUS", (struct snapshot_run){.owner = owner, .n = 1, .first = off / BLOCK_CLUSTER}, bytes);
		else
			w->error = EIO;
	}
}

static void write_drives(struct writer *w)
{
	uint32_t owner = 0;
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++) {
		const struct block *b = snapshot_drive(w->m, i);
		if (!block_present(b))
			continue;
		put_string(w, snapshot_drive_name[i]);
		put64(w, b->size);
		end_section(w, "DISK");
	}
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++) {
		struct block *b = snapshot_drive(w->m, i);
		if (block_has_overlay(b))
			write_clusters(w, owner, b);
		owner += block_present(b);
	}
}

/* ---- the file ---- */

static void write_all(struct writer *w, const struct as_block *block, unsigned n)
{
	const struct snapshot_head head = {SNAPSHOT_MAGIC, SNAPSHOT_FORMAT, 0};
	const struct machine_parts *p = &w->m->snapshots.parts;
	write_out(w, &head, sizeof head);
	write_machine(w);
	machine_before_state(w->m);
	for (unsigned i = 0; i < p->n; i++)
		write_part(w, &p->part[i]);
	write_drives(w);
	write_memory(w, block, n);
	end_section(w, "END ");
}

static enum rhea_status check(struct rhea *m, unsigned n_blocks, struct rhea_error *err)
{
	if (!machine_parts(m))
		return error_set(err, RHEA_ERR_HOST, "no snapshot: out of host memory");
	if (n_blocks > SNAPSHOT_MAX_BLOCKS)
		return error_set(err, RHEA_ERR_USAGE, "no snapshot: the machine has more than %u pieces of memory", SNAPSHOT_MAX_BLOCKS);
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++) {
		const struct block *b = snapshot_drive(m, i);
		if (block_present(b) && !b->read_only && !block_has_overlay(b))
			return error_set(err, RHEA_ERR_USAGE,
					 "no snapshot: drive %s is written directly, and its image is no part of a snapshot; open it with "
					 "snapshot=on or readonly=on", snapshot_drive_name[i]);
	}
	return RHEA_OK;
}

/* Renaming onto a device or a pipe would put a file in its place. */
static int check_place(const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return errno == ENOENT ? 0 : errno;
	return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
}

/* Writes to `path`.tmp-PID and renames it. */
static int write_file(struct writer *w, const char *path, const struct as_block *block, unsigned n)
{
	int misplaced = check_place(path);
	if (misplaced)
		return misplaced;
	size_t room = strlen(path) + 32;
	char *temporary = malloc(room);
	w->deflated = malloc(compressBound(RUN_BYTES));
	if (!temporary || !w->deflated) {
		free(temporary);
		return ENOMEM;
	}
	snprintf(temporary, room, "%s.tmp-%ld", path, (long)getpid());
	w->fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	w->error = w->fd < 0 ? errno : 0;
	if (!w->error) {
		write_all(w, block, n);
		if (close(w->fd) && !w->error)
			w->error = errno;
		if (!w->error && rename(temporary, path))
			w->error = errno;
		if (w->error)
			unlink(temporary);
	}
	free(temporary);
	return w->error;
}

/* The guest would find out only when it goes on in another process. */
static void warn(struct rhea *m, const char *path)
{
	unsigned n = m->semihosting ? semihosting_open_files(m->semihosting) : 0;
	if (n)
		log_printf(&m->log, "rhea: %s: %u file%s that the guest has open by semihosting %s no part of the snapshot: their handles are bad in "
			   "another process\n", path, n, n > 1 ? "s" : "", n > 1 ? "are" : "is");
}

enum rhea_status machine_save_snapshot(struct rhea *m, const char *path, const struct rhea_progress *progress,
				       struct rhea_error *err)
{
	struct as_block block[SNAPSHOT_MAX_BLOCKS];
	unsigned n = as_blocks(m->as, block, SNAPSHOT_MAX_BLOCKS);
	enum rhea_status st = check(m, n, err);
	if (st)
		return st;
	struct writer w = {.m = m, .progress = {.to = progress, .started = host_monotonic_ns()}};
	int error = write_file(&w, path, block, n);
	free(w.out);
	free(w.deflated);
	if (error)
		return error_set(err, RHEA_ERR_FILE, "%s: the snapshot cannot be written: %s", path,
				 error == EINVAL ? "not a regular file" : strerror(error));
	warn(m, path);
	return RHEA_OK;
}

enum rhea_status rhea_snapshot_save(struct rhea *m, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	if (m->running)
		return error_set(err, RHEA_ERR_USAGE, "snapshots are saved between two rhea_run");
	return machine_save_snapshot(m, path, progress, err);
}
