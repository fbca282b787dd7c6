/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as what a hostile guest does to a whole board (hostile.h); the first one says which. Build with
 * -Dfuzz=true and clang; run ./fuzz-board -len_control=0 CORPUS. */
#include "tests/api/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hostile h;
	if (!size)
		return 0;
	hostile_open(&h, data[0] % HOSTILE_KINDS);
	hostile_run(&h, data + 1, size - 1);
	hostile_close(&h);
	return 0;
}
