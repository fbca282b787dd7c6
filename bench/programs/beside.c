/* SPDX-License-Identifier: Apache-2.0 */
/* Data in the page of running code: counters that lie between two functions. */
#include "bench.h"

uint32_t beside_step(uint32_t x);
#ifdef __thumb__
__asm__(".pushsection .data\n.thumb\n.balign 4096\n.global beside_step\n.thumb_func\n.type beside_step, %function\n"
	"beside_step:\n	adr	r3, 1f\n	ldr	r1, [r3]\n	adds	r1, r1, r0\n	str	r1, [r3]\n	b	2f\n	.balign 128\n1:	.word	0\n	.balign 128\n"
	"2:	lsls	r0, r0, #1\n	adds	r0, r1, r0\n	bx	lr\n.balign 4096\n.popsection\n");
#else
__asm__(".pushsection .data\n.arm\n.balign 4096\n.global beside_step\n.type beside_step, %function\n"
	"beside_step:\n	ldr	r1, 1f\n	add	r1, r1, r0\n	str	r1, 1f\n	b	2f\n	.balign 128\n1:	.word	0\n	.balign 128\n"
	"2:	add	r0, r1, r0, lsl #1\n	bx	lr\n.balign 4096\n.popsection\n");
#endif

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < n; i++)
		h = h * 17 + beside_step(i);
	return h;
}
