/* SPDX-License-Identifier: Apache-2.0 */
/* Code that is written while it is used, without any cache maintenance: each result must be that of the newest
 * bytes. Failure: a translation outlived the code it was made from. */
#include <string.h>

#include "guest.h"

#define ARM __attribute__((target("arm"), noinline))

enum { MOV_R0 = 0xe3a00000, ADD_R0 = 0xe2800000, BX_LR = 0xe12fff1e };
typedef int code_fn(int);

static uint32_t area[3072] __attribute__((aligned(4096)));

static int call(volatile void *p, int x)
{
	code_fn *volatile fn = (code_fn *)(uintptr_t)p;

	return fn(x);
}

static int call_thumb(void *p, int x)
{
	code_fn *volatile fn = (code_fn *)((uintptr_t)p | 1);

	return fn(x);
}

static void patch_in_place(void)
{
	volatile uint32_t *c = area;
	int sum = 0;

	c[1] = BX_LR;
	for (int i = 0; i < 200; i++) {
		c[0] = MOV_R0 | (uint32_t)i;
		sum += call(c, 0);
	}
	printf("patched by words: %d\n", sum);
	sum = 0;
	for (int i = 0; i < 200; i++) {
		*(volatile uint8_t *)c = (uint8_t)(i * 3);
		sum += call(c, 0);
	}
	printf("patched by bytes: %d\n", sum);
	for (int i = 0; i < 50; i++) {
		*(volatile uint16_t *)c = (uint16_t)(i | (i & 1) << 8); /* rotation changes too */
		sum = (int)((unsigned)sum * 3u) + call(c, 0);
	}
	printf("patched by halfwords: %d\n", sum);
}

/* Functions of growing length built one over the other. */
static void generate(void)
{
	uint32_t h = 0;
	uint16_t *t = (uint16_t *)area;

	for (unsigned n = 0; n < 60; n++) {
		unsigned i = 0;

		for (; i < n; i++)
			area[i] = ADD_R0 | (i * 7 & 255);
		area[i] = BX_LR;
		h = h * 31 + (uint32_t)call(area, (int)n);
	}
	printf("generated ARM: %08lx\n", (unsigned long)h);
	for (unsigned n = 0; n < 60; n++) {
		unsigned i = 0;

		for (; i < n; i++)
			t[i] = (uint16_t)(0x3000 | (i * 5 & 255)); /* adds r0, #imm */
		t[i] = 0x4770;                                     /* bx lr */
		h = h * 31 + (uint32_t)call_thumb(t, (int)n);
	}
	printf("generated Thumb: %08lx\n", (unsigned long)h);
}

/* The block overwrites its own next instruction. What the first pass sees is a matter of the pipeline (the manual
 * asks for a barrier): only later passes count. With a branch between, even the first pass must see it. */
int own_next(int x);
int own_after_branch(int x);
int own_loop(int n);
__asm__(".pushsection .data\n.arm\n.balign 4096\n.global own_next, own_after_branch, own_loop\n"
	".type own_next, %function\n.type own_after_branch, %function\n.type own_loop, %function\n"
	"own_next:\n"
	"	ldr	r1, 2f\n"
	"	str	r1, 1f\n"
	"1:	mov	r0, #1\n"
	"	bx	lr\n"
	"2:	mov	r0, #2\n"
	".balign 256\n"
	"own_after_branch:\n"
	"	ldr	r1, 2f\n"
	"	add	r1, r1, r0\n"
	"	str	r1, 1f\n"
	"	b	1f\n"
	"	nop\n"
	"1:	mov	r0, #1\n"
	"	bx	lr\n"
	"2:	mov	r0, #2\n"
	".balign 256\n"
	/* each turn raises the constant that the next turn adds: 0 + 1 + ... + n-1 */
	"own_loop:\n"
	"	mov	r2, r0\n"
	"	mov	r0, #0\n"
	"1:	add	r0, r0, #0\n"
	"	ldr	r1, 1b\n"
	"	add	r1, r1, #1\n"
	"	str	r1, 1b\n"
	"	subs	r2, r2, #1\n"
	"	bne	1b\n"
	"	bic	r1, r1, #255\n"
	"	str	r1, 1b\n"
	"	bx	lr\n"
	".balign 4096\n"
	".popsection\n");

static void own_block(void)
{
	int first = own_next(0), sum = 0;

	printf("own next: first %s, then %d\n", first == 1 || first == 2 ? "old or new" : "NEITHER", own_next(0));
	for (int i = 0; i < 40; i++)
		sum = sum * 3 % 10007 + own_after_branch(i);
	printf("own after a branch: %d\n", sum);
	printf("own loop: %d %d\n", own_loop(100), own_loop(250));
}

/* Overlays: two routines take turns at one address, copied by the library or by words. */
static void overlays(void)
{
	static const uint32_t a[] = { 0xe0800100 /* add r0, r0, r0, lsl #2 */, 0xe2800007, BX_LR };
	static const uint32_t b[] = { 0xe2600000 /* rsb r0, r0, #0 */, 0xe2400009 /* sub r0, #9 */, 0xe1a00140 /* asr #2 */, BX_LR };
	int v = 5;

	for (int i = 0; i < 60; i++) {
		if (i % 3)
			memcpy(area + 1024, a, sizeof(a));
		else
			memmove(area + 1024, b, sizeof(b));
		v = call(area + 1024, v) & 0xffffff;
	}
	printf("overlays: %d\n", v);
}

/* A counter lies between two functions of the same page and is written by one of them. */
int beside_count(int x);
__asm__(".pushsection .data\n.arm\n.balign 4096\n.global beside_count\n.type beside_count, %function\n"
	"beside_count:\n"
	"	ldr	r1, 1f\n"
	"	add	r1, r1, r0\n"
	"	str	r1, 1f\n"
	"	b	2f\n"
	"1:	.word	0\n"
	"2:	add	r0, r1, r0, lsl #1\n"
	"	bx	lr\n"
	".balign 4096\n.popsection\n");

static void data_beside_code(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < 3000; i++)
		sum = sum * 17 + (uint32_t)beside_count(i);
	printf("data beside code: %08lx\n", (unsigned long)sum);
}

static void on_the_stack(void)
{
	int sum = 0;

	for (int i = 0; i < 50; i++) {
		volatile uint32_t code[3];

		code[0] = MOV_R0 | (uint32_t)i;
		code[1] = ADD_R0 | 1;
		code[2] = BX_LR;
		sum += call(code, 0);
	}
	printf("on the stack: %d\n", sum);
}

/* Branches whose targets move, within a page and across one; a block that two pages share. */
static void moving_branches(void)
{
	uint32_t *c = area + 1000; /* 96 bytes before the end of the first page */
	int sum = 0;

	for (unsigned i = 0; i < 80; i++)
		c[i] = i < 79 ? ADD_R0 | 1 : BX_LR;
	for (unsigned i = 1; i < 70; i++) {
		c[0] = 0xea000000 | i; /* b to c + 8 + 4 i */
		sum = sum * 2 % 65521 + call(c, (int)i);
	}
	printf("moving branches: %d\n", sum);
	c[0] = ADD_R0 | 1;
	for (unsigned i = 0; i < 40; i++) {
		c[23] = ADD_R0 | i;       /* last word of the page */
		c[24] = ADD_R0 | (i * 2); /* first of the next */
		sum = sum * 2 % 65521 + call(c, (int)i);
	}
	printf("across pages: %d\n", sum);
}

/* Written through another address of the same frame, with the MMU on; and by block stores and swaps. */
static void by_alias(void)
{
	volatile uint32_t *alias = (volatile uint32_t *)(uintptr_t)0x60000000;
	int sum = 0;

	mmu_init();
	mmu_page(0x60000000, (uint32_t)(uintptr_t)area, AP4(AP_KERNEL), 0);
	mmu_page(0x60001000, (uint32_t)(uintptr_t)area, AP4(AP_KERNEL), 0);
	mmu_on();
	area[1] = BX_LR;
	for (int i = 0; i < 60; i++) {
		alias[0] = MOV_R0 | (uint32_t)i;
		sum = sum * 2 % 65521 + call(area, 0);
		area[0] = MOV_R0 | (uint32_t)(i + 100);
		sum = sum * 2 % 65521 + call((volatile void *)(uintptr_t)0x60001000, 0);
	}
	printf("by alias: %d\n", sum);
	/* the frame behind a code address changes, the bytes do not */
	area[0] = MOV_R0 | 11;
	area[1024] = MOV_R0 | 22;
	area[1025] = BX_LR;
	for (int i = 0; i < 20; i++) {
		mmu_page(0x60001000, (uint32_t)(uintptr_t)(area + (i & 1) * 1024), AP4(AP_KERNEL), 0);
		cp15_set_tlbflush_va(0x60001000);
		sum = sum * 2 % 65521 + call((volatile void *)(uintptr_t)0x60001000, 0);
	}
	printf("remapped: %d\n", sum);
	mmu_off();
}

static ARM void block_store(uint32_t *to, uint32_t a, uint32_t b)
{
	register uint32_t r2 __asm__("r2") = a, r3 __asm__("r3") = b;

	__asm__ volatile("stmia %0, {r2, r3}" : : "r"(to), "r"(r2), "r"(r3) : "memory");
}

static ARM uint32_t swap(uint32_t *to, uint32_t v)
{
	uint32_t old;

	__asm__ volatile("swp %0, %1, [%2]" : "=&r"(old) : "r"(v), "r"(to) : "memory");
	return old;
}

static ARM void double_store(uint32_t *to, uint32_t a, uint32_t b)
{
	register uint32_t r2 __asm__("r2") = a, r3 __asm__("r3") = b;

	__asm__ volatile("strd r2, [%0]" : : "r"(to), "r"(r2), "r"(r3) : "memory");
}

static void other_stores(void)
{
	int sum = 0;

	area[2] = BX_LR;
	for (uint32_t i = 0; i < 40; i++) {
		block_store(area, MOV_R0 | i, ADD_R0 | (i * 2));
		sum = sum * 2 % 65521 + call(area, 0);
		double_store(area, MOV_R0 | (i + 1), ADD_R0 | (i * 3));
		sum = sum * 2 % 65521 + call(area, 0);
		swap(area, MOV_R0 | (i + 50));
		sum = sum * 2 % 65521 + call(area, 0);
	}
	printf("other stores: %d\n", sum);
}

int main(void)
{
	patch_in_place();
	generate();
	own_block();
	overlays();
	data_beside_code();
	on_the_stack();
	moving_branches();
	by_alias();
	other_stores();
	return 0;
}
