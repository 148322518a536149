/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding a session by handle, address or connection, and the one that has to be looked at next: none by a search of all. */
#include "net/rpc/internal.h"

uint32_t rpc_session_handle(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	return (uint32_t)session->generation << 16 | rpc_session_index(endpoint, session);
}

struct rpc_session *rpc_session_of_handle(struct rpc_endpoint *endpoint, uint32_t handle)
{
	uint32_t index = handle & 0xffff;
	struct rpc_session *session = &endpoint->sessions[index];

	if (index >= endpoint->config.limits.sessions_max || session->generation != handle >> 16 ||
	    session->state == SESSION_FREE || session->state == SESSION_CLOSING)
		return NULL;
	return session;
}

/* ---------------------------------------------------------------- chains */

/* Addresses of a rack are consecutive, connection numbers random: their low bits spread well. */
static uint16_t *head(const struct rpc_endpoint *endpoint, uint16_t *heads, uint32_t key)
{
	return &heads[(key ^ key >> 16) & endpoint->table_mask];
}

struct rpc_session *rpc_session_of_address(struct rpc_endpoint *endpoint, uint32_t address, bool opener, uint16_t port)
{
	uint16_t index = *head(endpoint, endpoint->of_address, address);

	for (; index != RPC_NONE; index = endpoint->sessions[index].next_of_address) {
		struct rpc_session *session = &endpoint->sessions[index];

		if (session->remote_address == address && session->opener == opener && session->port == port)
			return session;
	}
	return NULL;
}

struct rpc_session *rpc_session_of_connection(struct rpc_endpoint *endpoint, uint32_t connection)
{
	uint16_t index = *head(endpoint, endpoint->of_connection, connection);

	for (; index != RPC_NONE; index = endpoint->sessions[index].next_of_connection)
		if (endpoint->sessions[index].connection == connection)
			return &endpoint->sessions[index];
	return NULL;
}

void rpc_session_set_connection(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t connection)
{
	uint16_t *first = head(endpoint, endpoint->of_connection, connection);

	assert(session->connection == 0 && connection != 0);
	session->connection = connection;
	session->next_of_connection = *first;
	*first = (uint16_t)rpc_session_index(endpoint, session);
}

void rpc_session_clear_connection(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint16_t *link = head(endpoint, endpoint->of_connection, session->connection);

	while (*link != rpc_session_index(endpoint, session))
		link = &endpoint->sessions[*link].next_of_connection;
	*link = session->next_of_connection;
	session->connection = 0;
	session->qpn = 0;
}

/* From now on its peer is a stranger. */
void rpc_session_unlink_address(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint16_t *link = head(endpoint, endpoint->of_address, session->remote_address);

	while (*link != rpc_session_index(endpoint, session))
		link = &endpoint->sessions[*link].next_of_address;
	*link = session->next_of_address;
}

/* ---------------------------------------------------------------- timers */

static uint64_t timer_of(const struct rpc_endpoint *endpoint, uint32_t place)
{
	return endpoint->sessions[endpoint->timers[place]].timer_ns;
}

static void timer_swap(struct rpc_endpoint *endpoint, uint32_t a, uint32_t b)
{
	uint16_t session = endpoint->timers[a];

	endpoint->timers[a] = endpoint->timers[b];
	endpoint->timers[b] = session;
	endpoint->sessions[endpoint->timers[a]].timer_place = (uint16_t)a;
	endpoint->sessions[session].timer_place = (uint16_t)b;
}

static void timer_up(struct rpc_endpoint *endpoint, uint32_t place)
{
	for (; place > 0 && timer_of(endpoint, place) < timer_of(endpoint, (place - 1) / 2); place = (place - 1) / 2)
		timer_swap(endpoint, place, (place - 1) / 2);
}

static void timer_down(struct rpc_endpoint *endpoint, uint32_t place)
{
	for (;;) {
		uint32_t first = place;

		for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < endpoint->timers_count; child++)
			if (timer_of(endpoint, child) < timer_of(endpoint, first))
				first = child;
		if (first == place)
			return;
		timer_swap(endpoint, place, first);
		place = first;
	}
}

void rpc_timer_lower(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t timer_ns)
{
	if (timer_ns >= session->timer_ns)
		return;
	session->timer_ns = timer_ns;
	timer_up(endpoint, session->timer_place);
	rpc_deadline_lower(endpoint, timer_ns);
}

void rpc_timer_set(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t timer_ns)
{
	rpc_timer_lower(endpoint, session, timer_ns);
	session->timer_ns = timer_ns;
	timer_down(endpoint, session->timer_place);
}

struct rpc_session *rpc_timer_first(struct rpc_endpoint *endpoint)
{
	return endpoint->timers_count > 0 ? &endpoint->sessions[endpoint->timers[0]] : NULL;
}

/* ---------------------------------------------------------------- birth and end */

/* A free session, afresh but for what makes old handles, completions and tokens miss. */
struct rpc_session *rpc_session_take(struct rpc_endpoint *endpoint, uint32_t address)
{
	uint16_t index = endpoint->session_free, *first = head(endpoint, endpoint->of_address, address);
	struct rpc_session *session;
	uint16_t generation, serial;

	if (index == RPC_NONE)
		return NULL;
	session = &endpoint->sessions[index];
	endpoint->session_free = session->next_of_address;
	generation = session->generation;
	serial = session->connection_serial;
	memset(session, 0, sizeof(*session));
	session->generation = generation == UINT16_MAX ? 1 : generation + 1;
	session->connection_serial = serial;
	session->backoff_ms = RPC_BACKOFF_MIN_MS;
	session->state = SESSION_LOST;
	session->posted.first = session->wanted.first = session->mac = session->handshake = RPC_NONE;
	for (uint32_t i = 0; i < RPC_SLOTS; i++)
		session->calls[i] = session->serves[i] = RPC_NONE;
	session->remote_address = address;
	session->next_of_address = *first;
	*first = index;
	session->timer_ns = UINT64_MAX;
	session->timer_place = (uint16_t)endpoint->timers_count;
	endpoint->timers[endpoint->timers_count++] = index;
	return session;
}

void rpc_session_free(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint32_t last = --endpoint->timers_count, place = session->timer_place;

	assert(session->state == SESSION_CLOSING && session->connection == 0 && session->calls_busy == 0);
	if (place != last) {
		timer_swap(endpoint, place, last);
		timer_up(endpoint, place);
		timer_down(endpoint, place);
	}
	session->state = SESSION_FREE;
	session->next_of_address = endpoint->session_free;
	endpoint->session_free = (uint16_t)rpc_session_index(endpoint, session);
}
