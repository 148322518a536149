/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An RPC endpoint against peers that lie: each lie is counted under its name, changes nothing, and leaves the honest
 * client served. The liars speak through raw RoCE connections.
 */
#include "tests/unit/rpc_fixture.h"

struct liar {
	struct roce_device *device;
	int queue;
	uint32_t connection, qpn;
	bool up, ended;
	int refusal;
	unsigned sent, received;
	uint8_t receives[8][RPC_MESSAGE_BYTES_MAX];
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(8)));
	struct rpc_hello answer;
};

static void liar_event(struct liar *liar, const struct roce_event *event)
{
	struct rpc_refusal refusal;

	if (event->type == ROCE_EVENT_COMPLETION) {
		liar->sent += event->opcode == ROCE_SEND && event->status == 0;
		liar->received += event->opcode == ROCE_RECEIVE && event->status == 0;
	} else if (event->type == ROCE_EVENT_ESTABLISHED) {
		liar->up = true;
		memcpy(&liar->answer, event->private_data, sizeof(liar->answer));
	} else if (event->connection == liar->connection) {
		liar->up = false;
		liar->ended = true;
		if (event->type == ROCE_EVENT_REJECTED) {
			memcpy(&refusal, event->private_data, sizeof(refusal));
			assert_int_equal(refusal.magic, RPC_MAGIC);
			liar->refusal = refusal.status;
		}
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

static void liar_connect(struct pair *pair, struct liar *liar, const void *hello, uint32_t len_bytes)
{
	struct roce_connect connect = {
		.remote_address = WIRE_ADDRESS(1), .remote_port = TEST_PORT, .queue = liar->queue, .private_data = hello,
		.private_len_bytes = len_bytes, .timeout_ns = WIRE_SECOND,
	};

	liar->up = liar->ended = false;
	liar->refusal = 0;
	assert_int_equal(roce_connect(liar->device, &connect, &liar->connection, pair->wire.now_ns), 0);
	liar->qpn = roce_connection_qpn(liar->device, liar->connection);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(roce_post_receive(liar->device, liar->qpn, i, liar->receives[i], RPC_MESSAGE_BYTES_MAX), 0);
	assert_true(wire_run(&pair->wire, liar_settled, liar, 3 * WIRE_SECOND));
}

static struct rpc_hello good_hello(uint64_t incarnation)
{
	return (struct rpc_hello){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .credits = 8,
				   .node = 66, .incarnation = incarnation };
}

static void refused_hello(struct pair *pair, struct liar *liar, const struct rpc_hello *hello, uint32_t len_bytes, int status)
{
	liar_connect(pair, liar, hello, len_bytes);
	assert_false(liar->up);
	assert_int_equal(liar->refusal, status);
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
	struct rpc_hello hello;

	pair_open(pair);
	liar_make(pair, &liar);
	hello = good_hello(7);
	hello.magic++;
	refused_hello(pair, &liar, &hello, sizeof(hello), -EBADMSG);
	hello = good_hello(0);
	refused_hello(pair, &liar, &hello, sizeof(hello), -EBADMSG);
	hello = good_hello(7);
	hello.version_major = RPC_VERSION_MAJOR + 1;
	refused_hello(pair, &liar, &hello, sizeof(hello), -EOPNOTSUPP);
	/* The private data of a REQ has a fixed length: a short hello is padded with zeros. */
	hello = good_hello(7);
	refused_hello(pair, &liar, &hello, 4, -EBADMSG);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_session, 4);
	assert_int_equal(pair->server.ups, 1);
	honest_is_served(pair);
	/* One that speaks of a session that nobody remembers is answered so. */
	hello = good_hello(7);
	hello.peer_incarnation = 0x222;
	liar_connect(pair, &liar, &hello, sizeof(hello));
	assert_true(liar.up);
	assert_int_equal(liar.answer.resumed, 0);
}

static void too_many_peers(void **state)
{
	struct pair *pair = *state;
	static struct liar liars[TEST_SESSIONS];
	struct rpc_hello hello;

	pair_open(pair);
	for (unsigned i = 0; i < TEST_SESSIONS; i++) {
		liar_make(pair, &liars[i]);
		hello = good_hello(100 + i);
		liar_connect(pair, &liars[i], &hello, sizeof(hello));
		assert_int_equal(liars[i].up, i < TEST_SESSIONS - 1);
	}
	assert_int_equal(liars[TEST_SESSIONS - 1].refusal, -ENOBUFS);
	honest_is_served(pair);
	/* A place becomes free when the user closes a session. */
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	liar_connect(pair, &liars[TEST_SESSIONS - 1], &hello, sizeof(hello));
	assert_true(liars[TEST_SESSIONS - 1].up);
}

/* ---------------------------------------------------------------- lies over a good connection */

static void liar_send(struct pair *pair, struct liar *liar, uint32_t len_bytes)
{
	unsigned before = liar->sent;

	assert_int_equal(roce_post_send(liar->device, liar->qpn, 1, liar->message, len_bytes, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_int_equal(liar->sent, before + 1);
}

static struct rpc_header good_header(uint16_t type, uint16_t slot, uint32_t sequence)
{
	return (struct rpc_header){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR,
				    .header_len_bytes = RPC_HEADER_BYTES, .type = type, .source_node = 66, .session = 7,
				    .slot = slot, .sequence = sequence };
}

static void liar_says(struct pair *pair, struct liar *liar, struct rpc_header header, uint32_t len_bytes)
{
	memset(liar->message, 0, sizeof(liar->message));
	rpc_message_seal(liar->message, &header, liar->message + RPC_HEADER_BYTES, len_bytes);
	liar_send(pair, liar, RPC_HEADER_BYTES + len_bytes);
}

static void lying_messages(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_hello hello = good_hello(7);
	struct rpc_header header;
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_connect(pair, &liar, &hello, sizeof(hello));
	assert_true(liar.up);

	memset(liar.message, 0x5a, sizeof(liar.message));
	liar_send(pair, &liar, 1);
	liar_send(pair, &liar, RPC_HEADER_BYTES - 1);
	assert_int_equal(counters->refused_length, 2);
	liar_send(pair, &liar, RPC_MESSAGE_BYTES_MAX);
	assert_int_equal(counters->refused_magic, 1);
	header = good_header(TYPE_COUNT, 0, 1);
	header.version_major = 9;
	liar_says(pair, &liar, header, 4);
	assert_int_equal(counters->refused_version, 1);
	liar_says(pair, &liar, good_header(TYPE_COUNT, 0, 1), 4);	/* good: runs once, is answered */
	assert_int_equal(pair->server.ran[0], 1);
	assert_int_equal(liar.received, 1);
	liar.message[RPC_HEADER_BYTES] ^= 1;
	liar_send(pair, &liar, RPC_HEADER_BYTES + 4);
	assert_int_equal(counters->refused_checksum, 1);

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
}

/* A new request in a slot whose last one still runs: the liar cannot have seen an answer. */
static void impatient_slot(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_hello hello = good_hello(7);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_connect(pair, &liar, &hello, sizeof(hello));
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
}

/* The server calls a liar, who answers with what was not asked, twice, and with a status that no reply has. */
static void lying_replies(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	static struct outcome outcome;
	struct rpc_hello hello = good_hello(7);
	struct rpc_header header;

	pair_open(pair);
	liar_make(pair, &liar);
	liar_connect(pair, &liar, &hello, sizeof(hello));
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
}

/* The same address connects over and over, as other incarnations: one session, nobody else disturbed. */
static void endless_reincarnation(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;

	pair_open(pair);
	liar_make(pair, &liar);
	for (unsigned i = 0; i < 50; i++) {
		struct rpc_hello hello = good_hello(1000 + i);

		liar_connect(pair, &liar, &hello, sizeof(hello));
		assert_true(liar.up);
		if (i % 2 == 0)			/* else it is gone before the server hears that it was there */
			wire_run(&pair->wire, NULL, NULL, WIRE_MILLISECOND);
		roce_disconnect(liar.device, liar.connection, pair->wire.now_ns);
		if (i % 3 == 0)
			wire_run(&pair->wire, NULL, NULL, 700 * WIRE_MILLISECOND);
	}
	honest_is_served(pair);
	assert_in_range(pair->server.resets, 20, 50);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(bad_hellos), T(too_many_peers), T(lying_messages), T(impatient_slot), T(lying_replies),
		T(endless_reincarnation),
	};

	return cmocka_run_group_tests_name("rpc_hostile", tests, NULL, NULL);
}
