/* SPDX-License-Identifier: Apache-2.0 */
/* One block as JSON. Lines of IR and host code carry the number of the guest instruction that they came from; -1 is none. */
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

/* ---- IR ---- */

static void print_ir_line(FILE *out, int mark, char *line, bool *first)
{
	fprintf(out, "%s[%d,", *first ? "" : ",", mark);
	*first = false;
	json_string(out, line + strspn(line, " "));
	fputc(']', out);
}

/* Cuts the text form into lines; its markers say whose they are. */
static void print_ir(FILE *out, const struct ir_unit *u)
{
	char *text = NULL, *save = NULL;
	size_t size;
	struct log to = {.mask = ~0u, .out = open_memstream(&text, &size)};
	int mark = -1;
	bool first = true;
	fputc('[', out);
	if (to.out) {
		ir_print(u, &to);
		fclose(to.out);
	}
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, " ---- ", 6) == 0)
			mark++;
		else
			print_ir_line(out, *l == 'L' ? -1 : mark, l, &first);
	}
	free(text);
	fputc(']', out);
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

static int main_mark(const struct x64_code *h, uint32_t at)
{
	int mark = -1;
	while ((uint32_t)(mark + 1) < h->n_marks && h->mark[mark + 1] <= at)
		mark++;
	return mark;
}

/* Of "0x0000:  <bytes, 24 columns> text\n[second line]": the text. */
static void print_host_insn(FILE *out, char *text)
{
	size_t skip = strcspn(text, ":") + 3 + 25;
	text[strcspn(text, "\n")] = 0;
	json_string(out, strlen(text) > skip ? text + skip : text);
}

static void print_host(FILE *out, const struct capture *k)
{
	struct disas_x64_block b = {k->host_code, k->host.size, k->host.code, true};
	char text[2 * DISAS_LINE];
	fputc('[', out);
	for (uint32_t at = 0; k->host_code && at < k->host.size;) {
		bool slow = k->host.slow_start && at >= k->host.slow_start;
		uint32_t n = disas_x64(&b, at, text);
		fprintf(out, "%s[%d,%" PRIu32 ",", at ? "," : "", slow ? slow_mark(&k->host, at) : main_mark(&k->host, at), at);
		print_host_insn(out, text);
		fprintf(out, ",%d]", slow);
		at += n;
	}
	fputc(']', out);
}

/* ---- all of it ---- */

void explorer_print_block(struct explorer *e, uint32_t counter)
{
	const struct block_record *r = &e->in->blocks->record[counter];
	const struct capture *k = captures_get(e->in->captures, counter);
	struct guest_printer p = {e, r, k ? k->guest : NULL, 0};
	uint32_t pc = r->pc_key & ~1u, function = explorer_function_at(e, pc), n = 0;
	while (n < e->n_functions && e->function[n].address != function)
		n++;
	fprintf(e->out, "{\"pc\":%" PRIu32 ",\"thumb\":%d,\"flags\":%" PRIu32 ",\"runs\":%" PRIu64 ",\"n\":%u,\"bytes\":%u,\"made\":%" PRIu32
		",\"hostInsns\":%" PRIu32 ",\"hostBytes\":%" PRIu32 ",\"fn\":%" PRId64 ",\"off\":%" PRIu32 ",\n\"guest\":[",
		pc, r->pc_key & 1, r->flags, e->in->runs[counter], r->n_insns, r->bytes, r->compiled, r->host_insns, r->host_bytes,
		n < e->n_functions ? (int64_t)n : -1, pc - function);
	block_each_insn(r, e->in->runs[counter], print_guest_insn, &p);
	fputs("],\n\"before\":", e->out);
	if (k && k->before)
		print_ir(e->out, k->before);
	else
		fputs("null", e->out);
	fputs(",\n\"after\":", e->out);
	if (k && k->after)
		print_ir(e->out, k->after);
	else
		fputs("null", e->out);
	fputs(",\n\"host\":", e->out);
	if (k && k->host_code)
		print_host(e->out, k);
	else
		fputs("null", e->out);
	fputc('}', e->out);
}
