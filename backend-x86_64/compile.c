/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: analyse, prologue, every insn in the order of the code, then everything out of
 * line. All memory comes from the unit's arena; running out of code space is noticed once an insn
 * and leaves no trace.
 */
#include <string.h>

#include "backend-x86_64/gen.h"

#define CODE_ALIGN 16u

static void (*const lower[IR_OP_COUNT])(struct gen *g, ir_ref v, const struct ir_insn *i) = {
#define OP(name, shape, result, args, flags) [IR_##name] = lower_##name,
#include "ir/ops.def"
#undef OP
};

static void *array(struct gen *g, uint32_t n, size_t size)
{
	return arena_alloc(g->u->arena, (n + 1) * size);
}

static void *zeroed(struct gen *g, uint32_t n, size_t size)
{
	return memset(array(g, n, size), 0, (n + 1) * size);
}

static void init(struct gen *g, const struct x64_target *t, const struct ir_unit *u,
		 const struct x64_compile_args *args, const struct x64_out *out, struct x64_code *code)
{
	uintptr_t start = ((uintptr_t)out->cur + CODE_ALIGN - 1) & ~(uintptr_t)(CODE_ALIGN - 1);
	g->t = t;
	g->u = u;
	g->insns = u->insns;
	g->args = args;
	g->code = code;
	g->start = (uint8_t *)start;
	g->rx_delta = out->rx_delta;
	emit_init(&g->e, g->start, out->end);
	g->locked = 0;
	g->has_notes = g->notes_failed = false;
	g->note_from = 1;
	g->last_note = g->cap_notes = 0;
	g->defining = IR_NONE;
	g->next_landing = args->first_landing;
	g->n_fixups = g->n_slow = g->n_stubs = g->n_mem = g->n_calls = g->n_exits = g->n_order = g->end = g->mark = 0;
	g->val = array(g, u->n_insns, sizeof *g->val);
	g->sets = u->left ? u->left : ir_sort(u);
	g->label = zeroed(g, u->n_blocks, sizeof *g->label);
	g->preds = zeroed(g, u->n_blocks, sizeof *g->preds);
	g->folded = zeroed(g, u->n_blocks, sizeof *g->folded);
	g->run = array(g, u->n_insns / 2, sizeof *g->run);
	g->open_run = NULL;
	g->order = array(g, u->n_blocks, sizeof *g->order);
	g->forward = array(g, u->n_blocks, sizeof *g->forward);
	g->fixup = array(g, 2 * u->n_blocks, sizeof *g->fixup);
	*code = (struct x64_code){
		.code = (uint64_t)start + (uint64_t)out->rx_delta,
		.n_slots = args->n_slots,
		.slot = zeroed(g, args->n_slots, sizeof *code->slot),
		.n_marks = u->n_marks,
		.mark = zeroed(g, u->n_marks, sizeof *code->mark),
	};
}

/* What only gen_analyse can tell the size of. */
static void init_lists(struct gen *g)
{
	g->slow = array(g, g->n_mem, sizeof *g->slow);
	g->stub = array(g, g->n_exits, sizeof *g->stub);
	g->code->site = array(g, g->n_mem + g->n_calls, sizeof *g->code->site);
}

void gen_add_site(struct gen *g, uint32_t mark)
{
	g->code->site[g->code->n_sites++] = (struct x64_site){.offset = here(g), .mark = mark};
}

/* No effect, and neither the value nor its flags are asked for. */
static bool is_dead(const struct gen *g, ir_ref v, const struct ir_insn *i)
{
	if (is_folded(g, v))
		return true;
	if (i->op == IR_get && g->val[v].note_until)
		return false;
	return !g->val[v].last_use && !sets_flags(g, v) && (ir_pure_ops | IR_SET_OF(get)) >> i->op & 1;
}

static void lower_value(struct gen *g, ir_ref v)
{
	const struct ir_insn *i = insn_of(g, v);
	if (i->op == IR_insn) { /* no operands, no result */
		g->at = v;
		lower_insn(g, v, i);
	} else if (!is_dead(g, v, i) && !g->unreachable) {
		g->at = v;
		lower[i->op](g, v, i);
		ra_end_insn(g);
	}
}

/* Of which guest instruction a block has the rest: blocks are not lowered in the order of their insns. */
static uint32_t mark_before(const struct gen *g, ir_ref r)
{
	while (r-- > 0)
		if (insn_of(g, r)->op == IR_insn)
			return insn_of(g, r)->aux;
	return 0;
}

static void lower_block(struct gen *g, ir_label l)
{
	const struct ir_block *b = &g->u->blocks[l];
	gen_block_begin(g, l);
	if (b->first != g->end)
		g->mark = mark_before(g, b->first);
	g->end = b->end;
	g->note_from = MAX(b->first, 1u);
	for (ir_ref w = b->first / 64; w * 64 < b->end; w++)
		for (uint64_t left = ir_in_block(g->sets->rest, b, w) | ir_in_block(g->sets->marks, b, w); left && !g->e.full; left &= left - 1)
			lower_value(g, w * 64 + (ir_ref)__builtin_ctzll(left));
}

static void generate(struct gen *g)
{
	gen_choose_homes(g);
	gen_find_runs(g);
	gen_analyse(g);
	init_lists(g);
	gen_layout(g);
	gen_prologue(g);
	for (g->block_index = 0; g->block_index < g->n_order; g->block_index++)
		if (!g->folded[g->order[g->block_index]])
			lower_block(g, g->order[g->block_index]);
	g->code->slow_start = here(g);
	gen_slow_paths(g);
	gen_stubs(g);
}

static void list_blocks(struct gen *g)
{
	uint32_t n = g->u->n_blocks;
	g->code->block = zeroed(g, n, sizeof *g->code->block);
	g->code->n_blocks = n;
	for (uint32_t l = 0; l < n; l++)
		if (g->label[l])
			g->code->block[l] = (uint32_t)(g->label[l] - g->start);
}

bool x64_compile(const struct x64_target *t, const struct ir_unit *u, const struct x64_compile_args *args,
		 struct x64_out *out, struct x64_code *code)
{
	struct gen g;
	g.take_notes = true;
	assert(args->cookie && ((args->cookie | args->exit_cookie | args->exit_size) & 7) == 0);
	init(&g, t, u, args, out, code);
	generate(&g);
	if (g.notes_failed && !g.e.full) { /* more than there is room for */
		g.take_notes = false;
		init(&g, t, u, args, out, code);
		generate(&g);
		code->without_notes = true;
	}
	if (g.e.full) {
		out->full = true;
		return false;
	}
	if (args->want_blocks)
		list_blocks(&g);
	code->size = here(&g);
	out->cur = g.e.cur;
	return true;
}

/* One store, of whatever alignment C may think of: what it stores to stays within a cache line (control.c). */
static void store_jump(uint64_t rel32, int32_t distance)
{
	__asm__ volatile("movl %1, (%0)" : : "r"(rel32), "r"(distance) : "memory");
}

/* The same where the jump may also be a nop: all of its five bytes are in an aligned word. */
static void store_jump_or_nop(uint64_t rel32, int32_t distance)
{
	static const uint8_t nop[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	uint8_t jump[5] = {0xe9}, word[8];
	uint64_t start = (rel32 - 1) & ~UINT64_C(7), all;
	memcpy(&jump[1], &distance, sizeof distance);
	memcpy(word, (const void *)(uintptr_t)start, sizeof word);
	memcpy(&word[(rel32 - 1) % 8], distance ? jump : nop, sizeof nop);
	memcpy(&all, word, sizeof all);
	__asm__ volatile("movq %1, (%0)" : : "r"(start), "r"(all) : "memory");
}

void x64_patch_jump(const struct x64_code *code, unsigned slot, uint64_t target, ptrdiff_t rx_delta)
{
	const struct x64_slot *s = &code->slot[slot];
	uint64_t rel32 = code->code + s->jump;
	assert(s->jump);
	if (!target)
		target = code->code + s->stub;
	int64_t distance = (int64_t)(target - (rel32 + 4));
	assert(distance == (int32_t)distance);
	if (s->inside == s->jump + 4)
		store_jump_or_nop(rel32 - (uint64_t)rx_delta, (int32_t)distance);
	else
		store_jump(rel32 - (uint64_t)rx_delta, (int32_t)distance);
}

/* The window's displacement makes every access at least 6 bytes long. */
void x64_patch_access(const struct x64_code *code, const struct x64_site *site, uint8_t saved[X64_ACCESS_BYTES],
		      ptrdiff_t rx_delta)
{
	uint8_t *at = (uint8_t *)(uintptr_t)(code->code + site->access - (uint64_t)rx_delta);
	int32_t distance = (int32_t)(site->stub - (site->access + X64_ACCESS_BYTES));
	memcpy(saved, at, X64_ACCESS_BYTES);
	at[0] = 0xe9; /* jmp rel32 */
	memcpy(at + 1, &distance, sizeof distance);
}

void x64_unpatch_access(const struct x64_code *code, const struct x64_site *site, const uint8_t saved[X64_ACCESS_BYTES],
			ptrdiff_t rx_delta)
{
	memcpy((uint8_t *)(uintptr_t)(code->code + site->access - (uint64_t)rx_delta), saved, X64_ACCESS_BYTES);
}
