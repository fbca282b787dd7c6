/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting calls in the log (input_log.h): what a call gave and wrote is recorded as one event, and given again without a host. */
#include <stdlib.h>
#include <string.h>

#include "api/input_events.h"

static void collect(struct input_log *l, uint8_t **to, size_t *n, size_t *cap, uint32_t head, const void *bytes, uint32_t size)
{
	if (*n + size + 8 > *cap) {
		size_t bigger = (*n + size + 8) * 2;
		uint8_t *p = realloc(*to, bigger);
		if (!p) {
			l->diverged = true;
			return;
		}
		*to = p;
		*cap = bigger;
	}
	memcpy(*to + *n, &head, 4);
	memcpy(*to + *n + 4, &size, 4);
	memcpy(*to + *n + 8, bytes, size);
	*n += size + 8;
}

void machine_semihost_wrote(struct rhea *m, uint32_t addr, const void *bytes, uint32_t n)
{
	struct input_log *l = m->input_log;
	if (!l || l->keeper.replays)
		return;
	l->call.head.n_writes++;
	collect(l, &l->call.bytes, &l->call.n, &l->call.cap, addr, bytes, n);
}

void machine_semihost_said(struct rhea *m, uint32_t stream, const void *bytes, uint32_t n)
{
	struct input_log *l = m->input_log;
	if (!l || l->keeper.replays)
		return;
	l->call.head.n_said++;
	collect(l, &l->call.said, &l->call.n_said, &l->call.cap_said, stream, bytes, n);
}

void machine_semihost_done(struct rhea *m, uint32_t result)
{
	struct input_log *l = m->input_log;
	if (!l || l->keeper.replays)
		return;
	struct event_semihost *h = &l->call.head;
	h->result = result;
	h->exits = m->exit_requested;
	h->code = m->exit_code;
	size_t n = sizeof *h + l->call.n + l->call.n_said;
	uint8_t *all = malloc(n);
	if (all) {
		memcpy(all, h, sizeof *h);
		if (l->call.n)
			memcpy(all + sizeof *h, l->call.bytes, l->call.n);
		if (l->call.n_said)
			memcpy(all + sizeof *h + l->call.n, l->call.said, l->call.n_said);
		input_log_note(l, EVENT_SEMIHOST, all, n);
	}
	free(all);
	*h = (struct event_semihost){0};
	l->call.n = l->call.n_said = 0;
}

/* One piece of an event: NULL when it is cut short. */
static const uint8_t *piece(const uint8_t **p, const uint8_t *stop, uint32_t *head, uint32_t *size)
{
	if (stop - *p < 8)
		return NULL;
	memcpy(head, *p, 4);
	memcpy(size, *p + 4, 4);
	const uint8_t *bytes = *p + 8;
	if (*size > (size_t)(stop - bytes))
		return NULL;
	*p = bytes + *size;
	return bytes;
}

static bool do_semihost(struct input_log *l, const struct input_event *e, uint32_t *result)
{
	struct event_semihost h;
	const uint8_t *p = e->bytes + sizeof h, *stop = e->bytes + e->size, *bytes;
	uint32_t head, size;
	if (e->size < sizeof h)
		return false;
	memcpy(&h, e->bytes, sizeof h);
	for (uint32_t i = 0; i < h.n_writes; i++)
		if (!(bytes = piece(&p, stop, &head, &size)) || !machine_semihost_write(l->m, head, bytes, size))
			return false;
	for (uint32_t i = 0; i < h.n_said; i++) {
		if (!(bytes = piece(&p, stop, &head, &size)))
			return false;
		if (!l->keeper.muted)
			semihosting_to_host(head ? SEMIHOSTING_STDERR : SEMIHOSTING_STDOUT, bytes, size);
	}
	*result = h.result;
	if (h.exits)
		machine_semihost_exit(l->m, h.code);
	return true;
}

bool machine_semihost_replayed(struct rhea *m, uint32_t *result)
{
	struct input_log *l = m->input_log;
	const struct input_event *e;
	*result = 0;
	if (!l || !l->keeper.replays)
		return false;
	e = l->next < l->n ? l->event[l->next] : NULL;
	if (!e || e->kind != EVENT_SEMIHOST || e->insns != vcpu_insns(m->vcpu) || !do_semihost(l, e, result)) {
		input_log_diverge(l, "a semihosting call that was not recorded");
		return true;
	}
	input_log_advance(l);
	m->vcpu->reslice = true;
	return true;
}
