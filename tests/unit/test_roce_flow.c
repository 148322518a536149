/* SPDX-License-Identifier: GPL-2.0-only */
/* The node's READ budget: never exceeded, shared fairly, and nobody waits for room that a dead queue pair held. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/internal.h"

#define PAIRS 8u
#define BUDGET (64u << 10)
#define READ_BYTES 8192u
#define READS_EACH 30u

static uint8_t remote[1u << 20], local[PAIRS][READS_EACH * READ_BYTES];

struct flow {
	struct rig *rig;
	struct roce_device *device;
	uint32_t connections[PAIRS], qpn[PAIRS], rkey;
	uint32_t completed[PAIRS], failed[PAIRS];
	uint64_t most_bytes;
};

static struct flow *flow_create(uint64_t seed, uint64_t budget_bytes)
{
	struct flow *flow = calloc(1, sizeof(*flow));
	struct rig *rig = rig_create(seed, 1024, 1024);
	struct roce_config config = rig_config(rig, 0, 1024);

	config.read_budget_bytes = budget_bytes;
	rig_make_device(rig, 0, &config);
	flow->rig = rig;
	flow->device = rig->device[0];
	rig_fill(rig, remote, sizeof(remote));
	memset(local, 0, sizeof(local));
	flow->rkey = rig_share(rig, remote, sizeof(remote), ROCE_ACCESS_REMOTE_READ);
	for (uint32_t i = 0; i < PAIRS; i++) {
		rig_connect(rig, 0, 0);
		flow->connections[i] = rig->connection[0];
		flow->qpn[i] = rig->qpn[0];
	}
	return flow;
}

static void flow_destroy(struct flow *flow)
{
	rig_destroy(flow->rig);
	free(flow);
}

static void post_reads(struct flow *flow, uint32_t i)
{
	for (uint32_t n = 0; n < READS_EACH; n++)
		assert_int_equal(roce_post_read(flow->device, flow->qpn[i], i * 1000 + n, local[i] + n * READ_BYTES, READ_BYTES,
						n * READ_BYTES, flow->rkey, flow->rig->now_ns), 0);
}

/* Take completions until `count` came; watches the budget at every step. */
static void complete(struct flow *flow, uint32_t count)
{
	struct roce_event event;

	while (count > 0) {
		if (flow->device->read_bytes > flow->most_bytes)
			flow->most_bytes = flow->device->read_bytes;
		if (!roce_queue_poll(flow->device, flow->rig->queue[0], &event)) {
			assert_true(rig_step_until(flow->rig, flow->rig->now_ns + 60 * RIG_SECOND));
			continue;
		}
		if (event.type != ROCE_EVENT_COMPLETION)
			continue;
		count--;
		assert_true(event.cookie / 1000 < PAIRS);
		(event.status ? flow->failed : flow->completed)[event.cookie / 1000]++;
	}
}

static void check_data(struct flow *flow, uint32_t i)
{
	assert_int_equal(flow->completed[i], READS_EACH);
	assert_memory_equal(local[i], remote, READS_EACH * READ_BYTES);
}

static void test_budget_bounds_and_shares(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss <= 50; loss += 10) {
		struct flow *flow = flow_create(loss + 1, BUDGET);

		flow->rig->loss_permille = loss;
		flow->rig->reorder_permille = loss;
		for (uint32_t i = 0; i < PAIRS; i++)
			post_reads(flow, i);
		complete(flow, PAIRS * READS_EACH / 2);
		/* Halfway, on a good wire, all have had about the same. */
		for (uint32_t i = 0; i < PAIRS && loss == 0; i++)
			assert_in_range(flow->completed[i], READS_EACH / 2 - 3, READS_EACH / 2 + 3);
		complete(flow, PAIRS * READS_EACH / 2);
		for (uint32_t i = 0; i < PAIRS; i++)
			check_data(flow, i);
		assert_in_range(flow->most_bytes, BUDGET / 2, BUDGET);
		assert_true(roce_counters(flow->device)->reads_delayed > 0);
		assert_int_equal(flow->device->read_bytes, 0);
		assert_null(flow->device->budget_head);
		flow_destroy(flow);
	}
}

static void test_no_budget_no_bound(void **state)
{
	struct flow *flow = flow_create(1, 0);

	(void)state;
	for (uint32_t i = 0; i < PAIRS; i++)
		post_reads(flow, i);
	complete(flow, PAIRS * READS_EACH);
	for (uint32_t i = 0; i < PAIRS; i++)
		check_data(flow, i);
	assert_true(flow->most_bytes > BUDGET);
	assert_int_equal(roce_counters(flow->device)->reads_delayed, 0);
	flow_destroy(flow);
}

/* A budget smaller than any request still lets one go at a time. */
static void test_budget_smaller_than_a_request(void **state)
{
	struct flow *flow = flow_create(2, 1);

	(void)state;
	for (uint32_t i = 0; i < PAIRS; i++)
		post_reads(flow, i);
	complete(flow, PAIRS * READS_EACH);
	for (uint32_t i = 0; i < PAIRS; i++)
		check_data(flow, i);
	assert_int_equal(flow->most_bytes, READ_BYTES);
	flow_destroy(flow);
}

/* Queue pairs that die with answers outstanding, or waiting in line, hold nothing up. */
static void test_dead_queue_pairs_hold_nothing(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 60; steps += 3) {
		struct flow *flow = flow_create(steps, 2 * READ_BYTES);

		for (uint32_t i = 0; i < PAIRS; i++)
			post_reads(flow, i);
		for (unsigned step = 0; step < steps; step++)
			rig_step(flow->rig);
		for (uint32_t i = 0; i < PAIRS; i += 2)
			roce_disconnect(flow->device, flow->connections[i], flow->rig->now_ns);
		complete(flow, PAIRS * READS_EACH);
		for (uint32_t i = 1; i < PAIRS; i += 2)
			check_data(flow, i);
		assert_int_equal(flow->device->read_bytes, 0);
		assert_null(flow->device->budget_head);
		assert_true(flow->failed[0] > 0);
		flow_destroy(flow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_bounds_and_shares),
		cmocka_unit_test(test_no_budget_no_bound),
		cmocka_unit_test(test_budget_smaller_than_a_request),
		cmocka_unit_test(test_dead_queue_pairs_hold_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
