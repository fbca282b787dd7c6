/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed IMAGE: the library as a stranger uses it: include/rhea.h, librhea.so and nothing else of ours. The hello image on
 * machines inside this process, its serial port in our memory, and a device of our own.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rhea.h>

static const char hello[] = "Hello world!\n";

/* What a serial port has printed. */
struct text {
	struct rhea *m; /* stopped when all of `hello` is here; NULL: not */
	char bytes[256];
	size_t n;
};

static void collect(void *opaque, const uint8_t *buf, size_t len)
{
	struct text *t = opaque;
	size_t n = len < sizeof t->bytes - 1 - t->n ? len : sizeof t->bytes - 1 - t->n;
	memcpy(t->bytes + t->n, buf, n);
	t->n += n;
	t->bytes[t->n] = '\0';
	if (t->m && t->n >= sizeof hello - 1)
		rhea_stop(t->m);
}

static struct rhea *machine(const struct rhea_config *cfg, const char *image, struct text *t)
{
	struct rhea_error err;
	struct rhea *m = rhea_new(cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	*t = (struct text){.m = m};
	if ((image && rhea_load_kernel(m, image, &err)) || rhea_serial_callback(m, 0, collect, t, &err))
		fail_msg("%s", err.msg);
	return m;
}

/* Failure: the example in the header's first comment does not work. */
static void hello_says_its_line(void **state)
{
	for (unsigned accel = RHEA_ACCEL_JIT; accel <= RHEA_ACCEL_LOCKSTEP; accel++) {
		const struct rhea_config cfg = {.machine = "versatilepb", .accel = (enum rhea_accel)accel};
		struct rhea_event ev;
		struct text t;
		struct rhea *m = machine(&cfg, *state, &t);
		rhea_run(m, 0, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_STOP);
		assert_string_equal(t.bytes, hello);
		assert_true(ev.insns > 0 && ev.insns == rhea_insn_count(m));
		rhea_reset(m);
		t.n = 0;
		rhea_run(m, 0, &ev);
		assert_string_equal(t.bytes, hello);
		rhea_free(m);
	}
}

static void *run_one(void *image)
{
	const struct rhea_config cfg = {.machine = "versatilepb"};
	struct rhea_error err;
	struct rhea_event ev;
	struct text t = {0};
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		return NULL;
	t.m = m;
	if (!rhea_load_kernel(m, image, &err) && !rhea_serial_callback(m, 0, collect, &t, &err))
		rhea_run(m, 0, &ev);
	rhea_free(m);
	return strcmp(t.bytes, hello) == 0 ? image : NULL;
}

/* Failure: machines in threads of their own disturb each other. */
static void machines_run_in_threads(void **state)
{
	pthread_t threads[4];
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_one, *state), 0);
	for (unsigned i = 0; i < 4; i++) {
		void *result;
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, *state);
	}
}

static void *stop_later(void *m)
{
	usleep(50000);
	rhea_stop(m);
	return NULL;
}

/* Failure: a machine that spins, or waits for an interrupt, cannot be stopped from another thread. */
static void stop_works_from_a_thread(void **state)
{
	static const uint32_t spin[] = {0xeafffffe}, wait[] = {0xee070f90, 0xeafffffd};
	(void)state;
	for (unsigned waits = 0; waits < 2; waits++)
		for (unsigned accel = RHEA_ACCEL_JIT; accel <= RHEA_ACCEL_LOCKSTEP; accel++) {
			const struct rhea_config cfg = {.machine = "versatilepb", .accel = (enum rhea_accel)accel};
			struct rhea_error err;
			struct rhea_event ev;
			struct text t;
			pthread_t thread;
			struct rhea *m = machine(&cfg, NULL, &t);
			char spec[64];
			/* an input that may bring something one day, so that waiting makes sense */
			snprintf(spec, sizeof spec, "unix:/tmp/rhea-embed-%d,server=on,wait=off", (int)getpid());
			assert_int_equal(rhea_serial_open(m, 1, spec, &err), RHEA_OK);
			assert_int_equal(rhea_load_bytes(m, 0x10000, waits ? wait : spin, waits ? sizeof wait : sizeof spin,
							 true, &err), RHEA_OK);
			assert_int_equal(pthread_create(&thread, NULL, stop_later, m), 0);
			rhea_run(m, 0, &ev);
			pthread_join(thread, NULL);
			assert_int_equal(ev.kind, RHEA_EVENT_STOP);
			rhea_free(m);
		}
}

/*
 * A timer that fires every 100 us while the loop counts its turns in r0:
 * each turn is three instructions, so the count tells how many were really executed.
 */
static const uint32_t counting_with_timer[] = {
	0xe59f1020, /* ldr r1, =0x101e2000 (timer 0) */
	0xe3a02064, /* mov r2, #100 (us) */
	0xe5812000, /* str r2, [r1] (load) */
	0xe3a020e2, /* mov r2, #0xe2 (on, periodic, interrupt, 32 bits) */
	0xe5812008, /* str r2, [r1, #8] */
	0xe59f3010, /* ldr r3, =0x10140000 (interrupt controller) */
	0xe3a02010, /* mov r2, #16 (timer 0 is line 4) */
	0xe5832010, /* str r2, [r3, #16] (enable) */
	0xe2800001, /* loop: add r0, r0, #1 */
	0xea000001, /* b next */
	0x101e2000,
	0x10140000,
	0xe581200c, /* next: str r2, [r1, #12] (acknowledge) */
	0xeafffff9, /* b loop */
};
#define COUNTING_BEFORE 8 /* instructions before the loop */
#define COUNTING_TURN 4   /* and in one turn */

/* Failure: interrupts make the machine run more or fewer instructions than it was told to, or than it says. */
static void budgets_are_exact_with_interrupts(void **state)
{
	(void)state;
	for (unsigned accel = RHEA_ACCEL_JIT; accel <= RHEA_ACCEL_LOCKSTEP; accel++)
		for (unsigned pieces = 1; pieces <= 1001; pieces += 1000) {
			const struct rhea_config cfg = {.machine = "versatilepb", .accel = (enum rhea_accel)accel,
							.icount = true, .icount_shift = 5};
			const uint64_t total = COUNTING_BEFORE + 100000 * COUNTING_TURN;
			struct rhea_error err;
			struct rhea_event ev;
			struct text t;
			uint32_t r0, pc;
			struct rhea *m = machine(&cfg, NULL, &t);
			assert_int_equal(rhea_load_bytes(m, 0x10000, counting_with_timer, sizeof counting_with_timer, true,
							 &err), RHEA_OK);
			for (uint64_t done = 0; done < total; done += ev.insns) {
				uint64_t n = total / pieces + 1 < total - done ? total / pieces + 1 : total - done;
				rhea_run(m, n, &ev);
				assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
				assert_int_equal(ev.insns, n);
			}
			assert_int_equal(rhea_insn_count(m), total);
			assert_int_equal(rhea_virtual_ns(m), total << 5);
			rhea_read_reg(m, 0, &r0);
			rhea_read_reg(m, RHEA_REG_PC, &pc);
			assert_int_equal(pc, 0x10020);
			assert_int_equal(r0, 100000);
			rhea_free(m);
		}
}

struct printed {
	char text[4096];
	size_t n;
};

static void print(void *opaque, const char *text)
{
	struct printed *p = opaque;
	p->n += (size_t)snprintf(p->text + p->n, sizeof p->text - p->n, "%s", text);
	if (p->n >= sizeof p->text)
		p->n = sizeof p->text - 1;
}

/* Failure: the monitor through the library does not answer as on the console. */
static void monitor_answers(void **state)
{
	const struct rhea_config cfg = {.machine = "versatilepb"};
	struct text t;
	struct rhea_event ev;
	struct rhea *m = machine(&cfg, *state, &t);
	rhea_run(m, 0, &ev);
	for (unsigned paused = 0; paused < 2; paused++) {
		struct printed p = {0};
		rhea_monitor(m, "info status", print, &p);
		assert_string_equal(p.text, paused ? "VM status: paused\n" : "VM status: running\n");
		rhea_monitor(m, "stop", print, &p);
	}
	struct printed p = {0};
	rhea_monitor(m, "quit", print, &p);
	rhea_run(m, 0, &ev); /* paused, and asked to quit: the latter counts */
	assert_int_equal(ev.kind, RHEA_EVENT_EXIT);
	rhea_free(m);
}

/* Failure: a mistake of the caller is no error with a message. */
static void mistakes_are_errors(void **state)
{
	const struct rhea_config none = {0}, wrong = {.machine = "versatile"}, cfg = {.machine = "versatilepb"};
	struct rhea_error err = {0};
	struct text t;
	assert_null(rhea_new(&none, &err));
	assert_int_equal(err.status, RHEA_ERR_USAGE);
	assert_null(rhea_new(&wrong, &err));
	assert_non_null(strstr(err.msg, "versatilepb"));
	assert_null(rhea_new(&wrong, NULL));
	struct rhea *m = machine(&cfg, *state, &t);
	uint32_t word;
	assert_int_equal(rhea_load_kernel(m, "/nonexistent", &err), RHEA_ERR_FILE);
	assert_int_equal(rhea_load_kernel(m, "/nonexistent", NULL), RHEA_ERR_FILE);
	assert_int_equal(rhea_load_bytes(m, 0x20000000, &word, sizeof word, false, NULL), RHEA_ERR_IMAGE);
	assert_int_equal(rhea_serial_open(m, 4, "null", &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_serial_input(m, 1, (const uint8_t *)"x", 1, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_map_ram(m, 0x100, 4096, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_map_ram(m, 0x100, 4096, NULL), RHEA_ERR_USAGE);
	assert_int_equal(rhea_read_reg(m, 18, &word), RHEA_ERR_USAGE);
	assert_int_equal(rhea_read_phys(m, 0x101f1000, &word, sizeof word), RHEA_ERR_MEMORY);
	assert_int_equal(rhea_read_phys(m, UINT64_MAX, &word, sizeof word), RHEA_ERR_MEMORY);
	assert_int_equal(rhea_log_items(m, "in_asm,nonsense", &err), RHEA_ERR_USAGE);
	rhea_free(m);
	rhea_free(NULL);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(hello_says_its_line, argv[1]),
		cmocka_unit_test_prestate(machines_run_in_threads, argv[1]),
		cmocka_unit_test(stop_works_from_a_thread),
		cmocka_unit_test(budgets_are_exact_with_interrupts),
		cmocka_unit_test_prestate(monitor_answers, argv[1]),
		cmocka_unit_test_prestate(mistakes_are_errors, argv[1]),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
