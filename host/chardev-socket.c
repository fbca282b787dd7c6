/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp: and unix: back ends, client and server. A server has one client at a time and listens again
 * when it leaves; meanwhile output is dropped. A client whose server leaves stays disconnected.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/chardev-internal.h"

struct socket_spec {
	char host[256], port[32]; /* unix: host unused */
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	bool server, wait, nodelay;
	bool ipv4_off, ipv6_off;
};

/* ---- parsing "ADDRESS[,option[=on|off]]..." ---- */

static enum rhea_status bad_spec(const struct chardev_backend *b, const char *what, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_USAGE, "'%s': %s", b->label, what);
}

/* "name", "name=on", "name=off", and the old "noname". False when the word is none of these. */
static bool parse_flag(const char *word, const char *name, bool *value)
{
	size_t n = strlen(name);
	if (strncmp(word, "no", 2) == 0 && strcmp(word + 2, name) == 0) {
		*value = false;
		return true;
	}
	if (strncmp(word, name, n) != 0)
		return false;
	const char *rest = word + n;
	*value = *rest == '\0' || strcmp(rest, "=on") == 0 || strcmp(rest, "=yes") == 0;
	return *value || strcmp(rest, "=off") == 0 || strcmp(rest, "=no") == 0;
}

static enum rhea_status parse_options(struct chardev_backend *b, const char *p, struct socket_spec *s,
				      struct rhea_error *err)
{
	while (*p) {
		char word[64];
		bool on;
		p += *p == ',';
		size_t n = strcspn(p, ",");
		if (n >= sizeof word)
			return bad_spec(b, "option too long", err);
		memcpy(word, p, n);
		word[n] = '\0';
		p += n;
		if (parse_flag(word, "server", &s->server) || parse_flag(word, "wait", &s->wait) ||
		    parse_flag(word, "nodelay", &s->nodelay) || !*word)
			continue;
		if (parse_flag(word, "ipv4", &on))
			s->ipv4_off = !on;
		else if (parse_flag(word, "ipv6", &on))
			s->ipv6_off = !on;
		else
			return error_set(err, RHEA_ERR_USAGE,
					 "'%s': unknown option '%s' (server=on, wait=off, nodelay=on, ipv4=off, ipv6=off)",
					 b->label, word);
	}
	return RHEA_OK;
}

/* Copies [from, to) into dst; false when it does not fit. */
static bool copy_span(char *dst, size_t size, const char *from, const char *to)
{
	size_t n = (size_t)(to - from);
	if (n >= size)
		return false;
	memcpy(dst, from, n);
	dst[n] = '\0';
	return true;
}

static enum rhea_status parse_tcp(struct chardev_backend *b, const char *arg, struct socket_spec *s,
				  struct rhea_error *err)
{
	const char *end, *host = arg, *host_end;
	if (*arg == '[') {
		host = arg + 1;
		host_end = strchr(host, ']');
		end = host_end ? host_end + 1 : NULL;
	} else {
		host_end = end = strchr(arg, ':');
	}
	if (!end || *end != ':')
		return bad_spec(b, "a tcp address is HOST:PORT, or [IPV6]:PORT", err);
	const char *port = end + 1, *port_end = port + strcspn(port, ",");
	if (port == port_end)
		return bad_spec(b, "the port number is missing", err);
	if (!copy_span(s->host, sizeof s->host, host, host_end) || !copy_span(s->port, sizeof s->port, port, port_end))
		return bad_spec(b, "address too long", err);
	/* getaddrinfo() would take the number modulo 65536; a name is looked up there. */
	if (strspn(s->port, "0123456789") == strlen(s->port) && strtoul(s->port, NULL, 10) > 65535)
		return bad_spec(b, "the port number is above 65535", err);
	return parse_options(b, port_end, s, err);
}

/* ---- connections ---- */

static void adopt(struct chardev_backend *b, int fd, bool nodelay)
{
	int one = 1;
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	b->in_fd = b->out_fd = fd;
	b->stuck = b->complained = false;
	if (b->front->backend == b) /* otherwise it is told when it is attached */
		chardev_connected(b->front, true);
}

void chardev_socket_accept(struct chardev_backend *b)
{
	int fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		adopt(b, fd, b->nodelay);
}

void chardev_socket_hangup(struct chardev_backend *b)
{
	if (b->listen_fd < 0)
		chardev_complain(b, "the server closed the connection");
	chardev_close_fds(b);
	chardev_gone(b);
}

void chardev_socket_close(struct chardev_backend *b)
{
	if (b->listen_fd >= 0)
		close(b->listen_fd);
	b->listen_fd = -1;
	if (b->unlink_path)
		unlink(b->unlink_path);
}

/* Blocks until the first client, as QEMU does without wait=off. A signal or a wake-up ends it. */
static enum rhea_status wait_for_client(struct chardev_backend *b, struct rhea_error *err)
{
	fprintf(stderr, "rhea: waiting for a connection on %s\n", b->label);
	while (b->in_fd < 0) {
		if (poll_set_wait_fd(b->set->polls, b->listen_fd, POLLIN, -1) < 0)
			return error_set(err, RHEA_ERR_HOST, "'%s': interrupted while waiting for a connection", b->label);
		chardev_socket_accept(b);
	}
	return RHEA_OK;
}

/* Binds or connects one address. The descriptor, or -1 with errno. */
static int socket_try(int family, const struct sockaddr *addr, socklen_t len, bool server)
{
	int one = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	if (server ? bind(fd, addr, len) == 0 && listen(fd, 1) == 0 : connect(fd, addr, len) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static enum rhea_status socket_opened(struct chardev_backend *b, int fd, const struct socket_spec *s,
				      struct rhea_error *err)
{
	if (fd < 0)
		return error_set(err, RHEA_ERR_HOST, "'%s': cannot %s: %s", b->label, s->server ? "listen" : "connect",
				 strerror(errno));
	b->is_socket = b->crlf = true;
	b->nodelay = s->nodelay;
	if (!s->server) {
		adopt(b, fd, s->nodelay);
		return RHEA_OK;
	}
	b->listen_fd = fd;
	return s->wait ? wait_for_client(b, err) : RHEA_OK;
}

enum rhea_status chardev_tcp_open(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	struct socket_spec s = {.wait = true};
	enum rhea_status st = parse_tcp(b, arg, &s, err);
	if (st)
		return st;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = s.server ? AI_PASSIVE : 0}, *list;
	hints.ai_family = s.ipv6_off ? AF_INET : s.ipv4_off ? AF_INET6 : AF_UNSPEC;
	int e = getaddrinfo(*s.host ? s.host : NULL, s.port, &hints, &list);
	if (e)
		return error_set(err, RHEA_ERR_HOST, "'%s': %s", b->label, gai_strerror(e));
	int fd = -1;
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = socket_try(a->ai_family, a->ai_addr, a->ai_addrlen, s.server);
	int saved = errno;
	freeaddrinfo(list);
	errno = saved;
	return socket_opened(b, fd, &s, err);
}

/* ---- unix ---- */

/* A socket left behind by an earlier run is in the way; anything else of that name stays. */
static void remove_stale(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

enum rhea_status chardev_unix_open(struct chardev_backend *b, const char *arg, struct rhea_error *err)
{
	struct socket_spec s = {.wait = true};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *end = arg + strcspn(arg, ",");
	if (end == arg || !copy_span(s.path, sizeof s.path, arg, end))
		return bad_spec(b, end == arg ? "the socket's path is missing" : "the socket's path is too long", err);
	enum rhea_status st = parse_options(b, end, &s, err);
	if (st)
		return st;
	memcpy(addr.sun_path, s.path, sizeof addr.sun_path);
	if (s.server)
		remove_stale(s.path);
	int fd = socket_try(AF_UNIX, (const struct sockaddr *)&addr, sizeof addr, s.server);
	s.nodelay = false;
	if (fd >= 0 && s.server)
		b->unlink_path = strdup(s.path);
	return socket_opened(b, fd, &s, err);
}
