/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel images that are not ELF, told apart by what they say of themselves: zImage
 * (Documentation/arm/booting and setup in the Linux sources), Image, U-Boot's legacy uImage, anything else
 * raw. Compressed with gzip as a whole, or inside a uImage, they are unpacked. Every size in a file is checked.
 */
#ifndef RHEA_HOST_IMAGE_LINUX_H
#define RHEA_HOST_IMAGE_LINUX_H

#include "host/image.h"

struct image_linux {
	const uint8_t *bytes; /* in the file or in `owned` */
	size_t size;
	bool has_addr;        /* the image says where it goes: load and entry count */
	uint32_t load, entry; /* offsets from the start of RAM */
	bool plain;           /* started at its entry without a boot loader's registers (a uImage not of Linux) */
	uint8_t *owned;
};

/* Unpacked images are at most max_size bytes. On failure *out is empty. The file must outlive *out. */
enum rhea_status image_linux_parse(const struct image_file *f, size_t max_size, struct image_linux *out,
				   struct rhea_error *err);
void image_linux_free(struct image_linux *k);

/* The bytes of an initial RAM disk: all of the file, or what a uImage holds as one. */
enum rhea_status image_initrd_parse(const struct image_file *f, const uint8_t **bytes, size_t *size,
				    struct rhea_error *err);

#endif
