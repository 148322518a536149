/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-rping: both roles of rping (rdma-core's librdmacm/examples/rping.c) over our own transport, for tests against
 * other RDMA stacks, and over verbs, for tests of that port. Reference section 1.13. One round:
 *
 *	client SENDs where its text is {address 64, rkey 32, len 32}	server READs the text
 *	server SENDs "go on" (16 bytes, contents ignored)		client SENDs where its sink is
 *	server WRITEs the text there					server SENDs "done"; client compares
 *
 *  R1  Every receive is posted before the SEND that makes the peer fill it.
 *  R2  A message that is not 16 bytes, or a length beyond our buffer, ends the run with an error.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peer.h"

#define DEFAULT_PORT 7174u
#define SIZE_MIN_BYTES 32u		/* room for the text's head */
#define SIZE_MAX_BYTES 65536u		/* rping's own limit */
#define SIZE_DEFAULT_BYTES 64u
#define MESSAGE_BYTES 16u
#define RECEIVES 4u
#define STEP_NS UINT64_C(10000000000)	/* the most a peer may take for one step; rxe repeats lost READs after 2.2 s */
#define LINGER_NS UINT64_C(300000000)
#define FOREVER UINT64_MAX
#define LETTER_FIRST 65
#define LETTER_LAST 122

struct options {
	bool server, client, validate, verbose, persistent;
	uint32_t address, source, path_mtu_bytes;
	uint16_t port;
	uint32_t size_bytes;
	uint64_t count;			/* 0: until the peer hangs up */
};

/* What the peer said about its memory. */
struct place {
	uint64_t address;
	uint32_t rkey, len_bytes;
};

struct run {
	const struct options *options;
	struct peer peer;
	uint32_t connection, qpn;
	uint32_t path_mtu_bytes;	/* agreed */
	uint32_t text_rkey, sink_rkey;
	unsigned messages;		/* received, not yet taken by the round */
	struct place places[RECEIVES];
	bool ended;			/* the peer hung up */
	uint8_t receives[RECEIVES][MESSAGE_BYTES];
	uint8_t out[MESSAGE_BYTES];
	/* Aligned as their wire addresses, 0, are: a device maps pages. */
	uint8_t text[SIZE_MAX_BYTES] __attribute__((aligned(4096))), sink[SIZE_MAX_BYTES] __attribute__((aligned(4096)));
};

static int fail(const char *what, int status)
{
	fprintf(stderr, "plenum-rping: %s%s%s\n", what, status ? ": " : "", status ? strerror(-status) : "");
	return -1;
}

static uint64_t big(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

static void put_big(uint8_t *bytes, uint64_t value, unsigned count)
{
	while (count-- > 0)
		*bytes++ = (uint8_t)(value >> 8 * count);
}

/* ---------------------------------------------------------------- steps */

static int post_receive(struct run *run, unsigned slot)
{
	int status = roce_post_receive(run->peer.device, run->qpn, slot, run->receives[slot], MESSAGE_BYTES);

	return status ? fail("cannot post a receive", status) : 0;
}

static int take_message(struct run *run, const struct roce_event *event)
{
	const uint8_t *message = run->receives[event->cookie];

	if (event->len_bytes != MESSAGE_BYTES)
		return fail("a message that is not 16 bytes long", 0);
	if (run->messages == RECEIVES)
		return fail("more messages than the protocol has", 0);
	run->places[run->messages++] = (struct place){ big(message, 8), (uint32_t)big(message + 8, 4), (uint32_t)big(message + 12, 4) };
	return post_receive(run, (unsigned)event->cookie);
}

/* One event into the run. `done` becomes true when it ends our own work request of kind `opcode`. */
static int take_event(struct run *run, const struct roce_event *event, enum roce_opcode opcode, bool *done)
{
	switch (event->type) {
	case ROCE_EVENT_COMPLETION:
		/* A flush on the way down is told by the disconnection itself. */
		if (event->status == -ECONNRESET)
			return 0;
		if (event->status)
			return fail("a work request failed", event->status);
		if (event->opcode == ROCE_RECEIVE)
			return take_message(run, event);
		*done = event->opcode == opcode;
		return 0;
	case ROCE_EVENT_DISCONNECTED:
		if (event->connection == run->connection)
			run->ended = true;
		return event->status && event->connection == run->connection ? fail("the connection failed", event->status) : 0;
	case ROCE_EVENT_CONNECT_REQUEST:	/* one client at a time */
		roce_reject(run->peer.device, event->connection, NULL, 0, udp_port_now_ns());
		return 0;
	default:
		return 0;
	}
}

/* 0: done. 1: the peer hung up instead. -1: failed. */
static int wait_done(struct run *run, enum roce_opcode opcode)
{
	uint64_t deadline_ns = udp_port_now_ns() + STEP_NS;
	struct roce_event event;
	bool done = false;

	while (!done && !run->ended) {
		if (!peer_wait(&run->peer, &event, deadline_ns))
			return fail("no answer in 10 s", 0);
		if (take_event(run, &event, opcode, &done) != 0)
			return -1;
	}
	return done ? 0 : 1;
}

static int wait_message(struct run *run, struct place *place)
{
	uint64_t deadline_ns = udp_port_now_ns() + STEP_NS;
	struct roce_event event;
	bool done = false;

	while (run->messages == 0 && !run->ended) {
		if (!peer_wait(&run->peer, &event, deadline_ns))
			return fail("no message in 10 s", 0);
		if (take_event(run, &event, ROCE_RECEIVE, &done) != 0)
			return -1;
	}
	if (run->messages == 0)
		return 1;
	*place = run->places[0];
	run->messages--;
	memmove(run->places, run->places + 1, run->messages * sizeof(run->places[0]));
	return 0;
}

static int send_place(struct run *run, uint32_t rkey, uint32_t len_bytes)
{
	int status;

	put_big(run->out, 0, 8);
	put_big(run->out + 8, rkey, 4);
	put_big(run->out + 12, len_bytes, 4);
	status = roce_post_send(run->peer.device, run->qpn, 0, run->out, MESSAGE_BYTES, udp_port_now_ns());
	return status ? fail("cannot send", status) : wait_done(run, ROCE_SEND);
}

/* ---------------------------------------------------------------- server */

static int server_round(struct run *run)
{
	struct place source, sink;
	int status = wait_message(run, &source);

	if (status)
		return status;
	if (source.len_bytes == 0 || source.len_bytes > SIZE_MAX_BYTES)
		return fail("the client's text is empty or longer than 64 KiB", 0);
	status = roce_post_read(run->peer.device, run->qpn, 0, run->text, source.len_bytes, source.address, source.rkey,
				udp_port_now_ns());
	if (status)
		return fail("cannot read", status);
	status = wait_done(run, ROCE_READ);
	if (status == 0)
		status = send_place(run, 0, 0);
	if (status == 0)
		status = wait_message(run, &sink);
	if (status)
		return status;
	if (run->options->verbose)
		printf("server ping data: %.*s\n", (int)strnlen((char *)run->text, source.len_bytes), run->text);
	status = roce_post_write(run->peer.device, run->qpn, 0, run->text,
				 sink.len_bytes < source.len_bytes ? sink.len_bytes : source.len_bytes, sink.address, sink.rkey,
				 udp_port_now_ns());
	if (status)
		return fail("cannot write", status);
	status = wait_done(run, ROCE_WRITE);
	return status ? status : send_place(run, 0, 0);
}

/* The next client: its queue pair with receives, then the answer. */
static int accept_client(struct run *run)
{
	struct roce_event event;
	int status;

	do
		peer_wait(&run->peer, &event, FOREVER);
	while (event.type != ROCE_EVENT_CONNECT_REQUEST);
	run->connection = event.connection;
	run->messages = 0;
	run->ended = false;
	status = roce_accept_begin(run->peer.device, run->connection, ROCE_PEER_ANY, &run->qpn);
	if (status)
		return fail("cannot accept", status);
	for (unsigned slot = 0; slot < RECEIVES; slot++)
		if (post_receive(run, slot) != 0)
			return -1;
	status = roce_accept_finish(run->peer.device, run->connection, NULL, 0, udp_port_now_ns());
	if (status)
		return fail("cannot accept", status);
	run->path_mtu_bytes = roce_path_mtu_bytes(run->peer.device, run->qpn);
	return 0;
}

static int serve(struct run *run)
{
	int status = roce_listen(run->peer.device, run->options->port, run->peer.queue, 0);

	if (status)
		return fail("cannot listen", status);
	do {
		uint64_t rounds = 0;

		if (accept_client(run) != 0)
			return -1;
		while ((status = server_round(run)) == 0)
			if (++rounds == run->options->count)
				break;
		if (status < 0 && !run->options->persistent)
			return -1;
		roce_disconnect(run->peer.device, run->connection, udp_port_now_ns());
		printf("served %" PRIu64 " rounds, path MTU %u\n", rounds, run->path_mtu_bytes);
		if (rounds == 0 && !run->options->persistent)
			return fail("the client hung up before its first round", 0);
	} while (run->options->persistent);
	return 0;
}

/* ---------------------------------------------------------------- client */

static int register_memory(struct run *run)
{
	struct roce_memory_config text = { .ops = &roce_memory_plain_ops, .context = run->text, .len_bytes = run->options->size_bytes,
					   .access = ROCE_ACCESS_REMOTE_READ };
	struct roce_memory_config sink = { .ops = &roce_memory_plain_ops, .context = run->sink, .len_bytes = run->options->size_bytes,
					   .access = ROCE_ACCESS_REMOTE_WRITE };

	if (roce_memory_register(run->peer.device, &text, &run->text_rkey) != 0 ||
	    roce_memory_register(run->peer.device, &sink, &run->sink_rkey) != 0)
		return fail("cannot register memory", 0);
	return 0;
}

static int connect_server(struct run *run)
{
	struct roce_connect connect = { .remote_address = run->options->address, .remote_port = run->options->port,
					.queue = run->peer.queue, .timeout_ns = STEP_NS };
	struct roce_event event;
	int status = roce_connect(run->peer.device, &connect, &run->connection, udp_port_now_ns());

	if (status)
		return fail("cannot connect", status);
	run->qpn = roce_connection_qpn(run->peer.device, run->connection);
	for (unsigned slot = 0; slot < RECEIVES; slot++)
		if (post_receive(run, slot) != 0)
			return -1;
	do {
		if (!peer_wait(&run->peer, &event, FOREVER))
			continue;
		if (event.type == ROCE_EVENT_REJECTED) {
			fprintf(stderr, "plenum-rping: the server refused, reason %u%s\n", event.reason,
				event.reason == 8 ? " (nothing listens there)" : "");
			return -1;
		}
		if (event.type == ROCE_EVENT_UNREACHABLE)
			return fail("no answer from the server", 0);
	} while (event.type != ROCE_EVENT_ESTABLISHED);
	run->path_mtu_bytes = roce_path_mtu_bytes(run->peer.device, run->qpn);
	return 0;
}

/* rping's own text: a head with the round's number, then letters that start elsewhere each round, a NUL at the end. */
static void write_text(struct run *run, uint64_t round)
{
	uint32_t size_bytes = run->options->size_bytes;
	int head = snprintf((char *)run->text, size_bytes, "rdma-ping-%" PRIu64 ": ", round);
	uint8_t letter = (uint8_t)(LETTER_FIRST + round % (LETTER_LAST - LETTER_FIRST + 1));

	for (uint32_t i = (uint32_t)head; i < size_bytes; i++) {
		run->text[i] = letter;
		letter = letter == LETTER_LAST ? LETTER_FIRST : letter + 1;
	}
	run->text[size_bytes - 1] = '\0';
}

static int client_round(struct run *run, uint64_t round)
{
	struct place ignored;
	int status;

	write_text(run, round);
	memset(run->sink, 0, run->options->size_bytes);
	status = send_place(run, run->text_rkey, run->options->size_bytes);
	if (status == 0)
		status = wait_message(run, &ignored);
	if (status == 0)
		status = send_place(run, run->sink_rkey, run->options->size_bytes);
	if (status == 0)
		status = wait_message(run, &ignored);
	if (status)
		return status < 0 ? status : fail("the server hung up in the middle of a round", 0);
	if (run->options->validate && memcmp(run->text, run->sink, run->options->size_bytes) != 0)
		return fail("data mismatch", 0);
	if (run->options->verbose)
		printf("ping data: %s\n", run->sink);
	return 0;
}

static int ask(struct run *run)
{
	uint64_t rounds = 0;

	if (register_memory(run) != 0 || connect_server(run) != 0)
		return -1;
	do {
		if (client_round(run, rounds) != 0)
			return -1;
	} while (++rounds != run->options->count);
	roce_disconnect(run->peer.device, run->connection, udp_port_now_ns());
	printf("%" PRIu64 " rounds of %u bytes, path MTU %u%s\n", rounds, run->options->size_bytes, run->path_mtu_bytes,
	       run->options->validate ? ", all equal" : "");
	return 0;
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

static bool take_option(struct options *options, int letter, const char *value)
{
	uint64_t number = 0;
	bool good = true;

	switch (letter) {
	case 's': options->server = true; break;
	case 'c': options->client = true; break;
	case 'V': options->validate = true; break;
	case 'v': options->verbose = true; break;
	case 'P': options->persistent = true; break;
	case 'a': return peer_parse_address(value, &options->address);
	case 'I': return peer_parse_address(value, &options->source);
	case 'p':
		good = peer_parse_number(value, 1, UINT16_MAX, &number);
		options->port = (uint16_t)number;
		break;
	case 'S':
		good = peer_parse_number(value, SIZE_MIN_BYTES, SIZE_MAX_BYTES, &number);
		options->size_bytes = (uint32_t)number;
		break;
	case 'm':
		good = peer_parse_number(value, 256, ROCE_PAYLOAD_BYTES_MAX, &number);
		options->path_mtu_bytes = (uint32_t)number;
		break;
	case 'C': return peer_parse_number(value, 1, UINT32_MAX, &options->count);
	default: return false;
	}
	return good;
}

static bool parse(struct options *options, int count, char **words)
{
	int letter;

	while ((letter = getopt(count, words, "sca:p:S:C:VvPI:m:")) != -1)
		if (!take_option(options, letter, optarg)) {
			if (letter != '?')
				fprintf(stderr, "plenum-rping: -%c %s: not a value this option takes\n", letter, optarg);
			return false;
		}
	return optind == count && options->server != options->client && options->address != 0;
}

int main(int count, char **words)
{
	static struct run run;
	struct options options = { .port = DEFAULT_PORT, .size_bytes = SIZE_DEFAULT_BYTES };
	struct peer_config config = { .connections_max = PEER_CONNECTIONS_DEFAULT, .depth_max = PEER_DEPTH_DEFAULT };
	char error[200];
	int status;

	if (count == 2 && strcmp(words[1], "--help") == 0)
		return usage(stdout);
	if (!parse(&options, count, words))
		return usage(stderr);
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.options = &options;
	config.path_mtu_bytes = options.path_mtu_bytes;
	config.address = options.server ? options.address : options.source ? options.source : peer_address_towards(options.address);
	if (config.address == 0) {
		fail("no route to the server", 0);
		return 1;
	}
	if (peer_open(&run.peer, &config, error, sizeof(error)) != 0) {
		fail(error, 0);
		return 1;
	}
	/* An RDMA device must know what its work requests use. */
	roce_register_local(run.peer.device, &run, sizeof(run));
	status = options.server ? serve(&run) : ask(&run);
	peer_linger(&run.peer, LINGER_NS);
	if (status != 0)
		peer_print_counters(&run.peer);
	peer_close(&run.peer);
	return status == 0 ? 0 : 1;
}
