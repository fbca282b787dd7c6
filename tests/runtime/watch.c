/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -d tb_stats and -perfmap on guests whose counts are known. A failure means that a count is off, that code which was
 * there before hides from who watches, or that perf would read wrong names.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define LOOP 0x10100u
#define FUNC 0x12000u /* on another page */
#define TURNS 1000u

/* r0 = TURNS; each turn calls a function. */
static void put_loop(struct guest *g)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_put(g, a_mov(0, TURNS));
	guest_put(g, a_b(g->at, LOOP));
	guest_org(g, FUNC);
	guest_put(g, a_add(1, 1, 3));
	guest_put(g, A32_BX_LR);
	guest_org(g, LOOP);
	guest_put(g, a_bl(g->at, FUNC));
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, LOOP));
	guest_stop(g);
}

static void log_items(struct guest *g, const char *items)
{
	struct rhea_error err;
	if (rhea_log_items(g->m, items, &err))
		fail_msg("%s", err.msg);
}

static void run_again(struct guest *g)
{
	guest_set_pc(g, CODE);
	guest_run(g, 10 * TURNS);
}

/* ---- counts -------------------------------------------------------------------------------------- */

struct row {
	uint64_t runs;
	unsigned guest, host, bytes, made;
	uint32_t pc;
	char isa, symbol[64];
};

struct report {
	struct row rows[64];
	unsigned n;
	uint64_t counted, insns;
};

static void take_line(void *ctx, const char *line)
{
	struct report *r = ctx;
	struct row *row = &r->rows[r->n];
	unsigned blocks;
	uint64_t runs;
	*row->symbol = 0;
	if (sscanf(line, "%*f%% %*f%% %" SCNu64 " %u %u %u %u 0x%" SCNx32 " %c %63s", &row->runs, &row->guest, &row->host,
		   &row->bytes, &row->made, &row->pc, &row->isa, row->symbol) >= 7) {
		assert_true(r->n < ARRAY_LEN(r->rows) - 1);
		r->n++;
	} else {
		sscanf(line, "TB statistics: %u blocks ran %" SCNu64 " times, %" SCNu64 " guest instructions of %" SCNu64, &blocks,
		       &runs, &r->counted, &r->insns);
	}
}

static struct report report(const struct guest *g)
{
	struct report r = {0};
	machine_report_jit(g->m, 60, take_line, &r);
	return r;
}

static uint64_t runs_at(const struct report *r, uint32_t pc)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < r->n; i++)
		n += r->rows[i].pc == pc ? r->rows[i].runs : 0;
	return n;
}

static void counts_are_exact_in_every_way(void **state)
{
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned mmu = 0; mmu < 2; mmu++) {
			struct guest g;
			guest_init(&g, &way->cfg);
			put_loop(&g);
			if (mmu)
				guest_mmu_on(&g);
			g.m->log.out = fopen("/dev/null", "w");
			g.m->log.owns_out = true;
			log_items(&g, "tb-stats");
			run_again(&g);
			struct report r = report(&g);
			print_message("%s%s\n", way->name, mmu ? ", MMU on" : "");
			assert_int_equal(r.counted, r.insns);
			assert_int_equal(runs_at(&r, CODE), 1);
			assert_int_equal(runs_at(&r, LOOP), TURNS);
			assert_int_equal(runs_at(&r, FUNC), TURNS);
			assert_int_equal(r.rows[0].runs, TURNS); /* hottest first */
			bool compiled = way->cfg.accel != RHEA_ACCEL_INTERP;
			assert_int_equal(r.rows[0].made, compiled);
			assert_true(!compiled || (r.rows[0].host > r.rows[0].guest && r.rows[0].bytes > r.rows[0].host));
			guest_free(&g);
		}
}

/* Whatever is translated again goes on counting, also when something else has its place in the buffer. */
static void counts_outlive_a_flush(void **state)
{
	struct guest g;
	(void)state;
	guest_init(&g, &(struct rhea_config){.compile_at_once = true});
	put_loop(&g);
	log_items(&g, "tb_stats");
	run_again(&g);
	vcpu_flush_code(g.m->vcpu);
	run_again(&g);
	struct report r = report(&g);
	assert_int_equal(runs_at(&r, FUNC), 2 * TURNS);
	assert_int_equal(r.counted, r.insns);
	assert_int_equal(r.rows[0].made, 2);
	log_items(&g, "none");
	guest_free(&g);
}

/* What was compiled before is counted from now on, and not any more when it is switched off. */
static void it_is_switched_on_and_off(void **state)
{
	struct guest g;
	(void)state;
	guest_init(&g, &(struct rhea_config){0});
	put_loop(&g);
	run_again(&g);
	assert_int_equal(report(&g).n, 0);
	log_items(&g, "tb_stats");
	run_again(&g);
	struct report r = report(&g);
	assert_int_equal(runs_at(&r, LOOP), TURNS);
	assert_true(r.counted < r.insns);
	log_items(&g, "none");
	run_again(&g);
	struct report after = report(&g);
	assert_int_equal(runs_at(&after, LOOP), TURNS);
	const struct code_page *page = tb_page(&g.m->vcpu->tbs, as_find(g.m->as, GPA(0))->host + LOOP, false);
	assert_true(page && page->tbs);
	for (const struct tb *tb = page->tbs; tb; tb = tb->page_next)
		assert_int_equal(tb->counter, 0);
	guest_free(&g);
}

static void the_filter_is_honoured(void **state)
{
	struct guest g;
	struct rhea_error err;
	(void)state;
	guest_init(&g, &(struct rhea_config){0});
	put_loop(&g);
	symbols_add(g.m->symbols, "func", FUNC - 8, 0x40);
	assert_int_equal(rhea_log_filter(g.m, "0x12000+0x100", &err), RHEA_OK);
	log_items(&g, "tb_stats");
	run_again(&g);
	struct report r = report(&g);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.counted, 2 * TURNS);
	assert_string_equal(r.rows[0].symbol, "func+0x8");
	assert_int_equal(r.rows[0].isa, 'A');
	log_items(&g, "none");
	guest_free(&g);
}

/* ---- the perf map -------------------------------------------------------------------------------- */

static char *read_all(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

/* How often a name stands in the map; every line is of the form that perf reads, and lies in the code buffer. */
static unsigned named(const struct guest *g, const char *text, const char *want)
{
	const struct codebuf *code = &g->m->vcpu->code;
	uint64_t rx = (uint64_t)(uintptr_t)code->rx, start, size, end = 0;
	unsigned n = 0;
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		char name[300];
		assert_non_null(strchr(line, '\n'));
		assert_int_equal(sscanf(line, "%" SCNx64 " %" SCNx64 " %299[^\n]", &start, &size, name), 3);
		assert_true(start >= rx && start + size <= rx + codebuf_used(code) && size && start >= end);
		end = start + size;
		n += strcmp(name, want) == 0;
	}
	return n;
}

static void temp_path(char *path)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static void perf_finds_the_guests_names(void **state)
{
	char path[] = "/tmp/rhea-perfmap-XXXXXX";
	struct guest g;
	struct rhea_error err = {0};
	(void)state;
	temp_path(path);
	guest_init(&g, &(struct rhea_config){.compile_at_once = true});
	put_loop(&g);
	run_again(&g); /* compiled before anybody asked: has a name all the same */
	symbols_add(g.m->symbols, "start", CODE, 8);
	symbols_add(g.m->symbols, "two words\n0 1 evil", FUNC - 4, 0x40);
	if (rhea_perfmap(g.m, path, &err))
		fail_msg("%s", err.msg);
	run_again(&g);
	char *text = read_all(path);
	assert_int_equal(named(&g, text, "rhea-thunks"), 1);
	assert_int_equal(named(&g, text, "start"), 1);
	assert_int_equal(named(&g, text, "guest_0x00010100"), 1);
	assert_int_equal(named(&g, text, "two?words?0?1?evil+0x4"), 1);
	vcpu_flush_code(g.m->vcpu);
	assert_int_equal(named(&g, read_all(path), "rhea-thunks"), 1);
	assert_int_equal(named(&g, read_all(path), "start"), 0);
	run_again(&g);
	assert_int_equal(named(&g, read_all(path), "start"), 1);
	guest_free(&g);
	assert_non_null(strstr(read_all(path), " start\n")); /* it stays for perf */
	unlink(path);
}

static void the_map_is_refused_by_name(void **state)
{
	char path[] = "/tmp/rhea-perfmap-XXXXXX", link[64];
	struct guest a, b;
	struct rhea_error err = {0};
	(void)state;
	temp_path(path);
	snprintf(link, sizeof link, "%s-link", path);
	assert_int_equal(symlink(path, link), 0);
	guest_init(&a, &(struct rhea_config){0});
	guest_init(&b, &(struct rhea_config){0});
	assert_int_equal(rhea_perfmap(a.m, link, &err), RHEA_ERR_FILE);
	assert_non_null(strstr(err.msg, link));
	assert_int_equal(rhea_perfmap(a.m, "/nowhere/at/all", &err), RHEA_ERR_FILE);
	assert_string_equal(err.msg, "cannot write perf map '/nowhere/at/all': No such file or directory");
	assert_int_equal(rhea_perfmap(a.m, "/dev/null", &err), RHEA_ERR_FILE);
	assert_int_equal(rhea_perfmap(a.m, path, &err), RHEA_OK);
	assert_int_equal(rhea_perfmap(a.m, path, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_perfmap(b.m, path, &err), RHEA_ERR_FILE);
	assert_non_null(strstr(err.msg, "another machine"));
	guest_free(&a);
	assert_int_equal(rhea_perfmap(b.m, path, &err), RHEA_OK);
	guest_free(&b);
	unlink(link);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact_in_every_way),
		cmocka_unit_test(counts_outlive_a_flush),
		cmocka_unit_test(it_is_switched_on_and_off),
		cmocka_unit_test(the_filter_is_honoured),
		cmocka_unit_test(perf_finds_the_guests_names),
		cmocka_unit_test(the_map_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
