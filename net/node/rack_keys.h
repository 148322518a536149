/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rack's keys on their way from the manager to the nodes, sealed under the keys of the session that carries them: who
 * has recorded it and steals a key later reads nothing.
 *
 * The message says which keys there are from now on, and which is in use; it may be said again. The manager takes three
 * steps, each only when every node has taken the one before: old in use and new known; new in use and old known; new alone.
 * So at any moment every two nodes have a key in common that both accept.
 */
#ifndef PLENUM_NET_NODE_RACK_KEYS_H
#define PLENUM_NET_NODE_RACK_KEYS_H

#include <stdint.h>

#include <plenum/wire.h>

#include "net/node/data_door.h"
#include "net/rpc/rpc.h"
#include "net/secure/secure.h"

/* The message's body for one session. 0; -ENOTCONN: the session has no connection now. */
int rack_keys_seal(struct rpc_endpoint *endpoint, uint32_t session, const struct secure_key_set *keys,
		   struct wire_rack_keys *body);
/*
 * Serve WIRE_RACK_KEYS: know these keys and no others. Replies 0; -EINVAL; -EBADMSG (sealed for another connection: say it
 * again); -ENOBUFS (they have no key in common with what is known: one step at a time).
 */
void rack_keys_serve(struct secure *secure, struct rpc_endpoint *endpoint, const struct rpc_request *request,
		     uint64_t now_ns);
/*
 * To be called after rpc_poll(), not from its callbacks: when a key was forgotten, sessions of `endpoint` and connections of
 * `door` (NULL: there is none) that were made with it end. Zeroed at first.
 */
struct rack_keys_watch {
	uint32_t version;		/* of what `ids` says */
	unsigned count;
	uint8_t ids[SECURE_KEYS_MAX];
};
void rack_keys_watch(struct rack_keys_watch *watch, const struct secure *secure, struct rpc_endpoint *endpoint,
		     struct data_door *door, uint64_t now_ns);
/* What serving does, without the message: 0, or -EINVAL or -ENOBUFS and nothing changed. */
int rack_keys_apply(struct secure *secure, const struct secure_key_set *keys);

#endif
