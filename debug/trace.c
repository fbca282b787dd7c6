/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events are put into a chunk as bytes; a full chunk is compressed and goes to the file, or to the ring. Each chunk can be read without
 * those before it: numbers are differences to the one before in the same chunk, and blocks are introduced in each.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "debug/json.h"
#include "debug/trace.h"

#define CHUNK_BYTES (1u << 20)
#define CHUNK_EVENTS 65536u
#define EVENT_BYTES 512u /* more than one event takes */
#define KNOWN_BITS 14u   /* blocks introduced in the chunk, by hash; one that is pushed out is introduced again */
#define NAME_MAX_BYTES 200u

/* First byte of a record. */
enum { REC_TIME = 0x01, REC_DEFINE = 0x02, REC_BLOCK = 0x10, REC_ACCESS = 0x20 };
enum { ACCESS_STORE = 1, ACCESS_SIZE = 1 /* shift of log2(bytes), 2 bits */, ACCESS_DEVICE = 8 };

/* Compressed, with its head in front. */
struct chunk {
	struct chunk *next;
	uint32_t size, events;
	uint8_t bytes[];
};

struct known {
	uint32_t pc_key, bytes, id; /* id 0: nobody */
};

struct trace {
	struct report_file file;
	struct vcpu *v;
	const struct symbols *syms;
	char *machine;
	unsigned what;
	uint64_t last;   /* ring: events to keep; 0 = all, straight to the file */
	uint32_t per_chunk;
	bool head_done, broken;
	uint64_t total;  /* events before this chunk */
	struct chunk *first, **end;
	uint64_t in_ring;
	/* the chunk that is being filled */
	uint8_t *raw;
	uint32_t n, events, n_ids;
	uint32_t pc, addr, id;
	uint64_t insns, ns;
	struct known known[1u << KNOWN_BITS];
};

bool trace_wants(const struct trace *t, unsigned what)
{
	return t && (t->what & what);
}

/* ---- the file ---- */

static void put_le(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static void write_bytes(struct trace *t, const void *bytes, size_t n)
{
	if (!t->broken && fwrite(bytes, 1, n, t->file.file) != n)
		t->broken = true;
}

/* The head: magic, length, JSON. */
static void write_head(struct trace *t)
{
	static const char *const kinds[] = {[RANGE_RAM] = "RAM", [RANGE_ROM] = "ROM", [RANGE_MMIO] = "device"};
	char *text = NULL;
	size_t size;
	unsigned n;
	const struct mem_range *r = as_ranges(t->v->as, &n);
	FILE *out = open_memstream(&text, &size);
	t->head_done = true;
	if (!out) {
		t->broken = true;
		return;
	}
	fprintf(out, "{\"version\":1,\"what\":%u,\"last\":%" PRIu64 ",\"machine\":", t->what, t->last);
	json_string(out, t->machine);
	fputs(",\"memory\":[", out);
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "%s{\"base\":%" PRIu64 ",\"size\":%" PRIu64 ",\"kind\":\"%s\",\"name\":", i ? "," : "", r[i].base.v, r[i].size,
			kinds[r[i].kind]);
		json_string(out, r[i].name);
		fputc('}', out);
	}
	fputs("]}", out);
	t->broken |= fclose(out) != 0;
	uint8_t head[12] = "rheatrc1";
	put_le(head + 8, size, 4);
	write_bytes(t, head, sizeof head);
	if (!t->broken)
		write_bytes(t, text, size);
	free(text);
}

/* ---- chunks ---- */

static void begin_chunk(struct trace *t)
{
	t->n = t->events = t->n_ids = 0;
	t->pc = t->addr = t->id = 0;
	t->insns = t->ns = 0;
	memset(t->known, 0, sizeof t->known);
}

static struct chunk *pack(struct trace *t)
{
	uLongf size = compressBound(t->n);
	struct chunk *c = malloc(sizeof *c + 20 + size);
	if (!c || compress2(c->bytes + 20, &size, t->raw, t->n, 1) != Z_OK) {
		free(c);
		return NULL;
	}
	put_le(c->bytes, t->n, 4);
	put_le(c->bytes + 4, size, 4);
	put_le(c->bytes + 8, t->events, 4);
	put_le(c->bytes + 12, t->total, 8);
	c->next = NULL;
	c->size = (uint32_t)(20 + size);
	c->events = t->events;
	return c;
}

static void drop_first(struct trace *t)
{
	struct chunk *c = t->first;
	t->first = c->next;
	if (!t->first)
		t->end = &t->first;
	t->in_ring -= c->events;
	free(c);
}

static void keep(struct trace *t, struct chunk *c)
{
	*t->end = c;
	t->end = &c->next;
	t->in_ring += c->events;
	while (t->in_ring - t->first->events >= t->last)
		drop_first(t);
}

/* The chunk is full, or wanted. */
static void end_chunk(struct trace *t)
{
	struct chunk *c = t->events && !t->broken ? pack(t) : NULL;
	t->broken |= t->events && !c;
	t->total += t->events;
	begin_chunk(t);
	if (c && t->last) {
		keep(t, c);
	} else if (c) {
		if (!t->head_done)
			write_head(t);
		write_bytes(t, c->bytes, c->size);
		free(c);
	}
}

/* ---- records ---- */

static void put_byte(struct trace *t, unsigned b)
{
	t->raw[t->n++] = (uint8_t)b;
}

static void put_number(struct trace *t, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_byte(t, (unsigned)(v & 0x7f) | 0x80);
	put_byte(t, (unsigned)v);
}

/* The way from *last to v, small in either direction; it wraps as addresses do. */
static void put_step(struct trace *t, uint32_t *last, uint32_t v)
{
	int32_t d = (int32_t)(v - *last);
	put_number(t, (uint32_t)d << 1 ^ (uint32_t)(d >> 31));
	*last = v;
}

static void put_time(struct trace *t)
{
	uint64_t insns = vcpu_insns(t->v), ns = MAX(vclock_now(&t->v->clock), t->ns);
	put_byte(t, REC_TIME);
	put_number(t, insns - t->insns);
	put_number(t, ns - t->ns);
	t->insns = insns;
	t->ns = ns;
}

/* Room for an event; false when nothing is written any more. */
static bool begin_event(struct trace *t)
{
	if (t->broken)
		return false;
	if (t->n + EVENT_BYTES > CHUNK_BYTES || t->events == t->per_chunk)
		end_chunk(t);
	if (t->events++ % 256 == 0)
		put_time(t);
	return true;
}

static void define(struct trace *t, const struct tb_view *tb, struct known *k)
{
	uint32_t offset = 0, pc = tb->pc_key & ~1u;
	const char *name = symbols_find(t->syms, pc, &offset);
	size_t n = name ? MIN(strlen(name), NAME_MAX_BYTES) : 0;
	*k = (struct known){tb->pc_key, tb->guest_bytes, ++t->n_ids};
	put_byte(t, REC_DEFINE);
	put_step(t, &t->pc, pc);
	put_byte(t, tb->pc_key & 1);
	put_number(t, tb->guest_bytes);
	put_number(t, offset);
	put_number(t, n);
	if (n)
		memcpy(t->raw + t->n, name, n);
	t->n += (uint32_t)n;
}

void trace_block(struct trace *t, const struct tb_view *tb)
{
	struct known *k = &t->known[(tb->pc_key * 0x9e3779b9u) >> (32 - KNOWN_BITS)];
	if (!begin_event(t))
		return;
	if (!k->id || k->pc_key != tb->pc_key || k->bytes != tb->guest_bytes)
		define(t, tb, k);
	put_byte(t, REC_BLOCK);
	put_step(t, &t->id, k->id);
}

static bool find_device(const struct trace *t, const struct access_view *a, uint32_t *pa)
{
	struct mem_walk w = {.page_bits = 10};
	enum mem_access kind = a->store ? MEM_WRITE : MEM_READ;
	if (!arm_mmu_probe(t->v->cpu, GVA(a->addr), kind, memop_space(a->memop), &w))
		return false;
	const struct mem_range *r = as_find(t->v->as, w.pa);
	*pa = (uint32_t)w.pa.v;
	return !r || r->kind == RANGE_MMIO || (a->store && r->kind == RANGE_ROM);
}

void trace_access(struct trace *t, const struct access_view *a)
{
	uint32_t addr = a->addr;
	unsigned size = memop_size(a->memop);
	bool device = find_device(t, a, &addr);
	if (!(t->what & (device ? RHEA_TRACE_DEVICES | RHEA_TRACE_MEM : RHEA_TRACE_MEM)) || !begin_event(t))
		return;
	if (device)
		put_time(t);
	else
		addr = a->addr;
	put_byte(t, REC_ACCESS | (a->store ? ACCESS_STORE : 0) | (unsigned)__builtin_ctz(size) << ACCESS_SIZE |
		    (device ? ACCESS_DEVICE : 0));
	put_step(t, &t->pc, a->pc);
	put_step(t, &t->addr, addr);
	put_number(t, size < 8 ? a->value & ((UINT64_C(1) << (8 * size)) - 1) : a->value);
}

/* ---- beginning and end ---- */

enum rhea_status trace_open(struct trace **out, const struct rhea_trace *cfg, const char *machine, struct vcpu *v,
			    const struct symbols *syms, struct rhea_error *err)
{
	struct trace *t = *out = calloc(1, sizeof *t);
	if (!t)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	t->v = v;
	t->syms = syms;
	t->what = cfg->what ? cfg->what : RHEA_TRACE_BLOCKS;
	t->last = cfg->last;
	t->per_chunk = t->last && t->last < CHUNK_EVENTS ? MAX((uint32_t)t->last, 256u) : CHUNK_EVENTS;
	t->end = &t->first;
	t->raw = malloc(CHUNK_BYTES);
	t->machine = strdup(machine);
	enum rhea_status st = t->raw && t->machine ? report_file_open(&t->file, "a trace", cfg->path, false, err)
						   : error_set(err, RHEA_ERR_HOST, "out of host memory");
	if (!st)
		st = report_file_begin(&t->file, err);
	if (st) {
		trace_close(t);
		*out = NULL;
		return st;
	}
	begin_chunk(t);
	return RHEA_OK;
}

enum rhea_status trace_flush(struct trace *t, struct rhea_error *err)
{
	end_chunk(t);
	enum rhea_status st = t->last ? report_file_begin(&t->file, err) : RHEA_OK;
	if (st)
		return st;
	if (!t->head_done || t->last)
		write_head(t);
	for (const struct chunk *c = t->first; c; c = c->next)
		write_bytes(t, c->bytes, c->size);
	st = report_file_end(&t->file, err);
	return !st && t->broken ? error_set(err, RHEA_ERR_FILE, "the trace '%s' is not complete", t->file.path) : st;
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	while (t->first)
		drop_first(t);
	report_file_close(&t->file);
	free(t->machine);
	free(t->raw);
	free(t);
}
