/* SPDX-License-Identifier: GPL-2.0-only */
/* The message codec: building and checking headers. Nothing of a received message is trusted before rpc_decode(). */
#include <string.h>

#include "net/rpc/internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little-endian and so must we be");

int rpc_decode(const uint8_t *message, size_t len_bytes, struct rpc_header *header, const uint8_t **body)
{
	if (len_bytes < RPC_HEADER_BYTES) {
		memset(header, 0, sizeof(*header));
		return -EMSGSIZE;
	}
	memcpy(header, message, sizeof(*header));
	if (header->magic != RPC_MAGIC)
		return -EBADMSG;
	/* Another major version may measure differently: nothing more can be said about it. */
	if (header->version_major != RPC_VERSION_MAJOR)
		return -EOPNOTSUPP;
	if (len_bytes > RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX || header->header_len_bytes < RPC_HEADER_BYTES ||
	    header->header_len_bytes > len_bytes || header->header_len_bytes % 8 != 0)
		return -EMSGSIZE;
	if (header->body_len_bytes > RPC_INLINE_BYTES_MAX || header->body_len_bytes != len_bytes - header->header_len_bytes)
		return -EMSGSIZE;
	*body = message + header->header_len_bytes;
	return 0;
}

void rpc_message_header(const struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_header *header)
{
	memset(header, 0, sizeof(*header));
	header->magic = RPC_MAGIC;
	header->version_major = RPC_VERSION_MAJOR;
	header->version_minor = RPC_VERSION_MINOR;
	header->header_len_bytes = RPC_HEADER_BYTES;
	header->source_node = endpoint->config.node;
	header->destination_node = session->peer_node;
	header->session = endpoint->config.incarnation;
	header->credits = session->granted;
	header->acknowledged = (uint16_t)~session->calls_waiting;
}

/* `body` may already stand behind the header in `message`. */
void rpc_message_seal(uint8_t *message, struct rpc_header *header, const void *body, uint32_t len_bytes)
{
	assert(len_bytes <= RPC_INLINE_BYTES_MAX);
	if (len_bytes > 0 && body != message + RPC_HEADER_BYTES)
		memcpy(message + RPC_HEADER_BYTES, body, len_bytes);
	header->body_len_bytes = len_bytes;
	memcpy(message, header, sizeof(*header));
}
