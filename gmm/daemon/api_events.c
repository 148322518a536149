// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events as a stream of server-sent events (HTML Living Standard, section 9.2). A listener is a suspended connection and the number of
 * the last event that it was given; it is woken when there is a newer one. Nobody is skipped: who cannot follow is disconnected and
 * resumes where it was, and who resumes where nothing is kept any more is told so first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gmm/core/record.h"
#include "gmm/daemon/api.h"

#define HEAD_BYTES 192u
#define BLOCK_BYTES 4096u

struct listener {
	struct api_request *request;
	uint64_t sequence;		/* of the last event given completely */
	uint32_t offset;		/* of the next one, what is given of it */
	uint64_t woken_sequence;	/* of the last event when it last took something */
	uint32_t head_len_bytes, head_offset;
	char head[HEAD_BYTES];		/* goes before the next event: a comment, or that events were lost */
	bool cut;
};

/* ---------------------------------------------------------------- what they get */

static void set_head(struct listener *listener, const char *text)
{
	listener->head_len_bytes = (uint32_t)snprintf(listener->head, sizeof(listener->head), "%s", text);
	listener->head_offset = 0;
}

static uint64_t newest(const struct listener *listener)
{
	return listener->request->door->api->sequence;
}

/* Sequence before the oldest event that is kept. */
static uint64_t before_oldest(const struct gmm_core *core)
{
	const struct gmm_event *oldest = gmm_core_event_after(core, 0);

	return oldest ? oldest->sequence - 1 : 0;
}

/* The text of the event after `sequence`, the same for all listeners. Numbers that a restored store left out are no loss. */
static bool make_event(struct api *api, uint64_t sequence)
{
	const struct gmm_event *event = gmm_core_event_after(api->gmmd->core, sequence);
	char *json;
	json_t *object;
	int len;

	if (!event || sequence + GMM_EVENTS_MAX < api->gmmd->core->event_sequence)
		return false;
	if (api->event.sequence == event->sequence)
		return true;
	object = json_event(event);
	json = json_dumps(object, JSON_COMPACT);
	len = snprintf(api->event.text, sizeof(api->event.text), "id: %llu\ndata: %s\n\n", (unsigned long long)event->sequence, json ? json : "");
	free(json);
	json_decref(object);
	if (!json || len >= (int)sizeof(api->event.text))
		return false;
	api->event.sequence = event->sequence;
	api->event.len_bytes = (size_t)len;
	return true;
}

static size_t take(char *to, size_t room, const char *from, size_t len, uint32_t *offset)
{
	size_t piece = len - *offset < room ? len - *offset : room;

	memcpy(to, from + *offset, piece);
	*offset += (uint32_t)piece;
	return piece;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room)
{
	struct listener *listener = context;
	struct api *api = listener->request->door->api;
	size_t len = 0;

	(void)position;
	if (listener->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	listener->woken_sequence = newest(listener);
	if (listener->head_offset < listener->head_len_bytes)
		len += take(buffer, room, listener->head, listener->head_len_bytes, &listener->head_offset);
	while (len < room && listener->head_offset == listener->head_len_bytes && listener->sequence < newest(listener)) {
		/* It was overtaken by the ring, or memory is short: either way it begins again. */
		if (!make_event(api, listener->sequence))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		len += take(buffer + len, room - len, api->event.text, api->event.len_bytes, &listener->offset);
		if (listener->offset == api->event.len_bytes) {
			listener->sequence = api->event.sequence;
			listener->offset = 0;
		}
	}
	if (len == 0) {
		MHD_suspend_connection(listener->request->connection);
		listener->request->suspended = true;
	}
	return (ssize_t)len;
}

/* ---------------------------------------------------------------- coming and going */

bool api_wants_stream(const struct api_request *request)
{
	const char *accepts = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accepts && strstr(accepts, "text/event-stream");
}

/* Where to begin: what Last-Event-ID says, else ?after=, else now. False: refused. */
static bool find_start(struct api_request *request, json_t *arguments, uint64_t *after)
{
	const char *last = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
	json_t *given = json_object_get(arguments, "after");
	unsigned long long value;
	char *rest;

	*after = request->door->api->sequence;
	if (json_object_size(arguments) > (given ? 1u : 0u)) {
		api_refuse(request, 400, "a stream of events takes no other parameter than 'after'");
		return false;
	}
	if (given)
		*after = (uint64_t)json_integer_value(given);
	if (!last || !last[0])
		return true;
	errno = 0;
	value = strtoull(last, &rest, 10);
	if (last[0] < '0' || last[0] > '9' || *rest || errno) {
		api_refuse(request, 400, "Last-Event-ID: %s: must be the number of an event", last);
		return false;
	}
	*after = value;
	return true;
}

void api_listen(struct api_request *request, json_t *arguments)
{
	struct api *api = request->door->api;
	const struct gmm_core *core = api->gmmd->core;
	struct listener *listener;
	char text[HEAD_BYTES];
	uint64_t after;

	if (!find_start(request, arguments, &after))
		return;
	listener = api->listener_count < API_LISTENERS_MAX ? calloc(1, sizeof(*listener)) : NULL;
	if (!listener) {
		api_refuse(request, 503, "%u listen to events already", api->listener_count);
		return;
	}
	listener->request = request;
	listener->woken_sequence = api->sequence;
	set_head(listener, ": events of the rack\n\n");
	/* Numbers above ours are of a manager whose store was lost. */
	if (after < before_oldest(core) || after > core->event_sequence) {
		after = after > core->event_sequence ? api->sequence : before_oldest(core);
		snprintf(text, sizeof(text), "event: lost\nid: %llu\ndata: {\"next\":%llu,\"message\":\"events before this are not kept: read again what you follow\"}\n\n",
			 (unsigned long long)after, (unsigned long long)after + 1);
		set_head(listener, text);
	}
	listener->sequence = after;
	request->listener = listener;
	api->listener_count++;
}

enum MHD_Result api_queue_stream(struct api_request *request)
{
	return api_send(request, MHD_HTTP_OK, "text/event-stream",
			MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, request->listener, NULL));
}

void api_listener_free(struct api_request *request)
{
	request->door->api->listener_count--;
	free(request->listener);
	request->listener = NULL;
}

/* What it has not taken stays in its socket's buffer for good: only the connection's end is left. */
static void cut(struct api *api, struct listener *listener)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(listener->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	listener->cut = true;
	api->listeners_cut++;
	log_line(LOG_WARNING, "api: a listener does not take its events, cut off: who=%s after=%llu newest=%llu", listener->request->who,
		 (unsigned long long)listener->sequence, (unsigned long long)newest(listener));
	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

void api_listeners_turn(struct api *api)
{
	const struct gmmd *gmmd = api->gmmd;
	bool news = api->sequence != gmmd->core->event_sequence && gmm_core_dirty_count(gmmd->core) == 0;
	bool keepalive = gmmd->now_ns >= api->keepalive_ns;

	if (!news && !keepalive)
		return;
	if (news)
		api->sequence = gmmd->core->event_sequence;
	if (keepalive)
		api->keepalive_ns = gmmd->now_ns + API_KEEPALIVE_NS;
	for (struct api_request *request = api->requests; request; request = request->next) {
		struct listener *listener = request->listener;

		if (!listener || listener->cut)
			continue;
		if (request->suspended) {
			if (keepalive && listener->sequence == newest(listener))
				set_head(listener, ": still here\n\n");
			api_resume(request);
		} else if (newest(listener) - listener->woken_sequence > API_BEHIND_MAX) {
			cut(api, listener);
		}
	}
}
