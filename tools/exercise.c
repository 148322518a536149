/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-exercise: every operation of reliable connections, at random and compared byte for byte, between our transport and
 * another RDMA stack (exercise_run.h). The other side is tests/interop/verbs_peer.c, or another of these.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/exercise_run.h"
#include "tools/peer.h"

#define OPERATIONS_DEFAULT 200u
#define OPERATIONS_MAX 1000000u
#define NS_PER_S UINT64_C(1000000000)
#define LINGER_NS UINT64_C(500000000)
#define TARGET_PEER UINT64_C(1)			/* the tag of whoever is connected: a region that a peer may end belongs to one */

struct options {
	struct peer_options peer;
	bool verbose, witness;
	uint32_t operations, receives;
	uint64_t seed;
};

static struct peer peer;
static uint32_t connection, qpn;
static struct exercise_memory memory;

/* ---------------------------------------------------------------- our stack, for the exercise */

static int post(const struct exercise_operation *operation, uint32_t slot, void *local, uint64_t address, uint32_t rkey)
{
	uint64_t now_ns = udp_port_now_ns();
	uint32_t len = operation->len_bytes;

	switch (operation->kind) {
	case EXERCISE_WRITE:
		return roce_post_write(peer.device, qpn, slot, local, len, address, rkey, now_ns);
	case EXERCISE_WRITE_IMMEDIATE:
		return roce_post_write_immediate(peer.device, qpn, slot, local, len, address, rkey, operation->immediate, now_ns);
	case EXERCISE_READ:
		return roce_post_read(peer.device, qpn, slot, local, len, address, rkey, now_ns);
	case EXERCISE_SEND:
		return roce_post_send(peer.device, qpn, slot, local, len, now_ns);
	case EXERCISE_SEND_IMMEDIATE:
		return roce_post_send_immediate(peer.device, qpn, slot, local, len, operation->immediate, now_ns);
	case EXERCISE_SEND_INVALIDATE:
		return roce_post_send_invalidate(peer.device, qpn, slot, local, len, rkey, now_ns);
	case EXERCISE_COMPARE_SWAP:
		return roce_post_compare_swap(peer.device, qpn, slot, local, address, rkey, operation->compare, operation->operand,
					      now_ns);
	case EXERCISE_FETCH_ADD:
		return roce_post_fetch_add(peer.device, qpn, slot, local, address, rkey, operation->operand, now_ns);
	}
	return -EINVAL;
}

static int post_receive(uint32_t slot, void *local, uint32_t len_bytes)
{
	return roce_post_receive(peer.device, qpn, slot, local, len_bytes);
}

static void describe(const struct roce_event *from, struct exercise_event *event)
{
	*event = (struct exercise_event){
		.status = from->status,
		.is_receive = from->opcode == ROCE_RECEIVE,
		.slot = (uint32_t)from->cookie,
		.written = from->flags & ROCE_EVENT_WRITTEN,
		.has_immediate = from->flags & ROCE_EVENT_IMMEDIATE,
		.invalidated = from->flags & ROCE_EVENT_INVALIDATED,
		.len_bytes = from->flags & ROCE_EVENT_WRITTEN ? from->written_bytes : from->len_bytes,
		.immediate = from->immediate,
		.invalidated_rkey = from->invalidated_rkey,
	};
}

static int wait_event(struct exercise_event *event)
{
	uint64_t deadline_ns = udp_port_now_ns() + EXERCISE_STEP_S * NS_PER_S;
	struct roce_event from;

	while (peer_wait(&peer, &from, deadline_ns)) {
		if (from.type == ROCE_EVENT_COMPLETION && from.status != -ECONNRESET) {
			describe(&from, event);
			return 0;
		}
		if (from.type == ROCE_EVENT_CONNECT_REQUEST)
			roce_reject(peer.device, from.connection, NULL, 0, udp_port_now_ns());
		if (from.type != ROCE_EVENT_DISCONNECTED || from.connection != connection)
			continue;
		*event = (struct exercise_event){ .ended = true };
		if (from.status)
			peer_fail("the connection failed", from.status);
		return 0;
	}
	return -ETIMEDOUT;
}

/* Eight bytes that nobody uses, under a key that the peer may end. */
static int renew_spare(uint32_t *rkey)
{
	static uint8_t nothing[8];
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = nothing, .len_bytes = sizeof(nothing),
					     .access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_INVALIDATE, .peer = TARGET_PEER };

	return roce_memory_register(peer.device, &config, rkey);
}

static const struct exercise_stack stack = { post, post_receive, wait_event, renew_spare };

/* ---------------------------------------------------------------- the two ends */

static int be_target(const struct options *options, struct exercise *exercise)
{
	struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .context = memory.region, .len_bytes = EXERCISE_REGION_BYTES,
					     .access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC };
	struct roce_event event;
	int status = roce_listen(peer.device, (uint16_t)options->peer.port, peer.queue, 0);

	if (status)
		return peer_fail("cannot listen", status);
	status = roce_memory_register(peer.device, &region, &exercise->welcome.rkey);
	if (status)
		return peer_fail("cannot register memory", status);
	do
		peer_wait(&peer, &event, UINT64_MAX);
	while (event.type != ROCE_EVENT_CONNECT_REQUEST);
	memcpy(&exercise->hello, event.private_data, sizeof(exercise->hello));
	connection = event.connection;
	status = roce_accept_begin(peer.device, connection, TARGET_PEER, &qpn);
	if (status)
		return peer_fail("cannot accept", status);
	if (exercise_prepare(exercise, options->witness ? options->receives : EXERCISE_RECEIVES) != 0)
		return -1;
	status = roce_accept_finish(peer.device, connection, &exercise->welcome, sizeof(exercise->welcome), udp_port_now_ns());
	if (status)
		return peer_fail("cannot accept", status);
	return options->witness ? exercise_witness(exercise) : exercise_serve(exercise);
}

static int be_actor(const struct options *options, struct exercise *exercise)
{
	struct roce_connect connect = { .remote_address = options->peer.address, .remote_port = (uint16_t)options->peer.port, .queue = peer.queue,
					.private_data = &exercise->hello, .private_len_bytes = sizeof(exercise->hello),
					.timeout_ns = EXERCISE_STEP_S * NS_PER_S };
	struct roce_event event;
	int status;

	exercise->hello = (struct exercise_hello){ .seed = options->seed, .operations = options->operations };
	status = roce_connect(peer.device, &connect, &connection, udp_port_now_ns());
	if (status)
		return peer_fail("cannot connect", status);
	qpn = roce_connection_qpn(peer.device, connection);
	if (exercise_prepare(exercise, EXERCISE_RECEIVES) != 0)
		return -1;
	do
		peer_wait(&peer, &event, UINT64_MAX);
	while (event.type == ROCE_EVENT_COMPLETION);
	if (event.type != ROCE_EVENT_ESTABLISHED)
		return peer_fail(event.type == ROCE_EVENT_REJECTED ? "the target refused" : "no answer from the target", 0);
	memcpy(&exercise->welcome, event.private_data, sizeof(exercise->welcome));
	return exercise_act(exercise);
}

static int run(const struct options *options)
{
	static struct exercise exercise = { .stack = &stack, .memory = &memory };
	int status = options->peer.server ? be_target(options, &exercise) : be_actor(options, &exercise);

	if (status == 0 && !options->witness)
		exercise_print(&exercise, options->peer.server ? "target" : "actor", roce_path_mtu_bytes(peer.device, qpn));
	if (status == 0 && options->verbose)
		peer_print_counters(&peer);
	roce_disconnect(peer.device, connection, udp_port_now_ns());
	return status;
}

/* ---------------------------------------------------------------- command line */

static int usage(FILE *to)
{
	fputs("usage: plenum-exercise -s -a ADDRESS [-w RECEIVES] [-p PORT] [-m MTU] [-v]\n"
	      "       plenum-exercise -c -a TARGET [-n OPERATIONS] [-r SEED] [-I ADDRESS] [-p PORT] [-m MTU] [-v]\n"
	      "  -s  be the target; -a is the address to serve at\n"
	      "  -c  be the actor; -a is the target's address, -I our own (else as the routing table says)\n"
	      "  -n  operations (200)\n"
	      "  -r  seed of what is done: any number (1)\n"
	      "  -w  only look on, with so many receives: for a peer that speaks packet by packet\n"
	      "  -p  port of the service (7475)\n"
	      "  -v  print the transport's counters, even when all went well\n"
	      "  -m  path MTU: 256, 512, 1024, 2048 or 4096 (else what the link carries)\n"
	      "It needs UDP port 4791 of its address, so not beside the kernel's rdma_rxe.\n", to);
	return to == stdout ? 0 : 2;
}

static bool take_option(void *own, int letter, const char *value)
{
	struct options *options = own;

	switch (letter) {
	case 'v': options->verbose = true; return true;
	case 'r': return peer_parse_number(value, 0, UINT64_MAX, &options->seed);
	case 'n': return peer_parse_small(value, 1, OPERATIONS_MAX, &options->operations);
	case 'w': options->witness = true; return peer_parse_small(value, 0, EXERCISE_RECEIVES, &options->receives);
	default: return false;
	}
}

int main(int count, char **words)
{
	struct options options = { .peer = { .port = EXERCISE_PORT }, .operations = OPERATIONS_DEFAULT, .seed = 1 };
	struct peer_config config = { .port = HOST_PORT_UDP, .connections_max = PEER_CONNECTIONS_DEFAULT, .depth_max = PEER_DEPTH_DEFAULT };

	if (count == 2 && strcmp(words[1], "--help") == 0)
		return usage(stdout);
	if (!peer_parse(count, words, &options.peer, PEER_OPTIONS "vn:r:w:", take_option, &options) ||
	    (options.witness && !options.peer.server))
		return usage(stderr);
	if (peer_start(&peer, &options.peer, &config) != 0)
		return 1;
	return peer_end(&peer, run(&options), LINGER_NS);
}
