/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a snapshot file (docs/snapshot-format.md), in two steps: machine_check_snapshot reads and checks all of it, down to
 * every value and every compressed page, and changes nothing; machine_apply_snapshot then has nothing left to refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "api/rewind.h"
#include "api/snapshot_file.h"

#define RUN_BYTES (SNAPSHOT_RUN_PAGES * PAGE_SIZE)
#define MAX_FIELDS 256u

struct snapshot_file {
	uint8_t *bytes;
	size_t size;
	uint8_t *packed; /* the parts' state, as machine_parts has them */
};

/* A check under way. */
struct checker {
	struct rhea *m;
	struct snapshot_file *file;
	const char *path;
	struct rhea_error *err;
	bool machine, ended;
	bool part[256];
	struct as_block block[SNAPSHOT_MAX_BLOCKS];
	unsigned n_blocks, n_memb;
	unsigned disk[SNAPSHOT_DRIVES], n_disk; /* the drive of each DISK section */
	uint8_t *inflated;
	struct snapshot_progress progress;
};

/* What is left of a payload; `bad` once more was asked for than there is. */
struct reader {
	const uint8_t *p;
	uint64_t left;
	bool bad;
};

static void take(struct reader *r, void *to, size_t n)
{
	if (n > r->left) {
		r->bad = true;
		memset(to, 0, n);
		return;
	}
	memcpy(to, r->p, n);
	r->p += n;
	r->left -= n;
}

static uint32_t take32(struct reader *r)
{
	uint32_t v;
	take(r, &v, sizeof v);
	return v;
}

static uint64_t take64(struct reader *r)
{
	uint64_t v;
	take(r, &v, sizeof v);
	return v;
}

static void take_string(struct reader *r, char text[SNAPSHOT_NAME_MAX])
{
	uint8_t n = 0;
	take(r, &n, 1);
	r->bad |= n >= SNAPSHOT_NAME_MAX;
	n = r->bad ? 0 : n;
	take(r, text, n);
	text[n] = 0;
	for (unsigned i = 0; i < n; i++) /* it may be shown to somebody */
		r->bad |= text[i] < ' ' || text[i] > '~';
}

static bool refuse(struct checker *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct checker *c, const char *fmt, ...)
{
	char why[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	error_set(c->err, RHEA_ERR_IMAGE, "%.180s: %s", c->path, why);
	return false;
}

static bool damaged(struct checker *c, const char *what)
{
	return refuse(c, "a damaged snapshot: %s", what);
}

/* ---- sections ---- */

static bool check_machine(struct checker *c, struct reader *r)
{
	char board[SNAPSHOT_NAME_MAX], cpu[SNAPSHOT_NAME_MAX];
	const struct rhea *m = c->m;
	take_string(r, board);
	take_string(r, cpu);
	uint64_t ram = take64(r);
	if (r->bad || c->machine)
		return damaged(c, "what machine it is of is not said once");
	c->machine = true;
	if (!strcmp(board, m->board->name) && !strcmp(cpu, m->vcpu->cfg.model->name) && ram == m->ram_size)
		return true;
	return refuse(c, "a snapshot of machine %s with cpu %s and %llu KiB of memory; this is %s with %s and %llu KiB (-M, -cpu, -m)",
		      board, cpu, (unsigned long long)(ram >> 10), m->board->name, m->vcpu->cfg.model->name,
		      (unsigned long long)(m->ram_size >> 10));
}

static const struct state_part *find_part(const struct checker *c, const char *name, uint32_t instance, uint32_t *offset)
{
	const struct machine_parts *p = &c->m->snapshots.parts;
	*offset = 0;
	for (unsigned i = 0; i < p->n; i++) {
		if (p->part[i].instance == instance && !strcmp(p->part[i].name, name))
			return &p->part[i];
		*offset += state_packed_size(p->part[i].desc);
	}
	return NULL;
}

/* The field's place behind `packed`; NULL when there is no such field of that size. */
static uint8_t *find_field(const struct state_desc *d, const char *name, uint32_t width, uint32_t size, uint8_t *packed,
			   bool seen[MAX_FIELDS])
{
	for (uint32_t i = 0; i < d->n_fields; i++) {
		const struct state_field *f = &d->fields[i];
		if (!f->why_not && !seen[i] && f->width == width && state_field_size(f) == size && !strcmp(f->name, name)) {
			seen[i] = true;
			return packed;
		}
		packed += state_field_size(f);
	}
	return NULL;
}

/* Reads the values into the file's packed state. */
static bool read_fields(struct checker *c, struct reader *r, const struct state_part *p, uint8_t *packed)
{
	bool seen[MAX_FIELDS] = {false};
	char name[SNAPSHOT_NAME_MAX];
	uint32_t version = take32(r), n = take32(r);
	if (version > p->desc->version)
		return refuse(c, "%s is of a later version of rhea", p->name);
	for (; n && !r->bad; n--) {
		take_string(r, name);
		uint32_t width = take32(r), size = take32(r);
		uint8_t *to = r->bad ? NULL : find_field(p->desc, name, width, size, packed, seen);
		if (!to)
			return refuse(c, "a damaged snapshot, or one of another version: %s has no '%s' of %u bytes", p->name, name, size);
		take(r, to, size);
	}
	for (uint32_t i = 0; i < p->desc->n_fields; i++)
		if (!p->desc->fields[i].why_not && p->desc->fields[i].since <= version && !seen[i])
			return refuse(c, "a damaged snapshot: %s lacks '%s'", p->name, p->desc->fields[i].name);
	return !r->bad || damaged(c, "a device's state is cut short");
}

/* Looks at the values in a copy of the struct. */
static bool check_values(struct checker *c, const struct state_part *p, const uint8_t *packed)
{
	void *copy = malloc(p->desc->size);
	if (!copy) {
		error_set(c->err, RHEA_ERR_HOST, "out of host memory");
		return false;
	}
	memcpy(copy, p->object, p->desc->size);
	state_unpack(p->desc, copy, packed);
	const char *wrong = state_check(p->desc, copy);
	free(copy);
	return !wrong || refuse(c, "a damaged snapshot: %s %u cannot be in such a state%s%s", p->name, p->instance, *wrong ? ": " : "",
				wrong);
}

static bool check_part(struct checker *c, struct reader *r)
{
	char name[SNAPSHOT_NAME_MAX];
	uint32_t offset;
	take_string(r, name);
	uint32_t instance = take32(r);
	const struct state_part *p = r->bad ? NULL : find_part(c, name, instance, &offset);
	if (!p)
		return refuse(c, "the snapshot has the state of a '%s' (%u), which this machine has not%s", name, instance,
			      strcmp(name, "semihosting") ? "" : ": -semihosting is missing");
	bool *seen = &c->part[p - c->m->snapshots.parts.part];
	if (*seen)
		return damaged(c, "a device stands there twice");
	*seen = true;
	return read_fields(c, r, p, c->file->packed + offset) && check_values(c, p, c->file->packed + offset);
}

static bool check_memory(struct checker *c, struct reader *r)
{
	uint64_t size = take64(r);
	if (r->bad || c->n_memb >= c->n_blocks || size != c->block[c->n_memb].size)
		return refuse(c, "the snapshot's memory is not laid out as this machine's");
	c->n_memb++;
	return true;
}

static bool check_disk(struct checker *c, struct reader *r)
{
	char name[SNAPSHOT_NAME_MAX];
	take_string(r, name);
	uint64_t size = take64(r);
	unsigned i = 0;
	while (i < SNAPSHOT_DRIVES && (r->bad || strcmp(snapshot_drive_name[i], name)))
		i++;
	if (i == SNAPSHOT_DRIVES || c->n_disk == SNAPSHOT_DRIVES || (c->n_disk && c->disk[c->n_disk - 1] >= i))
		return damaged(c, "its drives");
	c->disk[c->n_disk++] = i;
	const struct block *b = snapshot_drive(c->m, i);
	if (!block_present(b) || b->size != size)
		return refuse(c, "the snapshot has a drive %s of %llu bytes; here it has %llu (-drive)", name, (unsigned long long)size,
			      (unsigned long long)(block_present(b) ? b->size : 0));
	return true;
}

/* The deflated bytes are n pages of an owner that has `pages`. */
static bool check_run(struct checker *c, struct reader *r, const struct snapshot_run *run, uint64_t pages)
{
	uLongf n = run->n * PAGE_SIZE;
	uLong used = r->left;
	if (!run->n || run->n > SNAPSHOT_RUN_PAGES || run->first > pages || run->n > pages - run->first)
		return damaged(c, "bytes lie outside of their memory");
	if (uncompress2(c->inflated, &n, r->p, &used) != Z_OK || n != run->n * PAGE_SIZE || used != r->left)
		return damaged(c, "compressed bytes are wrong");
	r->left = 0;
	return true;
}

static bool check_page(struct checker *c, struct reader *r)
{
	struct snapshot_run run;
	take(r, &run, sizeof run);
	if (r->bad || run.owner >= c->n_memb)
		return damaged(c, "bytes without a memory");
	return check_run(c, r, &run, c->block[run.owner].size >> PAGE_BITS);
}

static bool check_cluster(struct checker *c, struct reader *r)
{
	struct snapshot_run run;
	take(r, &run, sizeof run);
	if (r->bad || run.owner >= c->n_disk)
		return damaged(c, "bytes without a drive");
	const struct block *b = snapshot_drive(c->m, c->disk[run.owner]);
	if (!block_has_overlay(b))
		return refuse(c, "the snapshot has changes to drive %s: open it with snapshot=on", snapshot_drive_name[c->disk[run.owner]]);
	return check_run(c, r, &run, (b->size + PAGE_MASK) >> PAGE_BITS);
}

static bool check_end(struct checker *c, struct reader *r)
{
	(void)r;
	c->ended = true;
	return true;
}

static const struct {
	char kind[5];
	bool (*check)(struct checker *c, struct reader *r);
} sections[] = {
	{"MACH", check_machine}, {"PART", check_part}, {"MEMB", check_memory}, {"DISK", check_disk},
	{"PAGE", check_page},    {"CLUS", check_cluster}, {"END ", check_end},
};

/* ---- the file ---- */

/* The section at *at, which moves behind it; false when there is no whole one with its checksum. */
static bool next_section(const struct snapshot_file *f, size_t *at, struct snapshot_section *s, struct reader *payload)
{
	if (f->size - *at < sizeof *s)
		return false;
	memcpy(s, f->bytes + *at, sizeof *s);
	*at += sizeof *s;
	if (s->size > f->size - *at)
		return false;
	*payload = (struct reader){f->bytes + *at, s->size, false};
	*at += s->size;
	return true;
}

static bool checksum_fits(const struct snapshot_section *s, const struct reader *payload)
{
#ifdef RHEA_SNAPSHOT_NO_CHECKSUM /* a fuzzer's: it would never get past it */
	(void)s, (void)payload;
	return true;
#else
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)s->kind, sizeof s->kind);
	crc = (uint32_t)crc32(crc, (const Bytef *)&s->size, sizeof s->size);
	if (payload->left)
		crc = (uint32_t)crc32_z(crc, payload->p, payload->left);
	return crc == s->crc;
#endif
}

static bool check_section(struct checker *c, const struct snapshot_section *s, struct reader *payload)
{
	bool machine_first = c->machine || !memcmp(s->kind, "MACH", 4);
	if (!checksum_fits(s, payload))
		return damaged(c, "a checksum is wrong");
	if (c->ended || !machine_first)
		return damaged(c, "its sections are out of order");
	for (unsigned i = 0; i < ARRAY_LEN(sections); i++)
		if (!memcmp(sections[i].kind, s->kind, 4))
			return sections[i].check(c, payload) && (!payload->left || damaged(c, "a section is longer than what it holds"));
	return damaged(c, "a section of an unknown kind");
}

static bool check_head(struct checker *c)
{
	struct snapshot_head head;
	if (c->file->size < sizeof head || memcmp(c->file->bytes, SNAPSHOT_MAGIC, sizeof head.magic) != 0)
		return refuse(c, "not a snapshot of rhea's");
	memcpy(&head, c->file->bytes, sizeof head);
	if (head.format != SNAPSHOT_FORMAT || head.unused)
		return refuse(c, "a snapshot of format %u; this rhea reads format %u", head.format, SNAPSHOT_FORMAT);
	return true;
}

/* Nothing is missing. */
static bool check_whole(struct checker *c)
{
	const struct machine_parts *p = &c->m->snapshots.parts;
	unsigned drives = 0;
	if (!c->ended)
		return damaged(c, "its end is missing");
	for (unsigned i = 0; i < p->n; i++)
		if (!c->part[i])
			return refuse(c, "the snapshot has no state of this machine's %s %u%s", p->part[i].name, p->part[i].instance,
				      strcmp(p->part[i].name, "semihosting") ? "" : ": saved without -semihosting");
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++)
		drives += block_present(snapshot_drive(c->m, i));
	if (drives != c->n_disk)
		return refuse(c, "this machine has %u drives, the snapshot's had %u (-drive)", drives, c->n_disk);
	return c->n_memb == c->n_blocks || refuse(c, "the snapshot's memory is not laid out as this machine's");
}

static bool check_all(struct checker *c)
{
	struct snapshot_section s;
	struct reader payload;
	size_t at = sizeof(struct snapshot_head);
	if (!check_head(c))
		return false;
	while (at < c->file->size) {
		if (!next_section(c->file, &at, &s, &payload))
			return damaged(c, "it is cut short");
		if (!check_section(c, &s, &payload))
			return false;
		snapshot_progress(&c->progress, at, 2 * c->file->size);
	}
	return check_whole(c);
}

static bool read_file(struct snapshot_file *f, const char *path, struct rhea_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO must not hang us */
	if (fd < 0 || fstat(fd, &st)) {
		error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		error_set(err, RHEA_ERR_FILE, "%s: not a regular file", path);
	} else if (!(f->bytes = malloc((size_t)st.st_size + 1))) {
		error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	} else {
		ssize_t n = 1;
		while (f->size < (size_t)st.st_size && (n = read(fd, f->bytes + f->size, (size_t)st.st_size - f->size)) > 0)
			f->size += (size_t)n;
		if (n < 0)
			error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno));
		close(fd);
		return n >= 0;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

struct snapshot_file *machine_check_snapshot_bytes(struct rhea *m, const char *path, uint8_t *bytes, size_t size,
						   const struct rhea_progress *progress, struct rhea_error *err)
{
	const struct machine_parts *p = machine_parts(m);
	struct snapshot_file *f = calloc(1, sizeof *f);
	struct checker c = {.m = m, .file = f, .path = path, .err = err, .progress = {.to = progress, .started = host_monotonic_ns()}};
	c.n_blocks = as_blocks(m->as, c.block, SNAPSHOT_MAX_BLOCKS);
	c.inflated = malloc(RUN_BYTES);
	if (f) {
		f->bytes = bytes;
		f->size = size;
		f->packed = p ? calloc(1, p->packed) : NULL;
	} else {
		free(bytes);
	}
	bool ok = false;
	if (!f || !f->packed || !c.inflated || p->n > ARRAY_LEN(c.part))
		error_set(err, RHEA_ERR_HOST, "%s: out of host memory", path);
	else if (c.n_blocks > SNAPSHOT_MAX_BLOCKS)
		refuse(&c, "the machine has more than %u pieces of memory", SNAPSHOT_MAX_BLOCKS);
	else
		ok = check_all(&c);
	free(c.inflated);
	if (ok)
		return f;
	machine_drop_snapshot(f);
	return NULL;
}

struct snapshot_file *machine_check_snapshot(struct rhea *m, const char *path, const struct rhea_progress *progress,
					     struct rhea_error *err)
{
	struct snapshot_file f = {0};
	if (m->input_log && !(m->rewind && m->rewind->own_log)) {
		error_set(err, RHEA_ERR_USAGE, "the machine is recorded or replayed: it cannot go elsewhere");
		return NULL;
	}
	if (read_file(&f, path, err))
		return machine_check_snapshot_bytes(m, path, f.bytes, f.size, progress, err);
	free(f.bytes);
	return NULL;
}

void machine_drop_snapshot(struct snapshot_file *f)
{
	if (!f)
		return;
	free(f->bytes);
	free(f->packed);
	free(f);
}

/* ---- applying ---- */

static void clear_memory(struct rhea *m, const struct as_block *block, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (uint64_t from = 0, end; as_block_data(&block[i], &from, &end); from = end) {
			as_will_write(m->as, block[i].host + from, end - from);
			as_block_clear(&block[i], from, end);
		}
}

static bool apply_pages(struct rhea *m, const struct as_block *block, struct reader *r)
{
	struct snapshot_run run;
	take(r, &run, sizeof run);
	uint8_t *host = block[run.owner].host + (run.first << PAGE_BITS);
	uLongf n = run.n * PAGE_SIZE;
	as_will_write(m->as, host, n);
	return uncompress(host, &n, r->p, r->left) == Z_OK; /* it was, when it was checked: unless the host is out of memory */
}

static bool apply_clusters(struct block *b, struct reader *r)
{
	uint8_t bytes[RUN_BYTES];
	struct snapshot_run run;
	take(r, &run, sizeof run);
	uint64_t off = run.first << PAGE_BITS;
	uLongf n = run.n * PAGE_SIZE;
	return uncompress(bytes, &n, r->p, r->left) == Z_OK && b->write(b, off, bytes, (size_t)MIN(n, b->size - off));
}

/* The drives that were there are those that are: the n-th DISK section is the n-th drive. */
static struct block *nth_drive(struct rhea *m, uint32_t n)
{
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++)
		if (block_present(snapshot_drive(m, i)) && !n--)
			return snapshot_drive(m, i);
	return NULL;
}

static bool apply_bytes(struct rhea *m, const struct snapshot_file *f, struct snapshot_progress *progress)
{
	struct as_block block[SNAPSHOT_MAX_BLOCKS];
	unsigned n = as_blocks(m->as, block, SNAPSHOT_MAX_BLOCKS);
	struct snapshot_section s;
	struct reader payload;
	bool ok = true;
	clear_memory(m, block, n);
	for (unsigned i = 0; i < SNAPSHOT_DRIVES; i++)
		if (block_has_overlay(snapshot_drive(m, i)))
			block_overlay_clear(snapshot_drive(m, i));
	for (size_t at = sizeof(struct snapshot_head); next_section(f, &at, &s, &payload);) {
		uint32_t owner = 0;
		memcpy(&owner, payload.p, MIN(sizeof owner, payload.left));
		if (!memcmp(s.kind, "PAGE", 4))
			ok &= apply_pages(m, block, &payload);
		else if (!memcmp(s.kind, "CLUS", 4))
			ok &= apply_clusters(nth_drive(m, owner), &payload);
		snapshot_progress(progress, f->size + at, 2 * f->size);
	}
	return ok;
}

enum rhea_status machine_apply_snapshot(struct rhea *m, const struct snapshot_file *f, const struct rhea_progress *progress,
					struct rhea_error *err)
{
	struct snapshot_progress show = {.to = progress, .started = host_monotonic_ns()};
	const struct machine_parts *p = &m->snapshots.parts;
	const uint8_t *in = f->packed;
	vcpu_flush_code(m->vcpu);
	bool whole = apply_bytes(m, f, &show);
	machine_before_state(m);
	for (unsigned i = 0; i < p->n; i++)
		in = state_unpack(p->part[i].desc, p->part[i].object, in);
	machine_after_state(m, true);
	return whole ? RHEA_OK : error_set(err, RHEA_ERR_FILE, "memory or a drive could not be written: the host is out of memory or disk");
}

enum rhea_status rhea_snapshot_load(struct rhea *m, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	struct rhea_error own;
	err = err ? err : &own;
	if (m->running)
		return error_set(err, RHEA_ERR_USAGE, "snapshots are loaded between two rhea_run");
	struct snapshot_file *f = machine_check_snapshot(m, path, progress, err);
	if (f)
		rewind_yield(m);
	enum rhea_status st = f ? machine_apply_snapshot(m, f, progress, err) : err->status;
	machine_drop_snapshot(f);
	return st;
}
