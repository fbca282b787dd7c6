/* SPDX-License-Identifier: Apache-2.0 */
/* What the debugger sessions debug: calls, data to watch, conditional code, an excursion into the other instruction set, an
 * exception, and an endless loop. Bare-metal on the Versatile board; built with and without -mthumb. */
#include <stdint.h>

#define UART0 (*(volatile uint32_t *)0x101f1000)

volatile uint32_t spins, counter, table[64], seen_svc, go_on = 1;
volatile uint8_t bytes[16];
struct pair { int first, second; } volatile pair = {1, 2};

#ifdef __thumb__
#define OTHER __attribute__((target("arm"), noinline))
#else
#define OTHER __attribute__((target("thumb"), noinline))
#endif

OTHER static int other_state(int x)
{
	int y = x * 3;
	return y + 1;
}

__attribute__((noinline)) static int add(int a, int b)
{
	int sum = a + b;
	counter++;
	return sum;
}

__attribute__((noinline)) static int work(int n)
{
	int total = 0;
	for (int i = 0; i < n; i++) {
		total = add(total, i);
		table[i] = (uint32_t)total;
	}
	return total;
}

__attribute__((noinline)) static void call_svc(void)
{
	__asm__ volatile("svc 0" ::: "lr", "memory");
}

__attribute__((noinline)) static void spin(void)
{
	while (go_on) {
		bytes[3]++;
		spins++;
	}
}

int main(void)
{
	int result = work(10);
	result = other_state(result);
	pair.second = result;
	call_svc();
	UART0 = 'x';
	spin();
	go_on = 1;
	return result;
}
