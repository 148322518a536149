/* SPDX-License-Identifier: GPL-2.0-only */
/* The pools that all sessions share: message buffers, call and serve records, long bodies. */
#include "net/rpc/internal.h"

void rpc_list_fill(struct rpc_list *list, uint16_t *links, uint32_t first, uint32_t count)
{
	list->first = RPC_NONE;
	for (uint32_t i = 0; i < count; i++)
		rpc_list_push(list, links, (uint16_t)(first + i));
}

void rpc_list_remove(struct rpc_list *list, uint16_t *links, uint16_t index)
{
	uint16_t before = RPC_NONE;

	for (uint16_t i = list->first; i != index; i = links[i])
		before = i;
	if (before == RPC_NONE)
		list->first = links[index];
	else
		links[before] = links[index];
	if (list->last == index)
		list->last = before;
}

uint16_t rpc_buffer_copy(struct rpc_endpoint *endpoint, const struct rpc_arrival *arrival)
{
	struct rpc_header header = arrival->header;
	uint16_t buffer = rpc_buffer_take(endpoint);

	/* R9: a served request's own; a call's, whose posted receive is on another account. */
	assert(buffer != RPC_NONE);
	rpc_message_seal(endpoint->buffers[buffer].message, &header, arrival->body, header.body_len_bytes);
	return buffer;
}

uint16_t rpc_body_take(struct rpc_endpoint *endpoint, struct rpc_list *free)
{
	return rpc_list_pop(free, endpoint->body_links);
}

static void something_is_free(struct rpc_endpoint *endpoint)
{
	if (endpoint->waiting.first == RPC_NONE && endpoint->pulls_waiting.first == RPC_NONE)
		return;
	endpoint->admit_due = true;
	rpc_deadline_lower(endpoint, 0);
}

static void body_free(struct rpc_endpoint *endpoint, struct rpc_list *free, uint16_t *body)
{
	if (*body == RPC_NONE)
		return;
	rpc_list_push(free, endpoint->body_links, *body);
	*body = RPC_NONE;
	something_is_free(endpoint);
}

struct rpc_call *rpc_call_take(struct rpc_endpoint *endpoint)
{
	uint16_t index = rpc_list_pop(&endpoint->calls_free, endpoint->call_links);
	struct rpc_call *call;

	if (index == RPC_NONE)
		return NULL;
	call = &endpoint->calls[index];
	*call = (struct rpc_call){ .buffer = rpc_buffer_take(endpoint), .reply_buffer = RPC_NONE, .body = RPC_NONE };
	assert(call->buffer != RPC_NONE);	/* R9 */
	return call;
}

void rpc_call_free(struct rpc_endpoint *endpoint, struct rpc_call *call)
{
	assert(!call->queued && !call->under_way && !call->reading && call->rkey == 0);
	rpc_buffer_free(endpoint, call->buffer);
	if (call->reply_buffer != RPC_NONE)
		rpc_buffer_free(endpoint, call->reply_buffer);
	body_free(endpoint, &endpoint->call_bodies_free, &call->body);
	call->state = CALL_FREE;
	rpc_list_push(&endpoint->calls_free, endpoint->call_links, (uint16_t)(call - endpoint->calls));
}

struct rpc_serve *rpc_serve_take(struct rpc_endpoint *endpoint)
{
	uint16_t index = rpc_list_pop(&endpoint->serves_free, endpoint->serve_links);

	if (index == RPC_NONE)
		return NULL;
	endpoint->serves[index] = (struct rpc_serve){ .buffer = RPC_NONE, .body = RPC_NONE };
	return &endpoint->serves[index];
}

void rpc_serve_body_free(struct rpc_endpoint *endpoint, struct rpc_serve *serve)
{
	body_free(endpoint, &endpoint->serve_bodies_free, &serve->body);
}

void rpc_serve_free(struct rpc_endpoint *endpoint, struct rpc_serve *serve)
{
	assert(!serve->queued && !serve->under_way && serve->rkey == 0);
	if (serve->buffer != RPC_NONE)
		rpc_buffer_free(endpoint, serve->buffer);
	rpc_serve_body_free(endpoint, serve);
	serve->state = SERVE_FREE;
	rpc_list_push(&endpoint->serves_free, endpoint->serve_links, (uint16_t)(serve - endpoint->serves));
	something_is_free(endpoint);
}
