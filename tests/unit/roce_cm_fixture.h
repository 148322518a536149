/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections of a rig, step by step: events, works in both directions, and that nothing is left behind. */
#ifndef TESTS_UNIT_ROCE_CM_FIXTURE_H
#define TESTS_UNIT_ROCE_CM_FIXTURE_H

#include <errno.h>

#include "net/roce/internal.h"
#include "tests/unit/roce_forge.h"

#define CONNECTIONS_MAX 12		/* of rig_config() */

static uint8_t buffer[8192];

static inline uint32_t start_connect(struct rig *rig, uint16_t port, uint64_t timeout_ns)
{
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = port, .queue = rig->queue[0],
					.cookie = 5, .timeout_ns = timeout_ns };

	assert_int_equal(roce_connect(rig->device[0], &connect, &rig->connection[0], rig->now_ns), 0);
	rig->qpn[0] = roce_connection_qpn(rig->device[0], rig->connection[0]);
	return rig->connection[0];
}

static inline void expect_event(struct rig *rig, int side, enum roce_event_type type, struct roce_event *event)
{
	assert_true(rig_wait(rig, side, event, 60 * RIG_SECOND));
	assert_int_equal(event->type, type);
}

/* One SEND in each direction. */
static inline void expect_works(struct rig *rig)
{
	for (int side = 0; side < 2; side++) {
		assert_int_equal(roce_post_receive(rig->device[1 - side], rig->qpn[1 - side], 30, buffer, 100), 0);
		assert_int_equal(roce_post_send(rig->device[side], rig->qpn[side], 31, "data", 4, rig->now_ns), 0);
		rig_expect(rig, side, ROCE_SEND, 31, 0);
		assert_int_equal(rig_expect(rig, 1 - side, ROCE_RECEIVE, 30, 0), 4);
	}
}

#endif
