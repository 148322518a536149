// SPDX-License-Identifier: GPL-2.0-only
/* Copies of the store: made while it is in use, put back while it is not. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gmm/store/internal.h"

/* Whole or not at all: under another name until it is finished. */
static int copy(sqlite3 *from, const char *path, char error[STORE_ERROR_BYTES])
{
	char part[PATH_MAX];
	sqlite3_backup *backup;
	sqlite3 *to = NULL;
	int status = 0;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part)) {
		store_error(error, "%s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	if (access(path, F_OK) == 0) {
		store_error(error, "%s: is there already, and is never overwritten", path);
		return -EEXIST;
	}
	unlink(part);
	if (sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
		status = store_failed(to, part, error);
	} else {
		backup = sqlite3_backup_init(to, "main", from, "main");
		if (!backup || sqlite3_backup_step(backup, -1) != SQLITE_DONE || sqlite3_backup_finish(backup) != SQLITE_OK ||
		    /* One file, not three: a backup is carried away. */
		    sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
			status = store_failed(to, part, error);
	}
	sqlite3_close(to);
	if (!status && rename(part, path)) {
		status = -errno;
		store_error(error, "%s: %s", path, strerror(errno));
	}
	if (status)
		unlink(part);
	return status;
}

int store_backup(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	return copy(store->db, path, error);
}

/* Would a manager start from it? */
static int check(const char *backup, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	const char *word = NULL;
	int status = 0;

	if (sqlite3_open_v2(backup, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL) != SQLITE_OK) {
		status = store_failed(db, backup, error);
	} else if (sqlite3_step(statement) != SQLITE_ROW || !(word = (const char *)sqlite3_column_text(statement, 0)) ||
		   strcmp(word, "ok") != 0) {
		store_error(error, "%s is damaged: %.200s", backup, word ? word : sqlite3_errmsg(db));
		status = -EUCLEAN;
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return status;
}

static int put_aside(const char *path, const char *suffix, char error[STORE_ERROR_BYTES])
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s%s", path, suffix) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s.before-restore%s", path, suffix) >= (int)sizeof(to)) {
		store_error(error, "%s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	if (rename(from, to) == 0 || errno == ENOENT)
		return 0;
	store_error(error, "%s: %s", from, strerror(errno));
	return -errno;
}

/* Numbers that were given after the backup was made are never given again: nodes may remember them (S3). */
static int skip_numbers(const char *path, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = NULL;
	int status = 0;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, "UPDATE meta SET operation_id_next = operation_id_next + 1000000,"
			     " event_sequence = event_sequence + 1000000", NULL, NULL, NULL) != SQLITE_OK)
		status = store_failed(db, path, error);
	sqlite3_close(db);
	return status;
}

int store_restore(const char *path, const char *backup, char error[STORE_ERROR_BYTES])
{
	struct store *running;
	sqlite3 *from = NULL;
	int status = check(backup, error);

	if (status)
		return status;
	/* Only the lock matters: a store too damaged to be opened is what a backup is for. */
	running = store_open(path, &status, error);
	if (running)
		store_close(running);
	if (status == -EBUSY)
		return status;
	status = put_aside(path, "", error);
	if (!status)
		status = put_aside(path, "-wal", error);
	if (!status)
		status = put_aside(path, "-shm", error);
	if (status)
		return status;
	if (sqlite3_open_v2(backup, &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		status = store_failed(from, backup, error);
	else
		status = copy(from, path, error);
	sqlite3_close(from);
	return status ? status : skip_numbers(path, error);
}
