/* SPDX-License-Identifier: Apache-2.0 */
/* The images, and the library that reads them. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"
#include "debug/debuginfo-internal.h"

static const char *const function_names[] = {
#define FUNCTION(name) #name,
#include "debug/libdw.def"
#undef FUNCTION
};

static const struct library library = {"libdw.so.1", "libdw1", function_names, ARRAY_LEN(function_names)};

struct debuginfo *debuginfo_new(void)
{
	return calloc(1, sizeof(struct debuginfo));
}

static void free_image(struct debuginfo *d, struct debug_image *i)
{
	if (i->cfi[1])
		d->dw.dwarf_cfi_end(i->cfi[1]);
	if (i->dwarf)
		d->dw.dwarf_end(i->dwarf);
	elf_end(i->elf);
	free(i->code);
	free(i->data);
	free(i);
}

void debuginfo_free(struct debuginfo *d)
{
	if (!d)
		return;
	debuginfo_free_tables(d);
	for (struct debug_image *i = d->images, *next; i; i = next) {
		next = i->next;
		free_image(d, i);
	}
	free(d);
}

void debuginfo_add(struct debuginfo *d, const void *data, size_t size)
{
	struct debug_image *i = calloc(1, sizeof *i);
	void *copy = malloc(size ? size : 1);
	if (!i || !copy) {
		free(i);
		free(copy);
		return;
	}
	memcpy(copy, data, size);
	*i = (struct debug_image){.data = copy, .size = size, .next = d->images};
	d->images = i;
	d->built = false;
}

/* ---- opening ---- */

/* Notes where the code is. False: libdw would open the file that a section names, wherever it is. */
static bool read_sections(struct debug_image *i)
{
	size_t names, n;
	Elf_Scn *scn = NULL;
	if (elf_getshdrstrndx(i->elf, &names) || elf_getshdrnum(i->elf, &n) || !(i->code = calloc(n + 1, sizeof *i->code)))
		return false;
	while ((scn = elf_nextscn(i->elf, scn))) {
		GElf_Shdr sh;
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(i->elf, names, sh.sh_name) : NULL;
		if (name && strcmp(name, ".gnu_debugaltlink") == 0)
			return false;
		if (name && sh.sh_flags & SHF_ALLOC && sh.sh_flags & SHF_EXECINSTR && i->n_code < n)
			i->code[i->n_code++] = (struct debug_extent){sh.sh_addr, sh.sh_addr + sh.sh_size};
	}
	return true;
}

static void open_image(struct debuginfo *d, struct debug_image *i)
{
	elf_version(EV_CURRENT);
	i->elf = elf_memory(i->data, i->size);
	if (!i->elf || !read_sections(i))
		return;
	i->dwarf = d->dw.dwarf_begin_elf(i->elf, DWARF_C_READ, NULL);
	if (i->dwarf)
		i->cfi[0] = d->dw.dwarf_getcfi(i->dwarf);
	i->cfi[1] = d->dw.dwarf_getcfi_elf(i->elf);
}

void debuginfo_open(struct debuginfo *d)
{
	if (!d->images)
		return;
	if (!d->tried)
		d->loaded = library_load(&library, &d->dw, NULL);
	d->tried = true;
	for (struct debug_image *i = d->images; i && d->loaded; i = i->next)
		if (!i->elf)
			open_image(d, i);
}

const struct debug_tables *debuginfo_tables(struct debuginfo *d)
{
	if (!d->built) {
		debuginfo_open(d);
		debuginfo_read_tables(d);
		d->tables.no_library = d->images && !d->loaded;
		d->built = true;
	}
	return &d->tables;
}
