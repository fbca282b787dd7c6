/* SPDX-License-Identifier: Apache-2.0 */
/* An open image file; private to host/block*.c. */
#ifndef RHEA_HOST_BLOCK_INTERNAL_H
#define RHEA_HOST_BLOCK_INTERNAL_H

#include "host/block.h"

struct image {
	char *path;
	int fd;
	bool written;   /* there may be something to write out */
	int last_errno; /* of the last complaint */
	/* Snapshot: clusters whose bit is set are in overlay_fd, at the same place. */
	int overlay_fd;
	uint64_t size;
	uint8_t *overlay; /* bitmap; NULL = no snapshot */
};

/* False with errno. Reads past the end of the file are EIO. */
bool block_file_read(int fd, uint64_t off, void *buf, size_t n);
bool block_file_write(int fd, uint64_t off, const void *buf, size_t n);
bool block_file_zero(int fd, uint64_t off, uint64_t n);

enum rhea_status overlay_open(struct image *im, uint64_t size, struct rhea_error *err);
void overlay_close(struct image *im);
bool overlay_read(struct image *im, uint64_t off, void *buf, size_t n);
bool overlay_write(struct image *im, uint64_t off, const void *buf, size_t n);
bool overlay_zero(struct image *im, uint64_t off, uint64_t n);

#endif
