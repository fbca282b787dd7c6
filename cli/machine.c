/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the machine: board, CPU, memory, accelerator, clocks (handlers of options.def). */
#include <string.h>

#include "cli/options.h"

static const struct {
	const char *name;
	enum rhea_accel accel;
	bool here;
} accels[] = {
	{"jit", RHEA_ACCEL_JIT, true}, {"tcg", RHEA_ACCEL_JIT, true}, {"interp", RHEA_ACCEL_INTERP, true},
	{"lockstep", RHEA_ACCEL_LOCKSTEP, true}, {"kvm", 0, false}, {"hvf", 0, false}, {"xen", 0, false},
	{"whpx", 0, false}, {"nvmm", 0, false}, {"hax", 0, false},
};

/* The first of several that this host can have counts, as with QEMU. */
static bool choose_accel(struct cli_options *o, const char *option, const char *name)
{
	for (unsigned i = 0; i < sizeof accels / sizeof accels[0]; i++) {
		if (strcmp(accels[i].name, name) != 0)
			continue;
		if (!accels[i].here)
			o->accel_missing = accels[i].name;
		else if (!o->accel_chosen)
			o->config.accel = accels[i].accel;
		o->accel_chosen |= accels[i].here;
		return true;
	}
	return cli_fail(o, "-%s: unknown accelerator '%.100s' (jit, interp, lockstep)", option, name);
}

/* machine accel=kvm:tcg is a list */
static bool choose_accels(struct cli_options *o, char *list)
{
	while (list) {
		char *colon = strchr(list, ':');
		if (colon)
			*colon++ = '\0';
		if (!choose_accel(o, "machine", list))
			return false;
		list = colon;
	}
	return true;
}

/* Properties of QEMU's boards that scripts pass and that change nothing on ours. */
static const struct {
	const char *key, *why;
} machine_ignored[] = {
	{"usb", "the board's USB is not implemented yet"},
	{"graphics", "there is no display"},
	{"kernel-irqchip", "it concerns KVM"},
	{"mem-merge", "it concerns the host's memory only"},
	{"dump-guest-core", "it concerns core dumps of the emulator only"},
	{"suppress-vmdesc", "it concerns migration"},
	{"secure", "the board has no security extensions"},
	{"virtualization", "the board has no virtualization extensions"},
};

static bool machine_property(struct cli_options *o, const char *key, char *value)
{
	if (!value)
		return cli_fail(o, "-machine: '%.100s' is not of the form property=value", key);
	if (strcmp(key, "type") == 0)
		o->config.machine = value;
	else if (strcmp(key, "accel") == 0)
		return choose_accels(o, value);
	else if (strcmp(key, "kernel") == 0)
		o->kernel = value;
	else if (strcmp(key, "initrd") == 0)
		o->initrd = value;
	else if (strcmp(key, "append") == 0)
		o->append = value;
	else if (strcmp(key, "dtb") == 0)
		o->dtb = value;
	else if (strcmp(key, "firmware") == 0)
		o->bios = value;
	else {
		for (unsigned i = 0; i < sizeof machine_ignored / sizeof machine_ignored[0]; i++) {
			if (strcmp(machine_ignored[i].key, key) != 0)
				continue;
			cli_note(o, "-machine %s=%.60s: ignored, %s\n", key, value, machine_ignored[i].why);
			return true;
		}
		return cli_unknown_key(o, "machine", key, "type, accel, kernel, initrd, append, dtb, firmware");
	}
	return true;
}

bool opt_machine(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		if (cli_is_help(key))
			return cli_show(o, CLI_LIST_MACHINES);
		if (first && !value)
			o->config.machine = key;
		else if (!machine_property(o, key, value))
			return false;
		if (o->config.machine && cli_is_help(o->config.machine))
			return cli_show(o, CLI_LIST_MACHINES);
	}
	return true;
}

bool opt_cpu(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (cli_is_help(arg))
		return cli_show(o, CLI_LIST_CPUS);
	if (strchr(arg, ','))
		return cli_fail(o, "-cpu %.100s: properties of the processor are not implemented yet", arg);
	o->config.cpu = arg;
	return true;
}

bool opt_memory(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	while (cli_next_pair(&rest, &key, &value)) {
		if (value && strcmp(key, "size") != 0)
			return cli_fail(o, "-m: '%.100s': the board's memory is fixed; only size= is there", key);
		if (!cli_parse_size(value ? value : key, UINT64_C(1) << 20, &o->config.ram_size))
			return cli_fail(o, "-m %.100s: expected a size, as 128, 64M or 1G (MiB without a letter)", arg);
	}
	return true;
}

static bool parse_tier2_thread(struct cli_options *o, const char *value)
{
	static const struct {
		const char *name;
		enum rhea_tier2_thread value;
	} rows[] = {{"auto", RHEA_TIER2_THREAD_AUTO}, {"on", RHEA_TIER2_THREAD_ON}, {"off", RHEA_TIER2_THREAD_OFF}};
	for (size_t k = 0; value && k < sizeof rows / sizeof *rows; k++)
		if (strcmp(value, rows[k].name) == 0) {
			o->config.tier2_thread = rows[k].value;
			return true;
		}
	return cli_bad_value(o, "accel", "tier2-thread", value, "on, off or auto");
}

static bool accel_property(struct cli_options *o, const char *key, const char *value)
{
	if (strcmp(key, "tb-size") == 0) {
		uint64_t mib;
		if (!cli_parse_u64(value, &mib) || mib > 1u << 20)
			return cli_bad_value(o, "accel", key, value, "a number of MiB");
		o->config.tb_size = mib << 20;
		return true;
	}
	if (strcmp(key, "one-insn-per-tb") == 0)
		return cli_parse_flag(o, "accel", key, value, &o->config.one_insn_per_tb);
	if (strcmp(key, "warmup") == 0 || strcmp(key, "window") == 0) {
		bool on;
		if (!cli_parse_flag(o, "accel", key, value, &on))
			return false;
		*(strcmp(key, "warmup") == 0 ? &o->config.compile_at_once : &o->config.no_window) = !on;
		return true;
	}
	if (strcmp(key, "tier") == 0) {
		uint64_t tier;
		if (!cli_parse_u64(value, &tier) || tier < 1 || tier > 2)
			return cli_bad_value(o, "accel", key, value, "1 or 2");
		o->config.tier = (unsigned)tier;
		return true;
	}
	if (strcmp(key, "tier2-thread") == 0)
		return parse_tier2_thread(o, value);
	if (strcmp(key, "regions-at-once") == 0)
		return cli_parse_flag(o, "accel", key, value, &o->config.regions_at_once);
	if (strcmp(key, "trouble") == 0) {
		uint64_t seed;
		if (!cli_parse_u64(value, &seed) || seed > UINT32_MAX)
			return cli_bad_value(o, "accel", key, value, "a seed, 0 for none");
		o->config.trouble_seed = (uint32_t)seed;
		return true;
	}
	if (strcmp(key, "thread") == 0)
		return (value && (strcmp(value, "single") == 0 || strcmp(value, "multi") == 0)) ||
		       cli_bad_value(o, "accel", key, value, "single"); /* one core: the same */
	return cli_unknown_key(o, "accel", key, "tb-size, one-insn-per-tb, warmup, window, tier, tier2-thread, regions-at-once, trouble, thread");
}

bool opt_accel(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		bool name = first && !value;
		if (cli_is_help(name ? key : ""))
			return cli_show(o, CLI_LIST_ACCELS);
		if (name || strcmp(key, "accel") == 0) {
			if (!choose_accel(o, "accel", name ? key : value ? value : ""))
				return false;
		} else if (!accel_property(o, key, value)) {
			return false;
		}
	}
	return true;
}

bool opt_smp(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	uint64_t n;
	(void)row;
	while (cli_next_pair(&rest, &key, &value))
		if (!cli_parse_u64(value ? value : key, &n) || n != 1)
			return cli_fail(o, "-smp %.100s: the machine has one core", arg);
	return true;
}

static bool rtc_base(struct cli_options *o, const char *value)
{
	if (!value)
		return cli_bad_value(o, "rtc", "base", value, "utc, localtime or a date");
	if (strcmp(value, "utc") == 0)
		return true;
	if (strcmp(value, "localtime") == 0)
		return o->config.rtc_localtime = true;
	o->config.rtc_base_set = true;
	return cli_parse_date(value, &o->config.rtc_base) ||
	       cli_bad_value(o, "rtc", "base", value, "utc, localtime, or a date as 2006-06-17T16:01:21 or 2006-06-17");
}

bool opt_rtc(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	while (cli_next_pair(&rest, &key, &value)) {
		if (strcmp(key, "base") == 0) {
			if (!rtc_base(o, value))
				return false;
		} else if (strcmp(key, "clock") == 0) {
			o->config.rtc_virtual = value && strcmp(value, "vm") == 0;
			if (!value || !(o->config.rtc_virtual || strcmp(value, "host") == 0 || strcmp(value, "rt") == 0))
				return cli_bad_value(o, "rtc", key, value, "host or vm");
		} else if (strcmp(key, "driftfix") == 0) {
			if (!value || strcmp(value, "none") != 0)
				return cli_bad_value(o, "rtc", key, value, "none");
		} else {
			return cli_unknown_key(o, "rtc", key, "base, clock, driftfix");
		}
	}
	return true;
}

#define ICOUNT_AUTO_SHIFT 0u /* to begin with: what is behind catches up, what is ahead has to wait */

static bool icount_shift(struct cli_options *o, const char *value)
{
	uint64_t n = ICOUNT_AUTO_SHIFT;
	bool is_auto = value && strcmp(value, "auto") == 0;
	if (value && strcmp(value, "off") == 0) {
		o->config.icount = o->config.icount_auto = false;
		return true;
	}
	if (!is_auto && (!cli_parse_u64(value, &n) || n > 10))
		return cli_bad_value(o, "icount", "shift", value, "0 to 10 or auto");
	o->config.icount = true;
	o->config.icount_shift = (unsigned)n;
	o->config.icount_auto = is_auto;
	return true;
}

static bool icount_history(struct cli_options *o, const char *value)
{
	static const char *const names[] = {
		[RHEA_HISTORY_AUTO] = "auto", [RHEA_HISTORY_ON] = "on", [RHEA_HISTORY_OFF] = "off",
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (value && strcmp(value, names[i]) == 0) {
			o->config.history = (enum rhea_history)i;
			return true;
		}
	return cli_bad_value(o, "icount", "history", value, "auto, on or off");
}

/* How virtual time and the host's go together. */
static bool icount_pace(struct cli_options *o, bool has_shift, bool sleep, bool align)
{
	if (align && !sleep)
		return cli_fail(o, "-icount align=on,sleep=off: one keeps to the host's time, the other does not wait for it");
	if (o->config.icount_auto && (align || !sleep))
		return cli_fail(o, "-icount shift=auto,%s: auto keeps to the host's time by itself; shift=N says how fast time goes",
				align ? "align=on" : "sleep=off");
	if (o->config.icount_auto && o->config.history == RHEA_HISTORY_ON)
		return cli_fail(o, "-icount shift=auto,history=on: only a run with shift=N can be repeated");
	if (!has_shift && align)
		return cli_fail(o, "-icount align=on: needs shift=N, which says how fast virtual time goes");
	if (!has_shift && !sleep)
		cli_note(o, "-icount sleep=off: without shift=N it changes nothing\n");
	o->config.icount_no_sleep = !sleep;
	o->config.icount_align = align;
	return true;
}

bool opt_icount(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	bool has_shift = o->config.icount, sleep = !o->config.icount_no_sleep, align = o->config.icount_align; /* one adds to another */
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		bool is_shift = strcmp(key, "shift") == 0 || (first && !value), ok;
		has_shift |= is_shift;
		if (is_shift)
			ok = icount_shift(o, first && !value ? key : value);
		else if (strcmp(key, "sleep") == 0)
			ok = cli_parse_flag(o, "icount", key, value, &sleep);
		else if (strcmp(key, "align") == 0)
			ok = cli_parse_flag(o, "icount", key, value, &align);
		else if (strcmp(key, "history") == 0)
			ok = icount_history(o, value);
		else if (strncmp(key, "rr", 2) == 0)
			ok = cli_fail(o, "-icount %s=: recordings have options of their own: -record FILE and -replay FILE, with -icount shift=N", key);
		else
			ok = cli_unknown_key(o, "icount", key, "shift, history, sleep, align");
		if (!ok)
			return false;
	}
	return icount_pace(o, has_shift, sleep, align);
}

bool opt_flag_no_reboot(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->config.no_reboot = true;
}

bool opt_flag_one_insn(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->config.one_insn_per_tb = true;
}

bool opt_flag_nodefaults(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return o->nodefaults = true;
}
