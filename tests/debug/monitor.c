/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's answers as golden texts: what Debian's qemu-system-arm 7.2 prints for the same commands where both
 * have them. A failure means that a user's command or script sees something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "debug/monitor.h"

static const uint32_t words[] = { 0xe3a00001, 0xe3a01002, 0xea000000, 0xe1a00000, 0xe0802001, 0xea000000,
				  2, 0xffffffff, 0xffff8000, 0xffffffff };

struct fixture {
	struct address_space *as;
	struct tlb_tables *tables;
	struct arm_cpu cpu;
	struct log log;
	struct monitor_target t;
	char out[8192];
	char requests[64];
	char user[256]; /* what was asked of keyboard, mouse and screen */
};

static void collect(void *opaque, const char *text)
{
	struct fixture *f = opaque;
	size_t n = strlen(f->out);
	snprintf(f->out + n, sizeof f->out - n, "%s", text);
}

static void on_request(void *opaque, enum monitor_request what)
{
	static const char letters[] = { [MONITOR_QUIT] = 'q', [MONITOR_RESET] = 'r', [MONITOR_STOP] = 's',
					[MONITOR_CONT] = 'c' };
	struct fixture *f = opaque;
	f->requests[strlen(f->requests)] = letters[what];
}

static bool on_history(void *opaque, enum rhea_history when, struct rhea_error *err)
{
	(void)opaque, (void)when;
	return !error_set(err, RHEA_ERR_USAGE, "no history");
}

static void on_info_jit(void *opaque, void (*line)(void *ctx, const char *line), void *ctx)
{
	(void)opaque;
	line(ctx, "TB count            7");
	line(ctx, "that is all");
}

static bool on_key(void *opaque, const char *keys, unsigned hold_ms, struct rhea_error *err)
{
	struct fixture *f = opaque;
	snprintf(f->user, sizeof f->user, "key %s %u", keys, hold_ms);
	return !strcmp(keys, "bad") ? error_set(err, RHEA_ERR_USAGE, "invalid parameter: bad") == RHEA_OK : true;
}

static bool on_move(void *opaque, int dx, int dy, int dz, struct rhea_error *err)
{
	struct fixture *f = opaque;
	(void)err;
	snprintf(f->user, sizeof f->user, "move %d %d %d", dx, dy, dz);
	return true;
}

static bool on_buttons(void *opaque, unsigned buttons, struct rhea_error *err)
{
	struct fixture *f = opaque;
	(void)err;
	snprintf(f->user, sizeof f->user, "buttons %u", buttons);
	return true;
}

static bool on_screendump(void *opaque, const char *path, const char *format, struct rhea_error *err)
{
	struct fixture *f = opaque;
	(void)err;
	snprintf(f->user, sizeof f->user, "screen %s %s", path ? path : "-", format ? format : "-");
	return true;
}

static bool on_save(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	struct fixture *f = opaque;
	(void)err;
	snprintf(f->user, sizeof f->user, "save %s", path);
	progress->show(progress->opaque, 50);
	return true;
}

static bool on_load(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	struct fixture *f = opaque;
	(void)progress;
	snprintf(f->user, sizeof f->user, "load %s", path);
	return error_set(err, RHEA_ERR_IMAGE, "%s: damaged", path) == RHEA_OK;
}

static bool on_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	(void)opaque, (void)access, (void)space;
	*out = (struct mem_walk){ .pa = GPA(va.v), .page_bits = 32 };
	return true;
}

static enum mem_result reg_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	(void)dev, (void)size;
	*value = off;
	return MEM_OK;
}

static int setup(void **state)
{
	static const struct mem_ops ops = { .read = reg_read };
	struct fixture *f = calloc(1, sizeof *f);
	struct softmmu_owner owner = { .opaque = f, .walk = on_walk, .probe = on_walk };
	f->as = as_new(MEM_ERROR, NULL, NULL);
	as_map_ram(f->as, GPA(0), 0x8000000, "versatile.ram", NULL);
	as_map_mmio(f->as, GPA(0x10000000), 0x1000, &ops, f, "arm-sysctl", NULL);
	as_write(f->as, GPA(0x10000), words, sizeof words);
	f->tables = mmap(NULL, sizeof *f->tables, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
	f->cpu.pc = 0x10004;
	f->cpu.r[3] = 0x101f1000;
	f->cpu.cpsr = 0x1d3;
	f->t = (struct monitor_target){ .opaque = f, .cpu = &f->cpu, .mmu = softmmu_new(f->as, f->tables, &owner, NULL),
					.as = f->as, .log = &f->log, .request = on_request, .info_jit = on_info_jit, .info_history = on_info_jit, .history = on_history, .send_key = on_key,
					.move_mouse = on_move, .press_buttons = on_buttons,
					.screendump = on_screendump, .save = on_save, .load = on_load };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	softmmu_free(f->t.mmu);
	as_free(f->as);
	munmap(f->tables, sizeof *f->tables);
	free(f);
	return 0;
}

static const char *run(struct fixture *f, const char *line)
{
	f->out[0] = 0;
	monitor_command(&f->t, line, collect, f);
	return f->out;
}

#define TRY(cmd) "Try \"help " cmd "\" for more information\n"

static void commands_answer(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "", "" },
		{ "  \n", "" },
		{ "foo", "unknown command: 'foo'\n" },
		{ "/", "unknown command: ''\n" },
		{ "info foo", "unknown command: 'info foo'\n" },
		{ "help foo", "unknown command: 'foo'\n" },
		{ "help xp", "xp /fmt addr -- dump memory at physical address 'addr'\n" },
		{ "xp", "unexpected end of expression\n" TRY("xp") },
		{ "xp /4xw 0x10000", "0000000000010000: 0xe3a00001 0xe3a01002 0xea000000 0xe1a00000\n" },
		{ "xp/4xw 0x10000\n", "0000000000010000: 0xe3a00001 0xe3a01002 0xea000000 0xe1a00000\n" },
		{ "  xp   /2xw    0x10018  ", "0000000000010018: 0x00000002 0xffffffff\n" },
		{ "xp /3xh 0x10000", "0000000000010000: 0x0001 0xe3a0 0x1002\n" },
		{ "xp /9xb 0x10000", "0000000000010000: 0x01 0x00 0xa0 0xe3 0x02 0x10 0xa0 0xe3\n0000000000010008: 0x00\n" },
		{ "xp /2xg 0x10000", "0000000000010000: 0xe3a01002e3a00001 0xe1a00000ea000000\n" },
		{ "xp 0x10000", "0000000000010000: 0xe3a00001\n" },
		{ "xp /x 0x10018", "0000000000010018: 0x00000002\n" },
		{ "xp /0xw 0", "" },
		{ "xp /2uw 0x10000", "0000000000010000: 3818913793 3818917890\n" },
		{ "xp /3u 0x10018", "0000000000010018:          2 4294967295 4294934528\n" },
		{ "xp /3d 0x10018", "0000000000010018:          2         -1     -32768\n" },
		{ "xp /3db 0x10018", "0000000000010018:   2   0   0\n" },
		{ "xp /3uh 0x10018", "0000000000010018:     2     0 65535\n" },
		{ "xp /2dg 0x10018", "0000000000010018:          -4294967294               -32768\n" },
		{ "xp /2ug 0x10018", "0000000000010018: 18446744069414584322 18446744073709518848\n" },
		{ "xp /3ow 0x10000", "0000000000010000: 034350000001 034350010002 035200000000\n" },
		{ "xp /2ob 0x10018", "0000000000010018:  02   0\n" },
		{ "xp /2oh 0x10018", "0000000000010018:     02      0\n" },
		{ "xp /4cb 0x10000", "0000000000010000: '\\x01' '\\x00' '\\xa0' '\\xe3'\n" },
		{ "xp /2cw 0x10018", "0000000000010018: '\\x02' '\\x00' '\\x00' '\\x00' '\\xff' '\\xff' '\\xff' '\\xff'\n" },
		{ "xp /2i 0x10000", "0x00010000:  e3a00001  mov      r0, #1\n0x00010004:  e3a01002  mov      r1, #2\n" },
		{ "xp /2i 0x7fffffc", "0x07fffffc:  00000000  andeq    r0, r0, r0\n0x08000000: unable to read memory\n" },
		{ "x /2i $pc", "0x00010004:  e3a01002  mov      r1, #2\n0x00010008:  ea000000  b        #0x10010\n" },
		{ "x /4xw 0x10000+8", "00010008: 0xea000000 0xe1a00000 0xe0802001 0xea000000\n" },
		{ "x /2xw 0xffffffff-3", "fffffffc: Cannot access memory\n" },
		{ "x /xw 0x10000000", "10000000: Cannot access memory\n" }, /* no device is touched */
		{ "xp /2xw 0x10000004", "0000000010000004: 0x00000004 0x00000008\n" },
		{ "xp /4xw 0x50000000", "0000000050000000: Cannot access memory\n" },
		{ "xp /xw 0x123450000000", "0000123450000000: Cannot access memory\n" },
		{ "xp /s 0x10000", "invalid char in format: 's'\n" TRY("xp") },
		{ "xp /4", "unexpected end of expression\n" TRY("xp") },
		{ "xp /4xw 0x10000 5", "xp: extraneous characters at the end of line\n" TRY("xp") },
		{ "xp /x zz", "invalid char 'z' in expression\n" TRY("xp") },
		{ "xp /x (0x10000", "')' expected\n" TRY("xp") },
		{ "xp /x 1/0", "division by zero\n" TRY("xp") },
		{ "p", "unexpected end of expression\n" TRY("p") },
		{ "p 1+2", "3\n" },
		{ "p 7-9", "-2\n" },
		{ "print /x 7-9", "0xfffffffffffffffe\n" },
		{ "p /u 0-1", "18446744073709551615\n" },
		{ "p /o 8", "010\n" },
		{ "p /c 65", "'A'\n" },
		{ "p /c 10", "'\\n'\n" },
		{ "p 'A'", "65\n" },
		{ "p ~1", "-2\n" },
		{ "p 5%3", "2\n" },
		{ "p 2*(3+4)", "14\n" },
		{ "p 2*3+4", "10\n" },
		{ "p -0x7fffffffffffffff-1", "-9223372036854775808\n" },
		{ "p (0-0x7fffffffffffffff-1)/(0-1)", "-9223372036854775808\n" },
		{ "p /x $r3", "0x101f1000\n" },
		{ "p /x $cpsr", "0x1d3\n" },
		{ "p $r16", "unknown register\n" TRY("p") },
		{ "p $", "unknown register\n" TRY("p") },
		{ "p 1<<2", "print|p: extraneous characters at the end of line\n" TRY("p") },
		{ "p 99999999999999999999999", "number too large\n" TRY("p") },
		{ "quit x", "quit|q: extraneous characters at the end of line\n" TRY("quit") },
		{ "c 4", "cont|c: extraneous characters at the end of line\n" TRY("c") },
		{ "info status x", "info status: extraneous characters at the end of line\n" TRY("info status") },
		{ "info status", "VM status: running\n" },
		{ "info registers", "\nCPU#0\n"
		  "R00=00000000 R01=00000000 R02=00000000 R03=101f1000\n"
		  "R04=00000000 R05=00000000 R06=00000000 R07=00000000\n"
		  "R08=00000000 R09=00000000 R10=00000000 R11=00000000\n"
		  "R12=00000000 R13=00000000 R14=00000000 R15=00010004\n"
		  "PSR=000001d3 ---- A svc32\n" },
		{ "info jit", "TB count            7\nthat is all\n" },
		{ "info mtree", "address-space: memory\n"
		  "  0000000000000000-0000000007ffffff (prio 0, ram): versatile.ram\n"
		  "  0000000010000000-0000000010000fff (prio 0, i/o): arm-sysctl\n\n" },
		{ "log", "log: string expected\n" TRY("log") },
	};
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].line);
		assert_string_equal(run(f, rows[i].line), rows[i].answer);
	}
	assert_string_equal(f->requests, "");
}

static void requests_reach_the_machine(void **state)
{
	struct fixture *f = *state;
	static const char *const lines[] = { "stop", "s", "cont", "c", "system_reset", "quit", "q\n" };
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		assert_string_equal(run(f, lines[i]), "");
	assert_string_equal(f->requests, "ssccrqq");
}

static void log_items_are_set(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(run(f, "log in_asm,int"), "");
	assert_int_equal(f->log.mask, LOG_in_asm | LOG_int);
	assert_non_null(strstr(run(f, "log in_asm,opp"), "unknown log item 'opp': did you mean 'op'?"));
	assert_non_null(strstr(f->out, "\nnone            remove all logs\n"));
	assert_int_equal(f->log.mask, LOG_in_asm | LOG_int);
	run(f, "log none");
	assert_int_equal(f->log.mask, 0);
	assert_non_null(strstr(run(f, "help log"), "\nguest_errors    "));
}

static void help_lists_every_command(void **state)
{
	static const char *const names[] = { "\nhelp|?", "\ninfo ", "\nlog ", "\nquit|q", "\nstop", "\nsystem_reset", "\nx ",
					     "\nxp " };
	struct fixture *f = *state;
	run(f, "help");
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		assert_non_null(strstr(f->out, names[i]));
	assert_true(strncmp(f->out, "cont|c  -- ", 11) == 0);
	assert_non_null(strstr(run(f, "info"), "info registers  -- "));
	assert_non_null(strstr(run(f, "help info"), "info mtree  -- "));
}

/* A failure means that a script's keys, mouse or pictures go wrong. */
static void users_actions_are_passed_on(void **state)
{
	static const struct {
		const char *line, *user, *answer;
	} rows[] = {
		{ "sendkey ctrl-alt-f1", "key ctrl-alt-f1 100", "" },
		{ "sendkey a 20", "key a 20", "" },
		{ "sendkey a 0x10*2", "key a 32", "" },
		{ "sendkey a 0-5", "key a 0", "" },
		{ "sendkey bad", "key bad 100", "invalid parameter: bad\n" },
		{ "sendkey", "", "sendkey: string expected\n" TRY("sendkey") },
		{ "sendkey a 1 2", "", "sendkey: extraneous characters at the end of line\n" TRY("sendkey") },
		{ "sendkey a x", "", "invalid char 'x' in expression\n" TRY("sendkey") },
		{ "mouse_move 5 -3", "move 5 -3 0", "" },
		{ "mouse_move 0 0 1", "move 0 0 1", "" },
		{ "mouse_move 9999999999 0", "move 100000 0 0", "" },
		{ "mouse_move 1", "", "mouse_move: number expected\n" TRY("mouse_move") },
		{ "mouse_button 7", "buttons 7", "" },
		{ "mouse_button", "", "mouse_button: number expected\n" TRY("mouse_button") },
		{ "savevm /tmp/a b", "", "savevm: extraneous characters at the end of line\n" TRY("savevm") },
		{ "savevm", "", "savevm: file name expected\n" TRY("savevm") },
		{ "savevm /tmp/a.b", "save /tmp/a.b", "50 %\n" },
		{ "loadvm a", "load a", "a: damaged\n" },
		{ "screendump", "screen - -", "" },
		{ "screendump /a/b.png", "screen /a/b.png -", "" },
		{ "screendump -f ppm x", "screen x ppm", "" },
		{ "screendump x -f gif", "", "screendump: expected a file name and perhaps -f png or -f ppm\n" TRY("screendump") },
		{ "screendump x y", "", "screendump: expected a file name and perhaps -f png or -f ppm\n" TRY("screendump") },
	};
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		f->user[0] = 0;
		assert_string_equal(run(f, rows[i].line), rows[i].answer);
		assert_string_equal(f->user, rows[i].user);
	}
}

/* Whatever is typed: an answer, in bounded time and space. */
static void strange_lines_are_survived(void **state)
{
	static const char alphabet[] = "xp /i4cwg0123$r()+-*/%'~ \t\n\\qi\xff";
	struct fixture *f = *state;
	char line[3000];
	memset(line, '(', sizeof line);
	line[0] = 'p';
	line[1] = ' ';
	line[sizeof line - 1] = 0;
	assert_string_equal(run(f, line), "expression too deep\n" TRY("p"));
	memset(line, 'a', sizeof line - 1);
	run(f, line);
	srand(1);
	print_message("seed 1\n");
	for (unsigned i = 0; i < 20000; i++) {
		unsigned n = (unsigned)rand() % 40, start = 0;
		if (rand() & 1)
			start = (unsigned)snprintf(line, sizeof line, rand() & 1 ? "xp /%d" : "p ", rand() % 20);
		for (unsigned k = start; k < start + n; k++)
			line[k] = alphabet[(unsigned)rand() % (sizeof alphabet - 1)];
		line[start + n] = 0;
		memset(f->requests, 0, sizeof f->requests);
		run(f, line);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(commands_answer),
		TEST(requests_reach_the_machine),
		TEST(log_items_are_set),
		TEST(help_lists_every_command),
		TEST(users_actions_are_passed_on),
		TEST(strange_lines_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
