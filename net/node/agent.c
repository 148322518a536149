/* SPDX-License-Identifier: GPL-2.0-only */
/* Join, renew, join again: the diagram is in agent.h. */
#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "net/node/agent.h"

static void tell(struct agent *agent, enum agent_event event, int status, uint64_t now_ns)
{
	agent->config.event(agent->config.context, event, status, now_ns);
}

static uint64_t renew_interval_ns(const struct agent *agent)
{
	return (uint64_t)agent->lease_ms * 1000000 / 3;
}

/* What was under way is of no interest any more; its reply will carry an old serial. */
static void seek(struct agent *agent, uint64_t next_ns)
{
	agent->state = AGENT_STATE_SEEKING;
	agent->call_under_way = false;
	agent->serial++;
	agent->next_ns = next_ns;
}

static void forgotten(struct agent *agent, int status, uint64_t now_ns)
{
	bool was_joined = agent->state == AGENT_STATE_JOINED;

	seek(agent, now_ns);
	if (was_joined)
		tell(agent, AGENT_FORGOTTEN, status, now_ns);
}

/* ---------------------------------------------------------------- join */

static void join_refused(struct agent *agent, int status, uint64_t now_ns)
{
	bool news = status != agent->last_refusal;

	agent->last_refusal = status;
	seek(agent, now_ns + AGENT_JOIN_RETRY_NS);
	/* A session that ended is told by its own event; the same refusal is told once. */
	if (news && status != -ECONNRESET)
		tell(agent, AGENT_REFUSED, status, now_ns);
}

static void join_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct agent *agent = context;
	struct wire_node_joined joined = { 0 };

	if (cookie != agent->serial)
		return;
	assert(agent->state == AGENT_STATE_JOINING && agent->call_under_way);
	if (status == 0 && len_bytes < WIRE_NODE_JOINED_BYTES_MIN)
		status = -EPROTO;
	if (status == 0) {
		memcpy(&joined, body, len_bytes < sizeof(joined) ? len_bytes : sizeof(joined));
		if (joined.node <= WIRE_NODE_MANAGER)
			status = -EPROTO;
	}
	if (status != 0) {
		join_refused(agent, status, now_ns);
		return;
	}
	agent->call_under_way = false;
	agent->state = AGENT_STATE_JOINED;
	agent->last_refusal = 0;
	agent->lease_ms = joined.lease_ms < AGENT_LEASE_MS_MIN ? AGENT_LEASE_MS_MIN :
			  joined.lease_ms > AGENT_LEASE_MS_MAX ? AGENT_LEASE_MS_MAX : joined.lease_ms;
	agent->next_ns = now_ns;	/* the first report at once: the manager shows the node's load from the start */
	agent->node = joined.node;
	agent->rack_flags = joined.flags;
	rpc_set_node(agent->config.endpoint, agent->node);
	if (agent->joins++ == 0)
		agent->joined_at_us = now_ns / 1000;
	tell(agent, AGENT_JOINED, 0, now_ns);
}

static void join(struct agent *agent, uint64_t now_ns)
{
	struct wire_node_join body = agent->config.join;
	int status;

	body.entry_to_join_us = agent->joins == 0 ? now_ns / 1000 : agent->joined_at_us;
	agent->serial++;
	status = rpc_call(agent->config.endpoint, agent->session, WIRE_NODE_JOIN, &body, sizeof(body), AGENT_JOIN_TIMEOUT_NS,
			  join_done, agent, agent->serial, now_ns);
	if (status != 0) {
		join_refused(agent, status, now_ns);
		return;
	}
	agent->state = AGENT_STATE_JOINING;
	agent->call_under_way = true;
}

/* ---------------------------------------------------------------- renew */

static void renew_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct agent *agent = context;

	(void)body;
	(void)len_bytes;
	if (cookie != agent->serial)
		return;
	assert(agent->state == AGENT_STATE_JOINED && agent->call_under_way);
	agent->call_under_way = false;
	if (status == 0)
		agent->renewals++;
	else
		agent->renewals_failed++;
	if (status == -ENOENT || status == -ESTALE || status == -ECONNRESET)
		forgotten(agent, status, now_ns);
}

static void renew(struct agent *agent, uint64_t now_ns)
{
	struct wire_node_renew body = { 0 };
	int status;

	agent->config.fill(agent->config.context, &body, now_ns);
	agent->serial++;
	agent->next_ns = now_ns + renew_interval_ns(agent);
	/* One that is not answered in time makes room for the next, which says the same with fresher numbers. */
	status = rpc_call(agent->config.endpoint, agent->session, WIRE_NODE_RENEW, &body, sizeof(body),
			  renew_interval_ns(agent), renew_done, agent, agent->serial, now_ns);
	if (status == 0)
		agent->call_under_way = true;
	else
		agent->renewals_failed++;
}

/* ---------------------------------------------------------------- outside */

int agent_start(struct agent *agent, const struct agent_config *config, uint64_t now_ns)
{
	assert(config->endpoint != NULL && config->fill != NULL && config->event != NULL);
	memset(agent, 0, sizeof(*agent));
	agent->config = *config;
	agent->state = AGENT_STATE_SEEKING;
	agent->next_ns = now_ns;
	return rpc_open(config->endpoint, config->manager_address, config->manager_port, &agent->session, now_ns);
}

void agent_session_changed(struct agent *agent, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	if (session != agent->session)
		return;
	switch (event) {
	case RPC_SESSION_UP:
		agent->session_up = true;
		/* Nothing was reported while the session was down. */
		if (agent->next_ns > now_ns)
			agent->next_ns = now_ns;
		tell(agent, AGENT_MANAGER_UP, 0, now_ns);
		break;
	case RPC_SESSION_DOWN:
		agent->session_up = false;
		tell(agent, AGENT_MANAGER_DOWN, 0, now_ns);
		break;
	case RPC_SESSION_RESET:
		forgotten(agent, -ECONNRESET, now_ns);
		break;
	}
}

void agent_poll(struct agent *agent, uint64_t now_ns)
{
	if (!agent->session_up || agent->call_under_way || now_ns < agent->next_ns)
		return;
	if (agent->state == AGENT_STATE_JOINED)
		renew(agent, now_ns);
	else
		join(agent, now_ns);
}

uint64_t agent_deadline_ns(const struct agent *agent)
{
	return agent->session_up && !agent->call_under_way ? agent->next_ns : UINT64_MAX;
}
