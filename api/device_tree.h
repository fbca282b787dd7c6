/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that a kernel gets: the file's, told of this machine's memory and of what -append and -initrd gave. */
#ifndef RHEA_DEVICE_TREE_H
#define RHEA_DEVICE_TREE_H

#include "host/image.h"

/* What a kernel is told, in a device tree or in a tag list. */
struct boot_params {
	uint64_t ram_size;
	const char *append; /* NULL or "" = none: the tree's own bootargs stay */
	uint32_t initrd, initrd_size; /* address; size 0 = none */
};

/* *blob gets the new tree, malloced, *size its bytes, free room for a boot loader's changes included. */
enum rhea_status device_tree_make(const struct image_file *f, const struct boot_params *p, uint8_t **blob, size_t *size,
				  struct rhea_error *err);

#endif
