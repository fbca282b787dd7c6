/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block, or one region part after part, as JSON. Lines of IR and host code carry the number of the guest instruction
 * that they came from; -1 is none.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug/explorer-internal.h"
#include "debug/json.h"

/* ---- guest code ---- */

struct guest_printer {
	struct explorer *e;
	const struct block_record *r;
	const uint8_t *bytes;
	unsigned n;
};

static void print_guest_insn(void *ctx, const struct block_insn *i)
{
	struct guest_printer *p = ctx;
	const struct debug_line *l = debug_find_line(p->e->in->tables, i->pc);
	uint32_t at = i->pc - (p->r->pc_key & ~1u);
	char line[DISAS_LINE] = "";
	if (p->bytes && at < p->r->bytes)
		disas_arm(p->e->disas, p->r->pc_key & 1, i->pc, p->bytes + at, MIN(p->r->bytes - at, i->bytes), line);
	fprintf(p->e->out, "%s[%" PRIu32 ",", p->n++ ? "," : "", i->pc);
	json_string(p->e->out, strlen(line) > 13 ? line + 13 : "");
	fprintf(p->e->out, ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 "]", i->count, l ? l->file : 0, l ? l->line : 0);
	if (l)
		explorer_want_line(p->e, l->file, l->line);
}

static void print_guest(struct explorer *e, uint32_t counter, const struct capture *k)
{
	const struct block_record *r = &e->in->blocks->record[counter];
	struct guest_printer p = {e, r, k ? k->guest : NULL, 0};
	fputc('[', e->out);
	for (unsigned i = 0; i < MAX(r->n_parts, 1u); i++) {
		p.r = &r[i];
		block_each_insn(p.r, e->in->runs[counter + i], print_guest_insn, &p);
		p.bytes = p.bytes ? p.bytes + p.r->bytes : NULL;
	}
	fputc(']', e->out);
}

/* ---- whose an IR block is ---- */

#define NOBODY_YET (-2)

static void claim(int *of, ir_label block, int mark)
{
	if (of[block] == NOBODY_YET)
		of[block] = mark;
}

/* Of each IR block, the guest instruction that leads there first: so what stands out of the way at the end of the unit is its
 * own. A block that nothing before it leads to goes on with what precedes it. NULL: out of memory. */
static int *block_marks(const struct ir_unit *u)
{
	int *of = malloc((u->n_blocks + 1) * sizeof *of), mark = -1;
	for (uint32_t l = 0; of && l < u->n_blocks; l++)
		of[l] = NOBODY_YET;
	for (uint32_t k = 0; of && k < u->n_order; k++) {
		const struct ir_block *b = &u->blocks[u->order[k]];
		claim(of, u->order[k], mark);
		mark = of[u->order[k]];
		for (ir_ref r = b->first; r < b->end; r++) {
			const struct ir_insn *i = &u->insns[r];
			if (i->op == IR_insn)
				mark = (int)i->aux;
			if (i->op == IR_br || i->op == IR_brc || i->op == IR_charge)
				claim(of, i->b, mark);
			if (i->op == IR_brc || i->op == IR_charge)
				claim(of, i->c, mark);
		}
	}
	return of;
}

/* ---- IR ---- */

static void print_ir_line(FILE *out, int mark, char *line, bool *first)
{
	fprintf(out, "%s[%d,", *first ? "" : ",", mark);
	*first = false;
	json_string(out, line + strspn(line, " "));
	fputc(']', out);
}

/* Cuts the text form into lines; its markers and labels say whose they are. */
static void print_ir(FILE *out, const struct ir_unit *u)
{
	char *text = NULL, *save = NULL;
	size_t size;
	struct log to = {.mask = ~0u, .out = open_memstream(&text, &size)};
	int marks = 0, mark = -1, *of = block_marks(u);
	bool first = true;
	if (to.out) {
		ir_print(u, &to);
		fclose(to.out);
	}
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, " ---- ", 6) == 0) {
			mark = marks++;
			continue;
		}
		if (*l == 'L' && of)
			mark = of[strtoul(l + 1, NULL, 10)];
		print_ir_line(out, *l == 'L' ? -1 : mark, l, &first);
	}
	free(of);
	free(text);
}

static void print_unit(FILE *out, const char *name, const struct ir_unit *u)
{
	fprintf(out, ",\n\"%s\":%s", name, u ? "[" : "null");
	if (u) {
		print_ir(out, u);
		fputc(']', out);
	}
}

/* ---- host code ---- */

/* Whose slow path stands at `at`: the one whose return address comes next. */
static int slow_mark(const struct x64_code *h, uint32_t at)
{
	for (uint32_t i = 0; i < h->n_sites; i++)
		if (h->site[i].offset > at)
			return (int)h->site[i].mark;
	return -1;
}

/* Of the guest instruction, or the IR block, that starts last at or before `at`. */
static int main_mark(const struct x64_code *h, const int *of, uint32_t at)
{
	int mark = -1;
	uint32_t from = 0;
	for (uint32_t l = 0; of && l < h->n_blocks; l++)
		if (h->block[l] && h->block[l] <= at && h->block[l] >= from) {
			from = h->block[l];
			mark = of[l];
		}
	for (uint32_t k = 0; k < h->n_marks; k++)
		if (h->mark[k] && h->mark[k] <= at && h->mark[k] >= from) {
			from = h->mark[k];
			mark = (int)k;
		}
	return mark;
}

/* Of "0x0000:  <bytes, 24 columns> text\n[second line]": the text. */
static void print_host_insn(FILE *out, char *text)
{
	size_t skip = strcspn(text, ":") + 3 + 25;
	text[strcspn(text, "\n")] = 0;
	json_string(out, strlen(text) > skip ? text + skip : text);
}

static void print_host(const struct explorer *e, const struct capture *k)
{
	FILE *out = e->out;
	struct disas_x64_block b = {k->host_code, k->host.size, k->host.code, true};
	int *of = k->after ? block_marks(k->after) : NULL;
	char text[2 * DISAS_LINE];
	for (uint32_t at = 0; at < k->host.size;) {
		bool slow = k->host.slow_start && at >= k->host.slow_start;
		uint32_t n = disas_x64(e->disas, &b, at, text);
		fprintf(out, "%s[%d,%" PRIu32 ",", at ? "," : "", slow ? slow_mark(&k->host, at) : main_mark(&k->host, of, at), at);
		print_host_insn(out, text);
		fprintf(out, ",%d]", slow);
		at += n;
	}
	free(of);
}

/* ---- all of it ---- */

static int64_t function_of(const struct explorer *e, uint32_t pc, uint32_t *offset)
{
	uint32_t function = explorer_function_at(e, pc), n = 0;
	while (n < e->n_functions && e->function[n].address != function)
		n++;
	*offset = pc - function;
	return n < e->n_functions ? (int64_t)n : -1;
}

static void print_parts(struct explorer *e, uint32_t counter)
{
	const struct block_record *r = &e->in->blocks->record[counter];
	for (unsigned i = 0; i < r->n_parts; i++) {
		uint32_t offset, pc = r[i].pc_key & ~1u;
		int64_t fn = function_of(e, pc, &offset);
		fprintf(e->out, "%s[%" PRIu32 ",%u,%" PRIu64 ",%" PRId64 ",%" PRIu32 "]", i ? "," : "", pc, r[i].n_insns,
			e->in->runs[counter + i], fn, offset);
	}
}

static unsigned count_insns(const struct block_record *r)
{
	unsigned n = r->n_insns;
	for (unsigned i = 1; i < r->n_parts; i++)
		n += r[i].n_insns;
	return n;
}

static void print_head(struct explorer *e, uint32_t counter)
{
	const struct block_record *r = &e->in->blocks->record[counter];
	const uint64_t *runs = e->in->runs;
	uint32_t pc = r->pc_key & ~1u, offset;
	int64_t fn = function_of(e, pc, &offset);
	fprintf(e->out, "{\"pc\":%" PRIu32 ",\"thumb\":%d,\"flags\":%" PRIu32 ",\"runs\":%" PRIu64 ",\"insns\":%" PRIu64
		",\"n\":%u,\"made\":%" PRIu32, pc, r->pc_key & 1, r->flags, runs[counter], blocks_insns(e->in->blocks, runs, counter),
		count_insns(r), r->compiled);
	fprintf(e->out, ",\"hostInsns\":%" PRIu32 ",\"hostBytes\":%" PRIu32 ",\"fn\":%" PRId64 ",\"off\":%" PRIu32 ",\n\"parts\":[",
		r->host_insns, r->host_bytes, fn, offset);
	print_parts(e, counter);
	fputs("],\n\"guest\":", e->out);
}

void explorer_print_block(struct explorer *e, uint32_t counter)
{
	const struct capture *k = captures_get(e->in->captures, counter);
	print_head(e, counter);
	print_guest(e, counter, k);
	print_unit(e->out, "before", k ? k->before : NULL);
	print_unit(e->out, "after", k ? k->after : NULL);
	fputs(",\n\"host\":", e->out);
	if (k && k->host_code) {
		fputc('[', e->out);
		print_host(e, k);
		fputc(']', e->out);
	} else {
		fputs("null", e->out);
	}
	fputc('}', e->out);
}
