/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters as text, in pieces that fit a reply. */
#include <assert.h>
#include <string.h>

#include <plenum/wire.h>

#include "lib/histogram.h"
#include "net/node/counters.h"

#define DECIMAL_BYTES_MAX 20u		/* of a uint64_t */
#define TYPE_COUNTER_BYTES_MAX 64u	/* rpc_type_NAME_WHAT */

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

const struct rpc_type_name node_type_names[] = {
#define TYPE_NAME(name, number) { number, #name },
	WIRE_TYPES(TYPE_NAME)
#undef TYPE_NAME
	{ 0 },
};

static void append_of_type(char *text, size_t bytes, size_t *len, const char *type, const char *what, uint64_t value)
{
	static const char prefix[] = "rpc_type_";
	char name[TYPE_COUNTER_BYTES_MAX];
	size_t type_len = strlen(type), what_len = strlen(what), at = sizeof(prefix) - 1;

	assert(at + type_len + what_len + 2 <= sizeof(name));
	memcpy(name, prefix, at);
	memcpy(name + at, type, type_len);
	at += type_len;
	name[at++] = '_';
	memcpy(name + at, what, what_len + 1);
	node_counters_append(text, bytes, len, name, value);
}

static void append_type(char *text, size_t bytes, size_t *len, const char *type, const struct rpc_type_stats *stats)
{
#define APPEND_TYPE(what, value) append_of_type(text, bytes, len, type, what, value)
	if (stats->calls > 0) {
		APPEND_TYPE("calls", stats->calls);
		APPEND_TYPE("calls_failed", stats->calls_failed);
		APPEND_TYPE("errors", stats->errors);
		APPEND_TYPE("call_bytes", stats->call_bytes);
		APPEND_TYPE("call_p50_us", histogram_quantile_ns(&stats->call, 500) / 1000);
		APPEND_TYPE("call_p99_us", histogram_quantile_ns(&stats->call, 990) / 1000);
	}
	if (stats->served > 0) {
		APPEND_TYPE("served", stats->served);
		APPEND_TYPE("refusals", stats->refusals);
		APPEND_TYPE("serve_bytes", stats->serve_bytes);
		APPEND_TYPE("serve_p50_us", histogram_quantile_ns(&stats->serve, 500) / 1000);
		APPEND_TYPE("serve_p99_us", histogram_quantile_ns(&stats->serve, 990) / 1000);
	}
#undef APPEND_TYPE
}

void node_counters_append_rpc(char *text, size_t bytes, size_t *len, const struct rpc_endpoint *endpoint)
{
	const struct rpc_counters *counters = rpc_counters(endpoint);
	const struct rpc_type_stats *stats;
	const char *type;

#define APPEND_RPC(name) node_counters_append(text, bytes, len, "rpc_" #name, counters->name);
	RPC_COUNTERS(APPEND_RPC)
#undef APPEND_RPC
	for (uint32_t i = 0; (stats = rpc_type_stats(endpoint, i, &type)) != NULL; i++)
		append_type(text, bytes, len, type, stats);
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
