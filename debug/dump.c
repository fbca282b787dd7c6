/* SPDX-License-Identifier: Apache-2.0 */
/* The observer behind -d: one function for each section of a block's dump. */
#include <stdlib.h>

#include "debug/disas.h"
#include "debug/dump.h"
#include "debug/marks.h"

struct dump {
	struct log *log;
	const struct symbols *syms;
	struct disas *disas;
	bool relative;
};

struct dump *dump_new(struct log *log, const struct symbols *syms)
{
	struct dump *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	*d = (struct dump){ .log = log, .syms = syms, .disas = disas_new() };
	if (!d->disas) {
		free(d);
		return NULL;
	}
	return d;
}

void dump_free(struct dump *d)
{
	if (!d)
		return;
	disas_free(d->disas);
	free(d);
}

void dump_set_relative(struct dump *d, bool relative)
{
	d->relative = relative;
}

static bool wanted(const struct dump *d, uint32_t items, const struct tb_view *tb)
{
	return log_on(d->log, items) && log_in_range(d->log, tb->pc_key & ~1u);
}

static const char *symbol_of(const struct dump *d, uint32_t pc)
{
	const char *name = d->syms ? symbols_find(d->syms, pc, NULL) : NULL;
	return name ? name : "";
}

/* ---- translation ---- */

static void dump_guest_code(struct dump *d, const struct tb_view *tb)
{
	uint32_t pc = tb->pc_key & ~1u;
	char line[DISAS_LINE];
	log_printf(d->log, "----------------\nIN: %s\n", symbol_of(d, pc));
	for (uint32_t at = 0; at < tb->guest_bytes;) {
		at += disas_arm(d->disas, tb->pc_key & 1, pc + at, tb->guest_code + at, tb->guest_bytes - at, line);
		log_printf(d->log, "%s\n", line);
	}
	log_printf(d->log, "\n");
}

static void on_translated(void *opaque, const struct tb_view *tb)
{
	struct dump *d = opaque;
	if (wanted(d, LOG_in_asm, tb))
		dump_guest_code(d, tb);
	if (wanted(d, LOG_op, tb)) {
		log_printf(d->log, "OP:\n");
		ir_print(tb->unit, d->log);
		log_printf(d->log, "\n");
	}
	log_flush(d->log);
}

static void on_optimised(void *opaque, const struct tb_view *tb)
{
	struct dump *d = opaque;
	if (!wanted(d, LOG_op_opt, tb))
		return;
	log_printf(d->log, "OP after optimization:\n");
	ir_print(tb->unit, d->log);
	log_printf(d->log, "\n");
	log_flush(d->log);
}

static void dump_host_code(struct dump *d, const struct tb_view *tb)
{
	const struct x64_code *host = tb->host;
	struct disas_x64_block b = { tb->host_code, host->size, host->code, d->relative };
	struct mark_cursor c = { .tb = tb };
	char text[2 * DISAS_LINE];
	bool slow = false, more = marks_next(&c);
	log_printf(d->log, "OUT: [size=%u]\n  -- guest addr 0x%08x + tb prologue\n", host->size, c.pc);
	more = more && marks_next(&c);
	for (uint32_t at = 0; at < host->size;) {
		for (; more && at >= c.offset; more = marks_next(&c))
			log_printf(d->log, "  -- guest addr 0x%08x\n", c.pc);
		if (!slow && host->slow_start && at >= host->slow_start) {
			log_printf(d->log, "  -- tb slow paths + alignment\n");
			slow = true;
		}
		at += disas_x64(d->disas, &b, at, text);
		log_printf(d->log, "%s", text);
	}
	log_printf(d->log, "\n");
}

static void on_compiled(void *opaque, const struct tb_view *tb)
{
	struct dump *d = opaque;
	if (!wanted(d, LOG_out_asm, tb))
		return;
	dump_host_code(d, tb);
	log_flush(d->log);
}

/* ---- execution ---- */

static void print_line(void *ctx, const char *line)
{
	log_printf(ctx, "%s\n", line);
}

static void on_exec(void *opaque, const struct tb_view *tb, const struct arm_cpu *cpu)
{
	struct dump *d = opaque;
	uint32_t pc = tb->pc_key & ~1u;
	if (wanted(d, LOG_exec, tb))
		log_printf(d->log, "Trace 0: 0x%llx [%08x/%08x/%08x/%08x] %s\n",
			   (unsigned long long)(tb->host && !d->relative ? tb->host->code : 0), 0u, pc, tb->tb_flags, 0u,
			   symbol_of(d, pc));
	if (wanted(d, LOG_cpu, tb))
		arm_print_regs(cpu, print_line, d->log);
	log_flush(d->log);
}

void dump_observer(struct dump *d, struct observer *out)
{
	*out = (struct observer){
		.opaque = d,
		.translated = on_translated,
		.optimised = on_optimised,
		.compiled = on_compiled,
		.exec = on_exec,
	};
}
