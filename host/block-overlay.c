/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a nameless temporary file of the image's size, holes and all, takes the writes, cluster by cluster; a bitmap
 * says which clusters are there. The directory is $TMPDIR, or /var/tmp.
 */
#include "host/block-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLUSTER BLOCK_CLUSTER

static int temporary_file(const char *dir)
{
	char name[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	if ((size_t)snprintf(name, sizeof name, "%s/rhea.XXXXXX", dir) >= sizeof name)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

enum rhea_status overlay_open(struct image *im, uint64_t size, struct rhea_error *err)
{
	const char *dir = getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/var/tmp";
	im->size = size;
	im->overlay_fd = temporary_file(dir);
	if (im->overlay_fd < 0 || ftruncate(im->overlay_fd, (off_t)size))
		return error_set(err, RHEA_ERR_FILE, "%s: no temporary file for the snapshot in %s (see TMPDIR): %s", im->path,
				 dir, strerror(errno));
	im->overlay = calloc(1, size / CLUSTER / 8 + 1);
	if (!im->overlay)
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", im->path);
	return RHEA_OK;
}

void overlay_close(struct image *im)
{
	if (im->overlay_fd >= 0)
		close(im->overlay_fd);
	free(im->overlay);
}

static bool has(const struct image *im, uint64_t cluster)
{
	return im->overlay[cluster / 8] >> (cluster % 8) & 1;
}

static void mark(struct image *im, uint64_t cluster)
{
	im->overlay[cluster / 8] |= (uint8_t)(1u << (cluster % 8));
}

/* Bytes from `off` to the end of its cluster, at most n. */
static size_t in_cluster(uint64_t off, uint64_t n)
{
	return (size_t)MIN(n, CLUSTER - off % CLUSTER);
}

bool overlay_read(struct image *im, uint64_t off, void *buf, size_t n)
{
	for (uint8_t *p = buf; n;) {
		size_t step = in_cluster(off, n);
		if (!block_file_read(has(im, off / CLUSTER) ? im->overlay_fd : im->fd, off, p, step))
			return false;
		p += step, off += step, n -= step;
	}
	return true;
}

/* Brings the image's bytes of a cluster that is about to be written in part. The last one may be short. */
static bool copy_cluster(struct image *im, uint64_t cluster)
{
	uint8_t bytes[CLUSTER];
	uint64_t off = cluster * CLUSTER;
	size_t n = (size_t)MIN(CLUSTER, im->size - off);
	return block_file_read(im->fd, off, bytes, n) && block_file_write(im->overlay_fd, off, bytes, n);
}

bool overlay_write(struct image *im, uint64_t off, const void *buf, size_t n)
{
	for (const uint8_t *p = buf; n;) {
		size_t step = in_cluster(off, n);
		uint64_t cluster = off / CLUSTER;
		if (!has(im, cluster) && step < CLUSTER && !copy_cluster(im, cluster))
			return false;
		if (!block_file_write(im->overlay_fd, off, p, step))
			return false;
		mark(im, cluster);
		p += step, off += step, n -= step;
	}
	return true;
}

bool overlay_zero(struct image *im, uint64_t off, uint64_t n)
{
	static const uint8_t zeros[CLUSTER];
	while (n) {
		size_t step = in_cluster(off, n);
		uint64_t whole = step == CLUSTER ? n / CLUSTER : 0;
		if (!whole && !overlay_write(im, off, zeros, step))
			return false;
		if (whole && !block_file_zero(im->overlay_fd, off, whole * CLUSTER))
			return false;
		for (uint64_t i = 0; i < whole; i++)
			mark(im, off / CLUSTER + i);
		uint64_t done = whole ? whole * CLUSTER : step;
		off += done, n -= done;
	}
	return true;
}

bool block_has_overlay(const struct block *b)
{
	const struct image *im = b->backend;
	return im && im->overlay;
}

bool block_overlay_next(const struct block *b, uint64_t *off)
{
	const struct image *im = b->backend;
	for (uint64_t c = *off / CLUSTER, end = (im->size + CLUSTER - 1) / CLUSTER; c < end; c++) {
		if (c % 8 == 0 && !im->overlay[c / 8]) {
			c += 7;
			continue;
		}
		if (has(im, c)) {
			*off = c * CLUSTER;
			return true;
		}
	}
	return false;
}

void block_overlay_clear(struct block *b)
{
	struct image *im = b->backend;
	for (uint64_t off = 0; block_overlay_next(b, &off); off += CLUSTER) {
		if (b->will_write)
			b->will_write(b->keeper, b, off, MIN(CLUSTER, im->size - off));
		im->overlay[off / CLUSTER / 8] &= (uint8_t)~(1u << (off / CLUSTER % 8));
	}
}
