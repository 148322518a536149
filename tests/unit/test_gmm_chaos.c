// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes that vanish, come back or start again, and managers that are killed, at every point of every operation: nothing
 * leaks, nothing is lost.
 */
#include "tests/unit/gmm_trouble.h"

static struct rack *small_rack(void)
{
	struct rack *rack = rack_new();

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 2048);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 2048);
	return rack;
}

static void finish_and_compare(struct rack *rack)
{
	struct gmm_finished finished;

	rack_settle(rack);
	rack_pass(rack, 2 * SECOND);
	rack_settle(rack);
	rack_keep(rack);
	rack_compare_rows(rack);
	while (gmm_core_finished(rack->core, &finished))
		;
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		assert_int_equal(rack->core->operations[i].kind, GMM_OPERATION_NONE);
	rack_compare(rack);
	if (gmm_core_vm_named(rack->core, "a"))
		assert_int_equal(rack_destroy(rack, "a"), 0);
	rack_compare(rack);
	assert_int_equal(rack->core->regions_used, 0);
	for (uint32_t i = 0; i < rack->count; i++) {
		assert_int_equal(rack->nodes[i].held_count, 0);
		assert_int_equal(rack->core->nodes[i].vms, 0);
		assert_int_equal(rack->core->nodes[i].lines_given, 0);
		assert_int_equal(rack->core->nodes[i].pages_reserved, 0);
		assert_int_equal(rack->core->nodes[i].calls, 0);
	}
}

static void trouble_at_every_step(bool destroying)
{
	for (uint32_t node = GMM_NODE_FIRST; node < GMM_NODE_FIRST + 3; node++)
		for (int trouble = 0; trouble < TROUBLES; trouble++)
			for (uint32_t step = 0; step < 16; step++) {
				struct gmm_vm_spec spec = vm_spec("a", 5 * (REGION_BYTES >> 20), 1);
				struct rack *rack = small_rack();
				struct gmm_finished finished;
				uint64_t operation;

				if (destroying) {
					assert_int_equal(rack_create(rack, "a", 5 * (REGION_BYTES >> 20), &finished), 0);
					assert_int_equal(gmm_core_vm_destroy(rack->core, "a", &operation, rack->now_ns), 0);
				} else {
					assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
				}
				run_some(rack, step);
				make_trouble(rack, node, (enum trouble)trouble);
				finish_and_compare(rack);
				rack_free(rack);
			}
}

static void test_trouble_while_creating(void **state)
{
	(void)state;
	trouble_at_every_step(false);
}

static void test_trouble_while_destroying(void **state)
{
	(void)state;
	trouble_at_every_step(true);
}

/* ---------------------------------------------------------------- at random */

static uint32_t chance;

static uint32_t random_below(uint32_t bound)
{
	chance = chance * 1664525u + 1013904223u;
	return (chance >> 8) % bound;
}

static void random_request(struct rack *rack)
{
	char name[2] = { (char)('a' + random_below(6)), 0 };
	struct gmm_vm_spec spec = vm_spec(name, (1 + random_below(6)) * (REGION_BYTES >> 21), 1);
	struct wire_blob none = { 0 };
	const char *memory = random_below(2) ? "m1" : "m2";
	uint64_t operation;

	spec.overcommit = random_below(2) * GMM_OVERCOMMIT_MEMORY;
	spec.restart = random_below(GMM_RESTARTS);
	spec.restart_max = 1 + random_below(4);
	spec.restart_window_s = 1 + random_below(20);
	switch (random_below(11)) {
	case 10: gmm_core_vm_resize(rack->core, name, (1 + random_below(20)) << 20, &operation, rack->now_ns); break;
	case 0: case 1: gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns); break;
	case 2: gmm_core_vm_destroy(rack->core, name, &operation, rack->now_ns); break;
	case 3: gmm_core_vm_start(rack->core, name, &none, &none, &operation, rack->now_ns); break;
	case 4: case 5: gmm_core_region_move(rack->core, name, random_below(3), memory, &operation, rack->now_ns); break;
	case 6: gmm_core_node_drain(rack->core, memory, &operation, rack->now_ns); break;
	case 7: gmm_core_node_drain_cancel(rack->core, memory, rack->now_ns); break;
	case 8: gmm_core_vm_kill(rack->core, name, &operation, rack->now_ns); break;
	default: gmm_core_bench(rack->core, "p1", "m1", &(struct gmm_bench_spec){ 5, 4096, 1 }, &operation, rack->now_ns); break;
	}
}

/* ---- machines that nobody knew become nodes by this rule, and go again */

static const struct gmm_rule everybody = { .name = "all", .role = WIRE_ROLE_MEMORY, .pattern = "x%d", .automatic = true };
#define STRANGERS 4u
static uint32_t places_wanted;
static uint32_t strangers_joined, strangers_forgotten;	/* a test of admissions in which there are none is none */

static void stranger_asks(struct rack *rack, uint8_t number)
{
	struct gmm_inventory inventory = { .mac = { 0x52, 0x54, 0, 0, 0, number }, .uuid = { 1, number }, .complete = true };
	struct gmm_node *node;

	inventory.uuid[0] = (uint8_t)(1 + random_below(20) / 19);	/* now and then it is another machine */
	if (gmm_core_machine_asks(rack->core, &inventory, 0x0a4d0096, &node, rack->now_ns) != GMM_ANSWER_NODE) {
		/* A new node has a new id. */
		for (uint32_t i = rack->count; i < rack->core->node_count; i++)
			rack->nodes[rack->count++] = (struct model_node){
				.id = GMM_NODE_FIRST + i, .role = WIRE_ROLE_MEMORY, .incarnation = 1000 + i, .capacity_pages = 64 * REGION_PAGES,
			};
		return;
	}
	gmm_core_node_boots(rack->core, node, rack->now_ns);
	if (random_below(3)) {
		rack_reboot(rack, node->id);
		strangers_joined++;
	}
}

static void random_membership(struct rack *rack)
{
	char name[8];

	if (random_below(3)) {
		stranger_asks(rack, (uint8_t)(1 + random_below(STRANGERS)));
		return;
	}
	snprintf(name, sizeof(name), "x%u", 1 + random_below(STRANGERS));
	if (random_below(2) && gmm_core_node_named(rack->core, name)) {
		gmm_core_node_set_admin(rack->core, name, random_below(2) ? GMM_ADMIN_CORDONED : GMM_ADMIN_MAINTENANCE, rack->now_ns);
		gmm_core_node_set_admin(rack->core, name, GMM_ADMIN_RETIRED, rack->now_ns);
	} else {
		strangers_forgotten += gmm_core_node_forget(rack->core, name, rack->now_ns) == 0;
	}
}

static void random_node_event(struct rack *rack)
{
	struct model_node *model = &rack->nodes[random_below(rack->count)];

	if (!rack_lives(rack, model))
		return;
	if (random_below(3) == 0)
		rack_reboot(rack, model->id);
	else
		model->linked = !model->linked;
}

static void random_vm_event(struct rack *rack)
{
	struct model_node *model = &rack->nodes[0];
	struct wire_vm_event event = { .state = 1 + random_below(WIRE_VM_FAILED) };

	if (!model->linked || model->held_count == 0)
		return;
	event.vm = model->held[random_below(model->held_count)];
	gmm_core_vm_event(rack->core, model->id, &event, rack->now_ns);
}

static void random_want(struct rack *rack)
{
	struct model_node *model = &rack->nodes[0];
	const struct gmm_vm *vm;

	if (!model->linked || model->held_count == 0)
		return;
	vm = gmm_core_vm(rack->core, model->held[random_below(model->held_count)]);
	if (vm && vm->phase == GMM_VM_READY && vm->region_count)
		places_wanted += model_want(rack, model->id, vm->id, random_below(vm->region_count));
}

/* Mostly admitted, or nothing would ever be placed. Legal or not: the core knows. */
static void random_admin(struct rack *rack)
{
	const char *name = gmm_core_node(rack->core, rack->nodes[random_below(rack->count)].id)->name;
	enum gmm_node_admin admin = random_below(2) ? GMM_ADMIN_ADMITTED : (enum gmm_node_admin)random_below(GMM_ADMIN_RETIRED);

	gmm_core_node_set_admin(rack->core, name, admin, rack->now_ns);
}

static void random_delivery(struct rack *rack)
{
	uint32_t at;

	if (rack->flight_count == 0)
		return;
	at = random_below(rack->flight_count);
	if (!model_of(rack, rack->flights[at].command.node)->linked)
		return;
	if (!rack->flights[at].executed)
		execute(rack, &rack->flights[at]);
	else
		deliver(rack, at);
}

static void random_kill(struct rack *rack)
{
	for (uint32_t i = 0; i < rack->flight_count; i++)
		if (model_of(rack, rack->flights[i].command.node)->linked && random_below(2))
			execute(rack, &rack->flights[i]);
	rack_kill(rack);
	gmm_core_set_rules(rack->core, &everybody, 1);
	if (random_below(2))
		rack_pass(rack, SECOND / 2);
	rack_return(rack);
}

/* What the daemon does every turn; files may be gone. */
static void random_offer(struct rack *rack)
{
	static const struct wire_blob blob = { .len_bytes = 1 };
	struct gmm_vm *vm;

	if (gmm_core_offer_wanted(rack->core, &vm))
		gmm_core_offered(rack->core, vm, &blob, &blob, random_below(4) ? 0 : -ENOENT, "the file is gone", rack->now_ns);
}

static void look_at_health(struct rack *rack)
{
	static const struct gmm_health_facts nothing;

	gmm_core_health_update(rack->core, &nothing, rack->now_ns);
}

/* Nothing of what is over is still complained of. */
static void is_healthy(struct rack *rack)
{
	static const enum gmm_health_code codes[] = {
		GMM_HEALTH_MNODE_DOWN, GMM_HEALTH_PNODE_DOWN, GMM_HEALTH_MNODE_NEARFULL, GMM_HEALTH_MNODE_FULL, GMM_HEALTH_RACK_NEARFULL,
		GMM_HEALTH_VM_STALLED, GMM_HEALTH_VM_MEMORY_WAITS, GMM_HEALTH_VM_MEMORY_LOST, GMM_HEALTH_VM_LOST, GMM_HEALTH_VM_FAILED, GMM_HEALTH_NODE_FOREIGN,
		GMM_HEALTH_RECLAIM_STALLED, GMM_HEALTH_IMBALANCED,
	};

	look_at_health(rack);
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (rack->core->health.checks[codes[i]].finding.count)
			fail_msg("%s: %s", gmm_health_kinds[codes[i]].code, rack->core->health.checks[codes[i]].finding.summary);
}

static void random_turn(struct rack *rack, uint32_t turn, uint32_t kill_each)
{
	struct gmm_finished finished;
	uint32_t what = random_below(100);

	if (what < 10)
		random_request(rack);
	else if (what < 12)
		random_node_event(rack);
	else if (what < 16)
		random_vm_event(rack);
	else if (what < 22)
		rack_pass(rack, SECOND / 2);
	else if (what < 23)
		random_admin(rack);
	else if (what < 26)
		random_membership(rack);
	else if (what < 28)
		rack->nodes[random_below(3)].refuse_type = (int[]){ WIRE_REGION_CREATE, WIRE_VM_CREATE, WIRE_VM_REGIONS,
								    WIRE_VM_DESTROY, WIRE_VM_REGION_MOVE, WIRE_VM_RESIZE,
								    WIRE_VM_REGION_MOVE_STATE }[random_below(7)];
	else if (what < 34)
		random_want(rack);
	else
		random_delivery(rack);
	for (uint32_t i = 0; i < rack->count; i++)
		rack->nodes[i].refuse_status = -ENOSPC;
	if (random_below(4) == 0)
		random_offer(rack);
	if (turn % 8 == 0)
		look_at_health(rack);
	rack_take_output(rack);
	if (turn % 16 == 0)
		rack_compare_rows(rack);
	if (random_below(kill_each) == 0)
		random_kill(rack);
	rack_keep(rack);
	while (random_below(2) && gmm_core_finished(rack->core, &finished))
		;
}

/* All comes to its end: everybody is back, and what was refused is asked for again. */
static void let_end(struct rack *rack)
{
	struct gmm_finished finished;

	/* Nothing is started by itself from now on. */
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		rack->core->vms[i].spec.restart = GMM_RESTART_NO;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		random_offer(rack);
	for (uint32_t i = 0; i < rack->count; i++) {
		rack->nodes[i].refuse_type = 0;
		rack->nodes[i].linked = rack_lives(rack, &rack->nodes[i]);
		if (rack->nodes[i].linked && gmm_core_node(rack->core, rack->nodes[i].id)->state == GMM_NODE_ABSENT)
			rack_reboot(rack, rack->nodes[i].id);
		gmm_core_node_drain_cancel(rack->core, rack->core->nodes[i].name, rack->now_ns);
	}
	rack_pass(rack, SECOND);
	rack_settle(rack);
	/* All are down once, so that what they refused to destroy is asked for again. */
	for (uint32_t i = 0; i < rack->count; i++)
		rack->nodes[i].linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	for (uint32_t i = 0; i < rack->count; i++)
		rack->nodes[i].linked = rack_lives(rack, &rack->nodes[i]);
	rack_pass(rack, SECOND);
	rack_run(rack, 20 * SECOND);
	rack_keep(rack);
	while (gmm_core_finished(rack->core, &finished))
		;
}

static void random_life(uint32_t seed, uint32_t kill_each)
{
	struct rack *rack = small_rack();

	chance = seed;
	gmm_core_set_rules(rack->core, &everybody, 1);
	for (uint32_t turn = 0; turn < 600; turn++)
		random_turn(rack, turn, kill_each);
	let_end(rack);
	rack_compare(rack);
	for (char name[2] = "a"; name[0] < 'g'; name[0]++)
		if (gmm_core_vm_named(rack->core, name))
			assert_int_equal(rack_destroy(rack, name), 0);
	finish_and_compare(rack);
	is_healthy(rack);
	rack_free(rack);
}

static void test_random_lives(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++)
		random_life(seed, UINT32_MAX);
}

static void test_random_lives_of_mortal_managers(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++)
		random_life(seed, 20);
	assert_true(strangers_joined > 100 && strangers_forgotten > 10 && places_wanted > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trouble_while_creating),
		cmocka_unit_test(test_trouble_while_destroying),
		cmocka_unit_test(test_random_lives),
		cmocka_unit_test(test_random_lives_of_mortal_managers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
