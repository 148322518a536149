/* SPDX-License-Identifier: GPL-2.0-only */
/* Listeners behind a guard: what strangers get (nothing), and what their own peers may do before they are authorized. */
#include "tests/unit/roce_forge.h"

#include <errno.h>

#include "net/roce/internal.h"

#define GUARDED_PORT 20558
#define PEER 7

/* Lets in who says "open", challenges who says "hello", and is silent to all others. */
struct door {
	uint32_t asked;
	uint32_t address;
	uint16_t port;
};

static uint8_t buffer[4096], store[4096];

static enum roce_guard_verdict check(void *context, const struct roce_guard_request *request, struct roce_guard_reply *reply,
				     uint64_t now_ns)
{
	struct door *door = context;

	assert_true(now_ns > 0);
	assert_int_equal(request->private_len_bytes, ROCE_REQ_PRIVATE_BYTES_MAX);
	door->asked++;
	door->address = request->address;
	door->port = request->port;
	if (memcmp(request->private_data, "open", 5) == 0)
		return ROCE_GUARD_ACCEPT;
	if (memcmp(request->private_data, "hello", 6) != 0)
		return ROCE_GUARD_DROP;
	memcpy(reply->private_data, "who?", 5);
	reply->private_len_bytes = 5;
	return ROCE_GUARD_CHALLENGE;
}

static struct rig *guarded_rig(struct door *door, uint32_t mtu0_bytes, uint32_t mtu1_bytes)
{
	struct rig *rig = rig_create(3, mtu0_bytes, mtu1_bytes);
	const struct roce_guard guard = { check, door };

	*door = (struct door){ 0 };
	assert_int_equal(roce_listen_guarded(rig->device[1], GUARDED_PORT, rig->queue[1], 78, &guard), 0);
	return rig;
}

static void ask(struct rig *rig, const char *word, bool locked)
{
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = GUARDED_PORT, .queue = rig->queue[0],
					.private_data = word, .private_len_bytes = (uint32_t)strlen(word) + 1,
					.timeout_ns = RIG_SECOND, .peer = PEER, .locked = locked };

	assert_int_equal(roce_connect(rig->device[0], &connect, &rig->connection[0], rig->now_ns), 0);
	rig->qpn[0] = roce_connection_qpn(rig->device[0], rig->connection[0]);
}

static void expect_event(struct rig *rig, int side, enum roce_event_type type, struct roce_event *event)
{
	assert_true(rig_wait(rig, side, event, 10 * RIG_SECOND));
	assert_int_equal(event->type, type);
}

static void connect_guarded(struct rig *rig, bool locked)
{
	struct roce_event event;

	ask(rig, "open", locked);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	assert_int_equal(event.cookie, 78);
	rig->connection[1] = event.connection;
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, PEER, &rig->qpn[1]), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	expect_event(rig, 0, ROCE_EVENT_ESTABLISHED, &event);
	expect_event(rig, 1, ROCE_EVENT_ESTABLISHED, &event);
}

static void test_challenge(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 4096);
	struct roce_event event;

	(void)state;
	ask(rig, "hello", false);
	expect_event(rig, 0, ROCE_EVENT_REJECTED, &event);
	assert_int_equal(event.reason, CM_REJECT_CONSUMER);
	assert_memory_equal(event.private_data, "who?", 5);
	assert_int_equal(door.address, rig_address(0));
	assert_int_equal(door.port, GUARDED_PORT);
	assert_int_equal(roce_counters(rig->device[1])->connects_challenged, 1);
	for (uint32_t i = 0; i < rig->device[1]->config.limits.connections_max; i++)
		assert_int_equal(rig->device[1]->connections[i].state, CM_FREE);
	rig_destroy(rig);
}

static void test_strangers_hear_nothing(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 4096);
	uint64_t sent = roce_counters(rig->device[1])->packets_sent;
	struct cm_message req = forged_request(rig_address(0), 1, 0x100);
	struct roce_event event;

	(void)state;
	ask(rig, "let me in", false);
	expect_event(rig, 0, ROCE_EVENT_UNREACHABLE, &event);
	/* Nor what else is wrong with their request. */
	req.service_id = CM_SERVICE_ID_TCP | GUARDED_PORT;
	req.path_mtu = 9;
	inject_management(rig, 1, rig_address(0), &req);
	rig_run(rig, RIG_SECOND);
	assert_true(roce_counters(rig->device[1])->drop_unauthenticated > 1);
	assert_int_equal(door.asked, roce_counters(rig->device[1])->drop_unauthenticated);
	assert_int_equal(roce_counters(rig->device[1])->packets_sent, sent);
	assert_false(rig_wait(rig, 1, &event, RIG_SECOND));
	rig_destroy(rig);
}

/* A device without an open service says nothing to whom it does not know, whatever that is about. */
static void test_closed_device(void **state)
{
	static const uint16_t attributes[] = { CM_REQ, CM_SIDR_REQ, CM_SIDR_REP, CM_REP, CM_REJ, CM_DREQ, CM_MRA };
	struct rig *rig = rig_create(3, 4096, 4096);
	struct door door = { 0 };
	const struct roce_guard guard = { check, &door };

	(void)state;
	assert_int_equal(roce_listen_guarded(rig->device[0], GUARDED_PORT, rig->queue[0], 78, &guard), 0);
	for (unsigned i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		struct cm_message message = forged_request(rig_address(1), 1, 0x100);

		message.attribute = attributes[i];
		message.remote_number = 5;
		inject_management(rig, 0, rig_address(1), &message);
	}
	rig_run(rig, RIG_SECOND);
	assert_int_equal(roce_counters(rig->device[0])->packets_sent, 0);
	assert_int_equal(roce_counters(rig->device[0])->refused_datagram_service, 1);
	assert_int_equal(door.asked, 0);
	rig_destroy(rig);
}

static void test_smaller_mtu_asks_again(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 1024);

	(void)state;
	connect_guarded(rig, false);
	assert_true(door.asked >= 2);
	assert_int_equal(roce_path_mtu_bytes(rig->device[0], rig->qpn[0]), 1024);
	rig_destroy(rig);
}

static uint32_t register_store(struct rig *rig, int side)
{
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = store, .len_bytes = sizeof(store),
					     .access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, .peer = PEER };
	uint32_t rkey;

	assert_int_equal(roce_memory_register(rig->device[side], &config, &rkey), 0);
	return rkey;
}

/* Only SENDs are taken in; what was dropped works after the authorization, because its sender repeats it. */
static void locked_until_authorized(struct rig *rig, int locked, int other)
{
	uint32_t rkey = register_store(rig, locked);
	struct roce_event event;

	memset(store, 1, sizeof(store));
	assert_int_equal(roce_post_receive(rig->device[locked], rig->qpn[locked], 1, buffer, 100), 0);
	assert_int_equal(roce_post_send(rig->device[other], rig->qpn[other], 2, "me", 3, rig->now_ns), 0);
	rig_expect(rig, other, ROCE_SEND, 2, 0);
	rig_expect(rig, locked, ROCE_RECEIVE, 1, 0);
	assert_int_equal(roce_post_write(rig->device[other], rig->qpn[other], 3, "new", 3, 0, rkey, rig->now_ns), 0);
	assert_false(rig_wait(rig, other, &event, RIG_SECOND));
	assert_int_equal(store[0], 1);
	assert_true(roce_counters(rig->device[locked])->drop_unauthorized > 0);
	assert_int_equal(roce_counters(rig->device[locked])->naks_access_sent, 0);
	assert_int_equal(roce_authorize(rig->device[locked], rig->qpn[locked]), 0);
	rig_expect(rig, other, ROCE_WRITE, 3, 0);
	assert_memory_equal(store, "new", 3);
}

static void test_passive_side_is_locked(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 4096);

	(void)state;
	connect_guarded(rig, false);
	locked_until_authorized(rig, 1, 0);
	assert_int_equal(roce_authorize(rig->device[1], 0xabcdef), -ENOENT);
	rig_destroy(rig);
}

static void test_active_side_is_locked(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 4096);

	(void)state;
	connect_guarded(rig, true);
	locked_until_authorized(rig, 0, 1);
	rig_destroy(rig);
}

/* A stranger's request to an open service names the communication id and queue pair of a guarded connection. */
static void test_stranger_ends_no_guarded_connection(void **state)
{
	struct door door;
	struct rig *rig = guarded_rig(&door, 4096, 4096);
	struct cm_message req;
	struct roce_event event;

	(void)state;
	connect_guarded(rig, false);
	req = forged_request(rig_address(0), 0x777, rig->qpn[0]);
	inject_management(rig, 1, rig_address(0), &req);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	assert_int_equal(event.service_port, RIG_PORT);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 1, buffer, 100), 0);
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 2, "me", 3, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_SEND, 2, 0);
	rig_expect(rig, 1, ROCE_RECEIVE, 1, 0);
	/* The peer itself, behind the guard, may say so. */
	req.service_id = CM_SERVICE_ID_TCP | GUARDED_PORT;
	req.local_number = 0x778;
	req.private_data = (const uint8_t *)"open";
	req.private_len_bytes = 5;
	inject_management(rig, 1, rig_address(0), &req);
	rig_expect_disconnected(rig, 1, -ECONNRESET);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_strangers_hear_nothing),
		cmocka_unit_test(test_closed_device),
		cmocka_unit_test(test_smaller_mtu_asks_again),
		cmocka_unit_test(test_passive_side_is_locked),
		cmocka_unit_test(test_active_side_is_locked),
		cmocka_unit_test(test_stranger_ends_no_guarded_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
