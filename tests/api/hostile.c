/* SPDX-License-Identifier: Apache-2.0 */
/* Random hostile guests on a whole board: see hostile.h. Worth most under the sanitizers (./dev sanitize). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/api/hostile.h"

static void fill(uint8_t *bytes, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bytes[i] = (uint8_t)(seed >> 33 ^ seed >> 57);
	}
}

/* Failure: a guest crashes, hangs or leaks the machine. RHEA_TEST_SEED replays one; RHEA_TEST_ROUNDS does more. */
static void guests_do_no_harm(void **state)
{
	static uint8_t bytes[12000];
	const char *text = getenv("RHEA_TEST_SEED"), *more = getenv("RHEA_TEST_ROUNDS");
	uint64_t first = text ? strtoul(text, NULL, 0) : 1;
	unsigned rounds = more ? (unsigned)strtoul(more, NULL, 0) : text ? 1 : 2 * HOSTILE_KINDS;
	(void)state;
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		struct hostile *h = malloc(sizeof *h);
		print_message("RHEA_TEST_SEED=%llu\n", (unsigned long long)seed);
		fill(bytes, sizeof bytes, seed);
		hostile_open(h, seed % HOSTILE_KINDS);
		hostile_run(h, bytes, sizeof bytes);
		hostile_close(h);
		free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(guests_do_no_harm)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
