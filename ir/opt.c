/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optimiser's driver: which passes run, in which order. In debug builds (meson.build defines
 * RHEA_VERIFY_PASSES) the verifier looks at the unit after each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/opt.h"

#ifdef RHEA_VERIFY_PASSES
static const bool verify_passes = true;
#else
static const bool verify_passes = false;
#endif

/* A pass that damages a unit is our bug: an assert with a better message. */
static void check(const struct ir_unit *u, const char *pass)
{
	char msg[160];
	if (!verify_passes || ir_verify(u, msg, sizeof msg))
		return;
	fprintf(stderr, "rhea: IR damaged by %s: %s\n", pass, msg);
	abort();
}

static void count_preds(struct opt *o)
{
	const struct ir_unit *u = o->u;
	memset(o->n_preds, 0, u->n_blocks * sizeof *o->n_preds);
	for (ir_label l = 0; l < u->n_blocks; l++) {
		ir_label to[2];
		unsigned n = opt_successors(opt_end(o, l), to);
		for (unsigned k = 0; k < n; k++)
			o->n_preds[to[k]]++;
	}
}

void ir_optimise(struct ir_unit *u)
{
	struct opt o = {
		.u = u,
		.insns = u->insns,
		.width = arena_alloc(u->arena, u->n_insns),
		.used = arena_alloc(u->arena, u->n_insns),
		.n_preds = arena_alloc(u->arena, u->n_blocks * sizeof *o.n_preds),
		.live_in = arena_alloc(u->arena, u->n_blocks * sizeof *o.live_in),
	};
	u->left = o.sets = ir_sort(u);
	count_preds(&o);
	opt_forward(&o);
	check(u, "opt_forward");
	if (o.branch_folded) {
		opt_unreachable(&o);
		check(u, "opt_unreachable");
	}
	opt_align(&o);
	check(u, "opt_align");
	opt_backward(&o);
	check(u, "opt_backward");
	opt_order(&o);
	check(u, "opt_order");
}
