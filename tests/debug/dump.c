/* SPDX-License-Identifier: Apache-2.0 */
/* The -d dumps of one block as golden texts. A failure means that what readers of the logs know has
 * changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "debug/dump.h"
#include "frontend-arm/translate.h"

/* add r0, pc, #1; bx r0; not an instruction */
static const uint8_t arm_code[] = { 1, 0, 0x8f, 0xe2, 0x10, 0xff, 0x2f, 0xe1, 0xff, 0xff, 0xff, 0xff };
/* movs r0, #1; bl; the first half of another bl */
static const uint8_t thumb_code[] = { 1, 0x20, 0, 0xf0, 1, 0xf8, 0, 0xf0 };

static const uint8_t host_bytes[] = {
	0x83, 0x6d, 0x10, 0x02,                                      /* 00 sub dword [rbp+0x10], 2 */
	0x78, 0x1c,                                                  /* 04 js 0x22 */
	0x41, 0x89, 0xc0,                                            /* 06 mov r8d, eax */
	0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8,                          /* 09 mov rax, imm64 */
	0xe8, 0x00, 0x10, 0x00, 0x00,                                /* 13 call out of the block */
	0x48, 0x8d, 0x05, 0x00, 0x00, 0x10, 0x00,                    /* 18 lea rax, far away */
	0xc5, 0xf8, 0x77,                                            /* 1f vzeroupper */
	0x06,                                                        /* 22 no 64-bit instruction */
	0xeb, 0xdb,                                                  /* 23 jmp 0 */
};

struct fixture {
	char *text;
	size_t size;
	struct log log;
	struct symbols *syms;
	struct dump *dump;
	struct observer obs;
	struct arena arena;
	struct ir_unit unit;
	uint32_t marks[2];
	struct x64_code host;
	struct tb_view tb;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->log.out = open_memstream(&f->text, &f->size);
	f->syms = symbols_new();
	symbols_add(f->syms, "start", 0x10000, 8);
	f->dump = dump_new(&f->log, f->syms);
	dump_observer(f->dump, &f->obs);
	ir_unit_init(&f->unit, &arm_guest, &f->arena);
	ir_block_start(&f->unit, ir_block_new(&f->unit));
	ir_insn(&f->unit, 0x10000);
	ir_set(&f->unit, ARM_G_r0, ir_const(&f->unit, IR_I32, 0x10009));
	ir_insn(&f->unit, 0x10004);
	ir_exit_ind(&f->unit, IR_LINK_JUMP, ir_get(&f->unit, ARM_G_r0), 0);
	f->marks[0] = 6;
	f->marks[1] = 0x13;
	f->host = (struct x64_code){ .code = 0x7f0000001000, .size = sizeof host_bytes, .slow_start = 0x22, .n_marks = 2,
				     .mark = f->marks };
	f->tb = (struct tb_view){ .pc_key = 0x10000, .tb_flags = 0x21, .guest_code = arm_code,
				  .guest_bytes = sizeof arm_code, .unit = &f->unit, .host = &f->host,
				  .host_code = host_bytes };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	fclose(f->log.out);
	f->log.out = NULL;
	log_close(&f->log);
	dump_free(f->dump);
	symbols_free(f->syms);
	arena_free(&f->arena);
	free(f->text);
	free(f);
	return 0;
}

/* The text since the last call is `want`. */
static void expect(struct fixture *f, const char *want)
{
	fflush(f->log.out);
	assert_string_equal(f->text, want);
	fseek(f->log.out, 0, SEEK_SET);
	fflush(f->log.out);
}

static void guest_code_is_shown(void **state)
{
	struct fixture *f = *state;
	f->log.mask = LOG_in_asm;
	f->obs.translated(f->dump, &f->tb);
	f->obs.optimised(f->dump, &f->tb);
	f->obs.compiled(f->dump, &f->tb);
	expect(f, "----------------\n"
		  "IN: start\n"
		  "0x00010000:  e28f0001  add      r0, pc, #1\n"
		  "0x00010004:  e12fff10  bx       r0\n"
		  "0x00010008:  ffffffff  .word    0xffffffff\n"
		  "\n");
}

static void thumb_code_is_shown(void **state)
{
	struct fixture *f = *state;
	f->log.mask = LOG_in_asm;
	f->tb.pc_key = 0x20001;
	f->tb.guest_code = thumb_code;
	f->tb.guest_bytes = sizeof thumb_code;
	f->obs.translated(f->dump, &f->tb);
	expect(f, "----------------\n"
		  "IN: \n"
		  "0x00020000:  2001       movs     r0, #1\n"
		  "0x00020002:  f000 f801  bl       #0x20008\n"
		  "0x00020006:  f000       .short   0xf000\n"
		  "\n");
}

static void ir_is_shown_before_and_after(void **state)
{
	struct fixture *f = *state;
	f->log.mask = LOG_op | LOG_op_opt;
	f->obs.translated(f->dump, &f->tb);
	f->obs.optimised(f->dump, &f->tb);
	fflush(f->log.out);
	assert_true(strncmp(f->text, "OP:\n ---- 00010000\n", 19) == 0);
	assert_non_null(strstr(f->text, "\n\nOP after optimization:\n ---- 00010000\n"));
}

static void host_code_is_shown(void **state)
{
	struct fixture *f = *state;
	f->log.mask = LOG_out_asm;
	f->obs.compiled(f->dump, &f->tb);
	expect(f, "OUT: [size=37]\n"
		  "  -- guest addr 0x00010000 + tb prologue\n"
		  "0x7f0000001000:  83 6d 10 02              sub      dword ptr [rbp+0x10], 0x2\n"
		  "0x7f0000001004:  78 1c                    js       0x7f0000001022\n"
		  "0x7f0000001006:  41 89 c0                 mov      r8d, eax\n"
		  "0x7f0000001009:  48 b8 01 02 03 04 05 06  mov      rax, 0x807060504030201\n"
		  "0x7f0000001011:  07 08\n"
		  "  -- guest addr 0x00010004\n"
		  "0x7f0000001013:  e8 00 10 00 00           call     0x7f0000002018\n"
		  "0x7f0000001018:  48 8d 05 00 00 10 00     lea      rax, [0x7f000010101f]\n"
		  "0x7f000000101f:  c5 f8 77                 vzeroupper\n"
		  "  -- tb slow paths + alignment\n"
		  "0x7f0000001022:  06                       .byte    0x06\n"
		  "0x7f0000001023:  eb db                    jmp      0x7f0000001000\n"
		  "\n");
}

/* For golden files: nothing of the host's addresses is left. */
static void relative_host_code_is_the_same_in_every_run(void **state)
{
	struct fixture *f = *state;
	f->log.mask = LOG_out_asm | LOG_exec;
	dump_set_relative(f->dump, true);
	f->obs.compiled(f->dump, &f->tb);
	expect(f, "OUT: [size=37]\n"
		  "  -- guest addr 0x00010000 + tb prologue\n"
		  "0x0000:  83 6d 10 02              sub      dword ptr [rbp+0x10], 0x2\n"
		  "0x0004:  78 1c                    js       0x22\n"
		  "0x0006:  41 89 c0                 mov      r8d, eax\n"
		  "0x0009:  48 b8 .. .. .. .. .. ..  mov      rax, <host>\n"
		  "0x0011:  .. ..\n"
		  "  -- guest addr 0x00010004\n"
		  "0x0013:  e8 .. .. .. ..           call     <host>\n"
		  "0x0018:  48 8d 05 .. .. .. ..     lea      rax, [<host>]\n"
		  "0x001f:  c5 f8 77                 vzeroupper\n"
		  "  -- tb slow paths + alignment\n"
		  "0x0022:  06                       .byte    0x06\n"
		  "0x0023:  eb db                    jmp      0x0\n"
		  "\n");
}

static void execution_is_traced(void **state)
{
	struct fixture *f = *state;
	struct arm_cpu cpu = { .pc = 0x10000, .r = { [1] = 5 }, .z = 1, .cpsr = 0x1d3 };
	f->log.mask = LOG_exec | LOG_cpu;
	f->obs.exec(f->dump, &f->tb, &cpu);
	expect(f, "Trace 0: 0x7f0000001000 [00000000/00010000/00000021/00000000] start\n"
		  "R00=00000000 R01=00000005 R02=00000000 R03=00000000\n"
		  "R04=00000000 R05=00000000 R06=00000000 R07=00000000\n"
		  "R08=00000000 R09=00000000 R10=00000000 R11=00000000\n"
		  "R12=00000000 R13=00000000 R14=00000000 R15=00010000\n"
		  "PSR=400001d3 -Z-- A svc32\n");
}

static void the_filter_and_the_items_are_honoured(void **state)
{
	struct fixture *f = *state;
	struct arm_cpu cpu = { 0 };
	f->log.mask = LOG_int;
	f->obs.translated(f->dump, &f->tb);
	f->obs.exec(f->dump, &f->tb, &cpu);
	f->log.mask = ~0u;
	log_parse_filter(&f->log, "0x10004+100", NULL);
	f->obs.translated(f->dump, &f->tb);
	f->obs.optimised(f->dump, &f->tb);
	f->obs.compiled(f->dump, &f->tb);
	f->obs.exec(f->dump, &f->tb, &cpu);
	expect(f, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guest_code_is_shown),
		TEST(thumb_code_is_shown),
		TEST(ir_is_shown_before_and_after),
		TEST(host_code_is_shown),
		TEST(relative_host_code_is_the_same_in_every_run),
		TEST(execution_is_traced),
		TEST(the_filter_and_the_items_are_honoured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
