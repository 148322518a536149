// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roce_ functions in programs whose device may be of either kind.
 *
 * Such a program is linked with --wrap for every function of this table (the Makefile reads it): its calls come here and go
 * to the own transport or to the verbs port. Everything else (kernels, simulator, tests) links the own transport's
 * functions by the same names, and pays nothing. What is not here is called by the UDP port alone.
 */
#include "net/port/verbs.h"
#include "net/roce/roce.h"

#define CHOICE(type, name, parameters, arguments) \
	type __real_roce_##name parameters; \
	type __wrap_roce_##name parameters; \
	type __wrap_roce_##name parameters { return verbs_is(device) ? verbs_##name arguments : __real_roce_##name arguments; }

CHOICE(int, queue_create, (struct roce_device *device), (device))
CHOICE(int, queue_poll, (struct roce_device *device, int queue, struct roce_event *event), (device, queue, event))
CHOICE(uint64_t, deadline_ns, (const struct roce_device *device), (device))
CHOICE(void, tick, (struct roce_device *device, uint64_t now_ns), (device, now_ns))
CHOICE(const struct roce_counters *, counters, (const struct roce_device *device), (device))

CHOICE(int, memory_register, (struct roce_device *device, const struct roce_memory_config *config, uint32_t *rkey),
       (device, config, rkey))
CHOICE(int, memory_deregister, (struct roce_device *device, uint32_t rkey), (device, rkey))
CHOICE(int, register_local, (struct roce_device *device, void *memory, size_t len_bytes), (device, memory, len_bytes))

CHOICE(int, listen, (struct roce_device *device, uint16_t port, int queue, uint64_t cookie), (device, port, queue, cookie))
CHOICE(int, listen_guarded, (struct roce_device *device, uint16_t port, int queue, uint64_t cookie, const struct roce_guard *guard),
       (device, port, queue, cookie, guard))
CHOICE(int, authorize, (struct roce_device *device, uint32_t qpn), (device, qpn))
CHOICE(int, protect, (struct roce_device *device, uint32_t qpn, struct roce_protection *protection), (device, qpn, protection))
CHOICE(void, unprotect, (struct roce_device *device, uint32_t qpn, const struct roce_protection *protection), (device, qpn, protection))
CHOICE(int, connect, (struct roce_device *device, const struct roce_connect *connect, uint32_t *connection, uint64_t now_ns),
       (device, connect, connection, now_ns))
CHOICE(int, accept_begin, (struct roce_device *device, uint32_t connection, uint64_t peer, uint32_t *qpn),
       (device, connection, peer, qpn))
CHOICE(int, accept_finish, (struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
			    uint64_t now_ns), (device, connection, private_data, len_bytes, now_ns))
CHOICE(int, reject, (struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
		     uint64_t now_ns), (device, connection, private_data, len_bytes, now_ns))
CHOICE(void, disconnect, (struct roce_device *device, uint32_t connection, uint64_t now_ns), (device, connection, now_ns))
CHOICE(uint32_t, connection_qpn, (const struct roce_device *device, uint32_t connection), (device, connection))
CHOICE(uint32_t, path_mtu_bytes, (const struct roce_device *device, uint32_t qpn), (device, qpn))

CHOICE(int, post_read, (struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
			uint64_t remote_address, uint32_t rkey, uint64_t now_ns),
       (device, qpn, cookie, local, len_bytes, remote_address, rkey, now_ns))
CHOICE(int, post_write, (struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
			 uint64_t remote_address, uint32_t rkey, uint64_t now_ns),
       (device, qpn, cookie, local, len_bytes, remote_address, rkey, now_ns))
CHOICE(int, post_send, (struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
			uint64_t now_ns), (device, qpn, cookie, local, len_bytes, now_ns))
CHOICE(int, post_send_immediate, (struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
				  uint32_t len_bytes, uint32_t immediate, uint64_t now_ns),
       (device, qpn, cookie, local, len_bytes, immediate, now_ns))
CHOICE(int, post_write_immediate, (struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
				   uint32_t len_bytes, uint64_t remote_address, uint32_t rkey, uint32_t immediate,
				   uint64_t now_ns),
       (device, qpn, cookie, local, len_bytes, remote_address, rkey, immediate, now_ns))
CHOICE(int, post_send_invalidate, (struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
				   uint32_t len_bytes, uint32_t rkey, uint64_t now_ns),
       (device, qpn, cookie, local, len_bytes, rkey, now_ns))
CHOICE(int, post_compare_swap, (struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
				uint64_t remote_address, uint32_t rkey, uint64_t compare, uint64_t swap, uint64_t now_ns),
       (device, qpn, cookie, original, remote_address, rkey, compare, swap, now_ns))
CHOICE(int, post_fetch_add, (struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			     uint64_t remote_address, uint32_t rkey, uint64_t add, uint64_t now_ns),
       (device, qpn, cookie, original, remote_address, rkey, add, now_ns))
CHOICE(int, post_receive, (struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes),
       (device, qpn, cookie, local, len_bytes))
