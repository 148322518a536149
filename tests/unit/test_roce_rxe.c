/* SPDX-License-Identifier: GPL-2.0-only */
/* Our requester against a responder with the ways of Linux's rdma_rxe, on bad wires: every transfer ends, and is right. */
#include "tests/unit/roce_rxe.h"

#define MTU 1024u
#define REGION (1u << 20)
#define READ_HALF (REGION / 2)		/* read only; WRITEs go to the other half, atomics to its last eight bytes */
#define BYTES_MAX 60000u
#define SLOTS 8u
#define OPERATIONS 120u
#define SEEDS 10u

static _Alignas(8) uint8_t memory[REGION];
static uint8_t expected[REGION], sent[RXE_INBOX_BYTES], local[SLOTS][BYTES_MAX];
static struct rxe rxe;

struct posted {
	enum roce_opcode opcode;
	uint32_t address, len_bytes;
	uint64_t original, expected_original;
};

struct exercise {
	struct rig *rig;
	struct posted slots[SLOTS];
	uint32_t posted, done, sent_bytes;
	uint64_t counter;
};

static void post_data(struct exercise *exercise, struct posted *posted, uint8_t *bytes)
{
	struct rig *rig = exercise->rig;
	uint32_t i = exercise->posted;
	int status;

	rig_fill(rig, bytes, posted->len_bytes);
	if (posted->opcode == ROCE_READ) {
		status = roce_post_read(rig->device[0], rig->qpn[0], i, bytes, posted->len_bytes, posted->address, RXE_RKEY, rig->now_ns);
	} else if (posted->opcode == ROCE_WRITE) {
		memcpy(expected + READ_HALF + posted->address, bytes, posted->len_bytes);
		status = roce_post_write(rig->device[0], rig->qpn[0], i, bytes, posted->len_bytes, READ_HALF + posted->address,
					 RXE_RKEY, rig->now_ns);
	} else {
		posted->len_bytes %= RXE_INBOX_BYTES / OPERATIONS;
		memcpy(sent + exercise->sent_bytes, bytes, posted->len_bytes);
		exercise->sent_bytes += posted->len_bytes;
		status = roce_post_send(rig->device[0], rig->qpn[0], i, bytes, posted->len_bytes, rig->now_ns);
	}
	assert_int_equal(status, 0);
}

static void post(struct exercise *exercise)
{
	static const enum roce_opcode opcodes[] = { ROCE_READ, ROCE_READ, ROCE_WRITE, ROCE_SEND, ROCE_FETCH_ADD };
	struct rig *rig = exercise->rig;
	uint32_t i = exercise->posted;
	struct posted *posted = &exercise->slots[i % SLOTS];

	*posted = (struct posted){ .opcode = opcodes[rig_random(rig) % 5], .address = rig_random(rig) % (READ_HALF - BYTES_MAX - 8),
				   .len_bytes = rig_random(rig) % BYTES_MAX };
	if (rig_random(rig) % 2)
		posted->len_bytes %= 3 * MTU;
	if (posted->opcode == ROCE_FETCH_ADD) {
		posted->expected_original = exercise->counter;
		exercise->counter += i;
		assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], i, &posted->original, REGION - 8, RXE_RKEY, i,
						     rig->now_ns), 0);
	} else {
		post_data(exercise, posted, local[i % SLOTS]);
	}
	exercise->posted++;
}

static void take(struct exercise *exercise)
{
	struct rig *rig = exercise->rig;
	struct roce_event event;

	while (roce_queue_poll(rig->device[0], rig->queue[0], &event)) {
		const struct posted *posted = &exercise->slots[exercise->done % SLOTS];

		assert_int_equal(event.type, ROCE_EVENT_COMPLETION);
		assert_int_equal(event.status, 0);
		assert_int_equal(event.cookie, exercise->done);
		assert_int_equal(event.opcode, posted->opcode);
		if (posted->opcode == ROCE_READ)
			assert_memory_equal(local[exercise->done % SLOTS], memory + posted->address, posted->len_bytes);
		if (posted->opcode == ROCE_FETCH_ADD)
			assert_int_equal(posted->original, posted->expected_original);
		exercise->done++;
	}
}

struct trouble {
	unsigned loss_permille, repeat_permille, reorder_permille;
};

/* Returns the timeouts that it took. */
static uint64_t exercise_with(const struct trouble *trouble, uint64_t seed)
{
	struct rig *rig = rig_create(seed, MTU, MTU);
	struct exercise exercise = { .rig = rig };
	uint64_t timeouts;

	rig_fill(rig, memory, sizeof(memory));
	memset(memory + REGION - 8, 0, 8);
	memcpy(expected, memory, sizeof(memory));
	rxe_connect(rig, &rxe, memory, MTU);
	rig->loss_permille = trouble->loss_permille;
	rig->repeat_permille = trouble->repeat_permille;
	rig->reorder_permille = trouble->reorder_permille;
	while (exercise.done < OPERATIONS) {
		while (exercise.posted < OPERATIONS && exercise.posted - exercise.done < SLOTS)
			post(&exercise);
		assert_true(rig_step_until(rig, rig->now_ns + 600 * RIG_SECOND));
		take(&exercise);
	}
	memcpy(expected + REGION - 8, &exercise.counter, 8);
	assert_memory_equal(memory, expected, sizeof(memory));
	assert_int_equal(rxe.inbox_bytes, exercise.sent_bytes);
	assert_memory_equal(rxe.inbox, sent, exercise.sent_bytes);
	timeouts = roce_counters(rig->device[0])->timeouts;
	rig_destroy(rig);
	return timeouts;
}

static void test_every_trouble(void **state)
{
	static const struct trouble troubles[] = {
		{ 0, 0, 0 }, { 1, 0, 0 }, { 10, 0, 0 }, { 50, 0, 0 }, { 0, 50, 0 }, { 0, 0, 50 }, { 1, 1, 1 }, { 10, 10, 10 },
		{ 50, 50, 50 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(troubles) / sizeof(*troubles); i++) {
		uint64_t timeouts = 0;

		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			timeouts += exercise_with(&troubles[i], seed);
		print_message("loss %u, repetition %u, reordering %u of 1000: %.1f timeouts in %u operations\n", troubles[i].loss_permille,
			      troubles[i].repeat_permille, troubles[i].reorder_permille, (double)timeouts / SEEDS, OPERATIONS);
	}
}

/* ---------------------------------------------------------------- the holes of one READ */

/* Which answers to lose at first, and how many repetitions of the request. */
struct holes {
	uint32_t answers;		/* bit i: packet i of the READ */
	uint32_t requests_to_lose, requests;
	uint32_t seen;			/* answers */
};

static bool make_holes(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct holes *holes = rig->drop_context;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (to == 0)
		return holes->seen < 32 && (holes->answers >> holes->seen++ & 1);
	return holes->requests++ > 0 && holes->requests_to_lose > 0 && holes->requests_to_lose-- > 0;
}

/* Where two parts are missing and the request for the first is lost, the one for the second must not make it unreachable. */
static void test_two_holes(void **state)
{
	enum { PACKETS = 16 };

	(void)state;
	for (uint32_t lost = 0; lost <= 3; lost++)
		for (uint32_t first = 0; first < PACKETS - 1; first++)
			for (uint32_t second = first + 1; second < PACKETS; second++) {
				struct holes holes = { .answers = 1u << first | 1u << second, .requests_to_lose = lost };
				struct rig *rig = rig_create(1, MTU, MTU);

				rig_fill(rig, memory, sizeof(memory));
				rxe_connect(rig, &rxe, memory, MTU);
				rig->drop = make_holes;
				rig->drop_context = &holes;
				assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, local[0], PACKETS * MTU, 4096, RXE_RKEY,
								rig->now_ns), 0);
				assert_int_equal(rig_expect(rig, 0, ROCE_READ, 1, 0), PACKETS * MTU);
				assert_memory_equal(local[0], memory + 4096, PACKETS * MTU);
				rig_destroy(rig);
			}
}

/* ---------------------------------------------------------------- an rxe that asks */

/* A packet of an rxe's to device 0: a SEND in the middle of a message, or a READ request. */
static void rxe_asks(struct rig *rig, uint8_t opcode, uint32_t psn, uint32_t rkey)
{
	static const uint8_t bytes[MTU];
	struct roce_packet packet = { .opcode = opcode, .psn = psn, .rkey = rkey, .dma_len_bytes = 64, .ack_byte = 0 };

	if (opcode != OPCODE_READ_REQUEST) {
		packet.payload = bytes;
		packet.payload_len_bytes = MTU;
	}
	rxe_send(rig, &packet);
	rig_run(rig, 10 * rig->delay_ns);
}

/* What device 0 says: opcode, PSN and syndrome of each answer. */
struct answers {
	uint32_t count;
	struct roce_packet packets[8];
};

static bool listen_to(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct answers *answers = rig->drop_context;

	if (to == 0)
		return false;
	assert_true(answers->count < 8);
	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &answers->packets[answers->count++]), PACKET_OK);
	return true;
}

static void assert_answer(const struct answers *answers, uint32_t i, uint8_t opcode, uint32_t psn, uint8_t syndrome)
{
	assert_true(i < answers->count);
	assert_int_equal(answers->packets[i].opcode, opcode);
	assert_int_equal(answers->packets[i].psn, psn);
	assert_int_equal(answers->packets[i].syndrome & 0x60, syndrome);
}

/*
 * rxe counts every NAK as a retry, and pays no heed to a second one, until an acknowledgement or data comes: a message with as
 * many losses as it has retries would end its connection. So what did arrive is acknowledged first.
 */
static void test_naks_say_first_what_came(void **state)
{
	struct rig *rig = rig_create(1, MTU, MTU);
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = memory, .len_bytes = REGION,
					     .access = ROCE_ACCESS_REMOTE_READ };
	struct answers answers = { .count = 0 };
	uint32_t rkey;

	(void)state;
	rxe_connect(rig, &rxe, memory, MTU);
	assert_int_equal(roce_memory_register(rig->device[0], &config, &rkey), 0);
	assert_int_equal(roce_post_receive(rig->device[0], rig->qpn[0], 1, local, sizeof(local)), 0);
	rig->drop = listen_to;
	rig->drop_context = &answers;
	/* Nothing came. */
	rxe_asks(rig, OPCODE_SEND_MIDDLE, 3, 0);
	assert_int_equal(answers.count, 1);
	assert_answer(&answers, 0, OPCODE_ACKNOWLEDGE, 1, 0x60);
	/* What came was a READ: its data is its acknowledgement. */
	rxe_asks(rig, OPCODE_READ_REQUEST, 1, rkey);
	rxe_asks(rig, OPCODE_SEND_MIDDLE, 4, 0);
	assert_int_equal(answers.count, 3);
	assert_answer(&answers, 1, OPCODE_READ_RESPONSE_ONLY, 1, 0);
	assert_answer(&answers, 2, OPCODE_ACKNOWLEDGE, 2, 0x60);
	rxe_asks(rig, OPCODE_SEND_FIRST, 2, 0);
	rxe_asks(rig, OPCODE_SEND_MIDDLE, 3, 0);
	rxe_asks(rig, OPCODE_SEND_MIDDLE, 5, 0);
	rxe_asks(rig, OPCODE_SEND_MIDDLE, 6, 0);
	assert_int_equal(answers.count, 5);
	assert_answer(&answers, 3, OPCODE_ACKNOWLEDGE, 3, 0);
	assert_answer(&answers, 4, OPCODE_ACKNOWLEDGE, 4, 0x60);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_naks_say_first_what_came),
		cmocka_unit_test(test_two_holes),
		cmocka_unit_test(test_every_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
