/* SPDX-License-Identifier: GPL-2.0-only */
/* Long bodies: offered by their sender, READ by their receiver (R10). */
#include "net/rpc/internal.h"

bool rpc_pull_offer(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t body, uint32_t len_bytes,
		    uint32_t *rkey, struct rpc_pull *pull)
{
	struct roce_memory_config config = {
		.access = ROCE_ACCESS_REMOTE_READ,
		.peer = rpc_peer_tag(session->tag),
	};

	roce_memory_plain(&config, endpoint->bodies[body], len_bytes);
	assert(*rkey == 0 && len_bytes > RPC_INLINE_BYTES_MAX && len_bytes <= RPC_BODY_BYTES_MAX);
	if (roce_memory_register(endpoint->config.device, &config, rkey) != 0)
		return false;
	*pull = (struct rpc_pull){ .address = config.base, .rkey = *rkey, .len_bytes = len_bytes };
	rpc_mac_body(endpoint, session, endpoint->bodies[body], len_bytes, pull->tag);
	return true;
}

void rpc_pull_withdraw(struct rpc_endpoint *endpoint, uint32_t *rkey)
{
	if (*rkey != 0)
		roce_memory_deregister(endpoint->config.device, *rkey);
	*rkey = 0;
}

bool rpc_pull_parse(const struct rpc_header *header, const uint8_t *body, struct rpc_pull *pull)
{
	if (header->body_len_bytes < sizeof(*pull))
		return false;
	memcpy(pull, body, sizeof(*pull));
	return pull->len_bytes > RPC_INLINE_BYTES_MAX && pull->len_bytes <= RPC_BODY_BYTES_MAX;
}

bool rpc_pull_start(struct rpc_endpoint *endpoint, const struct rpc_session *session, const struct rpc_pull *pull, uint16_t body,
		    enum cookie_kind kind, uint32_t index, uint64_t now_ns)
{
	uint64_t cookie = cookie_make(rpc_session_index(endpoint, session), session->connection_serial, kind, index);

	assert(pull->len_bytes <= RPC_BODY_BYTES_MAX);
	return roce_post_read(endpoint->config.device, session->qpn, cookie, endpoint->bodies[body], pull->len_bytes,
			      pull->address, pull->rkey, now_ns) == 0;
}
