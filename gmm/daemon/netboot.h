/* SPDX-License-Identifier: GPL-2.0-only */
/* What machines that boot over the network are told: the texts that http.c serves. */
#ifndef PLENUM_GMM_NETBOOT_H
#define PLENUM_GMM_NETBOOT_H

#include "gmm/daemon/daemon.h"

#define NETBOOT_SCRIPT_BYTES 4096

/* For a loader that did not say its MAC: ask again, with it. */
void netboot_script_ask(const struct gmmd *gmmd, char script[NETBOOT_SCRIPT_BYTES]);
/* For a configured node: its role's image with its command line. May hold the rack's key: erase it when it is sent. */
void netboot_script_node(struct gmmd *gmmd, uint32_t index, char script[NETBOOT_SCRIPT_BYTES]);
/* For a machine that no node has the MAC of. `mac` is one; NULL: what it said was none. */
void netboot_script_unknown(const struct gmmd *gmmd, const char *mac, char script[NETBOOT_SCRIPT_BYTES]);

#endif
