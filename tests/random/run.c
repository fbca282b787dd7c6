/* SPDX-License-Identifier: Apache-2.0 */
/* Images of sequences, and running an emulator on one. No shell is involved. */
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TABLE_OFFSET 0x30000u /* TABLE - 0x10000 of runner.S */
#define TABLE_BYTES_MAX 0x3b0000u

static size_t read_whole(const char *path, uint8_t *buf, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, max, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static size_t put_entry(uint8_t *p, const struct sequence *s)
{
	struct entry e = s->entry;
	uint8_t code[CODE_BYTES_MAX];

	e.code_bytes = (sequence_code(s, code) + 3) & ~3u;
	e.size = (uint32_t)((sizeof(e) + e.code_bytes + 7) & ~7u);
	memcpy(p, &e, sizeof(e));
	memcpy(p + sizeof(e), code, e.code_bytes);
	return e.size;
}

bool image_write(const char *path, const char *runner_path, const struct sequence *seqs, unsigned n)
{
	static const size_t max = TABLE_OFFSET + TABLE_BYTES_MAX;
	uint8_t *image = calloc(1, max + sizeof(struct entry) + CODE_BYTES_MAX);
	size_t used = TABLE_OFFSET;
	bool ok = false;
	FILE *f;

	if (!image)
		return false;
	if (!read_whole(runner_path, image, 0x1000)) {
		fprintf(stderr, "random-vs-qemu: cannot read the runner %s\n", runner_path);
		goto out;
	}
	for (unsigned i = 0; i < n && used < max; i++)
		used += put_entry(image + used, &seqs[i]);
	if (used >= max) {
		fprintf(stderr, "random-vs-qemu: the batch is too large\n");
		goto out;
	}
	f = fopen(path, "wb");
	if (f) {
		ok = fwrite(image, 1, used + 4, f) == used + 4;
		ok = fclose(f) == 0 && ok;
	}
	if (!ok)
		fprintf(stderr, "random-vs-qemu: cannot write %s: %s\n", path, strerror(errno));
out:
	free(image);
	return ok;
}

/* The command's words, then the board's options. */
static char **make_argv(char *words, const char *image)
{
	const char *const tail[] = { "-M", "versatilepb", "-m", "128", "-kernel", image, "-nographic", "-semihosting",
				     "-monitor", "none", "-serial", "null" };
	char **argv = calloc(strlen(words) + ARRAY_LEN(tail) + 2, sizeof(*argv));
	unsigned n = 0;

	if (!argv)
		abort();
	for (char *save = NULL, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	for (unsigned i = 0; i < ARRAY_LEN(tail); i++)
		argv[n++] = (char *)(uintptr_t)tail[i];
	return argv;
}

static pid_t start(const char *command, const char *image, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);
		char *words = strdup(command);
		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		setenv("QEMU_AUDIO_DRV", "none", 1);
		char **argv = make_argv(words, image);
		execvp(argv[0], argv);
		fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

static void take_line(char *line, struct result *results, unsigned n, char *noise, size_t noise_size)
{
	struct result r = { .there = true };
	char *p = line + 1;

	for (unsigned i = 0; line[0] == 'S' && i < RESULT_WORDS; i++) {
		char *end;
		r.word[i] = (uint32_t)strtoul(p, &end, 16);
		if (end == p)
			break;
		p = end;
		if (i + 1 == RESULT_WORDS && r.word[0] < n) {
			results[r.word[0]] = r;
			return;
		}
	}
	if (noise && !strstr(line, "module audio") && !strstr(line, "ALSA")) {
		size_t used = strlen(noise);
		snprintf(noise + used, noise_size - used, "%s\n", line);
	}
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool run_image(const char *command, const char *image, unsigned timeout_s, struct result *results, unsigned n,
	       char *noise, size_t noise_size)
{
	char buf[8192];
	size_t used = 0;
	int fd = -1, status = 0;
	bool late = false;
	double deadline = now() + timeout_s;
	pid_t pid = start(command, image, &fd);

	if (pid < 0)
		return false;
	memset(results, 0, n * sizeof(*results));
	if (noise)
		noise[0] = 0;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int left = (int)((deadline - now()) * 1000);
		if (left <= 0 || poll(&p, 1, left) <= 0) {
			late = true;
			break;
		}
		ssize_t got = read(fd, buf + used, sizeof(buf) - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
		buf[used] = 0;
		char *from = buf;
		for (char *nl; (nl = strchr(from, '\n')); from = nl + 1) {
			*nl = 0;
			take_line(from, results, n, noise, noise_size);
		}
		used = strlen(from);
		memmove(buf, from, used + 1);
		if (used == sizeof(buf) - 1)
			used = 0;
	}
	close(fd);
	if (late)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (noise && WIFSIGNALED(status)) {
		size_t len = strlen(noise);
		snprintf(noise + len, noise_size - len, "%s by signal %d\n",
			 late ? "stopped after the time limit" : "killed", WTERMSIG(status));
	}
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}
