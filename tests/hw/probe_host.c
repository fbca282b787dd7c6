/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one of the probe programs on the host, against our devices without any core, and compares
 * its output with what it printed under QEMU. Every access takes 1 µs.
 * usage: test-hw-probe-NAME NAME.expected; PROBE is the program's source.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/hw/fake.h"
#include PROBE
#undef rd
#undef wr
#undef main

volatile u32 aborts;

struct probe_run {
	struct fake *f;
	char out[65536];
	size_t n;
};

/* The programs call rd and wr without a context. */
static struct probe_run run;

u32 probe_rd(u32 a)
{
	fake_advance(run.f, 1000);
	return fake_read(run.f, a, 4);
}

u32 rd16(u32 a)
{
	return fake_read(run.f, a, 2);
}

u32 rd8(u32 a)
{
	return fake_read(run.f, a, 1);
}

void probe_wr(u32 a, u32 v)
{
	if (a == UART0 && run.n + 1 < sizeof(run.out))
		run.out[run.n++] = (char)v;
	fake_write(run.f, a, 4, v);
}

static int64_t seconds(void *opaque)
{
	struct fake *f = opaque;
	return 1700000000 + (int64_t)(f->clock.now / 1000000000);
}

static void print_first_difference(const char *ours, const char *theirs)
{
	unsigned line = 1;
	size_t start = 0;
	for (size_t i = 0; ours[i] && ours[i] == theirs[i]; i++) {
		if (ours[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	printf("line %u: rhea's devices say %.*s, QEMU %.*s\n", line, (int)strcspn(ours + start, "\n"), ours + start,
	       (int)strcspn(theirs + start, "\n"), theirs + start);
}

int main(int argc, char **argv)
{
	static char expected[65536];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!file)
		return 2;
	expected[fread(expected, 1, sizeof(expected) - 1, file)] = 0;
	fclose(file);
	run.f = fake_new("versatilepb");
	run.f->hw.rtc_now = seconds;
	probe_main();
	fake_free(run.f);
	if (!strcmp(run.out, expected))
		return 0;
	print_first_difference(run.out, expected);
	return 1;
}
