/* SPDX-License-Identifier: Apache-2.0 */
/* The Versatile boards: the PB and, to software, the same thing under another number, the AB. */
#ifndef RHEA_VERSATILE_H
#define RHEA_VERSATILE_H

#include "runtime/device.h"

/* Board build function (hw/board.h): maps hw->ram_size bytes (not 0) of RAM, flash and devices. */
bool versatilepb_build(struct hw_context *hw, struct rhea_error *err);

#endif
