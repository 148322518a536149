// SPDX-License-Identifier: GPL-2.0-only
/*
 * What [netboot] has gmmd write: dnsmasq's files and the TFTP root. Each is written anew beside itself and renamed, and only
 * when it changes: whoever watches it is not woken for nothing. The configuration comes last.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmm/daemon/dnsmasq.h"
#include "gmm/daemon/netboot.h"

/* In a loader's own configuration; as long as the longest address with a port, and longer. */
#define ADDRESS_MARK "@PLENUM-MANAGER-ADDRESS@"
#define ADDRESS_MARK_BYTES (sizeof(ADDRESS_MARK) - 1)

#define LOOK_NS UINT64_C(1000000000)
#define FAILED_LOOK_NS UINT64_C(60000000000)
#define NETBOOT_PATH_BYTES (PATH_MAX + 64)	/* a directory of the configuration and a file's name */

_Static_assert(sizeof("255.255.255.255:65535") - 1 <= ADDRESS_MARK_BYTES, "every address fits");

/* ---------------------------------------------------------------- files */

/* The whole of it. 0 or a negative errno; the caller frees `bytes`. */
static int read_file(const char *path, uint8_t **bytes, size_t *len_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status = 0;
	struct stat info;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	*bytes = NULL;
	if (fstat(fd, &info))
		status = -errno;
	else if (!S_ISREG(info.st_mode) || info.st_size > NETBOOT_LOADER_BYTES_MAX)
		status = -EFBIG;
	else if (!(*bytes = malloc((size_t)info.st_size + 1)))
		status = -ENOMEM;
	*len_bytes = 0;
	while (status == 0 && *len_bytes < (size_t)info.st_size &&
	       (got = read(fd, *bytes + *len_bytes, (size_t)info.st_size - *len_bytes)) > 0)
		*len_bytes += (size_t)got;
	if (status == 0 && got < 0)
		status = -errno;
	close(fd);
	if (status) {
		free(*bytes);
		*bytes = NULL;
	}
	return status;
}

static bool is_in_file(const char *path, const void *bytes, size_t len_bytes)
{
	uint8_t *there;
	size_t there_bytes;
	bool same;

	if (read_file(path, &there, &there_bytes))
		return false;
	same = there_bytes == len_bytes && memcmp(there, bytes, len_bytes) == 0;
	free(there);
	return same;
}

static int replace_file(const char *path, const void *bytes, size_t len_bytes)
{
	char fresh[NETBOOT_PATH_BYTES + sizeof(".new")];
	FILE *out;
	bool failed;

	if (is_in_file(path, bytes, len_bytes))
		return 0;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	out = fopen(fresh, "we");
	if (!out)
		return -errno;
	failed = fwrite(bytes, 1, len_bytes, out) != len_bytes || fchmod(fileno(out), 0644);
	if (fclose(out) || failed || rename(fresh, path)) {
		int status = errno ? -errno : -EIO;

		unlink(fresh);
		return status;
	}
	return 0;
}

/* ---------------------------------------------------------------- loaders */

static void put_address(const struct gmmd *gmmd, uint8_t *bytes, size_t len_bytes)
{
	char manager[16], text[ADDRESS_MARK_BYTES + 1];
	uint8_t *mark;

	config_format_address(gmmd->config.address, manager);
	snprintf(text, sizeof(text), "%s:%u", manager, gmmd->config.http_port);
	while ((mark = memmem(bytes, len_bytes, ADDRESS_MARK, ADDRESS_MARK_BYTES))) {
		memset(mark, ' ', ADDRESS_MARK_BYTES);
		memcpy(mark, text, strlen(text));
	}
}

int netboot_loader_read(const struct gmmd *gmmd, const char *name, uint8_t **bytes, size_t *len_bytes)
{
	char path[NETBOOT_PATH_BYTES];
	int status;

	snprintf(path, sizeof(path), "%s/%s", gmmd->config.images, name);
	status = read_file(path, bytes, len_bytes);
	if (status == 0)
		put_address(gmmd, *bytes, *len_bytes);
	return status;
}

/* ---------------------------------------------------------------- what is missing */

void netboot_look(const struct config *config, void (*say)(const char *line))
{
	static const struct { const char *name, *whose; } files[] = {
		{ "pcomponent.elf", "process components" }, { "mcomponent.elf", "memory components" },
		{ NETBOOT_GRUB, "UEFI machines" }, { NETBOOT_IPXE, "BIOS machines without iPXE" },
	};
	char line[NETBOOT_PATH_BYTES + 128];

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[NETBOOT_PATH_BYTES];

		snprintf(path, sizeof(path), "%s/%s", config->images, files[i].name);
		if (access(path, R_OK) == 0)
			continue;
		snprintf(line, sizeof(line), "netboot: %s cannot boot: file=%s reason=\"%s\"", files[i].whose, path, strerror(errno));
		say(line);
	}
	if (config->netboot.given && if_nametoindex(config->netboot.interface) == 0) {
		snprintf(line, sizeof(line), "netboot: dnsmasq cannot start here: interface=%s reason=\"this host has no such card\"",
			 config->netboot.interface);
		say(line);
	}
}

/* ---------------------------------------------------------------- all of them */

/* Names without a directory are in [netboot]'s. */
static int put(const struct gmmd *gmmd, const char *name, const void *bytes, size_t len_bytes, char error[CONFIG_ERROR_BYTES])
{
	char path[NETBOOT_PATH_BYTES];
	int status;

	snprintf(path, sizeof(path), "%s/%s", gmmd->config.netboot.directory, name);
	status = replace_file(path, bytes, len_bytes);
	if (status == 0)
		return 0;
	snprintf(error, CONFIG_ERROR_BYTES, "[netboot]: cannot write %.300s: %s", path, strerror(-status));
	return -1;
}

/* netboot_look() has told of one that is not there. */
static int put_loader(const struct gmmd *gmmd, const char *name, const char *path, char error[CONFIG_ERROR_BYTES])
{
	size_t len_bytes;
	uint8_t *bytes;
	int status = netboot_loader_read(gmmd, name, &bytes, &len_bytes);

	if (status)
		return 0;
	status = put(gmmd, path, bytes, len_bytes, error);
	free(bytes);
	return status;
}

static int put_first_script(const struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	char script[NETBOOT_SCRIPT_BYTES];

	netboot_script_first(gmmd, script);
	return put(gmmd, DNSMASQ_TFTP "/" NETBOOT_FIRST_SCRIPT, script, strlen(script), error);
}

/* Of the nodes that there are: those that were admitted stand in no file. */
static void write_hosts(const struct gmmd *gmmd, FILE *out)
{
	for (uint32_t i = 0; i < gmmd->core->node_count && !gmmd->config.netboot.proxy; i++) {
		const struct gmm_node *node = &gmmd->core->nodes[i];

		if (node->configured)
			dnsmasq_write_host("", node->mac, node->address, node->name, out);
	}
}

static int put_dnsmasq(const struct gmmd *gmmd, bool hosts, char error[CONFIG_ERROR_BYTES])
{
	char *text = NULL;
	size_t len_bytes = 0;
	FILE *out = open_memstream(&text, &len_bytes);
	int status = -1;

	if (out && hosts)
		write_hosts(gmmd, out);
	else if (out)
		dnsmasq_write_configuration(&gmmd->config, false, out);
	if (out && fclose(out) == 0)
		status = put(gmmd, hosts ? DNSMASQ_HOSTS : DNSMASQ_CONFIGURATION, text, len_bytes, error);
	else
		snprintf(error, CONFIG_ERROR_BYTES, "out of memory");
	free(text);
	return status;
}

int netboot_files_write(const struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	const char *directory = gmmd->config.netboot.directory;
	char tftp[NETBOOT_PATH_BYTES];

	if (!gmmd->config.netboot.given)
		return 0;
	snprintf(tftp, sizeof(tftp), "%s/" DNSMASQ_TFTP, directory);
	if ((mkdir(directory, 0755) && errno != EEXIST) || (mkdir(tftp, 0755) && errno != EEXIST)) {
		snprintf(error, CONFIG_ERROR_BYTES, "[netboot]: cannot make directory %.300s: %s", directory, strerror(errno));
		return -1;
	}
	if (put_loader(gmmd, NETBOOT_GRUB, DNSMASQ_TFTP "/" NETBOOT_GRUB, error) ||
	    put_loader(gmmd, NETBOOT_IPXE, DNSMASQ_TFTP "/" NETBOOT_IPXE, error) ||
	    put_first_script(gmmd, error) || put_dnsmasq(gmmd, true, error) || put_dnsmasq(gmmd, false, error))
		return -1;
	log_line(LOG_INFO, "netboot: files are written: directory=%s mode=%s", directory,
		 gmmd->config.netboot.proxy ? "proxy" : "authoritative");
	return 0;
}

void netboot_turn(struct gmmd *gmmd)
{
	char error[CONFIG_ERROR_BYTES];

	if (!gmmd->config.netboot.given || gmmd->now_ns < gmmd->netboot_ns)
		return;
	gmmd->netboot_ns = gmmd->now_ns + LOOK_NS;
	if (put_dnsmasq(gmmd, true, error) == 0)
		return;
	log_line(LOG_ERROR, "%s", error);
	gmmd->netboot_ns = gmmd->now_ns + FAILED_LOOK_NS;
}
