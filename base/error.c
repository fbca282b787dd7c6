/* SPDX-License-Identifier: Apache-2.0 */
/* Host-side errors: a status and one line for the user. */
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

enum rhea_status error_set(struct rhea_error *err, enum rhea_status status, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
		va_end(ap);
		err->status = status;
	}
	return status;
}
