/* SPDX-License-Identifier: GPL-2.0-only */
/* RPCs of 64 bytes with their MACs made and verified: a request without a body, and a reply without one; all slots in use. */
#include "net/rpc/rpc.h"
#include "testbed/bench-native/bench.h"

#define PORT 20556
#define TYPE 1u
#define CONNECT_NS UINT64_C(5000000000)
#define HANDSHAKES_MAX 8u

struct rpc_bench {
	struct pair *pair;
	struct rpc_endpoint *endpoint[PAIR_SIDES];
	uint32_t session;
	bool up;
	uint64_t wanted, made, ended;
};

static const struct rpc_limits rpc_limits = { .sessions_max = 1 };

static void limits(struct roce_limits *device)
{
	rpc_device_limits(&rpc_limits, device);
}

static void serve(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	(void)context;
	rpc_reply(endpoint, request->token, 0, NULL, 0, now_ns);
}

static const struct rpc_type types[] = { { TYPE, 0, 0, RPC_BODY_BYTES_MAX, serve, 0 }, { 0 } };
static const struct rpc_type_name names[] = { { TYPE, "EMPTY" }, { 0 } };

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct rpc_bench *bench = context;

	(void)session;
	(void)now_ns;
	bench->up = event == RPC_SESSION_UP;
}

static void done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns);

static bool call(struct rpc_bench *bench, uint64_t now_ns)
{
	return rpc_call(bench->endpoint[0], bench->session, TYPE, NULL, 0, 0, done, bench, 0, now_ns) == 0;
}

static void done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct rpc_bench *bench = context;

	(void)cookie;
	(void)body;
	if (status != 0 || len_bytes != 0)
		bench_fail("an RPC ended with status %d", status);
	bench->ended++;
	if (bench->made < bench->wanted && call(bench, now_ns))
		bench->made++;
}

static void turn(struct rpc_bench *bench, uint64_t now_ns)
{
	pair_move(bench->pair);
	for (unsigned side = 0; side < PAIR_SIDES; side++)
		rpc_poll(bench->endpoint[side], now_ns);
}

static struct secure *secure_of(struct pair *pair, unsigned side)
{
	static const uint8_t key[SECURE_KEY_BYTES] = "the key of the rack in the bench";
	const struct secure_config config = { .address = PAIR_ADDRESS + side, .replays_max = HANDSHAKES_MAX,
					      .environment = { .random = pair_random } };
	struct secure *secure = secure_create(bench_buffer(secure_bytes(&config)), &config, pair->now_ns);

	if (!secure || secure_key_add(secure, 1, key))
		bench_fail("no key");
	return secure;
}

static void start(struct pair *pair)
{
	static struct rpc_bench bench;
	uint64_t limit_ns = pair->now_ns + CONNECT_NS;

	bench = (struct rpc_bench){ .pair = pair };
	pair->workload = &bench;
	for (unsigned side = 0; side < PAIR_SIDES; side++) {
		const struct rpc_config config = {
			.device = pair->device[side], .secure = secure_of(pair, side), .node = 1 + side, .incarnation = 1 + side,
			.port = side == 1 ? PORT : 0, .limits = rpc_limits, .types = types, .names = names, .context = &bench,
			.session_changed = side == 0 ? session_changed : NULL,
		};

		bench.endpoint[side] = rpc_endpoint_create(bench_buffer(rpc_endpoint_bytes(&config)), &config, pair->now_ns);
		if (!bench.endpoint[side])
			bench_fail("the endpoint's limits are not valid");
	}
	if (rpc_open(bench.endpoint[0], PAIR_ADDRESS + 1, PORT, &bench.session, pair->now_ns))
		bench_fail("cannot open a session");
	while (!bench.up && pair->now_ns < limit_ns)
		turn(&bench, pair->now_ns);
	if (!bench.up)
		bench_fail("no session came up");
}

static void run(struct pair *pair, uint64_t operations)
{
	struct rpc_bench *bench = pair->workload;
	/* RPC's clock stands still: where instructions are counted one by one, seconds pass between two messages. */
	uint64_t now_ns = pair->now_ns;

	bench->made = bench->ended = 0;
	bench->wanted = operations;
	while (bench->made < operations && call(bench, now_ns))
		bench->made++;
	while (bench->ended < operations)
		turn(bench, now_ns);
}

const struct workload workload_rpc = { .name = "64-byte authenticated RPC", .target_per_second = 2e6, .limits = limits,
				       .start = start, .run = run };
