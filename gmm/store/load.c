// SPDX-License-Identifier: GPL-2.0-only
/* Reading the store into a fresh core. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/store/internal.h"

static int prepare(struct store *store, sqlite3_stmt **statement, const char *sql, char error[STORE_ERROR_BYTES])
{
	if (sqlite3_prepare_v2(store->db, sql, -1, statement, NULL) == SQLITE_OK)
		return 0;
	return store_failed(store->db, "the store cannot be read", error);
}

static int load_row(sqlite3_stmt *statement, struct gmm_core *core, enum gmm_record_kind kind, uint64_t now_ns,
		    char error[STORE_ERROR_BYTES])
{
	struct gmm_record record = { .kind = kind };
	sqlite3_int64 slot = sqlite3_column_int64(statement, 0);
	const char *column = "slot";

	if (slot < 0 || slot >= gmm_record_slots(kind) || !store_fetch(statement, 1, &record, &column)) {
		store_error(error, "the store's %s %lld makes no sense: column %s", gmm_record_kind_name(kind), (long long)slot, column);
		return -EUCLEAN;
	}
	record.slot = (uint32_t)slot;
	if (gmm_core_restore(core, &record, now_ns) == 0)
		return 0;
	store_error(error, "%s", core->refusal);
	return -EUCLEAN;
}

static int load_kind(struct store *store, struct gmm_core *core, enum gmm_record_kind kind, uint64_t now_ns,
		     char error[STORE_ERROR_BYTES])
{
	char sql[STORE_SQL_BYTES], names[STORE_SQL_BYTES / 2];
	sqlite3_stmt *statement;
	int status, code = SQLITE_DONE;

	store_column_names(kind, names, sizeof(names));
	snprintf(sql, sizeof(sql), "SELECT slot, %s FROM %s ORDER BY slot", names, gmm_record_kind_name(kind));
	status = prepare(store, &statement, sql, error);
	while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW)
		status = load_row(statement, core, kind, now_ns, error);
	if (!status && code != SQLITE_DONE)
		status = store_failed(store->db, "the store cannot be read", error);
	sqlite3_finalize(statement);
	return status;
}

static void copy_text(char *to, size_t bytes, const unsigned char *from)
{
	snprintf(to, bytes, "%s", from ? (const char *)from : "");
}

static int load_events(struct store *store, struct gmm_core *core, char error[STORE_ERROR_BYTES])
{
	sqlite3_stmt *statement;
	char sql[160];
	int status;

	snprintf(sql, sizeof(sql), "SELECT sequence, wall_ns, kind, object, text FROM event ORDER BY sequence DESC LIMIT %u",
		 GMM_EVENTS_MAX);
	status = prepare(store, &statement, sql, error);
	while (!status && sqlite3_step(statement) == SQLITE_ROW) {
		struct gmm_event event = {
			.sequence = (uint64_t)sqlite3_column_int64(statement, 0),
			.time_ns = (uint64_t)sqlite3_column_int64(statement, 1) - core->config.wall_offset_ns,
			.kind = (enum gmm_event_kind)sqlite3_column_int(statement, 2),
		};

		if (event.kind < GMM_EVENT_NODE || event.kind > GMM_EVENT_WARNING)
			event.kind = GMM_EVENT_WARNING;
		copy_text(event.object, sizeof(event.object), sqlite3_column_text(statement, 3));
		copy_text(event.text, sizeof(event.text), sqlite3_column_text(statement, 4));
		gmm_core_restore_event(core, &event);
	}
	sqlite3_finalize(statement);
	return status;
}

int store_load(struct store *store, struct gmm_core *core, uint64_t now_ns, char error[STORE_ERROR_BYTES])
{
	int status = 0;

	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS && !status; kind++)
		status = load_kind(store, core, (enum gmm_record_kind)kind, now_ns, error);
	if (!status)
		status = load_events(store, core, error);
	store->events_kept = core->event_sequence;
	if (!status && gmm_core_restored(core, now_ns)) {
		store_error(error, "%s", core->refusal);
		status = -EUCLEAN;
	}
	return status;
}
