/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Somebody who has asked for a command: a connection to the control socket (control.c), or one HTTP request (api.c). The commands
 * answer both in the same way. On the control socket both sides write JSON objects, one a line:
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

struct client;
struct client_command_entry;

/* Where a kind of client gets its answers. */
struct client_kind {
	/* `key` is "item", "result" or "error"; `value` is stolen. The last two end the command. */
	void (*answer)(struct client *client, const char *key, json_t *value);
	/* At the end of each turn of the loop. NULL: nothing is to be done. */
	void (*flush)(struct gmmd *gmmd, struct client *client);
	/* It is dead and has left the list. */
	void (*gone)(struct client *client);
	/* It waits for nodes that are expected back (`again` below). One that does not is told -EAGAIN: to ask again is its own affair. */
	bool waits;
};

struct client {
	struct client *next;
	uint64_t id;			/* for RPC cookies: a client may be gone when the answer comes */
	const struct client_kind *kind;
	const char *who;		/* for the log of commands; must outlive the client */
	bool dead;			/* takes no more answers; leaves the list at the end of the turn */
	size_t out_len_bytes;		/* of answers that it has not taken yet */
	/* Called every turn of the loop until it answers; NULL: no command is under way (but see `operation`). */
	void (*turn)(struct gmmd *gmmd, struct client *client);
	/*
	 * A command that came while nodes were expected back (client_run()): if it is refused for want of room or because something is
	 * busy it is done again when one of them is there or given up, not answered. NULL: a refusal is final.
	 */
	const struct client_command_entry *again;
	json_t *again_arguments;
	uint32_t again_expected;	/* how many nodes were when it was refused */
	/* An {"input": ...} line came; NULL: not allowed now. */
	void (*input)(struct gmmd *gmmd, struct client *client, json_t *line);
	uint64_t operation;		/* of the core: its end is the answer; 0: none */
	uint64_t wanted_operation;	/* operation.show */
	uint64_t vm;			/* id */
	uint64_t since_ns;
	uint64_t deadline_ns;		/* 0: none */
	uint64_t sequence;		/* events: last sent */
	uint32_t limit;			/* events, without follow: how many more */
	uint64_t offset;		/* console: next byte to send */
	uint32_t node;
	bool follow;
	bool followed;			/* events: had them all, so that from now on a gap is a loss */
	bool refusals_only;
	char wanted[32];		/* state waited for; console: last state told */
	char *text;			/* counters so far */
	size_t text_len_bytes;
};

/* Give it an id and put it into the list; its `who` is set. */
void client_add(struct gmmd *gmmd, struct client *client, const struct client_kind *kind);
/* Take it out of the list, if it is in it, and forget the command under way; does not call gone(). */
void client_remove(struct gmmd *gmmd, struct client *client);
/* Run a command, or answer that there is none of this name, or that it could not be logged and so was not done. */
void client_run(struct gmmd *gmmd, struct client *client, const char *command, json_t *arguments);
/* Log what somebody asks for. 0, or a negative errno and `error`: the store does not take it. */
int client_log(struct gmmd *gmmd, const struct client *client, const char *name, json_t *arguments, char error[CONFIG_ERROR_BYTES]);
/* Answer what has become answerable. */
void clients_turn(struct gmmd *gmmd);

/* These end the command. `result` is stolen. */
void client_result(struct client *client, json_t *result);
__attribute__((format(printf, 3, 4))) void client_error(struct client *client, int status, const char *format, ...);
/* The answer to a dry run: what would be done, a string; stolen. */
void client_would(struct client *client, json_t *words);
/* One piece of a stream; stolen. */
void client_item(struct client *client, json_t *item);
struct client *client_by_id(struct gmmd *gmmd, uint64_t id);

typedef void client_command(struct gmmd *gmmd, struct client *client, json_t *arguments);
struct client_command_entry {
	const char *name;
	client_command *run;
	bool changes;			/* it decides something: logged in the store before it is done */
};
client_command run_vm_console, run_vm_output, run_vm_type;	/* command_console.c */
client_command run_node_counters, run_node_refusals, run_manager_counters, run_manager_refusals;	/* command_counters.c */
client_command run_vm_create;					/* command_vm_create.c */
client_command run_vm_set;					/* command_vm_set.c */
/* Text with its end into `to`; false: it is longer, and the client has been told that `what` is. */
bool client_string(struct client *client, const char *what, const char *from, char *to, size_t bytes);
/*
 * What a command gives of a restart policy, checked: `policy` NULL, `max` 0 or `window_s` 0 is not given and stays as it is in
 * `settings`. And a bandwidth. False: the client has been told what is wrong.
 */
bool client_restart(struct client *client, const char *policy, json_int_t max, double window_s, struct gmm_vm_settings *settings);
bool client_bandwidth(struct client *client, json_int_t mbps, uint32_t *bandwidth_mbps);
bool client_spread(struct client *client, json_int_t components, uint32_t *spread);
/* The node that the argument "name" names; NULL when there is none, and the client has been told. */
struct gmm_node *client_node(struct gmmd *gmmd, struct client *client, json_t *arguments);
extern const struct client_command_entry node_commands[], vm_commands[], key_commands[], store_commands[],
	health_commands[], move_commands[], operation_commands[],
	balance_commands[], machine_commands[];	/* end with name NULL */

/* Unpack arguments or answer with -EINVAL: json_unpack format; false when answered. */
bool client_unpack(struct client *client, json_t *arguments, const char *format, ...);

/* What moved: of one move, or of all moves of a drain. */
json_t *json_moved(const struct wire_vm_region_moved *moved, uint32_t regions_moved);
/* The moves under way from or to a memory component. */
json_t *json_moves_of(const struct gmmd *gmmd, const struct gmm_node *node);
json_t *json_node(const struct gmmd *gmmd, const struct gmm_node *node);
json_t *json_vm(const struct gmmd *gmmd, const struct gmm_vm *vm);	/* everything about it */
json_t *json_uuid(const uint8_t uuid[GMM_UUID_BYTES]);	/* null when it means nothing */
json_t *json_life_next(enum gmm_life life);	/* what commands make of it: a list of {to, command} */
/* Machines that are no nodes and were heard of lately. */
uint32_t machines_waiting(const struct gmmd *gmmd);
json_t *json_histogram(const struct wire_histogram *histogram);
json_t *json_node_name(const struct gmmd *gmmd, uint32_t node);	/* null: of no node */
json_t *json_text(const char *text);		/* any bytes: what is not UTF-8 becomes '?' */
json_t *json_health(const struct gmmd *gmmd);	/* as of the last look */
json_t *json_seconds_ago(const struct gmmd *gmmd, uint64_t time_ns);	/* null when 0 */
json_t *json_wall_time(const struct gmmd *gmmd, uint64_t time_ns);	/* RFC 3339, of a time on the core's clock */
json_t *json_event(const struct gmmd *gmmd, const struct gmm_event *event);
json_t *json_operation(struct gmmd *gmmd, uint64_t id);	/* NULL: there is none */
#endif
