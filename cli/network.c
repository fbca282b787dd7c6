/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -nic, and the older pairs -net nic -net user and -netdev user,id=N -net nic,netdev=N, all of which end as one spec a card
 * for rhea_net_open. What a spec's own options mean is checked there.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

/* The value of `key` in "kind,key=value,..."; NULL when it is not there. Belongs to *o. */
static const char *pair_value(struct cli_options *o, const char *text, const char *want)
{
	char *rest = cli_keep(o, text), *key, *value;
	while (cli_next_pair(&rest, &key, &value))
		if (strcmp(key, want) == 0)
			return value ? value : "";
	return NULL;
}

/* Does the list begin with this word? */
static bool first_is(const char *text, const char *word)
{
	size_t n = strlen(word);
	return strncmp(text, word, n) == 0 && (text[n] == ',' || !text[n]);
}

/* "spec,key=value" with the commas of `value` doubled. */
static bool append_pair(struct cli_options *o, const char **spec, const char *key, const char *value)
{
	size_t size = strlen(*spec) + strlen(key) + 2 * strlen(value) + 3;
	char *text = malloc(size);
	if (!text)
		return cli_fail(o, "out of memory");
	char *p = text + snprintf(text, size, "%s,%s=", *spec, key);
	for (; *value; value++) {
		*p++ = *value;
		if (*value == ',')
			*p++ = ',';
	}
	*p = '\0';
	*spec = cli_keep(o, text);
	free(text);
	return true;
}

static bool add_nic(struct cli_options *o, const char *spec)
{
	if (o->n_nics == CLI_MAX_NICS)
		return cli_fail(o, "-nic: more than %d of them", CLI_MAX_NICS);
	o->nics[o->n_nics++] = spec;
	return true;
}

bool opt_nic(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	o->nic_chosen = true;
	return add_nic(o, arg);
}

static bool card_property(struct cli_options *o, const char *key, const char *value)
{
	static const struct {
		const char *key, *to;
	} kept[] = {{"model", "model"}, {"macaddr", "mac"}, {"mac", "mac"}};
	for (unsigned i = 0; value && i < sizeof kept / sizeof kept[0]; i++)
		if (strcmp(kept[i].key, key) == 0)
			return append_pair(o, &o->net_card, kept[i].to, value);
	if (value && strcmp(key, "netdev") == 0) {
		o->net_card_dev = value;
		return true;
	}
	return strcmp(key, "name") == 0 || cli_fail(o, "-net nic: unknown property '%.100s' (known: netdev, macaddr, model, name)", key);
}

bool opt_net(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	char *rest = cli_keep(o, arg), *key, *value;
	(void)row;
	o->nic_chosen = true;
	if (first_is(arg, "none"))
		return true;
	if (!first_is(arg, "nic")) {
		o->net_back = arg;
		return true;
	}
	if (o->net_card)
		return cli_fail(o, "-net nic: the board has one network card");
	o->net_card = "";
	cli_next_pair(&rest, &key, &value);
	while (cli_next_pair(&rest, &key, &value))
		if (!card_property(o, key, value))
			return false;
	return true;
}

bool opt_netdev(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (!pair_value(o, arg, "id"))
		return cli_fail(o, "-netdev %.100s: needs id=NAME, and -net nic,netdev=NAME", arg);
	if (o->n_netdevs == CLI_MAX_NICS)
		return cli_fail(o, "-netdev: more than %d of them", CLI_MAX_NICS);
	o->netdevs[o->n_netdevs++] = arg;
	return true;
}

bool opt_object(struct cli_options *o, const struct cli_option *row, const char *arg)
{
	(void)row;
	if (!first_is(arg, "filter-dump"))
		return cli_fail(o, "-object %.100s: not implemented yet (there is -object filter-dump)", arg);
	if (!pair_value(o, arg, "netdev") || !pair_value(o, arg, "file"))
		return cli_fail(o, "-object filter-dump: needs netdev=ID and file=FILE");
	o->net_dump = arg;
	return true;
}

/* ---- when all options are known ---- */

static const char *find_netdev(struct cli_options *o, const char *id)
{
	for (unsigned i = 0; i < o->n_netdevs; i++)
		if (strcmp(pair_value(o, o->netdevs[i], "id"), id) == 0)
			return o->netdevs[i];
	return NULL;
}

/* -net nic and what it is plugged into. */
static bool settle_card(struct cli_options *o)
{
	const char *back = o->net_back;
	if (o->net_card_dev && !(back = find_netdev(o, o->net_card_dev)))
		return cli_fail(o, "-net nic: netdev=%.100s: there is no -netdev of that id", o->net_card_dev);
	char *card = cli_keep(o, o->net_card);
	const char *spec = back ? back : "none";
	char *key, *value;
	while (cli_next_pair(&card, &key, &value))
		if (value && !append_pair(o, &spec, key, value))
			return false;
	return add_nic(o, spec);
}

static bool settle_dump(struct cli_options *o)
{
	const char *want = pair_value(o, o->net_dump, "netdev");
	for (unsigned i = 0; i < o->n_nics; i++) {
		const char *id = pair_value(o, o->nics[i], "id");
		if (id && strcmp(id, want) == 0)
			return append_pair(o, &o->nics[i], "dump", pair_value(o, o->net_dump, "file"));
	}
	return cli_fail(o, "-object filter-dump: netdev=%.100s: no network has that id", want);
}

bool cli_settle_nics(struct cli_options *o)
{
	if (!o->nic_chosen && !o->nodefaults)
		o->default_nic = add_nic(o, "user"); /* as QEMU */
	if (o->net_card && !settle_card(o))
		return false;
	if (!o->net_card && o->net_back)
		cli_note(o, "-net %.60s: nothing is connected to it; -nic %.60s does both\n", o->net_back, o->net_back);
	return !o->net_dump || settle_dump(o);
}
