/* SPDX-License-Identifier: Apache-2.0 */
/* Three tasks in system mode, switched by a timer at any instruction; their sums come out as if each had run alone.
 * Failure: state lost or made up by an interrupt (registers, flags, mode, Thumb bit). */
#include "guest.h"

enum { TASKS = 3, QUANTUM = 150 };

/* Order known to the assembly below: r0-r14 of the task, its pc, its cpsr. */
struct task { uint32_t r[15], pc, cpsr; };

struct task *scheduler_current;
static struct task tasks[TASKS + 1]; /* the last one is main itself */
static uint32_t stack[TASKS][1024] __attribute__((aligned(8)));
static volatile uint32_t result[TASKS], done, switches;

void scheduler_entry(void);
void scheduler_pick(void);
void enter_system_mode(void);
void leave_system_mode(void);

__asm__(".pushsection .text\n.syntax unified\n.arm\n.global scheduler_entry, enter_system_mode, leave_system_mode\n"
	".type scheduler_entry, %function\n.type enter_system_mode, %function\n.type leave_system_mode, %function\n"
	"scheduler_entry:\n"
	"	sub	lr, lr, #4\n"
	"	push	{r0, r1, lr}\n"
	"	ldr	r0, =scheduler_current\n"
	"	ldr	r0, [r0]\n"
	"	add	r1, r0, #8\n"
	"	stm	r1, {r2-r14}^\n"
	"	nop\n"
	"	pop	{r2, r3, lr}\n"
	"	mrs	r1, spsr\n"
	"	stm	r0, {r2, r3}\n"
	"	str	lr, [r0, #60]\n"
	"	str	r1, [r0, #64]\n"
	"	bl	scheduler_pick\n"
	"	ldr	r0, =scheduler_current\n"
	"	ldr	lr, [r0]\n"
	"	ldr	r0, [lr, #64]\n"
	"	msr	spsr_cxsf, r0\n"
	"	ldm	lr, {r0-r14}^\n"
	"	nop\n"
	"	ldr	lr, [lr, #60]\n"
	"	movs	pc, lr\n"
	"enter_system_mode:\n"
	"	mov	r0, sp\n"
	"	mov	r1, lr\n"
	"	msr	cpsr_c, #0xdf\n"
	"	mov	sp, r0\n"
	"	msr	cpsr_c, #0x1f\n"
	"	bx	r1\n"
	"leave_system_mode:\n"
	"	mov	r1, lr\n"
	"	mov	r0, sp\n"
	"	msr	cpsr_c, #0xd3\n"
	"	mov	sp, r0\n"
	"	bx	r1\n"
	"	.ltorg\n.popsection\n");

void scheduler_pick(void)
{
	MMIO32(TIMER01 + 12) = 1;
	switches++;
	scheduler_current = scheduler_current == &tasks[TASKS] ? &tasks[0] : scheduler_current + 1;
}

/* All of a task's state is live across each of its instructions: long long, flags in loops, calls. */
static uint32_t work(unsigned n)
{
	uint64_t sum = n;
	uint32_t a = n * 77 + 1, h = 1;

	for (uint32_t i = 1; i < 9000; i++) {
		a = a * 1664525 + 1013904223;
		sum += (uint64_t)a * i;
		sum = sum << 3 | sum >> 61;
		h = a & 1 ? h * 31 + (uint32_t)sum : h ^ (uint32_t)(sum >> 32);
		if ((i & 1023) == 0)
			h += guest_fnv(&sum, sizeof(sum));
	}
	return h;
}

static void task_main(unsigned n)
{
	result[n] = work(n);
	for (uint32_t seen = switches; switches - seen < 6;)
		;
	guest_irq_disable();
	done++;
	guest_irq_enable();
	for (;;)
		;
}

int main(void)
{
	uint32_t alone[TASKS];

	for (unsigned n = 0; n < TASKS; n++) {
		alone[n] = work(n);
		tasks[n].r[0] = n;
		tasks[n].r[13] = (uint32_t)(uintptr_t)(stack[n] + 1024);
		tasks[n].pc = (uint32_t)(uintptr_t)task_main & ~1u;
		tasks[n].cpsr = 0x1f | ((uintptr_t)task_main & 1 ? 0x20 : 0);
	}
	guest_set_vector(VECTOR_IRQ, scheduler_entry);
	scheduler_current = &tasks[TASKS];
	MMIO32(VIC + 0x10) = 1u << 4;
	MMIO32(TIMER01) = QUANTUM;
	MMIO32(TIMER01 + 8) = 0xe2;
	/* main waits in system mode, the mode whose registers the switch saves; its stack moves along */
	enter_system_mode();
	while (done < TASKS)
		;
	leave_system_mode();
	MMIO32(TIMER01 + 8) = 0;
	for (unsigned n = 0; n < TASKS; n++)
		printf("task %u: %08lx %s\n", n, (unsigned long)result[n], result[n] == alone[n] ? "as alone" : "DIFFERENT");
	printf("switched often enough: %s\n", switches >= 6 ? "yes" : "no");
	return 0;
}
