/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards and the back ends they are plugged into. */
#include <string.h>

#include "api/machine.h"

static const uint8_t default_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* Before the board is built: its cards read their address then. */
void machine_init_nets(struct rhea *m)
{
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		memcpy(m->net[i].mac, default_mac, sizeof default_mac);
		m->net[i].mac[5] = (uint8_t)(default_mac[5] + i);
		m->hw.net[i] = &m->net[i];
	}
}

void machine_close_nets(struct rhea *m)
{
	for (unsigned i = 0; i < MACHINE_NICS; i++) {
		net_close(m->net_ends[i]);
		m->net_ends[i] = NULL;
	}
}

static uint64_t virtual_ns(void *opaque)
{
	struct rhea *m = opaque;
	return vclock_now(&m->vcpu->clock);
}

unsigned rhea_net_count(const struct rhea *m)
{
	return m->board->nics;
}

enum rhea_status rhea_net_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err)
{
	struct net_host host = {.polls = m->polls, .now_ns = virtual_ns, .opaque = m, .log = &m->log};
	if (n >= rhea_net_count(m))
		return error_set(err, RHEA_ERR_USAGE, "-nic %.200s: machine %s has %u network cards, there is no card %u", spec,
				 m->board->name, rhea_net_count(m), n);
	net_close(m->net_ends[n]);
	return net_open(&m->net_ends[n], &host, &m->net[n], spec, err);
}
