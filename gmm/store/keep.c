// SPDX-License-Identifier: GPL-2.0-only
/* Writing: each call is one transaction, so a crash at any instant leaves all of it or none (S2). */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "gmm/store/internal.h"

#define CUT_EACH_ROWS 1000u

static int keep_row(struct store *store, const struct gmm_record *record, uint64_t wall_ns)
{
	sqlite3_stmt *change = record->gone ? store->remove[record->kind] : store->put[record->kind];
	sqlite3_stmt *log = record->gone ? store->log_gone : store->log_put[record->kind];
	int code;

	sqlite3_bind_int64(change, 1, record->slot);
	if (!record->gone)
		store_bind(change, 2, record);
	code = store_run(change);
	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_int64(log, 1, (sqlite3_int64)wall_ns);
	if (record->gone) {
		sqlite3_bind_text(log, 2, gmm_record_kind_name(record->kind), -1, SQLITE_STATIC);
		sqlite3_bind_int64(log, 3, record->slot);
	} else {
		sqlite3_bind_int64(log, 2, record->slot);
	}
	store->log_rows++;
	return store_run(log);
}

static int keep_events(struct store *store, const struct gmm_core *core, uint64_t *kept)
{
	const struct gmm_event *event;
	int code = SQLITE_OK;

	*kept = store->events_kept;
	while (code == SQLITE_OK && (event = gmm_core_event_after(core, *kept))) {
		sqlite3_bind_int64(store->event, 1, (sqlite3_int64)event->sequence);
		sqlite3_bind_int64(store->event, 2, (sqlite3_int64)(event->time_ns + core->config.wall_offset_ns));
		sqlite3_bind_int64(store->event, 3, event->kind);
		sqlite3_bind_text(store->event, 4, event->object, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(store->event, 5, event->text, -1, SQLITE_TRANSIENT);
		code = store_run(store->event);
		*kept = event->sequence;
	}
	return code;
}

/* What was written longest ago goes, now and then. */
static int cut(struct store *store)
{
	char sql[256];

	sqlite3_snprintf(sizeof(sql), sql,
			 "DELETE FROM log WHERE sequence <= (SELECT max(sequence) FROM log) - %d;"
			 "DELETE FROM event WHERE sequence <= (SELECT max(sequence) FROM event) - %d", STORE_LOG_ROWS_MAX,
			 STORE_EVENTS_MAX);
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

static int fail(struct store *store, char error[STORE_ERROR_BYTES])
{
	int status = store_failed(store->db, "the store cannot be written", error);

	/* SQLite has ended the transaction itself after some errors. */
	if (!sqlite3_get_autocommit(store->db))
		store_run(store->rollback);
	return status;
}

static uint64_t wall_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int store_keep(struct store *store, struct gmm_core *core, char error[STORE_ERROR_BYTES])
{
	uint32_t count = gmm_core_dirty_count(core);
	uint64_t wall_ns = wall_now_ns(), kept = store->events_kept;
	struct gmm_record record;
	int code;

	if (count == 0)
		return 0;
	code = store_run(store->begin);
	for (uint32_t i = 0; i < count && code == SQLITE_OK; i++) {
		gmm_core_dirty(core, i, &record);
		code = keep_row(store, &record, wall_ns);
	}
	if (code == SQLITE_OK)
		code = keep_events(store, core, &kept);
	if (code == SQLITE_OK && store->log_rows >= CUT_EACH_ROWS)
		code = cut(store);
	if (code == SQLITE_OK)
		code = store_run(store->commit);
	if (code != SQLITE_OK)
		return fail(store, error);
	if (store->log_rows >= CUT_EACH_ROWS)
		store->log_rows = 0;
	store->events_kept = kept;
	gmm_core_kept(core);
	return 0;
}

int store_command(struct store *store, uint64_t wall_ns, const char *who, const char *what, char error[STORE_ERROR_BYTES])
{
	sqlite3_bind_int64(store->log_command, 1, (sqlite3_int64)wall_ns);
	sqlite3_bind_text(store->log_command, 2, who, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(store->log_command, 3, what, -1, SQLITE_TRANSIENT);
	return store_run(store->log_command) == SQLITE_OK ? 0 : fail(store, error);
}
