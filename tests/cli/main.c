/* SPDX-License-Identifier: Apache-2.0 */
/* The program around a fake machine: what it asks of the API, its exit status, its end by signals. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The program under test; the one place where a path from the command line has to stay. */
static const char *program(void **state)
{
	return *state;
}

static int read_pipe(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;
	while (n + 1 < size && (r = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	close(fd);
	return (int)n;
}

struct result {
	int status;
	char out[8192], err[2048];
};

/* Runs the program with `line`; sends `sig` once it runs (0 = none). */
static void launch(const char *path, const char *line, int sig, struct result *r)
{
	char words[1024], *argv[48] = {(char *)path}, *save = NULL;
	int out[2], err[2], n = 1, status;
	assert_true(path && pipe(out) == 0 && pipe(err) == 0);
	snprintf(words, sizeof words, "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv(path, argv);
		_exit(99);
	}
	close(out[1]);
	close(err[1]);
	if (sig) { /* its output is flushed when rhea_run begins: by then its handlers are there, however busy the host is */
		struct pollfd ready = {.fd = out[0], .events = POLLIN};
		poll(&ready, 1, 20000);
		usleep(50000);
		kill(pid, sig);
	}
	read_pipe(out[0], r->out, sizeof r->out);
	read_pipe(err[0], r->err, sizeof r->err);
	waitpid(pid, &status, 0);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(void **state, const char *line, int status, const char *out, const char *err)
{
	struct result r;
	launch(program(state), line, 0, &r);
	if (r.status != status || strcmp(r.out, out) != 0 || strcmp(r.err, err) != 0)
		fail_msg("%s:\nstatus %d\nstdout:\n%s\nstderr:\n%s", line, r.status, r.out, r.err);
}

#define P "rhea-system-arm: "

/* A failure means that scripts see another exit status. */
static void exit_status(void **state)
{
	expect(state, "-M exit7 -nographic -kernel k", 7,
	       "new exit7 ram=0 accel=0 semihosting=0\nkernel k\nserial 0 mon:stdio\nrun\nfree\n", "");
	expect(state, "-M off -nographic -kernel k -m 1M -accel interp", 0,
	       "new off ram=1048576 accel=1 semihosting=0\nkernel k\nserial 0 mon:stdio\nrun\nfree\n", "");
	expect(state, "-M reset -display none -kernel k", 0, "new reset ram=0 accel=0 semihosting=0\nkernel k\nrun\nfree\n", "");
	expect(state, "-M exit7 -display none -loadvm l -snapshot-save s", 7,
	       "new exit7 ram=0 accel=0 semihosting=0\nloadvm l\nrun\nsavevm s\nfree\n", "rhea-system-arm: l: 7 %\n");
	expect(state, "-M exit7 -display none -loadvm bad", 1, "new exit7 ram=0 accel=0 semihosting=0\nloadvm bad\nfree\n",
	       "rhea-system-arm: bad: 7 %\nrhea-system-arm: -loadvm: no snapshot\n");
	expect(state, "-M exit7 -display none -kernel k -snapshot-save /no/such/folder/s", 1, "new exit7 ram=0 accel=0 semihosting=0\nfree\n",
	       P "-snapshot-save: cannot write to '/no/such/folder/s': No such file or directory\n");
	expect(state, "-M exit7 -display none -kernel k -snapshot-save /dev/null", 1, "new exit7 ram=0 accel=0 semihosting=0\nfree\n",
	       P "-snapshot-save: cannot write to '/dev/null': not a regular file\n");
	expect(state, "-M exit7 -display none -kernel k -snapshot-save bad", 1, "new exit7 ram=0 accel=0 semihosting=0\nkernel k\nrun\nsavevm bad\nfree\n",
	       "rhea-system-arm: no space\n");
	expect(state, "-M exit7 -display png:s -kernel k", 7,
	       "new exit7 ram=0 accel=0 semihosting=0\nkernel k\ndisplay png:s\nrun\nscreendump \nfree\n", "");
	expect(state, "-M differ -display none -kernel k", 1, "new differ ram=0 accel=0 semihosting=0\nkernel k\nrun\nfree\n",
	       P "interpreter and translated code differ; the report is in the log\n");
	expect(state, "-M halt -display none -kernel k", 0, "new halt ram=0 accel=0 semihosting=0\nkernel k\nrun\nfree\n",
	       P "the guest waits for an interrupt that can never come; ending\n");
}

/* A failure means that an error does not come as one line and status 1. */
static void errors(void **state)
{
	expect(state, "-M nope -kernel k -nographic", 1, "", P "unknown machine 'nope'\n");
	expect(state, "-M off -kernel missing -nographic", 1, "new off ram=0 accel=0 semihosting=0\nfree\n",
	       P "missing: No such file or directory\n");
	expect(state, "-frobnicate", 1, "", P "-frobnicate: unknown option (--help lists all)\n");
	expect(state, "-M off -kernel k -serial null -serial null -serial pty", 1,
	       "new off ram=0 accel=0 semihosting=0\nkernel k\nserial 0 null\nserial 1 null\nfree\n",
	       P "-serial pty: the board has 2 serial ports\n");
	expect(state, "-M off -display none -device loader,addr=0x2000,data=1,data-len=1", 1,
	       "new off ram=0 accel=0 semihosting=0\nbytes 2000 0: 01\nfree\n", P "no memory there\n");
	expect(state, "-M off", 0, "new off ram=0 accel=0 semihosting=0\nrun\nfree\n",
	       P "no window is shown and no serial port connected; -nographic shows serial port 0 here\n"
	       P "no image given (-kernel, -bios or -device loader): the guest executes empty memory\n");
}

/* A failure means that images or logs reach the machine in another way. */
static void loading(void **state)
{
	char elf[] = "/tmp/rhea-test-XXXXXX", line[256], want[512];
	int fd = mkstemp(elf);
	assert_int_equal(write(fd, "\177ELF", 4), 4);
	close(fd);
	snprintf(line, sizeof line, "-M off -semihosting -kernel %s -append a -display none -device loader,file=%s,addr=1", elf, elf);
	snprintf(want, sizeof want,
		 "new off ram=0 accel=0 semihosting=1\narg %s\narg a\nkernel %s\nwith - a -\nfile %s 0 1 0\nrun\nfree\n", elf, elf, elf);
	expect(state, line, 0, want, "");
	snprintf(line, sizeof line, "-M off -kernel %s -dtb d -display none", elf);
	snprintf(want, sizeof want, "new off ram=0 accel=0 semihosting=0\nkernel %s\nwith - - d\nrun\nfree\n", elf);
	expect(state, line, 0, want, P "-dtb: ignored, an ELF kernel is started without boot parameters\n");
	unlink(elf);
	expect(state, "-M off,initrd=i -display none -kernel k -append a=b", 0,
	       "new off ram=0 accel=0 semihosting=0\nkernel k\nwith i a=b -\nrun\nfree\n", "");
	expect(state,
	       "-M off -display none -bios b -device loader,file=f,addr=0x20,cpu-num=0 "
	       "-device loader,addr=0x10,data=0x1234,data-len=4 -device loader,addr=0x10,data=0x12,data-len=2,data-be=on "
	       "-device loader,addr=0x40,cpu-num=0 -d int -D log -dfilter 0..1 -perfmap -jitdump -coverage c.info,merge=on -profile p,period=2000 -explore e.html -trace t,what=mem+blocks,last=2k -symbols e", 0,
	       "new off ram=0 accel=0 semihosting=0\nlog file log\nlog filter 0..1\nlog items int\nperfmap -\njitdump -\ncoverage c.info merge\nprofile p 2000\nexplore e.html 0\ntrace t 3 2048\nsymbols e\nbios b\n"
	       "file f 1 20 1\nbytes 10 0: 34 12 00 00\nbytes 10 0: 00 12\nbytes 40 1:\nrun\nfree\n", "");
}

/* A failure means that Ctrl-C or kill does not end the program cleanly, terminal included. */
static void signals_end_it(void **state)
{
	static const struct {
		const char *machine;
		int sig;
	} rows[] = {{"spin", SIGINT}, {"spin", SIGTERM}, {"spin", SIGHUP}, {"deaf", SIGTERM}};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct result r;
		char line[64], want[128];
		snprintf(line, sizeof line, "-M %s -kernel k -display none", rows[i].machine);
		launch(program(state), line, rows[i].sig, &r);
		snprintf(want, sizeof want, P "terminating on signal %d from pid %d (", rows[i].sig, (int)getpid());
		assert_int_equal(r.status, 0);
		assert_non_null(strstr(r.out, "run\nfree\n"));
		assert_memory_equal(r.err, want, strlen(want));
	}
}

/* A failure means that the card is plugged into something else than what was said. */
static void network(void **state)
{
	expect(state, "-M net -display none -kernel k", 0, "new net ram=0 accel=0 semihosting=0\nkernel k\nnet 0 user\nrun\nfree\n", "");
	expect(state, "-M net -display none -kernel k -nodefaults", 0,
	       "new net ram=0 accel=0 semihosting=0\nkernel k\nrun\nfree\n", "");
	expect(state, "-M net -display none -kernel k -nic none", 0,
	       "new net ram=0 accel=0 semihosting=0\nkernel k\nrun\nfree\n", "");
	expect(state, "-M net -display none -kernel k -nic user -nic user,id=b", 1,
	       "new net ram=0 accel=0 semihosting=0\nkernel k\nnet 0 user\nnet 1 user,id=b\nfree\n", P "no such card\n");
}

static void information(void **state)
{
	struct result r;
	expect(state, "--version", 0, "rhea-system-arm version 0.0-fake\n", "");
	expect(state, "-M help", 0, "Boards (-M NAME):\n  fake             a fake\n", "");
	launch(program(state), "--help", 0, &r);
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "Usage: rhea-system-arm -M BOARD"));
}

int main(int argc, char **argv)
{
	char *path = argc > 1 ? argv[1] : NULL;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(exit_status, path), cmocka_unit_test_prestate(errors, path),
		cmocka_unit_test_prestate(loading, path),     cmocka_unit_test_prestate(signals_end_it, path),
		cmocka_unit_test_prestate(information, path), cmocka_unit_test_prestate(network, path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
