/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors beside the console's (-monitor, -qmp): each a character back end with a line editor, or the machine protocol. */
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"
#include "base/line_editor.h"

#define PROMPT "(rhea) "

struct machine_monitor {
	struct machine_monitor *next;
	struct rhea *m;
	struct chardev line;
	struct qmp *qmp; /* NULL: text */
	struct line_editor edit;
	bool gone;
};

/* ---- text ---- */

static void put(void *opaque, const char *text, size_t n)
{
	struct machine_monitor *mon = opaque;
	for (size_t part; n; text += part, n -= part) {
		const char *nl = memchr(text, '\n', n);
		part = nl ? (size_t)(nl - text) + 1 : n;
		chardev_write(&mon->line, (const uint8_t *)text, (unsigned)(part - (nl != NULL)));
		if (nl)
			chardev_write(&mon->line, (const uint8_t *)"\r\n", 2);
	}
}

static void print(void *opaque, const char *text)
{
	put(opaque, text, strlen(text));
}

static void on_line(void *opaque, const char *line)
{
	struct machine_monitor *mon = opaque;
	if (*line)
		rhea_monitor(mon->m, line, print, mon);
	if (!mon->gone)
		print(mon, PROMPT);
}

static const char *on_complete(void *opaque, const char *line, unsigned i)
{
	(void)opaque;
	return monitor_complete(line, i);
}

static unsigned on_can_receive(void *dev)
{
	(void)dev;
	return 1024;
}

static void on_receive(void *dev, const uint8_t *buf, unsigned n)
{
	struct machine_monitor *mon = dev;
	for (unsigned i = 0; i < n && !mon->gone; i++)
		line_editor_key(&mon->edit, buf[i]);
}

static void on_connected(void *dev, bool now)
{
	struct machine_monitor *mon = dev;
	mon->gone = !now;
	line_editor_clear(&mon->edit);
	if (now)
		print(mon, "rhea monitor: 'help' lists the commands\n" PROMPT);
}

static void connect_text(struct machine_monitor *mon)
{
	mon->edit = (struct line_editor){.opaque = mon, .put = put, .done = on_line, .complete = on_complete};
	mon->line.dev = mon;
	mon->line.can_receive = on_can_receive;
	mon->line.receive = on_receive;
	mon->line.connected = on_connected;
}

/* ---- the protocol ---- */

static struct monitor_target target(void *opaque)
{
	return machine_monitor_target(opaque);
}

static void run_line(void *opaque, const char *line, void (*to)(void *ctx, const char *text), void *ctx)
{
	rhea_monitor(opaque, line, to, ctx);
}

static bool connect_qmp(struct machine_monitor *mon)
{
	struct qmp_owner owner = {.opaque = mon->m, .target = target, .monitor = run_line, .version = rhea_version()};
	mon->qmp = qmp_new(&owner, &mon->line);
	return mon->qmp != NULL;
}

void machine_event(struct rhea *m, enum qmp_event what, bool guest)
{
	for (struct machine_monitor *mon = m->monitors; mon; mon = mon->next)
		if (mon->qmp)
			qmp_event(mon->qmp, what, guest);
}

/* ---- opening and closing ---- */

static void monitor_free(struct machine_monitor *mon)
{
	qmp_free(mon->qmp);
	mon->line = (struct chardev){.backend = mon->line.backend, .write = mon->line.write};
	chardev_set_close(mon->m->chardevs, &mon->line);
	line_editor_free(&mon->edit);
	free(mon);
}

enum rhea_status rhea_monitor_open(struct rhea *m, const char *spec, bool qmp, struct rhea_error *err)
{
	if (strncmp(spec, "mon:", 4) == 0)
		return error_set(err, RHEA_ERR_USAGE, "-%s %.100s: mon: is for -serial", qmp ? "qmp" : "monitor", spec);
	struct machine_monitor *mon = calloc(1, sizeof *mon);
	if (!mon)
		return error_set(err, RHEA_ERR_HOST, "monitor: out of host memory");
	mon->m = m;
	if (!qmp)
		connect_text(mon);
	else if (!connect_qmp(mon)) {
		free(mon);
		return error_set(err, RHEA_ERR_HOST, "monitor: out of host memory");
	}
	enum rhea_status st = chardev_set_open(m->chardevs, &mon->line, spec, err);
	if (st) {
		monitor_free(mon);
		return st;
	}
	mon->next = m->monitors;
	m->monitors = mon;
	return RHEA_OK;
}

void machine_close_monitors(struct rhea *m)
{
	while (m->monitors) {
		struct machine_monitor *mon = m->monitors;
		m->monitors = mon->next;
		monitor_free(mon);
	}
}
