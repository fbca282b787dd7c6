/* SPDX-License-Identifier: Apache-2.0 */
/* The stub's line: bytes to packets and back, acknowledgements, and who is attached. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

#define GDB_CTRL_C 3
#define GDB_INPUT_ROOM 4096u

static const char digits[] = "0123456789abcdef";

/* ---- answers ---- */

void gdb_put(struct gdb *g, const char *fmt, ...)
{
	size_t room = GDB_PACKET_MAX - g->n_out;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(g->out + g->n_out, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		g->n_out += (uint32_t)MIN((size_t)n, room - 1);
}

void gdb_put_hex(struct gdb *g, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	for (; n && g->n_out + 2 <= GDB_PACKET_MAX; n--, b++) {
		g->out[g->n_out++] = digits[*b >> 4];
		g->out[g->n_out++] = digits[*b & 15];
	}
}

bool gdb_put_binary(struct gdb *g, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	uint32_t at = g->n_out;
	for (; n; n--, b++) {
		bool escape = *b == '#' || *b == '$' || *b == '}' || *b == '*';
		if (at + 2 > GDB_PACKET_MAX)
			return false;
		if (escape)
			g->out[at++] = '}';
		g->out[at++] = (char)(escape ? *b ^ 0x20 : *b);
	}
	g->n_out = at;
	return true;
}

void gdb_ok(struct gdb *g)
{
	g->n_out = 0;
	gdb_put(g, "OK");
}

void gdb_error(struct gdb *g, unsigned number)
{
	g->n_out = 0;
	gdb_put(g, "E%02x", number);
}

void gdb_send(struct gdb *g)
{
	uint8_t sum = 0, *p = g->last;
	*p++ = '$';
	for (uint32_t i = 0; i < g->n_out; i++)
		sum += *p++ = (uint8_t)g->out[i];
	*p++ = '#';
	*p++ = (uint8_t)digits[sum >> 4];
	*p++ = (uint8_t)digits[sum & 15];
	g->n_last = (uint32_t)(p - g->last);
	g->n_out = 0;
	chardev_write(g->chr, g->last, g->n_last);
}

/* Pc, sp and the like go along, so that a step needs no further question. */
static void put_expedited(struct gdb *g)
{
	static const uint8_t regs[] = {11, 13, 14, 15, 25};
	for (unsigned i = 0; i < sizeof regs; i++) {
		uint8_t buf[16];
		unsigned n = gdb_reg_read(g, regs[i], buf);
		gdb_put(g, "%02x:", regs[i]);
		gdb_put_hex(g, buf, n);
		gdb_put(g, ";");
	}
}

void gdb_put_stop(struct gdb *g)
{
	static const char *const names[] = {[STOP_WRITE] = "watch", [STOP_READ] = "rwatch", [STOP_ACCESS] = "awatch"};
	const struct stop_hit *hit = &g->t.vcpu->stops.last_hit;
	if (g->killed) {
		gdb_put(g, "W00");
		return;
	}
	gdb_put(g, "T%02xthread:1;", g->why == GDB_STOP_INTERRUPT ? 2u : 5u);
	if (g->why == GDB_STOP_HIT && hit->point.kind != STOP_EXEC)
		gdb_put(g, "%s:%x;", names[hit->point.kind], hit->addr);
	else if (g->why == GDB_STOP_HIT && g->reports_breaks)
		gdb_put(g, "%s:;", hit->point.owners & GDB_STOP_OWNER ? "swbreak" : "hwbreak");
	if (g->why == GDB_STOP_NO_HISTORY)
		gdb_put(g, "replaylog:begin;");
	if (g->why == GDB_STOP_HISTORY_ENDS)
		gdb_put(g, "replaylog:end;");
	put_expedited(g);
}

/* ---- reading packets ---- */

static int digit(char c)
{
	const char *p = c ? strchr(digits, c | 0x20) : NULL;
	return p && (c >= 'A' || c <= '9') ? (int)(p - digits) : -1;
}

bool gdb_take_hex(const char **p, uint64_t *value)
{
	const char *s = *p;
	uint64_t v = 0;
	for (int d; (d = digit(*s)) >= 0; s++) {
		if (v >> 60)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	if (s == *p)
		return false;
	*p = s;
	*value = v;
	return true;
}

bool gdb_take_u32(const char **p, uint32_t *value)
{
	uint64_t v;
	if (!gdb_take_hex(p, &v) || v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

bool gdb_take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

int gdb_unhex(const char *p, size_t n, void *buf, size_t size)
{
	uint8_t *out = buf;
	if (n % 2 || n / 2 > size)
		return -1;
	for (size_t i = 0; i < n; i += 2) {
		int hi = digit(p[i]), lo = digit(p[i + 1]);
		if (hi < 0 || lo < 0)
			return -1;
		*out++ = (uint8_t)(hi << 4 | lo);
	}
	return (int)(n / 2);
}

uint32_t gdb_unescape(char *p, uint32_t n)
{
	uint32_t to = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool escape = p[i] == '}' && i + 1 < n;
		p[to++] = (char)(escape ? p[++i] ^ 0x20 : p[i]);
	}
	return to;
}

/* ---- who is attached ---- */

static void attach(struct gdb *g)
{
	if (g->attached)
		return;
	g->attached = true;
	g->why = GDB_STOP_INTERRUPT;
	g->was_paused = g->t.is_paused(g->t.opaque);
	if (g->was_paused)
		g->why = GDB_STOP_TRAP;
	else
		g->t.pause(g->t.opaque);
}

void gdb_leave(struct gdb *g)
{
	bool resume = g->attached && !g->was_paused && !g->killed;
	gdb_close_files(g);
	vcpu_remove_stops(g->t.vcpu, GDB_STOP_OWNERS);
	g->attached = g->reports_breaks = g->no_ack = g->extended = g->xml = g->physical = g->killed = g->started = g->running = false;
	g->range_start = g->range_end = 0;
	g->note[0] = '\0';
	g->sstep = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;
	g->syscall_pending = false;
	g->syscall_result = -1;
	g->syscall_error = 9999;
	if (resume)
		g->t.resume(g->t.opaque, GDB_RUN_ON);
}

bool gdb_attached(const struct gdb *g)
{
	return g && g->attached;
}

void gdb_stopped(struct gdb *g, enum gdb_stop why)
{
	if (!g || !g->attached)
		return;
	g->why = why;
	if (!g->running)
		return;
	g->running = false;
	gdb_put_stop(g);
	gdb_send(g);
}

void gdb_say(struct gdb *g, const char *text)
{
	if (g && g->attached)
		snprintf(g->note, sizeof g->note, "%s", text);
}

/* By the monitor's `cont`: the client hears of the next stop. */
void gdb_resumed(struct gdb *g)
{
	if (g && g->attached)
		g->running = true;
}

void gdb_exited(struct gdb *g, int code)
{
	if (!g || !g->attached)
		return;
	gdb_put(g, "W%02x", (unsigned)code & 0xff);
	gdb_send(g);
}

/* ---- bytes ---- */

static void interrupt(struct gdb *g)
{
	if (g->syscall_pending)
		g->syscall_interrupted = true;
	else if (g->attached && g->running)
		g->t.pause(g->t.opaque);
}

static void acknowledge(struct gdb *g, char c)
{
	if (!g->no_ack)
		chardev_write(g->chr, (const uint8_t *)&c, 1);
}

static void packet_ends(struct gdb *g)
{
	if (g->sum != g->sum_sent || g->too_long) {
		acknowledge(g, '-');
		return;
	}
	acknowledge(g, '+');
	if (g->gone) /* found out just now */
		return;
	attach(g);
	g->in[g->n_in] = '\0';
	gdb_dispatch(g);
}

static void packet_begins(struct gdb *g)
{
	g->state = GDB_IN_PACKET;
	g->n_in = g->sum = 0;
	g->too_long = false;
}

static void between_packets(struct gdb *g, uint8_t c)
{
	if (c == '$')
		packet_begins(g);
	else if (c == GDB_CTRL_C)
		interrupt(g);
	else if (c == '-' && g->attached && !g->no_ack && g->n_last)
		chardev_write(g->chr, g->last, g->n_last);
}

static void in_packet(struct gdb *g, uint8_t c)
{
	if (c == '#') {
		g->state = GDB_IN_SUM_1;
	} else if (c == '$') { /* the rest of the last one was lost */
		packet_begins(g);
	} else {
		g->sum = (uint8_t)(g->sum + c);
		g->too_long |= g->n_in == GDB_PACKET_MAX;
		if (!g->too_long)
			g->in[g->n_in++] = (char)c;
	}
}

static void take_byte(struct gdb *g, uint8_t c)
{
	int d = digit((char)c);
	switch (g->state) {
	case GDB_IDLE:
		between_packets(g, c);
		break;
	case GDB_IN_PACKET:
		in_packet(g, c);
		break;
	case GDB_IN_SUM_1:
		g->too_long |= d < 0;
		g->sum_sent = (uint8_t)((unsigned)d << 4);
		g->state = GDB_IN_SUM_2;
		break;
	case GDB_IN_SUM_2:
		g->too_long |= d < 0;
		g->sum_sent |= (uint8_t)d;
		g->state = GDB_IDLE;
		packet_ends(g);
		break;
	}
}

static unsigned on_can_receive(void *dev)
{
	(void)dev;
	return GDB_INPUT_ROOM;
}

static void on_receive(void *dev, const uint8_t *buf, unsigned n)
{
	struct gdb *g = dev;
	g->gone = false;
	for (unsigned i = 0; i < n && !g->gone; i++)
		take_byte(g, buf[i]);
}

static void on_connected(void *dev, bool now)
{
	struct gdb *g = dev;
	g->state = GDB_IDLE;
	g->n_last = 0;
	if (now)
		return;
	g->gone = true; /* also when the next one is there already: what is left of these bytes is not his */
	gdb_leave(g);
}

struct gdb *gdb_new(const struct gdb_target *t, struct chardev *chr)
{
	struct gdb *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->t = *t;
	g->chr = chr;
	chr->dev = g;
	chr->can_receive = on_can_receive;
	chr->receive = on_receive;
	chr->connected = on_connected;
	gdb_leave(g);
	return g;
}

void gdb_free(struct gdb *g)
{
	if (!g)
		return;
	gdb_leave(g);
	g->chr->dev = NULL;
	g->chr->can_receive = NULL;
	g->chr->receive = NULL;
	g->chr->connected = NULL;
	free(g);
}
