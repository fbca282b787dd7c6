/* SPDX-License-Identifier: Apache-2.0 */
/* The TB store: finding, links and their undoing, host addresses. No code is run here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/tb.h"

#define PAGES 6u

struct fixture {
	struct tb_store store;
	uint8_t guest[PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	_Alignas(16) uint8_t host[4096]; /* stands for the code buffer; RX == RW */
	unsigned n;
};

static int setup(void **state)
{
	struct fixture *f = aligned_alloc(PAGE_SIZE, (sizeof *f + PAGE_SIZE) & ~(size_t)(PAGE_SIZE - 1));
	memset(f, 0, sizeof *f);
	*state = f;
	return (int)tb_store_init(&f->store, 0, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tb_store_free(&f->store);
	free(f);
	return 0;
}

/* A block of 64 host bytes whose jumps sit at offsets 8, 16 and 24, stubs at 32, 48 and 56. */
static struct tb *make(struct fixture *f, uint32_t guest_off, uint32_t flags)
{
	struct tb *tb = tb_new(&f->store, TB_EXITS);
	tb->code = f->guest + guest_off;
	tb->pc_key = 0x8000 + guest_off;
	tb->flags = flags;
	tb->bytes = 16;
	tb->n_insns = 4;
	tb->whole_page = true;
	tb->host.code = (uintptr_t)f->host + 64 * f->n++;
	tb->host.size = 64;
	static struct x64_slot slots[TB_EXITS] = {{8, 32, 0}, {16, 48, 0}, {24, 56, 0}};
	tb->host.slot = slots;
	tb->host.n_slots = TB_EXITS;
	for (unsigned i = 0; i < TB_EXITS; i++)
		x64_patch_jump(&tb->host, i, 0, 0);
	tb_insert(&f->store, tb);
	return tb;
}

/* A region with parts of `bytes` bytes of code at these offsets; its head is the first. What each loads is `literals` bytes behind it. */
static struct tb *make_region(struct fixture *f, const uint32_t *offset, unsigned n, uint16_t bytes, uint32_t literals)
{
	struct tb *tb = tb_new(&f->store, 0);
	tb->code = f->guest + offset[0];
	tb->pc_key = 0x8000 + offset[0];
	tb->flags = 7;
	tb->bytes = bytes;
	tb->whole_page = true;
	tb->region = arena_alloc(&f->store.arena, sizeof *tb->region + n * sizeof *tb->region->part);
	*tb->region = (struct tb_region){.n_parts = (uint16_t)n};
	for (unsigned k = 0; k < n; k++)
		tb->region->part[k] = (struct tb_part){.code = f->guest + offset[k], .pc_key = 0x8000 + offset[k], .bytes = bytes,
			.literals = {f->guest + offset[k] + bytes, 0x8000 + offset[k] + bytes, 0x8000 + offset[k] + bytes + literals}};
	if (literals) /* those of the head are there for itself, too */
		tb->literals = tb->region->part[0].literals;
	tb_insert(&f->store, tb);
	return tb;
}

/* How often the region is listed on the page, as its head's or as a visitor. */
static unsigned listed(struct fixture *f, const struct tb *tb, unsigned page)
{
	struct code_page *p = tb_page(&f->store, f->guest + page * PAGE_SIZE, false);
	unsigned n = 0;
	for (const struct tb *t = p ? p->tbs : NULL; t; t = t->page_next)
		n += t == tb;
	for (const struct tb_visit *v = p ? p->visitors : NULL; v; v = v->next) {
		assert_ptr_equal(v->page, p);
		n += v->tb == tb;
	}
	return n;
}

/* Where the rel32 at slot's jump leads. */
static uint64_t jump_target(const struct tb *tb, unsigned slot)
{
	uint64_t at = tb->host.code + tb->host.slot[slot].jump;
	int32_t rel;
	memcpy(&rel, (const void *)(uintptr_t)at, 4);
	return at + 4 + (uint64_t)(int64_t)rel;
}

/* Failure: blocks are confused whose address, key, flags or kind of page differ. */
static void finds_by_code_key_and_flags(void **state)
{
	struct fixture *f = *state;
	struct tb *a = make(f, 0x10, 1), *b = make(f, 0x10, 2);
	assert_ptr_equal(tb_find(&f->store, a->code, a->pc_key, 1, true), a);
	assert_ptr_equal(tb_find(&f->store, b->code, b->pc_key, 2, true), b);
	assert_null(tb_find(&f->store, a->code, a->pc_key + 1, 1, true));
	assert_null(tb_find(&f->store, a->code + 4, a->pc_key, 1, true));
	assert_null(tb_find(&f->store, a->code, a->pc_key, 3, true));
	assert_null(tb_find(&f->store, a->code, a->pc_key, 1, false));
}

/* Failure: a dropped block would still be entered from its neighbours. */
static void invalidation_undoes_links_both_ways(void **state)
{
	struct fixture *f = *state;
	struct tb *a = make(f, 0x00, 1), *b = make(f, 0x20, 1), *c = make(f, 0x40, 1);
	tb_link(&f->store, &a->exit[0], b, b->host.code);
	tb_link(&f->store, &c->exit[1], b, b->host.code);
	tb_link(&f->store, &b->exit[0], c, c->host.code);
	tb_link(&f->store, &b->exit[1], b, b->host.code);
	assert_int_equal(jump_target(a, 0), b->host.code);
	assert_int_equal(jump_target(b, 1), b->host.code);
	tb_invalidate(&f->store, b);
	assert_int_equal(jump_target(a, 0), a->host.code + 32);
	assert_int_equal(jump_target(c, 1), c->host.code + 48);
	assert_int_equal(jump_target(b, 0), b->host.code + 32);
	assert_int_equal(jump_target(b, 1), b->host.code + 48);
	assert_null(a->exit[0].to);
	assert_null(c->in);
	assert_null(tb_find(&f->store, b->code, b->pc_key, 1, true));
	assert_false(b->valid);
	tb_invalidate(&f->store, a);
	tb_invalidate(&f->store, c);
	assert_int_equal(f->store.n_valid, 0);
	assert_null(tb_page(&f->store, f->guest, false)->tbs);
}

/* Failure: a fault would be blamed on the wrong instruction. */
static void host_addresses_lead_back(void **state)
{
	struct fixture *f = *state;
	struct tb *a = make(f, 0, 1), *b = make(f, 0x20, 1);
	struct x64_site sites[] = {{.offset = 10, .mark = 0}, {.offset = 20, .mark = 2}, {.offset = 33, .mark = 3}};
	b->host.site = sites;
	b->host.n_sites = 3;
	assert_ptr_equal(tb_by_host_pc(&f->store, a->host.code + 5), a);
	assert_ptr_equal(tb_by_host_pc(&f->store, b->host.code + 20), b);
	assert_null(tb_by_host_pc(&f->store, a->host.code - 1));
	assert_null(tb_by_host_pc(&f->store, b->host.code + 65));
	assert_int_equal(tb_site_mark(b, b->host.code + 20), 2);
	assert_int_equal(tb_site_mark(b, b->host.code + 33), 3);
	tb_invalidate(&f->store, b);
	assert_ptr_equal(tb_by_host_pc(&f->store, b->host.code + 20), b);
}

/* Failure: random linking and dropping corrupts the lists. */
static void random_links_stay_consistent(void **state)
{
	struct fixture *f = *state;
	struct tb *tb[40];
	uint32_t seed = 12345;
	for (unsigned i = 0; i < ARRAY_LEN(tb); i++)
		tb[i] = make(f, i * 32, i % 3);
	for (unsigned step = 0; step < 5000; step++) {
		seed = seed * 1664525u + 1013904223u;
		struct tb *x = tb[(seed >> 8) % ARRAY_LEN(tb)], *y = tb[(seed >> 16) % ARRAY_LEN(tb)];
		if (x->valid && y->valid && step % 16)
			tb_link(&f->store, &x->exit[(seed >> 24) % TB_EXITS], y, y->host.code);
		else if (x->valid && step % 160 == 0)
			tb_invalidate(&f->store, x);
	}
	for (unsigned i = 0; i < ARRAY_LEN(tb); i++)
		for (unsigned s = 0; s < TB_EXITS; s++) {
			uint64_t want = tb[i]->exit[s].to ? tb[i]->exit[s].to->host.code
						     : tb[i]->host.code + tb[i]->host.slot[s].stub;
			assert_int_equal(jump_target(tb[i], s), want);
			if (tb[i]->exit[s].to)
				assert_true(tb[i]->valid && tb[i]->exit[s].to->valid);
		}
}

/* Failure: a store to translated code goes unseen, or stores beside it look at every block. */
static void granules_follow_blocks(void **state)
{
	struct fixture *f = *state;
	struct tb *a = make(f, 0x10, 1), *b = make(f, 0x18, 1), *c = make(f, PAGE_SIZE - 16, 1);
	assert_false(tb_page_may_overlap(a->page, f->guest, 16));
	assert_true(tb_page_may_overlap(a->page, f->guest + 12, 8));
	assert_true(tb_page_may_overlap(a->page, f->guest + 0x24, 4));
	assert_true(tb_page_may_overlap(a->page, f->guest + PAGE_SIZE - 1, 1));
	tb_invalidate(&f->store, c);
	assert_false(tb_page_may_overlap(a->page, f->guest + 0x30, PAGE_SIZE - 0x30));
	tb_invalidate(&f->store, a);
	assert_true(tb_page_may_overlap(b->page, f->guest + 0x10, 16));
	tb_invalidate(&f->store, b);
	assert_false(tb_page_may_overlap(b->page, f->guest, PAGE_SIZE));
}

/* Failure: a program whose data follow code that ran once takes the slow path for each store, for ever; or code beside data is never compiled. */
static void code_that_ran_once_gives_way_to_data(void **state)
{
	struct fixture *f = *state;
	struct code_page *p = tb_page(&f->store, f->guest, true);
	unsigned given_up = 0;
	for (unsigned i = 0; i < 20; i++) {
		tb_note_once(&f->store, p, f->guest, 8);
		for (unsigned k = 0; k < 500; k++)
			assert_false(tb_give_up_once(p));
		tb_note_once(&f->store, p, f->guest + 8, 8); /* code runs again: from the start */
		for (unsigned k = 0; k < 999; k++)
			assert_false(tb_give_up_once(p));
		bool gone = tb_give_up_once(p);
		assert_int_equal(gone, !tb_page_used(p));
		assert_int_equal(gone, !p->once[0]);
		given_up += gone;
	}
	assert_in_range(given_up, 1, 19);
}

/* Failure: what runs a few times and never again is compiled; or what goes on running never is; or code that is written anew at a place
 * that was hot is compiled on its first run, or as late as any other; or a compiler in the guest waits for its code as other guests do. */
static void a_block_is_compiled_behind_a_few_runs(void **state)
{
	struct fixture *f = *state;
	struct code_page *p = tb_page(&f->store, f->guest, true);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned runs = 0; runs < (round ? 1 : TB_COLD_RUNS); runs++) {
			assert_false(tb_ran_enough(&f->store, f->guest));
			tb_note_once(&f->store, p, f->guest, 8);
		}
		assert_true(tb_ran_enough(&f->store, f->guest));
		assert_false(tb_ran_enough(&f->store, f->guest + 8));
		assert_true(tb_forget_once_in(p, f->guest + 4, 4));
	}
	tb_note_once(&f->store, p, f->guest + 0x200, 8);
	assert_false(tb_ran_enough(&f->store, f->guest + 0x200));
	tb_expect_more(&f->store, make(f, 0x100, 1));
	assert_true(tb_ran_enough(&f->store, f->guest + 0x200));
	assert_false(tb_ran_enough(&f->store, f->guest + 0x204));
}

/* Failure: a compiler's code is interpreted first, each time; or code that runs once is compiled for ever. */
static void rewritten_code_is_trusted_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct tb *once = make(f, 0x10, 1), *twice = make(f, 0x20, 1);
	twice->ran_before = true;
	tb_expect_more(&f->store, once);
	assert_false(tb_compile_at_once(&f->store, once->code));
	assert_false(tb_compile_at_once(&f->store, f->guest + PAGE_SIZE));
	unsigned n = 0;
	for (unsigned i = 0; i < 100; i++) {
		tb_expect_more(&f->store, twice);
		n += tb_compile_at_once(&f->store, once->code);
	}
	assert_in_range(n, 80, 99);
	tb_expect_more(&f->store, twice);
	tb_note_once(&f->store, once->page, f->guest + 0x100, 8);
	assert_true(tb_forget_once_in(once->page, f->guest + 0x104, 4));
	assert_false(tb_compile_at_once(&f->store, once->code));
}

/* Failure: a store to code on another page than the head's goes unseen. */
static void a_region_is_seen_from_each_of_its_pages(void **state)
{
	struct fixture *f = *state;
	const uint32_t offset[] = {0x100, PAGE_SIZE + 0x200, 3 * PAGE_SIZE - 16, 0x400, PAGE_SIZE + 0x40};
	struct tb *r = make_region(f, offset, ARRAY_LEN(offset), 16, 0);
	for (unsigned page = 0; page < PAGES; page++)
		assert_int_equal(listed(f, r, page), page < 3);
	for (unsigned k = 0; k < ARRAY_LEN(offset); k++) {
		const uint8_t *part = f->guest + offset[k];
		struct code_page *p = tb_page(&f->store, part, false);
		assert_true(tb_page_used(p) && tb_page_may_overlap(p, part + 15, 1) && !tb_page_may_overlap(p, part - 32, 16));
		assert_true(tb_overlaps(r, part, 1) && tb_overlaps(r, part + 15, 1) && !tb_overlaps(r, part + 16, 16) && !tb_overlaps(r, part - 4, 4));
	}
	assert_ptr_equal(tb_find(&f->store, r->code, r->pc_key, 7, true), r);
	tb_invalidate(&f->store, r);
	for (unsigned page = 0; page < 3; page++) {
		struct code_page *p = tb_page(&f->store, f->guest + page * PAGE_SIZE, false);
		assert_false(tb_page_used(p) || tb_page_may_overlap(p, p->host, PAGE_SIZE));
	}
	assert_int_equal(f->store.n_valid, 0);
}

/* Failure: a store to what a block loaded for constants goes unseen. */
static void a_block_is_seen_where_its_literals_are(void **state)
{
	struct fixture *f = *state;
	struct tb *tb = tb_new(&f->store, 0);
	tb->code = f->guest + 3 * PAGE_SIZE;
	tb->bytes = 16;
	tb->literals = (struct arm_literals){f->guest + 2 * PAGE_SIZE - 8, 0x1000, 0x1000 + PAGE_SIZE + 16}; /* on three pages */
	tb_insert(&f->store, tb);
	for (unsigned page = 0; page < PAGES; page++)
		assert_int_equal(listed(f, tb, page), page >= 1 && page <= 3);
	assert_true(tb_overlaps(tb, f->guest + 2 * PAGE_SIZE - 8, 1) && !tb_overlaps(tb, f->guest + 2 * PAGE_SIZE - 12, 4));
	assert_true(tb_overlaps(tb, f->guest + 3 * PAGE_SIZE + 7, 1) && !tb_overlaps_code(tb, f->guest + 2 * PAGE_SIZE, PAGE_SIZE));
	for (unsigned page = 1; page <= 3; page++) {
		struct code_page *p = tb_page(&f->store, f->guest + page * PAGE_SIZE, false);
		assert_true(tb_page_used(p) && tb_page_may_overlap(p, p->host, PAGE_SIZE));
	}
	tb_invalidate(&f->store, tb);
	for (unsigned page = 1; page <= 3; page++) {
		struct code_page *p = tb_page(&f->store, f->guest + page * PAGE_SIZE, false);
		assert_false(tb_page_used(p) || tb_page_may_overlap(p, p->host, PAGE_SIZE));
	}
}

/* Failure: a flush leaves a page with visitors that are gone. */
static void a_flush_forgets_visitors(void **state)
{
	struct fixture *f = *state;
	const uint32_t offset[] = {0x100, PAGE_SIZE + 0x200};
	make_region(f, offset, 2, 16, 0);
	tb_store_flush(&f->store);
	assert_null(tb_page(&f->store, f->guest, false));
	assert_false(tb_page_used(tb_page(&f->store, f->guest + PAGE_SIZE, true)));
	struct tb *r = make_region(f, offset, 2, 16, 0);
	assert_int_equal(listed(f, r, 1), 1);
	assert_ptr_equal(tb_page(&f->store, f->guest + PAGE_SIZE, false)->visitors->tb, r);
	tb_invalidate(&f->store, r);
}

/* Parts on up to TB_REGION_PAGES pages, beginning with `first`. */
static struct tb *make_some_region(struct fixture *f, uint32_t *seed)
{
	uint32_t offset[12], first = *seed >> 8;
	for (unsigned k = 0; k < ARRAY_LEN(offset); k++) {
		*seed = *seed * 1664525u + 1013904223u;
		offset[k] = ((first + (*seed >> 16) % TB_REGION_PAGES) % PAGES) * PAGE_SIZE + (*seed >> 20) % (PAGE_SIZE / 4 - 8) * 4;
	}
	uint32_t literals = (*seed >> 11) % 3 * 2500;
	for (unsigned k = 0; k < ARRAY_LEN(offset) && literals; k++)
		offset[k] %= (PAGES - 2) * PAGE_SIZE;
	return make_region(f, offset, 1 + (*seed >> 12) % ARRAY_LEN(offset), 32, literals);
}

/* Has a valid region bytes in the granule, does the page say so, and is each listed where it has parts? */
static void check_pages(struct fixture *f, struct tb *const *region, unsigned n)
{
	for (unsigned i = 0; i < PAGES * PAGE_SIZE >> TB_GRANULE_BITS; i++) {
		const uint8_t *at = f->guest + (i << TB_GRANULE_BITS);
		struct code_page *p = tb_page(&f->store, at, false);
		bool has = false;
		for (unsigned k = 0; k < n; k++)
			has |= region[k] && region[k]->valid && tb_overlaps(region[k], at, 1u << TB_GRANULE_BITS);
		assert_int_equal(p && tb_page_may_overlap(p, at, 1), has);
	}
	for (unsigned k = 0; k < n; k++)
		for (unsigned page = 0; page < PAGES && region[k]; page++)
			assert_int_equal(listed(f, region[k], page), region[k]->valid && tb_overlaps(region[k], f->guest + page * PAGE_SIZE, PAGE_SIZE));
}

/* Failure: the lists of visitors, or the counts of who has code where, do not follow regions that come and go in any order. */
static void random_visitors_stay_consistent(void **state)
{
	struct fixture *f = *state;
	struct tb *region[10] = {NULL};
	uint32_t seed = 4711;
	for (unsigned step = 0; step < 600; step++) {
		seed = seed * 1664525u + 1013904223u;
		struct tb **r = &region[(seed >> 9) % ARRAY_LEN(region)];
		if (*r && (*r)->valid)
			tb_invalidate(&f->store, *r);
		else
			*r = make_some_region(f, &seed);
		check_pages(f, region, ARRAY_LEN(region));
		if (step % 200 == 199) {
			tb_store_flush(&f->store);
			memset(region, 0, sizeof region);
			check_pages(f, region, ARRAY_LEN(region));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_by_code_key_and_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(invalidation_undoes_links_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(host_addresses_lead_back, setup, teardown),
		cmocka_unit_test_setup_teardown(random_links_stay_consistent, setup, teardown),
		cmocka_unit_test_setup_teardown(granules_follow_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_region_is_seen_from_each_of_its_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_is_seen_where_its_literals_are, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flush_forgets_visitors, setup, teardown),
		cmocka_unit_test_setup_teardown(random_visitors_stay_consistent, setup, teardown),
		cmocka_unit_test_setup_teardown(rewritten_code_is_trusted_for_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(code_that_ran_once_gives_way_to_data, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_is_compiled_behind_a_few_runs, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
