/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SD card's identity and description: CID and CSD (SD Physical Layer Simplified Specification 2.00, chapter 5).
 * Identity and timing are those of QEMU's card, so that a guest finds the same disk here and there.
 */
#include <string.h>

#include "hw/sdcard.h"

/* Command classes: basic, block read, block write, erase, application, switch. */
enum { CLASS_WRITE = 1 << 4, CLASS_ERASE = 1 << 5, CLASSES = 0x505 };

uint8_t sd_crc7(const uint8_t *bytes, unsigned n)
{
	uint8_t crc = 0;
	for (unsigned i = 0; i < 8 * n; i++) {
		unsigned in = (unsigned)bytes[i / 8] >> (7 - i % 8) & 1u;
		unsigned out = (unsigned)crc >> 6 & 1u;
		crc = (uint8_t)((crc << 1 & 0x7f) ^ (in ^ out ? 0x09 : 0));
	}
	return crc;
}

/* Bits hi..lo of a 16-byte register, numbered as in the specification: 127 goes first. */
static void put(uint8_t *reg, unsigned hi, unsigned lo, uint32_t value)
{
	for (unsigned n = lo; n <= hi; n++, value >>= 1)
		if (value & 1)
			reg[15 - n / 8] |= (uint8_t)(1u << (n % 8));
}

static void seal(uint8_t *reg)
{
	reg[15] = (uint8_t)(sd_crc7(reg, 15) << 1 | 1);
}

void sd_make_cid(uint8_t cid[SD_CID_SIZE])
{
	/* manufacturer, application, product name, revision, serial number, date (2006-02), CRC */
	static const uint8_t id[SD_CID_SIZE] = {0xaa, 'X', 'Y', 'Q', 'E', 'M', 'U', '!', 0x01, 0xde, 0xad, 0xbe, 0xef, 0x00, 0x62};
	memcpy(cid, id, sizeof id);
	seal(cid);
}

/* How CSD version 1 says a size: (c_size + 1) << (mult + 2) << read_bl_len. */
struct capacity {
	uint32_t c_size;
	unsigned mult, bl_len;
};

static bool sdsc_capacity(uint64_t size, struct capacity *c)
{
	c->bl_len = size > SDSC_MAX / 2 ? 10 : 9;
	for (c->mult = 7; size; c->mult--) {
		unsigned shift = c->mult + 2 + c->bl_len;
		uint64_t units = size >> shift;
		if (units << shift == size && units <= 4096) {
			c->c_size = (uint32_t)units - 1;
			return true;
		}
		if (c->mult == 0)
			break;
	}
	return false;
}

#define SDHC_UNIT (UINT64_C(512) << 10)
#define SDHC_MAX (SDHC_UNIT << 22)

static bool size_possible(uint64_t size)
{
	struct capacity c;
	if (size <= SDSC_MAX)
		return sdsc_capacity(size, &c);
	return size % SDHC_UNIT == 0 && size <= SDHC_MAX;
}

bool sd_size_check(uint64_t size, struct rhea_error *err)
{
	uint64_t unit = size <= SDSC_MAX / 2 ? SDHC_UNIT / 2 : SDHC_UNIT, good = (size + unit - 1) / unit * unit;
	if (size_possible(size))
		return true;
	if (size > SDHC_MAX)
		error_set(err, RHEA_ERR_IMAGE, "an SD card has at most 2 TiB, this image has %llu bytes", (unsigned long long)size);
	else
		error_set(err, RHEA_ERR_IMAGE,
			  "no SD card has exactly %llu bytes; the next size is %llu KiB: grow the image with 'truncate -s %lluK'",
			  (unsigned long long)size, (unsigned long long)good >> 10, (unsigned long long)good >> 10);
	return false;
}

static void put_common(uint8_t *csd, bool read_only)
{
	put(csd, 103, 96, 0x32); /* 25 MHz */
	put(csd, 95, 84, CLASSES | (read_only ? 0 : CLASS_WRITE | CLASS_ERASE));
	put(csd, 46, 46, 1);     /* single blocks can be erased */
	put(csd, 45, 39, 0x7f);  /* erase sector: 128 blocks */
	put(csd, 28, 26, 2);     /* writing is 4 times slower than reading */
	put(csd, 25, 22, 9);
	put(csd, 12, 12, read_only);
}

static void put_sdsc(uint8_t *csd, const struct capacity *c)
{
	put(csd, 119, 112, 0x26); /* access time: 1.5 ms */
	put(csd, 83, 80, c->bl_len);
	put(csd, 79, 77, 7);      /* partial, misaligned writes and reads */
	put(csd, 73, 62, c->c_size);
	put(csd, 61, 50, 0xfff);  /* currents: the highest class */
	put(csd, 49, 47, c->mult);
}

static void put_sdhc(uint8_t *csd, uint64_t size)
{
	put(csd, 127, 126, 1);
	put(csd, 119, 112, 0x0e);
	put(csd, 83, 80, 9);
	put(csd, 69, 48, (uint32_t)(size / SDHC_UNIT - 1));
}

void sd_make_csd(uint8_t csd[SD_CSD_SIZE], uint64_t size, bool read_only)
{
	struct capacity c;
	memset(csd, 0, SD_CSD_SIZE);
	put_common(csd, read_only);
	if (size > SDSC_MAX)
		put_sdhc(csd, size);
	else if (sdsc_capacity(size, &c))
		put_sdsc(csd, &c);
	seal(csd);
}
