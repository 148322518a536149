// SPDX-License-Identifier: GPL-2.0-only
/* The scripts of network boot, for iPXE. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gmm/daemon/netboot.h"

#define UNKNOWN_RETRY_S 30
#define FAILED_RETRY_S 3
#define FAILED_ATTEMPTS 5		/* then the machine restarts its boot from the beginning */

static const char *image_name(uint32_t role)
{
	return role == WIRE_ROLE_PROCESS ? "pcomponent" : "mcomponent";
}

void netboot_script_ask(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES])
{
	char manager[16];

	config_format_address(gmmd->config.address, manager);
	snprintf(script, NETBOOT_SCRIPT_BYTES, "#!ipxe\nchain http://%s:%u/boot.ipxe?mac=${net0/mac:hexraw}\n", manager,
		 gmmd->config.http_port);
}

void netboot_script_unknown(const struct gmmd *gmmd, const char *mac, char script[NETBOOT_SCRIPT_BYTES])
{
	char manager[16];

	config_format_address(gmmd->config.address, manager);
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "#!ipxe\necho Plenum: the manager %s knows no node with MAC %s\n"
		 "echo Plenum: add a section [node NAME] with this mac to %s and reload gmmd (SIGHUP)\n"
		 "sleep %d\nreboot\n",
		 manager, mac ? mac : "(malformed)", gmmd->config_path, UNKNOWN_RETRY_S);
}

void netboot_script_node(struct gmmd *gmmd, uint32_t index, char script[NETBOOT_SCRIPT_BYTES])
{
	const struct gmm_node *node = &gmmd->core->nodes[index];
	const struct config_node *settings = config_node_named(&gmmd->config, node->name);
	const uint8_t *mac = node->mac;
	char manager[16], address[16], url[192], key[sizeof(" key=") + SECURE_KEY_TEXT_BYTES] = "";

	config_format_address(gmmd->config.address, manager);
	config_format_address(node->address, address);
	snprintf(url, sizeof(url), "http://%s:%u/images/%s.elf?mac=%02x%02x%02x%02x%02x%02x", manager, gmmd->config.http_port,
		 image_name(node->role), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (gmmd->config.boot_key) {
		memcpy(key, " key=", 5);
		secure_key_format(gmmd->keys.ids[0], gmmd->keys.keys[0], key + 5);
	}
	assert(settings);	/* a configured node */
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "#!ipxe\n"
		 "echo Plenum: this machine is %s, a %s component of the rack of %s\n"
		 "set attempt:int32 0\n"
		 ":again\n"
		 "imgfree\n"
		 "kernel --name %s %s name=%s ip=%s/%u gmm=%s%s%s%s || goto failed\n"
		 "boot || goto failed\n"
		 ":failed\n"
		 "echo Plenum: could not boot %s: ${errno}\n"
		 "inc attempt\n"
		 "sleep %d\n"
		 "iseq ${attempt} %d || goto again\n"
		 "echo Plenum: giving up after %d attempts, restarting\n"
		 "reboot\n",
		 node->name, gmm_role_name(node->role), manager, image_name(node->role), url, node->name, address,
		 gmmd->config.prefix, manager, key, settings->args[0] ? " " : "", settings->args, url, FAILED_RETRY_S,
		 FAILED_ATTEMPTS, FAILED_ATTEMPTS);
	secure_erase(key, sizeof(key));
}
