/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF executables (System V gABI, "ELF for the Arm Architecture"). libelf reads the tables; what they say is
 * checked here before anybody believes it.
 */
#include <elf.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "host/image.h"

#ifndef EF_ARM_BE8
#define EF_ARM_BE8 0x00800000u
#endif

static const struct {
	unsigned machine;
	const char *name;
} machines[] = {
	{EM_386, "x86"}, {EM_X86_64, "x86-64"}, {EM_AARCH64, "64-bit ARM"}, {EM_RISCV, "RISC-V"},
	{EM_MIPS, "MIPS"}, {EM_PPC, "PowerPC"}, {EM_PPC64, "PowerPC64"}, {EM_S390, "S/390"},
	{EM_SPARC, "SPARC"}, {EM_SPARCV9, "SPARC V9"}, {EM_68K, "68000"}, {EM_AVR, "AVR"},
	{EM_MSP430, "MSP430"}, {EM_XTENSA, "Xtensa"}, {EM_SH, "SuperH"}, {EM_ARM, "ARM"},
};

bool image_is_elf(const struct image_file *f)
{
	return f->size >= SELFMAG && memcmp(f->data, ELFMAG, SELFMAG) == 0;
}

static enum rhea_status bad(const struct image_file *f, const char *why, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_IMAGE, "%s: %s", f->path, why);
}

/* e_machine lies at the same place in both classes, in the file's own byte order. */
static enum rhea_status wrong_machine(const struct image_file *f, unsigned machine, struct rhea_error *err)
{
	static const char want[] = "this machine runs 32-bit little-endian ARM";
	for (unsigned i = 0; i < ARRAY_LEN(machines); i++)
		if (machines[i].machine == machine)
			return error_set(err, RHEA_ERR_IMAGE, "%s: ELF for %s; %s", f->path, machines[i].name, want);
	return error_set(err, RHEA_ERR_IMAGE, "%s: ELF for machine type %u; %s", f->path, machine, want);
}

static enum rhea_status check_ident(const struct image_file *f, struct rhea_error *err)
{
	if (!image_is_elf(f))
		return bad(f, "not an ELF file", err);
	if (f->size < sizeof(Elf32_Ehdr))
		return bad(f, "truncated ELF header", err);
	bool big = f->data[EI_DATA] == ELFDATA2MSB;
	unsigned machine = big ? f->data[18] * 256u + f->data[19] : f->data[19] * 256u + f->data[18];
	if (machine != EM_ARM)
		return wrong_machine(f, machine, err);
	if (f->data[EI_CLASS] != ELFCLASS32)
		return bad(f, "ARM ELF that is not 32-bit; this machine runs 32-bit little-endian ARM", err);
	if (f->data[EI_DATA] != ELFDATA2LSB)
		return bad(f, "big-endian ELF; this machine runs 32-bit little-endian ARM", err);
	return RHEA_OK;
}

static enum rhea_status check_header(const struct image_file *f, const Elf32_Ehdr *h, struct rhea_error *err)
{
	if (h->e_flags & EF_ARM_BE8)
		return bad(f, "big-endian data (BE8); this machine runs 32-bit little-endian ARM", err);
	if (h->e_type == ET_REL)
		return bad(f, "an object file, not yet linked; link it to an executable first", err);
	if (h->e_type == ET_CORE)
		return bad(f, "a core dump, not an executable", err);
	if (h->e_type == ET_DYN)
		return bad(f, "a shared object or position-independent executable; link it statically at fixed addresses", err);
	if (h->e_type != ET_EXEC)
		return error_set(err, RHEA_ERR_IMAGE, "%s: ELF of unknown type %u", f->path, h->e_type);
	if (h->e_phnum == 0)
		return bad(f, "ELF without program headers: nothing to load", err);
	if ((uint64_t)h->e_phoff + (uint64_t)h->e_phnum * sizeof(Elf32_Phdr) > f->size)
		return bad(f, "truncated: the program headers lie beyond the end of the file", err);
	if (h->e_phentsize != sizeof(Elf32_Phdr))
		return bad(f, "program headers of a wrong size", err);
	return RHEA_OK;
}

/* The fields came from 32 bits: sums of two do not overflow. */
static enum rhea_status check_segment(const struct image_file *f, size_t i, const GElf_Phdr *p, struct rhea_error *err)
{
	if (p->p_filesz > p->p_memsz)
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: segment %zu has more bytes in the file (%#" PRIx64 ") than in memory (%#" PRIx64 ")", f->path,
				 i, p->p_filesz, p->p_memsz);
	if (p->p_filesz && p->p_offset + p->p_filesz > f->size)
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: truncated: segment %zu needs bytes up to %#" PRIx64 ", the file has %#zx", f->path, i,
				 p->p_offset + p->p_filesz, f->size);
	if (p->p_paddr + p->p_memsz > UINT64_C(1) << 32)
		return error_set(err, RHEA_ERR_IMAGE,
				 "%s: segment %zu (%#" PRIx64 " bytes at %#" PRIx64 ") does not fit in 4 GiB", f->path, i, p->p_memsz,
				 p->p_paddr);
	return RHEA_OK;
}

/* Linked virtual addresses become load addresses where the two differ, as QEMU enters images. */
static uint32_t entry_address(const Elf32_Ehdr *h, const struct image_elf *e)
{
	for (unsigned i = 0; i < e->n_segments; i++) {
		const struct image_segment *s = &e->segments[i];
		if (h->e_entry - s->vaddr < s->memsz)
			return h->e_entry - s->vaddr + s->paddr;
	}
	return h->e_entry;
}

static bool entry_inside(const struct image_elf *e)
{
	for (unsigned i = 0; i < e->n_segments; i++)
		if ((e->entry & ~1u) - e->segments[i].paddr < e->segments[i].memsz)
			return true;
	return false;
}

static int by_paddr(const void *a, const void *b)
{
	const struct image_segment *x = a, *y = b;
	return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

static enum rhea_status check_overlap(const struct image_file *f, const struct image_elf *e, struct rhea_error *err)
{
	for (unsigned i = 1; i < e->n_segments; i++) {
		const struct image_segment *a = &e->segments[i - 1], *b = a + 1;
		if (b->paddr - a->paddr < a->memsz)
			return error_set(err, RHEA_ERR_IMAGE, "%s: segments overlap: %#x bytes at %#x and %#x bytes at %#x", f->path,
					 a->memsz, a->paddr, b->memsz, b->paddr);
	}
	return RHEA_OK;
}

static enum rhea_status read_segments(const struct image_file *f, Elf *elf, struct image_elf *out, struct rhea_error *err)
{
	size_t n = 0;
	if (elf_getphdrnum(elf, &n) || !(out->segments = calloc(n + 1, sizeof out->segments[0])))
		return bad(f, "damaged program headers", err);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p; /* a copy: the file's own may be misaligned */
		if (!gelf_getphdr(elf, (int)i, &p))
			return bad(f, "damaged program headers", err);
		if (p.p_type != PT_LOAD || p.p_memsz == 0)
			continue;
		enum rhea_status st = check_segment(f, i, &p, err);
		if (st)
			return st;
		out->segments[out->n_segments++] = (struct image_segment){
			.paddr = (uint32_t)p.p_paddr,
			.vaddr = (uint32_t)p.p_vaddr,
			.bytes = f->data + (p.p_filesz ? p.p_offset : 0),
			.filesz = (uint32_t)p.p_filesz,
			.memsz = (uint32_t)p.p_memsz,
		};
	}
	if (!out->n_segments)
		return bad(f, "ELF without a loadable segment: nothing to load", err);
	qsort(out->segments, out->n_segments, sizeof out->segments[0], by_paddr);
	return check_overlap(f, out, err);
}

static enum rhea_status parse_open(const struct image_file *f, Elf *elf, struct image_elf *out, struct rhea_error *err)
{
	const Elf32_Ehdr *h = elf32_getehdr(elf);
	if (!h)
		return error_set(err, RHEA_ERR_IMAGE, "%s: damaged ELF: %s", f->path, elf_errmsg(-1));
	enum rhea_status st = check_header(f, h, err);
	if (!st)
		st = read_segments(f, elf, out, err);
	if (st)
		return st;
	out->entry = entry_address(h, out);
	if (!entry_inside(out))
		return error_set(err, RHEA_ERR_IMAGE, "%s: the entry point %#x lies outside every segment", f->path, h->e_entry);
	return RHEA_OK;
}

/* libelf wants a writable pointer but, reading, leaves the bytes alone. */
static Elf *elf_open(const struct image_file *f)
{
	elf_version(EV_CURRENT);
	return elf_memory((char *)f->data, f->size);
}

enum rhea_status image_elf_parse(const struct image_file *f, struct image_elf *out, struct rhea_error *err)
{
	*out = (struct image_elf){0};
	enum rhea_status st = check_ident(f, err);
	if (st)
		return st;
	Elf *elf = elf_open(f);
	if (!elf)
		return error_set(err, RHEA_ERR_IMAGE, "%s: damaged ELF: %s", f->path, elf_errmsg(-1));
	st = parse_open(f, elf, out, err);
	elf_end(elf);
	if (st)
		image_elf_free(out);
	return st;
}

void image_elf_free(struct image_elf *e)
{
	free(e->segments);
	*e = (struct image_elf){0};
}

/* ---- symbols ---- */

/* Mapping symbols ($a, $t, $d) and section or file names are no use in a dump. */
static bool symbol_wanted(const GElf_Sym *s, const char *name)
{
	unsigned type = GELF_ST_TYPE(s->st_info);
	return name && *name && *name != '$' && s->st_shndx != SHN_UNDEF && s->st_shndx != SHN_ABS &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE);
}

void image_elf_symbols(const struct image_file *f,
		       void (*symbol)(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function),
		       void *opaque)
{
	Elf *elf = image_is_elf(f) ? elf_open(f) : NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB || !(data = elf_getdata(scn, NULL)))
			continue;
		GElf_Sym s;
		for (int i = 0; gelf_getsym(data, i, &s); i++) {
			const char *name = elf_strptr(elf, sh.sh_link, s.st_name);
			bool function = GELF_ST_TYPE(s.st_info) == STT_FUNC;
			if (symbol_wanted(&s, name))
				symbol(opaque, name, (uint32_t)s.st_value & ~(uint32_t)function, (uint32_t)s.st_size, function);
		}
	}
	elf_end(elf);
}
