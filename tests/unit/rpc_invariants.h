/* SPDX-License-Identifier: GPL-2.0-only */
/* What must hold in an RPC endpoint between any two calls: every buffer, record and body is somebody's, once. */
#ifndef PLENUM_TESTS_RPC_INVARIANTS_H
#define PLENUM_TESTS_RPC_INVARIANTS_H

#include <assert.h>

#include "net/rpc/internal.h"

static inline uint32_t rpc_list_length(const struct rpc_list *list, const uint16_t *links)
{
	uint32_t length = 0;

	for (uint16_t i = list->first; i != RPC_NONE; i = links[i])
		length++;
	return length;
}

/* R5, R9: of one session. Returns the buffers it holds. */
static inline uint32_t rpc_check_session(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	uint32_t posted = rpc_list_length(&session->posted, endpoint->buffer_links), sure = session->opener ? 1 : 2;
	uint32_t hold = (uint32_t)session->grants + session->waiting;

	if (!rpc_session_has_connection(session))
		assert(posted == 0 && session->waiting == 0 && session->unanswered == 0);
	assert(session->spare == (hold > sure ? hold - sure : 0) + session->surplus + (uint32_t)__builtin_popcount(session->together));
	assert(session->surplus <= session->expected - session->unanswered);
	assert(hold <= RPC_GRANTS_MAX && session->unanswered <= session->expected && posted <= RPC_RECEIVES);
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		const struct rpc_call *call = rpc_call_of(endpoint, session, i);
		uint16_t serve = session->serves[i];

		assert(call == NULL || call->slot == i);
		assert(serve == RPC_NONE || (endpoint->serves[serve].slot == i && endpoint->serves[serve].state != SERVE_GONE));
		assert(((session->calls_busy & rpc_bit(i)) != 0) == (call != NULL || (session->abandoned & rpc_bit(i))));
		assert((session->calls_wanted & rpc_bit(i)) == 0 || call != NULL);
		assert(((session->replies_kept & rpc_bit(i)) != 0) ==
		       (serve != RPC_NONE && endpoint->serves[serve].state == SERVE_REPLIED));
	}
	return posted;
}

static inline void rpc_check(const struct rpc_endpoint *endpoint)
{
	const struct rpc_limits *limits = &endpoint->config.limits;
	uint32_t buffers = rpc_list_length(&endpoint->buffers_free, endpoint->buffer_links), spare = 0, calls = 0, serves = 0;
	uint32_t bodies = rpc_list_length(&endpoint->call_bodies_free, endpoint->body_links) +
			  rpc_list_length(&endpoint->serve_bodies_free, endpoint->body_links);

	buffers += rpc_list_length(&endpoint->waiting, endpoint->buffer_links) + endpoint->pending_count;
	for (uint32_t i = 0; i < limits->sessions_max; i++) {
		if (endpoint->sessions[i].state == SESSION_FREE)
			continue;
		buffers += rpc_check_session(endpoint, &endpoint->sessions[i]);
		spare += endpoint->sessions[i].spare;
	}
	for (uint32_t i = 0; i < limits->calls_max; i++) {
		const struct rpc_call *call = &endpoint->calls[i];

		if (call->state == CALL_FREE)
			continue;
		calls++;
		buffers += 1u + (call->reply_buffer != RPC_NONE);
		bodies += call->body != RPC_NONE;
	}
	for (uint32_t i = 0; i < limits->serves_max; i++) {
		const struct rpc_serve *serve = &endpoint->serves[i];

		if (serve->state == SERVE_FREE)
			continue;
		serves++;
		buffers += serve->buffer != RPC_NONE;
		bodies += serve->body != RPC_NONE;
	}
	assert(buffers == endpoint->buffers_count);
	assert(bodies == limits->call_bodies_max + limits->serve_bodies_max);
	assert(calls + rpc_list_length(&endpoint->calls_free, endpoint->call_links) == limits->calls_max);
	assert(serves + rpc_list_length(&endpoint->serves_free, endpoint->serve_links) == limits->serves_max);
	assert(spare == endpoint->spare_used && spare <= limits->receives_max);
}

#endif
