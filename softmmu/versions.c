/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of guest memory (versions.h). A snapshot is a tree of two levels, leaves of LEAF_PAGES versions each, shared
 * between snapshots as long as nothing in them differs; `now` is the tree that memory follows but for the pages touched.
 * A leaf that is not there, or an entry of one, stands for the page as it was when tracking began.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softmmu/address_space.h"
#include "softmmu/versions.h"

#define LEAF_BITS 9u
#define LEAF_PAGES (1u << LEAF_BITS)
#define CODE_GRANULE 64u

struct page_version {
	uint8_t *data; /* NULL: what memory holds */
	uint32_t refs; /* leaves that name it; of the first ones, unused */
};

struct leaf {
	uint32_t refs; /* trees that name it */
	struct page_version *page[LEAF_PAGES];
};

struct memory_version {
	struct leaf **leaf;
};

/* Memory or, without `host`, a medium. */
struct block_of_memory {
	uint8_t *host;
	uint64_t size;
	uint32_t first, n; /* page numbers */
	struct versions_medium medium;
};

struct versions {
	struct address_space *as;
	struct versions_owner owner;
	struct block_of_memory *blocks;
	uint32_t n_blocks, n_memory, n_pages, n_leaves, n_taken; /* blocks of memory come first */
	struct page_version *first; /* of each page */
	uint32_t *kept, n_kept, cap_kept; /* those of `first` that have bytes */
	struct memory_version now;
	uint32_t *bitmap, *touched; /* the same pages twice: as bits, and in order */
	uint32_t n_touched;
	uint64_t bytes; /* of leaves and what pages held, but for `first` */
	bool failed; /* a medium refused */
};

static void *need(void *p)
{
	if (!p) {
		/* What a page held is lost otherwise: nothing sensible is left to do. */
		fputs("rhea: out of memory for snapshots\n", stderr);
		abort();
	}
	return p;
}

/* ---- pages ---- */

static bool find_page(const struct versions *vs, const uint8_t *host, uint32_t *page)
{
	for (uint32_t i = 0; i < vs->n_memory; i++) {
		uint64_t off = (uint64_t)((uintptr_t)host - (uintptr_t)vs->blocks[i].host);
		if (off < vs->blocks[i].size) {
			*page = vs->blocks[i].first + (uint32_t)(off >> PAGE_BITS);
			return true;
		}
	}
	return false;
}

static const struct block_of_memory *block_of(const struct versions *vs, uint32_t page, uint64_t *off)
{
	const struct block_of_memory *b = vs->blocks;
	while (page - b->first >= b->n)
		b++;
	*off = (uint64_t)(page - b->first) << PAGE_BITS;
	return b;
}

static bool is_touched(const struct versions *vs, uint32_t page)
{
	return bit(vs->bitmap[page / 32], page % 32);
}

static struct page_version *version_of(const struct versions *vs, const struct memory_version *m, uint32_t page)
{
	const struct leaf *l = m->leaf[page >> LEAF_BITS];
	struct page_version *v = l ? l->page[page % LEAF_PAGES] : NULL;
	return v ? v : &vs->first[page];
}

static void note_kept(struct versions *vs, uint32_t page)
{
	if (vs->n_kept == vs->cap_kept) {
		vs->cap_kept = vs->cap_kept ? vs->cap_kept * 2 : 256;
		vs->kept = need(realloc(vs->kept, vs->cap_kept * sizeof *vs->kept));
	}
	vs->kept[vs->n_kept++] = page;
}

/* Memory is about to leave this version. */
static void keep(struct versions *vs, uint32_t page, struct page_version *v)
{
	uint64_t off;
	if (v->data)
		return;
	const struct block_of_memory *b = block_of(vs, page, &off);
	v->data = need(malloc(PAGE_SIZE));
	if (v == &vs->first[page])
		note_kept(vs, page);
	else
		vs->bytes += PAGE_SIZE;
	if (b->host)
		memcpy(v->data, b->host + off, PAGE_SIZE);
	else if (!b->medium.read(b->medium.opaque, off, v->data, MIN(b->size - off, PAGE_SIZE)))
		vs->failed = true;
}

static void touch(struct versions *vs, uint32_t page)
{
	if (is_touched(vs, page))
		return;
	keep(vs, page, version_of(vs, &vs->now, page));
	vs->bitmap[page / 32] |= 1u << (page % 32);
	vs->touched[vs->n_touched++] = page;
}

void versions_touch(struct versions *vs, const uint8_t *host)
{
	uint32_t page;
	if (find_page(vs, host, &page))
		touch(vs, page);
}

void versions_touch_medium(struct versions *vs, unsigned medium, uint64_t off, uint64_t n)
{
	const struct block_of_memory *b = &vs->blocks[vs->n_memory + medium];
	for (uint64_t page = off >> PAGE_BITS; n && page <= (off + n - 1) >> PAGE_BITS; page++)
		touch(vs, b->first + (uint32_t)page);
}

bool versions_touched(const struct versions *vs, const uint8_t *host)
{
	uint32_t page;
	return !find_page(vs, host, &page) || is_touched(vs, page);
}

uint64_t versions_bytes(const struct versions *vs)
{
	return vs->bytes;
}

uint32_t versions_n_touched(const struct versions *vs)
{
	return vs->n_touched;
}

/* ---- trees ---- */

/* A leaf names it no more. */
static void free_version(struct versions *vs, struct page_version *v)
{
	if (!v || --v->refs)
		return;
	if (v->data)
		vs->bytes -= PAGE_SIZE;
	free(v->data);
	free(v);
}

static void free_leaf(struct versions *vs, struct leaf *l)
{
	if (!l || --l->refs)
		return;
	for (uint32_t i = 0; i < LEAF_PAGES; i++)
		free_version(vs, l->page[i]);
	free(l);
	vs->bytes -= sizeof *l;
}

/* The leaf of a page, for `now` alone. */
static struct leaf *own_leaf(struct versions *vs, uint32_t page)
{
	struct leaf **at = &vs->now.leaf[page >> LEAF_BITS], *l = *at;
	if (l && l->refs == 1)
		return l;
	*at = need(l ? malloc(sizeof *l) : calloc(1, sizeof *l));
	vs->bytes += sizeof *l;
	if (l) {
		memcpy(*at, l, sizeof *l);
		for (uint32_t i = 0; i < LEAF_PAGES; i++)
			if (l->page[i])
				l->page[i]->refs++;
		l->refs--;
	}
	(*at)->refs = 1;
	return *at;
}

static void set_now(struct versions *vs, const struct memory_version *m)
{
	for (uint32_t i = 0; i < vs->n_leaves; i++) {
		if (m->leaf[i] == vs->now.leaf[i])
			continue;
		if (m->leaf[i])
			m->leaf[i]->refs++;
		free_leaf(vs, vs->now.leaf[i]);
		vs->now.leaf[i] = m->leaf[i];
	}
}

static void forget_touched(struct versions *vs)
{
	for (uint32_t i = 0; i < vs->n_touched; i++)
		vs->bitmap[vs->touched[i] / 32] = 0;
	vs->n_touched = 0;
}

/* ---- snapshots ---- */

struct memory_version *versions_take(struct versions *vs)
{
	struct memory_version *m = malloc(sizeof *m);
	struct leaf **leaves = malloc(vs->n_leaves * sizeof *leaves);
	if (!m || !leaves) {
		free(m);
		free(leaves);
		return NULL;
	}
	for (uint32_t i = 0; i < vs->n_touched; i++) {
		uint32_t page = vs->touched[i];
		struct page_version **at = &own_leaf(vs, page)->page[page % LEAF_PAGES];
		free_version(vs, *at);
		*at = need(calloc(1, sizeof **at));
		(*at)->refs = 1;
	}
	forget_touched(vs);
	memcpy(leaves, vs->now.leaf, vs->n_leaves * sizeof *leaves);
	for (uint32_t i = 0; i < vs->n_leaves; i++)
		if (leaves[i])
			leaves[i]->refs++;
	m->leaf = leaves;
	vs->owner.clean(vs->owner.opaque, NULL);
	vs->n_taken++;
	return m;
}

/* Translated code of bytes that stay the same stays. */
static void tell_code(struct versions *vs, const uint8_t *host, const uint8_t *data)
{
	for (uint32_t off = 0; off < PAGE_SIZE; off += CODE_GRANULE)
		if (memcmp(host + off, data + off, CODE_GRANULE) != 0)
			vs->owner.written(vs->owner.opaque, host + off, CODE_GRANULE);
}

static void put_back(struct versions *vs, uint32_t page, const struct page_version *v)
{
	uint64_t off;
	const struct block_of_memory *b = block_of(vs, page, &off);
	if (!b->host) {
		vs->failed |= !b->medium.write(b->medium.opaque, off, v->data, MIN(b->size - off, PAGE_SIZE));
		return;
	}
	if (vs->owner.has_code(vs->owner.opaque, b->host + off))
		tell_code(vs, b->host + off, v->data);
	memcpy(b->host + off, v->data, PAGE_SIZE);
}

static void clean(const struct versions *vs, uint32_t page)
{
	uint64_t off;
	const struct block_of_memory *b = block_of(vs, page, &off);
	if (b->host)
		vs->owner.clean(vs->owner.opaque, b->host + off);
}

/* Pages that were not touched and are another version in m. Those that were are put back already. */
static void change_versions(struct versions *vs, const struct memory_version *m)
{
	for (uint32_t i = 0; i < vs->n_leaves; i++) {
		if (m->leaf[i] == vs->now.leaf[i])
			continue;
		for (uint32_t page = i << LEAF_BITS, end = MIN(page + LEAF_PAGES, vs->n_pages); page < end; page++) {
			struct page_version *from = version_of(vs, &vs->now, page), *to = version_of(vs, m, page);
			if (from == to || is_touched(vs, page))
				continue;
			keep(vs, page, from);
			put_back(vs, page, to);
		}
	}
}

bool versions_restore(struct versions *vs, struct memory_version *m)
{
	for (uint32_t i = 0; i < vs->n_touched; i++) {
		clean(vs, vs->touched[i]);
		put_back(vs, vs->touched[i], version_of(vs, m, vs->touched[i]));
	}
	change_versions(vs, m);
	set_now(vs, m);
	forget_touched(vs);
	bool ok = !vs->failed;
	vs->failed = false;
	return ok;
}

static void free_tree(struct versions *vs, struct memory_version *m)
{
	for (uint32_t i = 0; i < vs->n_leaves; i++)
		free_leaf(vs, m->leaf[i]);
	free(m->leaf);
}

void versions_free(struct versions *vs, struct memory_version *m)
{
	free_tree(vs, m);
	free(m);
	vs->n_taken--;
}

/* ---- beginning and end ---- */

static bool add_block(struct versions *vs, struct block_of_memory block)
{
	uint64_t n = (block.size + PAGE_MASK) >> PAGE_BITS;
	struct block_of_memory *b = realloc(vs->blocks, (vs->n_blocks + 1) * sizeof *b);
	if (!b)
		return false;
	vs->blocks = b;
	if (n > UINT32_MAX / 2 - vs->n_pages)
		return false;
	block.first = vs->n_pages;
	block.n = (uint32_t)n;
	b[vs->n_blocks++] = block;
	vs->n_memory += block.host != NULL;
	vs->n_pages += block.n;
	return true;
}

#define MAX_BLOCKS 256u

/* Memory, then media. */
static bool add_blocks(struct versions *vs, const struct versions_medium *media, unsigned n_media)
{
	struct as_block memory[MAX_BLOCKS];
	unsigned n = as_blocks(vs->as, memory, MAX_BLOCKS);
	bool ok = n <= MAX_BLOCKS;
	for (unsigned i = 0; ok && i < n; i++)
		ok = add_block(vs, (struct block_of_memory){.host = memory[i].host, .size = memory[i].size});
	for (unsigned i = 0; ok && i < n_media; i++)
		ok = add_block(vs, (struct block_of_memory){.medium = media[i], .size = media[i].size});
	vs->n_leaves = (vs->n_pages + LEAF_PAGES - 1) >> LEAF_BITS;
	return ok;
}

struct versions *versions_start(struct address_space *as, const struct versions_owner *owner,
				const struct versions_medium *media, unsigned n_media)
{
	struct versions *vs = calloc(1, sizeof *vs);
	if (!vs)
		return NULL;
	vs->as = as;
	vs->owner = *owner;
	as->versions = vs;
	if (add_blocks(vs, media, n_media)) {
		vs->first = calloc(vs->n_pages + 1, sizeof *vs->first);
		vs->bitmap = calloc(vs->n_pages / 32 + 1, sizeof *vs->bitmap);
		vs->touched = malloc((vs->n_pages + 1) * sizeof *vs->touched);
		vs->now.leaf = calloc(vs->n_leaves + 1, sizeof *vs->now.leaf);
		if (vs->first && vs->bitmap && vs->touched && vs->now.leaf)
			return vs;
	}
	versions_stop(as);
	return NULL;
}

void versions_stop(struct address_space *as)
{
	struct versions *vs = as->versions;
	if (vs->now.leaf)
		free_tree(vs, &vs->now);
	for (uint32_t i = 0; i < vs->n_kept; i++)
		free(vs->first[vs->kept[i]].data);
	free(vs->kept);
	free(vs->first);
	free(vs->bitmap);
	free(vs->touched);
	free(vs->blocks);
	free(vs);
	as->versions = NULL;
}
