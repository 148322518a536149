/* SPDX-License-Identifier: GPL-2.0-only */
/* The RoCE device's packets through a Linux UDP socket, see udp.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/port/ip_id.h"
#include "net/port/udp.h"

#define IP_FLAG_DF 0x4000u

static void describe(char *error, size_t error_bytes, uint32_t address, const char *what, int number)
{
	const struct in_addr in = { .s_addr = htonl(address) };
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, text, sizeof(text));
	if (number == EADDRINUSE)
		snprintf(error, error_bytes,
			 "UDP port %u on %s is in use: another gmmd runs here, or the kernel's rdma_rxe driver is loaded",
			 ROCE_UDP_PORT, text);
	else if (number == EADDRNOTAVAIL)
		snprintf(error, error_bytes, "%s is not an address of this machine", text);
	else
		snprintf(error, error_bytes, "UDP %s:%u: %s: %s", text, ROCE_UDP_PORT, what, strerror(number));
}

/* Options, then bind. NULL, or what failed (errno says why). */
static const char *set_up(int fd, uint32_t address)
{
	const int discover = IP_PMTUDISC_DO, bytes = UDP_PORT_SOCKET_BYTES;
	const struct sockaddr_in local = {
		.sin_family = AF_INET,
		.sin_port = htons(ROCE_UDP_PORT),
		.sin_addr.s_addr = htonl(address),
	};

	/* DF, and with it IP ID 0 on an unconnected socket. */
	if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) != 0)
		return "IP_MTU_DISCOVER";
	/* As much as the system allows: less only means more retransmission. The forced kind needs privilege. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (bind(fd, (const struct sockaddr *)&local, sizeof(local)) != 0)
		return "bind";
	return NULL;
}

int udp_port_open(struct udp_port *port, uint32_t address, char *error, size_t error_bytes)
{
	const char *what = "socket";
	int number;

	/* An unspecified address would leave the ICRC's source address to the kernel's choice. */
	assert(address != INADDR_ANY);
	memset(port, 0, sizeof(*port));
	port->address = address;
	port->crc = crc_best();
	port->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd >= 0) {
		what = set_up(port->fd, address);
		if (what == NULL)
			return 0;
	}
	number = errno;
	describe(error, error_bytes, address, what, number);
	udp_port_close(port);
	return -number;
}

void udp_port_close(struct udp_port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

/* ---------------------------------------------------------------- receiving */

static void receive_one(struct udp_port *port, struct roce_device *device, const struct mmsghdr *message, unsigned slot,
			uint64_t now_ns)
{
	const struct sockaddr_in *sender = message->msg_hdr.msg_name;
	struct roce_datagram datagram;

	if (message->msg_len > ROCE_DATAGRAM_BYTES_MAX || (message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
		port->counters.drop_truncated++;
		return;
	}
	if (message->msg_hdr.msg_namelen < sizeof(*sender) || sender->sin_family != AF_INET) {
		port->counters.drop_sender++;
		return;
	}
	datagram = (struct roce_datagram){
		.source_address = ntohl(sender->sin_addr.s_addr),
		.destination_address = port->address,
		.source_port = ntohs(sender->sin_port),
		.destination_port = ROCE_UDP_PORT,
		.ip_flags_fragment = IP_FLAG_DF,
		.bytes = port->in[slot],
		.len_bytes = message->msg_len,
	};
	port->counters.datagrams_received++;
	/* What has no ID at all keeps 0, for the device to drop and count. */
	if (port->foreign_peers && ip_id_recover(&datagram, port->crc) && datagram.ip_id != 0)
		port->counters.ids_recovered++;
	roce_input(device, &datagram, now_ns);
}

static unsigned receive_batch(struct udp_port *port, struct roce_device *device, uint64_t now_ns)
{
	struct mmsghdr messages[UDP_PORT_BATCH];
	struct sockaddr_in senders[UDP_PORT_BATCH];
	struct iovec pieces[UDP_PORT_BATCH];
	int count;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < UDP_PORT_BATCH; i++) {
		pieces[i] = (struct iovec){ port->in[i], sizeof(port->in[i]) };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = &senders[i];
		messages[i].msg_hdr.msg_namelen = sizeof(senders[i]);
	}
	count = recvmmsg(port->fd, messages, UDP_PORT_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0) {
		/* ECONNREFUSED and its like: ICMP for something sent earlier; the transport's timers deal with that. */
		if (errno != EAGAIN && errno != EINTR)
			port->counters.receive_failed++;
		return 0;
	}
	for (int i = 0; i < count; i++)
		receive_one(port, device, &messages[i], (unsigned)i, now_ns);
	return (unsigned)count;
}

unsigned udp_port_receive(struct udp_port *port, struct roce_device *device, uint64_t now_ns)
{
	unsigned total = 0;

	for (unsigned batch = 0; batch < UDP_PORT_RECEIVE_BATCHES_MAX; batch++) {
		unsigned count = receive_batch(port, device, now_ns);

		total += count;
		if (count < UDP_PORT_BATCH)
			break;
	}
	return total;
}

/* ---------------------------------------------------------------- sending */

/* Take packets from the device until the batch is full. */
static void fill_batch(struct udp_port *port, struct roce_device *device, uint64_t now_ns)
{
	port->held = port->held_next = 0;
	while (port->held < UDP_PORT_BATCH) {
		struct roce_datagram datagram = { .bytes = port->out[port->held] };

		if (roce_output(device, &datagram, now_ns) == 0)
			return;
		/* The ICRC was computed for these, and the socket sends no others. */
		assert(datagram.source_address == port->address && datagram.source_port == ROCE_UDP_PORT);
		assert(datagram.destination_port == ROCE_UDP_PORT && datagram.len_bytes <= ROCE_DATAGRAM_BYTES_MAX);
		port->peer[port->held] = datagram.destination_address;
		port->len_bytes[port->held] = (uint32_t)datagram.len_bytes;
		port->held++;
	}
}

/* Returns how many of the held datagrams the socket took. */
static unsigned send_batch(struct udp_port *port)
{
	struct mmsghdr messages[UDP_PORT_BATCH];
	struct sockaddr_in peers[UDP_PORT_BATCH];
	struct iovec pieces[UDP_PORT_BATCH];
	unsigned count = port->held - port->held_next;
	int sent;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = port->held_next + i;

		peers[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(ROCE_UDP_PORT),
						 .sin_addr.s_addr = htonl(port->peer[slot]) };
		pieces[i] = (struct iovec){ port->out[slot], port->len_bytes[slot] };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = &peers[i];
		messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
	}
	sent = sendmmsg(port->fd, messages, count, MSG_DONTWAIT);
	if (sent > 0) {
		port->counters.datagrams_sent += (unsigned)sent;
		port->held_next += (unsigned)sent;
		return (unsigned)sent;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
		port->counters.send_blocked++;
		port->blocked = true;
	} else if (errno != EINTR) {
		/* This one cannot go (no route, ICMP error, too long for the link): drop it, the transport knows loss. */
		port->counters.send_failed++;
		port->held_next++;
	}
	return 0;
}

unsigned udp_port_send(struct udp_port *port, struct roce_device *device, uint64_t now_ns)
{
	unsigned total = 0;

	port->blocked = false;
	for (;;) {
		if (port->held_next == port->held)
			fill_batch(port, device, now_ns);
		if (port->held == 0)
			return total;
		while (port->held_next < port->held && !port->blocked)
			total += send_batch(port);
		if (port->blocked)
			return total;
	}
}

/* ---------------------------------------------------------------- helpers */

int udp_port_timeout_ms(uint64_t deadline_ns, uint64_t now_ns, int ceiling_ms)
{
	uint64_t left_ms;

	assert(ceiling_ms > 0);
	if (deadline_ns == UINT64_MAX)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	left_ms = (deadline_ns - now_ns - 1) / 1000000 + 1;
	return left_ms > (uint64_t)ceiling_ms ? ceiling_ms : (int)left_ms;
}

uint64_t udp_port_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void udp_port_random(void *context, void *bytes, size_t len)
{
	uint8_t *next = bytes;

	(void)context;
	while (len > 0) {
		ssize_t count = getrandom(next, len, 0);

		/* Interrupted before the generator is seeded: try again. Anything else cannot happen (getrandom(2)). */
		assert(count > 0 || errno == EINTR);
		if (count > 0) {
			next += count;
			len -= (size_t)count;
		}
	}
}
