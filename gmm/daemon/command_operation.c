// SPDX-License-Identifier: GPL-2.0-only
/* operation.list and operation.show: what is under way, and what became of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/client.h"
#include "gmm/daemon/http_status.h"

#define WAIT_S_MAX 300.0

/* null: another operation wanted it. */
static json_t *json_who(const char *who)
{
	return who[0] ? json_text(who) : json_null();
}

static json_t *running(const struct gmmd *gmmd, const struct gmm_operation *operation)
{
	uint32_t done, total;
	const char *step = gmm_operation_progress(operation, &done, &total);

	return json_pack("{s:I,s:s,s:o,s:o,s:I,s:s,s:n,s:o,s:n,s:{s:s,s:I,s:I}}", "id", (json_int_t)operation->id,
			 "kind", gmm_operation_kind_name(operation->kind), "object", json_text(operation->object),
			 "requested_by", json_who(operation->who), "bytes_moved", (json_int_t)operation->moved.bytes, "status", "running", "error", "started_at", json_wall_time(gmmd, operation->started_ns), "ended_at",
			 "progress", "step", step, "done", (json_int_t)done, "total", (json_int_t)total);
}

static json_t *over(const struct gmmd *gmmd, const struct gmm_ended *ended)
{
	json_t *error = json_null();

	if (ended->status)
		error = json_pack("{s:s,s:i,s:o}", "code", http_error_of_status(ended->status)->code, "status", (int)ended->status,
				  "message", json_text(ended->reason));
	return json_pack("{s:I,s:s,s:o,s:o,s:I,s:s,s:o,s:o,s:o,s:n}", "id", (json_int_t)ended->id,
			 "kind", gmm_operation_kind_name(ended->kind), "object", json_text(ended->object),
			 "requested_by", json_who(ended->who), "bytes_moved", (json_int_t)ended->bytes, "status", ended->status ? "failed" : "succeeded", "error", error,
			 "started_at", json_wall_time(gmmd, ended->started_ns), "ended_at", json_wall_time(gmmd, ended->ended_ns),
			 "progress");
}

json_t *json_operation(struct gmmd *gmmd, uint64_t id)
{
	const struct gmm_operation *operation = gmm_core_operation(gmmd->core, id);
	const struct gmm_ended *ended = operation ? NULL : gmm_core_ended(gmmd->core, id);

	return operation ? running(gmmd, operation) : ended ? over(gmmd, ended) : NULL;
}

static void run_list(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const struct gmm_ended *ended;
	json_t *array;

	if (!client_unpack(client, arguments, "{}"))
		return;
	array = json_array();
	for (ended = gmm_core_ended_after(gmmd->core, 0); ended; ended = gmm_core_ended_after(gmmd->core, ended->number))
		json_array_append_new(array, over(gmmd, ended));
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (gmmd->core->operations[i].kind != GMM_OPERATION_NONE)
			json_array_append_new(array, running(gmmd, &gmmd->core->operations[i]));
	client_result(client, array);
}

static void show_turn(struct gmmd *gmmd, struct client *client)
{
	bool under_way = gmm_core_operation(gmmd->core, client->wanted_operation) != NULL;
	json_t *object;

	if (under_way && gmmd->now_ns < client->deadline_ns)
		return;
	object = json_operation(gmmd, client->wanted_operation);
	if (object)
		client_result(client, object);
	else
		client_error(client, -ENOENT, "operation %llu ended so long ago that it is forgotten",
			     (unsigned long long)client->wanted_operation);
}

static void run_show(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	unsigned long long id;
	const char *text;
	double wait_s = 0;
	char *rest;

	if (!client_unpack(client, arguments, "{s:s,s?F}", "id", &text, "wait_s", &wait_s))
		return;
	errno = 0;
	id = strtoull(text, &rest, 10);
	if (text[0] < '0' || text[0] > '9' || *rest || errno) {
		client_error(client, -EINVAL, "%s is not the number of an operation; 'gmm operation list' shows them", text);
		return;
	}
	if (!(wait_s >= 0 && wait_s <= WAIT_S_MAX)) {
		client_error(client, -EINVAL, "wait must be 0 to %.0f seconds", WAIT_S_MAX);
		return;
	}
	if (!gmm_core_operation(gmmd->core, id) && !gmm_core_ended(gmmd->core, id)) {
		client_error(client, -ENOENT, "there is no operation %llu, or it ended long ago; 'gmm operation list' shows them", id);
		return;
	}
	client->wanted_operation = id;
	client->deadline_ns = gmmd->now_ns + (uint64_t)(wait_s * 1e9);
	client->turn = show_turn;
}

const struct client_command_entry operation_commands[] = {
	{ "operation.list", run_list, false },
	{ "operation.show", run_show, false },
	{ NULL, NULL, false },
};
