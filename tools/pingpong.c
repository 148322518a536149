/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-pingpong: both roles of ibv_rc_pingpong (rdma-core's libibverbs/examples/rc_pingpong.c) over our own transport.
 * Queue pairs are connected by hand: each side tells "lid:qpn:psn:gid" over TCP. Then the client SENDs and the server
 * answers with a SEND, one at a time. Both of its sides keep one buffer for sending and receiving, so a server returns
 * what came: our client puts something new into each message and compares.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/roce/manual.h"
#include "tools/peer.h"

#define DEFAULT_PORT 18515u
#define SIZE_MAX_BYTES (1u << 20)
#define SIZE_DEFAULT_BYTES 4096u
#define COUNT_DEFAULT 1000u
#define PATH_MTU_DEFAULT_BYTES 1024u	/* as ibv_rc_pingpong: it is told on both sides, not negotiated */
#define RECEIVES 8u
#define STEP_NS UINT64_C(10000000000)
#define STEP_S 10
#define LINGER_NS UINT64_C(200000000)
/* "0000:000000:000000:" and 32 digits of a GID, with the NUL. */
#define EXCHANGE_BYTES 52u
#define EXCHANGE_GID_AT 19u
#define EXCHANGE_DONE "done"
#define GID_IPV4_PREFIX "00000000000000000000ffff"

struct options {
	uint32_t address, server;	/* `server` 0: we are it */
	uint32_t path_mtu_bytes, size_bytes;
	uint64_t count;
	uint16_t port;
};

struct run {
	const struct options *options;
	struct peer peer;
	struct roce_manual own;
	struct roce_manual_peer remote;
	uint64_t received;		/* messages taken in and not yet answered or compared */
	bool sending;
	uint8_t out[SIZE_MAX_BYTES], in[SIZE_MAX_BYTES];
};

static int fail(const char *what, int status)
{
	fprintf(stderr, "plenum-pingpong: %s%s%s\n", what, status ? ": " : "", status ? strerror(-status) : "");
	return -1;
}

/* ---------------------------------------------------------------- exchange over TCP */

static bool parse_hex(const char *text, unsigned digits, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++) {
		char digit = text[i];

		if (digit >= '0' && digit <= '9')
			*value = *value << 4 | (uint32_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			*value = *value << 4 | (uint32_t)(digit - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* What the peer tells about itself. Its GID has to be an IPv4 address: there is no other way to it. */
static int parse_exchange(const char *text, struct roce_manual_peer *remote)
{
	uint32_t lid;

	if (text[EXCHANGE_BYTES - 1] != '\0' || text[4] != ':' || text[11] != ':' || text[18] != ':' || !parse_hex(text, 4, &lid) ||
	    !parse_hex(text + 5, 6, &remote->qpn) || !parse_hex(text + 12, 6, &remote->psn))
		return fail("what the peer says of its queue pair is not in the protocol's form", 0);
	if (strncmp(text + EXCHANGE_GID_AT, GID_IPV4_PREFIX, strlen(GID_IPV4_PREFIX)) != 0 ||
	    !parse_hex(text + EXCHANGE_GID_AT + strlen(GID_IPV4_PREFIX), 8, &remote->address))
		return fail("the peer's GID is not an IPv4 address; give ibv_rc_pingpong the right index (-g 1)", 0);
	return 0;
}

static int receive_all(int fd, char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t count = recv(fd, bytes + at, len - at, 0);

		if (count <= 0)
			return fail("the TCP connection ended early", count < 0 ? -errno : 0);
		at += (size_t)count;
	}
	return 0;
}

static int exchange(struct run *run, int fd)
{
	char out[EXCHANGE_BYTES], in[EXCHANGE_BYTES], done[sizeof(EXCHANGE_DONE)];
	bool serve = run->options->server == 0;
	int status;

	snprintf(out, sizeof(out), "%04x:%06x:%06x:%s%08x", 0, run->own.qpn, run->own.psn, GID_IPV4_PREFIX, run->options->address);
	if (!serve && send(fd, out, sizeof(out), MSG_NOSIGNAL) != (ssize_t)sizeof(out))
		return fail("cannot send over TCP", -errno);
	if (receive_all(fd, in, sizeof(in)) != 0 || parse_exchange(in, &run->remote) != 0)
		return -1;
	/* Ready before the peer hears that we are: the server answers, and the client says "done", after this. */
	run->remote.path_mtu_bytes = run->options->path_mtu_bytes;
	run->remote.reads_max = 1;
	status = roce_manual_start(run->peer.device, &run->own, &run->remote);
	if (status)
		return fail("cannot start the queue pair", status);
	if (serve && send(fd, out, sizeof(out), MSG_NOSIGNAL) != (ssize_t)sizeof(out))
		return fail("cannot send over TCP", -errno);
	if (serve)
		return receive_all(fd, done, sizeof(done));
	if (send(fd, EXCHANGE_DONE, sizeof(EXCHANGE_DONE), MSG_NOSIGNAL) != (ssize_t)sizeof(EXCHANGE_DONE))
		return fail("cannot send over TCP", -errno);
	return 0;
}

static void limit_waiting(int fd)
{
	const struct timeval limit = { .tv_sec = STEP_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* A TCP connection with the peer; the server waits for its client as long as it takes. */
static int meet(const struct options *options)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(options->port),
				  .sin_addr.s_addr = htonl(options->server ? options->server : options->address) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client = -1, one = 1;

	if (fd < 0)
		return fail("socket", -errno);
	if (options->server) {
		limit_waiting(fd);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
			return fd;
		fail("cannot reach the server", -errno);
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0)
			client = accept(fd, NULL, NULL);
		if (client >= 0)
			limit_waiting(client);
		else
			fail("cannot serve", -errno);
	}
	close(fd);
	return client;
}

/* ---------------------------------------------------------------- ping and pong */

static int post_receive(struct run *run)
{
	int status = roce_post_receive(run->peer.device, run->own.qpn, 0, run->in, run->options->size_bytes);

	return status ? fail("cannot post a receive", status) : 0;
}

static int take_event(struct run *run, const struct roce_event *event)
{
	if (event->type == ROCE_EVENT_DISCONNECTED)
		return fail("the connection failed", event->status);
	if (event->type != ROCE_EVENT_COMPLETION || event->status == -ECONNRESET)
		return 0;
	if (event->status)
		return fail("a work request failed", event->status);
	if (event->opcode == ROCE_SEND)
		run->sending = false;
	if (event->opcode != ROCE_RECEIVE)
		return 0;
	if (event->len_bytes != run->options->size_bytes)
		return fail("a message of another length; give both sides the same -s", 0);
	run->received++;
	return post_receive(run);
}

static int wait_until(struct run *run, uint64_t received)
{
	uint64_t deadline_ns = udp_port_now_ns() + STEP_NS;
	struct roce_event event;

	while (run->sending || run->received < received) {
		if (!peer_wait(&run->peer, &event, deadline_ns))
			return fail("no answer in 10 s", 0);
		if (take_event(run, &event) != 0)
			return -1;
	}
	return 0;
}

static int start_send(struct run *run)
{
	int status = roce_post_send(run->peer.device, run->own.qpn, 0, run->out, run->options->size_bytes, udp_port_now_ns());

	run->sending = status == 0;
	return status ? fail("cannot send", status) : 0;
}

static void fill(struct run *run, uint64_t round)
{
	uint32_t state = (uint32_t)round * 2654435761u + 1;

	for (uint32_t i = 0; i < run->options->size_bytes; i++) {
		state = state * 1664525u + 1013904223u;
		run->out[i] = (uint8_t)(state >> 24);
	}
}

static int play(struct run *run)
{
	bool serve = run->options->server == 0;

	for (uint64_t round = 1; round <= run->options->count; round++) {
		if (serve) {
			if (wait_until(run, round) != 0)
				return -1;
			memcpy(run->out, run->in, run->options->size_bytes);
			if (start_send(run) != 0)
				return -1;
		} else {
			fill(run, round);
			if (start_send(run) != 0 || wait_until(run, round) != 0)
				return -1;
			if (memcmp(run->out, run->in, run->options->size_bytes) != 0)
				return fail("what came back is not what was sent", 0);
		}
	}
	return wait_until(run, run->options->count);
}

static int run_all(struct run *run)
{
	uint64_t start_ns;
	int fd, status;

	status = roce_manual_create(run->peer.device, run->peer.queue, &run->own);
	if (status)
		return fail("cannot create a queue pair", status);
	for (unsigned i = 0; i < RECEIVES; i++)
		if (post_receive(run) != 0)
			return -1;
	fd = meet(run->options);
	if (fd < 0)
		return -1;
	status = exchange(run, fd);
	close(fd);
	if (status)
		return -1;
	start_ns = udp_port_now_ns();
	if (play(run) != 0)
		return -1;
	printf("%" PRIu64 " rounds of %u bytes, path MTU %u, %.1f us a round%s\n", run->options->count, run->options->size_bytes,
	       run->options->path_mtu_bytes, (double)(udp_port_now_ns() - start_ns) / 1000.0 / (double)run->options->count,
	       run->options->server ? ", all equal" : "");
	return 0;
}

/* ---------------------------------------------------------------- command line */

static int usage(FILE *to)
{
	fputs("usage: plenum-pingpong -a ADDRESS [-p PORT] [-s BYTES] [-n COUNT] [-m MTU] [SERVER]\n"
	      "  SERVER  play against this server; else be the server\n"
	      "  -a      our own address; a client may leave it to the routing table\n"
	      "  -p      TCP port of the exchange (18515)\n"
	      "  -s      bytes of a message, 1 to 1048576 (4096)\n"
	      "  -n      rounds (1000)\n"
	      "  -m      path MTU: 256, 512, 1024, 2048 or 4096 (1024); the same on both sides\n"
	      "The other side is another of these, or 'ibv_rc_pingpong -g 1' with the same -s, -n and -m.\n"
	      "It needs UDP port 4791 of its address, so not beside the kernel's rdma_rxe.\n", to);
	return to == stdout ? 0 : 2;
}

static bool parse(struct options *options, int count, char **words)
{
	int letter;
	uint64_t number;
	bool good = true;

	while (good && (letter = getopt(count, words, "a:p:s:n:m:")) != -1) {
		switch (letter) {
		case 'a':
			good = peer_parse_address(optarg, &options->address);
			break;
		case 'p':
			good = peer_parse_number(optarg, 1, UINT16_MAX, &number);
			options->port = (uint16_t)number;
			break;
		case 's':
			good = peer_parse_number(optarg, 1, SIZE_MAX_BYTES, &number);
			options->size_bytes = (uint32_t)number;
			break;
		case 'n':
			good = peer_parse_number(optarg, 1, UINT32_MAX, &options->count);
			break;
		case 'm':
			good = peer_parse_number(optarg, 256, ROCE_PAYLOAD_BYTES_MAX, &number);
			options->path_mtu_bytes = (uint32_t)number;
			break;
		default:
			return false;
		}
		if (!good)
			fprintf(stderr, "plenum-pingpong: -%c %s: not a value this option takes\n", letter, optarg);
	}
	if (good && optind + 1 == count) {
		good = peer_parse_address(words[optind++], &options->server);
		if (good && options->address == 0)
			options->address = peer_address_towards(options->server);
	}
	return good && optind == count && options->address != 0;
}

int main(int count, char **words)
{
	static struct run run;
	struct options options = { .port = DEFAULT_PORT, .size_bytes = SIZE_DEFAULT_BYTES, .count = COUNT_DEFAULT,
				   .path_mtu_bytes = PATH_MTU_DEFAULT_BYTES };
	struct peer_config config = { .connections_max = PEER_CONNECTIONS_DEFAULT, .depth_max = PEER_DEPTH_DEFAULT };
	char error[200];
	int status;

	if (count == 2 && strcmp(words[1], "--help") == 0)
		return usage(stdout);
	if (!parse(&options, count, words))
		return usage(stderr);
	run.options = &options;
	config.port = HOST_PORT_UDP;	/* queue pairs without a connection manager: the own transport only */
	config.address = options.address;
	config.path_mtu_bytes = options.path_mtu_bytes;
	if (peer_open(&run.peer, &config, error, sizeof(error)) != 0) {
		fail(error, 0);
		return 1;
	}
	status = run_all(&run);
	if (status == 0)
		peer_linger(&run.peer, LINGER_NS);
	else
		peer_print_counters(&run.peer);
	peer_close(&run.peer);
	return status == 0 ? 0 : 1;
}
