/* SPDX-License-Identifier: Apache-2.0 */
/* ARM and Thumb functions that call each other by every route; failure: BX, BLX, LDR pc, POP pc or the T bit. */
#include "guest.h"

#define ARM __attribute__((target("arm"), noinline, noclone))
#define THUMB __attribute__((target("thumb"), noinline, noclone))

static THUMB unsigned thumb_count(unsigned n, unsigned acc);
static ARM unsigned arm_count(unsigned n, unsigned acc)
{
	return n ? thumb_count(n - 1, acc * 3 + 1) : acc;
}
static THUMB unsigned thumb_count(unsigned n, unsigned acc)
{
	return n ? arm_count(n - 1, acc ^ n << 4) : acc;
}

/* Deep recursion so that every return crosses too. */
static THUMB unsigned thumb_sum(unsigned n);
static ARM unsigned arm_sum(unsigned n)
{
	return n ? thumb_sum(n - 1) + n : 0;
}
static THUMB unsigned thumb_sum(unsigned n)
{
	return n ? arm_sum(n - 1) * 2 + n : 0;
}

static ARM unsigned arm_apply(unsigned (*f)(unsigned), unsigned x) { return f(x) + 1; }
static THUMB unsigned thumb_apply(unsigned (*f)(unsigned), unsigned x) { return f(x) + 2; }

unsigned by_hand(unsigned x);
__asm__(".pushsection .text\n.syntax unified\n.arm\n.global by_hand\n.type by_hand, %function\n"
	"by_hand:\n"
	"	push	{r4, lr}\n"
	"	adr	r1, 1f + 1\n"       /* the odd address selects Thumb */
	"	bx	r1\n"
	"	.thumb\n"
	"1:	nop\n"
	"	adds	r0, #5\n"
	"	bx	pc\n"               /* a word-aligned one: ARM code follows after the halfword of padding */
	"	nop\n"
	"	.arm\n"
	"	add	r0, r0, r0\n"
	"	ldr	pc, =2f + 1\n"      /* LDR pc interworks from v5 on */
	"	.ltorg\n"
	"	.thumb\n"
	"	.balign 4\n"
	"2:	adds	r0, #7\n"
	"	blx	3f\n"               /* BLX immediate, Thumb to ARM */
	"	b	4f\n"
	"	.balign 4\n"
	"	.arm\n"
	"3:	rsb	r0, r0, r0, lsl #2\n"
	"	bx	lr\n"
	"	.thumb\n"
	"4:	ldr	r1, =5f\n"
	"	blx	r1\n"               /* BLX register, Thumb to ARM */
	"	adds	r0, #1\n"
	"	pop	{r4, pc}\n"         /* POP pc interworks to whoever called */
	"	.ltorg\n"
	"	.balign 4\n"
	"	.arm\n"
	"5:	eor	r0, r0, #0xff\n"
	"	push	{lr}\n"
	"	ldm	sp!, {pc}\n"        /* LDM pc interworks back to Thumb */
	"	.popsection\n");

int main(void)
{
	for (unsigned n = 0; n < 5; n++)
		printf("%u: %08x %08x\n", n, arm_count(n * 11, n), thumb_count(n * 13, n));
	for (unsigned n = 1; n < 200; n *= 3)
		printf("sum %u: %u %u\n", n, arm_sum(n), thumb_sum(n));
	printf("apply %u %u %u %u\n", arm_apply(thumb_sum, 9), arm_apply(arm_sum, 9), thumb_apply(arm_sum, 9), thumb_apply(thumb_sum, 9));
	for (unsigned n = 0; n < 4; n++)
		printf("by hand %u: %u\n", n, by_hand(n));
	return 0;
}
