/* SPDX-License-Identifier: Apache-2.0 */
/* Deep and mutual recursion; failure: calls, returns, push and pop, or prediction of returns. */
#include "guest.h"

#define NOINLINE __attribute__((noinline, noclone))

static NOINLINE unsigned ackermann(unsigned m, unsigned n)
{
	if (m == 0)
		return n + 1;
	if (n == 0)
		return ackermann(m - 1, 1);
	return ackermann(m - 1, ackermann(m, n - 1));
}

static NOINLINE unsigned fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static NOINLINE int tak(int x, int y, int z)
{
	return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static NOINLINE unsigned queens(unsigned n, unsigned row, unsigned cols, unsigned left, unsigned right)
{
	unsigned count = 0, all = (1u << n) - 1, open;

	if (row == n)
		return 1;
	for (open = all & ~(cols | left | right); open; open &= open - 1) {
		unsigned bit = open & -open;
		count += queens(n, row + 1, cols | bit, (left | bit) << 1, (right | bit) >> 1);
	}
	return count;
}

static int is_odd(unsigned n);
static NOINLINE int is_even(unsigned n) { return n ? is_odd(n - 1) : 1; }
static NOINLINE int is_odd(unsigned n) { return n ? is_even(n - 1) : 0; }

static unsigned moves;
static NOINLINE void hanoi(unsigned n, unsigned from, unsigned to)
{
	if (!n)
		return;
	hanoi(n - 1, from, 6 - from - to);
	moves = moves * 3 + from * 7 + to;
	hanoi(n - 1, 6 - from - to, to);
}

/* Two million bytes of stack would overflow; 60 levels of 4 KiB do not, and cross many pages. */
static NOINLINE unsigned wide(unsigned level)
{
	volatile unsigned char frame[4096];

	frame[0] = (unsigned char)level;
	frame[4095] = (unsigned char)(level * 3);
	return level ? wide(level - 1) + frame[0] + frame[4095] : 0;
}

int main(void)
{
	printf("ackermann %u %u\n", ackermann(2, 9), ackermann(3, 3));
	printf("fib %u\n", fib(17));
	printf("tak %d\n", tak(9, 5, 2));
	for (unsigned n = 4; n <= 7; n++)
		printf("queens %u: %u\n", n, queens(n, 0, 0, 0, 0));
	printf("even %d odd %d\n", is_even(1000), is_odd(1000));
	hanoi(9, 1, 3);
	printf("hanoi %08x\n", moves);
	printf("wide %u\n", wide(60));
	return 0;
}
