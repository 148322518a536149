// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's serial line as a stream. A viewer is a stream and the offset of the next byte that it has not been given; its events are
 *
 *	id: NEXT	the offset after this piece
 *	data: {"offset":N,"data":"BASE64"}
 *
 *	event: state	what the VM does now: first, and when that changes
 *	event: lost	the bytes before "next" are not kept any more
 *	event: end	the VM was destroyed; nothing follows
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/base64.h"
#include "gmm/core/record.h"
#include "gmm/daemon/api.h"

#define PIECE_BYTES 3072u
#define TEXT_BYTES (BASE64_CHARS(PIECE_BYTES) + 128u)

enum piece { PIECE_NONE, PIECE_STATE, PIECE_OUTPUT, PIECE_END, PIECE_OVER };

struct viewer {
	struct api_stream stream;	/* first */
	uint64_t vm;			/* id */
	uint64_t offset;		/* of the first byte that it was not given */
	uint64_t next_offset;		/* as soon as it has taken `text` */
	uint64_t woken_offset;		/* of the line's end when it last took something */
	enum piece piece;		/* what is in `text` */
	char state[32];			/* last told */
	size_t text_len_bytes;
	char text[TEXT_BYTES];
};

static struct gmmd *gmmd_of(const struct api_stream *stream)
{
	return stream->request->door->api->gmmd;
}

/* NULL: it was destroyed. */
static const struct vm_side *side_of(const struct api_stream *stream, const struct gmm_vm **vm)
{
	*vm = gmm_core_vm(gmmd_of(stream)->core, ((const struct viewer *)stream)->vm);
	return *vm ? console_side(gmmd_of(stream), *vm) : NULL;
}

/* What the VM is in, if that may be told already (M7); else what was told last. */
static const char *state_to_tell(const struct viewer *viewer, const struct gmm_vm *vm)
{
	struct gmmd *gmmd = gmmd_of(&viewer->stream);

	return gmm_core_dirty_count(gmmd->core) ? viewer->state : gmm_vm_state_name(vm, gmm_core_node(gmmd->core, vm->node));
}

static void set_text(struct viewer *viewer, enum piece piece, const char *text)
{
	viewer->piece = piece;
	viewer->next_offset = viewer->offset;
	viewer->text_len_bytes = (size_t)snprintf(viewer->text, sizeof(viewer->text), "%s", text);
}

static bool make_state(struct viewer *viewer, const struct gmm_vm *vm, const char *state)
{
	json_t *object = json_pack("{s:s,s:o}", "state", state, "reason", json_text(vm->reason));
	char *json = json_dumps(object, JSON_COMPACT);
	int len = snprintf(viewer->text, sizeof(viewer->text), "event: state\ndata: %s\n\n", json ? json : "");
	bool made = json && len < (int)sizeof(viewer->text);

	free(json);
	json_decref(object);
	if (!made)
		return false;
	snprintf(viewer->state, sizeof(viewer->state), "%s", state);
	viewer->piece = PIECE_STATE;
	viewer->next_offset = viewer->offset;
	viewer->text_len_bytes = (size_t)len;
	return true;
}

/* False: what comes next was overwritten. */
static bool make_output(struct viewer *viewer, const struct vm_side *side)
{
	uint64_t next = viewer->offset;
	char text[BASE64_CHARS(PIECE_BYTES) + 1];
	uint8_t bytes[PIECE_BYTES];
	uint32_t len;

	if (viewer->offset < console_oldest(gmmd_of(&viewer->stream), side))
		return false;
	len = console_read(gmmd_of(&viewer->stream), side, &next, bytes, sizeof(bytes));
	base64_encode(bytes, len, text);
	viewer->piece = PIECE_OUTPUT;
	viewer->next_offset = next;
	viewer->text_len_bytes = (size_t)snprintf(viewer->text, sizeof(viewer->text), "id: %llu\ndata: {\"offset\":%llu,\"data\":\"%s\"}\n\n",
						  (unsigned long long)next, (unsigned long long)viewer->offset, text);
	return true;
}

static int make_piece(struct viewer *viewer)
{
	const struct gmm_vm *vm;
	const struct vm_side *side = side_of(&viewer->stream, &vm);
	const char *state;

	if (!side) {
		set_text(viewer, PIECE_END, "event: end\ndata: {\"message\":\"the VM was destroyed\"}\n\n");
		return 1;
	}
	/* What it wrote before its state changed comes before that. */
	if (viewer->offset < side->output_bytes)
		return make_output(viewer, side) ? 1 : -ENODATA;
	state = state_to_tell(viewer, vm);
	if (strcmp(state, viewer->state))
		return make_state(viewer, vm, state) ? 1 : -ENOMEM;
	return 0;
}

/* ---------------------------------------------------------------- the stream's kind */

static int next_piece(struct api_stream *stream, const char **text, size_t *len_bytes)
{
	struct viewer *viewer = (struct viewer *)stream;
	int status = viewer->piece == PIECE_OVER ? -ESHUTDOWN : viewer->piece == PIECE_NONE ? make_piece(viewer) : 1;

	*text = viewer->text;
	*len_bytes = viewer->text_len_bytes;
	return status;
}

static void piece_taken(struct api_stream *stream)
{
	struct viewer *viewer = (struct viewer *)stream;

	viewer->offset = viewer->next_offset;
	viewer->piece = viewer->piece == PIECE_END ? PIECE_OVER : PIECE_NONE;
}

static void takes_output(struct api_stream *stream)
{
	const struct gmm_vm *vm;
	const struct vm_side *side = side_of(stream, &vm);

	if (side)
		((struct viewer *)stream)->woken_offset = side->output_bytes;
}

static bool has_all_output(const struct api_stream *stream)
{
	const struct viewer *viewer = (const struct viewer *)stream;
	const struct gmm_vm *vm;
	const struct vm_side *side = side_of(stream, &vm);

	return side && viewer->offset == side->output_bytes && strcmp(viewer->state, state_to_tell(viewer, vm)) == 0;
}

static bool is_behind(const struct api_stream *stream)
{
	const struct viewer *viewer = (const struct viewer *)stream;
	const struct gmm_vm *vm;
	const struct vm_side *side = side_of(stream, &vm);

	return side && (side->output_bytes - viewer->woken_offset > API_CONSOLE_BEHIND_BYTES ||
			viewer->offset < console_oldest(gmmd_of(stream), side));
}

static void viewer_gone(struct api_stream *stream)
{
	stream->request->door->api->viewer_count--;
}

static const struct api_stream_kind console_stream = {
	.what = "serial line", .next = next_piece, .taken = piece_taken, .takes = takes_output, .idle = has_all_output,
	.behind = is_behind, .gone = viewer_gone,
};

/* ---------------------------------------------------------------- coming */

static bool find_start(struct api_request *request, json_t *arguments, uint64_t *offset)
{
	json_t *given = json_object_get(arguments, "offset");

	if (json_object_size(arguments) > (given ? 2u : 1u)) {
		api_refuse(request, 400, "a stream of a serial line takes no other parameter than 'offset'");
		return false;
	}
	if (given)
		*offset = (uint64_t)json_integer_value(given);
	return api_last_event_id(request, "the offset of a byte", offset);
}

void api_view_console(struct api_request *request, json_t *arguments)
{
	struct gmmd *gmmd = request->door->api->gmmd;
	const char *name = json_string_value(json_object_get(arguments, "name"));
	const struct gmm_vm *vm = gmm_core_vm_named(gmmd->core, name);
	const struct vm_side *side = vm ? console_side(gmmd, vm) : NULL;
	uint64_t oldest = side ? console_oldest(gmmd, side) : 0, offset = oldest;
	struct viewer *viewer;
	char text[API_HEAD_BYTES];

	if (!side) {
		api_refuse(request, vm ? 503 : 404, vm ? "%s is being set up, try again" : "there is no VM named %s", name);
		return;
	}
	if (!(vm->spec.devices & DEVICE_SERIAL)) {
		api_refuse(request, 400, CONSOLE_NONE, name);
		return;
	}
	if (!find_start(request, arguments, &offset))
		return;
	viewer = (struct viewer *)api_stream_new(request, &console_stream, sizeof(*viewer), ": serial line of a VM\n\n");
	if (!viewer)
		return;
	request->door->api->viewer_count++;
	/* Offsets behind the end are of a manager whose history was lost. */
	if (offset < oldest || offset > side->output_bytes) {
		offset = oldest;
		snprintf(text, sizeof(text), "event: lost\nid: %llu\ndata: {\"next\":%llu,\"message\":\"what was written before this is not kept\"}\n\n",
			 (unsigned long long)offset, (unsigned long long)offset);
		api_stream_head(&viewer->stream, text);
	}
	viewer->vm = vm->id;
	viewer->offset = offset;
	viewer->woken_offset = side->output_bytes;
}
