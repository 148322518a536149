/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores in directories of their own, for the tests of the manager's store. */
#ifndef PLENUM_TEST_GMM_STORE_FIXTURE_H
#define PLENUM_TEST_GMM_STORE_FIXTURE_H

#include <sqlite3.h>
#include <unistd.h>

#include "gmm/store/store.h"
#include "tests/unit/gmm_fixture.h"

struct place {
	char directory[64];
	char path[96];
	char other[96];
};

static inline void place_make(struct place *place)
{
	strcpy(place->directory, "/tmp/plenum-store-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/gmmd.db", place->directory);
	snprintf(place->other, sizeof(place->other), "%s/other.db", place->directory);
}

static inline void place_remove(struct place *place)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock", ".part", ".before-restore", ".version-1", ".version-1.part" };

	for (unsigned i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		for (int which = 0; which < 2; which++) {
			char name[160];

			snprintf(name, sizeof(name), "%s%s", which ? place->other : place->path, suffixes[i]);
			unlink(name);
		}
	assert_int_equal(rmdir(place->directory), 0);
}

static inline struct store *opened(const char *path)
{
	char error[STORE_ERROR_BYTES];
	int status;
	struct store *store = store_open(path, &status, error);

	if (!store)
		fail_msg("%s", error);
	return store;
}

static inline void keep(struct rack *rack)
{
	char error[STORE_ERROR_BYTES];

	if (store_keep(rack->store, rack->core, error))
		fail_msg("%s", error);
	assert_int_equal(gmm_core_dirty_count(rack->core), 0);
}

/* A store that does not load says why. */
static inline void load(struct store *store, struct gmm_core *core, const char *refusal)
{
	char error[STORE_ERROR_BYTES] = "";
	int status;

	gmm_core_init(core, &rack_config);
	status = store_load(store, core, SECOND, error);
	if (refusal ? status != -EUCLEAN || !strstr(error, refusal) : status != 0)
		fail_msg("status %d, '%s' and not '%s'", status, error, refusal ? refusal : "");
}

static inline void run_sql(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

#endif
