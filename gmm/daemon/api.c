// SPDX-License-Identifier: GPL-2.0-only
/* The API's doors and connections. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmm/daemon/api.h"
#include "net/port/private_file.h"

#define PEM_BYTES_MAX 65536u
#define CONNECTION_MEMORY_BYTES 16384u	/* request head and answer in the making */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* ---------------------------------------------------------------- requests */

static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct api_request *request = calloc(1, sizeof(*request));
	struct api_door *door = context;
	struct api *api = door->api;

	if (!request)
		return NULL;
	request->door = door;
	request->connection = connection;
	/* Longer ones need not be kept: they are refused. */
	request->uri = strndup(uri, ROUTE_URI_BYTES_MAX + 1);
	request->next = api->requests;
	if (api->requests)
		api->requests->previous = request;
	api->requests = request;
	return request;
}

static void end_request(void *context, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode reason)
{
	struct api_request *request = *con_cls;
	struct api *api = context;

	(void)connection;
	(void)reason;
	if (!request)
		return;
	client_remove(api->gmmd, &request->client);
	api->waiting_count -= request->waiting;
	if (request->previous)
		request->previous->next = request->next;
	else
		api->requests = request->next;
	if (request->next)
		request->next->previous = request->previous;
	if (request->stream)
		api_stream_free(request);
	json_decref(request->items);
	json_decref(request->answer);
	free(request->target);
	free(request->body);
	free(request->uri);
	free(request);
	*con_cls = NULL;
}

static void take_body(struct api_request *request, const char *bytes, size_t len_bytes)
{
	char *grown = NULL;

	if (!request->answered && len_bytes <= API_BODY_BYTES_MAX - request->body_len_bytes)
		grown = realloc(request->body, request->body_len_bytes + len_bytes);
	if (grown) {
		memcpy(grown + request->body_len_bytes, bytes, len_bytes);
		request->body = grown;
		request->body_len_bytes += len_bytes;
		return;
	}
	request->discarded_bytes += len_bytes;
	if (!request->answered)
		api_refuse(request, 413, "the body is larger than %u bytes", API_BODY_BYTES_MAX);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_bytes, void **con_cls)
{
	struct api_request *request = *con_cls;

	(void)context;
	(void)connection;
	(void)url;
	(void)version;
	if (!request)
		return MHD_NO;
	if (!request->begun) {
		request->begun = true;
		if (!api_web_check(request, method))
			api_check(request, method);
		/* A body that is announced as too large is not waited for. */
		return request->http == 413 ? api_queue(request) : MHD_YES;
	}
	if (*upload_bytes) {
		take_body(request, upload, *upload_bytes);
		*upload_bytes = 0;
		return request->discarded_bytes > API_DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
	}
	if (request->file && !request->answered)
		return api_queue_file(request);
	if (!request->answered && !request->started)
		api_start(request);
	if (request->stream)
		return api_queue_stream(request);
	if (request->answered)
		return api_queue(request);
	if (request->route->kind == ROUTE_METRICS)
		return api_queue_metrics(request);
	MHD_suspend_connection(request->connection);
	request->suspended = true;
	return MHD_YES;
}

void api_resume(struct api_request *request)
{
	if (request->suspended)
		MHD_resume_connection(request->connection);
	request->suspended = false;
}

__attribute__((format(printf, 2, 0)))
static void logger(void *context, const char *format, va_list arguments)
{
	/* What strangers send is not worth a line each, and answers say what was wrong. */
	(void)context;
	(void)format;
	(void)arguments;
}

/* ---------------------------------------------------------------- doors */

static char *read_pem(const char *path, bool secret, char error[CONFIG_ERROR_BYTES])
{
	char *text = calloc(1, PEM_BYTES_MAX + 1);
	int status = 0;
	FILE *stream = secret ? private_file_open(path, "the TLS key", "it is made with the certificate", &status, error, CONFIG_ERROR_BYTES) :
				fopen(path, "re");

	if (!stream && !secret)
		snprintf(error, CONFIG_ERROR_BYTES, "%s: %s", path, strerror(errno));
	if (stream && (!text || fread(text, 1, PEM_BYTES_MAX, stream) == 0)) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: nothing could be read", path);
		status = -EIO;
	}
	if (stream)
		fclose(stream);
	if (stream && status == 0)
		return text;
	free(text);
	return NULL;
}

static int open_door(struct api *api, unsigned index, int fd, const char *certificate, const char *key)
{
	struct api_door *door = &api->doors[index];
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate }, { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES }, { MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	const union MHD_DaemonInfo *info;
	int bytes = API_SEND_BYTES;

	door->api = api;
	/* Connections inherit it. A Unix socket's buffer is small anyway. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	door->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (certificate ? MHD_USE_TLS : 0u), 0, NULL, NULL, handle, api,
					MHD_OPTION_EXTERNAL_LOGGER, logger, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
					MHD_OPTION_URI_LOG_CALLBACK, begin_request, door, MHD_OPTION_NOTIFY_COMPLETED, end_request, api,
					MHD_OPTION_CONNECTION_TIMEOUT, API_CONNECTION_TIMEOUT_S,
					MHD_OPTION_CONNECTION_LIMIT, API_CONNECTIONS_MAX,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
					MHD_OPTION_ARRAY, certificate ? tls : none, MHD_OPTION_END);
	info = door->daemon ? MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	return info ? loop_add(api->gmmd, info->epoll_fd, EPOLLIN, NULL) : -1;
}

static int open_tcp(struct api *api, char error[CONFIG_ERROR_BYTES])
{
	const struct config_api *config = &api->gmmd->config.api;
	bool tls = config->tls_certificate[0];
	char *certificate = NULL, *key = NULL;
	int fd, status = -1;

	if (token_file_read(config->token_file, &api->tokens, error, CONFIG_ERROR_BYTES))
		return -1;
	if (tls && (!(certificate = read_pem(config->tls_certificate, false, error)) || !(key = read_pem(config->tls_key, true, error)))) {
		free(certificate);
		return -1;
	}
	fd = tcp_socket(config->address, config->port, "the API", "api_port", error);
	if (fd >= 0) {
		status = open_door(api, 0, fd, certificate, key);
		if (status)
			snprintf(error, CONFIG_ERROR_BYTES, "the API cannot be served%s", tls ? ": are tls_certificate and tls_key a pair?" : "");
	}
	if (key)
		secure_erase(key, strlen(key));
	free(certificate);
	free(key);
	return status;
}

static int open_unix(struct api *api, char error[CONFIG_ERROR_BYTES])
{
	int fd = private_socket(api->gmmd->config.api.socket, "the API's socket", error);

	if (fd < 0)
		return -1;
	api->doors[1].trusted = true;
	if (open_door(api, 1, fd, NULL, NULL) == 0)
		return 0;
	snprintf(error, CONFIG_ERROR_BYTES, "%s: the API cannot be served", api->gmmd->config.api.socket);
	return -1;
}

int api_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	const struct config_api *config = &gmmd->config.api;
	struct rlimit files;

	if (!config->port && !config->socket[0])
		return 0;
	gmmd->api = calloc(1, sizeof(*gmmd->api));
	if (!gmmd->api) {
		snprintf(error, CONFIG_ERROR_BYTES, "out of memory");
		return -1;
	}
	gmmd->api->gmmd = gmmd;
	gmmd->api->sequence = gmmd->core->event_sequence;
	/* A connection needs a file descriptor; the usual soft limit of 1024 is for programs that use select(). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (config->port && open_tcp(gmmd->api, error))
		return -1;
	return config->socket[0] ? open_unix(gmmd->api, error) : 0;
}

void api_reload(struct gmmd *gmmd)
{
	char error[CONFIG_ERROR_BYTES];
	struct token_set fresh;

	if (!gmmd->api || !gmmd->config.api.port)
		return;
	if (token_file_read(gmmd->config.api.token_file, &fresh, error, sizeof(error))) {
		log_line(LOG_ERROR, "tokens not reloaded: %s", error);
		return;
	}
	gmmd->api->tokens = fresh;
	log_line(LOG_INFO, "tokens read: count=%u", fresh.count);
	api_streams_revoke(gmmd->api);
}

void api_turn(struct gmmd *gmmd)
{
	struct api *api = gmmd->api;

	if (!api)
		return;
	api->started = false;
	if (gmmd->now_ns >= api->tokens_ns) {
		api->tokens_ns = gmmd->now_ns + API_TOKENS_NS;
		api_streams_revoke(api);
	}
	api_streams_turn(api);
	for (unsigned i = 0; i < 2; i++)
		if (api->doors[i].daemon)
			MHD_run(api->doors[i].daemon);
}

int api_timeout_ms(const struct gmmd *gmmd)
{
	const struct api *api = gmmd->api;
	int timeout_ms = -1;

	for (unsigned i = 0; api && i < 2; i++) {
		int door_ms = api->doors[i].daemon ? http_daemon_timeout_ms(api->doors[i].daemon) : -1;

		if (door_ms >= 0 && (timeout_ms < 0 || door_ms < timeout_ms))
			timeout_ms = door_ms;
	}
	return api && api->started ? 0 : timeout_ms;
}

void api_close(struct gmmd *gmmd)
{
	struct api *api = gmmd->api;

	if (!api)
		return;
	/* The library ends no connection that is suspended. */
	for (struct api_request *request = api->requests; request; request = request->next)
		api_resume(request);
	for (unsigned i = 0; i < 2; i++)
		if (api->doors[i].daemon)
			MHD_stop_daemon(api->doors[i].daemon);
	if (gmmd->config.api.socket[0])
		unlink(gmmd->config.api.socket);
	secure_erase(&api->tokens, sizeof(api->tokens));
	free(api);
	gmmd->api = NULL;
}
