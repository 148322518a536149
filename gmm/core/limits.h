/* SPDX-License-Identifier: GPL-2.0-only */
/* The limits of the manager's tables and texts. */
#ifndef PLENUM_GMM_LIMITS_H
#define PLENUM_GMM_LIMITS_H

#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/wire.h>

#define GMM_NODE_FIRST (WIRE_NODE_MANAGER + 1)	/* node ids count from here, in the order of the configuration */
#define GMM_VMS_MAX (NODES_MAX * VMS_PER_NODE_MAX)
#define GMM_REGIONS_MAX 131072u			/* in the rack: 8 TiB of guests at 64 MiB */
#define GMM_OPERATIONS_MAX 64u			/* under way at once */
#define GMM_CALLS_PER_NODE_MAX 8u		/* of the RPC session's slots; the rest is for console and counters */
#define GMM_CALLS_MAX (NODES_MAX * GMM_CALLS_PER_NODE_MAX)
#define GMM_EVENTS_MAX 1024u			/* kept for the operator */
#define GMM_ENDED_MAX 1024u			/* operations that ended, kept for the operator */
#define GMM_KEY_BYTES 65u			/* of a request, with the final NUL */
#define GMM_KEY_HOURS 24u			/* a request is known by its key for so long after its operation ended */
#define GMM_WHO_BYTES 32u			/* name of who asked, with the final NUL */
#define GMM_DIGEST_BYTES 32u
#define GMM_TEXT_BYTES 256u			/* one line for the operator */
#define GMM_FILE_BYTES 512u			/* path of a guest's kernel or initrd */
#define GMM_RETURN_MS 15000u			/* nodes that an earlier manager knew have so long to join again */
#define GMM_BODY_BYTES_MAX 4096u		/* of a call */
#define GMM_NODE_PAGES_MAX (UINT64_C(1) << 31)	/* 8 TiB: keeps products of two page counts within 64 bits */
#define GMM_TICK_NS UINT64_C(100000000)
#define GMM_NONE UINT32_MAX
#define GMM_DRAIN_MOVES_MAX 4u			/* that one drain has under way, one a VM at the most */
#define GMM_DRAIN_FAILURES_MAX 8u		/* moves in a row that may fail before a drain does */
#define GMM_DRAIN_RETRY_NS UINT64_C(1000000000)	/* after a move that failed */

_Static_assert(GMM_VMS_MAX <= 65536 && GMM_CALLS_MAX <= 65536, "indices fit in 16 bits of a token");

#endif
