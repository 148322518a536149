/* SPDX-License-Identifier: GPL-2.0-only */
/* What can happen to a node, or to the manager, in the middle of an operation. */
#ifndef PLENUM_TEST_GMM_TROUBLE_H
#define PLENUM_TEST_GMM_TROUBLE_H

#include "tests/unit/gmm_fixture.h"

/* Before, after: the requests under way were carried out, or not, when it happens; long: longer than the time of grace. */
enum trouble {
	TROUBLE_UNREACHABLE_BEFORE, TROUBLE_UNREACHABLE_AFTER, TROUBLE_UNREACHABLE_LONG, TROUBLE_REBOOT, TROUBLE_KILL_BEFORE,
	TROUBLE_KILL_AFTER, TROUBLE_KILL_AND_REBOOT, TROUBLES
};

/* Let `commands` go out and be answered, one at a time, then stop. Some are sent only after a while: a move is asked for its state. */
static inline void run_some(struct rack *rack, uint32_t commands)
{
	while (commands--) {
		rack_take_output(rack);
		for (uint32_t i = 0; i < 4 && rack->flight_count == 0; i++) {
			rack_pass(rack, SECOND / 2);
			rack_take_output(rack);
		}
		if (rack->flight_count == 0)
			return;
		execute(rack, &rack->flights[0]);
		deliver(rack, 0);
	}
	rack_take_output(rack);
}

static inline void make_trouble(struct rack *rack, uint32_t node, enum trouble trouble)
{
	if (trouble == TROUBLE_REBOOT) {
		rack_reboot(rack, node);
		return;
	}
	/* The answers are late, or never come. */
	if (trouble == TROUBLE_UNREACHABLE_AFTER || trouble == TROUBLE_KILL_AFTER)
		for (uint32_t i = 0; i < rack->flight_count; i++)
			if (rack->flights[i].command.node == node)
				execute(rack, &rack->flights[i]);
	if (trouble >= TROUBLE_KILL_BEFORE) {
		rack_keep(rack);
		rack_compare_rows(rack);
		rack_kill(rack);
		if (trouble == TROUBLE_KILL_AND_REBOOT)
			rack_reboot(rack, node);
		rack_return(rack);
		return;
	}
	model_of(rack, node)->linked = false;
	rack_run(rack, (LEASE_MS + 1000) * SECOND / 1000);
	assert_int_equal(gmm_core_node(rack->core, node)->state, GMM_NODE_DOWN);
	if (trouble == TROUBLE_UNREACHABLE_LONG)
		rack_run(rack, (GRACE_MS + 1000) * SECOND / 1000);
	rack_settle(rack);
	model_of(rack, node)->linked = true;
	rack_pass(rack, SECOND);
	assert_int_equal(gmm_core_node(rack->core, node)->state, GMM_NODE_UP);
}

#endif
