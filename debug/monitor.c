/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's commands: the rows of monitor.def and their handlers. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
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
