/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot ACCEL INSNS KERNEL DTB INITRD [APPEND]: runs so many instructions of a kernel's boot (0 = until it ends) with
 * the instruction count as the clock, so that each run is the same; the console goes to stdout. Status 1 and the
 * reason when anything but the budget, a reset or a power-off ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rhea.h"

static void console(void *opaque, const uint8_t *buf, size_t len)
{
	fwrite(buf, 1, len, opaque);
}

static int fail(const char *what)
{
	fprintf(stderr, "boot: %s\n", what);
	return 1;
}

static const struct way {
	const char *name;
	enum rhea_accel accel;
	bool regions;
	uint32_t trouble;
} ways[] = {
	{"jit", RHEA_ACCEL_JIT, false, 0}, {"interp", RHEA_ACCEL_INTERP, false, 0}, {"lockstep", RHEA_ACCEL_LOCKSTEP, false, 0},
	{"regions", RHEA_ACCEL_JIT, true, 0}, {"trouble", RHEA_ACCEL_JIT, false, 1}, {"regions-trouble", RHEA_ACCEL_JIT, true, 2},
	{"lockstep-regions", RHEA_ACCEL_LOCKSTEP, true, 3},
};

static const struct way *way_of(const char *name)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	return NULL;
}

/* Behind the console's output: two runs that are to be the same end in the same state, too. */
static void print_state(const struct rhea *m)
{
	for (unsigned n = 0; n <= RHEA_REG_CPSR; n++) {
		uint32_t value = 0;
		rhea_read_reg(m, n, &value);
		printf("%s%08x", n ? " " : "\nstate: ", value);
	}
	puts("");
}

/* The console's other end: a machine without input would end when it waits. */
static int run(struct rhea *m, uint64_t insns)
{
	struct rhea_event ev;
	rhea_run(m, insns, &ev);
	print_state(m);
	fflush(stdout);
	fprintf(stderr, "%llu instructions, %.3f s of the guest's time\n", (unsigned long long)ev.insns,
		(double)rhea_virtual_ns(m) / 1e9);
	switch (ev.kind) {
	case RHEA_EVENT_BUDGET:
	case RHEA_EVENT_RESET:
	case RHEA_EVENT_SHUTDOWN:
		return 0;
	case RHEA_EVENT_MISMATCH:
		return fail("interpreter and translated code differ; the report is in boot.log");
	case RHEA_EVENT_STOP:
	case RHEA_EVENT_EXIT:
	case RHEA_EVENT_BREAK:
	case RHEA_EVENT_REPLAYED:
	case RHEA_EVENT_HALTED:
		break;
	}
	return fail("ended in another way than asked");
}

int main(int argc, char **argv)
{
	const struct way *way = argc > 1 ? way_of(argv[1]) : NULL;
	if (argc < 6 || argc > 7 || !way)
		return fail("usage: boot jit|interp|lockstep|regions|trouble|... INSNS KERNEL DTB INITRD [APPEND]");
	struct rhea_config cfg = {
		.machine = "versatilepb",
		.accel = way->accel,
		.regions_at_once = way->regions,
		.compile_at_once = way->regions,
		.trouble_seed = way->trouble,
		.icount = true,
		.icount_shift = 2,
		.icount_no_sleep = true,
		.no_reboot = true,
		.rtc_base_set = true,
		.rtc_base = 1000000000,
	};
	struct rhea_boot boot = {.dtb = argv[4], .initrd = argv[5], .append = argc > 6 ? argv[6] : "console=ttyAMA0"};
	struct rhea_error err;
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		return fail(err.msg);
	int status;
	if (rhea_log_file(m, "boot.log", &err) || rhea_load_kernel_with(m, argv[3], &boot, &err) ||
	    rhea_serial_callback(m, 0, console, stdout, &err))
		status = fail(err.msg);
	else
		status = run(m, strtoull(argv[2], NULL, 0));
	rhea_free(m);
	return status;
}
