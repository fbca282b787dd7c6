/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of text being typed on a terminal in raw mode: a cursor, erasing, history, completion. Works on whatever takes its bytes;
 * peers that send whole lines (scripts on a socket) use it just as well.
 */
#ifndef RHEA_LINE_EDITOR_H
#define RHEA_LINE_EDITOR_H

#include "base/base.h"

#define LINE_MAX_BYTES 1024u
#define LINE_HISTORY 64u

struct line_editor {
	void *opaque;
	void (*put)(void *opaque, const char *text, size_t n);  /* to the terminal */
	void (*done)(void *opaque, const char *line);           /* Enter; the editor is empty again */
	/* The i-th word that may stand where the last word of `line` begins, NULL when there are no more; may be NULL. */
	const char *(*complete)(void *opaque, const char *line, unsigned i);
	bool no_echo;                        /* what is typed is not shown */
	char line[LINE_MAX_BYTES];
	unsigned len, pos;                   /* pos: of the cursor */
	unsigned csi, number;                /* csi 1: ESC seen, 2: ESC [ or ESC O seen, and a number */
	bool last_cr;                        /* the last key ended a line: its \n is the same key */
	char *history[LINE_HISTORY];         /* newest first */
	unsigned n_history, at;              /* at: 0 = the new line, n = history[n - 1] */
};

/* Everything but the callbacks is zero at first. */
void line_editor_key(struct line_editor *e, uint8_t key);
/* Forgets what was typed, not the history. */
void line_editor_clear(struct line_editor *e);
void line_editor_free(struct line_editor *e);

#endif
