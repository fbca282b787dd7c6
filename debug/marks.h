/* SPDX-License-Identifier: Apache-2.0 */
/* The guest instructions of a block or region in the order of its host code, which a region's need not be in. */
#ifndef RHEA_MARKS_H
#define RHEA_MARKS_H

#include "runtime/observer.h"

struct mark_cursor {
	const struct tb_view *tb; /* the caller fills in this, the rest starts as 0 */
	bool began;
	uint32_t mark;   /* number of the guest instruction */
	uint32_t offset; /* of its code */
	uint32_t pc;     /* its address */
};

/* Moves to the first one, or to the next. False: there is no more. */
bool marks_next(struct mark_cursor *c);

#endif
