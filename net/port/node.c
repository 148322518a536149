/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include <plenum/page.h>

#include <kernel/kernel.h>

#include "net/port/node.h"

#define MAC_BYTES 6u

/* ------------------------------------------------------------------ command line */

static uint32_t address_option(const char *name, const char *text, uint32_t *prefix_len)
{
	uint32_t address;

	if (parse_ipv4(text, &address, prefix_len) != 0 || address == 0)
		panic("command line: %s=%s is not an IPv4 address%s", name, text, prefix_len ? " with prefix length" : "");
	return address;
}

static void read_name(struct node_options *options)
{
	const char *name = command_line_value("name");

	if (name == NULL)
		return;
	if (name[0] == '\0' || strlen(name) >= sizeof(options->name))
		panic("command line: name=%s must have 1 to %u characters", name, (unsigned)sizeof(options->name) - 1);
	memcpy(options->name, name, strlen(name));
}

void node_options_read(struct node_options *options)
{
	const char *ip = command_line_value("ip"), *manager = command_line_value("gmm"), *gateway = command_line_value("gw");
	uint32_t prefix_len;

	if (ip == NULL)
		panic("command line: ip= is missing: the node's address, like ip=10.77.0.11/24");
	if (manager == NULL)
		panic("command line: gmm= is missing: the manager's address, like gmm=10.77.0.1");
	memset(options, 0, sizeof(*options));
	options->address = address_option("ip", ip, &prefix_len);
	if (prefix_len == 0 || prefix_len > 30)
		panic("command line: ip=%s needs a prefix length of 1 to 30, like ip=10.77.0.11/24", ip);
	options->netmask = UINT32_MAX << (32 - prefix_len);
	options->manager = address_option("gmm", manager, NULL);
	if (gateway != NULL)
		options->gateway = address_option("gw", gateway, NULL);
	else if (((options->address ^ options->manager) & options->netmask) != 0)
		panic("command line: gmm=%s is not on the network of ip=%s, and gw= is missing", manager, ip);
	if (options->address == options->manager)
		panic("command line: ip=%s and gmm=%s are the same machine", ip, manager);
	read_name(options);
}

/* ------------------------------------------------------------------ what is told to the manager */

void node_join_fill(struct fabric *fabric, const struct node_options *options, enum wire_role role,
		    struct wire_node_join *join)
{
	const uint8_t *mac = fabric_mac(fabric);

	join->role = role;
	join->page_bytes = PAGE_BYTES;
	join->incarnation = rpc_incarnation(fabric_rpc(fabric));
	join->kernel_bytes = kernel_bytes_used();
	join->cpus = cpu_count();
	join->region_shift = REGION_SHIFT;
	memcpy(join->mac, mac, MAC_BYTES);
	memcpy(join->name, options->name, sizeof(join->name));
	if (options->name[0] == '\0')
		snprintf(join->name, sizeof(join->name), "%c-%02x%02x%02x%02x%02x%02x", role == WIRE_ROLE_PROCESS ? 'p' : 'm',
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	snprintf(join->build_id, sizeof(join->build_id), "%s", kernel_build_id);
}

void node_renew_fill(struct fabric *fabric, struct wire_node_renew *renew, uint64_t now_ns)
{
	const struct roce_counters *roce = roce_counters(fabric_device(fabric));

	renew->uptime_us = now_ns / 1000;
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		uint64_t idle = idle_ns(cpu);

		renew->busy_ns += idle < now_ns ? now_ns - idle : 0;
	}
	renew->packets_received = roce->packets_received;
	renew->packets_sent = roce->packets_sent;
	renew->packets_refused = roce_refused(roce);
	renew->retransmits = roce->retransmits;
}

/* ------------------------------------------------------------------ log */

void node_event_log(const struct agent *agent, enum agent_event event, int status)
{
	switch (event) {
	case AGENT_MANAGER_UP:
		log_line(LOG_INFO, "event=manager state=up");
		break;
	case AGENT_MANAGER_DOWN:
		log_line(LOG_WARNING, "event=manager state=down");
		break;
	case AGENT_JOINED:
		log_line(LOG_INFO, "event=joined node=%u entry_to_join_us=%lu lease_ms=%u", agent->node, agent->joined_at_us,
			 agent->lease_ms);
		break;
	case AGENT_REFUSED:
		log_line(LOG_ERROR, "event=join_refused status=%d", status);
		break;
	case AGENT_FORGOTTEN:
		log_line(LOG_WARNING, "event=forgotten status=%d", status);
		break;
	}
}
