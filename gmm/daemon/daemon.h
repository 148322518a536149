/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gmmd: the core's hands. One thread, one epoll loop; every file here owns one of its ends:
 *
 *	rack.c		RoCE device, RPC sessions with the nodes, and the core's commands
 *	data.c		what nodes READ from us: kernels and initrds of guests
 *	keys.c		the rack's keys, and how they are changed
 *	http.c, netboot_*.c, dnsmasq.c	network boot: scripts and images (netboot.h), dnsmasq's files
 *	listen.c	listening sockets
 *	control.c	the operator's socket, one JSON object a line
 *	client.c	commands under way, whoever asked for them
 *	api*.c, route*.c	the HTTP API (api.h)
 *	command_*.c	the operator's commands
 *	health.c	what the core cannot know of the rack's health, and the commands about it
 *	console.c	console history and input of VMs
 *	keep.c		when the core's decisions are kept in the store
 *
 * All state hangs on struct gmmd, which main.c owns.
 */
#ifndef PLENUM_GMM_DAEMON_H
#define PLENUM_GMM_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gmm/core/core.h"
#include "gmm/daemon/config.h"
#include "gmm/store/store.h"
#include "net/node/counters.h"
#include "net/node/rack_keys.h"
#include "net/port/host_port.h"
#include "net/port/key_file.h"
#include "net/roce/roce.h"
#include "net/rpc/rpc.h"

#define GMMD_SESSIONS_MAX (2u * NODES_MAX)	/* a node that starts again has two for a moment */
#define GMMD_DATA_CONNECTIONS_MAX (2u * NODES_MAX)
#define GMMD_BLOB_BYTES_MAX (UINT64_C(1) << 30)	/* a guest's kernel or initrd */
#define GMMD_INPUT_BYTES_MAX 65536u		/* typed, not yet taken by the guest */
#define GMMD_HANDSHAKES_MAX 4096u		/* answered in two epochs: a whole rack that joins at once */
#define GMMD_STRANGERS_LOG_NS UINT64_C(10000000000)
#define GMMD_NO_SESSION UINT32_MAX

struct api;
struct blob;
struct client;
struct MHD_Daemon;

/* When a node took which step of its boot after its script (the core knows when that was): CLOCK_MONOTONIC, 0: not seen. */
struct boot_record {
	uint64_t image_ns;		/* began to fetch its image */
	uint64_t image_done_ns;
	uint64_t entered_ns;		/* the image's first instruction, as the node says at its join */
	uint64_t joined_ns;
	const char *loader;		/* who asked for the script; NULL: nobody */
};

/* What the daemon keeps of a VM beside the core's record; same index. */
struct vm_side {
	uint64_t id;			/* of the VM it belongs to; 0: unused */
	struct blob *blobs[2];		/* its kernel and initrd, registered for the process component; NULL: not offered */
	uint32_t rkeys[2];
	uint8_t *history;		/* ring of config.history_bytes: the last bytes the guest wrote */
	uint64_t output_bytes;		/* ever written: the stream's offset of the next byte */
	uint8_t *input;			/* typed bytes waiting, GMMD_INPUT_BYTES_MAX */
	uint32_t input_len_bytes;
	uint32_t input_sent_bytes;	/* of the front, under way; 0: no call */
	uint64_t input_offset;		/* stream offset of the front */
	uint64_t input_retry_ns;
};

/* How far a node has followed the rack's keys. */
struct key_spread {
	uint32_t taken;			/* version; 0: none since it joined */
	bool under_way;
	uint64_t retry_ns;
};

struct gmmd {
	struct config config;
	const char *config_path;
	struct gmm_core *core;
	uint64_t now_ns;		/* CLOCK_MONOTONIC, taken once a turn of the loop */
	uint64_t events_logged;		/* sequence */
	struct store *store;
	int store_status;		/* 0, or why the store could not be written */
	uint64_t store_retry_ns;
	int epoll;
	int signals;			/* signalfd */
	bool stopping;

	struct host_port port;
	struct roce_device *device;	/* the port's */
	struct secure_key_set keys;	/* as in the key file */
	uint32_t keys_version;		/* counts their changes, from 1 */
	uint64_t keys_retry_ns;
	struct key_spread spread[NODES_MAX];
	struct rack_keys_watch keys_watch;
	struct secure *secure;
	uint64_t strangers_logged;	/* requests without the rack's key, as of the last log line about them */
	uint64_t strangers_log_ns;	/* not before */
	struct rpc_endpoint *endpoint;
	uint32_t sessions[NODES_MAX];	/* of the node with this index; GMMD_NO_SESSION */
	uint32_t closing[GMMD_SESSIONS_MAX];	/* sessions to close when callbacks are over */
	uint32_t closing_count;
	uint32_t peer_refused;		/* address of the peer that was refused last, */
	uint64_t peer_refused_ns;	/* and when it was logged */
	struct data_door data;
	struct data_place data_places[GMMD_DATA_CONNECTIONS_MAX];

	struct MHD_Daemon *http;	/* network boot */
	struct api *api;		/* NULL: no API is configured */
	struct boot_record boots[NODES_MAX];
	uint64_t netboot_ns;		/* next look at what is written for dnsmasq */

	struct gmm_health_facts facts;	/* as of the last look */
	uint64_t health_ns;		/* next look */

	int control;			/* listening Unix socket */
	struct client *clients;
	uint64_t client_id_next;
	uint32_t inputs_waiting;	/* of `vms`, so many have input */
	uint64_t sides_for;		/* `vms` are those of the core's table as of this number of its changes, */
	bool sides_left;		/* but for some whose VM is gone and that something still points to */
	struct vm_side vms[GMM_VMS_MAX];
};

/* log.c: one line on stderr, key=value after the words. */
enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6 };
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);
void log_warning(const char *line);

/* Log the core's events that are new. */
void log_events(struct gmmd *gmmd);

/* reload.c */
/* A node of the configuration. `error` says why it cannot be one; else it stays as it was. */
void configured_node_add(struct gmmd *self, const struct config_node *node, char error[CONFIG_ERROR_BYTES]);
/* The file may have changed. What of it is not taken is an event. */
void reload(struct gmmd *self);

/* health.c */
/* Look at the rack's health now and then, */
void health_turn(struct gmmd *gmmd);
/* or now. */
void health_look(struct gmmd *gmmd);
/* Somebody who had all events up to `last` is given the one with `sequence`: were there others between them? */
void health_events_given(struct gmmd *gmmd, uint64_t last, uint64_t sequence);

/* rack.c */
int rack_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
/* Take in what arrived, run what is due, send what the core and the endpoint have to say. */
void rack_turn(struct gmmd *gmmd);
uint64_t rack_deadline_ns(const struct gmmd *gmmd);
/* Connect requests without the rack's key since the start. */
uint64_t rack_strangers(const struct gmmd *gmmd);
/* Fetch a node's counters; `done` gets pieces until one is empty. 0 or a negative errno. */
int rack_call(struct gmmd *gmmd, uint32_t node, uint16_t type, const void *body, uint32_t len_bytes, rpc_done *done,
	      uint64_t cookie);

/* data.c */
int data_open(struct gmmd *gmmd);
void data_limits(struct roce_limits *limits);
void data_turn(struct gmmd *gmmd);
/* Load a VM's kernel and initrd and let its process component READ them. 0, or a negative errno and `error`. */
int data_offer(struct gmmd *gmmd, struct vm_side *side, const struct gmm_vm *vm, struct wire_blob blobs[2],
	       char error[CONFIG_ERROR_BYTES]);
void data_withdraw(struct gmmd *gmmd, struct vm_side *side);
/* Can this file be a kernel or initrd at all? 0, or a negative errno and `error`. */
int data_check_file(const char *path, char error[CONFIG_ERROR_BYTES]);

/* keys.c */
/* A node has joined: it is told the rack's keys again. */
void keys_node_joined(struct gmmd *gmmd, uint32_t index);
void keys_turn(struct gmmd *gmmd);

/* http.c */
int http_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
void http_turn(struct gmmd *gmmd);
int http_timeout_ms(struct gmmd *gmmd);
/* How long one HTTP server can wait for its next turn; -1: until something comes. */
int http_daemon_timeout_ms(struct MHD_Daemon *daemon);
void http_close(struct gmmd *gmmd);

/* api.c: the HTTP API. Without api_port and api_socket in the configuration there is none, and these do nothing. */
int api_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
/* Read the tokens again; those of before stay when that fails. */
void api_reload(struct gmmd *gmmd);
/* After clients_turn(): take requests, send answers and events. */
void api_turn(struct gmmd *gmmd);
int api_timeout_ms(const struct gmmd *gmmd);
void api_close(struct gmmd *gmmd);

/* console.c */
int console_output(struct gmmd *gmmd, uint32_t node, const struct wire_vm_console *chunk, uint32_t len_bytes);
/* Queue typed bytes. 0, -ENOBUFS: all or nothing. */
int console_type(struct gmmd *gmmd, struct vm_side *side, const uint8_t *bytes, uint32_t len_bytes);
void console_turn(struct gmmd *gmmd);
/* Copy from stream offset *offset (moved forward when the history no longer has it) on; returns the length. */
uint32_t console_read(const struct gmmd *gmmd, const struct vm_side *side, uint64_t *offset, uint8_t *bytes,
		      uint32_t capacity);
uint64_t console_oldest(const struct gmmd *gmmd, const struct vm_side *side);
/* Why nobody can see or type there, for printf: of a VM without DEVICE_SERIAL. */
#define CONSOLE_NONE "%s has no serial console: it was created without the device 'serial'"
struct vm_side *console_side(struct gmmd *gmmd, const struct gmm_vm *vm);
/* Make what is kept of a new VM. */
void console_add(struct gmmd *gmmd, const struct gmm_vm *vm);
/* Release what is kept for VMs that no longer exist. */
void console_sweep(struct gmmd *gmmd);

/* keep.c */
/* Open the store and fill the core from it. */
int keep_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
/* Keep what changed. True: nothing is left, so requests and answers may leave (M7). */
bool keep_turn(struct gmmd *gmmd);
/* Log what an operator asks for, before it is done. 0, or a negative errno and `error`: it must not be done. */
int keep_command(struct gmmd *gmmd, const char *who, const char *what, char error[CONFIG_ERROR_BYTES]);
/* Offer again what an earlier manager had offered, one VM's files a turn: a start does not wait for reading all of them. */
void keep_offer(struct gmmd *gmmd);
uint64_t keep_deadline_ns(const struct gmmd *gmmd);

/* control.c */
int control_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES]);
void control_accept(struct gmmd *gmmd);
void control_ready(struct gmmd *gmmd, struct client *client, uint32_t events);
void control_close(struct gmmd *gmmd);

/* listen.c: a listening socket, or -1 and what to do about it. */
/* At a path, for its owner only (mode 0600); `what` it is, for the message. */
int private_socket(const char *path, const char *what, char error[CONFIG_ERROR_BYTES]);
/* `key`: of the configuration, that names the port. */
int tcp_socket(uint32_t address, uint16_t port, const char *what, const char *key, char error[CONFIG_ERROR_BYTES]);

/* main.c */
int loop_add(struct gmmd *gmmd, int fd, uint32_t events, void *tag);

#endif
