/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's poll loop: collects descriptors and deadlines, waits once, lets everyone look. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "host/pollset.h"

struct poll_set {
	struct pollable *first;
	struct pollfd *fds; /* [0] is wake_fd */
	unsigned n, room;
	uint64_t timeout_ns;
	int wake_fd;
	bool waited, failed; /* outcome of the last wait: revents are valid; poll itself failed */
};

struct poll_set *poll_set_new(void)
{
	struct poll_set *set = calloc(1, sizeof *set);
	if (!set)
		return NULL;
	set->room = 16;
	set->fds = calloc(set->room, sizeof *set->fds);
	set->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (set->fds && set->wake_fd >= 0)
		return set;
	poll_set_free(set);
	return NULL;
}

void poll_set_free(struct poll_set *set)
{
	if (!set)
		return;
	if (set->wake_fd >= 0)
		close(set->wake_fd);
	free(set->fds);
	free(set);
}

void poll_set_add(struct poll_set *set, struct pollable *p)
{
	p->next = set->first;
	set->first = p;
}

void poll_set_remove(struct poll_set *set, struct pollable *p)
{
	for (struct pollable **at = &set->first; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			return;
		}
	}
}

int poll_set_watch(struct poll_set *set, int fd, short events)
{
	if (set->n == set->room) {
		struct pollfd *more = realloc(set->fds, 2 * set->room * sizeof *more);
		if (!more)
			return -1;
		set->fds = more;
		set->room *= 2;
	}
	set->fds[set->n] = (struct pollfd){.fd = fd, .events = events};
	return (int)set->n++;
}

void poll_set_limit(struct poll_set *set, uint64_t ns)
{
	set->timeout_ns = MIN(set->timeout_ns, ns);
}

uint64_t poll_set_timeout(const struct poll_set *set)
{
	return set->timeout_ns;
}

short poll_set_ready(const struct poll_set *set, int watch)
{
	return watch >= 0 && set->waited ? set->fds[watch].revents : 0;
}

bool poll_set_failed(const struct poll_set *set)
{
	return set->failed;
}

static void wake_clear(struct poll_set *set)
{
	uint64_t count;
	while (read(set->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
		;
}

void poll_set_wait(struct poll_set *set, uint64_t timeout_ns)
{
	set->n = 0;
	set->timeout_ns = timeout_ns;
	poll_set_watch(set, set->wake_fd, POLLIN);
	for (struct pollable *p = set->first; p; p = p->next)
		p->prepare(p->opaque, set);
	uint64_t ns = set->timeout_ns;
	struct timespec ts = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	int n = ppoll(set->fds, set->n, ns == POLL_FOREVER ? NULL : &ts, NULL);
	set->waited = n > 0;
	set->failed = n < 0 && errno != EINTR;
	if (n > 0 && set->fds[0].revents)
		wake_clear(set);
	for (struct pollable *p = set->first; p; p = p->next)
		p->handle(p->opaque, set);
}

void poll_set_wake(struct poll_set *set)
{
	int saved = errno; /* runs inside signal handlers */
	uint64_t one = 1;
	if (write(set->wake_fd, &one, sizeof one) < 0) {
		/* full: a wake-up is pending already */
	}
	errno = saved;
}

bool poll_set_can_input(const struct poll_set *set)
{
	for (const struct pollable *p = set->first; p; p = p->next)
		if (p->can_input(p->opaque))
			return true;
	return false;
}

int poll_set_wait_fd(const struct poll_set *set, int fd, short events, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = set->wake_fd, .events = POLLIN}};
	int n = poll(p, 2, timeout_ms);
	return n <= 0 ? n : p[0].revents ? 1 : -1;
}
