/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Linux program for the guest, system calls only (EABI, r7 = number): storms of page faults, mappings, copies on
 * write, signals and generated code. Each part checks itself and prints "ok NAME"; the exit status is 1 at the first that fails.
 */
typedef unsigned long word;
typedef unsigned char byte;

enum { SYS_exit = 1, SYS_fork = 2, SYS_write = 4, SYS_getpid = 20, SYS_kill = 37, SYS_munmap = 91, SYS_wait4 = 114,
       SYS_mprotect = 125, SYS_sigreturn = 119, SYS_rt_sigreturn = 173, SYS_rt_sigaction = 174, SYS_mmap2 = 192, SYS_mremap = 163,
       SYS_cacheflush = 0xf0002 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_ANON = 0x20 };
enum { SIGUSR1 = 10, SIGSEGV = 11, SIGILL = 4, SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_NODEFER = 0x40000000 };
#define PAGE 4096u

static long sys(word n, word a, word b, word c, word d, word e, word f)
{
	register word r0 asm("r0") = a, r1 asm("r1") = b, r2 asm("r2") = c, r3 asm("r3") = d, r4 asm("r4") = e, r5 asm("r5") = f,
		      r7 asm("r7") = n;
	asm volatile("svc #0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r7) : "memory");
	return (long)r0;
}

#define SYS1(n, a) sys(n, (word)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) sys(n, (word)(a), (word)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) sys(n, (word)(a), (word)(b), (word)(c), 0, 0, 0)

static void print(const char *s)
{
	unsigned n = 0;
	while (s[n])
		n++;
	SYS3(SYS_write, 1, s, n);
}

static void done(const char *name, int good)
{
	print(good ? "ok " : "FAILED ");
	print(name);
	print("\n");
	if (!good)
		SYS1(SYS_exit, 1);
}

static byte *map(word size, int prot, int flags)
{
	return (byte *)sys(SYS_mmap2, 0, size, (word)prot, (word)flags, (word)-1, 0);
}

/* ---- signals ---- */

struct action {
	void (*handler)(int sig, void *info, void *context);
	word flags;
	void (*restorer)(void);
	word mask[2];
};

__attribute__((naked)) static void restorer(void)
{
	asm volatile("mov r7, #173\n\tsvc #0");
}

static void on(int sig, void (*handler)(int, void *, void *))
{
	struct action a = {handler, SA_SIGINFO | SA_RESTORER | SA_NODEFER, restorer, {0, 0}};
	sys(SYS_rt_sigaction, (word)sig, (word)&a, 0, 8, 0, 0);
}

static volatile word hits;
static byte *volatile guarded;

/* Opens the page that was touched; siginfo holds its address in its fourth word. */
static void open_page(int sig, void *info, void *context)
{
	word at = ((word *)info)[3];
	(void)sig, (void)context;
	hits++;
	if (at < (word)guarded || at >= (word)guarded + 256 * PAGE)
		SYS1(SYS_exit, 2);
	SYS3(SYS_mprotect, at & ~(PAGE - 1), PAGE, PROT_READ | PROT_WRITE);
}

/* The context's pc is word 5 + 3 + 15: uc_flags, uc_link, uc_stack (3), then trap_no, error_code, oldmask, r0... */
static void skip_insn(int sig, void *info, void *context)
{
	(void)sig, (void)info;
	hits++;
	((word *)context)[5 + 3 + 15] += 4;
}

static void count(int sig, void *info, void *context)
{
	(void)sig, (void)info, (void)context;
	hits++;
}

/* ---- the storms ---- */

static int touch_fresh_pages(void)
{
	for (word round = 0; round < 40; round++) {
		byte *p = map(512 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON);
		for (word i = 0; i < 512; i++)
			if (p[i * PAGE + round])
				return 0;
		for (word i = 0; i < 512; i++)
			*(word *)(p + i * PAGE) = i * round;
		for (word i = 0; i < 512; i++)
			if (*(word *)(p + i * PAGE) != i * round)
				return 0;
		SYS2(SYS_munmap, p, 512 * PAGE);
	}
	return 1;
}

static int protect_and_fault(void)
{
	on(SIGSEGV, open_page);
	hits = 0;
	for (word round = 0; round < 10; round++) {
		guarded = map(256 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANON);
		for (word i = 0; i < 256; i++)
			guarded[(i * 37 % 256) * PAGE + 5] = (byte)i;
		for (word i = 0; i < 256; i++)
			if (guarded[(i * 37 % 256) * PAGE + 5] != (byte)i)
				return 0;
		SYS2(SYS_munmap, guarded, 256 * PAGE);
	}
	return hits == 2560;
}

/* Restartable: a multiple store whose second half lies on a page that faults. */
static int multiple_across_fault(void)
{
	hits = 0;
	for (word round = 0; round < 200; round++) {
		guarded = map(256 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANON);
		word *at = (word *)(guarded + PAGE - 16), out[8];
		asm volatile("mov r2, #1\n\tmov r3, #2\n\tmov r4, #3\n\tmov r5, #4\n\tmov r6, #5\n\tmov r8, #6\n\tmov r9, #7\n\tmov r10, #8\n\t"
			     "mov r12, %0\n\tstmia r12!, {r2-r6, r8-r10}\n\tldmdb r12!, {r2-r6, r8-r10}\n\tstmia %1, {r2-r6, r8-r10}"
			     : : "r"(at), "r"(out) : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "memory");
		for (word i = 0; i < 8; i++)
			if (out[i] != i + 1)
				return 0;
		SYS2(SYS_munmap, guarded, 256 * PAGE);
	}
	return hits == 400;
}

static int copy_on_write(void)
{
	byte *p = map(128 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON);
	volatile word *shared = (word *)map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON);
	for (word i = 0; i < 128; i++)
		p[i * PAGE] = (byte)i;
	for (word child = 0; child < 40; child++) {
		long pid = SYS1(SYS_fork, 0);
		if (pid == 0) {
			word sum = 0;
			for (word i = 0; i < 128; i++)
				sum += p[i * PAGE]++;
			shared[child] = sum;
			SYS1(SYS_exit, child);
		}
		word status;
		if (sys(SYS_wait4, (word)pid, (word)&status, 0, 0, 0, 0) != pid || status != child << 8 || shared[child] != 127 * 64)
			return 0;
	}
	for (word i = 0; i < 128; i++)
		if (p[i * PAGE] != (byte)i)
			return 0;
	return 1;
}

static int moving_mappings(void)
{
	byte *p = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON);
	for (word n = 1; n < 200; n++) {
		p[(n - 1) * PAGE] = (byte)n;
		p = (byte *)sys(SYS_mremap, (word)p, n * PAGE, (n + 1) * PAGE, 1, 0, 0);
		if ((long)p < 0 && (long)p > -4096)
			return 0;
		for (word i = 0; i < n; i += 17)
			if (p[i * PAGE] != (byte)(i + 1))
				return 0;
	}
	return 1;
}

/* Code written, flushed as Linux wants it, called; the same page over and over, and then at other addresses. */
static int generated_code(void)
{
	for (word page = 0; page < 8; page++) {
		word *code = (word *)map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANON);
		for (word i = 0; i < 250; i++) {
			code[0] = 0xe3a00000 | i; /* mov r0, #i */
			code[1] = 0xe2800000 | page; /* add r0, r0, #page */
			code[2] = 0xe12fff1e; /* bx lr */
			SYS3(SYS_cacheflush, code, code + 3, 0);
			if (((word(*)(void))code)() != i + page)
				return 0;
		}
		SYS2(SYS_munmap, code, PAGE);
	}
	return 1;
}

static int undefined_insns(void)
{
	on(SIGILL, skip_insn);
	hits = 0;
	for (word i = 0; i < 2000; i++)
		asm volatile(".word 0xe7f000f0");
	return hits == 2000;
}

static int own_signals(void)
{
	on(SIGUSR1, count);
	hits = 0;
	long pid = SYS1(SYS_getpid, 0);
	for (word i = 0; i < 3000; i++)
		SYS2(SYS_kill, pid, SIGUSR1);
	return hits == 3000;
}

void _start(void)
{
	done("fresh pages", touch_fresh_pages());
	done("protected pages", protect_and_fault());
	done("multiple across a fault", multiple_across_fault());
	done("copy on write", copy_on_write());
	done("moving mappings", moving_mappings());
	done("generated code", generated_code());
	done("undefined instructions", undefined_insns());
	done("signals", own_signals());
	print("stress: all good\n");
	SYS1(SYS_exit, 0);
}
