/* SPDX-License-Identifier: Apache-2.0 */
/* Reports' files. A pipe or a terminal is as good as a regular file; nothing here waits for a reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debug/report_file.h"

static enum rhea_status failed(const struct report_file *f, struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_FILE, "cannot write %s to '%s': %s", f->what, f->path, strerror(errno));
}

enum rhea_status report_file_open(struct report_file *f, const char *what, const char *path, bool read,
				  struct rhea_error *err)
{
	*f = (struct report_file){.path = strdup(path), .what = what};
	if (!f->path)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	/* O_NONBLOCK for the open only: a named pipe that nobody reads is an error. */
	int fd = open(path, (read ? O_RDWR : O_WRONLY) | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
		f->file = fdopen(fd, read ? "r+" : "w"); /* fdopen does not truncate */
	if (f->file)
		return RHEA_OK;
	enum rhea_status st = failed(f, err);
	if (fd >= 0)
		close(fd);
	report_file_close(f);
	return st;
}

enum rhea_status report_file_begin(struct report_file *f, struct rhea_error *err)
{
	struct stat st;
	clearerr(f->file);
	if (fstat(fileno(f->file), &st))
		return failed(f, err);
	if (!S_ISREG(st.st_mode))
		return RHEA_OK;
	return fseek(f->file, 0, SEEK_SET) || ftruncate(fileno(f->file), 0) ? failed(f, err) : RHEA_OK;
}

enum rhea_status report_file_end(struct report_file *f, struct rhea_error *err)
{
	errno = EIO;
	if (ferror(f->file)) { /* what an earlier write failed for is gone: one more may tell */
		clearerr(f->file);
		fputc('\n', f->file);
		fflush(f->file);
		return failed(f, err);
	}
	return fflush(f->file) ? failed(f, err) : RHEA_OK;
}

void report_file_close(struct report_file *f)
{
	if (f->file)
		fclose(f->file);
	free(f->path);
	*f = (struct report_file){0};
}
