/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing: starts and ends. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	return n;
}
