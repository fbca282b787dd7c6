/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes as what a hostile guest does to a whole board (hostile.h); the first one says which. Machines are
 * reset, not made anew, for speed: what replays only together with its forerunners is still a find. Build with -Dfuzz=true and
 * clang; run ./fuzz-board -len_control=0 CORPUS.
 */
#include <stdlib.h>

#include "tests/api/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[1 << 20];
	static struct hostile *kept[HOSTILE_KINDS];
	if (!size)
		return 0;
	struct hostile **h = &kept[data[0] % HOSTILE_KINDS];
	if (!*h) {
		*h = malloc(sizeof **h);
		if (!*h)
			return 0;
		hostile_open(*h, data[0] % HOSTILE_KINDS);
	}
	rhea_write_phys((*h)->m, 0, zeros, sizeof zeros);
	rhea_reset((*h)->m);
	hostile_run(*h, data + 1, size - 1);
	return 0;
}
