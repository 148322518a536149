/* SPDX-License-Identifier: GPL-2.0-only */
/* dnsmasq's configuration for the rack: text of the manager's own configuration, nothing else. See docs/netboot.md. */
#ifndef PLENUM_GMM_DNSMASQ_H
#define PLENUM_GMM_DNSMASQ_H

#include <stdio.h>

#include "gmm/daemon/config.h"

/* In [netboot]'s directory: dnsmasq reads the first one at its start, the second one also at SIGHUP. */
#define DNSMASQ_CONFIGURATION "dnsmasq.conf"
#define DNSMASQ_HOSTS "dnsmasq.hosts"
#define DNSMASQ_TFTP "tftp"
/* There, and what dnsmasq names to machines. */
#define NETBOOT_FIRST_SCRIPT "boot.ipxe"
#define NETBOOT_GRUB "grubnet.efi"
#define NETBOOT_IPXE "undionly.kpxe"

/* `config` has a section [netboot]. With `whole` the nodes stand in it, too, not in a file of their own. */
void dnsmasq_write_configuration(const struct config *config, bool whole, FILE *out);
/* A node's line: its address and name are its own. */
void dnsmasq_write_host(const char *prefix, const uint8_t mac[6], uint32_t address, const char *name, FILE *out);
/* Of all nodes in the file. None in proxy mode, where another server gives the addresses. */
void dnsmasq_write_hosts(const struct config *config, const char *prefix, FILE *out);

#endif
