// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands about the rack, its nodes, regions and events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/client.h"
#include "gmm/daemon/wall_time.h"
#include "lib/histogram.h"


/* ---------------------------------------------------------------- values */

json_t *json_seconds_ago(const struct gmmd *gmmd, uint64_t time_ns)
{
	return time_ns ? json_real((double)(gmmd->now_ns - time_ns) / 1e9) : json_null();
}

json_t *json_wall_time(const struct gmmd *gmmd, uint64_t time_ns)
{
	char text[WALL_TIME_BYTES];

	wall_time_text(gmmd->core, time_ns, text);
	return json_string(text);
}

json_t *json_histogram(const struct wire_histogram *histogram)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; i < WIRE_HISTOGRAM_BUCKETS; i++)
		if (histogram->buckets[i])
			json_array_append_new(buckets, json_pack("{s:I,s:I}", "from_ns", (json_int_t)histogram_bucket_floor_ns(i),
								 "count", (json_int_t)histogram->buckets[i]));
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "count", (json_int_t)histogram->count,
			 "min_ns", (json_int_t)(histogram->count ? histogram->min_ns : 0),
			 "mean_ns", (json_int_t)(histogram->count ? histogram->sum_ns / histogram->count : 0),
			 "p50_ns", (json_int_t)histogram_quantile_ns(histogram, 500),
			 "p90_ns", (json_int_t)histogram_quantile_ns(histogram, 900),
			 "p99_ns", (json_int_t)histogram_quantile_ns(histogram, 990),
			 "p999_ns", (json_int_t)histogram_quantile_ns(histogram, 999),
			 "max_ns", (json_int_t)histogram->max_ns, "buckets", buckets);
}

static void set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

json_t *json_node(const struct gmmd *gmmd, const struct gmm_node *node)
{
	bool memory = node->role == WIRE_ROLE_MEMORY;
	const struct wire_node_renew *load = &node->renew;
	char address[16], mac[18];
	json_t *object = json_object();

	config_format_address(node->address, address);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", node->mac[0], node->mac[1], node->mac[2], node->mac[3],
		 node->mac[4], node->mac[5]);
	json_object_set_new(object, "name", json_text(node->name));
	set(object, "id", node->id);
	json_object_set_new(object, "role", json_string(gmm_role_name(node->role)));
	json_object_set_new(object, "state", json_string(gmm_node_state_name(node->state)));
	json_object_set_new(object, "admin", json_string(gmm_node_admin_name(node->admin)));
	json_object_set_new(object, "life", json_string(gmm_life_name(node->life)));
	json_object_set_new(object, "life_s_ago", json_seconds_ago(gmmd, node->life_ns));
	json_object_set_new(object, "origin", json_string(node->origin == GMM_ORIGIN_ADMITTED ? "admitted" : "file"));
	json_object_set_new(object, "domain", json_text(node->domain));
	json_object_set_new(object, "ip", json_string(address));
	json_object_set_new(object, "mac", json_string(mac));
	json_object_set_new(object, "build", json_text(node->join.build_id));
	json_object_set_new(object, "joined_s_ago", json_seconds_ago(gmmd, node->joined_ns));
	/* The core counts from its start for one that never joined. */
	json_object_set_new(object, "renewed_s_ago", json_seconds_ago(gmmd, node->state == GMM_NODE_ABSENT ? 0 : node->renewed_ns));
	set(object, "cpus", node->join.cpus);
	set(object, "vcpus_given", node->vcpus_given);
	set(object, "entry_to_join_us", node->join.entry_to_join_us);
	set(object, "kernel_bytes", node->join.kernel_bytes);
	set(object, "table_bytes", node->join.table_bytes);
	set(object, "uptime_us", load->uptime_us);
	set(object, "pages_capacity", node->join.capacity_pages);
	set(object, "pages_reserved", memory ? node->pages_reserved + node->pages_foreign : node->lines_given);
	set(object, "pages_foreign", node->pages_foreign);
	set(object, "pages_stored", load->pages_stored);
	set(object, "pages_zero", load->pages_zero);
	set(object, "pages_written", load->pages_written);
	set(object, "reads", load->reads);
	set(object, "writes", load->writes);
	set(object, "regions", memory ? node->regions : 0);
	set(object, "vms", memory ? 0 : node->vms);
	set(object, "packets_received", load->packets_received);
	set(object, "packets_sent", load->packets_sent);
	set(object, "packets_refused", load->packets_refused);
	set(object, "retransmits", load->retransmits);
	set(object, "busy_ns", load->busy_ns);
	return object;
}

/* ---------------------------------------------------------------- status, node list, node show */

static json_t *node_array(const struct gmmd *gmmd)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < gmmd->core->node_count; i++)
		if (gmmd->core->nodes[i].life != GMM_LIFE_FORGOTTEN)
			json_array_append_new(array, json_node(gmmd, &gmmd->core->nodes[i]));
	return array;
}

static void run_status(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	uint64_t memory[4] = { 0 }, cache[2] = { 0 };
	unsigned up = 0, known = 0, vms = 0, running = 0;
	char address[16];

	if (!client_unpack(client, arguments, "{}"))
		return;
	for (uint32_t i = 0; i < gmmd->core->node_count; i++) {
		const struct gmm_node *node = &gmmd->core->nodes[i];

		known += node->life != GMM_LIFE_FORGOTTEN;
		if (node->state != GMM_NODE_UP)
			continue;
		up++;
		if (node->role == WIRE_ROLE_PROCESS) {
			cache[0] += node->join.capacity_pages;
			cache[1] += node->lines_given;
			continue;
		}
		memory[0] += node->join.capacity_pages;
		memory[1] += node->pages_reserved + node->pages_foreign;
		memory[2] += node->renew.pages_written;
		memory[3] += node->renew.pages_stored;
	}
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		vms += gmmd->core->vms[i].phase != GMM_VM_FREE;
		running += gmmd->core->vms[i].phase == GMM_VM_READY && gmmd->core->vms[i].state == WIRE_VM_RUNNING;
	}
	config_format_address(gmmd->config.address, address);
	health_look(gmmd);
	client_result(client, json_pack("{s:s,s:{s:i,s:i,s:i},s:{s:I,s:I,s:I,s:I,s:I},s:{s:I,s:I},s:{s:i,s:i},s:i,s:s,s:b,s:o,s:o}",
		"manager", address, "nodes_total", "up", up, "configured", (int)known, "pending", (int)machines_waiting(gmmd),
		"memory_pages", "capacity", (json_int_t)memory[0], "reserved", (json_int_t)memory[1],
		"written", (json_int_t)memory[2], "stored", (json_int_t)memory[3], "promised", (json_int_t)gmmd->core->pages_promised,
		"cache_lines", "capacity", (json_int_t)cache[0], "given", (json_int_t)cache[1],
		"vms", "total", vms, "running", running, "regions", (int)gmmd->core->regions_used,
		"placement", gmm_policies[gmmd->core->config.placement].name,
		"rebuild_reserve", gmmd->core->config.rebuild_reserve, "nodes", node_array(gmmd),
		"health", json_health(gmmd)));
}

static void run_node_list(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	if (client_unpack(client, arguments, "{}"))
		client_result(client, node_array(gmmd));
}

static struct gmm_node *named_node(struct gmmd *gmmd, struct client *client, const char *name)
{
	struct gmm_node *node = gmm_core_node_named(gmmd->core, name);

	if (!node) {
		int status = gmm_core_no_node(gmmd->core, name);

		client_error(client, status, "%s", gmmd->core->refusal);
	}
	return node;
}

struct gmm_node *client_node(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name;

	return client_unpack(client, arguments, "{s:s}", "name", &name) ? named_node(gmmd, client, name) : NULL;
}

static void run_node_show(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_node *node = client_node(gmmd, client, arguments);
	const struct boot_record *boot;
	json_t *object;

	if (!node)
		return;
	boot = &gmmd->boots[node->id - GMM_NODE_FIRST];
	object = json_node(gmmd, node);
	json_object_set_new(object, "uuid", json_uuid(node->uuid));
	json_object_set_new(object, "next", json_life_next(node->life));
	json_object_set_new(object, "link_mbps", json_integer(node->link_mbps));
	json_object_set_new(object, "bandwidth_given_mbps", json_integer((json_int_t)node->bandwidth_given_mbps));
	json_object_set_new(object, "boot", json_pack("{s:s?,s:o,s:o,s:o,s:o,s:o,s:i}", "loader", boot->loader,
		"script_s_ago", json_seconds_ago(gmmd, node->boot_ns), "image_s_ago", json_seconds_ago(gmmd, boot->image_ns),
		"image_done_s_ago", json_seconds_ago(gmmd, boot->image_done_ns), "entered_s_ago", json_seconds_ago(gmmd, boot->entered_ns),
		"joined_s_ago", json_seconds_ago(gmmd, boot->joined_ns), "scripts_since_join", (int)node->boot_attempts));
	json_object_set_new(object, "moves", json_moves_of(gmmd, node));
	client_result(client, object);
}

/* ---------------------------------------------------------------- administration */

/* `from`: the only state that the command's words are for; GMM_ADMIN_STATES: the core's table alone decides. */
static void set_admin(struct gmmd *gmmd, struct client *client, json_t *arguments, enum gmm_node_admin from,
		      enum gmm_node_admin to)
{
	int status, dry_run = 0;
	struct gmm_node *node;
	const char *name;

	if (!client_unpack(client, arguments, "{s:s,s?b}", "name", &name, "dry_run", &dry_run))
		return;
	node = named_node(gmmd, client, name);
	if (!node)
		return;
	if (from != GMM_ADMIN_STATES && node->admin != from && node->admin != to) {
		client_error(client, -EBUSY, "%s is %s, not %s", node->name, gmm_node_admin_name(node->admin),
			     gmm_node_admin_name(from));
		return;
	}
	status = dry_run ? gmm_core_node_set_admin_plan(gmmd->core, node->name, to) :
			   gmm_core_node_set_admin(gmmd->core, node->name, to, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_would(client, node->admin == to ? json_sprintf("nothing would change: %s is %s", node->name, gmm_node_admin_name(to)) :
							 json_sprintf("%s would become %s, is %s", node->name, gmm_node_admin_name(to),
								      gmm_node_admin_name(node->admin)));
	else
		client_result(client, json_node(gmmd, node));
}

static void run_node_cordon(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	set_admin(gmmd, client, arguments, GMM_ADMIN_STATES, GMM_ADMIN_CORDONED);
}

static void run_node_uncordon(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	set_admin(gmmd, client, arguments, GMM_ADMIN_CORDONED, GMM_ADMIN_ADMITTED);
}

static void run_node_maintenance(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	set_admin(gmmd, client, arguments, GMM_ADMIN_STATES, GMM_ADMIN_MAINTENANCE);
}

static void run_node_restore(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	set_admin(gmmd, client, arguments, GMM_ADMIN_MAINTENANCE, GMM_ADMIN_ADMITTED);
}

static void run_node_retire(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	set_admin(gmmd, client, arguments, GMM_ADMIN_STATES, GMM_ADMIN_RETIRED);
}

/* ---------------------------------------------------------------- regions, events */

static void run_region_list(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const struct gmm_vm *vm = NULL;
	uint64_t id = 0;
	json_t *array;

	if (!client_unpack(client, arguments, "{}"))
		return;
	array = json_array();
	for (uint32_t i = 0; i < gmmd->core->region_top; i++) {
		const struct gmm_region *region = &gmmd->core->regions[i];

		if (region->state == GMM_REGION_FREE)
			continue;
		/* Neighbours in the table are mostly of one VM: it is not looked up for each. */
		if (region->vm != id) {
			id = region->vm;
			vm = gmm_core_vm(gmmd->core, id);
		}
		json_array_append_new(array, json_pack("{s:s,s:I,s:i,s:o,s:s,s:i,s:i,s:s}",
			"vm", vm ? vm->spec.name : "-", "vm_id", (json_int_t)region->vm, "index", (int)region->index,
			"node", json_node_name(gmmd, region->node),
			"owner", gmm_core_node(gmmd->core, region->owner)->name, "pages", (int)region->pages,
			"epoch", (int)region->epoch, "state", gmm_region_state_name(region->state)));
	}
	client_result(client, array);
}

json_t *json_event(const struct gmmd *gmmd, const struct gmm_event *event)
{
	return json_pack("{s:I,s:o,s:s,s:o,s:o}", "sequence", (json_int_t)event->sequence,
			 "time", json_wall_time(gmmd, event->time_ns), "kind", gmm_event_kind_name(event->kind),
			 "object", json_text(event->object), "text", json_text(event->text));
}

static void events_turn(struct gmmd *gmmd, struct client *client)
{
	const struct gmm_event *event;

	while ((client->follow || client->limit) && (event = gmm_core_event_after(gmmd->core, client->sequence))) {
		client->limit -= !client->follow;
		if (client->followed)
			health_events_given(gmmd, client->sequence, event->sequence);
		client->sequence = event->sequence;
		client_item(client, json_event(gmmd, event));
	}
	client->followed = client->follow;
	if (!client->follow)
		client_result(client, json_null());
}

static void run_events(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	json_int_t after = 0, limit = GMM_EVENTS_MAX;
	int follow = 0;

	(void)gmmd;
	if (!client_unpack(client, arguments, "{s?b,s?I,s?I}", "follow", &follow, "after", &after, "limit", &limit))
		return;
	if (limit < 1 || limit > GMM_EVENTS_MAX) {
		client_error(client, -EINVAL, "limit must be 1 to %u", GMM_EVENTS_MAX);
		return;
	}
	client->limit = (uint32_t)limit;
	client->sequence = after > 0 ? (uint64_t)after : 0;
	client->follow = follow;
	client->followed = false;
	client->turn = events_turn;
}

const struct client_command_entry node_commands[] = {
	{ "status", run_status, false },
	{ "node.list", run_node_list, false },
	{ "node.show", run_node_show, false },
	{ "node.cordon", run_node_cordon, true },
	{ "node.uncordon", run_node_uncordon, true },
	{ "node.maintenance", run_node_maintenance, true },
	{ "node.restore", run_node_restore, true },
	{ "node.retire", run_node_retire, true },
	{ "node.counters", run_node_counters, false },
	{ "node.refusals", run_node_refusals, false },
	{ "manager.counters", run_manager_counters, false },
	{ "manager.refusals", run_manager_refusals, false },
	{ "region.list", run_region_list, false },
	{ "events", run_events, false },
	{ NULL, NULL, false },
};
