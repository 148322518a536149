// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <plenum/status.h>

#include "gmm/core/record.h"
#include "testbed/sim/membership.h"

#define PATH_MTU_BYTES 4096u
#define GRACE_MS 10000u
#define LOAD_TIMEOUT_MS 60000u
#define MEMBER_PAGES 1024u
#define MANAGER_PENDING_MAX 64u
#define MANAGER_HANDSHAKES_MAX 4096u	/* answered in two epochs: a whole rack that joins at once */

static uint64_t incarnation_of(struct node *node)
{
	return sim_random(&node->random) | 1;
}

static void random_bytes(void *context, void *bytes, size_t len)
{
	struct node *node = context;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = (uint8_t)sim_random(&node->random);
}

/* Every node of the rack knows its key. */
static struct secure *secure_of(struct node *node, uint32_t handshakes_max)
{
	static const uint8_t key[SECURE_KEY_BYTES] = "the key of the simulated rack";
	const struct secure_config config = { .address = node->address, .replays_max = handshakes_max,
					      .environment = { .random = random_bytes, .context = node } };
	struct secure *secure = secure_create(sim_alloc(secure_bytes(&config)), &config, node_now_ns(node));

	if (secure == NULL || secure_key_add(secure, 1, key) != 0)
		world_fail(node->network->world, "node %u has no key", node->number);
	return secure;
}

/* ---------------------------------------------------------------- requests to the manager */

static uint32_t index_of_session(const struct manager *manager, uint32_t session)
{
	for (uint32_t i = 0; i < manager->core->node_count; i++)
		if (manager->sessions[i] == session)
			return i;
	return GMM_NONE;
}

static void close_later(struct manager *manager, uint32_t session)
{
	if (manager->closing_count < 2 * manager->members_max)
		manager->closing[manager->closing_count++] = session;
}

static void serve_join(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct manager *manager = context;
	struct wire_node_joined joined;
	struct wire_node_join join;
	uint32_t index;
	int status;

	memcpy(&join, request->body, sizeof(join));
	status = gmm_core_join(manager->core, &join, request->remote_address, &joined, now_ns);
	if (status != 0) {
		rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
		return;
	}
	index = joined.node - GMM_NODE_FIRST;
	if (manager->sessions[index] != MANAGER_NO_SESSION && manager->sessions[index] != request->session)
		close_later(manager, manager->sessions[index]);
	manager->sessions[index] = request->session;
	manager->joins++;
	rpc_reply(endpoint, request->token, 0, &joined, sizeof(joined), now_ns);
}

static void serve_renew(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct manager *manager = context;
	uint32_t index = index_of_session(manager, request->session);
	struct wire_node_renew renew;
	int status = -ENOENT;

	memcpy(&renew, request->body, sizeof(renew));
	if (index != GMM_NONE)
		status = gmm_core_renew(manager->core, GMM_NODE_FIRST + index, &renew, now_ns);
	manager->renewals += status == 0;
	rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
}

static const struct rpc_type manager_types[] = {
	{ .type = WIRE_NODE_JOIN, .len_bytes_min = sizeof(struct wire_node_join), .len_bytes_max = RPC_BODY_BYTES_MAX,
	  .handler = serve_join },
	{ .type = WIRE_NODE_RENEW, .len_bytes_min = sizeof(struct wire_node_renew), .len_bytes_max = RPC_BODY_BYTES_MAX,
	  .handler = serve_renew },
	{ .type = 0 },
};

static void manager_session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct manager *manager = context;
	uint32_t index = index_of_session(manager, session);

	if (index == GMM_NONE && event == RPC_SESSION_DOWN)
		close_later(manager, session);
	if (index != GMM_NONE && event == RPC_SESSION_RESET) {
		gmm_core_reset(manager->core, GMM_NODE_FIRST + index, now_ns);
		manager->sessions[index] = MANAGER_NO_SESSION;
	}
}

/* ---------------------------------------------------------------- the manager */

static struct rpc_limits manager_limits(uint32_t members_max)
{
	/* As the daemon has them. A member that starts again has two sessions for a moment. */
	return (struct rpc_limits){ .sessions_max = 2 * members_max, .serves_max = 4 * members_max,
				    .receives_max = 4 * members_max, .pending_max = MANAGER_PENDING_MAX,
				    .macs_max = 2 * members_max };
}

static void manager_run(struct node *node)
{
	struct manager *manager = node->context;
	uint64_t now_ns = node_now_ns(node);
	struct gmm_command command;

	rpc_poll(manager->endpoint, now_ns);
	while (manager->closing_count > 0) {
		uint32_t session = manager->closing[--manager->closing_count];

		if (index_of_session(manager, session) == GMM_NONE)
			rpc_close(manager->endpoint, session, now_ns);
	}
	if (gmm_core_deadline_ns(manager->core) <= now_ns) {
		gmm_core_tick(manager->core, now_ns);
		/* This manager never ends: what it decided need not outlive it. */
		gmm_core_kept(manager->core);
		if (gmm_core_output(manager->core, &command, now_ns) != 0)
			world_fail(node->network->world, "the manager has a command for a rack without VMs");
	}
	node_wake_at(node, rpc_deadline_ns(manager->endpoint));
	node_wake_at(node, gmm_core_deadline_ns(manager->core));
}

void manager_create(struct manager *manager, struct network *network, uint32_t members_max)
{
	memset(manager, 0, sizeof(*manager));
	node_create(&manager->node, network);
	manager->members_max = members_max;
	manager->sessions = calloc(members_max, sizeof(*manager->sessions));
	manager->closing = calloc(2 * members_max, sizeof(*manager->closing));
	if (members_max > NODES_MAX || manager->sessions == NULL || manager->closing == NULL)
		world_fail(network->world, "%u members are too many", members_max);
	manager->core = sim_alloc(sizeof(*manager->core));
}

static void member_name(const struct member *member, char name[NODE_NAME_BYTES], uint8_t mac[6])
{
	const uint8_t made[6] = { 2, 0, 0, 0, (uint8_t)(member->node.number >> 8), (uint8_t)member->node.number };

	snprintf(name, NODE_NAME_BYTES, "m%u", member->node.number);
	memcpy(mac, made, sizeof(made));
}

void manager_start(struct manager *manager, struct member *const *members, uint32_t count)
{
	const struct gmm_config core = { .lease_ms = MANAGER_LEASE_MS, .grace_ms = GRACE_MS,
					 .load_timeout_ms = LOAD_TIMEOUT_MS, .vm_id_first = 1 };
	struct rpc_config rpc = {
		.node = WIRE_NODE_MANAGER, .incarnation = incarnation_of(&manager->node), .port = WIRE_PORT_RPC,
		.limits = manager_limits(manager->members_max), .types = manager_types, .context = manager,
		.session_changed = manager_session_changed,
	};
	struct roce_limits limits = { .memory_regions_max = 1 };
	uint64_t now_ns = node_now_ns(&manager->node);

	gmm_core_init(manager->core, &core);
	for (uint32_t i = 0; i < manager->members_max; i++)
		manager->sessions[i] = MANAGER_NO_SESSION;
	manager->closing_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		char name[NODE_NAME_BYTES];
		uint8_t mac[6];

		member_name(members[i], name, mac);
		if (gmm_core_node_add(manager->core, name, WIRE_ROLE_MEMORY, members[i]->node.address, mac) < 0)
			world_fail(manager->node.network->world, "%s was not added: %s", name, manager->core->refusal);
	}
	rpc_device_limits(&rpc.limits, &limits);
	rpc.device = node_start(&manager->node, &limits, PATH_MTU_BYTES, 0);
	rpc.secure = manager->secure = secure_of(&manager->node, MANAGER_HANDSHAKES_MAX);
	manager->endpoint = rpc_endpoint_create(sim_alloc(rpc_endpoint_bytes(&rpc)), &rpc, now_ns);
	if (manager->endpoint == NULL)
		world_fail(manager->node.network->world, "the manager did not start");
	manager->node.context = manager;
	manager->node.run = manager_run;
	node_run(&manager->node);
}

void manager_stop(struct manager *manager)
{
	node_stop(&manager->node);
	free(manager->endpoint);
	free(manager->secure);
	manager->endpoint = NULL;
	manager->secure = NULL;
}

void manager_destroy(struct manager *manager)
{
	manager_stop(manager);
	free(manager->core);
	free(manager->sessions);
	free(manager->closing);
}

uint32_t manager_nodes_up(const struct manager *manager)
{
	uint32_t up = 0;

	for (uint32_t i = 0; i < manager->core->node_count; i++)
		up += manager->core->nodes[i].state == GMM_NODE_UP;
	return up;
}

static struct idle_bytes bytes_of(struct manager *manager, uint32_t sessions)
{
	const struct rpc_config rpc = { .limits = { .sessions_max = sessions } };
	struct roce_limits limits = { .memory_regions_max = 1 };

	rpc_device_limits(&rpc.limits, &limits);
	return (struct idle_bytes){ (double)node_device_bytes(&manager->node, &limits), (double)rpc_endpoint_bytes(&rpc) };
}

struct idle_bytes manager_idle_bytes(struct manager *manager, uint32_t sessions)
{
	struct idle_bytes one = bytes_of(manager, 1), more = bytes_of(manager, 1 + sessions);

	return (struct idle_bytes){ (more.device - one.device) / sessions, (more.endpoint - one.endpoint) / sessions };
}

/* ---------------------------------------------------------------- members */

static const struct rpc_type member_types[] = { { .type = 0 } };

static void member_session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct member *member = context;

	agent_session_changed(&member->agent, session, event, now_ns);
}

static void member_fill(void *context, struct wire_node_renew *renew, uint64_t now_ns)
{
	(void)context;
	renew->uptime_us = now_ns / 1000;
	renew->pages_capacity = MEMBER_PAGES;
}

static void member_event(void *context, enum agent_event event, int status, uint64_t now_ns)
{
	struct member *member = context;

	(void)now_ns;
	if (event == AGENT_JOINED)
		member->joined_ns = member->node.network->world->now_ns;
	member->forgotten += event == AGENT_FORGOTTEN;
	if (event == AGENT_REFUSED)
		world_fail(member->node.network->world, "node %u: its join was refused: %d", member->node.number, status);
}

static void member_run(struct node *node)
{
	struct member *member = node->context;
	uint64_t now_ns = node_now_ns(node);

	rpc_poll(member->endpoint, now_ns);
	agent_poll(&member->agent, now_ns);
	node_wake_at(node, rpc_deadline_ns(member->endpoint));
	node_wake_at(node, agent_deadline_ns(&member->agent));
}

void member_create(struct member *member, struct network *network)
{
	memset(member, 0, sizeof(*member));
	node_create(&member->node, network);
}

void member_start(struct member *member, const struct manager *manager)
{
	struct rpc_config rpc = { .incarnation = incarnation_of(&member->node), .limits = { .sessions_max = 1, .calls_max = 4,
				  .serves_max = 4, .receives_max = 4, .call_bodies_max = 1, .serve_bodies_max = 1,
				  .handshakes_max = 1, .pending_max = 1, .macs_max = 1 },
				  .types = member_types, .context = member, .session_changed = member_session_changed };
	struct agent_config agent = {
		.manager_address = manager->node.address, .manager_port = WIRE_PORT_RPC, .fill = member_fill,
		.event = member_event, .context = member,
		.join = { .role = WIRE_ROLE_MEMORY, .page_bytes = PAGE_BYTES, .incarnation = rpc.incarnation,
			  .capacity_pages = MEMBER_PAGES, .cpus = 1, .region_shift = REGION_SHIFT },
	};
	struct roce_limits limits = { .memory_regions_max = 1 };

	member_name(member, agent.join.name, agent.join.mac);
	rpc_device_limits(&rpc.limits, &limits);
	rpc.device = node_start(&member->node, &limits, PATH_MTU_BYTES, 0);
	rpc.secure = member->secure = secure_of(&member->node, 1);
	member->endpoint = rpc_endpoint_create(sim_alloc(rpc_endpoint_bytes(&rpc)), &rpc, node_now_ns(&member->node));
	agent.endpoint = member->endpoint;
	if (member->endpoint == NULL || agent_start(&member->agent, &agent, node_now_ns(&member->node)) != 0)
		world_fail(member->node.network->world, "node %u did not start", member->node.number);
	member->node.context = member;
	member->node.run = member_run;
	node_run(&member->node);
}

void member_stop(struct member *member)
{
	node_stop(&member->node);
	free(member->endpoint);
	free(member->secure);
	member->endpoint = NULL;
	member->secure = NULL;
}
