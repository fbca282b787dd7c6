/* SPDX-License-Identifier: Apache-2.0 */
/* The GDB stub between the machine and its character back end; breakpoints and watchpoints for clients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"
#include "api/rewind.h"

/* ---- what the stub asks of the machine ---- */

static bool is_paused(void *opaque)
{
	const struct rhea *m = opaque;
	return m->paused;
}

static void pause_machine(void *opaque)
{
	machine_pause(opaque, GDB_STOP_INTERRUPT);
}

static void resume_machine(void *opaque, enum gdb_run how)
{
	struct rhea *m = opaque;
	m->step = how;
	m->paused = m->pause_told = false; /* told of a pause that may come before a slice runs, too */
	m->reverse = REVERSE_NONE;
	rewind_cancel(m);
	vcpu_request_exit(m->vcpu);
}

static void reverse_machine(void *opaque, bool step)
{
	struct rhea *m = opaque;
	m->reverse = step ? REVERSE_STEP : REVERSE_CONTINUE;
	m->pause_told = false;
	vcpu_request_exit(m->vcpu);
}

static void reset_machine(void *opaque)
{
	struct rhea *m = opaque;
	rhea_reset(m);
	m->paused = true;
}

static void quit_machine(void *opaque)
{
	struct rhea *m = opaque;
	m->quit_requested = true;
	vcpu_request_exit(m->vcpu);
}

static void run_monitor(void *opaque, const char *line, void (*print)(void *ctx, const char *text), void *ctx)
{
	struct rhea *m = opaque;
	m->gdb_busy = true;
	rhea_monitor(m, line, print, ctx);
	m->gdb_busy = false;
}

static bool wait_for_input(void *opaque)
{
	struct rhea *m = opaque;
	if (m->quit_requested || atomic_load(&m->vcpu->stop))
		return false;
	poll_set_wait(m->polls, POLL_FOREVER);
	return true;
}

static struct gdb_target gdb_target_of(struct rhea *m)
{
	return (struct gdb_target){
		.opaque = m,
		.vcpu = m->vcpu,
		.as = m->as,
		.is_paused = is_paused,
		.pause = pause_machine,
		.resume = resume_machine,
		.reset = reset_machine,
		.quit = quit_machine,
		.monitor = run_monitor,
		.wait = wait_for_input,
		.no_history = machine_no_history,
		.reverse = reverse_machine,
		.poke = machine_poke,
		.poked = machine_poked,
	};
}

/* ---- opening ---- */

#define DEFAULT_PORT "1234"

/* A client connects, as the stub is a server unless told otherwise; a port without a host is this host's alone. */
static void server_spec(const char *spec, char *out, size_t size)
{
	char tail[32];
	snprintf(tail, sizeof tail, "%s%s", strstr(spec, "server") ? "" : ",server=on", strstr(spec, "wait") ? "" : ",wait=off");
	if (strncmp(spec, "tcp:", 4) == 0)
		snprintf(out, size, "tcp:%s%s%s%s", spec[4] == ':' ? "127.0.0.1" : "", spec + 4,
			 strstr(spec, "nodelay") ? "" : ",nodelay=on", tail);
	else if (strncmp(spec, "unix:", 5) == 0)
		snprintf(out, size, "%s%s", spec, tail);
	else
		snprintf(out, size, "%s", spec);
}

static void close_gdb(struct rhea *m)
{
	gdb_free(m->gdb);
	m->gdb = NULL;
	chardev_set_close(m->chardevs, &m->gdb_line);
}

enum rhea_status rhea_gdb_open(struct rhea *m, const char *spec, struct rhea_error *err)
{
	char full[512];
	struct gdb_target t = gdb_target_of(m);
	if (m->gdb_busy)
		return error_set(err, RHEA_ERR_USAGE, "the debugger that asks for it is using it");
	close_gdb(m);
	if (strcmp(spec, "none") == 0)
		return RHEA_OK;
	if (strncmp(spec, "mon:", 4) == 0 || strlen(spec) > sizeof full - 64)
		return error_set(err, RHEA_ERR_USAGE, "-gdb %.100s: expected tcp:[HOST]:PORT, unix:PATH, stdio, pty or none", spec);
	server_spec(*spec ? spec : "tcp::" DEFAULT_PORT, full, sizeof full);
	m->gdb = gdb_new(&t, &m->gdb_line);
	if (!m->gdb)
		return error_set(err, RHEA_ERR_HOST, "-gdb: out of host memory");
	enum rhea_status st = chardev_set_open(m->chardevs, &m->gdb_line, full, err);
	if (st) {
		gdb_free(m->gdb);
		m->gdb = NULL;
	}
	return st;
}

void machine_close_gdb(struct rhea *m)
{
	gdb_free(m->gdb);
	m->gdb = NULL;
}

/* ---- stops ---- */

void machine_pause(struct rhea *m, enum gdb_stop why)
{
	m->step = GDB_RUN_ON;
	m->reverse = REVERSE_NONE;
	m->paused = true;
	m->why_paused = why;
	rewind_cancel(m);
	vcpu_request_exit(m->vcpu);
}

bool machine_met_stop(struct rhea *m, struct rhea_event *ev)
{
	const struct stop_hit *hit = &m->vcpu->stops.last_hit;
	if (hit->point.owners & GDB_STOP_OWNERS)
		machine_pause(m, GDB_STOP_HIT);
	if (!(hit->point.owners & CLIENT_STOP_OWNER))
		return false;
	ev->kind = RHEA_EVENT_BREAK;
	ev->addr = hit->addr;
	ev->stop = (enum rhea_stop_kind)hit->point.kind;
	return true;
}

static enum rhea_status to_point(enum rhea_stop_kind kind, uint32_t addr, uint32_t size, struct stop_point *p,
				 struct rhea_error *err)
{
	static const uint8_t kinds[] = {
		[RHEA_STOP_EXEC] = STOP_EXEC, [RHEA_STOP_WRITE] = STOP_WRITE, [RHEA_STOP_READ] = STOP_READ,
		[RHEA_STOP_ACCESS] = STOP_ACCESS,
	};
	if ((unsigned)kind >= ARRAY_LEN(kinds) || (kind != RHEA_STOP_EXEC && (!size || addr + (size - 1) < addr)))
		return error_set(err, RHEA_ERR_USAGE, "no such breakpoint: kind %u, 0x%08x, %u bytes", (unsigned)kind, addr, size);
	*p = (struct stop_point){.addr = addr, .size = size, .kind = kinds[kind], .owners = CLIENT_STOP_OWNER};
	if (kind == RHEA_STOP_EXEC) {
		p->addr &= ~1u;
		p->size = 0;
	}
	return RHEA_OK;
}

enum rhea_status rhea_add_stop(struct rhea *m, enum rhea_stop_kind kind, uint32_t addr, uint32_t size,
			       struct rhea_error *err)
{
	struct stop_point p;
	enum rhea_status st = to_point(kind, addr, size, &p, err);
	if (!st && !vcpu_add_stop(m->vcpu, &p))
		st = error_set(err, RHEA_ERR_HOST, "breakpoint: out of host memory");
	return st;
}

enum rhea_status rhea_remove_stop(struct rhea *m, enum rhea_stop_kind kind, uint32_t addr, uint32_t size,
				  struct rhea_error *err)
{
	struct stop_point p;
	enum rhea_status st = to_point(kind, addr, size, &p, err);
	if (!st && !vcpu_remove_stop(m->vcpu, &p))
		st = error_set(err, RHEA_ERR_USAGE, "there is no breakpoint at 0x%08x to remove", addr);
	return st;
}
