/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time under icount: order of timers, warps, instructions until a deadline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "runtime/vclock.h"

struct world {
	struct vclock clock;
	uint64_t insns;
	unsigned moved;
	char fired[16];
	unsigned n_fired;
	struct vtimer a, b;
};

static uint64_t insns(void *opaque)
{
	return ((struct world *)opaque)->insns;
}

static void moved(void *opaque)
{
	((struct world *)opaque)->moved++;
}

static void fire_a(void *opaque)
{
	struct world *w = opaque;
	w->fired[w->n_fired++] = 'a';
}

static void fire_b(void *opaque)
{
	struct world *w = opaque;
	w->fired[w->n_fired++] = 'b';
	vtimer_arm(&w->b, w->b.deadline + 100);
}

static void world_init(struct world *w)
{
	*w = (struct world){0};
	vclock_init(&w->clock, true, 3, insns, moved, w);
	vtimer_init(&w->a, &w->clock, fire_a, w);
	vtimer_init(&w->b, &w->clock, fire_b, w);
}

/* Failure: a device's timer fires early, twice, or in the wrong order. */
static void timers_fire_once_in_order(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	vtimer_arm(&w.a, 800);
	vtimer_arm(&w.b, 400);
	assert_int_equal(w.moved, 2);
	assert_int_equal(vclock_deadline(&w.clock), 400);
	w.insns = 49;
	vclock_run_timers(&w.clock);
	assert_int_equal(w.n_fired, 0);
	w.insns = 50;
	vclock_run_timers(&w.clock);
	assert_string_equal(w.fired, "b");
	w.insns = 100;
	vclock_run_timers(&w.clock);
	assert_string_equal(w.fired, "bbbbab");
	vtimer_cancel(&w.b);
	vtimer_cancel(&w.b);
	assert_int_equal(vclock_deadline(&w.clock), UINT64_MAX);
}

/* Failure: slices end before or behind their deadline. */
static void counts_instructions_until_a_deadline(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	w.insns = 10;
	assert_int_equal(vclock_now(&w.clock), 80);
	assert_int_equal(vclock_insns_until(&w.clock, 80, 1000), 0);
	assert_int_equal(vclock_insns_until(&w.clock, 81, 1000), 1);
	assert_int_equal(vclock_insns_until(&w.clock, 96, 1000), 2);
	assert_int_equal(vclock_insns_until(&w.clock, UINT64_MAX - 1, 1000), 1000);
	vclock_warp_to(&w.clock, 1000);
	assert_int_equal(vclock_now(&w.clock), 1000);
	vclock_warp_to(&w.clock, 500);
	assert_int_equal(vclock_now(&w.clock), 1000);
}

/* Ten milliseconds of the host, in which the guest does `insns` instructions and sleeps for `slept` ns. */
static void ten_ms_pass(struct world *w, uint64_t insns, uint64_t slept)
{
	w->clock.host_start -= 10000000;
	w->insns += insns;
	w->clock.warp += slept;
	uint64_t before = vclock_now(&w->clock);
	vclock_follow_host(&w->clock);
	assert_int_equal(vclock_now(&w->clock), before);
}

static int64_t ahead(struct world *w)
{
	return (int64_t)(vclock_now(&w->clock) + w->clock.host_start - w->clock.stood_from);
}

/* Failure: with shift=auto virtual time jumps when the shift changes, or drifts from the host's, or sleep is taken for work. */
static void time_follows_the_host(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	w.insns = 1;
	vclock_stop(&w.clock); /* the host's time is what the test makes it, however busy the machine */
	w.clock.host_start -= 5000000000; /* long before the first instruction: images are loaded */
	vclock_follow_host(&w.clock);
	assert_int_equal(ahead(&w), 0);
	ten_ms_pass(&w, 10000000, 0); /* an instruction took 1 ns, and 8 of virtual time */
	assert_int_equal(w.clock.shift, 0);
	for (unsigned i = 0; i < 100; i++)
		ten_ms_pass(&w, 10000000 / 6, 0); /* 6 ns: now 4, now 8 */
	assert_in_range(w.clock.shift, 2, 3);
	assert_in_range(ahead(&w) + 100000000, 80000000, 120000000);
	for (unsigned i = 0; i < 100; i++)
		ten_ms_pass(&w, 100000, 9600000); /* 4 ns, and mostly asleep */
	assert_in_range(w.clock.shift, 1, 3);
	assert_in_range(ahead(&w) + 100000000, 80000000, 120000000);
	w.clock.host_start -= 1000000000; /* the host was away for a second: twice as fast, not a thousand times */
	ten_ms_pass(&w, 2500000, 0);
	assert_in_range(w.clock.shift, 1, 3);
	ten_ms_pass(&w, 2500000, 0);
	assert_int_equal(w.clock.shift, 3);
}

/* Failure: what is asked for while the machine is paused (sendkey) happens too late, by as long as the pause was. */
static void stopped_time_stands(void **state)
{
	const struct timespec pause = {0, 20000000};
	struct world w;
	(void)state;
	world_init(&w);
	vclock_init(&w.clock, false, 0, NULL, NULL, NULL);
	vclock_stop(&w.clock);
	uint64_t at = vclock_now(&w.clock);
	nanosleep(&pause, NULL);
	assert_int_equal(vclock_now(&w.clock), at);
	uint64_t before = host_monotonic_ns();
	vclock_continue(&w.clock);
	uint64_t now = vclock_now(&w.clock);
	assert_in_range(now, at, at + (host_monotonic_ns() - before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_once_in_order),
		cmocka_unit_test(counts_instructions_until_a_deadline),
		cmocka_unit_test(stopped_time_stands),
		cmocka_unit_test(time_follows_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
