/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/rping/rping.h"

#include <errno.h>
#include <string.h>

#include "net/roce/bytes.h"

#define LETTER_FIRST 65
#define LETTER_LAST 122
#define DIGITS_MAX 20u

static int fail(struct rping *rping, const char *why, int status)
{
	rping->failure = why;
	return status;
}

/* ---------------------------------------------------------------- messages */

static int post_receive(struct rping *rping, uint32_t slot)
{
	return roce_post_receive(rping->device, rping->qpn, slot, rping->receives[slot], RPING_MESSAGE_BYTES);
}

int rping_prepare(struct rping *rping)
{
	for (uint32_t slot = 0; slot < RPING_RECEIVES; slot++) {
		int status = post_receive(rping, slot);

		if (status)
			return status;
	}
	return 0;
}

static int send_place(struct rping *rping, uint32_t rkey, uint32_t len_bytes, uint64_t now_ns)
{
	int status;

	put_be64(rping->out, 0);
	put_be32(rping->out + 8, rkey);
	put_be32(rping->out + 12, len_bytes);
	status = roce_post_send(rping->device, rping->qpn, 0, rping->out, RPING_MESSAGE_BYTES, now_ns);
	rping->sending = status == 0;
	return status ? fail(rping, "cannot send", status) : 0;
}

static int take_message(struct rping *rping, const struct roce_event *event)
{
	uint32_t slot = (uint32_t)event->cookie;
	const uint8_t *message = rping->receives[slot];
	int status;

	if (event->len_bytes != RPING_MESSAGE_BYTES || (event->flags & ROCE_EVENT_WRITTEN))
		return fail(rping, "a message that is not 16 bytes long", -EPROTO);
	if (rping->messages == RPING_RECEIVES)
		return fail(rping, "more messages than the protocol has", -EPROTO);
	rping->places[rping->messages++] =
		(struct rping_place){ get_be64(message), get_be32(message + 8), get_be32(message + 12) };
	status = post_receive(rping, slot);
	return status ? fail(rping, "cannot post a receive", status) : 0;
}

static struct rping_place next_message(struct rping *rping)
{
	struct rping_place place = rping->places[0];

	rping->messages--;
	memmove(rping->places, rping->places + 1, rping->messages * sizeof(place));
	return place;
}

/* ---------------------------------------------------------------- server */

static int read_text(struct rping *rping, uint64_t now_ns)
{
	struct rping_place place = next_message(rping);
	int status;

	if (place.len_bytes == 0 || place.len_bytes > RPING_SIZE_MAX_BYTES)
		return fail(rping, "the client's text is empty or longer than 64 KiB", -EPROTO);
	rping->len_bytes = place.len_bytes;
	status = roce_post_read(rping->device, rping->qpn, 0, rping->text, place.len_bytes, place.address, place.rkey, now_ns);
	if (status)
		return fail(rping, "cannot read", status);
	rping->step = RPING_READING;
	return 0;
}

static int write_sink(struct rping *rping, uint64_t now_ns)
{
	struct rping_place place = next_message(rping);
	uint32_t len_bytes = place.len_bytes < rping->len_bytes ? place.len_bytes : rping->len_bytes;
	int status = roce_post_write(rping->device, rping->qpn, 0, rping->text, len_bytes, place.address, place.rkey, now_ns);

	if (status)
		return fail(rping, "cannot write", status);
	rping->step = RPING_WRITING;
	return 0;
}

/* ---------------------------------------------------------------- client */

static uint32_t put_number(uint8_t *to, uint64_t number)
{
	uint8_t digits[DIGITS_MAX];
	uint32_t count = 0;

	do
		digits[count++] = (uint8_t)('0' + number % 10);
	while (number /= 10);
	for (uint32_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}

/* rping's own text: a head with the round's number, then letters that start elsewhere each round, a NUL at the end. */
static void write_text(struct rping *rping)
{
	static const char head[] = "rdma-ping-";
	uint32_t at = sizeof(head) - 1;
	uint8_t letter = (uint8_t)(LETTER_FIRST + rping->rounds % (LETTER_LAST - LETTER_FIRST + 1));

	memcpy(rping->text, head, at);
	at += put_number(rping->text + at, rping->rounds);
	rping->text[at++] = ':';
	rping->text[at++] = ' ';
	for (; at < rping->size_bytes; at++) {
		rping->text[at] = letter;
		letter = (uint8_t)(letter == LETTER_LAST ? LETTER_FIRST : letter + 1);
	}
	rping->text[rping->size_bytes - 1] = '\0';
}

int rping_begin(struct rping *rping, uint64_t now_ns)
{
	write_text(rping);
	memset(rping->sink, 0, rping->size_bytes);
	rping->len_bytes = rping->size_bytes;
	rping->step = RPING_GO_ON;
	return send_place(rping, rping->text_rkey, rping->size_bytes, now_ns);
}

static int end_client_round(struct rping *rping)
{
	next_message(rping);
	if (rping->validate && memcmp(rping->text, rping->sink, rping->size_bytes) != 0)
		return fail(rping, "data mismatch", -EIO);
	rping->rounds++;
	return 1;
}

/* ---------------------------------------------------------------- events */

/* What can be done now that waited for a message or for our own SEND. */
static int go_on(struct rping *rping, uint64_t now_ns)
{
	if (rping->sending)
		return 0;
	if (rping->step == RPING_DONE && !rping->sink) {
		rping->rounds++;
		rping->step = RPING_TEXT_PLACE;
		return 1;
	}
	if (rping->messages == 0)
		return 0;
	switch (rping->step) {
	case RPING_TEXT_PLACE:
		return read_text(rping, now_ns);
	case RPING_SINK_PLACE:
		return write_sink(rping, now_ns);
	case RPING_GO_ON:
		next_message(rping);
		rping->step = RPING_DONE;
		return send_place(rping, rping->sink_rkey, rping->size_bytes, now_ns);
	case RPING_DONE:
		return end_client_round(rping);
	case RPING_READING:
	case RPING_WRITING:
		break;
	}
	return 0;
}

static int take_completion(struct rping *rping, const struct roce_event *event, uint64_t now_ns)
{
	switch (event->opcode) {
	case ROCE_RECEIVE:
		return take_message(rping, event);
	case ROCE_SEND:
		rping->sending = false;
		return 0;
	case ROCE_READ:
		rping->step = RPING_SINK_PLACE;
		return send_place(rping, 0, 0, now_ns);
	case ROCE_WRITE:
		rping->step = RPING_DONE;
		return send_place(rping, 0, 0, now_ns);
	default:
		return 0;
	}
}

int rping_event(struct rping *rping, const struct roce_event *event, uint64_t now_ns)
{
	int status;

	if (event->status == -ECONNRESET)
		return 0;
	if (event->status)
		return fail(rping, "a work request failed", event->status);
	status = take_completion(rping, event, now_ns);
	if (status == 0)
		status = go_on(rping, now_ns);
	/* The client's next text may be announced already: no other event would come for it. */
	if (status == 1 && rping->step == RPING_TEXT_PLACE && rping->messages > 0) {
		status = read_text(rping, now_ns);
		return status ? status : 1;
	}
	return status;
}
