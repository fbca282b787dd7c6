/* SPDX-License-Identifier: Apache-2.0 */
/* What each option does to struct cli_options: one handler per meaning, named by options.def. Machine, images, drives, network
 * and what is watched have files of their own. */
#include <string.h>

#include "cli/options.h"

/* ---- no effect, not yet ---- */

/* Accepts any argument, or one whose first word is in the comma-separated list `extra`. */
bool opt_noop(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	size_t n = arg ? strcspn(arg, ",") : 0;
	if (arg && strncmp(arg, "driver=", 7) == 0) {
		arg += 7;
		n -= 7;
	}
	for (const char *p = arg ? row->extra : NULL; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strcspn(p, ",") == n && strncmp(p, arg, n) == 0)
			return true;
	}
	return !row->extra || cli_fail(o, "-%s %.100s: not implemented yet (accepted: -%s %.*s)", row->name, arg, row->name,
				       (int)strcspn(row->extra, ","), row->extra);
}

bool opt_later(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)arg;
	return cli_fail(o, "-%s: not implemented yet%s%s", row->name, *row->extra ? "; " : "", row->extra);
}

/* ---- console ---- */

bool opt_nographic(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->nographic = true;
}

bool opt_serial(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (o->n_serials == CLI_MAX_SERIALS)
		return cli_fail(o, "-serial: more than %d of them", CLI_MAX_SERIALS);
	o->serials[o->n_serials++] = arg;
	return true;
}

bool opt_display(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	bool file = strncmp(arg, "png:", 4) == 0 && arg[4];
	o->display = true;
	o->display_spec = file ? arg : NULL;
	return file || strcmp(arg, "none") == 0 ||
	       cli_fail(o, "-display %.100s: not implemented yet; use -nographic, -display none or -display png:FILE", arg);
}

static bool add_monitor(struct cli_options *o, const struct cli_option *row, const char *arg, bool qmp)
{
	if (o->n_monitors == CLI_MAX_MONITORS)
		return cli_fail(o, "-%s: more than %d monitors", row->name, CLI_MAX_MONITORS);
	o->monitors[o->n_monitors++] = (struct cli_monitor){arg, qmp};
	return true;
}

bool opt_monitor(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	o->monitor_none = true; /* the console then has none of its own, as under QEMU */
	return strcmp(arg, "none") == 0 || strcmp(arg, "null") == 0 || add_monitor(o, row, arg, false);
}

bool opt_qmp(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return strcmp(arg, "none") == 0 || add_monitor(o, row, arg, true);
}

/* ---- semihosting ---- */

bool opt_flag_semihosting(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	if (o->config.semihosting == RHEA_SEMIHOSTING_OFF)
		o->config.semihosting = RHEA_SEMIHOSTING_ON;
	return true;
}

static bool semihosting_property(struct cli_options *o, const char *key, const char *value, bool *enable, bool *user)
{
	static const char opt[] = "semihosting-config";
	if (strcmp(key, "enable") == 0)
		return cli_parse_flag(o, opt, key, value, enable);
	if (strcmp(key, "userspace") == 0)
		return cli_parse_flag(o, opt, key, value, user);
	if (strcmp(key, "arg") == 0) {
		if (o->n_semihosting_args == CLI_MAX_ARGS)
			return cli_fail(o, "-%s: more than %d arguments", opt, CLI_MAX_ARGS);
		o->semihosting_args[o->n_semihosting_args++] = value ? value : "";
		return true;
	}
	if (strcmp(key, "target") == 0) {
		static const char *const names[] = {"native", "gdb", "auto"}; /* enum rhea_semihosting_target */
		for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
			if (value && strcmp(value, names[i]) == 0) {
				o->config.semihosting_target = (enum rhea_semihosting_target)i;
				return true;
			}
		return cli_bad_value(o, opt, key, value, "native, gdb or auto");
	}
	if (strcmp(key, "chardev") == 0)
		return cli_fail(o, "-%s: chardev= is not implemented yet; the console is this process's own", opt);
	return cli_unknown_key(o, opt, key, "enable, target, userspace, arg");
}

bool opt_semihosting_config(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	bool enable = true, user = o->config.semihosting == RHEA_SEMIHOSTING_USERSPACE;
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		if (first && !value && cli_parse_bool(key, &enable))
			continue;
		if (!semihosting_property(o, key, value, &enable, &user))
			return false;
	}
	o->config.semihosting = !enable ? RHEA_SEMIHOSTING_OFF : user ? RHEA_SEMIHOSTING_USERSPACE : RHEA_SEMIHOSTING_ON;
	return true;
}

/* ---- logging, information ---- */

bool opt_log_items(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (cli_is_help(arg))
		return cli_show(o, CLI_LIST_LOG_ITEMS);
	o->log_items = arg;
	return true;
}

bool opt_log_file(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->log_file);
}

bool opt_log_filter(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	o->log_filter = arg;
	return true;
}

bool opt_flag_perfmap(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->perfmap = true;
}

bool opt_flag_jitdump(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->jitdump = true;
}

bool opt_gdb(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (!*arg)
		return cli_fail(o, "-gdb: expected tcp:[HOST]:PORT, unix:PATH, stdio, pty or none");
	o->gdb = arg;
	return true;
}

bool opt_gdb_default(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	o->gdb = "tcp::1234";
	return true;
}

bool opt_flag_paused(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->config.start_paused = true;
}

bool opt_version(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return cli_show(o, CLI_VERSION);
}

bool opt_help(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return cli_show(o, CLI_HELP);
}
