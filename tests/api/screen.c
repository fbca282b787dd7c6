/* SPDX-License-Identifier: Apache-2.0 */
/* Screen, keyboard and mouse through include/rhea.h and the monitor, with guests of a few instructions. */
#include <png.h>
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

static struct rhea *machine(const char *name, const uint32_t *code, size_t size)
{
	struct rhea_error err = {0};
	struct rhea_config cfg = {.machine = name, .icount = true, .icount_shift = 10, .icount_no_sleep = true};
	struct rhea *m = rhea_new(&cfg, &err);
	if (!m)
		fail_msg("%s", err.msg);
	if (size)
		assert_int_equal(rhea_write_phys(m, 0, code, size), RHEA_OK);
	return m;
}

/* Stores pairs of address and value, from 0x100 to an address of 0. */
static const uint32_t store_pairs[] = {
	0xe3a00c01, /* mov r0, #0x100 */
	0xe8b00006, /* ldmia r0!, {r1, r2} */
	0xe3510000, /* cmp r1, #0 */
	0x15812000, /* strne r2, [r1] */
	0x1afffffb, /* bne -3 */
	0xeafffffe, /* b . */
};

static const uint32_t sixteen_pixels[] = {
	0x10120000, 0, 0x10120004, 0, 0x10120010, 0x2000, 0x10120018, 0x92b, /* 16 by 1, red in the high bits of words */
	0x2000, 0xff0000, 0x203c, 0x0000ff, 0, 0,
};

static struct rhea *machine_with_picture(void)
{
	struct rhea_event ev;
	struct rhea *m = machine("versatilepb", store_pairs, sizeof store_pairs);
	assert_int_equal(rhea_write_phys(m, 0x100, sixteen_pixels, sizeof sixteen_pixels), RHEA_OK);
	rhea_run(m, 200, &ev);
	return m;
}

static size_t read_file(const char *path, uint8_t *buf, size_t size)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}

static void check_pixels(const uint8_t rgb[48])
{
	static const uint8_t first[3] = {255, 0, 0}, last[3] = {0, 0, 255};
	assert_memory_equal(rgb, first, 3);
	assert_memory_equal(rgb + 45, last, 3);
}

static void check_png(const char *path)
{
	uint8_t rgb[48];
	png_image image = {.version = PNG_IMAGE_VERSION};
	assert_true(png_image_begin_read_from_file(&image, path));
	assert_int_equal(image.width, 16);
	assert_int_equal(image.height, 1);
	image.format = PNG_FORMAT_RGB;
	assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
	check_pixels(rgb);
}

static void check_ppm(const char *path)
{
	static const char header[] = "P6\n16 1\n255\n";
	uint8_t buf[100];
	assert_int_equal(read_file(path, buf, sizeof buf), strlen(header) + 48);
	assert_memory_equal(buf, header, strlen(header));
	check_pixels(buf + strlen(header));
}

static void collect(void *opaque, const char *text)
{
	char *out = opaque;
	strncat(out, text, 1000 - strlen(out));
}

static const char *monitor(struct rhea *m, char out[1001], const char *fmt, const char *arg)
{
	char line[300];
	snprintf(line, sizeof line, fmt, arg);
	out[0] = 0;
	rhea_monitor(m, line, collect, out);
	return out;
}

/* Failure: a saved picture is not what the guest draws, or not in the format that was asked for. */
static void pictures_are_saved(void **state)
{
	(void)state;
	char dir[] = "/tmp/rhea-screen-XXXXXX", png[64], ppm[64], spec[80], out[1001];
	struct rhea_error err;
	assert_non_null(mkdtemp(dir));
	snprintf(png, sizeof png, "%s/a.png", dir);
	snprintf(ppm, sizeof ppm, "%s/a.ppm", dir);
	snprintf(spec, sizeof spec, "png:%s", png);
	struct rhea *m = machine_with_picture();
	assert_int_equal(rhea_screendump(m, png, &err), RHEA_OK);
	check_png(png);
	assert_int_equal(rhea_screendump(m, ppm, &err), RHEA_OK);
	check_ppm(ppm);
	unlink(png);
	assert_int_equal(rhea_screendump(m, NULL, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_display_open(m, spec, &err), RHEA_OK);
	assert_int_equal(rhea_screendump(m, NULL, &err), RHEA_OK);
	check_png(png);
	unlink(png);
	assert_string_equal(monitor(m, out, "screendump", ""), "");
	check_png(png);
	assert_string_equal(monitor(m, out, "screendump %s -f ppm", png), "");
	check_ppm(png);
	assert_string_equal(monitor(m, out, "screendump -f png %s", ppm), "");
	check_png(ppm);
	rhea_free(m);
	unlink(png);
	unlink(ppm);
	rmdir(dir);
}

/* Failure: a file that cannot be written, or a machine without the device, crashes or goes unnoticed. */
static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	char out[1001];
	struct rhea_error err;
	struct rhea *m = machine("none", NULL, 0);
	assert_int_equal(rhea_screendump(m, "x.png", &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_display_open(m, "png:x.png", &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_send_key(m, "a", 1, &err), RHEA_ERR_USAGE);
	assert_string_equal(err.msg, "machine none has no keyboard");
	assert_int_equal(rhea_send_mouse(m, 1, 1, 0, 0, &err), RHEA_ERR_USAGE);
	assert_string_equal(monitor(m, out, "mouse_move 1 2%s", ""), "machine none has no mouse\n");
	rhea_free(m);
	m = machine_with_picture();
	assert_int_equal(rhea_screendump(m, "/nonexistent/x.png", &err), RHEA_ERR_FILE);
	assert_int_equal(rhea_screendump(m, "/dev/full", &err), RHEA_ERR_FILE);
	assert_int_equal(rhea_display_open(m, "png:/nonexistent/x.png", &err), RHEA_ERR_FILE);
	assert_int_equal(rhea_display_open(m, "png:", &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_display_open(m, "gtk", &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_send_key(m, "a-b-nokey", 1, &err), RHEA_ERR_USAGE);
	assert_string_equal(err.msg, "invalid parameter: nokey");
	assert_int_equal(rhea_send_key(m, "", 1, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_send_key(m, "a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a", 1, &err), RHEA_ERR_USAGE);
	unsigned n = 0;
	while (rhea_send_key(m, "a", 1, &err) == RHEA_OK)
		assert_true(n++ < 10000);
	assert_int_equal(err.status, RHEA_ERR_HOST);
	rhea_free(m);
}

/* Writes what the port at 0x1000N000 receives to 0x800. `ports` is 6 (keyboard) or 7 (mouse). */
static struct rhea *listener(unsigned port)
{
	const uint32_t code[] = {
		0xe3a04201,        /* mov r4, #0x10000000 */
		0xe3844a00 | port, /* orr r4, r4, #port << 12 */
		0xe3a06b02,        /* mov r6, #0x800 */
		0xe3a050f4,        /* mov r5, #0xf4: enable */
		0xe5845008,        /* str r5, [r4, #8] */
		0xe5943004,        /* ldr r3, [r4, #4] */
		0xe3130010,        /* tst r3, #0x10 */
		0x0afffffc,        /* beq -2 */
		0xe5945008,        /* ldr r5, [r4, #8] */
		0xe4c65001,        /* strb r5, [r6], #1 */
		0xeafffff9,        /* b -5 */
	};
	struct rhea_event ev;
	struct rhea *m = machine("versatilepb", code, sizeof code);
	rhea_run(m, 100, &ev);
	return m;
}

static void heard(struct rhea *m, const uint8_t *want, size_t n)
{
	uint8_t got[64];
	rhea_read_phys(m, 0x800, got, sizeof got);
	assert_memory_equal(got, want, n);
	assert_int_equal(got[n], 0);
}

/* Failure: keys do not reach a running guest, or at other times than asked for. */
static void guest_sees_keys(void **state)
{
	(void)state;
	static const uint8_t pressed[] = {0xfa, 0x12, 0x1c}, all[] = {0xfa, 0x12, 0x1c, 0xf0, 0x1c, 0xf0, 0x12, 0x32, 0xf0, 0x32};
	char out[1001];
	struct rhea_error err;
	struct rhea_event ev;
	struct rhea *m = listener(6);
	assert_int_equal(rhea_send_key(m, "shift-a", 20, &err), RHEA_OK);
	rhea_run(m, 15000, &ev); /* 15 ms and a little */
	heard(m, pressed, sizeof pressed);
	assert_string_equal(monitor(m, out, "sendkey %s 5", "b"), "");
	rhea_run(m, 15000, &ev);
	heard(m, all, sizeof all);
	rhea_free(m);
}

/* Failure: the mouse does not reach a running guest, or the monitor forgets pressed buttons. */
static void guest_sees_the_mouse(void **state)
{
	(void)state;
	static const uint8_t want[] = {0xfa, 0x29, 0x03, 0xfc, 0x0a, 0x00, 0x00, 0x0a, 0x05, 0x00};
	char out[1001];
	struct rhea_error err;
	struct rhea_event ev;
	struct rhea *m = listener(7);
	assert_int_equal(rhea_send_mouse(m, 3, 4, 0, 1, &err), RHEA_OK);
	rhea_run(m, 1000, &ev);
	assert_string_equal(monitor(m, out, "mouse_button %s", "4"), "");
	rhea_run(m, 1000, &ev);
	assert_string_equal(monitor(m, out, "mouse_move %s", "5 0 1"), "");
	rhea_run(m, 1000, &ev);
	heard(m, want, sizeof want);
	rhea_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_saved),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(guest_sees_keys),
		cmocka_unit_test(guest_sees_the_mouse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
