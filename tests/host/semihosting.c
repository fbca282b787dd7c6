/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting calls over a fake guest memory, with honest and hostile parameters. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/semihosting.h"

#define RAM_BASE 0x1000u
#define RAM_SIZE 0x10000u
#define PARAM 0x1000u  /* where parameter blocks go */
#define NAME 0x1100u   /* where names go */
#define BUF 0x2000u
#define FAIL UINT32_MAX

struct guest {
	struct semihosting *s;
	uint8_t ram[RAM_SIZE];
	char out[4096], err[4096];
	const char *input;
	uint64_t now;
	int exits, code;
	char path[64];
};

static bool inside(uint32_t addr, uint32_t n)
{
	return addr >= RAM_BASE && (uint64_t)addr + n <= RAM_BASE + RAM_SIZE;
}

static bool guest_read(void *opaque, uint32_t addr, void *buf, uint32_t n)
{
	struct guest *g = opaque;
	if (!inside(addr, n))
		return false;
	memcpy(buf, g->ram + (addr - RAM_BASE), n);
	return true;
}

static bool guest_write(void *opaque, uint32_t addr, const void *buf, uint32_t n)
{
	struct guest *g = opaque;
	if (!inside(addr, n))
		return false;
	memcpy(g->ram + (addr - RAM_BASE), buf, n);
	return true;
}

static uint64_t guest_now(void *opaque)
{
	return ((struct guest *)opaque)->now;
}

static int64_t guest_time(void *opaque)
{
	(void)opaque;
	return 1234567890;
}

static void guest_exit(void *opaque, int code)
{
	struct guest *g = opaque;
	g->exits++;
	g->code = code;
}

static void console_write(void *opaque, enum semihosting_stream to, const uint8_t *buf, size_t n)
{
	struct guest *g = opaque;
	strncat(to == SEMIHOSTING_STDOUT ? g->out : g->err, (const char *)buf, n);
}

static size_t console_read(void *opaque, uint8_t *buf, size_t n)
{
	struct guest *g = opaque;
	size_t len = MIN(n, strlen(g->input));
	memcpy(buf, g->input, len);
	g->input += len;
	return len;
}

static const char *const args[] = {"prog.elf", "one", "two", NULL};

static int setup(void **state)
{
	struct guest *g = calloc(1, sizeof *g);
	struct semihosting_target t = {
		.opaque = g, .read = guest_read, .write = guest_write, .now_ns = guest_now, .time_s = guest_time,
		.exit = guest_exit, .console_write = console_write, .console_read = console_read,
		.heap_base = 0x11000, .heap_limit = 0x8000000, .args = args,
	};
	g->input = "";
	g->now = 5000000000;
	g->s = semihosting_new(&t);
	snprintf(g->path, sizeof g->path, "/tmp/rhea-test-semi-%d", (int)getpid());
	*state = g;
	return g->s ? 0 : -1;
}

static int teardown(void **state)
{
	struct guest *g = *state;
	semihosting_free(g->s);
	unlink(g->path);
	free(g);
	return 0;
}

static uint32_t call(struct guest *g, uint32_t op, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	uint32_t block[4] = {a, b, c, d};
	guest_write(g, PARAM, block, sizeof block);
	return semihosting_call(g->s, op, PARAM);
}

static uint32_t put_name(struct guest *g, uint32_t at, const char *name)
{
	guest_write(g, at, name, (uint32_t)strlen(name) + 1);
	return (uint32_t)strlen(name);
}

static uint32_t sh_open(struct guest *g, const char *name, uint32_t mode)
{
	return call(g, 0x01, NAME, mode, put_name(g, NAME, name), 0);
}

static uint32_t sh_errno(struct guest *g)
{
	return semihosting_call(g->s, 0x13, 0);
}

static uint32_t word(struct guest *g, uint32_t addr)
{
	uint32_t v = 0;
	assert_true(guest_read(g, addr, &v, 4));
	return v;
}

/* A failure means that file contents do not survive a round trip through the guest. */
static void files_round_trip(void **state)
{
	struct guest *g = *state;
	uint32_t h = sh_open(g, g->path, 6); /* w+ */
	assert_in_range(h, 1, 255);
	put_name(g, BUF, "hello, host");
	assert_int_equal(call(g, 0x05, h, BUF, 11, 0), 0);
	assert_int_equal(call(g, 0x0c, h, 0, 0, 0), 11);
	assert_int_equal(call(g, 0x09, h, 0, 0, 0), 0);
	assert_int_equal(call(g, 0x0a, h, 7, 0, 0), 0);
	memset(g->ram + BUF - RAM_BASE, 0, 64);
	assert_int_equal(call(g, 0x06, h, BUF, 100, 0), 96);
	assert_memory_equal(g->ram + BUF - RAM_BASE, "host", 5);
	assert_int_equal(call(g, 0x06, h, BUF, 100, 0), 100); /* end of file */
	assert_int_equal(call(g, 0x02, h, 0, 0, 0), 0);
	assert_int_equal(call(g, 0x02, h, 0, 0, 0), FAIL);
	assert_int_equal(sh_errno(g), EBADF);
}

/* A failure means that transfers larger than one piece lose bytes. */
static void large_transfers_are_complete(void **state)
{
	struct guest *g = *state;
	uint32_t h = sh_open(g, g->path, 6), n = 30001;
	for (uint32_t i = 0; i < n; i++)
		g->ram[BUF - RAM_BASE + i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(call(g, 0x05, h, BUF, n, 0), 0);
	uint8_t *copy = malloc(n);
	memcpy(copy, g->ram + BUF - RAM_BASE, n);
	memset(g->ram + BUF - RAM_BASE, 0, n);
	call(g, 0x0a, h, 0, 0, 0);
	assert_int_equal(call(g, 0x06, h, BUF, n, 0), 0);
	assert_memory_equal(g->ram + BUF - RAM_BASE, copy, n);
	free(copy);
}

/* A failure means that open modes do not do what fopen's do. */
static void open_modes(void **state)
{
	struct guest *g = *state;
	assert_int_equal(sh_open(g, g->path, 0), FAIL);
	assert_int_equal(sh_errno(g), ENOENT);
	uint32_t w = sh_open(g, g->path, 4);
	put_name(g, BUF, "abc");
	assert_int_equal(call(g, 0x05, w, BUF, 3, 0), 0);
	assert_int_equal(call(g, 0x06, w, BUF, 3, 0), 3); /* not readable */
	assert_int_equal(sh_errno(g), EBADF);
	uint32_t a = sh_open(g, g->path, 8);
	assert_int_equal(call(g, 0x05, a, BUF, 3, 0), 0);
	assert_int_equal(call(g, 0x0c, a, 0, 0, 0), 6);
	uint32_t r = sh_open(g, g->path, 0);
	assert_int_equal(call(g, 0x05, r, BUF, 3, 0), 3); /* not writable */
	assert_int_equal(sh_open(g, g->path, 12), FAIL);
	assert_int_equal(sh_errno(g), EINVAL);
}

/* A failure means that printf of newlib or picolibc shows nothing, or in the wrong place. */
static void console_streams(void **state)
{
	struct guest *g = *state;
	uint32_t in = sh_open(g, ":tt", 0), out = sh_open(g, ":tt", 4), err = sh_open(g, ":tt", 8);
	put_name(g, BUF, "text");
	assert_int_equal(call(g, 0x05, out, BUF, 4, 0), 0);
	assert_int_equal(call(g, 0x05, err, BUF, 2, 0), 0);
	assert_int_equal(semihosting_call(g->s, 0x04, BUF), 0);
	assert_int_equal(semihosting_call(g->s, 0x03, BUF + 1), 0);
	assert_string_equal(g->out, "text");
	assert_string_equal(g->err, "tetexte");
	assert_int_equal(call(g, 0x09, out, 0, 0, 0), 1);
	assert_int_equal(call(g, 0x0a, out, 0, 0, 0), FAIL);
	assert_int_equal(call(g, 0x05, in, BUF, 4, 0), 4);
	g->input = "xyz";
	assert_int_equal(semihosting_call(g->s, 0x07, 0), 'x');
	assert_int_equal(call(g, 0x06, in, BUF, 10, 0), 8);
	assert_memory_equal(g->ram + BUF - RAM_BASE, "yz", 2);
	assert_int_equal(call(g, 0x06, in, BUF, 10, 0), 10);
	assert_int_equal(semihosting_call(g->s, 0x07, 0), FAIL);
}

/* A failure means that programs that look for extensions do not find SYS_EXIT_EXTENDED. */
static void features_are_offered(void **state)
{
	struct guest *g = *state;
	static const uint8_t want[] = {'S', 'H', 'F', 'B', 3};
	uint32_t h = sh_open(g, ":semihosting-features", 0);
	assert_int_equal(call(g, 0x0c, h, 0, 0, 0), 5);
	assert_int_equal(call(g, 0x06, h, BUF, 16, 0), 11);
	assert_memory_equal(g->ram + BUF - RAM_BASE, want, 5);
	assert_int_equal(call(g, 0x0a, h, 4, 0, 0), 0);
	assert_int_equal(call(g, 0x06, h, BUF, 1, 0), 0);
	assert_int_equal(g->ram[BUF - RAM_BASE], 3);
	assert_int_equal(call(g, 0x0a, h, 6, 0, 0), FAIL);
	assert_int_equal(call(g, 0x05, h, BUF, 1, 0), 1);
	assert_int_equal(sh_open(g, ":semihosting-features", 4), FAIL);
}

/* A failure means that the guest's exit status is not ours. */
static void exit_codes(void **state)
{
	struct guest *g = *state;
	semihosting_call(g->s, 0x18, 0x20026);
	assert_int_equal(g->code, 0);
	semihosting_call(g->s, 0x18, 0x20023);
	assert_int_equal(g->code, 1);
	call(g, 0x20, 0x20026, 42, 0, 0);
	assert_int_equal(g->code, 42);
	call(g, 0x20, 0x20024, 42, 0, 0);
	assert_int_equal(g->code, 1);
	assert_int_equal(g->exits, 4);
}

static void time_calls(void **state)
{
	struct guest *g = *state;
	g->now += UINT64_C(6000000000);
	assert_int_equal(semihosting_call(g->s, 0x10, 0), 600);
	assert_int_equal(semihosting_call(g->s, 0x11, 0), 1234567890);
	assert_int_equal(semihosting_call(g->s, 0x30, BUF), 0);
	assert_int_equal(word(g, BUF), (uint32_t)UINT64_C(6000000000));
	assert_int_equal(word(g, BUF + 4), 1);
	assert_int_equal(semihosting_call(g->s, 0x31, 0), 1000000000);
	assert_int_equal(semihosting_call(g->s, 0x30, 0), FAIL);
}

static void command_line_and_heap(void **state)
{
	struct guest *g = *state;
	assert_int_equal(call(g, 0x15, BUF, 17, 0, 0), 0);
	assert_string_equal((char *)g->ram + BUF - RAM_BASE, "prog.elf one two");
	assert_int_equal(word(g, PARAM + 4), 16);
	assert_int_equal(call(g, 0x15, BUF, 16, 0, 0), FAIL);
	assert_int_equal(call(g, 0x16, BUF, 0, 0, 0), 0);
	assert_int_equal(word(g, BUF), 0x11000);
	assert_int_equal(word(g, BUF + 4), 0x8000000);
	assert_int_equal(word(g, BUF + 8), 0x8000000);
	assert_int_equal(word(g, BUF + 12), 0x11000);
	semihosting_set_heap(g->s, 1, 2);
	call(g, 0x16, BUF, 0, 0, 0);
	assert_int_equal(word(g, BUF), 1);
}

static void names_and_shell(void **state)
{
	struct guest *g = *state;
	char other[80];
	snprintf(other, sizeof other, "%s.b", g->path);
	close(open(g->path, O_CREAT | O_RDWR, 0600));
	uint32_t n1 = put_name(g, NAME, g->path), n2 = put_name(g, BUF, other);
	assert_int_equal(call(g, 0x0f, NAME, n1, BUF, n2), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(call(g, 0x0e, BUF, n2, 0, 0), 0);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(call(g, 0x0e, BUF, n2, 0, 0), FAIL);
	assert_int_equal(sh_errno(g), ENOENT);
	assert_int_equal(call(g, 0x0d, BUF, 7, 100, 0), 0);
	assert_memory_equal(g->ram + BUF - RAM_BASE, "/tmp/rhea-", 10);
	assert_int_equal(call(g, 0x0d, BUF, 7, 3, 0), FAIL);
	assert_int_equal(call(g, 0x12, NAME, put_name(g, NAME, "exit 3"), 0, 0), 0x300);
	assert_int_equal(call(g, 0x08, 0x80000000, 0, 0, 0), 1);
	assert_int_equal(call(g, 0x08, 0x7fffffff, 0, 0, 0), 0);
}

/* A failure means that a hostile guest reaches beyond its memory, its handles, or our patience. */
static void hostile_parameters(void **state)
{
	struct guest *g = *state;
	static const uint32_t addrs[] = {0, 0xffc, RAM_BASE + RAM_SIZE - 3, 0x80000000, 0xfffffffc, 0xffffffff};
	uint32_t h = sh_open(g, g->path, 6);
	for (uint32_t op = 0; op < 0x40; op++)
		for (unsigned i = 0; i < ARRAY_LEN(addrs); i++)
			if (op != 0x12)
				semihosting_call(g->s, op, addrs[i]);
	for (unsigned i = 0; i < ARRAY_LEN(addrs); i++) {
		assert_int_equal(call(g, 0x01, addrs[i], 0, 5, 0), FAIL);
		assert_in_range(call(g, 0x05, h, addrs[i], 8, 0), 5, 8); /* row 2 has three good bytes */
		assert_in_range(call(g, 0x06, h, addrs[i], 8, 0), 5, 8);
		assert_int_equal(call(g, 0x15, addrs[i], 100, 0, 0), FAIL);
		assert_int_equal(call(g, 0x02, addrs[i], 0, 0, 0), FAIL);
	}
	assert_int_equal(call(g, 0x05, h, BUF, 0xffffffff, 0), 0xffffffff - (RAM_BASE + RAM_SIZE - BUF));
	assert_int_equal(sh_errno(g), EFAULT);
	uint32_t z = sh_open(g, "/dev/zero", 0);
	assert_true(call(g, 0x06, z, BUF, 0xffffffff, 0) >= 0xffffffff - RAM_SIZE);
	assert_int_equal(call(g, 0x01, NAME, 0, 0xffffffff, 0), FAIL);
	assert_int_equal(sh_errno(g), ENAMETOOLONG);
	put_name(g, NAME, "/dev/null");
	assert_int_equal(call(g, 0x01, NAME, 0, 3, 0), FAIL); /* the length is not the string's */
	assert_int_equal(sh_errno(g), EINVAL);
	assert_int_equal(semihosting_call(g->s, 0x77, 0), FAIL);
	memset(g->ram, 'a', RAM_SIZE);
	g->err[0] = '\0';
	g->ram[RAM_SIZE - 1] = 0; /* a string may end with memory */
	assert_int_equal(semihosting_call(g->s, 0x04, RAM_BASE + RAM_SIZE - 5), 0);
	assert_string_equal(g->err, "aaaa");
	g->ram[RAM_SIZE - 1] = 'a';
	assert_int_equal(semihosting_call(g->s, 0x04, RAM_BASE + RAM_SIZE - 5), FAIL);
}

/* A failure means that a guest that leaks handles takes the host's, or that a reset keeps them. */
static void handles_run_out_and_come_back(void **state)
{
	struct guest *g = *state;
	int before = dup(0), after;
	close(before);
	unsigned n = 0;
	while (sh_open(g, "/dev/null", 0) != FAIL)
		assert_true(++n < 1000);
	assert_int_equal(sh_errno(g), EMFILE);
	assert_int_equal(n, 255);
	semihosting_reset(g->s);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(sh_open(g, "/dev/null", 0), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(files_round_trip), T(large_transfers_are_complete), T(open_modes), T(console_streams),
		T(features_are_offered), T(exit_codes), T(time_calls), T(command_line_and_heap),
		T(names_and_shell), T(hostile_parameters), T(handles_run_out_and_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
