// SPDX-License-Identifier: GPL-2.0-only
/* The scripts of network boot, for iPXE and for GRUB. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gmm/daemon/dnsmasq.h"
#include "gmm/daemon/netboot.h"

#define RETRY_FIRST_S 2			/* then 4, 8, 16 */
#define RETRY_ATTEMPTS 5		/* then the machine restarts its boot from the beginning */
#define NETBOOT_URL_BYTES 40
#define ORDER_WORDS_BYTES 512u
#define STRING(text) STRING_OF(text)
#define STRING_OF(text) #text

static const char *image_name(uint32_t role)
{
	return role == WIRE_ROLE_PROCESS ? "pcomponent" : "mcomponent";
}

/* What the manager is reached under. */
static void manager_url(const struct gmmd *gmmd, char url[NETBOOT_URL_BYTES])
{
	char manager[16];

	config_format_address(gmmd->config.address, manager);
	snprintf(url, NETBOOT_URL_BYTES, "http://%s:%u", manager, gmmd->config.http_port);
}

/*
 * The end of every script: say what failed, wait, each time twice as long as the time before, try again at `again`, and
 * give up at last, so that the firmware begins anew. The script begins with RETRY_BEGIN.
 */
#define RETRY_BEGIN "set attempt:int32 0\nset wait:int32 " STRING(RETRY_FIRST_S) "\n:again\n"
#define RETRY_END \
	"inc attempt\n" \
	"iseq ${attempt} " STRING(RETRY_ATTEMPTS) " && goto give_up ||\n" \
	"echo Plenum: attempt ${attempt} of " STRING(RETRY_ATTEMPTS) ", the next one in ${wait} s\n" \
	"sleep ${wait}\n" \
	"inc wait ${wait}\n" \
	"goto again\n" \
	":give_up\n" \
	"echo Plenum: giving up after " STRING(RETRY_ATTEMPTS) " attempts, restarting\n" \
	"reboot\n"

void netboot_script_first(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES])
{
	char url[NETBOOT_URL_BYTES];

	manager_url(gmmd, url);
	/* UEFI's iPXE cannot load our images, which are multiboot: GRUB can, by its own script. */
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "#!ipxe\n"
		 "set url %s/boot.ipxe?mac=${netX/mac:hexraw}&uuid=${uuid}\n"
		 "iseq ${platform} efi && set url %s/" NETBOOT_GRUB " ||\n"
		 RETRY_BEGIN
		 "imgfree\n"
		 "chain ${url} ||\n"
		 "echo Plenum: could not boot from ${url}: ${errno}\n"
		 RETRY_END,
		 url, url);
}

void netboot_script_ask(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES])
{
	char url[NETBOOT_URL_BYTES];

	manager_url(gmmd, url);
	snprintf(script, NETBOOT_SCRIPT_BYTES, "#!ipxe\nchain %s/boot.ipxe?mac=${netX/mac:hexraw}&uuid=${uuid}\n", url);
}

/* ---------------------------------------------------------------- of a node */

/* The image's address and its command line, which is the same for every loader. May hold the rack's key. */
struct order {
	char url[192];			/* without http:// and the manager's address */
	char words[ORDER_WORDS_BYTES];
};

static void order_of(struct gmmd *gmmd, uint32_t index, struct order *order)
{
	const struct gmm_node *node = &gmmd->core->nodes[index];
	const struct config_node *settings = config_node_named(&gmmd->config, node->name);
	const char *args = settings ? settings->args : "";	/* one that was admitted has none */
	const uint8_t *mac = node->mac;
	char manager[16], address[16], key[sizeof(" key=") + SECURE_KEY_TEXT_BYTES] = "";

	config_format_address(gmmd->config.address, manager);
	config_format_address(node->address, address);
	snprintf(order->url, sizeof(order->url), "/images/%s.elf?mac=%02x%02x%02x%02x%02x%02x", image_name(node->role), mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
	if (gmmd->config.boot_key) {
		memcpy(key, " key=", 5);
		secure_key_format(gmmd->keys.ids[0], gmmd->keys.keys[0], key + 5);
	}
	snprintf(order->words, sizeof(order->words), "name=%s ip=%s/%u gmm=%s%s%s%s", node->name, address, gmmd->config.prefix,
		 manager, key, args[0] ? " " : "", args);
	secure_erase(key, sizeof(key));
}

static void script_ipxe(const struct gmmd *gmmd, const struct gmm_node *node, const struct order *order,
			char script[NETBOOT_SCRIPT_BYTES])
{
	char manager[NETBOOT_URL_BYTES];

	manager_url(gmmd, manager);
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "#!ipxe\n"
		 "echo Plenum: this machine is %s, a %s component of the rack of %s\n"
		 "set url %s%s\n"
		 RETRY_BEGIN
		 "imgfree\n"
		 "kernel --name %s ${url} %s && boot ||\n"
		 "echo Plenum: could not boot %s from ${url}: ${errno}\n"
		 RETRY_END,
		 node->name, gmm_role_name(node->role), manager, manager, order->url, image_name(node->role), order->words,
		 node->name);
}

/* The same words to GRUB's shell, whatever characters an operator's `args` has. */
static void quote_for_grub(const char *words, char quoted[2 * ORDER_WORDS_BYTES])
{
	size_t at = 0;

	for (; *words; words++) {
		if (strchr("$;|&<>{}()#\"'\\*?[]!~`", *words))
			quoted[at++] = '\\';
		quoted[at++] = *words;
	}
	quoted[at] = '\0';
	assert(at < 2 * ORDER_WORDS_BYTES);
}

/* GRUB has no arithmetic, but lists. What failed it has said itself. */
static void script_grub(const struct gmmd *gmmd, const struct gmm_node *node, const struct order *order,
			char script[NETBOOT_SCRIPT_BYTES])
{
	char manager[NETBOOT_URL_BYTES], words[2 * ORDER_WORDS_BYTES];
	const char *authority;

	manager_url(gmmd, manager);
	quote_for_grub(order->words, words);
	authority = manager + strlen("http://");
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "echo \"Plenum: this machine is %s, a %s component of the rack of %s\"\n"
		 "for wait in 2 4 8 16 32; do\n"
		 "\tif multiboot2 '(http,%s)%s' %s; then boot; fi\n"
		 "\techo \"Plenum: could not boot %s from %s%s, the next attempt in $wait s\"\n"
		 "\tsleep $wait\n"
		 "done\n"
		 "echo \"Plenum: giving up, restarting\"\n"
		 "reboot\n",
		 node->name, gmm_role_name(node->role), manager, authority, order->url, words, node->name, manager, order->url);
	secure_erase(words, sizeof(words));
}

void netboot_script_node(struct gmmd *gmmd, enum netboot_loader loader, uint32_t index, char script[NETBOOT_SCRIPT_BYTES])
{
	const struct gmm_node *node = &gmmd->core->nodes[index];
	struct order order;

	order_of(gmmd, index, &order);
	if (loader == NETBOOT_LOADER_GRUB)
		script_grub(gmmd, node, &order, script);
	else
		script_ipxe(gmmd, node, &order, script);
	secure_erase(&order, sizeof(order));
}
