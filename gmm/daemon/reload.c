// SPDX-License-Identifier: GPL-2.0-only
/* The configuration's nodes, and what of a changed configuration is taken while gmmd runs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gmm/daemon/daemon.h"
#include "gmm/daemon/netboot.h"

/* The configuration has checked the name's length. */
static void set_properties(struct gmmd *self, const struct config_node *node)
{
	uint32_t id = gmm_core_node_named(self->core, node->name)->id;

	gmm_core_node_set_domain(self->core, id, node->domain);
	gmm_core_node_set_link(self->core, id, node->link_mbps);
}

void configured_node_add(struct gmmd *self, const struct config_node *node, char error[CONFIG_ERROR_BYTES])
{
	if (gmm_core_node_add(self->core, node->name, node->role, node->address, node->mac) < 0)
		snprintf(error, CONFIG_ERROR_BYTES, "%s:%d: [node %s]: %s", self->config_path, node->line, node->name,
			 self->core->refusal);
	else
		set_properties(self, node);
}

/* With the nodes that the core knows: one that has changed boots as it was until gmmd starts again. */
static void reload_netboot(struct gmmd *self, const struct config_netboot *fresh)
{
	char error[CONFIG_ERROR_BYTES];

	self->config.netboot = *fresh;
	netboot_look(&self->config, log_warning);
	if (netboot_files_write(self, error))
		log_line(LOG_ERROR, "%s", error);
}

/* In the log, and where an operator looks who has just asked for it. */
__attribute__((format(printf, 2, 3))) static void complain(struct gmmd *self, const char *format, ...)
{
	char line[CONFIG_ERROR_BYTES + 128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (strlen(line) >= GMM_TEXT_BYTES)		/* an event has no room for it */
		log_line(LOG_ERROR, "%s", line);
	gmm_core_event(self->core, GMM_EVENT_WARNING, "configuration", line, self->now_ns);
}

/* What a reload does not take. */
static void complain_of_changes(struct gmmd *self, const struct config *fresh)
{
	if (fresh->manager_hash != self->config.manager_hash)
		complain(self, "%s: [manager] has changed: takes effect when gmmd starts again", self->config_path);
	for (uint32_t i = 0; i < self->config.node_count; i++) {
		const struct config_node *node = &self->config.nodes[i];
		const struct gmm_node *known = gmm_core_node_named(self->core, node->name);
		bool there = false;

		for (uint32_t j = 0; j < fresh->node_count && !there; j++)
			there = strcmp(fresh->nodes[j].name, node->name) == 0;
		if (!there && known && known->configured)
			complain(self, "%s: [node %s] is gone: takes effect when gmmd starts again", self->config_path, node->name);
	}
}

/* Nodes may be added while we run, rules and what is written for dnsmasq may change; anything else needs a new start. */
void reload(struct gmmd *self)
{
	static struct config fresh;
	char error[CONFIG_ERROR_BYTES];

	if (config_load(&fresh, self->config_path, error)) {
		complain(self, "not reloaded: %s", error);
		return;
	}
	complain_of_changes(self, &fresh);
	gmm_core_set_rules(self->core, fresh.rules, fresh.rule_count);
	for (uint32_t i = 0; i < fresh.node_count; i++) {
		const struct config_node *node = &fresh.nodes[i];
		const struct gmm_node *known = gmm_core_node_named(self->core, node->name);

		if (known && known->configured && known->origin == GMM_ORIGIN_FILE) {
			struct config_node *settings = config_node_named(&self->config, node->name);

			if (settings)
				memcpy(settings->args, node->args, sizeof(node->args));
			set_properties(self, node);
			if (known->role != node->role || known->address != node->address || memcmp(known->mac, node->mac, sizeof(known->mac)))
				complain(self, "%s:%d: [node %s] has changed: takes effect when gmmd starts again", self->config_path,
					 node->line, node->name);
			continue;
		}
		error[0] = '\0';
		configured_node_add(self, node, error);
		if (error[0]) {
			complain(self, "%s", error);
			continue;
		}
		self->config.nodes[self->config.node_count++] = *node;
		log_line(LOG_INFO, "node added: name=%s role=%s", node->name, gmm_role_name(node->role));
	}
	reload_netboot(self, &fresh.netboot);
}
