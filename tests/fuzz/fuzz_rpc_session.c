/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An RPC endpoint and one or two liars (rpc_liar.h). The endpoint listens, or opens the sessions itself, and calls meanwhile.
 * It is watched that its pools stay whole, that every call ends once, and that in the end all is given back.
 *
 * Input: a record of settings, then one for each turn().
 */
#include "tests/fuzz/rpc_liar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIARS_MAX 2u
#define TOKENS_MAX 32u
#define CALLS_MAX 64u
#define TIME_MAX_NS (100 * WIRE_SECOND)	/* long enough for every timer; then it stands, for the sake of speed */

enum { TYPE_ECHO = 1, TYPE_HOLD = 2, TYPE_NEW = 3, TYPE_LARGE = RPC_STATS_MAP + 1 };

struct fuzz {
	struct wire wire;
	bool opens;			/* the victim does */
	unsigned liars_count;
	struct liar liars[LIARS_MAX];
	struct rpc_endpoint *endpoint;
	void *memory;
	struct secure *secure;
	uint32_t sessions[LIARS_MAX];
	uint64_t tokens[TOKENS_MAX];
	unsigned tokens_count, calls, ended;
	bool done[CALLS_MAX];
};

static struct fuzz *f;

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
	{ TYPE_NEW, 1, 8, RPC_BODY_BYTES_MAX, serve_hold, 0 },
	{ 0 },
};

static const struct rpc_type_name names[] = { { TYPE_ECHO, "echo" }, { TYPE_LARGE, "large" }, { 0 } };

static void on_refusal(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now_ns)
{
	(void)context;
	(void)version_major;
	(void)now_ns;
	assert(address != 0 && status < 0 && rpc_refusal_reason(status) != NULL);
}

static void on_session(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	if (event == RPC_SESSION_UP)
		f->sessions[rpc_session_of_handle(f->endpoint, session)->remote_address - WIRE_ADDRESS(LIAR)] = session;
}

static void call(uint32_t session, uint16_t type, uint32_t len_bytes, uint64_t timeout_ns, bool more);

/* The cookie says whether to make more of them from here, which may go together. */
static void on_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	static uint8_t copy[RPC_BODY_BYTES_MAX];	/* the sanitizer sees every byte that is claimed to be there */
	bool *done = context;

	(void)now_ns;
	assert(!*done && status <= 0 && len_bytes <= RPC_BODY_BYTES_MAX);
	*done = true;
	f->ended++;
	if (len_bytes > 0)
		memcpy(copy, body, len_bytes);
	for (unsigned i = 0; i < 3 && cookie > 0; i++)
		call((uint32_t)cookie, TYPE_ECHO, len_bytes * i, WIRE_SECOND, false);
}

static void call(uint32_t session, uint16_t type, uint32_t len_bytes, uint64_t timeout_ns, bool more)
{
	static uint8_t body[RPC_BODY_BYTES_MAX + 255];

	if (f->calls < CALLS_MAX && rpc_call(f->endpoint, session, type, body, len_bytes, timeout_ns, on_done, &f->done[f->calls],
					     more ? session : 0, f->wire.now_ns) == 0)
		f->calls++;
}

static void victim_calls(unsigned which, struct input *input)
{
	static const uint16_t called[] = { TYPE_ECHO, TYPE_HOLD, TYPE_NEW, TYPE_LARGE };
	uint8_t how = take(input);
	uint32_t len_bytes = take(input) * 17u;
	uint64_t timeout_ns = take(input) * UINT64_C(20000000);

	for (unsigned i = 0; i <= (how >> 4); i++)
		call(f->sessions[which], called[how & 3], len_bytes, timeout_ns, how & 4);
	if (how & 8)
		wire_run(&f->wire, NULL, NULL, WIRE_MILLISECOND);
}

static void victim_replies(struct input *input)
{
	static const uint8_t body[RPC_INLINE_BYTES_MAX];

	if (f->tokens_count > 0)
		rpc_reply(f->endpoint, f->tokens[--f->tokens_count], -(take(input) & 1), body, take(input) % (sizeof(body) + 1),
			  f->wire.now_ns);
}

/* What its owner may do to the endpoint at any time. */
static void victim_changes(unsigned which, struct input *input)
{
	uint64_t now_ns = f->wire.now_ns;
	uint8_t secret[32] = { 0 }, tag[SECURE_TAG_BYTES] = { 0 };
	uint64_t counter = take(input);

	switch (take(input) % 4) {
	case 0:
		rpc_close(f->endpoint, f->sessions[which], now_ns);
		break;
	case 1:
		rpc_open(f->endpoint, WIRE_ADDRESS(LIAR + which), PORT, &f->sessions[which], now_ns);
		break;
	case 2:
		rpc_key_forgotten(f->endpoint, SECURE_FIXTURE_KEY_ID, now_ns);
		break;
	default:
		rpc_secret_seal(f->endpoint, f->sessions[which], secret, sizeof(secret), &counter, tag);
		assert(!rpc_secret_open(f->endpoint, f->sessions[which], counter, secret, sizeof(secret), tag));
		break;
	}
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

/* ---------------------------------------------------------------- turns */

static void turn(struct input *input)
{
	uint8_t operation = take(input) % 14, which = take(input) % f->liars_count;
	struct liar *liar = &f->liars[which];

	switch (operation) {
	case 0:
	case 1:
		liar_says(liar, input, (uint16_t)(take(input) & 63), take(input) % (RPC_INLINE_BYTES_MAX + 1));
		break;
	case 2:
	case 3:
		liar_says(liar, input, operation == 2 ? RPC_FLAG_REPLY : RPC_FLAG_TOGETHER, take(input) % (RPC_INLINE_BYTES_MAX + 1));
		break;
	case 4:
		liar_says(liar, input, RPC_FLAG_PING, 0);
		break;
	case 5:
		liar_pulls(liar, input);
		break;
	case 6:
		victim_calls(which, input);
		break;
	case 7:
		victim_replies(input);
		break;
	case 8:
		liar_reconnects(liar, input);
		break;
	case 9:
		liar_greets(liar, input);
		break;
	case 10:
		if (f->wire.now_ns < TIME_MAX_NS)
			liar_run_ms(liar, take(input) * (take(input) & 1 ? 256u : 16u));
		break;
	case 11:
		liar_reads(liar, input);
		break;
	case 12:
		liar_babbles(liar, input);
		break;
	default:
		victim_changes(which, input);
		break;
	}
}

/* ---------------------------------------------------------------- all of it */

static void victim_make(const struct rpc_limits *limits)
{
	const struct rpc_config config = {
		.device = f->wire.ends[VICTIM].device, .secure = f->secure, .node = 99, .incarnation = 0x222,
		.port = f->opens ? 0 : PORT, .limits = *limits, .types = types, .names = names, .session_changed = on_session,
		.peer_refused = on_refusal,
	};

	f->memory = aligned_alloc(64, (rpc_endpoint_bytes(&config) + 63) & ~(size_t)63);
	f->endpoint = rpc_endpoint_create(f->memory, &config, f->wire.now_ns);
	assert(f->endpoint != NULL);
	wire_hook(&f->wire, victim_poll, victim_deadline, NULL);
}

static void liar_start(unsigned which, const struct roce_limits *limits, bool polite, bool greets)
{
	struct liar *liar = &f->liars[which];

	liar_make(liar, &f->wire, LIAR + which, limits);
	liar->listens = f->opens;
	liar->polite = polite;
	liar->victim_incarnation = f->endpoint->config.incarnation;
	if (f->opens)
		rpc_open(f->endpoint, WIRE_ADDRESS(liar->number), PORT, &f->sessions[which], f->wire.now_ns);
	else
		liar_connects(liar);
	liar_run_ms(liar, 1);
	if (greets)
		liar_greets(liar, &(struct input){ NULL, 0 });
}

static void start(struct input *input)
{
	uint8_t settings = take(input), more = take(input);
	const struct rpc_limits limits = {
		.sessions_max = more & 2 ? 1 : LIARS_MAX, .calls_max = settings & 2 ? 2 : 8, .serves_max = settings & 4 ? 1 : 8,
		.receives_max = settings & 8 ? 1 : 16, .call_bodies_max = settings & 16 ? 1 : 4,
		.serve_bodies_max = settings & 32 ? 1 : 4, .pending_max = more & 4 ? 1 : 2, .macs_max = 1, .handshakes_max = 1,
	};
	struct roce_limits device = { .memory_regions_max = 2, .queues_max = 1, .queue_events_max = 64, .listeners_max = 1 };

	f->opens = settings & 1;
	f->liars_count = more & 1 ? LIARS_MAX : 1;
	wire_init(&f->wire, 7);
	rpc_device_limits(&limits, &device);
	wire_add(&f->wire, &device, 4096);
	f->secure = secure_fixture(&f->wire, VICTIM);
	victim_make(&limits);
	for (unsigned i = 0; i < f->liars_count; i++)
		liar_start(i, &device, more & 8, (settings & 64) == 0);
}

static void finish(void)
{
	for (uint32_t i = 0; i < f->endpoint->config.limits.sessions_max; i++)
		if (f->endpoint->sessions[i].state != SESSION_FREE)
			rpc_close(f->endpoint, rpc_session_handle(f->endpoint, &f->endpoint->sessions[i]), f->wire.now_ns);
	for (unsigned i = 0; i < f->liars_count; i++)
		f->wire.ends[LIAR + i].cut = true;
	wire_run(&f->wire, NULL, NULL, 3 * WIRE_SECOND);
	assert(f->ended == f->calls);
	assert(rpc_list_length(&f->endpoint->buffers_free, f->endpoint->buffer_links) == f->endpoint->buffers_count);
	wire_free(&f->wire);
	free(f->memory);
	free(f->secure);
	for (unsigned i = 0; i < f->liars_count; i++)
		free(f->liars[i].secure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;
	struct input input = { data, size }, record = { 0 };

	f = &fuzz;
	memset(f, 0, sizeof(*f));
	take_record(&input, &record);
	start(&record);
	for (unsigned i = 0; i < RECORDS_MAX && take_record(&input, &record); i++)
		turn(&record);
	finish();
	return 0;
}
