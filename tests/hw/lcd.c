/* SPDX-License-Identifier: Apache-2.0 */
/* The LCD controller: its interrupt, and what somebody sees on the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"

#define LCD 0x10120000u
#define TIMING0 (LCD + 0x00)
#define TIMING1 (LCD + 0x04)
#define UPBASE (LCD + 0x10)
#define CONTROL (LCD + 0x18)
#define IMSC (LCD + 0x1c)
#define RIS (LCD + 0x20)
#define MIS (LCD + 0x24)
#define ICR (LCD + 0x28)
#define PALETTE (LCD + 0x200)
#define SYS_CLCD 0x10000050u
#define VIC_RAW 0x10140008u
#define FB 0x100000u
#define MS UINT64_C(1000000)

enum { ON = 0x801, BPP8 = 3 << 1, BPP16 = 4 << 1, BPP24 = 5 << 1, BGR = 0x100 };

static int setup(void **state)
{
	*state = fake_new("versatilepb");
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	return 0;
}

struct picture {
	unsigned width, height;
	uint8_t *rgb;
};

static struct picture look(struct fake *f)
{
	struct picture p;
	p.rgb = f->hw.screen.draw(f->hw.screen.dev, &p.width, &p.height);
	assert_non_null(p.rgb);
	return p;
}

static void show(struct fake *f, unsigned width, unsigned height, uint32_t base, uint32_t control)
{
	wr(f, TIMING0, (width / 16 - 1) << 2);
	wr(f, TIMING1, height - 1);
	wr(f, UPBASE, base);
	wr(f, CONTROL, control);
}

static uint32_t colour(const struct picture *p, unsigned x, unsigned y)
{
	const uint8_t *c = p->rgb + 3 * (y * p->width + x);
	return (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
}

/* Failure: the picture has the wrong size or colours. */
static void picture_has_size_and_colours(void **state)
{
	struct fake *f = *state;
	struct picture p;
	show(f, 800, 600, FB, ON | BPP24 | BGR);
	wr(f, FB + 4 * (800 * 599 + 799), 0x00123456);
	p = look(f);
	assert_int_equal(p.width, 800);
	assert_int_equal(p.height, 600);
	assert_int_equal(colour(&p, 799, 599), 0x123456);
	assert_int_equal(colour(&p, 0, 0), 0);
	free(p.rgb);
	show(f, 16, 1, FB, ON | BPP16);
	fake_write(f, FB + 2, 2, 0xf800);
	wr(f, SYS_CLCD, 2); /* red in the low bits, as Linux asks for BGR565 */
	p = look(f);
	assert_int_equal(colour(&p, 1, 0), 0x0000f8);
	free(p.rgb);
	wr(f, SYS_CLCD, 3);
	p = look(f);
	assert_int_equal(colour(&p, 1, 0), 0xf80000);
	free(p.rgb);
	wr(f, PALETTE + 4 * 100, 0x001f0000); /* entry 201: red */
	show(f, 16, 1, FB, ON | BPP8);
	fake_write(f, FB + 5, 1, 201);
	p = look(f);
	assert_int_equal(colour(&p, 5, 0), 0xf80000);
	free(p.rgb);
}

/* Failure: a screen that is off, or whose memory is not there, shows or breaks something. */
static void dark_screens_are_black(void **state)
{
	struct fake *f = *state;
	static const uint32_t bases[] = {0x08000000, 0xfffff000, 0xfffffffc, 0x10140000, 0x07fffffc, 0x101f1000};
	struct picture p = look(f);
	assert_int_equal(p.width, 640);
	assert_int_equal(p.height, 480);
	assert_int_equal(colour(&p, 639, 479), 0);
	free(p.rgb);
	for (unsigned i = 0; i < ARRAY_LEN(bases); i++) {
		show(f, 1024, 1024, bases[i], ON | BPP24);
		p = look(f);
		assert_int_equal(p.width, 1024);
		assert_int_equal(colour(&p, 1023, 1023), 0);
		free(p.rgb);
	}
}

/* Failure: page flips wait for ever, or a screen that nobody waits for costs time. */
static void frames_interrupt_when_asked_to(void **state)
{
	struct fake *f = *state;
	show(f, 640, 480, FB, ON | BPP16);
	fake_advance(f, 1000 * MS);
	assert_int_equal(f->clock.fired, 0);
	assert_int_equal(rd(f, RIS), 0x0c);
	wr(f, ICR, 0xff);
	assert_int_equal(rd(f, RIS), 0);
	wr(f, IMSC, 0x08);
	fake_advance(f, 17 * MS);
	assert_int_equal(rd(f, MIS), 0x08);
	assert_int_equal(rd(f, VIC_RAW), 1u << 16);
	fake_advance(f, 1000 * MS); /* raised already: nothing to wait for */
	assert_int_equal(f->clock.fired, 1);
	for (unsigned i = 0; i < 60; i++) {
		wr(f, ICR, 0x0c);
		assert_int_equal(rd(f, VIC_RAW), 0);
		fake_advance(f, 1000 * MS / 60 + 1);
		assert_int_equal(rd(f, VIC_RAW), 1u << 16);
	}
	wr(f, CONTROL, 0);
	wr(f, ICR, 0x0c);
	fake_advance(f, 1000 * MS);
	assert_int_equal(rd(f, RIS), 0);
}

/* Failure: some register contents make looking at the screen crash (run it under the sanitizers). */
static void every_setting_can_be_looked_at(void **state)
{
	struct fake *f = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1;
	uint64_t rng = seed;
	print_message("RHEA_TEST_SEED=%lu\n", seed);
	for (unsigned i = 0; i < 60; i++) {
		uint32_t v[4];
		for (unsigned k = 0; k < 4; k++) {
			rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			v[k] = (uint32_t)(rng >> 29);
		}
		wr(f, TIMING0, v[0]);
		wr(f, TIMING1, v[1]);
		wr(f, UPBASE, i % 3 ? v[2] : 0x08000000 - (v[2] & 0x3fffff));
		wr(f, SYS_CLCD, i);
		wr(f, CONTROL, v[3] | ON);
		free(look(f).rgb);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(picture_has_size_and_colours),
		T(dark_screens_are_black),
		T(frames_interrupt_when_asked_to),
		T(every_setting_can_be_looked_at),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
