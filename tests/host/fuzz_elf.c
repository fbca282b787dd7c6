/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as an ELF image. Build with -Dfuzz=true and clang; run ./fuzz-elf CORPUS. */
#include <stdlib.h>

#include "host/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch_symbol(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function)
{
	unsigned *sum = opaque;
	(void)addr, (void)size, (void)function;
	for (; *name; name++)
		*sum += (unsigned char)*name;
}

static void touch_segments(const struct image_elf *e, unsigned *sum)
{
	for (unsigned i = 0; i < e->n_segments; i++)
		for (uint32_t k = 0; k < e->segments[i].filesz; k++)
			*sum += e->segments[i].bytes[k];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_file f;
	struct image_elf e;
	volatile unsigned keep;
	unsigned sum = 0;
	if (image_from_memory("fuzz.elf", data, size, &f, NULL))
		return 0;
	if (image_elf_parse(&f, &e, NULL) == RHEA_OK) {
		touch_segments(&e, &sum);
		image_elf_symbols(&f, touch_symbol, &sum);
		image_elf_free(&e);
	}
	image_file_free(&f);
	keep = sum;
	(void)keep;
	return 0;
}
