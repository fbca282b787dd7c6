/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -icount: a run is a function of the image. An interrupt-driven guest is run in every way, whole and in pieces, and
 * must be in the same state at the same instruction. A failure means that something of the host, or of
 * how code is cut into blocks and slices, leaks into the guest.
 *
 * RHEA_GUEST_DIR: where the images of tests/guest were built; without them only the guest written here runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/runtime/busy.h"

static void start(struct guest *g, const struct guest_way *way, unsigned shift)
{
	struct rhea_config cfg = way->cfg;
	cfg.icount = cfg.icount_no_sleep = true;
	cfg.icount_shift = shift;
	guest_init(g, &cfg);
	busy_put(g);
}

static void run_to(struct guest *g, uint64_t insns, uint64_t piece)
{
	while (rhea_insn_count(g->m) < insns)
		guest_step(g, MIN(piece, insns - rhea_insn_count(g->m)));
}

#define TOTAL 40000u

static void same_state_in_every_way(void **state)
{
	static const unsigned shifts[] = {0, 3, 5};
	static const uint64_t pieces[] = {TOTAL, 1, 7, 1000};
	(void)state;
	for (unsigned s = 0; s < ARRAY_LEN(shifts); s++) {
		struct busy_state want;
		bool first = true;
		EACH_WAY(way)
			for (unsigned p = 0; p < ARRAY_LEN(pieces); p++) {
				struct guest g;
				start(&g, way, shifts[s]);
				run_to(&g, TOTAL, pieces[p]);
				struct busy_state got = busy_state(&g);
				print_message("%s, shift %u, pieces of %llu: %u interrupts\n", way->name, shifts[s],
					      (unsigned long long)pieces[p], got.n_log);
				if (first) {
					want = got;
					assert_true(got.n_log > 100 && got.fired > 50);
				}
				first = false;
				busy_assert_same(&got, &want);
				guest_free(&g);
			}
	}
}

/* Two machines side by side, compared at every step; odd steps, so that slices end everywhere. */
static void same_state_at_every_step(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest a, b;
		start(&a, way, 2);
		start(&b, way, 2);
		for (unsigned step = 0; step < 300; step++) {
			uint64_t n = 1 + step * 37 % 211;
			guest_step(&a, n);
			guest_step(&b, n);
			struct busy_state sa = busy_state(&a), sb = busy_state(&b);
			busy_assert_same(&sa, &sb);
		}
		guest_free(&a);
		guest_free(&b);
	}
}

/* ---- images of tests/guest ----------------------------------------------------------------------- */

struct console {
	uint64_t hash;
	unsigned n;
};

static void console_write(void *opaque, const uint8_t *buf, size_t len)
{
	struct console *c = opaque;
	for (size_t i = 0; i < len; i++)
		c->hash = (c->hash ^ buf[i]) * UINT64_C(0x100000001b3);
	c->n += (unsigned)len;
}

struct image_run {
	struct busy_state state;
	struct console console;
	enum rhea_event_kind end;
};

/* Runs the image for at most `limit` instructions in pieces. */
static struct image_run run_image(const char *path, const struct guest_way *way, uint64_t limit, uint64_t piece)
{
	struct image_run r = {.end = RHEA_EVENT_BUDGET};
	struct rhea_config cfg = way->cfg;
	struct rhea_error err = {0};
	struct rhea_event ev;
	cfg.machine = "versatilepb";
	cfg.icount = cfg.icount_no_sleep = true;
	cfg.icount_shift = 4;
	cfg.semihosting = RHEA_SEMIHOSTING_ON;
	cfg.rtc_base_set = true;
	struct guest g = {.m = rhea_new(&cfg, &err)};
	if (!g.m || rhea_serial_callback(g.m, 0, console_write, &r.console, &err) || rhea_load_kernel(g.m, path, &err))
		fail_msg("%s", err.msg);
	while (r.end == RHEA_EVENT_BUDGET && rhea_insn_count(g.m) < limit) {
		rhea_run(g.m, MIN(piece, limit - rhea_insn_count(g.m)), &ev);
		r.end = ev.kind;
	}
	r.state = busy_state(&g);
	rhea_free(g.m);
	return r;
}

static void image_is_the_same_in_every_way(const char *name)
{
	const char *dir = getenv("RHEA_GUEST_DIR");
	char path[1000];
	snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", name);
	if (access(path, R_OK) != 0) {
		print_message("%s is not there: skipped\n", path);
		return;
	}
	struct image_run want = {0};
	EACH_WAY(way) {
		bool slow = way->cfg.accel != RHEA_ACCEL_JIT || way->cfg.one_insn_per_tb;
		for (uint64_t piece = slow ? 1000 : 100; piece <= 1000000000; piece *= slow ? 1000000 : 10000000) {
			struct image_run got = run_image(path, way, 100000000, piece);
			print_message("%s: %s, pieces of %llu: %llu instructions, %u bytes\n", name, way->name,
				      (unsigned long long)piece, (unsigned long long)got.state.insns, got.console.n);
			assert_int_equal(got.end, RHEA_EVENT_EXIT);
			if (!want.state.insns)
				want = got;
			busy_assert_same(&got.state, &want.state);
			assert_int_equal(got.console.n, want.console.n);
			assert_true(got.console.hash == want.console.hash);
		}
	}
}

static void timer_image(void **state)
{
	(void)state;
	image_is_the_same_in_every_way("timer.O2.arm.elf");
	image_is_the_same_in_every_way("timer.Os.thumb.elf");
}

static void sched_image(void **state)
{
	(void)state;
	image_is_the_same_in_every_way("sched.O2.arm.elf");
	image_is_the_same_in_every_way("sched.Os.thumb.elf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_state_in_every_way),
		cmocka_unit_test(same_state_at_every_step),
		cmocka_unit_test(timer_image),
		cmocka_unit_test(sched_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
