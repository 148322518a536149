/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue pairs connected by hand: both sides tell each other QPN and PSN by some other way (ibv_rc_pingpong: TCP), and the
 * connection manager stays out of it. For tests against other RDMA stacks.
 *
 *	roce_manual_create --> tell the peer address, QPN, PSN; learn the peer's --> roce_manual_start --> post work
 *
 * The connection is ended by roce_disconnect(), in either state. No ESTABLISHED event comes; DISCONNECTED does when the
 * queue pair fails.
 */
#ifndef PLENUM_NET_ROCE_MANUAL_H
#define PLENUM_NET_ROCE_MANUAL_H

#include "net/roce/roce.h"

struct roce_manual {
	uint32_t connection;		/* for roce_disconnect() */
	uint32_t qpn;			/* ours */
	uint32_t psn;			/* the first that we send */
};

struct roce_manual_peer {
	uint32_t address;
	uint32_t qpn;
	uint32_t psn;			/* the first that it sends */
	uint32_t path_mtu_bytes;	/* agreed; at most our own */
	uint32_t reads_max;		/* READs that it takes at a time */
};

/* A queue pair that may post receives. 0, -EINVAL (no such queue), -ENOBUFS. */
int roce_manual_create(struct roce_device *device, int queue, struct roce_manual *manual);
/* 0, -ENOENT (no such connection), -EINVAL (started already, or a value out of range); nothing has changed then. */
int roce_manual_start(struct roce_device *device, const struct roce_manual *manual, const struct roce_manual_peer *peer);

#endif
