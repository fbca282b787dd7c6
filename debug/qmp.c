/* SPDX-License-Identifier: Apache-2.0 */
/* The machine protocol: framing, the commands of qmp.def, events. JSON is jansson's. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "debug/qmp.h"

#define QMP_LINE_MAX 65536u /* bytes of one object */
#define QMP_DEPTH_MAX 1024u /* brackets that are open at once */

struct qmp {
	struct qmp_owner owner;
	struct chardev *chr;
	bool ready;           /* capabilities are settled */
	/* the object that comes in */
	unsigned depth;
	char open[QMP_DEPTH_MAX]; /* the brackets that are */
	bool in_string, escape, too_long;
	bool junk;            /* what is between two objects was answered with an error */
	size_t n;
	char text[QMP_LINE_MAX];
	bool gone;            /* the peer went while its bytes were looked at */
};

/* A command's answer: *result (a new reference, NULL for an empty object), or an error of this class. */
struct answer {
	json_t *result;
	const char *error_class; /* NULL = success */
	char desc[320];
};

typedef void command_fn(struct qmp *q, const json_t *args, struct answer *a);

#define QMP(name, handler) static command_fn handler;
#include "debug/qmp.def"
#undef QMP

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
#define QMP(name, handler) {name, handler},
#include "debug/qmp.def"
#undef QMP
};

static const char *const event_names[] = {
	[QMP_STOP] = "STOP", [QMP_RESUME] = "RESUME", [QMP_RESET] = "RESET", [QMP_SHUTDOWN] = "SHUTDOWN",
	[QMP_POWERDOWN] = "POWERDOWN",
};

/* ---- what goes out ---- */

/* Takes the reference. */
static void send_json(struct qmp *q, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (text) {
		chardev_write(q->chr, (const uint8_t *)text, (unsigned)strlen(text));
		chardev_write(q->chr, (const uint8_t *)"\r\n", 2);
	}
	free(text);
	json_decref(j);
}

/* "1.2.3" as QEMU has it. */
static json_t *version_json(const struct qmp *q)
{
	int v[3] = {0};
	sscanf(q->owner.version, "%d.%d.%d", &v[0], &v[1], &v[2]);
	return json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "major", v[0], "minor", v[1], "micro", v[2], "package", "rhea");
}

static void greet(struct qmp *q)
{
	send_json(q, json_pack("{s:{s:o,s:[]}}", "QMP", "version", version_json(q), "capabilities"));
}

static void fail(struct answer *a, const char *class, const char *desc)
{
	a->error_class = class;
	snprintf(a->desc, sizeof a->desc, "%s", desc);
}

/* `id` as the client sent it, or NULL. */
static void send_answer(struct qmp *q, struct answer *a, json_t *id)
{
	json_t *j = a->error_class ? json_pack("{s:{s:s,s:s}}", "error", "class", a->error_class, "desc", a->desc)
				   : json_pack("{s:o}", "return", a->result ? a->result : json_object());
	if (j && id)
		json_object_set(j, "id", id);
	send_json(q, j);
}

void qmp_event(struct qmp *q, enum qmp_event what, bool guest)
{
	static const char *const reasons[][2] = {
		[QMP_RESET] = {"host-qmp-system-reset", "guest-reset"}, [QMP_SHUTDOWN] = {"host-qmp-quit", "guest-shutdown"},
	};
	struct timespec now;
	if (!q->ready)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	json_t *j = json_pack("{s:{s:I,s:I},s:s}", "timestamp", "seconds", (json_int_t)now.tv_sec, "microseconds",
			      (json_int_t)(now.tv_nsec / 1000), "event", event_names[what]);
	if (j && (what == QMP_RESET || what == QMP_SHUTDOWN))
		json_object_set_new(j, "data", json_pack("{s:b,s:s}", "guest", guest, "reason", reasons[what][guest]));
	send_json(q, j);
}

/* ---- commands ---- */

static void qmp_capabilities(struct qmp *q, const json_t *args, struct answer *a)
{
	const json_t *enable = json_object_get(args, "enable");
	if (q->ready)
		fail(a, "CommandNotFound", "Capabilities negotiation is already complete, command ignored");
	else if (enable && json_array_size(enable))
		fail(a, "GenericError", "no capability can be enabled");
	else
		q->ready = true;
}

static void query_version(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args;
	a->result = version_json(q);
}

static void query_status(struct qmp *q, const json_t *args, struct answer *a)
{
	bool paused = q->owner.target(q->owner.opaque).paused;
	(void)args;
	a->result = json_pack("{s:s,s:b,s:b}", "status", paused ? "paused" : "running", "singlestep", 0, "running", !paused);
}

static void query_commands(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)q, (void)args;
	a->result = json_array();
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
		json_array_append_new(a->result, json_pack("{s:s}", "name", commands[i].name));
}

static void query_events(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)q, (void)args;
	a->result = json_array();
	for (unsigned i = 0; i < ARRAY_LEN(event_names); i++)
		json_array_append_new(a->result, json_pack("{s:s}", "name", event_names[i]));
}

static void query_nothing(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)q, (void)args, (void)a;
}

static void query_kvm(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)q, (void)args;
	a->result = json_pack("{s:b,s:b}", "enabled", 0, "present", 0);
}

static void query_cpus(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)q, (void)args;
	a->result = json_pack("[{s:i,s:s,s:s}]", "cpu-index", 0, "qom-path", "/machine/cpu", "target", "arm");
}

static void request(struct qmp *q, enum monitor_request what)
{
	struct monitor_target t = q->owner.target(q->owner.opaque);
	t.request(t.opaque, what);
}

static void qmp_stop(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args, (void)a;
	request(q, MONITOR_STOP);
}

static void qmp_cont(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args, (void)a;
	request(q, MONITOR_CONT);
}

static void qmp_system_reset(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args, (void)a;
	request(q, MONITOR_RESET);
}

/* The boards have no power button: the event is all that happens, as under QEMU. */
static void qmp_system_powerdown(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args, (void)a;
	qmp_event(q, QMP_POWERDOWN, false);
}

static void qmp_quit(struct qmp *q, const json_t *args, struct answer *a)
{
	(void)args, (void)a;
	request(q, MONITOR_QUIT);
}

static void missing(struct answer *a, const char *name)
{
	a->error_class = "GenericError";
	snprintf(a->desc, sizeof a->desc, "Parameter '%s' is missing", name);
}

static void qmp_screendump(struct qmp *q, const json_t *args, struct answer *a)
{
	const char *path = json_string_value(json_object_get(args, "filename"));
	const char *format = json_string_value(json_object_get(args, "format"));
	struct monitor_target t = q->owner.target(q->owner.opaque);
	struct rhea_error err = {.msg = "there is no screen"};
	if (!path)
		missing(a, "filename");
	else if (format && strcmp(format, "png") != 0 && strcmp(format, "ppm") != 0)
		fail(a, "GenericError", "format is png or ppm");
	else if (!t.screendump(t.opaque, path, format ? format : "ppm", &err))
		fail(a, "GenericError", err.msg);
}

/* An answer that grows; lines end as on a terminal, as QEMU's do. */
struct collected {
	FILE *f;
};

static void collect(void *ctx, const char *text)
{
	const struct collected *c = ctx;
	for (; *text; text++) {
		if (*text == '\n')
			fputc('\r', c->f);
		fputc(*text, c->f);
	}
}

static void qmp_human(struct qmp *q, const json_t *args, struct answer *a)
{
	const char *line = json_string_value(json_object_get(args, "command-line"));
	char *text = NULL;
	size_t size;
	if (!line) {
		missing(a, "command-line");
		return;
	}
	struct collected c = {open_memstream(&text, &size)};
	if (!c.f) {
		fail(a, "GenericError", "out of host memory");
		return;
	}
	q->owner.monitor(q->owner.opaque, line, collect, &c);
	if (fclose(c.f) == 0)
		a->result = json_stringn_nocheck(text, size);
	free(text);
}

/* ---- what comes in ---- */

static void execute(struct qmp *q, const char *name, const json_t *args, struct answer *a)
{
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (!q->ready && commands[i].run != qmp_capabilities)
			break;
		commands[i].run(q, args, a);
		return;
	}
	a->error_class = "CommandNotFound";
	if (q->ready)
		snprintf(a->desc, sizeof a->desc, "The command %.200s has not been found", name);
	else
		snprintf(a->desc, sizeof a->desc, "Expecting capabilities negotiation with 'qmp_capabilities'");
}

/* False, with an answer, for what is no request. */
static bool check_request(const json_t *j, struct answer *a)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
		if (strcmp(key, "execute") != 0 && strcmp(key, "arguments") != 0 && strcmp(key, "id") != 0) {
			a->error_class = "GenericError";
			snprintf(a->desc, sizeof a->desc, "QMP input member '%.200s' is unexpected", key);
			return false;
		}
	if (!json_is_string(json_object_get(j, "execute"))) {
		fail(a, "GenericError", "QMP input lacks member 'execute'");
		return false;
	}
	const json_t *args = json_object_get(j, "arguments");
	if (args && !json_is_object(args)) {
		fail(a, "GenericError", "QMP input member 'arguments' must be an object");
		return false;
	}
	return true;
}

static void object_ends(struct qmp *q)
{
	struct answer a = {0};
	json_error_t error;
	json_t *j = q->too_long ? NULL : json_loadb(q->text, q->n, JSON_REJECT_DUPLICATES, &error);
	if (q->too_long)
		fail(&a, "GenericError", "JSON token size limit exceeded");
	else if (!json_is_object(j))
		fail(&a, "GenericError", "Invalid JSON syntax");
	else if (check_request(j, &a))
		execute(q, json_string_value(json_object_get(j, "execute")), json_object_get(j, "arguments"), &a);
	send_answer(q, &a, j ? json_object_get(j, "id") : NULL);
	json_decref(j);
}

/* Gives up the object that comes in. */
static void drop_object(struct qmp *q)
{
	q->n = 0;
	q->depth = 0;
	q->in_string = q->escape = q->too_long = false;
}

static void refuse(struct qmp *q, const char *why)
{
	struct answer a = {0};
	fail(&a, "GenericError", why);
	send_answer(q, &a, NULL);
	drop_object(q);
	q->junk = true;
}

/* Objects follow each other with nothing but blanks between them; of anything else, one error a line tells. */
static void between_objects(struct qmp *q, char c)
{
	if (c == '\n')
		q->junk = false;
	else if (!q->junk && !strchr(" \t\r", c))
		refuse(q, "JSON parse error, expecting an object");
}

static void take_bracket(struct qmp *q, char c)
{
	if (c == '{' || c == '[') {
		if (q->depth == QMP_DEPTH_MAX)
			refuse(q, "JSON nesting depth limit exceeded");
		else
			q->open[q->depth++] = c;
	} else if (q->open[q->depth - 1] != (c == '}' ? '{' : '[')) {
		refuse(q, "JSON parse error, unmatched bracket");
	} else if (--q->depth == 0) {
		object_ends(q);
		drop_object(q);
	}
}

static void take_string(struct qmp *q, char c)
{
	if (!q->escape && c == '"')
		q->in_string = false;
	q->escape = !q->escape && c == '\\';
	if (c == '\n')
		refuse(q, "JSON parse error, a string does not end");
	q->junk &= c != '\n';
}

static void take_byte(struct qmp *q, char c)
{
	if (!q->depth && c != '{') {
		between_objects(q, c);
		return;
	}
	if (!q->depth)
		q->junk = false;
	if (q->n < sizeof q->text)
		q->text[q->n++] = c;
	else
		q->too_long = true;
	if (q->in_string)
		take_string(q, c);
	else if (c == '"')
		q->in_string = true;
	else if (c && strchr("{}[]", c))
		take_bracket(q, c);
}

static unsigned on_can_receive(void *dev)
{
	(void)dev;
	return 4096;
}

static void on_receive(void *dev, const uint8_t *buf, unsigned n)
{
	struct qmp *q = dev;
	q->gone = false;
	for (unsigned i = 0; i < n && !q->gone; i++)
		take_byte(q, (char)buf[i]);
}

static void on_connected(void *dev, bool now)
{
	struct qmp *q = dev;
	q->ready = q->junk = false;
	drop_object(q);
	q->gone = !now;
	if (now)
		greet(q);
}

struct qmp *qmp_new(const struct qmp_owner *owner, struct chardev *chr)
{
	struct qmp *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	q->owner = *owner;
	q->chr = chr;
	chr->dev = q;
	chr->can_receive = on_can_receive;
	chr->receive = on_receive;
	chr->connected = on_connected;
	return q;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	q->chr->dev = NULL;
	q->chr->can_receive = NULL;
	q->chr->receive = NULL;
	q->chr->connected = NULL;
	free(q);
}
