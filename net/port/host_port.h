/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Linux program's way onto the rack's network: the own transport over a UDP socket (udp.h) or an RDMA device of the
 * machine (verbs.h), chosen when it is opened. Afterwards both look alike: a RoCE device for the roce_ functions, and a file
 * descriptor for the program's loop, whose pass is host_port_receive(), the program's own work, host_port_send().
 *
 * Only programs that are linked with ROCE_CHOICE (see choice.c) may open it.
 */
#ifndef PLENUM_NET_PORT_HOST_PORT_H
#define PLENUM_NET_PORT_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/port/udp.h"
#include "net/roce/roce.h"

#define HOST_PORT_KINDS "auto, udp or verbs"
#define HOST_PORT_REASON_BYTES 192u

enum host_port_kind {
	HOST_PORT_AUTO,			/* verbs when an RDMA device has the address, else UDP */
	HOST_PORT_UDP,
	HOST_PORT_VERBS,
};

struct host_port {
	int fd;				/* poll for POLLIN, and for POLLOUT while host_port_blocked() */
	struct roce_device *device;
	size_t device_bytes;		/* of memory; 0 where the kernel keeps it */
	uint32_t path_mtu_bytes;	/* the most */
	struct udp_port *udp;		/* NULL: verbs */
	char reason[HOST_PORT_REASON_BYTES];	/* for the log: why it is what it is */
};

/* False: not one of HOST_PORT_KINDS. */
bool host_port_parse(const char *text, enum host_port_kind *kind);

/*
 * Open the port of `config->address` (which must be one of the machine's) with a device of `config`. path_mtu_bytes 0 there:
 * the most that the link carries. `foreign_peers`: see udp.h. 0, or a negative errno with one line for the operator in
 * `error`.
 */
int host_port_open(struct host_port *port, enum host_port_kind kind, const struct roce_config *config, bool foreign_peers,
		   uint64_t now_ns, char *error, size_t error_bytes);
void host_port_close(struct host_port *port);
/* "udp" or "verbs". */
const char *host_port_name(const struct host_port *port);

/* Take in what has arrived, and run the device's timers that are due. */
void host_port_receive(struct host_port *port, uint64_t now_ns);
/* Send what the device has to say. */
void host_port_send(struct host_port *port, uint64_t now_ns);
bool host_port_blocked(const struct host_port *port);

#endif
