/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by semihosting.c (calls) and semihosting-file.c (handles). */
#ifndef RHEA_HOST_SEMIHOSTING_INTERNAL_H
#define RHEA_HOST_SEMIHOSTING_INTERNAL_H

#include "host/semihosting.h"

#define SEMIHOSTING_FAIL UINT32_MAX
#define SEMIHOSTING_HANDLES 256
#define SEMIHOSTING_PATH_MAX 4096

enum semihosting_file_kind {
	SEMIHOSTING_FREE,
	SEMIHOSTING_CONSOLE_IN,
	SEMIHOSTING_CONSOLE_OUT,
	SEMIHOSTING_CONSOLE_ERR,
	SEMIHOSTING_FEATURES,
	SEMIHOSTING_HOST,
	SEMIHOSTING_REMOTE, /* fd is the debugger's */
};

struct semihosting_file {
	enum semihosting_file_kind kind;
	int fd;          /* HOST, REMOTE */
	uint32_t pos;    /* FEATURES */
	uint64_t offset; /* HOST, while state is packed or unpacked */
	bool open;       /* likewise: fd is open here */
};

struct semihosting {
	struct semihosting_target t;
	uint64_t start_ns;
	uint32_t param;                                     /* of the call in progress */
	int error;                                          /* SYS_ERRNO */
	struct semihosting_file files[SEMIHOSTING_HANDLES]; /* handle 0 is never given out */
};

/* Notes an error for SYS_ERRNO and returns -1. */
static inline uint32_t semihosting_fail(struct semihosting *s, int error)
{
	s->error = error;
	return SEMIHOSTING_FAIL;
}

/* Copies the string of `len` bytes and its NUL to buf (SEMIHOSTING_PATH_MAX bytes). False: s->error is set. */
bool semihosting_string(struct semihosting *s, uint32_t addr, uint32_t len, char *buf);
void semihosting_console(struct semihosting *s, enum semihosting_stream to, const uint8_t *buf, size_t n);
size_t semihosting_console_get(struct semihosting *s, uint8_t *buf, size_t n);

/* semihosting-remote.c: as the operations of these names */
bool semihosting_is_remote(const struct semihosting *s);
uint32_t remote_open(struct semihosting *s, struct semihosting_file *file, const uint32_t *arg, bool console);
uint32_t remote_close(struct semihosting *s, const struct semihosting_file *f);
uint32_t remote_transfer(struct semihosting *s, const struct semihosting_file *f, const uint32_t *arg, bool write);
uint32_t remote_istty(struct semihosting *s, const struct semihosting_file *f);
uint32_t remote_seek(struct semihosting *s, const struct semihosting_file *f, uint32_t position);
uint32_t remote_flen(struct semihosting *s, const struct semihosting_file *f);
uint32_t remote_remove(struct semihosting *s, const uint32_t *arg);
uint32_t remote_rename(struct semihosting *s, const uint32_t *arg);
uint32_t remote_system(struct semihosting *s, const uint32_t *arg);
void remote_print(struct semihosting *s, uint32_t addr, uint32_t n);

#define SEMIHOST_OP(number, function, words) uint32_t function(struct semihosting *s, const uint32_t *arg);
#include "host/semihosting.def"
#undef SEMIHOST_OP

#endif
