/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as kernel image (zImage, Image, uImage, gzip), RAM disk or device tree; the first byte says which,
 * and whether the checksums of a uImage are made right, so that what is behind them is reached. Build with -Dfuzz=true and
 * clang; run ./fuzz-linux CORPUS. */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "api/device_tree.h"
#include "host/image-linux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_UNPACKED ((size_t)1 << 20)

static void put_be32(uint8_t *p, uLong v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void seal_uimage(uint8_t *p, size_t size)
{
	if (size < 65)
		return;
	put_be32(p, 0x27051956);
	put_be32(p + 12, size - 64);
	put_be32(p + 24, crc32(0, p + 64, (uInt)(size - 64)));
	p[29] = 2;
	put_be32(p + 4, 0);
	put_be32(p + 4, crc32(0, p, 64));
}

/* A header that fits leaves the structure to the fuzzer. */
static void seal_tree(uint8_t *p, size_t size)
{
	if (size < 80)
		return;
	const size_t head[] = {FDT_MAGIC, size, 56, 56 + (size - 56) / 2, 40, 17, 16, 0, size - 56 - (size - 56) / 2, (size - 56) / 2};
	for (unsigned i = 0; i < 10; i++)
		put_be32(p + 4 * i, head[i]);
	memset(p + 40, 0, 16);
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned v = 0;
	while (n--)
		v += *p++;
	return v;
}

static unsigned try_kernel(const struct image_file *f)
{
	struct image_linux k;
	if (image_linux_parse(f, MAX_UNPACKED, &k, NULL))
		return 0;
	if (k.size > MAX_UNPACKED && k.owned)
		abort();
	unsigned v = sum(k.bytes, k.size);
	image_linux_free(&k);
	return v;
}

static unsigned try_tree(const struct image_file *f, bool initrd)
{
	const struct boot_params p = {.ram_size = 128u << 20, .append = "console=ttyAMA0", .initrd = 0x4000000,
				      .initrd_size = initrd ? 4096 : 0};
	uint8_t *blob = NULL;
	size_t size;
	if (device_tree_make(f, &p, &blob, &size, NULL))
		return 0;
	if (fdt_check_full(blob, size))
		abort();
	unsigned v = sum(blob, size);
	free(blob);
	return v;
}

static unsigned try_initrd(const struct image_file *f)
{
	const uint8_t *bytes;
	size_t size;
	return image_initrd_parse(f, &bytes, &size, NULL) ? 0 : sum(bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_file f;
	volatile unsigned keep;
	if (size < 2 || image_from_memory("fuzz", data + 1, size - 1, &f, NULL))
		return 0;
	switch (*data % 6) {
	case 0: keep = try_kernel(&f); break;
	case 1: seal_uimage(f.data, f.size); keep = try_kernel(&f); break;
	case 2: keep = try_initrd(&f); break;
	case 3: seal_uimage(f.data, f.size); keep = try_initrd(&f); break;
	case 4: keep = try_tree(&f, *data & 8); break;
	default: seal_tree(f.data, f.size); keep = try_tree(&f, *data & 8); break;
	}
	(void)keep;
	image_file_free(&f);
	return 0;
}
