/* SPDX-License-Identifier: Apache-2.0 */
/* Image files: what is refused and with which words, and that no damage to an ELF gets past the checks. */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/image.h"

/* A well-formed executable: two segments, a symbol table; damaged copies are made of it. */
struct sample {
	Elf32_Ehdr h;
	Elf32_Phdr p[2];
	uint8_t text[64], data[16];
	Elf32_Sym sym[4];
	char str[32];
	Elf32_Shdr sh[3];
};

static struct sample sample_make(void)
{
	struct sample s = {
		.h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		      .e_type = ET_EXEC, .e_machine = EM_ARM, .e_version = EV_CURRENT, .e_entry = 0x10004,
		      .e_phoff = offsetof(struct sample, p), .e_shoff = offsetof(struct sample, sh),
		      .e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 2,
		      .e_shentsize = sizeof(Elf32_Shdr), .e_shnum = 3, .e_flags = 0x5000200},
		.p = {{PT_LOAD, offsetof(struct sample, data), 0x20000, 0x20000, 16, 0x100, PF_R | PF_W, 4},
		      {PT_LOAD, offsetof(struct sample, text), 0x10000, 0x10000, 64, 64, PF_R | PF_X, 4}},
		.sym = {{0},
			{1, 0x10005, 8, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1},
			{6, 0x20000, 4, ELF32_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1},
			{12, 0x10000, 0, ELF32_ST_INFO(STB_LOCAL, STT_NOTYPE), 0, 1}},
		.str = "\0main\0table\0$a",
		.sh = {{0},
		       {.sh_type = SHT_SYMTAB, .sh_offset = offsetof(struct sample, sym), .sh_size = sizeof s.sym,
			.sh_link = 2, .sh_info = 1, .sh_addralign = 4, .sh_entsize = sizeof(Elf32_Sym)},
		       {.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct sample, str), .sh_size = sizeof s.str,
			.sh_addralign = 1}},
	};
	return s;
}

static enum rhea_status parse(const void *data, size_t size, struct image_elf *e, struct rhea_error *err)
{
	struct image_file f;
	assert_int_equal(image_from_memory("f.elf", data, size, &f, NULL), RHEA_OK);
	enum rhea_status st = image_elf_parse(&f, e, err);
	for (unsigned i = 0; i < e->n_segments; i++) { /* every promise of image.h, whatever the file said */
		const struct image_segment *s = &e->segments[i];
		assert_true(s->filesz <= s->memsz);
		assert_true((uint64_t)s->paddr + s->memsz <= UINT64_C(1) << 32);
		assert_true(s->bytes >= f.data && s->bytes + s->filesz <= f.data + f.size);
		assert_true(i == 0 || s->paddr >= (uint64_t)s[-1].paddr + s[-1].memsz);
	}
	assert_true(st ? e->n_segments == 0 : e->n_segments > 0);
	image_file_free(&f);
	return st;
}

/* A failure means that good images do not load. */
static void good_image_is_taken_apart(void **state)
{
	struct sample s = sample_make();
	struct image_elf e;
	(void)state;
	assert_int_equal(parse(&s, sizeof s, &e, NULL), RHEA_OK);
	assert_int_equal(e.n_segments, 2);
	assert_int_equal(e.segments[0].paddr, 0x10000);
	assert_int_equal(e.segments[1].memsz, 0x100);
	assert_int_equal(e.entry, 0x10004);
	image_elf_free(&e);
}

/* A failure means that images linked to run elsewhere than they are loaded start at the wrong place. */
static void entry_is_translated_to_the_load_address(void **state)
{
	struct sample s = sample_make();
	struct image_elf e;
	(void)state;
	s.p[1].p_vaddr = 0xc0010000;
	s.h.e_entry = 0xc0010021;
	assert_int_equal(parse(&s, sizeof s, &e, NULL), RHEA_OK);
	assert_int_equal(e.entry, 0x10021);
	image_elf_free(&e);
}

struct damage {
	const char *msg;
	size_t offset, size;
	uint32_t value;
	size_t cut; /* bytes kept; 0 = all */
};

#define SET(field, value) offsetof(struct sample, field), sizeof((struct sample *)0)->field, value, 0

static const struct damage damages[] = {
	{"f.elf: not an ELF file", SET(h.e_ident[1], 'X')},
	{"f.elf: truncated ELF header", 0, 0, 0, 20},
	{"f.elf: ELF for x86-64; this machine runs 32-bit little-endian ARM", SET(h.e_machine, EM_X86_64)},
	{"f.elf: ELF for 64-bit ARM; this machine runs 32-bit little-endian ARM", SET(h.e_machine, EM_AARCH64)},
	{"f.elf: ELF for machine type 4660; this machine runs", SET(h.e_machine, 0x1234)},
	{"f.elf: ARM ELF that is not 32-bit", SET(h.e_ident[EI_CLASS], ELFCLASS64)},
	{"f.elf: big-endian data (BE8)", SET(h.e_flags, 0x05800000)},
	{"f.elf: an object file, not yet linked", SET(h.e_type, ET_REL)},
	{"f.elf: a shared object or position-independent executable", SET(h.e_type, ET_DYN)},
	{"f.elf: a core dump", SET(h.e_type, ET_CORE)},
	{"f.elf: ELF of unknown type 77", SET(h.e_type, 77)},
	{"f.elf: ELF without program headers", SET(h.e_phnum, 0)},
	{"f.elf: truncated: the program headers lie beyond", SET(h.e_phoff, 0xfffffff0)},
	{"f.elf: truncated: the program headers lie beyond", 0, 0, 0, 60},
	{"f.elf: program headers of a wrong size", SET(h.e_phentsize, 8)},
	{"f.elf: segment 0 has more bytes in the file (0x10) than in memory (0x1)", SET(p[0].p_memsz, 1)},
	{"f.elf: truncated: segment 0 needs bytes up to 0x100000000", SET(p[0].p_offset, 0xfffffff0)},
	{"f.elf: truncated: segment 0 needs", 0, 0, 0, offsetof(struct sample, data) + 3},
	{"f.elf: segment 0 (0xffffffff bytes at 0x20000) does not fit in 4 GiB", SET(p[0].p_memsz, 0xffffffff)},
	{"f.elf: segments overlap: 0x40 bytes at 0x10000 and 0x100 bytes at 0x10030", SET(p[0].p_paddr, 0x10030)},
	{"f.elf: the entry point 0x30000 lies outside every segment", SET(h.e_entry, 0x30000)},
};

/* A failure means that a bad image is accepted, or explained in other words. */
static void damage_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(damages); i++) {
		struct sample s = sample_make();
		struct rhea_error err = {0};
		struct image_elf e;
		memcpy((char *)&s + damages[i].offset, &damages[i].value, damages[i].size);
		assert_int_equal(parse(&s, damages[i].cut ? damages[i].cut : sizeof s, &e, &err), RHEA_ERR_IMAGE);
		if (strncmp(err.msg, damages[i].msg, strlen(damages[i].msg)) != 0)
			fail_msg("row %u: got \"%s\"", i, err.msg);
		assert_null(strchr(err.msg, '\n'));
	}
}

static void big_endian_is_named(void **state)
{
	struct sample s = sample_make();
	struct rhea_error err = {0};
	struct image_elf e;
	(void)state;
	s.h.e_ident[EI_DATA] = ELFDATA2MSB;
	s.h.e_machine = EM_ARM << 8;
	assert_int_equal(parse(&s, sizeof s, &e, &err), RHEA_ERR_IMAGE);
	assert_string_equal(err.msg, "f.elf: big-endian ELF; this machine runs 32-bit little-endian ARM");
}

static void empty_segments_load_nothing(void **state)
{
	struct sample s = sample_make();
	struct rhea_error err = {0};
	struct image_elf e;
	(void)state;
	s.p[0].p_type = PT_NOTE;
	s.p[1].p_memsz = s.p[1].p_filesz = 0;
	assert_int_equal(parse(&s, sizeof s, &e, &err), RHEA_ERR_IMAGE);
	assert_string_equal(err.msg, "f.elf: ELF without a loadable segment: nothing to load");
}

/* A failure (or a crash under ASan) means that some damaged file breaks the promises of image.h. */
static void random_damage_never_breaks_promises(void **state)
{
	uint32_t seed = 0x5eed, r = seed;
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct sample s = sample_make();
		struct image_elf e;
		for (unsigned k = 0; k < 1 + round % 4; k++) {
			r = r * 1664525u + 1013904223u;
			((uint8_t *)&s)[(r >> 8) % sizeof s] = (uint8_t)(r & 1 ? 0xff : r >> 24);
		}
		size_t size = round % 3 ? sizeof s : (r >> 10) % sizeof s;
		parse(&s, size, &e, NULL);
		image_elf_free(&e);
	}
	print_message("seed %#x\n", seed);
}

struct found {
	char text[256];
};

static void note(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function)
{
	struct found *f = opaque;
	size_t n = strlen(f->text);
	snprintf(f->text + n, sizeof f->text - n, "%s=%x,%u%s ", name, addr, size, function ? "()" : "");
}

/* A failure means that dumps show wrong names. */
static void symbols_are_listed(void **state)
{
	struct sample s = sample_make();
	struct image_file f;
	struct found found = {""};
	(void)state;
	assert_int_equal(image_from_memory("f.elf", &s, sizeof s, &f, NULL), RHEA_OK);
	image_elf_symbols(&f, note, &found);
	assert_string_equal(found.text, "main=10004,8() table=20000,4 ");
	image_file_free(&f);
}

/* What is made of a file: the status with its message, the segments' bytes, the symbols. */
struct outcome {
	enum rhea_status status;
	struct rhea_error err;
	uint64_t sum;
	struct found found;
	uint32_t zeros;
};

static struct outcome outcome_of(enum rhea_status (*read)(const char *path, uint64_t max, struct image_file *f, struct rhea_error *err), const char *path)
{
	struct outcome o = {0};
	struct image_file f;
	struct image_elf e;
	assert_int_equal(read(path, 1 << 20, &f, NULL), RHEA_OK);
	o.status = image_elf_parse(&f, &e, &o.err);
	for (unsigned i = 0; i < e.n_segments; i++)
		for (uint32_t k = 0; k < e.segments[i].filesz; k++)
			o.sum = o.sum * 31 + e.segments[i].bytes[k] + e.segments[i].paddr;
	image_elf_symbols(&f, note, &o.found);
	for (size_t i = 0; i < f.size; i++)
		o.zeros += !f.data[i];
	image_elf_free(&e);
	image_file_free(&f);
	return o;
}

/* Failure: a large ELF file, also a damaged one, is loaded otherwise because its debug information is not read; or all of it is read. */
static void debug_information_is_not_read(void **state)
{
	enum { DEBUG = 100000 };
	static uint8_t debug[DEBUG];
	char path[] = "/tmp/rhea-test-XXXXXX";
	uint32_t r = 0xd1ce, fewer = 0;
	int fd = mkstemp(path);
	(void)state;
	memset(debug, 0xaa, sizeof debug);
	assert_int_equal(pwrite(fd, debug, sizeof debug, sizeof(struct sample)), sizeof debug);
	for (unsigned round = 0; round < 1000; round++) {
		struct sample s = sample_make();
		for (unsigned k = 0; k < round % 4; k++) { /* now and then by fields that name other places of the file */
			r = r * 1664525u + 1013904223u;
			((uint8_t *)&s)[(r >> 8) % sizeof s] = (uint8_t)(r & 1 ? 0x01 : r >> 24);
		}
		assert_int_equal(pwrite(fd, &s, sizeof s, 0), sizeof s);
		struct outcome whole = outcome_of(image_read, path), part = outcome_of(image_read_program, path);
		assert_int_equal(part.status, whole.status);
		assert_string_equal(part.err.msg, whole.err.msg);
		assert_true(part.sum == whole.sum);
		assert_string_equal(part.found.text, whole.found.text);
		assert_true(round || part.zeros >= whole.zeros + DEBUG);
		fewer += part.zeros > whole.zeros;
	}
	assert_in_range(fewer, 500, 999);
	close(fd);
	unlink(path);
}

/* ---- files ---- */

static void expect_read_error(const char *path, uint64_t max, const char *msg)
{
	struct image_file f;
	struct rhea_error err = {0};
	assert_int_not_equal(image_read(path, max, &f, &err), RHEA_OK);
	assert_string_equal(err.msg, msg);
	assert_null(f.data);
}

/* A failure means that a wrong file name ends in a hang or in unhelpful words. */
static void unreadable_files_are_named(void **state)
{
	char dir[] = "/tmp/rhea-test-XXXXXX", fifo[64], empty[64], msg[128];
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof fifo, "%s/fifo", dir);
	snprintf(empty, sizeof empty, "%s/empty", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	int fd = open(empty, O_CREAT | O_RDWR, 0600);
	expect_read_error("/nonexistent/k.bin", 100, "/nonexistent/k.bin: No such file or directory");
	snprintf(msg, sizeof msg, "%s: is a directory", dir);
	expect_read_error(dir, 100, msg);
	snprintf(msg, sizeof msg, "%s: not a regular file", fifo);
	expect_read_error(fifo, 100, msg);
	snprintf(msg, sizeof msg, "%s: the file is empty", empty);
	expect_read_error(empty, 100, msg);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	snprintf(msg, sizeof msg, "%s: too large: 10 bytes, there is room for 9", empty);
	expect_read_error(empty, 9, msg);
	struct image_file f;
	assert_int_equal(image_read(empty, 10, &f, NULL), RHEA_OK);
	assert_memory_equal(f.data, "0123456789", 10);
	image_file_free(&f);
	close(fd);
	unlink(fifo);
	unlink(empty);
	rmdir(dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_image_is_taken_apart),
		cmocka_unit_test(entry_is_translated_to_the_load_address),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(big_endian_is_named),
		cmocka_unit_test(empty_segments_load_nothing),
		cmocka_unit_test(random_damage_never_breaks_promises),
		cmocka_unit_test(symbols_are_listed),
		cmocka_unit_test(debug_information_is_not_read),
		cmocka_unit_test(unreadable_files_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
