// SPDX-License-Identifier: GPL-2.0-only
/* Commands under way: who asked for what, its answer, and who waits for an operation. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/client.h"

/* ---------------------------------------------------------------- answers */

static void turn_again(struct gmmd *gmmd, struct client *client);

static void refuse_for_good(struct client *client)
{
	json_decref(client->again_arguments);
	client->again_arguments = NULL;
	client->again = NULL;
}

static void forget_progress(struct client *client)
{
	client->turn = NULL;
	client->input = NULL;
	client->operation = 0;
	client->deadline_ns = 0;
	free(client->text);
	client->text = NULL;
	client->text_len_bytes = 0;
}

static void command_over(struct client *client)
{
	refuse_for_good(client);
	forget_progress(client);
}

void client_result(struct client *client, json_t *result)
{
	client->kind->answer(client, "result", result);
	command_over(client);
}

void client_would(struct client *client, json_t *words)
{
	client_result(client, json_pack("{s:b,s:o}", "dry_run", 1, "would", words));
}

void client_item(struct client *client, json_t *item)
{
	client->kind->answer(client, "item", item);
}

void client_error(struct client *client, int status, const char *format, ...)
{
	bool again = client->again && (status == -ENOSPC || status == -EBUSY);
	char message[CONFIG_ERROR_BYTES + 128];
	va_list arguments;

	if (again && client->kind->waits) {
		forget_progress(client);
		client->turn = turn_again;
		return;
	}
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (again)
		strncat(message, "; this manager has just started, and nodes are expected back: try again", sizeof(message) - strlen(message) - 1);
	client->kind->answer(client, "error", json_pack("{s:i,s:o}", "status", again ? -EAGAIN : status, "message", json_text(message)));
	command_over(client);
}

bool client_unpack(struct client *client, json_t *arguments, const char *format, ...)
{
	json_error_t error;
	va_list list;
	int status;

	va_start(list, format);
	status = json_vunpack_ex(arguments, &error, JSON_STRICT, format, list);
	va_end(list);
	if (status)
		client_error(client, -EINVAL, "bad arguments: %s", error.text);
	return status == 0;
}

struct client *client_by_id(struct gmmd *gmmd, uint64_t id)
{
	for (struct client *client = gmmd->clients; client; client = client->next)
		if (client->id == id && !client->dead)
			return client;
	return NULL;
}

json_t *json_node_name(const struct gmmd *gmmd, uint32_t id)
{
	const struct gmm_node *node = gmm_core_node(gmmd->core, id);

	return node ? json_string(node->name) : json_null();
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char clean[1024];

	if (value)
		return value;
	text_copy(clean, sizeof(clean), text, strlen(text));
	return json_string(clean);
}

/* ---------------------------------------------------------------- commands */

int client_log(struct gmmd *gmmd, const struct client *client, const char *name, json_t *arguments, char error[CONFIG_ERROR_BYTES])
{
	json_t *line = json_pack("{s:s,s:O}", "command", name, "arguments", arguments);
	char *what = line ? json_dumps(line, JSON_COMPACT) : NULL;
	int status = what ? keep_command(gmmd, client->who, what, error) : -ENOMEM;

	free(what);
	json_decref(line);
	if (status == -ENOMEM)
		snprintf(error, CONFIG_ERROR_BYTES, "out of memory");
	return status;
}

/* False: it cannot be kept, so it is not done, and the client was told. */
static bool log_command(struct gmmd *gmmd, struct client *client, const char *name, json_t *arguments)
{
	char error[CONFIG_ERROR_BYTES];
	int status = client_log(gmmd, client, name, arguments, error);

	if (status)
		client_error(client, status, "nothing was done: %s", error);
	return status == 0;
}

/*
 * A manager that has just started does not see the rack whole: for a moment a command would be refused for a node that is there.
 * The wait ends: each expected node joins, or is down after GMM_RETURN_MS.
 */
static void run(struct gmmd *gmmd, struct client *client, const struct client_command_entry *entry, json_t *arguments)
{
	client->again_expected = gmm_core_nodes_expected(gmmd->core);
	if (entry->changes && client->again_expected) {
		client->again = entry;
		client->again_arguments = json_incref(arguments);
	}
	entry->run(gmmd, client, arguments);
	if (client->operation) {
		refuse_for_good(client);
		gmm_core_asked(gmmd->core, client->operation, client->who);
	}
}

static void turn_again(struct gmmd *gmmd, struct client *client)
{
	const struct client_command_entry *entry = client->again;
	json_t *arguments;

	if (gmm_core_nodes_expected(gmmd->core) == client->again_expected)
		return;
	arguments = json_incref(client->again_arguments);
	client->turn = NULL;
	refuse_for_good(client);
	run(gmmd, client, entry, arguments);
	json_decref(arguments);
}

void client_run(struct gmmd *gmmd, struct client *client, const char *name, json_t *arguments)
{
	static const struct client_command_entry *const tables[] = {
		node_commands, vm_commands, key_commands, store_commands, health_commands, move_commands, operation_commands,
		balance_commands, machine_commands,
	};

	for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct client_command_entry *entry = tables[t]; entry->name; entry++)
			if (strcmp(entry->name, name) == 0) {
				/* A dry run decides nothing; commands that know none refuse it. */
				if (!entry->changes || json_is_true(json_object_get(arguments, "dry_run")) ||
				    log_command(gmmd, client, name, arguments))
					run(gmmd, client, entry, arguments);
				return;
			}
	client_error(client, -EINVAL, "unknown command '%s'", name);
}

static void finish_operations(struct gmmd *gmmd)
{
	struct gmm_finished finished;

	while (keep_turn(gmmd) && gmm_core_finished(gmmd->core, &finished)) {
		struct client *client = gmmd->clients;

		while (client && client->operation != finished.operation)
			client = client->next;
		if (!client)
			continue;
		if (finished.status)
			client_error(client, finished.status, "%s", finished.reason);
		else if (finished.kind == GMM_OPERATION_BENCH)
			client_result(client, json_pack("{s:o,s:I}", "latency", json_histogram(&finished.bench.latency), "elapsed_ns",
							(json_int_t)finished.bench.elapsed_ns));
		else if (finished.kind == GMM_OPERATION_REGION_MOVE || finished.kind == GMM_OPERATION_NODE_DRAIN ||
			 finished.kind == GMM_OPERATION_BALANCE)
			client_result(client, json_moved(&finished.moved, finished.regions_moved));
		else
			client_result(client, json_pack("{s:I}", "operation", (json_int_t)finished.operation));
	}
}

/* ---------------------------------------------------------------- the list */

void client_add(struct gmmd *gmmd, struct client *client, const struct client_kind *kind)
{
	client->kind = kind;
	client->id = ++gmmd->client_id_next;
	client->next = gmmd->clients;
	gmmd->clients = client;
}

void client_remove(struct gmmd *gmmd, struct client *client)
{
	for (struct client **link = &gmmd->clients; *link; link = &(*link)->next)
		if (*link == client) {
			*link = client->next;
			break;
		}
	command_over(client);
}

void clients_turn(struct gmmd *gmmd)
{
	finish_operations(gmmd);
	for (struct client **link = &gmmd->clients; *link;) {
		struct client *client = *link;

		if (client->turn && !client->dead)
			client->turn(gmmd, client);
		if (client->kind->flush)
			client->kind->flush(gmmd, client);
		if (client->dead) {
			*link = client->next;
			command_over(client);
			client->kind->gone(client);
		} else {
			link = &client->next;
		}
	}
}
