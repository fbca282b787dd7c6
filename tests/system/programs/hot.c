/* SPDX-License-Identifier: Apache-2.0 */
/* For profile.py and explorer.py: heavy() runs three times as many instructions as light(), both called by work(). */
#include "system.h"

static uint32_t table[256];

__attribute__((noinline)) uint32_t spin(uint32_t x, uint32_t turns)
{
	for (uint32_t i = 0; i < turns; i++)
		x = (x >> 3 | x << 29) + table[(x ^ i) & 255];
	return x;
}

__attribute__((noinline)) uint32_t heavy(uint32_t x)
{
	return spin(x, 300) ^ 1;
}

__attribute__((noinline)) uint32_t light(uint32_t x)
{
	return spin(x, 100) ^ 2;
}

__attribute__((noinline)) uint32_t work(uint32_t x)
{
	for (int i = 0; i < 5000; i++)
		x = light(heavy(x)) + 3;
	return x;
}

int main(void)
{
	for (uint32_t i = 0; i < 256; i++)
		table[i] = i * 0x01000193;
	uint32_t x = work(1);
	put(0, "done ");
	put_hex(0, x);
	put(0, "\n");
	semihost_exit(0);
	for (;;)
		;
}
