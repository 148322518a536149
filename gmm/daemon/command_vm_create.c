// SPDX-License-Identifier: GPL-2.0-only
/* vm create: what a command says of the new VM, its dry run, and the VM. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/core/placing.h"
#include "gmm/core/text.h"
#include "gmm/daemon/client.h"
#include "gmm/suggest.h"

bool client_string(struct client *client, const char *what, const char *from, char *to, size_t bytes)
{
	if (strlen(from) < bytes) {
		memcpy(to, from, strlen(from) + 1);
		return true;
	}
	client_error(client, -EINVAL, "%s is longer than %zu characters", what, bytes - 1);
	return false;
}

static bool check_file(struct client *client, const char *what, const char *path)
{
	char error[CONFIG_ERROR_BYTES];
	int status = data_check_file(path, error);

	if (status)
		client_error(client, status == -ENOENT ? -EINVAL : status, "%s: %s", what, error);
	return status == 0;
}

/* One of both numbers alone: the other one is the default. */
static bool unpack_restart(struct client *client, const char *policy, json_int_t max, double window_s, struct gmm_vm_spec *spec)
{
	struct gmm_vm_settings settings = { 0 };

	if (!client_restart(client, policy, max, window_s, &settings))
		return false;
	spec->restart = settings.restart;
	if (max || window_s > 0) {
		spec->restart_max = max ? settings.restart_max : GMM_RESTART_MAX_DEFAULT;
		spec->restart_window_s = window_s > 0 ? settings.restart_window_s : GMM_RESTART_WINDOW_S_DEFAULT;
	}
	return true;
}

/* There is no such device: what there is, and what was probably meant. */
static bool refuse_device(struct client *client, const char *name)
{
	const char *names[GMM_DEVICES], *meant;
	char known[1024];
	int len = 0;

	for (uint32_t i = 0; i < GMM_DEVICES; i++) {
		names[i] = gmm_devices[i].name;
		len += snprintf(known + len, sizeof(known) - (size_t)len, "%s%s (%s)", i ? ", " : "", names[i], gmm_devices[i].what);
		assert((size_t)len < sizeof(known));
	}
	meant = suggest(name, names, GMM_DEVICES);
	client_error(client, -EINVAL, "there is no device '%.32s'%s%s%s A VM can have none or some of: %s", name,
		     meant ? "; did you mean '" : ".", meant ? meant : "", meant ? "'?" : "", known);
	return false;
}

static bool unpack_devices(struct client *client, json_t *names, struct gmm_vm_spec *spec)
{
	json_t *name;
	size_t i;

	spec->devices = names ? 0 : DEVICES_DEFAULT;
	json_array_foreach(names, i, name) {
		uint32_t bit = json_is_string(name) ? gmm_device_named(json_string_value(name)) : 0;

		if (!bit)
			return refuse_device(client, json_is_string(name) ? json_string_value(name) : "");
		spec->devices |= bit;
	}
	if (!names || json_is_array(names))
		return true;
	client_error(client, -EINVAL, "devices must be a list of names");
	return false;
}

/* The component that was chosen by name; NULL: the manager chooses. */
static bool unpack_on(struct gmmd *gmmd, struct client *client, const char *on, struct gmm_vm_spec *spec)
{
	const struct gmm_node *node = on ? gmm_core_node_named(gmmd->core, on) : NULL;

	if (on && !node) {
		client_error(client, -ENOENT, "there is no node named %s", on);
		return false;
	}
	spec->on_node = node ? node->id : 0;
	return true;
}

static bool unpack_create(struct gmmd *gmmd, struct client *client, json_t *arguments, struct gmm_vm_spec *spec,
			  int *dry_run)
{
	const char *name, *kernel, *initrd = "", *line = "", *on = NULL, *restart = "no", *overcommit = "none";
	json_int_t memory, cache, vcpus = 1, restart_max = 0, bandwidth = 0, spread = gmmd->config.spread;
	double window_s = 0;
	json_t *devices = NULL;

	*dry_run = 0;
	if (!client_unpack(client, arguments, "{s:s,s:I,s:I,s?I,s?s,s:s,s?s,s?s,s?b,s?s,s?I,s?F,s?I,s?s,s?I,s?o}", "name", &name, "memory_bytes", &memory,
			   "cache_bytes", &cache, "vcpus", &vcpus, "on", &on, "kernel", &kernel, "initrd", &initrd,
			   "command_line", &line, "dry_run", dry_run, "restart", &restart, "restart_max", &restart_max,
			   "restart_window_s", &window_s,
			   "bandwidth_mbps", &bandwidth, "overcommit", &overcommit, "spread", &spread, "devices", &devices) ||
	    !unpack_restart(client, restart, restart_max, window_s, spec) || !unpack_devices(client, devices, spec))
		return false;
	if (!client_bandwidth(client, bandwidth, &spec->bandwidth_mbps) || !client_spread(client, spread, &spec->spread))
		return false;
	spec->overcommit = gmm_overcommit_named(overcommit);
	if (spec->overcommit == UINT32_MAX) {
		client_error(client, -EINVAL, "overcommit must be none, vcpus, memory or all");
		return false;
	}
	if (memory < 0 || cache < 0 || vcpus < 0 || vcpus > UINT32_MAX) {
		client_error(client, -EINVAL, "memory, cache and vcpus must not be negative");
		return false;
	}
	spec->memory_bytes = (uint64_t)memory;
	spec->cache_bytes = (uint64_t)cache;
	spec->vcpus = (uint32_t)vcpus;
	return client_string(client, "the name", name, spec->name, sizeof(spec->name)) &&
	       client_string(client, "the path of the kernel", kernel, spec->kernel, sizeof(spec->kernel)) &&
	       client_string(client, "the path of the initrd", initrd, spec->initrd, sizeof(spec->initrd)) &&
	       client_string(client, "the command line", line, spec->command_line, sizeof(spec->command_line)) &&
	       unpack_on(gmmd, client, on, spec);
}

/* --dry-run: what would be made, and where. */
static void plan_create(struct gmmd *gmmd, struct client *client, const struct gmm_vm_spec *spec)
{
	json_t *regions = json_array();
	struct gmm_vm_plan plan;
	char words[1024];
	int status = gmm_core_vm_create_plan(gmmd->core, spec, &plan), len;

	if (status) {
		json_decref(regions);
		client_error(client, status, "%s", gmmd->core->refusal);
		return;
	}
	len = snprintf(words, sizeof(words), "would create %s on %s, its memory on", spec->name,
		       gmm_core_node(gmmd->core, plan.node)->name);
	for (uint32_t i = 0; i < gmmd->core->node_count; i++) {
		const char *name = gmmd->core->nodes[i].name;

		if (plan.regions[i] == 0)
			continue;
		if ((size_t)len < sizeof(words))
			len += snprintf(words + len, sizeof(words) - (size_t)len, "%s %s (%u region%s)",
					json_array_size(regions) ? "," : "", name, plan.regions[i], text_plural(plan.regions[i], "", "s"));
		json_array_append_new(regions, json_pack("{s:s,s:i}", "node", name, "regions", (int)plan.regions[i]));
	}
	if (plan.promised)
		snprintf(words, sizeof(words), "would create %s on %s, its memory (%u region%s) only promised", spec->name,
			 gmm_core_node(gmmd->core, plan.node)->name, plan.promised, text_plural(plan.promised, "", "s"));
	client_result(client, json_pack("{s:b,s:s,s:s,s:o,s:i}", "dry_run", 1, "would", words, "node",
					gmm_core_node(gmmd->core, plan.node)->name, "regions", regions, "promised", (int)plan.promised));
}

void run_vm_create(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_vm_spec spec = { 0 };
	int status, dry_run;

	if (!unpack_create(gmmd, client, arguments, &spec, &dry_run) || !check_file(client, "kernel", spec.kernel) ||
	    (spec.initrd[0] && !check_file(client, "initrd", spec.initrd)))
		return;
	if (dry_run) {
		plan_create(gmmd, client, &spec);
		return;
	}
	console_sweep(gmmd);
	status = gmm_core_vm_create(gmmd->core, &spec, &client->operation, gmmd->now_ns);
	if (status) {
		client_error(client, status, "%s", gmmd->core->refusal);
		return;
	}
	console_add(gmmd, gmm_core_vm_named(gmmd->core, spec.name));
}
