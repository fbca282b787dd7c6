/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time and its timers: a short list sorted by deadline. */
#include <time.h>

#include "runtime/vclock.h"

#define FOLLOW_NS 10000000  /* long enough for the noise of the host's scheduler, short enough for a console */
#define FOLLOW_INSNS 1000u  /* fewer say nothing about the host */

uint64_t host_monotonic_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

void vclock_init(struct vclock *c, bool icount, unsigned shift, uint64_t (*insns)(void *opaque),
		 void (*deadline_moved)(void *opaque), void *opaque)
{
	*c = (struct vclock){
		.icount = icount,
		.shift = shift,
		.insns = insns,
		.deadline_moved = deadline_moved,
		.opaque = opaque,
		.host_start = host_monotonic_ns(),
	};
}

/* The host's time, as virtual time counts it. */
static uint64_t host_now(const struct vclock *c)
{
	return (c->stood_from ? c->stood_from : host_monotonic_ns()) - c->host_start;
}

uint64_t vclock_now(struct vclock *c)
{
	if (c->icount)
		return (c->insns(c->opaque) << c->shift) + c->warp;
	return host_now(c);
}

uint64_t vclock_ahead(struct vclock *c)
{
	uint64_t now = vclock_now(c), host = host_now(c);
	return now > host ? now - host : 0;
}

/* ns that `insns` instructions shall take which lately took `ran`, should the clock be `ahead` of the host's, or behind. */
static uint64_t pace(uint64_t ran, int64_t ahead)
{
	int64_t want = (int64_t)ran - ahead;
	return want < (int64_t)ran / 2 ? ran / 2 : MIN((uint64_t)want, 2 * ran);
}

void vclock_follow_host(struct vclock *c)
{
	uint64_t insns = c->insns(c->opaque), now = vclock_now(c);
	if (!c->followed.host) /* images were loaded until now */
		vclock_set_host_time(c, now);
	uint64_t host = host_now(c), past = host - c->followed.host, ran = past - MIN(past, c->warp - c->followed.warp);
	uint64_t done = insns - c->followed.insns;
	if (c->followed.host && past < FOLLOW_NS)
		return;
	if (c->followed.host && past < FOLLOW_NS * 10 && done >= FOLLOW_INSNS) { /* else the host was elsewhere, or the guest */
		uint64_t want = pace(ran, (int64_t)(now - host));
		unsigned shift = 0;
		while (shift < VCLOCK_MAX_SHIFT && 3 * (done << shift) < 2 * want) /* twice as much is nearer */
			shift++;
		c->shift = shift;
		c->warp = now - (insns << shift);
	}
	c->followed.host = MAX(host, 1);
	c->followed.insns = insns;
	c->followed.warp = c->warp;
}

void vclock_stop(struct vclock *c)
{
	if (!c->stood_from)
		c->stood_from = host_monotonic_ns();
}

void vclock_continue(struct vclock *c)
{
	if (c->stood_from)
		c->host_start += host_monotonic_ns() - c->stood_from;
	c->stood_from = 0;
}

void vtimer_init(struct vtimer *t, struct vclock *c, void (*fire)(void *opaque), void *opaque)
{
	*t = (struct vtimer){.fire = fire, .opaque = opaque, .clock = c, .older = c->all};
	c->all = t;
}

void vtimer_cancel(struct vtimer *t)
{
	if (!t->armed)
		return;
	struct vtimer **p = &t->clock->timers;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	t->armed = false;
}

static bool fires_before(const struct vtimer *a, const struct vtimer *b)
{
	return a->deadline < b->deadline || (a->deadline == b->deadline && a->order < b->order);
}

static void link_timer(struct vtimer *t)
{
	struct vtimer **p = &t->clock->timers;
	while (*p && fires_before(*p, t))
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

void vclock_relink(struct vclock *c)
{
	c->timers = NULL;
	for (struct vtimer *t = c->all; t; t = t->older)
		if (t->armed)
			link_timer(t);
}

void vclock_set_host_time(struct vclock *c, uint64_t ns)
{
	c->host_start = (c->stood_from ? c->stood_from : host_monotonic_ns()) - ns;
}

void vtimer_arm(struct vtimer *t, uint64_t deadline_ns)
{
	vtimer_cancel(t);
	t->deadline = deadline_ns;
	t->order = t->clock->n_armed++;
	t->armed = true;
	link_timer(t);
	if (t->clock->timers == t && t->clock->deadline_moved)
		t->clock->deadline_moved(t->clock->opaque);
}

void vclock_run_timers(struct vclock *c)
{
	if (!c->timers)
		return;
	/* Timers that arm themselves in the past get one turn each, not an endless one. */
	uint64_t now = vclock_now(c);
	for (unsigned turns = 0; c->timers && c->timers->deadline <= now && turns < 64; turns++) {
		struct vtimer *t = c->timers;
		vtimer_cancel(t);
		t->fire(t->opaque);
	}
}

void vclock_warp_to(struct vclock *c, uint64_t ns)
{
	uint64_t now = vclock_now(c);
	if (ns > now)
		c->warp += ns - now;
}

uint64_t vclock_insns_until(struct vclock *c, uint64_t ns, uint64_t limit)
{
	uint64_t now = vclock_now(c);
	if (ns <= now)
		return 0;
	uint64_t delta = ns - now;
	if (delta >> c->shift >= limit)
		return limit;
	return (delta + (UINT64_C(1) << c->shift) - 1) >> c->shift;
}
