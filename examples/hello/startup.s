/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the hello image: give C a stack, call it, then stay here. */
	.global _reset
_reset:
	ldr	sp, =stack_top
	bl	c_entry
	b	.
