/* SPDX-License-Identifier: GPL-2.0-only */
/* Hellos: the first message of each direction of a connection. */
#include "net/rpc/internal.h"

static void seal(const struct rpc_endpoint *endpoint, uint8_t *message, struct rpc_header *header, const struct rpc_hello *hello)
{
	header->flags |= RPC_FLAG_HELLO;
	header->session = endpoint->config.incarnation;
	rpc_message_seal(message, header, hello, sizeof(*hello));
}

bool rpc_hello_send(struct rpc_endpoint *endpoint, struct rpc_session *session, bool resumed, uint64_t now_ns)
{
	struct rpc_hello hello = { .peer_incarnation = session->bound ? session->peer_incarnation : 0, .resumed = resumed };
	struct rpc_header header;

	assert(session->messages_sent == 0 && !session->control_under_way);
	rpc_message_header(endpoint, session, &header);
	header.flags = session->opener ? 0 : RPC_FLAG_REPLY;
	seal(endpoint, session->control, &header, &hello);
	session->control_under_way = rpc_transfer_send(endpoint, session, session->control, RPC_HEADER_BYTES + sizeof(hello),
						       COOKIE_CONTROL, 0, now_ns);
	return session->control_under_way;
}

uint32_t rpc_hello_refuse(const struct rpc_endpoint *endpoint, uint8_t *message, int status)
{
	const struct rpc_session nobody = { 0 };
	const struct rpc_hello hello = { 0 };
	struct rpc_header header;

	rpc_message_header(endpoint, &nobody, &header);
	header.flags = RPC_FLAG_REPLY;
	header.status = status;
	seal(endpoint, message, &header, &hello);
	return RPC_HEADER_BYTES + sizeof(hello);
}

int rpc_hello_parse(struct rpc_endpoint *endpoint, const uint8_t *message, uint32_t len_bytes, uint16_t flags,
		    struct rpc_header *header, struct rpc_hello *hello)
{
	const uint8_t *body;
	int status = rpc_decode(message, len_bytes, header, &body);

	if (status == -EOPNOTSUPP) {
		endpoint->counters.refused_version++;
		return status;
	}
	if (status != 0 || header->flags != (RPC_FLAG_HELLO | flags) || header->body_len_bytes < sizeof(*hello) ||
	    header->session == 0) {
		endpoint->counters.refused_hello++;
		return -EPROTO;
	}
	memcpy(hello, body, sizeof(*hello));
	return 0;
}

void rpc_hello_refused(struct rpc_endpoint *endpoint, uint32_t address, int status, uint8_t version_major, uint64_t now_ns)
{
	endpoint->counters.refused_peer++;
	if (endpoint->config.peer_refused != NULL)
		endpoint->config.peer_refused(endpoint->config.context, address, status, version_major, now_ns);
}

const char *rpc_refusal_reason(int status)
{
	switch (status) {
	case -EOPNOTSUPP:
		return "it speaks another major version of the protocol";
	case -ENOBUFS:
		return "no session is free";
	default:
		return "its first message makes no sense";
	}
}
