/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A component kernel's one network: card, Ethernet, RoCE device and RPC endpoint, under one lock. The lock protects
 * all the portable state machines of the component that hang on the device (cache and region client, or store).
 * It is held for the processing of packets only: every [blocks] call of the kernel panics if it is held.
 */
#ifndef PLENUM_NET_PORT_FABRIC_H
#define PLENUM_NET_PORT_FABRIC_H

#include <stdint.h>

#include "net/roce/roce.h"
#include "net/rpc/rpc.h"
#include "net/secure/secure.h"

struct fabric;

struct fabric_config {
	uint32_t address, netmask, gateway;	/* host byte order */
	struct roce_limits limits;
	const struct rpc_type *rpc_types;
	struct rpc_limits rpc_limits;
	uint16_t rpc_port;
	rpc_session_changed *session_changed;
	void *rpc_context;			/* handlers' and session_changed's context */
	/* The component's own machines: called under the lock after packets were taken in, and at their deadline. */
	void (*poll)(void *context, uint64_t now_ns);
	uint64_t (*deadline_ns)(void *context);
	void *poll_context;
};

/*
 * Bring the network up and start its thread on processor 0, from a thread there. rpc_open(), listeners and regions may be
 * added before that thread first runs, under the lock as always. Panics with the reason when there is no card, or no key.
 */
struct fabric *fabric_start(const struct fabric_config *config);
struct roce_device *fabric_device(struct fabric *fabric);
struct rpc_endpoint *fabric_rpc(struct fabric *fabric);
/* With the rack's key, as the boot configuration has it. */
struct secure *fabric_secure(struct fabric *fabric);
const uint8_t *fabric_mac(const struct fabric *fabric);

void fabric_lock(struct fabric *fabric);
/* Sends what the state machines have queued (one doorbell), then unlocks. */
void fabric_unlock(struct fabric *fabric);
/*
 * Counters of card, Ethernet, RoCE and RPC as "name=value\n" text; returns the length written (whole lines, at most
 * `bytes`). With or without the lock.
 */
size_t fabric_counters_text(struct fabric *fabric, char *text, size_t bytes);

#endif
