/* SPDX-License-Identifier: Apache-2.0 */
/* Keyboard and mouse behind their ports, as a driver sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/input.h"
#include "tests/hw/fake.h"

#define KBD 0x10006000u
#define MOUSE 0x10007000u
#define CR 0x00u
#define STAT 0x04u
#define DATA 0x08u
#define IR 0x10u
#define SIC_RAW 0x10003004u
#define MS UINT64_C(1000000)

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

/* Everything that waits, as hex digits. */
static const char *drain(struct fake *f, uint32_t port)
{
	static _Thread_local char text[256];
	unsigned n = 0;
	text[0] = 0;
	while ((rd(f, port + STAT) & 0x10) && n + 3 < sizeof(text))
		n += (unsigned)snprintf(text + n, sizeof(text) - n, "%02x", rd(f, port + DATA));
	return text;
}

static const char *ask(struct fake *f, uint32_t port, unsigned byte)
{
	wr(f, port + DATA, byte);
	return drain(f, port);
}

static const char *ask2(struct fake *f, uint32_t port, unsigned byte, unsigned arg)
{
	wr(f, port + DATA, byte);
	wr(f, port + DATA, arg);
	return drain(f, port);
}

static bool press(struct fake *f, const char *names, unsigned hold_ms)
{
	unsigned keys[HW_KEYS_MAX], n = 0;
	for (const char *p = names; *p; p += *p == '-') {
		size_t len = strcspn(p, "-");
		int k = hw_key_find(p, len);
		assert_true(k >= 0);
		keys[n++] = (unsigned)k;
		p += len;
	}
	return f->hw.input.press(f->hw.input.keyboard, keys, n, hold_ms * MS);
}

static void move(struct fake *f, int dx, int dy, int dz, unsigned buttons)
{
	f->hw.input.move(f->hw.input.mouse, dx, dy, dz, buttons);
}

/* ---- the port ---- */

/* Failure: Linux's ambakmi sees no interrupt, or one that never ends. */
static void port_interrupts_while_a_byte_waits(void **state)
{
	struct fake *f = *state;
	wr(f, KBD + CR, 0x14);
	assert_int_equal(rd(f, KBD + STAT), 0x40);
	assert_int_equal(rd(f, KBD + IR), 2);
	wr(f, KBD + DATA, 0xee);
	assert_int_equal(rd(f, KBD + STAT) & 0x10, 0x10);
	assert_int_equal(rd(f, KBD + IR), 3);
	assert_int_equal(rd(f, SIC_RAW) & 0x18, 0x08);
	assert_int_equal(rd(f, KBD + DATA), 0xee);
	assert_int_equal(rd(f, SIC_RAW) & 0x18, 0);
	wr(f, MOUSE + CR, 0x10);
	wr(f, MOUSE + DATA, 0xf4);
	assert_int_equal(rd(f, SIC_RAW) & 0x18, 0x10);
	wr(f, MOUSE + CR, 0);
	assert_int_equal(rd(f, SIC_RAW) & 0x18, 0);
}

/* ---- keyboard ---- */

/* Failure: atkbd does not find its keyboard ("keyboard reset failed") or takes it for another. */
static void keyboard_answers_as_drivers_expect(void **state)
{
	struct fake *f = *state;
	assert_string_equal(ask(f, KBD, 0xff), "faaa");
	assert_string_equal(ask(f, KBD, 0xf2), "faab83");
	assert_string_equal(ask2(f, KBD, 0xed, 7), "fa");
	assert_string_equal(ask2(f, KBD, 0xf3, 0), "fa");
	assert_string_equal(ask(f, KBD, 0xf5), "fa");
	assert_string_equal(ask(f, KBD, 0xf4), "fa");
	assert_string_equal(ask2(f, KBD, 0xf0, 0), "fa02");
	assert_string_equal(ask(f, KBD, 0xe1), "fe");
	assert_string_equal(ask(f, KBD, 0xfe), "fe");
}

/* Failure: an answer that nobody read is taken for the answer to the next command. */
static void keyboard_drops_answers_that_nobody_read(void **state)
{
	struct fake *f = *state;
	for (unsigned i = 0; i < 100; i++)
		wr(f, KBD + DATA, 0xf2);
	assert_string_equal(drain(f, KBD), "faab83");
}

/* Failure: sendkey presses other keys, or does not let them go. */
static void keys_are_pressed_held_and_let_go(void **state)
{
	struct fake *f = *state;
	assert_true(press(f, "shift-a", 100));
	assert_string_equal(drain(f, KBD), "121c");
	fake_advance(f, 99 * MS);
	assert_string_equal(drain(f, KBD), "");
	fake_advance(f, 1 * MS);
	assert_string_equal(drain(f, KBD), "f01cf012");
	assert_true(press(f, "right", 10));
	assert_true(press(f, "0x1e", 10)); /* waits for the first */
	assert_string_equal(drain(f, KBD), "e074");
	fake_advance(f, 10 * MS);
	assert_string_equal(drain(f, KBD), "e0f0741c");
	fake_advance(f, 10 * MS);
	assert_string_equal(drain(f, KBD), "f01c");
}

/* Failure: the keys with sequences of their own are garbage to the guest. */
static void print_and_pause_have_their_sequences(void **state)
{
	static const struct {
		const char *keys, *set2, *set1, *set3;
	} rows[] = {
		{"print", "e012e07ce0f07ce0f012", "e02ae037e0b7e0aa", "57f057"},
		{"pause", "e11477e1f014f077", "e11d45e19dc5", "62f062"},
		{"ctrl-pause", "14e07ee0f07ef014", "1de046e0c69d", "1162f062f011"},
		{"alt-print", "1184f084f011", "3854d4b8", "1957f057f019"},
		{"kp_enter", "e05ae0f05a", "e01ce09c", "79f079"},
	};
	struct fake *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const char *want[4] = {NULL, rows[i].set1, rows[i].set2, rows[i].set3};
		for (unsigned set = 1; set <= 3; set++) {
			assert_string_equal(ask2(f, KBD, 0xf0, set), "fa");
			assert_true(press(f, rows[i].keys, 0));
			assert_string_equal(drain(f, KBD), want[set]);
		}
	}
}

/* Failure: keys pile up without bound, are lost while the guest is slow, or stay down. */
static void keys_wait_for_a_guest_that_does_not_read(void **state)
{
	struct fake *f = *state;
	unsigned accepted = 0, seen = 0;
	while (press(f, "a", 0))
		accepted++;
	assert_in_range(accepted, 100, 1000);
	fake_advance(f, 1000 * MS);
	wr(f, KBD + DATA, 0xed); /* an answer still comes first */
	assert_int_equal(rd(f, KBD + DATA), 0xfa);
	wr(f, KBD + DATA, 0);
	assert_int_equal(rd(f, KBD + DATA), 0xfa);
	while (rd(f, KBD + STAT) & 0x10) {
		static const uint8_t cycle[3] = {0x1c, 0xf0, 0x1c};
		assert_int_equal(rd(f, KBD + DATA), cycle[seen++ % 3]);
	}
	assert_int_equal(seen, 3 * accepted);
	assert_true(press(f, "a", 0));
}

/* Failure: a keyboard that was told to be quiet is not, or remembers what was typed meanwhile. */
static void disabled_keyboard_is_silent(void **state)
{
	struct fake *f = *state;
	ask(f, KBD, 0xf5);
	assert_true(press(f, "a", 1));
	fake_advance(f, 10 * MS);
	assert_string_equal(ask(f, KBD, 0xf4), "fa");
	assert_true(press(f, "b", 1));
	assert_string_equal(drain(f, KBD), "32");
	hw_reset_devices(&f->hw);
	fake_advance(f, 10 * MS);
	assert_string_equal(drain(f, KBD), "");
}

/* Failure: a name of the table cannot be typed, or nonsense can. */
static void keys_have_names_and_numbers(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "A", "f13", "0x", "0xzz", "0x100", "0x1e ", "shift_l"};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(hw_key_find(bad[i], strlen(bad[i])), -1);
	assert_int_equal(hw_key_find("0xcd", 4), hw_key_find("right", 5));
	assert_int_equal(hw_key_find("0xc6", 4), hw_key_find("pause", 5));
	assert_int_equal(hw_key_find("a-b", 1), hw_key_find("a", 1));
}

/* ---- mouse ---- */

/* Failure: psmouse does not find a mouse, or the wrong kind. */
static void mouse_shows_what_it_can_after_the_knocks(void **state)
{
	static const uint8_t wheel[3] = {200, 100, 80}, explorer[3] = {200, 200, 80};
	struct fake *f = *state;
	assert_string_equal(ask(f, MOUSE, 0xff), "faaa00");
	assert_string_equal(ask(f, MOUSE, 0xf2), "fa00");
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(ask2(f, MOUSE, 0xf3, wheel[i]), "fafa");
	assert_string_equal(ask(f, MOUSE, 0xf2), "fa03");
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(ask2(f, MOUSE, 0xf3, explorer[i]), "fafa");
	assert_string_equal(ask(f, MOUSE, 0xf2), "fa04");
	assert_string_equal(ask2(f, MOUSE, 0xe8, 3), "fafa");
	assert_string_equal(ask(f, MOUSE, 0xe7), "fa");
	assert_string_equal(ask(f, MOUSE, 0xe9), "fa100350");
	assert_string_equal(ask(f, MOUSE, 0xff), "faaa00");
	assert_string_equal(ask(f, MOUSE, 0xe9), "fa000264");
	assert_string_equal(ask(f, MOUSE, 0xe1), "fe");
}

/* Failure: the pointer goes the wrong way, jumps, or buttons change places. */
static void movements_become_packets(void **state)
{
	struct fake *f = *state;
	move(f, 5, 5, 0, 0);
	assert_string_equal(ask(f, MOUSE, 0xf4), "fa"); /* what came before is not known */
	move(f, 5, 3, 0, 0);
	assert_string_equal(drain(f, MOUSE), "2805fd");
	move(f, -1, -2, 0, 1);
	assert_string_equal(drain(f, MOUSE), "19ff02");
	move(f, 0, 0, 0, 1);
	assert_string_equal(drain(f, MOUSE), "");
	move(f, 300, 0, 0, 6);
	assert_string_equal(drain(f, MOUSE), "0e7f000e7f000e2e00");
	ask2(f, MOUSE, 0xf3, 200);
	ask2(f, MOUSE, 0xf3, 200);
	ask2(f, MOUSE, 0xf3, 80);
	move(f, 0, 0, 1, 16);
	assert_string_equal(drain(f, MOUSE), "0800002f");
	move(f, 0, 0, -1, 0);
	assert_string_equal(drain(f, MOUSE), "08000001");
}

/* Failure: a guest that polls gets no movement, or gets it twice. */
static void polled_mouse_speaks_when_asked(void **state)
{
	struct fake *f = *state;
	ask(f, MOUSE, 0xf0);
	ask(f, MOUSE, 0xf4);
	move(f, 7, 8, 0, 0);
	assert_string_equal(drain(f, MOUSE), "");
	assert_string_equal(ask(f, MOUSE, 0xeb), "fa2807f8");
	assert_string_equal(ask(f, MOUSE, 0xeb), "fa080000");
	assert_string_equal(ask(f, MOUSE, 0xee), "fa");
	assert_string_equal(ask(f, MOUSE, 0xf2), "f2");
	assert_string_equal(ask(f, MOUSE, 0xec), "fa");
	assert_string_equal(ask(f, MOUSE, 0xf2), "fa00");
}

/* Failure: movements are lost, or queue up without bound, while the guest does not listen. */
static void movements_add_up_while_nobody_reads(void **state)
{
	struct fake *f = *state;
	int sum = 0;
	ask(f, MOUSE, 0xf4);
	for (unsigned i = 0; i < 100; i++)
		move(f, 1, 0, 0, 0);
	move(f, INT32_MIN, INT32_MIN, INT32_MIN, 0);
	move(f, INT32_MAX, INT32_MAX, INT32_MAX, 0xffffffff);
	for (unsigned i = 0; i < 10000 && (rd(f, MOUSE + STAT) & 0x10); i++) {
		rd(f, MOUSE + DATA);
		sum += (int8_t)rd(f, MOUSE + DATA);
		rd(f, MOUSE + DATA);
	}
	assert_false(rd(f, MOUSE + STAT) & 0x10);
	assert_in_range(sum, 0xffff, 0xffff + 100);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(port_interrupts_while_a_byte_waits),
		T(keyboard_answers_as_drivers_expect),
		T(keyboard_drops_answers_that_nobody_read),
		T(keys_are_pressed_held_and_let_go),
		T(print_and_pause_have_their_sequences),
		T(keys_wait_for_a_guest_that_does_not_read),
		T(disabled_keyboard_is_silent),
		cmocka_unit_test(keys_have_names_and_numbers),
		T(mouse_shows_what_it_can_after_the_knocks),
		T(movements_become_packets),
		T(polled_mouse_speaks_when_asked),
		T(movements_add_up_while_nobody_reads),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
