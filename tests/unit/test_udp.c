/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UDP port: RPC between two addresses of the loopback, a port in use, addresses that are not ours, and the IP IDs of
 * captured rxe packets, recovered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <plenum/status.h>

#include "net/port/ip_id.h"
#include "net/port/link.h"
#include "net/port/udp.h"
#include "net/roce/packet.h"
#include "net/rpc/rpc.h"
#include "tools/capture.h"

#define ADDRESS(last) (UINT32_C(0x7f2a0000) + (last))	/* 127.42.0.x: nobody else's on this machine */
#define SERVICE 4000
#define CALLS 400u

struct side {
	struct udp_port port;
	struct roce_device *device;
	struct rpc_endpoint *endpoint;
	struct secure *secure;
	void *device_memory, *endpoint_memory;
};

struct fixture {
	struct side sides[2];
	unsigned done, wrong;
};

static void serve_echo(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	(void)context;
	rpc_reply(endpoint, request->token, 0, request->body, request->len_bytes, now_ns);
}

static const struct rpc_type types[] = { { 1, 0, 0, RPC_BODY_BYTES_MAX, serve_echo, RPC_BODY_BYTES_MAX }, { 0 } };

static void *aligned(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	assert_non_null(memory);
	return memory;
}

static void build(struct side *side, uint32_t address, uint64_t incarnation, uint16_t port)
{
	char error[160];
	struct roce_config config = {
		.address = address, .path_mtu_bytes = 4096, .guid = address, .environment = { .random = udp_port_random },
		.limits = { .memory_regions_max = 1 },
	};
	struct rpc_config rpc = { .node = 1, .incarnation = incarnation, .port = port, .limits.sessions_max = 2, .types = types };

	const struct secure_config secure = { .address = address, .replays_max = 8, .environment = { .random = udp_port_random } };
	static const uint8_t key[SECURE_KEY_BYTES] = "the key of the rack in the tests";

	side->secure = rpc.secure = secure_create(aligned(secure_bytes(&secure)), &secure, udp_port_now_ns());
	assert_non_null(side->secure);
	assert_int_equal(secure_key_add(side->secure, 1, key), 0);
	rpc_device_limits(&rpc.limits, &config.limits);
	assert_int_equal(udp_port_open(&side->port, address, error, sizeof(error)), 0);
	side->device_memory = aligned(roce_device_bytes(&config));
	side->device = roce_device_create(side->device_memory, &config, udp_port_now_ns());
	assert_non_null(side->device);
	rpc.device = side->device;
	side->endpoint_memory = aligned(rpc_endpoint_bytes(&rpc));
	side->endpoint = rpc_endpoint_create(side->endpoint_memory, &rpc, udp_port_now_ns());
	assert_non_null(side->endpoint);
}

static void destroy(struct side *side)
{
	udp_port_close(&side->port);
	free(side->device_memory);
	free(side->endpoint_memory);
	free(side->secure);
}

static void on_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct fixture *fixture = context;

	(void)now_ns;
	fixture->done++;
	fixture->wrong += status != 0 || len_bytes != 4096 || ((const uint8_t *)body)[4095] != (uint8_t)cookie;
}

static uint64_t turn(struct side *side)
{
	uint64_t now_ns = udp_port_now_ns(), deadline_ns;

	udp_port_receive(&side->port, side->device, now_ns);
	if (roce_deadline_ns(side->device) <= now_ns)
		roce_tick(side->device, now_ns);
	rpc_poll(side->endpoint, now_ns);
	udp_port_send(&side->port, side->device, now_ns);
	deadline_ns = roce_deadline_ns(side->device);
	return rpc_deadline_ns(side->endpoint) < deadline_ns ? rpc_deadline_ns(side->endpoint) : deadline_ns;
}

static void calls_over_loopback(void **state)
{
	static struct fixture fixture;
	static uint8_t body[RPC_BODY_BYTES_MAX];
	uint64_t limit_ns = udp_port_now_ns() + UINT64_C(30000000000);
	uint32_t session;
	unsigned made = 0;

	(void)state;
	build(&fixture.sides[0], ADDRESS(1), 1, 0);
	build(&fixture.sides[1], ADDRESS(2), 2, SERVICE);
	assert_int_equal(rpc_open(fixture.sides[0].endpoint, ADDRESS(2), SERVICE, &session, udp_port_now_ns()), 0);
	while (fixture.done < CALLS && udp_port_now_ns() < limit_ns) {
		struct pollfd fds[2] = { { fixture.sides[0].port.fd, POLLIN, 0 }, { fixture.sides[1].port.fd, POLLIN, 0 } };
		uint64_t first, second;

		for (; made < CALLS; made++) {
			memset(body, (int)made, sizeof(body));
			if (rpc_call(fixture.sides[0].endpoint, session, 1, body, sizeof(body), 0, on_done, &fixture, made,
				     udp_port_now_ns()) != 0)
				break;
		}
		first = turn(&fixture.sides[0]);
		second = turn(&fixture.sides[1]);
		poll(fds, 2, udp_port_timeout_ms(first < second ? first : second, udp_port_now_ns(), 10));
	}
	assert_int_equal(fixture.done, CALLS);
	assert_int_equal(fixture.wrong, 0);
	/* All of it in single datagrams with the ICRC that the receiver expects. */
	assert_int_equal(roce_counters(fixture.sides[1].device)->drop_icrc, 0);
	assert_true(fixture.sides[0].port.counters.datagrams_sent > CALLS);
	destroy(&fixture.sides[0]);
	destroy(&fixture.sides[1]);
}

static void port_in_use(void **state)
{
	static struct udp_port first, second;
	char error[160] = "";

	(void)state;
	assert_int_equal(udp_port_open(&first, ADDRESS(3), error, sizeof(error)), 0);
	assert_int_equal(udp_port_open(&second, ADDRESS(3), error, sizeof(error)), -EADDRINUSE);
	assert_non_null(strstr(error, "127.42.0.3"));
	assert_non_null(strstr(error, "another gmmd"));
	assert_int_equal(second.fd, -1);
	udp_port_close(&first);
	udp_port_close(&first);		/* twice is harmless */
	assert_int_equal(udp_port_open(&second, ADDRESS(3), error, sizeof(error)), 0);
	udp_port_close(&second);
	assert_int_equal(udp_port_open(&second, 0xcb007101 /* 203.0.113.1, RFC 5737 */, error, sizeof(error)), -EADDRNOTAVAIL);
	assert_non_null(strstr(error, "203.0.113.1 is not an address of this machine"));
}

/* Garbage and giants from a stranger: dropped and counted, nothing else. */
static void strangers(void **state)
{
	static struct side side;
	static uint8_t garbage[ROCE_DATAGRAM_BYTES_MAX + 100];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ROCE_UDP_PORT),
				  .sin_addr.s_addr = htonl(ADDRESS(4)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const size_t lengths[] = { 0, 1, 15, 16, 100, ROCE_DATAGRAM_BYTES_MAX, ROCE_DATAGRAM_BYTES_MAX + 1, sizeof(garbage) };

	(void)state;
	assert_true(fd >= 0);
	build(&side, ADDRESS(4), 1, SERVICE);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(sendto(fd, garbage, lengths[i], 0, (struct sockaddr *)&to, sizeof(to)), lengths[i]);
	usleep(10000);
	turn(&side);
	assert_int_equal(side.port.counters.drop_truncated, 2);
	assert_int_equal(side.port.counters.datagrams_received, 6);
	assert_int_equal(roce_counters(side.device)->packets_sent, 0);
	close(fd);
	destroy(&side);
}

/* Recover the ID of every packet of a capture, with the ID taken away. Returns how many had one that is not 0. */
static unsigned recover_capture(const char *path, unsigned *refused, unsigned *damaged)
{
	static struct capture capture;
	struct roce_datagram datagram;
	enum capture_result result;
	unsigned counted = 0, packets = 0;
	char error[160];

	assert_int_equal(capture_open(&capture, path, error, sizeof(error)), 0);
	while ((result = capture_next(&capture, &datagram)) != CAPTURE_END) {
		uint16_t id = datagram.ip_id;
		size_t at;

		if (result != CAPTURE_ROCE)
			continue;
		datagram.ip_id = (uint16_t)packets;	/* what stands there must not matter */
		assert_true(ip_id_recover(&datagram, &crc_table));
		assert_int_equal(datagram.ip_id, id);
		assert_true(roce_icrc_verify(&datagram, &crc_table, NULL));
		counted += id != 0;
		packets++;
		/* One bit wrong anywhere but in the byte that the ICRC leaves out: no ID explains that, save by accident. */
		at = datagram.len_bytes * (packets % 7) / 7;
		datagram.bytes[at == 4 ? 5 : at] ^= 0x20;
		datagram.ip_id = 0x1234;
		*damaged += 1;
		if (!ip_id_recover(&datagram, &crc_table)) {
			*refused += 1;
			assert_int_equal(datagram.ip_id, 0x1234);
		}
	}
	capture_close(&capture);
	return counted;
}

static void recovered_ids(void **state)
{
	unsigned refused = 0, damaged = 0;

	(void)state;
	assert_true(recover_capture("tests/golden/golden_pp_rping_mtu4096.pcap", &refused, &damaged) > 250);
	assert_true(recover_capture("tests/golden/golden_suite_mtu4096.pcap", &refused, &damaged) > 2000);
	assert_int_equal(damaged, 303 + 2062);
	assert_true(refused + 2 >= damaged);
}

/* Every ID, at the shortest packet and the longest. */
static void all_ids(void **state)
{
	static uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX + 4];
	const size_t lengths[] = { 16, 20, 322, 1056, ROCE_DATAGRAM_BYTES_MAX };
	struct roce_datagram datagram = { .source_address = ADDRESS(8), .destination_address = ADDRESS(9), .source_port = 0xc123,
					  .destination_port = ROCE_UDP_PORT, .ip_flags_fragment = 0x4000, .bytes = bytes };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	for (uint32_t id = 0; id < 65536; id += id < 512 ? 1 : 251) {
		uint32_t icrc;

		datagram.len_bytes = lengths[id % 5];
		datagram.ip_id = (uint16_t)id;
		icrc = roce_icrc(&datagram, &crc_table, NULL);
		for (unsigned i = 0; i < 4; i++)
			bytes[datagram.len_bytes - 4 + i] = (uint8_t)(icrc >> 8 * i);
		datagram.ip_id = 0;
		assert_true(ip_id_recover(&datagram, &crc_table));
		assert_int_equal(datagram.ip_id, id);
	}
	for (datagram.len_bytes = 0; datagram.len_bytes < 16; datagram.len_bytes++)
		assert_false(ip_id_recover(&datagram, &crc_table));
	datagram.len_bytes = ROCE_DATAGRAM_BYTES_MAX + 1;
	assert_false(ip_id_recover(&datagram, &crc_table));
}

/* One packet with an ID of its own: refused as by our own nodes, taken when foreign peers are allowed. */
static void foreign_peers(void **state)
{
	static struct side side;
	static uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(51000), .sin_addr.s_addr = htonl(ADDRESS(6)) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ROCE_UDP_PORT), .sin_addr.s_addr = htonl(ADDRESS(5)) };
	struct roce_packet packet = { .opcode = OPCODE_SEND_ONLY, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = 77,
				      .payload = (const uint8_t *)"foreign", .payload_len_bytes = 7 };
	struct roce_datagram datagram = { .source_address = ADDRESS(6), .destination_address = ADDRESS(5), .source_port = 51000,
					  .destination_port = ROCE_UDP_PORT, .ip_id = 0xbeef, .ip_flags_fragment = 0x4000,
					  .bytes = bytes };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	build(&side, ADDRESS(5), 1, SERVICE);
	roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	for (unsigned round = 0; round < 3; round++) {
		side.port.foreign_peers = round > 0;
		if (round == 2)
			bytes[13] ^= 1;
		assert_int_equal(sendto(fd, bytes, datagram.len_bytes, 0, (struct sockaddr *)&to, sizeof(to)), datagram.len_bytes);
		usleep(10000);
		turn(&side);
	}
	/* The accepted one was for no queue pair: that is behind the check. */
	assert_int_equal(roce_counters(side.device)->drop_icrc, 2);
	assert_int_equal(roce_counters(side.device)->drop_unknown_qp, 1);
	assert_int_equal(side.port.counters.ids_recovered, 1);
	close(fd);
	destroy(&side);
}

static void links(void **state)
{
	struct link link;

	(void)state;
	assert_true(link_of_address(INADDR_LOOPBACK, &link));
	assert_true(link.mtu_bytes > 4096 + 100);
	assert_int_equal(link.path_mtu_bytes, 4096);
	assert_false(link_of_address(0xcb007101 /* 203.0.113.1, RFC 5737 */, &link));
	assert_int_equal(link.mtu_bytes, 1500);
	assert_int_equal(link.path_mtu_bytes, 1024);
}

static void timeouts(void **state)
{
	(void)state;
	assert_int_equal(udp_port_timeout_ms(UINT64_MAX, 5, 1000), -1);
	assert_int_equal(udp_port_timeout_ms(5, 5, 1000), 0);
	assert_int_equal(udp_port_timeout_ms(0, 5, 1000), 0);
	assert_int_equal(udp_port_timeout_ms(6, 5, 1000), 1);
	assert_int_equal(udp_port_timeout_ms(1000005, 5, 1000), 1);
	assert_int_equal(udp_port_timeout_ms(1000006, 5, 1000), 2);
	assert_int_equal(udp_port_timeout_ms(UINT64_MAX - 1, 5, 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_over_loopback),
		cmocka_unit_test(port_in_use),
		cmocka_unit_test(strangers),
		cmocka_unit_test(recovered_ids),
		cmocka_unit_test(all_ids),
		cmocka_unit_test(foreign_peers),
		cmocka_unit_test(links),
		cmocka_unit_test(timeouts),
	};

	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
