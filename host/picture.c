/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as files: PNG by libpng, PPM by hand. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "host/picture.h"

static enum rhea_status cannot(struct rhea_error *err, const char *path, const char *why)
{
	return error_set(err, RHEA_ERR_FILE, "%.300s: cannot write the picture: %.150s", path, why);
}

/* NULL, or what went wrong. */
static const char *write_png(FILE *f, const uint8_t *rgb, unsigned width, unsigned height, png_image *image)
{
	*image = (png_image){.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
	return png_image_write_to_stdio(image, f, 0, rgb, 0, NULL) ? NULL : image->message;
}

static const char *write_ppm(FILE *f, const uint8_t *rgb, unsigned width, unsigned height)
{
	fprintf(f, "P6\n%u %u\n255\n", width, height);
	fwrite(rgb, 3, (size_t)width * height, f);
	return ferror(f) ? strerror(errno) : NULL;
}

static bool is_ppm(const char *path)
{
	size_t n = strlen(path);
	return n >= 4 && strcmp(path + n - 4, ".ppm") == 0;
}

enum rhea_status picture_write(const char *path, enum picture_format format, const uint8_t *rgb, unsigned width,
			       unsigned height, struct rhea_error *err)
{
	png_image image;
	FILE *f = fopen(path, "wb");
	if (!f)
		return cannot(err, path, strerror(errno));
	bool ppm = format == PICTURE_PPM || (format == PICTURE_BY_NAME && is_ppm(path));
	const char *problem = ppm ? write_ppm(f, rgb, width, height) : write_png(f, rgb, width, height, &image);
	if (fclose(f) && !problem)
		problem = strerror(errno);
	return problem ? cannot(err, path, problem) : RHEA_OK;
}

enum rhea_status picture_check(const char *path, struct rhea_error *err)
{
	FILE *f = fopen(path, "ab");
	if (!f)
		return cannot(err, path, strerror(errno));
	fclose(f);
	return RHEA_OK;
}
