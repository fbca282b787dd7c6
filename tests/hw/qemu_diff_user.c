/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user at the board does and sees, against QEMU: every key in every scan code set, and pictures of the screen
 * in every pixel format. QEMU is driven through its monitor and test protocol while its core sleeps.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hw/input.h"
#include "tests/hw/fake.h"
#include "tests/hw/qemu.h"

#define KBD 0x10006000u
#define LCD 0x10120000u
#define FB 0x100000u

struct pair {
	struct qemu q;
	struct fake *f;
	int monitor;
};

/* Until the prompt. */
static void read_answer(struct pair *p)
{
	static const char prompt[] = "(qemu) ";
	char buf[4096];
	size_t n = 0;
	for (;;) {
		ssize_t got = read(p->monitor, buf + n, sizeof(buf) - n);
		assert_true(got > 0);
		n += (size_t)got;
		if (n >= strlen(prompt) && !memcmp(buf + n - strlen(prompt), prompt, strlen(prompt)))
			return;
		if (n > sizeof(buf) / 2) { /* only the end matters */
			memmove(buf, buf + n - 64, 64);
			n = 64;
		}
	}
}

static void monitor(struct pair *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void monitor(struct pair *p, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	assert_int_equal(write(p->monitor, line, (size_t)n), n);
	read_answer(p);
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int fds[2];
	char chardev[64];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	snprintf(chardev, sizeof(chardev), "socket,id=m,fd=%d", fds[1]);
	/* the core waits for an interrupt, for ever: mcr p15, 0, r0, c7, c0, 4; b . - 4 */
	const char *const extra[] = {"-chardev", chardev, "-mon", "chardev=m", "-device",
				     "loader,addr=0,data=0xeafffffdee070f90,data-len=8", NULL};
	qemu_start(&p->q, extra, fds[1]);
	close(fds[1]);
	p->monitor = fds[0];
	p->f = fake_new("versatilepb");
	p->f->log.mask = 0;
	read_answer(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	qemu_stop(&p->q);
	close(p->monitor);
	fake_free(p->f);
	free(p);
	return 0;
}

static void both(struct pair *p, uint32_t addr, uint32_t value)
{
	qemu_write(&p->q, addr, 4, value);
	fake_write(p->f, addr, 4, value);
}

/* ---- keys ---- */

static const struct {
	const char *name;
	unsigned code[4];
} keys[] = {
#define KEY(name, set1, set2, set3) {name, {0, set1, set2, set3}},
#include "hw/ps2_keys.def"
#undef KEY
};

/* The next byte of QEMU's keyboard, waiting for it up to a second; -1 = none. */
static int their_byte(struct pair *p)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (qemu_read(&p->q, KBD + 4, 4) & 0x10)
			return (int)qemu_read(&p->q, KBD + 8, 4);
		usleep(1000);
	}
	return -1;
}

static void same_key(struct pair *p, const char *name, unsigned set)
{
	unsigned key = (unsigned)hw_key_find(name, strlen(name));
	monitor(p, "sendkey %s 1", name);
	assert_true(p->f->hw.input.press(p->f->hw.input.keyboard, &key, 1, 1));
	fake_advance(p->f, 1);
	for (unsigned i = 0; rd(p->f, KBD + 4) & 0x10; i++) {
		int ours = (int)rd(p->f, KBD + 8), theirs = their_byte(p);
		if (ours != theirs)
			fail_msg("key %s, set %u, byte %u: QEMU %02x, rhea %02x", name, set, i, (unsigned)theirs, (unsigned)ours);
	}
	if (qemu_read(&p->q, KBD + 4, 4) & 0x10)
		fail_msg("key %s, set %u: QEMU sends more", name, set);
}

/* Failure: a key is another one for the guest than on QEMU. */
static void same_scan_codes_as_qemu(void **state)
{
	struct pair *p = *state;
	for (unsigned set = 1; set <= 3; set++) {
		both(p, KBD + 8, 0xf0);
		assert_int_equal(their_byte(p), rd(p->f, KBD + 8));
		both(p, KBD + 8, set);
		assert_int_equal(their_byte(p), rd(p->f, KBD + 8));
		for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
			if (keys[i].code[set] && strcmp(keys[i].name, "menu") != 0) /* QEMU's has no code in set 2 */
				same_key(p, keys[i].name, set);
	}
}

/* ---- pictures ---- */

/* QEMU's picture of its screen; the caller frees the pixels. */
static uint8_t *their_picture(struct pair *p, unsigned *width, unsigned *height)
{
	char path[] = "/tmp/rhea-screen-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	monitor(p, "screendump %s", path);
	FILE *f = fdopen(fd, "rb");
	assert_int_equal(fscanf(f, "P6 %u %u 255", width, height), 2);
	fgetc(f);
	assert_in_range(*width, 16, 1024);
	assert_in_range(*height, 1, 1024);
	size_t n = (size_t)*width * *height * 3;
	uint8_t *rgb = malloc(n);
	assert_int_equal(fread(rgb, 1, n, f), n);
	fclose(f);
	unlink(path);
	return rgb;
}

static void same_picture(struct pair *p, const char *what)
{
	unsigned width, height, our_width, our_height;
	uint8_t *theirs = their_picture(p, &width, &height);
	uint8_t *ours = p->f->hw.screen.draw(p->f->hw.screen.dev, &our_width, &our_height);
	assert_int_equal(our_width, width);
	assert_int_equal(our_height, height);
	for (unsigned i = 0; i < width * height * 3; i++)
		if (ours[i] != theirs[i])
			fail_msg("%s, pixel %u byte %u: QEMU %02x, rhea %02x", what, i / 3, i % 3, theirs[i], ours[i]);
	free(theirs);
	free(ours);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 31);
}

/* Failure: a picture has other colours, order or size than QEMU's. */
static void same_pictures_as_qemu(void **state)
{
	enum { WIDTH = 32, HEIGHT = 5 };
	struct pair *p = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	uint64_t rng = text ? strtoul(text, NULL, 0) : 1;
	char what[64];
	both(p, LCD + 0x00, (WIDTH / 16 - 1) << 2);
	both(p, LCD + 0x04, HEIGHT - 1);
	both(p, LCD + 0x10, FB);
	for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
		both(p, FB + 4 * i, next_random(&rng));
	for (unsigned i = 0; i < 128; i++)
		both(p, LCD + 0x200 + 4 * i, next_random(&rng));
	for (unsigned mux = 0; mux < 4; mux++) {
		both(p, 0x10000050, mux);
		for (unsigned flags = 0; flags < 64; flags++) { /* pixel size, BGR, byte order, pixel order */
			if (mux == 1 && (flags & 7) == 4)
				continue; /* 5:5:5: QEMU's odd pixels are one bit off */
			uint32_t control = 0x821 | (flags & 7) << 1 | (flags >> 3) << 8;
			both(p, LCD + 0x18, control);
			snprintf(what, sizeof(what), "mux %u, control %#x", mux, control);
			same_picture(p, what);
		}
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_scan_codes_as_qemu, setup, teardown),
		cmocka_unit_test_setup_teardown(same_pictures_as_qemu, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
