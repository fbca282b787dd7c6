/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -nic user: a network of the guest's own inside this process, by libslirp. It is a router with DHCP, DNS and TFTP
 * servers; what the guest sends leaves as this process's sockets, and only forwarded ports come in.
 * The library and glib with it take a tenth of the time of a short run, and every run has this network unless told otherwise: where
 * no option asks for more than that, both start when the guest's card could first notice (user_start).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <slirp/libslirp.h>

#include "base/library.h"
#include "host/net-internal.h"

#define NS_PER_MS UINT64_C(1000000)
#define MAX_SEARCH 16u

struct user_timer {
	struct user_timer *next;
	SlirpTimerId id;
	void *opaque;
	bool armed;
	uint64_t deadline_ms;
};

struct slirp {
#define FUNCTION(name) __typeof__(name) *name;
#include "host/slirp.def"
#undef FUNCTION
};

static const char *const names[] = {
#define FUNCTION(name) #name,
#include "host/slirp.def"
#undef FUNCTION
};

struct user {
	struct slirp lib;
	Slirp *slirp; /* NULL: not yet started, or (failed) it could not be */
	bool failed;
	struct user_timer *timers;
	unsigned n_fds; /* descriptors that slirp named for this wait */
};

/* ---- what libslirp asks of us; opaque is the struct net ---- */

static ssize_t slirp_sends(const void *buf, size_t len, void *opaque)
{
	if (len <= NET_FRAME_MAX)
		net_to_guest(opaque, buf, (unsigned)len);
	return (ssize_t)len;
}

static void slirp_complains(const char *msg, void *opaque)
{
	const struct net *n = opaque;
	if (log_on(n->host.log, LOG_guest_errors))
		log_printf(n->host.log, "network %s: %s\n", n->label, msg);
}

static int64_t slirp_clock(void *opaque)
{
	const struct net *n = opaque;
	return (int64_t)n->host.now_ns(n->host.opaque);
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct user *u = ((struct net *)opaque)->state;
	struct user_timer *t = calloc(1, sizeof *t);
	if (!t)
		abort(); /* libslirp cannot go on without; glib would do the same */
	*t = (struct user_timer){.next = u->timers, .id = id, .opaque = cb_opaque};
	u->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct user *u = ((struct net *)opaque)->state;
	for (struct user_timer **p = &u->timers; *p; p = &(*p)->next) {
		if (*p == timer) {
			*p = (*p)->next;
			break;
		}
	}
	free(timer);
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	struct user_timer *t = timer;
	(void)opaque;
	t->armed = true;
	t->deadline_ms = expire_ms > 0 ? (uint64_t)expire_ms : 0;
}

static void poll_fd_nothing(int fd, void *opaque)
{
	(void)fd, (void)opaque;
}

static void notify_nothing(void *opaque)
{
	(void)opaque; /* everything runs on the machine's thread */
}

static const SlirpCb callbacks = {
	.send_packet = slirp_sends,
	.guest_error = slirp_complains,
	.clock_get_ns = slirp_clock,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd_nothing,
	.unregister_poll_fd = poll_fd_nothing,
	.notify = notify_nothing,
	.timer_new_opaque = timer_new,
};

/* ---- starting ---- */

/* QEMU's defaults. */
static void default_config(SlirpConfig *c)
{
	*c = (SlirpConfig){.version = 4, .in_enabled = true, .in6_enabled = true, .vprefix_len = 64};
	inet_pton(AF_INET, "10.0.2.0", &c->vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &c->vnetmask);
	inet_pton(AF_INET, "10.0.2.2", &c->vhost);
	inet_pton(AF_INET, "10.0.2.3", &c->vnameserver);
	inet_pton(AF_INET, "10.0.2.15", &c->vdhcp_start);
	inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &c->vhost6);
	inet_pton(AF_INET6, "fec0::3", &c->vnameserver6);
}

static enum rhea_status user_start(struct net *n, const SlirpConfig *c, struct rhea_error *err)
{
	static const struct library library = {"libslirp.so.0", "libslirp0", names, ARRAY_LEN(names)};
	struct user *u = n->state;
	struct rhea_error why = {.msg = "libslirp refuses"};
	if (library_load(&library, &u->lib, &why))
		u->slirp = u->lib.slirp_new(c, &callbacks, n);
	u->failed = !u->slirp;
	return u->slirp ? RHEA_OK : error_set(err, RHEA_ERR_HOST, "-nic %.200s: %.200s", n->label, why.msg);
}

/* With the defaults, if it did not start yet. Before the guest sends or listens nothing could come of it: frames would be dropped. */
static bool start_late(struct net *n)
{
	const struct user *u = n->state;
	struct rhea_error err;
	SlirpConfig c;
	if (u->slirp || u->failed)
		return u->slirp != NULL;
	default_config(&c);
	if (user_start(n, &c, &err) == RHEA_OK)
		return true;
	net_complain(n, err.msg);
	return false;
}

/* ---- the poll set ---- */

static const struct {
	int theirs;
	short ours;
} events[] = {
	{SLIRP_POLL_IN, POLLIN}, {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
	{SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

struct watching {
	struct user *user;
	struct poll_set *polls;
};

static int add_poll(int fd, int wanted, void *opaque)
{
	struct watching *w = opaque;
	short mask = 0;
	for (unsigned i = 0; i < ARRAY_LEN(events); i++)
		if (wanted & events[i].theirs)
			mask |= events[i].ours;
	w->user->n_fds++;
	return poll_set_watch(w->polls, fd, mask);
}

static int get_revents(int watch, void *opaque)
{
	short ready = poll_set_ready(opaque, watch);
	int r = 0;
	for (unsigned i = 0; i < ARRAY_LEN(events); i++)
		if (ready & events[i].ours)
			r |= events[i].theirs;
	return r;
}

static uint64_t now_ms(const struct net *n)
{
	return n->host.now_ns(n->host.opaque) / NS_PER_MS;
}

static void user_prepare(struct net *n, struct poll_set *polls)
{
	struct user *u = n->state;
	if (net_room(n->front) == NET_CLOSED ? !u->slirp : !start_late(n))
		return;
	struct watching w = {u, polls};
	uint64_t ms = poll_set_timeout(polls) / NS_PER_MS, now = now_ms(n);
	uint32_t before = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX, after = before;
	u->n_fds = 0;
	u->lib.slirp_pollfds_fill(u->slirp, &after, add_poll, &w);
	if (after < before)
		poll_set_limit(polls, MAX(after, 1u) * NS_PER_MS);
	for (const struct user_timer *t = u->timers; t; t = t->next)
		if (t->armed)
			poll_set_limit(polls, t->deadline_ms > now ? (t->deadline_ms - now) * NS_PER_MS : 0);
}

static struct user_timer *due_timer(const struct user *u, uint64_t now)
{
	for (struct user_timer *t = u->timers; t; t = t->next)
		if (t->armed && t->deadline_ms <= now)
			return t;
	return NULL;
}

static void user_handle(struct net *n, const struct poll_set *polls)
{
	struct user *u = n->state;
	uint64_t now = now_ms(n);
	if (!u->slirp)
		return;
	u->lib.slirp_pollfds_poll(u->slirp, poll_set_failed(polls), get_revents, (void *)(uintptr_t)polls);
	for (struct user_timer *t = due_timer(u, now); t; t = due_timer(u, now)) {
		t->armed = false;
		u->lib.slirp_handle_timer(u->slirp, t->id, t->opaque);
		if (t->armed && t->deadline_ms <= now)
			t->deadline_ms = now + 1;
	}
}

/* Anything may come in while slirp holds a socket, be it a forwarded port that nobody called yet. */
static bool user_can_input(const struct net *n)
{
	const struct user *u = n->state;
	return u->slirp ? u->n_fds || u->timers : !u->failed;
}

static void user_send(struct net *n, const uint8_t *frame, unsigned len)
{
	struct user *u = n->state;
	if (start_late(n))
		u->lib.slirp_input(u->slirp, frame, (int)len);
}

/* ---- options ---- */

static enum rhea_status bad(const struct net_spec *s, const char *key, const char *value, const char *want,
			    struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_USAGE, "-nic %.150s: %s=%.80s: expected %s", s->label, key, value, want);
}

static enum rhea_status take_address(struct net_spec *s, const char *key, struct in_addr *a, struct rhea_error *err)
{
	const char *v = net_spec_take(s, key);
	if (v && inet_pton(AF_INET, v, a) != 1)
		return bad(s, key, v, "an IPv4 address, as 10.0.2.2", err);
	return RHEA_OK;
}

static bool parse_mask(const char *text, uint32_t *mask)
{
	struct in_addr a;
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*end == '\0' && end != text && n >= 4 && n <= 30) {
		*mask = ~(uint32_t)0 << (32 - n);
		return true;
	}
	*mask = inet_pton(AF_INET, text, &a) == 1 ? ntohl(a.s_addr) : 0;
	uint32_t hosts = ~*mask;
	return *mask && hosts >= 3 && (hosts & (hosts + 1)) == 0;
}

/* net=ADDRESS[/BITS or /MASK]; without, the mask is that of the address's old class. */
static enum rhea_status take_network(struct net_spec *s, SlirpConfig *c, struct rhea_error *err)
{
	const char *v = net_spec_take(s, "net");
	char address[64];
	struct in_addr a;
	if (!v)
		return RHEA_OK;
	size_t len = strcspn(v, "/");
	if (len >= sizeof address)
		return bad(s, "net", v, "a network, as 10.0.2.0/24", err);
	memcpy(address, v, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1)
		return bad(s, "net", v, "a network, as 10.0.2.0/24", err);
	uint32_t net = ntohl(a.s_addr), mask = net >> 31 == 0 ? 0xff000000 : net >> 30 == 2 ? 0xffff0000 : 0xffffff00;
	if (v[len] && !parse_mask(v + len + 1, &mask))
		return bad(s, "net", v, "a mask of 4 to 30 bits, as 10.0.2.0/24", err);
	c->vnetwork.s_addr = htonl(net & mask);
	c->vnetmask.s_addr = htonl(mask);
	c->vhost.s_addr = htonl((net & mask) | (0x0202 & ~mask));
	c->vnameserver.s_addr = htonl((net & mask) | (0x0203 & ~mask));
	c->vdhcp_start.s_addr = htonl((net & mask) | (0x020f & ~mask));
	return RHEA_OK;
}

static bool inside(const SlirpConfig *c, struct in_addr a)
{
	return (a.s_addr & c->vnetmask.s_addr) == c->vnetwork.s_addr && a.s_addr != c->vnetwork.s_addr &&
	       a.s_addr != (c->vnetwork.s_addr | ~c->vnetmask.s_addr);
}

static enum rhea_status take_addresses(struct net_spec *s, SlirpConfig *c, struct rhea_error *err)
{
	enum rhea_status st = take_network(s, c, err);
	if (!st)
		st = take_address(s, "host", &c->vhost, err);
	if (!st)
		st = take_address(s, "dns", &c->vnameserver, err);
	if (!st)
		st = take_address(s, "dhcpstart", &c->vdhcp_start, err);
	if (st)
		return st;
	if (!inside(c, c->vhost) || !inside(c, c->vnameserver) || !inside(c, c->vdhcp_start))
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: host, dns and dhcpstart are addresses inside net", s->label);
	if (c->vhost.s_addr == c->vnameserver.s_addr || c->vhost.s_addr == c->vdhcp_start.s_addr ||
	    c->vnameserver.s_addr == c->vdhcp_start.s_addr)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: host, dns and dhcpstart are three different addresses", s->label);
	return RHEA_OK;
}

static enum rhea_status take_name(struct net_spec *s, const char *key, size_t max, const char **name, struct rhea_error *err)
{
	const char *v = net_spec_take(s, key);
	if (v && (!*v || strlen(v) > max))
		return bad(s, key, v, "a name (not too long)", err);
	if (v)
		*name = v;
	return RHEA_OK;
}

static enum rhea_status take_names(struct net_spec *s, SlirpConfig *c, const char *search[MAX_SEARCH + 1], struct rhea_error *err)
{
	unsigned n = 0;
	enum rhea_status st = take_name(s, "hostname", 32, &c->vhostname, err);
	if (!st)
		st = take_name(s, "domainname", 255, &c->vdomainname, err);
	if (!st)
		st = take_name(s, "tftp", 4000, &c->tftp_path, err);
	if (!st)
		st = take_name(s, "bootfile", 127, &c->bootfile, err);
	if (!st)
		st = take_name(s, "tftp-server-name", 255, &c->tftp_server_name, err);
	for (const char *last = ""; !st && last && n < MAX_SEARCH; n += last != NULL) {
		last = NULL;
		st = take_name(s, "dnssearch", 255, &last, err);
		search[n] = last;
	}
	c->vdnssearch = n ? search : NULL;
	return st;
}

/* The text up to `stop`, which must come; NULL otherwise. */
static const char *take_part(const char *p, char stop, char *part, size_t size)
{
	const char *end = strchr(p, stop);
	if (!end || (size_t)(end - p) >= size)
		return NULL;
	memcpy(part, p, (size_t)(end - p));
	part[end - p] = '\0';
	return end + 1;
}

static bool parse_port(const char *text, unsigned first, int *port)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	*port = (int)v;
	return end != text && *text >= '0' && *text <= '9' && *end == '\0' && v >= first && v <= 65535;
}

static bool parse_host(const char *text, struct in_addr *a)
{
	return !*text || inet_pton(AF_INET, text, a) == 1;
}

/* [tcp|udp]:[HOST]:PORT-[GUEST]:PORT */
static enum rhea_status forward(const struct user *u, const struct net_spec *s, const SlirpConfig *c, const char *rule,
				struct rhea_error *err)
{
	char proto[8], host[32], port[8], guest[32];
	struct in_addr from = {htonl(INADDR_ANY)}, to = c->vdhcp_start;
	int host_port, guest_port;
	const char *p = take_part(rule, ':', proto, sizeof proto);
	bool udp = p && strcmp(proto, "udp") == 0;
	p = p ? take_part(p, ':', host, sizeof host) : NULL;
	p = p ? take_part(p, '-', port, sizeof port) : NULL;
	p = p ? take_part(p, ':', guest, sizeof guest) : NULL;
	if (!p || !(udp || !*proto || strcmp(proto, "tcp") == 0) || !parse_host(host, &from) || !parse_host(guest, &to) ||
	    !parse_port(port, 0, &host_port) || !parse_port(p, 1, &guest_port))
		return bad(s, "hostfwd", rule, "[tcp|udp]:[HOSTADDR]:PORT-[GUESTADDR]:PORT, as tcp::2222-:22", err);
	errno = 0;
	if (u->lib.slirp_add_hostfwd(u->slirp, udp, from, host_port, to, guest_port) == 0)
		return RHEA_OK;
	return error_set(err, RHEA_ERR_HOST, "-nic %.150s: cannot forward %.80s: %s", s->label, rule,
			 errno ? strerror(errno) : "refused");
}

static enum rhea_status user_open(struct net *n, struct net_spec *s, struct rhea_error *err)
{
	const char *search[MAX_SEARCH + 1] = {NULL}, *rule;
	bool restricted = false;
	SlirpConfig c;
	default_config(&c);
	enum rhea_status st = net_spec_take_bool(s, "restrict", &restricted, err);
	if (!st)
		st = net_spec_take_bool(s, "ipv4", &c.in_enabled, err);
	if (!st)
		st = net_spec_take_bool(s, "ipv6", &c.in6_enabled, err);
	if (!st)
		st = take_addresses(s, &c, err);
	if (!st)
		st = take_names(s, &c, search, err);
	if (st)
		return st;
	c.restricted = restricted;
	if (!c.in_enabled && !c.in6_enabled)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: ipv4=off and ipv6=off leave nothing", s->label);
	struct user *u = n->state = calloc(1, sizeof *u);
	if (!u)
		return error_set(err, RHEA_ERR_HOST, "-nic %.200s: out of memory", s->label);
	if (s->n > 1)
		st = user_start(n, &c, err);
	while (!st && (rule = net_spec_take(s, "hostfwd")))
		st = forward(u, s, &c, rule, err);
	if (!st)
		net_set_link(n, true);
	return st;
}

static void user_close(struct net *n)
{
	struct user *u = n->state;
	if (!u)
		return;
	if (u->slirp)
		u->lib.slirp_cleanup(u->slirp);
	while (u->timers)
		timer_free(u->timers, n);
	free(u);
}

const struct net_kind net_kind_user = {
	.name = "user",
	.known = "hostfwd, restrict, net, host, dns, dhcpstart, hostname, dnssearch, domainname, tftp, bootfile, tftp-server-name, "
		 "ipv4, ipv6",
	.open = user_open,
	.close = user_close,
	.send = user_send,
	.prepare = user_prepare,
	.handle = user_handle,
	.can_input = user_can_input,
};
