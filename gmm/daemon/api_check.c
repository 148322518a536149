// SPDX-License-Identifier: GPL-2.0-only
/* Who asks for what, and may they: everything that is decided from a request's head. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gmm/daemon/api.h"
#include "gmm/daemon/http_status.h"

#define BEARER "Bearer "

static const char *header(const struct api_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---------------------------------------------------------------- who */

static void log_refused(struct api_request *request, const char *why)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in *name = info ? (const struct sockaddr_in *)info->client_addr : NULL;
	struct api *api = request->door->api;
	char address[INET_ADDRSTRLEN] = "unknown";

	api->refused_count++;
	if (api->gmmd->now_ns < api->refused_log_ns)
		return;
	if (name && name->sin_family == AF_INET)
		inet_ntop(AF_INET, &name->sin_addr, address, sizeof(address));
	log_line(LOG_WARNING, "api: refused requests: count=%llu latest=%s reason=\"%s\"", (unsigned long long)api->refused_count, address, why);
	api->refused_count = 0;
	api->refused_log_ns = api->gmmd->now_ns + API_REFUSED_LOG_NS;
}

/* Browsers say whether a page of another site asks. That must not be enough where no token is needed, as behind a forwarded port. */
static bool another_site_asks(const struct api_request *request)
{
	const char *site = header(request, "Sec-Fetch-Site");

	return site && strcmp(site, "same-origin") && strcmp(site, "none");
}

static bool authenticate(struct api_request *request)
{
	const char *given = header(request, MHD_HTTP_HEADER_AUTHORIZATION), *why = "the token is not known";
	const struct token *token = NULL;

	if (request->door->trusted && another_site_asks(request)) {
		api_refuse(request, 403, "a page of another site asks");
		return false;
	}
	if (request->door->trusted) {
		request->role = ROLE_OPERATOR;
		strcpy(request->who, "socket");
		return true;
	}
	if (!given)
		why = "there is no token: send the header Authorization: Bearer TOKEN";
	else if (strncasecmp(given, BEARER, strlen(BEARER)))
		why = "the header Authorization must be: Bearer TOKEN";
	else
		token = token_find(&request->door->api->tokens, given + strlen(BEARER));
	if (token && !token_holds(&request->door->api->tokens, token, time(NULL))) {
		why = "the token has expired";
		token = NULL;
	}
	if (!token) {
		api_refuse(request, 401, "%s", why);
		log_refused(request, why);
		return false;
	}
	request->role = token->role;
	request->token = *token;
	memcpy(request->who, token->name, sizeof(request->who));
	return true;
}

/* ---------------------------------------------------------------- what */

static bool check_route(struct api_request *request, const char *method)
{
	const char *why;
	int status;

	request->target = malloc(sizeof(*request->target));
	if (!request->target || !request->uri) {
		api_refuse(request, 503, "out of memory");
		return false;
	}
	status = route_parse(request->uri, request->target, &why);
	if (status) {
		api_refuse(request, http_error_of_status(status)->http, "%s", why);
		return false;
	}
	status = route_find(request->target, method, &request->route);
	if (status == -ENOENT) {
		api_refuse(request, 404, "there is no such path; docs/api.md lists them");
	} else if (status) {
		route_allowed(request->target, request->allow, sizeof(request->allow));
		api_refuse(request, 405, "this path takes %s", request->allow);
	} else if (request->role < request->route->role) {
		api_refuse(request, 403, "the token '%s' is %s; this takes the role %s", request->who, role_name(request->role),
			   role_name(request->route->role));
	}
	return !request->answered;
}

static bool check_key(struct api_request *request)
{
	const char *key = header(request, "Idempotency-Key");
	size_t len = key ? strlen(key) : 0;

	if (!key)
		return true;
	if (len == 0 || len >= sizeof(request->key)) {
		api_refuse(request, 400, "the Idempotency-Key has 1 to %zu characters", sizeof(request->key) - 1);
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if (key[i] < ' ' || key[i] > '~') {
			api_refuse(request, 400, "the Idempotency-Key is printable ASCII");
			return false;
		}
	memcpy(request->key, key, len + 1);
	return true;
}

static void check_body(struct api_request *request)
{
	const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH), *type = header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	bool body = (length && strcmp(length, "0")) || header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	size_t len = strlen("application/json");

	if (length && strtoull(length, NULL, 10) > API_BODY_BYTES_MAX)
		api_refuse(request, 413, "the body is larger than %u bytes", API_BODY_BYTES_MAX);
	else if (body && (!type || strncasecmp(type, "application/json", len) || (type[len] && !strchr("; \t", type[len]))))
		api_refuse(request, 415, "the body must be JSON, and the header Content-Type: application/json");
}

void api_check(struct api_request *request, const char *method)
{
	if (authenticate(request) && check_route(request, method) && check_key(request))
		check_body(request);
	free(request->uri);
	request->uri = NULL;
}
