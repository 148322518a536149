/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An RPC endpoint and a peer that says whatever the input says: with the rack's key and right MACs (a hostile node), or with
 * wrong ones (somebody on the wire). The endpoint listens, or opens the session itself, and calls the peer meanwhile. It is
 * watched that its pools stay whole, that every call ends once, and that in the end all is given back.
 *
 * Input: a byte of settings, then records of { operation, argument, ... } as in turn().
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rpc_invariants.h"
#include "tests/unit/secure_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORT 5000
#define RECEIVES 8u
#define TOKENS_MAX 32u
#define LIAR_NODE 66u
#define CALLS_MAX 64u
#define TURNS_MAX 60u
#define TYPE_ECHO 1u
#define TYPE_HOLD 2u

enum { LIAR = 0, VICTIM = 1 };

struct input {
	const uint8_t *data;
	size_t left;
};

struct liar {
	struct roce_device *device;
	struct secure *secure;
	struct secure_handshake handshake;
	struct secure_mac mac_send, mac_receive;
	uint64_t counter_sent, counter_received;
	int queue;
	uint32_t connection, qpn;
	bool up, challenged;
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	uint8_t receives[RECEIVES][RPC_MESSAGE_BYTES_MAX];
	uint8_t message[RPC_MESSAGE_BYTES_MAX];
	uint8_t body[RPC_BODY_BYTES_MAX + 64];
	uint32_t rkey;
	struct rpc_header asked;	/* the victim's last request */
	struct rpc_pull pull;		/* the last long body it offered */
	uint32_t sequence[RPC_SLOTS];
};

struct fuzz {
	struct wire wire;
	bool opens;			/* the victim does */
	struct liar liar;
	struct rpc_endpoint *endpoint;
	void *memory;
	struct secure *secure;
	uint32_t session;
	uint64_t tokens[TOKENS_MAX];
	unsigned tokens_count, calls, ended;
};

static struct fuzz *f;

static uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

/* ---------------------------------------------------------------- the victim */

static void serve_echo(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	(void)context;
	assert(rpc_reply(endpoint, request->token, 0, request->body, request->len_bytes, now_ns) == 0);
	assert(rpc_reply(endpoint, request->token, 0, NULL, 0, now_ns) == -ENOENT);
}

static void serve_hold(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	(void)context;
	if (f->tokens_count < TOKENS_MAX)
		f->tokens[f->tokens_count++] = request->token;
	else
		rpc_reply(endpoint, request->token, -EBUSY, NULL, 0, now_ns);
}

static const struct rpc_type types[] = {
	{ TYPE_ECHO, 0, 0, RPC_BODY_BYTES_MAX, serve_echo, RPC_BODY_BYTES_MAX },
	{ TYPE_HOLD, 0, 0, 64, serve_hold, 0 },
	{ 0 },
};

static void on_session(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	if (event == RPC_SESSION_UP)
		f->session = session;
}

static void on_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	static uint8_t copy[RPC_BODY_BYTES_MAX];	/* the sanitizer sees every byte that is claimed to be there */
	bool *done = context;

	(void)cookie;
	(void)now_ns;
	assert(!*done && status <= 0 && len_bytes <= RPC_BODY_BYTES_MAX);
	*done = true;
	f->ended++;
	if (len_bytes > 0)
		memcpy(copy, body, len_bytes);
}

static void victim_calls(struct input *input)
{
	static bool done[CALLS_MAX];
	static uint8_t body[RPC_BODY_BYTES_MAX];
	uint32_t len_bytes = take(input) * 17u % (RPC_BODY_BYTES_MAX + 1);
	uint64_t timeout_ns = take(input) * UINT64_C(20000000);

	if (f->calls == CALLS_MAX)
		return;
	done[f->calls] = false;
	if (rpc_call(f->endpoint, f->session, TYPE_ECHO, body, len_bytes, timeout_ns, on_done, &done[f->calls], 0,
		     f->wire.now_ns) == 0)
		f->calls++;
}

static void victim_poll(void *context, uint64_t now_ns)
{
	(void)context;
	rpc_poll(f->endpoint, now_ns);
	rpc_check(f->endpoint);
}

static uint64_t victim_deadline(void *context)
{
	(void)context;
	return rpc_deadline_ns(f->endpoint);
}

/* ---------------------------------------------------------------- the liar's connection */

static void liar_receive(struct liar *liar, const struct roce_event *event)
{
	const uint8_t *message = liar->receives[event->cookie];
	struct rpc_header header;

	/* The victim never lies: right MACs, in order. */
	assert(rpc_mac_good_with(&liar->mac_receive, liar->counter_received++, message, event->len_bytes));
	memcpy(&header, message, sizeof(header));
	if ((header.flags & (RPC_FLAG_REPLY | RPC_FLAG_HELLO)) == 0)
		liar->asked = header;
	if (header.flags & RPC_FLAG_PULL)
		memcpy(&liar->pull, message + RPC_HEADER_BYTES, sizeof(liar->pull));
	roce_post_receive(liar->device, liar->qpn, event->cookie, liar->receives[event->cookie], RPC_MESSAGE_BYTES_MAX);
}

static void liar_keys(struct liar *liar, const struct secure_keys *keys)
{
	rpc_mac_init(&liar->mac_send, keys->send);
	rpc_mac_init(&liar->mac_receive, keys->receive);
	liar->counter_sent = liar->counter_received = 0;
	memset(liar->sequence, 0, sizeof(liar->sequence));
}

static void liar_post(struct liar *liar)
{
	for (uint32_t i = 0; i < RECEIVES; i++)
		roce_post_receive(liar->device, liar->qpn, i, liar->receives[i], RPC_MESSAGE_BYTES_MAX);
}

static void liar_accept(struct liar *liar, const struct roce_event *event, uint64_t now_ns)
{
	const struct roce_guard_request request = { .address = event->remote_address, .port = event->service_port,
						    .private_data = event->private_data,
						    .private_len_bytes = event->len_bytes };
	uint8_t answer[SECURE_ANSWER_BYTES];
	struct secure_keys keys;

	if (liar->up)
		roce_disconnect(liar->device, liar->connection, now_ns);
	liar->up = false;
	if (secure_answer(liar->secure, &request, 0, answer, &keys, now_ns) != 0 ||
	    roce_accept_begin(liar->device, event->connection, 0, &liar->qpn) != 0) {
		roce_disconnect(liar->device, event->connection, now_ns);
		return;
	}
	liar->connection = event->connection;
	liar_keys(liar, &keys);
	liar_post(liar);
	liar->up = roce_accept_finish(liar->device, event->connection, answer, sizeof(answer), now_ns) == 0;
}

static void liar_event(struct liar *liar, const struct roce_event *event, uint64_t now_ns)
{
	struct secure_keys keys;

	if (event->type == ROCE_EVENT_COMPLETION) {
		if (event->opcode == ROCE_RECEIVE && event->status == 0 && event->qpn == liar->qpn)
			liar_receive(liar, event);
	} else if (event->type == ROCE_EVENT_CONNECT_REQUEST) {
		liar_accept(liar, event, now_ns);
	} else if (event->connection != liar->connection) {
		return;
	} else if (event->type == ROCE_EVENT_ESTABLISHED) {
		if (!f->opens && secure_finish(liar->secure, &liar->handshake, event->private_data, event->len_bytes, &keys) == 0) {
			liar_keys(liar, &keys);
			liar->up = true;
		}
	} else {
		liar->up = false;
		liar->challenged = event->type == ROCE_EVENT_REJECTED &&
				   secure_challenge(event->private_data, event->len_bytes, liar->challenge);
	}
}

static void liar_poll(void *context, uint64_t now_ns)
{
	struct roce_event event;

	(void)context;
	while (roce_queue_poll(f->liar.device, f->liar.queue, &event))
		liar_event(&f->liar, &event, now_ns);
}

static void run_ms(uint64_t ms)
{
	wire_run(&f->wire, NULL, NULL, ms * WIRE_MILLISECOND);
}

static void liar_asks(struct liar *liar, const uint8_t *challenge)
{
	const struct secure_route route = { .address = WIRE_ADDRESS(VICTIM), .port = PORT, .node = LIAR_NODE };
	uint8_t private_data[SECURE_REQUEST_BYTES];
	const struct roce_connect connect = {
		.remote_address = WIRE_ADDRESS(VICTIM), .remote_port = PORT, .queue = liar->queue, .private_data = private_data,
		.private_len_bytes = sizeof(private_data), .timeout_ns = WIRE_SECOND,
	};

	assert(secure_request(liar->secure, &liar->handshake, &route, challenge, private_data) == 0);
	if (roce_connect(liar->device, &connect, &liar->connection, f->wire.now_ns) != 0)
		return;
	liar->qpn = roce_connection_qpn(liar->device, liar->connection);
	liar_post(liar);
	run_ms(1);
}

static void liar_connect(struct liar *liar)
{
	if (f->opens) {
		if (liar->up)
			roce_disconnect(liar->device, liar->connection, f->wire.now_ns);
		liar->up = false;
		run_ms(200);
		return;
	}
	roce_disconnect(liar->device, liar->connection, f->wire.now_ns);
	liar->up = liar->challenged = false;
	liar_asks(liar, NULL);
	if (liar->challenged)
		liar_asks(liar, liar->challenge);
}

/* ---------------------------------------------------------------- what the liar says */

static void liar_sends(struct liar *liar, uint32_t len_bytes, bool good_mac)
{
	rpc_mac_seal_with(&liar->mac_send, liar->counter_sent + !good_mac, liar->message, len_bytes);
	if (roce_post_send(liar->device, liar->qpn, 100, liar->message, len_bytes + RPC_TRAILER_BYTES, f->wire.now_ns) == 0)
		liar->counter_sent++;
	run_ms(1);
}

/* A header that is good but for what the input changes. */
static void liar_says(struct liar *liar, struct input *input, uint16_t flags, uint32_t len_bytes)
{
	uint8_t change = take(input), slot = take(input) % (RPC_SLOTS + 1), step = take(input) % 4;
	struct rpc_header header = {
		.magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES, .flags = flags,
		.type = TYPE_ECHO + slot % 3, .source_node = LIAR_NODE, .session = 7, .slot = slot,
		.credits = (uint16_t)(take(input) << 4), .acknowledged = (uint32_t)(take(input) * 0x101),
		.deadline_us = take(input) * 10000u,
	};

	if (flags & RPC_FLAG_REPLY) {
		header.session = f->endpoint->config.incarnation;
		header.slot = liar->asked.slot;
		header.sequence = liar->asked.sequence;
		header.type = liar->asked.type;
		header.status = (int8_t)take(input);
	} else if (slot < RPC_SLOTS) {
		/* The next one, the last one again, or one that cannot be. */
		liar->sequence[slot] += step < 2;
		header.sequence = liar->sequence[slot] + (step == 3 ? 5 : 0);
	}
	rpc_message_seal(liar->message, &header, liar->message + RPC_HEADER_BYTES, len_bytes);
	if (change & 1)
		liar->message[take(input) % (RPC_HEADER_BYTES + len_bytes)] ^= take(input);
	liar_sends(liar, RPC_HEADER_BYTES + len_bytes, (change & 0xc0) != 0xc0);
}

static void liar_greets(struct liar *liar, struct input *input)
{
	struct rpc_hello hello = { .peer_incarnation = take(input) & 1 ? f->endpoint->config.incarnation : take(input),
				   .resumed = take(input) & 1 };
	struct rpc_header header = {
		.magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES,
		.flags = f->opens ? RPC_FLAG_HELLO | RPC_FLAG_REPLY : RPC_FLAG_HELLO, .source_node = LIAR_NODE, .session = 7,
		.credits = RECEIVES,
	};
	uint8_t change = take(input);

	rpc_message_seal(liar->message, &header, &hello, sizeof(hello));
	if (change & 1)
		liar->message[take(input) % (RPC_HEADER_BYTES + sizeof(hello))] ^= take(input);
	liar_sends(liar, RPC_HEADER_BYTES + sizeof(hello), (change & 0xc0) != 0xc0);
}

/* A long body: really there and sealed, or not. */
static void liar_pulls(struct liar *liar, struct input *input)
{
	uint8_t how = take(input);
	struct rpc_pull pull = { .rkey = liar->rkey, .len_bytes = take(input) * 17u };

	if (how & 1)
		pull.rkey ^= take(input);
	if (how & 2)
		pull.address = take(input) * UINT64_C(0x0101010101010101);
	secure_mac_tag(&liar->mac_send, (liar->counter_sent | RPC_BODY_COUNTER) + (how >> 2 & 1), liar->body,
		       pull.len_bytes <= sizeof(liar->body) ? pull.len_bytes : 0, pull.tag);
	memcpy(liar->message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(liar, input, how & 8 ? RPC_FLAG_PULL | RPC_FLAG_REPLY : RPC_FLAG_PULL, sizeof(pull) - (how & 16 ? 1 : 0));
}

static void liar_reads(struct liar *liar, struct input *input)
{
	static uint8_t into[RPC_BODY_BYTES_MAX + 256];
	uint32_t len_bytes = take(input) & 1 ? liar->pull.len_bytes : take(input) * 17u;

	if (len_bytes <= sizeof(into))
		roce_post_read(liar->device, liar->qpn, 200, into, len_bytes, liar->pull.address + take(input), liar->pull.rkey,
			       f->wire.now_ns);
	run_ms(1);
}

static void turn(struct input *input)
{
	struct liar *liar = &f->liar;

	switch (take(input) % 12) {
	case 0:
	case 1:
		liar_says(liar, input, (uint16_t)(take(input) & 7), take(input) % (RPC_INLINE_BYTES_MAX + 1));
		break;
	case 2:
		liar_says(liar, input, RPC_FLAG_REPLY, take(input) % (RPC_INLINE_BYTES_MAX + 1));
		break;
	case 3:
		liar_says(liar, input, RPC_FLAG_PING, 0);
		break;
	case 4:
		liar_pulls(liar, input);
		break;
	case 5:
		victim_calls(input);
		break;
	case 6:
		if (f->tokens_count > 0)
			rpc_reply(f->endpoint, f->tokens[--f->tokens_count], 0, NULL, 0, f->wire.now_ns);
		break;
	case 7:
		liar_connect(liar);
		break;
	case 8:
		liar_greets(liar, input);
		break;
	case 9:
		run_ms(take(input) * 16u);
		break;
	case 10:
		liar_reads(liar, input);
		break;
	case 11:
		memcpy(liar->message, input->data, input->left < sizeof(liar->message) ? input->left : sizeof(liar->message));
		roce_post_send(liar->device, liar->qpn, 100, liar->message, take(input) % (RPC_MESSAGE_BYTES_MAX + 1), f->wire.now_ns);
		run_ms(1);
		break;
	}
}

/* ---------------------------------------------------------------- all of it */

static struct rpc_endpoint *victim_make(const struct rpc_limits *limits)
{
	const struct rpc_config config = {
		.device = f->wire.ends[VICTIM].device, .secure = f->secure, .node = 2, .incarnation = 0x222,
		.port = f->opens ? 0 : PORT, .limits = *limits, .types = types, .session_changed = on_session,
	};

	f->memory = aligned_alloc(64, (rpc_endpoint_bytes(&config) + 63) & ~(size_t)63);
	return rpc_endpoint_create(f->memory, &config, f->wire.now_ns);
}

static void start(uint8_t settings)
{
	const struct rpc_limits limits = {
		.sessions_max = 1, .calls_max = settings & 2 ? 2 : 8, .serves_max = settings & 4 ? 1 : 8,
		.receives_max = settings & 8 ? 1 : 16, .call_bodies_max = settings & 16 ? 1 : 4,
		.serve_bodies_max = settings & 32 ? 1 : 4, .pending_max = 2, .macs_max = 1,
	};
	const struct roce_guard guard = { secure_guard_check, NULL };
	struct roce_limits device = { .memory_regions_max = 2, .queues_max = 1, .listeners_max = 1 };
	struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .access = ROCE_ACCESS_REMOTE_READ };
	struct roce_guard own;

	f->opens = settings & 1;
	wire_init(&f->wire, 7);
	rpc_device_limits(&limits, &device);
	for (unsigned i = 0; i < 2; i++)
		wire_add(&f->wire, &device, 4096);
	f->secure = secure_fixture(&f->wire, VICTIM);
	f->liar.secure = secure_fixture(&f->wire, LIAR);
	f->liar.device = f->wire.ends[LIAR].device;
	f->liar.queue = roce_queue_create(f->liar.device);
	own = guard;
	own.context = f->liar.secure;
	assert(roce_listen_guarded(f->liar.device, PORT, f->liar.queue, 0, &own) == 0);
	region.context = f->liar.body;
	region.len_bytes = sizeof(f->liar.body);
	assert(roce_memory_register(f->liar.device, &region, &f->liar.rkey) == 0);
	f->endpoint = victim_make(&limits);
	assert(f->endpoint != NULL);
	wire_hook(&f->wire, victim_poll, victim_deadline, NULL);
	wire_hook(&f->wire, liar_poll, NULL, NULL);
	if (f->opens)
		assert(rpc_open(f->endpoint, WIRE_ADDRESS(LIAR), PORT, &f->session, f->wire.now_ns) == 0);
	else
		liar_connect(&f->liar);
	run_ms(1);
	if ((settings & 64) == 0)
		liar_greets(&f->liar, &(struct input){ NULL, 0 });
}

static void finish(void)
{
	for (uint32_t i = 0; i < f->endpoint->config.limits.sessions_max; i++)
		if (f->endpoint->sessions[i].state != SESSION_FREE)
			rpc_close(f->endpoint, rpc_session_handle(f->endpoint, &f->endpoint->sessions[i]), f->wire.now_ns);
	f->wire.ends[LIAR].cut = true;
	run_ms(3000);
	assert(f->ended == f->calls);
	assert(rpc_list_length(&f->endpoint->buffers_free, f->endpoint->buffer_links) == f->endpoint->buffers_count);
	wire_free(&f->wire);
	free(f->memory);
	free(f->secure);
	free(f->liar.secure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;
	struct input input = { data, size };

	f = &fuzz;
	memset(f, 0, sizeof(*f));
	start(take(&input));
	for (unsigned i = 0; i < TURNS_MAX && input.left > 0; i++)
		turn(&input);
	finish();
	return 0;
}
