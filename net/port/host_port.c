// SPDX-License-Identifier: GPL-2.0-only
/* Choosing between the ports of a Linux program, see host_port.h. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/port/host_port.h"
#include "net/port/link.h"
#include "net/port/verbs.h"

#define MEMORY_ALIGNMENT 64u

/* ---------------------------------------------------------------- opening */

static int open_verbs(struct host_port *port, const struct roce_config *config, const char *name, char *error, size_t error_bytes)
{
	port->device = verbs_open(config, error, error_bytes);
	if (port->device == NULL)
		return -ENODEV;
	port->fd = verbs_fd(port->device);
	port->path_mtu_bytes = verbs_port_path_mtu_bytes(port->device);
	snprintf(port->reason, sizeof(port->reason), "RDMA device %s has the address", name);
	return 0;
}

static int open_udp(struct host_port *port, const struct roce_config *config, const struct link *link, bool foreign_peers,
		    uint64_t now_ns, char *error, size_t error_bytes)
{
	struct roce_config own = *config;
	int status;

	port->udp = malloc(sizeof(*port->udp));
	if (port->udp == NULL) {
		snprintf(error, error_bytes, "out of memory");
		return -ENOMEM;
	}
	status = udp_port_open(port->udp, config->address, error, error_bytes);
	if (status != 0)
		return status;
	port->udp->foreign_peers = foreign_peers;
	port->fd = port->udp->fd;
	if (own.path_mtu_bytes == 0)
		own.path_mtu_bytes = link->path_mtu_bytes;
	port->path_mtu_bytes = own.path_mtu_bytes;
	port->device_bytes = (roce_device_bytes(&own) + MEMORY_ALIGNMENT - 1) & ~(size_t)(MEMORY_ALIGNMENT - 1);
	port->device = port->device_bytes == 0 ? NULL : aligned_alloc(MEMORY_ALIGNMENT, port->device_bytes);
	if (port->device != NULL && roce_device_create(port->device, &own, now_ns) != NULL)
		return 0;
	snprintf(error, error_bytes, "no RoCE device with a path MTU of %u bytes: out of memory, or not 256, 512, 1024, 2048 or 4096",
		 own.path_mtu_bytes);
	return -ENOMEM;
}

int host_port_open(struct host_port *port, enum host_port_kind kind, const struct roce_config *config, bool foreign_peers,
		   uint64_t now_ns, char *error, size_t error_bytes)
{
	char name[VERBS_NAME_BYTES] = "";
	struct link link;
	bool found;
	int status;

	*port = (struct host_port){ .fd = -1 };
	found = link_of_address(config->address, &link) && verbs_find(link.name, name);
	if (kind == HOST_PORT_VERBS && !found) {
		snprintf(error, error_bytes, "no RDMA device has network card '%s'; load its driver, or for software RoCE run: "
			 "rdma link add rxe0 type rxe netdev %s", link.name, link.name);
		return -ENODEV;
	}
	if (kind == HOST_PORT_VERBS || (kind == HOST_PORT_AUTO && found))
		status = open_verbs(port, config, name, error, error_bytes);
	else
		status = open_udp(port, config, &link, foreign_peers, now_ns, error, error_bytes);
	if (port->udp != NULL)
		snprintf(port->reason, sizeof(port->reason), "%s", found ? "asked for" : "no RDMA device has the address");
	if (status != 0)
		host_port_close(port);
	return status;
}

void host_port_close(struct host_port *port)
{
	if (port->udp != NULL) {
		udp_port_close(port->udp);
		free(port->udp);
		free(port->device);
	} else if (port->device != NULL) {
		verbs_close(port->device);
	}
	*port = (struct host_port){ .fd = -1 };
}

const char *host_port_name(const struct host_port *port)
{
	return port->udp != NULL ? "udp" : "verbs";
}

/* ---------------------------------------------------------------- the loop */

void host_port_receive(struct host_port *port, uint64_t now_ns)
{
	if (port->udp != NULL)
		udp_port_receive(port->udp, port->device, now_ns);
	else
		verbs_progress(port->device, now_ns);
	if (roce_deadline_ns(port->device) <= now_ns)
		roce_tick(port->device, now_ns);
}

void host_port_send(struct host_port *port, uint64_t now_ns)
{
	if (port->udp != NULL)
		udp_port_send(port->udp, port->device, now_ns);
}

bool host_port_blocked(const struct host_port *port)
{
	return port->udp != NULL && port->udp->blocked;
}
