/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages that share a SEND (R12): what they may be, that all arrive, and that the receives of R5 and R9 add up. */
#include "tests/unit/rpc_fixture.h"
#include "tests/unit/rpc_invariants.h"

static uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(16)));

static struct rpc_header header_of(uint16_t slot, uint32_t len_bytes)
{
	return (struct rpc_header){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES,
				    .type = 100 + slot, .slot = slot, .sequence = 1000 + slot, .deadline_us = 5 + slot,
				    .epoch = 70 + slot, .status = -slot, .session = 9, .credits = 4, .body_len_bytes = len_bytes };
}

static uint32_t build(const uint32_t *lengths, uint32_t count)
{
	uint8_t body[RPC_INLINE_BYTES_MAX];
	struct rpc_header header = header_of(0, lengths[0]);
	uint32_t len;

	memset(body, 0, sizeof(body));
	rpc_message_seal(message, &header, body, lengths[0]);
	len = RPC_HEADER_BYTES + lengths[0];
	for (uint16_t i = 1; i < count; i++) {
		header = header_of(i, lengths[i]);
		memset(body, i, sizeof(body));
		assert_true(rpc_message_has_room(len, lengths[i]));
		len = rpc_message_append(message, len, &header, body);
	}
	return count > 1 ? rpc_message_end(message, len) : len;
}

static int decode_status(uint32_t len_bytes)
{
	uint8_t *copy = malloc(len_bytes ? len_bytes : 1);	/* so that a read beyond it is found */
	struct rpc_header header;
	const uint8_t *body;
	int status;

	memcpy(copy, message, len_bytes);
	status = rpc_decode(copy, len_bytes, &header, &body);
	free(copy);
	return status;
}

static void check_from(uint32_t first, const uint32_t *lengths, uint32_t count)
{
	struct rpc_header header;
	const uint8_t *body;

	memcpy(&header, message, sizeof(header));
	body = message + header.header_len_bytes;
	assert_int_equal(header.followers, count - first - 1);
	for (uint32_t i = first; i < count; i++) {
		assert_int_equal(header.slot, i);
		assert_int_equal(header.type, 100 + i);
		assert_int_equal(header.sequence, 1000 + i);
		assert_int_equal(header.deadline_us, 5 + i);
		assert_int_equal(header.epoch, 70 + i);
		assert_int_equal(header.status, -(int)i);
		assert_int_equal(header.body_len_bytes, lengths[i]);
		assert_int_equal(header.session, 9);
		for (uint32_t byte = 0; byte < lengths[i]; byte++)
			assert_int_equal(body[byte], i);
		if (i + 1 < count)
			rpc_decode_follower(message, &header, &body);
	}
}

static const uint32_t cases[][1 + RPC_FOLLOWERS_MAX] = {
	{ 0, 0, 0, 0, 0, 0 }, { 1, 2, 3, 4 }, { 24, 0, 8, 7 }, { 104, 0 }, { 0, 104 }, { 0, 1, 0, 1, 0 }, { 128 },
};
static const uint32_t counts[] = { 6, 4, 4, 2, 2, 5, 1 };

static void round_trip(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++)
		for (uint32_t first = 0; first < counts[c]; first++) {
			uint32_t len = build(cases[c], counts[c]);
			struct rpc_header header;
			const uint8_t *body;

			assert_true(len <= RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX);
			assert_true(counts[c] == 1 || len % RPC_TRAILER_BYTES == 0);
			assert_int_equal(rpc_decode(message, len, &header, &body), 0);
			check_from(0, cases[c], counts[c]);
			/* What is left when the first ones were taken in. */
			for (uint32_t i = 0; i < first; i++)
				rpc_decode_follower(message, &header, &body);
			rpc_message_keep(message, &header, body, counts[c] - first - 1);
			check_from(first, cases[c], counts[c]);
		}
}

static void room(void **state)
{
	(void)state;
	assert_false(rpc_message_has_room(RPC_HEADER_BYTES, 105));
	assert_true(rpc_message_has_room(RPC_HEADER_BYTES, 104));
	assert_false(rpc_message_has_room(RPC_HEADER_BYTES, UINT32_MAX));
	assert_false(rpc_message_has_room(RPC_HEADER_BYTES + 5 * RPC_FOLLOWER_BYTES, 0));
}

static void lies(void **state)
{
	struct rpc_header *header = (struct rpc_header *)(void *)message;
	struct rpc_follower *follower = (struct rpc_follower *)(void *)(message + RPC_HEADER_BYTES);
	uint32_t len = build(cases[0], 6);

	(void)state;
	assert_int_equal(decode_status(len), 0);
	for (uint32_t cut = RPC_HEADER_BYTES; cut < len; cut++)
		assert_int_equal(decode_status(cut), -EMSGSIZE);
	for (unsigned followers = 0; followers <= UINT16_MAX; followers += followers < 8 ? 1 : 997) {
		header->followers = (uint16_t)followers;
		assert_int_equal(decode_status(len), followers == 5 ? 0 : -EMSGSIZE);
	}
	header->followers = 5;
	follower->body_len_bytes = 9;		/* then the last one ends beyond the message */
	assert_int_equal(decode_status(len), -EMSGSIZE);
	follower->body_len_bytes = UINT16_MAX;
	assert_int_equal(decode_status(len), -EMSGSIZE);
	follower->body_len_bytes = 0;
	for (unsigned bit = 0; bit < 16; bit++) {
		follower->flags = (uint16_t)(1u << bit);
		assert_int_equal(decode_status(len),
				 follower->flags == RPC_FLAG_ABANDONED || follower->flags == RPC_FLAG_TOGETHER ? 0 : -EMSGSIZE);
	}
	follower->flags = 0;
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t alone[] = { RPC_FLAG_PING, RPC_FLAG_PULL, RPC_FLAG_HELLO };

		header->flags = alone[i];
		assert_int_equal(decode_status(len), -EMSGSIZE);
	}
}

/* ---------------------------------------------------------------- over a wire */

struct calls {
	struct node *node;
	uint16_t type;
	uint32_t len_bytes, made, done, wrong;
};

static void call_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct calls *calls = context;
	uint8_t expected[RPC_INLINE_BYTES_MAX];

	(void)now_ns;
	memset(expected, (int)cookie, sizeof(expected));
	calls->done++;
	calls->wrong += status != 0 || len_bytes != calls->len_bytes || (len_bytes > 0 && memcmp(body, expected, len_bytes) != 0);
}

/* From inside rpc_poll(), where calls go together: when another one has ended. */
static void starter_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct calls *calls = context;
	uint8_t bytes[RPC_INLINE_BYTES_MAX];

	(void)cookie;
	(void)body;
	(void)len_bytes;
	assert_int_equal(status, 0);
	for (; calls->made < RPC_SLOTS - 1; calls->made++) {
		memset(bytes, (int)calls->made, sizeof(bytes));
		assert_int_equal(rpc_call(calls->node->endpoint, calls->node->session, calls->type, bytes, calls->len_bytes, 0,
					  call_done, calls, calls->made, now_ns), 0);
	}
}

static bool calls_ended(void *context)
{
	struct calls *calls = context;

	return calls->made > 0 && calls->done == calls->made;
}

/* Fifteen calls at once; returns the SENDs that `caller` made for them. */
static uint64_t burst(struct pair *pair, struct node *caller, uint32_t len_bytes)
{
	struct calls calls = { .node = caller, .type = TYPE_ECHO, .len_bytes = len_bytes };
	uint64_t before;

	assert_int_equal(rpc_call(caller->endpoint, caller->session, TYPE_ECHO, NULL, 0, 0, starter_done, &calls, 0,
				  pair->wire.now_ns), 0);
	before = roce_counters(caller->device)->sends_completed;
	assert_true(wire_run(&pair->wire, calls_ended, &calls, 40 * WIRE_SECOND));	/* a record is free with the next ping */
	assert_int_equal(calls.wrong, 0);
	wire_run(&pair->wire, NULL, NULL, WIRE_MILLISECOND);
	rpc_check(pair->client.endpoint);
	rpc_check(pair->server.endpoint);
	return roce_counters(caller->device)->sends_completed - before;
}

static void calls_go_together(void **state)
{
	struct pair *pair = *state;
	uint64_t replies;

	pair_open(pair);
	burst(pair, &pair->client, 0);			/* grants grow */
	replies = rpc_counters(pair->server.endpoint)->followers_sent;
	assert_in_range(burst(pair, &pair->client, 0), 4, 5);	/* the starter and 6 + 6 + 3 */
	assert_true(rpc_counters(pair->server.endpoint)->followers_sent - replies >= 10);
	assert_in_range(burst(pair, &pair->client, 40), 8, 9);	/* two a SEND */
	assert_int_equal(burst(pair, &pair->client, RPC_INLINE_BYTES_MAX), 16);
	assert_in_range(burst(pair, &pair->server, 7), 4, 7);	/* the other way round */
	/* Many times: what is left over is used again. */
	for (unsigned i = 0; i < 50; i++)
		burst(pair, i % 2 ? &pair->client : &pair->server, i);
	assert_int_equal(pair->client.downs, 0);
}

/* Without spare receives no reply may follow another, and none does. */
static void no_receive_no_follower(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .receives_max = 1 };
	struct pair *pair = *state;

	node_rebuild(pair, &pair->client, 0x111, 0, &limits);
	pair_open(pair);
	for (unsigned i = 0; i < 5; i++)
		burst(pair, &pair->client, 8);
	assert_int_equal(rpc_counters(pair->server.endpoint)->followers_sent, 0);
	assert_true(rpc_counters(pair->client.endpoint)->followers_sent > 0);
}

/* Requests that came together and find one record only: the rest waits, and none is lost or run twice. */
static void rest_waits(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .serves_max = 2 };
	struct pair *pair = *state;

	node_rebuild(pair, &pair->server, 0x222, TEST_PORT, &limits);
	pair_open(pair);
	for (unsigned i = 0; i < 5; i++)
		burst(pair, &pair->client, 3 * i);
	assert_true(rpc_counters(pair->server.endpoint)->requests_delayed > 0);
	assert_int_equal(rpc_counters(pair->server.endpoint)->requests_received, 5 * RPC_SLOTS);
	assert_int_equal(pair->client.downs, 0);
}

/* The cable is out at every moment of a burst. */
static void lost_connections(void **state)
{
	struct pair *pair = *state;
	uint64_t received;

	pair_open(pair);
	for (unsigned steps = 0; steps < 60; steps++) {
		struct calls calls = { .node = &pair->client, .type = TYPE_ECHO, .len_bytes = steps % 30 };

		received = rpc_counters(pair->server.endpoint)->requests_received;
		assert_int_equal(rpc_call(pair->client.endpoint, pair->client.session, TYPE_ECHO, NULL, 0, 0, starter_done, &calls, 0,
					  pair->wire.now_ns), 0);
		for (unsigned i = 0; i < steps; i++)
			wire_step(&pair->wire, UINT64_MAX);
		pair->wire.ends[steps % 2].cut = true;
		wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
		pair->wire.ends[steps % 2].cut = false;
		assert_true(wire_run(&pair->wire, calls_ended, &calls, 20 * WIRE_SECOND));
		assert_int_equal(calls.wrong, 0);
		assert_int_equal(rpc_counters(pair->server.endpoint)->requests_received - received, RPC_SLOTS);
		rpc_check(pair->client.endpoint);
		rpc_check(pair->server.endpoint);
	}
	assert_true(pair->client.downs > 10);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(room), cmocka_unit_test(lies),
		T(calls_go_together), T(no_receive_no_follower), T(rest_waits), T(lost_connections),
	};

	return cmocka_run_group_tests_name("rpc_together", tests, NULL, NULL);
}
