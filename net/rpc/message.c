/* SPDX-License-Identifier: GPL-2.0-only */
/* The message codec: building and checking headers. Nothing of a received message is trusted before rpc_decode(). */
#include <string.h>

#include "net/rpc/internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little-endian and so must we be");

static size_t aligned(size_t len_bytes)
{
	return (len_bytes + RPC_ALIGNMENT - 1) & ~(size_t)(RPC_ALIGNMENT - 1);
}

/* The length of a message whose last follower's body ends at `len_bytes`. */
static size_t whole(size_t len_bytes)
{
	return (len_bytes + RPC_TRAILER_BYTES - 1) & ~(size_t)(RPC_TRAILER_BYTES - 1);
}

/* R12: do the followers fill the message, and are they what may follow? */
static bool followers_valid(const uint8_t *message, size_t len_bytes, const struct rpc_header *header)
{
	size_t place = aligned(header->header_len_bytes + header->body_len_bytes);
	struct rpc_follower follower;

	if (header->followers > RPC_FOLLOWERS_MAX || (header->flags & (RPC_FLAG_PING | RPC_FLAG_PULL | RPC_FLAG_HELLO)))
		return false;
	for (unsigned i = 0; i < header->followers; i++) {
		if (place > len_bytes || len_bytes - place < sizeof(follower))
			return false;
		memcpy(&follower, message + place, sizeof(follower));
		place += sizeof(follower);
		if ((follower.flags & ~(RPC_FLAG_ABANDONED | RPC_FLAG_TOGETHER)) || follower.body_len_bytes > len_bytes - place)
			return false;
		place = aligned(place + follower.body_len_bytes);
	}
	return whole(place) == len_bytes;
}

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
	if (header->body_len_bytes > RPC_INLINE_BYTES_MAX || header->body_len_bytes > len_bytes - header->header_len_bytes)
		return -EMSGSIZE;
	*body = message + header->header_len_bytes;
	if (header->followers > 0)
		return followers_valid(message, len_bytes, header) ? 0 : -EMSGSIZE;
	return header->body_len_bytes == len_bytes - header->header_len_bytes ? 0 : -EMSGSIZE;
}

void rpc_decode_follower(const uint8_t *message, struct rpc_header *header, const uint8_t **body)
{
	const uint8_t *place = message + aligned((size_t)(*body - message) + header->body_len_bytes);
	struct rpc_follower follower;

	memcpy(&follower, place, sizeof(follower));
	header->header_len_bytes = RPC_HEADER_BYTES;
	header->type = follower.type;
	header->flags = (header->flags & RPC_FLAG_REPLY) | follower.flags;
	header->body_len_bytes = follower.body_len_bytes;
	header->slot = follower.slot;
	header->sequence = follower.sequence;
	header->deadline_us = follower.deadline_us;
	header->epoch = follower.epoch;
	header->status = follower.status;
	*body = place + sizeof(follower);
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

bool rpc_message_has_room(uint32_t message_bytes, uint32_t len_bytes)
{
	return len_bytes <= RPC_INLINE_BYTES_MAX &&
	       aligned(message_bytes) + RPC_FOLLOWER_BYTES + len_bytes <= RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX;
}

uint32_t rpc_message_append(uint8_t *message, uint32_t message_bytes, const struct rpc_header *header, const void *body)
{
	uint32_t len_bytes = header->body_len_bytes, place = (uint32_t)aligned(message_bytes);
	const struct rpc_follower follower = {
		.type = header->type, .flags = header->flags & ~RPC_FLAG_REPLY, .slot = header->slot,
		.body_len_bytes = (uint16_t)len_bytes, .sequence = header->sequence, .deadline_us = header->deadline_us,
		.epoch = header->epoch, .status = header->status,
	};
	struct rpc_header *first = (struct rpc_header *)(void *)message;

	assert(rpc_message_has_room(message_bytes, len_bytes) && first->followers < RPC_FOLLOWERS_MAX);
	first->followers++;
	memset(message + message_bytes, 0, place - message_bytes);
	memcpy(message + place, &follower, sizeof(follower));
	place += sizeof(follower);
	if (len_bytes > 0)
		memcpy(message + place, body, len_bytes);
	return place + len_bytes;
}

uint32_t rpc_message_end(uint8_t *message, uint32_t message_bytes)
{
	uint32_t end = (uint32_t)whole(message_bytes);

	memset(message + message_bytes, 0, end - message_bytes);
	return end;
}

void rpc_message_keep(uint8_t *message, const struct rpc_header *header, const uint8_t *body, uint32_t followers)
{
	uint8_t kept[RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX] __attribute__((aligned(RPC_ALIGNMENT)));
	struct rpc_header next = *header, first = *header;
	uint32_t len_bytes = RPC_HEADER_BYTES + header->body_len_bytes;

	first.header_len_bytes = RPC_HEADER_BYTES;
	first.followers = 0;
	rpc_message_seal(kept, &first, body, header->body_len_bytes);
	while (followers-- > 0) {
		rpc_decode_follower(message, &next, &body);
		len_bytes = rpc_message_append(kept, len_bytes, &next, body);
	}
	memcpy(message, kept, len_bytes);
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
