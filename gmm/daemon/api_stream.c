// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of server-sent events (HTML Living Standard, section 9.2). A stream is a connection that is suspended while there is nothing for
 * it, and woken when there is. Nobody is skipped: who cannot follow is disconnected, and resumes where it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "gmm/core/record.h"
#include "gmm/daemon/api.h"

#define BLOCK_BYTES 4096u

bool api_wants_stream(const struct api_request *request)
{
	const char *accepts = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accepts && strstr(accepts, "text/event-stream");
}

bool api_last_event_id(struct api_request *request, const char *what, uint64_t *value)
{
	const char *last = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
	unsigned long long parsed;
	char *rest;

	if (!last || !last[0])
		return true;
	errno = 0;
	parsed = strtoull(last, &rest, 10);
	if (last[0] < '0' || last[0] > '9' || *rest || errno) {
		api_refuse(request, 400, "Last-Event-ID: %s: must be %s", last, what);
		return false;
	}
	*value = parsed;
	return true;
}

void api_stream_head(struct api_stream *stream, const char *text)
{
	stream->head_len_bytes = (uint32_t)snprintf(stream->head, sizeof(stream->head), "%s", text);
	stream->head_offset = 0;
}

struct api_stream *api_stream_new(struct api_request *request, const struct api_stream_kind *kind, size_t bytes, const char *head)
{
	struct api *api = request->door->api;
	struct api_stream *stream = api->stream_count < API_STREAMS_MAX ? calloc(1, bytes) : NULL;

	if (!stream) {
		api_refuse(request, 503, "%u streams are open already", api->stream_count);
		return NULL;
	}
	stream->kind = kind;
	stream->request = request;
	api_stream_head(stream, head);
	request->stream = stream;
	api->stream_count++;
	return stream;
}

void api_stream_free(struct api_request *request)
{
	struct api_stream *stream = request->stream;

	if (stream->kind->gone)
		stream->kind->gone(stream);
	request->door->api->stream_count--;
	free(stream);
	request->stream = NULL;
}

/* ---------------------------------------------------------------- what goes out */

static size_t take(char *to, size_t room, const char *from, size_t len, uint32_t *offset)
{
	size_t piece = len - *offset < room ? len - *offset : room;

	memcpy(to, from + *offset, piece);
	*offset += (uint32_t)piece;
	return piece;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room)
{
	struct api_stream *stream = context;
	size_t len = 0, text_len = 0;
	const char *text = NULL;
	int status = 0;

	(void)position;
	if (stream->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	stream->kind->takes(stream);
	if (stream->head_offset < stream->head_len_bytes)
		len += take(buffer, room, stream->head, stream->head_len_bytes, &stream->head_offset);
	while (len < room && stream->head_offset == stream->head_len_bytes && (status = stream->kind->next(stream, &text, &text_len)) > 0) {
		len += take(buffer + len, room - len, text, text_len, &stream->offset);
		if (stream->offset < text_len)
			break;
		stream->offset = 0;
		stream->kind->taken(stream);
	}
	if (len)
		return (ssize_t)len;
	if (status < 0)
		return status == -ESHUTDOWN ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
	MHD_suspend_connection(stream->request->connection);
	stream->request->suspended = true;
	return 0;
}

enum MHD_Result api_queue_stream(struct api_request *request)
{
	return api_send(request, MHD_HTTP_OK, "text/event-stream",
			MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, request->stream, NULL));
}

/* ---------------------------------------------------------------- every turn */

/* What it has not taken stays in its socket's buffer for good: only the connection's end is left. */
static void cut(struct api_stream *stream)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(stream->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	stream->cut = true;
	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
	api_resume(stream->request);
}

void api_streams_revoke(struct api *api)
{
	int64_t now_s = time(NULL);

	for (struct api_request *request = api->requests; request; request = request->next) {
		if (!request->stream || request->stream->cut || request->door->trusted || token_holds(&api->tokens, &request->token, now_s))
			continue;
		log_line(LOG_INFO, "api: the token of a stream of %s is gone or has expired, cut off: who=%s", request->stream->kind->what,
			 request->who);
		cut(request->stream);
	}
}

void api_streams_turn(struct api *api)
{
	const struct gmmd *gmmd = api->gmmd;
	bool news = api->sequence != gmmd->core->event_sequence && gmm_core_dirty_count(gmmd->core) == 0;
	bool keepalive = gmmd->now_ns >= api->keepalive_ns;

	if (!news && !keepalive && !api->viewer_count)
		return;
	if (news)
		api->sequence = gmmd->core->event_sequence;
	if (keepalive)
		api->keepalive_ns = gmmd->now_ns + API_KEEPALIVE_NS;
	for (struct api_request *request = api->requests; request; request = request->next) {
		struct api_stream *stream = request->stream;

		if (!stream || stream->cut)
			continue;
		if (!request->suspended && stream->kind->behind(stream)) {
			api->streams_cut++;
			log_line(LOG_WARNING, "api: a listener does not take its %s, cut off: who=%s", stream->kind->what, request->who);
			cut(stream);
		} else if (request->suspended && !stream->kind->idle(stream)) {
			api_resume(request);
		} else if (request->suspended && keepalive) {
			api_stream_head(stream, ": still here\n\n");
			api_resume(request);
		}
	}
}
