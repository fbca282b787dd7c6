/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of blocks, kept for the explorer: guest bytes, the unit before and after the optimiser, host code. As it was last
 * translated. Bounded: when too much is kept, the half that ran least is let go.
 */
#ifndef RHEA_CAPTURES_H
#define RHEA_CAPTURES_H

#include "debug/blocks.h"

#define CAPTURES_BYTES ((size_t)256 << 20)

struct capture {
	size_t bytes; /* of all that follows and hangs on it */
	struct ir_unit *before, *after;
	uint8_t *guest, *host_code; /* host_code NULL: interpreted; guest: of a region, part after part */
	struct x64_code host;
};

struct captures;

/* `runs`: of each counter. NULL when the host is out of memory. */
struct captures *captures_new(const struct blocks *b, const uint64_t *runs);
void captures_free(struct captures *c);

/* The observer's `translated`, `optimised` and `compiled`. */
void captures_translated(struct captures *c, const struct tb_view *tb);
void captures_optimised(struct captures *c, const struct tb_view *tb);
void captures_compiled(struct captures *c, const struct tb_view *tb);

/* NULL: not kept. */
const struct capture *captures_get(const struct captures *c, uint32_t counter);

#endif
