/* SPDX-License-Identifier: Apache-2.0 */
/* rhea_drive_open, and the flash on the real address space: a guest that programs code into it and runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rhea.h"

#define FLASH_SIZE (64 << 20)
#define SECTOR 0x40000

static struct rhea *machine(const char *name, enum rhea_accel accel)
{
	struct rhea_error err = {0};
	struct rhea_config cfg = {.machine = name, .accel = accel};
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	return m;
}

/* A sparse file of its own; unlinked by the caller. */
static void make_image(char *path, off_t size)
{
	strcpy(path, "/tmp/rhea-drive-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void assert_refused(struct rhea *m, const struct rhea_drive *d, enum rhea_status status, const char *part)
{
	struct rhea_error err = {0};
	assert_int_equal(rhea_drive_open(m, d, &err), status);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
}

/* Failure: a drive goes where there is nothing, or a refused one leaves something behind. */
static void slots_and_images_are_checked(void **state)
{
	char path[64], odd[64];
	struct rhea *m = machine("none", RHEA_ACCEL_JIT);
	struct rhea_drive d = {.kind = RHEA_DRIVE_SD, .path = path};
	(void)state;
	make_image(path, 1 << 20);
	make_image(odd, (1 << 20) + 512);
	assert_refused(m, &d, RHEA_ERR_USAGE, "has no SD card slot 0");
	rhea_free(m);
	m = machine("versatilepb", RHEA_ACCEL_JIT);
	d.index = 2;
	assert_refused(m, &d, RHEA_ERR_USAGE, "has no SD card slot 2");
	d = (struct rhea_drive){.kind = RHEA_DRIVE_PFLASH, .path = path};
	assert_refused(m, &d, RHEA_ERR_IMAGE, "has 67108864 bytes");
	d = (struct rhea_drive){.kind = RHEA_DRIVE_SD, .path = odd};
	assert_refused(m, &d, RHEA_ERR_IMAGE, "truncate -s 1280K");
	d.path = path; /* the lock and the slot are free again */
	assert_int_equal(rhea_drive_open(m, &d, NULL), RHEA_OK);
	assert_refused(m, &d, RHEA_ERR_USAGE, "already");
	d.index = 1;
	assert_refused(m, &d, RHEA_ERR_FILE, "in use");
	rhea_free(m);
	unlink(path);
	unlink(odd);
}

/* Three times: erases, programs "mov r0, #n; bx lr", reads the array again and calls it 65536 times. */
static const uint32_t code[] = {
	0xe3a0430d, /* mov r4, #872415232 */
	0xe2844701, /* add r4, r4, #262144 */
	0xe3a06000, /* mov r6, #0 */
	0xe3a07001, /* mov r7, #1 */
	0xe3a00020, /* mov r0, #32 */
	0xe5840000, /* str r0, [r4] */
	0xe3a000d0, /* mov r0, #208 */
	0xe5840000, /* str r0, [r4] */
	0xe5945000, /* ldr r5, [r4] */
	0xe2841000, /* add r1, r4, #0 */
	0xe59f2048, /* ldr r2, [pc, #72] */
	0xe0822007, /* add r2, r2, r7 */
	0xe3a00040, /* mov r0, #64 */
	0xe5810000, /* str r0, [r1] */
	0xe4812004, /* str r2, [r1], #4 */
	0xe5810000, /* str r0, [r1] */
	0xe59f2034, /* ldr r2, [pc, #52] */
	0xe4812004, /* str r2, [r1], #4 */
	0xe3a000ff, /* mov r0, #255 */
	0xe5840000, /* str r0, [r4] */
	0xe3a03801, /* mov r3, #65536 */
	0xe1a0e00f, /* mov lr, pc */
	0xe1a0f004, /* mov pc, r4 */
	0xe0866000, /* add r6, r6, r0 */
	0xe2533001, /* subs r3, r3, #1 */
	0x1afffffa, /* bne 54 <insn-0x24> */
	0xe2877001, /* add r7, r7, #1 */
	0xe3570004, /* cmp r7, #4 */
	0x1affffe6, /* bne 10 <insn-0x68> */
	0xeafffffe, /* b 74 <insn-0x4> */
	0xe3a00000, /* .word 0xe3a00000 */
	0xe12fff1e, /* .word 0xe12fff1e */
};

/* Failure: flash code is stale after it was programmed anew, or the map change breaks the running block. */
static void guest_runs_code_it_programs(void **state)
{
	static const enum rhea_accel accels[] = {RHEA_ACCEL_JIT, RHEA_ACCEL_INTERP, RHEA_ACCEL_LOCKSTEP};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char path[64];
		uint32_t words[3] = {0}, sum;
		struct rhea_event ev;
		struct rhea_error err;
		make_image(path, FLASH_SIZE);
		const struct rhea_drive d = {.kind = RHEA_DRIVE_PFLASH, .path = path};
		struct rhea *m = machine("versatilepb", accels[i]);
		assert_int_equal(rhea_drive_open(m, &d, &err), RHEA_OK);
		assert_int_equal(rhea_write_phys(m, 0x8000, code, sizeof code), RHEA_OK);
		assert_int_equal(rhea_write_reg(m, RHEA_REG_PC, 0x8000), RHEA_OK);
		rhea_run(m, 1500000, &ev);
		assert_int_equal(ev.kind, RHEA_EVENT_BUDGET);
		assert_int_equal(rhea_read_reg(m, 6, &sum), RHEA_OK);
		assert_int_equal(sum, 6 * 65536);
		rhea_free(m);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		fseek(f, SECTOR, SEEK_SET);
		assert_int_equal(fread(words, 4, 3, f), 3);
		fclose(f);
		assert_int_equal(words[0], 0xe3a00003);
		assert_int_equal(words[1], 0xe12fff1e);
		assert_int_equal(words[2], 0xffffffff);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_and_images_are_checked),
		cmocka_unit_test(guest_runs_code_it_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
