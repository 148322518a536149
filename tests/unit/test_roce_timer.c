/* SPDX-License-Identifier: GPL-2.0-only */
/* The heap of timers against a plain table of deadlines, with random work on both. */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define TIMERS 12			/* queue pairs of rig_config() */

struct model {
	struct roce_timer *timer;
	uint64_t deadline_ns;
};

static uint64_t earliest(const struct model *model)
{
	uint64_t first_ns = NEVER;

	for (int i = 0; i < TIMERS; i++)
		if (model[i].deadline_ns < first_ns)
			first_ns = model[i].deadline_ns;
	return first_ns;
}

static void fire(struct rig *rig, struct model *model, uint64_t now_ns)
{
	struct roce_timer *timer;

	while ((timer = roce_timer_due(rig->device[0], now_ns))) {
		int i = 0;

		while (model[i].timer != timer)
			i++;
		assert_true(model[i].deadline_ns <= now_ns);
		assert_int_equal(timer->deadline_ns, NEVER);
		assert_int_equal(timer->position, 0);
		model[i].deadline_ns = NEVER;
	}
	assert_true(earliest(model) > now_ns);
}

static void test_random_timers(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct rig *rig = rig_create(seed, 1024, 1024);
		struct roce_device *device = rig->device[0];
		struct model model[TIMERS];
		uint64_t now_ns = rig->now_ns;

		for (int i = 0; i < TIMERS; i++)
			model[i] = (struct model){ &device->queue_pairs[i].timer, NEVER };
		for (int step = 0; step < 2000; step++) {
			struct model *one = &model[rig_random(rig) % TIMERS];
			uint32_t choice = rig_random(rig) % 10;

			if (choice < 6) {
				one->deadline_ns = now_ns + rig_random(rig) % 1000;
				roce_timer_set(device, one->timer, one->deadline_ns);
			} else if (choice < 7) {
				one->deadline_ns = NEVER;
				roce_timer_cancel(one->timer);
			} else if (choice < 8) {
				one->deadline_ns = NEVER;
				roce_timer_remove(device, one->timer);
			} else {
				now_ns += rig_random(rig) % 200;
				fire(rig, model, now_ns);
			}
			/* Early is allowed, late is not. */
			assert_true(roce_deadline_ns(device) <= earliest(model));
		}
		fire(rig, model, now_ns + 1000000);
		assert_int_equal(device->timers_count, 0);
		assert_true(roce_deadline_ns(device) == UINT64_MAX);
		rig_destroy(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
