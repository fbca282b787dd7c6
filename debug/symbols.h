/* SPDX-License-Identifier: Apache-2.0 */
/* Names of guest addresses, from the images' symbol tables. */
#ifndef RHEA_SYMBOLS_H
#define RHEA_SYMBOLS_H

#include "base/base.h"

struct symbols;

struct symbols *symbols_new(void); /* NULL when the host is out of memory */
void symbols_free(struct symbols *s);

/* Adds a name (copied). Bit 0 of `addr` (Thumb) is dropped; mapping symbols ($a, $t, $d; AAELF32 5.5.5) and empty
 * names are ignored, and all when there are 64 MiB of names. A size of 0 reaches to the next symbol. */
void symbols_add(struct symbols *s, const char *name, uint32_t addr, uint32_t size);

/* The name of the innermost symbol around `addr` and the distance from its start (`offset` may be
 * NULL). NULL when there is none. */
const char *symbols_find(const struct symbols *s, uint32_t addr, uint32_t *offset);

/* "name", "name+0x12", or "guest_0x00010000" where there is no name (or s is NULL): one printable word, cut to `size` (at least
 * 32). */
void symbols_print(const struct symbols *s, uint32_t addr, char *out, size_t size);

#endif
