/* SPDX-License-Identifier: Apache-2.0 */
/* What network back ends have in common: options, the queue to the guest, packet dumps, opening and closing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/net-internal.h"

/* ---- frames that wait for the guest ---- */

struct net_frame {
	struct net_frame *next;
	unsigned len;
	uint8_t bytes[];
};

static void frame_drop_first(struct net *n)
{
	struct net_frame *f = n->first;
	n->first = f->next;
	if (!n->first)
		n->last = &n->first;
	n->n_frames--;
	free(f);
}

static void frames_drop(struct net *n)
{
	while (n->first)
		frame_drop_first(n);
}

static void to_front(struct net *n, const uint8_t *frame, unsigned len)
{
	n->delivered = true;
	net_receive(n->front, frame, len);
}

/* The device may release a packet inside receive() and come back here. */
static void deliver(struct net *n)
{
	if (n->delivering)
		return;
	n->delivering = true;
	while (n->first && net_room(n->front) == NET_READY) {
		to_front(n, n->first->bytes, n->first->len);
		frame_drop_first(n);
	}
	if (net_room(n->front) == NET_CLOSED)
		frames_drop(n);
	n->delivering = false;
}

bool net_wants_frames(const struct net *n)
{
	return n->n_frames < NET_QUEUE_FRAMES || net_room(n->front) == NET_CLOSED;
}

/* ---- packet dumps: pcap files ---- */

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, longest, link;
};

struct pcap_record {
	uint32_t seconds, microseconds, kept, length;
};

static enum rhea_status dump_open(struct net *n, const char *path, struct rhea_error *err)
{
	static const struct pcap_header header = {0xa1b2c3d4, 2, 4, 0, 0, NET_FRAME_MAX, 1};
	n->dump = fopen(path, "wbe");
	if (n->dump && fwrite(&header, sizeof header, 1, n->dump) == 1 && fflush(n->dump) == 0)
		return RHEA_OK;
	return error_set(err, RHEA_ERR_FILE, "%s: %s", path, strerror(errno));
}

static void dump_frame(struct net *n, const uint8_t *frame, unsigned len)
{
	struct timespec t;
	if (!n->dump)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	struct pcap_record r = {(uint32_t)t.tv_sec, (uint32_t)(t.tv_nsec / 1000), len, len};
	if (fwrite(&r, sizeof r, 1, n->dump) == 1 && fwrite(frame, len, 1, n->dump) == 1)
		return;
	fprintf(stderr, "rhea: network %s: the dump ends here: %s\n", n->label, strerror(errno));
	fclose(n->dump);
	n->dump = NULL;
}

/* ---- for the kinds ---- */

void net_to_guest(struct net *n, const uint8_t *frame, unsigned len)
{
	if (len == 0 || len > NET_FRAME_MAX)
		return;
	dump_frame(n, frame, len);
	enum net_room room = net_room(n->front);
	if (room == NET_CLOSED || n->n_frames >= NET_QUEUE_FRAMES)
		return;
	if (room == NET_READY && !n->first && !n->delivering) {
		to_front(n, frame, len);
		return;
	}
	struct net_frame *f = malloc(sizeof *f + len);
	if (!f)
		return;
	f->next = NULL;
	f->len = len;
	memcpy(f->bytes, frame, len);
	*n->last = f;
	n->last = &f->next;
	n->n_frames++;
	deliver(n);
}

void net_set_link(struct net *n, bool link)
{
	n->front->link = link;
	if (link)
		n->complained = false;
	if (n->front->changed)
		n->front->changed(n->front->dev);
}

void net_complain(struct net *n, const char *reason)
{
	if (!n->complained)
		fprintf(stderr, "rhea: network %s: %s\n", n->label, reason);
	n->complained = true;
}

/* ---- front end, poll set ---- */

static void front_send(struct netdev *d, const uint8_t *frame, unsigned len)
{
	struct net *n = d->backend;
	if (len == 0 || len > NET_FRAME_MAX)
		return;
	dump_frame(n, frame, len);
	n->kind->send(n, frame, len);
}

static void front_accept_input(struct netdev *d)
{
	deliver(d->backend);
}

static void prepare(void *opaque, struct poll_set *polls)
{
	struct net *n = opaque;
	n->delivered = false;
	deliver(n);
	n->kind->prepare(n, polls);
	if (n->delivered)
		poll_set_limit(polls, 0);
	if (n->dump)
		fflush(n->dump);
}

static void handle(void *opaque, const struct poll_set *polls)
{
	struct net *n = opaque;
	n->kind->handle(n, polls);
	deliver(n);
}

static bool can_input(void *opaque)
{
	const struct net *n = opaque;
	enum net_room room = net_room(n->front);
	return room != NET_CLOSED && ((n->first && room == NET_READY) || n->kind->can_input(n));
}

/* ---- options ---- */

/* Splits at commas (",," is one) and at the first "=". */
static enum rhea_status spec_parse(struct net_spec *s, const char *text, struct rhea_error *err)
{
	*s = (struct net_spec){.label = text, .text = strdup(text)};
	if (!s->text)
		return error_set(err, RHEA_ERR_HOST, "-nic %.200s: out of memory", text);
	char *in = s->text, *out = in;
	while (*in) {
		if (s->n == NET_MAX_OPTIONS)
			return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: more than %u options", text, NET_MAX_OPTIONS);
		struct net_option *o = &s->options[s->n++];
		*o = (struct net_option){out, "", false};
		bool value = false;
		for (; *in && (*in != ',' || in[1] == ','); in++) {
			if (*in == '=' && !value) {
				value = true;
				*out++ = '\0';
				o->value = out;
				continue;
			}
			in += *in == ',';
			*out++ = *in;
		}
		in += *in == ',';
		*out++ = '\0'; /* never ahead of `in`: at least one comma or the end was read */
	}
	return RHEA_OK;
}

const char *net_spec_take(struct net_spec *s, const char *key)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->options[i].taken || strcmp(s->options[i].key, key) != 0)
			continue;
		s->options[i].taken = true;
		return s->options[i].value;
	}
	return NULL;
}

enum rhea_status net_spec_take_bool(struct net_spec *s, const char *key, bool *value, struct rhea_error *err)
{
	static const char *const yes[] = {"", "on", "yes", "true", "y"}, *const no[] = {"off", "no", "false", "n"};
	const char *v = net_spec_take(s, key);
	for (unsigned i = 0; v && i < ARRAY_LEN(yes); i++)
		if (strcmp(v, yes[i]) == 0) {
			*value = true;
			return RHEA_OK;
		}
	for (unsigned i = 0; v && i < ARRAY_LEN(no); i++)
		if (strcmp(v, no[i]) == 0) {
			*value = false;
			return RHEA_OK;
		}
	return v ? error_set(err, RHEA_ERR_USAGE, "-nic %.200s: %s=%.50s: expected on or off", s->label, key, v) : RHEA_OK;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		char *end;
		if (!strchr("0123456789abcdefABCDEF", *text) || !*text)
			return false;
		unsigned long v = strtoul(text, &end, 16);
		if (v > 255 || end - text > 2 || (i < 5 ? *end != ':' && *end != '-' : *end != '\0'))
			return false;
		mac[i] = (uint8_t)v;
		text = end + 1;
	}
	return !(mac[0] & 1);
}

/* What every kind knows: the card's address and model, names that only QEMU needs, the dump. */
static enum rhea_status common_options(struct net *n, struct net_spec *s, struct rhea_error *err)
{
	const char *mac = net_spec_take(s, "mac"), *model = net_spec_take(s, "model"), *dump = net_spec_take(s, "dump");
	net_spec_take(s, "id");
	net_spec_take(s, "name");
	if (mac && !parse_mac(mac, n->front->mac))
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: mac=%.50s: expected the address of one card, as 52:54:00:12:34:56",
				 s->label, mac);
	if (model && strcmp(model, "smc91c111") != 0)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: model=%.50s: the board's card is a smc91c111", s->label, model);
	return dump ? dump_open(n, dump, err) : RHEA_OK;
}

static enum rhea_status leftovers(const struct net *n, const struct net_spec *s, struct rhea_error *err)
{
	for (unsigned i = 1; i < s->n; i++)
		if (!s->options[i].taken)
			return error_set(err, RHEA_ERR_USAGE, "-nic %.100s: unknown or repeated option '%.50s' (known: mac, model, id, dump%s%s)",
					 s->label, s->options[i].key, *n->kind->known ? ", " : "", n->kind->known);
	return RHEA_OK;
}

/* ---- opening and closing ---- */

static enum rhea_status open_nothing(struct net *n, struct net_spec *spec, struct rhea_error *err)
{
	(void)n, (void)spec, (void)err;
	return RHEA_OK;
}

static void close_nothing(struct net *n)
{
	(void)n;
}

static void send_nothing(struct net *n, const uint8_t *frame, unsigned len)
{
	(void)n, (void)frame, (void)len;
}

static void prepare_nothing(struct net *n, struct poll_set *polls)
{
	(void)n, (void)polls;
}

static void handle_nothing(struct net *n, const struct poll_set *polls)
{
	(void)n, (void)polls;
}

static bool no_input(const struct net *n)
{
	(void)n;
	return false;
}

static const struct net_kind kind_none = {
	"none", "", open_nothing, close_nothing, send_nothing, prepare_nothing, handle_nothing, no_input,
};

static const struct net_kind *const kinds[] = {&net_kind_user, &net_kind_socket, &kind_none};

static const struct net_kind *kind_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

static void attach(struct net *n)
{
	n->front->backend = n;
	n->front->send = front_send;
	n->front->accept_input = front_accept_input;
	n->pollable = (struct pollable){prepare, handle, can_input, n, NULL};
	poll_set_add(n->host.polls, &n->pollable);
}

static enum rhea_status open_with(struct net *n, struct net_spec *s, struct rhea_error *err)
{
	n->label = strdup(s->label);
	n->kind = kind_find(s->n ? s->options[0].key : "");
	if (!n->label)
		return error_set(err, RHEA_ERR_HOST, "-nic: out of memory");
	if (!n->kind)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: unknown network '%.50s' (known: user, socket, none)", s->label,
				 s->n ? s->options[0].key : "");
	attach(n);
	enum rhea_status st = common_options(n, s, err);
	if (!st)
		st = n->kind->open(n, s, err);
	return st ? st : leftovers(n, s, err);
}

enum rhea_status net_open(struct net **net, const struct net_host *host, struct netdev *d, const char *spec,
			  struct rhea_error *err)
{
	struct net_spec s;
	struct net *n = calloc(1, sizeof *n);
	*net = NULL;
	if (!n)
		return error_set(err, RHEA_ERR_HOST, "-nic %.200s: out of memory", spec);
	n->host = *host;
	n->front = d;
	n->last = &n->first;
	enum rhea_status st = spec_parse(&s, spec, err);
	if (!st)
		st = open_with(n, &s, err);
	free(s.text);
	if (st)
		net_close(n);
	else
		*net = n;
	return st;
}

void net_close(struct net *n)
{
	if (!n)
		return;
	if (n->front->backend == n) {
		n->kind->close(n);
		poll_set_remove(n->host.polls, &n->pollable);
		n->front->backend = NULL;
		n->front->send = NULL;
		n->front->accept_input = NULL;
		net_set_link(n, false);
	}
	frames_drop(n);
	if (n->dump)
		fclose(n->dump);
	free(n->label);
	free(n);
}
