/* SPDX-License-Identifier: Apache-2.0 */
/* Runs far more code than a small buffer for translated code holds, three times over; the sum tells whether each
 * instruction ran once each time. */
#include "system.h"

enum { CALLS = 10000, WORDS = 20 };

int main(void)
{
	uint32_t *code = (uint32_t *)0x01000000, sum = 0, *at = code;

	for (unsigned i = 0; i < CALLS; i++) {
		for (unsigned w = 1; w < WORDS; w++)
			*at++ = 0xe2800000u | ((i + w) & 0xff); /* add r0, r0, #... */
		*at++ = 0xe12fff1e;                             /* bx lr */
	}
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < CALLS; i++)
			sum = ((uint32_t(*)(uint32_t))(uintptr_t)(code + i * WORDS))(sum);
	put(0, "sum ");
	put_hex(0, sum);
	put(0, "\n");
	semihost_exit(0);
	for (;;)
		;
}
