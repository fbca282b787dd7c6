/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Linux kernel finds when it is entered: where kernel, RAM disk, device tree and tag list lie, and what they
 * say. Addresses are those seen in QEMU's monitor for the same files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>
#include <zlib.h>

#include "rhea.h"

#define MIB (1u << 20)

/* ---- files ---- */

/* Bytes in a temporary file; *name is the caller's to unlink and free. */
static char *file_of(const void *bytes, size_t size)
{
	char *name = strdup("/tmp/rhea-boot-XXXXXX");
	int fd = mkstemp(name);
	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	return name;
}

/* `size` bytes that are no known kind of image. */
static char *raw_file(size_t size, uint8_t first)
{
	uint8_t *p = malloc(size);
	memset(p, 0x5a, size);
	p[0] = first;
	char *name = file_of(p, size);
	free(p);
	return name;
}

static void drop(char *name)
{
	if (name)
		unlink(name);
	free(name);
}

/* A tree with two memory nodes and an old command line. */
static size_t make_dtb(uint8_t *buf, size_t room)
{
	assert_int_equal(fdt_create_empty_tree(buf, (int)room), 0);
	fdt_setprop_u32(buf, 0, "#address-cells", 1);
	fdt_setprop_u32(buf, 0, "#size-cells", 1);
	int n = fdt_add_subnode(buf, 0, "memory");
	fdt_setprop_u64(buf, n, "reg", 0x1234);
	n = fdt_add_subnode(buf, 0, "ram");
	fdt_setprop_string(buf, n, "device_type", "memory");
	n = fdt_add_subnode(buf, 0, "chosen");
	fdt_setprop_string(buf, n, "bootargs", "old");
	fdt_add_subnode(buf, 0, "soc");
	assert_int_equal(fdt_pack(buf), 0);
	return fdt_totalsize(buf);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

struct uimage {
	uint32_t load, entry;
	uint8_t os, arch, type, comp;
};

/* U-Boot's header before `size` bytes at buf + 64; the whole size. */
static size_t make_uimage(uint8_t *buf, size_t size, struct uimage u)
{
	memset(buf, 0, 64);
	put_be32(buf, 0x27051956);
	put_be32(buf + 12, (uint32_t)size);
	put_be32(buf + 16, u.load);
	put_be32(buf + 20, u.entry);
	put_be32(buf + 24, (uint32_t)crc32(0, buf + 64, (uInt)size));
	buf[28] = u.os, buf[29] = u.arch, buf[30] = u.type, buf[31] = u.comp;
	put_be32(buf + 4, (uint32_t)crc32(0, buf, 64));
	return 64 + size;
}

static size_t gzip(uint8_t *out, size_t room, const uint8_t *in, size_t size)
{
	z_stream z = {.next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)room};
	deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* ---- machines ---- */

static struct rhea *board(const char *name, uint64_t ram)
{
	struct rhea_error err;
	struct rhea *m = rhea_new(&(struct rhea_config){.machine = name, .ram_size = ram}, &err);
	if (!m)
		fail_msg("%s", err.msg);
	return m;
}

static uint32_t word(struct rhea *m, uint32_t addr)
{
	uint32_t v;
	assert_int_equal(rhea_read_phys(m, addr, &v, 4), RHEA_OK);
	return v;
}

/* Loads, then runs the stub: r0-r2 and pc as the kernel finds them. */
static struct rhea *boot(const char *name, uint64_t ram, const char *kernel, struct rhea_boot with, uint32_t regs[4])
{
	struct rhea_error err;
	struct rhea_event ev;
	struct rhea *m = board(name, ram);
	if (rhea_load_kernel_with(m, kernel, &with, &err))
		fail_msg("%s", err.msg);
	rhea_run(m, 4, &ev);
	for (unsigned i = 0; i < 3; i++)
		rhea_read_reg(m, i, &regs[i]);
	rhea_read_reg(m, RHEA_REG_PC, &regs[3]);
	assert_int_equal(regs[0], 0);
	return m;
}

/* ---- tests ---- */

/* Failure: kernel, RAM disk or device tree lie elsewhere than with QEMU. */
static void places_are_qemus(void **state)
{
	static const struct {
		uint32_t ram_mib, kernel, initrd; /* sizes; 0 = none */
		bool dtb;
		uint32_t initrd_at, r2;
	} rows[] = {
		{128, 0x3cd598, 0xf2fe4, true, 0x4000000, 0x40f3000}, {8, 0x3cd598, 0xf2fe4, true, 0x400000, 0x4f3000},
		{64, 0x3cd598, 0xf2fe4, true, 0x2000000, 0x20f3000}, {256, 0x3cd598, 0xf2fe4, true, 0x8000000, 0x80f3000},
		{8, 0x500000, 0xf2fe4, true, 0x510000, 0x603000}, {8, 0x3ffc14, 0xf2fe4, false, 0x410000, 0x100},
		{8, 0x3ffc14, 0, true, 0, 0x410000}, {128, 100, 0, true, 0, 0x4000000}, {1, 100, 0, true, 0, 0x80000},
		{32, 20 * MIB, 0, true, 0, 0x1410000}, {64, 20 * MIB, 100, true, 0x2000000, 0x2001000},
		{128, 100, 0, false, 0, 0x100},
	};
	uint8_t tree[4096];
	char *dtb = file_of(tree, make_dtb(tree, sizeof tree));
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t r[4];
		char *kernel = raw_file(rows[i].kernel, 0x11), *initrd = rows[i].initrd ? raw_file(rows[i].initrd, 0x22) : NULL;
		struct rhea *m = boot("versatilepb", (uint64_t)rows[i].ram_mib * MIB, kernel,
				      (struct rhea_boot){.initrd = initrd, .dtb = rows[i].dtb ? dtb : NULL}, r);
		assert_int_equal(r[1], 0x183);
		assert_int_equal(r[2], rows[i].r2);
		assert_int_equal(r[3], 0x10000);
		assert_int_equal(word(m, 0x10000), 0x5a5a5a11);
		if (initrd)
			assert_int_equal(word(m, rows[i].initrd_at), 0x5a5a5a22);
		rhea_free(m);
		drop(kernel);
		drop(initrd);
	}
	drop(dtb);
}

/* Failure: an old kernel reads another memory size, RAM disk or command line. */
static void tag_list_says_it_all(void **state)
{
	static const uint32_t want[] = {
		5, 0x54410001, 1, 0x1000, 0, 4, 0x54410002, 128 * MIB, 0, 4, 0x54420005, 0x4000000, 100,
		4, 0x54410009, 0x34333231, 0x00373635, 0, 0,
	};
	char *kernel = raw_file(100, 1), *initrd = raw_file(100, 2);
	uint32_t r[4];
	(void)state;
	struct rhea *m = boot("versatileab", 0, kernel, (struct rhea_boot){.initrd = initrd, .append = "1234567"}, r);
	assert_int_equal(r[1], 0x25e);
	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++)
		assert_int_equal(word(m, 0x100 + 4 * i), want[i]);
	rhea_write_phys(m, 0x100, "xxxx", 4);
	rhea_reset(m);
	assert_int_equal(word(m, 0x100), 5);
	rhea_free(m);
	drop(kernel);
	drop(initrd);
}

/* Failure: the device tree does not get what the machine has, or keeps what it has not. */
static void device_tree_is_completed(void **state)
{
	uint8_t tree[4096], *got = malloc(MIB);
	size_t size = make_dtb(tree, sizeof tree);
	char *dtb = file_of(tree, size), *kernel = raw_file(100, 1), *initrd = raw_file(5000, 2);
	char long_line[50000];
	memset(long_line, 'a', sizeof long_line);
	long_line[sizeof long_line - 1] = '\0';
	const char *lines[] = {"console=ttyAMA0", "", NULL, long_line};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t r[4];
		int n;
		struct rhea *m = boot("versatilepb", 64 * MIB, kernel,
				      (struct rhea_boot){.initrd = i ? NULL : initrd, .append = lines[i], .dtb = dtb}, r);
		rhea_read_phys(m, r[2], got, MIB);
		assert_int_equal(fdt_check_full(got, MIB), 0);
		assert_int_equal(fdt_totalsize(got), 2 * size + 20000 + (i == 3 ? sizeof long_line - 1 : 0));
		assert_true(fdt_path_offset(got, "/memory@0") > 0);
		assert_true(fdt_path_offset(got, "/ram") == -FDT_ERR_NOTFOUND);
		const fdt32_t *reg = fdt_getprop(got, fdt_path_offset(got, "/memory@0"), "reg", &n);
		assert_int_equal(n, 8);
		assert_int_equal(fdt32_to_cpu(reg[0]), 0);
		assert_int_equal(fdt32_to_cpu(reg[1]), 64 * MIB);
		int chosen = fdt_path_offset(got, "/chosen");
		assert_string_equal(fdt_getprop(got, chosen, "bootargs", NULL), i == 1 || i == 2 ? "old" : lines[i]);
		const fdt32_t *start = fdt_getprop(got, chosen, "linux,initrd-start", NULL);
		const fdt32_t *end = fdt_getprop(got, chosen, "linux,initrd-end", NULL);
		assert_int_equal(start != NULL, i == 0);
		if (start) {
			assert_int_equal(fdt32_to_cpu(*start), 32 * MIB);
			assert_int_equal(fdt32_to_cpu(*end), 32 * MIB + 5000);
		}
		rhea_free(m);
	}
	free(got);
	drop(dtb);
	drop(kernel);
	drop(initrd);
}

/* Failure: a kernel is put where its format does not want it. */
static void formats(void **state)
{
	uint8_t body[256] = {0x11, 0, 0xa0, 0xe1}, file[512], packed[512];
	const uint32_t image[] = {0xe321f0d3, 0xee109f10, 0xeb0005bc, 0xe1b0a005, 0x0a0005db};
	size_t n_packed = gzip(packed, sizeof packed, body, sizeof body);
	const struct {
		struct uimage u;
		bool gz;
		uint32_t load, pc;
	} rows[] = {
		{{0x8000, 0x8040, 5, 2, 2, 0}, false, 0x8000, 0x8040}, {{0x20000, 0x20000, 5, 2, 2, 1}, true, 0x20000, 0x20000},
		{{0, 0x40, 5, 2, 14, 0}, false, 0x2000040, 0x2000080},
	};
	uint32_t r[4];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		memcpy(file + 64, rows[i].gz ? packed : body, rows[i].gz ? n_packed : sizeof body);
		char *kernel = file_of(file, make_uimage(file, rows[i].gz ? n_packed : sizeof body, rows[i].u));
		struct rhea *m = boot("versatilepb", 0, kernel, (struct rhea_boot){0}, r);
		assert_int_equal(r[3], rows[i].pc);
		assert_int_equal(word(m, rows[i].load), 0xe1a00011);
		rhea_free(m);
		drop(kernel);
	}
	char *kernel = file_of(packed, n_packed); /* gzip of something raw */
	struct rhea *m = boot("versatilepb", 0, kernel, (struct rhea_boot){0}, r);
	assert_int_equal(word(m, 0x10000), 0xe1a00011);
	rhea_free(m);
	drop(kernel);
	kernel = file_of(image, sizeof image);
	m = boot("versatilepb", 0, kernel, (struct rhea_boot){0}, r);
	assert_int_equal(r[3], 0x8000);
	assert_int_equal(word(m, 0x8004), 0xee109f10);
	rhea_free(m);
	drop(kernel);
	memcpy(file + 64, body, sizeof body); /* U-Boot's RAM disk */
	char *initrd = file_of(file, make_uimage(file, sizeof body, (struct uimage){0, 0, 5, 2, 3, 0}));
	kernel = raw_file(100, 1);
	m = boot("versatilepb", 0, kernel, (struct rhea_boot){.initrd = initrd}, r);
	assert_int_equal(word(m, 0x4000000), 0xe1a00011);
	assert_int_equal(word(m, 0x100 + 4 * 12), sizeof body);
	rhea_free(m);
	drop(kernel);
	drop(initrd);
}

/* Failure: a bad file is not refused with its name and a reason, or leaves something behind. */
static void refusals(void **state)
{
	uint8_t tree[4096], zimage[64] = {0};
	size_t size = make_dtb(tree, sizeof tree);
	char *good = raw_file(100, 1), *big = raw_file(9 * MIB, 1), *half = raw_file(5 * MIB, 1), *cut = file_of(tree, size - 1);
	char line[17000];
	memset(line, 'a', sizeof line);
	line[sizeof line - 1] = '\0';
	tree[size / 2] ^= 0xff, tree[60] ^= 0xff;
	char *broken = file_of(tree, size);
	memcpy(zimage + 0x24, (uint32_t[]){0x016f2818, 0, 65, 0x04030201}, 16);
	char *short_zimage = file_of(zimage, sizeof zimage);
	const struct {
		const char *kernel;
		struct rhea_boot with;
		const char *words;
	} rows[] = {
		{"/nonexistent", {0}, "/nonexistent: No such file"}, {good, {.initrd = "/nonexistent"}, "/nonexistent: No such"},
		{good, {.dtb = "/"}, "/: is a directory"}, {big, {0}, "do not fit"}, {good, {.initrd = half}, "do not fit"},
		{good, {.dtb = good}, "not a device tree"}, {good, {.dtb = cut}, "truncated device tree"},
		{good, {.dtb = broken}, "damaged device tree"}, {short_zimage, {0}, "truncated zImage: 64 bytes, its header says 65"},
		{good, {.append = line}, "-append: 16999 characters"}, {half, {.initrd = half}, "do not fit"},
	};
	(void)state;
	struct rhea *m = board("versatilepb", 8 * MIB);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rhea_error err = {0};
		assert_int_not_equal(rhea_load_kernel_with(m, rows[i].kernel, &rows[i].with, &err), RHEA_OK);
		if (!strstr(err.msg, rows[i].words))
			fail_msg("got '%s', want '%s'", err.msg, rows[i].words);
	}
	assert_int_equal(rhea_load_kernel(m, good, NULL), RHEA_OK); /* nothing of the above is in its way */
	rhea_free(m);
	drop(good), drop(big), drop(half), drop(cut), drop(broken), drop(short_zimage);
}

/* Failure: a tree made to be slow (nothing but memory nodes) holds up the start, or a larger one is taken. */
static void device_trees_take_linear_time(void **state)
{
	const size_t room = 2 * MIB + 64, nodes = (2 * MIB - 128) / 16;
	uint8_t *tree = calloc(1, room), *p = tree + 56;
	struct rhea_error err = {0};
	(void)state;
	put_be32(p, FDT_BEGIN_NODE), p += 8;
	for (size_t i = 0; i < nodes; i++, p += 16) {
		put_be32(p, FDT_BEGIN_NODE), put_be32(p + 12, FDT_END_NODE);
		memcpy(p + 4, "memory", 7);
	}
	put_be32(p, FDT_END_NODE), put_be32(p + 4, FDT_END), p += 8;
	const uint32_t size = (uint32_t)(p - tree);
	const uint32_t header[] = {FDT_MAGIC, size, 56, size, 40, 17, 16, 0, 0, size - 56};
	for (unsigned i = 0; i < 10; i++)
		put_be32(tree + 4 * i, header[i]);
	char *dtb = file_of(tree, size), *large = file_of(tree, room), *kernel = raw_file(100, 1);
	struct rhea *m = board("versatilepb", 64 * MIB);
	clock_t start = clock();
	if (rhea_load_kernel_with(m, kernel, &(struct rhea_boot){.dtb = dtb}, &err))
		fail_msg("%s", err.msg);
	assert_in_range(clock() - start, 0, 3 * CLOCKS_PER_SEC); /* 30 ms; quadratic: tens of seconds */
	assert_int_equal(rhea_load_kernel_with(m, kernel, &(struct rhea_boot){.dtb = large}, &err), RHEA_ERR_IMAGE);
	rhea_free(m);
	free(tree);
	drop(dtb), drop(large), drop(kernel);
}

/* Failure: damage in a file gets past the checks: a crash, or a sanitizer's report. */
static void damage_is_survived(void **state)
{
	uint8_t tree[4096], copy[4096], body[128] = {1}, file[512];
	size_t size = make_dtb(tree, sizeof tree);
	char *kernel = raw_file(100, 1);
	uint64_t seed = 12345;
	const char *env = getenv("RHEA_SEED");
	(void)state;
	if (env)
		seed = strtoull(env, NULL, 0);
	print_message("RHEA_SEED=%llu\n", (unsigned long long)seed);
	struct rhea *m = board("versatilepb", 8 * MIB);
	for (unsigned i = 0; i < 400; i++) {
		memcpy(copy, tree, size);
		size_t n_packed = gzip(file + 64, sizeof file - 64, body, sizeof body);
		size_t n = make_uimage(file, n_packed, (struct uimage){0x8000, 0x8000, 5, 2, 2, 1});
		for (unsigned k = 0; k < 1 + i % 3; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			copy[(seed >> 33) % size] = (uint8_t)(seed >> 20);
			file[i & 4 ? 64 + (seed >> 33) % n_packed : (seed >> 33) % n] = (uint8_t)(seed >> 20);
		}
		if (i & 4) /* sums that are right again let it through to the gzip data */
			make_uimage(file, n_packed, (struct uimage){0x8000, 0x8000, 5, 2, 2, 1});
		char *dtb = file_of(copy, size), *uimage = file_of(file, n);
		rhea_load_kernel_with(m, i % 2 ? kernel : uimage, &(struct rhea_boot){.dtb = dtb, .append = "x"}, NULL);
		rhea_free(m);
		m = board("versatilepb", 8 * MIB);
		drop(dtb);
		drop(uimage);
	}
	rhea_free(m);
	drop(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_qemus), cmocka_unit_test(tag_list_says_it_all),
		cmocka_unit_test(device_tree_is_completed), cmocka_unit_test(formats), cmocka_unit_test(refusals),
		cmocka_unit_test(damage_is_survived), cmocka_unit_test(device_trees_take_linear_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
