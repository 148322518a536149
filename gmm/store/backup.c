// SPDX-License-Identifier: GPL-2.0-only
/* Copies of the store: made while it is in use, put back while it is not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gmm/store/internal.h"

/* A name that was given lasts once its directory does. */
static int sync_directory(const char *path)
{
	char name[PATH_MAX];
	const char *end = strrchr(path, '/');
	int file, status;

	snprintf(name, sizeof(name), "%.*s", end ? (int)(end - path + 1) : 1, end ? path : ".");
	file = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = file < 0 || fsync(file) ? -errno : 0;
	if (file >= 0)
		close(file);
	return status;
}

static int copy_pages(sqlite3 *from, const char *path, char error[STORE_ERROR_BYTES])
{
	sqlite3 *to = NULL;
	sqlite3_backup *backup;
	int status = 0;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		status = store_failed(to, path, error);
	backup = status ? NULL : sqlite3_backup_init(to, "main", from, "main");
	/* What went wrong in a step is said by the end, and is the error of the connection that is written to. */
	if (backup)
		sqlite3_backup_step(backup, -1);
	if (!status && sqlite3_backup_finish(backup) != SQLITE_OK)
		status = store_failed(to, path, error);
	/* One file, not three: a backup is carried away. */
	if (!status && (!backup || sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK))
		status = store_failed(to, path, error);
	sqlite3_close(to);
	return status;
}

int store_copy(sqlite3 *from, const char *path, bool replace, char error[STORE_ERROR_BYTES])
{
	char part[PATH_MAX];
	int status;

	/* Under another name until it is finished. */
	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part)) {
		store_error(error, "%s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	if (!replace && access(path, F_OK) == 0) {
		store_error(error, "%s: is there already, and is never overwritten", path);
		return -EEXIST;
	}
	unlink(part);
	status = copy_pages(from, part, error);
	if (!status && (rename(part, path) || sync_directory(path))) {
		status = -errno;
		store_error(error, "%s: %s", path, strerror(errno));
	}
	if (status)
		unlink(part);
	return status;
}

int store_backup(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	return store_copy(store->db, path, false, error);
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
	struct store_migration migration;
	int status = store_check(backup, &migration, error);

	if (!status && migration.from == 0) {
		store_error(error, "%s is empty", backup);
		status = -EUCLEAN;
	}
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
		status = store_copy(from, path, false, error);
	sqlite3_close(from);
	return status ? status : skip_numbers(path, error);
}
