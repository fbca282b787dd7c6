/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes on a -qmp line. Each thing sent is one JSON object on a line of its own. Build with -Dfuzz=true
 * and clang; run ./fuzz-qmp CORPUS. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "debug/qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fixture {
	struct chardev line;
	bool paused;
	char out[1 << 20];
	size_t n;
} f;

static void on_request(void *opaque, enum monitor_request what)
{
	struct fixture *x = opaque;
	x->paused = what == MONITOR_STOP;
}

static bool on_screendump(void *opaque, const char *path, const char *format, struct rhea_error *err)
{
	(void)opaque, (void)format;
	return error_set(err, RHEA_ERR_FILE, "%.300s", path) == RHEA_OK;
}

static struct monitor_target target(void *opaque)
{
	struct fixture *x = opaque;
	return (struct monitor_target){.opaque = x, .paused = x->paused, .request = on_request, .screendump = on_screendump};
}

static void monitor(void *opaque, const char *line, void (*print)(void *ctx, const char *text), void *ctx)
{
	(void)opaque;
	print(ctx, line);
}

static void check_object(void)
{
	json_error_t error;
	json_t *j = json_loadb(f.out, f.n, 0, &error);
	if (!json_is_object(j))
		abort();
	json_decref(j);
	f.n = 0;
}

static void on_write(struct chardev *c, const uint8_t *buf, unsigned n)
{
	(void)c;
	if (n > sizeof f.out - f.n)
		abort();
	memcpy(f.out + f.n, buf, n);
	f.n += n;
	if (n == 2 && memcmp(buf, "\r\n", 2) == 0)
		check_object();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qmp_owner owner = {.opaque = &f, .target = target, .monitor = monitor, .version = "1.2.3"};
	f.line.write = on_write;
	f.n = 0;
	struct qmp *q = qmp_new(&owner, &f.line);
	if (!q)
		return 0;
	f.line.connected(f.line.dev, true);
	if (size && data[0] & 1) {
		static const char ready[] = "{\"execute\":\"qmp_capabilities\"}";
		f.line.receive(f.line.dev, (const uint8_t *)ready, sizeof ready - 1);
	}
	if (size)
		f.line.receive(f.line.dev, data + 1, (unsigned)size - 1);
	qmp_event(q, QMP_STOP, false);
	f.line.connected(f.line.dev, false);
	qmp_free(q);
	if (f.n)
		abort(); /* half an answer */
	return 0;
}
