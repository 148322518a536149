/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of nodes, and of the manager itself: all of them, or those of what was refused, each with what it means. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/client.h"
#include "net/node/counters.h"

#define COUNTERS_BYTES_MAX (256u << 10)	/* of one node: more is not counters */
#define TRANSPORT_PREFIX "roce_"
#define REFUSALS_BYTES 16384u		/* every cause with the largest count */

static void ask(struct gmmd *gmmd, struct client *client);

/* The lines of `text` (which is taken apart) that count refusals of the transport and are not 0, each with its meaning. */
static json_t *refusals(char *text)
{
	static char out[REFUSALS_BYTES];
	size_t prefix = strlen(TRANSPORT_PREFIX), len = 0;
	char *rest = NULL;

	out[0] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *equals = strchr(line, '=');
		const char *meaning;

		if (!equals || strncmp(line, TRANSPORT_PREFIX, prefix) != 0 || strcmp(equals, "=0") == 0)
			continue;
		*equals = '\0';
		meaning = roce_refusal_meaning(line + prefix);
		if (meaning && len < sizeof(out))
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s=%s  %s\n", line + prefix, equals + 1, meaning);
	}
	return json_text(out);
}

static void answer(struct client *client)
{
	if (!client->text)
		client_result(client, json_text(""));
	else if (client->refusals_only)
		client_result(client, refusals(client->text));
	else
		client_result(client, json_text(client->text));
}

static void done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	struct client *client = client_by_id(gmmd, cookie);
	char *grown;

	(void)now_ns;
	if (!client || !client->turn)
		return;
	if (status || client->text_len_bytes + len_bytes > COUNTERS_BYTES_MAX) {
		client_error(client, status ? status : -EMSGSIZE, "the node does not answer with its counters: %s",
			     strerror(status ? -status : EMSGSIZE));
		return;
	}
	if (len_bytes == 0) {
		answer(client);
		return;
	}
	grown = realloc(client->text, client->text_len_bytes + len_bytes + 1);
	if (!grown) {
		client_error(client, -ENOMEM, "out of memory");
		return;
	}
	client->text = grown;
	memcpy(grown + client->text_len_bytes, body, len_bytes);
	client->text_len_bytes += len_bytes;
	grown[client->text_len_bytes] = '\0';
	ask(gmmd, client);
}

static void ask(struct gmmd *gmmd, struct client *client)
{
	struct wire_node_counters request = { .offset_bytes = (uint32_t)client->text_len_bytes };
	int status = rack_call(gmmd, client->node, WIRE_NODE_COUNTERS, &request, sizeof(request), done, client->id);

	if (status)
		client_error(client, status, "the node cannot be asked now: %s", strerror(-status));
}

/* The answer comes by done(), at the latest when the call's time limit passes. */
static void await(struct gmmd *gmmd, struct client *client)
{
	(void)gmmd;
	(void)client;
}

static void run_manager(struct gmmd *gmmd, struct client *client, json_t *arguments, bool refusals_only)
{
	const struct roce_counters *roce = roce_counters(gmmd->device);
	const struct secure_counters *secure = secure_counters(gmmd->secure);
	char *text;
	size_t len = 0;

	if (!client_unpack(client, arguments, "{}"))
		return;
	text = malloc(NODE_COUNTERS_BYTES_MAX + 1);
	if (!text) {
		client_error(client, -ENOMEM, "out of memory");
		return;
	}
#define APPEND_OF(prefix, from) (node_counters_append(text, NODE_COUNTERS_BYTES_MAX, &len, prefix, (from)));
#define APPEND_ROCE(name) APPEND_OF(TRANSPORT_PREFIX #name, roce->name)
#define APPEND_REFUSAL(name, meaning) APPEND_ROCE(name)
#define APPEND_SECURE(name) APPEND_OF("secure_" #name, secure->name)
	ROCE_REFUSALS(APPEND_REFUSAL)
	ROCE_COUNTERS(APPEND_ROCE)
	SECURE_COUNTERS(APPEND_SECURE)
	node_counters_append_rpc(text, NODE_COUNTERS_BYTES_MAX, &len, gmmd->endpoint);
	text[len] = '\0';
	client->text = text;
	client->text_len_bytes = len;
	client->refusals_only = refusals_only;
	answer(client);
}

static void run(struct gmmd *gmmd, struct client *client, json_t *arguments, bool refusals_only)
{
	struct gmm_node *node = client_node(gmmd, client, arguments);

	if (!node)
		return;
	if (node->state != GMM_NODE_UP) {
		client_error(client, -EBUSY, "%s is %s", node->name, gmm_node_state_name(node->state));
		return;
	}
	client->refusals_only = refusals_only;
	client->node = node->id;
	client->turn = await;
	ask(gmmd, client);
}

void run_node_counters(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	run(gmmd, client, arguments, false);
}

void run_node_refusals(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	run(gmmd, client, arguments, true);
}

void run_manager_counters(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	run_manager(gmmd, client, arguments, false);
}

void run_manager_refusals(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	run_manager(gmmd, client, arguments, true);
}
