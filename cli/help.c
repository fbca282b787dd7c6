/* SPDX-License-Identifier: Apache-2.0 */
/* --help and the lists behind -M help, -cpu help, -d help. Everything about options comes from options.def. */
#include <string.h>

#include "cli/options.h"

#define COLUMN 24
#define WIDTH 100

static const char intro[] =
	"Usage: " CLI_NAME " -M BOARD [option]...\n"
	"\n"
	"Runs 32-bit ARM system images by translating them to this machine's code.\n"
	"Options have the names and meanings they have with qemu-system-arm; -name and --name are the same.\n"
	"\n"
	"Examples:\n"
	"  " CLI_NAME " -M versatilepb -kernel hello.bin -nographic\n"
	"      run a bare-metal image with its serial port on this terminal; Ctrl-A X quits, Ctrl-A H helps\n"
	"  " CLI_NAME " -M versatilepb -kernel test.elf -nographic -semihosting; echo $?\n"
	"      let a test program end the run and set the exit status\n"
	"  " CLI_NAME " -M versatilepb -kernel test.elf -nographic -d in_asm,op,op_opt,out_asm -D trace.txt\n"
	"      write down how each block of guest code is translated\n"
	"  " CLI_NAME " -M versatilepb -kernel test.elf -serial tcp:localhost:4444,server,wait=off -icount shift=3\n"
	"      serial port 0 for a client on port 4444; virtual time from the instruction count\n";

static const char outro[] =
	"\n"
	"Exit status: the guest's, if it ends through semihosting; 0 after Ctrl-A X, a signal, or a guest\n"
	"that switched itself off; 1 after an error.\n";

static void print_indented(FILE *out, const char *text)
{
	for (; *text; text++) {
		fputc(*text, out);
		if (*text == '\n')
			fprintf(out, "%*s", COLUMN, "");
	}
	fputc('\n', out);
}

static void print_option(FILE *out, const struct cli_option *row)
{
	int n = fprintf(out, "  -%s%s%s", row->name, row->form ? " " : "", row->form ? row->form : "");
	if (n >= COLUMN)
		n = fprintf(out, "\n") - 1;
	fprintf(out, "%*s", COLUMN - n, "");
	print_indented(out, row->help);
}

/* The names of all rows that `handle` serves, folded. */
static void print_names(FILE *out, const char *title,
			bool (*handle)(struct cli_options *, const struct cli_option *, const char *))
{
	size_t column = WIDTH;
	fprintf(out, "\n%s", title);
	for (const struct cli_option *row = cli_option_table(); row->name || row->group; row++) {
		if (!row->name || row->handle != handle)
			continue;
		const char *only = row->extra && handle == opt_noop ? row->extra : "";
		char word[80];
		int n = snprintf(word, sizeof word, " -%s%s%.*s", row->name, *only ? " " : "", (int)strcspn(only, ","), only);
		if (column + (size_t)n > WIDTH) {
			fputs("\n ", out);
			column = 1;
		}
		fputs(word, out);
		column += (size_t)n;
	}
	fputc('\n', out);
}

void cli_print_help(FILE *out)
{
	fputs(intro, out);
	for (const struct cli_option *row = cli_option_table(); row->name || row->group; row++) {
		if (row->group)
			fprintf(out, "\n%s:\n", row->group);
		else if (row->help)
			print_option(out, row);
	}
	print_names(out, "Accepted without effect, for scripts that pass them (also -nodefaults, -smp 1):", opt_noop);
	print_names(out, "Known, not implemented yet:", opt_later);
	fputs(outro, out);
}

static void print_rows(FILE *out, const char *title, const char *(*name)(unsigned i, const char **help))
{
	const char *help = "", *n;
	fprintf(out, "%s:\n", title);
	for (unsigned i = 0; (n = name(i, &help)); i++)
		fprintf(out, "  %-16s %s\n", n, help ? help : "");
}

void cli_print_list(FILE *out, enum cli_action what)
{
	switch (what) {
	case CLI_LIST_MACHINES:
		print_rows(out, "Boards (-M NAME)", rhea_machine_name);
		break;
	case CLI_LIST_CPUS:
		print_rows(out, "Processors (-cpu NAME)", rhea_cpu_name);
		break;
	case CLI_LIST_LOG_ITEMS:
		print_rows(out, "Log items (-d NAME,NAME...)", rhea_log_item);
		fputs("  all, none\nThe log goes to stderr, or to the file that -D names.\n", out);
		break;
	case CLI_LIST_ACCELS:
		fputs("Ways to execute (-accel NAME):\n"
		      "  jit              translate to x86-64 (default; tcg means the same)\n"
		      "  interp           interpret the intermediate code: slow, for comparison\n"
		      "  lockstep         both at once; stops at the first difference\n", out);
		break;
	case CLI_LIST_DEVICES:
		fputs("Devices (-device NAME,property=value...):\n"
		      "  loader           puts files or values into guest memory\n"
		      "    file=FILE        an ELF file, or raw bytes for addr\n"
		      "    addr=N           where raw bytes go, or a start address\n"
		      "    cpu-num=0        start at addr, or at the ELF's entry\n"
		      "    force-raw=on     load an ELF file's bytes as they are\n"
		      "    data=V,data-len=1..8[,data-be=on]   a value to store at addr\n", out);
		break;
	case CLI_VERSION:
		fprintf(out, CLI_NAME " version %s\n", rhea_version());
		break;
	case CLI_HELP:
		cli_print_help(out);
		break;
	case CLI_RUN:
		break;
	}
}
