// SPDX-License-Identifier: GPL-2.0-only
/* The manager's health checks of VMs and of the manager itself; and that each check has its page. */
#include <dirent.h>

#include "tests/unit/gmm_health_fixture.h"

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
		cmocka_unit_test(test_vms_that_wait_for_their_restart),
		cmocka_unit_test(test_vm_states),
		cmocka_unit_test(test_vm_memory_lost),
		cmocka_unit_test(test_strangers_and_events),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_each_code_has_its_page),
		cmocka_unit_test(test_each_page_has_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
