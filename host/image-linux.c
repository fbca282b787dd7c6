/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel images: which kind a file is, and what it says of its place. */
#include "host/image-linux.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be32(const uint8_t *p)
{
	return __builtin_bswap32(le32(p));
}

static enum rhea_status bad(const struct image_file *f, const char *why, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_IMAGE, "%s: %s", f->path, why);
}

/* ---- gzip ---- */

static bool is_gzip(const uint8_t *p, size_t size)
{
	return size > 18 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

/* Makes room for more output, at most max bytes. */
static bool grow(uint8_t **buf, size_t *room, size_t max)
{
	size_t wanted = *room > max / 2 ? max : *room * 2;
	uint8_t *p = wanted > *room ? realloc(*buf, wanted) : NULL;
	if (!p)
		return false;
	*buf = p;
	*room = wanted;
	return true;
}

/* Inflates one gzip member; bytes behind it do not count. *buf is the caller's, also after a failure. */
static int inflate_all(const uint8_t *in, size_t size, size_t max, uint8_t **buf, size_t *done)
{
	z_stream z = {.next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)size};
	size_t room = MIN(max, MAX(size * 4, (size_t)4096));
	int r = inflateInit2(&z, 31);
	*done = 0;
	if (r != Z_OK)
		return r;
	*buf = malloc(room);
	r = *buf ? Z_OK : Z_MEM_ERROR;
	while (r == Z_OK) {
		z.next_out = *buf + *done;
		z.avail_out = (uInt)(room - *done);
		r = inflate(&z, Z_NO_FLUSH);
		*done = room - z.avail_out;
		if ((r == Z_OK || r == Z_BUF_ERROR) && !z.avail_out)
			r = room == max ? Z_STREAM_ERROR : grow(buf, &room, max) ? Z_OK : Z_MEM_ERROR;
	}
	inflateEnd(&z);
	return r;
}

static enum rhea_status unpack(const struct image_file *f, const uint8_t *in, size_t size, size_t max,
			       struct image_linux *out, struct rhea_error *err)
{
	uint8_t *buf = NULL;
	size_t n;
	int r = size <= UINT32_MAX ? inflate_all(in, size, max, &buf, &n) : Z_DATA_ERROR;
	if (r == Z_STREAM_END && n) {
		free(out->owned);
		out->bytes = out->owned = buf;
		out->size = n;
		return RHEA_OK;
	}
	free(buf);
	if (r == Z_STREAM_ERROR)
		return error_set(err, RHEA_ERR_IMAGE, "%s: unpacked, the image is larger than %zu MiB; there is no room for it",
				 f->path, max >> 20);
	if (r == Z_MEM_ERROR)
		return error_set(err, RHEA_ERR_HOST, "%s: out of host memory", f->path);
	return bad(f, r == Z_BUF_ERROR ? "truncated: the gzip data ends too early" : "damaged gzip data", err);
}

/* ---- zImage, Image ---- */

#define ZIMAGE_HEADER 0x34u
#define ZIMAGE_MAGIC 0x016f2818u
#define ZIMAGE_BIG_ENDIAN 0x01020304u
#define TEXT_OFFSET 0x8000u /* of an unpacked kernel: its page tables go below it */

static bool is_zimage(const uint8_t *p, size_t size)
{
	return size >= ZIMAGE_HEADER && (le32(p + 0x24) == ZIMAGE_MAGIC || be32(p + 0x24) == ZIMAGE_MAGIC);
}

/* Position-independent: the board's usual address does. */
static enum rhea_status check_zimage(const struct image_file *f, const struct image_linux *k, struct rhea_error *err)
{
	const uint8_t *p = k->bytes;
	uint32_t start = le32(p + 0x28), end = le32(p + 0x2c);
	if (le32(p + 0x24) != ZIMAGE_MAGIC || le32(p + 0x30) == ZIMAGE_BIG_ENDIAN)
		return bad(f, "a big-endian zImage; this machine runs 32-bit little-endian ARM", err);
	if (end <= start)
		return bad(f, "damaged zImage: its end lies before its start", err);
	if (end - start > k->size)
		return error_set(err, RHEA_ERR_IMAGE, "%s: truncated zImage: %zu bytes, its header says %u", f->path, k->size,
				 end - start);
	return RHEA_OK;
}

/* An unpacked kernel has no magic, but its entry code has looked up the processor like this since 2.6:
 * mrc p15, 0, r9, c0, c0; bl __lookup_processor_type; movs r10, r5. */
static bool is_image(const uint8_t *p, size_t size)
{
	for (size_t at = 0; at + 12 <= MIN(size, (size_t)256); at += 4)
		if (le32(p + at) == 0xee109f10 && p[at + 7] == 0xeb && le32(p + at + 8) == 0xe1b0a005)
			return true;
	return false;
}

/* ---- uImage ---- */

#define UIMAGE_MAGIC 0x27051956u
#define UIMAGE_HEADER 64u
#define NOLOAD_BASE (UINT32_C(32) << 20) /* where QEMU puts an image that may lie anywhere */

enum { OS_LINUX = 5, ARCH_ARM = 2, TYPE_KERNEL = 2, TYPE_RAMDISK = 3, TYPE_KERNEL_NOLOAD = 14, COMP_NONE = 0, COMP_GZIP = 1 };

struct uimage {
	uint32_t size, load, entry;
	uint8_t os, arch, type, comp;
};

static bool is_uimage(const uint8_t *p, size_t size)
{
	return size >= 4 && be32(p) == UIMAGE_MAGIC;
}

static bool header_sum_ok(const uint8_t *p)
{
	uint8_t h[UIMAGE_HEADER];
	memcpy(h, p, sizeof h);
	memset(h + 4, 0, 4);
	return crc32(0, h, sizeof h) == be32(p + 4);
}

static enum rhea_status read_uimage(const struct image_file *f, const uint8_t *p, size_t size, struct uimage *u,
				    struct rhea_error *err)
{
	if (size < UIMAGE_HEADER)
		return bad(f, "truncated uImage header", err);
	if (!header_sum_ok(p))
		return bad(f, "damaged uImage: the header's checksum is wrong", err);
	*u = (struct uimage){.size = be32(p + 12), .load = be32(p + 16), .entry = be32(p + 20),
			     .os = p[28], .arch = p[29], .type = p[30], .comp = p[31]};
	if (u->size > size - UIMAGE_HEADER)
		return error_set(err, RHEA_ERR_IMAGE, "%s: truncated uImage: %zu bytes of data, its header says %u", f->path,
				 size - UIMAGE_HEADER, u->size);
	if (!u->size)
		return bad(f, "an empty uImage", err);
	if (crc32(0, p + UIMAGE_HEADER, u->size) != be32(p + 24))
		return bad(f, "damaged uImage: the data's checksum is wrong", err);
	if (u->arch != ARCH_ARM)
		return error_set(err, RHEA_ERR_IMAGE, "%s: a uImage for architecture number %u; this machine needs ARM (2)",
				 f->path, u->arch);
	return RHEA_OK;
}

static enum rhea_status take_uimage(const struct image_file *f, size_t max, struct image_linux *k, struct rhea_error *err)
{
	struct uimage u;
	enum rhea_status s = read_uimage(f, k->bytes, k->size, &u, err);
	if (s)
		return s;
	if (u.type != TYPE_KERNEL && u.type != TYPE_KERNEL_NOLOAD)
		return error_set(err, RHEA_ERR_IMAGE, "%s: a uImage of type %u, not a kernel (2 or 14)", f->path, u.type);
	k->bytes += UIMAGE_HEADER;
	k->size = u.size;
	k->has_addr = true;
	k->plain = u.os != OS_LINUX;
	k->load = u.type == TYPE_KERNEL ? u.load : NOLOAD_BASE + UIMAGE_HEADER;
	k->entry = u.type == TYPE_KERNEL ? u.entry : k->load + u.entry;
	if (u.comp == COMP_NONE)
		return RHEA_OK;
	if (u.comp != COMP_GZIP)
		return error_set(err, RHEA_ERR_IMAGE, "%s: a uImage with compression number %u; none (0) and gzip (1) are there",
				 f->path, u.comp);
	const uint8_t *packed = k->bytes;
	return is_gzip(packed, u.size) ? unpack(f, packed, u.size, max, k, err) : bad(f, "damaged gzip data", err);
}

/* ---- all of them ---- */

static enum rhea_status take(const struct image_file *f, size_t max, struct image_linux *k, struct rhea_error *err)
{
	if (is_gzip(k->bytes, k->size)) {
		enum rhea_status s = unpack(f, k->bytes, k->size, max, k, err);
		if (s)
			return s;
	}
	if (is_uimage(k->bytes, k->size))
		return take_uimage(f, max, k, err);
	if (is_zimage(k->bytes, k->size))
		return check_zimage(f, k, err);
	if (is_image(k->bytes, k->size)) {
		k->has_addr = true;
		k->load = k->entry = TEXT_OFFSET;
	}
	return RHEA_OK;
}

enum rhea_status image_linux_parse(const struct image_file *f, size_t max_size, struct image_linux *out,
				   struct rhea_error *err)
{
	*out = (struct image_linux){.bytes = f->data, .size = f->size};
	enum rhea_status s = take(f, max_size, out, err);
	if (s)
		image_linux_free(out);
	return s;
}

void image_linux_free(struct image_linux *k)
{
	free(k->owned);
	*k = (struct image_linux){0};
}

enum rhea_status image_initrd_parse(const struct image_file *f, const uint8_t **bytes, size_t *size,
				    struct rhea_error *err)
{
	struct uimage u = {0};
	*bytes = f->data;
	*size = f->size;
	if (!is_uimage(f->data, f->size))
		return RHEA_OK;
	enum rhea_status s = read_uimage(f, f->data, f->size, &u, err);
	if (!s && u.type != TYPE_RAMDISK)
		s = error_set(err, RHEA_ERR_IMAGE, "%s: a uImage of type %u, not a RAM disk (3)", f->path, u.type);
	*bytes += UIMAGE_HEADER;
	*size = u.size;
	return s;
}
