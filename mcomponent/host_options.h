/* SPDX-License-Identifier: GPL-2.0-only */
/* mcomponentd's command line. */
#ifndef PLENUM_MCOMPONENT_HOST_OPTIONS_H
#define PLENUM_MCOMPONENT_HOST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/limits.h>

#include "net/port/host_port.h"
#include "net/port/key_file.h"
#include "net/port/link.h"

struct host_options {
	char name[NODE_NAME_BYTES];
	uint32_t address, manager;
	enum host_port_kind port;
	bool foreign_peers;
	uint64_t memory_bytes;
	uint8_t mac[LINK_MAC_BYTES];
	bool mac_given;
	const char *key_file;
	struct secure_key_set keys;
};

/* Prints help, or what is wrong, and exits when there is no more to do. */
void host_options_parse(struct host_options *options, int count, char **words);
__attribute__((noreturn, format(printf, 1, 2))) void host_die(const char *format, ...);

#endif
