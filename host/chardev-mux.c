/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multiplexed console: one terminal for a serial port and the monitor. Ctrl-A starts a command to the
 * console itself; Ctrl-A C moves the keyboard between guest and monitor. Guest output always shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/chardev-internal.h"

#define ESCAPE 0x01 /* Ctrl-A */
#define PROMPT "(rhea) "
#define HISTORY 16

struct mux {
	struct chardev_backend *b;
	bool escape;             /* the last key was Ctrl-A */
	bool monitor;            /* the keyboard belongs to the monitor */
	bool timestamps, at_bol; /* guest output: stamp lines, next byte begins one */
	bool last_cr;            /* the last key ended a line: its \n is the same key */
	uint64_t start_ns;
	char line[256];
	unsigned len;
	unsigned csi;            /* 1: ESC seen, 2: ESC [ seen */
	char *history[HISTORY];  /* newest first */
	unsigned n_history, at;  /* at: 0 = the new line, n = history[n - 1] */
};

struct mux *mux_new(struct chardev_backend *b)
{
	struct mux *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->b = b;
	m->at_bol = true;
	m->start_ns = chardev_clock_ns();
	return m;
}

void mux_free(struct mux *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n_history; i++)
		free(m->history[i]);
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

/* ---- the monitor's line editor ---- */

static void erase_line(struct mux *m)
{
	for (; m->len; m->len--)
		put(m, "\b \b", 3);
}

static void show_line(struct mux *m, const char *text)
{
	erase_line(m);
	m->len = (unsigned)snprintf(m->line, sizeof m->line, "%s", text);
	put(m, m->line, m->len);
}

static void history_add(struct mux *m)
{
	if (!m->len || (m->n_history && strcmp(m->history[0], m->line) == 0))
		return;
	char *copy = strdup(m->line);
	if (!copy)
		return;
	if (m->n_history == HISTORY)
		free(m->history[--m->n_history]);
	memmove(m->history + 1, m->history, m->n_history * sizeof m->history[0]);
	m->history[0] = copy;
	m->n_history++;
}

static void history_move(struct mux *m, bool older)
{
	if (older ? m->at >= m->n_history : m->at == 0)
		return;
	m->at = older ? m->at + 1 : m->at - 1;
	show_line(m, m->at ? m->history[m->at - 1] : "");
}

static void line_done(struct mux *m)
{
	const struct chardev_set_owner *o = &m->b->set->owner;
	char line[sizeof m->line];
	m->line[m->len] = '\0';
	history_add(m);
	memcpy(line, m->line, m->len + 1); /* the owner may print, or end the monitor */
	m->len = 0;
	m->at = 0;
	mux_print(m, "\n");
	if (*line && o->monitor_line)
		o->monitor_line(o->opaque, line);
	if (m->monitor)
		mux_print(m, PROMPT);
}

static void erase_word(struct mux *m)
{
	bool word = false;
	while (m->len && (!word || m->line[m->len - 1] != ' ')) {
		word |= m->line[--m->len] != ' ';
		put(m, "\b \b", 3);
	}
}

static void edit_key(struct mux *m, uint8_t key)
{
	if (key == '\r' || key == '\n') {
		line_done(m);
	} else if (key == 0x7f || key == '\b') {
		if (m->len) {
			m->len--;
			put(m, "\b \b", 3);
		}
	} else if (key == 0x15) { /* Ctrl-U */
		erase_line(m);
	} else if (key == 0x17) { /* Ctrl-W */
		erase_word(m);
	} else if (key == 0x10 || key == 0x0e) { /* Ctrl-P, Ctrl-N */
		history_move(m, key == 0x10);
	} else if (key >= 0x20 && m->len < sizeof m->line - 1) {
		m->line[m->len++] = (char)key;
		put(m, (const char *)&key, 1);
	}
}

/* Takes arrow keys apart; other sequences are swallowed. */
static void monitor_key(struct mux *m, uint8_t key)
{
	bool second_half = key == '\n' && m->last_cr;
	m->last_cr = key == '\r';
	if (m->csi == 1) {
		m->csi = key == '[' ? 2 : 0;
	} else if (m->csi == 2) {
		if (key == 'A' || key == 'B')
			history_move(m, key == 'A');
		if (key >= 0x40)
			m->csi = 0;
	} else if (key == 0x1b) {
		m->csi = 1;
	} else if (!second_half) {
		edit_key(m, key);
	}
}

/* ---- Ctrl-A ---- */

static const char help_text[] = "\n"
				"Ctrl-A H       this help\n"
				"Ctrl-A X       quit rhea\n"
				"Ctrl-A C       switch the keyboard between serial port and monitor\n"
				"Ctrl-A T       switch time stamps in front of lines on or off\n"
				"Ctrl-A B       send a break (not supported yet)\n"
				"Ctrl-A Ctrl-A  send Ctrl-A\n";

static void toggle_monitor(struct mux *m)
{
	m->monitor = !m->monitor;
	m->len = m->csi = m->at = 0;
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
		monitor_key(m, key);
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
		mux_print(m, "\nrhea: sending a break is not supported yet\n");
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
