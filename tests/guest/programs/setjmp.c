/* SPDX-License-Identifier: Apache-2.0 */
/* longjmp across frames and between stacks; failure: LDM/STM with sp and lr, or returns predicted wrongly. */
#include <setjmp.h>
#include <string.h>

#include "guest.h"

static jmp_buf out;

static int descend(int depth, int limit)
{
	volatile char pad[24];

	memset((char *)pad, depth, sizeof(pad));
	if (depth > 1000)
		return 0;
	if (depth == limit)
		longjmp(out, depth);
	return descend(depth + 1, limit) + pad[depth % 24];
}

/* try/catch in the C way: each level catches what is its own and throws the rest further. */
static jmp_buf *handler;

static int nested(int level, int code)
{
	jmp_buf here, *outer = handler;
	int r;

	handler = &here;
	r = setjmp(here);
	if (r == 0) {
		if (level == 0)
			longjmp(*handler, code);
		r = nested(level - 1, code);
		handler = outer;
		return r + 1;
	}
	handler = outer;
	if (r != level + 1)
		longjmp(*handler, r);
	return 100 * level;
}

/* Two coroutines on stacks of their own. */
static jmp_buf co[3];
static char stack[2][4096] __attribute__((aligned(8)));
static int turns;

static void switch_to(int from, int to)
{
	if (!setjmp(co[from]))
		longjmp(co[to], 1);
}

static void coroutine(int self)
{
	for (int i = 0;; i++) {
		printf("coroutine %d step %d\n", self, i);
		if (++turns == 7)
			longjmp(co[2], 1);
		switch_to(self, !self);
	}
}

static void start0(void) { coroutine(0); }
static void start1(void) { coroutine(1); }

void call_on_stack(void (*fn)(void), void *top);
__asm__(".pushsection .text\n.arm\n.global call_on_stack\n.type call_on_stack, %function\n"
	"call_on_stack: mov sp, r1\n bx r0\n.popsection\n");

int main(void)
{
	volatile int n = 0;

	for (volatile int limit = 1; limit < 60; limit += 7) {
		int r = setjmp(out);

		if (!r)
			descend(0, limit);
		n += r;
	}
	printf("descended %d\n", n);
	for (int level = 0; level < 5; level++)
		for (int code = 1; code <= level + 1; code++)
			printf("nested %d %d: %d\n", level, code, nested(level, code));
	if (!setjmp(co[2])) {
		if (!setjmp(co[0]))
			call_on_stack(start1, stack[1] + 4096);
		call_on_stack(start0, stack[0] + 4096);
	}
	printf("turns %d\n", turns);
	return 0;
}
