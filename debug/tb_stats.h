/* SPDX-License-Identifier: Apache-2.0 */
/* -d tb_stats and `info jit`: the hottest blocks, and what the translator did. */
#ifndef RHEA_TB_STATS_H
#define RHEA_TB_STATS_H

#include "base/log.h"
#include "debug/blocks.h"
#include "debug/symbols.h"
#include "runtime/vcpu.h"

typedef void report_line(void *ctx, const char *line);

/* What the translator has done so far (`insns` = vcpu_insns), as `info jit` shows it. */
void tb_stats_totals(const struct vcpu *v, uint64_t insns, report_line *line, void *ctx);
/* The `top` blocks that executed most guest instructions, of those that pass the log's filter. `syms` may be NULL. */
void tb_stats_hottest(const struct blocks *b, const struct log *log, const struct symbols *syms, const struct vcpu *v,
		      uint64_t insns, unsigned top, report_line *line, void *ctx);

#endif
