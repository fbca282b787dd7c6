/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded events (input_log.h) done again, each by its kind. What they hold may come from a file: nothing is trusted. */
#include <string.h>

#include "api/input_events.h"

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
		input_log_end(l);
	return true;
}

bool input_event_do(struct input_log *l, const struct input_event *e)
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

const char *input_event_name(unsigned kind)
{
	static const char *const names[EVENT_KINDS] = {
		"serial input", "a frame", "keys", "the mouse", "a reset", "an interrupt line", "a wait", "a semihosting call",
		"the state of core and devices", "the state at the end", "a held interrupt", "what a debugger wrote",
		"a break",
	};
	return kind < EVENT_KINDS ? names[kind] : "?";
}
