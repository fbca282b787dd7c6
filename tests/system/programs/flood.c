/* SPDX-License-Identifier: Apache-2.0 */
/* Writes lines to serial port 0 without end. */
#include "system.h"

int main(void)
{
	for (uint32_t n = 0;; n++) {
		put(0, "line ");
		put_hex(0, n);
		put(0, "\n");
	}
}
