// SPDX-License-Identifier: GPL-2.0-only
/* Stores of other versions: those of before are migrated whatever happens meanwhile, those of later are refused. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "gmm/store/internal.h"
#include "tests/unit/gmm_store_fixture.h"

static void copy_path(const struct place *place, char path[128])
{
	snprintf(path, 128, "%s.version-1", place->path);
}

/* One number that SQL asks for. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int64_t number;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

/* Version 1, and nothing of it is missing. */
static void is_version_1(const char *path)
{
	assert_int_equal(ask(path, "PRAGMA user_version"), 1);
	assert_int_equal(ask(path, "SELECT count(*) FROM operation"), 3);
	assert_int_equal(ask(path, "SELECT count(*) FROM log"), 59);
	assert_int_equal(ask(path, "SELECT count(*) FROM pragma_table_info('operation')"), 10);
}

static void loads(struct store *store)
{
	struct gmm_core *core = calloc(1, sizeof(*core));

	load(store, core, NULL);
	assert_int_equal(core->node_count, 3);
	assert_int_equal(gmm_core_vm_named(core, "whole")->phase, GMM_VM_READY);
	assert_int_equal(gmm_core_vm_named(core, "half")->phase, GMM_VM_CREATING);
	assert_int_equal(gmm_core_vm_named(core, "half")->spec.devices, DEVICES_FIRST);
	assert_null(gmm_core_vm_named(core, "gone"));
	assert_int_equal(core->nodes[0].zombies[0].vm, 3);
	assert_int_equal(core->event_sequence, 5);
	assert_int_equal(gmm_core_operation(core, 5)->kind, GMM_OPERATION_REGION_MOVE);
	/* Nobody wrote down when it began: with this manager, as far as that knows. */
	assert_int_equal(gmm_core_operation(core, 5)->started_ns, SECOND);
	free(core);
}

static void test_version_1_is_migrated(void **state)
{
	const struct store_migration *migration;
	struct place place;
	struct store *store;
	char copy[128];

	(void)state;
	place_version_1(&place);
	copy_path(&place, copy);
	store = opened(place.path);
	migration = store_migrated(store);
	assert_non_null(migration);
	assert_int_equal(migration->from, 1);
	assert_int_equal(migration->to, STORE_SCHEMA_VERSION);
	assert_string_equal(migration->copy, copy);
	assert_non_null(strstr(migration->changes, "operation.started_wall_ns"));
	loads(store);
	store_close(store);
	is_version_1(copy);

	/* Once is enough. */
	store = opened(place.path);
	assert_null(store_migrated(store));
	loads(store);
	store_close(store);
	place_remove(&place);
}

/* What the columns that came since then are: a stop that is under way has the usual time of grace. */
static void test_version_2_is_migrated(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	const struct gmm_operation *stop;
	struct place place;
	struct store *store;

	(void)state;
	place_copy(&place, VERSION_2, VERSION_2_BYTES);
	store = opened(place.path);
	assert_int_equal(store_migrated(store)->from, 2);
	assert_non_null(strstr(store_migrated(store)->changes, "operation.grace_ns"));
	load(store, core, NULL);
	assert_int_equal(gmm_core_vm_named(core, "runs")->spec.bandwidth_mbps, 400);
	assert_int_equal(gmm_core_vm_named(core, "runs")->spec.restart_max, 3);
	stop = gmm_core_operation(core, 3);
	assert_int_equal(stop->kind, GMM_OPERATION_VM_STOP);
	assert_true(stop->grace_ns == GMM_STOP_GRACE_MS_DEFAULT * UINT64_C(1000000) && stop->grace_until_ns == 0 && !stop->cancel);
	store_close(store);
	free(core);
	place_remove(&place);
}

/* A migrated store has the tables and columns of one that is new. */
static void migrated_is_as_new(const char *before, size_t bytes)
{
	static const char sql[] = "CREATE TEMP TABLE wrong (n CHECK (n = 0));"
				  "INSERT INTO wrong SELECT count(*) FROM (%s FROM main.%s EXCEPT %s FROM made.%s);"
				  "INSERT INTO wrong SELECT count(*) FROM (%s FROM made.%s EXCEPT %s FROM main.%s)";
	static const char columns[] = "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk";
	char attach[256], compare[2048], from[2][128];
	struct place place;

	place_copy(&place, before, bytes);
	store_close(opened(place.path));
	store_close(opened(place.other));
	for (int i = 0; i < 2; i++)
		snprintf(from[i], sizeof(from[i]), "sqlite_schema m, pragma_table_info(m.name, '%s') c WHERE m.type = 'table'", i ? "made" : "main");
	snprintf(compare, sizeof(compare), sql, columns, from[0], columns, from[1], columns, from[1], columns, from[0]);
	snprintf(attach, sizeof(attach), "ATTACH '%s' AS made;", place.other);
	memmove(compare + strlen(attach), compare, strlen(compare) + 1);
	memcpy(compare, attach, strlen(attach));
	run_sql(place.path, compare);
	assert_true(ask(place.path, "SELECT count(*) FROM sqlite_schema") > GMM_RECORD_KINDS);
	place_remove(&place);
}

static void test_migrated_is_as_new(void **state)
{
	(void)state;
	migrated_is_as_new(VERSION_1, VERSION_1_BYTES);
	migrated_is_as_new(VERSION_2, VERSION_2_BYTES);
}

/* --check looks only. */
static void test_check_changes_nothing(void **state)
{
	static uint8_t before[VERSION_1_BYTES], after[VERSION_1_BYTES];
	struct store_migration migration;
	char error[STORE_ERROR_BYTES], copy[128];
	struct place place;
	struct store *store;

	(void)state;
	place_version_1(&place);
	copy_path(&place, copy);
	read_file(place.path, before, sizeof(before));
	assert_int_equal(store_check(place.path, &migration, error), 0);
	assert_int_equal(migration.from, 1);
	assert_int_equal(migration.to, STORE_SCHEMA_VERSION);
	assert_string_equal(migration.copy, copy);
	assert_non_null(strstr(migration.changes, "operation.started_wall_ns"));
	read_file(place.path, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(access(copy, F_OK), -1);

	assert_int_equal(store_check(place.other, &migration, error), -ENOENT);
	/* While a manager runs, too. */
	store = opened(place.other);
	assert_int_equal(store_check(place.other, &migration, error), 0);
	assert_int_equal(migration.from, STORE_SCHEMA_VERSION);
	assert_string_equal(migration.changes, "");
	store_close(store);
	place_remove(&place);
}

/* ---------------------------------------------------------------- what can go wrong meanwhile */

static unsigned statements, statements_end;

static int count_statement(unsigned type, void *context, void *statement, void *sql)
{
	(void)type;
	(void)context;
	(void)statement;
	(void)sql;
	if (++statements == statements_end)
		raise(SIGKILL);
	return 0;
}

static int trace(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
	(void)message;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, NULL);
}

/* Open a store in a process that is killed when it begins the n-th statement. False: there are fewer. */
static bool open_and_die(const char *path, unsigned n)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char error[STORE_ERROR_BYTES];

		statements_end = n;
		sqlite3_auto_extension((void (*)(void))trace);
		_exit(store_open(path, &status, error) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void test_killed_at_each_statement(void **state)
{
	struct store_migration migration;
	char error[STORE_ERROR_BYTES];
	unsigned before = 0, after = 0;
	bool killed = true;

	(void)state;
	for (unsigned n = 1; killed; n++) {
		struct place place;
		struct store *store;

		place_version_1(&place);
		killed = open_and_die(place.path, n);
		assert_int_equal(store_check(place.path, &migration, error), 0);
		if (migration.from == 1) {
			is_version_1(place.path);
			before++;
		} else {
			assert_int_equal(migration.from, STORE_SCHEMA_VERSION);
			after++;
		}
		store = opened(place.path);
		assert_int_equal(store_migrated(store) != NULL, migration.from == 1);
		loads(store);
		store_close(store);
		place_remove(&place);
	}
	/* Both were met: while it is made ready, copied and changed, and while the manager's statements are made ready. */
	assert_true(before > 10 && after > 0);
}

/* Without a copy nothing is changed. */
static void test_no_copy_no_migration(void **state)
{
	char error[STORE_ERROR_BYTES], copy[128], inside[160];
	struct place place;
	struct store *store;
	int status;

	(void)state;
	place_version_1(&place);
	copy_path(&place, copy);
	snprintf(inside, sizeof(inside), "%s/in-the-way", copy);
	assert_int_equal(mkdir(copy, 0700), 0);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EISDIR);
	assert_non_null(strstr(error, "must be copied before it is migrated"));
	assert_non_null(strstr(error, copy));
	is_version_1(place.path);
	rmdir(inside);
	rmdir(copy);
	store = opened(place.path);
	loads(store);
	store_close(store);
	place_remove(&place);
}

static void test_newer_is_refused(void **state)
{
	struct store_migration migration;
	char error[STORE_ERROR_BYTES], newer[64];
	struct place place;
	int status;

	(void)state;
	place_version_1(&place);
	store_close(opened(place.other));
	snprintf(newer, sizeof(newer), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION + 1);
	run_sql(place.path, newer);
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EPROTO);
	assert_int_equal(store_check(place.path, &migration, error), -EPROTO);
	/* No manager of ours would start from it. */
	assert_int_equal(store_restore(place.other, place.path, error), -EPROTO);
	assert_int_equal(ask(place.path, "PRAGMA user_version"), STORE_SCHEMA_VERSION + 1);
	run_sql(place.path, "PRAGMA user_version = 0");
	assert_null(store_open(place.path, &status, error));
	assert_int_equal(status, -EUCLEAN);
	place_remove(&place);
}

/* A backup of an earlier version can be put back: the next start migrates it. */
static void test_old_backup(void **state)
{
	char error[STORE_ERROR_BYTES];
	struct place place;
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct store *store;

	(void)state;
	place_version_1(&place);
	store_close(opened(place.other));
	assert_int_equal(store_restore(place.other, place.path, error), 0);
	store = opened(place.other);
	assert_int_equal(store_migrated(store)->from, 1);
	load(store, core, NULL);
	assert_non_null(gmm_core_vm_named(core, "whole"));
	assert_int_equal(core->event_sequence, 1000005);
	store_close(store);
	free(core);
	place_remove(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1_is_migrated),
		cmocka_unit_test(test_version_2_is_migrated),
		cmocka_unit_test(test_migrated_is_as_new),
		cmocka_unit_test(test_check_changes_nothing),
		cmocka_unit_test(test_killed_at_each_statement),
		cmocka_unit_test(test_no_copy_no_migration),
		cmocka_unit_test(test_newer_is_refused),
		cmocka_unit_test(test_old_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
