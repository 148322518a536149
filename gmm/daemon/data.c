// SPDX-License-Identifier: GPL-2.0-only
/* Guests' kernels and initrds, loaded into memory and registered so that one process component can READ them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmm/daemon/daemon.h"
#include "lib/crc.h"

#define EVENTS_PER_CONNECTION 4u

/* One file's bytes. A VM started again from the same file gets the bytes that are there then. */
struct blob {
	uint64_t len_bytes;
	uint32_t crc32c;
	uint8_t bytes[];
};

void data_limits(struct roce_limits *limits)
{
	limits->memory_regions_max += 2 * GMM_VMS_MAX;
	limits->queue_pairs_max += GMMD_DATA_CONNECTIONS_MAX;
	limits->connections_max += GMMD_DATA_CONNECTIONS_MAX;
	limits->queues_max += 1;
	limits->listeners_max += 1;
	if (limits->queue_events_max < EVENTS_PER_CONNECTION * GMMD_DATA_CONNECTIONS_MAX)
		limits->queue_events_max = EVENTS_PER_CONNECTION * GMMD_DATA_CONNECTIONS_MAX;
}

int data_open(struct gmmd *gmmd)
{
	gmmd->data_queue = roce_queue_create(gmmd->device);
	if (gmmd->data_queue < 0)
		return gmmd->data_queue;
	return roce_listen(gmmd->device, WIRE_PORT_DATA, gmmd->data_queue, 0);
}

/* ---------------------------------------------------------------- connections */

static void refuse(struct gmmd *gmmd, const struct roce_event *event, int status, const char *why)
{
	struct wire_data_refusal refusal = { .magic = WIRE_DATA_MAGIC, .status = status };
	char address[16];

	config_format_address(event->remote_address, address);
	gmmd->data_refused++;
	log_line(LOG_WARNING, "refused a data connection: from=%s reason=\"%s\"", address, why);
	roce_reject(gmmd->device, event->connection, &refusal, sizeof(refusal), gmmd->now_ns);
}

static void drop(struct gmmd *gmmd, struct data_connection *data)
{
	roce_disconnect(gmmd->device, data->connection, gmmd->now_ns);
	data->used = false;
}

static void connect_request(struct gmmd *gmmd, const struct roce_event *event)
{
	struct data_connection *free_slot = NULL;
	struct wire_data_hello hello;
	struct gmm_node *node;
	uint32_t qpn;

	if (event->len_bytes < sizeof(hello)) {
		refuse(gmmd, event, -EINVAL, "too short a hello");
		return;
	}
	memcpy(&hello, event->private_data, sizeof(hello));
	node = gmm_core_node(gmmd->core, hello.node);
	if (hello.magic != WIRE_DATA_MAGIC || !node || node->role != WIRE_ROLE_PROCESS ||
	    node->address != event->remote_address) {
		refuse(gmmd, event, -EINVAL, "not a process component's hello from its own address");
		return;
	}
	for (uint32_t i = 0; i < GMMD_DATA_CONNECTIONS_MAX; i++) {
		struct data_connection *data = &gmmd->data[i];

		if (data->used && data->node == hello.node && data->incarnation != hello.incarnation)
			drop(gmmd, data);
		if (!data->used && !free_slot)
			free_slot = data;
	}
	if (!free_slot || roce_accept_begin(gmmd->device, event->connection, hello.node, &qpn)) {
		refuse(gmmd, event, -ENOBUFS, "no connection is free");
		return;
	}
	*free_slot = (struct data_connection){ true, event->connection, hello.node, hello.incarnation };
	if (roce_accept_finish(gmmd->device, event->connection, NULL, 0, gmmd->now_ns))
		drop(gmmd, free_slot);
}

void data_turn(struct gmmd *gmmd)
{
	struct roce_event event;

	while (roce_queue_poll(gmmd->device, gmmd->data_queue, &event)) {
		if (event.type == ROCE_EVENT_CONNECT_REQUEST)
			connect_request(gmmd, &event);
		if (event.type != ROCE_EVENT_DISCONNECTED && event.type != ROCE_EVENT_UNREACHABLE)
			continue;
		for (uint32_t i = 0; i < GMMD_DATA_CONNECTIONS_MAX; i++)
			if (gmmd->data[i].used && gmmd->data[i].connection == event.connection)
				drop(gmmd, &gmmd->data[i]);
	}
}

/* ---------------------------------------------------------------- blobs */

static int fail(char error[CONFIG_ERROR_BYTES], const char *path, const char *why, int status)
{
	snprintf(error, CONFIG_ERROR_BYTES, "%s: %s", path, why);
	return status;
}

static int open_file(const char *path, uint64_t *len_bytes, char error[CONFIG_ERROR_BYTES])
{
	struct stat info;
	int fd;

	if (path[0] != '/')
		return fail(error, path, "must be an absolute path", -EINVAL);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(error, path, strerror(errno), errno == ENOENT ? -ENOENT : -EACCES);
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
	    (uint64_t)info.st_size <= GMMD_BLOB_BYTES_MAX) {
		*len_bytes = (uint64_t)info.st_size;
		return fd;
	}
	close(fd);
	return fail(error, path, "must be a regular file of 1 byte to 1 GiB", -EINVAL);
}

int data_check_file(const char *path, char error[CONFIG_ERROR_BYTES])
{
	uint64_t len_bytes;
	int fd = open_file(path, &len_bytes, error);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static struct blob *load(const char *path, int *status, char error[CONFIG_ERROR_BYTES])
{
	uint64_t len_bytes = 0, done = 0;
	int fd = open_file(path, &len_bytes, error);
	struct blob *blob;

	*status = fd;
	if (fd < 0)
		return NULL;
	blob = malloc(sizeof(*blob) + len_bytes);
	while (blob && done < len_bytes) {
		ssize_t got = read(fd, blob->bytes + done, len_bytes - done);

		if (got <= 0) {
			*status = fail(error, path, got ? strerror(errno) : "became shorter while it was read", -EIO);
			free(blob);
			close(fd);
			return NULL;
		}
		done += (uint64_t)got;
	}
	close(fd);
	if (!blob) {
		*status = fail(error, path, "not enough memory to load it", -ENOMEM);
		return NULL;
	}
	blob->len_bytes = len_bytes;
	blob->crc32c = crc32c(0, blob->bytes, len_bytes);
	return blob;
}

void data_withdraw(struct gmmd *gmmd, struct vm_side *side)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!side->blobs[i])
			continue;
		roce_memory_deregister(gmmd->device, side->rkeys[i]);
		free(side->blobs[i]);
		side->blobs[i] = NULL;
	}
}

int data_offer(struct gmmd *gmmd, struct vm_side *side, uint32_t node, struct wire_blob blobs[2],
	       char error[CONFIG_ERROR_BYTES])
{
	const char *const paths[2] = { side->kernel, side->initrd };
	int status = 0;

	data_withdraw(gmmd, side);
	memset(blobs, 0, 2 * sizeof(*blobs));
	for (unsigned i = 0; i < 2 && paths[i][0]; i++) {
		struct blob *blob = load(paths[i], &status, error);
		struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .access = ROCE_ACCESS_REMOTE_READ, .peer = node };

		if (!blob)
			goto failed;
		config.context = blob->bytes;
		config.len_bytes = blob->len_bytes;
		status = roce_memory_register(gmmd->device, &config, &side->rkeys[i]);
		if (status) {
			free(blob);
			fail(error, paths[i], "could not be registered for RDMA", status);
			goto failed;
		}
		side->blobs[i] = blob;
		blobs[i] = (struct wire_blob){ .len_bytes = blob->len_bytes, .rkey = side->rkeys[i], .crc32c = blob->crc32c };
	}
	return 0;
failed:
	data_withdraw(gmmd, side);
	return status;
}
