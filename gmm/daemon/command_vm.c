// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands about VMs, and the READ benchmark. */
#include <errno.h>
#include <string.h>

#include "gmm/core/placing.h"
#include "gmm/daemon/client.h"
#include "gmm/suggest.h"
#include "gmm/units.h"

#define STATS_WAIT_NS UINT64_C(3000000000)

static const struct gmm_node *node_of(const struct gmmd *gmmd, const struct gmm_vm *vm)
{
	return gmm_core_node(gmmd->core, vm->node);
}

static const char *state_of(const struct gmmd *gmmd, const struct gmm_vm *vm)
{
	return gmm_vm_state_name(vm, node_of(gmmd, vm));
}

static json_t *restart_object(const struct gmm_vm *vm)
{
	return json_pack("{s:s,s:i,s:i,s:b,s:i,s:b}", "policy", gmm_restart_name(vm->spec.restart), "max", (int)vm->spec.restart_max,
			 "window_s", (int)vm->spec.restart_window_s, "wanted", vm->wanted, "count", (int)vm->restarts, "crash_loop", vm->looping);
}

static json_t *devices_array(const struct gmm_vm *vm)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < GMM_DEVICES; i++)
		if (vm->spec.devices & gmm_devices[i].bit)
			json_array_append_new(array, json_string(gmm_devices[i].name));
	return array;
}

static json_t *vm_object(const struct gmmd *gmmd, const struct gmm_vm *vm)
{
	return json_pack("{s:s,s:I,s:s,s:o,s:i,s:s,s:I,s:I,s:o,s:i,s:i,s:o,s:o,s:o,s:i,s:b,s:i,s:i}", "name", vm->spec.name,
			 "id", (json_int_t)vm->id, "state", state_of(gmmd, vm), "reason", json_text(vm->reason),
			 "status", (int)vm->status, "node", node_of(gmmd, vm)->name,
			 "memory_bytes", (json_int_t)vm->spec.memory_bytes, "cache_bytes", (json_int_t)vm->spec.cache_bytes,
			 "cache_wanted_bytes", vm->cache_wanted_bytes ? json_integer((json_int_t)vm->cache_wanted_bytes) : json_null(),
			 "vcpus", (int)vm->spec.vcpus, "regions", (int)vm->region_count,
			 "created_s_ago", json_seconds_ago(gmmd, vm->created_ns),
			 "changed_s_ago", json_seconds_ago(gmmd, vm->changed_ns), "devices", devices_array(vm),
			 "regions_promised", (int)gmm_vm_regions_promised(gmmd->core, vm), "waits_for_memory", vm->place_waits,
			 "spread", (int)vm->spec.spread, "memory_components", (int)gmm_copyset(gmmd->core, vm, 0).count);
}

static struct gmm_vm *named_vm(struct gmmd *gmmd, struct client *client, const char *name)
{
	struct gmm_vm *vm = gmm_core_vm_named(gmmd->core, name);

	if (!vm)
		client_error(client, -ENOENT, "there is no VM named %s", name);
	return vm;
}

static struct gmm_vm *find_vm(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name;

	return client_unpack(client, arguments, "{s:s}", "name", &name) ? named_vm(gmmd, client, name) : NULL;
}

/* ---------------------------------------------------------------- list, show */

static void run_list(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	json_t *array;

	if (!client_unpack(client, arguments, "{}"))
		return;
	array = json_array();
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (gmmd->core->vms[i].phase != GMM_VM_FREE)
			json_array_append_new(array, vm_object(gmmd, &gmmd->core->vms[i]));
	client_result(client, array);
}

json_t *json_vm(const struct gmmd *gmmd, const struct gmm_vm *vm)
{
	json_t *object = vm_object(gmmd, vm), *places = json_array();

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = gmmd->core->regions[at].next) {
		const struct gmm_region *region = &gmmd->core->regions[at];

		json_array_append_new(places, json_pack("{s:i,s:o,s:i,s:s}", "index", (int)region->index,
			"node", json_node_name(gmmd, region->node), "pages", (int)region->pages,
			"state", gmm_region_state_name(region->state)));
	}
	json_object_set_new(object, "places", places);
	json_object_set_new(object, "restart", restart_object(vm));
	json_object_set_new(object, "bandwidth_mbps", json_integer(vm->spec.bandwidth_mbps));
	json_object_set_new(object, "overcommit", json_string(gmm_overcommit_name(vm->spec.overcommit)));
	json_object_set_new(object, "command_line", json_text(vm->spec.command_line));
	json_object_set_new(object, "kernel", json_text(vm->spec.kernel));
	json_object_set_new(object, "initrd", json_text(vm->spec.initrd));
	return object;
}

static void run_show(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm *vm = find_vm(gmmd, client, arguments);

	if (vm)
		client_result(client, json_vm(gmmd, vm));
}

/* ---------------------------------------------------------------- start, stop, destroy */

/* "name" and "dry_run" of a command about a VM. NULL: the client has its answer, be it the one to a dry run. */
static struct gmm_vm *find_vm_for(struct gmmd *gmmd, struct client *client, json_t *arguments,
				  enum gmm_operation_kind kind, const char *verb)
{
	int dry_run = 0, status;
	struct gmm_vm *vm;
	const char *name;

	if (!client_unpack(client, arguments, "{s:s,s?b}", "name", &name, "dry_run", &dry_run))
		return NULL;
	vm = named_vm(gmmd, client, name);
	if (!vm || !dry_run)
		return vm;
	status = gmm_core_vm_check(gmmd->core, name, kind);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else
		client_result(client, json_pack("{s:b,s:o,s:s}", "dry_run", 1, "would", json_sprintf("would %s %s on %s", verb, name,
						node_of(gmmd, vm)->name), "state", state_of(gmmd, vm)));
	return NULL;
}

static void run_start(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm *vm = find_vm_for(gmmd, client, arguments, GMM_OPERATION_VM_START, "start");
	struct wire_blob blobs[2] = { 0 };
	char error[CONFIG_ERROR_BYTES];
	struct vm_side *side;
	int status;

	if (!vm)
		return;
	side = console_side(gmmd, vm);
	if (!side) {
		client_error(client, -EAGAIN, "the VM is being set up, try again");
		return;
	}
	/* The files are offered before the core decides: they are withdrawn only when nobody can be loading them. */
	if (vm->state != WIRE_VM_LOADING && vm->state != WIRE_VM_RUNNING && vm->state != WIRE_VM_PAUSED &&
	    vm->operation == GMM_NONE) {
		status = data_offer(gmmd, side, vm, blobs, error);
		if (status) {
			client_error(client, status == -ENOENT ? -EINVAL : status, "%s", error);
			return;
		}
	}
	status = gmm_core_vm_start(gmmd->core, vm->spec.name, &blobs[0], &blobs[1], &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
}

static void run_stop(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	double grace_s = GMM_STOP_GRACE_MS_DEFAULT / 1000.0;
	json_t *given = json_object_get(arguments, "grace_s");
	struct gmm_vm *vm;
	int status;

	if (given && !(json_is_number(given) && (grace_s = json_number_value(given)) >= 0 && grace_s <= GMM_STOP_GRACE_MS_MAX / 1000.0)) {
		client_error(client, -EINVAL, "grace_s must be 0 to %u seconds", GMM_STOP_GRACE_MS_MAX / 1000);
		return;
	}
	json_object_del(arguments, "grace_s");
	vm = find_vm_for(gmmd, client, arguments, GMM_OPERATION_VM_STOP, "stop");
	if (!vm)
		return;
	status = gmm_core_vm_stop(gmmd->core, vm->spec.name, (uint64_t)(grace_s * 1000), &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
}

static void run_kill(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm *vm = find_vm_for(gmmd, client, arguments, GMM_OPERATION_VM_KILL, "kill");
	int status;

	if (!vm)
		return;
	status = gmm_core_vm_kill(gmmd->core, vm->spec.name, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
}

static void run_destroy(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm *vm = find_vm_for(gmmd, client, arguments, GMM_OPERATION_VM_DESTROY, "destroy");
	int status;

	if (!vm)
		return;
	status = gmm_core_vm_destroy(gmmd->core, vm->spec.name, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
}

static void run_resize(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	char from[UNITS_BYTES], to[UNITS_BYTES];
	int dry_run = 0, status;
	json_int_t cache;
	const char *name;

	if (!client_unpack(client, arguments, "{s:s,s:I,s?b}", "name", &name, "cache_bytes", &cache, "dry_run", &dry_run))
		return;
	if (cache < 0) {
		client_error(client, -EINVAL, "cache_bytes must not be negative");
		return;
	}
	status = dry_run ? gmm_core_vm_resize_plan(gmmd->core, name, (uint64_t)cache) :
			   gmm_core_vm_resize(gmmd->core, name, (uint64_t)cache, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_would(client, json_sprintf("would resize the cache share of %s from %s to %s", name,
						  units_size((double)gmm_core_vm_named(gmmd->core, name)->spec.cache_bytes, from),
						  units_size((double)cache, to)));
}

/* ---------------------------------------------------------------- wait, stats */

static void wait_turn(struct gmmd *gmmd, struct client *client)
{
	const struct gmm_vm *vm = gmm_core_vm(gmmd->core, client->vm);

	if (!vm) {
		client_error(client, -ENOENT, "the VM was destroyed");
		return;
	}
	const char *state = state_of(gmmd, vm);

	if (strcmp(state, client->wanted) == 0)
		client_result(client, vm_object(gmmd, vm));
	else if (strcmp(state, "lost") == 0 || strcmp(state, "failed") == 0)
		client_error(client, -EBUSY, "%s is %s: %s", vm->spec.name, state, vm->reason);
	else if (gmmd->now_ns >= client->deadline_ns)
		client_error(client, -ETIMEDOUT, "%s is still %s", vm->spec.name, state);
}

/* One that is mistyped would be waited for in vain. */
static bool known_state(struct client *client, const char *state)
{
	char known[256] = "";
	const char *meant;
	unsigned count = 0;

	for (; gmm_vm_states[count]; count++) {
		if (strcmp(gmm_vm_states[count], state) == 0)
			return true;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", count ? ", " : "", gmm_vm_states[count]);
	}
	meant = suggest(state, gmm_vm_states, count);
	client_error(client, -EINVAL, meant ? "no VM is ever %s; did you mean %s?" : "no VM is ever %s; states are %s", state,
		     meant ? meant : known);
	return false;
}

static void run_wait(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name, *state;
	double timeout_s = 60;
	struct gmm_vm *vm;

	if (!client_unpack(client, arguments, "{s:s,s:s,s?F}", "name", &name, "state", &state, "timeout_s", &timeout_s))
		return;
	if (!known_state(client, state))
		return;
	vm = named_vm(gmmd, client, name);
	if (!vm || !client_string(client, "the state", state, client->wanted, sizeof(client->wanted)))
		return;
	if (!(timeout_s >= 0 && timeout_s <= 1e6)) {
		client_error(client, -EINVAL, "the timeout must be 0 to 1000000 seconds");
		return;
	}
	client->vm = vm->id;
	client->deadline_ns = gmmd->now_ns + (uint64_t)(timeout_s * 1e9);
	client->turn = wait_turn;
}

static json_t *stats_object(const struct gmmd *gmmd, const struct gmm_vm *vm)
{
	const struct wire_vm_status *status = &vm->counters;
	json_t *counters = json_object();

#define SET_COUNTER(name) json_object_set_new(counters, #name, json_integer((json_int_t)status->name));
	WIRE_VM_COUNTERS(SET_COUNTER)
#undef SET_COUNTER
	return json_pack("{s:s,s:s,s:s,s:o,s:I,s:o,s:o,s:o,s:o}", "name", vm->spec.name, "state", state_of(gmmd, vm),
			 "node", node_of(gmmd, vm)->name, "age_s", json_seconds_ago(gmmd, vm->counters_ns),
			 "run_ns", (json_int_t)status->run_ns, "counters", counters, "miss", json_histogram(&status->miss),
			 "read", json_histogram(&status->read), "exit", json_histogram(&status->exit));
}

/* Answer with counters that are younger than the question, or with the last ones of a component that does not answer. */
static void stats_turn(struct gmmd *gmmd, struct client *client)
{
	const struct gmm_vm *vm = gmm_core_vm(gmmd->core, client->vm);

	if (!vm)
		client_error(client, -ENOENT, "the VM was destroyed");
	else if (vm->counters_ns > client->since_ns || vm->phase != GMM_VM_READY || gmmd->now_ns >= client->deadline_ns)
		client_result(client, stats_object(gmmd, vm));
}

static void run_stats(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm *vm = find_vm(gmmd, client, arguments);

	if (!vm)
		return;
	gmm_core_vm_poll(gmmd->core, vm);
	client->vm = vm->id;
	client->since_ns = gmmd->now_ns;
	client->deadline_ns = gmmd->now_ns + STATS_WAIT_NS;
	client->turn = stats_turn;
}

/* ---------------------------------------------------------------- bench */

static void run_bench(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *process, *memory;
	json_int_t count = 1000, len_bytes = PAGE_BYTES, outstanding = 1;
	struct gmm_bench_spec spec;
	int status;

	if (!client_unpack(client, arguments, "{s:s,s:s,s?I,s?I,s?I}", "process", &process, "memory", &memory, "count", &count,
			   "len_bytes", &len_bytes, "outstanding", &outstanding))
		return;
	if (count < 0 || count > UINT32_MAX || len_bytes < 0 || len_bytes > UINT32_MAX || outstanding < 0 ||
	    outstanding > UINT32_MAX) {
		client_error(client, -EINVAL, "count, size and outstanding must not be negative");
		return;
	}
	spec = (struct gmm_bench_spec){ (uint32_t)count, (uint32_t)len_bytes, (uint32_t)outstanding };
	status = gmm_core_bench(gmmd->core, process, memory, &spec, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
}

const struct client_command_entry vm_commands[] = {
	{ "vm.list", run_list, false },
	{ "vm.show", run_show, false },
	{ "vm.create", run_vm_create, true },
	{ "vm.start", run_start, true },
	{ "vm.stop", run_stop, true },
	{ "vm.kill", run_kill, true },
	{ "vm.destroy", run_destroy, true },
	{ "vm.resize", run_resize, true },
	{ "vm.set", run_vm_set, true },
	{ "vm.wait", run_wait, false },
	{ "vm.stats", run_stats, false },
	{ "vm.console", run_vm_console, false },
	{ "vm.output", run_vm_output, false },
	{ "vm.type", run_vm_type, false },
	{ "bench.read", run_bench, true },
	{ NULL, NULL, false },
};
