/* SPDX-License-Identifier: Apache-2.0 */
/* Copies by counter. A copy that the host has no memory for is not there. */
#include <stdlib.h>
#include <string.h>

#include "debug/captures.h"

struct captures {
	const struct blocks *blocks;
	const uint64_t *runs;
	struct capture **of; /* by counter */
	uint32_t n;
	size_t bytes;
	struct ir_unit *pending; /* as lowered, of the block that is being translated */
	size_t pending_bytes;
};

struct captures *captures_new(const struct blocks *b, const uint64_t *runs)
{
	struct captures *c = calloc(1, sizeof *c);
	if (c) {
		c->blocks = b;
		c->runs = runs;
	}
	return c;
}

static void drop(struct captures *c, uint32_t i)
{
	struct capture *k = c->of[i];
	if (!k)
		return;
	c->bytes -= k->bytes;
	free(k->before);
	free(k->after);
	free(k->guest);
	free(k->host_code);
	free(k->host.mark);
	free(k->host.site);
	free(k->host.block);
	free(k);
	c->of[i] = NULL;
}

void captures_free(struct captures *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		drop(c, i);
	free(c->of);
	free(c->pending);
	free(c);
}

static void *copy(const void *from, size_t size, size_t *bytes)
{
	void *to = size ? malloc(size) : NULL;
	if (to)
		memcpy(to, from, size);
	*bytes += to ? size : 0;
	return to;
}

/* A unit and its arrays in one piece, without what only the builder needs. */
static struct ir_unit *copy_unit(const struct ir_unit *u, size_t *bytes)
{
	size_t insns = u->n_insns * sizeof *u->insns, blocks = u->n_blocks * sizeof *u->blocks;
	size_t args = u->n_args * sizeof *u->args, order = u->n_order * sizeof *u->order;
	struct ir_unit *k = malloc(sizeof *k + insns + blocks + args + order);
	if (!k)
		return NULL;
	*k = *u;
	k->arena = NULL;
	char *at = (char *)(k + 1);
	k->insns = memcpy(at, u->insns, insns);
	k->blocks = memcpy(at += insns, u->blocks, blocks);
	k->args = (ir_ref *)(void *)(at += blocks);
	k->order = (ir_label *)(void *)(at += args);
	if (args)
		memcpy(k->args, u->args, args);
	memcpy(k->order, u->order, order);
	*bytes += sizeof *k + insns + blocks + args + order;
	return k;
}

/* ---- room ---- */

struct weight {
	uint64_t insns;
	uint32_t counter;
};

static int lighter(const void *pa, const void *pb)
{
	const struct weight *a = pa, *b = pb;
	return (a->insns > b->insns) - (a->insns < b->insns);
}

static void make_room(struct captures *c)
{
	struct weight *w = malloc((c->n + 1) * sizeof *w);
	uint32_t n = 0;
	if (!w)
		return;
	for (uint32_t i = 1; i < c->n; i++)
		if (c->of[i])
			w[n++] = (struct weight){blocks_insns(c->blocks, c->runs, i), i};
	qsort(w, n, sizeof *w, lighter);
	for (uint32_t i = 0; i < n && c->bytes > CAPTURES_BYTES / 2; i++)
		drop(c, w[i].counter);
	free(w);
}

static bool reserve(struct captures *c, uint32_t counter)
{
	if (counter < c->n)
		return true;
	uint32_t n = MAX(c->blocks->cap, counter + 1);
	struct capture **bigger = realloc(c->of, n * sizeof *bigger);
	if (!bigger)
		return false;
	memset(bigger + c->n, 0, (n - c->n) * sizeof *bigger);
	c->of = bigger;
	c->n = n;
	return true;
}

/* ---- the observer ---- */

void captures_translated(struct captures *c, const struct tb_view *tb)
{
	free(c->pending);
	c->pending_bytes = 0;
	c->pending = copy_unit(tb->unit, &c->pending_bytes);
}

/* Has it a counter of its own? A region may have to do with those of its blocks. */
static bool is_counted(const struct captures *c, const struct tb_view *tb)
{
	return tb->counter && tb->counter < c->blocks->n && c->blocks->record[tb->counter].n_parts == tb->n_parts;
}

static uint8_t *copy_guest(const struct captures *c, const struct tb_view *tb, size_t *bytes)
{
	const struct block_record *r = &c->blocks->record[tb->counter];
	unsigned n = MAX(r->n_parts, 1u);
	size_t size = 0;
	for (unsigned i = 0; i < n; i++)
		size += r[i].bytes;
	uint8_t *to = malloc(size), *at = to;
	for (unsigned i = 0; to && i < n; at += r[i++].bytes)
		memcpy(at, r[i].code, r[i].bytes);
	*bytes += to ? size : 0;
	return to;
}

void captures_optimised(struct captures *c, const struct tb_view *tb)
{
	struct capture *k = is_counted(c, tb) && c->pending && reserve(c, tb->counter) ? calloc(1, sizeof *k) : NULL;
	if (!k)
		return;
	drop(c, tb->counter);
	k->before = c->pending;
	k->bytes = sizeof *k + c->pending_bytes;
	c->pending = NULL;
	k->after = copy_unit(tb->unit, &k->bytes);
	k->guest = copy_guest(c, tb, &k->bytes);
	c->of[tb->counter] = k;
	c->bytes += k->bytes;
	if (c->bytes > CAPTURES_BYTES)
		make_room(c);
}

void captures_compiled(struct captures *c, const struct tb_view *tb)
{
	struct capture *k = is_counted(c, tb) && tb->counter < c->n ? c->of[tb->counter] : NULL;
	if (!k || k->host_code)
		return;
	size_t before = k->bytes;
	k->host = *tb->host;
	k->host.mark = copy(tb->host->mark, tb->host->n_marks * sizeof *tb->host->mark, &k->bytes);
	k->host.site = copy(tb->host->site, tb->host->n_sites * sizeof *tb->host->site, &k->bytes);
	k->host.block = copy(tb->host->block, tb->host->n_blocks * sizeof *tb->host->block, &k->bytes);
	k->host.n_blocks = k->host.block ? k->host.n_blocks : 0;
	k->host.n_marks = k->host.mark ? k->host.n_marks : 0;
	k->host.n_sites = k->host.site ? k->host.n_sites : 0;
	k->host_code = copy(tb->host_code, tb->host->size, &k->bytes);
	c->bytes += k->bytes - before;
}

const struct capture *captures_get(const struct captures *c, uint32_t counter)
{
	return counter < c->n ? c->of[counter] : NULL;
}
