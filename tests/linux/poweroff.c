/* SPDX-License-Identifier: Apache-2.0 */
/* For the guest: ends the emulator from user mode by semihosting (SYS_EXIT_EXTENDED, status 42). */
__attribute__((naked)) void _start(void)
{
	asm volatile("sub sp, sp, #8\n\tldr r0, =0x20026\n\tmov r1, #42\n\tstm sp, {r0, r1}\n\tmov r0, #0x20\n\tmov r1, sp\n\tsvc #0x123456\n\t"
		     "mov r0, #1\n\tmov r7, #1\n\tsvc #0\n\t.ltorg");
}
