/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as accesses to a disk image, with and without a snapshot, while the host's disk fills up or the
 * file shrinks. A model says what must be read; where a write failed nothing is promised, nothing else may change,
 * and under a snapshot the image itself stays as it was. Build with -Dfuzz=true and clang; run ./fuzz-block CORPUS. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE (9u * 4096 + 512)

struct model {
	struct block b;
	uint8_t bytes[SIZE];
	bool unsure[SIZE]; /* a write failed there */
	uint8_t image[SIZE];
	int fd;
	uint32_t cut; /* bytes that the file has left */
	bool full, snapshot;
};

/* Writes beyond this fail, as on a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit l;
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = MIN(bytes, l.rlim_max);
	setrlimit(RLIMIT_FSIZE, &l);
}

static void check_read(struct model *m, uint32_t off, uint32_t n)
{
	uint8_t *got = malloc(n + 1);
	bool inside = off <= SIZE && n <= SIZE - off, ok = got && m->b.read(&m->b, off, got, n);
	if (got && !ok && inside && m->cut == SIZE)
		abort(); /* nothing was wrong */
	if (ok && !inside)
		abort();
	for (uint32_t i = 0; ok && i < n; i++)
		if (got[i] != m->bytes[off + i] && !m->unsure[off + i])
			abort();
	free(got);
}

static void check_write(struct model *m, uint32_t off, uint32_t n, uint8_t with, bool zero)
{
	uint8_t *bytes = malloc(n + 1);
	if (!bytes)
		return;
	memset(bytes, zero ? 0 : with, n);
	bool inside = off <= SIZE && n <= SIZE - off;
	bool ok = zero ? m->b.zero(&m->b, off, n) : m->b.write(&m->b, off, bytes, n);
	if (ok && !inside)
		abort();
	if (!ok && inside && !m->full && m->cut == SIZE)
		abort();
	if (ok)
		memcpy(m->bytes + off, bytes, n);
	if (inside)
		memset(m->unsure + off, !ok, n);
	free(bytes);
}

/* A file that shrinks and grows again has lost what was behind: only failures and zeros may come of it. */
static void shrink(struct model *m, uint32_t to)
{
	if (m->cut != SIZE || !m->snapshot || ftruncate(m->fd, to))
		return;
	m->cut = to;
}

static void play(struct model *m, const uint8_t *p, size_t left)
{
	for (; left >= 6; p += 6, left -= 6) {
		uint32_t off = p[1] | (uint32_t)p[2] << 8, n = p[3] | (uint32_t)(p[4] & 0x3f) << 8;
		off = p[4] & 0x40 ? off & ~511u : off;
		n = p[4] & 0x80 ? n & ~511u : n;
		switch (p[0] % 8) {
		case 0: case 1: check_read(m, off, n); break;
		case 2: case 3: case 4: check_write(m, off, n, p[5], false); break;
		case 5: check_write(m, off, n, 0, true); break;
		case 6: m->full = p[5] & 1; limit_files(m->full ? off : RLIM_INFINITY); break;
		case 7: shrink(m, off % SIZE & ~511u); break;
		}
	}
	limit_files(RLIM_INFINITY);
}

static void check_image(const struct model *m)
{
	uint8_t now[SIZE];
	ssize_t n = pread(m->fd, now, sizeof now, 0);
	for (uint32_t i = 0; n >= 0 && i < (uint32_t)n; i++)
		if (m->snapshot ? now[i] != m->image[i] : now[i] != m->bytes[i] && !m->unsure[i])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m;
	char path[40];
	struct block_config cfg = {.path = path, .format_raw = true, .snapshot = size && *data & 1};
	if (!size)
		return 0;
	signal(SIGXFSZ, SIG_IGN);
	setenv("TMPDIR", "/dev/shm", 1); /* no disk has to turn */
	m = (struct model){.fd = memfd_create("image", MFD_CLOEXEC), .cut = SIZE, .snapshot = cfg.snapshot};
	snprintf(path, sizeof path, "/proc/self/fd/%d", m.fd);
	for (uint32_t i = 0; i < SIZE; i++)
		m.image[i] = m.bytes[i] = (uint8_t)(i >> 9);
	if (m.fd < 0 || write(m.fd, m.image, SIZE) != SIZE || block_open(&m.b, &cfg, NULL))
		abort();
	play(&m, data + 1, size - 1);
	block_close(&m.b);
	check_image(&m);
	close(m.fd);
	return 0;
}
