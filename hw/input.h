/* SPDX-License-Identifier: Apache-2.0 */
/* Names of keys, for those who press them (struct hw_input in runtime/device.h). */
#ifndef RHEA_INPUT_H
#define RHEA_INPUT_H

#include "base/base.h"

#define HW_KEYS_MAX 16u /* pressed together */

/* The key called `name` (n bytes), or numbered "0x1e" (set 1 code, 0x80 added behind the prefix); -1 when there is none. */
int hw_key_find(const char *name, size_t n);

/* Numbers of keys are below this. */
unsigned hw_key_count(void);

#endif
