/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the time of day, in seconds since 1970. */
#include "system.h"

int main(void)
{
	put(0, "time ");
	put_hex(0, REG(RTC_DR));
	put(0, "\n");
	for (;;)
		;
}
