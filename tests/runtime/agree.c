/* SPDX-License-Identifier: Apache-2.0 */
/* See agree.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"

struct outcome {
	uint32_t reg[17], n_log;
	uint64_t hash;
};

uint32_t agree_below(uint32_t *rng, uint32_t n)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 17;
	*rng ^= *rng << 5;
	return (*rng >> 7) % n;
}

static void mix(struct outcome *o, uint32_t word)
{
	o->hash = (o->hash ^ word) * UINT64_C(0x100000001b3);
}

static struct outcome look(const struct guest *g, struct outcome o)
{
	for (unsigned i = 0; i < 17; i++)
		mix(&o, o.reg[i] = guest_reg(g, i));
	return o;
}

/* Stops every `piece` instructions to look at the registers. */
static struct outcome run(const struct agree *a, const struct guest_way *way, uint32_t seed, uint64_t piece, uint64_t steps)
{
	struct guest g;
	struct rhea_config cfg = way->cfg;
	struct rhea_event ev = {.insns = 1};
	struct outcome o;
	memset(&o, 0, sizeof o);
	cfg.icount = cfg.icount_no_sleep = true;
	if (cfg.trouble_seed) /* another trouble for each program */
		cfg.trouble_seed += 16 * seed;
	guest_init(&g, &cfg);
	if (a->regions) /* later, when more blocks are known to it */
		g.m->vcpu->cfg.tier2_samples = 1u << seed % 5;
	a->put(&g, seed, a->kind);
	for (uint64_t done = 0; done < steps; done += ev.insns) {
		rhea_run(g.m, MIN(piece, steps - done), &ev);
		o = look(&g, o);
		if (ev.kind == RHEA_EVENT_MISMATCH) { /* lockstep has said more */
			o.hash = 0;
			steps = 0;
		}
	}
	o.n_log = g.n_log;
	for (uint32_t i = 0; i < g.n_log; i++)
		mix(&o, g.log[i]);
	if (a->done)
		a->done(&g, way);
	guest_free(&g);
	return o;
}

static void report(const struct guest_way *way, uint64_t piece, const struct outcome *want, const struct outcome *got)
{
	print_message("%s and %s, pieces of %llu, differ; log %u %u", guest_ways[0].name, way->name, (unsigned long long)piece, want->n_log, got->n_log);
	for (unsigned i = 0; i < 17; i++)
		if (got->reg[i] != want->reg[i])
			print_message(", r%u 0x%08x 0x%08x", i, want->reg[i], got->reg[i]);
	print_message(", pc 0x%08x\n", want->reg[15]);
}

static bool agree_in_pieces(const struct agree *a, uint32_t seed, uint64_t piece, uint64_t steps, bool reports)
{
	struct outcome want = run(a, &guest_ways[0], seed, piece, steps);
	for (unsigned k = 1; k < guest_n_ways; k++) {
		const struct guest_way *way = &guest_ways[k];
		if (a->regions && !way->cfg.regions_at_once && way->cfg.accel != RHEA_ACCEL_INTERP)
			continue;
		struct outcome got = run(a, way, seed, piece, steps);
		if (memcmp(&got, &want, sizeof got) == 0)
			continue;
		if (reports)
			report(way, piece, &want, &got);
		return false;
	}
	return true;
}

static bool agree(const struct agree *a, uint32_t seed, uint64_t steps, bool reports)
{
	for (unsigned p = 0; p < ARRAY_LEN(a->piece); p++)
		if ((!a->regions || seed % ARRAY_LEN(a->piece) == p) && !agree_in_pieces(a, seed, a->piece[p], steps, reports))
			return false;
	return true;
}

static void find_difference(const struct agree *a, uint32_t seed)
{
	uint64_t good = 0, bad = a->steps;
	while (bad - good > 1) {
		uint64_t mid = (good + bad) / 2;
		if (agree(a, seed, mid, false))
			good = mid;
		else
			bad = mid;
	}
	agree(a, seed, bad, true);
	fail_msg("RHEA_SEED=%u differs after %llu instructions", seed, (unsigned long long)bad);
}

void agree_check(const struct agree *a)
{
	const char *seed = getenv("RHEA_SEED"), *count = getenv("RHEA_COUNT");
	uint32_t from = seed ? (uint32_t)strtoul(seed, NULL, 0) : 1;
	uint32_t n = count ? (uint32_t)strtoul(count, NULL, 0) : seed ? 1 : a->count;
	for (uint32_t s = from; s < from + n; s++)
		if (!agree(a, s, a->steps, false))
			find_difference(a, s);
}
