// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/dnsmasq.h"

#include <assert.h>
#include <string.h>

#define LEASE "10m"

/* What every machine is told to load: by its kind of firmware (RFC 4578, 2.1), or as iPXE, which says so in its user class. */
static void write_kinds(FILE *out)
{
	fputs("dhcp-userclass=set:ipxe,iPXE\n"
	      "dhcp-match=set:bios,option:client-arch,0\n"
	      "dhcp-match=set:efi,option:client-arch,7\n"
	      "dhcp-match=set:efi,option:client-arch,9\n"
	      "dhcp-match=set:efi-http,option:client-arch,16\n", out);
}

static void write_authoritative(const struct config *config, const char *manager, FILE *out)
{
	char first[16], last[16], mask[16];

	config_format_address(config->netboot.range_first, first);
	config_format_address(config->netboot.range_last, last);
	config_format_address(UINT32_MAX << (32 - config->prefix), mask);
	fprintf(out, "dhcp-range=%s,%s,%s," LEASE "\n", first, last, mask);
	write_kinds(out);
	fprintf(out,
		"# The rack has no router.\n"
		"dhcp-option=3\n"
		"# File and server in their own fields: not every loader looks for them among the options.\n"
		"dhcp-no-override\n"
		"dhcp-boot=tag:ipxe,%s,,%s\n"
		"dhcp-boot=tag:!ipxe,tag:bios,%s,,%s\n"
		"dhcp-boot=tag:!ipxe,tag:efi,%s,,%s\n"
		"# HTTP boot takes an offer only from who calls himself one of its kind.\n"
		"dhcp-option-force=tag:!ipxe,tag:efi-http,60,HTTPClient\n"
		"dhcp-boot=tag:!ipxe,tag:efi-http,http://%s:%u/%s\n"
		"# iPXE need not wait for a second, PXE-only DHCP server: there is none (encapsulated option 176).\n"
		"dhcp-option=encap:175,176,1b\n",
		NETBOOT_FIRST_SCRIPT, manager, NETBOOT_IPXE, manager, NETBOOT_GRUB, manager, manager, config->http_port, NETBOOT_GRUB);
}

static void write_proxy(const struct config *config, const char *manager, FILE *out)
{
	static const char *const efi[] = { "X86-64_EFI", "BC_EFI" };
	uint32_t mask = UINT32_MAX << (32 - config->prefix);
	char network[16], mask_text[16];

	config_format_address(config->address & mask, network);
	config_format_address(mask, mask_text);
	fprintf(out, "dhcp-range=%s,proxy,%s\n", network, mask_text);
	write_kinds(out);
	fprintf(out, "pxe-service=tag:!ipxe,x86PC,\"Plenum\",%s\n", NETBOOT_IPXE);
	for (int i = 0; i < 2; i++)
		fprintf(out, "pxe-service=tag:!ipxe,%s,\"Plenum\",%s\n", efi[i], NETBOOT_GRUB);
	/* The server in full: what iPXE holds for its server is the other DHCP server. */
	fprintf(out, "pxe-service=tag:ipxe,x86PC,\"Plenum\",tftp://%s/%s\n", manager, NETBOOT_FIRST_SCRIPT);
	for (int i = 0; i < 2; i++)
		fprintf(out, "pxe-service=tag:ipxe,%s,\"Plenum\",tftp://%s/%s\n", efi[i], manager, NETBOOT_FIRST_SCRIPT);
	fprintf(out, "dhcp-boot=tag:ipxe,tftp://%s/%s\n", manager, NETBOOT_FIRST_SCRIPT);
}

void dnsmasq_write_configuration(const struct config *config, bool whole, FILE *out)
{
	const struct config_netboot *netboot = &config->netboot;
	char manager[16];

	assert(netboot->given);
	config_format_address(config->address, manager);
	fprintf(out,
		"# Written by gmmd from its own configuration: changes here are lost. dnsmasq reads it at its start only.\n"
		"port=0\n"
		"interface=%s\n"
		"bind-interfaces\n"
		"enable-tftp\n"
		"tftp-root=%s/" DNSMASQ_TFTP "\n", netboot->interface, netboot->directory);
	if (netboot->proxy) {
		write_proxy(config, manager, out);
		return;
	}
	write_authoritative(config, manager, out);
	if (whole)
		dnsmasq_write_hosts(config, "dhcp-host=", out);
	else
		fprintf(out, "# Read again at SIGHUP.\ndhcp-hostsfile=%s/" DNSMASQ_HOSTS "\n", netboot->directory);
}

/* A node's name that dnsmasq would take for something else, or not at all, stays out: only a signed loader needs it. */
static bool name_is_plain(const char *name)
{
	if (!((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z')))
		return false;
	return !strpbrk(name, "._") && strcmp(name, "ignore") && strcmp(name, "infinite");
}

/* No tags (set:): dnsmasq 2.90 crashes at the SIGHUP after one with a tag has had its address. */
void dnsmasq_write_host(const char *prefix, const uint8_t mac[6], uint32_t address, const char *name, FILE *out)
{
	bool plain = name_is_plain(name);
	char text[16];

	config_format_address(address, text);
	fprintf(out, "%s%02x:%02x:%02x:%02x:%02x:%02x,%s%s%s\n", prefix, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], text,
		plain ? "," : "", plain ? name : "");
}

void dnsmasq_write_hosts(const struct config *config, const char *prefix, FILE *out)
{
	for (uint32_t i = 0; i < config->node_count && !config->netboot.proxy; i++)
		dnsmasq_write_host(prefix, config->nodes[i].mac, config->nodes[i].address, config->nodes[i].name, out);
}
