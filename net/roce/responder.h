/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the responder: responder.c executes requests, responder_output.c sends answers. */
#ifndef PLENUM_NET_ROCE_RESPONDER_H
#define PLENUM_NET_ROCE_RESPONDER_H

#include "net/roce/internal.h"

#define SYNDROME_ACK 0x1fu		/* no credits: flow control is above us */
#define SYNDROME_RNR (0x20u | RNR_TIMER_CODE)
#define SYNDROME_SEQUENCE 0x60u
#define SYNDROME_INVALID 0x61u
#define SYNDROME_ACCESS 0x62u
#define SYNDROME_OPERATIONAL 0x63u

static inline struct response *response_at(struct responder *r, uint32_t i)
{
	uint32_t index = r->responses_head + i;

	return &r->responses[index < RESPONSES_MAX ? index : index - RESPONSES_MAX];
}

/* Does this answer carry data, which no later answer can stand for? */
static inline bool response_is_data(const struct response *response)
{
	return response->kind == RESPONSE_READ || response->kind == RESPONSE_ATOMIC;
}

static inline void response_append(struct responder *r, const struct response *response)
{
	assert(r->responses_count < RESPONSES_MAX);
	*response_at(r, r->responses_count++) = *response;
	r->reads += response_is_data(response);
}

static inline void response_remove_first(struct responder *r)
{
	assert(r->responses_count > 0);
	r->reads -= response_is_data(response_at(r, 0));
	r->responses_head = r->responses_head + 1 < RESPONSES_MAX ? r->responses_head + 1 : 0;
	r->responses_count--;
}

static inline void responses_drop(struct responder *r)
{
	r->responses_head = r->responses_count = r->reads = 0;
	r->replays_head = r->replays_count = 0;
}

void roce_responder_owe_nak(struct responder *r, uint8_t syndrome, uint64_t sequence);
/* Owe a NAK for the packet `sequence`; one that is not RNR ends the queue pair. */
void roce_responder_refuse(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence);
/* What a region's owner answered, as a NAK. */
uint8_t roce_responder_syndrome(struct roce_device *device, int status);

#endif
