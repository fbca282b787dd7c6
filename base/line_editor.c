/* SPDX-License-Identifier: Apache-2.0 */
/* See line_editor.h. A terminal needs no more than backspace and overwriting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line_editor.h"

#define KEY_TAB 9
#define CTRL(letter) ((letter) & 0x1f)
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

/* What stands behind the cursor is shown anew, with `blanks` over what was there; the cursor comes back. */
static void show_tail(const struct line_editor *e, unsigned blanks)
{
	static const char spaces[] = "        ", backs[] = "\b\b\b\b\b\b\b\b";
	echo(e, e->line + e->pos, e->len - e->pos);
	for (unsigned n = blanks; n; n -= MIN(n, 8u))
		echo(e, spaces, MIN(n, 8u));
	for (unsigned n = blanks + e->len - e->pos; n; n -= MIN(n, 8u))
		echo(e, backs, MIN(n, 8u));
}

static void move_to(struct line_editor *e, unsigned pos)
{
	for (; e->pos > pos; e->pos--)
		echo(e, "\b", 1);
	if (e->pos < pos)
		echo(e, e->line + e->pos, pos - e->pos);
	e->pos = pos;
}

/* Takes the n characters at the cursor away. */
static void delete_here(struct line_editor *e, unsigned n)
{
	n = MIN(n, e->len - e->pos);
	memmove(e->line + e->pos, e->line + e->pos + n, e->len - e->pos - n);
	e->len -= n;
	if (n)
		show_tail(e, n);
}

/* Takes what is between `from` and the cursor, which is behind it. */
static void erase_to(struct line_editor *e, unsigned from)
{
	unsigned n = e->pos - from;
	move_to(e, from);
	delete_here(e, n);
}

static unsigned word_start(const struct line_editor *e)
{
	unsigned at = e->pos;
	while (at && e->line[at - 1] == ' ')
		at--;
	while (at && e->line[at - 1] != ' ')
		at--;
	return at;
}

static void add_char(struct line_editor *e, char c)
{
	if (e->len == sizeof e->line - 1)
		return;
	memmove(e->line + e->pos + 1, e->line + e->pos, e->len - e->pos);
	e->line[e->pos++] = c;
	e->len++;
	echo(e, &c, 1);
	if (e->pos < e->len)
		show_tail(e, 0);
}

static void show_line(struct line_editor *e, const char *text)
{
	move_to(e, e->len);
	erase_to(e, 0);
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
	move_to(e, e->len); /* it is the end that is completed */
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
	e->len = e->pos = e->at = 0;
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
		if (e->pos)
			erase_to(e, e->pos - 1);
		break;
	case CTRL('A'):
		move_to(e, 0);
		break;
	case CTRL('E'):
		move_to(e, e->len);
		break;
	case CTRL('B'):
		move_to(e, e->pos ? e->pos - 1 : 0);
		break;
	case CTRL('F'):
		move_to(e, MIN(e->pos + 1, e->len));
		break;
	case CTRL('D'):
		delete_here(e, 1);
		break;
	case CTRL('K'):
		delete_here(e, e->len - e->pos);
		break;
	case CTRL('U'):
		erase_to(e, 0);
		break;
	case CTRL('W'):
		erase_to(e, word_start(e));
		break;
	case CTRL('P'): case CTRL('N'):
		history_move(e, key == CTRL('P'));
		break;
	case KEY_TAB:
		complete(e);
		break;
	default:
		if (key >= 0x20)
			add_char(e, (char)key);
	}
}

/* The keys that terminals send as a sequence, as the control key that does the same: ESC [ letter, ESC O letter, ESC [ number ~. */
static uint8_t key_of(char last, unsigned number)
{
	static const struct {
		char last;
		uint8_t number, key;
	} keys[] = {
		{'A', 0, CTRL('P')}, {'B', 0, CTRL('N')}, {'C', 0, CTRL('F')}, {'D', 0, CTRL('B')}, {'H', 0, CTRL('A')},
		{'F', 0, CTRL('E')}, {'~', 1, CTRL('A')}, {'~', 7, CTRL('A')}, {'~', 4, CTRL('E')}, {'~', 8, CTRL('E')},
		{'~', 3, CTRL('D')},
	};
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].last == last && (last != '~' || keys[i].number == number))
			return keys[i].key;
	return 0;
}

/* Inside of a sequence. Those that mean nothing here are swallowed. */
static void sequence_key(struct line_editor *e, uint8_t key)
{
	if (e->csi == 1) {
		e->csi = key == '[' || key == 'O' ? 2 : 0;
		e->number = 0;
		return;
	}
	if (key >= '0' && key <= '9')
		e->number = MIN(e->number * 10 + (key - '0'), 1000u);
	if (key < 0x40)
		return;
	e->csi = 0;
	uint8_t means = key_of((char)key, e->number);
	if (means)
		edit_key(e, means);
}

void line_editor_key(struct line_editor *e, uint8_t key)
{
	bool second_half = key == '\n' && e->last_cr;
	e->last_cr = key == '\r';
	if (e->csi)
		sequence_key(e, key);
	else if (key == KEY_ESC)
		e->csi = 1;
	else if (!second_half)
		edit_key(e, key);
}

void line_editor_clear(struct line_editor *e)
{
	e->len = e->pos = e->csi = e->at = 0;
}

void line_editor_free(struct line_editor *e)
{
	for (unsigned i = 0; i < e->n_history; i++)
		free(e->history[i]);
	e->n_history = 0;
}
