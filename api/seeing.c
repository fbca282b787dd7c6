/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage and its kin: who watches a run, and what is written about it at the end. */
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"

/* Between two rhea_run, once. */
static enum rhea_status check_once(const void *present, const char *what, struct rhea_error *err)
{
	return present ? error_set(err, RHEA_ERR_USAGE, "%s is being written already", what) : RHEA_OK;
}

/* Blocks are counted, and images that are loaded from now on keep their DWARF. */
static enum rhea_status want_counts(struct rhea *m, struct rhea_error *err)
{
	if (!m->blocks)
		m->blocks = blocks_new();
	if (!m->see.debuginfo)
		m->see.debuginfo = debuginfo_new();
	return m->blocks && m->see.debuginfo ? RHEA_OK : error_set(err, RHEA_ERR_HOST, "out of host memory");
}

enum rhea_status rhea_coverage(struct rhea *m, const struct rhea_coverage *c, struct rhea_error *err)
{
	enum rhea_status st = check_once(m->see.coverage, "coverage", err);
	if (!st)
		st = want_counts(m, err);
	if (!st && m->blocks->n == 1 && c->format == RHEA_COVERAGE_LCOV) /* else runs were counted that branches were not */
		m->blocks->branches = true;
	return st ? st : coverage_open(&m->see.coverage, c, err);
}

static enum rhea_status want_samples(struct rhea *m, struct rhea_error *err)
{
	enum rhea_status st = want_counts(m, err);
	if (!st && !m->see.samples) {
		m->see.samples = samples_new(m->see.debuginfo, m->symbols);
		m->see.sample_period = SAMPLES_PERIOD;
	}
	return st || m->see.samples ? st : error_set(err, RHEA_ERR_HOST, "out of host memory");
}

enum rhea_status rhea_profile(struct rhea *m, const struct rhea_profile *p, struct rhea_error *err)
{
	enum rhea_status st = check_once(m->see.profile.file, "a profile", err);
	if (!st && p->period && p->period < SAMPLES_MIN_PERIOD)
		st = error_set(err, RHEA_ERR_USAGE, "a profile's period is at least %u instructions", SAMPLES_MIN_PERIOD);
	if (!st)
		st = want_samples(m, err);
	if (!st)
		m->see.sample_period = p->period ? p->period : SAMPLES_PERIOD;
	return st ? st : report_file_open(&m->see.profile, "a profile", p->path, false, err);
}

enum rhea_status rhea_explore(struct rhea *m, const struct rhea_explore *e, struct rhea_error *err)
{
	enum rhea_status st = check_once(m->see.explorer.file, "an explorer page", err);
	if (!st && e->top > EXPLORER_MAX_TOP)
		st = error_set(err, RHEA_ERR_USAGE, "an explorer page shows at most %u blocks", EXPLORER_MAX_TOP);
	if (!st)
		st = want_samples(m, err);
	if (!st && !(m->see.captures = captures_new(m->blocks, m->vcpu->base->tb_count)))
		st = error_set(err, RHEA_ERR_HOST, "out of host memory");
	if (!st && !m->see.profile.file)
		m->see.sample_period = EXPLORER_PERIOD;
	m->see.explorer_top = e->top ? e->top : EXPLORER_TOP;
	return st ? st : report_file_open(&m->see.explorer, "an explorer page", e->path, false, err);
}

enum rhea_status rhea_jitdump(struct rhea *m, const char *path, struct rhea_error *err)
{
	enum rhea_status st = check_once(m->jitdump, "a jitdump", err);
	if (!st && !m->see.debuginfo && !(m->see.debuginfo = debuginfo_new()))
		st = error_set(err, RHEA_ERR_HOST, "out of host memory");
	return st ? st : jitdump_open(&m->jitdump, path, &m->vcpu->code, &m->log, m->symbols, m->see.debuginfo, err);
}

enum rhea_status rhea_trace(struct rhea *m, const struct rhea_trace *t, struct rhea_error *err)
{
	enum rhea_status st = check_once(m->see.trace, "a trace", err);
	if (!st && t->last > TRACE_MAX_LAST)
		st = error_set(err, RHEA_ERR_USAGE, "a trace keeps at most %llu events", (unsigned long long)TRACE_MAX_LAST);
	if (!st && t->what & (RHEA_TRACE_MEM | RHEA_TRACE_DEVICES) && m->cfg.accel == RHEA_ACCEL_LOCKSTEP)
		st = error_set(err, RHEA_ERR_USAGE, "a trace with lockstep is of blocks only: every access is done twice");
	if (!st)
		st = trace_open(&m->see.trace, t, m->board->name, m->vcpu, m->symbols, err);
	if (!st && t->what & RHEA_TRACE_MEM)
		vcpu_observe_memory(m->vcpu);
	return st;
}

enum rhea_status rhea_load_symbols(struct rhea *m, const char *path, struct rhea_error *err)
{
	struct image_file file;
	enum rhea_status st = image_read(path, MACHINE_MAX_FILE_SIZE, &file, err);
	if (st)
		return st;
	if (image_is_elf(&file))
		machine_add_symbols(m, &file);
	else
		st = error_set(err, RHEA_ERR_IMAGE, "%s: not an ELF file: it has no symbols", path);
	image_file_free(&file);
	return st;
}

static void add_symbol(void *opaque, const char *name, uint32_t addr, uint32_t size, bool function)
{
	(void)function;
	symbols_add(opaque, name, addr, size);
}

void machine_add_symbols(struct rhea *m, const struct image_file *file)
{
	image_elf_symbols(file, add_symbol, m->symbols);
	if (m->see.debuginfo)
		debuginfo_add(m->see.debuginfo, file->data, file->size);
}

bool machine_wants_counts(const struct rhea *m)
{
	return m->see.coverage || m->see.captures;
}

/* ---- at the end ---- */

/* The images by their files, and one more for everything else. */
static unsigned list_modules(const struct rhea *m, struct coverage_module *list, unsigned max)
{
	unsigned n = 0;
	for (const struct image_blob *b = m->blobs; b; b = b->next) {
		uint32_t base = (uint32_t)b->addr.v, end = (uint32_t)MIN(b->addr.v + b->mem_size, UINT32_MAX);
		unsigned i = 0;
		while (i < n && strcmp(list[i].path, b->name) != 0)
			i++;
		if (i == n && n + 1 < max)
			list[n++] = (struct coverage_module){b->name, base, end};
		else if (i < n)
			list[i] = (struct coverage_module){b->name, MIN(list[i].base, base), MAX(list[i].end, end)};
	}
	list[n++] = (struct coverage_module){"guest memory", 0, UINT32_MAX};
	return n;
}

static enum rhea_status write_coverage(struct rhea *m, struct rhea_error *err)
{
	struct coverage_module modules[64];
	struct coverage_input in = {
		.blocks = m->blocks,
		.runs = m->vcpu->base->tb_count,
		.tables = debuginfo_tables(m->see.debuginfo),
		.modules = modules,
		.n_modules = list_modules(m, modules, ARRAY_LEN(modules)),
	};
	if (m->blocks->not_counted)
		log_printf(&m->log, "rhea: coverage is incomplete: %llu translations found no counter\n", (unsigned long long)m->blocks->not_counted);
	if (in.tables->no_library)
		log_printf(&m->log, "rhea: libdw.so.1 is not on this host (Debian's package libdw1): source lines are not known\n");
	enum rhea_status st = coverage_write(m->see.coverage, &in, err);
	if (!st && m->blocks->branches && !in.tables->n_lines && !in.tables->no_library)
		st = error_set(err, RHEA_ERR_IMAGE, "coverage by lines needs an image with DWARF (compiled with -g; or name the ELF file with "
			       "-symbols): there is none, and nothing was added to the file; format=drcov goes without");
	return st;
}

static enum rhea_status write_profile(struct rhea *m, struct rhea_error *err)
{
	enum rhea_status st = report_file_begin(&m->see.profile, err);
	if (st)
		return st;
	if (!samples_write_folded(m->see.samples, m->see.profile.file))
		return error_set(err, RHEA_ERR_HOST, "a profile: out of host memory");
	return report_file_end(&m->see.profile, err);
}

/* The image that the start is of: the file that was loaded first. */
static const char *title(const struct rhea *m)
{
	const struct image_blob *b = m->blobs;
	while (b && b->next)
		b = b->next;
	return b ? b->name : "";
}

static enum rhea_status write_explorer(struct rhea *m, struct rhea_error *err)
{
	struct explorer_input in = {
		.title = title(m),
		.machine = m->board->name,
		.version = rhea_version(),
		.top = m->see.explorer_top,
		.insns = vcpu_insns(m->vcpu),
		.time_ns = vclock_now(&m->vcpu->clock),
		.blocks = m->blocks,
		.runs = m->vcpu->base->tb_count,
		.captures = m->see.captures,
		.samples = m->see.samples,
		.syms = m->symbols,
		.tables = debuginfo_tables(m->see.debuginfo),
	};
	in.ranges = as_ranges(m->as, &in.n_ranges);
	enum rhea_status st = report_file_begin(&m->see.explorer, err);
	if (st)
		return st;
	if (!explorer_write(&in, m->see.explorer.file))
		return error_set(err, RHEA_ERR_HOST, "an explorer page: out of host memory");
	return report_file_end(&m->see.explorer, err);
}

static enum rhea_status write_trace(struct rhea *m, struct rhea_error *err)
{
	return trace_flush(m->see.trace, err);
}

/* All that can be written is; the first error is told. */
enum rhea_status rhea_write_reports(struct rhea *m, struct rhea_error *err)
{
	const struct {
		bool wanted;
		enum rhea_status (*write)(struct rhea *m, struct rhea_error *err);
	} report[] = {
		{m->see.coverage, write_coverage},
		{m->see.profile.file, write_profile},
		{m->see.explorer.file, write_explorer},
		{m->see.trace, write_trace},
	};
	enum rhea_status first = RHEA_OK;
	m->see.written = true;
	for (unsigned i = 0; i < ARRAY_LEN(report); i++) {
		struct rhea_error other;
		enum rhea_status st = report[i].wanted ? report[i].write(m, first ? &other : err) : RHEA_OK;
		first = first ? first : st;
	}
	return first;
}

void machine_free_seeing(struct rhea *m)
{
	struct rhea_error err;
	if (m->vcpu && !m->see.written && rhea_write_reports(m, &err))
		log_printf(&m->log, "rhea: %s\n", err.msg);
	coverage_close(m->see.coverage);
	report_file_close(&m->see.profile);
	report_file_close(&m->see.explorer);
	captures_free(m->see.captures);
	trace_close(m->see.trace);
	jitdump_close(m->jitdump);
	m->jitdump = NULL;
	samples_free(m->see.samples);
	debuginfo_free(m->see.debuginfo);
	m->see = (struct seeing){0};
}
