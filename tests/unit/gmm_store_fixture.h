/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores in directories of their own, for the tests of the manager's store. */
#ifndef PLENUM_TEST_GMM_STORE_FIXTURE_H
#define PLENUM_TEST_GMM_STORE_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
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
	DIR *directory = opendir(place->directory);
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
	closedir(directory);
	assert_int_equal(rmdir(place->directory), 0);
}

/*
 * What gmmd of schema version 1 left behind, by `gmm backup`: nodes p1, m1, m2; VM "whole" with a region that moves, VM "half" that is
 * being made, a bench under way, a zombie, and "gone", which was destroyed.
 */
#define VERSION_1 "tests/unit/data/store-version-1.db"
#define VERSION_1_BYTES 45056

/* Version 2: nodes p1, m1; VM "runs", restarted always, at most 3 times in 60 s, 400 Mbit/s reserved, which is being stopped. */
#define VERSION_2 "tests/unit/data/store-version-2.db"
#define VERSION_2_BYTES 53248

static inline void read_file(const char *path, uint8_t *bytes, size_t count)
{
	FILE *file = fopen(path, "r");

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(fread(bytes, 1, count, file), count);
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
}

static inline void place_copy(struct place *place, const char *from, size_t count)
{
	static uint8_t bytes[VERSION_2_BYTES];
	FILE *file;

	read_file(from, bytes, count);
	place_make(place);
	file = fopen(place->path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
}

static inline void place_version_1(struct place *place)
{
	place_copy(place, VERSION_1, VERSION_1_BYTES);
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
