/* SPDX-License-Identifier: GPL-2.0-only */
/* The UDP port: RPC between two addresses of the loopback, a port in use, addresses that are not ours. */
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

#include "net/port/udp.h"
#include "net/rpc/rpc.h"

#define ADDRESS(last) (UINT32_C(0x7f2a0000) + (last))	/* 127.42.0.x: nobody else's on this machine */
#define SERVICE 4000
#define CALLS 400u

struct side {
	struct udp_port port;
	struct roce_device *device;
	struct rpc_endpoint *endpoint;
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

static const struct rpc_type types[] = { { 1, 0, 0, RPC_BODY_BYTES_MAX, serve_echo }, { 0, 0, 0, 0, NULL } };

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
		.address = address, .path_mtu_bytes = 4096, .guid = address, .environment = { udp_port_random, NULL },
		.limits = { .memory_regions_max = 1 },
	};
	struct rpc_config rpc = { .node = 1, .incarnation = incarnation, .port = port, .sessions_max = 2, .types = types };

	rpc_device_limits(2, &config.limits);
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
		cmocka_unit_test(timeouts),
	};

	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
