/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes from a debugger. Text between newlines becomes a packet with the right checksum, so that the
 * fuzzer gets past it; a line that begins with '!' is sent as it is. The guest runs a little whenever it may, and has a history: what
 * was done to it must come out the same when it is done again. Every answer is a well-formed packet. No host file is touched: open, unlink and readlink are wrapped. Build with -Dfuzz=true and clang;
 * run ./fuzz-gdb CORPUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/input_log.h"
#include "api/rewind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_unlink(const char *path);
ssize_t __wrap_readlink(const char *path, char *buf, size_t n);

/* Lives as long as the process; a fuzz target is called back without an argument. */
static struct fixture {
	struct rhea *m;
	struct chardev line;
	struct gdb *g;
	bool paused;
	enum gdb_run how;
} f;

int __wrap_open(const char *path, int flags, ...)
{
	(void)path;
	return __real_open("/dev/null", flags & (O_ACCMODE | O_CLOEXEC));
}

int __wrap_unlink(const char *path)
{
	(void)path;
	errno = ENOENT;
	return -1;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t n)
{
	(void)path;
	memset(buf, '}', n);
	return (ssize_t)n;
}

static bool is_paused(void *opaque)
{
	(void)opaque;
	return f.paused;
}

static void on_pause(void *opaque)
{
	(void)opaque;
	f.paused = true;
}

static void on_resume(void *opaque, enum gdb_run how)
{
	(void)opaque;
	f.paused = false;
	f.how = how;
}

static void on_nothing(void *opaque)
{
	(void)opaque;
}

static void on_monitor(void *opaque, const char *line, void (*print)(void *ctx, const char *text), void *ctx)
{
	(void)opaque;
	print(ctx, line);
}

static bool on_wait(void *opaque)
{
	(void)opaque;
	return false;
}

static void on_reverse(void *opaque, bool step)
{
	struct rhea_error err;
	bool found = false;
	(void)opaque;
	enum rhea_status st = step ? rewind_step(f.m, &found, &err) : rewind_to_stop(f.m, GDB_STOP_OWNERS, &found, &err);
	if (st || f.m->input_log->diverged)
		abort();
	if (step && found)
		(void)gdb_steps_back_on(f.g);
	f.paused = true;
	gdb_stopped(f.g, !found ? GDB_STOP_NO_HISTORY : step ? GDB_STOP_TRAP : GDB_STOP_HIT);
}

/* Acknowledgements and whole packets, nothing else. */
static void on_write(struct chardev *c, const uint8_t *buf, unsigned n)
{
	uint8_t sum = 0;
	char tail[3];
	(void)c;
	if (n == 1 && (*buf == '+' || *buf == '-'))
		return;
	if (n < 4 || buf[0] != '$' || buf[n - 3] != '#' || memchr(buf + 1, '#', n - 4) || memchr(buf + 1, '$', n - 4))
		abort();
	for (unsigned i = 1; i < n - 3; i++)
		sum = (uint8_t)(sum + buf[i]);
	snprintf(tail, sizeof tail, "%02x", sum);
	if (memcmp(tail, buf + n - 2, 2) != 0)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint32_t code[] = {0xe3a00a02, 0xe5801000, 0xe5902004, 0xe2811001, 0xeafffffb};
	struct rhea_config cfg = {.machine = "none", .no_window = true, .icount = true, .icount_shift = 3, .icount_no_sleep = true};
	struct rhea_error err;
	(void)argc, (void)argv;
	f.m = rhea_new(&cfg, &err);
	if (!f.m || rhea_map_ram(f.m, 0, 0x10000, &err) || rhea_write_phys(f.m, 0x1000, code, sizeof code))
		return 1;
	f.line.write = on_write;
	return 0;
}

static void receive(const char *text, size_t n)
{
	f.line.receive(f.line.dev, (const uint8_t *)text, (unsigned)n);
}

static void send_packet(const char *text, size_t n)
{
	uint8_t sum = 0;
	char tail[4];
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + (uint8_t)text[i]);
	snprintf(tail, sizeof tail, "#%02x", sum);
	receive("$", 1);
	receive(text, n);
	receive(tail, 3);
}

static void run_a_little(void)
{
	if (f.paused)
		return;
	enum vcpu_stop why = f.how != GDB_RUN_ON && f.m->vcpu->replays ? vcpu_walk_step(f.m->vcpu) : f.how == GDB_RUN_STEP ? vcpu_step(f.m->vcpu) : vcpu_run(f.m->vcpu, f.how == GDB_RUN_ON ? 50 : 1);
	rewind_note(f.m);
	if (why == VCPU_STOP_BUDGET && gdb_steps_on(f.g))
		return;
	f.paused = true;
	gdb_stopped(f.g, why == VCPU_STOP_HIT ? GDB_STOP_HIT : GDB_STOP_TRAP);
}

/* All of the history, from its beginning: to the state that it ended with, unless that is one in the middle of an instruction. */
static void do_again(void)
{
	struct vcpu *v = f.m->vcpu;
	struct rhea_event ev;
	bool whole = !v->n_io && v->stops.last_hit.insns != vcpu_insns(v) && !f.m->input_log->keeper.replays;
	struct moment last = rewind_now(f.m);
	uint64_t hash = machine_state_hash(f.m, true);
	if (rewind_to(f.m, rewind_first(f.m), NULL))
		abort();
	while (vcpu_insns(v) < last.insns && !f.m->input_log->diverged)
		if (vcpu_run(v, last.insns - vcpu_insns(v)) == VCPU_STOP_REQUEST)
			machine_handle_requests(f.m, &ev);
	vcpu_walk_entries(v, last.entries);
	if (f.m->input_log->diverged || (whole && machine_state_hash(f.m, true) != hash))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gdb_target t = {
		.opaque = f.m, .no_history = machine_no_history, .reverse = on_reverse, .poke = machine_poke, .poked = machine_poked,
		.vcpu = f.m->vcpu, .as = f.m->as, .is_paused = is_paused, .pause = on_pause, .resume = on_resume,
		.reset = on_nothing, .quit = on_nothing, .monitor = on_monitor, .wait = on_wait,
	};
	vcpu_reset(f.m->vcpu);
	f.m->vcpu->cpu->pc = 0x1000;
	f.paused = false;
	f.how = GDB_RUN_ON;
	f.g = gdb_new(&t, &f.line);
	if (!f.g || rewind_start(f.m, 100, 0, NULL))
		return 0;
	const char *p = (const char *)data, *end = p + size;
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		if (n && *p == '!')
			receive(p + 1, n - 1);
		else
			send_packet(p, n);
		run_a_little();
		p += n + 1;
	}
	f.line.connected(f.line.dev, false);
	if (f.m->vcpu->stops.n)
		abort(); /* a client that is gone left breakpoints */
	do_again();
	rewind_stop(f.m);
	gdb_free(f.g);
	return 0;
}
