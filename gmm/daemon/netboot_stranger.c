// SPDX-License-Identifier: GPL-2.0-only
/* The scripts of network boot for machines that are no nodes: to say what they are, and to wait. Nothing of theirs stands in them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/inventory.h"
#include "gmm/daemon/netboot.h"

#define ASK_AGAIN_S 15
#define ASK_AGAIN_MAX 40		/* times that the manager does not answer: then the machine restarts its boot */

__attribute__((format(printf, 2, 3)))
static void put(char script[NETBOOT_SCRIPT_BYTES], const char *format, ...)
{
	size_t len = strlen(script);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(script + len, NETBOOT_SCRIPT_BYTES - len, format, arguments);
	va_end(arguments);
}

static void put_chain(const struct gmmd *gmmd, const uint8_t mac[6], char script[NETBOOT_SCRIPT_BYTES])
{
	char manager[16];

	config_format_address(gmmd->config.address, manager);
	put(script, "chain --autofree --replace http://%s:%u/boot.ipxe?mac=%02x%02x%02x%02x%02x%02x&uuid=${uuid}", manager,
	    gmmd->config.http_port, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void put_wait(const struct gmmd *gmmd, const uint8_t mac[6], char script[NETBOOT_SCRIPT_BYTES])
{
	put(script, "set attempt:int32 0\n:again\nsleep %d\n", ASK_AGAIN_S);
	put_chain(gmmd, mac, script);
	put(script, " || inc attempt\niseq ${attempt} %d || goto again\nreboot\n", ASK_AGAIN_MAX);
}

void netboot_script_tell(const struct gmmd *gmmd, const uint8_t mac[6], char script[NETBOOT_SCRIPT_BYTES])
{
	snprintf(script, NETBOOT_SCRIPT_BYTES,
		 "#!ipxe\necho Plenum: this machine is no node yet; it tells the manager what it is\n"
		 "set svm unknown\nset vmx unknown\n"
		 "cpuid --ext 29 || goto told\n"	/* long mode, which it has: whether iPXE can tell at all */
		 "cpuid --ext --ecx 2 && set svm yes || set svm no\n"
		 "cpuid --ecx 5 && set vmx yes || set vmx no\n"
		 ":told\n");
	put_chain(gmmd, mac, script);
	put(script, "&manufacturer=${manufacturer:uristring}&product=${product:uristring}&serial=${serial:uristring}"
		    "&asset=${asset:uristring}&processor=${smbios/4.16.0:uristring}&firmware=${platform:uristring}%%20${buildarch:uristring}"
		    "&card=${netX/chip:uristring}&svm=${svm}&vmx=${vmx}&threads=");
	for (unsigned i = 0; i < INVENTORY_SOCKETS_MAX; i++)
		put(script, "${smbios/%u.4.37.1:hexraw}", i);
	put(script, "&dimms=");
	for (unsigned i = 0; i < INVENTORY_DIMMS_MAX; i++)
		put(script, "${smbios/%u.17.12.2:hexraw}", i);
	put(script, "&wide=");
	for (unsigned i = 0; i < INVENTORY_DIMMS_MAX; i++)
		put(script, "${smbios/%u.17.28.4:hexraw}", i);
	put(script, "&told=1 || echo Plenum: the manager did not answer: ${errno}\n");
	put_wait(gmmd, mac, script);
}

/* GRUB nests what it loads: this one ends, and what loaded it asks again, some times before it restarts the machine. */
void netboot_script_wait(const struct gmmd *gmmd, enum netboot_loader loader, const uint8_t mac[6], const char *why,
			 char script[NETBOOT_SCRIPT_BYTES])
{
	bool grub = loader == NETBOOT_LOADER_GRUB;
	const char *quote = grub ? "\"" : "";
	char words[GMM_MAC_TEXT_BYTES], manager[16];
	struct text text = text_over(words, sizeof(words));

	text_mac(&text, mac);
	config_format_address(gmmd->config.address, manager);
	snprintf(script, NETBOOT_SCRIPT_BYTES, "%secho %sPlenum: this machine (MAC %s) %s%s\n", grub ? "" : "#!ipxe\n", quote, words,
		 why ? "may not boot now:" : "waits to be admitted to the rack of", quote);
	if (why)
		put(script, "echo %sPlenum: %s%s\n", quote, why, quote);
	else
		put(script, "echo %sPlenum: %s, where somebody can say: gmm node admit NAME --mac %s --role ROLE%s\n", quote, manager, words, quote);
	if (grub)
		put(script, "sleep %d\n", ASK_AGAIN_S);
	else
		put_wait(gmmd, mac, script);
}
