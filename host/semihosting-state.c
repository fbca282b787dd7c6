/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting in snapshots: the clock's start, the last error, the table of handles. */
#include <unistd.h>

#include "base/state.h"
#include "host/semihosting-internal.h"

static const struct state_field fields[] = {
	STATE_NOT(struct semihosting, t, "what the machine was made with"),
	STATE(struct semihosting, t.heap_base),
	STATE(struct semihosting, t.heap_limit),
	STATE(struct semihosting, start_ns),
	STATE_NOT(struct semihosting, param, "used up within one call"),
	STATE(struct semihosting, error),
	STATE_EACH(struct semihosting, files, kind, SEMIHOSTING_REMOTE),
	STATE_NOT_EACH(struct semihosting, files, fd, "the host's"),
	STATE_EACH(struct semihosting, files, pos, 5),
	STATE_EACH(struct semihosting, files, offset, INT64_MAX),
	STATE_NOT_EACH(struct semihosting, files, open, "the host's"),
};
static const struct state_desc desc = {.name = "semihosting", .size = sizeof(struct semihosting), .version = 1, STATE_FIELDS(fields)};

void semihosting_state_part(struct semihosting *s, struct state_part *part)
{
	*part = (struct state_part){"semihosting", 0, s, &desc};
}

unsigned semihosting_open_files(const struct semihosting *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < SEMIHOSTING_HANDLES; i++)
		n += s->files[i].kind == SEMIHOSTING_HOST || s->files[i].kind == SEMIHOSTING_REMOTE;
	return n;
}

void semihosting_state_before(struct semihosting *s)
{
	for (unsigned i = 0; i < SEMIHOSTING_HANDLES; i++) {
		struct semihosting_file *f = &s->files[i];
		f->open = f->kind == SEMIHOSTING_HOST;
		off_t at = f->open ? lseek(f->fd, 0, SEEK_CUR) : 0;
		f->offset = at > 0 ? (uint64_t)at : 0;
	}
}

void semihosting_state_after(struct semihosting *s)
{
	for (unsigned i = 0; i < SEMIHOSTING_HANDLES; i++) {
		struct semihosting_file *f = &s->files[i];
		if (f->kind == SEMIHOSTING_HOST && f->open)
			(void)lseek(f->fd, (off_t)f->offset, SEEK_SET); /* a pipe has no place */
		else if (f->kind == SEMIHOSTING_HOST || f->kind == SEMIHOSTING_REMOTE) /* a debugger has its own present */
			f->kind = SEMIHOSTING_FREE;
		else if (f->open)
			close(f->fd);
	}
}
