// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rack's keys and how they are changed.
 *
 *	{1 in use} --rotate--> {1 in use, 2} --every node has them--> {2 in use, 1} --forget 1--> {2 in use}
 *
 * The file is written before anything else changes, so a manager that dies goes on where it was: of two keys, one whose id
 * is the next after the one in use is on its way in. Nodes hear the set at every join and whenever it changes (net/node/
 * rack_keys.h). A key is forgotten only when all nodes that are up have taken the step before; those that are down join with
 * the key that is still accepted, or after its end with what they are started with.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/client.h"

#define SPREAD_RETRY_NS UINT64_C(1000000000)
#define KEY_ID_MAX 255u

static uint8_t next_id(uint8_t id)
{
	return id == KEY_ID_MAX ? 1 : (uint8_t)(id + 1);
}

/* A key is on its way in. */
static bool spreading(const struct gmmd *gmmd)
{
	return gmmd->keys.count == 2 && gmmd->keys.ids[1] == next_id(gmmd->keys.ids[0]);
}

static void event(struct gmmd *gmmd, uint8_t id, const char *words)
{
	char object[NODE_NAME_BYTES];

	snprintf(object, sizeof(object), "key %u", id);
	gmm_core_event(gmmd->core, GMM_EVENT_KEY, object, words, gmmd->now_ns);
}

/* Keep `set` for good, and go by it. */
static int change_to(struct gmmd *gmmd, const struct secure_key_set *set, char error[CONFIG_ERROR_BYTES])
{
	int status = key_file_write(gmmd->config.key_file, set, error, CONFIG_ERROR_BYTES);

	if (status)
		return status;
	status = rack_keys_apply(gmmd->secure, set);
	if (status) {
		snprintf(error, CONFIG_ERROR_BYTES, "the keys could not be taken into use");
		return status;
	}
	gmmd->keys = *set;
	gmmd->keys_version++;
	return 0;
}

/* ---------------------------------------------------------------- to the nodes */

static void spread_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	struct key_spread *spread = &gmmd->spread[cookie & UINT32_MAX];

	(void)body;
	(void)len_bytes;
	spread->under_way = false;
	if (status == 0)
		spread->taken = (uint32_t)(cookie >> 32);
	else
		spread->retry_ns = now_ns + SPREAD_RETRY_NS;
}

static void spread_to(struct gmmd *gmmd, uint32_t index)
{
	struct key_spread *spread = &gmmd->spread[index];
	struct wire_rack_keys body;
	int status;

	status = rack_keys_seal(gmmd->endpoint, gmmd->sessions[index], &gmmd->keys, &body);
	if (status == 0)
		status = rack_call(gmmd, GMM_NODE_FIRST + index, WIRE_RACK_KEYS, &body, sizeof(body), spread_done,
				   (uint64_t)gmmd->keys_version << 32 | index);
	spread->under_way = status == 0;
	if (status)
		spread->retry_ns = gmmd->now_ns + SPREAD_RETRY_NS;
	secure_erase(&body, sizeof(body));
}

static bool taken_by_all(const struct gmmd *gmmd)
{
	for (uint32_t i = 0; i < gmmd->core->node_count; i++)
		if (gmmd->core->nodes[i].state == GMM_NODE_UP && gmmd->spread[i].taken != gmmd->keys_version)
			return false;
	return true;
}

static void use_the_new(struct gmmd *gmmd)
{
	const struct secure_key_set set = gmmd->keys;
	struct secure_key_set turned = { .count = 2, .ids = { set.ids[1], set.ids[0] } };
	char error[CONFIG_ERROR_BYTES];

	memcpy(turned.keys[0], set.keys[1], SECURE_KEY_BYTES);
	memcpy(turned.keys[1], set.keys[0], SECURE_KEY_BYTES);
	if (change_to(gmmd, &turned, error)) {
		log_line(LOG_ERROR, "the new rack key is not in use yet: %s", error);
		gmmd->keys_retry_ns = gmmd->now_ns + SPREAD_RETRY_NS;
		return;
	}
	event(gmmd, turned.ids[0], "in use; when all nodes' firmware has it, forget the one before");
}

void keys_node_joined(struct gmmd *gmmd, uint32_t index)
{
	gmmd->spread[index].taken = 0;
	gmmd->spread[index].retry_ns = 0;
}

void keys_turn(struct gmmd *gmmd)
{
	for (uint32_t i = 0; i < gmmd->core->node_count; i++) {
		const struct key_spread *spread = &gmmd->spread[i];

		if (gmmd->sessions[i] != GMMD_NO_SESSION && spread->taken != gmmd->keys_version && !spread->under_way &&
		    gmmd->now_ns >= spread->retry_ns)
			spread_to(gmmd, i);
	}
	rack_keys_watch(&gmmd->keys_watch, gmmd->secure, gmmd->endpoint, &gmmd->data, gmmd->now_ns);
	if (spreading(gmmd) && taken_by_all(gmmd) && gmmd->now_ns >= gmmd->keys_retry_ns)
		use_the_new(gmmd);
}

/* ---------------------------------------------------------------- the operator's commands */

static json_t *list(struct gmmd *gmmd)
{
	json_t *keys = json_array(), *waiting = json_array();

	for (uint32_t i = 0; i < gmmd->keys.count; i++)
		json_array_append_new(keys, json_pack("{s:i,s:s}", "id", gmmd->keys.ids[i], "state",
						      i == 0 ? "in use" : spreading(gmmd) ? "on its way to the nodes" : "still accepted"));
	for (uint32_t i = 0; i < gmmd->core->node_count; i++)
		if (gmmd->core->nodes[i].state == GMM_NODE_UP && gmmd->spread[i].taken != gmmd->keys_version)
			json_array_append_new(waiting, json_string(gmmd->core->nodes[i].name));
	return json_pack("{s:o,s:o}", "keys", keys, "nodes_waiting", waiting);
}

static void command_list(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	(void)arguments;
	client_result(client, list(gmmd));
}

static void command_rotate(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct secure_key_set set = gmmd->keys;
	char error[CONFIG_ERROR_BYTES];
	int status;

	(void)arguments;
	if (set.count == 2) {
		client_error(client, -EBUSY, spreading(gmmd) ? "a new key is on its way to the nodes; see 'gmm key list'" :
							    "the key before is still accepted; 'gmm key forget' ends that");
		return;
	}
	set.count = 2;
	set.ids[1] = next_id(set.ids[0]);
	udp_port_random(NULL, set.keys[1], sizeof(set.keys[1]));
	status = change_to(gmmd, &set, error);
	secure_erase(&set, sizeof(set));
	if (status) {
		client_error(client, status, "%s", error);
		return;
	}
	event(gmmd, gmmd->keys.ids[1], "new, on its way to the nodes");
	client_result(client, list(gmmd));
}

static void command_forget(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct secure_key_set set = gmmd->keys;
	char error[CONFIG_ERROR_BYTES], *rest;
	const char *text;
	unsigned long id;
	int status;

	if (!client_unpack(client, arguments, "{s:s}", "id", &text))
		return;
	id = strtoul(text, &rest, 10);
	if (text[0] < '0' || text[0] > '9' || *rest || id > KEY_ID_MAX) {
		client_error(client, -EINVAL, "%s is not the number of a key; 'gmm key list' shows them", text);
		return;
	}
	if (id == set.ids[0]) {
		client_error(client, -EBUSY, "key %lu is in use; 'gmm key rotate' makes another one", id);
		return;
	}
	if (set.count < 2 || id != set.ids[1]) {
		client_error(client, -ENOENT, "there is no key %lu; 'gmm key list' shows them", id);
		return;
	}
	/* A node that has not heard of the key in use would be locked out. */
	if (!taken_by_all(gmmd)) {
		client_error(client, -EBUSY, "not every node has taken the key in use yet; see 'gmm key list'");
		return;
	}
	set.count = 1;
	secure_erase(set.keys[1], sizeof(set.keys[1]));
	status = change_to(gmmd, &set, error);
	secure_erase(&set, sizeof(set));
	if (status) {
		client_error(client, status, "%s", error);
		return;
	}
	event(gmmd, (uint8_t)id, "forgotten");
	client_result(client, list(gmmd));
}

const struct client_command_entry key_commands[] = {
	{ "key.list", command_list, false },
	{ "key.rotate", command_rotate, true },
	{ "key.forget", command_forget, true },
	{ NULL, NULL, false },
};
