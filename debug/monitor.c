/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's commands: the rows of monitor.def and their handlers. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/monitor_parts.h"

void monitor_printf(const struct monitor *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	m->print(m->opaque, text);
}

/* ---- tables ---- */

/* A command's handler: `args` begins at its first argument (or at "/fmt"), `typed` is the name as typed. */
typedef void command_fn(const struct monitor *m, const char *typed, const char *args);
typedef void info_fn(const struct monitor *m);

#define COMMAND(name, alias, args, help) static command_fn command_##name;
#define INFO(name, help) static info_fn info_##name;
#include "debug/monitor.def"
#undef COMMAND
#undef INFO

struct command {
	const char *name, *alias, *args, *help;
	command_fn *run;
};

static const struct command commands[] = {
#define COMMAND(name, alias, args, help) { #name, alias, args, help, command_##name },
#define INFO(name, help)
#include "debug/monitor.def"
#undef COMMAND
#undef INFO
};

static const struct {
	const char *name, *help;
	info_fn *run;
} infos[] = {
#define COMMAND(name, alias, args, help)
#define INFO(name, help) { #name, help, info_##name },
#include "debug/monitor.def"
#undef COMMAND
#undef INFO
};

static const struct {
	const char *name, *help;
} log_rows[] = {
#define LOG_ITEM(name, bit, help) { #name, help },
#include "base/log.def"
#undef LOG_ITEM
};

/* ---- words of the line ---- */

static const char *skip_spaces(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Copies the word at *p (up to a space, or "/" of a format) and moves *p to what follows. */
static void take_word(const char **p, char word[64])
{
	size_t n = strcspn(*p, " \t\r\n/");
	snprintf(word, 64, "%.*s", (int)MIN(n, 63u), *p);
	*p = skip_spaces(*p + n);
}

static void wrong(const struct monitor *m, const char *typed, const char *error)
{
	monitor_printf(m, "%.200s\nTry \"help %s\" for more information\n", error, typed);
}

static const struct command *find_command(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (*word && (!strcmp(word, commands[i].name) || !strcmp(word, commands[i].alias)))
			return &commands[i];
	return NULL;
}

/* False, with a complaint, when something is left on the line. */
static bool at_end(const struct monitor *m, const char *typed, const char *args)
{
	char text[160];
	if (!*args)
		return true;
	const struct command *c = find_command(typed);
	snprintf(text, sizeof text, "%s%s%s: extraneous characters at the end of line", c ? c->name : typed,
		 c && *c->alias ? "|" : "", c ? c->alias : "");
	wrong(m, typed, text);
	return false;
}

/* ---- machine ---- */

static void request(const struct monitor *m, const char *typed, const char *args, enum monitor_request what)
{
	if (at_end(m, typed, args))
		m->t->request(m->t->opaque, what);
}

static void command_cont(const struct monitor *m, const char *typed, const char *args)
{
	request(m, typed, args, MONITOR_CONT);
}

static void command_quit(const struct monitor *m, const char *typed, const char *args)
{
	request(m, typed, args, MONITOR_QUIT);
}

static void command_stop(const struct monitor *m, const char *typed, const char *args)
{
	request(m, typed, args, MONITOR_STOP);
}

static void command_system_reset(const struct monitor *m, const char *typed, const char *args)
{
	request(m, typed, args, MONITOR_RESET);
}

static void command_history(const struct monitor *m, const char *typed, const char *args)
{
	static const char *const names[] = {
		[RHEA_HISTORY_AUTO] = "auto", [RHEA_HISTORY_ON] = "on", [RHEA_HISTORY_OFF] = "off",
	};
	struct rhea_error err;
	char word[64];
	take_word(&args, word);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(word, names[i]) != 0)
			continue;
		if (at_end(m, typed, args) && !m->t->history(m->t->opaque, (enum rhea_history)i, &err))
			monitor_printf(m, "Error: %s\n", err.msg);
		return;
	}
	wrong(m, typed, "on, off or auto is wanted");
}

static void command_gdbserver(const struct monitor *m, const char *typed, const char *args)
{
	struct rhea_error err;
	char device[256] = "tcp::1234";
	size_t n = strcspn(args, " \t\r\n");
	if (n >= sizeof device || !at_end(m, typed, skip_spaces(args + n)))
		return;
	if (n)
		snprintf(device, sizeof device, "%.*s", (int)n, args);
	if (!m->t->gdbserver(m->t->opaque, device, &err))
		monitor_printf(m, "Could not open gdbserver on device '%s': %s\n", device, err.msg);
	else if (!strcmp(device, "none"))
		monitor_printf(m, "Disabled gdbserver\n");
	else
		monitor_printf(m, "Waiting for gdb connection on device '%s'\n", device);
}

/* ---- a user at the board ---- */

#define DEFAULT_HOLD_MS 100

static void report(const struct monitor *m, bool ok, const struct rhea_error *err)
{
	if (!ok)
		monitor_printf(m, "%s\n", err->msg);
}

/* Copies the word at *p, whatever it is made of. False when there is none, or it does not fit. */
static bool take_text(const char **p, char *word, size_t size)
{
	size_t n = strcspn(*p, " \t\r\n");
	if (!n || n >= size)
		return false;
	memcpy(word, *p, n);
	word[n] = 0;
	*p = skip_spaces(*p + n);
	return true;
}

/* A signed number of at most a few digits. */
static bool take_number(const char **p, int *value)
{
	char word[16], *end;
	if (!take_text(p, word, sizeof word))
		return false;
	long v = strtol(word, &end, 0);
	*value = (int)MAX(MIN(v, 100000), -100000);
	return !*end;
}

static void command_sendkey(const struct monitor *m, const char *typed, const char *args)
{
	char keys[256], msg[64];
	int64_t hold = DEFAULT_HOLD_MS;
	struct rhea_error err;
	if (!take_text(&args, keys, sizeof keys)) {
		wrong(m, typed, "sendkey: string expected");
		return;
	}
	const char *error = *args ? monitor_expression(m->t->cpu, &args, &hold, msg) : NULL;
	if (error)
		wrong(m, typed, error);
	else if (at_end(m, typed, args))
		report(m, m->t->send_key(m->t->opaque, keys, (unsigned)MAX(MIN(hold, 1000000), 0), &err), &err);
}

static void command_mouse_move(const struct monitor *m, const char *typed, const char *args)
{
	int dx, dy, dz = 0;
	struct rhea_error err;
	if (!take_number(&args, &dx) || !take_number(&args, &dy) || (*args && !take_number(&args, &dz)))
		wrong(m, typed, "mouse_move: number expected");
	else if (at_end(m, typed, args))
		report(m, m->t->move_mouse(m->t->opaque, dx, dy, dz, &err), &err);
}

static void command_mouse_button(const struct monitor *m, const char *typed, const char *args)
{
	int buttons;
	struct rhea_error err;
	if (!take_number(&args, &buttons) || buttons < 0)
		wrong(m, typed, "mouse_button: number expected");
	else if (at_end(m, typed, args))
		report(m, m->t->press_buttons(m->t->opaque, (unsigned)buttons, &err), &err);
}

static bool is_format(const char *text)
{
	return !strcmp(text, "png") || !strcmp(text, "ppm");
}

static void command_screendump(const struct monitor *m, const char *typed, const char *args)
{
	char path[1024] = "", format[16] = "", word[1024];
	struct rhea_error err;
	while (*args) {
		bool ok = take_text(&args, word, sizeof word);
		if (ok && !strcmp(word, "-f"))
			ok = take_text(&args, format, sizeof format) && is_format(format);
		else if (ok && !*path)
			memcpy(path, word, strlen(word) + 1);
		else
			ok = false;
		if (!ok) {
			wrong(m, typed, "screendump: expected a file name and perhaps -f png or -f ppm");
			return;
		}
	}
	report(m, m->t->screendump(m->t->opaque, *path ? path : NULL, *format ? format : NULL, &err), &err);
}

/* ---- snapshots ---- */

static void print_percent(void *opaque, unsigned percent)
{
	monitor_printf(opaque, "%u %%\n", percent);
}

static void snapshot(const struct monitor *m, const char *typed, const char *args,
		     bool (*act)(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err))
{
	const struct rhea_progress progress = {print_percent, (void *)m};
	char path[1024], text[64];
	struct rhea_error err;
	if (!take_text(&args, path, sizeof path)) {
		snprintf(text, sizeof text, "%s: file name expected", typed);
		wrong(m, typed, text);
	} else if (at_end(m, typed, args)) {
		report(m, act(m->t->opaque, path, &progress, &err), &err);
	}
}

static void command_savevm(const struct monitor *m, const char *typed, const char *args)
{
	snapshot(m, typed, args, m->t->save);
}

static void command_loadvm(const struct monitor *m, const char *typed, const char *args)
{
	snapshot(m, typed, args, m->t->load);
}

/* ---- help ---- */

static void help_command(const struct monitor *m, const struct command *c)
{
	monitor_printf(m, "%s%s%s %s -- %s\n", c->name, *c->alias ? "|" : "", c->alias, c->args, c->help);
}

static void help_info(const struct monitor *m)
{
	for (size_t i = 0; i < ARRAY_LEN(infos); i++)
		monitor_printf(m, "info %s  -- %s\n", infos[i].name, infos[i].help);
}

static void help_log(const struct monitor *m)
{
	monitor_printf(m, "Log items (comma separated):\n%-15s %s\n", "none", "remove all logs");
	for (size_t i = 0; i < ARRAY_LEN(log_rows); i++)
		monitor_printf(m, "%-15s %s\n", log_rows[i].name, log_rows[i].help);
}

static void command_help(const struct monitor *m, const char *typed, const char *args)
{
	char word[64];
	take_word(&args, word);
	const struct command *c = find_command(word);
	(void)typed;
	if (!*word)
		for (size_t i = 0; i < ARRAY_LEN(commands); i++)
			help_command(m, &commands[i]);
	else if (c && c->run == command_info)
		help_info(m);
	else if (c && c->run == command_log)
		help_log(m);
	else if (c)
		help_command(m, c);
	else
		monitor_printf(m, "unknown command: '%s'\n", word);
}

/* ---- log ---- */

static void command_log(const struct monitor *m, const char *typed, const char *args)
{
	struct rhea_error err;
	char items[256];
	size_t n = strcspn(args, " \t\r\n");
	if (!*args) {
		wrong(m, typed, "log: string expected");
		return;
	}
	if (!at_end(m, typed, skip_spaces(args + n)))
		return;
	snprintf(items, sizeof items, "%.*s", (int)MIN(n, sizeof items - 1), args);
	uint32_t mask;
	if (log_parse_items(items, &mask, &err)) {
		monitor_printf(m, "%s\n", err.msg);
		help_log(m);
		return;
	}
	m->t->log->mask = mask;
}

/* ---- info ---- */

static void print_line(void *ctx, const char *line)
{
	monitor_printf(ctx, "%s\n", line);
}

static void info_registers(const struct monitor *m)
{
	monitor_printf(m, "\nCPU#0\n");
	arm_print_regs(m->t->cpu, print_line, (void *)m);
}

static void info_jit(const struct monitor *m)
{
	m->t->info_jit(m->t->opaque, print_line, (void *)m);
}

static void info_mtree(const struct monitor *m)
{
	static const char *const kinds[] = { [RANGE_RAM] = "ram", [RANGE_ROM] = "rom", [RANGE_MMIO] = "i/o" };
	unsigned n;
	const struct mem_range *r = as_ranges(m->t->as, &n);
	monitor_printf(m, "address-space: memory\n");
	for (unsigned i = 0; i < n; i++)
		monitor_printf(m, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s\n", r[i].base.v,
			       r[i].base.v + r[i].size - 1, kinds[r[i].kind], r[i].name);
	monitor_printf(m, "\n");
}

static void info_version(const struct monitor *m)
{
	monitor_printf(m, "%s\n", m->t->version);
}

static void info_mem(const struct monitor *m) { monitor_info_mem(m); }
static void info_tlb(const struct monitor *m) { monitor_info_tlb(m); }
static void info_devices(const struct monitor *m) { monitor_info_devices(m); }
static void info_qtree(const struct monitor *m) { monitor_info_qtree(m); }
static void info_irq(const struct monitor *m) { monitor_info_irq(m); }

static void info_history(const struct monitor *m)
{
	m->t->info_history(m->t->opaque, print_line, (void *)m);
}

static void info_status(const struct monitor *m)
{
	monitor_printf(m, "VM status: %s\n", m->t->paused ? "paused" : "running");
}

static void command_info(const struct monitor *m, const char *typed, const char *args)
{
	char word[64], both[80];
	take_word(&args, word);
	(void)typed;
	if (!*word) {
		help_info(m);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(infos); i++)
		if (!strcmp(word, infos[i].name)) {
			snprintf(both, sizeof both, "info %s", word);
			if (at_end(m, both, args))
				infos[i].run(m);
			return;
		}
	monitor_printf(m, "unknown command: 'info %s'\n", word);
}

/* ---- memory and values ---- */

/* "/fmt expr": false, with a complaint, when something is wrong. */
static bool format_and_value(const struct monitor *m, const char *typed, const char *args, struct monitor_format *f,
			     int64_t *value)
{
	char msg[64];
	const char *error = monitor_parse_format(&args, f, msg);
	if (!error)
		error = monitor_expression(m->t->cpu, &args, value, msg);
	if (error) {
		wrong(m, typed, error);
		return false;
	}
	return at_end(m, typed, args);
}

static void command_x(const struct monitor *m, const char *typed, const char *args)
{
	struct monitor_format f;
	int64_t addr;
	if (format_and_value(m, typed, args, &f, &addr))
		monitor_dump(m, &f, (uint64_t)addr, false);
}

static void command_xp(const struct monitor *m, const char *typed, const char *args)
{
	struct monitor_format f;
	int64_t addr;
	if (format_and_value(m, typed, args, &f, &addr))
		monitor_dump(m, &f, (uint64_t)addr, true);
}

static void command_print(const struct monitor *m, const char *typed, const char *args)
{
	struct monitor_format f;
	int64_t value;
	bool formatted = *args == '/';
	if (format_and_value(m, typed, args, &f, &value))
		monitor_print_value(m, formatted ? f.kind : 'd', value);
}

const char *monitor_complete(const char *line, unsigned i)
{
	char word[64];
	const char *p = skip_spaces(line);
	size_t n = strcspn(p, " ");
	if (!p[n])
		return i < ARRAY_LEN(commands) ? commands[i].name : NULL;
	take_word(&p, word);
	const struct command *c = find_command(word);
	if (c && c->run == command_info)
		return i < ARRAY_LEN(infos) ? infos[i].name : NULL;
	if (c && c->run == command_help)
		return i < ARRAY_LEN(commands) ? commands[i].name : NULL;
	if (c && c->run == command_log)
		return i < ARRAY_LEN(log_rows) ? log_rows[i].name : NULL;
	return NULL;
}

void monitor_command(const struct monitor_target *t, const char *line, void (*print)(void *opaque, const char *text),
		     void *opaque)
{
	struct monitor m = { t, print, opaque };
	char word[64];
	const char *args = skip_spaces(line);
	if (!*args)
		return;
	take_word(&args, word);
	const struct command *c = find_command(word);
	if (c)
		c->run(&m, word, args);
	else
		monitor_printf(&m, "unknown command: '%s'\n", word);
}
