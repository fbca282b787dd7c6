/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the net*.c files: one back end is a row of net_kind, a queue of frames that wait for the guest, and its options. */
#ifndef RHEA_HOST_NET_INTERNAL_H
#define RHEA_HOST_NET_INTERNAL_H

#include <stdio.h>

#include "host/net.h"

#define NET_QUEUE_FRAMES 256u /* waiting for the guest; more are dropped, or held back in a socket */
#define NET_MAX_OPTIONS 96u

/* ---- options: "kind,key=value,..." ---- */

struct net_option {
	const char *key, *value; /* value "" without "=" */
	bool taken;
};

struct net_spec {
	char *text; /* owned; the options point into it */
	const char *label; /* the whole, for messages */
	struct net_option options[NET_MAX_OPTIONS];
	unsigned n;
};

/* The value of the next option `key` that was not taken yet, NULL when there is none. */
const char *net_spec_take(struct net_spec *s, const char *key);
/* The same, on or off; *value stays without one. */
enum rhea_status net_spec_take_bool(struct net_spec *s, const char *key, bool *value, struct rhea_error *err);

/* ---- back ends ---- */

struct net;

struct net_kind {
	const char *name;
	const char *known; /* its options, for messages */
	enum rhea_status (*open)(struct net *n, struct net_spec *spec, struct rhea_error *err); /* close follows in any case */
	void (*close)(struct net *n);
	void (*send)(struct net *n, const uint8_t *frame, unsigned len);
	void (*prepare)(struct net *n, struct poll_set *polls); /* the rest as struct pollable */
	void (*handle)(struct net *n, const struct poll_set *polls);
	bool (*can_input)(const struct net *n);
};

extern const struct net_kind net_kind_user, net_kind_socket;

struct net_frame;

struct net {
	struct net_host host;
	struct netdev *front;
	const struct net_kind *kind;
	void *state; /* the kind's */
	struct pollable pollable;
	struct net_frame *first, **last;
	unsigned n_frames;
	bool delivering;
	bool delivered; /* the guest got a frame: the machine must not go to sleep now */
	bool complained;
	FILE *dump; /* pcap, or NULL */
	char *label;
};

/* A frame from the network: to the guest, or to the queue, or lost. */
void net_to_guest(struct net *n, const uint8_t *frame, unsigned len);
/* False while frames should be held back. */
bool net_wants_frames(const struct net *n);
void net_set_link(struct net *n, bool link);
void net_complain(struct net *n, const char *reason); /* on stderr; once until the link comes up again */

#endif
