/* SPDX-License-Identifier: GPL-2.0-only */
/* gmmd's configuration file. Every error names the file, the line and what would be right. */
#ifndef PLENUM_GMM_CONFIG_H
#define PLENUM_GMM_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include <plenum/limits.h>

#include "gmm/core/core.h"
#include "gmm/daemon/config_value.h"
#include "net/port/host_port.h"

#define CONFIG_ERROR_BYTES 512
#define CONFIG_ARGS_BYTES 192		/* iPXE passes at most 512 bytes of command lines to a multiboot kernel */
#define CONFIG_HISTORY_BYTES_DEFAULT (256u << 10)
#define CONFIG_LEASE_MS_DEFAULT 6000u
#define CONFIG_GRACE_MS_DEFAULT 10000u
#define CONFIG_MOVE_SLOWDOWN_PERCENT_DEFAULT 150u
#define CONFIG_MOVE_PAGES_MIN_DEFAULT 200u
#define CONFIG_STORE_DEFAULT "/var/lib/plenum/gmmd.db"

struct config_node {
	char name[NODE_NAME_BYTES];
	uint32_t role;			/* enum wire_role; 0: not given yet */
	uint32_t address;
	uint8_t mac[6];
	bool has_mac;
	char domain[NODE_NAME_BYTES];	/* what fails together with it; empty: it fails alone */
	uint32_t link_mbps;		/* of its link; 0: not said */
	char args[CONFIG_ARGS_BYTES];	/* appended to the image's command line */
	int line;			/* of its first key */
};

/* Of the HTTP API: keys of [manager] that begin with api_, token_file and tls_. */
struct config_api {
	uint16_t port;			/* 0: not over TCP */
	uint32_t address;		/* to listen on, host byte order */
	bool clear;			/* tokens may cross a network without TLS */
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];	/* empty: no Unix socket */
	char token_file[PATH_MAX];	/* empty: none */
	char tls_certificate[PATH_MAX], tls_key[PATH_MAX];	/* PEM; empty: no TLS */
};

#define CONFIG_INTERFACE_BYTES 16	/* IFNAMSIZ */

/* Section [netboot]: what gmmd writes for dnsmasq; docs/netboot.md. */
struct config_netboot {
	bool given;			/* false: there is no such section, and nothing is written */
	int line;			/* of its first key */
	char directory[PATH_MAX];	/* of dnsmasq.conf and dnsmasq.hosts; tftp/ in it is the TFTP root */
	char interface[CONFIG_INTERFACE_BYTES];	/* the card of the rack's network */
	bool proxy;			/* another DHCP server gives addresses; else dnsmasq does */
	uint32_t range_first, range_last;	/* addresses for machines that are not configured, host byte order; 0: not given */
};

struct config {
	uint64_t manager_hash;		/* of the lines of [manager], in any order: has it changed? */
	uint32_t address;		/* of the manager on the rack's network, host byte order */
	uint32_t prefix;		/* length of the network's prefix */
	uint16_t http_port;
	enum host_port_kind port;	/* to the rack's network */
	bool foreign_peers;		/* nodes whose packets are not of our own transport; see net/port/udp.h */
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char images[PATH_MAX];		/* directory of pcomponent.elf and mcomponent.elf */
	char key_file[PATH_MAX];	/* with the rack's key */
	char store[PATH_MAX];		/* file of the manager's decisions */
	bool packet_macs;		/* data connections carry a MAC on every packet */
	bool boot_key;			/* boot scripts carry the key: whoever can ask for one gets it */
	uint32_t history_bytes;		/* console output kept of each VM */
	struct config_api api;
	struct config_netboot netboot;
	uint32_t lease_ms;
	uint32_t grace_ms;
	uint32_t move_slowdown_percent;	/* while a region moves, the guests' median fill may grow to this part of before */
	uint32_t move_pages_min;	/* a second: a move is not slower, whatever the guests feel */
	enum gmm_placement placement;
	bool vcpu_overcommit;
	uint32_t memory_overcommit_percent; /* of the memory: promised and reserved together */
	uint32_t spread;		/* of VMs that are created without one; 0: no limit */
	bool rebuild_reserve;
	uint32_t address_first, address_last; /* of nodes that are admitted; 0: any in the network */
	uint32_t rule_count;
	struct gmm_rule rules[GMM_RULES_MAX];	/* in the order of the file: the first that fits */
	int rule_lines[GMM_RULES_MAX];	/* of their first keys */
	uint32_t node_count;
	struct config_node nodes[NODES_MAX];
};

/* 0, or -1 with one line in `error`. */
int config_load(struct config *config, const char *path, char error[CONFIG_ERROR_BYTES]);

/* NULL: there is none. */
struct config_node *config_node_named(struct config *config, const char *name);

/* config_check.c: the whole, once it has been read. 0, or -1, `reason` and the line that it is about; 0: none. */
int config_check(const struct config *config, int *line, char *reason, size_t bytes);
/* Write the reason; -1. */
__attribute__((format(printf, 3, 4)))
int config_refuse(char *reason, size_t bytes, const char *format, ...);

/* config_netboot.c: the keys of [netboot], NULL-terminated. */
extern const char *const config_netboot_keys[];
/* Key `key` of these. 0, or -1 and in `reason` what would be right. */
int config_netboot_key(struct config_netboot *netboot, int key, const char *value, char *reason, size_t bytes);
/* With the whole configuration: 0, or -1, `reason` and the line that it is about. */
int config_netboot_check(const struct config *config, int *line, char *reason, size_t bytes);

#endif
