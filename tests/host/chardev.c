/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back ends against the real thing: pipes, pseudo terminals, sockets, full disks, peers that
 * vanish or do not read. A fake front end with a small FIFO stands for the guest's UART.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/line_editor.h"
#include "host/chardev-internal.h"

struct front {
	struct chardev c;
	unsigned room;
	char got[8192];
	unsigned n;
};

static unsigned front_can_receive(void *dev)
{
	const struct front *f = dev;
	return MIN(f->room, (unsigned)sizeof f->got - f->n - 1);
}

static void front_receive(void *dev, const uint8_t *buf, unsigned n)
{
	struct front *f = dev;
	assert_true(n <= front_can_receive(f));
	memcpy(f->got + f->n, buf, n);
	f->n += n;
	f->room -= n;
	f->got[f->n] = '\0';
}

static void front_receive_break(void *dev)
{
	front_receive(dev, (const uint8_t *)"|", 1);
}

struct console {
	struct chardev_set *set;
	char lines[2 * LINE_MAX_BYTES];
	int quits;
};

static void on_line(void *opaque, const char *line)
{
	struct console *k = opaque;
	strcat(strcat(k->lines, line), "|");
	chardev_set_monitor_print(k->set, "answer\n");
}

static void on_quit(void *opaque)
{
	((struct console *)opaque)->quits++;
}

struct fixture {
	struct front f;
	struct console k;
	struct poll_set *polls;
	struct chardev_set *set;
	int saved_in, saved_out;
};

static void front_init(struct front *f)
{
	*f = (struct front){.room = 1000000};
	f->c.can_receive = front_can_receive;
	f->c.receive = front_receive;
	f->c.receive_break = front_receive_break;
	f->c.dev = f;
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	struct chardev_set_owner owner = {.opaque = &x->k, .monitor_line = on_line, .quit = on_quit};
	front_init(&x->f);
	x->polls = poll_set_new();
	x->set = x->k.set = chardev_set_new(x->polls, &owner);
	x->saved_in = x->saved_out = -1;
	*state = x;
	return x->set ? 0 : -1;
}

static void restore_stdio(struct fixture *x)
{
	if (x->saved_in >= 0) {
		dup2(x->saved_in, 0);
		dup2(x->saved_out, 1);
		close(x->saved_in);
		close(x->saved_out);
	}
	x->saved_in = x->saved_out = -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	chardev_set_free(x->set);
	poll_set_free(x->polls);
	restore_stdio(x);
	free(x);
	return 0;
}

/* Makes `in` and `out` the process's standard descriptors (and closes them). */
static void take_stdio(struct fixture *x, int in, int out)
{
	x->saved_in = dup(0);
	x->saved_out = dup(1);
	dup2(in, 0);
	dup2(out, 1);
	close(in);
	if (out != in)
		close(out);
}

static void open_ok(struct fixture *x, const char *spec)
{
	struct rhea_error err = {0};
	enum rhea_status st = chardev_set_open(x->set, &x->f.c, spec, &err);
	if (st) {
		restore_stdio(x);
		fail_msg("%s: %s", spec, err.msg);
	}
}

static void say(struct fixture *x, const char *text)
{
	chardev_write(&x->f.c, (const uint8_t *)text, (unsigned)strlen(text));
}

static void poll_until(struct fixture *x, unsigned n)
{
	for (int i = 0; i < 200 && x->f.n < n; i++)
		poll_set_wait(x->polls, 10000000);
}

/* Reads what comes within `ms` of quiet into buf as a string. */
static const char *slurp(int fd, char *buf, size_t size, int ms)
{
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (n + 1 < size && poll(&p, 1, ms) > 0) {
		ssize_t r = read(fd, buf + n, size - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	buf[n] = '\0';
	return buf;
}

static uint64_t elapsed_ms(uint64_t since)
{
	return (chardev_clock_ns() - since) / 1000000;
}

/* ---- specs ---- */

/* A failure means that a typing mistake is accepted or explained differently. */
static void bad_specs_are_explained(void **state)
{
	struct fixture *x = *state;
	static const struct {
		const char *spec, *msg;
	} rows[] = {
		{"stdoi", "'stdoi' names no serial back end"},
		{"", "'' names no serial back end"},
		{"stdio:x", "'stdio:x' names no serial back end"},
		{"mon:", "'mon:' names no serial back end"},
		{"mon:null", "'mon:null': mon: needs a back end with input, as mon:stdio"},
		{"file:", "'file:': give a file name, as file:serial.txt"},
		{"file:/nonexistent/x", "/nonexistent/x: cannot write: No such file or directory"},
		{"tcp:localhost", "'tcp:localhost': a tcp address is HOST:PORT, or [IPV6]:PORT"},
		{"tcp:[::1:80", "'tcp:[::1:80': a tcp address is HOST:PORT, or [IPV6]:PORT"},
		{"tcp:localhost:", "'tcp:localhost:': the port number is missing"},
		{"tcp:127.0.0.1:1", "'tcp:127.0.0.1:1': cannot connect: Connection refused"},
		{"tcp:127.0.0.1:1,servr", "'tcp:127.0.0.1:1,servr': unknown option 'servr'"},
		{"tcp:127.0.0.1:1,server=maybe", "unknown option 'server=maybe'"},
		{"unix:", "'unix:': the socket's path is missing"},
		{"unix:/nonexistent/s", "'unix:/nonexistent/s': cannot connect: No such file or directory"},
	};
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct rhea_error err = {0};
		assert_int_not_equal(chardev_set_open(x->set, &x->f.c, rows[i].spec, &err), RHEA_OK);
		if (!strstr(err.msg, rows[i].msg))
			fail_msg("%s: got \"%s\"", rows[i].spec, err.msg);
		assert_null(x->f.c.write);
		say(x, "a port without a back end swallows this");
	}
}

/* A failure means that overlong specs overflow a buffer or are cut silently. */
static void overlong_specs_are_refused(void **state)
{
	struct fixture *x = *state;
	char spec[2000];
	static const char *const heads[] = {"tcp:", "unix:", "tcp:h:", "tcp:h:1,"};
	for (unsigned i = 0; i < ARRAY_LEN(heads); i++) {
		memset(spec, 'a', sizeof spec);
		memcpy(spec, heads[i], strlen(heads[i]));
		memcpy(spec + sizeof spec - 4, i ? ",:1" : ":80", 4);
		assert_int_not_equal(chardev_set_open(x->set, &x->f.c, spec, NULL), RHEA_OK);
	}
}

/* A failure means that two ports fight for one terminal. */
static void one_port_owns_stdio(void **state)
{
	struct fixture *x = *state;
	struct front other;
	int p[2];
	front_init(&other);
	assert_int_equal(pipe(p), 0);
	take_stdio(x, p[0], p[1]);
	open_ok(x, "stdio");
	enum rhea_status again = chardev_set_open(x->set, &other.c, "mon:stdio", NULL);
	enum rhea_status same_port = chardev_set_open(x->set, &x->f.c, "mon:stdio", NULL);
	restore_stdio(x);
	assert_int_equal(again, RHEA_ERR_USAGE);
	assert_int_equal(same_port, RHEA_OK);
}

/* ---- files ---- */

/* A failure means lost or reordered output in file:. */
static void file_gets_every_byte(void **state)
{
	struct fixture *x = *state;
	char path[] = "/tmp/rhea-test-XXXXXX", spec[64], buf[64];
	int fd = mkstemp(path);
	snprintf(spec, sizeof spec, "file:%s", path);
	open_ok(x, spec);
	say(x, "Hello ");
	say(x, "world!\n");
	assert_string_equal(slurp(fd, buf, sizeof buf, 0), "Hello world!\n");
	assert_false(poll_set_can_input(x->polls));
	close(fd);
	unlink(path);
}

/* A failure means that a full disk stops the guest. */
static void full_disk_does_not_stop_the_guest(void **state)
{
	struct fixture *x = *state;
	if (access("/dev/full", W_OK))
		skip();
	open_ok(x, "file:/dev/full");
	uint64_t t = chardev_clock_ns();
	for (int i = 0; i < 1000; i++)
		say(x, "lost\n");
	assert_true(elapsed_ms(t) < 1000);
}

/* ---- callback ---- */

static void collect(void *opaque, const uint8_t *buf, size_t len)
{
	strncat(opaque, (const char *)buf, len);
}

/* A failure means that rhea_serial_input loses bytes that a busy guest has not taken. */
static void callback_input_waits_for_the_guest(void **state)
{
	struct fixture *x = *state;
	char out[64] = "";
	assert_false(chardev_set_input(x->set, &x->f.c, (const uint8_t *)"x", 1));
	assert_true(chardev_set_callback(x->set, &x->f.c, collect, out));
	say(x, "out");
	assert_string_equal(out, "out");
	x->f.room = 2;
	assert_true(chardev_set_input(x->set, &x->f.c, (const uint8_t *)"abcdef", 6));
	assert_string_equal(x->f.got, "ab");
	assert_false(poll_set_can_input(x->polls));
	x->f.room = 3;
	assert_true(poll_set_can_input(x->polls));
	chardev_accept_input(&x->f.c);
	assert_string_equal(x->f.got, "abcde");
	x->f.room = 3;
	poll_set_wait(x->polls, POLL_FOREVER);
	assert_string_equal(x->f.got, "abcdef");
}

/* A failure means that the ring mixes up bytes when it wraps or grows. */
static void queue_keeps_order(void **state)
{
	struct byte_queue q = {.limit = 1000};
	uint8_t buf[64];
	unsigned in = 0, out = 0;
	uint32_t r = 12345;
	(void)state;
	for (int i = 0; i < 20000; i++) {
		r = r * 1664525u + 1013904223u;
		size_t n = r >> 26;
		if (r & 0x8000) {
			for (size_t k = 0; k < n; k++)
				buf[k] = (uint8_t)(in + k);
			in += (unsigned)byte_queue_push(&q, buf, n);
		} else {
			n = byte_queue_pop(&q, buf, n);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(buf[k], (uint8_t)out++);
		}
		assert_int_equal(q.len, in - out);
		assert_true(q.len <= q.limit);
	}
	byte_queue_free(&q);
}

/* ---- stdio ---- */

/* A failure means that a script piped into the guest loses its tail, or that end of input spins. */
static void piped_input_arrives_then_ends(void **state)
{
	struct fixture *x = *state;
	int in[2], out[2];
	char buf[64];
	assert_int_equal(pipe(in) | pipe(out), 0);
	take_stdio(x, in[0], out[1]);
	open_ok(x, "stdio");
	assert_int_equal(write(in[1], "0123456789", 10), 10);
	close(in[1]);
	x->f.room = 4;
	poll_until(x, 4);
	say(x, "out");
	poll_set_wait(x->polls, 0);
	unsigned first = x->f.n;
	x->f.room = 100;
	poll_until(x, 10);
	poll_set_wait(x->polls, 1000000);
	bool more = poll_set_can_input(x->polls);
	uint64_t t = chardev_clock_ns();
	poll_set_wait(x->polls, 60000000);
	uint64_t slept = elapsed_ms(t);
	restore_stdio(x);
	assert_int_equal(first, 4);
	assert_string_equal(x->f.got, "0123456789");
	assert_string_equal(slurp(out[0], buf, sizeof buf, 0), "out");
	assert_false(more);
	assert_true(slept >= 50);
	close(out[0]);
}

/* A failure means that `rhea | head` loses the guest, or dies of SIGPIPE. */
static void closed_pipe_does_not_stop_the_guest(void **state)
{
	struct fixture *x = *state;
	int in[2], out[2];
	assert_int_equal(pipe(in) | pipe(out), 0);
	take_stdio(x, in[0], out[1]);
	open_ok(x, "stdio");
	close(out[0]);
	say(x, "to nobody");
	say(x, "to nobody");
	assert_int_equal(write(in[1], "x", 1), 1);
	poll_until(x, 1);
	restore_stdio(x);
	assert_string_equal(x->f.got, "x");
	close(in[1]);
}

/* A failure means that a reader that sleeps blocks the guest, or that queued bytes are lost or reordered. */
static void stuck_reader_costs_a_bounded_wait(void **state)
{
	struct fixture *x = *state;
	int in[2], out[2];
	static char block[65536], back[65536];
	memset(block, 'x', sizeof block);
	assert_int_equal(pipe(in) | pipe(out), 0);
	take_stdio(x, in[0], out[1]);
	open_ok(x, "stdio");
	uint64_t t = chardev_clock_ns();
	for (int i = 0; i < 64; i++)
		chardev_write(&x->f.c, (const uint8_t *)block, sizeof block);
	uint64_t waited = elapsed_ms(t);
	size_t got = 0;
	struct pollfd p = {.fd = out[0], .events = POLLIN};
	while (poll(&p, 1, 50) > 0) {
		ssize_t r = read(out[0], back, sizeof back);
		if (r <= 0)
			break;
		got += (size_t)r;
		poll_set_wait(x->polls, 0);
	}
	say(x, "again");
	restore_stdio(x);
	assert_in_range(waited, CHARDEV_STUCK_MS - 100, CHARDEV_STUCK_MS + 1500);
	assert_true(got >= CHARDEV_OUT_LIMIT);
	assert_int_equal(read(out[0], back, sizeof back), 5);
	assert_memory_equal(back, "again", 5);
	close(in[1]);
	close(out[0]);
}

/* ---- console ---- */

struct pipes {
	int to, from; /* the user's ends */
};

static struct pipes console_open(struct fixture *x)
{
	int in[2], out[2];
	assert_int_equal(pipe(in) | pipe(out), 0);
	take_stdio(x, in[0], out[1]);
	open_ok(x, "mon:stdio");
	restore_stdio(x); /* the back end has descriptors of its own */
	return (struct pipes){in[1], out[0]};
}

static const char *type(struct fixture *x, struct pipes p, const char *keys, char *buf, size_t size)
{
	assert_int_equal(write(p.to, keys, strlen(keys)), (ssize_t)strlen(keys));
	for (int i = 0; i < 5; i++)
		poll_set_wait(x->polls, 2000000);
	return slurp(p.from, buf, size, 20);
}

/* A failure means that the Ctrl-A keys that QEMU users know do not do what they know. */
static void console_keys(void **state)
{
	struct fixture *x = *state;
	struct pipes p = console_open(x);
	char buf[1024];
	assert_string_equal(type(x, p, "ab\x01\x01" "c", buf, sizeof buf), "");
	assert_string_equal(x->f.got, "ab\x01" "c");
	x->f.room = 3;
	x->f.n = 0;
	assert_string_equal(type(x, p, "d\x01" "bef\x01" "Bgh", buf, sizeof buf), ""); /* the second one finds the first waiting */
	assert_string_equal(x->f.got, "d|e");
	x->f.room = 1000000;
	type(x, p, "", buf, sizeof buf);
	assert_string_equal(x->f.got, "d|efgh");
	assert_non_null(strstr(type(x, p, "\x01h", buf, sizeof buf), "Ctrl-A X       quit"));
	assert_string_equal(type(x, p, "\x01t", buf, sizeof buf), "");
	say(x, "one\ntwo\n");
	slurp(p.from, buf, sizeof buf, 20);
	assert_non_null(strstr(buf, "[00:00:00."));
	assert_non_null(strstr(buf, "] two\n"));
	assert_int_equal(x->k.quits, 0);
	assert_string_equal(type(x, p, "\x01x", buf, sizeof buf), "rhea: Terminated\n");
	assert_int_equal(x->k.quits, 1);
	close(p.to);
	close(p.from);
}

/* A failure means that monitor lines reach the monitor damaged, or the guest. */
static void monitor_edits_lines(void **state)
{
	struct fixture *x = *state;
	struct pipes p = console_open(x);
	char buf[4096];
	assert_non_null(strstr(type(x, p, "\x01" "c", buf, sizeof buf), "(rhea) "));
	assert_string_equal(type(x, p, "hexx\x7f\x7flp\r", buf, sizeof buf), "hexx\b \b\b \blp\nanswer\n(rhea) ");
	type(x, p, "junk\x15info registers\r\n", buf, sizeof buf);
	type(x, p, "two words\x17lines\n", buf, sizeof buf);
	type(x, p, "\x1b[A\x1b[A\x1b[B\x1b[A\r", buf, sizeof buf);
	assert_string_equal(x->k.lines, "help|info registers|two lines|info registers|");
	assert_int_equal(x->f.n, 0);
	say(x, "guest"); /* shows while the monitor has the keyboard */
	assert_string_equal(slurp(p.from, buf, sizeof buf, 20), "guest");
	type(x, p, "\x01" "cz", buf, sizeof buf);
	assert_string_equal(x->f.got, "z");
	close(p.to);
	close(p.from);
}

/* A terminal of one line that knows no more than backspace. */
struct screen {
	char text[2 * LINE_MAX_BYTES];
	unsigned at;
	char done[LINE_MAX_BYTES];
};

static void screen_put(void *opaque, const char *text, size_t n)
{
	struct screen *s = opaque;
	for (; n; n--, text++) {
		if (*text == '\n')
			s->at = 0, memset(s->text, 0, sizeof s->text);
		else if (*text == '\b')
			assert_true(s->at-- > 0);
		else
			s->text[s->at++] = *text;
	}
}

static void screen_done(void *opaque, const char *line)
{
	struct screen *s = opaque;
	snprintf(s->done, sizeof s->done, "%s", line);
}

static const char *edited(const char *keys)
{
	static struct screen s;
	struct line_editor e = {.opaque = &s, .put = screen_put, .done = screen_done};
	s = (struct screen){0};
	while (*keys)
		line_editor_key(&e, (uint8_t)*keys++);
	line_editor_key(&e, '\r');
	line_editor_free(&e);
	return s.done;
}

/* A failure means that the keys of a terminal do something else than their labels say. */
static void the_cursor_moves(void **state)
{
	(void)state;
	assert_string_equal(edited("ifo\x1b[D\x1b[Dn"), "info");
	assert_string_equal(edited("nfo\x01i\x05 irq"), "info irq");
	assert_string_equal(edited("xinfo\x1b[H\x1b[3~"), "info");
	assert_string_equal(edited("nfo\x1bOHi\x1bOF!"), "info!");
	assert_string_equal(edited("info junk\x1b[D\x1b[D\x1b[D\x1b[D\x0b"), "info ");
	assert_string_equal(edited("junk info\x1b[D\x1b[D\x1b[D\x1b[D\x15"), "info");
	assert_string_equal(edited("one two three\x01\x06\x06\x06\x06\x17"), "two three");
	assert_string_equal(edited("ab\x02\x02\x02\x02\x06\x06\x06\x06" "c\x04"), "abc");
	assert_string_equal(edited("ab\x1b[1;5D\x1b[5~\x1b[Z" "c"), "acb"); /* sequences with modifiers, and unknown ones */
}

/* A failure means that the terminal shows something else than the line that is going to be executed. */
static void what_is_seen_is_what_is_there(void **state)
{
	static const char *const keys[] = {"a", "b", " ", "\x7f", "\x01", "\x05", "\x02", "\x06", "\x04", "\x0b", "\x15", "\x17", "\x10", "\x0e", "\x1b[A",
					   "\x1b[D", "\x1b[C", "\x1b[3~", "\x1b[H", "\x1b[F", "word ", "\r"};
	struct screen s = {0};
	struct line_editor e = {.opaque = &s, .put = screen_put, .done = screen_done};
	uint32_t seed = 1;
	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * 1664525 + 1013904223;
		for (const char *k = keys[(seed >> 16) % (sizeof keys / sizeof keys[0])]; *k; k++)
			line_editor_key(&e, (uint8_t)*k);
		size_t shown = strlen(s.text);
		while (shown > e.len && s.text[shown - 1] == ' ')
			shown--;
		assert_int_equal(s.at, e.pos);
		assert_true(e.pos <= e.len && shown <= e.len && memcmp(s.text, e.line, e.len) == 0);
	}
	line_editor_free(&e);
}

/* A failure means that an endless monitor line overflows. */
static void monitor_line_is_bounded(void **state)
{
	struct fixture *x = *state;
	struct pipes p = console_open(x);
	char keys[3000], buf[8192];
	memset(keys, 'a', sizeof keys);
	memcpy(keys, "\x01" "c", 2);
	keys[sizeof keys - 2] = '\r';
	keys[sizeof keys - 1] = '\0';
	type(x, p, keys, buf, sizeof buf);
	assert_int_equal(strlen(x->k.lines), LINE_MAX_BYTES);
	close(p.to);
	close(p.from);
}

/* ---- terminals ---- */

/* A failure means a wrong Ctrl-C, or a shell left without echo. */
static void terminal_is_raw_and_restored(void **state)
{
	struct fixture *x = *state;
	static const char *const specs[] = {"stdio", "mon:stdio"};
	for (unsigned i = 0; i < 2; i++) {
		int master, slave;
		struct termios before, during, after;
		if (openpty(&master, &slave, NULL, NULL, NULL))
			skip();
		int keep = dup(slave);
		tcgetattr(keep, &before);
		take_stdio(x, slave, dup(slave));
		open_ok(x, specs[i]);
		tcgetattr(keep, &during);
		int shared_flags = fcntl(0, F_GETFL);
		assert_int_equal(write(master, "k\r", 2), 2);
		x->f.n = 0;
		poll_until(x, 2);
		assert_int_equal(chardev_set_open(x->set, &x->f.c, "none", NULL), RHEA_OK);
		tcgetattr(keep, &after);
		restore_stdio(x);
		assert_false(during.c_lflag & (ECHO | ICANON));
		assert_int_equal((during.c_lflag & ISIG) != 0, i == 0);
		assert_true(during.c_oflag & OPOST);
		assert_false(shared_flags & O_NONBLOCK);
		assert_string_equal(x->f.got, "k\r");
		assert_memory_equal(&before, &after, offsetof(struct termios, c_cc) + NCCS); /* padding follows */
		close(master);
		close(keep);
	}
}

/* A failure means that Ctrl-A X cannot end a guest that never reads its UART. */
static void quit_works_when_the_guest_reads_nothing(void **state)
{
	struct fixture *x = *state;
	int master, slave;
	static char flood[2048];
	if (openpty(&master, &slave, NULL, NULL, NULL))
		skip();
	x->f.room = 0;
	take_stdio(x, slave, dup(slave));
	open_ok(x, "mon:stdio");
	restore_stdio(x);
	memset(flood, 'f', sizeof flood);
	for (unsigned i = 0; i < CHARDEV_CONSOLE_LIMIT / sizeof flood + 8; i++) {
		assert_int_equal(write(master, flood, sizeof flood), sizeof flood);
		for (int k = 0; k < 4; k++)
			poll_set_wait(x->polls, 1000000);
	}
	assert_int_equal(write(master, "\x01x", 2), 2);
	for (int i = 0; i < 50 && !x->k.quits; i++)
		poll_set_wait(x->polls, 10000000);
	assert_int_equal(x->k.quits, 1);
	close(master);
}

/* Opens the other side of the pty behind x. */
static int pty_attach(struct fixture *x)
{
	const struct chardev_backend *b = x->f.c.backend;
	char name[64];
	assert_int_equal(ptsname_r(b->in_fd, name, sizeof name), 0);
	return open(name, O_RDWR | O_NOCTTY);
}

/* A failure means that a pty echoes, spins while nobody holds it, or does not take a second user. */
static void pty_users_come_and_go(void **state)
{
	struct fixture *x = *state;
	char buf[64];
	open_ok(x, "pty");
	say(x, "nobody hears this");
	uint64_t t = chardev_clock_ns();
	poll_set_wait(x->polls, 60000000);
	assert_true(elapsed_ms(t) >= 50);
	for (unsigned round = 1; round <= 2; round++) {
		int fd = pty_attach(x);
		assert_true(fd >= 0);
		usleep(1000 * (unsigned)(CHARDEV_PTY_CHECK_NS / 1000000 + 20));
		say(x, "hello\n");
		assert_string_equal(slurp(fd, buf, sizeof buf, 50), "hello\n");
		assert_int_equal(write(fd, "key", 3), 3);
		poll_until(x, 3 * round);
		close(fd);
		poll_set_wait(x->polls, 1000000);
	}
	assert_string_equal(x->f.got, "keykey");
}

/* ---- sockets ---- */

static int listener(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4))
		return -1;
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

static int connect_to(const struct chardev_backend *b)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	assert_int_equal(getsockname(b->listen_fd, (struct sockaddr *)&a, &len), 0);
	int fd = socket(a.ss_family, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, len), 0);
	return fd;
}

static void server_serves_one_after_the_other(struct fixture *x)
{
	char buf[64];
	say(x, "nobody");
	for (unsigned round = 1; round <= 3; round++) {
		int fd = connect_to(x->f.c.backend);
		poll_set_wait(x->polls, 100000000);
		say(x, "hi\n");
		assert_string_equal(slurp(fd, buf, sizeof buf, 50), "hi\n");
		assert_int_equal(write(fd, "in", 2), 2);
		poll_until(x, 2 * round);
		close(fd);
		poll_set_wait(x->polls, 100000000);
		assert_true(poll_set_can_input(x->polls));
		for (int i = 0; i < 3; i++)
			say(x, "to nobody again");
	}
	assert_string_equal(x->f.got, "ininin");
}

/* A failure means that a telnet session that ends takes the port with it. */
static void tcp_server_takes_clients_in_turn(void **state)
{
	open_ok(*state, "tcp:127.0.0.1:0,server=on,wait=off,nodelay");
	server_serves_one_after_the_other(*state);
	open_ok(*state, "tcp:localhost:0,server,nowait,ipv6=off");
}

static void unix_server_takes_clients_in_turn(void **state)
{
	char spec[128];
	snprintf(spec, sizeof spec, "unix:/tmp/rhea-test-%d.sock,server=on,wait=off", (int)getpid());
	open_ok(*state, spec);
	open_ok(*state, spec); /* again: the stale socket is no obstacle */
	server_serves_one_after_the_other(*state);
	struct fixture *x = *state;
	open_ok(x, "none");
	spec[strcspn(spec, ",")] = '\0';
	assert_int_equal(access(spec + 5, F_OK), -1);
}

/* A failure means that a client's guest dies or spins when the server goes away. */
static void tcp_client_survives_its_server(void **state)
{
	struct fixture *x = *state;
	uint16_t port;
	char spec[64], buf[64];
	int l = listener(&port);
	assert_true(l >= 0);
	snprintf(spec, sizeof spec, "tcp:127.0.0.1:%u", port);
	open_ok(x, spec);
	int fd = accept(l, NULL, NULL);
	say(x, "dial");
	assert_string_equal(slurp(fd, buf, sizeof buf, 50), "dial");
	assert_int_equal(write(fd, "ok", 2), 2);
	close(fd);
	poll_until(x, 2);
	poll_set_wait(x->polls, 10000000);
	say(x, "gone");
	assert_string_equal(x->f.got, "ok");
	assert_false(poll_set_can_input(x->polls));
	uint64_t t = chardev_clock_ns();
	poll_set_wait(x->polls, 60000000);
	assert_true(elapsed_ms(t) >= 50);
	close(l);
}

static void *connect_later(void *arg)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons(*(uint16_t *)arg);
	usleep(50000);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		(void)!write(fd, "first", 5);
	usleep(100000);
	close(fd);
	return NULL;
}

/* A failure means that a server without wait=off starts the guest before its client is there. */
static void server_waits_for_its_client(void **state)
{
	struct fixture *x = *state;
	uint16_t port;
	char spec[64];
	pthread_t t;
	close(listener(&port)); /* a port that is free now */
	snprintf(spec, sizeof spec, "tcp:127.0.0.1:%u,server", port);
	pthread_create(&t, NULL, connect_later, &port);
	open_ok(x, spec);
	poll_until(x, 5);
	pthread_join(t, NULL);
	assert_string_equal(x->f.got, "first");
}

/* A failure means that Ctrl-C cannot end a server that waits. */
static void waiting_server_can_be_interrupted(void **state)
{
	struct fixture *x = *state;
	struct rhea_error err;
	poll_set_wake(x->polls);
	assert_int_equal(chardev_set_open(x->set, &x->f.c, "tcp:127.0.0.1:0,server", &err), RHEA_ERR_HOST);
	assert_non_null(strstr(err.msg, "interrupted while waiting"));
}

/* ---- waking ---- */

static void *wake_later(void *polls)
{
	usleep(50000);
	poll_set_wake(polls);
	return NULL;
}

/* A failure means that rhea_stop cannot end a guest that sleeps. */
static void wake_ends_a_blocking_poll(void **state)
{
	struct fixture *x = *state;
	pthread_t t;
	uint64_t start = chardev_clock_ns();
	pthread_create(&t, NULL, wake_later, x->polls);
	poll_set_wait(x->polls, POLL_FOREVER);
	assert_in_range(elapsed_ms(start), 40, 5000);
	pthread_join(t, NULL);
	poll_set_wake(x->polls); /* before the poll: it must not be lost */
	poll_set_wait(x->polls, POLL_FOREVER);
	start = chardev_clock_ns();
	poll_set_wait(x->polls, 30000000);
	assert_true(elapsed_ms(start) >= 25);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(bad_specs_are_explained),
		T(overlong_specs_are_refused),
		T(one_port_owns_stdio),
		T(file_gets_every_byte),
		T(full_disk_does_not_stop_the_guest),
		T(callback_input_waits_for_the_guest),
		T(queue_keeps_order),
		T(piped_input_arrives_then_ends),
		T(closed_pipe_does_not_stop_the_guest),
		T(stuck_reader_costs_a_bounded_wait),
		T(console_keys),
		T(monitor_edits_lines),
		T(the_cursor_moves),
		T(what_is_seen_is_what_is_there),
		T(monitor_line_is_bounded),
		T(terminal_is_raw_and_restored),
		T(quit_works_when_the_guest_reads_nothing),
		T(pty_users_come_and_go),
		T(tcp_server_takes_clients_in_turn),
		T(unix_server_takes_clients_in_turn),
		T(tcp_client_survives_its_server),
		T(server_waits_for_its_client),
		T(waiting_server_can_be_interrupted),
		T(wake_ends_a_blocking_poll),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
