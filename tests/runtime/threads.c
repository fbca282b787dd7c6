/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping from elsewhere, and machines side by side in threads of their own. A failure means that a stop is lost or late, or
 * that machines share state; `meson setup -Db_sanitize=thread` makes the latter visible at the access.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "tests/runtime/busy.h"

#define CODE 0x1000u
#define PATIENCE_NS UINT64_C(5000000000)

static void nap(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	nanosleep(&ts, NULL);
}

/* What the guest does while it is to be stopped. */
enum doing { SPINNING, LOOPING, WAITING, DOINGS };

static void start(struct guest *g, const struct rhea_config *cfg, enum doing doing)
{
	guest_init(g, cfg);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_put(g, a_mov(11, GUEST_IO));
	switch (doing) {
	case SPINNING:
		guest_put(g, A32_SPIN);
		break;
	case LOOPING:
		guest_put(g, a_add(0, 0, 1));
		guest_put(g, a_ldr(1, 11, IO_NOW));
		guest_put(g, a_b(g->at, g->at + 4));
		guest_put(g, a_b(g->at, CODE + 4));
		break;
	case WAITING: /* for a timer of 4 seconds: with nothing at all to wait for, the run would end by itself */
		guest_li(g, 0, 4000000000u);
		guest_put(g, a_str(0, 11, IO_TIMER));
		guest_put(g, a_wfi(1));
		guest_put(g, A32_SPIN);
		break;
	case DOINGS:
		break;
	}
}

struct stopper {
	struct rhea *m;
	uint64_t after_ns;
};

static void *stop_later(void *opaque)
{
	const struct stopper *s = opaque;
	nap(s->after_ns);
	rhea_stop(s->m);
	return NULL;
}

static void run_until_stopped(struct guest *g)
{
	struct rhea_event ev;
	uint64_t from = host_monotonic_ns();
	rhea_run(g->m, 0, &ev);
	assert_int_equal(ev.kind, RHEA_EVENT_STOP);
	assert_true(host_monotonic_ns() - from < PATIENCE_NS);
}

static void stopped_by_another_thread(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2 * DOINGS; i++) {
			struct guest g;
			struct rhea_config cfg = way->cfg;
			pthread_t t;
			cfg.icount = i & 1;
			start(&g, &cfg, (enum doing)(i / 2));
			for (unsigned round = 0; round < 3; round++) {
				struct stopper s = {g.m, 1000000 * round};
				assert_int_equal(pthread_create(&t, NULL, stop_later, &s), 0);
				run_until_stopped(&g);
				pthread_join(t, NULL);
			}
			guest_free(&g);
		}
}

/* Many stops at awkward moments: none is lost. */
static void no_stop_is_lost(void **state)
{
	struct guest g;
	(void)state;
	start(&g, &(struct rhea_config){0}, LOOPING);
	for (unsigned i = 0; i < 500; i++) {
		pthread_t t;
		struct stopper s = {g.m, i * 997 % 200000};
		assert_int_equal(pthread_create(&t, NULL, stop_later, &s), 0);
		run_until_stopped(&g);
		pthread_join(t, NULL);
	}
	guest_free(&g);
}

/* A stop between two runs ends the next one before its first instruction; the one after that runs. */
static void stop_before_a_run(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		struct rhea_event ev;
		start(&g, &way->cfg, SPINNING);
		rhea_stop(g.m);
		rhea_stop(g.m);
		rhea_run(g.m, 100, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_int_equal(ev.insns, 0);
		guest_step(&g, 100);
		guest_free(&g);
	}
}

/* A budget that no run reaches is none, also when the count so far makes it overflow. */
static void huge_budget_is_no_budget(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		struct rhea_event ev;
		pthread_t t;
		start(&g, &way->cfg, SPINNING);
		guest_step(&g, 100);
		struct stopper s = {g.m, 2000000};
		assert_int_equal(pthread_create(&t, NULL, stop_later, &s), 0);
		rhea_run(g.m, UINT64_MAX, &ev);
		pthread_join(t, NULL);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_true(ev.insns > 0);
		guest_free(&g);
	}
}

/* ---- signals ------------------------------------------------------------------------------------- */

static struct rhea *volatile to_stop; /* a signal handler has no argument */

static void on_alarm(int sig)
{
	(void)sig;
	rhea_stop(to_stop);
}

static void stopped_by_a_signal_handler(void **state)
{
	struct sigaction old, act = {.sa_handler = on_alarm};
	(void)state;
	sigaction(SIGALRM, &act, &old);
	EACH_WAY(way)
		for (enum doing doing = 0; doing < DOINGS; doing++) {
			struct guest g;
			const struct itimerval soon = {.it_value = {.tv_usec = 3000}};
			start(&g, &way->cfg, doing);
			to_stop = g.m;
			setitimer(ITIMER_REAL, &soon, NULL);
			run_until_stopped(&g);
			guest_free(&g);
		}
	sigaction(SIGALRM, &old, NULL);
}

/* A storm of signals that stop nothing: system calls are interrupted, the guest is not. */
static void on_noise(int sig)
{
	(void)sig;
}

static void signals_do_not_disturb(void **state)
{
	struct sigaction old, act = {.sa_handler = on_noise};
	const struct itimerval often = {.it_value = {.tv_usec = 200}, .it_interval = {.tv_usec = 200}}, never = {0};
	(void)state;
	sigaction(SIGALRM, &act, &old);
	EACH_WAY(way) {
		struct guest calm, noisy;
		struct rhea_config cfg = way->cfg;
		cfg.icount = true; /* sleeps in WFI */
		cfg.icount_shift = 4;
		guest_init(&calm, &cfg);
		guest_init(&noisy, &cfg);
		busy_put(&calm);
		busy_put(&noisy);
		guest_step(&calm, 100000);
		setitimer(ITIMER_REAL, &often, NULL);
		guest_step(&noisy, 100000);
		setitimer(ITIMER_REAL, &never, NULL);
		struct busy_state a = busy_state(&noisy), b = busy_state(&calm);
		busy_assert_same(&a, &b);
		guest_free(&calm);
		guest_free(&noisy);
	}
	sigaction(SIGALRM, &old, NULL);
}

/* ---- machines in threads ------------------------------------------------------------------------- */

struct worker {
	struct rhea_config cfg;
	unsigned machines, pieces;
	struct busy_state state;
};

/* Makes, runs and frees several machines; all end in the same state. */
static void *work(void *opaque)
{
	struct worker *w = opaque;
	for (unsigned i = 0; i < w->machines; i++) {
		struct guest *g = malloc(sizeof *g);
		struct rhea_event ev;
		guest_init(g, &w->cfg);
		busy_put(g);
		for (unsigned p = 0; p < w->pieces; p++)
			rhea_run(g->m, 60000 / w->pieces, &ev);
		w->state = busy_state(g);
		guest_free(g);
		free(g);
	}
	return NULL;
}

static void machines_in_threads(void **state)
{
	struct worker alone = {.cfg = {.icount = true, .icount_no_sleep = true, .icount_shift = 3}, .machines = 1, .pieces = 1};
	struct worker w[6];
	pthread_t t[ARRAY_LEN(w)];
	(void)state;
	work(&alone);
	for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
		w[i] = alone;
		w[i].machines = 4;
		w[i].pieces = i & 1 ? 100 : 1;
		w[i].cfg.accel = (enum rhea_accel)(i % 3);
		w[i].cfg.codegen_seed = i / 3 * 11;
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
		pthread_join(t[i], NULL);
		busy_assert_same(&w[i].state, &alone.state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopped_by_another_thread),
		cmocka_unit_test(no_stop_is_lost),
		cmocka_unit_test(stop_before_a_run),
		cmocka_unit_test(huge_budget_is_no_budget),
		cmocka_unit_test(stopped_by_a_signal_handler),
		cmocka_unit_test(signals_do_not_disturb),
		cmocka_unit_test(machines_in_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
