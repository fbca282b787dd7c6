/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the word at 0x00500000 and ends with it as exit status. */
#include "system.h"

int main(void)
{
	uint32_t code = REG(0x00500000);

	put(0, "status ");
	put_hex(0, code);
	put(0, "\n");
	semihost_exit(code);
	put(0, "still here\n");
	for (;;)
		;
}
