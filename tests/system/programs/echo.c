/* SPDX-License-Identifier: Apache-2.0 */
/* Says "ready N" on each serial port N and sends back what comes in there, letters as capitals. */
#include "system.h"

int main(void)
{
	for (unsigned port = 0; port < 4; port++) {
		put(port, "ready ");
		put(port, (const char[]){(char)('0' + port), '\n', 0});
	}
	for (;;)
		for (unsigned port = 0; port < 4; port++)
			if (!(REG(uart_base[port] + UART_FR) & FR_RXFE)) {
				uint32_t c = REG(uart_base[port] + UART_DR) & 0xff;
				REG(uart_base[port] + UART_DR) = c >= 'a' && c <= 'z' ? c - 32 : c;
			}
}
