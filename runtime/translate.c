/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The road of one block: decode and lower, verify, optimise, compile, enter into the store.
 *
 * Much code runs once, and interpreting it then costs a quarter of compiling it (decision 004): a
 * block is interpreted as lowered, remembered by its address alone, and compiled when it is reached again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-arm/owed.h"
#include "runtime/vcpu.h"

#define FCSE_MASK 0x1ffffffu    /* addresses under 32 MiB may be modified (DDI 0198D 2.4) */
#define MAX_INSNS 64u          /* guest instructions in a block */
#define CODE_BYTES_PER_BLOCK 256u /* bounds the memory of blocks that are not in the code buffer */

/* Flags may be owed from block to block only where blocks are linked. */
static bool may_owe(const struct vcpu *v, const struct mem_fetch *fetch)
{
	return fetch->host && v->cfg.accel != VCPU_INTERP && !v->cfg.no_chain && !v->cfg.one_insn_per_tb;
}

static bool may_vary(struct vcpu *v, const uint8_t *host)
{
	const struct code_page *page = tb_page(&v->tbs, host, false);
	return page && page->literals_vary;
}

enum { BEFORE = 1, AFTER = 2 };

/* Which of the pages beside this one are what the guest sees there while the MMU is off: memory of the same range, on the same side of
 * where FCSE ends. */
static unsigned pages_beside(const struct mem_range *r, const struct mem_fetch *fetch, uint32_t page)
{
	uint64_t offset = (fetch->pa.v & ~(uint64_t)PAGE_MASK) - r->base.v;
	if (r->host + offset != fetch->host - (fetch->pa.v & PAGE_MASK))
		return 0;
	bool before = offset >= PAGE_SIZE && page & FCSE_MASK, after = offset + 2 * PAGE_SIZE <= r->size && (page + PAGE_SIZE) & FCSE_MASK;
	return (before ? BEFORE : 0) | (after ? AFTER : 0); /* whole: a device may lie on the rest */
}

/*
 * Where literals may be taken for constants: on the block's page (what may be fetched may be read), with the MMU off on those beside it, too.
 * Not where the guest stores to literals, not in memory of a client's own, and not when somebody watches accesses. Of a block that is not kept no other page is watched.
 */
static struct arm_literals find_literals(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key, bool kept)
{
	uint32_t here = pc_key & ~1u, page = here & ~PAGE_MASK;
	const struct mem_range *r = fetch->host ? as_find(v->as, fetch->pa) : NULL;
	if (!r || r->kind == RANGE_MMIO || r->is_clients || v->observer.access || v->stops.n_watch)
		return (struct arm_literals){0};
	if (!fetch->whole_page)
		return (struct arm_literals){fetch->host, here, here + fetch->valid};
	struct arm_literals at = {fetch->host - (here & PAGE_MASK), page, page + PAGE_SIZE};
	unsigned beside = kept && !(v->cpu->tb_flags & ARM_TB_MMU) ? pages_beside(r, fetch, page) : 0;
	if (beside & AFTER && !may_vary(v, at.host + PAGE_SIZE))
		at.end += PAGE_SIZE;
	if (may_vary(v, at.host)) {
		at.host += PAGE_SIZE;
		at.from += PAGE_SIZE;
	} else if (beside & BEFORE && !may_vary(v, at.host - PAGE_SIZE)) {
		at.host -= PAGE_SIZE;
		at.from -= PAGE_SIZE;
	}
	return at;
}

/* What is known of the page's instructions. */
static const uint32_t *odd_of(struct vcpu *v, const uint8_t *host)
{
	const struct code_page *page = host ? tb_page(&v->tbs, host, false) : NULL;
	return page ? page->odd : NULL;
}

static uint32_t lower(struct vcpu *v, const struct mem_fetch *fetch, struct tb *tb, uint32_t max_insns, bool owing,
		      struct ir_unit *u)
{
	bool in_ram = fetch->host != NULL;
	uint32_t n_stops = 0, here = tb->pc_key & ~1u;
	const uint32_t *stops = v->stops.n_exec ? stops_between(&v->stops, here & ~PAGE_MASK, PAGE_SIZE, &n_stops) : NULL;
	struct arm_translate_request req = {
		.literals = find_literals(v, fetch, tb->pc_key, owing),
		.decoder = v->decoder,
		.pc_key = tb->pc_key,
		.tb_flags = tb->flags,
		.code = in_ram ? fetch->host : (const uint8_t *)&fetch->device_word,
		.code_bytes = in_ram ? fetch->valid : 4,
		.cut = v->cut,
		.n_cuts = MIN(v->n_cuts, VCPU_CUTS),
		.stop = stops,
		.n_stops = n_stops,
		.code_before = in_ram && fetch->whole_page ? tb->pc_key & PAGE_MASK & ~1u : 0,
		.refused = &v->values.refused,
		.ahead = v->ahead,
		.max_insns = in_ram ? max_insns : 1,
		.leaves = owing && v->cfg.accel != VCPU_INTERP, /* else by the interpreter, which does it all */
		.odd = odd_of(v, fetch->host),
		.look_ahead = owing && may_owe(v, fetch),
		.once = !owing,
		.whole_blocks = v->observer.counter != NULL,
		.count_taken = v->observer.branches,
		.semihosting = v->cfg.semihosting,
		.arch = v->cfg.model->arch,
	};
	arena_reset(&v->arena);
	ir_unit_init(u, &arm_guest, &v->arena);
	struct arm_unit_flags flags;
	uint32_t bytes = arm_translate_owing(&req, u, &flags);
	tb->entry = flags.entry;
	tb->value_sites = flags.value_sites;
	tb->may_pass = flags.may_pass;
	tb->fixed = flags.fixed;
	tb->lone = flags.lone || flags.fixed;
	tb->calls = flags.calls;
	tb->returns = flags.returns;
	tb->literals = (struct arm_literals){NULL, flags.literals, flags.literals_end};
	if (flags.literals != flags.literals_end)
		tb->literals.host = req.literals.host + (flags.literals - req.literals.from);
	for (unsigned k = 0; k < tb->n_exits && k < ARRAY_LEN(flags.out); k++) {
		tb->exit[k].owed = flags.out[k].owed;
		tb->exit[k].key = flags.out[k].key;
		tb->exit[k].link = flags.out[k].link;
		tb->exit[k].used = flags.out[k].used;
	}
	v->stats.translated_insns += u->n_marks;
	v->stats.translated_blocks++;
	return bytes;
}

static void verify(const struct ir_unit *u, const char *when)
{
#ifdef RHEA_VERIFY
	char msg[256];
	if (!ir_verify(u, msg, sizeof msg)) {
		struct log err = {.mask = ~0u};
		fprintf(stderr, "rhea: the IR is not well-formed %s: %s\n", when, msg);
		ir_print(u, &err);
		abort();
	}
#else
	(void)u, (void)when;
#endif
}

struct tb_view vcpu_view(const struct tb *tb)
{
	bool compiled = tb->host.size != 0;
	return (struct tb_view){
		.pc_key = tb->pc_key,
		.tb_flags = tb->flags & ARM_TB_FLAGS,
		.guest_code = tb->code,
		.guest_bytes = tb->bytes,
		.n_insns = tb->n_insns,
		.host = compiled ? &tb->host : NULL,
		.host_code = compiled ? (const uint8_t *)(uintptr_t)tb->host.code : NULL,
		.counter = tb->region ? tb->region->part[0].counter : tb->counter,
		.n_parts = tb->region ? tb->region->n_parts : 0,
	};
}

static struct tb_view view(const struct tb *tb, const struct ir_unit *u)
{
	struct tb_view w = vcpu_view(tb);
	w.unit = u;
	return w;
}

static void observe(const struct vcpu *v, void (*call)(void *opaque, const struct tb_view *tb), const struct tb *tb,
		    const struct ir_unit *u)
{
	if (!call)
		return;
	struct tb_view w = view(tb, u);
	call(v->observer.opaque, &w);
}

/* The branch's counter was not known when the unit was lowered. Without one, number 0 is nobody's. */
static void count_branch(const struct tb *tb, struct ir_unit *u)
{
	for (uint32_t i = 0; tb->counter && i < u->n_insns; i++)
		if (u->insns[i].op == IR_count)
			u->insns[i].imm = tb->counter + VCPU_TAKEN;
}

static void choose_counter(const struct vcpu *v, struct tb *tb, struct ir_unit *u)
{
	if (!v->observer.counter)
		return;
	struct tb_view w = view(tb, u);
	tb->counter = v->observer.counter(v->observer.opaque, &w);
	assert(tb->counter < (v->observer.branches ? VCPU_TAKEN : VCPU_TB_COUNTERS));
	if (v->observer.branches)
		count_branch(tb, u);
}

/* Decodes and lowers the code at pc_key into *u and says in *tb what it is. */
static void lower_block(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key, uint32_t max_insns,
			bool owing, struct tb *tb, struct ir_unit *u)
{
	tb->code = fetch->host ? fetch->host : (const uint8_t *)&fetch->device_word;
	tb->pc_key = pc_key;
	tb->flags = v->cpu->tb_flags;
	tb->whole_page = fetch->whole_page;
	tb->bytes = (uint16_t)lower(v, fetch, tb, max_insns, owing, u);
	tb->n_insns = (uint16_t)u->n_marks;
	verify(u, "as lowered");
	observe(v, v->observer.translated, tb, u);
}

static void optimise(struct vcpu *v, const struct tb *tb, struct ir_unit *u)
{
	ir_optimise(u);
	verify(u, "after optimisation");
	observe(v, v->observer.optimised, tb, u);
}

static void *copy_array(struct arena *a, const void *src, size_t size)
{
	void *p = arena_alloc(a, size);
	if (size)
		memcpy(p, src, size);
	return p;
}

/* The interpreter runs from the unit, so it must outlive this translation. */
static struct ir_unit *keep_unit(struct arena *a, const struct ir_unit *u)
{
	struct ir_unit *k = copy_array(a, u, sizeof *u);
	k->insns = copy_array(a, u->insns, u->n_insns * sizeof *u->insns);
	k->blocks = copy_array(a, u->blocks, u->n_blocks * sizeof *u->blocks);
	k->order = copy_array(a, u->order, u->n_order * sizeof *u->order);
	k->args = copy_array(a, u->args, u->n_args * sizeof *u->args);
	return k;
}

/* Flags owed by value that the unit does not overwrite are written first. */
struct x64_guard vcpu_guard(const struct arm_debtor *entry)
{
	return (struct x64_guard){
		.mask = arm_owed_bits(entry->by_value == ARM_VALUE_WRITES ? ~entry->kills : 0),
		.all = arm_owed_bits(~0u),
		.byte = (int32_t)offsetof(struct vcpu_base, cpu.owed) - VCPU_BASE_BIAS,
		.fn = (uint64_t)(uintptr_t)vcpu_write_values,
	};
}

struct x64_compile_args vcpu_compile_args(struct vcpu *v, struct tb *tb)
{
	bool check_tag = (tb->flags & ARM_TB_MMU) && tb->whole_page;
	const struct tb_region *r = tb->region;
	return (struct x64_compile_args){
		.cookie = (uint64_t)(uintptr_t)tb,
		.exit_cookie = (uint64_t)(uintptr_t)tb->exit,
		.exit_size = sizeof *tb->exit,
		.n_slots = tb->n_exits,
		.first_landing = tb->first_landing,
		.n_insns = tb->n_insns,
		.left = r ? r->left : NULL,
		.other_page = r ? r->other : NULL,
		.n_other_pages = r ? r->n_others : 0,
		.instead = r ? r->head->host.code + r->head->host.guarded_entry : 0,
		.guard = vcpu_guard(&tb->entry),
		.space = arm_space_of(tb->flags),
		.window = (uint8_t)(tb->flags >> VCPU_WINDOW_SHIFT & VCPU_ALL_SPACES),
		.counter = tb->counter ? VCPU_COUNTER_OFFSET(tb->counter) : 0,
		.counters = VCPU_COUNTER_OFFSET(0),
		.want_blocks = v->observer.translated != NULL,
		.cross_tag = check_tag ? tb_page(&v->tbs, tb->code, true)->tag : 0,
	};
}

/* The tables of compiled code live as long as the block. */
static void keep_tables(struct arena *a, struct x64_code *host)
{
	host->slot = copy_array(a, host->slot, host->n_slots * sizeof *host->slot);
	host->mark = copy_array(a, host->mark, host->n_marks * sizeof *host->mark);
	host->site = copy_array(a, host->site, host->n_sites * sizeof *host->site);
	if (host->n_blocks)
		host->block = copy_array(a, host->block, host->n_blocks * sizeof *host->block);
	if (host->n_notes)
		host->notes = copy_array(a, host->notes, host->n_notes);
}

/* False when the code buffer is full. */
static bool compile(struct vcpu *v, const struct ir_unit *u, struct tb *tb)
{
	struct x64_compile_args args = vcpu_compile_args(v, tb);
	if (!x64_compile(&v->target, u, &args, &v->code.out, &tb->host)) {
		tb->host.size = 0;
		return false;
	}
	keep_tables(&v->tbs.arena, &tb->host);
	return true;
}

/* Compiles, after a flush when there is no room; the block may move. */
static struct tb *compile_or_flush(struct vcpu *v, const struct ir_unit *u, struct tb *tb)
{
	if (compile(v, u, tb))
		return tb;
	struct tb saved = *tb;
	struct tb_exit exits[TB_EXITS];
	memcpy(exits, tb->exit, sizeof exits);
	vcpu_flush_code(v);
	tb = tb_new(&v->tbs, TB_EXITS);
	tb->code = saved.code;
	tb->pc_key = saved.pc_key;
	tb->flags = saved.flags;
	tb->bytes = saved.bytes;
	tb->n_insns = saved.n_insns;
	tb->whole_page = saved.whole_page;
	tb->counter = saved.counter;
	tb->entry = saved.entry;
	tb->value_sites = saved.value_sites;
	tb->may_pass = saved.may_pass;
	tb->fixed = saved.fixed;
	tb->lone = saved.lone;
	tb->calls = saved.calls;
	tb->returns = saved.returns;
	tb->literals = saved.literals;
	for (unsigned k = 0; k < TB_EXITS; k++) {
		tb->exit[k] = exits[k];
		tb->exit[k].tb = tb;
	}
	bool fits = compile(v, u, tb);
	assert(fits && "the code buffer holds at least one block");
	(void)fits;
	return tb;
}

/* The page; stores to it are seen from now on. */
static struct code_page *watch(struct vcpu *v, const uint8_t *host)
{
	struct code_page *page = tb_page(&v->tbs, host, true);
	if (!tb_page_used(page))
		softmmu_protect_code(v->mmu, page->host);
	return page;
}

static void watch_literals(struct vcpu *v, const struct arm_literals *at)
{
	uint32_t bytes = at->end - at->from;
	for (uint32_t i = 0; i < bytes; i += PAGE_SIZE)
		watch(v, at->host + i);
	if (bytes)
		watch(v, at->host + bytes - 1);
}

static void insert(struct vcpu *v, struct tb *tb, const struct ir_unit *u)
{
	if (tb->region)
		tb->region->assumes = u->assumes;
	struct code_page *page = watch(v, tb->code);
	watch_literals(v, &tb->literals);
	tb->ran_before = page->once[((uintptr_t)tb->code & PAGE_MASK) / 2] != 0;
	tb_forget_once(page, tb->code);
	tb_insert(&v->tbs, tb);
}

static uint32_t max_insns(const struct vcpu *v)
{
	return v->cfg.one_insn_per_tb ? 1 : MAX_INSNS;
}

/* The first runs of a block are interpreted, unless somebody wants to see its code. */
static bool starts_cold(struct vcpu *v, const struct mem_fetch *fetch)
{
	return v->cfg.accel == VCPU_JIT && v->cfg.warmup && !v->observer.translated && !tb_ran_enough(&v->tbs, fetch->host) &&
	       !tb_compile_at_once(&v->tbs, fetch->host);
}

/* Nothing is kept of the block but that it was here. */
static struct tb *translate_cold(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key)
{
	struct tb *tb = &v->cold;
	*tb = (struct tb){.unit = &v->unit};
	lower_block(v, fetch, pc_key, max_insns(v), false, tb, &v->unit);
	choose_counter(v, tb, &v->unit);
	tb_note_once(&v->tbs, watch(v, tb->code), tb->code, tb->bytes);
	return tb;
}

struct tb *vcpu_translate(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key)
{
	bool jit = v->cfg.accel != VCPU_INTERP, interp = v->cfg.accel != VCPU_JIT;
	if (starts_cold(v, fetch))
		return translate_cold(v, fetch, pc_key);
	if (v->tbs.n_made >= v->cfg.code_size / CODE_BYTES_PER_BLOCK)
		vcpu_flush_code(v);
	struct tb *tb = tb_new(&v->tbs, TB_EXITS);
	lower_block(v, fetch, pc_key, max_insns(v), true, tb, &v->unit);
	choose_counter(v, tb, &v->unit);
	optimise(v, tb, &v->unit);
	if (jit)
		tb = compile_or_flush(v, &v->unit, tb);
	if (interp)
		tb->unit = keep_unit(&v->tbs.arena, &v->unit);
	insert(v, tb, &v->unit);
	if (jit)
		observe(v, v->observer.compiled, tb, &v->unit);
	return tb;
}

void vcpu_translate_once(struct vcpu *v, const struct mem_fetch *fetch, uint32_t pc_key, uint32_t limit, struct tb *tb)
{
	*tb = (struct tb){.unit = &v->unit};
	lower_block(v, fetch, pc_key, MIN(limit, max_insns(v)), false, tb, &v->unit);
	choose_counter(v, tb, &v->unit);
}

/* ---- regions ---- */

void vcpu_region_request(struct vcpu *v, const struct tb *head, struct arm_translate_request *req)
{
	uint32_t offset = head->pc_key & PAGE_MASK & ~1u;
	*req = (struct arm_translate_request){
		.decoder = v->decoder,
		.refused = &v->values.refused,
		.ahead = v->ahead,
		.pc_key = head->pc_key,
		.tb_flags = head->flags,
		.code = head->code,
		.code_bytes = PAGE_SIZE - offset,
		.cut = v->cut,
		.n_cuts = MIN(v->n_cuts, VCPU_CUTS),
		.code_before = offset,
		.max_insns = MAX_INSNS,
		.leaves = true,
		.look_ahead = true,
		.whole_blocks = v->observer.counter != NULL,
		.count_taken = v->observer.branches,
		.semihosting = v->cfg.semihosting,
		.arch = v->cfg.model->arch,
	};
}

bool vcpu_finish_region(struct vcpu *v, struct tb *tb)
{
	verify(&v->unit, "as lowered");
	observe(v, v->observer.translated, tb, &v->unit);
	optimise(v, tb, &v->unit);
	if (!compile(v, &v->unit, tb))
		return false;
	if (v->cfg.accel == VCPU_LOCKSTEP)
		tb->unit = keep_unit(&v->tbs.arena, &v->unit);
	insert(v, tb, &v->unit);
	observe(v, v->observer.compiled, tb, &v->unit);
	return true;
}

bool vcpu_compile_apart(const struct x64_target *t, struct ir_unit *u, const struct x64_compile_args *args, struct x64_out *out,
			struct x64_code *code)
{
	verify(u, "as lowered");
	ir_optimise(u);
	verify(u, "after optimisation");
	return x64_compile(t, u, args, out, code);
}

void vcpu_insert_apart(struct vcpu *v, struct tb *tb, const struct ir_unit *u)
{
	keep_tables(&v->tbs.arena, &tb->host);
	insert(v, tb, u);
}
