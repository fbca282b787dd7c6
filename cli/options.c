/* SPDX-License-Identifier: Apache-2.0 */
/* Walks argv by the table of options.def and settles what the options mean together. */
#include "cli/options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option table[] = {
#define GROUP(title) {.group = title},
#define OPT(name, args, handler, extra, form, help) {name, args, handler, extra, form, help, NULL},
#define NOOP(name, args, only) {name, args, opt_noop, only, NULL, NULL, NULL},
#define LATER(name, args, hint) {name, args, opt_later, hint, NULL, NULL, NULL},
#include "cli/options.def"
#undef GROUP
#undef OPT
#undef NOOP
#undef LATER
	{0},
};

#define TABLE_LEN (sizeof table / sizeof table[0])

struct cli_string {
	struct cli_string *next;
	char text[];
};

const struct cli_option *cli_option_table(void)
{
	return table;
}

bool cli_fail(struct cli_options *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(o->error, sizeof o->error, fmt, ap);
	va_end(ap);
	return false;
}

void cli_note(struct cli_options *o, const char *fmt, ...)
{
	va_list ap;
	size_t n = strlen(o->notes);
	va_start(ap, fmt);
	vsnprintf(o->notes + n, sizeof o->notes - n, fmt, ap);
	va_end(ap);
}

char *cli_keep(struct cli_options *o, const char *text)
{
	size_t n = strlen(text) + 1;
	struct cli_string *s = malloc(sizeof *s + n);
	if (!s)
		abort(); /* a few bytes at start-up */
	memcpy(s->text, text, n);
	s->next = o->strings;
	o->strings = s;
	return s->text;
}

void cli_options_free(struct cli_options *o)
{
	for (struct cli_string *s = o->strings, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	o->strings = NULL;
}

static const struct cli_option *option_find(const char *name)
{
	for (unsigned i = 0; i < TABLE_LEN; i++)
		if (table[i].name && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* "--kernel=x" is not the form; otherwise the nearest option is what was probably meant. */
static bool unknown_option(struct cli_options *o, const char *word, const char *name)
{
	const char *names[TABLE_LEN], *near;
	char head[32];
	unsigned n = 0;
	for (unsigned i = 0; i < TABLE_LEN; i++)
		if (table[i].name)
			names[n++] = table[i].name;
	size_t len = strcspn(name, "=");
	snprintf(head, sizeof head, "%.*s", (int)(len < sizeof head ? len : sizeof head - 1), name);
	if (name[len] && option_find(head))
		return cli_fail(o, "%.100s: write it as '-%s %.100s'", word, head, name + len + 1);
	near = cli_nearest(name, names, n);
	if (near)
		return cli_fail(o, "%.100s: unknown option; did you mean -%s? (--help lists all)", word, near);
	return cli_fail(o, "%.100s: unknown option (--help lists all)", word);
}

/* One option and its argument at argv[*i]. */
static bool parse_one(struct cli_options *o, int argc, const char *const *argv, int *i)
{
	const char *word = argv[*i];
	if (word[0] != '-' || !word[1])
		return cli_fail(o, "%.200s: say what it is: a disk image: -drive if=sd,format=raw,file=%.100s; a bare-metal image: -kernel %.100s",
				word, word, word);
	const char *name = word + 1 + (word[1] == '-');
	const struct cli_option *row = option_find(name);
	if (!row)
		return unknown_option(o, word, name);
	if (row->args && *i + 1 >= argc)
		return cli_fail(o, "-%s: needs an argument%s%s", name, row->form ? ": " : "", row->form ? row->form : "");
	const char *arg = row->args ? cli_keep(o, argv[++*i]) : NULL;
	return row->handle(o, row, arg);
}

/* True when the comma-separated list has the word. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, word, n) == 0 && (list[n] == ',' || !list[n]))
			return true;
	}
	return false;
}

static bool is_stdio(const char *spec)
{
	return spec && (strcmp(spec, "stdio") == 0 || strncmp(spec, "mon:", 4) == 0);
}

/* Does a line have this terminal, or the monitor with it? */
static bool terminal_is_taken(const struct cli_options *o)
{
	bool taken = is_stdio(o->gdb);
	for (unsigned i = 0; i < o->n_serials; i++)
		taken |= is_stdio(o->serials[i]);
	for (unsigned i = 0; i < o->n_monitors; i++)
		taken |= is_stdio(o->monitors[i].spec);
	return taken;
}

/* -nographic: this terminal is serial port 0 and the monitor, or, where the ports are elsewhere, the monitor alone. */
static void settle_terminal(struct cli_options *o)
{
	if (!o->nographic || o->nodefaults)
		return;
	if (!o->n_serials)
		o->serials[o->n_serials++] = o->monitor_none ? "stdio" : "mon:stdio";
	else if (!o->monitor_none && o->n_monitors < CLI_MAX_MONITORS && !terminal_is_taken(o))
		o->monitors[o->n_monitors++] = (struct cli_monitor){"stdio", false};
}

/* The defaults that depend on several options. */
static bool settle(struct cli_options *o)
{
	if (!o->config.machine)
		return cli_fail(o, "no machine given: use -M NAME, for example -M versatilepb (-M help lists them)");
	if (!o->accel_chosen && o->accel_missing)
		return cli_fail(o, "-accel %s: not on this host; leave it out, or use -accel jit", o->accel_missing);
	const char *lonely = o->append ? "append" : o->initrd ? "initrd" : o->dtb ? "dtb" : NULL;
	if (lonely && !o->kernel)
		return cli_fail(o, "-%s: needs -kernel", lonely);
	settle_terminal(o);
	if (!o->n_serials && !o->display && !o->nographic)
		cli_note(o, "no window is shown and no serial port connected; -nographic shows serial port 0 here\n");
	if (!o->kernel && !o->bios && !o->n_loaders && !o->loadvm)
		cli_note(o, "no image given (-kernel, -bios or -device loader): the guest executes empty memory\n");
	if (!cli_settle_nics(o))
		return false;
	o->config.no_chain = list_has(o->log_items, "nochain");
	if (o->n_semihosting_args)
		o->config.semihosting_args = o->semihosting_args;
	return true;
}

/* Help and version need nothing else to be right, and win over what follows. */
bool cli_options_parse(struct cli_options *o, int argc, const char *const *argv)
{
	memset(o, 0, sizeof *o);
	if (argc <= 1) {
		o->action = CLI_HELP;
		return cli_fail(o, "nothing to run: try -M versatilepb -kernel FILE -nographic, or --help");
	}
	for (int i = 1; i < argc; i++) {
		if (!parse_one(o, argc, argv, &i))
			return false;
		if (o->action != CLI_RUN)
			return true;
	}
	return settle(o);
}
