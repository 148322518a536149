/* SPDX-License-Identifier: GPL-2.0-only */
/* rpc_decode() with any bytes, as if their MAC had been good. */
#include <assert.h>

#include "net/rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *message, size_t len_bytes)
{
	struct rpc_header header;
	const uint8_t *body = NULL;
	uint32_t sum = 0;

	if (rpc_decode(message, len_bytes, &header, &body) != 0)
		return;
	/* What was accepted lies within the message, every byte of it, and so do its followers. */
	for (unsigned follower = 0; ; follower++) {
		assert(body >= message + RPC_HEADER_BYTES && (size_t)(body - message) + header.body_len_bytes <= len_bytes);
		for (uint32_t i = 0; i < header.body_len_bytes; i++)
			sum += body[i];
		if (follower == header.followers)
			break;
		rpc_decode_follower(message, &header, &body);
	}
	assert((size_t)(body - message) + header.body_len_bytes + RPC_TRAILER_BYTES > len_bytes);	/* but what fills it up */
	assert(sum <= 255u * RPC_INLINE_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(data, size);
	return 0;
}
