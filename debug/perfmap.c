/* SPDX-License-Identifier: Apache-2.0 */
/* The perf map. Whatever happens to the file, the guest never notices. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "debug/perfmap.h"

struct perfmap {
	FILE *out;
	bool broken;
	const struct codebuf *code;
	struct log *log;
	const struct symbols *syms;
};

static void check(struct perfmap *p, bool ok)
{
	if (ok || p->broken)
		return;
	p->broken = true;
	log_printf(p->log, "rhea: the perf map is incomplete: %s\n", strerror(errno));
}

static void begin(struct perfmap *p)
{
	int n = fprintf(p->out, "%" PRIxPTR " %zx rhea-thunks\n", (uintptr_t)p->code->rx,
			(size_t)(p->code->mark - p->code->rw));
	check(p, n > 0);
}

/* No link is followed: the name in /tmp is one that everybody can guess. */
static enum rhea_status open_file(const char *path, FILE **out, struct rhea_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
	const char *why = NULL;
	if (fd < 0)
		why = strerror(errno);
	else if (flock(fd, LOCK_EX | LOCK_NB))
		why = errno == EWOULDBLOCK ? "another machine writes it" : strerror(errno);
	else if (ftruncate(fd, 0))
		why = errno == EINVAL ? "it is no regular file" : strerror(errno);
	*out = why ? NULL : fdopen(fd, "a");
	if (*out) {
		setvbuf(*out, NULL, _IOLBF, BUFSIZ);
		return RHEA_OK;
	}
	enum rhea_status st = error_set(err, RHEA_ERR_FILE, "cannot write perf map '%s': %s", path, why ? why : strerror(errno));
	if (fd >= 0)
		close(fd);
	return st;
}

enum rhea_status perfmap_open(struct perfmap **out, const char *path, const struct codebuf *code, struct log *log,
			      const struct symbols *syms, struct rhea_error *err)
{
	char usual[64];
	snprintf(usual, sizeof usual, "/tmp/perf-%ld.map", (long)getpid());
	struct perfmap *p = *out = calloc(1, sizeof *p);
	if (!p)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	*p = (struct perfmap){.code = code, .log = log, .syms = syms};
	enum rhea_status st = open_file(path ? path : usual, &p->out, err);
	if (st) {
		free(p);
		*out = NULL;
		return st;
	}
	begin(p);
	return RHEA_OK;
}

void perfmap_close(struct perfmap *p)
{
	if (!p)
		return;
	check(p, fclose(p->out) == 0);
	free(p);
}

void perfmap_compiled(struct perfmap *p, const struct tb_view *tb)
{
	char name[256];
	if (p->broken)
		return;
	symbols_print(p->syms, tb->pc_key & ~1u, name, sizeof name);
	check(p, fprintf(p->out, "%" PRIx64 " %" PRIx32 " %s\n", tb->host->code, tb->host->size, name) > 0);
}

void perfmap_flushed(struct perfmap *p)
{
	if (p->broken)
		return;
	check(p, fflush(p->out) == 0 && ftruncate(fileno(p->out), 0) == 0);
	begin(p);
}
