/* SPDX-License-Identifier: GPL-2.0-only */
/* The Linux network link that has an address: what the RoCE device over the UDP port has to know of it. */
#ifndef PLENUM_NET_PORT_LINK_H
#define PLENUM_NET_PORT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_MAC_BYTES 6u
#define LINK_NAME_BYTES 16u		/* with the final NUL, as IFNAMSIZ */

struct link {
	uint32_t mtu_bytes;
	uint32_t path_mtu_bytes;	/* the largest RoCE path MTU whose packets the link carries */
	char name[LINK_NAME_BYTES];	/* empty: unknown */
	uint8_t mac[LINK_MAC_BYTES];	/* all zero for links without (lo) */
};

/* Describe the link of `address` (host byte order). False when none has it: then it is described as plain Ethernet. */
bool link_of_address(uint32_t address, struct link *link);

#endif
