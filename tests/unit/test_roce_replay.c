/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests that somebody recorded and sends again: answered while their peer may still want that, and never after. */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define MTU 1024u
#define READ_BYTES (4 * MTU)
#define READS (3 * READS_PENDING_MAX)

static uint8_t remote[READ_BYTES], local[READ_BYTES];

/* Keeps the READ requests to device 1, and counts the answers. */
struct recorder {
	struct roce_datagram requests[READS];
	uint8_t bytes[READS][128];
	uint32_t count, answers;
};

static bool record(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct recorder *recorder = rig->drop_context;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	recorder->answers += to == 0 && (packet.properties & IS_RESPONSE);
	if (to == 1 && (packet.properties & IS_READ_REQUEST)) {
		assert_true(recorder->count < READS && datagram->len_bytes <= sizeof(recorder->bytes[0]));
		recorder->requests[recorder->count] = *datagram;
		recorder->requests[recorder->count].bytes = recorder->bytes[recorder->count];
		memcpy(recorder->bytes[recorder->count++], datagram->bytes, datagram->len_bytes);
	}
	return false;
}

static uint32_t answers_to(struct rig *rig, struct recorder *recorder, uint32_t request, uint64_t time_ns)
{
	uint32_t before = recorder->answers;

	rig_fly(rig, &recorder->requests[request], 1);
	rig_run(rig, time_ns);
	return recorder->answers - before;
}

static struct rig *recorded_rig(struct recorder *recorder)
{
	struct rig *rig = rig_create(1, MTU, MTU);
	uint32_t rkey;

	memset(recorder, 0, sizeof(*recorder));
	rkey = rig_share(rig, remote, READ_BYTES, ROCE_ACCESS_REMOTE_READ);
	rig_connect(rig, 0, 0);
	rig->drop = record;
	rig->drop_context = recorder;
	for (uint32_t i = 0; i < READS; i++) {
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local, READ_BYTES, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, i, 0);
	}
	assert_int_equal(recorder->count, READS);
	return rig;
}

static void test_old_reads_are_not_answered_again(void **state)
{
	static struct recorder recorder;
	struct rig *rig = recorded_rig(&recorder);
	const struct roce_counters *counters = roce_counters(rig->device[1]);

	(void)state;
	/* As many as a peer may have under way are always answered again. */
	for (uint32_t i = READS - READS_PENDING_MAX; i < READS; i++)
		assert_int_equal(answers_to(rig, &recorder, i, RIG_SECOND), READ_BYTES / MTU);
	assert_int_equal(counters->drop_stale, 0);
	for (uint32_t i = 0; i < READS_PENDING_MAX; i++)
		assert_int_equal(answers_to(rig, &recorder, i, RIG_SECOND), 0);
	assert_int_equal(counters->drop_stale, READS_PENDING_MAX);
	rig_destroy(rig);
}

/* A peer that repairs hole by hole is given a window again, and then little more than it asks anew. */
static void test_new_reads_are_not_answered_again_for_ever(void **state)
{
	static struct recorder recorder;
	struct rig *rig = recorded_rig(&recorder);
	const struct roce_counters *counters = roce_counters(rig->device[1]);
	uint32_t answers = 0;

	(void)state;
	rig_run(rig, RIG_SECOND);
	for (uint32_t i = 0; i < 100; i++)
		answers += answers_to(rig, &recorder, READS - 1, REPLAY_REFILL_MS * RIG_SECOND / 1000 / 200);
	assert_int_equal(answers, SEQUENCE_SPAN_MAX);
	assert_int_equal(counters->drop_repetitions, 100 - SEQUENCE_SPAN_MAX / (READ_BYTES / MTU));
	rig_run(rig, 2 * REPLAY_REFILL_MS * RIG_SECOND / 1000);
	assert_int_equal(answers_to(rig, &recorder, READS - 1, RIG_SECOND), READ_BYTES / MTU);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_reads_are_not_answered_again),
		cmocka_unit_test(test_new_reads_are_not_answered_again_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
