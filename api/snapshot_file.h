/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of snapshot files (docs/snapshot-format.md), shared by snapshot_save.c and snapshot_load.c. */
#ifndef RHEA_API_SNAPSHOT_FILE_H
#define RHEA_API_SNAPSHOT_FILE_H

#include "api/snapshot.h"
#include "softmmu/address_space.h"

#define SNAPSHOT_MAGIC "RHEASNAP"
#define SNAPSHOT_FORMAT 1u
#define SNAPSHOT_RUN_PAGES 64u /* at most, of one PAGE or CLUS section */
#define SNAPSHOT_NAME_MAX 64u
#define SNAPSHOT_MAX_BLOCKS 64u
#define SNAPSHOT_DRIVES (MACHINE_SD_SLOTS + 1u)

/* All numbers are little-endian. The file begins with this, sections follow. */
struct snapshot_head {
	char magic[8];
	uint32_t format, unused;
};

/* `crc` is the CRC-32 of kind, size and payload, in this order. */
struct snapshot_section {
	char kind[4];
	uint32_t crc;
	uint64_t size; /* of the payload, which follows */
};

/* A run of pages of memory or of 4 KiB clusters of a drive: the start of a PAGE or CLUS section; deflated bytes follow. */
struct snapshot_run {
	uint32_t owner; /* number of the MEMB or DISK section, from 0 */
	uint32_t n;
	uint64_t first;
};

_Static_assert(sizeof(struct snapshot_head) == 16 && sizeof(struct snapshot_section) == 16 && sizeof(struct snapshot_run) == 16,
	       "the file has no padding");

/* The slots of drives, and their names in messages and files. */
struct block *snapshot_drive(struct rhea *m, unsigned i);
extern const char *const snapshot_drive_name[SNAPSHOT_DRIVES];

/* Shows progress when something takes longer than two seconds. */
struct snapshot_progress {
	const struct rhea_progress *to; /* may be NULL */
	uint64_t started, shown;        /* host ns */
};
void snapshot_progress(struct snapshot_progress *p, uint64_t done, uint64_t of);

#endif
