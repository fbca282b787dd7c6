/* SPDX-License-Identifier: Apache-2.0 */
/* The stub's q, Q and v packets: what it can do, documents, threads, monitor commands, vCont. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

#define E_ACCESS 14
#define E_ARGUMENT 22

/* ---- what it can do ---- */

void query_supported(struct gdb *g, char *args, char *end)
{
	(void)end;
	g->reports_breaks = strstr(args, "swbreak+") && strstr(args, "hwbreak+");
	gdb_put(g, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;qXfer:threads:read+;"
		   "vContSupported+;binary-upload+;swbreak+;hwbreak+", GDB_PACKET_MAX);
	if (!g->t.no_history(g->t.opaque))
		gdb_put(g, ";ReverseStep+;ReverseContinue+");
}

void set_no_ack(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_ok(g);
	gdb_send(g);
	g->silent = true;
	g->no_ack = true;
}

/* The client ends what it has begun (k), and lets go of what was there (D). */
void query_attached(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "%d", !g->started);
}

void query_symbol(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_ok(g);
}

/* ---- documents ---- */

/* "offset,length" of `text`: 'm' when more follows, 'l' for the rest. */
static void put_part(struct gdb *g, const char *p, const char *text)
{
	uint32_t offset, length;
	if (!gdb_take_u32(&p, &offset) || !gdb_take_char(&p, ',') || !gdb_take_u32(&p, &length) || *p) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	size_t size = strlen(text), left = offset < size ? size - offset : 0;
	size_t n = MIN(MIN(left, (size_t)length), (size_t)GDB_PACKET_MAX / 2 - 1);
	gdb_put(g, "%c", n < left ? 'm' : 'l');
	gdb_put_binary(g, text + MIN(offset, size), n);
}

static void put_document(struct gdb *g, const char *args, char *text)
{
	if (text)
		put_part(g, args, text);
	else
		gdb_error(g, E_ACCESS);
	free(text);
}

void query_features(struct gdb *g, char *args, char *end)
{
	static const char name[] = "target.xml:";
	(void)end;
	if (strncmp(args, name, sizeof name - 1) != 0) {
		gdb_error(g, 0);
		return;
	}
	g->xml = true;
	put_document(g, args + sizeof name - 1, gdb_target_xml());
}

/* "annex:offset,length" with an empty annex. */
static const char *no_annex(const char *args)
{
	return *args == ':' ? args + 1 : "";
}

void query_memory_map(struct gdb *g, char *args, char *end)
{
	(void)end;
	put_document(g, no_annex(args), gdb_memory_map(g));
}

/* ---- threads ---- */

void query_thread(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "QC1");
}

void query_threads(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, g->killed ? "l" : "m1");
}

void query_more_threads(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "l");
}

static const char *thread_text(const struct gdb *g)
{
	return g->running ? "running" : g->t.vcpu->cpu->halted ? "waits for an interrupt" : "stopped";
}

void query_thread_text(struct gdb *g, char *args, char *end)
{
	char text[64];
	(void)args, (void)end;
	int n = snprintf(text, sizeof text, "%s, %s", g->t.vcpu->cpu->model->name, thread_text(g));
	gdb_put_hex(g, text, (size_t)n);
}

void query_thread_list(struct gdb *g, char *args, char *end)
{
	char text[256] = "<?xml version=\"1.0\"?>\n<threads>\n</threads>\n";
	(void)end;
	if (!g->killed)
		snprintf(text, sizeof text, "<?xml version=\"1.0\"?>\n<threads>\n<thread id=\"1\" core=\"0\" name=\"%s\">%s</thread>\n</threads>\n",
			 g->t.vcpu->cpu->model->name, thread_text(g));
	put_part(g, no_annex(args), text);
}

/* ---- monitor commands ---- */

void gdb_put_console(struct gdb *g, const char *text)
{
	for (size_t left = strlen(text), n; left; left -= n, text += n) {
		n = MIN(left, (size_t)GDB_PACKET_MAX / 2 - 2);
		gdb_put(g, "O");
		gdb_put_hex(g, text, n);
		gdb_send(g);
	}
}

static void print_part(void *ctx, const char *text)
{
	gdb_put_console(ctx, text);
}

void query_monitor(struct gdb *g, char *args, char *end)
{
	char line[512];
	int n = gdb_unhex(args, (size_t)(end - args), line, sizeof line - 1);
	if (n < 0) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	line[n] = '\0';
	g->t.monitor(g->t.opaque, line, print_part, g);
	gdb_ok(g);
}

/* ---- how steps are done, as under QEMU ---- */

void query_step_bits(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ, SSTEP_NOTIMER);
}

void query_step(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "0x%x", g->sstep);
}

/* Time stands while the machine does: NOTIMER changes nothing. */
void set_step(struct gdb *g, char *args, char *end)
{
	const char *p = args;
	uint32_t bits;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	if (!gdb_take_u32(&p, &bits) || p != end || bits > 7) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	g->sstep = (uint8_t)bits;
	gdb_ok(g);
}

void query_physical(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "%d", g->physical);
}

void set_physical(struct gdb *g, char *args, char *end)
{
	(void)end;
	if (strcmp(args, "0") != 0 && strcmp(args, "1") != 0) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	g->physical = *args == '1';
	gdb_ok(g);
}

/* ---- vCont ---- */

void verbose_cont_query(struct gdb *g, char *args, char *end)
{
	(void)args, (void)end;
	gdb_put(g, "vCont;c;C;s;S;r");
}

/* One action, "r1000,1010:thread": it is the first that fits the one thread that counts. */
void verbose_cont(struct gdb *g, char *args, char *end)
{
	const char *p = args + 1;
	uint32_t first = 0, last = 0, signal;
	(void)end;
	bool ok = !g->killed;
	if (*args == 'r')
		ok = ok && gdb_take_u32(&p, &first) && gdb_take_char(&p, ',') && gdb_take_u32(&p, &last) && first <= last;
	else if (*args == 'C' || *args == 'S')
		ok = ok && gdb_take_u32(&p, &signal);
	else
		ok = ok && (*args == 'c' || *args == 's');
	if (!ok || (*p && *p != ':' && *p != ';')) {
		gdb_error(g, E_ARGUMENT);
		return;
	}
	g->range_start = first;
	g->range_end = last;
	gdb_resume(g, (*args | 0x20) == 'c' ? GDB_RUN_ON : gdb_step_kind(g));
}
