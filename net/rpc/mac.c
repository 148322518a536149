/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message authentication (R11). A session keeps its connection's two keys; made ready for use they are seven times as
 * large, so those stand in a cache, the most recently used first.
 */
#include "net/rpc/internal.h"

/* Both directions of a connection have keys of their own: one label does for both. */
#define MAC_LABEL "plenum rpc message"

void rpc_mac_init(struct secure_mac *mac, const uint8_t key[SECURE_KEY_BYTES])
{
	secure_mac_init(mac, key, MAC_LABEL);
}

static void unlink_mac(struct rpc_endpoint *endpoint, uint16_t index)
{
	const struct rpc_mac *mac = &endpoint->macs[index];

	*(mac->before == RPC_NONE ? &endpoint->mac_first : &endpoint->macs[mac->before].after) = mac->after;
	*(mac->after == RPC_NONE ? &endpoint->mac_last : &endpoint->macs[mac->after].before) = mac->before;
}

static void link_first(struct rpc_endpoint *endpoint, uint16_t index)
{
	struct rpc_mac *mac = &endpoint->macs[index];

	mac->before = RPC_NONE;
	mac->after = endpoint->mac_first;
	*(mac->after == RPC_NONE ? &endpoint->mac_last : &endpoint->macs[mac->after].before) = index;
	endpoint->mac_first = index;
}

/* The session's keys, ready for use. */
static struct rpc_mac *mac_of(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint16_t index = session->mac == RPC_NONE ? endpoint->mac_last : session->mac;
	struct rpc_mac *mac = &endpoint->macs[index];

	if (endpoint->mac_first != index) {
		unlink_mac(endpoint, index);
		link_first(endpoint, index);
	}
	if (session->mac != RPC_NONE)
		return mac;
	if (mac->session != RPC_NONE)
		endpoint->sessions[mac->session].mac = RPC_NONE;
	session->mac = index;
	mac->session = (uint16_t)rpc_session_index(endpoint, session);
	rpc_mac_init(&mac->send, session->key_send);
	rpc_mac_init(&mac->receive, session->key_receive);
	return mac;
}

void rpc_mac_pool(struct rpc_endpoint *endpoint)
{
	endpoint->mac_first = endpoint->mac_last = RPC_NONE;
	for (uint32_t i = 0; i < endpoint->config.limits.macs_max; i++) {
		endpoint->macs[i].session = RPC_NONE;
		link_first(endpoint, (uint16_t)i);
	}
}

void rpc_mac_start(struct rpc_session *session, const uint8_t *send, const uint8_t *receive)
{
	assert(session->mac == RPC_NONE);
	memcpy(session->key_send, send, SECURE_KEY_BYTES);
	memcpy(session->key_receive, receive, SECURE_KEY_BYTES);
	session->messages_sent = session->messages_received = 0;
	session->secrets_sealed = 0;
}

void rpc_mac_end(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	if (session->mac != RPC_NONE) {
		struct rpc_mac *mac = &endpoint->macs[session->mac];

		secure_erase(&mac->send, sizeof(mac->send));
		secure_erase(&mac->receive, sizeof(mac->receive));
		mac->session = RPC_NONE;
		session->mac = RPC_NONE;
	}
	secure_erase(session->key_send, sizeof(session->key_send));
	secure_erase(session->key_receive, sizeof(session->key_receive));
}

/* ---------------------------------------------------------------- messages */

void rpc_mac_seal_with(const struct secure_mac *mac, uint64_t counter, uint8_t *message, uint32_t len_bytes)
{
	assert(len_bytes >= RPC_HEADER_BYTES && len_bytes <= RPC_MESSAGE_BYTES_MAX - RPC_TRAILER_BYTES);
	secure_mac_seal(mac, counter, message, len_bytes);
}

bool rpc_mac_good_with(const struct secure_mac *mac, uint64_t counter, uint8_t *message, uint32_t len_bytes)
{
	if (len_bytes < RPC_HEADER_BYTES + RPC_TRAILER_BYTES || len_bytes > RPC_MESSAGE_BYTES_MAX)
		return false;
	return secure_mac_open(mac, counter, message, len_bytes - RPC_TRAILER_BYTES);
}

void rpc_mac_seal(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes)
{
	rpc_mac_seal_with(&mac_of(endpoint, session)->send, session->messages_sent, message, len_bytes);
}

bool rpc_mac_good(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes)
{
	return rpc_mac_good_with(&mac_of(endpoint, session)->receive, session->messages_received++, message, len_bytes);
}

/* ---------------------------------------------------------------- long bodies */

void rpc_mac_body(struct rpc_endpoint *endpoint, struct rpc_session *session, const uint8_t *body, uint32_t len_bytes,
		  uint8_t tag[SECURE_TAG_BYTES])
{
	secure_mac_tag(&mac_of(endpoint, session)->send, session->messages_sent | RPC_BODY_COUNTER, body, len_bytes, tag);
}

bool rpc_mac_body_good(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t counter, const uint8_t *body,
		       uint32_t len_bytes, const uint8_t tag[SECURE_TAG_BYTES])
{
	return secure_mac_verify(&mac_of(endpoint, session)->receive, counter | RPC_BODY_COUNTER, body, len_bytes, tag);
}
