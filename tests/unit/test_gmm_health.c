// SPDX-License-Identifier: GPL-2.0-only
/* The manager's health checks: each is raised by what it is about, says so, and is cleared when that is over. */
#include <dirent.h>

#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)

static struct gmm_health_facts facts;

static const struct gmm_health_check *check(struct rack *rack, enum gmm_health_code code)
{
	gmm_core_health_update(rack->core, &facts, rack->now_ns);
	return &rack->core->health.checks[code];
}

#define RAISED(rack, code, number) assert_int_equal(check(rack, GMM_HEALTH_##code)->finding.count, number)
#define CLEARED(rack, code) RAISED(rack, code, 0)
/* In the first detail line, or in the summary. */
#define FOUND(rack, code) (&rack->core->health.checks[GMM_HEALTH_##code].finding)
#define SAYS(rack, code, words) assert_non_null(strstr(FOUND(rack, code)->detail[0], words))
#define SUMS_UP(rack, code, words) assert_non_null(strstr(FOUND(rack, code)->summary, words))

static struct rack *rack_of(uint32_t *p1, uint32_t *m1, uint32_t *m2)
{
	struct rack *rack = rack_new();

	memset(&facts, 0, sizeof(facts));
	*p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	*m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 20 * REGION_MIB);
	*m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 20 * REGION_MIB);
	gmm_core_health_update(rack->core, &facts, rack->now_ns);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	return rack;
}

#define RACK uint32_t p1, m1, m2; struct rack *rack = rack_of(&p1, &m1, &m2); (void)state; (void)p1; (void)m1; (void)m2

static uint64_t events_of(const struct rack *rack, const char *code)
{
	const struct gmm_event *event;
	uint64_t count = 0;

	for (uint64_t at = 0; (event = gmm_core_event_after(rack->core, at)); at = event->sequence)
		count += event->kind == GMM_EVENT_HEALTH && strcmp(event->object, code) == 0;
	return count;
}

static void vm_says(struct rack *rack, const char *name, uint32_t vm_state, const char *reason)
{
	const struct gmm_vm *vm = gmm_core_vm_named(rack->core, name);
	struct wire_vm_event event = { .vm = vm->id, .state = vm_state };

	strcpy(event.reason, reason);
	assert_int_equal(gmm_core_vm_event(rack->core, vm->node, &event, rack->now_ns), 0);
}

static void join_as(struct rack *rack, uint32_t id, void (*change)(struct wire_node_join *join, uint32_t *address))
{
	const struct gmm_node *node = gmm_core_node(rack->core, id);
	struct wire_node_join join = node->join;
	struct wire_node_joined joined;
	uint32_t address = node->address;

	change(&join, &address);
	assert_true(gmm_core_join(rack->core, &join, address, &joined, rack->now_ns) < 0);
}

/* ---------------------------------------------------------------- nodes */

static void test_nodes_down(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	model_of(rack, p1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	SAYS(rack, MNODE_DOWN, "m1: down for ");
	SUMS_UP(rack, MNODE_DOWN, "1 of 2 memory components");
	RAISED(rack, PNODE_DOWN, 1);
	SAYS(rack, PNODE_DOWN, "p1: down for ");
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	model_of(rack, m1)->linked = true;
	model_of(rack, p1)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	CLEARED(rack, PNODE_DOWN);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	rack_free(rack);
}

/* Nobody is to act on a machine that the operator has set aside. */
static void test_a_node_in_maintenance_may_be_off(void **state)
{
	RACK;

	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_MAINTENANCE, rack->now_ns), 0);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_DOWN);
	CLEARED(rack, MNODE_DOWN);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	rack_pass(rack, SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	rack_free(rack);
}

static void test_a_node_that_never_came_has_time_to_start(void **state)
{
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	RACK;

	assert_true(gmm_core_node_add(rack->core, "m9", WIRE_ROLE_MEMORY, 9, mac) > 0);
	CLEARED(rack, MNODE_DOWN);
	rack_pass(rack, GMM_LIFE_BOOT_NS - SECOND);
	CLEARED(rack, MNODE_DOWN);
	rack_pass(rack, SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	SAYS(rack, MNODE_DOWN, "m9: has not joined");
	rack_free(rack);
}

static void test_full(void **state)
{
	struct gmm_finished finished;
	RACK;

	/* 20 regions each: 34 of 40 are 85 % of each and of the rack, 38 are 95 %. */
	assert_int_equal(rack_create(rack, "a", 33 * REGION_MIB, &finished), 0);
	RAISED(rack, MNODE_NEARFULL, 1);
	CLEARED(rack, RACK_NEARFULL);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	RAISED(rack, MNODE_NEARFULL, 2);
	SAYS(rack, MNODE_NEARFULL, "m1: 85 % reserved, 192 MiB left of 1280 MiB");
	RAISED(rack, RACK_NEARFULL, 1);
	SUMS_UP(rack, RACK_NEARFULL, "reserved to 85 %, 384 MiB are left");
	CLEARED(rack, MNODE_FULL);
	assert_int_equal(rack_create(rack, "c", 4 * REGION_MIB, &finished), 0);
	CLEARED(rack, MNODE_NEARFULL);
	RAISED(rack, MNODE_FULL, 2);
	rack_settle(rack);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	CLEARED(rack, MNODE_FULL);
	CLEARED(rack, MNODE_NEARFULL);
	CLEARED(rack, RACK_NEARFULL);
	rack_free(rack);
}

static void test_imbalanced(void **state)
{
	struct gmm_finished finished;
	RACK;

	/* m2 is away while the VM is placed, and comes back empty. */
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	assert_int_equal(rack_create(rack, "a", 14 * REGION_MIB, &finished), 0);
	CLEARED(rack, IMBALANCED);
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	RAISED(rack, IMBALANCED, 1);
	SUMS_UP(rack, IMBALANCED, "m1 is reserved to 70 %, m2 only to 0 %");
	assert_int_equal(rack_create(rack, "b", 7 * REGION_MIB, &finished), 0);
	CLEARED(rack, IMBALANCED);
	rack_free(rack);
}

static void test_flapping(void **state)
{
	RACK;

	for (unsigned i = 0; i < GMM_HEALTH_FALLS_MAX; i++) {
		CLEARED(rack, NODE_FLAPPING);
		rack_pass(rack, SECOND);
		rack_reboot(rack, m1);
	}
	RAISED(rack, NODE_FLAPPING, 1);
	SAYS(rack, NODE_FLAPPING, "m1: went down 3 times");
	rack_pass(rack, GMM_HEALTH_RECENT_NS);
	CLEARED(rack, NODE_FLAPPING);
	rack_free(rack);
}

static void test_version_skew(void **state)
{
	RACK;

	strcpy(facts.build_id, "test");
	CLEARED(rack, VERSION_SKEW);
	strcpy(facts.build_id, "newer");
	RAISED(rack, VERSION_SKEW, 3);
	SAYS(rack, VERSION_SKEW, "p1: build test");
	rack_free(rack);
}

static void other_role(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->role = WIRE_ROLE_PROCESS;
}

static void other_page(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->page_bytes = 8192;
}

static void test_image_mismatch(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	join_as(rack, m1, other_role);
	join_as(rack, m2, other_page);
	RAISED(rack, NODE_IMAGE_MISMATCH, 2);
	SAYS(rack, NODE_IMAGE_MISMATCH, "m1: its image was refused");
	rack_pass(rack, SECOND);
	RAISED(rack, NODE_IMAGE_MISMATCH, 1);
	rack_reboot(rack, m1);
	CLEARED(rack, NODE_IMAGE_MISMATCH);
	rack_free(rack);
}

static void other_address(struct wire_node_join *join, uint32_t *address)
{
	(void)join;
	*address = 0x0a000007;
}

static void other_mac(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->mac[5] ^= 1;
}

static void test_id_conflict(void **state)
{
	RACK;

	join_as(rack, m1, other_address);
	join_as(rack, m2, other_mac);
	RAISED(rack, NODE_ID_CONFLICT, 2);
	SAYS(rack, NODE_ID_CONFLICT, "m1: another machine");
	SAYS(rack, NODE_ID_CONFLICT, "10.0.0.7");
	CLEARED(rack, NODE_IMAGE_MISMATCH);
	rack_pass(rack, GMM_HEALTH_RECENT_NS);
	CLEARED(rack, NODE_ID_CONFLICT);
	rack_free(rack);
}

static void unknown_name(struct wire_node_join *join, uint32_t *address)
{
	static unsigned number;

	*address = 0x0a000008;
	snprintf(join->name, sizeof(join->name), "new%u", number++);
}

static void test_unenrolled(void **state)
{
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	RACK;

	for (unsigned i = 0; i < 3; i++)
		join_as(rack, m1, unknown_name);
	RAISED(rack, NODE_UNENROLLED, 3);
	SAYS(rack, NODE_UNENROLLED, "new0: asked to join 0 s ago, from 10.0.0.8");
	assert_true(gmm_core_node_add(rack->core, "new0", WIRE_ROLE_MEMORY, 9, mac) > 0);
	RAISED(rack, NODE_UNENROLLED, 2);
	for (unsigned i = 0; i < 3 * GMM_HEALTH_STRANGERS_MAX; i++, rack->now_ns++)
		join_as(rack, m1, unknown_name);
	RAISED(rack, NODE_UNENROLLED, GMM_HEALTH_STRANGERS_MAX);
	rack_pass(rack, GMM_HEALTH_RECENT_NS + SECOND);
	CLEARED(rack, NODE_UNENROLLED);
	rack_free(rack);
}

static void test_boots(void **state)
{
	RACK;

	gmm_core_node_boots(rack->core, gmm_core_node(rack->core, m1), rack->now_ns);
	rack_pass(rack, GMM_LIFE_BOOT_NS);
	CLEARED(rack, BOOT_FAILED);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, BOOT_FAILED, 1);
	SAYS(rack, BOOT_FAILED, "m1: 1 boot script fetched, the last one 2 min ago");
	for (uint32_t i = 1; i < GMM_LIFE_BOOTS_MAX; i++)
		gmm_core_node_boots(rack->core, gmm_core_node(rack->core, m1), rack->now_ns);
	RAISED(rack, BOOT_LOOP, 1);
	SAYS(rack, BOOT_LOOP, "m1: 5 boot scripts");
	CLEARED(rack, BOOT_FAILED);
	rack_reboot(rack, m1);
	CLEARED(rack, BOOT_LOOP);
	rack_free(rack);
}

static void test_foreign(void **state)
{
	RACK;

	held_add(model_of(rack, m1), 999);
	held_add(model_of(rack, p1), 999);
	rack_pass(rack, SECOND);
	CLEARED(rack, NODE_FOREIGN);
	rack_pass(rack, LEASE_MS * SECOND / 1000);
	RAISED(rack, NODE_FOREIGN, 2);
	SAYS(rack, NODE_FOREIGN, "p1: 1 VM");
	assert_non_null(strstr(rack->core->health.checks[GMM_HEALTH_NODE_FOREIGN].finding.detail[1], "m1: 1 region, 64 MiB"));
	rack_reboot(rack, m1);
	rack_reboot(rack, p1);
	CLEARED(rack, NODE_FOREIGN);
	rack_free(rack);
}

static void test_reclaim_stalled(void **state)
{
	struct gmm_finished finished;
	uint64_t operation;
	RACK;

	assert_int_equal(rack_create(rack, "a", 2 * REGION_MIB, &finished), 0);
	model_of(rack, m1)->refuse_type = WIRE_REGION_DESTROY;
	model_of(rack, m1)->refuse_status = -EIO;
	assert_int_equal(rack_destroy(rack, "a"), 0);
	RAISED(rack, RECLAIM_STALLED, 1);
	SAYS(rack, RECLAIM_STALLED, "m1: 1 region to be destroyed, 1 refused");
	rack_reboot(rack, m1);
	CLEARED(rack, RECLAIM_STALLED);

	/* One that renews its lease and does not answer. */
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_vm_destroy(rack->core, "b", &operation, rack->now_ns), 0);
	for (unsigned i = 0; i < 2; i++) {
		rack_take_output(rack);
		if (i == 0) {
			execute(rack, &rack->flights[0]);
			deliver(rack, 0);
		}
	}
	CLEARED(rack, RECLAIM_STALLED);
	rack_pass(rack, GMM_HEALTH_RECLAIM_NS);
	RAISED(rack, RECLAIM_STALLED, 1);
	SAYS(rack, RECLAIM_STALLED, "0 refused");
	rack_settle(rack);
	CLEARED(rack, RECLAIM_STALLED);
	rack_free(rack);
}

/* ---------------------------------------------------------------- VMs */

/* One that the manager will see to, and one that it would see to if there were room: which is not there for a reason. */
static void test_vms_that_wait_for_their_restart(void **state)
{
	static const struct wire_blob blob = { .len_bytes = 1 };
	struct gmm_vm_spec spec = vm_spec("a", REGION_MIB, 1);
	uint64_t operation;
	RACK;

	spec.restart = GMM_RESTART_ALWAYS;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &blob, &blob, &operation, rack->now_ns), 0);
	rack_settle(rack);
	vm_says(rack, "a", WIRE_VM_RUNNING, "");
	rack_settle(rack);
	vm_says(rack, "a", WIRE_VM_FAILED, "impossible");
	RAISED(rack, VM_FAILED, 1);
	SAYS(rack, VM_FAILED, "a: failed for 0 s, to be started again: impossible");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "p1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	rack_reboot(rack, p1);
	rack_run(rack, 10 * SECOND);
	RAISED(rack, VM_LOST, 1);
	SAYS(rack, VM_LOST, "a: lost for 10 s, to be made anew where there is room: no process component can take the VM: p1 cordoned");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "p1", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	rack_run(rack, 10 * SECOND);
	CLEARED(rack, VM_LOST);
	rack_free(rack);
}

static void test_vm_states(void **state)
{
	struct gmm_finished finished;
	RACK;

	assert_int_equal(rack_create(rack, "a", REGION_MIB, &finished), 0);
	vm_says(rack, "a", WIRE_VM_PAUSED, "m1 does not answer");
	RAISED(rack, VM_STALLED, 1);
	SAYS(rack, VM_STALLED, "a: paused for 0 s: m1 does not answer");
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_ERR);
	vm_says(rack, "a", WIRE_VM_RUNNING, "");
	CLEARED(rack, VM_STALLED);
	vm_says(rack, "a", WIRE_VM_FAILED, "no kernel");
	RAISED(rack, VM_FAILED, 1);
	SAYS(rack, VM_FAILED, "a: failed for 0 s: no kernel");
	vm_says(rack, "a", WIRE_VM_RUNNING, "");
	CLEARED(rack, VM_FAILED);
	rack_reboot(rack, p1);
	RAISED(rack, VM_LOST, 1);
	SAYS(rack, VM_LOST, "a: lost for 0 s: its process component started again");
	SUMS_UP(rack, VM_LOST, "1 of 1 VM is lost with its process component");
	assert_int_equal(rack_destroy(rack, "a"), 0);
	CLEARED(rack, VM_LOST);
	rack_free(rack);
}

static void test_vm_memory_lost(void **state)
{
	struct gmm_finished finished;
	RACK;

	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	vm_says(rack, "a", WIRE_VM_PAUSED, "");
	rack_reboot(rack, m1);
	RAISED(rack, VM_MEMORY_LOST, 1);
	SAYS(rack, VM_MEMORY_LOST, "a: 2 of 4 regions lost");
	CLEARED(rack, VM_STALLED);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	CLEARED(rack, VM_MEMORY_LOST);
	rack_free(rack);
}

/* ---------------------------------------------------------------- from the daemon */

static void test_strangers_and_events(void **state)
{
	RACK;

	facts.strangers = 2;
	facts.stranger_address = 0x0a000009;
	facts.events_lost = 1;
	RAISED(rack, STRANGERS, 1);
	SUMS_UP(rack, STRANGERS, "2 connect requests without the rack's key, the latest 0 s ago from 10.0.0.9");
	RAISED(rack, EVENTS_LOST, 1);
	rack_pass(rack, GMM_HEALTH_RECENT_NS - SECOND);
	facts.strangers = 5;
	RAISED(rack, STRANGERS, 1);
	SUMS_UP(rack, STRANGERS, "5 connect");
	rack_pass(rack, SECOND);
	CLEARED(rack, EVENTS_LOST);
	rack_pass(rack, GMM_HEALTH_RECENT_NS);
	CLEARED(rack, STRANGERS);
	facts.strangers = 6;
	RAISED(rack, STRANGERS, 1);
	SUMS_UP(rack, STRANGERS, "1 connect");
	rack_free(rack);
}

static void test_store(void **state)
{
	RACK;

	facts.store_path = "/var/lib/plenum/store";
	facts.store_readonly = true;
	RAISED(rack, STORE_READONLY, 1);
	SUMS_UP(rack, STORE_READONLY, "/var/lib/plenum");
	facts.store_readonly = false;
	CLEARED(rack, STORE_READONLY);
	facts.store_status = -EIO;
	RAISED(rack, STORE_FAILED, 1);
	SUMS_UP(rack, STORE_FAILED, "input/output error (-5)");
	facts.store_status = 0;
	CLEARED(rack, STORE_FAILED);
	facts.store_total_bytes = 10 * GMM_HEALTH_DISK_LOW_BYTES;
	facts.store_free_bytes = GMM_HEALTH_DISK_LOW_BYTES;
	CLEARED(rack, STORE_DISK_LOW);
	facts.store_free_bytes--;
	RAISED(rack, STORE_DISK_LOW, 1);
	facts.store_total_bytes = UINT64_C(10) << 40;
	facts.store_free_bytes = UINT64_C(400) << 30;
	RAISED(rack, STORE_DISK_LOW, 1);
	SUMS_UP(rack, STORE_DISK_LOW, "409600 MiB left");
	facts.store_free_bytes = UINT64_C(600) << 30;
	CLEARED(rack, STORE_DISK_LOW);
	rack_free(rack);
}

/* ---------------------------------------------------------------- details, events, mutes */

static void test_more_than_ten_are_counted(void **state)
{
	struct rack *rack = rack_new();
	char name[NODE_NAME_BYTES];

	(void)state;
	memset(&facts, 0, sizeof(facts));
	strcpy(facts.build_id, "newer");
	for (unsigned i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		rack_node(rack, name, WIRE_ROLE_MEMORY, REGION_MIB);
	}
	RAISED(rack, VERSION_SKEW, 15);
	assert_int_equal(rack->core->health.checks[GMM_HEALTH_VERSION_SKEW].finding.details, GMM_HEALTH_DETAILS_MAX);
	rack_free(rack);
}

static void test_changes_are_events(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	uint64_t since_ns = rack->core->health.checks[GMM_HEALTH_MNODE_DOWN].since_ns;

	assert_int_equal(events_of(rack, "MNODE_DOWN"), 1);
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 1);
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 2);
	assert_int_equal(rack->core->health.checks[GMM_HEALTH_MNODE_DOWN].since_ns, since_ns);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 2);
	model_of(rack, m1)->linked = model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 3);
	rack_free(rack);
}

#define MUTED(yes) assert_int_equal(check(rack, GMM_HEALTH_VERSION_SKEW)->muted, yes)

static void test_mutes(void **state)
{
	RACK;

	assert_int_equal(gmm_core_health_mute(rack->core, "NO_SUCH", 0, false, "deploy", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_health_unmute(rack->core, "NO_SUCH", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), -EBUSY);
	strcpy(facts.build_id, "newer");
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, VERSION_SKEW, 2);
	/* m2 is down beside it, and not of interest here. */
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 0, true, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	MUTED(true);
	/* More of it: it counts again. */
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	MUTED(false);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	/* For a time. */
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 10 * SECOND, false, "deploy", rack->now_ns), 0);
	rack_pass(rack, 9 * SECOND);
	MUTED(true);
	rack_pass(rack, SECOND);
	MUTED(false);
	/* Cleared: over. */
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	strcpy(facts.build_id, "test");
	MUTED(false);
	/* Less and then as much as before is more, too. */
	strcpy(facts.build_id, "newer");
	RAISED(rack, VERSION_SKEW, 3);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	MUTED(true);
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	MUTED(false);
	rack_free(rack);
}

static void test_sticky_mutes_stay(void **state)
{
	RACK;

	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, true, "deploy", rack->now_ns), 0);
	strcpy(facts.build_id, "newer");
	MUTED(true);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	strcpy(facts.build_id, "test");
	MUTED(true);
	assert_int_equal(gmm_core_health_unmute(rack->core, "VERSION_SKEW", rack->now_ns), 0);
	MUTED(false);
	rack_free(rack);
}

/* A manager is killed: the next one knows what was raised and muted, and does not take nodes that are to come for nodes that are well. */
static void test_mutes_outlive_the_manager(void **state)
{
	uint64_t since_ns, events;
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	since_ns = check(rack, GMM_HEALTH_MNODE_DOWN)->since_ns;
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 3600 * SECOND, false, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_mute(rack->core, "STORE_FAILED", 0, true, "control", rack->now_ns), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_pass(rack, SECOND);
	events = rack->core->event_sequence;
	rack_kill(rack);
	rack_return(rack);
	assert_true(rack->core->event_sequence >= events);
	for (uint32_t i = 0; i < 2 * GMM_RETURN_MS / 1000; i++) {
		const struct gmm_health_check *now = check(rack, GMM_HEALTH_MNODE_DOWN);

		assert_int_equal(now->finding.count, 1);
		assert_true(now->finding.summary[0]);
		assert_int_equal(now->since_ns, since_ns);
		assert_true(now->muted && !now->sticky);
		assert_string_equal(now->muted_by, "deploy");
		rack_pass(rack, SECOND);
	}
	/* It was raised all the time: nothing was told anew. */
	SAYS(rack, MNODE_DOWN, "m2: down");
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 0);
	assert_true(check(rack, GMM_HEALTH_STORE_FAILED)->muted && check(rack, GMM_HEALTH_STORE_FAILED)->sticky);
	/* Cleared: as without a start in between. */
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	assert_false(check(rack, GMM_HEALTH_MNODE_DOWN)->muted);
	assert_int_equal(gmm_core_health_unmute(rack->core, "STORE_FAILED", rack->now_ns), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	for (uint32_t i = 0; i < rack->row_count; i++)
		assert_true(rack->rows[i].kind != GMM_RECORD_HEALTH);
	rack_free(rack);
}

/* What was raised about a node that nobody waits for any more is not held for it. */
static void test_a_retired_node_holds_nothing_up(void **state)
{
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	for (enum gmm_node_admin admin = GMM_ADMIN_CORDONED; admin <= GMM_ADMIN_RETIRED; admin++)
		if (admin != GMM_ADMIN_DRAINING)
			assert_int_equal(gmm_core_node_set_admin(rack->core, "m2", admin, rack->now_ns), 0);
	rack_keep(rack);
	rack_kill(rack);
	rack_return(rack);
	rack_pass(rack, (GMM_RETURN_MS / 1000 + 2) * SECOND);
	CLEARED(rack, MNODE_DOWN);
	rack_free(rack);
}

/* The time of a mute is told by the wall clock: it is over while nobody looked. */
static void test_mute_ends_while_there_is_no_manager(void **state)
{
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 60 * SECOND, false, "deploy", rack->now_ns), 0);
	rack_keep(rack);
	rack->now_ns += 61 * SECOND;
	rack_kill(rack);
	rack_return(rack);
	assert_false(check(rack, GMM_HEALTH_MNODE_DOWN)->muted);
	RAISED(rack, MNODE_DOWN, 1);
	rack_free(rack);
}

/* Another version of gmmd has its checks in other places, and some that we do not have. */
static void test_rows_of_other_versions(void **state)
{
	struct gmm_record record = { .kind = GMM_RECORD_HEALTH, .slot = GMM_HEALTH_VM_LOST };
	RACK;

	strcpy(record.health.code, "STORE_FAILED");
	record.health.muted = record.health.sticky = 1;
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), 0);
	assert_true(rack->core->health.checks[GMM_HEALTH_STORE_FAILED].muted);
	assert_false(rack->core->health.checks[GMM_HEALTH_VM_LOST].muted);
	strcpy(record.health.code, "COFFEE_LOW");
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), 0);
	assert_false(rack->core->health.checks[GMM_HEALTH_VM_LOST].muted);
	record.health.muted = 2;
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), -EINVAL);
	assert_non_null(strstr(rack->core->refusal, "the store's health "));
	record.health.muted = 1;
	memset(record.health.code, 'X', sizeof(record.health.code));
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), -EINVAL);
	rack_free(rack);
}

/* ---------------------------------------------------------------- the pages */

static char *page_of(const char *code)
{
	static char text[65536];
	char path[128];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "docs/health/%s.md", code);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

static void test_each_code_has_its_page(void **state)
{
	static const char *const parts[] = {
		"## What it means", "## What it does to guests", "## How to find the cause", "## What helps",
	};

	(void)state;
	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++) {
		const struct gmm_health_kind *kind = &gmm_health_kinds[code];
		const char *page = page_of(kind->code);

		assert_non_null(kind->title);
		assert_non_null(kind->meaning);
		assert_non_null(kind->remedies[0]);
		assert_true(kind->severity == GMM_HEALTH_WARN || kind->severity == GMM_HEALTH_ERR);
		if (!page)
			fail_msg("docs/health/%s.md is missing", kind->code);
		for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (!strstr(page, parts[i]))
				fail_msg("docs/health/%s.md has no part '%s'", kind->code, parts[i]);
		if (!strstr(page, gmm_health_severity_name(kind->severity)))
			fail_msg("docs/health/%s.md does not name its severity", kind->code);
		for (unsigned i = 0; kind->remedies[i]; i++)
			if (!strstr(page, kind->remedies[i]))
				fail_msg("docs/health/%s.md does not have the command '%s'", kind->code, kind->remedies[i]);
	}
}

static void test_each_page_has_its_code(void **state)
{
	DIR *directory = opendir("docs/health");
	struct dirent *entry;

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char code[sizeof(entry->d_name)];
		char *end;

		strcpy(code, entry->d_name);
		end = strstr(code, ".md");
		if (code[0] == '.' || strcmp(code, "README.md") == 0)
			continue;
		assert_non_null(end);
		*end = '\0';
		if (gmm_health_code_named(code) == GMM_HEALTH_COUNT)
			fail_msg("docs/health/%s: there is no such check", entry->d_name);
	}
	closedir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_down),
		cmocka_unit_test(test_a_node_in_maintenance_may_be_off),
		cmocka_unit_test(test_a_node_that_never_came_has_time_to_start),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_imbalanced),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_version_skew),
		cmocka_unit_test(test_image_mismatch),
		cmocka_unit_test(test_id_conflict),
		cmocka_unit_test(test_unenrolled),
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_reclaim_stalled),
		cmocka_unit_test(test_vms_that_wait_for_their_restart),
		cmocka_unit_test(test_vm_states),
		cmocka_unit_test(test_vm_memory_lost),
		cmocka_unit_test(test_strangers_and_events),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_more_than_ten_are_counted),
		cmocka_unit_test(test_changes_are_events),
		cmocka_unit_test(test_mutes),
		cmocka_unit_test(test_sticky_mutes_stay),
		cmocka_unit_test(test_mutes_outlive_the_manager),
		cmocka_unit_test(test_mute_ends_while_there_is_no_manager),
		cmocka_unit_test(test_a_retired_node_holds_nothing_up),
		cmocka_unit_test(test_rows_of_other_versions),
		cmocka_unit_test(test_each_code_has_its_page),
		cmocka_unit_test(test_each_page_has_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
