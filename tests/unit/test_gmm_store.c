// SPDX-License-Identifier: GPL-2.0-only
/* The manager's store on a real file system: rows come back as they were, all or none; bad files are refused. */
#include <signal.h>
#include <sys/resource.h>

#include "gmm/store/internal.h"
#include "tests/unit/gmm_store_fixture.h"

/* Two VMs, one of them half made, a third that was destroyed, a bench that is under way, a zombie. */
static struct rack *busy_rack(struct store *store)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("half", 130, 1);
	struct gmm_finished finished;
	uint64_t operation;

	rack->keep = store ? keep : NULL;
	rack->store = store;
	spec.devices = DEVICE_SERIAL;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 1024);
	assert_int_equal(rack_create(rack, "gone", 200, &finished), 0);
	assert_int_equal(rack_create(rack, "whole", 200, &finished), 0);
	assert_int_equal(rack_destroy(rack, "gone"), 0);
	assert_int_equal(gmm_core_bench(rack->core, "p1", "m1", &(struct gmm_bench_spec){ 5, 4096, 1 }, &operation, rack->now_ns), 0);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_take_output(rack);
	return rack;
}

static void compare(struct rack *rack, const struct gmm_core *core)
{
	uint32_t found = 0;

	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS; kind++)
		for (uint32_t slot = 0; slot < gmm_record_slots((enum gmm_record_kind)kind); slot++) {
			struct gmm_record now = { .kind = (enum gmm_record_kind)kind, .slot = slot };
			const struct gmm_record *row;

			if (kind == GMM_RECORD_REGION && slot >= core->region_top)
				break;
			gmm_core_record(core, &now);
			if (now.gone)
				continue;
			found += kind != GMM_RECORD_ENDED;
			row = row_find(rack, &now);
			if (!row || !rows_equal(row, &now))
				fail_msg("%s %u is not as it was", gmm_record_kind_name(now.kind), slot);
		}
	assert_int_equal(found, rack->row_count);
}

/* The bench ends with the manager that began it: its rows are not compared. */
static void end_bench(struct rack *rack)
{
	struct gmm_finished finished;

	rack_settle(rack);
	rack_keep(rack);
	while (gmm_core_finished(rack->core, &finished))
		;
	rack_keep(rack);
}

static void test_rows_come_back(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct place place;
	struct rack *rack;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	end_bench(rack);
	store_close(rack->store);

	rack->store = opened(place.path);
	load(rack->store, core, NULL);
	compare(rack, core);
	assert_int_equal(core->nodes[0].state, GMM_NODE_EXPECTED);
	assert_int_equal(gmm_core_vm_named(core, "whole")->created_ns, gmm_core_vm_named(rack->core, "whole")->created_ns);
	assert_string_equal(gmm_core_vm_named(core, "whole")->spec.kernel, "/kernel");
	for (uint64_t sequence = 0; sequence < core->event_sequence; sequence++) {
		const struct gmm_event *one = gmm_core_event_after(core, sequence), *other = gmm_core_event_after(rack->core, sequence);

		assert_int_equal(one->sequence, other->sequence);
		assert_int_equal(one->time_ns, other->time_ns);
		assert_string_equal(one->text, other->text);
	}
	store_close(rack->store);
	free(core);
	place_remove(&place);
	rack_free(rack);
}

/* Operations that were under way go on: also over a manager that is killed when nothing was heard of them yet. */
static void test_operations_go_on(void **state)
{
	struct place place;
	struct rack *rack;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	store_close(rack->store);
	rack->store = opened(place.path);
	rack->flight_count = 0;
	load(rack->store, rack->core, NULL);
	for (uint32_t i = 0; i < rack->count; i++) {
		const struct gmm_node *node = &rack->core->nodes[i];

		assert_int_equal(gmm_core_node_add(rack->core, node->name, node->role, node->address, node->mac), node->id);
	}
	rack_return(rack);
	rack_settle(rack);
	end_bench(rack);
	assert_int_equal(gmm_core_vm_named(rack->core, "half")->phase, GMM_VM_READY);
	rack_compare(rack);
	store_close(rack->store);
	place_remove(&place);
	rack_free(rack);
}

/* The log, applied in order to empty tables, makes the tables. */
static void test_log_makes_the_tables(void **state)
{
	static const struct {
		const char *table, *columns, *values;
	} tables[] = {
		{ "node", "slot, name, incarnation", "slot, body ->> 'name', body ->> 'incarnation'" },
		{ "region", "slot, vm, vm_index, node, state, rkey, base",
		  "slot, body ->> 'vm', body ->> 'vm_index', body ->> 'node', body ->> 'state', body ->> 'rkey', body ->> 'base'" },
		{ "vm", "slot, id, name, phase, state", "slot, body ->> 'id', body ->> 'name', body ->> 'phase', body ->> 'state'" },
		{ "operation", "slot, id, kind, status", "slot, body ->> 'id', body ->> 'kind', body ->> 'status'" },
	};
	struct place place;
	struct rack *rack;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	store_close(rack->store);
	for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char sql[2048];

		/* The last entry of each slot is what is left of it; entries without a body took the row away. */
		snprintf(sql, sizeof(sql),
			 "CREATE TEMP TABLE replayed AS SELECT %s FROM log WHERE kind = '%s' AND body IS NOT NULL AND sequence IN"
			 " (SELECT max(sequence) FROM log WHERE kind = '%s' GROUP BY slot);"
			 "CREATE TEMP TABLE wrong (n CHECK (n = 0));"
			 "INSERT INTO wrong SELECT count(*) FROM (SELECT * FROM replayed EXCEPT SELECT %s FROM %s);"
			 "INSERT INTO wrong SELECT count(*) FROM (SELECT %s FROM %s EXCEPT SELECT * FROM replayed);"
			 "INSERT INTO wrong SELECT count(*) = 0 FROM replayed",
			 tables[i].values, tables[i].table, tables[i].table, tables[i].columns, tables[i].table, tables[i].columns,
			 tables[i].table);
		run_sql(place.path, sql);
	}
	place_remove(&place);
	rack_free(rack);
}

/* ---------------------------------------------------------------- stores that cannot be written */

static void test_full_disk(void **state)
{
	struct rlimit limit, small;
	char error[STORE_ERROR_BYTES];
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct place place;
	struct rack *rack;
	uint32_t marked;
	int status = 0;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ .rlim_cur = 64 << 10, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	rack->keep = NULL;
	for (int i = 0; i < 2000 && !status; i++) {
		gmm_core_event(rack->core, GMM_EVENT_WARNING, "test", "something to keep", rack->now_ns);
		status = store_keep(rack->store, rack->core, error);
	}
	/* A limit on the size of files, as close to a full disk as a test can come without one: SQLite calls it an I/O error. */
	assert_int_equal(status, -EIO);
	marked = gmm_core_dirty_count(rack->core);
	assert_true(marked > 0);
	assert_int_equal(store_command(rack->store, 1, "test", "vm.create", error), -EIO);
	assert_true(strlen(error) > 0);
	/* Room again: what waited is kept, nothing is corrupt. */
	setrlimit(RLIMIT_FSIZE, &limit);
	rack->keep = keep;
	end_bench(rack);
	assert_int_equal(store_command(rack->store, 1, "test", "vm.create", error), 0);
	store_close(rack->store);
	rack->store = opened(place.path);
	load(rack->store, core, NULL);
	compare(rack, core);
	assert_int_equal(core->event_sequence, rack->core->event_sequence);
	store_close(rack->store);
	free(core);
	place_remove(&place);
	rack_free(rack);
}

/* As when the kernel makes a file system read-only under us after an error. */
static void test_disk_that_becomes_read_only(void **state)
{
	char error[STORE_ERROR_BYTES];
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct place place;
	struct rack *rack;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	end_bench(rack);
	sqlite3_exec(((struct store *)rack->store)->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
	gmm_core_event(rack->core, GMM_EVENT_WARNING, "test", "something to keep", rack->now_ns);
	assert_int_equal(store_keep(rack->store, rack->core, error), -EROFS);
	assert_int_equal(store_command(rack->store, 1, "test", "vm.create", error), -EROFS);
	assert_true(gmm_core_dirty_count(rack->core) > 0);
	sqlite3_exec(((struct store *)rack->store)->db, "PRAGMA query_only = OFF", NULL, NULL, NULL);
	rack_keep(rack);
	store_close(rack->store);
	rack->store = opened(place.path);
	load(rack->store, core, NULL);
	compare(rack, core);
	store_close(rack->store);
	free(core);
	place_remove(&place);
	rack_free(rack);
}

static void test_one_manager_at_a_time(void **state)
{
	char error[STORE_ERROR_BYTES], pid[32];
	struct place place;
	struct store *store;
	int status;

	(void)state;
	place_make(&place);
	store = opened(place.path);
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(error, pid));
	assert_int_equal(store_restore(place.path, place.path, error), -EBUSY);
	store_close(store);
	store_close(opened(place.path));
	place_remove(&place);
}

/* ---------------------------------------------------------------- stores that were damaged or edited */

static void test_other_files(void **state)
{
	char error[STORE_ERROR_BYTES];
	struct place place;
	int status;
	FILE *file;

	(void)state;
	place_make(&place);
	file = fopen(place.path, "w");
	fputs("this is no database, but it is longer than the header of one would be, so that it is looked at as one", file);
	fclose(file);
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EUCLEAN);
	unlink(place.path);
	run_sql(place.path, "CREATE TABLE customers (name)");
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EUCLEAN);
	assert_non_null(strstr(error, "something else"));
	unlink(place.path);
	store_close(opened(place.path));
	run_sql(place.path, "PRAGMA user_version = 999");
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EPROTO);
	assert_non_null(strstr(error, "newer"));
	assert_null(store_open("/nowhere/at/all", &status, error));
	assert_int_equal(status, -ENOENT);
	place_remove(&place);
}

static void test_damaged_pages(void **state)
{
	char error[STORE_ERROR_BYTES];
	uint8_t junk[1024];
	struct place place;
	struct rack *rack;
	int status;
	FILE *file;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	store_close(rack->store);
	memset(junk, 0xa5, sizeof(junk));
	file = fopen(place.path, "r+");
	for (long page = 1; page < 8; page++) {
		fseek(file, page * 4096, SEEK_SET);
		fwrite(junk, 1, sizeof(junk), file);
	}
	fclose(file);
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EUCLEAN);
	assert_non_null(strstr(error, "--restore"));
	place_remove(&place);
	rack_free(rack);
}

static const struct {
	const char *sql, *refusal;
} senseless_rows[] = {
	{ "UPDATE node SET role = 7 WHERE slot = 0", "node 0 makes no sense: its role" },
	{ "UPDATE node SET name = ''", "node 0 makes no sense: its name" },
	{ "UPDATE node SET name = 'm1' WHERE slot = 2", "node 2 makes no sense: its name" },
	{ "UPDATE node SET name = printf('%.*c', 40, 'x') WHERE slot = 1", "node 1 makes no sense: column name" },
	{ "UPDATE node SET mac = x'00'", "column mac" },
	{ "UPDATE node SET capacity_pages = -1 WHERE slot = 1", "node 1 makes no sense: its capacity" },
	{ "UPDATE node SET admin = 5 WHERE slot = 1", "node 1 makes no sense: there is no such state of administration" },
	{ "DELETE FROM node WHERE slot = 1", "node 2 makes no sense: nodes before it" },
	{ "UPDATE node SET slot = 5000000 WHERE slot = 2", "column slot" },
	{ "UPDATE vm SET name = 'whole'", "makes no sense: its id or name" },
	{ "UPDATE vm SET id = 1 << 40 WHERE name = 'whole'", "its id or name" },
	{ "UPDATE vm SET phase = 9 WHERE name = 'whole'", "no such state" },
	{ "UPDATE vm SET node = 3 WHERE name = 'whole'", "it is on no process component" },
	{ "UPDATE vm SET node = 5000 WHERE name = 'whole'", "it is on no process component" },
	{ "UPDATE vm SET memory_bytes = 0 WHERE name = 'whole'", "its size" },
	{ "UPDATE vm SET memory_bytes = memory_bytes + 4096 WHERE name = 'whole'", "its regions are not all of its memory" },
	{ "UPDATE vm SET state = 'running' WHERE name = 'whole'", "column state" },
	{ "UPDATE vm SET phase = 1 WHERE name = 'half'", "made or destroyed by no operation" },
	{ "UPDATE region SET pages = 0", "its VM, index, epoch, size or owner" },
	{ "UPDATE region SET node = 2", "it is on no memory component" },
	{ "UPDATE region SET state = 77", "no such state" },
	{ "UPDATE region SET vm_index = 0", "two regions for one place" },
	{ "UPDATE region SET vm_index = 256", "its VM, index, epoch" },
	{ "DELETE FROM region WHERE vm_index = 1", "one of its regions is missing" },
	{ "DELETE FROM operation; DELETE FROM vm", "its VM is not there" },
	{ "INSERT INTO zombie VALUES (700000, 1)", "column slot" },
	{ "INSERT INTO zombie VALUES (300, 1)", "of no node" },
	{ "UPDATE operation SET kind = 0", "its id, kind, status" },
	{ "UPDATE operation SET id = 1 << 50", "its id, kind, status" },
	{ "UPDATE operation SET vm = 12", "no such VM" },
	{ "UPDATE operation SET status = 1", "its id, kind, status" },
	{ "UPDATE operation SET kind = 4", "its VM is in another state" },
	{ "UPDATE meta SET vm_id_next = 0", "counts from 0" },
	{ "UPDATE operation SET parts = 1 << 30", "reason or size is out of range" },
	{ "UPDATE operation SET key = printf('%.*c', 65, 'x')", "column key" },
	{ "UPDATE ended SET kind = 99", "its id, kind or status" },
	{ "UPDATE ended SET id = 1 << 50", "its id, kind or status" },
	{ "UPDATE ended SET number = number + 1", "its number belongs to another place" },
	{ "UPDATE ended SET digest = x'00'", "column digest" },
	{ "INSERT INTO health VALUES (0, 'MNODE_DOWN', 1, '', 0, 0, 0, 0, 0, 0, '')", "raised without a word" },
	{ "INSERT INTO health VALUES (0, 'MNODE_DOWN', 0, '', 0, 2, 0, 0, 0, 0, '')", "neither muted nor not" },
};

static void test_rows_that_make_no_sense(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct place place;
	struct rack *rack;

	(void)state;
	for (unsigned i = 0; i < sizeof(senseless_rows) / sizeof(senseless_rows[0]); i++) {
		place_make(&place);
		rack = busy_rack(opened(place.path));
		end_bench(rack);
		store_close(rack->store);
		/* One operation is left to be edited. */
		run_sql(place.path, "INSERT INTO operation (slot, id, kind, vm, region, process_node, from_node, parent, status, reason)"
				   " SELECT 9, 1, 2, slot, 4294967295, 0, 0, 0, 0, '' FROM vm WHERE name = 'whole'");
		run_sql(place.path, senseless_rows[i].sql);
		rack->store = opened(place.path);
		load(rack->store, core, senseless_rows[i].refusal);
		store_close(rack->store);
		place_remove(&place);
		rack_free(rack);
	}
	free(core);
}

/* ---------------------------------------------------------------- backups */

static void test_backup_and_restore(void **state)
{
	char error[STORE_ERROR_BYTES];
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct gmm_finished finished;
	struct place place;
	struct rack *rack;

	(void)state;
	place_make(&place);
	rack = busy_rack(opened(place.path));
	end_bench(rack);
	assert_int_equal(store_backup(rack->store, place.other, error), 0);
	assert_int_equal(store_backup(rack->store, place.other, error), -EEXIST);
	assert_int_equal(rack_create(rack, "later", 64, &finished), 0);
	store_close(rack->store);
	assert_int_equal(store_restore(place.path, place.other, error), 0);

	rack->store = opened(place.path);
	load(rack->store, core, NULL);
	assert_non_null(gmm_core_vm_named(core, "whole"));
	assert_null(gmm_core_vm_named(core, "later"));
	/* Numbers that were given since then are not given again. */
	assert_true(core->operation_id_next > rack->core->operation_id_next);
	assert_true(core->event_sequence > rack->core->event_sequence);
	gmm_core_event(core, GMM_EVENT_WARNING, "test", "the first since then", 1);
	assert_string_equal(gmm_core_event_after(core, 0)->text, "the first since then");
	assert_null(gmm_core_event_after(core, core->event_sequence));
	store_close(rack->store);
	assert_int_equal(store_restore(place.path, "/nowhere/at/all", error), -ENOENT);
	free(core);
	place_remove(&place);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_come_back),
		cmocka_unit_test(test_operations_go_on),
		cmocka_unit_test(test_log_makes_the_tables),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_disk_that_becomes_read_only),
		cmocka_unit_test(test_one_manager_at_a_time),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_damaged_pages),
		cmocka_unit_test(test_rows_that_make_no_sense),
		cmocka_unit_test(test_backup_and_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
