/* SPDX-License-Identifier: Apache-2.0 */
/* What each option does to struct cli_options: one handler per meaning, named by options.def. */
#include <string.h>

#include "cli/options.h"

static bool is_help(const char *arg)
{
	return strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0;
}

/* Ends parsing: something is to be printed instead of run. */
static bool show(struct cli_options *o, enum cli_action what)
{
	o->action = what;
	return true;
}

static bool bad_value(struct cli_options *o, const char *option, const char *key, const char *value, const char *want)
{
	return cli_fail(o, "-%s: %s=%.100s: expected %s", option, key, value ? value : "", want);
}

static bool unknown_key(struct cli_options *o, const char *option, const char *key, const char *known)
{
	return cli_fail(o, "-%s: unknown property '%.100s' (known: %s)", option, key, known);
}

static bool parse_flag(struct cli_options *o, const char *option, const char *key, const char *value, bool *flag)
{
	return cli_parse_bool(value, flag) || bad_value(o, option, key, value, "on or off");
}

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

/* ---- machine ---- */

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
		return unknown_key(o, "machine", key, "type, accel, kernel, initrd, append, dtb, firmware");
	}
	return true;
}

bool opt_machine(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		if (is_help(key))
			return show(o, CLI_LIST_MACHINES);
		if (first && !value)
			o->config.machine = key;
		else if (!machine_property(o, key, value))
			return false;
		if (o->config.machine && is_help(o->config.machine))
			return show(o, CLI_LIST_MACHINES);
	}
	return true;
}

bool opt_cpu(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (is_help(arg))
		return show(o, CLI_LIST_CPUS);
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
	return bad_value(o, "accel", "tier2-thread", value, "on, off or auto");
}

static bool accel_property(struct cli_options *o, const char *key, const char *value)
{
	if (strcmp(key, "tb-size") == 0) {
		uint64_t mib;
		if (!cli_parse_u64(value, &mib) || mib > 1u << 20)
			return bad_value(o, "accel", key, value, "a number of MiB");
		o->config.tb_size = mib << 20;
		return true;
	}
	if (strcmp(key, "one-insn-per-tb") == 0)
		return parse_flag(o, "accel", key, value, &o->config.one_insn_per_tb);
	if (strcmp(key, "warmup") == 0 || strcmp(key, "window") == 0) {
		bool on;
		if (!parse_flag(o, "accel", key, value, &on))
			return false;
		*(strcmp(key, "warmup") == 0 ? &o->config.compile_at_once : &o->config.no_window) = !on;
		return true;
	}
	if (strcmp(key, "tier") == 0) {
		uint64_t tier;
		if (!cli_parse_u64(value, &tier) || tier < 1 || tier > 2)
			return bad_value(o, "accel", key, value, "1 or 2");
		o->config.tier = (unsigned)tier;
		return true;
	}
	if (strcmp(key, "tier2-thread") == 0)
		return parse_tier2_thread(o, value);
	if (strcmp(key, "regions-at-once") == 0)
		return parse_flag(o, "accel", key, value, &o->config.regions_at_once);
	if (strcmp(key, "trouble") == 0) {
		uint64_t seed;
		if (!cli_parse_u64(value, &seed) || seed > UINT32_MAX)
			return bad_value(o, "accel", key, value, "a seed, 0 for none");
		o->config.trouble_seed = (uint32_t)seed;
		return true;
	}
	if (strcmp(key, "thread") == 0)
		return (value && (strcmp(value, "single") == 0 || strcmp(value, "multi") == 0)) ||
		       bad_value(o, "accel", key, value, "single"); /* one core: the same */
	return unknown_key(o, "accel", key, "tb-size, one-insn-per-tb, warmup, window, tier, tier2-thread, regions-at-once, trouble, thread");
}

bool opt_accel(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	for (bool first = true; cli_next_pair(&rest, &key, &value); first = false) {
		bool name = first && !value;
		if (is_help(name ? key : ""))
			return show(o, CLI_LIST_ACCELS);
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
		return bad_value(o, "rtc", "base", value, "utc, localtime or a date");
	if (strcmp(value, "utc") == 0)
		return true;
	if (strcmp(value, "localtime") == 0)
		return o->config.rtc_localtime = true;
	o->config.rtc_base_set = true;
	return cli_parse_date(value, &o->config.rtc_base) ||
	       bad_value(o, "rtc", "base", value, "utc, localtime, or a date as 2006-06-17T16:01:21 or 2006-06-17");
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
				return bad_value(o, "rtc", key, value, "host or vm");
		} else if (strcmp(key, "driftfix") == 0) {
			if (!value || strcmp(value, "none") != 0)
				return bad_value(o, "rtc", key, value, "none");
		} else {
			return unknown_key(o, "rtc", key, "base, clock, driftfix");
		}
	}
	return true;
}

#define ICOUNT_AUTO_SHIFT 3u

static bool icount_shift(struct cli_options *o, const char *value)
{
	uint64_t n = ICOUNT_AUTO_SHIFT;
	bool is_auto = value && strcmp(value, "auto") == 0;
	if (value && strcmp(value, "off") == 0) {
		o->config.icount = false;
		return true;
	}
	if (!is_auto && (!cli_parse_u64(value, &n) || n > 10))
		return bad_value(o, "icount", "shift", value, "0 to 10 or auto");
	if (is_auto)
		cli_note(o, "-icount shift=auto: using shift=%u; the speed is not adapted to the host\n", ICOUNT_AUTO_SHIFT);
	o->config.icount = true;
	o->config.icount_shift = (unsigned)n;
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
	return bad_value(o, "icount", "history", value, "auto, on or off");
}

/* How virtual time and the host's go together. */
static bool icount_pace(struct cli_options *o, bool has_shift, bool sleep, bool align)
{
	if (align && !sleep)
		return cli_fail(o, "-icount align=on,sleep=off: one keeps to the host's time, the other does not wait for it");
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
			ok = parse_flag(o, "icount", key, value, &sleep);
		else if (strcmp(key, "align") == 0)
			ok = parse_flag(o, "icount", key, value, &align);
		else if (strcmp(key, "history") == 0)
			ok = icount_history(o, value);
		else if (strncmp(key, "rr", 2) == 0)
			ok = cli_fail(o, "-icount %s=: recordings have options of their own: -record FILE and -replay FILE, with -icount shift=N", key);
		else
			ok = unknown_key(o, "icount", key, "shift, history, sleep, align");
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

/* ---- images ---- */

static bool keep_file(struct cli_options *o, const struct cli_option *row, const char *arg, const char **where)
{
	if (!*arg)
		return cli_fail(o, "-%s: the file name is empty", row->name);
	*where = arg;
	return true;
}

bool opt_kernel(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->kernel);
}

bool opt_bios(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->bios);
}

bool opt_initrd(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->initrd);
}

bool opt_dtb(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->dtb);
}

bool opt_loadvm(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->loadvm);
}

bool opt_snapshot_save(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->snapshot_save);
}

bool opt_record(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->record);
}

bool opt_replay(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->replay);
}

bool opt_append(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	o->append = arg;
	return true;
}

static bool loader_cpu(struct cli_options *o, struct cli_loader *l, const char *value)
{
	uint64_t n;
	if (!cli_parse_u64(value, &n))
		return bad_value(o, "device loader", "cpu-num", value, "a number");
	l->set_pc = true;
	return n == 0 || cli_fail(o, "-device loader: cpu-num=%.20s: the machine has one core, number 0", value);
}

static bool loader_property(struct cli_options *o, struct cli_loader *l, const char *key, const char *value)
{
	static const char opt[] = "device loader";
	uint64_t n;
	if (strcmp(key, "file") == 0) {
		l->file = value && *value ? value : NULL;
		return l->file || bad_value(o, opt, key, value, "a file name");
	}
	if (strcmp(key, "addr") == 0) {
		l->has_addr = true;
		return cli_parse_u64(value, &l->addr) || bad_value(o, opt, key, value, "an address, as 0x10000");
	}
	if (strcmp(key, "data") == 0)
		return cli_parse_u64(value, &l->data) || bad_value(o, opt, key, value, "a number");
	if (strcmp(key, "data-len") == 0) {
		if (!cli_parse_u64(value, &n) || n < 1 || n > 8)
			return bad_value(o, opt, key, value, "1 to 8");
		l->data_len = (unsigned)n;
		return true;
	}
	if (strcmp(key, "data-be") == 0)
		return parse_flag(o, opt, key, value, &l->data_be);
	if (strcmp(key, "force-raw") == 0)
		return parse_flag(o, opt, key, value, &l->force_raw);
	if (strcmp(key, "cpu-num") == 0)
		return loader_cpu(o, l, value);
	return strcmp(key, "id") == 0 || unknown_key(o, opt, key, "file, addr, cpu-num, force-raw, data, data-len, data-be");
}

/* The combinations that mean something: file, value at an address, start address alone. */
static bool loader_check(struct cli_options *o, const struct cli_loader *l, bool has_data)
{
	if (has_data != (l->data_len != 0))
		return cli_fail(o, "-device loader: data= and data-len= belong together");
	if (l->file && has_data)
		return cli_fail(o, "-device loader: either file= or data=, not both");
	if (!l->file && !l->has_addr)
		return cli_fail(o, "-device loader: give file=FILE, or addr=N with data= or cpu-num=0");
	if (!l->file && !has_data && !l->set_pc)
		return cli_fail(o, "-device loader: addr= alone loads nothing; add file=, data= or cpu-num=0");
	if (l->file && l->force_raw && !l->has_addr)
		return cli_fail(o, "-device loader: force-raw=on needs addr=");
	if (has_data && l->data_len < 8 && l->data >> (8 * l->data_len))
		return cli_fail(o, "-device loader: data= does not fit in data-len=%u bytes", l->data_len);
	return true;
}

bool opt_device(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	struct cli_loader l = {0};
	bool has_data = false;
	(void)row;
	if (!cli_next_pair(&rest, &key, &value) || is_help(key))
		return show(o, CLI_LIST_DEVICES);
	if (strcmp(value && strcmp(key, "driver") == 0 ? value : key, "loader") != 0)
		return cli_fail(o, "-device %.100s: not implemented yet (there is -device loader)", key);
	while (cli_next_pair(&rest, &key, &value)) {
		if (is_help(key))
			return show(o, CLI_LIST_DEVICES);
		has_data |= strcmp(key, "data") == 0;
		if (!loader_property(o, &l, key, value))
			return false;
	}
	if (!loader_check(o, &l, has_data))
		return false;
	if (o->n_loaders == CLI_MAX_LOADERS)
		return cli_fail(o, "-device loader: more than %d of them", CLI_MAX_LOADERS);
	o->loaders[o->n_loaders++] = l;
	return true;
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
		return parse_flag(o, opt, key, value, enable);
	if (strcmp(key, "userspace") == 0)
		return parse_flag(o, opt, key, value, user);
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
		return bad_value(o, opt, key, value, "native, gdb or auto");
	}
	if (strcmp(key, "chardev") == 0)
		return cli_fail(o, "-%s: chardev= is not implemented yet; the console is this process's own", opt);
	return unknown_key(o, opt, key, "enable, target, userspace, arg");
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
	if (is_help(arg))
		return show(o, CLI_LIST_LOG_ITEMS);
	o->log_items = arg;
	return true;
}

bool opt_log_file(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return keep_file(o, row, arg, &o->log_file);
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
	return show(o, CLI_VERSION);
}

bool opt_help(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row, (void)arg;
	return show(o, CLI_HELP);
}
