/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is written at the end of a run. It is opened at the start, so that a path that cannot be written is an error
 * before the guest runs; what it holds stays until the new contents come.
 */
#ifndef RHEA_REPORT_FILE_H
#define RHEA_REPORT_FILE_H

#include <stdio.h>

#include "base/base.h"

struct report_file {
	char *path;
	const char *what; /* for messages: "coverage"; constant */
	FILE *file;       /* NULL: not open */
};

/* `read`: what is there can be read from f->file first. Error, with *f closed: the path and why. */
enum rhea_status report_file_open(struct report_file *f, const char *what, const char *path, bool read,
				  struct rhea_error *err);
/* Drops what the file holds: now f->file is to be written. */
enum rhea_status report_file_begin(struct report_file *f, struct rhea_error *err);
/* Everything written is in the file; an error of any write so far is reported here. The file stays open. */
enum rhea_status report_file_end(struct report_file *f, struct rhea_error *err);
void report_file_close(struct report_file *f); /* of a zeroed struct, too */

#endif
