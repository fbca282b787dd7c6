/* SPDX-License-Identifier: Apache-2.0 */
/* -drive and its short forms. The order of the command line gives indexes to drives that name none. */
#include <string.h>

#include "cli/options.h"

static const char no_format[] = "raw images are supported; 'qemu-img convert -O raw' makes one";

static bool drive_flag(struct cli_options *o, const char *key, const char *value, bool *flag)
{
	return cli_parse_bool(value, flag) || cli_fail(o, "-drive: %s=%.100s: expected on or off", key, value);
}

static bool drive_interface(struct cli_options *o, struct cli_drive *d, const char *value)
{
	d->connected = true;
	if (strcmp(value, "sd") == 0)
		d->drive.kind = RHEA_DRIVE_SD;
	else if (strcmp(value, "pflash") == 0)
		d->drive.kind = RHEA_DRIVE_PFLASH;
	else if (strcmp(value, "none") == 0)
		d->connected = false;
	else
		return cli_fail(o, "-drive: if=%.100s: this machine has if=sd and if=pflash", value);
	return true;
}

static bool drive_index(struct cli_options *o, struct cli_drive *d, const char *key, const char *value)
{
	uint64_t n;
	if (!cli_parse_u64(value, &n) || n > 255)
		return cli_fail(o, "-drive: %s=%.100s: expected a number from 0", key, value);
	if (strcmp(key, "bus") == 0)
		return n == 0 || cli_fail(o, "-drive: bus=%.100s: there is bus 0 only", value);
	d->drive.index = (unsigned)n;
	d->has_index = true;
	return true;
}

static bool drive_cache(struct cli_options *o, struct cli_drive *d, const char *value)
{
	static const char *const modes[] = {"writeback", "none", "unsafe", "writethrough", "directsync"};
	for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (strcmp(value, modes[i]) == 0) {
			d->drive.write_through = i >= 3;
			return true;
		}
	}
	return cli_fail(o, "-drive: cache=%.100s: expected writeback, writethrough, none, directsync or unsafe", value);
}

static bool one_of(const char *value, const char *words)
{
	size_t n = strlen(value);
	for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == n && strncmp(p, value, n) == 0)
			return true;
	return false;
}

/* Properties that are accepted with values that change nothing. */
static const struct {
	const char *key, *values; /* values NULL: any */
} ignored[] = {
	{"media", "disk"}, {"id", NULL}, {"aio", "threads native io_uring"}, {"discard", "ignore off unmap on"},
	{"detect-zeroes", "off on unmap"}, {"werror", "report enospc"}, {"rerror", "report"}, {"locking", "auto on"},
	{"file.locking", "auto on"}, {"file.driver", "file"}, {"driver", "raw"}, {"cache.direct", "on off"},
	{"cache.no-flush", "on off"}, {"auto-read-only", "off"}, {"copy-on-read", "off"},
};

static bool drive_other(struct cli_options *o, const char *key, const char *value)
{
	for (unsigned i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (strcmp(ignored[i].key, key) == 0)
			return !ignored[i].values || one_of(value, ignored[i].values) ||
			       cli_fail(o, "-drive: %s=%.100s: not implemented (accepted: %s)", key, value, ignored[i].values);
	return cli_fail(o, "-drive: unknown property '%.100s' (known: file, if, format, index, readonly, snapshot, media, cache, id)",
			key);
}

static bool drive_property(struct cli_options *o, struct cli_drive *d, const char *key, const char *value)
{
	const char *v = value ? value : "";
	if (strcmp(key, "file") == 0 || strcmp(key, "file.filename") == 0) {
		d->drive.path = v;
		return true;
	}
	if (strcmp(key, "if") == 0)
		return drive_interface(o, d, v);
	if (strcmp(key, "format") == 0) {
		d->drive.format_raw = true;
		return strcmp(v, "raw") == 0 || cli_fail(o, "-drive: format=%.100s: only %s", v, no_format);
	}
	if (strcmp(key, "index") == 0 || strcmp(key, "unit") == 0 || strcmp(key, "bus") == 0)
		return drive_index(o, d, key, v);
	if (strcmp(key, "readonly") == 0 || strcmp(key, "read-only") == 0)
		return drive_flag(o, key, value, &d->drive.read_only);
	if (strcmp(key, "snapshot") == 0)
		return drive_flag(o, key, value, &d->drive.snapshot);
	if (strcmp(key, "cache") == 0)
		return drive_cache(o, d, v);
	return drive_other(o, key, v);
}

/* The first free slot of the same kind, when the command line named none. */
static bool give_index(struct cli_options *o, struct cli_drive *d)
{
	for (unsigned i = 0; d->connected && i < o->n_drives; i++) {
		const struct cli_drive *other = &o->drives[i];
		if (!other->connected || other->drive.kind != d->drive.kind || other->drive.index != d->drive.index)
			continue;
		if (d->has_index)
			return cli_fail(o, "-drive: index=%u: used by %.200s already", d->drive.index, other->drive.path);
		d->drive.index++;
		i = UINT32_MAX; /* from the start again */
	}
	return true;
}

static bool add_drive(struct cli_options *o, struct cli_drive *d)
{
	if (o->n_drives == CLI_MAX_DRIVES)
		return cli_fail(o, "-drive: more than %d of them", CLI_MAX_DRIVES);
	if (!give_index(o, d))
		return false;
	o->drives[o->n_drives++] = *d;
	return true;
}

bool opt_drive(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	struct cli_drive d = {0};
	bool has_if = false;
	(void)row;
	while (cli_next_pair(&rest, &key, &value)) {
		has_if |= strcmp(key, "if") == 0;
		if (!drive_property(o, &d, key, value))
			return false;
	}
	if (!has_if)
		return cli_fail(o, "-drive: say where it goes: if=sd (SD card) or if=pflash (flash); the board's SCSI is not implemented");
	if (!d.drive.path || !*d.drive.path)
		return cli_fail(o, "-drive: needs file=FILE");
	if (!d.connected)
		cli_note(o, "-drive if=none,file=%.200s: nothing uses it\n", d.drive.path);
	return add_drive(o, &d);
}

/* -sd FILE, -pflash FILE: `extra` is the interface. */
bool opt_drive_file(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	struct cli_drive d = {.drive.path = cli_keep(o, arg)};
	if (!*arg)
		return cli_fail(o, "-%s: needs a file name", row->name);
	return drive_interface(o, &d, row->extra) && add_drive(o, &d);
}

bool opt_snapshot(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->snapshot = true;
}
