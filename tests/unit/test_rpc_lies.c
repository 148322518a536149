// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that is past its greeting and lies: each lie is counted under its name, changes nothing, and leaves the honest client served.
 */
#include "tests/unit/rpc_hostile_fixture.h"

static struct rpc_header good_header(uint16_t type, uint16_t slot, uint32_t sequence)
{
	return (struct rpc_header){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR,
				    .header_len_bytes = RPC_HEADER_BYTES, .type = type, .source_node = 66, .session = 7,
				    .slot = slot, .sequence = sequence };
}

static void liar_says(struct pair *pair, struct liar *liar, struct rpc_header header, uint32_t len_bytes)
{
	rpc_message_seal(liar->message, &header, liar->message + RPC_HEADER_BYTES, len_bytes);
	liar_send(pair, liar, RPC_HEADER_BYTES + len_bytes);
}

static void lying_headers(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_header header;
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);

	memset(liar.message, 0x5a, sizeof(liar.message));
	liar_send(pair, &liar, RPC_MESSAGE_BYTES_MAX - RPC_TRAILER_BYTES);
	assert_int_equal(counters->refused_magic, 1);
	memset(liar.message, 0, sizeof(liar.message));
	header = good_header(TYPE_COUNT, 0, 1);
	header.header_len_bytes = RPC_HEADER_BYTES + 8;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_length, 1);
	header = good_header(TYPE_COUNT, 0, 1);
	header.version_major = 9;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_version, 1);
	header = good_header(TYPE_COUNT, 0, 1);
	header.flags = RPC_FLAG_HELLO;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_hello, 1);
	assert_int_equal(pair->server.ran[0], 0);
	assert_int_equal(liar.received, 0);
	honest_is_served(pair);
	free(liar.secure);
}

/* Sessions, slots and sequence numbers that are not its own, or not the next. */
static void lying_places(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_header header;
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 0, 1), 4);	/* good: runs once, is answered */
	assert_int_equal(pair->server.ran[0], 1);
	assert_int_equal(liar.received, 1);

	header = good_header(TYPE_COUNT, 0, 2);
	header.session = 0x111;					/* the honest client's */
	liar_says(pair, &liar, header, 4);
	header.session = 7;
	header.destination_node = 12;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_session, 2);
	liar_says(pair, &liar, good_header(TYPE_COUNT, RPC_SLOTS, 1), 4);
	liar_says(pair, &liar, good_header(TYPE_COUNT, UINT16_MAX, 1), 4);
	assert_int_equal(counters->refused_slot, 2);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 0, 3), 4);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 0, 0), 4);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 1, 0), 4);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 1, UINT32_MAX), 4);
	liar_says(pair, &liar, good_header(TYPE_ECHO, 0, 1), 4);	/* repeated, but as something else */
	assert_int_equal(counters->refused_sequence, 5);
	header = good_header(TYPE_ECHO, 3, 1);
	header.flags = RPC_FLAG_REPLY;				/* to nothing */
	header.session = 0x222;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_sequence, 6);
	assert_int_equal(pair->server.ran[0], 1);
	assert_int_equal(liar.received, 1);
	/* The same request again is replayed, not run. */
	liar_says(pair, &liar, good_header(TYPE_COUNT, 0, 1), 4);
	assert_int_equal(pair->server.ran[0], 1);
	assert_int_equal(liar.received, 2);
	assert_int_equal(counters->replayed, 1);
	honest_is_served(pair);
	free(liar.secure);
}

/* Somebody on the wire puts a message of his own in the place of one: the connection ends, nothing else happens. */
static void bad_mac(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_header header = good_header(TYPE_COUNT, 0, 1);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	for (unsigned round = 0; round < 3; round++) {
		rpc_message_seal(liar.message, &header, liar.message + RPC_HEADER_BYTES, 4);
		if (round == 0)		/* one bit of the body */
			rpc_mac_seal_with(&liar.mac_send, liar.counter_sent, liar.message, RPC_HEADER_BYTES + 4);
		else			/* the message before, or the one after, once more */
			rpc_mac_seal_with(&liar.mac_send, liar.counter_sent + (round == 1 ? -1 : 1), liar.message,
					  RPC_HEADER_BYTES + 4);
		liar.message[RPC_HEADER_BYTES] ^= round == 0;
		assert_int_equal(roce_post_send(liar.device, liar.qpn, 1, liar.message, RPC_HEADER_BYTES + 4 + RPC_TRAILER_BYTES,
						pair->wire.now_ns), 0);
		wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
		assert_true(liar.ended);
		assert_int_equal(rpc_counters(pair->server.endpoint)->refused_mac, round + 1);
		assert_int_equal(pair->server.downs, round + 1);
		assert_int_equal(rpc_counters(pair->server.endpoint)->requests_received, 0);
		liar_opens(pair, &liar, 7);
	}
	honest_is_served(pair);
	free(liar.secure);
}

/* Bodies that are nowhere: lengths out of range, a region that is not there, a tag that does not fit. */
static void lying_bodies(void **state)
{
	static uint8_t body[1000];
	struct pair *pair = *state;
	static struct liar liar;
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);
	const struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .context = body, .len_bytes = sizeof(body),
						   .access = ROCE_ACCESS_REMOTE_READ };
	struct rpc_header header = good_header(TYPE_ECHO, 0, 1);
	struct rpc_pull pull = { .len_bytes = RPC_INLINE_BYTES_MAX };

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	header.flags = RPC_FLAG_PULL;
	memcpy(liar.message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull));
	pull.len_bytes = RPC_BODY_BYTES_MAX + 1;
	memcpy(liar.message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull));
	pull.len_bytes = UINT32_MAX;
	memcpy(liar.message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull) - 1);
	assert_int_equal(counters->refused_body, 4);
	assert_true(liar.up);
	pull.len_bytes = 1000;
	memcpy(liar.message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull));	/* its READ fails */
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_true(liar.ended);
	liar_opens(pair, &liar, 7);
	assert_int_equal(roce_memory_register(liar.device, &region, &pull.rkey), 0);
	memcpy(liar.message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(pair, &liar, header, sizeof(pull));	/* READ, but not what was sealed */
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_true(liar.ended);
	assert_int_equal(counters->refused_body, 5);
	assert_int_equal(liar.received, 0);
	honest_is_served(pair);
	free(liar.secure);
}

/* More requests than were granted: dropped and counted, and the ping's receive is still there. */
static void more_than_granted(void **state)
{
	struct pair *pair = *state;
	struct rpc_endpoint *server = pair->server.endpoint;
	static struct liar liar;
	uint16_t taken[RPC_SERVES_DEFAULT];
	const struct rpc_session *session;
	unsigned count = 0;

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	session = &server->sessions[pair->server.session & 0xffff];
	while (server->serves_free.first != RPC_NONE)
		taken[count++] = rpc_list_pop(&server->serves_free, server->serve_links);
	for (uint16_t i = 0; i < RPC_SLOTS + 3; i++)
		liar_says(pair, &liar, good_header(TYPE_HOLD, i % RPC_SLOTS, 1), 0);
	assert_in_range(rpc_counters(server)->refused_credits, 3, RPC_SLOTS);
	assert_int_equal(rpc_counters(server)->requests_delayed, RPC_SLOTS + 3 - rpc_counters(server)->refused_credits);
	assert_int_equal(session->waiting, rpc_counters(server)->requests_delayed);
	assert_int_equal(session->grants, 1);
	assert_int_equal(pair->server.held, 0);
	while (count > 0)
		rpc_list_push(&server->serves_free, server->serve_links, taken[--count]);
	server->admit_due = true;
	honest_is_served(pair);
	assert_int_equal(pair->server.held, rpc_counters(server)->requests_delayed);
	assert_int_equal(roce_counters(pair->server.device)->rnr_naks_sent, 0);
	free(liar.secure);
}

/* A new request in a slot whose last one still runs: the liar cannot have seen an answer. */
static void impatient_slot(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	liar_says(pair, &liar, good_header(TYPE_HOLD, 0, 1), 0);
	liar_says(pair, &liar, good_header(TYPE_HOLD, 0, 2), 0);
	liar_says(pair, &liar, good_header(TYPE_HOLD, 0, 1), 0);
	assert_int_equal(pair->server.held, 1);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_sequence, 1);
	assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[0], 0, NULL, 0, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_int_equal(liar.received, 1);
	liar_says(pair, &liar, good_header(TYPE_HOLD, 0, 2), 0);
	assert_int_equal(pair->server.held, 2);
	honest_is_served(pair);
	free(liar.secure);
}

/* The server calls a liar, who answers with what was not asked, twice, and with a status that no reply has. */
static void lying_replies(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	static struct outcome outcome;
	struct rpc_header header;

	pair_open(pair);
	liar_make(pair, &liar);
	liar_opens(pair, &liar, 7);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_int_equal(node_call(&pair->server, TYPE_ECHO, "?", 1, 0, &outcome), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_int_equal(liar.received, 1);
	header = good_header(TYPE_ECHO, 0, 1);
	header.flags = RPC_FLAG_REPLY;
	liar_says(pair, &liar, header, 0);		/* for another caller */
	header.session = 0x222;
	header.type = TYPE_COUNT;
	liar_says(pair, &liar, header, 0);
	header.type = TYPE_ECHO;
	header.sequence = 2;
	liar_says(pair, &liar, header, 0);
	header.sequence = 1;
	header.slot = 5;
	liar_says(pair, &liar, header, 0);
	assert_int_equal(outcome.done, 0);
	header.slot = 0;
	header.status = 17;
	liar_says(pair, &liar, header, RPC_INLINE_BYTES_MAX);
	assert_int_equal(outcome.done, 1);
	assert_int_equal(outcome.status, -EPROTO);
	liar_says(pair, &liar, header, 0);
	assert_int_equal(outcome.done, 1);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_sequence, 4);
	honest_is_served(pair);
	free(liar.secure);
}

/* The same address connects over and over, as other incarnations: one session, nobody else disturbed. */
static void endless_reincarnation(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;

	pair_open(pair);
	liar_make(pair, &liar);
	for (unsigned i = 0; i < 50; i++) {
		const struct rpc_hello hello = { 0 };

		liar_connect(pair, &liar);
		assert_true(liar.up);
		liar_greets(pair, &liar, good_hello(1000 + i), &hello, sizeof(hello));
		if (i % 2 == 0)
			wire_run(&pair->wire, NULL, NULL, WIRE_MILLISECOND);
		roce_disconnect(liar.device, liar.connection, pair->wire.now_ns);
		if (i % 3 == 0)
			wire_run(&pair->wire, NULL, NULL, 700 * WIRE_MILLISECOND);
	}
	honest_is_served(pair);
	assert_in_range(pair->server.resets, 20, 50);
	free(liar.secure);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(lying_headers), T(lying_places), T(bad_mac), T(lying_bodies), T(more_than_granted), T(impatient_slot),
		T(lying_replies), T(endless_reincarnation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
