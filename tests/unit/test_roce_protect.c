/* SPDX-License-Identifier: GPL-2.0-only */
/* MACs on packets: everything still works on a bad wire, and nothing that a stranger makes of it is taken. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/internal.h"
#include "net/secure/secure.h"

#define BYTES 20000u

static uint8_t store[BYTES], buffer[BYTES], source[BYTES];
static struct secure_packets packets[2];

static struct rig *protected_rig(uint32_t mtu_bytes, uint32_t *rkey)
{
	struct rig *rig = rig_create(21, mtu_bytes, mtu_bytes);

	rig_connect(rig, 0, 0);
	for (unsigned side = 0; side < 2; side++) {
		struct secure_keys keys = { 0 };

		memset(keys.send, 1 + (int)side, sizeof(keys.send));
		memset(keys.receive, 2 - (int)side, sizeof(keys.receive));
		secure_packets_init(&packets[side], &keys);
		assert_int_equal(roce_protect(rig->device[side], rig->qpn[side], &packets[side].protection), 0);
	}
	*rkey = rig_share(rig, store, sizeof(store), ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC);
	rig_fill(rig, source, sizeof(source));
	rig_fill(rig, store, sizeof(store));
	return rig;
}

static void all_operations(struct rig *rig, uint32_t rkey)
{
	uint64_t original, expected;

	assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 1, source, BYTES - 3, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_WRITE, 1, 0);
	assert_memory_equal(store, source, BYTES - 3);
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, buffer, BYTES - 8, 5, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_READ, 2, 0);
	assert_memory_equal(buffer, source + 5, BYTES - 8);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 3, buffer, BYTES), 0);
	assert_int_equal(roce_post_send_immediate(rig->device[0], rig->qpn[0], 4, source, BYTES, 9, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_SEND, 4, 0);
	assert_int_equal(rig_expect(rig, 1, ROCE_RECEIVE, 3, 0), BYTES);
	assert_memory_equal(buffer, source, BYTES);
	memcpy(&expected, store + 8, sizeof(expected));
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 5, &original, 8, rkey, 1, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_FETCH_ADD, 5, 0);
	assert_int_equal(original, expected);
	memcpy(source + 8, store + 8, 8);
}

static void test_operations(void **state)
{
	static const uint32_t mtus[] = { 256, 1024, 4096 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint32_t rkey;
		struct rig *rig = protected_rig(mtus[i], &rkey);

		all_operations(rig, rkey);
		rig->loss_permille = rig->repeat_permille = rig->reorder_permille = 20;
		for (unsigned round = 0; round < 10; round++)
			all_operations(rig, rkey);
		for (unsigned side = 0; side < 2; side++) {
			assert_int_equal(roce_counters(rig->device[side])->drop_mac, 0);
			assert_true(roce_counters(rig->device[side])->drop_replay > 0);	/* what the wire repeated */
		}
		rig_destroy(rig);
	}
}

/* A stranger on the path: changes what goes by and makes the ICRC right again, or repeats it. */
struct meddler {
	unsigned kind;
	unsigned at;
	bool done;
};

static bool meddle(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct meddler *meddler = rig->drop_context;
	struct roce_datagram forged = *datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	uint64_t expected = packets[to].protection.expected;

	if (meddler->done || roce_packet_destination(datagram->bytes) != rig->qpn[to])
		return false;
	forged.bytes = bytes;
	memcpy(bytes, datagram->bytes, datagram->len_bytes);
	bytes[meddler->at % (datagram->len_bytes - ROCE_ICRC_BYTES)] ^= (uint8_t)(1u << meddler->at % 8);
	if (meddler->kind == 1)
		forged.len_bytes -= ROCE_TRAILER_BYTES;
	roce_icrc_seal(&forged, rig->device[to]->config.environment.crc, NULL);
	roce_input(rig->device[to], &forged, rig->now_ns);
	assert_int_equal(packets[to].protection.expected, expected);
	meddler->at += 7;
	return false;
}

static void test_changed_packets(void **state)
{
	struct meddler meddler = { 0 };
	uint64_t refused = 0;
	uint32_t rkey;
	struct rig *rig = protected_rig(1024, &rkey);

	(void)state;
	rig->drop = meddle;
	rig->drop_context = &meddler;
	for (; meddler.kind < 2; meddler.kind++)
		for (unsigned round = 0; round < 20; round++)
			all_operations(rig, rkey);
	for (unsigned side = 0; side < 2; side++) {
		const struct roce_counters *counters = roce_counters(rig->device[side]);

		refused += counters->drop_mac + counters->drop_replay + counters->drop_unknown_qp + counters->drop_length;
		assert_true(counters->drop_mac > 100);
		assert_int_equal(counters->naks_access_sent + counters->naks_invalid_sent + counters->naks_operational_sent, 0);
	}
	assert_true(refused > 1000);
	rig_destroy(rig);
}

/* Without the keys, packets from scratch: a READ that names everything right. */
static void test_unprotected_packets(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .source_address = rig_address(0), .destination_address = rig_address(1),
					  .source_port = 4791, .destination_port = ROCE_UDP_PORT, .ip_flags_fragment = 0x4000,
					  .bytes = bytes };
	struct roce_packet packet = { .opcode = OPCODE_READ_REQUEST, .pkey = ROCE_PKEY_DEFAULT, .ack_byte = 0x80,
				      .dma_len_bytes = 64 };
	struct queue_pair *qp;
	uint32_t rkey;
	struct rig *rig = protected_rig(4096, &rkey);
	uint64_t sent;

	(void)state;
	rig_run(rig, RIG_SECOND);
	qp = roce_qp_find(rig->device[1], rig->qpn[1]);
	packet.destination_qpn = rig->qpn[1];
	packet.psn = sequence_psn(qp->responder.expected);
	packet.rkey = rkey;
	sent = roce_counters(rig->device[1])->packets_sent;
	roce_packet_encode(&packet, &datagram, rig->device[1]->config.environment.crc, NULL);
	roce_input(rig->device[1], &datagram, rig->now_ns);
	datagram.len_bytes = 17;		/* nothing that a trailer fits into */
	roce_input(rig->device[1], &datagram, rig->now_ns);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(roce_counters(rig->device[1])->packets_sent, sent);
	assert_int_equal(roce_counters(rig->device[1])->drop_mac, 1);
	all_operations(rig, rkey);
	rig_destroy(rig);
}

static void test_window(void **state)
{
	struct rig *rig;
	uint32_t rkey;
	uint8_t kept[400][ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagrams[400];
	struct roce_protection *receiving = &packets[1].protection;

	(void)state;
	rig = protected_rig(4096, &rkey);
	for (unsigned i = 0; i < 400; i++) {
		struct roce_packet packet = { .opcode = OPCODE_READ_REQUEST, .pkey = ROCE_PKEY_DEFAULT };

		datagrams[i] = (struct roce_datagram){ .bytes = kept[i] };
		roce_packet_encode_unsealed(&packet, &datagrams[i]);
		roce_protection_seal(&packets[0].protection, &datagrams[i]);
	}
	assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[100]));
	assert_false(roce_protection_open(rig->device[1], receiving, &datagrams[100]));
	assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[0]));
	assert_false(roce_protection_open(rig->device[1], receiving, &datagrams[0]));
	assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[300]));
	assert_false(roce_protection_open(rig->device[1], receiving, &datagrams[44]));	/* too old to tell */
	assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[45]));
	assert_false(roce_protection_open(rig->device[1], receiving, &datagrams[100]));
	for (unsigned i = 101; i < 300; i++)
		assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[i]));
	for (unsigned i = 0; i <= 300; i++)	/* those from 46 to 99 never came */
		if (i <= 45 || i >= 100)
			assert_false(roce_protection_open(rig->device[1], receiving, &datagrams[i]));
	assert_true(roce_protection_open(rig->device[1], receiving, &datagrams[399]));
	rig_destroy(rig);
}

struct recorder {
	struct roce_datagram last;		/* to device 1's queue pair */
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

static bool record(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct recorder *recorder = rig->drop_context;

	if (to != 1 || roce_packet_destination(datagram->bytes) != rig->qpn[1])
		return false;
	recorder->last = *datagram;
	recorder->last.bytes = recorder->bytes;
	memcpy(recorder->bytes, datagram->bytes, datagram->len_bytes);
	return false;
}

/* A connection is over for its owner before its queue pair is: keys that were taken back are not asked for again. */
static void given_back(bool by_error)
{
	struct recorder recorder = { 0 };
	uint32_t rkey;
	struct rig *rig = protected_rig(4096, &rkey);
	struct roce_event event;
	uint64_t sent;

	rig->drop = record;
	rig->drop_context = &recorder;
	all_operations(rig, rkey);
	if (by_error) {
		roce_memory_deregister(rig->device[1], rkey);
		roce_post_read(rig->device[0], rig->qpn[0], 9, buffer, 100, 0, rkey, rig->now_ns);
		rig_expect(rig, 0, ROCE_READ, 9, -EACCES);
		while (roce_queue_poll(rig->device[1], rig->queue[1], &event))
			;
	} else {
		roce_disconnect(rig->device[1], rig->connection[1], rig->now_ns);
	}
	roce_unprotect(rig->device[1], rig->qpn[1], &packets[0].protection);	/* not its own: no effect */
	roce_unprotect(rig->device[1], rig->qpn[1], &packets[1].protection);
	memset(&packets[1], 0, sizeof(packets[1]));
	assert_non_null(roce_qp_find(rig->device[1], rig->qpn[1]));
	sent = roce_counters(rig->device[1])->packets_sent;
	for (unsigned i = 0; i < 3; i++) {
		struct roce_datagram datagram = { .bytes = buffer };

		roce_input(rig->device[1], &recorder.last, rig->now_ns);
		while (roce_output(rig->device[1], &datagram, rig->now_ns))
			assert_int_equal(roce_packet_destination(buffer), 1);
	}
	assert_true(roce_counters(rig->device[1])->packets_sent <= sent + 1);	/* a DREQ */
	rig_run(rig, 10 * RIG_SECOND);
	roce_unprotect(rig->device[1], rig->qpn[1], &packets[1].protection);
	rig_destroy(rig);
}

static void test_given_back(void **state)
{
	(void)state;
	given_back(false);
	given_back(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_changed_packets),
		cmocka_unit_test(test_unprotected_packets),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
