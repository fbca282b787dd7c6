/* SPDX-License-Identifier: Apache-2.0 */
/* The records, in the host's byte order. Lines come before the code that they are of. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "debug/jitdump.h"
#include "debug/marks.h"

#define MAGIC 0x4a695444u /* "JiTD" */
#define NAME_SIZE 256u

enum record { RECORD_LOAD = 0, RECORD_DEBUG = 2, RECORD_CLOSE = 3 };

struct file_head {
	uint32_t magic, version, total_size, elf_mach, pad, pid;
	uint64_t timestamp, flags;
};
struct record_head {
	uint32_t id, total_size;
	uint64_t timestamp;
};
struct load {
	struct record_head head;
	uint32_t pid, tid;
	uint64_t vma, code_addr, code_size, code_index;
};
struct debug {
	struct record_head head;
	uint64_t code_addr, n;
};
struct debug_entry {
	uint64_t addr;
	uint32_t line, discriminator;
};
_Static_assert(sizeof(struct file_head) == 40 && sizeof(struct load) == 56 && sizeof(struct debug) == 32 &&
	       sizeof(struct debug_entry) == 16, "as the format has them");

struct jitdump {
	FILE *out;
	void *mapped;
	bool broken;
	uint64_t n;
	struct log *log;
	const struct symbols *syms;
	struct debuginfo *debuginfo;
};

/* What perf record -k mono stamps its samples with. */
static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put(struct jitdump *j, const void *data, size_t size)
{
	if (j->broken || fwrite(data, 1, size, j->out) == size)
		return;
	j->broken = true;
	log_printf(j->log, "rhea: the jitdump is incomplete: %s\n", strerror(errno));
}

static void put_code(struct jitdump *j, const char *name, uint64_t addr, const void *code, size_t size)
{
	struct load l = {
		.head = {RECORD_LOAD, (uint32_t)(sizeof l + strlen(name) + 1 + size), now()},
		.pid = (uint32_t)getpid(),
		.tid = (uint32_t)syscall(SYS_gettid),
		.vma = addr,
		.code_addr = addr,
		.code_size = size,
		.code_index = j->n++,
	};
	put(j, &l, sizeof l);
	put(j, name, strlen(name) + 1);
	put(j, code, size);
}

/* ---- lines ---- */

/* Calls nothing but counts bytes and entries when `write` is not set. */
static size_t each_line(struct jitdump *j, const struct tb_view *tb, bool write, uint64_t *n)
{
	const struct debug_tables *t = debuginfo_tables(j->debuginfo);
	uint32_t file = 0, line = 0;
	size_t size = 0;
	*n = 0;
	for (struct mark_cursor c = {.tb = tb}; marks_next(&c);) {
		const struct debug_line *l = debug_find_line(t, c.pc);
		if (!l || (l->file == file && l->line == line))
			continue;
		file = l->file;
		line = l->line;
		struct debug_entry e = {tb->host->code + c.offset, line, 0};
		if (write) {
			put(j, &e, sizeof e);
			put(j, t->file[file], strlen(t->file[file]) + 1);
		}
		size += sizeof e + strlen(t->file[file]) + 1;
		++*n;
	}
	return size;
}

static void put_lines(struct jitdump *j, const struct tb_view *tb)
{
	struct debug d = {.head = {.id = RECORD_DEBUG}, .code_addr = tb->host->code};
	size_t size = j->debuginfo ? each_line(j, tb, false, &d.n) : 0;
	if (!d.n)
		return;
	d.head.total_size = (uint32_t)(sizeof d + size);
	d.head.timestamp = now();
	put(j, &d, sizeof d);
	each_line(j, tb, true, &d.n);
}

/* ---- the file ---- */

/* perf takes the file's name from a mapping of it that may be executed. */
static const char *open_file(struct jitdump *j, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
	const char *why = NULL;
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		why = "it is no regular file";
	else if (ftruncate(fd, 0))
		why = strerror(errno);
	if (!why) {
		j->mapped = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		if (j->mapped == MAP_FAILED)
			why = "this file system forbids code (noexec): choose another directory";
	}
	if (!why && !(j->out = fdopen(fd, "w")))
		why = strerror(errno);
	if (why)
		close(fd);
	return why;
}

static void begin(struct jitdump *j, const struct codebuf *code)
{
	struct file_head h = {MAGIC, 1, sizeof h, EM_X86_64, 0, (uint32_t)getpid(), now(), 0};
	put(j, &h, sizeof h);
	put_code(j, "rhea-thunks", (uint64_t)(uintptr_t)code->rx, code->rw, (size_t)(code->mark - code->rw));
}

enum rhea_status jitdump_open(struct jitdump **out, const char *path, const struct codebuf *code, struct log *log,
			      const struct symbols *syms, struct debuginfo *d, struct rhea_error *err)
{
	char usual[64];
	snprintf(usual, sizeof usual, "jit-%ld.dump", (long)getpid());
	struct jitdump *j = *out = calloc(1, sizeof *j);
	if (!j)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	*j = (struct jitdump){.mapped = MAP_FAILED, .log = log, .syms = syms, .debuginfo = d};
	const char *why = open_file(j, path ? path : usual);
	if (!why) {
		begin(j, code);
		return RHEA_OK;
	}
	enum rhea_status st = error_set(err, RHEA_ERR_FILE, "cannot write jitdump '%s': %s", path ? path : usual, why);
	if (j->mapped != MAP_FAILED)
		munmap(j->mapped, PAGE_SIZE);
	free(j);
	*out = NULL;
	return st;
}

void jitdump_close(struct jitdump *j)
{
	if (!j)
		return;
	struct record_head end = {RECORD_CLOSE, sizeof end, now()};
	put(j, &end, sizeof end);
	if (fclose(j->out) && !j->broken)
		log_printf(j->log, "rhea: the jitdump is incomplete: %s\n", strerror(errno));
	munmap(j->mapped, PAGE_SIZE);
	free(j);
}

void jitdump_compiled(struct jitdump *j, const struct tb_view *tb)
{
	char name[NAME_SIZE];
	if (j->broken)
		return;
	symbols_print(j->syms, tb->pc_key & ~1u, name, sizeof name);
	put_lines(j, tb);
	put_code(j, name, tb->host->code, tb->host_code, tb->host->size);
}
