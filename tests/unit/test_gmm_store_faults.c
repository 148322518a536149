// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store on a disk that fails: every write, sync, truncation and making of a file that SQLite asks for fails once, or is the
 * last thing that the process does. An error is reported, and what was acknowledged is there at the next start.
 */
#include <signal.h>
#include <sys/wait.h>

#include "gmm/store/internal.h"
#include "tests/unit/gmm_store_fixture.h"

/* ---------------------------------------------------------------- a VFS over the real one */

/* What happens at the n-th change of a file, counted from 1; 0: nothing. */
enum fault { FAULT_NONE, FAULT_ONCE, FAULT_FROM_THEN_ON, FAULT_FULL, FAULT_TORN, FAULT_KILL };

static struct {
	sqlite3_vfs vfs, *real;
	enum fault fault;
	unsigned at, changes, failed;
} disk;

struct faulty_file {
	sqlite3_file file;
	sqlite3_file *real;		/* behind this struct */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

/* SQLITE_OK: it may be done. */
static int change(int code)
{
	if (disk.fault == FAULT_NONE)
		return SQLITE_OK;
	disk.changes++;
	if (disk.changes < disk.at || (disk.changes > disk.at && disk.fault != FAULT_FROM_THEN_ON && disk.fault != FAULT_FULL))
		return SQLITE_OK;
	if (disk.fault == FAULT_KILL)
		raise(SIGKILL);
	if (disk.fault == FAULT_TORN)	/* only writes are */
		return SQLITE_OK;
	disk.failed++;
	return disk.fault == FAULT_FULL && code == SQLITE_IOERR_WRITE ? SQLITE_FULL : code;
}

static int faulty_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), bytes, len, at);
}

static int faulty_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	int code;

	/* Half of it is on the disk when the machine stops. */
	if (disk.fault == FAULT_TORN && disk.changes + 1 == disk.at) {
		real_of(file)->pMethods->xWrite(real_of(file), bytes, len / 2, at);
		raise(SIGKILL);
	}
	code = change(SQLITE_IOERR_WRITE);
	return code ? code : real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
	int code = change(SQLITE_IOERR_TRUNCATE);

	return code ? code : real_of(file)->pMethods->xTruncate(real_of(file), bytes);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	/* It takes its time and makes no difference here: what a process wrote is there when it is dead. */
	return change(SQLITE_IOERR_FSYNC);
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), bytes);
}

static int faulty_lock(sqlite3_file *file, int lock)
{
	return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int faulty_unlock(sqlite3_file *file, int lock)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int faulty_reserved(sqlite3_file *file, int *reserved)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int faulty_control(sqlite3_file *file, int what, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int faulty_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int faulty_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **at)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, bytes, extend, at);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int faulty_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, .xClose = faulty_close, .xRead = faulty_read, .xWrite = faulty_write, .xTruncate = faulty_truncate,
		.xSync = faulty_sync, .xFileSize = faulty_size, .xLock = faulty_lock, .xUnlock = faulty_unlock,
		.xCheckReservedLock = faulty_reserved, .xFileControl = faulty_control, .xSectorSize = faulty_sector,
		.xDeviceCharacteristics = faulty_device, .xShmMap = faulty_shm_map, .xShmLock = faulty_shm_lock,
		.xShmBarrier = faulty_shm_barrier, .xShmUnmap = faulty_shm_unmap,
	};
	struct faulty_file *ours = (struct faulty_file *)file;
	int code = flags & SQLITE_OPEN_CREATE ? change(SQLITE_CANTOPEN) : SQLITE_OK;

	(void)vfs;
	file->pMethods = NULL;
	ours->real = (sqlite3_file *)(ours + 1);
	if (code)
		return code;
	code = disk.real->xOpen(disk.real, name, ours->real, flags, flags_out);
	if (code == SQLITE_OK)
		file->pMethods = &methods;
	else if (ours->real->pMethods)
		ours->real->pMethods->xClose(ours->real);
	return code;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	int code = change(SQLITE_IOERR_DELETE);

	(void)vfs;
	return code ? code : disk.real->xDelete(disk.real, name, sync);
}

static int use_faulty_disk(void **state)
{
	(void)state;
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "faulty";
	disk.vfs.szOsFile = (int)sizeof(struct faulty_file) + disk.real->szOsFile;
	disk.vfs.xOpen = faulty_open;
	disk.vfs.xDelete = faulty_delete;
	return sqlite3_vfs_register(&disk.vfs, 1);
}

static void set_fault(enum fault fault, unsigned at)
{
	disk.fault = fault;
	disk.at = at;
	disk.changes = disk.failed = 0;
}

/* ---------------------------------------------------------------- a manager's life in short */

/* What the operator asks for; each is acknowledged, or not. */
static int create(struct rack *rack, const char *name)
{
	struct gmm_vm_spec spec = vm_spec(name, 64, 1);
	char error[STORE_ERROR_BYTES];
	const struct gmm_mark *mark;
	uint64_t id = gmm_core_marked(rack->core, name, &mark, rack->now_ns);
	int status;

	/* As the daemon does it (api_answer.c): the key of the request is the VM's name. */
	if (id)
		return store_keep(rack->store, rack->core, error);
	status = store_command(rack->store, 1, "test", name, error);
	if (status)
		return status;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &id, rack->now_ns), 0);
	gmm_core_asked(rack->core, id, "test");
	gmm_core_mark(rack->core, id, name, (const uint8_t[GMM_DIGEST_BYTES]){ 7 });
	status = store_keep(rack->store, rack->core, error);
	assert_true(status <= 0 && (status == 0) == (gmm_core_dirty_count(rack->core) == 0));
	return status;
}

static struct rack *model(void)
{
	struct rack *rack = rack_new();

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	return rack;
}

/* A fresh core with what the store has. */
static void start(struct rack *rack, struct store *store)
{
	rack->store = store;
	rack->flight_count = 0;
	memset(rack->core, 0, sizeof(*rack->core));
	load(store, rack->core, NULL);
	for (uint32_t i = 0; i < rack->count; i++) {
		const struct gmm_node *node = &rack->core->nodes[i];

		assert_int_equal(gmm_core_node_add(rack->core, node->name, node->role, node->address, node->mac), node->id);
		rack_join(rack, node->id);
	}
}

static uint32_t operations_of(struct rack *rack, const char *key)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		count += rack->core->operations[i].kind != GMM_OPERATION_NONE && strcmp(rack->core->operations[i].mark.key, key) == 0;
	return count;
}

static const char *const vms[] = { "a", "b", "c" };
#define VMS (sizeof(vms) / sizeof(vms[0]))

/* Each request is sent again until it is acknowledged: then it has taken effect one time, whatever happened before. */
static void repeat_and_check(struct rack *rack, const char *path, unsigned acknowledged)
{
	set_fault(FAULT_NONE, 0);
	start(rack, opened(path));
	for (unsigned i = 0; i < acknowledged; i++)
		if (!gmm_core_vm_named(rack->core, vms[i]))
			fail_msg("VM %s was acknowledged, and is lost", vms[i]);
	for (unsigned i = 0; i < VMS; i++)
		assert_int_equal(create(rack, vms[i]), 0);
	store_close(rack->store);
	start(rack, opened(path));
	for (unsigned i = 0; i < VMS; i++) {
		assert_non_null(gmm_core_vm_named(rack->core, vms[i]));
		assert_int_equal(operations_of(rack, vms[i]), 1);
		assert_string_equal(rack->core->operations[i].who, "test");
	}
	assert_int_equal(rack->core->operation_id_next, VMS + 1);
	store_close(rack->store);
}

/* ---------------------------------------------------------------- failures */

/* A store with two nodes, made on a disk that works. */
static void make_store(struct place *place, struct rack *rack)
{
	set_fault(FAULT_NONE, 0);
	place_make(place);
	rack->store = opened(place->path);
	keep(rack);
	store_close(rack->store);
}

static void test_failing_while_opened(void **state)
{
	static const enum fault faults[] = { FAULT_ONCE, FAULT_FROM_THEN_ON, FAULT_FULL };
	char error[STORE_ERROR_BYTES];

	(void)state;
	for (unsigned f = 0; f < sizeof(faults) / sizeof(faults[0]); f++)
		for (unsigned n = 1, failed = 1; failed; n++) {
			struct store *store;
			struct place place;
			int status = 0;

			place_make(&place);
			set_fault(faults[f], n);
			error[0] = '\0';
			store = store_open(place.path, &status, error);
			failed = disk.failed;
			set_fault(FAULT_NONE, 0);
			if (store) {
				store_close(store);
			} else {
				assert_true(status < 0 && failed);
				assert_true(strlen(error) > 0);
			}
			store_close(opened(place.path));
			place_remove(&place);
			assert_true(n < 500);
		}
}

/* Requests on a disk that fails once, or from then on: refused or not acknowledged, but those that were acknowledged are there. */
static void test_failing_while_kept(void **state)
{
	static const enum fault faults[] = { FAULT_ONCE, FAULT_FROM_THEN_ON, FAULT_FULL };

	(void)state;
	for (unsigned f = 0; f < sizeof(faults) / sizeof(faults[0]); f++)
		for (unsigned n = 1, failed = 1; failed; n++) {
			struct rack *rack = model();
			unsigned acknowledged = 0;
			struct place place;

			make_store(&place, rack);
			start(rack, opened(place.path));
			set_fault(faults[f], n);
			while (acknowledged < VMS && create(rack, vms[acknowledged]) == 0)
				acknowledged++;
			failed = disk.failed;
			assert_true(acknowledged == VMS || failed);
			/* A sync that failed once may be followed by one that works: then nothing is lost without a crash, either. */
			if (faults[f] == FAULT_ONCE)
				while (acknowledged < VMS && create(rack, vms[acknowledged]) == 0)
					acknowledged++;
			set_fault(FAULT_NONE, 0);
			store_close(rack->store);
			repeat_and_check(rack, place.path, acknowledged);
			place_remove(&place);
			rack_free(rack);
			assert_true(n < 500);
		}
}

static void test_failing_while_backed_up(void **state)
{
	char error[STORE_ERROR_BYTES];

	(void)state;
	for (unsigned n = 1, failed = 1; failed; n++) {
		struct rack *rack = model();
		struct store_migration migration;
		struct place place;
		int status;

		make_store(&place, rack);
		rack->store = opened(place.path);
		set_fault(FAULT_ONCE, n);
		status = store_backup(rack->store, place.other, error);
		failed = disk.failed;
		set_fault(FAULT_NONE, 0);
		/* Whole, or not there. */
		assert_int_equal(access(place.other, F_OK), status ? -1 : 0);
		if (status)
			assert_true(failed && strlen(error) > 0);
		else
			assert_int_equal(store_check(place.other, &migration, error), 0);
		store_close(rack->store);
		repeat_and_check(rack, place.path, 0);
		place_remove(&place);
		rack_free(rack);
		assert_true(n < 500);
	}
}

/* A restore that fails leaves what was there beside it; done again, it is done. */
static void test_failing_while_restored(void **state)
{
	char error[STORE_ERROR_BYTES];

	(void)state;
	for (unsigned n = 1, failed = 1; failed; n++) {
		struct gmm_core *core = calloc(1, sizeof(*core));
		struct rack *rack = model();
		struct place place;
		struct store *store;
		int status;

		make_store(&place, rack);
		store = opened(place.path);
		assert_int_equal(store_backup(store, place.other, error), 0);
		store_close(store);
		set_fault(FAULT_ONCE, n);
		status = store_restore(place.path, place.other, error);
		failed = disk.failed;
		set_fault(FAULT_NONE, 0);
		if (status) {
			assert_true(failed && strlen(error) > 0);
			assert_int_equal(store_restore(place.path, place.other, error), 0);
		}
		store = opened(place.path);
		load(store, core, NULL);
		assert_int_equal(core->node_count, 2);
		assert_true(core->operation_id_next > 1000000);
		store_close(store);
		free(core);
		place_remove(&place);
		rack_free(rack);
		assert_true(n < 500);
	}
}

/* The store is of one version or the other, and the next start does what is left. */
static void test_failing_while_migrated(void **state)
{
	char error[STORE_ERROR_BYTES];

	(void)state;
	for (unsigned n = 1, failed = 1; failed; n++) {
		struct gmm_core *core = calloc(1, sizeof(*core));
		struct store_migration migration;
		struct place place;
		struct store *store;
		int status;

		set_fault(FAULT_NONE, 0);
		place_version_1(&place);
		set_fault(FAULT_ONCE, n);
		store = store_open(place.path, &status, error);
		failed = disk.failed;
		set_fault(FAULT_NONE, 0);
		if (store)
			store_close(store);
		else
			assert_true(failed && status < 0 && strlen(error) > 0);
		assert_int_equal(store_check(place.path, &migration, error), 0);
		assert_true(migration.from == 1 || migration.from == STORE_SCHEMA_VERSION);
		store = opened(place.path);
		assert_int_equal(store_migrated(store) != NULL, migration.from == 1);
		load(store, core, NULL);
		assert_non_null(gmm_core_vm_named(core, "whole"));
		store_close(store);
		free(core);
		place_remove(&place);
		assert_true(n < 500);
	}
}

/* ---------------------------------------------------------------- kills */

/* A manager in a process of its own that dies at the n-th change. How many requests it acknowledged; *killed: it did not come to its end. */
static unsigned live_and_die(struct rack *rack, const char *path, enum fault fault, unsigned n, bool *killed)
{
	unsigned acknowledged = 0;
	int pipes[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		set_fault(fault, n);
		start(rack, opened(path));
		for (unsigned i = 0; i < VMS; i++)
			if (create(rack, vms[i]) || write(pipes[1], "", 1) != 1)
				_exit(1);
		store_close(rack->store);
		_exit(0);
	}
	close(pipes[1]);
	while (read(pipes[0], &byte, 1) == 1)
		acknowledged++;
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	*killed = WIFSIGNALED(status);
	if (!*killed)
		assert_int_equal(WEXITSTATUS(status), 0);
	return acknowledged;
}

/* No acknowledged command is lost, none is applied twice, also for a client that sends its request again. */
static void test_killed_at_each_change(void **state)
{
	static const enum fault faults[] = { FAULT_KILL, FAULT_TORN };

	(void)state;
	for (unsigned f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		unsigned halves = 0;
		bool killed = true;

		/* Changes that are no writes are not torn: the process lives on. */
		for (unsigned n = 1; killed || (faults[f] == FAULT_TORN && n < 80); n++) {
			struct rack *rack = model();
			unsigned acknowledged;
			struct place place;

			make_store(&place, rack);
			acknowledged = live_and_die(rack, place.path, faults[f], n, &killed);
			assert_true(killed || acknowledged == VMS);
			halves += killed && acknowledged > 0 && acknowledged < VMS;
			repeat_and_check(rack, place.path, acknowledged);
			place_remove(&place);
			rack_free(rack);
			assert_true(n < 500);
		}
		assert_true(halves > 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failing_while_opened),
		cmocka_unit_test(test_failing_while_kept),
		cmocka_unit_test(test_failing_while_backed_up),
		cmocka_unit_test(test_failing_while_restored),
		cmocka_unit_test(test_failing_while_migrated),
		cmocka_unit_test(test_killed_at_each_change),
	};

	return cmocka_run_group_tests(tests, use_faulty_disk, NULL);
}
