/* SPDX-License-Identifier: Apache-2.0 */
/* Supervisor calls from supervisor mode to a handler of four instructions and back; every eighth is an undefined instruction. */
#include "bench.h"

void svc_entry(void);
void und_entry(void);
uint32_t svc_loop(uint32_t n);
__asm__(".pushsection .text\n.arm\n.global svc_entry, und_entry, svc_loop\n.type svc_entry, %function\n.type und_entry, %function\n.type svc_loop, %function\n"
	"svc_entry:\n	add	r0, r0, #3\n	eor	r0, r0, r1, lsl #4\n	movs	pc, lr\n"
	"und_entry:\n	add	r0, r0, r0, lsl #1\n	movs	pc, lr\n"
#ifdef __thumb__
	".thumb\n.thumb_func\n"
	"svc_loop:\n	push	{r4, lr}\n	movs	r1, r0\n	movs	r0, #1\n"
	"1:	svc	1\n	svc	2\n	svc	3\n	svc	4\n	svc	5\n	svc	6\n	svc	7\n	.hword	0xde00\n"
	"	subs	r1, r1, #1\n	bne	1b\n	pop	{r4, pc}\n.popsection\n");
#else
	"svc_loop:\n	push	{r4, lr}\n	mov	r1, r0\n	mov	r0, #1\n"
	"1:	svc	1\n	svc	2\n	svc	3\n	svc	4\n	svc	5\n	svc	6\n	svc	7\n	.word	0xe7f000f0\n"
	"	subs	r1, r1, #1\n	bne	1b\n	pop	{r4, pc}\n.popsection\n");
#endif

uint32_t bench(uint32_t n)
{
	guest_set_vector(VECTOR_SVC, svc_entry);
	guest_set_vector(VECTOR_UND, und_entry);
	return svc_loop(n);
}
