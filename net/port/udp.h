/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RoCE device's port on Linux: one UDP socket bound to address:4791.
 *
 * The ICRC covers the IPv4 header (docs/rocev2.md section 1.6): the socket is unconnected with path MTU discovery "do", which
 * makes Linux send DF and IP ID 0. It covers the ports too: the device must send from port 4791, as the socket does
 * (asserted). A UDP socket cannot see the ID of what arrives: peers are taken to send ID 0, as ours do. Others (rdma_rxe,
 * hardware) count: with `foreign_peers` the ID is computed from the ICRC, which then protects less, see ip_id.h. The rack's
 * own processes leave it off.
 */
#ifndef PLENUM_NET_PORT_UDP_H
#define PLENUM_NET_PORT_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crc.h"
#include "net/roce/roce.h"

#define UDP_PORT_BATCH 32u			/* datagrams per system call */
#define UDP_PORT_RECEIVE_BATCHES_MAX 8u		/* per call of udp_port_receive(), so that timers get their turn */
#define UDP_PORT_SOCKET_BYTES (4u << 20)	/* socket buffers asked for: bursts of a whole window from many nodes */

#define UDP_PORT_COUNTERS(X) \
	X(datagrams_received) X(datagrams_sent) X(drop_truncated) X(drop_sender) X(send_failed) X(send_blocked) X(receive_failed) \
	X(ids_recovered)

struct udp_port_counters {
#define UDP_PORT_COUNTER_FIELD(name) uint64_t name;
	UDP_PORT_COUNTERS(UDP_PORT_COUNTER_FIELD)
#undef UDP_PORT_COUNTER_FIELD
};

struct udp_port {
	int fd;				/* poll for POLLIN; and for POLLOUT while `blocked` */
	uint32_t address;		/* bound to; host byte order */
	const struct crc_implementation *crc;	/* the processor's best */
	uint32_t held, held_next;	/* datagrams taken from the device that the socket would not take yet */
	bool foreign_peers;		/* set after opening: accept any IP ID, not only 0 */
	bool blocked;			/* the socket's buffer is full: the device keeps its packets until it drains */
	struct udp_port_counters counters;
	uint32_t peer[UDP_PORT_BATCH];
	uint32_t len_bytes[UDP_PORT_BATCH];
	uint8_t out[UDP_PORT_BATCH][ROCE_DATAGRAM_BYTES_MAX];
	uint8_t in[UDP_PORT_BATCH][ROCE_DATAGRAM_BYTES_MAX + 1];	/* one more, to see the too long ones */
};

/*
 * Bind to `address` (host byte order). 0, or a negative errno (-EADDRINUSE: another gmmd, or the kernel's rxe driver,
 * has the port; -EADDRNOTAVAIL: not an address of this machine) with one line for the operator in `error`.
 */
int udp_port_open(struct udp_port *port, uint32_t address, char *error, size_t error_bytes);
void udp_port_close(struct udp_port *port);

/* Pass what has arrived to roce_input(). Returns the number of datagrams; more may wait when it is the most it takes. */
unsigned udp_port_receive(struct udp_port *port, struct roce_device *device, uint64_t now_ns);
/* Send what roce_output() has. Returns the number of datagrams. */
unsigned udp_port_send(struct udp_port *port, struct roce_device *device, uint64_t now_ns);

/* For poll(): milliseconds from now to the deadline, rounded up, -1 for none (UINT64_MAX), at most `ceiling_ms`. */
int udp_port_timeout_ms(uint64_t deadline_ns, uint64_t now_ns, int ceiling_ms);
/* CLOCK_MONOTONIC, for now_ns. */
uint64_t udp_port_now_ns(void);
/* A roce_environment's random, from the kernel's generator. */
void udp_port_random(void *context, void *bytes, size_t len);

#endif
