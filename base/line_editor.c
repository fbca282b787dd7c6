/* SPDX-License-Identifier: Apache-2.0 */
/* See line_editor.h. The cursor is always at the end of the line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line_editor.h"

#define KEY_TAB 9
#define KEY_CTRL_U 0x15
#define KEY_CTRL_W 0x17
#define KEY_CTRL_P 0x10
#define KEY_CTRL_N 0x0e
#define KEY_ESC 0x1b
#define KEY_DELETE 0x7f

static void put(const struct line_editor *e, const char *text, size_t n)
{
	e->put(e->opaque, text, n);
}

static void echo(const struct line_editor *e, const char *text, size_t n)
{
	if (!e->no_echo)
		put(e, text, n);
}

static void erase_char(struct line_editor *e)
{
	if (!e->len)
		return;
	e->len--;
	echo(e, "\b \b", 3);
}

static void erase_word(struct line_editor *e)
{
	while (e->len && e->line[e->len - 1] == ' ')
		erase_char(e);
	while (e->len && e->line[e->len - 1] != ' ')
		erase_char(e);
}

static void add_char(struct line_editor *e, char c)
{
	if (e->len == sizeof e->line - 1)
		return;
	e->line[e->len++] = c;
	echo(e, &c, 1);
}

static void show_line(struct line_editor *e, const char *text)
{
	while (e->len)
		erase_char(e);
	while (*text)
		add_char(e, *text++);
}

/* ---- history ---- */

static void history_add(struct line_editor *e)
{
	if (!e->len || (e->n_history && strcmp(e->history[0], e->line) == 0))
		return;
	char *copy = strdup(e->line);
	if (!copy)
		return;
	if (e->n_history == LINE_HISTORY)
		free(e->history[--e->n_history]);
	memmove(e->history + 1, e->history, e->n_history * sizeof e->history[0]);
	e->history[0] = copy;
	e->n_history++;
}

static void history_move(struct line_editor *e, bool older)
{
	if (older ? e->at >= e->n_history : e->at == 0)
		return;
	e->at = older ? e->at + 1 : e->at - 1;
	show_line(e, e->at ? e->history[e->at - 1] : "");
}

/* ---- completion ---- */

static const char *candidate(struct line_editor *e, const char *word, unsigned *i)
{
	const char *c;
	size_t n = strlen(word);
	while ((c = e->complete(e->opaque, e->line, (*i)++)))
		if (strncmp(c, word, n) == 0)
			return c;
	return NULL;
}

static void show_candidates(struct line_editor *e, const char *word)
{
	const char *c;
	put(e, "\n", 1);
	for (unsigned i = 0; (c = candidate(e, word, &i));) {
		put(e, c, strlen(c));
		put(e, "  ", 2);
	}
	put(e, "\n", 1);
	put(e, e->line, e->len);
}

/* The part that all candidates share is typed; when that is nothing new they are shown. */
static void complete(struct line_editor *e)
{
	char shared[64] = "";
	unsigned n = 0;
	e->line[e->len] = '\0';
	const char *c, *word = strrchr(e->line, ' ');
	word = word ? word + 1 : e->line;
	size_t typed = strlen(word);
	if (typed >= sizeof shared)
		return;
	for (unsigned i = 0; e->complete && (c = candidate(e, word, &i)); n++) {
		if (!n)
			snprintf(shared, sizeof shared, "%s", c);
		size_t k = 0;
		while (shared[k] && shared[k] == c[k])
			k++;
		shared[k] = '\0';
	}
	for (const char *more = n ? shared + typed : ""; *more; more++)
		add_char(e, *more);
	if (n == 1)
		add_char(e, ' ');
	else if (n && strlen(shared) == typed && !e->no_echo)
		show_candidates(e, word);
}

/* ---- keys ---- */

static void line_done(struct line_editor *e)
{
	char line[sizeof e->line];
	e->line[e->len] = '\0';
	history_add(e);
	memcpy(line, e->line, e->len + 1); /* the owner may print, or end the editor's use */
	e->len = e->at = 0;
	echo(e, "\n", 1);
	e->done(e->opaque, line);
}

static void edit_key(struct line_editor *e, uint8_t key)
{
	switch (key) {
	case '\r': case '\n':
		line_done(e);
		break;
	case KEY_DELETE: case '\b':
		erase_char(e);
		break;
	case KEY_CTRL_U:
		show_line(e, "");
		break;
	case KEY_CTRL_W:
		erase_word(e);
		break;
	case KEY_CTRL_P: case KEY_CTRL_N:
		history_move(e, key == KEY_CTRL_P);
		break;
	case KEY_TAB:
		complete(e);
		break;
	default:
		if (key >= 0x20)
			add_char(e, (char)key);
	}
}

/* Takes arrow keys apart; other sequences are swallowed. */
void line_editor_key(struct line_editor *e, uint8_t key)
{
	bool second_half = key == '\n' && e->last_cr;
	e->last_cr = key == '\r';
	if (e->csi == 1) {
		e->csi = key == '[' ? 2 : 0;
	} else if (e->csi == 2) {
		if (key == 'A' || key == 'B')
			history_move(e, key == 'A');
		if (key >= 0x40)
			e->csi = 0;
	} else if (key == KEY_ESC) {
		e->csi = 1;
	} else if (!second_half) {
		edit_key(e, key);
	}
}

void line_editor_clear(struct line_editor *e)
{
	e->len = e->csi = e->at = 0;
}

void line_editor_free(struct line_editor *e)
{
	for (unsigned i = 0; i < e->n_history; i++)
		free(e->history[i]);
	e->n_history = 0;
}
