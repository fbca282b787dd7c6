/* SPDX-License-Identifier: Apache-2.0 */
/* The library's snprintf: a log's lines made of numbers, names and columns. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	static const char *const names[8] = { "uart", "timer", "interrupt controller", "net", "dma", "lcd", "card", "flash" };
	static char line[256];
	uint32_t h = 0, s = 121;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = next_random(&s);
		int len = snprintf(line, sizeof(line), "[%5u.%06u] %s: irq %d, state 0x%08x%c\n", (unsigned)i, (unsigned)(v >> 12), names[v & 7],
				   (int)(v >> 8 & 255) - 128, (unsigned)v, 'a' + (int)(v >> 27));

		h = fold(h, line, (uint32_t)len);
		len = snprintf(line, sizeof(line), "%-12s|%8d|%+5d|%-6x|%o|%.3s|%%|%llu|%*d", names[v >> 3 & 7], (int)v, (int)(int16_t)v, (unsigned)(v & 0xfff),
			       (unsigned)(v & 511), names[v >> 6 & 7], (unsigned long long)v * v, (int)(v & 7), (int)(v >> 20));
		h = fold(h, line, (uint32_t)len);
	}
	return h;
}
