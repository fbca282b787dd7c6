/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as files. */
#ifndef RHEA_HOST_PICTURE_H
#define RHEA_HOST_PICTURE_H

#include "base/base.h"

enum picture_format { PICTURE_BY_NAME, PICTURE_PNG, PICTURE_PPM };

/* Writes width x height pixels of red, green, blue. By name: PPM when it ends in ".ppm", otherwise PNG. */
enum rhea_status picture_write(const char *path, enum picture_format format, const uint8_t *rgb, unsigned width,
			       unsigned height, struct rhea_error *err);

/* Creates the file if need be: and sees whether what it takes is there: an error now is better than when the picture is due. */
enum rhea_status picture_check(const char *path, struct rhea_error *err);

#endif
