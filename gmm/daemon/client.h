/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection to the control socket. Both sides write JSON objects, one a line:
 *
 *	-> {"command": "vm.start", "arguments": {"name": "web"}}
 *	<- {"item": ...}			any number, of commands that stream
 *	<- {"result": ...}			the command succeeded
 *	<- {"error": {"status": -2, "message": "there is no VM named web"}}
 *	-> {"input": "base64"}			only while vm.console streams
 *
 * A client may send its next command when it has the result of the last.
 */
#ifndef PLENUM_GMM_CLIENT_H
#define PLENUM_GMM_CLIENT_H

#include "gmm/daemon/daemon.h"

#define CLIENT_LINE_BYTES_MAX 65536u
/* A list of all regions fits. A slower reader is cut off, never silently skipped. */
#define CLIENT_OUT_BYTES_MAX (32u << 20)
#define CLIENTS_MAX 256u

struct client {
	struct client *next;
	uint64_t id;			/* for RPC cookies: a client may be gone when the answer comes */
	int fd;
	bool dead;
	bool write_armed;
	size_t in_len_bytes;
	size_t out_len_bytes, out_capacity_bytes;
	char *out;
	/* Called every turn of the loop until it answers; NULL: no command is under way (but see `operation`). */
	void (*turn)(struct gmmd *gmmd, struct client *client);
	/* An {"input": ...} line came; NULL: not allowed now. */
	void (*input)(struct gmmd *gmmd, struct client *client, json_t *line);
	uint64_t operation;		/* of the core: its end is the answer; 0: none */
	uint64_t vm;			/* id */
	uint64_t since_ns;
	uint64_t deadline_ns;		/* 0: none */
	uint64_t sequence;		/* events: last sent */
	uint64_t offset;		/* console: next byte to send */
	uint32_t node;
	bool follow;
	bool followed;			/* events: had them all, so that from now on a gap is a loss */
	bool refusals_only;
	char wanted[32];		/* state waited for; console: last state told */
	char *text;			/* counters so far */
	size_t text_len_bytes;
	char in[CLIENT_LINE_BYTES_MAX];
};

/* These end the command. `result` is stolen. */
void client_result(struct client *client, json_t *result);
__attribute__((format(printf, 3, 4))) void client_error(struct client *client, int status, const char *format, ...);
/* One piece of a stream; stolen. */
void client_item(struct client *client, json_t *item);
struct client *client_by_id(struct gmmd *gmmd, uint64_t id);

typedef void client_command(struct gmmd *gmmd, struct client *client, json_t *arguments);
struct client_command_entry {
	const char *name;
	client_command *run;
	bool changes;			/* it decides something: logged in the store before it is done */
};
client_command run_vm_console, run_vm_type;	/* command_console.c */
client_command run_node_counters, run_node_refusals, run_manager_counters, run_manager_refusals;	/* command_counters.c */
/* The node that the argument "name" names; NULL when there is none, and the client has been told. */
struct gmm_node *client_node(struct gmmd *gmmd, struct client *client, json_t *arguments);
extern const struct client_command_entry node_commands[], vm_commands[], key_commands[], store_commands[],
	health_commands[], balance_commands[];	/* end with name NULL */

/* Unpack arguments or answer with -EINVAL: json_unpack format; false when answered. */
bool client_unpack(struct client *client, json_t *arguments, const char *format, ...);

json_t *json_histogram(const struct wire_histogram *histogram);
json_t *json_text(const char *text);		/* any bytes: what is not UTF-8 becomes '?' */
json_t *json_wall_time(const struct gmmd *gmmd, uint64_t time_ns);	/* of CLOCK_MONOTONIC, as RFC 3339 in UTC */
json_t *json_health(const struct gmmd *gmmd);	/* as of the last look */
json_t *json_seconds_ago(const struct gmmd *gmmd, uint64_t time_ns);	/* null when 0 */
#endif
