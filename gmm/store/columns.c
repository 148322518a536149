// SPDX-License-Identifier: GPL-2.0-only
/* The fields of each kind of row, once: tables, statements, binding and reading all come from these lists. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gmm/store/internal.h"

/* A column that a later version of the schema added: what it is in rows of before, as SQL writes it (docs/store.md, Versions). */
#define FIELD_SINCE(since, initial, name, type, member) \
	{ name, type, offsetof(struct gmm_record, member), sizeof(((struct gmm_record *)0)->member), since, initial }
/* Of a table, since that is there. */
#define FIELD(name, type, member) FIELD_SINCE(1, NULL, name, type, member)

/* GMM_DIGEST_BYTES of 0 */
#define NO_DIGEST "x'0000000000000000000000000000000000000000000000000000000000000000'"

/* DEVICES_FIRST */
#define DEVICES_OF_BEFORE "15"
_Static_assert(DEVICES_FIRST == 15, "what VMs of before had");

static const struct column meta_columns[] = {
	FIELD("vm_id_next", COLUMN_U64, meta.vm_id_next),
	FIELD("operation_id_next", COLUMN_U64, meta.operation_id_next),
	FIELD("event_sequence", COLUMN_U64, meta.event_sequence),
	{ 0 },
};

static const struct column node_columns[] = {
	FIELD("name", COLUMN_TEXT, node.name),
	FIELD("role", COLUMN_U32, node.role),
	FIELD("address", COLUMN_U32, node.address),
	FIELD("mac", COLUMN_BYTES, node.mac),
	FIELD("incarnation", COLUMN_U64, node.incarnation),
	FIELD("capacity_pages", COLUMN_U64, node.capacity_pages),
	FIELD("admin", COLUMN_U32, node.admin),
	FIELD_SINCE(2, "0", "origin", COLUMN_U32, node.origin),
	FIELD_SINCE(2, "x'00000000000000000000000000000000'", "uuid", COLUMN_BYTES, node.uuid),
	FIELD_SINCE(2, "''", "domain", COLUMN_TEXT, node.domain),
	{ 0 },
};

static const struct column vm_columns[] = {
	FIELD("id", COLUMN_U64, vm.id),
	FIELD("name", COLUMN_TEXT, vm.spec.name),
	FIELD("phase", COLUMN_U32, vm.phase),
	FIELD("memory_bytes", COLUMN_U64, vm.spec.memory_bytes),
	FIELD("cache_bytes", COLUMN_U64, vm.spec.cache_bytes),
	FIELD("vcpus", COLUMN_U32, vm.spec.vcpus),
	FIELD("on_node", COLUMN_U32, vm.spec.on_node),
	FIELD("command_line", COLUMN_TEXT, vm.spec.command_line),
	FIELD("kernel", COLUMN_TEXT, vm.spec.kernel),
	FIELD("initrd", COLUMN_TEXT, vm.spec.initrd),
	FIELD("node", COLUMN_U32, vm.node),
	FIELD("state", COLUMN_U32, vm.state),
	FIELD("status", COLUMN_I32, vm.status),
	FIELD("reason", COLUMN_TEXT, vm.reason),
	FIELD("created_wall_ns", COLUMN_U64, vm.created_wall_ns),
	FIELD("changed_wall_ns", COLUMN_U64, vm.changed_wall_ns),
	FIELD_SINCE(2, "0", "cache_wanted_bytes", COLUMN_U64, vm.cache_wanted_bytes),
	FIELD_SINCE(2, "0", "bandwidth_mbps", COLUMN_U32, vm.spec.bandwidth_mbps),
	FIELD_SINCE(2, "0", "overcommit", COLUMN_U32, vm.spec.overcommit),
	FIELD_SINCE(3, "0", "spread", COLUMN_U32, vm.spec.spread),
	FIELD_SINCE(2, "0", "restart", COLUMN_U32, vm.spec.restart),
	FIELD_SINCE(2, "5", "restart_max", COLUMN_U32, vm.spec.restart_max),
	FIELD_SINCE(2, "600", "restart_window_s", COLUMN_U32, vm.spec.restart_window_s),
	FIELD_SINCE(2, "0", "wanted", COLUMN_U32, vm.wanted),
	FIELD_SINCE(2, "0", "looping", COLUMN_U32, vm.looping),
	FIELD_SINCE(2, "0", "restarts", COLUMN_U32, vm.restarts),
	FIELD_SINCE(2, "0", "restart_since_wall_ns", COLUMN_U64, vm.restart_since_wall_ns),
	FIELD_SINCE(3, DEVICES_OF_BEFORE, "devices", COLUMN_U32, vm.spec.devices),
	{ 0 },
};

static const struct column region_columns[] = {
	FIELD("vm", COLUMN_U64, region.vm),
	FIELD("vm_index", COLUMN_U32, region.index),
	FIELD("node", COLUMN_U32, region.node),
	FIELD("owner", COLUMN_U32, region.owner),
	FIELD("epoch", COLUMN_U32, region.epoch),
	FIELD("epoch_tried", COLUMN_U32, region.epoch_tried),
	FIELD("pages", COLUMN_U32, region.pages),
	FIELD("base", COLUMN_U64, region.base),
	FIELD("rkey", COLUMN_U32, region.rkey),
	FIELD("state", COLUMN_U32, region.state),
	{ 0 },
};

static const struct column zombie_columns[] = {
	FIELD("vm", COLUMN_U64, zombie.vm),
	{ 0 },
};

static const struct column operation_columns[] = {
	FIELD("id", COLUMN_U64, operation.id),
	FIELD("kind", COLUMN_U32, operation.kind),
	FIELD("vm", COLUMN_U32, operation.vm),
	FIELD("region", COLUMN_U32, operation.region),
	FIELD("process_node", COLUMN_U32, operation.process_node),
	FIELD("from_node", COLUMN_U32, operation.from_node),
	FIELD("parent", COLUMN_U64, operation.parent),
	FIELD("status", COLUMN_I32, operation.status),
	FIELD("reason", COLUMN_TEXT, operation.reason),
	FIELD_SINCE(2, "0", "started_wall_ns", COLUMN_U64, operation.started_wall_ns),
	FIELD_SINCE(2, "0", "parts", COLUMN_U32, operation.parts),
	FIELD_SINCE(2, "0", "regions_moved", COLUMN_U32, operation.regions_moved),
	FIELD_SINCE(2, "0", "pages_moved", COLUMN_U64, operation.moved.pages_moved),
	FIELD_SINCE(2, "0", "pages_zero", COLUMN_U64, operation.moved.pages_zero),
	FIELD_SINCE(2, "0", "pages_moved_again", COLUMN_U64, operation.moved.pages_moved_again),
	FIELD_SINCE(2, "0", "write_backs_mirrored", COLUMN_U64, operation.moved.write_backs_mirrored),
	FIELD_SINCE(2, "0", "bytes", COLUMN_U64, operation.moved.bytes),
	FIELD_SINCE(2, "0", "elapsed_ns", COLUMN_U64, operation.moved.elapsed_ns),
	FIELD_SINCE(2, "0", "fill_before_ns", COLUMN_U64, operation.moved.fill_before_ns),
	FIELD_SINCE(2, "0", "fill_ns", COLUMN_U64, operation.moved.fill_ns),
	FIELD_SINCE(2, "''", "who", COLUMN_TEXT, operation.who),
	FIELD_SINCE(2, "''", "key", COLUMN_TEXT, operation.mark.key),
	FIELD_SINCE(2, NO_DIGEST, "digest", COLUMN_BYTES, operation.mark.digest),
	FIELD_SINCE(3, "30000000000", "grace_ns", COLUMN_U64, operation.grace_ns),
	FIELD_SINCE(3, "0", "grace_until_wall_ns", COLUMN_U64, operation.grace_until_wall_ns),
	{ 0 },
};

static const struct column ended_columns[] = {
	FIELD("id", COLUMN_U64, ended.id),
	FIELD("number", COLUMN_U64, ended.number),
	FIELD("kind", COLUMN_U32, ended.kind),
	FIELD("status", COLUMN_I32, ended.status),
	FIELD("started_wall_ns", COLUMN_U64, ended.started_wall_ns),
	FIELD("ended_wall_ns", COLUMN_U64, ended.ended_wall_ns),
	FIELD("bytes", COLUMN_U64, ended.bytes),
	FIELD("object", COLUMN_TEXT, ended.object),
	FIELD("reason", COLUMN_TEXT, ended.reason),
	FIELD("who", COLUMN_TEXT, ended.who),
	FIELD("key", COLUMN_TEXT, ended.mark.key),
	FIELD("digest", COLUMN_BYTES, ended.mark.digest),
	{ 0 },
};

static const struct column health_columns[] = {
	FIELD("code", COLUMN_TEXT, health.code),
	FIELD("count", COLUMN_U32, health.count),
	FIELD("summary", COLUMN_TEXT, health.summary),
	FIELD("since_wall_ns", COLUMN_U64, health.since_wall_ns),
	FIELD("muted", COLUMN_U32, health.muted),
	FIELD("sticky", COLUMN_U32, health.sticky),
	FIELD("muted_count", COLUMN_U32, health.muted_count),
	FIELD("muted_wall_ns", COLUMN_U64, health.muted_wall_ns),
	FIELD("muted_until_wall_ns", COLUMN_U64, health.muted_until_wall_ns),
	FIELD("muted_by", COLUMN_TEXT, health.muted_by),
	{ 0 },
};

/* Each kind's table, and the version of the schema that added it. */
static const struct {
	const struct column *columns;
	int since;
} tables[GMM_RECORD_KINDS] = {
	[GMM_RECORD_META] = { meta_columns, 1 }, [GMM_RECORD_NODE] = { node_columns, 1 }, [GMM_RECORD_VM] = { vm_columns, 1 },
	[GMM_RECORD_REGION] = { region_columns, 1 }, [GMM_RECORD_ZOMBIE] = { zombie_columns, 1 },
	[GMM_RECORD_OPERATION] = { operation_columns, 1 }, [GMM_RECORD_ENDED] = { ended_columns, 2 },
	[GMM_RECORD_HEALTH] = { health_columns, 2 },
};

const struct column *store_columns(enum gmm_record_kind kind)
{
	assert(kind >= GMM_RECORD_META && kind < GMM_RECORD_KINDS);
	return tables[kind].columns;
}

int store_table_since(enum gmm_record_kind kind)
{
	assert(kind >= GMM_RECORD_META && kind < GMM_RECORD_KINDS);
	return tables[kind].since;
}

/* ---------------------------------------------------------------- SQL */

static void join(char *sql, size_t sql_bytes, const char *format, const struct column *column)
{
	size_t len = strlen(sql);
	int more;

	more = snprintf(sql + len, sql_bytes - len, "%s", len ? ", " : "");
	len += (size_t)more;
	more = snprintf(sql + len, sql_bytes - len, format, column->name, column->name);
	assert(more > 0 && (size_t)more < sql_bytes - len);
}

void store_column_names(enum gmm_record_kind kind, char *sql, size_t sql_bytes)
{
	sql[0] = '\0';
	for (const struct column *column = store_columns(kind); column->name; column++)
		join(sql, sql_bytes, "%s", column);
}

void store_column_definition(const struct column *column, char *sql, size_t sql_bytes)
{
	const char *type = column->type == COLUMN_TEXT ? "TEXT" : column->type == COLUMN_BYTES ? "BLOB" : "INTEGER";
	int len = snprintf(sql, sql_bytes, "%s %s NOT NULL%s%s", column->name, type, column->initial ? " DEFAULT " : "",
			   column->initial ? column->initial : "");

	assert(len > 0 && (size_t)len < sql_bytes);
}

void store_column_pairs(enum gmm_record_kind kind, char *sql, size_t sql_bytes)
{
	sql[0] = '\0';
	for (const struct column *column = store_columns(kind); column->name; column++)
		join(sql, sql_bytes, column->type == COLUMN_BYTES ? "'%s', hex(%s)" : "'%s', %s", column);
}

/* ---------------------------------------------------------------- values */

void store_bind(sqlite3_stmt *statement, int first, const struct gmm_record *record)
{
	for (const struct column *column = store_columns(record->kind); column->name; column++, first++) {
		const void *from = (const char *)record + column->offset;
		uint64_t wide;
		uint32_t narrow;
		int32_t negative;

		switch (column->type) {
		case COLUMN_U64:
			memcpy(&wide, from, sizeof(wide));
			sqlite3_bind_int64(statement, first, (sqlite3_int64)wide);
			break;
		case COLUMN_U32:
			memcpy(&narrow, from, sizeof(narrow));
			sqlite3_bind_int64(statement, first, narrow);
			break;
		case COLUMN_I32:
			memcpy(&negative, from, sizeof(negative));
			sqlite3_bind_int64(statement, first, negative);
			break;
		case COLUMN_TEXT:
			sqlite3_bind_text(statement, first, from, (int)strnlen(from, column->bytes), SQLITE_TRANSIENT);
			break;
		case COLUMN_BYTES:
			sqlite3_bind_blob(statement, first, from, (int)column->bytes, SQLITE_TRANSIENT);
			break;
		}
	}
}

static bool fetch_number(sqlite3_stmt *statement, int at, const struct column *column, void *to)
{
	sqlite3_int64 value = sqlite3_column_int64(statement, at);
	uint32_t narrow = (uint32_t)value;
	int32_t negative = (int32_t)value;

	if (sqlite3_column_type(statement, at) != SQLITE_INTEGER)
		return false;
	if (column->type == COLUMN_U64) {
		memcpy(to, &value, sizeof(value));
		return true;
	}
	if (column->type == COLUMN_U32) {
		memcpy(to, &narrow, sizeof(narrow));
		return value >= 0 && value <= UINT32_MAX;
	}
	memcpy(to, &negative, sizeof(negative));
	return value >= INT32_MIN && value <= INT32_MAX;
}

static bool fetch_bytes(sqlite3_stmt *statement, int at, const struct column *column, void *to)
{
	bool text = column->type == COLUMN_TEXT;
	const void *value = text ? (const void *)sqlite3_column_text(statement, at) : sqlite3_column_blob(statement, at);
	size_t len = (size_t)sqlite3_column_bytes(statement, at);

	if (sqlite3_column_type(statement, at) != (text ? SQLITE_TEXT : SQLITE_BLOB) || !value)
		return false;
	if (text ? len >= column->bytes || memchr(value, 0, len) : len != column->bytes)
		return false;
	memcpy(to, value, len);
	return true;
}

bool store_fetch(sqlite3_stmt *statement, int first, struct gmm_record *record, const char **name)
{
	for (const struct column *column = store_columns(record->kind); column->name; column++, first++) {
		void *to = (char *)record + column->offset;
		bool number = column->type != COLUMN_TEXT && column->type != COLUMN_BYTES;

		*name = column->name;
		if (!(number ? fetch_number : fetch_bytes)(statement, first, column, to))
			return false;
	}
	return true;
}
