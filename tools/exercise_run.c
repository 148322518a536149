/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/crc.h"
#include "tools/exercise_run.h"

/* What the actor has under way, and what must come of it. */
struct action {
	bool busy;
	uint32_t index;
	struct exercise_operation operation;
};

struct actor {
	struct exercise *exercise;
	struct action actions[EXERCISE_SLOTS];
	uint32_t busy, reads;
	uint32_t uncredited;		/* receives of the target that are in use as far as we know */
	bool spare_gone;		/* the spare key was ended, the next one has not come yet */
	/* What each action sent or has to return: a wrong sender must not make its own message right. */
	uint8_t expected[EXERCISE_SLOTS][EXERCISE_DATA_BYTES_MAX];
};

static int fail(const char *what, int status)
{
	fprintf(stderr, "exercise: %s%s%s\n", what, status ? ": " : "", status ? strerror(-status) : "");
	return -1;
}

static int fail_at(uint32_t index, const struct exercise_operation *operation, const char *what)
{
	fprintf(stderr, "exercise: operation %u, %s of %u bytes at %u: %s\n", index, exercise_kind_name(operation->kind),
		operation->len_bytes, operation->offset, what);
	return -1;
}

static int post_receive(struct exercise *exercise, uint32_t slot)
{
	int status = exercise->stack->post_receive(slot, exercise->memory->receive[slot], EXERCISE_DATA_BYTES_MAX);

	return status ? fail("cannot post a receive", status) : 0;
}

int exercise_prepare(struct exercise *exercise, uint32_t receives)
{
	exercise_plan_start(&exercise->plan, exercise->hello.seed);
	memcpy(exercise->memory->region, exercise->plan.model, EXERCISE_REGION_BYTES);
	for (uint32_t slot = 0; slot < receives; slot++)
		if (post_receive(exercise, slot) != 0)
			return -1;
	return 0;
}

/* A message that is not of the plan: a credit, or the actor's last word. */
static int send_control(struct exercise *exercise, uint32_t len_bytes)
{
	struct exercise_operation operation = { .kind = EXERCISE_SEND, .len_bytes = len_bytes };
	int status = exercise->stack->post(&operation, EXERCISE_CONTROL_SLOT, &exercise->memory->control, 0, 0);

	exercise->control_busy = status == 0;
	return status ? fail("cannot send", status) : 0;
}

/* ---------------------------------------------------------------- the actor */

static int take_credit(struct actor *actor, const struct exercise_event *event)
{
	struct exercise_credit credit;

	if (event->written || event->len_bytes != sizeof(credit))
		return fail("a message that is no credit", 0);
	memcpy(&credit, actor->exercise->memory->receive[event->slot], sizeof(credit));
	if (credit.receives > actor->uncredited)
		return fail("a credit for more than was sent", 0);
	actor->uncredited -= credit.receives;
	if (credit.spare_rkey != actor->exercise->spare_rkey)
		actor->spare_gone = false;
	actor->exercise->spare_rkey = credit.spare_rkey;
	return post_receive(actor->exercise, event->slot);
}

static int take_action(struct actor *actor, uint32_t slot)
{
	struct action *action = &actor->actions[slot];

	if (!action->busy)
		return fail("a completion of nothing", 0);
	/* READs and atomics: what came back. The others: that our own buffer is as it was. */
	if (memcmp(actor->expected[slot], actor->exercise->memory->local[slot], action->operation.len_bytes) != 0)
		return fail_at(action->index, &action->operation, "wrong bytes in the actor's buffer");
	actor->exercise->done[action->operation.kind]++;
	action->busy = false;
	actor->busy--;
	actor->reads -= action->operation.kind == EXERCISE_READ;
	return 0;
}

static int actor_wait(struct actor *actor)
{
	struct exercise_event event;
	int status = actor->exercise->stack->wait(&event);

	if (status)
		return fail("nothing happens", status);
	if (event.ended)
		return fail("the target hung up", 0);
	if (event.status)
		return fail(event.is_receive ? "a receive failed" : "an operation failed", event.status);
	if (event.is_receive)
		return take_credit(actor, &event);
	return event.slot == EXERCISE_CONTROL_SLOT ? 0 : take_action(actor, event.slot);
}

static bool may_act(const struct actor *actor, enum exercise_kind kind)
{
	return actor->busy < EXERCISE_SLOTS && (actor->reads == 0 || kind == EXERCISE_READ) &&
	       (!exercise_fills_receive(kind) || actor->uncredited < EXERCISE_RECEIVES) &&
	       !(kind == EXERCISE_SEND_INVALIDATE && actor->spare_gone);
}

static int act(struct actor *actor, uint32_t index)
{
	struct exercise *exercise = actor->exercise;
	static uint8_t data[EXERCISE_DATA_BYTES_MAX];
	struct exercise_operation operation;
	uint32_t slot = 0;
	int status;

	exercise_plan_next(&exercise->plan, &operation, data);
	while (!may_act(actor, operation.kind))
		if (actor_wait(actor) != 0)
			return fail_at(index, &operation, "was next");
	while (actor->actions[slot].busy)
		slot++;
	memcpy(actor->expected[slot], data, operation.len_bytes);
	if (operation.kind >= EXERCISE_COMPARE_SWAP || operation.kind == EXERCISE_READ)
		memset(exercise->memory->local[slot], 0xee, operation.len_bytes);
	else
		memcpy(exercise->memory->local[slot], data, operation.len_bytes);
	actor->actions[slot] = (struct action){ .busy = true, .index = index, .operation = operation };
	actor->busy++;
	actor->reads += operation.kind == EXERCISE_READ;
	actor->uncredited += exercise_fills_receive(operation.kind);
	actor->spare_gone |= operation.kind == EXERCISE_SEND_INVALIDATE;
	status = exercise->stack->post(&operation, slot, exercise->memory->local[slot], exercise->welcome.address + operation.offset,
				       operation.kind == EXERCISE_SEND_INVALIDATE ? exercise->spare_rkey : exercise->welcome.rkey);
	return status ? fail_at(index, &operation, strerror(-status)) : 0;
}

int exercise_act(struct exercise *exercise)
{
	static struct actor actor;

	actor.exercise = exercise;
	actor.spare_gone = true;
	for (uint32_t index = 0; index < exercise->hello.operations; index++)
		if (act(&actor, index) != 0)
			return -1;
	while (actor.busy > 0 || actor.uncredited == EXERCISE_RECEIVES)
		if (actor_wait(&actor) != 0)
			return -1;
	actor.uncredited++;
	if (send_control(exercise, 0) != 0)
		return -1;
	while (actor.uncredited > 0)
		if (actor_wait(&actor) != 0)
			return -1;
	return 0;
}

/* ---------------------------------------------------------------- the target */

static int serve_wait(struct exercise *exercise, struct exercise_event *event)
{
	int status = exercise->stack->wait(event);

	if (status)
		return fail("nothing happens", status);
	if (event->ended)
		return fail("the actor hung up", 0);
	if (event->status)
		return fail(event->is_receive ? "a receive failed" : "a credit could not be sent", event->status);
	if (!event->is_receive)
		exercise->control_busy = false;
	return 0;
}

static int wait_receive(struct exercise *exercise, struct exercise_event *event)
{
	if (exercise->early_count > 0) {
		*event = exercise->early[exercise->early_first];
		exercise->early_first = (exercise->early_first + 1) % EXERCISE_RECEIVES;
		exercise->early_count--;
		return 0;
	}
	do
		if (serve_wait(exercise, event) != 0)
			return -1;
	while (!event->is_receive);
	return 0;
}

/* Until the last credit is acknowledged: it has the one buffer. */
static int settle_control(struct exercise *exercise)
{
	struct exercise_event event;

	while (exercise->control_busy) {
		if (serve_wait(exercise, &event) != 0)
			return -1;
		if (event.is_receive)
			exercise->early[(exercise->early_first + exercise->early_count++) % EXERCISE_RECEIVES] = event;
	}
	return 0;
}

static int give_credit(struct exercise *exercise, uint32_t receives)
{
	if (settle_control(exercise) != 0)
		return -1;
	exercise->memory->control = (struct exercise_credit){ receives, exercise->spare_rkey };
	return send_control(exercise, sizeof(exercise->memory->control));
}

static int renew_spare(struct exercise *exercise)
{
	int status;

	if (settle_control(exercise) != 0)
		return -1;
	status = exercise->stack->renew_spare(&exercise->spare_rkey);
	return status ? fail("cannot make a key that may be ended", status) : 0;
}

static const char *wrong(const struct exercise *exercise, const struct exercise_operation *operation,
			 const struct exercise_event *event, const uint8_t *data)
{
	bool immediate = operation->kind == EXERCISE_SEND_IMMEDIATE || operation->kind == EXERCISE_WRITE_IMMEDIATE;
	bool written = operation->kind == EXERCISE_WRITE_IMMEDIATE;
	bool invalidated = operation->kind == EXERCISE_SEND_INVALIDATE;

	if (event->written != written || event->invalidated != invalidated || event->has_immediate != immediate)
		return "another kind of message came";
	if (event->len_bytes != operation->len_bytes)
		return "another length came";
	if (immediate && event->immediate != operation->immediate)
		return "another immediate came";
	if (invalidated && event->invalidated_rkey != exercise->spare_rkey)
		return "another key was ended";
	if (!written && memcmp(exercise->memory->receive[event->slot], data, operation->len_bytes) != 0)
		return "other bytes came";
	return NULL;
}

/* One operation of the plan that fills a receive. */
static int take_message(struct exercise *exercise, uint32_t index, const struct exercise_operation *operation,
			const uint8_t *data)
{
	struct exercise_event event;
	const char *what;

	if (wait_receive(exercise, &event) != 0)
		return fail_at(index, operation, "was next");
	what = wrong(exercise, operation, &event, data);
	if (what)
		return fail_at(index, operation, what);
	if (post_receive(exercise, event.slot) != 0)
		return -1;
	return operation->kind == EXERCISE_SEND_INVALIDATE ? renew_spare(exercise) : 0;
}

static int take_last(struct exercise *exercise)
{
	struct exercise_event event;

	if (wait_receive(exercise, &event) != 0)
		return -1;
	if (event.len_bytes != 0 || event.written || event.has_immediate || event.invalidated)
		return fail("the actor's last message is not empty", 0);
	for (uint32_t at = 0; at < EXERCISE_REGION_BYTES; at++)
		if (exercise->memory->region[at] != exercise->plan.model[at]) {
			fprintf(stderr, "exercise: the region's byte %u is %#x, must be %#x\n", at, exercise->memory->region[at],
				exercise->plan.model[at]);
			return -1;
		}
	return 0;
}

int exercise_serve(struct exercise *exercise)
{
	static uint8_t data[EXERCISE_DATA_BYTES_MAX];
	struct exercise_operation operation;
	struct exercise_event event;
	uint32_t taken = 0;

	if (renew_spare(exercise) != 0 || give_credit(exercise, 0) != 0)
		return -1;
	for (uint32_t index = 0; index < exercise->hello.operations; index++) {
		exercise_plan_next(&exercise->plan, &operation, data);
		exercise->done[operation.kind]++;
		if (!exercise_fills_receive(operation.kind))
			continue;
		if (take_message(exercise, index, &operation, data) != 0)
			return -1;
		taken++;
		if (taken < EXERCISE_CREDIT && operation.kind != EXERCISE_SEND_INVALIDATE)
			continue;
		if (give_credit(exercise, taken) != 0)
			return -1;
		taken = 0;
	}
	if (take_last(exercise) != 0 || give_credit(exercise, taken + 1) != 0)
		return -1;
	/* The actor may hang up as soon as it has that, and its acknowledgement may be lost. */
	do {
		int status = exercise->stack->wait(&event);

		if (status)
			return fail("the actor does not take the last credit", status);
	} while (!event.ended && (event.is_receive || event.status));
	return 0;
}

void exercise_print(const struct exercise *exercise, const char *role, uint32_t path_mtu_bytes)
{
	printf("%s: %u operations, path MTU %u, all equal (", role, exercise->hello.operations, path_mtu_bytes);
	for (uint32_t kind = 0; kind < EXERCISE_KINDS; kind++)
		printf("%s%s %u", kind ? ", " : "", exercise_kind_name((enum exercise_kind)kind), exercise->done[kind]);
	puts(")");
}

/* ---------------------------------------------------------------- the witness */

/* As zlib's crc32(). */
static uint32_t checksum(const uint8_t *bytes, uint32_t len_bytes)
{
	return ~crc_table.update(UINT32_MAX, bytes, len_bytes);
}

int exercise_witness(struct exercise *exercise)
{
	struct exercise_event event;
	int status;

	while ((status = exercise->stack->wait(&event)) == 0 && !event.ended) {
		uint32_t len_bytes = event.written ? 0 : event.len_bytes;

		if (event.status == 0)
			printf("receive len=%u written=%d immediate=%d:%08x bytes=%08x\n", event.len_bytes, event.written,
			       event.has_immediate, event.has_immediate ? event.immediate : 0,
			       checksum(exercise->memory->receive[event.slot], len_bytes));
	}
	if (status)
		return fail("nothing happens", status);
	printf("region bytes=%08x\n", checksum(exercise->memory->region, EXERCISE_REGION_BYTES));
	return 0;
}
