// SPDX-License-Identifier: GPL-2.0-only
/* The console's model: gmmd's answers taken apart, rates, what is wrong with the rack; and answers that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "tests/unit/console_fixture.h"

#define SECOND_NS UINT64_C(1000000000)

static int make(void **state)
{
	*state = fixture_model();
	return 0;
}

static int drop(void **state)
{
	free(*state);
	return 0;
}

static void take(void (*taker)(struct model *, json_t *), struct model *model, const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	taker(model, value);
	json_decref(value);
}

static void take_status(struct model *model, json_t *value)
{
	model_take_status(model, value, FIXTURE_NOW_NS + 2 * SECOND_NS);
}

static void take_stats(struct model *model, json_t *value)
{
	model_take_stats(model, value, FIXTURE_NOW_NS + 2 * SECOND_NS);
}

static void test_nodes(void **state)
{
	const struct model *model = *state;
	const struct model_node *process = &model->nodes[1], *memory = &model->nodes[3];

	assert_int_equal(model->node_count, 9);
	assert_string_equal(process->name, "p2");
	assert_false(process->memory);
	assert_true(memory->memory);
	assert_int_equal(memory->pages_capacity, 262144);
	assert_true(fabs(process->reads_per_s - 1310) < 0.001);
	assert_true(fabs(process->writes_per_s - 402) < 0.001);
	assert_true(fabs(process->busy_share - 0.83) < 0.001);
	assert_int_equal(process->traffic.count, 1);
	/* It is down: nothing new came from it. */
	assert_true(model->nodes[7].reads_per_s == 0 && model->nodes[7].traffic.count == 0);
}

/* A node that began again has smaller counters: no rate, and none that is negative. */
static void test_node_began_again(void **state)
{
	struct model *model = *state;

	take(take_status, model, "{\"nodes\":[{\"name\":\"p2\",\"state\":\"up\",\"uptime_us\":1000000,\"reads\":5,\"cpus\":2}]}");
	assert_int_equal(model->node_count, 1);
	assert_true(model->nodes[0].reads_per_s == 0);
	assert_true(model->nodes[0].busy_share < 0);
}

static void test_vms(void **state)
{
	struct model *model = *state;
	const struct model_vm *db = model_vm_named(model, "db"), *batch = model_vm_named(model, "batch");

	assert_int_equal(model->vm_count, 5);
	assert_true(fabs(db->misses_per_s - 1190) < 0.001);
	assert_true(fabs(db->hit_share - (1 - 1190.0 / 9100)) < 1e-6);
	assert_int_equal(db->miss_p99_ns, 1240000);
	/* Paused: no touches, so no ratio. */
	assert_true(batch->hit_share < 0);
	assert_string_equal(batch->reason, "m5 does not answer");
	assert_null(model_vm_named(model, "nobody"));
}

/* A VM that goes and one that comes: what was counted of the others stays with them. */
static void test_vms_come_and_go(void **state)
{
	struct model *model = *state;
	double misses_per_s = model_vm_named(model, "mail")->misses_per_s;

	take(model_take_vms, model, "[{\"id\":7,\"name\":\"new\"},{\"id\":1764180003,\"name\":\"mail\",\"state\":\"running\"}]");
	assert_int_equal(model->vm_count, 2);
	assert_false(model->vms[0].counted);
	assert_true(model->vms[1].counted);
	assert_true(model->vms[1].misses_per_s == misses_per_s);
	/* The same name for another VM: nothing is known of that one. */
	take(model_take_vms, model, "[{\"id\":8,\"name\":\"mail\"}]");
	assert_false(model->vms[0].counted);
}

/* Counters that a component gave long ago, asked for again: not a sample. */
static void test_old_counters_are_no_sample(void **state)
{
	struct model *model = *state;
	int samples = model_vm_named(model, "web")->misses.count;

	take(take_stats, model, "{\"name\":\"web\",\"age_s\":2.25,\"counters\":{\"touches\":1,\"fills\":1}}");
	assert_int_equal(model_vm_named(model, "web")->misses.count, samples);
	/* Counters that went back: the VM was started again. */
	take(take_stats, model, "{\"name\":\"web\",\"age_s\":0,\"counters\":{\"touches\":1,\"fills\":1}}");
	assert_int_equal(model_vm_named(model, "web")->misses.count, samples);
	assert_true(model_vm_named(model, "web")->misses_per_s < 0);
}

static void test_history_keeps_the_newest(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	const struct history *traffic = &model->nodes[0].traffic;

	(void)state;
	for (int i = 1; i <= MODEL_HISTORY + 10; i++) {
		json_t *status = json_pack("{s:[{s:s,s:s,s:I,s:I}]}", "nodes", "name", "m1", "state", "up",
					   "uptime_us", (json_int_t)i * 1000000, "reads", (json_int_t)i * i);

		model_take_status(model, status, (uint64_t)i * SECOND_NS);
		json_decref(status);
	}
	assert_int_equal(traffic->count, MODEL_HISTORY);
	assert_true(fabs(traffic->values[MODEL_HISTORY - 1] - (2 * (MODEL_HISTORY + 10) - 1)) < 0.001);
	free(model);
}

static void test_sums(void **state)
{
	struct model_sums sums = model_sums(*state);

	/* Of m1 to m4 and m6; m5 is down. */
	assert_int_equal(sums.memory_nodes, 5);
	assert_int_equal(sums.pages_capacity, 1441792);
	assert_int_equal(sums.pages_reserved, 753664);
	assert_int_equal(sums.running_vms, 3);
	/* Shares 0.625, 0.5625, 0.625, 0.375, 0.4375. */
	assert_true(fabs(sums.imbalance - 0.1934) < 0.0001);
}

static void test_health(void **state)
{
	struct model *model = *state;

	assert_int_equal(model->health, HEALTH_ERROR);
	assert_string_equal(model->health_text, "MNODE_DOWN, VM_STALLED");
	take(take_status, model, "{\"health\":{\"status\":\"HEALTH_WARN\",\"checks\":[{\"code\":\"VM_MEMORY_LOST\"},"
	     "{\"code\":\"MNODE_DOWN\",\"muted\":true},7,{\"code\":8}]}}");
	assert_int_equal(model->health, HEALTH_WARN);
	assert_memory_equal(model->health_text, "VM_MEMORY_LOST", 14);
	assert_null(strstr(model->health_text, "MNODE"));
	take(take_status, model, "{\"health\":{\"status\":\"HEALTH_OK\",\"checks\":[]}}");
	assert_int_equal(model->health, HEALTH_OK);
	assert_string_equal(model->health_text, "");
	take(take_status, model, "{\"health\":\"fine\"}");
	assert_int_equal(model->health, HEALTH_UNKNOWN);
}

static void test_events(void **state)
{
	struct model *model = *state;

	assert_string_equal(model_event(model, 0)->text, "paused: m5 does not answer");
	assert_null(model_event(model, model->event_count));
	for (unsigned i = 0; i < 2 * MODEL_EVENTS_MAX; i++)
		take(model_take_event, model, "{\"text\":\"again\"}");
	assert_string_equal(model_event(model, MODEL_EVENTS_MAX - 1)->text, "again");
	assert_null(model_event(model, MODEL_EVENTS_MAX));
	model_forget_events(model);
	assert_null(model_event(model, 0));
}

static void test_operations(void **state)
{
	struct model *model = *state;

	json_t *many = json_array();

	/* As gmmd has them: what ended, in the order of the ends, then what is under way. */
	take(model_take_operations, model, "[{\"progress\":\"half\"},{\"progress\":0.5},{\"progress\":{\"done\":-1,\"total\":0}},"
	     "{\"id\":7,\"progress\":null,\"error\":{\"message\":\"m5 does not answer\"}},"
	     "{\"id\":8,\"progress\":{\"step\":\"regions\",\"done\":9,\"total\":4}},"
	     "{\"id\":9,\"progress\":{\"step\":\"regions\",\"done\":1,\"total\":4}}]");
	assert_int_equal(model->operation_count, 6);
	assert_string_equal(model->operations[0].id, "9");
	assert_string_equal(model->operations[0].note, "regions");
	assert_true(model->operations[0].share == 0.25);
	assert_true(model->operations[1].share == 1);
	assert_string_equal(model->operations[2].note, "m5 does not answer");
	for (int i = 2; i < 6; i++)
		assert_true(model->operations[i].share < 0);
	/* Of more than there is room for, the newest. */
	for (int i = 1; i <= 3 * MODEL_OPERATIONS_MAX; i++)
		json_array_append_new(many, json_pack("{s:i}", "id", i));
	model_take_operations(model, many);
	json_decref(many);
	assert_int_equal(model->operation_count, MODEL_OPERATIONS_MAX);
	assert_string_equal(model->operations[0].id, "192");
	assert_int_equal(model->left_out, 0);
}

static void test_devices(void **state)
{
	struct model *model = *state;
	const struct model_vm *vm = model->vms;

	assert_string_equal(vm[0].devices, "serial, rtc, kvmclock, button");
	assert_false(vm[0].no_console);
	assert_true(vm[3].no_console);		/* batch */
	assert_int_equal(vm[4].regions_promised, 4);
	assert_int_equal(vm[1].spread, 6);
	assert_int_equal(model->pages_promised, 4 * 16384);
	take(model_take_vms, model, "[{\"id\":1,\"devices\":[]},{\"id\":2},{\"id\":3,\"devices\":[7,null,\"serial\",{}]},"
	     "{\"id\":4,\"devices\":\"serial\"},{\"id\":5,\"devices\":[\"0123456789012345678901234567890123456789012\",\"b\",\"c\","
	     "\"d\",\"0123456789012345678901234567890123456789012\",\"0123456789012345678901234567890123456789012\",\"serial\"]}]");
	assert_string_equal(vm[0].devices, "none");
	assert_true(vm[0].no_console);
	assert_string_equal(vm[1].devices, "");	/* an older gmmd: nothing is refused for it */
	assert_false(vm[1].no_console);
	assert_string_equal(vm[2].devices, "?, ?, serial, ?");
	assert_false(vm[2].no_console);
	assert_string_equal(vm[3].devices, "");
	assert_false(vm[3].no_console);
	assert_true(strlen(vm[4].devices) < sizeof(vm[4].devices));
	assert_false(vm[4].no_console);
}

/* Every answer in place of every other, and values of wrong types: nothing breaks, nothing is believed. */
static void test_lies(void **state)
{
	static const char *const lies[] = {
		"null", "[]", "{}", "7", "\"x\"", "[null,7,[],{}]",
		"{\"nodes\":7,\"nodes_total\":[]}", "{\"nodes\":[7,null,{\"name\":{}}]}",
		"{\"name\":\"web\",\"age_s\":1e300}", "{\"name\":\"web\",\"age_s\":-1}", "{\"name\":\"web\",\"age_s\":null}",
		"{\"name\":\"web\",\"age_s\":0,\"counters\":[],\"miss\":7}",
		"[{\"id\":3,\"devices\":{},\"spread\":-1,\"waits_for_memory\":1,\"progress\":[],\"error\":7}]",
		"{\"nodes\":[{\"name\":\"p1\",\"uptime_us\":-5,\"reads\":1e9,\"cpus\":0,\"busy_ns\":9223372036854775807}]}",
		"[{\"id\":-1,\"name\":null,\"memory_bytes\":-9223372036854775808,\"changed_s_ago\":\"x\"}]",
	};
	struct model *model = *state;

	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		take(take_stats, model, lies[i]);
		take(take_status, model, lies[i]);
		take(model_take_vms, model, lies[i]);
		take(take_stats, model, lies[i]);
		take(model_take_operations, model, lies[i]);
		take(model_take_event, model, lies[i]);
		model_sums(model);
	}
}

static void test_too_much_is_left_out(void **state)
{
	struct model *model = *state;
	json_t *nodes = json_array(), *vms = json_array(), *status;
	char text[2 * MODEL_TEXT_BYTES];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < MODEL_VMS_MAX + 3; i++) {
		json_array_append_new(nodes, json_pack("{s:s}", "name", text));
		json_array_append_new(vms, json_pack("{s:i,s:s,s:s}", "id", (int)i, "name", text, "reason", text));
	}
	status = json_pack("{s:o}", "nodes", nodes);
	model_take_status(model, status, FIXTURE_NOW_NS);
	assert_int_equal(model->node_count, NODES_MAX);
	assert_int_equal(model->left_out, MODEL_VMS_MAX + 3 - NODES_MAX);
	assert_int_equal(strlen(model->nodes[0].name), MODEL_WORD_BYTES - 1);
	model_take_vms(model, vms);
	assert_int_equal(model->vm_count, MODEL_VMS_MAX);
	json_decref(status);
	json_decref(vms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nodes, make, drop),
		cmocka_unit_test_setup_teardown(test_node_began_again, make, drop),
		cmocka_unit_test_setup_teardown(test_vms, make, drop),
		cmocka_unit_test_setup_teardown(test_vms_come_and_go, make, drop),
		cmocka_unit_test_setup_teardown(test_old_counters_are_no_sample, make, drop),
		cmocka_unit_test(test_history_keeps_the_newest),
		cmocka_unit_test_setup_teardown(test_sums, make, drop),
		cmocka_unit_test_setup_teardown(test_health, make, drop),
		cmocka_unit_test_setup_teardown(test_events, make, drop),
		cmocka_unit_test_setup_teardown(test_operations, make, drop),
		cmocka_unit_test_setup_teardown(test_devices, make, drop),
		cmocka_unit_test_setup_teardown(test_lies, make, drop),
		cmocka_unit_test_setup_teardown(test_too_much_is_left_out, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
