/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits that more than one component must agree on (invariant I7). A limit that
 * concerns one component only stands in that component's own header.
 */
#ifndef PLENUM_LIMITS_H
#define PLENUM_LIMITS_H

#include <stdint.h>

#include <generated/autoconf.h>

#define NODES_MAX CONFIG_NODES_MAX		/* nodes in one rack */
#define VMS_PER_NODE_MAX CONFIG_VMS_PER_NODE_MAX /* VMs on one process component */
#define VCPUS_PER_VM_MAX CONFIG_VCPUS_PER_VM_MAX
#define REGIONS_PER_VM_MAX CONFIG_REGIONS_PER_VM_MAX
#define VM_MEMORY_BYTES_MAX UINT64_C(0xc0000000)	/* guest memory is flat from 0 and ends below device space */
#define VM_CACHE_LINES_MIN (2u * CONFIG_CACHE_WAYS) /* a share is at least two sets */
#define REPLICAS_MAX 3				/* copies of one region */
#define REGION_MOVES_PER_NODE_MAX 4		/* regions that one process component moves at the same time */

#define NODE_NAME_BYTES 32			/* with the final NUL */
#define VM_NAME_BYTES 32
#define VM_COMMAND_LINE_BYTES 1024
#define BUILD_ID_BYTES 24

#endif
