/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk images behind struct block: raw files (or host block devices), read and written as the guest asks,
 * or with a temporary file on top that takes all writes. The size is what the file had when it was
 * opened; a file that shrinks later gives errors. Used on the machine's thread.
 */
#ifndef RHEA_HOST_BLOCK_H
#define RHEA_HOST_BLOCK_H

#include "runtime/device.h"

struct block_config {
	const char *path;
	bool read_only;
	bool snapshot;      /* the image is never written */
	bool format_raw;    /* take the bytes as they are; otherwise files that look like other formats are refused */
	bool write_through; /* each write reaches the disk before it counts as done */
};

/*
 * Puts the image into `b`, whose back end fields it fills. Locks it as QEMU does: no one else may write it,
 * nor read it when we write. RHEA_ERR_FILE with a message otherwise.
 */
enum rhea_status block_open(struct block *b, const struct block_config *cfg, struct rhea_error *err);

/* Do writes go to a temporary file (snapshot=on)? Then these show it: the next 4 KiB cluster from *off on that was written, false
 * when there is none; and, as if nothing had been written. */
#define BLOCK_CLUSTER 4096u
bool block_has_overlay(const struct block *b);
bool block_overlay_next(const struct block *b, uint64_t *off);
void block_overlay_clear(struct block *b);

/* Writes out what the host still caches and empties the slot. No-op when it is empty. */
void block_close(struct block *b);

#endif
