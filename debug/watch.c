/* SPDX-License-Identifier: Apache-2.0 */
/* Hands each event on to those who want it. */
#include "debug/watch.h"

static struct observer dump_of(const struct watch *w)
{
	struct observer o = {0};
	if (w->dump)
		dump_observer(w->dump, &o);
	return o;
}

static void on_translated(void *opaque, const struct tb_view *tb)
{
	const struct watch *w = opaque;
	const struct observer o = dump_of(w);
	if (o.translated)
		o.translated(o.opaque, tb);
	if (w->captures)
		captures_translated(w->captures, tb);
}

static void on_optimised(void *opaque, const struct tb_view *tb)
{
	const struct watch *w = opaque;
	const struct observer o = dump_of(w);
	if (o.optimised)
		o.optimised(o.opaque, tb);
	if (w->captures)
		captures_optimised(w->captures, tb);
}

static void on_exec(void *opaque, const struct tb_view *tb, const struct arm_cpu *cpu)
{
	const struct watch *w = opaque;
	const struct observer o = dump_of(w);
	if (o.exec)
		o.exec(o.opaque, tb, cpu);
	if (trace_wants(w->trace, RHEA_TRACE_BLOCKS))
		trace_block(w->trace, tb);
}

static void on_access(void *opaque, const struct access_view *a)
{
	const struct watch *w = opaque;
	trace_access(w->trace, a);
}

static void on_compiled(void *opaque, const struct tb_view *tb)
{
	const struct watch *w = opaque;
	const struct observer o = dump_of(w);
	if (o.compiled)
		o.compiled(o.opaque, tb);
	if (w->blocks)
		blocks_compiled(w->blocks, tb);
	if (w->captures)
		captures_compiled(w->captures, tb);
	if (w->perfmap)
		perfmap_compiled(w->perfmap, tb);
	if (w->jitdump)
		jitdump_compiled(w->jitdump, tb);
}

static uint32_t on_counter(void *opaque, const struct tb_view *tb)
{
	const struct watch *w = opaque;
	return blocks_counter(w->blocks, tb);
}

static uint32_t on_region(void *opaque, const struct tb_view *part, unsigned n)
{
	const struct watch *w = opaque;
	return blocks_region(w->blocks, part, n);
}

static void on_left(void *opaque, uint32_t counter, uint32_t executed)
{
	const struct watch *w = opaque;
	blocks_left(w->blocks, counter, executed);
}

static void on_sample(void *opaque)
{
	const struct watch *w = opaque;
	samples_take(w->samples, w->vcpu);
}

static void on_flushed(void *opaque)
{
	const struct watch *w = opaque;
	perfmap_flushed(w->perfmap);
}

void watch_observer(struct watch *w, bool exec, struct observer *out)
{
	*out = (struct observer){.opaque = w};
	if (w->dump || w->captures) {
		out->translated = on_translated;
		out->optimised = on_optimised;
	}
	if ((w->dump && exec) || trace_wants(w->trace, RHEA_TRACE_BLOCKS))
		out->exec = on_exec;
	if (trace_wants(w->trace, RHEA_TRACE_MEM | RHEA_TRACE_DEVICES))
		out->access = on_access;
	if (w->dump || w->blocks || w->perfmap || w->jitdump)
		out->compiled = on_compiled;
	if (w->blocks) {
		out->counter = on_counter;
		out->left = on_left;
		out->branches = w->blocks->branches;
		out->region = w->captures ? on_region : NULL;
	}
	if (w->samples) {
		out->sample = on_sample;
		out->sample_period = w->sample_period;
	}
	if (w->perfmap)
		out->flushed = on_flushed;
}
