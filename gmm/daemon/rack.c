// SPDX-License-Identifier: GPL-2.0-only
/* The rack's side of the daemon: RPC sessions with the nodes, and the carrying out of the core's commands. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gmm/daemon/daemon.h"
#include "lib/crc.h"

#define CALL_TIMEOUT_NS UINT64_C(5000000000)
#define PEER_REFUSED_LOG_NS UINT64_C(60000000000)

_Static_assert(GMM_CALLS_PER_NODE_MAX < RPC_SLOTS, "slots are left for console input and counters");
_Static_assert(GMM_BODY_BYTES_MAX <= RPC_BODY_BYTES_MAX, "the core's commands fit in a request");

static uint32_t index_of_session(const struct gmmd *gmmd, uint32_t session)
{
	for (uint32_t i = 0; i < gmmd->core->node_count; i++)
		if (gmmd->sessions[i] == session)
			return i;
	return GMM_NONE;
}

/* ---------------------------------------------------------------- requests of nodes */

/* From a callback, where rpc_close() must not be called. */
static void close_later(struct gmmd *gmmd, uint32_t session)
{
	if (gmmd->closing_count < GMMD_SESSIONS_MAX)
		gmmd->closing[gmmd->closing_count++] = session;
}

static void bind_session(struct gmmd *gmmd, uint32_t index, uint32_t session)
{
	uint32_t holder = index_of_session(gmmd, session);

	if (holder != GMM_NONE)
		gmmd->sessions[holder] = GMMD_NO_SESSION;
	if (gmmd->sessions[index] != GMMD_NO_SESSION)
		close_later(gmmd, gmmd->sessions[index]);
	gmmd->sessions[index] = session;
}

/* Of a boot whose script came from here only the first join ends it: the next ones are of the same kernel. */
static void record_join(struct boot_record *boot, uint64_t script_ns, uint64_t entry_to_join_us, uint64_t now_ns)
{
	if (script_ns && boot->joined_ns == 0 && entry_to_join_us < now_ns / 1000)
		boot->entered_ns = now_ns - entry_to_join_us * 1000;
	boot->joined_ns = now_ns;
}

static void serve_join(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	struct wire_node_joined joined;
	struct wire_node_join join;
	int status;

	memcpy(&join, request->body, sizeof(join));
	status = gmm_core_join(gmmd->core, &join, request->remote_address, &joined, now_ns);
	if (status) {
		rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
		return;
	}
	uint32_t index = joined.node - GMM_NODE_FIRST;

	joined.flags = gmmd->config.packet_macs ? WIRE_RACK_PACKET_MACS : 0;
	bind_session(gmmd, index, request->session);
	keys_node_joined(gmmd, index);
	record_join(&gmmd->boots[index], gmmd->core->nodes[index].boot_ns, join.entry_to_join_us, now_ns);
	rpc_reply(endpoint, request->token, 0, &joined, sizeof(joined), now_ns);
}

/* Of a node that has joined: to the core, or to who reads a console. Returns what the node is answered. */
static int take_report(struct gmmd *gmmd, uint32_t node, const struct rpc_request *request, uint64_t now_ns)
{
	union {
		struct wire_node_renew renew;
		struct wire_vm_event event;
		struct wire_vm_region_wanted wanted;
	} report;

	switch (request->type) {
	case WIRE_NODE_RENEW:
		memcpy(&report.renew, request->body, sizeof(report.renew));
		return gmm_core_renew(gmmd->core, node, &report.renew, now_ns);
	case WIRE_VM_EVENT:
		memcpy(&report.event, request->body, sizeof(report.event));
		return gmm_core_vm_event(gmmd->core, node, &report.event, now_ns);
	case WIRE_VM_REGION_WANTED:
		memcpy(&report.wanted, request->body, sizeof(report.wanted));
		return gmm_core_region_wanted(gmmd->core, node, &report.wanted, now_ns);
	default:
		assert(request->type == WIRE_VM_CONSOLE_OUTPUT);
		return console_output(gmmd, node, request->body, request->len_bytes);
	}
}

static void serve_report(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	uint32_t index = index_of_session(gmmd, request->session);
	int status = index == GMM_NONE ? -ENOENT : take_report(gmmd, GMM_NODE_FIRST + index, request, now_ns);

	rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
}

/* Bodies may have grown at their end: a newer node's longer one is fine. */
static const struct rpc_type types[] = {
	{ WIRE_NODE_JOIN, 0, sizeof(struct wire_node_join), RPC_BODY_BYTES_MAX, serve_join, 0 },
	{ WIRE_NODE_RENEW, 0, sizeof(struct wire_node_renew), RPC_BODY_BYTES_MAX, serve_report, 0 },
	{ WIRE_VM_CONSOLE_OUTPUT, 0, sizeof(struct wire_vm_console) + 1, RPC_BODY_BYTES_MAX, serve_report, 0 },
	{ WIRE_VM_EVENT, 0, sizeof(struct wire_vm_event), RPC_BODY_BYTES_MAX, serve_report, 0 },
	{ WIRE_VM_REGION_WANTED, 0, sizeof(struct wire_vm_region_wanted), RPC_BODY_BYTES_MAX, serve_report, 0 },
	{ 0 },
};

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	uint32_t index = index_of_session(gmmd, session);

	/* Who never joined has nothing here to come back to, and strangers must not use up the sessions. */
	if (index == GMM_NONE && event == RPC_SESSION_DOWN)
		close_later(gmmd, session);
	/* A lost connection means nothing (I6): the lease says when a node is down. A new incarnation means everything. */
	if (index != GMM_NONE && event == RPC_SESSION_RESET) {
		gmm_core_reset(gmmd->core, GMM_NODE_FIRST + index, now_ns);
		gmmd->sessions[index] = GMMD_NO_SESSION;
	}
}

/* It asks again every two seconds: once a minute is enough for the log. */
static void peer_refused(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	char text[16];

	if (address == gmmd->peer_refused && now_ns - gmmd->peer_refused_ns < PEER_REFUSED_LOG_NS)
		return;
	gmmd->peer_refused = address;
	gmmd->peer_refused_ns = now_ns;
	config_format_address(address, text);
	log_line(LOG_WARNING, "refused a node: from=%s status=%d reason=\"%s\" its_version=%u our_version=%u", text, status,
		 rpc_refusal_reason(status), version_major, RPC_VERSION_MAJOR);
}

/* ---------------------------------------------------------------- calls to nodes */

static void core_call_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct gmmd *gmmd = context;

	gmm_core_result(gmmd->core, cookie, status, body, len_bytes, now_ns);
}

static void send_commands(struct gmmd *gmmd)
{
	static struct gmm_command command;

	/* What a request rests on is kept before it leaves; its failure may change something again. */
	while (keep_turn(gmmd) && gmm_core_output(gmmd->core, &command, gmmd->now_ns)) {
		uint32_t session = gmmd->sessions[command.node - GMM_NODE_FIRST];
		int status = -ENOENT;

		if (session != GMMD_NO_SESSION)
			status = rpc_call(gmmd->endpoint, session, command.type, command.body, command.len_bytes, 0,
					  core_call_done, gmmd, command.token, gmmd->now_ns);
		assert(status != -EMSGSIZE);
		/* Without a session the call was never made; the node's next join tells what became of the rest. */
		if (status)
			gmm_core_result(gmmd->core, command.token, -ECONNRESET, NULL, 0, gmmd->now_ns);
	}
}

int rack_call(struct gmmd *gmmd, uint32_t node, uint16_t type, const void *body, uint32_t len_bytes, rpc_done *done,
	      uint64_t cookie)
{
	uint32_t session = gmmd->sessions[node - GMM_NODE_FIRST];

	if (session == GMMD_NO_SESSION)
		return -EHOSTUNREACH;
	return rpc_call(gmmd->endpoint, session, type, body, len_bytes, CALL_TIMEOUT_NS, done, gmmd, cookie, gmmd->now_ns);
}

/* ---------------------------------------------------------------- opening and turning */

static uint64_t random_incarnation(void)
{
	uint64_t value = 0;

	while (value == 0)
		udp_port_random(NULL, &value, sizeof(value));
	return value;
}

static void *aligned_memory(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (!memory) {
		log_line(LOG_ERROR, "out of memory");
		exit(1);
	}
	return memory;
}

/* Every node may have all its calls open, some of them with long bodies, and asks something itself now and then. */
static const struct rpc_limits rpc_limits = {
	.sessions_max = GMMD_SESSIONS_MAX,
	.calls_max = GMM_CALLS_MAX + 2 * NODES_MAX,
	.serves_max = 4 * NODES_MAX,
	.receives_max = 4 * NODES_MAX,
	.call_bodies_max = GMM_CALLS_MAX + 2 * NODES_MAX,
	.serve_bodies_max = 2 * NODES_MAX,
	.pending_max = NODES_MAX,
	.macs_max = GMMD_SESSIONS_MAX,
};

static int open_secure(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	const struct secure_config config = { .address = gmmd->config.address, .replays_max = GMMD_HANDSHAKES_MAX,
					      .environment = { .random = udp_port_random } };

	if (key_file_read(gmmd->config.key_file, &gmmd->keys, error, CONFIG_ERROR_BYTES))
		return -1;
	gmmd->secure = secure_create(aligned_memory(secure_bytes(&config)), &config, gmmd->now_ns);
	if (!gmmd->secure || key_file_use(&gmmd->keys, gmmd->secure)) {
		snprintf(error, CONFIG_ERROR_BYTES, "the keys of key_file could not be set up");
		return -1;
	}
	gmmd->keys_version = 1;
	return 0;
}

int rack_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	struct roce_config roce = {
		.address = gmmd->config.address, .guid = gmmd->config.address, .environment = { .random = udp_port_random, .crc = crc_best() },
	};
	struct rpc_config rpc = {
		.node = WIRE_NODE_MANAGER, .incarnation = random_incarnation(), .port = WIRE_PORT_RPC,
		.limits = rpc_limits, .types = types, .names = node_type_names, .context = gmmd, .session_changed = session_changed,
		.peer_refused = peer_refused,
	};
	void *memory;
	int status;

	for (uint32_t i = 0; i < NODES_MAX; i++)
		gmmd->sessions[i] = GMMD_NO_SESSION;
	if (open_secure(gmmd, error))
		return -1;
	rpc_device_limits(&rpc_limits, &roce.limits);
	data_limits(&roce.limits);
	if (host_port_open(&gmmd->port, gmmd->config.port, &roce, gmmd->config.foreign_peers, gmmd->now_ns, error, CONFIG_ERROR_BYTES))
		return -1;
	gmmd->device = rpc.device = gmmd->port.device;
	log_line(LOG_INFO, "network port: port=%s path_mtu_bytes=%u reason=\"%s\"", host_port_name(&gmmd->port),
		 gmmd->port.path_mtu_bytes, gmmd->port.reason);
	rpc.secure = gmmd->secure;
	memory = aligned_memory(rpc_endpoint_bytes(&rpc));
	gmmd->endpoint = rpc_endpoint_create(memory, &rpc, gmmd->now_ns);
	status = gmmd->endpoint ? roce_register_local(gmmd->device, memory, rpc_endpoint_bytes(&rpc)) : -EINVAL;
	if (status == 0)
		status = data_open(gmmd);
	if (status) {
		snprintf(error, CONFIG_ERROR_BYTES, "the RDMA device could not be set up: %s%s", strerror(-status),
			 status == -ENOMEM ? "; allow more locked memory (ulimit -l, LimitMEMLOCK=)" : "");
		return -1;
	}
	return loop_add(gmmd, gmmd->port.fd, EPOLLIN, &gmmd->port);
}

uint64_t rack_strangers(const struct gmmd *gmmd)
{
	const struct secure_counters *counters = secure_counters(gmmd->secure);

	return counters->refused_form + counters->refused_version + counters->refused_unknown_key + counters->refused_tag +
	       counters->refused_replay;
}

/* Somebody without the rack's key asks to be let in: say so now and then, with the latest address. */
static void report_strangers(struct gmmd *gmmd)
{
	uint64_t count = rack_strangers(gmmd);
	char address[16];

	if (count == gmmd->strangers_logged || gmmd->now_ns < gmmd->strangers_log_ns)
		return;
	config_format_address(secure_stranger(gmmd->secure), address);
	log_line(LOG_WARNING, "refused connect requests without the rack's key: count=%llu latest_from=%s",
		 (unsigned long long)(count - gmmd->strangers_logged), address);
	gmmd->strangers_logged = count;
	gmmd->strangers_log_ns = gmmd->now_ns + GMMD_STRANGERS_LOG_NS;
}

void rack_turn(struct gmmd *gmmd)
{
	host_port_receive(&gmmd->port, gmmd->now_ns);
	rpc_poll(gmmd->endpoint, gmmd->now_ns);
	while (gmmd->closing_count) {
		uint32_t session = gmmd->closing[--gmmd->closing_count];

		/* its node may have come back and joined since */
		if (index_of_session(gmmd, session) == GMM_NONE)
			rpc_close(gmmd->endpoint, session, gmmd->now_ns);
	}
	data_turn(gmmd);
	if (gmm_core_deadline_ns(gmmd->core) <= gmmd->now_ns)
		gmm_core_tick(gmmd->core, gmmd->now_ns);
	health_turn(gmmd);
	send_commands(gmmd);
	console_turn(gmmd);
	log_events(gmmd);
	report_strangers(gmmd);
	keys_turn(gmmd);
	host_port_send(&gmmd->port, gmmd->now_ns);
}

uint64_t rack_deadline_ns(const struct gmmd *gmmd)
{
	uint64_t deadline_ns = gmm_core_deadline_ns(gmmd->core);
	uint64_t roce_ns = roce_deadline_ns(gmmd->device), rpc_ns = rpc_deadline_ns(gmmd->endpoint);
	uint64_t keep_ns = keep_deadline_ns(gmmd);

	if (keep_ns < deadline_ns)
		deadline_ns = keep_ns;
	if (roce_ns < deadline_ns)
		deadline_ns = roce_ns;
	return rpc_ns < deadline_ns ? rpc_ns : deadline_ns;
}
