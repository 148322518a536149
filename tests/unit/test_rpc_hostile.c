/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An RPC endpoint against peers that lie: each lie is counted under its name, changes nothing, and leaves the honest
 * client served. The liars speak through raw RoCE connections.
 */
#include "tests/unit/rpc_fixture.h"

struct liar {
	struct roce_device *device;
	struct secure *secure;
	struct secure_handshake handshake;
	struct secure_mac mac_send, mac_receive;
	uint64_t counter_sent, counter_received;
	int queue;
	uint32_t connection, qpn;
	bool up, ended, challenged;	/* up: past the handshake */
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	unsigned sent, received;
	uint8_t receives[8][RPC_MESSAGE_BYTES_MAX];
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(8)));
	struct rpc_header answer;	/* the last message that came */
	struct rpc_hello hello;
};

static void liar_receives(struct liar *liar, const struct roce_event *event)
{
	uint8_t *message = liar->receives[event->cookie];

	liar->received++;
	assert_true(rpc_mac_good_with(&liar->mac_receive, liar->counter_received++, message, event->len_bytes));
	memcpy(&liar->answer, message, sizeof(liar->answer));
	if (liar->answer.flags & RPC_FLAG_HELLO)
		memcpy(&liar->hello, message + RPC_HEADER_BYTES, sizeof(liar->hello));
}

static void liar_established(struct liar *liar, const struct roce_event *event)
{
	struct secure_keys keys;

	assert_int_equal(secure_finish(liar->secure, &liar->handshake, event->private_data, event->len_bytes, &keys), 0);
	rpc_mac_init(&liar->mac_send, keys.send);
	rpc_mac_init(&liar->mac_receive, keys.receive);
	liar->counter_sent = liar->counter_received = 0;
	liar->up = true;
}

static void liar_event(struct liar *liar, const struct roce_event *event)
{
	if (event->type == ROCE_EVENT_COMPLETION) {
		liar->sent += event->opcode == ROCE_SEND && event->status == 0;
		if (event->opcode == ROCE_RECEIVE && event->status == 0)
			liar_receives(liar, event);
	} else if (event->connection == liar->connection && event->type == ROCE_EVENT_ESTABLISHED) {
		liar_established(liar, event);
	} else if (event->connection == liar->connection) {
		liar->up = false;
		liar->ended = true;
		liar->challenged = event->type == ROCE_EVENT_REJECTED &&
				   secure_challenge(event->private_data, event->len_bytes, liar->challenge);
	}
}

static void liar_poll(void *context, uint64_t now_ns)
{
	struct liar *liar = context;
	struct roce_event event;

	(void)now_ns;
	while (roce_queue_poll(liar->device, liar->queue, &event))
		liar_event(liar, &event);
}

static uint64_t liar_deadline(void *context)
{
	(void)context;
	return UINT64_MAX;
}

static void liar_make(struct pair *pair, struct liar *liar)
{
	const struct roce_limits limits = test_limits();

	memset(liar, 0, sizeof(*liar));
	liar->secure = secure_fixture(&pair->wire, pair->wire.devices);
	liar->device = wire_add(&pair->wire, &limits, 4096);
	liar->queue = roce_queue_create(liar->device);
	assert_true(liar->queue >= 0);
	wire_hook(&pair->wire, liar_poll, liar_deadline, liar);
}

static bool liar_settled(void *context)
{
	struct liar *liar = context;

	return liar->up || liar->ended;
}

static void liar_asks(struct pair *pair, struct liar *liar, const uint8_t *challenge)
{
	const struct secure_route route = { .address = WIRE_ADDRESS(1), .port = TEST_PORT, .node = 66 };
	uint8_t private_data[SECURE_REQUEST_BYTES];
	struct roce_connect connect = {
		.remote_address = WIRE_ADDRESS(1), .remote_port = TEST_PORT, .queue = liar->queue,
		.private_data = private_data, .private_len_bytes = sizeof(private_data), .timeout_ns = WIRE_SECOND,
	};

	liar->up = liar->ended = false;
	assert_int_equal(secure_request(liar->secure, &liar->handshake, &route, challenge, private_data), 0);
	assert_int_equal(roce_connect(liar->device, &connect, &liar->connection, pair->wire.now_ns), 0);
	liar->qpn = roce_connection_qpn(liar->device, liar->connection);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(roce_post_receive(liar->device, liar->qpn, i, liar->receives[i], RPC_MESSAGE_BYTES_MAX), 0);
	assert_true(wire_run(&pair->wire, liar_settled, liar, 3 * WIRE_SECOND));
}

/* Through the handshake, like anybody who holds the rack's key. */
static void liar_connect(struct pair *pair, struct liar *liar)
{
	liar_asks(pair, liar, NULL);
	assert_true(liar->ended && liar->challenged);
	liar_asks(pair, liar, liar->challenge);
}

/* `len_bytes` of liar->message, with a right MAC behind them. */
static void liar_send(struct pair *pair, struct liar *liar, uint32_t len_bytes)
{
	unsigned before = liar->sent;

	rpc_mac_seal_with(&liar->mac_send, liar->counter_sent++, liar->message, len_bytes);
	assert_int_equal(roce_post_send(liar->device, liar->qpn, 1, liar->message, len_bytes + RPC_TRAILER_BYTES,
					pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_true(liar->sent == before + 1 || liar->ended);	/* the server may have hung up before it acknowledged */
}

static struct rpc_header good_hello(uint64_t incarnation)
{
	return (struct rpc_header){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES,
				    .flags = RPC_FLAG_HELLO, .source_node = 66, .session = incarnation, .credits = 8 };
}

static void liar_greets(struct pair *pair, struct liar *liar, struct rpc_header header, const struct rpc_hello *hello,
			uint32_t len_bytes)
{
	memset(liar->message, 0, sizeof(liar->message));
	memset(&liar->answer, 0, sizeof(liar->answer));
	rpc_message_seal(liar->message, &header, hello, len_bytes);
	liar_send(pair, liar, RPC_HEADER_BYTES + len_bytes);
}

/* Up with a session. */
static void liar_opens(struct pair *pair, struct liar *liar, uint64_t incarnation)
{
	const struct rpc_hello hello = { 0 };

	liar_connect(pair, liar);
	assert_true(liar->up);
	liar_greets(pair, liar, good_hello(incarnation), &hello, sizeof(hello));
	assert_int_equal(liar->answer.flags, RPC_FLAG_HELLO | RPC_FLAG_REPLY);
	liar->received = 0;
}

static void refused_hello(struct pair *pair, struct liar *liar, struct rpc_header header, uint32_t len_bytes, int status)
{
	const struct rpc_hello hello = { 0 };
	unsigned before = pair->server.refused;

	liar_connect(pair, liar);
	assert_true(liar->up);
	liar_greets(pair, liar, header, &hello, len_bytes);
	assert_int_equal(liar->answer.flags, RPC_FLAG_HELLO | RPC_FLAG_REPLY);
	assert_int_equal(liar->answer.status, status);
	assert_true(liar->ended);		/* and hung up */
	assert_int_equal(pair->server.refused, before + 1);
	assert_int_equal(pair->server.refusal, status);
	assert_int_equal(pair->server.refused_version, header.version_major);
	assert_int_equal(pair->server.refused_address, WIRE_ADDRESS(2));
}

static void honest_is_served(struct pair *pair)
{
	static struct outcome outcome;

	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "honest", 6, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, 0);
	assert_memory_equal(outcome.body, "honest", 6);
	assert_int_equal(pair->client.downs, 0);
}

static void bad_hellos(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_hello resume = { .peer_incarnation = 0x222 };
	struct rpc_header header;

	pair_open(pair);
	liar_make(pair, &liar);
	header = good_hello(7);
	header.magic++;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	refused_hello(pair, &liar, good_hello(0), sizeof(struct rpc_hello), -EPROTO);
	refused_hello(pair, &liar, good_hello(7), sizeof(struct rpc_hello) - 1, -EPROTO);
	header = good_hello(7);
	header.flags = 0;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	header = good_hello(7);
	header.flags |= RPC_FLAG_REPLY;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_hello, 5);
	/* Another major version is told apart. */
	header = good_hello(7);
	header.version_major = RPC_VERSION_MAJOR + 1;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EOPNOTSUPP);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_version, 1);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_peer, 6);
	assert_int_equal(pair->server.ups, 1);
	honest_is_served(pair);
	/* One that speaks of a session that nobody remembers is answered so. */
	liar_connect(pair, &liar);
	liar_greets(pair, &liar, good_hello(7), &resume, sizeof(resume));
	assert_int_equal(liar.answer.status, 0);
	assert_int_equal(liar.hello.resumed, 0);
	assert_int_equal(pair->server.ups, 2);
	free(liar.secure);
}

/* Past the handshake, but then: nothing, or a message with a bad MAC, or too short for one. No session hears of it. */
static void no_good_hello(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	const struct rpc_hello hello = { 0 };
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_connect(pair, &liar);
	assert_true(liar.up);
	assert_int_equal(pair->server.endpoint->pending_count, 1);
	wire_run(&pair->wire, NULL, NULL, 3 * WIRE_SECOND);
	assert_true(liar.ended);
	assert_int_equal(counters->pending_expired, 1);
	assert_int_equal(pair->server.endpoint->pending_count, 0);

	liar_connect(pair, &liar);
	liar.counter_sent = 5;
	liar_greets(pair, &liar, good_hello(7), &hello, sizeof(hello));
	assert_true(liar.ended);
	assert_int_equal(counters->refused_mac, 1);

	liar_connect(pair, &liar);
	assert_int_equal(roce_post_send(liar.device, liar.qpn, 1, liar.message, RPC_HEADER_BYTES, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_true(liar.ended);
	assert_int_equal(counters->refused_mac, 2);
	assert_int_equal(liar.received, 0);
	assert_int_equal(pair->server.ups, 1);
	assert_int_equal(pair->server.refused, 0);
	honest_is_served(pair);
	free(liar.secure);
}

/* Who does not hold the rack's key gets no answer and no state. */
static void stranger(void **state)
{
	static const uint8_t wrong_key[SECURE_KEY_BYTES] = "what a stranger may have guessed";
	struct pair *pair = *state;
	static struct liar liar;

	pair_open(pair);
	liar_make(pair, &liar);
	assert_int_equal(secure_key_add(liar.secure, SECURE_FIXTURE_KEY_ID + 1, wrong_key), 0);
	assert_int_equal(secure_key_use(liar.secure, SECURE_FIXTURE_KEY_ID + 1), 0);
	liar_asks(pair, &liar, NULL);
	assert_true(liar.ended && !liar.challenged && !liar.up);	/* unreachable */
	assert_true(secure_counters(pair->server.secure)->refused_unknown_key > 0);
	assert_int_equal(pair->server.endpoint->pending_count, 0);
	honest_is_served(pair);
	free(liar.secure);
}

static void too_many_peers(void **state)
{
	struct pair *pair = *state;
	static struct liar liars[TEST_SESSIONS];
	const struct rpc_hello hello = { 0 };

	pair_open(pair);
	for (unsigned i = 0; i < TEST_SESSIONS; i++) {
		liar_make(pair, &liars[i]);
		liar_connect(pair, &liars[i]);
		liar_greets(pair, &liars[i], good_hello(100 + i), &hello, sizeof(hello));
		assert_int_equal(liars[i].up, i < TEST_SESSIONS - 1);
	}
	assert_int_equal(liars[TEST_SESSIONS - 1].answer.status, -ENOBUFS);
	honest_is_served(pair);
	/* A place becomes free when the user closes a session. */
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	liar_opens(pair, &liars[TEST_SESSIONS - 1], 200);
	for (unsigned i = 0; i < TEST_SESSIONS; i++)
		free(liars[i].secure);
}

/* The honest client meets a listener of another version: it is told so, and goes on asking, slowly. */
static void opener_is_refused(void **state)
{
	struct pair *pair = *state;
	static struct liar liars[TEST_SESSIONS];
	uint32_t session;

	for (unsigned i = 0; i < TEST_SESSIONS; i++) {
		liar_make(pair, &liars[i]);
		liar_opens(pair, &liars[i], 100 + i);
	}
	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &session, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 9 * WIRE_SECOND);
	assert_in_range(pair->client.refused, 4, 6);
	assert_int_equal(pair->client.refusal, -ENOBUFS);
	assert_int_equal(pair->client.refused_version, RPC_VERSION_MAJOR);
	assert_int_equal(pair->client.refused_address, WIRE_ADDRESS(1));
	assert_int_equal(pair->client.ups, 0);
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	assert_true(wire_run(&pair->wire, is_up, &pair->client, 5 * WIRE_SECOND));
	for (unsigned i = 0; i < TEST_SESSIONS; i++)
		free(liars[i].secure);
}

/* ---------------------------------------------------------------- lies over a good connection */

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

static void lying_messages(void **state)
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
		T(bad_hellos), T(no_good_hello), T(stranger), T(too_many_peers), T(opener_is_refused), T(lying_messages), T(bad_mac),
		T(lying_bodies), T(more_than_granted), T(impatient_slot), T(lying_replies),
		T(endless_reincarnation),
	};

	return cmocka_run_group_tests_name("rpc_hostile", tests, NULL, NULL);
}
