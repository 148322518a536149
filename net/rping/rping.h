/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rping's protocol (rdma-core's librdmacm/examples/rping.c), both roles, on one connection. Pure like net/roce: events in,
 * work out. Used by plenum-rping and by the kernels' service (service.h). docs/rocev2.md section 1.13. One round:
 *
 *	client SENDs where its text is {address 64, rkey 32, len 32}	server READs the text
 *	server SENDs "go on" (16 bytes, contents ignored)		client SENDs where its sink is
 *	server WRITEs the text there					server SENDs "done"; client compares
 *
 *  P1  Every receive is posted before the SEND that makes the peer fill it.
 *  P2  A message that is not 16 bytes, more of them than the protocol has, or a length beyond our buffer ends it with an error.
 *  P3  At most one READ or WRITE and one SEND of ours are under way.
 *
 *	server	TEXT_PLACE --message--> READING --done--> SINK_PLACE --message, go on sent--> WRITING --done--> DONE --sent--> round
 *	client	GO_ON --message, text place sent--> DONE --message, sink place sent--> round
 */
#ifndef PLENUM_NET_RPING_H
#define PLENUM_NET_RPING_H

#include "net/roce/roce.h"

#define RPING_PORT 7174u
#define RPING_SIZE_MIN_BYTES 32u	/* room for the text's head */
#define RPING_SIZE_MAX_BYTES 65536u	/* rping's own limit */
#define RPING_MESSAGE_BYTES 16u
#define RPING_RECEIVES 4u
#define RPING_SENDS 2u			/* work requests under way, at most */

enum rping_step { RPING_TEXT_PLACE, RPING_READING, RPING_SINK_PLACE, RPING_WRITING, RPING_GO_ON, RPING_DONE };

/* What the peer said about its memory. */
struct rping_place {
	uint64_t address;
	uint32_t rkey, len_bytes;
};

struct rping {
	/* Set by the owner before rping_prepare(), and his. */
	struct roce_device *device;
	uint32_t qpn;
	uint8_t *text;			/* RPING_SIZE_MAX_BYTES */
	/* A client's only: */
	uint8_t *sink;			/* RPING_SIZE_MAX_BYTES; NULL: it is a server */
	uint32_t text_rkey, sink_rkey;	/* the peer may READ the one and WRITE the other, from address 0 on */
	uint32_t size_bytes;		/* RPING_SIZE_MIN_BYTES to RPING_SIZE_MAX_BYTES */
	bool validate;

	enum rping_step step;
	bool sending;
	uint64_t rounds;
	uint32_t len_bytes;		/* of the text of this or the last round */
	const char *failure;		/* why rping_event() returned an error */
	uint32_t messages;		/* received, not yet taken by the round */
	struct rping_place places[RPING_RECEIVES];
	uint8_t receives[RPING_RECEIVES][RPING_MESSAGE_BYTES];
	uint8_t out[RPING_MESSAGE_BYTES];
};

/* Post receives, before the peer may send. 0, or an error of roce_post_receive(). */
int rping_prepare(struct rping *rping);
/* Client: begin the next round, when connected and after each round that ended. 0, or an error of roce_post_send(). */
int rping_begin(struct rping *rping, uint64_t now_ns);
/*
 * A completion of this queue pair. 1: a round has ended with it. 0: it goes on. Negative: it cannot go on, `failure` says why:
 * hang up. Flushed work (-ECONNRESET) is ignored. A server's text is whole from the READ's completion until the next
 * roce_input(), a client's sink from the end of a round until the next rping_begin().
 */
int rping_event(struct rping *rping, const struct roce_event *event, uint64_t now_ns);

#endif
