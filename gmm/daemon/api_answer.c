// SPDX-License-Identifier: GPL-2.0-only
/* Commands run for HTTP requests, and what goes back. */
#include <bearssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gmm/core/record.h"
#include "gmm/daemon/api.h"
#include "gmm/daemon/http_status.h"

/* Data is no page. */
#define CONTENT_POLICY "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* ---------------------------------------------------------------- outcomes */

static void refuse_as(struct api_request *request, const struct http_error *error, const char *message)
{
	request->http = error->http;
	request->answered = true;
	request->answer = json_pack("{s:{s:s,s:i,s:o}}", "error", "code", error->code, "status", error->status, "message",
				    json_text(message));
}

void api_refuse(struct api_request *request, unsigned http, const char *format, ...)
{
	char message[CONFIG_ERROR_BYTES + 128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	refuse_as(request, http_error_of_code(http), message);
}

static void take_error(struct api_request *request, json_t *value)
{
	const char *message = json_string_value(json_object_get(value, "message"));
	int status = (int)json_integer_value(json_object_get(value, "status"));
	const struct http_error *row = http_error_of_status(status);
	struct http_error error = { row->http, status, row->code };

	refuse_as(request, &error, message ? message : "");
	json_decref(value);
}

static void over(struct api_request *request)
{
	request->client.dead = true;
	request->door->api->waiting_count -= request->waiting;
	request->waiting = false;
	request->answered = true;
	api_resume(request);
}

/* An answer of the request's command. */
static void answer(struct client *client, const char *key, json_t *value)
{
	struct api_request *request = (struct api_request *)client;

	if (strcmp(key, "item") == 0) {
		json_array_append_new(request->items, value);
		return;
	}
	if (strcmp(key, "error") == 0) {
		take_error(request, value);
	} else if (request->route->kind == ROUTE_EVENTS) {
		request->answer = json_incref(request->items);
		json_decref(value);
	} else {
		request->answer = value;
	}
	request->http = request->http ? request->http : MHD_HTTP_OK;
	over(request);
}

/* The request outlives its command: its connection ends it. */
static void gone(struct client *client)
{
	(void)client;
}

const struct client_kind api_client_kind = { .answer = answer, .flush = NULL, .gone = gone };

/* ---------------------------------------------------------------- running a command */

static bool merge_body(struct api_request *request, json_t *arguments)
{
	json_error_t error;
	json_t *body = json_loadb(request->body, request->body_len_bytes, JSON_REJECT_DUPLICATES, &error), *value;
	const char *key;

	if (!body) {
		api_refuse(request, 400, "the body is not JSON: line %d column %d: %s", error.line, error.column, error.text);
		return false;
	}
	if (!json_is_object(body))
		api_refuse(request, 400, "the body must be a JSON object");
	json_object_foreach(body, key, value) {
		if (json_object_get(arguments, key)) {
			api_refuse(request, 400, "'%s' is in the path already", key);
			break;
		}
		json_object_set(arguments, key, value);
	}
	json_decref(body);
	return !request->answered;
}

static json_t *gather(struct api_request *request)
{
	char error[CONFIG_ERROR_BYTES];
	json_t *arguments = route_arguments(request->route, request->target, error, sizeof(error));

	if (!arguments) {
		api_refuse(request, 400, "%s", error);
		return NULL;
	}
	if (request->body_len_bytes == 0 || merge_body(request, arguments))
		return arguments;
	json_decref(arguments);
	return NULL;
}

static void accept_operation(struct api_request *request, uint64_t id)
{
	request->operation = id;
	request->http = MHD_HTTP_ACCEPTED;
	request->answer = json_operation(request->door->api->gmmd, id);
	request->answered = true;
}

static void accepted_turn(struct gmmd *gmmd, struct client *client)
{
	if (gmm_core_dirty_count(gmmd->core))
		return;
	accept_operation((struct api_request *)client, client->wanted_operation);
	over((struct api_request *)client);
}

static void digest_of(const char *command, const json_t *arguments, uint8_t digest[GMM_DIGEST_BYTES])
{
	char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
	br_sha256_context context;

	_Static_assert(GMM_DIGEST_BYTES == br_sha256_SIZE, "fits");
	br_sha256_init(&context);
	br_sha256_update(&context, command, strlen(command) + 1);
	br_sha256_update(&context, text ? text : "", text ? strlen(text) : 0);
	br_sha256_out(&context, digest);
	free(text);
}

/* Answer with the operation once it is kept: nobody is told of it before (M7). */
static void await_kept(struct api_request *request, uint64_t id)
{
	request->client.operation = 0;
	request->client.wanted_operation = id;
	request->client.turn = accepted_turn;
}

/* The operation of a request with the same key that came before; 0: none. Refused if that was another request. */
static uint64_t find_repeated(struct api_request *request, const uint8_t digest[GMM_DIGEST_BYTES])
{
	const struct gmm_core *core = request->door->api->gmmd->core;
	const struct gmm_mark *mark = NULL;
	uint64_t id = gmm_core_marked(core, request->key, &mark, request->door->api->gmmd->now_ns);

	if (id && memcmp(mark->digest, digest, GMM_DIGEST_BYTES))
		api_refuse(request, 422, "the Idempotency-Key belongs to operation %llu, which was asked for with another request",
			   (unsigned long long)id);
	return id;
}

static void run(struct api_request *request, json_t *arguments)
{
	struct api *api = request->door->api;
	struct client *client = &request->client;
	uint8_t digest[GMM_DIGEST_BYTES];
	uint64_t repeated = 0;

	if (request->key[0]) {
		digest_of(request->route->command, arguments, digest);
		repeated = find_repeated(request, digest);
	}
	if (!request->answered && api->waiting_count == API_WAITING_MAX)
		api_refuse(request, 503, "%u requests are waiting for their answers already, try again", API_WAITING_MAX);
	if (request->answered)
		return;
	request->items = json_array();
	client->who = request->who;
	client_add(api->gmmd, client, &api_client_kind);
	if (repeated)
		await_kept(request, repeated);
	else
		client_run(api->gmmd, client, request->route->command, arguments);
	if (request->answered)
		return;
	if (client->operation) {
		if (request->key[0])
			gmm_core_mark(api->gmmd->core, client->operation, request->key, digest);
		await_kept(request, client->operation);
	}
	request->waiting = true;
	api->waiting_count++;
	api->started = true;
}

/* Who asks. */
static void answer_token(struct api_request *request)
{
	request->http = MHD_HTTP_OK;
	request->answered = true;
	request->answer = json_pack("{s:s,s:s}", "name", request->who, "role", role_name(request->role));
}

void api_start(struct api_request *request)
{
	json_t *arguments = gather(request);

	request->started = true;
	if (arguments && request->route->kind == ROUTE_EVENTS && api_wants_stream(request))
		api_listen(request, arguments);
	else if (arguments && request->route->kind == ROUTE_TOKEN)
		answer_token(request);
	else if (arguments && request->route->kind == ROUTE_CONSOLE && api_wants_stream(request))
		api_view_console(request, arguments);
	else if (arguments && request->route->kind != ROUTE_METRICS)
		run(request, arguments);
	json_decref(arguments);
	free(request->target);
	request->target = NULL;
}

/* ---------------------------------------------------------------- what goes back */

void api_add_guards(struct MHD_Response *response)
{
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

enum MHD_Result api_send(struct api_request *request, unsigned http, const char *type, struct MHD_Response *response)
{
	enum MHD_Result result;
	char location[64];

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "Content-Security-Policy", CONTENT_POLICY);
	api_add_guards(response);
	if (http == 401)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"plenum\"");
	if (http == 503)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (request->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
	if (request->operation) {
		snprintf(location, sizeof(location), "/v1/operations/%llu", (unsigned long long)request->operation);
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, location);
	}
	result = MHD_queue_response(request->connection, http, response);
	MHD_destroy_response(response);
	request->door->api->answers[http / 100]++;
	if (request->route && request->route->role == ROLE_OPERATOR)
		log_line(LOG_INFO, "api: who=%s command=%s http=%u operation=%llu", request->who, request->route->command, http,
			 (unsigned long long)request->operation);
	return result;
}

struct MHD_Response *api_whole(struct api_request *request, char *text, size_t len_bytes)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len_bytes, text, MHD_RESPMEM_MUST_FREE);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int bytes = (int)(len_bytes < API_SEND_BYTES_MAX ? len_bytes : API_SEND_BYTES_MAX);

	if (!response)
		free(text);
	else if (info && len_bytes > API_SEND_BYTES)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return response;
}

enum MHD_Result api_queue(struct api_request *request)
{
	char *text = json_dumps(request->answer, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return MHD_NO;
	text[len++] = '\n';	/* in place of the NUL */
	return api_send(request, request->http, "application/json", api_whole(request, text, len));
}
