/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's ends of a machine's network cards: a user-mode network (libslirp), a socket to another
 * emulator, nothing. Used from the machine's thread only. Nothing here blocks the guest: frames that nobody
 * takes are dropped, as on a wire, and every queue is bounded.
 */
#ifndef RHEA_HOST_NET_H
#define RHEA_HOST_NET_H

#include "host/pollset.h"
#include "runtime/device.h"

struct net;

/* What a back end needs of the machine. All must outlive it. */
struct net_host {
	struct poll_set *polls;
	uint64_t (*now_ns)(void *opaque); /* virtual time: what the guest's retransmissions are measured with */
	void *opaque;
	struct log *log;                  /* complaints about the guest's packets; may be NULL */
};

/*
 * Gives `d` the back end that `spec` names as QEMU's -nic does, and plugs in the cable. Specs: none;
 * user[,hostfwd=RULE]...[,restrict=on]...; socket,listen=|connect=|udp=|fd=; each with mac=, model=, id=, dump=FILE.
 * net_close undoes it.
 */
enum rhea_status net_open(struct net **net, const struct net_host *host, struct netdev *d, const char *spec,
			  struct rhea_error *err);
void net_close(struct net *n); /* NULL is allowed */

#endif
