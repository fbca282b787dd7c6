/* SPDX-License-Identifier: Apache-2.0 */
/* Options that name images: kernel, firmware, snapshots, recordings, -device loader (handlers of options.def). */
#include <string.h>

#include "cli/options.h"

bool opt_kernel(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->kernel);
}

bool opt_bios(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->bios);
}

bool opt_initrd(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->initrd);
}

bool opt_dtb(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->dtb);
}

bool opt_loadvm(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->loadvm);
}

bool opt_snapshot_save(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->snapshot_save);
}

bool opt_record(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->record);
}

bool opt_replay(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	return cli_keep_file(o, row, arg, &o->replay);
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
		return cli_bad_value(o, "device loader", "cpu-num", value, "a number");
	l->set_pc = true;
	return n == 0 || cli_fail(o, "-device loader: cpu-num=%.20s: the machine has one core, number 0", value);
}

static bool loader_property(struct cli_options *o, struct cli_loader *l, const char *key, const char *value)
{
	static const char opt[] = "device loader";
	uint64_t n;
	if (strcmp(key, "file") == 0) {
		l->file = value && *value ? value : NULL;
		return l->file || cli_bad_value(o, opt, key, value, "a file name");
	}
	if (strcmp(key, "addr") == 0) {
		l->has_addr = true;
		return cli_parse_u64(value, &l->addr) || cli_bad_value(o, opt, key, value, "an address, as 0x10000");
	}
	if (strcmp(key, "data") == 0)
		return cli_parse_u64(value, &l->data) || cli_bad_value(o, opt, key, value, "a number");
	if (strcmp(key, "data-len") == 0) {
		if (!cli_parse_u64(value, &n) || n < 1 || n > 8)
			return cli_bad_value(o, opt, key, value, "1 to 8");
		l->data_len = (unsigned)n;
		return true;
	}
	if (strcmp(key, "data-be") == 0)
		return cli_parse_flag(o, opt, key, value, &l->data_be);
	if (strcmp(key, "force-raw") == 0)
		return cli_parse_flag(o, opt, key, value, &l->force_raw);
	if (strcmp(key, "cpu-num") == 0)
		return loader_cpu(o, l, value);
	return strcmp(key, "id") == 0 || cli_unknown_key(o, opt, key, "file, addr, cpu-num, force-raw, data, data-len, data-be");
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
	if (!cli_next_pair(&rest, &key, &value) || cli_is_help(key))
		return cli_show(o, CLI_LIST_DEVICES);
	if (strcmp(value && strcmp(key, "driver") == 0 ? value : key, "loader") != 0)
		return cli_fail(o, "-device %.100s: not implemented yet (there is -device loader)", key);
	while (cli_next_pair(&rest, &key, &value)) {
		if (cli_is_help(key))
			return cli_show(o, CLI_LIST_DEVICES);
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
