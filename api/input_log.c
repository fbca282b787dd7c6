/* SPDX-License-Identifier: Apache-2.0 */
/* Recording what comes from outside, and doing it again (input_log.h). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/snapshot.h"

#define CHECK_INSNS 10000000u

static uint64_t now_ns(const struct input_log *l)
{
	return vclock_now(&l->m->vcpu->clock);
}

/* Tells back ends and run loop where the log stands. */
static void refresh(struct input_log *l)
{
	struct vcpu *v = l->m->vcpu;
	uint64_t insns = vcpu_insns(v);
	bool past = insns < l->live_from || (insns == l->live_from && vcpu_entries(v) < l->live_entries);
	l->keeper.replays = v->replays = l->next < l->n || l->ends || past;
	l->keeper.muted = past;
	v->input_at = l->next < l->n ? l->event[l->next]->insns : past ? l->live_from : UINT64_MAX;
}

static void end(struct input_log *l)
{
	l->ended = true;
	vcpu_request_exit(l->m->vcpu);
}

static void diverge(struct input_log *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void diverge(struct input_log *l, const char *fmt, ...)
{
	char what[160];
	va_list ap;
	if (l->diverged)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(l->why, sizeof l->why, "the replay differs from the recording at instruction %" PRIu64 ": %s", vcpu_insns(l->m->vcpu), what);
	l->diverged = true;
	end(l);
}

static unsigned place_now(const struct input_log *l)
{
	return l->keeper.sending ? PLACE_SENDING : vcpu_place(l->m->vcpu);
}

/* ---- recording ---- */

static bool append(struct input_log *l, struct input_event *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct input_event **bigger = realloc(l->event, cap * sizeof *bigger);
		if (!bigger)
			return false;
		l->event = bigger;
		l->cap = cap;
	}
	l->event[l->n++] = e;
	l->bytes += sizeof *e + e->size;
	return true;
}

bool input_log_add(struct input_log *l, const void *event)
{
	struct input_event head;
	memcpy(&head, event, sizeof head);
	struct input_event *copy = malloc(sizeof *copy + head.size);
	if (copy)
		memcpy(copy, event, sizeof *copy + head.size);
	if (copy && append(l, copy)) {
		refresh(l);
		return true;
	}
	free(copy);
	return false;
}

/* A live event. One that cannot be kept makes the log useless; the run goes on. */
static void note(struct input_log *l, enum event_kind kind, unsigned port, const void *bytes, size_t n)
{
	struct input_event *e = l->diverged ? NULL : malloc(sizeof *e + n);
	if (l->diverged)
		return;
	if (e)
		e->size = (uint32_t)n;
	if (!e || !append(l, e)) {
		free(e);
		snprintf(l->why, sizeof l->why, "the host has no memory for the recording");
		l->diverged = true;
		return;
	}
	*e = (struct input_event){.insns = vcpu_insns(l->m->vcpu), .ns = now_ns(l), .kind = (uint8_t)kind,
				  .place = (uint8_t)place_now(l), .port = (uint16_t)port, .size = (uint32_t)n};
	if (n)
		memcpy(e->bytes, bytes, n);
	l->next = l->n;
	if (l->sink)
		l->sink(l->sink_opaque, e);
}

void input_log_note(struct input_log *l, enum event_kind kind, const void *bytes, size_t n)
{
	if (!l->keeper.replays)
		note(l, kind, 0, bytes, n);
}

static void received(void *opaque, enum input_kind kind, unsigned port, const uint8_t *buf, unsigned n)
{
	struct input_log *l = opaque;
	if (!l->delivering && !l->keeper.replays)
		note(l, (enum event_kind)kind, port, buf, n);
}

bool input_log_user(struct rhea *m, enum event_kind kind, const void *bytes, size_t n)
{
	struct input_log *l = m->input_log;
	if (!l || l->delivering)
		return true;
	if (l->keeper.replays)
		return false;
	note(l, kind, 0, bytes, n);
	return true;
}

/* ---- doing it again ---- */

static bool do_serial(struct input_log *l, const struct input_event *e)
{
	struct chardev *c = e->port < MACHINE_SERIAL_PORTS ? &l->m->serial[e->port] : NULL;
	if (!c || !c->receive || c->can_receive(c->dev) < e->size)
		return false;
	c->receive(c->dev, e->bytes, e->size);
	return true;
}

static bool do_break(struct input_log *l, const struct input_event *e)
{
	struct chardev *c = e->port < MACHINE_SERIAL_PORTS ? &l->m->serial[e->port] : NULL;
	if (!c || !c->receive_break || e->size || !c->can_receive(c->dev))
		return false;
	c->receive_break(c->dev);
	return true;
}

static bool do_net(struct input_log *l, const struct input_event *e)
{
	struct netdev *d = e->port < MACHINE_NICS ? &l->m->net[e->port] : NULL;
	if (!d || !d->receive || !e->size || e->size > NET_FRAME_MAX || d->room(d->dev) != NET_READY)
		return false;
	d->receive(d->dev, e->bytes, e->size);
	return true;
}

static bool do_keys(struct input_log *l, const struct input_event *e)
{
	const struct hw_input *in = &l->m->hw.input;
	struct event_keys k;
	if (e->size != sizeof k || !in->press)
		return false;
	memcpy(&k, e->bytes, sizeof k);
	for (unsigned i = 0; i < MIN(k.n, HW_KEYS_MAX); i++)
		if (k.key[i] >= hw_key_count())
			return false;
	return k.n && k.n <= HW_KEYS_MAX && in->press(in->keyboard, k.key, k.n, MIN(k.hold_ns, UINT64_C(60000000000)));
}

static bool do_mouse(struct input_log *l, const struct input_event *e)
{
	const struct hw_input *in = &l->m->hw.input;
	int32_t v[4];
	if (e->size != sizeof v || !in->move)
		return false;
	memcpy(v, e->bytes, sizeof v);
	in->move(in->mouse, v[0], v[1], v[2], (unsigned)v[3]);
	return true;
}

static bool do_irq(struct input_log *l, const struct input_event *e)
{
	if (e->size != 2)
		return false;
	vcpu_set_irq(l->m->vcpu, e->bytes[0] & 1, e->bytes[1] & 1);
	return true;
}

/* What comes next between two runs finds it done; in the middle of a run it is a request, as the monitor's. */
static bool do_reset(struct input_log *l, const struct input_event *e)
{
	if (e->place == VCPU_BETWEEN) {
		machine_reset(l->m);
		return true;
	}
	l->m->reset_requested = true;
	vcpu_request_exit(l->m->vcpu);
	return true;
}

static bool do_check(struct input_log *l, const struct input_event *e)
{
	uint64_t hash = machine_state_hash(l->m, e->kind == EVENT_END);
	if (e->size != sizeof hash || memcmp(&hash, e->bytes, sizeof hash) != 0)
		return false;
	if (e->kind == EVENT_END)
		end(l);
	return true;
}

static bool do_event(struct input_log *l, const struct input_event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_SERIAL: return do_serial(l, e);
	case EVENT_NET: return do_net(l, e);
	case EVENT_KEYS: return do_keys(l, e);
	case EVENT_MOUSE: return do_mouse(l, e);
	case EVENT_RESET: return do_reset(l, e);
	case EVENT_IRQ: return do_irq(l, e);
	case EVENT_HELD: return l->m->vcpu->hold_once = true;
	case EVENT_POKE: return machine_do_poke(l->m, e->bytes, e->size);
	case EVENT_BREAK: return do_break(l, e);
	case EVENT_CHECK:
	case EVENT_END: return do_check(l, e);
	case EVENT_WARP:
	case EVENT_SEMIHOST:
	case EVENT_KINDS: break;
	}
	return false;
}

static const char *event_name(unsigned kind)
{
	static const char *const names[EVENT_KINDS] = {
		"serial input", "a frame", "keys", "the mouse", "a reset", "an interrupt line", "a wait", "a semihosting call",
		"the state of core and devices", "the state at the end", "a held interrupt", "what a debugger wrote",
		"a break",
	};
	return kind < EVENT_KINDS ? names[kind] : "?";
}

static void advance(struct input_log *l)
{
	l->next++;
	refresh(l);
}

/* The next event when it is of this moment and this place. */
static const struct input_event *due(const struct input_log *l, unsigned place)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	return e && e->place == place && e->insns == vcpu_insns(l->m->vcpu) && e->ns == now_ns(l) ? e : NULL;
}

static void do_due(struct input_log *l, const struct input_event *e)
{
	l->delivering = true;
	bool ok = do_event(l, e);
	l->delivering = false;
	advance(l);
	if (!ok)
		diverge(l, "%s does not fit", event_name(e->kind));
}

static bool is_devices(const struct input_event *e)
{
	return e->kind == EVENT_SERIAL || e->kind == EVENT_NET || e->kind == EVENT_BREAK;
}

static void room(void *opaque)
{
	struct input_log *l = opaque;
	const struct input_event *e;
	bool any = false;
	while (!l->delivering && (e = due(l, place_now(l))) && is_devices(e)) {
		do_due(l, e);
		any = true;
	}
	if (any) { /* the slice may be longer than it is to the next event */
		l->m->vcpu->reslice = true;
		vcpu_kick(l->m->vcpu);
	}
}

/* Has the moment of the next event gone by? */
static void check_passed(struct input_log *l)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	uint64_t insns = vcpu_insns(l->m->vcpu);
	if (e && (e->insns < insns || (e->insns == insns && e->ns < now_ns(l))))
		diverge(l, "%s, recorded at instruction %" PRIu64 ", found no place", event_name(e->kind), e->insns);
}

static void record_check(struct input_log *l)
{
	uint64_t insns = vcpu_insns(l->m->vcpu);
	if (!l->sink || insns < l->check_at)
		return;
	l->check_at = insns + CHECK_INSNS;
	uint64_t hash = machine_state_hash(l->m, false);
	note(l, EVENT_CHECK, 0, &hash, sizeof hash);
}

/* What happened between two runs comes before a slice as well; timers that it set for now fired before the next one. */
static void replay_between(struct input_log *l)
{
	const struct input_event *e = due(l, VCPU_BETWEEN);
	if (!e || l->m->reset_requested)
		return;
	for (; e; e = due(l, VCPU_BETWEEN))
		do_due(l, e);
	vclock_run_timers(&l->m->vcpu->clock);
}

void machine_input(void *opaque)
{
	struct rhea *m = opaque;
	struct input_log *l = m->input_log;
	enum vcpu_place place = m->vcpu->place;
	const struct input_event *e;
	if (!l || l->ended)
		return;
	if (!l->keeper.replays) {
		if (place == VCPU_POLL)
			record_check(l);
		return;
	}
	if (place == VCPU_POLL)
		replay_between(l);
	size_t before = l->next;
	while (!l->ended && (e = due(l, place)) && e->kind != EVENT_WARP) {
		do_due(l, e);
		if (place == VCPU_POLL)
			replay_between(l);
	}
	if (!l->ended)
		check_passed(l);
	if (!l->ended && place == VCPU_WAIT && l->next == before && vclock_deadline(&m->vcpu->clock) == UINT64_MAX && l->next < l->n)
		diverge(l, "the core waits for ever");
	refresh(l);
	if (l->ends && l->next == l->n && !l->ended) {
		snprintf(l->why, sizeof l->why, "the recording is cut short: it ends at instruction %" PRIu64, vcpu_insns(m->vcpu));
		end(l);
	}
}

bool input_log_finish(struct input_log *l)
{
	const struct input_event *e = l->next < l->n ? l->event[l->next] : NULL;
	if (!l->ends || l->ended || !e)
		return !l->diverged;
	if (e->kind != EVENT_END || e->insns != vcpu_insns(l->m->vcpu))
		diverge(l, "the guest ends; %s was to come at instruction %" PRIu64, event_name(e->kind), e->insns);
	else
		do_due(l, e);
	return !l->diverged;
}

/* A wait that did not last until its deadline is an event of its own. */
uint64_t machine_warp(void *opaque, uint64_t ns, uint64_t deadline)
{
	struct rhea *m = opaque;
	struct input_log *l = m->input_log;
	m->vcpu->place = VCPU_WAIT;
	if (l && l->keeper.replays) {
		const struct input_event *e = due(l, VCPU_WAIT);
		if (e && e->kind == EVENT_WARP && e->size == sizeof ns) {
			memcpy(&ns, e->bytes, sizeof ns);
			advance(l);
		}
	} else if (l && ns != deadline) {
		note(l, EVENT_WARP, 0, &ns, sizeof ns);
	}
	m->vcpu->place = VCPU_BETWEEN;
	return ns;
}

void machine_held(void *opaque)
{
	struct rhea *m = opaque;
	if (m->input_log)
		note(m->input_log, EVENT_HELD, 0, NULL, 0);
}

/* ---- semihosting ---- */

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
		note(l, EVENT_SEMIHOST, 0, all, n);
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
		diverge(l, "a semihosting call that was not recorded");
		return true;
	}
	advance(l);
	m->vcpu->reslice = true;
	return true;
}

/* ---- beginning and end ---- */

static void connect(struct rhea *m, struct input_keeper *k)
{
	for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++) {
		m->serial[i].keeper = k;
		m->serial[i].port = i;
	}
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		m->net[i].keeper = k;
		m->net[i].port = i;
	}
}

enum rhea_status input_log_start(struct rhea *m, struct rhea_error *err)
{
	if (!m->cfg.icount)
		return error_set(err, RHEA_ERR_USAGE, "recording needs -icount (shift=N): a run can be repeated only when time is counted in instructions");
	if (m->input_log)
		return error_set(err, RHEA_ERR_USAGE, "the machine is recorded or replayed already");
	struct input_log *l = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, RHEA_ERR_HOST, "out of host memory");
	l->m = m;
	l->keeper = (struct input_keeper){.opaque = l, .received = received, .room = room};
	m->input_log = l;
	connect(m, &l->keeper);
	return RHEA_OK;
}

void input_log_stop(struct rhea *m)
{
	struct input_log *l = m->input_log;
	if (!l)
		return;
	connect(m, NULL);
	m->vcpu->replays = false;
	m->vcpu->input_at = UINT64_MAX;
	m->input_log = NULL;
	for (size_t i = 0; i < l->n; i++)
		free(l->event[i]);
	free(l->event);
	free(l->call.bytes);
	free(l->call.said);
	free(l);
}

void input_log_seek(struct input_log *l, size_t next)
{
	l->next = next;
	refresh(l);
}

void input_log_cut(struct input_log *l)
{
	while (l->n > l->next) {
		struct input_event *e = l->event[--l->n];
		l->bytes -= sizeof *e + e->size;
		free(e);
	}
	l->live_from = 0;
	l->live_entries = 0;
	refresh(l);
}

void input_log_drop(struct input_log *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->bytes -= sizeof *l->event[i] + l->event[i]->size;
		free(l->event[i]);
	}
	l->n -= n;
	l->next -= n;
	if (n)
		memmove(l->event, l->event + n, l->n * sizeof *l->event);
}

/* ---- the state as a number ---- */

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (; n; p++, n--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

/* Pages of zeros count for nothing: they may or may not be there. */
static uint64_t hash_memory(const struct rhea *m)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct as_block block[64];
	unsigned n = MIN(as_blocks(m->as, block, ARRAY_LEN(block)), ARRAY_LEN(block));
	uint64_t sum = 0;
	for (unsigned i = 0; i < n; i++)
		for (uint64_t from = 0, stop; as_block_data(&block[i], &from, &stop); from = stop)
			for (uint64_t at = from; at < stop; at += PAGE_SIZE)
				if (memcmp(block[i].host + at, zeros, PAGE_SIZE) != 0)
					sum += mix((uint64_t)i << 56 | at, block[i].host + at, PAGE_SIZE);
	return sum;
}

/* Without semihosting's table of files, which a replay does not have. */
uint64_t machine_state_hash(struct rhea *m, bool memory)
{
	const struct machine_parts *p = machine_parts(m);
	uint64_t h = memory ? hash_memory(m) : 0;
	uint8_t *packed = p ? malloc(p->packed) : NULL;
	if (!packed)
		return 0;
	vcpu_state_before(m->vcpu);
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->part[i].name, "semihosting") && strcmp(p->part[i].name, "machine")) {
			uint8_t *to = state_pack(p->part[i].desc, p->part[i].object, packed);
			h = mix(h, packed, (size_t)(to - packed));
		}
	free(packed);
	return h;
}
