// SPDX-License-Identifier: GPL-2.0-only
/* What the operator changes of a VM that exists, and how what a command gives of a restart policy and a bandwidth is taken. */
#include <errno.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/client.h"
#include "gmm/units.h"

bool client_restart(struct client *client, const char *policy, json_int_t max, double window_s, struct gmm_vm_settings *settings)
{
	if (policy)
		settings->restart = gmm_restart_named(policy);
	if (settings->restart == GMM_RESTARTS) {
		client_error(client, -EINVAL, "restart must be no, on-failure or always");
		return false;
	}
	if (max < 0 || max > GMM_RESTART_MAX_LIMIT || !(window_s >= 0 && window_s <= GMM_RESTART_WINDOW_S_LIMIT)) {
		client_error(client, -EINVAL, "restart_max is 1 to %u, restart_window_s 1 to %u", GMM_RESTART_MAX_LIMIT, GMM_RESTART_WINDOW_S_LIMIT);
		return false;
	}
	if (max)
		settings->restart_max = (uint32_t)max;
	if (window_s > 0)
		settings->restart_window_s = (uint32_t)window_s + (window_s < 1);
	return true;
}

bool client_bandwidth(struct client *client, json_int_t mbps, uint32_t *bandwidth_mbps)
{
	if (mbps < 0 || mbps > UNITS_RATE_MBPS_MAX) {
		client_error(client, -EINVAL, "bandwidth_mbps is at most %u", UNITS_RATE_MBPS_MAX);
		return false;
	}
	*bandwidth_mbps = (uint32_t)mbps;
	return true;
}

bool client_spread(struct client *client, json_int_t components, uint32_t *spread)
{
	if (components < 0 || components > GMM_SPREAD_MAX) {
		client_error(client, -EINVAL, "spread is 1 to %u memory components, or 0 for no limit", (unsigned)GMM_SPREAD_MAX);
		return false;
	}
	*spread = (uint32_t)components;
	return true;
}

void run_vm_set(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name, *restart = NULL;
	json_int_t max = 0, bandwidth = -1, spread = -1;
	struct gmm_vm_settings settings;
	char changes[GMM_TEXT_BYTES];
	struct text text = text_over(changes, sizeof(changes));
	int dry_run = 0, status;
	double window_s = 0;
	struct gmm_vm *vm;

	if (!client_unpack(client, arguments, "{s:s,s?s,s?I,s?F,s?I,s?I,s?b}", "name", &name, "restart", &restart, "restart_max", &max,
			   "restart_window_s", &window_s, "bandwidth_mbps", &bandwidth, "spread", &spread, "dry_run", &dry_run))
		return;
	if (json_object_size(arguments) == 1 + (json_object_get(arguments, "dry_run") != NULL)) {
		client_error(client, -EINVAL, "nothing to change: give a restart policy, its numbers, a bandwidth or a spread");
		return;
	}
	vm = gmm_core_vm_named(gmmd->core, name);
	if (!vm) {
		client_error(client, -ENOENT, "there is no VM named %s", name);
		return;
	}
	settings = gmm_vm_settings(vm);
	if (!client_restart(client, restart, max, window_s, &settings) ||
	    (json_object_get(arguments, "bandwidth_mbps") && !client_bandwidth(client, bandwidth, &settings.bandwidth_mbps)) ||
	    (json_object_get(arguments, "spread") && !client_spread(client, spread, &settings.spread)))
		return;
	gmm_vm_settings_text(vm, &settings, &text);
	status = dry_run ? gmm_core_vm_set_plan(gmmd->core, name, &settings) : gmm_core_vm_set(gmmd->core, name, &settings, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_would(client, json_sprintf("would change %s of %s", text.len_bytes ? changes : "nothing", name));
	else
		client_result(client, json_vm(gmmd, vm));
}
