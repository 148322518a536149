/* SPDX-License-Identifier: GPL-2.0-only */
/* SEND, READ and WRITE between two devices, on good and bad wires. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/packet.h"

static const uint32_t all_mtus[] = { 256, 512, 1024, 2048, 4096 };

static uint32_t share(struct rig *rig, void *bytes, size_t len, uint32_t access, uint64_t peer)
{
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = bytes, .len_bytes = len,
					     .access = access, .peer = peer };
	uint32_t rkey = 0;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	assert_int_not_equal(rkey, 0);
	return rkey;
}

#define READ_WRITE (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE)

static void transfer_sizes(uint64_t seed, uint32_t mtu)
{
	static const uint32_t sizes[] = { 0, 1, 3, 4, 255, 256, 257, 4095, 4096, 4097, 65536, 300001 };
	static uint8_t remote[400000], local[400000], back[400000], inbox[400000];
	struct rig *rig = rig_create(seed, mtu, mtu);
	uint32_t rkey = share(rig, remote, sizeof(remote), READ_WRITE, 9);

	rig_connect(rig, 0, 9);
	assert_int_equal(roce_path_mtu_bytes(rig->device[0], rig->qpn[0]), mtu);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		rig_fill(rig, local, sizes[i]);
		memset(back, 0xee, sizeof(back));
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 400 + i, inbox, sizes[i]), 0);
		assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 100 + i, local, sizes[i], 7, rkey, rig->now_ns), 0);
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 200 + i, back, sizes[i], 7, rkey, rig->now_ns), 0);
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 300 + i, local, sizes[i], rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_WRITE, 100 + i, 0);
		rig_expect(rig, 0, ROCE_READ, 200 + i, 0);
		rig_expect(rig, 0, ROCE_SEND, 300 + i, 0);
		assert_int_equal(rig_expect(rig, 1, ROCE_RECEIVE, 400 + i, 0), sizes[i]);
		assert_memory_equal(remote + 7, local, sizes[i]);
		assert_memory_equal(back, local, sizes[i]);
		assert_memory_equal(inbox, local, sizes[i]);
		assert_int_equal(back[sizes[i]], 0xee);
	}
	assert_int_equal(roce_counters(rig->device[0])->retransmits, 0);
	rig_destroy(rig);
}

static void test_sizes_at_every_mtu(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all_mtus) / sizeof(*all_mtus); i++)
		transfer_sizes(i + 1, all_mtus[i]);
}

/* ---------------------------------------------------------------- bad wires */

/*
 * Both sides READ and WRITE pieces of the other's memory and SEND numbered messages, over a wire that does everything
 * wrong. Each of SLOTS pieces is written, then read back and compared; messages must come once and in order.
 */
#define SLOTS 8
#define SLOT_BYTES 20000u
#define MESSAGES_POSTED 8
#define MESSAGE_BYTES 1500u

enum slot_state { SLOT_IDLE, SLOT_WRITING, SLOT_READING };

struct chaos_side {
	uint8_t memory[SLOTS * SLOT_BYTES];
	uint8_t written[SLOTS][SLOT_BYTES];
	uint8_t back[SLOTS][SLOT_BYTES];
	enum slot_state slots[SLOTS];
	uint32_t slot_bytes[SLOTS];
	uint32_t rkey;
	uint8_t outbox[MESSAGES_POSTED][MESSAGE_BYTES];
	uint8_t inbox[MESSAGES_POSTED][MESSAGE_BYTES];
	uint64_t messages_posted, messages_sent, messages_received;
	uint32_t rounds;		/* READs compared */
};

static uint32_t message_bytes(uint64_t number)
{
	return (uint32_t)(8 + number * 37 % (MESSAGE_BYTES - 8));
}

static void chaos_message_check(struct chaos_side *me, const struct roce_event *event)
{
	uint8_t *bytes = me->inbox[event->cookie % MESSAGES_POSTED];
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	assert_int_equal(number, me->messages_received);
	assert_int_equal(event->len_bytes, message_bytes(number));
	for (uint32_t i = 8; i < event->len_bytes; i++)
		assert_int_equal(bytes[i], (uint8_t)(number + i));
	me->messages_received++;
}

static void chaos_event(struct rig *rig, struct chaos_side *sides, int side, const struct roce_event *event)
{
	struct chaos_side *me = &sides[side];
	uint32_t slot = (uint32_t)event->cookie;

	assert_int_equal(event->type, ROCE_EVENT_COMPLETION);
	assert_int_equal(event->status, 0);
	switch (event->opcode) {
	case ROCE_WRITE:
		assert_int_equal(me->slots[slot], SLOT_WRITING);
		assert_memory_equal(sides[1 - side].memory + slot * SLOT_BYTES, me->written[slot], me->slot_bytes[slot]);
		me->slots[slot] = SLOT_READING;
		memset(me->back[slot], 0, SLOT_BYTES);
		assert_int_equal(roce_post_read(rig->device[side], rig->qpn[side], slot, me->back[slot], me->slot_bytes[slot],
						slot * SLOT_BYTES, sides[1 - side].rkey, rig->now_ns), 0);
		break;
	case ROCE_READ:
		assert_int_equal(me->slots[slot], SLOT_READING);
		assert_memory_equal(me->back[slot], me->written[slot], me->slot_bytes[slot]);
		me->slots[slot] = SLOT_IDLE;
		me->rounds++;
		break;
	case ROCE_SEND:
		assert_int_equal(event->cookie, me->messages_sent);
		me->messages_sent++;
		break;
	case ROCE_RECEIVE:
		chaos_message_check(me, event);
		assert_int_equal(roce_post_receive(rig->device[side], rig->qpn[side], event->cookie,
						   me->inbox[event->cookie % MESSAGES_POSTED], MESSAGE_BYTES), 0);
		break;
	default:
		fail_msg("nobody posted that");
	}
}

static void chaos_post(struct rig *rig, struct chaos_side *sides, int side)
{
	struct chaos_side *me = &sides[side];

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (me->slots[slot] != SLOT_IDLE)
			continue;
		me->slot_bytes[slot] = rig_chance(rig, 300) ? rig_random(rig) % SLOT_BYTES : 4096;
		rig_fill(rig, me->written[slot], me->slot_bytes[slot]);
		me->slots[slot] = SLOT_WRITING;
		assert_int_equal(roce_post_write(rig->device[side], rig->qpn[side], slot, me->written[slot], me->slot_bytes[slot],
						 slot * SLOT_BYTES, sides[1 - side].rkey, rig->now_ns), 0);
	}
	while (me->messages_posted - me->messages_sent < MESSAGES_POSTED) {
		uint64_t number = me->messages_posted++;
		uint8_t *bytes = me->outbox[number % MESSAGES_POSTED];

		memcpy(bytes, &number, sizeof(number));
		for (uint32_t i = 8; i < message_bytes(number); i++)
			bytes[i] = (uint8_t)(number + i);
		assert_int_equal(roce_post_send(rig->device[side], rig->qpn[side], number, bytes, message_bytes(number),
						rig->now_ns), 0);
	}
}

/* Run until both sides have compared `rounds` READs. */
static void chaos_run(struct rig *rig, struct chaos_side *sides, uint32_t rounds)
{
	struct roce_event event;

	for (int side = 0; side < 2; side++) {
		struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = sides[side].memory,
						     .len_bytes = sizeof(sides[side].memory), .access = READ_WRITE };

		assert_int_equal(roce_memory_register(rig->device[side], &config, &sides[side].rkey), 0);
		for (uint64_t i = 0; i < MESSAGES_POSTED; i++)
			assert_int_equal(roce_post_receive(rig->device[side], rig->qpn[side], i, sides[side].inbox[i],
							   MESSAGE_BYTES), 0);
	}
	while (sides[0].rounds < rounds || sides[1].rounds < rounds) {
		for (int side = 0; side < 2; side++) {
			while (roce_queue_poll(rig->device[side], rig->queue[side], &event))
				chaos_event(rig, sides, side, &event);
			chaos_post(rig, sides, side);
		}
		assert_true(rig_step(rig));
		assert_true(rig->now_ns < 3600 * RIG_SECOND);
	}
}

struct chaos_wire {
	uint32_t mtu_bytes;
	unsigned loss, repeat, reorder, corrupt;
};

static void chaos(uint64_t seed, const struct chaos_wire *wire, uint32_t rounds)
{
	struct chaos_side *sides = calloc(2, sizeof(*sides));
	struct rig *rig = rig_create(seed, wire->mtu_bytes, wire->mtu_bytes);

	rig_connect(rig, 0, 0);
	rig->loss_permille = wire->loss;
	rig->repeat_permille = wire->repeat;
	rig->reorder_permille = wire->reorder;
	rig->corrupt_permille = wire->corrupt;
	chaos_run(rig, sides, rounds);
	assert_true(sides[0].messages_received > 5 && sides[1].messages_received > 5);
	if (wire->corrupt)
		assert_true(roce_counters(rig->device[0])->drop_icrc > 0);
	rig_destroy(rig);
	free(sides);
}

static void test_bad_wires(void **state)
{
	static const struct chaos_wire wires[] = {
		{ 4096, 0, 0, 0, 0 }, { 4096, 10, 0, 0, 0 }, { 1024, 10, 0, 0, 0 }, { 4096, 0, 50, 0, 0 },
		{ 1024, 0, 0, 100, 0 }, { 4096, 0, 0, 0, 20 }, { 256, 20, 10, 20, 10 }, { 1024, 100, 100, 100, 50 },
		{ 4096, 200, 50, 200, 50 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(*wires); i++)
		for (uint64_t seed = 1; seed <= 4; seed++)
			chaos(seed * 100 + i, &wires[i], 60);
}

/* ---------------------------------------------------------------- one fault, exactly */

#define READS 40

static uint8_t far[READS * 4096], near[READS * 4096];

/* Lose the n-th packet with this opcode, once; or change it, see `shorten`. */
struct fault {
	uint8_t opcode;
	unsigned number;
	bool shorten, lengthen;
	unsigned seen;
};

static bool strike(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct fault *fault = rig->drop_context;
	struct roce_datagram again = *datagram;
	uint8_t copy[ROCE_DATAGRAM_BYTES_MAX], payload[ROCE_PAYLOAD_BYTES_MAX] = { 0 };
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.opcode != fault->opcode || fault->seen++ != fault->number)
		return false;
	if (!fault->shorten && !fault->lengthen)
		return true;
	again.bytes = copy;
	packet.payload = payload;		/* wrong bytes, too */
	packet.payload_len_bytes += fault->lengthen ? 4 : -4u;
	roce_packet_encode(&packet, &again, &crc_table, NULL);
	rig_fly(rig, &again, to);
	return true;
}

static struct rig *fault_rig(struct fault *fault, uint32_t mtu, uint32_t *rkey)
{
	struct rig *rig = rig_create(77, mtu, mtu);

	*rkey = share(rig, far, sizeof(far), READ_WRITE, 0);
	rig_connect(rig, 0, 0);
	/* So that the retransmission time is known. */
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, near, 1, 0, *rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_READ, 1, 0);
	rig_fill(rig, far, sizeof(far));
	memset(near, 0, sizeof(near));
	rig->drop = strike;
	rig->drop_context = fault;
	return rig;
}

/* Of many single-page READs one answer is lost: it alone is asked for again, without a timeout. */
static void test_lost_answer_is_repaired(void **state)
{
	(void)state;
	for (unsigned number = 0; number < READS - 1; number++) {
		struct fault fault = { .opcode = OPCODE_READ_RESPONSE_ONLY, .number = number };
		uint32_t rkey;
		struct rig *rig = fault_rig(&fault, 4096, &rkey);
		uint64_t start_ns = rig->now_ns;

		for (uint64_t i = 0; i < READS; i++)
			assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, near + i * 4096, 4096, i * 4096, rkey,
							rig->now_ns), 0);
		for (uint64_t i = 0; i < READS; i++)
			rig_expect(rig, 0, ROCE_READ, i, 0);
		assert_memory_equal(near, far, sizeof(far));
		assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
		assert_int_equal(roce_counters(rig->device[0])->retransmits, 1);
		assert_int_equal(roce_counters(rig->device[1])->duplicates, 1);
		assert_true(rig->now_ns - start_ns < RIG_SECOND / 1000);
		rig_destroy(rig);
	}
}

/* The same within one long READ: only the missing packet travels again. */
static void test_hole_in_a_long_read_is_repaired(void **state)
{
	(void)state;
	for (unsigned number = 0; number < 100; number += 7) {
		struct fault fault = { .opcode = OPCODE_READ_RESPONSE_MIDDLE, .number = number };
		uint32_t rkey;
		struct rig *rig = fault_rig(&fault, 1024, &rkey);
		uint64_t before;

		before = roce_counters(rig->device[0])->packets_received;
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, near, sizeof(near), 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, 2, 0);
		assert_memory_equal(near, far, sizeof(far));
		assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
		assert_int_equal(roce_counters(rig->device[0])->retransmits, 1);
		assert_int_equal(roce_counters(rig->device[0])->packets_received - before, sizeof(near) / 1024);
		rig_destroy(rig);
	}
}

/* A lost request is asked for by NAKs when later ones come, and it alone is repeated. */
static void test_lost_request_is_repeated(void **state)
{
	static const uint8_t opcodes[] = { OPCODE_READ_REQUEST, OPCODE_WRITE_ONLY };

	(void)state;
	for (unsigned i = 0; i < 2 * 20; i++) {
		struct fault fault = { .opcode = opcodes[i % 2], .number = i / 2 };
		uint32_t rkey;
		struct rig *rig = fault_rig(&fault, 4096, &rkey);

		for (uint64_t n = 0; n < READS / 2; n++) {
			assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], n, near + n * 4096, 4096, n * 4096, rkey,
							rig->now_ns), 0);
			assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 100 + n, near, 4096, sizeof(far) - 4096, rkey,
							 rig->now_ns), 0);
		}
		for (uint64_t n = 0; n < READS / 2; n++) {
			rig_expect(rig, 0, ROCE_READ, n, 0);
			rig_expect(rig, 0, ROCE_WRITE, 100 + n, 0);
		}
		assert_memory_equal(near, far, READS / 2 * 4096);
		if (i < 2 * 20 - 1) {
			assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
			assert_true(roce_counters(rig->device[0])->naks_received >= 1);
			assert_int_equal(roce_counters(rig->device[0])->retransmits, 1);
		}
		rig_destroy(rig);
	}
}

/* An answer of the wrong length is none. */
static void test_answer_of_wrong_length(void **state)
{
	static const struct { uint8_t opcode; uint32_t len; } cases[] = {
		{ OPCODE_READ_RESPONSE_ONLY, 1000 }, { OPCODE_READ_RESPONSE_FIRST, 5000 }, { OPCODE_READ_RESPONSE_MIDDLE, 5000 },
		{ OPCODE_READ_RESPONSE_LAST, 5000 },
	};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct fault fault = { .opcode = cases[i / 2].opcode, .shorten = i % 2 == 0, .lengthen = i % 2 == 1 };
		uint32_t rkey;
		struct rig *rig = fault_rig(&fault, 1024, &rkey);

		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, near, cases[i / 2].len, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, 2, 0);
		assert_memory_equal(near, far, cases[i / 2].len);
		assert_int_equal(near[cases[i / 2].len], 0);
		assert_int_equal(roce_counters(rig->device[0])->drop_answer, 1);
		rig_destroy(rig);
	}
}

/* A READ that is repeated while its answer is still owed is answered once. */
static bool hold(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct roce_datagram *held = rig->drop_context;

	if (to != 1)
		return false;
	memcpy(held->bytes, datagram->bytes, datagram->len_bytes);
	held->len_bytes = datagram->len_bytes;
	held->source_address = datagram->source_address;
	held->destination_address = datagram->destination_address;
	held->source_port = datagram->source_port;
	held->destination_port = datagram->destination_port;
	held->ip_flags_fragment = datagram->ip_flags_fragment;
	return true;
}

static void test_repeated_read_while_owed(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram held = { .bytes = bytes };
	struct fault fault = { .opcode = 0xff };
	uint32_t rkey;
	struct rig *rig = fault_rig(&fault, 1024, &rkey);

	(void)state;
	rig->drop = hold;
	rig->drop_context = &held;
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, near, 16384, 0, rkey, rig->now_ns), 0);
	rig_send(rig);
	rig->drop = NULL;
	for (int i = 0; i < 5; i++)
		roce_input(rig->device[1], &held, rig->now_ns);
	rig_expect(rig, 0, ROCE_READ, 2, 0);
	rig_run(rig, RIG_SECOND);
	assert_memory_equal(near, far, 16384);
	assert_int_equal(roce_counters(rig->device[0])->duplicates, 0);
	assert_int_equal(roce_counters(rig->device[0])->drop_length, 0);
	assert_int_equal(roce_counters(rig->device[1])->duplicates, 4);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_at_every_mtu),
		cmocka_unit_test(test_bad_wires),
		cmocka_unit_test(test_lost_answer_is_repaired),
		cmocka_unit_test(test_hole_in_a_long_read_is_repaired),
		cmocka_unit_test(test_lost_request_is_repeated),
		cmocka_unit_test(test_answer_of_wrong_length),
		cmocka_unit_test(test_repeated_read_while_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
