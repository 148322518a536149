// SPDX-License-Identifier: GPL-2.0-only
/* Opening the store: one manager at a time, whole, of a version that we know. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gmm/store/internal.h"

#define BUSY_MS 2000			/* an operator's own look into the file */

void store_error(char error[STORE_ERROR_BYTES], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, STORE_ERROR_BYTES, format, arguments);
	va_end(arguments);
}

int store_failed(sqlite3 *db, const char *doing, char error[STORE_ERROR_BYTES])
{
	int system_errno = sqlite3_system_errno(db);

	store_error(error, "%s: %s%s%s", doing, sqlite3_errmsg(db), system_errno ? ", " : "", system_errno ? strerror(system_errno) : "");
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: case SQLITE_PERM: case SQLITE_CANTOPEN: return -EROFS;
	case SQLITE_BUSY: case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CORRUPT: case SQLITE_NOTADB: return -EUCLEAN;
	default: return system_errno == ENOSPC || system_errno == EDQUOT ? -ENOSPC : -EIO;
	}
}

int store_run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* ---------------------------------------------------------------- one manager at a time */

/* For the message to a second one; on a full disk it just does not know who. */
static void note_holder(int file)
{
	char holder[32];
	int len = snprintf(holder, sizeof(holder), "%d\n", (int)getpid());
	bool noted = ftruncate(file, 0) == 0 && pwrite(file, holder, (size_t)len, 0) == len;

	(void)noted;
}

static int take_lock(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	char name[PATH_MAX], holder[32] = "";
	ssize_t len;

	/* A file of its own: closing any descriptor of the database would end SQLite's own locks on it. */
	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name)) {
		store_error(error, "%s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	store->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock < 0) {
		int status = -errno;

		store_error(error, "%s: %s%s", name, strerror(-status), status == -ENOENT ? "; make its directory" : "");
		return status;
	}
	if (flock(store->lock, LOCK_EX | LOCK_NB)) {
		len = pread(store->lock, holder, sizeof(holder) - 1, 0);
		holder[len > 0 ? len : 0] = '\0';
		holder[strcspn(holder, "\n")] = '\0';
		store_error(error, "%s is in use by another gmmd (process %s); only one may run", path, holder[0] ? holder : "unknown");
		return -EBUSY;
	}
	note_holder(store->lock);
	return 0;
}

/* ---------------------------------------------------------------- the file */

int store_execute(sqlite3 *db, const char *sql, char error[STORE_ERROR_BYTES])
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_failed(db, "the store", error);
}

static int check_file(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	sqlite3_stmt *statement;
	const char *word = "it cannot be read";
	int status = 0;

	if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK)
		status = store_failed(store->db, path, error);
	else if (sqlite3_step(statement) != SQLITE_ROW || !(word = (const char *)sqlite3_column_text(statement, 0)) ||
		 strcmp(word, "ok") != 0)
		status = -EUCLEAN;
	if (status)
		store_error(error, "%s is damaged (%.200s); put a backup in its place: gmmd --config FILE --restore BACKUP", path,
			    word ? word : "no answer");
	sqlite3_finalize(statement);
	return status;
}

/* ---------------------------------------------------------------- statements */

static int prepare(struct store *store, sqlite3_stmt **statement, char error[STORE_ERROR_BYTES], const char *format, ...)
{
	char sql[STORE_SQL_BYTES];
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(sql, sizeof(sql), format, arguments) >= (int)sizeof(sql))
		abort();
	va_end(arguments);
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK)
		return 0;
	return store_failed(store->db, "the store", error);
}

static int prepare_kind(struct store *store, enum gmm_record_kind kind, char error[STORE_ERROR_BYTES])
{
	const char *table = gmm_record_kind_name(kind);
	char names[STORE_SQL_BYTES / 4], pairs[STORE_SQL_BYTES / 2], places[2 * STORE_COLUMNS_MAX + 1] = "";
	int status;

	store_column_names(kind, names, sizeof(names));
	store_column_pairs(kind, pairs, sizeof(pairs));
	for (const struct column *column = store_columns(kind); column->name; column++)
		strcat(places, ",?");
	status = prepare(store, &store->put[kind], error, "INSERT OR REPLACE INTO %s (slot, %s) VALUES (?%s)", table, names, places);
	if (!status)
		status = prepare(store, &store->remove[kind], error, "DELETE FROM %s WHERE slot = ?", table);
	if (!status)
		status = prepare(store, &store->log_put[kind], error,
				 "INSERT INTO log (wall_ns, kind, slot, body) SELECT ?, '%s', slot, json_object(%s) FROM %s WHERE slot = ?",
				 table, pairs, table);
	return status;
}

static int prepare_all(struct store *store, char error[STORE_ERROR_BYTES])
{
	int status = 0;

	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS && !status; kind++)
		status = prepare_kind(store, (enum gmm_record_kind)kind, error);
	if (status || (status = prepare(store, &store->begin, error, "BEGIN IMMEDIATE")) ||
	    (status = prepare(store, &store->commit, error, "COMMIT")) ||
	    (status = prepare(store, &store->rollback, error, "ROLLBACK")) ||
	    (status = prepare(store, &store->log_gone, error, "INSERT INTO log (wall_ns, kind, slot) VALUES (?, ?, ?)")) ||
	    (status = prepare(store, &store->log_command, error,
			      "INSERT INTO log (wall_ns, kind, body) VALUES (?, 'command', json_object('who', ?, 'what', ?))")))
		return status;
	return prepare(store, &store->event, error,
		       "INSERT OR REPLACE INTO event (sequence, wall_ns, kind, object, text) VALUES (?, ?, ?, ?, ?)");
}

/* ---------------------------------------------------------------- open, close */

static int open_database(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	int status;

	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return store_failed(store->db, path, error);
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, BUSY_MS);
	status = store_execute(store->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
				     " PRAGMA trusted_schema = OFF", error);
	if (!status)
		status = check_file(store, path, error);
	if (!status)
		status = store_schema_prepare(store->db, path, &store->migration, error);
	return status ? status : prepare_all(store, error);
}

struct store *store_open(const char *path, int *status, char error[STORE_ERROR_BYTES])
{
	struct store *store = calloc(1, sizeof(*store));

	*status = -ENOMEM;
	if (!store) {
		store_error(error, "out of memory");
		return NULL;
	}
	store->lock = -1;
	*status = take_lock(store, path, error);
	if (!*status)
		*status = open_database(store, path, error);
	if (!*status)
		return store;
	store_close(store);
	return NULL;
}

const struct store_migration *store_migrated(const struct store *store)
{
	return store->migration.changes[0] ? &store->migration : NULL;
}

void store_close(struct store *store)
{
	sqlite3_stmt *statement = NULL;

	while (store->db && (statement = sqlite3_next_stmt(store->db, NULL)))
		sqlite3_finalize(statement);
	sqlite3_close(store->db);
	if (store->lock >= 0)
		close(store->lock);
	free(store);
}
