/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters as text, in pieces that fit a reply. */
#include <assert.h>
#include <string.h>

#include "net/node/counters.h"

#include <plenum/wire.h>

#define DECIMAL_BYTES_MAX 20u		/* of a uint64_t */

void node_counters_append(char *text, size_t bytes, size_t *len, const char *name, uint64_t value)
{
	char digits[DECIMAL_BYTES_MAX];
	size_t name_len = strlen(name), count = 0;

	assert(*len <= bytes);
	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	if (bytes - *len < name_len + count + 2)
		return;
	memcpy(text + *len, name, name_len);
	*len += name_len;
	text[(*len)++] = '=';
	while (count > 0)
		text[(*len)++] = digits[--count];
	text[(*len)++] = '\n';
}

void node_counters_serve(struct node_counters *counters, struct rpc_endpoint *endpoint, const struct rpc_request *request,
			 uint64_t now_ns)
{
	struct wire_node_counters piece;
	size_t left;

	assert(request->len_bytes >= sizeof(piece));
	memcpy(&piece, request->body, sizeof(piece));
	if (piece.offset_bytes == 0) {
		counters->len_bytes = counters->fill(counters->context, counters->text, sizeof(counters->text));
		assert(counters->len_bytes <= sizeof(counters->text));
	}
	if (piece.offset_bytes >= counters->len_bytes) {
		rpc_reply(endpoint, request->token, 0, NULL, 0, now_ns);
		return;
	}
	left = counters->len_bytes - piece.offset_bytes;
	if (left > RPC_BODY_BYTES_MAX)
		left = RPC_BODY_BYTES_MAX;
	rpc_reply(endpoint, request->token, 0, counters->text + piece.offset_bytes, (uint32_t)left, now_ns);
}
