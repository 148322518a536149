/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-rping: both roles of rping over our own transport, for tests against other RDMA stacks, and over verbs, for tests of
 * that port. The protocol: net/rping.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net/rping/rping.h"
#include "tools/peer.h"

#define SIZE_DEFAULT_BYTES 64u
#define CONNECT_NS UINT64_C(10000000000)
/* The most that a living peer may take for one step: Linux repeats lost READs after 2.2 s, and a lost hang-up after 4.3 s. */
#define STEP_NS UINT64_C(60000000000)
#define LINGER_NS UINT64_C(300000000)
#define FOREVER UINT64_MAX

struct options {
	struct peer_options peer;
	bool validate, verbose, persistent;
	uint32_t size_bytes;
	uint64_t count;			/* 0: until the peer hangs up */
};

struct run {
	const struct options *options;
	struct peer peer;
	struct rping rping;
	uint32_t connection;
	uint32_t path_mtu_bytes;	/* agreed */
	/* Aligned as their wire addresses, 0, are: a device maps pages. */
	uint8_t text[RPING_SIZE_MAX_BYTES] __attribute__((aligned(4096))), sink[RPING_SIZE_MAX_BYTES] __attribute__((aligned(4096)));
};

enum outcome { FAILED = -1, ROUND, HUNG_UP };

/* ---------------------------------------------------------------- rounds, of either role */

static int take_completion(struct run *run, const struct roce_event *event)
{
	int status = rping_event(&run->rping, event, udp_port_now_ns());

	if (status < 0)
		peer_fail(run->rping.failure, run->rping.failure && status == -EPROTO ? 0 : status);
	else if (run->options->verbose && run->options->peer.server && event->opcode == ROCE_READ && event->status == 0)
		printf("server ping data: %.*s\n", (int)strnlen((char *)run->text, run->rping.len_bytes), run->text);
	else if (run->options->verbose && run->options->peer.client && status == 1)
		printf("ping data: %s\n", run->sink);
	return status;
}

/* Until the end of the round that has begun. */
static enum outcome play_round(struct run *run)
{
	struct roce_event event;

	while (peer_wait(&run->peer, &event, udp_port_now_ns() + STEP_NS)) {
		if (event.type == ROCE_EVENT_CONNECT_REQUEST) {	/* one client at a time */
			roce_reject(run->peer.device, event.connection, NULL, 0, udp_port_now_ns());
		} else if (event.type == ROCE_EVENT_DISCONNECTED && event.connection == run->connection) {
			return event.status ? peer_fail("the connection failed", event.status) : HUNG_UP;
		} else if (event.type == ROCE_EVENT_COMPLETION && event.qpn == run->rping.qpn) {
			int status = take_completion(run, &event);

			if (status)
				return status < 0 ? FAILED : ROUND;
		}
	}
	return peer_fail("no answer in 60 s", 0);
}

static enum outcome start_queue_pair(struct run *run, uint32_t qpn)
{
	run->rping = (struct rping){
		.device = run->peer.device, .qpn = qpn, .text = run->text, .size_bytes = run->options->size_bytes,
		.sink = run->options->peer.client ? run->sink : NULL, .validate = run->options->validate,
		.text_rkey = run->rping.text_rkey, .sink_rkey = run->rping.sink_rkey,
	};
	return rping_prepare(&run->rping) ? peer_fail("cannot post a receive", 0) : ROUND;
}

/* ---------------------------------------------------------------- server */

static enum outcome accept_client(struct run *run)
{
	struct roce_event event;
	uint32_t qpn;
	int status;

	do
		peer_wait(&run->peer, &event, FOREVER);
	while (event.type != ROCE_EVENT_CONNECT_REQUEST);
	run->connection = event.connection;
	status = roce_accept_begin(run->peer.device, run->connection, ROCE_PEER_ANY, &qpn);
	if (status)
		return peer_fail("cannot accept", status);
	if (start_queue_pair(run, qpn) != ROUND)
		return FAILED;
	status = roce_accept_finish(run->peer.device, run->connection, NULL, 0, udp_port_now_ns());
	if (status)
		return peer_fail("cannot accept", status);
	run->path_mtu_bytes = roce_path_mtu_bytes(run->peer.device, qpn);
	return ROUND;
}

static enum outcome serve(struct run *run)
{
	int status = roce_listen(run->peer.device, (uint16_t)run->options->peer.port, run->peer.queue, 0);
	enum outcome outcome;

	if (status)
		return peer_fail("cannot listen", status);
	do {
		if (accept_client(run) != ROUND)
			return FAILED;
		do
			outcome = play_round(run);
		while (outcome == ROUND && run->rping.rounds != run->options->count);
		if (outcome == FAILED && !run->options->persistent)
			return FAILED;
		roce_disconnect(run->peer.device, run->connection, udp_port_now_ns());
		printf("served %" PRIu64 " rounds, path MTU %u\n", run->rping.rounds, run->path_mtu_bytes);
		if (run->rping.rounds == 0 && !run->options->persistent)
			return peer_fail("the client hung up before its first round", 0);
	} while (run->options->persistent);
	return ROUND;
}

/* ---------------------------------------------------------------- client */

static enum outcome register_memory(struct run *run)
{
	struct roce_memory_config text = { .ops = &roce_memory_plain_ops, .context = run->text, .len_bytes = run->options->size_bytes,
					   .access = ROCE_ACCESS_REMOTE_READ };
	struct roce_memory_config sink = { .ops = &roce_memory_plain_ops, .context = run->sink, .len_bytes = run->options->size_bytes,
					   .access = ROCE_ACCESS_REMOTE_WRITE };

	if (roce_memory_register(run->peer.device, &text, &run->rping.text_rkey) != 0 ||
	    roce_memory_register(run->peer.device, &sink, &run->rping.sink_rkey) != 0)
		return peer_fail("cannot register memory", 0);
	return ROUND;
}

static enum outcome connect_server(struct run *run)
{
	struct roce_connect connect = { .remote_address = run->options->peer.address, .remote_port = (uint16_t)run->options->peer.port,
					.queue = run->peer.queue, .timeout_ns = CONNECT_NS };
	struct roce_event event;
	int status = roce_connect(run->peer.device, &connect, &run->connection, udp_port_now_ns());

	if (status)
		return peer_fail("cannot connect", status);
	if (start_queue_pair(run, roce_connection_qpn(run->peer.device, run->connection)) != ROUND)
		return FAILED;
	do {
		if (!peer_wait(&run->peer, &event, FOREVER))
			continue;
		if (event.type == ROCE_EVENT_REJECTED) {
			fprintf(stderr, "plenum-rping: the server refused: %s (reason %u)\n",
				roce_reject_reason_name(event.reason), event.reason);
			return FAILED;
		}
		if (event.type == ROCE_EVENT_UNREACHABLE)
			return peer_fail("no answer from the server", 0);
	} while (event.type != ROCE_EVENT_ESTABLISHED);
	run->path_mtu_bytes = roce_path_mtu_bytes(run->peer.device, run->rping.qpn);
	return ROUND;
}

static enum outcome ask(struct run *run)
{
	if (register_memory(run) != ROUND || connect_server(run) != ROUND)
		return FAILED;
	do {
		enum outcome outcome;

		if (rping_begin(&run->rping, udp_port_now_ns()) != 0)
			return peer_fail("cannot send", 0);
		outcome = play_round(run);
		if (outcome != ROUND)
			return outcome == FAILED ? FAILED : peer_fail("the server hung up in the middle of a round", 0);
	} while (run->rping.rounds != run->options->count);
	roce_disconnect(run->peer.device, run->connection, udp_port_now_ns());
	printf("%" PRIu64 " rounds of %u bytes, path MTU %u%s\n", run->rping.rounds, run->options->size_bytes, run->path_mtu_bytes,
	       run->options->validate ? ", all equal" : "");
	return ROUND;
}

/* ---------------------------------------------------------------- command line */

static int usage(FILE *to)
{
	fputs("usage: plenum-rping -s -a ADDRESS [-p PORT] [-C COUNT] [-P] [-v] [-m MTU]\n"
	      "       plenum-rping -c -a SERVER [-p PORT] [-C COUNT] [-S BYTES] [-V] [-v] [-I ADDRESS] [-m MTU]\n"
	      "  -s  serve; -a is the address to serve at\n"
	      "  -c  ask; -a is the server's address, -I our own (else as the routing table says)\n"
	      "  -p  port of the service (7174)\n"
	      "  -S  bytes of each text, 32 to 65536 (64)\n"
	      "  -C  rounds (else until the other side ends it)\n"
	      "  -V  compare what comes back\n"
	      "  -P  serve one client after another\n"
	      "  -m  path MTU: 256, 512, 1024, 2048 or 4096 (else what the link carries); over UDP only\n"
	      "  -v  print the texts\n"
	      "It goes over the RDMA device that has its address; without one over UDP port 4791, so then not beside the kernel's rdma_rxe.\n", to);
	return to == stdout ? 0 : 2;
}

static bool take_option(void *own, int letter, const char *value)
{
	struct options *options = own;

	switch (letter) {
	case 'V': options->validate = true; return true;
	case 'v': options->verbose = true; return true;
	case 'P': options->persistent = true; return true;
	case 'S': return peer_parse_small(value, RPING_SIZE_MIN_BYTES, RPING_SIZE_MAX_BYTES, &options->size_bytes);
	case 'C': return peer_parse_number(value, 1, UINT32_MAX, &options->count);
	default: return false;
	}
}

int main(int count, char **words)
{
	static struct run run;
	struct options options = { .peer = { .port = RPING_PORT }, .size_bytes = SIZE_DEFAULT_BYTES };
	struct peer_config config = { .connections_max = PEER_CONNECTIONS_DEFAULT, .depth_max = PEER_DEPTH_DEFAULT };

	if (count == 2 && strcmp(words[1], "--help") == 0)
		return usage(stdout);
	if (!peer_parse(count, words, &options.peer, PEER_OPTIONS "S:C:VvP", take_option, &options))
		return usage(stderr);
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.options = &options;
	if (peer_start(&run.peer, &options.peer, &config) != 0)
		return 1;
	/* An RDMA device must know what its work requests use. */
	roce_register_local(run.peer.device, &run, sizeof(run));
	return peer_end(&run.peer, options.peer.server ? serve(&run) : ask(&run), LINGER_NS);
}
