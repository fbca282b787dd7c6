/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as coverage of an earlier run, lcov or drcov. What is taken is written again, and that is taken, and
 * written the same. Build with -Dfuzz=true and clang; run ./fuzz-coverage CORPUS. */
#include <stdlib.h>
#include <string.h>

#include "debug/coverage-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct coverage_input nothing = {
	.blocks = &(struct blocks){.n = 1},
	.runs = (uint64_t[]){0},
	.tables = &(struct debug_tables){.n_files = 0},
};

/* What the file becomes, NULL when it is refused. */
static char *write_again(const char *text, size_t size, bool drcov, size_t *out_size)
{
	struct lcov l = {0};
	struct drcov d = {0};
	char *out = NULL, *copy = malloc(size + 1);
	memcpy(copy, text, size);
	copy[size] = 0;
	FILE *f = open_memstream(&out, out_size);
	bool ok = drcov ? drcov_parse(&d, copy, size) : lcov_parse(&l, copy, size);
	if (drcov)
		free(copy);
	ok = ok && (drcov ? drcov_write(&d, &nothing, f) : lcov_write(&l, &nothing, f));
	lcov_free(&l);
	drcov_free(&d);
	fclose(f);
	if (!ok) {
		free(out);
		return NULL;
	}
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned drcov = 0; drcov < 2; drcov++) {
		size_t n, m;
		char *once = write_again((const char *)data, size, drcov, &n), *twice = once ? write_again(once, n, drcov, &m) : NULL;
		if (once && (!twice || n != m || memcmp(once, twice, n) != 0))
			abort();
		free(once);
		free(twice);
	}
	return 0;
}
