/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as data. Parsing touches no file and no machine: it fills struct cli_options, or
 * one line of error. Strings belong to the struct; argv need not outlive it.
 */
#ifndef RHEA_CLI_OPTIONS_H
#define RHEA_CLI_OPTIONS_H

#include <stdio.h>

#include "rhea.h"

#define CLI_NAME "rhea-system-arm"
#define CLI_MAX_SERIALS 16
#define CLI_MAX_LOADERS 64
#define CLI_MAX_NICS 8
#define CLI_MAX_DRIVES 16
#define CLI_MAX_ARGS 256
#define CLI_MAX_MONITORS 16

enum cli_action {
	CLI_RUN,
	CLI_HELP,
	CLI_VERSION,
	CLI_LIST_MACHINES,
	CLI_LIST_CPUS,
	CLI_LIST_LOG_ITEMS,
	CLI_LIST_ACCELS,
	CLI_LIST_DEVICES,
};

/* One -device loader. */
struct cli_loader {
	const char *file; /* NULL: a value, or only a start address */
	bool has_addr, force_raw, set_pc;
	uint64_t addr, data;
	unsigned data_len; /* 1 to 8 bytes of `data`; 0 = none */
	bool data_be;
};

/* One -drive, -sd or -pflash. */
struct cli_drive {
	struct rhea_drive drive;
	bool connected, has_index;
};

struct cli_options {
	enum cli_action action;
	struct rhea_config config;
	const char *kernel, *bios, *append, *initrd, *dtb;
	struct cli_loader loaders[CLI_MAX_LOADERS];
	unsigned n_loaders;
	struct cli_drive drives[CLI_MAX_DRIVES];
	unsigned n_drives;
	bool snapshot; /* all drives */
	const char *serials[CLI_MAX_SERIALS];
	unsigned n_serials;
	const char *nics[CLI_MAX_NICS]; /* specs for rhea_net_open */
	unsigned n_nics;
	bool nic_chosen, default_nic;
	const char *net_card, *net_card_dev, *net_back; /* -net nic: ",key=value..." and its netdev=; -net user */
	const char *netdevs[CLI_MAX_NICS], *net_dump;
	unsigned n_netdevs;
	const char *semihosting_args[CLI_MAX_ARGS + 1];
	unsigned n_semihosting_args;
	const char *log_items, *log_file, *log_filter;
	struct cli_monitor {
		const char *spec;
		bool qmp;
	} monitors[CLI_MAX_MONITORS];
	unsigned n_monitors;
	const char *gdb; /* for rhea_gdb_open; NULL = none */
	const char *loadvm, *snapshot_save, *record, *replay; /* files; NULL = none */
	const char *display_spec; /* -display that is not none; NULL = none */
	struct rhea_profile profile;
	struct rhea_explore explore;
	struct rhea_trace trace;
	struct rhea_coverage coverage; /* path NULL: not asked for */
	const char *symbols[CLI_MAX_LOADERS];
	unsigned n_symbols;
	bool perfmap, jitdump;
	bool nographic, display, monitor_none, nodefaults;
	bool accel_chosen;
	const char *accel_missing;  /* an accelerator asked for that this host cannot have */
	char error[512];            /* one line without newline; empty = fine */
	char notes[1024];           /* lines for stderr: what was ignored and why */
	struct cli_string *strings; /* owned */
};

/* A row of options.def. */
struct cli_option {
	const char *name;
	unsigned args;
	bool (*handle)(struct cli_options *o, const struct cli_option *row, const char *arg);
	const char *extra, *form, *help;
	const char *group; /* title of a group that starts before this row; name is NULL then */
};

/* NULL-name rows are group titles; ends with a row of all NULL. */
const struct cli_option *cli_option_table(void);

/* Fills *o (whatever it held before). False: o->error says why. Free with cli_options_free in both cases. */
bool cli_options_parse(struct cli_options *o, int argc, const char *const *argv);
void cli_options_free(struct cli_options *o);

/* help.c */
void cli_print_help(FILE *out);
void cli_print_list(FILE *out, enum cli_action what);

/* ---- for the handlers (handlers.c and the files of a subject), which report with cli_fail ---- */

#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

bool cli_fail(struct cli_options *o, const char *fmt, ...) CLI_PRINTF(2, 3); /* always false */
void cli_note(struct cli_options *o, const char *fmt, ...) CLI_PRINTF(2, 3);
char *cli_keep(struct cli_options *o, const char *text); /* a copy that lives as long as *o */

bool cli_settle_nics(struct cli_options *o); /* network.c: when all options are known */

/* values.c: "key=value,key=value"; ",," is a comma. value is NULL without "=". */
bool cli_next_pair(char **rest, char **key, char **value);
bool cli_parse_bool(const char *text, bool *value);              /* on/off, yes/no, true/false; NULL = on */
bool cli_parse_u64(const char *text, uint64_t *value);           /* decimal, 0x, 0; nothing after it */
bool cli_parse_size(const char *text, uint64_t unit, uint64_t *bytes); /* with K, M, G, T; `unit` without */
bool cli_parse_date(const char *text, int64_t *seconds);         /* UTC */
const char *cli_nearest(const char *word, const char *const *words, unsigned n); /* NULL: nothing is near */
bool cli_is_help(const char *arg);
bool cli_show(struct cli_options *o, enum cli_action what); /* ends parsing: something is to be printed instead of run; true */
bool cli_keep_file(struct cli_options *o, const struct cli_option *row, const char *arg, const char **where); /* not an empty name */
/* Of "-option key=value"; the first two are always false. */
bool cli_bad_value(struct cli_options *o, const char *option, const char *key, const char *value, const char *want);
bool cli_unknown_key(struct cli_options *o, const char *option, const char *key, const char *known);
bool cli_parse_flag(struct cli_options *o, const char *option, const char *key, const char *value, bool *flag);

#define OPT(name, args, handler, extra, form, help)                                                                  \
	bool handler(struct cli_options *o, const struct cli_option *row, const char *arg);
#define GROUP(title)
#define NOOP(name, args, only)
#define LATER(name, args, hint)
#include "cli/options.def"
#undef OPT
#undef GROUP
#undef NOOP
#undef LATER
bool opt_noop(struct cli_options *o, const struct cli_option *row, const char *arg);
bool opt_later(struct cli_options *o, const struct cli_option *row, const char *arg);

#endif
