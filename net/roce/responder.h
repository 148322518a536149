/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the responder: responder.c executes requests, responder_replay.c takes repeated ones,
 * responder_output.c sends answers.
 */
#ifndef PLENUM_NET_ROCE_RESPONDER_H
#define PLENUM_NET_ROCE_RESPONDER_H

#include "net/roce/internal.h"

#define SYNDROME_ACK 0x1fu		/* no credits: flow control is above us */
#define SYNDROME_RNR (0x20u | RNR_TIMER_CODE)
#define SYNDROME_SEQUENCE 0x60u
#define SYNDROME_INVALID 0x61u
#define SYNDROME_ACCESS 0x62u
#define SYNDROME_OPERATIONAL 0x63u

static inline void response_append(struct response_list *list, struct response *response)
{
	response->next = NULL;
	if (list->count++ == 0)
		list->first = response;
	else
		list->last->next = response;
	list->last = response;
}

static inline void response_remove_first(struct roce_device *device, struct response_list *list)
{
	struct response *response = list->first;

	assert(list->count > 0);
	list->first = response->next;
	list->count--;
	roce_pool_give(&device->answers, response);
}

static inline void responses_drop(struct roce_device *device, struct responder *r)
{
	while (r->owed.count > 0)
		response_remove_first(device, &r->owed);
	while (r->replays.count > 0)
		response_remove_first(device, &r->replays);
	r->word.kind = WORD_NONE;
}

/* For all that was executed. */
void roce_responder_owe_ack(struct responder *r);
void roce_responder_owe_nak(struct responder *r, uint8_t syndrome, uint64_t sequence);
/* Owe a NAK for the packet `sequence`; one that is not RNR ends the queue pair. */
void roce_responder_refuse(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence);
/* What a region's owner answered, as a NAK. */
uint8_t roce_responder_syndrome(struct roce_device *device, int status);

/* May the peer READ what it asks for? Counts why not. */
bool roce_responder_read_allowed(struct roce_device *device, const struct queue_pair *qp, const struct roce_packet *packet);
/* Packets of an answer of `len_bytes`. */
uint32_t roce_responder_read_packets(const struct queue_pair *qp, uint32_t len_bytes);
void roce_responder_fill_read(struct response *response, const struct responder *r, const struct roce_packet *packet,
			      uint64_t sequence);

/* responder_replay.c */
/* READ packets were answered for the first time. */
void roce_responder_earn_replays(struct responder *r, uint32_t packets);
/* A request that came before. */
void roce_responder_repetition(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			       uint64_t sequence, uint64_t now_ns);

#endif
