/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm semihosting ("Semihosting for AArch32 and AArch64"): the guest's window to the host's files, clock and
 * exit status. The guest is not trusted with our memory: every address, length and handle is
 * checked. It is trusted with the host's files and shell (SYS_OPEN, SYS_REMOVE, SYS_SYSTEM act as the user who
 * runs rhea), which is what switching semihosting on means, here as in QEMU.
 */
#ifndef RHEA_HOST_SEMIHOSTING_H
#define RHEA_HOST_SEMIHOSTING_H

#include "base/base.h"
#include "base/log.h"

struct semihosting;

enum semihosting_stream { SEMIHOSTING_STDOUT, SEMIHOSTING_STDERR };

/* The machine as semihosting sees it. Copied; what it points to must outlive the semihosting. */
struct semihosting_target {
	void *opaque;
	/* Guest virtual memory; false when any byte is not plain memory. */
	bool (*read)(void *opaque, uint32_t addr, void *buf, uint32_t n);
	bool (*write)(void *opaque, uint32_t addr, const void *buf, uint32_t n);
	uint64_t (*now_ns)(void *opaque);     /* SYS_CLOCK, SYS_ELAPSED */
	int64_t (*time_s)(void *opaque);      /* SYS_TIME; NULL = the host's time */
	void (*exit)(void *opaque, int code); /* notes the request; the call returns to the guest */
	/* Console. NULL = the process's own standard streams, as QEMU. WRITEC and WRITE0 go to stderr. */
	void (*console_write)(void *opaque, enum semihosting_stream to, const uint8_t *buf, size_t n);
	size_t (*console_read)(void *opaque, uint8_t *buf, size_t n); /* waits for a byte; 0 = end */
	/* The debugger: executes a request of the File-I/O protocol; -1 and *error (its number) when it failed. NULL: nobody. */
	int64_t (*remote)(void *opaque, const char *request, int *error);
	bool (*remote_wanted)(void *opaque); /* is it to serve what is opened now? */
	uint32_t heap_base, heap_limit;       /* the largest part of RAM without an image; SYS_HEAPINFO */
	const char *const *args;              /* SYS_GET_CMDLINE, NULL-terminated; NULL = empty */
	struct log *log;
};

struct semihosting *semihosting_new(const struct semihosting_target *t); /* NULL: no host memory */

/* Closes the guest's files. NULL is allowed. */
void semihosting_free(struct semihosting *s);

/* As after semihosting_new: the machine was reset. */
void semihosting_reset(struct semihosting *s);

/* The images are loaded: what is left of RAM (SYS_HEAPINFO). */
void semihosting_set_heap(struct semihosting *s, uint32_t base, uint32_t limit);

/*
 * What of it is state, as a part of a snapshot (base/state.h). `before` precedes packing and unpacking, `after` follows
 * unpacking: files that are open in both go back to their place, others are closed (their handles are bad then). What
 * files hold is not state.
 */
struct state_part;
void semihosting_state_part(struct semihosting *s, struct state_part *part);
void semihosting_state_before(struct semihosting *s);
void semihosting_state_after(struct semihosting *s);
/* How many files of the host (or of the debugger) are open. */
unsigned semihosting_open_files(const struct semihosting *s);

/* Writes to the process's own standard streams, as the console does without console_write. */
void semihosting_to_host(enum semihosting_stream to, const uint8_t *buf, size_t n);

/* Executes operation `op` (r0) with parameter `param` (r1); returns the guest's new r0. */
uint32_t semihosting_call(struct semihosting *s, uint32_t op, uint32_t param);

#endif
