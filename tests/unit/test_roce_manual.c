/* SPDX-License-Identifier: GPL-2.0-only */
/* Queue pairs connected by hand: SENDs, READs, refusals, and their end. */
#include <errno.h>

#include "net/roce/manual.h"
#include "tests/unit/roce_rig.h"

static struct roce_manual own[2];

static struct roce_manual_peer peer_of(int side)
{
	return (struct roce_manual_peer){ .address = rig_address(!side), .qpn = own[!side].qpn, .psn = own[!side].psn,
					  .path_mtu_bytes = 1024, .reads_max = 4 };
}

static void create(struct rig *rig)
{
	for (int side = 0; side < 2; side++)
		assert_int_equal(roce_manual_create(rig->device[side], rig->queue[side], &own[side]), 0);
}

static void start(struct rig *rig)
{
	for (int side = 0; side < 2; side++) {
		struct roce_manual_peer peer = peer_of(side);

		assert_int_equal(roce_manual_start(rig->device[side], &own[side], &peer), 0);
		assert_int_equal(roce_path_mtu_bytes(rig->device[side], own[side].qpn), 1024);
	}
}

static void carries_data(void **state)
{
	static uint8_t out[5000], in[5000], read[5000];
	struct rig *rig = rig_create(1, 4096, 4096);
	struct roce_memory_config memory = { .ops = &roce_memory_plain_ops, .context = out, .len_bytes = sizeof(out),
					     .access = ROCE_ACCESS_REMOTE_READ };
	struct roce_event event;
	uint32_t rkey;

	(void)state;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 11);
	create(rig);
	assert_int_equal(roce_memory_register(rig->device[0], &memory, &rkey), 0);
	assert_int_equal(roce_post_receive(rig->device[1], own[1].qpn, 5, in, sizeof(in)), 0);
	start(rig);
	assert_int_equal(roce_post_send(rig->device[0], own[0].qpn, 6, out, sizeof(out), rig->now_ns), 0);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(event.opcode, ROCE_RECEIVE);
	assert_int_equal(event.status, 0);
	assert_int_equal(event.len_bytes, sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
	assert_int_equal(event.opcode, ROCE_SEND);
	assert_int_equal(event.status, 0);
	assert_int_equal(roce_post_read(rig->device[1], own[1].qpn, 7, read, sizeof(read), 0, rkey, rig->now_ns), 0);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(event.status, 0);
	assert_memory_equal(read, out, sizeof(out));
	rig_destroy(rig);
}

static void refusals(void **state)
{
	struct rig *rig = rig_create(2, 1024, 1024);
	struct roce_manual_peer good, bad;
	struct roce_manual nobody = { .connection = 0x7fffffff };

	(void)state;
	assert_int_equal(roce_manual_create(rig->device[0], 99, &own[0]), -EINVAL);
	create(rig);
	good = peer_of(0);
	assert_int_equal(roce_manual_start(rig->device[0], &nobody, &good), -ENOENT);
#define REFUSED(field, value) \
	bad = good; \
	bad.field = value; \
	assert_int_equal(roce_manual_start(rig->device[0], &own[0], &bad), -EINVAL)
	REFUSED(address, 0);
	REFUSED(qpn, 0);
	REFUSED(qpn, 1);
	REFUSED(qpn, 0xffffff);
	REFUSED(qpn, 0x1000002);
	REFUSED(psn, 0x1000000);
	REFUSED(path_mtu_bytes, 0);
	REFUSED(path_mtu_bytes, 1000);
	REFUSED(path_mtu_bytes, 2048);	/* more than our own link carries */
	REFUSED(path_mtu_bytes, 8192);
	REFUSED(reads_max, 256);
#undef REFUSED
	assert_int_equal(roce_manual_start(rig->device[0], &own[0], &good), 0);
	assert_int_equal(roce_manual_start(rig->device[0], &own[0], &good), -EINVAL);
	rig_destroy(rig);
}

/* As many as there are, again and again: ending one frees all it had, started or not, and says nothing to anybody. */
static void ends(void **state)
{
	struct rig *rig = rig_create(3, 1024, 1024);
	struct roce_manual all[32];
	struct roce_event event;
	uint8_t in[16];

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		unsigned count = 0;

		while (count < 32 && roce_manual_create(rig->device[0], rig->queue[0], &all[count]) == 0) {
			assert_int_equal(roce_post_receive(rig->device[0], all[count].qpn, 1, in, sizeof(in)), 0);
			count++;
		}
		assert_int_equal(count, 12);
		for (unsigned i = 0; i < count; i++)
			roce_disconnect(rig->device[0], all[i].connection, rig->now_ns);
		rig_run(rig, RIG_SECOND);
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
			assert_int_equal(event.status, -ECONNRESET);
		}
		assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 0);
	}
	assert_int_equal(roce_counters(rig->device[0])->packets_sent, 0);
	create(rig);
	start(rig);
	roce_disconnect(rig->device[0], own[0].connection, rig->now_ns);
	assert_int_equal(roce_post_send(rig->device[0], own[0].qpn, 1, in, sizeof(in), rig->now_ns), -ECONNRESET);
	rig_destroy(rig);
}

/* The peer is not there: the work fails in time, and the application hears of it. */
static void peer_gone(void **state)
{
	struct rig *rig = rig_create(4, 1024, 1024);
	struct roce_event event;
	uint8_t out[16] = { 0 };

	(void)state;
	create(rig);
	start(rig);
	rig->cut[1] = true;
	assert_int_equal(roce_post_send(rig->device[0], own[0].qpn, 1, out, sizeof(out), rig->now_ns), 0);
	rig_run(rig, 10 * RIG_SECOND);
	assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
	assert_int_equal(event.status, -ETIMEDOUT);
	assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
	assert_int_equal(event.type, ROCE_EVENT_DISCONNECTED);
	assert_int_equal(event.connection, own[0].connection);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_data),
		cmocka_unit_test(refusals),
		cmocka_unit_test(ends),
		cmocka_unit_test(peer_gone),
	};

	return cmocka_run_group_tests_name("roce_manual", tests, NULL, NULL);
}
