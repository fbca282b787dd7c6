/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as files: PNG by libpng, which is loaded for the first, PPM by hand. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"
#include "host/picture.h"

struct png {
	__typeof__(png_image_write_to_stdio) *write;
};

static bool load_png(struct png *png, struct rhea_error *err)
{
	static const char *const names[] = {"png_image_write_to_stdio"};
	static const struct library library = {"libpng16.so.16", "libpng16-16", names, ARRAY_LEN(names)};
	_Static_assert(PNG_LIBPNG_VER_SONUM == 16, "the name above is that of the headers");
	return library_load(&library, png, err);
}

static enum rhea_status cannot(struct rhea_error *err, const char *path, const char *why)
{
	return error_set(err, RHEA_ERR_FILE, "%.300s: cannot write the picture: %.150s", path, why);
}

/* NULL, or what went wrong. */
static const char *write_png(FILE *f, const uint8_t *rgb, unsigned width, unsigned height, struct rhea_error *err)
{
	struct png png;
	png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
	if (load_png(&png, err) && png.write(&image, f, 0, rgb, 0, NULL))
		return NULL;
	if (*image.message)
		error_set(err, RHEA_ERR_FILE, "%s", image.message);
	return err->msg;
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
	struct rhea_error png = {0};
	FILE *f = fopen(path, "wb");
	if (!f)
		return cannot(err, path, strerror(errno));
	bool ppm = format == PICTURE_PPM || (format == PICTURE_BY_NAME && is_ppm(path));
	const char *problem = ppm ? write_ppm(f, rgb, width, height) : write_png(f, rgb, width, height, &png);
	if (fclose(f) && !problem)
		problem = strerror(errno);
	return problem ? cannot(err, path, problem) : RHEA_OK;
}

enum rhea_status picture_check(const char *path, struct rhea_error *err)
{
	struct png png;
	struct rhea_error why = {0};
	FILE *f = fopen(path, "ab");
	if (!f)
		return cannot(err, path, strerror(errno));
	fclose(f);
	return is_ppm(path) || load_png(&png, &why) ? RHEA_OK : cannot(err, path, why.msg);
}
