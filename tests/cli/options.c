/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as users of QEMU type it: what it means, and the exact words for what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define MAX_ARGV 24

/* Splits at blanks; a word of '' alone is empty. */
static int split(char *line, const char **argv)
{
	int n = 0;
	char *save = NULL;
	argv[n++] = CLI_NAME;
	for (char *w = strtok_r(line, " ", &save); w && n < MAX_ARGV; w = strtok_r(NULL, " ", &save))
		argv[n++] = strcmp(w, "''") == 0 ? "" : w;
	return n;
}

static bool parse(struct cli_options *o, const char *text)
{
	char line[1024];
	const char *argv[MAX_ARGV];
	snprintf(line, sizeof line, "%s", text);
	bool ok = cli_options_parse(o, split(line, argv), argv);
	memset(line, 'x', sizeof line); /* strings must not point into argv */
	return ok;
}

static void parse_ok(struct cli_options *o, const char *text)
{
	if (!parse(o, text))
		fail_msg("%s: %s", text, o->error);
}

/* ---- errors ---- */

static const struct {
	const char *line, *error;
} errors[] = {
	{"", "nothing to run: try -M versatilepb -kernel FILE -nographic, or --help"},
	{"-nographic", "no machine given: use -M NAME, for example -M versatilepb (-M help lists them)"},
	{"-kernl x", "-kernl: unknown option; did you mean -kernel? (--help lists all)"},
	{"--nographics", "--nographics: unknown option; did you mean -nographic? (--help lists all)"},
	{"-semihostin", "-semihostin: unknown option; did you mean -semihosting? (--help lists all)"},
	{"-qqqqqqqqqqqq", "-qqqqqqqqqqqq: unknown option (--help lists all)"},
	{"--kernel=x.bin", "--kernel=x.bin: write it as '-kernel x.bin'"},
	{"-M versatilepb -kernel", "-kernel: needs an argument: FILE"},
	{"-M versatilepb -kernel ''", "-kernel: the file name is empty"},
	{"x.img", "x.img: say what it is: a disk image: -drive if=sd,format=raw,file=x.img; a bare-metal image: -kernel x.img"},
	{"-drive file=a", "-drive: say where it goes: if=sd (SD card) or if=pflash (flash); the board's SCSI is not implemented"},
	{"-drive if=sd", "-drive: needs file=FILE"},
	{"-drive if=virtio,file=a", "-drive: if=virtio: this machine has if=sd and if=pflash"},
	{"-drive if=sd,file=a,format=qcow2",
	 "-drive: format=qcow2: only raw images are supported; 'qemu-img convert -O raw' makes one"},
	{"-drive if=sd,file=a,index=x", "-drive: index=x: expected a number from 0"},
	{"-drive if=sd,file=a,readonly=maybe", "-drive: readonly=maybe: expected on or off"},
	{"-drive if=sd,file=a,media=cdrom", "-drive: media=cdrom: not implemented (accepted: disk)"},
	{"-drive if=sd,file=a,cache=no", "-drive: cache=no: expected writeback, writethrough, none, directsync or unsafe"},
	{"-drive if=sd,file=a,bps=1",
	 "-drive: unknown property 'bps' (known: file, if, format, index, readonly, snapshot, media, cache, id)"},
	{"-sd a -drive if=sd,index=0,file=b", "-drive: index=0: used by a already"},
	{"-sd ''", "-sd: needs a file name"},
	{"-m 12x", "-m 12x: expected a size, as 128, 64M or 1G (MiB without a letter)"},
	{"-m ''  -m -1", "-m -1: expected a size, as 128, 64M or 1G (MiB without a letter)"},
	{"-m 99999999999999999999", "-m 99999999999999999999: expected a size, as 128, 64M or 1G (MiB without a letter)"},
	{"-m 99999999T", "-m 99999999T: expected a size, as 128, 64M or 1G (MiB without a letter)"},
	{"-m 64,maxmem=1G", "-m: 'maxmem': the board's memory is fixed; only size= is there"},
	{"-M versatilepb,foo=1", "-machine: unknown property 'foo' (known: type, accel, kernel, initrd, append, dtb, firmware)"},
	{"-M versatilepb,foo", "-machine: 'foo' is not of the form property=value"},
	{"-cpu arm926,vfp=off", "-cpu arm926,vfp=off: properties of the processor are not implemented yet"},
	{"-accel foo", "-accel: unknown accelerator 'foo' (jit, interp, lockstep)"},
	{"-M versatilepb -accel kvm", "-accel kvm: not on this host; leave it out, or use -accel jit"},
	{"-accel jit,tb-size=big", "-accel: tb-size=big: expected a number of MiB"},
	{"-accel jit,one-insn-per-tb=maybe", "-accel: one-insn-per-tb=maybe: expected on or off"},
	{"-accel jit,foo=1", "-accel: unknown property 'foo' (known: tb-size, one-insn-per-tb, warmup, window, tier, tier2-thread, regions-at-once, trouble, thread)"},
	{"-smp 2", "-smp 2: the machine has one core"},
	{"-smp cpus=1,threads=4", "-smp cpus=1,threads=4: the machine has one core"},
	{"-icount shift=99", "-icount: shift=99: expected 0 to 10 or auto"},
	{"-icount foo", "-icount: shift=foo: expected 0 to 10 or auto"},
	{"-icount 3,align=on,sleep=off", "-icount align=on,sleep=off: one keeps to the host's time, the other does not wait for it"},
	{"-icount shift=3,sleep=off -icount align=on",
	 "-icount align=on,sleep=off: one keeps to the host's time, the other does not wait for it"},
	{"-icount 3,align=on -icount shift=auto", "-icount shift=auto,align=on: auto keeps to the host's time by itself; shift=N says how fast time goes"},
	{"-icount auto,sleep=off", "-icount shift=auto,sleep=off: auto keeps to the host's time by itself; shift=N says how fast time goes"},
	{"-icount auto,history=on", "-icount shift=auto,history=on: only a run with shift=N can be repeated"},
	{"-icount align=on", "-icount align=on: needs shift=N, which says how fast virtual time goes"},
	{"-icount 3,sleep=maybe", "-icount: sleep=maybe: expected on or off"},
	{"-icount 3,rr=record",
	 "-icount rr=: recordings have options of their own: -record FILE and -replay FILE, with -icount shift=N"},
	{"-icount 3,rrfile=x",
	 "-icount rrfile=: recordings have options of their own: -record FILE and -replay FILE, with -icount shift=N"},
	{"-rtc base=foo", "-rtc: base=foo: expected utc, localtime, or a date as 2006-06-17T16:01:21 or 2006-06-17"},
	{"-rtc base=2023-02-30", "-rtc: base=2023-02-30: expected utc, localtime, or a date as 2006-06-17T16:01:21 or 2006-06-17"},
	{"-rtc clock=foo", "-rtc: clock=foo: expected host or vm"},
	{"-rtc foo=1", "-rtc: unknown property 'foo' (known: base, clock, driftfix)"},
	{"-device e1000", "-device e1000: not implemented yet (there is -device loader)"},
	{"-device loader", "-device loader: give file=FILE, or addr=N with data= or cpu-num=0"},
	{"-device loader,addr=0x100", "-device loader: addr= alone loads nothing; add file=, data= or cpu-num=0"},
	{"-device loader,addr=zzz,file=x", "-device loader: addr=zzz: expected an address, as 0x10000"},
	{"-device loader,file=x,cpu-num=1", "-device loader: cpu-num=1: the machine has one core, number 0"},
	{"-device loader,addr=4,data=1", "-device loader: data= and data-len= belong together"},
	{"-device loader,addr=4,data=0x100,data-len=1", "-device loader: data= does not fit in data-len=1 bytes"},
	{"-device loader,addr=4,data=1,data-len=9", "-device loader: data-len=9: expected 1 to 8"},
	{"-device loader,file=x,force-raw=on", "-device loader: force-raw=on needs addr="},
	{"-device loader,file=x,adr=1",
	 "-device loader: unknown property 'adr' (known: file, addr, cpu-num, force-raw, data, data-len, data-be)"},
	{"-semihosting-config foo=on", "-semihosting-config: unknown property 'foo' (known: enable, target, userspace, arg)"},
	{"-semihosting-config target=x", "-semihosting-config: target=x: expected native, gdb or auto"},
	{"-semihosting-config chardev=c", "-semihosting-config: chardev= is not implemented yet; the console is this process's own"},
	{"-display png:", "-display png:: not implemented yet; use -nographic, -display none or -display png:FILE"},
	{"-display gtk", "-display gtk: not implemented yet; use -nographic, -display none or -display png:FILE"},
	{"-M versatilepb -append x", "-append: needs -kernel"},
	{"-M versatilepb -net nic,netdev=n", "-net nic: netdev=n: there is no -netdev of that id"},
	{"-net nic,vlan=1", "-net nic: unknown property 'vlan' (known: netdev, macaddr, model, name)"},
	{"-net nic -net nic", "-net nic: the board has one network card"},
	{"-netdev user", "-netdev user: needs id=NAME, and -net nic,netdev=NAME"},
	{"-object rng-random,id=r", "-object rng-random,id=r: not implemented yet (there is -object filter-dump)"},
	{"-object filter-dump,id=d,netdev=n", "-object filter-dump: needs netdev=ID and file=FILE"},
	{"-M versatilepb -object filter-dump,id=d,netdev=n,file=f", "-object filter-dump: netdev=n: no network has that id"},
	{"-parallel file:x", "-parallel file:x: not implemented yet (accepted: -parallel none)"},
	{"-audiodev alsa,id=x", "-audiodev alsa,id=x: not implemented yet (accepted: -audiodev none)"},
	{"-incoming x", "-incoming: not implemented yet"},
	{"-gdb ''", "-gdb: expected tcp:[HOST]:PORT, unix:PATH, stdio, pty or none"},
	{"-M versatilepb -initrd x", "-initrd: needs -kernel"},
	{"-M versatilepb -bios b -dtb x", "-dtb: needs -kernel"},
	{"-M versatilepb -kernel k -dtb ''", "-dtb: the file name is empty"},
	{"-chardev stdio,id=a", "-chardev: not implemented yet; -serial takes stdio, file:, tcp:, unix: and pty itself"},
};

/* A failure means that a mistake is accepted, or explained in other words. */
static void mistakes_are_explained(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct cli_options o;
		if (parse(&o, errors[i].line))
			fail_msg("'%s' was accepted", errors[i].line);
		if (strcmp(o.error, errors[i].error) != 0)
			fail_msg("'%s':\n got  %s\n want %s", errors[i].line, o.error, errors[i].error);
		cli_options_free(&o);
	}
}

/* ---- meanings ---- */

/* A failure means that the tutorial's command line does something else. */
static void tutorial_line(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M versatilepb -m 128 -kernel test.bin -nographic");
	assert_int_equal(o.action, CLI_RUN);
	assert_string_equal(o.config.machine, "versatilepb");
	assert_int_equal(o.config.ram_size, 128u << 20);
	assert_string_equal(o.kernel, "test.bin");
	assert_int_equal(o.n_serials, 1);
	assert_string_equal(o.serials[0], "mon:stdio");
	assert_string_equal(o.notes, "");
	assert_int_equal(o.config.accel, RHEA_ACCEL_JIT);
	cli_options_free(&o);
}

static void sizes_and_numbers(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes;
	} rows[] = {
		{"-M x -m 64", 64u << 20}, {"-M x -m 64M", 64u << 20}, {"-M x -m 512k", 512u << 10},
		{"-M x -m 1G", 1u << 30}, {"-M x -m size=16m", 16u << 20}, {"-M x -m 0x10", 16u << 20},
		{"-M x -m 4096b", 4096}, {"-M x -m 0", 0},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cli_options o;
		parse_ok(&o, rows[i].line);
		assert_int_equal(o.config.ram_size, rows[i].bytes);
		cli_options_free(&o);
	}
}

static void serial_defaults(void **state)
{
	static const struct {
		const char *line;
		unsigned n;
		const char *first;
	} rows[] = {
		{"-M x -nographic", 1, "mon:stdio"},
		{"-M x -nographic -monitor none", 1, "stdio"},
		{"-M x -nographic -serial file:a -serial pty", 2, "file:a"},
		{"-M x -nographic -nodefaults", 0, NULL},
		{"-M x -display none", 0, NULL},
		{"-M x -serial mon:stdio -display none", 1, "mon:stdio"},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cli_options o;
		parse_ok(&o, rows[i].line);
		assert_int_equal(o.n_serials, rows[i].n);
		if (rows[i].first)
			assert_string_equal(o.serials[0], rows[i].first);
		cli_options_free(&o);
	}
}

/* A failure means that -nographic with the serial port elsewhere leaves no monitor, or one where somebody else is. */
static void monitor_defaults(void **state)
{
	static const struct {
		const char *line;
		unsigned n;
		const char *last;
	} rows[] = {
		{"-M x -nographic", 0, NULL},
		{"-M x -nographic -serial file:a", 1, "stdio"},
		{"-M x -nographic -serial file:a -monitor none", 0, NULL},
		{"-M x -nographic -serial file:a -monitor pty", 1, "pty"},
		{"-M x -nographic -serial file:a -qmp unix:q,server=on", 2, "stdio"},
		{"-M x -nographic -serial file:a -qmp stdio", 1, "stdio"},
		{"-M x -nographic -serial file:a -gdb stdio", 0, NULL},
		{"-M x -nographic -serial file:a -nodefaults", 0, NULL},
		{"-M x -nographic -serial null -serial mon:stdio", 0, NULL},
		{"-M x -nographic -serial stdio", 0, NULL},
		{"-M x -serial file:a -display none", 0, NULL},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cli_options o;
		parse_ok(&o, rows[i].line);
		assert_int_equal(o.n_monitors, rows[i].n);
		if (rows[i].n)
			assert_string_equal(o.monitors[rows[i].n - 1].spec, rows[i].last);
		cli_options_free(&o);
	}
}

static void accelerators(void **state)
{
	static const struct {
		const char *line;
		enum rhea_accel accel;
		uint64_t tb_size;
		bool one;
	} rows[] = {
		{"-M x -accel tcg", RHEA_ACCEL_JIT, 0, false},
		{"-M x -accel interp", RHEA_ACCEL_INTERP, 0, false},
		{"-M x -accel accel=lockstep,tb-size=32", RHEA_ACCEL_LOCKSTEP, 32u << 20, false},
		{"-M x -accel tcg,thread=single,one-insn-per-tb=on", RHEA_ACCEL_JIT, 0, true},
		{"-M x -accel kvm -accel interp -accel jit", RHEA_ACCEL_INTERP, 0, false},
		{"-M x,accel=kvm:tcg -singlestep", RHEA_ACCEL_JIT, 0, true},
		{"-machine type=x,accel=interp -one-insn-per-tb", RHEA_ACCEL_INTERP, 0, true},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cli_options o;
		parse_ok(&o, rows[i].line);
		assert_int_equal(o.config.accel, rows[i].accel);
		assert_int_equal(o.config.tb_size, rows[i].tb_size);
		assert_int_equal(o.config.one_insn_per_tb, rows[i].one);
		cli_options_free(&o);
	}
}

static void time_options(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M x -icount shift=7,sleep=on,align=off -rtc base=2006-06-17T16:01:21,clock=vm");
	assert_true(o.config.icount);
	assert_int_equal(o.config.icount_shift, 7);
	assert_false(o.config.icount_no_sleep || o.config.icount_align);
	assert_true(o.config.rtc_base_set && o.config.rtc_virtual);
	assert_int_equal(o.config.rtc_base, 1150560081);
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount shift=0,sleep=off,align=off");
	assert_true(o.config.icount && o.config.icount_no_sleep && !o.config.icount_align);
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount 3 -icount align=on");
	assert_true(o.config.icount && o.config.icount_align && !o.config.icount_no_sleep && !o.config.icount_auto);
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount sleep=off");
	assert_false(o.config.icount);
	assert_non_null(strstr(o.notes, "without shift=N it changes nothing"));
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount auto -rtc base=localtime,driftfix=none,clock=host");
	assert_true(o.config.icount && o.config.icount_auto);
	assert_true(o.config.rtc_localtime && !o.config.rtc_base_set);
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount auto -icount 2");
	assert_true(o.config.icount && !o.config.icount_auto);
	cli_options_free(&o);
	parse_ok(&o, "-M x -icount 2 -icount off -rtc base=1970-01-02");
	assert_false(o.config.icount);
	assert_int_equal(o.config.rtc_base, 86400);
	cli_options_free(&o);
}

static void loaders(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M x -device loader,file=a,,b.bin,addr=0x8000,cpu-num=0,force-raw=on "
		     "-device loader,addr=16,data=0x1234,data-len=2,data-be=on -device driver=loader,file=e.elf "
		     "-device loader,addr=0x100,cpu-num=0");
	assert_int_equal(o.n_loaders, 4);
	assert_string_equal(o.loaders[0].file, "a,b.bin");
	assert_int_equal(o.loaders[0].addr, 0x8000);
	assert_true(o.loaders[0].force_raw && o.loaders[0].set_pc);
	assert_int_equal(o.loaders[1].data, 0x1234);
	assert_int_equal(o.loaders[1].data_len, 2);
	assert_true(o.loaders[1].data_be && !o.loaders[1].file);
	assert_false(o.loaders[2].has_addr || o.loaders[2].set_pc);
	assert_true(o.loaders[3].set_pc);
	cli_options_free(&o);
}

static void semihosting_options(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M x -semihosting");
	assert_int_equal(o.config.semihosting, RHEA_SEMIHOSTING_ON);
	cli_options_free(&o);
	parse_ok(&o, "-M x -semihosting-config enable=on,target=native,userspace=on,arg=prog,arg=a,,b=c");
	assert_int_equal(o.config.semihosting, RHEA_SEMIHOSTING_USERSPACE);
	assert_string_equal(o.config.semihosting_args[0], "prog");
	assert_string_equal(o.config.semihosting_args[1], "a,b=c");
	assert_null(o.config.semihosting_args[2]);
	cli_options_free(&o);
	parse_ok(&o, "-M x -semihosting -semihosting-config enable=off");
	assert_int_equal(o.config.semihosting, RHEA_SEMIHOSTING_OFF);
	cli_options_free(&o);
}

static void expect_nics(const char *line, const char *nics)
{
	struct cli_options o;
	char got[256] = "";
	parse_ok(&o, line);
	for (unsigned i = 0; i < o.n_nics; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s;", o.nics[i]);
	assert_string_equal(got, nics);
	cli_options_free(&o);
}

/* A failure means that one of the ways to say it plugs the card in somewhere else. */
static void network_options_end_as_specs(void **state)
{
	(void)state;
	expect_nics("-M versatilepb -bios b", "user;");
	expect_nics("-M versatilepb -bios b -nodefaults", "");
	expect_nics("-M versatilepb -bios b -nic none", "none;");
	expect_nics("-M versatilepb -bios b -net none", "");
	expect_nics("-M versatilepb -bios b -nic user,hostfwd=tcp::1-:2,hostfwd=udp::3-:4", "user,hostfwd=tcp::1-:2,hostfwd=udp::3-:4;");
	expect_nics("-M versatilepb -bios b -net nic,macaddr=52:54:00:00:00:01,model=smc91c111 -net user,restrict=on",
		    "user,restrict=on,mac=52:54:00:00:00:01,model=smc91c111;");
	expect_nics("-M versatilepb -bios b -netdev user,id=n -net nic,netdev=n,name=x", "user,id=n;");
	expect_nics("-M versatilepb -bios b -net nic", "none;");
	expect_nics("-M versatilepb -bios b -net user", "");
	expect_nics("-M versatilepb -bios b -nic socket,id=s,listen=:1 -object filter-dump,id=f,netdev=s,file=a,,b",
		    "socket,id=s,listen=:1,dump=a,,b;");
}

/* A failure means that options which scripts pass along stop us. */
static void harmless_options_pass(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M versatilepb,usb=off -net none -nic none -vga none -parallel none -monitor null "
		     "-audiodev none,id=snd -name test -smp 1 -nodefaults -no-user-config");
	assert_non_null(strstr(o.notes, "-machine usb=off: ignored, the board's USB is not implemented yet\n"));
	cli_options_free(&o);
	parse_ok(&o, "-M versatilepb -audiodev driver=none,id=x -sandbox off -seed 1 -smp cpus=1 -display none -bios b "
		     "--no-reboot -d in_asm,nochain -D t -dfilter 0..1 -perfmap -jitdump");
	assert_true(o.config.no_reboot && o.config.no_chain);
	assert_string_equal(o.log_items, "in_asm,nochain");
	assert_string_equal(o.log_file, "t");
	assert_string_equal(o.log_filter, "0..1");
	assert_true(o.perfmap);
	assert_true(o.jitdump);
	assert_string_equal(o.notes, "");
	cli_options_free(&o);
}

static void help_wins(void **state)
{
	static const struct {
		const char *line;
		enum cli_action action;
	} rows[] = {
		{"-h", CLI_HELP}, {"--help", CLI_HELP}, {"-help -nonsense", CLI_HELP}, {"--version", CLI_VERSION},
		{"-M help", CLI_LIST_MACHINES}, {"-machine ?", CLI_LIST_MACHINES}, {"-cpu help", CLI_LIST_CPUS},
		{"-machine type=help", CLI_LIST_MACHINES}, {"-d help", CLI_LIST_LOG_ITEMS},
		{"-M x -accel help", CLI_LIST_ACCELS}, {"-device help", CLI_LIST_DEVICES},
		{"-device loader,help", CLI_LIST_DEVICES},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cli_options o;
		parse_ok(&o, rows[i].line);
		assert_int_equal(o.action, rows[i].action);
		cli_options_free(&o);
	}
}

/* A failure means that an option is missing from --help, or lines of it are too long to read. */
static void help_names_every_option(void **state)
{
	char *text, word[64];
	size_t size;
	FILE *f = open_memstream(&text, &size);
	(void)state;
	cli_print_help(f);
	fclose(f);
	for (const struct cli_option *row = cli_option_table(); row->name || row->group; row++) {
		if (row->group)
			continue;
		snprintf(word, sizeof word, " -%s", row->name);
		if (!strstr(text, word))
			fail_msg("--help does not name -%s", row->name);
	}
	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		if (n > 120)
			fail_msg("too long: %.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
	free(text);
}

/* A failure means that too many options overflow a table. */
static void tables_are_bounded(void **state)
{
	static const char *const rows[][2] = {{"-serial", "null"}, {"-device", "loader,file=x"},
					      {"-semihosting-config", "arg=x"}, {"-machine", "x,usb=on"}};
	const char *argv[2001] = {CLI_NAME};
	struct cli_options o;
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (unsigned k = 1; k < 2001; k++)
			argv[k] = rows[i][(k + 1) % 2];
		assert_int_equal(cli_options_parse(&o, 2001, argv), i == 3);
		cli_options_free(&o);
	}
}

/* A failure means that an image lands in another slot, or is written against the user's will. */
static void drives(void **state)
{
	struct cli_options o;
	(void)state;
	parse_ok(&o, "-M versatilepb -bios b -display none -drive file=b.img,if=sd,index=1,format=raw,media=disk,cache=writethrough "
		     "-sd a.img -pflash f.img -drive if=none,id=x,file=c -snapshot -drive if=sd,file=d,,d,readonly=on,snapshot=on");
	assert_int_equal(o.n_drives, 5);
	assert_int_equal(o.drives[0].drive.index, 1);
	assert_true(o.drives[0].drive.format_raw && o.drives[0].drive.write_through);
	assert_int_equal(o.drives[1].drive.index, 0);
	assert_int_equal(o.drives[1].drive.kind, RHEA_DRIVE_SD);
	assert_false(o.drives[1].drive.format_raw);
	assert_int_equal(o.drives[2].drive.kind, RHEA_DRIVE_PFLASH);
	assert_int_equal(o.drives[2].drive.index, 0);
	assert_false(o.drives[3].connected);
	assert_int_equal(o.drives[4].drive.index, 2);
	assert_string_equal(o.drives[4].drive.path, "d,d");
	assert_true(o.drives[4].drive.read_only && o.drives[4].drive.snapshot && o.snapshot);
	assert_string_equal(o.notes, "-drive if=none,file=c: nothing uses it\n");
	cli_options_free(&o);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_explained), cmocka_unit_test(tutorial_line),
		cmocka_unit_test(sizes_and_numbers), cmocka_unit_test(serial_defaults), cmocka_unit_test(monitor_defaults),
		cmocka_unit_test(accelerators), cmocka_unit_test(time_options), cmocka_unit_test(loaders), cmocka_unit_test(drives),
		cmocka_unit_test(semihosting_options), cmocka_unit_test(network_options_end_as_specs), cmocka_unit_test(harmless_options_pass),
		cmocka_unit_test(help_wins), cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(tables_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
