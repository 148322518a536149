/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the SQLite store only. */
#ifndef PLENUM_GMM_STORE_INTERNAL_H
#define PLENUM_GMM_STORE_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "gmm/store/store.h"

#define STORE_SCHEMA_VERSION 3
#define STORE_SQL_BYTES 8192u
#define STORE_COLUMNS_MAX 48u

enum column_type { COLUMN_U32, COLUMN_I32, COLUMN_U64, COLUMN_TEXT, COLUMN_BYTES };

/* One field of struct gmm_record and the column it stands in. */
struct column {
	const char *name;		/* NULL: the list ends */
	enum column_type type;
	size_t offset;
	size_t bytes;
	int since;			/* version of the schema that added it */
	const char *initial;		/* SQL literal: what it is in rows of older versions; NULL: since the first */
};

/* columns.c: everything that knows the fields. */
const struct column *store_columns(enum gmm_record_kind kind);
/* Version of the schema that added the table. */
int store_table_since(enum gmm_record_kind kind);
/* "a, b, c" */
void store_column_names(enum gmm_record_kind kind, char *sql, size_t sql_bytes);
/* "a INTEGER NOT NULL DEFAULT 0", for CREATE TABLE and ALTER TABLE */
void store_column_definition(const struct column *column, char *sql, size_t sql_bytes);
/* Pairs for json_object(): "'a', a, 'b', b"; bytes as hex. */
void store_column_pairs(enum gmm_record_kind kind, char *sql, size_t sql_bytes);
void store_bind(sqlite3_stmt *statement, int first, const struct gmm_record *record);
/* The record of the current row, columns from `first` on. False: *column is out of range. */
bool store_fetch(sqlite3_stmt *statement, int first, struct gmm_record *record, const char **column);

struct store {
	sqlite3 *db;
	int lock;			/* file, locked as long as we are here */
	uint64_t events_kept;		/* sequence of the last one */
	uint64_t log_rows;		/* written since the log was last cut */
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *put[GMM_RECORD_KINDS], *remove[GMM_RECORD_KINDS];
	sqlite3_stmt *log_put[GMM_RECORD_KINDS], *log_gone, *log_command;
	sqlite3_stmt *event;
	struct store_migration migration;	/* as it was opened */
};

/* store.c */
__attribute__((format(printf, 2, 3))) void store_error(char error[STORE_ERROR_BYTES], const char *format, ...);
/* What SQLite last said, as a negative errno and a line. */
int store_failed(sqlite3 *db, const char *doing, char error[STORE_ERROR_BYTES]);
/* Run a statement that returns no rows; it is ready to be run again. An SQLite code. */
int store_run(sqlite3_stmt *statement);
/* SQL without results. 0, or as store_failed(). */
int store_execute(sqlite3 *db, const char *sql, char error[STORE_ERROR_BYTES]);

/* schema.c */
/* The schema's version of a store; 0: the file is empty. Negative, and `error`: it is not a store, or of no version that we know. */
int store_schema_version(sqlite3 *db, const char *path, char error[STORE_ERROR_BYTES]);
/* Make the tables, or bring them to our version; *migration says what was done. */
int store_schema_prepare(sqlite3 *db, const char *path, struct store_migration *migration, char error[STORE_ERROR_BYTES]);

/* backup.c */
/* Copy to `path`, whole or not at all; `replace`: over a file that is there, else -EEXIST. */
int store_copy(sqlite3 *from, const char *path, bool replace, char error[STORE_ERROR_BYTES]);

#endif
