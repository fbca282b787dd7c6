/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: bytes as a command line, one word a line. Parsing runs nothing and opens no file. */
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_WORDS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *argv[MAX_WORDS] = {CLI_NAME};
	struct cli_options o;
	int argc = 1;
	char *text = malloc(size + 1), *save = NULL;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *w = strtok_r(text, "\n", &save); w && argc < MAX_WORDS; w = strtok_r(NULL, "\n", &save))
		argv[argc++] = w;
	if (!cli_options_parse(&o, argc, argv) && !*o.error)
		abort(); /* a refusal without a reason */
	cli_options_free(&o);
	free(text);
	return 0;
}
