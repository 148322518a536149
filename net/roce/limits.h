/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits and times of net/roce, each with its reason. What a device's owner decides stands in struct roce_limits. */
#ifndef PLENUM_NET_ROCE_LIMITS_H
#define PLENUM_NET_ROCE_LIMITS_H

#include <stdint.h>

#define MILLISECOND UINT64_C(1000000)
#define NEVER UINT64_MAX

#define TABLE_ENTRIES_MAX 65536u		/* of any table of a device: 16 bits of a number index, the rest is random */
#define QUEUE_EVENTS_MAX (1u << 20)
#define SEND_DEPTH_MAX UINT16_MAX

#define WINDOW_PACKETS_MAX 128u			/* per queue pair, rxe's own limit (RXE_MAX_UNACKED_PSNS) */
#define WINDOW_BYTES_MAX (256u << 10)		/* about what a rack's round trip holds; bounds bursts into a peer's ring */
#define WINDOW_BYTES_FIRST (4u << 10)		/* of 32 senders at once, less than a switch port of 256 KiB holds */
#define WINDOW_IDLE_NS (10 * MILLISECOND)	/* after such a pause nothing is known of the path: the first window again */
#define WINDOW_PACKETS_MIN 4u			/* after a loss that was found without a timeout */
#define READ_CHUNK_PACKETS 16u			/* a long READ is requested in pieces: the requester paces the responder */
#define ECN_MASK 3u				/* of the TOS byte */
#define ECN_CAPABLE 2u
#define ECN_CONGESTED 3u
#define ACK_REQUEST_PACKETS 16u			/* ask for an acknowledgement at least this often */
/*
 * Unanswered sequence numbers, from the oldest hole on, overshot by at most a chunk. More than a window, because what has
 * arrived beyond a hole is not under way: so the window stays full while a hole is repaired.
 */
#define SEQUENCE_SPAN_MAX 256u
#define UNANSWERED_MAX (SEQUENCE_SPAN_MAX - READ_CHUNK_PACKETS)

/*
 * A packet counts as lost when one was seen that was sent this many later (as TCP's three duplicates), or the last one that
 * was sent at all: networks reorder by a packet or two.
 */
#define REORDER_PACKETS 3u
/*
 * Losses of one window that say nothing about congestion: one, and one more for each so many packets of it. Rings that
 * overflow lose more at a time.
 */
#define LOSS_TOLERATED_SHARE 16u
#define HELD_REPORT_BITS SEQUENCE_SPAN_MAX	/* how far behind the missing packet requests are kept */

#define READS_PENDING_MAX 64u			/* per queue pair; advertised as responder resources */
#define ANSWERS_MAX_DEFAULT 512u		/* of all queue pairs together, see roce_limits */
#define ATOMIC_QUEUE_PAIRS_MAX_DEFAULT 16u
#define HANDSHAKES_MAX_DEFAULT 128u
#define REPLAYS_MAX READS_PENDING_MAX		/* repeated READs and atomics waiting to be answered: a peer may go back over all */
/*
 * A peer that repairs holes one by one asks again for little more than was lost. So it gets one packet again for each
 * REPLAY_PART new ones, and a whole window each REPLAY_REFILL_MS: who replays its requests cannot make us send much more.
 */
#define REPLAY_PART 8u
#define REPLAY_CREDIT_MAX (REPLAY_PART * SEQUENCE_SPAN_MAX)
#define REPLAY_REFILL_MS 20u
_Static_assert(REPLAY_CREDIT_MAX <= UINT16_MAX, "the credit fits");
#define ATOMIC_RESULTS_MAX READS_PENDING_MAX	/* kept for repetitions: all that a peer may have under way */
#define ATOMIC_BYTES 8u
#define PROTECTION_WINDOW 256u			/* packets that may be overtaken by later ones when they carry MACs */
#define NOTICE_PAUSE_NS UINT64_C(50000)		/* between two notices of congestion, as adapters do it */
#define MESSAGE_BYTES_MAX (1u << 31)		/* of the protocol */

/*
 * Scheduling stalls of a virtual rack's processors are 10 to 50 ms long, so a shorter floor would retransmit without
 * loss. Real machines want 1 ms.
 */
#define RETRANSMIT_FLOOR_NS (20 * MILLISECOND)
#define RETRANSMIT_FIRST_NS (100 * MILLISECOND)	/* before the first round trip was measured */
#define RETRANSMIT_CEILING_NS (500 * MILLISECOND)
/*
 * Tail-loss probe: when nothing was answered for twice a round trip, or for a round trip and four times its variance, the last
 * packet is sent again, long before the retransmission timer; and, as a probe may be lost too, some more times, each after
 * twice as long. The variance keeps it clear of ordinary scheduling delays; the floor is for paths whose round trips hardly
 * vary. A probe that was needless (both it and what it repeats were answered) doubles the time until the next; every round
 * trip that could be measured halves it again. So when round trips become longer, probes do not keep them from being
 * measured for ever.
 */
#define PROBE_FLOOR_NS (MILLISECOND / 50)	/* below it, timers are no good */
#define PROBE_FIRST_NS (4 * MILLISECOND)	/* before the first round trip was measured */
#define PROBE_BACKOFF_MAX 6u
#define PROBES_MAX 3u				/* until something is answered */
#define GIVE_UP_NS (3000 * MILLISECOND)		/* no progress: the peer is gone */
#define RNR_GIVE_UP_NS (30000 * MILLISECOND)	/* the peer answers, but is never ready */
#define RNR_TIMER_CODE 14u			/* 1.28 ms: what we ask a peer to wait */

#define CLOCK_LATE_MAX_NS (100 * MILLISECOND)	/* past the first deadline: more is a jump */
#define CLOCK_BACK_MAX_NS (10 * MILLISECOND)	/* less is two threads that read the clock before they took the lock */

#define CM_RETRY_NS (200 * MILLISECOND)		/* first repetition; doubles */
#define CM_RETRY_CEILING_NS (800 * MILLISECOND)
#define CM_REPLY_GIVE_UP_NS (5000 * MILLISECOND) /* REP without RTU */
#define CM_DISCONNECT_TRIES 4u
#define CM_LINGER_NS (1000 * MILLISECOND)	/* after a fatal NAK of ours: time for the peer to hang up itself */
#define CM_TIMEWAIT_NS (500 * MILLISECOND)	/* a queue pair number is not used again; cut short when a table is full */
#define CM_REPLIES_MAX 32u			/* stateless answers waiting to be sent */
#define CM_EVENTS_PER_CONNECTION 2u		/* CONNECT_REQUEST or ESTABLISHED, and one that ends it */

#endif
