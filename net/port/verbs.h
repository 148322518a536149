/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RoCE device's second port on Linux: an RDMA device of the machine, through libibverbs and librdmacm.
 *
 * It keeps the contract of net/roce/roce.h with the machine's own transport below instead of ours: connections by the
 * kernel's connection manager with the same private data, work requests on the device's queue pairs, regions registered
 * with it. Users call the roce_ functions; in programs that may have either kind of device choice.c sends them here.
 * docs/ports.md says what differs.
 *
 * A process has at most one such device. Like the own transport's it belongs to one thread at a time.
 */
#ifndef PLENUM_NET_PORT_VERBS_H
#define PLENUM_NET_PORT_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/roce/roce.h"

#define VERBS_NAME_BYTES 64u

/* The RDMA device whose port is the network interface `interface`. False: there is none. */
bool verbs_find(const char *interface, char name[VERBS_NAME_BYTES]);

/*
 * Open the RDMA device that has `config->address`, with tables for `config->limits`. NULL with one line for the operator in
 * `error` when it cannot be. `config->path_mtu_bytes`, `guid`, `read_budget_bytes` and `environment` are the kernel's
 * business here and not looked at.
 */
struct roce_device *verbs_open(const struct roce_config *config, char *error, size_t error_bytes);
/* Ends all connections. */
void verbs_close(struct roce_device *device);
/* Is this a device of ours, and not one of the own transport? */
bool verbs_is(const struct roce_device *device);
/* Readable when verbs_progress() has something to do. */
int verbs_fd(const struct roce_device *device);
/* Take in what the kernel and the device have to tell; roce_queue_poll() then has the events. */
void verbs_progress(struct roce_device *device, uint64_t now_ns);
const char *verbs_name(const struct roce_device *device);
/* The path MTU of the device's port. */
uint32_t verbs_port_path_mtu_bytes(const struct roce_device *device);

/* ------------------------------------------------------------------ roce.h's functions, for choice.c */

int verbs_queue_create(struct roce_device *device);
int verbs_queue_poll(struct roce_device *device, int queue, struct roce_event *event);
uint64_t verbs_deadline_ns(const struct roce_device *device);
void verbs_tick(struct roce_device *device, uint64_t now_ns);
const struct roce_counters *verbs_counters(const struct roce_device *device);

/*
 * -EOPNOTSUPP: not plain memory, or with a right that devices do not have (invalidation by the peer). -EINVAL: the memory
 * stands elsewhere in its page than its wire address does.
 */
int verbs_memory_register(struct roce_device *device, const struct roce_memory_config *config, uint32_t *rkey);
int verbs_memory_deregister(struct roce_device *device, uint32_t rkey);
int verbs_register_local(struct roce_device *device, void *memory, size_t len_bytes);

int verbs_listen(struct roce_device *device, uint16_t port, int queue, uint64_t cookie);
int verbs_listen_guarded(struct roce_device *device, uint16_t port, int queue, uint64_t cookie,
			 const struct roce_guard *guard);
int verbs_authorize(struct roce_device *device, uint32_t qpn);
/* -EOPNOTSUPP: the hardware's packets carry no MACs. */
int verbs_protect(struct roce_device *device, uint32_t qpn, struct roce_protection *protection);
void verbs_unprotect(struct roce_device *device, uint32_t qpn, const struct roce_protection *protection);
int verbs_connect(struct roce_device *device, const struct roce_connect *connect, uint32_t *connection, uint64_t now_ns);
int verbs_accept_begin(struct roce_device *device, uint32_t connection, uint64_t peer, uint32_t *qpn);
int verbs_accept_finish(struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
			uint64_t now_ns);
int verbs_reject(struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
		 uint64_t now_ns);
void verbs_disconnect(struct roce_device *device, uint32_t connection, uint64_t now_ns);
uint32_t verbs_connection_qpn(const struct roce_device *device, uint32_t connection);
uint32_t verbs_path_mtu_bytes(const struct roce_device *device, uint32_t qpn);

int verbs_post_read(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
		    uint64_t remote_address, uint32_t rkey, uint64_t now_ns);
int verbs_post_write(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		     uint64_t remote_address, uint32_t rkey, uint64_t now_ns);
int verbs_post_send(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		    uint64_t now_ns);
int verbs_post_send_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint32_t immediate, uint64_t now_ns);
int verbs_post_write_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			       uint32_t len_bytes, uint64_t remote_address, uint32_t rkey, uint32_t immediate,
			       uint64_t now_ns);
int verbs_post_send_invalidate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			       uint32_t len_bytes, uint32_t rkey, uint64_t now_ns);
int verbs_post_compare_swap(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			    uint64_t remote_address, uint32_t rkey, uint64_t compare, uint64_t swap, uint64_t now_ns);
int verbs_post_fetch_add(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			 uint64_t remote_address, uint32_t rkey, uint64_t add, uint64_t now_ns);
int verbs_post_receive(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes);

#endif
