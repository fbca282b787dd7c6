/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that only tells on stdout what the program asks of it, behind the public API. The board's name
 * says how its run ends: exit7, halt, off, reset, differ, spin (until rhea_stop), deaf (in a system
 * call that only a signal ends).
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rhea.h"

struct rhea {
	char machine[64];
	atomic_bool stop;
};

static enum rhea_status refuse(struct rhea_error *err, const char *msg)
{
	snprintf(err->msg, sizeof err->msg, "%s", msg);
	return err->status = RHEA_ERR_FILE;
}

struct rhea *rhea_new(const struct rhea_config *cfg, struct rhea_error *err)
{
	if (strcmp(cfg->machine, "nope") == 0) {
		refuse(err, "unknown machine 'nope'");
		return NULL;
	}
	struct rhea *m = calloc(1, sizeof *m);
	snprintf(m->machine, sizeof m->machine, "%s", cfg->machine);
	printf("new %s ram=%llu accel=%d semihosting=%d\n", cfg->machine, (unsigned long long)cfg->ram_size, (int)cfg->accel,
	       (int)cfg->semihosting);
	for (const char *const *a = cfg->semihosting_args; a && *a; a++)
		printf("arg %s\n", *a);
	return m;
}

void rhea_free(struct rhea *m)
{
	printf("free\n");
	free(m);
}

static const char *nth(unsigned i, const char **help)
{
	*help = "a fake";
	return i == 0 ? "fake" : NULL;
}

const char *rhea_machine_name(unsigned i, const char **help)
{
	return nth(i, help);
}

const char *rhea_cpu_name(unsigned i, const char **help)
{
	return nth(i, help);
}

const char *rhea_log_item(unsigned i, const char **help)
{
	return nth(i, help);
}

const char *rhea_version(void)
{
	return "0.0-fake";
}

enum rhea_status rhea_drive_open(struct rhea *m, const struct rhea_drive *d, struct rhea_error *err)
{
	(void)m;
	if (strcmp(d->path, "missing") == 0)
		return refuse(err, "missing: No such file or directory");
	printf("drive %s %u %s%s%s%s%s\n", d->kind == RHEA_DRIVE_SD ? "sd" : "pflash", d->index, d->path,
	       d->read_only ? " readonly" : "", d->snapshot ? " snapshot" : "", d->format_raw ? " raw" : "",
	       d->write_through ? " writethrough" : "");
	return RHEA_OK;
}

enum rhea_status rhea_load_kernel_with(struct rhea *m, const char *path, const struct rhea_boot *boot,
				       struct rhea_error *err)
{
	(void)m;
	if (strcmp(path, "missing") == 0)
		return refuse(err, "missing: No such file or directory");
	printf("kernel %s\n", path);
	if (boot->initrd || boot->append || boot->dtb)
		printf("with %s %s %s\n", boot->initrd ? boot->initrd : "-", boot->append ? boot->append : "-",
		       boot->dtb ? boot->dtb : "-");
	return RHEA_OK;
}

enum rhea_status rhea_load_firmware(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("bios %s\n", path);
	return RHEA_OK;
}

enum rhea_status rhea_load_file(struct rhea *m, const char *path, bool has_addr, uint64_t addr, bool set_pc,
				struct rhea_error *err)
{
	(void)m, (void)err;
	printf("file %s %d %llx %d\n", path, has_addr, (unsigned long long)addr, set_pc);
	return RHEA_OK;
}

enum rhea_status rhea_load_bytes(struct rhea *m, uint64_t addr, const void *bytes, size_t size, bool set_pc,
				 struct rhea_error *err)
{
	(void)m;
	printf("bytes %llx %d:", (unsigned long long)addr, set_pc);
	for (size_t i = 0; i < size; i++)
		printf(" %02x", ((const uint8_t *)bytes)[i]);
	printf("\n");
	return addr >= 0x1000 ? refuse(err, "no memory there") : RHEA_OK;
}

unsigned rhea_serial_count(const struct rhea *m)
{
	(void)m;
	return 2;
}

enum rhea_status rhea_serial_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("serial %u %s\n", n, spec);
	return RHEA_OK;
}

/* Only machines called net... have a card. */
unsigned rhea_net_count(const struct rhea *m)
{
	return strncmp(m->machine, "net", 3) == 0;
}

enum rhea_status rhea_net_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err)
{
	printf("net %u %s\n", n, spec);
	return n < rhea_net_count(m) ? RHEA_OK : refuse(err, "no such card");
}

enum rhea_status rhea_gdb_open(struct rhea *m, const char *spec, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("gdb %s\n", spec);
	return RHEA_OK;
}

enum rhea_status rhea_monitor_open(struct rhea *m, const char *spec, bool qmp, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("%s %s\n", qmp ? "qmp" : "monitor", spec);
	return RHEA_OK;
}

enum rhea_status rhea_display_open(struct rhea *m, const char *spec, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("display %s\n", spec);
	return RHEA_OK;
}

enum rhea_status rhea_screendump(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("screendump %s\n", path ? path : "");
	return RHEA_OK;
}

enum rhea_status rhea_snapshot_load(struct rhea *m, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	(void)m;
	printf("loadvm %s\n", path);
	progress->show(progress->opaque, 7);
	return strcmp(path, "bad") ? RHEA_OK : refuse(err, "no snapshot");
}

enum rhea_status rhea_snapshot_save(struct rhea *m, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	(void)m, (void)progress;
	printf("savevm %s\n", path);
	return strcmp(path, "bad") ? RHEA_OK : refuse(err, "no space");
}

enum rhea_status rhea_record(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("record %s\n", path);
	return RHEA_OK;
}

enum rhea_status rhea_replay(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("replay %s\n", path);
	return RHEA_OK;
}

static enum rhea_status told(const char *what, const char *text)
{
	printf("log %s %s\n", what, text);
	return RHEA_OK;
}

enum rhea_status rhea_perfmap(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("perfmap %s\n", path ? path : "-");
	return RHEA_OK;
}

enum rhea_status rhea_jitdump(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("jitdump %s\n", path ? path : "-");
	return RHEA_OK;
}

enum rhea_status rhea_coverage(struct rhea *m, const struct rhea_coverage *c, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("coverage %s%s%s\n", c->path, c->format == RHEA_COVERAGE_DRCOV ? " drcov" : "", c->merge ? " merge" : "");
	return RHEA_OK;
}

enum rhea_status rhea_profile(struct rhea *m, const struct rhea_profile *p, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("profile %s %llu\n", p->path, (unsigned long long)p->period);
	return RHEA_OK;
}

enum rhea_status rhea_explore(struct rhea *m, const struct rhea_explore *e, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("explore %s %u\n", e->path, e->top);
	return RHEA_OK;
}

enum rhea_status rhea_trace(struct rhea *m, const struct rhea_trace *t, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("trace %s %u %llu\n", t->path, t->what, (unsigned long long)t->last);
	return RHEA_OK;
}

enum rhea_status rhea_load_symbols(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	printf("symbols %s\n", path);
	return RHEA_OK;
}

enum rhea_status rhea_write_reports(struct rhea *m, struct rhea_error *err)
{
	(void)m, (void)err;
	return RHEA_OK;
}

enum rhea_status rhea_log_items(struct rhea *m, const char *items, struct rhea_error *err)
{
	(void)m, (void)err;
	return told("items", items);
}

enum rhea_status rhea_log_file(struct rhea *m, const char *path, struct rhea_error *err)
{
	(void)m, (void)err;
	return told("file", path);
}

enum rhea_status rhea_log_filter(struct rhea *m, const char *ranges, struct rhea_error *err)
{
	(void)m, (void)err;
	return told("filter", ranges);
}

void rhea_stop(struct rhea *m)
{
	m->stop = true;
}

void rhea_run(struct rhea *m, uint64_t max_insns, struct rhea_event *ev)
{
	static const struct {
		const char *machine;
		struct rhea_event ev;
	} ends[] = {
		{"exit7", {.kind = RHEA_EVENT_EXIT, .code = 7}}, {"halt", {.kind = RHEA_EVENT_HALTED}},
		{"off", {.kind = RHEA_EVENT_SHUTDOWN}}, {"reset", {.kind = RHEA_EVENT_RESET}},
		{"differ", {.kind = RHEA_EVENT_MISMATCH}}, {"net", {.kind = RHEA_EVENT_SHUTDOWN}},
	};
	(void)max_insns;
	printf("run\n");
	fflush(stdout);
	for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (strcmp(ends[i].machine, m->machine) == 0) {
			*ev = ends[i].ev;
			return;
		}
	if (strcmp(m->machine, "deaf") == 0)
		poll(NULL, 0, -1);
	while (!m->stop)
		poll(NULL, 0, 10);
	*ev = (struct rhea_event){.kind = RHEA_EVENT_STOP};
}
