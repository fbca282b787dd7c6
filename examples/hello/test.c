/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one line to the first PL011 of a Versatile board; nothing has to be set up for that on an emulated one. */
#define UART0_DR (*(volatile unsigned int *)0x101f1000)

void print_uart0(const char *s);
void c_entry(void);

void print_uart0(const char *s)
{
	for (; *s; s++)
		UART0_DR = (unsigned char)*s;
}

void c_entry(void)
{
	print_uart0("Hello world!\n");
}
