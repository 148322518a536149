/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoint: its memory, the ring of callbacks that are due, and rpc_poll() that turns it all. */
#include "net/rpc/internal.h"

#define ALIGN_BYTES 64u

/* ---------------------------------------------------------------- memory */

static struct rpc_limits filled_in(const struct rpc_limits *limits)
{
	struct rpc_limits filled = *limits;

	filled.calls_max = limits->calls_max == 0 ? RPC_CALLS_DEFAULT : limits->calls_max;
	filled.serves_max = limits->serves_max == 0 ? RPC_SERVES_DEFAULT : limits->serves_max;
	filled.receives_max = limits->receives_max == 0 ? RPC_RECEIVES_DEFAULT : limits->receives_max;
	filled.call_bodies_max = limits->call_bodies_max == 0 ? RPC_BODIES_DEFAULT : limits->call_bodies_max;
	filled.serve_bodies_max = limits->serve_bodies_max == 0 ? RPC_BODIES_DEFAULT : limits->serve_bodies_max;
	filled.handshakes_max = limits->handshakes_max == 0 ? RPC_HANDSHAKES_DEFAULT : limits->handshakes_max;
	filled.pending_max = limits->pending_max == 0 ? RPC_PENDING_DEFAULT : limits->pending_max;
	filled.macs_max = limits->macs_max == 0 ? RPC_MACS_DEFAULT : limits->macs_max;
	assert(filled.sessions_max > 0 && filled.sessions_max <= RPC_SESSIONS_MAX);
	assert(filled.calls_max <= RPC_POOL_MAX && filled.serves_max <= RPC_POOL_MAX && filled.receives_max <= RPC_POOL_MAX);
	assert(filled.call_bodies_max <= RPC_POOL_MAX && filled.serve_bodies_max <= RPC_POOL_MAX);
	assert(filled.handshakes_max <= RPC_POOL_MAX && filled.pending_max <= RPC_POOL_MAX && filled.macs_max <= RPC_POOL_MAX);
	return filled;
}

/* R9. */
static uint32_t buffers_count(const struct rpc_limits *limits)
{
	uint32_t count = 2 * limits->sessions_max + limits->receives_max + 2 * limits->calls_max + limits->serves_max +
			 limits->pending_max;

	assert(count < RPC_NONE);
	return count;
}

/*
 * Places for posted work. One stays taken until its completion was polled, but a session that is lost has forgotten its
 * own by then. What can be posted meanwhile for the same account?
 * - Its successor's two receives and control message. An opener posts when its ESTABLISHED event is polled, and events
 *   are polled in order: that one is behind the flushed completions. A listener posts when it polls the hello, which may
 *   be before them; but connections whose hello is there already stand in the table of those pending. So only as many
 *   sessions as that holds can have both, and as many receives for hellos.
 * - What sessions share (calls, served requests, spare receives) may have gone to others: as much again.
 * A session that takes from what another has left, and is lost itself, all within one rpc_poll(), may want more. Then a post is
 * refused, which costs time, not work: what cannot go now goes later, and a session without receives is silent (R7).
 */
static void add_places(const struct rpc_limits *limits, struct roce_limits *device)
{
	uint32_t sessions = limits->sessions_max + limits->pending_max;
	/* Requests and replies, and what is READ for them; refusals; pings, echoes and hellos. */
	uint32_t works = 2 * (2 * limits->calls_max + 2 * limits->serves_max + limits->pending_max) + sessions;
	uint32_t receives = 2 * (limits->receives_max + limits->calls_max + limits->pending_max) + 2 * sessions;

	roce_limits_add_queue(device, works, receives);
}

void rpc_device_limits(const struct rpc_limits *limits, struct roce_limits *device)
{
	const struct rpc_limits filled = filled_in(limits);
	/*
	 * Connections that were just given up may linger beside their successors. When many do, some are cut short, and
	 * when all do that have still to hang up, some of the successors must wait.
	 */
	uint32_t connections = filled.sessions_max + filled.sessions_max / RPC_LINGER_SHARE + RPC_LINGER_MIN + filled.pending_max;

	device->queue_pairs_max += connections;
	device->connections_max += connections;
	device->listeners_max += 1;
	device->held_packets_max += RPC_HELD_PACKETS;
	device->memory_regions_max += filled.call_bodies_max + filled.serve_bodies_max;
	add_places(&filled, device);
	if (device->send_depth_max < RPC_SENDS)
		device->send_depth_max = RPC_SENDS;
	if (device->receive_depth_max < RPC_RECEIVES)
		device->receive_depth_max = RPC_RECEIVES;
}

/* Hands out pieces of the endpoint's memory; with a NULL base it only counts. */
struct layout {
	uint8_t *base;
	size_t used_bytes;
};

static void *piece(struct layout *layout, size_t count, size_t bytes)
{
	void *start = layout->base == NULL ? NULL : layout->base + layout->used_bytes;

	layout->used_bytes += (count * bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
	return start;
}

static uint32_t table_size(uint32_t sessions)
{
	uint32_t size = 1;

	while (size < sessions)
		size *= 2;
	return size;
}

static void lay_out(struct rpc_endpoint *endpoint, struct layout *layout)
{
	const struct rpc_limits *limits = &endpoint->config.limits;
	uint32_t heads = table_size(limits->sessions_max), bodies = limits->call_bodies_max + limits->serve_bodies_max;

	endpoint->table_mask = heads - 1;
	endpoint->buffers_count = buffers_count(limits);
	endpoint->ready_size = 3 * limits->sessions_max + limits->calls_max + limits->serves_max;
	endpoint->ready = piece(layout, endpoint->ready_size, sizeof(*endpoint->ready));
	endpoint->sessions = piece(layout, limits->sessions_max, sizeof(*endpoint->sessions));
	endpoint->of_address = piece(layout, heads, sizeof(*endpoint->of_address));
	endpoint->of_connection = piece(layout, heads, sizeof(*endpoint->of_connection));
	endpoint->timers = piece(layout, limits->sessions_max, sizeof(*endpoint->timers));
	endpoint->names_count = rpc_stats_count(&endpoint->config);
	endpoint->stats = piece(layout, endpoint->names_count + 1, sizeof(*endpoint->stats));
	endpoint->buffers = piece(layout, endpoint->buffers_count, sizeof(*endpoint->buffers));
	endpoint->buffer_links = piece(layout, endpoint->buffers_count, sizeof(*endpoint->buffer_links));
	endpoint->calls = piece(layout, limits->calls_max, sizeof(*endpoint->calls));
	endpoint->call_links = piece(layout, limits->calls_max, sizeof(*endpoint->call_links));
	endpoint->serves = piece(layout, limits->serves_max, sizeof(*endpoint->serves));
	endpoint->serve_links = piece(layout, limits->serves_max, sizeof(*endpoint->serve_links));
	endpoint->handshakes = piece(layout, limits->handshakes_max, sizeof(*endpoint->handshakes));
	endpoint->pending = piece(layout, limits->pending_max, sizeof(*endpoint->pending));
	endpoint->macs = piece(layout, limits->macs_max, sizeof(*endpoint->macs));
	endpoint->bodies = piece(layout, bodies, sizeof(*endpoint->bodies));
	endpoint->body_links = piece(layout, bodies, sizeof(*endpoint->body_links));
}

size_t rpc_endpoint_bytes(const struct rpc_config *config)
{
	struct rpc_endpoint endpoint = { .config = { .limits = filled_in(&config->limits), .names = config->names } };
	struct layout layout = { NULL, 0 };

	piece(&layout, 1, sizeof(endpoint));
	lay_out(&endpoint, &layout);
	return layout.used_bytes;
}

static void fill_pools(struct rpc_endpoint *endpoint)
{
	const struct rpc_limits *limits = &endpoint->config.limits;

	endpoint->session_free = RPC_NONE;
	for (uint32_t i = limits->sessions_max; i-- > 0;) {
		endpoint->sessions[i].next_of_address = endpoint->session_free;
		endpoint->session_free = (uint16_t)i;
	}
	for (uint32_t i = 0; i <= endpoint->table_mask; i++)
		endpoint->of_address[i] = endpoint->of_connection[i] = RPC_NONE;
	rpc_list_fill(&endpoint->buffers_free, endpoint->buffer_links, 0, endpoint->buffers_count);
	rpc_list_fill(&endpoint->calls_free, endpoint->call_links, 0, limits->calls_max);
	rpc_list_fill(&endpoint->serves_free, endpoint->serve_links, 0, limits->serves_max);
	rpc_list_fill(&endpoint->call_bodies_free, endpoint->body_links, 0, limits->call_bodies_max);
	rpc_list_fill(&endpoint->serve_bodies_free, endpoint->body_links, limits->call_bodies_max, limits->serve_bodies_max);
	rpc_mac_pool(endpoint);
	endpoint->waiting.first = endpoint->pulls_waiting.first = RPC_NONE;
}

struct rpc_endpoint *rpc_endpoint_create(void *memory, const struct rpc_config *config, uint64_t now_ns)
{
	struct rpc_endpoint *endpoint = memory;
	struct layout layout = { memory, 0 };
	const struct roce_guard guard = { .check = secure_guard_check, .context = config->secure };

	(void)now_ns;
	assert(((uintptr_t)memory & (ALIGN_BYTES - 1)) == 0);
	assert(config->incarnation != 0 && config->device != NULL && config->types != NULL &&
	       config->secure != NULL);
	memset(memory, 0, rpc_endpoint_bytes(config));
	endpoint->config = *config;
	endpoint->config.limits = filled_in(&config->limits);
	endpoint->deadline_ns = UINT64_MAX;
	piece(&layout, 1, sizeof(*endpoint));
	lay_out(endpoint, &layout);
	fill_pools(endpoint);
	rpc_stats_start(endpoint);
	endpoint->queue = roce_queue_create(config->device);
	if (endpoint->queue < 0)
		return NULL;
	if (config->port != 0 && roce_listen_guarded(config->device, config->port, endpoint->queue, 0, &guard) != 0)
		return NULL;
	return endpoint;
}

/* ---------------------------------------------------------------- small things */

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

int rpc_open(struct rpc_endpoint *endpoint, uint32_t address, uint16_t port, uint32_t *handle, uint64_t now_ns)
{
	struct rpc_session *session;

	assert(address != 0 && port != 0);
	/* The peer tells sessions apart by our address: a second one would take the first one's place. */
	if (rpc_session_of_address(endpoint, address, true, port) != NULL)
		return -EEXIST;
	session = rpc_session_take(endpoint, address);
	if (session == NULL)
		return -ENOBUFS;
	session->opener = true;
	session->port = port;
	session->state = SESSION_WAITING;
	session->since_ns = now_ns;
	rpc_connect(endpoint, session, now_ns);
	*handle = rpc_session_handle(endpoint, session);
	return 0;
}

void rpc_close(struct rpc_endpoint *endpoint, uint32_t handle, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, handle);

	if (session == NULL)
		return;
	if (rpc_session_has_connection(session))
		rpc_session_drop_connection(endpoint, session, now_ns);
	rpc_session_forget_slots(endpoint, session);
	rpc_session_unlink_address(endpoint, session);
	session->state = SESSION_CLOSING;	/* until rpc_poll() has called the last done() */
	rpc_ready_push(endpoint, READY_CLOSE, rpc_session_index(endpoint, session));
}

/* ---------------------------------------------------------------- callbacks */

void rpc_ready_push(struct rpc_endpoint *endpoint, enum ready_kind kind, uint32_t index)
{
	uint32_t last = endpoint->ready_first + endpoint->ready_count;

	assert(endpoint->ready_count < endpoint->ready_size);
	if (last >= endpoint->ready_size)
		last -= endpoint->ready_size;
	endpoint->ready[last] = (struct rpc_ready){ (uint16_t)index, (uint16_t)kind };
	endpoint->ready_count++;
	rpc_deadline_lower(endpoint, 0);
}

static void ready_run(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	while (endpoint->ready_count > 0) {
		struct rpc_ready ready = endpoint->ready[endpoint->ready_first];

		if (++endpoint->ready_first == endpoint->ready_size)
			endpoint->ready_first = 0;
		endpoint->ready_count--;
		switch ((enum ready_kind)ready.kind) {
		case READY_SESSION:
			rpc_session_tell_run(endpoint, &endpoint->sessions[ready.index], now_ns);
			break;
		case READY_CLOSE:
			rpc_session_free(endpoint, &endpoint->sessions[ready.index]);
			break;
		case READY_PUMP:
			rpc_transfer_pump_run(endpoint, &endpoint->sessions[ready.index], now_ns);
			break;
		case READY_CALL:
			rpc_call_run_done(endpoint, &endpoint->calls[ready.index], now_ns);
			break;
		case READY_SERVE:
			rpc_serve_run(endpoint, &endpoint->serves[ready.index], now_ns);
			break;
		}
	}
}

static void event_handle(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	if (event->type == ROCE_EVENT_COMPLETION)
		rpc_transfer_completion(endpoint, event, now_ns);
	else if (event->type == ROCE_EVENT_CONNECT_REQUEST)
		rpc_accept_request(endpoint, event, now_ns);
	else
		rpc_connect_event(endpoint, event, now_ns);
}

static void timers_run(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	struct rpc_session *session;

	while ((session = rpc_timer_first(endpoint)) != NULL && session->timer_ns <= now_ns) {
		uint64_t deadline_ns;

		rpc_session_timers(endpoint, session, now_ns);
		deadline_ns = rpc_session_deadline_ns(endpoint, session);
		assert(deadline_ns > now_ns);
		rpc_timer_set(endpoint, session, deadline_ns);
	}
}

void rpc_poll(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	struct roce_event event;
	bool busy = now_ns >= endpoint->deadline_ns;

	assert(!endpoint->in_poll);
	endpoint->in_poll = true;
	while (roce_queue_poll(endpoint->config.device, endpoint->queue, &event) != 0) {
		event_handle(endpoint, &event, now_ns);
		busy = true;
	}
	/* Most calls come with packets of others: pages must not wait for a look at what RPC has to do. */
	if (busy) {
		timers_run(endpoint, now_ns);
		rpc_accept_timers(endpoint, now_ns);
		if (endpoint->waiting.first != RPC_NONE && now_ns >= endpoint->forget_ns)
			rpc_session_forget_one(endpoint, now_ns);
		if (endpoint->admit_due) {
			endpoint->admit_due = false;
			rpc_serve_admit(endpoint, now_ns);
			rpc_call_pulls(endpoint, now_ns);
		}
		ready_run(endpoint, now_ns);
		endpoint->deadline_ns = endpoint->admit_due ? 0 : UINT64_MAX;
		if (rpc_timer_first(endpoint) != NULL)
			rpc_deadline_lower(endpoint, rpc_timer_first(endpoint)->timer_ns);
		rpc_deadline_lower(endpoint, rpc_accept_deadline_ns(endpoint));
		if (endpoint->waiting.first != RPC_NONE)
			rpc_deadline_lower(endpoint, endpoint->forget_ns);
	}
	endpoint->in_poll = false;
}
