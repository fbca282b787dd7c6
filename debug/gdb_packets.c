/* SPDX-License-Identifier: Apache-2.0 */
/* The stub's single-letter packets: running, registers, breakpoints; and the table of all packets. */
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

/* Error numbers of answers: clients show them and nothing more. */
#define E_RUNNING 1
#define E_ACCESS 14
#define E_ARGUMENT 22

static const struct {
	const char *name;
	gdb_handler *run;
	enum { ANY, STOPPED } when;
	const char *separators;
} packets[] = {
#define PACKET(name, handler, when, sep) {name, handler, when, sep},
#include "debug/gdb_packets.def"
#undef PACKET
};

/* The arguments, or NULL when the packet is another one. */
static char *match(unsigned i, char *packet)
{
	size_t n = strlen(packets[i].name);
	const char *sep = packets[i].separators;
	if (strncmp(packet, packets[i].name, n) != 0)
		return NULL;
	if (!sep || !packet[n])
		return packet + n;
	return *sep && strchr(sep, packet[n]) ? packet + n + 1 : NULL;
}

void gdb_dispatch(struct gdb *g)
{
	char *args = NULL, *end = g->in + g->n_in;
	g->n_out = 0;
	g->silent = false;
	for (unsigned i = 0; i < ARRAY_LEN(packets) && !args; i++) {
		args = match(i, g->in);
		if (args && packets[i].when == STOPPED && g->running)
			gdb_error(g, E_RUNNING);
		else if (args)
			packets[i].run(g, args, end);
	}
	if (!g->silent)
		gdb_send(g);
}

void packet_ignored(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_error(g, E_RUNNING);
}

/* ---- running ---- */

/* Clients take console output while they wait for a stop. */
static void say_note(struct gdb *g)
{
	if (g->note[0])
		gdb_put_console(g, g->note);
	g->note[0] = '\0';
}

void gdb_resume(struct gdb *g, enum gdb_run how)
{
	say_note(g);
	g->running = true;
	g->was_paused = false;
	g->silent = true;
	g->stepped_from = g->t.vcpu->cpu->pc;
	g->t.resume(g->t.opaque, how);
}

enum gdb_run gdb_step_kind(const struct gdb *g)
{
	return g->sstep & SSTEP_NOIRQ ? GDB_RUN_STEP : GDB_RUN_STEP_IRQ;
}

/* Where to go on, when the client says so. False when that makes no sense. */
static bool set_start(struct gdb *g, const char *p)
{
	uint64_t addr;
	if (!*p)
		return true;
	if (!gdb_take_hex(&p, &addr) || *p)
		return false;
	return gdb_reg_write(g, 15, (uint32_t)addr);
}

static void go(struct gdb *g, const char *args, enum gdb_run how)
{
	if (g->killed || !set_start(g, args)) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	g->range_start = g->range_end = 0;
	gdb_resume(g, how);
}

/* "signal[;address]": there is nobody to deliver a signal to. */
static void go_signal(struct gdb *g, const char *args, enum gdb_run how)
{
	const char *p = args;
	uint32_t signal;
	if (!gdb_take_u32(&p, &signal) || (*p && *p != ';'))
		gdb_error(g, E_ARGUMENT);
	else
		go(g, p + (*p == ';'), how);
}

void packet_continue(struct gdb *g, char *args, char *end)
{
	(void)end;
	go(g, args, GDB_RUN_ON);
}

void packet_continue_signal(struct gdb *g, char *args, char *end)
{
	(void)end;
	go_signal(g, args, GDB_RUN_ON);
}

void packet_step(struct gdb *g, char *args, char *end)
{
	(void)end;
	go(g, args, gdb_step_kind(g));
}

void packet_step_signal(struct gdb *g, char *args, char *end)
{
	(void)end;
	go_signal(g, args, gdb_step_kind(g));
}

static void reverse(struct gdb *g, bool step)
{
	const char *why = g->t.no_history(g->t.opaque);
	if (g->killed || why) {
		if (why && !g->killed)
			gdb_put(g, "E.%s", why);
		else
			gdb_error(g, E_ARGUMENT);
		return;
	}
	say_note(g);
	g->running = true;
	g->was_paused = false;
	g->silent = true;
	g->t.reverse(g->t.opaque, step);
}

void packet_reverse_continue(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	reverse(g, false);
}

void packet_reverse_step(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	reverse(g, true);
}

/* Between the halves of a Thumb BL or BLX: two instructions to an ARMv5 (DDI 0100I A7.1.17), one to every debugger. */
static bool inside_bl(struct gdb *g, uint32_t from, uint32_t now)
{
	uint8_t code[4];
	if (!(from & 1) || now != from + 2 || !gdb_memory(g, from & ~1u, code, 4, false))
		return false;
	return (code[1] & 0xf8) == 0xf0 && ((code[3] & 0xf8) == 0xf8 || (code[3] & 0xf8) == 0xe8);
}

bool gdb_steps_on(struct gdb *g)
{
	if (!g || !g->attached || !g->running)
		return false;
	uint32_t from = g->stepped_from, now = g->t.vcpu->cpu->pc;
	bool in_range = (now & ~1u) - g->range_start < g->range_end - g->range_start;
	g->stepped_from = now;
	return (in_range || inside_bl(g, from, now)) && !stops_at(&g->t.vcpu->stops, now);
}

bool gdb_steps_back_on(struct gdb *g)
{
	uint32_t now = g->t.vcpu->cpu->pc;
	return inside_bl(g, now - 2, now);
}

void packet_why(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put_stop(g);
}

/* ---- coming and going ---- */

void packet_extended(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	g->extended = true;
	gdb_ok(g);
}

void packet_detach(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_ok(g);
	gdb_send(g);
	g->silent = true;
	bool no_ack = g->no_ack, reports = g->reports_breaks;
	g->was_paused = false;
	gdb_leave(g);
	g->reports_breaks = reports;
	g->no_ack = no_ack; /* the line may be used on, by `target extended-remote` */
}

/* With extended-remote the machine waits for `run`; otherwise it ends, as under QEMU. */
void packet_kill(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	g->silent = true;
	if (g->extended)
		g->killed = true;
	else
		g->t.quit(g->t.opaque);
}

void verbose_kill(struct gdb *g, char *args, char *end)
{
	packet_kill(g, args, end);
	g->silent = false;
	gdb_ok(g);
}

static void restart(struct gdb *g)
{
	g->killed = false;
	g->t.reset(g->t.opaque);
	g->why = GDB_STOP_TRAP;
}

void packet_restart(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	g->silent = true;
	restart(g);
}

/* The program and its arguments are the machine's images: what the client names is not looked at. */
void verbose_run(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	restart(g);
	g->started = true;
	gdb_put_stop(g);
}

void verbose_attach(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	g->killed = false;
	gdb_put_stop(g);
}

/* ---- registers ---- */

#define REG_CPSR 25u

/* Without a target description clients expect GDB's oldest layout, with eight FPA registers between pc and cpsr. */
static bool in_g_packet(const struct gdb *g, uint32_t n)
{
	return n < 16 || n == REG_CPSR || !g->xml;
}

void packet_read_regs(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	for (uint32_t n = 0; n <= REG_CPSR; n++) {
		uint8_t buf[16];
		if (in_g_packet(g, n))
			gdb_put_hex(g, buf, gdb_reg_read(g, n, buf));
	}
}

static uint32_t le32(const uint8_t *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* cpsr first: it chooses the bank that the others are written to. */
void packet_write_regs(struct gdb *g, char *args, char *end)
{
	uint8_t buf[16 * 4 + 8 * 12 + 8];
	int n = gdb_unhex(args, (size_t)(end - args), buf, sizeof buf);
	uint32_t cpsr_at = g->xml ? 64u : 164u;
	if (n < 64) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	if ((uint32_t)n >= cpsr_at + 4)
		gdb_reg_write(g, REG_CPSR, le32(buf + cpsr_at));
	for (uint32_t i = 0; i < 16; i++)
		gdb_reg_write(g, i, le32(buf + 4 * i));
	gdb_ok(g);
}

void packet_read_reg(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint8_t buf[16];
	uint32_t n;
	unsigned size = gdb_take_u32(&p, &n) && p == end ? gdb_reg_read(g, n, buf) : 0;
	if (size)
		gdb_put_hex(g, buf, size);
	else
		gdb_error(g, E_ACCESS);
}

void packet_write_reg(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint8_t buf[16], old[16];
	uint32_t n;
	if (!gdb_take_u32(&p, &n) || !gdb_take_char(&p, '=')) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	unsigned size = gdb_reg_read(g, n, old);
	bool ok = size && gdb_unhex(p, (size_t)(end - p), buf, sizeof buf) == (int)size;
	if (ok && (size != 4 || gdb_reg_write(g, n, le32(buf)))) /* FPA registers: storage that nothing reads */
		gdb_ok(g);
	else
		gdb_error(g, E_ACCESS);
}

/* ---- threads: there is one ---- */

/* "1", "0" (any), "-1" (all), also with a process in front. */
static bool is_thread(const char *p)
{
	const char *dot = *p == 'p' ? strchr(p, '.') : NULL;
	p = dot ? dot + 1 : p;
	p += strspn(p, "0");
	return !strcmp(p, "") || !strcmp(p, "1") || !strcmp(p, "-1");
}

void packet_thread(struct gdb *g, char *args, char *end)
{
	(void)end;
	if ((*args == 'g' || *args == 'c') && args[1] && is_thread(args + 1))
		gdb_ok(g);
	else
		gdb_error(g, E_ARGUMENT);
}

void packet_thread_alive(struct gdb *g, char *args, char *end)
{
	(void)end;
	if (*args && !g->killed && is_thread(args))
		gdb_ok(g);
	else
		gdb_error(g, E_ARGUMENT);
}

/* ---- breakpoints ---- */

/* "type,addr,kind[;...]": types 0 and 1 are the same but for who is told, kind is a watchpoint's size. */
static bool take_stop(const char *p, struct stop_point *s)
{
	static const uint8_t kinds[] = {STOP_EXEC, STOP_EXEC, STOP_WRITE, STOP_READ, STOP_ACCESS};
	uint32_t type;
	*s = (struct stop_point){0};
	if (!gdb_take_u32(&p, &type) || type >= sizeof kinds || !gdb_take_char(&p, ',') || !gdb_take_u32(&p, &s->addr) ||
	    !gdb_take_char(&p, ',') || !gdb_take_u32(&p, &s->size))
		return false;
	s->kind = kinds[type];
	s->owners = type == 1 ? GDB_STOP_HARD_OWNER : GDB_STOP_OWNER;
	if (s->kind == STOP_EXEC) {
		s->addr &= ~1u;
		s->size = 0;
		return true;
	}
	return s->size && s->addr + (s->size - 1) >= s->addr;
}

void packet_insert_stop(struct gdb *g, char *args, char *end)
{
	struct stop_point s;
	(void)end;
	if (!take_stop(args, &s))
		gdb_error(g, E_ARGUMENT);
	else if (!vcpu_add_stop(g->t.vcpu, &s))
		gdb_error(g, E_ACCESS);
	else
		gdb_ok(g);
}

/* The same breakpoint set twice is one: the protocol wants it so. */
void packet_remove_stop(struct gdb *g, char *args, char *end)
{
	struct stop_point s;
	(void)end;
	if (!take_stop(args, &s)) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	vcpu_remove_stop(g->t.vcpu, &s);
	gdb_ok(g);
}
