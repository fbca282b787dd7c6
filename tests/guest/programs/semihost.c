/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting: files, console, command line, errors, time. The exit status is 7. Failure: the call named, or a write
 * by the host into guest code that leaves an old translation. Document: Arm IHI "Semihosting for AArch32 and AArch64". */
#include <string.h>

#include "guest.h"

enum { OPEN = 1, CLOSE, WRITEC, WRITE0, WRITE, READ, READC, ISERROR, ISTTY, SEEK, FLEN = 12, TMPNAM, REMOVE, RENAME, CLOCK, TIME, SYSTEM, ERRNO, GET_CMDLINE = 0x15, HEAPINFO, ELAPSED = 0x30, TICKFREQ };

static int call3(int op, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t arg[3] = { a, b, c };

	return (int)guest_semihost((uint32_t)op, arg);
}

static uint32_t ptr(const void *p) { return (uint32_t)(uintptr_t)p; }
static int sh_open(const char *name, uint32_t mode) { return call3(OPEN, ptr(name), mode, strlen(name)); }

static void files(void)
{
	char buf[64] = { 0 };
	int f = sh_open("guest.tmp", 6); /* w+ */

	printf("open %s\n", f > 0 ? "ok" : "FAILED");
	printf("write %d\n", call3(WRITE, (uint32_t)f, ptr("0123456789abcdef"), 16));
	printf("flen %d istty %d\n", call3(FLEN, (uint32_t)f, 0, 0), call3(ISTTY, (uint32_t)f, 0, 0));
	printf("seek %d\n", call3(SEEK, (uint32_t)f, 10, 0));
	printf("read %d", call3(READ, (uint32_t)f, ptr(buf), 4));
	printf(" '%s'\n", buf);
	printf("short read %d", call3(READ, (uint32_t)f, ptr(buf), 40));
	printf(" '%s'\n", buf);
	printf("at the end %d\n", call3(READ, (uint32_t)f, ptr(buf), 5));
	printf("close %d again %d\n", call3(CLOSE, (uint32_t)f, 0, 0), call3(CLOSE, (uint32_t)f, 0, 0));
	{
		uint32_t arg[4] = { ptr("guest.tmp"), 9, ptr("guest2.tmp"), 10 };
		printf("rename with lengths %d\n", (int)guest_semihost(RENAME, arg));
	}
	f = sh_open("guest2.tmp", 0);
	memset(buf, 0, sizeof(buf));
	printf("reopen %d", call3(READ, (uint32_t)f, ptr(buf), 16));
	printf(" '%s' write to it %d\n", buf, call3(WRITE, (uint32_t)f, ptr("x"), 1));
	call3(CLOSE, (uint32_t)f, 0, 0);
	f = sh_open("guest2.tmp", 8); /* a */
	call3(SEEK, (uint32_t)f, (uint32_t)call3(FLEN, (uint32_t)f, 0, 0), 0); /* not every host appends by itself */
	call3(WRITE, (uint32_t)f, ptr("+more"), 5);
	printf("appended: flen %d\n", call3(FLEN, (uint32_t)f, 0, 0));
	call3(CLOSE, (uint32_t)f, 0, 0);
	printf("remove %d again %d errno %d\n", call3(REMOVE, ptr("guest2.tmp"), 10, 0), call3(REMOVE, ptr("guest2.tmp"), 10, 0),
	       (int)guest_semihost(ERRNO, NULL));
	printf("missing %d errno %d\n", sh_open("no/such/file", 0), (int)guest_semihost(ERRNO, NULL));
}

/* The host reads a file over code that has been translated already. */
static void code_from_file(void)
{
	static uint32_t code[8] __attribute__((aligned(8))) = { 0xe3a00001 /* mov r0, #1 */, 0xe12fff1e /* bx lr */ };
	uint32_t other = 0xe3a00002;
	int (*volatile fn)(void) = (int (*)(void))(uintptr_t)code, f, a, b;

	a = fn();
	f = sh_open("code.tmp", 7); /* w+b */
	call3(WRITE, (uint32_t)f, ptr(&other), 4);
	call3(SEEK, (uint32_t)f, 0, 0);
	call3(READ, (uint32_t)f, ptr(code), 4);
	b = fn();
	call3(CLOSE, (uint32_t)f, 0, 0);
	call3(REMOVE, ptr("code.tmp"), 8, 0);
	printf("code before %d after %d\n", a, b);
}

int main(void)
{
	char cmd[80] = { 0 };
	uint32_t cmdline[2] = { ptr(cmd), sizeof(cmd) }, heap[4] = { 0 }, heap_block = ptr(heap), elapsed[2] = { 0, 0 };
	int r, t0, t1;

	files();
	code_from_file();
	r = (int)guest_semihost(GET_CMDLINE, cmdline);
	printf("cmdline %d %u '%s'\n", r, (unsigned)cmdline[1], cmd);
	guest_semihost(HEAPINFO, &heap_block);
	printf("heap %s\n", heap[0] < heap[1] && heap[2] && heap[1] <= 128u << 20 ? "plausible" : "ODD");
	t0 = (int)guest_semihost(CLOCK, NULL);
	t1 = (int)guest_semihost(CLOCK, NULL);
	printf("clock %s, time %s, elapsed %d, tickfreq %s\n", t0 >= 0 && t1 >= t0 ? "runs" : "ODD", guest_semihost(TIME, NULL) > 1500000000u ? "set" : "ODD",
	       (int)guest_semihost(ELAPSED, elapsed), (int)guest_semihost(TICKFREQ, NULL) > 0 ? "known" : "unknown");
	r = sh_open(":tt", 0);
	t0 = sh_open(":tt", 4);
	printf("consoles %s\n", r >= 0 && t0 >= 0 && r != t0 ? "open" : "FAILED");
	printf("iserror %d %d\n", call3(ISERROR, 0, 0, 0) != 0, call3(ISERROR, (uint32_t)-1, 0, 0) != 0);
	r = sh_open(":semihosting-features", 0);
	memset(cmd, 0, sizeof(cmd));
	t0 = call3(READ, (uint32_t)r, ptr(cmd), 5);
	printf("features %d %02x %02x %02x %02x bits %02x\n", t0, cmd[0], cmd[1], cmd[2], cmd[3], cmd[4]);
	printf("bad handle: write %d flen %d\n", call3(WRITE, 4321, ptr("x"), 1), call3(FLEN, 4321, 0, 0));
	return 7;
}
