// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events as a stream: a listener is a stream and the number of the last event that it was given. Who resumes where nothing is kept any
 * more is told so first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gmm/core/record.h"
#include "gmm/daemon/api.h"

struct listener {
	struct api_stream stream;	/* first */
	uint64_t sequence;		/* of the last event given completely */
	uint64_t woken_sequence;	/* of the last event when it last took something */
};

/* ---------------------------------------------------------------- what they get */

static uint64_t newest(const struct api_stream *stream)
{
	return stream->request->door->api->sequence;
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
	object = json_event(api->gmmd, event);
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

static int next_event(struct api_stream *stream, const char **text, size_t *len_bytes)
{
	struct api *api = stream->request->door->api;
	struct listener *listener = (struct listener *)stream;

	if (listener->sequence >= newest(stream))
		return 0;
	/* It was overtaken by the ring, or memory is short: either way it begins again. */
	if (!make_event(api, listener->sequence))
		return -ENODATA;
	*text = api->event.text;
	*len_bytes = api->event.len_bytes;
	return 1;
}

static void event_taken(struct api_stream *stream)
{
	((struct listener *)stream)->sequence = stream->request->door->api->event.sequence;
}

static void takes_events(struct api_stream *stream)
{
	((struct listener *)stream)->woken_sequence = newest(stream);
}

static bool has_all_events(const struct api_stream *stream)
{
	return ((const struct listener *)stream)->sequence == newest(stream);
}

static bool is_behind(const struct api_stream *stream)
{
	return newest(stream) - ((const struct listener *)stream)->woken_sequence > API_BEHIND_MAX;
}

static const struct api_stream_kind event_stream = {
	.what = "events", .next = next_event, .taken = event_taken, .takes = takes_events, .idle = has_all_events, .behind = is_behind,
};

/* ---------------------------------------------------------------- coming */

/* Where to begin: what Last-Event-ID says, else ?after=, else now. False: refused. */
static bool find_start(struct api_request *request, json_t *arguments, uint64_t *after)
{
	json_t *given = json_object_get(arguments, "after");

	*after = request->door->api->sequence;
	if (json_object_size(arguments) > (given ? 1u : 0u)) {
		api_refuse(request, 400, "a stream of events takes no other parameter than 'after'");
		return false;
	}
	if (given)
		*after = (uint64_t)json_integer_value(given);
	return api_last_event_id(request, "the number of an event", after);
}

void api_listen(struct api_request *request, json_t *arguments)
{
	struct api *api = request->door->api;
	const struct gmm_core *core = api->gmmd->core;
	struct listener *listener;
	char text[API_HEAD_BYTES];
	uint64_t after;

	if (!find_start(request, arguments, &after))
		return;
	listener = (struct listener *)api_stream_new(request, &event_stream, sizeof(*listener), ": events of the rack\n\n");
	if (!listener)
		return;
	listener->woken_sequence = api->sequence;
	/* Numbers above ours are of a manager whose store was lost. */
	if (after < before_oldest(core) || after > core->event_sequence) {
		after = after > core->event_sequence ? api->sequence : before_oldest(core);
		snprintf(text, sizeof(text), "event: lost\nid: %llu\ndata: {\"next\":%llu,\"message\":\"events before this are not kept: read again what you follow\"}\n\n",
			 (unsigned long long)after, (unsigned long long)after + 1);
		api_stream_head(&listener->stream, text);
	}
	listener->sequence = after;
}
