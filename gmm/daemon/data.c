// SPDX-License-Identifier: GPL-2.0-only
/* Guests' kernels and initrds, loaded into memory and registered so that one process component can READ them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <plenum/page.h>

#include "gmm/daemon/daemon.h"
#include "lib/crc.h"

/* One file's bytes. A VM started again from the same file gets the bytes that are there then. */
struct blob {
	uint64_t len_bytes;
	uint32_t crc32c;
	uint8_t *bytes;			/* from a page's start, as its wire address 0: RDMA devices map pages */
};

void data_limits(struct roce_limits *limits)
{
	limits->memory_regions_max += 2 * GMM_VMS_MAX;
	data_door_limits(GMMD_DATA_CONNECTIONS_MAX, limits);
}

/* Process components read their guests' kernels here, each from its own address. */
static int admit(void *context, const struct wire_data_hello *hello, uint32_t address)
{
	struct gmmd *gmmd = context;
	const struct gmm_node *node = gmm_core_node(gmmd->core, hello->node);
	char text[16];

	if (node && node->role == WIRE_ROLE_PROCESS && node->address == address)
		return 0;
	config_format_address(address, text);
	log_line(LOG_WARNING, "refused a data connection: from=%s reason=\"not a process component's hello from its own address\"",
		 text);
	return -EACCES;
}

int data_open(struct gmmd *gmmd)
{
	const struct data_door_config config = { .device = gmmd->device, .secure = gmmd->secure, .places = gmmd->data_places,
						 .places_max = GMMD_DATA_CONNECTIONS_MAX, .admit = admit, .context = gmmd,
						 .packet_macs = gmmd->config.packet_macs };

	return data_door_open(&gmmd->data, &config);
}

void data_turn(struct gmmd *gmmd)
{
	data_door_poll(&gmmd->data, gmmd->now_ns);
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

static void blob_free(struct blob *blob)
{
	if (blob)
		free(blob->bytes);
	free(blob);
}

static struct blob *blob_allocate(uint64_t len_bytes)
{
	struct blob *blob = malloc(sizeof(*blob));

	if (!blob)
		return NULL;
	blob->len_bytes = len_bytes;
	blob->bytes = aligned_alloc(PAGE_BYTES, (len_bytes + PAGE_MASK) & ~PAGE_MASK);
	if (blob->bytes)
		return blob;
	blob_free(blob);
	return NULL;
}

static struct blob *load(const char *path, int *status, char error[CONFIG_ERROR_BYTES])
{
	uint64_t len_bytes = 0, done = 0;
	int fd = open_file(path, &len_bytes, error);
	struct blob *blob;

	*status = fd;
	if (fd < 0)
		return NULL;
	blob = blob_allocate(len_bytes);
	while (blob && done < len_bytes) {
		ssize_t got = read(fd, blob->bytes + done, len_bytes - done);

		if (got <= 0) {
			*status = fail(error, path, got ? strerror(errno) : "became shorter while it was read", -EIO);
			blob_free(blob);
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
	blob->crc32c = crc32c(0, blob->bytes, len_bytes);
	return blob;
}

void data_withdraw(struct gmmd *gmmd, struct vm_side *side)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!side->blobs[i])
			continue;
		roce_memory_deregister(gmmd->device, side->rkeys[i]);
		blob_free(side->blobs[i]);
		side->blobs[i] = NULL;
	}
}

int data_offer(struct gmmd *gmmd, struct vm_side *side, const struct gmm_vm *vm, struct wire_blob blobs[2],
	       char error[CONFIG_ERROR_BYTES])
{
	const char *const paths[2] = { vm->spec.kernel, vm->spec.initrd };
	int status = 0;

	data_withdraw(gmmd, side);
	memset(blobs, 0, 2 * sizeof(*blobs));
	for (unsigned i = 0; i < 2 && paths[i][0]; i++) {
		struct blob *blob = load(paths[i], &status, error);
		struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .access = ROCE_ACCESS_REMOTE_READ, .peer = vm->node };

		if (!blob)
			goto failed;
		config.context = blob->bytes;
		config.len_bytes = blob->len_bytes;
		status = roce_memory_register(gmmd->device, &config, &side->rkeys[i]);
		if (status) {
			blob_free(blob);
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
