// SPDX-License-Identifier: GPL-2.0-only
/* The tables of the store, and how a store of an earlier version gets those of ours (docs/store.md, Versions). */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gmm/store/internal.h"

#define APPLICATION_ID 0x504c4e4d	/* "PLNM" */

static int pragma_number(sqlite3 *db, const char *sql, int *number)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		*number = sqlite3_column_int(statement, 0);
	else
		code = sqlite3_errcode(db);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

int store_schema_version(sqlite3 *db, const char *path, char error[STORE_ERROR_BYTES])
{
	int version = 0, application = 0, tables = 0;

	if (pragma_number(db, "PRAGMA user_version", &version) || pragma_number(db, "PRAGMA application_id", &application) ||
	    pragma_number(db, "SELECT count(*) FROM sqlite_schema", &tables))
		return store_failed(db, path, error);
	if (version == 0 && tables == 0)
		return 0;
	if (application != APPLICATION_ID || version <= 0) {
		store_error(error, "%s is a database of something else", path);
		return -EUCLEAN;
	}
	if (version > STORE_SCHEMA_VERSION) {
		store_error(error, "%s was made by a newer gmmd (version %d of the store, this one knows %d); run that one", path, version,
			    STORE_SCHEMA_VERSION);
		return -EPROTO;
	}
	return version;
}

/* ---------------------------------------------------------------- steps */

/* What leads from one version to ours, a step at a time: its name, "table" or "table.column", and its SQL. Not 0: ends here. */
typedef int step_function(void *context, const char *name, const char *sql);

static void create_table_sql(enum gmm_record_kind kind, char sql[STORE_SQL_BYTES])
{
	int len = snprintf(sql, STORE_SQL_BYTES, "CREATE TABLE %s (slot INTEGER PRIMARY KEY", gmm_record_kind_name(kind));
	char definition[256];

	for (const struct column *column = store_columns(kind); column->name; column++) {
		store_column_definition(column, definition, sizeof(definition));
		len += snprintf(sql + len, STORE_SQL_BYTES - (unsigned)len, ", %s", definition);
		assert((unsigned)len < STORE_SQL_BYTES - 1);
	}
	snprintf(sql + len, STORE_SQL_BYTES - (unsigned)len, ")");
}

static int kind_steps(enum gmm_record_kind kind, int from, step_function *step, void *context)
{
	const char *table = gmm_record_kind_name(kind);
	char sql[STORE_SQL_BYTES], definition[256], name[128];
	int status = 0;

	if (store_table_since(kind) > from) {
		create_table_sql(kind, sql);
		return step(context, table, sql);
	}
	for (const struct column *column = store_columns(kind); column->name && !status; column++) {
		if (column->since <= from)
			continue;
		assert(column->initial);
		store_column_definition(column, definition, sizeof(definition));
		snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s", table, definition);
		snprintf(name, sizeof(name), "%s.%s", table, column->name);
		status = step(context, name, sql);
	}
	return status;
}

/* From 0: all of the schema. */
static int all_steps(int from, step_function *step, void *context)
{
	int status = 0;

	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS && !status; kind++)
		status = kind_steps((enum gmm_record_kind)kind, from, step, context);
	if (from > 0 || status)
		return status;
	status = step(context, "event", "CREATE TABLE event (sequence INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL,"
					" kind INTEGER NOT NULL, object TEXT NOT NULL, text TEXT NOT NULL)");
	return status ? status : step(context, "log", "CREATE TABLE log (sequence INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL,"
						      " kind TEXT NOT NULL, slot INTEGER, body TEXT)");
}

static int note_step(void *context, const char *name, const char *sql)
{
	struct store_migration *migration = context;
	size_t len = strlen(migration->changes), room = sizeof(migration->changes) - sizeof(" ...") - len;

	(void)sql;
	if ((size_t)snprintf(migration->changes + len, room, "%s%s", len ? ", " : "", name) < room)
		return 0;
	strcpy(migration->changes + len, " ...");
	return 1;
}

/* What would be done to a store of this version. */
static int plan(int from, const char *path, struct store_migration *migration, char error[STORE_ERROR_BYTES])
{
	*migration = (struct store_migration){ .from = from, .to = STORE_SCHEMA_VERSION };
	if (from == 0 || from == STORE_SCHEMA_VERSION)
		return 0;
	if (snprintf(migration->copy, sizeof(migration->copy), "%s.version-%d", path, from) >= (int)sizeof(migration->copy)) {
		store_error(error, "%s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	all_steps(from, note_step, migration);
	return 0;
}

/* ---------------------------------------------------------------- doing it */

struct execution {
	sqlite3 *db;
	char *error;
};

static int execute_step(void *context, const char *name, const char *sql)
{
	struct execution *execution = context;

	(void)name;
	return store_execute(execution->db, sql, execution->error);
}

/* One transaction: killed at any instant, the store is of the one version or of the other. */
static int change_schema(sqlite3 *db, int from, char error[STORE_ERROR_BYTES])
{
	struct execution execution = { db, error };
	char sql[160];
	int status = store_execute(db, "BEGIN IMMEDIATE", error);

	if (!status)
		status = all_steps(from, execute_step, &execution);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
		 STORE_SCHEMA_VERSION);
	if (!status)
		status = store_execute(db, sql, error);
	if (status)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

int store_schema_prepare(sqlite3 *db, const char *path, struct store_migration *migration, char error[STORE_ERROR_BYTES])
{
	char why[STORE_ERROR_BYTES];
	int version = store_schema_version(db, path, error), status;

	if (version < 0)
		return version;
	status = plan(version, path, migration, error);
	if (status || version == STORE_SCHEMA_VERSION)
		return status;
	/* A copy that is there was made by a migration that was killed, or by one that somebody has undone: this one is newer. */
	if (version && (status = store_copy(db, migration->copy, true, why))) {
		store_error(error, "the store is of version %d and must be copied before it is migrated: %.400s", version, why);
		return status;
	}
	return change_schema(db, version, error);
}

/* ---------------------------------------------------------------- looking only */

static int check_integrity(sqlite3 *db, const char *path, char error[STORE_ERROR_BYTES])
{
	sqlite3_stmt *statement = NULL;
	const char *word = NULL;
	int status = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL) != SQLITE_OK) {
		status = store_failed(db, path, error);
	} else if (sqlite3_step(statement) != SQLITE_ROW || !(word = (const char *)sqlite3_column_text(statement, 0)) ||
		   strcmp(word, "ok") != 0) {
		store_error(error, "%s is damaged: %.200s", path, word ? word : sqlite3_errmsg(db));
		status = -EUCLEAN;
	}
	sqlite3_finalize(statement);
	return status;
}

int store_check(const char *path, struct store_migration *migration, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = NULL;
	int status = 0;

	if (access(path, F_OK)) {
		status = -errno;
		store_error(error, "%s: %s", path, strerror(errno));
		return status;
	}
	/* What a crash interrupted in the file itself can only be taken back by somebody who may write; nothing else is written. */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
		status = store_failed(db, path, error);
	if (!status)
		status = check_integrity(db, path, error);
	if (!status)
		status = store_schema_version(db, path, error);
	if (status >= 0)
		status = plan(status, path, migration, error);
	sqlite3_close(db);
	return status;
}
