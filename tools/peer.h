/* SPDX-License-Identifier: GPL-2.0-only */
/* A RoCE device of a Linux program that talks to foreign peers: one port (host_port.h), one device, one event queue, one loop. */
#ifndef PLENUM_TOOLS_PEER_H
#define PLENUM_TOOLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/port/host_port.h"
#include "net/roce/roce.h"

struct peer {
	struct host_port port;
	struct roce_device *device;	/* the port's */
	uint32_t path_mtu_bytes;
	int queue;
};

/* An IPv4 address in dotted form, into host byte order. */
bool peer_parse_address(const char *text, uint32_t *address);
/* A whole decimal number within [min, max]. */
bool peer_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);
bool peer_parse_small(const char *text, uint32_t min, uint32_t max, uint32_t *number);
/* Our address on the way to `remote`; 0 when there is no way. */
uint32_t peer_address_towards(uint32_t remote);

struct peer_config {
	enum host_port_kind port;
	uint32_t address;		/* ours */
	uint32_t path_mtu_bytes;	/* 0: the most that the address's link carries */
	uint32_t connections_max;
	uint32_t depth_max;		/* sends and receives, each, under way on one connection */
};

#define PEER_CONNECTIONS_MAX 1024u
#define PEER_DEPTH_MAX 256u
/* For a program with one connection at a time: the others are on their way out. */
#define PEER_CONNECTIONS_DEFAULT 4u
#define PEER_DEPTH_DEFAULT 32u

/* One line on stderr: the program, what went wrong, and a negative errno in words unless it is 0. Returns -1. */
int peer_fail(const char *what, int status);

/* What every program over a peer is told: serve or connect, at or to where. */
struct peer_options {
	bool server, client;		/* -s, -c: one of them */
	uint32_t address, source;	/* -a: ours, or the server's; -I: ours when we connect (else as the routing table says) */
	uint32_t port;			/* -p */
	uint32_t path_mtu_bytes;	/* -m; 0: what the link carries */
};
#define PEER_OPTIONS "sca:I:p:m:"

/*
 * Read the command line: `letters` are PEER_OPTIONS and others, whose values `take` takes into `own` (false: it cannot). False
 * after a line that says what is wrong, or when options are missing: the caller then says how it is used.
 */
bool peer_parse(int count, char **words, struct peer_options *options, const char *letters,
		bool (*take)(void *own, int letter, const char *value), void *own);
/* Open the peer that the options ask for. 0, or -1 after peer_fail(). */
int peer_start(struct peer *peer, const struct peer_options *options, struct peer_config *config);
/* The end of a program: what to return from main(). Prints the counters when `status` is not 0. */
int peer_end(struct peer *peer, int status, uint64_t linger_ns);

/* 0, or -1 with one line in `error`. */
int peer_open(struct peer *peer, const struct peer_config *config, char *error, size_t error_bytes);
/* Run the device until its next event (true) or until `deadline_ns` (false). */
bool peer_wait(struct peer *peer, struct roce_event *event, uint64_t deadline_ns);
/* Answer the network for a while, with nothing more to do; longer while a hang-up is not through: its messages may be lost. */
void peer_linger(struct peer *peer, uint64_t duration_ns);
/* What a human needs when it went wrong: the counters that are not 0, on stderr. */
void peer_print_counters(const struct peer *peer);
void peer_close(struct peer *peer);

#endif
