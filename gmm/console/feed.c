// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/base64.h"
#include "gmm/console/feed.h"

#define RETRY_NS UINT64_C(1000000000)
#define ANSWER_NS UINT64_C(10000000000)	/* gmmd answers at once, or within 3 s where it asks a component */
#define TURN_MS_MAX 1000		/* ages on the screen go on */
#define PIECE_BYTES 8192u		/* of console output, in one line of gmmd's */

static const char *const step_commands[] = { "status", "vm.list", "operation.list" };
#define STEPS 3u

void feed_init(struct feed *feed, const char *socket, double interval_s, struct model *model, struct ui *ui)
{
	memset(feed, 0, sizeof(*feed));
	feed->socket = socket;
	feed->interval_ns = (uint64_t)(interval_s * 1e9);
	feed->model = model;
	feed->ui = ui;
	for (int i = 0; i < FEED_LINKS; i++)
		link_init(&feed->links[i]);
}

void feed_close(struct feed *feed)
{
	for (int i = 0; i < FEED_LINKS; i++)
		link_close(&feed->links[i]);
}

/* ---------------------------------------------------------------- losing and opening connections */

static void lose(struct feed *feed, enum feed_link which, int status, uint64_t now_ns)
{
	link_close(&feed->links[which]);
	feed->waiting[which] = false;
	feed->next_ns[which] = now_ns + RETRY_NS;
	if (which == FEED_CONSOLE) {
		feed->ui->console_attached = false;
		snprintf(feed->ui->console_state, sizeof(feed->ui->console_state), "the connection to gmmd is lost");
	}
	if (which == FEED_STATUS)
		model_lost(feed->model, status == -ETIMEDOUT ? "it does not answer" : strerror(-status));
}

static void ask(struct feed *feed, enum feed_link which, const char *command, json_t *arguments, uint64_t now_ns)
{
	int status = link_send(&feed->links[which], json_pack("{s:s,s:o}", "command", command, "arguments", arguments));

	feed->waiting[which] = true;
	feed->asked_ns[which] = now_ns;
	if (status)
		lose(feed, which, status, now_ns);
}

/* False: not now. */
static bool open_link(struct feed *feed, enum feed_link which, uint64_t now_ns)
{
	int status = link_open(&feed->links[which], feed->socket);

	if (status) {
		lose(feed, which, status, now_ns);
		return false;
	}
	feed->waiting[which] = false;
	feed->next_ns[which] = now_ns;
	return true;
}

/* ---------------------------------------------------------------- asking */

static void ask_status(struct feed *feed, uint64_t now_ns)
{
	ask(feed, FEED_STATUS, step_commands[feed->step], json_object(), now_ns);
}

static void ask_stats(struct feed *feed, uint64_t now_ns)
{
	if (feed->vm >= feed->model->vm_count) {
		feed->vm = 0;
		feed->next_ns[FEED_STATS] = now_ns + feed->interval_ns;
		return;
	}
	ask(feed, FEED_STATS, "vm.stats", json_pack("{s:s}", "name", feed->model->vms[feed->vm].name), now_ns);
}

static void turn_link(struct feed *feed, enum feed_link which, uint64_t now_ns)
{
	if (feed->waiting[which] && which != FEED_EVENTS && now_ns > feed->asked_ns[which] + ANSWER_NS) {
		lose(feed, which, -ETIMEDOUT, now_ns);
		return;
	}
	if (feed->waiting[which] || now_ns < feed->next_ns[which])
		return;
	if (feed->links[which].fd < 0) {
		if (!open_link(feed, which, now_ns))
			return;
		feed->no_operations = which == FEED_STATUS ? false : feed->no_operations;
		feed->step = which == FEED_STATUS ? 0 : feed->step;
	}
	switch (which) {
	case FEED_STATUS: ask_status(feed, now_ns); break;
	case FEED_STATS: ask_stats(feed, now_ns); break;
	default:
		/* gmmd begins with all that it keeps, which takes the place of what an earlier connection brought. */
		model_forget_events(feed->model);
		ask(feed, FEED_EVENTS, "events", json_pack("{s:b}", "follow", 1), now_ns);
		break;
	}
}

int feed_turn(struct feed *feed, uint64_t now_ns)
{
	uint64_t next_ns = now_ns + TURN_MS_MAX * UINT64_C(1000000);

	for (int which = FEED_STATUS; which < FEED_CONSOLE; which++) {
		turn_link(feed, (enum feed_link)which, now_ns);
		if (!feed->waiting[which] && feed->next_ns[which] < next_ns)
			next_ns = feed->next_ns[which];
	}
	return next_ns > now_ns ? (int)((next_ns - now_ns) / 1000000) + 1 : 0;
}

void feed_refresh(struct feed *feed)
{
	for (int which = 0; which < FEED_CONSOLE; which++)
		feed->next_ns[which] = 0;
}

/* ---------------------------------------------------------------- answers */

static void take_status(struct feed *feed, json_t *line, uint64_t now_ns)
{
	json_t *result = json_object_get(line, "result");

	feed->waiting[FEED_STATUS] = false;
	switch (feed->step) {
	case 0:
		if (!json_is_object(result)) {
			lose(feed, FEED_STATUS, -EPROTO, now_ns);
			return;
		}
		model_take_status(feed->model, result, now_ns);
		break;
	case 1: model_take_vms(feed->model, result); break;
	default:
		feed->no_operations = !result;
		feed->model->operations_listed = result != NULL;
		if (result)
			model_take_operations(feed->model, result);
		break;
	}
	feed->step = (feed->step + 1) % (feed->no_operations ? STEPS - 1 : STEPS);
	feed->next_ns[FEED_STATUS] = feed->step ? now_ns : now_ns + feed->interval_ns;
}

static void take_stats(struct feed *feed, json_t *line, uint64_t now_ns)
{
	feed->waiting[FEED_STATS] = false;
	model_take_stats(feed->model, json_object_get(line, "result"), now_ns);
	feed->vm++;
}

static void take_event(struct feed *feed, json_t *line, uint64_t now_ns)
{
	json_t *item = json_object_get(line, "item");

	if (!item) {
		lose(feed, FEED_EVENTS, -EPROTO, now_ns);
		return;
	}
	model_take_event(feed->model, item);
}

static void take_console(struct feed *feed, json_t *line)
{
	json_t *item = json_object_get(line, "item");
	const char *output = json_string_value(json_object_get(item, "output"));
	const char *state = json_string_value(json_object_get(item, "state"));
	const char *reason = json_string_value(json_object_get(item, "reason"));
	const char *message = json_string_value(json_object_get(json_object_get(line, "error"), "message"));
	struct ui *ui = feed->ui;
	uint8_t bytes[PIECE_BYTES];
	long len = output ? base64_decode(output, bytes, sizeof(bytes)) : 0;

	if (len > 0 && ui->terminal)
		terminal_feed(ui->terminal, bytes, (size_t)len);
	if (state)
		snprintf(ui->console_state, sizeof(ui->console_state), "%s%s%s", state, reason && reason[0] ? ": " : "",
			 reason ? reason : "");
	if (!item) {
		ui->console_attached = false;
		snprintf(ui->console_state, sizeof(ui->console_state), "over: %s", message ? message : "gmmd ended it");
		link_close(&feed->links[FEED_CONSOLE]);
	}
}

static void take_line(struct feed *feed, enum feed_link which, json_t *line, uint64_t now_ns)
{
	switch (which) {
	case FEED_STATUS: take_status(feed, line, now_ns); break;
	case FEED_STATS: take_stats(feed, line, now_ns); break;
	case FEED_EVENTS: take_event(feed, line, now_ns); break;
	default: take_console(feed, line); break;
	}
}

void feed_poll(const struct feed *feed, struct pollfd fds[FEED_LINKS])
{
	for (int i = 0; i < FEED_LINKS; i++)
		fds[i] = (struct pollfd){ .fd = feed->links[i].fd, .events = link_wants(&feed->links[i]) };
}

void feed_ready(struct feed *feed, const struct pollfd fds[FEED_LINKS], uint64_t now_ns)
{
	for (int i = 0; i < FEED_LINKS; i++) {
		enum feed_link which = (enum feed_link)i;
		struct link *link = &feed->links[i];
		json_t *line;
		int status;

		if (link->fd < 0 || link->fd != fds[i].fd || !fds[i].revents)
			continue;
		status = link_ready(link, fds[i].revents);
		while (link->fd >= 0 && (line = link_line(link))) {
			take_line(feed, which, line, now_ns);
			json_decref(line);
		}
		if (status && link->fd >= 0)
			lose(feed, which, status, now_ns);
	}
}

/* ---------------------------------------------------------------- the console */

void feed_attach(struct feed *feed, uint64_t now_ns)
{
	if (!open_link(feed, FEED_CONSOLE, now_ns))
		return;
	feed->ui->console_attached = true;
	snprintf(feed->ui->console_state, sizeof(feed->ui->console_state), "opening ...");
	ask(feed, FEED_CONSOLE, "vm.console", json_pack("{s:s,s:b}", "name", feed->ui->console_vm, "history", 1), now_ns);
}

void feed_detach(struct feed *feed)
{
	link_close(&feed->links[FEED_CONSOLE]);
	feed->ui->console_attached = false;
}

void feed_type(struct feed *feed, uint32_t key)
{
	uint8_t bytes[TERMINAL_KEY_BYTES];
	size_t len = feed->ui->terminal ? terminal_key(feed->ui->terminal, key, bytes) : 0;
	char text[BASE64_CHARS(TERMINAL_KEY_BYTES) + 1];

	if (!len)
		return;
	base64_encode(bytes, len, text);
	if (link_send(&feed->links[FEED_CONSOLE], json_pack("{s:s}", "input", text)))
		ui_message(feed->ui, true, "gmmd does not take what is typed");
}
