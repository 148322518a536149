// SPDX-License-Identifier: GPL-2.0-only
/* The web console's files over HTTP: public, for all that they show comes from /v1 with the user's token. */
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/api.h"
#include "gmm/daemon/web.h"

/*
 * Scripts and data from here only, and markup made from texts nowhere (Trusted Types). Styles also from within the page: the terminal
 * (xterm.js) writes a style sheet of its own for its colours and the size of its cells.
 */
#define PAGE_POLICY "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; " \
		    "frame-ancestors 'none'; require-trusted-types-for 'script'"

bool api_web_check(struct api_request *request, const char *method)
{
	if (!request->uri || !web_is_for(request->uri))
		return false;
	request->file = web_find(request->uri);
	if (!request->file) {
		api_refuse(request, 404, "the web console has no such file");
	} else if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
		strcpy(request->allow, "GET, HEAD");
		api_refuse(request, 405, "this path takes %s", request->allow);
	}
	free(request->uri);
	request->uri = NULL;
	return true;
}

enum MHD_Result api_queue_file(struct api_request *request)
{
	const struct web_file *file = request->file;
	const char *match = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
	bool known = web_is_known(file, match);
	struct MHD_Response *response;
	enum MHD_Result result;

	response = MHD_create_response_from_buffer(known ? 0 : (size_t)(file->end - file->bytes), (void *)(uintptr_t)file->bytes,
						   MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, file->tag);
	/* Kept, but asked for each time: after an upgrade of gmmd no page is made of old and new files. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	MHD_add_response_header(response, "Content-Security-Policy", PAGE_POLICY);
	api_add_guards(response);
	result = MHD_queue_response(request->connection, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	request->door->api->answers[known ? 3 : 2]++;
	return result;
}
