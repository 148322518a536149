/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-cm: many connections at once and a few messages on each, as rdma-core's examples do it (librdmacm/examples). One
 * side speaks first: it SENDs its messages when it is connected, the other answers with as many when it has them all.
 * Who has sent and received all hangs up.
 *
 *	program			connections	messages	speaks first
 *	rdma_client, _server	1		1 of 16 bytes	client
 *	ucmatose		-c		-C of -S bytes	server, when all clients are connected
 *	cmtime			-c		none		nobody; the client hangs up when all are connected
 *
 *  M1  Receives are posted before the peer can know the queue pair: no message finds none.
 *  M2  A connection that ends before its messages are through, or with an error, is a failure of the run.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peer.h"

#define DEFAULT_PORT 7471u
#define SIZE_MAX_BYTES 65536u
#define SIZE_DEFAULT_BYTES 16u
#define STEP_NS UINT64_C(10000000000)	/* the most that may pass without anything happening */
#define LINGER_NS UINT64_C(300000000)
#define NS_PER_MS 1e6

struct options {
	struct peer_options peer;
	bool server_first;
	uint32_t connections, messages, size_bytes;
};

struct call {
	uint32_t number, qpn;
	uint32_t sending, sent, received;	/* messages; `sending` were handed to the queue pair */
	bool established, ended;
};

struct run {
	const struct options *options;
	struct peer peer;
	struct call *calls;
	uint32_t requested, established, ended;
	uint32_t path_mtu_bytes;		/* agreed */
	uint64_t start_ns, connected_ns, end_ns;
	uint8_t out[SIZE_MAX_BYTES], in[SIZE_MAX_BYTES];
};

static bool speaks_first(const struct run *run)
{
	return run->options->peer.server == run->options->server_first;
}

/* ---------------------------------------------------------------- one connection */

static int post_receives(struct run *run, const struct call *call)
{
	for (uint32_t i = 0; i < run->options->messages; i++) {
		int status = roce_post_receive(run->peer.device, call->qpn, (uint64_t)(call - run->calls), run->in,
					       run->options->size_bytes);

		if (status)
			return peer_fail("cannot post a receive", status);
	}
	return 0;
}

static int speak(struct run *run, struct call *call)
{
	for (; call->sending < run->options->messages; call->sending++) {
		int status = roce_post_send(run->peer.device, call->qpn, (uint64_t)(call - run->calls), run->out,
					    run->options->size_bytes, udp_port_now_ns());

		if (status)
			return peer_fail("cannot send", status);
	}
	return 0;
}

static void end_call(struct run *run, struct call *call)
{
	if (call->ended)
		return;
	call->ended = true;
	if (++run->ended == run->options->connections)
		run->end_ns = udp_port_now_ns();
}

static void hang_up(struct run *run, struct call *call)
{
	if (call->ended)
		return;
	roce_disconnect(run->peer.device, call->number, udp_port_now_ns());
	end_call(run, call);
}

static int connect_call(struct run *run, struct call *call)
{
	struct roce_connect connect = { .remote_address = run->options->peer.address, .remote_port = (uint16_t)run->options->peer.port,
					.queue = run->peer.queue, .cookie = (uint64_t)(call - run->calls), .timeout_ns = STEP_NS };
	int status = roce_connect(run->peer.device, &connect, &call->number, udp_port_now_ns());

	if (status)
		return peer_fail("cannot connect", status);
	call->qpn = roce_connection_qpn(run->peer.device, call->number);
	return post_receives(run, call);
}

static int accept_call(struct run *run, const struct roce_event *event)
{
	struct call *call = &run->calls[run->requested];
	int status;

	if (run->requested == run->options->connections) {
		roce_reject(run->peer.device, event->connection, NULL, 0, udp_port_now_ns());
		return 0;
	}
	if (run->requested++ == 0)
		run->start_ns = udp_port_now_ns();
	call->number = event->connection;
	status = roce_accept_begin(run->peer.device, call->number, ROCE_PEER_ANY, &call->qpn);
	if (status)
		return peer_fail("cannot accept", status);
	if (post_receives(run, call) != 0)
		return -1;
	status = roce_accept_finish(run->peer.device, call->number, NULL, 0, udp_port_now_ns());
	return status ? peer_fail("cannot accept", status) : 0;
}

/* ---------------------------------------------------------------- what happens */

static struct call *find_call(struct run *run, uint32_t number)
{
	for (uint32_t i = 0; i < run->options->connections; i++)
		if (run->calls[i].number == number && !run->calls[i].ended)
			return &run->calls[i];
	return NULL;
}

/* All there: the first word, or nothing at all to say. */
static int all_connected(struct run *run)
{
	run->connected_ns = udp_port_now_ns();
	for (uint32_t i = 0; i < run->options->connections; i++) {
		struct call *call = &run->calls[i];

		if (speaks_first(run) && speak(run, call) != 0)
			return -1;
		if (run->options->messages == 0 && run->options->peer.client)
			hang_up(run, call);
	}
	return 0;
}

static int take_established(struct run *run, struct call *call)
{
	if (!call || call->established)
		return 0;
	call->established = true;
	run->path_mtu_bytes = roce_path_mtu_bytes(run->peer.device, call->qpn);
	return ++run->established == run->options->connections ? all_connected(run) : 0;
}

static int take_completion(struct run *run, const struct roce_event *event)
{
	struct call *call = &run->calls[event->cookie];
	uint32_t messages = run->options->messages;

	/* A flush on the way down is told by the disconnection itself. */
	if (event->status == -ECONNRESET || call->ended)
		return 0;
	if (event->status)
		return peer_fail("a work request failed", event->status);
	if (event->opcode == ROCE_SEND)
		call->sent++;
	else if (event->len_bytes != run->options->size_bytes)
		return peer_fail("a message of another length; give both sides the same -S", 0);
	else if (++call->received == messages && !speaks_first(run) && speak(run, call) != 0)
		return -1;
	if (call->sent == messages && call->received == messages)
		hang_up(run, call);
	return 0;
}

static int take_disconnected(struct run *run, const struct roce_event *event)
{
	struct call *call = find_call(run, event->connection);

	if (!call)
		return 0;
	if (event->status)
		return peer_fail("a connection failed", event->status);
	/* The acknowledgement of our last message may have been lost, but then the peer had the message. */
	if (call->received != run->options->messages || call->sending != run->options->messages)
		return peer_fail("the peer hung up before the messages were through", 0);
	end_call(run, call);
	return 0;
}

static int take_event(struct run *run, const struct roce_event *event)
{
	switch (event->type) {
	case ROCE_EVENT_COMPLETION:
		return take_completion(run, event);
	case ROCE_EVENT_CONNECT_REQUEST:
		return accept_call(run, event);
	case ROCE_EVENT_ESTABLISHED:
		return take_established(run, find_call(run, event->connection));
	case ROCE_EVENT_DISCONNECTED:
		return take_disconnected(run, event);
	case ROCE_EVENT_REJECTED:
		fprintf(stderr, "plenum-cm: the server refused: %s (reason %u)\n",
			roce_reject_reason_name(event->reason), event->reason);
		return -1;
	case ROCE_EVENT_UNREACHABLE:
		return peer_fail("no answer from the server", 0);
	}
	return 0;
}

static int run_all(struct run *run)
{
	struct roce_event event;

	run->start_ns = udp_port_now_ns();
	for (uint32_t i = 0; run->options->peer.client && i < run->options->connections; i++)
		if (connect_call(run, &run->calls[i]) != 0)
			return -1;
	if (run->options->peer.server) {
		int status = roce_listen(run->peer.device, (uint16_t)run->options->peer.port, run->peer.queue, 0);

		if (status)
			return peer_fail("cannot listen", status);
	}
	while (run->ended < run->options->connections) {
		/* A server waits for its first client as long as it takes. */
		bool waiting = run->options->peer.server && run->requested == 0;

		if (!peer_wait(&run->peer, &event, waiting ? UINT64_MAX : udp_port_now_ns() + STEP_NS))
			return peer_fail("nothing happened for 10 s", 0);
		if (take_event(run, &event) != 0)
			return -1;
	}
	printf("%u connections, %u messages of %u bytes each way, path MTU %u, connected in %.1f ms, ended in %.1f ms\n",
	       run->ended, run->options->messages, run->options->size_bytes, run->path_mtu_bytes,
	       (double)(run->connected_ns - run->start_ns) / NS_PER_MS, (double)(run->end_ns - run->connected_ns) / NS_PER_MS);
	return 0;
}

/* ---------------------------------------------------------------- command line */

static int usage(FILE *to)
{
	fputs("usage: plenum-cm -s -a ADDRESS [-p PORT] [-n CONNECTIONS] [-C MESSAGES] [-S BYTES] [-f] [-m MTU]\n"
	      "       plenum-cm -c -a SERVER [-p PORT] [-n CONNECTIONS] [-C MESSAGES] [-S BYTES] [-f] [-I ADDRESS] [-m MTU]\n"
	      "  -s  serve; -a is the address to serve at\n"
	      "  -c  connect; -a is the server's address, -I our own (else as the routing table says)\n"
	      "  -p  port of the service (7471)\n"
	      "  -n  connections at a time, 1 to 1024 (1)\n"
	      "  -C  messages each way on each connection, 0 to 256 (1); 0: the client hangs up when all are connected\n"
	      "  -S  bytes of a message, 1 to 65536 (16)\n"
	      "  -f  the server speaks first\n"
	      "  -m  path MTU: 256, 512, 1024, 2048 or 4096 (else what the link carries)\n"
	      "The other side: rdma_client, rdma_server (as it is); cmtime -c N (-n N -C 0); ucmatose (-C 10 -S 100 -f).\n"
	      "It goes over the RDMA device that has its address; without one over UDP port 4791, so then not beside the kernel's rdma_rxe.\n", to);
	return to == stdout ? 0 : 2;
}

static bool take_option(void *own, int letter, const char *value)
{
	struct options *options = own;

	switch (letter) {
	case 'f': options->server_first = true; return true;
	case 'n': return peer_parse_small(value, 1, PEER_CONNECTIONS_MAX, &options->connections);
	case 'C': return peer_parse_small(value, 0, PEER_DEPTH_MAX, &options->messages);
	case 'S': return peer_parse_small(value, 1, SIZE_MAX_BYTES, &options->size_bytes);
	default: return false;
	}
}

int main(int count, char **words)
{
	static struct run run;
	struct options options = { .peer = { .port = DEFAULT_PORT }, .connections = 1, .messages = 1, .size_bytes = SIZE_DEFAULT_BYTES };
	struct peer_config config;
	int status;

	if (count == 2 && strcmp(words[1], "--help") == 0)
		return usage(stdout);
	if (!peer_parse(count, words, &options.peer, PEER_OPTIONS "n:C:S:f", take_option, &options))
		return usage(stderr);
	run.options = &options;
	run.calls = calloc(options.connections, sizeof(*run.calls));
	config = (struct peer_config){ .connections_max = options.connections, .depth_max = options.messages ? options.messages : 1 };
	if (run.calls == NULL) {
		peer_fail("out of memory", 0);
		return 1;
	}
	if (peer_start(&run.peer, &options.peer, &config) != 0)
		return 1;
	/* An RDMA device must know what its work requests use. */
	roce_register_local(run.peer.device, &run, sizeof(run));
	status = peer_end(&run.peer, run_all(&run), LINGER_NS);
	free(run.calls);
	return status;
}
