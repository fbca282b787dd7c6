/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network back ends against the real thing, on the loopback interface only: libslirp's servers and forwarded ports, another
 * emulator played by a socket of ours, peers that vanish, talk nonsense, flood or do not read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/net-internal.h"

/* ---- the card: keeps what it gets ---- */

#define KEPT 1024

struct card {
	struct netdev d;
	struct net *net;
	enum net_room room;
	unsigned n, n_changed; /* frames kept, of any number */
	struct {
		unsigned len;
		uint8_t bytes[1600];
	} got[KEPT];
};

static enum net_room card_room(void *dev)
{
	const struct card *c = dev;
	return c->room == NET_READY && c->n == KEPT ? NET_FULL : c->room;
}

static void card_receive(void *dev, const uint8_t *frame, unsigned n)
{
	struct card *c = dev;
	assert_int_equal(card_room(c), NET_READY);
	c->got[c->n].len = n;
	memcpy(c->got[c->n].bytes, frame, MIN(n, (unsigned)sizeof c->got[0].bytes));
	c->n++;
}

static void card_changed(void *dev)
{
	((struct card *)dev)->n_changed++;
}

struct fixture {
	struct poll_set *polls;
	struct net_host host;
	struct card a, b;
};

static uint64_t now_ns(void *opaque)
{
	struct timespec t;
	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void card_init(struct card *c)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
	c->room = NET_READY;
	c->d = (struct netdev){.room = card_room, .receive = card_receive, .changed = card_changed, .dev = c};
	memcpy(c->d.mac, mac, 6);
}

static int setup(void **state)
{
	struct fixture *x = *state = calloc(1, sizeof *x);
	x->polls = poll_set_new();
	x->host = (struct net_host){.polls = x->polls, .now_ns = now_ns};
	card_init(&x->a);
	card_init(&x->b);
	return x->polls ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	net_close(x->a.net);
	net_close(x->b.net);
	poll_set_free(x->polls);
	free(x);
	return 0;
}

static void open_ok(struct fixture *x, struct card *c, const char *spec)
{
	struct rhea_error err = {0};
	if (net_open(&c->net, &x->host, &c->d, spec, &err))
		fail_msg("%s: %s", spec, err.msg);
}

/* Serves the set until the card has n frames, at most two seconds. */
static bool serve_until(struct fixture *x, const struct card *c, unsigned n)
{
	uint64_t end = now_ns(NULL) + UINT64_C(2000000000);
	while (c->n < n && now_ns(NULL) < end)
		poll_set_wait(x->polls, 10000000);
	return c->n >= n;
}

static void serve(struct fixture *x, unsigned turns)
{
	while (turns--)
		poll_set_wait(x->polls, 1000000);
}

/* ---- frames ---- */

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static unsigned checksum(const uint8_t *p, unsigned n)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < n; i += 2)
		sum += get16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* An Ethernet frame with an IPv4 UDP packet; its length. */
static unsigned udp_frame(uint8_t *f, const struct card *c, const char *from, unsigned from_port, const char *to, unsigned to_port,
			  const void *data, unsigned n)
{
	memset(f, 0, 42);
	memset(f, strcmp(to, "255.255.255.255") == 0 ? 0xff : 0x52, 6);
	if (f[0] != 0xff) {
		static const uint8_t router[6] = {0x52, 0x55, 10, 0, 2, 2};
		memcpy(f, router, 6);
	}
	memcpy(f + 6, c->d.mac, 6);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, 28 + n);
	f[22] = 64;
	f[23] = 17;
	inet_pton(AF_INET, from, f + 26);
	inet_pton(AF_INET, to, f + 30);
	put16(f + 24, checksum(f + 14, 20));
	put16(f + 34, from_port);
	put16(f + 36, to_port);
	put16(f + 38, 8 + n);
	memcpy(f + 42, data, n);
	return 42 + n;
}

/* The UDP packet to a port among the frames that the card got from number `first` on; NULL when there is none. */
static const uint8_t *find_udp(const struct card *c, unsigned first, unsigned port, unsigned *n)
{
	for (unsigned i = first; i < c->n; i++) {
		const uint8_t *f = c->got[i].bytes;
		if (c->got[i].len < 42 || get16(f + 12) != 0x0800 || f[23] != 17 || get16(f + 36) != port)
			continue;
		*n = get16(f + 38) - 8;
		return f + 42;
	}
	return NULL;
}

static const uint8_t *wait_udp(struct fixture *x, struct card *c, unsigned port, unsigned *n)
{
	const uint8_t *p = NULL;
	for (unsigned i = 0; i < 200 && !(p = find_udp(c, 0, port, n)); i++)
		poll_set_wait(x->polls, 10000000);
	return p;
}

/* ---- user: DHCP ---- */

/* Sends a DHCP message of `type` and gives the answer (BOOTP header first). */
static const uint8_t *dhcp(struct fixture *x, struct card *c, uint8_t type, const uint8_t *want)
{
	uint8_t m[300] = {1, 1, 6, 0, 0x12, 0x34, 0x56, type}, frame[400];
	uint8_t *o = m + 240;
	unsigned n;
	memcpy(m + 28, c->d.mac, 6);
	memcpy(m + 236, "\x63\x82\x53\x63", 4);
	*o++ = 53, *o++ = 1, *o++ = type;
	if (want) {
		*o++ = 50, *o++ = 4;
		memcpy(o, want, 4);
		o += 4;
	}
	*o = 255;
	c->n = 0;
	n = udp_frame(frame, c, "0.0.0.0", 68, "255.255.255.255", 67, m, sizeof m);
	net_send(&c->d, frame, n);
	return wait_udp(x, c, 68, &n);
}

/* Takes an address as a guest would; after it slirp knows the card. */
static void take_lease(struct fixture *x, struct card *c, const char *address)
{
	char got[32];
	const uint8_t *offer = dhcp(x, c, 1, NULL);
	assert_non_null(offer);
	assert_int_equal(offer[0], 2);
	inet_ntop(AF_INET, offer + 16, got, sizeof got);
	assert_string_equal(got, address);
	uint8_t want[4];
	memcpy(want, offer + 16, 4);
	const uint8_t *ack = dhcp(x, c, 3, want);
	assert_non_null(ack);
	assert_memory_equal(ack + 16, want, 4);
	assert_memory_equal(ack + 240, "\x35\x01\x05", 3);
}

/* A failure means that a guest gets no address, or another one than QEMU's. */
static void dhcp_gives_the_usual_address(void **state)
{
	struct fixture *x = *state;
	open_ok(x, &x->a, "user");
	assert_true(x->a.d.link);
	take_lease(x, &x->a, "10.0.2.15");
}

/* A failure means that net= or dhcpstart= is not obeyed. */
static void dhcp_gives_the_chosen_address(void **state)
{
	struct fixture *x = *state;
	open_ok(x, &x->a, "user,net=192.168.76.0/24");
	take_lease(x, &x->a, "192.168.76.15");
	net_close(x->a.net);
	assert_false(x->a.d.link);
	open_ok(x, &x->a, "user,net=192.168.76.0/255.255.255.0,dhcpstart=192.168.76.9,mac=52:54:00:aa:bb:cc,hostname=guest,"
			  "dnssearch=a.test,dnssearch=b.test,domainname=test");
	assert_int_equal(x->a.d.mac[5], 0xcc);
	take_lease(x, &x->a, "192.168.76.9");
}

/* ---- user: the host's sockets ---- */

/* A socket on the loopback interface; its port. */
static int loopback(int type, unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static bool readable(struct fixture *x, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (unsigned i = 0; i < 100 && poll(&p, 1, 0) == 0; i++)
		poll_set_wait(x->polls, 10000000);
	return poll(&p, 1, 0) == 1;
}

/* A failure means that a guest cannot reach a server on the host, or gets no answer. */
static void guest_reaches_the_host(void **state)
{
	struct fixture *x = *state;
	unsigned port, n;
	uint8_t frame[100];
	char buf[16];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	int fd = loopback(SOCK_DGRAM, &port);
	open_ok(x, &x->a, "user");
	take_lease(x, &x->a, "10.0.2.15");
	net_send(&x->a.d, frame, udp_frame(frame, &x->a, "10.0.2.15", 4000, "10.0.2.2", port, "hello", 5));
	assert_true(readable(x, fd));
	assert_int_equal(recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &len), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_true(poll_set_can_input(x->polls));
	assert_int_equal(sendto(fd, "answer", 6, 0, (struct sockaddr *)&from, len), 6);
	const uint8_t *p = wait_udp(x, &x->a, 4000, &n);
	assert_non_null(p);
	assert_int_equal(n, 6);
	assert_memory_equal(p, "answer", 6);
	close(fd);
}

/* A failure means that restrict=on lets a guest out. */
static void restricted_guest_stays_inside(void **state)
{
	struct fixture *x = *state;
	unsigned port;
	uint8_t frame[100];
	int fd = loopback(SOCK_DGRAM, &port);
	open_ok(x, &x->a, "user,restrict=on");
	take_lease(x, &x->a, "10.0.2.15");
	net_send(&x->a.d, frame, udp_frame(frame, &x->a, "10.0.2.15", 4000, "10.0.2.2", port, "hello", 5));
	serve(x, 20);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	close(fd);
}

/* A failure means that a forwarded port does not lead to the guest. */
static void forwarded_port_reaches_the_guest(void **state)
{
	struct fixture *x = *state;
	unsigned port, n;
	char spec[100];
	int fd = loopback(SOCK_DGRAM, &port), from;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	close(fd); /* the port is free again, most likely */
	snprintf(spec, sizeof spec, "user,hostfwd=udp:127.0.0.1:%u-:7777,hostfwd=tcp:127.0.0.1:0-10.0.2.15:22", port);
	open_ok(x, &x->a, spec);
	take_lease(x, &x->a, "10.0.2.15");
	from = socket(AF_INET, SOCK_DGRAM, 0);
	to.sin_port = htons((uint16_t)port);
	assert_int_equal(sendto(from, "knock", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
	const uint8_t *p = wait_udp(x, &x->a, 7777, &n);
	assert_non_null(p);
	assert_memory_equal(p, "knock", 5);
	close(from);
}

/* A failure means that random frames from a guest do harm. */
static void nonsense_from_the_guest_is_harmless(void **state)
{
	struct fixture *x = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 1;
	uint8_t frame[1600];
	print_message("RHEA_TEST_SEED=%u\n", seed);
	srandom(seed);
	open_ok(x, &x->a, "user,restrict=on"); /* nothing leaves, whatever the frames say */
	take_lease(x, &x->a, "10.0.2.15");
	for (unsigned i = 0; i < 3000; i++) {
		unsigned n = 1 + (unsigned)random() % (random() % 4 ? 80 : (unsigned)sizeof frame - 1), keep = (unsigned)random() % 43;
		udp_frame(frame, &x->a, "10.0.2.15", 68, "10.0.2.2", 67, "", 0);
		for (unsigned k = keep; k < n; k++)
			frame[k] = (uint8_t)random();
		net_send(&x->a.d, frame, n);
		x->a.n = 0;
		if (i % 64 == 0)
			poll_set_wait(x->polls, 0);
	}
	take_lease(x, &x->a, "10.0.2.15");
}

/* ---- specs ---- */

/* A failure means that a mistake in -nic is accepted, or told unclearly. */
static void bad_specs(void **state)
{
	struct fixture *x = *state;
	static const struct {
		const char *spec, *message;
	} rows[] = {
		{"", "unknown network ''"}, {"tap", "unknown network 'tap' (known: user, socket, none)"},
		{"user,hostfwd=x", "hostfwd=x: expected [tcp|udp]:[HOSTADDR]:PORT-[GUESTADDR]:PORT, as tcp::2222-:22"},
		{"user,hostfwd=", "expected [tcp|udp]"}, {"user,hostfwd=tcp::2222", "expected [tcp|udp]"},
		{"user,hostfwd=tcp::2222-:0", "expected [tcp|udp]"}, {"user,hostfwd=tcp::65536-:1", "expected [tcp|udp]"},
		{"user,hostfwd=sctp::1-:1", "expected [tcp|udp]"}, {"user,hostfwd=tcp:nowhere:1-:1", "expected [tcp|udp]"},
		{"user,hostfwd=tcp:127.0.0.1:1:2-:1", "expected [tcp|udp]"}, {"user,hostfwd=tcp:127.0.0.1: 1-:1", "expected [tcp|udp]"},
		{"user,restrict=maybe", "restrict=maybe: expected on or off"}, {"user,net=10.0.2", "expected a network"},
		{"user,net=10.0.2.0/33", "expected a mask"}, {"user,net=10.0.2.0/255.0.255.0", "expected a mask"},
		{"user,host=10.9.9.9", "addresses inside net"}, {"user,dns=10.0.2.2", "three different addresses"},
		{"user,dhcpstart=1.2.3", "expected an IPv4 address"}, {"user,smb=/", "unknown or repeated option 'smb' (known: mac,"},
		{"user,ipv4=off,ipv6=off", "leave nothing"}, {"user,mac=1", "expected the address of one card"},
		{"user,mac=01:00:00:00:00:00", "expected the address of one card"}, {"user,mac=52:54:00:12:34:56:78", "expected the address"},
		{"user,model=e1000", "the board's card is a smc91c111"}, {"none,x", "unknown or repeated option 'x'"},
		{"user,restrict=on,restrict=off", "unknown or repeated option 'restrict'"}, {"socket", "one of listen="},
		{"socket,listen=:1,connect=:2", "one of listen="}, {"socket,connect=nonsense", "'nonsense' is no address"},
		{"socket,connect=:", "is no address"}, {"socket,udp=127.0.0.1:1", "needs localaddr="}, {"socket,fd=x", "no open socket"},
		{"socket,fd=0x", "no open socket"}, {"socket,fd=9999", "no open socket"}, {"socket,connect=127.0.0.1:1", "cannot connect"},
		{"none,dump=/nonexistent/x", "/nonexistent/x: No such file"},
	};
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct rhea_error err = {0};
		assert_int_not_equal(net_open(&x->a.net, &x->host, &x->a.d, rows[i].spec, &err), RHEA_OK);
		assert_null(x->a.net);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("%s: '%s' does not say '%s'", rows[i].spec, err.msg, rows[i].message);
		assert_null(x->a.d.send);
		assert_false(x->a.d.link);
	}
}

/* A failure means that a port in use is not reported. */
static void port_in_use_is_an_error(void **state)
{
	struct fixture *x = *state;
	struct rhea_error err;
	unsigned port;
	char spec[100];
	int fd = loopback(SOCK_STREAM, &port);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(spec, sizeof spec, "user,hostfwd=tcp:127.0.0.1:%u-:1", port);
	assert_int_equal(net_open(&x->a.net, &x->host, &x->a.d, spec, &err), RHEA_ERR_HOST);
	assert_non_null(strstr(err.msg, "Address already in use"));
	snprintf(spec, sizeof spec, "socket,listen=127.0.0.1:%u", port);
	assert_int_equal(net_open(&x->a.net, &x->host, &x->a.d, spec, &err), RHEA_ERR_HOST);
	assert_non_null(strstr(err.msg, "Address already in use"));
	close(fd);
}

/* ---- socket ---- */

static void send_frame(struct card *c, unsigned n, uint8_t first)
{
	static uint8_t frame[NET_FRAME_MAX];
	memset(frame, first, n);
	net_send(&c->d, frame, n);
}

/* A failure means that two machines on one cable do not understand each other. */
static void two_ends_of_a_cable(void **state)
{
	struct fixture *x = *state;
	int type[] = {SOCK_STREAM, SOCK_DGRAM}, ends[2];
	for (unsigned t = 0; t < 2; t++) {
		char spec[2][32];
		assert_int_equal(socketpair(AF_UNIX, type[t], 0, ends), 0);
		snprintf(spec[0], sizeof spec[0], "socket,fd=%d", ends[0]);
		snprintf(spec[1], sizeof spec[1], "socket,fd=%d", ends[1]);
		open_ok(x, &x->a, spec[0]);
		open_ok(x, &x->b, spec[1]);
		for (unsigned n = 1; n <= 1514; n += 89) {
			x->a.n = x->b.n = 0;
			send_frame(&x->a, n, 7);
			send_frame(&x->b, n, 9);
			assert_true(serve_until(x, &x->a, 1) && serve_until(x, &x->b, 1));
			assert_int_equal(x->b.got[0].len, n);
			assert_int_equal(x->b.got[0].bytes[n - 1], 7);
			assert_int_equal(x->a.got[0].bytes[n - 1], 9);
		}
		net_close(x->a.net);
		net_close(x->b.net);
		x->a.net = x->b.net = NULL;
	}
}

static int client(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static unsigned open_server(struct fixture *x)
{
	unsigned port;
	char spec[64];
	close(loopback(SOCK_STREAM, &port));
	snprintf(spec, sizeof spec, "socket,listen=127.0.0.1:%u", port);
	open_ok(x, &x->a, spec);
	return port;
}

static bool wait_link(struct fixture *x, bool link)
{
	for (unsigned i = 0; i < 200 && x->a.d.link != link; i++)
		poll_set_wait(x->polls, 10000000);
	return x->a.d.link == link;
}

/* A failure means that a peer which leaves or talks nonsense takes the cable with it, or that the guest does not see it go. */
static void server_outlives_its_peers(void **state)
{
	struct fixture *x = *state;
	unsigned port = open_server(x);
	assert_false(x->a.d.link);
	send_frame(&x->a, 60, 1); /* to nobody */
	/* A good frame, then: a length of nothing, too much, a little too much, not a length at all, half a length. */
	static const char *const ends[] = {"\0\0\0\0", "\xff\xff\xff\xff", "\0\1\0\1", "GET / HTTP/1.0\r\n\r\n", NULL};
	for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
		int fd = client(port);
		assert_true(wait_link(x, true));
		assert_int_equal(write(fd, "\0\0\0\3abc\0\0", ends[i] ? 7 : 9), ends[i] ? 7 : 9);
		assert_true(serve_until(x, &x->a, i + 1));
		assert_int_equal(x->a.got[i].len, 3);
		if (ends[i])
			assert_int_equal(write(fd, ends[i], 4), 4);
		else
			close(fd);
		assert_true(wait_link(x, false));
		if (ends[i])
			close(fd);
	}
	assert_int_equal(x->a.n_changed, 2 * ARRAY_LEN(ends));
}

/* A failure means that a client without a server spins, crashes or blocks the guest. */
static void client_outlives_its_server(void **state)
{
	struct fixture *x = *state;
	unsigned port;
	char spec[64];
	int listener = loopback(SOCK_STREAM, &port);
	assert_int_equal(listen(listener, 1), 0);
	snprintf(spec, sizeof spec, "socket,connect=127.0.0.1:%u", port);
	open_ok(x, &x->a, spec);
	assert_true(x->a.d.link);
	int fd = accept(listener, NULL, NULL);
	close(fd);
	close(listener);
	assert_true(wait_link(x, false));
	send_frame(&x->a, 60, 1);
	assert_false(poll_set_can_input(x->polls));
	uint64_t start = now_ns(NULL);
	poll_set_wait(x->polls, 30000000);
	assert_true(now_ns(NULL) - start > 25000000);
}

/* A failure means that a peer which does not read stops the guest or grows us without bound; or that frames are cut. */
static void peer_that_does_not_read(void **state)
{
	struct fixture *x = *state;
	unsigned port = open_server(x), whole = 0;
	static uint8_t in[1 << 16];
	int fd = client(port);
	assert_true(wait_link(x, true));
	uint64_t start = now_ns(NULL);
	for (unsigned i = 0; i < 20000; i++)
		send_frame(&x->a, 1514, 3);
	assert_true(now_ns(NULL) - start < UINT64_C(2000000000));
	size_t have = 0;
	while (readable(x, fd)) {
		ssize_t r = read(fd, in + have, sizeof in - have);
		assert_true(r > 0);
		have += (size_t)r;
		size_t at = 0;
		for (; have - at >= 4 + 1514; at += 4 + 1514, whole++)
			assert_memory_equal(in + at, "\0\0\5\xea\3\3", 6);
		memmove(in, in + at, have -= at);
	}
	assert_int_equal(have, 0);
	assert_in_range(whole, 100, 19999);
	close(fd);
}

/* A failure means that a flood into a guest that does not read is kept without bound or, over TCP, lost. */
static void flood_into_a_busy_guest(void **state)
{
	struct fixture *x = *state;
	unsigned port = open_server(x), sent = 0;
	static uint8_t frame[4 + 1514] = {0, 0, 5, 0xea};
	int fd = client(port);
	assert_true(wait_link(x, true));
	x->a.room = NET_FULL;
	for (unsigned idle = 0; idle < 20 && sent < 20000;) {
		if (send(fd, frame, sizeof frame, MSG_DONTWAIT) == (ssize_t)sizeof frame)
			sent++, idle = 0;
		else
			idle++;
		poll_set_wait(x->polls, 0);
	}
	assert_true(sent < 20000);
	assert_in_range(x->a.net->n_frames, 1, NET_QUEUE_FRAMES);
	x->a.room = NET_READY;
	for (unsigned seen = 0; seen < sent - 1; seen += x->a.n) { /* the last may be cut: send() took part of it */
		x->a.n = 0;
		x->a.d.accept_input(&x->a.d);
		poll_set_wait(x->polls, 10000000);
		assert_true(x->a.n > 0);
	}
	close(fd);
}

/* A failure means that frames wait for a receiver that is off, and surprise the next driver. */
static void closed_receiver_loses_frames(void **state)
{
	struct fixture *x = *state;
	int ends[2];
	char spec[32];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(spec, sizeof spec, "socket,fd=%d", ends[0]);
	open_ok(x, &x->a, spec);
	x->a.room = NET_FULL;
	assert_int_equal(write(ends[1], "\0\0\0\1a\0\0\0\1b", 10), 10);
	serve(x, 5);
	assert_int_equal(x->a.net->n_frames, 2);
	x->a.room = NET_CLOSED;
	x->a.d.accept_input(&x->a.d);
	assert_int_equal(x->a.net->n_frames, 0);
	assert_int_equal(write(ends[1], "\0\0\0\1c", 5), 5);
	serve(x, 5);
	assert_false(poll_set_can_input(x->polls));
	x->a.room = NET_READY;
	assert_int_equal(write(ends[1], "\0\0\0\1d", 5), 5);
	assert_true(serve_until(x, &x->a, 1));
	assert_int_equal(x->a.got[0].bytes[0], 'd');
	close(ends[1]);
}

/* A failure means that datagrams do not make it, or those of strangers do. */
static void datagrams(void **state)
{
	struct fixture *x = *state;
	unsigned a, b;
	char spec[100];
	close(loopback(SOCK_DGRAM, &a));
	close(loopback(SOCK_DGRAM, &b));
	snprintf(spec, sizeof spec, "socket,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", b, a);
	open_ok(x, &x->a, spec);
	send_frame(&x->a, 60, 1); /* nobody there yet: lost */
	serve(x, 3);
	snprintf(spec, sizeof spec, "socket,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", a, b);
	open_ok(x, &x->b, spec);
	send_frame(&x->a, 1514, 2);
	send_frame(&x->b, 60, 3);
	assert_true(serve_until(x, &x->b, 1) && serve_until(x, &x->a, 1));
	assert_int_equal(x->b.got[0].len, 1514);
	int stranger = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)a)};
	sendto(stranger, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
	serve(x, 5);
	assert_int_equal(x->a.n, 1);
	close(stranger);
}

/* A failure means that dump= writes something else than a pcap file of both directions. */
static void dump_is_a_pcap_file(void **state)
{
	struct fixture *x = *state;
	char path[] = "/tmp/rhea-net-XXXXXX", spec[64];
	uint8_t file[2048];
	uint32_t word[4];
	close(mkstemp(path));
	snprintf(spec, sizeof spec, "user,restrict=on,dump=%s", path);
	open_ok(x, &x->a, spec);
	take_lease(x, &x->a, "10.0.2.15");
	net_close(x->a.net);
	x->a.net = NULL;
	FILE *f = fopen(path, "rb");
	size_t n = fread(file, 1, sizeof file, f), at = 24, records = 0;
	fclose(f);
	unlink(path);
	memcpy(word, file, 4);
	assert_int_equal(word[0], 0xa1b2c3d4);
	memcpy(word, file + 20, 4);
	assert_int_equal(word[0], 1);
	for (; n - at >= 16; at += 16 + word[2], records++) {
		memcpy(word, file + at, 16);
		assert_int_equal(word[2], word[3]);
		assert_true(word[2] <= n - at - 16);
	}
	assert_true(records >= 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dhcp_gives_the_usual_address), T(dhcp_gives_the_chosen_address), T(guest_reaches_the_host),
		T(restricted_guest_stays_inside), T(forwarded_port_reaches_the_guest), T(nonsense_from_the_guest_is_harmless),
		T(bad_specs), T(port_in_use_is_an_error), T(two_ends_of_a_cable), T(server_outlives_its_peers),
		T(client_outlives_its_server), T(peer_that_does_not_read), T(flood_into_a_busy_guest), T(closed_receiver_loses_frames),
		T(datagrams), T(dump_is_a_pcap_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
