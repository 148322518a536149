// SPDX-License-Identifier: GPL-2.0-only
/* The RDMA device: finding and opening it, event queues, and what the kernel and the device tell. */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/port/verbs_internal.h"

#define EVENTS_PER_PASS 256u		/* of each kind, so that the program's other work gets its turn */

static struct verbs_device *the_device;

bool verbs_is(const struct roce_device *device)
{
	return device != NULL && verbs_of(device) == the_device;
}

/* ---------------------------------------------------------------- finding */

/* Is one of the port's addresses (GIDs) of that interface? The kernel names it for each. */
static bool port_has_interface(const char *device, const char *port, const char *interface)
{
	char path[PATH_MAX], line[64];
	struct dirent *entry;
	bool found = false;
	DIR *names;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%s/gid_attrs/ndevs", device, port);
	names = opendir(path);
	while (names != NULL && !found && (entry = readdir(names)) != NULL) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%s/gid_attrs/ndevs/%s", device, port, entry->d_name);
		file = fopen(path, "re");
		/* Places without an address cannot be read. */
		if (file != NULL && fgets(line, sizeof(line), file) != NULL) {
			line[strcspn(line, "\n")] = '\0';
			found = strcmp(line, interface) == 0;
		}
		if (file != NULL)
			fclose(file);
	}
	if (names != NULL)
		closedir(names);
	return found;
}

static bool device_has_interface(const char *device, const char *interface)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *ports;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports", device);
	ports = opendir(path);
	while (ports != NULL && !found && (entry = readdir(ports)) != NULL)
		found = entry->d_name[0] != '.' && port_has_interface(device, entry->d_name, interface);
	if (ports != NULL)
		closedir(ports);
	return found;
}

bool verbs_find(const char *interface, char name[VERBS_NAME_BYTES])
{
	DIR *devices = opendir("/sys/class/infiniband");
	struct dirent *entry;
	bool found = false;

	while (devices != NULL && !found && (entry = readdir(devices)) != NULL) {
		found = entry->d_name[0] != '.' && strlen(entry->d_name) < VERBS_NAME_BYTES &&
			device_has_interface(entry->d_name, interface);
		if (found)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (devices != NULL)
		closedir(devices);
	return found;
}

/* ---------------------------------------------------------------- opening */

static bool allocate(struct verbs_device *device)
{
	const struct roce_limits *limits = &device->limits;
	struct verbs_work *works;

	device->listeners = calloc(limits->listeners_max + 1, sizeof(*device->listeners));
	device->connections = calloc(limits->connections_max, sizeof(*device->connections));
	device->queue_pairs = calloc(limits->queue_pairs_max, sizeof(*device->queue_pairs));
	device->domains = calloc(limits->queue_pairs_max + limits->memory_regions_max, sizeof(*device->domains));
	device->regions = calloc(limits->memory_regions_max + 1, sizeof(*device->regions));
	if (!device->listeners || !device->connections || !device->queue_pairs || !device->domains || !device->regions)
		return false;
	works = calloc((size_t)limits->queue_pairs_max * (limits->send_depth_max + limits->receive_depth_max), sizeof(*works));
	if (works == NULL)
		return false;
	for (uint32_t i = 0; i < limits->queue_pairs_max; i++) {
		struct verbs_queue_pair *qp = &device->queue_pairs[i];

		qp->sends = (struct verbs_ring){ .works = works, .size = limits->send_depth_max };
		works += limits->send_depth_max;
		qp->receives = (struct verbs_ring){ .works = works, .size = limits->receive_depth_max };
		works += limits->receive_depth_max;
	}
	return true;
}

static bool watch(const struct verbs_device *device, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0 && epoll_ctl(device->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* What failed, or NULL; errno says why. */
static const char *bind_address(struct verbs_device *device)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(device->address) };

	device->events = rdma_create_event_channel();
	if (device->events == NULL)
		return "the connection manager (/dev/infiniband/rdma_cm; module rdma_ucm)";
	if (rdma_create_id(device->events, &device->bound, NULL, RDMA_PS_TCP) != 0)
		return "rdma_create_id";
	if (rdma_bind_addr(device->bound, (struct sockaddr *)&local) != 0)
		return "rdma_bind_addr";
	errno = ENODEV;
	return device->bound->verbs == NULL ? "no RDMA device has the address" : NULL;
}

static const char *open_device(struct verbs_device *device)
{
	struct ibv_device_attr attributes;
	struct ibv_port_attr port;
	const char *what = bind_address(device);

	if (what != NULL)
		return what;
	device->context = device->bound->verbs;
	device->port_number = device->bound->port_num;
	if (ibv_query_device(device->context, &attributes) != 0 || ibv_query_port(device->context, device->port_number, &port) != 0)
		return "the device does not describe itself";
	device->reads_max = attributes.max_qp_rd_atom < (int)VERBS_READS_MAX ? (uint8_t)attributes.max_qp_rd_atom : VERBS_READS_MAX;
	device->path_mtu_bytes = 128u << port.active_mtu;
	device->completions = ibv_create_comp_channel(device->context);
	if (device->completions == NULL)
		return "ibv_create_comp_channel";
	device->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (device->epoll < 0 || !watch(device, device->events->fd) || !watch(device, device->completions->fd) ||
	    !watch(device, device->context->async_fd))
		return "epoll";
	return allocate(device) ? NULL : "memory";
}

struct roce_device *verbs_open(const struct roce_config *config, char *error, size_t error_bytes)
{
	struct verbs_device *device = calloc(1, sizeof(*device));
	const char *what = "memory";

	assert(the_device == NULL && config->limits.connections_max <= VERBS_CONNECTIONS_MAX);
	if (device != NULL) {
		device->limits = config->limits;
		device->address = config->address;
		device->epoll = -1;
		what = open_device(device);
	}
	if (what != NULL) {
		snprintf(error, error_bytes, "RDMA verbs: %s: %s", what, strerror(errno));
		if (device != NULL)
			verbs_close((struct roce_device *)device);
		return NULL;
	}
	the_device = device;
	return (struct roce_device *)device;
}

void verbs_close(struct roce_device *opaque)
{
	struct verbs_device *device = verbs_of(opaque);

	for (uint32_t i = 0; i < device->connections_count; i++)
		if (device->connections[i].state != VERBS_FREE)
			verbs_connection_release(device, &device->connections[i]);
	for (uint32_t i = 0; i < device->limits.memory_regions_max && device->regions != NULL; i++)
		if (device->regions[i].mr != NULL)
			verbs_memory_deregister(opaque, device->regions[i].mr->rkey);
	for (uint32_t i = 0; i < device->listeners_count; i++)
		rdma_destroy_id(device->listeners[i].id);
	if (device->completions != NULL)
		ibv_destroy_comp_channel(device->completions);
	if (device->bound != NULL)
		rdma_destroy_id(device->bound);
	if (device->events != NULL)
		rdma_destroy_event_channel(device->events);
	if (device->epoll >= 0)
		close(device->epoll);
	free(device->queue_pairs != NULL ? device->queue_pairs[0].sends.works : NULL);
	free(device->listeners);
	free(device->connections);
	free(device->queue_pairs);
	free(device->domains);
	free(device->regions);
	free(device);
	the_device = NULL;
}

/* ---------------------------------------------------------------- what it is */

int verbs_fd(const struct roce_device *device)
{
	return verbs_of(device)->epoll;
}

const char *verbs_name(const struct roce_device *device)
{
	return ibv_get_device_name(verbs_of(device)->context->device);
}

uint32_t verbs_port_path_mtu_bytes(const struct roce_device *device)
{
	return verbs_of(device)->path_mtu_bytes;
}

const struct roce_counters *verbs_counters(const struct roce_device *device)
{
	return &verbs_of(device)->counters;
}

/* ---------------------------------------------------------------- queues */

int verbs_queue_create(struct roce_device *opaque)
{
	struct verbs_device *device = verbs_of(opaque);

	if (device->queues_count == VERBS_QUEUES_MAX || device->queues_count == device->limits.queues_max)
		return -ENOBUFS;
	return (int)device->queues_count++;
}

int verbs_queue_poll(struct roce_device *opaque, int queue, struct roce_event *event)
{
	struct verbs_device *device = verbs_of(opaque);

	assert(queue >= 0 && (uint32_t)queue < device->queues_count);
	for (;;) {			/* W4 */
		int status = verbs_connection_poll(device, queue, VERBS_NEWS_REQUEST | VERBS_NEWS_ESTABLISHED, event);

		if (status == 0)
			status = verbs_completion_poll(device, &device->queues[queue], event);
		if (status == 0)
			status = verbs_connection_poll(device, queue, VERBS_NEWS_END, event);
		if (status >= 0)
			return status;
	}
}

/* ---------------------------------------------------------------- progress */

static void take_connection_events(struct verbs_device *device, uint64_t now_ns)
{
	struct rdma_cm_event *event;

	for (unsigned i = 0; i < EVENTS_PER_PASS && rdma_get_cm_event(device->events, &event) == 0; i++) {
		verbs_connection_event(device, event, now_ns);
		rdma_ack_cm_event(event);
	}
}

static void take_completion_events(struct verbs_device *device)
{
	struct ibv_cq *cq;
	void *context;

	for (unsigned i = 0; i < EVENTS_PER_PASS && ibv_get_cq_event(device->completions, &cq, &context) == 0; i++) {
		ibv_ack_cq_events(cq, 1);
		/* Armed before it is looked at: what comes after the look makes an event again. */
		ibv_req_notify_cq(cq, 0);
		verbs_qp_ready(device, context);
	}
}

/* A queue pair that failed as the responder has no work of ours that could tell. */
static void take_device_events(struct verbs_device *device)
{
	struct ibv_async_event event;

	for (unsigned i = 0; i < EVENTS_PER_PASS && ibv_get_async_event(device->context, &event) == 0; i++) {
		bool failed = event.event_type == IBV_EVENT_QP_FATAL || event.event_type == IBV_EVENT_QP_REQ_ERR ||
			      event.event_type == IBV_EVENT_QP_ACCESS_ERR;

		if (failed) {
			struct verbs_queue_pair *qp = event.element.qp->qp_context;

			verbs_qp_fail(device, qp);
			if (qp->connection != NULL)
				verbs_connection_end(device, qp->connection, ROCE_EVENT_DISCONNECTED,
						     event.event_type == IBV_EVENT_QP_ACCESS_ERR ? -EACCES : -EPROTO, 0);
		}
		ibv_ack_async_event(&event);
	}
}

void verbs_progress(struct roce_device *opaque, uint64_t now_ns)
{
	struct verbs_device *device = verbs_of(opaque);

	take_connection_events(device, now_ns);
	take_completion_events(device);
	take_device_events(device);
}
