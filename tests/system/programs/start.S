/* SPDX-License-Identifier: Apache-2.0 */
/* Where the small programs begin: a stack, main(), then rest. Nothing at the exception vectors but a stop for each. */
	.syntax unified
	.section .start, "ax"
	.global _start
_start:
	ldr	sp, =stack_top
	bl	main
1:	b	1b
	.ltorg
