/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -d tb_stats: which blocks run how often. A block that is translated gets a counter, which its code adds one to each
 * time it starts; so counts are exact and cost one instruction a block. Blocks are told apart by their
 * place in host memory (aliases are one block), pc, flags and size: what is translated again counts on.
 */
#ifndef RHEA_TB_STATS_H
#define RHEA_TB_STATS_H

#include "base/log.h"
#include "debug/symbols.h"
#include "runtime/observer.h"
#include "runtime/vcpu.h"

struct tb_stats;

/* `log` (for its filter) and `syms` (may be NULL) outlive it. NULL when the host is out of memory. */
struct tb_stats *tb_stats_new(const struct log *log, const struct symbols *syms);
void tb_stats_free(struct tb_stats *s);

/* The observer's `counter` and `compiled`. */
uint32_t tb_stats_counter(struct tb_stats *s, const struct tb_view *tb);
void tb_stats_compiled(struct tb_stats *s, const struct tb_view *tb);

typedef void report_line(void *ctx, const char *line);

/* What the translator has done so far (`insns` = vcpu_insns), as `info jit` shows it. */
void tb_stats_totals(const struct vcpu *v, uint64_t insns, report_line *line, void *ctx);
/* The `top` blocks that executed most guest instructions. */
void tb_stats_hottest(const struct tb_stats *s, const struct vcpu *v, uint64_t insns, unsigned top, report_line *line,
		      void *ctx);

#endif
