/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that may stand inside of a <script> element of an HTML page: no text of a guest's can end the element. */
#ifndef RHEA_JSON_H
#define RHEA_JSON_H

#include <stdio.h>

#include "base/base.h"

/* A string with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *text);

#endif
