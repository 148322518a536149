/* SPDX-License-Identifier: GPL-2.0-only */
/* What machines that boot over the network are told: the texts that http.c serves. */
#ifndef PLENUM_GMM_NETBOOT_H
#define PLENUM_GMM_NETBOOT_H

#include "gmm/daemon/daemon.h"

#define NETBOOT_SCRIPT_BYTES 4096
/* Who runs a script, and in whose language it is. */
enum netboot_loader { NETBOOT_LOADER_IPXE, NETBOOT_LOADER_GRUB };

#define NETBOOT_LOADER_BYTES_MAX (16u << 20)

/* For iPXE, by TFTP, before it has spoken with the manager: it holds out until the manager answers. */
void netboot_script_first(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES]);

/* For a loader that did not say its MAC: ask again, with it. */
void netboot_script_ask(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES]);
/* For a configured node: its role's image with its command line. May hold the rack's key: erase it when it is sent. */
void netboot_script_node(struct gmmd *gmmd, enum netboot_loader loader, uint32_t index, char script[NETBOOT_SCRIPT_BYTES]);
/* For iPXE on a machine that no node has the MAC of: to say what it is. Our GRUB says so with its first request. */
void netboot_script_tell(const struct gmmd *gmmd, const uint8_t mac[6], char script[NETBOOT_SCRIPT_BYTES]);
/* To wait and ask again: it is not admitted, or may not boot now since `why`; NULL: it is only not admitted. */
void netboot_script_wait(const struct gmmd *gmmd, enum netboot_loader loader, const uint8_t mac[6], const char *why,
			 char script[NETBOOT_SCRIPT_BYTES]);

/*
 * netboot_files.c. A boot loader of the images' directory, with this manager's address in the place that is left for it. The
 * caller frees `bytes`. 0 or a negative errno.
 */
int netboot_loader_read(const struct gmmd *gmmd, const char *name, uint8_t **bytes, size_t *len_bytes);
/* Write what [netboot] asks for; files that are as they should be are not touched. 0, or -1 and `error`. */
int netboot_files_write(const struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
/*
 * What the configuration names for machines that boot over the network and this host does not have; `say` gets a line for
 * each. gmmd runs all the same: machines may boot otherwise, and what is missing may come.
 */
void netboot_look(const struct config *config, void (*say)(const char *line));
/* Nodes come and go by the operator's commands, too: see now and then that they are in dnsmasq's file. */
void netboot_turn(struct gmmd *gmmd);

#endif
