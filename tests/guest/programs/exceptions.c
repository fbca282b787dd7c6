/* SPDX-License-Identifier: Apache-2.0 */
/* Every exception and mode: entry state, link register, banked registers, SPSR, return forms, vectors low and high.
 * Failure: the line names what. Manual: DDI 0100I A2.5, A2.6. */
#include <string.h>

#include "guest.h"

static volatile uint32_t seen_spsr, seen_cpsr, seen_count, seen_comment;
static volatile int32_t seen_offset;
static volatile uint32_t expect_pc;

static void note(struct trap_frame *f)
{
	seen_cpsr = guest_cpsr();
	seen_spsr = f->spsr;
	seen_offset = (int32_t)(f->lr - expect_pc);
	seen_count++;
}

/* und and svc return behind the instruction, with lr as it came. */
static void note_forward(struct trap_frame *f)
{
	note(f);
	f->r[0] += 1000;
}

static void note_svc(struct trap_frame *f)
{
	note_forward(f);
	seen_comment = f->spsr & 0x20 ? *(uint16_t *)(uintptr_t)(f->lr - 2) & 0xffu : *(uint32_t *)(uintptr_t)(f->lr - 4) & 0xffffffu;
}

/* The instruction itself is skipped: 4 bytes behind its start for ARM, 2 for Thumb. */
static void note_prefetch(struct trap_frame *f)
{
	note(f);
	f->lr -= f->spsr & 0x20 ? 2 : 0;
}

static void note_data(struct trap_frame *f)
{
	note(f);
	f->lr -= f->spsr & 0x20 ? 6 : 4;
}

static void show(const char *what)
{
	printf("%-22s count %lu lr +%ld spsr %08lx mode %02lx I %lu F %lu T %lu\n", what, (unsigned long)seen_count, (long)seen_offset,
	       (unsigned long)(seen_spsr & 0xf00000ff), (unsigned long)(seen_cpsr & 31), (unsigned long)(seen_cpsr >> 7 & 1),
	       (unsigned long)(seen_cpsr >> 6 & 1), (unsigned long)(seen_cpsr >> 5 & 1));
	seen_count = 0;
	seen_offset = 0;
}

/* Each runs one instruction with flags set to a known value and leaves its address in expect_pc. */
#define CASE_ARM(name, insn) \
	static __attribute__((target("arm"), noinline)) uint32_t name(uint32_t x) \
	{ \
		register uint32_t r0 __asm__("r0") = x; \
		__asm__ volatile("adr r1, 1f\n\tstr r1, [%1]\n\tldr r1, =0xe0000000\n\tmsr cpsr_f, #0xa0000000\n1:\t" insn "\n\tnop\n\tb 2f\n\t.ltorg\n2:" \
				 : "+r"(r0) : "r"(&expect_pc) : "r1", "r2", "r3", "lr", "cc", "memory"); \
		return r0; \
	}
CASE_ARM(arm_und, ".word 0xe7f000f0")
CASE_ARM(arm_und_cond, ".word 0x17f000f0")
CASE_ARM(arm_und_not_taken, ".word 0x07f000f0")
CASE_ARM(arm_cdp, "cdp p5, 1, c2, c3, c4, 5")
CASE_ARM(arm_svc, "svc 0x654321")
CASE_ARM(arm_bkpt, "bkpt 0x1234")
CASE_ARM(arm_load, "ldr r1, [r1]")
CASE_ARM(arm_store, "str r0, [r1, #8]!")
CASE_ARM(arm_ldm, "ldmia r1!, {r2, r3}")

#define CASE_THUMB(name, insn) \
	static __attribute__((target("thumb"), noinline)) uint32_t name(uint32_t x) \
	{ \
		register uint32_t r0 __asm__("r0") = x; \
		__asm__ volatile(".balign 4\n\tadr r1, 1f\n\tstr r1, [%1]\n\tmovs r2, #7\n\tlsls r1, r2, #29\n\tcmp r2, r2\n\tnop\n\t.balign 4\n1:\t" insn "\n\tnop\n" \
				 : "+r"(r0) : "l"(&expect_pc) : "r1", "r2", "r3", "lr", "cc", "memory"); \
		return r0; \
	}
CASE_THUMB(thumb_und, ".hword 0xde12")
CASE_THUMB(thumb_svc, "svc 0x7b")
CASE_THUMB(thumb_bkpt, "bkpt 0x21")
CASE_THUMB(thumb_load, "ldr r1, [r1]")
CASE_THUMB(thumb_push, "stmia r1!, {r2, r3}")

static void run(const char *what, uint32_t (*fn)(uint32_t))
{
	uint32_t r = fn(5);

	show(what);
	if (r != 5)
		printf("%-22s r0 %lu\n", "", (unsigned long)r);
}

/* ---- banked registers ---- */
void banks_fill(uint32_t *save);
void banks_dump(uint32_t *out, const uint32_t *save);
__asm__(".pushsection .text\n.syntax unified\n.arm\n.global banks_fill, banks_dump\n.type banks_fill, %function\n.type banks_dump, %function\n"
	/* saves sp and lr of each mode in r0, then gives each a value of its own: mode number and register number */
	".macro fill mode\n"
	"	msr	cpsr_c, #0xc0 + \\mode\n"
	"	stmia	r0!, {sp, lr}\n"
	"	mov	sp, #\\mode\n"
	"	orr	sp, sp, #0xd00\n"
	"	orr	lr, sp, #0x1000\n"
	".endm\n"
	".macro dump mode\n"
	"	msr	cpsr_c, #0xc0 + \\mode\n"
	"	stmia	r0!, {sp, lr}\n"
	"	ldmia	r1!, {sp, lr}\n"
	".endm\n"
	"banks_fill:\n"
	"	push	{r4-r12, lr}\n"
	"	fill	0x1f\n	fill	0x12\n	fill	0x17\n	fill	0x1b\n	fill	0x11\n"
	"	mov	r8, #0x80\n	mov	r9, #0x90\n	mov	r10, #0xa0\n	mov	r11, #0xb0\n	mov	r12, #0xc0\n"
	"	mov	r2, #0x60000000\n	orr	r2, r2, #0x1f\n	msr	spsr_cxsf, r2\n"
	"	msr	cpsr_c, #0xd2\n	mov	r2, #0x90000000\n	orr	r2, r2, #0x10\n	msr	spsr_cxsf, r2\n"
	"	msr	cpsr_c, #0xd3\n"
	"	mov	r8, #8\n"
	"	pop	{r4-r12, pc}\n"
	"banks_dump:\n"
	"	push	{r4-r12, lr}\n"
	"	dump	0x1f\n	dump	0x12\n	dump	0x17\n	dump	0x1b\n	dump	0x11\n"
	"	stmia	r0!, {r8-r12}\n"
	"	mrs	r2, spsr\n	str	r2, [r0], #4\n"
	"	msr	cpsr_c, #0xd2\n	mrs	r2, spsr\n	str	r2, [r0], #4\n"
	"	msr	cpsr_c, #0xd3\n"
	"	pop	{r4-r12, pc}\n"
	".popsection\n");

static void banks(void)
{
	static const char *const names[] = { "sys", "irq", "abt", "und", "fiq" };
	uint32_t save[10], out[17];

	banks_fill(save);
	banks_dump(out, save);
	for (unsigned i = 0; i < 5; i++)
		printf("%s sp %lx lr %lx\n", names[i], (unsigned long)out[2 * i], (unsigned long)out[2 * i + 1]);
	printf("fiq r8-r12 %lx %lx %lx %lx %lx, spsr fiq %08lx irq %08lx\n", (unsigned long)out[10], (unsigned long)out[11], (unsigned long)out[12],
	       (unsigned long)out[13], (unsigned long)out[14], (unsigned long)out[15], (unsigned long)out[16]);
}

/* User-bank transfers from another mode, and the three ways to return from an exception by hand. */
uint32_t user_bank(uint32_t *buf);
uint32_t return_movs(void), return_subs(void), return_ldm(uint32_t *frame), return_thumb(void);
__asm__(".pushsection .text\n.syntax unified\n.arm\n.global user_bank, return_movs, return_subs, return_ldm, return_thumb\n"
	".type user_bank, %function\n.type return_movs, %function\n.type return_subs, %function\n.type return_ldm, %function\n.type return_thumb, %function\n"
	"user_bank:\n"
	"	push	{r4-r12, lr}\n"
	"	msr	cpsr_c, #0xdf\n	mov	r3, sp\n	mov	r4, lr\n	mov	sp, #0x51\n	mov	lr, #0x52\n"
	"	msr	cpsr_c, #0xd1\n	mov	r8, #0xf8\n	mov	r9, #0xf9\n"
	"	mov	r5, r0\n"
	"	stmia	r5, {r8, r9, sp, lr}^\n	nop\n"
	"	add	r5, r5, #16\n	mov	r6, #0x61\n	mov	r7, #0x62\n	stmia	r5, {r6, r7}\n"
	"	ldmia	r5, {sp, lr}^\n	nop\n"
	"	msr	cpsr_c, #0xdf\n	mov	r6, sp\n	mov	r7, lr\n	mov	sp, r3\n	mov	lr, r4\n"
	"	msr	cpsr_c, #0xd3\n"
	"	add	r0, r6, r7, lsl #8\n"
	"	pop	{r4-r12, pc}\n"
	".macro leave_irq_mode\n" /* to supervisor mode with N and C set */
	"	mov	r2, lr\n	msr	cpsr_c, #0xd2\n"
	"	ldr	r1, =0xa00000d3\n	msr	spsr_cxsf, r1\n"
	".endm\n"
	"return_movs:\n	leave_irq_mode\n	adr	r3, 1f\n	movs	pc, r3\n1:	mrs	r0, cpsr\n	bx	r2\n"
	"return_subs:\n	leave_irq_mode\n	mov	r12, lr\n	adr	lr, 1f + 4\n	subs	pc, lr, #4\n1:	mrs	r0, cpsr\n	bx	r2\n"
	"return_ldm:\n	push	{r4, r5}\n	leave_irq_mode\n	adr	r3, 1f\n	str	r3, [r0, #8]\n	mov	r4, #1\n	mov	r5, #2\n"
	"	ldmia	r0, {r4, r5, pc}^\n1:	mrs	r0, cpsr\n	add	r0, r0, r4\n	add	r0, r0, r5\n	pop	{r4, r5}\n	bx	r2\n"
	"return_thumb:\n	leave_irq_mode\n	orr	r1, r1, #0x20\n	msr	spsr_cxsf, r1\n	adr	r3, 1f\n	movs	pc, r3\n	.ltorg\n	.thumb\n"
	"	.balign 4\n1:	movs	r0, #77\n	bx	r2\n	.balign 4\n	.arm\n.popsection\n");

static void by_hand(void)
{
	uint32_t buf[8] = { 0 }, frame[3] = { 0x100, 0x2000, 0 }, r;

	r = user_bank(buf);
	printf("user bank: stored sp %lx lr %lx, not fiq's %d %d, loaded %lx\n", (unsigned long)buf[2], (unsigned long)buf[3], buf[0] != 0xf8, buf[1] != 0xf9,
	       (unsigned long)r);
	printf("movs pc: cpsr %08lx\n", (unsigned long)return_movs());
	printf("subs pc: cpsr %08lx\n", (unsigned long)return_subs());
	printf("ldm pc: %08lx\n", (unsigned long)return_ldm(frame));
	printf("to thumb: %lu\n", (unsigned long)return_thumb());
}

/* ---- interrupts: pending before unmasking, taken behind the MSR ---- */
uint32_t irq_after_msr(void);
extern char irq_here[];
__asm__(".pushsection .text\n.arm\n.global irq_after_msr, irq_here\n.type irq_after_msr, %function\n"
	"irq_after_msr:\n	mov	r0, #0\n	msr	cpsr_f, #0xc0000000\n	msr	cpsr_c, #0x53\n"
	"irq_here:\n	add	r0, r0, #1\n	add	r0, r0, #1\n	msr	cpsr_c, #0xd3\n	bx	lr\n.popsection\n");

void irq_probe(void);
void irq_probe_c(uint32_t lr, uint32_t spsr);
__asm__(".pushsection .text\n.arm\n.global irq_probe\n.type irq_probe, %function\n"
	"irq_probe:\n	push	{r0-r3, r12, lr}\n	mov	r0, lr\n	mrs	r1, spsr\n	bl	irq_probe_c\n	pop	{r0-r3, r12, lr}\n	subs	pc, lr, #4\n.popsection\n");

void irq_probe_c(uint32_t lr, uint32_t spsr)
{
	seen_cpsr = guest_cpsr();
	seen_spsr = spsr;
	seen_offset = (int32_t)(lr - (uint32_t)(uintptr_t)irq_here);
	seen_count++;
	MMIO32(VIC + 0x1c) = 2;
}

static void interrupts(void)
{
	guest_set_vector(VECTOR_IRQ, irq_probe);
	MMIO32(VIC + 0x10) = 2;
	MMIO32(VIC + 0x18) = 2;
	printf("masked: count %lu\n", (unsigned long)seen_count);
	printf("unmasked: r0 %lu\n", (unsigned long)irq_after_msr());
	show("irq");
	guest_set_vector(VECTOR_FIQ, irq_probe);
	MMIO32(VIC + 0x0c) = 2;
	MMIO32(VIC + 0x18) = 2;
	guest_set_cpsr_c(0x93);
	__asm__ volatile("nop");
	guest_set_cpsr_c(0xd3);
	seen_offset = 0;
	seen_spsr &= 0xff; /* the compiler's flags */
	show("fiq");
}

/* ---- user mode: what it may not do ---- */
uint32_t user_run(uint32_t (*fn)(uint32_t), uint32_t x);
uint32_t user_work(uint32_t x);
__asm__(".pushsection .text\n.syntax unified\n.arm\n.global user_run, user_work\n.type user_run, %function\n.type user_work, %function\n"
	"user_run:\n	push	{r4, lr}\n	mov	r4, r0\n	mov	r0, r1\n	msr	cpsr_c, #0xd0\n"
	"	blx	r4\n	svc	0x99\n	pop	{r4, pc}\n"
	/* MSR of the control byte does nothing; flags do change; MRS shows the mode */
	"user_work:\n	msr	cpsr_c, #0xd3\n	mrs	r0, cpsr\n	msr	cpsr_f, #0x60000000\n	mrs	r1, cpsr\n	and	r1, r1, #0xf0000000\n"
	"	orr	r0, r1, r0\n	and	r1, r0, #0xff\n	and	r0, r0, #0xf0000000\n	orr	r0, r0, r1\n	bx	lr\n.popsection\n");

/* Only the call with comment 0x99 leaves user mode for good. */
static void back_to_supervisor(struct trap_frame *f)
{
	if ((*(uint32_t *)(uintptr_t)(f->lr - 4) & 0xff) == 0x99)
		f->spsr = (f->spsr & ~0x1fu) | 0x13;
	else
		note_forward(f);
}

static __attribute__((target("arm"), noinline)) uint32_t user_cp15(uint32_t x)
{
	uint32_t v = x;

	__asm__ volatile("mrc p15, 0, %0, c0, c0, 0" : "+r"(v));
	return v;
}

static __attribute__((target("arm"), noinline)) uint32_t user_load(uint32_t x)
{
	uint32_t v = 1;

	__asm__ volatile("ldr %0, [%1]" : "+r"(v) : "r"(x));
	return v;
}

static void user_mode(void)
{
	guest_traps[VECTOR_SVC] = back_to_supervisor;
	printf("user: %08lx\n", (unsigned long)user_run(user_work, 0));
	seen_count = 0;
	user_run(user_cp15, 3);
	printf("user cp15: traps %lu\n", (unsigned long)seen_count);
	seen_count = 0;
	printf("user load of kernel's: %lu, status %lx", (unsigned long)user_run(user_load, 0x3000000), (unsigned long)cp15_get_dfsr() & 0xff);
	printf(" at %08lx, traps %lu\n", (unsigned long)cp15_get_far(), (unsigned long)seen_count);
	seen_count = 0;
}

static void set_traps(void)
{
	guest_traps[VECTOR_UND] = note_forward;
	guest_traps[VECTOR_SVC] = note_svc;
	guest_traps[VECTOR_PABT] = note_prefetch;
	guest_traps[VECTOR_DABT] = note_data;
}

int main(void)
{
	/* all that user mode runs or reads lies in the first sections: open to user; one section stays the kernel's */
	mmu_init();
	for (uint32_t mb = 0; mb < 24; mb++)
		mmu_section(mb << 20, mb << 20, AP_USER_WRITE, 0);
	mmu_on();
	set_traps();
	run("arm undefined", arm_und);
	run("arm undefined, ne", arm_und_cond);
	run("arm undefined, eq", arm_und_not_taken);
	run("arm no coprocessor", arm_cdp);
	run("arm svc", arm_svc);
	printf("comment %06lx\n", (unsigned long)seen_comment);
	run("arm bkpt", arm_bkpt);
	run("arm load", arm_load);
	run("arm store", arm_store);
	run("arm ldm", arm_ldm);
	run("thumb undefined", thumb_und);
	run("thumb svc", thumb_svc);
	printf("comment %02lx\n", (unsigned long)seen_comment);
	run("thumb bkpt", thumb_bkpt);
	run("thumb load", thumb_load);
	run("thumb store", thumb_push);
	banks();
	by_hand();
	interrupts();
	/* high vectors: a copy of the table at the top */
	{
		volatile uint32_t *high = (volatile uint32_t *)(uintptr_t)0x3100000;

		for (unsigned i = 0; i < 16; i++)
			high[i] = i < 8 ? 0xe59ff018 : 0;
		mmu_page(0xffff0000, 0x3100000, AP4(AP_KERNEL), 0);
		mmu_page(0x70000000, 0, AP4(AP_KERNEL), 0);
		for (unsigned i = 8; i < 16; i++)
			high[i] = ((volatile uint32_t *)(uintptr_t)0x70000000)[i];
		mmu_unmap_page(0x70000000);
		cp15_set_sctlr(cp15_get_sctlr() | 1u << 13);
		run("high: svc", arm_svc);
		run("high: undefined", arm_und);
		run("high: load", arm_load);
		cp15_set_sctlr(cp15_get_sctlr() & ~(1u << 13));
	}
	user_mode();
	return 0;
}
