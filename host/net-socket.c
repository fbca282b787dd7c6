/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -nic socket: a cable to another emulator, as QEMU's. Over TCP each frame follows its length (4 bytes, big-endian); over
 * UDP a datagram is a frame. A server takes one peer at a time and listens again when it leaves; a client whose server leaves
 * stays unplugged. The peer is not trusted: a length that cannot be ends the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/net-internal.h"
#include "host/queue.h"

#define OUT_LIMIT ((size_t)1 << 20) /* sent and not taken by the peer; frames beyond are lost */
#define FRAMES_PER_POLL 256u        /* of UDP: a flood must not keep the guest from running */
#define LENGTH_BYTES 4u

struct wire {
	int fd, listen_fd;
	bool datagrams;
	int watch_listen, watch_in, watch_out;
	struct byte_queue out;
	size_t in_len;
	uint8_t in[LENGTH_BYTES + NET_FRAME_MAX]; /* TCP: what came of the next frames */
};

/* ---- connection ---- */

static void hang_up(struct net *n, const char *reason)
{
	struct wire *w = n->state;
	if (w->fd < 0)
		return;
	close(w->fd);
	w->fd = -1;
	w->in_len = 0;
	byte_queue_free(&w->out);
	net_set_link(n, false);
	net_complain(n, reason);
}

static void plug_in(struct net *n, int fd)
{
	struct wire *w = n->state;
	int one = 1;
	w->fd = fd;
	w->in_len = 0;
	if (!w->datagrams)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* a frame should not wait for the next one */
	net_set_link(n, true);
}

static void accept_peer(struct net *n)
{
	const struct wire *w = n->state;
	int fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		plug_in(n, fd);
}

/* ---- to the peer ---- */

/* What the socket does not take now waits; a frame is never cut. */
static void send_stream(struct net *n, const uint8_t *frame, unsigned len)
{
	struct wire *w = n->state;
	uint8_t head[LENGTH_BYTES] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	struct iovec part[2] = {{head, sizeof head}, {(void *)(uintptr_t)frame, len}};
	struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};
	size_t done = 0;
	if (w->out.limit - w->out.len < len + LENGTH_BYTES)
		return;
	if (!w->out.len) {
		ssize_t r = sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
			hang_up(n, "the other side is gone");
			return;
		}
		done = r > 0 ? (size_t)r : 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		size_t skip = MIN(done, part[i].iov_len), left = part[i].iov_len - skip;
		done -= skip;
		if (left && byte_queue_push(&w->out, (const uint8_t *)part[i].iov_base + skip, left) != left) {
			hang_up(n, "out of memory");
			return;
		}
	}
}

static void flush(struct net *n)
{
	struct wire *w = n->state;
	const uint8_t *p;
	size_t len;
	while ((p = byte_queue_peek(&w->out, &len)) && len) {
		ssize_t r = send(w->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			return;
		if (r < 0) {
			hang_up(n, "the other side is gone");
			return;
		}
		byte_queue_drop(&w->out, (size_t)r);
	}
}

static void socket_send(struct net *n, const uint8_t *frame, unsigned len)
{
	struct wire *w = n->state;
	if (w->fd < 0)
		return;
	if (!w->datagrams)
		send_stream(n, frame, len);
	else if (send(w->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* nobody there, or no room: a lost frame */
}

/* ---- from the peer ---- */

/* Hands over the whole frames in w->in. False when the peer talks nonsense. */
static bool take_frames(struct net *n)
{
	struct wire *w = n->state;
	size_t at = 0;
	bool sense = true;
	while (w->in_len - at >= LENGTH_BYTES && net_wants_frames(n)) {
		const uint8_t *p = w->in + at;
		uint32_t len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		sense = len >= 1 && len <= NET_FRAME_MAX;
		if (!sense || w->in_len - at < LENGTH_BYTES + len)
			break;
		net_to_guest(n, p + LENGTH_BYTES, len);
		at += LENGTH_BYTES + len;
	}
	w->in_len -= at;
	memmove(w->in, w->in + at, w->in_len);
	return sense;
}

static void receive_stream(struct net *n)
{
	struct wire *w = n->state;
	if (w->in_len < sizeof w->in) {
		ssize_t r = recv(w->fd, w->in + w->in_len, sizeof w->in - w->in_len, MSG_DONTWAIT);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (r <= 0) {
			hang_up(n, "the other side hung up");
			return;
		}
		w->in_len += (size_t)r;
	}
	if (!take_frames(n))
		hang_up(n, "the other side does not send frames; disconnected");
}

static void receive_datagrams(struct net *n)
{
	struct wire *w = n->state;
	for (unsigned i = 0; i < FRAMES_PER_POLL && net_wants_frames(n); i++) {
		ssize_t r = recv(w->fd, w->in, sizeof w->in, MSG_DONTWAIT | MSG_TRUNC);
		if (r < 0)
			return; /* nothing there, or word that a datagram of ours was refused */
		if (r >= 1 && r <= (ssize_t)NET_FRAME_MAX)
			net_to_guest(n, w->in, (unsigned)r);
	}
}

static void socket_prepare(struct net *n, struct poll_set *polls)
{
	struct wire *w = n->state;
	w->watch_listen = w->watch_in = w->watch_out = -1;
	if (w->fd >= 0 && !w->datagrams && w->in_len && !take_frames(n)) /* the guest may want more now */
		hang_up(n, "the other side does not send frames; disconnected");
	if (w->fd < 0 && w->listen_fd >= 0)
		w->watch_listen = poll_set_watch(polls, w->listen_fd, POLLIN);
	if (w->fd >= 0 && net_wants_frames(n))
		w->watch_in = poll_set_watch(polls, w->fd, POLLIN);
	if (w->fd >= 0 && w->out.len)
		w->watch_out = poll_set_watch(polls, w->fd, POLLOUT);
}

static void socket_handle(struct net *n, const struct poll_set *polls)
{
	struct wire *w = n->state;
	if (w->fd >= 0 && poll_set_ready(polls, w->watch_out))
		flush(n);
	if (w->fd >= 0 && poll_set_ready(polls, w->watch_in)) {
		if (w->datagrams)
			receive_datagrams(n);
		else
			receive_stream(n);
	}
	if (w->fd < 0 && poll_set_ready(polls, w->watch_listen))
		accept_peer(n);
}

static bool socket_can_input(const struct net *n)
{
	const struct wire *w = n->state;
	return w->fd >= 0 || w->listen_fd >= 0;
}

/* ---- opening ---- */

/* "HOST:PORT", "[IPV6]:PORT", ":PORT"; the list is the caller's to free. */
static struct addrinfo *resolve(const struct net_spec *s, const char *address, int type, bool passive, struct rhea_error *err)
{
	char host[256] = "";
	const char *colon = strrchr(address, ':'), *from = address, *to = colon;
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = passive ? AI_PASSIVE : 0}, *list = NULL;
	if (colon && *address == '[' && colon > address + 1 && colon[-1] == ']') {
		from++;
		to--;
	}
	if (!colon || !colon[1] || (size_t)(to - from) >= sizeof host) {
		error_set(err, RHEA_ERR_USAGE, "-nic %.200s: '%.80s' is no address (HOST:PORT, or :PORT)", s->label, address);
		return NULL;
	}
	memcpy(host, from, (size_t)(to - from));
	if (!*host && !passive)
		strcpy(host, "127.0.0.1");
	hints.ai_family = *host ? AF_UNSPEC : AF_INET;
	int e = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &list);
	if (e) {
		error_set(err, RHEA_ERR_HOST, "-nic %.200s: %.80s: %s", s->label, address, gai_strerror(e));
		return NULL;
	}
	return list;
}

/* A socket that listens or is connected; -1 with errno. */
static int open_stream(const struct addrinfo *a, bool server)
{
	int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	if (server ? bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1) == 0 :
		     connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static enum rhea_status open_tcp(struct net *n, const struct net_spec *s, const char *address, bool server,
				 struct rhea_error *err)
{
	struct wire *w = n->state;
	struct addrinfo *list = resolve(s, address, SOCK_STREAM, server, err);
	int fd = -1;
	if (!list)
		return err ? err->status : RHEA_ERR_HOST;
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = open_stream(a, server);
	int saved = errno;
	freeaddrinfo(list);
	if (fd < 0)
		return error_set(err, RHEA_ERR_HOST, "-nic %.200s: cannot %s: %s", s->label, server ? "listen" : "connect",
				 strerror(saved));
	if (server)
		w->listen_fd = fd;
	else
		plug_in(n, fd);
	return RHEA_OK;
}

/* Bound to localaddr=, and connected, so that only the peer is heard. */
static int open_datagrams(const struct addrinfo *local, const struct addrinfo *peer)
{
	int one = 1, fd = socket(peer->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, local->ai_addr, local->ai_addrlen) == 0 && connect(fd, peer->ai_addr, peer->ai_addrlen) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static enum rhea_status open_udp(struct net *n, const struct net_spec *s, const char *address, const char *local,
				 struct rhea_error *err)
{
	struct wire *w = n->state;
	if (!local)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: udp= needs localaddr=HOST:PORT to hear the other side", s->label);
	struct addrinfo *peer = resolve(s, address, SOCK_DGRAM, false, err);
	struct addrinfo *own = peer ? resolve(s, local, SOCK_DGRAM, true, err) : NULL;
	int fd = own ? open_datagrams(own, peer) : -1, saved = errno;
	enum rhea_status st = RHEA_OK;
	if (!own)
		st = err ? err->status : RHEA_ERR_HOST;
	else if (fd < 0)
		st = error_set(err, RHEA_ERR_HOST, "-nic %.200s: %s", s->label, strerror(saved));
	if (peer)
		freeaddrinfo(peer);
	if (own)
		freeaddrinfo(own);
	if (st)
		return st;
	w->datagrams = true;
	plug_in(n, fd);
	return RHEA_OK;
}

/* A connected socket that this process inherited. */
static enum rhea_status open_fd(struct net *n, const struct net_spec *s, const char *text, struct rhea_error *err)
{
	struct wire *w = n->state;
	char *end;
	long fd = strtol(text, &end, 10);
	int type = 0;
	socklen_t len = sizeof type;
	if (*end || end == text || fd < 0 || fd > INT32_MAX || getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    (type != SOCK_STREAM && type != SOCK_DGRAM))
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: fd=%.20s is no open socket", s->label, text);
	w->datagrams = type == SOCK_DGRAM;
	plug_in(n, (int)fd);
	return RHEA_OK;
}

static enum rhea_status socket_open(struct net *n, struct net_spec *s, struct rhea_error *err)
{
	struct wire *w = n->state = calloc(1, sizeof *w);
	if (!w)
		return error_set(err, RHEA_ERR_HOST, "-nic %.200s: out of memory", s->label);
	w->fd = w->listen_fd = -1;
	w->watch_listen = w->watch_in = w->watch_out = -1;
	w->out.limit = OUT_LIMIT;
	const char *listen_at = net_spec_take(s, "listen"), *peer = net_spec_take(s, "connect"), *udp = net_spec_take(s, "udp");
	const char *fd = net_spec_take(s, "fd"), *local = udp ? net_spec_take(s, "localaddr") : NULL;
	if (!!listen_at + !!peer + !!udp + !!fd != 1)
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: one of listen=HOST:PORT, connect=HOST:PORT, "
				 "udp=HOST:PORT,localaddr=HOST:PORT, fd=N", s->label);
	if (udp)
		return open_udp(n, s, udp, local, err);
	if (fd)
		return open_fd(n, s, fd, err);
	return open_tcp(n, s, listen_at ? listen_at : peer, listen_at != NULL, err);
}

static void socket_close(struct net *n)
{
	struct wire *w = n->state;
	if (!w)
		return;
	if (w->fd >= 0 && !w->datagrams && w->out.len)
		flush(n);
	if (w->fd >= 0)
		close(w->fd);
	if (w->listen_fd >= 0)
		close(w->listen_fd);
	byte_queue_free(&w->out);
	free(w);
}

const struct net_kind net_kind_socket = {
	.name = "socket",
	.known = "listen, connect, udp, localaddr, fd",
	.open = socket_open,
	.close = socket_close,
	.send = socket_send,
	.prepare = socket_prepare,
	.handle = socket_handle,
	.can_input = socket_can_input,
};
