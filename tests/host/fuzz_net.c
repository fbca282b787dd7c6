/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes from the other end of -nic socket, as a stream or as datagrams, to a card that has room or not,
 * that sends, and whose peer leaves; and any options behind "none,". Build with -Dfuzz=true and clang; run ./fuzz-net CORPUS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/net-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct card {
	struct netdev d;
	enum net_room room;
	unsigned sum;
};

static enum net_room card_room(void *dev)
{
	return ((struct card *)dev)->room;
}

static void card_receive(void *dev, const uint8_t *frame, unsigned n)
{
	struct card *c = dev;
	if (c->room != NET_READY || n < 1 || n > NET_FRAME_MAX)
		abort();
	while (n--)
		c->sum += *frame++;
}

static uint64_t now_ns(void *opaque)
{
	(void)opaque;
	return 0;
}

/* Pieces: a byte says what happens, the next how much of the rest goes over the wire then. */
static void play(struct card *c, struct poll_set *polls, int wire, const uint8_t *p, size_t left)
{
	while (left >= 2) {
		size_t n = MIN(left - 2, (size_t)p[1] * (p[0] & 0x80 ? 64 : 1));
		c->room = (enum net_room)(p[0] % 3);
		if (p[0] & 4)
			net_send(&c->d, p, (unsigned)left);
		if (p[0] & 8)
			net_accept_input(&c->d);
		if ((p[0] & 0x70) == 0x70)
			shutdown(wire, p[0] & 0x80 ? SHUT_RDWR : SHUT_WR);
		if (send(wire, p + 2, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && p[0] & 0x10)
			return;
		poll_set_wait(polls, 0);
		p += 2 + n;
		left -= 2 + n;
	}
}

static void with_peer(struct card *c, const struct net_host *host, const uint8_t *data, size_t size)
{
	int ends[2];
	char spec[40];
	struct net *n;
	if (socketpair(AF_UNIX, *data & 2 ? SOCK_STREAM : SOCK_DGRAM, 0, ends))
		return;
	snprintf(spec, sizeof spec, "socket,fd=%d", ends[0]);
	if (net_open(&n, host, &c->d, spec, NULL))
		abort();
	play(c, host->polls, ends[1], data + 1, size - 1);
	close(ends[1]);
	c->room = NET_READY;
	poll_set_wait(host->polls, 0);
	net_close(n);
}

/* Not dump=, which would leave files. */
static void with_options(struct card *c, const struct net_host *host, const uint8_t *data, size_t size)
{
	char *spec = malloc(size + 8);
	struct net *n;
	if (!spec)
		return;
	memcpy(spec, "none,", 5);
	memcpy(spec + 5, data, size);
	spec[5 + size] = '\0';
	if (!strstr(spec, "dump") && net_open(&n, host, &c->d, spec, NULL) == RHEA_OK)
		net_close(n);
	free(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct card c = {.room = NET_READY};
	struct net_host host = {.polls = poll_set_new(), .now_ns = now_ns};
	c.d = (struct netdev){.room = card_room, .receive = card_receive, .dev = &c};
	if (!host.polls)
		return 0;
	if (size && *data & 1)
		with_options(&c, &host, data + 1, size - 1);
	else if (size)
		with_peer(&c, &host, data, size);
	poll_set_free(host.polls);
	return 0;
}
