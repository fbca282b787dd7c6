/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the input log (input_log.h): the log itself, events done again, semihosting. */
#ifndef RHEA_INPUT_EVENTS_H
#define RHEA_INPUT_EVENTS_H

#include "api/input_log.h"

/* Does a recorded event again. False: it does not fit this machine. */
bool input_event_do(struct input_log *l, const struct input_event *e);
const char *input_event_name(unsigned kind);

/* The run differs from the recording, from here on; says how, the first time. */
void input_log_diverge(struct input_log *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The log's end was reached: so ends the run. */
void input_log_end(struct input_log *l);
/* The next event was done. */
void input_log_advance(struct input_log *l);

#endif
