/* SPDX-License-Identifier: Apache-2.0 */
/* 64 MiB mapped by 4 KiB pages: more second-level tables than the tests' library keeps. For one C file of a program. */
#ifndef PAGING_H
#define PAGING_H

#include "bench.h"

enum { BIG_VA = 0x40000000, BIG_PA = 0x2000000, BIG_SIZE = 0x4000000 };

static uint32_t big_tables[BIG_SIZE >> 20][256] __attribute__((aligned(1024)));

static inline void map_big(void)
{
	uint32_t *level1 = (uint32_t *)(uintptr_t)(cp15_get_ttbr() & 0xffffc000u);

	for (uint32_t at = 0; at < BIG_SIZE; at += 4096)
		big_tables[at >> 20][at >> 12 & 255] = (BIG_PA + at) | AP4(AP_KERNEL) << 4 | 2;
	for (uint32_t mb = 0; mb < BIG_SIZE >> 20; mb++)
		level1[(BIG_VA >> 20) + mb] = (uint32_t)(uintptr_t)big_tables[mb] | 0x11;
	cp15_set_tlbflush(0);
}

#endif
