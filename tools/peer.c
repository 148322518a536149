/* SPDX-License-Identifier: GPL-2.0-only */
/* The loop of a Linux program over a port, see peer.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crc.h"
#include "tools/peer.h"

#define POLL_CEILING_MS 1000
#define HELD_PACKETS 64u
#define LINGER_MORE_NS UINT64_C(2000000000)	/* for a hang-up whose messages are lost */
#define LINGER_STEP_NS UINT64_C(50000000)

bool peer_parse_address(const char *text, uint32_t *address)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1 || in.s_addr == INADDR_ANY)
		return false;
	*address = ntohl(in.s_addr);
	return true;
}

bool peer_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text < '0' || *text > '9' || value < min || value > max)
		return false;
	*number = value;
	return true;
}

bool peer_parse_small(const char *text, uint32_t min, uint32_t max, uint32_t *number)
{
	uint64_t value;

	if (!peer_parse_number(text, min, max, &value))
		return false;
	*number = (uint32_t)value;
	return true;
}

int peer_fail(const char *what, int status)
{
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, status ? ": " : "", status ? strerror(-status) : "");
	return -1;
}

static bool take_option(struct peer_options *options, int letter, const char *value)
{
	switch (letter) {
	case 's': options->server = true; return true;
	case 'c': options->client = true; return true;
	case 'a': return peer_parse_address(value, &options->address);
	case 'I': return peer_parse_address(value, &options->source);
	case 'p': return peer_parse_small(value, 1, UINT16_MAX, &options->port);
	case 'm': return peer_parse_small(value, 256, ROCE_PAYLOAD_BYTES_MAX, &options->path_mtu_bytes);
	default: return false;
	}
}

bool peer_parse(int count, char **words, struct peer_options *options, const char *letters,
		bool (*take)(void *own, int letter, const char *value), void *own)
{
	int letter;

	while ((letter = getopt(count, words, letters)) != -1)
		if (!take_option(options, letter, optarg) && !take(own, letter, optarg)) {
			if (letter != '?')
				fprintf(stderr, "%s: -%c %s: not a value this option takes\n", program_invocation_short_name, letter,
					optarg);
			return false;
		}
	return optind == count && options->server != options->client && options->address != 0;
}

uint32_t peer_address_towards(uint32_t remote)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ROCE_UDP_PORT), .sin_addr.s_addr = htonl(remote) };
	struct sockaddr_in own = { 0 };
	socklen_t own_bytes = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	if (fd < 0)
		return 0;
	/* Sends nothing: it only asks the routing table. */
	known = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && getsockname(fd, (struct sockaddr *)&own, &own_bytes) == 0;
	close(fd);
	return known ? ntohl(own.sin_addr.s_addr) : 0;
}

int peer_open(struct peer *peer, const struct peer_config *wanted, char *error, size_t error_bytes)
{
	struct roce_config config = {
		.address = wanted->address, .guid = wanted->address, .path_mtu_bytes = wanted->path_mtu_bytes,
		.environment = { .random = udp_port_random, .crc = crc_best() },
		.limits = { .queue_pairs_max = wanted->connections_max, .connections_max = wanted->connections_max,
			    .memory_regions_max = 4, .queues_max = 1, .listeners_max = 1,
			    .queue_events_max = 2 * wanted->connections_max * wanted->depth_max,
			    .send_depth_max = wanted->depth_max, .receive_depth_max = wanted->depth_max,
			    .held_packets_max = HELD_PACKETS },
	};

	if (host_port_open(&peer->port, wanted->port, &config, true, udp_port_now_ns(), error, error_bytes) != 0)
		return -1;
	peer->device = peer->port.device;
	peer->path_mtu_bytes = peer->port.path_mtu_bytes;
	peer->queue = roce_queue_create(peer->device);
	return 0;
}

void peer_close(struct peer *peer)
{
	host_port_close(&peer->port);
	peer->device = NULL;
}

bool peer_wait(struct peer *peer, struct roce_event *event, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now_ns = udp_port_now_ns(), wake_ns;
		struct pollfd fd = { .fd = peer->port.fd, .events = POLLIN };

		host_port_receive(&peer->port, now_ns);
		host_port_send(&peer->port, now_ns);
		if (roce_queue_poll(peer->device, peer->queue, event))
			return true;
		if (now_ns >= deadline_ns)
			return false;
		wake_ns = roce_deadline_ns(peer->device);
		if (wake_ns > deadline_ns)
			wake_ns = deadline_ns;
		if (host_port_blocked(&peer->port))
			fd.events |= POLLOUT;
		/* Interrupted or failed: the loop looks again either way. */
		poll(&fd, 1, udp_port_timeout_ms(wake_ns, udp_port_now_ns(), POLL_CEILING_MS));
	}
}

void peer_linger(struct peer *peer, uint64_t duration_ns)
{
	uint64_t end_ns = udp_port_now_ns() + duration_ns, last_ns = end_ns + LINGER_MORE_NS;
	struct roce_event event;

	while (peer_wait(peer, &event, end_ns) || (roce_deadline_ns(peer->device) != UINT64_MAX && end_ns < last_ns))
		if (udp_port_now_ns() >= end_ns)
			end_ns += LINGER_STEP_NS;
}

void peer_print_counters(const struct peer *peer)
{
	const struct roce_counters *counters = roce_counters(peer->device);

#define PRINT_COUNTER(name) \
	if (counters->name != 0) \
		fprintf(stderr, " %s=%llu", #name, (unsigned long long)counters->name);
	fputs("counters:", stderr);
	ROCE_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
	fputc('\n', stderr);
}

int peer_start(struct peer *peer, const struct peer_options *options, struct peer_config *config)
{
	char error[200];

	config->path_mtu_bytes = options->path_mtu_bytes;
	config->address = options->server ? options->address :
			  options->source ? options->source : peer_address_towards(options->address);
	if (config->address == 0)
		return peer_fail("no route to the other side", 0);
	if (peer_open(peer, config, error, sizeof(error)) != 0)
		return peer_fail(error, 0);
	return 0;
}

int peer_end(struct peer *peer, int status, uint64_t linger_ns)
{
	peer_linger(peer, linger_ns);
	if (status != 0)
		peer_print_counters(peer);
	peer_close(peer);
	return status == 0 ? 0 : 1;
}
