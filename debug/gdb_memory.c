/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory for the stub. Devices answer as they would the guest, side effects included: peripheral registers are what
 * firmware people look at. Access rights do not count, and ROM can be written.
 */
#include <string.h>

#include "debug/gdb_parts.h"

#define E_ACCESS 14
#define E_ARGUMENT 22

/* The physical address, and for how many bytes it holds. */
static bool translate(const struct arm_cpu *cpu, bool physical, uint32_t addr, gpa_t *pa, uint32_t *room)
{
	struct mem_walk w = {0};
	*room = 1024 - (addr & 1023); /* the smallest piece that the MMU maps */
	*pa = GPA(addr);
	if (physical)
		return true;
	if (!arm_mmu_probe(cpu, GVA(addr), MEM_READ, arm_space_of(cpu->tb_flags), &w) &&
	    !arm_mmu_probe(cpu, GVA(addr), MEM_READ, arm_space_of(cpu->tb_flags | ARM_TB_PRIV), &w))
		return false;
	*pa = w.pa;
	return true;
}

static bool write_bytes(struct vcpu *v, bool physical, uint32_t addr, const uint8_t *buf, uint32_t n)
{
	for (uint32_t room; n; addr += room, buf += room, n -= room) {
		gpa_t pa;
		if (!translate(v->cpu, physical, addr, &pa, &room))
			return false;
		room = MIN(room, n);
		const struct mem_range *r = as_find(v->as, pa);
		if (!r || (r->kind == RANGE_MMIO ? as_write(v->as, pa, buf, room) : as_load(v->as, pa, buf, room)) != MEM_OK)
			return false; /* also where the guest would write to nowhere */
	}
	return true;
}

/* A device may notice that it is read. */
static bool read_piece(struct gdb *g, gpa_t pa, uint8_t *buf, uint32_t n)
{
	const struct mem_range *r = as_find(g->t.as, pa);
	const struct gdb_poke p = {.kind = GDB_PEEK, .physical = 1, .where = (uint32_t)pa.v, .size = n};
	if (!r)
		return false; /* also where the guest would read zeros */
	if (r->kind != RANGE_MMIO)
		return as_read(g->t.as, pa, buf, n) == MEM_OK;
	if (!g->t.poke(g->t.opaque, &p, NULL))
		return false;
	bool ok = as_read(g->t.as, pa, buf, n) == MEM_OK;
	g->t.poked(g->t.opaque, &p);
	return ok;
}

static bool read_bytes(struct gdb *g, uint32_t addr, uint8_t *buf, uint32_t n)
{
	for (uint32_t room; n; addr += room, buf += room, n -= room) {
		gpa_t pa;
		if (!translate(g->t.vcpu->cpu, g->physical, addr, &pa, &room))
			return false;
		room = MIN(room, n);
		if (!read_piece(g, pa, buf, room))
			return false;
	}
	return true;
}

/* Is it memory, and holds these bytes? */
static bool holds(const struct gdb *g, uint32_t addr, const uint8_t *buf, uint32_t n)
{
	uint8_t now[1024];
	for (uint32_t room; n; addr += room, buf += room, n -= room) {
		gpa_t pa;
		if (!translate(g->t.vcpu->cpu, g->physical, addr, &pa, &room))
			return false;
		room = MIN(room, n);
		const struct mem_range *r = as_find(g->t.as, pa);
		if (!r || r->kind == RANGE_MMIO || as_read(g->t.as, pa, now, room) != MEM_OK || memcmp(now, buf, room) != 0)
			return false;
	}
	return true;
}

bool gdb_memory(struct gdb *g, uint32_t addr, void *buf, uint32_t n, bool write)
{
	const struct gdb_poke p = {.kind = GDB_POKE_MEMORY, .physical = g->physical, .where = addr, .size = n};
	if (!write)
		return read_bytes(g, addr, buf, n);
	if (holds(g, addr, buf, n))
		return true;
	if (!g->t.poke(g->t.opaque, &p, buf))
		return false;
	bool ok = write_bytes(g->t.vcpu, g->physical, addr, buf, n);
	g->t.poked(g->t.opaque, &p);
	return ok;
}

void gdb_poke_again(struct vcpu *v, const struct gdb_poke *p, const void *bytes)
{
	uint8_t buf[1024];
	uint32_t value;
	switch ((enum gdb_poke_kind)p->kind) {
	case GDB_POKE_REG:
		memcpy(&value, bytes, sizeof value);
		gdb_set_reg(v->cpu, p->where, value);
		break;
	case GDB_POKE_MEMORY:
		write_bytes(v, p->physical, p->where, bytes, p->size);
		break;
	case GDB_PEEK:
		as_read(v->as, GPA(p->where), buf, MIN(p->size, (uint32_t)sizeof buf));
		break;
	}
}

/* ---- packets ---- */

/* "addr,length" and what `then` says; false, with an answer, when it is something else. */
static bool take_span(struct gdb *g, const char **p, uint32_t *addr, uint32_t *n, char then)
{
	bool ok = gdb_take_u32(p, addr) && gdb_take_char(p, ',') && gdb_take_u32(p, n);
	ok = ok && (then ? gdb_take_char(p, then) : !**p);
	if (!ok)
		gdb_error(g, E_ARGUMENT);
	return ok;
}

/* As many bytes as can be read, at least one. */
static uint32_t read_some(struct gdb *g, uint32_t addr, uint8_t *buf, uint32_t n)
{
	uint32_t done = 0;
	while (done < n) {
		uint32_t part = MIN(n - done, 1024 - ((addr + done) & 1023));
		if (!gdb_memory(g, addr + done, buf + done, part, false))
			break;
		done += part;
	}
	if (!done) /* a range may end inside the piece */
		while (done < MIN(n, 1024u) && gdb_memory(g, addr + done, buf + done, 1, false))
			done++;
	return done;
}

#define READ_MAX (GDB_PACKET_MAX / 2 - 8)

/* What "addr,length" asks for, as far as it can be had; its size in *n. False, with an answer, when nothing can. */
static bool read_asked(struct gdb *g, const char *args, uint8_t buf[READ_MAX], uint32_t *n)
{
	uint32_t addr, wanted;
	if (!take_span(g, &args, &addr, &wanted, 0))
		return false;
	*n = read_some(g, addr, buf, MIN(wanted, READ_MAX));
	if (!*n && wanted)
		gdb_error(g, E_ACCESS);
	return *n || !wanted;
}

void packet_read_memory(struct gdb *g, char *args, char *end)
{
	uint8_t buf[READ_MAX];
	uint32_t n;
	(void)end;
	if (read_asked(g, args, buf, &n))
		gdb_put_hex(g, buf, n);
}

void packet_read_binary(struct gdb *g, char *args, char *end)
{
	uint8_t buf[READ_MAX];
	uint32_t n;
	(void)end;
	if (!read_asked(g, args, buf, &n))
		return;
	gdb_put(g, "b");
	gdb_put_binary(g, buf, n);
}

static void write_memory(struct gdb *g, uint32_t addr, uint32_t n, void *bytes, int given)
{
	if (given < 0 || (uint32_t)given != n)
		gdb_error(g, E_ARGUMENT);
	else if (!gdb_memory(g, addr, bytes, n, true))
		gdb_error(g, E_ACCESS);
	else
		gdb_ok(g);
}

void packet_write_memory(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint8_t buf[GDB_PACKET_MAX / 2];
	uint32_t addr, n;
	if (take_span(g, &p, &addr, &n, ':'))
		write_memory(g, addr, n, buf, gdb_unhex(p, (size_t)(end - p), buf, sizeof buf));
}

void packet_write_binary(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint32_t addr, n;
	if (!take_span(g, &p, &addr, &n, ':'))
		return;
	char *bytes = args + (p - args);
	write_memory(g, addr, n, bytes, (int)gdb_unescape(bytes, (uint32_t)(end - bytes)));
}

/* The checksum that GDB's `compare-sections` wants: CRC-32 from the high bit down, not inverted. */
static uint32_t crc32_step(uint32_t crc, const uint8_t *buf, uint32_t n)
{
	while (n--) {
		crc ^= (uint32_t)*buf++ << 24;
		for (unsigned i = 0; i < 8; i++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
	}
	return crc;
}

#define CRC_MAX (64u << 20) /* bytes in one question: the guest and everything else wait for the answer */

void query_crc(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint8_t buf[1024];
	uint32_t addr, n, crc = UINT32_MAX;
	(void)end;
	if (!take_span(g, &p, &addr, &n, 0))
		return;
	if (n > CRC_MAX) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	while (n) {
		uint32_t part = MIN(n, (uint32_t)sizeof buf);
		if (!gdb_memory(g, addr, buf, part, false)) {
			gdb_error(g, E_ACCESS);
			return;
		}
		crc = crc32_step(crc, buf, part);
		addr += part;
		n -= part;
	}
	gdb_put(g, "C%x", crc);
}
