// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be changed of a VM that exists without anything being done on its component: its restart policy, the bandwidth that
 * is reserved for it, and its spread, which no region moves for. All hold from the moment that their row is kept, whatever state the
 * VM is in.
 */
#include <errno.h>

#include "gmm/core/internal.h"

struct gmm_vm_settings gmm_vm_settings(const struct gmm_vm *vm)
{
	const struct gmm_vm_spec *spec = &vm->spec;

	return (struct gmm_vm_settings){ .restart = spec->restart, .restart_max = spec->restart_max, .restart_window_s = spec->restart_window_s,
					 .bandwidth_mbps = spec->bandwidth_mbps,
					 .spread = spec->spread };
}

static bool restarts_differ(const struct gmm_vm_spec *spec, const struct gmm_vm_settings *settings)
{
	return spec->restart != settings->restart || spec->restart_max != settings->restart_max ||
	       spec->restart_window_s != settings->restart_window_s;
}

static void text_from_to(struct text *text, const char *what, uint64_t from, uint64_t to, const char *unit)
{
	text_string(text, text->len_bytes ? "; " : "");
	text_string(text, what);
	text_string(text, " from ");
	text_number(text, from);
	text_string(text, " to ");
	text_number(text, to);
	text_string(text, unit);
}

void gmm_vm_settings_text(const struct gmm_vm *vm, const struct gmm_vm_settings *settings, struct text *text)
{
	const struct gmm_vm_spec *spec = &vm->spec;

	if (spec->restart != settings->restart) {
		text_string(text, "restart policy from ");
		text_string(text, gmm_restart_name(spec->restart));
		text_string(text, " to ");
		text_string(text, gmm_restart_name(settings->restart));
	}
	if (spec->restart_max != settings->restart_max)
		text_from_to(text, "restarts at most", spec->restart_max, settings->restart_max, "");
	if (spec->restart_window_s != settings->restart_window_s)
		text_from_to(text, "their window", spec->restart_window_s, settings->restart_window_s, " s");
	if (spec->bandwidth_mbps != settings->bandwidth_mbps)
		text_from_to(text, "bandwidth", spec->bandwidth_mbps, settings->bandwidth_mbps, " Mbit/s");
	if (spec->spread != settings->spread)
		text_from_to(text, "spread", spec->spread, settings->spread, " memory components (0: no limit)");
}

/* More of its component's link, if it is on one: a lost VM has none, and takes what it is to have where it is made anew. */
static int check_bandwidth(struct gmm_core *core, const struct gmm_vm *vm, uint32_t bandwidth_mbps)
{
	const struct gmm_node *node = gmm_core_node(core, vm->node);
	uint64_t left = node->link_mbps > node->bandwidth_given_mbps ? node->link_mbps - node->bandwidth_given_mbps : 0;
	struct text text;

	if (vm->phase == GMM_VM_GONE || bandwidth_mbps <= vm->spec.bandwidth_mbps)
		return 0;
	if (!gmm_node_eligible(node))
		return gmm_refuse_words(core, -EBUSY, node->name, " takes nothing more: it is ", gmm_place_obstacle(node));
	if (bandwidth_mbps - vm->spec.bandwidth_mbps <= left)
		return 0;
	text = gmm_refuse(core);
	text_string(&text, node->name);
	text_string(&text, " has ");
	text_number(&text, left);
	text_string(&text, " of ");
	text_number(&text, node->link_mbps);
	text_string(&text, " Mbit/s left, the VM asks for ");
	text_number(&text, bandwidth_mbps - vm->spec.bandwidth_mbps);
	text_string(&text, node->link_mbps ? " more" : " more (link = RATE in its section says how fast it is)");
	return -ENOSPC;
}

int gmm_core_vm_set_plan(struct gmm_core *core, const char *name, const struct gmm_vm_settings *settings)
{
	const struct gmm_vm *vm = gmm_core_vm_named(core, name);

	if (!vm)
		return gmm_refuse_words(core, -ENOENT, "there is no VM named ", name, "");
	if (!gmm_restart_is_valid(settings->restart, settings->restart_max, settings->restart_window_s))
		return gmm_refuse_restart(core, "");
	if (gmm_check_spread(core, settings->spread))
		return -EINVAL;
	return check_bandwidth(core, vm, settings->bandwidth_mbps);
}

int gmm_core_vm_set(struct gmm_core *core, const char *name, const struct gmm_vm_settings *settings, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES], changes[GMM_TEXT_BYTES];
	struct text event = text_over(line, sizeof(line)), text = text_over(changes, sizeof(changes));
	int status = gmm_core_vm_set_plan(core, name, settings);
	struct gmm_vm *vm = gmm_core_vm_named(core, name);
	struct gmm_vm_spec *spec;
	bool restarts;

	if (status)
		return status;
	gmm_vm_settings_text(vm, settings, &text);
	if (text.len_bytes == 0)
		return 0;
	spec = &vm->spec;
	restarts = restarts_differ(spec, settings);
	if (vm->phase != GMM_VM_GONE) {
		struct gmm_node *node = gmm_core_node(core, vm->node);

		node->bandwidth_given_mbps += settings->bandwidth_mbps;
		node->bandwidth_given_mbps -= spec->bandwidth_mbps;
	}
	spec->bandwidth_mbps = settings->bandwidth_mbps;
	spec->spread = settings->spread;
	spec->restart = settings->restart;
	spec->restart_max = settings->restart_max;
	spec->restart_window_s = settings->restart_window_s;
	/* What was counted, or was too often, was so under the old policy. */
	if (restarts)
		gmm_restart_want(core, vm, vm->wanted);
	gmm_dirty_vm(core, vm);
	text_string(&event, "changed: ");
	text_string(&event, changes);
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
	return 0;
}
