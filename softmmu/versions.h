/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of guest memory, and of the disks with it: what every page held at each of a set of snapshots, at the cost of the pages that change.
 *
 * While there is a snapshot, every page starts clean: no write addend exists for it, so its first store comes to the slow
 * path, which calls versions_touch before anything is written; that copies the page once if a snapshot still needs
 * what it holds. Taking a snapshot and going back to one cost what was touched since the last time either was done.
 *
 * Invariant: a version without bytes of its own (`data` NULL) is what memory holds now.
 */
#ifndef RHEA_VERSIONS_H
#define RHEA_VERSIONS_H

#include "softmmu/memory.h"

struct versions;
struct memory_version; /* one snapshot */

/* What the owner of the memory does when versions change it. */
struct versions_owner {
	void *opaque;
	/* Does the 4 KiB page of `host` hold translated code? Then `written` is told which of its bytes change. */
	bool (*has_code)(void *opaque, const uint8_t *host);
	void (*written)(void *opaque, const uint8_t *host, uint64_t size);
	/* The page is clean again: its write addends must go. NULL: those of all pages. */
	void (*clean)(void *opaque, const uint8_t *host);
};

/* A disk, versioned as memory is. `size` is what `read` and `write` serve; false is the host's refusal. */
struct versions_medium {
	void *opaque;
	bool (*read)(void *opaque, uint64_t off, void *buf, size_t n);
	bool (*write)(void *opaque, uint64_t off, const void *buf, size_t n);
	uint64_t size;
};

/* Starts to track the memory of `as`, as it is mapped now, and the media, which are copied. NULL: the host is out of memory. */
struct versions *versions_start(struct address_space *as, const struct versions_owner *owner,
				const struct versions_medium *media, unsigned n_media);
/* Ends it; no snapshot is left. */
void versions_stop(struct address_space *as);

/* NULL: the host is out of memory. */
struct memory_version *versions_take(struct versions *vs);
/* False: a medium refused to be read or written; what it holds is neither this nor that. All else is restored. */
bool versions_restore(struct versions *vs, struct memory_version *m);
void versions_free(struct versions *vs, struct memory_version *m);

/* The page of a host address is about to be written, if it is guest memory. */
void versions_touch(struct versions *vs, const uint8_t *host);
/* The same for n bytes of the medium-th medium. */
void versions_touch_medium(struct versions *vs, unsigned medium, uint64_t off, uint64_t n);
/* Has it been since the last snapshot was taken or restored? */
bool versions_touched(const struct versions *vs, const uint8_t *host);

/* What snapshots keep beside what each page held when tracking began, in bytes of host memory. */
uint64_t versions_bytes(const struct versions *vs);

/* Pages touched since then. */
uint32_t versions_n_touched(const struct versions *vs);

#endif
