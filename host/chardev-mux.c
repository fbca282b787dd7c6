/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multiplexed console: one terminal for a serial port and the monitor. Ctrl-A starts a command to the
 * console itself; Ctrl-A C moves the keyboard between guest and monitor. Guest output always shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/line_editor.h"
#include "host/chardev-internal.h"

#define ESCAPE 0x01 /* Ctrl-A */
#define PROMPT "(rhea) "

struct mux {
	struct chardev_backend *b;
	bool escape;             /* the last key was Ctrl-A */
	bool monitor;            /* the keyboard belongs to the monitor */
	bool timestamps, at_bol; /* guest output: stamp lines, next byte begins one */
	uint64_t start_ns;
	struct line_editor edit;
};

static void edit_put(void *opaque, const char *text, size_t n);
static void edit_done(void *opaque, const char *line);
static const char *edit_complete(void *opaque, const char *line, unsigned i);

struct mux *mux_new(struct chardev_backend *b)
{
	struct mux *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->b = b;
	m->edit = (struct line_editor){.opaque = m, .put = edit_put, .done = edit_done, .complete = edit_complete};
	m->at_bol = true;
	m->start_ns = chardev_clock_ns();
	return m;
}

void mux_free(struct mux *m)
{
	if (!m)
		return;
	line_editor_free(&m->edit);
	free(m);
}

/* ---- output ---- */

static void put(struct mux *m, const char *text, size_t n)
{
	chardev_output(m->b, (const uint8_t *)text, n);
}

void mux_print(struct mux *m, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		put(m, text, n);
		text += n;
		if (*text) {
			put(m, m->b->crlf ? "\r\n" : "\n", m->b->crlf ? 2 : 1);
			text++;
		}
	}
}

static void put_timestamp(struct mux *m)
{
	char stamp[32];
	uint64_t ms = (chardev_clock_ns() - m->start_ns) / 1000000;
	int n = snprintf(stamp, sizeof stamp, "[%02u:%02u:%02u.%03u] ", (unsigned)(ms / 3600000), (unsigned)(ms / 60000 % 60),
			 (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
	put(m, stamp, (size_t)n);
}

void mux_guest_output(struct mux *m, const uint8_t *buf, size_t n)
{
	if (!m->timestamps) {
		if (n)
			m->at_bol = buf[n - 1] == '\n';
		chardev_output(m->b, buf, n);
		return;
	}
	while (n) {
		const uint8_t *nl = memchr(buf, '\n', n);
		size_t part = nl ? (size_t)(nl - buf) + 1 : n;
		if (m->at_bol)
			put_timestamp(m);
		m->at_bol = nl != NULL;
		chardev_output(m->b, buf, part);
		buf += part;
		n -= part;
	}
}

/* ---- the monitor's lines ---- */

static void edit_put(void *opaque, const char *text, size_t n)
{
	struct mux *m = opaque;
	if (n == 1 && *text == '\n')
		mux_print(m, "\n");
	else
		put(m, text, n);
}

static void edit_done(void *opaque, const char *line)
{
	struct mux *m = opaque;
	const struct chardev_set_owner *o = &m->b->set->owner;
	if (*line && o->monitor_line)
		o->monitor_line(o->opaque, line);
	if (m->monitor)
		mux_print(m, PROMPT);
}

static const char *edit_complete(void *opaque, const char *line, unsigned i)
{
	const struct mux *m = opaque;
	const struct chardev_set_owner *o = &m->b->set->owner;
	return o->monitor_complete ? o->monitor_complete(o->opaque, line, i) : NULL;
}

/* ---- Ctrl-A ---- */

static const char help_text[] = "\n"
				"Ctrl-A H       this help\n"
				"Ctrl-A X       quit rhea\n"
				"Ctrl-A C       switch the keyboard between serial port and monitor\n"
				"Ctrl-A T       switch time stamps in front of lines on or off\n"
				"Ctrl-A B       send a break to the serial port\n"
				"Ctrl-A Ctrl-A  send Ctrl-A\n";

static void toggle_monitor(struct mux *m)
{
	m->monitor = !m->monitor;
	line_editor_clear(&m->edit);
	mux_print(m, m->monitor ? "\nrhea monitor: 'help' lists the commands, Ctrl-A C goes back\n" PROMPT : "\n");
}

static void quit(struct mux *m)
{
	const struct chardev_set_owner *o = &m->b->set->owner;
	mux_print(m, "rhea: Terminated\n");
	if (o->quit)
		o->quit(o->opaque);
}

static void plain_key(struct mux *m, uint8_t key)
{
	if (m->monitor)
		line_editor_key(&m->edit, key);
	else
		chardev_queue_input(m->b, &key, 1);
}

static void escape_key(struct mux *m, uint8_t key)
{
	m->escape = false;
	switch (key) {
	case 'h': case 'H': case '?':
		mux_print(m, help_text);
		break;
	case 'x': case 'X':
		quit(m);
		break;
	case 'c': case 'C':
		toggle_monitor(m);
		break;
	case 't': case 'T':
		m->timestamps = !m->timestamps;
		break;
	case 'b': case 'B':
		chardev_queue_break(m->b);
		break;
	default: /* not a command: Ctrl-A twice sends it once, other keys pass as typed */
		plain_key(m, key);
	}
}

void mux_input(struct mux *m, const uint8_t *buf, size_t n)
{
	for (; n; n--, buf++) {
		if (m->escape)
			escape_key(m, *buf);
		else if (*buf == ESCAPE)
			m->escape = true;
		else
			plain_key(m, *buf);
	}
}
