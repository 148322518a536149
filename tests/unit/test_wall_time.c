// SPDX-License-Identifier: GPL-2.0-only
/* Times that the operator is told: their form, and that every manager tells the same ones. */
#include "gmm/daemon/wall_time.h"
#include "tests/unit/gmm_store_fixture.h"

static void test_form(void **state)
{
	static const struct { uint64_t wall_ms; const char *text; } cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" }, { 999, "1970-01-01T00:00:00.999Z" }, { 951827696789, "2000-02-29T12:34:56.789Z" },
		{ UINT64_MAX / 1000000, "2554-07-21T23:34:33.709Z" },
	};
	struct gmm_core *core = calloc(1, sizeof(*core));
	char text[WALL_TIME_BYTES];

	(void)state;
	gmm_core_init(core, &rack_config);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Before this machine's clock began, too: the difference wraps around, and so does its sum with the offset. */
		wall_time_text(core, cases[i].wall_ms * 1000000 - rack_config.wall_offset_ns, text);
		assert_string_equal(text, cases[i].text);
	}
	free(core);
}

#define TIMES_MAX 64

struct times {
	uint32_t count;
	char text[TIMES_MAX][WALL_TIME_BYTES];
};

static void add(struct times *times, const struct gmm_core *core, uint64_t time_ns)
{
	assert_true(times->count < TIMES_MAX);
	wall_time_text(core, time_ns, times->text[times->count++]);
}

/* All that a manager tells of operations, events and a VM. */
static void gather(struct gmm_core *core, struct times *times)
{
	const struct gmm_event *event = NULL;
	const struct gmm_ended *ended = NULL;

	times->count = 0;
	while ((ended = gmm_core_ended_after(core, ended ? ended->number : 0))) {
		add(times, core, ended->started_ns);
		add(times, core, ended->ended_ns);
	}
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind != GMM_OPERATION_NONE)
			add(times, core, core->operations[i].started_ns);
	add(times, core, gmm_core_vm_named(core, "b")->created_ns);
	while ((event = gmm_core_event_after(core, event ? event->sequence : 0)))
		add(times, core, event->time_ns);
}

/* The next one's clock began elsewhere, and its machine's own time is another one. */
static void test_the_next_manager_tells_the_same(void **state)
{
	struct gmm_core *next = calloc(1, sizeof(*next));
	struct gmm_config config = rack_config;
	struct rack *rack = rack_new();
	struct times before, after;
	struct gmm_finished finished;
	char error[STORE_ERROR_BYTES];
	struct place place;
	uint64_t operation;

	(void)state;
	place_make(&place);
	rack->store = opened(place.path);
	rack->keep = keep;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	rack->now_ns += 123456789;
	assert_int_equal(rack_create(rack, "a", 64, &finished), 0);
	rack->now_ns += 7654321;
	assert_int_equal(rack_create(rack, "b", 64, &finished), 0);
	assert_int_equal(gmm_core_vm_destroy(rack->core, "a", &operation, rack->now_ns), 0);
	rack_keep(rack);
	gather(rack->core, &before);
	store_close(rack->store);

	config.wall_offset_ns += 987654321098765;
	gmm_core_init(next, &config);
	rack->store = opened(place.path);
	if (store_load(rack->store, next, SECOND / 3, error))
		fail_msg("%s", error);
	gather(next, &after);
	assert_true(before.count >= 2 * 2 + 1 + 1 + 2 && before.count == after.count);
	for (uint32_t i = 0; i < before.count; i++)
		assert_string_equal(before.text[i], after.text[i]);
	store_close(rack->store);
	place_remove(&place);
	rack_free(rack);
	free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_form), cmocka_unit_test(test_the_next_manager_tells_the_same) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
