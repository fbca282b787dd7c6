/* SPDX-License-Identifier: Apache-2.0 */
/* The TB store: two hash tables, an array sorted by host address, and the links between TBs. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/tb.h"

#define TB_HASH_BITS 17u
#define TB_HASH_BYTES (((size_t)1 << TB_HASH_BITS) * sizeof(struct tb *))
#define PAGE_HASH_BITS TB_PAGE_HASH_BITS

enum rhea_status tb_store_init(struct tb_store *s, ptrdiff_t rx_delta, struct rhea_error *err)
{
	*s = (struct tb_store){.rx_delta = rx_delta};
	/* Not from the heap, which would clear a megabyte that was used before. */
	void *hash = mmap(NULL, TB_HASH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->hash = hash == MAP_FAILED ? NULL : hash;
	s->page_hash = calloc((size_t)1 << PAGE_HASH_BITS, sizeof(struct code_page *));
	if (!s->hash || !s->page_hash) {
		tb_store_free(s);
		return error_set(err, RHEA_ERR_HOST, "block tables: out of host memory");
	}
	return RHEA_OK;
}

void tb_store_free(struct tb_store *s)
{
	if (s->hash)
		munmap(s->hash, TB_HASH_BYTES);
	free(s->page_hash);
	free(s->by_host);
	arena_free(&s->arena);
	*s = (struct tb_store){0};
}

void tb_store_flush(struct tb_store *s)
{
	if (!tb_store_is_empty(s)) {
		memset(s->hash, 0, TB_HASH_BYTES);
		memset(s->page_hash, 0, ((size_t)1 << PAGE_HASH_BITS) * sizeof(struct code_page *));
	}
	arena_reset(&s->arena);
	s->last_page = NULL;
	s->n_by_host = s->n_pages = s->n_valid = s->n_made = 0;
	s->generation++;
}

/* The blocks of one page share a part of the table, 4 KiB, so that a small guest touches little of it. */
static uint32_t tb_hash(const uint8_t *code, uint32_t pc_key, uint32_t flags)
{
	uint64_t page = (uintptr_t)code >> PAGE_BITS;
	uint64_t h = (page ^ (uint64_t)(pc_key >> PAGE_BITS) << 36 ^ (uint64_t)flags << 57) *
		     UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> (64 - TB_HASH_BITS)) ^ (uint32_t)((uintptr_t)code & PAGE_MASK) >> 3;
}

static uint32_t page_hash(const uint8_t *page)
{
	return (uint32_t)(((uint64_t)(uintptr_t)page >> PAGE_BITS) * UINT64_C(0x9e3779b97f4a7c15) >>
			  (64 - PAGE_HASH_BITS));
}

struct tb *tb_find(const struct tb_store *s, const uint8_t *code, uint32_t pc_key, uint32_t flags, bool whole_page)
{
	struct tb *tb = s->hash[tb_hash(code, pc_key, flags)];
	while (tb && (tb->code != code || tb->pc_key != pc_key || tb->flags != flags || tb->whole_page != whole_page))
		tb = tb->hash_next;
	return tb;
}

struct tb *tb_new(struct tb_store *s, unsigned n_exits)
{
	struct tb *tb = arena_alloc(&s->arena, sizeof *tb);
	*tb = (struct tb){
		.exit = arena_alloc(&s->arena, n_exits * sizeof *tb->exit), .n_exits = (uint16_t)n_exits, .first_landing = TB_FIRST_LANDING,
	};
	for (unsigned i = 0; i < n_exits; i++)
		tb->exit[i] = (struct tb_exit){.tb = tb};
	s->n_made++;
	return tb;
}

struct code_page *tb_page_find(struct tb_store *s, const uint8_t *host, bool create)
{
	const uint8_t *start = tb_page_start(host);
	struct code_page **head = &s->page_hash[page_hash(start)];
	struct code_page *p = *head;
	while (p && p->host != start)
		p = p->hash_next;
	if (!p && create) {
		p = arena_alloc(&s->arena, sizeof *p);
		*p = (struct code_page){.host = start, .tag = ++s->n_pages, .hash_next = *head};
		*head = p;
	}
	if (p)
		s->last_page = p;
	return p;
}

static bool touches(const uint8_t *code, uint32_t bytes, const uint8_t *host, uint64_t size)
{
	return code < host + size && host < code + bytes;
}

bool tb_overlaps_code(const struct tb *tb, const uint8_t *host, uint64_t size)
{
	if (!tb->region)
		return touches(tb->code, tb->bytes, host, size);
	for (unsigned k = 0; k < tb->region->n_parts; k++)
		if (touches(tb->region->part[k].code, tb->region->part[k].bytes, host, size))
			return true;
	return false;
}

static bool holds(const struct arm_literals *s, const uint8_t *host, uint64_t size)
{
	return s->from != s->end && touches(s->host, s->end - s->from, host, size);
}

static bool has_literals(const struct tb *tb, const uint8_t *host, uint64_t size)
{
	if (!tb->region)
		return holds(&tb->literals, host, size);
	for (unsigned k = 0; k < tb->region->n_parts; k++)
		if (holds(&tb->region->part[k].literals, host, size))
			return true;
	return false;
}

bool tb_overlaps(const struct tb *tb, const uint8_t *host, uint64_t size)
{
	return tb_overlaps_code(tb, host, size) || has_literals(tb, host, size);
}

/* ---- blocks that ran a few times ---- */

#define MAX_BLOCK_HALFWORDS 128u /* bounds how far back a block that reaches an address can start */

static uint32_t halfword_of(const uint8_t *host)
{
	return (uint32_t)((uintptr_t)host & PAGE_MASK) / 2;
}

/* By place in the page and what stands there: that is the same in each run of the process, which no host address is. */
static uint8_t *runs_of(struct tb_store *s, const uint8_t *code)
{
	uint16_t insn;
	memcpy(&insn, code, sizeof insn);
	return &s->runs[(halfword_of(code) ^ (insn * 0x9e3779b1u) >> (32 - TB_RUNS_BITS)) & ((1u << TB_RUNS_BITS) - 1)];
}

bool tb_ran_enough(struct tb_store *s, const uint8_t *code)
{
	const struct code_page *p = tb_page(s, code, false);
	return p && p->once[halfword_of(code)] && (s->code_changes || *runs_of(s, code) >= TB_COLD_RUNS);
}

void tb_note_once(struct tb_store *s, struct code_page *p, const uint8_t *code, uint32_t bytes)
{
	uint8_t *at = &p->once[halfword_of(code)], *runs = runs_of(s, code);
	*runs = (uint8_t)MIN(*runs + 1u, TB_COLD_RUNS);
	assert(bytes / 2 <= MAX_BLOCK_HALFWORDS);
	p->n_once += !*at;
	p->stores = 0;
	*at = (uint8_t)MAX(bytes / 2, 1);
}

bool tb_note_odd(struct tb_store *s, struct code_page *p, uint32_t pc)
{
	unsigned place = arm_odd_place(pc);
	if (!p->odd)
		p->odd = memset(arena_alloc(&s->arena, ARM_ODD_WORDS * sizeof *p->odd), 0, ARM_ODD_WORDS * sizeof *p->odd);
	uint32_t *word = &p->odd[place / 32], old = *word;
	*word |= 1u << place % 32;
	return *word != old;
}

void tb_forget_once(struct code_page *p, const uint8_t *code)
{
	uint8_t *at = &p->once[halfword_of(code)];
	p->n_once -= *at != 0;
	*at = 0;
}

#define TRUSTED 16u /* blocks on the word of one; the one behind them is watched again */

void tb_expect_more(struct tb_store *s, struct tb *tb)
{
	s->code_changes = true;
	if (tb->ran_before && !tb->page->at_once)
		tb->page->at_once = TRUSTED + 1;
}

bool tb_compile_at_once(struct tb_store *s, const uint8_t *code)
{
	struct code_page *p = tb_page(s, code, false);
	if (!p || !p->at_once)
		return false;
	return --p->at_once != 0;
}

bool tb_forget_once_in(struct code_page *p, const uint8_t *host, uint64_t size)
{
	if (!p->n_once)
		return false;
	uint32_t first = halfword_of(host), last = (uint32_t)(((uintptr_t)host & PAGE_MASK) + size - 1) / 2;
	uint32_t n = p->n_once;
	for (uint32_t i = (first - MIN(first, MAX_BLOCK_HALFWORDS)) & ~7u; i <= last; i += 8) {
		uint64_t eight;
		memcpy(&eight, &p->once[i], sizeof eight);
		for (uint32_t k = i; eight && k < i + 8; k++)
			if (k <= last && k + p->once[k] > first)
				tb_forget_once(p, p->host + 2 * k);
	}
	if (p->n_once == n)
		return false;
	p->at_once = 0;
	return true;
}

#define GIVE_UP_STORES 1000u
#define GIVE_UP_MAX 8u

bool tb_give_up_once(struct code_page *p)
{
	if (p->tbs || p->visitors || p->once_given_up == GIVE_UP_MAX || ++p->stores < GIVE_UP_STORES)
		return false;
	memset(p->once, 0, sizeof p->once);
	p->n_once = 0;
	p->once_given_up++;
	return true;
}

/* ---- blocks that are kept ---- */

static void add_by_host(struct tb_store *s, struct tb *tb)
{
	if (s->n_by_host == s->cap_by_host) {
		uint32_t cap = s->cap_by_host ? s->cap_by_host * 2 : 4096;
		struct tb **a = realloc(s->by_host, cap * sizeof *a);
		if (!a)
			abort();
		s->by_host = a;
		s->cap_by_host = cap;
	}
	uint32_t at = s->n_by_host++;
	for (; at && s->by_host[at - 1]->host.code > tb->host.code; at--) /* a region whose place was kept for it */
		s->by_host[at] = s->by_host[at - 1];
	assert(!at || s->by_host[at - 1]->host.code < tb->host.code);
	s->by_host[at] = tb;
}

static void count_span(struct code_page *p, const uint8_t *code, uint32_t bytes, uint32_t by)
{
	uint32_t first = (uint32_t)((uintptr_t)code & PAGE_MASK);
	assert(first + bytes <= PAGE_SIZE);
	for (uint32_t i = first >> TB_GRANULE_BITS; i <= (first + MAX(bytes, 1u) - 1) >> TB_GRANULE_BITS; i++)
		p->granule[i] += by;
}

/* The page of bytes that a block is made of, which is in the store or about to be. */
static struct code_page *page_of(const struct tb *tb, const uint8_t *host)
{
	const uint8_t *start = tb_page_start(host);
	const struct tb_visit *v = tb->visits;
	if (tb->page->host == start)
		return tb->page;
	while (v->page->host != start)
		v = v->next_of_tb;
	return v->page;
}

static void count_part(const struct tb *tb, const uint8_t *code, uint32_t bytes, struct arm_literals literals, uint32_t by)
{
	count_span(page_of(tb, code), code, bytes, by);
	while (literals.from != literals.end) { /* on up to three pages */
		uint32_t n = MIN(literals.end - literals.from, PAGE_SIZE - (uint32_t)((uintptr_t)literals.host & PAGE_MASK));
		count_span(page_of(tb, literals.host), literals.host, n, by);
		literals.host += n;
		literals.from += n;
	}
}

/* by: 1, or -1 as unsigned. */
static void count_granules(const struct tb *tb, uint32_t by)
{
	if (!tb->region)
		count_part(tb, tb->code, tb->bytes, tb->literals, by);
	for (unsigned k = 0; tb->region && k < tb->region->n_parts; k++) {
		const struct tb_part *part = &tb->region->part[k];
		count_part(tb, part->code, part->bytes, part->literals, by);
	}
}

static bool is_visited(const struct tb *tb, const struct code_page *p)
{
	for (const struct tb_visit *v = tb->visits; v; v = v->next_of_tb)
		if (v->page == p)
			return true;
	return p == tb->page;
}

static void visit(struct tb_store *s, struct tb *tb, const uint8_t *host)
{
	struct code_page *p = tb_page(s, host, true);
	if (is_visited(tb, p))
		return;
	struct tb_visit *v = arena_alloc(&s->arena, sizeof *v);
	*v = (struct tb_visit){tb, p, p->visitors, tb->visits};
	p->visitors = tb->visits = v;
}

static void visit_literals(struct tb_store *s, struct tb *tb, const struct arm_literals *at)
{
	uint32_t bytes = at->end - at->from;
	for (uint32_t i = 0; i < bytes; i += PAGE_SIZE)
		visit(s, tb, at->host + i);
	if (bytes)
		visit(s, tb, at->host + bytes - 1);
}

/* A block enters itself where its other bytes lie. */
static void visit_pages(struct tb_store *s, struct tb *tb)
{
	visit_literals(s, tb, &tb->literals);
	for (unsigned k = 0; tb->region && k < tb->region->n_parts; k++) {
		visit(s, tb, tb->region->part[k].code);
		visit_literals(s, tb, &tb->region->part[k].literals);
	}
}

static void leave_pages(struct tb *tb)
{
	for (struct tb_visit *v = tb->visits, **p; v; v = v->next_of_tb) {
		for (p = &v->page->visitors; *p != v;)
			p = &(*p)->next;
		*p = v->next;
	}
}

void tb_insert(struct tb_store *s, struct tb *tb)
{
	struct tb **head = &s->hash[tb_hash(tb->code, tb->pc_key, tb->flags)];
	tb->hash_next = *head;
	*head = tb;
	tb->page = tb_page(s, tb->code, true);
	tb->page_next = tb->page->tbs;
	tb->page->tbs = tb;
	visit_pages(s, tb);
	count_granules(tb, 1);
	tb->valid = true;
	s->n_valid++;
	if (tb->host.size)
		add_by_host(s, tb);
}

/* Points an exit at RX address `target`, or back at its stub. */
static void patch(const struct tb_store *s, const struct tb_exit *e, uint64_t target)
{
	x64_patch_jump(&e->tb->host, (unsigned)(e - e->tb->exit), target, s->rx_delta);
}

void tb_link(struct tb_store *s, struct tb_exit *from, struct tb *to, uint64_t target)
{
	if (from->to)
		return;
	from->to = to;
	from->next_in = to->in;
	to->in = from;
	patch(s, from, target);
}

/* Takes an exit out of the list of its target. A block that drops itself may still be running: its own jumps go back to
 * the loop. */
void tb_unlink(struct tb_store *s, struct tb_exit *from)
{
	struct tb_exit **p = &from->to->in;
	while (*p != from)
		p = &(*p)->next_in;
	*p = from->next_in;
	from->to = NULL;
	patch(s, from, 0);
}

static void unlink_in(struct tb_store *s, struct tb *tb)
{
	while (tb->in)
		tb_unlink(s, tb->in);
}

void tb_invalidate(struct tb_store *s, struct tb *tb)
{
	struct tb **p = &s->hash[tb_hash(tb->code, tb->pc_key, tb->flags)];
	while (*p != tb)
		p = &(*p)->hash_next;
	*p = tb->hash_next;
	p = &tb->page->tbs;
	while (*p != tb)
		p = &(*p)->page_next;
	*p = tb->page_next;
	count_granules(tb, UINT32_MAX);
	leave_pages(tb);
	unlink_in(s, tb);
	for (unsigned i = 0; i < tb->n_exits; i++)
		if (tb->exit[i].to)
			tb_unlink(s, &tb->exit[i]);
	tb->valid = false;
	s->n_valid--;
}

struct tb *tb_by_host_pc(const struct tb_store *s, uint64_t pc)
{
	uint32_t lo = 0, hi = s->n_by_host;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (s->by_host[mid]->host.code <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	struct tb *tb = s->by_host[lo - 1];
	return pc - tb->host.code <= tb->host.size ? tb : NULL;
}

const struct x64_site *tb_site(const struct tb *tb, uint64_t pc)
{
	uint32_t off = (uint32_t)(pc - tb->host.code), lo = 0, hi = tb->host.n_sites;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (tb->host.site[mid].offset < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	assert(lo < tb->host.n_sites && tb->host.site[lo].offset == off);
	return &tb->host.site[lo];
}

const struct tb_part *tb_part_at(const struct tb_region *r, uint32_t mark)
{
	unsigned k = r->n_parts - 1u;
	while (r->part[k].first > mark)
		k--;
	return &r->part[k];
}

/* The instructions of a block, and of a region's part, lie behind each other. */
uint32_t tb_mark_pc(const struct tb *tb, uint32_t mark)
{
	const struct tb_part *part = tb->region ? tb_part_at(tb->region, mark) : NULL;
	uint32_t first = part ? part->pc_key : tb->pc_key, n = part ? mark - part->first : mark;
	return first + n * (first & 1 ? 2 : 4);
}

uint32_t tb_site_mark(const struct tb *tb, uint64_t pc)
{
	return tb_site(tb, pc)->mark;
}
