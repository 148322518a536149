/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoint: its table of sessions, the ring of callbacks that are due, and rpc_poll() that turns it all. */
#include "net/rpc/internal.h"

#define ALIGN_BYTES 64u

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
}

void rpc_device_limits(uint32_t sessions_max, struct roce_limits *limits)
{
	assert(sessions_max > 0 && sessions_max <= RPC_SESSIONS_MAX);
	/* A connection that was just given up may linger beside its successor. */
	limits->queue_pairs_max += 2 * sessions_max;
	limits->connections_max += 2 * sessions_max;
	limits->queues_max += 1;
	limits->listeners_max += 1;
	if (limits->queue_events_max < sessions_max * RPC_EVENTS_PER_SESSION)
		limits->queue_events_max = sessions_max * RPC_EVENTS_PER_SESSION;
	if (limits->send_depth_max < RPC_SENDS)
		limits->send_depth_max = RPC_SENDS;
	if (limits->receive_depth_max < RPC_RECEIVES)
		limits->receive_depth_max = RPC_RECEIVES;
}

size_t rpc_endpoint_bytes(const struct rpc_config *config)
{
	assert(config->sessions_max > 0 && config->sessions_max <= RPC_SESSIONS_MAX);
	return aligned(sizeof(struct rpc_endpoint)) +
	       aligned((size_t)config->sessions_max * RPC_READY_PER_SESSION * sizeof(struct rpc_ready)) +
	       (size_t)config->sessions_max * sizeof(struct rpc_session);
}

struct rpc_endpoint *rpc_endpoint_create(void *memory, const struct rpc_config *config, uint64_t now_ns)
{
	struct rpc_endpoint *endpoint = memory;
	uint8_t *next = (uint8_t *)memory + aligned(sizeof(*endpoint));

	(void)now_ns;
	assert(((uintptr_t)memory & (ALIGN_BYTES - 1)) == 0);
	assert(config->incarnation != 0 && config->device != NULL && config->types != NULL);
	memset(memory, 0, rpc_endpoint_bytes(config));
	endpoint->config = *config;
	endpoint->deadline_ns = UINT64_MAX;
	endpoint->ready = (struct rpc_ready *)next;
	endpoint->ready_size = config->sessions_max * RPC_READY_PER_SESSION;
	endpoint->sessions = (struct rpc_session *)(next + aligned(endpoint->ready_size * sizeof(struct rpc_ready)));
	endpoint->queue = roce_queue_create(config->device);
	if (endpoint->queue < 0)
		return NULL;
	if (config->port != 0 && roce_listen(config->device, config->port, endpoint->queue, 0) != 0)
		return NULL;
	return endpoint;
}

void rpc_set_node(struct rpc_endpoint *endpoint, uint32_t node)
{
	endpoint->config.node = node;
}

uint64_t rpc_incarnation(const struct rpc_endpoint *endpoint)
{
	return endpoint->config.incarnation;
}

const struct rpc_counters *rpc_counters(const struct rpc_endpoint *endpoint)
{
	return &endpoint->counters;
}

const struct rpc_type *rpc_type_find(const struct rpc_endpoint *endpoint, uint16_t type)
{
	for (const struct rpc_type *entry = endpoint->config.types; entry->type != 0; entry++)
		if (entry->type == type)
			return entry;
	return NULL;
}

void rpc_deadline_lower(struct rpc_endpoint *endpoint, uint64_t deadline_ns)
{
	if (deadline_ns < endpoint->deadline_ns)
		endpoint->deadline_ns = deadline_ns;
}

uint64_t rpc_deadline_ns(const struct rpc_endpoint *endpoint)
{
	return endpoint->deadline_ns;
}

/* ---------------------------------------------------------------- sessions */

uint32_t rpc_session_index(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	return (uint32_t)(session - endpoint->sessions);
}

uint32_t rpc_session_handle(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	return (uint32_t)session->generation << 16 | rpc_session_index(endpoint, session);
}

struct rpc_session *rpc_session_of_handle(struct rpc_endpoint *endpoint, uint32_t handle)
{
	uint32_t index = handle & 0xffff;
	struct rpc_session *session = &endpoint->sessions[index];

	if (index >= endpoint->config.sessions_max || session->generation != handle >> 16 ||
	    session->state == SESSION_FREE || session->state == SESSION_CLOSING)
		return NULL;
	return session;
}

/* A free session, afresh but for what makes old handles, completions and tokens miss. */
struct rpc_session *rpc_session_take(struct rpc_endpoint *endpoint)
{
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++) {
		struct rpc_session *session = &endpoint->sessions[i];
		uint16_t generation = session->generation, serial = session->connection_serial;

		if (session->state != SESSION_FREE)
			continue;
		memset(session, 0, sizeof(*session));
		session->generation = generation == UINT16_MAX ? 1 : generation + 1;
		session->connection_serial = serial;
		session->slots = RPC_SLOTS;
		session->backoff_ns = RPC_BACKOFF_MIN_NS;
		session->state = SESSION_LOST;
		return session;
	}
	return NULL;
}

int rpc_open(struct rpc_endpoint *endpoint, uint32_t address, uint16_t port, uint32_t *handle, uint64_t now_ns)
{
	struct rpc_session *session;

	assert(address != 0 && port != 0);
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++) {
		session = &endpoint->sessions[i];
		/* The peer tells sessions apart by our address: a second one would take the first one's place. */
		if (session->state != SESSION_FREE && session->state != SESSION_CLOSING && session->opener &&
		    session->remote_address == address && session->port == port)
			return -EEXIST;
	}
	session = rpc_session_take(endpoint);
	if (session == NULL)
		return -ENOBUFS;
	session->opener = true;
	session->remote_address = address;
	session->port = port;
	session->state = SESSION_WAITING;
	session->retry_ns = now_ns;
	rpc_deadline_lower(endpoint, now_ns);
	rpc_session_connect(endpoint, session, now_ns);
	*handle = rpc_session_handle(endpoint, session);
	return 0;
}

void rpc_close(struct rpc_endpoint *endpoint, uint32_t handle, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, handle);

	if (session == NULL)
		return;
	if (session->state == SESSION_CONNECTING || session->state == SESSION_ACCEPTING || session->state == SESSION_UP)
		rpc_session_drop_connection(endpoint, session, now_ns);
	rpc_session_forget_slots(endpoint, session);
	session->state = SESSION_CLOSING;	/* until rpc_poll() has called the last done() */
	rpc_deadline_lower(endpoint, now_ns);
}

/* ---------------------------------------------------------------- callbacks */

void rpc_ready_push(struct rpc_endpoint *endpoint, const struct rpc_session *session, enum ready_kind kind, uint32_t slot)
{
	uint32_t last = (endpoint->ready_first + endpoint->ready_count) % endpoint->ready_size;

	assert(endpoint->ready_count < endpoint->ready_size);
	endpoint->ready[last] = (struct rpc_ready){ (uint16_t)rpc_session_index(endpoint, session), (uint8_t)kind, (uint8_t)slot };
	endpoint->ready_count++;
	rpc_deadline_lower(endpoint, 0);
}

static void ready_run(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	while (endpoint->ready_count > 0) {
		struct rpc_ready ready = endpoint->ready[endpoint->ready_first];
		struct rpc_session *session = &endpoint->sessions[ready.session];

		endpoint->ready_first = (endpoint->ready_first + 1) % endpoint->ready_size;
		endpoint->ready_count--;
		assert(session->state != SESSION_FREE);
		if (ready.kind == READY_SESSION)
			rpc_session_tell_run(endpoint, session, now_ns);
		else if (ready.kind == READY_CALL)
			rpc_call_run_done(endpoint, session, ready.slot, now_ns);
		else
			rpc_serve_run(endpoint, session, ready.slot, now_ns);
	}
}

static void event_handle(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	if (event->type == ROCE_EVENT_COMPLETION)
		rpc_transfer_completion(endpoint, event, now_ns);
	else if (event->type == ROCE_EVENT_CONNECT_REQUEST)
		rpc_session_connect_request(endpoint, event, now_ns);
	else
		rpc_session_connection_event(endpoint, event, now_ns);
}

void rpc_poll(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	struct roce_event event;
	bool busy = endpoint->ready_count > 0 || now_ns >= endpoint->deadline_ns;

	assert(!endpoint->in_poll);
	endpoint->in_poll = true;
	while (roce_queue_poll(endpoint->config.device, endpoint->queue, &event) != 0) {
		event_handle(endpoint, &event, now_ns);
		busy = true;
	}
	/* Most calls come with packets of others: pages must not wait for a look at every slot. */
	if (!busy) {
		endpoint->in_poll = false;
		return;
	}
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++)
		if (endpoint->sessions[i].state != SESSION_FREE)
			rpc_session_timers(endpoint, &endpoint->sessions[i], now_ns);
	ready_run(endpoint, now_ns);

	endpoint->deadline_ns = UINT64_MAX;
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++) {
		struct rpc_session *session = &endpoint->sessions[i];

		if (session->state == SESSION_CLOSING)
			session->state = SESSION_FREE;
		if (session->state != SESSION_FREE)
			rpc_deadline_lower(endpoint, rpc_session_deadline_ns(session));
	}
	endpoint->in_poll = false;
}
