/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the card drivers and kernel/nic.c, which picks one. */
#ifndef PLENUM_KERNEL_NIC_H
#define PLENUM_KERNEL_NIC_H

#include <kernel/kernel.h>
#include <kernel/pci.h>

#include "net/eth/eth.h"

/* A frame with what a driver puts before it, rounded up so that buffers do not share cache lines. */
#define NIC_PREFIX_BYTES_MAX 16u
#define NIC_BUFFER_BYTES 4608u
_Static_assert(NIC_PREFIX_BYTES_MAX + ETH_FRAME_BYTES_MAX <= NIC_BUFFER_BYTES && NIC_BUFFER_BYTES % 64 == 0, "buffer size");

#define NIC_MTU_DEFAULT 1500u		/* IEEE 802.3 section 3.2.7: what any link carries */
#define NIC_MTU_MIN 576u		/* RFC 791: what any host accepts */

/* Set a card of the right kind up. NULL, with a line in the log, when it cannot be used; nothing is left running then. */
typedef struct nic *nic_driver_probe(const struct pci_function *function, void (*interrupt)(void *argument), void *argument,
				     unsigned cpu);
nic_driver_probe virtio_net_probe;
nic_driver_probe e1000e_probe;

#endif
