/* SPDX-License-Identifier: Apache-2.0 */
/* What a user at the board does and sees: keys, mouse, pictures of the screen. */
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/machine.h"
#include "host/picture.h"
#include "hw/input.h"

#define MAX_HOLD_MS 60000u

/* ---- keys and mouse ---- */

/* The keys of "ctrl-alt-f1"; 0 and *err when one is unknown. */
static unsigned parse_keys(const char *names, unsigned keys[HW_KEYS_MAX], struct rhea_error *err)
{
	unsigned n = 0;
	for (const char *p = names;; p++) {
		size_t len = strcspn(p, "-");
		int key = hw_key_find(p, len);
		if (key < 0) {
			error_set(err, RHEA_ERR_USAGE, "invalid parameter: %.*s", (int)MIN(len, 100u), p);
			return 0;
		}
		if (n == HW_KEYS_MAX) {
			error_set(err, RHEA_ERR_USAGE, "too many keys");
			return 0;
		}
		keys[n++] = (unsigned)key;
		p += len;
		if (!*p)
			return n;
	}
}

static enum rhea_status replaying(struct rhea_error *err)
{
	return error_set(err, RHEA_ERR_USAGE, "the machine replays what was recorded, and takes nothing else");
}

enum rhea_status rhea_send_key(struct rhea *m, const char *keys, unsigned hold_ms, struct rhea_error *err)
{
	const struct hw_input *in = &m->hw.input;
	unsigned list[HW_KEYS_MAX];
	if (!in->press)
		return error_set(err, RHEA_ERR_USAGE, "machine %s has no keyboard", m->board->name);
	unsigned n = parse_keys(keys, list, err);
	if (!n)
		return RHEA_ERR_USAGE;
	struct event_keys event = {.n = n, .hold_ns = (uint64_t)MIN(hold_ms, MAX_HOLD_MS) * 1000000};
	for (unsigned i = 0; i < n; i++)
		event.key[i] = list[i];
	if (!input_log_user(m, EVENT_KEYS, &event, sizeof event))
		return replaying(err);
	if (!in->press(in->keyboard, list, n, (uint64_t)MIN(hold_ms, MAX_HOLD_MS) * 1000000))
		return error_set(err, RHEA_ERR_HOST, "too many keys are waiting for the guest");
	return RHEA_OK;
}

enum rhea_status rhea_send_mouse(struct rhea *m, int dx, int dy, int dz, unsigned buttons, struct rhea_error *err)
{
	const struct hw_input *in = &m->hw.input;
	if (!in->move)
		return error_set(err, RHEA_ERR_USAGE, "machine %s has no mouse", m->board->name);
	const int32_t event[4] = {dx, dy, dz, (int32_t)buttons};
	if (!input_log_user(m, EVENT_MOUSE, event, sizeof event))
		return replaying(err);
	m->mouse_buttons = buttons;
	in->move(in->mouse, dx, dy, dz, buttons);
	return RHEA_OK;
}

/* ---- screen ---- */

enum rhea_status machine_screendump(struct rhea *m, const char *path, enum picture_format format, struct rhea_error *err)
{
	unsigned width, height;
	path = path ? path : m->screen_file;
	if (!path)
		return error_set(err, RHEA_ERR_USAGE, "no file name (-display png:FILE names one for good)");
	if (!m->hw.screen.draw)
		return error_set(err, RHEA_ERR_USAGE, "machine %s has no screen", m->board->name);
	uint8_t *rgb = m->hw.screen.draw(m->hw.screen.dev, &width, &height);
	if (!rgb)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	enum rhea_status st = picture_write(path, format, rgb, width, height, err);
	free(rgb);
	return st;
}

enum rhea_status rhea_screendump(struct rhea *m, const char *path, struct rhea_error *err)
{
	return machine_screendump(m, path, PICTURE_BY_NAME, err);
}

enum rhea_status rhea_display_open(struct rhea *m, const char *spec, struct rhea_error *err)
{
	const char *path = strncmp(spec, "png:", 4) == 0 ? spec + 4 : NULL;
	char *copy = NULL;
	if (strcmp(spec, "none") != 0 && !(path && *path))
		return error_set(err, RHEA_ERR_USAGE, "-display %.200s: expected none or png:FILE", spec);
	if (path && !m->hw.screen.draw)
		return error_set(err, RHEA_ERR_USAGE, "-display %.200s: machine %s has no screen", spec, m->board->name);
	if (path && picture_check(path, err))
		return RHEA_ERR_FILE;
	if (path && !(copy = strdup(path)))
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	free(m->screen_file);
	m->screen_file = copy;
	return RHEA_OK;
}
