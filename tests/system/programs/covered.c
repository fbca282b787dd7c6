/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For coverage.py: built with -O0 -g. What stands behind "=" at the end of a line is how often it runs, counted by hand;
 * lines without it have no code of their own. A `for` line runs as often as its condition, the brace that ends a function
 * once each call. "branches 2+7": a conditional branch of the line went one way twice and the other seven times.
 */
#include "system.h"

static int collatz(int n)
{                                       /* = 3 */
	int steps = 0;                  /* = 3 */

	while (n != 1) {                /* = 12: 1, 2 and 6 take 0, 1 and 8 steps; branches 9+3 */
		if (n % 2)              /* = 9; branches 2+7 */
			n = 3 * n + 1;  /* = 2 */
		else
			n = n / 2;      /* = 7; Thumb looks at the sign: branches 0+7 */
		steps++;                /* = 9 */
	}
	return steps;                   /* = 3 */
}                                       /* = 3 */

static int never(int n)
{                                       /* = 0 */
	return n * 2;                   /* = 0 */
}                                       /* = 0 */

/* SCTLR.A: what is not aligned aborts. */
__attribute__((target("arm"), noinline)) static void check_alignment(void)
{                                       /* = 1 */
	uint32_t sctlr;
	__asm__ volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(sctlr)); /* = 1 */
	__asm__ volatile("mcr p15, 0, %0, c1, c0, 0" : : "r"(sctlr | 2)); /* = 1 */
}                                       /* = 1 */

/* The handler at the vector skips the load: what is behind it in the same block runs once, not twice. */
static int abort_and_go_on(volatile int *p)
{                                       /* = 5 */
	int before = 1;                 /* = 5 */
	int lost = *p;                  /* = 5 */
	int after = before + 1;         /* = 5 */
	after += 2;                     /* = 5 */
	return after + (lost & 0);      /* = 5 */
}                                       /* = 5 */

static int classify(int n)
{                                       /* = 20 */
	switch (n & 3) {                /* = 20; branches 5+15 5+10 */
	case 0:
		return 10;              /* = 5 */
	case 1:
		return 20;              /* = 5 */
	default:
		return n > 100 ? never(n) : 30; /* = 10; branches 0+10 */
	}
}                                       /* = 20 */

int main(void)
{                                       /* = 1 */
	int sum = 0;                    /* = 1 */
#ifdef __thumb__
	REG(0x10) = 0xe25ef006;         // data abort: subs pc, lr, #6
#else
	REG(0x10) = 0xe25ef004;
#endif
	check_alignment();              /* = 1 */
	for (int i = 0; i < 20; i++)    /* = 21; branches 20+1 */
		sum += classify(i);     /* = 20 */
	for (int i = 0; i < 5; i++)     /* = 6; branches 5+1 */
		sum += abort_and_go_on((volatile int *)0x50001); /* = 5 */
	sum += collatz(1);              /* = 1 */
	sum += collatz(2);              /* = 1 */
	sum += collatz(6);              /* = 1 */
	if (sum == 50 + 100 + 300 + 20 + 9)                 /* = 1; branches 0+1 */
		semihost_exit(0);       /* = 1 */
	semihost_exit((uint32_t)sum);   /* = 0 */
	for (;;)                        /* = 0 */
		;
}
