// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network boot: iPXE asks for /boot.ipxe with its MAC, GRUB for /grub/by-mac/MAC.cfg, and gets a script (netboot_script.c)
 * that fetches its role's image with its command line; a signed GRUB has its script inside. Errors are shown where the user
 * looks: on the console of the machine that boots, and in our log.
 */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmm/daemon/daemon.h"
#include "gmm/daemon/dnsmasq.h"
#include "gmm/daemon/inventory.h"
#include "gmm/daemon/netboot.h"
#include "gmm/daemon/netboot_path.h"

#define CONNECTIONS_MAX (4u * NODES_MAX)
#define CONNECTION_TIMEOUT_S 30u

/* What one HTTP request is about; freed when it is completed. */
struct fetch {
	bool image;			/* of `node`, to be recorded */
	uint32_t node;			/* index; GMM_NONE: unknown */
};

static uint32_t node_with_mac(const struct gmmd *gmmd, const char *text)
{
	uint8_t mac[6];

	if (text && config_parse_mac(text, mac) == 0)
		for (uint32_t i = 0; i < gmmd->core->node_count; i++)
			if (gmmd->core->nodes[i].configured && memcmp(gmmd->core->nodes[i].mac, mac, sizeof(mac)) == 0)
				return i;
	return GMM_NONE;
}

static const char *mac_given(struct MHD_Connection *connection)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "mac");
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response, const char *type)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
	return answer(connection, status, MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
									   MHD_RESPMEM_MUST_COPY), "text/plain");
}

/* ---------------------------------------------------------------- the script */

static enum MHD_Result answer_script(struct MHD_Connection *connection, char script[NETBOOT_SCRIPT_BYTES])
{
	enum MHD_Result result = answer_text(connection, MHD_HTTP_OK, script);

	secure_erase(script, NETBOOT_SCRIPT_BYTES);	/* may hold the rack's key */
	return result;
}

static void record_script(struct gmmd *gmmd, struct gmm_node *node, const char *loader)
{
	struct boot_record *boot = &gmmd->boots[node - gmmd->core->nodes];

	gmm_core_node_boots(gmmd->core, node, gmmd->now_ns);
	boot->image_ns = boot->image_done_ns = boot->entered_ns = boot->joined_ns = 0;
	boot->loader = loader;
	log_line(LOG_INFO, "boot: node=%s step=script loader=%s attempt=%u", node->name, loader, node->boot_attempts);
}

static uint32_t address_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && info->client_addr->sa_family == AF_INET ?
	       ntohl(((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr.s_addr) : 0;
}

/*
 * Whose is the machine with this MAC, and what it says of itself? As gmm_core_machine_asks(). It is answered as a node only when
 * what says that it is one is kept (M7). -EINVAL: this is no machine's MAC.
 */
static int ask_core(struct gmmd *gmmd, struct MHD_Connection *connection, const char *given, struct gmm_inventory *inventory,
		    struct gmm_node **node)
{
	int answer;

	*inventory = (struct gmm_inventory){ 0 };
	if (!given || config_parse_mac(given, inventory->mac) || inventory->mac[0] & 1) {
		log_line(LOG_WARNING, "refused to boot a machine: reason=\"what it gives is no machine's MAC address\"");
		return -EINVAL;
	}
	for (const char *const *name = inventory_names; *name; name++) {
		const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, *name);

		if (value)
			inventory_take(inventory, *name, value);
	}
	answer = (int)gmm_core_machine_asks(gmmd->core, inventory, address_of(connection), node, gmmd->now_ns);
	if (answer != GMM_ANSWER_NODE || keep_turn(gmmd))
		return answer;
	gmm_core_refuse(gmmd->core, "the manager cannot write its store");
	return GMM_ANSWER_REFUSED;
}

/* `given`: the MAC that the machine says it has; NULL or empty: it says none. */
static enum MHD_Result serve_script(struct gmmd *gmmd, struct MHD_Connection *connection, struct fetch *fetch,
				    enum netboot_loader loader, const char *given)
{
	char script[NETBOOT_SCRIPT_BYTES];
	struct gmm_inventory inventory;
	struct gmm_node *node;

	if (loader == NETBOOT_LOADER_IPXE && (!given || !given[0])) {
		netboot_script_ask(gmmd, script);
		return answer_script(connection, script);
	}
	switch (ask_core(gmmd, connection, given, &inventory, &node)) {
	case GMM_ANSWER_NODE:
		fetch->node = (uint32_t)(node - gmmd->core->nodes);
		record_script(gmmd, node, loader == NETBOOT_LOADER_GRUB ? "grub" : "ipxe");
		netboot_script_node(gmmd, loader, fetch->node, script);
		break;
	case GMM_ANSWER_TELL:
		if (loader == NETBOOT_LOADER_IPXE)
			netboot_script_tell(gmmd, inventory.mac, script);
		else
			netboot_script_wait(gmmd, loader, inventory.mac, NULL, script);
		break;
	case GMM_ANSWER_WAIT: netboot_script_wait(gmmd, loader, inventory.mac, NULL, script); break;
	case GMM_ANSWER_REFUSED: netboot_script_wait(gmmd, loader, inventory.mac, gmmd->core->refusal, script); break;
	default: return answer_text(connection, MHD_HTTP_BAD_REQUEST, "this is no machine's MAC address\n");
	}
	return answer_script(connection, script);
}

/* ---------------------------------------------------------------- images */

static enum MHD_Result serve_file(struct gmmd *gmmd, struct MHD_Connection *connection, const char *name, struct fetch *fetch)
{
	struct MHD_Response *response;
	char path[PATH_MAX + 32];
	struct stat info;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", gmmd->config.images, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		log_line(LOG_ERROR, "cannot serve an image: file=%s reason=\"%s\"", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "the manager has no such image; see its log\n");
	}
	if (fetch->image && fetch->node != GMM_NONE) {
		gmmd->boots[fetch->node].image_ns = gmmd->now_ns;
		log_line(LOG_INFO, "boot: node=%s step=image file=%s bytes=%lld", gmmd->core->nodes[fetch->node].name, name,
			 (long long)info.st_size);
	}
	response = MHD_create_response_from_fd((uint64_t)info.st_size, fd);
	if (!response)		/* else the response owns it */
		close(fd);
	return answer(connection, MHD_HTTP_OK, response, "application/octet-stream");
}

static enum MHD_Result serve_image(struct gmmd *gmmd, struct MHD_Connection *connection, const char *name, struct fetch *fetch)
{
	fetch->node = node_with_mac(gmmd, mac_given(connection));
	fetch->image = true;
	return serve_file(gmmd, connection, name, fetch);
}

/* GRUB makes a signature's name by putting .sig behind the whole of a request, also where that ends in a query. */
static bool wants_signature(struct MHD_Connection *connection)
{
	const char *file = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "file");

	return file && strcmp(file, "image.elf.sig") == 0;
}

/*
 * A signed loader has its script inside, and asks for the image of its node's role and the signature of that. The first of
 * the two stands for the script that it does not ask for. Both tell what the machine is.
 */
static enum MHD_Result serve_signed(struct gmmd *gmmd, struct MHD_Connection *connection, const char *mac, bool image,
				    struct fetch *fetch)
{
	char name[sizeof("pcomponent.elf.sig")];
	struct gmm_inventory inventory;
	struct gmm_node *node;

	if (ask_core(gmmd, connection, mac, &inventory, &node) != GMM_ANSWER_NODE)
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "this MAC is no node's; it waits to be admitted\n");
	fetch->node = (uint32_t)(node - gmmd->core->nodes);
	fetch->image = image;
	if (image)
		record_script(gmmd, node, "grub-signed");
	snprintf(name, sizeof(name), "%s.elf%s", node->role == WIRE_ROLE_PROCESS ? "pcomponent" : "mcomponent",
		 image ? "" : ".sig");
	return serve_file(gmmd, connection, name, fetch);
}

/* The loader itself, for HTTP boot: small, and with our address put in, so it comes out of memory. */
static enum MHD_Result serve_loader(struct gmmd *gmmd, struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	size_t len_bytes;
	uint8_t *bytes;
	int status = netboot_loader_read(gmmd, NETBOOT_GRUB, &bytes, &len_bytes);

	if (status) {
		log_line(LOG_ERROR, "cannot serve a boot loader: file=%s/" NETBOOT_GRUB " reason=\"%s\"", gmmd->config.images,
			 strerror(-status));
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "the manager has no such loader; see its log\n");
	}
	response = MHD_create_response_from_buffer(len_bytes, bytes, MHD_RESPMEM_MUST_FREE);
	if (!response)		/* else the response owns them */
		free(bytes);
	return answer(connection, MHD_HTTP_OK, response, "application/efi");
}

/* ---------------------------------------------------------------- requests */

static enum MHD_Result serve(struct gmmd *gmmd, struct MHD_Connection *connection, const char *url, struct fetch *fetch)
{
	char mac[NETBOOT_MAC_TEXT_BYTES];
	enum netboot_file file = netboot_path_parse(url, mac);

	switch (file) {
	case NETBOOT_IPXE_SCRIPT:
		return serve_script(gmmd, connection, fetch, NETBOOT_LOADER_IPXE, mac_given(connection));
	case NETBOOT_GRUB_SCRIPT:
		return serve_script(gmmd, connection, fetch, NETBOOT_LOADER_GRUB, mac);
	case NETBOOT_LOADER:
		return serve_loader(gmmd, connection);
	case NETBOOT_PCOMPONENT:
		return serve_image(gmmd, connection, "pcomponent.elf", fetch);
	case NETBOOT_MCOMPONENT:
		return serve_image(gmmd, connection, "mcomponent.elf", fetch);
	case NETBOOT_SIGNED_IMAGE:
	case NETBOOT_SIGNATURE:
		return serve_signed(gmmd, connection, mac, file == NETBOOT_SIGNED_IMAGE && !wants_signature(connection), fetch);
	case NETBOOT_NO_FILE:
		break;
	}
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "here are " NETBOOT_PATHS "\n");
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_bytes, void **con_cls)
{
	struct gmmd *gmmd = context;
	struct fetch *fetch = *con_cls;

	(void)version;
	(void)upload;
	if (!fetch) {
		fetch = calloc(1, sizeof(*fetch));
		*con_cls = fetch;
		return fetch ? MHD_YES : MHD_NO;
	}
	if (*upload_bytes) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	fetch->node = GMM_NONE;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	return serve(gmmd, connection, url, fetch);
}

static void completed(void *context, struct MHD_Connection *connection, void **con_cls,
		      enum MHD_RequestTerminationCode reason)
{
	struct gmmd *gmmd = context;
	struct fetch *fetch = *con_cls;

	(void)connection;
	if (fetch && fetch->image && fetch->node != GMM_NONE && fetch->node < gmmd->core->node_count) {
		const char *name = gmmd->core->nodes[fetch->node].name;

		if (reason == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
			gmmd->boots[fetch->node].image_done_ns = udp_port_now_ns();
			log_line(LOG_INFO, "boot: node=%s step=image-done", name);
		} else {
			log_line(LOG_WARNING, "boot: node=%s step=image-aborted", name);
		}
	}
	free(fetch);
	*con_cls = NULL;
}

__attribute__((format(printf, 2, 0)))
static void logger(void *context, const char *format, va_list arguments)
{
	char text[256];

	(void)context;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\r\n")] = '\0';
	log_line(LOG_WARNING, "http: %s", text);
}

/* ---------------------------------------------------------------- opening and turning */

int http_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	int fd = tcp_socket(gmmd->config.address, gmmd->config.http_port, "network boot", "http_port", error);
	const union MHD_DaemonInfo *info;

	if (fd < 0)
		return -1;
	gmmd->http = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, gmmd,
				      MHD_OPTION_EXTERNAL_LOGGER, logger, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				      MHD_OPTION_NOTIFY_COMPLETED, completed, gmmd,
				      MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S,
				      MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_END);
	info = gmmd->http ? MHD_get_daemon_info(gmmd->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		snprintf(error, CONFIG_ERROR_BYTES, "the HTTP server could not be started");
		return -1;
	}
	return loop_add(gmmd, info->epoll_fd, EPOLLIN, gmmd->http);
}

void http_turn(struct gmmd *gmmd)
{
	MHD_run(gmmd->http);
}

int http_daemon_timeout_ms(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(daemon, &timeout_ms) != MHD_YES)
		return -1;
	return timeout_ms > 60000 ? 60000 : (int)timeout_ms;
}

int http_timeout_ms(struct gmmd *gmmd)
{
	return http_daemon_timeout_ms(gmmd->http);
}

void http_close(struct gmmd *gmmd)
{
	if (gmmd->http)
		MHD_stop_daemon(gmmd->http);
	gmmd->http = NULL;
}
