/* SPDX-License-Identifier: Apache-2.0 */
/* One record a counter, found through a hash table; the counts themselves are in struct vcpu_base. */
#include <stdlib.h>
#include <string.h>

#include "debug/blocks.h"
#include "debug/disas.h"
#include "runtime/vcpu.h"

#define HASH_BITS 17u
#define WIDE_INSNS 64u /* more than any block has */

struct blocks *blocks_new(void)
{
	struct blocks *b = calloc(1, sizeof *b);
	uint32_t *head = calloc((size_t)1 << HASH_BITS, sizeof *head);
	struct disas *disas = disas_new();
	if (!b || !head || !disas) {
		disas_free(disas);
		free(b);
		free(head);
		return NULL;
	}
	*b = (struct blocks){.disas = disas, .n = 1, .head = head};
	return b;
}

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	for (uint32_t i = 1; i < b->n; i++)
		free(b->record[i].cut);
	free(b->record);
	free(b->head);
	disas_free(b->disas);
	free(b);
}

static bool is_block(const struct block_record *r, const struct tb_view *tb)
{
	return r->code == tb->guest_code && r->pc_key == tb->pc_key && r->flags == tb->tb_flags &&
	       r->bytes == tb->guest_bytes && r->n_insns == tb->n_insns;
}

static uint32_t *head_of(struct blocks *b, const struct tb_view *tb)
{
	uint64_t h = ((uint64_t)(uintptr_t)tb->guest_code ^ (uint64_t)tb->pc_key << 20) * UINT64_C(0x9e3779b97f4a7c15);
	return &b->head[h >> (64 - HASH_BITS)];
}

/* Room for n more; false when there is none. */
static bool reserve(struct blocks *b, unsigned n)
{
	if (b->n + n <= b->cap)
		return true;
	uint32_t cap = b->cap ? MIN(2 * b->cap, b->branches ? VCPU_TAKEN : VCPU_TB_COUNTERS) : 1024;
	if (b->n + n > cap)
		return false;
	struct block_record *bigger = realloc(b->record, cap * sizeof *bigger);
	if (!bigger)
		return false;
	b->record = bigger;
	b->cap = cap;
	return true;
}

/* Which of a Thumb block's instructions have four bytes: those whose successor stands so far behind. */
static uint64_t wide_insns(const struct tb_view *tb)
{
	const struct ir_unit *u = tb->unit;
	uint64_t wide = 0;
	uint32_t before = tb->pc_key & ~1u, n = 0;
	if (!(tb->pc_key & 1))
		return 0;
	for (uint32_t i = 0; i < u->n_insns; i++) {
		if (u->insns[i].op != IR_insn)
			continue;
		uint32_t pc = (uint32_t)u->insns[i].imm & ~1u;
		if (n && n <= WIDE_INSNS && pc - before == 4)
			wide |= UINT64_C(1) << (n - 1);
		before = pc;
		n++;
	}
	if (n && n <= WIDE_INSNS && (tb->pc_key & ~1u) + tb->guest_bytes - before == 4)
		wide |= UINT64_C(1) << (n - 1);
	return wide;
}

static bool has_count(const struct ir_unit *u)
{
	for (uint32_t i = 0; i < u->n_insns; i++)
		if (u->insns[i].op == IR_count)
			return true;
	return false;
}

static uint32_t find_block(struct blocks *b, const struct tb_view *tb)
{
	uint32_t i = *head_of(b, tb);
	while (i && (b->record[i].n_parts || !is_block(&b->record[i], tb)))
		i = b->record[i].next;
	return i;
}

uint32_t blocks_counter(struct blocks *b, const struct tb_view *tb)
{
	uint32_t *head = head_of(b, tb), i = find_block(b, tb);
	if (i)
		return i;
	if (!reserve(b, 1)) {
		b->not_counted++;
		return 0;
	}
	i = b->n++;
	b->record[i] = (struct block_record){
		.code = tb->guest_code,
		.pc_key = tb->pc_key,
		.flags = tb->tb_flags,
		.bytes = (uint16_t)tb->guest_bytes,
		.n_insns = (uint16_t)tb->n_insns,
		.wide = wide_insns(tb),
		.branch = b->branches && has_count(tb->unit),
		.next = *head,
	};
	*head = i;
	return i;
}

/* ---- regions ---- */

static bool is_region(const struct block_record *r, const struct tb_view *part, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (r[k].n_parts != n || r[k].part != k || !is_block(&r[k], &part[k]))
			return false;
	return true;
}

static uint32_t find_region(struct blocks *b, const struct tb_view *part, unsigned n)
{
	uint32_t i = *head_of(b, part);
	while (i && !(b->record[i].n_parts == n && !b->record[i].part && is_region(&b->record[i], part, n)))
		i = b->record[i].next;
	return i;
}

uint32_t blocks_region(struct blocks *b, const struct tb_view *part, unsigned n)
{
	uint32_t first = find_region(b, part, n);
	if (first || !reserve(b, n))
		return first;
	for (unsigned k = 0; k < n; k++)
		if (!find_block(b, &part[k]))
			return 0;
	first = b->n;
	for (unsigned k = 0; k < n; k++) {
		uint32_t plain = find_block(b, &part[k]), *head = head_of(b, &part[k]);
		struct block_record *r = &b->record[b->n];
		*r = b->record[plain];
		r->host_insns = r->host_bytes = r->compiled = 0;
		r->cut = NULL;
		r->n_parts = (uint8_t)n;
		r->part = (uint8_t)k;
		r->plain = plain;
		r->next = *head;
		*head = b->n++;
	}
	return first;
}

uint64_t blocks_insns(const struct blocks *b, const uint64_t *runs, uint32_t i)
{
	const struct block_record *r = &b->record[i];
	uint64_t n = r->part ? 0 : runs[i] * r->n_insns;
	for (unsigned k = 1; !r->part && k < r->n_parts; k++)
		n += runs[i + k] * r[k].n_insns;
	return n;
}

void blocks_compiled(struct blocks *b, const struct tb_view *tb)
{
	if (!tb->counter || tb->counter >= b->n)
		return;
	struct block_record *r = &b->record[tb->counter];
	uint32_t end = tb->host->slow_start ? tb->host->slow_start : tb->host->size;
	r->host_insns = 0;
	for (uint32_t at = 0, n; at < end && (n = disas_x64_length(b->disas, tb->host_code + at, tb->host->size - at)); at += n)
		r->host_insns++;
	r->host_bytes = tb->host->size;
	r->compiled++;
}

void blocks_left(struct blocks *b, uint32_t counter, uint32_t executed)
{
	if (!counter || counter >= b->n)
		return;
	struct block_record *r = &b->record[counter];
	if (executed >= r->n_insns)
		return;
	if (!r->cut)
		r->cut = calloc(r->n_insns, sizeof *r->cut);
	if (r->cut && r->cut[executed] != UINT32_MAX)
		r->cut[executed]++;
}

void block_each_insn(const struct block_record *r, uint64_t runs,
		     void (*insn)(void *ctx, const struct block_insn *i), void *ctx)
{
	struct block_insn b = {.pc = r->pc_key & ~1u, .count = runs};
	for (uint32_t i = 0; i < r->n_insns; i++) {
		bool wide = i < WIDE_INSNS && (r->wide >> i & 1);
		if (r->cut)
			b.count -= MIN(b.count, r->cut[i]);
		b.bytes = r->pc_key & 1 && !wide ? 2 : 4;
		insn(ctx, &b);
		b.pc += b.bytes;
	}
}
