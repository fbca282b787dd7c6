/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshots KERNEL DTB INITRD [SEED [INSNS]]: boots Linux once for INSNS instructions under icount, keeping snapshots in memory and
 * one in a file at random points; then goes on from each of them, from the file in a new machine, and must come to the
 * same state and the same console output. A failure means that something is missing in snapshots; it names the field.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/machine_state.h"

#define POINTS 4u

struct linux_machine {
	struct rhea *m;
	char *out;
	size_t n, cap;
};

static int fail(const char *what)
{
	fprintf(stderr, "snapshots: %s\n", what);
	return 1;
}

static void console(void *opaque, const uint8_t *buf, size_t len)
{
	struct linux_machine *l = opaque;
	for (size_t i = 0; i < len; i++) {
		if (l->n == l->cap)
			l->out = realloc(l->out, l->cap = l->cap * 2 + 4096);
		l->out[l->n++] = (char)buf[i];
	}
}

static bool make(struct linux_machine *l, char **image)
{
	const struct rhea_config cfg = {.machine = "versatilepb", .icount = true, .icount_shift = 2, .icount_no_sleep = true, .rtc_base_set = true,
					.rtc_base = 1000000000};
	const struct rhea_boot boot = {.dtb = image ? image[1] : NULL, .initrd = image ? image[2] : NULL, .append = "console=ttyAMA0"};
	struct rhea_error err = {0};
	*l = (struct linux_machine){.m = rhea_new(&cfg, &err)};
	bool ok = l->m && (!image || !rhea_load_kernel_with(l->m, image[0], &boot, &err)) &&
		  !rhea_serial_callback(l->m, 0, console, l, &err);
	if (!ok)
		fail(err.msg);
	return ok;
}

static bool run_to(struct rhea *m, uint64_t insns)
{
	struct rhea_event ev;
	rhea_run(m, insns - rhea_insn_count(m), &ev);
	return ev.kind == RHEA_EVENT_BUDGET;
}

/* Where the first run came to, and what it had printed at each point. */
struct want {
	uint64_t end;
	struct whole_state state;
	const char *out;
	size_t n;
};

static int compare(struct linux_machine *l, const struct want *w, size_t printed_before, const char *what)
{
	struct whole_state now = whole_state(l->m);
	const char *differs = whole_state_difference(l->m, &now, &w->state);
	whole_state_free(&now);
	if (differs)
		return fprintf(stderr, "snapshots: %s: %s differs\n", what, differs), 1;
	if (l->n != w->n - printed_before || memcmp(l->out, w->out + printed_before, l->n) != 0)
		return fprintf(stderr, "snapshots: %s: the console's output differs\n", what), 1;
	printf("ok %s, %zu bytes of output\n", what, l->n);
	return 0;
}

static int from_file(const char *path, const struct want *w, size_t printed)
{
	struct linux_machine l;
	struct rhea_error err;
	if (!make(&l, NULL))
		return 1;
	int status = rhea_snapshot_load(l.m, path, NULL, &err) ? fail(err.msg) : 0;
	if (!status)
		status = run_to(l.m, w->end) ? compare(&l, w, printed, "file") : fail("it did not run on");
	rhea_free(l.m);
	free(l.out);
	return status;
}

/* From each snapshot in memory, twice, in a random order. */
static int from_memory(struct linux_machine *l, struct rhea_snapshot **s, const size_t *printed, const struct want *w)
{
	char what[64];
	int status = 0;
	for (unsigned turn = 0; turn < POINTS + 2 && !status; turn++) {
		unsigned i = turn < 3 ? POINTS - 1 - turn % POINTS : (unsigned)rand() % POINTS;
		status = rhea_snapshot_restore(l->m, s[i], NULL) != RHEA_OK;
		l->n = 0;
		snprintf(what, sizeof what, "memory, from %llu", (unsigned long long)rhea_insn_count(l->m));
		if (!status)
			status = run_to(l->m, w->end) ? compare(l, w, printed[i], what) : fail("it did not run on");
	}
	return status;
}

static int boot(char **image, uint64_t insns)
{
	struct linux_machine l;
	struct rhea_error err;
	struct rhea_snapshot *s[POINTS];
	size_t printed[POINTS];
	char path[64];
	uint64_t at = 0;
	snprintf(path, sizeof path, "/tmp/rhea-linux-%d.snapshot", (int)getpid());
	if (!make(&l, image))
		return 1;
	for (unsigned i = 0; i < POINTS; i++) {
		at += 1 + (uint64_t)rand() * 7919 % (insns / POINTS);
		if (!run_to(l.m, at) || !(s[i] = rhea_snapshot_take(l.m, &err)))
			return fail("it did not run");
		printed[i] = l.n;
		if (i == POINTS / 2 && rhea_snapshot_save(l.m, path, NULL, &err))
			return fail(err.msg);
	}
	if (!run_to(l.m, insns))
		return fail("it did not run");
	char *out = malloc(l.n);
	struct want w = {insns, whole_state(l.m), memcpy(out, l.out, l.n), l.n};
	int status = !memmem(out, l.n, "Linux version", 13) ? fail("no kernel was seen to start") : from_file(path, &w, printed[POINTS / 2]);
	if (!status)
		status = from_memory(&l, s, printed, &w);
	unlink(path);
	whole_state_free(&w.state);
	free(out);
	free(l.out);
	rhea_free(l.m);
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return fail("usage: snapshots KERNEL DTB INITRD [SEED [INSNS]]");
	unsigned seed = argc > 4 && *argv[4] ? (unsigned)atoi(argv[4]) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	srand(seed);
	return boot(argv + 1, argc > 5 ? strtoull(argv[5], NULL, 0) : 300000000);
}
