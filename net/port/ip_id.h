/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IP ID of a datagram whose IP header cannot be seen, from its ICRC (docs/rocev2.md section 1.6).
 *
 * The ICRC covers the ID, and a UDP socket does not show it. Our own nodes send ID 0; rdma_rxe and hardware count. A CRC
 * is affine in every bit it covers, so of all 65536 IDs at most one makes the ICRC right, and it can be computed. The
 * price: a damaged packet passes with probability 2^-16 instead of 2^-32, so this is for peers that leave no choice.
 */
#ifndef PLENUM_NET_PORT_IP_ID_H
#define PLENUM_NET_PORT_IP_ID_H

#include <stdbool.h>

#include "lib/crc.h"
#include "net/roce/roce.h"

/* Set `ip_id` to the one that makes the ICRC right. False, and nothing set: there is none, or the datagram is too short. */
bool ip_id_recover(struct roce_datagram *datagram, const struct crc_implementation *crc);

#endif
